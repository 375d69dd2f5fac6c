"""Chooses the round values and times beside a chart, and the line or column of each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from core.market.candles.timeframes import DAY, HOUR, MINUTE

_TIME_STEPS = (
    MINUTE,
    5 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
    91 * DAY,
    182 * DAY,
    365 * DAY,
)


_FEWEST = 3  # labels an axis has where it is long enough


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps values onto `lines` lines, the highest value on line 0."""

    low: float
    high: float
    lines: int

    @classmethod
    def around(cls, low: float, high: float, lines: int) -> Scale:
        """A scale that shows `low` to `high`, a flat range in its middle."""
        if high <= low:
            margin = abs(high) * 0.001 or 1.0
            low, high = low - margin, high + margin
        return cls(low, high, max(1, lines))

    def part(self, value: float) -> float:
        """How far from the top, in lines: 0 at `high`, `lines` at `low`."""
        return (self.high - value) / (self.high - self.low) * self.lines

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def line(self, value: float) -> int:
        """The line a value lies in, clipped to those there are."""
        return min(self.lines - 1, max(0, math.floor(self.part(value))))

    def ticks(self) -> dict[int, float]:
        """Round values by line: about one in four lines, and three where there are lines for it."""
        parts = max(1.0, self.lines / 4)
        found = self._ticks(parts)
        while len(found) < min(_FEWEST, self.lines) and parts < self.lines:
            parts += 1
            found = self._ticks(parts)
        return found

    def _ticks(self, parts: float) -> dict[int, float]:
        step = _round_step((self.high - self.low) / parts)
        first = math.ceil(self.low / step) * step
        count = int((self.high - first) / step + 1e-9) + 1
        return {self.line(first + n * step): first + n * step for n in range(count)}


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)


def time_labels(times: list[int], width: int, zone: tzinfo = UTC) -> str:
    """A line of `width` cells with times, in a zone, under the columns they belong to.

    `times`: UTC ms, one a column, increasing. Labels are days where a day or more lies between two,
    and months of a year where a quarter does, or a year in all.
    """
    if len(times) < 2:
        return " " * width
    times = [time + _offset(time, zone) for time in times]
    per_label = max(1, 14 * (times[-1] - times[0]) // max(1, len(times) - 1))
    place = next((n for n, s in enumerate(_TIME_STEPS) if s >= per_label), len(_TIME_STEPS) - 1)
    line, count = _labelled(times, width, _TIME_STEPS[place])
    while count < _FEWEST and place:
        place -= 1
        closer, more = _labelled(times, width, _TIME_STEPS[place])
        if more > count:
            line, count = closer, more
    return line


def count_labels(counts: list[int], width: int, zone: tzinfo = UTC) -> str:
    """A line of `width` cells with round counts, such as trade numbers, under their columns.

    `counts`: one a column, not falling. `zone` is there as for times, and not used.
    """
    line = [" "] * width
    if len(counts) < 2 or counts[-1] <= counts[0]:
        return "".join(line)
    step = max(1, round(_round_step((counts[-1] - counts[0]) / max(1, width // 12))))
    free = 0
    for column in range(min(width, len(counts))):
        before = counts[column - 1] if column else counts[0] - 1
        label = f"{counts[column] // step * step:,}"
        crossed = counts[column] // step > before // step
        if crossed and column >= free and column + len(label) <= width:
            line[column : column + len(label)] = label
            free = column + len(label) + 2
    return "".join(line)


def _labelled(times: list[int], width: int, step: int) -> tuple[str, int]:
    """The line of labels at multiples of a step, and how many there are.

    Where days and hours meet, a day comes before the hours beside it: these are of no use alone.
    """
    line, found = [" "] * width, []
    years = step >= 91 * DAY or times[-1] - times[0] >= 365 * DAY
    for column in range(1, min(width, len(times))):
        if times[column] // step == times[column - 1] // step:
            continue
        moment = datetime.fromtimestamp(times[column] // step * step / 1000, UTC)
        midnight = times[column] // DAY != times[column - 1] // DAY
        if years:
            label = f"{moment:%b %Y}"
        else:
            label = f"{moment:%d %b}" if step >= DAY or midnight else f"{moment:%H:%M}"
        found.append((step < DAY and not midnight, column, label))
    count = 0
    for _, column, label in sorted(found):
        around = line[max(0, column - 2) : column + len(label) + 2]
        if column + len(label) <= width and not "".join(around).strip():
            line[column : column + len(label)] = label
            count += 1
    return "".join(line), count


def _offset(time: int, zone: tzinfo) -> int:
    """How far the zone's clocks are ahead of UTC at a time (UTC ms), in milliseconds."""
    if zone is UTC:
        return 0
    ahead = datetime.fromtimestamp(time / 1000, zone).utcoffset()
    return 0 if ahead is None else round(ahead.total_seconds() * 1000)
