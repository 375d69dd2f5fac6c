"""One of the five answers of a comparison in depth: what it rests on, in tables or on a chart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import tzinfo
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from core.text import safe_text
from core.trial.cone_over_time import BAND
from tui import formats
from tui.commands import Place, bindings
from tui.screens import compare_rows
from tui.screens.base import BaseScreen, entitle
from tui.screens.compare_answers import answers
from tui.screens.compare_trade import ComparedTradeScreen
from tui.widgets.answer_list import AnswerList, AnswerRow
from tui.widgets.axes import count_labels
from tui.widgets.curve_chart import Band, Curve, CurveChart, Dot
from tui.widgets.line_table import LineTable
from tui.widgets.tones import Tone

if TYPE_CHECKING:
    from core.compare.comparison import ComparisonResult
    from core.compare.decisions import DecisionDifference
    from core.compare.divergence import TradeDifference
    from core.compare.promise import EdgeLayer

_PARTS = {
    "decisions": ("layer-decisions",),
    "costs": ("layer-hours", "layer-sizes"),
    "account": ("layer-trades", "layer-fall"),
    "path": ("layer-path",),
    "edge": ("layer-edge",),
    "live": ("layer-edge",),
}  # the widgets of each answer; on low terminals `v` shows one after the other


class CompareLayerScreen(BaseScreen):
    """An answer in depth, from which one goes on to the others."""

    PLACE = Place.COMPARED_LAYER
    TITLE = "Answer"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.COMPARED_LAYER)

    def __init__(self, result: ComparisonResult, layer: str) -> None:
        super().__init__()
        self._result = result
        self._layer = layer
        self._part = 0
        differing = any(True for _ in compare_rows.compared_trades(result, "differing"))
        self._filter = "differing" if differing else "all"

    def body(self) -> ComposeResult:
        """The answer with its gauge, all of what it says, and what it rests on."""
        yield AnswerList(id="layer-answer")
        yield Static("", id="layer-text")
        with Horizontal(id="layer-parts"):
            yield self.pane(
                LineTable(
                    compare_rows.DECISION_COLUMNS,
                    id="layer-decisions",
                    idle_cursor=False,
                    opens=False,
                ),
                "Decisions that differ",
            )
            yield self.pane(
                LineTable(
                    compare_rows.HOUR_COLUMNS, id="layer-hours", idle_cursor=False, opens=False
                ),
                "By the hour of the day · bp a fill",
            )
            yield self.pane(
                LineTable(
                    compare_rows.SIZE_COLUMNS, id="layer-sizes", idle_cursor=False, opens=False
                ),
                "By size, in quote currency · bp a fill",
            )
            yield self.pane(
                LineTable(
                    compare_rows.FALL_COLUMNS,
                    id="layer-fall",
                    idle_cursor=False,
                    sorts=False,
                    opens=False,
                ),
                "Where it differs",
            )
            yield self.pane(LineTable(compare_rows.TRADE_COLUMNS, id="layer-trades"), "Trades")
            yield self.pane(
                CurveChart(id="layer-path", write=formats.gain, empty="No closed trade yet."),
                "Equity",
            )
            yield self.pane(
                CurveChart(
                    id="layer-edge",
                    write=formats.gain,
                    across=count_labels,
                    empty="No closed trade yet.",
                ),
                "Running sum",
            )

    def draw_in(self, zone: tzinfo) -> None:
        """Draw it."""
        self._draw()

    def _draw(self) -> None:
        result = self._result
        found: Mapping[str, AnswerRow] = {
            one.key: one for one in answers(result, self.papertape.zone)
        }
        answer = found[self._layer]
        if not self._has_causes:
            # What it says stands whole beneath its gauge.
            answer = replace(answer, text="", shorter=())
        self.query_one("#layer-answer", AnswerList).set_answers([answer])
        self.set_class(answer.gauge is None and not answer.none, "-bare")
        self._tell(self._text())
        for name in {name for names in _PARTS.values() for name in names}:
            self.query_one(f"#{name}").display = name in _PARTS[self._layer]
        self.set_class(self._layer == "account", "-account")
        draw: dict[str, Callable[[], None]] = {
            "decisions": self._draw_decisions,
            "costs": self._draw_costs,
            "account": self._draw_account,
            "path": self._draw_path,
            "edge": lambda: self._draw_edge(result.layers.edge),
            "live": lambda: self._draw_edge(result.layers.live),
        }
        draw[self._layer]()
        self._show_part()
        self.refresh_hints()

    @property
    def _has_causes(self) -> bool:
        """Whether the cause of what is under the cursor is told beneath the gauge."""
        layers = self._result.layers
        if self._layer == "decisions":
            return layers.decisions is not None and bool(layers.decisions.differences)
        return (
            self._layer == "account"
            and layers.account is not None
            and bool(layers.account.differing)
        )

    def _tell(self, text: str) -> None:
        self.query_one("#layer-text", Static).update(Content.styled(safe_text(text), Tone.DIM.css))

    def _text(self) -> str:
        """All that the answer says, as text and JSON have it."""
        layers = self._result.layers
        said = {str(layer): one.text for layer, one in layers.lines().items()}
        if layers.live is not None:
            said["live"] = layers.live.text
        if layers.path is None and layers.edge is not None:
            said["path"] = layers.no_band
        ahead = {"path": layers.path, "edge": layers.edge, "live": layers.live}.get(self._layer)
        text, outlook = said.get(self._layer, ""), "" if ahead is None else ahead.outlook
        return f"{text}; {outlook}" if outlook else text

    def _draw_decisions(self) -> None:
        layer = self._result.layers.decisions
        table = self.query_one("#layer-decisions", LineTable)
        table.set_empty(
            "No session was replayed." if layer is None else "Every decision is the replay's."
        )
        table.set_rows(
            [] if layer is None else compare_rows.decision_rows(layer, self.papertape.zone)
        )
        self._tell_cause(table.cursor_key)

    def _draw_costs(self) -> None:
        layer = self._result.layers.costs
        for name, rows in (
            ("#layer-hours", [] if layer is None else compare_rows.hour_rows(layer)),
            ("#layer-sizes", [] if layer is None else compare_rows.size_rows(layer)),
        ):
            table = self.query_one(name, LineTable)
            table.set_empty("No fill by the market's prices.")
            table.set_rows(rows)

    def _draw_account(self) -> None:
        fall = self.query_one("#layer-fall", LineTable)
        fall.set_rows(compare_rows.fall_rows(self._result))
        fall.styles.max_height = len(fall.rows) + 2  # its title and its heading
        table = self.query_one("#layer-trades", LineTable)
        table.set_empty(
            f"No trade is {self._filter}." if self._filter != "all" else "No trade to match."
        )
        table.set_rows(compare_rows.trade_rows(self._result, self._filter, self.papertape.zone))
        self._tell_cause(table.cursor_key)
        counts = {
            name: sum(1 for _ in compare_rows.compared_trades(self._result, name))
            for name in compare_rows.FILTERS
        }
        shown = (
            f"▸{name} {n}" if name == self._filter else f"{name} {n}" for name, n in counts.items()
        )
        entitle(table, "Trades · " + "  ".join(shown))

    def _draw_path(self) -> None:
        chart = self.query_one("#layer-path", CurveChart)
        curves, band, title = equity_curves(self._result)
        path = self._result.layers.path
        marks = []
        if path is not None and path.course is not None and path.left is not None:
            at = path.course.at or 1
            marks.append(Dot(path.left, float(path.path[at - 1]), "◆", Tone.STRONG))
            title += f" · ◆ left it {path.course.side}"
        chart.draw(curves, 0.0, self.papertape.zone, band=band, dots=marks, whole=True)
        entitle(chart, title)

    def _draw_edge(self, layer: EdgeLayer | None) -> None:
        chart = self.query_one("#layer-edge", CurveChart)
        if layer is None or not (layer.trades or layer.lines):
            chart.draw([])
            return
        title = f"Running sum, {layer.unit}, by trade number"
        dots, at = [], layer.judged
        if at:
            dots.append(Dot(at, float(layer.sums[at - 1]), "◆", Tone.STRONG))
        if layer.at is not None:
            title += f" · ◆ {layer.state} at trade {layer.at:,}"
        chart.draw(_edge_curves(layer), 0.0, dots=dots)
        entitle(chart, title)

    def _show_part(self) -> None:
        """Where there is no room for all parts of an answer, one of them."""
        names = _PARTS[self._layer]
        alone = self._crowded
        for number, name in enumerate(names):
            self.query_one(f"#{name}").display = not alone or number == self._part % len(names)
        shown = self.query_one(f"#{names[self._part % len(names)]}")
        target: Widget = shown if shown.focusable else self.query_one("#layer-answer")
        target.focus()

    @property
    def _crowded(self) -> bool:
        """Whether the terminal has no room for all parts of the answer at once."""
        return self.has_class("-narrow" if self._layer == "costs" else "-short")

    def laid_out(self, event: events.Resize) -> None:
        """Show as many parts as there is room for."""
        super().laid_out(event)
        if self.ready:
            self._show_part()

    # ── commands ──

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what the answer has."""
        if action in ("filter", "open"):
            listed = self.query_one("#layer-trades", LineTable).rows
            return self._layer == "account" and (action == "filter" or bool(listed))
        if action == "view":
            return len(_PARTS[self._layer]) > 1
        return True

    def action_back(self) -> None:
        """Return to the five answers."""
        self.dismiss()

    def action_other(self, step: int) -> None:
        """Go on to another answer."""
        names = [one.key for one in answers(self._result)]
        self._layer = names[(names.index(self._layer) + step) % len(names)]
        self._part = 0
        self._draw()

    def action_view(self) -> None:
        """Show the next part of the answer."""
        self._part = (self._part + 1) % len(_PARTS[self._layer])
        self._show_part()

    def action_filter(self) -> None:
        """Show the next kind of trades."""
        names = compare_rows.FILTERS
        self._filter = names[(names.index(self._filter) + 1) % len(names)]
        self._draw_account()

    def action_open(self) -> None:
        """Open the trade under the cursor."""
        self.query_one("#layer-trades", LineTable).action_choose()

    @on(LineTable.Highlighted, "#layer-decisions, #layer-trades")
    def _moved(self, event: LineTable.Highlighted) -> None:
        if event.control.id in _PARTS[self._layer]:
            self._tell_cause(event.key)

    def _tell_cause(self, key: str | None) -> None:
        """Write the whole cause of the decision or trade under the cursor; of none the answer."""
        layers = self._result.layers
        if not self._has_causes:
            return
        if key is None:
            self._tell(self._text())
            return
        differing: Sequence[DecisionDifference | TradeDifference] = ()
        if self._layer == "decisions" and layers.decisions is not None:
            differing = layers.decisions.differences
        elif layers.account is not None:
            differing = layers.account.trades
        cause = differing[int(key)].cause
        self._tell(compare_rows.cause_text(cause, self.papertape.zone) or "The same in both.")

    @on(LineTable.Chosen, "#layer-trades")
    def _open_trade(self, event: LineTable.Chosen) -> None:
        trades = compare_rows.compared_trades(self._result, self._filter)
        places = [place for place, _ in trades]
        self.app.push_screen(ComparedTradeScreen(self._result, places, int(event.key)))


