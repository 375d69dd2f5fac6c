"""A session as a row of a table, and its positions: snapshots in, rows out."""

from __future__ import annotations

from core.journal.values import SessionState
from core.market.candles.timeframes import DAY
from core.market.symbols import quote_currency
from core.session.snapshot import HostSnapshot, SessionSnapshot
from core.trading.values import OpenTrade
from tui import formats
from tui.widgets.columns import Column
from tui.widgets.figures import Figure
from tui.widgets.line_table import Cell, Row
from tui.widgets.spark import spark
from tui.widgets.tones import Tone, state_words, tone_of

_SPARK_WIDTH = 10

SESSION_COLUMNS = (
    Column("STATE", 10),
    Column("ID", 8, priority=8),
    Column("STRATEGY", 13, grow=13),
    Column("SYMBOLS", 11, priority=4, grow=8),
    Column("TF", 3, priority=3),
    Column("MODE", 9, priority=5),
    Column("ELAPSED", 11, priority=7, grow=3),
    Column("TRADES", 6, "right", priority=2),
    Column("WIN", 4, "right", priority=9),
    Column("OPEN P&L", 10, "right"),
    Column("P&L %", 9, "right"),
    Column("EQUITY", _SPARK_WIDTH, priority=6),
    Column("AGE", 4, "right"),
)

POSITION_COLUMNS = (
    Column("SYMBOL", 10, grow=6),
    Column("SIDE", 5),
    Column("QUANTITY", 11, "right", priority=2),
    Column("ENTRY", 11, "right", priority=1),
    Column("MARK", 10, "right"),
    Column("STOP", 11, "right", priority=3),
    Column("TARGET", 11, "right", priority=4),
    Column("P&L", 11, "right"),
    Column("P&L %", 9, "right"),
    Column("HELD", 8, "right", priority=5),
)


def total_pnl(session: SessionSnapshot) -> float:
    """What the session has gained since its start, open positions included."""
    return session.equity - session.starting_balance


def pnl_pct(session: SessionSnapshot) -> float | None:
    """`total_pnl` in per cent of the starting balance."""
    if session.starting_balance <= 0:
        return None
    return total_pnl(session) / session.starting_balance * 100


def session_row(session: SessionSnapshot) -> Row:
    """The session as a row of `SESSION_COLUMNS`."""
    word, tone = state_words(session.state)
    ended, stale = session.state.ended, session.state is SessionState.STALE
    quiet = Tone.DIM if ended else Tone.PLAIN
    win_rate = session.wins / session.trades_count * 100 if session.trades_count else None
    gain = pnl_pct(session)
    open_pnl = session.unrealized_pnl if session.open_positions else None
    age = None if session.last_price_at is None else session.now - session.last_price_at
    return Row(
        session.id,
        (
            Cell(word, tone, order=list(SessionState).index(session.state)),
            Cell(session.id, Tone.DIM),
            Cell(session.strategy, quiet if ended else Tone.STRONG),
            Cell(_symbols(session.symbols), quiet),
            Cell(session.timeframe, Tone.DIM),
            Cell(session.mode.value, quiet),
            Cell(elapsed(session), Tone.DIM, order=session.started),
            Cell(str(session.trades_count), quiet, order=session.trades_count),
            Cell(formats.percent(win_rate, 0), quiet, order=win_rate or 0),
            Cell(
                formats.change(open_pnl),
                Tone.STALE if stale and open_pnl is not None else tone_of(open_pnl),
                order=open_pnl or 0,
            ),
            Cell(
                formats.change(gain, "%"), Tone.STALE if stale else tone_of(gain), order=gain or 0
            ),
            Cell(spark(session.equity_curve, _SPARK_WIDTH), Tone.DIM if ended else tone_of(gain)),
            Cell(
                "" if ended else formats.age(age),
                Tone.STALE if stale else Tone.DIM,
                order=age or 0,
            ),
        ),
    )


def _symbols(symbols: tuple[str, ...]) -> str:
    first = symbols[0] if symbols else formats.UNKNOWN
    return first if len(symbols) < 2 else f"{first} +{len(symbols) - 1}"


def elapsed(session: SessionSnapshot) -> str:
    """How long the session has run, and of how much: `2d 4h of 7d`."""
    if session.running_since is None:
        return formats.UNKNOWN
    end = session.now if session.ended is None else session.ended
    spent = formats.span(end - session.running_since)
    if session.planned_end is None or session.ended is not None:
        return spent
    return f"{spent} of {formats.span(session.planned_end - session.running_since)}"


def position_rows(session: SessionSnapshot) -> list[Row]:
    """The open positions of a session as rows of `POSITION_COLUMNS`."""
    stale = session.state is SessionState.STALE
    return [_position_row(p, session.now, stale) for p in session.open_positions]


def _position_row(position: OpenTrade, now: int, stale: bool) -> Row:
    pnl = position.unrealized_pnl
    pct = pnl / position.margin * 100 if position.margin else None
    tone = Tone.STALE if stale else tone_of(pnl)
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
            Cell(formats.change(pnl), tone, order=pnl),
            Cell(formats.change(pct, "%"), tone, order=pct or 0),
            Cell(formats.span(now - since), Tone.DIM, order=now - since),
        ),
    )


def headline(snapshot: HostSnapshot) -> tuple[Figure, ...]:
    """The figures above the table: sums over the sessions, unknown where currencies differ.

    Today's is of the UTC day: what ended on another one has no part in it.
    """
    sessions = snapshot.sessions
    active = [s for s in sessions if not s.state.ended]
    currencies = {quote_currency(symbol) for s in sessions for symbol in s.symbols}
    currency = next(iter(currencies)) if len(currencies) == 1 else None
    summable = len(currencies) <= 1
    equity = sum(s.equity for s in active) if summable and active else None
    todays = [s for s in sessions if s.ended is None or s.ended // DAY == snapshot.now // DAY]
    today = sum(s.pnl_today for s in todays) if summable and sessions else None
    overall = sum(total_pnl(s) for s in sessions) if summable and sessions else None
    stale = sum(s.state is SessionState.STALE for s in sessions)
    running = sum(s.state in (SessionState.RUNNING, SessionState.PAUSED) for s in sessions)
    failed = sum(s.state is SessionState.ERROR for s in sessions)
    unit = "" if currency is None else f" {currency}"
    mixed = "" if summable else " (several currencies)"
    return (
        Figure(f"EQUITY{unit}{mixed}", formats.money(equity), width=12),
        Figure("TODAY", formats.change(today), tone_of(today), width=12),
        Figure("ALL TIME", formats.change(overall), tone_of(overall), width=12),
        Figure("POSITIONS", str(sum(len(s.open_positions) for s in active)), priority=2),
        Figure("RUNNING", str(running), priority=1),
        Figure("STALE", str(stale), Tone.STALE if stale else Tone.DIM),
        Figure("ERRORS", str(failed), Tone.ERROR if failed else Tone.DIM, priority=1),
    )
