"""How is the embedded exchange started, where does it listen, and how does it stop?"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from types import TracebackType
from typing import Self

from aiohttp import web

from core.exchange.clock import ExchangeClock
from core.exchange.connections import Audience
from core.exchange.publisher import Publisher
from core.exchange.rest import RestServer
from core.exchange.rest_market import MarketData
from core.exchange.stream_server import StreamServer
from core.exchange.tape import Market
from core.exchange.venue import Venue


class ExchangeStartError(Exception):
    """The exchange cannot listen where it was told to; the message says why and what to do."""


class EmbeddedExchange:
    """A Binance-compatible exchange on loopback: spot and USDⓈ-M, REST and WebSocket, one port.

    Paths are Binance's: `/api/v3`, `/fapi/v1` to `/fapi/v3`; streams `/ws` and `/stream` (spot),
    `/public`, `/market` and `/private` followed by either (USDⓈ-M); `/ws-api/v3`. What happens on
    it is decided by `market` and `clock` alone. Use it as an async context manager, or start and
    stop it.
    """

    def __init__(self, market: Market, clock: ExchangeClock) -> None:
        self.clock = clock
        self.venue = Venue(market, clock)
        self._audience = Audience()
        self._publisher = Publisher(self.venue, self._audience, lambda _done, _now: None)
        self._runner: web.AppRunner | None = None
        self._pump: asyncio.Task[None] | None = None
        self._address: tuple[str, int] | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen on a loopback address and let time pass; port 0 takes any free one.

        Returns:
            The base URL, `http://HOST:PORT`.

        Raises:
            ExchangeStartError: if `host` is not loopback, or the port is taken.
        """
        if not _is_loopback(host):
            raise ExchangeStartError(
                f"the embedded exchange listens on loopback only, not on {host!r}: use 127.0.0.1"
            )
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            await runner.cleanup()
            raise ExchangeStartError(
                f"port {port} on {host} cannot be used ({error.strerror or error}): "
                "choose another one, or 0 for any free port"
            ) from error
        self._runner = runner
        self._address = (host, runner.addresses[0][1])
        self._pump = asyncio.create_task(self._publisher.run(), name="exchange publisher")
        return self.rest_url

    async def stop(self) -> None:
        """Announce the shutdown to every stream, close them all with 1001, and free the port."""
        pump, self._pump = self._pump, None
        if pump is not None:
            pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pump
        await self._audience.dismiss(self.clock.now())
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
        self._address = None

    @property
    def rest_url(self) -> str:
        """`http://HOST:PORT`, to be followed by Binance's paths."""
        return f"http://{self._authority}"

    @property
    def ws_url(self) -> str:
        """`ws://HOST:PORT`, to be followed by Binance's paths."""
        return f"ws://{self._authority}"

    @property
    def ended(self) -> bool:
        """Whether the market has run out of candles: nothing will trade any more."""
        now = self.clock.now()
        return all(
            now >= self.venue.tape.end(item.symbol) for item in self.venue.market.instruments
        )

    @property
    def _authority(self) -> str:
        if self._address is None:
            raise RuntimeError("the embedded exchange is not started")
        host, port = self._address
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=1 << 20)
        routes = (
            MarketData(self.venue, perpetual=False).routes()
            | MarketData(self.venue, perpetual=True).routes()
        )
        rest = RestServer(self.clock, routes)
        application.add_routes(StreamServer(self.clock, self._audience).routes())
        for root in ("api", "fapi", "sapi", "dapi"):
            application.router.add_route("*", f"/{root}/{{rest:.*}}", rest.handle)
        return application

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


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
