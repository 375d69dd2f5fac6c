"""Sharing the event loop fairly among many sessions that are woken at once."""

from __future__ import annotations

import asyncio

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
