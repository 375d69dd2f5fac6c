"""Remembers what each cell of the terminal shows, so that only cells that differ are written.

Textual writes whole widgets after a layout and whole lines after any change in them, whether or not
they look different. Over a slow connection that is what one waits for. Here an update is compared
with what was written before, and shrinks to the runs of cells that differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter

from rich.cells import cell_len
from rich.console import Console
from rich.control import Control
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

Cell = tuple[str, Style | None]
"""A cell's text and style; the text is empty in the second half of a wide character."""

Piece = tuple[int, int, Strip]
"""Line, first column and content of a part of an update."""

_UNKNOWN: Cell = ("\0", None)
_TEXT = "\0"  # in place of a text whose looks are asked for
_NEAR = 8  # equal cells between two runs that cost less than moving the cursor over them


class ShownCells:
    """The cells of a terminal as they were written last."""

    def __init__(self) -> None:
        self._lines: dict[int, list[Cell]] = {}

    def forget(self) -> None:
        """Take nothing as shown: the terminal was resized, lent to another program, or stalled."""
        self._lines.clear()

    def difference(self, pieces: Iterable[Piece], console: Console) -> str:
        """What has to be written so that the terminal shows these pieces too.

        What looks alike is written together, wherever it stands: to say how something looks takes
        five times as much as to move there.
        """
        looks = _Looks(console)
        for y, x, strip in pieces:
            new = list(_cells(strip))
            line = self._lines.setdefault(y, [])
            line += [_UNKNOWN] * (x + len(new) - len(line))
            for start, stop in _runs(line[x : x + len(new)], new):
                place = x + start
                for style, cells in groupby(new[start:stop], key=itemgetter(1)):
                    letters = [letter for letter, _ in cells]
                    looks.write(place, y, "".join(letters), style)
                    place += len(letters)
            line[x : x + len(new)] = new
        return looks.written


class _Looks:
    """Texts, by how they look and in the order in which each look came first."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._around: dict[Style | None, tuple[str, str]] = {}
        self._texts: dict[tuple[str, str], list[str]] = {}

    def write(self, x: int, y: int, text: str, style: Style | None) -> None:
        """Have a text stand at column `x` of line `y`."""
        around = self._around.get(style)
        if around is None:  # what is equal in looks may differ in what a click does
            before, _, after = Strip([Segment(_TEXT, style)]).render(self._console).partition(_TEXT)
            around = self._around[style] = (before, after)
        texts = self._texts.setdefault(around, [])
        texts += (Control.move_to(x, y).segment.text, text)

    @property
    def written(self) -> str:
        """All of them with their looks."""
        return "".join(
            "".join((before, *texts, after)) for (before, after), texts in self._texts.items()
        )


def _cells(strip: Strip) -> Iterator[Cell]:
    for text, style, control in strip:
        if control:
            continue
        if text.isascii():
            for letter in text:
                yield letter, style
            continue
        whole = ""
        for letter in text:
            width = cell_len(letter)
            if width == 0:  # it belongs to the letter before it
                whole += letter
                continue
            if whole:
                yield from _filled(whole, style)
            whole = letter
        if whole:
            yield from _filled(whole, style)


def _filled(letter: str, style: Style | None) -> Iterator[Cell]:
    yield letter, style
    for _ in range(cell_len(letter) - 1):
        yield "", style


def _runs(old: list[Cell], new: list[Cell]) -> list[tuple[int, int]]:
    """The runs of cells that differ, those close to each other joined."""
    if old == new:
        return []
    runs: list[tuple[int, int]] = []
    for place, (before, now) in enumerate(zip(old, new, strict=True)):
        if before == now:
            continue
        if runs and place - runs[-1][1] <= _NEAR:
            runs[-1] = (runs[-1][0], place + 1)
        else:
            runs.append((place, place + 1))
    # A wide character is written whole.
    return [(_whole(new, start, -1), _whole(new, stop, 1)) for start, stop in runs]


def _whole(cells: list[Cell], place: int, step: int) -> int:
    while 0 < place < len(cells) and not cells[place][0]:
        place += step
    return place
