"""What sessions earned: right sums of one kind of money, by day and by everything else."""

from __future__ import annotations

import re
from datetime import UTC, date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from textual.content import Content

from core.journal.values import Mode, SessionState
from core.session.snapshot import SessionSnapshot
from core.time_format import parse_time
from core.trading.values import ExitReason, Side, Trade
from tests.ui.driving import NARROW, VAST, WIDE, driven, make_app, until
from tests.ui.scripted import (
    DAY,
    MINUTE,
    NOW,
    ScriptedLink,
    busy,
    closed_trades,
    position,
    session,
)
from tests.ui.test_sessions import BRAILLE, drawn
from tui.screens import performance_rows
from tui.screens.performance import PerformanceScreen
from tui.screens.performance_rows import GROUPINGS, Closed
from tui.screens.session import SessionScreen
from tui.screens.sessions import SessionsScreen
from tui.screens.trade import TradeScreen
from tui.widgets.calendar import Calendar, DayResult
from tui.widgets.columns import ColumnLayout, places
from tui.widgets.figures import Figures
from tui.widgets.hints import Hints
from tui.widgets.line_table import LineTable
from tui.widgets.table_rows import Row

ONE = session("aaaaaaa1", "one")
OTHER = session("aaaaaaa2", "two", symbols=("ETH/USDT",))


def closed(session: SessionSnapshot, when: str, pnl: float, **changes: Any) -> Closed:
    """A trade of a session that closed then."""
    time = parse_time(when)
    shape: Trade = closed_trades(session.symbols[0], 60_000)[0]
    times = {"entry_time": time - 3_600_000, "exit_time": time}
    return Closed(session, msgspec.structs.replace(shape, pnl=pnl, fees=1.0, **times | changes))


TRADES = (
    closed(ONE, "2025-11-20T23:30", 10.0),
    closed(ONE, "2025-11-21T09:00", -4.0, exit_reason=ExitReason.STOP_LOSS),
    closed(OTHER, "2025-11-21T10:00", 6.0, side=Side.SHORT),
    closed(OTHER, "2025-12-01T00:00", -1.0),
)


def shown_view(table: LineTable) -> str:
    """The name of the view that its title has in bold."""
    title = Content.from_markup(str(table.border_title))
    return next(title.plain[one.start : one.end] for one in title.spans if one.style == "bold")


def told(rows: list[Row]) -> list[tuple[str, str, str]]:
    """Name, count and sum of each row."""
    return [(row.cells[0].text, row.cells[1].text, row.cells[3].text) for row in rows]


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        (
            "Day",
            [
                ("2025-12-01 Mon", "1", "▼ -1.00"),
                ("2025-11-21 Fri", "2", "▲ +2.00"),
                ("2025-11-20 Thu", "1", "▲ +10.00"),
            ],
        ),
        (
            "Week",
            [
                ("2025-12-01 to 12-07", "1", "▼ -1.00"),
                ("2025-11-17 to 11-23", "3", "▲ +12.00"),
            ],
        ),
        ("Month", [("2025-12", "1", "▼ -1.00"), ("2025-11", "3", "▲ +12.00")]),
        ("Pair", [("BTC/USDT", "2", "▲ +6.00"), ("ETH/USDT", "2", "▲ +5.00")]),
        ("Side", [("short", "1", "▲ +6.00"), ("long", "3", "▲ +5.00")]),
        ("Exit", [("take profit", "3", "▲ +15.00"), ("stop loss", "1", "▼ -4.00")]),
        ("Strategy", [("one", "2", "▲ +6.00"), ("two", "2", "▲ +5.00")]),
        ("Session", [("one aaaaaaa1", "2", "▲ +6.00"), ("two aaaaaaa2", "2", "▲ +5.00")]),
    ],
)
def test_trades_are_taken_apart(title: str, expected: list[tuple[str, str, str]]) -> None:
    grouping = next(one for one in GROUPINGS if one.title == title)
    assert told(performance_rows.slice_rows(TRADES, grouping, UTC)) == expected


