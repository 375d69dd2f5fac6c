"""Warns of what a valid config allows and its owner probably does not mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from core.market.candles.timeframes import DAY
from core.market.symbols import is_perpetual, quote_currency
from core.strategy.config.conditions import Direction, references, rule_references
from core.strategy.config.config import StrategyConfig
from core.strategy.config.problems import shown
from core.strategy.indicators.described import Described
from core.strategy.lint.orders import meant_as_fraction, order_cautions

_LONG_WARMUP = 50_000  # candles

_STATUSES = ("draft", "active", "paused", "retired")

_LIKELY_FEES = 0.01  # per side; above it, per cent was probably meant
_LIKELY_PER_CENT = {
    "stop_loss_pct": 0.25,
    "take_profit_pct": 0.25,
    "trailing_stop_pct": 0.25,
    "trade_size_pct": 1,
    "max_daily_loss_pct": 0.25,
    "max_drawdown_pct": 1,
}
"""Per cent below which a fraction was probably meant."""

_TRADING_KEYS = ("stop_loss_pct", "take_profit_pct", "trailing_stop_pct", "max_hold")
_LIMIT_KEYS = ("trade_size_pct", "leverage", "max_daily_loss_pct", "max_drawdown_pct")


def cautions(config: StrategyConfig) -> tuple[str, ...]:
    """Sentences on what is allowed but probably not meant."""
    return (
        *_money(config),
        *order_cautions(config),
        *_markets(config),
        *_indicators(config),
        *_warmup(config),
        *_sides(config),
        *_document(config),
    )


def _money(config: StrategyConfig) -> Iterator[str]:
    if config.fees > _LIKELY_FEES:
        yield (
            f"fees {config.fees:.12g} is {config.fees * 100:.12g} per cent a side: "
            "fees are a fraction, 0.0006 for 0.06 per cent"
        )
    for key, least in _LIKELY_PER_CENT.items():
        value = getattr(config, key)
        if value is not None and value < least:
            yield meant_as_fraction(key, value)
    size, symbols = config.trade_size_pct, len(config.symbols)
    if config.orders.sized_by_equity and size * symbols > 100:
        yield (
            f"trade_size_pct {size:g} on {symbols} symbols is {size * symbols:g} per cent of the "
            "account: while other positions hold the balance, an entry gets what is left or is "
            f"refused; up to {100 / symbols:.4g} leaves room for all of them"
        )
    if config.max_daily_loss_pct is not None and config.timeframe.ms >= DAY:
        yield (
            f"max_daily_loss_pct can never act on {config.timeframe} candles: every entry fills on "
            "a later day than the close that reached the limit"
        )


def _markets(config: StrategyConfig) -> Iterator[str]:
    spot = [symbol for symbol in config.symbols if not is_perpetual(symbol)]
    what = []
    if config.direction is not Direction.LONG:
        what.append("short positions")
    if config.leverage > 1:
        what.append("leverage")
    if spot and what:
        yield (
            f"{', '.join(spot)}: a spot market has no {' and no '.join(what)}; simulated all the "
            "same, but refused on a venue (a perpetual is written like BTC/USDT:USDT)"
        )
    quotes = dict.fromkeys(quote_currency(symbol) for symbol in config.symbols)
    if len(quotes) > 1:
        yield (
            f"the symbols are priced in {' and '.join(quotes)}, but share one account: "
            "their profits are added up as if these were one currency"
        )


def _indicators(config: StrategyConfig) -> Iterator[str]:
    conditions = (*config.entry_conditions, *config.exit_conditions)
    looked_at = {one.source for condition in conditions for one in rule_references(condition)}
    looked_at |= {
        one.source
        for spec in config.indicators
        for source in spec.sources
        for one in references(source)
    }
    looked_at |= {one.source for level in config.orders.operands for one in references(level)}
    for spec in config.indicators:
        if spec.key not in looked_at:
            yield (
                f"indicator {spec.key} is in no condition; decisions still wait until it has values"
            )
        if spec.name == "macd" and float(spec.params["fast_period"]) >= float(
            spec.params["slow_period"]
        ):
            yield (
                f"indicator {spec.key}: fast_period {spec.params['fast_period']} is not below "
                f"slow_period {spec.params['slow_period']}"
            )


def _warmup(config: StrategyConfig) -> Iterator[str]:
    higher = [spec for spec in config.indicators if spec.timeframe is not None]
    if not higher:
        return
    described = Described.of(config)
    for spec in higher:
        candles = 10 * described.periods(spec.key)
        if candles > _LONG_WARMUP:
            yield (
                f"indicator {spec.key}: a session wants {candles:,} candles of {config.timeframe} "
                f"before it decides, for it is on {spec.timeframe} candles; a longer timeframe of "
                "the strategy or a shorter period wants fewer"
            )


def _sides(config: StrategyConfig) -> Iterator[str]:
    if config.direction is not Direction.BOTH or config.signals is not None:
        return
    orders = config.orders
    other_exit = any(getattr(config, key) is not None for key in _TRADING_KEYS) or bool(
        orders.stop or orders.targets or orders.roi or orders.flat_at
    )
    for side in config.sides:
        if not any(one.concerns(side) for one in config.entry_conditions):
            yield f"no entry condition is for {side}: no {side} position is ever entered"
        elif not other_exit and not any(one.concerns(side) for one in config.exit_conditions):
            yield f"no exit is for {side}: a {side} position ends only where the other side enters"


def _document(config: StrategyConfig) -> Iterator[str]:
    status = config.extras.get("status")
    if status is not None and status not in _STATUSES:
        yield f"status {shown(status)} is none of {', '.join(_STATUSES)}"
    risk = config.extras.get("risk")
    if not isinstance(risk, Mapping):
        return
    for key in (*_TRADING_KEYS, *_LIMIT_KEYS):
        if key in risk and risk[key] != getattr(config, key):
            yield f"risk.{key} has no effect on trading: write {key} beside name and symbols"
