"""A host's schedule: its jobs, what runs them, whom it notifies, and the commands on all that."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from core.host.command_table import CommandTable, command_table
from core.host.host import Host
from core.host.job_values import JobOrder, Jobs, ListedJob, ListedRun, monitoring_in_words
from core.host.link import BadRequestError, CommandError, NotFoundError
from core.host.local_link import LocalLink
from core.schedule.book import JobBook
from core.schedule.jobs import HISTORY, Job, JobError, NothingSuchError
from core.schedule.notifications.notifications_file import NotificationsError, read_notifications
from core.schedule.notifications.notifier import Notifier
from core.schedule.notifications.outbox import Outbox
from core.schedule.scheduler import Scheduler
from core.schedule.triggers import (
    At,
    Cron,
    Every,
    Trigger,
    TriggerError,
    at,
    cron_trigger,
    describe,
    every,
)
from core.session.snapshot import Level, SessionSnapshot
from core.store.index import IndexWriteError
from core.store.redaction import Secret
from core.time_format import iso_time, optional_iso_time, parse_time, short_time

_FINISHED, _RUNS_OF_FINISHED = 20, 3  # jobs that are over and listed, and runs of each


class Schedule:
    """The schedule of one host (`HostSchedule`). Its commands are those of `HostLink` on jobs."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._clock = host.options.clock
        self._book = JobBook(host.database)
        for notice in self._book.notices:
            self._complain(notice)
        outbox = Outbox(host.database, self._complain)
        self._notifier = Notifier(self._addresses(), self._complain, outbox=outbox)
        self._scheduler = Scheduler(
            self._book,
            LocalLink(host),
            self._clock,
            self._say,
            self._note,
            alert=self._alert,
            demo_speed=host.options.demo_speed,
        )

    async def run(self) -> None:
        """Run the workspace's jobs, and send notifications, until cancelled."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._notifier.run())
            both.create_task(self._scheduler.run())

    def _addresses(self) -> tuple[Secret, ...]:
        try:
            return read_notifications(self._host.workspace.notifications, self._host.redactor)
        except NotificationsError as error:
            self._complain(str(error))
            return ()

    def _complain(self, text: str) -> None:
        self._host.log.add(Level.WARNING, text)

    def _say(self, text: str, session_id: str | None, went_well: bool) -> None:
        self._note(text, session_id, went_well)
        self._notifier.say(text)

    def notify(self, text: str) -> None:
        """See `HostSchedule.notify`."""
        self._notifier.say(text)

    def _alert(self, text: str, session_id: str | None, went_well: bool) -> None:
        self._log(text, session_id, went_well, alert=True)
        self._notifier.say(text)

    def _note(self, text: str, session_id: str | None, went_well: bool) -> None:
        self._log(text, session_id, went_well)

    def _log(
        self, text: str, session_id: str | None, went_well: bool, *, alert: bool = False
    ) -> None:
        """Log what a run found; all that it said stands in the job's history."""
        level = Level.INFO if went_well else Level.WARNING
        self._host.log.add(level, text.partition("\n")[0], session_id, alert=alert)

    # ── For the host ──

    @property
    def commands(self) -> CommandTable:
        """See `HostSchedule.commands`."""
        return command_table(
            self.list_jobs,
            self.add_job,
            self.edit_job,
            self.pause_job,
            self.remove_job,
            self.run_job,
            self.renew_notifications,
            self.try_notifications,
        )

    @property
    def pending(self) -> bool:
        """See `HostSchedule.pending`."""
        due = any(job.next_run is not None and not job.paused for job in self._book.jobs())
        return due or self._notifier.pending

    def watch(self, session: SessionSnapshot) -> None:
        """See `HostSchedule.watch`."""
        try:
            self._scheduler.watch(session)
        except IndexWriteError as error:  # the scheduler tries again until it can be written
            self._complain(str(error))

    def jobs_of(self, session_id: str) -> tuple[str, ...]:
        """See `HostSchedule.jobs_of`."""
        return tuple(_in_words(job) for job in self._scheduler.jobs_of(session_id))

    def monitoring(self, session_id: str, end: int | None) -> str | None:
        """See `HostSchedule.monitoring`."""
        jobs = [self._listed(job) for job in self._scheduler.jobs_of(session_id)]
        return monitoring_in_words(jobs, None if end is None else iso_time(end))

    # ── Commands ──

    def list_jobs(self) -> Jobs:
        """See `HostLink.list_jobs`."""
        finished = tuple(
            listed_job(job, self._clock(), runs=_RUNS_OF_FINISHED, finished=True)
            for job in self._book.finished[:_FINISHED]
        )
        return (*(self._listed(job) for job in self._book.jobs()), *finished)

    def add_job(self, order: JobOrder) -> ListedJob:
        """See `HostLink.add_job`."""
        with _refusing():
            trigger = _trigger(order, self._clock())
            if trigger is None:
                raise TriggerError(f"expected one of {_WHEN}; found none of them")
            job = self._scheduler.add(
                trigger,
                message=order.message or "",
                session_id=order.session_id,
                max_runs=order.max_runs,
            )
        return self._listed(job)

    def edit_job(self, job_id: str, order: JobOrder) -> ListedJob:
        """See `HostLink.edit_job`."""
        with _refusing():
            job = self._scheduler.edit(
                job_id,
                _trigger(order, self._clock()),
                message=order.message,
                session_id=order.session_id,
                max_runs=order.max_runs,
            )
        return self._listed(job)

    def pause_job(self, job_id: str, paused: bool = True) -> ListedJob:
        """See `HostLink.pause_job`."""
        with _refusing():
            return self._listed(self._scheduler.pause(job_id, paused))

    def remove_job(self, job_id: str) -> ListedJob:
        """See `HostLink.remove_job`."""
        with _refusing():
            return self._listed(self._book.remove(job_id))

    async def run_job(self, job_id: str) -> ListedRun:
        """See `HostLink.run_job`."""
        with _refusing():
            run = await self._scheduler.run_job(job_id)
        return ListedRun(iso_time(run.due), iso_time(run.ran), run.succeeded, run.text)

    def renew_notifications(self) -> None:
        """See `HostLink.renew_notifications`."""
        path = self._host.workspace.notifications
        try:
            self._notifier.send_to(read_notifications(path, self._host.redactor))
        except NotificationsError as error:
            raise CommandError(str(error)) from error

    async def try_notifications(self) -> None:
        """See `HostLink.try_notifications`."""
        self.renew_notifications()
        try:
            await self._notifier.send_now("A test: notifications of Papertape arrive here.")
        except NotificationsError as error:
            raise CommandError(str(error)) from error

    def _listed(self, job: Job) -> ListedJob:
        return listed_job(job, self._clock())


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


