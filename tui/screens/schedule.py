"""The screen of jobs, with their next run and what came of the last ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from core.host.job_values import JobAction, JobOrder, Jobs, ListedJob, unfinished
from core.journal.values import Mode
from core.session.snapshot import HostSnapshot, SessionSnapshot
from core.text import safe_text
from tui.commands import Place, bindings
from tui.modals.job import JobForm
from tui.requests.schedule import what
from tui.requests.sessions import stop_question
from tui.screens.base import BaseScreen, entitle
from tui.screens.schedule_rows import JOB_COLUMNS, due_text, history, job_columns, job_row
from tui.screens.sessions_table import HOST_CLOCK, has_own_clock
from tui.shell import OfferedAnswer
from tui.widgets.filter_box import FilterBox
from tui.widgets.line_table import LineTable
from tui.widgets.remarks import RemarkLines, Remarks

_OTHER_CLOCKS = {
    frozenset({Mode.DEMO}): "a demo's market has its own",
    frozenset({Mode.REPLAY}): "a replay has its own",
    frozenset({Mode.DEMO, Mode.REPLAY}): "demos and replays have their own",
}
_FEW = 8  # jobs of which the list needs no more room than a history
_NOTHING = (
    "No job yet.\n\n"
    "A session on a live, polled or demo feed is given a check every four hours,\n"
    "and a report at its planned end.\n\n"
    "n   have something else done at set times"
)


class ScheduleScreen(BaseScreen):
    """The jobs, the next due first, and the history of the one under the cursor."""

    PLACE = Place.SCHEDULE
    TITLE = "Scheduler"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.SCHEDULE)

    def __init__(self) -> None:
        super().__init__()
        self._jobs: dict[str, ListedJob] = {}
        self._known = False
        self._asking = False
        self._told: tuple[ListedJob | None, tzinfo] | None = None
        self._wanted: str | None = None  # the job to put the cursor on

    def body(self) -> ComposeResult:
        """The jobs, and the runs of one."""
        yield self.pane(LineTable(JOB_COLUMNS, id="jobs", empty="Asking the host …"), "Scheduler")
        yield FilterBox("#jobs", "filter by what, when, session or state")
        yield self.pane(Remarks(RemarkLines(id="history-text"), id="job-history"), "History")

    def mounted(self) -> None:
        """Show what is known, and keep asking."""
        super().mounted()
        self.query_one("#jobs").focus()
        self.set_interval(1.0, self.ask)
        self.ask()

    def resumed(self) -> None:
        """Ask at once: the jobs may have changed meanwhile."""
        super().resumed()
        if self.ready:
            self.ask()

    def seek(self, job_id: str) -> None:
        """Put the cursor on a job, once they are known."""
        for box in self.query(FilterBox):  # a screen that was never shown has none yet
            box.close()
        self._wanted = job_id
        self.ask()

    # ── what is shown ──

    def ask(self) -> None:
        """Ask the host for the jobs, unless it still owes them."""
        if self._asking or not self.is_current or self.papertape.link is None:
            return
        self._asking = True

        def answered() -> None:
            self._asking = False

        self.papertape.schedule.list(self.take, answered)

    def take(self, jobs: Jobs) -> None:
        """Show these jobs."""
        if not self.is_attached:
            return
        self._jobs = {job.job_id: job for job in jobs}
        self._known = True
        if self.papertape.snapshot is not None:
            self._draw(self.papertape.snapshot)
        self.refresh_hints()

    def show(self, snapshot: HostSnapshot) -> None:
        """Count down."""
        super().show(snapshot)
        self._draw(snapshot)

    def _draw(self, snapshot: HostSnapshot) -> None:
        table = self.query_one("#jobs", LineTable)
        names = self._names(snapshot)
        text = self.query_one(FilterBox).text
        if self._known:
            nothing = f"No job has “{safe_text(text)}”. Esc shows all." if text else _NOTHING
            table.set_empty(nothing if self._jobs else _NOTHING)
        columns = job_columns(self._jobs.values(), names)
        now, zone, briefly = snapshot.now, self.papertape.zone, columns is not JOB_COLUMNS
        rows = (job_row(one, names, now, zone, briefly=briefly) for one in self._jobs.values())
        table.take_columns(columns)
        table.set_rows(row for row in rows if row.has(text))
        if self._wanted in self._jobs:
            table.move_to(self._wanted or "")
            self._wanted = None
        paused = sum(job.paused for job in self._jobs.values())
        over = len(self._jobs) - len(unfinished(tuple(self._jobs.values())))
        listed, shown = len(self._jobs), len(table.rows)
        count = str(listed - over) if shown == listed else f"{shown} of {listed}"
        parts = ["Jobs", *([count] if listed else []), *([f"{paused} paused"] if paused else [])]
        parts += [f"{over} over"] if over else []
        of = {job.session_id for job in self._jobs.values() if not job.finished}
        others = {one.mode for one in snapshot.sessions if one.id in of and has_own_clock(one)}
        if others:
            parts.append(f"by {HOST_CLOCK}, {_OTHER_CLOCKS[frozenset(others)]}")
        self.set_class(listed > _FEW, "-many")
        entitle(table, " · ".join(parts))
        self._tell()

    @on(FilterBox.Changed)
    def _filter_changed(self) -> None:
        self.show_again()

    def _tell(self) -> None:
        job, snapshot = self.selected, self.papertape.snapshot
        zone = self.papertape.zone
        if (job, zone) == self._told or snapshot is None:
            return
        before = self._told[0] if self._told else None
        self._told = job, zone
        pane, names = self.query_one("#job-history"), self._names(snapshot)
        runs = [] if job is None else history(job, names, snapshot.now, zone)
        self.query_one("#history-text", RemarkLines).show(runs)
        if job is None or before is None or job.job_id != before.job_id:
            pane.scroll_home(animate=False)
        about = [] if job is None else [what(job, names), due_text(job, zone), f"job {job.job_id}"]
        entitle(pane, " · ".join(("History", *about)))

    @staticmethod
    def _names(snapshot: HostSnapshot) -> dict[str, str]:
        return {session.id: session.strategy for session in snapshot.sessions}

    def _sessions(self) -> tuple[SessionSnapshot, ...]:
        snapshot = self.papertape.snapshot
        return () if snapshot is None else snapshot.sessions

    @property
    def selected(self) -> ListedJob | None:
        """The job under the cursor."""
        key = self.query_one("#jobs", LineTable).cursor_key
        return None if key is None else self._jobs.get(key)

    @on(LineTable.Highlighted, "#jobs")
    def _another_selected(self) -> None:
        self._tell()
        self.refresh_hints()

    @on(LineTable.Chosen, "#jobs")
    async def _opened(self) -> None:
        await self.run_action("edit")  # which says why not

    # ── commands ──

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done with the job under the cursor."""
        if action in ("edit", "run", "pause", "remove") and self.ready:
            job = self.selected
            return job is not None and (action == "remove" or not job.finished)
        return True

    def why_not(self, action: str) -> str:
        """A job that has done what it was for is only looked at, and removed."""
        over = self.selected is not None and action in ("edit", "run", "pause")
        return "This job is done: d removes it, n makes another." if over else ""

    def action_new(self) -> None:
        """Ask what is to be done when, and add it, under the cursor."""

        def added(jobs: Jobs, job_id: str) -> None:
            self._wanted = job_id
            self.take(jobs)

        def answered(order: JobOrder | None) -> None:
            if order is not None:
                self.papertape.schedule.add(order, added)

        self._open_form(None, answered)

    def action_edit(self) -> None:
        """Change what the job does, or when."""
        job = self.selected
        if job is None or job.finished:
            return

        def answered(order: JobOrder | None) -> None:
            if order is not None:
                self.papertape.schedule.edit(job, order, self.take)

        self._open_form(job, answered)

    def _open_form(
        self, job: ListedJob | None, answered: Callable[[JobOrder | None], None]
    ) -> None:
        snapshot = self.papertape.snapshot
        if snapshot is None:
            return

        def now() -> int:
            return (self.papertape.snapshot or snapshot).now

        jobs = tuple(self._jobs.values())
        form = JobForm(snapshot.sessions, self.papertape.zone, now, job, jobs)
        self.app.push_screen(form, answered)

    def action_run(self) -> None:
        """Run the job now; where it stops a session, ask as the key that stops it does."""
        job = self.selected
        if job is None:
            return

        def run(_: str = "") -> None:
            self.papertape.schedule.run(job, self.take)

        stops = [
            one
            for one in self._sessions()
            if job.action is JobAction.FINISH
            if one.id == job.session_id and not one.state.ended
        ]
        if stops:
            self.papertape.ask(*stop_question(stops), [OfferedAnswer("stop", "y", "Stop")], run)
        else:
            run()

    def action_pause(self) -> None:
        """Pause the job, or let it run again."""
        if self.selected is not None:
            self.papertape.schedule.pause(self.selected, self.take)

    def action_remove(self) -> None:
        """Ask, then remove the job."""
        job = self.selected
        if job is None:
            return
        names = {session.id: session.strategy for session in self._sessions()}

        self.papertape.ask(
            f"Remove “{what(job, names)}”, {due_text(job, self.papertape.zone)}?",
            "Its history goes with it; what it found stays in the log.",
            [OfferedAnswer("remove", "y", "Remove")],
            lambda _: self.papertape.schedule.remove(job, self.take),
        )
