"""A gauge: one line with a scale, what is filled of it, marks on it, and what they are beneath.

Made to be read from afar: what is filled is solid, what must not be reached is shaded, and each
mark has its own sign, so that nothing is told by colour alone. What is only possible is dashed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len

from tui.widgets.tones import Tone

SOLID, SHADED, POSSIBLE, TRACK = "█", "░", "╌", "─"
WALL, HERE, DOT = "┃", "◆", "┊"
_ASIDE = 20  # cells beyond its own length that a label may move aside
_ALL_WAYS = 5  # labels: the ways to set them double with each
_APART = 2  # cells between two labels
_MOST_DECIMALS = 4  # of a label
_BEFORE, _BEHIND = "◂", "▸"  # a mark that lies beyond the scale

Parts = list[tuple[str, Tone]]


def decimals_apart(values: Iterable[float], least: int) -> int:
    """With how many decimals, from `least` on, labels of one scale are true.

    None is written as nothing that is something, and no two alike that differ (by what four
    decimals tell).
    """
    apart = {round(value, _MOST_DECIMALS) + 0.0 for value in values} | {0.0}
    return next(
        (
            decimals
            for decimals in range(least, _MOST_DECIMALS)
            if len({f"{value:z.{decimals}f}" for value in apart}) == len(apart)
        ),
        max(least, _MOST_DECIMALS),
    )


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
            cells[self._cell(pointer.at, width)] = (self._glyph(pointer), pointer.tone)
        return _joined(cells)

    def labels(self, width: int) -> Parts:
        """What stands beneath the scale, in `width` cells: as many labels as find room near by.

        Each has its sign right beneath its mark, and reads from there to the right or, where that
        has no room, to the left. They stand in the order of their marks, also where they have to
        move aside.
        """
        shown: list[_Place] = []
        for pointer in self.pointers:
            if pointer.label:
                label = _Label(pointer, self._glyph(pointer), self._cell(pointer.at, width))
                shown = _beside([*(one.label for one in shown), label], width) or shown
        parts: Parts = []
        at = 0
        for place in shown:
            parts += [(" " * (place.start - at), Tone.DIM), (place.text, place.label.pointer.tone)]
            at = place.start + cell_len(place.text)
        return [*parts, (" " * (width - at), Tone.DIM)]

    def _glyph(self, pointer: Pointer) -> str:
        if pointer.at < self.low:
            return _BEFORE
        return _BEHIND if pointer.at > self.high else pointer.glyph

    def _cell(self, value: float, width: int) -> int:
        if self.high <= self.low:
            return width // 2
        part = (value - self.low) / (self.high - self.low)
        return max(0, min(width - 1, int(part * width)))


@dataclass(frozen=True, slots=True)
class _Label:
    """What stands beneath a mark, and the mark's glyph and cell."""

    pointer: Pointer
    glyph: str
    cell: int

    def place(self, *, leftwards: bool) -> _Place:
        """Where it would stand by itself. What has no sign stands with its middle at the mark."""
        glyph, label = self.glyph.strip(), self.pointer.label
        if not glyph:
            return _Place(self, label, self.cell - cell_len(label) // 2)
        if leftwards:
            return _Place(self, f"{label} {glyph}", self.cell - cell_len(label) - 1)
        return _Place(self, f"{glyph} {label}", self.cell)


@dataclass(frozen=True, slots=True)
class _Place:
    """A label's text, as it reads from its first cell."""

    label: _Label
    text: str
    start: int

    def beyond(self, width: int) -> bool:
        """Whether it reads beyond the end of the line."""
        return self.start + cell_len(self.text) > width


def _beside(labels: Sequence[_Label], width: int) -> list[_Place]:
    """The labels in the order of their marks, as near as can be; none where one would be too far.

    Of the ways that are as near, the one in which most read to the right, which is tried first. Of
    many labels only the way is tried in which those without room to the right read to the left.
    """
    ordered = sorted(labels, key=lambda one: one.pointer.at)
    best: tuple[int, list[_Place]] | None = None
    ways: Iterable[tuple[bool, ...]] = [
        tuple(one.place(leftwards=False).beyond(width) for one in ordered)
    ]
    if len(ordered) <= _ALL_WAYS:
        ways = sorted(itertools.product((False, True), repeat=len(ordered)), key=sum)
    for sides in ways:
        wanted = [one.place(leftwards=side) for one, side in zip(ordered, sides, strict=True)]
        found = _apart(wanted, width)
        moves = [abs(one.start - other.start) for one, other in zip(found, wanted, strict=False)]
        far = any(
            move >= cell_len(one.text) + _ASIDE for move, one in zip(moves, found, strict=True)
        )
        if found and not far and (best is None or sum(moves) < best[0]):
            best = sum(moves), found
            if best[0] == 0:
                break
    return [] if best is None else best[1]


def _apart(wanted: Sequence[_Place], width: int) -> list[_Place]:
    """The places moved so that none meets another or an end; none where there is no room.

    Those that would meet move aside together.
    """
    before = [0]
    for one in wanted:
        before.append(before[-1] + cell_len(one.text) + _APART)
    spare = width - (before[-1] - _APART)
    if spare < 0:
        return []
    # Without their own lengths the places only have to ascend: neighbours that do not share a mean.
    runs: list[list[int]] = []
    for one, taken in zip(wanted, before, strict=False):
        runs.append([one.start - taken])
        while len(runs) > 1 and _mean(runs[-2]) > _mean(runs[-1]):
            last = runs.pop()
            runs[-1] += last
    places = [max(0, min(int(_mean(run)), spare)) for run in runs for _ in run]
    return [
        replace(one, start=place + taken)
        for one, place, taken in zip(wanted, places, before, strict=False)
    ]


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
