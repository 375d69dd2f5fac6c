"""Whatever a config holds, parsing gives a strategy or its problems, never another exception."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.market.candles.timeframes import Timeframe
from core.strategy.config.canonical import config_digest, config_to_dict
from core.strategy.config.parsing import parse_config, parse_indicator
from core.strategy.config.problems import ConfigError
from core.strategy.indicators.registry import INDICATORS, known_names
from core.strategy.signals.sources import signal_series, signal_source, warmup_candles
from tests.unit.strategy.making import RSI_BOUNCE, candles_of

pytestmark = pytest.mark.fuzz

CANDLES = candles_of([5.0, 6.0, 4.0, 5.5, 7.0] * 12)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.text(max_size=12),
    st.binary(max_size=4),
    st.dates(),
    st.sampled_from(["rsi", "close", "macd.signal", "bb.upper", "30", "lt", ">", "long", "both"]),
    st.sampled_from(["BTC/USDT", "BTC/USDT:USDT", "4h", "1e5", "", "\ud800", "a.b.c", ".", "rsi."]),
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner),
        st.sets(scalars, max_size=2),
        st.dictionaries(
            st.one_of(st.text(max_size=8), st.integers(), st.none()), inner, max_size=4
        ),
    ),
    max_leaves=20,
)
indicator_words = st.sampled_from([*sorted(known_names()), "rsii", "none"])
parameter_words = st.sampled_from(
    [
        word
        for one in INDICATORS.values()
        for known in one.parameters
        for word in (known.name, *known.aliases)
    ]
    + ["offset"]
)
series_words = st.one_of(
    indicator_words,
    st.sampled_from(["open", "high", "low", "close", "price", "volume", "k1"]),
    st.builds(
        "{}.{}".format,
        indicator_words,
        st.sampled_from(["value", "upper", "lower", "signal", "hist", "d", "up", "direction"]),
    ),
)
pieces = st.one_of(
    series_words,
    st.sampled_from(
        [
            *"+-*/(),.^%#\n",
            "**",
            " ",
            "0",
            "2.5",
            "1e999",
            "min(",
            "max(",
            "abs(",
            "not ",
            "lambda:",
            "é",
        ]
    ),
)
texts = st.lists(pieces, max_size=8).map("".join)
single_conditions = st.fixed_dictionaries(
    {
        "indicator": st.one_of(series_words, series_words, texts),
        "operator": st.sampled_from(
            ["lt", ">", ">=", "lte", "eq", "!=", "crossover", "crossunder"]
        ),
        "value": st.one_of(st.floats(-200, 200), series_words, texts, scalars),
    },
    optional={
        "field": st.sampled_from(["value", "upper", "signal", "nope"]),
        "direction": st.sampled_from(["long", "short", "both", None]),
        "for": st.one_of(st.integers(-1, 5), scalars),
        "within": st.one_of(st.integers(-1, 5), scalars),
    },
)
conditions = st.recursive(
    single_conditions,
    lambda inner: st.dictionaries(
        st.sampled_from(["any", "all", "not", "for", "direction", "or"]),
        st.one_of(st.lists(inner, max_size=3), inner, st.integers(0, 3)),
        min_size=1,
        max_size=2,
    ),
    max_leaves=4,
)
indicators = st.fixed_dictionaries(
    {"name": indicator_words},
    optional={
        "params": st.dictionaries(
            parameter_words, st.one_of(st.integers(0, 40), st.floats(0, 5), scalars), max_size=3
        ),
        "key": st.sampled_from(["k1", "close", "a b", None]),
        "source": st.one_of(series_words, texts, scalars, st.lists(series_words, max_size=3)),
        "timeframe": st.sampled_from(["15m", "4h", "1d", "1w", "2m", None, 5]),
    },
)
likely = st.fixed_dictionaries(
    {
        "name": st.just("x"),
        "symbols": st.lists(st.sampled_from(["BTC/USDT", "ETHUSDT", "BTC/USDT:USDT"]), max_size=3),
        "timeframe": st.sampled_from(["1m", "5m", "4h", "1d", "2m"]),
        "indicators": st.one_of(
            st.lists(indicators, max_size=5),
            st.dictionaries(indicator_words, st.one_of(st.none(), st.integers(1, 30)), max_size=5),
        ),
        "entry_conditions": st.lists(conditions, max_size=4),
        "exit_conditions": st.lists(conditions, max_size=3),
    },
    optional={
        "direction": st.sampled_from(["long", "short", "both"]),
        "stop_loss_pct": st.floats(0, 120),
        "take_profit_pct": st.floats(0, 200),
        "leverage": st.integers(0, 130),
        "max_hold": st.integers(0, 50),
        "fees": st.floats(-0.1, 1.1),
        "risk": anything,
    },
)


def check(raw: Any) -> None:
    try:
        parsed = parse_config(raw)
    except ConfigError as refusal:
        assert refusal.problems
        assert all(str(problem).isprintable() for problem in refusal.problems)
        return
    config = parsed.config
    assert all(warning.isprintable() for warning in parsed.warnings)
    again = parse_config(json.loads(json.dumps(config_to_dict(config)))).config
    assert again == config
    assert config_digest(again) == config_digest(config)
    # What is accepted can be run, and says the same either way.
    assert warmup_candles(config) >= 200
    stream = signal_source(config).stream()
    assert [stream.update(candle) for candle in CANDLES] == list(
        signal_series(config, CANDLES).flags
    )


@given(raw=anything)
def test_any_value(raw: Any) -> None:
    check(raw)


@given(key=st.sampled_from([*RSI_BOUNCE, "fees", "leverage", "risk", "max_hold"]), value=anything)
def test_any_value_at_any_key(key: str, value: Any) -> None:
    check({**RSI_BOUNCE, key: value})


@given(raw=likely)
def test_configs_that_are_almost_right(raw: Any) -> None:
    check(raw)


@given(raw=likely, path=st.lists(st.integers(0, 5), min_size=1, max_size=4), value=anything)
def test_a_wrong_value_deep_inside(raw: Any, path: list[int], value: Any) -> None:
    holder: Any = raw
    for step in path:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            return
        key = keys[step % len(keys)]
        if not isinstance(holder[key], dict | list) or step == path[-1]:
            holder[key] = value
            break
        holder = holder[key]
    check(raw)


@given(raw=st.one_of(anything, indicators))
def test_any_indicator(raw: Any) -> None:
    try:
        parse_indicator(raw, Timeframe.M5)
    except ConfigError as refusal:
        assert all(str(problem).isprintable() for problem in refusal.problems)
