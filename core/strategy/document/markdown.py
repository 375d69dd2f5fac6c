"""Finds the front matter, the prose and the fenced json blocks of a STRATEGY.md.

By hand and not by a Markdown parser: all that is wanted are positions in the text, so that what is
written back leaves every other byte alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.strategy.document.source_map import TextError

_LINE = re.compile(r"[^\n]*(?:\n|\Z)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*([^`\r\n]*)")


@dataclass(frozen=True, slots=True)
class TextSpan:
    """A part of a text by its positions; `line` is the line it begins on, from 1."""

    start: int
    end: int
    line: int


@dataclass(frozen=True, slots=True)
class Markdown:
    """The parts of a document. `front_matter` is what stands between its two `---` lines."""

    front_matter: TextSpan | None
    prose: TextSpan
    json_blocks: tuple[TextSpan, ...]


def parts_of(text: str) -> Markdown:
    """The parts of a Markdown text (without a byte order mark). Blank lines may come first.

    Raises:
        TextError: the front matter is opened, but never closed.
    """
    lines = _lines(text)
    front_matter = None
    first = 0
    opening = next((number for number, line in enumerate(lines) if _stripped(text, line)), None)
    if opening is not None and _stripped(text, lines[opening]) == "---":
        inside = opening + 1
        closing = next(
            (at for at in range(inside, len(lines)) if _stripped(text, lines[at]) in _ENDS), None
        )
        if closing is None:
            raise TextError("front matter without an end", "a line --- after it", inside)
        front_matter = TextSpan(lines[opening][1], lines[closing][0], inside + 1)
        first = closing + 1
    start = lines[first][0] if first < len(lines) else len(text)
    return Markdown(
        front_matter, TextSpan(start, len(text), first + 1), tuple(_json_blocks(text, lines, first))
    )


_ENDS = ("---", "...")


def _lines(text: str) -> list[tuple[int, int]]:
    spans = [found.span() for found in _LINE.finditer(text)]
    return [span for span in spans if span[0] < span[1]]


def _stripped(text: str, line: tuple[int, int]) -> str:
    return text[slice(*line)].rstrip()


def _json_blocks(text: str, lines: list[tuple[int, int]], first: int) -> list[TextSpan]:
    blocks = []
    opened: tuple[str, bool, int] | None = None
    for number in range(first, len(lines)):
        fence = _FENCE.match(text, *lines[number])
        if opened is None:
            if fence is not None:
                language = fence[2].strip().lower().split(" ")[0]
                opened = (fence[1], language == "json", number)
        elif fence is not None and fence[1].startswith(opened[0]) and not fence[2].strip():
            if opened[1]:
                inside = opened[2] + 1
                blocks.append(TextSpan(lines[inside][0], lines[number][0], inside + 1))
            opened = None
    return blocks
