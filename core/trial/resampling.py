"""Further trades as the backtest's would be: a seeded generator fitted to its returns.

The returns are taken as a first-order autoregression whose innovations are resampled
("post-blackening": A. C. Davison and D. V. Hinkley, Bootstrap methods and their application, 1997,
section 8.2), in blocks where the innovations still follow each other. Beyond the outer tenth on
either side, innovations come from a generalised Pareto tail of the same mean excess (A. J. McNeil
and R. Frey, Estimation of tail-related risk measures, 2000): a short sample has not yet seen its
worst trade, and its single worst one must not decide everything either. A dozen imagined trades
from Student's t with four degrees of freedom steady the shape of short samples, as the base measure
of a Dirichlet process does (P. Muliere and P. Secchi, Bayesian nonparametric predictive inference
and bootstrap techniques, 1996); among hundreds of real ones they hardly count.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.market.candles.candles import Floats
from core.trial.dependence import (
    autocorrelation_about_zero,
    first_autocorrelation,
    long_run_factor,
    streak_length,
)

FEWEST_TRADES = 20
"""Below so many trades neither their spread nor their tails can be told from chance."""

_ABSURD = 1e100  # per cent: beyond, squares and cubes have no room in a float
_RESAMPLES = 1_000
_SPENT = 0.92  # share of an error rate; the rest is for what no resample of the past contains
_FEWEST_BEYOND = 20  # resamples beyond a quantile
_LONGEST_RESAMPLE = 1_500
_AT_ONCE = 130_000  # values drawn one after the other: trials depend on it, as on the seed
_WIDE = 512  # trials summed side by side
_MOST_PLACES = 1_000_000  # held for that
_IN_CACHE = 32_000  # values
_COPIES = 8  # equally likely values that each innovation of a tail stands for
_TAIL = 0.1
_IMAGINED = 12  # trades of a prior sample
_FEWEST_IN_TAIL = 5
_TAIL_SHAPE = 0.12  # of the generalised Pareto distribution; 0 is exponential


def as_returns(values: object, what: str = "backtest returns", fewest: int = 0) -> Floats:
    """`values` as a float64 array of shape (n,).

    Raises:
        ValueError: not one-dimensional, not numbers, not finite, or fewer than `fewest`.
    """
    try:
        returns = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what}: expected numbers, one for each trade ({error})") from error
    if returns.ndim != 1:
        raise ValueError(f"{what}: expected one dimension, found shape {returns.shape}")
    unknown = np.flatnonzero(~np.isfinite(returns))
    if len(unknown):
        at = int(unknown[0])
        raise ValueError(f"{what}: trade {at + 1} is {returns[at]}; every return must be finite")
    if len(returns) < fewest:
        raise ValueError(
            f"{what}: {len(returns)} trades, at least {fewest} are needed; fewer tell neither how "
            "far trades scatter nor how bad the bad ones are"
        )
    return returns


def mean_and_scale(returns: Floats) -> tuple[Floats, Floats]:
    """Mean and long-run scale along the first axis.

    The scale is the geometric mean of standard and mean absolute deviation, times the factor by
    which streaks widen a sum. The one follows heavy tails, the other is moved less by an outlier;
    between them the boundaries of short heavy-tailed samples scatter least for their error rate.
    """
    mean = np.asarray(returns.mean(axis=0))
    centred = returns - mean
    widened = long_run_factor(autocorrelation_about_zero(centred))
    square = np.einsum("i...,i...->...", centred, centred) / len(returns)
    absolute = np.abs(centred, out=centred).mean(axis=0)
    scale: Floats = np.sqrt(np.sqrt(square) * absolute) * widened
    return mean, scale


@dataclass(frozen=True, slots=True, eq=False)
class Resampler:
    """Draws trades with the spread, tails and streaks of a backtest, around a mean of zero.

    Attributes:
        trades: how many returns it was fitted to.
        mean: their mean; draws leave it out.
        scale: their long-run scale, see `mean_and_scale`, widened for tails not seen yet.
        rho: lag-one autocorrelation of what is drawn.
        block: how many innovations that follow each other are drawn together.
        innovations: values of the autoregression's innovations, real ones in their order and
            imagined ones after them; shape (8, number of innovations): each column holds the
            equally likely values of one.
    """

    trades: int
    mean: float
    scale: float
    rho: float
    block: int
    innovations: Floats

    @classmethod
    def fit(cls, backtest_returns: object) -> Resampler:
        """Fit to a backtest's returns.

        Raises:
            ValueError: fewer than 20 returns, all of them alike, or of a size that is none of
                returns in per cent.
        """
        returns = as_returns(backtest_returns, fewest=FEWEST_TRADES)
        largest = float(np.abs(returns).max())
        if not (largest == 0 or 1 / _ABSURD < largest < _ABSURD):
            raise ValueError(
                f"backtest returns: the largest is {largest:.3g} per cent, which is none"
            )
        mean, scale = mean_and_scale(returns)
        centred = returns - mean
        if float(np.abs(centred).max()) <= 1e-12 * largest:
            raise ValueError(
                f"backtest returns: all {len(returns)} are {returns[0]}; returns that do not vary "
                "say nothing about chance"
            )
        rho = float(first_autocorrelation(returns))
        innovations = centred[1:] - rho * centred[:-1]
        innovations -= innovations.mean()
        return cls(
            trades=len(returns),
            mean=float(mean),
            scale=float(scale) * _unseen_tails(centred),
            rho=rho,
            block=streak_length(innovations),
            innovations=_with_tails(innovations),
        )

    def draw(self, rng: np.random.Generator, length: int, count: int) -> Floats:
        """`count` series of `length` trades; shape (length, count), of mean zero."""
        (drawn,) = self._drawn(self._places(rng, length, count), length)
        return drawn

    def _drawn(self, places: NDArray[Any], rows: int) -> Iterator[Floats]:
        """Series from the places of their innovations, so many trades of each at a time.

        What is yielded is written over by the next ones.
        """
        length, count = places.shape
        known = self.innovations.ravel()
        room, carried, before = np.empty((min(rows, length), count)), np.empty(count), None
        for first in range(0, length, rows):
            some = places[first : first + rows]
            # Every place is within: "clip" only keeps numpy from copying to check that.
            values: Floats = np.take(known, some, out=room[: len(some)], mode="clip")
            if self.rho > 0:
                if before is None:  # starts as spread out as it goes on
                    values[0] /= math.sqrt(1 - self.rho**2)
                else:
                    values[0] += np.multiply(before, self.rho, out=carried)
                for at in range(1, len(values)):
                    values[at] += np.multiply(values[at - 1], self.rho, out=carried)
                before = values[-1].copy()
            yield values

    def _places(self, rng: np.random.Generator, length: int, count: int) -> NDArray[Any]:
        """Where in the flattened innovations each value comes from; shape (length, count)."""
        copies, known = self.innovations.shape
        if self.block == 1:
            size = (length, count)
            # Short integers are drawn four times as fast.
            short = copies * known < 2**16
            singles: NDArray[Any] = rng.integers(
                0, copies * known, size=size, dtype=np.uint16 if short else np.int64
            )
            return singles
        blocks = -(-length // self.block)
        starts = rng.integers(0, known, size=(blocks, 1, count))
        within = np.arange(self.block)[None, :, None]
        times: NDArray[Any] = ((starts + within) % known).reshape(-1, count)[:length]
        places: NDArray[Any] = rng.integers(0, copies, size=(length, count)) * known + times
        return places

    def trials(self, horizon: int, rate: float, seed: int) -> Iterator[Trials]:
        """Resampled trials, each with a resampled backtest; enough of them for an error rate.

        The true mean is zero. Some are given at a time.
        """
        rng = np.random.default_rng(seed)
        count = max(_RESAMPLES, math.ceil(_FEWEST_BEYOND / rate))
        known = min(self.trades, _LONGEST_RESAMPLE)
        shrink = math.sqrt(known / self.trades)  # a longer backtest's mean is known better
        size = max(1, min(count, _AT_ONCE // (known + horizon)))
        together = max(1, min(_WIDE // size, _MOST_PLACES // (size * horizon)))
        places, means, scales = [], [], []
        for done in range(0, count, size):
            some = min(size, count - done)
            mean, scale = mean_and_scale(self.draw(rng, known, some))
            places.append(self._places(rng, horizon, some))
            means.append(mean * shrink)
            scales.append(scale)
            if len(places) == together or done + some == count:
                drawn = np.concatenate(places, axis=1)
                yield Trials(self, drawn, np.concatenate(means), np.concatenate(scales))
                places, means, scales = [], [], []


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Resampled trials, each with a resampled backtest before it.

    Attributes:
        resampler: that drew them.
        places: of their trades' innovations; shape (horizon, some).
        mean, scale: of the backtest of each; shape (some,).
    """

    resampler: Resampler
    places: NDArray[Any]
    mean: Floats
    scale: Floats

    def sums(self) -> Iterator[tuple[slice, Floats, Floats]]:
        """Their running sums, some trades at a time, for those stay in the cache.

        Yields which trades they are, the sums after each, and what these would be by `mean`, both
        of shape (these trades, some). Who asks may write over them, and the next ones do.
        """
        length, count = self.places.shape
        rows = max(1, _IN_CACHE // count)
        room, before = np.empty((min(rows, length), count)), None
        first = 0
        for total in self.resampler._drawn(self.places, rows):
            last = first + len(total)
            # Row by row, for then so many sums go on side by side: `cumsum` waits for each of one.
            if before is not None:
                total[0] += before
            for one, following in pairwise(list(total)):
                np.add(one, following, following)
            before = total[-1].copy()
            counted = np.arange(first + 1, last + 1, dtype=np.float64)[:, None]
            yield slice(first, last), total, np.multiply(counted, self.mean, out=room[: len(total)])
            first = last


def running_extremes(parts: Iterable[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """The lowest of the first and the highest of the second of arrays, along their first axis."""
    lowest = highest = None
    for low, high in parts:
        lows, highs = low.min(axis=0), high.max(axis=0)
        lowest = lows if lowest is None else np.minimum(lowest, lows, out=lowest)
        highest = highs if highest is None else np.maximum(highest, highs, out=highest)
    assert lowest is not None
    assert highest is not None
    return lowest, highest


def lower_bound(values: Floats, rate: float) -> float:
    """The value that a share of further draws lies below: what is spent of `rate`."""
    rank = max(1, int(_SPENT * rate * (len(values) + 1)))
    return float(np.partition(values, rank - 1)[rank - 1])


def _unseen_tails(centred: Floats) -> float:
    """By how much to widen the scale of returns with heavy tails; 1 for normal ones.

    The more of the spread comes from few trades, the more samples show less of it than there is.
    The fourth root of Geary's ratio of deviations over the normal one's (R. C. Geary, The ratio of
    the mean deviation to the standard deviation as a test of normality, 1935) makes up for it in
    simulated trials: 4% for Student's t with three degrees of freedom.
    """
    ratio = math.sqrt(float(np.mean(centred**2))) / float(np.abs(centred).mean())
    return math.sqrt(math.sqrt(max(1.0, ratio / math.sqrt(math.pi / 2))))


def _with_tails(innovations: Floats) -> Floats:
    """The innovations with their outer tenths spread over fitted tails, then imagined ones."""
    known = len(innovations)
    order = np.argsort(innovations)
    ranked = innovations[order]
    tail = max(_FEWEST_IN_TAIL, round(_TAIL * known))
    spread = np.tile(ranked, (_COPIES, 1))
    excess = _tail_quantiles(tail)
    above = ranked[-tail - 1]
    spread[:, -tail:] = above + (ranked[-tail:].mean() - above) * excess
    below = ranked[tail]
    spread[:, :tail] = below - (below - ranked[:tail].mean()) * excess[:, ::-1]
    placed = np.empty_like(spread)
    placed[:, order] = spread
    imagined = _imagined() * np.abs(innovations).mean()
    all_values: Floats = np.concatenate((placed, imagined), axis=1)
    all_values -= all_values.mean()
    return all_values


def _tail_quantiles(count: int) -> Floats:
    """Quantiles of a generalised Pareto excess of mean 1; shape (8, count), rising by column."""
    p = (np.arange(count * _COPIES) + 0.5) / (count * _COPIES)
    quantiles = ((1 - p) ** -_TAIL_SHAPE - 1) / _TAIL_SHAPE
    shaped: Floats = (quantiles / quantiles.mean()).reshape(count, _COPIES).T
    return shaped


def _imagined() -> Floats:
    """Quantiles of Student's t with four degrees of freedom; shape (8, 12), mean deviation 1.

    W. T. Shaw, Sampling Student's t distribution (2006), gives the quantile in closed form. Low and
    high columns take turns, so that neighbours make no streak.
    """
    p = (np.arange(_IMAGINED * _COPIES) + 0.5) / (_IMAGINED * _COPIES)
    root = np.sqrt(4 * p * (1 - p))
    t = np.sign(p - 0.5) * 2 * np.sqrt(np.cos(np.arccos(root) / 3) / root - 1)
    columns = (t / np.abs(t).mean()).reshape(_IMAGINED, _COPIES).T
    half = _IMAGINED // 2
    turns = np.stack((np.arange(half), np.arange(_IMAGINED)[::-1][:half]), axis=1).ravel()
    imagined: Floats = columns[:, turns]
    return imagined