_WHEN = "every_seconds, cron_expr and at"


def _trigger(order: JobOrder, now: int) -> Trigger | None:
    """The trigger that an order describes; None where it describes none.

    Raises:
        TriggerError: it describes more than one, or none that can be.
    """
    given = {
        name: value
        for name in ("every_seconds", "cron_expr", "at")
        if (value := getattr(order, name)) is not None
    }
    if len(given) > 1:
        raise TriggerError(f"expected one of {_WHEN}; found {' and '.join(given)}")
    if order.every_seconds is not None:
        return every(order.every_seconds, now)
    if order.cron_expr is not None:
        return cron_trigger(order.cron_expr)
    return None if order.at is None else at(_moment(order.at), now)


def _moment(text: str) -> int:
    try:
        return parse_time(text)
    except ValueError as error:
        raise TriggerError(
            f"at {text[:40]!r}: expected a time such as 2026-02-11T10:00 (UTC unless it says)"
        ) from error


def listed_job(job: Job, now: int, *, runs: int = HISTORY, finished: bool = False) -> ListedJob:
    """A job as the host's callers see it at `now`, with so many of its last runs."""
    every_seconds, cron_expr, once = _written(job.trigger)
    return ListedJob(
        job_id=job.id,
        trigger=describe(job.trigger),
        every_seconds=every_seconds,
        cron_expr=cron_expr,
        at=once,
        action=job.action,
        message=job.message,
        session_id=job.session_id,
        created=iso_time(job.created),
        next_run=optional_iso_time(job.next_run),
        due_in=None if job.next_run is None else max(0, job.next_run - now) / 1_000,
        runs=job.runs,
        max_runs=job.max_runs,
        paused=job.paused,
        finished=finished,
        automatic=job.automatic,
        history=tuple(
            ListedRun(iso_time(run.due), iso_time(run.ran), run.succeeded, run.text)
            for run in job.history[-runs:]
        ),
    )


def _written(trigger: Trigger) -> tuple[int | None, str | None, str | None]:
    """A trigger as the one of `every_seconds`, `cron_expr` and `at` that makes it."""
    match trigger:
        case Every(seconds, _):
            return seconds, None, None
        case Cron(expression):
            return None, expression, None
        case At(time):
            return None, None, iso_time(time)


def _in_words(job: Job) -> str:
    due = "never again" if job.next_run is None else f"next {short_time(job.next_run)} UTC"
    return f"{job.id}: {job.describe()}, {'paused' if job.paused else due}"
