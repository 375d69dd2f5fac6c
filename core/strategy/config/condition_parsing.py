"""Parses the conditions of a config (docs/rules.md §1)."""

from __future__ import annotations

from collections.abc import Mapping

from core.strategy.config.config import Condition, Direction, Formula, Operator, Reference
from core.strategy.config.expressions import (
    VALUE,
    parse_expression,
    parse_operand,
    parse_reference,
    series_names,
)
from core.strategy.config.indicator_parsing import Named
from core.strategy.config.problems import Problems
from core.strategy.config.validators import choice, listing, mapping, unknown_keys

_KEYS = ("indicator", "field", "operator", "value", "direction")
_OPERATOR_ALIASES = {
    "<": "lt",
    ">": "gt",
    "<=": "lte",
    ">=": "gte",
    "==": "eq",
    "!=": "ne",
    "crossover": "cross_above",
    "crossunder": "cross_below",
}
_OPERATORS_MEANT = {
    "=": "eq",
    "equals": "eq",
    "less_than": "lt",
    "lessthan": "lt",
    "below": "lt",
    "under": "lt",
    "greater_than": "gt",
    "greaterthan": "gt",
    "above": "gt",
    "over": "gt",
    "crosses_above": "cross_above",
    "cross_over": "cross_above",
    "crosses_below": "cross_below",
    "cross_under": "cross_below",
}
_MEANT = {"op": "operator", "threshold": "value", "side": "direction", "name": "indicator"}


def parse_conditions(
    problems: Problems,
    path: str,
    raw: object,
    named: Mapping[str, Named],
    direction: Direction | None,
) -> tuple[Condition, ...]:
    """The conditions of one list; `direction` is the strategy's, None where it has a problem."""
    conditions = []
    for position, item in enumerate(listing(problems, path, raw, "a list of conditions") or ()):
        where = f"{path}[{position}]"
        expected = 'a condition like {"indicator": "rsi", "operator": "lt", "value": 30}'
        written = mapping(problems, where, item, expected)
        if written is None:
            continue
        condition = _condition(problems, where, written, named, direction)
        if condition is not None:
            conditions.append(condition)
    return tuple(conditions)


def _condition(
    problems: Problems,
    path: str,
    written: Mapping[str, object],
    named: Mapping[str, Named],
    strategy_direction: Direction | None,
) -> Condition | None:
    before = len(problems.found)
    unknown_keys(problems, path, written, _KEYS, _MEANT)
    left = _left(problems, path, written, named)
    operator = None
    if "operator" not in written:
        problems.missing(f"{path}.operator", f"one of {', '.join(Operator)}")
    else:
        operator = choice(
            problems,
            f"{path}.operator",
            written["operator"],
            Operator,
            aliases=_OPERATOR_ALIASES,
            meant=_OPERATORS_MEANT,
        )
    right = None
    if "value" not in written:
        problems.missing(f"{path}.value", VALUE)
    else:
        right = parse_operand(problems, f"{path}.value", written["value"], named)
    side = _side(problems, f"{path}.direction", written.get("direction"), strategy_direction)
    if len(problems.found) > before or left is None or operator is None or right is None:
        return None
    return Condition(left, operator, right, side)


def _left(
    problems: Problems, path: str, written: Mapping[str, object], named: Mapping[str, Named]
) -> Reference | Formula | None:
    where = f"{path}.indicator"
    if "indicator" not in written:
        problems.missing(where, series_names(named))
        return None
    source = written["indicator"]
    if not isinstance(source, str):
        problems.add(where, source, series_names(named))
        return None
    field = written.get("field")
    if field is None:
        left = parse_expression(problems, where, source, named)
        if isinstance(left, float):
            problems.add(where, source, f"at least one series: {series_names(named)}")
            return None
        return left
    if not isinstance(field, str):
        problems.add(f"{path}.field", field, "the name of a field")
        return None
    if "." not in source:
        return parse_reference(problems, where, source, named, field, f"{path}.field")
    short = parse_reference(problems, where, source, named)
    bare = source.partition(".")[0]
    long = parse_reference(problems, where, bare, named, field, f"{path}.field")
    if short is not None and long is not None and short != long:
        problems.add(f"{path}.field", field, f"the field that indicator names, {short.field}")
        return None
    return short


def _side(
    problems: Problems, path: str, raw: object, strategy_direction: Direction | None
) -> Direction | None:
    if raw is None:
        return None
    side = choice(problems, path, raw, (Direction.LONG, Direction.SHORT))
    if strategy_direction not in (None, Direction.BOTH):
        problems.add(
            path, raw, f'no direction here: the strategy\'s is "{strategy_direction}", not "both"'
        )
    return side
