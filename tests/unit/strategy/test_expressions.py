"""Arithmetic in conditions: what it comes to, how it is written, and what is refused where."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.market.candles.candles import Candle, Candles
from core.strategy.config.canonical import config_digest, config_to_dict
from core.strategy.config.conditions import Formula, Reference, operand_text
from core.strategy.config.parsing import parse_config
from core.strategy.config.problems import ConfigError
from core.strategy.indicators.batch import Batch
from core.strategy.indicators.described import Described
from core.strategy.indicators.stream import StreamProgram
from core.strategy.signals.sources import condition_series
from tests.unit.strategy.making import (
    candles_of,
    condition,
    config,
    markets,
    problems,
    single,
    written,
)
from tests.unit.strategy.test_stream_equals_batch import same_bits

BANDS = [{"name": "bollinger", "params": {"period": 3}}, {"name": "sma", "params": {"period": 2}}]


def right_of(text: str) -> Any:
    made = config(
        indicators=BANDS, entry_conditions=[condition("close", "lt", text)], exit_conditions=[]
    )
    return single(made).right


def config_with(text: str) -> Any:
    return config(
        timeframe="5m", indicators=[], entry_conditions=[condition(text, "gt", 0)], max_hold=1,
        exit_conditions=[],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0.985*bb.lower", "0.985 * bollinger.lower"),
        (" ( high+low )/2", "(high + low) / 2"),
        ("high + low / 2", "high + low / 2"),
        ("high - (low - close)", "high - (low - close)"),
        ("(high - low) - close", "high - low - close"),
        ("high / (low * close)", "high / (low * close)"),
        ("-price", "-close"),
        ("-(high - low) * 2", "-(high - low) * 2"),
        ("high * -2", "high * -2"),
        ("high - -low", "high - -low"),
        ("max(open, close, 1e3)", "max(open, close, 1000)"),
        ("abs(close - bollinger.mid)", "abs(close - bollinger)"),
        ("close * (1 + 0.5)", "close * 1.5"),
        ("min(2, 3) * 10", "20"),
        ("sma-1", "sma - 1"),
        ("(close)", "close"),
        ("+close", "close"),
        ("bollinger.upper -\nbollinger.lower", "bollinger.upper - bollinger.lower"),
    ],
)
def test_an_expression_has_one_text_however_it_is_spelt(text: str, canonical: str) -> None:
    read = right_of(text)
    assert operand_text(read) == canonical
    if not isinstance(read, float):
        assert right_of(canonical) == read


def test_equal_expressions_make_equal_configs_whatever_their_spelling() -> None:
    one, other = (
        config(
            indicators=BANDS, entry_conditions=[condition("close", "lt", text)], exit_conditions=[]
        )
        for text in ("0.985 * bollinger.lower", "0.985*bbands.lower_band")
    )
    assert one == other
    assert config_digest(one) == config_digest(other)
    assert parse_config(json.loads(json.dumps(config_to_dict(one)))).config == one


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("0.985 * bolinger.lower", "column 9: found 'bolinger.lower'"),
        ("close + bollinger.lowr", "column 9: found 'bollinger.lowr'"),
        ("close ** 2", "column 1: found 'close ** 2', expected arithmetic"),
        ("close ^ 2", "column 7: found '^', expected only series, numbers"),
        ("close + (high", "column 9: found '(high'"),
        ("close +", "column 1: found 'close +', expected arithmetic"),
        ("sqrt(close)", "column 1: found 'sqrt(close)'"),
        ("min(close)", "column 1: found 'min(close)', expected min of 2 to 10 values"),
        ("abs(close, 2)", "column 1: found 'abs(close, 2)', expected abs of 1 values"),
        ("min(*close)", "column 1: found 'min(*close)'"),
        ("1 + close / 0", "column 5: found 'close / 0', expected a divisor other than 0"),
        ("close / (2 - 2)", "expected a divisor other than 0"),
        ("close * 1e999", "column 9: found '1e999', expected a number that is finite"),
        ("close * 2j", "column 9: found '2j'"),
        ("ü * bollinger.lowr", "column 1: found 'ü'"),
        ("close + True", "column 9: found 'True'"),
        ("close.real.imag + 1", "column 1: found 'close.real.imag'"),
        ("__import__('os') + 1", 'column 12: found "\'"'),
        ("(lambda: close)()", "column 8: found ':'"),
        ("close if high else low + 1", "found 'close if high else low + 1'"),
        ("-" * 40 + "close", "expected arithmetic at most 30 levels deep"),
        ("+".join(["close"] * 100), "found 599 characters, expected at most 300 characters"),
        ("(" * 150 + "close" + ")" * 140, "entry_conditions[0].value, column"),
    ],
)
def test_a_mistake_is_named_at_its_column(text: str, problem: str) -> None:
    (found,) = problems(indicators=BANDS, entry_conditions=[condition("close", "lt", text)],
                        exit_conditions=[], max_hold=1)  # fmt: skip
    assert problem in found
    assert found.startswith("entry_conditions[0].value")


def test_the_nearest_spelling_is_that_of_the_part() -> None:
    with pytest.raises(ConfigError) as refused:
        parse_config(
            written(
                indicators=BANDS,
                entry_conditions=[condition("close", "lt", "2 * bollinger.lowr")],
                exit_conditions=[condition("sma + 2 *", "lt", "smaa + 1")],
            )
        )
    first, second, third = refused.value.problems
    assert (first.column, first.nearest) == (5, "bollinger.lower")
    assert second.path == "exit_conditions[0].indicator"
    assert (third.column, third.nearest) == (1, "sma")


def test_a_left_side_names_a_series_and_takes_no_field() -> None:
    assert problems(entry_conditions=[condition("2 * 3", "lt", "rsi")])[0].startswith(
        "entry_conditions[0].indicator: found '2 * 3', expected at least one series"
    )
    (found,) = problems(entry_conditions=[{**condition("rsi + 1", "lt", 5), "field": "value"}])
    assert found.startswith(
        "entry_conditions[0].field: found 'value', expected no field beside arithmetic"
    )


def test_a_key_with_a_hyphen_stands_alone_but_not_in_arithmetic() -> None:
    indicators = [{"name": "rsi", "key": "rsi-2", "params": {"period": 2}}, {"rsi": 14}]
    alone = config(
        indicators=indicators,
        entry_conditions=[condition("rsi-2", "lt", "rsi")],
        exit_conditions=[condition("rsi", "gt", 70)],
    )
    assert single(alone).left == Reference("rsi-2")
    (found,) = problems(
        indicators=indicators,
        entry_conditions=[condition("rsi", "lt", "1 + rsi-2")],
        exit_conditions=[],
        max_hold=1,
    )
    assert "column 5: found 'rsi-2', expected a key without \"-\"" in found


def test_a_division_by_zero_is_no_value_and_makes_the_condition_false() -> None:
    candles = candles_of([1, 2, 3], volume=[0.0, 2.0, 0.0])
    for operator in ("gt", "lt", "ne"):
        strategy = config(
            timeframe="5m",
            indicators=[],
            entry_conditions=[condition("close / volume", operator, 5)],
            exit_conditions=[],
            max_hold=1,
        )
        (one,) = condition_series(strategy, candles)
        assert one.valid.tolist() == [False, True, False]
        assert not one.holds[[0, 2]].any()


names = st.sampled_from(["open", "high", "low", "close", "volume"])
texts = st.recursive(
    st.one_of(names, st.floats(-9, 9).map(repr), st.integers(1, 5).map(str)),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
        st.builds("{}({}, {})".format, st.sampled_from(["min", "max"]), inner, inner),
        st.builds("abs({})".format, inner),
        st.builds("(-{})".format, inner),
    ),
    max_leaves=8,
)


def plainly(text: str, candle: Candle) -> float:
    """What the text comes to on one candle, by Python's own arithmetic; NaN where it cannot."""
    try:
        found = eval(text, {"__builtins__": {}, "min": min, "max": max, "abs": abs,
                            **candle._asdict()})  # fmt: skip
    except ZeroDivisionError:
        return math.nan
    return float(found)


@settings(max_examples=200)
@given(text=texts, candles=markets(largest=30))
def test_an_expression_is_python_arithmetic_in_batch_and_in_stream(
    text: str, candles: Candles
) -> None:
    try:
        strategy = config_with(text)
    except ConfigError as refused:
        reasons = (
            "one of open",
            "series",
            "finite",
            "divisor",
            "deep",
            "without quotes",
            "characters",
        )
        assert all(any(one in str(it) for one in reasons) for it in refused.problems)
        return
    left = single(strategy).left
    assert isinstance(left, Reference | Formula)
    again = single(config_with(operand_text(left))).left
    assert again == left
    series = Described.of(strategy).series(left)
    batch = Batch(candles).values(series)
    program = StreamProgram([series])
    streamed, plain = [], []
    for candle in candles:
        program.advance(candle)
        streamed.append(float(program.values[program.slot(series)]))
        plain.append(plainly(text, candle))
    assert same_bits(batch, np.array(streamed))
    np.testing.assert_array_equal(batch, np.array(plain))
