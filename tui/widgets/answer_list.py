"""A list of answers, each a line with its state and a gauge beneath it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from core.text import safe_text
from tui.commands import Place, bindings
from tui.widgets.columns import fitted
from tui.widgets.gauge import Gauge, Parts
from tui.widgets.line_view import LineView
from tui.widgets.tones import Tone

_BOLD = Style(bold=True)
_LOUD = 3  # parts of a head that are bold: sign, name, word
_MARGIN = 2  # cells on either side
_NAME, _WORD = 11, 11  # cells at least
_FEWEST, _MOST = 2, 5  # lines an answer takes


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """An answer: sign and word of its state in their tone, what it says, and its gauge.

    `none`: what stands where there is no gauge. `shorter`: what it says where there is less room,
    ever shorter.
    """

    key: str
    name: str
    sign: str
    word: str
    tone: Tone
    text: str
    gauge: Gauge | None = None
    none: str = ""
    shorter: tuple[str, ...] = ()


class AnswerList(LineView, can_focus=True):
    """Answers under each other, as high as there is room: with labels, air and a thicker bar.

    One without a gauge takes no lines for it.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.ANSWERS)

    class Chosen(Message):
        """An answer was opened."""

        def __init__(self, answers: AnswerList, key: str) -> None:
            self.answers = answers
            self.key = key
            super().__init__()

        @property
        def control(self) -> AnswerList:
            """The list."""
            return self.answers

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name for it)
        super().__init__(id=id)
        self._answers: tuple[AnswerRow, ...] = ()
        self._word = _WORD
        self._cursor = 0
        self._height = _FEWEST  # lines that an answer with a gauge takes
        self._starts = [0]  # the first line of each answer, and that behind the last

    @property
    def answers(self) -> tuple[AnswerRow, ...]:
        """The answers shown."""
        return self._answers

    @property
    def cursor_key(self) -> str | None:
        """The key of the answer under the cursor."""
        return self._answers[self._cursor].key if self._answers else None

    def set_answers(self, answers: Sequence[AnswerRow]) -> None:
        """Show answers; the same again repaint nothing."""
        if tuple(answers) != self._answers:
            self._answers = tuple(answers)
            self._word = max([_WORD, *(cell_len(one.word) + 2 for one in answers)])
            self._cursor = min(self._cursor, max(0, len(self._answers) - 1))
            self._measure()

    def fit(self) -> None:
        """Take more or fewer lines for each."""
        self._measure()

    def on_focus(self) -> None:
        """Show the cursor."""
        self.refresh()

    def on_blur(self) -> None:
        """Dim the cursor."""
        self.refresh()

    def _measure(self) -> None:
        room = self.size.height
        if len(self._answers) > 1:
            room += 1  # the last one needs no air beneath it
        for height in range(_MOST, _FEWEST - 1, -1):
            taken = [_lines(one, height) for one in self._answers]
            if sum(taken) <= room:
                break
        self._height, self._starts = height, [0, *accumulate(taken)]
        lines = self._starts[-1]
        if height > _FEWEST + 1:
            lines -= 1
        self.virtual_size = Size(self.size.width, lines)
        self._reveal()
        self.refresh()

    def _reveal(self) -> None:
        if not self._answers or not self.size:
            return  # it is, once there is room for it
        (top, end), room = self._starts[self._cursor : self._cursor + 2], self.size.height
        if top < self.scroll_offset.y:
            self.scroll_to(y=top, animate=False)
        elif end > self.scroll_offset.y + room:
            # Its head stays in sight where there is no room for all of it, or none is known yet.
            self.scroll_to(y=max(0, min(top, end - room)), animate=False)

    def _at(self, y: int) -> tuple[int, int]:
        """Which answer stands in a visible line, from 0 on, and in which line of it."""
        line = y + self.scroll_offset.y
        number = bisect_right(self._starts, line) - 1
        return number, line - self._starts[number]

    # ── drawing ──

    def render_line(self, y: int) -> Strip:
        """One line of what is visible."""
        number, line = self._at(y)
        plain = self.tone(Tone.PLAIN)
        if number >= len(self._answers):
            return Strip.blank(self.size.width, plain)
        answer, width = self._answers[number], self.size.width - 2 * _MARGIN
        here = number == self._cursor
        background = None
        if line == 0:
            if here:
                background = "line--cursor" if self.has_focus else "line--cursor-idle"
            parts = _head(answer, width, self._word)
        else:
            parts = self._gauge_line(answer, width, line)
        marked = _lines(answer, min(self._height, 4) - 1)
        bar = "▌" if here and self.has_focus and line < marked else " "
        segments = [Segment(bar, self.tone(Tone.ACCENT, background)), Segment(" ", plain)]
        if background is not None:
            segments[1] = Segment(" ", self.tone(Tone.PLAIN, background))
        for place, (text, tone) in enumerate(parts):
            style = self.tone(tone, background)
            loud = line == 0 and place < _LOUD
            segments.append(Segment(text, style + _BOLD if loud else style))
        rest = self.tone(Tone.PLAIN, background)
        return Strip(segments).simplify().adjust_cell_length(self.size.width, rest)

    def _gauge_line(self, answer: AnswerRow, width: int, line: int) -> Parts:
        indent: Parts = [("  ", Tone.DIM)]
        bars = 2 if self._height == _MOST else 1
        gauge = answer.gauge
        if gauge is None:
            return [*indent, (safe_text(answer.none) if line == 1 else "", Tone.DIM)]
        if line <= bars:
            return indent + gauge.bar(max(1, width - 2))
        if line == bars + 1:
            return indent + gauge.labels(max(1, width - 2))
        return []

    # ── moving ──

    def _move(self, index: int) -> None:
        index = max(0, min(index, len(self._answers) - 1))
        if self._answers and index != self._cursor:
            self._cursor = index
            self._reveal()
            self.refresh()

    def action_move(self, step: int) -> None:
        """Move the cursor by answers."""
        self._move(self._cursor + step)

    def action_edge(self, step: int) -> None:
        """Move the cursor to the first or last answer."""
        self._move(0 if step < 0 else len(self._answers) - 1)

    def action_choose(self) -> None:
        """Open the answer under the cursor."""
        if self._answers:
            self.post_message(self.Chosen(self, self._answers[self._cursor].key))

    def on_click(self, event: events.Click) -> None:
        """Open the answer that was clicked."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        number, _ = self._at(offset.y)
        if number < len(self._answers):
            self._move(number)
            self.action_choose()


def _lines(answer: AnswerRow, height: int) -> int:
    """How many lines an answer takes where one with a gauge takes `height`."""
    if answer.gauge is not None:
        return height
    return 1 + bool(answer.none) + (height > _FEWEST + 1)  # and air as beneath the others


def _head(answer: AnswerRow, width: int, word: int) -> Parts:
    """Sign, name, word of the state, and as much of what it says as fits."""
    room = max(0, width - 2 - _NAME - word)
    texts = [safe_text(text) for text in (answer.text, *answer.shorter)]
    text = next((text for text in texts if cell_len(text) <= room), texts[-1])
    return [
        (f"{answer.sign} ", answer.tone),
        (answer.name.ljust(_NAME), Tone.STRONG),
        (answer.word.ljust(word), answer.tone),
        (fitted(text, room, "left"), Tone.PLAIN),
    ]
