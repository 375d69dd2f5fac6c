"""Computes series candle by candle, as a session needs them.

A `StreamProgram` is compiled once from the series wanted: every series has a slot in one list, and
a step that fills the slot from others, in order of need. TA-Lib's own streaming handles carry the
state of its functions forward (O(1) a candle, the same bits as its batch functions).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from math import isfinite
from typing import Any

from core.market.candles.candles import Candle
from core.market.candles.timeframes import HigherTimeframe
from core.strategy.indicators.higher import HigherStep
from core.strategy.indicators.recursions import FlatStep, RowsStep, RunningSumStep
from core.strategy.indicators.series import (
    Absolute,
    Ago,
    Arithmetic,
    Call,
    Clock,
    ClockUnit,
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
    always_known,
)
from core.strategy.indicators.talib_calls import needed_history, open_handle

Slots = list[Any]
Step = Callable[[Slots], None]

_COLUMNS = Candle._fields
_TIME = _COLUMNS.index("time")


class StreamProgram:
    """The values of some series at the newest candle.

    `slot(series)` is the position of a series in `values`; the first six positions are the columns
    of the candle itself. `higher`: how the candles of each higher timeframe came about.
    """

    def __init__(self, wanted: Iterable[Series]) -> None:
        self.values: Slots = [math.nan] * len(_COLUMNS)
        self._slots: dict[Series | Flat | Call, int] = {}
        self._steps: list[Step] = []
        self._programs: dict[tuple[HigherTimeframe, int], StreamProgram] = {}
        self.higher: dict[HigherTimeframe, HigherStep] = {}
        for series in wanted:
            self.slot(series)

    def advance(self, candle: Candle) -> None:
        """Take one closed candle."""
        values = self.values
        values[:6] = candle
        for step in self._steps:
            step(values)

    def slot(self, series: Series | Flat | Call) -> int:
        """The position of a series in `values`; to be asked for before the first candle."""
        if isinstance(series, Price):
            return _COLUMNS.index(series.column)
        match series:
            case Output(TalibCall(outputs=1) as call):
                return self.slot(call)  # which gives a number then, not a tuple
        out = self._slots.get(series)
        if out is None:
            out = self._slots[series] = len(self.values)
            self.values.append(math.nan)
            step = self._compile(series, out)
            if step is not None:
                self._steps.append(step)
        return out

    def _compile(self, series: Series | Flat | Call, out: int) -> Step | None:
        match series:
            case Constant(number):
                self.values[out] = number
                return None
            case Clock(unit, candle_ms):
                return _clock(unit, candle_ms, out)
            case Combined(operation, left, right):
                return _ARITHMETIC[operation](self.slot(left), self.slot(right), out)
            case Absolute(of):
                return _absolute(self.slot(of), out)
            case Ago(of, candles):
                return _ago(self.slot(of), candles, out)
            case Unless(of, flat):
                return _unless(self.slot(of), self.slot(flat), out)
            case Flat(high, low, period, memory):
                return _flat(self.slot(high), self.slot(low), FlatStep(period, memory), out)
            case RunningSum(of, daily):
                return _running_sum(self.slot(of), RunningSumStep(daily), out)
            case Output(call, position):
                return _output(self.slot(call), position, out)
            case Higher(of, timeframe, candle_ms):
                inner = self._higher(timeframe, candle_ms)
                return _of_higher(inner, inner.slot(of), out)
            case RowsCall(rows, inputs, outputs):
                self.values[out] = (math.nan,) * outputs
                return _rows([self.slot(one) for one in inputs], RowsStep(rows), out)
            case TalibCall():
                return self._talib(series, [self.slot(one) for one in series.inputs], out)
        raise TypeError(f"expected a series of core.strategy.series, got {series!r}")

    def _higher(self, timeframe: HigherTimeframe, candle_ms: int) -> StreamProgram:
        """The program of the higher candles, which takes each as it closes."""
        program = self._programs.get((timeframe, candle_ms))
        if program is None:
            program = self._programs[timeframe, candle_ms] = StreamProgram(())
            higher = self.higher[timeframe] = HigherStep(timeframe, candle_ms)
            self._steps.append(_feed(higher, program))
        return program

    def _talib(self, call: TalibCall, inputs: list[int], out: int) -> Step:
        """Gather candles until TA-Lib can open its handle, then hand over to the handle alone."""
        needed = needed_history(call)
        history: list[list[float]] = [[] for _ in inputs]
        unknown = math.nan if call.outputs == 1 else (math.nan,) * call.outputs
        self.values[out] = unknown
        always = all(map(always_known, call.inputs))

        def gather(values: Slots) -> None:
            row = [values[position] for position in inputs]
            if not all(map(isfinite, row)):
                return
            for column, value in zip(history, row, strict=True):
                column.append(value)
            if len(history[0]) < needed:
                return
            handle = open_handle(call, history)
            if handle is None:
                return
            values[out] = handle.value
            update = _update(inputs, handle.update, out)
            if not always:
                update = _where_known(inputs, update, unknown, out)
            self._steps[self._steps.index(gather)] = update

        return gather


def _feed(higher: HigherStep, program: StreamProgram) -> Step:
    def step(values: Slots) -> None:
        for candle in higher(Candle(*values[:6])):
            program.advance(candle)

    return step


def _where_known(inputs: list[int], update: Step, unknown: Any, out: int) -> Step:
    def step(values: Slots) -> None:
        for position in inputs:
            if not isfinite(values[position]):
                values[out] = unknown
                return
        update(values)

    return step


def _clock(unit: ClockUnit, candle_ms: int, out: int) -> Step:
    def step(values: Slots) -> None:
        values[out] = float(unit.of(values[_TIME] + candle_ms))

    return step


def _update(inputs: list[int], update: Callable[..., Any], out: int) -> Step:
    match inputs:
        case [a]:

            def step(values: Slots) -> None:
                values[out] = update(values[a])

        case [a, b]:

            def step(values: Slots) -> None:
                values[out] = update(values[a], values[b])

        case [a, b, c]:

            def step(values: Slots) -> None:
                values[out] = update(values[a], values[b], values[c])

        case _:

            def step(values: Slots) -> None:
                values[out] = update(*[values[position] for position in inputs])

    return step


def _add(a: int, b: int, out: int) -> Step:
    def step(values: Slots) -> None:
        values[out] = values[a] + values[b]

    return step


def _subtract(a: int, b: int, out: int) -> Step:
    def step(values: Slots) -> None:
        values[out] = values[a] - values[b]

    return step


def _multiply(a: int, b: int, out: int) -> Step:
    def step(values: Slots) -> None:
        values[out] = values[a] * values[b]

    return step


def _ratio(a: int, b: int, out: int) -> Step:
    def step(values: Slots) -> None:
        denominator = values[b]
        values[out] = values[a] / denominator if denominator else math.nan

    return step


def _greater(a: int, b: int, out: int) -> Step:
    def step(values: Slots) -> None:
        left, right = values[a], values[b]
        values[out] = left if left > right or math.isnan(left) else right

    return step


def _lesser(a: int, b: int, out: int) -> Step:
    def step(values: Slots) -> None:
        left, right = values[a], values[b]
        values[out] = left if left < right or math.isnan(left) else right

    return step


_ARITHMETIC: dict[Arithmetic, Callable[[int, int, int], Step]] = {
    Arithmetic.ADD: _add,
    Arithmetic.SUBTRACT: _subtract,
    Arithmetic.MULTIPLY: _multiply,
    Arithmetic.RATIO: _ratio,
    Arithmetic.GREATER: _greater,
    Arithmetic.LESSER: _lesser,
}


def _absolute(a: int, out: int) -> Step:
    def step(values: Slots) -> None:
        values[out] = abs(values[a])

    return step


def _ago(a: int, candles: int, out: int) -> Step:
    past = deque([math.nan] * (candles + 1), candles + 1)

    def step(values: Slots) -> None:
        past.append(values[a])
        values[out] = past[0]

    return step


def _unless(a: int, flat: int, out: int) -> Step:
    def step(values: Slots) -> None:
        values[out] = math.nan if values[flat] else values[a]

    return step


def _flat(high: int, low: int, flat: FlatStep, out: int) -> Step:
    def step(values: Slots) -> None:
        values[out] = flat(values[high], values[low])

    return step


def _running_sum(a: int, total: RunningSumStep, out: int) -> Step:
    def step(values: Slots) -> None:
        values[out] = total(values[_TIME], values[a])

    return step


def _output(a: int, position: int, out: int) -> Step:
    def step(values: Slots) -> None:
        values[out] = values[a][position]

    return step


def _rows(inputs: list[int], step_rows: RowsStep, out: int) -> Step:
    def step(values: Slots) -> None:
        values[out] = step_rows(tuple([values[position] for position in inputs]))

    return step


def _of_higher(inner: StreamProgram, position: int, out: int) -> Step:
    def step(values: Slots) -> None:
        values[out] = inner.values[position]

    return step
