"""Indexes a history for a backtest: its bars, and where in it something can happen."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import cast

import numpy as np

from core.market.candles.candles import Candles, Floats
from core.strategy.signals.source import (
    ENTER_LONG,
    ENTER_SHORT,
    EXIT_LONG,
    EXIT_SHORT,
    Bools,
    Flags,
    add_flag,
)
from core.trading.bar import Bar
from core.trading.position import Position
from core.trading.rules import Rules

_BLOCK: int = 128  # candles whose extremes are looked at together

END = 1 << 62
"""A time that never comes."""
_END: int = END
_INF: float = inf
_MARK = "\x01"
_ENTER: int = ENTER_LONG | ENTER_SHORT
_LEAVE_LONG: int = EXIT_LONG | ENTER_SHORT
_LEAVE_SHORT: int = EXIT_SHORT | ENTER_LONG


class Prices:
    """The prices of candles as they are looked up, the same for all runs on these candles.

    `columns`: open, high, low and close. Laid out `together` the four of one candle are read in one
    place of memory; that is worth the copy where many runs share it. `of_blocks`: the lowest low
    and the highest high of each block of candles, found when first asked for.
    """

    def __init__(self, candles: Candles, together: bool = False) -> None:
        self._candles = candles
        self.columns: Sequence[Floats] = (candles.open, candles.high, candles.low, candles.close)
        if together:
            self.columns = list(np.column_stack(self.columns).T)
        self._found: tuple[Floats, Floats] | None = None

    def since(self, start: int) -> Prices:
        """Those of the candles from `start` on."""
        prices = Prices(self._candles.slice(start))
        prices.columns = [column[start:] for column in self.columns]
        return prices

    def of_blocks(self) -> tuple[Floats, Floats]:
        """Lowest lows and highest highs."""
        if self._found is None:
            starts = np.arange(0, len(self._candles), _BLOCK)
            lowest = np.minimum.reduceat(self._candles.low, starts)
            highest = np.maximum.reduceat(self._candles.high, starts)
            self._found = lowest, highest
        return self._found


class BarIndex:
    """One symbol's candles with their raw signals, searched for what the rules would act on.

    Positions among the bars are indices from 0; `candles`, `flags`, `funding` and each of
    `levels` have one entry each.
    The searches may name a candle on which the rules then do nothing, but never pass over one on
    which they would do something: they compare with the position's own prices and weigh nothing.
    """

    def __init__(
        self,
        slot: int,
        candles: Candles,
        flags: Flags,
        funding: Floats | None,
        levels: Sequence[Floats] = (),
        prices: Prices | None = None,
    ) -> None:
        self.slot = slot
        self.candles = candles
        self.flags = flags
        self.funding = funding
        self.levels = levels
        self.length: int = len(candles)
        # The hot path reads single values as Python numbers: numpy's own are slow one by one.
        self._prices = prices or Prices(candles)
        open_, high, low, close = self._prices.columns
        self._open: memoryview[float] = _view(open_)
        self._high: memoryview[float] = _view(high)
        self._low: memoryview[float] = _view(low)
        self._close: memoryview[float] = _view(close)
        self._time: memoryview[int] = candles.time.data
        self._plain: bool = funding is None and not levels and flags.itemsize == 1
        self._flags: bytes = flags.tobytes() if self._plain else b""
        self._entering = ""  # where flags are raised that matter without a position, or with one
        self._leaving_long = ""
        self._leaving_short = ""
        self._adding: dict[int, str] = {}
        self._know_blocks = False
        self._lowest: memoryview[float] = self._open
        self._highest: memoryview[float] = self._open
        self._funded = "" if funding is None else _marks(funding != 0)

    def time(self, index: int) -> int:
        """Open time of the candle at `index`, or END behind the last."""
        return self._time[index] if index < self.length else _END

    def open(self, index: int) -> float:
        """The price that the candle at `index` opened at."""
        return self._open[index]

    def index_at(self, time: int) -> int:
        """Index of the first candle that opens at `time` or later."""
        return int(self.candles.time.searchsorted(time))

    def bar(self, index: int) -> Bar:
        """The candle at `index` as the rules take it."""
        if not self._plain:
            return self._whole_bar(index)
        return Bar(
            self.slot,
            self._open[index],
            self._high[index],
            self._low[index],
            self._close[index],
            self._flags[index],
        )

    def _whole_bar(self, index: int) -> Bar:
        """The candle at `index` with funding and levels, and with flags of any width."""
        return Bar(
            self.slot,
            self._open[index],
            self._high[index],
            self._low[index],
            self._close[index],
            self.flags.item(index),
            0.0 if self.funding is None else self.funding.item(index),
            tuple([level.item(index) for level in self.levels]),
        )

    def next_entry(self, index: int) -> int:
        """Index of the first candle from `index` on that could make a flat account enter."""
        if not self._entering:
            self._entering = self._raising(_ENTER)
        return self._next(self._entering, index)

    def next_in_position(self, index: int, position: Position, rules: Rules) -> int:
        """Index of the first candle from `index` on that could do something to `position`."""
        if position.sign > 0:
            leaving = self._leaving_long = self._leaving_long or self._raising(_LEAVE_LONG)
        else:
            leaving = self._leaving_short = self._leaving_short or self._raising(_LEAVE_SHORT)
        found: int = self._next(leaving, index)
        if rules.adds:
            for number in position.when:
                flag = add_flag(number, long=position.sign > 0)
                if flag not in self._adding:
                    self._adding[flag] = self._raising(flag)
                found = min(found, self._next(self._adding[flag], index))
        if self._funded:
            found = min(found, self._next(self._funded, index))
        if rules.max_hold is not None:
            found = min(found, index + max(rules.max_hold - position.held - 1, 0))
        if rules.timed:
            found = max(min(found, self._next_time(position, rules)), index)
        if rules.trails_level:
            return self._next_touch_of_level(index, found, position, rules)
        return self._next_touch(index, found, position, rules.trailing_stop_pct)

    def _next_time(self, position: Position, rules: Rules) -> int:
        """Index of the candle that closes at the time to be flat, or at which a target falls."""
        found = self.length
        if rules.flat_at_ms is not None:
            found = self.index_at(rules.flat_candle(position.entered_at(rules)))
        if position.roi_place + 1 < len(rules.roi):
            since, _ = rules.roi[position.roi_place + 1]
            found = min(found, self.index_at(position.entered_at(rules) + since))
        return found

    def live_through(self, position: Position, start: int, stop: int, rules: Rules) -> None:
        """Take `position` over the candles from `start` to `stop` (exclusive): nothing happened.

        Only a trailing stop asks for the best price among them.
        """
        before = position.best
        best = before
        if rules.trails:
            best = self._best_between(start, stop, position.sign)
        position.pass_over(stop - start, best, self._close[stop - 1])
        if rules.trails_level:
            stops = self._trailed(start, stop, position.sign, before, rules)
            known = stops[~np.isnan(stops)]
            if len(known):
                nearest = known.max() if position.sign > 0 else known.min()
                position.trail(float(nearest))

    def _raising(self, mask: int) -> str:
        """Marks on the candles that raise any flag of `mask`."""
        return _marks((self.flags & mask) != 0)

    def _next(self, marked: str, index: int) -> int:
        """The first place from `index` on that is marked."""
        text: str = marked
        found: int = text.find(_MARK, index)
        return self.length if found < 0 else found

    def _next_touch(
        self, start: int, stop: int, position: Position, trailing_stop_pct: float | None
    ) -> int:
        """The first candle in `start` to `stop` that reaches a level of `position`, else `stop`."""
        sign = position.sign
        target: float = position.target_price
        running: float = position.best
        if position.above or position.break_even_at == position.break_even_at:
            target = position.aim
        farther = max if sign > 0 else min
        fixed: float = position.stop_price
        if (position.liquidation_price - fixed) * sign > 0:
            fixed = position.liquidation_price
        if position.below:
            fixed = farther(fixed, position.below[0][0])
        level: float = fixed
        low: float
        high: float
        if trailing_stop_pct is None and abs(fixed) == _INF and abs(target) == _INF:
            return stop
        if not self._know_blocks:
            lowest, highest = self._prices.of_blocks()
            self._lowest, self._highest = _view(lowest), _view(highest)
            self._know_blocks = True
        worst = self._lowest if sign > 0 else self._highest
        best = self._highest if sign > 0 else self._lowest
        while start < stop:
            block = start // _BLOCK
            end = min((block + 1) * _BLOCK, stop)
            if trailing_stop_pct is not None:
                # Nowhere in the block is the trailing stop nearer than its best price would put it.
                pct: float = trailing_stop_pct
                level = farther(running, best[block]) * (1 - sign * pct / 100)
                level = farther(level, fixed)
            low, high = worst[block], best[block]
            if (low - level) * sign <= 0 or (high - target) * sign >= 0:
                found = self._touched(start, end, position, running, fixed, trailing_stop_pct)
                if found < end:
                    return found
            if trailing_stop_pct is not None:
                running = farther(running, self._best_between(start, end, sign))
            start = end
        return stop

    def _trailed(self, start: int, stop: int, sign: int, best: float, rules: Rules) -> Floats:
        """Where each close from `start` to `stop` wants the stop that trails a level.

        `best`: the best price before them.
        """
        levels = [level[start:stop] for level in self.levels]
        column = self.candles.high if sign > 0 else self.candles.low
        extreme = np.maximum if sign > 0 else np.minimum
        bests = extreme.accumulate(np.concatenate(([best], column[start:stop])))[1:]
        return rules.trailing_levels(sign, bests, levels)

    def _next_touch_of_level(self, start: int, stop: int, position: Position, rules: Rules) -> int:
        """As `_next_touch`, where the stop trails a level."""
        sign, nearest, best = position.sign, position.stop_price, position.best
        extreme = np.fmax if sign > 0 else np.fmin
        while start < stop:
            end = min(start + _BLOCK, stop)
            wanted = self._trailed(start, end, sign, best, rules)
            stops = extreme.accumulate(np.concatenate(([nearest], wanted)))
            level = extreme(stops[:-1], position.liquidation_price)
            if position.below:
                level = extreme(level, position.below[0][0])
            low, high = self.candles.low[start:end], self.candles.high[start:end]
            if sign > 0:
                touched = (low <= level) | (high >= position.aim)
            else:
                touched = (high >= level) | (low <= position.aim)
            first = int(touched.argmax())
            if touched[first]:
                return start + first
            nearest = float(stops[-1])
            best = float(extreme(best, self._best_between(start, end, sign)))
            start = end
        return stop

    def _touched(
        self,
        start: int,
        stop: int,
        position: Position,
        running: float,
        fixed: float,
        trailing_stop_pct: float | None,
    ) -> int:
        """As `_next_touch`, candle by candle; `running` is the best price before `start`."""
        long = position.sign > 0
        target = position.aim
        low, high = self.candles.low[start:stop], self.candles.high[start:stop]
        level: float | Floats = fixed
        if trailing_stop_pct is not None:
            # The trailing stop of each candle comes from the best price before it.
            extreme = np.maximum if long else np.minimum
            bests = extreme.accumulate(np.concatenate(([running], high if long else low)))[:-1]
            level = extreme(bests * (1 - position.sign * trailing_stop_pct / 100), fixed)
        touched = (low <= level) | (high >= target) if long else (high >= level) | (low <= target)
        first = int(touched.argmax())
        return start + first if touched[first] else stop

    def _best_between(self, start: int, stop: int, sign: int) -> float:
        """The highest high (for a short, `sign` -1: the lowest low) from `start` to `stop`."""
        if sign > 0:
            return float(self.candles.high[start:stop].max())
        return float(self.candles.low[start:stop].min())


def _marks(marked: Bools) -> str:
    """A character a candle: of text, C finds one without making Python numbers of places."""
    return str(marked.data, "ascii")


def _view(column: Floats) -> memoryview[float]:
    """A column of prices, to be read one by one."""
    return cast("memoryview[float]", column.data)


def funding_by_candle(candles: Candles, rates: Sequence[tuple[int, float]]) -> Floats:
    """The funding rate due at each candle's open: the sum of those since the previous open.

    `rates` are (UTC ms, fraction of notional). A rate after the last open is due at no candle.
    """
    due = np.zeros(len(candles))
    for time, rate in rates:
        index = int(np.searchsorted(candles.time, time))
        if index < len(candles):
            due[index] += rate
    return due
