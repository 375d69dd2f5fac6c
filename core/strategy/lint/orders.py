"""Warns of orders that a valid config allows and that never act, or hardly mean what they say."""

from __future__ import annotations

from collections.abc import Iterator

from core.market.candles.timeframes import DAY, MINUTE
from core.strategy.config.conditions import Direction
from core.strategy.config.config import StrategyConfig
from core.strategy.config.order_writing import hhmm
from core.strategy.config.orders import Basis, within_hours

_LEAST_RISK = 0.1  # per cent; below it a fraction was probably meant
_LEAST_GAIN = 0.25
_MINUTES_OF_DAY = DAY // MINUTE


def order_cautions(config: StrategyConfig) -> Iterator[str]:
    """Sentences on orders that are allowed but probably not meant."""
    orders = config.orders
    if orders.risk_pct is not None and orders.risk_pct < _LEAST_RISK:
        yield meant_as_fraction("risk_pct", orders.risk_pct)
    for target in orders.targets:
        if target.price.basis is Basis.PCT and target.price.number < _LEAST_GAIN:
            yield meant_as_fraction("target pct", target.price.number)
    if orders.roi and 0 < max(gain for _, gain in orders.roi) < _LEAST_GAIN:
        yield meant_as_fraction("roi", max(gain for _, gain in orders.roi))
    amount = orders.trade_amount
    if amount is not None and amount * len(config.symbols) > config.starting_balance:
        needed = amount * len(config.symbols)
        yield (
            f"trade_amount {amount:.12g} on {len(config.symbols)} symbols is {needed:.12g}, more "
            f"than the starting balance of {config.starting_balance:.12g}: an entry gets what is "
            "left or is refused"
        )
    placed = {"stop": orders.stop, "entry": orders.entry}
    rules = [(key, one.price) for key, one in placed.items() if one is not None]
    rules += [("target", one.price) for one in orders.targets]
    for key, price in rules:
        if isinstance(price.long, float) and 0.5 < price.long < 2:
            yield (
                f"{key}: {price.long:.12g} is a price by itself: if a share of the close is meant, "
                f'write "{price.long:.12g} * close"'
            )
    for key, price in rules if config.direction is Direction.BOTH else ():
        if price.basis is Basis.LEVEL and price.long == price.short:
            yield (
                f"{key}: longs and shorts have the same level, which is on the wrong side of one "
                'of them: write {"long": …, "short": …}'
            )
    more = sum(add.size_pct for add in orders.adds)
    if more and orders.sized_by_equity and config.trade_size_pct * (100 + more) > 10_000:
        room = 10_000 / (100 + more)
        yield (
            f"adds: trade_size_pct {config.trade_size_pct:.12g} leaves no balance for all of them; "
            f"up to {room:.4g} does"
        )
    candle = config.timeframe.ms // MINUTE
    candle = min(candle, _MINUTES_OF_DAY)
    if orders.flat_at is not None and orders.flat_at % candle:
        later = -(-orders.flat_at // candle) * candle
        yield (
            f"flat_at {hhmm(orders.flat_at)} is inside a {config.timeframe} candle: positions are "
            f"closed at its end, {hhmm(later % _MINUTES_OF_DAY)}"
        )


def order_contradictions(config: StrategyConfig) -> Iterator[str]:
    """Sentences on orders that can never act."""
    orders = config.orders
    allowed = _opens(config)
    if orders.hours:
        allowed = [one for one in allowed if within_hours(one, orders.hours)]
        if not allowed:
            yield (
                f"hours: no {config.timeframe} candle opens in them, and entries fill at opens: "
                "no position can ever be entered"
            )
            return
    if orders.flat_at is not None and all(one >= orders.flat_at for one in allowed):
        yield (
            f"flat_at {hhmm(orders.flat_at)}: every entry would fill after it on its day: no "
            "position can ever be entered"
        )
    if config.timeframe.ms == 7 * DAY and orders.weekdays and 1 not in orders.weekdays:
        yield "weekdays: weekly candles open on Mondays: no position can ever be entered"
    first = None if orders.stop is None else orders.stop.price
    if first is not None and any(
        (target.price.basis, target.price.long, target.price.short)
        == (Basis.LEVEL, first.long, first.short)
        for target in orders.targets
    ):
        yield "stop and target are the same price: no position can ever be entered"
    for index, target in enumerate(orders.targets):
        ends = [one.price for one in orders.targets if one.close_pct is None]
        behind = ends and target.price.basis in (Basis.PCT, Basis.R)
        if behind and target.price.basis is ends[0].basis and target.price.number > ends[0].number:
            yield (
                f"target[{index}]: the one at {ends[0].number:.12g} closes all that is left before "
                f"the price comes to {target.price.number:.12g}"
            )
    stop, gain = config.stop_loss_pct, config.take_profit_pct
    for add in orders.adds:
        if gain is not None and add.at_pct is not None and add.at_pct >= gain:
            yield (
                f"adds: the one at {add.at_pct:.12g} per cent waits behind the target at "
                f"{gain:.12g} per cent: nothing is added there unless another add comes before"
            )
        if stop is not None and add.at_pct is not None and -add.at_pct >= stop:
            yield (
                f"adds: the one at {add.at_pct:.12g} per cent waits behind the first stop at "
                f"{stop:.12g} per cent: nothing is added there unless another add comes before"
            )
    at_r = orders.break_even_at_r
    last = [target.price for target in orders.targets if target.close_pct is None]
    if at_r is not None and last and last[0].basis is Basis.R and last[0].number <= at_r:
        yield (
            f"break_even_at_r {at_r:.12g} can never act: the target at {last[0].number:.12g} R "
            "has closed the position by then"
        )
    if config.direction is not Direction.LONG:
        for target in orders.targets:
            if target.price.basis is Basis.PCT and target.price.number >= 100:
                yield (
                    f"target pct {target.price.number:.12g}: the target of a short position lies "
                    "at or below 0 and is never reached"
                )


def _opens(config: StrategyConfig) -> list[int]:
    """The minutes of the UTC day at which a candle may open."""
    return list(range(0, _MINUTES_OF_DAY, min(config.timeframe.ms // MINUTE, _MINUTES_OF_DAY)))


def meant_as_fraction(key: str, value: float) -> str:
    """The caution for a value so small that a fraction was probably meant."""
    return (
        f"{key} {value:.12g} is {value:.12g} per cent: if the fraction is meant, write "
        f"{value * 100:.12g} for {value * 100:.12g} per cent"
    )
