"""Asks one account on a test venue, and says what its answers mean for an order.

What an answer means is decided by the venue's own status and code: how ccxt classes an error
depends on the name of the host. An answer that is not well-formed means nothing: the outcome is
then unknown.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NoReturn, TypeVar

import aiohttp

from core.market.feeds.feed import FeedError
from core.market.filters import MarketFilters
from core.market.history.exchange_api import ExchangeApi, RateLimitedError, UnreachableError
from core.market.public_session import verified
from core.market.retry import asked_wait
from core.market.venues.addresses import is_this_machine
from core.market.venues.binance.dialect import BinanceMarkets
from core.market.venues.clock import ServerClock
from core.store.credentials import ApiKey
from core.store.redaction import KNOWN_SECRETS, brief
from core.trading.orders import VenueOrder
from core.trading.venue_answers import (
    AnswerError,
    OrderState,
    VenueFill,
    check_account,
    check_done,
    check_leverage,
    read_fills,
    read_order,
)
from core.trading.venue_hosts import (
    ForbiddenAddressError,
    LoopbackResolver,
    check_order_address,
)

T = TypeVar("T")

RECEIVE_WINDOW = 5_000  # ms after which the venue takes a request no more

_TOO_MANY = (-1003, -1015)
_CLOCK = (-1021, -5028)
_UNSURE = (-1000, -1001, -1006, -1007)  # it may have been executed
_TIMED_OUT = 408  # at the venue, which may still execute it
_NO_SUCH_ORDER = -2013
_ISOLATED_ALREADY = -4046
# How ccxt trips over answers of another shape than it expects.
_TRIPPED = (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError)


class OrderError(Exception):
    """A request to a venue did not do what it was for."""


class RefusedError(OrderError):
    """The venue has not done what it was asked, and will not.

    `code` is its own; None where it is not the venue's word but a gateway's, say, which leaves open
    what became of the request.
    """

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class NotSentError(RefusedError):
    """The venue was not even asked: what was to be asked is no request for it."""


class UnsureError(OrderError):
    """No answer, or one that leaves open whether the venue has done what it was asked."""


class LaterError(OrderError):
    """The venue wants no requests for `seconds`; `told`: it said itself that it has not done it."""

    def __init__(self, message: str, seconds: float, *, told: bool) -> None:
        super().__init__(message)
        self.seconds = seconds
        self.told = told


class ClockError(OrderError):
    """The venue has not done it: the request's time was not its own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back by HTTP."""

    status: int
    headers: Mapping[str, str]
    body: str


