"""Evaluates a condition: its operator, how far it is from holding, and how rules read.

Each operator is defined once, on numbers and on arrays alike. NaN on either side is false for
every one of them, `ne` included (docs/rules.md §1).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from core.strategy.config.conditions import (
    Condition,
    Formula,
    Group,
    Joint,
    Lasting,
    Operator,
    Reference,
    Rule,
    operand_shown,
    references,
)
from core.strategy.signals.reading import Counted, Reading

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
    Operator.LT: operator.lt,
    Operator.GT: operator.gt,
    Operator.LTE: operator.le,
    Operator.GTE: operator.ge,
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


_GROUPS = {Joint.ANY: "any of", Joint.ALL: "all of", Joint.NOT: "not"}


def rule_text(rule: Rule) -> str:
    """A rule as a sentence reads it: `rsi < 30`, `(rsi < 30 or close > ema) for 3 candles`."""
    lasting, side = "", f" ({rule.direction})" if rule.direction else ""
    if rule.lasting is not None:
        lasting = f" {'for' if rule.lasting.every else 'within'} {rule.lasting.candles} candles"
    if isinstance(rule, Condition):
        return f"{_comparison(rule)}{lasting}{side}"
    texts = [rule_text(one) for one in rule.members]
    if rule.joint is Joint.NOT:
        return f"not ({texts[0]}){lasting}{side}"
    return f"({(' or ' if rule.joint is Joint.ANY else ' and ').join(texts)}){lasting}{side}"


def headline(rule: Rule, *, whole: bool = True) -> str:
    """A rule's own line where its members have theirs; not `whole`: without how long and for whom.

    Of a rule that is to last, the line of its lasting.
    """
    if whole and rule.lasting is not None:
        every, candles = rule.lasting.every, rule.lasting.candles
        text = f"{'for' if every else 'within'} {candles} candles"
    else:
        text = _comparison(rule) if isinstance(rule, Condition) else _GROUPS[rule.joint]
    return f"{text} ({rule.direction})" if whole and rule.direction else text


def _comparison(rule: Condition) -> str:
    right = rule.right
    shown = operand_shown(right) if isinstance(right, Reference | Formula) else f"{right:.12g}"
    return f"{operand_shown(rule.left)} {_SYMBOLS[rule.operator]} {shown}"


def distance(current: float, threshold: float, holds: bool) -> float | None:
    """How far `current` is from holding, in its own units: 0 where it holds, None where unknown."""
    if math.isnan(current) or math.isnan(threshold):
        return None
    return 0.0 if holds else abs(current - threshold)


def parts_of(rule: Condition) -> Iterator[Reference]:
    """What the expressions of a condition are made from."""
    for side in (rule.left, rule.right):
        if isinstance(side, Formula):
            yield from references(side)


def condition_readings(
    rule: Condition,
    group: str,
    sides: tuple[float, float],
    held: bool,
    parts: Mapping[str, float],
    depth: int,
) -> Iterator[Reading]:
    """A condition with its two `sides`, and the series within its expressions."""
    current, threshold = sides
    text = headline(rule, whole=rule.lasting is None)
    off, beyond = distance(current, threshold, held), ""
    if not held and rule.operator is Operator.CROSS_ABOVE and current > threshold:
        beyond = "above"
    elif not held and rule.operator is Operator.CROSS_BELOW and current < threshold:
        beyond = "below"
    known = _known(current), _known(threshold)
    yield Reading(group, text, *known, off, held, depth, beyond=beyond)
    names = {str(one): operand_shown(one) for one in parts_of(rule)}
    for name, value in parts.items():
        yield Reading(group, names[name], _known(value), None, None, None, depth + 1)


def group_reading(rule: Group, group: str, count: int, held: bool, depth: int) -> Reading:
    """A group of which `count` members hold."""
    text, needed = headline(rule, whole=rule.lasting is None), members_needed(rule)
    off = abs(needed - count) * (not held)
    return Reading(group, text, count, needed, off, held, depth, Counted.MEMBERS)


def lasting_reading(
    rule: Rule, lasting: Lasting, group: str, row: int, since: int | None, held: bool, depth: int
) -> Reading:
    """How long a rule has lasted: candles in a `row`, and `since` it was so last (None: never)."""
    current, threshold, counted = since, lasting.candles - 1, Counted.AGO
    if lasting.every:
        current, threshold = min(row, lasting.candles), lasting.candles
        counted = Counted.ROW
    off = None if current is None else 0 if held else abs(current - threshold)
    return Reading(group, headline(rule), current, threshold, off, held, depth, counted)


def members_needed(rule: Group) -> int:
    """How many members of a group must hold; 0: none may."""
    match rule.joint:
        case Joint.ANY:
            return 1
        case Joint.ALL:
            return len(rule.members)
        case Joint.NOT:
            return 0


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
