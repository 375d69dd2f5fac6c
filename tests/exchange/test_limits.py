"""Request weights, order counts, and what follows on too much."""

from __future__ import annotations

import aiohttp
import ccxt
import pytest

from core.exchange.market.clock import ManualClock
from core.exchange.server import EmbeddedExchange
from core.market.candles.timeframes import MINUTE

from .conftest import Connect


async def test_every_answer_tells_the_weight_used_in_this_minute(
    exchange: EmbeddedExchange, connect: Connect, clock: ManualClock
) -> None:
    client = connect()
    await client.fetch_time()
    assert client.last_response_headers["X-MBX-USED-WEIGHT-1M"] == "1"
    await client.public_get_klines({"symbol": "BTCUSDT", "interval": "5m"})
    assert client.last_response_headers["X-MBX-USED-WEIGHT-1M"] == "3"
    clock.advance(MINUTE)
    await client.fetch_time()
    assert client.last_response_headers["X-MBX-USED-WEIGHT-1M"] == "1"


async def test_order_count_is_told_and_limited(
    exchange: EmbeddedExchange, connect: Connect
) -> None:
    client = connect()
    for count in range(1, 101):
        await client.create_order("BTC/USDT", "limit", "buy", 0.001, 50_000)
        assert client.last_response_headers["X-MBX-ORDER-COUNT-10S"] == str(count)
    with pytest.raises(ccxt.DDoSProtection, match="-1015"):
        await client.create_order("BTC/USDT", "limit", "buy", 0.001, 50_000)


async def test_above_the_limit_comes_429_then_418_and_both_pass(
    exchange: EmbeddedExchange, clock: ManualClock
) -> None:
    query = f"symbol=BTCUSDT&interval=1m&limit=1500&startTime={clock.now()}"
    url = f"{exchange.futures_rest_url}/fapi/v1/klines?{query}"
    async with aiohttp.ClientSession() as client:

        async def ask() -> tuple[int, str | None]:
            async with client.get(url) as answer:
                await answer.read()
                return answer.status, answer.headers.get("Retry-After")

        for _ in range(240):
            assert await ask() == (200, None)
        clock.advance(10_000)
        for _ in range(10):
            assert await ask() == (429, "50")
        assert await ask() == (418, "120")
        clock.advance(MINUTE)
        assert await ask() == (418, "60")
        clock.advance(MINUTE)
        assert (await ask())[0] == 200
        async with client.get(f"{exchange.rest_url}/api/v3/time") as spot:
            assert spot.status == 200  # spot counts for itself
