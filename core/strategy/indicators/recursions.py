"""Computes the series that neither TA-Lib nor arithmetic gives.

Over whole arrays. Candle by candle (`core.strategy.indicators.steps`) the same recursion runs, or
the same operations in the same order, so that both agree to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from core.market.candles.candles import Floats, Times
from core.market.candles.timeframes import DAY
from core.strategy.indicators.series import Row, RowsCall


def flat_spans(high: Floats, low: Floats, period: int, memory: int) -> list[slice]:
    """Where a `Flat` holds, as slices of positions."""
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


def running_sum(time: Times, values: Floats, daily: bool) -> Floats:
    """A `RunningSum` over arrays."""
    if not daily or len(values) == 0:
        return np.cumsum(values)
    day = time // DAY
    borders = [0, *(np.flatnonzero(day[1:] != day[:-1]) + 1).tolist(), len(values)]
    total = np.empty_like(values)
    for start, stop in pairwise(borders):
        np.cumsum(values[start:stop], out=total[start:stop])
    return total


def supertrend_rows(rows: Iterator[Row]) -> Iterator[Row]:
    """The band the trend runs along, and its direction (1 up, -1 down).

    From (upper band, lower band, middle price, close). The upper band only falls and the lower only
    rises, until a close gets beyond them; the trend turns up on a close above the upper band and
    down on one below the lower. It begins upwards where the first close is not below the middle
    price. Both are NaN until the bands exist.
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


def heikin_ashi_rows(rows: Iterator[Row]) -> Iterator[Row]:
    """The open of each Heikin-Ashi candle, from (open, close, Heikin-Ashi close).

    It lies in the middle of the body of the one before; the first one's in the middle of its own.
    """
    body = mean = math.nan
    for open_, close, next_mean in rows:
        body = (open_ + close) / 2 if math.isnan(body) else (body + mean) / 2
        mean = next_mean
        yield (body,)


def fisher_rows(rows: Iterator[Row]) -> Iterator[Row]:
    """Fisher's transform and its value before, from (price, lowest, highest) (Ehlers, 2002).

    The price's place between lowest and highest, from -1 to 1, is smoothed by a third, kept within
    0.999 and transformed; the transform is smoothed by half. Without a range there is no value, and
    the state waits.
    """
    place = fisher = 0.0
    for price, low, high in rows:
        if not high > low:
            yield math.nan, math.nan
            continue
        place = 0.66 * ((price - low) / (high - low) - 0.5) + 0.67 * place
        place = max(min(place, 0.999), -0.999)
        before = fisher
        fisher = 0.5 * math.log((1 + place) / (1 - place)) + 0.5 * before
        yield fisher, before


def rows_arrays(call: RowsCall, inputs: Sequence[Floats]) -> tuple[Floats, ...]:
    """A recursion over arrays: its results, one array each."""
    rows = zip(*(column.tolist() for column in inputs), strict=True)
    kind = np.dtype([(f"{position}", np.float64) for position in range(call.outputs)])
    results = np.fromiter(call.rows(rows), kind, len(inputs[0]))
    return tuple(np.ascontiguousarray(results[name]) for name in kind.names or ())
