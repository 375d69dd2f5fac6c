"""What the conditions of a strategy say at each candle."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.market.candles.candles import Candles
from core.strategy.config.config import StrategyConfig
from core.strategy.signals.reading import Reading
from core.strategy.signals.source import ENTER_LONG, ENTER_SHORT, EXIT_LONG, EXIT_SHORT
from core.strategy.signals.sources import (
    condition_series,
    signal_series,
    signal_source,
    warmup_candles,
)
from tests.unit.strategy.making import MINUTE, START, candles_of, condition, config

BOTH = ENTER_LONG | ENTER_SHORT


def on_close(
    entry: list[dict[str, Any]],
    leave: list[dict[str, Any]] | None = None,
    direction: str = "long",
    indicators: Any = (),
) -> StrategyConfig:
    return config(
        symbols=["BTC/USDT:USDT"],
        direction=direction,
        indicators=list(indicators),
        entry_conditions=entry,
        exit_conditions=leave or [],
    )


def flags(strategy: StrategyConfig, candles: Candles) -> list[int]:
    """The flags of the batch, having made sure that the stream gives the same."""
    stream = signal_source(strategy).stream()
    streamed = [stream.update(candle) for candle in candles]
    assert streamed == signal_series(strategy, candles).flags.tolist()
    return streamed


ABOVE_5 = condition("close", "gt", 5)
BELOW_8 = condition("close", "lt", 8)


def test_all_entry_conditions_must_hold_and_any_exit_condition_suffices() -> None:
    closes = candles_of([4, 6, 9, 20])
    strategy = on_close(
        [ABOVE_5, BELOW_8], [condition("close", "gt", 8), condition("close", "lt", 5)]
    )
    assert flags(strategy, closes) == [EXIT_LONG, ENTER_LONG, EXIT_LONG, EXIT_LONG]


def test_a_short_strategy_gives_short_flags_alone() -> None:
    strategy = on_close([ABOVE_5], [BELOW_8], "short")
    assert flags(strategy, candles_of([4, 6, 9])) == [
        EXIT_SHORT,
        ENTER_SHORT | EXIT_SHORT,
        ENTER_SHORT,
    ]


def test_conditions_with_a_direction_count_for_that_side_alone() -> None:
    strategy = on_close(
        [
            condition("close", "gt", 8, "long"),
            condition("close", "lt", 5, "short"),
            condition("volume", "gt", 0),
        ],
        [condition("close", "lt", 8, "long"), condition("close", "eq", 6)],
        "both",
    )
    closes = candles_of([9, 4, 6, 9], volume=[1, 1, 1, 0])
    assert flags(strategy, closes) == [
        ENTER_LONG,
        ENTER_SHORT | EXIT_LONG,
        EXIT_LONG | EXIT_SHORT,
        0,
    ]


def test_a_side_without_entry_conditions_never_enters() -> None:
    strategy = on_close([condition("close", "gt", 5, "long")], [], "both")
    assert flags(strategy, candles_of([6, 4])) == [ENTER_LONG, 0]


def test_raw_flags_are_not_weighed_against_each_other() -> None:
    strategy = on_close(
        [condition("close", "gt", 5, "long"), condition("close", "lt", 8, "short")], [], "both"
    )
    assert flags(strategy, candles_of([6])) == [BOTH]


def test_a_cross_looks_at_the_previous_existing_candle_across_a_gap() -> None:
    strategy = on_close([condition("close", "cross_above", 5)])
    candles = candles_of([4, 6, 7])
    late = Candles(candles.time + np.array([0, 10**9, 10**10]), *_columns(candles))
    assert flags(strategy, late) == [0, ENTER_LONG, 0]


def test_a_cross_is_false_on_the_first_candle() -> None:
    strategy = on_close([condition("close", "cross_above", 5)])
    assert flags(strategy, candles_of([6, 7])) == [0, 0]


def test_decisions_begin_where_every_field_of_every_indicator_is_known() -> None:
    macd = {"name": "macd", "params": {"fast": 2, "slow": 3, "signal": 4}}
    strategy = on_close([condition("macd", "gt", -100)], indicators=[macd])
    candles = candles_of([1, 2, 3, 4, 5, 6, 7])
    # The line exists from the third candle on, its signal from the sixth.
    assert signal_series(strategy, candles).first == 5
    assert flags(strategy, candles) == [0] * 5 + [ENTER_LONG] * 2


def test_an_unknown_value_later_does_not_stop_other_decisions() -> None:
    strategy = on_close(
        [condition("rsi", "gte", 0)],
        [condition("close", "lt", 3.5)],
        indicators=[{"name": "rsi", "params": {"period": 2}}],
    )
    flat = candles_of([1, 2, 3, 3, 3, 4])
    assert flags(strategy, flat) == [
        0,
        0,
        ENTER_LONG | EXIT_LONG,
        ENTER_LONG | EXIT_LONG,
        EXIT_LONG,
        ENTER_LONG,
    ]


def test_without_indicators_decisions_begin_with_the_first_candle() -> None:
    assert signal_series(on_close([ABOVE_5]), candles_of([6])).first == 0


@pytest.mark.parametrize("closes", [[], [6.0] * 13])
def test_too_few_candles_never_decide(closes: list[float]) -> None:
    series = signal_series(config(), candles_of(closes))
    assert series.first == len(closes)
    assert not series.flags.any()


def test_a_first_decision_long_after_the_first_candle_is_found() -> None:
    strategy = on_close(
        [condition("sma", "gt", 0)], indicators=[{"name": "sma", "params": {"period": 5000}}]
    )
    series = signal_series(strategy, candles_of(np.ones(6000)))
    assert series.first == 4999
    assert np.flatnonzero(series.flags).tolist() == list(range(4999, 6000))


def test_flags_are_bytes() -> None:
    assert signal_series(config(), candles_of([1, 2, 3])).flags.dtype == np.uint8


def test_readings_say_what_holds_and_how_far_the_rest_is_off() -> None:
    strategy = on_close(
        [condition("close", "lt", 5), condition("close", "cross_above", "open")],
        [condition("sma", "gt", 3)],
        indicators=[{"name": "sma", "params": {"period": 2}}],
    )
    stream = signal_source(strategy).stream()
    closes = list(candles_of([4, 7]))
    ready = []
    stream.update(closes[0])
    ready.append(stream.ready)
    assert stream.readings() == (
        Reading("entry", "close < 5", 4.0, 5.0, 0.0, True),
        Reading("entry", "close crosses above open", 4.0, 4.0, 0.0, False),
        Reading("exit", "sma > 3", None, 3.0, None, False),
    )
    stream.update(closes[1])
    ready.append(stream.ready)
    assert ready == [False, True]
    assert stream.readings() == (
        Reading("entry", "close < 5", 7.0, 5.0, 2.0, False),
        Reading("entry", "close crosses above open", 7.0, 4.0, 0.0, True),
        Reading("exit", "sma > 3", 5.5, 3.0, 0.0, True),
    )


@pytest.mark.parametrize(("way", "side"), [("above", 1), ("below", -1)])
def test_a_crossing_that_has_been_says_that_its_value_lies_there_already(
    way: str, side: int
) -> None:
    """It told how far the value was beyond as if it had that far to go."""
    strategy = on_close(
        [condition("close", f"cross_{way}", 10)],
        [condition("close", "gt", 99)],
    )
    stream = signal_source(strategy).stream()
    told = []
    for candle in candles_of([10 - 2 * side, 10 + side, 10 + 3 * side, 10 - side, 10]):
        stream.update(candle)
        one, _ = stream.readings()
        told.append((one.holds, one.beyond))
    assert told == [(False, ""), (True, ""), (False, way), (False, ""), (False, "")]


def test_condition_series_tell_a_false_condition_from_an_unknown_one() -> None:
    strategy = on_close(
        [condition("sma", "gt", 3)],
        [condition("sma", "cross_above", 3)],
        indicators=[{"name": "sma", "params": {"period": 2}}],
    )
    entry, leave = condition_series(strategy, candles_of([1, 3, 5, 7]))
    assert (entry.group, leave.group) == ("entry", "exit")
    assert entry.condition == strategy.entry_conditions[0]
    assert entry.values.tolist() == pytest.approx([float("nan"), 2, 4, 6], nan_ok=True)
    assert entry.thresholds.tolist() == [3] * 4
    assert entry.valid.tolist() == [False, True, True, True]
    assert entry.holds.tolist() == [False, False, True, True]
    assert leave.valid.tolist() == [False, False, True, True]
    assert leave.holds.tolist() == [False, False, True, False]


@pytest.mark.parametrize(
    ("indicators", "candles"),
    [
        ([], 200),
        ([{"rsi": 14}], 200),
        ([{"ema": 21}], 210),
        ([{"ema": 100}, {"rsi": 14}], 1000),
        ([{"macd": None}], 260),
        ([{"name": "ema", "params": {"period": 21, "offset": 5}}], 215),
        ([{"vwap": None}], 288),  # a day of 5-minute candles, for the average to be a whole one
        ([{"vwap": {"params": {"anchor": "none"}}}], 200),
    ],
)
def test_warm_up_is_ten_times_the_longest_period(indicators: list[Any], candles: int) -> None:
    strategy = config(
        timeframe="5m", indicators=indicators, entry_conditions=[ABOVE_5], exit_conditions=[]
    )
    assert warmup_candles(strategy) == candles


def _columns(candles: Candles) -> tuple[Any, ...]:
    return candles.open, candles.high, candles.low, candles.close, candles.volume


def only(entry: dict[str, Any]) -> StrategyConfig:
    return config(
        timeframe="5m", indicators=[], entry_conditions=[entry], exit_conditions=[], max_hold=1
    )


def closing_at(*hours: float) -> Candles:
    """Five-minute candles that close so many hours into 2026-01-01, a Thursday."""
    candles = candles_of(np.arange(1.0, len(hours) + 1), high=np.full(len(hours), 9.0))
    closes = np.array(hours) * 60 * MINUTE
    return replace(candles, time=START + closes.astype(np.int64) - 5 * MINUTE)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("hour", [9, 9, 10, 0, 0]),
        ("minute", [0, 30, 5, 0, 0]),
        ("weekday", [4, 4, 4, 5, 1]),  # midnight belongs to the day it begins
    ],
)
def test_the_clock_is_that_of_the_candles_close(name: str, values: list[int]) -> None:
    candles = closing_at(9, 9.5, 10 + 5 / 60, 24, 4 * 24)
    strategy = only(condition(name, "gte", 3))
    (entry,) = condition_series(strategy, candles)
    assert entry.values.tolist() == values


@pytest.mark.parametrize(
    ("name", "mean"), [("hl2", (9 + 1) / 2), ("hlc3", (9 + 1 + 2) / 3), ("ohlc4", 13 / 4)]
)
def test_means_of_prices(name: str, mean: float) -> None:
    candles = candles_of([1.0, 2.0], high=[9.0, 9.0], low=[1.0, 1.0])
    (entry,) = condition_series(only(condition(name, "gt", 0.1)), candles)
    assert entry.values[1] == pytest.approx(mean)


def test_an_indicator_may_still_be_called_hour() -> None:
    strategy = config(
        indicators=[{"name": "rsi", "key": "hour"}],
        entry_conditions=[condition("hour", "lt", 30)],
        exit_conditions=[condition("hour", "gt", 70)],
    )
    (entry, _) = condition_series(strategy, candles_of(np.arange(1.0, 40)))
    assert np.isnan(entry.values[0])
