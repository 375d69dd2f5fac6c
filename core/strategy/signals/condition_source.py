"""Computes signals from the conditions of a config, for all candles at once or one by one.

Batch and stream are made from one plan of the config, and a test holds them equal to the last bit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property, partial

import numpy as np

from core.market.candles.candles import Candle, Candles
from core.market.candles.timeframes import DAY
from core.strategy.config.canonical import config_digest
from core.strategy.config.conditions import Condition, Rule
from core.strategy.config.config import StrategyConfig
from core.strategy.config.orders import Atr, Swing
from core.strategy.indicators.batch import Batch
from core.strategy.indicators.described import Described
from core.strategy.indicators.registry import indicator_of
from core.strategy.indicators.series import Series
from core.strategy.signals.condition_stream import ConditionStream
from core.strategy.signals.evaluation import BatchRules
from core.strategy.signals.plan import Plan
from core.strategy.signals.reading import Reading
from core.strategy.signals.source import (
    ConditionSeries,
    Flags,
    SignalSeries,
)

_SMALLEST_WARMUP = 200
_WARMUP_PERIODS = 10
_SEARCH = 4096  # candles first looked at for one without a NaN


class ConditionSource:
    """The signals of a strategy that is a list of conditions (docs/rules.md §1)."""

    def __init__(self, config: StrategyConfig) -> None:
        self._config = config

    @cached_property
    def _plan(self) -> Plan:
        return Plan(self._config)

    @property
    def warmup(self) -> int:
        """max(200, 10 × longest period), an offset counted with its period.

        The periods of a chain of sources add up; those of a higher timeframe count its candles.
        An anchored VWAP also wants its whole day, a rule all candles on which it is to hold.
        """
        wanted = 0
        for level in self._config.orders.levels:
            if isinstance(level, Atr | Swing):
                wanted = max(wanted, _WARMUP_PERIODS * level.candles)
        for spec in self._config.indicators:
            ratio = 1 if spec.timeframe is None else spec.timeframe.ms // self._config.timeframe.ms
            offset = spec.offset * ratio
            wanted = max(wanted, _WARMUP_PERIODS * self._plan.described.periods(spec.key) + offset)
            if spec.params.get("anchor") == "day":
                wanted = max(wanted, DAY // self._config.timeframe.ms + offset)
        return max(_SMALLEST_WARMUP, wanted + max(_span(rule) for _, rule in self._plan.rules))

    @property
    def digest(self) -> str:
        """The config's, with the packages of the plug-ins that it names: all that decides."""
        digest = config_digest(self._config)
        others = {indicator_of(spec).package for spec in self._config.indicators} - {""}
        if not others:
            return digest
        return hashlib.sha256(" ".join([digest, *sorted(others)]).encode()).hexdigest()

    def series(self, candles: Candles, batch: Batch | None = None) -> SignalSeries:
        """The flags of all candles at once; see `SignalSource.series`."""
        batch = batch or Batch(candles)
        config = self._config
        # Of the settings of a sweep most have words and rules in common with the one before.
        words = config.indicators, config.timeframe
        described = batch.latest("words", words, partial(Described.of, config))
        plan = Plan(config, described)
        known_from = partial(_first_known, plan.fields, candles)
        first = batch.latest("first known", plan.fields, known_from)
        rules = BatchRules(described, batch)
        held = [
            batch.latest(place, (rule, described), partial(rules.holds, rule))
            for place, (_, rule) in enumerate(plan.rules)
        ]
        kind = np.dtype(np.uint32 if config.orders.adds else np.uint8)
        flags: Flags = np.zeros(len(candles), dtype=kind)
        for group in plan.groups:
            combine = np.logical_and if group.every else np.logical_or
            together = held[group.members[0]]
            for member in group.members[1:]:
                together = combine(together, held[member])
            flags |= together.view(np.uint8) * kind.type(group.flag)
        flags[:first] = 0
        levels = {name: batch.values(one) for name, one in plan.levels.items()}
        return SignalSeries(flags, first, levels, plan.notes(candles))

    def stream(self, known: Candles | None = None) -> ConditionStream | KnownConditionStream:
        """See `SignalSource.stream`."""
        if known is None:
            return ConditionStream(self._plan)
        return KnownConditionStream(self._plan, known, self.series(known))

    def conditions(self, candles: Candles) -> tuple[ConditionSeries, ...]:
        """Each rule by itself over all candles, entries first, in the order of the config."""
        rules = BatchRules(self._plan.described, Batch(candles))
        return tuple(rules.explained(group, rule) for group, rule in self._plan.rules)


class KnownConditionStream:
    """What a `ConditionStream` gives for `candles`, and for no others, from their `series`."""

    def __init__(self, plan: Plan, candles: Candles, series: SignalSeries) -> None:
        self._plan = plan
        self._candles = candles
        self._times = candles.time.data
        self._flags = series.flags.data
        self._levels = series.levels
        self._first = series.first
        self._at = -1  # the position of the newest candle
        self._readings: Callable[[int], tuple[Reading, ...]] | None = None

    @property
    def ready(self) -> bool:
        """See `ConditionStream.ready`."""
        return self._at >= self._first

    def update(self, candle: Candle) -> int:
        """Take the next candle; its flags.

        Raises:
            ValueError: it is not the one that was to come.
        """
        self._at = at = self._at + 1
        if at == len(self._times) or self._times[at] != candle.time:
            raise ValueError(
                f"the candle of {candle.time} came, which is not number {at} of those known"
            )
        flags: int = self._flags[at]
        return flags

    def levels(self) -> dict[str, float]:
        """See `ConditionStream.levels`."""
        return {name: float(values[self._at]) for name, values in self._levels.items()}

    def notes(self) -> tuple[str, ...]:
        """See `ConditionStream.notes`."""
        return self._plan.notes(self._candles.slice(0, self._at + 1))

    def readings(self) -> tuple[Reading, ...]:
        """See `ConditionStream.readings`; computed when first asked for, as few ask."""
        if self._at < 0:
            return ConditionStream(self._plan).readings()
        read = self._readings or self._prepare()
        return read(self._at)

    def preparation(self) -> Callable[[], object] | None:
        """See `SignalStream.preparation`; asked for by few, and some megabytes from then on."""
        return None if self._readings else self._prepare

    def _prepare(self) -> Callable[[int], tuple[Reading, ...]]:
        rules = BatchRules(self._plan.described, Batch(self._candles))
        self._readings = read = rules.readings(self._plan.rules)
        return read


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


def _span(rule: Rule) -> int:
    """How many candles before the newest one a rule looks back at."""
    within = 0 if isinstance(rule, Condition) else max(map(_span, rule.members))
    return within + (0 if rule.lasting is None else rule.lasting.candles - 1)
