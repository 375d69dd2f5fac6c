"""The error of a file that does not hold the candles it should, and its words."""

from __future__ import annotations

import re
from pathlib import Path

_SHOWN = 60


class CandleFileError(ValueError):
    """A candle file cannot be used.

    `expected`, `found` and `advice` are parts of sentences in plain words; `line` is where the
    trouble starts (a line of text, a row of Parquet or an entry of JSON, counted from 1, as `unit`
    says). `discreet` is the message without any value of the file, for whoever is not at the
    user's terminal: what was taken for a candle file may be one of keys.
    """

    def __init__(
        self,
        path: Path,
        found: str,
        *,
        expected: str | None = None,
        advice: str | None = None,
        line: int | None = None,
        unit: str = "line",
    ) -> None:
        where = "" if line is None else f", {unit} {line}"
        wanted = "" if expected is None else f"; expected {expected}"
        hint = "" if advice is None else f". {advice[0].upper()}{advice[1:]}"
        super().__init__(f"candle file {str(path)!r}{where}: {found}{wanted}{hint}")
        told = f"{found}{wanted}{hint}"
        self.discreet = f"candle file {str(path)!r}{where}: {_VALUES.sub('(not shown)', told)}"


_VALUE = r"'(?:[^'\\]|\\.)*'…?|\"(?:[^\"\\]|\\.)*\"…?"  # as `shown_value` writes them
_VALUES = re.compile(rf"(?:{_VALUE})(?:, (?:{_VALUE}))*")


def shown_value(value: object) -> str:
    """A value from a file as it may stand in a message: short, and with nothing but plain text."""
    try:
        text = value if isinstance(value, str) else str(value)
    except ValueError:  # an integer of more digits than Python prints
        text = f"a {type(value).__name__} too long to show"
    return ascii(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!a}…"


def lines_in_words(lines: list[int], unit: str, most: int = 5) -> str:
    """`line 3`, `lines 3, 4`, or the first few and how many more there are."""
    first = ", ".join(str(line) for line in lines[:most])
    more = f" and {len(lines) - most} more" if len(lines) > most else ""
    if unit == "entry":
        return f"{'entry' if len(lines) == 1 else 'entries'} {first}{more}"
    return f"{unit}{'' if len(lines) == 1 else 's'} {first}{more}"
