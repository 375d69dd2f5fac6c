"""Lists the kinds of signal sources, and makes the one that a config names.

A new kind of strategy is a module with a `SignalSource`, and one line in `SOURCES`. A config names
it in its key `signals`: `{"source": "NAME", …}`, where everything else is the source's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.market.candles.candles import Candles
from core.strategy.config.config import StrategyConfig
from core.strategy.config.problems import Problems
from core.strategy.config.validators import unknown_keys
from core.strategy.indicators.batch import Batch
from core.strategy.signals.condition_source import ConditionSource
from core.strategy.signals.source import ConditionSeries, SignalSeries, SignalSource

DEFAULT = "conditions"

Check = Callable[[Problems, str, Mapping[str, object]], None]
"""Notes every problem of a source's own settings, which stand at a path of the config."""


def _no_settings(problems: Problems, path: str, settings: Mapping[str, object]) -> None:
    unknown_keys(problems, path, settings, ())


@dataclass(frozen=True, slots=True)
class SourceKind:
    """How a kind of source is made from a valid config, and how its settings are checked."""

    make: Callable[[StrategyConfig], SignalSource]
    check: Check = _no_settings


SOURCES: dict[str, SourceKind] = {
    DEFAULT: SourceKind(ConditionSource),
}


def signal_source(config: StrategyConfig) -> SignalSource:
    """What decides for a strategy."""
    name = DEFAULT if config.signals is None else str(config.signals["source"])
    return SOURCES[name].make(config)


def warmup_candles(config: StrategyConfig) -> int:
    """How many candles a session wants before its first decision (docs/rules.md §2)."""
    return signal_source(config).warmup


def signal_series(
    config: StrategyConfig, candles: Candles, batch: Batch | None = None
) -> SignalSeries:
    """The flags of all candles at once; `batch` is that of `SignalSource.series`."""
    return signal_source(config).series(candles, batch)


def condition_series(config: StrategyConfig, candles: Candles) -> tuple[ConditionSeries, ...]:
    """Each condition by itself over all candles, entries first, in the order of the config."""
    return signal_source(config).conditions(candles)
