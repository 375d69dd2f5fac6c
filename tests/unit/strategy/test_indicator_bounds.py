"""What validation says of an indicator's range holds on any candles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from core.market.candles.candles import Candles
from core.strategy.indicators.registry import INDICATORS
from tests.unit.strategy.making import markets, values_of

OSCILLATORS = {
    "rsi": ("value",),
    "mfi": ("value",),
    "willr": ("value",),
    "cci": ("value",),
    "stoch": ("value", "d"),
    "aroon": ("value", "up", "down"),
    "adx": ("value", "plus_di", "minus_di"),
    "bollinger": ("percent",),
    "efficiency_ratio": ("value",),
}


@given(candles=markets())
def test_every_field_stays_within_its_bounds(candles: Candles) -> None:
    # All on the same candles: to draw those takes longer than to compute an indicator on them.
    for name, indicator in INDICATORS.items():
        values = values_of({name: None}, candles)
        for field in indicator.fields:
            known = values[field.name][~np.isnan(values[field.name])]
            assert np.isfinite(known).all(), name
            if field.bounds is not None:
                low, high = field.bounds
                rounding = 1e-9 * (high - low if np.isfinite(high) else 1.0)
                assert (known >= low - rounding).all(), name
                assert (known <= high + rounding).all(), name


@pytest.mark.parametrize("name", ["bollinger", "donchian", "keltner"])
@given(candles=markets())
def test_a_channel_has_its_middle_between_its_edges(name: str, candles: Candles) -> None:
    values = values_of({name: None}, candles)
    known = ~np.isnan(values["lower"])
    assert (values["lower"][known] <= values["value"][known]).all()
    assert (values["value"][known] <= values["upper"][known]).all()


@given(candles=markets())
def test_a_donchian_channel_contains_its_candle(candles: Candles) -> None:
    values = values_of({"donchian": 5}, candles)
    known = ~np.isnan(values["upper"])
    assert (candles.high[known] <= values["upper"][known]).all()
    assert (candles.low[known] >= values["lower"][known]).all()


@pytest.mark.parametrize(("name", "fields"), OSCILLATORS.items(), ids=OSCILLATORS)
def test_an_oscillator_is_unknown_where_the_window_has_no_range(
    name: str, fields: tuple[str, ...]
) -> None:
    random = np.random.default_rng(7)
    moving = 100 * np.exp(np.cumsum(random.normal(0, 0.01, 100)))
    flat = np.full(60, 0.1 + 0.2)  # no binary fraction: sums of it carry rounding
    close = np.concatenate((moving, flat, moving))
    opens = np.concatenate((close[:1], close[:-1]))
    opens[100:160] = close[100:160]
    wide = np.where((np.arange(260) < 100) | (np.arange(260) >= 160), 1.001, 1.0)
    candles = Candles(
        np.arange(260, dtype=np.int64) * 300_000,
        opens,
        np.maximum(opens, close) * wide,
        np.minimum(opens, close) / wide,
        close,
        np.ones(260),
    )
    values = values_of({name: None}, candles)
    for field in fields:
        unknown = np.isnan(values[field])
        assert not unknown[60:100].any()
        assert unknown[130:160].all()
        assert not unknown[-50:].any()
