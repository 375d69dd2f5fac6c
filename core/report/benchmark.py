"""What would buying and holding have made?"""

from __future__ import annotations

import math
from collections.abc import Iterable


def buy_and_hold_pct(prices: Iterable[tuple[float, float]]) -> float | None:
    """The return of holding the symbols in equal parts, without fees (rulebook §4).

    Args:
        prices: of each symbol the first candle's open and the last candle's close, over the candles
            decided on. A symbol without candles is left out.

    Returns:
        Per cent, or None without any symbol.
    """
    growths = [(last - first) / first for first, last in prices]
    return math.fsum(growths) / len(growths) * 100 if growths else None
