"""Who runs the jobs of a workspace, and who adds those a session is watched by?

One per host, on the host's own event loop. Jobs belong to the book; what they do goes through the
same link as every other command.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from core.paper.link import HostLink
from core.paper.snapshot import SessionSnapshot
from core.schedule.book import JobBook
from core.schedule.jobs import Action, Job, JobError, JobRun, new_job
from core.schedule.runs import carry_out
from core.schedule.triggers import At, Trigger, at, every

CHECK_EVERY = 4 * 3_600  # seconds: how often a session is looked at, unless told otherwise
_PULSE = 1.0  # seconds between two looks at what is due

Say = Callable[[str, str | None, bool], None]
"""Tells the user a sentence, of which session, and whether it went well."""


class Scheduler:
    """Runs what is due, and keeps the jobs of sessions in step with the sessions.

    `clock` gives UTC ms. `say` tells the user.
    """

    def __init__(self, book: JobBook, link: HostLink, clock: Callable[[], int], say: Say) -> None:
        self._book = book
        self._link = link
        self._clock = clock
        self._say = say

    async def run(self) -> None:
        """Run jobs until cancelled."""
        while True:
            await self.pulse()
            await asyncio.sleep(_PULSE)

    async def pulse(self) -> None:
        """Run what is due now, then drop the jobs of sessions that have ended."""
        for job in self._book.jobs():
            if job.due(self._clock()):
                await self.run_job(job)
        await self._follow_sessions()

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

    def watch(self, session_id: str, planned_end: int | None) -> tuple[Job, ...]:
        """Add the jobs every session is watched by: a check every few hours, a report at its end.

        `planned_end`: UTC ms, None for a session without one.
        """
        now = self._clock()
        jobs = [self.add(every(CHECK_EVERY, now), session_id=session_id)]
        if planned_end is not None and planned_end > now:
            jobs.append(self._finish_at(session_id, planned_end))
        return tuple(jobs)

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

    def _living(self, session_id: str) -> SessionSnapshot:
        for session in self._link.snapshot().sessions:
            if session.id == session_id:
                if session.state.ended:
                    raise JobError(f"session {session_id} has ended: no job can watch it")
                return session
        raise JobError(f"there is no session {session_id!r}: `papertape status` lists all")

    def _finish_at(self, session_id: str, time: int) -> Job:
        message = (
            f"Paper trading session {session_id} has reached its scheduled end: "
            f"backtest(action='stop_paper', session_id='{session_id}')"
        )
        return self.add(at(time, self._clock()), message=message, session_id=session_id)

    async def _follow_sessions(self) -> None:
        """Jobs go with their sessions; a report is due when a session has come to its planned end.

        A session's end is counted from when it began to run, so it moves while it warms up.
        """
        sessions = {session.id: session for session in self._link.snapshot().sessions}
        for job in self._book.jobs():
            if job.session_id is None:
                continue
            session = sessions.get(job.session_id)
            if session is None or session.state.ended:
                if job.action is Action.FINISH and session is not None and _ran_out(session):
                    await self.run_job(job)
                self._book.remove_of_session(job.session_id)
            elif (
                job.action is Action.FINISH
                and isinstance(job.trigger, At)
                and session.planned_end is not None
                and job.trigger.time != session.planned_end
            ):
                self._book.put(job.moved_to(session.planned_end))


def _ran_out(session: SessionSnapshot) -> bool:
    """Whether a session ended because its time was up, and not because someone stopped it."""
    return (
        session.planned_end is not None
        and session.ended is not None
        and session.ended >= session.planned_end
    )
