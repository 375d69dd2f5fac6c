"""Shares the width of a line among columns: some give way on narrow terminals, names are cut.

A figure is never cut, or it would look like another one. A column takes what its longest figure
needs before names grow. Without that room it is written with fewer digits (`formats.narrowed`), and
where too few would be left, a column gives way. No column follows each price: while rows stay, none
gets narrower.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rich.cells import cell_len, set_cell_size

from core.text import safe_text
from tui import formats
from tui.widgets.table_rows import Cell, Row

GAP = 2  # cells between two columns
_SHORTEST_NAME = 6
_NAME_BEFORE = 14  # cells of a name that stay whatever follows it


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `priority` 0 always stays; of the others the highest goes first.

    `grow`: how many cells beyond `width` it may take where there is room; `fill`: how many more, of
    what is left once no other can grow. What stands left and grows is a name, and may be cut. An
    `optional` one takes none where no row has anything in, and one for `wide` lines none on a line
    of fewer cells. `middle`: what is cut of its names is in their middle, as their ends tell them
    apart.
    """

    label: str
    width: int
    align: Literal["left", "right"] = "left"
    priority: int = 0
    grow: int = 0
    fill: int = 0
    optional: bool = False
    wide: int = 0
    middle: bool = False

    @property
    def is_name(self) -> bool:
        """Whether it may be cut."""
        return self.align == "left" and self.grow > 0


@dataclass(frozen=True, slots=True)
class Longest:
    """How many cells the longest figure of a column has: as written, and with the fewest digits."""

    whole: int = 0
    least: int = 0

    @classmethod
    def of(cls, cell: Cell, width: int) -> Longest:
        """What a column of so many cells needs for a cell, if that is a figure."""
        text = safe_text(cell.text)
        if cell.curve or cell.share is not None or not formats.is_figure(text):
            return cls()
        return cls(cell_len(text), cell_len(formats.narrowed(text, width)))


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a column stands: its number, first cell and width."""

    column: int
    start: int
    width: int


class ColumnLayout:
    """Where the columns of a table stand while its rows come, change and go."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)
        self.places: tuple[Placed, ...] = ()
        self.left_out: frozenset[int] = frozenset()  # the optional ones with nothing in them
        self._longest: dict[int, Longest] = {}
        self._apart: dict[int, int] = {}  # cells of the widest gain or loss, by column

    def place(self, start: int, stop: int) -> None:
        """Find the places between two cells of a line."""
        self.places = places(self.columns, start, stop, self.left_out, self._longest)

    def measure(self, rows: Sequence[Row], earlier: Iterable[Row] = ()) -> bool:
        """Measure the figures that were not there earlier; say whether columns need other widths.

        While some of the rows stay no column gets narrower: it would move with each price.
        """
        before, known = self._longest, {row.key: row for row in earlier}
        longest = dict(before) if any(row.key in known for row in rows) else {}
        for row in rows:
            if known.get(row.key) == row:
                continue
            for number, (column, cell) in enumerate(zip(self.columns, row.cells, strict=False)):
                if column.is_name or (row.head and number == 0):
                    continue
                found, most = Longest.of(cell, column.width), longest.get(number, Longest())
                if found.least > max(column.width, most.least) or found.whole > max(
                    column.width, most.whole
                ):
                    longest[number] = Longest(
                        max(found.whole, most.whole), max(found.least, most.least)
                    )
        self._longest = longest
        return longest != before

    def leave_out(self, rows: Sequence[Row]) -> bool:
        """Leave out the optional columns in which no row has anything; say whether others are."""
        before = self.left_out
        optional = (number for number, column in enumerate(self.columns) if column.optional)
        self.left_out = frozenset(n for n in optional if not any(row.cells[n].text for row in rows))
        return self.left_out != before

    def set_apart(self, rows: Sequence[Row]) -> list[int]:
        """Measure the widest gain or loss of each column; the columns in which it is another."""
        changed: list[int] = []
        for number, column in enumerate(self.columns):
            if column.align == "left":
                continue
            texts = (row.cells[number].text for row in rows)
            widest = max((len(text) for text in texts if formats.is_change(text)), default=0)
            if widest != self._apart.get(number, 0):
                self._apart[number] = widest
                changed.append(number)
        return changed

    def places_of(self, row: Row) -> tuple[Placed, ...]:
        """The places of a row's cells: of a head the first has the room of the empty ones too."""
        if not row.head or not self.places:
            return self.places
        first, *others = self.places
        while others and not row.cells[others[0].column].text:
            empty = others.pop(0)
            first = replace(first, width=empty.start + empty.width - first.start)
        return (first, *others)

    def written(self, cell: Cell, place: Placed, sign: str = "") -> str:
        """A cell's text in exactly the cells of its place, after a sign."""
        column, text = self.columns[place.column], cell.drawn(place.width)
        if not column.is_name and cell_len(text) > place.width and formats.is_figure(text):
            text = "…"  # there is no room for it at all, and a part would be another figure
        if widest := self._apart.get(place.column):
            text = formats.set_apart(text, min(widest, place.width))
        text = sign + text
        if kept := safe_text(cell.kept):
            text = fitted_before(text, kept, place.width)
        if cell.signs:
            room = place.width - cell_len(cell.signs) - 1
            text = f"{fitted(text, room, 'left').rstrip()} {cell.signs}"
        if column.middle:
            text = without_middle(text, place.width)
        return fitted(text, place.width, column.align)


