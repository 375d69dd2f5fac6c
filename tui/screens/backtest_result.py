"""The result of a backtest on a screen of its own: one just made, or one of the library."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from core.report.library import ListedResult
from core.report.written_report import written_report
from core.strategy.chart_values import ChartSource
from core.text import per_cent
from tui.commands import Place, bindings
from tui.modals.notes import NotesForm, Written
from tui.requests.backtest import BacktestOutcome
from tui.requests.exporting import export_report
from tui.requests.library import OpenedResult, named
from tui.screens.backtest_rows import owners_words
from tui.screens.base import BaseScreen
from tui.screens.gate import GateScreen
from tui.screens.result_view import ResultView
from tui.screens.sweep import SweepScreen
from tui.widgets.tones import Tone


class BacktestResultScreen(BaseScreen):
    """A backtest with its trades.

    `made`: what has just been run, with its candles. `listed`: what the library knows of it.
    `again`: runs the same once more; `noted`: is told once a note is put down;
    `vary`: begins a sweep or the gate of it.

    Raises:
        ReportError: it is none that can be shown.
    """

    PLACE = Place.RESULT
    TITLE = "Result"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.RESULT)

    def __init__(
        self,
        result: BacktestOutcome | OpenedResult,
        listed: ListedResult | None,
        *,
        again: Callable[[], None],
        noted: Callable[[ListedResult], None],
        vary: Callable[[type[SweepScreen | GateScreen]], None],
    ) -> None:
        super().__init__()
        self._result = result
        self._listed = listed
        self._again = again
        self._noted = noted
        self._vary = vary
        self._written = written_report(result.report)
        self._candles: ChartSource | None = None

    def body(self) -> ComposeResult:
        """The result."""
        yield ResultView()

    def mounted(self) -> None:
        """Find its candles, and draw it."""
        result = self._result
        if isinstance(result, BacktestOutcome):
            self._candles = result.candles
        else:
            self._candles = self.papertape.library.candles(result)
        super().mounted()

    def draw_in(self, zone: tzinfo) -> None:
        """Draw it."""
        result = self._result
        self.query_one(ResultView).draw(
            self._written,
            result.report,
            zone,
            result.equity,
            result.held,
            self._candles,
            said=[*self._ranked_on(), *owners_words(self._listed)],
        )

    def _ranked_on(self) -> list[tuple[str, Tone]]:
        """Why the figures of a setting are others than in the split sweep that it is from."""
        share = None if self._result.order is None else self._result.order.ranked_on
        if share is None:
            return []
        return [(f"Of the whole time; the ranking saw the first {per_cent(share)}.", Tone.DIM)]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done: of a kept result only what is shown is there."""
        if action == "save":
            # Of a varied strategy the document would tell figures that are not its own.
            return self._listed is not None and not self._listed.result.settings
        if action == "note":
            return self._listed is not None
        if action == "view":
            return self.query_one(ResultView).turns
        if action == "open":
            return self.query_one(ResultView).has_trades
        return True

    # ── commands ──

    def action_back(self) -> None:
        """Return to the backtests."""
        self.dismiss()

    def action_again(self) -> None:
        """Run the same once more; its result takes the place of this one."""
        self._again()

    def action_sweep(self) -> None:
        """Vary the strategy on these candles."""
        self._vary(SweepScreen)

    def action_gate(self) -> None:
        """Judge how much of it is luck."""
        self._vary(GateScreen)

    def action_view(self) -> None:
        """Show the next of trades, candles and, on low terminals, curves and months."""
        self.query_one(ResultView).turn()

    def action_open(self) -> None:
        """Open the trade under the cursor."""
        self.query_one(ResultView).open_trade()

    def action_save(self) -> None:
        """Write the result into the strategy's document."""
        if self._listed is not None:
            self.papertape.backtests.save(self._listed)

    def action_note(self) -> None:
        """Put down a note and tags."""
        if self._listed is not None:
            note_on(self, self._listed, self._now_noted)

    def _now_noted(self, listed: ListedResult) -> None:
        self._listed = listed
        self._noted(listed)
        if self.is_attached:
            self.draw_in(self.papertape.zone)

    def action_copy(self) -> None:
        """Copy the result as JSON."""
        self.copy_json(lambda: self._result.report)

    def action_export(self) -> None:
        """Write it into files of the workspace."""
        self.export(partial(export_report, self._result.report))


def note_on(screen: BaseScreen, listed: ListedResult, done: Callable[[ListedResult], None]) -> None:
    """Open the form for a note and tags of a result; `done` is told the result as noted."""

    def answered(written: Written | None) -> None:
        if written is not None:
            screen.papertape.library.note(listed, *written, done)

    screen.app.push_screen(NotesForm(named(listed), listed.notes), answered)
