"""What each indicator is, on candles small enough to compute by hand."""

from __future__ import annotations

from typing import Any

import pytest

from core.market.candles.candles import Candles
from core.strategy.indicators.registry import INDICATORS
from tests.unit.strategy.making import START, candles_of, values_of

NAN = float("nan")
HOUR_MINUTES = 60


def values(written: Any, candles: Candles, field: str = "value") -> list[float]:
    found: list[float] = values_of(written, candles)[field].tolist()
    return found


def close_to(numbers: list[float]) -> Any:
    return pytest.approx(numbers, rel=1e-12, abs=1e-12, nan_ok=True)


def params(name: str, **given: Any) -> dict[str, Any]:
    return {"name": name, "params": given}


@pytest.mark.parametrize(
    ("indicator", "closes", "expected"),
    [
        (params("sma", period=3), [1, 2, 6, 4], [NAN, NAN, 3, 4]),
        (params("sma", period=1), [1, 2, 6], [1, 2, 6]),
        # seeded by the mean of the first 3, then half of the way to each close
        (params("ema", period=3), [1, 2, 6, 5, 8], [NAN, NAN, 3, 4, 6]),
        # weights 1, 2, 3
        (params("wma", period=3), [1, 2, 6, 4], [NAN, NAN, 23 / 6, 26 / 6]),
        # 2 × EMA − EMA of EMA; the EMA of period 1 is the close itself
        (params("dema", period=1), [1, 2, 6], [1, 2, 6]),
        # EMA(2) of 1 2 6 5 is 1.5 4.5 29/6; EMA(2) of those starts with their mean 3
        (params("dema", period=2), [1, 2, 6], [NAN, NAN, 2 * 4.5 - 3]),
        # half WMA(2), full WMA(4), smoothed by WMA(2)
        (
            params("hma", period=4),
            [1, 2, 3, 4, 8],
            # at 4: 2×11/3 − 3 = 13/3; at 8: 2×20/3 − 5.2 = 122/15; (13/3 + 2×122/15) / 3
            [NAN, NAN, NAN, NAN, (13 / 3 + 2 * 122 / 15) / 3],
        ),
        # gains 1 and 1, loss 0: 100; then Wilder: gain 1/2, loss 1
        (params("rsi", period=2), [1, 2, 3, 1], [NAN, NAN, 100, 100 * 0.5 / 1.5]),
        (params("roc", period=2), [10, 20, 15, 5], [NAN, NAN, 50, -75]),
        # |15 − 10| gained over a way of 10 + 5
        (params("efficiency_ratio", period=2), [10, 20, 15], [NAN, NAN, 1 / 3]),
        (params("sma", period=2, offset=2), [1, 3, 5, 7], [NAN, NAN, NAN, 2]),
        ({"obv": None}, [5, 6, 6, 4], [1, 2, 2, 1]),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_of_closes(indicator: Any, closes: list[float], expected: list[float]) -> None:
    assert values(indicator, candles_of(closes)) == close_to(expected)


def test_macd_seeds_each_average_by_its_own_first_values() -> None:
    candles = candles_of([1, 2, 6, 5, 8])
    macd = params("macd", fast_period=2, slow_period=3, signal_period=2)
    # fast: 1.5 4.5 29/6 125/18; slow: 3 4 6; the line exists from candle slow_period
    line = [NAN, NAN, 1.5, 29 / 6 - 4, 125 / 18 - 6]
    seed = (line[2] + line[3]) / 2
    signal = [NAN, NAN, NAN, seed, seed + (line[4] - seed) * 2 / 3]
    assert values(macd, candles) == close_to(line)
    assert values(macd, candles, "signal") == close_to(signal)
    assert values(macd, candles, "histogram") == close_to(
        [NAN, NAN, NAN, line[3] - signal[3], line[4] - signal[4]]
    )


def test_bollinger_deviates_by_the_population_and_gives_fractions() -> None:
    candles = candles_of([2, 4, 6, 6])
    bands = params("bollinger", period=2, std=2)
    assert values(bands, candles) == close_to([NAN, 3, 5, 6])
    assert values(bands, candles, "lower") == close_to([NAN, 1, 3, 6])
    assert values(bands, candles, "upper") == close_to([NAN, 5, 7, 6])
    assert values(bands, candles, "bandwidth") == close_to([NAN, 4 / 3, 4 / 5, 0])
    assert values(bands, candles, "percent") == close_to([NAN, 0.75, 0.75, NAN])


def test_stochastic_is_smoothed_and_both_lines_exist_from_where_d_does() -> None:
    candles = candles_of([5, 6, 9, 7, 8], high=[10, 10, 10, 10, 10], low=[0, 0, 0, 0, 0])
    stoch = params("stoch", k_period=2, k_smooth=2, d_period=2)
    # raw %K from the second candle on: 60 90 70 80
    assert values(stoch, candles) == close_to([NAN, NAN, NAN, 80, 75])
    assert values(stoch, candles, "d") == close_to([NAN, NAN, NAN, 77.5, 77.5])


HIGHS, LOWS, CLOSES = [10, 12, 11, 15], [8, 9, 9, 10], [9, 11, 10, 14]


@pytest.mark.parametrize(
    ("indicator", "field", "expected"),
    [
        # the first true range is skipped: 3, 2, 5; Wilder from the mean of the first two
        (params("atr", period=2), "value", [NAN, NAN, 2.5, 3.75]),
        (params("donchian", period=2), "upper", [NAN, 12, 12, 15]),
        (params("donchian", period=2), "lower", [NAN, 8, 9, 9]),
        (params("donchian", period=2), "value", [NAN, 10, 10.5, 12]),
        (params("donchian", period=2, offset=1), "upper", [NAN, NAN, 12, 12]),
        # −100 × (highest − close) / (highest − lowest)
        (params("willr", period=2), "value", [NAN, -25, -100 * 2 / 3, -100 / 6]),
        # of three candles: the high is 1 ago and then now, the low 2 ago and then 2 ago
        (params("aroon", period=2), "up", [NAN, NAN, 50, 100]),
        (params("aroon", period=2), "down", [NAN, NAN, 0, 50]),
        (params("aroon", period=2), "value", [NAN, NAN, 50, 50]),
        # EMA(1) is the close; ATR(2) as above
        (params("keltner", period=1, atr_period=2, multiplier=2), "upper", [NAN, NAN, 15, 21.5]),
        (params("keltner", period=1, atr_period=2, multiplier=2), "lower", [NAN, NAN, 5, 6.5]),
        # middle 10, reach 2.5; the close is not below the middle: up, along the lower band;
        # then the lower band rises to 12.5 − 3.75
        (params("supertrend", period=2, multiplier=1), "value", [NAN, NAN, 7.5, 8.75]),
        (params("supertrend", period=2, multiplier=1), "direction", [NAN, NAN, 1, 1]),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_of_ranges(indicator: Any, field: str, expected: list[float]) -> None:
    candles = candles_of(CLOSES, high=HIGHS, low=LOWS)
    assert values(indicator, candles, field) == close_to(expected)


def test_typical_prices() -> None:
    candles = candles_of([3, 6, 9], high=[3, 6, 9], low=[3, 6, 9], volume=[1, 1, 2])
    # (9 − 7.5) / (0.015 × 1.5)
    assert values(params("cci", period=2), candles) == close_to([NAN, 200 / 3, 200 / 3])
    # flows 6 and 18, both upwards
    assert values(params("mfi", period=2), candles) == close_to([NAN, NAN, 100])
    assert values({"vwap": {"params": {"anchor": "none"}}}, candles) == close_to([3, 4.5, 6.75])


def test_vwap_starts_anew_with_the_utc_day() -> None:
    at_2300 = START + 23 * HOUR_MINUTES * 60_000
    candles = candles_of(
        [10, 20, 30],
        high=[10, 20, 30],
        low=[10, 20, 30],
        volume=[1, 1, 3],
        minutes=HOUR_MINUTES,
        start=at_2300,
    )
    assert values({"vwap": None}, candles) == close_to([10, 20, 27.5])
    assert values({"vwap": {"params": {"anchor": "none"}}}, candles) == close_to([10, 15, 24])


def test_vwap_is_unknown_until_something_is_traded() -> None:
    candles = candles_of([10, 20], high=[10, 20], low=[10, 20], volume=[0, 1])
    assert values({"vwap": None}, candles) == close_to([NAN, 20])


def test_supertrend_turns_on_a_close_beyond_its_band() -> None:
    closes = [10.0, 10, 10, 20, 20, 5, 5]
    candles = candles_of(
        closes, high=[close + 1 for close in closes], low=[close - 1 for close in closes]
    )
    direction = values(params("supertrend", period=1, multiplier=1), candles, "direction")
    # true ranges 2 2 11 2 16 2. Up: 8 8 9 18; the fall to 5 is below 18: down, along 5 + 16 = 21,
    # which the next candle lowers to 5 + 2.
    assert direction == close_to([NAN, 1, 1, 1, 1, -1, -1])
    assert values(params("supertrend", period=1, multiplier=1), candles) == close_to(
        [NAN, 8, 8, 9, 18, 21, 7]
    )


def test_parabolic_sar_trails_a_rise_from_its_first_low() -> None:
    candles = candles_of([11, 12, 13], high=[11, 12, 13], low=[10, 11, 12])
    # starts at the low of the first candle; extreme 12: 10 + 0.02 × (12 − 10), and so on
    assert values({"psar": None}, candles) == close_to([NAN, 10, 10.04])


def test_kama_moves_fast_on_a_straight_way() -> None:
    # a ratio of 1 gives the smoothing (2/3)²: from 2 on, 4/9 of the way to each close
    found = values(params("kama", period=2), candles_of([1, 2, 3, 4]))
    assert found == close_to([NAN, NAN, 2 + 4 / 9, 2 + 4 / 9 + (4 - 2 - 4 / 9) * 4 / 9])


def test_adx_of_a_pure_rise_knows_only_one_direction() -> None:
    closes = [10.0 + step for step in range(8)]
    candles = candles_of(
        closes, high=[close + 1 for close in closes], low=[close - 1 for close in closes]
    )
    assert values(params("adx", period=2), candles)[-1] == pytest.approx(100)
    # +DM is 1 a candle, the true range 2
    assert values(params("adx", period=2), candles, "plus_di")[-1] == pytest.approx(50)
    assert values(params("adx", period=2), candles, "minus_di")[-1] == 0


@pytest.mark.parametrize("name", INDICATORS)
def test_too_few_candles_give_no_values_rather_than_an_error(name: str) -> None:
    for count in (0, 1, 2):
        for found in values_of({name: None}, candles_of([5.0] * count)).values():
            assert len(found) == count
