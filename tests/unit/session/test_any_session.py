"""Any strategy, however its candles arrive: a session makes the trades of the backtest.

Candles come twice, out of order, or never, and the session is restarted in between; what the
backtest is given are the candles there were, in order.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.backtest.run import run_backtest
from core.market.candles.candles import Candles
from core.market.candles.timeframes import Timeframe
from core.market.feeds.feed import CandleClosed, FeedEvent, Gap
from core.market.feeds.sequence import CandleSequence
from core.report.result import RunResult
from core.session.engine import Engine
from core.strategy.config.canonical import config_to_dict
from core.strategy.config.config import StrategyConfig
from tests.unit.backtest.test_every_driver import strategies
from tests.unit.session.scripted import TestFeed
from tests.unit.session.sessions import SPAN, Bench, market, without
from tests.unit.session.test_live_engine import LIVE, decided, living, runner_of
from tests.unit.store.disks import UnsyncedDisk

KNOWN, COUNT, WARM_UP = 250, 340, 200
"""Candles before the session begins, and in all; the last one is never missing."""


@dataclass(frozen=True)
class Arrival:
    """How the candles come: which never, in what disorder, with restarts after which of them."""

    candles: dict[str, Candles]
    restarts: tuple[int, ...]
    disorder: random.Random


@st.composite
def sessions(draw: st.DrawFn) -> tuple[StrategyConfig, Arrival]:
    symbols = ["BTC/USDT:USDT", "ETH/USDT:USDT"][: draw(st.integers(1, 2))]
    seed = draw(st.integers(0, 2**16))
    places = st.integers(KNOWN, COUNT - 2)
    candles = {
        symbol: without(market(COUNT, seed + n), *draw(st.sets(places, max_size=6)))
        for n, symbol in enumerate(symbols)
    }
    restarts = tuple(sorted(draw(st.sets(places, max_size=3))))
    config = draw(strategies(candles, "5m"))
    return config, Arrival(candles, restarts, random.Random(seed))


def said(symbol: str, candles: Candles, start: int, disorder: random.Random) -> list[FeedEvent]:
    """What a live feed says when the candles from `start` on arrive in disorder, some twice."""
    line = CandleSequence(symbol, Timeframe.M5, start)
    table = list(candles.slice(int(np.searchsorted(candles.time, start))))
    arriving = [one for one in table for _ in range(disorder.choice((1, 1, 2)))]
    # Neighbours change places, as they do when a back-fill and a stream run side by side.
    keys = {id(one): place + disorder.uniform(0, 4) for place, one in enumerate(arriving)}
    events: list[FeedEvent] = []
    for candle in sorted(arriving, key=lambda one: keys[id(one)]):
        events += line.closed(candle, backfilled=disorder.random() < 0.2)
    while line.hole is not None:
        events += line.give_up("nobody has it")
    return events


async def outcome(root: Path, config: StrategyConfig, arrival: Arrival) -> RunResult:
    """What the session comes to."""
    bench = Bench(root, UnsyncedDisk())
    feed = TestFeed(arrival.candles, KNOWN)
    record = bench.record(config_to_dict(config), **LIVE)
    engine = bench.new(record, feed)
    begin = int(next(iter(arrival.candles.values())).time[0])
    for until_place in (*arrival.restarts, COUNT - 1):
        result = await lived(engine, feed, arrival, begin + until_place * SPAN)
        bench.restart()
        feed = TestFeed(arrival.candles, until_place + 1)
        engine = await bench.again(feed)
    return result


async def lived(engine: Engine, feed: TestFeed, arrival: Arrival, last: int) -> RunResult:
    """Let the engine live until the moment `last`, or the last before it that has a candle."""
    async with living(engine):
        for symbol, candles in arrival.candles.items():
            after = feed.subscribed[symbol]
            start = feed.time if after is None else after + SPAN
            events = said(symbol, candles, start, arrival.disorder)
            feed.say(*(one for one in events if _time(one) <= last))
        there = [candles.time[candles.time <= last][-1] for candles in arrival.candles.values()]
        await decided(engine, int(min(there)))
        for _ in range(50):
            await asyncio.sleep(0)
        result: RunResult = runner_of(engine).result(())
    return result


def _time(event: FeedEvent) -> int:
    assert isinstance(event, CandleClosed | Gap)
    return event.candle.time if isinstance(event, CandleClosed) else event.last


@pytest.mark.fuzz
@settings(max_examples=25)
@given(sessions())
def test_however_its_candles_arrive(session: tuple[StrategyConfig, Arrival]) -> None:
    config, arrival = session
    with tempfile.TemporaryDirectory() as folder:
        paper = asyncio.run(outcome(Path(folder), config, arrival))
    first = KNOWN - WARM_UP
    seen = {symbol: candles.slice(first) for symbol, candles in arrival.candles.items()}
    begin = int(next(iter(arrival.candles.values())).time[0]) + KNOWN * SPAN
    backtest = run_backtest(config, seen, decide_from=begin)
    assert paper.trades == backtest.trades
    assert paper.open_trades == backtest.open_trades
    assert paper.times.tolist() == backtest.times.tolist()
    assert paper.equity.tolist() == backtest.equity.tolist()
