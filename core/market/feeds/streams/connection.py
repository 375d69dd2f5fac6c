"""One WebSocket connection: carries the streams it should, within the server's limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

import websockets
from websockets.asyncio.client import ClientConnection
from websockets.protocol import State

from core.market.tasks import cancelled
from core.market.venues.addresses import is_loopback, is_this_machine
from core.market.venues.dialect import VenueDialect
from core.store.redaction import brief

_MOST_UNREAD = 1 << 20  # bytes that a server has not read: pongs, if it pings without end


class StreamConnectError(Exception):
    """A stream connection could not be made; the message says where and why."""


@dataclass(frozen=True, slots=True)
class ConnectionPace:
    """Deadlines (seconds) and limits of one connection.

    Some venues close a connection that sends more than 5 messages a second, pongs included.
    `names_per_message`: streams in one subscription request, and in the address at connection.
    `look_every`: between two looks at whether the server reads, and closes what it said it closes.
    """

    open_timeout: float = 10.0
    ping_every: float = 20.0
    ping_timeout: float = 20.0
    send_every: float = 0.35
    names_per_message: int = 100
    look_every: float = 1.0


class _Connect(websockets.connect):
    """A connection that is made where it was asked for, and nowhere else."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Follow no redirect."""
        return exc


class Connection:
    """An open connection. `deliver` is called with every message, on the event loop."""

    def __init__(
        self,
        socket: ClientConnection,
        dialect: VenueDialect,
        names: set[str],
        deliver: Callable[[str | bytes], None],
        pace: ConnectionPace,
        sleep: Callable[[float], Coroutine[None, None, None]],
    ) -> None:
        self._socket = socket
        self._dialect = dialect
        self._deliver = deliver
        self._pace = pace
        self._sleep = sleep
        self._asked = set(names)
        self._wanted = set(names)
        self._changed = asyncio.Event()
        self._spoke = asyncio.Event()
        self._requests = 0
        self._reader = asyncio.create_task(self._read(), name="read streams")
        self._sender = asyncio.create_task(self._subscribe(), name="subscribe streams")
        self._keeper = asyncio.create_task(self._keep_alive(), name="keep streams alive")
        self._guard = asyncio.create_task(self._break_off(), name="guard streams")

    @classmethod
    async def open(
        cls,
        dialect: VenueDialect,
        url: str,
        names: set[str],
        deliver: Callable[[str | bytes], None],
        pace: ConnectionPace,
        sleep: Callable[[float], Coroutine[None, None, None]],
    ) -> Connection:
        """Connect, with the first streams named in the address and the others asked for after.

        Raises:
            StreamConnectError: if the server cannot be reached or refuses.
        """
        first = sorted(names)[: pace.names_per_message] if dialect.names_in_address() else []
        address = dialect.address(url, first)
        try:
            socket = await _Connect(
                address,
                open_timeout=pace.open_timeout,
                ping_interval=pace.ping_every,
                ping_timeout=pace.ping_timeout,
                close_timeout=1.0,
                proxy=None if is_loopback(url) else True,
            )
        except (OSError, TimeoutError, websockets.WebSocketException) as error:
            why = brief(error) or type(error).__name__
            raise StreamConnectError(f"no stream connection to {url}: {why}") from error
        if is_loopback(url) and not is_this_machine(str(socket.remote_address[0])):
            await socket.close()
            raise StreamConnectError(
                f"no stream connection to {url}: that is {socket.remote_address[0]}, which is not "
                "this machine: write 127.0.0.1"
            )
        return cls(socket, dialect, set(first), deliver, pace, sleep)

    def follow(self, names: set[str]) -> None:
        """Carry these streams and no others; requests go out in their own time."""
        self._wanted = set(names)
        if self._wanted != self._asked:
            self._changed.set()

    async def ended_or(self, event: asyncio.Event, timeout: float) -> str | None:
        """Wait until the connection has ended (why, in words), or until `event` or the timeout."""
        waiting = asyncio.ensure_future(event.wait())
        try:
            await asyncio.wait(
                {self._reader, waiting}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            waiting.cancel()
        if not self._reader.done():
            return None
        why = self._reader.result()
        await self.close()
        return why

    async def first_message(self, timeout: float) -> None:
        """Return when the connection has said something, has ended, or after the timeout."""
        spoke = asyncio.ensure_future(self._spoke.wait())
        try:
            await asyncio.wait(
                {self._reader, spoke}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            spoke.cancel()

    async def close(self) -> None:
        """Close. May be called more than once."""
        try:
            await cancelled(self._guard, self._keeper, self._sender, self._reader)
        finally:
            await self._socket.close()

    async def _read(self) -> str:
        try:
            async for message in self._socket:
                self._spoke.set()
                self._deliver(message)
        except websockets.ConnectionClosed as error:
            return f"the connection broke: {brief(error)}"
        # A close with 1000 or 1001 ends the loop without an exception.
        reason = brief(self._socket.close_reason or "")
        return f"the server closed the connection ({self._socket.close_code} {reason})".rstrip()

    async def _break_off(self) -> None:
        """Break the connection off if the server does not read, or ends it and leaves it open."""
        ending = False
        while True:
            await asyncio.sleep(self._pace.look_every)
            transport, open_ = self._socket.transport, self._socket.state is State.OPEN
            if (not open_ and ending) or transport.get_write_buffer_size() > _MOST_UNREAD:
                transport.abort()
                return
            ending = not open_

    async def _keep_alive(self) -> None:
        message = self._dialect.keep_alive()
        while message is not None:
            await self._sleep(self._pace.ping_every)
            try:
                await self._socket.send(message)
            except websockets.ConnectionClosed:
                return  # the reader says why

    async def _subscribe(self) -> None:
        if self._wanted != self._asked:
            self._changed.set()
        while True:
            await self._changed.wait()
            self._changed.clear()
            while self._wanted != self._asked:
                added = self._wanted - self._asked
                names = sorted(added or self._asked - self._wanted)[: self._pace.names_per_message]
                self._requests += 1
                request = self._dialect.request(names, self._requests, subscribe=bool(added))
                try:
                    await self._socket.send(request)
                except websockets.ConnectionClosed:
                    return  # the reader says why
                if added:
                    self._asked.update(names)
                else:
                    self._asked.difference_update(names)
                await self._sleep(self._pace.send_every)
