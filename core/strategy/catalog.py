"""Which indicators are there, with which parameters and fields? (rulebook §2)

One declaration each; validation, the listing, batch and stream all follow from it. Nothing here
computes: `build` describes the fields as `core.strategy.series`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.strategy.series import (
    CLOSE,
    HIGH,
    LOW,
    TYPICAL,
    VOLUME,
    Arithmetic,
    Combined,
    Constant,
    Flat,
    Output,
    RunningSum,
    Series,
    SupertrendCall,
    talib,
    talib_outputs,
)

PRICES = ("open", "high", "low", "close", "volume")
PRICE_ALIASES = {"price": "close"}
MAX_PERIOD = 10_000
MAX_OFFSET = 10_000

ParameterValue = float | int | str
Parameters = Mapping[str, ParameterValue]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: a whole number or a number within `low` and `high`, or one of `choices`.

    `is_period`: it counts candles, and warm-up grows with it.
    """

    name: str
    default: ParameterValue
    low: float = 0.0
    high: float = 0.0
    choices: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    is_period: bool = False

    @property
    def whole(self) -> bool:
        """Whether only whole numbers will do."""
        return isinstance(self.default, int)


@dataclass(frozen=True, slots=True)
class Field:
    """One output of an indicator. `bounds`: the range it cannot leave, where there is one."""

    name: str
    aliases: tuple[str, ...] = ()
    bounds: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Indicator:
    """An indicator. The first of `fields` is always called "value"; `build` gives them in order.

    `contains_candle`: its lower and upper always have the candle's own low and high between them.
    """

    name: str
    title: str
    parameters: tuple[Parameter, ...]
    fields: tuple[Field, ...]
    build: Callable[[Parameters], tuple[Series, ...]]
    aliases: tuple[str, ...] = ()
    contains_candle: bool = False

    def field(self, written: str) -> str | None:
        """The canonical name of a field as written, None if there is no such field."""
        word = plain(written)
        for known in self.fields:
            if word == known.name or word in known.aliases:
                return known.name
        first_names = (self.name, *self.aliases)
        return self.fields[0].name if word in first_names else None

    def parameter(self, written: str) -> Parameter | None:
        """The parameter of a name as written, None if there is no such parameter."""
        word = plain(written)
        for known in self.parameters:
            if word == known.name or word in known.aliases:
                return known
        return None

    def longest_period(self, params: Parameters) -> int:
        """The largest parameter that counts candles, 1 if there is none."""
        periods = [int(params[known.name]) for known in self.parameters if known.is_period]
        return max(periods, default=1)


def plain(written: str) -> str:
    """A name as compared: lower case, words joined by `_`."""
    return "_".join(written.strip().lower().replace("-", " ").split())


_PERIOD_ALIASES = ("length", "window", "timeperiod", "time_period", "periods", "len", "n")


def _period(
    default: int, *, low: int = 2, name: str = "period", aliases: tuple[str, ...] = _PERIOD_ALIASES
) -> Parameter:
    return Parameter(name, default, low, MAX_PERIOD, aliases=aliases, is_period=True)


def _number(params: Parameters, name: str) -> float:
    return float(params[name])


def _count(params: Parameters, name: str = "period") -> int:
    return int(params[name])


def _value(*aliases: str, bounds: tuple[float, float] | None = None) -> tuple[Field, ...]:
    return (Field("value", aliases, bounds),)


def _average(function: str) -> Callable[[Parameters], tuple[Series, ...]]:
    return lambda params: (talib(function, CLOSE, timeperiod=_count(params)),)


