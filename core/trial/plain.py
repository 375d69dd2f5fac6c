"""Sealed values as plain JSON numbers, read back strictly: what is not as written is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar, get_type_hints

Sealed = TypeVar("Sealed")


def read_sealed(kind: type[Sealed], values: Mapping[str, Any], what: str) -> Sealed:
    """A dataclass of ints and floats from a mapping of its fields.

    Raises:
        ValueError: a field that is missing, unknown, no finite number, or no whole one where one
            is expected.
    """
    expected = get_type_hints(kind)
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    if set(values) != set(names):
        wrong = ", ".join(sorted(set(names).symmetric_difference(values)))
        raise ValueError(f"{what}: missing or unknown: {wrong}")
    for name, value in values.items():
        kinds = (int,) if expected[name] is int else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not math.isfinite(value):
            raise ValueError(f"{what}: {name} is {value!r}, expected a number")
    return kind(**{name: expected[name](value) for name, value in values.items()})
