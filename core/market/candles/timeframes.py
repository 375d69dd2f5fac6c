"""The timeframes: how long a candle is, and where one begins."""

from __future__ import annotations

from enum import StrEnum

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_MONDAY = 4 * DAY  # 1970-01-05, the first Monday of the epoch: weekly candles open on Mondays

_LENGTHS = {"m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}


class Timeframe(StrEnum):
    """The candle lengths that Binance and docs/rules.md §1 know: fixed spans of UTC time."""

    M1 = "1m"
    M3 = "3m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H2 = "2h"
    H4 = "4h"
    H6 = "6h"
    H8 = "8h"
    H12 = "12h"
    D1 = "1d"
    D3 = "3d"
    W1 = "1w"

    def __init__(self, name: str) -> None:
        self.ms = int(name[:-1]) * _LENGTHS[name[-1]]
        """Length in milliseconds."""

    def floor(self, time: int) -> int:
        """Open time (UTC ms) of the candle that contains `time` (UTC ms)."""
        origin = _MONDAY if self is Timeframe.W1 else 0
        return time - (time - origin) % self.ms

    def next_open(self, time: int) -> int:
        """Open time of the candle after the one that contains `time`: also when that one closes."""
        return self.floor(time) + self.ms
