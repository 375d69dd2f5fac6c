"""Ends the program: decides what becomes of the sessions, lets the host go, closes the screen."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence

from core.host.link import CommandError
from core.session.snapshot import SessionSnapshot
from core.text import safe_text
from tui.host.connection import HostConnection
from tui.shell import OfferedAnswer, Shell

_PATIENCE = 3.0  # seconds the host is given to let go


class Leaving:
    """The ways out: asked for, told by a signal, or forced by a terminal that is gone.

    `program`: what was typed to start it. `before`: called once the sessions are settled and before
    the host is let go.
    """

    def __init__(
        self, shell: Shell, connection: HostConnection, program: str, before: Callable[[], None]
    ) -> None:
        self._shell = shell
        self._connection = connection
        self._program = program
        self._before = before
        self.begun = False
        self.farewell = ""  # what to print once the screen is gone

    def ask(self) -> None:
        """Leave at once where nothing ends by it, else ask what becomes of the sessions.

        Sessions of another process go on there, whatever this screen does.
        """
        snapshot = self._shell.snapshot
        active = [] if snapshot is None else [s for s in snapshot.sessions if not s.state.ended]
        count = f"{len(active)} session{'s'[: len(active) > 1]}"
        goes_on = f"{count} go{'es'[: 2 * (len(active) == 1)]} on"
        found = f"{self._program} finds {'it' if len(active) == 1 else 'them'} again."
        if not active or self._shell.attached:
            self.farewell = f"{goes_on} without this screen; {found}" if active else ""
            self.leave(keep_running=False)
            return

        def answered(answer: str) -> None:
            stopping = answer == "stop"
            self.farewell = f"{goes_on} without a screen; {found}"
            if stopping:
                self.farewell = "" if self._shell.demo is not None else self._reports_of(active)
            self.leave(keep_running=not stopping, stop=active if stopping else ())

        reports = "write the reports, and quit"
        if self._shell.demo is not None:
            reports = "and quit; the next demo is new"
        self._shell.ask(
            f"{count} still running",
            f"What goes on is there again later: {found}",
            [
                OfferedAnswer("keep", "q", f"Quit; {goes_on} without a screen"),
                OfferedAnswer("stop", "x", f"Stop {count}, {reports}"),
            ],
            answered,
        )

    def signalled(self, number: signal.Signals) -> None:
        """Leave for a signal: SIGTERM lets the sessions rest, a hang-up is not meant for them."""
        self.leave(keep_running=number is signal.SIGHUP)

    def leave(self, *, keep_running: bool, stop: Sequence[SessionSnapshot] = ()) -> None:
        """Let the host go, having stopped sessions if asked to, and end."""
        if not self.begun:
            self.begun = True
            self._shell.run_worker(
                self._leave(keep_running, tuple(stop)), name="leave", exit_on_error=False
            )

    async def _leave(self, keep_running: bool, stop: tuple[SessionSnapshot, ...]) -> None:
        link = self._shell.link
        try:
            for session in stop:
                if link is not None:
                    await link.stop(session.id)
        except CommandError as error:
            self.begun = False
            self._shell.say(str(error), "error", "Not stopped")
            return
        try:
            self._before()
            self._connection.let_go(keep_running=keep_running)
            await self._connection.gone(_PATIENCE)
        finally:
            self._shell.end()  # a screen without a terminal must not stay, whatever failed

    def _reports_of(self, stopped: Sequence[SessionSnapshot]) -> str:
        """How the reports of stopped sessions are read once the screen is gone."""
        return "\n".join(
            f"{safe_text(one.strategy)} was stopped: {self._program} report {one.id}"
            for one in stopped
        )
