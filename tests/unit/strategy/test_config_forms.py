"""One strategy may be written in many ways; all of them mean, and digest to, the same config."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from core.market.candles.timeframes import Timeframe
from core.strategy.config.canonical import config_digest, config_to_dict
from core.strategy.config.conditions import Condition, Direction, Operator, Reference
from core.strategy.config.config import IndicatorSpec, StrategyConfig
from core.strategy.config.parsing import parse_config, parse_indicator
from core.strategy.indicators.registry import INDICATORS
from tests.unit.strategy.making import RSI_BOUNCE, condition, config, single, written


def test_the_source_documents_config() -> None:
    parsed = parse_config(RSI_BOUNCE)
    assert parsed.warnings == ()
    assert parsed.config == StrategyConfig(
        name="rsi_bounce_paper",
        symbols=("BTC/USDT",),
        timeframe=Timeframe.H4,
        indicators=(IndicatorSpec("rsi", "rsi", {"period": 14}),),
        entry_conditions=(Condition(Reference("rsi"), Operator.LT, 30.0),),
        exit_conditions=(Condition(Reference("rsi"), Operator.GT, 70.0),),
        direction=Direction.LONG,
        stop_loss_pct=5.0,
        take_profit_pct=15.0,
    )


def test_what_is_left_out_takes_the_defaults_of_the_rules() -> None:
    minimal = config(direction=..., stop_loss_pct=..., take_profit_pct=...)
    assert minimal.direction is Direction.LONG
    assert (minimal.stop_loss_pct, minimal.take_profit_pct) == (None, None)
    assert (minimal.trailing_stop_pct, minimal.max_hold) == (None, None)
    assert (minimal.trade_size_pct, minimal.leverage) == (100, 1)
    assert (minimal.fees, minimal.slippage_pct) == (0.0006, 0)
    assert minimal.starting_balance == 10_000
    assert (minimal.max_daily_loss_pct, minimal.max_drawdown_pct) == (None, None)


@pytest.mark.parametrize(
    "indicators",
    [
        {"rsi": 14},
        {"rsi": {"params": {"period": 14}}},
        {"rsi": {}},
        {"rsi": None},
        {"rsi": {"name": "rsi"}},
        [{"rsi": 14}],
        [{"rsi": {"params": {"length": 14}}}],
        [{"name": "rsi"}],
        [{"name": "RSI", "params": None, "key": None}],
        [{"name": "Relative Strength Index", "params": {"window": 14.0}}],
        [{"name": "rsi", "params": {"timeperiod": 14, "offset": 0}}],
    ],
    ids=str,
)
def test_every_form_of_an_indicator_is_the_same_config(indicators: Any) -> None:
    other = config(indicators=indicators)
    assert other == config()
    assert config_digest(other) == config_digest(config())


@pytest.mark.parametrize(
    "changes",
    [
        {"symbols": ["BTCUSDT"]},
        {"stop_loss_pct": 5.0},
        {"direction": "LONG"},
        {"max_hold": None, "trailing_stop_pct": None},
        {"fees": 0.0006, "slippage_pct": -0.0, "leverage": 1},
        {"description": "words", "risk": {"note": 1}, "status": "active"},
        {"entry_conditions": [condition("rsi", "<", 30.0)]},
        {"entry_conditions": [condition("rsi.value", "LT", 30)]},
        {"entry_conditions": [condition("rsi.rsi", "lt", 30)]},
    ],
    ids=str,
)
def test_equal_configs_have_equal_digests(changes: dict[str, Any]) -> None:
    assert config_digest(config(**changes)) == config_digest(config())


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other"},
        {"stop_loss_pct": 5.1},
        {"fees": 0.0005},
        {"indicators": {"rsi": 15}},
        {"indicators": [{"name": "rsi", "params": {"offset": 1}}]},
        {"entry_conditions": [condition("rsi", "lte", 30)]},
        {"entry_conditions": [condition("rsi", "lt", "close")]},
    ],
    ids=str,
)
def test_different_configs_have_different_digests(changes: dict[str, Any]) -> None:
    assert config_digest(config(**changes)) != config_digest(config())


def test_a_config_written_out_reads_back_equal() -> None:
    rich = config(
        symbols=["BTC/USDT:USDT", "ETHUSDT"],
        direction="both",
        indicators=[
            {"bbands": {"params": {"std_dev": 2.5}, "key": "band"}},
            {"name": "donchian", "params": {"window": 5, "offset": 1}},
            {"vwap": {"params": {"anchor": None}}},
        ],
        entry_conditions=[
            condition("band.lower_band", "cross_above", "price", "long"),
            condition("donchian.upper", "<=", "vwap", "short"),
        ],
        exit_conditions=[condition("volume", "!=", 1e-9)],
        max_hold=7,
        created=dt.date(2026, 1, 2),
        backtest={"win_rate": 0.5, "curve": [1, None, "x"]},
    )
    again = parse_config(json.loads(json.dumps(config_to_dict(rich)))).config
    assert again == rich
    assert config_digest(again) == config_digest(rich)


def test_a_digest_is_a_sha256_that_does_not_drift() -> None:
    assert config_digest(config()) == (
        "5bcdc2cea4c0202d57b072b045f7bf2591fd9b556b3190b33c9093c5d8f6e981"
    )


@pytest.mark.parametrize(
    ("written_as", "spec"),
    [
        ({"bb": 20}, IndicatorSpec("bollinger", "bollinger", {"period": 20, "std": 2.0})),
        (
            {"bbands": {"params": {"length": 10, "std_dev": 3}}},
            IndicatorSpec("bollinger", "bollinger", {"period": 10, "std": 3.0}),
        ),
        (
            {"name": "MACD", "params": {"fast": 5, "slow": 20, "signal": 7}, "key": "m"},
            IndicatorSpec("macd", "m", {"fast_period": 5, "slow_period": 20, "signal_period": 7}),
        ),
        (
            {"stochastic": {"params": {"k": 10, "d": 4, "smooth_k": 2}}},
            IndicatorSpec("stoch", "stoch", {"k_period": 10, "k_smooth": 2, "d_period": 4}),
        ),
        ({"Williams %R": 9}, IndicatorSpec("willr", "willr", {"period": 9})),
        ({"parabolic-sar": None}, IndicatorSpec("psar", "psar", {"step": 0.02, "max": 0.2})),
        (
            {"super_trend": 7},
            IndicatorSpec("supertrend", "supertrend", {"period": 7, "multiplier": 3.0}),
        ),
        ({"sma": {"params": {"offset": 3}}}, IndicatorSpec("sma", "sma", {"period": 20}, 3)),
        ({"name": "sma", "offset": 3}, IndicatorSpec("sma", "sma", {"period": 20}, 3)),
    ],
    ids=str,
)
def test_names_and_parameters_as_people_write_them(written_as: Any, spec: IndicatorSpec) -> None:
    assert parse_indicator(written_as, Timeframe.H4) == spec


@pytest.mark.parametrize(
    ("left", "field", "reference"),
    [
        ("macd", None, Reference("macd")),
        ("macd.macd", None, Reference("macd")),
        ("macd.line", None, Reference("macd")),
        ("macd", "value", Reference("macd")),
        ("macd", "hist", Reference("macd", "histogram")),
        ("macd.signal", None, Reference("macd", "signal")),
        ("macd.signal", "signal_line", Reference("macd", "signal")),
        ("bbands.upper_band", None, Reference("bollinger", "upper")),
        ("bollinger", "%b", Reference("bollinger", "percent")),
        ("bb", "mid", Reference("bollinger")),
        ("bb", "bbands", Reference("bollinger")),
        ("stoch.k", None, Reference("stoch")),
        ("stochastic", "slowd", Reference("stoch", "d")),
        ("price", None, Reference("close")),
        ("Close", "value", Reference("close")),
        (" volume ", "volume", Reference("volume")),
    ],
)
def test_fields_as_people_write_them(left: str, field: str | None, reference: Reference) -> None:
    one = (
        condition(left, "gt", 0) if field is None else {**condition(left, "gt", 0), "field": field}
    )
    indicators = {"macd": None, "bbands": None, "stochastic": None}
    made = config(indicators=indicators, entry_conditions=[one], exit_conditions=[])
    assert single(made).left == reference
    if field is None:
        turned = condition("high", "gt", left)
        made = config(indicators=indicators, entry_conditions=[turned], exit_conditions=[])
        assert single(made).right == reference


@pytest.mark.parametrize(
    ("alias", "operator"),
    [
        ("<", "lt"),
        (">", "gt"),
        ("<=", "lte"),
        (">=", "gte"),
        ("==", "eq"),
        ("!=", "ne"),
        ("crossover", "cross_above"),
        ("crossunder", "cross_below"),
        ("Cross_Above", "cross_above"),
    ],
)
def test_operators_as_people_write_them(alias: str, operator: str) -> None:
    made = config(entry_conditions=[condition("rsi", alias, 30)])
    assert single(made).operator == operator


@pytest.mark.parametrize("indicator", INDICATORS.values(), ids=INDICATORS)
def test_no_two_names_of_the_catalog_collide(indicator: Any) -> None:
    owners: dict[str, set[str]] = {}
    for one in INDICATORS.values():
        for name in (one.name, *one.aliases):
            owners.setdefault(name, set()).add(one.name)
    assert all(len(names) == 1 for names in owners.values())
    for things in (indicator.parameters, indicator.fields):
        words = [word for thing in things for word in (thing.name, *thing.aliases)]
        assert len(words) == len(set(words))
    for name in (indicator.name, *indicator.aliases):
        assert indicator.field(name) is not None


def test_extras_are_kept_as_json_and_do_not_change_the_digest() -> None:
    made = config(
        author="me", created=dt.date(2026, 11, 22), paper={"loss": float("nan")}, risk=float("inf")
    )
    assert made.extras == {"author": "me", "created": "2026-11-22", "paper": {"loss": None}}
    assert config_to_dict(made)["author"] == "me"


def test_a_key_of_ones_own_is_what_conditions_refer_to() -> None:
    made = config(
        indicators={"fast": {"name": "ema", "params": {"period": 9}}, "ema_21": {"name": "ema"}},
        entry_conditions=[condition("fast", ">", "ema_21")],
        exit_conditions=[condition("fast", "<", "ema_21")],
    )
    assert made.entry_conditions[0] == Condition(
        Reference("fast"), Operator.GT, Reference("ema_21")
    )


def test_nothing_of_the_input_is_changed() -> None:
    raw = written(indicators=[{"rsi": {"params": {"length": 14}}}])
    before = json.dumps(raw)
    parse_config(raw)
    assert json.dumps(raw) == before
