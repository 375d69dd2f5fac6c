"""What a warning says can never happen does not happen, on any candles."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from core.market.candles.candles import Candle, Candles
from core.market.candles.timeframes import MINUTE
from core.strategy.config.parsing import parse_config
from core.strategy.config.problems import ConfigError
from core.strategy.indicators.registry import PRICES
from core.strategy.signals.conditions import rule_text
from core.strategy.signals.source import ENTER_LONG, EXIT_LONG
from core.strategy.signals.sources import condition_series, signal_series
from tests.unit.strategy.making import condition, markets, written

sides = st.sampled_from(
    [
        *PRICES,
        *("hl2", "hlc3", "ohlc4", "hour", "minute", "weekday"),
        *("rsi", "er", "stoch.d", "aroon.up"),
        *("dc", "dc.lower", "dc.upper", "late.upper", "bb.lower", "bb.upper", "bb.percent"),
        *("0.5 * rsi", "-er", "stoch.d - 50", "abs(rsi - 50)", "max(er, 2)", "rsi / (er + 1)"),
    ]
)
conditions = st.builds(
    condition,
    sides,
    st.sampled_from(["lt", "gt", "lte", "gte", "ne", "cross_above", "cross_below"]),
    st.one_of(sides, st.sampled_from([0, 1, 30, 50, 70, 100, -5])),
)


LOW, HIGH = 0.00570446, math.nextafter(0.00570446, 1)
ALL_BUT_FLAT = Candles.of(Candle(at * 5 * MINUTE, LOW, HIGH, LOW, LOW, 1.0) for at in range(4))


@given(
    entries=st.lists(conditions, min_size=1, max_size=3),
    exits=st.lists(conditions, max_size=2),
    candles=markets(),
)
@example([condition("hlc3", "lt", "low")], [], ALL_BUT_FLAT)  # by the rounding of its mean
def test_contradictions(entries: list[Any], exits: list[Any], candles: Candles) -> None:
    raw = written(
        timeframe="5m",  # that of the markets: of 4h no candle would end at these minutes
        indicators=[
            {"rsi": 3},
            {"name": "donchian", "key": "dc", "params": {"period": 4}},
            {"name": "donchian", "key": "late", "params": {"period": 4, "offset": 1}},
            {"name": "bollinger", "key": "bb", "params": {"period": 5}},
            {"name": "efficiency_ratio", "key": "er", "params": {"period": 3}},
            {"name": "stoch", "params": {"k": 4, "d": 2}},
            {"name": "aroon", "params": {"period": 4}},
        ],
        entry_conditions=entries,
        exit_conditions=exits,
    )
    try:
        parsed = parse_config(raw)
    except ConfigError:
        return
    flags = signal_series(parsed.config, candles).flags
    for warning in parsed.warnings:
        if warning.startswith("a long position can never be entered"):
            assert not ((flags & (ENTER_LONG | EXIT_LONG)) == ENTER_LONG).any(), warning
    for one in condition_series(parsed.config, candles):
        said = f"{one.group} condition {rule_text(one.condition)} "
        for warning in parsed.warnings:
            if warning.startswith(said + "can never hold"):
                assert not one.holds.any(), warning
            if warning.startswith(said + "always holds"):
                assert one.holds[one.valid].all(), warning
