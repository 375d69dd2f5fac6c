"""Any strategy on any candles comes out the same all at once and candle by candle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.backtest.run import run_backtest
from core.market.candles.candles import Candles
from core.market.candles.timeframes import Timeframe
from core.report.result import RunResult
from core.session.alignment import moments_of
from core.session.runner import Runner
from core.strategy.config.config import IndicatorSpec, StrategyConfig
from core.strategy.config.parsing import parse_config
from core.strategy.config.problems import ConfigError
from core.strategy.indicators.described import indicator_values
from core.strategy.indicators.registry import INDICATORS
from core.trading.values import Fills
from tests.unit.backtest.test_skipping import walk

OPERATORS = ["lt", "gt", "lte", "gte", "ne", "cross_above", "cross_below"]


@st.composite
def indicators(draw: st.DrawFn) -> list[dict[str, Any]]:
    names = draw(st.lists(st.sampled_from(sorted(INDICATORS)), min_size=1, max_size=3, unique=True))
    return [
        {
            "name": name,
            "offset": draw(st.integers(0, 3)),
            "params": {
                parameter.name: draw(st.integers(max(2, int(parameter.low)), 12))
                for parameter in INDICATORS[name].parameters
                if parameter.is_period and parameter.name not in ("fast_period", "slow_period")
            },
        }
        for name in names
    ]


@st.composite
def conditions(draw: st.DrawFn, written: list[dict[str, Any]], candles: Candles) -> dict[str, Any]:
    """A condition on one of the indicators that holds on some of the candles."""
    chosen = draw(st.sampled_from(written))
    known = INDICATORS[chosen["name"]]
    field = draw(st.sampled_from([one.name for one in known.fields]))
    params = {one.name: one.default for one in known.parameters} | chosen["params"]
    spec = IndicatorSpec(chosen["name"], chosen["name"], params, chosen["offset"])
    values = indicator_values(spec, candles, Timeframe.M5)[field]
    numbers = values[np.isfinite(values)]
    threshold = float(numbers[draw(st.integers(0, len(numbers) - 1))]) if len(numbers) else 0.0
    return {
        "indicator": chosen["name"],
        "field": field,
        "operator": draw(st.sampled_from(OPERATORS)),
        "value": draw(st.sampled_from([threshold, "close", "open"])),
    }


@st.composite
def orders(draw: st.DrawFn, key: str) -> dict[str, Any]:
    """Any keys of a config that say where orders lie, how large they are and when not."""
    atr = {"atr": {"period": 5, "multiplier": draw(st.sampled_from([0.5, 2]))}}
    levels: list[dict[str, Any]] = [atr, {"level": "min(low, 0.99 * close)"}, {"level": key}]
    made: dict[str, Any] = {}
    if draw(st.booleans()):
        stop = draw(st.sampled_from([*levels, {"swing": 4}]))
        made["stop"] = {**stop, "trail": draw(st.booleans())}
        made["break_even_at_r"] = draw(st.sampled_from([None, 0.5, 1]))
        made["risk_pct"] = draw(st.sampled_from([None, 0.5, 20]))
        levels.append({"r": draw(st.sampled_from([0.5, 2]))})
    else:
        made["trade_amount"] = draw(st.sampled_from([None, 2000]))
    levels += [{"pct": 0.5}, {"level": "close * 1.01"}]
    prices = st.sampled_from(levels)
    match draw(st.sampled_from(["one", "parts", "roi", "none"])):
        case "one":
            made["target"] = draw(prices)
        case "parts":
            made["target"] = [{**draw(prices), "close_pct": 40}, draw(prices)]
        case "roi":
            made["roi"] = {"0": 2, "50m": 0.5, "3h": 0}
    entries = [None, None, {"limit": "0.998 * close", "valid": 3}, {"stop": "high", "valid": 2}]
    made["entry"] = draw(st.sampled_from(entries))
    if made.get("target") is None or isinstance(made["target"], dict):
        falls = {"indicator": "close", "operator": "lt", "value": "open"}
        adds = [
            {"at_pct": -0.5, "size_pct": 100},
            {"at_pct": 1, "size_pct": 50},
            {"when": [falls], "size_pct": 60},
        ]
        made["adds"] = draw(st.lists(st.sampled_from(adds), max_size=3)) or None
    waits = [None, 3, {"after": "loss", "candles": 4}]
    made["cooldown"] = draw(st.sampled_from(waits))
    made["max_trades_per_day"] = draw(st.sampled_from([None, 2]))
    made["hours"] = draw(st.sampled_from([None, ["22:00-14:00"]]))
    made["flat_at"] = draw(st.sampled_from([None, "21:00"]))
    return {name: value for name, value in made.items() if value is not None}


@st.composite
def strategies(draw: st.DrawFn, candles: dict[str, Candles], timeframe: str) -> StrategyConfig:
    """A strategy on these candles whose conditions hold now and then."""
    written = draw(indicators())
    first = next(iter(candles.values()))
    several = st.lists(conditions(written, first), min_size=1, max_size=2)
    direction = draw(st.sampled_from(["long", "short", "both"]))
    entries = draw(several)
    if direction == "both":
        entries = [{**one, "direction": "long"} for one in entries]
        entries += [{**one, "direction": "short"} for one in draw(several)]
    raw = {
        "name": "any",
        "symbols": list(candles),
        "timeframe": timeframe,
        "indicators": written,
        "entry_conditions": entries,
        "exit_conditions": draw(several),
        "direction": direction,
        "trade_size_pct": draw(st.sampled_from([100, 40])),
        "leverage": draw(st.sampled_from([1, 5])),
        "max_hold": draw(st.sampled_from([5, 1000])),
    }
    for key in ("stop_loss_pct", "take_profit_pct", "trailing_stop_pct", "max_daily_loss_pct"):
        if (value := draw(st.none() | st.sampled_from([0.5, 2.0]))) is not None:
            raw[key] = value
    if draw(st.booleans()):
        raw |= draw(orders(written[0]["name"]))
        if "stop" in raw:
            raw.pop("stop_loss_pct", None)
            raw.pop("trailing_stop_pct", None)
        if "target" in raw or "roi" in raw:
            raw.pop("take_profit_pct", None)
        if "risk_pct" in raw or "trade_amount" in raw:
            del raw["trade_size_pct"]
    try:
        return parse_config(raw).config
    except ConfigError:  # what was drawn contradicts itself
        return draw(st.nothing())


@st.composite
def backtests(draw: st.DrawFn) -> tuple[StrategyConfig, dict[str, Candles]]:
    symbols = ["BTC/USDT:USDT", "ETH/USDT:USDT"][: draw(st.integers(1, 2))]
    seed = draw(st.integers(0, 2**32 - 1))
    present = draw(st.sampled_from([1.0, 0.9]))
    candles = {
        symbol: walk(seed + place, draw(st.integers(30, 250)), 0.01, present)
        for place, symbol in enumerate(symbols)
    }
    return draw(strategies(candles, "1h")), candles


def candle_by_candle(config: StrategyConfig, candles: dict[str, Candles]) -> RunResult:
    run = Runner(config, {}, Fills.CANDLE, decide_from=None)
    for moment in moments_of([list(candles[symbol]) for symbol in config.symbols]):
        run.moment(moment)
    return run.result(())


@pytest.mark.fuzz
@given(backtests())
def test_all_at_once_is_candle_by_candle(run: tuple[StrategyConfig, dict[str, Candles]]) -> None:
    config, candles = run
    at_once = run_backtest(config, candles)
    one_by_one = candle_by_candle(config, candles)
    assert at_once.trades == one_by_one.trades
    assert at_once.open_trades == one_by_one.open_trades
    assert at_once.times.tolist() == one_by_one.times.tolist()
    assert at_once.equity.tolist() == one_by_one.equity.tolist()
    assert at_once.metrics == one_by_one.metrics


def test_the_strategies_drawn_do_trade() -> None:
    trades = 0

    @settings(derandomize=True, max_examples=100)  # the same draws everywhere: a count, not luck
    @given(backtests())
    def count(run: tuple[StrategyConfig, dict[str, Candles]]) -> None:
        nonlocal trades
        trades += len(run_backtest(*run).trades)

    count()
    assert trades > 100
