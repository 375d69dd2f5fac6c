"""Computes the series that neither TA-Lib nor arithmetic gives.

Each comes as one step with its state, and over a whole array: the array form either runs the step
itself or does the same operations in the same order, so that both agree to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from core.market.candles.candles import Floats, Times
from core.market.candles.timeframes import DAY


class FlatStep:
    """Whether the last `period` pairs (high, low) have no range, or did within `memory` candles."""

    __slots__ = ("_hold", "_level", "_memory", "_period", "_run")

    def __init__(self, period: int, memory: int) -> None:
        self._period = period
        self._memory = memory
        self._run = 0
        self._hold = 0
        self._level = math.nan

    def __call__(self, high: float, low: float) -> bool:
        """Take one candle; True where nothing can be said of the window."""
        if high != low:
            self._run = 0
        elif high == self._level:
            self._run += 1
        else:
            self._run = 1
        self._level = high
        if self._run >= self._period:
            self._hold = self._memory
            return True
        if self._hold:
            self._hold -= 1
            return True
        return False


def flat_spans(high: Floats, low: Floats, period: int, memory: int) -> list[slice]:
    """Where `FlatStep` holds, as slices of positions."""
    count = len(high)
    moved = high[1:] != high[:-1]
    if low is not high:
        moved |= low[1:] != low[:-1]
        moved |= high[1:] != low[1:]
    if (count - 1) - np.count_nonzero(moved) < period - 1:
        return []
    borders = np.concatenate(([0], np.flatnonzero(moved) + 1, [count]))
    runs = np.flatnonzero(np.diff(borders) >= period)
    spans = []
    for run in runs.tolist():
        start, stop = int(borders[run]), int(borders[run + 1])
        if high[start] == low[start]:
            spans.append(slice(start + period - 1, min(stop + memory, count)))
    return spans


class RunningSumStep:
    """The sum since the first candle, or since the first one of the UTC day."""

    __slots__ = ("_daily", "_day", "_total")

    def __init__(self, daily: bool) -> None:
        self._daily = daily
        self._day: int | None = None
        self._total = 0.0

    def __call__(self, time: int, value: float) -> float:
        """Take one candle; the sum including it."""
        day = time // DAY if self._daily else 0
        self._total = self._total + value if day == self._day else value
        self._day = day
        return self._total


def running_sum(time: Times, values: Floats, daily: bool) -> Floats:
    """`RunningSumStep` over arrays."""
    if not daily or len(values) == 0:
        return np.cumsum(values)
    day = time // DAY
    borders = [0, *(np.flatnonzero(day[1:] != day[:-1]) + 1).tolist(), len(values)]
    total = np.empty_like(values)
    for start, stop in pairwise(borders):
        np.cumsum(values[start:stop], out=total[start:stop])
    return total


SupertrendRow = tuple[float, float, float, float]  # upper and lower band, middle price, close


def supertrend_rows(rows: Iterator[SupertrendRow]) -> Iterator[tuple[float, float]]:
    """The band the trend runs along, and its direction (1 up, -1 down), for each row taken.

    The upper band only falls and the lower only rises, until a close gets beyond them; the trend
    turns up on a close above the upper band and down on one below the lower. It begins upwards
    where the first close is not below the middle price. Both are NaN until the bands exist.
    """
    upper = lower = middle = close = math.nan
    while math.isnan(upper):
        row = next(rows, None)
        if row is None:
            return
        upper, lower, middle, close = row
        if math.isnan(upper):
            yield math.nan, math.nan
    is_up = close >= middle
    yield (lower, 1.0) if is_up else (upper, -1.0)
    for next_upper, next_lower, _, next_close in rows:
        if next_upper < upper or close > upper:
            upper = next_upper
        if next_lower > lower or close < lower:
            lower = next_lower
        close = next_close
        is_up = close >= lower if is_up else close > upper
        yield (lower, 1.0) if is_up else (upper, -1.0)


class SupertrendStep:
    """`supertrend_rows`, one row at a time."""

    __slots__ = ("_row", "_trend")

    def __init__(self) -> None:
        self._row: SupertrendRow = (math.nan,) * 4
        self._trend = supertrend_rows(self._rows())

    def __call__(self, row: SupertrendRow) -> tuple[float, float]:
        """Take one row; (value, direction)."""
        self._row = row
        return next(self._trend)

    def _rows(self) -> Iterator[SupertrendRow]:
        while True:
            yield self._row


def supertrend_arrays(
    upper: Floats, lower: Floats, middle: Floats, close: Floats
) -> tuple[Floats, Floats]:
    """`supertrend_rows` over arrays."""
    rows = zip(upper.tolist(), lower.tolist(), middle.tolist(), close.tolist(), strict=True)
    pair = np.dtype([("value", np.float64), ("direction", np.float64)])
    result = np.fromiter(supertrend_rows(rows), pair, len(close))
    return np.ascontiguousarray(result["value"]), np.ascontiguousarray(result["direction"])
