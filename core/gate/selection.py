"""Whether the best of many settings is more than the best that luck finds among so many.

All of it looks at the daily returns of every setting over the same days, so that settings which lie
side by side and trade alike count as the few tries they are.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from core.gate import FEWEST_DAYS
from core.market.candles.candles import Floats
from core.report.deflated import deflated_sharpe, expected_best_of
from core.trial.dependence import block_length

_RESAMPLES = 1_000
_MOST_BLOCKS = 16
_FEWEST_DAYS_A_BLOCK = 5
_AT_ONCE = 256  # resamples worked out together: bounds the memory
_DAYS_A_YEAR = 365
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Superiority:
    """Whether any setting earns more than nothing, said of the best with all of them in mind.

    Attributes:
        p: probability that the best of as many edgeless settings looks as good or better.
        statistic: greatest t of a setting's mean daily return (0 where none is above 0).
        critical: what the statistic must exceed at an error rate of 5%.
        years: length of the daily returns.
        block: mean block length of the resampling, days.
    """

    p: float
    statistic: float
    critical: float
    years: float
    block: int

    def detectable_sharpe(self, power: float) -> float:
        """The yearly Sharpe ratio of an edge that would be told from luck with this power."""
        return (self.critical + _NORMAL.inv_cdf(power)) / math.sqrt(self.years)

    def years_needed(self, sharpe: float, power: float) -> float:
        """Years of candles in which an edge of this yearly Sharpe ratio would be told from luck."""
        return float(((self.critical + _NORMAL.inv_cdf(power)) / sharpe) ** 2)

    def among(self, times: float) -> float:
        """`p` where this search was one of `times` as many independent tries (Šidák, 1967)."""
        return 1 - float((1 - self.p) ** max(1.0, times))


@dataclass(frozen=True, slots=True)
class Overfitting:
    """How the setting that was best in one half of the days does in the other half.

    Attributes:
        probability: share of the halvings in which it then is no better than the median (PBO).
        loss_probability: share in which it then loses.
        halvings: how many ways of halving the days were looked at.
        blocks: of how many blocks of days.
    """

    probability: float
    loss_probability: float
    halvings: int
    blocks: int


@dataclass(frozen=True, slots=True)
class Deflated:
    """How likely the best setting has merit (Bailey and López de Prado, 2014).

    Attributes:
        probability: that its true Sharpe ratio lies above what luck alone would have found.
        expected_best: what that is: annualised, of the best of as many tries without merit.
        of_settings: whether that is of the sweep's settings, as they scatter; else it is of all
            independent tries.
    """

    probability: float
    expected_best: float
    of_settings: bool


def superiority(returns: Floats, seed: int = 0) -> Superiority | None:
    """Hansen's test for superior predictive ability, against earning nothing.

    P. R. Hansen, A test for superior predictive ability (2005), with its consistent recentring; the
    variances and the resampling are those of the stationary bootstrap (D. N. Politis and J. P.
    Romano, The stationary bootstrap, 1994).

    Args:
        returns: daily, fractions; shape (settings, days).
        seed: of the resampling.

    Returns:
        None for fewer than 60 days, or where no setting's equity ever moves.
    """
    days = returns.shape[1]
    moving = returns[np.ptp(returns, axis=1) > 0]
    if days < FEWEST_DAYS or not len(moving):
        return None
    mean = moving.mean(axis=1)
    best = moving[int(np.argmax(mean / moving.std(axis=1)))]
    block = max(block_length(best), round(days ** (1 / 3)))
    deviation = np.sqrt(_long_run_variance(moving - mean[:, None], block))
    scaled = math.sqrt(days) * mean / deviation
    statistic = max(0.0, float(scaled.max()))
    hopeless = scaled < -math.sqrt(2 * math.log(math.log(days)))
    centre = np.where(hopeless, 0.0, scaled)
    found = np.empty(_RESAMPLES)
    rng = np.random.default_rng(seed)
    for start in range(0, _RESAMPLES, _AT_ONCE):
        some = min(_AT_ONCE, _RESAMPLES - start)
        counts = _day_counts(rng, days, block, some)
        drawn = math.sqrt(days) * (counts @ moving.T / days) / deviation
        found[start : start + some] = np.maximum(0.0, (drawn - centre).max(axis=1))
    return Superiority(
        p=float((1 + np.count_nonzero(found >= statistic)) / (_RESAMPLES + 1)),
        statistic=statistic,
        critical=float(np.quantile(found, 0.95)),
        years=days / _DAYS_A_YEAR,
        block=block,
    )


def deflated(returns: Floats, tries: float, best_of_sweep: float | None) -> Deflated | None:
    """The deflated Sharpe ratio of the best setting, with all tries that stand behind it in mind.

    Two estimates of what luck finds, of which the greater counts. That of the sweep: its settings
    and the spread of their ratios, which is narrow where neighbours share their luck, so all of
    them count. And that of all independent tries, the ledger's too, of whose ratios nothing is
    known but how tries without merit scatter. The first leaves earlier tries out; the second
    takes a search among neighbours for fewer tries than the best of it comes to.

    Args:
        returns: daily, of the best setting; shape (days,).
        tries: independent ones, those of the sweep and of the ledger.
        best_of_sweep: `expected_best_sharpe` of the sweep; None where it is a single setting.

    Returns:
        None where fewer than three daily returns, or returns that do not vary, say nothing.
    """
    if len(returns) < 2:
        return None
    of_all, of_settings = expected_best_of(tries, len(returns)), best_of_sweep or 0.0
    expected = max(of_all, of_settings)
    probability = deflated_sharpe(returns, expected)
    if probability is None:
        return None
    return Deflated(probability, expected, of_settings=of_settings > of_all)


def overfitting(returns: Floats) -> Overfitting | None:
    """The probability of backtest overfitting, by combinatorially symmetric cross-validation.

    D. H. Bailey, J. M. Borwein, M. López de Prado and Q. J. Zhu, The probability of backtest
    overfitting (2015): the days are cut into blocks that follow each other; in every way of taking
    half of the blocks the setting with the best Sharpe ratio is looked up in the other half.

    Args:
        returns: daily, fractions; shape (settings, days). Days that fill no block are left out at
            the beginning.

    Returns:
        None for fewer than two settings or 60 days.
    """
    settings, days = returns.shape
    blocks = min(_MOST_BLOCKS, days // _FEWEST_DAYS_A_BLOCK) // 2 * 2
    if settings < 2 or days < FEWEST_DAYS:
        return None
    width = days // blocks
    cut = returns[:, days - blocks * width :].reshape(settings, blocks, width)
    sums, squares = cut.sum(axis=2), (cut**2).sum(axis=2)
    below = losing = 0
    halves = list(itertools.combinations(range(blocks), blocks // 2))
    for start in range(0, len(halves), _AT_ONCE):
        chosen = np.zeros((len(halves[start : start + _AT_ONCE]), blocks))
        np.put_along_axis(chosen, np.array(halves[start : start + _AT_ONCE]), 1.0, axis=1)
        seen = _sharpe(chosen @ sums.T, chosen @ squares.T, width * blocks // 2)
        unseen = _sharpe((1 - chosen) @ sums.T, (1 - chosen) @ squares.T, width * blocks // 2)
        best = seen.argmax(axis=1)[:, None]
        there = np.take_along_axis(unseen, best, axis=1)
        # Its rank among the settings, ties counted half, as a share of (settings + 1).
        rank = (unseen < there).sum(axis=1) + ((unseen == there).sum(axis=1) + 1) / 2
        below += int(np.count_nonzero(rank / (settings + 1) <= 0.5))
        losing += int(np.count_nonzero(there < 0))
    return Overfitting(below / len(halves), losing / len(halves), len(halves), blocks)


def _sharpe(sums: Floats, squares: Floats, days: int) -> Floats:
    """Sharpe ratio a day from the sum of returns and of their squares; 0 where nothing moved."""
    mean = sums / days
    variance = squares / days - mean**2
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Floats = np.where(
            variance > 1e-14 * squares / days, mean / np.sqrt(np.maximum(variance, 0)), 0.0
        )
    return ratio


def _long_run_variance(centred: Floats, block: int) -> Floats:
    """Variance of √days × the mean under the stationary bootstrap; shape (settings,).

    Politis and Romano (1994), equation 7: autocovariances weighed by how often the bootstrap keeps
    two days that far apart together. All lags at once by the Fourier transform.
    """
    days = centred.shape[1]
    length = 1 << (2 * days - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(centred, length, axis=1)) ** 2
    covariance = np.fft.irfft(spectrum, length, axis=1)[:, :days] / days
    lag, ends = np.arange(days), 1 / block
    kept = (1 - lag / days) * (1 - ends) ** lag + lag / days * (1 - ends) ** (days - lag)
    variance = covariance[:, 0] + 2 * covariance[:, 1:] @ kept[1:]
    positive: Floats = np.maximum(variance, covariance[:, 0] * 1e-6)
    return positive


def _day_counts(rng: np.random.Generator, days: int, block: int, count: int) -> Floats:
    """How often each day stands in a resample of the stationary bootstrap; shape (count, days)."""
    begins = rng.random((count, days)) < 1 / block
    begins[:, 0] = True
    start = rng.integers(0, days, size=(count, days))
    place = np.arange(days)
    since = np.maximum.accumulate(np.where(begins, place, 0), axis=1)
    drawn: NDArray[np.int64] = (np.take_along_axis(start, since, axis=1) + place - since) % days
    rows = np.arange(count)[:, None] * days
    counts = np.bincount((rows + drawn).ravel(), minlength=count * days)
    return counts.reshape(count, days).astype(np.float64)
