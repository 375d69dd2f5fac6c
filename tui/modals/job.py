"""The form for a job: what it does, to which session, when, and how often at most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from core.host.job_values import JobAction, JobOrder, ListedJob, taken_place_of, unfinished
from core.market.candles.durations import SpanError, parse_duration
from core.schedule.moments import EXAMPLES, read_moment
from core.schedule.triggers import (
    At,
    Trigger,
    TriggerError,
    at,
    cron_trigger,
    describe,
    every,
    next_due,
)
from core.session.snapshot import SessionSnapshot
from core.time_format import iso_time
from tui import formats
from tui.modals.form import (
    CheckedForm,
    Missing,
    TextField,
    Wrong,
    field,
    heading,
    hints,
    number_in,
)
from tui.requests.schedule import in_place_of
from tui.widgets.choice import Choice
from tui.widgets.columns import Column
from tui.widgets.line_table import LineTable
from tui.widgets.remarks import Remark, RemarkLines
from tui.widgets.table_rows import Cell, Row
from tui.widgets.tones import Tone

_COLUMNS = (
    Column("SESSION", 16, grow=14),
    Column("ID", 8),
    Column("SYMBOLS", 12, grow=10),
    Column("TF", 3),
)
_NONE = "none"
_EVERY, _CRON, _ONCE = "every", "cron", "once"
_EXAMPLES = {_EVERY: "4h", _CRON: "0 10 * * *", _ONCE: "tomorrow 9:00"}
_DO = {"check it": JobAction.CHECK, "stop it, report": JobAction.FINISH, "say": JobAction.SAY}


class JobForm(CheckedForm[JobOrder]):
    """The form for a new job, or for one there is (`job`).

    Times are written in `zone`; `now` tells the host's clock (UTC ms). An order for a job there is
    says nothing about when where that was not touched. `jobs`: those there are, of which a new one
    may take the place of one.
    """

    def __init__(
        self,
        sessions: Sequence[SessionSnapshot],
        zone: tzinfo,
        now: Callable[[], int],
        job: ListedJob | None = None,
        jobs: Sequence[ListedJob] = (),
    ) -> None:
        super().__init__()
        self._active = [session for session in sessions if not session.state.ended]
        self._zone = zone
        self._now = now
        self._job = job
        self._jobs = unfinished(tuple(jobs))

    def compose(self) -> ComposeResult:
        """Sessions above, fields beneath, then what is wrong or when it will be."""
        job = self._job
        title = "New job" if job is None else f"Job {job.job_id}"
        do = next((word for word, one in _DO.items() if job and one is job.action), None)
        when, written = self._written()
        said = job.message if job is not None and job.action is JobAction.SAY else ""
        runs = "" if job is None or job.max_runs is None else str(job.max_runs)
        with Vertical(classes="form"):
            yield heading(title)
            yield LineTable(_COLUMNS, id="sessions-of-job")
            yield field("Do", Choice(list(_DO), do, id="do"), id="do-field")
            say = TextField(said, placeholder="Look at the funding rates", id="say")
            yield field("Message", say, id="message-field")
            yield field("When", Choice([_EVERY, _CRON, _ONCE], when, id="when"))
            how_often = TextField(runs, placeholder="without end", id="runs")
            yield field("", TextField(written, id="time"), "Runs", how_often, id="when-field")
            yield RemarkLines(id="verdict")
            yield hints("save" if job else "add")

    def _written(self) -> tuple[str, str]:
        job = self._job
        if job is None:
            return _EVERY, _EXAMPLES[_EVERY]
        if job.every_seconds is not None:
            return _EVERY, _short(job.every_seconds)
        if job.cron_expr is not None:
            return _CRON, job.cron_expr
        moment = datetime.fromisoformat(job.at or "").astimezone(self._zone)
        return _ONCE, moment.strftime("%Y-%m-%d %H:%M")

    def on_mount(self) -> None:
        """List the sessions, the one of the job under the cursor."""
        table = self.query_one(LineTable)
        none = Row(_NONE, (Cell("no session", Tone.DIM), Cell(""), Cell(""), Cell("")))
        table.set_rows([*(_row(session) for session in self._active), none])
        if self._job is not None:
            table.move_to(self._job.session_id or _NONE)
        table.focus()
        self.judge()

    # ── what the form says ──

    @property
    def session_id(self) -> str | None:
        """The session under the cursor."""
        key = self.query_one(LineTable).cursor_key
        return None if key in (None, _NONE) else key

    @property
    def action(self) -> JobAction:
        """What the job is to do; without a session it can only say something."""
        return _DO[self.query_one("#do", Choice).chosen] if self.session_id else JobAction.SAY

    def order(self) -> tuple[JobOrder | None, Trigger | None, list[str]]:
        """What the form asks for and when that is due, or every reason why it cannot be."""
        problems: list[str] = []
        session, action = self.session_id, self.action
        message = ""
        if action is JobAction.SAY:
            message = self.query_one("#say", Input).value.strip()
            if not message:
                problems.append(Missing("message: expected what to say", "say"))
        elif action is JobAction.FINISH:
            message = (
                f"Paper trading session {session} has reached its scheduled end: "
                f"backtest(action='stop_paper', session_id='{session}')"
            )
        runs = None
        if self._typed[0] != _ONCE:
            runs = number_in(self.query_one("#runs", Input), "runs", problems, "10")
        if runs is not None and runs != int(runs):
            problems.append(Wrong(f"runs: expected a whole number, found {runs:g}", "runs"))
        trigger, given = self._trigger(problems)
        if problems:
            return None, None, problems
        order = JobOrder(
            **given,
            message=message,
            session_id=session,
            max_runs=None if runs is None else int(runs),
        )
        return order, trigger, []

    def _trigger(self, problems: list[str]) -> tuple[Trigger | None, dict[str, Any]]:
        kind, text = self._typed
        if self._job is not None and self._typed == self._written():
            return None, {}
        if not text:
            expected = f"when: expected a time such as {_EXAMPLES[kind]}"
            problems.append(Missing(expected, "time"))
            return None, {}
        try:
            if kind == _EVERY:
                seconds = parse_duration(text) // 1_000
                return every(seconds, self._now()), {"every_seconds": seconds}
            if kind == _CRON:
                return cron_trigger(text), {"cron_expr": text}
            due = read_moment(text, self._now(), self._zone)
            return at(due, self._now()), {"at": iso_time(due)}
        except (SpanError, TriggerError) as error:
            problems.append(Wrong(error, "time"))
        return None, {}

    @property
    def _typed(self) -> tuple[str, str]:
        time = self.query_one("#time", Input).value.strip()
        return self.query_one("#when", Choice).chosen, time

    def judge(self) -> None:
        """See `CheckedForm.judge`."""
        self.query_one("#message-field").display = self.action is JobAction.SAY
        self.query_one("#do-field").display = self.session_id is not None
        kind, _ = self._typed
        for part in self.query("#when-field > .second, #runs"):  # once is one run
            part.display = kind != _ONCE
        self.query_one("#time", Input).placeholder = _EXAMPLES[kind]
        order, trigger, problems = self.order()
        told = self.wrong(problems)
        if order is not None and trigger is not None:
            told.append(Remark("", self._due(trigger), Tone.DIM))
            given = taken_place_of(self._jobs, order.session_id, self.action)
            if self._job is None and given is not None:
                instead = in_place_of(given, describe(trigger), order.max_runs)
                told.append(Remark("", instead, Tone.DIM))
        elif order is not None and self._job is not None:
            told.append(Remark("", f"{self._job.trigger}, as before", Tone.DIM))
        if kind == _CRON:
            told.append(Remark("", "minute hour day month weekday, in UTC", Tone.DIM))
        elif kind == _ONCE:
            told.append(Remark("", " · ".join(EXAMPLES), Tone.DIM))
        self.tell(told)

    def _due(self, trigger: Trigger) -> str:
        """When it will be, in words."""
        now, zone = self._now(), self._zone
        due = trigger.time if isinstance(trigger, At) else next_due(trigger, now)
        date = f"{formats.weekday(due, zone)} {formats.date_time(due, zone)}"
        first = f"{date} {formats.zone_name(due, zone)}"
        if isinstance(trigger, At):
            return f"once, {first}, in {formats.span(trigger.time - now)}"
        return f"{describe(trigger)}: first {first}"

    @on(Choice.Changed, "#when")
    def _another_kind(self, event: Choice.Changed) -> None:
        time = self.query_one("#time", Input)
        if time.value in _EXAMPLES.values() and time.value != _EXAMPLES[event.value]:
            time.value = ""

    def outcome(self) -> JobOrder | None:
        """What to add, or to change it to."""
        return self.order()[0]


def _row(session: SessionSnapshot) -> Row:
    more = f" +{len(session.symbols) - 1}" if len(session.symbols) > 1 else ""
    return Row(
        session.id,
        (
            Cell(session.strategy, Tone.STRONG),
            Cell(session.id, Tone.DIM),
            Cell(session.symbols[0] + more),
            Cell(session.timeframe, Tone.DIM, order=formats.length_of(session.timeframe)),
        ),
    )


def _short(seconds: int) -> str:
    """Seconds as they may be typed: `4h`, `90m`, `45s`."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"
