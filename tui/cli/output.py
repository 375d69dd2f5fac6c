"""How a command answers: on which stream, in which form, with which exit code.

Under `--json` nothing but one JSON value goes to stdout. Messages go to stderr, in either form.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from enum import IntEnum

from core.text import safe_text, typed_for

PROGRAM = ContextVar("PROGRAM", default="papertape")
"""What is to be typed for the program on the workspace of this command (`program_for`)."""


class Exit(IntEnum):
    """Exit codes."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    NOTHING_FOUND = 3
    CANCELLED = 130


class Refusal(Exception):  # noqa: N818  # not every refusal is an error of the program
    """A command cannot do what it was asked. The message tells the user what, where, what to do."""

    def __init__(self, message: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.code = code


@contextmanager
def refusing(*errors: type[Exception], code: Exit = Exit.BAD_INPUT) -> Iterator[None]:
    """Turn errors whose message is meant for the user into a refusal."""
    try:
        yield
    except errors as error:
        raise Refusal(str(error), code) from error


def print_json(value: object, *, on_one_line: bool = False) -> None:
    """One JSON value on stdout. What is not a number (NaN, infinity) is null."""
    import orjson

    text = orjson.dumps(value, option=0 if on_one_line else orjson.OPT_INDENT_2).decode()
    if (sys.stdout.encoding or "utf-8").lower() not in ("utf-8", "utf8"):
        text = "".join(map(_in_ascii, text))
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _in_ascii(character: str) -> str:
    """A character of a JSON text, escaped for a terminal or pipe that does not take UTF-8."""
    if character.isascii():
        return character
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def print_text(*lines: str) -> None:
    """Lines on stdout, with whatever control characters they hold made visible."""
    for text in lines:
        for line in text.split("\n"):
            sys.stdout.write(_as_typed(line) + "\n")
    sys.stdout.flush()


def complain(*lines: str) -> None:
    """Lines on stderr, with whatever control characters they hold made visible."""
    for text in lines:
        for line in text.split("\n"):
            sys.stderr.write(_as_typed(line) + "\n")


def _as_typed(line: str) -> str:
    """A line in which commands that are named work as they stand, on this workspace."""
    return typed_for(PROGRAM.get(), safe_text(line))


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, right: str = "") -> list[str]:
    """Rows as lines in columns two spaces apart.

    `right`: one character a column, `>` where it is flush right.
    """
    safe = [[safe_text(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(map(len, column)) for column in zip(*safe, strict=True)]
    marks = right.ljust(len(widths))
    return [
        "  ".join(
            cell.rjust(width) if mark == ">" else cell.ljust(width)
            for cell, width, mark in zip(row, widths, marks, strict=False)
        ).rstrip()
        for row in safe
    ]
