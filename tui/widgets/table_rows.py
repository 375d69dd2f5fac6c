"""What stands in a table, and in which order: cells, rows, and the heads that fold rows away.

Rows are sorted by what a column's cells come to, not by how they are written. A row may be the head
of those after it: the groups are sorted by their heads, and each within itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from core.text import safe_text
from tui import formats
from tui.widgets.tones import Tone


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell's text (shown literally) and tone; `order` is what the column is sorted by.

    Without it a text is, and a number or length of time by what it comes to: as texts 9 comes after
    10. `unit`: the money it is in, for yen and dollars are no rank of each other.
    As wide as its column a `curve` is drawn in place of the text, and a `share` (0 to 1) as a bar,
    which begins at an axis at `zero` where there is one; behind a bar without an axis its text has
    room, whatever the width.
    `kept` follows the text, which is cut before it is; so do `signs`, which are never cut, nor
    copied. `decimals`: of the money a curve is of.
    """

    text: str
    tone: Tone = Tone.PLAIN
    order: float | str | None = None
    curve: tuple[float, ...] = ()
    share: float | None = None
    zero: float | None = None
    kept: str = ""
    signs: str = ""
    decimals: int = 2
    unit: str = ""

    @property
    def rank(self) -> tuple[int, str, float, str]:
        """Its place among the cells of a column: figures by their money, then texts."""
        value = formats.read_figure(self.text) if self.order is None else self.order
        if value is None or isinstance(value, str):
            return 1, "", 0.0, (value or self.text).casefold()
        return 0, self.unit, value, ""

    @property
    def is_unknown(self) -> bool:
        """Whether there is nothing to sort it by."""
        written = self.text not in ("", formats.UNKNOWN) or self.share is not None
        return not written and not isinstance(self.order, str)

    def drawn(self, width: int) -> str:
        """What stands in so many cells of the terminal."""
        if self.curve:
            return formats.spark(self.curve, width)
        if self.share is None:
            return formats.narrowed(safe_text(self.text), width)
        if self.zero is None:
            behind = f" {safe_text(self.text)}" if self.text else ""
            length = round(self.share * (width - cell_len(behind)))
            return "━" * max(length, 1 if self.share else 0) + behind
        axis, end = (round(part * (width - 1)) for part in (self.zero, self.share))
        first, last = sorted((axis, end))
        bar = "".join("━" if first <= at <= last else " " for at in range(width))
        return f"{bar[:axis]}│{bar[axis + 1 :]}".rstrip()

    @property
    def copied(self) -> str:
        """What is copied: numbers as others read them, of a curve the number it is sorted by."""
        if self.curve:
            if isinstance(self.order, float):
                return formats.money(self.order, self.decimals)
            return ""
        return formats.as_number(self.text).rstrip() + self.kept


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its key, and a cell for every column of the table.

    A `head` heads the rows up to the next one; its first cell runs over the empty ones after it.
    """

    key: str
    cells: tuple[Cell, ...]
    head: bool = False

    def has(self, text: str) -> bool:
        """Whether a cell has that text, which is in lower case."""
        return any(text in cell.text.casefold() for cell in self.cells)


def groups(rows: Iterable[Row]) -> list[tuple[Row | None, list[Row]]]:
    """The heads, each with the rows it heads; None heads those before the first."""
    found: list[tuple[Row | None, list[Row]]] = [(None, [])]
    for row in rows:
        if row.head:
            found.append((row, []))
        else:
            found[-1][1].append(row)
    return found


@dataclass(frozen=True, slots=True)
class Order:
    """By which column rows are sorted (None: they stand as given), and whether highest first."""

    column: int | None = None
    descending: bool = False

    def next(self, shown: Sequence[int]) -> Order:
        """By the next of the columns shown, and after the last one as given."""
        at = shown.index(self.column) + 1 if self.column in shown else 0
        return Order(shown[at] if at < len(shown) else None)

    def turned(self) -> Order:
        """The other way round."""
        return self if self.column is None else Order(self.column, not self.descending)

    def arranged(self, rows: Iterable[Row], opened: Collection[str]) -> list[Row]:
        """The rows to show, in this order. `opened`: the keys of heads that are not folded."""
        (_, headless), *headed = groups(rows)
        members = {head: found for head, found in headed if head is not None}
        ordered = self._sorted(headless)
        for head in self._sorted(members):
            ordered.append(head)
            if head.key in opened:
                ordered += self._sorted(members[head])
        return ordered

    def _sorted(self, rows: Iterable[Row]) -> list[Row]:
        if self.column is None:
            return list(rows)
        # What is not known has no rank: it comes last, whichever way the others are turned.
        known: list[tuple[Cell, Row]] = []
        unknown: list[Row] = []
        for row in rows:
            cell = row.cells[self.column]
            if cell.is_unknown:
                unknown.append(row)
            else:
                known.append((cell, row))
        known.sort(key=lambda each: each[0].rank, reverse=self.descending)
        return [row for _, row in known] + unknown
