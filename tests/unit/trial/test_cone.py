"""The band around the path: its sides, what leaves it, and how often the promise does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.market.candles.candles import Floats
from core.trial.cone import BandSide, Cone, Course, cone, over_time
from tests.unit.trial.making import Draw, autoregressive, normal, skewed

SEALED = Cone(horizon=20, growth=0.5, below=3.0, above=3.0, rate=0.015, trades=100, seed=0)


def path_of(returns: Floats) -> Floats:
    path: Floats = 100 * (np.cumprod(1 + returns / 100, axis=-1, dtype=np.float64) - 1)
    return path


def test_the_band_starts_at_nothing_and_holds_the_mean_path() -> None:
    lower, middle, upper = SEALED.lower(), SEALED.middle(), SEALED.upper()
    assert len(lower) == 21
    assert (lower[0], middle[0], upper[0]) == (0, 0, 0)
    assert (lower[1:] < middle[1:]).all()
    assert (middle[1:] < upper[1:]).all()
    assert middle[20] == pytest.approx(100 * (np.exp(20 * 0.005) - 1))
    assert lower.min() > -100
    assert np.isfinite(replace(SEALED, growth=5_000.0).upper()).all()


def test_the_side_a_path_leaves_is_told_with_its_trade() -> None:
    inside = SEALED.middle()[1:]
    assert SEALED.judge(inside) == Course(BandSide.INSIDE, None)
    assert SEALED.judge(np.append(inside[:4], -60.0)) == Course(BandSide.BELOW, 5)
    assert SEALED.judge(np.append(inside[:6], 200.0)) == Course(BandSide.ABOVE, 7)
    assert SEALED.judge([]) == Course(BandSide.INSIDE, None)


def test_below_wins_over_above() -> None:
    assert SEALED.judge([200.0, -60.0, 200.0]) == Course(BandSide.BELOW, 2)


def test_nothing_is_looked_at_beyond_the_horizon() -> None:
    assert SEALED.judge([*SEALED.middle()[1:], -99.0]).side == BandSide.INSIDE


def test_a_path_that_lost_everything_is_below() -> None:
    assert SEALED.judge([-100.0]) == Course(BandSide.BELOW, 1)


@given(st.lists(st.floats(-99, 300), min_size=1, max_size=20))
def test_what_is_drawn_is_what_is_judged(path: list[float]) -> None:
    course = SEALED.judge(path)
    seen = np.array(path)
    outside = {
        BandSide.BELOW: seen < SEALED.lower()[1 : len(path) + 1],
        BandSide.ABOVE: seen > SEALED.upper()[1 : len(path) + 1],
    }
    if course.at is None:
        assert not any(side.any() for side in outside.values())
    else:
        assert outside[course.side][course.at - 1]
        assert not outside[course.side][: course.at - 1].any()


def test_over_time_the_band_goes_by_trades_and_then_by_the_time_left() -> None:
    closes = np.array([1_000, 1_000, 5_000], dtype=np.int64)
    drawn = over_time(SEALED, 100, closes, 22_000)
    times = [point[0] for point in drawn.points]
    assert times == sorted(times)
    assert (times[0], times[-1]) == (100, 22_000)
    by_time = {time: tuple(sides) for time, *sides in drawn.points}
    sides = (SEALED.lower(), SEALED.middle(), SEALED.upper())
    for place, time in ((0, 100), (2, 1_000), (3, 5_000), (4, 6_000), (20, 22_000)):
        assert by_time[time] == pytest.approx([side[place] for side in sides])
    assert drawn.legend == "band of the promise, which a true one leaves below in at most 1.5%"
    assert drawn.in_money(200.0)[0] == (100, 200.0, 200.0)


def test_over_time_nothing_is_drawn_that_is_not_known() -> None:
    closes = np.arange(1, 31, dtype=np.int64) * 10
    assert over_time(SEALED, 0, closes, None).points[-1][0] == 200, "its horizon are 20 trades"
    assert over_time(SEALED, 0, closes[:5], None).points[-1][0] == 50
    long = replace(SEALED, horizon=2_000)
    assert len(over_time(long, 0, np.arange(2_000, dtype=np.int64), 9_000).points) <= 400


@pytest.mark.parametrize("draw", [normal, skewed, autoregressive(0.3)])
def test_the_promise_hardly_ever_leaves_it(draw: Draw) -> None:
    rng = np.random.default_rng(3)
    backtests, trials = draw(rng, (40, 100)) + 0.3, draw(rng, (40, 50, 60)) + 0.3
    below = 0
    for known, later in zip(backtests, path_of(trials), strict=True):
        sealed = cone(known, 60)
        below += sum(sealed.judge(path).side == BandSide.BELOW for path in later)
    assert 0.001 < below / 2_000 < 0.03


def test_where_returns_add_up_so_does_the_band() -> None:
    """Compounded over 300 trades of 1.5%, the promise is 80 times what the trades add up to."""
    rng = np.random.default_rng(3)
    backtests, trials = rng.normal(1.5, 5.0, (10, 400)), rng.normal(1.5, 5.0, (10, 100, 300))
    below = 0
    for known, later in zip(backtests, trials.cumsum(axis=2), strict=True):
        sealed = cone(known, 300, fixed_amount=True)
        assert sealed.middle()[300] == pytest.approx(300 * known.mean())
        below += sum(sealed.judge(path).side == BandSide.BELOW for path in later)
    assert below / 1_000 < 0.03
    compounded = cone(backtests[0], 300)
    assert compounded.judge(trials[0, 0].cumsum()).side == BandSide.BELOW


def test_a_drawdown_twice_as_deep_leaves_it() -> None:
    rng = np.random.default_rng(4)
    sealed = cone(rng.normal(0.3, 1, 200), 120)
    losing = rng.normal(-0.4, 2, (100, 120))
    assert np.mean([sealed.judge(path).side == BandSide.BELOW for path in path_of(losing)]) > 0.9


def test_a_stricter_rate_makes_it_wider() -> None:
    returns = np.random.default_rng(5).normal(0.3, 1, 100)
    usual, strict = cone(returns, 60), cone(returns, 60, rate=0.001)
    assert strict.below > usual.below
    assert (strict.lower()[1:] < usual.lower()[1:]).all()


def test_what_has_no_path_is_refused() -> None:
    with pytest.raises(ValueError, match="lost all there was"):
        cone([*np.linspace(-1, 1, 30), -100.0], 10)
    assert cone([*np.linspace(-1, 1, 30), -100.0], 10, fixed_amount=True).below > 0
    with pytest.raises(ValueError, match="at least 20"):
        cone([1.0, 2.0], 10)
    with pytest.raises(ValueError, match="horizon"):
        cone(np.linspace(-1, 1, 30), 0)
    with pytest.raises(ValueError, match="rate"):
        cone(np.linspace(-1, 1, 30), 10, rate=0.0)
    with pytest.raises(ValueError, match="equity path: trade 2"):
        SEALED.judge([1.0, float("nan")])
