"""The gate on the screen: one verdict, its three judged questions, and what stands beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, tzinfo
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from core.gate import PARTS
from core.report.library import LibraryError
from core.store.workspace import WorkspaceError
from core.text import chance_text, per_cent, safe_lines, safe_text, signed_per_cent
from core.time_format import wall_clock
from tui.commands import Place, bindings
from tui.modals.vary import VaryForm
from tui.requests.backtest import Points
from tui.requests.exporting import export_gate, gate_json
from tui.requests.varying import Control, Variation, Varied
from tui.screens.base import entitle, entitle_views, write
from tui.screens.long_work import LongWorkScreen
from tui.screens.report import ReportScreen
from tui.screens.sweep import SweepScreen
from tui.widgets.answer_list import AnswerList, AnswerRow
from tui.widgets.gauge import HERE, WALL, Gauge, GaugeFill, Pointer, decimals_apart
from tui.widgets.remarks import Remark, RemarkLines
from tui.widgets.tones import Tone

if TYPE_CHECKING:
    from core.gate.gate import Gate
    from core.gate.text import GateSection
    from core.report.result import RunResult

_VERDICTS = {
    "passes": ("✓", Tone.GAIN),
    "fails": ("✗", Tone.LOSS),
    "too little data": ("?", Tone.WARNING),
}
_SIGNS = {True: ("✓", Tone.GAIN), False: ("✗", Tone.LOSS), None: ("?", Tone.WARNING)}
_BESIDE = ("Part by part, what to expect", "Luck, other circumstances")
"""What stands beside the judged questions, and is not judged: titles of the two columns."""
_LUCK, _EDGE, _UNSEEN, _LATER = "Luck", "Edge", "Unseen", "Later"
_SCALE = 10.0  # per cent on either side of nothing: of what the unseen parts made


class GateScreen(LongWorkScreen):
    """The gate of a strategy."""

    PLACE = Place.GATE
    TITLE = "Gate"
    LARGEST = "#gate-left, #gate-right"
    WHAT = "gate"
    PARTS = PARTS
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.GATE)

    _gate: Gate | None = None
    _varied: Varied  # with which `_gate` came

    def results(self) -> tuple[Widget, ...]:
        """The verdict, its questions, and the sections beside them."""
        answers = self.pane(AnswerList(id="gate-answers"), "It passes where all three hold")
        beside = (
            VerticalScroll(RemarkLines(id="gate-left-text"), id="gate-left", classes="pane"),
            VerticalScroll(RemarkLines(id="gate-right-text"), id="gate-right", classes="pane"),
        )
        verdict = Static("", id="gate-verdict")
        return verdict, answers, Horizontal(*beside, id="gate-beside")

    def run_order(self, variation: Variation) -> None:
        """See `LongWorkScreen.run_order`; what was judged before is no answer to it."""
        self._gate = None
        super().run_order(variation)

    async def work(self, control: Control) -> Varied:
        """Judge the best setting."""
        return await self.papertape.varying.gate(self._order, self._variation, control)

    # ── what is shown ──

    def came(self, varied: Varied) -> None:
        """Show the page, or why there is none."""
        from core.gate.gate import Gate  # noqa: PLC0415  (numpy's room, loaded by now)
        from core.gate.text import unfinished_words, verdict_reasons  # noqa: PLC0415

        found = varied.found
        verdict = self.query_one("#gate-verdict", Static)
        self.set_class(not isinstance(found, Gate), "-unfinished")
        if not isinstance(found, Gate):
            assert not hasattr(found, "rows")
            self._gate = None
            write(verdict, Content.styled(unfinished_words(found), Tone.WARNING.css))
            return
        self._gate, self._varied = found, varied
        sign, tone = _VERDICTS[found.verdict.value]
        said, *others = verdict_reasons(found) or ("",)
        words = [(f"{sign} {found.verdict.value}", f"bold {tone.css}")]
        words.append((f": {safe_lines(said)}" if said else "", Tone.PLAIN.css))
        words += [(f"\n{safe_lines(reason)}", Tone.PLAIN.css) for reason in others]
        write(verdict, Content.assemble(*words))
        answers = self.query_one(AnswerList)
        answers.set_answers(answer_rows(found))
        self._show_beside(found, self.papertape.zone)
        self._entitle()
        self.call_after_refresh(self._entitle)  # as wide as the panes are by then
        answers.focus()
        self.call_after_refresh(self.refresh_hints)  # there may be more than room by then

    def draw_in(self, zone: tzinfo) -> None:
        """Say in another zone whose the days are."""
        super().draw_in(zone)
        if self._gate is not None:
            self._show_beside(self._gate, zone)

    def _show_beside(self, gate: Gate, zone: tzinfo) -> None:
        from core.gate.text import gate_sections  # noqa: PLC0415  (numpy's room, loaded by now)

        judged, walked, luck, circumstances, expected = gate_sections(gate, self._order.settings)
        for side, sections in (
            ("left", (judged, said_of_utc(walked, zone), expected)),
            ("right", (luck, circumstances)),
        ):
            self.query_one(f"#gate-{side}-text", RemarkLines).show(section_lines(sections))

    def _entitle(self) -> None:
        """Say what stands beside it; where there is room for one column, which take turns."""
        for place, side in enumerate(("left", "right")):
            pane = self.query_one(f"#gate-{side}")
            if self.has_class("-narrow"):
                entitle_views(pane, _BESIDE, place)
            else:
                entitle(pane, _BESIDE[place])

    def laid_out(self, event: events.Resize) -> None:
        """Name one column or both."""
        super().laid_out(event)
        self.call_after_refresh(self._entitle)  # as wide as the panes are by then
        self.call_after_refresh(self.refresh_hints)

    # ── commands ──

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done now."""
        if action == "cancel":
            return self.is_busy
        if action in ("open", "copy", "export"):
            return self._gate is not None and not self.is_busy
        if action == "view":
            more = self.has_class("-narrow") or self._is_scrolled or not self._columns
            return self._gate is not None and more
        return not self.is_busy if action == "again" else True

    def why_not(self, action: str) -> str:
        """See `LongWorkScreen.why_not`; what was ended early has no verdict."""
        said = super().why_not(action)
        if not said and self._gate is None and action != "cancel":
            return "There is no verdict yet: R judges it again."
        return said

    @on(AnswerList.Chosen)
    def action_open(self) -> None:
        """Open what stands behind the question under the cursor."""
        gate, key = self._gate, self.query_one(AnswerList).cursor_key
        if gate is None:
            return
        from core.gate.text import joined_words  # noqa: PLC0415  (numpy's room, loaded by now)

        set_before = self._order.settings
        if key == _UNSEEN:
            fixed = {path: set_before[path] for path in set_before if path not in gate.varied}
            self._show(gate.walk_forward.joined, fixed, joined_words(gate))
        elif key == _LUCK and gate.sweep.axes:
            done = replace(self._varied, found=gate.sweep, notes=(), aside=())
            self.app.push_screen(SweepScreen(self._order, self._variation, self._run_setting, done))
        else:
            self._show_best(gate)

    def _show_best(self, gate: Gate) -> None:
        """Show the backtest that was judged: as any other where it is kept, else as a report."""
        judged = dict(zip(gate.varied, gate.sweep.best.values, strict=True))
        settings = {**self._order.settings, **judged}
        key, show = self._varied.key, self._show_kept
        if not key or show is None:
            self._show(gate.best, settings)
            return

        async def work() -> None:
            try:
                opened = await self.papertape.library.find(key)
            except (LibraryError, WorkspaceError):  # as after it was removed from the list
                self._show(gate.best, settings)
            else:
                if self.is_on_top:
                    show(opened)

        self.app.run_worker(work(), name="open", group="varying", exit_on_error=False)

    def _show(
        self, result: RunResult, settings: Mapping[str, float | int | str], joined: str = ""
    ) -> None:
        """Show a result of the gate as a report, with what was set. `joined`: of which parts."""

        gate = self._gate

        async def work() -> None:
            if kept := self._varied.reports:
                report, equity = kept[1 if joined else 0]
            else:
                report, equity = await asyncio.to_thread(_reported, result)
            if self.is_on_top:
                parts = {"parts": len(gate.walk_forward.folds)} if joined and gate else {}
                named = {**report, "settings": dict(settings), **parts}
                self.app.push_screen(ReportScreen(named, equity, joined=joined))

        self.app.run_worker(work(), name="report", group="varying", exit_on_error=False)

    @property
    def _columns(self) -> list[VerticalScroll]:
        """What is not judged, on both sides; in full screen what is shown of it."""
        both = self.query("#gate-beside > VerticalScroll").results(VerticalScroll)
        return [one for one in both if one.size]

    @property
    def _is_scrolled(self) -> bool:
        """Whether there is more of what is not judged than room, side by side."""
        return any(each.max_scroll_y for each in self._columns)

    def action_view(self) -> None:
        """Show the other of two columns, where there is room for one; else more of both."""
        if not self._columns:  # the questions are in full screen
            self.query_one("#gate-right" if self.has_class("-right") else "#gate-left").focus()
            return
        if not self.has_class("-narrow"):
            at_end = all(each.scroll_offset.y >= each.max_scroll_y for each in self._columns)
            for each in self._columns:
                (each.scroll_home if at_end else each.scroll_page_down)(animate=False)
            return
        self.toggle_class("-right")
        self.query_one("#gate-right" if self.has_class("-right") else "#gate-left").focus()
        self.call_after_refresh(self._entitle)  # as wide as the panes are by then

    def action_again(self) -> None:
        """Vary something else."""

        def answered(variation: Variation | None) -> None:
            if variation is not None:
                self.run_order(variation)

        order, varying = self._order, self.papertape.varying
        form = VaryForm(
            order.name,
            order.raw,
            varying,
            self._variation,
            settings=order.settings,
            gate=True,
            days=order.days(wall_clock()),
            material=order.material(self.papertape.zone),
        )
        self.app.push_screen(form, answered)

    def action_copy(self) -> None:
        """Copy it as JSON."""
        if self._gate is not None:
            self.copy_json(partial(gate_json, self._varied, self._order))

    def action_export(self) -> None:
        """Write it into files."""
        if self._gate is not None:
            self.export(partial(export_gate, self._varied, self._order))


