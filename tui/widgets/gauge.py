"""A gauge: one line with a scale, what is filled of it, marks on it, and what they are beneath.

Made to be read from afar: what is filled is solid, what must not be reached is shaded, and each
mark has its own sign, so that nothing is told by colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from tui.widgets.tones import Tone

SOLID, SHADED, TRACK = "█", "░", "─"
WALL, HERE, DOT = "┃", "◆", "┊"
_ASIDE = 20  # cells beyond its own length that a label may move aside
_BEFORE, _BEHIND = "◂", "▸"  # a mark that lies beyond the scale

Parts = list[tuple[str, Tone]]


@dataclass(frozen=True, slots=True)
class GaugeFill:
    """A part of the scale that is filled, from one value to another in either order."""

    start: float
    stop: float
    tone: Tone
    glyph: str = SOLID


@dataclass(frozen=True, slots=True)
class Pointer:
    """A mark on the scale. One beyond its ends stands at the end, as an arrow.

    `label`: what stands beneath it, after the glyph once more, as it may have to move aside.
    """

    at: float
    glyph: str
    tone: Tone
    label: str = ""


@dataclass(frozen=True, slots=True)
class Gauge:
    """A scale from `low` to `high`. Later fills and pointers lie over earlier ones.

    Of labels that would meet, those of earlier pointers stay.
    """

    low: float
    high: float
    fills: tuple[GaugeFill, ...] = ()
    pointers: tuple[Pointer, ...] = ()

    def bar(self, width: int) -> Parts:
        """The scale in `width` cells."""
        cells: Parts = [(TRACK, Tone.RULE)] * width
        for fill in self.fills:
            first, last = sorted((self._cell(fill.start, width), self._cell(fill.stop, width)))
            for at in range(first, last + 1):
                cells[at] = (fill.glyph, fill.tone)
        for pointer in reversed(self.pointers):
            glyph = pointer.glyph
            if pointer.at < self.low:
                glyph = _BEFORE
            elif pointer.at > self.high:
                glyph = _BEHIND
            cells[self._cell(pointer.at, width)] = (glyph, pointer.tone)
        return _joined(cells)

    def labels(self, width: int) -> Parts:
        """What stands beneath the scale, in `width` cells: as many labels as do not meet.

        They stand in the order of their marks, also where they had to move aside.
        """
        placed: list[_Label] = []
        for pointer in self.pointers:
            label = f"{pointer.glyph} {pointer.label}".lstrip() if pointer.label else ""
            length = cell_len(label)
            if not length or length > width:
                continue
            start = self._cell(pointer.at, width) - length // 2
            wanted = max(0, min(start, width - length))
            place = _free_place(wanted, pointer.at, length, width, placed)
            if place is not None:
                placed.append(_Label(place, pointer.at, label, pointer.tone))
        parts: Parts = []
        at = 0
        for one in sorted(placed, key=lambda one: one.start):
            parts += [(" " * (one.start - at), Tone.DIM), (one.text, one.tone)]
            at = one.start + cell_len(one.text)
        return [*parts, (" " * (width - at), Tone.DIM)]

    def _cell(self, value: float, width: int) -> int:
        if self.high <= self.low:
            return width // 2
        part = (value - self.low) / (self.high - self.low)
        return max(0, min(width - 1, int(part * width)))


@dataclass(frozen=True, slots=True)
class _Label:
    """A label: its first cell, and the value of its mark."""

    start: int
    at: float
    text: str
    tone: Tone


def _free_place(
    wanted: int, at: float, length: int, width: int, placed: Sequence[_Label]
) -> int | None:
    """The place nearest to the one wanted, not far from it, on the right side of all others."""
    for off in range(length + _ASIDE):
        for start in (wanted - off, wanted + off):
            free = all(
                (at <= other.at and start + length + 2 <= other.start)
                or (at >= other.at and start >= other.start + cell_len(other.text) + 2)
                for other in placed
            )
            if free and 0 <= start <= width - length:
                return start
    return None


def _joined(cells: Parts) -> Parts:
    parts: Parts = []
    for glyph, tone in cells:
        if parts and parts[-1][1] is tone:
            parts[-1] = (parts[-1][0] + glyph, tone)
        else:
            parts.append((glyph, tone))
    return parts
