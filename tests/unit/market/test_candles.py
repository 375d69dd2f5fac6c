"""Candles as columns."""

from __future__ import annotations

import numpy as np
import pytest

from core.market.candles.candles import places_of
from core.market.candles.timeframes import HOUR


@pytest.mark.parametrize("left_out", [[], [3], [1], [0, 1, 2, 3, 4]])
@pytest.mark.parametrize("among_them", [True, False])
def test_times_are_found_where_a_search_finds_them(left_out: list[int], among_them: bool) -> None:
    times = np.delete(np.arange(7, 12, dtype=np.int64) * HOUR, left_out)
    wanted = times[::-2] if among_them else np.array([0, 8 * HOUR, 9 * HOUR + 1, 99 * HOUR])
    assert places_of(times, wanted).tolist() == times.searchsorted(wanted).tolist()
    after = times.searchsorted(wanted, "right").tolist()
    assert places_of(times, wanted, "right").tolist() == after
