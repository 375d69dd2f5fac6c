"""The trading rules, candle by candle in plain floats.

Written from docs/rules.md and docs/config.md alone. It imports no room of the rules, knows no
shortcut, and is as slow as it is plain. What it does not know: finer candles, higher timeframes,
and prices between candles.
"""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal
from typing import Any, NamedTuple

Config = dict[str, Any]
NAN = math.nan
MINUTE = 60_000
DAY = 1440 * MINUTE
UNITS = {"m": MINUTE, "h": 60 * MINUTE, "d": DAY, "w": 7 * DAY}


class Row(NamedTuple):
    """One candle."""

    time: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class Limits(NamedTuple):
    """Order limits of a market."""

    lot_step: Decimal
    min_quantity: Decimal
    min_notional: Decimal


class Part(NamedTuple):
    """One of several entries or exits."""

    time: int
    price: float
    quantity: float
    fee: float
    reason: str


@dataclass
class Closed:
    """A trade as it came out."""

    symbol: str
    side: str
    signal_time: int
    entry_time: int
    entry_price: float
    exit_time: int
    exit_price: float
    quantity: float
    margin: float
    fees: float
    funding: float
    pnl: float
    exit_reason: str
    ambiguous: bool
    parts: list[Part]
    entries: list[Part]


@dataclass
class Outcome:
    """Everything a run came to."""

    trades: list[Closed] = field(default_factory=list)
    refused: list[tuple[int, str, str]] = field(default_factory=list)
    ending_balance: float = 0.0
    still_open: int = 0


def milliseconds(text: str) -> int:
    """The length that `60m` or `4h` names."""
    return 0 if text == "0" else int(text[:-1]) * UNITS[text[-1]]


def minute_of(text: str) -> int:
    """Minutes since midnight of `HH:MM`."""
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


# --- indicators ---


def sma(xs: list[float], n: int) -> list[float]:
    """Simple average."""
    return [NAN if i < n - 1 else sum(xs[i - n + 1 : i + 1]) / n for i in range(len(xs))]


def ema(xs: list[float], n: int) -> list[float]:
    """Exponential average that begins with a simple one."""
    out = [NAN] * len(xs)
    for i in range(n - 1, len(xs)):
        if i == n - 1:
            out[i] = sum(xs[:n]) / n
        else:
            out[i] = out[i - 1] + (xs[i] - out[i - 1]) * 2 / (n + 1)
    return out


def rsi(xs: list[float], n: int) -> list[float]:
    """Relative strength by Wilder."""
    out = [NAN] * len(xs)
    up = down = 0.0
    for i in range(1, len(xs)):
        change = xs[i] - xs[i - 1]
        if i <= n:
            up += max(change, 0.0) / n
            down += max(-change, 0.0) / n
        else:
            up = (up * (n - 1) + max(change, 0.0)) / n
            down = (down * (n - 1) + max(-change, 0.0)) / n
        window = xs[max(0, i - n) : i + 1]
        if i >= n and max(window) > min(window):
            out[i] = 100 * up / (up + down)
    return out


def atr(rows: list[Row], n: int) -> list[float]:
    """Average true range by Wilder, without the first true range."""
    out = [NAN] * len(rows)
    ranges = [0.0]
    for i in range(1, len(rows)):
        before = rows[i - 1].close
        row = rows[i]
        ranges.append(max(row.high - row.low, abs(row.high - before), abs(row.low - before)))
        if i == n:
            out[i] = sum(ranges[1 : n + 1]) / n
        elif i > n:
            out[i] = (out[i - 1] * (n - 1) + ranges[i]) / n
    return out


def bollinger(xs: list[float], n: int, std: float) -> dict[str, list[float]]:
    """Average and bands at `std` population deviations."""
    mid = sma(xs, n)
    lower, upper = [NAN] * len(xs), [NAN] * len(xs)
    for i in range(n - 1, len(xs)):
        window = xs[i - n + 1 : i + 1]
        deviation = math.sqrt(sum((x - mid[i]) ** 2 for x in window) / n)
        lower[i], upper[i] = mid[i] - std * deviation, mid[i] + std * deviation
    bands = list(zip(xs, lower, upper, mid, strict=True))
    return {
        "value": mid,
        "mid": mid,
        "lower": lower,
        "upper": upper,
        "bandwidth": [(high - low) / middle for _, low, high, middle in bands],
        "percent": [(x - low) / (high - low) if high > low else NAN for x, low, high, _ in bands],
    }


def donchian(rows: list[Row], n: int) -> dict[str, list[float]]:
    """Highest high and lowest low."""
    upper, lower = [NAN] * len(rows), [NAN] * len(rows)
    for i in range(n - 1, len(rows)):
        window = rows[i - n + 1 : i + 1]
        upper[i], lower[i] = max(r.high for r in window), min(r.low for r in window)
    mid = [(u + w) / 2 for u, w in zip(upper, lower, strict=True)]
    return {"value": mid, "mid": mid, "lower": lower, "upper": upper}


def stoch(
    rows: list[Row], k_period: int = 14, k_smooth: int = 3, d_period: int = 3
) -> dict[str, list[float]]:
    """Place of the close in the range, smoothed twice; both exist from where the second does."""
    fast = []
    for i in range(k_period - 1, len(rows)):
        window = rows[i - k_period + 1 : i + 1]
        high, low = max(r.high for r in window), min(r.low for r in window)
        fast.append(100 * (rows[i].close - low) / (high - low) if high > low else NAN)
    k = sma(fast, k_smooth)
    d = sma(k[k_smooth - 1 :], d_period)
    k, d = [NAN] * (k_period - 1) + k, [NAN] * (k_period + k_smooth - 2) + d
    k = [NAN if math.isnan(b) else a for a, b in zip(k, d, strict=True)]
    return {"value": k[: len(rows)], "k": k[: len(rows)], "d": d[: len(rows)]}


