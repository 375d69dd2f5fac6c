"""How connections live and die: pings, 24 hours, message rates, slow listeners, addresses."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import socket as sockets

import pytest
import websockets
from websockets import ClientConnection

from core.exchange.market.clock import ManualClock
from core.exchange.market.synthetic import SyntheticMarket
from core.exchange.server import EmbeddedExchange, ExchangeStartError
from core.market.candles.timeframes import DAY, MINUTE
from tests.waiting import until

from .conftest import START


async def test_connection_is_closed_with_1001_after_24_hours(
    exchange: EmbeddedExchange, clock: ManualClock
) -> None:
    async with websockets.connect(f"{exchange.ws_url}/ws") as socket:
        clock.advance(DAY - MINUTE)
        await asyncio.wait_for(await socket.ping(), 5)
        clock.advance(MINUTE)
        with pytest.raises(websockets.ConnectionClosedOK):
            await socket.recv()
        assert socket.close_code == 1001


async def test_server_pings_and_lets_go_of_who_does_not_answer(
    exchange: EmbeddedExchange, clock: ManualClock
) -> None:
    reader, writer = await asyncio.open_connection(*exchange.rest_url[7:].split(":"))
    writer.write(
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    clock.advance(20_000)
    opcode, length = await reader.readexactly(2)
    assert opcode == 0x89  # a ping, which this client leaves unanswered
    assert await reader.readexactly(length) == str(START + 20_000).encode()
    for _ in range(3):
        clock.advance(20_000)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    rest = await asyncio.wait_for(reader.read(), 5)
    assert b"Pong timeout" in rest
    writer.close()


async def test_client_that_talks_too_much_is_disconnected(exchange: EmbeddedExchange) -> None:
    async with websockets.connect(f"{exchange.ws_url}/ws") as socket:
        for number in range(6):
            await socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
        with pytest.raises(websockets.ConnectionClosedError):
            for _ in range(7):
                await socket.recv()
        assert socket.close_code == 1008


async def test_more_than_1024_streams_are_refused(exchange: EmbeddedExchange) -> None:
    streams = [f"coin{number}usdt@kline_1m" for number in range(1025)]
    async with websockets.connect(f"{exchange.ws_url}/ws") as socket:
        await socket.send(json.dumps({"method": "SUBSCRIBE", "params": streams, "id": 1}))
        assert "1024" in json.loads(await socket.recv())["error"]["msg"]
        await socket.send(json.dumps({"method": "SUBSCRIBE", "params": streams[1:], "id": 2}))
        assert json.loads(await socket.recv()) == {"result": None, "id": 2}


@pytest.mark.parametrize("text", ["{", "[]", '{"method": "DANCE", "id": 1}', '{"id": 1}'])
async def test_nonsense_is_answered_with_an_error(exchange: EmbeddedExchange, text: str) -> None:
    async with websockets.connect(f"{exchange.ws_url}/ws") as socket:
        await socket.send(text)
        answer = json.loads(await socket.recv())
        assert "msg" in answer or "msg" in answer["error"]


async def test_slow_listener_holds_nobody_up_and_still_gets_every_candle(
    market: SyntheticMarket,
) -> None:
    """The slow one does not read while candles close; the other one follows at once."""
    clock = ManualClock(START, speed=1000)  # so that no pong is overdue meanwhile
    streams = "stream?streams=btcusdt@kline_1m/btcusdt@depth20"

    async def next_close(socket: ClientConnection) -> int:
        while True:
            message = json.loads(await socket.recv())
            if message["stream"].endswith("kline_1m") and message["data"]["k"]["x"]:
                return int(message["data"]["k"]["t"] - START) // MINUTE

    async with (
        EmbeddedExchange(market, clock) as exchange,
        websockets.connect(f"{exchange.ws_url}/{streams}", max_queue=1) as slow,
        websockets.connect(f"{exchange.ws_url}/{streams}") as quick,
    ):
        for start in range(0, 600, 5):
            clock.advance(5 * MINUTE)
            for minute in range(start, start + 5):
                assert await asyncio.wait_for(next_close(quick), 5) == minute
        assert [await next_close(slow) for _ in range(600)] == list(range(600))
        slow.transport.abort()  # a goodbye would wait behind what is still unread


async def test_only_loopback_is_listened_on(market: SyntheticMarket) -> None:
    exchange = EmbeddedExchange(market, ManualClock(START))
    for host in ("0.0.0.0", "192.168.1.1", "example.org", ""):
        with pytest.raises(ExchangeStartError, match="loopback only"):
            await exchange.start(host)


async def test_port_in_use_is_named(market: SyntheticMarket) -> None:
    with sockets.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        exchange = EmbeddedExchange(market, ManualClock(START))
        with pytest.raises(ExchangeStartError, match=f"port {port} "):
            await exchange.start(port=port)


async def test_it_can_be_stopped_and_started_again_on_its_port(market: SyntheticMarket) -> None:
    exchange = EmbeddedExchange(market, ManualClock(START))
    await exchange.start()
    port = int(exchange.rest_url.rpartition(":")[2])
    await exchange.stop()
    assert await exchange.start(port=port) == f"http://127.0.0.1:{port}"
    await exchange.stop()


async def test_no_task_is_left_behind(market: SyntheticMarket) -> None:
    before = asyncio.all_tasks()
    clock = ManualClock(START)
    async with EmbeddedExchange(market, clock) as exchange:
        async with websockets.connect(f"{exchange.ws_url}/ws/btcusdt@kline_1m"):
            clock.advance(MINUTE)
        await websockets.connect(f"{exchange.ws_url}/ws/btcusdt@kline_1m")
    await asyncio.sleep(0)
    left = {task for task in asyncio.all_tasks() - before if "exchange" in repr(task.get_coro())}
    assert left == set()


async def test_where_no_file_is_left_a_caller_waits_and_that_is_told_once(
    exchange: EmbeddedExchange,
) -> None:
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    host, _, port = exchange.rest_url[7:].partition(":")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    caller = sockets.socket()
    caller.setblocking(False)
    free = os.dup(caller.fileno())
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
    try:
        with contextlib.suppress(BlockingIOError):
            caller.connect((host, int(port)))
        await until(lambda: told)
        assert len(told) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        asyncio.get_running_loop().set_exception_handler(None)
        caller.close()
