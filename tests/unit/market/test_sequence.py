"""However candles arrive, they are said once, in order, and nothing is lost without a word."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from core.market.candles.candle import Candle
from core.market.candles.timeframes import MINUTE, Timeframe
from core.market.feeds.feed import CandleClosed, FeedEvent, Gap, Revised
from core.market.feeds.sequence import CandleSequence, in_order


def candle(minute: int, close: float = 1.0) -> Candle:
    return Candle(minute * MINUTE, 1.0, 2.0, 0.5, close, 1.0)


def sequence(expected: int = 0) -> CandleSequence:
    return CandleSequence("BTC/USDT", Timeframe.M1, expected * MINUTE)


def minutes(events: list[FeedEvent]) -> list[int]:
    return [event.candle.time // MINUTE for event in events if isinstance(event, CandleClosed)]


@given(st.permutations(range(8)), st.lists(st.integers(0, 7), max_size=8))
def test_any_order_with_any_duplicates_gives_one_order(
    arrival: list[int], duplicates: list[int]
) -> None:
    line = sequence()
    said: list[FeedEvent] = []
    for minute in [*arrival, *duplicates]:
        said += line.closed(candle(minute), backfilled=False)
    assert minutes(said) == list(range(8))
    assert len(said) == 8


@given(st.sets(st.integers(0, 20), min_size=1), st.randoms(use_true_random=False))
def test_every_minute_is_either_a_candle_or_in_a_gap(present: set[int], random: Random) -> None:
    line = sequence()
    arrival = sorted(present)
    random.shuffle(arrival)
    said: list[FeedEvent] = []
    for minute in arrival:
        said += line.closed(candle(minute), backfilled=True)
    while line.hole is not None:
        said += line.give_up("nobody has it")
    covered: list[int] = []
    for event in said:
        if isinstance(event, CandleClosed):
            covered.append(event.candle.time // MINUTE)
        elif isinstance(event, Gap):
            covered += range(event.first // MINUTE, event.last // MINUTE + 1)
    assert covered == list(range(max(present) + 1))
    assert set(minutes(said)) == present


def test_candles_before_the_first_expected_one_are_not_said() -> None:
    line = sequence(5)
    assert line.closed(candle(4), backfilled=True) == []
    assert minutes(line.closed(candle(5), backfilled=False)) == [5]


def test_a_candle_seen_as_it_closed_outranks_the_fetched_one() -> None:
    line = sequence()
    line.closed(candle(1, close=1.5), backfilled=True)
    line.closed(candle(1, close=1.25), backfilled=False)
    line.closed(candle(1, close=1.75), backfilled=True)
    events = line.closed(candle(0), backfilled=True)
    assert [e.candle.close for e in events if isinstance(e, CandleClosed)] == [1.0, 1.25]


def test_a_revision_is_said_once_and_the_candle_not_again() -> None:
    line = sequence()
    line.closed(candle(0), backfilled=False)
    revised = candle(0, close=1.5)
    assert line.closed(revised, backfilled=True) == [
        Revised("BTC/USDT", Timeframe.M1, candle(0), revised)
    ]
    assert line.closed(revised, backfilled=True) == []


def test_a_candle_that_comes_after_it_was_given_up_is_not_said() -> None:
    line = sequence()
    line.closed(candle(2), backfilled=False)
    line.give_up("nobody has them")
    assert line.closed(candle(1), backfilled=True) == []


def test_what_nothing_waits_behind_is_given_up_only_as_far_as_said() -> None:
    line = sequence()
    assert line.give_up("nobody has them") == []
    (gap,) = line.give_up("it does not trade", 3 * MINUTE)
    assert isinstance(gap, Gap)
    assert (gap.first, gap.last) == (0, 2 * MINUTE)
    assert line.give_up("it does not trade", 3 * MINUTE) == []
    assert minutes(line.closed(candle(3), backfilled=True)) == [3]


def test_candles_that_are_all_known_come_with_the_gaps_between_them() -> None:
    known = [candle(minute) for minute in (2, 3, 6)]
    events = list(in_order("BTC/USDT", Timeframe.M1, known, 0, "the file has none"))
    assert [type(event) for event in events] == [Gap, CandleClosed, CandleClosed, Gap, CandleClosed]
    gaps = [(event.first, event.last) for event in events if isinstance(event, Gap)]
    assert gaps == [(0, MINUTE), (4 * MINUTE, 5 * MINUTE)]
    first = next(in_order("BTC/USDT", Timeframe.M1, known, None, "the file has none"))
    assert isinstance(first, CandleClosed)
