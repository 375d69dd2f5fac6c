"""Composes each indicator from series (docs/rules.md §2).

Every function takes the parameters by their canonical names and gives the fields in the catalog's
order. TA-Lib gets every parameter; an oscillator is NaN where its window has no range.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from core.strategy.config.config import Parameters
from core.strategy.indicators.recursions import fisher_rows, heikin_ashi_rows, supertrend_rows
from core.strategy.indicators.series import (
    CLOSE,
    HIGH,
    LOW,
    MEDIAN,
    OHLC4,
    OPEN,
    TYPICAL,
    VOLUME,
    Arithmetic,
    Combined,
    Constant,
    Flat,
    RunningSum,
    Series,
    rows_outputs,
    talib,
    talib_outputs,
)


def of_close(function: str) -> Callable[[Parameters], tuple[Series, ...]]:
    """A TA-Lib function of the close and a period."""
    return lambda params: (talib(function, CLOSE, timeperiod=_count(params)),)


def hull(params: Parameters) -> tuple[Series, ...]:
    """WMA(√n) of 2 × WMA(n/2) − WMA(n), halves and roots rounded down (Hull, 2005)."""
    period = _count(params)
    half = talib("WMA", CLOSE, timeperiod=period // 2)
    full = talib("WMA", CLOSE, timeperiod=period)
    return (talib("WMA", half * 2.0 - full, timeperiod=math.isqrt(period)),)


def rsi(params: Parameters) -> tuple[Series, ...]:
    """Wilder's: smoothed gains over smoothed gains and losses."""
    period = _count(params)
    return (talib("RSI", CLOSE, timeperiod=period).unless(Flat(CLOSE, CLOSE, period + 1)),)


def mfi(params: Parameters) -> tuple[Series, ...]:
    """Of typical price and volume; NaN where nothing was both moved and traded."""
    period = _count(params)
    moved = abs((TYPICAL - TYPICAL.ago(1)) * VOLUME)
    value = talib("MFI", HIGH, LOW, CLOSE, VOLUME, timeperiod=period)
    return (value.unless(Flat(moved, Constant(0.0), period)),)


def willr(params: Parameters) -> tuple[Series, ...]:
    """How far the close lies below the highest high, in per cent of the range, negative."""
    period = _count(params)
    return (talib("WILLR", HIGH, LOW, CLOSE, timeperiod=period).unless(Flat(HIGH, LOW, period)),)


def cci(params: Parameters) -> tuple[Series, ...]:
    """Deviation of the typical price from its mean, in 0.015 mean deviations."""
    period = _count(params)
    value = talib("CCI", HIGH, LOW, CLOSE, timeperiod=period)
    return (value.unless(Flat(TYPICAL, TYPICAL, period)),)


def macd(params: Parameters) -> tuple[Series, ...]:
    """Fast EMA − slow EMA, the signal as EMA of that, and what is between them.

    Each EMA is seeded by the SMA of its own first values; TA-Lib's MACD seeds the fast one late.
    """
    fast = talib("EMA", CLOSE, timeperiod=_count(params, "fast_period"))
    slow = talib("EMA", CLOSE, timeperiod=_count(params, "slow_period"))
    line = fast - slow
    signal = talib("EMA", line, timeperiod=_count(params, "signal_period"))
    return line, signal, line - signal


def stoch(params: Parameters) -> tuple[Series, ...]:
    """%K smoothed, and %D; both from where %D is known."""
    period, smooth, slow = (_count(params, name) for name in ("k_period", "k_smooth", "d_period"))
    k, d = talib_outputs(
        "STOCH",
        2,
        HIGH,
        LOW,
        CLOSE,
        fastk_period=period,
        slowk_period=smooth,
        slowk_matype=0,
        slowd_period=slow,
        slowd_matype=0,
    )
    return (
        k.unless(Flat(HIGH, LOW, period, memory=smooth - 1)),
        d.unless(Flat(HIGH, LOW, period, memory=smooth - 1 + slow - 1)),
    )


