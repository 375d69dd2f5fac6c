"""Checks that a value from outside is the number, the word or the list that is wanted.

Each function notes a problem and returns None where it is not. Texts are never taken for numbers,
nor are true and false.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from core.strategy.config.problems import Problems, child

LONGEST_LIST = 200
_Word = TypeVar("_Word", bound=str)

_NUMERIC = re.compile(r"\s*[+-]?(\d[\d_]*\.?\d*|\.\d+)([eE][+-]?\d+)?\s*%?\s*")


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers from `low` to `high`, an end open where it does not belong to them."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False

    def __contains__(self, number: float) -> bool:
        above = number > self.low if self.low_open else number >= self.low
        below = number < self.high if self.high_open else number <= self.high
        return above and below

    @property
    def empty(self) -> bool:
        """Whether no number belongs to it."""
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def __and__(self, other: Range) -> Range:
        low, low_open = max((self.low, self.low_open), (other.low, other.low_open))
        high, closed = min((self.high, not self.high_open), (other.high, not other.high_open))
        return Range(low, high, low_open, not closed)

    def within(self, other: Range) -> bool:
        """Whether every number of this one belongs to the other."""
        return self & other == self

    def __str__(self) -> str:
        parts = []
        if self.low > -math.inf:
            parts.append(f"{'above' if self.low_open else 'from'} {self.low:.12g}")
        if self.high < math.inf:
            up_to = "to" if parts and not self.low_open else "up to"
            parts.append(f"{'below' if self.high_open else up_to} {self.high:.12g}")
        return " ".join(parts).replace(" below", " and below").replace(" up to", " and up to")


ANY_NUMBER = Range()


def as_word(written: str) -> str:
    """A name as it is compared with others: in lower case, its words joined by `_`."""
    return "_".join(written.strip().lower().replace("-", " ").split())


def number(
    problems: Problems, path: str, value: object, allowed: Range, note: str = ""
) -> float | None:
    """A finite number within `allowed`; `note` is added to what is expected."""
    expected = _expected(allowed, note)
    read = _finite(problems, path, value, expected)
    if read is not None and read not in allowed:
        problems.add(path, value, expected)
        return None
    return read


@functools.lru_cache(1024)
def _expected(allowed: Range, note: str) -> str:
    """Which number, in words: asked for at every number, though seldom read."""
    return " ".join(filter(None, ("a number", str(allowed), note and f"({note})")))


def whole(problems: Problems, path: str, value: object, low: int, high: int) -> int | None:
    """A whole number from `low` to `high`; 14.0 is one."""
    expected = f"a whole number from {low} to {high}"
    read = _finite(problems, path, value, expected)
    if read is None:
        return None
    if not low <= read <= high or read != int(read):
        problems.add(path, value, expected)
        return None
    return int(read)


def choice(
    problems: Problems,
    path: str,
    value: object,
    choices: Iterable[_Word],
    *,
    aliases: Mapping[str, str] | None = None,
    meant: Mapping[str, str] | None = None,
) -> _Word | None:
    """One of `choices`, in any case, also by one of its `aliases`.

    `meant` gives the right word for common other ones: they are refused, but the problem says it.
    """
    names = list(choices)
    if isinstance(value, str):
        word = value.strip().lower()
        word = (aliases or {}).get(word, word)
        for name in names:
            if word == name:
                return name
        if meant is not None and word in meant:
            problems.add(path, value, f"one of {', '.join(names)}", meant[word])
            return None
    problems.misspelt(path, value, names)
    return None


def listing(problems: Problems, path: str, value: object, expected: str) -> list[object] | None:
    """A list of at most `LONGEST_LIST` items."""
    if not isinstance(value, list | tuple):
        problems.add(path, value, expected)
        return None
    if len(value) > LONGEST_LIST:
        problems.found_text(path, f"{len(value)} items", f"at most {LONGEST_LIST}")
        return None
    return list(value)


def mapping(
    problems: Problems, path: str, value: object, expected: str
) -> Mapping[str, object] | None:
    """A mapping; keys that are not texts are noted as problems and left out."""
    if not isinstance(value, Mapping):
        problems.add(path, value, expected)
        return None
    for key in value:
        if not isinstance(key, str):
            problems.add(child(path, key), key, "a key that is a text")
    return {key: value[key] for key in value if isinstance(key, str)}


def unknown_keys(
    problems: Problems,
    path: str,
    value: Mapping[str, object],
    known: Iterable[str],
    meant: Mapping[str, str] | None = None,
) -> None:
    """Note every key that is not `known`; `meant` gives the right key for common other words."""
    names = list(known)
    for key in value:
        if key not in names:
            right = (meant or {}).get(key.strip().lower()) or problems.nearest(key, names)
            allowed = f"only {', '.join(names)}" if names else "nothing"
            problems.found_text(child(path, key), "an unknown key", allowed, right)


def is_quoted_number(value: str) -> bool:
    """Whether a text is a number in quotes."""
    return len(value) < 100 and _NUMERIC.fullmatch(value) is not None


def _finite(problems: Problems, path: str, value: object, expected: str) -> float | None:
    if isinstance(value, str) and is_quoted_number(value):
        problems.add(path, value, f"{expected}, without quotes")
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        problems.add(path, value, expected)
        return None
    try:
        read = float(value)
    except OverflowError:
        read = math.inf
    if not math.isfinite(read):
        problems.add(path, value, expected)
        return None
    return read + 0.0  # no negative zero: equal configs are written alike
