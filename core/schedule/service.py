"""How does a host keep its schedule, and how is it commanded from outside?

Made before the host, because the host is told whom to ask for a session's jobs; it has a scheduler
from when the host runs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import msgspec

from core.host.host import Host
from core.host.link import BadRequestError, CommandError, HostCommand, NotFoundError
from core.schedule.book import JobBook
from core.schedule.jobs import Job, JobError, NothingSuchError
from core.schedule.notifications import NotificationsError, Notifier, read_notifications
from core.schedule.runs import find_session
from core.schedule.scheduler import Scheduler
from core.schedule.triggers import At, Cron, Every, Trigger, TriggerError, at, cron, describe, every
from core.session.snapshot import Level, StartReply, StartRequest
from core.store.index import IndexWriteError
from core.time_format import iso_time, optional_iso_time, parse_time, short_time

Json = dict[str, Any]
_WHEN = ("every_seconds", "cron_expr", "at")


class ScheduleCompanion:
    """A host's scheduler, and whom it notifies. Its commands raise `CommandError`."""

    def __init__(self) -> None:
        self._scheduler: Scheduler | None = None
        self._book: JobBook | None = None
        self._host: Host | None = None
        self._notifier: Notifier | None = None
        self._clock: Callable[[], int] = lambda: 0

    async def run(self, host: Host) -> None:
        """Run the workspace's jobs until cancelled."""

        def complain(text: str) -> None:
            host.log.add(Level.WARNING, text)

        try:
            urls = read_notifications(host.workspace.notifications, host.redactor)
        except NotificationsError as error:
            urls = ()
            complain(str(error))
        notifier = self._notifier = Notifier(urls, complain)

        def say(text: str, session_id: str | None, went_well: bool) -> None:
            host.log.add(Level.INFO if went_well else Level.WARNING, text, session_id)
            notifier.say(text)

        self._host = host
        self._clock = host.options.clock
        self._book = JobBook(host.database)
        self._scheduler = Scheduler(self._book, host, self._clock, say)
        async with asyncio.TaskGroup() as both:
            both.create_task(notifier.run())
            both.create_task(self._scheduler.run())

    @property
    def pending(self) -> bool:
        """Whether any job is still to run."""
        jobs = () if self._book is None else self._book.jobs()
        return any(job.next_run is not None and not job.paused for job in jobs)

    def jobs_of(self, session_id: str) -> tuple[str, ...]:
        """The jobs of a session in words, the next due first."""
        if self._scheduler is None:
            return ()
        return tuple(_in_words(job) for job in self._scheduler.jobs_of(session_id))

    def commands(self) -> dict[str, HostCommand]:
        """The commands by name (`HostOptions.commands`)."""
        return {
            "start": self.start,
            "list_jobs": self.list_jobs,
            "add_job": self.add_job,
            "edit_job": self.edit_job,
            "pause_job": self.pause_job,
            "remove_job": self.remove_job,
            "run_job": self.run_job,
            "renew_notifications": self.renew_notifications,
            "try_notifications": self.try_notifications,
        }

    async def start(self, arguments: Mapping[str, Any]) -> StartReply:
        """Start a session as the host does, and give it its jobs at once."""
        scheduler, _, host = self._running()
        reply = await host.start(msgspec.convert(arguments["request"], type=StartRequest))
        session = find_session(host, reply.session_id)
        if session is not None:
            scheduler.watch(session)
        return replace(reply, jobs=self.jobs_of(reply.session_id))

    async def renew_notifications(self, _arguments: Mapping[str, Any]) -> None:
        """Read anew where notifications go."""
        _, _, host = self._running()
        path = host.workspace.notifications
        try:
            self._notifying().send_to(read_notifications(path, host.redactor))
        except NotificationsError as error:
            raise CommandError(str(error)) from error

    async def try_notifications(self, arguments: Mapping[str, Any]) -> None:
        """Read anew where notifications go, and send one."""
        await self.renew_notifications(arguments)
        try:
            await self._notifying().send_now("A test: notifications of Papertape arrive here.")
        except NotificationsError as error:
            raise CommandError(str(error)) from error

    def _notifying(self) -> Notifier:
        if self._notifier is None:
            raise CommandError("the host is still starting: try again in a moment")
        return self._notifier

    async def list_jobs(self, _arguments: Mapping[str, Any]) -> list[Json]:
        """All jobs as JSON values, the next due first."""
        _, book, _ = self._running()
        return [job_to_json(job, self._clock()) for job in book.jobs()]

    async def add_job(self, arguments: Mapping[str, Any]) -> Json:
        """Add a job.

        Args:
            arguments: exactly one of `every_seconds`, `cron_expr` and `at` (ISO 8601), and of
                `message`, `session_id`, `max_runs` those that are wanted.
        """
        scheduler, _, _ = self._running()
        given = {key: value for key, value in arguments.items() if value is not None}
        with _refusing():
            job = scheduler.add(
                _trigger(given, self._clock()),
                message=given.get("message", ""),
                session_id=given.get("session_id"),
                max_runs=given.get("max_runs"),
            )
        return job_to_json(job, self._clock())

    async def edit_job(self, arguments: Mapping[str, Any]) -> Json:
        """Change the job `job_id`, and return it as it is then.

        Args:
            arguments: as in `add_job`; without a trigger or a message those stay as they are.
        """
        scheduler, _, _ = self._running()
        given = {key: value for key, value in arguments.items() if value is not None}
        with _refusing():
            job = scheduler.edit(
                given["job_id"],
                _trigger(given, self._clock()) if any(name in given for name in _WHEN) else None,
                message=given.get("message"),
                session_id=given.get("session_id"),
                max_runs=given.get("max_runs"),
            )
        return job_to_json(job, self._clock())

    async def pause_job(self, arguments: Mapping[str, Any]) -> Json:
        """Pause the job `job_id`, or with `paused` false let it run again; return it."""
        scheduler, _, _ = self._running()
        with _refusing():
            job = scheduler.pause(arguments["job_id"], arguments.get("paused", True))
        return job_to_json(job, self._clock())

    async def remove_job(self, arguments: Mapping[str, Any]) -> Json:
        """Remove the job `job_id`, and return it as it was."""
        _, book, _ = self._running()
        with _refusing():
            return job_to_json(book.remove(arguments["job_id"]), self._clock())

    async def run_job(self, arguments: Mapping[str, Any]) -> Json:
        """Run the job `job_id` now, due or not, and return what came of it."""
        scheduler, book, _ = self._running()
        with _refusing():
            run = await scheduler.run_job(book.job(arguments["job_id"]))
        return {"ran": iso_time(run.ran), "succeeded": run.succeeded, "text": run.text}

    def _running(self) -> tuple[Scheduler, JobBook, Host]:
        if self._scheduler is None or self._book is None or self._host is None:
            raise CommandError("the host is still starting: try again in a moment")
        return self._scheduler, self._book, self._host


