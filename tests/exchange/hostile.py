"""A scripted venue that answers as a hostile one would, over HTTP and WebSocket on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

from core.market.candles.timeframes import MINUTE
from core.market.venues.binance.dialect import BinanceDialect

SYMBOL = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "isSpotTradingAllowed": True,
    "isMarginTradingAllowed": False,
    "permissionSets": [["SPOT"]],
    "orderTypes": ["MARKET"],
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1e6", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
        {"filterType": "NOTIONAL", "minNotional": "5"},
    ],
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What is answered to one request, instead of what would be right."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    endless: bool = False


def said(value: object, **more: Any) -> Answer:
    """An answer with this JSON."""
    return Answer(json.dumps(value).encode(), **more)


class HostileVenue:
    """A market of one-minute candles, each as the one before, until `odd` says something else.

    `now` is the venue's time (UTC ms). `odd` is given a path and what would be the right answer.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self.now = now
        self.odd: Callable[[str, Any], Answer | None] = lambda path, right: None
        self.asked: list[str] = []
        self.streams: set[ServerConnection] = set()
        self.handshakes = 0
        self.rest = self.stream = ""

    @property
    def dialect(self) -> BinanceDialect:
        """Binance at this venue's addresses."""
        return BinanceDialect.at(
            {
                "spot_rest": self.rest,
                "futures_rest": self.rest,
                "spot_stream": self.stream,
                "futures_public_stream": self.stream,
                "futures_market_stream": self.stream,
            }
        )

    def row(self, time: int) -> list[object]:
        """A candle as the REST API gives it."""
        return [time, "100", "101", "99", "100", "1", time + MINUTE - 1, "1", 1, "1", "1", "0"]

    def kline(self, time: int, *, closed: bool = True, **changed: object) -> str:
        """A candle as the stream gives it, with some of its fields changed."""
        bar = {"t": time, "T": time + MINUTE - 1, "s": "BTCUSDT", "i": "1m", "o": "100", "h": "101",
               "l": "99", "c": "100", "v": "1", "x": closed}  # fmt: skip
        event = {"e": "kline", "E": changed.pop("E", self.now()), "s": "BTCUSDT"}
        return json.dumps(
            {"stream": "btcusdt@kline_1m", "data": {**event, "k": {**bar, **changed}}}
        )

    async def say(self, *messages: str | bytes) -> None:
        """Say these things to everyone who is connected."""
        for socket in list(self.streams):
            for message in messages:
                with contextlib.suppress(Exception):
                    await socket.send(message)

    def right(self, path: str, query: dict[str, str]) -> Any:
        """The right answer to a request."""
        if path.endswith("/time"):
            return {"serverTime": self.now()}
        if path.endswith("/exchangeInfo"):
            return {"symbols": [SYMBOL]}
        if path.endswith("/klines"):
            start = int(query.get("startTime", self.now() - 500 * MINUTE))
            stop = min(self.now() + 1, start + int(query.get("limit", 500)) * MINUTE)
            return [self.row(time) for time in range(start // MINUTE * MINUTE, stop, MINUTE)]
        return {}

    async def _stream(self, socket: ServerConnection) -> None:
        self.handshakes += 1
        self.streams.add(socket)
        try:
            async for _ in socket:
                pass
        finally:
            self.streams.discard(socket)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                target = head.split(" ", 2)[1]
                path, _, query = target.partition("?")
                self.asked.append(path)
                right = self.right(path, dict(p.split("=", 1) for p in query.split("&") if p))
                answer = self.odd(path, right) or said(right)
                await _write(writer, answer)
        writer.close()


async def _write(writer: asyncio.StreamWriter, answer: Answer) -> None:
    headers = {"Content-Type": "application/json", **answer.headers}
    if answer.endless:
        headers["Transfer-Encoding"] = "chunked"
    else:
        headers["Content-Length"] = str(len(answer.body))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"HTTP/1.1 {answer.status} -\r\n{lines}\r\n".encode())
    if not answer.endless:
        writer.write(answer.body)
    piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    while answer.endless:
        writer.write(piece)
        await writer.drain()
    await writer.drain()


@asynccontextmanager
async def hostile_venue(now: Callable[[], int]) -> AsyncIterator[HostileVenue]:
    """A venue that answers on loopback until the block is left."""
    venue = HostileVenue(now)
    rest = await asyncio.start_server(venue._answer, "127.0.0.1", 0)
    async with serve(venue._stream, "127.0.0.1", 0) as streams:
        venue.rest = f"http://127.0.0.1:{rest.sockets[0].getsockname()[1]}"
        venue.stream = f"ws://127.0.0.1:{next(iter(streams.sockets)).getsockname()[1]}"
        try:
            yield venue
        finally:
            rest.close()


def gzip_bomb(folder: Path, size: int) -> bytes:
    """Some kilobytes that unpack to `size` bytes of spaces. Made piece by piece."""
    path = folder / "bomb.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(size >> 20):
            file.write(b" " * (1 << 20))
    return path.read_bytes()
