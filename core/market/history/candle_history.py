"""Fetches past candles and funding rates, page by page, from any exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from core.market.candles.candles import Candles
from core.market.candles.timeframes import Timeframe
from core.market.feeds.feed import FeedError
from core.market.history.candle_cache import CandleCache, Stretch
from core.market.history.exchange_api import (
    ExchangeApi,
    Funding,
    RateLimitedError,
    UnreachableError,
)
from core.market.retry import Backoff
from core.time_format import iso_or_number

T = TypeVar("T")

_KEPT_SHORT = {"kraken": 720}
"""Exchanges whose candles reach back only so many, whatever one asks for."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a fetch is: candles so far, and about how many there will be."""

    done: int
    total: int
    text: str


@dataclass(frozen=True, slots=True)
class History:
    """Closed candles of a period. `notes` say what the exchange could not give."""

    candles: Candles
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FetchPatience:
    """How a fetch bears with an exchange. All in seconds but `attempts`, of one page.

    `settle`: how long after its close a candle counts as final over REST, whose database lags.
    `time_holds`: how long what the exchange told of its time is good enough.
    """

    attempts: int = 6
    first_delay: float = 0.5
    longest_delay: float = 30.0
    longest_limit: float = 300.0
    settle: float = 1.0
    time_holds: float = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class _Warmup:
    """The newest closed candles of a market before `end`: as many as `count`, being fetched."""

    end: int
    count: int
    fetching: asyncio.Task[Candles]


