"""Gathers what is wrong with a config, and where."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from core.text import nearest

_LONGEST_TEXT = 60  # characters of a found text that are shown
_LONGEST_NUMBER = 200  # bits of a found whole number that are shown
_ALIKE = 0.6  # difflib's ratio from which one word may be a misspelling of another
_SHORT_WORD = 6  # letters; so few are shared by accident, as those of "tags" and "status"
_SHORT_ALIKE = 0.65
_MOST_SUGGESTIONS = 100  # they cost time: beyond so many problems none is looked for


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that refuses a config.

    `path` is where (`entry_conditions[1].operator`, "" for the whole), `found` what stands there,
    `expected` what is allowed there, `nearest` the allowed spelling most like it, `line` its line
    in the document (from 1) where that is known, `column` where in the text that stands at `path`
    it begins (from 1) where it is a part of it.
    """

    path: str
    found: str
    expected: str
    nearest: str | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        where = self.path or "config"
        if self.column is not None:
            where += f", column {self.column}"
        line = f"line {self.line}: " if self.line is not None else ""
        hint = f"; did you mean {self.nearest}?" if self.nearest else ""
        return f"{line}{where}: found {self.found}, expected {self.expected}{hint}"


class ConfigError(ValueError):
    """A config is refused. `problems` holds everything that is wrong with it, in its own order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = "1 problem" if count == 1 else f"{count} problems"
        super().__init__("\n".join([f"{head} in the config", *map(str, self.problems)]))

    def at_lines(self, lines: Mapping[str, int]) -> ConfigError:
        """The same with the lines of a document, by path; what is missing takes its parent's."""
        return ConfigError(
            replace(problem, line=_line_of(problem.path, lines)) for problem in self.problems
        )


class Problems:
    """Gathers problems while a config is read."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(
        self,
        path: str,
        found: object,
        expected: str,
        nearest: str | None = None,
        column: int | None = None,
    ) -> None:
        """Note that `found` (a value as read) stands at `path`, where `expected` should."""
        self.found.append(Problem(path, shown(found), expected, nearest, column=column))

    def found_text(self, path: str, found: str, expected: str, nearest: str | None = None) -> None:
        """Note a problem whose finding is described in words."""
        self.found.append(Problem(path, found, expected, nearest))

    def missing(self, path: str, expected: str) -> None:
        """Note that nothing stands at `path`."""
        self.found_text(path, "nothing", expected)

    def misspelt(self, path: str, found: object, choices: Iterable[str], what: str = "") -> None:
        """Note that `found` is none of `choices`, and which of them is most like it.

        `what` names the choices where listing them would be too long.
        """
        names = list(choices)
        expected = what or f"one of {', '.join(names)}"
        self.add(path, found, expected, self.nearest(found, names))

    def nearest(self, found: object, choices: Iterable[str]) -> str | None:
        """The choice spelt most like what was found, None if none is."""
        if not isinstance(found, str) or len(self.found) >= _MOST_SUGGESTIONS:
            return None
        word = found[:_LONGEST_TEXT].strip()
        return nearest(word, choices, _SHORT_ALIKE if len(word) < _SHORT_WORD else _ALIKE)


def shown(value: object) -> str:
    """A value from outside as an error shows it: one line, short, no control characters."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            cut = "…" if len(value) > _LONGEST_TEXT else ""
            return repr(value[:_LONGEST_TEXT]) + cut
        case int():
            if value.bit_length() > _LONGEST_NUMBER:
                digits = int(value.bit_length() * math.log10(2))
                return f"a whole number of about {digits} digits"
            return str(value)
        case float():
            return repr(value)
        case list() | tuple():
            return "a list" if value else "an empty list"
        case Mapping():
            return "a mapping" if value else "an empty mapping"
    return f"a value of type {type(value).__name__}"


def child(path: str, key: object) -> str:
    """The path of a key within a mapping: its name, or as shown where it is not a plain one."""
    if isinstance(key, str) and len(key) <= _LONGEST_TEXT and key.isprintable():
        name = key
    else:
        name = shown(key)
    return f"{path}.{name}" if path else name


def _line_of(path: str, lines: Mapping[str, int]) -> int | None:
    while path and path not in lines:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return lines.get(path) if path else None
