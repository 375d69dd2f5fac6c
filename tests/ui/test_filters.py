"""The filter of every screen that has one: its keys, and what becomes of rows marked before."""

from __future__ import annotations

import pytest

from core.journal.values import SessionState
from tests.ui.driving import driven, make_app, until
from tests.ui.scripted import ScriptedLink, busy
from tests.ui.test_sessions import drawn
from tui.formats import MOST_NAMED, several
from tui.modals.ask import Ask
from tui.modals.pick import Pick
from tui.widgets.filter_box import LONGEST, FilterBox
from tui.widgets.line_table import LineTable


@pytest.mark.parametrize(
    ("key", "beside", "found", "other"),
    [
        ("1", "#sessions", "ema_cross", "rsi_bounce"),
        ("2", "#strategy-list", "ema_cross", "rsi_bounce"),
        ("5", "#jobs", "ema_cross", "band_fade"),
        ("6", "#all-log", "back-filled", "rsi 28.41"),
    ],
    ids=["sessions", "strategies", "jobs", "logs"],
)
async def test_a_filter_is_opened_kept_and_left_by_the_same_keys_everywhere(
    key: str, beside: str, found: str, other: str
) -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        await pilot.press(key)
        await until(pilot, lambda: other in drawn(app, beside))
        box, filtered = app.screen.query_one(FilterBox), app.screen.query_one(beside)
        assert not box.display
        await pilot.press("slash", *found)
        await until(pilot, lambda: other not in drawn(app, beside))
        assert found in drawn(app, beside)
        assert box.has_focus
        await pilot.press("enter")
        assert (filtered.has_focus, box.display, box.text) == (True, True, found)
        await pilot.press("slash", "end", *"zzz")
        await until(pilot, lambda: "Esc shows all" in drawn(app, beside))
        await pilot.press("escape")
        await until(pilot, lambda: other in drawn(app, beside))
        assert (filtered.has_focus, box.display, box.text) == (True, False, "")
        await pilot.press("slash", "space", "enter")
        assert (filtered.has_focus, box.display) == (True, False), "an empty one is no filter"
        await pilot.press("slash")
        box.value = "x" * LONGEST
        await pilot.press("end", "x")
        assert len(box.value) == LONGEST


async def test_the_arrows_move_in_what_is_filtered_while_one_types() -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        table = app.screen.query_one("#sessions", LineTable)
        first = table.cursor_key
        await pilot.press("slash", "down", "down", "up")
        assert table.cursor_key == table.rows[1].key != first
        assert app.screen.query_one(FilterBox).has_focus
        names = [f"name {number}" for number in range(30)]
        picked: list[str | None] = []
        app.push_screen(Pick("A name", names, names[0]), picked.append)
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await pilot.press("2", "down", "pagedown", "pagedown", "enter")
        await until(pilot, lambda: picked == ["name 29"])


async def test_a_name_mistyped_in_a_list_is_mended_letter_by_letter() -> None:
    """After Enter on what nothing has, Backspace took the whole text: Enter then set the first."""
    app = make_app(busy())
    async with driven(app) as pilot:
        picked: list[str | None] = []
        names = ["UTC", "Asia/Seoul", "Asia/Tokyo"]
        await app.push_screen(Pick("Time zone", names, "Asia/Seoul"), picked.append)
        box, table = app.screen.query_one(FilterBox), app.screen.query_one(LineTable)
        await pilot.press(*"Tokyox", "enter")
        await until(pilot, lambda: box.has_focus and "None has" in drawn(app, "#names"))
        await pilot.press("backspace")
        await until(pilot, lambda: table.cursor_key == "Asia/Tokyo")
        assert box.value == "Tokyo"
        await pilot.press(*["backspace"] * 5)
        await until(pilot, lambda: box.value == "" and len(table.rows) == len(names))
        assert table.cursor_key == "Asia/Seoul", "where it began"
        await pilot.press(*"tokyo", "enter")
        await until(pilot, lambda: picked == ["Asia/Tokyo"])


def paused(link: ScriptedLink) -> list[str]:
    """The sessions that were paused."""
    return [one.id for one in link.sessions if one.state is SessionState.PAUSED]


