"""Reads the axes of a sweep (`PATH=RANGE`) and makes the configs they stand for."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from core.strategy.config.canonical import config_to_dict
from core.strategy.config.config import StrategyConfig
from core.strategy.config.problems import ConfigError
from core.strategy.config.varied import VariedConfigs

MAX_COMBINATIONS = 1_000_000

_INSIDE = re.compile(
    r"^(entry_conditions|exit_conditions|entry|stop|target|roi|adds|cooldown)((?:\[\d+\]|\.\w+)+)$"
)


_SIZES = ("trade_size_pct", "risk_pct", "trade_amount")  # exactly one of them


class SweepError(ValueError):
    """A sweep cannot be made as asked; the message says what was expected and what came."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One thing that is varied: where it stands in the config, and the values it takes, in order.

    `path` is a key of the config (`stop_loss_pct`), a part of a condition or an order
    (`entry_conditions[0].value`, `exit_conditions[1].any[0].value`, `stop.atr.multiplier`), or an
    indicator's key and parameter (`rsi.period`).
    """

    path: str
    values: tuple[float | int | str, ...]


def parse_axis(text: str) -> Axis:
    """An axis from `PATH=FIRST:LAST[:STEP]` (LAST included) or `PATH=VALUE,VALUE,…`.

    Raises:
        SweepError: if `text` is neither.
    """
    path, equals, written = text.partition("=")
    path, written = path.strip(), written.strip()
    if not equals or not path or not written:
        raise SweepError(
            f"expected PATH=FIRST:LAST[:STEP] or PATH=VALUE,VALUE,… but found {text!r}; "
            "for example rsi.period=7:21 or entry_conditions[0].value=20:40:5"
        )
    if ":" in written:
        return Axis(path, _range(path, written))
    return Axis(path, tuple(_value(part.strip()) for part in written.split(",")))


def configs(config: StrategyConfig, axes: Sequence[Axis]) -> list[StrategyConfig]:
    """Every combination of the axes' values, the last axis changing fastest.

    Raises:
        SweepError: if an axis names nothing in the config, two name the same, or a combination is
            no valid strategy.
    """
    paths = [axis.path for axis in axes]
    if len(set(paths)) < len(paths):
        raise SweepError(f"a path is set twice: {', '.join(paths)}")
    combinations(axes)
    base = config_to_dict(config)
    return list(_parsed(base, axes))


def corners(config: StrategyConfig, axes: Sequence[Axis]) -> list[StrategyConfig]:
    """The combinations of the ends of each axis, which stand for what lies between them.

    Raises:
        SweepError: see `configs`.
    """
    return configs(config, [Axis(axis.path, _ends(axis.values)) for axis in axes])


def _ends(values: tuple[float | int | str, ...]) -> tuple[float | int | str, ...]:
    """The least and the greatest; all of those that are no numbers."""
    numbers = [value for value in values if not isinstance(value, str)]
    return (min(numbers), max(numbers)) if len(numbers) == len(values) else values


def combinations(axes: Sequence[Axis]) -> int:
    """How many combinations of the axes' values there are.

    Raises:
        SweepError: if there are too many.
    """
    count = math.prod(len(axis.values) for axis in axes)
    if count > MAX_COMBINATIONS:
        raise SweepError(f"{count:,} combinations are too many: at most {MAX_COMBINATIONS:,}")
    return count


def _parsed(base: dict[str, Any], axes: Sequence[Axis]) -> Iterator[StrategyConfig]:
    varied = VariedConfigs(base)
    written = json.dumps(base)  # its values are those of JSON, and are read much faster than copied
    for values in itertools.product(*(axis.values for axis in axes)):
        raw = json.loads(written)
        for axis, value in zip(axes, values, strict=True):
            _set(raw, axis.path, value)
        try:
            yield varied.config(raw)
        except ConfigError as error:
            tried = ", ".join(
                f"{axis.path}={value}" for axis, value in zip(axes, values, strict=True)
            )
            raise SweepError(f"with {tried} the strategy is not valid:\n{error}") from error


def _set(raw: dict[str, Any], path: str, value: float | int | str) -> None:
    """Write `value` where `path` points to in a canonical config."""
    match = _INSIDE.match(path)
    if match and match[1] in raw:
        group, rest = match.groups()
        *steps, last = re.findall(r"\w+", rest)
        place: Any = raw[group]
        for step in steps:
            try:
                place = place[int(step) if isinstance(place, list) else step]
            except (KeyError, IndexError, ValueError):
                there = f"{group} has no such part"
                if isinstance(raw[group], list):
                    there = f"the strategy has {len(raw[group])} {group}, counted from 0"
                raise SweepError(f"{path}: nothing is at {step!r}; {there}") from None
        if not isinstance(place, dict):
            raise SweepError(f"{path}: expected the part of a condition, such as {path}.value")
        place[last] = value
        return
    key, dot, parameter = path.partition(".")
    if not dot:
        if path in _SIZES:
            for other in _SIZES:
                raw.pop(other, None)
        raw[path] = value
        return
    for indicator in raw["indicators"]:
        if indicator["key"] == key:
            indicator["params"][parameter] = value
            return
    keys = ", ".join(indicator["key"] for indicator in raw["indicators"]) or "none"
    raise SweepError(f"{path}: the strategy has no indicator {key!r}; it has {keys}")


def _range(path: str, written: str) -> tuple[float | int, ...]:
    parts = written.split(":")
    try:
        numbers = [Decimal(part) for part in parts]
    except InvalidOperation:
        numbers = []
    if len(numbers) not in (2, 3) or not all(number.is_finite() for number in numbers):
        raise SweepError(
            f"{path}: expected FIRST:LAST or FIRST:LAST:STEP in numbers, not {written!r}"
        )
    first, last = numbers[:2]
    step = numbers[2] if len(numbers) == 3 else Decimal(1)
    if step <= 0 or last < first:
        raise SweepError(
            f"{path}: {written!r} is empty: LAST must not lie below FIRST, STEP above 0"
        )
    count = int((last - first) / step) + 1
    if count > MAX_COMBINATIONS:
        raise SweepError(f"{path}: {written!r} has {count:,} values, at most {MAX_COMBINATIONS:,}")
    return tuple(_number(first + step * place) for place in range(count))


def _value(text: str) -> float | int | str:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    return _number(number) if number.is_finite() else text


def _number(number: Decimal) -> float | int:
    return int(number) if number == number.to_integral_value() else float(number)
