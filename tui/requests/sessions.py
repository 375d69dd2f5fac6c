"""What does the screen ask of the host? Start, stop, pause, flatten, restart, archive, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from core.host.link import HostLink
from core.journal.values import FeedKind
from core.session.snapshot import SessionSnapshot, StartReply, StartRequest
from tui.modals.ask import Answer, Ask
from tui.screens.report import ReportScreen

if TYPE_CHECKING:
    from tui.app import PapertapeApp


def _nothing() -> None:
    """What is done when nothing is to be done."""


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
        """Start the first strategy that can run on the demo; elsewhere open the form."""
        if self._app.feed is not FeedKind.DEMO:
            self._app.open_new_session()
            return

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

    def ask_stop(
        self, sessions: Sequence[SessionSnapshot], agreed: Callable[[], None] = _nothing
    ) -> None:
        """Ask, then stop those that have not ended; `agreed` is called once they are to be."""
        targets = [s for s in sessions if not s.state.ended]
        if not targets:
            return
        positions = sum(len(s.open_positions) for s in targets)
        text = "The report is made from what has happened so far."
        answers = [Answer("stop", "y", "Stop")]
        if positions:
            stay = "stays" if positions == 1 else "stay"
            text += f"\n{_counted(positions, 'position')} {stay} open in it, marked to the market."
            answers.append(Answer("flatten", "f", "Close positions first, then stop"))

        def answered(answer: str | None) -> None:
            if answer is not None:
                agreed()
                self._stop(targets, flatten=answer == "flatten")

        self._app.push_screen(Ask(f"Stop {_named(targets)}?", text, answers), answered)

    def _stop(self, sessions: Sequence[SessionSnapshot], *, flatten: bool) -> None:
        async def work(link: HostLink) -> None:
            for session in sessions:
                report = await link.stop(session.id, flatten=flatten)
                if len(sessions) == 1:
                    await self._show(link, session.id, report)
            if len(sessions) > 1:
                self._app.say(f"{len(sessions)} sessions stopped; r shows a report.")

        self._app.command("stop", work)

    def pause(self, sessions: Sequence[SessionSnapshot]) -> None:
        """Pause what runs; where nothing does, let it enter again, or take it up again."""
        running = [s for s in sessions if not s.resumable]

        async def work(link: HostLink) -> None:
            for session in running or sessions:
                if running:
                    await link.pause(session.id)
                else:
                    await link.resume(session.id)

        self._app.command("pause" if running else "resume", work)

    def ask_flatten(
        self, sessions: Sequence[SessionSnapshot], agreed: Callable[[], None] = _nothing
    ) -> None:
        """Ask, then close the positions of sessions at the next price."""
        targets = [s for s in sessions if s.open_positions and not s.state.ended]
        if not targets:
            return
        count = _counted(sum(len(s.open_positions) for s in targets), "position")

        async def work(link: HostLink) -> None:
            for session in targets:
                await link.flatten(session.id)

        def answered(answer: str | None) -> None:
            if answer is not None:
                agreed()
                self._app.command("flatten", work)

        question = Ask(
            f"Close {count} of {_named(targets)}?",
            "At the next price, with reason manual. The session goes on.",
            [Answer("flatten", "y", "Close")],
        )
        self._app.push_screen(question, answered)

    def archive(self, sessions: Sequence[SessionSnapshot]) -> None:
        """Take ended sessions out of the list."""

        async def work(link: HostLink) -> None:
            for session in sessions:
                await link.archive(session.id)

        self._app.command("archive", work)

    def report(self, session: SessionSnapshot) -> None:
        """Show the report of a session."""

        async def work(link: HostLink) -> None:
            await self._show(link, session.id, await link.report(session.id))

        self._app.command("report", work)

    async def _show(self, link: HostLink, session_id: str, report: Mapping[str, object]) -> None:
        equity = (await link.detail(session_id)).equity
        self._app.push_screen(ReportScreen(report, equity))


def _named(targets: Sequence[SessionSnapshot]) -> str:
    if len(targets) == 1:
        return f"{targets[0].strategy} ({targets[0].id})"
    return _counted(len(targets), "session")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
