"""Plans what the conditions of a config ask for, once for batch and stream alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from core.market.candles.candles import Candles
from core.strategy.config.conditions import Direction
from core.strategy.config.config import StrategyConfig
from core.strategy.config.orders import Atr, Swing
from core.strategy.indicators.described import Described
from core.strategy.indicators.higher import how_built
from core.strategy.signals.levels import level_series
from core.strategy.signals.source import (
    ENTER_LONG,
    ENTER_SHORT,
    EXIT_LONG,
    EXIT_SHORT,
    add_flag,
)

_FLAGS = {
    (Direction.LONG, "entry"): ENTER_LONG,
    (Direction.LONG, "exit"): EXIT_LONG,
    (Direction.SHORT, "entry"): ENTER_SHORT,
    (Direction.SHORT, "exit"): EXIT_SHORT,
}


class FlagGroup(NamedTuple):
    """Which conditions together give a flag: every one of them, or any."""

    flag: int
    every: bool
    members: tuple[int, ...]


class Plan:
    """A config as series: the fields decisions wait for, the conditions, the flags they give."""

    def __init__(self, config: StrategyConfig, described: Described | None = None) -> None:
        """Plan a config; `described`: its words, where they are known."""
        self._candle_ms = config.timeframe.ms
        self.described = described or Described.of(config)
        self.levels = level_series(config, self.described)
        waited = [one for one in config.orders.levels if isinstance(one, Atr | Swing)]
        self.fields = (*self.described.fields, *(self.levels[str(one)] for one in waited))
        self.rules = config.grouped_conditions
        self.groups = tuple(self._groups(config.sides, len(config.orders.adds)))

    def notes(self, candles: Candles) -> tuple[str, ...]:
        """Sentences on higher candles that lack some of their own, or are not finished."""
        built = {one: how_built(candles, one, self._candle_ms) for one in self.described.higher}
        return self.described.notes(built)

    def _groups(self, sides: Iterable[Direction], adds: int) -> Iterator[FlagGroup]:
        for side in sides:
            for group in ("entry", "exit"):
                members = self._members(group, side)
                if members:
                    yield FlagGroup(_FLAGS[side, group], group == "entry", members)
            for number in range(adds):
                members = self._members(f"add {number + 1}", side)
                if members:
                    flag = add_flag(number, long=side is Direction.LONG)
                    yield FlagGroup(flag, every=True, members=members)

    def _members(self, group: str, side: Direction) -> tuple[int, ...]:
        return tuple(
            position
            for position, (of, rule) in enumerate(self.rules)
            if of == group and rule.concerns(side)
        )
