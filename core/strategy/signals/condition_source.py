"""Computes signals from the conditions of a config, for all candles at once or one by one.

Batch and stream are made from one plan of the config, and a test holds them equal to the last bit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from core.market.candles.candles import Candle, Candles
from core.market.candles.timeframes import DAY
from core.strategy.config.canonical import config_digest
from core.strategy.config.conditions import Condition, Direction, Rule
from core.strategy.config.config import StrategyConfig
from core.strategy.config.orders import Atr, Swing
from core.strategy.indicators.batch import Batch
from core.strategy.indicators.described import Described
from core.strategy.indicators.higher import how_built
from core.strategy.indicators.registry import indicator_of
from core.strategy.indicators.series import Series
from core.strategy.indicators.stream import StreamProgram
from core.strategy.signals.evaluation import BatchRules, stream_rule
from core.strategy.signals.levels import level_series
from core.strategy.signals.reading import Reading
from core.strategy.signals.source import (
    ENTER_LONG,
    ENTER_SHORT,
    EXIT_LONG,
    EXIT_SHORT,
    ConditionSeries,
    Flags,
    SignalSeries,
    add_flag,
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
        plan = self._plan
        first = _first_known(plan.fields, candles)
        rules = BatchRules(plan.described, batch)
        held = [rules.holds(rule) for _, rule in plan.rules]
        kind = np.dtype(np.uint32 if self._config.orders.adds else np.uint8)
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


class ConditionStream:
    """The flags of one candle after another: those of `ConditionSource.series`, to the last bit."""

    def __init__(self, plan: _Plan) -> None:
        self._plan = plan
        self._program = StreamProgram(self._plan.fields)
        self._fields = [self._program.slot(series) for series in self._plan.fields]
        rules = [stream_rule(one, plan.described, self._program) for _, one in plan.rules]
        self._rules = rules
        self._checks = [rule.holds for rule in rules]
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

    def notes(self) -> tuple[str, ...]:
        """Sentences on higher candles that lack some of their own, or are not finished."""
        higher = self._program.higher
        built = {timeframe: one.built for timeframe, one in higher.items()}
        return self._plan.described.notes(built)

    def readings(self) -> tuple[Reading, ...]:
        """Every rule at the newest candle with its parts, in the order of the config."""
        values = self._program.values
        rows = zip(self._plan.rules, self._rules, self._held, strict=True)
        return tuple(
            reading
            for (group, _), rule, held in rows
            for reading in rule.readings(group, values, bool(held), 0)
        )

    def preparation(self) -> None:
        """See `SignalStream.preparation`: it has all that it reads."""


class KnownConditionStream:
    """What a `ConditionStream` gives for `candles`, and for no others, from their `series`."""

    def __init__(self, plan: _Plan, candles: Candles, series: SignalSeries) -> None:
        self._plan = plan
        self._candles = candles
        self._times = candles.time.data
        self._flags = series.flags.data
        self._levels = series.levels
        self._first = series.first
        self._at = -1  # the position of the newest candle
        self._readings: list[Callable[[int], Iterator[Reading]]] = []

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
        if not self._readings:
            self._prepare()
        return tuple(chain.from_iterable(read(self._at) for read in self._readings))

    def preparation(self) -> Callable[[], None] | None:
        """See `SignalStream.preparation`; asked for by few, and some megabytes from then on."""
        return None if self._readings else self._prepare

    def _prepare(self) -> None:
        rules = BatchRules(self._plan.described, Batch(self._candles))
        self._readings = [rules.readings(group, rule) for group, rule in self._plan.rules]


class _FlagGroup(NamedTuple):
    """Which conditions together give a flag: every one of them, or any."""

    flag: int
    every: bool
    members: tuple[int, ...]


class _Plan:
    """A config as series: the fields decisions wait for, the conditions, the flags they give."""

    def __init__(self, config: StrategyConfig) -> None:
        self._candle_ms = config.timeframe.ms
        self.described = Described.of(config)
        self.levels = level_series(config, self.described)
        waited = [one for one in config.orders.levels if isinstance(one, Atr | Swing)]
        self.fields = (*self.described.fields, *(self.levels[str(one)] for one in waited))
        self.rules = config.grouped_conditions
        self.groups = tuple(self._groups(config.sides, len(config.orders.adds)))

    def notes(self, candles: Candles) -> tuple[str, ...]:
        """Sentences on higher candles that lack some of their own, or are not finished."""
        built = {one: how_built(candles, one, self._candle_ms) for one in self.described.higher}
        return self.described.notes(built)

    def _groups(self, sides: Iterable[Direction], adds: int) -> Iterator[_FlagGroup]:
        for side in sides:
            for group in ("entry", "exit"):
                members = self._members(group, side)
                if members:
                    yield _FlagGroup(_FLAGS[side, group], group == "entry", members)
            for number in range(adds):
                members = self._members(f"add {number + 1}", side)
                if members:
                    flag = add_flag(number, long=side is Direction.LONG)
                    yield _FlagGroup(flag, every=True, members=members)

    def _members(self, group: str, side: Direction) -> tuple[int, ...]:
        return tuple(
            position
            for position, (of, rule) in enumerate(self.rules)
            if of == group and rule.concerns(side)
        )


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
