"""Applies a price between candles to an account (`fills: market`, docs/rules.md §3.3, §3.5).

A quote changes nothing but by filling something, so a run is reproduced by its candles and those
few quotes that did.
"""

from __future__ import annotations

from core.trading.account import Account
from core.trading.position import Position
from core.trading.values import Event, ExitReason, Fills, Quote, Side


def on_quote(account: Account, slot: int, quote: Quote, time: int) -> list[Event]:
    """Let a price of the symbol in `slot` fill what it fills, and return what that was.

    `time` is the open time (UTC ms) of the candle that is forming. Best ask buys and best bid
    sells, the last price where a side is not known; no slippage is added to the market's own price.
    Under `fills: candle` only what a person asked for is filled here. A price older than
    the last that filled something is not looked at: a feed that begins again may repeat it.
    """
    if quote.time < account.filled_until[slot]:
        return []
    _fill_by(account, slot, quote, time)
    events = account.told()
    if events:
        account.filled_until[slot] = quote.time
    return events


def _fill_by(account: Account, slot: int, quote: Quote, time: int) -> None:
    position = account.positions[slot]
    if account.rules.fills is Fills.CANDLE:
        if position is not None and slot in account.asked_out:
            _exit(account, position, quote, time, ExitReason.MANUAL)
        _enter_by_hand(account, slot, quote, time)
        return
    if position is not None:
        _watch(account, position, quote, time)
        if account.positions[slot] is position:
            _add(account, position, quote, time)
    due = account.due_entries[slot]
    if due is not None and account.positions[slot] is None:
        side, signal_time, levels = due
        price = _buying(quote) if side is Side.LONG else _selling(quote)
        if price is not None:
            account.due_entries[slot] = None
            account.enter(slot, side, price, time, signal_time, quote, levels)
    order = account.resting[slot]
    if order is not None and account.positions[slot] is None:
        price = _buying(quote) if order.side is Side.LONG else _selling(quote)
        toward = -order.side.sign if order.limit else order.side.sign
        if price is not None and (price - order.price) * toward >= 0:
            account.resting[slot] = None
            account.enter(
                slot, order.side, price, time, order.signal_time, quote, order.levels, order
            )
    _enter_by_hand(account, slot, quote, time)


def _enter_by_hand(account: Account, slot: int, quote: Quote, time: int) -> None:
    """Fill the entry that a person asked for, unless it has become due at an open."""
    asked = account.asked_in.get(slot)
    if asked is None or account.due_entries[slot] is not None:
        return
    side, signal_time, levels = asked
    price = _buying(quote) if side is Side.LONG else _selling(quote)
    if price is not None and account.positions[slot] is None:
        account.enter(slot, side, price, time, signal_time, quote, levels)


def _watch(account: Account, position: Position, quote: Quote, time: int) -> None:
    """Liquidation, a due exit, the stop, the target: whichever this price meets first."""
    price = _closing(position, quote)
    if price is None:
        return
    sign = position.sign
    stop, reason = position.stop(account.rules.trailing_stop_pct)
    target = position.target_price
    if account.rules.roi:
        place = account.rules.roi_at(time - position.entered_at(account.rules))
        target = account.rules.roi_price(sign, position.entry_price, place)
        if place > position.roi_place and (price - target) * sign > 0:
            target = price  # it falls to a price that the market is beyond already
    liquidation = position.liquidation_price
    due = account.due_exits[position.slot]
    if (price - liquidation) * sign <= 0:
        _close(account, position, liquidation, ExitReason.LIQUIDATION, quote, time)
    elif due is not None or position.slot in account.asked_out:
        _exit(account, position, quote, time, due or ExitReason.MANUAL)
    elif (price - stop) * sign <= 0:
        _close(account, position, price, reason, quote, time, stop)
    else:
        while (price - target) * sign >= 0 and position.takes_part:
            account.reduce(position, target, time, quote.time)
            target = position.target_price
        if (price - target) * sign >= 0:
            _close(account, position, target, account.rules.target_reason, quote, time)


def _add(account: Account, position: Position, quote: Quote, time: int) -> None:
    """Fill the adds that are due, and those whose price this one has come to."""
    price = _buying(quote) if position.side is Side.LONG else _selling(quote)
    if price is None:
        return
    due, position.due_adds = position.due_adds, ()
    if time > position.entry_time:  # they wait from the candle after the entry on
        for waiting, sign in ((position.below, position.sign), (position.above, -position.sign)):
            due += tuple(number for at, number in waiting if (price - at) * sign <= 0)
    for number in due:
        account.add(position, number, price, time, quote.time)


def _exit(
    account: Account,
    position: Position,
    quote: Quote,
    time: int,
    reason: ExitReason,
) -> None:
    price = _closing(position, quote)
    if price is not None:
        _close(account, position, price, reason, quote, time)


def _close(
    account: Account,
    position: Position,
    price: float,
    reason: ExitReason,
    quote: Quote,
    time: int,
    stop: float | None = None,
) -> None:
    """Close a position; its candle's price is recorded beside it when that candle closes."""
    account.close(position, price, reason, time, filled_at=quote.time)
    account.unpriced.append((account.closed_count - 1, stop, position.rested))


def _closing(position: Position, quote: Quote) -> float | None:
    return _selling(quote) if position.side is Side.LONG else _buying(quote)


def _buying(quote: Quote) -> float | None:
    return quote.last if quote.ask is None else quote.ask


def _selling(quote: Quote) -> float | None:
    return quote.last if quote.bid is None else quote.bid
