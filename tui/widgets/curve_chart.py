"""Draws equity and drawdown over time: curves of braille dots with their axes."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import partial

from rich.cells import cell_len
from rich.segment import Segment
from textual.geometry import Size
from textual.strip import Strip

from core.trial.cone_over_time import BAND, ConeOverTime
from tui import formats
from tui.widgets.axes import Scale, time_labels
from tui.widgets.line_view import LineView
from tui.widgets.tones import Tone

# The dots of a braille cell by column (2) and row (4), as bits of U+2800.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_AROUND = 5  # cells of air: two on the left, two before the values, one behind them
_WIDEST_BAND = 0.6  # of the curves' own range, on either side
_NEARLY = 1e-3  # of a millisecond or a trade: a moment that is a sum comes as close to its time
_EMPTY_CELLS = " ┈░"  # what a curve's name may stand on
_ASIDE = (0, 6, 12)  # cells that it may begin farther to the left
_LONGEST = 14  # cells for a value beside the chart
_LOWEST = (
    3  # lines: in fewer a curve is told in words, for it looks as flat as one that stood still
)


@dataclass(frozen=True, slots=True)
class Curve:
    """Values over time (UTC ms, increasing). `filled`: from the top of the chart down to it.

    `name`: what stands at its end, where there is room for it.
    """

    points: tuple[tuple[int, float], ...]
    tone: Tone
    filled: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class Dot:
    """A sign at a time (UTC ms) and value, over everything else."""

    time: int
    value: float
    glyph: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Band:
    """An area between two values over time: (UTC ms, low, high), time not falling."""

    points: tuple[tuple[int, float, float], ...]

    def at(self, moments: Sequence[int]) -> Iterator[tuple[float, float] | None]:
        """Low and high at some moments (rising); None before its first point and after its last.

        Between two points they lie on the line from one to the next.
        """
        times = [point[0] for point in self.points]
        for moment in moments:
            after = bisect_right(times, moment)
            if after == 0 or (after == len(times) and moment > times[-1]):
                yield None
            elif after == len(times):
                yield self.points[-1][1:]
            else:
                (begin, *ours), (end, *theirs) = self.points[after - 1], self.points[after]
                part = (moment - begin) / (end - begin)
                low, high = (
                    one + part * (other - one) for one, other in zip(ours, theirs, strict=True)
                )
                yield low, high


def equity_band(cone: ConeOverTime | None, balance: float) -> tuple[Band | None, str]:
    """The band of a trial around an equity that began with `balance`, and a title that says so."""
    if cone is None:
        return None, "Equity"
    return Band(cone.in_money(balance)), f"Equity · ░ {BAND}"


class CurveChart(LineView, can_focus=True):
    """Curves on one scale. Of curves that meet in a cell the first gives it its tone."""

    def __init__(
        self,
        *,
        empty: str = "Nothing to draw yet.",
        write: Callable[[float | None], str] = formats.money,
        across: Callable[[list[int], int, tzinfo], str] = time_labels,
        id: str | None = None,  # noqa: A002  (Textual's own name for it)
    ) -> None:
        super().__init__(id=id)
        self._empty = empty
        self._write = write
        self._across = across
        self._band: Band | None = None
        self._dots: tuple[Dot, ...] = ()
        self._whole = False
        self._decimals = 2
        self._needed = 0  # cells that its values take
        self._other: CurveChart | None = None
        self._beneath: list[int] = []  # the times of its columns
        self._curves: tuple[Curve, ...] = ()
        self._base: float | None = None
        self._zone: tzinfo = UTC
        self._lines: list[list[tuple[str, Tone]]] = []

    def draw(
        self,
        curves: Sequence[Curve],
        base: float | None = None,
        zone: tzinfo = UTC,
        *,
        band: Band | None = None,
        dots: Sequence[Dot] = (),
        whole: bool = False,
        decimals: int = 2,
    ) -> None:
        """Show curves, a level they are compared with, times in a zone, a band behind and dots.

        `decimals`: of the money beside it. The same again repaints nothing. A band much wider than
        the curves is cut, so that these can be seen, and ends with them, unless the `whole` of it
        is asked for.
        """
        given = (
            tuple(curve for curve in curves if curve.points),
            base,
            zone,
            band,
            tuple(dots),
            whole,
            decimals,
        )
        if given != (
            self._curves,
            self._base,
            self._zone,
            self._band,
            self._dots,
            self._whole,
            self._decimals,
        ):
            self._curves, self._base, self._zone, self._band, self._dots = given[:5]
            self._whole, self._decimals = given[5:]
            self._paint()

    def stand_under(self, other: CurveChart) -> CurveChart:
        """Have the same time in the same column of both, where one is above the other.

        Their values take as many cells then. Where they are beside each other the same times are
        told beneath both.
        """
        self._other, other._other = other, self
        return self

    def set_empty(self, text: str) -> None:
        """Change what an empty chart says."""
        if text != self._empty:
            self._empty = text
            self.refresh()

    def fit(self) -> None:
        """Draw anew for the new size."""
        self._paint()

    def _paint(self) -> None:
        self.virtual_size = Size(self.size.width, self.size.height)
        height = self.size.height - 1  # beneath it stand the times
        self._lines = []
        if not self._curves:
            self._needed, self._beneath = 0, []
        if self._curves and height >= _LOWEST:
            self._lines = self._painted(height)
        elif self._curves:
            self._lines = [[(self._in_words(curve), curve.tone)] for curve in self._curves]
        self.refresh()

    def _painted(self, height: int) -> list[list[tuple[str, Tone]]]:
        start = min(curve.points[0][0] for curve in self._curves)
        end = max(curve.points[-1][0] for curve in self._curves)
        if self._band is not None and self._whole:
            start = min(start, self._band.points[0][0])
            end = max(end, self._band.points[-1][0])
        values = [value for curve in self._curves for _, value in curve.points]
        if self._base is not None:
            values.append(self._base)
        moments = [start + (end - start) * n // max(1, height) for n in range(height + 1)]
        low, high = min(values), max(values)
        if low == high and any(curve.filled for curve in self._curves):
            low = high - 1  # what is filled hangs from the top: a flat one has nothing to fill
        scale = Scale.around(*self._reach(low, high, moments), height)
        axis = self._labels(scale.ticks())
        needed = max(map(len, axis.values()), default=0)
        if needed != self._needed:
            self._needed = needed
            if self._other is not None:
                self._other._paint()
        beside = needed
        if self._other is not None and self._other.region.x == self.region.x:
            beside = max(needed, self._other._needed)
        width = self.size.width - beside - _AROUND
        if width < 2:
            return []
        step = (end - start) / max(1, width * 2 - 1)
        moments = [start + (end - start) * n // max(1, width * 2 - 1) for n in range(width * 2)]
        cells: list[list[tuple[str, Tone]]] = [[(" ", Tone.DIM)] * width for _ in range(height)]
        if self._band is not None:
            for column, between in enumerate(self._band.at(moments[::2])):
                _shade(cells, column, between, scale)
            for (line, column), bits in _edges(self._band, moments, scale).items():
                cells[line][column] = (chr(0x2800 + bits), Tone.DIM)
        if self._base is not None:  # where the band lies: as its gap a line would seem to leave it
            row = cells[scale.line(self._base)]
            row[:] = [("┈", Tone.RULE) if cell[0] == " " else cell for cell in row]
        for curve in reversed(self._curves):
            for (line, column), bits in _dots(curve, start, step, width * 2, scale).items():
                cells[line][column] = (chr(0x2800 + bits), curve.tone)
        for dot in self._dots:
            column = (dot.time - start) * width // max(1, end - start)
            if 0 <= column <= width:
                cells[scale.line(dot.value)][min(column, width - 1)] = (dot.glyph, dot.tone)
        for curve in self._curves:
            time, value = curve.points[-1]
            column = min(width - 1, (time - start) * width // max(1, end - start))
            _name(cells, curve, scale.line(value), column)
        for line in range(height):
            cells[line] += [("  ", Tone.DIM), (axis.get(line, "").rjust(beside), Tone.DIM)]
        beneath = [*moments[:-2:2], end]  # and so is the last moment told where it is
        if beneath != self._beneath:
            self._beneath = beneath
            if self._other is not None:
                self._other._paint()
        cells.append([(self._told_beneath(width), Tone.DIM)])
        return cells

    def _told_beneath(self, width: int) -> str:
        """The times beneath it; beside the other of two charts the same ones as beneath that."""
        other = self._other
        if self._across is time_labels and other is not None and other.size:
            return time_labels(self._beneath, width, self._zone, beside=other._beneath)
        return self._across(self._beneath, width, self._zone)

    def _in_words(self, curve: Curve) -> str:
        """Where a curve began and ended, and how low it was: all that there is room for."""
        values = [value for _, value in curve.points]
        write = self._writing(2)
        first, last, lowest = (write(value) for value in (values[0], values[-1], min(values)))
        name = f"{curve.name}: " if curve.name else ""
        return f"{name}{first} to {last}, lowest {lowest}"

    def _writing(self, digits: int) -> Callable[[float | None], str]:
        """How its values are written; `digits`: of per cents."""
        if self._write is formats.money:
            return partial(formats.money, decimals=self._decimals)
        for in_per_cent in (formats.percent, formats.gain):
            if self._write is in_per_cent:
                return partial(in_per_cent, digits=digits)
        return self._write

    def _labels(self, ticks: Mapping[int, float]) -> dict[int, str]:
        """The values beside the chart; of per cents as few decimals as tell them exactly."""
        write = self._writing(
            next(
                (n for n in range(4) if all(abs(v - round(v, n)) < 1e-9 for v in ticks.values())), 4
            )
        )
        return {line: write(value)[:_LONGEST] for line, value in ticks.items()}

    def _reach(self, low: float, high: float, moments: Sequence[int]) -> tuple[float, float]:
        """The lowest and highest value shown, the band's too as far as it is not too wide."""
        if self._band is None:
            return low, high
        sides = [between for between in self._band.at(moments) if between is not None]
        if not sides:
            return low, high
        lowest = min(low, *(side[0] for side in sides))
        highest = max(high, *(side[1] for side in sides))
        room = (high - low) * _WIDEST_BAND
        if self._whole or not room:
            return lowest, highest
        return max(lowest, low - room), min(highest, high + room)

    def render_line(self, y: int) -> Strip:
        """One line of the chart."""
        dim = self.tone(Tone.DIM)
        if y >= len(self._lines):
            text = f"  {self._empty}" if y == 0 and not self._lines else ""
            return Strip([Segment(text, dim)]).adjust_cell_length(self.size.width, dim)
        segments = [Segment("  ", dim)]
        segments += [Segment(text, self.tone(tone)) for text, tone in self._lines[y]]
        return Strip(segments).simplify().adjust_cell_length(self.size.width, dim)


