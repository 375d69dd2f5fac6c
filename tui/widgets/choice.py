"""Chooses among a few words on one line: ← and → move, the chosen word stands out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from core.text import safe_text


class Choice(Widget, can_focus=True):
    """A few options side by side, one of them chosen."""

    DEFAULT_CSS = """
    Choice { height: 1; width: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", show=False),
        Binding("right,space", "step(1)", show=False),
        Binding("enter", "submit", show=False),
    ]

    chosen: reactive[str] = reactive("")

    class Changed(Message):
        """Another option was chosen."""

        def __init__(self, choice: Choice, value: str) -> None:
            self.choice = choice
            self.value = value
            super().__init__()

        @property
        def control(self) -> Choice:
            """The widget."""
            return self.choice

    class Submitted(Message):
        """Enter was pressed on it, as in a field."""

    def __init__(
        self,
        options: Sequence[str],
        chosen: str | None = None,
        *,
        id: str | None = None,  # noqa: A002  (Textual's own name for it)
    ) -> None:
        super().__init__(id=id)
        self.options = tuple(options)
        self.set_reactive(Choice.chosen, chosen if chosen is not None else self.options[0])

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """As wide as its options are side by side."""
        return sum(cell_len(safe_text(option)) + 2 for option in self.options)

    def render(self) -> RenderResult:
        """The options, the chosen one marked by brackets of its own as well as by tone."""
        parts: list[tuple[str, str]] = []
        for option in self.options:
            text = safe_text(option)
            if option == self.chosen:
                style = "bold $background on $accent" if self.has_focus else "bold $accent"
                parts.append((f"▸{text} ", style))
            else:
                parts.append((f" {text} ", "$dim"))
        return Content.assemble(*parts)

    def watch_chosen(self, value: str) -> None:
        """Tell the form."""
        if self.is_attached:
            self.post_message(self.Changed(self, value))

    def action_step(self, step: int) -> None:
        """Choose the neighbour; round at the ends."""
        position = self.options.index(self.chosen) if self.chosen in self.options else 0
        self.chosen = self.options[(position + step) % len(self.options)]

    def action_submit(self) -> None:
        """Tell the form that it is filled in."""
        self.post_message(self.Submitted())

    def on_click(self, event: events.Click) -> None:
        """Choose what was clicked."""
        self.focus()
        start = 0
        for option in self.options:
            width = len(safe_text(option)) + 2
            if start <= event.x < start + width:
                self.chosen = option
                return
            start += width
