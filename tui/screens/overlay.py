"""Two backtests over each other: both curves in one chart, their figures side by side."""

from __future__ import annotations

import re
from datetime import UTC, tzinfo
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from core.report.library import unlike_in
from core.text import safe_text
from tui import formats
from tui.commands import Place, bindings
from tui.requests.exporting import export_overlay, overlay_json
from tui.requests.library import Compared, OpenedResult, in_per_cent, settled
from tui.screens.backtest_rows import period, tags
from tui.screens.base import BaseScreen, entitle, write
from tui.screens.trade_rows import milliseconds
from tui.widgets.axes import since_labels, time_labels
from tui.widgets.columns import Column
from tui.widgets.curve_chart import Curve, CurveChart, Dot
from tui.widgets.line_table import LineTable
from tui.widgets.remarks import Remark, RemarkLines, Remarks
from tui.widgets.table_rows import Cell, Row
from tui.widgets.tones import Tone

if TYPE_CHECKING:
    from core.report.library import Setting
    from core.report.side_by_side import SideBySide

_FIGURES = (
    Column("", len("Break-even with fees"), grow=8),
    Column("A", 11, "right"),
    Column("B", 11, "right"),
    Column("B AGAINST A", 13, "right"),
    Column("B IS", 6),
)
_VALUE, _LONGEST_VALUE = 12, 40  # cells of a value, and where there is room for more
_MINUTE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")
_SIDES = (("A", Tone.ACCENT, (1 / 6, 1 / 2, 5 / 6)), ("B", Tone.INFO, (1 / 3, 2 / 3, 1.0)))
"""Letter and tone of each, and where along its curve the letter stands."""


