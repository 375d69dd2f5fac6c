"""When a job is due: functions of a trigger and a time. Nothing here knows what time it is.

All times are UTC milliseconds, and cron expressions are read in UTC.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice

import msgspec
from cronsim import CronSim, CronSimError

from core.time_format import LATEST, short_duration, short_time

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
SHORTEST_SECONDS = 10
_LONGEST_SECONDS = 366 * 86_400
_CRON_FIELDS = 5
_LONGEST_EXPRESSION = 300  # characters
_AVERAGED = 25  # runs; a day's hours, a year's months and some weeks' days end well before


class TriggerError(ValueError):
    """A trigger cannot be understood; the message says what was expected."""


class Every(msgspec.Struct, frozen=True, tag="every"):
    """Due every `seconds` after `since`; runs that were slept through are not made up for."""

    seconds: int
    since: int


class Cron(msgspec.Struct, frozen=True, tag="cron"):
    """Due whenever the five fields of `expression`, minute hour day month weekday, match in UTC."""

    expression: str


class At(msgspec.Struct, frozen=True, tag="at"):
    """Due once, at `time`."""

    time: int


Trigger = Every | Cron | At


def every(seconds: int, since: int) -> Every:
    """A checked `Every`.

    Raises:
        TriggerError: if `seconds` is not between ten seconds and a year.
    """
    if not SHORTEST_SECONDS <= seconds <= _LONGEST_SECONDS:
        raise TriggerError(
            f"every {seconds} seconds: expected {SHORTEST_SECONDS} seconds to a year"
        )
    return Every(seconds, since)


def cron_trigger(expression: str) -> Cron:
    """A checked `Cron`.

    Raises:
        TriggerError: if `expression` is not a cron expression.
    """
    if len(expression) > _LONGEST_EXPRESSION:
        raise TriggerError(
            f"cron expression of {len(expression)} characters: at most {_LONGEST_EXPRESSION} fit"
        )
    fields = expression.split()
    text = " ".join(fields)
    try:
        CronSim(text, _EPOCH)
        # A sixth field would be seconds, below the shortest interval.
        why = None if len(fields) == _CRON_FIELDS else f"it has {len(fields)} fields"
    except CronSimError as error:
        why = str(error).lower()
    if why is not None:
        raise TriggerError(
            f"cron expression {expression[:40]!r}: {why}; expected five fields, minute hour day "
            "month weekday, such as '0 10 * * *' for every day at 10:00 UTC"
        )
    return Cron(text)


def at(time: int, now: int) -> At:
    """A checked `At`.

    Raises:
        TriggerError: if `time` has passed.
    """
    if time <= now:
        raise TriggerError(f"{short_time(time)} UTC has passed: it is {short_time(now)} UTC")
    return At(time)


def checked(trigger: Trigger) -> Trigger:
    """A trigger that was read from a file.

    Raises:
        TriggerError: it could not have been made.
    """
    match trigger:
        case Every(seconds, since):
            _in_range(since + seconds * 1_000)
            return every(seconds, _in_range(since))
        case Cron(expression):
            return cron_trigger(expression)
        case At(time):
            return At(_in_range(time))


def _in_range(time: int) -> int:
    if not 0 <= time <= LATEST:
        raise TriggerError(f"the time {time} lies outside the years 1970 to 9999")
    return time


def next_due(trigger: Trigger, after: int) -> int | None:
    """The first time later than `after` at which `trigger` is due, None if there is none."""
    match trigger:
        case Every(seconds, since):
            length = seconds * 1_000
            return since + max(1, (after - since) // length + 1) * length
        case Cron(expression):
            try:
                moment = next(CronSim(expression, _EPOCH + timedelta(milliseconds=after)), None)
            except OverflowError:  # beyond the year 9999
                moment = None
            return None if moment is None else (moment - _EPOCH) // _MILLISECOND
        case At(time):
            return time if time > after else None


@lru_cache
def period(trigger: Trigger) -> float | None:
    """Seconds from one run to the next, of a cron expression on average; None of what is once.

    Of runs since 1970, so that it does not change as time passes.
    """
    match trigger:
        case Every(seconds, _):
            return seconds
        case Cron(expression):
            runs = [run.timestamp() for run in islice(CronSim(expression, _EPOCH), _AVERAGED)]
            return (runs[-1] - runs[0]) / (len(runs) - 1) if len(runs) > 1 else math.inf
        case At():
            return None


def same_times(one: Trigger, other: Trigger) -> bool:
    """Whether two triggers ask for the same, whenever each of them was made."""
    if isinstance(one, Every) and isinstance(other, Every):
        return one.seconds == other.seconds
    return one == other


def describe(trigger: Trigger) -> str:
    """A trigger in words: `every 4h`, `At 10:00 every day (UTC)`, `at 2026-02-11 10:00 UTC`."""
    match trigger:
        case Every(seconds, _):
            return f"every {short_duration(seconds)}"
        case Cron(expression):
            return f"{CronSim(expression, _EPOCH).explain()} (UTC)"
        case At(time):
            return f"at {short_time(time)} UTC"
