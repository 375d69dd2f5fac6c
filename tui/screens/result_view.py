"""Shows the outcome of a run, be it a backtest or a session."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, tzinfo

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from core.market.symbols import money_decimals
from core.report.written_report import WrittenReport
from core.strategy.chart_values import ChartSource
from core.text import safe_lines, safe_text
from core.trading.values import Trade
from core.trial.cone_over_time import ConeOverTime
from tui import formats
from tui.requests.backtest import Points
from tui.screens import report_rows
from tui.screens.base import entitle, entitle_views
from tui.screens.trade import TradeScreen
from tui.screens.trade_fields import trade_marks
from tui.widgets.candle_chart import CandleChart
from tui.widgets.curve_chart import Curve, CurveChart, drawdown_points, equity_band
from tui.widgets.figures import Figures
from tui.widgets.line_table import LineTable
from tui.widgets.remarks import Remark, RemarkLines, Remarks
from tui.widgets.tones import Tone

READING = "Reading …"
_SAID = 8  # lines of what is said that have room on any terminal that is not low
_CURVES, _TABLES = 8, 6  # lines that curves and tables keep beside more of it


class _Whole(Vertical):
    """All the parts of a result; `resized` is called whenever they have been laid out anew."""

    def __init__(self, resized: Callable[[], None], *, id: str) -> None:  # noqa: A002  (Textual's)
        super().__init__(id=id)
        self._resized = resized

    def on_resize(self) -> None:
        """Have the lines shared out."""
        self.call_after_refresh(self._resized)


class ResultView(Vertical):
    """A report: figures, remarks, curves beside the months, and beneath them trades or candles.

    What is said of the result stands above its trades alone, but where there is room for all, and
    candles have more lines than curves. On low terminals curves and months take turns with both.
    Until it is drawn, only that it is read is said.
    """

    def __init__(self, reading: str = READING) -> None:
        """`reading`: what is said until it is drawn."""
        super().__init__()
        self._reading = reading
        self._shown = "result-trades"
        self._curve_title = "Equity"
        self._written: Mapping[str, object] = {}
        self._report = WrittenReport()
        self._zone: tzinfo = UTC
        self._source: ChartSource | None = None

    def compose(self) -> ComposeResult:
        """Title, figures, sentences, curves, tables."""
        yield Static(safe_text(self._reading), id="result-reading", markup=False)
        with _Whole(self._give_room, id="result-whole") as whole:
            whole.display = False
            yield from self._parts()

    def _parts(self) -> ComposeResult:
        yield Static("", id="result-title")
        with Vertical(id="result-head"):
            yield Figures(id="result-figures")
            yield Remarks(RemarkLines(id="result-remarks"), id="result-said")
        with Horizontal(id="result-curves"):
            with Horizontal(id="result-lines"):
                equity = CurveChart(
                    id="result-equity", empty="No equity curve is kept for this report."
                )
                yield _pane(equity, "Equity")
                falls = CurveChart(id="result-drawdown", write=formats.percent, empty="")
                yield _pane(falls.stand_under(equity), "Drawdown %")
            yield _pane(
                LineTable(
                    report_rows.MONTH_COLUMNS, id="result-months", idle_cursor=False, opens=False
                ),
                "Months",
            )
        with ContentSwitcher(initial="result-trades", id="result-tables"):
            trades = LineTable(
                report_rows.trade_columns_of(self._report),
                id="result-trades",
                empty="No trade was closed.",
            )
            yield _pane(trades, "Trades")
            yield _pane(CandleChart(id="result-chart"), "Candles")

    def say(self, why: str) -> None:
        """Say why there is nothing to draw."""
        self.query_one("#result-reading", Static).update(safe_lines(why))

    def draw(
        self,
        report: WrittenReport,
        written: Mapping[str, object],
        zone: tzinfo,
        equity: Points = (),
        held: Points = (),
        source: ChartSource | None = None,
        cone: ConeOverTime | None = None,
        said: Sequence[tuple[str, Tone]] = (),
        what: str = "",
    ) -> None:
        """Show a report, as read and as `report --json` has it, its times in a zone; and curves.

        `source`: has the candles it was made on. `cone`: the band its equity is to stay in. `said`:
        what is to be said above the report's own sentences. `what`: of the title, where it is
        not the report of a run.
        """
        self._report, self._written, self._source = report, written, source
        self._zone = zone
        self.query_one("#result-title", Static).update(
            Content.assemble(
                (safe_text(report_rows.title(report)), "bold $foreground"),
                (f" · {what}" if what else "", "$dim"),
                "\n",
                (safe_text(report_rows.period(report, zone)), "$dim"),
            )
        )
        self.query_one(Figures).show(*report_rows.figures(report))
        told = (Remark("", text, tone) for text, tone in said)
        self.query_one(RemarkLines).show((*told, *report_rows.remarks(report, zone)))
        start, end = report.starting_balance, report.ending_balance
        tone = Tone.GAIN if (end or 0) >= (start or 0) else Tone.LOSS
        chart = self.query_one("#result-equity", CurveChart)
        band, title = equity_band(cone, start or 0.0)
        curves, decimals = (
            [Curve(equity, tone), Curve(held, Tone.DIM)],
            money_decimals(*report.symbols),
        )
        chart.draw(curves, start, zone, band=band, decimals=decimals)
        self._curve_title = "Equity, and buy and hold dimmed" if held else title
        falls = drawdown_points(equity, start or 0.0)
        self.query_one("#result-drawdown", CurveChart).draw(
            [Curve(falls, Tone.LOSS, filled=True)], 0.0, zone
        )
        self.set_class(not equity, "-no-curves")
        trades = self.query_one("#result-trades", LineTable)
        trades.take_columns(report_rows.trade_columns_of(report))
        trades.set_rows(report_rows.trade_rows(report, zone))
        self.set_class(not trades.rows, "-no-trades")
        self.query_one("#result-months", LineTable).set_rows(report_rows.month_rows(report))
        if self._shown == "result-chart":
            self._draw_candles()
        self._entitle()
        whole = self.query_one("#result-whole")
        if not whole.display:
            self.query_one("#result-reading").display = False
            whole.display = True
            trades.focus()
            self.call_after_refresh(self._entitle)  # as wide as the panes are by then
        self.call_after_refresh(self._give_room)

    def _views(self) -> list[str]:
        """What takes turns in the place of the trades."""
        views = ["result-trades", "result-chart", "result-curves"]
        if self._source is None or not self._report.symbols:
            views.remove("result-chart")
        if not self.screen.has_class("-short"):
            views.remove("result-curves")
        return views

    @property
    def turns(self) -> bool:
        """Whether there is another view of it on this terminal."""
        return len(self._views()) > 1

    def turn(self) -> None:
        """Show the next of trades, candles and, on low terminals, curves and months."""
        views = self._views()
        at = views.index(self._shown) if self._shown in views else 0
        self._turn_to(views[(at + 1) % len(views)])

    @property
    def has_trades(self) -> bool:
        """Whether there is a trade to open."""
        return bool(self.query_one("#result-trades", LineTable).rows)

    def _turn_to(self, view: str) -> None:
        self._shown = view
        curves = view == "result-curves"
        self.query_one(ContentSwitcher).current = "result-trades" if curves else view
        self.set_class(curves, "-only-curves")
        self.set_class(view != "result-trades", "-turned")
        if view == "result-chart":
            self._draw_candles()
        drawn = "#result-months" if self.has_class("-no-curves") else "#result-equity"
        self.query_one(drawn if curves else f"#{view}").focus()
        self.call_after_refresh(self._entitle)  # as wide as the panes are by then

    def on_resize(self) -> None:
        """Leave the curves where they have a place of their own by now."""
        if self._shown not in self._views():
            self._turn_to("result-trades")
        self._entitle()

    def _give_room(self) -> None:
        """Give what is said the lines it needs, as far as curves and tables keep theirs."""
        if not self.is_attached:
            return
        said, whole = self.query_one("#result-said"), self.query_one("#result-whole")
        if self.screen.has_class("-short"):
            said.styles.max_height = None  # as on any low terminal
            return
        trades = min(_TABLES, len(self.query_one("#result-trades", LineTable).rows) + 2)
        above = said.region.y - whole.region.y
        left = whole.size.height - above - said.styles.margin.height - _CURVES - trades
        said.styles.max_height = max(_SAID, left)

    def _entitle(self) -> None:
        """Say in the titles which views take turns."""
        trades = self.query_one("#result-trades", LineTable)
        chart = self.query_one("#result-chart", CandleChart)
        candles = f"{chart.symbol} {chart.shown(self._report.timeframe)}".strip()
        names = {
            "result-trades": f"Trades · {len(trades.rows):,}",
            "result-chart": candles if self._shown == "result-chart" else "Candles",
            "result-curves": "Equity and months",
        }
        if self._shown == "result-curves" and self._curve_title != "Equity":
            names[self._shown] = self._curve_title  # it says what else is drawn
        views = self._views()
        titles = [names[view] for view in views]
        shown = views.index(self._shown) if self._shown in views else 0
        entitle_views(trades, titles, shown)
        entitle_views(chart, titles, shown, chart.readings)
        bare = self.has_class("-no-curves")
        equity, months = self.query_one("#result-equity"), self.query_one("#result-months")
        entitle(equity, self._curve_title)
        entitle(months, "Months" if self._zone is UTC else "Months · UTC")
        if self._shown == "result-curves":
            entitle_views(months if bare else equity, titles, shown)

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
        chart.draw((), (), [mark for trade in here for mark in trade_marks(trade)], self._zone)
        if self._source is not None:
            since = None if picked is None else picked.signal_time
            chart.look_at(self._source, symbol, report.timeframe, None, since)
        self._entitle()

    @on(CandleChart.Turned)
    def _turned(self) -> None:
        self._entitle()

    @on(LineTable.Chosen, "#result-trades")
    def open_trade(self) -> None:
        """Show the trade under the cursor by itself."""
        trades, table = self._trades(), self.query_one("#result-trades", LineTable)
        keys = [row.key for row in table.rows if row.key in trades]
        if table.cursor_key not in keys:
            return
        shown, place = [trades[key] for key in keys], keys.index(table.cursor_key)
        name, timeframe = self._report.strategy or "", self._report.timeframe
        session, source = self._report.session_id, self._source
        self.app.push_screen(
            TradeScreen(
                name,
                shown,
                place,
                timeframe,
                source,
                session,
                self._report,
                left_at=lambda at: table.move_to(keys[at]),
            )
        )


def _pane(widget: Widget, title: str) -> Widget:
    widget.add_class("pane")
    entitle(widget, title)
    return widget
