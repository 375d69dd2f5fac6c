"""Walking forward is what a plain loop of sweeps and backtests does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.backtest.axes import Axis, SweepError
from core.backtest.run import run_backtest
from core.backtest.sweep import run_sweep
from core.gate.walk_forward import fold_times, walk_forward
from tests.unit.backtest.test_sweep import candles, config
from tests.unit.gate.test_chance import scaled

AXES = (Axis("rsi.period", (7, 14)), Axis("entry_conditions[0].value", (35, 45)))


@pytest.mark.parametrize("anchored", [False, True])
def test_each_fold_chooses_on_what_was_and_trades_what_follows(*, anchored: bool) -> None:
    history = candles(length=2_000)
    walked = walk_forward(config(), AXES, history, folds=3, anchored=anchored)
    balance = config().starting_balance
    equity, trades, held = [], 0, 0.0
    for fold, (seen, traded, until) in zip(
        walked.folds, fold_times(history, 3, anchored=anchored), strict=True
    ):
        before = {symbol: one.between(seen, traded) for symbol, one in history.items()}
        best = run_sweep(config(), AXES, before).rows[0].values
        assert fold.values == best
        raw = config(
            indicators=[{"name": "rsi", "params": {"period": best[0]}}],
            entry_conditions=[{"indicator": "rsi", "operator": "lt", "value": best[1]}],
        )
        known = {symbol: one.between(seen, until) for symbol, one in history.items()}
        result = run_backtest(replace(raw, starting_balance=balance), known, decide_from=traded)
        assert fold.result.trades == result.trades
        assert fold.left_open == len(result.open_trades)
        balance = result.ending_balance
        equity.extend(result.equity.tolist())
        trades += len(result.trades)
        assert result.metrics.exposure_pct is not None
        held += result.metrics.exposure_pct * len(result.times)
    assert trades > 0
    assert any(fold.left_open for fold in walked.folds[:-1])
    assert walked.joined.metrics.exposure_pct == pytest.approx(held / len(equity))
    assert walked.joined.equity.tolist() == equity
    assert walked.joined.metrics.total_trades == trades
    assert walked.joined.ending_balance == balance
    assert walked.joined.starting_balance == config().starting_balance
    assert (np.diff(walked.joined.times) > 0).all()


def test_no_choice_sees_what_it_trades() -> None:
    history = candles(length=2_000)
    times = list(fold_times(history, 4, anchored=False))
    assert all(seen < traded < until for seen, traded, until in times)
    assert [until for *_, until in times[:-1]] == [traded for _, traded, _ in times[1:]]
    assert times[-1][2] == int(history["BTC/USDT"].time[-1]) + 1
    changed = history["BTC/USDT"].between(0, times[-1][1])
    short = walk_forward(config(), AXES, {"BTC/USDT": changed}, folds=1)
    assert short.folds[0].until <= times[-1][1]


def test_what_comes_later_changes_no_earlier_choice() -> None:
    history = candles(length=2_000)["BTC/USDT"]
    first, *_ = walk_forward(config(), AXES, {"BTC/USDT": history}, folds=3).folds
    end = int(np.searchsorted(history.time, first.until))
    later = np.where(np.arange(len(history)) < end, 1.0, 2.0)
    other = scaled(history, later)
    again, *_ = walk_forward(config(), AXES, {"BTC/USDT": other}, folds=3).folds
    assert again.values == first.values
    assert again.result.trades == first.result.trades


@pytest.mark.parametrize("folds", [0, 500])
def test_folds_that_cannot_be_are_refused(folds: int) -> None:
    with pytest.raises(SweepError, match="folds"):
        walk_forward(config(), AXES, candles(length=300), folds=folds)
