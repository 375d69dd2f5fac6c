"""The question that is asked before anything that cannot be undone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from core.text import safe_lines, safe_text
from tui.shell import OfferedAnswer
from tui.widgets.text_lines import long_words_broken

_WIDTH, _FRAME = 64, 7  # cells of a dialog (modals.tcss), and of them those around its text


class Ask(ModalScreen[str | None]):
    """A question with a few answers, each on a key. Esc, and Enter unless moved, change nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "answer('')", show=False),
        Binding("up,k,left", "step(-1)", show=False),
        Binding("down,j,right,tab", "step(1)", show=False),
        Binding("enter", "take", show=False),
    ]

    def __init__(
        self,
        title: str,
        text: str,
        answers: Sequence[OfferedAnswer],
        gone: Callable[[], str] = lambda: "",
    ) -> None:
        """`gone`: why there is nothing to answer any more, empty while there is."""
        super().__init__()
        self.gone = gone
        self._question = safe_text(title)
        self._text = safe_lines(text)
        self._answers = (*answers, OfferedAnswer("", "Esc", "Cancel"))
        self._current = len(self._answers) - 1

    def compose(self) -> ComposeResult:
        """Question, explanation, answers."""
        with Vertical(classes="dialog"):
            room = min(_WIDTH, self.app.size.width * 96 // 100) - _FRAME
            question, text = (
                long_words_broken(one, max(1, room)) for one in (self._question, self._text)
            )
            yield Static(Content.styled(question, "bold $foreground"), classes="dialog-title")
            yield Static(Content(text), classes="dialog-text")
            yield Static(self._listed(), id="answers")

    def _listed(self) -> Content:
        lines: list[Content] = []
        for number, answer in enumerate(self._answers):
            current = number == self._current
            lines.append(
                Content.assemble(
                    ("▌ " if current else "  ", "$accent"),
                    (answer.key.ljust(5), "bold $accent" if current else "$accent"),
                    (answer.label, "bold $foreground" if current else "$foreground"),
                )
            )
        return Content("\n").join(lines)

    def on_key(self, event: events.Key) -> None:
        """Take the answer whose key this is."""
        for answer in self._answers:
            if event.character is not None and event.character == answer.key:
                event.stop()
                self.dismiss(answer.value or None)
                return

    def on_click(self, event: events.Click) -> None:
        """Take the answer that was clicked."""
        answers = self.query_one("#answers", Static)
        row = event.screen_y - answers.content_region.y
        if answers.content_region.contains(event.screen_x, event.screen_y):
            self.dismiss(self._answers[row].value or None)

    def action_step(self, step: int) -> None:
        """Move to another answer."""
        self._current = (self._current + step) % len(self._answers)
        self.query_one("#answers", Static).update(self._listed())

    def action_take(self) -> None:
        """Take the answer one is on."""
        self.dismiss(self._answers[self._current].value or None)

    def action_answer(self, value: str) -> None:
        """Take an answer."""
        self.dismiss(value or None)
