"""A look at a kept backtest: its figures, and its equity beside that of buying and holding."""

from __future__ import annotations

from datetime import tzinfo
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Vertical

from core.market.symbols import money_decimals
from core.report.library import LibraryError, ListedResult
from tui.requests.library import LibraryCommands
from tui.screens import backtest_rows
from tui.widgets.curve_chart import Curve, CurveChart
from tui.widgets.figures import Figures
from tui.widgets.tones import Tone


class BacktestLook(Vertical):
    """Figures over curves; of a result that cannot be opened the figures alone."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name for it)
        super().__init__(id=id)
        self._with_held: Path | None = None  # the result drawn, beside the curve of holding

    def compose(self) -> ComposeResult:
        """Figures and curves."""
        yield Figures(id="backtest-figures")
        yield CurveChart(id="backtest-equity", empty="")

    def show(self, listed: ListedResult) -> None:
        """Show its figures, which are known."""
        dimmed = listed.path == self._with_held
        self.query_one(Figures).show(backtest_rows.figures(listed, dimmed=dimmed))

    async def draw(self, library: LibraryCommands, listed: ListedResult, zone: tzinfo) -> None:
        """Read its curves, and draw them with times in a zone."""
        chart = self.query_one(CurveChart)
        try:
            opened = await library.open(listed)
        except LibraryError:
            chart.draw(())  # opening it says why
            return
        if self.is_attached:
            result = listed.result
            gained = (result.ending_balance or 0.0) >= (result.starting_balance or 0.0)
            tone = Tone.GAIN if gained else Tone.LOSS
            curves = [Curve(opened.equity, tone), Curve(opened.held, Tone.DIM)]
            decimals = money_decimals(*result.symbols)
            chart.draw(curves, result.starting_balance, zone, decimals=decimals)
            self._with_held = listed.path if opened.held else None
            self.show(listed)
