"""How did the price move inside a candle, when only its open, high, low and close are known?"""

from __future__ import annotations

import math

import numpy as np

from core.market.candles import Candle, Floats

_GOLDEN = 0.6180339887498949


def price_path(candle: Candle, points: int, key: int) -> Floats:
    """A price path of `points` + 1 values, evenly spaced in time, from the open to the close.

    It starts at the open, ends at the close, touches both high and low and never leaves them: low
    first in a rising candle, high first in a falling one. The same candle and `key` (an
    instrument's number) always give the same path.
    """
    low_first = candle.close >= candle.open
    first, second = (candle.low, candle.high) if low_first else (candle.high, candle.low)
    turns = (
        0,
        round(points * (0.15 + 0.3 * _fraction(candle.time, key, 1))),
        round(points * (0.55 + 0.3 * _fraction(candle.time, key, 2))),
        points,
    )
    prices = (candle.open, first, second, candle.close)
    position = np.arange(points + 1, dtype=np.float64)
    path = np.interp(position, turns, prices)
    # A wobble that dies out at every turn, so that the turns themselves stay exact.
    leg = np.interp(position, turns, (0.0, 1.0, 2.0, 3.0))
    phase = 2 * math.pi * _fraction(candle.time, key, 3)
    wobble = np.sin(math.pi * leg) * (
        np.sin(9.3 * math.pi * leg + phase) + 0.6 * np.sin(23.7 * math.pi * leg + 2 * phase)
    )
    path += wobble * (candle.high - candle.low) * 0.09
    np.clip(path, candle.low, candle.high, out=path)
    for turn, price in zip(turns, prices, strict=True):
        path[turn] = price
    return path


def path_points(length: int) -> int:
    """How many points describe a candle of `length` ms: one in 5 s, 60 at least, 720 at most."""
    return min(720, max(60, length // 5000))


def _fraction(time: int, key: int, which: int) -> float:
    """A number in [0, 1) that looks random and depends on nothing but the arguments."""
    mixed = (time // 1000 * 2654435761 + key * 40503 + which * 97) & 0xFFFFFFFF
    mixed ^= mixed >> 15
    return (mixed * _GOLDEN) % 1.0
