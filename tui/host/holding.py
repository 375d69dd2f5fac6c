"""How does the screen come by a host, and what does it say when that becomes another one?"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from core.host.link import CommandError, HostLink
from core.store.workspace import WorkspaceError
from tui.modals.ask import Answer, Ask

if TYPE_CHECKING:
    from tui.app import PapertapeApp

_LOOK_AGAIN = 1.0  # seconds after which a host that is gone is looked for
_TAKING = "taking the sessions over …"


class HostConnection:
    """Runs the app's hosting on a worker thread, over and over where the host is another's."""

    def __init__(self, app: PapertapeApp) -> None:
        self._app = app
        self._mine: bool | None = None  # whether the last host was in this process
        self._taking = False

    def hold(self) -> None:
        """Host the workspace, or attach to its host."""

        def ready(link: HostLink) -> None:
            # A message waits for nobody: a screen that stalls holds up no host.
            self._app.post_message(self._app.LinkReady(link))

        self._app.run_worker(
            lambda: self._app.hosting.run(ready),
            name="host",
            group="host",
            thread=True,
            exit_on_error=False,
        )

    def ready(self, link: HostLink) -> None:
        """A host takes commands: say so where it is another one than before."""
        self._app.link = link
        self._app.waiting = ""
        snapshot = link.snapshot()
        mine = snapshot.pid == os.getpid()
        before, self._mine = self._mine, mine
        taking, self._taking = self._taking, False
        if taking and mine:
            self._app.say("This screen runs the sessions now.", title="Taken over")
        elif not mine and (before or taking):
            self._app.say(
                f"Process {snapshot.pid} runs the sessions now, and this screen watches them. "
                "T takes them over.",
                "warning",
                "Another host",
            )
        elif mine and before is False:
            self._app.say("The other host is gone: this screen runs the sessions now.", "warning")
        self._app.poll()

    def ended(self) -> None:
        """The host is gone: another one has taken over, this one is about to, or it has stopped."""
        self._app.poll()  # the last it said
        self._app.link = None
        if self._taking:
            self.hold()
            return
        self._app.waiting = "the host is gone, looking for it …"
        self._app.set_timer(_LOOK_AGAIN, self.hold)

    def failed(self, error: BaseException | None) -> None:
        """Say why there is no host any more; what it last told stays on the screen."""
        self._taking = False
        self._app.poll()
        self._app.waiting = "the host has stopped"
        told = isinstance(error, WorkspaceError | CommandError)
        words = str(error) if told else f"{type(error).__name__}: {error}"
        self._app.say(words, "error", "The host has stopped")

    def ask_take_over(self) -> None:
        """Ask, then have the other process's host leave its sessions to this screen."""
        snapshot = self._app.snapshot
        if snapshot is None or not self._app.attached or self._taking:
            return
        active = sum(not session.state.ended for session in snapshot.sessions)
        count = f"{active} session{'s'[: active != 1]}"
        if snapshot.kind == "headless":
            what = f"Process {snapshot.pid} runs them without a screen, and ends then."
        else:
            what = f"Another screen (process {snapshot.pid}) runs them, and only watches then."
        question = Ask(
            f"Take {count} over?",
            f"{what} This screen goes on with them at once; candles that close meanwhile are "
            "fetched and acted on by the same rules.",
            [Answer("take", "y", "Take over")],
        )

        def answered(answer: str | None) -> None:
            if answer is not None:
                self._app.run_worker(self._take(), name="take over", exit_on_error=False)

        self._app.push_screen(question, answered)

    async def _take(self) -> None:
        self._taking = True
        self._app.waiting = _TAKING
        try:
            await asyncio.to_thread(self._app.hosting.take_over)
        except CommandError as error:
            self._taking = False
            self._app.waiting = ""
            self._app.say(str(error), "error", "Not taken over")
