"""The Sharpe ratio that the best of many tries without merit would have, and one deflated by it.

D. H. Bailey and M. López de Prado, The deflated Sharpe ratio: correcting for selection bias,
backtest overfitting and non-normality (2014), equations 1 and 2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from core.market.candles.candles import Floats

_EULER_MASCHERONI = 0.5772156649015329
_DAYS_A_YEAR = 365


def expected_best_sharpe(sharpe_ratios: Sequence[float]) -> float | None:
    """The annualised Sharpe ratio that the best of as many tries without merit would have.

    Args:
        sharpe_ratios: the annualised Sharpe ratios of all tries; their spread tells how far luck
            alone scatters.

    Returns:
        The expected maximum of independent normal draws around 0, or None for fewer than two tries.
    """
    tries = len(sharpe_ratios)
    if tries < 2:
        return None
    return float(np.std(sharpe_ratios, ddof=1)) * expected_maximum(tries)


def expected_best_of(tries: float, days: int) -> float:
    """The annualised Sharpe ratio that the best of so many unknown tries without merit would have.

    Equation 1 takes the variance of the tries' ratios from those ratios. Of earlier runs only the
    number is known, and a single try has no spread. Their variance is then what it is among tries
    without merit, that of the estimate itself: (1 - γ₃·SR + (γ₄ - 1)/4·SR²) / (T - 1), by which
    equation 2 divides, at a true ratio of 0, so 1 / (T - 1) a day.

    Args:
        tries: how many independent ones, from 1 on.
        days: how many daily returns each had, above 1.
    """
    return expected_maximum(tries) * math.sqrt(_DAYS_A_YEAR / (days - 1))


def expected_maximum(tries: float) -> float:
    """Expected greatest of so many independent standard normal draws; 0 for a single one."""
    if tries <= 1:
        return 0.0
    quantile = NormalDist().inv_cdf
    greatest = (1 - _EULER_MASCHERONI) * quantile(1 - 1 / tries)
    return max(0.0, greatest + _EULER_MASCHERONI * quantile(1 - 1 / (tries * math.e)))


def deflated_sharpe(daily_returns: Floats, expected_best: float) -> float | None:
    """The probability that the true Sharpe ratio lies above what luck alone would have found.

    Args:
        daily_returns: of the best try; shape (days,).
        expected_best: annualised, from `expected_best_sharpe` or `expected_best_of`.

    Returns:
        A probability, or None where fewer than three daily returns, or returns that do not vary,
        say nothing.
    """
    days = len(daily_returns)
    spread = float(np.std(daily_returns, ddof=1)) if days > 2 else 0.0
    if spread == 0:
        return None
    mean = float(np.mean(daily_returns))
    daily = mean / spread
    centred = (daily_returns - mean) / float(np.std(daily_returns))
    skewness, kurtosis = float(np.mean(centred**3)), float(np.mean(centred**4))
    variance = 1 - skewness * daily + (kurtosis - 1) / 4 * daily**2
    if variance <= 0:
        return None
    beyond = daily - expected_best / math.sqrt(_DAYS_A_YEAR)
    return NormalDist().cdf(beyond * math.sqrt(days - 1) / math.sqrt(variance))
