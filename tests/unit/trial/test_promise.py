"""The promise less the luck of the best of many tries."""

from __future__ import annotations

import numpy as np
import pytest

from core.market.candles.candles import Floats
from core.report.deflated import expected_maximum
from core.trial.promise import effective_tries, shrunk_promise
from tests.unit.trial.making import autoregressive


@pytest.mark.parametrize("tries", [2, 5, 20, 100, 1_000])
def test_the_expected_maximum_is_that_of_draws(tries: int) -> None:
    drawn = np.random.default_rng(1).standard_normal((4_000, tries)).max(axis=1).mean()
    assert expected_maximum(tries) == pytest.approx(drawn, abs=0.06)


def test_a_single_try_is_not_shrunk() -> None:
    returns = np.random.default_rng(2).normal(0.3, 1, 100)
    promise = shrunk_promise(returns, 1)
    assert promise.shrunk == promise.raw == pytest.approx(returns.mean())


def test_the_best_of_tries_without_merit_promises_nothing_on_average() -> None:
    rng = np.random.default_rng(3)
    left = []
    for _ in range(300):
        tries = rng.normal(0, 1, (30, 100))
        left.append(shrunk_promise(tries[tries.mean(axis=1).argmax()], 30).shrunk)
    assert np.mean(left) == pytest.approx(0, abs=0.02)


def test_the_scatter_of_the_tries_is_taken_where_it_is_known() -> None:
    returns = np.random.default_rng(4).normal(0.3, 1, 100)
    promise = shrunk_promise(returns, 10, spread=0.05)
    assert promise.shrunk == pytest.approx(promise.raw - 0.05 * expected_maximum(10))


def test_streaks_make_luck_greater() -> None:
    streaks = autoregressive(0.5)(np.random.default_rng(5), (400,))
    shuffled = np.random.default_rng(6).permutation(streaks)
    assert shrunk_promise(streaks, 10).spread > 1.3 * shrunk_promise(shuffled, 10).spread


def correlated(tries: int, rho: float, periods: int = 1_000) -> Floats:
    rng = np.random.default_rng(7)
    common = rng.standard_normal((1, periods))
    own = rng.standard_normal((tries, periods))
    mixed: Floats = np.sqrt(rho) * common + np.sqrt(1 - rho) * own
    return mixed


def test_copies_are_one_try_and_independent_tries_are_many() -> None:
    one = correlated(1, 0.0)
    assert effective_tries(np.repeat(one, 20, axis=0)) == pytest.approx(1, abs=0.01)
    assert effective_tries(correlated(20, 0.0)) == pytest.approx(20, rel=0.05)
    assert effective_tries(one) == 1


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.5, 0.7])
def test_the_luck_of_correlated_tries_is_theirs(rho: float) -> None:
    # The best of n equally correlated tries lies √(1 − ρ)·E(n) above their common part.
    luck = expected_maximum(effective_tries(correlated(100, rho)))
    assert luck == pytest.approx(np.sqrt(1 - rho) * expected_maximum(100), rel=0.12)


def test_neighbours_of_a_sweep_count_by_the_few_ideas_they_are() -> None:
    ideas = correlated(4, 0.0)
    noise = np.random.default_rng(8).standard_normal((100, 1_000))
    sweep = np.repeat(ideas, 25, axis=0) + 0.1 * noise
    assert 4 <= effective_tries(sweep) < 5


def test_more_tries_than_periods_are_counted_too() -> None:
    assert 1 < effective_tries(correlated(500, 0.2, periods=60)) <= 60


def test_tries_without_a_trade_do_not_count() -> None:
    with_idle = np.vstack((correlated(5, 0.0), np.zeros((50, 1_000))))
    assert effective_tries(with_idle) == pytest.approx(effective_tries(correlated(5, 0.0)))
    assert effective_tries(np.zeros((3, 10))) == 1


def test_hostile_arguments_are_refused() -> None:
    returns = np.random.default_rng(9).normal(0, 1, 50)
    with pytest.raises(ValueError, match="tries"):
        shrunk_promise(returns, 0.5)
    with pytest.raises(ValueError, match="spread"):
        shrunk_promise(returns, 5, spread=-1.0)
    with pytest.raises(ValueError, match="at least 20"):
        shrunk_promise(returns[:5], 5)
    with pytest.raises(ValueError, match="tries × periods"):
        effective_tries(returns)
    with pytest.raises(ValueError, match="finite"):
        effective_tries(np.full((2, 3), np.nan))
