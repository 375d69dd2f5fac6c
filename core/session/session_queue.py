"""The one queue between a session's feed, the people who command it, and its engine.

Feed events, commands and ticks wait here in the order in which they came. Of a symbol's prices
after which nothing else came, only the newest waits: an engine that is slow finds fewer prices, but
every candle, gap and rate, and no price on the other side of one of them than it was.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from core.market.feeds.feed import Ended, Feed, FeedError, FeedEvent, PriceSeen
from core.market.tasks import is_own_end
from core.trading.values import Side

_logger = logging.getLogger(__name__)


class RefusedCommandError(Exception):
    """A session does not do what it was asked for, as it stands; the message says why."""


@dataclass(slots=True, eq=False)
class SessionCommand:
    """What someone has asked of a session, and whether it was `done`."""

    do: str
    done: asyncio.Future[bool]
    symbol: str | None = None
    flatten: bool = False
    scheduled: bool = False
    side: Side | None = None

    def refuse(self, why: str) -> None:
        """Tell who asked why it is not done, if they still listen."""
        if not self.done.done():
            self.done.set_exception(RefusedCommandError(why))

    def answer(self, done: bool) -> None:
        """Tell who asked, if they still listen."""
        if not self.done.done():
            self.done.set_result(done)


class Tick:
    """Time has passed, whether or not anything came from the feed."""


Item = FeedEvent | SessionCommand | Tick


class SessionQueue:
    """What waits for an engine, for one reader on the same event loop. A feed's `EventSink`.

    `interrupted` is set once someone has asked to stop or leave.
    """

    def __init__(self) -> None:
        self.interrupted = asyncio.Event()
        self._waiting: deque[list[Item]] = deque()  # one item each, so that prices are replaceable
        self._newest_prices: dict[str, list[Item]] = {}
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room_below = 0  # how few must wait until `_room` is set
        self._obeyed: list[SessionCommand] = []  # and not answered yet
        self._too_late: list[SessionCommand] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, item: Item) -> None:
        """See `EventSink.put`."""
        cell = [item]
        if isinstance(item, PriceSeen):
            waiting = self._newest_prices.get(item.symbol)
            if waiting is not None:
                waiting[0] = item
                return
            self._newest_prices[item.symbol] = cell
        elif self._newest_prices:
            self._newest_prices.clear()
        self._waiting.append(cell)
        self._arrived.set()

    async def room(self, below: int = 8_192) -> None:
        """See `EventSink.room`."""
        while len(self._waiting) >= below:
            self._room_below = max(1, below // 2)
            self._room.clear()
            await self._room.wait()

    async def ask(
        self,
        do: str,
        symbol: str | None,
        flatten: bool,
        scheduled: bool = False,
        side: Side | None = None,
    ) -> bool:
        """Have something done; whether it was, once that is durable or will not come about.

        Raises:
            RefusedCommandError: the session, as it stands, does not do that.
        """
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.put(SessionCommand(do, done, symbol, flatten, scheduled, side))
        if do in ("stop", "leave"):
            self.interrupted.set()
        return await done

    def nudge(self) -> None:
        """Have the engine look at the clock, and commit, unless it has something to do anyway."""
        if not self._waiting:
            self._waiting.append([Tick()])
            self._arrived.set()

    async def listen(self, feed: Feed) -> None:
        """Let a feed put its events here until it ends."""
        try:
            await feed.run(self)
        except FeedError as error:
            self.put(Ended(str(error)))
        except BaseException as error:  # else the session would wait for ever
            if is_own_end(error):
                raise
            _logger.exception("a feed ended by an error of its own")
            self.put(Ended(f"{type(error).__name__}: {error}"))

    async def next(self) -> Item:
        """What came first, waited for."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        return self.next_at_once()

    def next_at_once(self) -> Item:
        """What came first, where something is there."""
        cell = self._waiting.popleft()
        (item,) = cell
        if isinstance(item, PriceSeen) and self._newest_prices.get(item.symbol) is cell:
            del self._newest_prices[item.symbol]
        if len(self._waiting) < self._room_below:
            self._room_below = 0
            self._room.set()
        return item

    def obeyed(self, command: SessionCommand) -> None:
        """A command was carried out, and is in the journal."""
        self._obeyed.append(command)

    def committed(self) -> None:
        """What was carried out is durable. Who asked to stop is told at the end."""
        if not self._obeyed:
            return
        stops = [command for command in self._obeyed if command.do == "stop"]
        for command in self._obeyed:
            if command.do != "stop":
                command.answer(True)
        self._obeyed = stops

    def drop(self) -> list[SessionCommand]:
        """Drop what waits; returns the commands of it, for which it is too late."""
        while self._waiting:
            item = self.next_at_once()
            if isinstance(item, SessionCommand):
                self._too_late.append(item)
        return self._too_late

    def close(self, durable: bool, come_about: Callable[[str], bool]) -> None:
        """Tell everyone who still waits for an answer.

        `durable`: whether what was carried out is. `come_about`: whether what a command is for is
        so although the engine never took it.
        """
        for command in self._obeyed:
            command.answer(durable)
        for command in self.drop():
            command.answer(come_about(command.do))
