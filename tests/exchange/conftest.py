"""The embedded exchange on a clock that tests advance, and the real clients that speak with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import ccxt.async_support as ccxt
import pytest

from core.exchange.clock import ManualClock
from core.exchange.server import EmbeddedExchange
from core.exchange.synthetic import SyntheticMarket
from core.market.timeframes import DAY

START = 20_755 * DAY  # 2026-10-29


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
async def exchange(clock: ManualClock) -> AsyncIterator[EmbeddedExchange]:
    async with EmbeddedExchange(SyntheticMarket(seed=7), clock) as running:
        yield running


def binance(kind: str, base_url: str, **options: object) -> ccxt.binance:
    """An unmodified ccxt client, pointed at the exchange by nothing but its addresses."""
    client = ccxt.binance(
        {
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
    api = client.urls["api"]
    client.urls["api"] = {
        name: base_url + "/" + url.split("/", 3)[3] for name, url in api.items() if "://" in url
    }
    return client


Connect = Callable[..., Awaitable[ccxt.binance]]


@pytest.fixture
async def connect(exchange: EmbeddedExchange) -> AsyncIterator[Callable[..., ccxt.binance]]:
    """Makes ccxt clients of a market type ("spot" or "swap"), closed when the test ends."""
    clients: list[ccxt.binance] = []

    def make(kind: str = "spot", **options: object) -> ccxt.binance:
        client = binance(kind, exchange.rest_url, **options)
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.close()
