"""What sessions earned, taken apart: closed trades in, figures, days and rows out.

A trade counts where its last part closed. Sums are of one kind of money: one mode, one currency.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from functools import partial
from typing import Literal

from rich.cells import cell_len

from core.journal.values import Mode
from core.market.symbols import quote_currency
from core.report.metric_words import undefined_text
from core.session.snapshot import LastDay, SessionSnapshot
from core.trading.values import Trade
from tui import formats
from tui.screens.sessions_table import POSITION_COLUMNS, position_rows
from tui.screens.trade_fields import exit_text
from tui.screens.trade_rows import in_zone, trade_cells
from tui.widgets.calendar import DayResult
from tui.widgets.columns import Column
from tui.widgets.figures import Figure
from tui.widgets.table_rows import Cell, Row
from tui.widgets.tones import Tone, tone_of

_BAR = 16
_NAME_GROWS = 14  # cells beyond its width; less than the bar has

_SLICE_COLUMNS = (
    Column("TRADES", 6, "right"),
    Column("WIN", 5, "right", priority=1),
    Column("P&L", 13, "right"),
    Column("A TRADE", 11, "right", priority=2),
    Column("BEST", 11, "right", priority=4),
    Column("WORST", 11, "right", priority=5),
    Column("FEES", 10, "right", priority=3),
    Column("", _BAR, priority=6, fill=60),
)
TRADE_COLUMNS = (
    Column("EXITED", 12),
    Column("STRATEGY", 13, grow=10),
    Column("SYMBOL", 10, priority=1, grow=6),
    Column("SIDE", 5, priority=2),
    Column("BY HAND", 7, optional=True),
    Column("ENTERED", 12, priority=8),
    Column("ENTRY", 10, "right", priority=7),
    Column("EXIT", 10, "right", priority=7),
    Column("HELD", 7, "right", priority=6),
    Column("QUANTITY", 10, "right", priority=9),
    Column("FEES", 8, "right", priority=9),
    Column("P&L", 12, "right"),
    Column("P&L %", 9, "right", priority=3),
    Column("REASON", 13, priority=4, grow=12),
    Column("ID", 8, priority=5),
)
MONEY = (Mode.TESTNET, Mode.SIMULATED, Mode.DEMO, Mode.REPLAY)
"""The kinds of money, the one that is closest to real first."""
OPEN_COLUMNS = (
    Column("STRATEGY", 13, grow=10),
    Column("MONEY", 14, optional=True),
    *POSITION_COLUMNS,
    Column("ID", 8, priority=1),
)


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed trade, and the session that made it."""

    session: SessionSnapshot
    trade: Trade


@dataclass(frozen=True, slots=True)
class Money:
    """What may be added up: one mode's money in one currency."""

    mode: Mode
    currency: str

    def __str__(self) -> str:
        """As titles say it."""
        return f"{self.mode.value} {self.currency}"


def money_of(session: SessionSnapshot | LastDay) -> Money:
    """The money of a session."""
    return Money(session.mode, quote_currency(session.symbols[0]) if session.symbols else "")


def began(session: SessionSnapshot) -> bool:
    """Whether a session came to have money: one that cannot be read may have."""
    before = session.state.ended and not session.equity_curve and not session.trades_count
    return session.unread or not before


def kinds_of_money(sessions: Iterable[SessionSnapshot | LastDay]) -> list[Money]:
    """The kinds there are, what is closest to real first."""
    found = {money_of(session) for session in sessions}
    return sorted(found, key=lambda one: (MONEY.index(one.mode), one.currency))


def _day(one: Closed, zone: tzinfo) -> date:
    return datetime.fromtimestamp(one.trade.exit_time / 1000, zone).date()


def _week(one: Closed, zone: tzinfo) -> str:
    day = _day(one, zone)
    monday = day - timedelta(days=day.weekday())
    return f"{monday:%Y-%m-%d} to {monday + timedelta(days=6):%m-%d}"


def _hour(one: Closed, zone: tzinfo) -> str:
    hour = datetime.fromtimestamp(one.trade.entry_time / 1000, zone).hour
    return f"{hour:02d}:00 to {(hour + 1) % 24:02d}:00"


@dataclass(frozen=True, slots=True)
class Grouping:
    """A way to take the trades apart: the name of its view, what its groups are, and their order.

    `order`: of times the latest first, of hours as the day goes, of others the most profitable.
    `ends_in_id`: whether the names end in an ID, which is not what is cut of them.
    """

    title: str
    heading: str
    of: Callable[[Closed, tzinfo], str]
    order: Literal["newest", "name", "gain"] = "gain"
    width: int = 16
    ends_in_id: bool = False

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of its table."""
        name = Column(self.heading, self.width, grow=_NAME_GROWS, middle=self.ends_in_id)
        return (name, *_SLICE_COLUMNS)

    def columns_for(self, rows: Sequence[Row]) -> tuple[Column, ...]:
        """The columns for these rows: a bar leaves to longer names what they need of its room."""
        *others, bar = self.columns
        longest = max((cell_len(row.cells[0].text) for row in rows), default=0)
        longer = min(_NAME_GROWS, max(0, longest - self.width))
        return (*others, replace(bar, width=bar.width - longer))


def day_name(day: date) -> str:
    """The name of a day's group."""
    return f"{day:%Y-%m-%d %a}"


