"""How does a candle file become a feed, at any speed?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from itertools import count as count_from

import numpy as np

from core.market.candles.candles import Candle, Candles
from core.market.candles.timeframes import Timeframe
from core.market.feeds.feed import CandleClosed, Ended, FeedError, FeedEvent, Gap, PriceSeen
from core.market.filters import NO_FILTERS, MarketFilters

_BREATH = (
    200  # candles at full speed between two turns of the event loop, so that it stays responsive
)


class ReplayFeed:
    """Candles of a file, said as if they closed now. Implements `core.market.feeds.feed.Feed`.

    `speed`: times real time; None for as fast as the reader takes them. The candles of one moment
    come together, in the order of subscription. `monotonic` (seconds) and `sleep` pace the replay.
    """

    def __init__(
        self,
        candles: Mapping[str, Candles],
        timeframe: Timeframe,
        *,
        speed: float | None = None,
        monotonic: Callable[[], float] | None = None,
        sleep: Callable[[float], Coroutine[None, None, None]] = asyncio.sleep,
    ) -> None:
        if speed is not None and not speed > 0:
            raise FeedError(f"speed must be above 0 or 'max', not {speed:g}")
        self._candles = dict(candles)
        self._timeframe = timeframe
        self._speed = speed
        self._monotonic = monotonic or (lambda: asyncio.get_running_loop().time())
        self._sleep = sleep
        self._after: dict[str, int | None] = {}
        self._quoted: set[str] = set()
        self._closed = asyncio.Event()
        starts = [int(table.time[0]) for table in self._candles.values() if len(table)]
        self._now = min(starts, default=0)

    async def history(self, symbol: str, timeframe: Timeframe, count: int) -> Candles:
        """The last `count` candles of the file closed at `now()`."""
        table = self._table(symbol, timeframe)
        stop = int(np.searchsorted(table.time, self._now - timeframe.ms, side="right"))
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
        """Follow a symbol of the file, from its first candle or from the one after `after`.

        With `quotes`, each candle's open is also said as a price, before the candle.
        """
        self._table(symbol, timeframe)
        self._after[symbol] = after
        if quotes:
            self._quoted.add(symbol)

    async def events(self) -> AsyncIterator[FeedEvent]:
        """The subscribed candles in order of time, then `Ended`."""
        started = self._monotonic()
        began: int | None = None
        for number, (moment, events) in zip(count_from(1), self._moments(), strict=False):
            if self._speed is None:
                if number % _BREATH == 0:
                    await self._sleep(0)
            else:
                if began is None:
                    began = moment - self._timeframe.ms
                due = started + (moment - began) / 1000 / self._speed
                await self._sleep_unless_closed(due - self._monotonic())
            if self._closed.is_set():
                yield Ended("the replay was closed")
                return
            self._now = moment
            for event in events:
                yield event
        yield Ended("the data ends")

    async def filters(self, symbol: str) -> MarketFilters:
        """None: a candle file does not tell them."""
        return NO_FILTERS

    def now(self) -> int:
        """The close of the last candle said (UTC ms)."""
        return self._now

    async def close(self) -> None:
        """End the replay before its data does."""
        self._closed.set()

    async def _sleep_unless_closed(self, seconds: float) -> None:
        if seconds <= 0:
            return
        waits = [
            asyncio.ensure_future(self._sleep(seconds)),
            asyncio.ensure_future(self._closed.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _table(self, symbol: str, timeframe: Timeframe) -> Candles:
        if timeframe is not self._timeframe:
            raise FeedError(
                f"the replay holds {self._timeframe} candles, {timeframe} was asked for"
            )
        if symbol not in self._candles:
            known = ", ".join(self._candles) or "none"
            raise FeedError(f"the replay has no candles of {symbol}; it has {known}")
        return self._candles[symbol]

    def _moments(self) -> Iterator[tuple[int, list[FeedEvent]]]:
        """Close times in order, each with what is said then."""
        readers = [
            _Reader(symbol, self._timeframe, self._candles[symbol], after, symbol in self._quoted)
            for symbol, after in self._after.items()
        ]
        while True:
            due = [reader.next_time for reader in readers if reader.next_time is not None]
            if not due:
                return
            time = min(due)
            said = [
                event for reader in readers if reader.next_time == time for event in reader.take()
            ]
            yield time + self._timeframe.ms, said


class _Reader:
    """One symbol's candles, taken one after the other, with the gaps between them."""

    def __init__(
        self, symbol: str, timeframe: Timeframe, table: Candles, after: int | None, quoted: bool
    ) -> None:
        start = 0 if after is None else int(np.searchsorted(table.time, after, side="right"))
        self._symbol = symbol
        self._timeframe = timeframe
        self._rows = iter(table.slice(start))
        self._expected = None if after is None else timeframe.floor(after) + timeframe.ms
        self._quoted = quoted
        self._next: Candle | None = next(self._rows, None)

    @property
    def next_time(self) -> int | None:
        return None if self._next is None else self._next.time

    def take(self) -> Iterator[FeedEvent]:
        candle = self._next
        if candle is None:
            return
        self._next = next(self._rows, None)
        span = self._timeframe.ms
        if self._expected is not None and candle.time > self._expected:
            yield Gap(
                self._symbol,
                self._timeframe,
                self._expected,
                candle.time - span,
                "the file has no such candles",
            )
        self._expected = candle.time + span
        if self._quoted:
            yield PriceSeen(self._symbol, candle.time, None, None, candle.open)
        yield CandleClosed(self._symbol, self._timeframe, candle)
