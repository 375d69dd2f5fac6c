"""Jobs as a host's callers see them: what one is to be, how it is listed, and what a run said.

They cross the control socket as JSON, and are what `schedule --json` and the tool call `cron` show
(docs/formats.md §5). Times are ISO 8601 in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Protocol, TypeVar

import msgspec

from core.time_format import parse_time, short_duration, short_time
from core.typed import prepare


class JobAction(StrEnum):
    """What a run of a job does."""

    CHECK = "check"
    """Look at a session, and say what it has traded since the last look."""
    FINISH = "finish"
    """Say how a session did against its backtest, once it has ended."""
    SAY = "say"
    """Say the message."""


class JobOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a job is to be: one of the first three says when, the others what.

    In a change, a trigger or a message that is not given stays; the others are the new ones.
    """

    every_seconds: int | None = None
    cron_expr: str | None = None
    at: str | None = None
    message: str | None = None
    session_id: str | None = None
    max_runs: int | None = None


class ListedRun(msgspec.Struct, frozen=True):
    """One run of a job: when it was due and when it ran, whether it succeeded, what it said."""

    due: str
    ran: str
    succeeded: bool
    text: str

    @property
    def time(self) -> int:
        """When it ran, UTC ms."""
        return parse_time(self.ran)

    @property
    def found(self) -> str:
        """What it found, in a line."""
        return self.text.partition("\n")[0]

    @property
    def details(self) -> tuple[tuple[str, str], ...]:
        """What else it said: of what, and what of it."""
        lines = (line.partition(": ") for line in self.text.split("\n")[1:])
        return tuple((label, text) if colon else ("", label) for label, colon, text in lines)


class ListedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job.

    `trigger`: when it is due, in words; of the three after it one says so exactly. `due_in`:
    seconds until its next run, None if there will be none. `finished`: it is over, with its session
    or after its last run, and is listed for what it did. `automatic`: the session was given it, and
    nobody asked for it.
    """

    job_id: str
    trigger: str
    every_seconds: int | None
    cron_expr: str | None
    at: str | None
    action: JobAction
    message: str
    session_id: str | None
    created: str
    next_run: str | None
    due_in: float | None
    runs: int
    max_runs: int | None
    paused: bool
    history: tuple[ListedRun, ...]
    finished: bool = False
    automatic: bool = False

    @property
    def next_time(self) -> int | None:
        """When it is due next, UTC ms."""
        return None if self.next_run is None else parse_time(self.next_run)


Jobs = tuple[ListedJob, ...]


def unfinished(jobs: Jobs) -> Jobs:
    """Those that go on."""
    return tuple(job for job in jobs if not job.finished)


class _OfSession(Protocol):
    """A job, as far as it is asked which one another takes the place of."""

    @property
    def session_id(self) -> str | None:
        """The session it is bound to."""
        ...

    @property
    def action(self) -> JobAction:
        """What it does."""
        ...

    @property
    def automatic(self) -> bool:
        """Whether nobody asked for it."""
        ...


_J = TypeVar("_J", bound=_OfSession)


def taken_place_of(jobs: Iterable[_J], session_id: str | None, action: JobAction) -> _J | None:
    """The job that a new one of that session and action takes the place of: one it was given.

    What happens in the session is then told once, at the times that were asked for.
    """
    if session_id is None:
        return None
    wanted = (session_id, action)
    same = (job for job in jobs if job.automatic and (job.session_id, job.action) == wanted)
    return next(same, None)


def monitoring_in_words(jobs: Sequence[ListedJob], end: str | None = None) -> str | None:
    """How the jobs of a session watch it, for its user; None where none does.

    `end`: when it ends, where no job says so yet (ISO 8601).
    """
    check = next((job for job in jobs if job.action is JobAction.CHECK), None)
    finish = next((job for job in jobs if job.action is JobAction.FINISH), None)
    if check is None and finish is None:
        return None
    parts = []
    if check is not None:
        every = check.every_seconds
        often = check.trigger if every is None else f"every {short_duration(every)}"
        parts.append(f"updates {often}")
    last = end if finish is None else finish.next_run
    when = "when it ends" if last is None else f"on {short_time(parse_time(last))} UTC"
    parts.append(f"a full report {when}")
    return f"I've set up automatic monitoring. You'll get {' and '.join(parts)}."


def confirmed(job: ListedJob, jobs: Sequence[ListedJob]) -> str:
    """That a job was added, for the user; `jobs` are all there are."""
    watching = [one for one in jobs if one.session_id == job.session_id is not None]
    return monitoring_in_words(watching) or f"Scheduled: {job.trigger}."


prepare(JobOrder, Jobs, ListedRun)
