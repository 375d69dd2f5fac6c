"""Describes how an indicator is put together, before anything is computed.

A `Series` is a description: a price column, a TA-Lib function of other series, their arithmetic.
Equal descriptions are one object, so that two indicators share what they have in common, however
deep one stands within others. The module `batch` computes a series over all candles at once,
`stream` candle by candle, from the same description and to the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any
from weakref import WeakValueDictionary

from core.market.candles.timeframes import DAY, HOUR, MINUTE, HigherTimeframe


class Arithmetic(StrEnum):
    """How two series are combined, candle by candle. NaN on either side gives NaN."""

    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    RATIO = "/"  # NaN where the denominator is 0
    GREATER = "max"
    LESSER = "min"


_described: WeakValueDictionary[tuple[Any, ...], Any] = WeakValueDictionary()


class _OneOfEach(type):
    """Makes equal descriptions one object: to look one up is no walk through all that is in it."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__call__(*args, **kwargs)
        key = (cls, *(getattr(made, one.name) for one in fields(made)))
        return _described.setdefault(key, made)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Description(metaclass=_OneOfEach):
    """What is computed from a candle and those before it."""


@dataclass(frozen=True, slots=True, eq=False)
class Series(Description):
    """A value for every candle, NaN where there is none."""

    def __add__(self, other: Series | float) -> Series:
        return Combined(Arithmetic.ADD, self, _series(other))

    def __sub__(self, other: Series | float) -> Series:
        return Combined(Arithmetic.SUBTRACT, self, _series(other))

    def __mul__(self, other: Series | float) -> Series:
        return Combined(Arithmetic.MULTIPLY, self, _series(other))

    def __truediv__(self, other: Series | float) -> Series:
        """The quotient, NaN where `other` is 0."""
        return Combined(Arithmetic.RATIO, self, _series(other))

    def __abs__(self) -> Series:
        return Absolute(self)

    def ago(self, candles: int) -> Series:
        """The value of that many candles ago, NaN before there was one."""
        return Ago(self, candles) if candles else self

    def unless(self, flat: Flat) -> Series:
        """The value, but NaN where `flat` holds."""
        return Unless(self, flat)


@dataclass(frozen=True, slots=True, eq=False)
class Price(Series):
    """A column of the candles: open, high, low, close or volume."""

    column: str


