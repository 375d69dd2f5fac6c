"""When does a host that a command started, and nobody will stop, end by itself?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from core.paper.host import Host
from core.paper.snapshot import Level
from core.report.instants import short_duration

_STEP = 1.0  # seconds between two looks


async def end_when_idle(
    host: Host,
    needed: Callable[[], bool],
    patience: float,
    sleep: Callable[[float], Coroutine[None, None, None]] = asyncio.sleep,
) -> None:
    """Shut a host down once no session has lived, and nobody `needed` it, for `patience` seconds.

    A companion of the host (`HostOptions`).
    """
    left = patience
    while left > 0:
        await sleep(_STEP)
        living = any(not session.state.ended for session in host.snapshot().sessions)
        left = patience if living or needed() else left - _STEP
    host.log.add(
        Level.INFO, f"nothing has needed this host for {short_duration(patience)}: it ends"
    )
    host.shut_down()
