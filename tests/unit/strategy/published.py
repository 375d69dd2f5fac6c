"""Strategies that people have published, as configs: their rules as their descriptions give them.

Where a description asks for something that the language has no word for, `LEFT_OUT` says what.
"""

from __future__ import annotations

from typing import Any

Written = dict[str, Any]


def _when(left: str, operator: str, right: Any, **more: Any) -> Written:
    return {"indicator": left, "operator": operator, "value": right, **more}


def _of(name: str, key: str | None = None, /, *, source: Any = None, on: str | None = None,
        **params: Any) -> Written:  # fmt: skip
    made: Written = {"name": name, "params": params}
    for word, value in (("key", key), ("source", source), ("timeframe", on)):
        if value is not None:
            made[word] = value
    return made


_SQUEEZED = {"all": [_when("bollinger.lower", ">", "keltner.lower"),
                     _when("bollinger.upper", "<", "keltner.upper")]}  # fmt: skip
_FISHER_RSI = _of("tanh", "fisher_rsi", source="0.1 * (rsi - 50)")
_UP_WITH_EMAS = {"any": [_when("ema50", ">", "ema100"), _when("ema5", "cross_above", "ema10")]}
_EMAS = [_of("ema", f"ema{period}", period=period) for period in (5, 10, 50, 100)]

