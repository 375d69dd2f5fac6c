"""A value read from a text, with the lines where its parts stand.

The values that `json_text` and `yaml_text` read, and how both refuse a text.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

_LARGEST_TEXT = 256 * 1024  # characters: a strategy has a few thousand


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of the outermost mapping: where it begins, and where its value begins and ends.

    Positions are characters from the beginning of the text.
    """

    key_start: int
    value_start: int
    value_end: int
    is_block: bool = False  # a YAML value on lines of its own


@dataclass(frozen=True, slots=True)
class Located:
    """A value read from a text.

    `lines`: the line (from 1) of every value by its path, written as a
    `core.strategy.config.problems.Problem` writes it.
    `entries`: the keys of the outermost mapping. `is_flow`: it stands within braces.
    """

    value: object
    lines: Mapping[str, int] = field(default_factory=dict)
    entries: Mapping[str, Entry] = field(default_factory=dict)
    is_flow: bool = False


class TextError(ValueError):
    """A text is not the JSON or YAML it should be; `line` counts from 1, None where unknown."""

    def __init__(self, found: str, expected: str, line: int | None) -> None:
        super().__init__(f"found {found}, expected {expected}")
        self.found = found
        self.expected = expected
        self.line = line


class Lines:
    """Which line is a position of a text on? Lines end with LF, with or without CR before it."""

    def __init__(self, text: str) -> None:
        self._starts = [0]
        position = text.find("\n")
        while position >= 0:
            self._starts.append(position + 1)
            position = text.find("\n", position + 1)

    def of(self, position: int) -> int:
        """The line of a position, from 1."""
        return bisect_right(self._starts, position)


def check_size(text: str) -> None:
    """Refuse a text too large to be a strategy.

    Raises:
        TextError: it is.
    """
    if len(text) > _LARGEST_TEXT:
        raise TextError(f"{len(text)} characters", f"at most {_LARGEST_TEXT}", None)