@pytest.mark.parametrize("width", [76, 96, 110, 116, 180])
def test_the_id_of_a_session_is_whole_beside_a_bar_and_where_there_is_none(width: int) -> None:
    long = session("35e7eabc", "momentum_grind")
    grouping = next(one for one in GROUPINGS if one.title == "Session")
    trades = [closed(long, "2025-11-22T13:00", pnl) for pnl in (1.0, -2.0)]
    rows = performance_rows.slice_rows(trades, grouping, UTC)
    layout = ColumnLayout(grouping.columns_for(rows))
    layout.measure(rows)
    layout.place(0, width)
    first = layout.places[0]
    told = layout.written(rows[0].cells[0], first).rstrip()
    assert told.endswith("35e7eabc")
    if width >= 116:  # of a terminal of 120 cells
        assert told == "momentum_grind 35e7eabc"
        assert layout.places[-1].column == len(layout.columns) - 1, "a bar stays"


def test_days_and_hours_are_those_of_the_zone() -> None:
    zone = ZoneInfo("Asia/Tokyo")
    assert performance_rows.daily(TRADES, zone) == {
        date(2025, 11, 21): DayResult(12.0, 3),
        date(2025, 12, 1): DayResult(-1.0, 1),
    }
    assert performance_rows.daily(TRADES, UTC)[date(2025, 11, 20)] == DayResult(10.0, 1)
    hours = next(one for one in GROUPINGS if one.title == "Hour")
    names = {name for name, *_ in told(performance_rows.slice_rows(TRADES[:1], hours, zone))}
    assert names == {"07:00 to 08:00"}


def test_the_curve_adds_up_what_closed_at_one_time_and_begins_with_nothing() -> None:
    points = performance_rows.added_up([*TRADES, TRADES[-1]])
    assert [value for _, value in points] == [0.0, 10.0, 6.0, 12.0, 10.0]
    times = [time for time, _ in points]
    assert times == sorted(set(times))
    assert times[1:] == [one.trade.exit_time for one in TRADES]
    assert performance_rows.added_up(()) == ()


def test_the_headline_adds_up_and_unknown_is_no_zero() -> None:
    days = performance_rows.daily(TRADES, UTC)
    shown = {one.label: one.value for one in performance_rows.figures(TRADES, None, days)}
    assert shown["CLOSED P&L"] == "▲ +11.00"
    assert shown["OPEN P&L"] == "–"
    assert shown["WIN RATE"] == "50.0%"
    assert shown["PROFIT FACTOR"] == "3.20"
    assert (shown["BEST DAY"], shown["WORST DAY"]) == ("▲ +10.00", "▼ -1.00")
    alone = {date(2025, 11, 20): DayResult(10.0, 1)}
    single = {one.label: one.value for one in performance_rows.figures(TRADES[:1], None, alone)}
    assert "BEST DAY" not in single, "a day alone is neither the best nor the worst"
    assert "WORST DAY" not in single
    (weeks,) = [one for one in performance_rows.GROUPINGS if one.title == "Week"]
    for row in performance_rows.slice_rows(TRADES, weeks, UTC):
        assert len(row.key) <= weeks.columns[0].width, "no week is cut"
    nothing = {one.label: one.value for one in performance_rows.figures((), None, {})}
    assert nothing["CLOSED P&L"] == nothing["WIN RATE"] == nothing["FEES"] == "–"


async def test_what_was_open_when_a_session_ended_is_counted_and_named() -> None:
    held = msgspec.structs.replace(position(), unrealized_pnl=-10.95)
    stopped = {
        "state": SessionState.STOPPED,
        "ended": NOW,
        "open_positions": (held,),
        "unrealized_pnl": -10.95,
        "equity": 9_943.42,
    }
    link = ScriptedLink([session("aaaaaaa1", "one", **stopped)])
    app = make_app(link)
    async with driven(app, NARROW) as pilot:
        await pilot.press("8")
        await until(pilot, lambda: "LEFT OPEN" in drawn(app, "#performance-figures"))
        labels, values = drawn(app, "#performance-figures").splitlines()[:2]
        assert labels.split()[0] == "P&L"
        assert "▼ -56.58" in values  # as the list of sessions says
        assert "▼ -10.95" in values
        await pilot.press("h")
        table = app.screen.query_one("#performance-open", LineTable)
        await until(pilot, lambda: len(table.rows) == 1)
        assert "Open · 0, left at the end · 1" in str(table.border_title)


