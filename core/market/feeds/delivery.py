"""Gives candles, gaps and funding of one market to a session in their right order.

Funding settled at a time belongs to the candle that opens then, so it must come before that
candle. The exchange's own record decides; the rate last streamed stands in where it is late.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.market.candles.candle import Candle
from core.market.feeds.feed import (
    CandleClosed,
    FeedError,
    FeedEvent,
    FeedState,
    FeedStatus,
    FundingRate,
)
from core.market.feeds.sequence import CandleSequence
from core.market.history.exchange_api import ExchangeApi, Funding, RateLimitedError
from core.time_format import iso_or_number

_TRIES = 3
_AHEAD = 2_000  # ms that a venue's clock may be ahead of what is known of it


class FundingWatch:
    """The funding of one perpetual from `since` (exclusive, UTC ms) on. Pure: no clock, no I/O."""

    def __init__(self, symbol: str, since: int) -> None:
        self.symbol = symbol
        self.settled = since  # everything up to here has been said
        self.due = since + 1  # when the next funding is, as far as known; first of all: ask
        self._streamed: dict[int, float] = {}
        self._promised: int | None = None  # the next time, as the exchange told it last
        self._given_up: int | None = None  # a time whose rate the exchange never told
        self._tries = 0

    def holds(self, candle_time: int) -> bool:
        """Whether a candle that opens at `candle_time` must wait until funding is asked for."""
        return candle_time >= self.due

    def streamed(self, next_funding: int, rate: float | None) -> None:
        """The mark price stream tells the rate as it stands for `next_funding`."""
        if rate is not None and next_funding > self.settled:
            self._streamed[next_funding] = rate
        if self.settled < next_funding < self.due:
            self.due = next_funding

    def told(self, record: list[Funding], next_funding: int | None, now: int) -> list[FundingRate]:
        """Take the record since `settled` and the next time of funding; what is to be said."""
        said = [
            FundingRate(self.symbol, funding.time, funding.rate)
            for funding in record
            if self.settled < funding.time <= now
        ]
        if said:
            self.settled = said[-1].time
        known = self.due in self._streamed or self.due == self._promised
        if known and self.settled < self.due <= now:
            # The time has come but the record does not have it yet.
            self._tries += 1
            if self._tries < _TRIES:
                return said
            if self.due in self._streamed:
                said.append(FundingRate(self.symbol, self.due, self._streamed[self.due]))
                self.settled = self.due
            else:
                self._given_up = self.due
        self._tries = 0
        self._promised = next_funding
        self._streamed = {k: rate for k, rate in self._streamed.items() if k > self.settled}
        # One that came due while the exchange was asked is not in the record yet; one in the record
        # may be ahead of what is known of the exchange's clock. Both are waited for.
        times = {next_funding or now + 60_000, *self._streamed, *(rate.time for rate in record)}
        waited = [time for time in times if time > self.settled and time != self._given_up]
        self.due = min(waited, default=now + 60_000)
        return said


class Overdue:
    """A time after the close, in seconds: `first`, and twice as long each time that none came.

    Never longer than `most`: a market may simply be quiet, but it may also have stopped.
    """

    def __init__(self, first: float, most: float) -> None:
        self._first = first
        self._most = most
        self.seconds = first

    @property
    def asked(self) -> bool:
        """Whether it has been asked for in vain."""
        return self.seconds > self._first

    def since(self, closes: int, now: int) -> bool:
        """Whether a candle that closes at `closes` has been overdue since before `now` (UTC ms)."""
        return now - closes > self.seconds * 1000

    def none_came(self) -> None:
        """The exchange was asked, and has none."""
        self.seconds = min(self._most, self.seconds * 2)

    def came(self) -> None:
        """A candle has come."""
        self.seconds = self._first


@dataclass(frozen=True, slots=True)
class DeliveryPace:
    """How long what is missing is waited for.

    `hole_tries`: how often a hole is asked for, `hole_delay` seconds apart and then doubling,
    before it is a gap. `funding_tries`: how often funding that is not told holds candles back.
    """

    hole_tries: int = 4
    hole_delay: float = 1.0
    funding_tries: int = 3


class Delivery:
    """Puts the candles of one market into a sink (`put`): in order, funding before its candle."""

    def __init__(
        self,
        api: ExchangeApi,
        put: Callable[[FeedEvent], None],
        sequence: CandleSequence,
        funding: FundingWatch | None,
        pace: DeliveryPace,
    ) -> None:
        self.sequence = sequence
        self._api = api
        self._put = put
        self._funding = funding
        self._pace = pace
        self._held: list[FeedEvent] = []
        self._rates: list[FundingRate] = []
        self._hole_tries = 0
        self._funding_tries = 0
        self.doubtful = False  # whether something came that cannot be, so that one should ask

    @property
    def incomplete(self) -> bool:
        """Whether something is missing that the exchange should be asked for."""
        return self.doubtful or self.sequence.hole is not None or self._waits_for_funding()

    def closed(self, candle: Candle, *, backfilled: bool) -> None:
        """Take a closed candle, new or old, from the stream or the record.

        One that cannot have closed yet by the venue's own time is left out: taken in, it would make
        a gap of all the time until then.
        """
        closes = candle.time + self.sequence.timeframe.ms
        if closes > self._api.clock.now() + _AHEAD:
            if not self.doubtful:  # once until the record has been asked
                at = iso_or_number(closes)
                text = f"a candle that closes at {at} is of the future, and was left out"
                self._put(FeedStatus(self.sequence.symbol, FeedState.STALE, text))
            self.doubtful = True
            return
        self._say(self.sequence.closed(candle, backfilled=backfilled))

    def hole_remains(self) -> float | None:
        """The record has been asked and taken in; seconds after which to ask again, if need be.

        None where nothing is missing, or where it has been asked for often enough: then the hole is
        said as a gap.
        """
        self.doubtful = False
        if self.sequence.hole is None:
            self._hole_tries = 0
            return None
        self._hole_tries += 1
        if self._hole_tries < self._pace.hole_tries:
            return self._pace.hole_delay * float(2 ** (self._hole_tries - 1))
        self._hole_tries = 0
        asked = f"{self._pace.hole_tries} times"
        self._say(self.sequence.give_up(f"{self._api.name} has no such candles, asked {asked}"))
        return None if self.sequence.hole is None else self._pace.hole_delay

    async def market_has_stopped(self, closed: int) -> bool:
        """The record has no candle though one is overdue: does the market trade no more?

        Then the candles that would have closed by `closed` (UTC ms) are said as a gap, so that no
        session waits for them.

        Raises:
            FeedError: if the exchange does not answer.
        """
        if await self._api.trades(self.sequence.symbol):
            return False
        before = self.sequence.timeframe.floor(closed)
        self._say(self.sequence.give_up(f"it does not trade on {self._api.name}", before))
        return True

    async def settle_funding(self) -> float | None:
        """Ask for the funding that candles wait for; seconds after which to ask again, if need be.

        Raises:
            FeedError: if the exchange does not tell it, and there are tries left.
        """
        watch = self._funding
        if watch is None or not self._waits_for_funding():
            return None
        try:
            # In this order: a funding settled between the two answers is in the record.
            next_funding = await self._api.next_funding(watch.symbol)
            record = await self._api.funding(watch.symbol, watch.settled + 1)
        except RateLimitedError:
            raise
        except FeedError as error:
            self._funding_tries += 1
            if self._funding_tries < self._pace.funding_tries:
                raise
            record, next_funding = [], None
            text = f"candles go on without funding, which is not known: {error}"
            self._put(FeedStatus(watch.symbol, FeedState.STALE, text))
        self._funding_tries = 0
        self._rates += watch.told(record, next_funding, self._api.clock.now())
        self._let_go()
        return self._pace.hole_delay if self._waits_for_funding() else None

    def _waits_for_funding(self) -> bool:
        return bool(self._held)

    def _say(self, events: list[FeedEvent]) -> None:
        self._held += events
        self._let_go()

    def _let_go(self) -> None:
        """Say what waits, up to the first candle before which funding is due."""
        while self._held:
            event = self._held[0]
            if isinstance(event, CandleClosed):
                if self._funding is not None and self._funding.holds(event.candle.time):
                    return
                while self._rates and self._rates[0].time <= event.candle.time:
                    self._put(self._rates.pop(0))
            self._put(self._held.pop(0))
