"""A screen's own host, on a thread of its own, and the link to a host in this process.

A terminal that stalls stops the screen's loop for as long as it likes, and no decision of a session
may wait for it: so the host's event loop is another one.
"""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from core.host.host import Host, HostOptions
from core.host.link import CommandError, HostLink
from core.host.runner import run_host
from core.session.snapshot import HostSnapshot, Level, LogLine
from core.store.workspace import Workspace

_T = TypeVar("_T")


class LocalLink(HostLink):
    """A host in this process, from its own loop or from other threads."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def snapshot(self) -> HostSnapshot:
        """See `HostLink.snapshot`."""
        return self._host.snapshot()

    def logs(self, after: int = 0, session_id: str | None = None) -> tuple[LogLine, ...]:
        """See `HostLink.logs`."""
        return self._host.logs(after, session_id)

    async def ask(self, do: str, answer: type[_T], **arguments: Any) -> _T:
        """See `HostLink.ask`."""
        loop = self._host.loop
        if loop.is_closed():
            raise CommandError("the host has stopped")
        command = self._host.carry_out(do, arguments)
        if asyncio.get_running_loop() is loop:
            value = await command
        else:
            value = await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(command, loop))
        return msgspec.convert(value, answer)


class LocalHosting:
    """Hosts a workspace on a worker thread of the screen's process.

    `make_options` is called on that thread. `successor` is the command line of a host without a
    screen, which goes on with the sessions when the screen closes. It is started while this host
    still lays them to rest, so that it is ready by then; it has to wait for that by itself.
    """

    def __init__(
        self,
        workspace: Workspace,
        make_options: Callable[[], HostOptions],
        successor: Sequence[str],
    ) -> None:
        self._workspace = workspace
        self._make_options = make_options
        self._successor = list(successor)
        self._host: Host | None = None  # while it takes commands
        self._let_go = threading.Event()
        self._hand_over = False
        self._handed_over = False

    def run(self, ready: Callable[[LocalLink], None]) -> None:
        """Serve until let go. Blocks; called once, on a worker thread.

        Calls `ready` with the link as soon as commands are taken.

        Raises:
            AlreadyHostedError: another process hosts the workspace.
            WorkspaceError: the workspace cannot be used.
        """

        def serving(host: Host) -> None:
            self._host = host
            ready(LocalLink(host))
            if self._let_go.is_set():
                host.shut_down()

        try:
            asyncio.run(run_host(self._workspace, self._make_options(), serving))
        finally:
            self._host = None
        if self._hand_over:
            self._start_successor()

    def let_go(self, *, keep_running: bool) -> None:
        """Make `run` return soon, from any thread; may be called again.

        With `keep_running` a host without a screen goes on with the sessions; otherwise, and where
        none can be started, they rest until the next start.
        """
        self._hand_over = self._hand_over or keep_running
        self._let_go.set()
        host = self._host
        if host is not None and self._hand_over:
            self._start_successor()
        if host is not None:
            host.shut_down()

    def _start_successor(self) -> None:
        if self._handed_over:
            return
        self._handed_over = True
        try:
            # A session of its own: the terminal that is closing takes nothing with it.
            subprocess.Popen(  # noqa: S603  the command is this program's own
                self._successor,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            # Whoever leaves must be able to: the next host finds the sessions, and this line.
            if self._host is None:
                raise
            text = f"no host without a screen could be started: {error}; the sessions rest"
            self._host.log.add(Level.ERROR, text)
