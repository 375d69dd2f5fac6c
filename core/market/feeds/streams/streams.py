"""Keeps the market streams of one venue flowing, for many listeners on few connections.

Connections carry up to `Pace.streams_per_connection` combined streams and are shared by all
listeners. Before 24 hours, when the server announces its shutdown, and when a stream has fallen
silent, a successor takes over before the old connection is closed (make before break). An
acknowledged subscription proves nothing: each stream is watched by itself.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Protocol

from core.market.feeds.streams.connection import Connection, ConnectionPace, StreamConnectError
from core.market.retry import Backoff
from core.market.tasks import cancelled
from core.market.venues.clock import ServerClock
from core.market.venues.dialect import VenueDialect, VenueStream
from core.market.venues.stream_messages import (
    MalformedMessageError,
    Message,
    Shutdown,
    StreamEvent,
    StreamReply,
)
from core.store.redaction import brief
from core.time_format import iso_or_number

log = logging.getLogger(__name__)

_COMPLAIN_EVERY = 60.0  # seconds: a venue may send nonsense without end


class StreamListener(Protocol):
    """Who listens to a stream. Calls come on the event loop and must not block."""

    def on_event(self, event: StreamEvent) -> None:
        """The stream said something."""
        ...

    def on_connected(self, stream: str) -> None:
        """The stream's connection stands; what came before may have been missed."""
        ...

    def on_disconnected(self, stream: str, why: str) -> None:
        """The stream's connection is gone; another one is being tried."""
        ...

    def on_silent(self, stream: str, seconds: float) -> None:
        """The stream has said nothing for `seconds`, though its connection stands."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """Limits and deadlines of streaming, in seconds unless named otherwise.

    Venues allow some 1000 streams a connection (clients cap at 200), 5 messages a second from the
    client, and close every connection after 24 hours. `settled_after`: a connection that lived so
    long was sound, and the next trouble begins with the shortest delay again.
    """

    streams_per_connection: int = 200
    rotate_after: float = 23 * 3600.0
    silent_after: float = 60.0
    longest_silence: float = 900.0
    watch_every: float = 5.0
    first_delay: float = 0.5
    longest_delay: float = 60.0
    settled_after: float = 60.0
    takeover: float = 5.0
    connection: ConnectionPace = field(default_factory=ConnectionPace)


class MarketStreams:
    """Subscriptions to streams of one venue, counted by listener. Bound to one event loop."""

    def __init__(
        self,
        dialect: VenueDialect,
        clock: ServerClock,
        pace: Pace | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Coroutine[None, None, None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._dialect = dialect
        self._clock = clock
        self._pace = pace or Pace()
        self._monotonic = monotonic
        self._sleep = sleep
        self._chance = chance
        self._groups: list[_Group] = []
        self._closing: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None

    @property
    def connections(self) -> int:
        """How many connections stand or are being tried."""
        return len(self._groups)

    def listen(self, stream: VenueStream, listener: StreamListener) -> None:
        """Let `listener` hear a stream. It hears `on_connected` at once if it already flows."""
        self._group_for(stream).add(stream.name, listener)
        if self._watch is None:
            self._watch = asyncio.create_task(self._watch_streams(), name="watch streams")

    def leave(self, stream: VenueStream, listener: StreamListener) -> None:
        """Let `listener` hear the stream no more; the last one to leave ends the subscription."""
        for group in list(self._groups):
            if group.url == stream.url and stream.name in group.streams:
                group.remove(stream.name, listener)
                if not group.streams:
                    self._groups.remove(group)
                    closing = asyncio.create_task(group.close(), name="close streams")
                    self._closing.add(closing)
                    closing.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """End all connections. May be called more than once."""
        groups, self._groups = self._groups, []
        watch, self._watch = self._watch, None
        if watch is not None:
            await cancelled(watch)
        await asyncio.gather(*(group.close() for group in groups), *self._closing)

    def _group_for(self, stream: VenueStream) -> _Group:
        mine = [group for group in self._groups if group.url == stream.url]
        for group in mine:
            if stream.name in group.streams:
                return group
        for group in mine:
            if len(group.streams) < self._pace.streams_per_connection:
                return group
        group = _Group(
            self._dialect,
            stream.url,
            self._clock,
            self._pace,
            self._monotonic,
            self._sleep,
            self._chance,
        )
        self._groups.append(group)
        return group

    async def _watch_streams(self) -> None:
        while True:
            await self._sleep(self._pace.watch_every)
            for group in self._groups:
                group.look_for_silence()


@dataclass(slots=True)
class _Stream:
    listeners: list[StreamListener]
    heard: float  # monotonic seconds of the last message, or of the connection
    allowed_silence: float
    silent: bool = False


class _Group:
    """The streams of one connection, and the connections that carry them one after the other."""

    def __init__(
        self,
        dialect: VenueDialect,
        url: str,
        clock: ServerClock,
        pace: Pace,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Coroutine[None, None, None]],
        chance: Callable[[], float],
    ) -> None:
        self.url = url
        self.streams: dict[str, _Stream] = {}
        self._dialect = dialect
        self._clock = clock
        self._pace = pace
        self._monotonic = monotonic
        self._sleep = sleep
        self._chance = chance
        self._backoff = Backoff(pace.first_delay, pace.longest_delay, chance)
        self._connection: Connection | None = None
        self._renew = asyncio.Event()
        self._renew_why = ""
        self._task: asyncio.Task[None] | None = None
        self._complained: float | None = None
        self._untold = 0  # messages that could not be used since then

    def add(self, stream: str, listener: StreamListener) -> None:
        known = self.streams.get(stream)
        if known is not None:
            if listener not in known.listeners:
                known.listeners.append(listener)
        else:
            self.streams[stream] = _Stream([listener], self._monotonic(), self._pace.silent_after)
            if self._connection is not None:
                self._connection.follow(set(self.streams))
        if self._connection is not None:
            listener.on_connected(stream)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"streams of {self.url}")
            self._task.add_done_callback(_report)

    def remove(self, stream: str, listener: StreamListener) -> None:
        known = self.streams[stream]
        if listener in known.listeners:
            known.listeners.remove(listener)
        if not known.listeners:
            del self.streams[stream]
            if self._connection is not None:
                self._connection.follow(set(self.streams))

    async def close(self) -> None:
        if self._task is not None:
            await cancelled(self._task)

    def look_for_silence(self) -> None:
        """Tell who listens to a stream that has been silent too long, and ask for a successor."""
        if self._connection is None:
            return
        now = self._monotonic()
        for name, stream in self.streams.items():
            silence = now - stream.heard
            if silence < stream.allowed_silence:
                continue
            # A market may simply be quiet: look again later and later.
            stream.allowed_silence = min(stream.allowed_silence * 2, self._pace.longest_silence)
            stream.silent = True
            self._ask_for_successor(f"{name} has been silent for {silence:.0f} s")
            for listener in list(stream.listeners):
                listener.on_silent(name, silence)

    def _ask_for_successor(self, why: str) -> None:
        self._renew_why = why
        self._renew.set()

    async def _run(self) -> None:
        try:
            while True:
                connection = await self._connect_patiently()
                self._take_over(connection)
                why = await self._carry()
                self._connection = None
                self._tell_disconnected(why)
                await self._sleep(self._backoff.next())
        finally:
            if self._connection is not None:
                await self._connection.close()

    async def _connect_patiently(self) -> Connection:
        while True:
            try:
                return await self._connect()
            except StreamConnectError as error:
                self._tell_disconnected(str(error))
                await self._sleep(self._backoff.next())

    async def _connect(self) -> Connection:
        return await Connection.open(
            self._dialect,
            self.url,
            set(self.streams),
            self._deliver,
            self._pace.connection,
            self._sleep,
        )

    def _take_over(self, connection: Connection) -> None:
        self._connection = connection
        connection.follow(set(self.streams))
        now = self._monotonic()
        for name, stream in list(self.streams.items()):
            stream.heard = now
            for listener in list(stream.listeners):
                listener.on_connected(name)

    async def _carry(self) -> str:
        """Keep the streams on a connection and its successors; why the last one ended."""
        born = self._monotonic()
        # Not all at once after a day: each rotates a little earlier by chance.
        life = self._pace.rotate_after * (1 - 0.05 * self._chance())
        while (connection := self._connection) is not None:
            self._renew.clear()
            left = born + life - self._monotonic()
            why = await connection.ended_or(self._renew, timeout=max(0.0, left))
            if why is not None:
                if self._monotonic() - born >= self._pace.settled_after:
                    self._backoff.reset()
                return why
            log.info("streams of %s: a new connection, %s", self.url, self._renew_why or "in time")
            try:
                successor = await self._connect()
            except StreamConnectError as error:
                log.warning("%s", error)
                life += 60.0 + self._backoff.next()
                continue
            try:
                await successor.first_message(self._pace.takeover)
            except asyncio.CancelledError:
                await successor.close()
                raise
            self._take_over(successor)
            await connection.close()
            born = self._monotonic()
            self._renew_why = ""
        return "closed"

    def _deliver(self, raw: str | bytes) -> None:
        try:
            messages = self._dialect.read(raw)
        except MalformedMessageError as error:
            self._complain(brief(error))
            return
        for message in messages:
            self._take(message)

    def _take(self, message: Message) -> None:
        if isinstance(message, Shutdown):
            self._ask_for_successor("the server is shutting down")
        elif isinstance(message, StreamReply):
            if message.error is not None:
                self._complain(f"refused: {brief(message.error)}")
        else:
            self._pass_on(message)

    def _complain(self, what: str) -> None:
        """Log a message that cannot be used; of many, one a while and how many there were."""
        now = self._monotonic()
        if self._complained is not None and now - self._complained < _COMPLAIN_EVERY:
            self._untold += 1
            return
        more = f" (and {self._untold} more like it since)" if self._untold else ""
        log.warning("streams of %s: %s%s", self.url, what, more)
        self._complained, self._untold = now, 0

    def _pass_on(self, event: StreamEvent) -> None:
        if event.time is not None:
            if not self._clock.believes(event.time):
                at, now = iso_or_number(event.time), iso_or_number(self._clock.now())
                self._complain(f"a message of {event.stream} is of {at}, and it is {now}")
                return
            self._clock.heard(event.time)
        stream = self.streams.get(event.stream)
        if stream is None:
            return
        stream.heard = self._monotonic()
        if stream.silent:
            stream.silent = False
            stream.allowed_silence = self._pace.silent_after
        for listener in list(stream.listeners):
            listener.on_event(event)

    def _tell_disconnected(self, why: str) -> None:
        for name, stream in list(self.streams.items()):
            for listener in list(stream.listeners):
                listener.on_disconnected(name, why)


def _report(task: asyncio.Task[None]) -> None:
    """Streams never end by themselves: say so loudly if they do."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("%s ended by an error of Papertape's own", task.get_name(), exc_info=error)
