"""Reads a moment as a person writes it: `18:30`, `tomorrow 9:00`, `24 dec 18:00`, `in 2h`.

A day without a year is the next such one, a time without a day the next time that clocks show it.
An ISO 8601 time is read too. Nothing is guessed: a day needs a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from core.market.candles.durations import SpanError, parse_duration
from core.schedule.triggers import TriggerError

EXAMPLES = ("18:30", "tomorrow 9:00", "fri 9:00", "24 dec 18:00", "in 2h")
_CLOCK = re.compile(r"(\d{1,2})(?::(\d{2}))? ?(am|pm)?")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december"),
)
_SHORTEST = 3  # letters of a day's or month's name
_UNITS = (
    (r"weeks?", "w"),
    (r"days?", "d"),
    (r"hours?|hrs?", "h"),
    (r"minutes?|mins?", "m"),
    (r"seconds?|secs?", "s"),
)
_WEEKS = re.compile(r"(\d+)w")
_YEARS_ON = 8  # within which the 29th of February comes again
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_moment(text: str, now: int, zone: tzinfo) -> int:
    """The moment (UTC ms) that `text` means at `now` (UTC ms) to somebody whose clock shows `zone`.

    Raises:
        TriggerError: it means none.
    """
    words = " ".join(text.lower().split())
    if (length := _length(words)) is not None:
        return now + length
    try:
        here = (_EPOCH + timedelta(milliseconds=now)).astimezone(zone)
        written = _iso(text.strip()) or _next(words, here)
        if written.tzinfo is not None:
            return _since_epoch(written)
        moment, again = _shown(written, zone)
        if moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != written:
            raise TriggerError(f"when: clocks are put forward over {written:%d %b %Y %H:%M}")
        return _since_epoch(again if _since_epoch(moment) <= now else moment)
    except OverflowError as error:
        raise TriggerError(f"when: {text!r} lies beyond the calendar") from error


def _length(words: str) -> int | None:
    """Milliseconds of `in 2 hours`, `in 1h30m` or `2h`, None where it is something else."""
    short = words.removeprefix("in ")
    for word, unit in _UNITS:
        short = re.sub(rf"(?<=\d) ?(?:{word})\b", unit, short)
        short = re.sub(rf"\ban? (?:{word})\b", f"1{unit}", short)
    short = _WEEKS.sub(lambda weeks: f"{float(weeks[1]) * 7:.0f}d", short.replace(" and ", ""))
    try:
        return parse_duration(short.replace(" ", ""))
    except SpanError as error:
        if words.startswith("in "):
            raise TriggerError(f"when: {error}") from error
        return None


def _iso(text: str) -> datetime | None:
    try:
        written = datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        date.fromisoformat(text)
    except ValueError:
        return written
    raise TriggerError(f"when: at what time? Write {text} 09:00")


def _shown(written: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """When clocks show it: the same twice, but in the hour that is told again as they go back."""
    return written.replace(tzinfo=zone, fold=0), written.replace(tzinfo=zone, fold=1)


def _next(words: str, here: datetime) -> datetime:
    """The next moment of `words` after `here`, as clocks of the same zone show it."""
    zone, shown = here.tzinfo or UTC, here.replace(tzinfo=None, fold=0)
    day, _, _ = words.rpartition(" ")
    clock = _CLOCK.fullmatch(words.removeprefix(day).strip())
    if clock is None or not (clock[2] or clock[3]):
        if words and next(_dates(words, here.date()), None) is not None:
            raise TriggerError(f"when: at what time? Write {words} 9:00")
        day, _, half = day.rpartition(" ")  # `9 am` are two words
        clock = _CLOCK.fullmatch(words.removeprefix(day).strip()) if half else None
    at = None if clock is None else _time(clock)
    if at is not None:
        for found in _dates(day.removesuffix(" at"), here.date()):
            moment = datetime.combine(found, at)
            _, again = _shown(moment, zone)
            later = _since_epoch(again) > _since_epoch(here)  # of one zone `>` is of what is shown
            if moment > shown or later or day in ("today", "today at"):
                return moment
    raise TriggerError(f"when: expected such as {', '.join(EXAMPLES)}, found {words!r}")


def _time(clock: re.Match[str]) -> time | None:
    hour, minute, half = int(clock[1]), int(clock[2] or 0), clock[3]
    if half is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (half == "pm")
    elif clock[2] is None:
        return None
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _dates(words: str, today: date) -> Iterator[date]:
    """The dates that `words` may mean, the nearest first."""
    named = next((n for n, name in enumerate(_DAYS) if _short_for(words, name)), None)
    if words in ("", "today", "at"):
        yield today
        if words != "today":
            yield today + timedelta(1)
    elif words == "tomorrow":
        yield today + timedelta(1)
    elif named is not None:
        first = today + timedelta((named - today.weekday()) % 7)
        yield from (first, first + timedelta(7))
    else:
        yield from _days_of_month(words.replace(",", " ").split(), today)


def _days_of_month(words: list[str], today: date) -> Iterator[date]:
    numbers = [word for word in words if word.isdecimal()]
    names = [word for word in words if not word.isdecimal()]
    months = [n for name in names for n, month in enumerate(_MONTHS, 1) if _short_for(name, month)]
    if len(names) != 1 or len(months) != 1 or not 1 <= len(numbers) <= 2:
        return
    years = range(today.year, today.year + _YEARS_ON + 1)
    for year in years if len(numbers) == 1 else (numbers[1],):
        try:
            yield date(int(year), months[0], int(numbers[0]))
        except ValueError:  # no such day in that year, or a number of thousands of digits
            continue


def _short_for(word: str, name: str) -> bool:
    return len(word) >= _SHORTEST and name.startswith(word)


def _since_epoch(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
