"""Is a difference more than chance, and how many trades would tell?

Closed forms and seeded resampling, so that a comparison does not wait a second for a statistics
library; the tests hold each of them against scipy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from core.market.candles.candles import Floats
from core.report.metrics import Z95, wilson_interval

_RESAMPLES = 5_000
_MOST_BLOCKS = 500
_DRAWN_TOGETHER = 2_000_000  # indices held at once
_TIE = 1e-7  # relative: tables this close in probability are equally likely (as in R and scipy)

_POWER = 0.8
_Z_POWER = NormalDist().inv_cdf(_POWER)
_Z_POWER_BOTH_ENDS = NormalDist().inv_cdf(1 - (1 - _POWER) / 2)


@dataclass(frozen=True, slots=True)
class Interval:
    """A difference with its 95 % interval."""

    estimate: float
    low: float
    high: float

    def within(self, margin: float) -> bool:
        """Whether the whole interval lies less than `margin` from 0."""
        return -margin < self.low and self.high < margin

    @property
    def excludes_zero(self) -> bool:
        """Whether 0 lies outside the interval."""
        return self.low > 0 or self.high < 0


def fisher_exact(wins_1: int, n_1: int, wins_2: int, n_2: int) -> float:
    """Two-sided p of Fisher's exact test on two win rates.

    It is the probability of all tables with the same margins that are no likelier than this one.
    """
    wins = wins_1 + wins_2
    possible = np.arange(max(0, wins - n_2), min(wins, n_1) + 1)
    if len(possible) <= 1:
        return 1.0
    # Hypergeometric probabilities from the ratios of neighbours: no factorials, any size.
    k = possible[:-1].astype(np.float64)
    steps = np.log((n_1 - k) * (wins - k)) - np.log((k + 1) * (n_2 - wins + k + 1))
    logs = np.concatenate(([0.0], np.cumsum(steps)))
    likely = np.exp(logs - logs.max())
    here = likely[wins_1 - possible[0]]
    return min(1.0, float(likely[likely <= here * (1 + _TIE)].sum() / likely.sum()))


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Two-sided p of McNemar's exact test on pairs that one side alone won; 1 without such."""
    n, fewer = only_first + only_second, min(only_first, only_second)
    k = np.arange(1, n + 1, dtype=np.float64)
    logs = np.concatenate(([0.0], np.cumsum(np.log(n - k + 1) - np.log(k)))) - n * math.log(2)
    return min(1.0, 2 * float(np.exp(logs[: fewer + 1]).sum()))


def win_rate_difference(wins_1: int, n_1: int, wins_2: int, n_2: int) -> Interval:
    """Second win rate minus first, as fractions, with Newcombe's interval from the Wilson bounds.

    R. G. Newcombe, Interval estimation for the difference between independent proportions (1998),
    method 10.
    """
    p_1, p_2 = wins_1 / n_1, wins_2 / n_2
    low_1, high_1 = wilson_interval(wins_1, n_1)
    low_2, high_2 = wilson_interval(wins_2, n_2)
    difference = p_2 - p_1
    return Interval(
        difference,
        difference - math.hypot(p_2 - low_2, high_1 - p_1),
        difference + math.hypot(high_2 - p_2, p_1 - low_1),
    )


def paired_win_rate_difference(only_first: int, only_second: int, pairs: int) -> Interval:
    """Second win rate minus first of pairs, with the adjusted Wald interval.

    D. G. Bonett and R. M. Price, Adjusted Wald confidence interval for a difference of binomial
    proportions based on paired data (2012). It stays honest where all pairs agree.
    """
    estimate = (only_second - only_first) / pairs
    p_1, p_2 = (only_first + 1) / (pairs + 2), (only_second + 1) / (pairs + 2)
    centre = p_2 - p_1
    half = Z95 * math.sqrt((p_1 + p_2 - centre**2) / (pairs + 2))
    return Interval(estimate, max(-1.0, centre - half), min(1.0, centre + half))


