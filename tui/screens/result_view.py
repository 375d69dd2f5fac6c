"""Shows the outcome of a run, be it a backtest or a session."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import ContentSwitcher, Static

from core.report.written_report import WrittenReport
from core.text import safe_text
from tui import formats
from tui.requests.backtest import Points
from tui.screens import report_rows
from tui.screens.base import entitle
from tui.widgets.curve_chart import Curve, CurveChart, drawdown
from tui.widgets.figures import Figures
from tui.widgets.line_table import LineTable
from tui.widgets.tones import Tone, toned


class ResultView(Vertical):
    """A report: figures, doubts, curves, and beneath them trades or months.

    On low terminals the curves take turns with trades and months.
    """

    def __init__(self) -> None:
        super().__init__()
        self._curves = False

    def compose(self) -> ComposeResult:
        """Title, figures, sentences, curves, tables."""
        yield Static("", id="result-title")
        yield Figures(id="result-figures")
        yield VerticalScroll(Static("", id="result-sentences"), id="result-said", can_focus=False)
        with Horizontal(id="result-curves"):
            equity = CurveChart(
                id="result-equity", empty="No equity curve is kept for this report."
            )
            yield _pane(equity, "Equity")
            yield _pane(
                CurveChart(id="result-drawdown", write=formats.percent, empty=""), "Drawdown %"
            )
        with ContentSwitcher(initial="result-trades", id="result-tables"):
            trades = LineTable(
                report_rows.TRADE_COLUMNS, id="result-trades", empty="No trade was closed."
            )
            yield _pane(trades, "Trades")
            yield _pane(LineTable(report_rows.MONTH_COLUMNS, id="result-months"), "Months")

    def draw(self, report: WrittenReport, equity: Points = (), held: Points = ()) -> None:
        """Show a report, and the curves that are known."""
        self.query_one("#result-title", Static).update(
            Content.assemble(
                (safe_text(report_rows.title(report)), "bold $foreground"),
                "\n",
                (safe_text(report_rows.period(report)), "$dim"),
            )
        )
        self.query_one(Figures).show(*report_rows.figures(report))
        self.query_one("#result-sentences", Static).update(toned(report_rows.sentences(report)))
        start, end = report.starting_balance, report.ending_balance
        tone = Tone.GAIN if (end or 0) >= (start or 0) else Tone.LOSS
        chart = self.query_one("#result-equity", CurveChart)
        chart.draw([Curve(equity, tone), Curve(held, Tone.DIM)], start)
        entitle(chart, "Equity, and buy and hold dimmed" if held else "Equity")
        falls = drawdown(equity, start or 0.0)
        self.query_one("#result-drawdown", CurveChart).draw(
            [Curve(falls, Tone.LOSS, filled=True)], 0.0
        )
        self.set_class(not equity, "-no-curves")
        trades = self.query_one("#result-trades", LineTable)
        trades.set_rows(report_rows.trade_rows(report))
        entitle(trades, f"Trades · {len(trades.rows)}")
        self.query_one("#result-months", LineTable).set_rows(report_rows.month_rows(report))

    def turn(self, *, low: bool) -> None:
        """Show the next of trades, months and, on low terminals, curves."""
        switcher = self.query_one(ContentSwitcher)
        if self._curves or switcher.current == "result-trades":
            switcher.current = "result-trades" if self._curves else "result-months"
            self._curves = False
        else:
            switcher.current = "result-trades"
            self._curves = low and not self.has_class("-no-curves")
        self.set_class(self._curves, "-only-curves")
        self.query_one(f"#{switcher.current}").focus()

    def on_mount(self) -> None:
        """Begin in the trades."""
        self.query_one("#result-trades").focus()


def _pane(widget: CurveChart | LineTable, title: str) -> CurveChart | LineTable:
    widget.add_class("pane")
    entitle(widget, title)
    return widget
