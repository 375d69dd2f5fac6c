"""Computes series over all candles at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from core.market.candles.candles import Candles, Floats
from core.strategy.config.config import IndicatorSpec
from core.strategy.indicators.recursions import flat_spans, running_sum, supertrend_arrays
from core.strategy.indicators.registry import indicator_series
from core.strategy.indicators.series import (
    Absolute,
    Ago,
    Arithmetic,
    Call,
    Clock,
    Combined,
    Constant,
    Flat,
    Output,
    Price,
    RunningSum,
    Series,
    SupertrendCall,
    Unless,
)
from core.strategy.indicators.talib_calls import batch_call


def _ratio(left: Any, right: Any) -> Floats:
    quotient: Floats = np.divide(left, right)
    if np.isscalar(right):
        return quotient
    zero = right == 0.0
    if zero.any():
        quotient[zero] = np.nan
    return quotient


_ARITHMETIC: dict[Arithmetic, Callable[[Any, Any], Floats]] = {
    Arithmetic.ADD: np.add,
    Arithmetic.SUBTRACT: np.subtract,
    Arithmetic.MULTIPLY: np.multiply,
    Arithmetic.RATIO: _ratio,
    Arithmetic.GREATER: np.maximum,
    Arithmetic.LESSER: np.minimum,
}


class Batch:
    """Series over the candles given, each computed once however often it is asked for.

    The arrays are shared between those who ask: nobody writes into them.
    """

    def __init__(self, candles: Candles) -> None:
        self._candles = candles
        self._values: dict[Series, Floats] = {}
        self._calls: dict[Call, tuple[Floats, ...]] = {}

    def values(self, series: Series) -> Floats:
        """One value for every candle, NaN where there is none."""
        known = self._values.get(series)
        if known is None:
            known = self._values[series] = self._compute(series)
        return known

    def _compute(self, series: Series) -> Floats:
        match series:
            case Price(column):
                prices: Floats = getattr(self._candles, column)
                return prices
            case Clock(unit, candle_ms):
                return np.asarray(unit.of(self._candles.time + candle_ms), dtype=np.float64)
            case Constant(number):
                return np.full(len(self._candles), number)
            case Combined(operation, left, right):
                with np.errstate(all="ignore"):
                    return _ARITHMETIC[operation](self.operand(left), self.operand(right))
            case Absolute(of):
                return np.abs(self.values(of))
            case Ago(of, candles):
                now = self.values(of)
                past = np.full_like(now, np.nan)
                past[candles:] = now[:-candles]
                return past
            case Unless(of, flat):
                return self._unless(self.values(of), flat)
            case RunningSum(of, daily):
                return running_sum(self._candles.time, self.values(of), daily)
            case Output(call, position):
                return self._outputs(call)[position]
        raise TypeError(f"expected a series of core.strategy.series, got {series!r}")

    def operand(self, series: Series) -> Floats | float:
        """One side of a calculation: a constant as the number it is, other series as values."""
        return series.number if isinstance(series, Constant) else self.values(series)

    def _unless(self, values: Floats, flat: Flat) -> Floats:
        spans = flat_spans(self.values(flat.high), self.values(flat.low), flat.period, flat.memory)
        if not spans:
            return values
        known = values.copy()
        for span in spans:
            known[span] = np.nan
        return known

    def _outputs(self, call: Call) -> tuple[Floats, ...]:
        known = self._calls.get(call)
        if known is None:
            known = self._calls[call] = self._call(call)
        return known

    def _call(self, call: Call) -> tuple[Floats, ...]:
        if isinstance(call, SupertrendCall):
            parts = (call.upper, call.lower, call.middle, call.close)
            return supertrend_arrays(*(self.values(part) for part in parts))
        return batch_call(call, [self.values(one) for one in call.inputs])


def indicator_values(spec: IndicatorSpec, candles: Candles) -> dict[str, Floats]:
    """Every field of one indicator over the candles: canonical field name → values."""
    batch = Batch(candles)
    return {field: batch.values(series) for field, series in indicator_series(spec).items()}