def heikin_ashi(rows: list[Row]) -> dict[str, list[float]]:
    """Averaged candles, the first open in the middle of its candle's body."""
    opens: list[float] = []
    closes: list[float] = []
    for i, row in enumerate(rows):
        first = (row.open + row.close) / 2 if i == 0 else (opens[-1] + closes[-1]) / 2
        opens.append(first)
        closes.append((row.open + row.high + row.low + row.close) / 4)
    both = list(zip(rows, opens, closes, strict=True))
    return {
        "value": opens,
        "open": opens,
        "high": [max(r.high, o, c) for r, o, c in both],
        "low": [min(r.low, o, c) for r, o, c in both],
        "close": closes,
    }


def macd(
    xs: list[float], fast_period: int = 12, slow_period: int = 26, signal_period: int = 9
) -> dict[str, list[float]]:
    """Difference of two averages and the average of that, each seeded by its own first values."""
    fast, slow = ema(xs, fast_period), ema(xs, slow_period)
    line = [a - b for a, b in zip(fast, slow, strict=True)]
    first = slow_period - 1
    signal = ([NAN] * first + ema(line[first:], signal_period))[: len(xs)]
    return {
        "value": line,
        "signal": signal,
        "histogram": [a - b for a, b in zip(line, signal, strict=True)],
    }


def zscore(xs: list[float], n: int) -> list[float]:
    """Distance from the average in population deviations."""
    out = [NAN] * len(xs)
    for i in range(n - 1, len(xs)):
        window = xs[i - n + 1 : i + 1]
        mid = sum(window) / n
        if max(window) > min(window):
            out[i] = (xs[i] - mid) / math.sqrt(sum((x - mid) ** 2 for x in window) / n)
    return out


