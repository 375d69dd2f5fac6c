"""The screen as lines of text, and of looks: a picture that a test compares and a person can read.

First the text of every line. Then each line once more as runs of cells that look the same
(`a3 b77`: three cells of the look a), and what the looks are: colours, bold and the like. So a
cell that is shifted, cut or drawn in another colour makes another picture, and the difference says
where. A blank without a line has no look but its background's, and goes on with the run before it.

With PICTURES=FOLDER in the environment each is written there as an SVG too, to be looked at.
"""

from __future__ import annotations

import html
import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input

from tests.ui.driving import NARROW, WIDE, until
from tui.app import PapertapeApp
from tui.formats import read_figure
from tui.widgets.line_table import LineTable

SIZES = {"80x24": NARROW, "120x40": WIDE, "200x60": (200, 60)}
_CELL = 12.2  # width of a cell in Rich's SVG
_RECT = re.compile(
    r'<rect fill="([^"]*)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"[^>]*crispEdges'
)
_TEXT = re.compile(r'<text class="[^"]*-(r\d+)" x="([\d.]+)"[^>]*line-(\d+)\)">([^<]*)</text>')
_STYLE = re.compile(r"-(r\d+) \{ ([^}]*)\}")
_LINE = 24.4  # height of a line there
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_WORDS = (
    (re.compile(r"fill: (#\w+)"), r"\1"),
    (re.compile(r"font-weight: bold"), "bold"),
    (re.compile(r"font-style: italic"), "italic"),
    (re.compile(r"text-decoration: ([\w-]+)"), r"\1"),
)


class TextPictures(SingleFileSnapshotExtension):
    """Keeps each picture in a file of its own."""

    _file_extension = "txt"
    _write_mode = WriteMode.TEXT

    def serialize(self, data: Any, **_: Any) -> str:
        """The picture as it is."""
        return str(data)


def picture(app: App[Any], name: str) -> str:
    """What an app shows."""
    svg = app.export_screenshot()
    if folder := os.environ.get("PICTURES"):
        Path(folder, f"{name}.svg").write_text(svg)
    return described(svg, *app.size)


def described(svg: str, width: int, height: int) -> str:
    """The text and the looks in an SVG of a screen of that many cells."""
    looks = {key: _look(css) for key, css in _STYLE.findall(svg)}
    letters = [[" "] * width for _ in range(height)]
    behind, over = ([[""] * width for _ in range(height)] for _ in range(2))
    for colour, x, y, length in _RECT.findall(svg):
        row, left = round((float(y) - 1.5) / _LINE), round(float(x) / _CELL)
        for column in range(left, left + round(float(length) / _CELL)):
            behind[row][column] = colour
    for look, x, line, text in _TEXT.findall(svg):
        column, row = round(float(x) / _CELL), int(line)
        for letter in html.unescape(text).replace("\N{NO-BREAK SPACE}", " ").rstrip("\n"):
            letters[row][column] = letter
            seen = letter != " " or "line" in looks[look]
            over[row][column] = looks[look] if seen else ""
            for half in range(1, cell_len(letter)):
                letters[row][column + half] = ""
            column += cell_len(letter)
    names: dict[tuple[str, str], str] = {}
    runs = [" ".join(_runs(over[y], behind[y], names)) for y in range(height)]
    parts = [
        *("".join(line).rstrip() for line in letters),
        "",
        *runs,
        "",
        *(f"{name}  {' on '.join(filter(None, look))}" for look, name in names.items()),
    ]
    return "\n".join(parts) + "\n"


def _look(css: str) -> str:
    words = [pattern.search(css) for pattern, _ in _WORDS]
    return " ".join(
        found.expand(word) for found, (_, word) in zip(words, _WORDS, strict=True) if found
    )


def _runs(over: list[str], behind: list[str], names: dict[tuple[str, str], str]) -> Iterator[str]:
    """The looks of a line, each with how many cells have it."""
    looks: list[tuple[str, str]] = []
    for look in zip(over, behind, strict=True):
        goes_on = looks and not look[0] and look[1] == looks[-1][1] and "line" not in looks[-1][0]
        looks.append(looks[-1] if goes_on else look)
    for look, group in itertools.groupby(looks):
        if look not in names:
            high, low = divmod(len(names), len(_LETTERS))
            names[look] = (_LETTERS[high - 1] if high else "") + _LETTERS[low]
        yield f"{names[look]}{len(list(group))}"


class Shots:
    """Takes pictures of an app that is led from page to page and made larger and smaller."""

    def __init__(self, pilot: Pilot[int], app: PapertapeApp, snapshot: SnapshotAssertion) -> None:
        self.pilot, self.app = pilot, app
        self._snapshot = snapshot.use_extension(TextPictures)

    async def press(self, *keys: str) -> None:
        """Press keys, and wait for what they set going."""
        for key in keys:
            await self.pilot.press(key)
            await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is being done, and the screen is drawn."""
        endless = ("host", "varying")  # the host, and work that stands still
        workers = self.app.workers
        await until(
            self.pilot, lambda: all(w.is_finished for w in workers if w.group not in endless)
        )
        await self.pilot.pause()
        await self.pilot.pause()

    async def take(self, name: str, *sizes: str) -> None:
        """Compare what is shown with its picture, at each of the sizes.

        A table sorts by what is seen: as texts 9 comes after 10, and 1h before 5m.
        """
        for table in self.app.screen.query(LineTable):
            for number, _ in enumerate(table.columns if table.sorts else ()):
                cells = [row.cells[number] for row in table.rows if not row.head]
                seen = [read_figure(one.text) for one in sorted(cells, key=lambda one: one.rank)]
                figures = [one for one in seen if one is not None]
                assert figures == sorted(figures) or len({one.unit for one in cells}) > 1
        for size in sizes:
            if tuple(self.app.size) != SIZES[size]:
                await self.pilot.resize_terminal(*SIZES[size])
                await self.settle()
            for field in self.app.screen.query(Input):
                field.cursor_blink = False
            await self.pilot.pause()
            name_here = f"{name}-{size}"
            assert picture(self.app, name_here) == self._snapshot(name=name_here)
