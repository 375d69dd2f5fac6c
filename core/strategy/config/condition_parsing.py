"""Parses the conditions of a config (docs/rules.md §1)."""

from __future__ import annotations

from collections.abc import Mapping

from core.strategy.config.conditions import (
    Condition,
    Direction,
    Formula,
    Group,
    Joint,
    Lasting,
    Operator,
    Reference,
    Rule,
)
from core.strategy.config.expressions import (
    VALUE,
    Named,
    is_reference,
    parse_expression,
    parse_operand,
    parse_reference,
    series_names,
)
from core.strategy.config.problems import Problems
from core.strategy.config.validators import choice, listing, mapping, unknown_keys, whole

_OF_ANY_RULE = ("for", "within", "direction")
_KEYS = ("indicator", "field", "operator", "value", *_OF_ANY_RULE)
_EXAMPLE = 'a condition like {"indicator": "rsi", "operator": "lt", "value": 30}'
_LONGEST = 10_000  # candles of `for` and `within`
_DEEPEST = 8  # groups within groups
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
_MEANT = {
    "or": "any",
    "and": "all",
    "op": "operator",
    "threshold": "value",
    "side": "direction",
    "name": "indicator",
}


def parse_conditions(
    problems: Problems,
    path: str,
    raw: object,
    named: Mapping[str, Named],
    direction: Direction | None,
) -> tuple[Rule, ...]:
    """The conditions of one list; `direction` is the strategy's, None where it has a problem."""
    return _RuleReader(problems, named, direction).rules(path, raw, 0)


class _RuleReader:
    def __init__(
        self, problems: Problems, named: Mapping[str, Named], direction: Direction | None
    ) -> None:
        self._problems = problems
        self._named = named
        self._strategy_direction = direction

    def rules(self, path: str, raw: object, depth: int) -> tuple[Rule, ...]:
        """The rules of a list, without those that have a problem."""
        items = listing(self._problems, path, raw, "a list of conditions") or ()
        read = [self._rule(f"{path}[{at}]", item, depth) for at, item in enumerate(items)]
        return tuple(one for one in read if one is not None)

    def _rule(self, path: str, item: object, depth: int) -> Rule | None:
        problems = self._problems
        written = mapping(problems, path, item, _EXAMPLE)
        if written is None:
            return None
        before = len(problems.found)
        joints = [joint for joint in Joint if joint in written]
        keys = (*joints[:1], *_OF_ANY_RULE) if joints else (*_KEYS, *Joint)
        unknown_keys(problems, path, written, keys, _MEANT)
        direction = self._direction(f"{path}.direction", written.get("direction"), depth)
        lasting = self._lasting(path, written)
        rule: Rule | None = None
        if not joints:
            rule = self._condition(path, written, direction, lasting)
        elif depth == _DEEPEST:
            problems.found_text(path, "a deeper group", f"at most {_DEEPEST} groups in each other")
        else:
            members = self._members(f"{path}.{joints[0]}", joints[0], written, depth + 1)
            rule = Group(joints[0], members, direction=direction, lasting=lasting)
        return rule if len(problems.found) == before else None

    def _members(
        self, path: str, joint: Joint, written: Mapping[str, object], depth: int
    ) -> tuple[Rule, ...]:
        raw = written[joint]
        if joint is Joint.NOT:
            one = self._rule(path, raw, depth)
            return () if one is None else (one,)
        if raw in ([], ()):
            self._problems.add(path, raw, "a list of at least one condition")
        return self.rules(path, raw, depth)

    def _lasting(self, path: str, written: Mapping[str, object]) -> Lasting | None:
        given = [key for key in ("for", "within") if written.get(key) is not None]
        if len(given) == 2:
            expected = '"for" (on each of the last candles) or "within" (on at least one of them)'
            self._problems.found_text(path, '"for" and "within"', expected)
            return None
        for key in given:
            candles = whole(self._problems, f"{path}.{key}", written[key], 1, _LONGEST)
            if candles is not None and candles > 1:
                return Lasting(key == "for", candles)
        return None

    def _direction(self, path: str, raw: object, depth: int) -> Direction | None:
        if raw is None:
            return None
        side = choice(self._problems, path, raw, (Direction.LONG, Direction.SHORT))
        if self._strategy_direction not in (None, Direction.BOTH):
            strategy = f'the strategy\'s is "{self._strategy_direction}", not "both"'
            self._problems.add(path, raw, f"no direction here: {strategy}")
        elif depth:
            self._problems.add(path, raw, "no direction here: the whole group has one or none")
        return side

    def _condition(
        self,
        path: str,
        written: Mapping[str, object],
        direction: Direction | None,
        lasting: Lasting | None,
    ) -> Condition | None:
        problems, named = self._problems, self._named
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
        if left is None or operator is None or right is None:
            return None
        return Condition(left, operator, right, direction=direction, lasting=lasting)


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
    if not is_reference(source, named):
        expected = "no field beside arithmetic: write it there, like bollinger.lower"
        problems.add(f"{path}.field", field, expected)
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
