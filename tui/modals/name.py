"""Asks for a short text, such as a name."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from core.text import safe_text
from tui.modals.form import hints


class AskName(ModalScreen[str | None]):
    """A question answered by a short text, masked if it is a secret; Esc changes nothing.

    `refuse` says why a text cannot be taken, and None where it can: the dialog stays open with it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", show=False)]

    def __init__(
        self,
        title: str,
        text: str,
        proposed: str = "",
        *,
        secret: bool = False,
        refuse: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        super().__init__()
        self._question = safe_text(title)
        self._text = safe_text(text)
        self._proposed = proposed
        self._secret = secret
        self._refuse = refuse

    def compose(self) -> ComposeResult:
        """Question, explanation, field."""
        with Vertical(classes="dialog"):
            yield Static(Content.styled(self._question, "bold $foreground"), classes="dialog-title")
            yield Static(Content(self._text), classes="dialog-text")
            yield Input(self._proposed, password=self._secret, compact=True)
            yield Static("", id="name-verdict", classes="dialog-verdict")
            yield hints("take it", fields=False, choices=False)

    @on(Input.Submitted)
    def _named(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        problem = self._refuse(text) if text else None
        if problem is None:
            self.dismiss(text or None)
            return
        self.app.bell()
        verdict = Content.styled(f"✗ {safe_text(problem)}", "$error")
        self.query_one("#name-verdict", Static).update(verdict)
