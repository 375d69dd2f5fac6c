"""What is drawn from a backtest is spread, tailed and streaked as the backtest was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from core.market.candles.candles import Floats
from core.trial import resampling
from core.trial.dependence import (
    block_length,
    first_autocorrelation,
    long_run_factor,
    streak_length,
)
from core.trial.resampling import Resampler, mean_and_scale
from tests.unit.trial.making import Draw, autoregressive, normal, skewed, student_t


def of(draw: Draw, count: int, seed: int = 1) -> Floats:
    return draw(np.random.default_rng(seed), (count,))


@pytest.mark.parametrize("draw", [normal, skewed, autoregressive(0.4)])
def test_draws_have_mean_zero_and_the_spread_of_the_backtest(draw: Draw) -> None:
    backtest = of(draw, 1_000)
    drawn = Resampler.fit(backtest).draw(np.random.default_rng(2), 200, 2_000)
    assert drawn.mean() == pytest.approx(0, abs=0.01)
    assert drawn.std() == pytest.approx(backtest.std(), rel=0.05)
    assert drawn[0].std() == pytest.approx(drawn[-1].std(), rel=0.1)


@pytest.mark.parametrize("streak", [0.0, 0.4])
@pytest.mark.parametrize(("wide", "cached"), [(1, 1), (300, 1_000), (10**6, 10**6)])
def test_running_sums_do_not_depend_on_how_many_are_made_at_once(
    monkeypatch: pytest.MonkeyPatch, streak: float, wide: int, cached: int
) -> None:
    resampler = Resampler.fit(of(autoregressive(streak), 300))
    monkeypatch.setattr(resampling, "_WIDE", wide)
    monkeypatch.setattr(resampling, "_IN_CACHE", cached)
    monkeypatch.setattr(resampling, "_AT_ONCE", 40_000)
    rng = np.random.default_rng(7)
    size = 40_000 // (300 + 90)
    sums, drift, scale = [], [], []
    for trials in resampler.trials(90, 0.05, 7):
        parts = [(total.copy(), promised.copy()) for _, total, promised in trials.sums()]
        sums.append(np.concatenate([total for total, _ in parts]))
        drift.append(np.concatenate([promised for _, promised in parts]))
        scale.append(trials.scale)
    for at in range(0, 1_000, size):
        some = slice(at, min(at + size, 1_000))
        count = some.stop - some.start
        mean, expected = mean_and_scale(resampler.draw(rng, 300, count))
        total = np.cumsum(resampler.draw(rng, 90, count), axis=0)
        assert (np.concatenate(sums, axis=1)[:, some] == total).all()
        assert (np.concatenate(drift, axis=1)[:, some] == np.arange(1, 91)[:, None] * mean).all()
        assert (np.concatenate(scale)[some] == expected).all()


def test_draws_keep_the_skew() -> None:
    backtest = of(skewed, 1_000)
    drawn = Resampler.fit(backtest).draw(np.random.default_rng(2), 100, 2_000)
    assert stats.skew(drawn, axis=None) == pytest.approx(stats.skew(backtest), rel=0.25)


def test_draws_keep_the_streaks() -> None:
    drawn = Resampler.fit(of(autoregressive(0.4), 2_000)).draw(np.random.default_rng(2), 500, 400)
    found = [np.corrcoef(one[1:], one[:-1])[0, 1] for one in drawn.T]
    assert np.mean(found) == pytest.approx(0.4, abs=0.05)


def test_streaks_an_autoregression_does_not_describe_are_kept_in_blocks() -> None:
    # Ten trades in a row share half of their luck.
    rng = np.random.default_rng(3)
    backtest = np.repeat(rng.normal(0, 1, 60), 10) + rng.normal(0, 1, 600)
    resampler = Resampler.fit(backtest)
    assert resampler.block > 1
    sums = resampler.draw(np.random.default_rng(4), 60, 3_000).sum(axis=0)
    assert sums.std() > 1.7 * backtest.std() * np.sqrt(60)  # 1.0 if trades were independent


def test_a_draw_goes_beyond_the_worst_trade_there_was() -> None:
    backtest = of(normal, 45)
    resampler = Resampler.fit(backtest)
    drawn = resampler.draw(np.random.default_rng(5), 60, 1_000) + resampler.mean
    assert drawn.min() < 1.2 * backtest.min()


def test_a_single_outlier_does_not_decide_the_spread() -> None:
    backtest = of(normal, 45)
    with_outlier = np.append(backtest, -15.0)
    _, usual = mean_and_scale(backtest)
    _, moved = mean_and_scale(with_outlier)
    assert moved / usual < 0.8 * with_outlier.std() / backtest.std()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(20, 60))
def test_draws_are_finite_and_of_the_shape_asked_for(seed: int, count: int) -> None:
    drawn = Resampler.fit(of(student_t, count, seed)).draw(np.random.default_rng(seed), 7, 5)
    assert drawn.shape == (7, 5)
    assert np.isfinite(drawn).all()


def test_the_autocorrelation_is_found_without_bias_in_long_samples() -> None:
    series = autoregressive(0.4)(np.random.default_rng(6), (4_000,))
    assert float(first_autocorrelation(series)) == pytest.approx(0.4, abs=0.04)
    assert float(long_run_factor(0.4)) == pytest.approx(np.sqrt(1.4 / 0.6))


def test_alternating_trades_count_as_independent() -> None:
    assert float(first_autocorrelation(np.tile([1.0, -1.0], 100))) == 0


def test_many_series_are_measured_at_once() -> None:
    many = np.random.default_rng(7).normal(size=(50, 3))
    together = first_autocorrelation(many)
    assert together == pytest.approx([float(first_autocorrelation(one)) for one in many.T])


def test_independent_trades_are_drawn_singly() -> None:
    assert [block_length(of(normal, 300, seed)) for seed in range(5)] == [1] * 5


def test_long_streaks_make_long_blocks() -> None:
    short, long = (block_length(of(autoregressive(rho), 1_000)) for rho in (0.3, 0.8))
    assert 1 < short < long


def test_patterns_that_would_narrow_the_lines_are_not_trusted() -> None:
    by_chance = of(normal, 200)  # independent, though its lags seem to alternate
    assert block_length(by_chance) > 1
    assert streak_length(by_chance) == 1
    sums = Resampler.fit(by_chance).draw(np.random.default_rng(8), 60, 2_000).sum(axis=0)
    assert sums.std() > 0.95 * by_chance.std() * np.sqrt(60)


@pytest.mark.oracle
@pytest.mark.parametrize("rho", [0.5, 0.8])
@pytest.mark.parametrize("count", [100, 300, 2_000])
def test_the_block_length_is_that_of_arch(rho: float, count: int) -> None:
    bootstrap = pytest.importorskip("arch.bootstrap")
    series = of(autoregressive(rho), count)
    theirs = float(bootstrap.optimal_block_length(series)["circular"].iloc[0])
    # arch counts one lag more than the paper's rule, and does not round.
    assert block_length(series) == pytest.approx(theirs, abs=1.5, rel=0.1)


@pytest.mark.oracle
def test_the_autocorrelation_is_that_of_statsmodels() -> None:
    stattools = pytest.importorskip("statsmodels.tsa.stattools")
    series = of(autoregressive(0.5), 5_000)
    theirs = float(stattools.acf(series, nlags=1)[1])
    assert float(first_autocorrelation(series)) == pytest.approx(theirs, abs=0.005)