def day_of(name: str) -> date:
    """The day of a group by day."""
    return date.fromisoformat(name.split(maxsplit=1)[0])


GROUPINGS = (
    Grouping("Day", "DAY OF EXIT", lambda one, zone: day_name(_day(one, zone)), "newest"),
    Grouping("Week", "WEEK OF EXIT", _week, "newest", len("2026-11-23 to 11-29")),
    Grouping("Month", "MONTH OF EXIT", lambda one, zone: f"{_day(one, zone):%Y-%m}", "newest"),
    Grouping("Pair", "PAIR", lambda one, _: one.trade.symbol),
    Grouping("Side", "SIDE", lambda one, _: one.trade.side.value),
    Grouping("Exit", "EXIT REASON", lambda one, _: exit_text(one.trade.exit_reason)),
    Grouping("Strategy", "STRATEGY", lambda one, _: one.session.strategy),
    Grouping("Hour", "HOUR OF ENTRY", _hour, "name"),
    Grouping(
        "Session",
        "SESSION",
        lambda one, _: f"{one.session.strategy} {one.session.id}",
        ends_in_id=True,
    ),
)


def daily(closed: Iterable[Closed], zone: tzinfo) -> dict[date, DayResult]:
    """What was earned on each day with a closed trade, and by how many trades."""
    days: dict[date, DayResult] = {}
    for one in closed:
        day = _day(one, zone)
        before = days.get(day, DayResult(0.0, 0))
        days[day] = DayResult(before.pnl + one.trade.pnl, before.trades + 1)
    return days


def first_day(closed: Iterable[Closed], zone: tzinfo) -> date | None:
    """The day on which the first trade closed."""
    return min((_day(one, zone) for one in closed), default=None)


def day_words(day: date, result: DayResult | None, decimals: int = 2) -> str:
    """A day of the calendar in words; `decimals`: of the money."""
    name = f"{day:%a %d %b %Y}"
    if result is None:
        return f"{name} · no trade closed"
    trades = f"{result.trades:,} trade{'s'[: result.trades != 1]}"
    return f"{name} · {trades} · {formats.change(result.pnl, decimals=decimals)}"


def added_up(closed: Iterable[Closed]) -> tuple[tuple[int, float], ...]:
    """What had been earned in all after each trade, by when it closed (UTC ms)."""
    points: dict[int, float] = {}
    total = 0.0
    for one in sorted(closed, key=lambda one: one.trade.exit_time):
        if not points:
            points[one.trade.entry_time] = 0.0
        total += one.trade.pnl
        points[one.trade.exit_time] = total
    return tuple(points.items())


def figures(
    closed: Sequence[Closed],
    open_pnl: float | None,
    days: Mapping[date, DayResult],
    left_open: float | None = None,
    gained: float | None = None,
    *,
    known: bool = True,
    decimals: int = 2,
    of_group: bool = False,
) -> tuple[Figure, ...]:
    """The headline over all the trades; unless `known`, not all of them are here yet.

    `left_open`: what positions were worth that ended sessions left open, None where none did.
    `gained`: what the sessions have gained in all, of which what has closed and what was or is open
    are the parts. `decimals`: of the money. `of_group`: only of the closed trades of a group, to
    which nothing open belongs.
    """
    if not known:
        closed, days = (), {}
    gains = [one.trade.pnl for one in closed]
    won, lost = sum(g for g in gains if g > 0), -sum(g for g in gains if g < 0)
    total = sum(gains) if gains else None
    wins = sum(gain > 0 for gain in gains) / len(gains) * 100 if gains else None
    ends = {"best": max(gains, default=None), "worst": min(gains, default=None)}
    factor = formats.number(won / lost) if lost else undefined_text("profit_factor", ends)
    # A single day is neither, whatever it brought.
    earned = [day.pnl for day in days.values()]
    best, worst = max(earned, default=None), min(earned, default=None)
    fees = sum(one.trade.fees for one in closed) if closed else None
    left = left_open is not None
    change = partial(formats.change, decimals=decimals)
    left_figure = Figure("LEFT OPEN", change(left_open), tone_of(left_open, decimals), width=11)
    whole = not of_group
    return (
        *((Figure("P&L", change(gained), tone_of(gained, decimals), width=12),) * whole),
        Figure("CLOSED P&L", change(total), tone_of(total, decimals), width=12),
        *((Figure("OPEN P&L", change(open_pnl), tone_of(open_pnl, decimals), width=11),) * whole),
        *((left_figure,) * (whole and left)),
        Figure("TRADES", formats.count(len(closed)) if known else formats.UNKNOWN),
        Figure("WIN RATE", formats.percent(wins)),
        Figure("PROFIT FACTOR", factor, priority=1),
        *(
            Figure(name, change(day), tone_of(day, decimals), width=11, priority=priority)
            for name, day, priority in (("BEST DAY", best, 2), ("WORST DAY", worst, 3))
            if len(earned) > 1
        ),
        Figure("FEES", formats.money(fees, decimals), Tone.PLAIN, priority=4),
    )


