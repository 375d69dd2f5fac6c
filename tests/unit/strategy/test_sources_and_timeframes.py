"""Indicators of other series, and of the candles of a higher timeframe."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.market.candles.candles import Candle, Candles, Floats
from core.market.candles.timeframes import HOUR, HigherTimeframe, Timeframe
from core.strategy.config.canonical import config_digest, config_to_dict
from core.strategy.config.config import StrategyConfig
from core.strategy.config.parsing import parse_config
from core.strategy.indicators.higher import higher_candles, how_built
from core.strategy.indicators.steps import HigherCandles, Step, Steps
from core.strategy.signals.sources import (
    condition_series,
    signal_series,
    signal_source,
    warmup_candles,
)
from tests.unit.strategy.making import (
    START,
    candles_of,
    condition,
    config,
    markets,
    problems,
    warnings,
)

H4 = HigherTimeframe("4h")


def of_indicators(*indicators: dict[str, Any], timeframe: str = "1h") -> StrategyConfig:
    """A config whose one entry looks at the last of some indicators."""
    last = indicators[-1]
    return config(
        timeframe=timeframe,
        indicators=list(indicators),
        entry_conditions=[condition(last.get("key", last["name"]), "gt", 0)],
        exit_conditions=[],
        max_hold=5,
    )


def values_of(made: StrategyConfig, candles: Candles) -> Floats:
    """What the last indicator of such a config comes to."""
    (one,) = condition_series(made, candles)
    return one.values


def hourly(closes: Any, **columns: Any) -> Candles:
    return candles_of(closes, minutes=60, **columns)


def plain_average(values: list[float], period: int) -> list[float]:
    return [
        math.nan if at < period - 1 else sum(values[at - period + 1 : at + 1]) / period
        for at in range(len(values))
    ]


RSI = {"name": "rsi", "params": {"period": 2}}


@pytest.mark.parametrize("place", ["beside", "within"])
def test_an_average_of_the_volume(place: str) -> None:
    average: dict[str, Any] = {"name": "sma", "key": "vol", "params": {"period": 3}}
    (average if place == "beside" else average["params"])["source"] = "volume"
    volume = [1.0, 4.0, 2.0, 8.0, 5.0]
    candles = hourly(np.arange(1.0, 6), volume=volume)
    found = values_of(of_indicators(average), candles)
    assert found == pytest.approx(plain_average(volume, 3), nan_ok=True)


def test_a_source_may_be_an_indicator_or_one_of_its_fields_or_arithmetic() -> None:
    closes = 100 + np.cumsum(np.random.default_rng(1).normal(0, 1, 80))
    candles = hourly(closes)
    chain = of_indicators({"name": "sma", "key": "smooth", "source": "rsi",
                           "params": {"period": 3}}, RSI)  # fmt: skip
    assert chain.indicators[0].sources
    rsi = values_of(of_indicators(RSI), candles).tolist()
    found = values_of(of_indicators(RSI, {"name": "sma", "key": "s", "source": "rsi",
                                          "params": {"period": 3}}), candles)  # fmt: skip
    assert found == pytest.approx(plain_average(rsi, 3), nan_ok=True)
    fisher = {"name": "tanh", "source": "0.1 * (rsi - 50)"}
    found = values_of(of_indicators(RSI, fisher), candles)
    assert found[3:] == pytest.approx([math.tanh(0.1 * (one - 50)) for one in rsi[3:]])
    bands = {"name": "bollinger", "params": {"period": 4}}
    of_field = {"name": "sma", "key": "s", "source": "bollinger.upper", "params": {"period": 1}}
    upper = values_of(of_indicators(bands, of_field), candles)
    plain = [closes[at - 3 : at + 1].mean() + 2 * closes[at - 3 : at + 1].std()
             for at in range(3, 80)]  # fmt: skip
    assert upper[3:] == pytest.approx(plain)


def test_what_has_no_value_is_no_candle_to_what_is_computed_of_it() -> None:
    candles = hourly([1, 2, 3, 4, 5, 6], volume=[0, 1, 1, 0, 1, 1])
    of_ratio = {"name": "sma", "params": {"period": 2}, "source": "close / volume"}
    found = values_of(of_indicators(of_ratio), candles)
    assert found == pytest.approx([math.nan, math.nan, 2.5, math.nan, 4, 5.5], nan_ok=True)


def test_a_function_of_two_series_takes_two_sources() -> None:
    candles = hourly([1, 2, 3, 4], volume=[5, 6, 7, 9])
    both = {"name": "sub", "source": ["volume", "close"]}
    assert values_of(of_indicators(both), candles).tolist() == [4, 4, 4, 5]
    (found,) = problems(indicators=[{"name": "sub", "source": "close"}, {"rsi": 14}])
    assert "indicators[0].source: found 'close', expected a list of 2 series" in found
    (found,) = problems(indicators=[{"name": "mavp"}, {"rsi": 14}])
    assert "indicators[0].source: found nothing, expected a list of 2 series" in found


def test_infinity_is_no_value() -> None:
    candles = hourly([1, 2, 3, 4, 5], volume=[0, 1, 0, 2, 4])
    ratio = {"name": "div", "source": ["close", "volume"]}
    found = values_of(of_indicators(ratio), candles)
    assert found == pytest.approx([math.nan, 2, math.nan, 2, 1.25], nan_ok=True)
    average = {"name": "sma", "key": "s", "source": "div", "params": {"period": 2}}
    found = values_of(of_indicators(ratio, average), candles)
    assert found == pytest.approx([math.nan] * 3 + [2, 1.625], nan_ok=True)


@pytest.mark.parametrize(
    ("indicators", "problem"),
    [
        (
            [{"name": "atr", "source": "close"}],
            "indicators[0].source: found 'close', expected no source: atr is made of close, high, "
            "low",
        ),
        ([{"name": "ema", "source": "rssi"}], "indicators[0].source: found 'rssi', expected"),
        ([{"name": "ema", "source": "close * 2 +"}], "indicators[0].source, column 1: found"),
        ([{"name": "ema", "source": "2 * 3"}], "indicators[0].source: found '2 * 3', expected"),
        ([{"name": "ema", "source": 14}], "indicators[0].source: found 14, expected a series like"),
        (
            [{"name": "ema", "source": "ema"}],
            "indicators[0].source: found 'ema', expected a chain of at most 10 indicators that "
            "does not lead back",
        ),
        (
            [{"name": "ema", "source": "sma"}, {"name": "sma", "source": "rsi * ema"}],
            "indicators[0].source: found 'sma', expected a chain of at most 10",
        ),
        (
            [{"name": "ema", "key": f"e{at}", "source": f"e{at + 1}"} for at in range(10)]
            + [{"name": "ema", "key": "e10"}],
            "indicators[0].source: found 'e1', expected a chain of at most 10",
        ),
        (
            [{"name": "ema", "timeframe": "2h"}],
            "indicators[0].timeframe: found '2h', expected a multiple of the strategy's timeframe "
            "4h: 8h, 12h, 1d, 3d, 1w, or another that a day is a multiple of",
        ),
        ([{"name": "ema", "timeframe": "6h"}], "expected a multiple of the strategy's"),
        ([{"name": "ema", "timeframe": "8hr"}], "indicators[0].timeframe: found '8hr'"),
        (
            [{"name": "ema", "timeframe": "1d", "source": "rsi"}],
            "indicators[0].source: found 'rsi', expected a source on 1d too: rsi is on the "
            "strategy's timeframe",
        ),
        (
            [{"name": "ema", "key": "e", "timeframe": "8h"},
             {"name": "ema", "timeframe": "1d", "source": "e"}],
            "indicators[1].source: found 'e', expected a source on 1d too: e is on 8h",
        ),
    ],
)  # fmt: skip
def test_problems(indicators: list[Any], problem: str) -> None:
    found = problems(indicators=[*indicators, {"rsi": 14}])
    assert any(problem in one for one in found), found


def test_a_source_and_a_timeframe_are_written_as_they_were_read() -> None:
    made = of_indicators(
        {"name": "rsi", "timeframe": "4h"},
        {"name": "sma", "key": "smooth", "source": "rsi.value", "timeframe": "4h"},
        {"name": "ema", "timeframe": "1h", "source": "(high+low)/2"},
    )
    stored = json.loads(json.dumps(config_to_dict(made)))
    assert stored["indicators"][1]["source"] == "rsi"
    assert stored["indicators"][1]["timeframe"] == "4h"
    assert stored["indicators"][2]["source"] == "(high + low) / 2"
    assert "timeframe" not in stored["indicators"][2]  # the strategy's own
    again = parse_config(stored).config
    assert again == made
    assert config_digest(again) == config_digest(made)


def test_the_warm_ups_of_a_chain_add_up_and_count_higher_candles() -> None:
    chain = of_indicators({"name": "rsi", "params": {"period": 14}},
                          {"name": "sma", "source": "rsi", "params": {"period": 30}})  # fmt: skip
    assert warmup_candles(chain) == 10 * (30 + 14)
    daily = of_indicators({"name": "ema", "timeframe": "1d", "params": {"period": 5, "offset": 2}})
    assert warmup_candles(daily) == 10 * 5 * 24 + 2 * 24


def test_a_very_long_warm_up_is_told() -> None:
    (told,) = warnings(
        timeframe="1m",
        indicators=[{"name": "ema", "timeframe": "1d", "params": {"period": 50}}],
        entry_conditions=[condition("close", "gt", "ema")],
        exit_conditions=[condition("close", "lt", "ema")],
    )
    assert "indicator ema: a session wants 720,000 candles of 1m before it decides" in told


def test_an_indicator_that_is_a_source_is_not_told_to_be_unused() -> None:
    told = warnings(
        indicators=[{"rsi": 14}, {"name": "sma", "source": "rsi"}],
        entry_conditions=[condition("sma", "lt", 30)],
        exit_conditions=[condition("sma", "gt", 70)],
    )
    assert told == ()


# ── higher timeframes ──


def test_a_daily_value_is_known_at_the_close_of_the_day_and_not_before() -> None:
    candles = hourly(np.arange(1.0, 60))
    found = values_of(
        of_indicators({"name": "sma", "timeframe": "1d", "params": {"period": 1}}), candles
    )
    # The candle that opens at 23:00 closes the day; its close is 24, then 48.
    assert np.isnan(found[:23]).all()
    assert found[23:47].tolist() == [24.0] * 24
    assert found[47:].tolist() == [48.0] * 12


@pytest.mark.parametrize("written", ["3h", "180m"])
def test_a_higher_candle_has_any_length_that_a_day_is_a_multiple_of(written: str) -> None:
    made = of_indicators({"name": "sma", "timeframe": written, "params": {"period": 1}})
    assert str(made.indicators[0].timeframe) == "3h"
    found = values_of(made, hourly(np.arange(1.0, 9)))
    assert found == pytest.approx([math.nan] * 2 + [3.0] * 3 + [6.0] * 3, nan_ok=True)


def test_a_higher_candle_has_the_prices_of_those_it_is_built_of() -> None:
    candles = Candles(
        START + np.arange(9) * HOUR,
        np.array([5.0, 1, 2, 3, 4, 5, 6, 7, 8]),
        np.array([9.0, 8, 7, 12, 6, 7, 8, 9, 9]),
        np.array([4.0, 1, 2, 3, 3, 2, 5, 6, 7]),
        np.array([5.5, 2, 3, 4, 5, 6, 7, 8, 8.5]),
        np.array([0.1, 0.2, 0.3, 0.4, 1, 2, 3, 4, 5]),
    )
    built, known = higher_candles(candles, H4, HOUR)
    assert list(built)[:2] == [
        Candle(START, 5.0, 12.0, 1.0, 4.0, 0.1 + 0.2 + 0.3 + 0.4),
        Candle(START + 4 * HOUR, 4.0, 9.0, 2.0, 8.0, 10.0),
    ]
    assert known.tolist() == [-1, -1, -1, 0, 0, 0, 0, 1, 1]


def test_the_first_higher_candle_counts_only_where_the_data_reaches_back_to_its_open() -> None:
    candles = hourly(np.arange(1.0, 12)).slice(1)
    built, known = higher_candles(candles, H4, HOUR)
    assert built.time[0] == START + 4 * HOUR
    assert known.tolist() == [-1] * 6 + [0] * 3 + [0]


def test_a_gap_over_the_close_of_a_higher_candle_makes_it_known_later() -> None:
    whole = hourly(np.arange(1.0, 13))
    kept = [
        0,
        1,
        2,
        5,
        6,
        7,
        8,
    ]  # the candle of 03:00, which closes the first four hours, is missing
    candles = Candles(*(getattr(whole, name)[kept] for name in Candle._fields))
    found = values_of(
        of_indicators({"name": "sma", "timeframe": "4h", "params": {"period": 1}}), candles
    )
    # Known at the next candle, from the three that there are; the second has its last candle.
    assert found == pytest.approx([math.nan] * 3 + [3, 3, 8, 8], nan_ok=True)
    assert how_built(candles, H4, HOUR) == (2, 2, True, False)
    assert how_built(whole, H4, HOUR) == (3, 0, False, False)


def test_higher_candles_with_gaps_are_told_in_batch_and_in_stream() -> None:
    made = of_indicators({"name": "sma", "timeframe": "4h", "params": {"period": 1}})
    whole = hourly(np.arange(1.0, 13))
    candles = Candles(*(np.delete(getattr(whole, name), 5) for name in Candle._fields))
    stream = signal_source(made).stream()
    for candle in candles:
        stream.update(candle)
    said = "1 of 3 4h candles, of which sma is made, lack some of their 1h candles"
    assert signal_series(made, candles).notes == stream.notes() == (said,)
    assert signal_series(made, whole).notes == ()
    (left_out,) = signal_series(made, whole.slice(1)).notes
    assert left_out == (
        "the first of the 4h candles, of which sma is made, begins before the data and is left out"
    )
    (unfinished,) = signal_series(made, whole.slice(0, 11)).notes
    assert (
        unfinished == "the last of the 4h candles, of which sma is made, is unfinished and not "
        "looked at"
    )


class Given(Step):
    """Keeps the candles that come."""

    def __init__(self) -> None:
        self.candles: list[Candle] = []

    def take(self, values: list[Any]) -> None:
        self.candles.append(Candle(*values))


@settings(max_examples=80)
@given(
    candles=markets(largest=300),
    timeframe=st.sampled_from(["15m", "45m", "1h", "3h", "1d", "1w"]),
)
def test_higher_candles_arrive_one_by_one_as_they_are_built_all_at_once(
    candles: Candles, timeframe: str
) -> None:
    given = Given()
    higher, own = Steps(), Steps()
    higher.order.append(given)
    step = HigherCandles(HigherTimeframe(timeframe), Timeframe.M5.ms, higher)
    own.order.append(step)
    seen = given.candles
    counts = []
    for candle in candles:
        own.advance(candle)
        counts.append(len(seen))
    assert step.built == how_built(candles, HigherTimeframe(timeframe), Timeframe.M5.ms)
    built, known = higher_candles(candles, HigherTimeframe(timeframe), Timeframe.M5.ms)
    assert counts == (known + 1).tolist()
    assert list(built)[: len(seen)] == seen


MIXED = [
    {"name": "rsi", "timeframe": "15m", "params": {"period": 3}},
    {"name": "sma", "key": "smooth", "source": "rsi", "timeframe": "15m", "params": {"period": 2}},
    {"name": "ema", "key": "own", "source": "smooth - rsi", "params": {"period": 3}},
    {"name": "sma", "key": "vol", "source": "volume", "timeframe": "1h", "params": {"period": 2}},
    {"name": "vwap", "timeframe": "1h"},
    {"name": "supertrend", "timeframe": "15m", "params": {"period": 2, "offset": 1}},
]


@settings(max_examples=60)
@given(candles=markets(largest=300), cut=st.integers(0, 300))
def test_signals_of_chains_and_higher_candles_stream_and_never_look_ahead(
    candles: Candles, cut: int
) -> None:
    made = config(
        timeframe="5m",
        direction="both",
        indicators=MIXED,
        entry_conditions=[
            condition("rsi", "lt", "smooth", "long"),
            condition("own", "gt", 0, "short"),
            condition("close", "cross_above", "vwap", "long"),
        ],
        exit_conditions=[
            condition("volume", "gt", "2 * vol"),
            condition("supertrend.direction", "lt", 0),
        ],
    )
    series = signal_series(made, candles)
    stream = signal_source(made).stream()
    assert [stream.update(candle) for candle in candles] == series.flags.tolist()
    part = signal_series(made, candles.slice(0, cut))
    assert part.flags.tolist() == series.flags[:cut].tolist()
