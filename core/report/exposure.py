"""Counts the candles in which a run held a position (docs/rules.md §4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.market.candles.candles import Times, places_of
from core.report.trade_columns import TradeColumns
from core.trading.values import FillOn, OpenTrade


def exposed_candles(
    times: Times,
    closed: TradeColumns,
    open_trades: Sequence[OpenTrade],
    fill_on: FillOn = FillOn.NEXT_OPEN,
) -> int:
    """In how many candles any position was held at any moment, one that began and ended there too.

    Args:
        times: open times of the candles, UTC ms, increasing; shape (n,).
        closed: the closed trades.
        open_trades: the positions still open at the end.
        fill_on: where the candles filled market orders. What a close filled was held from the next
            candle on, and up to the candle whose close it left at.
    """
    at_close = fill_on is FillOn.CLOSE
    still_open = np.array([trade.entry_time for trade in open_trades], dtype=np.int64)
    starts = np.concatenate((closed.entry_time, still_open))
    first = places_of(times, starts, "right" if at_close else "left")
    stops = closed.exit_time
    last = np.where(
        closed.at_open & (not at_close), places_of(times, stops), places_of(times, stops, "right")
    )
    last = np.concatenate((last, np.full(len(open_trades), len(times))))
    return _covered(first, last)


def _covered(starts: NDArray[np.intp], stops: NDArray[np.intp]) -> int:
    """How many places lie in any of the spans from `starts` to `stops` (exclusive)."""
    ends = np.concatenate((starts, stops))
    change = np.repeat((1, -1), len(starts))
    order = ends.argsort()
    open_spans = change[order].cumsum()
    return int(np.diff(ends[order])[open_spans[:-1] > 0].sum())
