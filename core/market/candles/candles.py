"""Candles by the million, as columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.market.candles.candle import Candle

__all__ = ["Candle", "Candles", "Floats", "Times"]

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

_PART = 4_096  # candles
_CANDLE: Callable[[Iterable[float]], Candle] = partial(tuple.__new__, Candle)  # all of it in C


def places_of(
    times: Times, wanted: Times, side: Literal["left", "right"] = "left"
) -> NDArray[np.intp]:
    """Where each of `wanted` belongs in `times`, which increase: as `times.searchsorted` says.

    Where the times lie evenly, as candles without a gap do, they are counted, not searched.
    """
    if len(times) > 1:
        step = times[1] - times[0]
        counted: NDArray[np.intp] = (wanted - times[0]) // step
        np.minimum(counted, len(times) - 1, out=counted)
        if (times.take(counted, mode="clip") == wanted).all():
            return counted + 1 if side == "right" else counted
    return times.searchsorted(wanted, side)


@dataclass(frozen=True, slots=True, eq=False)
class Candles:
    """Closed candles as columns: `time` int64 (open times, strictly increasing), the rest float64.

    All columns have the same length. Gaps are allowed: nothing says that two neighbours are one
    timeframe apart. The arrays are treated as immutable by everyone.
    """

    time: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __len__(self) -> int:
        return len(self.time)

    def __iter__(self) -> Iterator[Candle]:
        columns = (self.time, self.open, self.high, self.low, self.close, self.volume)
        # Part by part: what is looked at once need not all be in memory.
        parts = (
            zip(*(column[start : start + _PART].tolist() for column in columns), strict=True)
            for start in range(0, len(self.time), _PART)
        )
        return map(_CANDLE, chain.from_iterable(parts))

    def at(self, index: int) -> Candle:
        """The candle at a position (negative positions count from the end)."""
        return Candle(
            int(self.time[index]),
            float(self.open[index]),
            float(self.high[index]),
            float(self.low[index]),
            float(self.close[index]),
            float(self.volume[index]),
        )

    def slice(self, start: int | None = None, stop: int | None = None) -> Candles:
        """The candles at positions `start` to `stop` (exclusive), as views."""
        part = slice(start, stop)
        return Candles(
            self.time[part],
            self.open[part],
            self.high[part],
            self.low[part],
            self.close[part],
            self.volume[part],
        )

    def between(self, start: int, stop: int) -> Candles:
        """The candles that open in [start, stop), as views."""
        first, last = self.time.searchsorted((start, stop)).tolist()
        return self.slice(first, max(first, last))

    @classmethod
    def joined(cls, parts: Sequence[Candles]) -> Candles:
        """One part after the other; they must come in order of time."""
        if len(parts) == 1:
            return parts[0]
        parts = [cls.of(()), *parts]
        return cls(
            *(np.concatenate([getattr(part, field) for part in parts]) for field in Candle._fields)
        )

    @classmethod
    def of(cls, candles: Iterable[Candle]) -> Candles:
        """Columns from single candles, which must come in order of time."""
        rows = list(candles)
        columns = np.array([row[1:] for row in rows], dtype=np.float64).reshape(len(rows), 5)
        return cls(
            np.array([row.time for row in rows], dtype=np.int64),
            *(np.ascontiguousarray(columns[:, column]) for column in range(5)),
        )
