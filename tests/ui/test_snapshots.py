"""Screens as pictures, at two sizes; more of them and larger ones are in test_pictures.py.

Look at a changed picture before accepting it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from core.session.snapshot import TrialHorizon
from tests.ui.driving import NARROW, WIDE, make_app, until
from tests.ui.scripted import ScriptedLink, busy
from tui.app import PapertapeApp

Compare = Callable[..., bool]


def keys(*pressed: str, theme: str | None = None) -> Callable[[Pilot[Any]], Any]:
    """Wait for the host, press keys, and let things settle."""

    async def run(pilot: Pilot[Any]) -> None:
        app = cast("PapertapeApp", pilot.app)
        await until(pilot, lambda: app.snapshot is not None)
        if theme is not None:
            app.theme = theme
        for key in pressed:
            await pilot.press(key)
            await pilot.pause(0.05)
            # Whatever the key set going, but the host, has come to its end.
            await until(pilot, lambda: all(w.is_finished for w in app.workers if w.group != "host"))
        for field in app.screen.query(Input):
            field.cursor_blink = False  # a picture shows the cursor, whenever it is taken
        await pilot.pause()

    return run


SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "120x40"])


@SIZES
@pytest.mark.parametrize(
    "pressed",
    [
        (),
        ("n",),
        ("n", "G"),
        ("r",),
        ("question_mark",),
        ("x",),
        ("6",),
        ("5",),
        ("5", "n"),
        ("7",),
        ("7", "enter"),
        ("7", "j", "j", "j", "enter"),
        ("space", "j", "space"),
        ("enter",),
        ("2",),
        ("3",),
        ("3", "n"),
        ("8",),
        ("r", "enter"),
    ],
    ids=[
        "sessions",
        "new",
        "new_problems",
        "report",
        "help",
        "stop",
        "logs",
        "scheduler",
        "new_job",
        "settings",
        "settings_key",
        "settings_theme",
        "marked",
        "session",
        "strategies",
        "backtest",
        "new_backtest",
        "performance",
        "trade",
    ],
)
def test_screens(snap_compare: Compare, size: tuple[int, int], pressed: tuple[str, ...]) -> None:
    assert snap_compare(make_app(busy()), terminal_size=size, run_before=keys(*pressed))


@pytest.mark.parametrize("pressed", [("enter",), ("r",)], ids=["session", "report"])
def test_a_trial_has_its_cone_around_its_equity(
    snap_compare: Compare, pressed: tuple[str, ...]
) -> None:
    link = busy()
    link.change(link.sessions[0].id, trial=TrialHorizon(0, 60, None))
    assert snap_compare(make_app(link), terminal_size=WIDE, run_before=keys(*pressed))


@SIZES
def test_chart(snap_compare: Compare, size: tuple[int, int]) -> None:
    # Positions and curves have no pane on the small one.
    to_the_chart = ["shift+tab"] * (2 if size == NARROW else 5)
    pressed = ("enter", *to_the_chart, "z", "left")
    assert snap_compare(make_app(busy()), terminal_size=size, run_before=keys(*pressed))


@SIZES
def test_nothing_yet(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(ScriptedLink()), terminal_size=size, run_before=keys())


def test_the_clear_theme(snap_compare: Compare) -> None:
    clear = keys(theme="papertape-clear")
    assert snap_compare(make_app(busy()), terminal_size=WIDE, run_before=clear)
