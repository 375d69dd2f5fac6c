"""Candle by candle and all at once, indicators and signals are the same to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.market.candles.candles import Candles, Floats
from core.strategy.config.config import IndicatorSpec
from core.strategy.config.parsing import parse_config
from core.strategy.indicators.batch import Batch
from core.strategy.indicators.indicator import Indicator, Parameter
from core.strategy.indicators.registry import INDICATORS, all_indicators, indicator_series
from core.strategy.indicators.series import CLOSE, VOLUME
from core.strategy.indicators.stream import StreamProgram
from core.strategy.indicators.talib_functions import talib_indicators
from core.strategy.signals.sources import signal_series, signal_source
from tests.unit.strategy.making import candles_of, condition, markets, written


def same_bits(left: Floats, right: Floats) -> bool:
    """Whether two arrays are equal bit for bit, any NaN counting as any other."""
    unknown = np.isnan(left)
    return bool(
        np.array_equal(unknown, np.isnan(right))
        and np.array_equal(left[~unknown].view(np.int64), right[~unknown].view(np.int64))
    )


def streamed(fields: dict[str, Any], candles: Candles) -> dict[str, Floats]:
    program = StreamProgram(fields.values())
    slots = [program.slot(series) for series in fields.values()]
    rows = []
    for candle in candles:
        program.advance(candle)
        rows.append([program.values[slot] for slot in slots])
    columns = np.array(rows, dtype=np.float64).reshape(len(rows), len(slots)).T
    return {name: column.copy() for name, column in zip(fields, columns, strict=True)}


def value_of(parameter: Parameter) -> st.SearchStrategy[Any]:
    if parameter.choices:
        return st.sampled_from(parameter.choices)
    if parameter.whole:
        return st.integers(int(parameter.low), 30)
    return st.floats(max(parameter.low, -5.0), min(parameter.high, 5.0))


@st.composite
def parameters(draw: st.DrawFn, indicator: Indicator) -> dict[str, Any]:
    drawn = {one.name: draw(value_of(one)) for one in indicator.parameters}
    if indicator.name == "psar":
        drawn["step"] = min(drawn["step"], drawn["max"])
    return drawn


@pytest.mark.parametrize("name", INDICATORS)
@settings(max_examples=40)
@given(data=st.data(), candles=markets(), offset=st.integers(0, 3))
def test_every_indicator_streams_to_the_bits_of_its_batch(
    name: str, data: st.DataObject, candles: Candles, offset: int
) -> None:
    fields = indicator_series(
        IndicatorSpec(name, name, data.draw(parameters(INDICATORS[name])), offset)
    )
    batch = Batch(candles)
    for field, values in streamed(fields, candles).items():
        assert same_bits(batch.values(fields[field]), values), field


TALIB = [one.name for one in all_indicators() if one.name not in INDICATORS]


@pytest.mark.parametrize("name", TALIB)
@settings(max_examples=2)
@given(data=st.data(), candles=markets())
def test_every_function_of_talib_streams_to_the_bits_of_its_batch(
    name: str, data: st.DataObject, candles: Candles
) -> None:
    function = talib_indicators()[name]
    params = data.draw(parameters(function))
    if function.check(params) is not None:  # TA-Lib itself does not take them together
        params = function.defaults
    sources = (VOLUME, CLOSE)[: len(function.sources)]
    fields = indicator_series(IndicatorSpec(name, name, params), sources)
    batch = Batch(candles)
    for field, values in streamed(fields, candles).items():
        assert same_bits(batch.values(fields[field]), values), field


SEVERAL = parse_config(
    written(
        direction="both",
        indicators=[
            {"name": "rsi", "params": {"period": 7}},
            {"name": "macd", "params": {"fast": 3, "slow": 8, "signal": 4}},
            {"name": "bbands", "params": {"length": 10}},
            {"name": "stoch", "params": {"k": 5}, "key": "fast_stoch"},
            {"name": "donchian", "params": {"period": 5, "offset": 1}},
        ],
        entry_conditions=[
            condition("rsi", "<", 60, "long"),
            condition("macd", "crossover", "macd.signal", "long"),
            condition("close", "crossunder", "bbands.mid", "short"),
            condition("volume", "!=", 0),
            condition("hour", ">=", 1),
            condition("hl2", "<=", "high"),
        ],
        exit_conditions=[
            condition("close", "cross_above", "donchian.upper", "short"),
            condition("fast_stoch.d", ">=", 80, "long"),
            condition("close", "==", "open"),
            condition("minute", "==", 0),
            condition("weekday", "cross_above", 6),
            condition("hlc3", "crossunder", "ohlc4"),
        ],
    )
).config


@settings(max_examples=60)
@given(candles=markets())
@example(candles=candles_of([]))
@example(candles=candles_of([1.0]))
def test_signals_stream_to_the_flags_of_the_batch(candles: Candles) -> None:
    series = signal_series(SEVERAL, candles)
    stream = signal_source(SEVERAL).stream()
    ready = []
    flags = []
    for candle in candles:
        flags.append(stream.update(candle))
        ready.append(stream.ready)
    assert flags == series.flags.tolist()
    assert ready == [position >= series.first for position in range(len(candles))]


def test_a_stream_of_known_candles_takes_no_others() -> None:
    candles = candles_of([1.0, 2.0])
    stream = signal_source(SEVERAL).stream(candles)
    with pytest.raises(ValueError, match="not number 0 of those known"):
        stream.update(candles.at(1))
    stream = signal_source(SEVERAL).stream(candles)
    assert [stream.update(candle) for candle in candles] == [0, 0]
    with pytest.raises(ValueError, match="not number 2 of those known"):
        stream.update(candles.at(1))
