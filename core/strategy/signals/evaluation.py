"""Evaluates rules over all candles at once: conditions, groups of them, how long they have held.

What is not known is false (docs/rules.md §1), so that `not` of it is true. The same candle by
candle: `core.strategy.signals.condition_stream`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from itertools import chain

import numpy as np

from core.market.candles.candles import Floats
from core.strategy.config.conditions import (
    Condition,
    Group,
    Joint,
    Lasting,
    Operand,
    Rule,
    rule_references,
)
from core.strategy.indicators.batch import Batch
from core.strategy.indicators.described import Described
from core.strategy.signals.conditions import (
    COMPARISONS,
    CROSSINGS,
    condition_readings,
    group_reading,
    lasting_reading,
    members_needed,
    parts_of,
)
from core.strategy.signals.reading import Reading
from core.strategy.signals.source import Bools, ConditionSeries


class BatchRules:
    """Rules over the candles of a batch."""

    def __init__(self, described: Described, batch: Batch) -> None:
        self._described = described
        self._batch = batch

    def holds(self, rule: Rule) -> Bools:
        """Whether a rule holds, for every candle."""
        held = self._now(rule)
        if rule.lasting is None:
            return held
        return _count(held, rule.lasting) >= _needed(rule.lasting)

    def readings(self, rules: Sequence[tuple[str, Rule]]) -> Callable[[int], tuple[Reading, ...]]:
        """Looks up what a stream of these rules, each with its group, reads at a position."""
        looked_up = [self._readings(group, rule, 0) for group, rule in rules]
        return lambda at: tuple(chain.from_iterable(read(at) for read in looked_up))

    def _readings(self, group: str, rule: Rule, depth: int) -> Callable[[int], Iterator[Reading]]:
        lasting, inner, holds = rule.lasting, self._now(rule), self.holds(rule)
        depth_now = depth if lasting is None else depth + 1
        if isinstance(rule, Group):
            members = [self._readings(group, one, depth_now + 1) for one in rule.members]
            held = [self.holds(one) for one in rule.members]

            def now(at: int) -> Iterator[Reading]:
                count = sum(bool(one[at]) for one in held)
                yield group_reading(rule, group, count, bool(inner[at]), depth_now)
                for member in members:
                    yield from member(at)

        else:
            left, right = self._values(rule.left), self._values(rule.right)
            parts = {str(one): self._values(one) for one in parts_of(rule)}

            def now(at: int) -> Iterator[Reading]:
                sides = float(left[at]), float(right[at])
                values = {name: float(column[at]) for name, column in parts.items()}
                yield from condition_readings(
                    rule, group, sides, bool(inner[at]), values, depth_now
                )

        if lasting is None:
            return now

        def read(at: int) -> Iterator[Reading]:
            hits, misses = (np.flatnonzero(one[: at + 1]) for one in (inner, ~inner))
            since = at - int(hits[-1]) if len(hits) else None
            row = at - int(misses[-1]) if len(misses) else at + 1
            yield lasting_reading(rule, lasting, group, row, since, bool(holds[at]), depth)
            yield from now(at)

        return read

    def _now(self, rule: Rule) -> Bools:
        """Whether what a rule says is so at each candle, however long it is to last."""
        return self._group(rule) if isinstance(rule, Group) else self._condition(rule)

    def explained(self, group: str, rule: Rule) -> ConditionSeries:
        """A rule with what it compares."""
        if rule.lasting is not None:
            values, needed = _count(self._now(rule), rule.lasting), _needed(rule.lasting)
        elif isinstance(rule, Group):
            values = np.sum([self.holds(one) for one in rule.members], axis=0, dtype=np.float64)
            needed = members_needed(rule)
        else:
            values, needed = self._values(rule.left), 0
        thresholds = np.full(len(values), float(needed))
        if isinstance(rule, Condition) and rule.lasting is None:
            thresholds = self._values(rule.right)
        return ConditionSeries(
            group,
            rule,
            self.holds(rule),
            self._valid(rule),
            values,
            thresholds,
            {str(one): self._values(one) for one in rule_references(rule)},
        )

    def _condition(self, rule: Condition) -> Bools:
        left = self._values(rule.left)
        right = self._batch.operand(self._described.series(rule.right))
        if rule.operator in COMPARISONS:
            compared: Bools = COMPARISONS[rule.operator](left, right)
            return compared
        held = np.zeros(len(left), dtype=np.bool_)
        cross = CROSSINGS[rule.operator]
        if isinstance(right, float):
            held[1:] = cross(left[:-1], right, left[1:], right)
        else:
            held[1:] = cross(left[:-1], right[:-1], left[1:], right[1:])
        return held

    def _group(self, rule: Group) -> Bools:
        held = [self.holds(one) for one in rule.members]
        if rule.joint is Joint.NOT:
            return ~held[0]
        return reduce(np.logical_or if rule.joint is Joint.ANY else np.logical_and, held)

    def _valid(self, rule: Rule) -> Bools:
        if isinstance(rule, Group):
            known = [self._valid(one) for one in rule.members]
            return reduce(np.logical_or if rule.joint is Joint.ANY else np.logical_and, known)
        valid = ~(np.isnan(self._values(rule.left)) | np.isnan(self._values(rule.right)))
        if rule.operator in CROSSINGS:
            valid[1:] &= valid[:-1].copy()
            valid[:1] = False
        return valid

    def _values(self, operand: Operand) -> Floats:
        return self._batch.values(self._described.series(operand))


def _count(held: Bools, lasting: Lasting) -> Floats:
    """On how many of the last candles it held."""
    total = np.cumsum(held, dtype=np.float64)
    count = total.copy()
    count[lasting.candles :] -= total[: -lasting.candles]
    return count


def _needed(lasting: Lasting) -> int:
    return lasting.candles if lasting.every else 1
