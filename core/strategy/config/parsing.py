"""Reads a config into a strategy, or refuses it (docs/rules.md §1).

Nothing is skipped: whatever is not understood refuses the config, with every problem named at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.market.candles.timeframes import Timeframe
from core.market.symbols import SymbolError, unified_symbol
from core.strategy.config.condition_parsing import parse_conditions
from core.strategy.config.conditions import Direction, Rule
from core.strategy.config.config import IndicatorSpec, StrategyConfig
from core.strategy.config.document_keys import EXTRA_KEYS, json_mapping, parse_extras
from core.strategy.config.expressions import Named
from core.strategy.config.indicator_parsing import parse_indicators
from core.strategy.config.order_parsing import parse_orders
from core.strategy.config.orders import ORDER_KEYS, Orders
from core.strategy.config.problems import ConfigError, Problems
from core.strategy.config.validators import (
    Range,
    choice,
    listing,
    mapping,
    number,
    unknown_keys,
    whole,
)
from core.strategy.lint.cautions import cautions
from core.strategy.lint.contradictions import contradictions
from core.strategy.names import EXPECTED_NAME, is_name
from core.strategy.signals.sources import DEFAULT_SOURCE, SOURCES
from core.text import composed

_LONGEST_HOLD = 1_000_000

_PER_CENT_BELOW_100 = Range(0, 100, low_open=True, high_open=True)
_PER_CENT = Range(0, 100, low_open=True)
_NUMBERS: dict[str, Range] = {
    "stop_loss_pct": _PER_CENT_BELOW_100,
    "take_profit_pct": Range(0, 100_000, low_open=True),
    "trailing_stop_pct": _PER_CENT_BELOW_100,
    "trade_size_pct": _PER_CENT,
    "leverage": Range(1, 125),
    "fees": Range(0, 1, high_open=True),
    "slippage_pct": Range(0, 100, high_open=True),
    "starting_balance": Range(1e-6, 1e15),  # with less, all money is shown as 0
    "max_daily_loss_pct": _PER_CENT,
    "max_drawdown_pct": _PER_CENT,
}
_OPTIONAL = (
    "stop_loss_pct",
    "take_profit_pct",
    "trailing_stop_pct",
    "max_daily_loss_pct",
    "max_drawdown_pct",
)
_NOTES = {
    "stop_loss_pct": "per cent of price; leave it out for none",
    "take_profit_pct": "per cent of price; leave it out for none",
    "trailing_stop_pct": "per cent of price; leave it out for none",
    "fees": "a fraction: 0.0006 is 0.06 per cent",
}
_KEYS = (
    "name",
    "symbols",
    "timeframe",
    "indicators",
    "entry_conditions",
    "exit_conditions",
    "direction",
    *_NUMBERS,
    "max_hold",
    *ORDER_KEYS,
    "signals",
    *EXTRA_KEYS,
)
PLAIN_EXITS = ("stop_loss_pct", "take_profit_pct", "trailing_stop_pct", "max_hold")
OF_CONDITIONS = ("indicators", "entry_conditions", "exit_conditions")
"""The keys that a config has none of where its signals come from elsewhere."""
_MEANT = {
    "symbol": "symbols",
    "pair": "symbols",
    "pairs": "symbols",
    "interval": "timeframe",
    "time": "timeframe",
    "exit": "exit_conditions",
    "side": "direction",
    "stop_loss": "stop_loss_pct",
    "stoploss": "stop_loss_pct",
    "take_profit": "take_profit_pct",
    "trailing_stop": "trailing_stop_pct",
    "minimal_roi": "roi",
    "position_size_pct": "trade_size_pct",
    "fee": "fees",
    "commission": "fees",
    "slippage": "slippage_pct",
    "balance": "starting_balance",
    "initial_balance": "starting_balance",
    "initial_capital": "starting_balance",
    "max_drawdown": "max_drawdown_pct",
    "max_daily_loss": "max_daily_loss_pct",
}


@dataclass(frozen=True, slots=True)
class ParsedConfig:
    """A valid config."""

    config: StrategyConfig

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences on what its owner should know of it before a run; a sweep asks for none."""
        return (*cautions(self.config), *contradictions(self.config))


