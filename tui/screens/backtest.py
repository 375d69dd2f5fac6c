"""The screen of backtests: the library of results, and the one that runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import Worker

from core.market.files.symbol_files import SymbolFilesError, files_in_line
from core.report.library import LibraryError, ListedResult
from core.report.written_report import ReportError
from core.text import safe_lines, safe_text
from core.time_format import wall_clock
from tui.commands import Place, bindings
from tui.modals.form import not_there
from tui.modals.new_backtest import NewBacktest
from tui.modals.vary import VaryForm
from tui.requests.backtest import BacktestOrder, BacktestOutcome, BacktestRefusedError
from tui.requests.library import OpenedResult, order_of
from tui.requests.varying import Ended, Variation
from tui.screens import backtest_rows
from tui.screens.backtest_look import BacktestLook
from tui.screens.backtest_result import BacktestResultScreen, note_on
from tui.screens.base import BaseScreen, entitle
from tui.screens.gate import GateScreen
from tui.screens.overlay import OverlayScreen
from tui.screens.sweep import SweepScreen
from tui.strategies import StrategyChoice
from tui.widgets.filter_box import FilterBox
from tui.widgets.line_table import LineTable

_STILL = "A backtest still runs"
_READING = "Reading the backtests …"
_EMPTY = (
    "No backtest has been run yet.\n\n"
    "n   choose a strategy and candles\n"
    "2   the strategies, where b backtests the one under the cursor"
)
_FEW = 8  # results: beneath them the rest is for the one looked at
_SEARCHES: Mapping[str, type[SweepScreen | GateScreen]] = {
    screen.WHAT: screen for screen in (SweepScreen, GateScreen)
}
"""The page of each `kind` of search."""


def _stay() -> None:
    """Leave a form for the list it lies over."""


class BacktestScreen(BaseScreen):
    """The backtests that were kept, a look at the one under the cursor, and what runs."""

    PLACE = Place.BACKTEST
    TITLE = "Backtest"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.BACKTEST)

    def __init__(self) -> None:
        super().__init__()
        self._results: dict[str, ListedResult] = {}
        self._problems: tuple[str, ...] = ()
        self._is_read = False
        self._order: BacktestOrder | None = None
        self._worker: Worker[None] | None = None
        self._asked_from: Screen[object] | None = None  # where what runs was asked for
        self._wanted: str | None = None  # the result to put the cursor on once it is read
        self._seen: tuple[Path, tzinfo] | None = None  # the file that the look shows, in a zone

    def body(self) -> ComposeResult:
        """What runs, the list, and a look at one of it."""
        yield Static("", id="backtest-progress", markup=False)
        yield self.pane(
            LineTable(backtest_rows.columns(), id="backtests", marks=True, empty=_READING),
            "Backtests",
        )
        yield FilterBox("#backtests", "filter by strategy, setting, symbol, ID, #tag or note")
        yield self.pane(BacktestLook(id="backtest-look"), "")

    def mounted(self) -> None:
        """Begin in the list."""
        super().mounted()
        self.query_one("#backtest-progress").display = False
        self.query_one("#backtests").focus()

    def laid_out(self, event: events.Resize) -> None:
        """Show more or less of the one under the cursor, as there is room."""
        super().laid_out(event)
        if self.ready:
            self._look()

    def resumed(self) -> None:
        """Read the library anew: others may have added to it."""
        super().resumed()
        self._reload()

    def suspended(self) -> None:
        """Leave behind why the last one was refused: it is nothing of what is in the list."""
        super().suspended()
        if self.ready and not self.is_busy:
            self.query_one("#backtest-progress").display = False

    @property
    def is_busy(self) -> bool:
        """Whether a backtest runs now."""
        return self._worker is not None and not self._worker.is_finished

    @property
    def selected(self) -> ListedResult | None:
        """The result under the cursor."""
        key = self.query_one("#backtests", LineTable).cursor_key
        return None if key is None else self._results.get(key)

    @property
    def targets(self) -> list[ListedResult]:
        """The results a command is for: those marked and seen, else the one under the cursor."""
        marked = self.query_one("#backtests", LineTable).marked
        keys = marked or [one.key for one in (self.selected,) if one is not None]
        return [self._results[key] for key in keys if key in self._results]

    @property
    def _pair(self) -> list[ListedResult]:
        """The two to compare: both marked ones, or the marked one and that under the cursor."""
        found, selected = self.targets, self.selected
        if len(found) == 1 and selected is not None and selected is not found[0]:
            found.append(selected)
        return found if len(found) == 2 else []

    # ── what is shown ──

    def _reload(self) -> None:
        self.app.run_worker(self._read(), name="backtests", group="library", exit_on_error=False)

    async def _read(self) -> None:
        library = await self.papertape.library.results()
        if not self.is_attached:
            return
        self._results = {one.key: one for one in library.results}
        self._problems = library.problems
        self._is_read = True
        self._show_list()

    def show_again(self) -> None:
        """Write the times in another zone."""
        super().show_again()
        self._show_list()

    def _show_list(self) -> None:
        table = self.query_one("#backtests", LineTable)
        text = self.query_one(FilterBox).text
        row = partial(backtest_rows.backtest_row, zone=self.papertape.zone)
        shown = [one for one in self._results.values() if backtest_rows.matches(one, text)]
        empty = f"No backtest matches “{safe_text(text)}”. Esc shows all."
        if self._is_read:
            table.set_empty(empty if self._results else _EMPTY)
        table.take_columns(backtest_rows.columns(self._results.values(), self.papertape.zone))
        table.set_rows(map(row, shown), hidden=self._results)
        table.set_class(0 < len(self._results) <= _FEW, "-few")
        if self._wanted is not None:
            wanted, self._wanted = self._wanted, None
            table.move_to(wanted)
        self._look()

    @on(LineTable.Marked, "#backtests")
    def _entitle(self) -> None:
        """Say how many there are, shown and marked."""
        table = self.query_one("#backtests", LineTable)
        count, shown = len(self._results), len(table.rows)
        parts = ["Backtests"]
        if count:
            parts.append(str(count) if shown == count else f"{shown} of {count}")
        if told := table.marks_told:
            parts.append(told)
        if self.has_class("-tiny") and self.selected is not None:
            # Nothing beneath says it.
            parts.append(backtest_rows.identity(self.selected, self.papertape.zone))
        elif not told and count > 1:
            parts.append("Space marks two, c compares them")
        if self._problems:
            parts.append(f"{len(self._problems)} cannot be read: papertape backtests says why")
        entitle(table, " · ".join(parts))
        self.refresh_hints()

    def _look(self) -> None:
        """Show the figures and the curve of the result under the cursor."""
        listed, zone = self.selected, self.papertape.zone
        look = self.query_one(BacktestLook)
        look.set_class(listed is None, "-nothing")
        self._entitle()
        if listed is None:
            return
        entitle(look, backtest_rows.identity(listed, zone))
        look.show(listed)
        if (listed.path, zone) != self._seen and not self.has_class("-tiny"):
            self._seen = listed.path, zone
            self.app.run_worker(
                look.draw(self.papertape.library, listed, zone),
                name="look",
                group="look",
                exclusive=True,
                exit_on_error=False,
            )

    @on(LineTable.Highlighted, "#backtests")
    def _another_selected(self) -> None:
        self._look()

    @on(LineTable.Chosen, "#backtests")
    def _opened(self) -> None:
        self.action_open()

    # ── running ──

    def run_order(self, order: BacktestOrder, asked_from: Screen[object] | None = None) -> None:
        """Run a backtest in a worker of the app; one that runs already is broken off.

        `asked_from`: where it was asked for, if another screen may be shown by now.
        """
        self.action_cancel()
        before = self._order
        self._order = replace(order, settings={}, warmup=None, ranked_on=None)  # it varies nothing
        self._asked_from = asked_from or self.app.screen
        self._tell(f"{order.name}: starting …")
        if not self.is_foremost:
            running = f"{order.name}: the backtest runs, and opens here once it is done."
            self.papertape.say(running, here=True)
        self._worker = self.app.run_worker(
            self._work(order, before), name="backtest", group="backtest", exit_on_error=False
        )
        self.refresh_hints()

    async def _work(self, order: BacktestOrder, before: BacktestOrder | None) -> None:
        """Run it; where nothing comes of it, the next form has the period of the one `before`."""
        asked = self._order
        try:
            outcome = await self.papertape.backtests.run(
                order, lambda text: self._tell(f"{order.name}: {text}")
            )
        except BacktestRefusedError as error:
            self._ask_again(asked, before)
            self._tell(str(error), "$error")
            if not self.is_foremost:
                self.papertape.say(str(error), "error", "No backtest")
        except asyncio.CancelledError:
            self._ask_again(asked, before)
            self._tell(f"{order.name}: broken off. n begins another.", "$warning")
            raise
        else:
            await self._made(outcome)
        finally:
            self.call_later(self.refresh_hints)

    def _ask_again(self, asked: BacktestOrder | None, before: BacktestOrder | None) -> None:
        """Propose the period of the order before, where that was of the same source."""
        if asked is None or self._order is not asked:
            return
        alike = before is not None and before.exchange == asked.exchange
        self._order = replace(asked, period=before.period if before and alike else "")

    async def _made(self, outcome: BacktestOutcome) -> None:
        """Show what was made, or say that it is there."""
        if not self.is_attached:
            return
        self.query_one("#backtest-progress").display = False
        self._wanted = outcome.key
        await self._read()
        shown = self.app.screen
        if shown in (self, self._asked_from):
            if isinstance(shown, BacktestResultScreen):
                await self.app.pop_screen()  # of which it is the same once more
            self._show_result(outcome, self._results.get(outcome.key or ""))
        else:
            self.papertape.say(f"{outcome.order.name}: the backtest is done. 3 shows it.")

    def _show_result(
        self, result: BacktestOutcome | OpenedResult, listed: ListedResult | None
    ) -> None:
        if isinstance(result, OpenedResult) and (listed is not None or result.order is None):
            again = partial(self._again_of, result.listed)
        else:
            assert result.order is not None
            again = partial(self._run_again, result.order)
        try:
            vary = partial(self._vary, order=result.order, name=str(result.report["strategy"]))
            screen = BacktestResultScreen(result, listed, again=again, noted=self._noted, vary=vary)
        except ReportError as error:
            self.papertape.say(str(error), "error", "No backtest")
        else:
            self.app.push_screen(screen)

    def _show_judged(self, opened: OpenedResult) -> None:
        """Show the backtest that a gate judged; a note on it would be one on the gate."""
        self._show_result(opened, None)

    def _show_search(self, ended: Ended, kind: str) -> None:
        screen, done, show = _SEARCHES[kind], ended.varied, self._show_judged
        self.app.push_screen(screen(ended.order, ended.variation, self.run_order, done, show))

    def _tell(self, text: str, style: str = "$dim") -> None:
        if not self.is_attached:
            return
        progress = self.query_one("#backtest-progress", Static)
        progress.display = True
        progress.update(Content.styled(safe_lines(text), style))

    # ── commands ──

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done now."""
        if not self.ready:
            return True
        if action == "cancel":
            return self.is_busy
        if action == "again":
            return not self.is_busy and (self._order is not None or self.selected is not None)
        if action in ("open", "note", "sweep", "gate"):
            return self.selected is not None
        if action == "remove":
            return any(not one.beside_document for one in self.targets)
        if action == "compare":
            return bool(self._pair)
        return True

    def why_not(self, action: str) -> str:
        """While a backtest runs, that is why no other begins."""
        return f"{_STILL}: x breaks it off." if action == "again" and self.is_busy else ""

    def action_new(self) -> None:
        """Choose what to run."""
        self.choose()

    def choose(
        self,
        picked: str | None = None,
        last: BacktestOrder | None = None,
        left: Callable[[], None] = _stay,
    ) -> None:
        """Open the form, on the strategy of that name if there is one, and as it was last.

        `left`: what to do where nothing was run.
        """

        def answered(order: BacktestOrder | None) -> None:
            if order is not None:
                self.run_order(order)
            else:
                left()

        self.app.push_screen(
            NewBacktest(
                self.papertape.list_strategies,
                last or self._order,
                picked,
                demo=self.papertape.demo is not None,
                check=self.papertape.backtests.refusal,
                propose=None if last is not None or picked is None else self._proposal(picked),
            ),
            answered,
        )

    def _proposal(self, name: str) -> Callable[[], Awaitable[BacktestOrder | None]] | None:
        """Finds on what a strategy was last run, so far as that is still there.

        None where it was the last that was asked for, which is known.
        """
        if self._order is not None and self._order.name == name:
            return None

        async def find() -> BacktestOrder | None:
            if not self._is_read:
                await self._read()
            orders = (
                replace(order, settings={}, span=None)
                for one in self._results.values()
                if one.result.strategy == name
                and (order := order_of(one)) is not None
                and not _lacks_candles(order, one.result.symbols)
            )
            return next(orders, None)

        return find

    def seek(self, key: str) -> None:
        """Open the result of that key, once it is read."""

        async def find() -> None:
            await self._read()
            if self.query_one(FilterBox).close():
                self._show_list()
            table = self.query_one("#backtests", LineTable)
            table.focus()
            if key not in self._results:
                self.papertape.say(f"the backtest {key} is gone", "warning")
                return
            table.move_to(key)
            self.action_open()

        self.app.run_worker(find(), name="backtests", group="library", exit_on_error=False)

    def action_open(self) -> None:
        """Open the result under the cursor."""
        listed = self.selected
        if listed is None:
            return

        async def work() -> None:
            try:
                if listed.result.search is not None:
                    ended = await self.papertape.varying.open(listed)
                    show = partial(self._show_search, ended, listed.result.search.kind)
                else:
                    opened = await self.papertape.library.open(listed)
                    show = partial(self._show_result, opened, listed)
            except LibraryError as error:
                self.papertape.say(str(error), "error", "No backtest")
            else:
                if self.is_on_top:
                    show()

        self.app.run_worker(work(), name="open", group="library", exit_on_error=False)

    def action_again(self) -> None:
        """Run the one under the cursor, else the last one, as its strategy is written now."""
        listed = self.selected
        if listed is None:
            if self._order is not None:
                self._run_again(self._order)
        else:
            self._again_of(listed)

    def _again_of(self, listed: ListedResult) -> None:
        order = order_of(listed)
        if listed.result.search is not None:
            self._vary_again(listed, _SEARCHES[listed.result.search.kind])
        elif order is None:
            self.choose(listed.result.strategy, order)
        else:
            self._run_again(order)

    def _vary_again(self, listed: ListedResult, screen: type[SweepScreen | GateScreen]) -> None:
        """Ask for what is to be varied as it was in a sweep or gate; as R on its own page does."""

        async def work() -> None:
            try:
                ended = await self.papertape.varying.open(listed)
            except LibraryError as error:
                self.papertape.say(str(error), "error", "No backtest")
            else:
                if self.is_on_top:
                    name, variation = listed.result.strategy, ended.variation
                    # Of a gate of the strategy as it is the form of a sweep proposes something.
                    known = variation if variation.axes or screen is GateScreen else None
                    self._vary(screen, ended.order, name, variation=known)

        self.app.run_worker(work(), name="open", group="library", exit_on_error=False)

    def _run_again(self, order: BacktestOrder) -> None:
        """Run an order with its strategy as it is written now; ask for what lacks of it.

        Nothing that runs is broken off for it: nobody has said so, as by the form.
        """
        if self.is_busy:
            self.papertape.say(f"{_STILL}: x on Backtest breaks it off.", "warning")
            return
        shown = self.app.screen

        async def work() -> None:
            choices = await self.papertape.read_strategies()
            choice = next((one for one in choices if one.name == order.name), None)
            if choice is None or choice.problems or _lacks_candles(order, choice.symbols):
                if self.app.screen is shown:
                    self.choose(order.name, order)
                else:
                    why = "its strategy or its candles are not where they were"
                    if choice is not None and choice.problems:
                        why = "there are problems in its strategy, as it is written now"
                    self.papertape.say(f"{order.name} is not run again: {why}.", "warning")
            else:
                self.run_order(replace(order, raw=choice.raw, path=choice.path), shown)

        self.app.run_worker(
            work(), name="again", group="again", exclusive=True, exit_on_error=False
        )

    def action_sweep(self) -> None:
        """Vary the strategy of the one under the cursor, on its candles."""
        self.vary(SweepScreen)

    def action_gate(self) -> None:
        """Judge the one under the cursor, on its candles."""
        self.vary(GateScreen)

    def vary(
        self,
        screen: type[SweepScreen | GateScreen],
        strategy: StrategyChoice | None = None,
        left: Callable[[], None] = _stay,
    ) -> None:
        """Ask what is to be varied, of a strategy or of the result under the cursor; then begin.

        Where it is not known which candles to take, that is asked first. `left`: what to do where
        nothing was begun.
        """
        if strategy is not None:
            order = self._order if self._order and self._order.name == strategy.name else None
            if order is not None:  # its document may have been edited since it was run
                order = replace(order, raw=strategy.raw, path=strategy.path, span=None)
            self._vary(screen, order, strategy.name, left)
        elif (listed := self.selected) is not None and listed.result.search is not None:
            self._vary_again(listed, screen)  # a gate of a sweep's settings, or the other way round
        elif listed is not None:

            async def work() -> None:
                try:
                    opened = await self.papertape.library.open(listed)
                except LibraryError as error:
                    self.papertape.say(str(error), "error", "No backtest")
                else:
                    if self.is_on_top:
                        self._vary(screen, opened.order, listed.result.strategy)

            self.app.run_worker(work(), name="open", group="library", exit_on_error=False)

    def _vary(
        self,
        screen: type[SweepScreen | GateScreen],
        order: BacktestOrder | None,
        name: str,
        left: Callable[[], None] = _stay,
        variation: Variation | None = None,
    ) -> None:
        def chosen(order: BacktestOrder | None) -> None:
            if order is None:
                left()
                return

            def varied(variation: Variation | None) -> None:
                if variation is not None:
                    show = self._show_judged
                    self.app.push_screen(screen(order, variation, self.run_order, show=show))
                else:
                    left()

            self._order = replace(
                order, settings={}, ranked_on=None
            )  # the next form begins with it
            gate = screen is GateScreen
            varying, settings = self.papertape.varying, order.settings
            days = order.days(wall_clock()) if gate else None
            form = VaryForm(
                order.name,
                order.raw,
                varying,
                variation,
                settings=settings,
                gate=gate,
                days=days,
                material=order.material(self.papertape.zone),
            )
            self.app.push_screen(form, varied)

        if order is not None:
            chosen(order)
            return

        self.app.push_screen(
            NewBacktest(
                self.papertape.list_strategies,
                self._order,
                name,
                demo=self.papertape.demo is not None,
                check=self.papertape.backtests.refusal,
                title=f"{name} · {screen.WHAT}: on which candles?",
                verb="go on",
                propose=self._proposal(name),
            ),
            chosen,
        )

    def action_cancel(self) -> None:
        """Break off what runs."""
        if self._worker is not None and self.is_busy:
            self._worker.cancel()

    def action_compare(self) -> None:
        """Show two results over each other."""
        pair = self._pair
        if not pair:
            self.papertape.say("Mark two backtests with Space, and c compares them.", "warning")
            return

        async def work() -> None:
            try:
                compared = await self.papertape.library.compare(*pair)
            except LibraryError as error:
                self.papertape.say(str(error), "error", "Not compared")
            else:
                if self.is_on_top:
                    self.app.push_screen(OverlayScreen(compared))

        self.app.run_worker(work(), name="compare", group="library", exit_on_error=False)

    def action_note(self) -> None:
        """Put down a note and tags."""
        if self.selected is not None:
            note_on(self, self.selected, self._noted)

    def _noted(self, listed: ListedResult) -> None:
        self._wanted = listed.key
        self._reload()

    def action_remove(self) -> None:
        """Ask, then remove the targets."""
        targets = [one for one in self.targets if not one.beside_document]
        self.papertape.library.ask_remove(targets, self._removed)

    def _removed(self) -> None:
        self.query_one("#backtests", LineTable).clear_marks()
        self._reload()

    # ── filter ──

    def without_filter(self) -> None:
        """Break off what runs, else unmark."""
        if self.is_busy:
            self.action_cancel()
        else:
            self.query_one("#backtests", LineTable).clear_marks()

    @on(FilterBox.Changed)
    def _filter_changed(self) -> None:
        self._show_list()


def _lacks_candles(order: BacktestOrder, symbols: Sequence[str]) -> bool:
    """Whether it is known before they are read that an order has no candles of these symbols."""
    if order.exchange:
        return False
    try:
        files, _ = files_in_line("candles", order.data, symbols)
    except SymbolFilesError:
        return True
    return bool(not_there(files.values(), "data"))
