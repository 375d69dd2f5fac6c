"""The compare screen: backtest, paper and live of a strategy side by side."""

from __future__ import annotations

from dataclasses import replace
from datetime import tzinfo
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import ContentSwitcher, Static
from textual.worker import Worker

from core.compare.request import ComparisonError, ComparisonRequest
from core.journal.values import Mode
from core.market.candles.timeframes import Timeframe
from core.session.snapshot import HostSnapshot
from core.store.workspace import program_for
from core.text import safe_lines, safe_text
from tui import formats
from tui.commands import Place, bindings
from tui.modals.ask import Ask
from tui.modals.strategy_picker import PickStrategy
from tui.requests.exporting import comparison_json, export_comparison
from tui.screens import compare_rows
from tui.screens.base import BaseScreen, entitle, write
from tui.screens.compare_answers import answers, verdict_text
from tui.screens.compare_choices import CHOICE_COLUMNS, choice_rows
from tui.screens.compare_layer import CompareLayerScreen, equity_curves
from tui.shell import OfferedAnswer
from tui.strategies import NO_STRATEGY, READING, StrategyChoice
from tui.widgets.answer_list import AnswerList
from tui.widgets.curve_chart import CurveChart
from tui.widgets.line_table import LineTable
from tui.widgets.tones import toned

if TYPE_CHECKING:
    from core.compare.comparison import ComparisonResult
    from core.compare.document_block import DocumentChange

_EMPTY = (
    "Nothing is compared yet.\n"
    "Enter sets backtest, sessions and live trades of a strategy side by side; on 1, c one session."
)
_VIEWS = ("compare-overview", "compare-spread", "compare-notes")
_NOTHING = "-nothing"  # the class until something is compared: what can be is listed
_ASKED = "-asked"  # the class while the first comparison is awaited: there is nothing to choose
_LOWER = "-lower"  # the class of a low screen that shows one of these in the answers' place
_SHOWN_DIFFERENCE = 14  # lines of what a save would change
_SHOWN_WIDTH = 56
_MARGINS = 4  # cells left and right of the title