class ClockUnit(StrEnum):
    """What of a moment (UTC) a strategy may look at. Weekdays count from 1, which is Monday."""

    HOUR = "hour"
    MINUTE = "minute"
    WEEKDAY = "weekday"

    def of(self, time: Any) -> Any:
        """The unit's number at a time, or at each of an array of times (UTC ms)."""
        match self:
            case ClockUnit.HOUR:
                return time // HOUR % 24
            case ClockUnit.MINUTE:
                return time // MINUTE % 60
            case ClockUnit.WEEKDAY:
                return (time // DAY + 3) % 7 + 1  # 1970-01-01 was a Thursday


@dataclass(frozen=True, slots=True, eq=False)
class Clock(Series):
    """The hour, minute or weekday at which each candle closes; `candle_ms` is their length."""

    unit: ClockUnit
    candle_ms: int


@dataclass(frozen=True, slots=True, eq=False)
class Constant(Series):
    """The same number at every candle."""

    number: float


@dataclass(frozen=True, slots=True, eq=False)
class Combined(Series):
    """`left operation right`."""

    operation: Arithmetic
    left: Series
    right: Series


@dataclass(frozen=True, slots=True, eq=False)
class Absolute(Series):
    """The value without its sign."""

    of: Series


@dataclass(frozen=True, slots=True, eq=False)
class Ago(Series):
    """The value of `candles` candles ago (at least one)."""

    of: Series
    candles: int


@dataclass(frozen=True, slots=True, eq=False)
class Flat(Description):
    """Whether the last `period` candles have no range: the highest `high` equals the lowest `low`.

    With `memory` it keeps holding for that many candles more: what was smoothed over such a window
    is not known either.
    """

    high: Series
    low: Series
    period: int
    memory: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Unless(Series):
    """The value of `of`, NaN where `flat` holds."""

    of: Series
    flat: Flat


@dataclass(frozen=True, slots=True, eq=False)
class RunningSum(Series):
    """The sum since the first candle, or since the first candle of the UTC day (by open time)."""

    of: Series
    daily: bool


@dataclass(frozen=True, slots=True, eq=False)
class TalibCall(Description):
    """A TA-Lib function with every parameter by TA-Lib's own name. `outputs`: how many results."""

    function: str
    inputs: tuple[Series, ...]
    parameters: tuple[tuple[str, float], ...]
    outputs: int = 1


Row = tuple[float, ...]
Rows = Callable[[Iterator[Row]], Iterator[Row]]
"""Takes the inputs of one candle after the other, gives the results at each before the next."""


@dataclass(frozen=True, slots=True, eq=False)
class RowsCall(Description):
    """A recursion that no library has: `rows` carries its state. `outputs`: how many results."""

    rows: Rows
    inputs: tuple[Series, ...]
    outputs: int


Call = TalibCall | RowsCall


@dataclass(frozen=True, slots=True, eq=False)
class Output(Series):
    """One of the results of a call, by position."""

    call: Call
    position: int


@dataclass(frozen=True, slots=True, eq=False)
class Higher(Series):
    """What `of` came to on the newest candle of a higher timeframe that has closed.

    Those candles are built from the candles given, which are `candle_ms` long.
    """

    of: Series
    timeframe: HigherTimeframe
    candle_ms: int


def replaced(one: Any, by: Mapping[Series, Series]) -> Any:
    """A description with series in it replaced by others, wherever they stand."""
    if isinstance(one, Series) and one in by:
        return by[one]
    if isinstance(one, Description):
        return type(one)(*(replaced(getattr(one, field.name), by) for field in fields(one)))
    return tuple(replaced(part, by) for part in one) if isinstance(one, tuple) else one


def columns_in(one: Any) -> set[str]:
    """The columns of the candles that a description looks at."""
    if isinstance(one, Price):
        return {one.column}
    parts: Iterable[Any] = one if isinstance(one, tuple) else ()
    if isinstance(one, Description):
        parts = [getattr(one, field.name) for field in fields(one)]
    return set().union(*(columns_in(part) for part in parts))


def always_known(series: Series) -> bool:
    """Whether a series has a value on every candle; volume is missing from some files."""
    return isinstance(series, Price) and series.column != "volume"


def talib(function: str, *inputs: Series, **parameters: float) -> Series:
    """The result of a TA-Lib function that has one."""
    return talib_outputs(function, 1, *inputs, **parameters)[0]


def talib_outputs(
    function: str, outputs: int, *inputs: Series, **parameters: float
) -> tuple[Series, ...]:
    """All results of a TA-Lib function that has several, in its order."""
    call = TalibCall(function, inputs, tuple(parameters.items()), outputs)
    return tuple(Output(call, position) for position in range(outputs))


def rows_outputs(rows: Rows, outputs: int, *inputs: Series) -> tuple[Series, ...]:
    """All results of a recursion, in its order."""
    call = RowsCall(rows, inputs, outputs)
    return tuple(Output(call, position) for position in range(outputs))


def _series(value: Series | float) -> Series:
    return value if isinstance(value, Series) else Constant(float(value))


OPEN = Price("open")
HIGH = Price("high")
LOW = Price("low")
CLOSE = Price("close")
VOLUME = Price("volume")
OHLC4 = (OPEN + HIGH + LOW + CLOSE) / 4.0
MEDIAN = (HIGH + LOW) / 2.0
TYPICAL = (HIGH + LOW + CLOSE) / 3.0
