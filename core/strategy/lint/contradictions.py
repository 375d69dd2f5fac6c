"""Finds conditions, stops and targets of a valid config that never come true, or always do.

Only what follows from the config alone, on any candles: empty intervals, values outside an
indicator's bounds, a close beyond a channel that contains it, exits that hold whenever the entry
does, stops and targets at prices that are never reached.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import product

from core.market.candles.timeframes import DAY, HOUR, MINUTE
from core.market.filters import DEFAULT_MAINTENANCE_MARGIN_RATE
from core.strategy.config.conditions import (
    ARITHMETIC,
    Condition,
    Direction,
    Formula,
    Group,
    Joint,
    Operand,
    Operator,
    Reference,
    Rule,
    conditions_in,
)
from core.strategy.config.config import StrategyConfig
from core.strategy.config.validators import ANY_NUMBER, Range
from core.strategy.indicators.registry import indicator_of
from core.strategy.lint.orders import order_contradictions
from core.strategy.signals.conditions import rule_text

_LESS, _EQUAL, _MORE = 1, 2, 4
_MIRRORED = {_LESS: _MORE, _EQUAL: _EQUAL, _MORE: _LESS}

# What an operator says of left against right on the candle where it holds.
_RELATION = {
    Operator.LT: _LESS,
    Operator.LTE: _LESS | _EQUAL,
    Operator.EQ: _EQUAL,
    Operator.NE: _LESS | _MORE,
    Operator.GTE: _MORE | _EQUAL,
    Operator.GT: _MORE,
    Operator.CROSS_ABOVE: _MORE,
    Operator.CROSS_BELOW: _LESS,
}
_CHANNEL_ORDER = (("lower", "value"), ("lower", "upper"), ("value", "upper"))
_SERIES = Reference | Formula
_CROSSINGS = (Operator.CROSS_ABOVE, Operator.CROSS_BELOW)


def contradictions(config: StrategyConfig) -> tuple[str, ...]:
    """Sentences on what can never happen, or always does."""
    known = _Bounds(config)
    return (
        *_single_conditions(config, known),
        *_entries_together(config, known),
        *_exits_against_entries(config),
        *_stops_and_targets(config),
        *order_contradictions(config),
    )


def _interval(operator: Operator, threshold: float) -> Range:
    match operator:
        case Operator.LT | Operator.CROSS_BELOW:
            return Range(high=threshold, high_open=True)
        case Operator.LTE:
            return Range(high=threshold)
        case Operator.GT | Operator.CROSS_ABOVE:
            return Range(low=threshold, low_open=True)
        case Operator.GTE:
            return Range(low=threshold)
        case Operator.EQ:
            return Range(threshold, threshold)
        case Operator.NE:
            return ANY_NUMBER


_CLOCK = {"hour": Range(0, 23), "minute": Range(0, 59), "weekday": Range(1, 7)}


class _Bounds:
    """What holds between the series of a config on any candle."""

    def __init__(self, config: StrategyConfig) -> None:
        self._specs = {spec.key: spec for spec in config.indicators}
        self._timeframe = config.timeframe

    def clock_at_closes(self, series: Reference | Formula) -> tuple[int, ...]:
        """Every value of `hour` or `minute` at a close; nothing for other series."""
        if series not in (Reference("hour"), Reference("minute")) or series.source in self._specs:
            return ()
        closes = range(0, DAY, min(self._timeframe.ms, DAY))
        unit, values = (HOUR, 24) if series.source == "hour" else (MINUTE, 60)
        return tuple(sorted({close // unit % values for close in closes}))

    def interval(self, series: Reference | Formula) -> Range:
        """The values a series can have."""
        if isinstance(series, Formula):
            return self._formula(series)
        if series.source not in self._specs:
            clock = _CLOCK.get(series.source)
            return clock or Range(low=0.0, low_open=series.source != "volume")
        for field in indicator_of(self._specs[series.source]).fields:
            if field.name == series.field and field.bounds is not None:
                return Range(*field.bounds)
        return ANY_NUMBER

    def relation(self, left: Operand, right: Operand) -> int:
        """How `left` can stand to `right`."""
        if left == right:
            return _EQUAL
        if isinstance(left, Reference) and isinstance(right, Reference):
            if self._never_above(left, right):
                return _LESS | _EQUAL
            if self._never_above(right, left):
                return _MORE | _EQUAL
        one, other = self._values(left), self._values(right)
        less, more = one.low < other.high, one.high > other.low
        equal = one.low <= other.high and one.high >= other.low
        return _LESS * less | _MORE * more | _EQUAL * equal

    def _values(self, operand: Operand) -> Range:
        return Range(operand, operand) if isinstance(operand, float) else self.interval(operand)

    def _formula(self, formula: Formula) -> Range:
        """From the ends of its parts: rounding keeps their order, so that no value lies outside."""
        calculate = ARITHMETIC[formula.operation]
        ranges = [self._values(one) for one in formula.operands]
        first, last = ranges[0], ranges[-1]
        match formula.operation:
            case "min" | "max":
                return Range(
                    calculate(one.low for one in ranges), calculate(one.high for one in ranges)
                )
            case "abs":
                near, far = sorted((abs(first.low), abs(first.high)))
                return Range(0.0 if first.low < 0 < first.high else near, far)
            case "-" if len(ranges) == 1:
                return Range(-first.high, -first.low)
            case "/" if last.low <= 0 <= last.high:
                return ANY_NUMBER
        ends = [calculate(*pair) for pair in product(*((one.low, one.high) for one in ranges))]
        return ANY_NUMBER if any(map(math.isnan, ends)) else Range(min(ends), max(ends))

    def _never_above(self, low: Reference, high: Reference) -> bool:
        # No mean of three or four: by its rounding it lies a last digit outside of a flat candle.
        candle = ("open", "high", "low", "close", "hl2")
        if low.source in candle and high.source in candle:
            return low.source == "low" or high.source == "high"
        if low.source == high.source:
            return (low.field, high.field) in _CHANNEL_ORDER and self._is_channel(low.source)
        if low.source in candle:
            return self._envelope_side(high) == "upper"
        if high.source in candle:
            return self._envelope_side(low) == "lower"
        return False

    def _is_channel(self, key: str) -> bool:
        return any(field.name == "upper" for field in indicator_of(self._specs[key]).fields)

    def _envelope_side(self, series: Reference) -> str | None:
        """Whether a series is the upper or lower edge of a channel containing the candle itself."""
        spec = self._specs.get(series.source)
        if spec is None or spec.offset or spec.timeframe or spec.sources:
            return None
        if not indicator_of(spec).contains_candle:
            return None
        return series.field if series.field in ("upper", "lower") else None


def _single_conditions(config: StrategyConfig, known: _Bounds) -> Iterator[str]:
    for group, rule in config.grouped_conditions:
        for one in conditions_in(rule):
            verdict = _verdict(one, known)
            if verdict is not None:
                yield f"{group} condition {rule_text(one)} {verdict}"
        for all_of in _groups_in(rule):
            for other, one in _excluding(_certain(all_of), known):
                yield (
                    f"{group} group {rule_text(all_of)} can never hold: "
                    f"{rule_text(other)} and {rule_text(one)} exclude each other"
                )


def _groups_in(rule: Rule) -> Iterator[Group]:
    """The groups of which all members must hold at once."""
    if isinstance(rule, Group):
        if rule.joint is Joint.ALL:
            yield rule
        for member in rule.members:
            yield from _groups_in(member)


def _certain(rule: Rule) -> Iterator[Condition]:
    """Conditions that hold on every candle on which the rule does."""
    if rule.lasting is not None and not rule.lasting.every:
        return
    if isinstance(rule, Condition):
        yield rule
    elif rule.joint is Joint.ALL or (rule.joint is Joint.ANY and len(rule.members) == 1):
        for member in rule.members:
            yield from _certain(member)


def _sufficient(rule: Rule) -> Iterator[Condition]:
    """Conditions of which any makes the rule hold on the same candle."""
    if rule.lasting is not None and rule.lasting.every:
        return
    if isinstance(rule, Condition):
        yield rule
    elif rule.joint is Joint.ANY or (rule.joint is Joint.ALL and len(rule.members) == 1):
        for member in rule.members:
            yield from _sufficient(member)


def _verdict(one: Condition, known: _Bounds) -> str | None:
    """Why a condition can never hold, or that it always does; None where it depends."""
    if isinstance(one.right, _SERIES):
        possible, wanted = known.relation(one.left, one.right), _RELATION[one.operator]
        if one.left == one.right and not possible & wanted:
            return "can never hold: it compares a series with itself"
        if not possible & wanted:
            return f"can never hold: {one.left} is never {_beyond(wanted)} {one.right}"
        always = not possible & ~wanted and one.operator not in _CROSSINGS
        return "always holds" if always else None
    values, wanted_values = known.interval(one.left), _interval(one.operator, one.right)
    outside = (values & Range(one.right, one.right)).empty
    if one.operator is Operator.NE:
        return "always holds" if outside else None
    never = (values & wanted_values).empty or (one.operator in _CROSSINGS and outside)
    if never:
        return f"can never hold: {one.left} stays {_span(values)}"
    if values.within(wanted_values) and one.operator not in _CROSSINGS:
        return f"always holds: {one.left} stays {_span(values)}"
    if (clock := known.clock_at_closes(one.left)) and not any(at in wanted_values for at in clock):
        return f"can never hold: {one.left} at the close of a candle is {_listed(clock)}"
    return None


def _entries_together(config: StrategyConfig, known: _Bounds) -> Iterator[str]:
    """Entry conditions that can each hold, but not all on one candle."""
    for side in config.sides:
        entries = _for_side(config.entry_conditions, side)
        # What excludes itself within one group has been told of that group.
        inside = {pair for rule in entries for pair in _excluding(_certain(rule), known)}
        certain = (one for rule in entries for one in _certain(rule))
        for other, one in _excluding(certain, known):
            if (other, one) not in inside:
                yield (
                    f"a {side} position can never be entered: "
                    f"{rule_text(other)} and {rule_text(one)} exclude each other"
                )


def _excluding(
    conditions: Iterable[Condition], known: _Bounds
) -> Iterator[tuple[Condition, Condition]]:
    """Pairs of conditions that can each hold, but not on one candle."""
    possible = [one for one in conditions if not _impossible(one, known)]
    for position, one in enumerate(possible):
        for other in possible[:position]:
            if _exclude_each_other(other, one):
                yield other, one


def _exclude_each_other(one: Condition, other: Condition) -> bool:
    if isinstance(one.right, _SERIES) and isinstance(other.right, _SERIES):
        if (one.left, one.right) == (other.left, other.right):
            return not _RELATION[one.operator] & _RELATION[other.operator]
        if (one.left, one.right) == (other.right, other.left):
            return not _RELATION[one.operator] & _mirrored(_RELATION[other.operator])
        return False
    if isinstance(one.right, _SERIES) or isinstance(other.right, _SERIES):
        return False
    if one.left != other.left:
        return False
    first, second = _interval(one.operator, one.right), _interval(other.operator, other.right)
    if (first & second).empty:
        return True
    operators = {one.operator, other.operator}
    return operators == {Operator.EQ, Operator.NE} and one.right == other.right


def _exits_against_entries(config: StrategyConfig) -> Iterator[str]:
    """Exits that hold whenever the entry does: both flags of a side together count as neither."""
    for side in config.sides:
        exits, entries = config.exit_conditions, config.entry_conditions
        for leave in (one for rule in _for_side(exits, side) for one in _sufficient(rule)):
            for enter in (one for rule in _for_side(entries, side) for one in _certain(rule)):
                if _implies(enter, leave):
                    yield (
                        f"a {side} position can never be entered: wherever {rule_text(enter)} "
                        f"holds, the exit {rule_text(leave)} holds too, and they cancel out"
                    )


def _implies(enter: Condition, leave: Condition) -> bool:
    if leave.operator in _CROSSINGS or enter.left != leave.left:
        return enter.operator is leave.operator and _same_sides(enter, leave)
    if isinstance(enter.right, _SERIES) or isinstance(leave.right, _SERIES):
        return enter.right == leave.right and not (
            _RELATION[enter.operator] & ~_RELATION[leave.operator]
        )
    if Operator.NE in (enter.operator, leave.operator):
        return enter.operator is leave.operator and enter.right == leave.right
    return _interval(enter.operator, enter.right).within(_interval(leave.operator, leave.right))


def _same_sides(one: Condition, other: Condition) -> bool:
    return one.left == other.left and one.right == other.right


def _stops_and_targets(config: StrategyConfig) -> Iterator[str]:
    short = config.direction is not Direction.LONG
    if short and config.take_profit_pct is not None and config.take_profit_pct >= 100:
        yield (
            f"take_profit_pct {config.take_profit_pct:.12g}: the target of a short position lies "
            "at or below 0 and is never reached"
        )
    for side in config.sides:
        room, stop = math.inf, config.stop_loss_pct
        if side is Direction.SHORT or config.leverage > 1:
            room = (1 / config.leverage - DEFAULT_MAINTENANCE_MARGIN_RATE) * 100
        if stop is not None and stop >= room:
            yield (
                f"stop_loss_pct {stop:.12g}: a {side} position at leverage {config.leverage:.12g} "
                f"is liquidated {room:.4g} per cent from its entry, before the stop"
            )
        nearest, how = room, f"liquidated, at leverage {config.leverage:.12g},"
        if stop is not None and stop < room:
            nearest, how = stop, "stopped"
        if nearest < math.inf and _lost_by_entering(side, config.slippage_pct, nearest):
            yield (
                f"slippage_pct {config.slippage_pct:.12g}: a {side} position is {how} {nearest:.4g}"
                " per cent from its entry, which the slippage alone has cost: filled by candles, "
                "each one is closed at once"
            )


def _lost_by_entering(side: Direction, slippage_pct: float, nearest: float) -> bool:
    """Whether the price one enters at, before slippage, lies `nearest` per cent below the entry."""
    sign = 1 if side is Direction.LONG else -1
    entry = 1 + sign * slippage_pct / 100
    return (1 - entry * (1 - sign * nearest / 100)) * sign <= 0


def _for_side(rules: Sequence[Rule], side: Direction) -> list[Rule]:
    return [one for one in rules if one.concerns(side)]


def _impossible(one: Condition, known: _Bounds) -> bool:
    return (_verdict(one, known) or "").startswith("can never")


def _mirrored(relation: int) -> int:
    return sum(other for one, other in _MIRRORED.items() if relation & one)


def _beyond(relation: int) -> str:
    words = {_LESS: "below", _EQUAL: "equal to", _MORE: "above"}
    return " or ".join(word for one, word in words.items() if relation & one)


def _listed(numbers: Sequence[int]) -> str:
    if len(numbers) > 24:
        return "a whole number"
    *others, last = map(str, numbers)
    return f"{', '.join(others)} or {last}" if others else last


def _span(values: Range) -> str:
    if values.high == math.inf:
        return f"{'above' if values.low_open else 'at or above'} {values.low:.12g}"
    return f"from {values.low:.12g} to {values.high:.12g}"
