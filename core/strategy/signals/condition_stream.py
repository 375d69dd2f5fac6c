"""Evaluates rules one candle after another: conditions, groups of them, how long they have held.

To the same truth as `core.strategy.signals.evaluation` does over all candles at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from core.market.candles.candle import Candle
from core.strategy.config.conditions import Condition, Group, Lasting, Rule
from core.strategy.indicators.described import Described
from core.strategy.indicators.steps import Steps
from core.strategy.indicators.stream import StreamProgram
from core.strategy.signals.conditions import (
    COMPARISONS,
    CROSSINGS,
    condition_readings,
    group_reading,
    lasting_reading,
    members_needed,
    parts_of,
)
from core.strategy.signals.plan import Plan
from core.strategy.signals.reading import Reading


class StreamRule:
    """A rule at the newest candle."""

    __slots__ = ("held",)

    def __init__(self) -> None:
        self.held = False

    def take(self, values: list[Any]) -> None:
        """Take the `values` of a stream's next candle: `held` is whether the rule holds at it."""
        raise NotImplementedError

    def readings(self, group: str, values: list[Any], depth: int) -> list[Reading]:
        """What stands behind `held`: of a `group` of the config, with the values taken last."""
        raise NotImplementedError


class _Condition(StreamRule):
    """Two series that are compared."""

    __slots__ = ("_parts", "_rule", "left", "right")

    def __init__(self, rule: Condition, described: Described, program: StreamProgram) -> None:
        super().__init__()
        self._rule = rule
        self.left: int = program.slot(described.series(rule.left))
        self.right: int = program.slot(described.series(rule.right))
        self._parts = {str(one): program.slot(described.series(one)) for one in parts_of(rule)}

    def readings(self, group: str, values: list[Any], depth: int) -> list[Reading]:
        """See `StreamRule`."""
        sides = float(values[self.left]), float(values[self.right])
        known = {name: float(values[slot]) for name, slot in self._parts.items()}
        return [*condition_readings(self._rule, group, sides, bool(self.held), known, depth)]


class Comparison(_Condition):
    """Two series on the same candle."""

    __slots__ = ("_compare",)

    def __init__(self, rule: Condition, described: Described, program: StreamProgram) -> None:
        super().__init__(rule, described, program)
        self._compare = COMPARISONS[rule.operator]

    def take(self, values: list[Any]) -> None:
        """See `StreamRule`."""
        self.held = self._compare(values[self.left], values[self.right])


class Crossing(_Condition):
    """Two series on two candles."""

    __slots__ = ("_before", "_cross", "_threshold_before")

    def __init__(self, rule: Condition, described: Described, program: StreamProgram) -> None:
        super().__init__(rule, described, program)
        self._cross = CROSSINGS[rule.operator]
        self._before: Any = math.nan
        self._threshold_before: Any = math.nan

    def take(self, values: list[Any]) -> None:
        """See `StreamRule`."""
        now, threshold = values[self.left], values[self.right]
        self.held = self._cross(self._before, self._threshold_before, now, threshold)
        self._before, self._threshold_before = now, threshold


class Together(StreamRule):
    """A group of rules."""

    __slots__ = ("_members", "_needed", "_rule")

    def __init__(self, rule: Group, members: list[StreamRule]) -> None:
        super().__init__()
        self._rule = rule
        self._members = members
        self._needed: int = members_needed(rule)

    def take(self, values: list[Any]) -> None:
        """See `StreamRule`."""
        count = 0
        member: StreamRule
        for member in self._members:  # every one sees every candle: some remember the one before
            member.take(values)
            if member.held:
                count += 1
        self.held = count >= self._needed if self._needed else count == 0

    def readings(self, group: str, values: list[Any], depth: int) -> list[Reading]:
        """See `StreamRule`."""
        count = sum([bool(member.held) for member in self._members])
        found = [group_reading(self._rule, group, count, self.held, depth)]
        for member in self._members:
            found += member.readings(group, values, depth + 1)
        return found


