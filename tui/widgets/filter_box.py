"""The field for a filter, which shows only while there is one."""

from __future__ import annotations

from textual.widgets import Input


class FilterBox(Input):
    """A field that is opened to filter what stands beside it, and is gone once it is closed."""

    DEFAULT_CSS = """
    FilterBox { display: none; padding: 0 3; }
    FilterBox.shown { display: block; }
    """

    @property
    def text(self) -> str:
        """What is looked for, in lower case."""
        return self.value.strip().casefold()

    def open(self) -> None:
        """Show it, to be typed in."""
        self.add_class("shown")
        self.focus()

    def close(self) -> bool:
        """Empty and hide it; whether it was shown."""
        was_shown = self.has_class("shown")
        self.value = ""
        self.remove_class("shown")
        return was_shown
