"""An account's own events, as an unmodified websockets client receives them."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
import websockets
from websockets import ClientConnection

from core.exchange.market.clock import ManualClock
from core.exchange.market.synthetic import SyntheticMarket
from core.exchange.rest.signing import ed25519_pair
from core.exchange.server import EmbeddedExchange
from core.market.candles.timeframes import HOUR, MINUTE

from .conftest import KEY, OPENING, SECRET, START, Connect, binance


def signed(**params: Any) -> dict[str, Any]:
    text = "&".join(f"{name}={params[name]}" for name in sorted(params))
    params["signature"] = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
    return params


async def ask(socket: ClientConnection, method: str, **params: Any) -> dict[str, Any]:
    await socket.send(json.dumps({"id": "q", "method": method, "params": params}))
    while True:
        answer: dict[str, Any] = json.loads(await socket.recv())
        if answer.get("id") == "q":
            return answer


async def test_spot_account_is_told_of_orders_fills_and_balances(
    exchange: EmbeddedExchange, connect: Connect
) -> None:
    client = connect()
    async with websockets.connect(f"{exchange.ws_url}/ws-api/v3") as socket:
        method = "userDataStream.subscribe.signature"
        answer = await ask(socket, method, **signed(apiKey=KEY, timestamp=START))
        assert answer["status"] == 200
        order = await client.create_order("BTC/USDT", "market", "buy", 0.05)
        messages = [json.loads(await socket.recv()) for _ in range(4)]
    assert {m["subscriptionId"] for m in messages} == {answer["result"]["subscriptionId"]}
    new, _, trade, balances = (m["event"] for m in messages)
    assert (new["e"], new["x"], new["X"]) == ("executionReport", "NEW", "NEW")
    assert (trade["x"], trade["X"], str(trade["i"])) == ("TRADE", "FILLED", order["id"])
    assert float(trade["l"]) == float(trade["z"]) == 0.05
    assert trade["N"] == "BTC"
    assert balances["e"] == "outboundAccountPosition"
    held = {balance["a"]: float(balance["f"]) for balance in balances["B"]}
    assert held["USDT"] == pytest.approx(OPENING - order["cost"])


async def test_spot_subscription_needs_a_valid_signature_and_can_end(
    exchange: EmbeddedExchange, connect: Connect
) -> None:
    client = connect()
    async with websockets.connect(f"{exchange.ws_url}/ws-api/v3") as socket:
        method = "userDataStream.subscribe.signature"
        forged = signed(apiKey=KEY, timestamp=START) | {"timestamp": START + 1}
        refused = await ask(socket, method, **forged)
        assert (refused["status"], refused["error"]["code"]) == (400, -1022)
        number = (await ask(socket, method, **signed(apiKey=KEY, timestamp=START)))["result"]
        await ask(socket, "userDataStream.unsubscribe", **number)
        await client.create_order("BTC/USDT", "market", "buy", 0.05)
        assert (await ask(socket, "time"))["result"] == {"serverTime": START}


@pytest.mark.parametrize("half", [0, 1], ids=["private", "public"])
async def test_spot_session_is_logged_on_with_an_ed25519_key(
    clock: ManualClock, market: SyntheticMarket, half: int
) -> None:
    pair = ed25519_pair()
    private, known = pair[0], pair[half]  # a file of keys holds the private half
    question = {"apiKey": "ed25519-key", "timestamp": START}

    def with_signature(text: str) -> dict[str, Any]:
        return question | {"signature": client.eddsa(text.encode(), private, "ed25519")}

    async with EmbeddedExchange(
        market, clock, keys={"ed25519-key": known, KEY: SECRET}
    ) as exchange:
        client = binance("spot", exchange)
        client.apiKey, client.secret = "ed25519-key", private
        async with websockets.connect(f"{exchange.ws_url}/ws-api/v3") as socket:
            refused = [
                await ask(socket, "userDataStream.subscribe"),
                await ask(socket, "session.logon", **signed(apiKey=KEY, timestamp=START)),
                await ask(socket, "session.logon", **with_signature("another text")),
            ]
        assert [answer["error"]["code"] for answer in refused] == [-2015, -4056, -1022]
        async with websockets.connect(f"{exchange.ws_url}/ws-api/v3") as socket:
            text = f"apiKey=ed25519-key&timestamp={START}"
            session = await ask(socket, "session.logon", **with_signature(text))
            assert session["result"]["authorizedSince"] == START
            number = (await ask(socket, "userDataStream.subscribe"))["result"]["subscriptionId"]
            order = await client.create_order("BTC/USDT", "market", "buy", 0.05)
            messages = [json.loads(await socket.recv()) for _ in range(4)]
            assert {message["subscriptionId"] for message in messages} == {number}
            assert str(messages[2]["event"]["i"]) == order["id"]
            # Clients send the number as they like.
            await ask(socket, "userDataStream.unsubscribe", subscriptionId=str(number))
            await client.create_order("BTC/USDT", "market", "buy", 0.05)
            assert (await ask(socket, "session.logout"))["result"]["apiKey"] is None
        client.secret = ed25519_pair()[0]
        with pytest.raises(Exception, match="-1022"):
            await client.fetch_balance()
        await client.close()


@pytest.mark.parametrize("form", ["ws/{key}", "ws?listenKey={key}", "stream?streams={key}"])
async def test_futures_account_is_told_of_orders_and_positions(
    exchange: EmbeddedExchange, connect: Connect, form: str
) -> None:
    client = connect("swap")
    key = (await client.fapiPrivatePostListenKey())["listenKey"]
    async with websockets.connect(
        f"{exchange.futures_ws_url}/private/{form.format(key=key)}"
    ) as socket:
        await client.create_order("BTC/USDT:USDT", "market", "sell", 0.01)
        messages = [json.loads(await socket.recv()) for _ in range(3)]
    if "stream?" in form:
        assert {message["stream"] for message in messages} == {key}
        messages = [message["data"] for message in messages]
    new, trade, account = messages
    assert (new["e"], new["o"]["x"]) == ("ORDER_TRADE_UPDATE", "NEW")
    assert (trade["o"]["x"], trade["o"]["X"]) == ("TRADE", "FILLED")
    (position,) = account["a"]["P"]
    assert float(position["pa"]) == -0.01
    assert float(account["a"]["B"][0]["wb"]) < 10_000


async def heard(socket: ClientConnection, count: int) -> list[dict[str, Any]]:
    """The next events of a connection."""
    return [json.loads(await socket.recv()) for _ in range(count)]


async def test_a_stop_is_told_of_until_the_order_that_it_places_has_ended(
    exchange: EmbeddedExchange, connect: Connect, clock: ManualClock
) -> None:
    client, symbol = connect("swap"), "BTC/USDT:USDT"
    key = (await client.fapiPrivatePostListenKey())["listenKey"]
    await client.create_order(symbol, "market", "buy", 0.02)
    price = (await client.fetch_ticker(symbol))["last"] * 0.9998
    url = f"{exchange.futures_ws_url}/private/ws/{key}"
    async with websockets.connect(url) as socket:
        stop = await client.create_order(
            symbol, "market", "sell", 0.02, None, {"stopLossPrice": price, "reduceOnly": True}
        )
        trigger = {"trigger": True}
        while await client.fetch_open_orders(symbol, params=trigger):
            clock.advance(MINUTE)
        new, *events = await heard(socket, 7)
        other = await client.create_order(symbol, "limit", "sell", 0.02, price * 2)
        stop_again = await client.create_order(
            symbol, "market", "sell", 0.02, None, {"triggerPrice": price / 2}
        )
        await client.cancel_order(stop_again["id"], symbol, trigger)
        later = await heard(socket, 3)
    assert (new["e"], new["o"]["X"]) == ("ALGO_UPDATE", "NEW")
    told = [(event["e"], event.get("o", {}).get("X")) for event in events]
    assert told == [
        ("ALGO_UPDATE", "TRIGGERING"),
        ("ALGO_UPDATE", "TRIGGERED"),
        ("ORDER_TRADE_UPDATE", "NEW"),
        ("ORDER_TRADE_UPDATE", "FILLED"),
        ("ACCOUNT_UPDATE", None),
        ("ALGO_UPDATE", "FINISHED"),
    ]
    order, finished = events[2]["o"], events[5]["o"]
    assert str(finished["aid"]) == stop["id"] != str(order["i"])
    assert finished["ai"] == str(order["i"])
    assert (order["o"], finished["o"], finished["aq"]) == ("MARKET", "STOP_MARKET", "0.02")
    assert order["c"] == finished["caid"]
    assert str(later[0]["o"]["i"]) == other["id"]
    assert [event["o"]["X"] for event in later[1:]] == ["NEW", "CANCELED"]


@pytest.mark.parametrize("mode", ["cross", "isolated"])
async def test_funding_is_told_with_the_balance_and_an_isolated_position(
    exchange: EmbeddedExchange, connect: Connect, clock: ManualClock, mode: str
) -> None:
    client, symbol = connect("swap"), "BTC/USDT:USDT"
    if mode == "isolated":
        await client.set_margin_mode(mode, symbol)
    key = (await client.fapiPrivatePostListenKey())["listenKey"]
    await client.create_order(symbol, "market", "buy", 0.02)
    before = float((await client.fetch_balance())["info"]["totalWalletBalance"])
    url = f"{exchange.futures_ws_url}/private/ws/{key}"
    async with websockets.connect(url) as socket:
        clock.advance(8 * HOUR)
        (event,) = await heard(socket, 1)
    (funding,) = await client.fetch_funding_history(symbol)
    assert (event["e"], event["a"]["m"]) == ("ACCOUNT_UPDATE", "FUNDING_FEE")
    (balance,) = event["a"]["B"]
    assert float(balance["bc"]) == funding["amount"] != 0
    assert float(balance["wb"]) == pytest.approx(before + funding["amount"])
    assert [position["mt"] for position in event["a"]["P"]] == ["isolated"] * (mode == "isolated")


async def test_futures_connection_can_name_the_events_that_it_wants(
    exchange: EmbeddedExchange, connect: Connect
) -> None:
    client = connect("swap")
    key = (await client.fapiPrivatePostListenKey())["listenKey"]
    url = f"{exchange.futures_ws_url}/private/ws?listenKey={key}&events=ACCOUNT_UPDATE"
    async with websockets.connect(url) as socket:
        await client.create_order("BTC/USDT:USDT", "market", "sell", 0.01)
        assert json.loads(await socket.recv())["e"] == "ACCOUNT_UPDATE"


async def test_listen_key_expires_an_hour_after_it_was_last_extended(
    exchange: EmbeddedExchange, connect: Connect, clock: ManualClock
) -> None:
    client = connect("swap")
    key = (await client.fapiPrivatePostListenKey())["listenKey"]
    clock.advance(50 * MINUTE)
    assert (await client.fapiPrivatePutListenKey())["listenKey"] == key
    async with websockets.connect(f"{exchange.futures_ws_url}/private/ws/{key}") as socket:
        clock.advance(50 * MINUTE)
        await client.fetch_time()
        clock.advance(HOUR)
        event = json.loads(await socket.recv())
    assert (event["e"], event["listenKey"]) == ("listenKeyExpired", key)
    with pytest.raises(Exception, match="-1125"):
        await client.fapiPrivatePutListenKey()
