"""Lists the kinds of signal sources, and makes the one that a config names.

A new kind of strategy is a module with a `SignalSource`, and one line in `SOURCES`. A config names
it in its key `signals`: `{"source": "NAME", …}`, where everything else is the source's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from core.market.candles.candles import Candles
from core.strategy.config.config import StrategyConfig
from core.strategy.config.problems import Problems
from core.strategy.config.validators import unknown_keys
from core.strategy.indicators.batch import Batch
from core.strategy.signals.condition_source import ConditionSource
from core.strategy.signals.source import ConditionSeries, SignalSeries, SignalSource
from core.text import counted

DEFAULT_SOURCE = "conditions"
_MOST_WARMUP = 100_000  # candles
_ANY_BALANCE = 10_000.0

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
    DEFAULT_SOURCE: SourceKind(ConditionSource),
}


def signal_source(config: StrategyConfig) -> SignalSource:
    """What decides for a strategy."""
    name = DEFAULT_SOURCE if config.signals is None else str(config.signals["source"])
    return SOURCES[name].make(config)


def digest_at_any_balance(config: StrategyConfig) -> str:
    """The digest of what a config trades; with another starting balance it is the same.

    Its returns are relative, so that another balance is neither another try nor other evidence;
    but for trades of one amount of money, which are another share of it.
    """
    if config.orders.fixed_amount:
        return signal_source(config).digest
    return signal_source(replace(config, starting_balance=_ANY_BALANCE)).digest


def warmup_candles(config: StrategyConfig) -> int:
    """How many candles a session wants before its first decision (docs/rules.md §2)."""
    return signal_source(config).warmup


def chosen_warmup(config: StrategyConfig, chosen: int | None) -> tuple[int, str | None]:
    """The warm-up to use where one may have been `chosen` by hand, and a notice if it was.

    Returns:
        Candles, and a sentence that marks the run where they are not what the strategy wants.

    Raises:
        ValueError: `chosen` is no number of candles.
    """
    wanted = warmup_candles(config)
    if chosen is None or chosen == wanted:
        return wanted, None
    if not 0 <= chosen <= _MOST_WARMUP:
        raise ValueError(
            f"a warm-up of {chosen} candles: expected 0 to {_MOST_WARMUP}, or none for {wanted}"
        )
    effect = "recursive indicators may still differ from those of a longer history"
    than = f"shorter than the {wanted} this strategy wants: {effect}"
    if chosen > wanted:
        than = f"longer than the {wanted} this strategy wants"
    return chosen, f"the warm-up was set by hand to {counted(chosen, 'candle')}, {than}"


def signal_series(
    config: StrategyConfig, candles: Candles, batch: Batch | None = None
) -> SignalSeries:
    """The flags of all candles at once; `batch` is that of `SignalSource.series`."""
    return signal_source(config).series(candles, batch)


def condition_series(config: StrategyConfig, candles: Candles) -> tuple[ConditionSeries, ...]:
    """Each condition by itself over all candles, entries first, in the order of the config."""
    return signal_source(config).conditions(candles)
