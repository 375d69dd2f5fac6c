"""Random strategies and random candles, from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

from tests.independent.simulator import DAY, Config, Limits, Row, milliseconds

TICK = 0.125  # binary exact, so that ties are ties in any order of additions
START = 1_704_067_200_000  # 2024-01-01, a Monday
ALL = frozenset(
    [
        "groups",
        "arithmetic",
        "lasting",
        "offset",
        "source",
        "both",
        "short",
        "leverage",
        "stop",
        "trail",
        "roi",
        "target",
        "parts",
        "size",
        "limits",
        "flat",
        "entry",
        "close",
        "symbols",
        "filters",
        "funding",
        "adds",
        "risk",
        "more",
        "higher",
    ]
)


@dataclass(frozen=True)
class Case:
    """One run: what is traded on what."""

    config: Config
    candles: dict[str, list[Row]]
    at_close: bool = False
    limits: Limits | None = None
    funding: dict[str, list[tuple[int, float]]] | None = None


def tick(price: float) -> float:
    """The nearest price of the market."""
    return max(TICK, round(price / TICK) * TICK)


def random_rows(random: Random, count: int, length: int, start: int) -> list[Row]:
    """A walk with gaps in time and price, ties, candles without a range and wide ones."""
    rows: list[Row] = []
    price = 100.0
    wild = random.choice([0.4, 1.0, 2.0])
    time = start
    while len(rows) < count:
        time += length
        if random.random() < 0.03:
            time += length * random.randrange(1, 6)
        first = price
        if random.random() < 0.15:
            first = tick(price + random.gauss(0, 2.5) * wild)
        shape = random.random()
        if shape < 0.06:
            last = high = low = first
        else:
            width = wild * (4 if shape > 0.9 else 1)
            last = tick(first + random.gauss(0, 1) * width + (100 - first) * 0.01)
            high = tick(max(first, last) + abs(random.gauss(0, 0.6)) * width)
            low = tick(min(first, last) - abs(random.gauss(0, 0.6)) * width)
            high, low = max(high, first, last), min(low, first, last)
        rows.append(Row(time, first, high, low, last, float(random.randrange(1, 50))))
        price = last
    return rows


class _Maker:
    def __init__(self, random: Random, features: frozenset[str]) -> None:
        self.random = random
        self.features = features
        self.lines: list[str] = []  # series that are prices
        self.more: list[str] = []

    def some(self, feature: str, chance: float) -> bool:
        return feature in self.features and self.random.random() < chance

    def number(self, low: float, high: float) -> float:
        return round(self.random.uniform(low, high), self.random.choice([0, 1, 2, 3])) or low

    def indicators(self) -> list[dict[str, Any]]:
        random = self.random
        out: list[dict[str, Any]] = []
        for name in ("sma", "ema", "rsi", "atr", "bollinger"):
            params: dict[str, Any] = {"period": random.randrange(2, 12)}
            if name == "bollinger":
                params = {"period": random.randrange(4, 12), "std": random.choice([1, 1.5, 2])}
            spec: dict[str, Any] = {"name": name, "params": params}
            if self.some("offset", 0.2):
                spec["offset"] = random.randrange(1, 4)
            if name in ("sma", "ema") and self.some("source", 0.25):
                spec["source"] = random.choice(["hl2", "ohlc4", "(high + 3 * low) / 4", "high"])
            out.append(spec)
        if self.some("source", 0.2):
            out.append(
                {"name": "ema", "key": "smooth", "params": {"period": 3}, "source": "rsi"},
            )
        if self.some("more", 0.5):
            out += [
                {"name": "donchian", "params": {"period": random.randrange(2, 8)}, "offset": 1},
                {"name": "stoch", "params": {"k_period": 5, "k_smooth": 2, "d_period": 2}},
                {"name": "heikin_ashi"},
                {
                    "name": "macd",
                    "params": {"fast_period": 3, "slow_period": 6, "signal_period": 3},
                },
                {"name": "zscore", "params": {"period": random.randrange(4, 9)}},
            ]
            self.more = ["donchian.upper", "donchian.lower", "heikin_ashi.close", "heikin_ashi"]
        if self.some("higher", 0.3):
            name = random.choice(["ema", "sma", "donchian"])
            spec = {"name": name, "key": "wide", "params": {"period": random.randrange(2, 5)}}
            spec["timeframe"] = random.choice(["8h", "1d", "12h"])
            if random.random() < 0.3:
                spec["offset"] = 1
            if name == "sma" and random.random() < 0.4:
                spec["source"] = "hl2"
            out.append(spec)
            self.more = [*self.more, "wide"]
        self.lines = [
            "sma",
            "ema",
            "bollinger.lower",
            "bollinger.upper",
            "bollinger.mid",
            *self.more,
        ]
        return out

    def line(self) -> str:
        return self.random.choice([*self.lines, "close", "open", "hl2", "high", "low"])

    def price(self) -> str:
        """An expression near the price."""
        random = self.random
        shape = random.randrange(6)
        one, two = self.line(), self.line()
        if shape == 0:
            return f"{self.number(0.97, 1.03)} * {one}"
        if shape == 1:
            return f"({one} + {two}) / 2"
        if shape == 2:
            return f"{random.choice(['min', 'max'])}({one}, {two})"
        if shape == 3:
            return f"close {random.choice('+-')} {self.number(0.2, 2)} * atr"
        if shape == 4:
            return f"{one} + 0 / (close - open)"  # now and then it has no value
        return one

    def condition(self, depth: int = 0) -> dict[str, Any]:
        random = self.random
        out: dict[str, Any]
        if depth < 2 and self.some("groups", 0.3):
            kind = random.choice(["any", "all", "not"])
            if kind == "not":
                out = {"not": self.condition(depth + 1)}
            else:
                out = {kind: [self.condition(depth + 1) for _ in range(random.randrange(1, 4))]}
        else:
            kind = random.choice(["rsi", "line", "line", "cross", "clock", "equal", "swinging"])
            operator = random.choice(["lt", "gt", "lte", "gte"])
            if kind == "rsi":
                out = {
                    "indicator": "rsi",
                    "operator": operator,
                    "value": random.randrange(25, 75) + 0.3,
                }
            elif kind == "swinging" and self.more[:1] == ["donchian.upper"]:
                name = random.choice(["macd", "macd.histogram", "zscore", "stoch", "stoch.d"])
                value = random.randrange(20, 80) + 0.3 if name.startswith("stoch") else 0.123
                out = {"indicator": name, "operator": operator, "value": value}
            elif kind == "clock":
                name = random.choice(["hour", "weekday"])
                value = random.randrange(1, 6 if name == "weekday" else 20)
                out = {"indicator": name, "operator": operator, "value": value}
            elif kind == "equal":
                out = {"indicator": "close", "operator": random.choice(["eq", "ne"])}
                out["value"] = random.choice(["open", "high", "low"])
            else:
                arithmetic = self.some("arithmetic", 0.4)
                left, right = self.line(), self.price() if arithmetic else self.line()
                if kind == "cross":
                    operator = random.choice(["cross_above", "cross_below"])
                out = {"indicator": left, "operator": operator, "value": right}
        if self.some("lasting", 0.15):
            out[random.choice(["for", "within"])] = random.randrange(2, 4)
        return out

    def level(self, both: bool) -> Any:
        if both or self.random.random() < 0.2:
            return {"long": self.price(), "short": self.price()}
        return self.price()

    def config(self, symbols: list[str]) -> Config:
        random = self.random
        config: Config = {
            "name": "random",
            "symbols": symbols,
            "timeframe": random.choice(["15m", "1h", "1h", "4h"]),
            "indicators": self.indicators(),
            "starting_balance": random.choice([1000, 10000]),
            "fees": random.choice([0, 0.0006, 0.002]),
            "slippage_pct": random.choice([0, 0, 0.05, 0.3, 1]),
        }
        direction = "long"
        if self.some("both", 0.35):
            direction = "both"
        elif self.some("short", 0.3):
            direction = "short"
        config["direction"] = direction
        entries = [self.condition() for _ in range(random.randrange(1, 3))]
        if direction == "both":
            entries = [
                {**self.condition(), "direction": side} for side in ("long", "short") for _ in "x"
            ]
        config["entry_conditions"] = entries
        exits = [self.condition() for _ in range(random.randrange(0, 2))]
        if direction == "both":
            exits = [
                {**e, "direction": random.choice(["long", "short"])} if random.random() < 0.6 else e
                for e in exits
            ]
        if exits:
            config["exit_conditions"] = exits
        if self.some("leverage", 0.3):
            config["leverage"] = random.choice([2, 3, 10, 25, 60])
        self.way_out(config, direction == "both")
        self.size(config)
        self.limits(config)
        if self.some("entry", 0.3):
            kind = random.choice(["limit", "stop"])
            config["entry"] = {kind: self.level(direction == "both" and random.random() < 0.5)}
            if random.random() < 0.7:
                config["entry"]["valid"] = random.randrange(1, 5)
        return config

    def way_out(self, config: Config, both: bool) -> None:
        random = self.random
        if self.some("stop", 0.5):
            shape = random.choice(["atr", "level", "swing", "pct"])
            if shape == "atr":
                stop: dict[str, Any] = {"atr": self.atr()}
            elif shape == "level":
                stop = {"level": self.level(both)}
            elif shape == "swing":
                stop = {"swing": random.randrange(1, 10)}
            else:
                stop = {"pct": self.number(0.5, 6)}
            if self.some("trail", 0.4):
                stop["trail"] = True
            config["stop"] = stop
        elif random.random() < 0.6:
            config["stop_loss_pct"] = self.number(0.5, 6)
        trails = "pct" in config.get("stop", {}) or config.get("stop", {}).get("trail")
        if not trails and random.random() < 0.25:
            config["trailing_stop_pct"] = self.number(0.5, 5)
        stopped = "stop" in config or "stop_loss_pct" in config or "trailing_stop_pct" in config
        if stopped and self.some("trail", 0.25):
            config["break_even_at_r"] = random.choice([0.5, 1, 2])
        if self.some("roi", 0.2):
            config["roi"] = self.roi()
        elif self.some("target", 0.4):
            config["target"] = self.targets(stopped, both)
        elif random.random() < 0.5:
            config["take_profit_pct"] = self.number(0.5, 6)
        if random.random() < 0.3:
            config["max_hold"] = random.randrange(1, 12)

    def atr(self) -> dict[str, Any]:
        return {"period": self.random.randrange(2, 10), "multiplier": self.number(0.5, 3)}

    def roi(self) -> dict[str, Any]:
        random = self.random
        times = [t for t in ("0", "60m", "4h", "12h", "1d") if random.random() < 0.6] or ["0"]
        pcts = sorted((self.number(0.1, 5) for _ in times), reverse=True)
        return dict(zip(times, pcts, strict=True))

    def targets(self, stopped: bool, both: bool) -> Any:
        random = self.random

        def one() -> dict[str, Any]:
            shape = random.choice(["r", "atr", "level", "pct"] if stopped else ["atr", "pct"])
            if shape == "r":
                return {"r": random.choice([0.5, 1, 1.5, 2, 3])}
            if shape == "atr":
                return {"atr": self.atr()}
            if shape == "level":
                return {"level": self.level(both)}
            return {"pct": self.number(0.5, 6)}

        if not self.some("parts", 0.5):
            return one()
        shares: list[float | None] = random.choice(
            [[50], [50, 50], [30, 20, 50], [25, None], [40, 30, None], [33.3]]
        )
        return [one() | ({} if s is None else {"close_pct": s}) for s in shares]

    def size(self, config: Config) -> None:
        random = self.random
        stopped = "stop" in config or "stop_loss_pct" in config or "trailing_stop_pct" in config
        if self.some("size", 0.5):
            if stopped and random.random() < 0.6:
                config["risk_pct"] = random.choice([0.5, 1, 2])
            else:
                config["trade_amount"] = random.choice([100, 500, 5000])
        elif random.random() < 0.7:
            config["trade_size_pct"] = random.choice([10, 25, 50, 60, 100])

    def limits(self, config: Config) -> None:
        random = self.random
        if self.some("limits", 0.2):
            n = random.randrange(1, 8)
            config["cooldown"] = random.choice(
                [n, {"after": "loss", "candles": n}, {"after": "win", "candles": n}]
            )
        if self.some("limits", 0.2):
            config["max_trades_per_day"] = random.randrange(1, 3)
        if self.some("limits", 0.2):
            config["hours"] = random.choice(
                [["08:00-16:00"], ["22:00-02:00"], ["00:00-06:00", "12:00-20:00"]]
            )
        if self.some("limits", 0.2):
            config["weekdays"] = sorted(random.sample(range(1, 8), random.randrange(2, 7)))
        if self.some("risk", 0.2):
            config["max_daily_loss_pct"] = self.number(0.5, 3)
        if self.some("flat", 0.2):
            config["flat_at"] = random.choice(["21:55", "12:00", "00:00", "16:30", "23:00"])
        if self.some("adds", 0.35) and not isinstance(config.get("target"), list):
            config["adds"] = [self.add() for _ in range(random.randrange(1, 4))]

    def add(self) -> dict[str, Any]:
        random = self.random
        size = random.choice([25, 50, 100])
        if random.random() < 0.3:
            return {"when": [self.condition()], "size_pct": size}
        return {
            "at_pct": random.choice([1, 2, random.uniform(0.3, 4)]) * random.choice([-1, 1]),
            "size_pct": size,
        }


def random_case(seed: int, features: frozenset[str] = ALL) -> Case:
    """The case of a seed."""
    random = Random(seed)
    maker = _Maker(random, features)
    symbols = ["AAA/USDT:USDT"]
    if maker.some("symbols", 0.25):
        symbols.append("BBB/USDT:USDT")
    config = maker.config(symbols)
    length = milliseconds(config["timeframe"])
    start = START + random.randrange(0, 7) * DAY - length
    count = random.randrange(60, 200)
    candles = {s: random_rows(random, count, length, start) for s in symbols}
    limits = None
    if maker.some("filters", 0.2):
        limits = Limits(
            Decimal(random.choice(["0.01", "0.5", "1"])),
            Decimal(random.choice(["0.01", "1", "3"])),
            Decimal(random.choice(["5", "100"])),
        )
    at_close = maker.some("close", 0.25)
    funding = None
    if maker.some("funding", 0.2) and not at_close:
        funding = {
            s: [
                (t, random.choice([0.0001, -0.0003, 0.001]))
                for t in range(start, rows[-1].time, DAY // 3)
            ]
            for s, rows in candles.items()
        }
    return Case(config, candles, at_close, limits, funding)
