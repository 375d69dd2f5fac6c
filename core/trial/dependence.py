"""How far neighbouring trades go together: their autocorrelation, and the block that keeps it.

A running sum of trades that follow streaks scatters more widely than one of independent trades.
The long-run scale says how much; resampling in blocks keeps what the scale does not describe.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from core.market.candles.candles import Floats

_USUAL_RHO = 0.08  # prior of the lag-one autocorrelation of trades: mild streaks
_SPREAD_OF_RHO = 0.16
_LARGEST_RHO = 0.9


def first_autocorrelation(returns: Floats) -> Floats:
    """Lag-one autocorrelation along the first axis, made ready for short samples.

    The bias of an estimated mean, −(1 + 3ρ)/n, is removed (M. G. Kendall, Note on bias in the
    estimation of autocorrelation, 1954). The estimate, of variance about 1/n, is then drawn towards
    mild streaks as a normal prior does: 45 trades alone cannot tell 0 from 0.3, and what follows
    must be right for both. Below 0 it counts as 0, which errs on the safe side.

    Args:
        returns: shape (n,) or (n, samples), n > 3, not constant.

    Returns:
        Values from 0 to 0.9; shape () or (samples,).
    """
    return autocorrelation_about_zero(returns - returns.mean(axis=0))


def autocorrelation_about_zero(centred: Floats) -> Floats:
    """The same of returns whose mean has been taken off."""
    n = len(centred)
    variance = np.einsum("i...,i...->...", centred, centred)
    covariance = np.einsum("i...,i...->...", centred[1:], centred[:-1])
    with np.errstate(divide="ignore", invalid="ignore"):
        raw = np.where(variance > 0, covariance / variance, 0.0)
    unbiased = (n * raw + 1) / (n - 3)
    weight = _SPREAD_OF_RHO**2 / (_SPREAD_OF_RHO**2 + 1 / n)
    shrunk: Floats = np.clip(weight * unbiased + (1 - weight) * _USUAL_RHO, 0.0, _LARGEST_RHO)
    return shrunk


def long_run_factor(rho: Floats | float) -> Floats:
    """By how much streaks widen a sum: √((1 + ρ)/(1 − ρ)), of a first-order autoregression."""
    factor: Floats = np.sqrt((1 + np.asarray(rho)) / (1 - np.asarray(rho)))
    return factor


def block_length(values: Floats) -> int:
    """The mean block length of the circular bootstrap that suits `values` best; at least 1.

    D. N. Politis and H. White, Automatic block-length selection for the dependent bootstrap (2004),
    with the correction of A. Patton, Politis and White (2009). Lags count from the first on until
    max(5, √log₁₀ n) in a row lie within ±2·√(log₁₀(n)/n); where none stands out, blocks are single
    values.
    """
    n = len(values)
    centred = values - values.mean()
    variance = float(centred @ centred) / n
    if n < 8 or variance == 0:
        return 1
    in_a_row = max(5, math.ceil(math.sqrt(math.log10(n))))
    most = min(math.ceil(math.sqrt(n)) + in_a_row, n - 1)
    covariances = np.array([float(centred[lag:] @ centred[: n - lag]) / n for lag in range(most)])
    outside = np.abs(covariances[1:] / variance) > 2 * math.sqrt(math.log10(n) / n)
    last = _last_lag(outside, in_a_row)
    if last == 0:
        return 1
    width = min(2 * last, most - 1)
    lags = np.arange(1, width + 1)
    window = np.minimum(1.0, 2 * (1 - lags / width))  # the flat-top window at lag/width
    weighted = window * covariances[1 : width + 1]
    density = variance + 2 * float(weighted.sum())
    slope = 2 * float((lags * weighted).sum())
    if density <= 0:
        return 1
    length = ((2 * slope**2) / (4 / 3 * density**2)) ** (1 / 3) * n ** (1 / 3)
    longest = math.ceil(min(3 * math.sqrt(n), n / 3))
    return int(min(max(1, round(length)), longest))


def streak_length(values: Floats) -> int:
    """The block length where blocks make sums scatter more than single values do; 1 otherwise.

    Values that seem to alternate are taken singly: short samples show such patterns by chance, and
    trusting one would make every line too narrow.
    """
    length = block_length(values)
    if length == 1:
        return 1
    centred = values - values.mean()
    around = np.concatenate((centred, centred[: length - 1]))
    total = np.concatenate(([0.0], around.cumsum()))
    sums = total[length:] - total[:-length]
    widened = float(np.mean(sums**2)) > length * float(np.mean(centred**2))
    return length if widened else 1


def _last_lag(outside: NDArray[np.bool_], in_a_row: int) -> int:
    """The lag before the first `in_a_row` that lie within the band; else the last outside it."""
    for lag in range(len(outside) - in_a_row + 1):
        if not outside[lag : lag + in_a_row].any():
            return lag
    return int(np.flatnonzero(outside)[-1]) + 1
