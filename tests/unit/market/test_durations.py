"""Are lengths of time read as people write them, and anything else refused?"""

from __future__ import annotations

import pytest

from core.market.candles.durations import (
    SpanError,
    in_words,
    parse_duration,
    period_in_words,
    period_span,
    period_start,
)
from core.market.candles.timeframes import DAY, HOUR, MINUTE
from core.time_format import iso_time, parse_time


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("30s", 30_000),
        ("90m", 90 * MINUTE),
        ("90min", 90 * MINUTE),
        ("1h5min", 65 * MINUTE),
        ("4h", 4 * HOUR),
        ("7d", 7 * DAY),
        ("1d12h", 36 * HOUR),
        ("1.5h", 90 * MINUTE),
        (" 4H ", 4 * HOUR),
    ],
)
def test_a_duration_is_read(text: str, length: int) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "text", ["", "4", "h", "4w", "-4h", "4h x", "0s", "1e3h", "6 months", "1mo", "99999d"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(SpanError, match="duration"):
        parse_duration(text)


@pytest.mark.parametrize(("text", "meant"), [("1M", "1min"), ("1d 90M", "1d 90min")])
def test_what_may_be_months_is_not_taken_for_minutes(text: str, meant: str) -> None:
    with pytest.raises(SpanError, match=f"minutes or months: write '{meant}' for minutes"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "end", "start"),
    [
        ("10d", "2024-03-11T04:00:00Z", "2024-03-01T04:00:00Z"),
        ("2w", "2024-03-15", "2024-03-01T00:00:00Z"),
        ("6m", "2024-03-15T12:00:00Z", "2023-09-15T12:00:00Z"),
        ("1m", "2024-03-31", "2024-02-29T00:00:00Z"),
        ("1mo", "2024-03-31", "2024-02-29T00:00:00Z"),
        ("1y", "2024-02-29", "2023-02-28T00:00:00Z"),
        ("14m", "2024-01-31", "2022-11-30T00:00:00Z"),
    ],
)
def test_a_period_begins_where_the_calendar_says(text: str, end: str, start: str) -> None:
    assert iso_time(period_start(text, parse_time(end))) == start


@pytest.mark.parametrize("text", ["", "6", "m", "0d", "6 months", "90s", "1min", "1.5y", "99y"])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(SpanError):
        period_start(text, parse_time("2024-03-15"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1m", "1 minute"),
        ("36h", "1 day 12 hours"),
        ("90s", "1 minute 30 seconds"),
        ("2d", "2 days"),
    ],
)
def test_a_duration_is_told_in_words(text: str, words: str) -> None:
    assert in_words(parse_duration(text)) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1m", "the 1 month until now"),
        ("6mo", "the 6 months until now"),
        ("2w", "the 2 weeks until now"),
        ("1y", "the 1 year until now"),
        ("2026-01-01 .. 2026-03-31", "from 2026-01-01 to the end of 2026-03-31, UTC"),
        ("2026-01-01..", "from 2026-01-01 to now, UTC"),
    ],
)
def test_a_period_is_told_in_words(text: str, words: str) -> None:
    assert period_in_words(text) == words


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("6mo", "2023-09-15T00:00:00Z", "2024-03-15T00:00:00Z"),
        ("2024-01-01..2024-01-31", "2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z"),
        ("2024-01-01 .. 2024-01-01", "2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"),
        ("2024-01-01..", "2024-01-01T00:00:00Z", "2024-03-15T00:00:00Z"),
        ("2024-01-01..2030-01-01", "2024-01-01T00:00:00Z", "2024-03-15T00:00:00Z"),
    ],
)
def test_a_period_is_before_now_or_between_two_dates(text: str, start: str, end: str) -> None:
    first, last = period_span(text, parse_time("2024-03-15"))
    assert (iso_time(first), iso_time(last)) == (start, end)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("..", "is not a period"),
        ("..2024-01-01", "is not a period"),
        ("2024-02-30..", "is not a period"),
        ("2024-02-01..2024-01-01", "ends before it begins"),
        ("2024-04-01..", "begins after the candles end, which are until 2024-03-15 00:00 UTC"),
        ("2024-03-15..2024-03-15", "begins after the candles end"),
        ("6mo..", "is not a period"),
        ("1969-01-01..", "begins before 1970"),
    ],
)
def test_dates_that_are_no_period_are_refused(text: str, told: str) -> None:
    """What is past may lie after all candles of a file: that its days have not begun is untrue."""
    with pytest.raises(SpanError, match=told):
        period_span(text, parse_time("2024-03-15"))
