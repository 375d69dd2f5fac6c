"""Runs the jobs of a workspace, and gives each session the jobs that watch it.

One per host, on the host's own event loop. Jobs belong to the book; what they do goes through the
same link as every other command. Each run is a task of its own: one that takes long, fails, or
whose job is changed or removed meanwhile, holds up no other.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakValueDictionary

import msgspec

from core.host.job_values import JobAction, taken_place_of
from core.host.link import HostLink
from core.journal.values import FeedKind, SessionState
from core.market.tasks import is_own_end
from core.schedule.book import JobBook
from core.schedule.jobs import Job, JobError, JobRun, NothingSuchError, new_job
from core.schedule.notifications.occasions import OCCASIONS
from core.schedule.runs import JobOutcome, carry_out
from core.schedule.triggers import At, Trigger, at, every, next_due, same_times
from core.session.feed_handler import BY_HAND
from core.session.snapshot import SessionSnapshot
from core.store.index import IndexWriteError

CHECK_EVERY = 4 * 3_600  # seconds: how often a session is looked at, unless told otherwise
_PULSE = 1.0  # seconds between two looks at what is due
_OUT_OF_STEP = 60_000  # ms by which the end of a demo session may lie off what its report is set to
_AT_ONCE = 100  # runs that may be under way together

_logger = logging.getLogger(__name__)

Say = Callable[[str, str | None, bool], None]
"""Tells the user a sentence, of which session, and whether it went well."""


@dataclass(frozen=True, slots=True)
class _Done:
    """A run that is over, of which job and session, and what it came to."""

    job_id: str
    session_id: str | None
    run: JobRun
    outcome: JobOutcome


class Scheduler:
    """Runs what is due, and keeps the jobs of sessions in step with the sessions.

    `clock` gives UTC ms. `say` tells the user; `note` writes what a run said where nobody is told,
    `alert` tells the user and interrupts whoever is at a screen.
    `pulse_every`: seconds between two looks at what is due. `demo_speed`: how many times as fast
    as the machine's the clock of demo sessions goes.
    """

    def __init__(
        self,
        book: JobBook,
        link: HostLink,
        clock: Callable[[], int],
        say: Say,
        note: Say = lambda *_: None,
        alert: Say | None = None,
        pulse_every: float = _PULSE,
        demo_speed: float = 1.0,
    ) -> None:
        self._book = book
        self._link = link
        self._clock = clock
        self._say = say
        self._note = note
        self._alert = alert or say
        self._pulse_every = pulse_every
        self._demo_speed = demo_speed
        self._occasions = [occasion() for occasion in OCCASIONS]
        self._running: dict[str, asyncio.Task[JobRun]] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._unrecorded: list[_Done] = []
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def run(self) -> None:
        """Run jobs until cancelled. While the workspace cannot be written, they wait."""
        waiting = False
        try:
            while True:
                try:
                    self.pulse()
                    waiting = False
                except IndexWriteError as error:
                    if not waiting:
                        self._say(f"jobs wait until the disk is repaired: {error}", None, False)
                    waiting = True
                await asyncio.sleep(self._pulse_every)
        finally:
            for task in self._running.values():
                task.cancel()

    def pulse(self) -> None:
        """Bring the jobs in step with the sessions, then begin to run what is due now.

        Raises:
            IndexWriteError: the workspace cannot be written.
        """
        self._record_again()
        sessions = {session.id: session for session in self._link.snapshot().sessions}
        self._follow(sessions)
        now = self._clock()
        for job in self._book.jobs():
            session = sessions.get(job.session_id or "")
            right = self._in_step(job.set_right(now), session)
            if right is not job:
                self._book.put(right)
            waits = session is not None and self._waits_for_end(right, session)
            if right.due(now) and not waits and not self._is_running(right):
                self._begin(right)

    async def settled(self) -> None:
        """Return once no run is under way."""
        while self._running:
            await asyncio.wait(self._running.values())
            await asyncio.sleep(0)

    async def run_job(self, job_id: str) -> JobRun:
        """Run a job now, whether it is due or not, and record the run.

        Raises:
            JobError: there is no such job, or it is running just now.
        """
        job = self._book.job(job_id)
        if job_id in self._running:
            raise JobError(f"job {job_id} is running just now")
        return await asyncio.shield(self._begin(job, by_hand=True))

    def _is_running(self, job: Job) -> bool:
        """Whether a run of a job is under way, or not recorded yet."""
        return job.id in self._running or any(done.job_id == job.id for done in self._unrecorded)

    def _begin(self, job: Job, *, by_hand: bool = False) -> asyncio.Task[JobRun]:
        task = asyncio.create_task(self._run_now(job, by_hand), name=f"job {job.id}")
        self._running[job.id] = task
        task.add_done_callback(lambda _: self._running.pop(job.id, None))
        return task

    async def _run_now(self, job: Job, by_hand: bool) -> JobRun:
        async with self._turn(job), self._room:
            return await self._in_turn(job, by_hand)

    def _turn(self, job: Job) -> asyncio.Lock:
        """Held by the run of a session's jobs that looks at it: two at once would tell the same."""
        return self._turns.setdefault(job.session_id or f"job {job.id}", asyncio.Lock())

    async def _in_turn(self, job: Job, by_hand: bool) -> JobRun:
        if job.session_id is not None and not self._book.has(job.id):
            now = self._clock()
            return JobRun(now, now, True, "its session has ended meanwhile, and was told of")
        outcome = await _outcome(self._as_told(job), self._link, by_hand)
        now = self._clock()
        due = job.next_run if job.next_run is not None and job.next_run <= now else now
        run = JobRun(due, now, outcome.succeeded, outcome.text)
        tell = self._say if outcome.news or not outcome.succeeded else self._note
        if outcome.alert:
            tell = self._alert
        done = _Done(job.id, job.session_id, run, outcome)
        try:
            with self._book.together():  # or a host killed in between would tell it again, or never
                tell(outcome.text, job.session_id, outcome.succeeded)
                self._record(done)
        except IndexWriteError:  # recorded, and not run again, once the disk takes it
            self._unrecorded.append(done)
        return run

    def _as_told(self, job: Job) -> Job:
        """The job with what the user has heard of its session by any other: nothing comes twice."""
        for one in self.jobs_of(job.session_id):
            told = max(job.seen_trades, one.seen_trades)
            job = job.having_told(told, one.seen_states or None)
        for done in self._unrecorded:
            if done.session_id is not None and done.session_id == job.session_id:
                job = job.having_told(done.outcome.seen_trades, done.outcome.seen_states)
        return job

    def _record(self, done: _Done) -> None:
        """Record a run in its job, which may have been changed or removed while it ran.

        What it told of its session stands in all jobs of that: the one that told it may go.
        """
        outcome = done.outcome
        if self._book.has(done.job_id):
            self._book.put(self._book.job(done.job_id).after(done.run))
        if outcome.ended and done.session_id is not None:
            self._book.forget_session(done.session_id)
        for job in self.jobs_of(done.session_id):
            told = job.having_told(outcome.seen_trades, outcome.seen_states)
            if told != job:
                self._book.put(told)
        if self._book.has(done.job_id) and self._book.job(done.job_id).next_run is None:
            self._book.finish(done.job_id)

    def _record_again(self) -> None:
        while self._unrecorded:
            self._record(self._unrecorded[0])
            del self._unrecorded[0]

    # ── the jobs of sessions ──

    def jobs_of(self, session_id: str | None) -> tuple[Job, ...]:
        """The jobs bound to a session, the next due first."""
        if session_id is None:
            return ()
        return tuple(job for job in self._book.jobs() if job.session_id == session_id)

    def watch(self, session: SessionSnapshot) -> None:
        """Give a session its jobs, once each: a check every few hours, a report at its end.

        The end is counted from when the session began to run, so it is known only then. A replay
        is over too soon to be watched.
        """
        if session.feed is FeedKind.REPLAY or session.state.ended:
            return
        now = self._clock()
        there = {job.action for job in self.jobs_of(session.id)}
        if not self._book.watches(session.id, "check"):
            self._book.note_watched(session.id, "check")
            if JobAction.CHECK not in there:
                self._put_new(every(CHECK_EVERY, now), session_id=session.id, automatic=True)
        end = self._end_of(session)
        if end is not None and end > now and not self._book.watches(session.id, "end"):
            self._book.note_watched(session.id, "end")
            if JobAction.FINISH in there:
                return
            message = (
                f"Paper trading session {session.id} has reached its scheduled end: "
                f"backtest(action='stop_paper', session_id='{session.id}')"
            )
            self._put_new(at(end, now), message=message, session_id=session.id, automatic=True)

    def _end_of(self, session: SessionSnapshot) -> int | None:
        """When a session is to end by itself, by the machine's clock; None where that is not known.

        What it has planned is of its feed's clock, and only a demo's goes at another speed.
        """
        end = session.planned_end
        if end is None or session.feed is not FeedKind.DEMO:
            return end
        if session.interrupted or session.state is SessionState.STARTING:
            return None  # its market, whose clock it goes by, has not told the time yet
        return self._clock() + round((end - session.now) / self._demo_speed)

    def _in_step(self, job: Job, session: SessionSnapshot | None) -> Job:
        """The report that a demo session was given for its end, due when that is by now.

        Its market stands still while no host runs, and the next may have another speed.
        """
        if session is None or session.feed is not FeedKind.DEMO or session.state.ended:
            return job
        if not job.automatic or job.action is not JobAction.FINISH or job.next_run is None:
            return job
        end = self._end_of(session)
        if end is None or end <= self._clock() or abs(end - job.next_run) <= _OUT_OF_STEP:
            return job
        return msgspec.structs.replace(job, trigger=At(end), next_run=end)

    def _waits_for_end(self, job: Job, session: SessionSnapshot) -> bool:
        """Whether a report has to wait because its session cannot end yet, or will by itself.

        Its last candles may come late, or be fetched first where the host was away: stopping it
        would cut them off. What a session has planned is known once it has been taken up.
        """
        if job.action is not JobAction.FINISH:
            return False
        if session.interrupted or session.state is SessionState.STARTING:
            return True
        end = self._end_of(session)
        if session.state.ended or end is None or job.next_run is None:
            return False
        return job.automatic or job.next_run >= end

    def _put_new(
        self,
        trigger: Trigger,
        *,
        message: str = "",
        session_id: str | None = None,
        max_runs: int | None = None,
        automatic: bool = False,
    ) -> Job:
        job = new_job(
            self._book.fresh_id(),
            trigger,
            now=self._clock(),
            message=message,
            session_id=session_id,
            max_runs=max_runs,
            automatic=automatic,
        )
        if job.session_id is not None:
            self._living(job.session_id)
        self._book.put(job)
        return job

    def add(
        self,
        trigger: Trigger,
        *,
        message: str = "",
        session_id: str | None = None,
        max_runs: int | None = None,
    ) -> Job:
        """Add a job.

        One may take the place of another, under its ID (`taken_place_of`); what asks for the times
        that this one had is due when it was. It runs, whether or not that one was paused, and its
        `max_runs` are counted from now on.

        Raises:
            JobError: the job would do nothing, or its session has ended or is not known.
        """
        wanted = new_job("", trigger, now=self._clock(), message=message, session_id=session_id)
        given = taken_place_of(self._book.jobs(), wanted.session_id, wanted.action)
        if given is not None:
            return self._put_changed(
                msgspec.structs.replace(given, runs=0 if max_runs is not None else given.runs),
                None if same_times(given.trigger, trigger) and not given.paused else trigger,
                message=message,
                session_id=wanted.session_id,
                max_runs=max_runs,
                paused=False,
            )
        return self._put_new(trigger, message=message, session_id=session_id, max_runs=max_runs)

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
        return self._put_changed(
            old,
            trigger,
            message=message,
            session_id=session_id,
            max_runs=max_runs,
            paused=old.paused,
        )

    def _put_changed(
        self,
        old: Job,
        trigger: Trigger | None,
        *,
        message: str | None,
        session_id: str | None,
        max_runs: int | None,
        paused: bool,
    ) -> Job:
        made = new_job(
            old.id,
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
            paused=paused,
            seen_trades=old.seen_trades if made.session_id == old.session_id else 0,
            seen_states=old.seen_states if made.session_id == old.session_id else {},
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
        raise NothingSuchError(
            f"there is no session {session_id[:40]!r}: `papertape status` lists all"
        )

    def _follow(self, sessions: dict[str, SessionSnapshot]) -> None:
        """Jobs come and go with their sessions; one that has come to its end is reported on."""
        for session in sessions.values():
            self.watch(session)
            for occasion in self._occasions:
                if (notice := occasion.look(session, self._clock())) is not None:
                    self._say(notice.text, session.id, notice.good)
        for job in self._book.jobs():
            session_of_job = sessions.get(job.session_id or "")
            if job.session_id is None or (session_of_job and _goes_on(session_of_job)):
                continue
            jobs = self.jobs_of(job.session_id)
            if any(one.id in self._running for one in jobs):
                continue
            if session_of_job and _ended_by_itself(session_of_job):
                last = next((one for one in jobs if one.action is JobAction.FINISH), jobs[0])
                self._begin(msgspec.structs.replace(last, action=JobAction.FINISH))
            else:
                self._book.forget_session(job.session_id)


async def _outcome(job: Job, link: HostLink, by_hand: bool) -> JobOutcome:
    """What a run comes to; a fault in it is an outcome too, for no job may end the loop."""
    try:
        return await carry_out(job, link, by_hand=by_hand)
    except BaseException as error:
        if is_own_end(error):
            raise
        _logger.exception("job %s", job.id)
        return JobOutcome(f"job {job.id} failed: {type(error).__name__}: {error}", succeeded=False)


def _goes_on(session: SessionSnapshot) -> bool:
    """Whether there is, or may again be, something in a session to watch."""
    return session.interrupted or not session.state.ended


def _ended_by_itself(session: SessionSnapshot) -> bool:
    """Whether a session ended by its plan or its rules: not by hand, and not by a fault."""
    why = session.state_reason
    return session.state is SessionState.STOPPED and why is not None and not why.startswith(BY_HAND)
