"""Computes series over all candles at once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.market.candles.candles import Candles, Floats
from core.market.candles.timeframes import HigherTimeframe
from core.strategy.indicators.higher import higher_candles
from core.strategy.indicators.recursions import flat_spans, rows_arrays, running_sum
from core.strategy.indicators.series import (
    Absolute,
    Ago,
    Arithmetic,
    Call,
    Clock,
    Combined,
    Constant,
    Flat,
    Higher,
    Output,
    Price,
    RowsCall,
    RunningSum,
    Series,
    Unless,
)
from core.strategy.indicators.talib_calls import batch_call

_Made = TypeVar("_Made")


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

    def __init__(self, candles: Candles, before: Batch | None = None) -> None:
        """Begin with no series; what `before` shared of the same candles is taken over."""
        self._candles = candles
        self._values: dict[Series, Floats] = {}
        self._calls: dict[Call, tuple[Floats, ...]] = {}
        self._shared: dict[Hashable, Any] = {} if before is None else before._shared
        self._latest: dict[Hashable, tuple[object, Any]] = {}
        self._batches: dict[tuple[HigherTimeframe, int], tuple[Batch, NDArray[np.int64]]] = {}

    def values(self, series: Series) -> Floats:
        """One value for every candle, NaN where there is none."""
        known = self._values.get(series)
        if known is None:
            known = self._values[series] = self._compute(series)
        return known

    def shared(self, key: Hashable, make: Callable[[], _Made]) -> _Made:
        """What somebody makes of these candles, once for all who ask for it by the same key."""
        if key not in self._shared:
            self._shared[key] = make()
        made: _Made = self._shared[key]
        return made

    def latest(self, key: Hashable, of: object, make: Callable[[], _Made]) -> _Made:
        """As `shared`, for what is made of something else, too: kept until that is another."""
        known = self._latest.get(key)
        if known is None or known[0] != of:
            known = self._latest[key] = of, make()
        made: _Made = known[1]
        return made

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
            case Higher():
                return self._higher(series)
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
        inputs = [self.values(one) for one in call.inputs]
        return rows_arrays(call, inputs) if isinstance(call, RowsCall) else batch_call(call, inputs)

    def _higher(self, series: Higher) -> Floats:
        """What a series of higher candles came to on the newest that had closed."""
        place = series.timeframe, series.candle_ms
        if place not in self._batches:
            higher, known = higher_candles(self._candles, *place)
            self._batches[place] = Batch(higher), known
        batch, known = self._batches[place]
        values = np.append(batch.values(series.of), np.nan)  # at -1: nothing has closed
        return values[known]
