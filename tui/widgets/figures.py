"""Headline figures: dim labels over their values, in columns that give way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rich.cells import cell_len
from textual.content import Content

from core.text import safe_text
from tui.widgets.text_lines import TextLines
from tui.widgets.tones import Tone

_GAP, _SHORT_GAP = 3, 2  # cells between columns; the short one where otherwise one would go


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. `width` keeps its column still while values change; `priority` as in `Column`.

    One that `heads` names what the figures after it are of, up to the next such: it stays for as
    long as any of them does. The last such tells how many before it had to go.
    """

    label: str
    value: str
    tone: Tone = Tone.STRONG
    width: int = 0
    priority: int = 0
    heads: bool = False

    @property
    def cells(self) -> int:
        """How wide it is."""
        return max(self.width, cell_len(self.label), cell_len(safe_text(self.value)))


class Figures(TextLines):
    """Rows of figures under each other in the same columns.

    A column is as wide as its widest figure so far and goes by the priority of its topmost one.
    Give two lines a row, and one more between rows where there is room for air.
    """

    DEFAULT_CSS = """
    Figures { height: 2; padding: 0 2; background: $background; }
    """

    def __init__(
        self,
        *rows: tuple[Figure, ...],
        id: str | None = None,  # noqa: A002  (Textual's own name for it)
    ) -> None:
        super().__init__(id=id)
        self._rows = rows
        self._widest: dict[int, int] = {}  # how wide columns have been while these are shown

    @property
    def rows(self) -> tuple[tuple[Figure, ...], ...]:
        """The figures, row by row."""
        return self._rows

    def show(self, *rows: tuple[Figure, ...]) -> None:
        """Show rows of figures; what stays the same repaints nothing."""
        if rows != self._rows:
            if _labels(rows) != _labels(self._rows):
                self._widest.clear()
            self._rows = rows
            self.redraw()

    def lines(self) -> Sequence[Content]:
        """The columns that fit."""
        columns = list(zip_longest(*self._rows))
        widths = {i: max(f.cells for f in column if f) for i, column in enumerate(columns)}
        # As far as there is room none gets narrower: all behind it would move with each value.
        self._widest = {i: max(width, self._widest.get(i, 0)) for i, width in widths.items()}
        spare = self.size.width - _total(widths, _SHORT_GAP)
        for i, most in self._widest.items():
            more = max(0, min(spare, most - widths[i]))
            widths[i] += more
            spare -= more
        heads = [i for i, column in enumerate(columns) if _heads(column)]
        while len(widths) > 1 and _total(widths, _SHORT_GAP) > self.size.width:
            del widths[max(widths, key=lambda i: (_priority(columns[i]), i))]
            for i, following in zip(tuple(widths), (*tuple(widths)[1:], None), strict=True):
                if _heads(columns[i]) and (following is None or _heads(columns[following])):
                    del widths[i]
            left_out = sum(i not in widths for i in heads)
            if left_out and heads[-1] in widths:
                rest = Figure(f"+{left_out}", "more", Tone.DIM, heads=True)
                columns[heads[-1]] = (rest,) * len(self._rows)
                widths[heads[-1]] = rest.cells
        gap = _GAP if _total(widths, _GAP) <= self.size.width else _SHORT_GAP
        lines: list[Content] = []
        air = self.size.height >= 3 * len(self._rows) - 1
        for row in range(len(self._rows)):
            if row and air:
                lines.append(Content(""))
            shown = [(columns[i][row], widths[i] + gap) for i in widths]
            lines.append(_line([(f.label, _heading(f), w) if f else _no(w) for f, w in shown]))
            lines.append(_line([(f.value, _reading(f), w) if f else _no(w) for f, w in shown]))
        return lines


def _labels(rows: Sequence[Sequence[Figure]]) -> list[list[str]]:
    return [[figure.label for figure in row] for row in rows]


def _total(widths: dict[int, int], gap: int) -> int:
    return sum(widths.values()) + gap * (len(widths) - 1)


def _priority(column: Sequence[Figure | None]) -> float:
    return -math.inf if _heads(column) else next((one.priority for one in column if one), 0)


def _heads(column: Sequence[Figure | None]) -> bool:
    return any(figure.heads for figure in column if figure)


def _heading(figure: Figure) -> Tone:
    return figure.tone if figure.heads else Tone.DIM


def _reading(figure: Figure) -> Tone:
    return Tone.DIM if figure.heads else figure.tone


def _no(width: int) -> tuple[str, Tone, int]:
    return "", Tone.DIM, width


def _line(parts: Sequence[tuple[str, Tone, int]]) -> Content:
    padded = []
    for text, tone, width in parts:
        shown = safe_text(text)
        padded.append((shown + " " * (width - cell_len(shown)), tone.css))
    return Content.assemble(*padded)
