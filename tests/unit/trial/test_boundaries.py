"""The two lines: what they say, what they refuse, and how often they err."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.market.candles.candles import Floats
from core.trial import Boundaries, Edge, State, calibrate
from tests.unit.trial.making import Draw, autoregressive, normal, skewed


def backtest(count: int = 100, seed: int = 1, mean: float = 0.3) -> Floats:
    return np.random.default_rng(seed).normal(mean, 1, count)


def lines(**changes: Any) -> Boundaries:
    """Broken at 5 below the promise of 1 a trade, kept at 8, within ten trades."""
    sealed: dict[str, Any] = {
        **{"horizon": 10, "promise": 1.0, "margin": 0.0, "lower": -5.0, "upper": 8.0},
        **{"best": 10.0},
        **{"delta": 0.0, "broken": 0.05, "kept": 0.05, "trades": 100, "seed": 0},
    }
    return Boundaries(**(sealed | changes))


def test_a_line_is_crossed_by_the_trade_that_reaches_it() -> None:
    assert lines().judge([0.0] * 4) == Edge(State.OPEN, None)
    assert lines().judge([0.0] * 5) == Edge(State.BROKEN, 5)
    assert lines().judge([2.0] * 4) == Edge(State.KEPT, 4)


def test_the_states_are_the_words() -> None:
    assert [str(state) for state in State] == ["kept", "broken", "open"]
    assert lines().judge([9.0]).state == "kept"


def test_the_first_line_crossed_decides() -> None:
    assert lines().judge([8.0, -30.0]) == Edge(State.KEPT, 1)
    assert lines().judge([-5.0, 50.0]) == Edge(State.BROKEN, 1)


def test_no_trade_counts_for_more_than_the_best_of_the_backtest() -> None:
    assert lines(best=3.0).judge([90.0, 1.0, 1.0]) == Edge(State.OPEN, None)
    assert lines(best=3.0).judge([90.0, 1.0, 9.0, 2.0]) == Edge(State.KEPT, 4)
    assert calibrate(backtest(), 60).best == backtest().max()


def test_both_at_once_is_broken() -> None:
    assert lines(upper=2.0, promise=9.0).judge([3.0]) == Edge(State.BROKEN, 1)


def test_nothing_is_looked_at_beyond_the_horizon() -> None:
    assert lines().judge([0.6] * 10 + [-100.0]) == Edge(State.OPEN, None)
    assert lines().judge([]) == Edge(State.OPEN, None)


def test_a_margin_forgives_what_it_says() -> None:
    assert lines(margin=0.5).judge([0.5] * 10).state == State.OPEN
    assert lines().judge([0.5] * 10) == Edge(State.BROKEN, 10)


def test_the_time_of_the_horizon_ends_a_trial_too() -> None:
    shares = [0.2, 0.4, 0.6, 0.8, 1.1]
    assert lines().judge([0.0] * 5, elapsed=shares) == Edge(State.OPEN, None)
    assert lines().judge([0.0] * 5, elapsed=[*shares[:4], 1.0]) == Edge(State.BROKEN, 5)


def test_a_rising_line_is_no_lower_for_slow_trades() -> None:
    rising = lines(delta=0.5)
    assert rising.judge([-1.0, -1.0]).state == State.BROKEN
    assert rising.judge([-1.0, -1.0], elapsed=[0.5, 1.0]).state == State.OPEN


@pytest.mark.parametrize("shares", [[0.1], [0.2, 0.1], [-0.1, 0.5], [0.1, float("nan")]])
def test_shares_that_do_not_fit_are_refused(shares: list[float]) -> None:
    with pytest.raises(ValueError, match="elapsed shares"):
        lines().judge([1.0, 1.0], elapsed=shares)


@given(st.lists(st.floats(-20, 20), max_size=30))
def test_a_decision_stays_and_is_made_by_looking_after_each_trade(returns: list[float]) -> None:
    sealed = lines(delta=0.25)
    whole = sealed.judge(returns)
    looks = [sealed.judge(returns[:k]) for k in range(1, len(returns) + 1)]
    decided = [look for look in looks if look.state != State.OPEN]
    assert whole == (decided[0] if decided else Edge(State.OPEN, None))
    assert all(look == whole for look in decided)


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=10), st.floats(-0.5, 0.5))
def test_what_is_drawn_is_what_is_judged(returns: list[float], delta: float) -> None:
    sealed = lines(delta=delta)
    values = np.array(returns)
    shown = len(values)
    below = sealed.excess(values) <= sealed.lower_line()[:shown]
    above = values.cumsum() >= sealed.upper_line()[:shown] + sealed.beyond(values)
    edge = sealed.judge(returns)
    if edge.at is None:
        assert not below.any()
        assert not above.any()
    else:
        assert (below if edge.state == State.BROKEN else above)[edge.at - 1]


def test_calibration_is_a_function_of_its_seed() -> None:
    assert calibrate(backtest(), 60, seed=7) == calibrate(backtest(), 60, seed=7)
    assert calibrate(backtest(), 60, seed=7) != calibrate(backtest(), 60, seed=8)


@settings(max_examples=10, deadline=None)
@given(st.floats(0.01, 100), st.integers(0, 100))
def test_lines_scale_with_the_returns(factor: float, seed: int) -> None:
    one = calibrate(backtest(seed=seed), 30)
    other = calibrate(backtest(seed=seed) * factor, 30)
    assert other.lower == pytest.approx(one.lower * factor)
    assert other.upper == pytest.approx(one.upper * factor)


def test_lines_do_not_depend_on_the_mean() -> None:
    one, other = calibrate(backtest(), 30), calibrate(backtest() + 1, 30)  # some lose still
    assert other.lower == pytest.approx(one.lower)
    assert other.upper == pytest.approx(one.upper)
    assert other.promise == pytest.approx(one.promise + 1)
    assert other.best == pytest.approx(one.best + 1)


def test_stricter_rates_and_longer_horizons_widen_the_lines() -> None:
    usual = calibrate(backtest(), 60)
    for wider in (calibrate(backtest(), 60, broken=0.01, kept=0.01), calibrate(backtest(), 240)):
        assert wider.lower < usual.lower < 0 < usual.upper < wider.upper


def test_a_short_backtest_makes_the_lower_line_wider() -> None:
    short, long = calibrate(backtest(30), 100), calibrate(np.tile(backtest(30), 20), 100)
    assert short.lower < 1.2 * long.lower


def test_streaks_make_the_lines_wider() -> None:
    streaks = autoregressive(0.4)(np.random.default_rng(3), (300,))
    shuffled = np.random.default_rng(4).permutation(streaks)
    assert calibrate(streaks, 60).upper > 1.2 * calibrate(shuffled, 60).upper


@pytest.mark.parametrize(
    ("returns", "says"),
    [
        (backtest(19), "at least 20"),
        ([], "at least 20"),
        ([*backtest(40), float("nan")], "trade 41 is nan"),
        ([*backtest(40), float("-inf")], "trade 41 is -inf"),
        ([0.3] * 50, "do not vary"),
        ([0.0] * 50, "do not vary"),
        ([*backtest(40), 1e200], "the largest is 1e"),
        (backtest(40) * 1e-310, "which is none"),
        (backtest(40).reshape(2, 20), "one dimension"),
        (["a"] * 30, "expected numbers"),
    ],
)
def test_returns_that_say_nothing_are_refused(returns: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        calibrate(returns, 60)


@pytest.mark.parametrize(
    "arguments",
    [
        {"horizon": 0},
        {"horizon": -3},
        {"horizon": 2.5},
        {"horizon": True},
        {"horizon": 10**9},
        {"broken": 0.0},
        {"broken": 1e-9},
        {"kept": 1e-9},
        {"kept": 0.5},
        {"kept": float("nan")},
        {"delta": 0.9},
        {"margin": -1.0},
        {"margin": float("inf")},
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        calibrate(backtest(), **({"horizon": 60} | arguments))


def test_a_return_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="trade 2 is nan"):
        lines().judge([1.0, float("nan")])


@pytest.mark.parametrize("count", [20, 21, 45, 2_000])
@pytest.mark.parametrize("horizon", [1, 2, 500])
def test_any_size_has_lines(count: int, horizon: int) -> None:
    sealed = calibrate(backtest(count), horizon, broken=0.025)
    assert -np.inf < sealed.lower < 0 < sealed.upper < np.inf


@pytest.mark.parametrize("draw", [normal, skewed, autoregressive(0.3)])
def test_error_rates_hold_over_many_trials(draw: Draw) -> None:
    # Each of 60 backtests is followed by 25 trials that keep its promise, and 40 without an edge.
    rng = np.random.default_rng(2)
    false = {State.KEPT: 0, State.BROKEN: 0, State.OPEN: 0}
    found = 0
    backtests, trials = draw(rng, (60, 100)) + 0.4, draw(rng, (60, 25, 60))
    for known, later in zip(backtests, trials, strict=True):
        sealed = calibrate(known, 60)
        for returns in later:
            false[State.BROKEN] += sealed.judge(returns + 0.4).state == State.BROKEN
            without_edge = sealed.judge(returns).state
            false[State.KEPT] += without_edge == State.KEPT
            found += without_edge == State.BROKEN
    assert 0.02 < false[State.BROKEN] / 1_500 < 0.08
    assert 0.02 < false[State.KEPT] / 1_500 < 0.08
    assert found / 1_500 > 0.35


def test_a_backtest_that_shows_no_loss_promises_little() -> None:
    """Winners of about 1 before a loss of 15: where none has come yet, so many wins prove less."""
    rng = np.random.default_rng(6)
    known = 1 + rng.normal(0, 0.02, 45)
    sealed = calibrate(known, 60)
    assert sealed.upper == pytest.approx(known.sum())
    assert sealed.lower <= -sealed.upper
    assert sealed.judge(np.ones(40)).state == State.OPEN
    strict = calibrate(known, 60, kept=0.01)
    assert strict.upper == pytest.approx(known.sum() * np.log(0.01) / np.log(0.05))
    assert calibrate([*known, -15.0], 60).upper < sealed.upper + 15


def test_the_package_alone_loads_no_numbers() -> None:
    code = "import sys, core.trial; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
