"""The part that all feeds which follow a venue for one session have in common."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Protocol

from core.market.candles.candles import Candles
from core.market.candles.timeframes import Timeframe
from core.market.feeds.delivery import FundingWatch
from core.market.feeds.feed import Ended, EventSink, FeedError, FeedEvent
from core.market.feeds.sequence import CandleSequence
from core.market.filters import MarketFilters
from core.market.history.candle_history import CandleHistory
from core.market.symbols import is_perpetual


class Followed(Protocol):
    """One market that is being followed; what happens in it goes to the feed's sink."""

    def start(self) -> None:
        """Begin to follow."""
        ...

    async def stop(self) -> None:
        """Follow no more."""
        ...


class VenueFeed(ABC):
    """A `Feed` of one venue; how a market is followed is the subclass's to say.

    `history` and the API behind it may be shared by several feeds, and outlive them.
    """

    def __init__(self, history: CandleHistory) -> None:
        self._history = history
        self._api = history.api
        self._sink: EventSink | None = None
        self._followed: dict[tuple[str, Timeframe], Followed] = {}
        self._closed = asyncio.Event()

    async def history(self, symbol: str, timeframe: Timeframe, count: int) -> Candles:
        """See `Feed.history`."""
        return await self._history.latest(symbol, timeframe, count)

    async def subscribe(
        self,
        symbol: str,
        timeframe: Timeframe,
        *,
        after: int | None = None,
        quotes: bool = False,
        funding: bool = False,
    ) -> None:
        """See `Feed.subscribe`."""
        if self._closed.is_set():
            raise FeedError("the feed has been closed")
        if (symbol, timeframe) in self._followed:
            raise FeedError(f"{symbol} {timeframe} is followed already")
        await self._api.check_timeframe(timeframe)
        found = await self._history.patiently(lambda: self._api.market(symbol))
        if found.get("active") is False:
            raise FeedError(f"{symbol} does not trade on {self._api.name} at present")
        now = await self._history.time()
        known = timeframe.floor(now) - timeframe.ms if after is None else timeframe.floor(after)
        expected = known + timeframe.ms
        # Funding at the open of the first candle to come is not known yet: it counts.
        watch = FundingWatch(symbol, expected - 1) if funding and is_perpetual(symbol) else None
        followed = self._follow(CandleSequence(symbol, timeframe, expected), watch, quotes=quotes)
        self._followed[symbol, timeframe] = followed
        if self._sink is not None:
            followed.start()

    @abstractmethod
    def _follow(
        self, sequence: CandleSequence, funding: FundingWatch | None, *, quotes: bool
    ) -> Followed:
        """The follower of a sequence's market, not started yet. It puts its events by `_put`."""

    async def run(self, sink: EventSink) -> None:
        """See `Feed.run`."""
        self._sink = sink
        for followed in self._followed.values():
            followed.start()
        await self._closed.wait()
        sink.put(Ended("the feed was closed"))

    async def filters(self, symbol: str) -> MarketFilters:
        """See `Feed.filters`."""
        return await self._history.patiently(lambda: self._api.filters(symbol))

    def known(self, symbol: str) -> Candles | None:
        """None: they are still to come."""
        return None

    def now(self) -> int:
        """See `Feed.now`."""
        return self._api.clock.now()

    async def close(self) -> None:
        """See `Feed.close`."""
        if self._closed.is_set():
            return
        for followed in self._followed.values():
            await followed.stop()
        self._followed.clear()
        self._closed.set()

    def _put(self, event: FeedEvent) -> None:
        """Hand an event of a market that is followed to the session."""
        if self._sink is not None:
            self._sink.put(event)
