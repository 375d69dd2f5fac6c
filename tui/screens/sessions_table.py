"""A session as a row of a table, and its positions: snapshots in, rows out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo

from rich.cells import cell_len

from core.journal.values import Mode, SessionState
from core.market.candles.timeframes import DAY
from core.market.symbols import money_decimals, quote_currency
from core.session.snapshot import SessionSnapshot
from core.trading.values import OpenTrade
from tui import formats
from tui.commands.command import ALERT_SIGN, BLOCKED_SIGN, TRIAL_SIGN
from tui.widgets.columns import Column
from tui.widgets.table_rows import Cell, Row
from tui.widgets.tones import Tone, state_words, tone_of

STARTING = "Reading the sessions …"
"""What stands where sessions will be, until the host has told of any."""

UNREAD = "Known once its journal is read."

_SPARK_WIDTH = 9

SESSION_COLUMNS = (
    Column("STATE", 10),
    Column("ID", 8, priority=8),
    Column("STRATEGY", 12, grow=14, fill=20),
    Column("TAGS", 10, priority=9, grow=10, optional=True),
    Column("SYMBOLS", 11, priority=3, grow=8),
    Column("TF", 3, priority=5),
    Column("MODE", 9, priority=5, optional=True),
    Column("ELAPSED", 11, priority=6),
    Column("TRADES", 6, "right", priority=4),
    Column("WIN", 4, "right", priority=10),
    Column("OPEN P&L", 10, "right"),
    Column("P&L", 12, "right", priority=11),
    Column("P&L %", 9, "right"),
    Column("EQUITY", _SPARK_WIDTH, priority=7, fill=14),
    Column("FEED", 4, "right"),
)
_ID_BEFORE = {"ID": 0, "FEED": 1}  # their priorities where IDs tell rows apart
_ID_FIRST = tuple(
    replace(column, priority=_ID_BEFORE.get(column.label, column.priority))
    for column in SESSION_COLUMNS
)

POSITION_COLUMNS = (
    Column("SYMBOL", 10, grow=6),
    Column("SIDE", 5),
    Column("QUANTITY", 11, "right", priority=2),
    Column("ENTRY", 11, "right"),
    Column("MARK", 10, "right", priority=1),
    Column("STOP", 11, "right", priority=3),
    Column("TARGET", 11, "right", priority=4),
    Column("P&L", 11, "right"),
    Column("P&L %", 9, "right"),
    Column("HELD", 8, "right", priority=5),
)


HOST_CLOCK = "this machine's clock"
"""By what jobs are due, in words."""


OWN_CLOCK = (Mode.DEMO, Mode.REPLAY)
"""The modes of markets with a clock of their own."""


def has_own_clock(session: SessionSnapshot) -> bool:
    """Whether the session's time is that of a market with a clock of its own."""
    return session.mode in OWN_CLOCK


def whose_clock(session: SessionSnapshot) -> str:
    """By whose clock its times are, in words; empty where that is this machine's."""
    return f"by the {session.mode.value.lower()}'s clock" if has_own_clock(session) else ""


def total_pnl(session: SessionSnapshot) -> float | None:
    """What the session has gained since its start, open positions included."""
    return None if session.unread else session.equity - session.starting_balance


def pnl_pct(session: SessionSnapshot) -> float | None:
    """`total_pnl` in per cent of the starting balance."""
    gain = total_pnl(session)
    if gain is None or session.starting_balance <= 0:
        return None
    return gain / session.starting_balance * 100


def total(values: Iterable[float | None]) -> float | None:
    """The sum; unknown where there is none, or one of them is not known."""
    found, known = list(values), 0.0
    for value in found:
        if value is None:
            return None
        known += value
    return known if found else None


def equity_of(session: SessionSnapshot) -> float | None:
    """Its equity, where it is known."""
    return None if session.unread else session.equity


def trades_of(session: SessionSnapshot) -> str:
    """How many trades have closed, in words."""
    return formats.UNKNOWN if session.unread else formats.count(session.trades_count)


