"""The user's own keys: used, shown everywhere, and never two things on one key in one place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ui.driving import WatchedApp, driven, make_app, until
from tests.ui.scripted import busy, choices
from tui.commands import COMMANDS
from tui.keymap import checked_keymap, key_problem, shown_key
from tui.modals.ask import Ask
from tui.screens.help import HelpScreen
from tui.widgets.hints import Hints


async def test_a_key_of_ones_own_does_what_the_other_did_and_is_shown(tmp_path: Path) -> None:
    keymap = "{session.stop: X, app.help: 'f6', session.pause: 'f', nonsense.at_all: a}"
    (tmp_path / "config.yaml").write_text(f"keymap: {keymap}\n")
    app = WatchedApp(
        make_app(busy()).hosting, choices, host_name="web1", workspace=tmp_path, poll_every=3_600
    )
    async with driven(app) as pilot:
        hints = str(app.screen.query_one(Hints).render())
        assert "X stop" in hints
        assert "f6 help" in hints
        assert "p pause" in hints, "what clashes stays as it was"
        await pilot.press("x")
        await pilot.pause()
        assert not isinstance(app.screen, Ask)
        await pilot.press("X")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("escape", "f6")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        told = "\n".join(note.message for note in app.notes)
        assert "session.pause on f clashes with session.flatten (flatten); it stays on p" in told
        assert "there is no command 'nonsense.at_all'" in told


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"session.stp": "X"}, "did you mean session.stop?"),
        ({"session.stop": " "}, "expected a key"),
        ({"app.theme": "n"}, "clashes with"),
        ({"session.stop": "F", "session.pause": "F"}, "clashes with"),
        ({"session.stop": "?"}, "clashes with app.help"),
        ({"session.pause": "j"}, "clashes with table.down"),
        ({"session.open": "space"}, "clashes with table.mark"),
        ({"app.theme": "j"}, "clashes with table.down"),
        ({"one.flatten": "+"}, "clashes with chart.zoom_in"),
        ({"chart.older": "f"}, "clashes with one.flatten"),
        ({"app.theme": "ctrl+p"}, "app.theme on Ctrl+P clashes with app.palette (palette)"),
        ({"session.stop": "tab"}, "clashes with app.next_pane (next pane); it stays on x"),
        ({"session.stop": "ctrl+i"}, "session.stop on Tab clashes with app.next_pane"),
        ({"logs.level": "shift+tab"}, "clashes with app.next_pane"),
        ({"session.group": "f5,escape"}, "session.group on Esc clashes with"),
        ({"session.stop": "ctrl+c"}, "clashes with app.copy_text"),
        ({"session.stop": "escape"}, "clashes with session.unfilter (show all)"),
        ({"settings.try": "escape"}, "clashes with app.all_panes"),
        ({"one.back": "b", "one.stop": "escape"}, "one.stop on Esc clashes with"),
        ({"settings.try": "ctrl+["}, "clashes with app.all_panes"),
        ({"app.theme": "enter"}, "clashes with"),
        ({"logs.level": "ctrl+m"}, "clashes with logs.open (open)"),
        ({"app.palette": "f6"}, "app.palette stays on Ctrl+P"),
        ({"session.unfilter": "f6"}, "session.unfilter stays on Esc"),
        ({"session.stop": "\x1b[31m"}, "expected a key"),
        ({"session.stop": "\x1b"}, "expected a key"),
        ({"session.stop": "ctrl+alt+delete+q"}, "expected a key"),
        ({"session.stop": "stop"}, "expected a key"),
        ({"session.stop": "m,stop"}, "expected a key"),
    ],
)
def test_what_cannot_be_used_is_said(wanted: dict[str, str], said: str) -> None:
    used, problems = checked_keymap(wanted)
    assert any(said in problem for problem in problems)
    assert len(used) < len(wanted)


@pytest.mark.parametrize(
    "wanted", [{"log.copy": "R"}, {"layer.next": "j"}], ids=["history of jobs", "answer's page"]
)
def test_keys_of_what_a_screen_has_in_it_clash_with_the_screens(wanted: dict[str, str]) -> None:
    used, problems = checked_keymap(wanted)
    assert not used
    assert any("clashes with" in problem for problem in problems)


def test_a_comma_with_nothing_behind_it_is_no_key() -> None:
    assert checked_keymap({"session.stop": "x,"}) == ({"session.stop": "x"}, [])
    assert checked_keymap({"session.stop": " , "})[0] == {}


def test_keys_may_be_swapped_and_the_usual_ones_clash_nowhere() -> None:
    wanted = {"session.stop": "p", "session.pause": "x"}
    assert checked_keymap(wanted) == (wanted, [])
    as_they_are = {command.id: command.keys for command in COMMANDS}
    assert checked_keymap(as_they_are) == (as_they_are, [])
    named = {"session.stop": "F5", "session.pause": "Ctrl+E", "session.flatten": "é,+"}
    assert checked_keymap(named) == (
        {"session.stop": "f5", "session.pause": "ctrl+e", "session.flatten": "é,plus"},
        [],
    )
    stop = next(command for command in COMMANDS if command.id == "session.stop")
    for written, shown in {"?": "?", "#": "#", "*": "*", "F5": "f5", "ctrl+e": "ctrl+e"}.items():
        assert (
            shown_key(stop, checked_keymap({"app.help": "f6", "session.stop": written})[0]) == shown
        )
    downs = [command.id for command in COMMANDS if command.keys == "j,down"]
    freed = {name: f"f{number}" for number, name in enumerate(downs, 2)}
    used, _ = checked_keymap({**freed, "session.stop": "j"})
    assert shown_key(stop, used) == "j", "not on ↓ as well"
    (problem,) = checked_keymap({"session.stop": "?"})[1]
    assert "session.stop on ? clashes with app.help" in problem


def test_a_key_that_is_asked_for_is_refused_to_its_command_whichever_comes_first() -> None:
    stop, pause = (
        next(one for one in COMMANDS if one.id == f"session.{n}") for n in ("stop", "pause")
    )
    for asked, other in ((stop, pause), (pause, stop)):
        said = key_problem({other.id: "f6"}, asked, "f6")
        clashing = f"{asked.id} on f6 clashes with {other.id} ({other.label})"
        assert said == f"{clashing}; it stays on {asked.key}"
        back = key_problem({other.id: asked.key, asked.id: "f6"}, asked, asked.key)
        assert back is not None
        assert back.startswith(f"{asked.id} on {asked.key} clashes with {other.id} ")
        assert back.endswith("it stays on f6"), "where it is by now, not where it comes"
        assert key_problem({other.id: "f6"}, asked, "f7") is None
        said = key_problem({asked.id: "f6"}, asked, "ctrl+p")
        clashing = f"{asked.id} on Ctrl+P clashes with app.palette (palette)"
        assert said == f"{clashing}; it stays on f6"
        assert (
            key_problem({}, asked, "nonsense")
            == f"{asked.id}: expected a key such as x, F5 or ctrl+e"
        )


_SCROLLING = {"ctrl+pageup", "ctrl+pagedown"}  # sideways, which nothing here is wide enough for
_COPYING = "super+c"  # as ctrl+c


async def test_whatever_key_a_screen_takes_is_that_of_a_command() -> None:
    app = make_app(busy())
    listed = {key for command in COMMANDS for key in command.keys.split(",")}
    async with driven(app, (120, 40)) as pilot:
        taken: dict[str, str] = {}
        for keys in (*([str(number)] for number in range(1, 9)), ["1", "enter"]):
            await pilot.press(*keys)
            for pane in app.screen.focus_chain:
                app.screen.set_focus(pane)
                active = app.screen.active_bindings
                taken |= {key: found.binding.action for key, found in active.items()}
    taken = {key: action for key, action in taken.items() if key not in listed}
    assert taken.keys() <= {*_SCROLLING, _COPYING}, taken


def test_no_key_is_asked_for_that_a_keymap_cannot_move() -> None:
    fixed = [command for command in COMMANDS if command.fixed]
    assert {"ctrl+p", "tab,shift+tab", "escape", "ctrl+c"} == {one.keys for one in fixed}
    for command in fixed:
        assert key_problem({}, command, "f6") == (
            f"{command.id} stays on {command.key}, as in every form and pane"
        )
