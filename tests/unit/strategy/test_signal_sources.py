"""Another kind of strategy needs one module and one line: shown with a source of the tests' own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from core.backtest.run import run_backtest
from core.compare.replay import readings_at
from core.market.candles.candles import Candle, Candles
from core.report.result import RunResult
from core.session.alignment import moments_of
from core.session.runner import Runner
from core.strategy.config.canonical import config_to_dict
from core.strategy.config.config import StrategyConfig
from core.strategy.config.parsing import parse_config
from core.strategy.config.problems import Problems
from core.strategy.config.validators import unknown_keys, whole
from core.strategy.indicators.batch import Batch
from core.strategy.signals import sources
from core.strategy.signals.reading import Reading
from core.strategy.signals.source import (
    ENTER_LONG,
    EXIT_LONG,
    ConditionSeries,
    SignalSeries,
)
from core.strategy.signals.sources import SourceKind, signal_source
from core.trading.values import Fills
from tests.unit.strategy.making import candles_of, condition, problems, written


class RiseStream:
    """Enters after `rises` higher closes in a row, leaves after the first lower one."""

    def __init__(self, rises: int) -> None:
        self._rises = rises
        self._row = 0
        self._seen = 0
        self._last: float | None = None

    @property
    def ready(self) -> bool:
        return self._seen > self._rises

    def update(self, candle: Candle) -> int:
        rising = self._last is not None and candle.close > self._last
        self._row = self._row + 1 if rising else 0
        self._last = candle.close
        self._seen += 1
        if not self.ready:
            return 0
        return ENTER_LONG if self._row == self._rises else 0 if rising else EXIT_LONG

    def levels(self) -> dict[str, float]:
        return {}

    def notes(self) -> tuple[str, ...]:
        return ()

    def readings(self) -> tuple[Reading, ...]:
        return ()

    def preparation(self) -> None:
        pass


class RiseSource:
    """What a module of a Python strategy would hold."""

    def __init__(self, config: StrategyConfig) -> None:
        assert config.signals is not None
        self._rises = int(str(config.signals["rises"]))

    @property
    def warmup(self) -> int:
        return 10 * self._rises

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"rises {self._rises}".encode()).hexdigest()

    def series(self, candles: Candles, batch: Batch | None = None) -> SignalSeries:
        stream = self.stream()
        flags = np.array([stream.update(candle) for candle in candles], dtype=np.uint8)
        return SignalSeries(flags, min(self._rises, len(candles)))

    def stream(self, known: Candles | None = None) -> RiseStream:
        return RiseStream(self._rises)

    def conditions(self, candles: Candles) -> tuple[ConditionSeries, ...]:
        return ()


def _check(noted: Problems, path: str, settings: Mapping[str, object]) -> None:
    unknown_keys(noted, path, settings, ("rises",))
    whole(noted, f"{path}.rises", settings.get("rises"), 1, 100)


@pytest.fixture
def rises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sources.SOURCES, "rises", SourceKind(RiseSource, _check))


CHANGES: dict[str, Any] = {
    "signals": {"source": "rises", "rises": 3},
    "entry_conditions": ...,
    "exit_conditions": ...,
    "indicators": ...,
    "timeframe": "5m",
}


def walk() -> Candles:
    return candles_of(100 + np.cumsum(np.random.default_rng(3).normal(0, 1, 500)))


def replayed(config: StrategyConfig, candles: Candles) -> RunResult:
    run = Runner(config, {}, Fills.CANDLE, decide_from=None)
    for moment in moments_of([list(candles)]):
        run.moment(moment)
    return run.result(())


@pytest.mark.usefixtures("rises")
def test_backtest_and_session_trade_by_it_alike() -> None:
    config = parse_config(written(**CHANGES)).config
    candles = walk()
    at_once, one_by_one = run_backtest(config, {"BTC/USDT": candles}), replayed(config, candles)
    assert len(at_once.trades) > 20
    assert at_once.trades == one_by_one.trades
    assert at_once.metrics == one_by_one.metrics
    assert readings_at(config, {"BTC/USDT": candles})("BTC/USDT", int(candles.time[9])) == {}


@pytest.mark.usefixtures("rises")
def test_it_is_its_own_judge_of_warm_up_and_identity() -> None:
    parsed = parse_config(written(**CHANGES))
    source = signal_source(parsed.config)
    assert source.warmup == 30
    assert source.digest == RiseSource(parsed.config).digest
    assert parsed.warnings == ()
    assert parse_config(config_to_dict(parsed.config)).config == parsed.config


@pytest.mark.usefixtures("rises")
def test_a_run_without_a_trade_says_that_nothing_was_signalled() -> None:
    config = parse_config(written(**CHANGES)).config
    falling = candles_of(np.linspace(200, 100, 50))
    diagnosis = run_backtest(config, {"BTC/USDT": falling}).diagnosis
    assert diagnosis is not None
    assert diagnosis["summary"] == "no entry was signalled on 47 candles"


@pytest.mark.usefixtures("rises")
def test_its_settings_are_checked_with_the_rest_of_the_config() -> None:
    found = problems(
        **CHANGES | {"signals": {"source": "rises", "rises": 0, "fast": 1}, "name": ""}
    )
    where = {problem.partition(":")[0] for problem in found}
    assert where == {"signals.fast", "signals.rises", "name"}


@pytest.mark.usefixtures("rises")
def test_conditions_beside_another_source_are_refused() -> None:
    found = problems(signals=CHANGES["signals"])
    assert [problem.partition(":")[0] for problem in found] == [
        "indicators",
        "entry_conditions",
        "exit_conditions",
    ]


@pytest.mark.usefixtures("rises")
def test_levels_and_conditional_adds_beside_another_source_are_refused() -> None:
    found = problems(
        **CHANGES,
        entry={"limit": "close"},
        stop_loss_pct=...,
        take_profit_pct=...,
        stop={"swing": 5},
        target={"atr": {"multiplier": 2}},
        adds=[{"when": [condition("close", ">", "open")], "size_pct": 50}],
    )
    assert [one.partition(":")[0] for one in found] == ["entry", "stop", "target", "adds"]


def test_a_source_that_nobody_registered_is_refused_with_those_there_are() -> None:
    (found,) = problems(signals={"source": "condition"})
    assert found == (
        "signals.source: found 'condition', expected one of conditions; did you mean conditions?"
    )


def test_conditions_may_be_named_as_the_source_they_are() -> None:
    plain = parse_config(written()).config
    assert parse_config(written(signals={"source": "conditions"})).config == plain
