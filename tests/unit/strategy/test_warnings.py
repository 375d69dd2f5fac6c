"""What can never come true, or is probably not meant, is said before a run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.strategy.making import condition, warnings

PERPETUAL = ["BTC/USDT:USDT"]


def entries(*conditions: dict[str, Any], **changes: Any) -> tuple[str, ...]:
    """The warnings of a strategy with these entries over every indicator, none of them unused."""
    made = warnings(
        indicators={"rsi": 14, "donchian": 20, "bollinger": 20, "macd": None, "willr": 14},
        entry_conditions=list(conditions),
        exit_conditions=[],
        **changes,
    )
    return tuple(warning for warning in made if "is in no condition" not in warning)


NEVER_LONG = "a long position can never be entered: "

CASES: list[tuple[list[tuple[str, str, Any]], list[str]]] = [
    (
        [("rsi", "<", 30), ("rsi", ">", 70)],
        [NEVER_LONG + "rsi < 30 and rsi > 70 exclude each other"],
    ),
    (
        [("rsi", "<", 30), ("rsi", ">=", 30)],
        [NEVER_LONG + "rsi < 30 and rsi >= 30 exclude each other"],
    ),
    ([("rsi", "<=", 30), ("rsi", ">=", 30)], []),
    (
        [("rsi", "cross_above", 70), ("rsi", "<", 70)],
        [NEVER_LONG + "rsi crosses above 70 and rsi < 70 exclude each other"],
    ),
    ([("rsi", "cross_above", 30), ("rsi", "<", 70)], []),
    (
        [("rsi", "==", 30), ("rsi", "!=", 30)],
        [NEVER_LONG + "rsi = 30 and rsi ≠ 30 exclude each other"],
    ),
    (
        [("close", ">", "macd"), ("close", "<", "macd")],
        [NEVER_LONG + "close > macd.line and close < macd.line exclude each other"],
    ),
    (
        [("close", ">", "macd"), ("macd", ">=", "close")],
        [NEVER_LONG + "close > macd.line and macd.line >= close exclude each other"],
    ),
    ([("close", ">=", "macd"), ("macd", ">=", "close")], []),
    ([("rsi", ">", 100)], ["entry condition rsi > 100 can never hold: rsi stays from 0 to 100"]),
    ([("rsi", ">=", 100)], []),
    (
        [("rsi", "cross_below", 0)],
        ["entry condition rsi crosses below 0 can never hold: rsi stays from 0 to 100"],
    ),
    ([("rsi", "==", 101)], ["entry condition rsi = 101 can never hold: rsi stays from 0 to 100"]),
    ([("rsi", "<=", 100)], ["entry condition rsi <= 100 always holds: rsi stays from 0 to 100"]),
    ([("rsi", "!=", -1)], ["entry condition rsi ≠ -1 always holds"]),
    (
        [("willr", ">", 20)],
        ["entry condition willr > 20 can never hold: willr stays from -100 to 0"],
    ),
    ([("close", "<", 0)], ["entry condition close < 0 can never hold: close stays above 0"]),
    ([("volume", "==", 0)], []),
    (
        [("close", ">", "donchian.upper")],
        [
            "entry condition close > donchian.upper can never hold: "
            "close is never above donchian.upper"
        ],
    ),
    (
        [("close", "cross_above", "donchian.upper")],
        [
            "entry condition close crosses above donchian.upper can never hold: "
            "close is never above donchian.upper"
        ],
    ),
    (
        [("donchian.lower", ">", "low")],
        ["entry condition donchian.lower > low can never hold: donchian.lower is never above low"],
    ),
    ([("close", ">=", "donchian.upper")], []),
    ([("close", ">", "bollinger.upper")], []),
    (
        [("bollinger.lower", ">", "bollinger.upper")],
        [
            "entry condition bollinger.lower > bollinger.upper can never hold: "
            "bollinger.lower is never above bollinger.upper"
        ],
    ),
    (
        [("close", ">", "high")],
        ["entry condition close > high can never hold: close is never above high"],
    ),
    ([("close", "<=", "high")], ["entry condition close <= high always holds"]),
    (
        [("hl2", ">", "high")],
        ["entry condition hl2 > high can never hold: hl2 is never above high"],
    ),
    (
        [("hour", "==", 5)],
        [
            "entry condition hour = 5 can never hold: hour at the close of a candle is "
            "0, 4, 8, 12, 16 or 20"
        ],
    ),
    ([("hour", ">=", 20)], []),
    (
        [("minute", ">", 0)],
        ["entry condition minute > 0 can never hold: minute at the close of a candle is 0"],
    ),
    (
        [("rsi", "!=", "rsi")],
        ["entry condition rsi ≠ rsi can never hold: it compares a series with itself"],
    ),
]


@pytest.mark.parametrize(("conditions", "expected"), CASES, ids=lambda value: str(value)[:60])
def test_entries_that_contradict(
    conditions: list[tuple[str, str, Any]], expected: list[str]
) -> None:
    assert list(entries(*(condition(*one) for one in conditions))) == expected


def test_a_channel_of_earlier_candles_can_be_left() -> None:
    assert not warnings(
        indicators=[{"name": "donchian", "params": {"offset": 1}}],
        entry_conditions=[condition("close", ">", "donchian.upper")],
        exit_conditions=[condition("close", "<", "donchian.lower")],
    )


def test_conditions_of_different_sides_do_not_contradict() -> None:
    both = [condition("rsi", "<", 30, "long"), condition("rsi", ">", 70, "short")]
    assert entries(*both, direction="both", symbols=PERPETUAL) == ()


@pytest.mark.parametrize(
    ("enter", "leave", "cancels"),
    [
        (("rsi", "<", 30), ("rsi", "<", 40), True),
        (("rsi", "<", 30), ("rsi", "<=", 30), True),
        (("rsi", "<=", 30), ("rsi", "<", 30), False),
        (("rsi", "cross_above", 50), ("rsi", ">", 50), True),
        (("rsi", ">", 50), ("rsi", "cross_above", 50), False),
        (("rsi", "cross_above", 50), ("rsi", "cross_above", 50), True),
        (("rsi", "<", "close"), ("rsi", "<=", "close"), True),
        (("rsi", "<", "close"), ("rsi", "<", "open"), False),
        (("rsi", "==", 50), ("rsi", "<", 60), True),
        (("rsi", "<", 30), ("close", "<", 40), False),
    ],
)
def test_an_exit_that_holds_with_every_entry(
    enter: tuple[str, str, Any], leave: tuple[str, str, Any], cancels: bool
) -> None:
    found = warnings(entry_conditions=[condition(*enter)], exit_conditions=[condition(*leave)])
    assert [warning for warning in found if warning.endswith("they cancel out")] == list(found)
    assert bool(found) == cancels


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"fees": 0.06},
            "fees 0.06 is 6 per cent a side: fees are a fraction, 0.0006 for 0.06 per cent",
        ),
        (
            {"direction": "short", "leverage": 2},
            "BTC/USDT: a spot market has no short positions and no leverage; simulated all the "
            "same, but refused on a venue (a perpetual is written like BTC/USDT:USDT)",
        ),
        (
            {"stop_loss_pct": 0.05},
            "stop_loss_pct 0.05 is 0.05 per cent: if the fraction is meant, write 5 for 5 per cent",
        ),
        (
            {"max_drawdown_pct": 0.2},
            "max_drawdown_pct 0.2 is 0.2 per cent: if the fraction is meant, "
            "write 20 for 20 per cent",
        ),
        (
            {"symbols": ["BTC/USDT", "ETH/USDT"]},
            "trade_size_pct 100 on 2 symbols is 200 per cent of the account: while other positions "
            "hold the balance, an entry gets what is left or is refused; up to 50 leaves room for "
            "all of them",
        ),
        (
            {"timeframe": "1d", "max_daily_loss_pct": 3},
            "max_daily_loss_pct can never act on 1d candles: every entry fills on a later day than "
            "the close that reached the limit",
        ),
        (
            {"symbols": ["BTC/USDT", "ETH/BTC"], "trade_size_pct": 50},
            "the symbols are priced in USDT and BTC, but share one account: "
            "their profits are added up as if these were one currency",
        ),
        (
            {"indicators": {"rsi": 14, "ema": 20}},
            "indicator ema is in no condition; decisions still wait until it has values",
        ),
        (
            {
                "indicators": {"rsi": 14, "macd": {"params": {"fast": 26, "slow": 12}}},
                "exit_conditions": [condition("macd", ">", 0)],
            },
            "indicator macd: fast_period 26 is not below slow_period 12",
        ),
        (
            {"risk": {"stop_loss_pct": 3, "note": "x"}},
            "risk.stop_loss_pct has no effect on trading: write stop_loss_pct "
            "beside name and symbols",
        ),
        (
            {"status": "actve"},
            "status 'actve' is none of draft, active, paused, retired",
        ),
        (
            {"symbols": PERPETUAL, "direction": "short", "take_profit_pct": 100},
            "take_profit_pct 100: the target of a short position lies at or below 0 "
            "and is never reached",
        ),
        (
            {"symbols": PERPETUAL, "leverage": 20},
            "stop_loss_pct 5: a long position at leverage 20 is liquidated 4.5 per cent "
            "from its entry, before the stop",
        ),
        (
            {"symbols": PERPETUAL, "leverage": 125, "slippage_pct": 0.5, "stop_loss_pct": None},
            "slippage_pct 0.5: a long position is liquidated, at leverage 125, 0.3 per cent from "
            "its entry, which the slippage alone has cost: filled by candles, each one is closed "
            "at once",
        ),
        (
            {"symbols": PERPETUAL, "direction": "short", "slippage_pct": 1, "stop_loss_pct": 1},
            "slippage_pct 1: a short position is stopped 1 per cent from its entry, which the "
            "slippage alone has cost: filled by candles, each one is closed at once",
        ),
        (
            {
                "symbols": PERPETUAL,
                "direction": "both",
                "entry_conditions": [condition("rsi", "<", 30, "long")],
            },
            "no entry condition is for short: no short position is ever entered",
        ),
        (
            {
                "symbols": PERPETUAL,
                "direction": "both",
                "entry_conditions": [
                    condition("rsi", "<", 30, "long"),
                    condition("rsi", ">", 80, "short"),
                ],
                "exit_conditions": [condition("rsi", ">", 70, "long")],
                "stop_loss_pct": None,
                "take_profit_pct": None,
            },
            "no exit is for short: a short position ends only where the other side enters",
        ),
    ],
)
def test_what_is_probably_not_meant(changes: dict[str, Any], expected: str) -> None:
    assert warnings(**changes) == (expected,)


@pytest.mark.parametrize(
    "changes",
    [
        {"fees": 0.01},
        {"symbols": PERPETUAL, "leverage": 15},
        {"take_profit_pct": 150},
        {"risk": {"stop_loss_pct": 5}, "status": "paused"},
    ],
)
def test_what_is_unusual_but_sound_is_not_warned_of(changes: dict[str, Any]) -> None:
    assert warnings(**changes) == ()