def _reported(result: RunResult) -> tuple[Mapping[str, object], Points]:
    from core.report.result import result_to_json  # noqa: PLC0415  (numpy's room)
    from tui.requests.curves import thinned  # noqa: PLC0415

    points = list(zip(result.times.tolist(), result.equity.tolist(), strict=True))
    return result_to_json(result), thinned(points)


def answer_rows(gate: Gate) -> tuple[AnswerRow, ...]:
    """The judged questions, each with what was found and what it has to be."""
    from core.gate.text import MARKS, answer  # noqa: PLC0415  (numpy's room, loaded by now)

    edgeless = None if gate.edgeless is None else gate.edgeless.p
    joined = gate.walk_forward.joined
    gauges: dict[str, Callable[[Tone], Gauge | None]] = {
        _LUCK: partial(_chance_gauge, gate.luck, "luck as good in"),
        _EDGE: partial(_chance_gauge, edgeless, "as good in"),
        _UNSEEN: partial(unseen_gauge, (joined.ending_balance / joined.starting_balance - 1) * 100),
    }
    rows = []
    for (name, gauge), finding in zip(gauges.items(), gate.findings, strict=True):
        word = answer(gate, finding)
        sign, tone = _SIGNS[None if word != MARKS[finding.passed] else finding.passed]
        shown = _LATER if name == _UNSEEN and not gate.varied else name
        rows.append(
            AnswerRow(name, shown, sign, word, tone, finding.question, gauge(tone), finding.says)
        )
    return tuple(rows)