@contextmanager
def _refusing() -> Iterator[None]:
    """What the schedule refuses, as the host's callers expect it."""
    try:
        yield
    except NothingSuchError as error:
        raise NotFoundError(str(error)) from error
    except (JobError, TriggerError) as error:
        raise BadRequestError(str(error)) from error
    except IndexWriteError as error:
        raise CommandError(str(error)) from error


def _trigger(given: Mapping[str, Any], now: int) -> Trigger:
    """The trigger that exactly one of three arguments describes."""
    names = [name for name in _WHEN if name in given]
    if len(names) != 1:
        found = " and ".join(names) or "none of them"
        raise TriggerError(f"expected one of every_seconds, cron_expr and at; found {found}")
    match names[0]:
        case "every_seconds":
            return every(int(given["every_seconds"]), now)
        case "cron_expr":
            return cron(given["cron_expr"])
    try:
        return at(parse_time(given["at"]), now)
    except TriggerError:
        raise
    except ValueError as error:
        raise TriggerError(
            f"at {given['at']!r}: expected a time such as 2026-02-11T10:00 (UTC unless it says)"
        ) from error


def job_to_json(job: Job, now: int) -> Json:
    """A job as JSON values. `due_in`: seconds until its next run, None if there will be none."""
    return {
        "job_id": job.id,
        "trigger": describe(job.trigger),
        **_written(job.trigger),
        "action": job.action.value,
        "message": job.message,
        "session_id": job.session_id,
        "created": iso_time(job.created),
        "next_run": optional_iso_time(job.next_run),
        "due_in": None if job.next_run is None else max(0, job.next_run - now) / 1_000,
        "runs": job.runs,
        "max_runs": job.max_runs,
        "paused": job.paused,
        "history": [
            {
                "due": iso_time(run.due),
                "ran": iso_time(run.ran),
                "succeeded": run.succeeded,
                "text": run.text,
            }
            for run in job.history
        ],
    }


def _written(trigger: Trigger) -> Json:
    """A trigger as the argument of `add_job` that makes it, the other two None."""
    match trigger:
        case Every(seconds, _):
            given: Json = {"every_seconds": seconds}
        case Cron(expression):
            given = {"cron_expr": expression}
        case At(time):
            given = {"at": iso_time(time)}
    return dict.fromkeys(_WHEN) | given


def _in_words(job: Job) -> str:
    due = "never again" if job.next_run is None else f"next {short_time(job.next_run)} UTC"
    return f"{job.id}: {job.describe()}, {'paused' if job.paused else due}"
