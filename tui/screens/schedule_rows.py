"""A job as a row of a table, and its runs in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import tzinfo

from core.host.job_values import ListedJob, ListedRun
from core.schedule.triggers import Cron, period
from core.time_format import parse_time
from tui import formats
from tui.requests.schedule import what
from tui.widgets.columns import Column
from tui.widgets.remarks import Remark, labelled
from tui.widgets.table_rows import Cell, Row
from tui.widgets.tones import Tone

JOB_COLUMNS = (
    Column("STATE", 8),
    Column("WHAT", 18, grow=34),
    Column("SESSION", 8, priority=6),
    Column("WHEN", 15, priority=2, grow=14),
    Column("NEXT RUN", 12, "right", priority=4),
    Column("IN", 8, "right"),
    Column("RUNS", 7, "right", priority=5),
    Column("LAST", 9, priority=1),
    Column("RESULT", 66, priority=7, fill=70, optional=True, wide=175),
)
_TOLD_APART = tuple(
    replace(column, priority=3) if column.label == "SESSION" else column for column in JOB_COLUMNS
)
_LABEL = 18  # cells of `  Backtest / paper`; a time is shorter


def job_columns(jobs: Iterable[ListedJob], names: Mapping[str, str]) -> tuple[Column, ...]:
    """The columns of these jobs' table: those of sessions of one name are told apart by IDs."""
    known = [names[job] for job in {job.session_id or "" for job in jobs} if job in names]
    return JOB_COLUMNS if len(set(known)) == len(known) else _TOLD_APART


def job_row(
    job: ListedJob, names: Mapping[str, str], now: int, zone: tzinfo, *, briefly: bool = False
) -> Row:
    """A job as a row of `JOB_COLUMNS`; `names` are those of the sessions by ID.

    `briefly`: of what is due once the time alone, for beside an ID there is no room for more.
    """
    due = job.next_time
    left = None if due is None or job.paused else due - now
    quiet = Tone.DIM if job.paused or job.finished else Tone.PLAIN
    last = job.history[-1] if job.history else None
    state = Cell("‖ paused", Tone.WARNING) if job.paused else Cell("● set", Tone.INFO)
    if job.finished:
        state = Cell("■ over", Tone.DIM)
    elif last is not None and not last.succeeded and not job.paused:
        state = Cell("✗ failed", Tone.ERROR)
    ran = Cell("") if last is None else _ran(last.succeeded, now - last.time)
    return Row(
        job.job_id,
        (
            state,
            Cell(what(job, names), Tone.STRONG if quiet is Tone.PLAIN else quiet),
            Cell(job.session_id or "", Tone.DIM),
            Cell(due_text(job, zone).removeprefix("once, " * briefly), quiet, order=_rank(job)),
            Cell(formats.day_time(due, zone), Tone.DIM, order=due or 0),
            Cell(countdown(left), quiet, order=float("inf") if left is None else left),
            Cell(
                f"{job.runs} of {job.max_runs}" if job.max_runs else str(job.runs),
                Tone.DIM,
                order=job.runs,
            ),
            ran,
            Cell("" if last is None else _found(last, job, names), Tone.DIM),
        ),
    )


def _found(run: ListedRun, job: ListedJob, names: Mapping[str, str]) -> str:
    """What a run found, without the session that is named elsewhere."""
    session = f"{names.get(job.session_id or '', '')} ({job.session_id}) is "
    return run.found.removeprefix(session)


def _ran(succeeded: bool, ago: int) -> Cell:
    mark = "✓" if succeeded else "✗"
    return Cell(f"{mark} {formats.age(ago)} ago", Tone.DIM if succeeded else Tone.ERROR, order=ago)


def due_text(job: ListedJob, zone: tzinfo) -> str:
    """When a job is due, in a few words."""
    if job.at is None:
        # Where all times are of UTC, no column has room to say it of one.
        return job.trigger.removesuffix(" (UTC)") if str(zone) == "UTC" else job.trigger
    return f"once, {formats.day_time(parse_time(job.at), zone)}"


def _rank(job: ListedJob) -> float | str | None:
    """By what `due_text` is sorted: how often, and what is due once behind that, by when."""
    if job.at is not None:
        return f"once {parse_time(job.at):015d}"
    return job.every_seconds if job.cron_expr is None else period(Cron(job.cron_expr))


def countdown(left: int | None) -> str:
    """How long until a run, to the second once it is near: `3h 12m`, `4:09`, `now`."""
    if left is None:
        return formats.UNKNOWN
    if left < 1_000:
        return "now"
    seconds = left // 1_000
    if seconds < 600:
        return f"{seconds // 60}:{seconds % 60:02d}"
    return formats.span(left)


def history(job: ListedJob, names: Mapping[str, str], now: int, zone: tzinfo) -> list[Remark]:
    """A job's runs, the newest first: what each found, and beneath it what else it said."""
    if not job.history:
        over = "Its session ended before it was due."
        return [Remark("", over if job.finished else "It has not run yet.", Tone.DIM)]
    remarks: list[Remark] = []
    today = formats.day_time(now, zone)[:6]
    for run in reversed(job.history):
        date = formats.day_time(run.time, zone)
        time = formats.clock(run.time, zone) if date.startswith(today) else date
        when = f"{'✓' if run.succeeded else '✗'} {time}"
        tone = Tone.PLAIN if run.succeeded else Tone.ERROR
        remarks += labelled([(when, _found(run, job, names))], tone, _LABEL)
        details = [(f"  {label}", text) for label, text in run.details]
        remarks += labelled(details, Tone.DIM, _LABEL)
    return remarks
