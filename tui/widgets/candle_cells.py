"""Draws candles, lines and bars into a grid of cells, each a glyph and a tone."""

from __future__ import annotations

from collections.abc import Sequence

from core.market.candles.candle import Candle
from tui.widgets.axes import Scale
from tui.widgets.tones import Tone

Cells = list[list[tuple[str, Tone]]]

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
_EIGHTHS = " ▁▂▃▄▅▆▇█"
# The dots of a braille cell by column (2) and row (4), as bits of U+2800.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))


def blank(width: int, height: int) -> Cells:
    """An empty grid."""
    return [[(" ", Tone.DIM)] * width for _ in range(height)]


def draw_candle(cells: Cells, column: int, candle: Candle, scale: Scale, *, by_shape: bool) -> None:
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


Span = tuple[float, float]
"""The lowest and the highest of some values."""


def draw_line(
    cells: Cells,
    values: Sequence[tuple[float | None, Span | None]],
    start: int,
    each: int,
    scale: Scale,
    tone: Tone,
) -> None:
    """Draw a line of braille dots, `each` cells a place from column `start`, into empty cells.

    A place has its last value and the span of all it had, drawn from end to end as a candle's wick
    is. The line is broken where none is known or all are beyond the scale.
    """
    found: dict[tuple[int, int], int] = {}
    before: int | None = None

    def row_of(value: float) -> int:
        return min(scale.lines * 4 - 1, int(scale.part(value) * 4))

    for number, (value, span) in enumerate(values):
        if span is None or span[0] > scale.high or span[1] < scale.low:
            before = None
            continue
        rows = range(row_of(min(span[1], scale.high)), row_of(max(span[0], scale.low)) + 1)
        if before is not None:
            rows = range(min(rows.start, before + 1), max(rows.stop, before))
        before = row_of(value) if value is not None and value in scale else None
        for dot in range((start + number * each) * 2, (start + (number + 1) * each) * 2):
            for at in rows:
                key = (at // 4, dot // 2)
                found[key] = found.get(key, 0) | _DOTS[dot % 2][at % 4]
            rows = range(0) if before is None else range(before, before + 1)
    for (line, column), bits in found.items():
        if cells[line][column][0] == " ":
            cells[line][column] = (chr(0x2800 + bits), tone)


def draw_level(cells: Cells, value: float, scale: Scale, tone: Tone) -> None:
    """Draw a dotted line across the empty cells, as high as a line of that value would be."""
    line, dot = divmod(min(scale.lines * 4 - 1, int(scale.part(value) * 4)), 4)
    dotted = (chr(0x2800 + _DOTS[0][dot]), tone)
    cells[line] = [dotted if cell[0] == " " else cell for cell in cells[line]]


def draw_bar(cells: Cells, column: int, share: float, tone: Tone) -> None:
    """Draw a bar that fills a share (0 to 1) of the grid's height."""
    eighths = round(share * len(cells) * 8)
    for line in range(len(cells) - 1, -1, -1):
        if eighths <= 0:
            return
        cells[line][column] = (_EIGHTHS[min(8, eighths)], tone)
        eighths -= 8
