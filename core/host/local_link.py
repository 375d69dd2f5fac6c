"""How does a screen hold a host of its own?

The host's event loop runs on a thread of its own: a terminal that stalls stops the screen's loop
for as long as it likes, and no decision waits for it.
"""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from core.host.host import Host
from core.host.link import CommandError
from core.session.snapshot import HostSnapshot, LogLine, SessionDetail, StartReply, StartRequest

_T = TypeVar("_T")


class LocalLink:
    """A host in this process, seen from other threads. Implements `core.host.link.HostLink`."""

    def __init__(self, host: Host, loop: asyncio.AbstractEventLoop) -> None:
        self._host = host
        self._loop = loop

    def snapshot(self) -> HostSnapshot:
        """See `HostLink.snapshot`."""
        return self._host.snapshot()

    def logs(self, after: int = 0, session_id: str | None = None) -> tuple[LogLine, ...]:
        """See `HostLink.logs`."""
        return self._host.logs(after, session_id)

    async def start(self, request: StartRequest) -> StartReply:
        """See `HostLink.start`."""
        return await self._ask(self._host.start(request))

    async def stop(self, session_id: str, *, flatten: bool = False) -> Mapping[str, object]:
        """See `HostLink.stop`."""
        return await self._ask(self._host.stop(session_id, flatten=flatten))

    async def pause(self, session_id: str) -> None:
        """See `HostLink.pause`."""
        await self._ask(self._host.pause(session_id))

    async def resume(self, session_id: str) -> None:
        """See `HostLink.resume`."""
        await self._ask(self._host.resume(session_id))

    async def flatten(self, session_id: str, symbol: str | None = None) -> None:
        """See `HostLink.flatten`."""
        await self._ask(self._host.flatten(session_id, symbol))

    async def restart(self, session_id: str) -> StartReply:
        """See `HostLink.restart`."""
        return await self._ask(self._host.restart(session_id))

    async def archive(self, session_id: str) -> None:
        """See `HostLink.archive`."""
        await self._ask(self._host.archive(session_id))

    async def delete(self, session_id: str) -> None:
        """See `HostLink.delete`."""
        await self._ask(self._host.delete(session_id))

    async def detail(self, session_id: str) -> SessionDetail:
        """See `HostLink.detail`."""
        return await self._ask(self._host.detail(session_id))

    async def report(self, session_id: str) -> Mapping[str, object]:
        """See `HostLink.report`."""
        return await self._ask(self._host.report(session_id))

    async def ask(self, do: str, answer: type[_T], **arguments: Any) -> _T:
        """See `HostLink.ask`."""
        return await self._ask(self._host.ask(do, answer, **arguments))

    async def _ask(self, command: Coroutine[Any, Any, _T]) -> _T:
        if asyncio.get_running_loop() is self._loop:
            return await command
        if self._loop.is_closed():
            command.close()
            raise CommandError("the host has stopped")
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(command, self._loop))


class LocalHosting:
    """A host that lives on a worker thread of the screen's process.

    `make_host` makes the host on that thread; `successor` is the command line of a host without a
    screen, which goes on with the sessions when the screen closes. It is started while this host
    still lays them to rest, so that it is ready by then; it has to wait for that by itself.
    """

    def __init__(self, make_host: Callable[[], Host], successor: Sequence[str]) -> None:
        self._make_host = make_host
        self._successor = list(successor)
        self._host: Host | None = None
        self._let_go = threading.Event()
        self._hand_over = False
        self._serving = False
        self._handed_over = False

    def run(self, ready: Callable[[LocalLink], None]) -> None:
        """Serve until let go. Blocks; called once, on a worker thread.

        Calls `ready` with the link as soon as commands are taken.

        Raises:
            AlreadyHostedError: another process hosts the workspace.
            WorkspaceError: the workspace cannot be used.
        """
        asyncio.run(self._serve(ready))
        if self._hand_over:
            self._start_successor()

    def let_go(self, *, keep_running: bool) -> None:
        """Make `run` return soon, from any thread; may be called again.

        With `keep_running` a host without a screen goes on with the sessions; otherwise they rest
        until the next start.
        """
        self._hand_over = self._hand_over or keep_running
        self._let_go.set()
        if self._hand_over and self._serving:
            self._start_successor()
        if self._host is not None:
            self._host.shut_down()

    def _start_successor(self) -> None:
        if self._handed_over:
            return
        self._handed_over = True
        # A session of its own: the terminal that is closing takes nothing with it.
        subprocess.Popen(  # noqa: S603  the command is this program's own
            self._successor,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    async def _serve(self, ready: Callable[[LocalLink], None]) -> None:
        self._host = host = self._make_host()
        loop = asyncio.get_running_loop()

        def serving() -> None:
            self._serving = True
            ready(LocalLink(host, loop))
            if self._let_go.is_set():
                host.shut_down()

        try:
            await host.run(serving)
        finally:
            self._serving = False
