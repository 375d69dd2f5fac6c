"""Draws a curve in a few cells of one line."""

from __future__ import annotations

from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇"  # never a full cell: curves in neighbouring rows must not touch


def spark(values: Sequence[float], width: int) -> str:
    """The last part of a curve as `width` bars between its own lowest and highest value.

    More values than bars are thinned to the last of each equal part; a flat curve is drawn low.
    """
    if not values or width <= 0:
        return ""
    count = len(values)
    if count > width:
        values = [values[(index + 1) * count // width - 1] for index in range(width)]
    low, high = min(values), max(values)
    if high <= low:
        return _BARS[0] * len(values)
    scale = (len(_BARS) - 1) / (high - low)
    return "".join(_BARS[round((value - low) * scale)] for value in values)
