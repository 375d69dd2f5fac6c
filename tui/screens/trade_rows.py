"""Closed trades as rows of a table, be they a session's, a report's or those of several sessions.

Each cell is known by the label of its column, so that a table takes the columns it has room for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import tzinfo
from functools import partial

from core.market.symbols import money_decimals
from core.report.written_report import ReportedTrade
from core.time_format import parse_time
from core.trading.values import ExitReason, Side, Trade
from tui import formats
from tui.screens.trade_fields import exit_text
from tui.widgets.columns import Column
from tui.widgets.table_rows import Cell, Row
from tui.widgets.tones import Tone, tone_of

When = Callable[[int | str | None], Cell]
"""How a table writes a time: UTC ms, or ISO 8601."""


def trade_columns(time_width: int, *, several: bool) -> tuple[Column, ...]:
    """The columns of closed trades, their times written in so many cells.

    Where there are `several` symbols, narrow terminals keep the symbol and leave the exit out.
    """
    return (
        Column("#", 4, "right", priority=5),
        Column("SYMBOL", 9, priority=0 if several else 2, grow=6),
        Column("SIDE", 5),
        Column("BY HAND", 7, optional=True),
        Column("SIGNAL", time_width, priority=11),
        Column("ENTERED", time_width, priority=3),
        Column("ENTRY", 10, "right"),
        Column("EXITED", time_width, priority=1),
        Column("EXIT", 10, "right", priority=2 if several else 0),
        Column("MOVE %", 9, "right", priority=10),
        Column("HELD", 7, "right", priority=8),
        Column("QUANTITY", 10, "right", priority=6),
        Column("MARGIN", 12, "right", priority=9),
        Column("LEVER", 5, "right", priority=9, optional=True),
        Column("FEES", 8, "right", priority=7),
        Column("FUNDING", 10, "right", priority=9, optional=True),
        Column("P&L", 12, "right"),
        Column("P&L %", 9, "right", priority=1),
        Column("SUM P&L", 12, "right", priority=12),
        Column("REASON", 13, priority=4, grow=12),
    )


def in_zone(zone: tzinfo, *, dated: bool = False) -> When:
    """Times in a zone, as short as can be; `dated`: with the year."""
    return partial(_in_zone, zone, formats.date_time if dated else formats.day_time)


def _in_zone(
    zone: tzinfo, write: Callable[[int | None, tzinfo], str], time: int | str | None
) -> Cell:
    known = milliseconds(time)
    unread = isinstance(time, str) and known is None  # it is no time: as somebody wrote it
    return Cell(str(time)[:16] if unread else write(known, zone), Tone.DIM, order=known)


def trade_rows(
    trades: Sequence[Trade | ReportedTrade], columns: Sequence[Column], when: When
) -> list[Row]:
    """Trades in the order in which they closed as rows, the newest first, by their places."""
    rows: list[Row] = []
    decimals = money_decimals(*{trade.symbol or "" for trade in trades})
    so_far: float | None = 0.0  # unknown from the first P&L on that is
    for place, trade in enumerate(trades):
        cells = trade_cells(trade, when, place)
        so_far = None if so_far is None or trade.pnl is None else so_far + trade.pnl
        cells["SUM P&L"] = Cell(
            formats.change(so_far, decimals=decimals), tone_of(so_far, decimals), order=so_far
        )
        rows.append(Row(str(place), tuple(cells[column.label] for column in columns)))
    return rows[::-1]


def trade_cells(trade: Trade | ReportedTrade, when: When, place: int = 0) -> dict[str, Cell]:
    """The cells of a trade by the labels of their columns; `place`: among those of its run."""
    number = place + 1 if trade.id is None else trade.id
    held = held_ms(trade)
    move = _move(trade)
    leverage = f"{trade.leverage:g}×" if trade.leverage not in (None, 1.0) else ""
    decimals = money_decimals(trade.symbol or "")
    funding = formats.funding(trade.funding, decimals) if trade.funding else ""
    received = None if trade.funding is None else -trade.funding
    return {
        "#": Cell(str(number), Tone.DIM, order=number),
        "SYMBOL": Cell(trade.symbol or formats.UNKNOWN),
        "SIDE": Cell(trade.side or formats.UNKNOWN),
        "BY HAND": Cell(_done_by_hand(trade), Tone.WARNING),
        "SIGNAL": _signal(trade, when),
        "ENTERED": when(trade.entry_time),
        "ENTRY": Cell(formats.price(trade.entry_price), order=trade.entry_price),
        "EXITED": when(trade.exit_time),
        "EXIT": Cell(formats.price(trade.exit_price), order=trade.exit_price),
        "MOVE %": Cell(formats.change_percent(move), Tone.DIM, order=move),
        "HELD": Cell(formats.span(held), Tone.DIM, order=held),
        "QUANTITY": Cell(formats.quantity(trade.quantity), order=trade.quantity),
        "MARGIN": Cell(formats.money(trade.margin, decimals), Tone.DIM, order=trade.margin),
        "LEVER": Cell(leverage, Tone.DIM, order=trade.leverage),
        "FEES": Cell(formats.money(trade.fees, decimals), Tone.DIM, order=trade.fees),
        "FUNDING": Cell(funding, Tone.DIM, order=received),
        "P&L": Cell(
            formats.change(trade.pnl, decimals=decimals),
            tone_of(trade.pnl, decimals),
            order=trade.pnl,
        ),
        "P&L %": Cell(
            formats.change_percent(trade.pnl_pct), tone_of(trade.pnl_pct), order=trade.pnl_pct
        ),
        "REASON": Cell(_reason(trade), Tone.DIM),
    }


def held_ms(trade: Trade | ReportedTrade) -> int | None:
    """How long a trade was held (`seconds_held`), ms; None where its times are not known."""
    # Loads numpy, which the first frame must not wait for; whoever has trades has it.
    from core.trading.position import seconds_held  # noqa: PLC0415

    begun, over = milliseconds(trade.entry_time), milliseconds(trade.exit_time)
    if begun is None or over is None:
        return None
    fills = milliseconds(trade.entry_filled_at), milliseconds(trade.exit_filled_at)
    return round(seconds_held(begun, over, *fills) * 1000)


def _done_by_hand(trade: Trade | ReportedTrade) -> str:
    """Which ends of a trade a person decided on; empty where the strategy did on both."""
    left = trade.exit_reason == ExitReason.MANUAL
    return "both" if trade.by_hand and left else "entry" if trade.by_hand else "exit" * left


def _signal(trade: Trade | ReportedTrade, when: When) -> Cell:
    """When its signal came: of what a person entered there was none."""
    cell = when(trade.signal_time)
    return replace(cell, text="by hand") if trade.by_hand else cell


def _reason(trade: Trade | ReportedTrade) -> str:
    reason = exit_text(trade.exit_reason)
    marks = (" ?" if trade.ambiguous else "") + (" late" if trade.seen_late else "")
    marks += f" ×{len(trade.parts)}" if trade.parts else ""
    return reason + marks


def _move(trade: Trade | ReportedTrade) -> float | None:
    """From entry to exit in per cent of the entry price, up where it went the trade's way."""
    if trade.entry_price is None or trade.exit_price is None or trade.entry_price <= 0:
        return None
    if trade.side not in (Side.LONG.value, Side.SHORT.value):
        return None
    return Side(trade.side).sign * (trade.exit_price / trade.entry_price - 1) * 100


def milliseconds(time: int | str | None) -> int | None:
    """A time that may be ISO 8601, UTC ms; None where it is none."""
    if isinstance(time, str):
        with suppress(ValueError):
            return parse_time(time)
        return None
    return time
