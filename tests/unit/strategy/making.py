"""Configs and candles that the tests of this folder are about."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from core.market.candles.candles import Candles, Floats
from core.market.candles.timeframes import Timeframe
from core.strategy.config.conditions import Condition, conditions_in
from core.strategy.config.config import StrategyConfig
from core.strategy.config.parsing import parse_config, parse_indicator
from core.strategy.config.problems import ConfigError
from core.strategy.indicators.described import indicator_values

MINUTE = 60_000
START = 1_767_225_600_000  # 2026-01-01T00:00:00Z

RSI_BOUNCE: dict[str, Any] = {
    "name": "rsi_bounce_paper",
    "symbols": ["BTC/USDT"],
    "timeframe": "4h",
    "indicators": [{"name": "rsi", "params": {"period": 14}}],
    "entry_conditions": [{"indicator": "rsi", "field": "value", "operator": "lt", "value": 30}],
    "exit_conditions": [{"indicator": "rsi", "field": "value", "operator": "gt", "value": 70}],
    "direction": "long",
    "stop_loss_pct": 5,
    "take_profit_pct": 15,
}
"""The config of the source document."""


def written(**changes: Any) -> dict[str, Any]:
    """The source document's config with keys changed; a key set to `...` is left out."""
    merged = {**RSI_BOUNCE, **changes}
    return {key: value for key, value in merged.items() if value is not ...}


def config(**changes: Any) -> StrategyConfig:
    return parse_config(written(**changes)).config


def warnings(**changes: Any) -> tuple[str, ...]:
    return parse_config(written(**changes)).warnings


def problems(**changes: Any) -> list[str]:
    """The problems of the source document's config with keys changed; [] if it is valid."""
    return problems_of(written(**changes))


def problems_of(raw: object) -> list[str]:
    try:
        parse_config(raw)
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


def values_of(written_as: object, candles: Candles) -> dict[str, Floats]:
    """Every field of an indicator as a config of five minutes writes it."""
    spec = parse_indicator(written_as, Timeframe.M5)
    return indicator_values(spec, candles, Timeframe.M5)


def single(made: StrategyConfig) -> Condition:
    """The first condition of a config's first entry."""
    return next(conditions_in(made.entry_conditions[0]))


def condition(left: str, operator: str, value: Any, direction: str | None = None) -> dict[str, Any]:
    made = {"indicator": left, "operator": operator, "value": value}
    return made if direction is None else {**made, "direction": direction}


def candles_of(
    close: Any,
    *,
    high: Any = None,
    low: Any = None,
    volume: Any = None,
    minutes: int = 5,
    start: int = START,
) -> Candles:
    """Candles of given closes: each opens at the close before it, high and low follow."""
    closes = np.asarray(close, dtype=np.float64)
    opens = np.concatenate((closes[:1], closes[:-1]))
    count = len(closes)
    return Candles(
        start + np.arange(count, dtype=np.int64) * minutes * MINUTE,
        opens,
        np.maximum(opens, closes) if high is None else np.asarray(high, dtype=np.float64),
        np.minimum(opens, closes) if low is None else np.asarray(low, dtype=np.float64),
        closes,
        np.ones(count) if volume is None else np.asarray(volume, dtype=np.float64),
    )


@st.composite
def markets(draw: st.DrawFn, largest: int = 400) -> Candles:
    """Candles of any market: quiet, wild and flat stretches, tiny and huge prices, no volume."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    price = 10.0 ** draw(st.integers(-9, 9)) * draw(st.floats(1, 10, exclude_max=True))
    stretches = draw(
        st.lists(
            st.tuples(
                st.sampled_from(("walk", "wild", "flat", "still", "ticks", "rise", "fall")),
                st.integers(1, 90),
                st.booleans(),
            ),
            max_size=8,
        )
    )
    rows = []
    for kind, length, traded in stretches:
        for _ in range(length):
            before = price
            if kind in ("walk", "wild"):
                price *= float(np.exp(random.normal(0, 0.2 if kind == "wild" else 0.003)))
            elif kind == "ticks":
                price += price * 0.001 * int(random.integers(-1, 2))
            elif kind in ("rise", "fall"):
                price *= 1.01 if kind == "rise" else 0.99
            reach = 0.0 if kind == "flat" else abs(random.normal(0, 0.002))
            opened = price if kind == "flat" else before
            high, low = max(opened, price) * (1 + reach), min(opened, price) * (1 - reach)
            volume = float(random.exponential(10.0)) if traded else 0.0
            rows.append((opened, high, low, price, volume))
    columns = np.array(rows[:largest], dtype=np.float64).reshape(-1, 5).T
    gaps = random.integers(1, draw(st.integers(2, 60)), columns.shape[1])
    times = START + np.cumsum(gaps).astype(np.int64) * 5 * MINUTE
    return Candles(times, *(np.ascontiguousarray(column) for column in columns))
