"""The commands about what happens at set times: schedule add, list, run, remove."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping
from typing import Any

from tui.cli.commands import Commands
from tui.cli.output import Exit, Refusal, print_json, print_text, refusing, table
from tui.cli.workspace import prepared_workspace


def add_commands(commands: Commands) -> None:
    """Declare this group."""
    parser = commands.add(
        "schedule",
        list_jobs,
        "what happens at set times: add, list, run, remove",
        more=(
            "A session is given a check every four hours, and a report at its planned end.\n"
            "Times and cron expressions are UTC."
        ),
    )
    verbs = commands.below(parser)
    adding = verbs.add("add", add_job, "have something done at set times")
    when = adding.add_mutually_exclusive_group(required=True)
    when.add_argument("--every", metavar="4h")
    when.add_argument("--cron", metavar="'0 10 * * *'", help="minute hour day month weekday")
    when.add_argument("--at", metavar="WHEN", help="once (ISO 8601)")
    adding.add_argument("--session", metavar="ID", help="bound to it, and gone with it")
    adding.add_argument(
        "--message", metavar="TEXT", help="what to say; without it, the session is checked"
    )
    adding.add_argument("--max-runs", type=int, metavar="N")
    verbs.add("list", list_jobs, "all jobs, the next due first")
    verbs.add("run", run_job, "run a job now").add_argument("job", metavar="JOB")
    verbs.add("remove", remove_job, "remove a job").add_argument("job", metavar="JOB")


def add_job(arguments: argparse.Namespace) -> int:
    """Add a job."""
    from core.market.spans import SpanError, parse_duration

    with refusing(SpanError):
        seconds = None if arguments.every is None else parse_duration(arguments.every) // 1_000
    job = _ask(
        arguments,
        "add_job",
        every_seconds=seconds,
        cron_expr=arguments.cron,
        at=arguments.at,
        message=arguments.message,
        session_id=arguments.session,
        max_runs=arguments.max_runs,
    )
    if arguments.json:
        print_json(job)
    else:
        print_text(f"job {job['job_id']}, {job['trigger']}, next {job['next_run']}")
    return Exit.DONE


def list_jobs(arguments: argparse.Namespace) -> int:
    """List the jobs."""
    jobs = _ask(arguments, "list_jobs")
    if arguments.json:
        print_json({"jobs": jobs})
    elif not jobs:
        print_text("no jobs")
    else:
        rows = [
            (
                job["job_id"],
                job["trigger"],
                job["next_run"] or "never again",
                job["session_id"] or "",
                str(job["runs"]),
                job["message"] or job["action"],
                job["history"][-1]["text"] if job["history"] else "",
            )
            for job in jobs
        ]
        headings = ("job", "when", "next", "session", "runs", "what", "last result")
        print_text(*table(headings, rows, right="    >"))
    return Exit.DONE


def run_job(arguments: argparse.Namespace) -> int:
    """Run a job now."""
    run = _ask(arguments, "run_job", job_id=_known(arguments))
    if arguments.json:
        print_json(run)
    else:
        print_text(run["text"])
    return Exit.DONE if run["succeeded"] else Exit.FAILED


def remove_job(arguments: argparse.Namespace) -> int:
    """Remove a job."""
    job = _ask(arguments, "remove_job", job_id=_known(arguments))
    if arguments.json:
        print_json(job)
    else:
        print_text(f"job {job['job_id']} removed")
    return Exit.DONE


def _known(arguments: argparse.Namespace) -> str:
    job_id: str = arguments.job
    if job_id not in {job["job_id"] for job in _ask(arguments, "list_jobs")}:
        raise Refusal(
            f"there is no job {job_id!r}: `papertape schedule list` shows all", Exit.NOTHING_FOUND
        )
    return job_id


def _ask(arguments: argparse.Namespace, do: str, **values: Any) -> Any:
    """Have the host carry out a command on its schedule; one is started where none runs."""
    from core.hosting import attach_or_start
    from core.paper.link import CommandError

    workspace = prepared_workspace(arguments)

    async def work() -> Any:
        link = await attach_or_start(workspace)
        return await link.ask(do, list if do == "list_jobs" else dict, **_given(values))

    with refusing(CommandError, code=Exit.BAD_INPUT if do == "add_job" else Exit.FAILED):
        return asyncio.run(work())


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
