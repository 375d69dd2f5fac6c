"""A simulator written from docs/rules.md alone makes the trades of the program."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.backtest.run import run_backtest
from core.market.candles.candles import Candle, Candles
from core.strategy.config.parsing import parse_config
from core.trading.values import Trade
from tests.unit.backtest.simulator import HOUR, Ended, Ohlc, Simulator

START = 1_767_225_600_000  # 2026-01-01T00:00:00Z
SYMBOLS = ["BTC/USDT:USDT", "ETH/USDT:USDT"]


def walk(draw: random.Random, length: int) -> list[Ohlc]:
    """Hourly candles of a random walk, some of them missing."""
    price, rows = 100.0, []
    volatility, present = draw.choice([0.003, 0.01]), draw.choice([1.0, 0.9])
    for at in range(length):
        open_ = price * (1 + draw.choice([0.0, draw.gauss(0, volatility / 3)]))
        close = open_ * (1 + draw.gauss(0, volatility))
        high = max(open_, close) * (1 + abs(draw.gauss(0, volatility / 2)))
        low = min(open_, close) * (1 - abs(draw.gauss(0, volatility / 2)))
        price = close
        if at == 0 or draw.random() < present:
            rows.append(Ohlc(START + at * HOUR, open_, high, low, close))
    return rows


def maybe(draw: random.Random, *values: Any) -> Any:
    """One of the values, or None as often as all of them."""
    return draw.choice(values) if draw.random() < 0.5 else None


def level(draw: random.Random, *, below: bool) -> Any:
    """An expression that mostly lies below the close (above it for a short), or the other way."""
    low = ["low", "0.995 * close", "min(open, close) * 0.998"]
    high = ["high", "1.005 * close", "max(open, close) * 1.002"]
    long, short = (low, high) if below else (high, low)
    if draw.random() < 0.2:
        return draw.choice(["(high + low) / 2", "close", "close / (close - open)"])
    return {"long": draw.choice(long), "short": draw.choice(short)}


def price(draw: random.Random, *, stop: bool) -> dict[str, Any]:
    """Where a stop or a target lies."""
    kinds: list[dict[str, Any]] = [
        {"atr": {"period": 5, "multiplier": draw.choice([0.5, 1.5, 4])}},
        {"level": level(draw, below=stop)},
    ]
    kinds.append({"swing": 4} if stop else {"pct": draw.choice([0.5, 2])})
    return draw.choice(kinds)


def a_config(draw: random.Random) -> dict[str, Any]:
    """Any config over the keys that the simulator knows, as a person may write it."""
    direction = draw.choice(["long", "short", "both"])
    config: dict[str, Any] = {
        "name": "any",
        "symbols": SYMBOLS[: draw.choice([1, 1, 2])],
        "timeframe": "1h",
        "direction": direction,
        "leverage": draw.choice([1, 1, 3, 20]),
        "fees": draw.choice([0, 0.001]),
        "slippage_pct": draw.choice([0, 0.05]),
        "starting_balance": 10_000,
        "exit_conditions": [],
    }

    def condition(side: str, operator: str, value: str) -> dict[str, Any]:
        one = {"indicator": "close", "operator": operator, "value": value}
        return one | ({"direction": side} if direction == "both" else {})

    entries = [condition("long", "gt", "(high + low) / 2")]
    if direction == "short":
        entries = [condition("short", "lt", "(high + low) / 2")]
    elif direction == "both":
        entries.append(condition("short", "lt", "(high + low) / 2"))
    config["entry_conditions"] = entries
    if draw.random() < 0.4:
        if direction != "short":
            config["exit_conditions"].append(
                {"indicator": "high", "operator": "lt", "value": "1.005 * close"}
                | ({"direction": "long"} if direction == "both" else {})
            )
        if direction != "long":
            config["exit_conditions"].append(
                {"indicator": "low", "operator": "gt", "value": "0.995 * close"}
                | ({"direction": "short"} if direction == "both" else {})
            )
    config |= orders(draw)
    if draw.random() < 0.6 or not config["exit_conditions"]:
        config["max_hold"] = draw.choice([3, 12, 40])
    return {key: value for key, value in config.items() if value is not None}


FALLS = {"indicator": "close", "operator": "lt", "value": "(high + low) / 2"}
ADDS: list[dict[str, Any]] = [
    {"at_pct": -0.5, "size_pct": 100},
    {"at_pct": -2, "size_pct": 300},
    {"at_pct": 0.4, "size_pct": 50},
    {"at_pct": 1, "size_pct": 500},
    {"when": [FALLS], "size_pct": 60},
]


def orders(draw: random.Random) -> dict[str, Any]:
    """Keys that say where orders lie, how large they are and when nothing is entered."""
    made: dict[str, Any] = {}
    stopped = draw.random()
    if stopped < 0.6:
        made["stop"] = price(draw, stop=True) | {"trail": draw.random() < 0.4}
        if not made["stop"]["trail"]:
            made["trailing_stop_pct"] = maybe(draw, 0.7)
    elif stopped < 0.85:
        made["stop_loss_pct"] = draw.choice([0.4, 2])
        made["trailing_stop_pct"] = maybe(draw, 0.7)
    if made:
        made["break_even_at_r"] = maybe(draw, 0.5, 1)
        made["risk_pct"] = maybe(draw, 0.3, 2, 30)
    if made.get("risk_pct") is None:
        made["trade_amount"] = maybe(draw, 1_000, 30_000)
        if made["trade_amount"] is None:
            made["trade_size_pct"] = draw.choice([100, 40])
    multiples = [{"r": draw.choice([0.5, 2])}] if "break_even_at_r" in made else []
    match draw.choice(["target", "parts", "roi", "pct", "none"]):
        case "target":
            made["target"] = draw.choice([price(draw, stop=False), *multiples])
        case "parts":
            targets = [draw.choice([price(draw, stop=False), *multiples]) for _ in range(3)]
            shares: list[Any] = draw.choice([[40, 30, None], [50, None], [25, 25, 25], [60, 40]])
            made["target"] = [
                target | ({} if share is None else {"close_pct": share})
                for target, share in zip(targets, shares, strict=False)
            ]
        case "roi":
            made["roi"] = draw.choice([{"0": 1, "120m": 0.3, "6h": 0}, {"3h": 0.5, "9h": -0.5}])
        case "pct":
            made["take_profit_pct"] = draw.choice([0.5, 2])
    target = made.get("target")
    if not isinstance(target, list) and "close_pct" not in (target or {}):
        made["adds"] = maybe(draw, [draw.choice(ADDS) for _ in range(draw.choice([1, 2, 4]))])
    made["entry"] = maybe(
        draw,
        {"limit": level(draw, below=True), "valid": draw.choice([1, 3])},
        {"stop": level(draw, below=False), "valid": draw.choice([1, 2])},
    )
    made["cooldown"] = maybe(
        draw, 2, {"after": "loss", "candles": 5}, {"after": "win", "candles": 1}
    )
    made["max_trades_per_day"] = maybe(draw, 1, 3)
    made["hours"] = maybe(draw, ["06:00-18:00"], ["22:00-03:00", "10:00-12:00"])
    made["weekdays"] = maybe(draw, [1, 2, 3, 4, 5])
    made["flat_at"] = maybe(draw, "21:00", "00:00", "12:30")
    for key in ("cooldown", "hours", "weekdays", "flat_at", "max_trades_per_day"):
        if draw.random() < 0.4:
            made[key] = None
    return made


def of_program(trade: Trade) -> Ended:
    return Ended(
        trade.symbol,
        trade.side.value,
        trade.signal_time,
        trade.entry_time,
        trade.entry_price,
        trade.exit_time,
        trade.exit_price,
        trade.quantity,
        trade.pnl,
        trade.fees,
        trade.exit_reason.value,
        trade.ambiguous,
        len(trade.parts),
        len(trade.entries),
    )


def alike(one: Ended, other: Ended) -> bool:
    """Whether two trades are the same but for rounding."""
    pairs = zip(vars(one).values(), vars(other).values(), strict=True)
    scale = one.quantity * one.entry
    return all(
        math.isclose(mine, theirs, rel_tol=1e-9, abs_tol=1e-9 * scale)
        if isinstance(mine, float)
        else mine == theirs
        for mine, theirs in pairs
    )


def compared(seed: int) -> tuple[int, dict[str, int]]:
    """How many trades one random run makes, where both make the same."""
    draw = random.Random(seed)
    config = a_config(draw)
    rows = {symbol: walk(draw, draw.choice([60, 200])) for symbol in config["symbols"]}
    simulator = Simulator({"trade_size_pct": 100} | config, rows, HOUR)
    expected = simulator.run()
    candles = {
        symbol: Candles.of(
            [Candle(one.time, one.open, one.high, one.low, one.close, 1.0) for one in each]
        )
        for symbol, each in rows.items()
    }
    result = run_backtest(parse_config(config).config, candles)
    found = [of_program(trade) for trade in result.trades]
    assert len(found) == len(expected), (seed, config, found, expected)
    for mine, theirs in zip(expected, found, strict=True):
        assert alike(mine, theirs), (seed, config, mine, theirs)
    refused = {key.value: count for key, count in result.refused.items()}
    assert refused == simulator.refused, (seed, config)
    return len(found), refused


@pytest.mark.fuzz
@given(st.integers(0, 2**40))
def test_the_simulator_makes_the_same_trades(seed: int) -> None:
    compared(seed)
