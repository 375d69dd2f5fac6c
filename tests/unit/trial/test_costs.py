"""The cost of a fill: break-even, an interval for every look, and what is said of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from core.market.candles.candles import Floats
from core.trial.costs import CostFinding, judge_costs, mean_intervals


def fills(mean: float, count: int = 200, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(mean, 3.0, count)


def test_no_interval_before_the_twentieth_fill() -> None:
    low, high = mean_intervals(fills(5.0, 21))
    assert np.isinf(low[:19]).all()
    assert np.isinf(high[:19]).all()
    assert (low[19:] < high[19:]).all()
    assert np.isfinite(low[19:]).all()


def test_the_interval_holds_at_every_look() -> None:
    rng = np.random.default_rng(2)
    above = below = 0
    for _ in range(600):
        low, high = mean_intervals(rng.normal(5.0, 3.0, 500), rate=0.05)
        above += bool((low > 5.0).any())
        below += bool((high < 5.0).any())
    assert above / 600 < 0.06
    assert below / 600 < 0.06


def test_dear_fills_among_cheap_ones_make_costs_look_neither_dear_nor_cheap() -> None:
    rng = np.random.default_rng(3)
    ends = [mean_intervals(rng.lognormal(1, 1, 500)) for _ in range(800)]
    assert np.mean([(low > math.exp(1.5)).any() for low, _ in ends]) <= 0.01
    assert np.mean([(high < math.exp(1.5)).any() for _, high in ends]) <= 0.015


def test_the_interval_is_the_normal_mixture_of_its_source() -> None:
    # At its end, the likelihood ratio against the mean, mixed over N(0, ρ²), is 1/(2·rate).
    values, rate = np.array([-1.0, 1.0] * 50), 0.01
    deviation = values.std(ddof=1)
    _, high = mean_intervals(values, rate)
    both, count = 2 * rate, len(values)
    rho = math.sqrt((-2 * math.log(both) + math.log(-2 * math.log(both) + 1)) / 100)
    total = high[-1] * count / deviation

    def ratio(drift: float) -> float:
        density = float(stats.norm.pdf(drift, scale=rho))
        return math.exp(drift * total - drift**2 * count / 2) * density

    assert integrate.quad(ratio, -3, 3)[0] == pytest.approx(1 / both, rel=1e-4)


@settings(max_examples=30)
@given(st.lists(st.floats(-50, 50), min_size=20, max_size=60), st.floats(-1e6, 1e6))
def test_the_interval_moves_with_the_fills(values: list[float], by: float) -> None:
    low, high = mean_intervals(np.array(values))
    moved_low, moved_high = mean_intervals(np.array(values) + by)
    assert moved_low[19:] == pytest.approx(low[19:] + by, abs=1e-3)
    assert moved_high[19:] == pytest.approx(high[19:] + by, abs=1e-3)


def test_costs_the_edge_bears_are_within() -> None:
    found = judge_costs(fills(6.2), assumed=5.0, break_even=31.0, margin=2.0)
    assert found.finding == CostFinding.WITHIN
    assert found.bearable
    assert found.at is None
    assert found.low is not None
    assert found.high is not None
    assert found.seen is not None
    assert found.low < found.seen < found.high


def test_three_times_the_assumed_cost_is_dearer() -> None:
    found = judge_costs(fills(15.0), assumed=5.0, break_even=31.0, margin=1.0)
    assert found.finding == CostFinding.DEARER
    assert found.bearable


def test_a_difference_within_the_margin_never_counts() -> None:
    found = judge_costs(fills(6.0, 20_000), assumed=5.0, break_even=31.0, margin=2.0)
    assert found.low is not None
    assert found.low > 5.0
    assert found.finding == CostFinding.WITHIN
    beyond = judge_costs(fills(6.0, 20_000), assumed=5.0, break_even=5.5, margin=2.0)
    assert beyond.finding == CostFinding.AS_ASSUMED, "though the edge does not bear it"


def test_costs_above_break_even_eat_the_edge_and_that_stays() -> None:
    dear = judge_costs(fills(40.0), assumed=5.0, break_even=31.0)
    assert dear.finding == CostFinding.EATS_EDGE
    assert dear.at is not None
    cheap_again = judge_costs(
        np.append(fills(40.0), fills(0.0, 2_000)), assumed=5.0, break_even=31.0
    )
    assert (cheap_again.finding, cheap_again.at) == (CostFinding.EATS_EDGE, dear.at)


def test_few_fills_leave_it_open() -> None:
    found = judge_costs(fills(5.0, 10), assumed=5.0, break_even=31.0)
    assert found.finding == CostFinding.OPEN
    assert (found.low, found.high, found.bearable) == (None, None, None)
    nothing = judge_costs([], assumed=5.0, break_even=31.0)
    assert (nothing.seen, nothing.fills) == (None, 0)


def test_an_interval_around_break_even_leaves_it_open() -> None:
    found = judge_costs(fills(31.0), assumed=31.0, break_even=31.0)
    assert found.finding == CostFinding.OPEN
    assert found.bearable is False


def test_without_a_break_even_cost_nothing_eats_the_edge() -> None:
    found = judge_costs(fills(400.0), assumed=5.0, break_even=None)
    assert (found.finding, found.bearable) == (CostFinding.DEARER, None)


def test_margins_below_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="margin"):
        judge_costs(fills(5.0), assumed=5.0, break_even=31.0, margin=-1.0)


def test_a_spread_that_is_known_is_not_forgotten() -> None:
    """Of trades of which one in ten wins, the first twenty are often losses all alike."""
    alike = np.full(20, -1.0)
    low, high = (float(ends[-1]) for ends in mean_intervals(alike))
    assert (low, high) == (-1.0, -1.0)
    low, high = (float(ends[-1]) for ends in mean_intervals(alike, spread=4.0))
    assert low < -3.0
    assert high > 1.0
