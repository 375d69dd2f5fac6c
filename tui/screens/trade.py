"""One trade or open position of a session: its candles, with entry and exit, and its fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Static

from core.market.candles.candle import Candle
from core.text import safe_text
from core.trading.values import OpenTrade, Side, Trade
from tui import formats
from tui.commands import Place, bindings
from tui.screens.base import BaseScreen, entitle, write
from tui.screens.trade_fields import exit_marks, fields_of_trade, part_text, written
from tui.widgets.candle_chart import CandleChart, Mark, PriceLevel
from tui.widgets.columns import Column
from tui.widgets.line_table import Cell, LineTable, Row
from tui.widgets.tones import Tone, tone_of

_COLUMNS = (Column("", 12), Column("", 24, "right", grow=10))
_AFTER = 20  # candles shown behind the exit


class TradeScreen(BaseScreen):
    """One of a session's trades. `place`: which of them; one can go on to the others."""

    PLACE = Place.TRADE
    TITLE = "Trade"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.TRADE)

    def __init__(
        self,
        strategy: str,
        trades: Sequence[Trade | OpenTrade],
        place: int,
        candles: Mapping[str, Sequence[Candle]],
        zone: tzinfo,
    ) -> None:
        super().__init__()
        self._strategy = strategy
        self._trades = tuple(trades)
        self._place = place
        self._candles = candles
        self._zone = zone

    def body(self) -> ComposeResult:
        """Title, candles, fields."""
        yield Static("", id="trade-title")
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
        rows = [
            (name, label, written(name, value, self._zone))
            for name, label, value in fields_of_trade(trade)
        ]
        for number, part in enumerate(trade.parts, start=1):
            rows.append((f"part-{number}", f"Part {number}", part_text(part)))
            reason = part.reason.value.replace("_", " ")
            rows.append((f"left-{number}", reason, written("exit_time", part.time, self._zone)))
        self.query_one("#trade-fields", LineTable).set_rows(
            Row(name, (Cell(label, Tone.DIM), Cell(text))) for name, label, text in rows
        )

    def _draw_candles(self, trade: Trade | OpenTrade) -> None:
        chart = self.query_one("#trade-candles", CandleChart)
        candles = list(self._candles.get(trade.symbol, ()))
        glyph = "▲" if trade.side is Side.LONG else "▼"
        marks = [Mark(trade.entry_time, trade.entry_price, glyph, Tone.ACCENT)]
        levels: list[PriceLevel] = []
        gain = trade.unrealized_pnl if isinstance(trade, OpenTrade) else trade.pnl
        marks += exit_marks(trade, "◆", tone_of(gain))
        if isinstance(trade, OpenTrade):
            levels = open_levels(trade)
        else:
            last = next((n for n, c in enumerate(candles) if c.time > trade.exit_time), None)
            candles = candles if last is None else candles[: last + _AFTER]
        if not candles or candles[0].time > trade.entry_time:
            entitle(chart, "The candles it was entered in are no longer at hand")
        else:
            entitle(chart, f"{trade.symbol} · {glyph} entry ◆ exit")
        chart.draw(candles, levels, marks, self._zone)

    def action_back(self) -> None:
        """Return to the session."""
        self.dismiss()

    def action_other(self, step: int) -> None:
        """Go on to another trade of the list."""
        self._place = (self._place + step) % len(self._trades)
        self._draw()


def open_levels(position: OpenTrade) -> list[PriceLevel]:
    """Entry, stop and target of a position, as levels across the chart."""
    levels = [PriceLevel("entry", position.entry_price, Tone.ACCENT)]
    if position.stop_price is not None:
        levels.append(PriceLevel("stop", position.stop_price, Tone.LOSS))
    if position.target_price is not None:
        levels.append(PriceLevel("target", position.target_price, Tone.GAIN))
    return levels
