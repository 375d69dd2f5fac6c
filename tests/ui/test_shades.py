"""Shades of heat on real terminals: in the order of what they stand for, or glyphs instead."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Mapping
from itertools import pairwise

import pytest
from rich.color import Color as TerminalColor
from textual.color import Color

from tui.shipped import shipped
from tui.theming import find_themes

SCRIPT = """
import sys
from textual.app import ComposeResult
from textual.screen import Screen
from core.backtest.sweep_map import shade
from tests.ui.scripted import ScriptedHosting, ScriptedLink
from tui.app import PapertapeApp
from tui.widgets.heat_map import HeatCell, HeatGrid, HeatMap

class Heat(Screen[None]):
    def compose(self) -> ComposeResult:
        yield HeatMap()

    def on_mount(self) -> None:
        steps = range(-6, 7)
        cells = tuple(HeatCell(f"{n:+}.00", n / 6, shade((n + 6) / 12)) for n in steps)
        rows, columns = ("one", "two"), tuple(map(str, steps))
        self.query_one(HeatMap).draw(HeatGrid("", "of", rows, columns, (cells, cells)))
        self.set_focus(None)

class HeatApp(PapertapeApp):
    DEFAULT_MODE = "heat"

app = HeatApp(ScriptedHosting(ScriptedLink()), list, host_name="x", poll_every=3_600)
app.add_mode("heat", Heat)
app.theme = sys.argv[1]
sys.exit(app.run() or 0)
"""
TRUE = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
CUBE = {"TERM": "xterm-256color"}
THEMES = [one.name for one in find_themes([shipped("themes")]).themes.values() if not one.ansi]
FIGURES = [f"{n:+}.00" for n in range(-6, 7)]


def written(theme: str, environ: Mapping[str, str]) -> str:
    """What the first picture of the map sends to a terminal."""
    own = {key: value for key, value in os.environ.items() if key not in ("COLORTERM", "NO_COLOR")}
    master, slave = pty.openpty()
    size = {"COLUMNS": "120", "LINES": "30"}
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, theme],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env={**own, **size, **environ},
    ) as process:
        os.close(slave)
        seen = b""
        try:
            while any(seen.count(figure.encode()) < 2 for figure in FIGURES):
                assert select.select([master], [], [], 60)[0], seen[-500:]
                seen += os.read(master, 65_536)
        finally:
            process.kill()
    os.close(master)
    return seen.decode()


def behind_figures(text: str) -> list[Color | None]:
    """The background of each figure, in their order; None where none is set."""
    found: dict[str, Color | None] = {}
    behind: Color | None = None
    for codes, plain in re.findall(r"\x1b\[([\d;]*)m|([^\x1b]+)", text):
        if plain:
            found |= {figure: behind for figure in FIGURES if figure in plain}
        elif (true := re.search(r"48;2;(\d+);(\d+);(\d+)", codes)) is not None:
            red, green, blue = map(int, true.groups())
            behind = Color(red, green, blue)
        elif (one := re.search(r"48;5;(\d+)", codes)) is not None:
            behind = Color(*TerminalColor.from_ansi(int(one[1])).get_truecolor())
        elif codes in ("", "0"):
            behind = None
    return [found[figure] for figure in FIGURES]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("environ", [TRUE, CUBE], ids=["truecolor", "256"])
def test_heat_is_told_by_shades_in_its_order_or_else_by_glyphs(
    theme: str, environ: Mapping[str, str]
) -> None:
    text = written(theme, environ)
    behind = behind_figures(text)
    if len(set(behind)) == 1:
        glyphs = [text[text.rindex(figure) + len(figure)] for figure in FIGURES]
        order = [" ░▒▓█".index(glyph) for glyph in glyphs]
        assert order == sorted(order)
        assert len(set(order)) == 5
        return
    assert environ is TRUE, "of 256 colours these are the same, or the wrong way round"
    own = behind[len(behind) // 2]
    assert own is not None
    away = [abs(one.brightness - own.brightness) for one in behind if one is not None]
    middle = len(away) // 2
    assert all(one < other for one, other in pairwise(away[middle:])), "gains"
    assert all(one < other for one, other in pairwise(reversed(away[: middle + 1]))), "losses"
    assert len(set(behind)) == len(FIGURES), "a gain never looks like a loss"
