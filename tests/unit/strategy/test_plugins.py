"""Indicators of other packages are used where they prove themselves, and refused with a reason."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint

import pytest

from core.strategy.indicators.indicator import Field, Indicator, Parameter
from core.strategy.indicators.plugins import GROUP, Plugins, load
from core.strategy.indicators.series import CLOSE, Row, Series, rows_outputs, talib


def smoothed(rows: Iterator[Row]) -> Iterator[Row]:
    level = math.nan
    for (close,) in rows:
        level = close if math.isnan(level) else level + 0.2 * (close - level)
        yield (level,)


def peeking(rows: Iterator[Row]) -> Iterator[Row]:
    """Each candle's value is the close of the next one."""
    next(rows, None)
    yield from rows
    yield (math.nan,)


def adding(rows: Iterator[Row]) -> Iterator[Row]:
    total = 0.0
    for (close,) in rows:
        total += close
        yield (total,)


def failing(rows: Iterator[Row]) -> Iterator[Row]:
    raise ZeroDivisionError("no luck")


def of_rows(rows: Callable[[Iterator[Row]], Iterator[Row]], name: str = "smooth") -> Indicator:
    return Indicator(name, "A test", (), (Field("value"),), lambda _: rows_outputs(rows, 1, CLOSE))


def late(_: object) -> tuple[Series, ...]:
    return (talib("SMA", CLOSE, timeperiod=5_000),)


GOOD = of_rows(smoothed)
PERIOD = Parameter("period", 20, is_period=True)
SHOWN = {
    "good": GOOD,
    "peeking": of_rows(peeking),
    "adding": of_rows(adding),
    "failing": of_rows(failing),
    "taken": of_rows(smoothed, "rsi"),
    "nothing": 7,
    "late": Indicator("late", "", (PERIOD,), (Field("value"),), late),
    "short": Indicator("short", "", (), (Field("value"), Field("b")), lambda _: (CLOSE,)),
}


def loaded(name: str) -> Plugins:
    class Shown(EntryPoint):
        def load(self) -> object:
            return SHOWN[self.name]

    return load([Shown(name, "somewhere:SHOWN", GROUP)], frozenset({"rsi"}))


def test_one_that_proves_itself_is_used() -> None:
    found = loaded("good")
    assert found.refused == {}
    assert found.indicators["smooth"].build is GOOD.build
    assert found.indicators["smooth"].package


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("peeking", "value: "),
        ("adding", "value: after 200 candles it still depends on the first one"),
        ("failing", "it raises ZeroDivisionError: no luck"),
        ("taken", "the name rsi is taken"),
        ("nothing", "it is a int, not an Indicator"),
        ("late", "value: it has no value after a warm-up of 200 candles"),
        ("short", "it builds 1 series for 2 fields"),
    ],
)
def test_one_that_does_not_is_refused_with_the_reason(name: str, reason: str) -> None:
    found = loaded(name)
    assert found.indicators == {}
    assert reason in found.refused[name]
