"""What a config means is said in labelled lines."""

from __future__ import annotations

from hypothesis import given, settings

from core.strategy.config.parsing import parse_config
from core.strategy.config.problems import ConfigError
from core.strategy.lint.words import meaning, paragraph
from tests.unit.strategy.making import condition, config
from tests.unit.strategy.test_fuzz_config import likely


def test_every_part_of_the_signals_is_said() -> None:
    made = config(
        timeframe="1h",
        symbols=["BTC/USDT:USDT", "ETH/USDT:USDT"],
        direction="both",
        indicators=[
            {"name": "rsi", "params": {"period": 2}},
            {"name": "sma", "key": "vol", "source": "volume", "timeframe": "4h",
             "params": {"offset": 1}},
        ],
        entry_conditions=[
            {"any": [condition("rsi", "lt", 10), condition("close", "cross_above", "open")],
             "direction": "long"},
            {**condition("volume", "gt", "1.5 * vol"), "for": 3, "direction": "long"},
            {"not": condition("close", "lte", "high / 2"), "direction": "short"},
        ],
        exit_conditions=[{**condition("hour", "eq", 20), "within": 2}],
        stop_loss_pct=3, take_profit_pct=...,
    )  # fmt: skip
    said = meaning(made)
    assert said[:6] == (
        (
            "Trades",
            "BTC/USDT:USDT and ETH/USDT:USDT at the close of every 1h candle, long and short",
        ),
        ("Enter long", "(rsi is below 10 or close crosses above open)"),
        ("", "and volume is above 1.5 * vol on each of the last 3 candles"),
        ("Exit long", "hour equals 20 on one of the last 2 candles"),
        ("Enter short", "it is not so that close is at or below high / 2"),
        ("Exit short", "hour equals 20 on one of the last 2 candles"),
    )
    assert said[-2:] == (
        ("Indicators", "rsi = Relative strength index (period 2)"),
        (
            "",
            "vol = Simple moving average (period 20) of volume on 4h candles, known when they "
            "close, as it was one candle ago",
        ),
    )
    assert ("Stop", "3% below (for a short above) the entry") in said


def test_of_an_indicator_with_several_fields_the_one_that_is_meant_is_named() -> None:
    made = config(
        indicators=[{"name": "bollinger"}, {"name": "stochastic"}],
        entry_conditions=[condition("stochastic", "cross_above", "stochastic.d")],
        exit_conditions=[condition("close", "gte", "bollinger.mid")],
        stop_loss_pct=..., stop={"level": "min(bollinger, low)"},
    )  # fmt: skip
    said = meaning(made)
    assert ("Enter long", "stoch.k crosses above stoch.d") in said
    assert ("Exit long", "close is at or above bollinger.mid") in said
    assert ("Stop", "at min(bollinger.mid, low)") in said


def test_a_program_is_told_the_same_in_one_line() -> None:
    rules = [condition("rsi", "lt", 30), condition("close", "gt", "open")]
    made = config(entry_conditions=rules, exit_conditions=[condition("rsi", "gt", 70)])
    assert "Enter long: rsi is below 30; and close is above open. Exit long: " in paragraph(made)


@settings(max_examples=100)
@given(raw=likely)
def test_whatever_is_valid_has_a_meaning_of_one_line(raw: object) -> None:
    try:
        made = parse_config(raw).config
    except ConfigError:
        return
    assert paragraph(made).isprintable()
