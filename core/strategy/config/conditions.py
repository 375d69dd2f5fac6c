"""What a condition says: series, formulas, comparisons and groups (docs/rules.md §1)."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Direction(StrEnum):
    """Which sides a strategy trades; on a condition, the one it is limited to, never BOTH."""

    LONG = "long"
    SHORT = "short"
    BOTH = "both"


class Operator(StrEnum):
    """How a condition compares its left side with its right (docs/rules.md §1)."""

    LT = "lt"
    GT = "gt"
    LTE = "lte"
    GTE = "gte"
    EQ = "eq"
    NE = "ne"
    CROSS_ABOVE = "cross_above"
    CROSS_BELOW = "cross_below"


@dataclass(frozen=True, slots=True)
class Reference:
    """A series a condition looks at.

    `source` is an indicator's key, or a series every candle has: a price, volume, a mean of prices
    or the clock (`CANDLE_SERIES`; then `field` is "value"). `field` is canonical: "value", "upper",
    …; the first field is "value". `called`: what people call that, where its indicator has several.
    """

    source: str
    field: str = "value"
    called: str = dataclasses.field(default="", compare=False)

    def __str__(self) -> str:
        return self.source if self.field == "value" else f"{self.source}.{self.field}"


ARITHMETIC: Mapping[str, Callable[..., float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "min": min,
    "max": max,
    "abs": abs,
}
"""What a formula may do, and how it is done to numbers that are known."""

_BINDING = {"+": 1, "-": 1, "*": 2, "/": 2}


@dataclass(frozen=True, slots=True)
class Formula:
    """Arithmetic on series: an `operation` of `ARITHMETIC`, at least one operand no number.

    `-` with one operand changes its sign. A value that is not known, and a division by 0, make the
    whole not known. The text of a formula is canonical: it reads back to an equal one.
    """

    operation: str
    operands: tuple[Operand, ...]

    def __str__(self) -> str:
        binding = _BINDING.get(self.operation)
        if binding is None:
            return f"{self.operation}({', '.join(map(operand_text, self.operands))})"
        if len(self.operands) == 1:
            return f"-{_within(self.operands[0], 3)}"
        left, right = self.operands
        return f"{_within(left, binding)} {self.operation} {_within(right, binding + 1)}"


Operand = float | Reference | Formula
"""What is compared, or gives a price level."""


def operand_text(operand: Operand) -> str:
    """An operand as it is written in a config."""
    return repr(operand).removesuffix(".0") if isinstance(operand, float) else str(operand)


def operand_shown(operand: Operand) -> str:
    """An operand as people read it: with the field named that an indicator stands for by itself."""
    return operand_text(_shown(operand))


def _shown(operand: Operand) -> Operand:
    match operand:
        case Reference(source, "value", called) if called:
            return Reference(source, called)
        case Formula(_, operands):
            return dataclasses.replace(operand, operands=tuple(map(_shown, operands)))
    return operand


def references(operand: Operand) -> Iterator[Reference]:
    """Every series an operand looks at, in the order written, as often as it is written."""
    match operand:
        case Reference():
            yield operand
        case Formula(_, operands):
            for one in operands:
                yield from references(one)


def _within(operand: Operand, least: int) -> str:
    """An operand as part of a formula, in parentheses if it binds less than `least`."""
    text = operand_text(operand)
    bound = 9
    if isinstance(operand, Formula):
        bound = _BINDING.get(operand.operation, 9) if len(operand.operands) > 1 else 3
    elif isinstance(operand, float) and operand < 0:
        bound = 3
    return f"({text})" if bound < least else text


class Joint(StrEnum):
    """How the members of a group decide together."""

    ANY = "any"
    ALL = "all"
    NOT = "not"


@dataclass(frozen=True, slots=True)
class Lasting:
    """What a condition did on the last `candles` existing candles, this one included.

    `every`: it held on each of them, and there were so many; else: on at least one.
    """

    every: bool
    candles: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limited:
    direction: Direction | None = None
    lasting: Lasting | None = None

    def concerns(self, side: Direction) -> bool:
        """Whether it counts for positions on `side`."""
        return self.direction in (None, side)


@dataclass(frozen=True, slots=True)
class Condition(_Limited):
    """`left operator right`, limited to one side of the market if `direction` is given."""

    left: Reference | Formula
    operator: Operator
    right: Operand


@dataclass(frozen=True, slots=True)
class Group(_Limited):
    """Conditions that decide together; NOT has one member. Only a whole group has a direction."""

    joint: Joint
    members: tuple[Rule, ...]


Rule = Condition | Group
"""One entry of `entry_conditions` or `exit_conditions`."""


def conditions_in(rule: Rule) -> Iterator[Condition]:
    """The single conditions of a rule, in their order."""
    if isinstance(rule, Condition):
        yield rule
    else:
        for member in rule.members:
            yield from conditions_in(member)


def rule_references(rule: Rule) -> Iterator[Reference]:
    """Every series a rule looks at."""
    for one in conditions_in(rule):
        for side in (one.left, one.right):
            yield from references(side)
