"""The base of widgets that show a few lines of styled text and repaint only the cells that differ.

A line that is drawn a few times a second, such as the clock or the figures above a table, mostly
stays as it is. What is repainted is what is sent to the terminal, which may be at the end of a slow
connection.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, chop_cells
from textual.app import RenderResult
from textual.content import Content
from textual.geometry import Region
from textual.widget import Widget

_STROKES = "/-"  # behind which a long word is broken


class TextLines(Widget):
    """Lines of text; subclasses compose them in `lines`, and call `redraw` when that may differ."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name for it)
        super().__init__(id=id)
        self._shown: tuple[Content, ...] = ()

    def lines(self) -> Sequence[Content]:
        """The lines as they are to be shown now, none wider than the widget."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Repaint the cells that differ from what is shown; of what is hidden all, once shown."""
        if not self.is_mounted:
            return
        if not self.size:
            self.refresh()
            return
        before, now = self._shown, tuple(self.lines())
        if before == now:
            return
        self._shown = now
        if len(before) != len(now):
            self.refresh()
            return
        for number, (old, new) in enumerate(zip(before, now, strict=True)):
            if old != new:
                first, last = _difference(old, new)
                self.refresh(Region(first, number, max(1, last - first), 1))

    def render(self) -> RenderResult:
        """All lines."""
        self._shown = tuple(self.lines())
        return Content("\n").join(self._shown)


def _difference(old: Content, new: Content) -> tuple[int, int]:
    """The first cell in which two lines differ, and the one after the last."""
    ours, theirs = _characters(old), _characters(new)
    shorter = min(len(ours), len(theirs))
    start = next((n for n in range(shorter) if ours[n] != theirs[n]), shorter)
    first = cell_len(new.plain[:start])
    longest = max(old.cell_length, new.cell_length)
    if old.cell_length != new.cell_length:
        return first, longest
    same = next((n for n in range(shorter - start) if ours[-1 - n] != theirs[-1 - n]), 0)
    return first, longest - cell_len(new.plain[len(theirs) - same :])


def _characters(content: Content) -> list[tuple[str, tuple[object, ...]]]:
    """The characters of a line, each with the styles that lie on it."""
    styles: list[list[object]] = [[] for _ in content.plain]
    for span in content.spans:
        for place in range(max(0, span.start), min(span.end, len(styles))):
            styles[place].append(span.style)
    return [(letter, tuple(on)) for letter, on in zip(content.plain, styles, strict=True)]


def wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` cells, broken at spaces where there are any.

    What is longer, such as a path, is broken behind a stroke.
    """
    if cell_len(text) <= width:
        return [text]
    lines: list[str] = []
    current = ""
    for word in text.split(" "):
        joined = f"{current} {word}" if current else word
        if cell_len(joined) <= width:
            current = joined
            continue
        if current:
            lines.append(current)
        pieces = _pieces(word, width)
        lines.extend(pieces[:-1])
        current = pieces[-1]
    lines.append(current)
    return lines


def long_words_broken(text: str, width: int) -> str:
    """`text` in which words of more than `width` cells are broken as `wrapped` does."""
    lines = (line.split(" ") for line in text.split("\n"))
    return "\n".join(" ".join("\n".join(_pieces(word, width)) for word in line) for line in lines)


def _pieces(word: str, width: int) -> list[str]:
    """A word in pieces of at most `width` cells, each as long as can be, but for what it parts."""
    pieces = []
    while cell_len(word) > width and len(word) > 1:  # one wide letter may have more cells
        first = next(filter(None, chop_cells(word, width)))
        end = max(first.rfind(stroke) for stroke in _STROKES) + 1
        if not first[:end].strip(_STROKES):  # strokes alone would tell nothing in their line
            end = len(first)
        pieces.append(word[:end])
        word = word[end:]
    return [*pieces, word]
