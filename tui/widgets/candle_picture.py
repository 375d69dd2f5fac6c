"""Paints a market into cells: candles, indicators and levels, with their prices and times.

A picture is a value: it knows no widget, and the same one is always painted the same.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from core.market.candles.candle import Candle
from core.strategy.chart_values import ChartLine
from core.text import safe_text
from tui import formats
from tui.widgets.axes import Scale, time_labels
from tui.widgets.candle_cells import (
    Cells,
    Span,
    blank,
    draw_bar,
    draw_candle,
    draw_level,
    draw_line,
)
from tui.widgets.tones import Tone

LABELS = 12  # cells beside a chart, at most
_LEGEND_FROM, _VOLUME_FROM, _PANES_FROM = 6, 16, 20  # lines from which there is room for these
_APART_FROM = 9  # lines from which the indicators at the crosshair have some of their own,
_APART_EACH = 10  # one in so many
_EDGES_FROM = 10  # lines of prices from which levels beyond them have one of their own
_PANE, _FEWEST = 4, 9  # lines of a pane beneath the candles, and the fewest left to the candles
_LINE_TONES = (Tone.INFO, Tone.WARNING, Tone.PLAIN, Tone.ACCENT)


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


@dataclass(frozen=True, slots=True)
class Slot:
    """What stands in one place of a chart: a candle, and the lines' values at its close.

    `spans`: what lies between the lowest and the highest value that each line had within it, where
    it is of several candles. Empty where it is one: the values are all there is.
    """

    candle: Candle
    values: tuple[float | None, ...]
    spans: tuple[Span | None, ...] = ()

    def span(self, line: int) -> Span | None:
        """The lowest and highest value of a line; None where none is known."""
        if self.spans:
            return self.spans[line]
        value = self.values[line]
        return None if value is None else (value, value)


@dataclass(frozen=True, slots=True)
class Picture:
    """What a chart shows: at least one slot, `each` cells wide, the newest at the right edge.

    `lines` are the indicators, to which the slots' values belong; `volume`: whether it is shown.
    `cross` is the time of the candle the crosshair is on; `newest`: whether the last slot is the
    newest there is. `axis`: cells the prices take beside it. `by_shape` tells falling candles by
    their shape, not by their colour. `now`: whether the last close is told, as it is not of candles
    that are shown up to some time behind a trade that is over. `year`: the present one, of whose
    candles the crosshair names none.
    """

    slots: Sequence[Slot]
    each: int
    lines: Sequence[ChartLine]
    levels: Sequence[PriceLevel]
    marks: Sequence[Mark]
    zone: tzinfo
    axis: int
    cross: int | None = None
    volume: bool = True
    newest: bool = True
    by_shape: bool = False
    now: bool = True
    year: int | None = None

    def painted(self, width: int, height: int) -> Cells:
        """The lines from the top down, the times last: `width` cells and the axis, and `height`."""
        slots, each, names = self.slots, self.each, self.lines
        right = width - len(slots) * each
        crossed = None
        if self.cross is not None:
            crossed = bisect_right([one.candle.time for one in slots], self.cross) - 1
        has_volume = any(one.candle.volume > 0 for one in slots)
        told: Cells = []
        if height >= _LEGEND_FROM and crossed is not None and crossed >= 0:
            told = self._legend(slots[crossed], width + 2 + self.axis, height)
        legend = len(told)
        bars = (3 if height >= _PANES_FROM else 2) if height >= _VOLUME_FROM else 0
        bars = bars if self.volume and has_volume else 0
        panes = list(dict.fromkeys(line.pane for line in names if line.pane))
        panes = panes[: max(0, (height - legend - bars - _FEWEST) // _PANE)]
        panes = panes if height >= _PANES_FROM else []
        price_lines = height - legend - bars - len(panes) * _PANE
        rows = self._price_rows(width, price_lines, right)
        if bars:
            rows += self._volume_rows(width, bars, right)
        for pane in panes:
            rows += self._pane_rows(width, pane, right)
        if crossed is not None and crossed >= 0:
            column = right + crossed * each
            for row in rows:
                if row[column][0] == " ":
                    row[column] = ("┊", Tone.DIM)
        moments = [one.candle.time for one in slots for _ in range(each)]
        return [*told, *rows, [(" " * right + _labels(moments, each, self.zone), Tone.DIM)]]

    def _price_rows(self, width: int, height: int, right: int) -> Cells:
        each, candles = self.each, [slot.candle for slot in self.slots]
        scale = price_scale(candles, self.levels, height)
        above = any(level.price > scale.high for level in self.levels) and height >= _EDGES_FROM
        below = any(level.price < scale.low for level in self.levels) and height >= _EDGES_FROM
        scale = price_scale(candles, self.levels, height - above - below)
        cells, over_all, under_all = (
            blank(width, scale.lines),
            blank(width, above),
            blank(width, below),
        )
        for number, candle in enumerate(candles):
            draw_candle(cells, right + number * each, candle, scale, by_shape=self.by_shape)
        over = [place for place, line in enumerate(self.lines) if not line.pane]
        for number, line in enumerate(over):
            tone = _LINE_TONES[number % len(_LINE_TONES)]
            draw_line(cells, self._values(line), right, each, scale, tone)
        axis: dict[int, tuple[str, Tone]] = {
            line: (formats.price(value), Tone.DIM) for line, value in scale.ticks().items()
        }
        times = [candle.time for candle in candles]
        for mark in self.marks:
            at = bisect_right(times, mark.time) - 1
            if at >= 0 and (at < len(times) - 1 or mark.time < self._behind(times)):
                cells[scale.line(mark.price)][right + at * each] = (mark.glyph, mark.tone)
        named: dict[int, int] = {}
        inside = [scale.line(one.price) for one in self.levels if one.price in scale]
        last = scale.line(candles[-1].close) if self.now else None
        beside = [*inside, last]
        for level in sorted(self.levels, key=lambda one: one.price not in scale):
            line, name = scale.line(level.price), level.label
            if level.price in scale:
                if beside.count(line) > 1:  # there is room for one price at the axis
                    name = f"{name} {formats.price(level.price)}"
                axis[line] = (formats.price(level.price), level.tone)
                for column in range(named.get(line, 0), width):
                    if cells[line][column][0] == " ":
                        cells[line][column] = ("┈", level.tone)
            else:
                arrow, step = ("↑", 1) if level.price > scale.high else ("↓", -1)
                name = f"{name} {formats.price(level.price)} {arrow}"
                while line in inside and 0 <= line + step < scale.lines:
                    line += step
            row = cells[line]
            if above and level.price > scale.high:
                line, row = -1, over_all[0]
            elif below and level.price < scale.low:
                line, row = scale.lines, under_all[0]
            # Where lines are few, names hide the oldest candles rather than take one from prices.
            start = named.get(line, 0)
            text = f"{'  ' * bool(start)}{name} "[: max(0, width - start)]
            for column, letter in enumerate(text, start):
                row[column] = (letter, level.tone)
            named[line] = start + len(text) - 1
        if last is not None:
            axis[last] = (formats.price(candles[-1].close), Tone.STRONG)
        return [
            *self._with_axis(over_all, {}),
            *self._with_axis(cells, axis),
            *self._with_axis(under_all, {}),
        ]

    def _values(self, line: int) -> list[tuple[float | None, Span | None]]:
        """What a line has in each slot: its last value, and the span of all."""
        return [(slot.values[line], slot.span(line)) for slot in self.slots]

    def _behind(self, times: Sequence[int]) -> int:
        """When the last candle shown has closed, as far as the others tell."""
        if self.newest:
            return times[-1] + 10**13
        return times[-1] + (times[-1] - times[-2] if len(times) > 1 else 1)

    def _volume_rows(self, width: int, height: int, right: int) -> Cells:
        most = max(slot.candle.volume for slot in self.slots)
        cells = blank(width, height)
        for number, slot in enumerate(self.slots):
            if most > 0:
                draw_bar(cells, right + number * self.each, slot.candle.volume / most, Tone.RULE)
        _write(cells[0], "volume", Tone.DIM)
        return self._with_axis(cells, {0: (_short(most), Tone.DIM)})

    def _pane_rows(self, width: int, pane: str, right: int) -> Cells:
        lines = [(n, one) for n, one in enumerate(self.lines) if one.pane == pane]
        series = [self._values(number) for number, _ in lines]
        known = [end for values in series for _, span in values for end in span or ()]
        cells = blank(width, _PANE)
        if not known:
            _write(cells[0], f"{safe_text(pane)}: not known yet", Tone.DIM)
            return self._with_axis(cells, {})
        thresholds = sorted({value for _, line in lines for value in line.thresholds})
        scale = pane_scale(min(known), max(known), thresholds)
        for number, values in enumerate(series):
            draw_line(
                cells, values, right, self.each, scale, _LINE_TONES[number % len(_LINE_TONES)]
            )
        axis = {0: (_short(scale.high), Tone.DIM), _PANE - 1: (_short(scale.low), Tone.DIM)}
        for threshold in thresholds:
            if threshold in scale:
                draw_level(cells, threshold, scale, Tone.DIM)
                axis[scale.line(threshold)] = (_short(threshold), Tone.DIM)
        names = [(safe_text(pane), Tone.DIM)]
        if len(lines) > 1:  # which colour is which
            names = [
                (safe_text(line.name.removeprefix(f"{pane}.")), _LINE_TONES[n % len(_LINE_TONES)])
                for n, (_, line) in enumerate(lines)
            ]
        names += [(f"{_short(one)} ↑", Tone.DIM) for one in thresholds if one > scale.high]
        below = [(f"{_short(one)} ↓", Tone.DIM) for one in thresholds if one < scale.low]
        for row, texts in ((cells[0], names), (cells[-1], below)):
            start = 0
            for text, tone in texts:
                _write(row, text, tone, start)
                start = min(width, start + len(text) + 1)
        return self._with_axis(cells, axis)

    def _with_axis(self, cells: Cells, axis: dict[int, tuple[str, Tone]]) -> Cells:
        for line, row in enumerate(cells):
            text, tone = axis.get(line, ("", Tone.DIM))
            row += [("  ", Tone.DIM), (text.rjust(self.axis), tone)]
        return cells

    def _legend(self, slot: Slot, width: int, height: int) -> Cells:
        """The values of the candle that the crosshair is on, and the lines' there.

        These have lines of their own where there are enough, as many at each candle: candles would
        move as the crosshair does. Else they come before volume and open.
        """
        candle = slot.candle
        tone = Tone.GAIN if candle.close >= candle.open else Tone.LOSS
        years = {
            formats.year(one.candle.time, self.zone) for one in (self.slots[0], self.slots[-1])
        }
        write = formats.day_time if years == {self.year} else formats.date_time
        day = (write(candle.time, self.zone), Tone.STRONG)
        opened, *others = (
            (f"{letter} {formats.price(price)}", tone)
            for letter, price in zip("OHLC", candle[1:5], strict=True)
        )
        volume = [(f"V {_short(candle.volume)}", Tone.DIM)] if candle.volume > 0 else []
        shorter = [[opened, *others, *volume], [opened, *others], others]
        lines = readings(self.lines, slot.values)
        if lines and height >= _APART_FROM:
            for at, (text, tone) in enumerate(lines):
                lines[at] = (text.ljust(self._longest(at)), tone)
        if lines and any(one.spans for one in self.slots):  # of the several that each had
            lines.insert(0, ("last", Tone.DIM))
        if lines and height >= _APART_FROM:
            apart: Cells = []
            while lines:
                row = _fitting([lines], width)
                shown = len(row) // 2  # each with its gap
                on = shown and len(apart) + 1 < height // _APART_EACH
                apart.append(row[: 2 * shown] if on else row)
                lines = lines[shown:] if on else []
            return [_fitting([[day, *prices] for prices in shorter], width), *apart]
        return [_fitting([[day, *prices, *lines] for prices in shorter], width)]

    def _longest(self, at: int) -> int:
        """The cells that a line's name and its values take, of the highest and the lowest."""
        known = [value for slot in self.slots if (value := slot.values[at]) is not None]
        ends = (min(known, default=None), max(known, default=None))
        return max(len(readings(self.lines[at : at + 1], [value])[0][0]) for value in ends)