def places(
    columns: Sequence[Column],
    start: int,
    stop: int,
    left_out: Collection[int] = (),
    longest: Mapping[int, Longest] | None = None,
) -> tuple[Placed, ...]:
    """Where the columns stand that have room between two cells of a line, but those left out.

    `longest`: the figures in them, by the number of the column.
    """
    room = max(0, stop - start)
    figures = [(longest or {}).get(number, Longest()) for number in range(len(columns))]
    least = [max(one.width, figures[n].least) for n, one in enumerate(columns)]
    staying = [n for n, one in enumerate(columns) if n not in left_out and room >= one.wide]

    def needed() -> int:
        return sum(least[i] for i in staying) + GAP * max(0, len(staying) - 1)

    while needed() > room and any(columns[i].priority for i in staying):
        staying.remove(max(staying, key=lambda i: (columns[i].priority, i)))
    fewest = [_SHORTEST_NAME if one.is_name else one.width for one in columns]

    def shortest() -> int:
        return sum(min(least[i], fewest[i]) for i in staying) + GAP * max(0, len(staying) - 1)

    while len(staying) > 1 and shortest() > room:
        del staying[-1]
    widths = {i: least[i] for i in staying}
    spare = room - needed()
    # Names are cut first. A column that always stays has an ellipsis where its figure has no room.
    for i in sorted(staying, key=lambda i: (not columns[i].is_name, i)):
        cut = min(max(0, -spare), max(0, widths[i] - fewest[i]))
        widths[i] -= cut
        spare += cut
    written = {i: max(least[i], figures[i].whole) for i in staying}
    widest = {i: max(written[i], columns[i].width + columns[i].grow) for i in staying}
    for limit in (written, widest, {i: widest[i] + columns[i].fill for i in staying}):
        while growing := [i for i in staying if widths[i] < limit[i]][: max(0, spare)]:
            for i in growing:
                widths[i] += 1
            spare -= len(growing)
    found: list[Placed] = []
    for i in staying:
        found.append(Placed(i, start, widths[i]))
        start += widths[i] + GAP
    return tuple(found)


def least_width(columns: Sequence[Column]) -> int:
    """How many cells those take that always stay."""
    staying = [column.width for column in columns if not column.priority]
    return sum(staying) + GAP * max(0, len(staying) - 1)


def fitted(text: str, width: int, align: str) -> str:
    """`text` in exactly `width` terminal cells; what does not fit ends in an ellipsis."""
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, max(0, width - 1)) + "…" if width else ""
    return " " * (width - length) + text if align == "right" else text + " " * (width - length)


def without_middle(text: str, width: int) -> str:
    """`text` in up to `width` terminal cells: of what does not fit begin and, longer, end stay."""
    if cell_len(text) <= width or width < 3:
        return text
    begin = set_cell_size(text, width // 3).rstrip()
    room, end = width - cell_len(begin) - 1, len(text)
    while cell_len(text[end - 1 :]) <= room:
        end -= 1
    return f"{begin}…{text[end:]}"


def fitted_before(name: str, kept: str, width: int) -> str:
    """A name and what follows it: where there is no room for both, the name is cut first."""
    room = max(width - cell_len(kept), min(cell_len(name), _NAME_BEFORE))
    return (name if cell_len(name) <= room else fitted(name, room, "left")) + kept
