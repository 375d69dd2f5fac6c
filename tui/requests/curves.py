"""Thins curves to what a chart can show. Loads numpy: import it late, in a thread."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.report.curves import kept_points
from tui.requests.backtest import Points

_POINTS = 1_500  # of a curve: more than any screen has dots


def thinned(points: Sequence[tuple[int, float]]) -> Points:
    """So many of the points that a chart can show them, with every peak and the deepest fall."""
    kept = kept_points(np.array([value for _, value in points]), _POINTS // 2)
    return tuple(points[place] for place in kept.tolist())
