"""The report of a session on a screen of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from functools import partial
from typing import ClassVar

import msgspec
from textual.app import ComposeResult
from textual.binding import BindingType

from core.report.written_report import ReportError, WrittenReport, written_report
from core.store.workspace import program_for
from core.strategy.chart_values import ChartSource
from core.text import typed_for
from core.trial.cone_over_time import ConeOverTime
from tui.commands import Place, bindings
from tui.requests.backtest import Points
from tui.requests.exporting import export_report
from tui.screens.base import BaseScreen
from tui.screens.compare import show_comparison
from tui.screens.result_view import ResultView
from tui.widgets.tones import Tone


class ReportScreen(BaseScreen):
    """A report, in the shape of `report --json`, with the equity where it is known.

    `joined`: where it is the report of parts of the time joined: a sentence on which. Without a
    report it is the page of `reading`, which is taken once it is read.

    Raises:
        ReportError: it is none.
    """

    PLACE = Place.REPORT
    TITLE = "Report"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.REPORT)

    def __init__(
        self,
        report: Mapping[str, object] | None = None,
        equity: Points = (),
        *,
        joined: str = "",
        reading: str = "it",
    ) -> None:
        super().__init__()
        self._joined = joined
        self._reading = f"Reading {reading} …"
        self._missing = self._reading  # why there is no report; empty: there is
        self._source: ChartSource | None = None
        self._cone: ConeOverTime | None = None
        self._report: Mapping[str, object] = {}
        self._written = WrittenReport()
        self._equity = equity
        if report is not None:
            self._report, self._written, self._missing = report, written_report(report), ""

    def body(self) -> ComposeResult:
        """The report."""
        yield ResultView(self._reading)

    def take(
        self,
        report: Mapping[str, object],
        equity: Points,
        source: ChartSource,
        cone: ConeOverTime | None,
    ) -> None:
        """Show the report that was read.

        `cone`: the band that the equity of a trial is to stay in.
        """
        try:
            self._written = written_report(report)
        except ReportError as error:
            self.cannot(str(error))
            return
        self._report, self._equity = report, equity
        self._source, self._cone, self._missing = source, cone, ""
        self._draw_again()

    def cannot(self, why: str) -> None:
        """Say why there is no report."""
        self._missing = f"There is no report to show: {why}"
        self._draw_again()

    def _draw_again(self) -> None:
        if self.ready and self.is_attached:
            self.draw_in(self.papertape.zone)
            self.refresh_hints()

    def draw_in(self, zone: tzinfo) -> None:
        """Draw it; where there is no report, say why."""
        if self._missing:
            self.query_one(ResultView).say(self._missing)
            return
        program = program_for(self.papertape.workspace)
        advice = typed_for(program, self._written.recommendation or "")
        self.query_one(ResultView).draw(
            msgspec.structs.replace(self._written, recommendation=advice),
            self._report,
            zone,
            self._equity,
            source=self._source,
            cone=self._cone,
            said=[(self._joined, Tone.STRONG)] if self._joined else (),
            what="parts joined" if self._joined else "",
        )

    def action_back(self) -> None:
        """Return to where one came from."""
        self.dismiss()

    def action_view(self) -> None:
        """Show the next of trades, candles and, on low terminals, curves and months."""
        self.query_one(ResultView).turn()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done with a report."""
        if self._missing:
            return action == "back"
        if action == "view":
            return self.query_one(ResultView).turns
        if action == "open":
            return self.query_one(ResultView).has_trades
        return self._written.session_id is not None if action == "compare" else True

    def why_not(self, action: str) -> str:
        """Where there is no report, that is why."""
        return self._missing

    def action_compare(self) -> None:
        """Go to the comparison, with its session selected."""
        session_id, strategy = self._written.session_id, self._written.strategy
        if session_id is not None and strategy is not None:
            show_comparison(self, session_id, strategy)

    def action_export(self) -> None:
        """Write it into files of the workspace."""
        self.export(partial(export_report, self._report))

    def action_open(self) -> None:
        """Open the trade under the cursor."""
        self.query_one(ResultView).open_trade()

    def action_copy(self) -> None:
        """Copy the report as JSON."""
        self.copy_json(lambda: self._report)
