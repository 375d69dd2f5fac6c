"""Indicators of other packages are used where they prove themselves, and refused with a reason."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from core.strategy.config import indicator_parsing
from core.strategy.indicators import registry
from core.strategy.indicators.indicator import Field, Indicator, Parameter
from core.strategy.indicators.plugins import GROUP, Plugins, load, plugin_packages
from core.strategy.indicators.series import CLOSE, Row, Series, rows_outputs, talib
from core.strategy.signals.sources import signal_source
from tests.unit.strategy.making import condition, config, problems


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


def around_nothing(_: object) -> tuple[Series, ...]:
    return ((CLOSE / talib("SMA", CLOSE, timeperiod=20) - 1.0) * 100.0,)


GOOD = of_rows(smoothed)
PERIOD = Parameter("period", 20, is_period=True)
SHOWN: dict[str, Any] = {
    "good": GOOD,
    "near 0": Indicator("smooth", "", (), (Field("value"),), around_nothing),
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


@pytest.mark.parametrize("name", ["good", "near 0"])
def test_one_that_proves_itself_is_used(name: str) -> None:
    found = loaded(name)
    assert found.refused == {}
    assert found.indicators["smooth"].build is SHOWN[name].build
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


def installed(monkeypatch: pytest.MonkeyPatch, found: Plugins) -> None:
    for user in (registry, indicator_parsing):
        monkeypatch.setattr(user, "plugins", lambda _: found)


def test_a_config_names_one_and_its_digest_covers_the_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    digests = []
    for version in ("mine 1.0", "mine 1.1"):
        installed(monkeypatch, Plugins({"smooth": replace(GOOD, package=version)}, {}))
        made = config(
            indicators=[{"name": "smooth", "source": "hl2"}],
            entry_conditions=[condition("close", "gt", "smooth")],
            exit_conditions=[condition("close", "lt", "smooth")],
        )
        digests.append(signal_source(made).digest)
    assert len(set(digests)) == 2


def test_a_config_that_names_a_refused_one_is_told_why(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, Plugins({}, {"smooth": "a value changes with the candles after it"}))
    (found,) = problems(indicators=[{"name": "smooth"}, {"rsi": 14}])
    assert "this plug-in is refused, a value changes with the candles after it" in found


def test_a_package_is_known_by_its_code_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was computed by it before a change in a checkout is not that of now."""
    about = tmp_path / "smooth_test-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: smooth-test\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        f"[{GROUP}]\nsmooth = smooth_test.parts:SMOOTH\nflat = smooth_test_flat:FLAT\n"
        "gone = smooth_test_gone:GONE\n"
    )
    package, module = tmp_path / "smooth_test", tmp_path / "smooth_test_flat.py"
    (package / "inner").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path)
    told = []
    for file in (package / "__init__.py", package / "inner" / "used.py", module, module):
        with file.open("a") as code:
            code.write("raise AssertionError('it is not loaded')\n")
        importlib.invalidate_caches()
        told.append(dict(plugin_packages())["smooth-test"])
    assert len(set(told)) == 4
    assert all(one.startswith("1.0 (") for one in told)
    (package / "notes.txt").touch()
    assert dict(plugin_packages())["smooth-test"] == told[-1]
