"""What is written to the terminal: only cells that differ, and all of those."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.terminal_cells import ShownCells

WIDTH = 12
CONSOLE = Console(color_system="truecolor", force_terminal=True)
STYLES = [Style(), Style(color="red"), Style(bold=True, bgcolor="blue")]
LETTERS = "ab │⣿漢"
_PARTS = re.compile(r"\x1b\[(\d+);(\d+)H|(\x1b\[[\d;]*m)|(.)", re.DOTALL)

Terminal = dict[tuple[int, int], tuple[str, str]]


def obey(terminal: Terminal, written: str) -> None:
    """Do what a terminal does with it: cells become letters with the last style set."""
    x = y = 0
    style = ""
    for row, column, look, letter in _PARTS.findall(written):
        if row:
            x, y = int(column) - 1, int(row) - 1
        elif look:
            style = "" if look == "\x1b[0m" else look
        else:
            terminal[x, y] = (letter, style)
            for half in range(1, cell_len(letter)):
                terminal[x + half, y] = ("", style)
            x += cell_len(letter)


@st.composite
def strips(draw: st.DrawFn) -> Strip:
    """A line of exactly the terminal's width."""
    segments, left = [], WIDTH
    while left > 0:
        letter = draw(st.sampled_from([one for one in LETTERS if cell_len(one) <= left]))
        segments.append(Segment(letter, draw(st.sampled_from(STYLES))))
        left -= cell_len(letter)
    return Strip(segments)


@given(st.lists(st.lists(strips(), min_size=2, max_size=2), min_size=1, max_size=6))
def test_what_is_written_makes_the_terminal_show_the_frame(frames: list[list[Strip]]) -> None:
    shown, terminal = ShownCells(), Terminal()
    for frame in frames:
        obey(terminal, shown.difference([(y, 0, s) for y, s in enumerate(frame)], CONSOLE))
        whole = Terminal()
        everything = ShownCells().difference([(y, 0, s) for y, s in enumerate(frame)], CONSOLE)
        obey(whole, everything)
        assert terminal == whole


def test_the_same_again_writes_nothing() -> None:
    shown = ShownCells()
    line = Strip([Segment("P&L +1.20", Style(color="green"))])
    assert "P&L +1.20" in shown.difference([(3, 2, line)], CONSOLE)
    assert shown.difference([(3, 2, line)], CONSOLE) == ""


def test_only_what_differs_is_written_where_it_stands() -> None:
    shown = ShownCells()
    shown.difference([(0, 0, Strip([Segment("EQUITY 10,000.00   BTC/USDT long")]))], CONSOLE)
    changed = Strip([Segment("EQUITY 10,000.07   BTC/USDT long")])
    assert shown.difference([(0, 0, changed)], CONSOLE) == "\x1b[1;16H7"


def test_what_looks_alike_is_written_together() -> None:
    shown = ShownCells()
    red, green = Style(color="red"), Style(color="green", meta={"@click": "a"})
    again = Style(color="green", meta={"@click": "b"})
    lines = [Strip([Segment("▼", red), Segment("▲", style)]) for style in (green, again)]
    written = shown.difference([(y, 0, line) for y, line in enumerate(lines)], CONSOLE)
    assert written == ("\x1b[31m\x1b[1;1H▼\x1b[2;1H▼\x1b[0m\x1b[32m\x1b[1;2H▲\x1b[2;2H▲\x1b[0m")


def test_a_forgotten_terminal_is_written_anew() -> None:
    shown = ShownCells()
    line = Strip([Segment("papertape")])
    shown.difference([(0, 0, line)], CONSOLE)
    shown.forget()
    assert "papertape" in shown.difference([(0, 0, line)], CONSOLE)