def drawdown_points(
    points: Sequence[tuple[int, float]], start: float
) -> tuple[tuple[int, float], ...]:
    """How far below its peak equity is, in per cent: 0 and below. `start`: the balance before."""
    peak, falls = start, []
    for time, value in points:
        peak = max(peak, value)
        falls.append((time, (value / peak - 1) * 100 if peak > 0 else 0.0))
    return tuple(falls)


def _name(cells: list[list[tuple[str, Tone]]], curve: Curve, line: int, column: int) -> None:
    """Write a curve's name behind its end, or else above or below it, where nothing stands."""
    length, width = cell_len(curve.name), len(cells[0])
    if not length:
        return
    before = min(column + 1, width) - length
    places = [(line, column + 2)]
    places += [(line + away, before - aside) for aside in _ASIDE for away in (-1, 1, 0, -2, 2)]
    for at, first in places:
        last = first + length
        if not 0 <= at < len(cells) or first < 0 or last > width:
            continue
        if all(glyph in _EMPTY_CELLS for glyph, _ in cells[at][max(0, first - 1) : last + 1]):
            cells[at][first:last] = [(glyph, curve.tone) for glyph in curve.name]
            return


def _shade(
    cells: list[list[tuple[str, Tone]]],
    column: int,
    between: tuple[float, float] | None,
    scale: Scale,
) -> None:
    """Shade a column of cells between two values, where nothing else stands."""
    if between is None:
        return
    low, high = between
    first, last = round(scale.part(high)), round(scale.part(low))
    for line in range(max(0, first), min(scale.lines, max(last, first + 1))):
        if cells[line][column][0] == " ":
            cells[line][column] = ("░", Tone.RULE)


