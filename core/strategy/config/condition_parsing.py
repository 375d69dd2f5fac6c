"""Parses the conditions of a config (docs/rules.md §1)."""

from __future__ import annotations

from collections.abc import Mapping

from core.strategy.config.config import Condition, Direction, Operator, Reference
from core.strategy.config.indicator_parsing import Named
from core.strategy.config.problems import Problems
from core.strategy.config.validators import (
    ANY_NUMBER,
    as_word,
    choice,
    is_numeric,
    listing,
    mapping,
    number,
    unknown_keys,
)
from core.strategy.indicators.registry import CANDLE_SERIES, PRICE_ALIASES, indicator_named

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
        problems.missing(f"{path}.value", _VALUE)
    else:
        right = _right(problems, f"{path}.value", written["value"], named)
    side = _side(problems, f"{path}.direction", written.get("direction"), strategy_direction)
    if len(problems.found) > before or left is None or operator is None or right is None:
        return None
    return Condition(left, operator, right, side)


_VALUE = 'a number, or a series like "close", "ema_21", "macd.signal"'


def _left(
    problems: Problems, path: str, written: Mapping[str, object], named: Mapping[str, Named]
) -> Reference | None:
    where = f"{path}.indicator"
    if "indicator" not in written:
        problems.missing(where, _series_names(named))
        return None
    source = written["indicator"]
    if not isinstance(source, str):
        problems.add(where, source, _series_names(named))
        return None
    field = written.get("field")
    if field is None:
        return _reference(problems, where, source, named)
    if not isinstance(field, str):
        problems.add(f"{path}.field", field, "the name of a field")
        return None
    if "." not in source:
        return _reference(problems, where, source, named, field, f"{path}.field")
    short = _reference(problems, where, source, named)
    long = _reference(problems, where, source.partition(".")[0], named, field, f"{path}.field")
    if short is not None and long is not None and short != long:
        problems.add(f"{path}.field", field, f"the field that indicator names, {short.field}")
        return None
    return short


def _right(
    problems: Problems, path: str, value: object, named: Mapping[str, Named]
) -> float | Reference | None:
    if isinstance(value, str):
        if is_numeric(value):
            problems.add(path, value, "a number without quotes")
            return None
        return _reference(problems, path, value, named)
    if isinstance(value, bool) or not isinstance(value, int | float):
        problems.add(path, value, _VALUE)
        return None
    return number(problems, path, value, ANY_NUMBER)


def _reference(
    problems: Problems,
    path: str,
    written: str,
    named: Mapping[str, Named],
    field: str | None = None,
    field_path: str | None = None,
) -> Reference | None:
    """The series a text names; None with a problem noted, or where its indicator has one."""
    source, dot, rest = written.strip().partition(".")
    if dot and field is None:
        field = rest
    price = PRICE_ALIASES.get(as_word(source), as_word(source))
    if source not in named and price in CANDLE_SERIES:
        if field is None or as_word(field) in ("value", price, as_word(source)):
            return Reference(price)
        found = field if field_path else written
        problems.add(field_path or path, found, f"no field: {price} is a series by itself")
        return None
    key = _key(source, named)
    if key is None:
        names = (*named, *CANDLE_SERIES, *PRICE_ALIASES)
        problems.misspelt(path, written, names, _series_names(named))
        return None
    indicator = named[key].indicator
    if indicator is None:
        return None
    canonical = "value" if field is None else indicator.field(field)
    if canonical is None:
        known = [one.name for one in indicator.fields]
        nearest = problems.nearest(field, known)
        whole_text = f"{key}.{nearest}" if nearest and not field_path else nearest
        problems.add(
            field_path or path,
            field if field_path else written,
            f"a field of {indicator.name}: {', '.join(known)}",
            whole_text,
        )
        return None
    return Reference(key, canonical)


def _key(source: str, named: Mapping[str, Named]) -> str | None:
    """The key a word means: itself, or the canonical name of the indicator it is an alias of."""
    if source in named:
        return source
    indicator = indicator_named(source)
    if indicator is not None and indicator.name in named:
        one = named[indicator.name].indicator
        return indicator.name if one is None or one is indicator else None
    return None


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


def _series_names(named: Mapping[str, Named]) -> str:
    return f"one of {', '.join((*named, *CANDLE_SERIES))}"
