"""Fills the slots of a stream, one candle after another: a class for each way to come to a value.

A step has the places of what it reads and of what it writes, and its state; `take` is called once a
candle, in order of need. `core.strategy.indicators.stream` makes the steps of what is wanted.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from math import isfinite, isnan
from typing import Any

from core.market.candles.candle import Candle
from core.market.candles.timeframes import DAY, HigherTimeframe
from core.strategy.indicators.higher import Built
from core.strategy.indicators.series import ClockUnit, Row, Rows, TalibCall, always_known
from core.strategy.indicators.talib_calls import needed_history, open_handle

COLUMNS = Candle._fields
"""The slots that a candle itself fills: the first ones."""

_TIME: int = COLUMNS.index("time")
_OPEN: int = COLUMNS.index("open")
_HIGH: int = COLUMNS.index("high")
_LOW: int = COLUMNS.index("low")
_CLOSE: int = COLUMNS.index("close")
_VOLUME: int = COLUMNS.index("volume")
_UNKNOWN: float = math.nan


class Step:
    """What fills a slot, or several."""

    __slots__ = ()

    def take(self, values: list[Any]) -> None:
        """Take the newest candle, which stands in the first slots of `values`."""
        raise NotImplementedError


class Steps:
    """The steps of a stream, and the values that they come to at the newest candle."""

    __slots__ = ("order", "values")

    def __init__(self) -> None:
        self.values: list[Any] = [math.nan] * len(COLUMNS)
        self.order: list[Step] = []

    def advance(self, candle: Candle) -> None:
        """Take one closed candle."""
        values = self.values
        values[:6] = candle
        step: Step
        for step in self.order:
            step.take(values)


class TwoSided(Step):
    """What comes of two slots."""

    __slots__ = ("left", "out", "right")

    def __init__(self, left: int, right: int, out: int) -> None:
        self.left = left
        self.right = right
        self.out = out


class Add(TwoSided):
    """Their sum."""

    __slots__ = ()

    def take(self, values: list[Any]) -> None:
        """See `Step`."""
        values[self.out] = values[self.left] + values[self.right]


class Subtract(TwoSided):
    """The left one less the right one."""

    __slots__ = ()

    def take(self, values: list[Any]) -> None:
        """See `Step`."""
        values[self.out] = values[self.left] - values[self.right]


class Multiply(TwoSided):
    """Their product."""

    __slots__ = ()

    def take(self, values: list[Any]) -> None:
        """See `Step`."""
        values[self.out] = values[self.left] * values[self.right]


class Ratio(TwoSided):
    """The left one divided by the right one, NaN where that is 0."""

    __slots__ = ()

    def take(self, values: list[Any]) -> None:
        """See `Step`."""
        denominator = values[self.right]
        values[self.out] = values[self.left] / denominator if denominator else _UNKNOWN


class Greater(TwoSided):
    """The greater one, NaN where either is."""

    __slots__ = ()

    def take(self, values: list[Any]) -> None:
        """See `Step`."""
        left, right = values[self.left], values[self.right]
        values[self.out] = left if left > right or isnan(left) else right


class Lesser(TwoSided):
    """The lesser one, NaN where either is."""

    __slots__ = ()

    def take(self, values: list[Any]) -> None:
        """See `Step`."""
        left, right = values[self.left], values[self.right]
        values[self.out] = left if left < right or isnan(left) else right


class Unless(TwoSided):
    """The left one, NaN where the right one is true."""

    __slots__ = ()

    def take(self, values: list[Any]) -> None:
        """See `Step`."""
        values[self.out] = _UNKNOWN if values[self.right] else values[self.left]


class Absolute(Step):
    """A value without its sign."""

    __slots__ = ("_of", "_out")

    def __init__(self, of: int, out: int) -> None:
        self._of = of
        self._out = out

    def take(self, values: list[Any]) -> None:
        """See `Step`."""
        values[self._out] = abs(values[self._of])


class Ago(Step):
    """The value of some candles ago, NaN before there was one."""

    __slots__ = ("_of", "_out", "_past")

    def __init__(self, of: int, candles: int, out: int) -> None:
        self._of = of
        self._out = out
        self._past = deque([math.nan] * (candles + 1), candles + 1)

    def take(self, values: list[Any]) -> None:
        """See `Step`."""
        self._past.append(values[self._of])
        values[self._out] = self._past[0]


class Clock(Step):
    """What the clock shows when the candle closes."""

    __slots__ = ("_candle_ms", "_out", "_unit")

    def __init__(self, unit: ClockUnit, candle_ms: int, out: int) -> None:
        self._unit = unit
        self._candle_ms = candle_ms
        self._out = out

    def take(self, values: list[Any]) -> None:
        """See `Step`."""
        values[self._out] = float(self._unit.of(values[_TIME] + self._candle_ms))


class Flat(Step):
    """Whether the last `period` pairs (high, low) have no range, or did within `memory` candles."""

    __slots__ = ("_high", "_hold", "_level", "_low", "_memory", "_out", "_period", "_run")

    def __init__(self, high: int, low: int, period: int, memory: int, out: int) -> None:
        self._high = high
        self._low = low
        self._period = period
        self._memory = memory
        self._out = out
        self._run = 0
        self._hold = 0
        self._level: float = math.nan

    def take(self, values: list[Any]) -> None:
        """See `Step`."""
        high: float = values[self._high]
        low: float = values[self._low]
        if high != low:
            self._run = 0
        elif high == self._level:
            self._run += 1
        else:
            self._run = 1
        self._level = high
        if self._run >= self._period:
            self._hold = self._memory
            values[self._out] = True
        elif self._hold:
            self._hold -= 1
            values[self._out] = True
        else:
            values[self._out] = False


class RunningSum(Step):
    """The sum since the first candle, or since the first one of the UTC day."""

    __slots__ = ("_daily", "_day", "_of", "_out", "_total")

    def __init__(self, of: int, daily: bool, out: int) -> None:
        self._of = of
        self._daily = daily
        self._out = out
        self._day: int | None = None
        self._total = 0.0

    def take(self, values: list[Any]) -> None:
        """See `Step`."""
        value: float = values[self._of]
        day = values[_TIME] // DAY if self._daily else 0
        self._total = self._total + value if day == self._day else value
        self._day = day
        values[self._out] = self._total


class OfRows(Step):
    """A recursion over rows, one row at a time: its results stand from `out` on."""

    __slots__ = ("_inputs", "_out", "_outputs", "_results", "_row")

    def __init__(self, rows: Rows, inputs: Sequence[int], outputs: int, out: int) -> None:
        self._inputs = inputs
        self._outputs = outputs
        self._out = out
        self._row: Row = ()
        self._results = rows(iter(self._next, None))

    def take(self, values: list[Any]) -> None:
        """See `Step`.

        Raises:
            ValueError: the recursion gave another number of results than it said.
        """
        self._row = tuple([values[place] for place in self._inputs])
        results = next(self._results)
        if len(results) != self._outputs:
            raise ValueError(f"{self._outputs} results of a recursion expected, got {results!r}")
        values[self._out : self._out + self._outputs] = results

    def _next(self) -> Row:
        return self._row


class OfTalib(Step):
    """A function of TA-Lib: its results stand from `out` on, NaN before there are any.

    Candles are gathered until its handle can open, which then carries the state from one to the
    next. A candle on which an input is not known has no value and is none to the function.
    """

    __slots__ = (
        "_call",
        "_count",
        "_first",
        "_gathered",
        "_inputs",
        "_needed",
        "_out",
        "_outputs",
        "_second",
        "_third",
        "_unknown",
        "_unsure",
        "_update",
    )

    def __init__(self, call: TalibCall, inputs: Sequence[int], out: int) -> None:
        self._call = call
        self._inputs = inputs
        self._count: int = len(inputs)
        self._first: int = inputs[0]
        self._second: int = inputs[1] if len(inputs) > 1 else 0
        self._third: int = inputs[2] if len(inputs) > 2 else 0
        self._out = out
        self._outputs: int = call.outputs
        self._unknown: Any = math.nan if call.outputs == 1 else (math.nan,) * call.outputs
        self._unsure: bool = not all(map(always_known, call.inputs))
        self._needed: int = needed_history(call)
        self._gathered: list[list[float]] = [[] for _ in inputs]
        self._update: Callable[..., Any] | None = None

    def take(self, values: list[Any]) -> None:
        """See `Step`."""
        result: Any
        update = self._update
        if update is None:
            result = self._gather(values)
        elif self._unsure and not self._all_known(values):
            result = self._unknown
        elif self._count == 1:
            result = update(values[self._first])
        elif self._count == 2:
            result = update(values[self._first], values[self._second])
        elif self._count == 3:
            result = update(values[self._first], values[self._second], values[self._third])
        else:
            result = update(*[values[place] for place in self._inputs])
        if self._outputs == 1:
            values[self._out] = result
        else:
            values[self._out : self._out + self._outputs] = result

    def _all_known(self, values: list[Any]) -> bool:
        return all(map(isfinite, [values[place] for place in self._inputs]))

    def _gather(self, values: list[Any]) -> Any:
        if self._all_known(values):
            for column, place in zip(self._gathered, self._inputs, strict=True):
                column.append(values[place])
            if len(self._gathered[0]) >= self._needed:
                handle = open_handle(self._call, self._gathered)
                if handle is not None:
                    self._gathered = []
                    self._update = handle.update
                    return handle.value
        return self._unknown


class HigherCandles(Step):
    """Builds the candles of a higher timeframe, and gives them to its `steps` as they close.

    They are those of `core.strategy.indicators.higher`.
    """

    __slots__ = (
        "_any",
        "_candle_ms",
        "_close",
        "_closed",
        "_count",
        "_ends",
        "_forms",
        "_high",
        "_lacking",
        "_left_out",
        "_low",
        "_ms",
        "_open",
        "_opens",
        "_steps",
        "_timeframe",
        "_volume",
        "_whole",
    )

    def __init__(self, timeframe: HigherTimeframe, candle_ms: int, steps: Steps) -> None:
        self._timeframe = timeframe
        self._ms: int = timeframe.ms
        self._candle_ms = candle_ms
        self._steps = steps
        self._any = False  # whether there was a candle at all
        self._forms = False  # whether a higher one has begun and not closed: the one below
        self._opens = 0
        self._ends = 0
        self._open = 0.0
        self._high = 0.0
        self._low = 0.0
        self._close = 0.0
        self._volume = 0.0
        self._count = 0  # candles that it is built of
        self._whole = False  # whether the data reaches back to its open
        self._closed = 0
        self._lacking = 0
        self._left_out = False

    @property
    def built(self) -> Built:
        """How the higher candles came about so far."""
        return Built(self._closed, self._lacking, self._forms and self._whole, self._left_out)

    def take(self, values: list[Any]) -> None:
        """See `Step`."""
        time: int = values[_TIME]
        if time >= self._ends or not self._any:
            self._give()
            self._begin(time, values)
        elif self._forms:
            self._high = max(self._high, values[_HIGH])
            self._low = min(self._low, values[_LOW])
            self._close = values[_CLOSE]
            self._volume += values[_VOLUME]
            self._count += 1
        if time + self._candle_ms >= self._ends:
            self._give()

    def _begin(self, time: int, values: list[Any]) -> None:
        self._opens = self._timeframe.floor(time)
        self._ends = self._opens + self._ms
        self._whole = self._any or time == self._opens
        self._left_out = self._left_out or not self._whole
        self._any = True
        self._forms = True
        self._open = values[_OPEN]
        self._high = values[_HIGH]
        self._low = values[_LOW]
        self._close = values[_CLOSE]
        self._volume = values[_VOLUME]
        self._count = 1

    def _give(self) -> None:
        """Close the candle that forms, if one does; one that began before the data is none."""
        if self._forms and self._whole:
            self._closed += 1
            if self._count * self._candle_ms < self._ms:
                self._lacking += 1
            self._steps.advance(
                Candle(self._opens, self._open, self._high, self._low, self._close, self._volume)
            )
        self._forms = False


class OfHigher(Step):
    """A value of the newest candle of a higher timeframe that has closed."""

    __slots__ = ("_of", "_out", "_steps")

    def __init__(self, steps: Steps, of: int, out: int) -> None:
        self._steps = steps
        self._of = of
        self._out = out

    def take(self, values: list[Any]) -> None:
        """See `Step`."""
        values[self._out] = self._steps.values[self._of]