def parse_config(raw: object) -> ParsedConfig:
    """The strategy that a value read from JSON or YAML describes.

    Raises:
        ConfigError: with every problem of `raw`, whatever `raw` is.
    """
    problems = Problems()
    written = mapping(problems, "", raw, "a mapping of keys like name, symbols, timeframe")
    if written is None:
        raise ConfigError(problems.found)
    unknown_keys(problems, "", written, _KEYS, _MEANT)
    name = _name(problems, written)
    symbols = _symbols(problems, written)
    timeframe = _timeframe(problems, written)
    direction = _direction(problems, written)
    signals = _signals(problems, written)
    named = parse_indicators(problems, "indicators", written.get("indicators", []), timeframe)
    entries = () if signals else parse_entries(problems, written, named, direction)
    exits = parse_conditions(
        problems, "exit_conditions", written.get("exit_conditions", []), named, direction
    )
    parsed = parse_orders(problems, written, named, direction)
    numbers: dict[str, Any] = {**_numbers(problems, written), **parsed.numbers}
    if signals is not None:
        _check_source_alone(problems, signals, parsed.orders)
    max_hold = _max_hold(problems, written)
    if signals is None:
        _check_exit(problems, written)
    extras = parse_extras(problems, written)
    specs = tuple(one.spec for one in named.values() if one.spec is not None)
    if problems.found or name is None or timeframe is None or direction is None:
        raise ConfigError(problems.found)
    config = StrategyConfig(
        name=name,
        symbols=symbols,
        timeframe=timeframe,
        indicators=specs,
        entry_conditions=entries,
        exit_conditions=exits,
        direction=direction,
        max_hold=max_hold,
        signals=signals,
        orders=parsed.orders,
        extras=extras,
        **numbers,
    )
    return ParsedConfig(config)


def parse_indicator(raw: object, timeframe: Timeframe) -> IndicatorSpec:
    """One indicator by itself, in any of the forms that a config of a timeframe takes.

    Raises:
        ConfigError: with every problem of `raw`.
    """
    problems = Problems()
    named = parse_indicators(problems, "indicators", [raw], timeframe)
    specs = [one.spec for one in named.values() if one.spec is not None]
    if problems.found or not specs:
        raise ConfigError(problems.found)
    return specs[0]


def _name(problems: Problems, written: Mapping[str, object]) -> str | None:
    if "name" not in written:
        problems.missing("name", EXPECTED_NAME)
        return None
    name = written["name"]
    if isinstance(name, str) and is_name(name):
        return composed(name)
    problems.add("name", name, EXPECTED_NAME)
    return None


def _symbols(problems: Problems, written: Mapping[str, object]) -> tuple[str, ...]:
    expected = 'a list of at least one symbol, like ["BTC/USDT"]'
    if "symbols" not in written:
        problems.missing("symbols", expected)
        return ()
    items = listing(problems, "symbols", written["symbols"], expected)
    if items is not None and not items:
        problems.add("symbols", items, expected)
    symbols: list[str] = []
    for position, item in enumerate(items or ()):
        path = f"symbols[{position}]"
        try:
            symbol = unified_symbol(item) if isinstance(item, str) else None
        except SymbolError:
            symbol = None
        if symbol is None:
            problems.add(path, item, "BTC/USDT (spot), BTC/USDT:USDT (perpetual) or BTCUSDT")
        elif symbol in symbols:
            problems.add(path, item, f"each symbol once: {symbol} is there already")
        else:
            symbols.append(symbol)
    return tuple(symbols)


def _timeframe(problems: Problems, written: Mapping[str, object]) -> Timeframe | None:
    if "timeframe" not in written:
        problems.missing("timeframe", f"one of {', '.join(Timeframe)}")
        return None
    timeframe = written["timeframe"]
    # Case counts here: 1M is a month to some exchanges, 1m a minute.
    if isinstance(timeframe, str) and timeframe in list(Timeframe):
        return Timeframe(timeframe)
    problems.misspelt("timeframe", timeframe, Timeframe)
    return None