def aroon(params: Parameters) -> tuple[Series, ...]:
    """Up − down, up, down: how recent the highest high and the lowest low are."""
    period = _count(params)
    flat = Flat(HIGH, LOW, period + 1)
    down, up = talib_outputs("AROON", 2, HIGH, LOW, timeperiod=period)
    return (up - down).unless(flat), up.unless(flat), down.unless(flat)


def adx(params: Parameters) -> tuple[Series, ...]:
    """ADX, +DI, −DI."""
    period = _count(params)
    flat = Flat(HIGH, LOW, period + 1)
    functions = ("ADX", "PLUS_DI", "MINUS_DI")
    series = (talib(function, HIGH, LOW, CLOSE, timeperiod=period) for function in functions)
    return tuple(one.unless(flat) for one in series)


def bollinger(params: Parameters) -> tuple[Series, ...]:
    """Middle, lower, upper, bandwidth and per cent, by the population's deviation."""
    period, deviations = _count(params), _number(params, "std")
    upper, mid, lower = talib_outputs(
        "BBANDS", 3, CLOSE, timeperiod=period, nbdevup=deviations, nbdevdn=deviations, matype=0
    )
    width = upper - lower
    percent = ((CLOSE - lower) / width).unless(Flat(CLOSE, CLOSE, period))
    return mid, lower, upper, width / mid, percent


def atr(params: Parameters) -> tuple[Series, ...]:
    """Wilder's average of the true range, without the first one."""
    return (talib("ATR", HIGH, LOW, CLOSE, timeperiod=_count(params)),)


def donchian(params: Parameters) -> tuple[Series, ...]:
    """Middle, lowest low and highest high, this candle's included."""
    period = _count(params)
    lower: Series = LOW
    upper: Series = HIGH  # of one candle, for which TA-Lib has no extremes
    if period > 1:
        lower, upper = talib("MIN", LOW, timeperiod=period), talib("MAX", HIGH, timeperiod=period)
    return (lower + upper) / 2.0, lower, upper


def keltner(params: Parameters) -> tuple[Series, ...]:
    """EMA, and EMA ± multiplier × ATR."""
    mid = talib("EMA", CLOSE, timeperiod=_count(params))
    true_range = talib("ATR", HIGH, LOW, CLOSE, timeperiod=_count(params, "atr_period"))
    reach = true_range * _number(params, "multiplier")
    return mid, mid - reach, mid + reach


def vwap(params: Parameters) -> tuple[Series, ...]:
    """Typical price weighted by volume, since the first candle or that of the UTC day."""
    daily = params["anchor"] == "day"
    return (RunningSum(TYPICAL * VOLUME, daily) / RunningSum(VOLUME, daily),)


def efficiency_ratio(params: Parameters) -> tuple[Series, ...]:
    """Net change over the sum of single changes (Kaufman).

    The running sum never quite forgets a larger past; the net change is its floor, so that the
    ratio stays within 0 and 1.
    """
    period = _count(params)
    change = abs(CLOSE - CLOSE.ago(period))
    path = talib("SUM", abs(CLOSE - CLOSE.ago(1)), timeperiod=period)
    ratio = change / Combined(Arithmetic.GREATER, path, change)
    return (ratio.unless(Flat(CLOSE, CLOSE, period + 1)),)


def obv(params: Parameters) -> tuple[Series, ...]:
    """Volume, added on rises and subtracted on falls."""
    return (talib("OBV", CLOSE, VOLUME),)


def psar(params: Parameters) -> tuple[Series, ...]:
    """Parabolic stop and reverse."""
    step, largest = _number(params, "step"), _number(params, "max")
    return (talib("SAR", HIGH, LOW, acceleration=step, maximum=largest),)


def supertrend(params: Parameters) -> tuple[Series, ...]:
    """The trend line and its direction."""
    true_range = talib("ATR", HIGH, LOW, CLOSE, timeperiod=_count(params))
    reach = true_range * _number(params, "multiplier")
    return rows_outputs(supertrend_rows, 2, MEDIAN + reach, MEDIAN - reach, MEDIAN, CLOSE)


