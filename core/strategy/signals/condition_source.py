"""Computes signals from the conditions of a config, for all candles at once or one by one.

Batch and stream are made from one plan of the config, and a test holds them equal to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from core.market.candles.candles import Candle, Candles
from core.market.candles.timeframes import DAY
from core.strategy.config.canonical import config_digest
from core.strategy.config.config import (
    Condition,
    Direction,
    Operator,
    StrategyConfig,
)
from core.strategy.config.orders import Atr, Swing
from core.strategy.indicators.batch import Batch
from core.strategy.indicators.described import Described
from core.strategy.indicators.registry import INDICATORS
from core.strategy.indicators.series import Series
from core.strategy.indicators.stream import Slots, StreamProgram
from core.strategy.signals.conditions import COMPARISONS, CROSSINGS, condition_text, distance
from core.strategy.signals.levels import level_series
from core.strategy.signals.source import (
    ENTER_LONG,
    ENTER_SHORT,
    EXIT_LONG,
    EXIT_SHORT,
    Bools,
    ConditionSeries,
    Reading,
    SignalSeries,
)

_FLAGS = {
    (Direction.LONG, "entry"): ENTER_LONG,
    (Direction.LONG, "exit"): EXIT_LONG,
    (Direction.SHORT, "entry"): ENTER_SHORT,
    (Direction.SHORT, "exit"): EXIT_SHORT,
}

_SMALLEST_WARMUP = 200
_WARMUP_PERIODS = 10
_SEARCH = 4096  # candles first looked at for one without a NaN


class ConditionSource:
    """The signals of a strategy that is a list of conditions (docs/rules.md §1)."""

    def __init__(self, config: StrategyConfig) -> None:
        self._config = config
        self._plan = _Plan(config)

    @property
    def warmup(self) -> int:
        """max(200, 10 × longest period), an offset counted with its period.

        An anchored VWAP also wants its whole day.
        """
        wanted = _SMALLEST_WARMUP
        for level in self._config.orders.levels:
            if isinstance(level, Atr | Swing):
                wanted = max(wanted, _WARMUP_PERIODS * level.candles)
        for spec in self._config.indicators:
            longest = INDICATORS[spec.name].longest_period(spec.params)
            wanted = max(wanted, _WARMUP_PERIODS * longest + spec.offset)
            if spec.params.get("anchor") == "day":
                wanted = max(wanted, DAY // self._config.timeframe.ms + spec.offset)
        return wanted

    @property
    def digest(self) -> str:
        """The config's: it holds all that decides."""
        return config_digest(self._config)

    def series(self, candles: Candles, batch: Batch | None = None) -> SignalSeries:
        """The flags of all candles at once; see `SignalSource.series`."""
        batch = batch or Batch(candles)
        plan = self._plan
        first = _first_known(plan.fields, candles)
        held = [_holds(one, batch) for one in plan.conditions]
        flags = np.zeros(len(candles), dtype=np.uint8)
        for group in plan.groups:
            combine = np.logical_and if group.every else np.logical_or
            together = held[group.members[0]]
            for member in group.members[1:]:
                together = combine(together, held[member])
            flags |= together.view(np.uint8) * np.uint8(group.flag)
        flags[:first] = 0
        levels = {name: batch.values(one) for name, one in plan.levels.items()}
        return SignalSeries(flags, first, levels)

    def stream(self) -> ConditionStream:
        """A stream that has seen no candle yet."""
        return ConditionStream(self._plan)

    def conditions(self, candles: Candles) -> tuple[ConditionSeries, ...]:
        """Each condition by itself over all candles, entries first, in the order of the config."""
        batch = Batch(candles)
        result = []
        for one in self._plan.conditions:
            values, thresholds = batch.values(one.left), batch.values(one.right)
            valid = ~(np.isnan(values) | np.isnan(thresholds))
            if one.condition.operator in CROSSINGS:
                valid[1:] &= valid[:-1].copy()
                valid[:1] = False
            holds = _holds(one, batch)
            result.append(
                ConditionSeries(one.group, one.condition, holds, valid, values, thresholds)
            )
        return tuple(result)


