"""How does a session get live prices from Binance, or from an exchange that speaks like it?"""

from __future__ import annotations

from collections.abc import AsyncIterator

from core.market.candles import Candles
from core.market.feed import Ended, FeedError, FeedEvent
from core.market.filters import MarketFilters
from core.market.follower import Follower, FollowPace
from core.market.funding_watch import FundingWatch
from core.market.inbox import Inbox
from core.market.market_desk import BinanceMarket
from core.market.symbols import is_perpetual
from core.market.timeframes import Timeframe


class LiveFeed:
    """Public streams with REST back-fill, for one session. Implements `core.market.feed.Feed`.

    `market` is shared by all sessions of the host, and outlives the feed.
    """

    def __init__(self, market: BinanceMarket, pace: FollowPace | None = None) -> None:
        self._market = market
        self._pace = pace or FollowPace()
        self._inbox = Inbox()
        self._followers: dict[tuple[str, Timeframe], Follower] = {}
        self._closed = False

    async def history(self, symbol: str, timeframe: Timeframe, count: int) -> Candles:
        """See `Feed.history`."""
        return await self._market.history.latest(symbol, timeframe, count)

    async def subscribe(
        self,
        symbol: str,
        timeframe: Timeframe,
        *,
        after: int | None = None,
        quotes: bool = False,
        funding: bool = False,
    ) -> None:
        """See `Feed.subscribe`. The last price comes with the candles' stream, asked for or not."""
        if self._closed:
            raise FeedError("the feed has been closed")
        if (symbol, timeframe) in self._followers:
            raise FeedError(f"{symbol} {timeframe} is followed already")
        found = await self._market.history.patiently(lambda: self._market.api.market(symbol))
        if found.get("active") is False:
            raise FeedError(f"{symbol} does not trade on {self._market.venue.name} at present")
        now = await self._market.history.patiently(self._market.api.server_time)
        known = timeframe.floor(now) - timeframe.ms if after is None else timeframe.floor(after)
        expected = known + timeframe.ms
        follower = Follower(
            self._market,
            self._inbox,
            symbol,
            timeframe,
            expected,
            self._pace,
            quotes=quotes,
            # Funding at the open of the first candle to come is not known yet: it counts.
            funding=FundingWatch(symbol, expected - 1)
            if funding and is_perpetual(symbol)
            else None,
        )
        self._followers[symbol, timeframe] = follower
        follower.start()

    async def events(self) -> AsyncIterator[FeedEvent]:
        """See `Feed.events`."""
        while True:
            event = await self._inbox.get()
            yield event
            if isinstance(event, Ended):
                return

    async def filters(self, symbol: str) -> MarketFilters:
        """See `Feed.filters`."""
        return await self._market.history.patiently(lambda: self._market.api.filters(symbol))

    def now(self) -> int:
        """See `Feed.now`."""
        return self._market.clock.now()

    async def close(self) -> None:
        """See `Feed.close`. The shared market stays open."""
        if self._closed:
            return
        self._closed = True
        for follower in self._followers.values():
            await follower.stop()
        self._followers.clear()
        self._inbox.put(Ended("the feed was closed"))
