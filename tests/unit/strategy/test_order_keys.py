"""The keys that say where orders lie, how large they are and when nothing is entered."""

from __future__ import annotations

from typing import Any

import pytest

from core.market.candles.timeframes import HOUR, MINUTE
from core.strategy.config.canonical import config_digest, config_to_dict
from core.strategy.config.conditions import Reference
from core.strategy.config.orders import (
    NO_ORDERS,
    Atr,
    Basis,
    Cooldown,
    Orders,
    Outcome,
    PriceRule,
    Stop,
    Swing,
    Target,
)
from core.strategy.config.parsing import parse_config
from core.strategy.signals.sources import warmup_candles
from tests.unit.strategy.making import condition, config, problems, warnings

BANDS = [{"name": "rsi"}, {"name": "bollinger"}]


def orders(**changes: Any) -> Orders:
    plain: dict[str, Any] = {"stop_loss_pct": ..., "take_profit_pct": ..., "indicators": BANDS}
    return config(**(plain | changes)).orders


def order_problems(**changes: Any) -> list[str]:
    plain: dict[str, Any] = {"stop_loss_pct": ..., "take_profit_pct": ..., "indicators": BANDS}
    return problems(**(plain | changes))


LOWER = Reference("bollinger", "lower")
TWO_RANGES = PriceRule(Basis.ATR, long=Atr(14, 2.0), short=Atr(14, 2.0))


@pytest.mark.parametrize(
    ("raw", "stop"),
    [
        ({"atr": {"period": 14, "multiplier": 2}}, Stop(TWO_RANGES)),
        ({"atr": {"multiplier": 2}, "trail": True}, Stop(TWO_RANGES, trail=True)),
        (
            {"level": "bbands.lower_band"},
            Stop(PriceRule(Basis.LEVEL, long=LOWER, short=LOWER)),
        ),
        (
            {"level": {"long": "bollinger.lower", "short": "close"}},
            Stop(PriceRule(Basis.LEVEL, long=LOWER, short=Reference("close"))),
        ),
        (
            {"swing": 10},
            Stop(
                PriceRule(Basis.SWING, long=Swing(10, highest=False), short=Swing(10, highest=True))
            ),
        ),
    ],
)
def test_the_forms_of_a_stop(raw: dict[str, Any], stop: Stop) -> None:
    assert orders(stop=raw) == Orders(stop=stop)


def test_per_cent_are_the_plain_keys() -> None:
    plain = {"stop_loss_pct": ..., "take_profit_pct": ...}
    assert config(**plain, stop={"pct": 5}, target={"pct": 15}) == config()
    trailing = config(**plain, stop={"pct": 5, "trail": True}, target=[{"pct": 15}])
    assert trailing == config(stop_loss_pct=..., trailing_stop_pct=5)


def test_the_hash_of_a_config_without_these_keys_is_what_it_was() -> None:
    digest = "5bcdc2cea4c0202d57b072b045f7bf2591fd9b556b3190b33c9093c5d8f6e981"
    assert config().orders == NO_ORDERS
    assert config_digest(config()) == digest


def test_targets_and_times() -> None:
    made = orders(
        stop={"atr": {"multiplier": 2}},
        target=[{"pct": 3, "close_pct": 50}, {"r": 3}],
        cooldown={"after": "loss", "candles": 5},
        hours=["08:00-16:00", "22:30-2:00"],
        weekdays=[5, 1],
        flat_at="0:00",
        max_trades_per_day=3,
        break_even_at_r=1,
        risk_pct=1,
        trade_size_pct=...,
    )
    assert made == Orders(
        stop=Stop(TWO_RANGES),
        break_even_at_r=1,
        targets=(Target(PriceRule(Basis.PCT, 3), 50), Target(PriceRule(Basis.R, 3))),
        risk_pct=1,
        cooldown=Cooldown(5, Outcome.LOSS),
        max_trades_per_day=3,
        hours=((480, 960), (1350, 120)),
        weekdays=(1, 5),
        flat_at=1440,
    )
    assert orders(roi={"4h": 0, "0": 4, "60m": 2}).roi == ((0, 4), (60 * MINUTE, 2), (4 * HOUR, 0))
    assert orders(roi={0: 4}).roi == ((0, 4),)


