"""Draws a market with what a session did in it: candles, one a column, and its prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo

from rich.segment import Segment
from textual.geometry import Size
from textual.strip import Strip

from core.market.candles.candle import Candle
from tui import formats
from tui.widgets.axes import Scale, time_labels
from tui.widgets.line_view import LineView
from tui.widgets.tones import Tone

_NOTHING, _WICK, _BODY = 0, 1, 2
# By what the upper and the lower half of a cell hold.
_GLYPHS = {
    (_NOTHING, _NOTHING): " ",
    (_NOTHING, _WICK): "╷",
    (_WICK, _NOTHING): "╵",
    (_WICK, _WICK): "│",
    (_NOTHING, _BODY): "╻",
    (_BODY, _NOTHING): "╹",
    (_BODY, _BODY): "┃",
    (_WICK, _BODY): "╽",
    (_BODY, _WICK): "╿",
}
_BROAD = _GLYPHS | {
    (_NOTHING, _BODY): "▄",
    (_BODY, _NOTHING): "▀",
    (_BODY, _BODY): "█",
    (_WICK, _BODY): "▄",
    (_BODY, _WICK): "▀",
}
"""Bodies that differ from `_GLYPHS` by shape, where no colour can tell them apart."""
_AROUND = 5  # cells of air: two on the left, two before the prices, one behind them


@dataclass(frozen=True, slots=True)
class PriceLevel:
    """A price drawn across the chart, such as a stop."""

    label: str
    price: float
    tone: Tone


@dataclass(frozen=True, slots=True)
class Mark:
    """An entry or exit: in which candle (its open time), at which price, and how it is shown."""

    time: int
    price: float
    glyph: str
    tone: Tone


class CandleChart(LineView, can_focus=False):
    """The latest candles that fit, a column each, with marks and levels drawn in."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name for it)
        super().__init__(id=id)
        self._candles: tuple[Candle, ...] = ()
        self._levels: tuple[PriceLevel, ...] = ()
        self._marks: tuple[Mark, ...] = ()
        self._zone: tzinfo = UTC
        self._lines: list[list[tuple[str, Tone]]] = []

    def draw(
        self,
        candles: Sequence[Candle],
        levels: Sequence[PriceLevel] = (),
        marks: Sequence[Mark] = (),
        zone: tzinfo = UTC,
    ) -> None:
        """Show these, with times in a zone; the same again repaints nothing."""
        given = (tuple(candles), tuple(levels), tuple(marks), zone)
        if given != (self._candles, self._levels, self._marks, self._zone):
            self._candles, self._levels, self._marks, self._zone = given
            self._paint()

    def on_resize(self) -> None:
        """Draw anew for the new size."""
        self._paint()

    def _paint(self) -> None:
        width, height = self.size.width - self._beside() - _AROUND, self.size.height - 1
        self.virtual_size = Size(self.size.width, self.size.height)
        self._lines = []
        candles = self._candles[-width:] if width > 0 else ()
        if candles and height > 0:
            self._lines = self._painted(candles, width, height)
        self.refresh()

    def _painted(
        self, candles: Sequence[Candle], width: int, height: int
    ) -> list[list[tuple[str, Tone]]]:
        scale = self._scale(candles, height)
        cells: list[list[tuple[str, Tone]]] = [[(" ", Tone.DIM)] * width for _ in range(height)]
        right = width - len(candles)
        for column, candle in enumerate(candles, start=right):
            _draw_candle(cells, column, candle, scale, by_shape=self.app.no_color)
        axis: dict[int, tuple[str, Tone]] = {
            line: (formats.price(value), Tone.DIM) for line, value in scale.ticks().items()
        }
        columns = {candle.time: column for column, candle in enumerate(candles, start=right)}
        for mark in self._marks:
            if mark.time in columns:
                cells[scale.line(mark.price)][columns[mark.time]] = (mark.glyph, mark.tone)
        named: dict[int, int] = {}
        for level in sorted(self._levels, key=lambda one: not scale.low <= one.price <= scale.high):
            line, name = scale.line(level.price), level.label
            if scale.low <= level.price <= scale.high:
                axis[line] = (formats.price(level.price), level.tone)
                for column in range(width):
                    if cells[line][column][0] == " ":
                        cells[line][column] = ("┈", level.tone)
            else:
                arrow = "↑" if level.price > scale.high else "↓"
                name = f"{name} {formats.price(level.price)} {arrow}"
            # Names hide the oldest candles rather than leave fewer for all prices.
            start = named.get(line, 0)
            for column, letter in enumerate(f"{name} "[: max(0, width - start)], start):
                cells[line][column] = (letter, level.tone)
            named[line] = start + len(name) + 2
        axis[scale.line(candles[-1].close)] = (formats.price(candles[-1].close), Tone.STRONG)
        for line in range(height):
            text, tone = axis.get(line, ("", Tone.DIM))
            cells[line] += [("  ", Tone.DIM), (text.rjust(self._beside()), tone)]
        times = " " * right + time_labels([c.time for c in candles], len(candles), self._zone)
        return [*cells, [(times, Tone.DIM)]]

    def _beside(self) -> int:
        """How many cells the prices take beside the chart."""
        seen = self._candles[-self.size.width :]
        if not seen:
            return 0
        ticks = self._scale(seen, max(1, self.size.height - 1)).ticks().values()
        shown = [*ticks, seen[-1].close]
        return max(len(formats.price(price)) for price in shown)

    def _scale(self, candles: Sequence[Candle], height: int) -> Scale:
        low, high = min(c.low for c in candles), max(c.high for c in candles)
        # A level far away would flatten the candles: it is only named, at the edge it lies beyond.
        reach = (high - low) * 0.6
        near = [p.price for p in self._levels if low - reach <= p.price <= high + reach]
        return Scale.around(min([low, *near]), max([high, *near]), height)

    def render_line(self, y: int) -> Strip:
        """One line of the chart."""
        dim = self.tone(Tone.DIM)
        if y >= len(self._lines):
            text = "  No candles yet." if y == 0 and not self._lines else ""
            return Strip([Segment(text, dim)]).adjust_cell_length(self.size.width, dim)
        segments = [Segment("  ", dim)]
        segments += [Segment(text, self.tone(tone)) for text, tone in self._lines[y]]
        return Strip(segments).simplify().adjust_cell_length(self.size.width, dim)


def _draw_candle(
    cells: list[list[tuple[str, Tone]]],
    column: int,
    candle: Candle,
    scale: Scale,
    *,
    by_shape: bool,
) -> None:
    """Draw a candle into its column; `by_shape` tells falling ones by broad bodies, not by tone."""
    glyphs = _BROAD if by_shape and candle.close < candle.open else _GLYPHS
    tone = Tone.GAIN if candle.close >= candle.open else Tone.LOSS
    top, bottom = scale.part(candle.high), scale.part(candle.low)
    upper = scale.part(max(candle.open, candle.close))
    lower = scale.part(min(candle.open, candle.close))
    for line in range(scale.line(candle.high), scale.line(candle.low) + 1):
        halves = []
        for start in (line, line + 0.5):
            if upper < start + 0.5 and lower > start:
                halves.append(_BODY)
            elif top < start + 0.5 and bottom > start:
                halves.append(_WICK)
            else:
                halves.append(_NOTHING)
        glyph = glyphs[halves[0], halves[1]]
        if glyph == " " and scale.line(candle.close) == line:
            glyph = "╴" if candle.close == candle.open else "╻"
        if glyph != " ":
            cells[line][column] = (glyph, tone)
