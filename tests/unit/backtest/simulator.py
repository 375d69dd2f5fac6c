"""Trades a config candle by candle, written from docs/rules.md §3 alone.

It shares nothing with the rules of the program: it reads a config as it is written, works out its
own ranges, swings and conditions, and keeps its own books. It is slow and plain, and knows only
what the configs of `test_simulator` use.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

HOUR = 3_600_000
DAY = 24 * HOUR
MINUTE = 60_000


@dataclass(frozen=True)
class Ohlc:
    """One candle."""

    time: int
    open: float
    high: float
    low: float
    close: float


Value = Callable[[Ohlc], float]

EXPRESSIONS: dict[str, Value] = {
    "low": lambda c: c.low,
    "high": lambda c: c.high,
    "close": lambda c: c.close,
    "0.995 * close": lambda c: 0.995 * c.close,
    "1.005 * close": lambda c: 1.005 * c.close,
    "min(open, close) * 0.998": lambda c: min(c.open, c.close) * 0.998,
    "max(open, close) * 1.002": lambda c: max(c.open, c.close) * 1.002,
    "(high + low) / 2": lambda c: (c.high + c.low) / 2,
    "close / (close - open)": lambda c: (
        c.close / (c.close - c.open) if c.close != c.open else math.nan
    ),
}
"""What the levels of a config may be, as it is written and as it is meant."""


@dataclass
class Sold:
    """An exit of a part, or of all that was left."""

    time: int
    price: float
    quantity: float
    fee: float
    reason: str
    gain: float


@dataclass
class Held:
    """A position."""

    side: int
    signal: int
    entered: int
    entry: float
    quantity: float
    margin: float
    fee: float
    stop: float | None
    stop_reason: str
    liquidation: float | None
    targets: list[tuple[float, float]]
    risk: float | None
    best: float
    all_quantity: float
    all_margin: float
    mark: float
    candles: int = 0
    broke_even: bool = False
    inside_by: str | None = None
    roi_step: int = -1
    sold: list[Sold] = field(default_factory=list)
    ambiguous: bool = False
    first_price: float = 0.0
    first_quantity: float = 0.0
    adds_left: list[int] = field(default_factory=list)
    adds_due: list[int] = field(default_factory=list)
    times_added: int = 0


@dataclass
class Ended:
    """A closed trade."""

    symbol: str
    side: str
    signal: int
    entered: int
    entry: float
    left: int
    exit: float
    quantity: float
    pnl: float
    fees: float
    reason: str
    ambiguous: bool
    parts: int
    entries: int


@dataclass
class Order:
    """An order that rests to enter."""

    side: int
    signal: int
    price: float
    kind: str
    left: int
    levels: dict[str, float]


class Simulator:
    """One run over the candles of some symbols."""

    def __init__(
        self, config: Mapping[str, Any], candles: Mapping[str, Sequence[Ohlc]], span: int
    ) -> None:
        self.config = config
        self.candles = candles
        self.span = span
        self.symbols = list(config["symbols"])
        self.cash = float(config["starting_balance"])
        self.fees: float = config["fees"]
        self.slip = config["slippage_pct"] / 100
        self.leverage: float = config["leverage"]
        self.held: dict[str, Held] = {}
        self.orders: dict[str, Order] = {}
        self.due_in: dict[str, tuple[int, int, dict[str, float]]] = {}
        self.due_out: dict[str, str] = {}
        self.cooled: dict[str, int] = {}
        self.entries: dict[int, int] = {}
        self.ended: list[Ended] = []
        self.refused: dict[str, int] = {}
        self._gain_now = 0.0  # of `roi`, for the position looked at
        self.known = {symbol: self._levels(list(rows)) for symbol, rows in candles.items()}
        self.place = {
            symbol: {row.time: at for at, row in enumerate(rows)}
            for symbol, rows in candles.items()
        }

    # ── What a candle is known by ──

    def _levels(self, rows: list[Ohlc]) -> list[dict[str, float]]:
        """Per candle the range and the extremes that orders need; what is not known is missing."""
        ranges = {}
        for rule in self._rules():
            if "atr" in rule:
                ranges[rule["atr"]["period"]] = self._ranges(rows, rule["atr"]["period"])
        found = []
        for at in range(len(rows)):
            one: dict[str, float] = {}
            for period, values in ranges.items():
                value = values[at]
                if value is not None:
                    one[f"atr{period}"] = value
            for rule in self._rules():
                if "swing" in rule and at + 1 >= rule["swing"]:
                    window = rows[at + 1 - rule["swing"] : at + 1]
                    one["lows"] = min(row.low for row in window)
                    one["highs"] = max(row.high for row in window)
                if "level" in rule:
                    for text in self._texts(rule["level"]):
                        one[text] = EXPRESSIONS[text](rows[at])
            entry = self.config.get("entry")
            for text in self._texts(entry[self._kind(entry)]) if entry else ():
                one[text] = EXPRESSIONS[text](rows[at])
            found.append(one)
        return found

    def _rules(self) -> list[dict[str, Any]]:
        target = self.config.get("target")
        targets = [] if target is None else target if isinstance(target, list) else [target]
        return [self.config["stop"], *targets] if "stop" in self.config else list(targets)

    @staticmethod
    def _texts(level: Any) -> list[str]:
        return list(level.values()) if isinstance(level, dict) else [level]

    @staticmethod
    def _kind(entry: Mapping[str, Any]) -> str:
        return "limit" if "limit" in entry else "stop"

    @staticmethod
    def _ranges(rows: list[Ohlc], period: int) -> list[float | None]:
        """Wilder's average true range, the first range left out."""
        values: list[float | None] = [None] * len(rows)
        true = [
            max(now.high - now.low, abs(now.high - before.close), abs(now.low - before.close))
            for before, now in pairwise(rows)
        ]
        if len(true) >= period:
            average = sum(true[:period]) / period
            values[period] = average
            for at in range(period, len(true)):
                average = (average * (period - 1) + true[at]) / period
                values[at + 1] = average
        return values

    def _first(self, symbol: str) -> int:
        """The first candle that may decide: every level has a value."""
        wanted = set()
        for one in self.known[symbol][-1:]:
            wanted = set(one)
        for at, one in enumerate(self.known[symbol]):
            if wanted and all(name in one and one[name] == one[name] for name in self._names()):
                return at
        return len(self.known[symbol]) if self._names() else 0

    def _names(self) -> set[str]:
        names = set()
        for rule in self._rules():
            if "atr" in rule:
                names.add(f"atr{rule['atr']['period']}")
            if "swing" in rule:
                names |= {"lows", "highs"}
            if "level" in rule:
                names |= set(self._texts(rule["level"]))
        entry = self.config.get("entry")
        if entry:
            names |= set(self._texts(entry[self._kind(entry)]))
        return names

    # ── The run ──

    def run(self) -> list[Ended]:
        """The closed trades, in order of their exits and then of the symbols."""
        first = {symbol: self._first(symbol) for symbol in self.symbols}
        times = sorted({row.time for rows in self.candles.values() for row in rows})
        starts = [
            self.candles[symbol][at].time
            for symbol, at in first.items()
            if at < len(self.candles[symbol])
        ]
        for time in times:
            if not starts or time < min(starts):
                continue
            now = [
                (symbol, self.candles[symbol][self.place[symbol][time]])
                for symbol in self.symbols
                if time in self.place[symbol]
            ]
            for symbol, row in now:
                self._open(symbol, row)
            for symbol, row in now:
                self._enter(symbol, row)
                self._add_due(symbol, row)
            for symbol, row in now:
                self._within(symbol, row)
            for symbol, row in now:
                at = self.place[symbol][time]
                self._decide(symbol, row, self.known[symbol][at], at >= first[symbol])
        order = {symbol: at for at, symbol in enumerate(self.symbols)}
        return sorted(self.ended, key=lambda one: (one.left, order[one.symbol]))

    def _open(self, symbol: str, row: Ohlc) -> None:
        position = self.held.get(symbol)
        if position is None:
            return
        position.mark = row.open
        if position.liquidation is not None and self._at_or_beyond(
            position, row.open, position.liquidation
        ):
            self._sell_all(symbol, position, row.open, "liquidation", row.time)
        elif symbol in self.due_out:
            price = row.open * (1 - position.side * self.slip)
            self._sell_all(symbol, position, price, self.due_out[symbol], row.time)

    @staticmethod
    def _at_or_beyond(position: Held, price: float, level: float) -> bool:
        """Whether a price is on the losing side of a level, or at it."""
        return price <= level if position.side > 0 else price >= level

    def _equity(self) -> float:
        return self.cash + sum(
            one.margin + (one.mark - one.entry) * one.quantity * one.side
            for one in self.held.values()
        )

    # ── Entries ──

    def _enter(self, symbol: str, row: Ohlc) -> None:
        if symbol in self.due_in:
            side, signal, levels = self.due_in.pop(symbol)
            price = row.open * (1 + side * self.slip)
            self._buy(symbol, side, signal, price, row, levels, None, row.open)
        order = self.orders.get(symbol)
        if order is None or symbol in self.held:
            return
        price, inside = self._reached(order, row)
        if price is None:
            order.left -= 1
            if order.left == 0:
                del self.orders[symbol]
                self._refuse("unfilled")
            return
        del self.orders[symbol]
        by = order.kind if inside else None
        mark = order.price if inside else row.open
        self._buy(symbol, order.side, order.signal, price, row, order.levels, by, mark)

    def _reached(self, order: Order, row: Ohlc) -> tuple[float | None, bool]:
        long, limit = order.side > 0, order.kind == "limit"
        slipped = 1 if limit else 1 + order.side * self.slip
        falls = long == limit
        if (row.open <= order.price) if falls else (row.open >= order.price):
            return row.open * slipped, False
        if (row.low <= order.price) if falls else (row.high >= order.price):
            return order.price * slipped, True
        return None, False

    def _refuse(self, why: str) -> None:
        self.refused[why] = self.refused.get(why, 0) + 1

    def _buy(
        self,
        symbol: str,
        side: int,
        signal: int,
        price: float,
        row: Ohlc,
        levels: dict[str, float],
        inside_by: str | None,
        mark: float,
    ) -> None:
        config, day = self.config, row.time // DAY
        if signal < self.cooled.get(symbol, 0):
            return self._refuse("cooldown")
        minute = row.time % DAY // MINUTE
        if "weekdays" in config and (day + 3) % 7 + 1 not in config["weekdays"]:
            return self._refuse("hours")
        if "hours" in config and not any(self._in(minute, text) for text in config["hours"]):
            return self._refuse("hours")
        if "flat_at" in config and minute >= self._flat():
            return self._refuse("hours")
        if self.entries.get(day, 0) >= config.get("max_trades_per_day", math.inf):
            return self._refuse("trades_per_day")
        stop = self._stop_at(side, price, levels)
        if stop is not None and not (stop < price if side > 0 else stop > price):
            return self._refuse("price")
        risk = self._risk(side, price, stop)
        targets = []
        for target in self._targets():
            at = self._target_at(target, side, price, risk, levels)
            if not (at > price if side > 0 else at < price):
                return self._refuse("price")
            targets.append((at, target.get("close_pct")))
        equity = self._equity()
        budget = self._budget(side, price, equity, risk)
        budget = min(budget, self.cash)
        if budget <= equity * 1e-12:
            return self._refuse("balance")
        quantity = budget * self.leverage / (price * (1 + self.fees * self.leverage))
        margin = quantity * price / self.leverage
        fee = quantity * price * self.fees
        self.cash -= margin + fee
        if abs(self.cash) < equity * 1e-12:
            self.cash = 0.0
        liquidation = None
        if side < 0 or self.leverage > 1:
            liquidation = price * (1 - side * (1 / self.leverage - 0.005))
        self.entries[day] = self.entries.get(day, 0) + 1
        self.held[symbol] = Held(
            side, signal, row.time, price, quantity, margin, fee, stop, "stop_loss", liquidation,
            self._shares(side, quantity, targets), risk, price, quantity, margin, mark,
            inside_by=inside_by, first_price=price, first_quantity=quantity,
            adds_left=list(range(len(config.get("adds", ())))),
        )  # fmt: skip
        return None

    @staticmethod
    def _in(minute: int, text: str) -> bool:
        begin, end = (
            int(hours) * 60 + int(minutes)
            for hours, minutes in (clock.split(":") for clock in text.split("-"))
        )
        return begin <= minute < end if begin < end else minute >= begin or minute < end

    def _flat(self) -> int:
        hours, minutes = self.config["flat_at"].split(":")
        return (int(hours) * 60 + int(minutes)) or 24 * 60

    def _level(self, rule: Mapping[str, Any], side: int, levels: Mapping[str, float]) -> float:
        if "swing" in rule:
            return levels["lows" if side > 0 else "highs"]
        text = rule["level"]
        if isinstance(text, dict):
            text = text["long" if side > 0 else "short"]
        return levels[text]

    def _stop_at(self, side: int, price: float, levels: Mapping[str, float]) -> float | None:
        rule = self.config.get("stop")
        if rule is None:
            if "stop_loss_pct" in self.config:
                return price * (1 - side * float(self.config["stop_loss_pct"]) / 100)
            return None
        if "atr" in rule:
            return price - side * self._range(rule["atr"], levels)
        return self._level(rule, side, levels)

    @staticmethod
    def _range(atr: Mapping[str, Any], levels: Mapping[str, float]) -> float:
        return float(atr["multiplier"]) * levels[f"atr{atr['period']}"]

    def _risk(self, side: int, price: float, stop: float | None) -> float | None:
        distances = [] if stop is None else [abs(price - stop)]
        if "trailing_stop_pct" in self.config:
            distances.append(price * float(self.config["trailing_stop_pct"]) / 100)
        return min(distances, default=None)

    def _targets(self) -> list[dict[str, Any]]:
        if "take_profit_pct" in self.config:
            return [{"pct": self.config["take_profit_pct"]}]
        target = self.config.get("target")
        return [] if target is None else target if isinstance(target, list) else [target]

    def _target_at(
        self,
        target: Mapping[str, Any],
        side: int,
        price: float,
        risk: float | None,
        levels: Mapping[str, float],
    ) -> float:
        if "pct" in target:
            return price * (1 + side * float(target["pct"]) / 100)
        if "r" in target:
            assert risk is not None
            return price + side * float(target["r"]) * risk
        if "atr" in target:
            return price + side * self._range(target["atr"], levels)
        return self._level(target, side, levels)

    def _budget(self, side: int, price: float, equity: float, risk: float | None) -> float:
        if "trade_amount" in self.config:
            return float(self.config["trade_amount"])
        if "risk_pct" not in self.config:
            return equity * float(self.config["trade_size_pct"]) / 100
        assert risk is not None
        out = (price - side * risk) * (1 - side * self.slip)
        loss = abs(price - out) + self.fees * (price + out)
        quantity = equity * float(self.config["risk_pct"]) / 100 / loss
        return float(quantity * price * (1 / self.leverage + self.fees))

    @staticmethod
    def _shares(
        side: int, quantity: float, targets: list[tuple[float, float | None]]
    ) -> list[tuple[float, float]]:
        left, shares = quantity, []
        for price, share in sorted(targets, key=lambda one: one[0] * side):
            part = left if share is None else min(quantity * share / 100, left)
            if left - part < quantity * 1e-9:
                part = left
            if part > 0:
                shares.append((price, part))
            left -= part
        return shares

    # ── Adds ──

    def _add_due(self, symbol: str, row: Ohlc) -> None:
        position = self.held.get(symbol)
        if position is None:
            return
        due, position.adds_due = position.adds_due, []
        for number in due:
            self._add(position, number, row.open * (1 + position.side * self.slip))

    def _add(self, position: Held, number: int, price: float) -> bool:
        """Fill an add; whether anything could be bought."""
        if number in position.adds_left:
            position.adds_left.remove(number)
        asked = position.first_quantity * self.config["adds"][number]["size_pct"] / 100
        most = self.cash * self.leverage / (price * (1 + self.fees * self.leverage))
        quantity = min(asked, most)
        if quantity <= asked * 1e-12:
            self._refuse("balance")
            return False
        margin = quantity * price / self.leverage
        fee = quantity * price * self.fees
        self.cash -= margin + fee
        if abs(self.cash) < quantity * price * 1e-12:
            self.cash = 0.0
        whole = position.quantity + quantity
        position.entry = (position.entry * position.quantity + price * quantity) / whole
        position.quantity = position.all_quantity = whole
        position.margin += margin
        position.all_margin += margin
        position.fee += fee
        position.times_added += 1
        side, mean = position.side, position.entry
        if "stop_loss_pct" in self.config and position.stop_reason == "stop_loss":
            position.stop = mean * (1 - side * self.config["stop_loss_pct"] / 100)
        rules = self._targets()
        if rules and "pct" in rules[0]:
            target = mean * (1 + side * rules[0]["pct"] / 100)
            position.targets = [(target, whole)]
        elif "roi" in self.config and position.targets:
            position.targets = [(mean * (1 + side * self._gain_now / 100), whole)]
        else:
            position.targets = [(price_, whole) for price_, _ in position.targets]
        if position.liquidation is not None:
            position.liquidation = mean * (1 - side * (1 / self.leverage - 0.005))
        return True

    def _waiting(self, position: Held, row: Ohlc, *, in_favour: bool) -> list[tuple[float, int]]:
        """The adds that wait on one side of the first entry, the nearest first."""
        if row.time <= position.entered:
            return []
        found = []
        for number in position.adds_left:
            at_pct = self.config["adds"][number].get("at_pct")
            if at_pct is not None and (at_pct > 0) == in_favour:
                found.append((position.first_price * (1 + position.side * at_pct / 100), number))
        away = position.side if in_favour else -position.side
        return sorted(found, key=lambda one: one[0] * away)

    def _barrier(self, position: Held, stop: float | None) -> float | None:
        """The nearer of stop and liquidation."""
        both = [one for one in (stop, position.liquidation) if one is not None]
        return max(both, key=lambda one: one * position.side) if both else None

    # ── Exits ──

    def _stop_now(self, position: Held) -> tuple[float | None, str]:
        side, stop, reason = position.side, position.stop, position.stop_reason
        if "trailing_stop_pct" in self.config:
            trailing = position.best * (1 - side * self.config["trailing_stop_pct"] / 100)
            if stop is None or (trailing > stop if side > 0 else trailing < stop):
                return trailing, "trailing_stop"
        return stop, reason

    def _within(self, symbol: str, row: Ohlc) -> None:
        position = self.held.get(symbol)
        if position is None:
            return
        side = position.side
        begun = self._roi(position, row)
        worst, best = (row.low, row.high) if side > 0 else (row.high, row.low)
        start, doubtful = row.open, False
        if position.entered == row.time and position.inside_by is not None:
            start, doubtful = position.mark, True
            if position.inside_by == "limit":
                best = max(start, row.close) if side > 0 else min(start, row.close)
        peak = best
        stop, reason = self._stop_now(position)
        if stop is not None and self._at_or_beyond(position, start, stop):
            self._sell_all(symbol, position, start * (1 - side * self.slip), reason, row.time)
            return
        if self._take_at(symbol, position, start, row.time, begun=begun):
            return
        # Adds against the position, on the way to the stop.
        while waiting := self._waiting(position, row, in_favour=False):
            level, number = waiting[0]
            barrier = self._barrier(position, self._stop_now(position)[0])
            if barrier is not None and self._at_or_beyond(position, barrier, level) is False:
                break
            if barrier is not None and barrier == level:
                break
            if self._at_or_beyond(position, start, level):
                self._add(position, number, start)
            elif self._at_or_beyond(position, worst, level):
                if self._add(position, number, level):
                    start = level
                    best = max(level, row.close) if side > 0 else min(level, row.close)
            else:
                break
        while True:
            stop, reason = self._stop_now(position)
            barrier = self._barrier(position, stop)
            hit = barrier is not None and self._at_or_beyond(position, worst, barrier)
            waiting = self._waiting(position, row, in_favour=True)
            aim = position.targets[0][0] if position.targets else None
            before = bool(waiting) and (aim is None or (aim - waiting[0][0]) * side > 0)
            reached = before and self._gained(position, best, waiting[0][0])
            if reached and (self._gained(position, start, waiting[0][0]) or not hit):
                level, number = waiting[0]
                inside = not self._gained(position, start, level)
                price = (level if inside else start) * (1 + side * self.slip)
                if self._add(position, number, price) and inside:
                    start, doubtful = level, True
                continue
            if self._take_at(symbol, position, start, row.time, begun=False):
                return
            if not hit:
                break
            liquidated = position.liquidation is not None and barrier == position.liquidation
            aim = position.targets[0][0] if position.targets else None
            both = aim is not None and self._gained(position, best, aim)
            assert barrier is not None
            beyond = self._at_or_beyond(position, start, barrier)
            position.ambiguous |= doubtful or reached or (both and not beyond)
            price = barrier if liquidated else barrier * (1 - side * self.slip)
            why = "liquidation" if liquidated else reason
            self._sell_all(symbol, position, price, why, row.time)
            return
        while position.targets and self._gained(position, best, position.targets[0][0]):
            if self._sell_part(symbol, position, position.targets[0][0], row.time):
                return
        self._close_of(position, symbol, row, peak)

    def _take_at(
        self, symbol: str, position: Held, start: float, time: int, *, begun: bool
    ) -> bool:
        """Fill the targets that a price is beyond; whether nothing is left."""
        side = position.side
        while position.targets and self._gained(position, start, position.targets[0][0]):
            target = position.targets[0][0]
            if begun:
                market = start * (1 - side * self.slip)
                target = max(target, market) if side > 0 else min(target, market)
            if self._sell_part(symbol, position, target, time):
                return True
        return False

    @staticmethod
    def _gained(position: Held, price: float, level: float) -> bool:
        return price >= level if position.side > 0 else price <= level

    def _roi(self, position: Held, row: Ohlc) -> bool:
        """Take the target of its time; whether it fell with this candle."""
        if "roi" not in self.config:
            return False
        steps = sorted(
            (0 if text == "0" else int(text[:-1]) * (HOUR if text[-1] == "h" else MINUTE), gain)
            for text, gain in self.config["roi"].items()
        )
        passed = [at for at, (since, _) in enumerate(steps) if since <= row.time - position.entered]
        if not passed:
            return False
        step = passed[-1]
        fell = step > position.roi_step
        position.roi_step, self._gain_now = step, steps[step][1]
        price = position.entry * (1 + position.side * steps[step][1] / 100)
        position.targets = [(price, position.quantity)]
        return fell and row.time > position.entered

    def _close_of(self, position: Held, symbol: str, row: Ohlc, best: float) -> None:
        side = position.side
        position.candles += 1
        position.best = max(position.best, best) if side > 0 else min(position.best, best)
        position.mark = row.close
        at_r = self.config.get("break_even_at_r")
        if at_r is not None and position.risk is not None and not position.broke_even:
            mark = position.first_price + side * at_r * position.risk
            if self._gained(position, position.best, mark):
                position.broke_even = True
                self._nearer(position, position.entry, "break_even")
        rule = self.config.get("stop")
        if rule is not None and rule.get("trail"):
            levels = self.known[symbol][self.place[symbol][row.time]]
            if "atr" in rule:
                reach = self._range(rule["atr"], levels)
                self._nearer(position, position.best - side * reach, "trailing_stop")
            else:
                self._nearer(position, self._level(rule, side, levels), "trailing_stop")

    @staticmethod
    def _nearer(position: Held, level: float, reason: str) -> None:
        stop = position.stop
        nearer = stop is None or (level > stop if position.side > 0 else level < stop)
        if nearer and not math.isnan(level):
            position.stop, position.stop_reason = level, reason

    def _sell_part(self, symbol: str, position: Held, price: float, time: int) -> bool:
        """Close what the nearest target is for; whether that was all."""
        _, quantity = position.targets.pop(0)
        reason = "roi" if "roi" in self.config else "take_profit"
        if quantity >= position.quantity:
            self._sell_all(symbol, position, price, reason, time)
            return True
        freed = position.margin * quantity / position.quantity
        fee = price * quantity * self.fees
        gain = (price - position.entry) * quantity * position.side
        self.cash += freed + gain - fee
        position.margin -= freed
        position.quantity -= quantity
        position.sold.append(Sold(time, price, quantity, fee, reason, gain))
        return False

    def _sell_all(self, symbol: str, position: Held, price: float, reason: str, time: int) -> None:
        fee = price * position.quantity * self.fees
        gain = (price - position.entry) * position.quantity * position.side
        back = position.margin + gain - fee
        if reason == "liquidation" or back <= 0:
            gain, fee = -position.margin, 0.0
        else:
            self.cash += back
        sold = [*position.sold, Sold(time, price, position.quantity, fee, reason, gain)]
        fees = position.fee + sum(one.fee for one in sold)
        pnl = sum(one.gain for one in sold) - fees
        mean = sum(one.price * one.quantity for one in sold) / position.all_quantity
        self.ended.append(
            Ended(
                symbol, "long" if position.side > 0 else "short", position.signal,
                position.entered, position.entry, time, mean, position.all_quantity, pnl, fees,
                reason, position.ambiguous, len(sold) if len(sold) > 1 else 0,
                position.times_added + 1 if position.times_added else 0,
            )
        )  # fmt: skip
        cooldown = self.config.get("cooldown")
        if cooldown is not None:
            after = cooldown.get("after") if isinstance(cooldown, dict) else None
            candles = cooldown["candles"] if isinstance(cooldown, dict) else cooldown
            if after is None or (pnl < 0 if after == "loss" else pnl > 0):
                self.cooled[symbol] = time + candles * self.span
        del self.held[symbol]
        self.due_out.pop(symbol, None)

    # ── Decisions ──

    def _decide(self, symbol: str, row: Ohlc, levels: dict[str, float], counts: bool) -> None:
        holds = {
            (group, side): self._holds(group, side, row) and counts
            for group in ("entry", "exit")
            for side in (1, -1)
        }
        if holds["entry", 1] and holds["entry", -1]:
            holds["entry", 1] = holds["entry", -1] = False
        for side in (1, -1):
            if holds["entry", side] and holds["exit", side]:
                holds["entry", side] = holds["exit", side] = False
        position = self.held.get(symbol)
        if position is None:
            for side in (1, -1):
                if holds["entry", side]:
                    self._order(symbol, side, row.time, levels)
            return
        hold = self.config.get("max_hold")
        if holds["entry", -position.side]:
            self.due_out[symbol] = "reverse"
            self._order(symbol, -position.side, row.time, levels)
        elif holds["exit", position.side]:
            self.due_out[symbol] = "signal"
        elif hold is not None and position.candles >= hold:
            self.due_out[symbol] = "max_hold"
        elif self._is_time(position, row):
            self.due_out[symbol] = "flat_at"
        else:
            for number in list(position.adds_left):
                when = self.config["adds"][number].get("when")
                if when is not None and counts and self._all(when, position.side, row):
                    position.adds_left.remove(number)
                    position.adds_due.append(number)

    def _is_time(self, position: Held, row: Ohlc) -> bool:
        if "flat_at" in self.config:
            flat = self._flat() * MINUTE
            following = position.entered - position.entered % DAY + flat
            if following <= position.entered:
                following += DAY
            if following - DAY > position.entered:
                following -= DAY
            return bool(row.time + self.span >= following)
        return False

    def _order(self, symbol: str, side: int, time: int, levels: dict[str, float]) -> None:
        entry = self.config.get("entry")
        if entry is None:
            self.due_in[symbol] = (side, time, levels)
            return
        kind = self._kind(entry)
        price = self._level({"level": entry[kind]}, side, levels)
        self.orders.pop(symbol, None)
        if math.isnan(price) or price <= 0:
            self._refuse("price")
            return
        self.orders[symbol] = Order(side, time, price, kind, entry.get("valid", 1), levels)

    def _holds(self, group: str, side: int, row: Ohlc) -> bool:
        name = "long" if side > 0 else "short"
        if self.config["direction"] not in (name, "both"):
            return False
        rules = [
            one for one in self.config[f"{group}_conditions"] if one.get("direction", name) == name
        ]
        held = self._each(rules, row)
        return bool(held) and (all(held) if group == "entry" else any(held))

    def _all(self, rules: Sequence[Mapping[str, Any]], side: int, row: Ohlc) -> bool:
        name = "long" if side > 0 else "short"
        held = self._each([one for one in rules if one.get("direction", name) == name], row)
        return bool(held) and all(held)

    @staticmethod
    def _each(rules: Sequence[Mapping[str, Any]], row: Ohlc) -> list[bool]:
        held = []
        for one in rules:
            left = EXPRESSIONS[one["indicator"]](row)
            right = (
                EXPRESSIONS[one["value"]](row) if isinstance(one["value"], str) else one["value"]
            )
            held.append(left > right if one["operator"] == "gt" else left < right)
        return held
