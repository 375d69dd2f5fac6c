"""What the screen asks of the library of backtests: to list, open, note and remove results.

Files are read and written in threads, outside the host: results decide nothing.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.report.library import (
    Library,
    LibraryError,
    ListedResult,
    StoredResult,
    find_result,
    list_results,
    note_result,
    open_result,
    remove_result,
    result_beside,
)
from core.report.written_report import last_close
from core.store.durable import OsDisk
from core.store.notes import NotesError
from core.store.workspace import Workspace, WorkspaceError
from core.strategy.chart_values import Chart, ChartSource, NoCandlesError
from core.time_format import parse_time
from tui import formats
from tui.requests.backtest import RUNNER, BacktestOrder, Points
from tui.shell import OfferedAnswer, Shell

if TYPE_CHECKING:
    from core.report.side_by_side import ResultPair


@dataclass(frozen=True, slots=True)
class OpenedResult:
    """A result of the library as it is shown: its row, all of its file, and its curves.

    `order`: what to run for the same config on the same candles; None where it is not known.
    """

    listed: ListedResult
    report: Mapping[str, Any]
    equity: Points
    held: Points
    order: BacktestOrder | None


@dataclass(frozen=True, slots=True)
class Compared:
    """Two results, called A and B, with their curves, and what stands beside each other of them."""

    one: OpenedResult
    other: OpenedResult
    pair: ResultPair

    def swapped(self) -> Compared:
        """The two with their names exchanged."""
        return _beside(self.other, self.one)


def order_of(listed: ListedResult) -> BacktestOrder | None:
    """What to run for the same once more; None where the source of its candles is not known."""
    result = listed.result
    if result.source is None:
        return None
    source = result.source
    return BacktestOrder(
        result.strategy,
        Path(),
        {},
        data=source.data,
        exchange=source.exchange,
        period=source.period,
        span=_span(result),
        fill_on=result.fill_on or "next_open",
        balance=result.starting_balance,
        settings=result.settings,
    )


def _span(result: StoredResult) -> tuple[int, int] | None:
    """From the first to the last moment of its candles, UTC ms; None where it is not known."""
    first, until = result.period.start, last_close(result.period.end, result.timeframe)
    if first is None or until is None:
        return None
    try:
        return parse_time(first), until
    except ValueError:  # by another hand
        return None


class LibraryCommands:
    """The library of the workspace."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    async def results(self) -> Library:
        """All results, the newest first; what cannot be read is told among the problems."""
        home = self._home()
        if home is None:
            return Library(())
        try:
            return await asyncio.to_thread(list_results, home)
        except WorkspaceError as error:
            return Library((), (str(error),))

    async def saved(self, document: Path, block: object) -> ListedResult | None:
        """The result that a document's `backtest:` block tells of, None where it is not there."""
        return await asyncio.to_thread(_saved, document, block)

    async def open(self, listed: ListedResult) -> OpenedResult:
        """All of a result.

        Raises:
            LibraryError: it is gone or damaged.
        """
        return await asyncio.to_thread(_opened, listed)

    async def find(self, key: str) -> OpenedResult:
        """All of the result of that key.

        Raises:
            LibraryError: there is none, or it is damaged.
            WorkspaceError: there is no workspace, or it cannot be read.
        """
        home = self._home()
        if home is None:
            raise WorkspaceError("there is no workspace to find a backtest in")
        return await asyncio.to_thread(lambda: _opened(find_result(home, key)))

    def candles(self, opened: OpenedResult) -> ChartSource | None:
        """Has the candles of a result, read from this machine once they are asked for.

        They are looked for once: it raises `NoCandlesError` from then on where they are not there.
        None where it is not known what to look for.
        """
        if opened.order is None:
            return None
        stored, config = opened.listed.result, opened.order.raw
        reading: asyncio.Task[ChartSource | NoCandlesError] | None = None

        async def read() -> ChartSource | NoCandlesError:
            runner = await asyncio.to_thread(importlib.import_module, RUNNER)
            workspace, demo = self._shell.workspace, self._shell.demo
            own = partial(runner.own_candles, stored, config, workspace, demo)
            try:
                found: ChartSource = await asyncio.to_thread(own)
            except NoCandlesError as error:
                return error
            return found

        async def source(
            symbol: str, timeframe: str | None, until: int | None, count: int
        ) -> Chart:
            nonlocal reading
            if reading is None:
                reading = asyncio.create_task(read())
            found = await asyncio.shield(reading)  # who asked may go on to another trade
            if isinstance(found, NoCandlesError):
                raise found
            return await found(symbol, timeframe, until, count)

        return source

    async def compare(self, one: ListedResult, other: ListedResult) -> Compared:
        """Two results beside each other.

        Raises:
            LibraryError: one is gone or damaged.
        """
        return await asyncio.to_thread(_compared, one, other)

    def note(
        self,
        listed: ListedResult,
        note: str,
        tags: tuple[str, ...],
        done: Callable[[ListedResult], None],
    ) -> None:
        """Put down a note and tags; `done` is told the result as noted."""
        home = self._home()
        if home is None:
            return

        def put_down() -> ListedResult:
            return find_result(home, note_result(home, listed, note, tags, OsDisk()))

        async def work() -> None:
            try:
                noted = await asyncio.to_thread(put_down)
            except (LibraryError, NotesError, WorkspaceError) as error:
                self._shell.say(str(error), "error", "Not noted")
            else:
                done(noted)

        self._shell.run_worker(work(), name="note", group="library", exit_on_error=False)

    def ask_remove(self, results: Sequence[ListedResult], done: Callable[[], None]) -> None:
        """Ask, then remove results for good; `done` is called once they are."""
        if not results:
            return

        async def work() -> None:
            try:
                for one in results:
                    await asyncio.to_thread(remove_result, one)
            except LibraryError as error:
                self._shell.say(str(error), "error", "Not removed")
            done()

        def agreed(_: str) -> None:
            self._shell.run_worker(work(), name="remove", group="library", exit_on_error=False)

        what = named(results[0]) if len(results) == 1 else f"{len(results)} backtests"
        self._shell.ask(
            f"Remove {what}?",
            "Its files are deleted, note and tags too."
            if len(results) == 1
            else f"{formats.several([named(one) for one in results])}.\n"
            "Their files are deleted, notes and tags too.",
            [OfferedAnswer("remove", "y", "Remove")],
            agreed,
        )

    def _home(self) -> Workspace | None:
        root = self._shell.workspace
        return None if root is None else Workspace(root)


