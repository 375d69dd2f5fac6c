"""Which jobs are there? The table of them in the workspace's index."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import msgspec
from tinydb import TinyDB, where

from core.schedule.jobs import Job, JobError

TABLE = "jobs"


def random_id() -> str:
    """Eight characters that no other job has."""
    return secrets.token_hex(4)


class JobBook:
    """The jobs of a workspace. Only the workspace's host writes them."""

    def __init__(self, database: TinyDB, new_id: Callable[[], str] = random_id) -> None:
        self._table = database.table(TABLE)
        self._new_id = new_id

    def fresh_id(self) -> str:
        """An ID that no job has."""
        while self._table.contains(where("id") == (job_id := self._new_id())):
            pass
        return job_id

    def jobs(self) -> tuple[Job, ...]:
        """All jobs, the next due first and those that never will be again last."""
        jobs = [msgspec.convert(dict(document), Job) for document in self._table.all()]
        return tuple(sorted(jobs, key=lambda job: (job.next_run is None, job.next_run, job.id)))

    def job(self, job_id: str) -> Job:
        """One job.

        Raises:
            JobError: there is none of that ID.
        """
        document = self._table.get(where("id") == job_id)
        if not isinstance(document, dict):
            raise JobError(f"there is no job {job_id[:40]!r}: `papertape schedule list` shows all")
        return msgspec.convert(dict(document), Job)

    def put(self, job: Job) -> None:
        """Add a job, or replace the one of its ID."""
        self._table.upsert(msgspec.to_builtins(job), where("id") == job.id)

    def remove(self, job_id: str) -> Job:
        """Remove a job and return it.

        Raises:
            JobError: there is none of that ID.
        """
        job = self.job(job_id)
        self._table.remove(where("id") == job_id)
        return job

    def remove_of_session(self, session_id: str) -> None:
        """Remove every job that is bound to a session."""
        self._table.remove(where("session_id") == session_id)