def stochrsi(params: Parameters) -> tuple[Series, ...]:
    """%K and %D of the RSI's place in its own range; known where the RSI moved at all."""
    period, smooth, slow = (_count(params, name) for name in ("k_period", "k_smooth", "d_period"))
    (of,) = rsi(params)
    low, high = talib("MIN", of, timeperiod=period), talib("MAX", of, timeperiod=period)
    raw = (of - low) / (high - low) * 100.0
    k = _within(talib("SMA", raw, timeperiod=smooth), 0.0, 100.0)
    d = _within(talib("SMA", k, timeperiod=slow), 0.0, 100.0)
    return (
        k.unless(Flat(of, of, period, memory=smooth - 1)),
        d.unless(Flat(of, of, period, memory=smooth - 1 + slow - 1)),
    )


def heikin_ashi(params: Parameters) -> tuple[Series, ...]:
    """Open, high, low and close of the smoothed candles."""
    (opened,) = rows_outputs(heikin_ashi_rows, 1, OPEN, CLOSE, OHLC4)
    body = Combined(Arithmetic.GREATER, opened, OHLC4), Combined(Arithmetic.LESSER, opened, OHLC4)
    highest = Combined(Arithmetic.GREATER, HIGH, body[0])
    return opened, highest, Combined(Arithmetic.LESSER, LOW, body[1]), OHLC4


def ichimoku(params: Parameters) -> tuple[Series, ...]:
    """Tenkan, kijun and both spans of the cloud as they stand over this candle.

    The lagging span is left out: over a past candle it shows what came later.
    """
    names = ("tenkan_period", "kijun_period", "span_b_period")
    tenkan, kijun, span_b = (_middle(_count(params, name)) for name in names)
    forward = _count(params, "displacement")
    return tenkan, kijun, ((tenkan + kijun) / 2.0).ago(forward), span_b.ago(forward)


def vwap_bands(params: Parameters) -> tuple[Series, ...]:
    """VWAP, and VWAP ± deviations of the typical price from it, weighted by volume alike."""
    daily = params["anchor"] == "day"
    (mid,) = vwap(params)
    volume = RunningSum(VOLUME, daily)
    square = RunningSum(TYPICAL * TYPICAL * VOLUME, daily) / volume - mid * mid
    reach = talib("SQRT", Combined(Arithmetic.GREATER, square, Constant(0.0)))
    return mid, mid - reach * _number(params, "std"), mid + reach * _number(params, "std")


def zscore(params: Parameters) -> tuple[Series, ...]:
    """Close − average, in the population's deviations; NaN where the window has no range."""
    period = _count(params)
    deviation = talib("STDDEV", CLOSE, timeperiod=period, nbdev=1.0)
    value = (CLOSE - talib("SMA", CLOSE, timeperiod=period)) / deviation
    return (value.unless(Flat(CLOSE, CLOSE, period)),)


def fisher(params: Parameters) -> tuple[Series, ...]:
    """Fisher's transform of where the middle price lies in its range, and its value before."""
    period = _count(params)
    low, high = talib("MIN", MEDIAN, timeperiod=period), talib("MAX", MEDIAN, timeperiod=period)
    return rows_outputs(fisher_rows, 2, MEDIAN, low, high)


def _within(value: Series, low: float, high: float) -> Series:
    """A value within bounds that only the rounding of running sums takes it beyond.

    Where the bound itself is meant, two averages of it then equal each other and cross nothing.
    """
    return Combined(
        Arithmetic.LESSER, Combined(Arithmetic.GREATER, value, Constant(low)), Constant(high)
    )


def _middle(period: int) -> Series:
    """The middle between the lowest low and the highest high."""
    return (talib("MAX", HIGH, timeperiod=period) + talib("MIN", LOW, timeperiod=period)) / 2.0


def _number(params: Parameters, name: str) -> float:
    return float(params[name])


def _count(params: Parameters, name: str = "period") -> int:
    return int(params[name])
