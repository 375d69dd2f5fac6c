"""Saved views of the sessions: kept, taken, removed by keys and palette, and there at the start."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.command import CommandList, CommandPalette

from core.store.durable import OsDisk
from core.store.preferences import (
    MOST_VIEWS,
    PreferencesError,
    read_preferences,
    write_preference,
)
from core.store.yaml_reader import SettingsError
from tests.ui.driving import WatchedApp, driven, make_app, until
from tests.ui.scripted import ScriptedHosting, ScriptedLink, busy, choices
from tests.ui.test_sessions import drawn
from tui.modals.name import AskName
from tui.modals.views import Views
from tui.requests.views import GroupBy, View, read_view, why_not
from tui.screens.sessions import SessionsScreen
from tui.widgets.filter_box import FilterBox
from tui.widgets.line_table import LineTable


def app_of(link: ScriptedLink, workspace: Path) -> WatchedApp:
    """The app on a workspace, whose config.yaml it reads and writes."""
    return WatchedApp(
        ScriptedHosting(link), choices, host_name="x", workspace=workspace, poll_every=3_600
    )


def offered(app: WatchedApp) -> dict[str, str]:
    """What the palette shows: each label with its help."""
    if not isinstance(app.screen, CommandPalette):
        return {}
    shown = (str(option.prompt) for option in app.screen.query_one(CommandList).options)
    parted = (prompt.partition("  ") for prompt in shown)
    return {label: text.lstrip() for label, _, text in parted}


async def test_what_is_shown_is_kept_under_a_name_and_is_there_at_the_next_start(
    tmp_path: Path,
) -> None:
    app = app_of(busy(), tmp_path)
    async with driven(app) as pilot:
        await pilot.press("slash", *"e", "enter", "F", "o", "o", "O", "V")
        await until(pilot, lambda: isinstance(app.screen, Views))
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, AskName))
        await pilot.press(*"[/x] mine", "enter")
        await until(pilot, lambda: isinstance(app.screen, SessionsScreen))
        kept = View("e", GroupBy.STRATEGY, "STRATEGY", descending=True)
        await until(pilot, lambda: app.views == {"[/x] mine": kept})
        await until(pilot, lambda: read_preferences(tmp_path / "config.yaml").view == "[/x] mine")
        assert "view \\[/x] mine" in str(app.screen.query_one("#sessions").border_title)

        await pilot.press("V", "g", "enter")
        await until(pilot, lambda: "▸" not in drawn(app, "#sessions"))
        assert app.screen.query_one(FilterBox).value == ""
        app.choose_view("[/x] mine")  # as the palette does
        await until(pilot, lambda: "▸ ema_cross · SIMULATED totals" in drawn(app, "#sessions"))
        assert "▾ rsi_bounce" in drawn(app, "#sessions"), "the group one is in"
        await until(pilot, lambda: read_preferences(tmp_path / "config.yaml").view == "[/x] mine")

    app = app_of(busy(), tmp_path)
    async with driven(app) as pilot:
        await until(pilot, lambda: "▸ rsi_bounce" in drawn(app, "#sessions"))
        assert app.screen.query_one("#sessions", LineTable).order == ("STRATEGY", True)
        await pilot.press("V")
        await until(pilot, lambda: isinstance(app.screen, Views))
        await pilot.press("d")
        await until(pilot, lambda: not read_preferences(tmp_path / "config.yaml").views)
        await until(pilot, lambda: not read_preferences(tmp_path / "config.yaml").view)


async def test_a_view_that_could_not_be_kept_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise SettingsError("no space is left on the disk")

    monkeypatch.setattr("tui.requests.settings.write_preference", full)
    app = app_of(busy(), tmp_path)
    async with driven(app) as pilot:
        await pilot.press("V")
        await until(pilot, lambda: isinstance(app.screen, Views))
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, AskName))
        await pilot.press("x", "enter")
        await until(pilot, lambda: [note.title for note in app.notes] == ["Not kept"])
        assert (app.views, app.view) == ({}, "")
        assert "view" not in str(app.screen.query_one("#sessions").border_title)


async def test_the_palette_offers_the_views() -> None:
    app = make_app(busy())
    app.views["losers"] = View(sort="P&L %")
    async with driven(app) as pilot:
        await pilot.press("5", "ctrl+p")
        await pilot.pause()
        await pilot.press(*"view losers")
        await until(pilot, lambda: list(offered(app)) == ["losers"])
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionsScreen))
        assert app.view == "losers"


async def test_screens_of_one_workspace_keep_each_others_views(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    app = app_of(busy(), tmp_path)
    async with driven(app) as pilot:
        write_preference(path, "views", {"other": {"filter": "b"}}, OsDisk())
        app.settings.keep_saved_view("mine", View("e"))
        await until(pilot, lambda: set(read_preferences(path).views) == {"other", "mine"})
        app.settings.keep_saved_view("mine", None)
        await until(pilot, lambda: set(read_preferences(path).views) == {"other"})


async def test_names_with_brackets_stand_in_the_palette_as_they_are() -> None:
    app = make_app(busy())
    app.views |= {"[/x] mine": View(), "[b": View("[/b] [x")}
    async with driven(app) as pilot:
        await pilot.press("ctrl+p")
        await until(pilot, lambda: {"[/x] mine", "[b"} <= set(offered(app)))
        assert "[/b] [x" in offered(app)["[b"], "what it filters by"
        await pilot.press(*"view [/x]")
        await until(pilot, lambda: list(offered(app)) == ["[/x] mine"])
        await pilot.press("enter")
        await until(pilot, lambda: app.view == "[/x] mine")


def test_views_are_bounded_and_told_where_they_cannot_be(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    view = View("#slow", GroupBy.TAG, "P&L %")
    write_preference(path, "views", {"yes": view.written}, OsDisk())
    assert read_view(read_preferences(path).views["yes"]) == view
    assert read_view({"group": "moon", "colour": "red"}) == View()
    many: dict[str, dict[str, str]] = {f"v{number}": {} for number in range(MOST_VIEWS + 1)}
    named: dict[str, dict[str, str]] = {"n" * 31: {}}
    for wrong in (many, named, {"long": {"filter": "x" * 201}}):
        with pytest.raises(PreferencesError, match="views must be up to 20"):
            write_preference(path, "views", wrong, OsDisk())
    assert read_preferences(path).views == {"yes": view.written}
    views = {f"v{number}": View() for number in range(MOST_VIEWS)}
    assert "20 views already" in str(why_not("another", views))
    assert why_not("v0", views) is None
    assert "30 characters" in str(why_not("a\x1bb", {}))
