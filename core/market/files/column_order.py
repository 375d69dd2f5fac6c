"""Notices that the columns of a file stand in another order than they were taken in.

Exchanges do not agree on one: KuCoin, Bitfinex and jesse write open, close, high, low; Coinbase
low, high, open, close; Kraken puts the average price before the volume. What was misread still
looks like numbers, so that a backtest on it would run. Nothing is put right by itself: the error
names the order that would fit, and the user says it with `--columns`.
"""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np

from core.market.candles.candles import Floats, Times
from core.market.candles.timeframes import Timeframe
from core.market.files.cells import NO_TIME, Mask
from core.market.files.columns import PRICES, Layout
from core.market.files.errors import CandleFileError
from core.market.files.raw_table import RawTable

_SAMPLE = 2_000  # rows
_MOST = 0.99  # of the rows that an order has to fit: single rows may be wrong at the venue
_FEW = 3  # rows in which a volume does not lie between low and high by chance
_ENOUGH = 10  # neighbours that tell whether open and close stand the other way round
_FAR = 4.0  # times as far from each other as they would be in the other order


def require_possible_rows(
    path: Path, table: RawTable, times: Times, numbers: dict[str, Floats]
) -> None:
    """Raises `CandleFileError` where most rows cannot be candles as their columns were taken."""
    known = np.isfinite([numbers[field] for field in PRICES]).all(axis=0) & (times != NO_TIME)
    rows = {name: column[known] for name, column in numbers.items()}
    count = int(known.sum())
    possible = _possible(*(rows[field] for field in PRICES))
    if count and (count - int(possible.sum())) * 2 > count:
        fitting = _fitting_order(
            table.layout, times[known], {n: v[known] for n, v in numbers.items()}
        )
        raise CandleFileError(
            path,
            f"{count - int(possible.sum()):,} of {count:,} rows are impossible as candles, with "
            "open or close outside low and high: the columns stand in another order",
            expected="open and close between low and high",
            advice=f"give --columns {fitting}, which would fit, if that is what the file holds"
            if fitting
            else "name its columns in their order with --columns",
        )
    if table.layout.names is None and "volume" in numbers:
        _require_volume(path, table.layout, rows)


def _require_volume(path: Path, layout: Layout, numbers: dict[str, Floats]) -> None:
    """Raises `CandleFileError` where what was taken for the volume is a price in every row."""
    traded = numbers["volume"] != 0
    volume, high, low = (numbers[name][traded] for name in ("volume", "high", "low"))
    if len(volume) < _FEW or not ((low <= volume) & (volume <= high)).all():
        return
    order = layout.in_order_of({"volume": "vwap"})
    raise CandleFileError(
        path,
        "its sixth column lies between low and high in every row: that is an average price, not "
        "the volume",
        expected="a volume after the close",
        advice=f"give --columns {order},volume if the volume stands next to it (as Kraken writes "
        f"it), or --columns {order} if there is none",
    )


def require_fitting_order(
    path: Path, layout: Layout, times: Times, columns: list[Floats], timeframe: Timeframe
) -> None:
    """Raises `CandleFileError` where open and close fit their neighbours only when exchanged.

    A candle opens where the one before it closed, or near.

    Args:
        path: the file.
        layout: of its columns, which have no names.
        times: open times, in order.
        columns: open, high, low and close, in this order.
        timeframe: the candles' length.
    """
    next_to = np.diff(times) == timeframe.ms
    if int(next_to.sum()) < _ENOUGH:
        return
    opens, closes = columns[0], columns[3]
    as_taken = np.abs(opens[1:] - closes[:-1])[next_to].mean()
    exchanged = np.abs(closes[1:] - opens[:-1])[next_to].mean()
    if as_taken > exchanged * _FAR:
        order = layout.in_order_of({"open": "close", "close": "open"})
        raise CandleFileError(
            path,
            "its candles open far from where the one before closed, unless open and close stand "
            "the other way round",
            expected="open before close",
            advice=f"give --columns {order} if so, or "
            f"--columns {layout.in_order_of({})} to have it read as it is",
        )


def _possible(opens: Floats, highs: Floats, lows: Floats, closes: Floats) -> Mask:
    least, most = np.minimum(opens, closes), np.maximum(opens, closes)
    result: Mask = (lows <= least) & (most <= highs)
    return result


def _fitting_order(layout: Layout, times: Times, numbers: dict[str, Floats]) -> str | None:
    """The order, as `--columns` takes it, in which the rows would be candles one after another."""
    order = np.argsort(times, kind="stable")[:_SAMPLE]
    values = {name: column[order] for name, column in numbers.items()}
    taken = [name for name in (*PRICES, "volume") if name in values]
    found: dict[str, str] | None = None
    least = (np.inf, np.inf)
    for chosen in permutations(taken, len(PRICES)):
        opens, highs, lows, closes = (values[name] for name in chosen)
        if _possible(opens, highs, lows, closes).mean() < _MOST:
            continue
        # A volume among the prices makes candles of a great length.
        fit = (float((highs - lows).sum()), float(np.abs(opens[1:] - closes[:-1]).sum()))
        if fit < least:
            least, found = fit, dict(zip(chosen, PRICES, strict=True))
    if found is None:
        return None
    rest = next((name for name in taken if name not in found), None)
    return layout.in_order_of(found | ({} if rest is None else {rest: "volume"}))
