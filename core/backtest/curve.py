"""Tells what the account was worth at the closes of a run, from its trades and after the run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from core.backtest.bar_index import END, BarIndex
from core.backtest.drive import Course
from core.market.candles.candles import Floats, Times, places_of
from core.report.equity import MarkedEquity, Places, deepest_fall
from core.report.trade_columns import TradeColumns
from core.trading.account import Account
from core.trading.position import Closed, Position, joined, left_after
from core.trading.values import TradePart

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
        course: Course,
        closed: TradeColumns,
    ) -> None:
        """Take a run that is over: the account as it left it, and the trades closed in it."""
        times = course.times
        self._length = len(times)
        self._closes = [_closes(bars, times) for bars in all_bars]
        changed = places_of(times, course.changed)
        self._free = _Steps(changed, course.free.reshape(1, -1), self._length)
        self._held = _positions_held(account, closed, times)

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
        equity = np.empty(self._length)
        for start in range(0, self._length, _PART):
            stop = min(start + _PART, self._length)
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
        if len(self._closes) > 1 or not self._length:
            return MarkedEquity(self.whole()).deepest_fall(before)
        (close,), (held,) = self._closes, self._held
        edges = np.concatenate((self._free.edges, held.edges))
        edges.sort(kind="stable")
        starts = edges[:-1][edges[1:] > edges[:-1]]  # each once, and the end not
        (free,), holding = self._free.at(starts), held.at(starts)
        one = free + _worth(np.maximum.reduceat(close[: self._length], starts), holding)
        other = free + _worth(np.minimum.reduceat(close[: self._length], starts), holding)

        def stretch(number: int) -> Floats:
            stop = starts[number + 1] if number + 1 < len(starts) else self._length
            within = close[starts[number] : stop]
            equity: Floats = free[number] + _worth(within, holding[:, number])
            return equity

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


def _positions_held(account: Account, closed: TradeColumns, times: Times) -> list[_Steps]:
    """Of each symbol: entry price, signed quantity and margin of its position; zeros if flat.

    A position is there from the close of the candle it was entered in, up to the last close
    before the candle it was left in.
    """
    trades = account.closed
    begins, ends = closed.places(times)
    values = np.empty((3, len(trades)))
    values[0], values[1], values[2] = closed.entry_price, closed.quantity, closed.margin
    values[1] *= closed.sign
    stages = [
        (trades[place].position.slot, *stage)
        for place in closed.staged.nonzero()[0].tolist()
        for stage in _stages_of_trade(trades[place])
    ]
    alone = len(account.positions) == 1
    in_order = alone and not stages  # one after the other, and last what is still open
    stages += [
        (slot, *stage)
        for slot, position in enumerate(account.positions)
        if position is not None
        for stage in _stages_so_far(position)
    ]
    whole = ~closed.staged
    if stages:
        more = np.array(stages).T
        since, until = more[1:3].astype(np.int64)  # exact as floats, too
        begins = np.concatenate((begins[whole], times.searchsorted(since)))
        ends = np.concatenate((ends[whole], times.searchsorted(until)))
        values = np.concatenate((values[:, whole], more[3:]), axis=1)
    if in_order:
        return [_spans(begins, ends, values, len(times))]
    slots = np.fromiter([trade.position.slot for trade in trades], np.int64, len(trades))
    if stages:
        slots = np.concatenate((slots[whole], more[0]))
        order = np.lexsort((ends, begins))
        slots, begins, ends, values = slots[order], begins[order], ends[order], values[:, order]
    all_mine = (slots == slot for slot in range(len(account.positions)))
    return [_spans(begins[mine], ends[mine], values[:, mine], len(times)) for mine in all_mine]


def _spans(begins: Places, ends: Places, values: Floats, length: int) -> _Steps:
    """The `values`, each over its span of moments, and zeros between."""
    changes = np.empty(2 * len(begins), np.intp)
    changes[::2], changes[1::2] = begins, ends
    spread = np.zeros((len(values), len(changes) + 1))
    spread[:, 1::2] = values
    return _Steps(changes, spread, length)


_Stage = tuple[int, int, float, float, float]
"""From when to when a position had which entry price, signed quantity and margin."""


def _stages_of_trade(trade: Closed) -> Iterator[_Stage]:
    """What the position of a closed trade was, from its entry to its exit."""
    parts = trade.position.parts[:-1]
    return _stages(trade.position, trade.exit_time, trade.quantity, trade.margin, parts)


def _stages_so_far(position: Position) -> Iterator[_Stage]:
    """What a position was that is still open."""
    quantity, margin = position.quantity, position.margin
    if position.parts:
        quantity, margin = position.entered, position.put_up
    return _stages(position, END, quantity, margin, position.parts)


def _stages(
    held: Position, end: int, quantity: float, margin: float, parts: Sequence[TradePart]
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
    """Values over the moments of a run, which change only at some of them, the `edges`.

    `values` has a row for each kind of value, and in it one more than there are changes: before the
    first, and after each.
    """

    def __init__(self, changes: Places, values: Floats, length: int) -> None:
        self.edges = np.empty(len(changes) + 2, np.intp)
        self.edges[0], self.edges[1:-1], self.edges[-1] = 0, changes, length
        self._values = values

    def at(self, places: Places) -> Floats:
        """The values at some moments, a row for each kind."""
        return self._values.take(self.edges.searchsorted(places, side="right") - 1, axis=1)

    def between(self, start: int, stop: int) -> Floats:
        """The values at the moments `start` to `stop` (exclusive), a row for each kind."""
        first = int(self.edges.searchsorted(start, side="right")) - 1
        last = int(self.edges.searchsorted(stop))
        lengths = np.diff(self.edges[first : last + 1].clip(start, stop))
        return np.repeat(self._values[:, first:last], lengths, axis=1)
