"""What all sessions on one venue share.

Connections, the venue's clock, its markets, the candle cache, and back-fills: ten sessions on one
market that lost the same connection ask for the missing candles once.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from core.market.candles.candle import Candle
from core.market.candles.timeframes import Timeframe
from core.market.feeds.streams.streams import MarketStreams, Pace
from core.market.history.candle_history import CandleHistory, FetchPatience
from core.market.history.exchange_api import ExchangeApi
from core.market.tasks import cancelled
from core.market.venues.clock import ServerClock
from core.market.venues.dialect import VenueDialect


class Backfill:
    """Closed candles from a time on, asked for once however many wait for the answer."""

    def __init__(self, api: ExchangeApi, settle: float) -> None:
        self._api = api
        self._settle = int(settle * 1000)
        self._asked: dict[tuple[str, Timeframe, int], asyncio.Task[list[Candle]]] = {}

    async def since(self, symbol: str, timeframe: Timeframe, start: int) -> list[Candle]:
        """Closed candles that open at `start` or later.

        Raises:
            FeedError: if the exchange does not give them now.
        """
        key = (symbol, timeframe, start)
        task = self._asked.get(key)
        if task is None:
            task = asyncio.create_task(self._fetch(*key), name=f"back-fill {symbol} {timeframe}")
            self._asked[key] = task
            task.add_done_callback(lambda _: self._asked.pop(key, None))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Give up what is being asked for."""
        await cancelled(*self._asked.values())

    async def _fetch(self, symbol: str, timeframe: Timeframe, start: int) -> list[Candle]:
        size = await self._api.page_size(symbol)
        # The time is asked for first: a candle that closes between the two answers is left out.
        closed_before = timeframe.floor(await self._api.server_time() - self._settle)
        found: list[Candle] = []
        cursor = start
        while cursor < closed_before:
            page = await self._api.candles(symbol, timeframe, cursor, size)
            found += [candle for candle in page if candle.time < closed_before]
            if not page or page[-1].time + timeframe.ms <= cursor:
                break
            cursor = page[-1].time + timeframe.ms
        return found


class VenueGateway:
    """One venue as all sessions of a host see it. Bound to one event loop."""

    def __init__(
        self,
        dialect: VenueDialect,
        cache_folder: Path | None = None,
        *,
        pace: Pace | None = None,
        patience: FetchPatience | None = None,
    ) -> None:
        self.dialect = dialect
        self.clock = ServerClock(own_time=dialect.own_time)
        self.api = dialect.api(self.clock)
        self.streams = MarketStreams(dialect, self.clock, pace)
        self.history = CandleHistory(self.api, cache_folder, patience=patience)
        self.backfill = Backfill(self.api, self.history.patience.settle)

    async def close(self) -> None:
        """End everything. May be called more than once."""
        await self.streams.close()
        await self.backfill.close()
        await self.api.close()
