"""One trade of a comparison: backtest and session side by side, on the candles they traded on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import tzinfo
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from core.compare.waterfall import in_cents
from core.market.symbols import money_decimals
from core.text import safe_text
from tui import formats
from tui.commands import Place, bindings
from tui.screens.base import NARROW, BaseScreen, entitle, entitle_views
from tui.screens.compare_rows import cause_text
from tui.screens.conditions import SignalConditions, conditions_title
from tui.screens.trade_fields import (
    TRADE_FIELDS,
    closed_levels,
    entry_glyph,
    entry_marks,
    exit_marks,
    part_text,
    written,
)
from tui.widgets.candle_chart import CandleChart
from tui.widgets.candle_picture import Mark
from tui.widgets.columns import Column
from tui.widgets.line_table import LineTable
from tui.widgets.table_rows import Cell, Row
from tui.widgets.tones import Tone, tone_of

if TYPE_CHECKING:
    from core.compare.comparison import ComparisonResult
    from core.compare.divergence import TradeDifference
    from core.session.snapshot import SessionSnapshot
    from core.strategy.chart_values import Chart
    from core.trading.values import Trade

_FIELD_COLUMNS = (
    Column("", 9),
    Column("REPLAY", 14, "right", grow=6),
    Column("PAPER", 14, "right", grow=6),
)
_PART_COLUMNS = (Column("", 16, grow=12), Column("", 12, "right"))
_BEFORE, _AFTER = 60, 12  # candles shown around a trade


class ComparedTradeScreen(BaseScreen):
    """One trade of a comparison. `places` are those one can go on to."""

    PLACE = Place.COMPARED_TRADE
    TITLE = "Trade"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.COMPARED_TRADE)

    def __init__(self, result: ComparisonResult, places: Sequence[int], place: int) -> None:
        super().__init__()
        self._result = result
        self._conditions = ""  # the title of their pane
        self._turned_over = False  # whether conditions are shown where both have one place
        self._timeframe = ""
        self._places = list(places)
        self._at = self._places.index(place)

    def body(self) -> ComposeResult:
        """What it was and why it differs; its candles; both runs; parts and conditions."""
        yield Static("", id="compared-title")
        yield Static("", id="compared-cause")
        yield self.pane(CandleChart(id="compared-candles"), "Candles")
        with Horizontal(id="compared-lower"):
            yield self.pane(
                LineTable(_FIELD_COLUMNS, id="compared-fields", idle_cursor=False, sorts=False),
                "Both runs",
            )
            with Vertical(id="compared-side"):
                yield self.pane(
                    LineTable(_PART_COLUMNS, id="compared-parts", header=False, idle_cursor=False),
                    "Difference",
                )
                yield self.pane(SignalConditions(id="compared-conditions"), "Conditions")

    def mounted(self) -> None:
        """Begin in the fields."""
        super().mounted()
        self.query_one("#compared-fields").focus()

    def draw_in(self, zone: tzinfo) -> None:
        """Draw it."""
        self._draw()

    def _draw(self) -> None:
        assert self._result.divergence is not None
        each = self._result.divergence.trades[self._places[self._at]]
        made, difference, cause = each.trade, each.difference, each.cause
        decimals = money_decimals(made.symbol)
        self.query_one("#compared-title", Static).update(
            Content.assemble(
                (safe_text(f"{made.symbol} {made.side}"), "bold $foreground"),
                (f"   {each.kind}   ", "$dim"),
                (
                    formats.change(difference, decimals=decimals),
                    tone_of(difference, decimals).css,
                ),
                (f"   {self._counted()}", "$dim"),
            )
        )
        zone = self.papertape.zone
        why = cause_text(cause, zone) or "The same in both."
        tone = Tone.DIM if cause is None else Tone.WARNING
        self.query_one("#compared-cause", Static).update(Content.styled(safe_text(why), tone.css))
        runs = each.backtest, each.paper
        self._draw_candles(made.symbol, *runs)
        self.query_one("#compared-fields", LineTable).set_rows(_field_rows(*runs, zone))
        self.query_one("#compared-parts", LineTable).set_rows(_part_rows(each))
        self.query_one("#compared-conditions", SignalConditions).look_at(self._at_signal, made)
        self._conditions = conditions_title(made, zone)
        self._show_view()

    def _counted(self) -> str:
        """Which trade it is, counted from the first one on as in a run; and its place in a list."""
        assert self._result.divergence is not None
        all_, listed = len(self._result.divergence.trades), len(self._places)
        text = f"trade {self._places[self._at] + 1} of {all_}"
        return text if listed == all_ else f"{text}, {listed - self._at} of {listed} listed"

    async def _at_signal(
        self, symbol: str, timeframe: str | None, until: int | None, count: int
    ) -> Chart:
        """What the conditions read at the candle before `until`, as the session saw it."""
        assert until is not None
        return await asyncio.to_thread(self._result.chart_at, symbol, until - 1)

    @property
    def _turns(self) -> bool:
        """Whether both runs and the conditions take turns in one place."""
        return self.size.width < NARROW

    def _show_view(self) -> None:
        self.set_class(self._turns and self._turned_over, "-conditions")
        fields, titles = self.query_one("#compared-fields"), ["Both runs", self._conditions]
        conditions = self.query_one("#compared-conditions")
        if self._turns:
            entitle_views(fields, ["Both runs", "Conditions"], 0)
            entitle_views(conditions, titles, 1)
        else:
            entitle(fields, titles[0])
            entitle(conditions, titles[1])

    def laid_out(self, event: events.Resize) -> None:
        """Show both runs and the conditions at once where there is room."""
        super().laid_out(event)
        if self.ready:
            self.call_after_refresh(self._show_view)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the other view where it is not shown already."""
        return self._turns if action == "view" else True

    def action_view(self) -> None:
        """Show the conditions at the signal in the place of both runs, or these again."""
        self._turned_over = not self._turned_over
        self._show_view()
        shown = "conditions" if self._turned_over else "fields"
        self.query_one(f"#compared-{shown}").focus()
        self.call_after_refresh(self._show_view)  # as wide as the panes are by then

    def _draw_candles(self, symbol: str, backtest: Trade | None, paper: Trade | None) -> None:
        runs = [run for run in (backtest, paper) if run is not None]
        first = min(run.signal_time for run in runs)
        last = max(run.exit_time for run in runs)
        near = self._result.candles_between(symbol, first, last)
        step = near[1].time - near[0].time if len(near) > 1 else 0
        candles = self._result.candles_between(symbol, first - _BEFORE * step, last + _AFTER * step)
        marks: list[Mark] = []
        for run, tone in ((backtest, Tone.DIM), (paper, Tone.ACCENT)):
            if run is not None:
                marks += entry_marks(run, entry_glyph(run.side), tone)
                marks += exit_marks(run, "◆", tone)
        chart = self.query_one("#compared-candles", CandleChart)
        told = paper or backtest
        chart.draw(candles, [] if told is None else closed_levels(told), marks, self.papertape.zone)
        link, session = self.papertape.link, self._session_of(symbol, first)
        self._timeframe = "" if session is None else session.timeframe
        if link is not None and session is not None:
            # What the session saw, with its indicators: to go through as on every other chart.
            source = partial(link.chart, session.id)
            until = last + _AFTER * step
            chart.look_at(source, symbol, session.timeframe, until, first - _AFTER * step)
        self._entitle_chart(symbol)

    def _session_of(self, symbol: str, time: int) -> SessionSnapshot | None:
        """The session on whose candles a trade lies, where the host has it still."""
        snapshot, session_id = self.papertape.snapshot, self._result.session_at(symbol, time)
        sessions = () if snapshot is None else snapshot.sessions
        return next((one for one in sessions if one.id == session_id), None)

    def _entitle_chart(self, symbol: str) -> None:
        chart = self.query_one("#compared-candles", CandleChart)
        shown = f"{symbol} {chart.shown(self._timeframe)}".strip()
        assert self._result.divergence is not None
        glyph = entry_glyph(self._result.divergence.trades[self._places[self._at]].trade.side)
        about = f"{shown} · {glyph} entry ◆ exit, the replay's dimmed"
        entitle(chart, about, chart.readings)

    @on(CandleChart.Turned)
    def _turned(self, event: CandleChart.Turned) -> None:
        self._entitle_chart(event.chart.symbol)

    def action_back(self) -> None:
        """Return to the comparison."""
        self.dismiss()

    def action_other(self, step: int) -> None:
        """Go on to another trade of the list, which has the newest first: the next is newer."""
        self._at = (self._at - step) % len(self._places)
        self._draw()


