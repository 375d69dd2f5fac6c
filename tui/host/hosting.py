"""What the app asks of whatever runs the sessions it shows: run, let go, take over."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from core.host.link import CommandError, HostLink


class Hosting(Protocol):
    """A host as the app holds it: run on a thread of its own, let go from another."""

    def run(self, ready: Callable[[HostLink], None]) -> None:
        """Serve until let go, or until another process's host is gone. Blocks; on a thread.

        Calls `ready` with the link as soon as commands are taken. Raises what kept the host from
        starting; the message is for the user. Once it has returned it may be called again.
        """
        ...

    def let_go(self, *, keep_running: bool) -> None:
        """Make `run` return soon, from any thread; may be called again.

        With `keep_running` the sessions go on without this screen; otherwise they rest until the
        next start.
        """
        ...

    def take_over(self) -> None:
        """Have another process's host leave its sessions to this one. Blocks; on any thread.

        `run` returns as soon as the other has gone; called again, it hosts here.

        Raises:
            CommandError: the sessions are left where they are; the message says why.
        """
        ...


class LateHosting:
    """A hosting that is made on its own thread.

    Making one loads exchange and indicator libraries, which the first frame must not wait for.
    """

    def __init__(self, make: Callable[[], Hosting]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: Hosting | None = None
        self._gone = False

    def run(self, ready: Callable[[HostLink], None]) -> None:
        """See `Hosting.run`."""
        made = self._made or self._make()
        with self._lock:
            if self._gone:
                return
            self._made = made
        made.run(ready)

    def let_go(self, *, keep_running: bool) -> None:
        """See `Hosting.let_go`."""
        with self._lock:
            self._gone = True
            made = self._made
        if made is not None:
            made.let_go(keep_running=keep_running)

    def take_over(self) -> None:
        """See `Hosting.take_over`."""
        if self._made is None:
            raise CommandError("the host is still starting: try again in a moment")
        self._made.take_over()
