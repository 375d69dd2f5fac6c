"""The tests of selection against plain loops, against `arch`, and on returns of known merit."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import kurtosis, norm, skew

from core.gate.selection import Superiority, deflated, overfitting, superiority
from core.market.candles.candles import Floats


def returns(seed: int, settings: int, days: int, sharpe: float = 0.0) -> Floats:
    """Daily returns of settings that share half their variance; the first has the Sharpe ratio."""
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal(days)
    table: Floats = 0.01 * (rng.standard_normal((settings, days)) + shared) / math.sqrt(2)
    table[0] += 0.01 * sharpe / math.sqrt(365)
    return table


# ── Superior predictive ability ──


def test_an_edge_is_found_and_luck_is_not_taken_for_one() -> None:
    strong = superiority(returns(1, 50, 1_460, sharpe=4))
    none = superiority(returns(1, 50, 1_460))
    assert strong is not None
    assert strong.p < 0.01
    assert none is not None
    assert none.p > 0.05


def test_of_many_edgeless_searches_one_in_twenty_looks_like_an_edge() -> None:
    found = [superiority(returns(seed, 8, 100)) for seed in range(60)]
    share = sum(one is not None and one.p <= 0.05 for one in found) / 60
    assert share <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 60)


def test_what_lost_everywhere_has_nothing_to_show() -> None:
    found = superiority(returns(3, 5, 400) - 0.01)
    assert found is not None
    assert found.statistic == 0
    assert found.p == 1


def test_more_tries_make_the_same_find_less_likely() -> None:
    found = superiority(returns(1, 10, 1_460, sharpe=2.5))
    assert found is not None
    assert found.among(1) == pytest.approx(found.p)
    assert found.among(20) == pytest.approx(1 - (1 - found.p) ** 20)


@pytest.mark.parametrize("table", [np.zeros((3, 400)), returns(1, 3, 59)])
def test_too_little_to_say_is_none(table: Floats) -> None:
    assert superiority(table) is None


def test_the_length_that_is_needed_is_the_one_that_detects() -> None:
    found = Superiority(p=0.5, statistic=1.0, critical=2.6, years=1.0, block=5)
    needed = found.years_needed(2.0, 0.8)
    longer = Superiority(p=0.5, statistic=1.0, critical=2.6, years=needed, block=5)
    assert longer.detectable_sharpe(0.8) == pytest.approx(2.0)


@pytest.mark.oracle
@pytest.mark.parametrize(("seed", "sharpe"), [(1, 0.0), (2, 1.5), (3, 2.5)])
def test_the_probability_is_that_of_arch(seed: int, sharpe: float) -> None:
    from arch.bootstrap import SPA

    table = returns(seed, 30, 1_000, sharpe)
    found = superiority(table)
    assert found is not None
    oracle = SPA(
        np.zeros(1_000),
        -table.T,
        block_size=found.block,
        reps=4_000,
        bootstrap="stationary",
        seed=1,
    )
    oracle.compute()
    assert found.p == pytest.approx(float(oracle.pvalues["consistent"]), abs=0.04)


# ── Deflated Sharpe ratio ──


def best_by_hand(tries: float, spread: float) -> float:
    """Equation 1 of Bailey and López de Prado, with scipy's quantiles."""
    low, high = norm.ppf(1 - 1 / tries), norm.ppf(1 - 1 / (tries * math.e))
    return float(spread * ((1 - np.euler_gamma) * low + np.euler_gamma * high))


def test_a_single_setting_is_deflated_by_earlier_tries_of_which_only_the_number_is_known() -> None:
    daily = returns(2, 1, 730, sharpe=2)[0]
    found = deflated(daily, 8.1, None)
    assert found is not None
    luck = best_by_hand(8.1, math.sqrt(1 / 729))  # a day
    assert found.expected_best == pytest.approx(luck * math.sqrt(365), rel=1e-12)
    ratio = daily.mean() / daily.std(ddof=1)
    variance = 1 - skew(daily) * ratio + (kurtosis(daily, fisher=False) - 1) / 4 * ratio**2
    by_hand = norm.cdf((ratio - luck) * math.sqrt(729) / math.sqrt(variance))
    assert found.probability == pytest.approx(by_hand, rel=1e-9)


