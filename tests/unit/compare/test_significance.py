"""Tests and intervals, held against scipy and against simulation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from core.compare.significance import (
    Interval,
    bootstrap_mean,
    fisher_exact,
    mcnemar_exact,
    mean_difference,
    paired_mean_difference,
    paired_win_rate_difference,
    profit_factor_ratio,
    trades_beside,
    trades_to_agree,
    trades_to_detect,
    win_rate_difference,
)


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300), st.integers(0, 300))
def test_fisher_equals_scipy(wins_1: int, losses_1: int, wins_2: int, losses_2: int) -> None:
    ours = fisher_exact(wins_1, wins_1 + losses_1, wins_2, wins_2 + losses_2)
    scipy = stats.fisher_exact([[wins_1, losses_1], [wins_2, losses_2]]).pvalue
    assert ours == pytest.approx(scipy, rel=1e-8, abs=1e-12)


def test_fisher_of_a_hundred_thousand_trades() -> None:
    scipy = stats.fisher_exact([[51_000, 49_000], [5_200, 4_800]]).pvalue
    assert fisher_exact(51_000, 100_000, 5_200, 10_000) == pytest.approx(scipy, rel=1e-6)


def test_fisher_of_the_documents_sample() -> None:
    assert fisher_exact(28, 45, 7, 12) == 1.0


@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar_is_the_binomial_test(b: int, c: int) -> None:
    scipy = stats.binomtest(b, b + c).pvalue if b + c else 1.0
    assert mcnemar_exact(b, c) == pytest.approx(scipy, rel=1e-8, abs=1e-14)


def test_newcombe_equals_its_published_example() -> None:
    # Newcombe (1998), table II (a): 56/70 − 48/80 is 0.2 with 0.0524 to 0.3339 by method 10.
    interval = win_rate_difference(48, 80, 56, 70)
    assert interval.estimate == pytest.approx(0.2)
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.0524, 0.3339)


def test_pairs_that_all_agree_are_not_thereby_certain() -> None:
    few, many = paired_win_rate_difference(0, 0, 10), paired_win_rate_difference(0, 0, 500)
    assert few.estimate == many.estimate == 0
    assert not few.within(0.1)
    assert many.within(0.1)


Sample = Any  # what a draw gives an interval to be made of


def coverage(
    draw: Callable[[], Sample], interval: Callable[[Sample], Interval], truth: float, rounds: int
) -> float:
    hits = 0
    for _ in range(rounds):
        found = interval(draw())
        hits += found.low <= truth <= found.high
    return hits / rounds


def test_intervals_of_rates_cover_what_they_promise() -> None:
    rng = np.random.default_rng(5)
    seen = coverage(
        lambda: (int(rng.binomial(45, 0.6)), int(rng.binomial(20, 0.5))),
        lambda x: win_rate_difference(x[0], 45, x[1], 20),
        -0.1,
        2000,
    )
    assert 0.93 < seen < 0.98


def test_bootstrap_intervals_cover_what_they_promise() -> None:
    rng = np.random.default_rng(6)
    seen = coverage(
        lambda: (rng.normal(1, 2, 60), rng.normal(1.5, 3, 40)),
        lambda x: mean_difference(x[0], x[1], rng),
        0.5,
        150,
    )
    assert 0.87 < seen <= 1


def test_bootstrap_means_spread_like_the_standard_error() -> None:
    values = np.random.default_rng(1).normal(0, 3, 400)
    means = bootstrap_mean(values, 1, np.random.default_rng(2))
    assert float(np.std(means)) == pytest.approx(float(np.std(values)) / 20, rel=0.05)
    assert float(np.mean(means)) == pytest.approx(float(np.mean(values)), abs=0.02)


def test_blocks_keep_what_neighbours_share() -> None:
    # Runs of twenty equal values: single draws would take them for 400 independent ones.
    values = np.repeat(np.random.default_rng(1).normal(0, 1, 20), 20)
    single = np.std(bootstrap_mean(values, 1, np.random.default_rng(2)))
    blocks = np.std(bootstrap_mean(values, 20, np.random.default_rng(2)))
    assert blocks > 2.5 * single


def test_paired_differences_need_no_spread_of_their_own() -> None:
    rng = np.random.default_rng(3)
    first = rng.normal(0, 100, 50)
    found = paired_mean_difference(first, first + 1 + rng.normal(0, 0.1, 50), rng)
    assert found.excludes_zero
    assert found.estimate == pytest.approx(1, abs=0.1)


def test_profit_factors_are_told_apart_by_their_ratio() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.normal(1, 2, 200), rng.normal(-1, 2, 200)
    found = profit_factor_ratio(first, second, rng)
    assert found is not None

    def factor(x: np.ndarray) -> float:
        return float(x[x > 0].sum() / -x[x < 0].sum())

    assert found.estimate == pytest.approx(math.log(factor(second) / factor(first)))
    assert found.excludes_zero
    assert profit_factor_ratio(np.ones(30), second, rng) is None


@given(st.integers(1, 400), st.integers(1, 12))
@settings(max_examples=20)
def test_a_constant_resamples_to_itself(n: int, block: int) -> None:
    means = bootstrap_mean(np.full(n, 2.5), block, np.random.default_rng(0))
    assert np.allclose(means, 2.5)


@pytest.mark.parametrize(
    ("p_1", "p_2", "n"), [(0.5, 0.4, 388), (0.62, 0.58, 2353), (0.9, 0.8, 199)]
)
def test_trades_to_detect_two_rates(p_1: float, p_2: float, n: int) -> None:
    assert abs(trades_to_detect(p_1, p_2) - n) <= 1
    # That many trades find it in some 80 % of all draws.
    rng = np.random.default_rng(4)
    found = 0
    n = trades_to_detect(p_1, p_2)
    for _ in range(400):
        a, b = int(rng.binomial(n, p_1)), int(rng.binomial(n, p_2))
        pooled = (a + b) / (2 * n)
        found += abs(a - b) / n > 1.96 * math.sqrt(2 * pooled * (1 - pooled) / n)
    assert 0.73 < found / 400 < 0.87


def test_trades_to_agree_reach_agreement_in_four_of_five_draws() -> None:
    n = trades_to_agree(2 * 0.6 * 0.4, 0.1)
    rng = np.random.default_rng(8)
    agreed = sum(
        win_rate_difference(int(rng.binomial(n, 0.6)), n, int(rng.binomial(n, 0.6)), n).within(0.1)
        for _ in range(500)
    )
    assert 0.73 < agreed / 500 < 0.87


def test_a_short_first_column_can_make_any_number_too_few() -> None:
    assert trades_beside(500, 500) == 500
    assert trades_beside(500, 1000) == 334
    assert trades_beside(500, 250) is None
    assert trades_beside(500, 45) is None