def _hull(params: Parameters) -> tuple[Series, ...]:
    """WMA(√n) of 2 × WMA(n/2) − WMA(n), halves and roots rounded down (Hull, 2005)."""
    period = _count(params)
    half = talib("WMA", CLOSE, timeperiod=period // 2)
    full = talib("WMA", CLOSE, timeperiod=period)
    return (talib("WMA", half * 2.0 - full, timeperiod=math.isqrt(period)),)


def _rsi(params: Parameters) -> tuple[Series, ...]:
    period = _count(params)
    return (talib("RSI", CLOSE, timeperiod=period).unless(Flat(CLOSE, CLOSE, period + 1)),)


def _mfi(params: Parameters) -> tuple[Series, ...]:
    period = _count(params)
    moved = abs((TYPICAL - TYPICAL.ago(1)) * VOLUME)
    value = talib("MFI", HIGH, LOW, CLOSE, VOLUME, timeperiod=period)
    return (value.unless(Flat(moved, Constant(0.0), period)),)


def _willr(params: Parameters) -> tuple[Series, ...]:
    period = _count(params)
    return (talib("WILLR", HIGH, LOW, CLOSE, timeperiod=period).unless(Flat(HIGH, LOW, period)),)


def _cci(params: Parameters) -> tuple[Series, ...]:
    period = _count(params)
    value = talib("CCI", HIGH, LOW, CLOSE, timeperiod=period)
    return (value.unless(Flat(TYPICAL, TYPICAL, period)),)


def _macd(params: Parameters) -> tuple[Series, ...]:
    fast = talib("EMA", CLOSE, timeperiod=_count(params, "fast_period"))
    slow = talib("EMA", CLOSE, timeperiod=_count(params, "slow_period"))
    line = fast - slow
    signal = talib("EMA", line, timeperiod=_count(params, "signal_period"))
    return line, signal, line - signal


def _stoch(params: Parameters) -> tuple[Series, ...]:
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


def _aroon(params: Parameters) -> tuple[Series, ...]:
    period = _count(params)
    flat = Flat(HIGH, LOW, period + 1)
    down, up = talib_outputs("AROON", 2, HIGH, LOW, timeperiod=period)
    return (up - down).unless(flat), up.unless(flat), down.unless(flat)


def _adx(params: Parameters) -> tuple[Series, ...]:
    period = _count(params)
    flat = Flat(HIGH, LOW, period + 1)
    functions = ("ADX", "PLUS_DI", "MINUS_DI")
    series = (talib(function, HIGH, LOW, CLOSE, timeperiod=period) for function in functions)
    return tuple(one.unless(flat) for one in series)


def _bollinger(params: Parameters) -> tuple[Series, ...]:
    period, deviations = _count(params), _number(params, "std")
    upper, mid, lower = talib_outputs(
        "BBANDS", 3, CLOSE, timeperiod=period, nbdevup=deviations, nbdevdn=deviations, matype=0
    )
    width = upper - lower
    percent = ((CLOSE - lower) / width).unless(Flat(CLOSE, CLOSE, period))
    return mid, lower, upper, width / mid, percent


def _atr(params: Parameters) -> tuple[Series, ...]:
    return (talib("ATR", HIGH, LOW, CLOSE, timeperiod=_count(params)),)


def _donchian(params: Parameters) -> tuple[Series, ...]:
    lower = talib("MIN", LOW, timeperiod=_count(params))
    upper = talib("MAX", HIGH, timeperiod=_count(params))
    return (lower + upper) / 2.0, lower, upper


def _keltner(params: Parameters) -> tuple[Series, ...]:
    mid = talib("EMA", CLOSE, timeperiod=_count(params))
    true_range = talib("ATR", HIGH, LOW, CLOSE, timeperiod=_count(params, "atr_period"))
    reach = true_range * _number(params, "multiplier")
    return mid, mid - reach, mid + reach


def _vwap(params: Parameters) -> tuple[Series, ...]:
    daily = params["anchor"] == "day"
    return (RunningSum(TYPICAL * VOLUME, daily) / RunningSum(VOLUME, daily),)


def _efficiency_ratio(params: Parameters) -> tuple[Series, ...]:
    """Net change over the sum of single changes (Kaufman).

    The running sum never quite forgets a larger past; the net change is its floor, so that the
    ratio stays within 0 and 1.
    """
    period = _count(params)
    change = abs(CLOSE - CLOSE.ago(period))
    path = talib("SUM", abs(CLOSE - CLOSE.ago(1)), timeperiod=period)
    ratio = change / Combined(Arithmetic.GREATER, path, change)
    return (ratio.unless(Flat(CLOSE, CLOSE, period + 1)),)


def _obv(params: Parameters) -> tuple[Series, ...]:
    return (talib("OBV", CLOSE, VOLUME),)


def _psar(params: Parameters) -> tuple[Series, ...]:
    step, largest = _number(params, "step"), _number(params, "max")
    return (talib("SAR", HIGH, LOW, acceleration=step, maximum=largest),)


def _supertrend(params: Parameters) -> tuple[Series, ...]:
    middle = (HIGH + LOW) / 2.0
    true_range = talib("ATR", HIGH, LOW, CLOSE, timeperiod=_count(params))
    reach = true_range * _number(params, "multiplier")
    call = SupertrendCall(middle + reach, middle - reach, middle, CLOSE)
    return Output(call, 0), Output(call, 1)


_PERCENT = (0.0, 100.0)
_MULTIPLIER_ALIASES = ("mult", "factor", "atr_multiplier", "atr_mult", "scalar")
_LOWER = Field("lower", ("lower_band", "lowerband", "low_band", "bottom", "bbl", "lband"))
_UPPER = Field("upper", ("upper_band", "upperband", "high_band", "top", "bbu", "hband"))
_MID = Field("value", ("mid", "middle", "middle_band", "middleband", "mid_band", "basis", "center"))

_ALL = (
    Indicator(
        "sma",
        "Simple moving average",
        (_period(20, low=1),),
        _value(),
        _average("SMA"),
        ("ma", "simple_moving_average"),
    ),
    Indicator(
        "ema",
        "Exponential moving average",
        (_period(20, low=1),),
        _value(),
        _average("EMA"),
        ("exponential_moving_average",),
    ),
    Indicator(
        "wma",
        "Weighted moving average",
        (_period(20, low=1),),
        _value(),
        _average("WMA"),
        ("weighted_moving_average",),
    ),
    Indicator(
        "dema",
        "Double exponential moving average",
        (_period(20, low=1),),
        _value(),
        _average("DEMA"),
        ("double_ema",),
    ),
    Indicator(
        "tema",
        "Triple exponential moving average",
        (_period(20, low=1),),
        _value(),
        _average("TEMA"),
        ("triple_ema",),
    ),
    Indicator(
        "hma",
        "Hull moving average",
        (_period(20),),
        _value(),
        _hull,
        ("hull", "hull_ma", "hull_moving_average"),
    ),
    Indicator(
        "kama",
        "Kaufman adaptive moving average",
        (_period(10),),
        _value(),
        _average("KAMA"),
        ("kaufman_adaptive_moving_average",),
    ),
    Indicator(
        "rsi",
        "Relative strength index",
        (_period(14),),
        _value(bounds=_PERCENT),
        _rsi,
        ("relative_strength_index",),
    ),
    Indicator(
        "mfi",
        "Money flow index",
        (_period(14),),
        _value(bounds=_PERCENT),
        _mfi,
        ("money_flow_index", "money_flow"),
    ),
    Indicator(
        "willr",
        "Williams %R",
        (_period(14),),
        _value(bounds=(-100.0, 0.0)),
        _willr,
        ("williams_r", "williams_%r", "williams", "williamsr", "wpr", "%r"),
    ),
    Indicator(
        "cci",
        "Commodity channel index",
        (_period(20),),
        _value(),
        _cci,
        ("commodity_channel_index",),
    ),
    Indicator(
        "roc",
        "Rate of change, per cent",
        (_period(10, low=1),),
        _value(),
        _average("ROC"),
        ("rate_of_change",),
    ),
    Indicator(
        "macd",
        "Moving average convergence divergence",
        (
            _period(
                12,
                low=1,
                name="fast_period",
                aliases=("fast", "fastperiod", "fast_length", "fast_window"),
            ),
            _period(
                26,
                low=1,
                name="slow_period",
                aliases=("slow", "slowperiod", "slow_length", "slow_window"),
            ),
            _period(
                9,
                low=1,
                name="signal_period",
                aliases=("signal", "signalperiod", "signal_length", "signal_window", "smooth"),
            ),
        ),
        (
            Field("value", ("line", "macd_line")),
            Field("signal", ("signal_line", "macd_signal", "macdsignal")),
            Field("histogram", ("hist", "macd_hist", "macdhist", "macd_histogram", "diff")),
        ),
        _macd,
        ("moving_average_convergence_divergence",),
    ),
    Indicator(
        "stoch",
        "Stochastic oscillator",
        (
            _period(
                14,
                low=1,
                name="k_period",
                aliases=("k", "fastk_period", "fastk", "k_length", *_PERIOD_ALIASES, "period"),
            ),
            _period(
                3,
                low=1,
                name="k_smooth",
                aliases=("smooth", "smooth_k", "smoothk", "slowk_period", "slowk", "smooth_window"),
            ),
            _period(
                3,
                low=1,
                name="d_period",
                aliases=("d", "slowd_period", "slowd", "smooth_d", "d_length", "signal"),
            ),
        ),
        (
            Field("value", ("k", "%k", "percent_k", "slowk", "slow_k", "stoch_k"), _PERCENT),
            Field("d", ("%d", "percent_d", "slowd", "slow_d", "stoch_d", "signal"), _PERCENT),
        ),
        _stoch,
        ("stochastic", "stochastics", "stochastic_oscillator", "slow_stochastic", "stoch_osc"),
    ),
    Indicator(
        "aroon",
        "Aroon (up − down)",
        (_period(25),),
        (
            Field("value", ("oscillator", "aroon_oscillator", "osc", "aroonosc"), (-100.0, 100.0)),
            Field("up", ("aroon_up", "aroonup"), _PERCENT),
            Field("down", ("aroon_down", "aroondown", "dn"), _PERCENT),
        ),
        _aroon,
    ),
    Indicator(
        "adx",
        "Average directional index",
        (_period(14),),
        (
            Field("value", (), _PERCENT),
            Field("plus_di", ("plus", "di_plus", "+di", "plusdi", "pdi"), _PERCENT),
            Field("minus_di", ("minus", "di_minus", "-di", "minusdi", "mdi"), _PERCENT),
        ),
        _adx,
        ("dmi", "average_directional_index"),
    ),
    Indicator(
        "bollinger",
        "Bollinger bands",
        (
            _period(20),
            Parameter(
                "std",
                2.0,
                0.01,
                100.0,
                aliases=(
                    "std_dev",
                    "stddev",
                    "num_std",
                    "nbdev",
                    "nbdevup",
                    "deviation",
                    "deviations",
                    "stdev",
                    "std_devs",
                    "multiplier",
                    "mult",
                    "k",
                ),
            ),
        ),
        (
            _MID,
            _LOWER,
            _UPPER,
            Field("bandwidth", ("width", "band_width", "bbw")),
            Field("percent", ("percent_b", "percentb", "%b", "pct_b", "bbp")),
        ),
        _bollinger,
        ("bbands", "bb", "bollinger_bands", "bollingerbands", "bollinger_band", "boll"),
    ),
    Indicator(
        "atr",
        "Average true range",
        (_period(14, low=1),),
        _value(bounds=(0.0, math.inf)),
        _atr,
        ("average_true_range",),
    ),
    Indicator(
        "donchian",
        "Donchian channel",
        (_period(20),),
        (_MID, _LOWER, _UPPER),
        _donchian,
        ("dc", "donchian_channel", "donchian_channels"),
        contains_candle=True,
    ),
    Indicator(
        "keltner",
        "Keltner channel",
        (
            _period(20, low=1, aliases=(*_PERIOD_ALIASES, "ema_period", "ema_length")),
            _period(10, low=1, name="atr_period", aliases=("atr", "atr_length", "atr_window")),
            Parameter("multiplier", 2.0, 0.01, 100.0, aliases=_MULTIPLIER_ALIASES),
        ),
        (_MID, _LOWER, _UPPER),
        _keltner,
        ("kc", "keltner_channel", "keltner_channels"),
    ),
    Indicator(
        "vwap",
        "Volume-weighted average price",
        (Parameter("anchor", "day", choices=("day", "none"), aliases=("session", "reset")),),
        _value(),
        _vwap,
        ("volume_weighted_average_price",),
    ),
    Indicator(
        "efficiency_ratio",
        "Kaufman efficiency ratio",
        (_period(10),),
        _value(bounds=(0.0, 1.0)),
        _efficiency_ratio,
        ("er", "kaufman_efficiency_ratio", "kaufman_er"),
    ),
    Indicator("obv", "On-balance volume", (), _value(), _obv, ("on_balance_volume",)),
    Indicator(
        "psar",
        "Parabolic SAR",
        (
            Parameter(
                "step",
                0.02,
                0.0001,
                1.0,
                aliases=("acceleration", "af", "acceleration_factor", "start", "increment"),
            ),
            Parameter(
                "max",
                0.2,
                0.0001,
                1.0,
                aliases=("maximum", "max_step", "max_af", "max_acceleration"),
            ),
        ),
        _value(),
        _psar,
        ("sar", "parabolic_sar", "parabolic"),
    ),
    Indicator(
        "supertrend",
        "Supertrend",
        (
            _period(10, low=1, aliases=(*_PERIOD_ALIASES, "atr_period", "atr_length")),
            Parameter("multiplier", 3.0, 0.01, 100.0, aliases=_MULTIPLIER_ALIASES),
        ),
        (
            Field("value", ("line", "trend")),
            Field("direction", ("dir", "side", "trend_direction"), (-1.0, 1.0)),
        ),
        _supertrend,
        ("super_trend", "st"),
    ),
)

INDICATORS: Mapping[str, Indicator] = {indicator.name: indicator for indicator in _ALL}

_BY_NAME = {name: one for one in _ALL for name in (one.name, *one.aliases)}
INDICATOR_NAMES = tuple(_BY_NAME)


def indicator_named(written: str) -> Indicator | None:
    """The indicator of a name as people write it, None if there is none."""
    return _BY_NAME.get(plain(written))


def fields_of(name: str, params: Parameters, offset: int) -> dict[str, Series]:
    """Every field of a configured indicator, described: canonical field name → series."""
    indicator = INDICATORS[name]
    series = indicator.build(params)
    return {
        field.name: one.ago(offset) for field, one in zip(indicator.fields, series, strict=True)
    }
