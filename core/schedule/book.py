"""The jobs of a workspace, kept in a table of its index."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import msgspec
from tinydb import TinyDB, where
from tinydb.table import Table

from core.schedule.jobs import Job, JobError, NothingSuchError, read_job
from core.store.index import IndexWriteError, one_write
from core.store.workspace import new_id

JOBS = "jobs"
ODD_JOBS = "odd_jobs"
WATCHED = "watched"
GONE = "gone_jobs"
_MOST_GONE = 200  # finished jobs that are kept


class JobBook:
    """The jobs of a workspace. Only the workspace's host has one, and it alone writes the tables.

    Every change raises `IndexWriteError` where the workspace cannot be written. `notices` tells
    what could not be read.
    """

    def __init__(self, database: TinyDB, new_id: Callable[[], str] = new_id) -> None:
        self._database = database
        self._table = database.table(JOBS)
        self._watched = database.table(WATCHED)
        self._gone = database.table(GONE)
        self._new_id = new_id
        self.notices: list[str] = []
        self._jobs = self._read(database.table(ODD_JOBS))
        self._finished = self._read_finished()

    def _read(self, odd: Table) -> dict[str, Job]:
        """The jobs of the table. Rows that are none are moved to `odd`, and said in `notices`."""
        jobs: dict[str, Job] = {}
        for document in self._table.all():
            try:
                job = read_job(dict(document))
                if job.id in jobs:
                    raise JobError(f"there is a job {job.id} before it")
                jobs[job.id] = job
            except JobError as error:
                self.notices.append(
                    f"a job in the index cannot be read and is set aside in its table {ODD_JOBS} "
                    f"({error}): {str(dict(document))[:200]}"
                )
                with contextlib.suppress(IndexWriteError):  # it is moved next time
                    odd.insert({"row": dict(document), "why": str(error)})
                    self._table.remove(doc_ids=[document.doc_id])
        return jobs

    def _read_finished(self) -> dict[str, Job]:
        finished: dict[str, Job] = {}
        for document in self._gone.all():
            with contextlib.suppress(JobError):  # a row that is odd is no job that was
                job = read_job(dict(document))
                finished[job.id] = msgspec.structs.replace(job, next_run=None)
        return finished

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Have all changes of the block made, also those of other tables, or none of them."""
        before, finished = dict(self._jobs), dict(self._finished)
        try:
            with one_write(self._database):
                yield
        except IndexWriteError:
            self._jobs, self._finished = before, finished
            raise

    def fresh_id(self) -> str:
        """An ID that no job has."""
        while (job_id := self._new_id()) in self._jobs or job_id in self._finished:
            pass
        return job_id

    def jobs(self) -> tuple[Job, ...]:
        """All jobs, the next due first and those that never will be again last."""
        return tuple(
            sorted(self._jobs.values(), key=lambda job: (job.next_run is None, job.next_run or 0))
        )

    def job(self, job_id: str) -> Job:
        """One job.

        Raises:
            NothingSuchError: there is none of that ID.
        """
        if job_id not in self._jobs:
            raise NothingSuchError(
                f"there is no job {job_id[:40]!r}: `papertape schedule list` shows all"
            )
        return self._jobs[job_id]

    def has(self, job_id: str) -> bool:
        """Whether there is a job of that ID."""
        return job_id in self._jobs

    def put(self, job: Job) -> None:
        """Add a job, or replace the one of its ID."""
        self._table.upsert(msgspec.to_builtins(job), where("id") == job.id)
        self._jobs[job.id] = job

    @property
    def finished(self) -> tuple[Job, ...]:
        """Jobs that will not run again, or went with their sessions; those that did last first."""
        return tuple(reversed(self._finished.values()))

    def remove(self, job_id: str) -> Job:
        """Remove a job, also a finished one, and return it.

        Raises:
            NothingSuchError: there is none of that ID.
        """
        if job_id in self._finished:
            self._gone.remove(where("id") == job_id)
            return self._finished.pop(job_id)
        job = self.job(job_id)
        self._table.remove(where("id") == job_id)
        del self._jobs[job_id]
        return job

    def finish(self, job_id: str) -> None:
        """Keep a job as one that is over."""
        job = msgspec.structs.replace(self.remove(job_id), next_run=None)
        self._gone.insert(msgspec.to_builtins(job))
        self._finished[job_id] = job
        for old in self._gone.all()[:-_MOST_GONE]:
            self._gone.remove(doc_ids=[old.doc_id])
            self._finished.pop(str(old.get("id")), None)

    # ── Which sessions were given their jobs, so that one removed by hand stays removed ──

    def watches(self, session_id: str, what: str) -> bool:
        """Whether a session was given the jobs called `what` once."""
        return self._watched.contains(where("id") == f"{session_id} {what}")

    def note_watched(self, session_id: str, what: str) -> None:
        """Note that it was."""
        self._watched.insert({"id": f"{session_id} {what}", "session_id": session_id})

    def forget_session(self, session_id: str) -> None:
        """Finish every job that is bound to a session, and forget what is noted of it."""
        for job in self.jobs():
            if job.session_id == session_id:
                self.finish(job.id)
        if self._watched.contains(where("session_id") == session_id):
            self._watched.remove(where("session_id") == session_id)
