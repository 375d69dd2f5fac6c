"""The commands about what happens at set times: schedule add, list, edit, run, pause, remove."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from datetime import UTC
from typing import TYPE_CHECKING, Protocol, TypeVar

from tui import formats
from tui.cli.commands import Arguments, Commands
from tui.cli.output import Exit, Refusal, print_json, print_text, refusing, table
from tui.cli.speaking import run_on_host
from tui.cli.workspace import existing_workspace, prepared_workspace

if TYPE_CHECKING:
    from core.host.job_values import JobOrder, ListedJob
    from core.host.link import HostLink

_T = TypeVar("_T")


class JobArguments(Arguments, Protocol):
    """What the commands on one job are given."""

    job: str


class OrderArguments(Arguments, Protocol):
    """What a job is to be."""

    every: str | None
    cron: str | None
    at: str | None
    message: str
    session: str | None
    max_runs: int | None


class EditArguments(JobArguments, OrderArguments, Protocol):
    """What `papertape schedule edit` is given."""


def add_commands(commands: Commands) -> None:
    """Declare this group."""
    parser = commands.add(
        "schedule",
        list_jobs,
        "what happens at set times: add, list, edit, run, pause, resume, remove",
        more=(
            "A session is given a check every four hours, and a report at its planned end.\n"
            "Times and cron expressions are UTC."
        ),
    )
    verbs = commands.below(parser)
    adding = verbs.add("add", add_job, "have something done at set times")
    _add_what(adding, required=True)
    listing = verbs.add("list", list_jobs, "all jobs, the next due first")
    listing.add_argument("--all", action="store_true", help="those that are over as well")
    editing = verbs.add("edit", edit_job, "change when or what; what is not given stays")
    editing.add_argument("job", metavar="JOB")
    _add_what(editing, required=False)
    for verb, run, text in (
        ("run", run_job, "run a job now"),
        ("pause", pause_job, "have a job not run when it is due"),
        ("resume", resume_job, "have it run again; what it missed is not made up for"),
        ("remove", remove_job, "remove a job"),
    ):
        verbs.add(verb, run, text).add_argument("job", metavar="JOB")


def _add_what(parser: argparse.ArgumentParser, *, required: bool) -> None:
    when = parser.add_mutually_exclusive_group(required=required)
    when.add_argument("--every", metavar="4h")
    when.add_argument("--cron", metavar="'0 10 * * *'", help="minute hour day month weekday")
    when.add_argument("--at", metavar="WHEN", help="once: 18:30, 'fri 9:00', 'in 2h', ISO 8601")
    parser.add_argument("--session", metavar="ID", help="bound to it, and gone with it")
    parser.add_argument(
        "--message", metavar="TEXT", help="what to say; without it, the session is checked"
    )
    parser.add_argument("--max-runs", type=int, metavar="N")


def add_job(arguments: OrderArguments) -> int:
    """Add a job."""
    order = _order(arguments)

    async def add(link: HostLink) -> tuple[ListedJob, str]:
        from core.host.job_values import confirmed

        job = await link.add_job(order)
        return job, confirmed(job, await link.list_jobs())

    job, confirmation = _ask(arguments, add)
    if not arguments.json:
        print_text(confirmation)
    return _tell_job(arguments, job)


def edit_job(arguments: EditArguments) -> int:
    """Change a job; what is not given stays."""
    from msgspec.structs import replace

    given = _order(arguments)

    async def edit(link: HostLink) -> ListedJob:
        was = next((job for job in await link.list_jobs() if job.job_id == arguments.job), None)
        if was is None:
            raise Refusal(
                f"there is no job {arguments.job!r}: `papertape schedule list` shows all",
                Exit.NOTHING_FOUND,
            )
        # The host takes these two as they are to be.
        order = replace(
            given,
            session_id=was.session_id if given.session_id is None else given.session_id,
            max_runs=was.max_runs if given.max_runs is None else given.max_runs,
        )
        return await link.edit_job(was.job_id, order)

    return _tell_job(arguments, _ask(arguments, edit))


def pause_job(arguments: JobArguments) -> int:
    """Pause a job."""
    return _tell_job(arguments, _ask(arguments, lambda link: link.pause_job(arguments.job)))


def resume_job(arguments: JobArguments) -> int:
    """Let a job run again."""
    job = _ask(arguments, lambda link: link.pause_job(arguments.job, paused=False))
    return _tell_job(arguments, job)


def _order(arguments: OrderArguments) -> JobOrder:
    """What the options say of a job."""
    from core.host.job_values import JobOrder
    from core.market.candles.durations import SpanError, parse_duration
    from core.schedule.moments import read_moment
    from core.schedule.triggers import TriggerError
    from core.time_format import iso_time, wall_clock

    once = arguments.at
    with refusing(SpanError, TriggerError):
        seconds = None if arguments.every is None else parse_duration(arguments.every) // 1_000
        once = None if once is None else iso_time(read_moment(once, wall_clock(), UTC))
    return JobOrder(
        every_seconds=seconds,
        cron_expr=arguments.cron,
        at=once,
        message=arguments.message,
        session_id=arguments.session,
        max_runs=arguments.max_runs,
    )


def _tell_job(arguments: Arguments, job: ListedJob) -> int:
    from core.host.status_json import job_to_json

    if arguments.json:
        print_json(job_to_json(job))
    else:
        print_text(f"job {job.job_id}, {job.trigger}, {_due(job)}")
    return Exit.DONE


def _due(job: ListedJob) -> str:
    if job.finished:
        return "over"
    if job.paused:
        return "paused"
    due = job.next_time
    return "never again" if due is None else f"next {formats.date_time(due)} UTC"


def list_jobs(arguments: Arguments) -> int:
    """List the jobs."""
    from core.host.job_values import unfinished
    from core.host.status_json import job_to_json

    jobs = _ask(arguments, lambda link: link.list_jobs())
    if not getattr(arguments, "all", False):  # without a verb there is no such option
        jobs = unfinished(jobs)
    if arguments.json:
        print_json({"jobs": [job_to_json(job) for job in jobs]})
    elif not jobs:
        print_text("no jobs")
    else:
        rows = [
            (
                job.job_id,
                job.trigger,
                _due(job).removeprefix("next "),
                job.session_id or "",
                str(job.runs),
                job.message or job.action.value,
                job.history[-1].found if job.history else "",
            )
            for job in jobs
        ]
        headings = ("job", "when", "next", "session", "runs", "what", "last result")
        print_text(*table(headings, rows, right="    >"))
    return Exit.DONE


def run_job(arguments: JobArguments) -> int:
    """Run a job now."""
    from core.host.status_json import job_to_json

    run = _ask(arguments, lambda link: link.run_job(arguments.job))
    if arguments.json:
        print_json(job_to_json(run))
    else:
        print_text(run.text)
    return Exit.DONE if run.succeeded else Exit.FAILED


def remove_job(arguments: JobArguments) -> int:
    """Remove a job."""
    from core.host.status_json import job_to_json

    job = _ask(arguments, lambda link: link.remove_job(arguments.job))
    if arguments.json:
        print_json(job_to_json(job))
    else:
        print_text(f"job {job.job_id} removed")
    return Exit.DONE


def _ask(arguments: Arguments, command: Callable[[HostLink], Awaitable[_T]]) -> _T:
    """Have the host carry out a command on its schedule; one is started where none runs."""
    from core.bootstrap import attach_or_start

    existing_workspace(arguments)
    workspace = prepared_workspace(arguments)

    async def work() -> _T:
        return await command(await attach_or_start(workspace))

    return run_on_host(work())
