"""The commands on backtests: run one, and save its result."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path

from core.market.candles.durations import SpanError, period_span
from core.market.candles.timeframes import DAY
from core.market.files.symbol_files import names_in_line
from core.report.library import ListedResult
from core.strategy.chart_values import ChartSource
from core.time_format import short_date
from tui import formats
from tui.shell import OfferedAnswer, Shell
from tui.strategies import StrategyChoice, StrategyFileError, copy_strategy

RUNNER = "tui.requests.backtest_run"  # loaded late: what it needs takes a second and 100 MB

_SAVER = "tui.requests.backtest_saving"  # as late

Points = tuple[tuple[int, float], ...]
"""Values over time, UTC ms."""

DEMO_MARKET = "demo"
"""Stands for the market of the embedded exchange, where an exchange is named."""


class BacktestRefusedError(Exception):
    """A backtest could not be run or saved; the message is for the user."""


@dataclass(frozen=True, slots=True)
class BacktestOrder:
    """Which strategy to run on which candles.

    `raw`: the config as written, in the document at `path`. `data`: candle files, `FILE` or
    `SYMBOL=FILE`, parted by spaces; or, where `exchange` (its ccxt name, or `DEMO_MARKET`) is
    given, `period` until now, after `warmup` candles (None: as many as the strategy wants). A
    period of files is a part of them, none all; `span`: from when to when, UTC ms, where that has
    been run already and is to be run on again.
    `balance` None: the strategy's own. `settings`: what of the strategy was varied in `raw`, by
    path. `ranked_on`: of a setting of a sweep, per cent of the time that the ranking saw; None: all
    of it, or there was none.
    """

    name: str
    path: Path
    raw: Mapping[str, object]
    data: str = ""
    exchange: str = ""
    period: str = ""
    span: tuple[int, int] | None = None
    warmup: int | None = None
    fill_on: str = "next_open"
    balance: float | None = None
    settings: Mapping[str, float | int | str] = field(default_factory=dict)
    ranked_on: float | None = None

    def material(self, zone: tzinfo) -> str:
        """Which candles, as far as that is known before they are read: where from, and of when.

        `zone`: of the screen; in another one than UTC the days say that they are UTC's.
        """
        where = self.exchange or ", ".join(names_in_line(self.data))
        when = self.period
        if self.span is not None:
            start, end = self.span
            when = f"{short_date(start)} to {formats.candle_day(end - 1, zone)}"
        return " · ".join(filter(None, (where, when)))

    def days(self, now: int) -> int | None:
        """On how many UTC days its candles lie; None where that is not known before they are read.

        `now`: UTC ms, at which a period ends.
        """
        if self.span is None and not self.exchange:
            return None
        try:
            start, end = self.span or period_span(self.period, now)
        except SpanError:
            return None
        return (end - 1) // DAY - start // DAY + 1


@dataclass(frozen=True, slots=True)
class BacktestOutcome:
    """What a run came to: its report, equity at the candles' closes, the same money in the first

    symbol from the start, and the candles. `key`: its ID in the library; None where it could not be
    kept.
    """

    order: BacktestOrder
    report: Mapping[str, object]
    equity: Points
    held: Points
    candles: ChartSource
    key: str | None = None


class BacktestCommands:
    """Backtests in this process, outside the host: they decide nothing and hold up nothing."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    async def run(self, order: BacktestOrder, progress: Callable[[str], None]) -> BacktestOutcome:
        """Run a backtest.

        Raises:
            BacktestRefusedError: it cannot be run; the message says why and what to do.
        """
        runner = await asyncio.to_thread(importlib.import_module, RUNNER)
        workspace, demo = self._shell.workspace, self._shell.demo
        outcome: BacktestOutcome = await runner.backtest(order, workspace, demo, progress)
        return outcome

    async def refusal(self, order: BacktestOrder) -> str | None:
        """Why there are no candles in the files of an order; None where there are, read by now."""
        runner = await asyncio.to_thread(importlib.import_module, RUNNER)
        try:
            await runner.look_at_candles(order)
        except BacktestRefusedError as error:
            return str(error)
        return None

    def save(self, listed: ListedResult) -> None:
        """Write a result of the library into its strategy's document.

        It has to be of the strategy as it is written now. A sample is copied first, if one agrees.
        """
        self._shell.run_worker(
            self._save(listed), name="save", group="backtest", exit_on_error=False
        )

    async def _save(self, listed: ListedResult) -> None:
        workspace = self._shell.workspace
        if workspace is None:
            return
        name = listed.result.strategy
        choices = await self._shell.read_strategies()
        choice = next((one for one in choices if one.name == name), None)
        if choice is None or choice.problems:
            why = "has problems" if choice else "is no longer there"
            self._shell.say(f"{name}: its document {why}.", "error", "Not saved")
            return
        saver = await asyncio.to_thread(importlib.import_module, _SAVER)
        try:
            saved = await asyncio.to_thread(saver.is_saved, listed, choice)
        except BacktestRefusedError as error:
            self._shell.say(str(error), "error", "Not saved")
            return
        if saved:
            self._shell.say(f"The result is saved already in {formats.path(choice.path)}.")
        elif choice.origin == "workspace":
            await self._write(listed, choice.path)
        else:
            self._ask_copy(listed, choice, workspace / "strategies")

    def _ask_copy(self, listed: ListedResult, choice: StrategyChoice, own: Path) -> None:
        path = choice.path
        names = (path.parent.name, *(f"{path.parent.name}_{number}" for number in range(2, 100)))
        name = next(one for one in names if not (own / one).exists())

        def copied(_: str) -> None:
            try:
                made = copy_strategy(path, own, name)
            except StrategyFileError as error:
                self._shell.say(str(error), "error", "Not copied")
            else:
                self._shell.run_worker(
                    self._write(listed, made), name="save", group="backtest", exit_on_error=False
                )

        self._shell.ask(
            f"Copy {choice.name} into the workspace?",
            f"It is a sample, and samples stay as they are. The copy is {own / name / path.name}.",
            [OfferedAnswer("copy", "y", "Copy it, and save the result there")],
            copied,
        )

    async def _write(self, listed: ListedResult, path: Path) -> None:
        saver = await asyncio.to_thread(importlib.import_module, _SAVER)
        try:
            await asyncio.to_thread(saver.save, listed, path)
        except BacktestRefusedError as error:
            self._shell.say(str(error), "error", "Not saved")
        else:
            self._shell.say(f"The result is saved in {formats.path(path)}.")
