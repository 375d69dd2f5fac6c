"""The registry of indicators: names, parameters and fields, as users write them.

The table is docs/rules.md §2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from core.strategy.config.config import IndicatorSpec, Parameters
from core.strategy.config.validators import as_word
from core.strategy.indicators import composed
from core.strategy.indicators.indicator import (
    MAX_PERIOD,
    PERIOD_ALIASES,
    Field,
    Indicator,
    Parameter,
)
from core.strategy.indicators.plugins import plugins
from core.strategy.indicators.series import (
    MEDIAN,
    OHLC4,
    TYPICAL,
    Clock,
    ClockUnit,
    Price,
    Series,
    replaced,
)
from core.strategy.indicators.talib_functions import talib_indicators

PRICES = ("open", "high", "low", "close", "volume")
PRICE_ALIASES = {"price": "close"}
CANDLE_SERIES = (*PRICES, "hl2", "hlc3", "ohlc4", *ClockUnit)
"""What a condition may look at without any indicator: prices, their means, and the clock."""
MAX_OFFSET = 10_000

_PERIOD = PERIOD_ALIASES
_MULTIPLIER = ("mult", "factor", "atr_multiplier", "atr_mult", "scalar")


def _period(
    default: int, *, low: int = 2, name: str = "period", aliases: tuple[str, ...] = _PERIOD
) -> Parameter:
    return Parameter(name, default, low, MAX_PERIOD, aliases=aliases, is_period=True)


def _value(*, bounds: tuple[float, float] | None = None) -> tuple[Field, ...]:
    return (Field("value", (), bounds),)


_PERCENT = (0.0, 100.0)
_BANDS = (
    Field("value", ("mid", "middle", "middle_band", "middleband", "mid_band", "basis", "center")),
    Field("lower", ("lower_band", "lowerband", "low_band", "bottom", "bbl", "lband")),
    Field("upper", ("upper_band", "upperband", "high_band", "top", "bbu", "hband")),
)


def _psar_steps(params: Parameters) -> tuple[str, str] | None:
    if float(params["step"]) > float(params["max"]):
        return "step", f"at most max, which is {params['max']}"
    return None


_ALL = (
    Indicator(
        "sma", "Simple moving average",
        (_period(20, low=1),), _value(), composed.of_close("SMA"),
        ("ma", "simple_moving_average"),
    ),
    Indicator(
        "ema", "Exponential moving average",
        (_period(20, low=1),), _value(), composed.of_close("EMA"),
        ("exponential_moving_average",),
    ),
    Indicator(
        "wma", "Weighted moving average",
        (_period(20, low=1),), _value(), composed.of_close("WMA"),
        ("weighted_moving_average",),
    ),
    Indicator(
        "dema", "Double exponential moving average",
        (_period(20, low=1),), _value(), composed.of_close("DEMA"),
        ("double_ema",),
    ),
    Indicator(
        "tema", "Triple exponential moving average",
        (_period(20, low=1),), _value(), composed.of_close("TEMA"),
        ("triple_ema",),
    ),
    Indicator(
        "hma", "Hull moving average",
        (_period(20),), _value(), composed.hull,
        ("hull", "hull_ma", "hull_moving_average"),
    ),
    Indicator(
        "kama", "Kaufman adaptive moving average",
        (_period(10),), _value(), composed.of_close("KAMA"),
        ("kaufman_adaptive_moving_average",),
    ),
    Indicator(
        "rsi", "Relative strength index",
        (_period(14),), _value(bounds=_PERCENT), composed.rsi,
        ("relative_strength_index",),
    ),
    Indicator(
        "mfi", "Money flow index",
        (_period(14),), _value(bounds=_PERCENT), composed.mfi,
        ("money_flow_index", "money_flow"),
    ),
    Indicator(
        "willr", "Williams %R",
        (_period(14),), _value(bounds=(-100.0, 0.0)), composed.willr,
        ("williams_r", "williams_%r", "williams", "williamsr", "wpr", "%r"),
    ),
    Indicator(
        "cci", "Commodity channel index",
        (_period(20),), _value(), composed.cci,
        ("commodity_channel_index",),
    ),
    Indicator(
        "roc", "Rate of change, per cent",
        (_period(10, low=1),), _value(), composed.of_close("ROC"),
        ("rate_of_change",),
    ),
    Indicator(
        "macd", "Moving average convergence divergence",
        (
            _period(12, low=1, name="fast_period",
                    aliases=("fast", "fastperiod", "fast_length", "fast_window")),
            _period(26, low=1, name="slow_period",
                    aliases=("slow", "slowperiod", "slow_length", "slow_window")),
            _period(9, low=1, name="signal_period",
                    aliases=("signal", "signalperiod", "signal_length", "signal_window", "smooth")),
        ),
        (
            Field("value", ("line", "macd_line")),
            Field("signal", ("signal_line", "macd_signal", "macdsignal")),
            Field("histogram", ("hist", "macd_hist", "macdhist", "macd_histogram", "diff")),
        ),
        composed.macd,
        ("moving_average_convergence_divergence",),
    ),
    Indicator(
        "stoch", "Stochastic oscillator",
        (
            _period(14, low=1, name="k_period",
                    aliases=("k", "fastk_period", "fastk", "k_length", *_PERIOD, "period")),
            _period(3, low=1, name="k_smooth",
                    aliases=("smooth", "smooth_k", "smoothk", "slowk_period", "slowk",
                             "smooth_window")),
            _period(3, low=1, name="d_period",
                    aliases=("d", "slowd_period", "slowd", "smooth_d", "d_length", "signal")),
        ),
        (
            Field("value", ("k", "%k", "percent_k", "slowk", "slow_k", "stoch_k"), _PERCENT),
            Field("d", ("%d", "percent_d", "slowd", "slow_d", "stoch_d", "signal"), _PERCENT),
        ),
        composed.stoch,
        ("stochastic", "stochastics", "stochastic_oscillator", "slow_stochastic", "stoch_osc"),
    ),
    Indicator(
        "aroon", "Aroon (up − down)",
        (_period(25),),
        (
            Field("value", ("oscillator", "aroon_oscillator", "osc", "aroonosc"), (-100.0, 100.0)),
            Field("up", ("aroon_up", "aroonup"), _PERCENT),
            Field("down", ("aroon_down", "aroondown", "dn"), _PERCENT),
        ),
        composed.aroon,
    ),
    Indicator(
        "adx", "Average directional index",
        (_period(14),),
        (
            Field("value", (), _PERCENT),
            Field("plus_di", ("plus", "di_plus", "+di", "plusdi", "pdi"), _PERCENT),
            Field("minus_di", ("minus", "di_minus", "-di", "minusdi", "mdi"), _PERCENT),
        ),
        composed.adx,
        ("dmi", "average_directional_index"),
    ),
    Indicator(
        "bollinger", "Bollinger bands",
        (
            _period(20),
            Parameter("std", 2.0, 0.01, 100.0,
                      aliases=("std_dev", "stddev", "num_std", "nbdev", "nbdevup", "deviation",
                               "deviations", "stdev", "std_devs", "multiplier", "mult", "k")),
        ),
        (
            *_BANDS,
            Field("bandwidth", ("width", "band_width", "bbw")),
            Field("percent", ("percent_b", "percentb", "%b", "pct_b", "bbp")),
        ),
        composed.bollinger,
        ("bbands", "bb", "bollinger_bands", "bollingerbands", "bollinger_band", "boll"),
    ),
    Indicator(
        "atr", "Average true range",
        (_period(14, low=1),), _value(bounds=(0.0, math.inf)), composed.atr,
        ("average_true_range",),
    ),
    Indicator(
        "donchian", "Donchian channel",
        (_period(20, low=1),), _BANDS, composed.donchian,
        ("dc", "donchian_channel", "donchian_channels"),
        contains_candle=True,
    ),
    Indicator(
        "keltner", "Keltner channel",
        (
            _period(20, low=1, aliases=(*_PERIOD, "ema_period", "ema_length")),
            _period(10, low=1, name="atr_period", aliases=("atr", "atr_length", "atr_window")),
            Parameter("multiplier", 2.0, 0.01, 100.0, aliases=_MULTIPLIER),
        ),
        _BANDS, composed.keltner,
        ("kc", "keltner_channel", "keltner_channels"),
    ),
    Indicator(
        "vwap", "Volume-weighted average price",
        (Parameter("anchor", "day", choices=("day", "none"), aliases=("session", "reset")),),
        _value(), composed.vwap,
        ("volume_weighted_average_price",),
    ),
    Indicator(
        "efficiency_ratio", "Kaufman efficiency ratio",
        (_period(10),), _value(bounds=(0.0, 1.0)), composed.efficiency_ratio,
        ("er", "kaufman_efficiency_ratio", "kaufman_er"),
    ),
    Indicator("obv", "On-balance volume", (), _value(), composed.obv, ("on_balance_volume",)),
    Indicator(
        "psar", "Parabolic SAR",
        (
            Parameter("step", 0.02, 0.0001, 1.0,
                      aliases=("acceleration", "af", "acceleration_factor", "start", "increment")),
            Parameter("max", 0.2, 0.0001, 1.0,
                      aliases=("maximum", "max_step", "max_af", "max_acceleration")),
        ),
        _value(), composed.psar,
        ("sar", "parabolic_sar", "parabolic"),
        check=_psar_steps,
    ),
    Indicator(
        "supertrend", "Supertrend",
        (
            _period(10, low=1, aliases=(*_PERIOD, "atr_period", "atr_length")),
            Parameter("multiplier", 3.0, 0.01, 100.0, aliases=_MULTIPLIER),
        ),
        (
            Field("value", ("line", "trend")),
            Field("direction", ("dir", "side", "trend_direction"), (-1.0, 1.0)),
        ),
        composed.supertrend,
        ("super_trend", "st"),
    ),
    Indicator(
        "stochrsi", "Stochastic of the relative strength index",
        (
            _period(14, aliases=(*_PERIOD, "rsi_period", "rsi_length")),
            _period(14, name="k_period", aliases=("stoch_period", "stoch_length", "fastk_period")),
            _period(3, low=1, name="k_smooth", aliases=("k", "smooth", "smooth_k", "smoothk")),
            _period(3, low=1, name="d_period",
                    aliases=("d", "smooth_d", "smoothd", "fastd_period", "signal")),
        ),
        (
            Field("value", ("k", "%k", "percent_k", "fastk", "line"), _PERCENT),
            Field("d", ("%d", "percent_d", "fastd", "signal"), _PERCENT),
        ),
        composed.stochrsi,
        ("stoch_rsi", "stochastic_rsi", "srsi"),
    ),
    Indicator(
        "heikin_ashi", "Heikin-Ashi candles", (),
        (
            Field("value", ("open", "ha_open")),
            Field("high", ("ha_high",)),
            Field("low", ("ha_low",)),
            Field("close", ("ha_close",)),
        ),
        composed.heikin_ashi,
        ("heikinashi", "heiken_ashi", "ha_candles"),
    ),
    Indicator(
        "ichimoku", "Ichimoku: conversion and base line, the cloud moved forward",
        (
            _period(9, name="tenkan_period", aliases=("tenkan", "conversion_period", "conversion")),
            _period(26, name="kijun_period", aliases=("kijun", "base_period", "base")),
            _period(52, name="span_b_period", aliases=("span_b", "senkou", "senkou_period")),
            Parameter("displacement", 26, 1, 1_000, aliases=("shift", "forward"), is_period=True),
        ),
        (
            Field("value", ("tenkan", "tenkan_sen", "conversion")),
            Field("kijun", ("kijun_sen", "base")),
            Field("span_a", ("senkou_a", "senkou_span_a", "leading_a")),
            Field("span_b", ("senkou_b", "senkou_span_b", "leading_b")),
        ),
        composed.ichimoku,
        ("ichimoku_cloud",),
    ),
    Indicator(
        "vwap_bands", "Volume-weighted average price with bands of its deviation",
        (
            Parameter("anchor", "day", choices=("day", "none"), aliases=("session", "reset")),
            Parameter("std", 2.0, 0.01, 100.0,
                      aliases=("std_dev", "stddev", "deviations", "multiplier", "mult")),
        ),
        (Field("value", ("vwap", "mid", "middle")), *_BANDS[1:]), composed.vwap_bands,
        ("vwap_band", "vwapbands"),
    ),
    Indicator(
        "zscore", "Deviations of the close from its average",
        (_period(20),), _value(), composed.zscore,
        ("z_score", "z"),
    ),
    Indicator(
        "fisher", "Fisher transform of the middle price's place in its range",
        (_period(9),), (Field("value", ("line",)), Field("trigger", ("signal", "previous"))),
        composed.fisher,
        ("fisher_transform",),
        replaceable=(MEDIAN,),
    ),
)  # fmt: skip

INDICATORS: Mapping[str, Indicator] = {indicator.name: indicator for indicator in _ALL}
"""Those of this program; more come from TA-Lib and from plug-ins."""

_BY_NAME = {name: one for one in _ALL for name in (one.name, *one.aliases)}


_ALL_PRICES = frozenset(
    (
        *("sma", "ema", "wma", "dema", "tema", "hma", "kama", "vwap", "psar", "donchian"),
        *("keltner", "heikin_ashi", "ichimoku", "vwap_bands"),
        # of TA-Lib's other functions
        *("t3", "trima", "mama", "midpoint", "midprice", "sarext", "ht_trendline", "mavp"),
        *("linearreg", "linearreg_intercept", "tsf", "accbands"),
        *("avgprice", "medprice", "typprice", "wclprice"),
    )
)
_SOME_PRICES = {"bollinger": ("value", "lower", "upper"), "supertrend": ("value",)}


def price_fields(indicator: Indicator) -> tuple[str, ...]:
    """The fields of an indicator that are prices of the candles' own market; none of others."""
    names = tuple(field.name for field in indicator.fields)
    if indicator.name in _ALL_PRICES:
        return names
    return tuple(name for name in names if name in _SOME_PRICES.get(indicator.name, ()))


