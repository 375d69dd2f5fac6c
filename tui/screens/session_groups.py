"""Sessions folded by strategy or by tag: a row that sums each group up, and those beneath it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from core.journal.values import SessionState
from core.market.symbols import money_decimals
from core.session.snapshot import SessionSnapshot
from tui import formats
from tui.requests.views import GroupBy
from tui.screens.performance_rows import Money, began, kinds_of_money, money_of
from tui.screens.sessions_table import (
    SESSION_COLUMNS,
    equity_of,
    session_row,
    total,
    total_pnl,
)
from tui.widgets.table_rows import Cell, Row
from tui.widgets.tones import Tone, tone_of

_STATES = list(SessionState)
_MILLION = 1_000_000


def grouped(
    sessions: Iterable[SessionSnapshot], by: GroupBy
) -> dict[str, tuple[SessionSnapshot, ...]]:
    """The sessions by the key of their group's row: of strategies or tags in their order.

    A session of several tags is in the group of its first, so that nothing is counted twice; those
    without one come last.
    """
    groups: dict[str, tuple[SessionSnapshot, ...]] = {}
    for session in sessions:
        name = session.strategy if by is GroupBy.STRATEGY else "".join(session.notes.tags[:1])
        groups[name] = (*groups.get(name, ()), session)
    ordered = sorted(groups, key=lambda name: (not name, name.casefold()))
    return {f"{by.value} {name}": groups[name] for name in ordered}


def rows(
    sessions: Sequence[SessionSnapshot], by: GroupBy, *, of_several_modes: bool = True
) -> list[Row]:
    """The rows of `SESSION_COLUMNS`: all sessions, each group under the row that sums it up."""
    row = partial(session_row, of_several_modes=of_several_modes)
    if by is GroupBy.NOTHING:
        return [row(session) for session in sessions]
    found: list[Row] = []
    for key, group in grouped(sessions, by).items():
        found += [_head(key, group, by), *map(row, group)]
    return found


def _head(key: str, group: Sequence[SessionSnapshot], by: GroupBy) -> Row:
    """The row of a group. Its figures are of the sessions listed in it that have one kind of money.

    Where there are several kinds, it is the one that is closest to real, and the row names it. What
    failed before its first candle has no money beside what has.
    """
    kinds = kinds_of_money(one for one in group if began(one)) or kinds_of_money(group)
    counted = [one for one in group if money_of(one) == kinds[0]]
    trades, wins = sum(one.trades_count for one in counted), sum(one.wins for one in counted)
    held = any(one.open_positions for one in counted)
    open_pnl = sum(one.unrealized_pnl for one in counted) if held else None
    begun_with = sum(one.starting_balance for one in counted)
    gained, equity = total(map(total_pnl, counted)), total(map(equity_of, counted))
    gain = None if gained is None or begun_with <= 0 else gained / begun_with * 100
    win_rate = wins / trades * 100 if trades else None
    totals = "" if len(kinds) < 2 else f"{_named(kinds)} totals"
    decimals = money_decimals(*(symbol for one in counted for symbol in one.symbols))
    money = kinds[0].currency
    name, title, about = _words(key, group, by, totals)
    worst = max(_STATES.index(one.state) for one in group)
    cells = {
        "STATE": Cell(title, _tone(group), order=worst, kept=about),
        "TRADES": Cell(formats.UNKNOWN if gained is None else formats.count(trades), order=trades),
        "WIN": Cell(formats.percent(win_rate, 0), order=win_rate or 0),
        "OPEN P&L": Cell(
            formats.change(open_pnl, decimals=decimals),
            tone_of(open_pnl, decimals),
            order=open_pnl or 0,
            unit=money,
        ),
        "P&L": Cell(
            formats.change(gained, decimals=decimals),
            tone_of(gained, decimals),
            order=gained or 0,
            unit=money,
        ),
        "P&L %": Cell(formats.change_percent(gain), tone_of(gain), order=gain or 0),
        "EQUITY": Cell(_short(equity, decimals), order=equity or 0, unit=money),
    }
    empty = Cell("", order=name.casefold())
    return Row(key, tuple(cells.get(column.label, empty) for column in SESSION_COLUMNS), head=True)


def _words(
    key: str, group: Sequence[SessionSnapshot], by: GroupBy, totals: str
) -> tuple[str, str, str]:
    """A group's name, its title, and what its row says of it; `totals`: of what its figures are."""
    name = key.removeprefix(f"{by.value} ")
    title = name if by is GroupBy.STRATEGY else f"#{name}" if name else "no tag"
    failed = sum(one.state is SessionState.ERROR for one in group)
    stale = sum(one.state is SessionState.STALE for one in group)
    held = sum(len(one.open_positions) for one in group)
    active = sum(not one.state.ended for one in group)
    of_all = f"{len(group)} session{'s' * (len(group) != 1)}"
    if active < len(group):
        ended = len(group) - failed  # in peace: none is counted twice
        of_all = f"{active} of {len(group)} active" if active else f"{ended} ended" * bool(ended)
    elif len(group) == failed + stale:
        of_all = ""  # it is all said already
    parts = [
        totals,
        f"{failed} failed" * bool(failed),
        f"{stale} stale" * bool(stale),
        of_all,
        f"{held} open" * bool(held),
    ]
    return name, title, "".join(f" · {part}" for part in parts if part)


def _named(kinds: Sequence[Money]) -> str:
    """The first of several kinds of money, by as much as tells it from the others."""
    first, *others = kinds
    same_mode = any(other.mode is first.mode for other in others)
    return str(first) if same_mode else first.mode.value


def _tone(group: Sequence[SessionSnapshot]) -> Tone:
    states = {session.state for session in group}
    if SessionState.ERROR in states:
        return Tone.ERROR
    if SessionState.STALE in states:
        return Tone.STALE
    return Tone.DIM if all(state.ended for state in states) else Tone.STRONG


def _short(equity: float | None, decimals: int) -> str:
    """An amount in the room of a sparkline."""
    if equity is None or abs(equity) < _MILLION:
        return formats.money(equity, decimals)
    return f"{equity:,.0f}" if abs(equity) < 100 * _MILLION else f"{equity / _MILLION:,.1f}M"
