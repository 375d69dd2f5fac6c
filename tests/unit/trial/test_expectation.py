"""What is to be expected of further trades holds what comes, and is drawn as a plain loop does."""

from __future__ import annotations

import numpy as np
import pytest

from core.market.candles.candles import Floats
from core.trial.expectation import expectation
from core.trial.resampling import Resampler


def test_what_to_expect_holds_what_comes() -> None:
    rng = np.random.default_rng(1)
    inside = 0
    for seed in range(60):
        before, after = rng.normal(0.2, 2, (2, 100))
        band = expectation(before - before.mean() + 0.2, 400, seed).return_pct
        made = (np.prod(1 + after / 100) - 1) * 100
        inside += band.low <= made <= band.high
    assert 0.8 <= inside / 60 <= 1


@pytest.mark.parametrize("fixed_amount", [False, True])
def test_the_bands_are_those_of_trades_followed_one_by_one(fixed_amount: bool) -> None:
    rng = np.random.default_rng(2)
    returns = rng.normal(0.5, 6, 80)
    returns[3:7] = -45  # a streak that may leave nothing
    found = expectation(returns, 50, seed=4, trades=120, promise=0.3, fixed_amount=fixed_amount)
    drawn = Resampler.fit(returns).draw(np.random.default_rng(4), 120, 50) + 0.3
    totals, falls, streaks = [], [], []
    for trial in drawn.T:
        equity = peak = 1.0
        fall, streak, longest = 0.0, 0, 0
        for one in trial:
            if equity > 0:
                equity = max(0.0, equity + one / 100 * (1.0 if fixed_amount else equity))
            peak = max(peak, equity)
            fall = max(fall, 1 - equity / peak)
            streak = streak + 1 if one < 0 else 0
            longest = max(longest, streak)
        totals.append((equity - 1) * 100)
        falls.append(fall * 100)
        streaks.append(float(longest))
    assert min(totals) < -99  # one of them has hardly anything left, or nothing
    for band, values in (
        (found.return_pct, totals),
        (found.drawdown_pct, falls),
        (found.losing_streak, streaks),
    ):
        assert [band.low, band.middle, band.high] == pytest.approx(
            np.quantile(values, (0.05, 0.5, 0.95)), abs=1e-9
        )
    assert found.loss_probability == np.mean(np.array(totals) < 0)
    assert (found.trades, found.draws) == (120, 50)


@pytest.mark.parametrize(("returns", "draws"), [(np.zeros(5), 100), (np.ones(50), 100)])
def test_what_cannot_be_drawn_from_is_refused(returns: Floats, draws: int) -> None:
    with pytest.raises(ValueError, match="returns"):
        expectation(returns, draws)
