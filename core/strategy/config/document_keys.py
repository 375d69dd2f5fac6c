"""The keys of a document that have no effect on trading, checked and kept.

Description, dates, results: kept as JSON values, so that a session's snapshot can hold them.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

from core.strategy.config.problems import Problems, child

EXTRA_KEYS = (
    "description",
    "risk",
    "author",
    "version",
    "status",
    "created",
    "updated",
    "backtest",
    "paper",
)
_DEEPEST = 20
_LARGEST = 10_000  # values in one extra
_WHOLE_BITS = 63
_EXPECTED = "text, numbers, dates, lists and mappings"


def json_mapping(problems: Problems, path: str, raw: Mapping[str, object]) -> dict[str, object]:
    """A mapping as JSON values; whatever cannot be one is noted."""
    return _ExtrasReader(problems).mapping(path, raw, 0)


def parse_extras(problems: Problems, raw: Mapping[str, object]) -> dict[str, object]:
    """The extras among the keys of a config, as JSON values; what is null is left out."""
    extras = {}
    for key in EXTRA_KEYS:
        value = _ExtrasReader(problems).json_value(key, raw.get(key), 0)
        if value is not None:
            extras[key] = value
    return extras


class _ExtrasReader:
    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._left = _LARGEST

    def json_value(self, path: str, value: object, depth: int) -> object:
        self._left -= 1
        if depth > _DEEPEST or self._left < 0:
            if depth > _DEEPEST or self._left == -1:
                self._problems.found_text(
                    path,
                    "too much" if self._left < 0 else "too deep a nesting",
                    f"at most {_LARGEST} values, {_DEEPEST} deep",
                )
            return None
        match value:
            case None | bool():
                return value
            case str():
                return value.encode("utf-8", "replace").decode("utf-8")
            case int() if value.bit_length() <= _WHOLE_BITS:
                return value
            case float():
                return value if math.isfinite(value) else None
            case dt.date():
                return value.isoformat()
            case list() | tuple():
                return [
                    self.json_value(f"{path}[{position}]", item, depth + 1)
                    for position, item in enumerate(value[: self._left + 1])
                ]
            case Mapping():
                return self.mapping(path, value, depth)
        self._problems.add(path, value, _EXPECTED)
        return None

    def mapping(self, path: str, value: Mapping[Any, object], depth: int) -> dict[str, object]:
        """A mapping with keys that are texts, and JSON values."""
        read = {}
        for key, item in value.items():
            if self._left < 0:
                break
            if not isinstance(key, str):
                self._problems.add(child(path, key), key, "a key that is a text")
                continue
            name = key.encode("utf-8", "replace").decode("utf-8")
            read[name] = self.json_value(child(path, key), item, depth + 1)
        return read
