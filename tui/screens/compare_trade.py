"""Why does one trade differ? Backtest and session side by side, on the candles they traded on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from core.text import safe_text
from tui import formats
from tui.commands import Place, bindings
from tui.requests.comparison import ComparisonOutcome
from tui.screens.base import BaseScreen, entitle
from tui.screens.report_rows import figure, items, mapping, moment
from tui.widgets.candle_chart import CandleChart, Mark
from tui.widgets.columns import Column
from tui.widgets.line_table import Cell, LineTable, Row
from tui.widgets.tones import Tone, tone_of

Trade = Mapping[str, object]

_FIELD_COLUMNS = (
    Column("", 9),
    Column("BACKTEST", 14, "right", grow=6),
    Column("PAPER", 14, "right", grow=6),
)
_PART_COLUMNS = (Column("", 16, grow=12), Column("", 12, "right"))
_BEFORE, _AFTER = 60, 12  # candles shown around a trade
_PRICES = ("entry_price", "exit_price")
_AMOUNTS = ("fees", "funding", "pnl")
_FIELDS = (
    ("signal_time", "Signal"),
    ("entry_time", "Entered"),
    ("entry_filled_at", "Filled at"),
    ("entry_price", "Entry"),
    ("exit_time", "Left"),
    ("exit_filled_at", "Filled at"),
    ("exit_price", "Exit"),
    ("exit_reason", "Reason"),
    ("quantity", "Quantity"),
    ("fees", "Fees"),
    ("funding", "Funding"),
    ("pnl", "P&L"),
)


class ComparedTradeScreen(BaseScreen):
    """One trade of a comparison. `places` are those one can go on to."""

    PLACE = Place.COMPARED_TRADE
    TITLE = "Trade"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.COMPARED_TRADE)

    def __init__(self, outcome: ComparisonOutcome, places: Sequence[int], place: int) -> None:
        super().__init__()
        self._outcome = outcome
        self._places = list(places)
        self._at = self._places.index(place)

    def body(self) -> ComposeResult:
        """What it was and why it differs; its candles; both runs; parts and conditions."""
        yield Static("", id="compared-title")
        yield Static("", id="compared-cause")
        yield self.pane(CandleChart(id="compared-candles"), "Candles")
        with Horizontal(id="compared-lower"):
            yield self.pane(
                LineTable(_FIELD_COLUMNS, id="compared-fields", idle_cursor=False), "Both runs"
            )
            yield self.pane(
                LineTable(_PART_COLUMNS, id="compared-parts", header=False, idle_cursor=False),
                "Difference · at the signal",
            )

    def on_mount(self) -> None:
        """Draw it."""
        super().on_mount()
        self.query_one("#compared-fields").focus()
        self._draw()

    def _draw(self) -> None:
        found = mapping(self._outcome.found.get("divergence"))
        each = mapping(items(found.get("trades"))[self._places[self._at]])
        backtest, paper = mapping(each.get("backtest")), mapping(each.get("paper"))
        made = backtest or paper
        symbol, side = str(made.get("symbol")), str(made.get("side"))
        difference = figure(each.get("difference"))
        self.query_one("#compared-title", Static).update(
            Content.assemble(
                (safe_text(f"{symbol} {side}"), "bold $foreground"),
                (f"   {each.get('match')}   ", "$dim"),
                (formats.change(difference), tone_of(difference).css),
                (f"   {self._at + 1} of {len(self._places)}", "$dim"),
            )
        )
        cause = each.get("cause")
        why = "The same in both." if cause is None else f"{cause}: {each.get('detail')}"
        tone = Tone.DIM if cause is None else Tone.WARNING
        self.query_one("#compared-cause", Static).update(Content.styled(safe_text(why), tone.css))
        self._draw_candles(symbol, backtest, paper)
        self.query_one("#compared-fields", LineTable).set_rows(_field_rows(backtest, paper))
        self.query_one("#compared-parts", LineTable).set_rows(_part_rows(each))

    def _draw_candles(self, symbol: str, backtest: Trade, paper: Trade) -> None:
        runs = [run for run in (backtest, paper) if run]
        times = [moment(run.get(key)) for run in runs for key in ("signal_time", "exit_time")]
        known = [time for time in times if time is not None]
        chart = self.query_one("#compared-candles", CandleChart)
        if not known:
            chart.draw(())
            return
        near = self._outcome.candles(symbol, min(known), max(known))
        step = near[1].time - near[0].time if len(near) > 1 else 0
        candles = self._outcome.candles(
            symbol, min(known) - _BEFORE * step, max(known) + _AFTER * step
        )
        marks: list[Mark] = []
        for run, tone in ((backtest, Tone.DIM), (paper, Tone.ACCENT)):
            for when, price, glyph in (
                ("entry_time", "entry_price", "▲"),
                ("exit_time", "exit_price", "▼"),
            ):
                time, level = moment(run.get(when)), figure(run.get(price))
                if time is not None and level is not None:
                    marks.append(Mark(time, level, glyph, tone))
        chart.draw(candles, (), marks)
        entitle(chart, f"{symbol} · ▲ entry ▼ exit, the backtest's dimmed")

    def action_back(self) -> None:
        """Return to the comparison."""
        self.dismiss()

    def action_other(self, step: int) -> None:
        """Go on to another trade of the list."""
        self._at = (self._at + step) % len(self._places)
        self._draw()


def _field_rows(backtest: Trade, paper: Trade) -> list[Row]:
    rows = []
    for name, label in _FIELDS:
        one, other = backtest.get(name), paper.get(name)
        if one is None and other is None:
            continue
        both = bool(backtest) and bool(paper) and not name.endswith("filled_at")
        differs = both and one != other
        tone = Tone.WARNING if differs else Tone.PLAIN
        rows.append(
            Row(
                name,
                (
                    Cell(label, Tone.DIM),
                    Cell(_written(name, one), tone if one is not None else Tone.DIM),
                    Cell(
                        _written(name, other) + (" ≠" if differs else ""),
                        tone if other is not None else Tone.DIM,
                    ),
                ),
            )
        )
    return rows


def _written(name: str, value: object) -> str:
    number = figure(value)
    if name in _PRICES:
        return formats.price(number)
    if name == "quantity":
        return formats.quantity(number)
    if name in _AMOUNTS:
        return formats.change(number) if name == "pnl" else formats.money(number)
    if not isinstance(value, str):
        return formats.UNKNOWN
    if name.endswith(("_time", "_at")):
        return value[5:19].replace("T", " ").removesuffix("Z")
    return value.replace("_", " ")


def _part_rows(each: Mapping[str, object]) -> list[Row]:
    rows = []
    for name, value in mapping(each.get("parts")).items():
        amount = figure(value)
        rows.append(
            Row(
                f"part-{name}",
                (Cell(name.capitalize()), Cell(formats.change(amount), tone_of(amount))),
            )
        )
    readings = mapping(each.get("indicators"))
    if rows and readings:
        rows.append(Row("space", (Cell(""), Cell(""))))
    for text, value in readings.items():
        rows.append(
            Row(f"at-{text}", (Cell(text, Tone.DIM), Cell(formats.number(figure(value), 4))))
        )
    return rows