def _fitting(choices: Sequence[Sequence[tuple[str, Tone]]], width: int) -> list[tuple[str, Tone]]:
    """The first of some texts that fits beside each other; of the last what does, and …."""
    for parts in choices:
        if sum(len(text) + 2 for text, _ in parts) - 2 <= width:
            return [cell for part in parts for cell in (part, ("  ", Tone.DIM))]
    cells: list[tuple[str, Tone]] = []
    for part in choices[-1]:
        if len(part[0]) + 3 > width:
            break
        cells += [part, ("  ", Tone.DIM)]
        width -= len(part[0]) + 2
    return [*cells, ("…", Tone.DIM)]


def readings(lines: Sequence[ChartLine], values: Sequence[float | None]) -> list[tuple[str, Tone]]:
    """The indicators with their values at a candle, each in the tone of its line."""
    parts: list[tuple[str, Tone]] = []
    seen: dict[str, int] = {}
    for line, value in zip(lines, values, strict=False):
        number = seen[line.pane] = seen.get(line.pane, -1) + 1
        tone = _LINE_TONES[number % len(_LINE_TONES)]
        parts.append((f"{safe_text(line.name)} {_figure(value, price=not line.pane)}", tone))
    return parts


def price_scale(candles: Sequence[Candle], levels: Sequence[PriceLevel], height: int) -> Scale:
    """The prices that `height` lines show: of the candles, and of levels that are near to them."""
    low, high = min(c.low for c in candles), max(c.high for c in candles)
    # A level far away would flatten the candles: it is only named, at the edge it lies beyond.
    reach = (high - low) * 0.6
    near = [p.price for p in levels if low - reach <= p.price <= high + reach]
    return Scale.around(min([low, *near]), max([high, *near]), height)