def columns_of(sessions: Sequence[SessionSnapshot]) -> tuple[Column, ...]:
    """The columns of these sessions' table: those that look alike are told apart by their IDs."""
    names = {(session.strategy, session.symbols) for session in sessions}
    if len(names) == len(sessions):
        return SESSION_COLUMNS
    # Beside an ID there is room for the trades only where names need no more than their headings.
    longest = {
        "STRATEGY": max(cell_len(f"{one.strategy} {_signs(one)}".rstrip()) for one in sessions),
        "SYMBOLS": max(cell_len(_symbols(one.symbols)) for one in sessions),
        "OPEN P&L": 9,
    }
    return tuple(
        replace(one, width=min(one.width, max(longest[one.label], cell_len(one.label))))
        if one.label in longest
        else one
        for one in _ID_FIRST
    )


def session_row(session: SessionSnapshot, *, of_several_modes: bool = True) -> Row:
    """The session as a row of `SESSION_COLUMNS`; the mode only where there are several."""
    word, tone = state_words(session.state)
    ended, stale = session.state.ended, session.state is SessionState.STALE
    quiet = Tone.DIM if ended else Tone.PLAIN
    win_rate = session.wins / session.trades_count * 100 if session.trades_count else None
    gained, gain = total_pnl(session), pnl_pct(session)
    moved = Tone.DIM if ended else Tone.STALE if stale else tone_of(gain)
    open_pnl = session.unrealized_pnl if session.open_positions else None
    age, decimals = age_of(session), money_decimals(*session.symbols)
    money = "".join(map(quote_currency, session.symbols[:1]))
    return Row(
        session.id,
        (
            Cell(word, tone, order=list(SessionState).index(session.state)),
            Cell(session.id, Tone.DIM),
            Cell(session.strategy, quiet if ended else Tone.STRONG, signs=_signs(session)),
            Cell(" ".join(f"#{tag}" for tag in session.notes.tags), quiet),
            Cell(_symbols(session.symbols), Tone.WARNING if _has_blocked(session) else quiet),
            Cell(session.timeframe, Tone.DIM, order=formats.length_of(session.timeframe)),
            Cell(session.mode.value * of_several_modes, quiet),
            Cell(elapsed(session), Tone.DIM, order=_spent(session)),
            Cell(trades_of(session), quiet, order=session.trades_count),
            Cell(formats.percent(win_rate, 0), quiet, order=win_rate or 0),
            Cell(
                formats.change(open_pnl, decimals=decimals),
                Tone.STALE if stale and open_pnl is not None else tone_of(open_pnl, decimals),
                order=open_pnl or 0,
                unit=money,
            ),
            Cell(formats.change(gained, decimals=decimals), moved, order=gained or 0, unit=money),
            Cell(formats.change_percent(gain), moved, order=gain or 0),
            Cell(
                formats.spark(session.equity_curve, _SPARK_WIDTH),
                Tone.DIM if stale else moved,
                order=session.equity,
                curve=session.equity_curve,
                decimals=decimals,
                unit=money,
            ),
            Cell(
                "" if ended else formats.ago(age),
                Tone.STALE if stale else Tone.DIM,
                order=age or 0,
            ),
        ),
    )


def age_of(session: SessionSnapshot) -> int | None:
    """How old the last price is, in ms; None before the first, and once the session has ended."""
    if session.last_price_at is None or session.state.ended:
        return None
    return session.now - session.last_price_at


def planned_end(session: SessionSnapshot, zone: tzinfo) -> str:
    """When a session is to end or ended, in a few words; empty where it runs until stopped."""
    if session.ended is not None:
        return f"ended {formats.date_time(session.ended, zone)}"  # it may be years ago
    if session.planned_end is not None:
        return f"until {formats.day_time(session.planned_end, zone)}"
    return ""


