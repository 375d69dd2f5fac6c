"""Counts the candles in which a run held a position (docs/rules.md §4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from core.market.candles.candles import Times, places_of
from core.report.equity import Places
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
    starts, stops = closed.places(times)
    if fill_on is FillOn.CLOSE:
        starts = _behind(times, starts, closed.entry_time)
        stops = _behind(times, stops, closed.exit_time)
    else:
        stops = np.where(closed.at_open, stops, _behind(times, stops, closed.exit_time))
    if open_trades:
        still_open = np.array([trade.entry_time for trade in open_trades], dtype=np.int64)
        side: Literal["left", "right"] = "right" if fill_on is FillOn.CLOSE else "left"
        starts = np.concatenate((starts, places_of(times, still_open, side)))
        stops = np.concatenate((stops, np.full(len(open_trades), len(times))))
    return _covered(starts, stops)


def _behind(times: Times, places: Places, wanted: Times) -> Places:
    """Where `wanted` belong behind those that are the same, by their `places` before them."""
    return places + (times.take(places, mode="clip") == wanted) if len(times) else places


def _covered(starts: Places, stops: Places) -> int:
    """How many places lie in any of the spans from `starts` to `stops` (exclusive)."""
    order = starts.argsort(kind="stable")
    starts, reached = starts[order], np.maximum.accumulate(stops[order])
    starts[1:] = np.maximum(starts[1:], reached[:-1])
    return int(np.maximum(reached - starts, 0).sum())
