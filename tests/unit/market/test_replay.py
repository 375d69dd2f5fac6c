"""A replayed file is a feed like any other: in order, complete, at the speed asked for."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from core.market.candles.candles import Candle, Candles
from core.market.candles.timeframes import MINUTE, Timeframe
from core.market.feeds.feed import (
    CandleClosed,
    CandlesClosed,
    Ended,
    FeedError,
    FeedEvent,
    Gap,
    PriceSeen,
)
from core.market.feeds.replay import ReplayFeed
from tests.waiting import until

BTC, ETH = "BTC/USDT", "ETH/USDT"


def candles(*minutes: int, price: float = 100.0) -> Candles:
    return Candles.of(
        Candle(minute * MINUTE, price, price + 1, price - 1, price + minute, 1.0)
        for minute in minutes
    )


class Sink:
    """Takes everything; with `most`, has no room for more than so many until they are taken."""

    def __init__(self, most: int | None = None) -> None:
        self.events: list[FeedEvent] = []
        self.most = most

    def put(self, event: FeedEvent) -> None:
        self.events.append(event)

    async def room(self, below: int = 0) -> None:
        while self.most is not None and len(self.events) >= self.most:
            await asyncio.sleep(0)


async def told(feed: ReplayFeed) -> list[FeedEvent]:
    sink = Sink()
    await feed.run(sink)
    return sink.events


def closes(events: list[FeedEvent]) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for event in events:
        if isinstance(event, CandleClosed):
            found.append((event.symbol, event.candle.time // MINUTE))
        elif isinstance(event, CandlesClosed):
            found += [(symbol, candle.time // MINUTE) for symbol, candle in event.candles]
    return found


async def test_every_candle_is_said_once_in_order_and_then_the_replay_ends() -> None:
    feed = ReplayFeed({BTC: candles(0, 1, 2)}, Timeframe.M1)
    await feed.subscribe(BTC, Timeframe.M1)
    events = await told(feed)
    assert closes(events) == [(BTC, 0), (BTC, 1), (BTC, 2)]
    assert events[-1] == Ended("the data ends")
    assert feed.now() == 3 * MINUTE


async def test_one_moments_candles_come_together_in_the_order_of_subscription() -> None:
    feed = ReplayFeed({BTC: candles(0, 1, 2), ETH: candles(1, 2, 3)}, Timeframe.M1)
    await feed.subscribe(ETH, Timeframe.M1)
    await feed.subscribe(BTC, Timeframe.M1)
    assert closes(await told(feed)) == [(BTC, 0), (ETH, 1), (BTC, 1), (ETH, 2), (BTC, 2), (ETH, 3)]


async def test_the_same_is_told_of_symbols_that_have_all_candles_in_common() -> None:
    whole = ReplayFeed({BTC: candles(0, 1, 2), ETH: candles(0, 1, 2, price=5)}, Timeframe.M1)
    longer = ReplayFeed({BTC: candles(0, 1, 2), ETH: candles(0, 1, 2, 3, price=5)}, Timeframe.M1)
    for feed in (whole, longer):
        for symbol in (ETH, BTC):
            await feed.subscribe(symbol, Timeframe.M1)
    assert (await told(whole))[:-1] == (await told(longer))[:-2]
    assert whole.now() == 3 * MINUTE


async def test_missing_candles_are_a_gap_before_the_next_candle() -> None:
    feed = ReplayFeed({BTC: candles(0, 4)}, Timeframe.M1)
    await feed.subscribe(BTC, Timeframe.M1)
    events = await told(feed)
    gap = events[1]
    assert isinstance(gap, Gap)
    assert (gap.first, gap.last, gap.count) == (MINUTE, 3 * MINUTE, 3)
    assert closes(events) == [(BTC, 0), (BTC, 4)]


async def test_a_restarted_replay_goes_on_after_the_last_known_candle() -> None:
    feed = ReplayFeed({BTC: candles(0, 1, 2, 3)}, Timeframe.M1)
    await feed.subscribe(BTC, Timeframe.M1, after=MINUTE)
    assert closes(await told(feed)) == [(BTC, 2), (BTC, 3)]


async def test_a_gap_right_after_the_last_known_candle_is_said() -> None:
    feed = ReplayFeed({BTC: candles(0, 1, 3)}, Timeframe.M1)
    await feed.subscribe(BTC, Timeframe.M1, after=MINUTE)
    assert isinstance((await told(feed))[0], Gap)


async def test_history_knows_only_what_has_closed_by_now() -> None:
    feed = ReplayFeed({BTC: candles(0, 1, 2, 3)}, Timeframe.M1)
    await feed.subscribe(BTC, Timeframe.M1)
    assert len(await feed.history(BTC, Timeframe.M1, 10)) == 0
    sink = Sink(most=2)
    running = asyncio.create_task(feed.run(sink))
    await until(lambda: len(sink.events) == 2)
    assert [c.time // MINUTE for c in await feed.history(BTC, Timeframe.M1, 10)] == [0, 1]
    assert [c.time // MINUTE for c in await feed.history(BTC, Timeframe.M1, 1)] == [1]
    sink.most = None
    await running
    assert closes(sink.events) == [(BTC, 0), (BTC, 1), (BTC, 2), (BTC, 3)]


async def test_speed_paces_the_candles_by_the_given_clock() -> None:
    seconds = 0.0
    naps: list[float] = []

    async def sleep(duration: float) -> None:
        nonlocal seconds
        naps.append(duration)
        seconds += duration

    feed = ReplayFeed(
        {BTC: candles(0, 1, 5)}, Timeframe.M1, speed=60, monotonic=lambda: seconds, sleep=sleep
    )
    await feed.subscribe(BTC, Timeframe.M1)
    await told(feed)
    assert naps == pytest.approx([1, 1, 4])


async def test_closing_ends_a_replay_that_waits_for_its_next_candle() -> None:
    feed = ReplayFeed({BTC: candles(0, 1)}, Timeframe.M1, speed=0.001)
    await feed.subscribe(BTC, Timeframe.M1)
    reading = asyncio.create_task(told(feed))
    await asyncio.sleep(0)
    await feed.close()
    assert isinstance((await asyncio.wait_for(reading, 5))[-1], Ended)


async def test_prices_are_said_where_they_are_asked_for() -> None:
    feed = ReplayFeed({BTC: candles(0)}, Timeframe.M1)
    await feed.subscribe(BTC, Timeframe.M1, quotes=True)
    assert (await told(feed))[0] == PriceSeen(BTC, 0, None, None, 100.0)


async def test_what_the_file_does_not_hold_is_refused_in_words() -> None:
    feed = ReplayFeed({BTC: candles(0)}, Timeframe.M1)
    with pytest.raises(FeedError, match="no candles of ETH/USDT; it has BTC/USDT"):
        await feed.subscribe(ETH, Timeframe.M1)
    with pytest.raises(FeedError, match="holds 1m candles, 5m was asked for"):
        await feed.subscribe(BTC, Timeframe.M5)
    with pytest.raises(FeedError, match="above 0"):
        ReplayFeed({}, Timeframe.M1, speed=0)


async def test_full_speed_leaves_room_for_other_tasks() -> None:
    times = np.arange(2_000, dtype=np.int64) * MINUTE
    ones = np.ones(2_000)
    feed = ReplayFeed({BTC: Candles(times, ones, ones, ones, ones, ones)}, Timeframe.M1)
    await feed.subscribe(BTC, Timeframe.M1)
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await told(feed)
    task.cancel()
    assert turns >= 10
