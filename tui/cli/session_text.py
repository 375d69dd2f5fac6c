"""Writes sessions and log lines for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.market.symbols import money_decimals
from core.strategy.signals.reading import Counted
from core.text import reasons_text, signed_per_cent
from tui import formats
from tui.cli.output import table

if TYPE_CHECKING:
    from core.session.snapshot import HostSnapshot, LogLine, SessionDetail, SessionSnapshot
    from core.strategy.signals.reading import Reading


_LAST_TRADES = 5


def sessions_text(host: HostSnapshot | None, sessions: Sequence[SessionSnapshot]) -> list[str]:
    """All sessions, a line each, beneath who runs them."""
    who = "no host is running" if host is None else f"host {host.pid} ({host.kind})"
    faults = [] if host is None else [f"WRONG: {fault}" for fault in host.faults]
    if not sessions:
        return [f"{who}; no sessions", *faults]
    rows = [
        (
            session.id,
            session.state.value,
            session.strategy,
            ",".join(session.symbols),
            session.timeframe,
            session.mode.value,
            _elapsed(session),
            formats.UNKNOWN if session.unread else f"{session.trades_count:,}",
            formats.UNKNOWN if session.unread else str(len(session.open_positions)),
            formats.money(
                None if session.unread else session.equity, money_decimals(*session.symbols)
            ),
            _gain(session),
        )
        for session in sessions
    ]
    headings = (
        *("id", "state", "strategy", "symbols", "tf", "mode"),
        *("elapsed", "trades", "open", "equity", "P&L"),
    )
    return [who, *faults, *table(headings, rows, right="       >>>>")]


def session_text(session: SessionSnapshot, detail: SessionDetail | None = None) -> list[str]:
    """One session in full, with prices, conditions and its last trades where they are known."""
    lines = [
        f"{session.strategy}  {session.id}",
        f"  state        {session.state}{_because(session.state_reason)}",
        f"  mode         {session.mode}, feed {session.feed}, broker {session.broker}, "
        f"fills {session.fills}",
        f"  trades       {', '.join(session.symbols)} on {session.timeframe}",
        f"  running      {_elapsed(session)}",
        f"  last candle  {_last_candle(session)}",
    ]
    decimals = money_decimals(*session.symbols)
    if session.unread:
        lines.append("  equity       not known while its journal is still to be read")
    else:
        lines += [
            f"  equity       {formats.money(session.equity, decimals)} ({_gain(session)})",
            f"  realized     {session.realized_pnl:+z,.{decimals}f} in "
            f"{session.trades_count:,} trades",
            f"  unrealized   {session.unrealized_pnl:+z,.{decimals}f}",
        ]
    lines += [
        f"  position     {one.side} {formats.quantity(one.quantity)} {one.symbol} at "
        f"{formats.price(one.entry_price)}, now {formats.price(one.mark_price)} "
        f"({one.unrealized_pnl:+z,.{money_decimals(one.symbol)}f})"
        for one in session.open_positions
    ]
    lines += [
        f"  order        {formats.waiting(one)} {one.symbol}" for one in session.waiting_orders
    ]
    if session.notes.tags:
        lines.append(f"  tags         {' '.join(f'#{tag}' for tag in session.notes.tags)}")
    lines += [f"  your note    {line}" for line in session.notes.note.splitlines()]
    if session.orders is not None:
        lines.append(f"  testnet      orders: {formats.order_counts(session.orders)}")
    if detail is not None:
        lines += _detail_text(detail)
    lines += [f"  job          {job}" for job in session.next_jobs]
    lines += [f"  note         {notice}" for notice in session.notices]
    return lines


def _detail_text(detail: SessionDetail) -> list[str]:
    lines = [
        f"  price        {symbol} {formats.price(price)}" for symbol, price in detail.prices.items()
    ]
    lines += [
        f"  {one.group:<12} {symbol}: {'yes' if one.holds else 'no '} {one.text}, "
        f"now {formats.side(one.current, one.counted)}{_off_by(one)}"
        for symbol, readings in detail.readings.items()
        for one in readings
        if one.current is not None and one.distance is not None
    ]
    lines += [
        f"  trade        {one.side} {one.symbol} at {formats.price(one.entry_price)}"
        f"{' on average' * bool(one.entries)}, out at {formats.price(one.exit_price)}"
        f"{' on average' * bool(one.parts)} ({reasons_text(one.exit_reasons)}"
        f"{', entered by hand' * one.by_hand}) "
        f"({one.pnl:+z,.{money_decimals(one.symbol)}f})"
        for one in detail.trades[: -_LAST_TRADES - 1 : -1]  # the newest first
    ]
    return [*lines, *(f"  feed         {words}" for words in detail.feed_health[-1:])]


def _off_by(one: Reading) -> str:
    """How far a condition is from holding; nothing of one that holds."""
    if one.holds:
        return ""
    if one.beyond:
        return f", is {one.beyond} already and has to come back first"
    return f", off by {formats.side(one.distance, one.counted and Counted.ROW)}"


def log_text(line: LogLine) -> str:
    """One line of the log."""
    about = line.session_id or "-"
    return f"{formats.date_time(line.time, seconds=True)}  {line.level:<7}  {about:<8}  {line.text}"


def _last_candle(session: SessionSnapshot) -> str:
    if session.last_candle is None:
        return "none yet"
    return f"{formats.date_time(session.last_candle)} UTC"


def _because(reason: str | None) -> str:
    return "" if reason is None else f" ({reason})"


def _gain(session: SessionSnapshot) -> str:
    if session.unread or session.starting_balance <= 0:
        return formats.UNKNOWN
    return signed_per_cent((session.equity / session.starting_balance - 1) * 100)


def _elapsed(session: SessionSnapshot) -> str:
    """`2d 4h of 7d`."""
    if session.running_since is None:
        return formats.UNKNOWN
    end = session.now if session.ended is None else session.ended
    elapsed = formats.span(end - session.running_since)
    if session.planned_end is None:
        return elapsed
    return f"{elapsed} of {formats.span(session.planned_end - session.running_since)}"