def _has_blocked(session: SessionSnapshot) -> bool:
    """Whether entries of a symbol are blocked by hand, which matters while it may enter."""
    return bool(session.blocked) and not session.state.ended


def _signs(session: SessionSnapshot) -> str:
    """That it is a sealed trial, that an alert is still waited for, that entries are blocked."""
    signs = TRIAL_SIGN * (session.trial is not None) + ALERT_SIGN * bool(_alerts(session))
    return signs + BLOCKED_SIGN * _has_blocked(session)


def signs_in_words(session: SessionSnapshot) -> list[str]:
    """What its row has signs for, in words."""
    words = []
    if session.trial is not None:
        goal = f", {trades_of(session)} of {session.trial.trades} trades"
        if session.trial.days is not None:
            horizon, spent = round(session.trial.days * DAY), _spent(session)
            within = None if spent is None else min(spent, horizon)
            goal = f", {formats.span(within)} of {formats.span(horizon)}"
        elif not session.unread and session.trades_count >= session.trial.trades:
            goal = " over"  # what was traded since is no part of it
        words.append(f"sealed trial{goal}")
    if waiting := _alerts(session):
        words.append(f"{waiting} alert{'s' * (waiting != 1)} set")
    if _has_blocked(session):
        words.append(f"{', '.join(session.blocked)} blocked")
    return words


def _alerts(session: SessionSnapshot) -> int:
    """How many alerts are still waited for."""
    return 0 if session.state.ended else sum(one.told is None for one in session.notes.alerts)


def _symbols(symbols: tuple[str, ...]) -> str:
    first = symbols[0] if symbols else formats.UNKNOWN
    return first if len(symbols) < 2 else f"{first} +{len(symbols) - 1}"


def elapsed(session: SessionSnapshot) -> str:
    """How long the session has run, and of how much: `2d 4h of 7d`."""
    if session.running_since is None:
        return formats.UNKNOWN
    spent = formats.span(_spent(session))
    if session.planned_end is None or session.ended is not None:
        return spent
    return f"{spent} of {formats.span(session.planned_end - session.running_since)}"


def _spent(session: SessionSnapshot) -> int | None:
    """How long the session has run, ms; None before it does."""
    if session.running_since is None:
        return None
    return (session.now if session.ended is None else session.ended) - session.running_since


def position_rows(session: SessionSnapshot) -> list[Row]:
    """The open positions of a session as rows of `POSITION_COLUMNS`."""
    stale = session.state is SessionState.STALE
    return [_position_row(p, session.now, stale) for p in session.open_positions]


def _position_row(position: OpenTrade, now: int, stale: bool) -> Row:
    pnl = position.unrealized_pnl
    pct = pnl / position.margin * 100 if position.margin else None
    decimals, money = money_decimals(position.symbol), quote_currency(position.symbol)
    tone = Tone.STALE if stale else tone_of(pnl, decimals)
    since = position.entry_filled_at or position.entry_time
    return Row(
        position.symbol,
        (
            Cell(position.symbol, Tone.STRONG),
            Cell(position.side.value),
            Cell(formats.quantity(position.quantity), order=position.quantity),
            Cell(formats.price(position.entry_price), order=position.entry_price),
            Cell(
                formats.price(position.mark_price),
                Tone.STALE if stale else Tone.PLAIN,
                order=position.mark_price,
            ),
            Cell(formats.price(position.stop_price), Tone.DIM, order=position.stop_price or 0),
            Cell(formats.price(position.target_price), Tone.DIM, order=position.target_price or 0),
            Cell(formats.change(pnl, decimals=decimals), tone, order=pnl, unit=money),
            Cell(formats.change_percent(pct), tone, order=pct or 0),
            Cell(formats.span(now - since), Tone.DIM, order=now - since),
        ),
    )


def today(now: int, zone: tzinfo) -> str:
    """The label of what was gained today: it names the zone whose day that is, unless it is UTC."""
    return "TODAY" if zone is UTC else f"TODAY, {formats.zone_name(now, zone)}"
