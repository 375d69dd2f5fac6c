"""Follows one market for one session without missing a candle.

The stream tells what happens; whenever something may have been missed (a new connection, a hole, a
silent stream, a candle overdue) the REST API is asked, and both go through one `CandleSequence`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from core.market.candles.candle import Candle
from core.market.feeds.delivery import Delivery, DeliveryPace, FundingWatch, Overdue
from core.market.feeds.feed import FeedError, FeedEvent, FeedState, FeedStatus, PriceSeen
from core.market.feeds.sequence import CandleSequence
from core.market.feeds.streams.gateway import VenueGateway
from core.market.feeds.venue_feed import VenueFeed
from core.market.history.exchange_api import LONGEST_FUNDING, RateLimitedError
from core.market.retry import Backoff
from core.market.tasks import cancelled
from core.market.venues.dialect import VenueStream
from core.market.venues.stream_messages import BestPrices, Kline, MarkPrice, StreamEvent

_OVERLAP = 2  # candles asked for again at each back-fill, to notice revisions


@dataclass(frozen=True, slots=True)
class FollowPace:
    """When the REST API is asked, in seconds.

    `overdue`: how long after its close a candle may take (some arrive after 15); where asking finds
    nothing, it is twice as long next time, up to `longest_overdue`. `audit`: how often candles
    already said are compared with the record: `audit_candles` of them, or those since the last
    audit where they are more. `fresh`: how old a quote may be to stand beside a newer price.
    `poll_after`: how long the streams may be silent before prices are asked for over REST, every
    `poll_every`, where that is allowed.
    """

    overdue: float = 15.0
    longest_overdue: float = 900.0
    look_every: float = 5.0
    first_delay: float = 1.0
    longest_delay: float = 60.0
    audit: float = 3600.0
    audit_candles: int = 60
    fresh: float = 10.0
    poll_after: float = 60.0
    poll_every: float = 10.0
    delivery: DeliveryPace = field(default_factory=DeliveryPace)


class Follower:
    """One session's view of one market on one venue. A `StreamListener`."""

    def __init__(
        self,
        market: VenueGateway,
        put: Callable[[FeedEvent], None],
        sequence: CandleSequence,
        funding: FundingWatch | None,
        pace: FollowPace,
        *,
        quotes: bool,
        fallback: bool = False,
        sleep: Callable[[float], Coroutine[None, None, None]] = asyncio.sleep,
    ) -> None:
        """`fallback`: whether it may poll while the streams do not answer."""
        self.symbol = symbol = sequence.symbol
        self.timeframe = timeframe = sequence.timeframe
        self._market = market
        self._put = put
        self._pace = pace
        self._sleep = sleep
        self._sequence = sequence
        self._funding = funding
        self._delivery = Delivery(market.api, put, sequence, funding, pace.delivery)
        self._quote: BestPrices | None = None
        self._quote_seen = 0.0
        self._last: float | None = None
        self._forming: Candle | None = None
        self._last_seen = 0.0
        self._said_state: tuple[FeedState, str] | None = None
        self._ask = asyncio.Event()
        self._back = asyncio.Event()  # set when the stream is back: no reason to wait any longer
        self._overdue = Overdue(pace.overdue, pace.longest_overdue)
        self._audited = self._monotonic()
        self._audited_to = sequence.expected
        self._candles = market.dialect.candles(symbol, timeframe)
        streams = [self._candles]
        if quotes:
            streams.append(market.dialect.quotes(symbol))
        if funding is not None:
            streams.append(market.dialect.mark_price(symbol))
        self._streams: list[VenueStream] = streams
        self._task: asyncio.Task[None] | None = None
        self._fallback = fallback
        self._silent_since: float | None = self._monotonic()
        self._polled: float | None = None  # when prices were asked for last, while they are
        self._offered = False

    def start(self) -> None:
        """Begin to follow."""
        self._say_state(FeedState.CONNECTING, "connecting to the market streams")
        self._task = asyncio.create_task(self._run(), name=f"follow {self.symbol}")
        for stream in self._streams:
            self._market.streams.listen(stream, self)

    async def stop(self) -> None:
        """Follow no more."""
        for stream in self._streams:
            self._market.streams.leave(stream, self)
        if self._task is not None:
            await cancelled(self._task)

    # ── What the streams say ──

    def on_event(self, event: StreamEvent) -> None:
        """See `StreamListener.on_event`."""
        self._silent_since, self._offered = None, False
        if self._polled is not None:
            self._polled = None
            self._say_state(FeedState.CONNECTED, "the streams answer again")
        match event:
            case Kline():
                self._say_state(FeedState.CONNECTED, "the candle stream flows")
                if event.closed:
                    self._delivery.closed(event.candle, backfilled=False)
                    if self._delivery.incomplete:
                        self._ask.set()
                elif self._sequence.expected <= event.candle.time <= self._market.clock.now():
                    self._say_price(event)
            case BestPrices():
                self._say_quote(event)
            case MarkPrice() if self._funding is not None:
                if event.next_funding <= event.time + LONGEST_FUNDING:
                    self._funding.streamed(event.next_funding, event.rate)

    def on_connected(self, stream: str) -> None:
        """See `StreamListener.on_connected`."""
        if stream == self._candles.name:
            self._ask.set()
            self._back.set()

    def on_disconnected(self, stream: str, why: str) -> None:
        """See `StreamListener.on_disconnected`."""
        if stream == self._candles.name:
            self._fell_silent(0.0)
            if self._polled is None:
                self._say_state(FeedState.RECONNECTING, why)

    def on_silent(self, stream: str, seconds: float) -> None:
        """See `StreamListener.on_silent`."""
        if stream == self._candles.name:
            self._fell_silent(seconds)
            if self._polled is None:
                self._say_state(FeedState.STALE, f"{stream} has said nothing for {seconds:.0f} s")
            self._ask.set()

    def _fell_silent(self, ago: float) -> None:
        if self._silent_since is None:
            self._silent_since = self._monotonic() - ago

    # ── What is said to the session ──

    def _say_price(self, event: Kline) -> None:
        quote = self._quote
        if quote is not None and self._monotonic() - self._quote_seen > self._pace.fresh:
            quote = None
        self._last, self._last_seen = event.candle.close, self._monotonic()
        bid, ask = (None, None) if quote is None else (quote.bid, quote.ask)
        self._forming = event.candle
        now = event.candle
        self._put(PriceSeen(self.symbol, event.time, bid, ask, now.close, now.low, now.high, now))

    def _say_quote(self, event: BestPrices) -> None:
        if self._quote is not None and event.update <= self._quote.update:
            connected_anew = self._monotonic() - self._quote_seen > self._pace.fresh
            if not connected_anew:
                return
        self._quote, self._quote_seen = event, self._monotonic()
        time = event.time if event.time is not None else self._market.clock.now()
        fresh = self._monotonic() - self._last_seen <= self._pace.fresh
        last = self._last if fresh else None
        low = high = None
        now = self._forming
        # Until a candle has told of itself, what is known is the range of the one before it.
        if now is not None and now.time == self._sequence.expected:
            low, high = now.low, now.high
        else:
            now = None
        self._put(PriceSeen(self.symbol, time, event.bid, event.ask, last, low, high, now))

    def _say_state(self, state: FeedState, text: str) -> None:
        if (state, text) != self._said_state:
            self._said_state = (state, text)
            self._put(FeedStatus(self.symbol, state, text))

    # ── Asking the REST API ──

    async def _run(self) -> None:
        backoff = Backoff(self._pace.first_delay, self._pace.longest_delay)
        while True:
            await self._until_needed()
            self._ask.clear()
            self._back.clear()
            try:
                await self._again_after(await self._back_fill())
                await self._again_after(await self._delivery.settle_funding())
                if self._poll_is_due():
                    await self._poll()
            except RateLimitedError as error:
                self._say_state(FeedState.RATE_LIMITED, str(error))
                self._ask.set()
                await self._sleep(error.seconds)
            except FeedError as error:
                self._say_state(FeedState.STALE, str(error))
                self._ask.set()
                if await self._sleep_unless_back(backoff.next()):
                    backoff.reset()
            else:
                backoff.reset()

    async def _until_needed(self) -> None:
        """Return when a back-fill was asked for, a candle is overdue, or an audit is due."""
        while not self._ask.is_set():
            await self._sleep_unless(self._ask, self._pace.look_every)
            if self._is_overdue() or self._audit_is_due() or self._poll_is_due():
                return

    def _poll_is_due(self) -> bool:
        """Whether the streams have been silent for long, and REST is to be asked in their place."""
        now, since = self._monotonic(), self._silent_since
        if since is None or now - since < self._pace.poll_after:
            return False
        if not self._fallback:
            return not self._offered
        return self._polled is None or now - self._polled >= self._pace.poll_every

    async def _poll(self) -> None:
        """Stand in for the streams, which are silent though REST answers; or say that one could."""
        name = self._market.dialect.name
        if not self._fallback:
            self._offered = True
            text = f"the streams of {name} do not answer, but its REST API does"
            self._say_state(FeedState.STALE, f"{text}: --fallback poll, or --feed poll, takes that")
            return
        quote = await self._market.api.quote(self.symbol)
        if self._silent_since is None:
            return  # they have come back meanwhile
        self._polled = self._monotonic()
        every = f"every {self._pace.poll_every:g} s"
        text = f"the streams of {name} do not answer: prices are asked for over REST, {every}"
        self._say_state(FeedState.POLLING, text)
        if (quote.bid, quote.ask, quote.last) != (None, None, None):
            now = self._market.clock.now()
            self._put(PriceSeen(self.symbol, now, quote.bid, quote.ask, quote.last))

    async def _sleep_unless_back(self, seconds: float) -> bool:
        """Wait so long, or until the stream is back; whether it is."""
        await self._sleep_unless(self._back, seconds)
        return self._back.is_set()

    async def _sleep_unless(self, event: asyncio.Event, seconds: float) -> None:
        waits = [
            asyncio.ensure_future(event.wait()),
            asyncio.ensure_future(self._sleep(seconds)),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _audit_is_due(self) -> bool:
        return self._monotonic() - self._audited > self._pace.audit

    def _is_overdue(self) -> bool:
        closes = self._sequence.expected + self.timeframe.ms
        return self._overdue.since(closes, self._market.clock.now())

    async def _back_fill(self) -> float | None:
        """Take in the record; seconds after which to ask again, if something is still missing."""
        overdue, audit = self._is_overdue(), self._audit_is_due()
        expected, step = self._sequence.expected, self.timeframe.ms
        start = expected - _OVERLAP * step
        if audit:
            since_last = self._audited_to - _OVERLAP * step
            start = min(since_last, expected - self._pace.audit_candles * step)
        start = self.timeframe.next_open(max(0, start) - 1)
        for candle in await self._market.backfill.since(self.symbol, self.timeframe, start):
            self._delivery.closed(candle, backfilled=True)
        if audit:
            self._audited, self._audited_to = self._monotonic(), expected
        if self._sequence.expected != expected:
            self._overdue.came()
        elif overdue and self._sequence.hole is None:
            closed = self._market.clock.now() - int(self._overdue.seconds * 1000)
            if self._overdue.asked and await self._delivery.market_has_stopped(closed):
                name = self._market.dialect.name
                self._say_state(FeedState.STALE, f"{self.symbol} does not trade on {name} any more")
            else:
                self._overdue.none_came()
        return self._delivery.hole_remains()

    async def _again_after(self, seconds: float | None) -> None:
        if seconds is not None:
            await self._sleep(seconds)
            self._ask.set()

    @staticmethod
    def _monotonic() -> float:
        return asyncio.get_running_loop().time()


class StreamFeed(VenueFeed):
    """Public streams with REST back-fill, for one session.

    `market` is shared by all sessions of the host, and outlives the feed. The last price comes with
    the candles' stream, whether quotes are asked for or not.
    """

    def __init__(
        self, market: VenueGateway, pace: FollowPace | None = None, *, fallback: bool = False
    ) -> None:
        """`fallback`: whether it polls for as long as the streams do not answer."""
        super().__init__(market.history)
        self._market = market
        self._pace = pace or FollowPace()
        self._fallback = fallback

    def _follow(
        self, sequence: CandleSequence, funding: FundingWatch | None, *, quotes: bool
    ) -> Follower:
        return Follower(
            self._market,
            self._put,
            sequence,
            funding,
            self._pace,
            quotes=quotes,
            fallback=self._fallback,
        )
