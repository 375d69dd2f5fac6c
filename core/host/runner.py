"""Runs the host of a workspace, from taking its lock to letting it go.

Sessions are taken up one after the other; what runs beside them is kept running. When the host
stops, every session comes to rest in such a state that the next host goes on with it.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Iterator
from functools import partial

from core.host.host import Host, HostOptions
from core.host.logs import RingHandler
from core.host.parts import Part
from core.session.snapshot import Level
from core.store.durable import remove_leftovers
from core.store.lock import HostLock, WorkspaceLostError
from core.store.workspace import Workspace

_REFRESH = 0.2  # seconds between two snapshots while somebody looks
_TAKING_UP = 1.0  # seconds for which `ready` waits for sessions to be taken up
_TICK = 1.0  # seconds between two looks at the clock
_TURN = 0.001  # seconds for which a thread, such as one that makes a report, holds the loop up

_logger = logging.getLogger(__name__)


async def run_host(
    workspace: Workspace, options: HostOptions, ready: Callable[[Host], None] = lambda _: None
) -> None:
    """Host the workspace until the host is shut down: take the lock, take its sessions up, serve.

    Calls `ready` once commands are taken; where there are many sessions, the last of them are taken
    up after that.

    Raises:
        AlreadyHostedError: another process hosts the workspace.
        WorkspaceError: the workspace cannot be used.
        WorkspaceLostError: it vanished meanwhile. All trading has stopped, and what was
            acknowledged stands in it, wherever it is now.
    """
    sys.setswitchinterval(_TURN)
    mended = workspace.prepare()
    lock = HostLock.acquire(workspace, kind=options.kind, now=options.clock())
    try:
        remove_leftovers(workspace.root)
        host = Host(workspace, options)
        for notice in (*mended, *lock.notices):
            host.log.add(Level.WARNING, notice)
        handler = RingHandler(host.log)
        logging.getLogger().addHandler(handler)
        try:
            await _serve(host, lock, ready)
        finally:
            logging.getLogger().removeHandler(handler)
            host.storage.committer.close()
    finally:
        lock.release()


async def _serve(host: Host, lock: HostLock, ready: Callable[[Host], None]) -> None:
    host.registry.find()
    host.show()
    taking_up = asyncio.ensure_future(_take_up(host))
    watching = asyncio.ensure_future(_watch_workspace(host, lock))
    parts = [
        taking_up,
        watching,
        *(asyncio.ensure_future(host.parts.keep(name, part)) for name, part in _parts(host)),
    ]
    try:
        await asyncio.wait({taking_up}, timeout=_TAKING_UP)
        ready(host)
        await host.stopping.wait()
        taking_up.cancel()
        await host.registry.leave_all()
        if watching.done():
            watching.result()
    except WorkspaceLostError as error:
        host.log.add(Level.ERROR, str(error))
        host.registry.strand_all(str(error))
        host.show()
        raise
    finally:
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)


def _parts(host: Host) -> Iterator[tuple[str, Part]]:
    """What runs beside the sessions."""
    yield "snapshot", partial(_refresh, host)
    yield "clock", partial(_tick, host)
    yield "recovery of sessions", partial(_recover, host)
    yield "seals", partial(_check_seals, host)
    yield "order accounts", host.accounts.attend
    yield "alerts", host.alerts.run
    if host.schedule is not None:
        yield "schedule", host.schedule.run
    for companion in host.options.companions:
        yield _name(companion), partial(companion, host)


def _name(companion: Callable[..., object]) -> str:
    name: str = getattr(companion, "__name__", type(companion).__name__)
    return name.replace("_", " ")


async def _take_up(host: Host) -> None:
    await host.registry.take_up_all()
    host.show()


async def _refresh(host: Host) -> None:
    while True:
        await asyncio.sleep(_REFRESH)
        if host.looked_at():
            await host.registry.look_in_turn()
            host.show()


async def _tick(host: Host) -> None:
    while True:
        await asyncio.sleep(_TICK)
        host.registry.tick()


async def _recover(host: Host) -> None:
    while True:
        await asyncio.sleep(_TICK)
        await host.registry.recover()


async def _check_seals(host: Host) -> None:
    while True:
        await asyncio.sleep(_TICK)
        await host.registry.check_seals()


async def _watch_workspace(host: Host, lock: HostLock) -> None:
    """Stop when the workspace is gone: what is decided then could not be written down."""
    while True:
        await asyncio.sleep(_TICK)
        try:
            await asyncio.to_thread(lock.verify)
        except WorkspaceLostError:
            host.stopping.set()
            raise
        except Exception:  # no thread was to be had: it is looked at again
            _logger.exception("the workspace cannot be looked at")
