"""One session as its screen shows it: values in, rows, levels, marks and texts out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, tzinfo

from core.journal.values import SessionState
from core.market.candles.candle import Candle
from core.market.candles.timeframes import Timeframe
from core.market.symbols import money_decimals
from core.session.snapshot import SessionDetail, SessionSnapshot
from core.strategy.signals.reading import Reading
from core.trading.values import Trade
from tui import formats
from tui.modals.notes import alert_words
from tui.screens import trade_rows as trade_table
from tui.screens.sessions_table import (
    HOST_CLOCK,
    UNREAD,
    age_of,
    elapsed,
    equity_of,
    has_own_clock,
    planned_end,
    pnl_pct,
    today,
    total_pnl,
    trades_of,
)
from tui.screens.trade_fields import open_levels, trade_marks
from tui.widgets.candle_picture import Mark, PriceLevel
from tui.widgets.columns import Column
from tui.widgets.figures import Figure
from tui.widgets.table_rows import Cell, Row
from tui.widgets.tones import Tone, state_words, tone_of

FEED_COLUMNS = (Column("", 60, grow=200),)


def trade_table_of(
    session: SessionSnapshot, trades: Sequence[Trade], zone: tzinfo
) -> tuple[tuple[Column, ...], list[Row]]:
    """Columns and rows of a session's closed trades, the newest first.

    Their times have a year where they are not all of the one that the session is in.
    """
    years = {formats.year(trade.entry_time, zone) for trade in trades[:1]}
    dated = not years <= {formats.year(session.now, zone)}
    when = trade_table.in_zone(zone, dated=dated)
    width = len("2025-11-22 14:02" if dated else "22 Nov 14:02")
    columns = trade_table.trade_columns(width, several=len(session.symbols) > 1)
    return columns, trade_table.trade_rows(trades, columns, when)


def title(
    session: SessionSnapshot, zone: tzinfo, *, briefly: bool = False
) -> list[tuple[str, Tone]]:
    """What the session is and how it stands, in parts; what is dim gives way, the last first.

    When it is to end follows from how long it has run of what; when it ended follows from nothing.
    On a market with a clock of its own all times are by that: it stands there, `briefly` without
    its day, and what is blocked without the names where it is more than one.
    """
    word, tone = state_words(session.state)
    symbols = ", ".join(session.symbols[:3]) + (" …" if len(session.symbols) > 3 else "")
    blocked = f"{', '.join(session.blocked)} blocked"
    if briefly and session.blocked:
        more = len(session.symbols) - 1
        symbols = session.symbols[0] + f" +{more}" * bool(more)
        if len(session.blocked) > 1:
            blocked = f"{len(session.blocked)} of {more + 1} blocked"
    parts = [
        (session.strategy, Tone.STRONG),
        (f"{symbols} {session.timeframe}", Tone.PLAIN),
        (session.mode.value, Tone.ACCENT),
        *((("trial", Tone.INFO),) * (session.trial is not None)),
        (word, tone),
        *(((blocked, Tone.WARNING),) * bool(session.blocked)),
    ]
    end, ran = planned_end(session, zone), elapsed(session)
    if session.ended is not None:
        parts += [(end, Tone.PLAIN), (ran, Tone.DIM), (session.id, Tone.DIM)]
    else:
        write = formats.minute if briefly else formats.day_time
        market = ((f"market {write(session.now, zone)}", Tone.DIM),) * has_own_clock(session)
        named = ((session.id, Tone.DIM),)
        # What went wrong is looked up by the ID, which gives way after the clock then.
        parts += [
            (ran, Tone.DIM),
            *((*named, *market) if session.state_reason else (*market, *named)),
        ]
        parts += ((end, Tone.DIM),) * bool(end)
    parts += [(f"#{tag}", Tone.DIM) for tag in session.notes.tags]
    if session.state_reason:
        parts.append((session.state_reason, tone))
    return parts


def figures(session: SessionSnapshot, zone: tzinfo = UTC) -> tuple[Figure, ...]:
    """The headline of one session."""
    stale = session.state is SessionState.STALE
    gain, share = total_pnl(session), pnl_pct(session)
    wins = session.wins / session.trades_count * 100 if session.trades_count else None
    open_pnl = session.unrealized_pnl if session.open_positions else None
    decimals = money_decimals(*session.symbols)
    age, gained = age_of(session), None if session.unread else session.pnl_today
    since_midnight = Figure(
        today(session.now, zone),
        formats.change(gained, decimals=decimals),
        tone_of(gained, decimals),
        priority=1,
    )
    shown = (
        Figure("EQUITY", formats.money(equity_of(session), decimals), width=11),
        Figure(
            "P&L",
            formats.change(gain, decimals=decimals),
            Tone.STALE if stale else tone_of(gain, decimals),
            width=11,
        ),
        Figure("P&L %", formats.change_percent(share), Tone.STALE if stale else tone_of(share)),
        *(() if session.state.ended else (since_midnight,)),
        Figure(
            "OPEN P&L",
            formats.change(open_pnl, decimals=decimals),
            Tone.STALE if stale else tone_of(open_pnl, decimals),
        ),
        Figure("TRADES", trades_of(session)),
        Figure("WIN RATE", formats.percent(wins), priority=3),
        Figure("FILLS", session.fills.value, Tone.PLAIN, priority=4),
        Figure(
            f"{session.feed.value.upper()} FEED",
            "closed" if session.state.ended else formats.ago(age),
            Tone.STALE if stale else Tone.DIM,
            priority=2,
        ),
    )
    # What has ended moves no more, and does not look as if it did.
    return tuple(replace(one, tone=Tone.DIM) for one in shown) if session.state.ended else shown


def no_position(session: SessionSnapshot) -> str:
    """What is said where no position is shown."""
    if session.unread:
        return UNREAD
    return "No position was open at the end." if session.state.ended else "Flat."


def no_trade(session: SessionSnapshot) -> str:
    """What is said where no closed trade is shown."""
    held = session.open_positions
    if len(held) == 1:
        return f"No trade has closed yet: {held[0].symbol} {held[0].side.value} is open."
    if held:
        return f"No trade has closed yet: {len(held)} positions are open."
    return "It closed no trade." if session.state.ended else "No trade yet."


def no_line(session: SessionSnapshot) -> str:
    """What is said where no line of its log is shown."""
    if session.state.ended or session.trades_count:
        return "The log has no line of it left; r shows its report."
    return "Nothing logged yet."


def positions_in_a_line(session: SessionSnapshot) -> list[tuple[str, Tone]]:
    """The open positions in a few words each, for terminals without room for their table.

    None where there is none: the title of the conditions says `Flat`.
    """
    if session.unread:
        return [(no_position(session), Tone.DIM)]
    if not session.open_positions:
        waiting = (f"{one.symbol}: {formats.waiting(one)}" for one in session.waiting_orders)
        return [(text, Tone.DIM) for text in waiting]
    parts: list[tuple[str, Tone]] = []
    for one in session.open_positions:
        stop = "" if one.stop_price is None else f", stop {formats.price(one.stop_price)}"
        size, entry = formats.quantity(one.quantity), formats.price(one.entry_price)
        parts.append((f"{one.symbol} {one.side.value} {size} from {entry}{stop}", Tone.PLAIN))
        gain, decimals = one.unrealized_pnl, money_decimals(one.symbol)
        parts.append((formats.change(gain, decimals=decimals), tone_of(gain, decimals)))
    return parts


def why(session: SessionSnapshot, readings: Sequence[Reading], symbol: str) -> str:
    """In one line: what the conditions come to for this symbol."""
    held = next((one for one in session.open_positions if one.symbol == symbol), None)
    holding, last = held is not None, session.last_candle
    entries = [one for one in readings if one.group == "entry" and not one.depth]
    exits = [one for one in readings if one.group == "exit" and not one.depth]
    if not readings or session.unread:
        return "Why (not) now"
    if session.state is SessionState.PAUSED and not holding:
        return "Why not now · paused, no entries"
    if symbol in session.blocked and not holding:
        return "Why not now · blocked by hand, K allows"
    if not session.state.ended and symbol in session.asked_out:
        return "In position · closes by hand at the next price"
    if not session.state.ended and symbol in session.asked_in:
        return "Flat · enters by hand at the next price"
    if holding:
        if not exits:
            return "In position · it has no exit condition"
        closed = None if last is None else Timeframe(session.timeframe).next_open(last)
        if held is not None and closed is not None and held.entry_time >= closed:
            return "In position · exits decide at the next close"
        true = sum(reading.holds is True for reading in exits)
        return f"In position · {true} of {len(exits)} exits hold, one suffices"
    if session.state.ended:
        return "Conditions at the end"
    for order in session.waiting_orders:
        if order.symbol == symbol:
            return f"Flat · {formats.waiting(order)}"
    true = sum(reading.holds is True for reading in entries)
    return f"Flat · {true} of {len(entries)} entry conditions hold"


def levels_and_marks(
    session: SessionSnapshot, detail: SessionDetail, symbol: str
) -> tuple[list[PriceLevel], list[Mark]]:
    """What the session did in a symbol, and the prices it waits for."""
    levels: list[PriceLevel] = []
    marks: list[Mark] = []
    for trade in detail.trades:
        if trade.symbol == symbol:
            marks += trade_marks(trade)
    for position in session.open_positions:
        if position.symbol != symbol:
            continue
        marks += trade_marks(position)
        levels += open_levels(position)
    for order in session.waiting_orders:
        if order.symbol == symbol:
            levels.append(PriceLevel("order", order.price, Tone.ACCENT))
    return levels, marks


def candles_until_now(detail: SessionDetail, symbol: str) -> tuple[Candle, ...]:
    """The candles of a symbol up to the present price.

    Where the feed does not tell the candle that is forming, the price alone makes one.
    """
    candles = detail.candles.get(symbol, ())
    forming, price = detail.forming.get(symbol), detail.prices.get(symbol)
    if forming is None and price is not None and len(candles) > 1:
        last = candles[-1]
        low, high = sorted((last.close, price))
        next_time = 2 * last.time - candles[-2].time
        forming = Candle(next_time, last.close, high, low, price, 0.0)
    return candles if forming is None else (*candles, forming)


def feed_title(session: SessionSnapshot) -> str:
    """What the pane of `feed_rows` is called: how many notices there are, and alerts set."""
    waiting = sum(one.told is None for one in session.notes.alerts)
    counted = ((len(session.notices), "notice"), (waiting, "alert"))
    parts = [f"{count} {what}{'s'[: count != 1]}" for count, what in counted if count]
    return " · ".join(["Feed", *parts])


def feed_rows(session: SessionSnapshot, detail: SessionDetail, zone: tzinfo = UTC) -> list[Row]:
    """What its owner should know, what is planned, and what the feed says of itself."""
    notices, jobs = (
        [formats.named_in_zone(one, zone) for one in said]
        for said in (session.notices, session.next_jobs)
    )
    lines = [(f"! {notice}", Tone.WARNING) for notice in notices]
    lines += [(f"note: {session.notes.note}", Tone.PLAIN)] if session.notes.note else []
    lines += [(words, Tone.PLAIN) for words in alert_words(session.notes.alerts)]
    whose = f", by {HOST_CLOCK}" if has_own_clock(session) else ""
    lines += [(f"job {job}{whose}", Tone.PLAIN) for job in jobs]
    lines += [(line, Tone.DIM) for line in detail.feed_health]
    return [Row(str(number), (Cell(text, tone),)) for number, (text, tone) in enumerate(lines)]
