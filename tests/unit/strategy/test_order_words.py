"""The sentences that say how a config trades."""

from __future__ import annotations

from typing import Any

import pytest

from core.strategy.lint.order_words import order_sentences
from tests.unit.strategy.making import condition, config

PLAIN: dict[str, Any] = {"stop_loss_pct": ..., "take_profit_pct": ...}


def sentences(**changes: Any) -> tuple[str, ...]:
    return order_sentences(config(**(PLAIN | changes)))


def test_the_plain_keys() -> None:
    assert order_sentences(config(trailing_stop_pct=3, max_hold=10, leverage=2)) == (
        "It enters by a market order at the open of the next candle.",
        "Each entry puts up 100 % of equity, at leverage 2.",
        "The stop is 5 % below the entry.",
        "A trailing stop follows 3 % below the highest price since the entry.",
        "The target is 15 % above the entry.",
        "A position is closed after 10 candles.",
    )


def test_orders_at_levels_and_in_parts() -> None:
    assert sentences(
        entry={"stop": "high", "valid": 2},
        stop={"atr": {"period": 14, "multiplier": 2}},
        break_even_at_r=1,
        target=[{"pct": 3, "close_pct": 50}, {"r": 3}],
        risk_pct=1,
    ) == (
        "It enters by a stop order at high, which waits for 2 candles.",
        "Each entry is sized so that its first stop loses 1 % of equity, fees included.",
        "The stop is 2 times the ATR of 14 candles below the entry.",
        "Once the price has gone 1 times the risk in its favour, the stop moves to the entry.",
        "50 % of the position is closed 3 % above the entry.",
        "All that is left is closed 3 times the risk above the entry.",
    )


def test_times_and_limits() -> None:
    told = sentences(
        roi={"0": 4, "60m": 2, "4h": 0},
        trade_amount=100,
        adds=[
            {"at_pct": -3, "size_pct": 50},
            {"when": [condition("rsi", "<", 20)], "size_pct": 100},
        ],
        cooldown={"after": "loss", "candles": 5},
        max_trades_per_day=3,
        hours=["08:00-16:00", "22:00-02:00"],
        weekdays=[1, 2, 5],
        flat_at="21:55",
        max_daily_loss_pct=3,
        max_drawdown_pct=20,
    )
    assert told[1:] == (
        "Each entry puts up 100 USDT.",
        "It adds 50 % of the first quantity, once, 3 % below the first entry.",
        "It adds 100 % of the first quantity, once, at the open after rsi < 20.",
        "The target falls with time: 4 %, 2 % after 1h, 0 % after 4h, counted from the entry.",
        "Positions are closed at 21:55 UTC; nothing is entered from then to the end of the day.",
        "It enters only from 08:00 to 16:00 and 22:00 to 02:00 UTC.",
        "It enters only on Monday, Tuesday and Friday.",
        "After a loss it waits 5 candles.",
        "It enters at most 3 times a day.",
        "A day that has lost 3 % of equity has no more entries.",
        "It stops for good 20 % below its highest equity.",
    )


@pytest.mark.parametrize(
    ("stop", "sentence"),
    [
        ({"swing": 10}, "The stop is at the highest high of 10 candles."),
        (
            {"level": "0.99 * close", "trail": True},
            "The stop is at 0.99 * close, and follows it from close to close.",
        ),
        (
            {"atr": {"multiplier": 3}, "trail": True},
            "The stop is 3 times the ATR of 14 candles above the best price since the entry, "
            "worked out anew at every close; it never moves back.",
        ),
    ],
)
def test_stops_of_a_short_strategy(stop: dict[str, Any], sentence: str) -> None:
    assert sentence in sentences(stop=stop, direction="short")


def test_both_sides_are_told_apart() -> None:
    told = sentences(
        direction="both",
        entry_conditions=[condition("rsi", "<", 30, "long"), condition("rsi", ">", 70, "short")],
        exit_conditions=...,
        stop={"level": {"long": "low", "short": "high"}},
        target={"r": 2},
    )
    assert told[2:] == (
        "The stop is at low (for a short high).",
        "All that is left is closed 2 times the risk above (for a short below) the entry.",
    )
