"""Reads durations such as 90m and periods such as 6m before now.

Durations count fixed lengths (m or min is minutes), periods calendar days (m or mo is months): what
is spelt out means the same wherever it is taken, and a bare m is told in words.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, date, datetime, time, timedelta

from core.market.candles.timeframes import DAY, HOUR, MINUTE
from core.time_format import short_time

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(min|[smhd])")
LONGEST_DURATION = 36_500 * DAY
"""A century, in ms: nobody means more."""
_DURATION_UNITS = {"s": 1_000, "m": MINUTE, "min": MINUTE, "h": HOUR, "d": DAY}
_PERIOD = re.compile(r"([1-9]\d{0,4})(mo|[dwmy])")
_PERIOD_WORDS = {"d": "day", "w": "week", "m": "month", "mo": "month", "y": "year"}
_TO = ".."  # between the dates of a period
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SpanError(ValueError):
    """A text is not a length of time; the message says what would be."""


def parse_duration(text: str) -> int:
    """Milliseconds of `30s`, `90m` or `90min`, `4h`, `7d` or several of them (`1d12h`).

    Raises:
        SpanError: if `text` is none of these, no time at all, or more than a century.
    """
    if "M" in text and _DURATION.search(text.lower()):  # as timeframes and periods have a month
        raise SpanError(
            f"{text!r} may mean minutes or months: write {text.replace('M', 'min')!r} for minutes, "
            "and months as days, such as 30d"
        )
    parts = _DURATION.findall(text.strip().lower())
    if not parts or "".join(count + unit for count, unit in parts) != text.strip().lower():
        raise SpanError(
            f"{text!r} is not a duration: write a number and s, m or min (minutes), h or d, "
            "such as 4h"
        )
    length = sum(float(count) * _DURATION_UNITS[unit] for count, unit in parts)
    if length > LONGEST_DURATION:  # also of so many digits that it is infinite
        raise SpanError(f"{text!r} is too long: a duration is at most 100 years (36500d)")
    if round(length) <= 0:
        raise SpanError(f"{text!r} is no time at all: a duration must be above 0")
    return round(length)


def period_start(text: str, end: int) -> int:
    """When a period of `10d`, `2w`, `6m` or `6mo`, or `1y` that ends at `end` begins, both UTC ms.

    Months and years are the calendar's: one month before 31 March is the last of February.

    Raises:
        SpanError: if `text` is none of these, or reaches back beyond 1970.
    """
    match = _matched(text)
    count, unit = int(match[1]), match[2]
    if unit in "dw":
        start = end - count * (DAY if unit == "d" else 7 * DAY)
    else:
        start = _months_before(end, count * (12 if unit == "y" else 1))
    if start < 0:
        raise SpanError(f"a period of {text} begins before 1970, when no market had candles")
    return start


def period_span(text: str, now: int) -> tuple[int, int]:
    """From when to when a period is, UTC ms: one that ends `now`, or `2026-01-01..2026-03-31`.

    Of dates the last is in it, as far as it is over; without a last one all is until now.

    Args:
        text: as it was written.
        now: the moment up to which there may be candles.

    Raises:
        SpanError: if `text` is neither, ends before it begins, or begins before 1970 or not before
            `now`.
    """
    if (days := _days(text)) is None:
        return period_start(text, now), now
    first, last = (_day(text, day) for day in days)
    if first is None:
        raise SpanError(_no_period(text))
    end = now if last is None else min(last + DAY, now)
    if first < 0:
        raise SpanError(f"a period of {text} begins before 1970, when no market had candles")
    if last is not None and last < first:
        raise SpanError(f"a period of {text} ends before it begins")
    if first >= now:
        raise SpanError(
            f"a period of {text} begins after the candles end, which are until "
            f"{short_time(now)} UTC"
        )
    return first, end


def _days(text: str) -> tuple[str, str] | None:
    """The first and the last day that a period names, as written; None where it is a length."""
    first, to, last = text.partition(_TO)
    return (first.strip(), last.strip()) if to else None


def _day(text: str, day: str) -> int | None:
    """When a day of a period begins, UTC ms; None where it has none there."""
    if not day:
        return None
    try:
        begin = datetime.combine(date.fromisoformat(day), time(), UTC)
    except ValueError:
        raise SpanError(_no_period(text)) from None
    return (begin - _EPOCH) // timedelta(milliseconds=1)


def _no_period(text: str) -> str:
    return (
        f"{text!r} is not a period: write a number and d, w, m or mo (months) or y, such as 6mo, "
        "or two dates, such as 2026-01-01..2026-03-31"
    )


def _matched(text: str) -> re.Match[str]:
    match = _PERIOD.fullmatch(text.strip().lower())
    if match is None:
        raise SpanError(_no_period(text))
    return match


def period_in_words(text: str, now: str = "now") -> str:
    """Which candles a period takes: `the 6 months until now` for `6m`, which is no minutes.

    `now`: what the end of one without a last day is called.

    Raises:
        SpanError: if `text` is no period.
    """
    if (days := _days(text)) is not None:
        first, last = days
        return f"from {first} to {f'the end of {last}' if last else now}, UTC"
    match = _matched(text)
    word = _PERIOD_WORDS[match[2]]
    return f"the {match[1]} {word}{'s'[: match[1] != '1']} until {now}"


def in_words(length: int) -> str:
    """A length in ms in words: `1 day 12 hours`, `1 minute`; seconds are rounded."""
    parts, rest = [], round(length / 1_000)
    for word, seconds in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        count, rest = divmod(rest, seconds)
        if count:
            parts.append(f"{count} {word}{'s'[: count > 1]}")
    return " ".join(parts)


def _months_before(end: int, months: int) -> int:
    moment = _EPOCH + timedelta(milliseconds=end)
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    if year < 1:
        return -1
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    start = moment.replace(year=year, month=month + 1, day=day)
    return (start - _EPOCH) // timedelta(milliseconds=1)
