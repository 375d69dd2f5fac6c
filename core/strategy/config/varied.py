"""Reads many configs that have most in common, as those of a sweep do, each part of them once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from core.market.candles.timeframes import Timeframe
from core.strategy.config.condition_parsing import parse_conditions
from core.strategy.config.config import StrategyConfig
from core.strategy.config.expressions import Named
from core.strategy.config.indicator_parsing import parse_indicators
from core.strategy.config.parsing import OF_CONDITIONS, parse_config, parse_entries
from core.strategy.config.problems import ConfigError, Problems

_Part = TypeVar("_Part")


class VariedConfigs:
    """Configs like `base`, which are written in JSON values and all have the same keys of lists.

    What a config makes of everything but its indicators and conditions depends on no more of these
    than what they are called and whether there are any; and what it makes of its conditions on no
    more of the indicators than what these are called. Where that is as in `base`, a config is put
    together from parts, each known by the repr of what is written, which tells all values apart.
    """

    def __init__(self, base: Mapping[str, Any]) -> None:
        self._lists = {key: base[key] for key in OF_CONDITIONS}
        self._known: dict[Hashable, Any] = {}
        timeframe = Timeframe(base["timeframe"])
        named = parse_indicators(Problems(), "indicators", base["indicators"], timeframe)
        self._names = _names(named)

    def config(self, raw: Mapping[str, Any]) -> StrategyConfig:
        """As `parse_config` reads it.

        Raises:
            ConfigError: with every problem.
        """
        try:
            config = self._put_together(raw)
        except ConfigError:
            config = None
        return config or parse_config(raw).config

    def _put_together(self, raw: Mapping[str, Any]) -> StrategyConfig | None:
        """The config; None where `parse_config` has to read it.

        Raises:
            ConfigError: with the first problems.
        """
        lists = {key: raw[key] for key in OF_CONDITIONS}
        alike = all(bool(lists[key]) == bool(its) for key, its in self._lists.items())
        if not alike or lists == self._lists:
            return None
        rest = {**raw, **self._lists}
        config = self._part(("rest", repr(rest)), lambda _: parse_config(rest).config)
        if config.signals is not None:
            return None
        direction, timeframe, written = config.direction, config.timeframe, raw["indicators"]
        named = self._part(
            ("indicators", repr(written), timeframe),
            lambda problems: parse_indicators(problems, "indicators", written, timeframe),
        )
        if _names(named) != self._names:
            return None
        entries, exits = raw["entry_conditions"], raw["exit_conditions"]
        return replace(
            config,
            indicators=tuple(one.spec for one in named.values() if one.spec is not None),
            entry_conditions=self._part(
                ("entries", repr(entries), direction),
                lambda problems: parse_entries(problems, raw, named, direction),
            ),
            exit_conditions=self._part(
                ("exits", repr(exits), direction),
                lambda problems: parse_conditions(
                    problems, "exit_conditions", exits, named, direction
                ),
            ),
        )

    def _part(self, of: Hashable, read: Callable[[Problems], _Part]) -> _Part:
        if of not in self._known:
            problems = Problems()
            made = read(problems)
            if problems.found:
                raise ConfigError(problems.found)
            self._known[of] = made
        known: _Part = self._known[of]
        return known


def _names(named: Mapping[str, Named]) -> list[tuple[str, object]]:
    """What indicators are called, in their order, and which they are."""
    return [(key, one.indicator) for key, one in named.items()]
