"""How anyone speaks to a host: frozen snapshots come out, commands go in.

The screen, the command line and the tool calls know hosts only as a `HostLink`. Its commands are
typed methods over `ask`, so that a link to a host in this process and one over the control socket
differ in nothing but how a command gets there. A new command is a method of the host and one here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, TypeVar

from core.host.job_values import JobOrder, Jobs, ListedJob, ListedRun
from core.journal.session_notes import AlertRule
from core.session.snapshot import (
    HostSnapshot,
    LogLine,
    SessionDetail,
    SessionSnapshot,
    StartReply,
    StartRequest,
)
from core.strategy.chart_values import Chart
from core.trading.values import Side, Trade

_T = TypeVar("_T")


class CommandError(Exception):
    """A host refused or failed a command. The message is for the user: what, why, what to do."""


class BadRequestError(CommandError):
    """What was asked makes no sense: it would be refused again."""


class NotFoundError(CommandError):
    """There is no such session or job."""


class HostLink(ABC):
    """One host, seen from outside its event loop.

    The reading methods return at once with the latest known values and may be called from any
    thread. The commands are coroutines on the *caller's* loop; all raise `CommandError`.
    """

    @abstractmethod
    def snapshot(self) -> HostSnapshot:
        """The latest state of everything."""

    @abstractmethod
    def logs(self, after: int = 0, session_id: str | None = None) -> tuple[LogLine, ...]:
        """Log lines with a number above `after`, oldest first (the host keeps the last 10,000).

        What earlier hosts of the workspace logged has numbers of 0 and below.
        """

    @abstractmethod
    async def ask(self, do: str, answer: type[_T], **arguments: Any) -> _T:
        """Have the host carry out a command by its name, and return its answer as `answer`."""

    async def _tell(self, do: str, **arguments: Any) -> None:
        """Have the host carry out a command that has no answer."""
        await self.ask(do, object, **arguments)

    # ── The host ──

    async def fresh_snapshot(self) -> HostSnapshot:
        """The state of everything now, also where nothing is followed."""
        return await self.ask("fresh_snapshot", HostSnapshot)

    async def shut_down(self) -> None:
        """Have the host stop; its sessions rest until another one takes them up."""
        await self._tell("shut_down")

    # ── Sessions ──

    async def start(self, request: StartRequest) -> StartReply:
        """Start a session. A config with problems raises `CommandError` that lists them all."""
        return await self.ask("start", StartReply, request=request)

    async def stop(self, session_id: str, *, flatten: bool = False) -> Mapping[str, object]:
        """Stop a session and return its report (docs/formats.md §8)."""
        return await self.ask("stop", dict[str, Any], session_id=session_id, flatten=flatten)

    async def stop_at_end(self, session_id: str) -> Mapping[str, object]:
        """The same for a session whose scheduled end has come."""
        return await self.ask("stop_at_end", dict[str, Any], session_id=session_id)

    async def pause(self, session_id: str, symbol: str | None = None) -> None:
        """Block entries (of one symbol, if given); exits and stops go on."""
        await self._tell("pause", session_id=session_id, symbol=symbol)

    async def resume(self, session_id: str, symbol: str | None = None) -> None:
        """Allow entries again, those of one symbol where it was blocked by itself.

        Without a symbol, take up a session that was interrupted (see its snapshot).
        """
        await self._tell("resume", session_id=session_id, symbol=symbol)

    async def flatten(self, session_id: str, symbol: str | None = None) -> None:
        """Close the session's positions (one symbol's, if given) at the next price, as `manual`."""
        await self._tell("flatten", session_id=session_id, symbol=symbol)

    async def enter(self, session_id: str, symbol: str, side: Side) -> None:
        """Enter a position by hand at the next price, in a simulated session that is no trial."""
        await self._tell("enter", session_id=session_id, symbol=symbol, side=side)

    async def annotate(self, session_id: str, note: str, tags: tuple[str, ...]) -> None:
        """Put down a note and tags for a session, in place of those before."""
        await self._tell("annotate", session_id=session_id, note=note, tags=tags)

    async def set_alerts(self, session_id: str, alerts: tuple[AlertRule, ...]) -> None:
        """Have the user told once of each of these, and of nothing else that was asked for."""
        await self._tell("set_alerts", session_id=session_id, alerts=alerts)

    async def restart(self, session_id: str) -> StartReply:
        """Start a new session with the config snapshot of an ended or running one."""
        return await self.ask("restart", StartReply, session_id=session_id)

    async def archive(self, session_id: str) -> None:
        """Take an ended session out of the lists; its files stay."""
        await self._tell("archive", session_id=session_id)

    async def archived(self) -> tuple[SessionSnapshot, ...]:
        """The sessions that were taken out of the lists, the oldest first."""
        return await self.ask("archived", tuple[SessionSnapshot, ...])

    async def unarchive(self, session_id: str) -> None:
        """Put a session back into the lists."""
        await self._tell("unarchive", session_id=session_id)

    async def delete(self, session_id: str) -> None:
        """Remove an ended session and its files."""
        await self._tell("delete", session_id=session_id)

    async def detail(self, session_id: str) -> SessionDetail:
        """What the session screen shows."""
        return await self.ask("detail", SessionDetail, session_id=session_id)

    async def closed_trades(self, session_id: str) -> tuple[Trade, ...]:
        """The closed trades of a session, in their order."""
        return await self.ask("closed_trades", tuple[Trade, ...], session_id=session_id)

    async def earlier_log(self, session_id: str) -> tuple[LogLine, ...]:
        """The newest 2,000 lines of a session before those that `logs` has, oldest first."""
        return await self.ask("earlier_log", tuple[LogLine, ...], session_id=session_id)

    async def chart(
        self,
        session_id: str,
        symbol: str,
        timeframe: str | None = None,
        until: int | None = None,
        count: int = 1_000,
    ) -> Chart:
        """Candles a session saw of a symbol, with its strategy's indicators over them.

        The last `count` that open before `until` (UTC ms; None: the last there are), in its own
        timeframe or a multiple.
        """
        where = {"session_id": session_id, "symbol": symbol, "timeframe": timeframe}
        return await self.ask("chart", Chart, **where, until=until, count=count)

    async def report(self, session_id: str) -> Mapping[str, object]:
        """The report as it stands now, or the final one of an ended session."""
        return await self.ask("report", dict[str, Any], session_id=session_id)

    # ── Jobs ──

    async def list_jobs(self) -> Jobs:
        """All jobs, the next due first."""
        return await self.ask("list_jobs", Jobs)

    async def add_job(self, order: JobOrder) -> ListedJob:
        """Add a job."""
        return await self.ask("add_job", ListedJob, order=order)

    async def edit_job(self, job_id: str, order: JobOrder) -> ListedJob:
        """Make a job what `order` says; it keeps its ID, its runs and whether it is paused."""
        return await self.ask("edit_job", ListedJob, job_id=job_id, order=order)

    async def pause_job(self, job_id: str, *, paused: bool = True) -> ListedJob:
        """Have a job not run when it is due, or (with `paused` false) run again."""
        return await self.ask("pause_job", ListedJob, job_id=job_id, paused=paused)

    async def remove_job(self, job_id: str) -> ListedJob:
        """Remove a job, and return it as it was."""
        return await self.ask("remove_job", ListedJob, job_id=job_id)

    async def run_job(self, job_id: str) -> ListedRun:
        """Run a job now, due or not, and return what came of it."""
        return await self.ask("run_job", ListedRun, job_id=job_id)

    # ── Notifications ──

    async def renew_notifications(self) -> None:
        """Have notifications.yaml read anew."""
        await self._tell("renew_notifications")

    async def try_notifications(self) -> None:
        """Have notifications.yaml read anew, and one notification sent to every address."""
        await self._tell("try_notifications")
