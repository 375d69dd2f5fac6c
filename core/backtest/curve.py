"""Tells what the account was worth at the closes of a run, from its trades and after the run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

import numpy as np

from core.backtest.bar_index import END, BarIndex
from core.market.candles.candles import Floats, Times
from core.report.equity import MarkedEquity, Places, deepest_fall
from core.trading.account import Account
from core.trading.position import Position, joined, left_after
from core.trading.values import Trade, TradePart

_PART = 16_384  # moments worked on together: few enough to stay in the processor's cache


class RunEquity:
    """The account marked at closes of a run: at those that are asked for.

    The sums are those of `Account.equity`, in the same order, so that each is bit for bit what
    marking the account at that close would have given.
    """

    def __init__(
        self,
        account: Account,
        all_bars: Sequence[BarIndex],
        times: Times,
        changed: Sequence[int],
        free: Sequence[float],
    ) -> None:
        """Take a run that is over.

        Args:
            account: as the run left it.
            all_bars: what it ran on.
            times: open times of its moments; shape (n,).
            changed: the times at which the free balance changed, increasing; the first is 0.
            free: what it became at each.
        """
        self.times = times
        self._closes = [_closes(bars, times) for bars in all_bars]
        edges = np.append(times.searchsorted(np.array(changed)), len(times))
        self._free = _Steps(edges, np.array([free]))
        self._held = _positions_held(account, len(all_bars), times)

    @property
    def last_time(self) -> int:
        """Open time of the last moment of the run."""
        return int(self.times[-1]) if len(self.times) else 0

    def at(self, places: Places) -> Floats:
        """Equity at the closes of some moments, counted from 0; shape as `places`."""
        equity: Floats = self._free.at(places)[0]
        for close, held in zip(self._closes, self._held, strict=True):
            equity += _worth(close[places], held.at(places))
        return equity

    def whole(self) -> Floats:
        """Equity at each moment's close."""
        return self._whole

    @cached_property
    def _whole(self) -> Floats:
        equity = np.empty(len(self.times))
        for start in range(0, len(equity), _PART):
            stop = min(start + _PART, len(equity))
            equity[start:stop] = self._between(start, stop)
        return equity

    def _between(self, start: int, stop: int) -> Floats:
        """Equity at the closes of the moments `start` to `stop` (exclusive)."""
        equity: Floats = self._free.between(start, stop)[0]
        for close, held in zip(self._closes, self._held, strict=True):
            equity += _worth(close[start:stop], held.between(start, stop))
        return equity

    def deepest_fall(self, before: float) -> float:
        """The largest fall from a peak, as a fraction of the peak; `before` is equity before all.

        Of one symbol, equity rises or falls with the close wherever neither the free balance nor
        the position changes, also as it is rounded: its extremes there are at those of the close.
        """
        length = len(self.times)
        if len(self._closes) > 1 or not length:
            return MarkedEquity(self.whole()).deepest_fall(before)
        (close,), (held,) = self._closes, self._held
        starts = np.concatenate((self._free.edges, held.edges))
        starts.sort(kind="stable")
        starts = starts[: starts.searchsorted(length)]
        (free,), holding = self._free.at(starts), held.at(starts)
        one = free + _worth(np.maximum.reduceat(close[:length], starts), holding)
        other = free + _worth(np.minimum.reduceat(close[:length], starts), holding)

        def stretch(number: int) -> Floats:
            start = int(starts[number])
            later = starts[number + 1 :]
            return self._between(start, max(int(later[0]), start + 1) if len(later) else length)

        return deepest_fall(before, np.maximum(one, other), np.minimum(one, other), stretch)


def _worth(close: Floats, held: Floats) -> Floats:
    """What a position adds to equity at closes; `held` as `_positions_held` has it."""
    entry_price, quantity, margin = held
    worth: Floats = close - entry_price
    worth *= quantity
    worth += margin
    return worth


def _closes(bars: BarIndex, times: Times) -> Floats:
    """The last known close at every moment (what comes before the first is never looked at)."""
    candles = bars.candles
    if not len(candles):
        return np.zeros(len(times))
    if len(candles) >= len(times) and candles.time[len(times) - 1] == times[-1]:
        return candles.close  # as all its candles are among the moments, these are the same
    latest = np.searchsorted(candles.time, times, side="right") - 1
    return candles.close[np.maximum(latest, 0)]


def _positions_held(account: Account, slots: int, times: Times) -> list[_Steps]:
    """Of each symbol: entry price, signed quantity and margin of its position; zeros if flat.

    A position is there from the close of the candle it was entered in, up to the last close
    before the candle it was left in.
    """
    spans: list[list[int]] = [[] for _ in range(slots)]
    values: list[list[float]] = [[] for _ in range(slots)]
    slot_of = {symbol: slot for slot, symbol in enumerate(account.rules.symbols)}

    def hold(slot: int, stages: Iterable[_Stage]) -> None:
        for begin, end, *held in stages:
            spans[slot] += (begin, end)
            values[slot] += held

    for trade in account.trades:
        slot, quantity, sign = slot_of[trade.symbol], trade.quantity, trade.side.sign
        if trade.entries or trade.parts:
            hold(slot, _stages(trade, trade.exit_time, quantity, trade.margin, trade.parts[:-1]))
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
    return [_steps(times, *one) for one in zip(spans, values, strict=True)]


def _steps(times: Times, spans: list[int], values: list[float]) -> _Steps:
    """Values that hold in spans of time (their starts and stops in turns), zeros between."""
    edges = times.searchsorted(np.array(spans, dtype=np.int64))
    spread = np.zeros((3, len(spans) + 1))
    spread[:, 1::2] = np.array(values).reshape(-1, 3).T
    return _Steps(np.concatenate(([0], edges, [len(times)])), spread)


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

    def __init__(self, edges: Places, values: Floats) -> None:
        self.edges = edges
        self._values = values

    def at(self, places: Places) -> Floats:
        """The values at some moments, a row for each kind."""
        values: Floats = self._values[:, self.edges.searchsorted(places, side="right") - 1]
        return values

    def between(self, start: int, stop: int) -> Floats:
        """The values at the moments `start` to `stop` (exclusive), a row for each kind."""
        first = int(self.edges.searchsorted(start, side="right")) - 1
        last = int(self.edges.searchsorted(stop))
        lengths = np.diff(self.edges[first : last + 1].clip(start, stop))
        return np.repeat(self._values[:, first:last], lengths, axis=1)
