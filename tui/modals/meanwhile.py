"""Tells what happened while nobody looked: a line for each session that has news.

It opens by itself, at a moment that nobody chose: a key that means nothing here closes it and does
what it would have done without it, so that what was typed just then is not lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from core.text import safe_text
from tui import formats
from tui.host.returning import Change
from tui.widgets.columns import Column
from tui.widgets.line_table import LineTable
from tui.widgets.table_rows import Cell, Row
from tui.widgets.tones import Tone, state_words, tone_of

_COLUMNS = (
    Column("STATE", 10),
    Column("ID", 8, priority=1),
    Column("STRATEGY", 12, grow=12),
    Column("TRADES", 6, "right"),
    Column("GAINED", 12, "right"),
    Column("", 14, grow=60, priority=2, optional=True),
)


class Meanwhile(ModalScreen[str | None]):
    """What is new, until it has been read; it ends with the ID of a session to open, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,space", "dismiss", show=False),
    ]

    def __init__(self, title: str, changes: Sequence[Change]) -> None:
        super().__init__()
        self._heading = safe_text(title)
        self._changes = tuple(changes)

    def compose(self) -> ComposeResult:
        """Heading, a row a session, the way out."""
        with Vertical(classes="form"):
            yield Static(Content.styled(self._heading, "bold $foreground"), classes="form-title")
            table = LineTable(_COLUMNS, id="changes")
            table.styles.height = min(len(self._changes), 12) + 1
            yield table
            yield Static(
                Content.assemble(
                    ("Enter", "$accent"),
                    (" open   ", "$dim"),
                    ("Esc", "$accent"),
                    (" go on", "$dim"),
                ),
                classes="form-hints",
            )

    def on_mount(self) -> None:
        """Fill the table."""
        table = self.query_one(LineTable)
        table.set_rows(_row(change) for change in self._changes)
        table.focus()

    def on_key(self, event: events.Key) -> None:
        """Give the screen beneath what was meant for it."""
        if event.key not in self.active_bindings:
            event.stop()
            self.dismiss(None)
            self.app.simulate_key(event.key)

    @on(LineTable.Chosen)
    def _open(self, event: LineTable.Chosen) -> None:
        self.dismiss(event.key)


def _row(change: Change) -> Row:
    word, tone = state_words(change.state)
    trades = f"+{change.trades}" if change.trades else ""
    return Row(
        change.session_id,
        (
            Cell(word, tone),
            Cell(change.session_id, Tone.DIM),
            Cell(change.strategy, Tone.STRONG),
            Cell(trades, order=change.trades),
            Cell(
                formats.change(change.gained, decimals=change.decimals),
                tone_of(change.gained, change.decimals),
                order=change.gained or 0,
            ),
            Cell(change.what, Tone.DIM),
        ),
    )