def test_kinds_of_money_are_kept_apart() -> None:
    demo = session("aaaaaaa3", "three", mode=Mode.DEMO)
    real = session("aaaaaaa4", "four", mode=Mode.SIMULATED, symbols=("BTC/EUR",))
    kinds = performance_rows.kinds_of_money([demo, real])
    assert [str(one) for one in kinds] == ["SIMULATED EUR", "DEMO USDT"]


@pytest.mark.parametrize("size", [NARROW, VAST])
async def test_all_sessions_some_of_them_and_their_trades(size: tuple[int, int]) -> None:
    link = busy()
    app = make_app(link)
    async with driven(app, size) as pilot:
        await pilot.press("j", "P")
        await until(pilot, lambda: isinstance(app.screen, PerformanceScreen))
        screen = app.screen
        table = screen.query_one("#performance-slices", LineTable)
        await until(pilot, lambda: len(table.rows) == 5)
        assert "1 session, chosen" in str(screen.query_one("#performance-days").border_title)
        assert re.search(r"\+\d|▴|▲", drawn(app, "#performance-days"))
        assert re.search(r"-\d|▾|▼", drawn(app, "#performance-days"))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, SessionsScreen))
        await pilot.press("8")
        await until(pilot, lambda: "all" in str(screen.query_one("#performance-days").border_title))
        if size == VAST:
            assert BRAILLE.search(drawn(app, "#performance-sum"))
        await pilot.press("m", "h", "h")
        trades = screen.query_one("#performance-trades", LineTable)
        await until(pilot, lambda: trades.display and bool(trades.rows))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TradeScreen))
        await pilot.press("escape", "l")
        positions = screen.query_one("#performance-open", LineTable)
        await until(pilot, lambda: positions.display and bool(positions.rows))
        # All of them in one table, each with its money: nothing here is summed.
        held = [one for one in link.sessions for _ in one.open_positions]
        moneys = {one.id: str(performance_rows.money_of(one)) for one in held}
        listed = [(row.key.split()[0], row.cells[1].text) for row in positions.rows]
        assert sorted(listed) == sorted((one.id, moneys[one.id]) for one in held)
        assert len(set(moneys.values())) > 1
        assert "kinds of money" in str(positions.border_title)
        assert " MONEY " in drawn(app, "#performance-open")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))


async def test_each_way_to_take_trades_apart_begins_at_its_first_row_and_is_named() -> None:
    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        await pilot.press("8")
        await until(pilot, lambda: isinstance(app.screen, PerformanceScreen))
        table = app.screen.query_one("#performance-slices", LineTable)
        await until(pilot, lambda: len(table.rows) > 1)
        await pilot.press("G", "l")
        await until(pilot, lambda: shown_view(table) == "Week")
        assert table.cursor_key == table.rows[0].key
        for grouping in GROUPINGS:
            assert grouping.title in str(table.border_title)
        await pilot.resize_terminal(*NARROW)
        await pilot.press(*"lllll")
        await until(pilot, lambda: shown_view(table) == "Strategy")
        for grouping in GROUPINGS:
            assert grouping.title in str(table.border_title)


