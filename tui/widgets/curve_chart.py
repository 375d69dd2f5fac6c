"""Draws equity and drawdown over time: curves of braille dots with their axes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo

from rich.segment import Segment
from textual.geometry import Size
from textual.strip import Strip

from tui import formats
from tui.widgets.axes import Scale, time_labels
from tui.widgets.line_view import LineView
from tui.widgets.tones import Tone

# The dots of a braille cell by column (2) and row (4), as bits of U+2800.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_AROUND = 5  # cells of air: two on the left, two before the values, one behind them
_LONGEST = 14  # cells for a value beside the chart


@dataclass(frozen=True, slots=True)
class Curve:
    """Values over time (UTC ms, increasing). `filled`: from the top of the chart down to it."""

    points: tuple[tuple[int, float], ...]
    tone: Tone
    filled: bool = False


class CurveChart(LineView, can_focus=False):
    """Curves on one scale. Of curves that meet in a cell the first gives it its tone."""

    def __init__(
        self,
        *,
        empty: str = "Nothing to draw yet.",
        write: Callable[[float | None], str] = formats.money,
        id: str | None = None,  # noqa: A002  (Textual's own name for it)
    ) -> None:
        super().__init__(id=id)
        self._empty = empty
        self._write = write
        self._curves: tuple[Curve, ...] = ()
        self._base: float | None = None
        self._zone: tzinfo = UTC
        self._lines: list[list[tuple[str, Tone]]] = []

    def draw(self, curves: Sequence[Curve], base: float | None = None, zone: tzinfo = UTC) -> None:
        """Show curves, a level they are compared with, and times in a zone.

        The same again repaints nothing.
        """
        given = (tuple(curve for curve in curves if curve.points), base, zone)
        if given != (self._curves, self._base, self._zone):
            self._curves, self._base, self._zone = given
            self._paint()

    def on_resize(self) -> None:
        """Draw anew for the new size."""
        self._paint()

    def _paint(self) -> None:
        self.virtual_size = Size(self.size.width, self.size.height)
        height = self.size.height - 1  # beneath it stand the times
        self._lines = []
        if self._curves and height > 0:
            self._lines = self._painted(height)
        self.refresh()

    def _painted(self, height: int) -> list[list[tuple[str, Tone]]]:
        start = min(curve.points[0][0] for curve in self._curves)
        end = max(curve.points[-1][0] for curve in self._curves)
        values = [value for curve in self._curves for _, value in curve.points]
        if self._base is not None:
            values.append(self._base)
        scale = Scale.around(min(values), max(values), height)
        axis = {line: self._write(value)[:_LONGEST] for line, value in scale.ticks().items()}
        beside = max(map(len, axis.values()), default=0)
        width = self.size.width - beside - _AROUND
        if width < 2:
            return []
        moments = [start + (end - start) * n // max(1, width * 2 - 1) for n in range(width * 2)]
        cells: list[list[tuple[str, Tone]]] = [[(" ", Tone.DIM)] * width for _ in range(height)]
        if self._base is not None:
            cells[scale.line(self._base)] = [("┈", Tone.RULE)] * width
        for curve in reversed(self._curves):
            for (line, column), bits in _dots(curve, moments, scale).items():
                cells[line][column] = (chr(0x2800 + bits), curve.tone)
        for line in range(height):
            cells[line] += [("  ", Tone.DIM), (axis.get(line, "").rjust(beside), Tone.DIM)]
        cells.append([(time_labels(moments[::2], width, self._zone), Tone.DIM)])
        return cells

    def render_line(self, y: int) -> Strip:
        """One line of the chart."""
        dim = self.tone(Tone.DIM)
        if y >= len(self._lines):
            text = f"  {self._empty}" if y == 0 and not self._lines else ""
            return Strip([Segment(text, dim)]).adjust_cell_length(self.size.width, dim)
        segments = [Segment("  ", dim)]
        segments += [Segment(text, self.tone(tone)) for text, tone in self._lines[y]]
        return Strip(segments).simplify().adjust_cell_length(self.size.width, dim)


def drawdown(points: Sequence[tuple[int, float]], start: float) -> tuple[tuple[int, float], ...]:
    """How far below its peak equity is, in per cent: 0 and below. `start`: the balance before."""
    peak, falls = start, []
    for time, value in points:
        peak = max(peak, value)
        falls.append((time, (value / peak - 1) * 100 if peak > 0 else 0.0))
    return tuple(falls)


def _dots(curve: Curve, moments: Sequence[int], scale: Scale) -> dict[tuple[int, int], int]:
    """Braille bits by (line, column). Between two dot columns the curve is joined vertically."""
    times = [time for time, _ in curve.points]
    found: dict[tuple[int, int], int] = {}
    before: int | None = None
    for dot, moment in enumerate(moments):
        index = bisect_right(times, moment) - 1
        if index < 0:
            continue
        row = min(scale.lines * 4 - 1, max(0, int(scale.part(curve.points[index][1]) * 4)))
        first, last = row, row
        if curve.filled:
            first = 0
        elif before is not None and abs(before - row) > 1:
            first, last = min(row, before + 1), max(row, before - 1)
        before = row
        for each in range(first, last + 1):
            key = (each // 4, dot // 2)
            found[key] = found.get(key, 0) | _DOTS[dot % 2][each % 4]
    return found
