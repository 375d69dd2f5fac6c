"""Runs the jobs of a workspace, and gives each session the jobs that watch it.

One per host, on the host's own event loop. Jobs belong to the book; what they do goes through the
same link as every other command.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from core.host.job_values import JobAction
from core.host.link import HostLink
from core.journal.values import FeedKind, SessionState
from core.schedule.book import JobBook
from core.schedule.jobs import Job, JobError, JobRun, NothingSuchError, new_job
from core.schedule.runs import carry_out
from core.schedule.triggers import Trigger, at, every, next_due
from core.session.snapshot import SessionSnapshot
from core.store.index import IndexWriteError

CHECK_EVERY = 4 * 3_600  # seconds: how often a session is looked at, unless told otherwise
_PULSE = 1.0  # seconds between two looks at what is due

Say = Callable[[str, str | None, bool], None]
"""Tells the user a sentence, of which session, and whether it went well."""


class Scheduler:
    """Runs what is due, and keeps the jobs of sessions in step with the sessions.

    `clock` gives UTC ms. `say` tells the user. `every`: seconds between two looks at what is due.
    """

    def __init__(
        self,
        book: JobBook,
        link: HostLink,
        clock: Callable[[], int],
        say: Say,
        every: float = _PULSE,
    ) -> None:
        self._book = book
        self._link = link
        self._clock = clock
        self._say = say
        self._every = every
        self._in_order: set[str] = set()

    async def run(self) -> None:
        """Run jobs until cancelled. While the workspace cannot be written, they wait."""
        waiting = False
        while True:
            try:
                await self.pulse()
                waiting = False
            except IndexWriteError as error:
                if not waiting:
                    self._say(f"jobs wait until the disk is repaired: {error}", None, False)
                waiting = True
            await asyncio.sleep(self._every)

    async def pulse(self) -> None:
        """Bring the jobs in step with the sessions, then run what is due now."""
        await self._follow_sessions()
        for job in self._book.jobs():
            if job.due(self._clock()):
                await self.run_job(job)

    async def run_job(self, job: Job) -> JobRun:
        """Run a job now, whether it is due or not, and record the run."""
        outcome = await carry_out(job, self._link)
        now = self._clock()
        due = job.next_run if job.next_run is not None and job.next_run <= now else now
        run = JobRun(due, now, outcome.succeeded, outcome.text)
        done = job.after(run, seen_trades=outcome.seen_trades)
        if done.next_run is None:
            self._book.remove(job.id)
        else:
            self._book.put(done)
        if outcome.news or not outcome.succeeded:
            self._say(outcome.text, job.session_id, outcome.succeeded)
        return run

    # ── the jobs of sessions ──

    def jobs_of(self, session_id: str) -> tuple[Job, ...]:
        """The jobs bound to a session, the next due first."""
        return tuple(job for job in self._book.jobs() if job.session_id == session_id)

    def watch(self, session: SessionSnapshot) -> None:
        """Give a session its jobs, once each: a check every few hours, a report at its end.

        The end is counted from when the session began to run, so it is known only then. A replay
        is over too soon to be watched.
        """
        if session.feed is FeedKind.REPLAY or session.state.ended:
            return
        now = self._clock()
        if not self._book.watches(session.id, "check"):
            self._book.note_watched(session.id, "check")
            self.add(every(CHECK_EVERY, now), session_id=session.id)
        end = session.planned_end
        if end is not None and end > now and not self._book.watches(session.id, "end"):
            self._book.note_watched(session.id, "end")
            message = (
                f"Paper trading session {session.id} has reached its scheduled end: "
                f"backtest(action='stop_paper', session_id='{session.id}')"
            )
            self.add(at(end, now), message=message, session_id=session.id)

    def add(
        self,
        trigger: Trigger,
        *,
        message: str = "",
        session_id: str | None = None,
        max_runs: int | None = None,
    ) -> Job:
        """Add a job.

        Raises:
            JobError: the job would do nothing, or its session has ended or is not known.
        """
        job = new_job(
            self._book.fresh_id(),
            trigger,
            now=self._clock(),
            message=message,
            session_id=session_id,
            max_runs=max_runs,
        )
        if job.session_id is not None:
            self._living(job.session_id)
        self._book.put(job)
        return job

    def edit(
        self,
        job_id: str,
        trigger: Trigger | None,
        *,
        message: str | None = None,
        session_id: str | None = None,
        max_runs: int | None = None,
    ) -> Job:
        """Change what a job does and when; it keeps its ID, its runs and whether it is paused.

        Without `trigger` or `message` those stay; `session_id` and `max_runs` are the new ones.

        Raises:
            JobError: there is no such job, it would do nothing, or it has run `max_runs` times.
        """
        old = self._book.job(job_id)
        made = new_job(
            job_id,
            old.trigger if trigger is None else trigger,
            now=self._clock(),
            message=old.message if message is None else message,
            session_id=session_id,
            max_runs=max_runs,
        )
        if max_runs is not None and max_runs <= old.runs:
            raise JobError(f"the job has run {old.runs} times: max_runs must be more than that")
        if made.session_id is not None:
            self._living(made.session_id)
        job = msgspec.structs.replace(
            made,
            created=old.created,
            next_run=old.next_run if trigger is None else made.next_run,
            runs=old.runs,
            paused=old.paused,
            seen_trades=old.seen_trades if made.session_id == old.session_id else 0,
            history=old.history,
        )
        self._book.put(job)
        return job

    def pause(self, job_id: str, paused: bool) -> Job:
        """Have a job not run when it is due, or run again; what was slept through is not made up.

        Raises:
            JobError: there is no such job, or the only time it was due has passed meanwhile.
        """
        job = self._book.job(job_id)
        next_run = job.next_run
        if job.paused and not paused:
            next_run = next_due(job.trigger, self._clock())
            if next_run is None:
                raise JobError(f"job {job_id} was due while it was paused: run, edit or remove it")
        job = msgspec.structs.replace(job, paused=paused, next_run=next_run)
        self._book.put(job)
        return job

    def _living(self, session_id: str) -> SessionSnapshot:
        for session in self._link.snapshot().sessions:
            if session.id == session_id:
                if session.state.ended:
                    raise JobError(f"session {session_id} has ended: no job can watch it")
                return session
        raise NothingSuchError(f"there is no session {session_id!r}: `papertape status` lists all")

    def _tell_of_failure(self, session: SessionSnapshot) -> None:
        """Say that a session has failed, once, if it failed before our eyes."""
        if session.state is not SessionState.ERROR:
            self._in_order.add(session.id)
        elif session.id in self._in_order:
            self._in_order.discard(session.id)
            text = f"{session.strategy} ({session.id}) has failed: {session.state_reason}"
            self._say(text, session.id, False)

    async def _follow_sessions(self) -> None:
        """Jobs come and go with their sessions; one that has come to its end is reported on."""
        sessions = {session.id: session for session in self._link.snapshot().sessions}
        for session in sessions.values():
            self.watch(session)
            self._tell_of_failure(session)
        for job in self._book.jobs():
            session_of_job = sessions.get(job.session_id or "")
            if job.session_id is None or (session_of_job and _goes_on(session_of_job)):
                continue
            if job.action is JobAction.FINISH and session_of_job and _ran_out(session_of_job):
                await self.run_job(job)
            self._book.forget_session(job.session_id)


def _goes_on(session: SessionSnapshot) -> bool:
    """Whether there is, or may again be, something in a session to watch."""
    return session.interrupted or not session.state.ended


def _ran_out(session: SessionSnapshot) -> bool:
    """Whether a session ended because its time was up, and not because someone stopped it."""
    return (
        session.planned_end is not None
        and session.ended is not None
        and session.ended >= session.planned_end
    )
