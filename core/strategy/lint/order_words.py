"""Says in plain English how a strategy trades: its entries, sizes, exits and limits.

A labelled line a thing, made from the config alone, so that a mistake in it is read before it
costs.
"""

from __future__ import annotations

from collections.abc import Iterator

from core.market.symbols import quote_currency
from core.strategy.config.conditions import (
    Direction,
    operand_shown,
)
from core.strategy.config.config import StrategyConfig
from core.strategy.config.order_writing import duration_text, hhmm
from core.strategy.config.orders import Atr, Basis, LevelSpec, Outcome, PriceRule, Swing
from core.strategy.signals.conditions import rule_text
from core.text import counted, per_cent

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


Said = tuple[str, str]
"""What a line is about, and what it says of it."""


def order_lines(config: StrategyConfig) -> Iterator[Said]:
    """How the config trades once its conditions hold: what may be lost and won stands first."""
    stops = list(_stops(config))
    yield from stops or [("Stop", "none")]
    yield from (("Target", text) for text in _targets(config))
    yield "Size", _size(config)
    yield from (("Add", text) for text in _adds(config))
    yield "Order", _entry(config)
    yield from _times(config)
    yield from _limits(config)


def _entry(config: StrategyConfig) -> str:
    entry = config.orders.entry
    if entry is None:
        return "a market order at the open of the next candle"
    kind = "limit" if entry.limit else "stop"
    candles = "for one candle" if entry.valid == 1 else f"for {entry.valid} candles"
    price = _level(config, entry.price)
    return f"a {kind} order at {price}, which waits {candles}"


def _size(config: StrategyConfig) -> str:
    orders = config.orders
    money = quote_currency(config.symbols[0])
    leverage = "" if config.leverage == 1 else f", at leverage {config.leverage:.12g}"
    if orders.trade_amount is not None:
        return f"{orders.trade_amount:.12g} {money} an entry{leverage}"
    if orders.risk_pct is not None:
        risk = f"{per_cent(orders.risk_pct)} of equity"
        return f"such that the first stop loses {risk}, fees included{leverage}"
    return f"{per_cent(config.trade_size_pct)} of equity an entry{leverage}"


def _adds(config: StrategyConfig) -> Iterator[str]:
    for add in config.orders.adds:
        more = f"{per_cent(add.size_pct)} of the first quantity, once,"
        if add.at_pct is None:
            conditions = " and ".join(rule_text(one) for one in add.when)
            yield f"{more} at the open after {conditions}"
        else:
            way = _side(config, *(("above", "below") if add.at_pct > 0 else ("below", "above")))
            yield f"{more} {per_cent(abs(add.at_pct))} {way} the first entry"


def _stops(config: StrategyConfig) -> Iterator[Said]:
    stop, against = config.orders.stop, _side(config, "below", "above")
    if config.stop_loss_pct is not None:
        yield "Stop", f"{per_cent(config.stop_loss_pct)} {against} the entry"
    if stop is not None:
        follows = ", and follows it from close to close" if stop.trail else ""
        if stop.price.basis is Basis.ATR and stop.trail:
            yield (
                "Stop",
                f"{distance_words(stop.price)} {against} the best price since the entry, worked "
                "out anew at every close; it never moves back",
            )
        elif stop.price.basis is Basis.ATR:
            yield "Stop", f"{distance_words(stop.price)} {against} the entry"
        else:
            yield "Stop", f"at {_level(config, stop.price)}{follows}"
    if config.trailing_stop_pct is not None:
        best = _side(config, "highest", "lowest")
        far = per_cent(config.trailing_stop_pct)
        yield "Trailing stop", f"{far} {against} the {best} price since the entry"
    if config.orders.break_even_at_r is not None:
        gone = f"{config.orders.break_even_at_r:.12g} times the risk"
        yield "Break-even", f"the stop moves to the entry once the price is {gone} in its favour"


