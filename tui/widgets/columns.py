"""Shares the width of a line among columns: some give way on narrow terminals, names are cut."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len, set_cell_size

GAP = 2  # cells between two columns
_SHORTEST_NAME = 6
_NAME_BEFORE = 14  # cells of a name that stay whatever follows it


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `priority` 0 always stays; of the others the highest goes first.

    `grow`: how many cells beyond `width` it may take where there is room; `fill`: how many more, of
    what is left once no other can grow. An `optional` one takes none where no row has anything in,
    and one for `wide` lines none on a line of fewer cells.
    """

    label: str
    width: int
    align: Literal["left", "right"] = "left"
    priority: int = 0
    grow: int = 0
    fill: int = 0
    optional: bool = False
    wide: int = 0


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a column stands: its number, first cell and width."""

    column: int
    start: int
    width: int


def places(
    columns: Sequence[Column], start: int, stop: int, left_out: Collection[int] = ()
) -> tuple[Placed, ...]:
    """Where the columns stand that have room between two cells of a line, but those left out."""
    room = max(0, stop - start)
    staying = [n for n, one in enumerate(columns) if n not in left_out and room >= one.wide]

    def needed() -> int:
        return sum(columns[i].width for i in staying) + GAP * max(0, len(staying) - 1)

    while needed() > room and any(columns[i].priority for i in staying):
        staying.remove(max(staying, key=lambda i: (columns[i].priority, i)))
    widths = {i: columns[i].width for i in staying}
    spare = room - needed()
    # A name may be cut, a figure never.
    names = [i for i in staying if columns[i].align == "left" and columns[i].grow]
    for i in names:
        cut = min(max(0, -spare), max(0, widths[i] - _SHORTEST_NAME))
        widths[i] -= cut
        spare += cut
    widest = {i: columns[i].width + columns[i].grow for i in staying}
    for limit in (widest, {i: widest[i] + columns[i].fill for i in staying}):
        while growing := [i for i in staying if widths[i] < limit[i]][: max(0, spare)]:
            for i in growing:
                widths[i] += 1
            spare -= len(growing)
    found: list[Placed] = []
    for i in staying:
        found.append(Placed(i, start, widths[i]))
        start += widths[i] + GAP
    return tuple(found)


def fitted(text: str, width: int, align: str) -> str:
    """`text` in exactly `width` terminal cells; what does not fit ends in an ellipsis."""
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, max(0, width - 1)) + "…" if width else ""
    return " " * (width - length) + text if align == "right" else text + " " * (width - length)


def fitted_before(name: str, kept: str, width: int) -> str:
    """A name and what follows it: where there is no room for both, the name is cut first."""
    room = max(width - cell_len(kept), min(cell_len(name), _NAME_BEFORE))
    return (name if cell_len(name) <= room else fitted(name, room, "left")) + kept
