"""Takes an open position through one candle: which of its prices the candle met, and in what order.

A candle says how far the price went, not when. docs/rules.md §3.5 decides what is assumed of its
way, and this is the only place where that is applied; what is not known counts against the
position, or marks the trade as ambiguous.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.market.candles.candle import Candle
from core.trading.account import Account
from core.trading.bar import Bar
from core.trading.position import Position
from core.trading.values import ExitReason, Fills, FinerCandles


def pass_through_candle(
    account: Account,
    position: Position,
    bar: Bar,
    time: int,
    finer: FinerCandles | None,
) -> None:
    """Take `position` through one candle: out at its stop, target or liquidation, or else on.

    The order is that of docs/rules.md §3.5.
    """
    rules = account.rules
    sign = position.sign
    held_from_the_open = position.entry_time != time or (
        position.entry_filled_at is None and not position.inside
    )
    # Most candles reach none of a position's prices: what follows would find the same.
    if held_from_the_open and not rules.adds and not rules.roi:
        worst: float = bar.low if sign > 0 else bar.high
        best: float = bar.high if sign > 0 else bar.low
        stop: float = position.stop_price
        if rules.trailing_stop_pct is not None:
            stop, _ = position.stop(rules.trailing_stop_pct)
        near = (worst - stop) * sign <= 0 or (worst - position.liquidation_price) * sign <= 0
        if not near and (best - position.target_price) * sign < 0:
            position.pass_over(1, best, bar.close)
            if rules.moves_stop:
                position.move_stop(rules, bar.levels)
            return
    falls = bool(rules.roi) and position.let_target_fall(rules, time)
    added = None
    waits = rules.adds and time > position.entry_time  # adds do, from the candle after the entry on
    if waits and position.above:
        _add_above_at_the_open(account, position, bar, time)
    if waits and position.below:
        added = _add_below(account, position, bar, time)
    # Where a quote entered the position, the candle had opened before there was one.
    entered_by_quote = position.entry_time == time and position.entry_filled_at is not None
    open_: float = position.entry_price if entered_by_quote else bar.open
    low = bar.low
    high = bar.high
    if entered_by_quote:
        # What the candle had reached before the entry says nothing of the position.
        if position.low_before is not None and low >= position.low_before:
            low = min(open_, bar.close)
        if position.high_before is not None and high <= position.high_before:
            high = max(open_, bar.close)
    worst = low if sign > 0 else high
    best = high if sign > 0 else low
    entered_inside = position.inside and position.entry_time == time
    if entered_inside and position.rested is not None:
        # What came before the entry is not known: only what its close tells counts in favour.
        finer = None
        open_ = position.rested.price
        certain = max(open_, bar.close) if sign > 0 else min(open_, bar.close)
        if position.rested.limit and not rules.target_first:
            best = certain
        elif rules.target_first and not position.rested.limit:
            worst = min(open_, bar.close) if sign > 0 else max(open_, bar.close)

    peak, doubtful = best, entered_inside
    if added is not None:  # what came before the add says nothing of what it made
        best = max(added, bar.close) if sign > 0 else min(added, bar.close)
        open_, finer = added, None
    ambiguous = False
    while True:  # again after every part that is closed or added
        stop, reason = position.stop(rules.trailing_stop_pct)
        # Of stop and liquidation, the one met first on the way against the position.
        level, why = stop, reason
        if (position.liquidation_price - stop) * sign >= 0:
            level, why = position.liquidation_price, ExitReason.LIQUIDATION
        against = (worst - level) * sign <= 0
        target = position.target_price
        if (open_ - stop) * sign <= 0:
            price = rules.exit_price(sign, open_)
            break
        gone = (open_ - target) * sign >= 0  # a gap beyond the target takes that alone
        above = position.above[0] if waits and position.above and not gone else None
        if above is not None and (best - above[0]) * sign >= 0 and (target - above[0]) * sign > 0:
            at_open = (open_ - above[0]) * sign >= 0
            if at_open or not against:
                met = open_ if at_open else above[0]
                added_to = account.add(position, above[1], rules.entry_price(sign, met), time)
                if added_to and not at_open:  # what came before is not known
                    open_, doubtful, finer = met, True, None
                    if rules.target_first:
                        worst = min(met, bar.close) if sign > 0 else max(met, bar.close)
                continue
            doubtful = True
        taken = gone
        if not taken:
            # Slippage may have entered beyond the liquidation price: then the open met that first.
            taken = (best - target) * sign >= 0 and (open_ - level) * sign > 0
            if not (against or taken):
                position.pass_over(1, peak, bar.close)
                if rules.moves_stop:
                    position.move_stop(rules, bar.levels)
                return
            if against and taken:
                inside = finer(position.slot, time) if finer else ()
                first = _first_met(sign, level, target, inside)
                ambiguous = ambiguous or first is None
                taken = rules.target_first if first is None else first == target
        elif falls:  # it falls to a price that the market is beyond already
            market = rules.exit_price(sign, open_)
            target = max(target, market) if sign > 0 else min(target, market)
        if not taken:
            ambiguous = ambiguous or doubtful
            reason = why
            price = level if why is ExitReason.LIQUIDATION else rules.exit_price(sign, level)
            break
        if not position.takes_part:
            price, reason = target, rules.target_reason
            break
        account.reduce(position, target, time)
    late = rules.fills is Fills.MARKET
    account.close(position, price, reason, time, ambiguous=ambiguous, seen_late=late)


def _add_above_at_the_open(account: Account, position: Position, bar: Bar, time: int) -> None:
    """Fill the adds in favour of the position that the open is beyond, if not stop or target.

    They are stop orders that the market met before anything in the candle.
    """
    sign, rules = position.sign, account.rules
    while position.above and (bar.open - position.above[0][0]) * sign >= 0:
        stop, _ = position.stop(rules.trailing_stop_pct)
        if (bar.open - stop) * sign <= 0 or (bar.open - position.target_price) * sign >= 0:
            break
        price = rules.entry_price(sign, bar.open)
        account.add(position, position.above[0][1], price, time)


def _add_below(account: Account, position: Position, bar: Bar, time: int) -> float | None:
    """Fill adds that wait against the position, as far as the candle comes to them before the stop.

    They are limit orders. Returns the price of the last one filled inside the candle, None if none.
    """
    sign, inside, open_ = position.sign, None, bar.open
    worst = bar.low if sign > 0 else bar.high
    while position.below:
        price, number = position.below[0]
        stop, _ = position.stop(account.rules.trailing_stop_pct)
        nearer = max if sign > 0 else min
        level = nearer(stop, position.liquidation_price)
        gone = (open_ - level) * sign <= 0 or (open_ - position.target_price) * sign >= 0
        if gone or (worst - price) * sign > 0 or (price - level) * sign <= 0:
            break
        at_open = (open_ - price) * sign <= 0
        added = account.add(position, number, open_ if at_open else price, time)
        if added and not at_open:
            inside = open_ = price
    return inside


def _first_met(sign: int, level: float, target: float, finer: Sequence[Candle]) -> float | None:
    """Which of `level` (against the position) and `target` the finer candles met first.

    None where there are none, or one of them met both: the candle stays ambiguous.
    """
    for candle in finer:
        worst, best = (candle.low, candle.high) if sign > 0 else (candle.high, candle.low)
        if (candle.open - level) * sign <= 0:
            return level
        if (candle.open - target) * sign >= 0:
            return target
        against, reached = (worst - level) * sign <= 0, (best - target) * sign >= 0
        if against and reached:
            return None
        if against or reached:
            return level if against else target
    return None