def indicator_named(written: str) -> Indicator | None:
    """The indicator of a name as people write it, None if there is none.

    This program's own come first, then TA-Lib's functions, then plug-ins.
    """
    word = as_word(written)
    own = _BY_NAME.get(word)
    if own is not None:
        return own
    return talib_indicators().get(word) or plugins(known_names()).indicators.get(word)


def indicator_of(spec: IndicatorSpec) -> Indicator:
    """What a configured indicator is."""
    indicator = indicator_named(spec.name)
    if indicator is None:
        raise LookupError(f"{spec.name} is no indicator here: is a plug-in gone?")
    return indicator


def known_names() -> frozenset[str]:
    """Every name that means an indicator of this program or a function of TA-Lib."""
    return frozenset((*_BY_NAME, *talib_indicators()))


def all_indicators() -> tuple[Indicator, ...]:
    """Every indicator: this program's, TA-Lib's other functions, plug-ins."""
    others = {one.name: one for one in talib_indicators().values() if one.name not in _BY_NAME}
    return (*_ALL, *others.values(), *plugins(known_names()).indicators.values())


def indicator_series(spec: IndicatorSpec, sources: tuple[Series, ...] = ()) -> dict[str, Series]:
    """Every field of a configured indicator, described: canonical field name → series.

    `sources` are what it is computed of, instead of what it usually is.
    """
    indicator = indicator_of(spec)
    series = indicator.build(spec.params)
    if sources:
        series = replaced(series, dict(zip(indicator.sources, sources, strict=True)))
    return {
        field.name: one.ago(spec.offset)
        for field, one in zip(indicator.fields, series, strict=True)
    }


def candle_series(name: str, candle_ms: int) -> Series:
    """One of `CANDLE_SERIES`, described; `candle_ms` is the length of the candles."""
    means = {"hl2": MEDIAN, "hlc3": TYPICAL, "ohlc4": OHLC4}
    if name in means:
        return means[name]
    return Price(name) if name in PRICES else Clock(ClockUnit(name), candle_ms)


def indicators_to_json() -> list[dict[str, Any]]:
    """Every indicator: its name, title, parameters with defaults, fields and other names."""
    return [
        {
            "name": one.name,
            "title": one.title,
            "params": one.defaults,
            "fields": [field.name for field in one.fields],
            "aliases": list(one.aliases),
            "sources": len(one.sources),
            "package": one.package or None,
        }
        for one in all_indicators()
    ]
