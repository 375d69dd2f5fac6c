"""A job, its runs, and what its message asks for.

A job's message is text for a person, or one of the two instructions of the tool calls: to check a
session (`backtest(action='paper_status', session_id='…')`) and to stop it with a report
(`backtest(action='stop_paper', session_id='…')`). Those are carried out; anything else is said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from core.host.job_values import JobAction
from core.schedule.triggers import (
    At,
    Every,
    Trigger,
    TriggerError,
    checked,
    describe,
    next_due,
)
from core.time_format import LATEST
from core.typed import prepare

HISTORY = 20
_LONGEST_MESSAGE = 2_000
_MOST_RUNS = 1_000_000_000
_CLOCK_ERROR = 60_000  # ms by which the clock may go back before it is taken to have been wrong
_ID = re.compile(r"[0-9a-z]{8}")
_SESSION = re.compile(r"session_id\s*=\s*[\"']?([0-9A-Za-z]{8})\b")
_INSTRUCTION = re.compile(r"action\s*=\s*[\"']?(paper_status|stop_paper)\b")


class JobError(ValueError):
    """A job cannot be added; the message says why."""


class NothingSuchError(JobError):
    """There is no such job, or no such session for one."""


class JobRun(msgspec.Struct, frozen=True):
    """One run: when it was due, when it ran (UTC ms), whether it succeeded, and what it said."""

    due: int
    ran: int
    succeeded: bool
    text: str


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Something to do at set times.

    `next_run` is when it is due next (UTC ms), None once it never will be again. `seen_trades`: of
    how many trades of its session the user was told, by whichever job. `seen_states`: how the
    layers of its trial stood then. `history`: its last runs, oldest first. `automatic`: the session
    was given it, and nobody asked for it.
    """

    id: str
    trigger: Trigger
    action: JobAction
    message: str
    session_id: str | None
    created: int
    next_run: int | None
    max_runs: int | None = None
    runs: int = 0
    paused: bool = False
    seen_trades: int = 0
    seen_states: dict[str, str] = {}
    history: tuple[JobRun, ...] = ()
    automatic: bool = False

    def describe(self) -> str:
        """The job in one line."""
        what = {
            JobAction.CHECK: f"check session {self.session_id}",
            JobAction.FINISH: f"stop session {self.session_id} and report",
            JobAction.SAY: self.message,
        }[self.action]
        return f"{what}, {describe(self.trigger)}"

    def due(self, now: int) -> bool:
        """Whether the job is to run now."""
        return not self.paused and self.next_run is not None and self.next_run <= now

    def set_right(self, now: int) -> Job:
        """The job as it should be at `now`, if a clock that was ahead had put its next run off.

        A run or a beginning that lies in the future shows that the clock was wrong.
        """
        latest = max([self.created, *(run.ran for run in self.history[-1:])])
        if latest <= now + _CLOCK_ERROR or self.next_run is None or isinstance(self.trigger, At):
            return self
        trigger = self.trigger
        if isinstance(trigger, Every) and trigger.since > now:
            trigger = Every(trigger.seconds, now)
        due = next_due(trigger, now)
        if due is None or self.next_run <= due:
            return self
        return msgspec.structs.replace(self, trigger=trigger, next_run=due)

    def having_told(self, trades: int | None, states: Mapping[str, str] | None) -> Job:
        """The job once its session was told of as far as that; None where it was not looked at."""
        return msgspec.structs.replace(
            self,
            seen_trades=self.seen_trades if trades is None else trades,
            seen_states=self.seen_states if states is None else dict(states),
        )

    def after(self, run: JobRun) -> Job:
        """The job once `run` is over.

        However many runs were slept through, one is made up for, and the next lies ahead.
        """
        runs = self.runs + 1
        exhausted = self.max_runs is not None and runs >= self.max_runs
        return msgspec.structs.replace(
            self,
            runs=runs,
            next_run=None if exhausted else next_due(self.trigger, max(run.due, run.ran)),
            history=(*self.history, run)[-HISTORY:],
        )


def read_job(document: object) -> Job:
    """A job from its row in the index.

    Raises:
        JobError: the row is not one that this program writes.
    """
    try:
        job = msgspec.convert(document, Job)
        checked(job.trigger)
    except (msgspec.ValidationError, TriggerError) as error:
        raise JobError(str(error)) from error
    times = [job.created, job.next_run or 0]
    times += [time for run in job.history for time in (run.due, run.ran)]
    counts = [job.runs, job.seen_trades, job.max_runs or 0]
    if not all(0 <= time <= LATEST for time in times) or not all(
        0 <= count <= _MOST_RUNS for count in counts
    ):
        raise JobError("it has a time or a count outside of what is possible")
    if job.session_id is None and job.action is not JobAction.SAY:
        raise JobError(f"it is to {job.action} a session, and names none")
    if not _ID.fullmatch(job.id) or not (job.session_id is None or _ID.fullmatch(job.session_id)):
        raise JobError("its ID, or its session's, is not one: expected 8 letters and digits")
    return job


def new_job(
    job_id: str,
    trigger: Trigger,
    *,
    now: int,
    message: str = "",
    session_id: str | None = None,
    max_runs: int | None = None,
    automatic: bool = False,
) -> Job:
    """A job whose action is what its message asks for; without a message, a check of its session.

    Raises:
        JobError: if there is neither a message nor a session, the message speaks of another session
            than `session_id`, or `max_runs` is below 1.
    """
    text = message.strip()
    if len(text) > _LONGEST_MESSAGE:
        raise JobError(f"the message has {len(text)} characters; at most {_LONGEST_MESSAGE} fit")
    if max_runs is not None and not 1 <= max_runs <= _MOST_RUNS:
        raise JobError(f"max_runs is {max_runs}: expected 1 or more, and at most {_MOST_RUNS:,}")
    instruction = _INSTRUCTION.search(text)
    if len(set(_INSTRUCTION.findall(text))) > 1:
        raise JobError(
            "the message asks for paper_status and for stop_paper, and a job does one thing: add a "
            "job for each"
        )
    named = sorted({one.lower() for one in _SESSION.findall(text)})
    session_id = None if session_id is None else session_id.strip().lower()
    if len(named) > 1:
        raise JobError(f"the message is about several sessions: {', '.join(named)}")
    if named and session_id not in (None, named[0]):
        raise JobError(f"the message is about session {named[0]}, the job about {session_id}")
    session = session_id or (named[0] if named else None)
    if session is None and instruction:
        raise JobError(
            f"the message asks for {instruction[1]} but names no session: write "
            "session_id='…' with its 8 characters into it, or give session_id"
        )
    if session is None and not text:
        raise JobError("the job has neither a message nor a session: it would do nothing")
    if instruction:
        action = JobAction.CHECK if instruction[1] == "paper_status" else JobAction.FINISH
    else:
        action = JobAction.SAY if text else JobAction.CHECK
    return Job(
        id=job_id,
        trigger=trigger,
        action=action,
        message=text,
        session_id=session,
        created=now,
        next_run=trigger.time if isinstance(trigger, At) else next_due(trigger, now),
        max_runs=max_runs,
        automatic=automatic,
    )


prepare(Job)