PUBLISHED: dict[str, Written] = {
    "connors_rsi2": {
        "timeframe": "1h",
        "indicators": [_of("rsi", period=2), _of("sma", "sma200", period=200),
                       _of("sma", "sma5", period=5)],
        "entry_conditions": [_when("close", ">", "sma200"), _when("rsi", "<", 5)],
        "exit_conditions": [_when("close", ">", "sma5")],
        "max_hold": 5,
    },
    "ema_9_21": {
        "timeframe": "1h",
        "indicators": [_of("ema", "fast", period=9), _of("ema", "slow", period=21),
                       _of("ema", "slow5", period=21, offset=5)],
        "entry_conditions": [_when("fast", "cross_above", "slow"), _when("close", ">", "open"),
                             _when("slow", ">", "slow5")],
        "exit_conditions": [_when("fast", "cross_below", "slow")],
        "stop": {"atr": {"period": 14, "multiplier": 1.5}},
        "break_even_at_r": 1,
        "target": [{"r": 1, "close_pct": 50}, {"r": 2}],
    },
    "ema_cross_volume": {
        "timeframe": "15m",
        "indicators": [_of("ema", "fast", period=9), _of("ema", "slow", period=21),
                       _of("sma", "usual", source="volume", period=20),
                       _of("ema", "trend", on="4h", period=50)],
        "entry_conditions": [_when("fast", "cross_above", "slow"),
                             _when("volume", ">", "1.5 * usual"), _when("close", ">", "trend")],
        "stop": {"level": "low"},
        "target": {"r": 3},
        "risk_pct": 1,
        "max_trades_per_day": 2,
    },
    "macd_ema200": {
        "timeframe": "1h",
        "symbols": ["BTC/USDT:USDT"],
        "direction": "both",
        "indicators": [_of("macd"), _of("ema", "ema200", period=200)],
        "entry_conditions": [
            _when("macd", "cross_above", "macd.signal", direction="long"),
            _when("macd", "<", 0, direction="long"),
            _when("close", ">", "ema200", direction="long"),
            _when("macd", "cross_below", "macd.signal", direction="short"),
            _when("macd", ">", 0, direction="short"),
            _when("close", "<", "ema200", direction="short"),
        ],
        "stop": {"swing": 10},
        "target": [{"r": 1, "close_pct": 25}, {"r": 1.5}],
    },
    "turtle_s1": {
        "timeframe": "1d",
        "symbols": ["BTC/USDT:USDT"],
        "indicators": [_of("donchian", "d20", period=20), _of("donchian", "d10", period=10,
                                                               offset=1)],
        "entry_conditions": [_when("close", "<", "d20.upper"), _when("close", ">=", "d10.lower")],
        "entry": {"stop": "d20.upper"},
        "exit_conditions": [_when("close", "<", "d10.lower")],
        "stop": {"atr": {"period": 20, "multiplier": 2}},
        "risk_pct": 2,
    },
    "ttm_squeeze": {
        "timeframe": "1h",
        "indicators": [
            _of("bollinger"), _of("keltner", multiplier=1.5, atr_period=20), _of("donchian"),
            _of("linearreg", "momentum", period=20, source="close - (donchian + bollinger) / 2"),
        ],
        "entry_conditions": [{"any": [{**_SQUEEZED, "for": 6}], "within": 2},
                             {"not": _SQUEEZED}, _when("momentum", ">", 0)],
        "exit_conditions": [_when("momentum", "<", 0)],
        "stop": {"atr": {"period": 14, "multiplier": 2}},
        "target": {"r": 2},
    },
    "ichimoku": {
        "timeframe": "4h",
        "indicators": [_of("ichimoku")],
        "entry_conditions": [_when("ichimoku.tenkan", "cross_above", "ichimoku.kijun"),
                             _when("close", ">", "max(ichimoku.span_a, ichimoku.span_b)")],
        "exit_conditions": [_when("close", "<", "ichimoku.kijun")],
        "stop": {"level": "ichimoku.kijun"},
    },
    "vwap_reversion": {
        "timeframe": "15m",
        "indicators": [_of("vwap"), _of("rsi")],
        "entry_conditions": [_when("close", "<", "0.98 * vwap"), _when("rsi", "<", 30)],
        "exit_conditions": [_when("close", ">=", "vwap")],
        "stop_loss_pct": 2,
    },
    "vwap_bands": {
        "timeframe": "5m",
        "indicators": [_of("vwap_bands", "bands", std=2)],
        "entry_conditions": [_when("close", "cross_above", "bands.lower")],
        "stop": {"swing": 6},
        "target": [{"level": "bands", "close_pct": 50}, {"level": "bands.upper"}],
        "hours": ["08:00-16:00"],
        "flat_at": "20:00",
    },
    "stochastic_rsi": {
        "timeframe": "1h",
        "indicators": [_of("stochrsi"), _of("ema", period=50)],
        "entry_conditions": [_when("stochrsi.k", "cross_above", "stochrsi.d"),
                             _when("stochrsi.k", "<", 20), _when("close", ">", "ema")],
        "exit_conditions": [_when("stochrsi.k", ">", 80)],
        "stop_loss_pct": 3,
    },
    "heikin_ashi": {
        "timeframe": "1h",
        "indicators": [_of("heikin_ashi", "ha")],
        "entry_conditions": [_when("ha.close", ">", "ha.open", **{"for": 3})],
        "exit_conditions": [_when("ha.close", "<", "ha.open", **{"for": 3})],
    },
    "supertrend_multi": {
        "timeframe": "15m",
        "indicators": [_of("supertrend", "trend", on="4h"), _of("supertrend", "near")],
        "entry_conditions": [_when("trend.direction", ">", 0),
                             _when("near.direction", "cross_above", 0)],
        "exit_conditions": [_when("trend.direction", "<", 0)],
        "stop": {"level": "near", "trail": True},
    },
    "volatility_breakout": {  # the first candle of the day opens where the day does
        "timeframe": "15m",
        "indicators": [_of("sma", "yesterday", on="1d", source="high - low", period=1)],
        "entry_conditions": [_when("hour", "==", 0), _when("minute", "==", 15)],
        "entry": {"stop": "open + 0.5 * yesterday", "valid": 94},
        "stop": {"level": "open"},
        "flat_at": "23:45",
    },
    "strategy_003": {
        "timeframe": "5m",
        "indicators": [_of("rsi"), _FISHER_RSI, _of("mfi"), _of("sma", period=40),
                       _of("stochf", fastk_period=5, fastd_period=3), _of("psar"), *_EMAS],
        "entry_conditions": [
            _when("rsi", "<", 28), _when("rsi", ">", 0), _when("close", "<", "sma"),
            _when("fisher_rsi", "<", -0.94), _when("mfi", "<", 16), _UP_WITH_EMAS,
            _when("stochf.fastd", ">", "stochf.fastk"),
        ],
        "exit_conditions": [{"all": [_when("psar", ">", "close"), _when("fisher_rsi", ">", 0.3)]}],
        "stop_loss_pct": 10,
        "roi": {"0": 5, "20m": 4, "30m": 3, "60m": 1},
    },
    "strategy_005": {
        "timeframe": "5m",
        "indicators": [_of("macd"), _of("rsi"), _FISHER_RSI, _of("sma", period=40), _of("psar"),
                       _of("sma", "usual", source="volume", period=200),
                       _of("stochf", fastk_period=5, fastd_period=3),
                       _of("minus_di", period=25)],
        "entry_conditions": [
            _when("close", ">", 0.0000002), _when("volume", ">", "4 * usual"),
            _when("close", "<", "sma"), _when("stochf.fastd", ">", "stochf.fastk"),
            _when("rsi", ">", 26), _when("fisher_rsi", "<", 0.5),
        ],
        "exit_conditions": [{"any": [
            {"all": [_when("rsi", "cross_above", 74), _when("macd", "<", 0),
                     _when("minus_di", ">", 4)]},
            {"all": [_when("psar", ">", "close"), _when("fisher_rsi", ">", 0.3)]},
        ]}],
        "stop_loss_pct": 10,
        "roi": {"0": 5, "20m": 4, "30m": 3, "80m": 2, "24h": 1},
    },
    "clucmay": {
        "timeframe": "5m",
        "indicators": [_of("bollinger", source="hlc3"), _of("ema", period=50),
                       _of("sma", "usual", source="volume", period=30, offset=1)],
        "entry_conditions": [_when("close", "<", "ema"),
                             _when("close", "<", "0.985 * bollinger.lower"),
                             _when("volume", "<", "20 * usual")],
        "exit_conditions": [_when("close", ">", "bollinger.mid")],
        "stop_loss_pct": 5,
        "roi": {"0": 1},
    },
    "binhv45": {
        "timeframe": "5m",
        "indicators": [_of("bollinger", "bb", period=40),
                       _of("bollinger", "bb1", period=40, offset=1),
                       _of("sma", "close1", period=1, offset=1)],
        "entry_conditions": [
            _when("bb1.lower", ">", 0), _when("bb.mid - bb.lower", ">", "0.008 * close"),
            _when("abs(close - close1)", ">", "0.0175 * close"),
            _when("close - low", "<", "0.25 * (bb.mid - bb.lower)"),
            _when("close", "<", "bb1.lower"), _when("close", "<=", "close1"),
        ],
        "stop_loss_pct": 5,
        "roi": {"0": 1.25},
    },
    "hour_based": {
        "timeframe": "1h",
        "indicators": [],
        "entry_conditions": [_when("hour", ">=", 4)],
        "exit_conditions": [{"any": [_when("hour", ">=", 19), _when("hour", "<=", 3)]}],
        "stop_loss_pct": 10,
        "roi": {"0": 52, "7h": 11.3, "18h": 8.9, "36h": 0},
    },
    "volatility_system": {
        "timeframe": "1h",
        "symbols": ["BTC/USDT:USDT"],
        "direction": "both",
        "trade_size_pct": 50,
        "adds": [{"size_pct": 100, "when": [
            _when("change", "cross_above", "2 * before", direction="long"),
            _when("-change", "cross_above", "2 * before", direction="short"),
        ]}],
        "indicators": [_of("mom", "change", on="3h", period=1),
                       _of("atr", "before", on="3h", period=14, offset=1)],
        "entry_conditions": [_when("change", "cross_above", "2 * before", direction="long"),
                             _when("-change", "cross_above", "2 * before", direction="short")],
        "exit_conditions": [_when("-change", "cross_above", "2 * before", direction="long"),
                            _when("change", "cross_above", "2 * before", direction="short")],
    },
    "golden_cross": {
        "timeframe": "1h",
        "indicators": [_of("sma", "s50", period=50), _of("sma", "s200", period=200)],
        "entry_conditions": [_when("s50", "cross_above", "s200")],
        "exit_conditions": [_when("s50", "cross_below", "s200")],
    },
    "daily_trend": {
        "timeframe": "1h",
        "indicators": [_of("ema", "d50", on="1d", period=50), _of("rsi")],
        "entry_conditions": [_when("close", ">", "d50"), _when("rsi", "<", 40)],
        "exit_conditions": [_when("rsi", ">", 60)],
    },
    "hammer_at_the_band": {
        "timeframe": "1h",
        "indicators": [_of("cdlhammer", "hammer"), _of("bollinger")],
        "entry_conditions": [_when("hammer", ">", 0, within=2),
                             _when("low", "<", "bollinger.lower", within=2)],
        "exit_conditions": [_when("close", ">", "bollinger.mid")],
        "stop": {"level": "low"},
    },
}  # fmt: skip

LEFT_OUT = {
    "ema_cross_volume": "counts two trades a day, not two losing ones",
    "turtle_s1": "adds no units half an N apart, and takes the signal after a winner too",
}


def published(name: str) -> Written:
    """One of them as a whole config."""
    short = {"symbols": ["BTC/USDT"], "exit_conditions": []}
    return {"name": name, **short, **PUBLISHED[name]}
