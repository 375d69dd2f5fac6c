"""A feed that says what a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import numpy as np

from core.market.candles.candles import Candle, Candles
from core.market.candles.timeframes import Timeframe
from core.market.feeds.feed import (
    Ended,
    EventSink,
    FeedError,
    FeedEvent,
    Gap,
    PriceSeen,
    UnavailableError,
)
from core.market.feeds.sequence import CandleSequence
from core.market.filters import NO_FILTERS, MarketFilters
from tests.unit.session.sessions import SPAN
from tests.waiting import until


class TestFeed:
    """A live market known up to candle number `known`; everything later is said by the test."""

    __test__ = False

    def __init__(self, candles: Mapping[str, Candles], known: int) -> None:
        self.candles = candles
        self.time = int(next(iter(candles.values())).time[0]) + known * SPAN
        self.subscribed: dict[str, int | None] = {}
        self.unreachable = 0  # how often the last symbol cannot be followed
        self.silent = 0  # how often the venue does not answer at all
        self.hasty = False  # whether it puts prices before the engine has seen those before them
        self.closed = False
        self._lines: dict[str, CandleSequence] = {}
        self._events: asyncio.Queue[FeedEvent] = asyncio.Queue()

    async def history(self, symbol: str, timeframe: Timeframe, count: int) -> Candles:
        self._answer()
        table = self.candles[symbol]
        stop = int(np.searchsorted(table.time, self.time - SPAN, side="right"))
        return table.slice(max(0, stop - count), stop)

    async def subscribe(
        self,
        symbol: str,
        timeframe: Timeframe,
        *,
        after: int | None = None,
        quotes: bool = False,
        funding: bool = False,
    ) -> None:
        if symbol in self.subscribed:
            raise FeedError(f"{symbol} is followed already")
        if self.unreachable and symbol == list(self.candles)[-1]:
            self.unreachable -= 1
            raise UnavailableError("the venue does not answer")
        self.subscribed[symbol] = after

    async def run(self, sink: EventSink) -> None:
        while True:
            event = await self._events.get()
            if not self.hasty:
                await sink.room(below=1)
            sink.put(event)
            if isinstance(event, Ended):
                return

    async def filters(self, symbol: str) -> MarketFilters:
        self._answer()
        if symbol not in self.candles:
            raise FeedError(f"there is no market {symbol}")
        return NO_FILTERS

    def known(self, symbol: str) -> Candles | None:
        return None

    def now(self) -> int:
        return self.time

    async def close(self) -> None:
        self.closed = True

    def _answer(self) -> None:
        if self.silent:
            self.silent -= 1
            raise UnavailableError("the venue does not answer")

    @property
    def drained(self) -> bool:
        """Whether everything said so far has reached the session's queue."""
        return self._events.empty()

    def say(self, *events: FeedEvent) -> None:
        """Say these things."""
        for event in events:
            self._events.put_nowait(event)

    def candle(self, place: int, symbol: str = "BTC/USDT", *, backfilled: bool = False) -> Candle:
        """Let candle number `place` of a symbol close."""
        candle = self.candles[symbol].at(place)
        self.time = max(self.time, candle.time + SPAN)
        line = self._lines.get(symbol)
        if line is None:
            after = self.subscribed.get(symbol)
            expected = candle.time if after is None else after + SPAN
            line = self._lines[symbol] = CandleSequence(symbol, Timeframe.M5, expected)
        self.say(*line.closed(candle, backfilled=backfilled))
        if line.hole is not None:
            self.say(*line.give_up("the feed passed over them"))
        return candle

    def price(self, price: float, symbol: str = "BTC/USDT") -> None:
        """Let a price be seen, a second from now."""
        self.time += 1_000
        self.say(PriceSeen(symbol, self.time, price, price, price))

    def gap(self, first: Candle, last: Candle, symbol: str = "BTC/USDT") -> None:
        """Say that candles are missing for good."""
        if symbol in self._lines:
            self._lines[symbol].expected = last.time + SPAN
        self.say(Gap(symbol, Timeframe.M5, first.time, last.time, "nobody has them"))


async def subscribed(*feeds: TestFeed) -> None:
    """Return once sessions follow all the feeds."""
    await until(lambda: all(feed.subscribed for feed in feeds))
