"""What is a job to the screen? As the host tells of it (`core.schedule.companion.job_to_json`)."""

from __future__ import annotations

import msgspec

from core.report.instants import parse_time
from core.schedule.jobs import Action


class JobRun(msgspec.Struct, frozen=True):
    """One run of a job: when it ran, whether it succeeded, and what it said."""

    ran: str
    succeeded: bool
    text: str

    @property
    def time(self) -> int:
        """When it ran, UTC ms."""
        return parse_time(self.ran)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job. `trigger`: when it is due, in words; of the three after it one says so exactly."""

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
    history: tuple[JobRun, ...]

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
