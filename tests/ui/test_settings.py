"""Settings under the keys of their user: kept in the workspace's files, and no secret shown."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from textual.pilot import Pilot
from textual.widgets import Input, Static

from core.exchange.server import DEMO_KEYS
from core.store.preferences import read_preferences, zone_of
from core.store.workspace import Workspace
from core.store.yaml_reader import SettingsError
from tests.ui.driving import NARROW, WatchedApp, driven, make_app, until
from tests.ui.scripted import ScriptedLink, busy, choices
from tests.ui.test_sessions import drawn
from tests.unit.cli.conftest import Served, exchange, write_addresses
from tui.app import PapertapeApp
from tui.modals.ask import Ask
from tui.modals.key import KeyForm
from tui.modals.name import AskName
from tui.modals.pick import Pick
from tui.requests.settings_files import Settings, named_places, read_settings
from tui.screens.settings import SettingsScreen
from tui.widgets.hints import Hints
from tui.widgets.line_table import LineTable

TOKEN = "token0123456789"
UNKNOWN = "settingskey0123456789"
__all__ = ["exchange"]  # a fixture of the command line's tests


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    made.mkdir()
    return made


def app_of(home: Path, link: ScriptedLink | None = None) -> WatchedApp:
    """The app on a scripted host, with a workspace whose files are real."""
    made = make_app(link or busy())
    return WatchedApp(made.hosting, choices, host_name="web1", workspace=home, poll_every=3_600)


async def settings_of(app: PapertapeApp, pilot: Pilot[int]) -> SettingsScreen:
    await pilot.press("7")
    await until(pilot, lambda: isinstance(app.screen, SettingsScreen) and app.screen.ready)
    screen = app.screen
    assert isinstance(screen, SettingsScreen)
    await done(app, pilot)
    return screen


async def done(app: PapertapeApp, pilot: Pilot[int]) -> None:
    """Wait until nothing is being read or written."""
    await until(pilot, lambda: all(w.is_finished for w in app.workers if w.group == "settings"))


def value(screen: SettingsScreen, key: str) -> str:
    rows = screen.query_one("#settings", LineTable).rows
    return next(row.cells[1].text for row in rows if row.key == key)


def pictured(app: PapertapeApp) -> str:
    """Everything on the screen, as text."""
    return app.export_screenshot()


def text_of(screen: SettingsScreen) -> str:
    """The words on the setting under the cursor."""
    return str(screen.query_one("#setting-text", Static).content)


async def put_in(app: PapertapeApp, pilot: Pilot[int], key: str, secret: str) -> None:
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, KeyForm) and app.screen.is_mounted)
    await until(pilot, lambda: bool(app.screen.query("#verdict")))
    app.screen.query_one("#api-key", Input).value = key
    app.screen.query_one("#api-secret", Input).value = secret
    await pilot.pause()
    assert key not in pictured(app)
    assert secret not in pictured(app)
    await pilot.press("enter")


async def test_keys_that_the_venue_takes_are_kept_and_never_shown(
    home: Path, exchange: Served
) -> None:
    write_addresses(home, exchange)
    ((key, secret),) = DEMO_KEYS.items()
    app = app_of(home)
    async with driven(app) as pilot:
        screen = await settings_of(app, pilot)
        assert value(screen, "binance_testnet") == "none"
        await put_in(app, pilot, key, secret)
        await until(pilot, lambda: app.screen is screen and screen.is_current)
        await until(pilot, lambda: value(screen, "binance_testnet") == "✓ set, and they work")
        path = home / "exchanges.yaml"
        assert path.stat().st_mode & 0o777 == 0o600
        written = yaml.safe_load(path.read_text())
        assert written == {"binance_testnet": {"api_key": key, "api_secret": secret}}
        await pilot.press("R")
        await until(pilot, lambda: "for spot orders works" in pictured(app).replace("&#160;", " "))
        assert key not in pictured(app)
        assert secret not in pictured(app)


async def test_keys_that_it_refuses_are_kept_only_when_asked_twice(
    home: Path, exchange: Served
) -> None:
    write_addresses(home, exchange)
    app = app_of(home)
    async with driven(app) as pilot:
        screen = await settings_of(app, pilot)
        await pilot.press("j")
        await put_in(app, pilot, UNKNOWN, f"{UNKNOWN}secret")
        await until(pilot, lambda: "once&#160;more" in pictured(app))
        assert not (home / "exchanges.yaml").exists()
        assert UNKNOWN not in pictured(app)
        await pilot.press("enter")
        await until(pilot, lambda: value(screen, "binance_demo") == "✗ set, but refused")
        assert UNKNOWN in (home / "exchanges.yaml").read_text()


async def test_notifications_are_added_and_taken_out_and_only_their_kind_is_shown(
    home: Path,
) -> None:
    link = busy()
    app = app_of(home, link)
    async with driven(app) as pilot:
        screen = await settings_of(app, pilot)
        await pilot.press("j", "j", "enter")
        await until(pilot, lambda: bool(app.screen.query(Input)))
        assert isinstance(app.screen, AskName)
        app.screen.query_one(Input).value = f"tgram://{TOKEN}/42"
        await pilot.pause()
        assert TOKEN not in pictured(app)
        await pilot.press("enter")
        await until(pilot, lambda: value(screen, "places") == "1 address")
        assert value(screen, "place 0") == "tgram"
        assert link.commands == ["renew_notifications"]
        assert TOKEN not in pictured(app)
        assert read_settings(Workspace(home)) == Settings((), ("tgram",))
        assert (home / "notifications.yaml").stat().st_mode & 0o777 == 0o600
        await pilot.press("j", "enter")
        await until(pilot, lambda: any("only taken out (d)" in one.message for one in app.notes))
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("y")
        await until(pilot, lambda: value(screen, "places") == "none")


async def test_what_is_no_address_is_refused_without_repeating_it(home: Path) -> None:
    app = app_of(home)
    async with driven(app) as pilot:
        await settings_of(app, pilot)
        await pilot.press("j", "j", "enter")
        await until(pilot, lambda: bool(app.screen.query(Input)))
        app.screen.query_one(Input).value = TOKEN
        await pilot.press("enter")
        await until(pilot, lambda: bool(app.notes))
        (told,) = app.notes
        assert "expected an address" in told.message
        assert TOKEN not in told.message
        assert not (home / "notifications.yaml").exists()


async def test_theme_and_time_zone_are_remembered(home: Path) -> None:
    app = app_of(home)
    async with driven(app) as pilot:
        screen = await settings_of(app, pilot)
        await pilot.press("j", "j", "j", "enter")
        await until(pilot, lambda: bool(app.screen.query("#names")))
        await pilot.press("down")
        await until(pilot, lambda: app.theme == "papertape-light")
        await pilot.press("escape")
        await until(pilot, lambda: app.theme == "papertape-dark")
        assert not (home / "config.yaml").exists()
        await pilot.press("enter")
        await until(pilot, lambda: bool(app.screen.query("#names")))
        await pilot.press("down", "enter")
        await until(pilot, lambda: value(screen, "theme") == "papertape-light")

        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await until(pilot, lambda: bool(app.screen.query("#names")))
        # From wherever one is, what is typed leads to the first that has it.
        await pilot.press("down", "down", *"eirut")
        assert app.screen.query_one("#names", LineTable).cursor_key == "Asia/Beirut"
        await pilot.press(*["backspace"] * 5, "pagedown", *"utc")
        assert app.screen.query_one("#names", LineTable).cursor_key == "UTC"
        await pilot.press(*["backspace"] * 3, *"mars", "enter")
        assert app.screen.query_one("#names", LineTable).cursor_key is None
        await pilot.press(*["backspace"] * 4, *"eirut", "enter")
        await until(pilot, lambda: value(screen, "zone") == "Asia/Beirut")
        await pilot.press("j", "j", "enter")
        await until(pilot, lambda: value(screen, "alerts") == "quiet")
        await done(app, pilot)
    kept = read_preferences(home / "config.yaml")
    assert (kept.theme, kept.time_zone) == ("papertape-light", "Asia/Beirut")
    again = app_of(home)
    assert (again.theme, again.zone) == ("papertape-light", ZoneInfo("Asia/Beirut"))


async def test_a_zone_chosen_on_one_screen_is_taken_over_by_the_others(home: Path) -> None:
    """The host counts its days by the new one, which stood under the name of the old one."""
    app = app_of(home)
    async with driven(app) as pilot:
        await pilot.pause()
        app.choose_zone("Asia/Tokyo")  # not written yet, or never
        app.poll()
        assert app.zone == ZoneInfo("Asia/Tokyo")
        await done(app, pilot)
        (home / "config.yaml").write_text("time_zone: Asia/Kolkata\n")
        app.poll()
        await until(pilot, lambda: "TODAY, IST" in drawn(app, "#figures"))


async def test_a_theme_taken_with_its_key_is_remembered(home: Path) -> None:
    app = app_of(home)
    async with driven(app) as pilot:
        await pilot.press("t")
        taken = app.theme
        await until(pilot, (home / "config.yaml").exists)
    assert app_of(home).theme == taken


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("theme: no-such", "'no-such', which is not there"),
        ("time_zone: Mars/Base", "no time zone 'Mars/Base'"),
        ("theme: [1", "config.yaml"),
    ],
)
async def test_preferences_that_cannot_be_used_are_said_and_nothing_fails(
    home: Path, text: str, told: str
) -> None:
    (home / "config.yaml").write_text(text)
    app = app_of(home)
    async with driven(app):
        assert app.theme == "papertape-dark"
        assert any(told in note.message for note in app.notes)


async def test_one_preference_that_cannot_be_used_leaves_the_others(home: Path) -> None:
    (home / "config.yaml").write_text(
        "time_zone: Mars/Base\nalerts: loud\npanes: 5\ntheme: papertape-light\n"
        "keymap: {app.help: f6}\n"
    )
    app = app_of(home)
    async with driven(app):
        assert app.theme == "papertape-light"
        assert app.keymap == {"app.help": "f6"}
        told = "\n".join(note.message for note in app.notes)
        assert all(word in told for word in ("Mars/Base", "'loud'", "panes"))


def test_files_that_cannot_be_read_are_problems_that_quote_nothing(home: Path) -> None:
    (home / "exchanges.yaml").write_text(f"- {TOKEN}")
    (home / "notifications.yaml").write_text(f"urls: {TOKEN}")
    app = app_of(home)
    assert app.settings.workspace is not None
    found = read_settings(app.settings.workspace)
    assert len(found.problems) == 2
    assert TOKEN not in "".join(found.problems)
    with pytest.raises(SettingsError, match="Europe/Berlin"):
        zone_of("../../etc/passwd")


async def test_the_python_that_has_nautilus_is_named_tried_and_kept(home: Path) -> None:
    app = app_of(home)
    async with driven(app) as pilot:
        screen = await settings_of(app, pilot)
        assert value(screen, "nautilus") == "this Python"
        await pilot.press("end")
        while screen.selected != "nautilus":
            await pilot.press("up")
        await pilot.press("R")
        await until(pilot, lambda: "needed for --broker nautilus alone" in text_of(screen))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, AskName) and app.screen.is_mounted)
        await until(pilot, lambda: bool(app.screen.query(Input)))
        app.screen.query_one(Input).value = str(home / "no" / "python")
        await pilot.press("enter")
        await until(pilot, lambda: value(screen, "nautilus").endswith("no/python"))
        kept = yaml.safe_load((home / "config.yaml").read_text())["nautilus_python"]
        assert kept == str(home / "no" / "python")
        await pilot.press("R")
        await until(pilot, lambda: value(screen, "nautilus") == "✗ not there")
        assert "cannot be run" in text_of(screen)


async def test_where_everything_is_is_shown_and_copied(home: Path) -> None:
    app = app_of(home)
    async with driven(app) as pilot:
        screen = await settings_of(app, pilot)
        files = screen.query_one("#setting-files", LineTable)
        await until(pilot, lambda: len(files.rows) == len(named_places(Workspace(home))))
        shown = {row.key: [cell.text for cell in row.cells[1:]] for row in files.rows}
        assert shown["workspace"] == [str(home), ""]
        assert shown["log"] == [str(home / "host.log"), "not there"]
        files.focus()
        await pilot.press("j", "y")
        await until(pilot, lambda: app.clipboard == f"strategies\t{home / 'strategies'}\tnot there")


async def test_a_key_is_changed_on_the_screen_and_kept(home: Path) -> None:
    (home / "config.yaml").write_text("theme: papertape-dark\nkeymap: {session.new: N}\n")
    app = app_of(home)
    async with driven(app) as pilot:
        screen = await settings_of(app, pilot)
        screen.query_one("#settings", LineTable).move_to("keys")
        await pilot.press("enter", *"stop", "down", "enter")
        await until(pilot, lambda: isinstance(app.screen, AskName))
        await pilot.press("f", "enter")
        await pilot.pause()
        said = str(app.screen.query_one("#name-verdict", Static).render())
        assert "session.stop on f clashes with session.flatten" in said, "it is told and asked on"
        assert app.keymap == {"session.new": "N"}
        await pilot.press("backspace", "X", "enter")
        await until(pilot, lambda: app.screen is screen)
        await done(app, pilot)
        kept = yaml.safe_load((home / "config.yaml").read_text())["keymap"]
        assert kept == {"session.new": "N", "session.stop": "X"} == app.keymap
        assert "Keys 2 of your own" in " ".join(drawn(app, "#settings").split())
        await pilot.press("1")
        await until(pilot, lambda: "X stop" in str(app.screen.query_one(Hints).render()))
        await pilot.press("X")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("escape", "7")
        await until(pilot, lambda: app.screen is screen)
        await pilot.press("enter", *"stop", "down", "enter")
        await until(pilot, lambda: isinstance(app.screen, AskName))
        await pilot.press("x", "enter")  # as it comes
        await until(pilot, lambda: app.screen is screen)
        await done(app, pilot)
        assert yaml.safe_load((home / "config.yaml").read_text())["keymap"] == {"session.new": "N"}


async def test_of_a_long_path_begin_and_end_are_seen(tmp_path: Path) -> None:
    place = tmp_path / ("deep" * 12) / "settings"
    place.mkdir(parents=True)
    app = app_of(place)
    async with driven(app, NARROW) as pilot:
        await pilot.press("7")
        await until(pilot, lambda: "/settings/strategies " in drawn(app, "#setting-files"))
        assert "…" in drawn(app, "#setting-files")
