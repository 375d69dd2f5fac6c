"""The return of each month."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.market.candles.candles import Floats, Times
from core.market.candles.timeframes import Timeframe


@dataclass(frozen=True, slots=True)
class MonthReturn:
    """The return of one UTC month, `2024-01`; None once equity had fallen to 0 or below."""

    month: str
    return_pct: float | None


def monthly_returns(
    times: Times, equity: Floats, starting_balance: float, timeframe: Timeframe
) -> tuple[MonthReturn, ...]:
    """The return of every UTC month from the first candle's to the last's.

    `times` and `equity` are those of `compute_metrics`. As there, a candle counts in the month of
    its last millisecond, a month without data carries the last equity, and partial months count.
    """
    if not len(times):
        return ()
    known_after = timeframe.ms - 1
    first, last = (
        np.datetime64(int(times[at]) + known_after, "ms").astype("datetime64[M]") for at in (0, -1)
    )
    months = np.arange(first, last + 1)
    ends = (months + 1).astype("datetime64[ms]").astype(np.int64)
    values = equity[np.searchsorted(times, ends - known_after, side="left") - 1]
    before = np.concatenate(([starting_balance], values[:-1]))
    return tuple(
        MonthReturn(str(month), (end - start) / start * 100 if start > 0 else None)
        for month, start, end in zip(months, before.tolist(), values.tolist(), strict=True)
    )
