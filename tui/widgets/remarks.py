"""Shows what there is to say about a result: one remark after the other, each behind its sign."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
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
    """A sentence and the sign that says its kind; without one it begins where signs do.

    `sign_tone`: of the sign, where it is another one than that of the sentence.
    """

    sign: str
    text: str
    tone: Tone
    sign_tone: Tone | None = None


def labelled(
    lines: Iterable[tuple[str, str]], tone: Tone = Tone.PLAIN, least: int = 0
) -> list[Remark]:
    """Lines behind labels that are as wide as the widest of them, or `least`."""
    listed = [(safe_text(label), text) for label, text in lines]
    width = max((cell_len(label) for label, _ in listed), default=0)
    return [
        Remark(set_cell_size(label, max(width, least) + 1), text, tone, Tone.DIM)
        for label, text in listed
    ]


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
                loud = (one.sign_tone or one.tone).css
                found.append(Content.assemble((before, loud), (line, one.tone.css)))
        return found

    def lines_on(self, width: int) -> int:
        """How many lines the remarks take on a width."""
        return len(self._lines(width))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as the remarks take on that width."""
        return self.lines_on(width)

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
