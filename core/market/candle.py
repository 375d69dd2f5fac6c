"""What is one candle?

Apart from `core.market.candles`, so that who only shows candles need not load numpy.
"""

from __future__ import annotations

from typing import NamedTuple


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
