"""Builds the candles of a higher timeframe from those of a strategy (docs/rules.md §2).

A higher candle is known from the close of the first candle that ends with it or after it, and never
before. It is made of the candles there are: one that lacks some is used like any other, except the
very first, which begins before the data and is left out.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.market.candles.candles import Candles, Floats
from core.market.candles.timeframes import HigherTimeframe


class Built(NamedTuple):
    """How the higher candles came about.

    `closed`: how many there were; `lacking`: how many of them were built with candles missing;
    `unfinished`: whether the data ends within one; `left_out`: whether it begins within one, which
    is none of them.
    """

    closed: int
    lacking: int
    unfinished: bool
    left_out: bool


def higher_candles(
    candles: Candles, timeframe: HigherTimeframe, candle_ms: int
) -> tuple[Candles, NDArray[np.int64]]:
    """The higher candles of all candles at once (one by one: `steps.HigherCandles`).

    Returns:
        The higher candles, the last perhaps unfinished, and for each candle the position of the
        one that had closed last, -1 where none had.
    """
    floor: Any = timeframe.floor  # of many times at once
    opens, starts = np.unique(floor(candles.time), return_index=True)
    known = np.searchsorted(opens + timeframe.ms, candles.time + candle_ms, side="right") - 1
    if len(opens) == 0:
        return candles, known
    stops = np.append(starts[1:], len(candles))
    built = Candles(
        opens,
        candles.open[starts],
        np.maximum.reduceat(candles.high, starts),
        np.minimum.reduceat(candles.low, starts),
        candles.close[stops - 1],
        _sums(candles.volume, starts, stops),
    )
    if candles.time[0] != opens[0]:
        return built.slice(1), np.maximum(known - 1, -1)
    return built, known


def how_built(candles: Candles, timeframe: HigherTimeframe, candle_ms: int) -> Built:
    """How the higher candles came about after these candles."""
    built, known = higher_candles(candles, timeframe, candle_ms)
    first = int(candles.time[0]) if len(candles) else None
    left_out = first is not None and timeframe.floor(first) != first
    if not len(built) or known[-1] < 0:
        return Built(0, 0, len(built) > 0, left_out)
    closed = built.time[: known[-1] + 1]
    counts = np.diff(np.searchsorted(candles.time, np.append(closed, closed[-1] + timeframe.ms)))
    lacking = int(np.count_nonzero(counts < timeframe.ms // candle_ms))
    return Built(len(closed), lacking, len(built) > len(closed), left_out)


def _sums(values: Floats, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> Floats:
    """The sum of each stretch, added up in the order of time: as one value after the other is."""
    total = values[starts]
    for place in range(1, int((stops - starts).max())):
        more = starts + place < stops
        total[more] += values[starts[more] + place]
    return total
