"""The field for a filter, which shows only while there is one."""

from __future__ import annotations

from typing import ClassVar, Protocol, cast

from textual.binding import Binding, BindingType
from textual.widgets import Input

from core.text import composed

LONGEST = 100  # characters; a name, a symbol or a word of a note is shorter


class Filtered(Protocol):
    """What a filter stands beside, a table or a log: one moves in it while one types."""

    def focus(self) -> object:
        """Take the keys."""

    def action_move(self, step: int) -> None:
        """Move by lines."""

    def action_page(self, step: int) -> None:
        """Move by screenfuls."""


class FilterBox(Input):
    """A field that is opened to filter what stands beside it, and is gone once it is closed.

    Enter goes back to what is filtered, which stays so; an empty field is closed by that. The
    arrows move there while one types. Esc belongs to the screen: `BaseScreen.action_unfilter`.
    """

    DEFAULT_CSS = """
    FilterBox { display: none; padding: 0 3; }
    FilterBox.shown { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move_beside(1)", show=False),
        Binding("up", "move_beside(-1)", show=False),
        Binding("pagedown", "page_beside(1)", show=False),
        Binding("pageup", "page_beside(-1)", show=False),
    ]

    def __init__(
        self,
        beside: str,
        placeholder: str,
        *,
        id: str | None = None,  # noqa: A002  (Textual's own name for it)
        classes: str | None = None,
        compact: bool = False,
        goes_on: bool = False,
    ) -> None:
        """`beside`: selects what is filtered on the same screen.

        `goes_on`: one who comes back to it goes on with its text, which is not selected then.
        """
        super().__init__(
            placeholder=placeholder,
            id=id,
            classes=classes,
            compact=compact,
            max_length=LONGEST,
            select_on_focus=not goes_on,
        )
        self._selector = beside

    @property
    def beside(self) -> Filtered:
        """What is filtered."""
        return cast(Filtered, self.screen.query_one(self._selector))

    @property
    def text(self) -> str:
        """What is looked for, in lower case."""
        return composed(self.value.strip().casefold())

    def open(self) -> None:
        """Show it, to be typed in."""
        self.add_class("shown")
        self.focus()

    def put(self, text: str) -> None:
        """Have it filter by a text; it shows if there is one."""
        self.value = text
        self.set_class(bool(text), "shown")

    def close(self) -> bool:
        """Empty and hide it; whether it was shown."""
        was_shown = self.has_class("shown")
        self.put("")
        return was_shown

    def on_input_submitted(self) -> None:
        """Go on in what is filtered."""
        if not self.text:
            self.close()
        self.beside.focus()

    def action_move_beside(self, step: int) -> None:
        """Move by lines in what is filtered."""
        self.beside.action_move(step)

    def action_page_beside(self, step: int) -> None:
        """Move by screenfuls in what is filtered."""
        self.beside.action_page(step)