class CandleHistory:
    """Past candles of one exchange: from its REST API, and from `cache_folder` where given.

    Shared by all sessions of a host: however many ask for the newest candles of a market at once,
    the exchange is asked one time.
    """

    def __init__(
        self,
        api: ExchangeApi,
        cache_folder: Path | None = None,
        *,
        patience: FetchPatience | None = None,
        sleep: Callable[[float], Coroutine[None, None, None]] = asyncio.sleep,
    ) -> None:
        self.api = api
        self.patience = patience or FetchPatience()
        self._cache = None if cache_folder is None else CandleCache(cache_folder)
        self._sleep = sleep
        self._time_asked: float | None = None  # monotonic seconds
        self._warmups: dict[tuple[str, Timeframe], _Warmup] = {}

    async def between(
        self,
        symbol: str,
        timeframe: Timeframe,
        start: int,
        stop: int | None = None,
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> History:
        """The closed candles that open in [start, stop), `stop` by default now.

        A fetch that is broken off leaves what it got in the cache, and goes on there next time.

        Raises:
            FeedError: if the exchange does not have them, or does not answer.
        """
        first = timeframe.next_open(start - 1)
        closed_before = await self._closed_before(timeframe)
        end = closed_before if stop is None else min(stop, closed_before)
        total = max(0, (end - first) // timeframe.ms)
        parts: list[Candles] = []
        cursor, done = first, 0
        while cursor < end:
            stretch = await self._known(symbol, timeframe, cursor, end)
            if stretch.stop == cursor:
                stretch = await self._page(symbol, timeframe, cursor, closed_before, progress)
            if stretch.stop <= cursor:
                break
            parts.append(stretch.candles.between(cursor, end))
            cursor = stretch.stop
            done = min(total, (cursor - first) // timeframe.ms)
            progress(Progress(done, total, f"{done:,} of {total:,} candles"))
        candles = Candles.joined(parts)
        return History(candles, self._notes(symbol, timeframe, first, candles))

    async def latest(self, symbol: str, timeframe: Timeframe, count: int) -> Candles:
        """The last `count` closed candles; fewer where there are no more.

        Raises:
            FeedError: if the exchange does not have them, or does not answer.
        """
        end = await self._closed_before(timeframe)
        key = (symbol, timeframe)
        known = self._warmups.get(key)
        if known is None or known.end != end or known.count < count or _failed(known.fetching):
            task = asyncio.create_task(self._latest(symbol, timeframe, count, end))
            known = self._warmups[key] = _Warmup(end, count, task)
        found = await asyncio.shield(known.fetching)
        return found.slice(-count) if len(found) > count else found

    async def _latest(self, symbol: str, timeframe: Timeframe, count: int, end: int) -> Candles:
        reach = count
        while True:  # gaps in the series: reach further back until there are enough
            start = max(0, end - reach * timeframe.ms)
            found = (await self.between(symbol, timeframe, start, end)).candles
            if len(found) >= count or reach >= 4 * count or not len(found) or start == 0:
                return found.slice(-count) if len(found) > count else found
            reach *= 2

    async def funding(
        self,
        symbol: str,
        start: int,
        stop: int,
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> list[Funding]:
        """The funding rates of a perpetual settled in [start, stop).

        Raises:
            FeedError: if the exchange does not tell them, or does not answer.
        """
        found: list[Funding] = []
        cursor = start
        while cursor < stop:
            page = await self.patiently(partial(self.api.funding, symbol, cursor), progress)
            found += [rate for rate in page if cursor <= rate.time < stop]
            if not page or page[-1].time + 1 <= cursor:
                break
            cursor = page[-1].time + 1
        return found

    async def _closed_before(self, timeframe: Timeframe) -> int:
        """Candles that open before this have closed, and have had time to settle."""
        now = await self.time()
        return timeframe.floor(now - int(self.patience.settle * 1000))

    async def time(self) -> int:
        """The exchange's time (UTC ms), asked for again after `FetchPatience.time_holds` seconds.

        Raises:
            FeedError: if the exchange does not answer.
        """
        now = asyncio.get_running_loop().time()
        asked = self._time_asked
        if asked is not None and now - asked < self.patience.time_holds:
            return self.api.clock.now()
        told = await self.patiently(self.api.server_time)
        if self.api.clock.synchronised:  # and not only guessed from this machine's clock
            self._time_asked = now
        return told

    async def _known(self, symbol: str, timeframe: Timeframe, start: int, stop: int) -> Stretch:
        if self._cache is None:
            return Stretch(start, start, Candles.of([]))
        return await asyncio.to_thread(
            self._cache.known, self.api.name, symbol, timeframe, start, stop
        )

    async def _page(
        self,
        symbol: str,
        timeframe: Timeframe,
        start: int,
        closed_before: int,
        progress: Callable[[Progress], None],
    ) -> Stretch:
        """What one call tells of the time from `start` on; an empty stretch if nothing is left."""
        size = await self.api.page_size(symbol)
        found = await self.patiently(
            partial(self.api.candles, symbol, timeframe, start, size), progress
        )
        closed = [candle for candle in found if candle.time < closed_before]
        if not found:
            # Some exchanges answer for a window only: look for where their candles begin.
            begin = await self._first_after(symbol, start, progress)
            if begin is None:
                return Stretch(start, start, Candles.of([]))
            later = max(timeframe.floor(begin), start + size * timeframe.ms)
            return Stretch(start, min(later, closed_before), Candles.of([]))
        if not closed:
            return Stretch(start, closed_before, Candles.of([]))
        stop = closed[-1].time + timeframe.ms
        stretch = Stretch(start, stop, Candles.of(closed))
        if self._cache is not None:
            # What lies before the first candle may be unknown rather than absent: it is not kept.
            kept = Stretch(closed[0].time, stop, stretch.candles)
            try:
                await asyncio.to_thread(self._cache.keep, self.api.name, symbol, timeframe, kept)
            except OSError as error:
                progress(Progress(0, 0, f"the cache cannot be written: {error.strerror or error}"))
        return stretch

    async def _first_after(
        self, symbol: str, start: int, progress: Callable[[Progress], None]
    ) -> int | None:
        """When a market's first daily candle after `start` opens; None where there is none."""
        if Timeframe.D1.value not in await self.api.timeframes():
            return None
        size = await self.api.page_size(symbol)
        now = self.api.clock.now()
        cursor = Timeframe.D1.floor(start)
        while cursor < now:
            days = await self.patiently(
                partial(self.api.candles, symbol, Timeframe.D1, cursor, size), progress
            )
            if days:
                return max(start, days[0].time)
            cursor += size * Timeframe.D1.ms
        return None

    def _notes(
        self, symbol: str, timeframe: Timeframe, start: int, candles: Candles
    ) -> tuple[str, ...]:
        name = self.api.name
        if not len(candles):
            return (f"{name} has no {timeframe} candles of {symbol} in this period",)
        begin = int(candles.time[0])
        if begin <= start:
            return ()
        kept = _KEPT_SHORT.get(name)
        why = (
            f"{name} gives only its last {kept} candles"
            if kept
            else f"{name} has none of {symbol} before that"
        )
        return (f"candles begin at {iso_or_number(begin)}, not at {iso_or_number(start)}: {why}",)

    async def patiently(
        self,
        ask: Callable[[], Coroutine[None, None, T]],
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> T:
        """Ask again where the exchange did not answer or asked to wait, within `patience`.

        Raises:
            FeedError: the last one, when patience is at its end; any other at once.
        """
        backoff = Backoff(self.patience.first_delay, self.patience.longest_delay)
        for attempt in range(1, self.patience.attempts + 1):
            try:
                return await ask()
            except RateLimitedError as error:
                if error.seconds > self.patience.longest_limit or attempt == self.patience.attempts:
                    raise
                wait, why = error.seconds, str(error)
            except UnreachableError as error:
                if attempt == self.patience.attempts:
                    raise
                wait, why = backoff.next(), str(error)
            progress(Progress(0, 0, why))
            await self._sleep(wait)
        raise FeedError(f"{self.api.name} was not asked: attempts must be at least 1")


def _failed(task: asyncio.Task[Candles]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
