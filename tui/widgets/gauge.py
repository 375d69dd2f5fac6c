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
_APART = 2  # cells between two labels
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

    Of labels for which there is no room, those of earlier pointers stay.
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
        """What stands beneath the scale, in `width` cells: as many labels as find room near by.

        They stand in the order of their marks, also where they have to move aside.
        """
        shown: list[tuple[int, _Label]] = []
        for pointer in self.pointers:
            if not pointer.label:
                continue
            text = f"{pointer.glyph} {pointer.label}".lstrip()
            wanted = self._cell(pointer.at, width) - cell_len(text) // 2
            wanted = max(0, min(wanted, width - cell_len(text)))
            label = _Label(pointer.at, text, pointer.tone, wanted)
            shown = _beside([*(one for _, one in shown), label], width) or shown
        parts: Parts = []
        at = 0
        for start, label in shown:
            parts += [(" " * (start - at), Tone.DIM), (label.text, label.tone)]
            at = start + cell_len(label.text)
        return [*parts, (" " * (width - at), Tone.DIM)]

    def _cell(self, value: float, width: int) -> int:
        if self.high <= self.low:
            return width // 2
        part = (value - self.low) / (self.high - self.low)
        return max(0, min(width - 1, int(part * width)))


@dataclass(frozen=True, slots=True)
class _Label:
    """A label: the value of its mark, and the first cell it would have by itself."""

    at: float
    text: str
    tone: Tone
    wanted: int


def _beside(labels: Sequence[_Label], width: int) -> list[tuple[int, _Label]]:
    """The labels in the order of their marks, each with its first cell, as near as they can be.

    Those that would meet move aside together. Empty where one would get too far.
    """
    ordered = sorted(labels, key=lambda one: one.at)
    before = [0]
    for one in ordered:
        before.append(before[-1] + cell_len(one.text) + _APART)
    spare = width - (before[-1] - _APART)
    # Without their own lengths the places only have to ascend: neighbours that do not share a mean.
    runs: list[list[int]] = []
    for one, taken in zip(ordered, before, strict=False):
        runs.append([one.wanted - taken])
        while len(runs) > 1 and _mean(runs[-2]) > _mean(runs[-1]):
            last = runs.pop()
            runs[-1] += last
    places = [max(0, min(int(_mean(run)), spare)) for run in runs for _ in run]
    found = [
        (place + taken, one) for place, taken, one in zip(places, before, ordered, strict=False)
    ]
    near = all(abs(start - one.wanted) < cell_len(one.text) + _ASIDE for start, one in found)
    return found if spare >= 0 and near else []


def _mean(values: Sequence[int]) -> float:
    return sum(values) / len(values)


def _joined(cells: Parts) -> Parts:
    parts: Parts = []
    for glyph, tone in cells:
        if parts and parts[-1][1] is tone:
            parts[-1] = (parts[-1][0] + glyph, tone)
        else:
            parts.append((glyph, tone))
    return parts
