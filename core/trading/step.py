"""Decides what one closed moment does to an account: the only place where that is decided.

Backtest, replay and paper sessions all call `step`; a backtest may leave out moments in which it
would do nothing, and has no rule of its own (docs/rules.md §3 and §5).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from core.market.candles.timeframes import DAY
from core.strategy.signals.source import (
    ENTER_LONG,
    ENTER_SHORT,
    EXIT_LONG,
    EXIT_SHORT,
    add_flag,
)
from core.trading.account import Account
from core.trading.bar import Bar
from core.trading.inside_candle import pass_through_candle
from core.trading.position import Position, Resting
from core.trading.values import (
    Decided,
    Event,
    Exited,
    ExitReason,
    FillOn,
    FinerCandles,
    FundingPaid,
    Halted,
    Obstacle,
    Priced,
    Side,
    Trade,
)

# What every step asks for: looked up on its class, a member costs a call in Python 3.11.
_LONG: Side = Side.LONG
_SHORT: Side = Side.SHORT
_SIGNAL: ExitReason = ExitReason.SIGNAL
_REVERSE: ExitReason = ExitReason.REVERSE
_CLOSE: FillOn = FillOn.CLOSE
_ENTER_LONG: int = ENTER_LONG
_ENTER_SHORT: int = ENTER_SHORT
_EXIT_LONG: int = EXIT_LONG
_EXIT_SHORT: int = EXIT_SHORT


def _weigh(raw: int) -> int:
    """The flags that count, of those that were raised together (docs/rules.md §3.2)."""
    both_entries = ENTER_LONG | ENTER_SHORT
    if raw & both_entries == both_entries:
        raw &= ~both_entries
    for entry, exit_ in ((ENTER_LONG, EXIT_LONG), (ENTER_SHORT, EXIT_SHORT)):
        if raw & entry and raw & exit_:
            raw &= ~(entry | exit_)
    return raw


_BOTH_WAYS: int = ENTER_LONG | EXIT_LONG | ENTER_SHORT | EXIT_SHORT
_WEIGHED: tuple[int, ...] = tuple(_weigh(raw) for raw in range(16))


def step(
    account: Account, time: int, bars: list[Bar], finer: FinerCandles | None = None
) -> Sequence[Event]:
    """Let one closed moment happen to `account`, and return what it did.

    `time` is the open time (UTC ms) of the candles in `bars`, which stand in the order of
    `rules.symbols` and leave out symbols that have no candle at this moment. Bars of symbols with
    no position, no due, resting or asked order and no signal change nothing and may be left out as
    well; not so where quotes fill: a trade that one closed waits for its candle's prices.
    """
    positions = account.positions
    due_entries = account.due_entries
    resting = account.resting
    first_trade = account.closed_count
    adds = account.rules.adds
    entering = adds
    bar: Bar
    position: Position | None
    for bar in bars:
        slot = bar.slot
        position = positions[slot]
        if position is not None:
            _at_the_open(account, position, bar, time)
        if due_entries[slot] is not None or resting[slot] is not None:
            entering = True
    if entering:
        for bar in bars:
            slot = bar.slot
            if due_entries[slot] is not None:
                _enter_if_due(account, slot, bar.open, time)
            if resting[slot] is not None:
                _enter_if_reached(account, bar, time)
            if adds:
                _add_if_due(account, slot, bar.open, time)
    for bar in bars:
        position = positions[bar.slot]
        if position is not None:
            pass_through_candle(account, position, bar, time, finer)
    if account.unpriced:
        _price_by_candles(account, time, bars)
    if account.rules.watches_equity:
        _watch_limits(account, time)
    _decide(account, time, bars)
    if account.closed_count - first_trade > 1:
        _number(account, first_trade)
    return account.told() if account.happened else ()


def _at_the_open(account: Account, position: Position, bar: Bar, time: int) -> None:
    """Funding, then liquidation, then the exit that is due, of a position held before."""
    if position.entry_time == time:  # entered by a quote since this candle opened
        if not position.by_hand:  # in the middle of a candle: its open was past
            position.candle_entry_price = _candle_entry_price(
                account, position.sign, position.rested, bar
            )
        return
    position.mark = bar.open
    if bar.funding_rate:
        amount = bar.funding_rate * position.quantity * bar.open * position.sign
        account.free -= amount
        position.funding += amount
        if account.tells:
            symbol = account.rules.symbols[bar.slot]
            account.happened.append(FundingPaid(time, symbol, bar.funding_rate, amount))
    if (bar.open - position.liquidation_price) * position.sign <= 0:
        account.close(position, bar.open, ExitReason.LIQUIDATION, time)
        return
    reason = account.due_exits[bar.slot]
    if reason is not None:
        price = account.rules.exit_price(position.sign, bar.open)
        account.close(position, price, reason, time)


def _candle_entry_price(
    account: Account, sign: int, rested: Resting | None, bar: Bar
) -> float | None:
    """What its candle would have given an entry that a quote filled; None: nothing."""
    if rested is None:
        return account.rules.entry_price(sign, bar.open)
    filled = rested.fill(account.rules, bar.open, bar.low, bar.high)
    return None if filled is None else filled[0]


def _enter_if_due(account: Account, slot: int, price: float, time: int) -> None:
    """Fill the entry that is due in `slot`, if one is, at a candle's `price`."""
    due = account.due_entries[slot]
    if due is not None:
        account.due_entries[slot] = None
        side, signal_time, levels = due
        slipped = account.rules.entry_price(1 if side is _LONG else -1, price)
        account.enter(slot, side, slipped, time, signal_time, None, levels)
        entered: Position | None = account.positions[slot]
        if entered is not None:
            entered.mark = price  # the next entry of this moment sees what slippage has cost