def _direction(problems: Problems, written: Mapping[str, object]) -> Direction | None:
    if "direction" not in written:
        return Direction.LONG
    return choice(problems, "direction", written["direction"], Direction)


def _signals(problems: Problems, written: Mapping[str, object]) -> dict[str, object] | None:
    """Where the signals come from, if not from the conditions of the config."""
    if written.get("signals") is None:
        return None
    path = "signals"
    settings = mapping(problems, path, written[path], 'a mapping like {"source": "conditions"}')
    if settings is None:
        return None
    source = choice(problems, f"{path}.source", settings.get("source"), SOURCES)
    if source is None:
        return None
    own = {key: value for key, value in settings.items() if key != "source"}
    SOURCES[source].check(problems, path, own)
    if source == DEFAULT_SOURCE:
        return None
    for key in OF_CONDITIONS:
        if written.get(key):
            problems.add(key, written[key], f"nothing: the signals come from {source}")
    return {"source": source, **json_mapping(problems, path, own)}


def parse_entries(
    problems: Problems,
    written: Mapping[str, object],
    named: Mapping[str, Named],
    direction: Direction | None,
) -> tuple[Rule, ...]:
    """The entry conditions of a config; `direction` is None where that has a problem."""
    path = "entry_conditions"
    expected = "a list of at least one condition"
    if path not in written:
        problems.missing(path, expected)
        return ()
    raw = written[path]
    entries = parse_conditions(problems, path, raw, named, direction)
    if raw in ([], ()):
        problems.add(path, raw, expected)
    elif isinstance(raw, list | tuple) and len(entries) == len(raw) and direction is Direction.BOTH:
        _check_sides(problems, path, entries)
    return entries


def _check_sides(problems: Problems, path: str, entries: tuple[Rule, ...]) -> None:
    """Where one side enters whenever the other does, both flags come together and cancel out."""

    def needed(side: Direction) -> set[Rule]:
        return {replace(one, direction=None) for one in entries if one.concerns(side)}

    long, short = needed(Direction.LONG), needed(Direction.SHORT)
    if not long or not short or not (long <= short or short <= long):
        return
    loser = "neither side" if long == short else "no short" if long < short else "no long"
    problems.found_text(
        path,
        f"conditions by which {loser} can ever enter: both sides together cancel out",
        'a "direction" of "long" or "short" on the conditions that tell the sides apart',
    )


def _numbers(problems: Problems, written: Mapping[str, object]) -> dict[str, float]:
    numbers = {}
    for name, allowed in _NUMBERS.items():
        if name not in written or (name in _OPTIONAL and written[name] is None):
            continue
        read = number(problems, name, written[name], allowed, _NOTES.get(name, ""))
        if read is not None:
            numbers[name] = read
    return numbers


def _max_hold(problems: Problems, written: Mapping[str, object]) -> int | None:
    if written.get("max_hold") is None:
        return None
    return whole(problems, "max_hold", written["max_hold"], 1, _LONGEST_HOLD)


def _check_source_alone(problems: Problems, signals: Mapping[str, object], orders: Orders) -> None:
    """A source of its own gives flags of entries and exits alone: no levels, and no adds."""
    source = signals["source"]
    rules = {"entry": orders.entry, "stop": orders.stop}
    priced = {key: rule.price for key, rule in rules.items() if rule is not None}
    for key, price in (*priced.items(), *(("target", one.price) for one in orders.targets)):
        if price.long is not None:
            problems.found_text(key, "a price at a level", f"per cent or R: {source} gives none")
    if any(add.when for add in orders.adds):
        problems.found_text("adds", "conditions", f"at_pct: the signals come from {source}")


def _check_exit(problems: Problems, written: Mapping[str, object]) -> None:
    others = (*PLAIN_EXITS, "stop", "target", "roi", "flat_at")
    exits = written.get("exit_conditions", [])
    if exits in ([], ()) and all(written.get(name) is None for name in others):
        problems.found_text(
            "exit_conditions",
            "no way out of a position",
            f"at least one exit condition, or one of {', '.join(others)}",
        )
