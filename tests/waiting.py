"""Waits for what must come to hold, for as long as a loaded machine may take.

The one place where tests let real time pass. A test names the condition and waits for nothing
else: no pause of a guessed length, and a failure that shows what never came to hold.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast, overload

T = TypeVar("T")

SECONDS = 60.0  # real; far more than any machine needs, and below the limit of a test
_EVERY = 0.005
_TIMES_ITS_LOOK = 2.0  # a look that takes long is worth a longer pause, or looking is all there is
_TURNS = 50  # of the loop alone, before real time passes between two looks


@overload
async def until(
    condition: Callable[[], Awaitable[T]],
    seconds: float = SECONDS,
    *,
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> T: ...


@overload
async def until(
    condition: Callable[[], T],
    seconds: float = SECONDS,
    *,
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> T: ...


async def until(
    condition: Callable[[], Awaitable[T]] | Callable[[], T],
    seconds: float = SECONDS,
    *,
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> T:
    """What `condition` finds, once that is true; it may be a coroutine function.

    Args:
        condition: looked at in every turn of the event loop at first, then every few milliseconds,
            or less often where looking takes long.
        seconds: real time after which it is taken to come no more.
        pause: how to wait between two looks; a screen's pilot has a way of its own.

    Raises:
        AssertionError: where it never came to hold; the message shows the condition.
    """
    deadline = time.monotonic() + seconds
    turns = 0
    while True:
        began = time.monotonic()
        found = condition()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return cast("T", found)
        now = time.monotonic()
        if now > deadline:
            raise AssertionError(_never(condition, seconds))
        turns += 1
        await pause(0 if turns < _TURNS else max(_EVERY, _TIMES_ITS_LOOK * (now - began)))


def until_blocking(condition: Callable[[], T], seconds: float = SECONDS) -> T:
    """What `condition` finds, once that is true, where no event loop runs.

    Raises:
        AssertionError: where it never came to hold; the message shows the condition.
    """
    deadline = time.monotonic() + seconds
    between = threading.Event()
    while True:
        began = time.monotonic()
        if found := condition():
            return found
        now = time.monotonic()
        if now > deadline:
            raise AssertionError(_never(condition, seconds))
        between.wait(max(_EVERY, _TIMES_ITS_LOOK * (now - began)))


def _never(condition: Callable[[], object], seconds: float) -> str:
    source = " ".join(inspect.getsource(condition).split())
    return f"did not come to hold within {seconds:g} s: {source}"
