"""Asks for a short text, such as a name."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from core.text import safe_text


class AskName(ModalScreen[str | None]):
    """A question answered by a short text, masked if it is a secret; Esc changes nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", show=False)]

    def __init__(self, title: str, text: str, proposed: str = "", *, secret: bool = False) -> None:
        super().__init__()
        self._question = safe_text(title)
        self._text = safe_text(text)
        self._proposed = proposed
        self._secret = secret

    def compose(self) -> ComposeResult:
        """Question, explanation, field."""
        with Vertical(classes="dialog"):
            yield Static(Content.styled(self._question, "bold $foreground"), classes="dialog-title")
            yield Static(Content(self._text), classes="dialog-text")
            yield Input(self._proposed, password=self._secret, compact=True)

    @on(Input.Submitted)
    def _named(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip() or None)
