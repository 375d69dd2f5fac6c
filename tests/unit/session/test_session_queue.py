"""One queue stands between a feed and its engine: it stays short, and loses only stale prices."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from core.market.candles.candle import Candle
from core.market.candles.timeframes import Timeframe
from core.market.feeds.feed import (
    CandleClosed,
    Ended,
    EventSink,
    FeedEvent,
    FundingRate,
    Gap,
    PriceSeen,
    Revised,
)
from core.session.engine import EngineContext
from core.session.session_queue import Item, SessionCommand, SessionQueue, Tick
from tests.unit.session.scripted import TestFeed
from tests.unit.session.sessions import RSI, Bench
from tests.unit.session.test_live_engine import LIVE, decided, feed_of, living
from tests.waiting import until


def price(symbol: str, time: int) -> PriceSeen:
    return PriceSeen(symbol, time, None, None, 1.0)


def candle(symbol: str, time: int) -> CandleClosed:
    return CandleClosed(symbol, Timeframe.M1, Candle(time, 1, 1, 1, 1, 1))


def taken(queue: SessionQueue) -> list[Item]:
    return [queue.next_at_once() for _ in range(len(queue))]


def test_a_slow_engine_finds_the_newest_price_of_each_symbol() -> None:
    queue = SessionQueue()
    for event in (price("A", 1), price("B", 2), price("A", 3)):
        queue.put(event)
    assert taken(queue) == [price("A", 3), price("B", 2)]


def test_no_price_moves_to_the_other_side_of_what_is_no_price() -> None:
    old = Candle(0, 1, 1, 1, 1, 1)
    others: list[FeedEvent] = [
        candle("A", 0),
        candle("B", 0),
        Gap("A", Timeframe.M1, 60_000, 120_000, "nobody has them"),
        FundingRate("A", 5, 0.1),
        Revised("A", Timeframe.M1, old, old._replace(close=2)),
    ]
    queue, put = SessionQueue(), list[FeedEvent]()
    for number, other in enumerate(others):
        put += [price("A", number), other]
    for event in put:
        queue.put(event)
    assert taken(queue) == put


def test_a_quick_engine_gets_every_price() -> None:
    queue = SessionQueue()
    for time in range(3):
        queue.put(price("A", time))
        assert taken(queue) == [price("A", time)]


async def test_a_price_after_a_command_stays_after_it() -> None:
    queue = SessionQueue()
    queue.put(price("A", 1))
    asking = asyncio.create_task(queue.ask("flatten", None, False))
    await asyncio.sleep(0)
    queue.put(price("A", 2))
    before, command, after = taken(queue)
    assert (before, after) == (price("A", 1), price("A", 2))
    assert isinstance(command, SessionCommand)
    queue.obeyed(command)
    queue.committed()
    assert await asking is True


def test_an_idle_engine_is_nudged_once() -> None:
    queue = SessionQueue()
    for _ in range(5):
        queue.nudge()
    (only,) = taken(queue)
    assert isinstance(only, Tick)


async def test_room_waits_until_the_engine_has_worked_off_what_waits() -> None:
    queue = SessionQueue()
    for time in range(10):
        queue.put(candle("A", time))
    waiting = asyncio.create_task(queue.room(below=10))
    await asyncio.sleep(0)
    for left in range(9, 0, -1):
        queue.next_at_once()
        await asyncio.sleep(0)
        assert waiting.done() == (left < 5)
    await waiting


async def test_five_thousand_prices_leave_one_a_symbol_waiting_and_no_candle_is_lost(
    tmp_path: Path,
) -> None:
    feed = feed_of()
    feed.hasty = True
    taking, held = asyncio.Event(), asyncio.Event()
    held.set()
    turns = 0

    async def turn() -> None:  # one for each item that the engine takes from its queue
        nonlocal turns
        turns += 1
        taking.set()
        await held.wait()

    class Holding(Bench):
        def context(self) -> EngineContext:
            return replace(super().context(), turn=turn)

    bench = Holding(tmp_path)
    engine = bench.new(bench.record(RSI, **LIVE), feed)
    async with living(engine):
        held.clear()
        taking.clear()
        feed.price(100.0)
        await taking.wait()  # the engine is busy from now on
        for number in range(5_000):
            feed.price(100.0 + number / 5_000)
            if number % 1_000 == 0:
                feed.candle(250 + number // 1_000)
            if number % 100 == 0:
                await asyncio.sleep(0)
        await until(lambda: feed.drained)
        before = turns
        held.set()
        await decided(engine, feed.candles["BTC/USDT"].at(254).time)
        assert engine.handler is not None
        prices = engine.handler.prices
        await until(lambda: prices["BTC/USDT"].last == 100.0 + 4_999 / 5_000)
        assert turns - before <= 2 * 5 + 1  # a candle each, and a price on either side of it
        assert not engine.handler.gaps


async def test_a_feed_that_breaks_ends_the_session_with_its_words(tmp_path: Path) -> None:
    class Broken(TestFeed):
        async def run(self, sink: EventSink) -> None:
            raise RuntimeError("out of paper")

    queue = SessionQueue()
    await queue.listen(Broken(feed_of().candles, 250))
    assert taken(queue) == [Ended("RuntimeError: out of paper")]
