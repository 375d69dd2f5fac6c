"""The embedded exchange on a clock that tests advance, and the real clients that speak with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import ccxt.async_support as ccxt
import pytest

from core.exchange.market.clock import ManualClock
from core.exchange.market.synthetic import SyntheticMarket
from core.exchange.server import DEMO_KEYS, EmbeddedExchange
from core.market.candles.timeframes import DAY
from core.market.public_session import verified

START = 20_755 * DAY  # 2026-10-29
OPENING = 100_000  # USDT in the spot account
((KEY, SECRET),) = DEMO_KEYS.items()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture(scope="session")
def market() -> SyntheticMarket:
    return SyntheticMarket(seed=7)


@pytest.fixture
async def exchange(clock: ManualClock, market: SyntheticMarket) -> AsyncIterator[EmbeddedExchange]:
    balances = {"USDT": Decimal(OPENING), "BTC": Decimal(1)}
    async with EmbeddedExchange(market, clock, balances=balances) as running:
        yield running


def binance(kind: str, exchange: EmbeddedExchange, **options: object) -> ccxt.binance:
    """An unmodified ccxt client, pointed at the exchange by nothing but its addresses."""
    client = ccxt.binance(
        {
            "apiKey": KEY,
            "secret": SECRET,
            "enableRateLimit": False,
            "options": {
                "defaultType": kind,
                "fetchMarkets": {"types": ["linear" if kind == "swap" else "spot"]},
                "fetchCurrencies": False,
                "fetchMargins": False,
                "adjustForTimeDifference": True,
                **options,
            },
        }
    )
    client.urls["api"] = pointed(client.urls["api"], exchange)
    client.ssl_context = verified(client.cafile)  # else it reads the certificates, in 20 ms
    return client


def pointed(urls: Any, exchange: EmbeddedExchange) -> Any:
    """ccxt's addresses with the exchange's hosts in place of Binance's."""
    if isinstance(urls, dict):
        return {name: pointed(part, exchange) for name, part in urls.items()}
    host, path = [*urls.split("/", 3), ""][2:4]
    futures = host.startswith(("fapi", "fstream"))
    if urls.startswith("ws"):
        base = exchange.futures_ws_url if futures else exchange.ws_url
    else:
        base = exchange.futures_rest_url if futures else exchange.rest_url
    return f"{base}/{path}"


Connect = Callable[..., ccxt.binance]


@pytest.fixture
async def connect(exchange: EmbeddedExchange) -> AsyncIterator[Connect]:
    """Makes ccxt clients of a market type ("spot" or "swap"), closed when the test ends."""
    clients: list[ccxt.binance] = []

    def make(kind: str = "spot", **options: object) -> ccxt.binance:
        client = binance(kind, exchange, **options)
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.close()
