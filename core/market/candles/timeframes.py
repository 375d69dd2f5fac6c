"""The timeframes: how long a candle is, and where one begins."""

from __future__ import annotations

import re
from enum import StrEnum

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_MONDAY = 4 * DAY  # 1970-01-05, the first Monday of the epoch: weekly candles open on Mondays

_NAME = re.compile(r"[1-9][0-9]{0,4}[mhdw]")
_LENGTHS = {"m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}


def _floor(time: int, length: int) -> int:
    origin = _MONDAY if length == 7 * DAY else 0
    return time - (time - origin) % length


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
        return _floor(time, self.ms)

    def next_open(self, time: int) -> int:
        """Open time of the candle after the one that contains `time`: also when that one closes."""
        return self.floor(time) + self.ms


class HigherTimeframe(str):
    """The length of candles that are built from shorter ones, such as `3h` (docs/rules.md §2.2).

    One of `Timeframe`, or any other length that a day is a multiple of, by its shortest name.
    """

    __slots__ = ("ms",)
    ms: int

    def __new__(cls, name: str) -> HigherTimeframe:
        """The length of that name.

        Raises:
            ValueError: it is none.
        """
        length = int(name[:-1]) * _LENGTHS[name[-1]] if _NAME.fullmatch(name) else 0
        if not length or (DAY % length and length not in _LONG):
            raise ValueError(f"expected a length of candles like 4h, got {name!r}")
        unit = next(unit for unit in "wdhm" if length % _LENGTHS[unit] == 0)
        made = super().__new__(cls, f"{length // _LENGTHS[unit]}{unit}")
        made.ms = length
        return made

    def floor(self, time: int) -> int:
        """Open time (UTC ms) of the candle that contains `time` (UTC ms)."""
        return _floor(time, self.ms)


_LONG = {Timeframe.D3.ms, Timeframe.W1.ms}
