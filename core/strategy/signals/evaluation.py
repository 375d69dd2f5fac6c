"""Evaluates rules: single conditions, groups of them, and how long they have held.

Over all candles at once and candle by candle, to the same truth. What is not known is false
(docs/rules.md §1), so that `not` of it is true.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from typing import NamedTuple

import numpy as np

from core.market.candles.candles import Floats
from core.strategy.config.conditions import (
    Condition,
    Formula,
    Group,
    Joint,
    Lasting,
    Operand,
    Reference,
    Rule,
    references,
    rule_references,
)
from core.strategy.indicators.batch import Batch
from core.strategy.indicators.described import Described
from core.strategy.indicators.stream import Slots, StreamProgram
from core.strategy.signals.conditions import COMPARISONS, CROSSINGS, distance, headline
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

    def readings(self, group: str, rule: Rule) -> Callable[[int], Iterator[Reading]]:
        """Looks up what a `StreamRule` would read at the candle of a position."""
        return self._readings(group, rule, 0)

    def _readings(self, group: str, rule: Rule, depth: int) -> Callable[[int], Iterator[Reading]]:
        lasting, inner, holds = rule.lasting, self._now(rule), self.holds(rule)
        depth_now = depth if lasting is None else depth + 1
        if isinstance(rule, Group):
            members = [self._readings(group, one, depth_now + 1) for one in rule.members]
            held = [self.holds(one) for one in rule.members]

            def now(at: int) -> Iterator[Reading]:
                count = sum(bool(one[at]) for one in held)
                yield _group_reading(rule, group, count, bool(inner[at]), depth_now)
                for member in members:
                    yield from member(at)

        else:
            left, right = self._values(rule.left), self._values(rule.right)
            parts = {str(one): self._values(one) for one in _parts(rule)}

            def now(at: int) -> Iterator[Reading]:
                sides = float(left[at]), float(right[at])
                values = {name: float(column[at]) for name, column in parts.items()}
                yield from _condition_readings(
                    rule, group, sides, bool(inner[at]), values, depth_now
                )

        if lasting is None:
            return now

        def read(at: int) -> Iterator[Reading]:
            hits, misses = (np.flatnonzero(one[: at + 1]) for one in (inner, ~inner))
            since = at - int(hits[-1]) if len(hits) else None
            row = at - int(misses[-1]) if len(misses) else at + 1
            yield _lasting_reading(rule, lasting, group, row, since, bool(holds[at]), depth)
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
            needed = _members_needed(rule)
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


class StreamRule(NamedTuple):
    """A rule candle by candle.

    `holds` takes the values of a stream's newest candle and is called once for each candle;
    `readings` explains what it said last: of a group of the config, with these values, this
    answer, at this depth.
    """

    holds: Callable[[Slots], bool]
    readings: Callable[[str, Slots, bool, int], Iterator[Reading]]


def stream_rule(rule: Rule, described: Described, program: StreamProgram) -> StreamRule:
    """A rule that has seen no candle yet; to be made before the program's first one."""
    if isinstance(rule, Group):
        made = _stream_group(rule, [stream_rule(one, described, program) for one in rule.members])
    else:
        made = _stream_condition(rule, described, program)
    return made if rule.lasting is None else _stream_lasting(rule, rule.lasting, made)


def _stream_condition(rule: Condition, described: Described, program: StreamProgram) -> StreamRule:
    left, right = (program.slot(described.series(side)) for side in (rule.left, rule.right))
    parts = {str(one): program.slot(described.series(one)) for one in _parts(rule)}

    def readings(group: str, values: Slots, held: bool, depth: int) -> Iterator[Reading]:
        sides = float(values[left]), float(values[right])
        known = {name: float(values[slot]) for name, slot in parts.items()}
        yield from _condition_readings(rule, group, sides, bool(held), known, depth)

    if rule.operator in COMPARISONS:
        compare = COMPARISONS[rule.operator]
        return StreamRule(lambda values: compare(values[left], values[right]), readings)
    cross = CROSSINGS[rule.operator]
    before = threshold_before = math.nan

    def holds(values: Slots) -> bool:
        nonlocal before, threshold_before
        now, threshold = values[left], values[right]
        held: bool = cross(before, threshold_before, now, threshold)
        before, threshold_before = now, threshold
        return held

    return StreamRule(holds, readings)


def _stream_group(rule: Group, members: list[StreamRule]) -> StreamRule:
    needed = _members_needed(rule)
    held = [False] * len(members)

    def holds(values: Slots) -> bool:
        # Every member sees every candle: some remember the one before.
        held[:] = [bool(member.holds(values)) for member in members]
        count = sum(held)
        return count == 0 if needed == 0 else count >= needed

    def readings(group: str, values: Slots, together: bool, depth: int) -> Iterator[Reading]:
        yield _group_reading(rule, group, sum(held), together, depth)
        for member, one in zip(members, held, strict=True):
            yield from member.readings(group, values, one, depth + 1)

    return StreamRule(holds, readings)


def _stream_lasting(rule: Rule, lasting: Lasting, inner: StreamRule) -> StreamRule:
    now = False
    row = 0  # candles in a row on which it held
    since: int | None = None  # candles since it held last

    def holds(values: Slots) -> bool:
        nonlocal now, row, since
        now = bool(inner.holds(values))
        row = row + 1 if now else 0
        since = 0 if now else None if since is None else since + 1
        if lasting.every:
            return row >= lasting.candles
        return since is not None and since < lasting.candles

    def readings(group: str, values: Slots, held: bool, depth: int) -> Iterator[Reading]:
        yield _lasting_reading(rule, lasting, group, row, since, held, depth)
        yield from inner.readings(group, values, now, depth + 1)

    return StreamRule(holds, readings)


def _parts(rule: Condition) -> Iterator[Reference]:
    """What the expressions of a condition are made from."""
    for side in (rule.left, rule.right):
        if isinstance(side, Formula):
            yield from references(side)


def _condition_readings(
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
    off = distance(current, threshold, held)
    yield Reading(group, text, _known(current), _known(threshold), off, held, depth)
    for name, value in parts.items():
        yield Reading(group, name, _known(value), None, None, None, depth + 1)


def _group_reading(rule: Group, group: str, count: int, held: bool, depth: int) -> Reading:
    """A group of which `count` members hold."""
    text, needed = headline(rule, whole=rule.lasting is None), _members_needed(rule)
    return Reading(group, text, count, needed, abs(needed - count) * (not held), held, depth)


def _lasting_reading(
    rule: Rule, lasting: Lasting, group: str, row: int, since: int | None, held: bool, depth: int
) -> Reading:
    """How long a rule has lasted: candles in a `row`, and `since` it was so last (None: never)."""
    current, threshold = since, lasting.candles - 1
    if lasting.every:
        current, threshold = min(row, lasting.candles), lasting.candles
    off = None if current is None else 0 if held else abs(current - threshold)
    return Reading(group, headline(rule), current, threshold, off, held, depth)


def _count(held: Bools, lasting: Lasting) -> Floats:
    """On how many of the last candles it held."""
    total = np.cumsum(held, dtype=np.float64)
    count = total.copy()
    count[lasting.candles :] -= total[: -lasting.candles]
    return count


def _needed(lasting: Lasting) -> int:
    return lasting.candles if lasting.every else 1


def _members_needed(rule: Group) -> int:
    match rule.joint:
        case Joint.ANY:
            return 1
        case Joint.ALL:
            return len(rule.members)
        case Joint.NOT:
            return 0


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
