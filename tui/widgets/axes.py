"""Chooses the round values and times beside a chart, and the line or column of each."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import accumulate, chain, count, pairwise

from core.market.candles.timeframes import DAY, HOUR, MINUTE

_TIME_STEPS = (
    MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    20 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    4 * HOUR,
    6 * HOUR,
    8 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    4 * DAY,
    7 * DAY,
    14 * DAY,
)
_MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60)
_MONDAY = 4 * DAY  # the first of them since the epoch, from which weeks are counted
_YEAR = 365 * DAY
_SINCE = ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"))

_FEWEST = 3  # labels an axis has where it is long enough
_GAP = 2  # cells between two labels, at least: a day and an hour side by side read as one
_APART = 12  # cells from one label to the next, about
_MOST = 1_000  # labels that no line is long enough for
_NOT_SEEN = 4  # lines between two values, of which one more or less is not seen
_ROUND = (1, 2, 2.5, 5)
_LESS_ROUND = (4,)  # of a balance of 10,000 its multiples are that too

_Labels = list[tuple[int, str]]
"""Columns, increasing, and what is to stand under each."""


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
        return min(self.lines - 1, max(0, math.floor(self.part(value) + 1e-9)))

    def ticks(self) -> dict[int, float]:
        """Round values by line, a step apart: about one in four lines, three in three or more.

        No two stand on lines beside each other where three are found that do not. Of these, such
        are taken as have equally many lines between them, if there are any. Where no three round
        ones lie in so few lines they are the lowest, the middle and the highest.
        """
        found: dict[int, float] = {}
        for apart in (2, 1):
            whole = [
                ticks
                for factors in (_ROUND, _LESS_ROUND)
                for ticks in self._multiples_apart(apart, factors)
            ]
            enough = [ticks for ticks in whole if len(ticks) >= _FEWEST]
            if enough:
                return next(filter(_looks_even, enough), enough[0])
            found = max([found, *whole], key=len)
        if self.lines < _FEWEST:
            return found
        fine = 10.0 ** math.floor(math.log10((self.high - self.low) / 100))
        values = _multiples(self.low, self.high, fine)
        middle = (len(values) - 1) // 2
        return {
            self.line(value): value for value in (values[0], values[middle], values[2 * middle])
        }

    def _multiples_apart(self, apart: int, factors: Sequence[float]) -> Iterator[dict[int, float]]:
        """Round values by line, the fewest first, none nearer to another than so many lines."""
        rough = (self.high - self.low) / max(1.0, self.lines / 4)
        for step in _steps_down(rough, factors):
            values = _multiples(self.low, self.high, step)
            lines = [self.line(value) for value in values]
            if any(below - above < apart for below, above in pairwise(lines)):
                return  # and the more with a smaller one
            yield dict(zip(lines, values, strict=True))


def _looks_even(ticks: Mapping[int, float]) -> bool:
    """Whether as many lines lie between each two, or so many that one more is not seen."""
    apart = [below - above for below, above in pairwise(ticks)]
    return min(apart) == max(apart) or min(apart) >= _NOT_SEEN


def _steps_down(rough: float, factors: Sequence[float]) -> list[float]:
    """Round steps, from the one next to a rough one, not below it, to a hundredth of that."""
    power = math.floor(math.log10(rough))
    steps = [10.0**at * factor for at in range(power - 2, power + 2) for factor in factors]
    return steps[bisect_left(steps, rough * 0.999) :: -1]


def _multiples(low: float, high: float, step: float) -> list[float]:
    """The multiples of a step that lie between two values, these included."""
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def time_labels(
    times: Sequence[int], width: int, zone: tzinfo = UTC, *, beside: Sequence[int] = ()
) -> str:
    """A line of `width` cells with times, in a zone, under the columns they belong to.

    `times`: UTC ms, one a column, increasing. They are round ones an equal step apart: of the day,
    with the day itself at midnight; or days, Mondays, months or years. Where these are less than
    three and the line has room for three, the first moment and the last are told too, by
    their days where these differ. Where no midnight is among them the day comes first, beneath the
    first column or in place of the first time. `beside`: the times of another line beside it. Where
    that is the shorter one, and has three labels, they are the same as its.
    """
    moments = _on_clocks(times[:width], zone)
    labels = _time_labels(moments, width)
    if len(beside) < width:
        shorter = _on_clocks(beside, zone)
        theirs = _time_labels(shorter, len(beside))
        # Each belongs to some moment after that of the column before: half of the way is nearest.
        times = [(shorter[max(0, column - 1)] + shorter[column]) // 2 for column, _ in theirs]
        placed = [
            (bisect_left(moments, time), label)
            for time, (_, label) in zip(times, theirs, strict=True)
        ]
        same = [label for _, label in labels] == [label for _, label in placed]
        if len(placed) >= _FEWEST and not same and placed[-1][0] < len(moments):
            labels = _kept(placed, width) or labels
    return _set(labels, width)


def _on_clocks(times: Sequence[int], zone: tzinfo) -> list[int]:
    """Times as a zone's clocks tell them.

    Where these are put back an hour is there twice: it is told of once.
    """
    return [*accumulate((time + _offset(time, zone) for time in times), max)]


def _time_labels(moments: Sequence[int], width: int) -> _Labels:
    """What stands beneath a line of so many cells."""
    if len(moments) < 2 or moments[-1] == moments[0]:
        return []
    first, last = moments[0], moments[-1]
    long, few = last - first >= _YEAR, last - first < 3 * DAY
    day = "%b %Y" if long else "%d %b"
    each = min(after - before for before, after in pairwise(moments) if after > before)
    choices = (
        [
            (column, _written(tick, form))
            for tick, form in ticks
            if moments[column := bisect_left(moments, tick)] - tick < 2 * each  # else in a hole
        ]
        for ticks in _time_ticks(first, last, day)
    )
    columns = (0, (len(moments) - 1) // 2, len(moments) - 1)
    forms = [(day, day, day)]
    if few and first // DAY != last // DAY:
        forms.append((day, "%H:%M", day))
    if few:
        forms.append(("%H:%M", "%H:%M", "%H:%M"))
    ends = [
        [
            (column, _written(moments[column], form))
            for column, form in zip(columns, three, strict=True)
        ]
        for three in forms
    ]
    return _with_day(_line(choices, ends, width), moments, width)


def _with_day(labels: _Labels, moments: Sequence[int], width: int) -> _Labels:
    """The labels, with the day before them where all are times of it: of which, none would tell."""
    if not labels or any(":" not in label for _, label in labels):
        return labels
    midnight = bisect_left(moments, moments[-1] - moments[-1] % DAY)
    begun = midnight if midnight < labels[0][0] else 0
    day = (begun, _written(moments[begun], "%d %b"))
    columns = ((len(moments) - 1) // 2, len(moments) - 1)
    ends = [(column, _written(moments[column], "%H:%M")) for column in columns]
    for others in (labels, labels[1:], ends):
        kept = _kept([day, *others], width)
        if kept and kept[0] == day and len(kept) >= min(_FEWEST, len(labels)):
            return kept
    return labels


def count_labels(counts: Sequence[int], width: int, zone: tzinfo = UTC) -> str:
    """A line of `width` cells with round counts, such as trade numbers, under their columns.

    `counts`: one a column, not falling. `zone` is there as for times, and not used.
    """
    return _counted(counts, width, "{:,}".format)


def since_labels(times: Sequence[int], width: int, zone: tzinfo = UTC) -> str:
    """A line of `width` cells with how long it is since a beginning: `day 0`, `30`, `60`.

    `times`: ms since then, one a column, not falling; in hours or minutes where they are few.
    `zone` is there as for times, and not used.
    """
    longest = max(times[:width], default=0)
    unit, name = next(
        (one for one in _SINCE if longest >= _FEWEST * one[0]),
        _SINCE[-1],
    )

    def write(count: int) -> str:
        return f"{count:,}" if count else f"{name} 0"

    return _counted([time // unit for time in times], width, write)


def _counted(counts: Sequence[int], width: int, write: Callable[[int], str]) -> str:
    counts = counts[:width]
    if len(counts) < 2 or counts[-1] <= counts[0]:
        return " " * width
    first, last = counts[0], counts[-1]
    steps = [10**power * factor for power in range(len(str(last)), -1, -1) for factor in (5, 2, 1)]
    choices = (
        [(bisect_left(counts, tick), write(tick)) for tick in _ticks(step, first, last)]
        for step in steps
    )
    columns = (0, (len(counts) - 1) // 2, len(counts) - 1)
    labels = _line(choices, [[(column, write(counts[column])) for column in columns]], width)
    return _set(labels, width)


def _time_ticks(first: int, last: int, day: str) -> Iterator[list[tuple[int, str]]]:
    """Round moments from one to another, the fewest first, each with the form it is written in.

    `day`: the form of those that are no time of the day.
    """
    years = day != "%d %b"
    for step in reversed(_MONTH_STEPS):
        form = "%Y" if years and not step % 12 else day
        yield [(tick, form) for tick in _months(step, first, last)]
    for step in reversed(_TIME_STEPS):
        if years or (last - first) // step > _MOST:
            return
        ticks = _ticks(step, first, last, _MONDAY if step % (7 * DAY) == 0 else 0)
        yield [(tick, "%H:%M" if tick % DAY else day) for tick in ticks]


def _ticks(step: int, first: int, last: int, origin: int = 0) -> range:
    """The multiples of a step, counted from an origin, from one value to another."""
    return range(first + (origin - first) % step, last + 1, step)


def _months(step: int, first: int, last: int) -> Iterator[int]:
    """When so many months begin, from one moment to another, counted from a January."""
    begin = datetime.fromtimestamp(first / 1000, UTC)
    month = begin.year * 12 + begin.month - 1
    for number in count(month - month % step, step):
        moment = round(datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC).timestamp() * 1000)
        if moment > last:
            return
        if moment >= first:
            yield moment


def _written(moment: int, form: str) -> str:
    return f"{datetime.fromtimestamp(moment / 1000, UTC):{form}}"


def _line(choices: Iterable[_Labels], ends: Sequence[_Labels], width: int) -> _Labels:
    """The best of some choices of labels, the fewest first, for a line of `width` cells.

    None of them is left out between others. Where each choice has less than three that do not
    touch, it is one with its first and last moment beside it, or these and the middle alone.
    `ends`: these three, in forms of which the last is written beside others.
    """
    most = max(_FEWEST, width // _APART + 1)
    whole: list[_Labels] = [[]]
    for labels in choices:
        kept = _kept(labels, width)
        if kept is None or (len(kept) > most and len(whole[-1]) >= _FEWEST):
            break  # and the more with a smaller step
        whole.append(kept)
    first, _, last = ends[-1]
    beside = ([first, *labels, last] for labels in sorted(whole, key=len, reverse=True))
    best = max(whole, key=len)
    for labels in chain(beside, ends):
        if len(best) >= _FEWEST:
            break
        kept = _kept(labels, width) or []
        if len(kept) > len(best) and all(one[1] != other[1] for one, other in pairwise(kept)):
            best = kept
    return best


def _kept(labels: _Labels, width: int) -> _Labels | None:
    """The labels, without a first or last that the line's end moves onto another.

    None where others touch, or one is longer than the line.
    """
    if any(len(label) > width for _, label in labels):
        return None
    kept = list(labels)
    if len(kept) > 1 and _begins(*kept[0]) < 0 and _touch(kept[0], kept[1], width):
        del kept[0]
    if len(kept) > 1 and _touch(kept[-2], kept[-1], width):
        column, label = kept[-1]
        if _begins(column, label) + len(label) > width:
            del kept[-1]
    return None if any(_touch(one, behind, width) for one, behind in pairwise(kept)) else kept


def _begins(column: int, label: str) -> int:
    """Where a label begins whose middle is a column's."""
    return column - (len(label) - 1) // 2


def _start(column: int, label: str, width: int) -> int:
    """Where it begins on a line: as near to that as the line allows."""
    return max(0, min(_begins(column, label), width - len(label)))


def _touch(one: tuple[int, str], behind: tuple[int, str], width: int) -> bool:
    return _start(*one, width) + len(one[1]) + _GAP > _start(*behind, width)


def _set(labels: _Labels, width: int) -> str:
    line = ""
    for column, label in labels:
        line = line.ljust(_start(column, label, width)) + label
    return line.ljust(width)


def _offset(time: int, zone: tzinfo) -> int:
    """How far the zone's clocks are ahead of UTC at a time (UTC ms), in milliseconds."""
    if zone is UTC:
        return 0
    ahead = datetime.fromtimestamp(time / 1000, zone).utcoffset()
    return 0 if ahead is None else round(ahead.total_seconds() * 1000)
