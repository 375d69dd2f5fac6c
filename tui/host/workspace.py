"""Hosts a workspace here, or attaches to the process that does.

Loads exchange and indicator libraries: import it late, in a thread.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence

from core.bootstrap import attach
from core.host.host import HostOptions
from core.host.link import CommandError, HostLink
from core.host.local_link import LocalHosting
from core.host.socket_link import SocketLink
from core.journal.manifest import read_manifest
from core.journal.values import FeedKind
from core.store.journal_file import JournalError
from core.store.lock import AlreadyHostedError, current_host
from core.store.workspace import Workspace, WorkspaceError

_LOOK_EVERY = 0.05  # seconds between two looks whether the other host is still there
_PATIENCE = 30.0  # seconds the other host may take to lay its sessions to rest


class WorkspaceHosting:
    """Attaches to the workspace's host where there is one, and hosts it here where there is none.

    Implements `tui.host.hosting.Hosting`. `make_options` says how the host of this process runs;
    `successor` is the command line of one without a screen, which goes on with the sessions when
    the screen closes.
    """

    def __init__(
        self,
        workspace: Workspace,
        make_options: Callable[[], HostOptions],
        successor: Sequence[str],
    ) -> None:
        self._workspace = workspace
        self._make_options = make_options
        self._successor = successor
        self._lock = threading.Lock()
        self._held: Attached | LocalHosting | None = None
        self._asked: int | None = None  # the process whose sessions this one is to take over
        self._gone = threading.Event()

    def run(self, ready: Callable[[HostLink], None]) -> None:
        """See `tui.host.hosting.Hosting.run`."""
        asked, self._asked = self._asked, None
        if asked is not None:
            self._wait_for_end_of(asked)
        while True:
            link = self._find()
            held = (
                Attached(link)
                if link
                else LocalHosting(self._workspace, self._make_options, self._successor)
            )
            with self._lock:
                if self._gone.is_set():
                    return
                self._held = held
            try:
                held.run(ready)
                return
            except AlreadyHostedError:
                # Another process was faster, or only reads for a moment what rests there.
                self._gone.wait(_LOOK_EVERY)

    def let_go(self, *, keep_running: bool) -> None:
        """See `tui.host.hosting.Hosting.let_go`."""
        with self._lock:
            self._gone.set()
            held = self._held
        if held is not None:
            held.let_go(keep_running=keep_running)

    def take_over(self) -> None:
        """See `tui.host.hosting.Hosting.take_over`."""
        held = self._held
        if not isinstance(held, Attached):
            raise CommandError("the sessions run in this process already")
        link = held.link
        try:
            options = self._make_options()
        except WorkspaceError as error:
            raise CommandError(str(error)) from error
        self._refuse_foreign_demos(link, options)
        self._asked = link.snapshot().pid
        try:
            asyncio.run(link.shut_down())
        except CommandError:
            self._asked = None
            raise

    def _find(self) -> SocketLink | None:
        while current_host(self._workspace) is not None and not self._gone.is_set():
            try:
                return attach(self._workspace, follow=True)
            except CommandError:
                if current_host(self._workspace) is not None:
                    raise
        return None

    def _wait_for_end_of(self, pid: int) -> None:
        deadline = time.monotonic() + _PATIENCE
        while (holder := current_host(self._workspace)) is not None and holder.pid == pid:
            if time.monotonic() > deadline:
                raise CommandError(
                    f"process {pid} was asked to leave the sessions and has not done so within "
                    f"{_PATIENCE:.0f} s: end it, and start again"
                )
            if self._gone.wait(_LOOK_EVERY):
                return

    def _refuse_foreign_demos(self, link: SocketLink, options: HostOptions) -> None:
        """A demo session can go on only in the market it began in."""
        mine = options.sources.get(FeedKind.DEMO)
        for session in link.snapshot().sessions:
            if session.feed is not FeedKind.DEMO or session.state.ended:
                continue
            try:
                source = read_manifest(self._workspace.session(session.id)).source
            except JournalError as error:
                raise CommandError(str(error)) from error
            if source != mine:
                raise CommandError(
                    f"session {session.id} ({session.strategy}) trades on a demo market that is "
                    "not this screen's: start `papertape demo` with the same --data or --seed as "
                    "there, and take over from that"
                )


class Attached:
    """Holds a host that lives in another process.

    Letting go ends nothing there: who stops the screen has not asked for more.
    """

    def __init__(self, link: SocketLink) -> None:
        self.link = link
        self._let_go = threading.Event()

    def run(self, ready: Callable[[HostLink], None]) -> None:
        """Watch until let go, or until the host is gone. Blocks; on a thread."""
        ready(self.link)
        while self.link.lost is None and not self._let_go.wait(_LOOK_EVERY):
            pass
        self.link.close()

    def let_go(self, *, keep_running: bool) -> None:
        """Make `run` return soon, from any thread."""
        self._let_go.set()
