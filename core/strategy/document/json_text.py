"""Reads JSON text, and remembers the line of each value.

As `json.loads` reads it, but with every value's place, and refusing a key that stands twice.
"""

from __future__ import annotations

import json
import re

from core.store.yaml_reader import DEEPEST
from core.strategy.config.problems import child, shown
from core.strategy.document.source_map import Entry, Lines, Located, TextError, check_size

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def read_json(text: str) -> Located:
    """The value of a JSON text.

    Raises:
        TextError: it is not JSON, has a key twice, is nested too deeply or too large.
    """
    check_size(text)
    reader = _JsonReader(text)
    start = reader.skip(0)
    value, end = reader.value(start, "", 0)
    end = reader.skip(end)
    if end < len(text):
        raise reader.error(end, "the end of the text")
    return Located(value, reader.lines, reader.entries, is_flow=True)


class _JsonReader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._line_of = Lines(text).of
        self.lines: dict[str, int] = {}
        self.entries: dict[str, Entry] = {}

    def skip(self, position: int) -> int:
        """The position after white space."""
        space = _SPACE.match(self._text, position)
        return position if space is None else space.end()

    def error(self, position: int, expected: str) -> TextError:
        found = (
            shown(self._text[position : position + 20]) if position < len(self._text) else "the end"
        )
        return TextError(found, expected, self._line_of(position))

    def value(self, position: int, path: str, depth: int) -> tuple[object, int]:
        """The value that begins at a position, and where it ends."""
        self.lines[path] = self._line_of(position)
        if depth > DEEPEST:
            raise TextError(
                "a deeper nesting", f"at most {DEEPEST} levels", self._line_of(position)
            )
        opening = self._text[position : position + 1]
        if opening == "{":
            return self._object(position + 1, path, depth)
        if opening == "[":
            return self._array(position + 1, path, depth)
        try:
            return _DECODER.raw_decode(self._text, position)
        except json.JSONDecodeError as error:
            raise self.error(error.pos, "a JSON value") from None
        except ValueError:  # Python reads no more than some thousand digits
            raise self.error(position, "a number of fewer digits") from None

    def _object(self, position: int, path: str, depth: int) -> tuple[dict[str, object], int]:
        read: dict[str, object] = {}
        position = self.skip(position)
        if self._text[position : position + 1] == "}":
            return read, position + 1
        while True:
            start = position
            key, position = self._key(position)
            if key in read:
                raise TextError(f"{shown(key)} again", "every key once", self._line_of(start))
            position = self._sign(position, ":")
            read[key], end = self.value(position, child(path, key), depth + 1)
            if depth == 0:
                self.entries[key] = Entry(start, position, end)
            position = self.skip(end)
            if self._text[position : position + 1] == "}":
                return read, position + 1
            position = self._sign(position, ",", "a comma or }")

    def _array(self, position: int, path: str, depth: int) -> tuple[list[object], int]:
        read: list[object] = []
        position = self.skip(position)
        if self._text[position : position + 1] == "]":
            return read, position + 1
        while True:
            item, position = self.value(position, f"{path}[{len(read)}]", depth + 1)
            read.append(item)
            position = self.skip(position)
            if self._text[position : position + 1] == "]":
                return read, position + 1
            position = self._sign(position, ",", "a comma or ]")

    def _key(self, position: int) -> tuple[str, int]:
        if self._text[position : position + 1] != '"':
            raise self.error(position, "a key in double quotes")
        try:
            key, end = _DECODER.raw_decode(self._text, position)
        except json.JSONDecodeError as error:
            raise self.error(error.pos, "a key in double quotes") from None
        return str(key), self.skip(end)

    def _sign(self, position: int, sign: str, expected: str = "") -> int:
        if self._text[position : position + 1] != sign:
            raise self.error(position, expected or f"{sign!r}")
        return self.skip(position + 1)