@pytest.mark.parametrize(
    "changes",
    [
        {"stop": {"swing": 10}, "target": {"atr": {"period": 7, "multiplier": 1.5}}},
        {"stop": {"level": {"long": "min(low, 0.99 * close)", "short": "high"}, "trail": True}},
        {"entry": {"limit": "0.99 * close", "valid": 3}},
        {
            "adds": [
                {"at_pct": -3, "size_pct": 100},
                {"when": [{"indicator": "rsi", "operator": "lt", "value": 20}], "size_pct": 50},
            ]
        },
        {"entry": {"stop": {"long": "high", "short": "low"}}},
        {"roi": {"0": 4, "90s": 2.5, "1d": -1}, "trade_amount": 100},
        {"target": {"level": "bollinger.upper", "close_pct": 30}, "cooldown": 4},
        {
            "stop": {"level": 90},
            "target": [{"r": 1, "close_pct": 50}, {"pct": 9}],
            "risk_pct": 0.5,
            "hours": ["22:00-24:00"],
            "flat_at": "21:55",
            "weekdays": [7],
            "break_even_at_r": 0.5,
        },
    ],
)
def test_a_config_is_written_as_it_reads_back(changes: dict[str, Any]) -> None:
    plain = {"stop_loss_pct": ..., "take_profit_pct": ..., "indicators": BANDS}
    made = config(**plain, **changes)
    again = parse_config(config_to_dict(made)).config
    assert again == made
    assert config_digest(again) == config_digest(made)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        (
            {"stop": {"atr": {"period": 0, "mult": 2}}},
            [
                "stop.atr.mult: found an unknown key, expected only period, multiplier; "
                "did you mean multiplier?",
                "stop.atr.period: found 0, expected a whole number from 1 to 5000",
                "stop.atr.multiplier: found nothing, expected how many of it, a number above 0",
            ],
        ),
        (
            {"entry": [{"indicator": "rsi"}]},
            [
                'entry: found a list, expected a mapping like {"limit": "0.99 * close", '
                '"valid": 3} or {"stop": "high"}; did you mean entry_conditions?'
            ],
        ),
        (
            {"entry": {"limit": "clos", "valid": 0}},
            [
                "entry.valid: found 0, expected a whole number from 1 to 1000",
                "entry.limit: found 'clos', expected one of rsi, bollinger, open, high, low, "
                "close, volume, hl2, hlc3, ohlc4, hour, minute, weekday; did you mean close?",
            ],
        ),
        (
            {"stop": {"swing": 5, "level": "low"}},
            ["stop: found level and swing together, expected one of atr, level, swing, pct"],
        ),
        (
            {"stop": {"trail": True}},
            ["stop: found none of them, expected one of atr, level, swing, pct"],
        ),
        (
            {"stop": {"level": "bollinger.lowr"}},
            [
                "stop.level: found 'bollinger.lowr', expected a field of bollinger: value, lower, "
                "upper, bandwidth, percent; did you mean bollinger.lower?"
            ],
        ),
        (
            {"stop": {"level": {"long": "low"}}},
            ["stop.level.short: found nothing, expected the level of that side"],
        ),
        (
            {"stop": {"swing": 5}, "stop_loss_pct": 5},
            ["stop_loss_pct: found stop and stop_loss_pct together, expected only one of them"],
        ),
        (
            {"stop": {"swing": 5, "trail": True}, "trailing_stop_pct": 5},
            [
                "trailing_stop_pct: found stop and trailing_stop_pct together, "
                "expected only one of them"
            ],
        ),
        (
            {"target": {"pct": 5}, "roi": {"0": 1}},
            ["roi: found target and roi together, expected only one of them"],
        ),
        (
            {"risk_pct": 1, "target": {"r": 2}, "break_even_at_r": 1},
            [
                "risk_pct: found no stop to measure the risk by, expected a stop beside it",
                "break_even_at_r: found no stop to measure the risk by, expected a stop beside it",
                "target: found no stop to measure the risk by, expected a stop beside it",
            ],
        ),
        (
            {"trade_amount": 5, "trade_size_pct": 50},
            [
                "trade_amount: found trade_size_pct and trade_amount together, "
                "expected only one of them"
            ],
        ),
        (
            {"target": [{"pct": 1}, {"pct": 2}]},
            [
                "target[1]: found a second target for all that is left, expected a close_pct, "
                "or no such target"
            ],
        ),
        (
            {"target": [{"pct": 1, "close_pct": 60}, {"pct": 2, "close_pct": 50}]},
            ["target: found close_pct of 110 in all, expected at most 100"],
        ),
        (
            {"roi": {"60": 2, "0": 1, "1h": 3}},
            [
                'roi.60: found \'60\', expected 0, or a time such as "60m" or "4h"; '
                "did you mean 60m?",
                "roi: found 3 after 1, expected targets that fall",
            ],
        ),
        (
            {"hours": ["8-16", "08:00-08:00", "25:00-26:00"]},
            [
                f'hours[{place}]: found {found!r}, expected hours of the UTC day like "08:00-16:00"'
                for place, found in enumerate(["8-16", "08:00-08:00", "25:00-26:00"])
            ],
        ),
        (
            {
                "adds": [{"at_pct": 0, "size_pct": 1}, {"when": []}, {"size_pct": 5}],
                "target": {"pct": 3, "close_pct": 50},
            },
            [
                "adds[0].at_pct: found 0, expected a number other than 0",
                "adds[1].when: found an empty list, expected a list of at least one condition",
                "adds[1].size_pct: found nothing, expected per cent of the quantity entered first",
                "adds[2]: found none of them, expected one of at_pct, when",
            ],
        ),
        (
            {"adds": [{"at_pct": 1, "size_pct": 1}], "target": {"pct": 3, "close_pct": 50}},
            ["adds: found adds beside targets for parts, expected targets without close_pct"],
        ),
        (
            {"weekdays": [0], "flat_at": "9pm"},
            [
                "weekdays[0]: found 0, expected a whole number from 1 to 7",
                "flat_at: found '9pm', expected a time of the UTC day like \"21:55\"",
            ],
        ),
        (
            {"cooldown": {"after": "los"}},
            [
                "cooldown.candles: found null, expected a whole number from 1 to 1000000",
                "cooldown.after: found 'los', expected one of loss, win; did you mean loss?",
            ],
        ),
    ],
)
def test_every_problem_is_named_at_once(changes: dict[str, Any], found: list[str]) -> None:
    assert order_problems(**changes) == found


