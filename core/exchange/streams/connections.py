"""Who listens to which stream; a slow listener does not hold the others up."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

import orjson
from aiohttp import WSCloseCode

from core.exchange.faults import FaultKind, Faults
from core.exchange.streams.sockets import Socket

MAX_STREAMS = 1024
_MOST_WAITING = 100_000  # closed candles and orders for one listener, before it is let go


class Category(StrEnum):
    """Which streams a connection can carry: spot's, or one of the three kinds of USDⓈ-M.

    `UNROUTED` is a connection of USDⓈ-M whose address names none.
    """

    SPOT = "spot"
    UNROUTED = "unrouted"
    PUBLIC = "public"
    MARKET = "market"
    PRIVATE = "private"


class _Waiting:
    """A message that waits to be sent; `text` is None once a newer one has taken its place."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text: str | None = text


class ClientConnection:
    """One listener's WebSocket: its streams, and the messages that wait for it.

    A message that only shows the present (a quote, a forming candle) replaces the one of the same
    stream that still waits. Closed candles, a book's changes and orders are never replaced: they
    wait in order.
    """

    def __init__(self, socket: Socket, category: Category, *, combined: bool) -> None:
        self.socket = socket
        self.category = category
        self.combined = combined
        self.streams: dict[str, None] = {}  # in order of subscription
        self._outbox: deque[_Waiting] = deque()
        self._replaceable: dict[str, _Waiting] = {}
        self._news = asyncio.Event()

    def push(self, stream: str, text: str, *, final: bool) -> None:
        """Queue a stream's message; unless `final`, a later one may take its place."""
        previous = self._replaceable.pop(stream, None)
        if previous is not None:
            previous.text = None
        waiting = _Waiting(f'{{"stream":"{stream}","data":{text}}}' if self.combined else text)
        if not final:
            self._replaceable[stream] = waiting
        self._queue(waiting)

    def reply(self, message: object) -> None:
        """Queue an answer to the listener itself."""
        self._queue(_Waiting(orjson.dumps(message).decode()))

    def _queue(self, waiting: _Waiting) -> None:
        if len(self._outbox) >= _MOST_WAITING:
            self.socket.abort()  # it has not read for long; a goodbye would not reach it either
            return
        self._outbox.append(waiting)
        self._news.set()

    async def write(self) -> None:
        """Send what waits, for as long as the socket lives. Only this listener waits for it."""
        with contextlib.suppress(ConnectionError):
            while not self.socket.web.closed:
                await self._news.wait()
                self._news.clear()
                while self._outbox:
                    text = self._outbox.popleft().text
                    if text is not None:
                        await self.socket.web.send_str(text)


class Audience:
    """All open connections, by what they listen to."""

    def __init__(self) -> None:
        self.connections: dict[ClientConnection, None] = {}
        self._listeners: dict[tuple[Category, str], dict[ClientConnection, None]] = {}

    async def attend(self, connection: ClientConnection, hear: Callable[[str], None]) -> None:
        """Serve a connection until it ends; what it says goes to `hear`."""
        self.connections[connection] = None
        writer = asyncio.create_task(connection.write())
        try:
            await connection.socket.listen(hear)
        finally:
            del self.connections[connection]
            self.unsubscribe(connection, list(connection.streams))
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer

    def subscribe(self, connection: ClientConnection, streams: Iterable[str]) -> None:
        """Listen to `streams`, known or not."""
        for stream in streams:
            connection.streams[stream] = None
            key = (connection.category, stream)
            self._listeners.setdefault(key, {})[connection] = None

    def unsubscribe(self, connection: ClientConnection, streams: Iterable[str]) -> None:
        """Listen to `streams` no longer."""
        for stream in streams:
            connection.streams.pop(stream, None)
            listeners = self._listeners.get((connection.category, stream))
            if listeners is not None:
                listeners.pop(connection, None)
                if not listeners:
                    del self._listeners[connection.category, stream]

    def streams(self) -> list[tuple[Category, str]]:
        """Everything that anyone listens to."""
        return list(self._listeners)

    def tell(self, category: Category, stream: str, text: str, *, final: bool) -> None:
        """Hand a message to everyone who listens to the stream."""
        for connection in self._listeners.get((category, stream), ()):
            connection.push(stream, text, final=final)

    def cut(self, category: Category, stream: str) -> None:
        """Cut the lines of everyone who listens to the stream, without a word."""
        for connection in list(self._listeners.get((category, stream), ())):
            connection.socket.abort()

    def listeners(self, category: Category, stream: str) -> list[ClientConnection]:
        """Everyone who listens to the stream."""
        return list(self._listeners.get((category, stream), ()))

    async def dismiss(self, now: int) -> None:
        """Tell every listener that the server shuts down, then close with 1001 (going away)."""
        event = {"e": "serverShutdown", "E": now}
        leaving = list(self.connections)
        for connection in leaving:
            connection.push("!serverShutdown", orjson.dumps(event).decode(), final=True)
        for _ in range(3):
            await asyncio.sleep(0)  # let the writers send it
        await asyncio.gather(
            *(
                connection.socket.close(WSCloseCode.GOING_AWAY, "server shutdown")
                for connection in leaving
            )
        )


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a stream; `final` for what must arrive (a closed candle, a book's change)."""

    category: Category
    stream: str
    text: str
    final: bool


class Wire:
    """Carries messages to the listeners, and lets the faults that concern messages strike them.

    A fault strikes a stream for all its listeners alike.
    """

    def __init__(self, audience: Audience, faults: Faults) -> None:
        self._audience = audience
        self._faults = faults
        self._order = itertools.count()
        self._late: list[tuple[int, int, Message]] = []
        self._held: dict[tuple[Category, str, bool], Message] = {}

    def deliver_late(self, now: int) -> None:
        """Send the messages whose delay is over."""
        while self._late and self._late[0][0] <= now:
            self._send(heapq.heappop(self._late)[2])

    def send(self, message: Message, now: int) -> None:
        """Carry one message."""
        faults, stream = self._faults, message.stream
        if faults.strikes(FaultKind.DROP, stream):
            self._audience.cut(message.category, stream)
            return
        if faults.strikes(FaultKind.SILENT_STALL, stream):
            return
        closed = message.final and "@kline_" in stream
        if closed and (late := faults.strikes(FaultKind.LATE_CLOSE, stream)):
            heapq.heappush(self._late, (now + int(late.amount), next(self._order), message))
            return
        key = (message.category, stream, message.final)
        held = self._held.pop(key, None)
        if held is None and faults.strikes(FaultKind.REORDER, stream):
            self._held[key] = message
            return
        self._send(message)
        if held is not None:
            self._send(held)
        if faults.strikes(FaultKind.DUPLICATE, stream):
            self._send(message)

    def _send(self, message: Message) -> None:
        self._audience.tell(message.category, message.stream, message.text, final=message.final)
