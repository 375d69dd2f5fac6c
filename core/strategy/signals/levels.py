"""Lists the levels that a config asks its signals for: prices that its trading is made from.

A level is one number a candle: a price, or a distance. The rules get those of the candle that
decides, and of every later one where a stop trails.
"""

from __future__ import annotations

from core.strategy.config.config import StrategyConfig
from core.strategy.config.orders import Atr, LevelSpec, Swing
from core.strategy.indicators.described import Described
from core.strategy.indicators.series import CLOSE, HIGH, LOW, Series, talib


def level_series(config: StrategyConfig, described: Described) -> dict[str, Series]:
    """Every level by its name, in the order of `Orders.levels`.

    `described.series` makes one of an expression (`Operand`) of the config.
    """

    def series(level: LevelSpec) -> Series:
        match level:
            case Atr(period, multiplier):
                return talib("ATR", HIGH, LOW, CLOSE, timeperiod=period) * multiplier
            case Swing(candles, highest):
                price = HIGH if highest else LOW
                if candles == 1:
                    return price
                return talib("MAX" if highest else "MIN", price, timeperiod=candles)
        return described.series(level)

    return {str(level): series(level) for level in config.orders.levels}
