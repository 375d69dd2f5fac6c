"""When is a job due?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.market.candles.timeframes import DAY, HOUR
from core.schedule.triggers import (
    At,
    Cron,
    Every,
    Trigger,
    TriggerError,
    at,
    cron_trigger,
    describe,
    every,
    next_due,
    period,
)
from core.time_format import LATEST, iso_time, parse_time

WEEK = 7 * 86_400
NOON = parse_time("2026-02-10T12:00:00Z")


@pytest.mark.parametrize(
    ("trigger", "due"),
    [
        (Every(14_400, NOON), "2026-02-10T16:00:00Z"),
        (Every(14_400, NOON - 5 * HOUR), "2026-02-10T15:00:00Z"),
        (Every(14_400, NOON + HOUR), "2026-02-10T17:00:00Z"),
        (Cron("0 10 * * *"), "2026-02-11T10:00:00Z"),
        (Cron("0 10 11 2 *"), "2026-02-11T10:00:00Z"),
        (Cron("0 12 * * *"), "2026-02-11T12:00:00Z"),
        (Cron("0 9 * * 1"), "2026-02-16T09:00:00Z"),
        (At(NOON + 1_000), "2026-02-10T12:00:01Z"),
    ],
)
def test_the_next_due_time(trigger: Trigger, due: str) -> None:
    found = next_due(trigger, NOON)
    assert found is not None
    assert iso_time(found) == due


def test_a_time_that_has_come_is_never_due_again() -> None:
    assert next_due(At(NOON), NOON) is None


@given(st.integers(10, 10**6), st.integers(0, 10**12), st.integers(-(10**11), 10**12))
def test_every_is_due_ahead_and_within_one_length_once_it_has_begun(
    seconds: int, since: int, later: int
) -> None:
    after = since + later
    due = next_due(Every(seconds, since), after)
    assert due is not None
    assert due > after
    assert (due - since) % (seconds * 1_000) == 0
    assert due - after <= seconds * 1_000 or due == since + seconds * 1_000


@pytest.mark.parametrize(
    "expression",
    ["", "* * * *", "0 25 * * *", "@daily", "0 0 30 2 *", "x", "0 0 * * 9", "* * * * * *"],
)
def test_what_is_no_cron_expression_is_refused_with_what_is(expression: str) -> None:
    with pytest.raises(TriggerError, match="five fields"):
        cron_trigger(expression)


def test_an_expression_without_an_end_is_refused_and_none_is_due_after_all_years() -> None:
    with pytest.raises(TriggerError, match="at most 300 fit"):
        cron_trigger(",".join(["1"] * 20_000) + " * * * *")
    assert next_due(Cron("0 0 L * *"), LATEST) is None


@pytest.mark.parametrize("seconds", [0, -5, 9, 10**9])
def test_an_interval_that_is_too_short_or_too_long_is_refused(seconds: int) -> None:
    with pytest.raises(TriggerError, match="expected 10 seconds"):
        every(seconds, NOON)


def test_a_time_that_has_passed_is_refused() -> None:
    with pytest.raises(TriggerError, match="2026-02-09 12:00 UTC has passed"):
        at(NOON - DAY, NOON)


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        (Every(14_400, NOON), "every 4h"),
        (Cron("0 10 11 2 *"), "At 10:00 on February 11 (UTC)"),
        (At(NOON), "at 2026-02-10 12:00 UTC"),
    ],
)
def test_a_trigger_is_told_in_words(trigger: Trigger, words: str) -> None:
    assert describe(trigger) == words


@pytest.mark.parametrize(
    ("trigger", "seconds"),
    [
        (Every(14_400, NOON), 14_400),
        (Cron("*/15 * * * *"), 900),
        (Cron("0 10 * * *"), 86_400),
        (Cron("0 9 * * 1"), WEEK),
        (Cron("0 0 */31 2 1#5"), float("inf")),  # the first day is never the fifth Monday
        (At(NOON), None),
    ],
)
def test_how_far_apart_the_runs_are(trigger: Trigger, seconds: float | None) -> None:
    assert period(trigger) == seconds


def test_runs_on_working_days_are_further_apart_than_a_day_and_closer_than_a_week() -> None:
    assert 86_400 < (period(Cron("0 9 * * 1-5")) or 0) < WEEK
