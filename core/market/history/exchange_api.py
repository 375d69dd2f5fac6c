"""Asks an exchange for its public data, within its limits.

Every exchange that ccxt knows answers alike here. ccxt itself is loaded late and in a thread: it
takes more than half a second, and no screen and no other session should wait for it.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol, TypeVar

from aiohttp import ClientError

from core.market.candles.candle import LEAST, MOST, Candle
from core.market.candles.timeframes import DAY, MINUTE, Timeframe
from core.market.feeds.feed import FeedError, UnavailableError
from core.market.filters import MarketFilters
from core.market.history.exchange_names import exchange_problem
from core.market.public_session import RefusedAnswerError, public_session, verified
from core.market.retry import asked_wait
from core.market.symbols import is_perpetual
from core.market.venues.clock import TOLERANCE, ServerClock
from core.store.redaction import brief
from core.time_format import iso_or_number

T = TypeVar("T")

LONGEST_FUNDING = 2 * DAY
"""The longest that any venue lets pass between two settlements of funding (ms), and more."""

_DEFAULT_PAGE = 500
_LARGEST_RATE = 1.0  # of funding: no venue settles more than the notional itself
_MISUNDERSTANDINGS = (
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    IndexError,
    ArithmeticError,
    RecursionError,
)


class RateLimitedError(UnavailableError):
    """The exchange wants no requests for `seconds`; none will be sent until then."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class UnknownMarketError(FeedError):
    """The exchange has no such market."""


class UnknownExchangeError(FeedError):
    """ccxt knows no exchange of that name."""


class UnreachableError(UnavailableError):
    """The exchange did not answer, or not sensibly; it may do so later."""


@dataclass(frozen=True, slots=True)
class Funding:
    """A settled funding rate: what longs paid at `time` (UTC ms), as a fraction of notional."""

    time: int
    rate: float


@dataclass(frozen=True, slots=True)
class BookTicker:
    """Best prices and the last one, in quote currency; None where they are not told."""

    bid: float | None
    ask: float | None
    last: float | None


Ask = Callable[..., Awaitable[Any]]
"""Asks a method of a ccxt client, with its arguments, within the exchange's limits."""


class MarketLoader(Protocol):
    """Loads markets one by one, where an exchange's whole list is too long to take in."""

    async def load(self, client: Any, ask: Ask, symbol: str) -> Any:
        """A market as ccxt has it, or None where there is none of that name."""
        ...

    def forget(self) -> None:
        """Ask anew the next time."""
        ...