@pytest.mark.parametrize("tries", [3, 8, 40])
def test_so_many_tries_without_merit_have_the_best_that_is_taken_off(tries: int) -> None:
    drawn = np.random.default_rng(5).standard_t(4, (600, tries, 365))
    ratios = drawn.mean(axis=2) / drawn.std(axis=2, ddof=1) * math.sqrt(365)
    found = deflated(drawn[0, 0], tries, None)
    assert found is not None
    assert found.expected_best == pytest.approx(ratios.max(axis=1).mean(), rel=0.06)


def test_one_try_has_nothing_to_deflate_and_more_take_more_off() -> None:
    daily = returns(2, 1, 730, sharpe=2)[0]
    found = [deflated(daily, tries, None) for tries in (1.0, 2.0, 8.0, 50.0)]
    once, *_ = chances = [one.probability for one in found if one is not None]
    assert len(chances) == 4
    assert chances == sorted(chances, reverse=True)
    assert len(set(chances)) == 4
    ratio = daily.mean() / daily.std(ddof=1)
    variance = 1 - skew(daily) * ratio + (kurtosis(daily, fisher=False) - 1) / 4 * ratio**2
    assert once == pytest.approx(norm.cdf(ratio * math.sqrt(729 / variance)), rel=1e-9)


def test_the_spread_of_the_settings_counts_where_it_tells_of_more_luck() -> None:
    daily = returns(2, 1, 730, sharpe=2)[0]
    wide, narrow = deflated(daily, 3.0, 1.4), deflated(daily, 3.0, 0.1)
    assert wide is not None
    assert narrow is not None
    assert (wide.expected_best, wide.of_settings) == (1.4, True)
    assert not narrow.of_settings
    assert narrow == deflated(daily, 3.0, None)


@pytest.mark.parametrize("daily", [np.zeros(400), np.array([0.01, 0.02]), np.array([])])
def test_returns_that_say_nothing_are_not_deflated(daily: Floats) -> None:
    assert deflated(daily, 3.0, 0.5) is None


# ── Overfitting ──


def by_a_plain_loop(table: Floats, blocks: int) -> tuple[float, float]:
    """The share of halvings whose best comes out below the median, and that loses."""
    width = table.shape[1] // blocks
    table = table[:, table.shape[1] - blocks * width :]
    days = np.arange(blocks * width) // width
    below = losing = count = 0
    for half in itertools.combinations(range(blocks), blocks // 2):
        seen = np.isin(days, half)
        inside = [one[seen].mean() / one[seen].std() for one in table]
        outside = [one[~seen].mean() / one[~seen].std() for one in table]
        best = outside[int(np.argmax(inside))]
        rank = sum(other < best for other in outside) + 1
        below += rank / (len(table) + 1) <= 0.5
        losing += best < 0
        count += 1
    return below / count, losing / count


@pytest.mark.parametrize("sharpe", [0.0, 3.0])
def test_overfitting_is_what_a_plain_loop_counts(sharpe: float) -> None:
    table = returns(7, 6, 64, sharpe)
    found = overfitting(table)
    assert found is not None
    assert found.blocks == 12
    probability, losing = by_a_plain_loop(table, 12)
    assert found.probability == pytest.approx(probability)
    assert found.loss_probability == pytest.approx(losing)
    assert found.halvings == math.comb(12, 6)


def test_luck_is_overfitting_in_half_of_all_halvings_and_an_edge_in_few() -> None:
    luck = [overfitting(returns(seed, 10, 70)) for seed in range(6)]
    assert 0.3 < np.mean([one.probability for one in luck if one is not None]) < 0.75
    edge = overfitting(returns(1, 20, 1_000, sharpe=5))
    assert edge is not None
    assert edge.probability < 0.05


def test_one_setting_cannot_be_overfitted() -> None:
    assert overfitting(returns(1, 1, 400)) is None
