"""Moments are complete as early as they can be, in order, whatever the symbols' paces."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from core.market.candles.candle import Candle
from core.session.alignment import Alignment, Moment, moments_of


def candle(time: int) -> Candle:
    return Candle(time, 1.0, 1.0, 1.0, 1.0, 1.0)


def times(moments: list[Moment]) -> list[int]:
    return [moment.time for moment in moments]


def test_a_moment_waits_for_the_slowest_symbol() -> None:
    alignment = Alignment(2, in_step=False)
    alignment.candle(0, candle(1))
    alignment.candle(0, candle(2))
    assert not list(alignment.ready())
    alignment.gap(1, 1)
    (moment,) = alignment.ready()
    assert moment.candles == (candle(1), None)
    alignment.candle(1, candle(2), backfilled=True)
    (moment,) = alignment.ready()
    assert moment == Moment(2, (candle(2), candle(2)), backfilled=True)


def test_in_step_a_later_candle_completes_the_moments_before_it() -> None:
    alignment = Alignment(3, in_step=True)
    alignment.candle(0, candle(1))
    assert not list(alignment.ready())
    alignment.candle(1, candle(2))
    assert times(list(alignment.ready())) == [1]
    alignment.end()
    assert times(list(alignment.ready())) == [2]


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), max_size=20), st.randoms())
def test_candles_taken_together_give_the_same_moments_as_one_by_one(
    present: list[list[bool]], random: Random
) -> None:
    together, single = (Alignment(3, in_step=True) for _ in range(2))
    found: list[Moment] = []
    expected: list[Moment] = []
    for time, row in enumerate(present):
        candles = [candle(time) if here else None for here in row]
        apart = random.random() < 0.2
        for slot, one in enumerate(candles):
            if one is not None:
                single.candle(slot, one)
                if apart:
                    together.candle(slot, one)
        if not apart:
            together.row(candles)
        found += together.ready()
        expected += single.ready()
    for alignment, moments in ((together, found), (single, expected)):
        alignment.end()
        moments.extend(alignment.ready())
    assert found == expected


@given(st.lists(st.sets(st.integers(0, 30)), min_size=1, max_size=5), st.randoms())
def test_any_interleaving_gives_the_moments_of_the_whole(
    opens: list[set[int]], random: Random
) -> None:
    columns = [[candle(time) for time in sorted(some)] for some in opens]
    waiting = [(slot, one) for slot, column in enumerate(columns) for one in column]
    random.shuffle(waiting)
    queues = [list(column) for column in columns]
    alignment, found = Alignment(len(columns), in_step=False), list[Moment]()
    for slot, _ in waiting:
        alignment.candle(slot, queues[slot].pop(0))
        found += alignment.ready()
    alignment.end()
    found += alignment.ready()
    assert found == list(moments_of(columns))
    assert times(found) == sorted(set().union(*opens))
