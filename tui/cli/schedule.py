"""The commands about what happens at set times: schedule add, list, edit, run, pause, remove."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from tui import formats
from tui.cli.commands import Commands
from tui.cli.output import Exit, Refusal, print_json, print_text, refusing, table
from tui.cli.speaking import run_on_host
from tui.cli.workspace import prepared_workspace


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
    verbs.add("list", list_jobs, "all jobs, the next due first")
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
    when.add_argument("--at", metavar="WHEN", help="once (ISO 8601)")
    parser.add_argument("--session", metavar="ID", help="bound to it, and gone with it")
    parser.add_argument(
        "--message", metavar="TEXT", help="what to say; without it, the session is checked"
    )
    parser.add_argument("--max-runs", type=int, metavar="N")


def add_job(arguments: argparse.Namespace) -> int:
    """Add a job."""
    return _tell_job(arguments, _ask(arguments, "add_job", **_what(arguments)))


def edit_job(arguments: argparse.Namespace) -> int:
    """Change a job."""
    was = _job(arguments)
    given = _given(_what(arguments))
    # The host takes these two as they are to be; here, what is not given stays.
    kept = {name: was[name] for name in ("session_id", "max_runs")}
    return _tell_job(arguments, _ask(arguments, "edit_job", job_id=was["job_id"], **kept | given))


def pause_job(arguments: argparse.Namespace) -> int:
    """Pause a job."""
    job = _ask(arguments, "pause_job", job_id=arguments.job)
    return _tell_job(arguments, job)


def resume_job(arguments: argparse.Namespace) -> int:
    """Let a job run again."""
    job = _ask(arguments, "pause_job", job_id=arguments.job, paused=False)
    return _tell_job(arguments, job)


def _what(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the options say of a job, in the host's own names."""
    from core.market.candles.durations import SpanError, parse_duration

    with refusing(SpanError):
        seconds = None if arguments.every is None else parse_duration(arguments.every) // 1_000
    return {
        "every_seconds": seconds,
        "cron_expr": arguments.cron,
        "at": arguments.at,
        "message": arguments.message,
        "session_id": arguments.session,
        "max_runs": arguments.max_runs,
    }


def _tell_job(arguments: argparse.Namespace, job: dict[str, Any]) -> int:
    if arguments.json:
        print_json(job)
    else:
        due = _due(job)
        print_text(f"job {job['job_id']}, {job['trigger']}, {due}")
    return Exit.DONE


def _due(job: Mapping[str, Any]) -> str:
    from core.time_format import parse_time

    if job["paused"]:
        return "paused"
    if job["next_run"] is None:
        return "never again"
    return f"next {formats.date_time(parse_time(job['next_run']))} UTC"


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
                _due(job).removeprefix("next "),
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
    run = _ask(arguments, "run_job", job_id=arguments.job)
    if arguments.json:
        print_json(run)
    else:
        print_text(run["text"])
    return Exit.DONE if run["succeeded"] else Exit.FAILED


def remove_job(arguments: argparse.Namespace) -> int:
    """Remove a job."""
    job = _ask(arguments, "remove_job", job_id=arguments.job)
    if arguments.json:
        print_json(job)
    else:
        print_text(f"job {job['job_id']} removed")
    return Exit.DONE


def _job(arguments: argparse.Namespace) -> dict[str, Any]:
    """The job named, as the host lists it."""
    jobs: list[dict[str, Any]] = _ask(arguments, "list_jobs")
    for job in jobs:
        if job["job_id"] == arguments.job:
            return job
    raise Refusal(
        f"there is no job {arguments.job!r}: `papertape schedule list` shows all",
        Exit.NOTHING_FOUND,
    )


def _ask(arguments: argparse.Namespace, do: str, **values: Any) -> Any:
    """Have the host carry out a command on its schedule; one is started where none runs."""
    from core.bootstrap import attach_or_start

    workspace = prepared_workspace(arguments)

    async def work() -> Any:
        link = await attach_or_start(workspace)
        return await link.ask(do, list if do == "list_jobs" else dict, **_given(values))

    return run_on_host(work())


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