def _chance_gauge(chance: float | None, what: str, tone: Tone) -> Gauge | None:
    """How often what has no edge is as good, in per cent, against what is allowed."""
    from core.gate.gate import ERROR_RATE  # noqa: PLC0415

    if chance is None:
        return None
    found, allowed = chance * 100, ERROR_RATE * 100
    return Gauge(
        0.0,
        100.0,  # of every chance, so that bars of two questions can be told by their lengths
        (GaugeFill(0.0, found, tone),),
        (
            Pointer(allowed, WALL, Tone.STRONG, f"at most {per_cent(allowed, 0)}"),
            Pointer(found, HERE, Tone.STRONG, f"{what} {chance_text(chance, 1)}"),
        ),
    )


def unseen_gauge(made: float, tone: Tone) -> Gauge:
    """What the later parts, joined, made (per cent) against nothing.

    Its scale is always the same, so that a bar twice as long is twice as much.
    """
    gain = signed_per_cent(made, decimals_apart((made,), 2))
    return Gauge(
        -_SCALE,
        _SCALE,
        (GaugeFill(0.0, made, tone),),
        (
            Pointer(0.0, WALL, Tone.STRONG, "above 0%"),
            Pointer(made, HERE, Tone.STRONG, f"joined {gain}"),
        ),
    )


def said_of_utc(section: GateSection, zone: tzinfo) -> GateSection:
    """A section whose rows begin with days of candles, which says whose they are in a `zone`."""
    if zone is UTC:
        return section
    return replace(section, headings=("From, UTC", *section.headings[1:]))


def section_lines(sections: Iterable[GateSection]) -> list[Remark]:
    """Sections under each other: titles, rows in columns, sentences."""
    found: list[Remark] = []
    for section in sections:
        if found:
            found.append(Remark("", "", Tone.DIM))
        found.append(Remark("", section.title, Tone.STRONG))
        headings = bool(section.headings)
        for number, (fixed, text) in enumerate(section.lines()):
            loud = Tone.DIM if headings and not number else Tone.PLAIN
            found.append(Remark(f"{safe_text(fixed)} ", text, Tone.DIM, loud))
        found += [Remark("", sentence, Tone.DIM) for sentence in section.sentences]
    return found
