"""One trade or open position of a session or backtest: its candles and its fields."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from core.market.candles.timeframes import Timeframe
from core.strategy.chart_values import ChartSource
from core.text import safe_text
from core.trading.values import OpenTrade, Trade
from tui import formats
from tui.commands import Place, bindings
from tui.screens.base import BaseScreen, entitle, write
from tui.screens.trade_fields import (
    entry_glyph,
    entry_marks,
    exit_marks,
    fields_of_trade,
    part_text,
    written,
)
from tui.widgets.candle_chart import CandleChart
from tui.widgets.candle_picture import Mark, PriceLevel
from tui.widgets.columns import Column
from tui.widgets.line_table import Cell, LineTable, Row
from tui.widgets.tones import Tone, tone_of

_COLUMNS = (Column("", 12, grow=12), Column("", 16, "right", grow=6))
_TWICE = (Column("", 12), Column("", 18, "right"), Column("", 2), *_COLUMNS)
_TWICE_FROM = 72  # columns of the terminal: on fewer a label or a figure would be cut
_AROUND = 20  # candles shown before the signal and behind the exit


class TradeScreen(BaseScreen):
    """One of a run's trades. `place`: which of them; one can go on to the others.

    `timeframe`: of the strategy; `source`: has its candles, where there is one.
    """

    PLACE = Place.TRADE
    TITLE = "Trade"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.TRADE)

    def __init__(
        self,
        strategy: str,
        trades: Sequence[Trade | OpenTrade],
        place: int,
        zone: tzinfo,
        timeframe: str,
        source: ChartSource | None,
    ) -> None:
        super().__init__()
        self._strategy = strategy
        self._trades = tuple(trades)
        self._place = place
        self._zone = zone
        self._timeframe = timeframe
        self._source = source

    def body(self) -> ComposeResult:
        """Title, candles, fields."""
        yield Static("", id="trade-title")
        with Horizontal(id="trade-body"):
            yield self.pane(CandleChart(id="trade-candles"), "Candles")
            yield self.pane(
                LineTable(_COLUMNS, id="trade-fields", header=False, idle_cursor=False), "Trade"
            )

    def on_mount(self) -> None:
        """Draw it."""
        super().on_mount()
        self.query_one("#trade-fields").focus()
        self._draw()

    def _draw(self) -> None:
        trade = self._trades[self._place]
        gain = trade.unrealized_pnl if isinstance(trade, OpenTrade) else trade.pnl
        state = "open" if isinstance(trade, OpenTrade) else f"trade {trade.id}"
        title = Content.assemble(
            (safe_text(f"{trade.symbol} {trade.side.value}"), "bold $foreground"),
            (safe_text(f"   {state} of {self._strategy}   "), "$dim"),
            (formats.change(gain), tone_of(gain).css),
            (f"   {self._place + 1} of {len(self._trades)}", "$dim"),
        )
        write(self.query_one("#trade-title", Static), title)
        self._draw_candles(trade)
        self._draw_fields()

    @on(CandleChart.Turned)
    def _turned(self) -> None:
        self._entitle_chart()
        self._draw_fields()

    def on_resize(self, event: events.Resize) -> None:
        """Put the fields beside each other where the candles are above them, and there is room."""
        super().on_resize(event)
        if self.ready:
            self._draw_fields()

    def _draw_fields(self) -> None:
        """Write what the trade was, and the indicators at the candle that decided its entry."""
        trade = self._trades[self._place]
        rows = [
            (name, label, written(name, value, self._zone))
            for name, label, value in fields_of_trade(trade)
        ]
        if not isinstance(trade, OpenTrade):
            rows.append(("held", "Held", formats.span(trade.exit_time - trade.entry_time)))
        for number, more in enumerate(trade.entries, start=1):
            rows.append((f"entry-{number}", f"Entry {number}", part_text(more)))
            when = written("entry_time", more.time, self._zone)
            rows.append((f"entered-{number}", "", when))
        for number, part in enumerate(trade.parts, start=1):
            rows.append((f"part-{number}", f"Part {number}", part_text(part)))
            reason = part.reason.value.replace("_", " ")
            rows.append((f"left-{number}", reason, written("exit_time", part.time, self._zone)))
        chart = self.query_one("#trade-candles", CandleChart)
        known = {} if chart.timeframe else chart.values_at(trade.signal_time)
        rows += [(f"at {name}", name, _reading(value)) for name, value in known.items()]
        table = self.query_one("#trade-fields", LineTable)
        made = [Row(name, (Cell(label, Tone.DIM), Cell(text))) for name, label, text in rows]
        beside = self.has_class("-narrow") and self.size.width >= _TWICE_FROM
        table.take_columns(_TWICE if beside else _COLUMNS)
        table.set_rows(_beside(made) if beside else made)
        entitle(table, "Trade · indicators at its signal" if known else "Trade")

    def _draw_candles(self, trade: Trade | OpenTrade) -> None:
        chart = self.query_one("#trade-candles", CandleChart)
        levels = open_levels(trade) if isinstance(trade, OpenTrade) else []
        self._entitle_chart()
        chart.draw((), levels, trade_marks(trade), self._zone)
        if self._source is None:
            chart.set_empty("A result is kept without its candles: R on it runs it again.")
            return
        length = next((one.ms for one in Timeframe if one.value == self._timeframe), 0)
        until = None if isinstance(trade, OpenTrade) else trade.exit_time + _AROUND * length
        since = trade.signal_time - _AROUND * length
        chart.look_at(self._source, trade.symbol, self._timeframe, until, since)

    def _entitle_chart(self) -> None:
        trade = self._trades[self._place]
        chart = self.query_one("#trade-candles", CandleChart)
        glyph = entry_glyph(trade.side)
        shown = chart.shown(self._timeframe)
        entitle(chart, f"{trade.symbol} {shown} · {glyph} entry ◆ exit")

    def action_back(self) -> None:
        """Return to where one came from."""
        self.dismiss()

    def action_other(self, step: int) -> None:
        """Go on to another trade of the list."""
        self._place = (self._place + step) % len(self._trades)
        self._draw()


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


def trade_marks(trade: Trade | OpenTrade) -> list[Mark]:
    """The entries of a trade and its exits so far."""
    gain = trade.unrealized_pnl if isinstance(trade, OpenTrade) else trade.pnl
    entries = entry_marks(trade, entry_glyph(trade.side), Tone.ACCENT)
    return [*entries, *exit_marks(trade, "◆", tone_of(gain))]


def open_levels(position: OpenTrade) -> list[PriceLevel]:
    """Entry, stop and target of a position, as levels across the chart."""
    levels = [PriceLevel("entry", position.entry_price, Tone.ACCENT)]
    if position.stop_price is not None:
        levels.append(PriceLevel("stop", position.stop_price, Tone.LOSS))
    if position.target_price is not None:
        levels.append(PriceLevel("target", position.target_price, Tone.GAIN))
    return levels
