"""The labels beside and beneath charts: enough of them, an equal step apart, each in its place."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, tzinfo
from itertools import pairwise, product
from zoneinfo import ZoneInfo

import pytest

from core.market.candles.timeframes import DAY, HOUR, MINUTE
from tui.widgets.axes import Scale, count_labels, since_labels, time_labels

START = 1_763_817_731_000  # 2025-11-22 13:22:11 UTC
SPANS = (
    *(hours * HOUR for hours in (2, 3, 5, 8, 13, 21, 24, 34, 52, 70)),
    *(days * DAY for days in (3, 4, 6, 9, 15, 31, 60, 90, 123, 200, 300, 364, 366, 500, 800)),
    *(years * 365 * DAY for years in (3, 4, 5)),
)
WIDTHS = (*range(22, 60), 76, 94, 116, 150, 196)
ZONES: tuple[tzinfo, ...] = (UTC, ZoneInfo("America/New_York"))
FORMS = ("%H:%M", "%d %b", "%b %Y", "%Y")
LONGEST = {"long": len("Nov 2025"), "short": len("22 Nov")}


def columns(span: int, width: int, start: int = START) -> list[int]:
    """The moments of the columns of a chart."""
    return [start + span * n // (width - 1) for n in range(width)]


def labels(line: str) -> list[tuple[int, str]]:
    """Where labels begin, and what they are: they are two cells apart at least."""
    return [(found.start(), found[0]) for found in re.finditer(r"\S+(?: \S+)*", line)]


def form_of(label: str) -> str:
    """How a label is written."""
    for form in FORMS:
        try:
            datetime.strptime(f"2024 {label}", f"%Y {form}" if "%Y" not in form else f"2024 {form}")
        except ValueError:
            continue
        return form
    raise AssertionError(f"{label!r} is no time")


@pytest.mark.parametrize("span", SPANS, ids=lambda span: f"{span / DAY:.2f}d")
def test_a_time_axis_has_three_labels_wherever_the_line_holds_three(span: int) -> None:
    longest = LONGEST["long" if span >= 365 * DAY else "short"]
    for width, zone, late in product(WIDTHS, ZONES, (0, 7 * HOUR, 11 * DAY, 171 * DAY)):
        times = columns(span, width, START + late)
        line = time_labels(times, width, zone)
        found = labels(line)
        assert len(line) == width
        if width >= 3 * longest + 4:
            assert len(found) >= 3, f"{width} cells: {line!r}"
        assert len({form_of(label) for _, label in found}) <= 2, f"{width} cells: {line!r}"


@pytest.mark.parametrize("span", SPANS, ids=lambda span: f"{span / DAY:.2f}d")
def test_each_time_stands_under_the_column_it_belongs_to(span: int) -> None:
    for width, zone in product(WIDTHS, ZONES):
        times = columns(span, width)
        for start, label in labels(time_labels(times, width, zone)):
            form = form_of(label)
            # From the column before it on: a round moment lies between two columns.
            under = times[max(0, start - 1) : start + len(label)]
            unit = {"%H:%M": MINUTE, "%d %b": HOUR}.get(form, DAY)
            seen = {
                f"{datetime.fromtimestamp(moment / 1000, zone):{form}}"
                for moment in range(under[0] // unit * unit, under[-1] + 1, unit)
            }
            assert label in seen, f"{width} cells: {label} over {sorted(seen)}"


@pytest.mark.parametrize("span", SPANS, ids=lambda span: f"{span / DAY:.2f}d")
def test_no_time_is_left_out_between_others(span: int) -> None:
    for width in WIDTHS:
        found = labels(time_labels(columns(span, width), width))
        middles = [start + (len(label) - 1) // 2 for start, label in found]
        apart = [behind - one for one, behind in pairwise(middles)]
        # Those at the ends are moved inwards, and months are not of one length.
        between = apart[1:-1]
        assert not between or max(between) - min(between) <= 2 + max(between) // 9, found


def test_labels_are_round_where_there_is_room() -> None:
    day = datetime(2026, 1, 5, tzinfo=UTC).timestamp() * 1000
    start = int(day) + 6 * HOUR + 55 * MINUTE
    assert [one for _, one in labels(time_labels(columns(34 * HOUR, 26, start), 26))] == [
        "12:00", "06 Jan", "12:00",
    ]  # fmt: skip
    weeks = time_labels(columns(60 * DAY, 60, int(day)), 60)
    assert [one for _, one in labels(weeks)] == ["05 Jan", "19 Jan", "02 Feb", "16 Feb", "02 Mar"]
    years = time_labels(columns(1_200 * DAY, 60, 1_502_942_400_000), 60)
    assert [one for _, one in labels(years)] == ["2018", "2019", "2020"]


def test_the_first_moment_and_the_last_are_told_where_round_ones_are_few() -> None:
    times = columns(2 * HOUR, 22, START)
    assert [one for _, one in labels(time_labels(times, 22))] == ["22 Nov", "14:19", "15:22"]
    two_days = columns(2 * DAY, 22, START)
    assert [one for _, one in labels(time_labels(two_days, 22))] == ["22 Nov", "23 Nov", "24 Nov"]


@pytest.mark.parametrize("span", [span for span in SPANS if span < 3 * DAY])
def test_a_time_axis_names_the_day_where_no_midnight_is_in_it(span: int) -> None:
    """01:00 02:00 03:00 beneath candles of last May were of some day."""
    for width, late, zone in product(WIDTHS, range(0, 24, 3), ZONES):
        line = time_labels(columns(span, width, START + late * HOUR), width, zone)
        found = [label for _, label in labels(line)]
        assert "%d %b" in map(form_of, found), f"{width} cells: {line!r}"
    noon = int(datetime(2025, 5, 2, 12, tzinfo=UTC).timestamp() * 1000)
    told = [one for _, one in labels(time_labels(columns(6 * HOUR, 60, noon), 60))]
    assert told == ["02 May", "14:00", "16:00", "18:00"]


@pytest.mark.parametrize("begin", range(24))
def test_hours_of_two_days_stand_beside_a_day(begin: int) -> None:
    """Alone, 20:00 08:00 21:00 would be told of candles that begin on the day before."""
    day = int(datetime(2026, 11, 28, tzinfo=UTC).timestamp() * 1000)
    for width in (22, 26, 34, 47):
        times = [day + (begin + n) * HOUR for n in range(width)]
        found = [label for _, label in labels(time_labels(times, width))]
        if begin < 23 and begin + width > 26:  # more of each than a label hides
            assert "%d %b" in map(form_of, found), found


def test_an_hour_that_is_there_twice_is_told_once() -> None:
    zone = ZoneInfo("Europe/Berlin")
    back = int(datetime(2025, 10, 25, 23, tzinfo=UTC).timestamp() * 1000)  # 01:00 in Berlin
    line = time_labels([back + n * 5 * MINUTE for n in range(60)], 60, zone)
    hours = [one for _, one in labels(line) if ":" in one]
    assert hours.count("02:00") == 1
    assert hours == sorted(hours)


def test_times_in_a_hole_between_candles_are_not_told() -> None:
    before = [START + n * 5 * MINUTE for n in range(40)]
    after = [before[-1] + 9 * HOUR + n * 5 * MINUTE for n in range(60)]
    line = time_labels([*before, *after], 100)
    assert len(labels(line)) >= 3
    hidden = {f"{hour:02}:00" for hour in (17, 18, 19, 20, 21, 22, 23, 0, 1)}
    assert not hidden & {label for _, label in labels(line)}


@pytest.mark.parametrize("most", [2, 3, 5, 12, 40, 400, 12_345])
def test_three_counts_stand_beneath_a_chart(most: int) -> None:
    for width in WIDTHS:
        counts = [most * n // (width - 1) for n in range(width)]
        found = labels(count_labels(counts, width))
        assert len(found) >= 3, f"{width} cells: {found}"
        for start, label in found:
            count = int(label.replace(",", ""))
            under = counts[max(0, start - 1) : start + len(label)]
            assert under[0] <= count <= under[-1]


@pytest.mark.parametrize("lines", [3, 4, 5, 6, 7, 8, 9, 11, 14, 20, 33, 50])
def test_values_beside_a_chart_are_three_and_an_equal_step_apart(lines: int) -> None:
    for low, size in product((-13.37, 0.0, 0.00012345, 9_950.4, 68_450.76), range(10, 100, 3)):
        high = low + max(abs(low), 1.0) * size / 1000
        ticks = Scale.around(low, high, lines).ticks()
        places, values = [*ticks], [*ticks.values()]
        assert len(ticks) >= 3, f"{low} to {high}"
        steps = [above - below for below, above in pairwise(values)]
        assert max(steps) - min(steps) < max(steps) * 1e-6, "none is left out"
        apart = [below - above for below, above in pairwise(places)]
        assert min(apart) >= (2 if lines >= 12 else 1), "none stands right on another"
        assert max(apart) - min(apart) <= 1


@pytest.mark.parametrize("lines", range(5, 16))
def test_values_stand_equally_many_lines_apart_where_some_round_ones_do(lines: int) -> None:
    """11,500 was one line above 11,000, and 10,500 two below it."""
    for low, size in product((9_950.4, 68_450.76, 0.0), range(10, 200, 3)):
        scale = Scale.around(low, low + max(low, 1.0) * size / 1000, lines)
        ticks = scale.ticks()
        apart = {below - above for below, above in pairwise(ticks)}
        if len(apart) == 1 or min(apart) >= 4:  # of so many one more is not seen
            continue
        steps = [10.0**power * factor for power in range(-4, 5) for factor in (1, 2, 2.5, 4, 5)]
        for step in steps:
            first, last = math.ceil(scale.low / step), math.floor(scale.high / step)
            if not 3 <= last - first + 1 <= lines / 2:
                continue
            rows = [scale.line(number * step) for number in range(first, last + 1)]
            even = {below - above for below, above in pairwise(rows)}
            assert len(even) > 1 or min(even) < 2, f"{step} of {ticks}"


def test_time_since_a_beginning_is_told_in_days_or_what_they_are_too_long_for() -> None:
    def told(longest: int) -> list[str]:
        times = [longest * column // 79 for column in range(80)]
        return since_labels(times, 80).split()

    assert told(90 * DAY) == ["day", "0", "20", "40", "60", "80"]
    assert told(36 * HOUR) == ["hour", "0", "10", "20", "30"]
    assert told(5 * MINUTE)[:3] == ["minute", "0", "1"]
    assert told(0) == []


@pytest.mark.parametrize("zone", ZONES, ids=str)
@pytest.mark.parametrize("span", SPANS)
def test_two_lines_of_the_same_time_beside_each_other_tell_the_same_moments(
    span: int, zone: tzinfo
) -> None:
    for widths in ((49, 34), (60, 45), (110, 80), (44, 40)):
        lines = [columns(span, width) for width in widths]
        told, alone = (
            [[label for _, label in labels(line)] for line in written]
            for written in (
                [
                    time_labels(one, len(one), zone, beside=other)
                    for one, other in (lines, lines[::-1])
                ],
                [time_labels(one, len(one), zone) for one in lines],
            )
        )
        assert all(len(one) >= min(3, len(other)) for one, other in zip(told, alone, strict=True))
        assert told[0] == told[1] or len(alone[1]) < 3, widths
