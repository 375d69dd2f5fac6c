"""The filter of every screen that has one: the same keys do the same, and nothing typed is lost."""

from __future__ import annotations

import pytest

from tests.ui.driving import driven, make_app, until
from tests.ui.scripted import busy
from tests.ui.test_sessions import drawn
from tui.modals.pick import Pick
from tui.widgets.filter_box import LONGEST, FilterBox
from tui.widgets.line_table import LineTable


@pytest.mark.parametrize(
    ("key", "beside", "found", "other"),
    [
        ("1", "#sessions", "ema_cross", "rsi_bounce"),
        ("6", "#all-log", "back-filled", "rsi 28.41"),
    ],
    ids=["sessions", "logs"],
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
        await pilot.press("slash", *"x" * (LONGEST + 1))
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
