"""Shows what there is to say about a result: one remark after the other, each behind its sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual.app import RenderResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from core.text import safe_text
from tui.widgets.text_lines import wrapped
from tui.widgets.tones import Tone


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence and the sign that says its kind; without one it begins where signs do."""

    sign: str
    text: str
    tone: Tone


class RemarkLines(Widget):
    """Remarks in lines, as many as they need; those of one remark stand beneath each other."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name for it)
        super().__init__(id=id)
        self._remarks: tuple[Remark, ...] = ()

    def show(self, remarks: Sequence[Remark]) -> None:
        """Show these; the same again repaints nothing."""
        if tuple(remarks) != self._remarks:
            self._remarks = tuple(remarks)
            self.refresh(layout=True)

    def _lines(self, width: int) -> list[Content]:
        found: list[Content] = []
        for one in self._remarks:
            sign = f"{one.sign} " if one.sign else ""
            indent = cell_len(sign)
            for number, line in enumerate(wrapped(safe_text(one.text), max(1, width - indent))):
                before = " " * indent if number else sign
                found.append(Content.styled(f"{before}{line}", one.tone.css))
        return found

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as the remarks take on that width."""
        return len(self._lines(width))

    def render(self) -> RenderResult:
        """All lines."""
        return Content("\n").join(self._lines(self.content_size.width))


class Remarks(VerticalScroll, can_focus=False):
    """Remarks, to be scrolled by keys only where there are more of them than room."""

    def __init__(self, lines: RemarkLines, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(lines, id=id)

    def watch_virtual_size(self, _: Size) -> None:
        """Take part in the focus as soon as there is something to scroll."""
        self._weigh()

    def on_resize(self) -> None:
        """The same where there is another amount of room."""
        self._weigh()

    def _weigh(self) -> None:
        self.can_focus = self.virtual_size.height > self.container_size.height
