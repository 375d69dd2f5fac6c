"""How does a session get prices from an exchange that is only asked now and then?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field

from core.market.backoff import Backoff
from core.market.candles import Candles
from core.market.delivery import Delivery, DeliveryPace
from core.market.exchange_api import ExchangeApi, RateLimitedError
from core.market.feed import Ended, FeedError, FeedEvent, FeedState, FeedStatus, PriceSeen
from core.market.filters import MarketFilters
from core.market.funding_watch import FundingWatch
from core.market.history import CandleHistory
from core.market.inbox import Inbox
from core.market.overdue import Overdue
from core.market.sequence import CandleSequence
from core.market.symbols import is_perpetual
from core.market.tasks import cancelled
from core.market.timeframes import MINUTE, Timeframe

_OVERLAP = 2  # candles asked for again at each look, to notice revisions


@dataclass(frozen=True, slots=True)
class PollPace:
    """When the exchange is asked, in seconds.

    `every`: between two looks; None for 10 on timeframes up to 5m and 30 on longer ones. A candle
    is also looked for right after its close. `settle`: how long after its close a candle counts
    as final. `overdue`: how long it may take before one asks whether the market still trades;
    twice as long each time that it does, up to `longest_overdue`.
    """

    every: float | None = None
    settle: float = 2.0
    first_delay: float = 1.0
    longest_delay: float = 120.0
    overdue: float = 60.0
    longest_overdue: float = 900.0
    delivery: DeliveryPace = field(default_factory=DeliveryPace)

    def between_looks(self, timeframe: Timeframe) -> float:
        """Seconds between two looks."""
        if self.every is not None:
            return self.every
        return 10.0 if timeframe.ms <= 5 * MINUTE else 30.0


class PollFeed:
    """Any ccxt exchange, asked over REST at intervals. Implements `core.market.feed.Feed`.

    `history` and the API behind it may be shared by several feeds, and outlive them.
    """

    def __init__(
        self,
        history: CandleHistory,
        pace: PollPace | None = None,
        *,
        sleep: Callable[[float], Coroutine[None, None, None]] = asyncio.sleep,
    ) -> None:
        self._history = history
        self._api = history.api
        self._pace = pace or PollPace()
        self._sleep = sleep
        self._inbox = Inbox()
        self._polls: dict[tuple[str, Timeframe], asyncio.Task[None]] = {}
        self._closed = False

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
        """See `Feed.subscribe`. Bid and ask cost one more request a look."""
        if self._closed:
            raise FeedError("the feed has been closed")
        if (symbol, timeframe) in self._polls:
            raise FeedError(f"{symbol} {timeframe} is followed already")
        offered = await self._api.timeframes()
        if timeframe not in offered:
            raise FeedError(
                f"{self._api.name} has no {timeframe} candles; it has {', '.join(offered)}"
            )
        found = await self._history.patiently(lambda: self._api.market(symbol))
        if found.get("active") is False:
            raise FeedError(f"{symbol} does not trade on {self._api.name} at present")
        now = await self._history.patiently(self._api.server_time)
        known = timeframe.floor(now) - timeframe.ms if after is None else timeframe.floor(after)
        expected = known + timeframe.ms
        poll = _Poll(
            self._api,
            self._inbox,
            CandleSequence(symbol, timeframe, expected),
            FundingWatch(symbol, expected - 1) if funding and is_perpetual(symbol) else None,
            self._pace,
            self._sleep,
            quotes=quotes,
        )
        self._polls[symbol, timeframe] = asyncio.create_task(poll.run(), name=f"poll {symbol}")

    async def events(self) -> AsyncIterator[FeedEvent]:
        """See `Feed.events`."""
        while True:
            event = await self._inbox.get()
            yield event
            if isinstance(event, Ended):
                return

    async def filters(self, symbol: str) -> MarketFilters:
        """See `Feed.filters`."""
        return await self._history.patiently(lambda: self._api.filters(symbol))

    def now(self) -> int:
        """See `Feed.now`."""
        return self._api.clock.now()

    async def close(self) -> None:
        """See `Feed.close`. The shared history and its API stay open."""
        if self._closed:
            return
        self._closed = True
        await cancelled(*self._polls.values())
        self._polls.clear()
        self._inbox.put(Ended("the feed was closed"))


class _Poll:
    """One market, looked at again and again."""

    def __init__(
        self,
        api: ExchangeApi,
        inbox: Inbox,
        sequence: CandleSequence,
        funding: FundingWatch | None,
        pace: PollPace,
        sleep: Callable[[float], Coroutine[None, None, None]],
        *,
        quotes: bool,
    ) -> None:
        self._api = api
        self._inbox = inbox
        self._sequence = sequence
        self._delivery = Delivery(api, inbox, sequence, funding, pace.delivery)
        self._pace = pace
        self._sleep = sleep
        self._quotes = quotes
        self._state: FeedState | None = None
        self._looked: int | None = None  # venue time of the last look that succeeded
        self._overdue = Overdue(pace.overdue, pace.longest_overdue)
        self._halted = False  # whether the market has stopped trading

    async def run(self) -> None:
        """Look until cancelled."""
        backoff = Backoff(self._pace.first_delay, self._pace.longest_delay)
        while True:
            try:
                wait = await self._look()
            except RateLimitedError as error:
                self._say_state(FeedState.RATE_LIMITED, str(error))
                wait = error.seconds
            except FeedError as error:
                self._say_state(FeedState.STALE, str(error))
                wait = backoff.next()
            else:
                backoff.reset()
            await self._sleep(wait)

    async def _look(self) -> float:
        """Ask once; seconds until the next look."""
        symbol, timeframe = self._sequence.symbol, self._sequence.timeframe
        size = await self._api.page_size(symbol)
        now = await self._api.server_time()
        settled, expected = now - int(self._pace.settle * 1000), self._sequence.expected
        start = max(0, self._sequence.expected - _OVERLAP * timeframe.ms)
        start = timeframe.next_open(start - 1)
        while True:
            page = await self._api.candles(symbol, timeframe, start, size)
            for candle in page:
                closes = candle.time + timeframe.ms
                if closes <= settled:
                    missed = self._looked is None or closes <= self._looked
                    self._delivery.closed(candle, backfilled=missed)
            reached = page[-1].time + timeframe.ms if page else start
            if reached <= start or reached > settled:
                break
            start = reached
        await self._look_whether_it_trades(expected, settled)
        again = self._delivery.hole_remains()
        later = await self._delivery.settle_funding()
        last = page[-1].close if page and page[-1].time + timeframe.ms > now else None
        await self._say_price(now, last)
        self._looked = settled
        closes = self._sequence.expected + timeframe.ms
        until_close = (closes - now) / 1000 + self._pace.settle
        waits = [self._pace.between_looks(timeframe), again, later]
        if until_close > 0:
            waits.append(until_close)
        return min(wait for wait in waits if wait is not None)

    async def _look_whether_it_trades(self, expected: int, settled: int) -> None:
        """Where a candle is overdue and the record has none, the market may have stopped."""
        sequence, overdue = self._sequence, self._overdue
        if sequence.expected != expected:
            overdue.came()
            self._halted = False
        elif sequence.hole is None and overdue.since(expected + sequence.timeframe.ms, settled):
            self._halted = await self._delivery.market_has_stopped(settled)
            if not self._halted:
                overdue.none_came()
        if self._halted:
            text = f"{sequence.symbol} does not trade on {self._api.name} any more"
            self._say_state(FeedState.STALE, text)
        else:
            self._say_state(FeedState.CONNECTED, f"{self._api.name} answers")

    async def _say_price(self, now: int, last: float | None) -> None:
        symbol = self._sequence.symbol
        if self._quotes:
            quote = await self._api.quote(symbol)
            if (quote.bid, quote.ask, quote.last) != (None, None, None):
                self._inbox.put(PriceSeen(symbol, now, quote.bid, quote.ask, quote.last))
        elif last is not None:
            self._inbox.put(PriceSeen(symbol, now, None, None, last))

    def _say_state(self, state: FeedState, text: str) -> None:
        if state is not self._state:
            self._state = state
            self._inbox.put(FeedStatus(self._sequence.symbol, state, text))