def slice_rows(
    closed: Iterable[Closed], by: Grouping, zone: tzinfo, decimals: int = 2
) -> list[Row]:
    """The trades by group, in the grouping's order; `decimals`: of the money."""
    groups: dict[str, list[Trade]] = {}
    for one in closed:
        groups.setdefault(by.of(one, zone), []).append(one.trade)
    sums = {name: sum(trade.pnl for trade in trades) for name, trades in groups.items()}
    names = sorted(groups, reverse=by.order == "newest")
    if by.order == "gain":
        names.sort(key=lambda one: -sums[one])
    most = max(map(abs, sums.values()), default=0.0) or 1.0
    return [_slice_row(name, groups[name], most, decimals) for name in names]


def _slice_row(name: str, trades: Sequence[Trade], most: float, decimals: int) -> Row:
    gains = [trade.pnl for trade in trades]
    total, mean, fees = sum(gains), sum(gains) / len(gains), sum(trade.fees for trade in trades)
    wins = sum(gain > 0 for gain in gains) / len(gains) * 100
    return Row(
        name,
        (
            Cell(name, Tone.STRONG),
            Cell(formats.count(len(gains)), order=len(gains)),
            Cell(formats.percent(wins, 0), order=wins),
            Cell(formats.change(total, decimals=decimals), tone_of(total, decimals), order=total),
            Cell(formats.change(mean, decimals=decimals), tone_of(mean, decimals), order=mean),
            Cell(formats.change(max(gains), decimals=decimals), Tone.DIM, order=max(gains)),
            Cell(formats.change(min(gains), decimals=decimals), Tone.DIM, order=min(gains)),
            Cell(formats.money(fees, decimals), Tone.DIM, order=fees),
            Cell("", tone_of(total, decimals), order=abs(total), share=abs(total) / most),
        ),
    )


def telling_apart(
    columns: Sequence[Column], sessions: Iterable[SessionSnapshot]
) -> tuple[Column, ...]:
    """The columns of rows of these sessions: their IDs stay where one name is that of several."""
    names = {one.id: one.strategy for one in sessions}
    if len(set(names.values())) == len(names):
        return tuple(columns)
    longest = max(map(cell_len, names.values()))
    return tuple(
        replace(one, priority=0)
        if one.label == "ID"
        else replace(one, width=min(one.width, max(longest, cell_len(one.label))))
        if one.label == "STRATEGY"
        else one
        for one in columns
    )


def trade_key(one: Closed) -> str:
    """The key of a trade's row."""
    return f"{one.session.id} {one.trade.id}"


def trade_rows(closed: Iterable[Closed], zone: tzinfo) -> list[Row]:
    """All trades, the newest first."""
    newest_first = sorted(closed, key=lambda one: -one.trade.exit_time)
    ends = (newest_first[:1], newest_first[-1:])
    years = {formats.year(one.trade.exit_time, zone) for end in ends for one in end}
    rows, when = [], in_zone(zone, dated=len(years) > 1)
    for one in newest_first:
        session, cells = one.session, trade_cells(one.trade, when)
        cells |= {
            "STRATEGY": Cell(session.strategy, Tone.STRONG),
            "ID": Cell(session.id, Tone.DIM),
        }
        rows.append(Row(trade_key(one), tuple(cells[column.label] for column in TRADE_COLUMNS)))
    return rows


def open_rows(sessions: Iterable[SessionSnapshot]) -> list[Row]:
    """All open positions, with the session each is in; last those left open at an end, dim.

    Of several kinds of money each says its own, that closest to real first: none is summed.
    """
    held = [one for one in sessions if one.open_positions]
    kinds, found = kinds_of_money(held), []
    for session in sorted(held, key=lambda one: (one.state.ended, kinds.index(money_of(one)))):
        money = str(money_of(session)) if len(kinds) > 1 else ""
        for row in position_rows(session):
            cells = (
                Cell(session.strategy, Tone.STRONG),
                Cell(money),
                *row.cells,
                Cell(session.id, Tone.DIM),
            )
            if session.state.ended:
                cells = tuple(replace(one, tone=Tone.DIM) for one in cells)
            found.append(Row(f"{session.id} {row.key}", cells))
    return found