def _add_if_due(account: Account, slot: int, price: float, time: int) -> None:
    """Fill the adds whose conditions have held, at a candle's `price`."""
    position: Position | None = account.positions[slot]
    if position is None or not position.due_adds:
        return
    due, position.due_adds = position.due_adds, ()
    slipped = account.rules.entry_price(position.sign, price)
    for number in due:
        account.add(position, number, slipped, time)


def _enter_if_reached(account: Account, bar: Bar, time: int) -> None:
    """Fill the order that rests in a slot where the candle reaches it, or let a candle pass."""
    slot = bar.slot
    order: Resting | None = account.resting[slot]
    if order is None or account.positions[slot] is not None:
        return
    filled = order.fill(account.rules, bar.open, bar.low, bar.high)
    if filled is None:
        order.left -= 1
        if not order.left:
            account.resting[slot] = None
            account.expire(slot, order, time)
        return
    account.resting[slot] = None
    price, inside = filled
    account.enter(slot, order.side, price, time, order.signal_time, None, order.levels, order)
    entered: Position | None = account.positions[slot]
    if entered is not None:
        entered.inside = inside
        entered.mark = bar.open


def _watch_limits(account: Account, time: int) -> None:
    """Mark to the close and see whether a risk limit was reached."""
    rules = account.rules
    # A candle belongs to the UTC day of its last millisecond.
    day = (time + rules.timeframe_ms - 1) // DAY
    if day != account.day:
        account.day = day
        account.day_start_equity = account.last_equity
    equity = account.last_equity = account.equity()
    account.peak_equity = max(account.peak_equity, equity)
    pct: float
    if rules.max_daily_loss_pct is not None:
        pct = rules.max_daily_loss_pct
        floor = account.day_start_equity * (1 - pct / 100)
        if equity <= floor and account.halted_day != day:
            account.halted_day = day
            if account.tells:
                account.happened.append(Halted(time, "max_daily_loss_pct", pct, equity))
    if rules.max_drawdown_pct is not None:
        pct = rules.max_drawdown_pct
        if equity <= account.peak_equity * (1 - pct / 100):
            account.stopped = True
            if account.tells:
                account.happened.append(Halted(time, "max_drawdown_pct", pct, equity))


def _decide(account: Account, time: int, bars: list[Bar]) -> None:
    """Weigh the signals at the close and order what follows from them."""
    if account.stopped:
        account.due_entries = [None] * len(account.positions)
        account.due_exits = [None] * len(account.positions)
        account.resting = [None] * len(account.positions)
        account.asked_in.clear()
        return
    rules = account.rules
    positions = account.positions
    asked_in = account.asked_in
    bar: Bar
    position: Position | None
    flags: int
    for bar in bars:
        flags = _WEIGHED[bar.signals & _BOTH_WAYS]
        position = positions[bar.slot]
        if position is None:
            if flags & _ENTER_LONG:
                _order_entry(account, bar, _LONG, time)
            elif flags & _ENTER_SHORT:
                _order_entry(account, bar, _SHORT, time)
            elif asked_in and bar.slot in asked_in:
                side, _, _ = asked_in[bar.slot]
                due = asked_in[bar.slot] = (side, time, bar.levels)
                account.due_entries[bar.slot] = due
            continue
        long = position.sign > 0
        if flags & (_ENTER_SHORT if long else _ENTER_LONG):
            reason = _REVERSE
        elif flags & (_EXIT_LONG if long else _EXIT_SHORT):
            reason = _SIGNAL
        elif rules.max_hold is not None and position.held >= rules.max_hold:
            reason = ExitReason.MAX_HOLD
        elif rules.flat_at_ms is not None and time >= rules.flat_candle(position.entered_at(rules)):
            reason = ExitReason.FLAT_AT
        elif account.asked_out and bar.slot in account.asked_out:
            reason = ExitReason.MANUAL
        else:
            if position.when:
                _decide_adds(account, position, bar, time)
            continue
        account.due_exits[bar.slot] = reason
        if account.tells:
            symbol = rules.symbols[bar.slot]
            account.happened.append(Decided(time, symbol, position.side, reason))
        if reason is _REVERSE:
            _order_entry(account, bar, position.side.opposite, time)
    if rules.fill_on is _CLOSE:
        _fill_at_close(account, time, bars)


