"""The exchange's clock: real, accelerated, or moved by hand in tests."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from typing import Protocol


class ExchangeClock(Protocol):
    """The exchange's time, which may run faster than the wall's.

    Candles, orders and funding follow `now`; what guards a connection (pings, its 24 hours, message
    and request rates) follows `elapsed`, because a client on the other end lives in real time.
    """

    @property
    def speed(self) -> float:
        """How many exchange milliseconds pass in one real millisecond."""
        ...

    @property
    def real_time(self) -> bool:
        """Whether the clock of a client can keep step with this one."""
        ...

    def now(self) -> int:
        """The exchange's time, UTC ms."""
        ...

    def elapsed(self) -> float:
        """Real milliseconds since the clock began, whatever its speed."""
        ...

    async def until(self, moment: int) -> None:
        """Return once `now` has reached `moment` (UTC ms)."""
        ...

    async def pause(self, milliseconds: float) -> None:
        """Return once `elapsed` has grown by `milliseconds`."""
        ...


class RunningClock:
    """A clock that runs by itself from `start` (UTC ms), `speed` times as fast as real time."""

    def __init__(
        self, start: int, speed: float = 1.0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        if not 0 < speed < float("inf"):
            raise ValueError(f"speed {speed!r} of the exchange clock must be a positive number")
        self._start = start
        self._speed = speed
        self._monotonic = monotonic
        self._began = monotonic()

    @property
    def speed(self) -> float:
        """How many exchange milliseconds pass in one real millisecond."""
        return self._speed

    @property
    def real_time(self) -> bool:
        """Whether the clock is not accelerated."""
        return self._speed == 1

    def now(self) -> int:
        """The exchange's time, UTC ms."""
        return self._start + int(self.elapsed() * self._speed)

    def elapsed(self) -> float:
        """Real milliseconds since the clock was made."""
        return (self._monotonic() - self._began) * 1000

    async def until(self, moment: int) -> None:
        """Return once `now` has reached `moment`."""
        while (left := moment - self.now()) > 0:
            await asyncio.sleep(left / self._speed / 1000)

    async def pause(self, milliseconds: float) -> None:
        """Return `milliseconds` of real time later."""
        await asyncio.sleep(max(0.0, milliseconds) / 1000)


class ManualClock:
    """A clock that stands still until it is advanced: for tests, and for stepping through a market.

    `elapsed` is what it was advanced by, divided by `speed`: no real time is looked at.
    """

    real_time = False

    def __init__(self, start: int, speed: float = 1.0) -> None:
        self.speed = speed
        self._start = start
        self._now = start
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> int:
        """The exchange's time, UTC ms."""
        return self._now

    def elapsed(self) -> float:
        """Real milliseconds since the clock was made."""
        return (self._now - self._start) / self.speed

    def advance(self, milliseconds: int) -> None:
        """Move on by `milliseconds` and wake everyone whose moment has come."""
        if milliseconds < 0:
            raise ValueError(f"time moves forward only, not by {milliseconds} ms")
        self._now += milliseconds
        while self._waiting and self._waiting[0][0] <= self._now:
            future = heapq.heappop(self._waiting)[2]
            if not future.done():
                future.set_result(None)

    async def until(self, moment: int) -> None:
        """Return once `now` has reached `moment`."""
        await self._reached(moment)

    async def pause(self, milliseconds: float) -> None:
        """Return `milliseconds` of real time later."""
        await self._reached(self._now + milliseconds * self.speed)

    async def _reached(self, moment: float) -> None:
        if moment <= self._now:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (moment, next(self._order), future))
        await future
