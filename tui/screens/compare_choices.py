"""What there is to compare: strategies with their backtests and sessions, as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.journal.values import Mode
from core.session.snapshot import SessionSnapshot
from tui import formats
from tui.strategies import StrategyChoice
from tui.widgets.columns import Column
from tui.widgets.line_table import Cell, Row
from tui.widgets.tones import Tone, tone_of

CHOICE_COLUMNS = (
    Column("STRATEGY", 16, grow=30),
    Column("SYMBOLS", 10, priority=5, grow=8),
    Column("TF", 3, priority=4),
    Column("BACKTEST", 10, "right"),
    Column("BT TRADES", 9, "right", priority=2),
    Column("SESSIONS", 8, "right"),
    Column("ACTIVE", 6, "right", priority=3),
    Column("PAPER TRADES", 12, "right", priority=1),
)


def choice_rows(
    choices: Iterable[StrategyChoice], sessions: Iterable[SessionSnapshot]
) -> list[Row]:
    """The strategies that can be compared, those with most closed trades of sessions first.

    Of their sessions those count that a comparison takes: of the same timeframe, and no replays.
    """
    of: dict[tuple[str, str], list[SessionSnapshot]] = {}
    for session in sessions:
        if session.mode is not Mode.REPLAY:
            of.setdefault((session.strategy, session.timeframe), []).append(session)
    sound = [one for one in choices if one.is_read and not one.problems]
    found = [(choice, of.get((choice.name, choice.timeframe), [])) for choice in sound]
    found.sort(key=lambda one: (-(_traded(one[1]) or 0), -len(one[1]), one[0].name))
    return [_row(choice, theirs) for choice, theirs in found]


def _traded(sessions: Sequence[SessionSnapshot]) -> int | None:
    """How many trades they have closed; None while one has not been read."""
    return (
        None if any(one.unread for one in sessions) else sum(one.trades_count for one in sessions)
    )


def _row(choice: StrategyChoice, sessions: Sequence[SessionSnapshot]) -> Row:
    gain, trades = choice.saved("total_return_pct"), choice.saved("total_trades")
    active, traded = sum(not one.state.ended for one in sessions), _traded(sessions)
    quiet = Tone.PLAIN if sessions else Tone.DIM
    more = f" +{len(choice.symbols) - 1}" if len(choice.symbols) > 1 else ""
    return Row(
        choice.name,
        (
            Cell(choice.name, Tone.STRONG if sessions else Tone.PLAIN),
            Cell(f"{choice.symbols[0]}{more}" if choice.symbols else formats.UNKNOWN, Tone.DIM),
            Cell(choice.timeframe, Tone.DIM, order=formats.length_of(choice.timeframe)),
            Cell(formats.change(gain, "%"), tone_of(gain), order=gain or 0.0),
            Cell(formats.number(trades, 0), order=trades or 0.0),
            Cell(_count(sessions), quiet, order=len(sessions)),
            Cell(formats.count(active) if sessions else "", quiet, order=active),
            Cell(formats.number(traded, 0) if sessions else "", quiet, order=traded or 0),
        ),
    )


def _count(sessions: Sequence[SessionSnapshot]) -> str:
    return formats.count(len(sessions)) if sessions else "none"
