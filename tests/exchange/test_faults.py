"""Each fault, as an unmodified client meets it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import ccxt
import pytest
import websockets
from websockets import ClientConnection

from core.exchange.faults import FaultError, FaultKind, Faults
from core.exchange.market.clock import ManualClock
from core.exchange.server import EmbeddedExchange
from core.market.candles.timeframes import MINUTE, Timeframe

from .conftest import OPENING, START, Connect

STREAM = "btcusdt@kline_1m"


@pytest.fixture
async def stream(exchange: EmbeddedExchange) -> AsyncIterator[ClientConnection]:
    async with websockets.connect(f"{exchange.ws_url}/ws/{STREAM}") as socket:
        yield socket


async def closes(socket: ClientConnection, clock: ManualClock, minutes: int) -> list[int]:
    """Minutes (from the start) of the closed candles that come while `minutes` pass."""
    for _ in range(minutes):
        clock.advance(MINUTE)
    await socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 1}))
    found = []
    while "id" not in (event := json.loads(await socket.recv())):
        if event["k"]["x"]:
            found.append((event["k"]["t"] - START) // MINUTE)
    return found


async def test_silent_stall_loses_messages_while_the_socket_stays_open(
    exchange: EmbeddedExchange, clock: ManualClock, stream: ClientConnection
) -> None:
    assert await closes(stream, clock, 2) == [0, 1]
    fault = exchange.switch_on("silent_stall", "btcusdt@*")
    assert await closes(stream, clock, 2) == []
    exchange.switch_off(fault.id)
    assert await closes(stream, clock, 2) == [4, 5]  # what was missed is never sent again


async def test_silent_stall_strikes_one_stream_of_a_socket(
    exchange: EmbeddedExchange, clock: ManualClock
) -> None:
    exchange.switch_on("silent_stall", STREAM)
    url = f"{exchange.ws_url}/stream?streams={STREAM}/ethusdt@kline_1m"
    async with websockets.connect(url) as socket:
        clock.advance(MINUTE)
        clock.advance(MINUTE)
        message = json.loads(await socket.recv())
    assert message["stream"] == "ethusdt@kline_1m"


async def test_drop_cuts_the_line_without_a_goodbye(
    exchange: EmbeddedExchange, clock: ManualClock, stream: ClientConnection
) -> None:
    exchange.switch_on("drop", STREAM, times=1)
    clock.advance(MINUTE)
    with pytest.raises(websockets.ConnectionClosedError):
        await stream.recv()
    async with websockets.connect(f"{exchange.ws_url}/ws/{STREAM}") as again:
        assert await closes(again, clock, 1) == [1]


async def test_duplicate_sends_a_candle_twice(
    exchange: EmbeddedExchange, clock: ManualClock, stream: ClientConnection
) -> None:
    exchange.switch_on("duplicate", STREAM)
    assert await closes(stream, clock, 2) == [0, 0, 1, 1]


async def test_reorder_sends_a_candle_after_its_successor(
    exchange: EmbeddedExchange, clock: ManualClock, stream: ClientConnection
) -> None:
    exchange.switch_on("reorder", STREAM, times=1)
    assert await closes(stream, clock, 4) == [1, 0, 2, 3]


async def test_late_close_comes_when_its_delay_is_over(
    exchange: EmbeddedExchange, clock: ManualClock, stream: ClientConnection
) -> None:
    exchange.switch_on("late_close", STREAM, times=1, amount=30_000)
    assert await closes(stream, clock, 1) == []
    clock.advance(30_000)
    clock.advance(30_000)
    assert await closes(stream, clock, 0) == [0, 1]


async def test_missing_candle_is_missing_over_rest_too(
    exchange: EmbeddedExchange, clock: ManualClock, stream: ClientConnection, connect: Connect
) -> None:
    assert await closes(stream, clock, 1) == [0]
    exchange.switch_on("missing_candle", STREAM, times=1)
    assert await closes(stream, clock, 3) == [2, 3]
    rows = await connect().fetch_ohlcv("BTC/USDT", "1m", START, 10)
    assert [(row[0] - START) // MINUTE for row in rows] == [0, 2, 3, 4]


async def test_revised_candle_closes_again_and_rest_shows_the_revision(
    exchange: EmbeddedExchange, clock: ManualClock, stream: ClientConnection, connect: Connect
) -> None:
    exchange.switch_on("revised_candle", STREAM, times=1, amount=50)
    clock.advance(MINUTE)
    first, second = [json.loads(await stream.recv())["k"] for _ in range(2)]
    assert first["t"] == second["t"] == START
    assert first["x"]
    assert second["x"]
    original = exchange.venue.market.candles("BTC/USDT", Timeframe.M1, START, START + 1).at(0)
    assert float(first["c"]) == original.close
    assert float(second["c"]) == pytest.approx(original.close * 1.005, abs=0.01)
    row = (await connect().fetch_ohlcv("BTC/USDT", "1m", START, 1))[0]
    assert row[4] == float(second["c"])


async def test_slow_reply_waits_in_real_time(
    exchange: EmbeddedExchange, clock: ManualClock, connect: Connect
) -> None:
    client = connect()
    exchange.switch_on("slow_reply", "/api/v3/time", times=1, amount=80)
    waiting = asyncio.ensure_future(client.fetch_time())
    url = f"{exchange.rest_url}/api/v3/ping"
    async with aiohttp.ClientSession() as other, other.get(url) as answer:
        assert answer.status == 200  # others are served meanwhile
    assert not waiting.done()
    clock.advance(80)
    assert await waiting == START + 80


@pytest.mark.parametrize(
    ("kind", "words", "retry"),
    [("too_many_requests", "429", "7"), ("banned", "418", "7")],
)
async def test_refusals_for_too_much_traffic_say_when_to_come_back(
    exchange: EmbeddedExchange, connect: Connect, kind: str, words: str, retry: str
) -> None:
    client = connect()
    exchange.switch_on(kind, "/api/*", times=1, amount=7)
    with pytest.raises(ccxt.DDoSProtection, match=words):
        await client.fetch_time()
    assert client.last_response_headers["Retry-After"] == retry
    assert await client.fetch_time() == START


async def test_unavailable_executes_nothing(exchange: EmbeddedExchange, connect: Connect) -> None:
    client = connect()
    await client.load_markets()
    exchange.switch_on("unavailable", "/api/v3/order", times=1)
    with pytest.raises(ccxt.ExchangeNotAvailable):
        await client.create_order("BTC/USDT", "market", "buy", 0.01)
    assert await client.fetch_my_trades("BTC/USDT") == []


async def test_unknown_outcome_has_executed_the_order(
    exchange: EmbeddedExchange, connect: Connect
) -> None:
    client = connect()
    await client.load_markets()
    exchange.switch_on("unknown_outcome", "/api/v3/order", times=1)
    with pytest.raises(ccxt.RequestTimeout):
        await client.create_order(
            "BTC/USDT", "market", "buy", 0.01, None, {"clientOrderId": "asked-once"}
        )
    found = await client.fetch_order(None, "BTC/USDT", {"clientOrderId": "asked-once"})
    assert found["filled"] == 0.01


async def test_clock_skew_shows_in_the_server_s_time(
    exchange: EmbeddedExchange, connect: Connect
) -> None:
    client = connect()
    fault = exchange.switch_on("clock_skew", amount=-3000)
    assert await client.fetch_time() == START - 3000
    exchange.switch_off(fault.id)
    assert await client.fetch_time() == START


async def test_delisting_stops_the_market_and_expires_its_orders(
    exchange: EmbeddedExchange, clock: ManualClock, stream: ClientConnection, connect: Connect
) -> None:
    client = connect()
    order = await client.create_order("BTC/USDT", "limit", "buy", 0.1, 50_000)
    fault = exchange.switch_on("delisting", "BTC/USDT")
    assert await closes(stream, clock, 3) == []
    assert (await client.load_markets(True))["BTC/USDT"]["active"] is False
    assert (await client.fetch_order(order["id"], "BTC/USDT"))["status"] == "expired"
    with pytest.raises(ccxt.BaseError, match="Market is closed"):
        await client.create_order("BTC/USDT", "market", "buy", 0.01)
    assert (await client.load_markets(True))["ETH/USDT"]["active"]
    exchange.switch_off(fault.id)
    assert await closes(stream, clock, 1) == [3]


async def test_testnet_reset_forgets_orders_and_balances_but_not_the_key(
    exchange: EmbeddedExchange, connect: Connect
) -> None:
    client = connect()
    order = await client.create_order("BTC/USDT", "market", "buy", 0.1)
    exchange.switch_on("testnet_reset")
    with pytest.raises(ccxt.OrderNotFound):
        await client.fetch_order(order["id"], "BTC/USDT")
    assert await client.fetch_my_trades("BTC/USDT") == []
    assert (await client.fetch_balance())["USDT"]["total"] == OPENING


async def test_shutdown_is_announced_then_closes_with_1001(
    exchange: EmbeddedExchange, stream: ClientConnection
) -> None:
    exchange.switch_on("shutdown")
    assert json.loads(await stream.recv()) == {"e": "serverShutdown", "E": START}
    with pytest.raises(websockets.ConnectionClosedOK):
        await stream.recv()
    assert stream.close_code == 1001


async def test_faults_are_switched_over_http_while_it_runs(
    exchange: EmbeddedExchange, clock: ManualClock, stream: ClientConnection
) -> None:
    panel = f"{exchange.rest_url}/_papertape/faults"
    async with aiohttp.ClientSession() as shell:
        async with shell.post(panel, json={"kind": "duplicate", "target": STREAM}) as answer:
            added = await answer.json()
            assert (answer.status, added["kind"], added["id"]) == (200, "duplicate", 1)
        assert await closes(stream, clock, 1) == [0, 0]
        async with shell.get(panel) as answer:
            assert await answer.json() == [added]
        async with shell.delete(panel, params={"id": "1"}) as answer:
            assert await answer.json() == []
        assert await closes(stream, clock, 1) == [1]
        for body, words in (
            ({"kind": "flood"}, "silent_stall"),
            ({"kind": "drop", "chance": 2}, "chance"),
            ({"kind": "drop", "colour": "red"}, "colour"),
            ({"kind": "delisting", "target": "NOPE"}, "NOPE"),
        ):
            async with shell.post(panel, json=body) as answer:
                assert answer.status == 400
                assert words in (await answer.json())["error"]
        page = {"Origin": "http://example.org"}
        async with shell.post(panel, json={"kind": "drop"}, headers=page) as answer:
            assert answer.status == 403


def test_chance_is_drawn_from_the_seed() -> None:
    def struck(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.add(FaultKind.DROP, chance=0.3)
        return [faults.strikes(FaultKind.DROP, "any") is not None for _ in range(200)]

    assert struck(5) == struck(5) != struck(6)
    assert 30 < sum(struck(5)) < 90


def test_a_fault_that_is_none_is_refused_with_words() -> None:
    with pytest.raises(FaultError, match="silent_stall"):
        Faults().add("meteor")
    with pytest.raises(FaultError, match="times"):
        Faults().add("drop", times=0)
