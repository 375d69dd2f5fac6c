"""Market streams, as an unmodified websockets client receives them."""

from __future__ import annotations

import json
from typing import Any

import websockets
from websockets import ClientConnection

from core.exchange.market.clock import ManualClock
from core.exchange.server import EmbeddedExchange
from core.market.candles.timeframes import MINUTE, Timeframe

from .conftest import START


async def closed_candles(socket: ClientConnection, count: int) -> list[dict[str, Any]]:
    """The next `count` closed candles of a raw connection."""
    found: list[dict[str, Any]] = []
    while len(found) < count:
        event = json.loads(await socket.recv())
        if event.get("e") == "kline" and event["k"]["x"]:
            found.append(event["k"])
    return found


async def test_every_closed_candle_comes_once_and_in_order(
    exchange: EmbeddedExchange, clock: ManualClock
) -> None:
    async with websockets.connect(f"{exchange.ws_url}/ws/btcusdt@kline_1m") as socket:
        for minutes in (1, 1, 500, 2, 96):  # however far time jumps
            clock.advance(minutes * MINUTE)
        candles = await closed_candles(socket, 600)
    expected = exchange.venue.market.candles("BTC/USDT", Timeframe.M1, START, START + 600 * MINUTE)
    assert [candle["t"] for candle in candles] == expected.time.tolist()
    assert [float(candle["o"]) for candle in candles] == expected.open.tolist()
    assert [float(candle["c"]) for candle in candles] == expected.close.tolist()


async def test_forming_candle_and_quote_stay_inside_the_final_candle(
    exchange: EmbeddedExchange, clock: ManualClock
) -> None:
    final = exchange.venue.market.candles("BTC/USDT", Timeframe.M5, START, START + 1).at(0)
    url = f"{exchange.ws_url}/stream?streams=btcusdt@kline_5m/btcusdt@bookTicker"
    async with websockets.connect(url) as socket:
        prices = []
        for _ in range(100):
            clock.advance(2990)
            while True:
                message = json.loads(await socket.recv())
                if message["stream"] == "btcusdt@kline_5m":
                    prices.append(float(message["data"]["k"]["c"]))
                    assert not message["data"]["k"]["x"]
                else:
                    assert float(message["data"]["b"]) < float(message["data"]["a"])
                    break
    assert len(set(prices)) > 50
    assert final.low <= min(prices) < max(prices) <= final.high


async def test_subscriptions_can_change_and_be_listed(
    exchange: EmbeddedExchange, clock: ManualClock
) -> None:
    async with websockets.connect(f"{exchange.ws_url}/ws") as socket:

        async def ask(method: str, params: list[str], number: int | str) -> Any:
            await socket.send(json.dumps({"method": method, "params": params, "id": number}))
            return json.loads(await socket.recv())

        streams = ["btcusdt@kline_1m", "ethusdt@bookTicker"]
        assert await ask("SUBSCRIBE", streams, 1) == {"result": None, "id": 1}
        assert await ask("LIST_SUBSCRIPTIONS", [], 2) == {"result": streams, "id": 2}
        assert await ask("UNSUBSCRIBE", streams[:1], "x") == {"result": None, "id": "x"}
        assert await ask("LIST_SUBSCRIPTIONS", [], 4) == {"result": streams[1:], "id": 4}


async def test_futures_streams_flow_only_in_their_own_category(
    exchange: EmbeddedExchange, clock: ManualClock
) -> None:
    """An acknowledged subscription is no proof of data."""
    streams = ["btcusdt@kline_1m", "btcusdt@bookTicker", "btcusdt@markPrice@1s"]
    seen: dict[str, set[str]] = {}
    for category in ("public", "market"):
        async with websockets.connect(f"{exchange.ws_url}/{category}/stream") as socket:
            await socket.send(json.dumps({"method": "SUBSCRIBE", "params": streams, "id": 1}))
            assert json.loads(await socket.recv()) == {"result": None, "id": 1}
            clock.advance(MINUTE)
            clock.advance(MINUTE)
            await socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 2}))
            seen[category] = set()
            while "id" not in (message := json.loads(await socket.recv())):
                seen[category].add(message["stream"])
    assert seen["public"] == {"btcusdt@bookTicker"}
    assert seen["market"] == {"btcusdt@kline_1m", "btcusdt@markPrice@1s"}


async def test_a_stream_that_is_not_served_is_refused_and_not_silent(
    exchange: EmbeddedExchange,
) -> None:
    async with websockets.connect(f"{exchange.ws_url}/ws") as socket:
        for number, name in enumerate(("btcusdt@depth", "!miniTicker@arr", "btcusdt@ticker_1h")):
            asked = {"method": "SUBSCRIBE", "params": [name], "id": number}
            await socket.send(json.dumps(asked))
            answer = json.loads(await socket.recv())
            assert "is not served here" in str(answer)
            assert answer["id"] == number
        await socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 9}))
        assert json.loads(await socket.recv())["result"] == []
