"""The gate on the screen: one verdict, its three judged questions, and what stands beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from core.text import safe_lines
from tui.commands import Place, bindings
from tui.modals.vary import VaryForm
from tui.requests.backtest import BacktestOrder, Points
from tui.requests.varying import Control, Variation, Varied
from tui.screens.base import entitle, write
from tui.screens.long_work import LongWorkScreen
from tui.screens.report import ReportScreen
from tui.screens.sweep import SweepScreen
from tui.widgets.answer_list import AnswerList, AnswerRow
from tui.widgets.columns import fitted
from tui.widgets.gauge import DOT, HERE, SHADED, WALL, Gauge, GaugeFill, Pointer, decimals_apart
from tui.widgets.tones import Tone

if TYPE_CHECKING:
    from core.gate.chance import Place as ChancePlace
    from core.gate.gate import Finding, Gate
    from core.gate.text import GateSection
    from core.report.result import RunResult

_VERDICTS = {
    "passes": ("✓", Tone.GAIN),
    "fails": ("✗", Tone.LOSS),
    "too little data": ("?", Tone.WARNING),
}
_SIGNS = {True: ("✓", Tone.GAIN), False: ("✗", Tone.LOSS), None: ("?", Tone.WARNING)}
_BESIDE = {
    "left": "Not judged · what it was, what followed, what to expect",
    "right": "Not judged · luck, other circumstances",
}
_TRIES, _MARKETS, _UNSEEN = "Tries", "No edge", "Unseen"


class GateScreen(LongWorkScreen):
    """The gate of a strategy. `run`: has a setting's backtest made, and shown."""

    PLACE = Place.GATE
    TITLE = "Backtest"
    WHAT = "gate"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.GATE)

    def __init__(
        self,
        order: BacktestOrder,
        variation: Variation,
        run: Callable[[BacktestOrder], None],
        done: Varied | None = None,
    ) -> None:
        super().__init__(order, variation, done)
        self._run_setting = run
        self._gate: Gate | None = None
        self._warmup: int | None = None

    def results(self) -> tuple[Widget, ...]:
        """The verdict, its questions, and the sections beside them."""
        answers = self.pane(AnswerList(id="gate-answers"), "Judged")
        beside = (
            VerticalScroll(Static("", id="gate-left-text"), id="gate-left", classes="pane"),
            VerticalScroll(Static("", id="gate-right-text"), id="gate-right", classes="pane"),
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
        from core.gate.text import (  # noqa: PLC0415
            gate_sections,
            unfinished_words,
            verdict_reasons,
        )

        found = varied.found
        verdict = self.query_one("#gate-verdict", Static)
        self.set_class(not isinstance(found, Gate), "-unfinished")
        if not isinstance(found, Gate):
            assert not hasattr(found, "rows")
            self._gate = None
            write(verdict, Content.styled(unfinished_words(found), Tone.WARNING.css))
            return
        self._gate, self._warmup = found, varied.warmup
        sign, tone = _VERDICTS[found.verdict.value]
        words = [(f"{sign} {found.verdict.value}", f"bold {tone.css}")]
        words += [(f"\n{safe_lines(reason)}", Tone.PLAIN.css) for reason in verdict_reasons(found)]
        write(verdict, Content.assemble(*words))
        answers = self.query_one(AnswerList)
        answers.set_answers(answer_rows(found))
        judged, walked, luck, others, expected = gate_sections(found, self._order.settings)
        for side, sections in (("left", (judged, walked, expected)), ("right", (luck, others))):
            text = Content("\n\n").join(map(_section, sections))
            write(self.query_one(f"#gate-{side}-text", Static), text)
            entitle(self.query_one(f"#gate-{side}"), _BESIDE[side])
        answers.focus()
        self.refresh_hints()

    # ── commands ──

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done now."""
        if action == "cancel":
            return self.is_busy
        if action == "open":
            return self._gate is not None and not self.is_busy
        if action == "view":
            return self._gate is not None and self.has_class("-narrow")
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
        if key == _UNSEEN:
            self._show(gate.walk_forward.joined)
        elif key == _TRIES and gate.sweep.axes:
            done = Varied(gate.sweep, (), warmup=self._warmup)
            self.app.push_screen(SweepScreen(self._order, self._variation, self._run_setting, done))
        else:
            self._show(gate.best)

    def _show(self, result: RunResult) -> None:
        """Show a result of the gate as a report."""

        async def work() -> None:
            report, equity = await asyncio.to_thread(_reported, result)
            if self.is_current:
                self.app.push_screen(ReportScreen(report, equity))

        self.app.run_worker(work(), name="report", group="varying", exit_on_error=False)

    def action_view(self) -> None:
        """Show the other of the two columns, where there is room for one."""
        self.toggle_class("-right")
        self.query_one("#gate-right" if self.has_class("-right") else "#gate-left").focus()

    def action_again(self) -> None:
        """Vary something else."""

        def answered(variation: Variation | None) -> None:
            if variation is not None:
                self.run_order(variation)

        order, varying = self._order, self.papertape.varying
        form = VaryForm(
            order.name, order.raw, varying, self._variation, settings=order.settings, gate=True
        )
        self.app.push_screen(form, answered)


def _reported(result: RunResult) -> tuple[dict[str, object], Points]:
    from core.report.result import result_to_json  # noqa: PLC0415  (numpy's room)
    from tui.requests.curves import thinned  # noqa: PLC0415

    points = list(zip(result.times.tolist(), result.equity.tolist(), strict=True))
    return result_to_json(result), thinned(points)


def answer_rows(gate: Gate) -> tuple[AnswerRow, ...]:
    """The judged questions with their gauges."""
    tries, markets, unseen = gate.findings
    return (
        _answer(_TRIES, tries, _luck_gauge(gate)),
        _answer(_MARKETS, markets, None if gate.edgeless is None else _chance_gauge(gate.edgeless)),
        _answer(_UNSEEN, unseen, _unseen_gauge(gate)),
    )


def _answer(name: str, finding: Finding, gauge: Gauge | None) -> AnswerRow:
    from core.gate.text import MARKS  # noqa: PLC0415  (numpy's room, loaded by now)

    sign, tone = _SIGNS[finding.passed]
    word = MARKS[finding.passed]
    return AnswerRow(name, name, sign, word, tone, finding.question, gauge, finding.says)


def _luck_gauge(gate: Gate) -> Gauge | None:
    """How often luck looks as good among as many tries, against what is allowed."""
    from core.gate.gate import ERROR_RATE  # noqa: PLC0415

    if gate.superiority is None:
        return None
    p = gate.superiority.among(gate.independent_tries / gate.sweep.effective_tries) * 100
    allowed = ERROR_RATE * 100
    tone = Tone.GAIN if p <= allowed else Tone.LOSS
    high = min(100.0, max(p, allowed) * 1.3)
    fills = (
        GaugeFill(allowed, high, Tone.LOSS, SHADED),
        GaugeFill(0.0, p, tone),
    )
    seen = Pointer(p, HERE, Tone.STRONG, f"luck is as good in {p:.1f} %")
    wall = Pointer(allowed, WALL, Tone.STRONG, f"{allowed:.0f} % allowed")
    return Gauge(0.0, high, fills, (wall, seen))


def _chance_gauge(place: ChancePlace) -> Gauge:
    """Where the rule's daily Sharpe ratio lies among those of markets without an edge."""
    known = (place.figure, place.middle, place.high, 0.0)
    room = (max(known) - min(known)) * 0.15 or 1.0
    low, high = min(known) - room, max(known) + room
    fills = (GaugeFill(low, place.high, Tone.WARNING, SHADED),)
    return Gauge(
        low,
        high,
        fills,
        (
            Pointer(place.high, WALL, Tone.STRONG, f"one in twenty beyond {place.high:+z.3f}"),
            Pointer(place.figure, HERE, Tone.STRONG, f"here {place.figure:+z.3f}"),
            Pointer(place.middle, DOT, Tone.DIM, f"without an edge {place.middle:+z.3f}"),
        ),
    )


def _unseen_gauge(gate: Gate) -> Gauge:
    """What the folds made, each a mark, and all of them joined."""
    joined = gate.walk_forward.joined
    made = (joined.ending_balance / joined.starting_balance - 1) * 100
    folds = [
        (fold.result.ending_balance / fold.result.starting_balance - 1) * 100
        for fold in gate.walk_forward.folds
    ]
    known = (made, *folds, 0.0)
    room = (max(known) - min(known)) * 0.1 or 1.0
    tone = Tone.GAIN if made > 0 else Tone.LOSS
    places = decimals_apart(known, 1)
    return Gauge(
        min(known) - room,
        max(known) + room,
        (GaugeFill(0.0, made, tone),),
        (
            Pointer(0.0, WALL, Tone.STRONG, "0 %"),
            Pointer(made, HERE, Tone.STRONG, f"joined {made:+z.{places}f} %"),
            *(Pointer(each, DOT, Tone.DIM, f"{each:+z.{places}f}") for each in folds),
        ),
    )


def _section(section: GateSection) -> Content:
    """A section as text: its title, rows in columns, sentences."""
    lines = [Content.styled(section.title, "bold $foreground")]
    listed = [section.headings, *section.rows] if section.headings else list(section.rows)
    widths = [max(map(len, column)) for column in zip(*listed, strict=True)]
    for row in listed:
        cells = [
            fitted(safe_lines(cell), width, "right" if mark == ">" else "left")
            for cell, width, mark in zip(row, widths, section.right.ljust(len(row)), strict=True)
        ]
        heading = row is section.headings
        tone = Tone.DIM if heading else Tone.PLAIN
        lines.append(Content.styled("  ".join(cells).rstrip(), tone.css))
    lines += [Content.styled(safe_lines(text), Tone.PLAIN.css) for text in section.sentences]
    return Content("\n").join(lines)
