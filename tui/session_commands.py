"""What does the screen ask of the host? Start, stop, pause, flatten, restart, archive, report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.paper.link import HostLink
from core.paper.snapshot import SessionSnapshot, SessionState, StartReply, StartRequest
from tui.screens.report import ReportScreen

if TYPE_CHECKING:
    from tui.app import PapertapeApp


class SessionCommands:
    """The commands on sessions, each a worker of the app that says how it went."""

    def __init__(self, app: PapertapeApp) -> None:
        self._app = app

    def start(self, request: StartRequest) -> None:
        """Start a session."""

        async def work(link: HostLink) -> None:
            self._started(await link.start(request))

        self._app.command("start", work)

    def quick_start(self) -> None:
        """Start the first strategy that can run, on the app's own feed."""

        async def work(link: HostLink) -> None:
            choices = await self._app.read_strategies()
            ready = [choice for choice in choices if not choice.problems]
            if not ready:
                self._app.say("No strategy can be started: press n to see why.", "warning")
                return
            request = StartRequest(config=dict(ready[0].raw), feed=self._app.feed)
            self._started(await link.start(request))

        self._app.command("start", work)

    def restart(self, session: SessionSnapshot) -> None:
        """Start a new session with the config of one that ended."""

        async def work(link: HostLink) -> None:
            self._started(await link.restart(session.id))

        self._app.command("restart", work)

    def _started(self, reply: StartReply) -> None:
        text = "\n".join((f"Session {reply.session_id} is starting.", *reply.notices))
        self._app.say(text, "warning" if reply.notices else "information", reply.mode.value)

    def stop(self, sessions: Sequence[SessionSnapshot], *, flatten: bool = False) -> None:
        """Stop sessions; the report of a single one is shown."""

        async def work(link: HostLink) -> None:
            for session in sessions:
                report = await link.stop(session.id, flatten=flatten)
                if len(sessions) == 1:
                    self._app.push_screen(ReportScreen(report))
            if len(sessions) > 1:
                self._app.say(f"{len(sessions)} sessions stopped; r shows a report.")

        self._app.command("stop", work)

    def pause(self, sessions: Sequence[SessionSnapshot]) -> None:
        """Pause what runs; where all are paused, let them enter again."""
        running = [s for s in sessions if s.state is not SessionState.PAUSED]

        async def work(link: HostLink) -> None:
            for session in running or sessions:
                if running:
                    await link.pause(session.id)
                else:
                    await link.resume(session.id)

        self._app.command("pause" if running else "resume", work)

    def flatten(self, sessions: Sequence[SessionSnapshot]) -> None:
        """Close the positions of sessions at the next price."""

        async def work(link: HostLink) -> None:
            for session in sessions:
                await link.flatten(session.id)

        self._app.command("flatten", work)

    def archive(self, sessions: Sequence[SessionSnapshot]) -> None:
        """Take ended sessions out of the list."""

        async def work(link: HostLink) -> None:
            for session in sessions:
                await link.archive(session.id)

        self._app.command("archive", work)

    def report(self, session: SessionSnapshot) -> None:
        """Show the report of a session."""

        async def work(link: HostLink) -> None:
            report = await link.report(session.id)
            self._app.push_screen(ReportScreen(report))

        self._app.command("report", work)
