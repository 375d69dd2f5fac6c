"""What waits for a session's engine, and when does who asked for something hear that it is done?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from core.market.feeds.feed import Ended, Feed, FeedError, FeedEvent

_BACKLOG = 2_048  # feed events that may wait for the engine before the feed is kept waiting


@dataclass(slots=True, eq=False)
class SessionCommand:
    """What someone has asked of a session, and whether it was `done`."""

    do: str
    done: asyncio.Future[bool]
    symbol: str | None = None
    flatten: bool = False

    def answer(self, done: bool) -> None:
        """Tell who asked, if they still listen."""
        if not self.done.done():
            self.done.set_result(done)


class Tick:
    """Time has passed, whether or not anything came from the feed."""


class CommandQueue:
    """What a feed says, what people ask and that time passes, in the order in which it came.

    `interrupted` is set once someone has asked to stop or leave.
    """

    def __init__(self) -> None:
        self.interrupted = asyncio.Event()
        self._waiting: asyncio.Queue[FeedEvent | SessionCommand | Tick] = asyncio.Queue()
        self._room = asyncio.Event()
        self._obeyed: list[SessionCommand] = []  # and not answered yet
        self._unheeded: list[SessionCommand] = []

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return self._waiting.empty()

    async def ask(self, do: str, symbol: str | None, flatten: bool) -> bool:
        """Have something done; whether it was, once that is durable or will not come about."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait(SessionCommand(do, done, symbol, flatten))
        if do in ("stop", "leave"):
            self.interrupted.set()
        return await done

    def nudge(self) -> None:
        """Have the engine look at the clock, and commit."""
        self._waiting.put_nowait(Tick())

    async def listen(self, feed: Feed) -> None:
        """Carry a feed's events here until it ends, no faster than they are worked off."""
        try:
            async for event in feed.events():
                self._waiting.put_nowait(event)
                if self._waiting.qsize() >= _BACKLOG:
                    self._room.clear()
                    await self._room.wait()
        except FeedError as error:
            self._waiting.put_nowait(Ended(str(error)))

    async def next(self) -> FeedEvent | SessionCommand | Tick:
        """What came first, waited for."""
        return await self._waiting.get()

    def next_at_once(self) -> FeedEvent | SessionCommand | Tick:
        """What came first, where something is there."""
        return self._waiting.get_nowait()

    def obeyed(self, command: SessionCommand) -> None:
        """A command was carried out, and is in the journal."""
        self._obeyed.append(command)

    def committed(self) -> None:
        """What was carried out is durable. Who asked to stop is told at the end."""
        stops = [command for command in self._obeyed if command.do == "stop"]
        for command in self._obeyed:
            if command.do != "stop":
                command.answer(True)
        self._obeyed = stops
        if self._waiting.qsize() < _BACKLOG // 2:
            self._room.set()

    def unheeded(self) -> list[SessionCommand]:
        """Drop what waits; returns the commands of it, for which it is too late."""
        while not self.empty:
            item = self._waiting.get_nowait()
            if isinstance(item, SessionCommand):
                self._unheeded.append(item)
        return self._unheeded

    def close(self, durable: bool, come_about: Callable[[str], bool]) -> None:
        """Tell everyone who still waits for an answer.

        `durable`: what was carried out is; `come_about`: whether what a command is for is so,
        though nobody took it in.
        """
        for command in self._obeyed:
            command.answer(durable)
        for command in self.unheeded():
            command.answer(come_about(command.do))
