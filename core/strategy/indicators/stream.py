"""Computes series candle by candle, as a session needs them.

A `StreamProgram` is made once from the series wanted: every series has a slot in one list, and a
step that fills the slot from others, in order of need. TA-Lib's own streaming handles carry the
state of its functions forward (O(1) a candle, the same bits as its batch functions).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from core.market.candles.candle import Candle
from core.market.candles.timeframes import HigherTimeframe
from core.strategy.indicators import steps
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
    TalibCall,
    Unless,
)
from core.strategy.indicators.steps import COLUMNS, HigherCandles, Step, Steps

_ARITHMETIC: Mapping[Arithmetic, type[steps.TwoSided]] = {
    Arithmetic.ADD: steps.Add,
    Arithmetic.SUBTRACT: steps.Subtract,
    Arithmetic.MULTIPLY: steps.Multiply,
    Arithmetic.RATIO: steps.Ratio,
    Arithmetic.GREATER: steps.Greater,
    Arithmetic.LESSER: steps.Lesser,
}


class StreamProgram:
    """The values of some series at the newest candle.

    `slot(series)` is the position of a series in `values`; the first six positions are the columns
    of the candle itself. `higher`: how the candles of each higher timeframe came about.
    """

    def __init__(self, wanted: Iterable[Series]) -> None:
        self.steps = Steps()
        self._slots: dict[Series | Flat | Call, int] = {}
        self._programs: dict[tuple[HigherTimeframe, int], StreamProgram] = {}
        self.higher: dict[HigherTimeframe, HigherCandles] = {}
        for series in wanted:
            self.slot(series)

    @property
    def values(self) -> list[Any]:
        """What the slots hold."""
        return self.steps.values

    def advance(self, candle: Candle) -> None:
        """Take one closed candle."""
        self.steps.advance(candle)

    def slot(self, series: Series | Flat | Call) -> int:
        """The position of a series in `values`; to be asked for before the first candle.

        The results of a call stand one after the other: its position is that of the first.
        """
        match series:
            case Price(column):
                return COLUMNS.index(column)
            case Output(call, position):
                return self.slot(call) + position
        out = self._slots.get(series)
        if out is None:
            out = self._slots[series] = len(self.values)
            size = series.outputs if isinstance(series, Call) else 1
            self.values.extend([math.nan] * size)
            if isinstance(series, Constant):
                self.values[out] = series.number
            else:
                self.steps.order.append(self._step(series, out))
        return out

    def _step(self, series: Series | Flat | Call, out: int) -> Step:
        match series:
            case Clock(unit, candle_ms):
                return steps.Clock(unit, candle_ms, out)
            case Combined(operation, left, right):
                return _ARITHMETIC[operation](self.slot(left), self.slot(right), out)
            case Absolute(of):
                return steps.Absolute(self.slot(of), out)
            case Ago(of, candles):
                return steps.Ago(self.slot(of), candles, out)
            case Unless(of, flat):
                return steps.Unless(self.slot(of), self.slot(flat), out)
            case Flat(high, low, period, memory):
                return steps.Flat(self.slot(high), self.slot(low), period, memory, out)
            case RunningSum(of, daily):
                return steps.RunningSum(self.slot(of), daily, out)
            case Higher(of, timeframe, candle_ms):
                inner = self._higher(timeframe, candle_ms)
                return steps.OfHigher(inner.steps, inner.slot(of), out)
            case RowsCall(rows, inputs, outputs):
                return steps.OfRows(rows, [self.slot(one) for one in inputs], outputs, out)
            case TalibCall(inputs=inputs):
                return steps.OfTalib(series, [self.slot(one) for one in inputs], out)
        raise TypeError(f"expected a series of core.strategy.series, got {series!r}")

    def _higher(self, timeframe: HigherTimeframe, candle_ms: int) -> StreamProgram:
        """The program of the higher candles, which takes each as it closes."""
        program = self._programs.get((timeframe, candle_ms))
        if program is None:
            program = self._programs[timeframe, candle_ms] = StreamProgram(())
            higher = HigherCandles(timeframe, candle_ms, program.steps)
            self.higher[timeframe] = higher
            self.steps.order.append(higher)
        return program
