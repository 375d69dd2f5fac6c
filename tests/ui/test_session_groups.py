"""Sessions folded into groups by keys alone: sums of one kind of money, and what a group takes."""

from __future__ import annotations

from typing import Any

from core.journal.session_notes import SessionNotes
from core.journal.values import Mode, SessionState
from tests.ui.driving import NARROW, VAST, driven, make_app, until
from tests.ui.scripted import NOW, ScriptedLink, busy, position, session
from tests.ui.test_sessions import drawn
from tui.modals.ask import Ask
from tui.requests.views import GroupBy
from tui.screens.session import SessionScreen
from tui.screens.session_groups import rows
from tui.screens.sessions import SessionsScreen
from tui.screens.sessions_table import SESSION_COLUMNS
from tui.widgets.line_table import LineTable

LABELS = [column.label for column in SESSION_COLUMNS]


def twins() -> ScriptedLink:
    """Two demo sessions of one strategy, of which one holds a position, and one of another."""
    return ScriptedLink(
        [
            session("aaaaaaaa", "band_fade", equity=10_100.0, trades_count=4, wins=3),
            session("bbbbbbbb", "ema_cross", notes=SessionNotes("", ("slow",))),
            session(
                "cccccccc", "band_fade", equity=9_950.0, trades_count=6, wins=2,
                unrealized_pnl=-20.0, open_positions=(position(pnl=-20.0),),
                notes=SessionNotes("", ("slow", "night")),
            ),
        ]
    )  # fmt: skip


async def test_groups_fold_open_and_keep_what_is_selected_through_refreshes() -> None:
    link = twins()
    app = make_app(link)
    async with driven(app) as pilot:
        table = app.screen.query_one("#sessions", LineTable)
        await pilot.press("j", "F")
        await pilot.pause()
        assert table.cursor_key == "bbbbbbbb", "the group one is in stays open"
        shown = drawn(app, "#sessions")
        assert "▸ band_fade · 2 sessions · 1 open" in shown
        assert "▾ ema_cross · 1 session" in shown
        assert "aaaaaaaa" not in [row.key for row in table.rows]
        await pilot.press("g")
        assert "cccccccc" in drawn(app, "#positions"), "each position with its session"
        await pilot.press("space")
        assert [row.key for row in table.rows] == [
            "strategy band_fade", "aaaaaaaa", "cccccccc", "strategy ema_cross", "bbbbbbbb",
        ]  # fmt: skip
        await pilot.press("j", "j")
        link.sessions.insert(0, session("dddddddd", "atr_trail"))
        app.poll()
        await pilot.pause()
        assert table.cursor_key == "cccccccc"
        assert table.rows[0].key == "strategy atr_trail"
        await pilot.press("k", "k", "enter")
        assert "aaaaaaaa" not in [row.key for row in table.rows]
        assert isinstance(app.screen, SessionsScreen), "Enter on a group opens no session"
        await pilot.press("tab", "enter")
        assert isinstance(app.screen, SessionScreen)


async def test_what_is_marked_stays_so_while_it_is_folded_away() -> None:
    app = make_app(twins())
    async with driven(app) as pilot:
        table = app.screen.query_one("#sessions", LineTable)
        await pilot.press("F", "space", "g", "enter")
        await pilot.pause()
        assert "aaaaaaaa" not in [row.key for row in table.rows]
        assert not table.marked, "nothing is done to what is not seen"
        assert table.marks_told == "1 marked, 1 hidden"
        await pilot.press("enter")
        await pilot.pause()
        assert list(table.marked) == ["aaaaaaaa"]


async def test_a_command_on_a_group_is_for_all_its_sessions() -> None:
    link = twins()
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("F", "g", "s")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("y")
        await until(pilot, lambda: link.commands == ["stop aaaaaaaa", "stop cccccccc"])


