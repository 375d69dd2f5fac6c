"""Shows the outcome of a run, be it a backtest or a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from core.report.written_report import WrittenReport
from core.strategy.chart_values import ChartSource
from core.text import safe_text
from core.trading.values import Trade
from core.trial.cone_over_time import ConeOverTime
from tui import formats
from tui.requests.backtest import Points
from tui.screens import report_rows
from tui.screens.base import entitle
from tui.screens.trade import TradeScreen, trade_marks
from tui.widgets.candle_chart import CandleChart
from tui.widgets.curve_chart import Curve, CurveChart, drawdown_points, equity_band
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
        self._written: Mapping[str, object] = {}
        self._report = WrittenReport()
        self._source: ChartSource | None = None

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
                report_rows.trade_columns_of(self._report),
                id="result-trades",
                empty="No trade was closed.",
            )
            yield _pane(trades, "Trades")
            yield _pane(CandleChart(id="result-chart"), "Candles")
            yield _pane(LineTable(report_rows.MONTH_COLUMNS, id="result-months"), "Months")

    def draw(
        self,
        report: WrittenReport,
        written: Mapping[str, object],
        equity: Points = (),
        held: Points = (),
        source: ChartSource | None = None,
        cone: ConeOverTime | None = None,
        said: Sequence[tuple[str, Tone]] = (),
    ) -> None:
        """Show a report, as read and in the shape of `report --json`, and the curves known.

        `source`: has the candles it was made on. `cone`: the band its equity is to stay in. `said`:
        what its owner put down, above the report's own sentences.
        """
        self._report, self._written, self._source = report, written, source
        self.query_one("#result-title", Static).update(
            Content.assemble(
                (safe_text(report_rows.title(report)), "bold $foreground"),
                "\n",
                (safe_text(report_rows.period(report)), "$dim"),
            )
        )
        self.query_one(Figures).show(*report_rows.figures(report))
        self.query_one("#result-sentences", Static).update(
            toned((*said, *report_rows.sentences(report)))
        )
        start, end = report.starting_balance, report.ending_balance
        tone = Tone.GAIN if (end or 0) >= (start or 0) else Tone.LOSS
        chart = self.query_one("#result-equity", CurveChart)
        band, title = equity_band(cone, start or 0.0)
        chart.draw([Curve(equity, tone), Curve(held, Tone.DIM)], start, band=band)
        entitle(chart, "Equity, and buy and hold dimmed" if held else title)
        falls = drawdown_points(equity, start or 0.0)
        self.query_one("#result-drawdown", CurveChart).draw(
            [Curve(falls, Tone.LOSS, filled=True)], 0.0
        )
        self.set_class(not equity, "-no-curves")
        trades = self.query_one("#result-trades", LineTable)
        trades.take_columns(report_rows.trade_columns_of(report))
        trades.set_rows(report_rows.trade_rows(report))
        entitle(trades, f"Trades · {len(trades.rows):,}")
        self.set_class(not trades.rows, "-no-trades")
        self.query_one("#result-months", LineTable).set_rows(report_rows.month_rows(report))

    def turn(self, *, low: bool) -> None:
        """Show the next of trades, candles, months and, on low terminals, curves."""
        switcher = self.query_one(ContentSwitcher)
        views = ["result-trades", "result-chart", "result-months"]
        if self._source is None or not self._report.symbols:
            views.remove("result-chart")
        if low and not self.has_class("-no-curves"):
            views.append("result-curves")
        shown = "result-curves" if self._curves else switcher.current
        wanted = views[(views.index(shown or views[0]) + 1) % len(views)]
        self._curves = wanted == "result-curves"
        switcher.current = views[0] if self._curves else wanted
        self.set_class(self._curves, "-only-curves")
        if wanted == "result-chart":
            self._draw_candles()
        self.query_one("#result-equity" if self._curves else f"#{wanted}").focus()

    def _trades(self) -> dict[str, Trade]:
        """The trades of the report that say all of themselves, by the keys of their rows."""
        from core.report.result import trade_from_json  # noqa: PLC0415  (numpy, when it is needed)

        found: dict[str, Trade] = {}
        entries = self._written.get("trades")
        for number, entry in enumerate(entries if isinstance(entries, (list, tuple)) else ()):
            with suppress(ValueError):
                found[str(number)] = trade_from_json(entry)
        return found

    def _draw_candles(self) -> None:
        """Show the market of the trade under the cursor, with every trade in it."""
        trades, report = self._trades(), self._report
        picked = trades.get(self.query_one("#result-trades", LineTable).cursor_key or "")
        symbol = picked.symbol if picked is not None else report.symbols[0]
        chart = self.query_one("#result-chart", CandleChart)
        here = [trade for trade in trades.values() if trade.symbol == symbol]
        chart.draw((), (), [mark for trade in here for mark in trade_marks(trade)])
        if self._source is not None:
            since = None if picked is None else picked.signal_time
            chart.look_at(self._source, symbol, report.timeframe, None, since)
        self._entitle_chart(symbol)

    def _entitle_chart(self, symbol: str) -> None:
        chart = self.query_one("#result-chart", CandleChart)
        entitle(chart, f"{symbol} {chart.shown(self._report.timeframe)}")

    @on(CandleChart.Turned)
    def _turned(self, event: CandleChart.Turned) -> None:
        self._entitle_chart(event.chart.symbol)

    @on(LineTable.Chosen, "#result-trades")
    def open_trade(self) -> None:
        """Show the trade under the cursor by itself."""
        trades, table = self._trades(), self.query_one("#result-trades", LineTable)
        keys = [row.key for row in table.rows if row.key in trades]
        if table.cursor_key not in keys:
            return
        shown, place = [trades[key] for key in keys], keys.index(table.cursor_key)
        name, timeframe = self._report.strategy or "", self._report.timeframe
        self.app.push_screen(TradeScreen(name, shown, place, UTC, timeframe, self._source))

    def on_mount(self) -> None:
        """Begin in the trades."""
        self.query_one("#result-trades").focus()


def _pane(widget: Widget, title: str) -> Widget:
    widget.add_class("pane")
    entitle(widget, title)
    return widget
