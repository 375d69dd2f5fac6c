"""The saved views of the sessions: take one, keep what is shown as another, remove one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.modals.name import AskName
from tui.requests.views import View, why_not
from tui.widgets.columns import Column
from tui.widgets.line_table import LineTable
from tui.widgets.table_rows import Cell, Row
from tui.widgets.tones import Tone

_ALL = "all sessions"
_KEYS = (("Enter", "take"), ("w", "save what is shown"), ("d", "remove"), ("Esc", "cancel"))


class Views(ModalScreen[str | None]):
    """One of the views by its name, the empty one for all sessions; Esc takes none.

    `keep` and `remove` are told of names under which what is shown is to be kept, or no more.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", show=False),
        Binding("w", "save", show=False),
        Binding("d,delete", "remove", show=False),
    ]

    def __init__(
        self,
        views: Mapping[str, View],
        present: View,
        keep: Callable[[str], None],
        remove: Callable[[str], None],
    ) -> None:
        super().__init__()
        self._views = views
        self._present = present
        self._keep = keep
        self._remove = remove

    def compose(self) -> ComposeResult:
        """The views, and what the keys do."""
        with Vertical(classes="form"):
            yield Static(Content.styled("Views", "bold $foreground"), classes="form-title")
            yield LineTable((Column("", 18, grow=12), Column("", 24, grow=40)), header=False)
            hints = [
                part for key, what in _KEYS for part in ((key, "$accent"), (f" {what}   ", "$dim"))
            ]
            yield Static(Content.assemble(*hints), classes="form-hints")

    def on_mount(self) -> None:
        """Begin at what is shown."""
        self._list()
        shown = next((name for name, view in self._views.items() if view == self._present), "")
        self.query_one(LineTable).move_to(shown)

    def _list(self) -> None:
        def row(name: str, view: View) -> Row:
            is_shown = view == self._present
            tone = Tone.ACCENT if is_shown else Tone.PLAIN
            return Row(name, (Cell(name or _ALL, tone), Cell(view.about, Tone.DIM)))

        views = {"": View(), **self._views}
        self.query_one(LineTable).set_rows(row(name, view) for name, view in views.items())

    @on(LineTable.Chosen)
    def _taken(self, event: LineTable.Chosen) -> None:
        self.dismiss(event.key)

    def action_save(self) -> None:
        """Ask for a name, and keep what is shown under it."""

        def named(name: str | None) -> None:
            if name is not None:
                self._keep(name)
                self.dismiss(None)

        self.app.push_screen(
            AskName(
                "Save this view",
                f"Shown is: {self._present.about}. A view of the same name is replaced.",
                refuse=lambda name: why_not(name, self._views),
            ),
            named,
        )

    def action_remove(self) -> None:
        """Remove the view under the cursor."""
        name = self.query_one(LineTable).cursor_key
        if name:
            self._remove(name)
            self._list()
        else:
            self.app.bell()
