"""The figures above the sessions: what each kind of money comes to, and how many run or failed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, tzinfo

from core.journal.values import SessionState
from core.market.symbols import money_decimals
from core.session.snapshot import HostSnapshot, LastDay, SessionSnapshot
from core.time_format import day_begin
from tui import formats
from tui.screens.performance_rows import MONEY, Money, began, kinds_of_money, money_of
from tui.screens.sessions_table import OWN_CLOCK, equity_of, today, total, total_pnl
from tui.widgets.figures import Figure
from tui.widgets.tones import Tone, tone_of

_LATER = 4  # the priority of the first figure of the second kind of money
_REST = 10  # and of the others: before them the first kind's number of positions gives way


def headline_figures(snapshot: HostSnapshot, zone: tzinfo = UTC) -> tuple[Figure, ...]:
    """Sums over the sessions, then counts of them.

    Money is added up within one kind of it only: a demo's or a replay's is another than that of
    sessions on the market of today. What runs comes before what has ended, then what is closest
    to real before the others, then that of most sessions. Money of sessions that all failed before
    their first candle is none. Each has only the figures that there is something to count for, and
    its name before them; not where it is the only one and runs, for then the top line has that.

    What runs, is stale or has failed is counted over all kinds, and where any has failed no
    terminal leaves it out.
    """
    running = {money_of(one) for one in snapshot.sessions if not one.state.ended}
    size = Counter(money_of(one) for one in snapshot.sessions)
    every: list[SessionSnapshot | LastDay] = [*filter(began, snapshot.sessions)]
    every += snapshot.archived
    kinds = kinds_of_money(one for one in every if one.symbols)
    told = [(kind, found) for kind in kinds if (found := _of_kind(snapshot, kind, zone))]
    told.sort(key=lambda one: (one[0] not in running, MONEY.index(one[0].mode), -size[one[0]]))
    named = len(told) > 1 or not running
    figures: list[Figure] = []
    for place, (kind, (lead, *others)) in enumerate(told):
        label = lead.label if named else f"{lead.label} {kind.currency}"
        if named:
            figures.append(Figure(kind.mode.value, kind.currency, Tone.ACCENT, heads=True))
        figures.append(replace(lead, label=label, priority=_LATER + place - 1 if place else 0))
        figures += (replace(one, priority=_REST) if place else one for one in others)
    several = len(told) > 1
    if several:
        figures.append(Figure("│", "│", Tone.DIM, heads=True))
    return (*figures, *_counts(snapshot.sessions, of_all=several))


def _of_kind(snapshot: HostSnapshot, kind: Money, zone: tzinfo) -> list[Figure]:
    """What there is to tell of one kind of money, first what is the last to give way.

    RUNNING P&L and ENDED P&L are all that the sessions in the list have gained. TODAY is what both
    have gained today (in the preferred zone), and those that ended today and were archived since.
    """
    found = [one for one in snapshot.sessions if _counts_for(one, kind)]
    running = [one for one in found if not one.state.ended]
    ended = [one for one in found if one.state.ended]
    gone = [one for one in snapshot.archived if money_of(one) == kind]
    # A market with a clock of its own has a day for as long as a session on it goes on.
    there = [one.now for one in running] if kind.mode in OWN_CLOCK else [snapshot.now]
    begun = day_begin(max(there), zone) if there else math.inf
    of_today: list[SessionSnapshot | LastDay] = [*running]
    of_today += (one for one in ended if (one.ended or 0) >= begun)
    of_today += (one for one in gone if one.ended >= begun)
    traded: list[SessionSnapshot | LastDay] = [*found, *gone]
    decimals = money_decimals(*(symbol for one in traded for symbol in one.symbols))

    def gain(label: str, value: float | None, priority: int) -> Figure:
        shown, tone = formats.change(value, decimals=decimals), tone_of(value, decimals)
        return Figure(label, shown, tone, width=11, priority=priority)

    figures: list[Figure] = []
    if running:
        equity = formats.money(total(map(equity_of, running)), decimals)
        figures.append(Figure("EQUITY", equity, width=10))
        figures.append(gain("RUNNING P&L", total(map(total_pnl, running)), 2))
    if ended:
        figures.append(gain("ENDED P&L", total(map(total_pnl, ended)), 3))
    if of_today:
        gained = total(map(_gained_today, of_today))
        figures.append(gain(today(snapshot.now, zone), gained, 0 if running else _REST - 2))
    if running:
        figures.append(Figure("POSITIONS", _positions(running), priority=_REST - 1))
    return figures


def _counts_for(session: SessionSnapshot, kind: Money) -> bool:
    """Whether a session has money of a kind, or may have: one that cannot be read says of which."""
    return money_of(session) == kind if session.symbols else session.mode is kind.mode


def _gained_today(session: SessionSnapshot | LastDay) -> float | None:
    unread = isinstance(session, SessionSnapshot) and session.unread
    return None if unread else session.pnl_today


def _positions(sessions: Sequence[SessionSnapshot]) -> str:
    if any(session.unread for session in sessions):
        return formats.UNKNOWN
    return formats.count(sum(len(session.open_positions) for session in sessions))


def _counts(sessions: Sequence[SessionSnapshot], *, of_all: bool) -> tuple[Figure, ...]:
    """How many run, are stale, have failed; `of_all`: with how many there are of all kinds."""
    stale = sum(one.state is SessionState.STALE for one in sessions)
    running = str(sum(one.state is SessionState.RUNNING for one in sessions))
    if paused := sum(one.state is SessionState.PAUSED for one in sessions):
        running += f" + {paused} paused"
    if of_all:
        running += f" of {len(sessions)}"
    failed = sum(one.state is SessionState.ERROR for one in sessions)
    return (
        Figure("RUNNING", running, priority=1),
        Figure(
            "STALE",
            str(stale),
            Tone.STALE if stale else Tone.DIM,
            priority=0 if stale else 1,
        ),
        Figure(
            "ERRORS",
            str(failed),
            Tone.ERROR if failed else Tone.DIM,
            priority=-1 if failed else 0,
        ),
    )
