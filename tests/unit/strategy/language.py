"""Draws strategies of the whole language, and candles for them, from a seed."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

from core.market.candles.candles import Candles
from core.market.candles.timeframes import Timeframe
from core.strategy.config.conditions import Reference
from core.strategy.config.config import StrategyConfig
from core.strategy.config.parsing import parse_config
from core.strategy.indicators.batch import Batch
from core.strategy.indicators.described import Described
from core.strategy.indicators.indicator import Indicator, Parameter
from core.strategy.indicators.registry import all_indicators, indicator_of
from tests.unit.strategy.making import MINUTE, START

OPERATORS = ["lt", "gt", "lte", "gte", "<", ">", "eq", "ne", "cross_above", "crossunder"]
SERIES = ["open", "high", "low", "close", "volume", "hl2", "hlc3", "ohlc4", "hour", "minute",
          "weekday"]  # fmt: skip
HIGHER = ["15m", "1h", "4h"]
UNBOUND = {"cosh", "sinh", "exp"}  # they leave the range of numbers at any price


def any_candles(random: Random) -> Candles:
    """Five-minute candles with gaps, stretches that stand still and candles without volume."""
    numbers = np.random.default_rng(random.randrange(2**32))
    count = random.randrange(20, 260)
    moves = numbers.normal(0, random.choice([0.001, 0.02]), count)
    flat = numbers.random(count) < random.choice([0.0, 0.0, 0.3, 0.8])
    moves[flat] = 0.0
    close = random.choice([0.01, 5.0, 40_000.0]) * np.exp(np.cumsum(moves))
    opened = np.concatenate((close[:1], close[:-1]))
    reach = np.where(flat, 0.0, np.abs(numbers.normal(0, 0.002, count)))
    steps = np.where(numbers.random(count) < random.choice([0.0, 0.1]), 7, 1)
    start = START + random.randrange(2_000) * 5 * MINUTE
    return Candles(
        start + np.cumsum(steps).astype(np.int64) * 5 * MINUTE,
        opened,
        np.maximum(opened, close) * (1 + reach),
        np.minimum(opened, close) * (1 - reach),
        close,
        np.where(numbers.random(count) < 0.1, 0.0, numbers.exponential(10.0, count)),
    )


def _parameter(random: Random, parameter: Parameter) -> Any:
    if parameter.choices:
        return random.choice(parameter.choices)
    if parameter.whole:
        return random.randint(int(parameter.low), max(12, int(parameter.low)))
    return round(random.uniform(max(parameter.low, 0.01), min(parameter.high, 4.0)), 3)


def _params(random: Random, indicator: Indicator) -> dict[str, Any]:
    for _ in range(5):
        params = {one.name: _parameter(random, one) for one in indicator.parameters}
        if indicator.check(params) is None:
            return params
    return indicator.defaults


def any_indicators(random: Random) -> list[dict[str, Any]]:
    """One to four indicators, some of each other and some on a higher timeframe."""
    catalog = [one for one in all_indicators() if one.name not in UNBOUND]
    made: list[dict[str, Any]] = []
    fields: dict[str, list[str]] = {}
    for number in range(random.randint(1, 4)):
        indicator = random.choice(catalog)
        one: dict[str, Any] = {"name": indicator.name, "key": f"i{number}"}
        if random.random() < 0.8:
            one["params"] = _params(random, indicator)
        if random.random() < 0.25:
            one["timeframe"] = random.choice(HIGHER)
        if random.random() < 0.2:
            one["offset"] = random.randint(0, 3)
        if indicator.sources and (random.random() < 0.5 or indicator.name == "mavp"):
            usable = [f"{key}.{name}" for other in made for key in (other["key"],)
                      if one.get("timeframe") in (None, other.get("timeframe"))
                      for name in fields[key]]  # fmt: skip
            names = [random.choice([*SERIES, *usable * 3]) for _ in indicator.sources]
            texts = [random.choice(["{}", "{}", "2 * {} - close", "{} / volume"]).format(name)
                     for name in names]  # fmt: skip
            one["source"] = texts[0] if len(texts) == 1 else texts
        made.append(one)
        fields[one["key"]] = [field.name for field in indicator.fields]
    return made


class _Rules:
    """Draws rules on the indicators of a config that now and then hold on some candles."""

    def __init__(self, random: Random, config: StrategyConfig, candles: Candles) -> None:
        self._random = random
        self._described = Described.of(config)
        self._batch = Batch(candles)
        self._names = [*SERIES[:7]]
        self._values: dict[str, Reference] = {name: Reference(name) for name in self._names}
        for spec in config.indicators:
            for field in indicator_of(spec).fields:
                name = f"{spec.key}.{field.name}"
                self._values[name] = Reference(spec.key, field.name)
                self._names += [name] * 3

    def rule(self, depth: int = 0) -> dict[str, Any]:
        random = self._random
        kind = random.random()
        if depth > 2 or kind < 0.65:
            made = self._condition()
        elif kind < 0.75:
            made = {"not": self.rule(depth + 1)}
        else:
            members = [self.rule(depth + 1) for _ in range(random.randint(1, 3))]
            made = {random.choice(["any", "all"]): members}
        if random.random() < 0.15:
            made[random.choice(["for", "within"])] = random.choice([1, 2, 3, 8])
        return made

    def _condition(self) -> dict[str, Any]:
        random = self._random
        left = random.choice(self._names)
        values = self._batch.values(self._described.series(self._values[left]))
        known = values[np.isfinite(values)]
        number = float(random.choice(known.tolist())) if len(known) else 0.0
        right: Any = number
        other = random.choice(self._names)
        match random.randrange(6):
            case 0:
                right = other
            case 1:
                right = f"{number!r} + 0 * {other}"
            case 2:
                left = f"({left} - {number!r}) / ({other} - open)"
                right = 0
            case 3:
                right = f"max({left} * 0.99, min({left} * 1.01, {other}))"
            case 4:
                left, right = f"abs({left} - {other})", f"abs({number!r} - {other})"
        return {"indicator": left, "operator": random.choice(OPERATORS), "value": right}


def any_strategy(random: Random) -> tuple[dict[str, Any], Candles]:
    """A config as written, which may contradict itself, and candles."""
    candles = any_candles(random)
    raw: dict[str, Any] = {
        "name": "any",
        "symbols": ["BTC/USDT:USDT"],
        "timeframe": Timeframe.M5.value,
        "indicators": any_indicators(random),
        "entry_conditions": [{"indicator": "close", "operator": "gt", "value": 0}],
        "max_hold": random.choice([3, 20]),
    }
    rules = _Rules(random, parse_config(raw).config, candles)
    direction = raw["direction"] = random.choice(["long", "short", "both"])
    sides: list[dict[str, Any]] = [{}]
    if direction == "both":
        sides = [{"direction": "long"}, {"direction": "short"}]
    raw["entry_conditions"] = [
        {**rules.rule(), **side} for side in sides for _ in range(random.randint(1, 2))
    ]
    raw["exit_conditions"] = [rules.rule() for _ in range(random.randint(0, 2))]
    for key, values in (
        ("leverage", [3]),
        ("stop_loss_pct", [0.5, 3]),
        ("take_profit_pct", [0.5, 3]),
        ("trailing_stop_pct", [1]),
        ("cooldown", [3]),
        ("max_daily_loss_pct", [2]),
    ):
        if random.random() < 0.3:
            raw[key] = random.choice(values)
    return raw, candles
