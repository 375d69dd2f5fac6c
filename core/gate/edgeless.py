"""Makes markets without an edge out of real candles: as wild, with no direction to find.

The candles are drawn anew in long blocks, so that calm and wild times stay together as they were,
and each is turned upside down or not by the toss of a coin, so that nothing before it says where it
goes. What the market earned by itself is left in: who is merely long is not better for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from core.market.candles.candles import Candles, Floats, Times
from core.market.candles.timeframes import DAY

_BLOCK_DAYS = 20
_FEWEST_BLOCKS = 10

Flags = NDArray[np.bool_]


class EdgelessMarkets:
    """Draws markets without an edge from the candles of some symbols.

    The symbols keep what they have in common: they are drawn and turned together. Where they do not
    have the same candles, only those that all have are used.
    """

    def __init__(
        self, candles: Mapping[str, Candles], timeframe_ms: int, decide_from: int | None = None
    ) -> None:
        """Take the shape of every candle.

        Args:
            candles: by symbol; prices above 0.
            timeframe_ms: of the candles.
            decide_from: candles that open before it (UTC ms) only warm signals up. They are drawn
                from the later ones too, so that only what is traded is compared.

        Raises:
            ValueError: the symbols have fewer than 30 candles in common that are traded.
        """
        self.times = _shared_times(candles)
        before = _warming(self.times, decide_from)
        if len(self.times) - before < 3 * _FEWEST_BLOCKS:
            raise ValueError(
                f"{len(self.times) - before} candles in common: too few to make an edgeless market "
                "of"
            )
        self._shared = {symbol: _picked(one, self.times) for symbol, one in candles.items()}
        self._shapes = {symbol: _shape(one) for symbol, one in self._shared.items()}
        self._first = max(before - 1, 0)  # of the moves that are drawn
        self._drawn = len(self.times) - 1 - self._first
        block = max(1, _BLOCK_DAYS * DAY // timeframe_ms)
        self.block = max(1, min(block, self._drawn // _FEWEST_BLOCKS))

    @staticmethod
    def possible(candles: Mapping[str, Candles], decide_from: int | None = None) -> bool:
        """Whether there are enough candles in common that are traded."""
        times = _shared_times(candles)
        return len(times) - _warming(times, decide_from) >= 3 * _FEWEST_BLOCKS

    def draw(self, rng: np.random.Generator) -> dict[str, Candles]:
        """One market, at the times of the real one."""
        moves = len(self.times) - 1
        starts, turned = self._chance(rng)
        places = self._first + ((starts + np.arange(self.block)) % self._drawn).ravel()[:moves]
        return {
            symbol: self._built(self._shared[symbol], shape, places, turned)
            for symbol, shape in self._shapes.items()
        }

    def skip(self, rng: np.random.Generator) -> None:
        """Leave out one market: the next one drawn is the one after it."""
        self._chance(rng)

    def _chance(self, rng: np.random.Generator) -> tuple[Times, Flags]:
        """Where the blocks of a market begin, shape (blocks, 1), and which moves are turned."""
        moves = len(self.times) - 1
        blocks = -(-moves // self.block)
        return rng.integers(0, self._drawn, size=(blocks, 1)), rng.random(moves) < 0.5

    def _built(self, real: Candles, shape: Floats, places: Times, turned: Flags) -> Candles:
        drift = shape[3, self._first :].mean()
        opened, high, low, closed = shape[:, places] - drift
        high, low = np.where(turned, -low, high), np.where(turned, -high, low)
        opened, closed = np.where(turned, -opened, opened), np.where(turned, -closed, closed)
        level = math.log(real.close[0]) + np.concatenate(([0.0], (closed + drift).cumsum()))

        def column(first: float, moved: Floats) -> Floats:
            return np.concatenate(([first], np.exp(level[:-1] + moved + drift)))

        return Candles(
            real.time,
            column(real.open[0], opened),
            column(real.high[0], high),
            column(real.low[0], low),
            column(real.close[0], closed),
            np.concatenate((real.volume[:1], real.volume[1:][places])),
        )


def _warming(times: Times, decide_from: int | None) -> int:
    """How many candles only warm signals up."""
    return 0 if decide_from is None else int(times.searchsorted(decide_from))


def _shared_times(candles: Mapping[str, Candles]) -> Times:
    times: Times = reduce(np.intersect1d, [one.time for one in candles.values()])
    return times


def _picked(history: Candles, times: Times) -> Candles:
    """The candles that open at `times`, all of which it has."""
    at = np.searchsorted(history.time, times)
    return Candles(
        times,
        history.open[at],
        history.high[at],
        history.low[at],
        history.close[at],
        history.volume[at],
    )


def _shape(history: Candles) -> Floats:
    """Logarithms of open, high, low and close over the close before; shape (4, candles − 1)."""
    before = np.log(history.close[:-1])
    columns = (history.open, history.high, history.low, history.close)
    return np.stack([np.log(column[1:]) - before for column in columns])