class OrderClient:
    """One account on a test venue: its spot markets, or (`perpetual`) its USDⓈ-M ones.

    Requests go out one at a time. `ask` and what uses it raise `RefusedError`, `UnsureError`,
    `LaterError`, `ClockError`, and `ForbiddenAddressError` where a request would have gone to a
    host that orders may not reach.
    """

    def __init__(
        self,
        name: str,
        address: str,
        key: ApiKey,
        *,
        perpetual: bool,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`name` is what people call the venue.

        Raises:
            ForbiddenAddressError: orders may not go to `address`.
        """
        self.name = name
        self.address = str(check_order_address(address)).rstrip("/")
        self.perpetual = perpetual
        self._key = key
        for secret in (key.api_key, key.api_secret):
            KNOWN_SECRETS.add(secret.reveal())  # a venue may echo them
        self._sleep = sleep
        self._monotonic = monotonic
        self._api = ExchangeApi(
            name,
            self._make,
            ServerClock(monotonic, own_time=True),
            markets=BinanceMarkets(),
            monotonic=monotonic,
        )
        self._turn = asyncio.Lock()
        self._blocked_until = 0.0
        self._errors: tuple[type[Exception], ...] = ()  # ccxt's, once it is loaded
        self._passing: tuple[type[Exception], ...] = ()
        self._client: Any = None
        self._session: aiohttp.ClientSession | None = None
        self._answer: Answer | None = None

    async def filters(self, symbol: str) -> MarketFilters:
        """The venue's order limits of a market, which is learnt by this: ask before ordering."""
        return await self.ask(lambda _: self._api.filters(symbol))

    async def prepare(self, symbol: str, leverage: int) -> None:
        """Have a perpetual's margin isolated, and its leverage set."""

        async def isolate(client: Any) -> None:
            check_done(await client.set_margin_mode("isolated", symbol))

        async def lever(client: Any) -> None:
            check_leverage(await client.set_leverage(leverage, symbol), symbol, leverage)

        try:
            await self.ask(isolate)
        except RefusedError as error:
            if error.code != _ISOLATED_ALREADY:
                raise
        await self.ask(lever)

    async def place(
        self, order: VenueOrder, quantity: float, sending: Callable[[], None]
    ) -> OrderState:
        """Send a market order for `quantity`; what the venue says of it.

        `sending` is called when it goes out: until then it may have to wait for other requests.
        """
        only = {"reduceOnly": True} if order.closes and self.perpetual else {}
        named = {"clientOrderId": order.id, **only}

        async def send(client: Any) -> OrderState:
            sending()
            side = order.side.value
            row = await client.create_order(order.symbol, "market", side, quantity, None, named)
            return read_order(row["info"], order)

        return await self.ask(send)

    async def find(self, order: VenueOrder) -> OrderState | None:
        """What the venue says of an order, or None where it says that it has none of that ID."""
        await self.filters(order.symbol)
        named = {"clientOrderId": order.id}

        async def look(client: Any) -> OrderState:
            row = await client.fetch_order(None, order.symbol, named)
            return read_order(row["info"], order)

        try:
            return await self.ask(look)
        except RefusedError as error:
            if error.code != _NO_SUCH_ORDER:
                raise
            return None

    async def fills(self, order: VenueOrder, venue_id: str) -> tuple[VenueFill, ...]:
        """The executions of an order."""
        of = {"orderId": venue_id}

        async def look(client: Any) -> tuple[VenueFill, ...]:
            rows = await client.fetch_my_trades(order.symbol, None, None, of)
            return read_fills([row["info"] for row in rows], order, venue_id)

        return await self.ask(look)

    async def check(self) -> None:
        """Ask for the account, which takes a valid key and changes nothing."""

        async def look(client: Any) -> None:
            if self.perpetual:
                check_account(await client.fapiPrivateV3GetAccount(), "assets")
            else:
                account = await client.privateGetAccount({"omitZeroBalances": "true"})
                check_account(account, "balances")

        await self.ask(look)

    async def set_clock(self) -> None:
        """Go by the venue's time from now on."""
        await self.ask(lambda _: self._set_clock())

    async def ready(self) -> str | None:
        """Why nothing can be ordered now, though the keys may be good; None where nothing is."""
        return None

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Have `changed` called when `ready` may answer otherwise; what is returned ends that."""
        return lambda: None

    async def ask(self, request: Callable[[Any], Awaitable[T]]) -> T:
        """What the venue answers to one request of the ccxt client. Errors: see the class."""
        async with self.turn():
            try:
                if self._client is None:
                    await self._set_clock()
                self._answer = None
                return await request(self._client)
            except RateLimitedError as error:
                raise self._limited(str(error), error.seconds, told=False) from error
            except UnreachableError as error:
                raise UnsureError(str(error)) from error
            except FeedError as error:
                raise NotSentError(str(error)) from error
            except self._errors as error:
                raise self._meaning(error) from error
            except (AnswerError, *_TRIPPED) as error:
                raise UnsureError(f"an answer that is not understood ({brief(error)})") from error

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """The right to send the next request, once the venue wants one."""
        async with self._turn:
            left = self._blocked_until - self._monotonic()
            if left > 0:
                await self._sleep(left)
            yield

    async def close(self) -> None:
        """Let go of the connections. May be called more than once."""
        await self._api.close()
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _set_clock(self) -> None:
        now = await self._api.server_time()
        self._client.options["timeDifference"] = self._client.milliseconds() - now

    def _make(self, ccxt: Any) -> Any:
        """The ccxt client: it knows no address but this venue's, and its session lets no other."""
        client = ccxt.binance(
            {
                "apiKey": self._key.api_key.reveal(),
                "secret": self._key.api_secret.reveal(),
                "session": None,  # it is to use ours
                "enableRateLimit": not self._local,
                "options": {
                    "defaultType": "swap" if self.perpetual else "spot",
                    "recvWindow": RECEIVE_WINDOW,
                    "fetchCurrencies": False,
                    "fetchMargins": False,
                    "crossMarginPairsData": [],
                    "isolatedMarginPairsData": [],
                },
            }
        )
        kinds = ("fapi",) if self.perpetual else ("public", "private", "v1")
        client.urls["api"] = {
            name: f"{self.address}/{url.split('/', 3)[3]}"
            for name, url in client.urls["api"].items()
            if name.startswith(kinds)
        }
        self._session = guarded_session(client.cafile, proxies=not self._local)
        client.session, client.ssl_context = self._session, verified(client.cafile)
        client.on_rest_response = self._heard
        # Its own would write every request with its key, where someone asks for debugging.
        client.logger = logging.Logger(__name__, logging.WARNING)
        self._client = client
        self._errors, self._passing = (ccxt.BaseError,), (ccxt.OperationFailed,)
        return client

    @property
    def _local(self) -> bool:
        return is_this_machine(check_order_address(self.address).host or "")

    def _heard(
        self,
        status: int,
        _: str,
        __: str,
        ___: str,
        headers: Mapping[str, str],
        body: str,
        *____: object,
    ) -> str:
        self._answer = Answer(status, dict(headers), body)
        return body.strip()

    def _meaning(self, error: Exception) -> Exception:
        """What has become of a request that ccxt says failed."""
        answer = self._answer
        if answer is None and error.__cause__ is None and not isinstance(error, self._passing):
            return NotSentError(f"not sent: {brief(error)}")  # by ccxt itself
        if answer is None:
            # Its text would show the whole request.
            return UnsureError(f"no answer ({type(error).__name__})")
        return self.meaning(answer)

    def meaning(self, answer: Answer) -> Exception:
        """What has become of a request that the venue answered with an error."""
        code, said = _told(answer.body)
        words = f"{answer.status} {brief(said)}" if code is None else f"{code} {brief(said)}"
        if answer.status < 400:  # an error in what says that all went well
            return UnsureError(words)
        if answer.status in (418, 429) or code in _TOO_MANY:
            seconds = asked_wait(answer.headers, banned=answer.status == 418)
            return self._limited(words, seconds, told=code is not None)
        if code in _CLOCK:
            return ClockError(words)
        if answer.status == _TIMED_OUT or answer.status >= 500 or code in _UNSURE:
            return UnsureError(words)
        return RefusedError(words, code)

    def _limited(self, words: str, seconds: float, *, told: bool) -> LaterError:
        self._blocked_until = max(self._blocked_until, self._monotonic() + seconds)
        return LaterError(f"{words}; nothing is asked for {seconds:.0f} s", seconds, told=told)


def guarded_session(certificates: str, *, proxies: bool) -> aiohttp.ClientSession:
    """An HTTP session that opens no connection but to where orders may go, and follows nobody.

    `certificates` is the file of those trusted; `proxies`: use the environment's.
    """

    async def check(_: object, __: SimpleNamespace, asked: aiohttp.TraceRequestStartParams) -> None:
        check_order_address(asked.url)

    async def refuse(_: object, __: SimpleNamespace, ___: object) -> NoReturn:
        # The signature would go along, to wherever the answer points.
        raise ForbiddenAddressError("the venue sent the request elsewhere; it was not followed")

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(check)
    trace.on_request_redirect.append(refuse)
    connector = aiohttp.TCPConnector(ssl=verified(certificates), resolver=LoopbackResolver())
    return aiohttp.ClientSession(connector=connector, trace_configs=[trace], trust_env=proxies)


def _told(body: str) -> tuple[int | None, str]:
    """The venue's code (below 0) and words, or None and what it sent instead."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None, body
    code = told.get("code") if isinstance(told, dict) else None
    if isinstance(code, bool) or not isinstance(code, int) or code >= 0:
        return None, body
    return code, str(told.get("msg", ""))
