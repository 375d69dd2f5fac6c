"""The machine's clock, and moments as text: ISO 8601 in UTC for programs, shorter for readers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from time import time_ns

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 24 * 60 * 60 * 1_000  # ms
LATEST = 253_402_300_799_999
"""The end of the year 9999, UTC ms: no later moment can be written."""


def wall_clock() -> int:
    """The machine's time, UTC ms."""
    return time_ns() // 1_000_000


def day_begin(time: int, zone: tzinfo = UTC) -> int:
    """When the day of a zone began that a moment lies in; both UTC ms."""
    if zone is UTC:
        return time - time % _DAY
    moment = (_EPOCH + timedelta(milliseconds=time)).astimezone(zone)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return (midnight.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)


def iso_time(time: int) -> str:
    """UTC milliseconds as `2024-01-31T04:00:00Z`, with milliseconds only where there are some."""
    moment = _EPOCH + timedelta(milliseconds=time)
    text = moment.isoformat(timespec="milliseconds" if time % 1000 else "seconds")
    return text.removesuffix("+00:00") + "Z"


def iso_times(times: Iterable[int]) -> Iterator[str]:
    """`iso_time` of each, in a fifth of the time where they are the opens of candles."""
    for time in times:
        day, rest = divmod(time, _DAY)
        yield _day_text(day) + _clock_text(rest)


@lru_cache
def _day_text(day: int) -> str:
    return iso_time(day * _DAY).partition("T")[0]


@lru_cache(maxsize=24 * 60)
def _clock_text(time: int) -> str:
    return iso_time(time)[len("1970-01-01") :]


def optional_iso_time(time: int | None) -> str | None:
    """`iso_time`, or None where no moment is known."""
    return None if time is None else iso_time(time)


def parse_time(text: str) -> int:
    """UTC milliseconds of an ISO 8601 text; one without a zone, or a bare date, is UTC.

    Raises:
        ValueError: where `text` is not ISO 8601, or outside the years 1 to 9999.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not UTC:
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        try:
            moment = moment.astimezone(UTC)
        except OverflowError as error:
            raise ValueError(f"{text} lies outside the years 1 to 9999 in UTC") from error
    since = moment - _EPOCH
    return since.days * _DAY + since.seconds * 1_000 + since.microseconds // 1_000


def short_time(time: int) -> str:
    """UTC milliseconds as a reader's `2024-01-31 04:00`."""
    return (_EPOCH + timedelta(milliseconds=time)).strftime("%Y-%m-%d %H:%M")


def short_date(time: int, zone: tzinfo = UTC) -> str:
    """UTC milliseconds as a reader's `2024-01-31`, the day of a zone."""
    return (_EPOCH + timedelta(milliseconds=time)).astimezone(zone).strftime("%Y-%m-%d")


def shown_seconds(seconds: float) -> int:
    """A span of at least 0 to the second, minute or hour to which `short_duration` writes it."""
    rest = round(seconds)
    smallest = 3_600 if rest >= 86_400 else 60 if rest >= 3_600 else 1
    return (rest + smallest // 2) // smallest * smallest


def short_duration(seconds: float) -> str:
    """A span as its two largest units, to the nearest of the smaller: `2d 4h`, `3h 05m`, `12s`."""
    if round(seconds) < 0:
        return "-" + short_duration(-seconds)
    rest = shown_seconds(seconds)
    parts: list[str] = []
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count:02d}{unit}" if parts and unit == "m" else f"{count}{unit}")
        if parts and (len(parts) == 2 or not count):
            break
    return " ".join(parts) or "0s"


def iso_or_number(time: int) -> str:
    """A time (UTC ms) as ISO 8601, or as the number itself where no calendar reaches."""
    try:
        return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(time)
