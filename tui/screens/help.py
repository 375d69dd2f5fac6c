"""The screen of all keys, by place."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.commands import COMMANDS, Place
from tui.keymap import shown_key


class HelpScreen(ModalScreen[None]):
    """Every command with its key, the ones of the present screen first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "dismiss", show=False),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("g,home", "edge(-1)", show=False),
        Binding("G,end", "edge(1)", show=False),
        Binding("pagedown,space", "scroll(10)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
    ]

    def __init__(self, place: Place) -> None:
        super().__init__()
        self._place = place

    def compose(self) -> ComposeResult:
        """One block a place."""
        # Where one is, then what works on every screen, then the other screens.
        near = [self._place, Place.TABLE, Place.CHART, Place.LOG, Place.ANYWHERE]
        places = dict.fromkeys([*near, *Place])
        keymap = getattr(self.app, "keymap", {})
        with VerticalScroll(classes="sheet"):
            for number, place in enumerate(places):
                first = " first" if number == 0 else ""
                yield Static(
                    Content.styled(place.value, "bold $accent"), classes=f"help-heading{first}"
                )
                for command in COMMANDS:
                    if command.place is place:
                        with Horizontal(classes="help-line"):
                            yield Static(Content(shown_key(command, keymap)), classes="help-key")
                            yield Static(Content(command.help), classes="help-text")
            yield Static(
                Content.styled(
                    "Esc closes. Tab moves between panes. Ctrl+P finds a command.", "$dim"
                ),
                classes="help-heading",
            )

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_edge(self, step: int) -> None:
        """Scroll to an end."""
        sheet = self.query_one(VerticalScroll)
        sheet.scroll_to(y=0 if step < 0 else sheet.max_scroll_y, animate=False)
