"""Keeps the parts of a host running beside its sessions: schedule, control socket, log file, feeds.

A part that fails is started again, after ever longer waits, and is named as failed until then: no
fault of one part may silently end what it is for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine

from core.market.tasks import is_own_end

_FIRST_WAIT = 1.0  # seconds
_LONGEST_WAIT = 60.0
_PROVEN = 60.0  # seconds after which a part that fails has not failed "again"

_logger = logging.getLogger(__name__)

Part = Callable[[], Awaitable[None]]


class Parts:
    """The parts of one host. `complain` is told of each failure, `changed` when `faults` has."""

    def __init__(
        self,
        complain: Callable[[str], None],
        changed: Callable[[], None],
        sleep: Callable[[float], Coroutine[None, None, None]] = asyncio.sleep,
    ) -> None:
        self._complain = complain
        self._changed = changed
        self._sleep = sleep
        self._failed: dict[str, str] = {}

    @property
    def faults(self) -> tuple[str, ...]:
        """The parts that have failed and do not run yet again, each with its reason."""
        return tuple(f"the {name} has failed: {why}" for name, why in self._failed.items())

    async def keep(self, name: str, part: Part) -> None:
        """Run a part, and start it again whenever it fails, until cancelled or it returns."""
        wait = _FIRST_WAIT
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await part()
                return
            except BaseException as error:  # whatever it is, the part has to be there again
                if is_own_end(error):
                    raise
                _logger.exception("%s", name)
                if loop.time() - began > _PROVEN:
                    wait = _FIRST_WAIT
                why = _first_words(error)
                self._complain(f"the {name} has failed, and starts again in {wait:.0f} s: {why}")
                self._failed[name] = why
            self._changed()
            await self._sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
            del self._failed[name]
            self._changed()


def _first_words(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