def _decide_adds(account: Account, position: Position, bar: Bar, time: int) -> None:
    """Make the adds due whose conditions hold at the close."""
    long = position.sign > 0
    held = [number for number in position.when if bar.signals & add_flag(number, long=long)]
    for number in held:
        position.when = tuple(one for one in position.when if one != number)
        position.due_adds += (number,)
        if account.tells:
            symbol = account.rules.symbols[bar.slot]
            account.happened.append(Decided(time, symbol, position.side, adds=True))


def _order_entry(account: Account, bar: Bar, side: Side, time: int) -> None:
    """Make an entry due, unless entries are paused. Other limits look at its fill."""
    slot = bar.slot
    if account.asked_in:  # the strategy's own entry takes the place of a person's
        account.asked_in.pop(slot, None)
    if barred := account.barred(slot):
        account.refuse(slot, side, time, Obstacle.PAUSED, barred)
    else:
        rules = account.rules
        entry = rules.entry
        if entry is None:
            account.due_entries[slot] = (side, time, bar.levels)
            if account.tells:
                account.happened.append(Decided(time, rules.symbols[slot], side))
            return
        price: float = bar.levels[rules.level_of(entry.price, side.sign)]
        if not price > 0:
            why = "the price of its order is not known at the candle that decided"
            account.resting[slot] = None
            account.refuse(slot, side, time, Obstacle.PRICE, why)
            return
        account.resting[slot] = Resting(side, time, bar.levels, price, entry.limit, entry.valid)
        if account.tells:
            account.happened.append(Decided(time, rules.symbols[slot], side, None, price))


def _fill_at_close(account: Account, time: int, bars: list[Bar]) -> None:
    """`fill_on: close`: what was just decided fills at the close that decided it."""
    bar: Bar
    position: Position | None
    for bar in bars:
        position = account.positions[bar.slot]
        reason = account.due_exits[bar.slot]
        if position is not None and reason is not None:
            price = account.rules.exit_price(position.sign, bar.close)
            account.close(position, price, reason, time)
    for bar in bars:
        _enter_if_due(account, bar.slot, bar.close, time)
        _add_if_due(account, bar.slot, bar.close, time)
    if account.rules.watches_equity:
        _watch_limits(account, time)  # of these fills' fees too


def _price_by_candles(account: Account, time: int, bars: list[Bar]) -> None:
    """Record beside each fill by a quote what its candle, closed now, would have given."""
    rules = account.rules
    waiting = []
    for index, stop, rested in account.unpriced:
        trade = account.trades[index]
        bar = next((bar for bar in bars if rules.symbols[bar.slot] == trade.symbol), None)
        if trade.exit_time > time:
            waiting.append((index, stop, rested))
        if bar is None or trade.exit_time != time:
            continue
        entry_price = trade.candle_entry_price
        entered_in_it = trade.entry_filled_at is not None and trade.entry_time == time
        if entry_price is None and entered_in_it and not trade.by_hand:
            entry_price = _candle_entry_price(account, trade.side.sign, rested, bar)
        priced = msgspec.structs.replace(
            trade,
            candle_entry_price=entry_price,
            candle_exit_price=_candle_exit_price(account, trade, stop, bar),
        )
        account.trades[index] = priced
        if account.tells:
            account.happened.append(Priced(time, priced))
    account.unpriced = waiting


def _candle_exit_price(
    account: Account, trade: Trade, stop: float | None, bar: Bar
) -> float | None:
    """What the candle that a quote closed `trade` in would have given for the same exit."""
    if trade.exit_reason is ExitReason.MANUAL:
        return None  # ordered in the middle of a candle: its open was past
    if trade.exit_reason in (ExitReason.TAKE_PROFIT, ExitReason.ROI, ExitReason.LIQUIDATION):
        return trade.parts[-1].price if trade.parts else trade.exit_price
    if stop is None or (bar.open - stop) * trade.side.sign <= 0:
        return account.rules.exit_price(trade.side.sign, bar.open)
    return account.rules.exit_price(trade.side.sign, stop)


def _number(account: Account, first: int) -> None:
    """List the trades of one moment in the order of the symbols, whatever phase closed them."""
    if not account.tells:
        account.closed[first:] = sorted(account.closed[first:], key=lambda one: one.position.slot)
        return
    symbols = account.rules.symbols
    ordered = sorted(account.trades[first:], key=lambda one: symbols.index(one.symbol))
    numbered = {
        trade.id: msgspec.structs.replace(trade, id=number)
        for number, trade in enumerate(ordered, first + 1)
    }
    account.trades[first:] = numbered.values()
    for place, event in enumerate(account.happened):
        if isinstance(event, Exited):
            account.happened[place] = Exited(event.time, numbered[event.trade.id])
