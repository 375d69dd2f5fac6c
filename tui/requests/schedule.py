"""The commands on the schedule: list its jobs; add, edit, run, pause and remove one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from core.host.job_values import JobAction, JobOrder, Jobs, ListedJob
from core.host.link import HostLink
from tui import formats
from tui.shell import Shell


class ScheduleCommands:
    """The commands on jobs, each a worker of the app; `done` is called with the jobs thereafter."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def list(self, done: Callable[[Jobs], None], after: Callable[[], None]) -> None:
        """Ask for the jobs; `after` is called whether or not they came."""

        async def work(link: HostLink) -> None:
            try:
                done(await link.list_jobs())
            finally:
                after()

        self._shell.command("list jobs", work, quiet=True)

    def add(self, order: JobOrder, done: Callable[[Jobs, str], None]) -> None:
        """Add a job, and say which one it takes the place of; `done` gets its ID as well."""

        async def work(link: HostLink) -> None:
            before = {job.job_id: job for job in await link.list_jobs()}
            made = await link.add_job(order)
            done(await link.list_jobs(), made.job_id)
            if (given := before.get(made.job_id)) is not None:
                said = in_place_of(given, made.trigger, made.max_runs)
                self._shell.say(formats.named_in_zone(said, self._shell.zone))

        self._shell.command("add", work)

    def edit(self, job: ListedJob, order: JobOrder, done: Callable[[Jobs], None]) -> None:
        """Make a job what `order` says."""
        self._change("edit", lambda link: link.edit_job(job.job_id, order), done)

    def pause(self, job: ListedJob, done: Callable[[Jobs], None]) -> None:
        """Pause a job, or let a paused one run again."""
        self._change("pause", lambda link: link.pause_job(job.job_id, paused=not job.paused), done)

    def remove(self, job: ListedJob, done: Callable[[Jobs], None]) -> None:
        """Remove a job."""
        self._change("remove", lambda link: link.remove_job(job.job_id), done)

    def run(self, job: ListedJob, done: Callable[[Jobs], None]) -> None:
        """Run a job now. What came of it stands in its history; a failure is said as well."""

        async def work(link: HostLink) -> None:
            run = await link.run_job(job.job_id)
            if not run.succeeded:
                self._shell.say(run.text, "error")
            done(await link.list_jobs())

        self._shell.command("run", work)

    def _change(
        self,
        name: str,
        change: Callable[[HostLink], Awaitable[ListedJob]],
        done: Callable[[Jobs], None],
    ) -> None:
        async def work(link: HostLink) -> None:
            await change(link)
            done(await link.list_jobs())

        self._shell.command(name, work)


def what(job: ListedJob, names: Mapping[str, str]) -> str:
    """What a job does, in a few words."""
    session = names.get(job.session_id or "", job.session_id or "")
    match job.action:
        case JobAction.CHECK:
            return f"check {session}"
        case JobAction.FINISH:
            return f"stop {session}, report"
        case JobAction.SAY:
            return f"say: {job.message}"


def in_place_of(given: ListedJob, trigger: str, max_runs: int | None) -> str:
    """Which job a new one takes the place of, whose times are `trigger` in words."""
    if (given.trigger, given.max_runs, given.paused) == (trigger, max_runs, False):
        return f"The session has that job already, {trigger}: it stays."
    paused = ", paused" if given.paused else ""
    return f"It takes the place of the job that the session was given, {given.trigger}{paused}."
