"""The lines that say how a config trades."""

from __future__ import annotations

from typing import Any

import pytest

from core.strategy.lint.order_words import order_lines
from tests.unit.strategy.making import condition, config

PLAIN: dict[str, Any] = {"stop_loss_pct": ..., "take_profit_pct": ...}


def lines(**changes: Any) -> tuple[tuple[str, str], ...]:
    return tuple(order_lines(config(**(PLAIN | changes))))


def test_the_plain_keys() -> None:
    told = order_lines(config(trailing_stop_pct=3, max_hold=10, leverage=2))
    assert tuple(told) == (
        ("Stop", "5% below the entry"),
        ("Trailing stop", "3% below the highest price since the entry"),
        ("Target", "15% above the entry"),
        ("Size", "100% of equity an entry, at leverage 2"),
        ("Order", "a market order at the open of the next candle"),
        ("Longest hold", "10 candles"),
    )


def test_that_there_is_no_stop_is_said() -> None:
    assert ("Stop", "none") in lines()
    assert [text for label, text in lines(trailing_stop_pct=3) if label == "Stop"] == []


def test_orders_at_levels_and_in_parts() -> None:
    assert lines(
        entry={"stop": "high", "valid": 2},
        stop={"atr": {"period": 14, "multiplier": 2}},
        break_even_at_r=1,
        target=[{"pct": 3, "close_pct": 50}, {"r": 3}],
        risk_pct=1,
    ) == (
        ("Stop", "2 times the ATR of 14 candles below the entry"),
        (
            "Break-even",
            "the stop moves to the entry once the price is 1 times the risk in its favour",
        ),
        ("Target", "50% of the position 3% above the entry"),
        ("Target", "all that is left 3 times the risk above the entry"),
        ("Size", "such that the first stop loses 1% of equity, fees included"),
        ("Order", "a stop order at high, which waits for 2 candles"),
    )


def test_times_and_limits() -> None:
    told = lines(
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
    assert told == (
        ("Stop", "none"),
        ("Target", "falls with time: 4%, 2% after 1h, 0% after 4h, counted from the entry"),
        ("Size", "100 USDT an entry"),
        ("Add", "50% of the first quantity, once, 3% below the first entry"),
        ("Add", "100% of the first quantity, once, at the open after rsi < 20"),
        ("Order", "a market order at the open of the next candle"),
        ("Flat at", "21:55 UTC; nothing is entered from then to the end of the day"),
        ("Hours", "enters only from 08:00 to 16:00 and 22:00 to 02:00 UTC"),
        ("Days", "enters only on Monday, Tuesday and Friday"),
        ("Cooldown", "5 candles after a loss"),
        ("Most a day", "3 entries"),
        ("Daily loss", "no more entries on a day that has lost 3% of equity"),
        ("Drawdown", "stops for good 20% below its highest equity"),
    )


@pytest.mark.parametrize(
    ("stop", "said"),
    [
        ({"swing": 10}, "at the highest high of 10 candles"),
        (
            {"level": "0.99 * close", "trail": True},
            "at 0.99 * close, and follows it from close to close",
        ),
        (
            {"atr": {"multiplier": 3}, "trail": True},
            "3 times the ATR of 14 candles above the best price since the entry, worked out anew "
            "at every close; it never moves back",
        ),
    ],
)
def test_stops_of_a_short_strategy(stop: dict[str, Any], said: str) -> None:
    assert ("Stop", said) in lines(stop=stop, direction="short")


def test_both_sides_are_told_apart() -> None:
    told = lines(
        direction="both",
        entry_conditions=[condition("rsi", "<", 30, "long"), condition("rsi", ">", 70, "short")],
        exit_conditions=...,
        stop={"level": {"long": "low", "short": "high"}},
        target={"r": 2},
    )
    assert told[:2] == (
        ("Stop", "at low (for a short high)"),
        ("Target", "2 times the risk above (for a short below) the entry"),
    )
