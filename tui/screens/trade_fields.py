"""The fields of one trade or open position, named and written, and its marks on a chart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo

from core.market.symbols import money_decimals
from core.text import reason_text
from core.trading.values import Addition, OpenTrade, Side, Trade, TradePart
from tui import formats
from tui.widgets.candle_picture import Mark, PriceLevel
from tui.widgets.tones import Tone, tone_of

TRADE_FIELDS = (
    ("entered_by", "Entered by"),
    ("signal_time", "Signal"),
    ("entry_time", "Entered"),
    ("entry_filled_at", "Filled at"),
    ("entry_price", "Entry"),
    ("exit_time", "Exited"),
    ("exit_filled_at", "Filled at"),
    ("exit_price", "Exit"),
    ("exit_reason", "Reason"),
    ("quantity", "Quantity"),
    ("fees", "Fees"),
    ("funding", "Funding"),
    ("pnl", "P&L"),
)
OPEN_FIELDS = (
    ("mark_price", "Mark"),
    ("stop_price", "Stop"),
    ("target_price", "Target"),
    ("liquidation_price", "Liquidation"),
    ("unrealized_pnl", "Open P&L"),
)
_CHANGES = ("pnl", "unrealized_pnl")


def exit_text(reason: str | None) -> str:
    """Why a trade was left, as screens say it."""
    return formats.UNKNOWN if reason is None else reason_text(reason)


def written(
    name: str,
    value: float | str | None,
    zone: tzinfo = UTC,
    *,
    decimals: int = 2,
    dated: bool = False,
) -> str:
    """A field of a trade as it is shown; its times in a zone, its money in so many decimals.

    `dated`: times with their year.
    """
    if isinstance(value, str) and name == "exit_reason":
        return exit_text(value)
    if isinstance(value, str):
        return value.replace("_", " ")
    if value is None:
        return formats.UNKNOWN
    if name.endswith("_price"):
        return formats.price(value)
    if name == "quantity":
        return formats.quantity(value)
    if name in _CHANGES:
        return formats.change(value, decimals=decimals)
    if name == "fees":
        return formats.money(value, decimals)
    if name == "funding":
        return formats.funding(value, decimals)
    write = formats.date_time if dated else formats.day_time
    return write(int(value), zone, seconds=name.endswith("filled_at"))


def part_text(part: TradePart | Addition) -> str:
    """How much of a trade was entered or left at once, and for what price."""
    return f"{formats.quantity(part.quantity)} at {formats.price(part.price)}"


def entry_glyph(side: Side) -> str:
    """The mark of an entry on a chart."""
    return "▲" if side is Side.LONG else "▼"


def entry_marks(trade: Trade | OpenTrade, glyph: str, tone: Tone) -> list[Mark]:
    """Where a trade was entered, on a chart: each of its entries."""
    if trade.entries:
        return [Mark(one.time, one.price, glyph, tone) for one in trade.entries]
    return [Mark(trade.entry_time, trade.entry_price, glyph, tone)]


def exit_marks(trade: Trade | OpenTrade, glyph: str, tone: Tone) -> list[Mark]:
    """Where a trade was left, on a chart: each of its parts, or the one exit."""
    if trade.parts:
        return [Mark(part.time, part.price, glyph, tone) for part in trade.parts]
    if isinstance(trade, OpenTrade):
        return []
    return [Mark(trade.exit_time, trade.exit_price, glyph, tone)]


def trade_marks(trade: Trade | OpenTrade) -> list[Mark]:
    """The entries of a trade and its exits so far."""
    gain = trade.unrealized_pnl if isinstance(trade, OpenTrade) else trade.pnl
    entries = entry_marks(trade, entry_glyph(trade.side), Tone.ACCENT)
    return [*entries, *exit_marks(trade, "◆", tone_of(gain, money_decimals(trade.symbol)))]


def closed_levels(trade: Trade) -> list[PriceLevel]:
    """Entry and exit of a closed trade, as levels across the chart."""
    return [
        PriceLevel("entry", trade.entry_price, Tone.ACCENT),
        PriceLevel("exit", trade.exit_price, tone_of(trade.pnl, money_decimals(trade.symbol))),
    ]


def open_levels(position: OpenTrade) -> list[PriceLevel]:
    """Entry, stop and target of a position, as levels across the chart."""
    levels = [PriceLevel("entry", position.entry_price, Tone.ACCENT)]
    if position.stop_price is not None:
        levels.append(PriceLevel("stop", position.stop_price, Tone.LOSS))
    if position.target_price is not None:
        levels.append(PriceLevel("target", position.target_price, Tone.GAIN))
    return levels


def fields_of_trade(trade: Trade | OpenTrade) -> Sequence[tuple[str, str, float | str]]:
    """The fields a trade has: name, label and value."""
    found = []
    for name, label in (*TRADE_FIELDS, *OPEN_FIELDS):
        value = getattr(trade, name, None)
        if name == "entered_by" and trade.by_hand:
            value = "hand"
        if name.endswith("_filled_at") and value is not None:
            of_candle = getattr(trade, name.replace("_filled_at", "_time"))
            if value // 1000 == of_candle // 1000:  # written alike: once is enough
                continue
        if value is not None:
            # What a person entered had no signal: see `Trade.by_hand`.
            unsignalled = name == "signal_time" and trade.by_hand
            found.append((name, "Last candle" if unsignalled else label, value))
    return found
