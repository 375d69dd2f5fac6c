"""The commands on the schedule: list its jobs; add, edit, run, pause and remove one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from core.host.link import HostLink
from core.schedule.jobs import Action
from core.time_format import parse_time
from tui.shell import Shell


class ListedRun(msgspec.Struct, frozen=True):
    """One run of a job: when it ran, whether it succeeded, and what it said."""

    ran: str
    succeeded: bool
    text: str

    @property
    def time(self) -> int:
        """When it ran, UTC ms."""
        return parse_time(self.ran)


class ListedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job as the host tells of it (`core.schedule.service.job_to_json`).

    `trigger`: when it is due, in words; of the three after it one says so exactly.
    """

    job_id: str
    trigger: str
    every_seconds: int | None
    cron_expr: str | None
    at: str | None
    action: Action
    message: str
    session_id: str | None
    next_run: str | None
    runs: int
    max_runs: int | None
    paused: bool
    history: tuple[ListedRun, ...]

    @property
    def next_time(self) -> int | None:
        """When it is due next, UTC ms."""
        return None if self.next_run is None else parse_time(self.next_run)


class JobOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What a job is to be: one of the first three, and what it does (`add_job` of the host)."""

    every_seconds: int | None = None
    cron_expr: str | None = None
    at: str | None = None
    message: str = ""
    session_id: str | None = None
    max_runs: int | None = None


Jobs = tuple[ListedJob, ...]


class ScheduleCommands:
    """The commands on jobs, each a worker of the app; `done` is called with the jobs thereafter."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def list(self, done: Callable[[Jobs], None], after: Callable[[], None]) -> None:
        """Ask for the jobs; `after` is called whether or not they came."""

        async def work(link: HostLink) -> None:
            try:
                done(await _listed(link))
            finally:
                after()

        self._shell.command("list jobs", work, quiet=True)

    def add(self, order: JobOrder, done: Callable[[Jobs], None]) -> None:
        """Add a job."""
        self._change("add", "add_job", done, **msgspec.structs.asdict(order))

    def edit(self, job: ListedJob, order: JobOrder, done: Callable[[Jobs], None]) -> None:
        """Make a job what `order` says."""
        given = msgspec.structs.asdict(order)
        self._change("edit", "edit_job", done, job_id=job.job_id, **given)

    def pause(self, job: ListedJob, done: Callable[[Jobs], None]) -> None:
        """Pause a job, or let a paused one run again."""
        self._change("pause", "pause_job", done, job_id=job.job_id, paused=not job.paused)

    def remove(self, job: ListedJob, done: Callable[[Jobs], None]) -> None:
        """Remove a job."""
        self._change("remove", "remove_job", done, job_id=job.job_id)

    def run(self, job: ListedJob, done: Callable[[Jobs], None]) -> None:
        """Run a job now, and say what came of it."""

        async def work(link: HostLink) -> None:
            run = await link.ask("run_job", ListedRun, job_id=job.job_id)
            self._shell.say(run.text, "information" if run.succeeded else "error")
            done(await _listed(link))

        self._shell.command("run", work)

    def _change(self, name: str, do: str, done: Callable[[Jobs], None], **arguments: Any) -> None:
        async def work(link: HostLink) -> None:
            await link.ask(do, ListedJob, **arguments)
            done(await _listed(link))

        self._shell.command(name, work)


async def _listed(link: HostLink) -> Jobs:
    return await link.ask("list_jobs", tuple[ListedJob, ...])
