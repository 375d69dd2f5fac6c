"""Evaluates a condition: its operator, its distance from holding, and its text.

Each operator is defined once, on numbers and on arrays alike. NaN on either side is false for
every one of them, `ne` included (docs/rules.md §1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from core.strategy.config.config import Condition, Formula, Operator, Reference

_EQUAL_WITHIN = 1e-9  # relative

_SYMBOLS = {
    Operator.LT: "<",
    Operator.GT: ">",
    Operator.LTE: "<=",
    Operator.GTE: ">=",
    Operator.EQ: "=",
    Operator.NE: "≠",
    Operator.CROSS_ABOVE: "crosses above",
    Operator.CROSS_BELOW: "crosses below",
}


def _equal(left: Any, right: Any) -> Any:
    apart = abs(left - right)
    return (apart <= _EQUAL_WITHIN * abs(left)) | (apart <= _EQUAL_WITHIN * abs(right))


def _unequal(left: Any, right: Any) -> Any:
    apart = abs(left - right)
    return (apart > _EQUAL_WITHIN * abs(left)) & (apart > _EQUAL_WITHIN * abs(right))


COMPARISONS: dict[Operator, Callable[[Any, Any], Any]] = {
    Operator.LT: lambda left, right: left < right,
    Operator.GT: lambda left, right: left > right,
    Operator.LTE: lambda left, right: left <= right,
    Operator.GTE: lambda left, right: left >= right,
    Operator.EQ: _equal,
    Operator.NE: _unequal,
}
"""`left operator right` of the same candle, for the operators that look at one candle."""

CROSSINGS: dict[Operator, Callable[[Any, Any, Any, Any], Any]] = {
    Operator.CROSS_ABOVE: lambda before, threshold_before, left, right: (
        (before <= threshold_before) & (left > right)
    ),
    Operator.CROSS_BELOW: lambda before, threshold_before, left, right: (
        (before >= threshold_before) & (left < right)
    ),
}
"""`left operator right` from the previous existing candle's two sides and this candle's two."""


def condition_text(condition: Condition) -> str:
    """A condition as a sentence reads it: `rsi < 30`, `macd crosses above macd.signal (long)`."""
    right = condition.right
    shown = str(right) if isinstance(right, Reference | Formula) else f"{right:.12g}"
    side = f" ({condition.direction})" if condition.direction else ""
    return f"{condition.left} {_SYMBOLS[condition.operator]} {shown}{side}"


def distance(current: float, threshold: float, holds: bool) -> float | None:
    """How far `current` is from holding, in its own units: 0 where it holds, None where unknown."""
    if math.isnan(current) or math.isnan(threshold):
        return None
    return 0.0 if holds else abs(current - threshold)
