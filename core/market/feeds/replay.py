"""Candle files as a feed, at any speed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping

import numpy as np

from core.market.candles.candles import Candle, Candles
from core.market.candles.timeframes import Timeframe
from core.market.feeds.feed import (
    CandleClosed,
    CandlesClosed,
    Ended,
    EventSink,
    FeedError,
    FeedEvent,
    Gap,
    PriceSeen,
)
from core.market.filters import NO_FILTERS, MarketFilters

_BREATH = 200  # candles at full speed between two turns of the event loop
_AHEAD = 2_000  # candles that may wait for the reader: a command waits behind them


class ReplayFeed:
    """Candles of files, given as if they closed now. Implements `core.market.feeds.feed.Feed`.

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

        With `quotes`, each candle's open also comes as a price, before the candle.
        """
        self._table(symbol, timeframe)
        self._after[symbol] = after
        if quotes:
            self._quoted.add(symbol)

    async def run(self, sink: EventSink) -> None:
        """Put the subscribed candles into `sink` in order of time, then `Ended`."""
        started = self._monotonic()
        began: int | None = None
        put = 0
        for moment, events in self._moments():
            if self._speed is None:
                put += len(self._after)
                if put >= _BREATH:
                    put = 0
                    await self._sleep(0)
            else:
                if began is None:
                    began = moment - self._timeframe.ms
                due = started + (moment - began) / 1000 / self._speed
                await self._sleep_unless_closed(due - self._monotonic())
            await sink.room(max(2, _AHEAD // len(self._after)))
            if self._closed.is_set():
                sink.put(Ended("the replay was closed"))
                return
            self._now = moment
            for event in events:
                sink.put(event)
        sink.put(Ended("the data ends"))

    async def filters(self, symbol: str) -> MarketFilters:
        """None: a candle file does not tell them."""
        return NO_FILTERS

    def known(self, symbol: str) -> Candles | None:
        """The candles of the file; None where it has none of this market."""
        return self._candles.get(symbol)

    def now(self) -> int:
        """The close of the last candle given (UTC ms)."""
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
        """Close times in order, each with what happens then."""
        if self._is_whole():
            step, symbols = self._timeframe.ms, tuple(self._after)
            for row in zip(*(self._candles[symbol] for symbol in symbols), strict=True):
                together = CandlesClosed(self._timeframe, list(zip(symbols, row, strict=True)))
                yield row[0].time + step, [together]
            return
        readers = [
            _FileReader(
                symbol, self._timeframe, self._candles[symbol], after, symbol in self._quoted
            )
            for symbol, after in self._after.items()
        ]
        timeframe = self._timeframe
        while (time := min([reader.time for reader in readers], default=_NEVER)) != _NEVER:
            events: list[FeedEvent] = []
            candles: list[tuple[str, Candle]] = []
            for reader in readers:
                if reader.time == time:
                    candles.append((reader.symbol, reader.take(events)))
                    if reader.quoted:  # its price comes between the others' candles
                        events += [CandleClosed(symbol, timeframe, one) for symbol, one in candles]
                        candles = []
            if len(candles) > 1:
                events.append(CandlesClosed(timeframe, candles))
            else:
                events += [CandleClosed(symbol, timeframe, one) for symbol, one in candles]
            yield time + timeframe.ms, events

    def _is_whole(self) -> bool:
        """Whether several symbols have the same candles, without a hole, and all are to be told.

        Then there is nothing to look for between them, which takes as long as deciding on them.
        """
        tables = [self._candles[symbol] for symbol in self._after]
        anew = all(after is None for after in self._after.values())
        if len(tables) < 2 or self._quoted or not anew or not len(tables[0]):
            return False
        times = tables[0].time
        return bool(np.all(np.diff(times) == self._timeframe.ms)) and all(
            np.array_equal(table.time, times) for table in tables[1:]
        )


_NEVER = 1 << 62  # UTC ms; after every candle


class _FileReader:
    """The candles of one symbol, taken one by one. `time`: the next one's, or `_NEVER`.

    A candle file's are in order, each once and on the grid, so that only what is missing is to be
    looked for.
    """

    def __init__(
        self, symbol: str, timeframe: Timeframe, table: Candles, after: int | None, quoted: bool
    ) -> None:
        start = 0 if after is None else int(np.searchsorted(table.time, after, side="right"))
        rest = table.slice(start)
        self.symbol = symbol
        self.quoted = quoted
        self._timeframe = timeframe
        self._step = timeframe.ms
        self._candles = iter(rest)
        self._next = next(self._candles, None)
        self.time = _NEVER if self._next is None else self._next.time
        self._expected = self.time if after is None else timeframe.floor(after) + timeframe.ms

    def take(self, events: list[FeedEvent]) -> Candle:
        """The next candle; what comes before it is added to `events`."""
        candle = self._next
        assert candle is not None  # who asks has looked at `time`
        time, step = candle.time, self._step
        if time > self._expected:
            why = "the file has no such candles"
            events.append(Gap(self.symbol, self._timeframe, self._expected, time - step, why))
        if self.quoted:
            events.append(PriceSeen(self.symbol, time, None, None, candle.open))
        self._expected = time + step
        self._next = next(self._candles, None)
        self.time = _NEVER if self._next is None else self._next.time
        return candle
