"""What the feed tests share: a reader of a feed, and paces without long waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from core.exchange.faults import FaultKind
from core.exchange.market.clock import ManualClock
from core.exchange.server import EmbeddedExchange
from core.market.candles.candle import Candle
from core.market.candles.timeframes import MINUTE, Timeframe
from core.market.feeds.delivery import DeliveryPace
from core.market.feeds.feed import CandleClosed, Feed, FeedEvent, Gap
from core.market.feeds.streams.follower import FollowPace
from core.market.feeds.streams.streams import Pace
from core.market.history.candle_history import FetchPatience
from tests.waiting import until

Kind = TypeVar("Kind")

PATIENCE = FetchPatience(first_delay=0.01, longest_delay=0.05, settle=0, time_holds=0)
STREAM_PACE = Pace(first_delay=0.01, longest_delay=0.05, watch_every=0.05, takeover=0.2)
FOLLOW_PACE = FollowPace(
    first_delay=0.01,
    longest_delay=0.05,
    look_every=0.05,
    delivery=DeliveryPace(hole_delay=0.02),
)


class Reader:
    """Takes a feed's events as they come. An `EventSink`."""

    def __init__(self, feed: Feed) -> None:
        self.events: list[FeedEvent] = []
        self._news = asyncio.Event()
        self._task = asyncio.create_task(feed.run(self))

    def put(self, event: FeedEvent) -> None:
        """See `EventSink.put`."""
        self.events.append(event)
        self._news.set()

    async def room(self, below: int = 0) -> None:
        """See `EventSink.room`: there is always room."""

    def of(self, kind: type[Kind]) -> list[Kind]:
        """The events of one kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    def candles(self, symbol: str) -> list[Candle]:
        """A symbol's candles so far, in the order they were said."""
        return [event.candle for event in self.of(CandleClosed) if event.symbol == symbol]

    async def until(self, true: Callable[[], bool], seconds: float = 20) -> None:
        """Return once `true()` holds after some event."""
        async with asyncio.timeout(seconds):
            while not true():
                self._news.clear()
                await self._news.wait()

    async def until_candle(self, symbol: str, time: int) -> None:
        """Return once a symbol's candle of `time` has been said, a later one, or a gap over it."""
        await self.until(
            lambda: (
                any(candle.time >= time for candle in self.candles(symbol))
                or any(gap.symbol == symbol and gap.last >= time for gap in self.of(Gap))
            )
        )

    async def ended(self) -> None:
        """Return when the feed has ended."""
        await asyncio.wait_for(self._task, 20)


async def pass_until(
    clock: ManualClock, step: int, condition: Callable[[], object], wire: float = 0.004
) -> None:
    """Let exchange time pass, `step` ms at a time, until a condition holds.

    `wire`: the real seconds between two steps, in which messages travel.
    """

    def holds() -> bool:
        if condition():
            return True
        clock.advance(step)
        return False

    await until(holds, pause=lambda _: asyncio.sleep(wire))


async def pass_time(clock: ManualClock, step: int, times: int, wire: float = 0.004) -> None:
    """Let exchange time pass in so many steps; see `pass_until`."""
    steps = iter(range(times))
    await pass_until(clock, step, lambda: next(steps, None) is None, wire)


async def pass_minutes(clock: ManualClock, minutes: int, wire: float = 0.004) -> None:
    """Let exchange time pass a minute at a time; see `pass_until`."""
    await pass_time(clock, MINUTE, minutes, wire)


async def pass_until_struck(exchange: EmbeddedExchange, clock: ManualClock) -> None:
    """Let minutes pass until the faults that strike a given number of times have done so.

    While a client that was cut off comes back, a fault finds nobody to strike.
    """
    await pass_until(clock, MINUTE, lambda: not exchange.faults.on)


def trouble(exchange: EmbeddedExchange) -> None:
    """Switch on a mixture of faults by chance that loses no candle for good."""
    for kind, chance in (
        (FaultKind.DROP, 0.03),
        (FaultKind.DUPLICATE, 0.2),
        (FaultKind.REORDER, 0.2),
        (FaultKind.LATE_CLOSE, 0.1),
    ):
        exchange.switch_on(kind, "*kline*", chance=chance)
    exchange.switch_on(FaultKind.UNAVAILABLE, "/api/*", chance=0.2)


def truth(exchange: EmbeddedExchange, symbol: str, start: int, stop: int) -> list[Candle]:
    """The market's own one-minute candles in [start, stop)."""
    return list(exchange.venue.market.candles(symbol, Timeframe.M1, start, stop))
