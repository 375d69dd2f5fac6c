"""The protocol of a feed of prices, and the events it gives.

A session subscribes to the markets it trades, then lets the feed `run` into its queue until
`Ended`. Every feed keeps the same promises, so that a session need not know where its prices come
from:

- A closed candle of a (symbol, timeframe) comes once, in order of open time, and every open time
  is either a candle or part of a `Gap` that comes before the next candle. A feed passes its candles
  through a `core.market.feeds.sequence.CandleSequence`, the one place that sees to this; nobody
  after it checks again. A candle that is still forming never comes.
- What is missing is first asked for again before it is a `Gap`. A candle that the venue later tells
  differently comes as `Revised`, and not again.
- The sink may coalesce prices (`PriceSeen`) when its reader is slow, and nothing else.
- Times are the venue's, in UTC milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from core.market.candles.candles import Candle, Candles
from core.market.candles.timeframes import Timeframe
from core.market.filters import MarketFilters


class FeedError(Exception):
    """A feed cannot give what was asked of it; the message says what, and what to do."""


class UnavailableError(FeedError):
    """A venue does not answer, or not sensibly; asked later it may."""


class FeedState(StrEnum):
    """How a feed, or one market of it, is doing."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    STALE = "stale"
    RATE_LIMITED = "rate_limited"
    POLLING = "polling"
    """Its streams do not answer, and it asks over REST instead until they do."""


@dataclass(frozen=True, slots=True)
class CandleClosed:
    """A closed candle. `backfilled`: fetched afterwards, and not seen as it closed."""

    symbol: str
    timeframe: Timeframe
    candle: Candle
    backfilled: bool = False


@dataclass(frozen=True, slots=True)
class CandlesClosed:
    """Candles of several symbols that closed at one time, as a feed that has them all gives them.

    The same as a `CandleClosed` of each, one after the other.
    """

    timeframe: Timeframe
    candles: Sequence[tuple[str, Candle]]


@dataclass(frozen=True, slots=True)
class PriceSeen:
    """A price between two candles. `time` is the venue's; sides that are not known are None.

    `low` and `high`: what the forming candle has reached so far, where the venue has told, and
    `forming` that candle as it was told last.
    """

    symbol: str
    time: int
    bid: float | None
    ask: float | None
    last: float | None
    low: float | None = None
    high: float | None = None
    forming: Candle | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """Candles that nobody could give: open times `first` to `last`, both included."""

    symbol: str
    timeframe: Timeframe
    first: int
    last: int
    why: str

    @property
    def count(self) -> int:
        """How many candles are missing."""
        return (self.last - self.first) // self.timeframe.ms + 1


@dataclass(frozen=True, slots=True)
class Revised:
    """The venue now tells a candle differently from what was said. `old` has been acted on."""

    symbol: str
    timeframe: Timeframe
    old: Candle
    new: Candle


@dataclass(frozen=True, slots=True)
class FundingRate:
    """The rate (a fraction of notional; a long pays a positive one) settled at `time`."""

    symbol: str
    time: int
    rate: float


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """A change in how the feed is doing. `symbol` None: the feed as a whole."""

    symbol: str | None
    state: FeedState
    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing more will come, because `why`."""

    why: str


FeedEvent = (
    CandleClosed | CandlesClosed | PriceSeen | Gap | Revised | FundingRate | FeedStatus | Ended
)


class EventSink(Protocol):
    """Where a feed puts its events: the queue of the session that follows it."""

    def put(self, event: FeedEvent) -> None:
        """Add an event. Never blocks; called on the event loop."""
        ...

    async def room(self, below: int = 8_192) -> None:
        """Return once fewer than `below` events wait: a feed can be faster than its reader."""
        ...


class Feed(Protocol):
    """Prices for one session. Symbols are ccxt unified names."""

    async def history(self, symbol: str, timeframe: Timeframe, count: int) -> Candles:
        """The last `count` closed candles, for warm-up; fewer where there are no more.

        Raises:
            FeedError: if the venue does not answer, or does not know the market.
        """
        ...

    async def subscribe(
        self,
        symbol: str,
        timeframe: Timeframe,
        *,
        after: int | None = None,
        quotes: bool = False,
        funding: bool = False,
    ) -> None:
        """Follow a market: its candles, and on request its best bid and ask, and its funding.

        `after`: the open time of the last candle already known; everything closed since then comes
        first, marked as back-filled, so that a restarted session misses nothing. None: from the
        first candle that closes from now on.

        Raises:
            FeedError: if the market cannot be followed.
        """
        ...

    async def run(self, sink: EventSink) -> None:
        """Put what happens in the subscribed markets into `sink`, in order, `Ended` last.

        Called once, after the first markets were subscribed to; one subscribed to later joins in.
        Returns when the feed has ended or is closed.

        Raises:
            FeedError: if the feed cannot go on.
        """
        ...

    async def filters(self, symbol: str) -> MarketFilters:
        """The order limits of a market.

        Raises:
            FeedError: if the venue does not answer, or does not know the market.
        """
        ...

    def known(self, symbol: str) -> Candles | None:
        """All candles of a market that will ever come, where they are known; else None."""
        ...

    def now(self) -> int:
        """The feed's clock: the venue's time, UTC ms."""
        ...

    async def close(self) -> None:
        """End the feed; `run` returns. May be called more than once."""
        ...
