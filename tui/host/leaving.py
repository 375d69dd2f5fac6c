"""How does the program end, and what becomes of the sessions then?"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.worker import WorkerCancelled, WorkerFailed

from core.host.link import CommandError
from core.session.snapshot import SessionSnapshot
from tui.modals.ask import Answer, Ask

if TYPE_CHECKING:
    from tui.app import PapertapeApp

_PATIENCE = 3.0  # seconds the host is given to let go


class Leaving:
    """The ways out: asked for, told by a signal, or forced by a terminal that is gone."""

    def __init__(self, app: PapertapeApp) -> None:
        self._app = app
        self.begun = False

    def ask(self) -> None:
        """Leave at once where nothing runs, else ask what becomes of the sessions."""
        snapshot = self._app.snapshot
        active = [] if snapshot is None else [s for s in snapshot.sessions if not s.state.ended]
        if not active:
            self.leave(keep_running=False)
            return
        count = f"{len(active)} session{'s'[: len(active) > 1]}"
        question = Ask(
            f"{count} still running",
            f"Kept running, they go on without a screen, and {self._app.name_typed} finds them "
            "again.",
            [
                Answer("keep", "k", "Keep running without the screen"),
                Answer("stop", "s", f"Stop {count}, write the reports, and quit"),
            ],
        )

        def answered(answer: str | None) -> None:
            if answer == "keep":
                self.leave(keep_running=True)
            elif answer == "stop":
                self.leave(keep_running=False, stop=active)

        self._app.push_screen(question, answered)

    def signalled(self, number: signal.Signals) -> None:
        """Leave for a signal: SIGTERM lets the sessions rest, a hang-up is not meant for them."""
        self.leave(keep_running=number is signal.SIGHUP)

    def leave(self, *, keep_running: bool, stop: Sequence[SessionSnapshot] = ()) -> None:
        """Let the host go, having stopped sessions if asked to, and end."""
        if not self.begun:
            self.begun = True
            self._app.run_worker(
                self._leave(keep_running, tuple(stop)), name="leave", exit_on_error=False
            )

    async def _leave(self, keep_running: bool, stop: tuple[SessionSnapshot, ...]) -> None:
        link = self._app.link
        try:
            for session in stop:
                if link is not None:
                    await link.stop(session.id)
        except CommandError as error:
            self.begun = False
            self._app.say(str(error), "error", "Not stopped")
            return
        self._app.returning.leave()
        self._app.hosting.let_go(keep_running=keep_running)
        hosts = [worker for worker in self._app.workers if worker.group == "host"]
        if hosts:  # of no workers at all, every one would be waited for, this one included
            with contextlib.suppress(TimeoutError, WorkerFailed, WorkerCancelled):
                async with asyncio.timeout(_PATIENCE):
                    await self._app.workers.wait_for_complete(hosts)
        self._app.end()
