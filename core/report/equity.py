"""Equity at the closes of a run, and the largest fall of it (docs/rules.md §4).

A backtest knows from its trades what the account was worth at any close. Few ask for all of them,
and the metrics need none but those at the ends of days, and the extremes in between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.market.candles.candles import Floats

Places = NDArray[np.intp]

_STRETCH = 4_096  # closes looked at together: few enough to stay in the processor's cache
_ROUNDED = 1 + 1e-15  # what may be lost to rounding in a fall


class Equity(Protocol):
    """Equity at each close of a run, quote currency."""

    def at(self, places: Places) -> Floats:
        """Equity at the closes of some places, counted from 0; shape as `places`."""

    def whole(self) -> Floats:
        """Equity at every close, shape (n,). Shared: nobody writes into it."""

    def deepest_fall(self, before: float) -> float:
        """The largest fall from a peak, as a fraction of the peak; `before` is equity before all.

        0 where there is none.
        """


class MarkedEquity:
    """Equity that was marked at every close."""

    def __init__(self, values: Floats) -> None:
        self._values = values

    def at(self, places: Places) -> Floats:
        """See `Equity.at`."""
        values: Floats = self._values[places]
        return values

    def whole(self) -> Floats:
        """See `Equity.whole`."""
        return self._values

    def deepest_fall(self, before: float) -> float:
        """See `Equity.deepest_fall`."""
        values = self._values
        if not len(values):
            return 0.0
        starts = np.arange(0, len(values), _STRETCH)
        return deepest_fall(
            before,
            np.maximum.reduceat(values, starts),
            np.minimum.reduceat(values, starts),
            lambda number: values[number * _STRETCH : (number + 1) * _STRETCH],
        )


def deepest_fall(
    before: float, highs: Floats, lows: Floats, stretch: Callable[[int], Floats]
) -> float:
    """The largest fall of equity that is known by its extremes in stretches, as a fraction.

    Args:
        before: equity before all, above 0.
        highs: the highest of each stretch; shape (n,).
        lows: the lowest of each.
        stretch: gives all of one, where the extremes do not tell which of them came first.
    """
    tops = np.empty(len(highs) + 1)
    tops[0], tops[1:] = before, highs
    np.maximum.accumulate(tops, out=tops)
    old, new = tops[:-1], tops[1:]
    falls = (new - lows) / new
    rising = new > old
    deepest: float = np.maximum.reduce(falls * ~rising, initial=0.0)
    open_ = (rising & (falls * _ROUNDED > deepest)).nonzero()[0]
    for number in open_[np.argsort(-falls[open_])].tolist():
        if falls[number] * _ROUNDED <= deepest:
            break
        values = stretch(number)
        peaks = np.maximum(np.maximum.accumulate(values), old[number])
        deepest = max(deepest, ((peaks - values) / peaks).max())
    return float(deepest)
