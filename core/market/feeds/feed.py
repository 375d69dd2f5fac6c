"""What does a feed of prices say, and what may be asked of it?

A session subscribes to the markets it trades, then reads `events()` until `Ended`. Every feed keeps
the same promises, so that a session need not know where its prices come from:

- A closed candle of a (symbol, timeframe) is said once, in order of open time. Duplicates and
  reorderings are absorbed; a candle still forming is never said.
- What is missing is first asked for again. What stays missing is said as a `Gap`, before the next
  candle. A candle that the venue later tells differently is said as `Revised`, and not again.
- Prices (`PriceSeen`) may be coalesced when the reader is slow; nothing else may.
- Times are the venue's, in UTC milliseconds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
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


@dataclass(frozen=True, slots=True)
class CandleClosed:
    """A closed candle. `backfilled`: fetched afterwards, and not seen as it closed."""

    symbol: str
    timeframe: Timeframe
    candle: Candle
    backfilled: bool = False


@dataclass(frozen=True, slots=True)
class PriceSeen:
    """A price between two candles. `time` is the venue's; sides that are not known are None.

    `low` and `high`: what the forming candle has reached so far, where the venue has told.
    """

    symbol: str
    time: int
    bid: float | None
    ask: float | None
    last: float | None
    low: float | None = None
    high: float | None = None


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


FeedEvent = CandleClosed | PriceSeen | Gap | Revised | FundingRate | FeedStatus | Ended


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

    def events(self) -> AsyncIterator[FeedEvent]:
        """What happens in the subscribed markets, in order, until the feed ends or is closed.

        There is one reader; a market subscribed to meanwhile joins in.
        """
        ...

    async def filters(self, symbol: str) -> MarketFilters:
        """The order limits of a market.

        Raises:
            FeedError: if the venue does not answer, or does not know the market.
        """
        ...

    def now(self) -> int:
        """The feed's clock: the venue's time, UTC ms."""
        ...

    async def close(self) -> None:
        """End the feed; `events()` ends. May be called more than once."""
        ...
