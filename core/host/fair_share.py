"""Sharing the event loop fairly among many sessions that are woken at once."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Iterator

_SLICE = 0.008  # seconds of work between two turns of the event loop


class FairShare:
    """Lets the event loop turn often, however many tasks have work to do at once."""

    def __init__(self) -> None:
        self._began: float | None = None

    async def take(self) -> None:
        """Return at once, or in a later turn of the loop when this one has worked long enough."""
        loop = asyncio.get_running_loop()
        while self._began is not None and loop.time() - self._began > _SLICE:
            await asyncio.sleep(0)
        if self._began is None:
            self._began = loop.time()
            loop.call_soon(self._turned)

    def _turned(self) -> None:
        self._began = None


_undisturbed = 0  # how many there are at the moment


@contextlib.contextmanager
def without_collections() -> Iterator[None]:
    """Have no garbage collection while a thread makes many objects, on the event loop's thread.

    A collection of all objects holds every thread for tenths of a second where a report of a long
    session is made; next to nothing that a report makes is garbage of the kind that needs one.
    """
    global _undisturbed  # noqa: PLW0603  the collector is the process's
    _undisturbed += 1
    gc.disable()
    try:
        yield
    finally:
        _undisturbed -= 1
        if not _undisturbed:
            gc.enable()
