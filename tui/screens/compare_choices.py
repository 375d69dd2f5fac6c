"""What there is to compare: strategies with their backtests and sessions, as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.compare.request import on_one_market
from core.journal.values import Mode
from core.session.snapshot import SessionSnapshot
from tui import formats
from tui.strategies import StrategyChoice
from tui.widgets.columns import Column
from tui.widgets.table_rows import Cell, Row
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
    choices: Iterable[StrategyChoice], sessions: Iterable[SessionSnapshot] | None
) -> list[Row]:
    """The strategies that can be compared, those with most closed trades of sessions first.

    Of their sessions those count that a comparison takes: of the same timeframe, on one market;
    replays where there are no others. None of them is known as long as `sessions` is None.
    """
    of: dict[tuple[str, str], list[SessionSnapshot]] = {}
    replays: dict[tuple[str, str], list[SessionSnapshot]] = {}
    for session in sessions or ():
        kind = replays if session.mode is Mode.REPLAY else of
        kind.setdefault((session.strategy, session.timeframe), []).append(session)
    found = []
    for choice in choices:
        if choice.is_read and not choice.problems:
            key = (choice.name, choice.timeframe)
            theirs, _ = on_one_market(of.get(key, []), lambda session: session.mode)
            found.append((choice, theirs, None if sessions is None else replays.get(key, ())))
    found.sort(key=lambda one: (-(_traded(one[1]) or 0), -len(one[1]), one[0].name))
    return [_row(*one) for one in found]


def _traded(sessions: Sequence[SessionSnapshot]) -> int | None:
    """How many trades they have closed; None while one has not been read."""
    return (
        None if any(one.unread for one in sessions) else sum(one.trades_count for one in sessions)
    )


def _row(
    choice: StrategyChoice,
    sessions: Sequence[SessionSnapshot],
    replays: Sequence[SessionSnapshot] | None,
) -> Row:
    gain, trades = choice.saved("total_return_pct"), choice.saved("total_trades")
    counted = sessions or replays or ()
    active, traded = sum(not one.state.ended for one in counted), _traded(counted)
    quiet = Tone.PLAIN if sessions else Tone.DIM
    listed = len(sessions) or len(counted) / (len(counted) + 1)  # replays below any other
    more = f" +{len(choice.symbols) - 1}" if len(choice.symbols) > 1 else ""
    return Row(
        choice.name,
        (
            Cell(choice.name, Tone.STRONG if sessions else Tone.PLAIN),
            Cell(f"{choice.symbols[0]}{more}" if choice.symbols else formats.UNKNOWN, Tone.DIM),
            Cell(choice.timeframe, Tone.DIM, order=formats.length_of(choice.timeframe)),
            Cell(formats.change_percent(gain), tone_of(gain), order=gain or 0.0),
            Cell(formats.number(trades, 0), order=trades or 0.0),
            Cell(_count(sessions, replays), quiet, order=listed),
            Cell(formats.count(active) if counted else "", quiet, order=active),
            Cell(formats.number(traded, 0) if counted else "", quiet, order=traded or 0),
        ),
    )


def _count(sessions: Sequence[SessionSnapshot], replays: Sequence[SessionSnapshot] | None) -> str:
    """How many there are, and what they are where they are no paper sessions on a real market."""
    if replays is None:
        return formats.UNKNOWN
    if not sessions:
        count = len(replays)
        return f"{formats.count(count)} replay{'s'[: count != 1]}" if count else "none"
    demo = " demo" if sessions[0].mode is Mode.DEMO else ""
    return f"{formats.count(len(sessions))}{demo}"
