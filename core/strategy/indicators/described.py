"""Describes everything that a config looks at: its indicators, references and formulas."""

from __future__ import annotations

from functools import reduce

from core.strategy.config.config import Formula, Operand, Reference, StrategyConfig
from core.strategy.indicators.registry import candle_series, indicator_series
from core.strategy.indicators.series import Arithmetic, Combined, Constant, Series


class Described:
    """The series that the words of one config stand for; `fields` are those of all indicators."""

    def __init__(self, config: StrategyConfig) -> None:
        self._candle_ms = config.timeframe.ms
        self._indicators = {spec.key: indicator_series(spec) for spec in config.indicators}
        self.fields = tuple(one for fields in self._indicators.values() for one in fields.values())

    def series(self, operand: Operand) -> Series:
        """A number, a reference or a formula as a series."""
        match operand:
            case Reference(source, field):
                if source in self._indicators:
                    return self._indicators[source][field]
                return candle_series(source, self._candle_ms)
            case Formula(operation, operands):
                parts = [self.series(one) for one in operands]
                if operation == "abs":
                    return abs(parts[0])
                if len(parts) == 1:
                    return parts[0] * -1.0
                how = Arithmetic(operation)
                return reduce(lambda left, right: Combined(how, left, right), parts)
        return Constant(operand)