def test_the_row_of_a_group_sums_one_kind_of_money_and_names_it() -> None:
    link = twins()
    head = rows(link.sessions, GroupBy.STRATEGY)[0].cells
    figures = {n: c.text + c.kept for n, c in zip(LABELS, head, strict=True) if c.text}
    assert figures == {
        "STATE": "band_fade · 2 sessions · 1 open",
        "TRADES": "10",
        "WIN": "50%",
        "OPEN P&L": "▼ -20.00",
        "P&L": "▲ +50.00",
        "P&L %": "▲ +0.25%",
        "EQUITY": "20,050.00",
    }
    link.change("aaaaaaaa", mode=Mode.REPLAY, state=SessionState.STOPPED, ended=NOW)
    head = rows(link.sessions, GroupBy.STRATEGY)[0].cells
    figures = {n: c.text + c.kept for n, c in zip(LABELS, head, strict=True) if c.text}
    assert figures["EQUITY"] == "9,950.00"
    assert figures["STATE"] == "band_fade · DEMO totals · 1 of 2 active · 1 open"
    never: dict[str, Any] = {"state": SessionState.ERROR, "ended": NOW, "trades_count": 0}
    link.change("aaaaaaaa", mode=Mode.TESTNET, equity=10_000.0, equity_curve=(), **never)
    head = rows(link.sessions, GroupBy.STRATEGY)[0].cells
    figures = {n: c.text + c.kept for n, c in zip(LABELS, head, strict=True) if c.text}
    assert figures["EQUITY"] == "9,950.00", "not of money that never began"
    assert figures["STATE"] == "band_fade · 1 failed · 1 of 2 active · 1 open"


def test_a_session_that_failed_is_not_counted_among_those_that_ended_as_well() -> None:
    link = twins()
    link.change("bbbbbbbb", state=SessionState.ERROR, ended=NOW)
    link.change("aaaaaaaa", state=SessionState.ERROR, ended=NOW)
    link.change("cccccccc", state=SessionState.STOPPED, ended=NOW, open_positions=())
    place = LABELS.index("STATE")
    heads = [row.cells[place] for row in rows(link.sessions, GroupBy.STRATEGY) if row.head]
    assert [head.text + head.kept for head in heads] == [
        "band_fade · 1 failed · 1 ended", "ema_cross · 1 failed",
    ]  # fmt: skip


async def test_tags_have_a_column_where_there_are_any_and_group_by_the_first() -> None:
    app = make_app(busy())
    async with driven(app):
        assert "TAGS" not in drawn(app, "#sessions")
    app = make_app(twins())
    async with driven(app, VAST) as pilot:
        assert "TAGS" in drawn(app, "#sessions")
        assert "#slow #ni" in drawn(app, "#sessions")
        await pilot.press("F", "F")
        keys = [row.key for row in app.screen.query_one("#sessions", LineTable).rows]
        assert keys == ["tag slow", "tag ", "aaaaaaaa"]
        assert "▸ #slow · 2 sessions" in drawn(app, "#sessions")
        await pilot.press("F")
        assert "▸" not in drawn(app, "#sessions")


async def test_without_a_tag_there_is_nothing_to_fold_by_but_strategies() -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        title = app.screen.query_one("#sessions")
        await pilot.press("F")
        await until(pilot, lambda: "by strategy" in str(title.border_title))
        await pilot.press("F")
        await until(pilot, lambda: " by " not in str(title.border_title))


async def test_a_group_is_sorted_within_itself_and_fits_a_narrow_terminal() -> None:
    app = make_app(twins())
    async with driven(app, NARROW) as pilot:
        table = app.screen.query_one("#sessions", LineTable)
        await pilot.press("F", "G", "enter", "g")
        table.order_by("P&L %", descending=False)
        assert [row.key for row in table.rows if not row.head][-2:] == ["cccccccc", "aaaaaaaa"]
        table.order_by("P&L %", descending=True)
        assert [row.key for row in table.rows][:2] == ["strategy band_fade", "aaaaaaaa"]
        lines = drawn(app, "#sessions").splitlines()
        assert "▾ band_fade · 2 sessions · 1 open" in lines[1]
        assert "▲ +0.25%" in lines[1]


async def test_the_session_one_is_on_stays_in_view_when_its_group_opens() -> None:
    link = ScriptedLink([session(f"aaaaaa{n:02d}", f"strategy_{n:02d}") for n in range(30)])
    app = make_app(link)
    async with driven(app, NARROW) as pilot:
        await pilot.press("G", "F")
        await pilot.pause()
        assert app.screen.query_one("#sessions", LineTable).cursor_key == "aaaaaa29"
        await until(pilot, lambda: "▌ ● running" in drawn(app, "#sessions"))


async def test_tags_give_way_before_the_equity_and_the_id() -> None:
    """The pane beneath tells them too, and the filter finds them."""
    app = make_app(twins())
    async with driven(app, VAST) as pilot:
        await pilot.press("G")
        heads = drawn(app, "#sessions").splitlines()[0].split()
        assert {"ID", "TAGS", "EQUITY"} <= set(heads)
        for width in range(160, 79, -8):
            await pilot.resize_terminal(width, 40)
            await pilot.pause()
            heads = drawn(app, "#sessions").splitlines()[0].split()
            assert "TAGS" not in heads or {"ID", "EQUITY"} <= set(heads), width
            assert "#slow" in str(app.screen.query_one("#positions").border_title)