async def test_headline_and_calendar_are_of_the_group_that_is_shown() -> None:
    link = ScriptedLink(
        [
            session("aaaaaaa1", "one", trades_count=2, open_positions=(position(),)),
            session("aaaaaaa2", "two", symbols=("ETH/USDT",), trades_count=1),
        ]
    )
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("8")
        screen = app.screen
        slices = screen.query_one("#performance-slices", LineTable)
        await until(pilot, lambda: slices.rows)

        def tiles() -> dict[str, str]:
            rows = screen.query_one(Figures).rows
            return {one.label: one.value for row in rows for one in row}

        days = screen.query_one("#performance-days")
        assert tiles()["TRADES"] == "3"
        assert "2 sessions, all but archived" in str(days.border_title)
        await pilot.press(*"lll")  # by pair
        await until(pilot, lambda: "ETH/USDT" in [row.key for row in slices.rows])
        slices.move_to("ETH/USDT")
        row = next(one for one in slices.rows if one.key == "ETH/USDT")
        await pilot.press("enter")
        await until(pilot, lambda: tiles()["TRADES"] == "1")
        assert tiles()["CLOSED P&L"] == row.cells[3].text
        assert not {"P&L", "OPEN P&L"} & set(tiles()), "nothing open belongs to a group of trades"
        assert "ETH/USDT" in str(days.border_title)
        await pilot.press("escape")
        await until(pilot, lambda: tiles()["TRADES"] == "3")
        assert "all but archived" in str(days.border_title)


def test_positions_of_sessions_with_one_name_are_told_apart() -> None:
    held = [session(f"aaaaaaa{n}", "one", open_positions=(position(),)) for n in (1, 2)]
    rows = performance_rows.open_rows(held)
    assert [row.cells[-1].text for row in rows] == ["aaaaaaa1", "aaaaaaa2"]
    assert performance_rows.OPEN_COLUMNS[-1].label == "ID"
    assert all(len(row.cells) == len(performance_rows.OPEN_COLUMNS) for row in rows)
    last = len(performance_rows.OPEN_COLUMNS) - 1
    for width in (WIDE[0], VAST[0]):
        assert last in {one.column for one in places(performance_rows.OPEN_COLUMNS, 2, width - 2)}


async def test_other_money_without_the_group_one_is_in_shows_its_own_groups() -> None:
    other = {"mode": Mode.SIMULATED, "trades_count": 1}
    link = ScriptedLink(
        [session("aaaaaaa1", "one", trades_count=2), session("aaaaaaa2", "two", **other)]
    )
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("8")
        screen = app.screen
        slices = screen.query_one("#performance-slices", LineTable)
        await until(pilot, lambda: slices.rows)
        await pilot.press(*"llllll")  # by strategy
        await until(pilot, lambda: [row.key for row in slices.rows] == ["two"])
        await pilot.press("enter")
        trades = screen.query_one("#performance-trades", LineTable)
        await until(pilot, lambda: "Trades of two · 1" in str(trades.border_title))
        await pilot.press("m")
        await until(pilot, lambda: [row.key for row in slices.rows] == ["one"])
        assert slices.display
        assert shown_view(slices) == "Strategy"


async def test_trades_are_asked_for_only_where_there_are_more() -> None:
    link = ScriptedLink(
        [
            session("aaaaaaa1", "one", trades_count=2),
            session("aaaaaaa2", "two", open_positions=(position(),)),
            session("aaaaaaa3", "three", state=SessionState.STOPPED, ended=NOW, trades_count=1),
        ]
    )
    asked: list[str] = []
    answer = link.closed_trades

    async def counted(session_id: str) -> tuple[Trade, ...]:
        asked.append(session_id)
        return await answer(session_id)

    link.closed_trades = counted  # type: ignore[method-assign]
    app = make_app(link)
    async with driven(app, WIDE) as pilot:
        await pilot.press("8")
        await until(pilot, lambda: asked == ["aaaaaaa1", "aaaaaaa3"])
        link.change("aaaaaaa2", trades_count=1)
        app.poll()
        await until(pilot, lambda: asked[2:] == ["aaaaaaa2"])


TODAY = date(2025, 11, 22)  # a Saturday


