"""One trade or open position of a session or backtest.

Its candles, its fields, the conditions at its signal, why it was left, and of a session's trade
the backtest's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static
from textual.worker import Worker

from core.host.link import CommandError
from core.market.candles.candle import Candle
from core.market.candles.timeframes import Timeframe
from core.market.symbols import money_decimals
from core.report.written_report import ReportError, WrittenReport, written_report
from core.session.snapshot import HostSnapshot, SessionSnapshot
from core.strategy.chart_values import ChartSource
from core.text import safe_text
from core.trading.values import OpenTrade, Trade
from tui import formats
from tui.commands import Place, bindings
from tui.screens.base import NARROW, SHORT, BaseScreen, entitle, entitle_views, write
from tui.screens.compare import show_comparison
from tui.screens.conditions import ExitConditions, SignalConditions, conditions_title
from tui.screens.trade_fields import (
    closed_levels,
    entry_glyph,
    fields_of_trade,
    open_levels,
    part_text,
    trade_marks,
    written,
)
from tui.screens.trade_rows import held_ms
from tui.screens.twin import STILL_RUNS, TWIN_COLUMNS, twin_of, twin_rows, twin_title
from tui.widgets.candle_chart import CandleChart
from tui.widgets.columns import Column
from tui.widgets.line_table import LineTable
from tui.widgets.table_rows import Cell, Row
from tui.widgets.tones import Tone, tone_of

_COLUMNS = (Column("", 12, grow=12), Column("", 16, "right", grow=6))
_TWICE = (
    *(Column("", 12), Column("", 18, "right"), Column("", 2)),
    *(Column("", 16, grow=8), Column("", 16, "right", grow=6)),
)
_TWICE_FROM = 76  # columns of the terminal: on fewer a label or a figure would be cut
_VIEWS = {
    "trade-fields": "Trade",
    "trade-conditions": "Entry",
    "trade-exit": "Exit",
    "trade-twin": "Backtest",
}
"""What takes turns on a low terminal, and what each is called while another is shown."""
_DECISIONS = ["trade-conditions", "trade-exit"]
_BOTH_FROM = 40  # lines of the terminal: on fewer the candles would be left too little
_NO_CANDLES = "It is not known where its candles are: a backtest run again shows them."
_AROUND = 20  # candles shown before the signal and behind the exit


class TradeScreen(BaseScreen):
    """One of a run's trades. `place`: which of them; one can go on to the others.

    `left_at`: told the place of the one that was shown last, when one returns from it.

    `timeframe`: of the strategy; `source`: has its candles, where there is one. `session`: the ID
    of that which made them; open positions move on with its prices while one looks. `report`: of
    that session, where it is at hand; of one that has ended the host is asked for it.
    """

    PLACE = Place.TRADE
    TITLE = "Trade"
    LARGEST = "#trade-candles"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.TRADE)

    def __init__(
        self,
        strategy: str,
        trades: Sequence[Trade | OpenTrade],
        place: int,
        timeframe: str,
        source: ChartSource | None,
        session: str | None = None,
        report: WrittenReport | None = None,
        *,
        left_at: Callable[[int], None] = lambda _: None,
    ) -> None:
        super().__init__(classes="" if session else "-no-twin")
        self._session = session
        self._report = report
        self._no_report = STILL_RUNS
        self._titles: Mapping[str, str] = {}
        self._shown = ""  # which of the views is, where they take turns
        self._row: SessionSnapshot | None = None
        self._strategy = strategy
        self._trades = tuple(trades)
        self._place = place
        self._timeframe = timeframe
        self._source = source
        self._left_at = left_at
        # The step that raises the count in the title: trades are mostly listed the newest first.
        self._forward = -1 if _newest_first(self._trades) else 1

    def body(self) -> ComposeResult:
        """Title; candles, conditions at the signal, exit and the backtest's trade; fields."""
        yield Static("", id="trade-title")
        with Horizontal(id="trade-body"):
            with Vertical(id="trade-main"):
                yield self.pane(CandleChart(id="trade-candles"), "Candles")
                yield self.pane(SignalConditions(id="trade-conditions"), "Conditions")
                yield self.pane(ExitConditions(id="trade-exit"), "Exit")
                twin = LineTable(
                    TWIN_COLUMNS,
                    id="trade-twin",
                    idle_cursor=False,
                    sorts=False,
                    bare=True,
                    opens=False,
                )
                yield self.pane(twin, "The backtest's trade")
            yield self.pane(
                LineTable(
                    _COLUMNS, id="trade-fields", header=False, idle_cursor=False, opens=False
                ),
                "Trade",
            )

    def mounted(self) -> None:
        """Begin in the fields."""
        super().mounted()
        self.query_one("#trade-fields").focus()
        self._read_report()

    def draw_in(self, zone: tzinfo) -> None:
        """Draw it."""
        self._draw()

    def _read_report(self) -> None:
        """Have the host tell the report that a session wrote when it ended."""
        link, session, row = self.papertape.link, self._session, self._row
        runs = row is not None and not row.state.ended
        if link is None or session is None or self._report is not None or runs:
            return
        self._no_report = "Reading its report …"

        async def work() -> None:
            try:
                self._report = written_report(await link.report(session))
            except (CommandError, ReportError) as error:
                self._no_report = f"Its report cannot be read: {error}"
            self._draw_twin()

        _: Worker[None] = self.run_worker(work(), group="report", exit_on_error=False)
        self._draw_twin()

    def show(self, snapshot: HostSnapshot) -> None:
        """Have open positions move on, and the chart with them, to one and the same moment."""
        super().show(snapshot)
        before, session = self._row, None
        if self._session is not None:
            session = next((one for one in snapshot.sessions if one.id == self._session), None)
        if session is None or session == before:
            return
        self._row = session
        held = {(one.symbol, one.entry_time): one for one in session.open_positions}
        self._trades = tuple(
            held.get((one.symbol, one.entry_time), one) if isinstance(one, OpenTrade) else one
            for one in self._trades
        )
        if before is not None and isinstance(self._trades[self._place], OpenTrade):
            self._draw(anew=False)
            if before.last_candle != session.last_candle and self._source is not None:
                chart = self.query_one("#trade-candles", CandleChart)
                chart.look_at(self._source, chart.symbol, self._timeframe)

    def _is_over(self, trade: Trade | OpenTrade) -> bool:
        """Whether it was open and has been closed while one looked."""
        if self._row is None or isinstance(trade, Trade):
            return False
        held = [(one.symbol, one.entry_time) for one in self._row.open_positions]
        return (trade.symbol, trade.entry_time) not in held

    def _draw(self, *, anew: bool = True) -> None:
        """Draw it; not `anew` where its candles are there."""
        trade = self._trades[self._place]
        gain = trade.unrealized_pnl if isinstance(trade, OpenTrade) else trade.pnl
        decimals = money_decimals(trade.symbol)
        what, listed = _counted(self._trades, self._place, self._strategy)
        share = f"   {formats.change_percent(trade.pnl_pct)}" if isinstance(trade, Trade) else ""
        is_over = self._is_over(trade)
        over = ", closed by now: as it was last seen" if is_over else ""
        title = Content.assemble(
            (safe_text(f"{trade.symbol} {trade.side.value}"), "bold $foreground"),
            (safe_text(f"   {what}{over}   "), "$dim"),
            (formats.change(gain, decimals=decimals), tone_of(gain, decimals).css),
            (share, tone_of(gain, decimals).css),
            (f"   {listed}" if listed else "", "$dim"),
        )
        write(self.query_one("#trade-title", Static), title)
        self._draw_candles(trade, anew=anew)
        self._draw_fields()
        if anew:
            conditions = self.query_one("#trade-conditions", SignalConditions)
            conditions.look_at(self._source, trade, _NO_CANDLES)
        if anew or is_over:
            left, zone = self.query_one("#trade-exit", ExitConditions), self.papertape.zone
            left.look_at_exit(self._source, trade, self._timeframe, zone, _NO_CANDLES, over=is_over)
        self._draw_twin()

    @on(ExitConditions.Read)
    def _exit_read(self, event: ExitConditions.Read) -> None:
        self._titles = {**self._titles, "trade-exit": event.title}
        self._show_views()

    @on(CandleChart.Turned)
    def _turned(self) -> None:
        self._entitle_chart()
        self._draw_fields()

    def laid_out(self, event: events.Resize) -> None:
        """Put the fields beside each other where the candles are above them, and there is room."""
        super().laid_out(event)
        if self.ready:
            self._draw_fields()
            self.call_after_refresh(self._show_views)
            self.call_after_refresh(self._entitle_chart)

    def _draw_twin(self) -> None:
        """Show what the backtest made of the same decision, where a report tells it."""
        table, trade = self.query_one("#trade-twin", LineTable), self._trades[self._place]
        zone = self.papertape.zone
        found = self._no_report if self._report is None else twin_of(trade, self._report)
        table.set_empty(found if isinstance(found, str) else "")
        table.set_rows(() if isinstance(found, str) else twin_rows(found, zone))
        self._titles = {**self._titles, "trade-twin": twin_title(found, zone)}
        self._show_views()

    # ── views ──

    def _views(self) -> list[str]:
        """What takes turns in one place of a low terminal; nothing does on a high one."""
        left_out = {
            "trade-fields": self.size.width >= NARROW,
            "trade-twin": self._session is None,
        }
        if self.size.height < SHORT:
            return [one for one in _VIEWS if not left_out.get(one)]
        return _DECISIONS if self.size.height < _BOTH_FROM else []

    def _show_views(self) -> None:
        """Show the view whose turn it is, and say in the titles what there is."""
        views = self._views()
        if views and self._shown not in views:
            self._shown = views[0]
        for name, title in self._titles.items():
            pane = self.query_one(f"#{name}")
            pane.set_class(name in views and name != self._shown, "-waiting")
            if name not in views or len(views) == 1:
                entitle(pane, title)
            elif name == self._shown:
                titles = [title if one == name else _VIEWS[one] for one in views]
                entitle_views(pane, titles, views.index(name))

    def action_view(self) -> None:
        """Show the next of fields, conditions at the signal, exit and the backtest's trade."""
        views = self._views()
        self._shown = views[(views.index(self._shown) + 1) % len(views)]
        self._show_views()
        self.query_one(f"#{self._shown}").focus()
        self.call_after_refresh(self._show_views)  # as wide as the panes are by then

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done with the trade on this terminal."""
        if action == "view":
            return len(self._views()) > 1
        if action == "other":
            steps = [one for one in parameters if isinstance(one, int)] or [1, -1]
            places = [self._place + step * self._forward for step in steps]
            return any(0 <= place < len(self._trades) for place in places)
        return self._session is not None if action == "compare" else True

    def _draw_fields(self) -> None:
        """Write what the trade was, and the indicators at the candle that decided its entry."""
        trade = self._trades[self._place]
        decimals = money_decimals(trade.symbol)
        rows = [
            (name, label, written(name, value, self.papertape.zone, decimals=decimals, dated=True))
            for name, label, value in fields_of_trade(trade)
        ]
        if not isinstance(trade, OpenTrade):
            rows.append(("held", "Held", formats.span(held_ms(trade))))
        for number, more in enumerate(trade.entries, start=1):
            rows.append((f"entry-{number}", f"Entry {number}", part_text(more)))
            when = written("entry_time", more.time, self.papertape.zone, dated=True)
            rows.append((f"entered-{number}", "", when))
        for number, part in enumerate(trade.parts, start=1):
            rows.append((f"part-{number}", f"Part {number}", part_text(part)))
            reason = part.reason.value.replace("_", " ")
            rows.append(
                (
                    f"left-{number}",
                    reason,
                    written("exit_time", part.time, self.papertape.zone, dated=True),
                )
            )
        chart = self.query_one("#trade-candles", CandleChart)
        known = {} if chart.timeframe else chart.values_at(trade.signal_time)
        at = "AT ENTRY" if trade.by_hand else "AT SIGNAL"
        rows += [("at-signal", at, "")] * bool(known)
        rows += [(f"at {name}", name, _reading(value)) for name, value in known.items()]
        table = self.query_one("#trade-fields", LineTable)
        made = [Row(name, (Cell(label, Tone.DIM), Cell(text))) for name, label, text in rows]
        beside = self.has_class("-narrow") and self.size.width >= _TWICE_FROM
        table.take_columns(_TWICE if beside else _COLUMNS)
        table.set_rows(_beside(made) if beside else made)
        self._titles = {
            **self._titles,
            "trade-fields": "Trade",
            "trade-conditions": conditions_title(trade, self.papertape.zone),
        }
        self._show_views()

    def _draw_candles(self, trade: Trade | OpenTrade, *, anew: bool) -> None:
        chart = self.query_one("#trade-candles", CandleChart)
        levels = open_levels(trade) if isinstance(trade, OpenTrade) else closed_levels(trade)
        self._entitle_chart()
        length = next((one.ms for one in Timeframe if one.value == self._timeframe), 0)
        chart.draw(self._present(trade, length), levels, trade_marks(trade), self.papertape.zone)
        if self._source is None:
            chart.set_empty(_NO_CANDLES)
            return
        if not anew:
            return
        until = None if isinstance(trade, OpenTrade) else trade.exit_time + _AROUND * length
        since = trade.signal_time - _AROUND * length
        chart.look_at(self._source, trade.symbol, self._timeframe, until, since)

    def _present(self, trade: Trade | OpenTrade, length: int) -> tuple[Candle, ...]:
        """The candle that forms, as far as the price tells at which an open position is marked."""
        row = self._row
        if row is None or row.last_candle is None or row.state.ended:
            return ()
        if isinstance(trade, Trade) or self._is_over(trade):
            return ()
        price = trade.mark_price
        return (Candle(row.last_candle + length, price, price, price, price, 0.0),)

    def _entitle_chart(self) -> None:
        trade = self._trades[self._place]
        chart = self.query_one("#trade-candles", CandleChart)
        glyph = entry_glyph(trade.side)
        shown = chart.shown(self._timeframe)
        entitle(chart, f"{trade.symbol} {shown} · {glyph} entry ◆ exit", chart.readings)

    def action_back(self) -> None:
        """Return to where one came from, there to the trade that one has gone on to."""
        self._left_at(self._place)
        self.dismiss()

    def action_compare(self) -> None:
        """Go to the comparison of its session with the backtest."""
        if self._session is not None:
            show_comparison(self, self._session, self._strategy)

    def action_other(self, step: int) -> None:
        """Go on to the next trade of the run or list, or to the one before."""
        self._place += step * self._forward
        self._draw()
        self.refresh_hints()


def _counted(trades: Sequence[Trade | OpenTrade], place: int, strategy: str) -> tuple[str, str]:
    """What one of a list is, and its place there, where its number does not tell that already.

    All trades of a run are listed the newest first: their numbers count against the places.
    """
    trade, count = trades[place], len(trades)
    if not isinstance(trade, Trade):
        return f"open position of {strategy}", f"{place + 1} of {count}"
    if _newest_first(trades):
        return f"trade {trade.id} of {count}, {strategy}", ""
    return f"trade {trade.id} of {strategy}", f"{place + 1} of {count} listed"


def _newest_first(trades: Sequence[Trade | OpenTrade]) -> bool:
    """Whether all trades of a run are listed from its last one on."""
    numbers = [one.id for one in trades if isinstance(one, Trade)]
    return numbers == list(range(len(trades), 0, -1))


def _beside(rows: Sequence[Row]) -> list[Row]:
    """Rows of two cells in half as many lines: the second half beside the first."""
    half = -(-len(rows) // 2)
    none = (Cell(""), Cell(""))
    found = []
    for number, row in enumerate(rows[:half]):
        second = rows[half + number].cells if half + number < len(rows) else none
        found.append(Row(row.key, (*row.cells, Cell(""), *second)))
    return found


def _reading(value: float | None) -> str:
    if value is None or abs(value) >= 1:
        return formats.number(value)
    return f"{value:,.6g}"