async def test_commands_are_for_marked_rows_that_are_seen() -> None:
    """What a filter hides stays marked and is left alone: p paused two that nobody saw."""
    link = busy()
    app = make_app(link)
    async with driven(app) as pilot:
        table = app.screen.query_one("#sessions", LineTable)
        await pilot.press("space", "space")
        await pilot.pause()
        assert "· 2 marked " in str(table.border_title)
        await pilot.press("slash", *"ema", "enter")
        await until(pilot, lambda: "2 marked, 1 hidden" in str(table.border_title))
        app.poll()
        assert table.marked == ("m81c0zzt",)
        await pilot.press("Y")
        assert ["m81c0zzt" in line for line in app.clipboard.splitlines()[1:]] == [True]
        await pilot.press("slash", "end", *["backspace"] * 3, *"band", "enter")
        await until(pilot, lambda: "2 marked, 2 hidden" in str(table.border_title))
        assert paused(link) == [table.cursor_key]
        await pilot.press("p")
        await until(pilot, lambda: not paused(link))  # band_fade, the one seen, enters again
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        assert "band_fade" in str(app.screen.query_one(".dialog-title").render())
        await pilot.press("escape", "escape")
        await until(pilot, lambda: "· 2 marked " in str(table.border_title))
        await pilot.press("p")
        told = "2 sessions paused: rsi_bounce (k3x9a1pq), ema_cross (m81c0zzt)."
        await until(pilot, lambda: app.notes[-1].message == told)
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        asked = str(app.screen.query_one(".dialog-text").render())
        assert asked.startswith("rsi_bounce (k3x9a1pq), ema_cross (m81c0zzt).")
        assert "2 positions stay open in them" in asked
        await pilot.press("y")
        await until(pilot, lambda: link.commands[-2:] == ["stop k3x9a1pq", "stop m81c0zzt"])
        await until(pilot, lambda: "marked" not in str(table.border_title))
        await pilot.press("escape", "space")
        await until(pilot, lambda: "· 1 marked" in str(table.border_title))
        await pilot.press("A")
        await until(pilot, lambda: "Archived" in str(table.border_title))
        assert "marked" not in str(table.border_title), "they were marks of the other list"


async def test_nothing_is_done_unasked_to_what_is_folded_away() -> None:
    link = busy()
    app = make_app(link)
    async with driven(app) as pilot:
        table = app.screen.query_one("#sessions", LineTable)
        await pilot.press("F")
        await until(pilot, lambda: any(row.head for row in table.rows))
        head = next(row.key for row in table.rows if row.head and "ema_cross" in row.cells[0].text)
        table.move_to(head)
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        assert "ema_cross (m81c0zzt)" in str(app.screen.query_one(".dialog-title").render())
        assert "m81c0zzt" not in paused(link)
        await pilot.press("y")
        await until(pilot, lambda: "m81c0zzt" in paused(link))


async def test_what_is_done_unasked_to_a_session_that_is_not_under_the_cursor_is_said() -> None:
    link = busy()
    app = make_app(link)
    async with driven(app) as pilot:
        table = app.screen.query_one("#sessions", LineTable)
        await pilot.press("space")
        assert table.marked != (table.cursor_key,)
        await pilot.press("p")
        await until(pilot, lambda: app.notes[-1].message == "rsi_bounce (k3x9a1pq) paused.")
        await pilot.press("escape")
        for one in ("k3x9a1pq", "m81c0zzt"):
            await link.stop(one)
            await link.archive(one)
        await pilot.press("A")
        await until(pilot, lambda: len(table.rows) == 2)
        await pilot.press("g", "space")
        await pilot.press("a")
        await until(pilot, lambda: app.notes[-1].message == "rsi_bounce (k3x9a1pq) put back.")
        told = len(app.notes)
        await pilot.press("a")
        await until(pilot, lambda: not link.taken_out and not table.rows)
        await pilot.pause()
        assert len(app.notes) == told, "it was under the cursor: one sees it go"


async def test_a_refusal_of_what_is_marked_names_it() -> None:
    link = busy()
    app = make_app(link)
    async with driven(app) as pilot:
        table = app.screen.query_one("#sessions", LineTable)
        await link.stop("k3x9a1pq")
        app.poll()
        await pilot.pause()
        table.move_to("k3x9a1pq")
        await pilot.press("space")
        table.move_to("m81c0zzt")
        told = "Commands are for what is marked, and it has ended: rsi_bounce (k3x9a1pq)."
        await pilot.press("x")
        await until(pilot, lambda: app.notes[-1].message.startswith(told))
        told = (
            "Commands are for what is marked, and it has no open position: rsi_bounce (k3x9a1pq)."
        )
        await pilot.press("f")
        await until(pilot, lambda: app.notes[-1].message.startswith(told))
        assert link.commands == ["stop k3x9a1pq"]


def test_a_question_names_no_more_than_it_has_room_for() -> None:
    names = [f"name {number}" for number in range(MOST_NAMED + 3)]
    assert several(names[:2]) == "name 0, name 1"
    assert several(names).endswith(f"name {MOST_NAMED - 1} and 3 more")