class CompareScreen(BaseScreen):
    """The last comparison, and the one that is being made."""

    PLACE = Place.COMPARE
    TITLE = "Compare"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.COMPARE)

    def __init__(self) -> None:
        super().__init__(classes=_NOTHING)
        self._request: ComparisonRequest | None = None
        self._result: ComparisonResult | None = None
        self._change: DocumentChange | None = None  # what a save would write
        self._worker: Worker[None] | None = None
        self._first = _EMPTY  # what is told when the screen is first seen
        self._choices: dict[str, StrategyChoice] = {}  # what can be compared, by name
        self._from: str | None = None  # the mode of the screen that a session was compared from
        self._as_of: int | None = None  # when what is shown was compared, by the host's clock
        self._stood: dict[str, tuple[object, ...]] = {}  # how its sessions stood then

    def body(self) -> ComposeResult:
        """Verdict and answers; figures and equity, how trades are spread, what is to be known."""
        yield Static(self._first, id="compare-progress", markup=False)
        yield self.pane(
            LineTable(CHOICE_COLUMNS, id="compare-choices", empty=READING), "Strategies"
        )
        yield Static("", id="compare-title")
        yield Static("", id="compare-said")
        yield AnswerList(id="compare-answers")
        with ContentSwitcher(initial=_VIEWS[0], id="compare-lower"):
            with Horizontal(id="compare-overview"):
                yield self.pane(
                    LineTable(
                        compare_rows.FIGURE_COLUMNS,
                        id="compare-table",
                        idle_cursor=False,
                        sorts=False,
                    ),
                    "Figures",
                )
                yield self.pane(
                    CurveChart(
                        id="compare-curves", write=formats.gain, empty="No session to draw yet."
                    ),
                    "Equity",
                )
            yield self.pane(
                LineTable(
                    compare_rows.SPREAD_COLUMNS,
                    id="compare-spread",
                    empty="No trades.",
                    sorts=False,
                ),
                "How the trades' P&L is spread",
            )
            with VerticalScroll(id="compare-notes", classes="pane"):
                yield Static("", id="compare-noted")

    def mounted(self) -> None:
        """Nothing to show before the first comparison."""
        super().mounted()
        entitle(self.query_one("#compare-notes"), "To know")
        if not self.has_class(_ASKED):
            self.query_one("#compare-choices").focus()

    def resumed(self) -> None:
        """Until something is compared, list what can be."""
        super().resumed()
        if self._result is None and not self.has_class(_ASKED):
            self._offer()
        elif self._result is not None and self._has_gone_on and not self.is_busy:
            self.action_again()

    def suspended(self) -> None:
        """Leave behind why the last one could not be made."""
        super().suspended()
        if self.ready and not self.is_busy and not self.has_class(_ASKED):
            self._tell(_EMPTY)
            self.query_one("#compare-progress").display = self._result is None

    @property
    def _has_gone_on(self) -> bool:
        """Whether one of the sessions shown has decided, traded or ended since it was compared.

        What the exchange tells now was asked for once, and is not asked for unasked.
        """
        if self._request is None or self._request.fetch:
            return False
        now = self._standing(self._request)
        return any(now[one] != stood for one, stood in self._stood.items() if one in now)

    def _standing(self, request: ComparisonRequest) -> dict[str, tuple[object, ...]]:
        """How far each session that a comparison is of has come."""
        snapshot = self.papertape.snapshot
        return {
            one.id: (one.last_candle, one.trades_count, one.state)
            for one in (() if snapshot is None else snapshot.sessions)
            if one.strategy == request.strategy
            if not request.sessions or one.id in request.sessions
        }

    def _offer(self) -> None:
        """List what can be compared."""
        self.remove_class(_ASKED)
        self.app.run_worker(
            self._list(), name="strategies", group="compare-choices", exit_on_error=False
        )

    def _offer_again(self) -> None:
        """Where what was asked for could not be compared, list what can be."""
        if self.is_attached and self._result is None and self.has_class(_ASKED):
            self._offer()

    async def _list(self) -> None:
        async for choices in self.papertape.list_strategies():
            if not self.is_attached:
                return
            self._choices = {one.name: one for one in choices}
            self._show_choices()
        self.query_one("#compare-choices", LineTable).set_empty(NO_STRATEGY)

    def _show_choices(self) -> None:
        snapshot = self.papertape.snapshot
        sessions = None if snapshot is None else snapshot.sessions
        rows = choice_rows(self._choices.values(), sessions)
        self.query_one("#compare-choices", LineTable).set_rows(rows)

    def show(self, snapshot: HostSnapshot) -> None:
        """Count the sessions there are, until something is compared."""
        super().show(snapshot)
        if self._result is None and self._choices:
            self._show_choices()

    @on(LineTable.Chosen, "#compare-choices")
    def _chosen(self, event: LineTable.Chosen) -> None:
        if self.is_busy and self._request is not None and self._request.strategy == event.key:
            self.papertape.say(self.why_not("open"), "warning")  # it would begin anew
        else:
            self._from = None
            self._compare(self._choices[event.key])

    # ── comparing ──

    @property
    def is_busy(self) -> bool:
        """Whether a comparison is being made."""
        return self._worker is not None and not self._worker.is_finished

    def run_request(self, request: ComparisonRequest) -> None:
        """Compare, in a worker of the app; one that is being made is given up."""
        if self._worker is not None and self.is_busy:
            self._worker.cancel()
        self._request = request
        fetching = "asking the exchange for its candles" if request.fetch else "comparing"
        self._tell(f"{request.strategy}: {fetching} …")
        self._worker = self.app.run_worker(
            self._work(request), name="compare", group="compare", exit_on_error=False
        )

    def _compare(self, choice: StrategyChoice, sessions: tuple[str, ...] = ()) -> None:
        if choice.problems:
            self._tell(f"{choice.name}: {choice.problems[0]}", "$error")
            self._offer_again()
            return
        self.run_request(
            ComparisonRequest(
                choice.name,
                Timeframe(choice.timeframe),
                document=choice.path,
                blocks=choice.raw,
                sessions=sessions,
            )
        )

    async def _work(self, request: ComparisonRequest) -> None:
        comparisons, snapshot = self.papertape.comparisons, self.papertape.snapshot
        stood = self._standing(request)
        try:
            result = await comparisons.run(request)
            change = await comparisons.change(request, result)
        except ComparisonError as error:
            self._tell(str(error), "$error")
        else:
            if self.is_attached and request is self._request:
                self._change, self._stood = change, stood
                self._as_of = None if snapshot is None else snapshot.now
                self._show_result(result)
        finally:
            self.call_later(self.refresh_hints)
            if request is self._request:
                self._offer_again()

    def _tell(self, text: str, style: str = "$dim") -> None:
        if self.is_attached:
            progress = self.query_one("#compare-progress", Static)
            progress.display = True
            progress.update(Content.styled(safe_lines(text), style))

    def draw_in(self, zone: tzinfo) -> None:
        """Draw what was compared."""
        if self._result is not None:
            self._show_result(self._result)

    def laid_out(self, event: events.Resize) -> None:
        """Write as much of the title as there is room for."""
        super().laid_out(event)
        if self.ready and self._result is not None:
            self._show_title(self._result)
            self._show_verdict(self._result)

    def _show_title(self, result: ComparisonResult) -> None:
        when = ""
        if self._as_of is not None:
            when = f"as of {formats.clock(self._as_of, self.papertape.zone)}   "
        title = Content("")
        for dates in (True, False):  # where there is no room for the dates, they stand in the notes
            told = "   ".join(compare_rows.periods(result, self.papertape.zone, dates=dates))
            title = Content.assemble(
                (safe_text(result.strategy), "bold $foreground"),
                "   ",
                (safe_text(f"{when}{told}"), "$dim"),
            )
            if title.cell_length <= self.size.width - _MARGINS:
                break
        write(self.query_one("#compare-title", Static), title)

    def _show_verdict(self, result: ComparisonResult) -> None:
        """Say the verdict, and what to do next except where the answers gave their place away.

        There it would leave no room for a chart, and has been read above the answers.
        """
        program, zone = program_for(self.papertape.workspace), self.papertape.zone
        said = verdict_text(result, program, zone)
        if result.verdict is not None and not self._answers_are_seen:
            said = said.split("\n")[0]
        write(self.query_one("#compare-said", Static), said)

    def _show_result(self, result: ComparisonResult) -> None:
        before = self._result
        same = before is not None and before.strategy == result.strategy
        self._result = result
        self.set_class(False, _NOTHING, update=False)
        # It says which of these are seen, and nothing of what is in them.
        self.app.stylesheet.update_nodes(self.children)
        self.query_one("#compare-progress").display = False
        self._show_title(result)
        table = self.query_one("#compare-table", LineTable)
        table.take_columns(compare_rows.figure_columns(result))
        table.set_rows(compare_rows.figure_rows(result))
        table.set_class(compare_rows.is_long_labelled(result), "-long")
        program, zone = program_for(self.papertape.workspace), self.papertape.zone
        self.query_one("#compare-noted", Static).update(
            toned(compare_rows.note_lines(result, program, zone))
        )
        answer_list = self.query_one("#compare-answers", AnswerList)
        answer_list.set_answers(answers(result, zone))
        curves = self.query_one("#compare-curves", CurveChart)
        drawn, band, title = equity_curves(result)
        curves.draw(drawn, 0.0, self.papertape.zone, band=band)
        entitle(curves, title)
        spread = self.query_one("#compare-spread", LineTable)
        spread.take_columns(compare_rows.spread_columns(result))
        spread.set_rows(compare_rows.spread_rows(compare_rows.gains(result)))
        if not same:  # of the same, one looks on where one was
            self.set_class(False, _LOWER)
            answer_list.focus()
        self._show_verdict(result)

    # ── commands ──

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done now."""
        if action == "back":
            return self._from is not None
        if action in ("view", "copy", "export"):
            return self._result is not None
        if action == "open":
            return self._result is not None and self._answers_are_seen
        if action in ("next_session", "fetch", "again"):
            return self._request is not None and not self.is_busy
        if action == "save":
            return self._change is not None
        return True

    def why_not(self, action: str) -> str:
        """While a comparison is made, that is why."""
        return "The comparison is still being made." if self.is_busy else ""

    def choose(self) -> None:
        """Pick a strategy to compare."""

        def picked(choice: StrategyChoice | None) -> None:
            if choice is not None:
                self._from = None
                self._compare(choice)

        name = None if self._request is None else self._request.strategy
        title = "Compare which strategy?"
        self.app.push_screen(PickStrategy(title, self.papertape.list_strategies, name), picked)

    def compare_session(self, session_id: str, strategy: str, led_from: str) -> None:
        """Compare one session with what its strategy promised.

        `led_from`: the mode of the screen that led here, and to which Esc leads back.
        """
        self._from = led_from
        self._first = f"{strategy}: comparing {session_id} …"
        shown = self._request
        if shown is None or (shown.strategy, shown.sessions) != (strategy, (session_id,)):
            self._forget()
        self.set_class(self._result is None, _ASKED)
        if self.ready:
            self._tell(self._first)

        async def find() -> None:
            choice = await self.papertape.comparisons.strategy(strategy)
            if choice is None:
                choices = await self.papertape.read_strategies()
                choice = next((one for one in choices if one.name == strategy), None)
            if choice is None or choice.problems:
                self._tell(f"{strategy}: its document is no longer there, or has problems.")
                self._offer_again()
                return
            self._compare(choice, (session_id,))

        self.app.run_worker(
            find(), name="strategies", group="compare-find", exclusive=True, exit_on_error=False
        )

    def _forget(self) -> None:
        """Show nothing of what was compared before, which could be taken for what is asked for."""
        if self._worker is not None and self.is_busy:
            self._worker.cancel()
        self._request = self._result = self._change = None
        self.set_class(False, _LOWER)
        self.set_class(True, _NOTHING)

    def action_back(self) -> None:
        """Return to where a session was compared from."""
        if self._from is not None:
            self.papertape.action_go(self._from)

    def action_new(self) -> None:
        """Choose what to compare."""
        self.choose()

    def action_again(self) -> None:
        """Compare the same once more."""
        if self._request is not None:
            self.run_request(replace(self._request, fetch=False))

    def action_next_session(self) -> None:
        """Compare the strategy's next session alone, and after the last one all together.

        Replays are none that are judged together.
        """
        snapshot, request = self.papertape.snapshot, self._request
        if snapshot is None or request is None:
            return
        name, timeframe = request.strategy, request.timeframe.value
        its = [
            one for one in snapshot.sessions if (one.strategy, one.timeframe) == (name, timeframe)
        ]
        turns: list[tuple[str, ...]] = [(one.id,) for one in its]
        if any(one.mode is not Mode.REPLAY for one in its):
            turns.append(())
        if not turns:
            self.papertape.say(f"{name} has no session in the list.", "warning")
            return
        if turns == [request.sessions]:
            self.papertape.say(
                f"{name} has no session in the list but this replay session.", "warning"
            )
            return
        place = turns.index(request.sessions) + 1 if request.sessions in turns else 0
        chosen = turns[place % len(turns)]
        self.run_request(replace(request, sessions=chosen, fetch=False))

    def action_fetch(self) -> None:
        """Compare with a backtest on the candles that the exchange tells now."""
        if self._request is not None:
            self.run_request(replace(self._request, fetch=True))

    def action_open(self) -> None:
        """Open the answer under the cursor."""
        self.query_one("#compare-answers", AnswerList).action_choose()

    def action_view(self) -> None:
        """Show the next of figures, spread and notes; on low terminals answers stand among them."""
        switcher = self.query_one(ContentSwitcher)
        low = self.has_class("-short")
        views = ["", *_VIEWS] if low else list(_VIEWS)
        now = "" if low and self._answers_are_seen else switcher.current
        chosen = views[(views.index(now or "") + 1) % len(views)]
        self.set_class(bool(chosen), _LOWER)
        if chosen:
            switcher.current = chosen
        first = {"": "compare-answers", "compare-overview": "compare-table"}
        self.query_one(f"#{first.get(chosen, chosen)}").focus()
        if self._result is not None:
            self._show_verdict(self._result)
        self.refresh_hints()

    def action_copy(self) -> None:
        """Copy the comparison as JSON."""
        if self._result is not None:
            self.copy_json(partial(comparison_json, self._result))

    def action_export(self) -> None:
        """Write the comparison and its sessions into files."""
        if self._result is not None:
            self.export(partial(export_comparison, self._result))

    def action_save(self) -> None:
        """Show what a save would change in the document, and ask."""
        change = self._change
        if change is None:
            return
        changed = [line for line in change.difference[2:] if line[:1] in "+-"]
        shown = [_cut(line) for line in changed[:_SHOWN_DIFFERENCE]]
        if len(changed) > len(shown):
            shown.append(f"… and {len(changed) - len(shown)} more lines")

        def answered(answer: str | None) -> None:
            if answer is not None:
                self.app.run_worker(
                    save(), name="compare", group="compare-files", exit_on_error=False
                )

        async def save() -> None:
            try:
                await self.papertape.comparisons.save(change)
            except ComparisonError as error:
                self.papertape.say(str(error), "error", "Not saved")
            else:
                self.papertape.say(f"Written into {formats.path(change.path)}.")

        question = f"Write the paper results into {change.path.name}?"
        self.app.push_screen(
            Ask(question, "\n".join(shown), [OfferedAnswer("save", "y", "Write")]), answered
        )

    @property
    def _answers_are_seen(self) -> bool:
        """Whether the answers, of which one may be opened, have not given their place away."""
        return not (self.has_class("-short") and self.has_class(_LOWER))

    @on(LineTable.Chosen, "#compare-table, #compare-spread")
    def _open_above(self) -> None:
        """Of a table's row there is no more to tell: Enter opens the answer above it."""
        if self._answers_are_seen:
            self.action_open()

    @on(AnswerList.Chosen, "#compare-answers")
    def _open_layer(self, event: AnswerList.Chosen) -> None:
        if self._result is not None:
            self.app.push_screen(CompareLayerScreen(self._result, event.key))


def _cut(line: str) -> str:
    return line if len(line) <= _SHOWN_WIDTH else line[: _SHOWN_WIDTH - 1] + "…"


def show_comparison(screen: BaseScreen, session_id: str, strategy: str) -> None:
    """Go from a screen to the comparison, and compare a session there."""
    led_from = screen.app.current_mode
    screen.papertape.action_go("compare")
    if not isinstance(screen.app.screen, CompareScreen):
        screen.papertape.action_go("compare")  # an answer of another session was left open there
    shown = screen.app.screen
    if isinstance(shown, CompareScreen):
        shown.compare_session(session_id, strategy, led_from)
