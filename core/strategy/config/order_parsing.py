"""Parses the keys of a config that say where its orders lie, how large they are and when not.

`stop: {pct}` and `target: {pct}` are `stop_loss_pct`, `trailing_stop_pct` and `take_profit_pct`
written otherwise, and are read as these.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from core.market.candles.durations import SpanError, parse_duration
from core.market.candles.timeframes import DAY, MINUTE
from core.strategy.config.condition_parsing import parse_conditions
from core.strategy.config.conditions import Direction, Operand, Rule
from core.strategy.config.expressions import Named, parse_operand
from core.strategy.config.orders import (
    NO_ORDERS,
    ORDER_KEYS,
    Add,
    Atr,
    Basis,
    Cooldown,
    Orders,
    Outcome,
    PriceRule,
    RestingEntry,
    Stop,
    Swing,
    Target,
)
from core.strategy.config.problems import Problems, child
from core.strategy.config.validators import (
    Range,
    choice,
    listing,
    mapping,
    number,
    unknown_keys,
    whole,
)

MINUTES_OF_DAY = DAY // MINUTE
_MOST_CANDLES = 5_000
_MOST_COOLDOWN = 1_000_000
_MULTIPLE = Range(0, 1_000, low_open=True)
_PER_CENT = Range(0, 100, low_open=True)
_PER_CENT_BELOW_100 = Range(0, 100, low_open=True, high_open=True)
_GAIN = Range(0, 100_000, low_open=True)
_ROI = Range(-100, 100_000, low_open=True)
_AMOUNT = Range(1e-6, 1e15)
_SPAN = re.compile(r"\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*")
_CLOCK = re.compile(r"\s*(\d{1,2}):(\d{2})\s*")
_STOPS = "one of atr, level, swing, pct"
_TARGETS = "one of r, level, atr, pct"
_STOP_FORM = 'a mapping like {"atr": {"period": 14, "multiplier": 2}}, {"level": "bollinger.lower"}'
_TARGET_FORM = 'a mapping like {"r": 2}, or a list like [{"pct": 3, "close_pct": 50}, {"r": 3}]'
_ENTRY_FORM = 'a mapping like {"limit": "0.99 * close", "valid": 3} or {"stop": "high"}'
_MOST_TARGETS = 10
_MOST_ADDS = 10
_AT = Range(-100, 1_000, low_open=True)
_AT_NOTE = "per cent from the first entry, negative against the position"
_SIZE = Range(0, 10_000, low_open=True)
_LONGEST_VALID = 1_000


@dataclass(frozen=True, slots=True)
class ParsedOrders:
    """What the keys mean; `numbers` are those of the plain keys that a short form stands for."""

    orders: Orders
    numbers: dict[str, float]


def parse_orders(
    problems: Problems,
    written: Mapping[str, object],
    named: Mapping[str, Named],
    direction: Direction | None,
) -> ParsedOrders:
    """Read the keys of `ORDER_KEYS` among those of a config."""
    given = {key: written[key] for key in ORDER_KEYS if written.get(key) is not None}
    if not given:
        return ParsedOrders(NO_ORDERS, {})
    reader = _OrderReader(problems, named)
    numbers: dict[str, float] = {}
    entry = reader.entry(given["entry"]) if "entry" in given else None
    stop = reader.stop(given["stop"], numbers) if "stop" in given else None
    targets = reader.targets(given["target"], numbers) if "target" in given else ()
    orders = Orders(
        entry=entry,
        stop=stop,
        break_even_at_r=reader.number(given, "break_even_at_r", _MULTIPLE),
        targets=targets,
        roi=reader.roi(given["roi"]) if "roi" in given else (),
        adds=reader.adds(given["adds"], direction) if "adds" in given else (),
        risk_pct=reader.number(given, "risk_pct", _PER_CENT),
        trade_amount=reader.number(given, "trade_amount", _AMOUNT, "quote currency"),
        cooldown=reader.cooldown(given["cooldown"]) if "cooldown" in given else None,
        max_trades_per_day=reader.whole(given, "max_trades_per_day", _MOST_COOLDOWN),
        hours=reader.hours(given["hours"]) if "hours" in given else (),
        weekdays=reader.weekdays(given["weekdays"]) if "weekdays" in given else (),
        flat_at=reader.flat_at(given["flat_at"]) if "flat_at" in given else None,
    )
    _check_together(problems, written, given, orders)
    return ParsedOrders(orders, numbers)


def _check_together(
    problems: Problems, written: Mapping[str, object], given: Mapping[str, object], orders: Orders
) -> None:
    """Keys that exclude each other, and keys that need another."""

    def present(*keys: str) -> list[str]:
        return [key for key in keys if written.get(key) is not None]

    stop = given.get("stop")
    trails = isinstance(stop, Mapping) and bool(stop.get("trail"))
    stops = ("stop", "stop_loss_pct", "trailing_stop_pct") if trails else ("stop", "stop_loss_pct")
    for keys in (
        stops,
        ("target", "take_profit_pct", "roi"),
        ("trade_size_pct", "risk_pct", "trade_amount"),
    ):
        if len(both := present(*keys)) > 1:
            problems.found_text(both[1], f"{' and '.join(both)} together", "only one of them")
    if orders.adds and any(target.close_pct is not None for target in orders.targets):
        problems.found_text("adds", "adds beside targets for parts", "targets without close_pct")
    if present("stop", "stop_loss_pct", "trailing_stop_pct"):
        return
    needs = present("risk_pct", "break_even_at_r")
    if any(target.price.basis is Basis.R for target in orders.targets):
        needs.append("target")
    for key in needs:
        problems.found_text(key, "no stop to measure the risk by", "a stop beside it")


class _OrderReader:
    def __init__(self, problems: Problems, named: Mapping[str, Named]) -> None:
        self._problems = problems
        self._named = named

    def number(
        self, given: Mapping[str, object], key: str, allowed: Range, note: str = ""
    ) -> float | None:
        return number(self._problems, key, given[key], allowed, note) if key in given else None

    def whole(self, given: Mapping[str, object], key: str, most: int) -> int | None:
        return whole(self._problems, key, given[key], 1, most) if key in given else None

    def entry(self, raw: object) -> RestingEntry | None:
        problems, path = self._problems, "entry"
        if isinstance(raw, list | tuple):
            problems.add(path, raw, _ENTRY_FORM, "entry_conditions")
            return None
        written = mapping(problems, path, raw, _ENTRY_FORM)
        if written is None:
            return None
        kinds = ("limit", "stop")
        unknown_keys(problems, path, written, (*kinds, "valid"))
        valid = whole(problems, f"{path}.valid", written.get("valid", 1), 1, _LONGEST_VALID)
        kind = self._kind(path, written, kinds, "one of limit, stop")
        price = None if kind is None else self._level(f"{path}.{kind}", written[kind])
        if price is None or valid is None:
            return None
        return RestingEntry(price, kind == "limit", valid)

    def stop(self, raw: object, numbers: dict[str, float]) -> Stop | None:
        problems, path = self._problems, "stop"
        written = mapping(problems, path, raw, _STOP_FORM)
        if written is None:
            return None
        kinds = ("atr", "level", "swing", "pct")
        unknown_keys(problems, path, written, (*kinds, "trail"))
        trail = written.get("trail", False)
        if not isinstance(trail, bool):
            problems.add(f"{path}.trail", trail, "true or false")
            trail = False
        kind = self._kind(path, written, kinds, _STOPS)
        if kind == "pct":
            read = number(problems, f"{path}.pct", written["pct"], _PER_CENT_BELOW_100)
            if read is not None:
                numbers["trailing_stop_pct" if trail else "stop_loss_pct"] = read
            return None
        price = None if kind is None else self._price(f"{path}.{kind}", kind, written[kind])
        return None if price is None else Stop(price, trail)

    def targets(self, raw: object, numbers: dict[str, float]) -> tuple[Target, ...]:
        problems = self._problems
        several = isinstance(raw, list | tuple)
        if not several and not isinstance(raw, Mapping):
            problems.add("target", raw, _TARGET_FORM)
            return ()
        items = listing(problems, "target", raw, _TARGET_FORM) if several else [raw]
        if items is not None and not 1 <= len(items) <= _MOST_TARGETS:
            found = f"{len(items)} targets"
            problems.found_text("target", found, f"1 to {_MOST_TARGETS} targets")
            return ()
        found_targets = []
        for position, item in enumerate(items or ()):
            path = f"target[{position}]" if several else "target"
            target = self._target(path, item)
            if target is not None:
                found_targets.append((path, target))
        self._check_shares(found_targets)
        targets = tuple(target for _, target in found_targets)
        if len(targets) == 1 and targets[0].close_pct is None:
            price = targets[0].price
            if price.basis is Basis.PCT:
                numbers["take_profit_pct"] = price.number
                return ()
        return targets

    def _target(self, path: str, item: object) -> Target | None:
        problems = self._problems
        written = mapping(problems, path, item, _TARGET_FORM)
        if written is None:
            return None
        kinds = ("r", "level", "atr", "pct")
        unknown_keys(problems, path, written, (*kinds, "close_pct"))
        share = None
        if written.get("close_pct") is not None:
            share = number(problems, f"{path}.close_pct", written["close_pct"], _PER_CENT)
            share = None if share == 100 else share
        kind = self._kind(path, written, kinds, _TARGETS)
        price = None if kind is None else self._price(f"{path}.{kind}", kind, written[kind])
        return None if price is None else Target(price, share)

    def _check_shares(self, targets: list[tuple[str, Target]]) -> None:
        """Only one target takes what is left, and the others leave something for it."""
        problems = self._problems
        whole_ones = [path for path, target in targets if target.close_pct is None]
        shares = sum(target.close_pct or 0 for _, target in targets)
        for path in whole_ones[1:]:
            problems.found_text(
                path, "a second target for all that is left", "a close_pct, or no such target"
            )
        if shares > 100 or (whole_ones and shares >= 100):
            found = f"close_pct of {shares:g} in all"
            expected = "below 100, as one target takes the rest" if whole_ones else "at most 100"
            problems.found_text("target", found, expected)

    def _kind(
        self, path: str, written: Mapping[str, object], kinds: tuple[str, ...], expected: str
    ) -> str | None:
        present = [kind for kind in kinds if written.get(kind) is not None]
        if len(present) == 1:
            return present[0]
        found = f"{' and '.join(present)} together" if present else "none of them"
        self._problems.found_text(path, found, expected)
        return None

    def _price(self, path: str, kind: str, raw: object) -> PriceRule | None:
        problems = self._problems
        match kind:
            case "pct":
                read = number(problems, path, raw, _GAIN, "per cent of the entry price")
                return None if read is None else PriceRule(Basis.PCT, read)
            case "r":
                read = number(problems, path, raw, _MULTIPLE, "multiples of the risk")
                return None if read is None else PriceRule(Basis.R, read)
            case "atr":
                return self._atr(path, raw)
            case "swing":
                candles = whole(problems, path, raw, 1, _MOST_CANDLES)
                if candles is None:
                    return None
                low, high = Swing(candles, highest=False), Swing(candles, highest=True)
                return PriceRule(Basis.SWING, long=low, short=high)
        return self._level(path, raw)

    def _atr(self, path: str, raw: object) -> PriceRule | None:
        problems = self._problems
        written = mapping(problems, path, raw, 'a mapping like {"period": 14, "multiplier": 2}')
        if written is None:
            return None
        meant = {"length": "period", "mult": "multiplier"}
        unknown_keys(problems, path, written, ("period", "multiplier"), meant)
        period = whole(problems, f"{path}.period", written.get("period", 14), 1, _MOST_CANDLES)
        if "multiplier" not in written:
            problems.missing(f"{path}.multiplier", "how many of it, a number above 0")
            return None
        factor = number(problems, f"{path}.multiplier", written["multiplier"], _MULTIPLE)
        if period is None or factor is None:
            return None
        distance = Atr(period, factor)
        return PriceRule(Basis.ATR, long=distance, short=distance)

    def _level(self, path: str, raw: object) -> PriceRule | None:
        if not isinstance(raw, Mapping):
            level = self._operand(path, raw)
            return None if level is None else PriceRule(Basis.LEVEL, long=level, short=level)
        unknown_keys(self._problems, path, raw, ("long", "short"))
        sides: dict[str, Operand | None] = {}
        for side in ("long", "short"):
            if raw.get(side) is None:
                self._problems.missing(f"{path}.{side}", "the level of that side")
            sides[side] = self._operand(f"{path}.{side}", raw.get(side))
        long, short = sides["long"], sides["short"]
        return None if long is None or short is None else PriceRule(Basis.LEVEL, 0.0, long, short)

    def _operand(self, path: str, raw: object) -> Operand | None:
        return None if raw is None else parse_operand(self._problems, path, raw, self._named)

    def roi(self, raw: object) -> tuple[tuple[int, float], ...]:
        problems, form = self._problems, 'a mapping like {"0": 4, "60m": 2, "4h": 0}'
        if not isinstance(raw, Mapping) or not raw:
            problems.add("roi", raw, form)
            return ()
        found: dict[int, float] = {}
        for key, value in raw.items():
            path = child("roi", str(key) if isinstance(key, int) else key)
            since = self._since(path, key)
            gain = number(problems, path, value, _ROI, "per cent of the entry price")
            if since in found:
                problems.found_text(path, "a second target for that time", "each time once")
            if since is not None and gain is not None:
                found[since] = gain
        steps = tuple(sorted(found.items()))
        for (_, before), (_, after) in pairwise(steps):
            if after >= before:
                problems.found_text("roi", f"{after:g} after {before:g}", "targets that fall")
                break
        return steps

    def _since(self, path: str, key: object) -> int | None:
        text = str(key).strip() if isinstance(key, str | int) else ""
        if text == "0":
            return 0
        try:
            return parse_duration(text)
        except SpanError:
            nearest = f"{text}m" if text.isdigit() else None
            self._problems.add(path, key, '0, or a time such as "60m" or "4h"', nearest)
            return None

    def adds(self, raw: object, direction: Direction | None) -> tuple[Add, ...]:
        problems, form = self._problems, 'a list like [{"at_pct": -3, "size_pct": 100}]'
        items = listing(problems, "adds", raw, form)
        if items is not None and not 1 <= len(items) <= _MOST_ADDS:
            problems.found_text("adds", f"{len(items)} adds", f"1 to {_MOST_ADDS} adds")
            return ()
        found = []
        for position, item in enumerate(items or ()):
            path = f"adds[{position}]"
            written = mapping(problems, path, item, form)
            if written is None:
                continue
            kinds = ("at_pct", "when")
            unknown_keys(problems, path, written, (*kinds, "size_pct"))
            kind = self._kind(path, written, kinds, "one of at_pct, when")
            at_pct = None
            when: tuple[Rule, ...] = ()
            if kind == "at_pct":
                at_pct = number(problems, f"{path}.at_pct", written["at_pct"], _AT, _AT_NOTE)
                if at_pct == 0:
                    problems.add(f"{path}.at_pct", 0, "a number other than 0")
            elif kind == "when":
                when = parse_conditions(
                    problems, f"{path}.when", written["when"], self._named, direction
                )
                if written["when"] in ([], ()):
                    problems.add(f"{path}.when", [], "a list of at least one condition")
            if "size_pct" not in written:
                problems.missing(f"{path}.size_pct", "per cent of the quantity entered first")
                continue
            size = number(problems, f"{path}.size_pct", written["size_pct"], _SIZE)
            if size is not None and (at_pct or when):
                found.append(Add(size, at_pct, when))
        return tuple(found)

    def cooldown(self, raw: object) -> Cooldown | None:
        problems, path = self._problems, "cooldown"
        if not isinstance(raw, Mapping):
            candles = whole(problems, path, raw, 1, _MOST_COOLDOWN)
            return None if candles is None else Cooldown(candles)
        unknown_keys(problems, path, raw, ("candles", "after"))
        candles = whole(problems, f"{path}.candles", raw.get("candles"), 1, _MOST_COOLDOWN)
        after = None
        if raw.get("after") is not None:
            after = choice(problems, f"{path}.after", raw["after"], Outcome)
        return None if candles is None else Cooldown(candles, after)

    def hours(self, raw: object) -> tuple[tuple[int, int], ...]:
        problems, form = self._problems, 'hours of the UTC day like "08:00-16:00"'
        items = (
            [raw] if isinstance(raw, str) else listing(problems, "hours", raw, f"a list of {form}")
        )
        if items == []:
            problems.add("hours", raw, f"a list of {form}")
        spans = []
        for position, item in enumerate(items or ()):
            match = _SPAN.fullmatch(item) if isinstance(item, str) else None
            begin = None if match is None else _minute(match[1], match[2])
            end = None if match is None else _minute(match[3], match[4])
            if begin is None or end is None or begin in (end, MINUTES_OF_DAY):
                problems.add(f"hours[{position}]", item, form)
            else:
                spans.append((begin, end))
        return tuple(spans)

    def weekdays(self, raw: object) -> tuple[int, ...]:
        problems, form = self._problems, "a list of weekdays, 1 (Monday) to 7"
        items = listing(problems, "weekdays", raw, form)
        if items == []:
            problems.add("weekdays", raw, form)
        days = [
            whole(problems, f"weekdays[{position}]", item, 1, 7)
            for position, item in enumerate(items or ())
        ]
        return tuple(sorted({day for day in days if day is not None}))

    def flat_at(self, raw: object) -> int | None:
        match = _CLOCK.fullmatch(raw) if isinstance(raw, str) else None
        minute = None if match is None else _minute(match[1], match[2])
        if minute is None:
            self._problems.add("flat_at", raw, 'a time of the UTC day like "21:55"')
            return None
        return minute or MINUTES_OF_DAY


def _minute(hours: str, minutes: str) -> int | None:
    minute = int(hours) * 60 + int(minutes)
    return minute if int(minutes) < 60 and minute <= MINUTES_OF_DAY else None
