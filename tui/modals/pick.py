"""Picks one name from many: a list with a filter; the one under the cursor can be tried."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from core.text import safe_text
from tui.widgets.columns import Column
from tui.widgets.filter_box import FilterBox
from tui.widgets.line_table import LineTable
from tui.widgets.table_rows import Cell, Row
from tui.widgets.tones import Tone


class Pick(ModalScreen[str | None]):
    """One of `names`, with Enter; Esc picks none. `tried` is told of each name one comes to."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", show=False)]

    def __init__(
        self,
        title: str,
        names: Sequence[str],
        chosen: str,
        tried: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__()
        self._heading = safe_text(title)
        self._names = tuple(names)
        self._chosen = chosen
        self._tried = tried

    def compose(self) -> ComposeResult:
        """Filter and names."""
        with Vertical(classes="form"):
            yield Static(Content.styled(self._heading, "bold $foreground"), classes="form-title")
            yield FilterBox(
                "#names", "type to find one", classes="shown", compact=True, goes_on=True
            )
            table = LineTable(
                (Column("", 40, grow=30),), id="names", header=False, empty="None has that text."
            )
            table.styles.height = 10
            yield table
            yield Static(
                Content.assemble(
                    ("↑↓", "$accent"),
                    (" move   ", "$dim"),
                    ("Enter", "$accent"),
                    (" take   ", "$dim"),
                    ("Esc", "$accent"),
                    (" cancel", "$dim"),
                ),
                classes="form-hints",
            )

    def on_mount(self) -> None:
        """Begin at the one chosen."""
        self._list()
        self.query_one(LineTable).move_to(self._chosen)
        self.query_one(FilterBox).focus()

    def _list(self) -> None:
        text = self.query_one(FilterBox).text
        shown = [name for name in self._names if text in name.casefold()]
        self.query_one(LineTable).set_rows(
            Row(name, (Cell(name, Tone.ACCENT if name == self._chosen else Tone.PLAIN),))
            for name in shown
        )

    @on(FilterBox.Changed)
    def _filter_changed(self) -> None:
        self._list()
        # Enter takes the first that has what was typed; nothing typed, what was chosen before.
        if self.query_one(FilterBox).text:
            self.query_one(LineTable).action_edge(-1)
        else:
            self.query_one(LineTable).move_to(self._chosen)

    @on(LineTable.Highlighted)
    def _came_to(self, event: LineTable.Highlighted) -> None:
        if event.key is not None:
            self._tried(event.key)

    @on(FilterBox.Submitted)
    @on(LineTable.Chosen)
    def _taken(self) -> None:
        key = self.query_one(LineTable).cursor_key
        if key is None:
            self.app.bell()
            self.query_one(FilterBox).focus()  # one goes on typing
        else:
            self.dismiss(key)
