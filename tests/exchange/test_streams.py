"""Market streams, as an unmodified websockets client receives them."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest
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
        async with websockets.connect(f"{exchange.futures_ws_url}/{category}/stream") as socket:
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


@pytest.mark.parametrize(
    "name",
    [
        "!miniTicker@arr",
        "btcusdt@ticker_1h",
        "btcusdt@avgPrice",
        "btcusdt@markPrice",
        "btcusdt@kline_1m@+08:00",
        "btcusdt@kline_7m",
        "btcusdt@depth20@333ms",
        "btcusdt@depth7",
    ],
)
async def test_a_stream_that_is_not_served_is_refused_and_not_silent(
    exchange: EmbeddedExchange, name: str
) -> None:
    async with websockets.connect(f"{exchange.ws_url}/ws/0") as socket:
        await socket.send(json.dumps({"method": "SUBSCRIBE", "params": [name], "id": 7}))
        answer = json.loads(await socket.recv())
        assert "is not served here" in str(answer)
        assert answer["id"] == 7
        await socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 9}))
        assert json.loads(await socket.recv())["result"] == []
    for form in ("ws", "stream?streams="):
        with pytest.raises(websockets.InvalidStatus, match="400") as refused:
            await websockets.connect(f"{exchange.ws_url}/{form}/btcusdt@trade/{name}")
        assert b"is not served here" in refused.value.response.body


async def test_futures_without_a_category_never_get_spot_prices(
    exchange: EmbeddedExchange, clock: ManualClock
) -> None:
    """What Binance carries there is carried; what it would be silent about is refused."""
    kline = "btcusdt@kline_1m"
    for url in ("ws/btcusdt@bookTicker", "stream?streams=btcusdt@bookTicker"):
        async with websockets.connect(f"{exchange.futures_ws_url}/{url}") as socket:
            clock.advance(MINUTE)
            quote = json.loads(await socket.recv())
            quote = quote.get("data", quote)
            perpetual = exchange.venue.instrument("BTCUSDT", perpetual=True)
            (bid, _) = exchange.venue.best(perpetual, clock.now())
            assert (quote["e"], float(quote["b"])) == ("bookTicker", bid.price)
            await socket.send(json.dumps({"method": "SUBSCRIBE", "params": [kline], "id": 1}))
            while "error" not in (answer := json.loads(await socket.recv())):
                pass
            assert "below /market alone" in answer["error"]["msg"]
    with pytest.raises(websockets.InvalidStatus, match="400"):
        await websockets.connect(f"{exchange.futures_ws_url}/ws/{kline}")


async def test_each_market_type_is_known_on_its_own_port_alone(exchange: EmbeddedExchange) -> None:
    async with aiohttp.ClientSession() as client:
        for url in (
            f"{exchange.rest_url}/fapi/v1/time",
            f"{exchange.futures_rest_url}/api/v3/time",
        ):
            async with client.get(url) as answer:
                assert answer.status == 404
                refusal = await answer.json()
                assert refusal["code"] == -5000
                assert "a port each" in refusal["msg"]
    for url in (f"{exchange.ws_url}/market/ws", f"{exchange.futures_ws_url}/ws-api/v3"):
        with pytest.raises(websockets.InvalidStatus, match="404"):
            await websockets.connect(url)


@pytest.mark.parametrize("perpetual", [False, True], ids=["spot", "futures"])
async def test_a_book_kept_by_its_changes_is_the_book_that_is_asked_for(
    exchange: EmbeddedExchange, clock: ManualClock, perpetual: bool
) -> None:
    """Kept as Binance says: events first, then a copy, then what came after it."""
    base = f"{exchange.futures_ws_url}/public" if perpetual else exchange.ws_url
    rest = f"{exchange.futures_rest_url}/fapi/v1" if perpetual else f"{exchange.rest_url}/api/v3"
    question = f"{rest}/depth?symbol=BTCUSDT&limit=1000"
    async with (
        websockets.connect(f"{base}/ws/btcusdt@depth") as socket,
        aiohttp.ClientSession() as client,
    ):

        async def copy() -> tuple[int, dict[str, dict[str, str]]]:
            async with client.get(question) as answer:
                book = await answer.json()
            return book["lastUpdateId"], {side: dict(book[side]) for side in ("bids", "asks")}

        clock.advance(2_000)
        buffered = [json.loads(await socket.recv())]
        clock.advance(300)  # between two messages
        last, kept = await copy()
        told = buffered[-1]["u"]
        for number in range(40):
            clock.advance(250 if number % 3 else 45_000)
            if number % 4 == 3:
                event = json.loads(await socket.recv())
                assert event["U"] == told + 1
                if perpetual:
                    assert event["pu"] == told
                told = event["u"]
                buffered.append(event)
        for event in buffered:
            if event["u"] <= last:
                continue
            for side, changes in (("bids", event["b"]), ("asks", event["a"])):
                for price, quantity in changes:
                    if float(quantity):
                        kept[side][price] = quantity
                    else:
                        kept[side].pop(price, None)
            last = event["u"]
        while last < clock.now():
            event = json.loads(await socket.recv())
            last = event["u"]
            for side, changes in (("bids", event["b"]), ("asks", event["a"])):
                kept[side].update(changes)
            kept = {
                side: {price: size for price, size in levels.items() if float(size)}
                for side, levels in kept.items()
            }
        assert (last, kept) == await copy()
