"""Which moment does somebody mean?"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.market.candles.timeframes import DAY, HOUR, MINUTE
from core.schedule.moments import EXAMPLES, read_moment
from core.schedule.triggers import TriggerError
from core.time_format import iso_time, parse_time

NOW = parse_time("2025-11-22T14:02:11Z")  # a Saturday, 15:02 in Berlin
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("18:30", "2025-11-22T17:30:00Z"),
        ("15:02", "2025-11-23T14:02:00Z"),  # eleven seconds ago
        ("9am", "2025-11-23T08:00:00Z"),
        ("12 am", "2025-11-22T23:00:00Z"),
        ("12:30 PM", "2025-11-23T11:30:00Z"),
        ("today 18:30", "2025-11-22T17:30:00Z"),
        ("today 8:00", "2025-11-22T07:00:00Z"),  # past, and refused by the trigger as such
        ("Tomorrow 9:00", "2025-11-23T08:00:00Z"),
        ("tomorrow at 6:30pm", "2025-11-23T17:30:00Z"),
        ("fri 9:00", "2025-11-28T08:00:00Z"),
        ("saturday 16:00", "2025-11-22T15:00:00Z"),
        ("saturday 9:00", "2025-11-29T08:00:00Z"),
        ("24 Dec 18:00", "2025-12-24T17:00:00Z"),
        ("july 1 2026 18:00", "2026-07-01T16:00:00Z"),
        ("1 jul, 2026 18:00", "2026-07-01T16:00:00Z"),
        ("1 nov 9:00", "2026-11-01T08:00:00Z"),
        ("29 feb 10:00", "2028-02-29T09:00:00Z"),
        ("in 2 hours", "2025-11-22T16:02:11Z"),
        ("in an hour", "2025-11-22T15:02:11Z"),
        ("in 1 day and 2 hours", "2025-11-23T16:02:11Z"),
        ("in 1h30m", "2025-11-22T15:32:11Z"),
        ("90m", "2025-11-22T15:32:11Z"),
        ("in 2 weeks", "2025-12-06T14:02:11Z"),
        ("2026-12-24T18:00", "2026-12-24T17:00:00Z"),
        ("2026-12-24 18:00Z", "2026-12-24T18:00:00Z"),
    ],
)
def test_a_moment_is_read_as_people_write_it(text: str, moment: str) -> None:
    assert iso_time(read_moment(text, NOW, BERLIN)) == moment


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "expected such as 18:30"),
        ("soon", "expected such as 18:30"),
        ("18", "expected such as 18:30"),
        ("25:00", "expected such as 18:30"),
        ("13pm", "expected such as 18:30"),
        ("tomorrow 9", "expected such as 18:30"),
        ("31 feb 10:00", "expected such as 18:30"),
        ("sometime 9:00", "expected such as 18:30"),
        ("tomorrow", "at what time"),
        ("fri", "at what time"),
        ("24 dec", "at what time"),
        ("in a while", "not a duration"),
        ("in 999999d", "100 years"),
        ("29 mar 2026 2:30", "clocks are put forward"),
        ("0001-01-01 00:00", "beyond the calendar"),
        ("2026-12-24", "at what time. Write 2026-12-24 09:00"),
        ("20261224", "at what time"),
        ("2026-W10", "at what time"),
        (f"24 dec {'9' * 5_000} 9:00", "expected such as 18:30"),
        (f"in {'9' * 5_000} weeks", "not a duration"),
        (f"in {'9' * 5_000}h", "100 years"),
    ],
)
def test_what_means_no_moment_is_refused_with_what_would(text: str, why: str) -> None:
    with pytest.raises(TriggerError, match=why):
        read_moment(text, NOW, BERLIN)


@pytest.mark.parametrize(
    ("now", "text", "moment"),
    [
        ("00:10", "2:45", "2025-10-26T00:45:00Z"),
        ("00:10", "2:05", "2025-10-26T01:05:00Z"),
        ("00:50", "2:45", "2025-10-26T01:45:00Z"),
        ("00:50", "26 oct 2:45", "2025-10-26T01:45:00Z"),
        ("01:15", "2:45", "2025-10-26T01:45:00Z"),
        ("01:15", "today 2:45", "2025-10-26T01:45:00Z"),
        ("01:15", "2025-10-26 02:45", "2025-10-26T01:45:00Z"),
        ("01:50", "2:45", "2025-10-27T01:45:00Z"),
    ],
)
def test_in_the_hour_that_clocks_show_twice_the_next_one_is_meant(
    now: str, text: str, moment: str
) -> None:
    at = parse_time(f"2025-10-26T{now}:00Z")
    assert iso_time(read_moment(text, at, BERLIN)) == moment


def test_what_a_form_offers_is_read() -> None:
    assert all(read_moment(text, NOW, UTC) > NOW for text in EXAMPLES)


@given(st.integers(MINUTE, 364 * DAY), st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"]))
def test_a_moment_as_the_screen_writes_it_is_that_moment_again(ahead: int, name: str) -> None:
    zone = ZoneInfo(name)
    due = (NOW + ahead) // MINUTE * MINUTE
    local = datetime.fromtimestamp(due / 1_000, zone)
    allowed = {due, due - HOUR} if local.fold else {due}  # an hour that clocks show twice
    for written in (f"{local:%Y-%m-%d %H:%M}", f"{local:%d %b %H:%M}", f"{local:%d %B %Y %H:%M}"):
        assert read_moment(written, NOW, zone) in allowed