class OverlayScreen(BaseScreen):
    """Two results of the library."""

    PLACE = Place.OVERLAY
    TITLE = "Overlay"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.OVERLAY)

    def __init__(self, compared: Compared) -> None:
        super().__init__()
        self._compared = compared

    def body(self) -> ComposeResult:
        """What they are, both curves, figures and settings."""
        yield Static("", id="overlay-title")
        if _warnings(self._compared):
            yield Remarks(RemarkLines(id="overlay-warnings"), id="overlay-said")
        columns = _FIGURES if self._compared.pair.unlike is None else _FIGURES[:-1]
        together = _together(self._compared)
        chart = CurveChart(
            id="overlay-curves",
            write=formats.gain,
            across=time_labels if together else since_labels,
            empty="No equity curve is kept for these.",
        )
        yield self.pane(chart, "Return" if together else "Return · time since each began")
        with Horizontal(id="overlay-tables"):
            yield self.pane(
                LineTable(columns, id="overlay-figures", sorts=False, opens=False), "Figures"
            )
            yield self.pane(
                LineTable(
                    self._columns(),
                    id="overlay-settings",
                    empty=self._no_setting(),
                    idle_cursor=False,
                    sorts=False,
                    opens=False,
                ),
                "Settings",
            )

    def draw_in(self, zone: tzinfo) -> None:
        """Draw it."""
        both = (self._compared.one, self._compared.other)
        lines = [
            _title(letter, tone, opened, zone)
            for (letter, tone, _), opened in zip(_SIDES, both, strict=True)
        ]
        write(self.query_one("#overlay-title", Static), Content("\n").join(lines))
        if warnings := _warnings(self._compared):
            said = [formats.all_in_zone(one, zone) for one in warnings]
            remarks = [Remark("!", one, Tone.WARNING) for one in said]
            self.query_one("#overlay-warnings", RemarkLines).show(remarks)
        curves, dots = [], []
        together = _together(self._compared)
        for (letter, tone, parts), opened in zip(_SIDES, both, strict=True):
            points = in_per_cent(opened.equity, opened.listed.result.starting_balance)
            if points and not together:
                points = tuple((time - points[0][0], value) for time, value in points)
            curves.append(Curve(points, tone))
            for part in parts if points else ():
                time, value = points[round(part * (len(points) - 1))]
                dots.append(Dot(time, value, letter, tone))
        self.query_one("#overlay-curves", CurveChart).draw(curves, 0.0, zone, dots=dots)
        figures = self.query_one("#overlay-figures", LineTable)
        judged = self._compared.pair.unlike is None
        figures.set_rows(_figure_row(one, judged=judged) for one in self._compared.pair.figures)
        settings = self._compared.pair.settings or ()
        table = self.query_one("#overlay-settings", LineTable)
        names = formats.setting_names([path for path, *_ in settings])
        table.take_columns(self._columns(zone))
        table.set_rows(
            Row(path, (Cell(name), *map(Cell, _values(one, other, zone))))
            for name, (path, one, other) in zip(names, settings, strict=True)
        )
        entitle(table, f"What differs · {len(settings):,}")

    def mounted(self) -> None:
        """Begin in the figures."""
        super().mounted()
        self.query_one("#overlay-figures").focus()

    def laid_out(self, event: events.Resize) -> None:
        """Offer to turn where there is no room for both tables."""
        super().laid_out(event)
        self.refresh_hints()

    def _columns(self, zone: tzinfo = UTC) -> tuple[Column, ...]:
        """The columns of the settings: their values take no more room than they need.

        What is cut of a name is in its middle: its end tells it from those of the same indicator.
        """
        settings = self._compared.pair.settings or ()
        values = [each for _, one, other in settings for each in _values(one, other, zone)]
        needed = max(6, *map(len, values), 0)
        width = min(needed, _VALUE)
        both = (
            Column(letter, width, "right", grow=min(needed, _LONGEST_VALUE) - width, middle=True)
            for letter in "AB"
        )
        longest = max(map(len, formats.setting_names([path for path, *_ in settings])), default=0)
        return Column("SETTING", 16, grow=max(24, longest - 16), middle=True), *both

    def _no_setting(self) -> str:
        if self._compared.pair.settings is None:
            return "Not known: one of them was kept without its config."
        return "Their settings are the same."

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to turn only where there is no room for both tables."""
        return self.has_class("-narrow") if action == "view" else True

    def action_back(self) -> None:
        """Return to the backtests."""
        self.dismiss()

    def action_view(self) -> None:
        """Show the other of the two tables."""
        self.toggle_class("-settings")
        wanted = "settings" if self.has_class("-settings") else "figures"
        self.query_one(f"#overlay-{wanted}").focus()

    def action_swap(self) -> None:
        """Call each what the other was called."""
        self._compared = self._compared.swapped()
        self.draw_in(self.papertape.zone)

    def action_copy(self) -> None:
        """Copy figures and settings as JSON."""
        self.copy_json(partial(overlay_json, self._compared))

    def action_export(self) -> None:
        """Write figures, settings and curves into files."""
        self.export(partial(export_overlay, self._compared))


def _together(compared: Compared) -> bool:
    """Whether the two are drawn over each other by the calendar: where half of one lies in both.

    Others would be slivers at the ends of an empty chart: each is drawn from its own begin on.
    """
    both = [opened.equity for opened in (compared.one, compared.other)]
    if not all(both):
        return True
    starts, ends = ([points[at][0] for points in both] for at in (0, -1))
    shorter = min(end - start for start, end in zip(starts, ends, strict=True))
    return 2 * (min(ends) - max(starts)) >= shorter


def _warnings(compared: Compared) -> list[str]:
    """Why neither is judged, and what makes one doubt either."""
    said = [] if compared.pair.unlike is None else [_not_judged(compared)]
    return [*said, *compared.pair.doubts(("A", "B"))]


def _not_judged(compared: Compared) -> str:
    """That neither is better, and why; how it differs is among the settings, where these are."""
    said = "Neither is better for its figures"
    if compared.pair.settings is None:
        return f"{said}: {compared.pair.unlike}."
    kinds = unlike_in(compared.one.listed.result, compared.other.listed.result)
    return f"{said}: different {', '.join(kinds)}."


def _title(letter: str, tone: Tone, opened: OpenedResult, zone: tzinfo) -> Content:
    listed = opened.listed
    result = listed.result
    about = (
        f"{', '.join(result.symbols)} {result.timeframe} · {period(listed, zone)} · {listed.key}"
    )
    return Content.assemble(
        (f"{letter}  ", f"bold {tone.css}"),
        (safe_text(settled(listed)), "bold $foreground"),
        (safe_text(f" · {about}"), "$dim"),
        (safe_text(f"  {tags(listed)}"), Tone.INFO.css),
    )


def _figure_row(figure: SideBySide, *, judged: bool) -> Row:
    tones = {True: Tone.GAIN, False: Tone.LOSS, None: Tone.DIM}
    words = {True: "better", False: "worse", None: ""}
    tone = tones[figure.better]
    return Row(
        figure.name,
        (
            Cell(figure.label),
            Cell(figure.one),
            Cell(figure.other),
            Cell(figure.change_text, tone, order=figure.change),
            *([Cell(words[figure.better], tone)] if judged else []),
        ),
    )


def _values(one: Setting | None, other: Setting | None, zone: tzinfo = UTC) -> tuple[str, str]:
    """Both values of a setting; of two times what tells them apart: days, or minutes of one."""
    ours, theirs = (
        formats.UNKNOWN if value is None else formats.setting(value) for value in (one, other)
    )
    if not (_MINUTE.fullmatch(ours) and _MINUTE.fullmatch(theirs)):
        return formats.all_in_zone(ours, zone), formats.all_in_zone(theirs, zone)
    if ours[:10] != theirs[:10]:
        first, second = (milliseconds(time) for time in (ours, theirs))
        return formats.candle_day(first, zone), formats.candle_day(second, zone)
    return formats.all_in_zone(ours, zone)[5:], formats.all_in_zone(theirs, zone)[5:]