async def test_a_young_calendar_has_figures_and_an_old_one_a_glyph_a_day() -> None:
    young = {TODAY: DayResult(-12.5, 2), TODAY - timedelta(days=1): DayResult(1_204.2, 1)}
    old = {TODAY - timedelta(days=n): DayResult(n % 7 - 3.5, 1) for n in range(200)}
    app = make_app(busy())
    async with driven(app, NARROW) as pilot:
        await pilot.press("8")
        await until(pilot, lambda: app.screen.query(Calendar))
        calendar = app.screen.query_one(Calendar)
        calendar.draw(young, TODAY)
        lines = drawn(app, "#performance-days").splitlines()
        assert lines[0].split()[-2:] == ["17", "Nov"]
        names = [line.split()[0] for line in lines[1:9]]
        assert names == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Week"]
        assert lines[5].split()[-1] == "+1,204.20"
        assert lines[6].split()[-1] == "-12.50"
        assert lines[8].split()[-1] == "+1,191.70"
        calendar.draw(old, TODAY)
        lines = drawn(app, "#performance-days").splitlines()
        assert lines[0].split() == ["May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov"]
        assert set("▲▼") <= set("".join(lines))
        assert not re.search(r"\d", "".join(lines))


async def test_what_is_small_beside_the_rest_is_not_written_as_nothing() -> None:
    days = {TODAY - timedelta(days=7 * n): DayResult(1_000.25 + n, 1) for n in range(9)}
    days[TODAY] = DayResult(0.2, 1)
    app = make_app(busy())
    async with driven(app, NARROW) as pilot:
        await pilot.press("8")
        await until(pilot, lambda: app.screen.query(Calendar))
        app.screen.query_one(Calendar).draw(days, TODAY)
        figures = drawn(app, "#performance-days").splitlines()[6].split()[1:]
        assert figures == [*(f"+{1_000 + n:,}" for n in range(8, 0, -1)), "+0.2"]


async def test_the_calendar_shows_the_day_of_the_row_and_opens_the_day_under_its_cursor() -> None:
    link = ScriptedLink([session("aaaaaaa1", "one", trades_count=3)])
    app = make_app(link)
    async with driven(app, NARROW) as pilot:
        await pilot.press("8")
        screen = app.screen
        slices = screen.query_one("#performance-slices", LineTable)
        calendar = screen.query_one(Calendar)
        await until(pilot, lambda: len(slices.rows) == 3)
        await pilot.press("j")
        await until(pilot, lambda: calendar.day == performance_rows.day_of(slices.rows[1].key))
        assert "1 session" in str(calendar.border_title)
        assert "Tab next pane" in str(screen.query_one(Hints).render())
        await pilot.press("tab")
        await until(pilot, lambda: app.focused is calendar)
        await pilot.press("tab")
        await until(pilot, lambda: app.focused is slices)
        await pilot.press("tab")
        await until(pilot, lambda: app.focused is calendar)
        first = performance_rows.day_of(slices.rows[2].key)
        for _ in range((calendar.day - first).days if calendar.day else 0):
            await pilot.press("k")
        assert calendar.day == first
        await until(pilot, lambda: slices.cursor_key == slices.rows[2].key)
        assert f"{first:%a %d %b %Y} · 1 trade ·" in str(calendar.border_title)
        await pilot.press("enter")
        trades = screen.query_one("#performance-trades", LineTable)
        await until(pilot, lambda: f"Trades of {first}" in str(trades.border_title))
        await pilot.press("escape")
        await until(pilot, lambda: app.focused is slices)


async def test_a_calendar_with_the_same_days_repaints_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        await pilot.press("8")
        slices = app.screen.query_one("#performance-slices", LineTable)
        await until(pilot, lambda: slices.rows)
        calendar = app.screen.query_one(Calendar)
        days = {TODAY: DayResult(1.0, 1)}
        calendar.draw(days, TODAY)
        calendar.point(TODAY)
        asked: list[object] = []

        def refresh(self: Calendar, *regions: object, **_: object) -> Calendar:
            asked.append(regions)
            return self

        monkeypatch.setattr(Calendar, "refresh", refresh)
        calendar.draw(dict(days), TODAY)
        calendar.point(TODAY)
        assert not asked
        calendar.draw({TODAY: DayResult(2.0, 1)}, TODAY)
        assert asked


