"""The composed indicators against their formulas, worked out here by plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.market.candles.candles import Candle, Candles
from tests.unit.strategy.making import START, candles_of, values_of

MINUTES_5 = 300_000


def market(count: int = 400, seed: int = 3) -> Candles:
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, count)))
    opened = np.concatenate(([100.0], close[:-1] * (1 + random.normal(0, 0.001, count - 1))))
    return Candles(
        START + np.arange(count) * MINUTES_5,
        opened,
        np.maximum(opened, close) * (1 + np.abs(random.normal(0, 0.003, count))),
        np.minimum(opened, close) * (1 - np.abs(random.normal(0, 0.003, count))),
        close,
        random.exponential(10.0, count),
    )


CANDLES = market()
ROWS = list(CANDLES)


def compare(found: np.ndarray, plain: list[float]) -> None:
    assert len(plain) == len(found)
    np.testing.assert_allclose(found, plain, rtol=1e-9, atol=1e-9)


def wilder_rsi(closes: list[float], period: int) -> list[float]:
    found = [math.nan] * len(closes)
    gain = loss = 0.0
    for at in range(1, len(closes)):
        move = closes[at] - closes[at - 1]
        if at <= period:
            gain += max(move, 0) / period
            loss += max(-move, 0) / period
        else:
            gain = (gain * (period - 1) + max(move, 0)) / period
            loss = (loss * (period - 1) + max(-move, 0)) / period
        if at >= period:
            found[at] = 100 * gain / (gain + loss)
    return found


def averages(values: list[float], period: int) -> list[float]:
    return [
        sum(values[at - period + 1 : at + 1]) / period if at >= period - 1 else math.nan
        for at in range(len(values))
    ]


def test_stochrsi() -> None:
    rsi = wilder_rsi([row.close for row in ROWS], 14)
    raw = [math.nan] * len(rsi)
    for at in range(14 + 9, len(rsi)):
        window = rsi[at - 9 : at + 1]
        raw[at] = 100 * (rsi[at] - min(window)) / (max(window) - min(window))
    k = averages(raw, 3)
    found = values_of({"name": "stochrsi", "params": {"k_period": 10, "d": 4}}, CANDLES)
    compare(found["value"], k)
    compare(found["d"], averages(k, 4))


def test_stochrsi_is_unknown_where_the_rsi_stands_still() -> None:
    rising = candles_of(np.arange(1.0, 60))
    assert np.isnan(values_of({"stochrsi": None}, rising)["value"]).all()


def test_heikin_ashi() -> None:
    opens: list[float] = []
    closes: list[float] = []
    highs, lows = [], []
    for row in ROWS:
        close = (row.open + row.high + row.low + row.close) / 4
        opened = (opens[-1] + closes[-1]) / 2 if opens else (row.open + row.close) / 2
        opens.append(opened)
        closes.append(close)
        highs.append(max(row.high, opened, close))
        lows.append(min(row.low, opened, close))
    found = values_of({"heikin_ashi": None}, CANDLES)
    compare(found["value"], opens)
    compare(found["high"], highs)
    compare(found["low"], lows)
    compare(found["close"], closes)


def middle(rows: list[Candle], at: int, period: int) -> float:
    if at < period - 1:
        return math.nan
    window = rows[at - period + 1 : at + 1]
    return (max(row.high for row in window) + min(row.low for row in window)) / 2


def test_ichimoku_moves_its_cloud_forward_and_never_looks_ahead() -> None:
    found = values_of({"ichimoku": None}, CANDLES)
    places = range(len(ROWS))
    compare(found["value"], [middle(ROWS, at, 9) for at in places])
    compare(found["kijun"], [middle(ROWS, at, 26) for at in places])
    compare(found["span_a"], [
        (middle(ROWS, at - 26, 9) + middle(ROWS, at - 26, 26)) / 2 if at >= 26 else math.nan
        for at in places
    ])  # fmt: skip
    compare(found["span_b"], [middle(ROWS, at - 26, 52) if at >= 26 else math.nan for at in places])
    assert list(found) == ["value", "kijun", "span_a", "span_b"]


@pytest.mark.parametrize("anchor", ["day", "none"])
def test_vwap_bands(anchor: str) -> None:
    mids, lowers, uppers = [], [], []
    seen: list[tuple[float, float]] = []
    for at, row in enumerate(ROWS):
        if anchor == "day" and at % 288 == 0:
            seen = []
        seen.append(((row.high + row.low + row.close) / 3, row.volume))
        volume = sum(weight for _, weight in seen)
        mean = sum(price * weight for price, weight in seen) / volume
        spread = math.sqrt(sum(weight * (price - mean) ** 2 for price, weight in seen) / volume)
        mids.append(mean)
        lowers.append(mean - 1.5 * spread)
        uppers.append(mean + 1.5 * spread)
    written = {"name": "vwap_bands", "params": {"anchor": anchor, "std": 1.5}}
    found = values_of(written, CANDLES)
    compare(found["value"], mids)
    np.testing.assert_allclose(found["lower"], lowers, rtol=1e-6)
    np.testing.assert_allclose(found["upper"], uppers, rtol=1e-6)


def test_zscore() -> None:
    closes = [row.close for row in ROWS]
    plain = [math.nan] * 19
    for at in range(19, len(closes)):
        window = closes[at - 19 : at + 1]
        mean = sum(window) / 20
        plain.append((closes[at] - mean) / math.sqrt(sum((one - mean) ** 2 for one in window) / 20))
    np.testing.assert_allclose(values_of({"zscore": 20}, CANDLES)["value"], plain, rtol=1e-6)


def test_zscore_is_unknown_without_a_range() -> None:
    assert np.isnan(values_of({"zscore": 3}, candles_of([5.0] * 9))["value"]).all()


def test_fisher() -> None:
    middles = [(row.high + row.low) / 2 for row in ROWS]
    plain, before = [math.nan] * 8, [math.nan] * 8
    place = fisher = 0.0
    for at in range(8, len(middles)):
        window = middles[at - 8 : at + 1]
        share = (middles[at] - min(window)) / (max(window) - min(window))
        place = min(max(0.66 * (share - 0.5) + 0.67 * place, -0.999), 0.999)
        before.append(fisher)
        fisher = 0.5 * math.log((1 + place) / (1 - place)) + 0.5 * fisher
        plain.append(fisher)
    found = values_of({"fisher": 9}, CANDLES)
    compare(found["value"], plain)
    compare(found["trigger"], before)


@pytest.mark.parametrize("name", ["trix", "mom", "linearreg", "natr", "ultosc", "cdlengulfing"])
def test_a_function_of_talib_gives_what_talib_gives(name: str) -> None:
    """Worked out here for momentum and engulfing; the rest is TA-Lib's own word."""
    (values,) = values_of({"name": name}, CANDLES).values()
    assert len(values) == len(ROWS)
    if name == "mom":
        compare(values, [math.nan] * 10 + [
            ROWS[at].close - ROWS[at - 10].close for at in range(10, len(ROWS))
        ])  # fmt: skip
    if name == "cdlengulfing":
        assert np.isnan(values[:2]).all()
        for at in np.flatnonzero(np.abs(values[2:]) == 100) + 2:
            now, past = ROWS[at], ROWS[at - 1]
            up = bool(values[at] > 0)
            assert (now.close > now.open) is up
            assert (past.close < past.open) is up
            assert max(now.open, now.close) > max(past.open, past.close)
            assert min(now.open, now.close) < min(past.open, past.close)