class Market:
    """The candles of a symbol, its series and what holds on them."""

    def __init__(self, config: Config, rows: list[Row], length: int) -> None:
        self.rows = rows
        self.length = length
        self.series: dict[str, dict[str, list[float]]] = {}
        needed: list[list[float]] = []
        for spec in config.get("indicators", []):
            fields = self._higher(spec) if "timeframe" in spec else self._indicator(spec)
            self.series[spec.get("key", spec["name"])] = fields
            needed.extend(fields.values())
        self.atrs: dict[int, list[float]] = {}
        for rule in _price_rules(config):
            if "atr" in rule:
                period = rule["atr"].get("period", 14)
                self.atrs[period] = atr(rows, period)
                needed.append(self.atrs[period])
            if "swing" in rule:
                n = rule["swing"]
                needed.append([NAN if i < n - 1 else 0.0 for i in range(len(rows))])
        self.first = next(
            (i for i in range(len(rows)) if not any(math.isnan(s[i]) for s in needed)), len(rows)
        )

    def _higher(self, spec: Config) -> dict[str, list[float]]:
        """An indicator of higher candles: that of the newest one that has closed."""
        length = milliseconds(spec["timeframe"])
        candles: list[Row] = []
        closed: list[int] = []  # how many had closed at the close of each candle
        for row in self.rows:
            start = row.time // length * length
            if candles and candles[-1].time == start:
                last = candles[-1]
                high, low = max(last.high, row.high), min(last.low, row.low)
                volume = last.volume + row.volume
                candles[-1] = Row(start, last.open, high, low, row.close, volume)
            else:
                candles.append(row._replace(time=start))
            ended = candles[-1].time + length <= row.time + self.length
            closed.append(len(candles) - (not ended))
        skipped = self.rows[0].time > candles[0].time
        plain = {k: v for k, v in spec.items() if k != "timeframe"}
        market = Market({"indicators": [plain]}, candles[skipped:], length)
        fields = market.series[str(spec.get("key", spec["name"]))]
        return {
            k: [v[n - skipped - 1] if n - skipped > 0 else NAN for n in closed]
            for k, v in fields.items()
        }

    def _indicator(self, spec: Config) -> dict[str, list[float]]:
        fields = self._plain(spec)
        back = spec.get("offset", 0)
        return {k: ([NAN] * back + v)[: len(self.rows)] for k, v in fields.items()}

    def _plain(self, spec: Config) -> dict[str, list[float]]:
        name, params = spec["name"], spec.get("params", {})
        if name == "atr":
            return {"value": atr(self.rows, params.get("period", 14))}
        if name == "donchian":
            return donchian(self.rows, params.get("period", 20))
        if name == "stoch":
            return stoch(self.rows, **params)
        if name == "heikin_ashi":
            return heikin_ashi(self.rows)
        source = [self.value(spec.get("source", "close"), i) for i in range(len(self.rows))]
        places = [i for i, x in enumerate(source) if not math.isnan(x)]
        xs = [source[i] for i in places]
        if name == "sma":
            fields = {"value": sma(xs, params.get("period", 20))}
        elif name == "ema":
            fields = {"value": ema(xs, params.get("period", 20))}
        elif name == "rsi":
            fields = {"value": rsi(xs, params.get("period", 14))}
        elif name == "bollinger":
            fields = bollinger(xs, params.get("period", 20), params.get("std", 2))
        elif name == "macd":
            fields = macd(xs, **params)
        elif name == "zscore":
            fields = {"value": zscore(xs, params.get("period", 20))}
        else:
            raise ValueError(f"the simulator has no {name}")
        spread = {}
        for key, values in fields.items():
            full = [NAN] * len(self.rows)
            for place, value in zip(places, values, strict=True):
                full[place] = value
            spread[key] = full
        return spread

    def value(self, written: object, i: int) -> float:
        """The value of a number or an expression on candle `i`."""
        if not isinstance(written, str):
            return float(written)  # type: ignore[arg-type]
        return self._node(ast.parse(written, mode="eval").body, i)

    def _node(self, node: ast.expr, i: int) -> float:
        if isinstance(node, ast.Constant):
            return float(node.value)  # type: ignore[arg-type]
        if isinstance(node, ast.Name):
            return self._named(node.id, "value", i)
        if isinstance(node, ast.Attribute):
            assert isinstance(node.value, ast.Name)
            return self._named(node.value.id, node.attr, i)
        if isinstance(node, ast.UnaryOp):
            value = self._node(node.operand, i)
            return -value if isinstance(node.op, ast.USub) else value
        if isinstance(node, ast.Call):
            assert isinstance(node.func, ast.Name)
            values = [self._node(a, i) for a in node.args]
            if any(math.isnan(v) for v in values):
                return NAN
            if node.func.id == "abs":
                return abs(values[0])
            return min(values) if node.func.id == "min" else max(values)
        assert isinstance(node, ast.BinOp)
        left, right = self._node(node.left, i), self._node(node.right, i)
        if isinstance(node.op, ast.Add):
            return left + right
        if isinstance(node.op, ast.Sub):
            return left - right
        if isinstance(node.op, ast.Mult):
            return left * right
        return left / right if right != 0 else NAN

    def _named(self, key: str, name: str, i: int) -> float:
        if key in self.series:
            fields = self.series[key]
            return fields["value" if name not in fields else name][i]
        row = self.rows[i]
        minutes = (row.time + self.length) // MINUTE
        plain = {
            "open": row.open,
            "high": row.high,
            "low": row.low,
            "close": row.close,
            "price": row.close,
            "volume": row.volume,
            "hl2": (row.high + row.low) / 2,
            "hlc3": (row.high + row.low + row.close) / 3,
            "ohlc4": (row.open + row.high + row.low + row.close) / 4,
            "hour": minutes // 60 % 24,
            "minute": minutes % 60,
            "weekday": (minutes // 1440 + 3) % 7 + 1,
        }
        return float(plain[key])

    def holds(self, rule: Config, i: int) -> bool:
        """Whether a condition or a group holds on candle `i`."""
        if "for" in rule:
            n = rule["for"]
            return i + 1 >= n and all(self._now(rule, k) for k in range(i - n + 1, i + 1))
        if "within" in rule:
            return any(self._now(rule, k) for k in range(max(0, i - rule["within"] + 1), i + 1))
        return self._now(rule, i)

    def _now(self, rule: Config, i: int) -> bool:
        if "any" in rule:
            return any(self.holds(r, i) for r in rule["any"])
        if "all" in rule:
            return all(self.holds(r, i) for r in rule["all"])
        if "not" in rule:
            return not self.holds(rule["not"], i)
        name = rule["indicator"]
        if "field" in rule:
            name = f"{name}.{rule['field']}"
        left, right = self.value(name, i), self.value(rule["value"], i)
        if math.isnan(left) or math.isnan(right):
            return False
        operator = rule["operator"]
        if operator.startswith("cross"):
            if i == 0:
                return False
            before, threshold = self.value(name, i - 1), self.value(rule["value"], i - 1)
            if math.isnan(before) or math.isnan(threshold):
                return False
            if operator == "cross_above":
                return before <= threshold and left > right
            return before >= threshold and left < right
        equal = abs(left - right) <= 1e-9 * max(abs(left), abs(right))
        return {
            "lt": left < right,
            "gt": left > right,
            "lte": left <= right,
            "gte": left >= right,
            "eq": equal,
            "ne": not equal,
        }[operator]

    def distance(self, rule: Config, i: int) -> float:
        """The multiple of the ATR that a price rule asks for."""
        return float(rule["atr"].get("multiplier", 1) * self.atrs[rule["atr"].get("period", 14)][i])

    def level(self, written: object, side: int, i: int) -> float:
        """An expression, which may be one for each side."""
        if isinstance(written, dict):
            written = written["long" if side > 0 else "short"]
        return self.value(written, i)

    def swing(self, n: int, side: int, i: int) -> float:
        """The lowest low (for a short the highest high) of `n` candles."""
        window = self.rows[max(0, i - n + 1) : i + 1]
        return min(r.low for r in window) if side > 0 else max(r.high for r in window)


def _long_forms(config: Config) -> Config:
    """The config with `stop: {pct: …}` as the key that it stands for."""
    stop = config.get("stop", {})
    if "pct" not in stop:
        return config
    key = "trailing_stop_pct" if stop.get("trail") else "stop_loss_pct"
    return {k: v for k, v in config.items() if k != "stop"} | {key: stop["pct"]}


def _price_rules(config: Config) -> list[Config]:
    rules = [config["stop"]] if "stop" in config else []
    target = config.get("target")
    if target is not None:
        rules.extend(target if isinstance(target, list) else [target])
    return rules


# --- positions ---


@dataclass
class Order:
    """An entry that waits for its fill. `kind` is market, limit or stop."""

    side: int
    signal: int
    signal_time: int
    kind: str = "market"
    price: float = NAN
    left: int = 1


@dataclass
class Target:
    """A price at which a share of the position is closed."""

    price: float
    share: float | None
    pct: float | None = None
    quantity: float | None = None


@dataclass
class Add:
    """An addition that has not happened."""

    rule: Config
    price: float = NAN
    due: bool = False


@dataclass
class Position:
    """What is held of a symbol."""

    side: int
    signal_time: int
    entry_time: int
    clock: int
    entry: float
    first_price: float
    first_quantity: float
    quantity: float
    left: float
    margin: float
    margin_left: float
    entry_fee: float
    fees: float
    best: float
    stop: float | None = None
    stop_reason: str = "stop_loss"
    stop_pct: float | None = None
    broken_even: bool = False
    trigger_price: float = NAN
    risk: float = NAN
    trigger: float = NAN
    targets: list[Target] = field(default_factory=list)
    roi_pct: float | None = None
    funding: float = 0.0
    pnl: float = 0.0
    held: int = 0
    ambiguous: bool = False
    parts: list[Part] = field(default_factory=list)
    entries: list[Part] = field(default_factory=list)
    adds: list[Add] = field(default_factory=list)


@dataclass
class Slot:
    """One symbol of the run."""

    symbol: str
    market: Market
    limits: Limits | None
    funding: list[tuple[int, float]]
    at: int = -1
    mark: float = 0.0
    position: Position | None = None
    order: Order | None = None
    exit_due: str | None = None
    last_exits: dict[str, int] = field(default_factory=dict)


class Simulator:
    """One run."""

    def __init__(
        self,
        config: Config,
        candles: dict[str, list[Row]],
        *,
        at_close: bool = False,
        limits: Limits | None = None,
        funding: dict[str, list[tuple[int, float]]] | None = None,
    ) -> None:
        config = self.config = _long_forms(config)
        self.length = milliseconds(config["timeframe"])
        self.at_close = at_close
        self.fee = config.get("fees", 0.0006)
        self.slip = config.get("slippage_pct", 0) / 100
        self.leverage = config.get("leverage", 1)
        self.free = float(config.get("starting_balance", 10000))
        self.dust = self.free * 1e-12  # what rounding leaves is no balance
        self.out = Outcome()
        self.slots = [
            Slot(s, Market(config, candles[s], self.length), limits, (funding or {}).get(s, []))
            for s in config["symbols"]
        ]
        self.day = self.halted = -1
        self.day_began = self.last_equity = self.free
        self.entries_by_day: dict[int, int] = {}

    # what a moment brings

    def run(self) -> Outcome:
        """Every candle of every symbol, in order of time."""
        for time in sorted({r.time for s in self.slots for r in s.market.rows}):
            self._moment(time)
        self.out.ending_balance = self._equity()
        self.out.still_open = sum(s.position is not None for s in self.slots)
        return self.out

    def _moment(self, time: int) -> None:
        now = []
        for slot in self.slots:
            rows = slot.market.rows
            if slot.at + 1 < len(rows) and rows[slot.at + 1].time == time:
                slot.at += 1
                slot.mark = rows[slot.at].open
                now.append(slot)
        for slot in now:
            self._pay_funding(slot)
            self._liquidate_at_open(slot)
        for slot in now:
            if slot.exit_due is not None and not self.at_close:
                self._leave_at_market(slot, slot.market.rows[slot.at].open)
        filled: dict[str, str] = {}
        for slot in now:
            filled[slot.symbol] = "open"
            if slot.order is not None and slot.position is None:
                filled[slot.symbol] = self._try_order(slot)
            elif slot.position is not None:
                self._due_adds(slot)
        for slot in now:
            if slot.position is not None:
                self._inside(slot, filled[slot.symbol])
            slot.mark = slot.market.rows[slot.at].close
        for slot in now:
            if slot.position is not None:
                self._at_close(slot, filled[slot.symbol])
        self._watch(time)
        for slot in now:
            self._decide(slot)
        if self.at_close:
            for slot in now:
                if slot.exit_due is not None:
                    self._leave_at_market(slot, slot.market.rows[slot.at].close)
            for slot in now:
                if slot.position is None and slot.order is not None and slot.order.kind == "market":
                    self._enter_at_market(slot, slot.market.rows[slot.at].close)
                elif slot.position is not None:
                    self._due_adds(slot)
            self._watch(time)

    def _watch(self, time: int) -> None:
        """The loss since the day of this candle's close began."""
        equity = self._equity()
        day = (time + self.length - 1) // DAY
        if day != self.day:
            self.day, self.day_began = day, self.last_equity
        self.last_equity = equity
        most = self.config.get("max_daily_loss_pct")
        if most is not None and equity <= self.day_began * (1 - most / 100):
            self.halted = day

    def _equity(self) -> float:
        total = self.free
        for slot in self.slots:
            p = slot.position
            if p is not None:
                total += p.margin_left + (slot.mark - p.entry) * p.left * p.side
        return total

    def _pay_funding(self, slot: Slot) -> None:
        p = slot.position
        if p is None:
            return
        row = slot.market.rows[slot.at]
        since = slot.market.rows[slot.at - 1].time
        for time, rate in slot.funding:
            if since < time <= row.time:
                amount = rate * p.left * row.open * p.side
                p.funding += amount
                self.free -= amount

    def _liquidation(self, p: Position) -> float | None:
        if p.side > 0 and self.leverage <= 1:
            return None
        return float(p.entry * (1 - p.side * (1 / self.leverage - 0.005)))

    def _liquidate_at_open(self, slot: Slot) -> None:
        p = slot.position
        if p is None:
            return
        price = self._liquidation(p)
        first = slot.market.rows[slot.at].open
        if price is not None and (first - price) * p.side <= 0:
            self._close(slot, first, "liquidation")
            slot.exit_due = None

    def _leave_at_market(self, slot: Slot, price: float) -> None:
        reason, slot.exit_due = slot.exit_due, None
        p = slot.position
        if p is not None and reason is not None:
            self._close(slot, price * (1 - p.side * self.slip), reason)

    # entries

    def _refuse(self, slot: Slot, why: str) -> None:
        slot.order = None
        self._count(slot, why)

    def _count(self, slot: Slot, why: str) -> None:
        self.out.refused.append((slot.market.rows[slot.at].time, slot.symbol, why))

    def _enter_at_market(self, slot: Slot, price: float) -> None:
        assert slot.order is not None
        self._enter(slot, slot.order, price * (1 + slot.order.side * self.slip))

    def _try_order(self, slot: Slot) -> str:
        """Fill what waits if it is reached; the answer says how the rest of the candle counts."""
        order = slot.order
        assert order is not None
        row = slot.market.rows[slot.at]
        side = order.side
        if order.kind == "market":
            self._enter_at_market(slot, row.open)
            return "open"
        toward, away = (row.low, row.high) if side > 0 else (row.high, row.low)
        if order.kind == "limit":
            if (row.open - order.price) * side <= 0:
                self._enter(slot, order, row.open)
                return "open"
            if (toward - order.price) * side <= 0:
                self._enter(slot, order, order.price)
                return "limit"
        else:
            if (row.open - order.price) * side >= 0:
                self._enter(slot, order, row.open * (1 + side * self.slip))
                return "open"
            if (away - order.price) * side >= 0:
                self._enter(slot, order, order.price * (1 + side * self.slip))
                return "stop"
        order.left -= 1
        if order.left == 0:
            self._refuse(slot, "unfilled")
        return "open"

    def _clock(self, slot: Slot, order: Order) -> int:
        """The time of an entry: the open of its candle, or the close where that fills it."""
        time = slot.market.rows[slot.at].time
        closing = self.at_close and order.kind == "market"
        return time + self.length if closing else time

    def _obstacle(self, slot: Slot, order: Order) -> str | None:
        moment = self._clock(slot, order)
        minute = moment // MINUTE % 1440
        if moment // DAY == self.halted:
            return "risk_limit"
        rule = self.config.get("cooldown")
        if rule is not None:
            written = rule if isinstance(rule, dict) else {"after": "any", "candles": rule}
            last = slot.last_exits.get(written.get("after", "any"))
            if last is not None and order.signal_time < last + written["candles"] * self.length:
                return "cooldown"
        weekdays = self.config.get("weekdays")
        if weekdays is not None and (moment // DAY + 3) % 7 + 1 not in weekdays:
            return "hours"
        hours = self.config.get("hours")
        if hours is not None and not any(_in_span(minute, span) for span in hours):
            return "hours"
        flat = self.config.get("flat_at")
        if flat is not None and flat != "00:00" and minute >= minute_of(flat):
            return "hours"
        most = self.config.get("max_trades_per_day")
        day = moment // DAY
        if most is not None and self.entries_by_day.get(day, 0) >= most:
            return "trades_per_day"
        return None

    def _enter(self, slot: Slot, order: Order, price: float) -> None:
        config, market, side = self.config, slot.market, order.side
        why = self._obstacle(slot, order)
        if why is not None:
            self._refuse(slot, why)
            return
        stop, reason = self._first_stop(market, side, order.signal, price)
        if stop is not None and not (price - stop) * side > 0:
            self._refuse(slot, "price")
            return
        first = stop
        if "trailing_stop_pct" in config:
            trailing = price * (1 - side * config["trailing_stop_pct"] / 100)
            if first is None or (trailing - first) * side > 0:
                first = trailing
        risk = abs(price - first) if first is not None else NAN
        targets = self._first_targets(market, side, order.signal, price, risk)
        if not all((t.price - price) * side > 0 for t in targets):
            self._refuse(slot, "price")
            return
        quantity = self._size(price, first, side)
        if quantity <= 0:
            self._refuse(slot, "balance")
            return
        if slot.limits is not None:
            quantity = _floored(quantity, slot.limits)
            if _too_small(quantity, price, slot.limits):
                self._refuse(slot, "filter")
                return
        margin, fee = quantity * price / self.leverage, quantity * price * self.fee
        self.free -= margin + fee
        clock = self._clock(slot, order)
        day = clock // DAY
        self.entries_by_day[day] = self.entries_by_day.get(day, 0) + 1
        time = market.rows[slot.at].time
        slot.order = None
        slot.position = Position(
            side=side,
            signal_time=order.signal_time,
            entry_time=time,
            clock=clock,
            entry=price,
            first_price=price,
            first_quantity=quantity,
            quantity=quantity,
            left=quantity,
            margin=margin,
            margin_left=margin,
            entry_fee=fee,
            fees=fee,
            best=price,
            stop=stop,
            stop_reason=reason,
            stop_pct=config.get("stop_loss_pct"),
            trigger_price=order.price,
            risk=risk,
            trigger=price + side * config.get("break_even_at_r", NAN) * risk,
            roi_pct=config.get("roi", {}).get("0"),
            targets=_parts(sorted(targets, key=lambda t: t.price * side), quantity, slot.limits),
            entries=[Part(time, price, quantity, fee, "")],
            adds=[
                Add(a, price * (1 + side * a["at_pct"] / 100) if "at_pct" in a else NAN)
                for a in config.get("adds", [])
            ],
        )

    def _size(self, price: float, first: float | None, side: int) -> float:
        """The quantity of an entry, before the market's limits; 0 without free balance."""
        config = self.config
        equity = self._equity()
        if self.free <= self.dust:
            return 0.0
        per_unit = price * (1 + self.fee * self.leverage)
        most = self.free * self.leverage / per_unit
        if "risk_pct" in config:
            assert first is not None
            leaving = first * (1 - side * self.slip)
            loss = abs(price - leaving) + self.fee * (price + leaving)
            return float(min(equity * config["risk_pct"] / 100 / loss, most))
        if "trade_amount" in config:
            budget = config["trade_amount"]
        else:
            budget = equity * config.get("trade_size_pct", 100) / 100
        return float(min(budget * self.leverage / per_unit, most))

    def _first_stop(
        self, market: Market, side: int, i: int, price: float
    ) -> tuple[float | None, str]:
        rule = self.config.get("stop")
        if rule is None:
            pct = self.config.get("stop_loss_pct")
            return (None if pct is None else price * (1 - side * pct / 100)), "stop_loss"
        if "atr" in rule:
            return price - side * market.distance(rule, i), "stop_loss"
        if "swing" in rule:
            return market.swing(rule["swing"], side, i), "stop_loss"
        return market.level(rule["level"], side, i), "stop_loss"

    def _first_targets(
        self, market: Market, side: int, i: int, price: float, risk: float
    ) -> list[Target]:
        pct = self.config.get("take_profit_pct")
        if pct is not None:
            return [Target(price * (1 + side * pct / 100), None, pct)]
        written = self.config.get("target", [])
        out = []
        for rule in written if isinstance(written, list) else [written]:
            share = rule.get("close_pct")
            if "r" in rule:
                out.append(Target(price + side * rule["r"] * risk, share))
            elif "pct" in rule:
                out.append(Target(price * (1 + side * rule["pct"] / 100), share, rule["pct"]))
            elif "atr" in rule:
                out.append(Target(price + side * market.distance(rule, i), share))
            else:
                out.append(Target(market.level(rule["level"], side, i), share))
        return out

    # inside a candle

    def _stop(self, p: Position) -> tuple[float | None, str]:
        """The nearest stop and its reason."""
        stop, reason = p.stop, p.stop_reason
        pct = self.config.get("trailing_stop_pct")
        if pct is not None:
            trailing = p.best * (1 - p.side * pct / 100)
            if stop is None or (trailing - stop) * p.side > 0:
                stop, reason = trailing, "trailing_stop"
        return stop, reason

    def _inside(self, slot: Slot, how: str) -> None:
        p = slot.position
        assert p is not None
        row = slot.market.rows[slot.at]
        side = p.side
        bad, good = (row.low, row.high) if side > 0 else (row.high, row.low)
        if how == "limit":
            good = row.close
        stop, reason = self._stop(p)
        if self._fall(slot, p, row):
            return
        if how == "open":
            if stop is not None and (row.open - stop) * side <= 0:
                self._close(slot, row.open * (1 - side * self.slip), reason)
                return
            if self._reach_targets(slot, row.open):
                return
        if p.entry_time < row.time:
            for add in self._waiting_in_favour(p):
                if (row.open - add.price) * side >= 0 and self._add(
                    slot, p, add, row.open * (1 + side * self.slip)
                ):
                    stop, reason = self._stop(p)
                    if stop is not None and (row.open - stop) * side <= 0:
                        self._close(slot, row.open * (1 - side * self.slip), reason)
                        return
            added = self._add_against(slot, p, row)
            if added:
                good = row.close
        floor, floor_reason, slip = self._floor(p)
        if floor is not None and (bad - floor) * side <= 0:
            if how != "open" and (p.trigger_price - floor) * side <= 0 and slip == self.slip:
                self._close(slot, p.trigger_price * (1 - side * slip), floor_reason)
                return
            target = self._next_target(p)
            reached = target is not None and (good - target) * side >= 0
            if p.entry_time < row.time:
                reached |= any((good - a.price) * side >= 0 for a in self._waiting_in_favour(p))
            if how != "open" or reached:
                p.ambiguous = True
            self._close(slot, floor * (1 - side * slip), floor_reason)
            return
        if p.entry_time < row.time:
            done = False
            for add in self._waiting_in_favour(p):
                target = self._next_target(p)
                if target is not None and (add.price - target) * side >= 0:
                    break
                if (good - add.price) * side < 0:
                    break
                done |= self._add(slot, p, add, add.price * (1 + side * self.slip))
                rest = self._waiting_in_favour(p)
                if not done or (rest and rest[0].price == add.price):
                    continue
                floor, floor_reason, slip = self._floor(p)
                if floor is not None and (bad - floor) * side <= 0:
                    p.ambiguous = True
                    self._close(slot, floor * (1 - side * slip), floor_reason)
                    return
        self._reach_targets(slot, good)

    def _floor(self, p: Position) -> tuple[float | None, str, float]:
        """The nearer of stop and liquidation, its reason, and what slips there."""
        stop, reason = self._stop(p)
        liquidation = self._liquidation(p)
        if liquidation is not None and (stop is None or (liquidation - stop) * p.side >= 0):
            return liquidation, "liquidation", 0.0
        return stop, reason, self.slip

    def _waiting_in_favour(self, p: Position) -> list[Add]:
        """Additions in favour of the position, nearest first."""
        adds = [a for a in p.adds if a.rule.get("at_pct", 0) > 0]
        return sorted(adds, key=lambda a: a.price * p.side)

    def _add_against(self, slot: Slot, p: Position, row: Row) -> bool:
        """Fill additions against the position; whether one was inside the candle."""
        side = p.side
        bad = row.low if side > 0 else row.high
        inside = False
        adds = [a for a in p.adds if a.rule.get("at_pct", 0) < 0]
        for add in sorted(adds, key=lambda a: -a.price * side):
            floor, _, _ = self._floor(p)
            if (bad - add.price) * side > 0:
                break
            if floor is not None and (add.price - floor) * side <= 0:
                break
            at_open = (row.open - add.price) * side <= 0
            done = self._add(slot, p, add, row.open if at_open else add.price)
            inside |= done and not at_open
        return inside

    def _add(self, slot: Slot, p: Position, add: Add, price: float) -> bool:
        """Make the position larger; whether that was possible."""
        p.adds.remove(add)
        quantity = p.first_quantity * add.rule["size_pct"] / 100
        at_close = self.at_close and "when" in add.rule
        if (slot.market.rows[slot.at].time + at_close * self.length) // DAY == self.halted:
            self._count(slot, "risk_limit")
            return False
        if self.free <= self.dust:
            self._count(slot, "balance")
            return False
        most = self.free * self.leverage / (price * (1 + self.fee * self.leverage))
        quantity = min(quantity, most)
        if slot.limits is not None:
            quantity = _floored(quantity, slot.limits)
            if _too_small(quantity, price, slot.limits):
                self._count(slot, "filter")
                return False
        margin, fee = quantity * price / self.leverage, quantity * price * self.fee
        self.free -= margin + fee
        p.entries.append(Part(slot.market.rows[slot.at].time, price, quantity, fee, ""))
        p.entry = (p.entry * p.quantity + price * quantity) / (p.quantity + quantity)
        p.quantity += quantity
        p.left += quantity
        p.margin += margin
        p.margin_left += margin
        p.entry_fee += fee
        p.fees += fee
        if p.stop_pct is not None:
            p.stop = p.entry * (1 - p.side * p.stop_pct / 100)
        for target in p.targets:
            if target.pct is not None:
                target.price = p.entry * (1 + p.side * target.pct / 100)
        return True

    def _next_target(self, p: Position) -> float | None:
        if p.roi_pct is not None:
            return p.entry * (1 + p.side * p.roi_pct / 100)
        return p.targets[0].price if p.targets else None

    def _fall(self, slot: Slot, p: Position, row: Row) -> bool:
        """The target that falls with time; whether its fall fills it at once."""
        roi = self.config.get("roi")
        if roi is None:
            return False
        passed = [milliseconds(k) for k in roi if milliseconds(k) <= max(0, row.time - p.clock)]
        pct = next((v for k, v in roi.items() if passed and milliseconds(k) == max(passed)), None)
        fell = pct != p.roi_pct
        p.roi_pct = pct
        if fell and pct is not None:
            stop, _ = self._stop(p)
            target = p.entry * (1 + p.side * pct / 100)
            if stop is not None and (row.open - stop) * p.side <= 0:
                return False
            if (row.open - target) * p.side >= 0:
                price = row.open * (1 - p.side * self.slip)
                self._close(slot, max(price * p.side, target * p.side) * p.side, "roi")
                return True
        return False

    def _reach_targets(self, slot: Slot, price: float) -> bool:
        p = slot.position
        assert p is not None
        target = self._next_target(p)
        while target is not None and (price - target) * p.side >= 0:
            if p.roi_pct is not None:
                self._close(slot, target, "roi")
                return True
            self._take(slot, p, p.targets.pop(0))
            if slot.position is None:
                return True
            target = self._next_target(p)
        return False

    def _take(self, slot: Slot, p: Position, target: Target) -> None:
        if target.quantity is None or target.quantity >= p.left * (1 - 1e-9):
            self._close(slot, target.price, "take_profit")
            return
        self._part(slot, p, target.quantity, target.price, "take_profit")

    def _part(self, slot: Slot, p: Position, quantity: float, price: float, reason: str) -> None:
        time = slot.market.rows[slot.at].time
        fee = quantity * price * self.fee
        freed = p.margin_left * quantity / p.left
        gain = (price - p.entry) * quantity * p.side
        if reason == "liquidation" or gain - fee < -freed:  # no position loses more than that
            fee, gain = 0.0, -freed
        p.parts.append(Part(time, price, quantity, fee, reason))
        p.fees += fee
        p.pnl += gain - fee
        p.margin_left -= freed
        p.left -= quantity
        self.free += freed + gain - fee

    def _close(self, slot: Slot, price: float, reason: str) -> None:
        p = slot.position
        assert p is not None
        self._part(slot, p, p.left, price, reason)
        time = slot.market.rows[slot.at].time
        pnl = p.pnl - p.entry_fee - p.funding
        total = sum(part.quantity for part in p.parts)
        self.out.trades.append(
            Closed(
                slot.symbol,
                "long" if p.side > 0 else "short",
                p.signal_time,
                p.entry_time,
                p.entry,
                time,
                sum(part.quantity * part.price for part in p.parts) / total,
                p.quantity,
                p.margin,
                p.fees,
                p.funding,
                pnl,
                reason,
                p.ambiguous,
                p.parts if len(p.parts) > 1 else [],
                p.entries if len(p.entries) > 1 else [],
            )
        )
        slot.position = None
        slot.last_exits["any"] = time
        if abs(pnl) > p.margin * 1e-12:  # less is rounding, neither loss nor gain
            slot.last_exits["loss" if pnl < 0 else "win"] = time

    # the close

    def _at_close(self, slot: Slot, how: str) -> None:
        p = slot.position
        assert p is not None
        market, side = slot.market, p.side
        row = market.rows[slot.at]
        p.held += 1
        good = row.high if side > 0 else row.low
        if how == "limit":
            good = row.close
        if (good - p.best) * side > 0:
            p.best = good
        if not p.broken_even and (p.best - p.trigger) * side >= 0:
            p.broken_even = True
            if p.stop is None or (p.entry - p.stop) * side > 0:
                p.stop, p.stop_reason, p.stop_pct = p.entry, "break_even", None
        rule = self.config.get("stop")
        if rule is not None and rule.get("trail"):
            if "atr" in rule:
                new = p.best - side * market.distance(rule, slot.at)
            elif "swing" in rule:
                new = market.swing(rule["swing"], side, slot.at)
            else:
                new = market.level(rule["level"], side, slot.at)
            assert p.stop is not None
            if (new - p.stop) * side > 0:
                p.stop, p.stop_reason = new, "trailing_stop"

    def _decide(self, slot: Slot) -> None:
        config, market, i = self.config, slot.market, slot.at
        if i < market.first:
            return
        direction = config.get("direction", "long")
        entry, leave = {}, {}
        for side, word in ((1, "long"), (-1, "short")):
            allowed = direction in (word, "both")
            mine = [r for r in config["entry_conditions"] if r.get("direction", word) == word]
            out = [r for r in config.get("exit_conditions", []) if r.get("direction", word) == word]
            entry[side] = allowed and bool(mine) and all(market.holds(r, i) for r in mine)
            leave[side] = allowed and any(market.holds(r, i) for r in out)
        if entry[1] and entry[-1]:
            entry = {1: False, -1: False}
        for side in (1, -1):
            if entry[side] and leave[side]:
                entry[side] = leave[side] = False
        p = slot.position
        if p is None:
            for side in (1, -1):
                if entry[side]:
                    self._order(slot, side)
            return
        row = market.rows[i]
        if entry[-p.side]:
            slot.exit_due = "reverse"
            self._order(slot, -p.side)
        elif leave[p.side]:
            slot.exit_due = "signal"
        elif config.get("max_hold") is not None and p.held >= config["max_hold"]:
            slot.exit_due = "max_hold"
        elif "flat_at" in config and row.time + self.length >= self._flat_time(p):
            slot.exit_due = "flat_at"
        else:
            word = "long" if p.side > 0 else "short"
            for add in p.adds:
                rules = add.rule.get("when")
                if rules is not None:
                    mine = [r for r in rules if r.get("direction", word) == word]
                    add.due = bool(mine) and all(market.holds(r, i) for r in mine)

    def _flat_time(self, p: Position) -> int:
        """The first time of `flat_at` after the entry."""
        at = minute_of(self.config["flat_at"]) * MINUTE
        time = p.clock // DAY * DAY + at
        return time if time > p.clock else time + DAY

    def _order(self, slot: Slot, side: int) -> None:
        market, i = slot.market, slot.at
        order = Order(side, i, market.rows[i].time)
        rule = self.config.get("entry")
        if rule is not None:
            order.kind = "limit" if "limit" in rule else "stop"
            order.price = market.level(rule[order.kind], side, i)
            order.left = rule.get("valid", 1)
            if not order.price > 0:
                self._refuse(slot, "price")
                return
        slot.order = order

    def _due_adds(self, slot: Slot) -> None:
        """Additions that were decided at the last close."""
        p = slot.position
        assert p is not None
        row = slot.market.rows[slot.at]
        first = row.close if self.at_close else row.open
        for add in [a for a in p.adds if a.due]:
            self._add(slot, p, add, first * (1 + p.side * self.slip))


def _in_span(minute: int, span: str) -> bool:
    start, end = (minute_of(x) for x in span.split("-"))
    if start < end:
        return start <= minute < end
    return minute >= start or minute < end


def _floored(quantity: float, limits: Limits) -> float:
    steps = (Decimal(repr(quantity)) / limits.lot_step).to_integral_value(ROUND_FLOOR)
    return float(steps * limits.lot_step)


def _parts(targets: list[Target], whole: float, limits: Limits | None) -> list[Target]:
    """The targets that close something of `whole`, nearest first, each with how much."""
    out = []
    left, carried = whole, 0.0
    for target in targets:
        if target.share is None:
            out.append(target)
            break
        wanted = whole * target.share / 100 + carried
        if limits is not None:
            exact, wanted = wanted, _floored(wanted, limits)
            if _too_small(wanted, target.price, limits):
                carried = exact
                continue
        carried = 0.0
        left -= wanted
        if left <= whole * 1e-9 or (limits and _too_small(left, target.price, limits)):
            out.append(target)
            break
        target.quantity = wanted
        out.append(target)
    return out


def _too_small(quantity: float, price: float, limits: Limits) -> bool:
    return quantity < float(limits.min_quantity) or quantity * price < float(limits.min_notional)