def bootstrap_mean(values: Floats, block: int, rng: np.random.Generator) -> Floats:
    """Means of resamples of `values`, in circular blocks of `block` neighbours; shape (5000,).

    Blocks keep what neighbouring trades have in common; a block of 1 is the plain bootstrap. Means
    of few blocks are spread as Student's t is against the normal: without it their percentiles
    would call chance significant twice as often as they say.
    """
    means = _resampled((values,), block, rng)[0]
    centre = float(np.mean(values))
    blocks = -(-len(values) // max(1, min(block, len(values))))
    return centre + (means - centre) * _small_sample(blocks)


def _resampled(
    columns: Sequence[Floats], block: int, rng: np.random.Generator
) -> tuple[Floats, ...]:
    """Means of resamples of each column, all columns drawn at the same places."""
    n = len(columns[0])
    size = max(1, min(block, n))
    count = -(-n // size)
    sums = []
    for values in columns:
        total = np.concatenate(([0.0], np.cumsum(np.concatenate((values, values[: size - 1])))))
        sums.append(total[size:] - total[:-size])
    means: list[list[Floats]] = [[] for _ in columns]
    rows = max(1, _DRAWN_TOGETHER // count)
    for done in range(0, _RESAMPLES, rows):
        starts = rng.integers(0, n, size=(min(rows, _RESAMPLES - done), count), dtype=np.int32)
        for at, blocks in enumerate(sums):
            means[at].append(blocks[starts].sum(axis=1) / (count * size))
    return tuple(np.concatenate(each) for each in means)


def _small_sample(blocks: int) -> float:
    """How much wider an interval from so few blocks must be than the bootstrap's.

    By the degree of freedom it lost, and by Student's t over the normal quantile (Cornish-Fisher
    expansion).
    """
    free = max(1, blocks - 1)
    z = Z95
    t = z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
    return t / z * math.sqrt((free + 1) / free)


def block_length(n: int) -> int:
    """How many neighbouring trades make a block: the cube root of n.

    More where there were more than 500 blocks otherwise, beyond which they only cost time.
    """
    return max(1, round(math.cbrt(n)), n // _MOST_BLOCKS)


def paired_mean_difference(first: Floats, second: Floats, rng: np.random.Generator) -> Interval:
    """Mean of `second` − `first` over pairs, with its paired-bootstrap interval (percentile)."""
    differences = second - first
    means = bootstrap_mean(differences, max(1, len(differences) // _MOST_BLOCKS), rng)
    return _percentile(float(np.mean(differences)), means)


def mean_difference(first: Floats, second: Floats, rng: np.random.Generator) -> Interval:
    """Mean of `second` minus mean of `first`, with a block-bootstrap interval (percentile)."""
    means_1 = bootstrap_mean(first, block_length(len(first)), rng)
    means_2 = bootstrap_mean(second, block_length(len(second)), rng)
    return _percentile(float(np.mean(second)) - float(np.mean(first)), means_2 - means_1)


def profit_factor_ratio(first: Floats, second: Floats, rng: np.random.Generator) -> Interval | None:
    """Logarithm of the second profit factor over the first, with a block-bootstrap interval.

    None where a resample without a loss or a win leaves it without bounds.
    """
    differences = _log_factors(second, rng) - _log_factors(first, rng)
    if not np.all(np.isfinite(differences)):
        return None
    return _percentile(float(differences[0]), differences[1:])


def _log_factors(values: Floats, rng: np.random.Generator) -> Floats:
    """The logarithm of the profit factor, then of its resamples."""
    wins, losses = np.maximum(values, 0.0), np.maximum(-values, 0.0)
    gained, lost = _resampled((wins, losses), block_length(len(values)), rng)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs: Floats = np.log(np.append(np.mean(wins), gained)) - np.log(
            np.append(np.mean(losses), lost)
        )
    return logs


def _percentile(estimate: float, resampled: Floats) -> Interval:
    low, high = np.percentile(resampled, (2.5, 97.5)).tolist()
    return Interval(estimate, low, high)


def trades_to_detect(p_1: float, p_2: float) -> int:
    """Trades in each of two columns that tell win rates of p_1 and p_2 apart.

    At the 5 % level, two-sided, with 80 % power (J. L. Fleiss, Statistical methods for rates and
    proportions).
    """
    mean = (p_1 + p_2) / 2
    chance = Z95 * math.sqrt(2 * mean * (1 - mean))
    power = _Z_POWER * math.sqrt(p_1 * (1 - p_1) + p_2 * (1 - p_2))
    return math.ceil(((chance + power) / (p_1 - p_2)) ** 2)


def trades_to_agree(variance: float, margin: float) -> int:
    """Trades in each of two columns that show means to be alike where they are.

    The 95 % interval of their difference then lies within `margin` with 80 % power. `variance` is
    the sum of the variances of one observation in each.
    """
    return max(1, math.ceil(variance * ((Z95 + _Z_POWER_BOTH_ENDS) / margin) ** 2))


def trades_to_detect_mean(variance: float, difference: float) -> int:
    """Trades in each of two columns that make a difference of means significant, 80 % power."""
    return max(1, math.ceil(variance * ((Z95 + _Z_POWER) / difference) ** 2))


def trades_beside(needed: int, n_1: int) -> int | None:
    """Trades in the second column that give what `needed` in each would, the first staying at n_1.

    1/n_1 + 1/n_2 = 2/needed; None where no number does.
    """
    rest = 2 / needed - 1 / n_1 if n_1 else 0.0
    return math.ceil(1 / rest - 1e-9) if rest > 0 else None
