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
from tui.screens.conditions import ExitConditions, SignalConditions, conditions_title
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
_VIEWS = {
    "compared-fields": "Both runs",
    "compared-conditions": "Entry",
    "compared-exit": "Exit",
}
"""What takes turns, the first on narrow terminals alone, and what each is called meanwhile."""
_BEFORE, _AFTER = 60, 12  # candles shown around a trade


class ComparedTradeScreen(BaseScreen):
    """One trade of a comparison. `places` are those one can go on to."""

    PLACE = Place.COMPARED_TRADE
    TITLE = "Trade"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.COMPARED_TRADE)

    def __init__(self, result: ComparisonResult, places: Sequence[int], place: int) -> None:
        super().__init__()
        self._result = result
        self._titles = dict(_VIEWS)
        self._shown = ""  # which of the views is
        self._timeframe = ""
        self._places = list(places)
        self._at = self._places.index(place)

    def body(self) -> ComposeResult:
        """What it was and why it differs; its candles; both runs; parts, conditions and exit."""
        yield Static("", id="compared-title")
        yield Static("", id="compared-cause")
        yield self.pane(CandleChart(id="compared-candles"), "Candles")
        with Horizontal(id="compared-lower"):
            yield self.pane(
                LineTable(
                    _FIELD_COLUMNS,
                    id="compared-fields",
                    idle_cursor=False,
                    sorts=False,
                    opens=False,
                ),
                "Both runs",
            )
            with Vertical(id="compared-side"):
                yield self.pane(
                    LineTable(
                        _PART_COLUMNS,
                        id="compared-parts",
                        header=False,
                        idle_cursor=False,
                        opens=False,
                    ),
                    "Difference",
                )
                yield self.pane(SignalConditions(id="compared-conditions"), "Conditions")
                yield self.pane(ExitConditions(id="compared-exit"), "Exit")

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
        self.query_one("#compared-conditions", SignalConditions).look_at(self._seen, made)
        self._titles["compared-conditions"] = conditions_title(made, zone)
        self._draw_exit(*runs)
        self._show_view()

    def _draw_exit(self, backtest: Trade | None, paper: Trade | None) -> None:
        """Show why the session left it, or else the backtest; its title says if not both did."""
        left = paper or backtest
        assert left is not None
        alike = {(run.exit_reason, run.exit_time) for run in (backtest, paper) if run is not None}
        name = "Exit" if len(alike) == 1 else "Paper's exit"
        timeframe = self._result.timeframe_at(left.symbol, left.signal_time)
        pane = self.query_one("#compared-exit", ExitConditions)
        pane.look_at_exit(self._seen, left, timeframe, self.papertape.zone, name=name)

    @on(ExitConditions.Read)
    def _exit_read(self, event: ExitConditions.Read) -> None:
        self._titles["compared-exit"] = event.title
        self._show_view()

    def _counted(self) -> str:
        """Which trade it is, counted from the first one on as in a run; and its place in a list."""
        assert self._result.divergence is not None
        all_, listed = len(self._result.divergence.trades), len(self._places)
        text = f"trade {self._places[self._at] + 1} of {all_}"
        return text if listed == all_ else f"{text}, {listed - self._at} of {listed} listed"

    async def _seen(
        self, symbol: str, timeframe: str | None, until: int | None, count: int
    ) -> Chart:
        """The candles up to the one that opens right before `until`, as the session saw them."""
        assert until is not None
        return await asyncio.to_thread(self._result.chart_at, symbol, until - 1, count)

    @property
    def _views(self) -> list[str]:
        """What takes turns: conditions and exit, and on a narrow terminal both runs as well."""
        return list(_VIEWS)[self.size.width >= NARROW :]

    def _show_view(self) -> None:
        """Show the view whose turn it is, and say in the titles what there is."""
        views = self._views
        if self._shown not in views:
            self._shown = views[0]
        self.set_class(len(views) == len(_VIEWS) and self._shown != views[0], "-decision")
        for name in _VIEWS:
            pane = self.query_one(f"#{name}")
            pane.set_class(name in views and name != self._shown, "-waiting")
            if name in views:
                titles = [self._titles[one] if one == name else _VIEWS[one] for one in views]
                entitle_views(pane, titles, views.index(name))
            else:
                entitle(pane, self._titles[name])

    def laid_out(self, event: events.Resize) -> None:
        """Show both runs and the conditions at once where there is room."""
        super().laid_out(event)
        if self.ready:
            self.call_after_refresh(self._show_view)

    def action_view(self) -> None:
        """Show the next of both runs (on narrow terminals), conditions at the signal, and exit."""
        views = self._views
        self._shown = views[(views.index(self._shown) + 1) % len(views)]
        self._show_view()
        self.query_one(f"#{self._shown}").focus()
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
