"""The embedded exchange: starts its REST and WebSocket servers on loopback, and stops them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Mapping
from decimal import Decimal
from types import TracebackType
from typing import Self

import msgspec
from aiohttp import web

from core.exchange.accounts.accounts import DEFAULT_BALANCES, DEFAULT_WALLET, Accounts
from core.exchange.faults import Fault, FaultError, FaultKind, FaultPanel, Faults
from core.exchange.listening import listen
from core.exchange.market.clock import ExchangeClock
from core.exchange.market.market_replay import Market
from core.exchange.market.quotes import HALF_SPREAD, MarketQuotes
from core.exchange.matching.matching import MatchingEngine
from core.exchange.matching.order_entry import OrderEntry
from core.exchange.rest.calls import Routes
from core.exchange.rest.futures_account import FuturesAccount
from core.exchange.rest.futures_orders import FuturesTrading
from core.exchange.rest.market_data import MarketData
from core.exchange.rest.router import RestServer
from core.exchange.rest.signing import ed25519_pair
from core.exchange.rest.spot import SpotAccount
from core.exchange.streams.connections import Audience
from core.exchange.streams.publisher import Publisher
from core.exchange.streams.stream_server import StreamServer
from core.exchange.streams.user_streams import UserStreams
from core.exchange.streams.ws_api import WebSocketApi
from core.market.venues.addresses import is_this_machine

DEMO_KEYS: Mapping[str, str] = {"papertape-demo-key": "papertape-demo-secret"}

DEMO_ED25519_KEY = "papertape-demo-ed25519-key"


@functools.cache
def demo_ed25519() -> tuple[str, str]:
    """The private and the public half of the demo's Ed25519 key, new in each process."""
    return ed25519_pair()


class ExchangeStartError(Exception):
    """The exchange cannot listen where it was told to; the message says why and what to do."""