def pane_scale(low: float, high: float, thresholds: Sequence[float]) -> Scale:
    """The values that a pane shows: from the lowest to the highest, and the thresholds near them.

    As long as the values are left a line of it: a threshold farther away would flatten them.
    """
    most = (high - low) * _PANE
    for one in sorted(thresholds, key=lambda value: max(low - value, value - high)):
        lower, higher = min(low, one), max(high, one)
        if not most or higher - lower <= most:
            low, high = lower, higher
    return Scale.around(low, high, _PANE)


def span_of(values: Iterable[float]) -> Span | None:
    """The lowest and the highest of some values; None of none."""
    known = [*values]
    return (min(known), max(known)) if known else None


def _labels(moments: list[int], each: int, zone: tzinfo) -> str:
    """The times beneath the columns."""
    if each == 1:
        return time_labels(moments, len(moments), zone)
    # Columns of one candle are given moments between it and the next, so that each differs.
    step = moments[each] - moments[0] if len(moments) > each else 0
    spread = [time + step * (n % each) // each for n, time in enumerate(moments)]
    return time_labels(spread, len(spread), zone)


def _write(row: list[tuple[str, Tone]], text: str, tone: Tone, start: int = 0) -> None:
    for column, letter in enumerate(f"{text} "[: len(row) - start], start):
        row[column] = (letter, tone)


def _figure(value: float | None, *, price: bool) -> str:
    return formats.price(value) if price else formats.number(value)


def _short(value: float) -> str:
    """A figure in few cells: `1.2M`, `48.1k`, `0.35`."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e4)):
        if abs(value) >= size:
            return f"{value / (1e3 if unit == 'k' else size):.1f}{unit}"
    return formats.number(value)
