"""Panes sized by keys keep their sizes, for each layout of a screen."""

from __future__ import annotations

from pathlib import Path

from textual.widget import Widget

from core.store.durable import OsDisk
from core.store.preferences import read_preferences, write_preference
from tests.ui.driving import NARROW, VAST, WIDE, WatchedApp, driven, make_app, until
from tests.ui.scripted import busy, choices
from tui.app import PapertapeApp
from tui.screens.session import SessionScreen
from tui.widgets.line_table import LineTable


def app_of(home: Path) -> WatchedApp:
    hosting = make_app(busy()).hosting
    return WatchedApp(hosting, choices, host_name="web1", workspace=home, poll_every=3_600)


def size(app: PapertapeApp, pane: str) -> tuple[int, int]:
    found = app.screen.query_one(f"#{pane}", Widget).outer_size
    return found.width, found.height


async def test_a_pane_gets_higher_at_the_cost_of_the_next_and_stays_so(tmp_path: Path) -> None:
    app = app_of(tmp_path)
    async with driven(app) as pilot:
        positions, log = size(app, "positions")[1], size(app, "log")[1]
        await pilot.press("tab", *["right_curly_bracket"] * 2, "left_curly_bracket")
        await until(pilot, lambda: size(app, "positions")[1] == positions + 2)
        assert size(app, "log")[1] == log - 2
        await until(pilot, lambda: all(w.is_finished for w in app.workers if w.group == "settings"))
    assert (
        read_preferences(tmp_path / "config.yaml").panes["sessions"]["positions"] == positions + 2
    )

    again = app_of(tmp_path)
    async with driven(again) as pilot:
        await until(pilot, lambda: size(again, "positions")[1] == positions + 2)
        await pilot.press("tab", "z")
        await until(pilot, lambda: size(again, "positions") == (WIDE[0], WIDE[1] - 2))
        await pilot.press("z")
        await until(pilot, lambda: size(again, "positions")[1] == positions + 2)
        await pilot.resize_terminal(*NARROW)  # whose layout is another
        await until(pilot, lambda: size(again, "positions")[1] == 5)
        await pilot.resize_terminal(*WIDE)
        await until(pilot, lambda: size(again, "positions")[1] == positions + 2)


async def test_the_innermost_container_that_parts_an_axis_gives_the_room(tmp_path: Path) -> None:
    app = app_of(tmp_path)
    async with driven(app, VAST) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        app.screen.query_one("#one-why").focus()
        await until(pilot, lambda: app.screen.query_one("#one-why", LineTable).rows)
        await pilot.pause()
        main, why = size(app, "one-main")[0], size(app, "one-why")[1]
        await pilot.press("greater_than_sign", "right_curly_bracket")
        await until(pilot, lambda: size(app, "one-main")[0] == main + 4)
        await until(pilot, lambda: size(app, "one-why")[1] == why + 2)
        await pilot.press(*["right_curly_bracket"] * 9)
        await pilot.pause()
        assert size(app, "one-candles")[1] >= 4, "no pane is pushed out"


async def test_a_pane_that_has_no_room_to_give_leaves_that_to_the_one_after_it(
    tmp_path: Path,
) -> None:
    app = app_of(tmp_path)
    async with driven(app, VAST) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        await until(pilot, lambda: app.screen.query_one("#one-why", LineTable).rows)
        await pilot.pause()
        app.screen.query_one("#one-candles").focus()
        await pilot.press(*["right_curly_bracket"] * 5)
        await pilot.pause()
        app.screen.query_one("#one-trades").focus()
        positions, upper = size(app, "one-positions")[1], size(app, "one-upper")[1]
        assert positions <= 5
        await pilot.press("right_curly_bracket")
        await until(pilot, lambda: size(app, "one-upper")[1] == upper - 2)
        assert size(app, "one-positions")[1] == positions


async def test_a_pane_keeps_its_size_while_it_is_not_shown(tmp_path: Path) -> None:
    app = app_of(tmp_path)
    async with driven(app, VAST) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: app.screen.query("#strategy-look"))
        look, about = (
            app.screen.query_one("#strategy-look"),
            app.screen.query_one("#strategy-about"),
        )
        look.add_class("-known")
        about.focus()
        await pilot.pause()
        narrower = size(app, "strategy-look")[0] - 4
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: size(app, "strategy-look")[0] == narrower)
        look.remove_class("-known")
        await until(pilot, lambda: size(app, "strategy-about")[0] == VAST[0])
        await pilot.press("right_curly_bracket")
        look.add_class("-known")
        await until(pilot, lambda: size(app, "strategy-about")[0] < VAST[0])
        assert size(app, "strategy-look")[0] == narrower


def test_sizes_are_one_line_of_the_preferences_and_checked(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("# mine\ntheme: papertape\npanes: {sessions: {log: 3}}\ntime_zone: UTC\n")
    write_preference(path, "panes", {"session-short": {"one-side": 41}}, OsDisk())
    assert path.read_text() == (
        "# mine\ntheme: papertape\npanes: {session-short: {one-side: 41}}\ntime_zone: UTC\n"
    )
    for wrong in ("{sessions: 3}", "{sessions: {log: 0}}", "{sessions: {log: true}}", "[1]"):
        path.write_text(f"panes: {wrong}\n")
        found = read_preferences(path)
        assert found.panes == {}
        assert "panes must be sizes" in found.problems["panes"]