class EmbeddedExchange:
    """A Binance-compatible exchange on loopback: spot and USDⓈ-M, REST and WebSocket.

    Each market type has a port of its own, as Binance has hosts: `/ws` and `/stream` are names on
    both, and which prices a client of a single port means by them could not be told. Paths are
    Binance's: spot has `/api/v3`, `/ws`, `/stream` and `/ws-api/v3`; USDⓈ-M `/fapi/v1` to
    `/fapi/v3`, and `/public`, `/market` and `/private` followed by `/ws` or `/stream`. What happens
    on it is decided by `market` and `clock` alone, and by the faults that are switched on. Use it
    as an async context manager, or start and stop it.
    """

    def __init__(
        self,
        market: Market,
        clock: ExchangeClock,
        *,
        keys: Mapping[str, str] = DEMO_KEYS,
        balances: Mapping[str, Decimal] = DEFAULT_BALANCES,
        wallet: Mapping[str, Decimal] = DEFAULT_WALLET,
        seed: int = 0,
        half_spread: float = HALF_SPREAD,
    ) -> None:
        """An exchange that does not listen yet.

        Args:
            market: what is traded, and at which prices.
            clock: the exchange's time.
            keys: API keys and their secrets; each has an account of its own.
            balances: what every spot account opens with, units by asset.
            wallet: what every futures wallet opens with, units by asset.
            seed: of the faults that strike by chance.
            half_spread: how far best bid and ask lie from the last price, as a fraction of it.
        """
        self.clock = clock
        self.venue = MarketQuotes(market, clock, half_spread)
        self.accounts = Accounts(keys, balances, wallet)
        self.faults = Faults(seed)
        self._audience = Audience()
        self._engine = MatchingEngine(self.venue, self.accounts)
        self._users = UserStreams(clock, self._audience, self._engine.futures)
        self._engine.follow(self._users.on_report)
        self._publisher = Publisher(self.venue, self._audience, self.faults, self._pass_time)
        self._runners: list[web.AppRunner] = []
        self._servers: list[asyncio.Server] = []
        self._pump: asyncio.Task[None] | None = None
        self._farewells: set[asyncio.Task[None]] = set()
        self._addresses: list[str] = []  # HOST:PORT of spot, then of USDⓈ-M

    async def start(self, host: str = "127.0.0.1", port: int = 0, futures_port: int = 0) -> str:
        """Listen on a loopback address and let time pass; port 0 takes any free one.

        Returns:
            The base URL of spot, `http://HOST:PORT`.

        Raises:
            ExchangeStartError: if `host` is not loopback, or a port is taken.
        """
        if not is_this_machine(host):
            raise ExchangeStartError(
                f"the embedded exchange listens on loopback only, not on {host!r}: use 127.0.0.1"
            )
        try:
            for application, wanted in ((self._spot(), port), (self._futures(), futures_port)):
                await self._listen(application, host, wanted)
        except ExchangeStartError:
            await self._close()
            raise
        self._pump = asyncio.create_task(self._publisher.run(), name="exchange publisher")
        self._pump.add_done_callback(_complain)
        return self.rest_url

    async def stop(self) -> None:
        """Announce the shutdown to every stream, close them all with 1001, and free the port."""
        pump, self._pump = self._pump, None
        if pump is not None:
            pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pump
        await asyncio.gather(*self._farewells)
        await self._audience.dismiss(self.clock.now())
        await self._close()

    @property
    def rest_url(self) -> str:
        """`http://HOST:PORT` of spot, to be followed by Binance's paths."""
        return f"http://{self._authority(0)}"

    @property
    def ws_url(self) -> str:
        """`ws://HOST:PORT` of spot, to be followed by Binance's paths."""
        return f"ws://{self._authority(0)}"

    @property
    def futures_rest_url(self) -> str:
        """`http://HOST:PORT` of USDⓈ-M, to be followed by Binance's paths."""
        return f"http://{self._authority(1)}"

    @property
    def futures_ws_url(self) -> str:
        """`ws://HOST:PORT` of USDⓈ-M, to be followed by Binance's paths."""
        return f"ws://{self._authority(1)}"

    @property
    def ended(self) -> bool:
        """Whether the market has run out of candles: nothing will trade any more."""
        now, replay = self.clock.now(), self.venue.replay
        return all(now >= replay.end(item.symbol) for item in self.venue.market.instruments)

    def switch_on(
        self,
        kind: FaultKind | str,
        target: str = "*",
        *,
        times: int | None = None,
        chance: float = 1.0,
        amount: float | None = None,
    ) -> Fault:
        """Switch a fault on; see `FaultKind` for what they do and what their size means.

        A delisting lasts until it is switched off; a testnet reset and a shutdown happen at once.

        Raises:
            FaultError: if there is no such fault, or nothing it could strike.
        """
        fault = self.faults.add(kind, target, times=times, chance=chance, amount=amount)
        match fault.kind:
            case FaultKind.DELISTING:
                self._delist(fault)
            case FaultKind.TESTNET_RESET:
                self.accounts.reset()
                self.faults.remove(fault.id)
            case FaultKind.SHUTDOWN:
                task = asyncio.create_task(self._audience.dismiss(self.clock.now()))
                self._farewells.add(task)
                task.add_done_callback(self._farewells.discard)
                self.faults.remove(fault.id)
        return fault

    def switch_off(self, number: int | None = None) -> None:
        """Switch off the fault of that number, or all. Candles once changed stay changed."""
        for fault in self.faults.on:
            if number not in (None, fault.id):
                continue
            if fault.kind is FaultKind.DELISTING:
                for symbol in self._named(fault.target):
                    self.venue.replay.relist(symbol, self.clock.now())
            self.faults.remove(fault.id)

    def _delist(self, fault: Fault) -> None:
        symbols = self._named(fault.target)
        if not symbols:
            self.faults.remove(fault.id)
            raise FaultError(f"there is no market {fault.target!r} to delist: name one, as BTCUSDT")
        for symbol in symbols:
            self.venue.replay.delist(symbol, self.clock.now())

    def _named(self, target: str) -> list[str]:
        """Unified symbols of the markets that a unified or venue symbol means."""
        return [
            item.symbol
            for item in self.venue.market.instruments
            if target in (item.symbol, item.venue_symbol)
        ]

    def _pass_time(self, done: int, now: int) -> None:
        self._engine.pass_time(done, now)
        self._engine.close_markets(now)
        self._users.expire()

    async def _listen(self, application: web.Application, host: str, port: int) -> None:
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        self._runners.append(runner)
        await runner.setup()
        try:
            server = await listen(runner, host, port)
        except OSError as error:
            raise ExchangeStartError(
                f"port {port} on {host} cannot be used ({error.strerror or error}): "
                "choose another one, or 0 for any free port"
            ) from error
        self._servers.append(server)
        addresses = [listening.getsockname() for listening in server.sockets]
        if not all(is_this_machine(address[0]) for address in addresses):
            raise ExchangeStartError(f"{host} is another address here: use 127.0.0.1")
        shown = f"[{host}]" if ":" in host else host
        self._addresses.append(f"{shown}:{addresses[0][1]}")

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for runner in self._runners:
            await runner.cleanup()
        self._servers.clear()
        self._runners.clear()
        self._addresses.clear()

    def _authority(self, place: int) -> str:
        if len(self._addresses) != 2:
            raise RuntimeError("the embedded exchange is not started")
        return self._addresses[place]

    def _spot(self) -> web.Application:
        """What answers on spot's port."""
        venue, engine = self.venue, self._engine
        entry = OrderEntry(venue, self.accounts)
        routes = (
            MarketData(venue, perpetual=False).routes() | SpotAccount(venue, engine, entry).routes()
        )
        api = WebSocketApi(self.clock, self.accounts, self._audience, self._users, self.faults)
        panel = FaultPanel(
            lambda wanted: self.switch_on(**msgspec.structs.asdict(wanted)),
            self.switch_off,
            lambda: self.faults.on,
            self._status,
        )
        application = self._application(routes, perpetual=False)
        application.add_routes(panel.routes())
        application.router.add_get("/ws-api/v3", api.handle)
        return application

    def _futures(self) -> web.Application:
        """What answers on the port of USDⓈ-M."""
        venue, engine = self.venue, self._engine
        entry = OrderEntry(venue, self.accounts)
        return self._application(
            MarketData(venue, perpetual=True).routes()
            | FuturesTrading(venue, engine, entry).routes()
            | FuturesAccount(venue, engine.futures).routes()
            | self._users.routes(),
            perpetual=True,
        )

    def _application(self, routes: Routes, *, perpetual: bool) -> web.Application:
        rest = RestServer(self.clock, self.accounts, self.faults, routes, perpetual=perpetual)
        streams = StreamServer(self.venue, self._audience, self._users)
        application = web.Application(client_max_size=1 << 20)
        application.add_routes(streams.routes(perpetual=perpetual))
        for root in ("api", "fapi", "sapi", "dapi"):
            application.router.add_route("*", f"/{root}/{{rest:.*}}", rest.handle)
        return application

    def _status(self) -> dict[str, object]:
        return {
            "time": self.clock.now(),
            "speed": self.clock.speed,
            "ended": self.ended,
            "connections": len(self._audience.connections),
            "symbols": [item.symbol for item in self.venue.market.instruments],
        }

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()


def _complain(pump: asyncio.Task[None]) -> None:
    """Say at once that time stands still because the publisher failed."""
    if not pump.cancelled() and (error := pump.exception()) is not None:
        pump.get_loop().call_exception_handler(
            {"message": "the embedded exchange's publisher failed", "exception": error}
        )
