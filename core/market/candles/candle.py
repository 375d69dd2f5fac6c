"""One candle, and the check that its prices can be those of one.

Apart from `core.market.candles.candles`, so that who only shows candles need not load numpy.
"""

from __future__ import annotations

import math
from typing import NamedTuple

LEAST, MOST = 1e-30, 1e30
"""Between these lies every price of a market; sums and products of such do not overflow."""


class Candle(NamedTuple):
    """One closed candle.

    `time` is its open time in UTC milliseconds, by which it is known; prices are in quote
    currency, `volume` in base currency.
    """

    time: int
    open: float
    high: float
    low: float
    close: float
    volume: float

    @property
    def sound(self) -> bool:
        """Whether this can be a candle: prices of a market, high ≥ low, no volume below 0.

        The same rule as `core.market.files.candle_checks` has for whole columns.
        """
        return (
            all(map(math.isfinite, self[1:]))
            and min(self.open, self.high, self.low, self.close) >= LEAST
            and max(self) <= MOST
            and self.high >= self.low
            and self.volume >= 0
        )
