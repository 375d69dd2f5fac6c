"""Computes what the account was worth at every close, from its trades and after the run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from core.backtest.bar_index import END, BarIndex
from core.market.candles.candles import Floats, Times
from core.trading.account import Account
from core.trading.position import Position, joined, left_after
from core.trading.values import Trade, TradePart

_PART = 16_384  # moments worked on together: few enough to stay in the processor's cache


class EquityRecorder:
    """Notes the free balance during a run, and afterwards marks the account to all closes at once.

    The sums are those of `Account.equity`, in the same order, so the curve is bit for bit what
    marking the account at every close would have given.
    """

    def __init__(self, account: Account, all_bars: Sequence[BarIndex], moments: Times) -> None:
        self._account = account
        self._all_bars = all_bars
        self._moments = moments
        self._length = len(moments)
        self._changed = [0]  # the times at which the free balance changed, and what it became
        self._free = [account.free]

    @property
    def last_time(self) -> int:
        """Open time of the last moment of the run."""
        return int(self._moments[self._length - 1]) if self._length else 0

    @property
    def times(self) -> Times:
        """Open times of the run's moments."""
        return self._moments[: self._length]

    def note(self, time: int) -> None:
        """Take down the free balance, which the step at `time` has changed."""
        self._changed.append(time)
        self._free.append(self._account.free)

    def end(self, time: int) -> None:
        """The run ends with the moment `time`."""
        self._length = int(np.searchsorted(self._moments, time)) + 1

    def equity(self) -> Floats:
        """Equity at each moment's close."""
        changed = np.searchsorted(self.times, self._changed)
        free = _Steps(np.append(changed, self._length), np.array([self._free]))
        closes = [self._closes(bars) for bars in self._all_bars]
        held = self._positions_held()
        equity = np.empty(self._length)
        for start in range(0, self._length, _PART):
            stop = min(start + _PART, self._length)
            (part,) = free.between(start, stop)
            for close, positions in zip(closes, held, strict=True):
                entry_price, quantity, margin = positions.between(start, stop)
                worth = close[start:stop] - entry_price
                worth *= quantity
                worth += margin
                part += worth
            equity[start:stop] = part
        return equity

    def _positions_held(self) -> list[_Steps]:
        """Of each symbol: entry price, signed quantity and margin of its position; zeros if flat.

        A position is there from the close of the candle it was entered in, up to the last close
        before the candle it was left in.
        """
        account = self._account
        spans: list[list[int]] = [[] for _ in self._all_bars]
        values: list[list[float]] = [[] for _ in self._all_bars]
        slots = {symbol: slot for slot, symbol in enumerate(account.rules.symbols)}

        def hold(slot: int, stages: Iterable[_Stage]) -> None:
            for begin, end, *held in stages:
                spans[slot] += (begin, end)
                values[slot] += held

        for trade in account.trades:
            slot, quantity, sign = slots[trade.symbol], trade.quantity, trade.side.sign
            if trade.entries or trade.parts:
                hold(
                    slot,
                    _stages(trade, trade.exit_time, quantity, trade.margin, trade.parts[:-1]),
                )
            else:
                spans[slot] += (trade.entry_time, trade.exit_time)
                values[slot] += (trade.entry_price, quantity * sign, trade.margin)
        for slot, position in enumerate(account.positions):
            if position is None:
                continue
            quantity, margin = position.quantity, position.margin
            if position.parts:
                quantity, margin = position.entered, position.put_up
            hold(slot, _stages(position, END, quantity, margin, position.parts))
        return [self._steps(*one) for one in zip(spans, values, strict=True)]

    def _steps(self, spans: list[int], values: list[float]) -> _Steps:
        """Values that hold in spans of time (their starts and stops in turns), zeros between."""
        edges = self.times.searchsorted(np.array(spans, dtype=np.int64))
        spread = np.zeros((3, len(spans) + 1))
        spread[:, 1::2] = np.array(values).reshape(-1, 3).T
        return _Steps(np.concatenate(([0], edges, [self._length])), spread)

    def _closes(self, bars: BarIndex) -> Floats:
        """The last known close at every moment (what comes before the first is never looked at)."""
        candles = bars.candles
        if not len(candles):
            return np.zeros(self._length)
        if len(candles) == len(self._moments):
            return candles.close
        latest = np.searchsorted(candles.time, self._moments, side="right") - 1
        return candles.close[np.maximum(latest, 0)]


_Stage = tuple[int, int, float, float, float]
"""From when to when a position had which entry price, signed quantity and margin."""


def _stages(
    held: Trade | Position, end: int, quantity: float, margin: float, parts: Sequence[TradePart]
) -> Iterator[_Stage]:
    """What a position was from its entry to its `end`: it grew by adds, then shrank by `parts`.

    `quantity` and `margin` are those before the first part.
    """
    begin, sign = held.entry_time, held.side.sign
    if held.entries:
        first = held.entries[0]
        grown, price, put_up = first.quantity, first.price, first.margin
        for more in held.entries[1:]:
            yield begin, more.time, price, grown * sign, put_up
            price, grown, put_up = joined(price, grown, put_up, more)
            begin = more.time
    for part in parts:
        yield begin, part.time, held.entry_price, quantity * sign, margin
        quantity, margin = left_after(quantity, margin, part.quantity)
        begin = part.time
    yield begin, end, held.entry_price, quantity * sign, margin


class _Steps:
    """Values over the moments of a run that change only at `edges`, the first 0, the last its end.

    `values` has a row for each kind of value, and in it one for each span from edge to edge.
    """

    def __init__(self, edges: NDArray[np.intp], values: Floats) -> None:
        self.edges = edges
        self._values = values

    def between(self, start: int, stop: int) -> Floats:
        """The values at the moments `start` to `stop` (exclusive), a row for each kind."""
        first = int(self.edges.searchsorted(start, side="right")) - 1
        last = int(self.edges.searchsorted(stop))
        lengths = np.diff(self.edges[first : last + 1].clip(start, stop))
        return np.repeat(self._values[:, first:last], lengths, axis=1)