def named(listed: ListedResult) -> str:
    """The strategy, what was varied of it, and the key."""
    return f"{settled(listed)} ({listed.key})"


def settled(listed: ListedResult) -> str:
    """The strategy, and what was varied of it; of a sweep or gate what it was, and its best."""
    result = listed.result
    settings = formats.setting_words(result.settings)
    if result.search is None:
        return " ".join(filter(None, (result.strategy, settings)))
    searched = f"{result.strategy} {result.search.words}"
    return f"{searched}: {settings}" if settings else searched


def _saved(document: Path, block: object) -> ListedResult | None:
    # numpy, when it is needed
    from core.report.stored_backtest import stored_backtest, stored_path  # noqa: PLC0415

    if stored_backtest(document, block) is None:
        return None
    try:
        return result_beside(stored_path(document))
    except LibraryError:
        return None


def curve_of(report: Mapping[str, Any], name: str = "equity") -> Points:
    """A curve that stands in a report, as much of it as a chart can show."""
    from tui.requests.curves import thinned  # noqa: PLC0415  (numpy, when it is needed)

    return thinned(points_of(report, name))


def points_of(report: Mapping[str, Any], name: str = "equity") -> Points:
    """The points of a curve that stands in a report; what is none is left out."""
    found = []
    for entry in report.get(name) or ():
        match entry:
            case [str(time), int() | float() as value]:
                with suppress(ValueError):
                    found.append((parse_time(time), float(value)))
    return tuple(found)


def in_per_cent(points: Points, start: float | None) -> Points:
    """Equity as return since the start, in per cent; empty where the start is not known."""
    if not start:
        return ()
    return tuple((time, (value / start - 1) * 100) for time, value in points)


def _opened(listed: ListedResult) -> OpenedResult:
    whole = open_result(listed)
    order, config = order_of(listed), whole.get("config")
    if order is not None:
        order = replace(order, raw=config) if isinstance(config, dict) else None
    return OpenedResult(listed, whole, curve_of(whole), curve_of(whole, "held"), order)


def _compared(one: ListedResult, other: ListedResult) -> Compared:
    return _beside(_opened(one), _opened(other))


def _beside(one: OpenedResult, other: OpenedResult) -> Compared:
    """Two results, the first of which is called A."""
    from core.report.side_by_side import paired  # noqa: PLC0415  (numpy, when it is needed)

    listed, reports = (one.listed, other.listed), (one.report, other.report)
    return Compared(one, other, paired(listed, reports, ("A", "B")))