def _edges(band: Band, moments: Sequence[int], scale: Scale) -> dict[tuple[int, int], int]:
    """Braille bits of the two sides of a band, each joined, where they lie on the scale."""
    found: dict[tuple[int, int], int] = {}
    before: tuple[int, ...] = ()
    lowest = scale.lines * 4

    def row_of(value: float) -> int:
        row = math.floor(scale.part(value) * 4)
        return row - (row == lowest)  # the lowest value of the scale lies on its last line

    for dot, between in enumerate(band.at(moments)):
        rows = tuple(map(row_of, between or ()))
        for row, last in zip(rows, before or rows, strict=False):
            first, final = row, row
            if abs(last - row) > 1:
                first, final = min(row, last + 1), max(row, last - 1)
            for each in range(max(0, first), min(lowest, final + 1)):
                key = (each // 4, dot // 2)
                found[key] = found.get(key, 0) | _DOTS[dot % 2][each % 4]
        before = rows
    return found


def _dots(
    curve: Curve, start: int, step: float, count: int, scale: Scale
) -> dict[tuple[int, int], int]:
    """Braille bits by (line, column). Between two dot columns the curve is joined vertically.

    Of `count` dot columns, the first is at `start` and each `step` after the one before. Each tells
    of all values since the one before: a fall and its recovery between two are as deep as they
    were. The last value has one of its own, wherever between two it was reached.
    """
    times = [time for time, _ in curve.points]
    found: dict[tuple[int, int], int] = {}
    before: int | None = None
    told = -1  # the last of the points that a column has told of
    lowest = scale.lines * 4 - 1
    for dot in range(count):
        moment = start + dot * step + _NEARLY
        index = bisect_right(times, moment) - 1
        if index < 0 or moment - step > times[-1]:
            continue  # before it begins, or after it has ended
        rows = [
            min(lowest, max(0, int(scale.part(value) * 4)))
            for _, value in curve.points[min(told + 1, index) : index + 1]
        ]
        told = index
        first, last = min(rows), max(rows)
        if curve.filled:
            first = 0
        elif before is not None:
            first, last = min(first, before + 1), max(last, before - 1)
        before = rows[-1]
        for each in range(first, last + 1):
            key = (each // 4, dot // 2)
            found[key] = found.get(key, 0) | _DOTS[dot % 2][each % 4]
    return found
