"""A feed of any exchange that ccxt knows, asked over REST at intervals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from core.market.candles.candle import Candle
from core.market.candles.timeframes import MINUTE, Timeframe
from core.market.feeds.delivery import Delivery, DeliveryPace, FundingWatch, Overdue
from core.market.feeds.feed import FeedError, FeedEvent, FeedState, FeedStatus, PriceSeen
from core.market.feeds.sequence import CandleSequence
from core.market.feeds.venue_feed import VenueFeed
from core.market.history.candle_history import CandleHistory
from core.market.history.exchange_api import ExchangeApi, RateLimitedError
from core.market.retry import Backoff
from core.market.tasks import cancelled

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


class PollFeed(VenueFeed):
    """Any ccxt exchange, asked over REST at intervals. Bid and ask cost one more request a look."""

    def __init__(
        self,
        history: CandleHistory,
        pace: PollPace | None = None,
        *,
        sleep: Callable[[float], Coroutine[None, None, None]] = asyncio.sleep,
    ) -> None:
        super().__init__(history)
        self._pace = pace or PollPace()
        self._sleep = sleep

    def _follow(
        self, sequence: CandleSequence, funding: FundingWatch | None, *, quotes: bool
    ) -> _Poll:
        return _Poll(
            self._api, self._put, sequence, funding, self._pace, self._sleep, quotes=quotes
        )


class _Poll:
    """One market, looked at again and again."""

    def __init__(
        self,
        api: ExchangeApi,
        put: Callable[[FeedEvent], None],
        sequence: CandleSequence,
        funding: FundingWatch | None,
        pace: PollPace,
        sleep: Callable[[float], Coroutine[None, None, None]],
        *,
        quotes: bool,
    ) -> None:
        self._api = api
        self._put = put
        self._sequence = sequence
        self._delivery = Delivery(api, put, sequence, funding, pace.delivery)
        self._pace = pace
        self._sleep = sleep
        self._quotes = quotes
        self._state: FeedState | None = None
        self._looked: int | None = None  # venue time of the last look that succeeded
        self._overdue = Overdue(pace.overdue, pace.longest_overdue)
        self._halted = False  # whether the market has stopped trading
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"poll {self._sequence.symbol}")

    async def stop(self) -> None:
        if self._task is not None:
            await cancelled(self._task)

    async def _run(self) -> None:
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
        forming = page[-1] if page and page[-1].time + timeframe.ms > now else None
        await self._say_price(now, forming)
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

    async def _say_price(self, now: int, forming: Candle | None) -> None:
        symbol = self._sequence.symbol
        if self._quotes:
            quote = await self._api.quote(symbol)
            if (quote.bid, quote.ask, quote.last) != (None, None, None):
                seen = PriceSeen(symbol, now, quote.bid, quote.ask, quote.last, forming=forming)
                self._put(seen)
        elif forming is not None:
            self._put(PriceSeen(symbol, now, None, None, forming.close, forming=forming))

    def _say_state(self, state: FeedState, text: str) -> None:
        if state is not self._state:
            self._state = state
            self._put(FeedStatus(self._sequence.symbol, state, text))
