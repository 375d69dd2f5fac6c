"""Lists the levels that a config asks its signals for: prices that its trading is made from."""

from __future__ import annotations

from core.strategy.config.config import StrategyConfig
from core.strategy.indicators.described import Described
from core.strategy.indicators.series import Series


def level_series(config: StrategyConfig, described: Described) -> dict[str, Series]:
    """Every level by its name; decisions wait until each has had a value.

    `described.series` makes one of an expression (`Operand`) of the config; what needs no
    indicator of the config, such as an ATR of its own, is put together from
    `core.strategy.indicators.series`.
    """
    return {}