def equity_curves(result: ComparisonResult) -> tuple[list[Curve], Band | None, str]:
    """The equity of sessions and backtests, the band of the trial, and what is what."""
    paper = "Paper"
    curves = [
        Curve(one.points, Tone.ACCENT if one.name == paper else Tone.DIM, name=one.session)
        for one in result.curves
    ]
    names = dict.fromkeys(one.name for one in result.curves)
    told = (name.lower() if name == paper else f"{name.lower()} dimmed" for name in names)
    title = ["Equity %", *told]
    path = result.layers.path
    cone = None if path is None else path.cone
    if cone is None:
        return curves, None, " · ".join(title)
    band = Band(tuple((time, low, high) for time, low, _, high in cone.points))
    return curves, band, " · ".join([*title, f"░ {BAND}"])


def _edge_curves(layer: EdgeLayer) -> list[Curve]:
    """The running sum, what was promised of it, and the two walls where there are such."""
    lines = layer.lines
    horizon = layer.trades if lines is None else lines.horizon
    sums = layer.sums.tolist()[: layer.within]
    curves = [_named("seen", (0.0, *sums), Tone.ACCENT)] if sums else []
    for name, wall, tone in zip(
        ("broken", "kept"), layer.walls or (), (Tone.LOSS, Tone.GAIN), strict=False
    ):
        curves.append(_named(name, wall.tolist(), tone))
    promise = layer.promise if lines is None else lines.promise
    if promise is not None:
        promised = tuple(at * promise for at in range(horizon + 1))
        curves.append(_named("promised", promised, Tone.DIM))
    return curves


def _named(name: str, values: Sequence[float], tone: Tone) -> Curve:
    """A curve by trade number, at its end what it is, how much and of which trade.

    The bar above has the same of the trades there are so far: another number.
    """
    name = f"{name} {formats.gain(values[-1])} at {len(values) - 1:,}"
    return Curve(tuple(enumerate(values)), tone, name=name)
