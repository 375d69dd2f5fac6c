"""Describes how an indicator is put together, before anything is computed.

A `Series` is a description: a price column, a TA-Lib function of other series, their arithmetic.
Being frozen and compared by value, equal descriptions are one series, so that two indicators share
what they have in common. The module `batch` computes a series over all candles at once,
`stream` candle by candle, from the same description and to the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.market.candles.timeframes import DAY, HOUR, MINUTE


class Arithmetic(StrEnum):
    """How two series are combined, candle by candle. NaN on either side gives NaN."""

    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    RATIO = "/"  # NaN where the denominator is 0
    GREATER = "max"
    LESSER = "min"


@dataclass(frozen=True, slots=True)
class Series:
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Clock(Series):
    """The hour, minute or weekday at which each candle closes; `candle_ms` is their length."""

    unit: ClockUnit
    candle_ms: int


@dataclass(frozen=True, slots=True)
class Constant(Series):
    """The same number at every candle."""

    number: float


@dataclass(frozen=True, slots=True)
class Combined(Series):
    """`left operation right`."""

    operation: Arithmetic
    left: Series
    right: Series


@dataclass(frozen=True, slots=True)
class Absolute(Series):
    """The value without its sign."""

    of: Series


@dataclass(frozen=True, slots=True)
class Ago(Series):
    """The value of `candles` candles ago (at least one)."""

    of: Series
    candles: int


@dataclass(frozen=True, slots=True)
class Flat:
    """Whether the last `period` candles have no range: the highest `high` equals the lowest `low`.

    With `memory` it keeps holding for that many candles more: what was smoothed over such a window
    is not known either.
    """

    high: Series
    low: Series
    period: int
    memory: int = 0


@dataclass(frozen=True, slots=True)
class Unless(Series):
    """The value of `of`, NaN where `flat` holds."""

    of: Series
    flat: Flat


@dataclass(frozen=True, slots=True)
class RunningSum(Series):
    """The sum since the first candle, or since the first candle of the UTC day (by open time)."""

    of: Series
    daily: bool


@dataclass(frozen=True, slots=True)
class TalibCall:
    """A TA-Lib function with every parameter by TA-Lib's own name. `outputs`: how many results."""

    function: str
    inputs: tuple[Series, ...]
    parameters: tuple[tuple[str, float], ...]
    outputs: int = 1


@dataclass(frozen=True, slots=True)
class SupertrendCall:
    """The two bands around the middle price, of which the trend follows one at a time."""

    upper: Series
    lower: Series
    middle: Series
    close: Series

    @property
    def outputs(self) -> int:
        """The trend line, and its direction."""
        return 2


Call = TalibCall | SupertrendCall


@dataclass(frozen=True, slots=True)
class Output(Series):
    """One of the results of a call, by position."""

    call: Call
    position: int


def talib(function: str, *inputs: Series, **parameters: float) -> Series:
    """The result of a TA-Lib function that has one."""
    return talib_outputs(function, 1, *inputs, **parameters)[0]


def talib_outputs(
    function: str, outputs: int, *inputs: Series, **parameters: float
) -> tuple[Series, ...]:
    """All results of a TA-Lib function that has several, in its order."""
    call = TalibCall(function, inputs, tuple(parameters.items()), outputs)
    return tuple(Output(call, position) for position in range(outputs))


def _series(value: Series | float) -> Series:
    return value if isinstance(value, Series) else Constant(float(value))


OPEN = Price("open")
HIGH = Price("high")
LOW = Price("low")
CLOSE = Price("close")
VOLUME = Price("volume")
TYPICAL = (HIGH + LOW + CLOSE) / 3.0
