"""The bound on the rate of unexplained decisions, and what one without a cause means."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from core.trial.decisions import judge_decisions, rate_bound
from core.trial.state import State


def test_four_thousand_candles_without_a_difference() -> None:
    found = judge_decisions(4_032, 0, 0)
    assert found.state == State.KEPT
    assert found.bound is not None
    assert f"{found.bound:.2%}" == "0.09%"
    assert found.confidence == 0.95


def test_a_difference_is_explained_or_breaks() -> None:
    assert judge_decisions(500, 3, 0).state == State.KEPT
    assert judge_decisions(500, 3, 1).state == State.BROKEN


def test_what_is_explained_leaves_the_bound_where_it_was() -> None:
    assert judge_decisions(500, 3, 0).bound == judge_decisions(500, 0, 0).bound
    assert judge_decisions(500, 3, 1).bound == rate_bound(500, 1)


def test_no_decision_says_nothing() -> None:
    found = judge_decisions(0, 0, 0)
    assert (found.state, found.bound) == (State.OPEN, None)


@pytest.mark.parametrize("counts", [(3, 4, 0), (3, 1, 2), (3, 1, -1)])
def test_impossible_counts_are_refused(counts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="decisions"):
        judge_decisions(*counts)


@given(st.integers(1, 20_000), st.integers(0, 20))
def test_the_bound_lies_above_what_was_seen_and_falls_with_more(count: int, hits: int) -> None:
    hits = min(hits, count)
    bound = rate_bound(count, hits)
    assert hits / count <= bound <= 1
    assert rate_bound(count + 100, hits) < bound or hits == count
    assert rate_bound(count, hits, rate=0.01) >= bound


def test_the_bound_is_where_the_mixture_reaches_its_threshold() -> None:
    count, hits = 300, 4
    bound = rate_bound(count, hits)
    prior = stats.beta(0.5, 1_000)

    def likelihood(share: float) -> float:
        return share**hits * (1 - share) ** (count - hits)

    mixture = integrate.quad(lambda q: likelihood(q) * prior.pdf(q), 0, 1, points=[1e-4, 0.01])[0]
    assert mixture / likelihood(bound) == pytest.approx(20, rel=1e-3)


@pytest.mark.parametrize("share", [0.001, 0.02])
def test_the_bound_holds_at_every_look(share: float) -> None:
    rng = np.random.default_rng(1)
    looks = [1, 3, 10, 30, 100, 300, 1_000, 3_000]
    wrong = 0
    for _ in range(500):
        hits = (rng.random(3_000) < share).cumsum()
        wrong += any(rate_bound(k, int(hits[k - 1])) < share for k in looks)
    assert wrong / 500 <= 0.05


def test_a_bound_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="rate bound"):
        rate_bound(0, 0)
    with pytest.raises(ValueError, match="rate"):
        rate_bound(5, 0, rate=math.nan)