class ExchangeApi:
    """Public data of one exchange. Calls may run side by side; all stop while the exchange bans us.

    `clock` is set from the exchange's own time where it tells it.
    """

    def __init__(
        self,
        name: str,
        make_client: Callable[[Any], Any],
        clock: ServerClock,
        *,
        markets: MarketLoader | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.clock = clock
        self._make_client = make_client
        self._loader = markets
        self._monotonic = monotonic
        self._loading: asyncio.Task[None] | None = None
        self._ccxt: Any = None
        self._client: Any = None
        self._markets: dict[str, Any] = {}
        self._market_lock = asyncio.Lock()
        self._blocked_until = 0.0
        self._blocked_why = ""
        self._closed = False

    async def timeframes(self) -> tuple[str, ...]:
        """The candle lengths the exchange offers."""
        client = await self._ready()
        return tuple(client.timeframes or ())

    async def check_timeframe(self, timeframe: Timeframe) -> None:
        """Nothing, if the exchange offers candles of that length.

        Raises:
            FeedError: if it does not.
        """
        offered = await self.timeframes()
        if timeframe not in offered:
            raise FeedError(f"{self.name} has no {timeframe} candles; it has {', '.join(offered)}")

    async def page_size(self, symbol: str) -> int:
        """How many candles one call gives at most."""
        client = await self._ready()
        kind = ("swap", "linear") if is_perpetual(symbol) else ("spot",)
        features: Any = client.features or {}
        for key in kind:
            features = features.get(key) or {}
        limit = (features.get("fetchOHLCV") or {}).get("limit")
        return int(limit) if limit else _DEFAULT_PAGE

    async def server_time(self) -> int:
        """The exchange's time (UTC ms), asked now.

        Where it tells none it is the local clock's a minute ago, so that even with a clock ahead of
        the exchange's no forming candle is taken for a closed one.
        """
        client = await self._ready()
        if not client.has.get("fetchTime"):
            return self.clock.now() - MINUTE
        asked_at = self._monotonic()
        moment = await self._told(client.fetch_time)
        if not isinstance(moment, int):
            raise UnreachableError(f"{self.name} was asked for its time and tells none")
        if not self.clock.measured(moment, asked_at):
            raise UnreachableError(
                f"{self.name} says that it is {iso_or_number(moment)}, and this machine's clock "
                f"says {iso_or_number(self.clock.wall())}: nothing is decided until both agree to "
                f"within {TOLERANCE // MINUTE} minutes; set this machine's clock if it is wrong"
            )
        return self.clock.now()

    async def candles(
        self, symbol: str, timeframe: Timeframe, since: int | None = None, limit: int | None = None
    ) -> list[Candle]:
        """A page of candles, oldest first, from `since` (UTC ms) on or else the newest.

        The last one may still be forming. Rows that are no candles are left out, and so is a
        minority of candles off the timeframe's grid.

        Raises:
            FeedError: if the exchange knows no such market or timeframe, or does not answer.
        """
        await self.market(symbol)
        client = await self._ready()
        await self.check_timeframe(timeframe)
        rows = await self._told(client.fetch_ohlcv, symbol, timeframe.value, since, limit)
        if not isinstance(rows, list):
            raise self._strange("candles", rows)
        found, odd = {}, 0
        latest = self.clock.now() + timeframe.ms if self.clock.synchronised else None
        for row in rows:
            candle = _candle(row)
            if candle is None or (since is not None and candle.time < since):
                continue
            if latest is not None and candle.time > latest:
                continue  # no candle of the future is one
            if timeframe.floor(candle.time) == candle.time:
                found[candle.time] = candle
            else:
                odd += 1
        if odd > len(found):
            raise FeedError(
                f"{self.name}'s {timeframe} candles of {symbol} do not open at multiples of "
                f"{timeframe} in UTC (weeks: on Mondays); choose another timeframe"
            )
        return [found[moment] for moment in sorted(found)]

    async def quote(self, symbol: str) -> BookTicker:
        """Best bid and ask and the last price, as far as the exchange tells them.

        Raises:
            FeedError: if the exchange does not know the market, or does not answer.
        """
        await self.market(symbol)
        client = await self._ready()
        ticker = await self._told(client.fetch_ticker, symbol)
        if not isinstance(ticker, dict):
            raise self._strange("prices", ticker)
        return BookTicker(*(_known(ticker.get(key)) for key in ("bid", "ask", "last")))

    async def market(self, symbol: str) -> Any:
        """What ccxt knows of a market.

        Raises:
            FeedError: if the exchange does not have it.
        """
        found = self._markets.get(symbol)
        if found is not None:
            return found
        client = await self._ready()
        async with self._market_lock:
            if symbol not in self._markets:
                if self._loader is None:
                    self._markets = dict(await self._call(client.load_markets))
                else:
                    await self._understood(self._load_market(self._loader, client, symbol))
        found = self._markets.get(symbol)
        if found is None:
            raise UnknownMarketError(f"{self.name} has no market {symbol}: check the symbol")
        return found

    async def trades(self, symbol: str) -> bool:
        """Whether a market trades at present, asked anew.

        Raises:
            FeedError: if the exchange does not answer.
        """
        async with self._market_lock:
            self._markets.pop(symbol, None)
            if self._loader is not None:
                self._loader.forget()
        try:
            return (await self.market(symbol)).get("active") is not False
        except UnknownMarketError:
            return False

    async def filters(self, symbol: str) -> MarketFilters:
        """The order limits of a market.

        Raises:
            FeedError: if the exchange does not have the market, or does not answer.
        """
        market = await self.market(symbol)
        client = await self._ready()
        try:
            return self._filters(market, client.precisionMode == self._ccxt.DECIMAL_PLACES)
        except _MISUNDERSTANDINGS as error:
            self._markets.pop(symbol, None)  # so that it is asked for anew
            raise self._not_understood(error) from error

    @staticmethod
    def _filters(market: Any, decimals: bool) -> MarketFilters:
        limits, precision = market.get("limits") or {}, market.get("precision") or {}

        def step(value: object) -> Decimal | None:
            number = _decimal(value)
            return Decimal(1).scaleb(-int(number)) if decimals and number is not None else number

        return MarketFilters(
            lot_step=step(precision.get("amount")),
            min_quantity=_decimal((limits.get("amount") or {}).get("min")),
            min_notional=_decimal((limits.get("cost") or {}).get("min")),
            tick_size=step(precision.get("price")),
        )

    async def funding(self, symbol: str, since: int, limit: int = 1000) -> list[Funding]:
        """Settled funding rates of a perpetual from `since` (UTC ms) on, oldest first, one page.

        Raises:
            FeedError: if the exchange does not tell them.
        """
        await self.market(symbol)
        client = await self._ready()
        rows = await self._told(client.fetch_funding_rate_history, symbol, since, limit)
        if not isinstance(rows, list):
            raise self._strange("funding rates", rows)
        # Venues book a few ms late; the rate belongs to the full minute.
        found = {}
        for row in rows:
            moment, rate = row.get("timestamp"), _rate(row.get("fundingRate"))
            if isinstance(moment, int) and rate is not None:
                found[moment - moment % MINUTE] = rate
        return [Funding(moment, found[moment]) for moment in sorted(found) if moment >= since]

    async def next_funding(self, symbol: str) -> int | None:
        """When a perpetual's funding is settled next (UTC ms); None where no such time is told."""
        await self.market(symbol)
        client = await self._ready()
        rate = await self._told(client.fetch_funding_rate, symbol)
        if not isinstance(rate, dict):
            raise self._strange("a funding rate", rate)
        moment = rate.get("fundingTimestamp") or rate.get("nextFundingTimestamp")
        if not isinstance(moment, int) or moment > self.clock.now() + LONGEST_FUNDING:
            return None  # were it waited for, nothing would be paid until then
        return moment

    async def close(self) -> None:
        """Let go of the connections for good. May be called more than once."""
        self._closed = True
        if self._loading is not None:
            await asyncio.gather(self._loading, return_exceptions=True)
        client, self._client, self._loading = self._client, None, None
        if client is not None:
            session = client.session
            await client.close()
            if session is not None:
                await session.close()

    async def _ready(self) -> Any:
        """The ccxt client, made on first use."""
        if self._closed:  # a straggler would make one that nobody closes
            raise UnreachableError(f"{self.name} is not asked any more: the host has let go of it")
        if self._client is None:
            if self._loading is None:
                self._loading = asyncio.create_task(self._load(), name=f"load {self.name}")
            await asyncio.shield(self._loading)
        return self._client

    async def _load(self) -> None:
        self._ccxt = await asyncio.to_thread(importlib.import_module, "ccxt.async_support")
        self._client = self._make_client(self._ccxt)

    async def _load_market(self, loader: MarketLoader, client: Any, symbol: str) -> None:
        found = await loader.load(client, self._call, symbol)
        if found is not None and found.get("symbol") == symbol:
            client.set_markets([*self._markets.values(), found])
            self._markets = dict(client.markets)

    async def _told(self, ask: Callable[..., Awaitable[T]], *arguments: object) -> T:
        """What the exchange says of a market that it has.

        Raises:
            FeedError: it cannot say that.
            UnreachableError: it says of a sudden that it has no such market, and may again.
        """
        try:
            return await self._call(ask, *arguments)
        except UnknownMarketError as error:
            raise UnreachableError(f"{error}, though it lists it") from error

    async def _call(self, ask: Callable[..., Awaitable[T]], *arguments: object) -> T:
        left = self._blocked_until - self._monotonic()
        if left > 0:
            raise RateLimitedError(self._blocked_why, left)
        errors = self._ccxt
        try:
            return await ask(*arguments)
        except (errors.DDoSProtection, errors.RateLimitExceeded) as error:
            raise self._limited(error) from error
        except errors.BadSymbol as error:
            raise UnknownMarketError(f"{self.name} has no such market: {brief(error)}") from error
        except errors.OperationFailed as error:
            if " 451 " in str(error):
                raise FeedError(
                    f"{self.name} does not answer from this place (451): choose another exchange, "
                    "or another address of it in the configuration"
                ) from error
            refused = error.__cause__
            why = refused if isinstance(refused, RefusedAnswerError) else error
            raise UnreachableError(f"{self.name} did not answer: {brief(why)}") from error
        except errors.AuthenticationError as error:
            # Public data needs no key: it is something in between that asks who we are.
            raise UnreachableError(f"{self.name} cannot be reached: {brief(error)}") from error
        except (errors.BadRequest, errors.NotSupported, errors.ArgumentsRequired) as error:
            raise FeedError(f"{self.name} refused: {brief(error)}") from error
        except errors.BaseError as error:
            # No HTTP at all, an error of no known kind: it may be of what is in between.
            refused = error.__cause__
            why = refused if isinstance(refused, ClientError) else error
            raise UnreachableError(f"{self.name} does not answer sensibly: {brief(why)}") from error
        except _MISUNDERSTANDINGS as error:
            # ccxt trips over answers of another shape than it expects.
            raise self._not_understood(error) from error

    async def _understood(self, work: Awaitable[T]) -> T:
        """What comes of taking an answer apart.

        Raises:
            UnreachableError: it is of another shape than expected.
        """
        try:
            return await work
        except _MISUNDERSTANDINGS as error:
            raise self._not_understood(error) from error

    def _not_understood(self, error: Exception) -> UnreachableError:
        return UnreachableError(
            f"{self.name} answered in a way that is not understood: {brief(error)}"
        )

    def _strange(self, expected: str, found: object) -> UnreachableError:
        return UnreachableError(
            f"{self.name} was asked for {expected} and answered with {brief(f'{found!r:.60}')}"
        )

    def _limited(self, error: Exception) -> RateLimitedError:
        # No other call can have come between the answer and here: nothing was awaited since.
        banned = " 418 " in str(error)
        seconds = asked_wait(self._client.last_response_headers or {}, banned=banned)
        what = "has banned this address" if banned else "asks for fewer requests"
        self._blocked_why = f"{self.name} {what}: nothing is asked for {seconds:.0f} s"
        self._blocked_until = max(self._blocked_until, self._monotonic() + seconds)
        return RateLimitedError(self._blocked_why, seconds)


def exchange_api(name: str, clock: ServerClock) -> ExchangeApi:
    """Public data of any exchange, by its ccxt name. An unknown name fails at the first call."""

    def make(ccxt: Any) -> Any:
        if (problem := exchange_problem(name)) is not None:
            raise UnknownExchangeError(problem)
        client = getattr(ccxt, name)({"enableRateLimit": True})
        client.session = public_session(proxies=True, certificates=client.cafile)
        client.ssl_context = verified(client.cafile)
        client.own_session = False
        return client

    return ExchangeApi(name, make, clock)


def _candle(row: list[Any]) -> Candle | None:
    """A row of candles, or None where something is missing or impossible."""
    try:
        candle = Candle(int(row[0]), *(float(value) for value in row[1:6]))
    except (TypeError, ValueError, IndexError):
        return None
    return candle if candle.sound else None


def _known(value: object) -> float | None:
    if not isinstance(value, (int, float)) or not LEAST <= value <= MOST:
        return None
    return float(value)


def _rate(value: object) -> float | None:
    """A funding rate, or None where it cannot be one."""
    try:
        rate = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return rate if abs(rate) <= _LARGEST_RATE else None


def _decimal(value: object) -> Decimal | None:
    """A number as ccxt gives it, exactly as it prints.

    Raises:
        ValueError: it is no number of a market, or below 0.
    """
    if value is None:
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise ValueError(f"{value!r:.40} is no number") from error
    if not number.is_finite() or not 0 <= number <= Decimal(MOST):
        raise ValueError(f"{value!r:.40} is no limit of an order")
    return number
