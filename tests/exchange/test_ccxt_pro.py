"""Streams and account events, as an unmodified ccxt.pro client watches them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import ccxt.pro
import pytest

from core.exchange.market.clock import RunningClock
from core.exchange.market.synthetic import SyntheticMarket
from core.exchange.server import EmbeddedExchange

from .conftest import KEY, SECRET, START, pointed

Watching = tuple[ccxt.pro.binance, str]  # a client and the symbol it watches


@pytest.fixture
async def running(market: SyntheticMarket) -> AsyncIterator[EmbeddedExchange]:
    async with EmbeddedExchange(market, RunningClock(START, speed=100)) as exchange:
        yield exchange


@pytest.fixture(params=[("spot", "BTC/USDT"), ("swap", "BTC/USDT:USDT")], ids=["spot", "swap"])
async def watching(
    request: pytest.FixtureRequest, running: EmbeddedExchange
) -> AsyncIterator[Watching]:
    kind, symbol = request.param
    types = ["linear" if kind == "swap" else "spot"]
    client = ccxt.pro.binance(
        {
            "apiKey": KEY,
            "secret": SECRET,
            "options": {
                "defaultType": kind,
                "fetchMarkets": {"types": types},
                "fetchCurrencies": False,
                "fetchMargins": False,
                "adjustForTimeDifference": True,
            },
        }
    )
    client.urls["api"] = pointed(client.urls["api"], running)
    yield client, symbol
    await client.close()


async def test_candles_and_quotes_can_be_watched(
    running: EmbeddedExchange, watching: Watching
) -> None:
    client, symbol = watching
    async with asyncio.timeout(10):
        quote = (await client.watch_bids_asks([symbol]))[symbol]
        candles = await client.watch_ohlcv(symbol, "1m")
    assert 0 < quote["bid"] < quote["ask"]
    assert candles[-1][0] % 60_000 == 0
    assert START <= candles[-1][0] <= running.clock.now()


async def test_the_order_book_can_be_watched(running: EmbeddedExchange, watching: Watching) -> None:
    client, symbol = watching
    async with asyncio.timeout(10):
        for _ in range(3):
            book = await client.watch_order_book(symbol, 20)
    assert book["bids"][0][0] < book["asks"][0][0]
    assert len(book["bids"]) == len(book["asks"]) == 20
    assert [price for price, _ in book["asks"]] == sorted(price for price, _ in book["asks"])


async def test_orders_can_be_watched(watching: Watching) -> None:
    client, symbol = watching
    watched = asyncio.ensure_future(client.watch_orders(symbol))
    placed = set()
    async with asyncio.timeout(10):
        while not watched.done():  # until the subscription stands, orders go by unseen
            order = await client.create_order(symbol, "market", "buy", 0.01)
            placed.add(order["id"])
        (seen, *_) = await watched
    assert seen["id"] in placed
    assert seen["symbol"] == symbol
