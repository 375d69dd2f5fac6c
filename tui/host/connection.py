"""Connects the screen with the host of its workspace, in this process or in another one.

The hosting runs on a worker thread. It ends when another host is gone or has left its sessions to
this screen, and is then begun again; the user is told whenever another process takes over.
"""

from __future__ import annotations

import asyncio
import contextlib
import os

from textual.message import Message
from textual.worker import Worker, WorkerCancelled, WorkerFailed

from core.host.link import CommandError, HostLink
from core.store.workspace import WorkspaceError
from tui.host.hosting import Hosting
from tui.shell import OfferedAnswer, Shell

_LOOK_AGAIN = 1.0  # seconds after which a host that is gone is looked for
GROUP = "host"
"""The group of the workers that host."""


class LinkReady(Message):
    """A host takes commands."""

    def __init__(self, link: HostLink) -> None:
        self.link = link
        super().__init__()


class HostConnection:
    """Runs the hosting on a worker thread, over and over where the host is another's."""

    def __init__(self, shell: Shell, hosting: Hosting) -> None:
        self._shell = shell
        self._hosting = hosting
        self._worker: Worker[None] | None = None
        self._mine: bool | None = None  # whether the last host was in this process
        self._taking = False
        self.link: HostLink | None = None

    def hold(self) -> None:
        """Host the workspace, or attach to its host."""

        def ready(link: HostLink) -> None:
            # A message waits for nobody: a screen that stalls holds up no host.
            self._shell.post_message(LinkReady(link))

        self._worker = self._shell.run_worker(
            lambda: self._hosting.run(ready),
            name="host",
            group=GROUP,
            thread=True,
            exit_on_error=False,
        )

    def let_go(self, *, keep_running: bool) -> None:
        """Let the host go; see `Hosting.let_go`."""
        self._hosting.let_go(keep_running=keep_running)

    async def gone(self, patience: float) -> None:
        """Wait until the hosting has ended, for at most `patience` seconds."""
        if self._worker is not None:
            with contextlib.suppress(TimeoutError, WorkerFailed, WorkerCancelled):
                async with asyncio.timeout(patience):
                    await self._worker.wait()

    def ready(self, link: HostLink) -> None:
        """Use a host that takes commands, and say so where it is another one than before."""
        self.link = link
        self._shell.wait_for("")
        snapshot = link.snapshot()
        mine = snapshot.pid == os.getpid()
        before, self._mine = self._mine, mine
        taking, self._taking = self._taking, False
        if taking and mine:
            self._shell.say("This screen runs the sessions now.", title="Taken over")
        elif not mine and (before or taking):
            self._shell.say(
                f"Process {snapshot.pid} runs the sessions now, and this screen watches them. "
                "T takes them over.",
                "warning",
                "Another host",
            )
        elif mine and before is False:
            self._shell.say("The other host is gone: this screen runs the sessions now.", "warning")
        self._shell.poll()

    def ended(self) -> None:
        """Go on after the hosting has ended: host here what was taken over, or look for a host."""
        self._shell.poll()  # the last state it had
        self.link = None
        if self._taking:
            self.hold()
            return
        self._shell.wait_for("the host is gone, looking for it …")
        self._shell.set_timer(_LOOK_AGAIN, self.hold)

    def failed(self, error: BaseException | None) -> None:
        """Say why there is no host any more; the last state it had stays on the screen."""
        self._taking = False
        self._shell.poll()
        self._shell.wait_for("the host has stopped")
        written = isinstance(error, WorkspaceError | CommandError)
        text = str(error) if written else f"{type(error).__name__}: {error}"
        self._shell.say(text, "error", "The host has stopped")

    def ask_take_over(self) -> None:
        """Ask, then have the other process's host leave its sessions to this screen."""
        snapshot = self._shell.snapshot
        if snapshot is None or not self._shell.attached or self._taking:
            return
        active = sum(not session.state.ended for session in snapshot.sessions)
        count = f"{active} session{'s'[: active != 1]}"
        if snapshot.kind == "headless":
            what = f"Process {snapshot.pid} runs them without a screen, and ends then."
        else:
            what = f"Another screen (process {snapshot.pid}) runs them, and only watches then."
        self._shell.ask(
            f"Take {count} over?",
            f"{what} This screen goes on with them at once; candles that close meanwhile are "
            "fetched and acted on by the same rules.",
            [OfferedAnswer("take", "y", "Take over")],
            lambda _: self._begin_to_take(),
        )

    def _begin_to_take(self) -> None:
        self._shell.run_worker(self._take(), name="take over", exit_on_error=False)

    async def _take(self) -> None:
        self._taking = True
        self._shell.wait_for("taking the sessions over …")
        try:
            await asyncio.to_thread(self._hosting.take_over)
        except CommandError as error:
            self._taking = False
            self._shell.wait_for("")
            self._shell.say(str(error), "error", "Not taken over")
