"""Each circumstance is a backtest of its own; years and regimes add up to the whole."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from core.backtest.axes import parse_axis
from core.backtest.run import run_backtest
from core.backtest.sweep import run_sweep
from core.gate.robustness import Robustness, robustness
from core.market.candles.candles import Candles
from core.strategy.config.parsing import parse_config
from tests.benchmarks.gate_error_rates import STRATEGY, market

CONFIG = parse_config(STRATEGY).config
CANDLES = {CONFIG.symbols[0]: market(5, 3_000, 0.2)}
AXES = [parse_axis("ema.period=10:30:10"), parse_axis("stop_loss_pct=5,10")]


@pytest.fixture(scope="module")
def found() -> Robustness:
    sweep = run_sweep(CONFIG, AXES, CANDLES)
    return robustness(sweep.best.config, CANDLES, sweep.best.result, sweep)


def test_years_and_regimes_compound_to_the_whole(found: Robustness) -> None:
    whole = 1 + found.return_pct / 100
    for parts in (found.years, found.regimes):
        assert len(parts) > 1
        assert math.prod(1 + part.return_pct / 100 for part in parts) == pytest.approx(whole)
    assert [part.name for part in found.years] == [str(year) for year in range(2020, 2029)]


def test_dearer_fills_and_later_entries_are_backtests_of_their_own(found: Robustness) -> None:
    best = run_sweep(CONFIG, AXES, CANDLES).best.config
    dear = run_backtest(replace(best, fees=best.fees * 2), CANDLES)
    assert found.costs_doubled == pytest.approx((dear.ending_balance / 10_000 - 1) * 100)
    assert found.costs_doubled < found.return_pct
    assert found.assumed_cost_bp == pytest.approx(6)
    assert found.break_even_cost_bp is not None
    assert found.shifted_starts[0] <= found.return_pct <= found.shifted_starts[1]


def test_neighbours_are_one_step_away(found: Robustness) -> None:
    assert found.neighbours is not None
    assert 2 <= found.neighbours.count <= 3
    assert 0 <= found.neighbours.profitable <= found.neighbours.count


def test_a_late_entry_is_the_signal_of_the_candle_before() -> None:
    rising = np.cumprod(np.full(60, 1.01)) * 100
    falling = rising[::-1]
    close = np.concatenate((falling, rising))
    opened = np.concatenate(([close[0]], close[:-1]))
    history = Candles(
        np.arange(120, dtype=np.int64) * CONFIG.timeframe.ms,
        opened,
        np.maximum(opened, close),
        np.minimum(opened, close),
        close,
        np.ones(120),
    )
    candles = {CONFIG.symbols[0]: history}
    in_time = run_backtest(CONFIG, candles)
    late = run_backtest(CONFIG, candles, late_entries=3)
    entered = [one.entry_time for one in in_time.open_trades]
    entered_late = [one.entry_time for one in late.open_trades]
    assert entered
    assert entered_late == [time + 3 * CONFIG.timeframe.ms for time in entered]