def _field_rows(backtest: Trade | None, paper: Trade | None, zone: tzinfo) -> list[Row]:
    rows = []
    decimals = money_decimals(*(run.symbol for run in (backtest, paper) if run is not None))
    write = partial(written, zone=zone, decimals=decimals)
    # What it came to stands first: on a low terminal the last fields are out of sight.
    for name, label in sorted(TRADE_FIELDS, key=lambda field: field[0] != "pnl"):
        one, other = getattr(backtest, name, None), getattr(paper, name, None)
        if one is None and other is None:
            continue
        both = backtest is not None and paper is not None and not name.endswith("filled_at")
        differs = both and write(name, one) != write(name, other)
        tone = Tone.WARNING if differs else Tone.PLAIN
        rows.append(
            Row(
                name,
                (
                    Cell(label, Tone.DIM),
                    Cell(write(name, one), tone if one is not None else Tone.DIM),
                    Cell(
                        write(name, other) + (" ≠" if differs else ""),
                        tone if other is not None else Tone.DIM,
                    ),
                ),
            )
        )
    exits = [[] if run is None else list(run.parts) for run in (backtest, paper)]
    for number, pair in enumerate(zip_longest(*exits), start=1):
        texts = [Cell("" if part is None else part_text(part)) for part in pair]
        rows.append(Row(f"exit-{number}", (Cell(f"Part {number}", Tone.DIM), *texts)))
    return rows


def _part_rows(each: TradeDifference) -> list[Row]:
    decimals = money_decimals(each.trade.symbol)
    return [
        Row(
            f"part-{part}",
            (
                Cell(part.capitalize()),
                Cell(formats.change(value, decimals=decimals), tone_of(value, decimals)),
            ),
        )
        # Rounded so that they add up to the difference above.
        for part, value in (
            (part, float(cents)) for part, cents in in_cents(each.parts, decimals).items()
        )
        if value
    ]