class Lasted(StreamRule):
    """A rule that is to have held for some candles, or within them."""

    __slots__ = ("_candles", "_every", "_inner", "_lasting", "_row", "_rule", "_since")

    def __init__(self, rule: Rule, lasting: Lasting, inner: StreamRule) -> None:
        super().__init__()
        self._rule = rule
        self._lasting = lasting
        self._inner = inner
        self._every: bool = lasting.every
        self._candles: int = lasting.candles
        self._row = 0  # candles in a row on which it held
        self._since: int = -1  # candles since it held last; below 0: it never did

    def take(self, values: list[Any]) -> None:
        """See `StreamRule`."""
        self._inner.take(values)
        if self._inner.held:
            self._row += 1
            self._since = 0
        else:
            self._row = 0
            if self._since >= 0:
                self._since += 1
        if self._every:
            self.held = self._row >= self._candles
        else:
            self.held = 0 <= self._since < self._candles

    def readings(self, group: str, values: list[Any], depth: int) -> list[Reading]:
        """See `StreamRule`."""
        since = self._since if self._since >= 0 else None
        own = lasting_reading(self._rule, self._lasting, group, self._row, since, self.held, depth)
        return [own, *self._inner.readings(group, values, depth + 1)]


def stream_rule(rule: Rule, described: Described, program: StreamProgram) -> StreamRule:
    """A rule that has seen no candle yet; to be made before the program's first one."""
    made: StreamRule
    if isinstance(rule, Group):
        made = Together(rule, [stream_rule(one, described, program) for one in rule.members])
    elif rule.operator in COMPARISONS:
        made = Comparison(rule, described, program)
    else:
        made = Crossing(rule, described, program)
    return made if rule.lasting is None else Lasted(rule, rule.lasting, made)


class Raised:
    """Rules that raise a flag: every one of them together, or any."""

    __slots__ = ("every", "flag", "rules")

    def __init__(self, flag: int, every: bool, rules: list[StreamRule]) -> None:
        self.flag = flag
        self.every = every
        self.rules = rules


class ConditionStream:
    """The flags of one candle after another: those of `ConditionSource.series`, to the last bit."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        program = StreamProgram(plan.fields)
        self._program = program
        self._steps: Steps = program.steps
        self._fields = [program.slot(series) for series in plan.fields]
        rules = [stream_rule(one, plan.described, program) for _, one in plan.rules]
        self._rules: list[StreamRule] = rules
        self._raised = [
            Raised(flag, every, [rules[member] for member in members])
            for flag, every, members in plan.groups
        ]
        self._levels = [(name, program.slot(one)) for name, one in plan.levels.items()]
        self._ready = False

    @property
    def ready(self) -> bool:
        """Whether decisions count: there was a candle on which no indicator's field was NaN."""
        return self._ready

    def update(self, candle: Candle) -> int:
        """Take one closed candle; its flags, 0 as long as the stream is not `ready`."""
        self._steps.advance(candle)
        values = self._steps.values
        rule: StreamRule
        for rule in self._rules:
            rule.take(values)
        if not self._ready:
            self._ready = self._all_known(values)
            if not self._ready:
                return 0
        flags: int = 0
        raised: Raised
        for raised in self._raised:
            together = raised.every
            for rule in raised.rules:
                if rule.held != raised.every:
                    together = not raised.every
                    break
            if together:
                flags |= raised.flag
        return flags

    def _all_known(self, values: list[Any]) -> bool:
        return all(values[slot] == values[slot] for slot in self._fields)

    def levels(self) -> dict[str, float]:
        """The levels of the config at the newest candle, NaN where one is not known."""
        values = self._steps.values
        return {name: float(values[slot]) for name, slot in self._levels}

    def notes(self) -> tuple[str, ...]:
        """Sentences on higher candles that lack some of their own, or are not finished."""
        higher = self._program.higher
        built = {timeframe: one.built for timeframe, one in higher.items()}
        return self._plan.described.notes(built)

    def readings(self) -> tuple[Reading, ...]:
        """Every rule at the newest candle with its parts, in the order of the config."""
        values = self._steps.values
        found = []
        for (group, _), rule in zip(self._plan.rules, self._rules, strict=True):
            found += rule.readings(group, values, 0)
        return tuple(found)

    def preparation(self) -> Callable[[], None] | None:
        """See `SignalStream.preparation`: it has all that it reads."""
        return None
