"""How do events wait for a reader who is slower than the market?"""

from __future__ import annotations

import asyncio
from collections import deque

from core.market.feeds.feed import FeedEvent, PriceSeen


class Inbox:
    """Events in the order they were put in, for one reader on the same event loop.

    Of a symbol's prices that nothing else came after, only the newest waits: a slow reader finds
    fewer prices, but every candle, and no price on the other side of a candle than it was.
    """

    def __init__(self) -> None:
        self._waiting: deque[list[FeedEvent]] = deque()  # one event each, replaceable
        self._newest_prices: dict[str, list[FeedEvent]] = {}
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, event: FeedEvent) -> None:
        """Add an event."""
        if isinstance(event, PriceSeen):
            place = self._newest_prices.get(event.symbol)
            if place is not None:
                place[0] = event
                return
            place = [event]
            self._newest_prices[event.symbol] = place
        else:
            place = [event]
            self._newest_prices.clear()
        self._waiting.append(place)
        self._arrived.set()

    async def get(self) -> FeedEvent:
        """The oldest event; waits for one."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        (event,) = place = self._waiting.popleft()
        if isinstance(event, PriceSeen) and self._newest_prices.get(event.symbol) is place:
            del self._newest_prices[event.symbol]
        return event