@pytest.mark.parametrize(
    "way_out", [{"stop": {"swing": 3}}, {"roi": {"0": 1}}, {"flat_at": "21:00"}]
)
def test_each_of_them_is_a_way_out(way_out: dict[str, Any]) -> None:
    assert order_problems(exit_conditions=..., **way_out) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"risk_pct": 0.01}, "risk_pct 0.01 is 0.01 per cent: if the fraction is meant"),
        (
            {"trade_amount": 20_000},
            "trade_amount 20000 on 1 symbols is 20000, more than the starting",
        ),
        (
            {"flat_at": "21:55"},
            "flat_at 21:55 is inside a 4h candle: positions are closed at its end",
        ),
        (
            {"adds": [{"at_pct": -2, "size_pct": 100}]},
            "adds: trade_size_pct 100 leaves no balance for all of them; up to 50 does",
        ),
        (
            {"adds": [{"at_pct": -6, "size_pct": 1}]},
            "adds: the one at -6 per cent waits behind the first stop at 5 per cent",
        ),
        (
            {
                "direction": "both",
                "entry_conditions": [
                    condition("rsi", "<", 30, "long"),
                    condition("rsi", ">", 70, "short"),
                ],
                "stop_loss_pct": ...,
                "stop": {"level": "low"},
            },
            "stop: longs and shorts have the same level, which is on the wrong side of one of them",
        ),
        ({"hours": ["09:00-11:00"]}, "hours: no 4h candle opens in them"),
        ({"hours": ["22:00-04:00"], "flat_at": "00:00"}, ""),
        (
            {"hours": ["20:00-24:00"], "flat_at": "12:00"},
            "flat_at 12:00: every entry would fill after",
        ),
        (
            {"target": {"r": 1}, "break_even_at_r": 2},
            "break_even_at_r 2 can never act: the target at 1 R has closed the position",
        ),
        (
            {"take_profit_pct": 2, "adds": [{"at_pct": 3, "size_pct": 1}]},
            "adds: the one at 3 per cent waits behind the target at 2 per cent",
        ),
        (
            {"target": [{"pct": 2}, {"pct": 5, "close_pct": 50}]},
            "target[1]: the one at 2 closes all that is left before the price comes to 5",
        ),
        ({"target": [{"pct": 5, "close_pct": 50}, {"pct": 6}]}, ""),
        ({"entry": {"limit": 0.99}}, "entry: 0.99 is a price by itself: if a share of the close"),
        (
            {"stop_loss_pct": ..., "stop": {"level": "low"}, "target": {"level": "low"}},
            "stop and target are the same price: no position can ever be entered",
        ),
        (
            {"timeframe": "1d", "flat_at": "21:55"},
            "flat_at 21:55 is inside a 1d candle: positions are closed at its end, 00:00",
        ),
    ],
)
def test_what_hardly_makes_sense_is_said(changes: dict[str, Any], sentence: str) -> None:
    plain: dict[str, Any] = {"take_profit_pct": ...}
    told = [one for one in warnings(**(plain | changes)) if one.startswith(sentence or "x")]
    assert len(told) == bool(sentence)


def test_an_indicator_that_only_an_order_looks_at_is_used() -> None:
    changes = {"stop_loss_pct": ..., "indicators": BANDS, "stop": {"level": "bollinger.lower"}}
    assert not [one for one in warnings(**changes) if "in no condition" in one]


def test_ranges_and_swings_are_warmed_up() -> None:
    changes = {"stop_loss_pct": ..., "target": {"atr": {"period": 50, "multiplier": 1}}}
    assert warmup_candles(config(**changes, take_profit_pct=..., stop={"swing": 40})) == 500