async def test_weeks_that_have_no_room_are_marked_and_reached_by_the_cursor() -> None:
    days = {TODAY - timedelta(days=n): DayResult(n % 5 - 2.5, 1) for n in range(400)}
    app = make_app(busy())
    async with driven(app, NARROW) as pilot:
        await pilot.press("8")
        calendar = app.screen.query_one(Calendar)
        await until(pilot, lambda: app.screen.query_one("#performance-slices", LineTable).rows)
        calendar.focus()
        calendar.point(None)
        calendar.draw(days, TODAY)
        months = drawn(app, "#performance-days").splitlines()[0]
        assert "‹" in months
        assert "›" not in months
        await pilot.press(*["h"] * 57)
        assert calendar.day is not None
        assert calendar.day - min(days) < timedelta(weeks=1)
        months = drawn(app, "#performance-days").splitlines()[0]
        assert "‹" not in months
        assert "›" in months
        assert months.split()[:2] == ["Nov", "2024"]
        assert " Jan 2025 " in months


async def test_a_view_whose_title_has_no_room_for_all_says_so_at_once() -> None:
    link = ScriptedLink([session("aaaaaaa1", "one", trades_count=120)])
    app = make_app(link)
    async with driven(app, NARROW) as pilot:
        await pilot.press("8")
        slices = app.screen.query_one("#performance-slices", LineTable)
        await until(pilot, lambda: slices.rows)
        await pilot.press("h", "h")
        trades = app.screen.query_one("#performance-trades", LineTable)
        await until(pilot, lambda: trades.display)
        title = Content.from_markup(str(trades.border_title)).plain
        assert title.startswith(" ‹")
        assert title.endswith(" Open ")
        assert len(title) <= NARROW[0] - 2


def test_wins_without_a_loss_have_an_endless_profit_factor() -> None:
    won = performance_rows.figures(TRADES[:1], None, {})
    assert {one.label: one.value for one in won}["PROFIT FACTOR"] == "∞"


@pytest.mark.parametrize(
    ("sessions", "way"),
    [([], "1 leads to the sessions"), ([session("aaaaaaa1", "one")], "h shows the open positions")],
)
async def test_without_a_trade_the_next_key_is_named(
    sessions: list[SessionSnapshot], way: str
) -> None:
    app = make_app(ScriptedLink(sessions))
    async with driven(app, NARROW) as pilot:
        await pilot.press("8")
        await until(pilot, lambda: way in drawn(app, "#performance-slices"))
        if sessions:
            await pilot.press("h")
            positions = app.screen.query_one("#performance-open", LineTable)
            await until(pilot, lambda: positions.display)


def test_trades_of_several_years_have_theirs() -> None:
    one = session("aaaaaaa1", "one", mode=Mode.REPLAY)
    trade, other = closed_trades("BTC/USDT", 5 * MINUTE)
    exited = [column.label for column in performance_rows.TRADE_COLUMNS].index("EXITED")

    def times(*trades: Trade) -> list[str]:
        closed = [performance_rows.Closed(one, each) for each in trades]
        rows = performance_rows.trade_rows(closed, UTC)
        return [row.cells[exited].text for row in rows]

    assert all(len(text) == len("22 Nov 14:02") for text in times(trade, other))
    old = msgspec.structs.replace(other, exit_time=other.exit_time - 3 * 365 * DAY)
    assert [text[:2] for text in times(trade, old)] == ["20", "20"]


async def test_rows_of_sessions_with_one_name_have_their_ids_on_80_columns_too() -> None:
    link = ScriptedLink(
        [
            session(one, "band", trades_count=2, open_positions=(position(),))
            for one in ("k3x9a1pq", "m81c0zzt")
        ]
    )
    app = make_app(link)
    async with driven(app, NARROW) as pilot:
        await pilot.press("8", "h", "h")
        for table in ("#performance-trades", "#performance-open"):

            def is_told(table: str = table) -> bool:
                shown = app.screen.query_one(table, LineTable)
                return shown.display and "m81c0zzt" in drawn(app, table)

            await until(pilot, is_told)
            heading = drawn(app, table).splitlines()[0]
            assert all(label in heading for label in ("STRATEGY", "SYMBOL", "P&L", "P&L %"))
            await pilot.press("l")
        link.change("m81c0zzt", strategy="breakout")
        app.poll()
        await until(pilot, lambda: "k3x9a1pq" not in drawn(app, "#performance-open"))
