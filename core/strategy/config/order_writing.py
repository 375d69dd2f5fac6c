"""Writes the orders of a config in the one way that counts for its hash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from core.market.candles.timeframes import DAY, HOUR, MINUTE
from core.strategy.config.conditions import Operand, operand_text
from core.strategy.config.orders import Add, Atr, Basis, Orders, PriceRule, Swing, Target
from core.strategy.config.rule_writing import rule_to_dict


def orders_to_dict(orders: Orders) -> dict[str, object]:
    """The keys of a config that `parse_orders` reads back to equal orders; none that is not set."""
    return {key: value for key, value in _keys(orders) if value not in (None, (), [], {})}


def _keys(orders: Orders) -> Iterator[tuple[str, object]]:
    entry = orders.entry
    if entry is not None:
        price = _price(entry.price)["level"]
        yield "entry", {"limit" if entry.limit else "stop": price, "valid": entry.valid}
    stop = orders.stop
    if stop is not None:
        yield "stop", _price(stop.price) | ({"trail": True} if stop.trail else {})
    yield "break_even_at_r", orders.break_even_at_r
    targets = [_target(target) for target in orders.targets]
    yield "target", targets[0] if len(targets) == 1 else targets
    yield "roi", {duration_text(since): gain for since, gain in orders.roi}
    yield "adds", [_add(add) for add in orders.adds]
    yield "risk_pct", orders.risk_pct
    yield "trade_amount", orders.trade_amount
    cooldown = orders.cooldown
    if cooldown is not None and cooldown.after is not None:
        yield "cooldown", {"after": cooldown.after.value, "candles": cooldown.candles}
    elif cooldown is not None:
        yield "cooldown", cooldown.candles
    yield "max_trades_per_day", orders.max_trades_per_day
    yield "hours", [f"{hhmm(begin)}-{hhmm(end)}" for begin, end in orders.hours]
    yield "weekdays", list(orders.weekdays)
    yield "flat_at", None if orders.flat_at is None else hhmm(orders.flat_at)


def _target(target: Target) -> Mapping[str, object]:
    share = {} if target.close_pct is None else {"close_pct": target.close_pct}
    return _price(target.price) | share


def _add(add: Add) -> Mapping[str, object]:
    if add.at_pct is not None:
        return {"at_pct": add.at_pct, "size_pct": add.size_pct}
    return {"when": [rule_to_dict(one) for one in add.when], "size_pct": add.size_pct}


def _price(rule: PriceRule) -> dict[str, object]:
    match rule.long:
        case None:
            return {rule.basis.value: rule.number}
        case Atr(period, multiplier):
            return {"atr": {"period": period, "multiplier": multiplier}}
        case Swing(candles):
            return {"swing": candles}
    assert rule.basis is Basis.LEVEL
    assert rule.short is not None
    assert not isinstance(rule.short, Atr | Swing)
    long, short = _operand(rule.long), _operand(rule.short)
    return {"level": long if long == short else {"long": long, "short": short}}


def _operand(operand: Operand) -> object:
    return operand if isinstance(operand, float) else operand_text(operand)


def hhmm(minute: int) -> str:
    """A minute of the day as a config writes it."""
    return f"{minute // 60:02}:{minute % 60:02}"


def duration_text(length: int) -> str:
    """Milliseconds as a config writes them: in the largest unit that divides them."""
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m")):
        if length % unit == 0 and length:
            return f"{length // unit}{name}"
    return f"{length / 1000!r}s".replace(".0s", "s") if length else "0"
