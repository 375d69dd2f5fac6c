"""What did a session come to? Its metrics, doubts and trades on one screen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.commands import Place, bindings
from tui.screens import report_rows
from tui.screens.base import SHORT, BaseScreen
from tui.widgets.figures import Figures
from tui.widgets.line_table import LineTable
from tui.widgets.safe_text import safe_text


class ReportScreen(BaseScreen):
    """A report, in the shape of `report --json`."""

    PLACE = Place.REPORT
    TITLE = "Report"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.REPORT)

    def __init__(self, report: Mapping[str, object]) -> None:
        super().__init__()
        self._report = report

    def body(self) -> ComposeResult:
        """Title, two rows of figures, sentences, trades."""
        report = self._report
        headline, behind = report_rows.figures(report)
        yield Static(
            Content.assemble(
                (safe_text(report_rows.title(report)), "bold $foreground"),
                "\n",
                (safe_text(report_rows.period(report)), "$dim"),
            ),
            id="report-title",
        )
        yield Figures(headline, behind, id="report-figures")
        with VerticalScroll(id="sentences", can_focus=False):
            for text, tone in report_rows.sentences(report):
                yield Static(Content.styled(safe_text(text), tone.css))
        rows = report_rows.trade_rows(report)
        table = LineTable(
            report_rows.TRADE_COLUMNS,
            id="trades",
            empty="No trade was closed.",
        )
        table.set_rows(rows)
        yield self.pane(table, f"Trades · {len(rows)}")

    def on_resize(self, event: events.Resize) -> None:
        """Give up air before rows."""
        super().on_resize(event)
        self.set_class(event.size.height < SHORT, "-short")

    def action_back(self) -> None:
        """Return to where one came from."""
        self.dismiss()

    def action_copy(self) -> None:
        """Copy the report as JSON, also over SSH where the terminal allows it (OSC 52)."""
        self.app.copy_to_clipboard(json.dumps(self._report, indent=2, default=str))
        self.papertape.say("The report is copied as JSON, if this terminal allows it.")