class ConditionStream:
    """The flags of one candle after another: those of `ConditionSource.series`, to the last bit."""

    def __init__(self, plan: _Plan) -> None:
        self._plan = plan
        self._program = StreamProgram(self._plan.fields)
        self._fields = [self._program.slot(series) for series in self._plan.fields]
        self._sides = [
            (self._program.slot(one.left), self._program.slot(one.right))
            for one in self._plan.conditions
        ]
        self._checks = [
            _check(one.condition.operator, left, right)
            for one, (left, right) in zip(self._plan.conditions, self._sides, strict=True)
        ]
        self._levels = [(name, self._program.slot(one)) for name, one in plan.levels.items()]
        self._held = [False] * len(self._checks)
        self._ready = False

    @property
    def ready(self) -> bool:
        """Whether decisions count: there was a candle on which no indicator's field was NaN."""
        return self._ready

    def update(self, candle: Candle) -> int:
        """Take one closed candle; its flags, 0 as long as the stream is not `ready`."""
        program = self._program
        program.advance(candle)
        values = program.values
        self._held = held = [check(values) for check in self._checks]
        if not self._ready:
            self._ready = all(values[slot] == values[slot] for slot in self._fields)
            if not self._ready:
                return 0
        flags = 0
        for flag, every, members in self._plan.groups:
            for member in members:
                if held[member] != every:
                    together = not every
                    break
            else:
                together = every
            if together:
                flags |= flag
        return flags

    def levels(self) -> dict[str, float]:
        """The levels of the config at the newest candle, NaN where one is not known."""
        values = self._program.values
        return {name: float(values[slot]) for name, slot in self._levels}

    def readings(self) -> tuple[Reading, ...]:
        """Every condition at the newest candle, entries first, in the order of the config."""
        values = self._program.values
        readings = []
        rows = zip(self._plan.conditions, self._sides, self._held, strict=True)
        for one, (left, right), holds in rows:
            current, threshold = float(values[left]), float(values[right])
            readings.append(
                Reading(
                    one.group,
                    condition_text(one.condition),
                    None if math.isnan(current) else current,
                    None if math.isnan(threshold) else threshold,
                    distance(current, threshold, holds),
                    bool(holds),
                )
            )
        return tuple(readings)


class _Group(NamedTuple):
    """Which conditions together give a flag: every one of them, or any."""

    flag: int
    every: bool
    members: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Sides:
    """A condition with its two sides described."""

    group: str
    condition: Condition
    left: Series
    right: Series


class _Plan:
    """A config as series: the fields decisions wait for, the conditions, the flags they give."""

    def __init__(self, config: StrategyConfig) -> None:
        described = Described(config)
        self.levels = level_series(config, described)
        self.fields = (*described.fields, *self.levels.values())
        series = described.series
        self.conditions = tuple(
            _Sides(group, one, series(one.left), series(one.right))
            for group, one in config.grouped_conditions
        )
        self.groups = tuple(self._groups(config.sides))

    def _groups(self, sides: Iterable[Direction]) -> Iterator[_Group]:
        for side in sides:
            for group in ("entry", "exit"):
                members = tuple(
                    position
                    for position, one in enumerate(self.conditions)
                    if one.group == group and one.condition.concerns(side)
                )
                if members:
                    yield _Group(_FLAGS[side, group], group == "entry", members)


def _first_known(fields: Sequence[Series], candles: Candles) -> int:
    """The first candle on which no field is NaN, looked for in as few candles as will do.

    A value depends on no later candle, so that a beginning of the candles gives the same ones.
    """
    size = _SEARCH
    while True:
        batch = Batch(candles.slice(0, size))
        known = np.ones(min(size, len(candles)), dtype=np.bool_)
        for series in fields:
            known &= ~np.isnan(batch.values(series))
        if known.any():
            return int(np.argmax(known))
        if size >= len(candles):
            return len(candles)
        size *= 8


def _holds(one: _Sides, batch: Batch) -> Bools:
    operator = one.condition.operator
    left, right = batch.values(one.left), batch.operand(one.right)
    if operator in COMPARISONS:
        compared: Bools = COMPARISONS[operator](left, right)
        return compared
    held = np.zeros(len(left), dtype=np.bool_)
    if isinstance(right, float):
        held[1:] = CROSSINGS[operator](left[:-1], right, left[1:], right)
    else:
        held[1:] = CROSSINGS[operator](left[:-1], right[:-1], left[1:], right[1:])
    return held


def _check(operator: Operator, left: int, right: int) -> Callable[[Slots], bool]:
    if operator in COMPARISONS:
        compare = COMPARISONS[operator]
        return lambda values: compare(values[left], values[right])
    cross = CROSSINGS[operator]
    before = threshold_before = math.nan

    def check(values: Slots) -> bool:
        nonlocal before, threshold_before
        now, threshold = values[left], values[right]
        held: bool = cross(before, threshold_before, now, threshold)
        before, threshold_before = now, threshold
        return held

    return check