def _targets(config: StrategyConfig) -> Iterator[str]:
    beyond = _side(config, "above", "below")
    if config.take_profit_pct is not None:
        yield f"{per_cent(config.take_profit_pct)} {beyond} the entry"
    alone = len(config.orders.targets) == 1
    for target in config.orders.targets:
        share = "all that is left "
        if target.close_pct is not None:
            share = f"{per_cent(target.close_pct)} of the position "
        elif alone:
            share = ""
        yield f"{share}{_target(config, target.price, beyond)}"
    if config.orders.roi:
        steps = ", ".join(
            f"{per_cent(gain)}{f' after {duration_text(since)}' if since else ''}"
            for since, gain in config.orders.roi
        )
        yield f"falls with time: {steps}, counted from the entry"


def _target(config: StrategyConfig, price: PriceRule, beyond: str) -> str:
    match price.basis:
        case Basis.PCT:
            return f"{per_cent(price.number)} {beyond} the entry"
        case Basis.R:
            return f"{price.number:.12g} times the risk {beyond} the entry"
        case Basis.ATR:
            return f"{distance_words(price)} {beyond} the entry"
    return f"at {_level(config, price)}"


def _times(config: StrategyConfig) -> Iterator[Said]:
    if config.max_hold is not None:
        candles = "one candle" if config.max_hold == 1 else f"{config.max_hold} candles"
        yield "Longest hold", candles
    if config.orders.flat_at is not None:
        yield (
            "Flat at",
            f"{hhmm(config.orders.flat_at)} UTC; nothing is entered from then to the end of the "
            "day",
        )


def _limits(config: StrategyConfig) -> Iterator[Said]:
    orders = config.orders
    if orders.hours:
        spans = " and ".join(f"{hhmm(begin)} to {hhmm(end)}" for begin, end in orders.hours)
        yield "Hours", f"enters only from {spans} UTC"
    if orders.weekdays:
        yield "Days", f"enters only on {_list([_DAYS[day - 1] for day in orders.weekdays])}"
    cooldown = orders.cooldown
    if cooldown is not None:
        after = {None: "an exit", Outcome.LOSS: "a loss", Outcome.WIN: "a win"}[cooldown.after]
        yield "Cooldown", f"{counted(cooldown.candles, 'candle')} after {after}"
    if orders.max_trades_per_day is not None:
        yield "Most a day", counted(orders.max_trades_per_day, "entry", "entries")
    if config.max_daily_loss_pct is not None:
        lost = config.max_daily_loss_pct
        yield "Daily loss", f"no more entries on a day that has lost {per_cent(lost)} of equity"
    if config.max_drawdown_pct is not None:
        far = per_cent(config.max_drawdown_pct)
        yield "Drawdown", f"stops for good {far} below its highest equity"


def distance_words(price: PriceRule) -> str:
    """A distance by ATR, as a sentence reads it."""
    assert isinstance(price.long, Atr)
    return f"{price.long.multiplier:.12g} times the ATR of {counted(price.long.candles, 'candle')}"


def _level(config: StrategyConfig, price: PriceRule) -> str:
    assert price.long is not None
    assert price.short is not None
    long, short = level_words(price.long), level_words(price.short)
    if config.direction is Direction.BOTH and long != short:
        return f"{long} (for a short {short})"
    return short if config.direction is Direction.SHORT else long


def level_words(level: LevelSpec) -> str:
    """A price by itself, as a sentence reads it."""
    match level:
        case Swing(candles, highest):
            return (
                f"the {'highest high' if highest else 'lowest low'} of {counted(candles, 'candle')}"
            )
        case Atr():
            raise TypeError("expected a price, got a distance")
    return operand_shown(level)


def _side(config: StrategyConfig, long: str, short: str) -> str:
    """The word for a long, the other for a short, or both."""
    match config.direction:
        case Direction.LONG:
            return long
        case Direction.SHORT:
            return short
    return f"{long} (for a short {short})"


def _list(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
