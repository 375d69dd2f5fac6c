"""The promise of a backtest that was the best of many tries, shrunk by what luck alone finds.

D. H. Bailey and M. López de Prado, The deflated Sharpe ratio: correcting for selection bias,
backtest overfitting and non-normality (2014), equation 1, in units of the mean return of a trade.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core.market.candles.candles import Floats
from core.report.deflated import expected_maximum
from core.trial.dependence import first_autocorrelation, long_run_factor
from core.trial.resampling import FEWEST_TRADES, as_returns


@dataclass(frozen=True, slots=True)
class Promise:
    """What a trade promises, in per cent.

    Attributes:
        raw: mean return of the backtest's trades.
        shrunk: what is left of it once the luck of the best try is taken off; 0 or less says that
            luck alone would have found as much.
        tries: effective number of tries it is taken for the best of.
        spread: by how much the mean of a try scatters by chance.
    """

    raw: float
    shrunk: float
    tries: float
    spread: float


def shrunk_promise(
    backtest_returns: object, tries: float, *, spread: float | None = None
) -> Promise:
    """Take off the expected maximum of as many tries without merit.

    Args:
        backtest_returns: of the chosen try, in per cent; shape (n,), n ≥ 20.
        tries: effective number of tries, from 1 on; see `effective_tries`.
        spread: standard deviation of the mean return of a trade over the tries, where they are
            known; the standard error of this backtest's own mean (streaks included) otherwise,
            which is how tries without merit scatter.

    Raises:
        ValueError: tries below 1, a spread below 0, or returns that are too few or not finite.
    """
    returns = as_returns(backtest_returns, fewest=FEWEST_TRADES)
    if not 1 <= tries < math.inf:
        raise ValueError(f"tries: expected a number from 1 on, found {tries!r}")
    if spread is None:
        widened = long_run_factor(first_autocorrelation(returns))
        spread = float(returns.std(ddof=1) * widened) / math.sqrt(len(returns))
    if not 0 <= spread < math.inf:
        raise ValueError(f"spread: expected a finite number from 0 on, found {spread!r}")
    raw = float(returns.mean())
    return Promise(raw, raw - spread * expected_maximum(tries), float(tries), spread)


def effective_tries(returns: Floats) -> float:
    """How many independent tries the tries of a sweep amount to.

    The effective rank of their correlation matrix: the exponential of the entropy of its
    eigenvalues as shares (O. Roy and M. Vetterli, The effective rank, 2007). Of n equally
    correlated tries, its expected maximum stays close to the true √(1 − ρ)·E(n), where counts by
    the squares of the eigenvalues fall to a handful. Fewer periods than tries make it too small:
    give it as many periods as there are.

    Args:
        returns: of every try over the same periods (days, say); shape (tries, periods). A try
            that never changes (no trade) cannot have been the best by luck and is left out.

    Returns:
        From 1 to the number of tries.

    Raises:
        ValueError: not two-dimensional, empty, or not finite.
    """
    if returns.ndim != 2 or returns.size == 0:
        raise ValueError(f"returns of tries: expected tries × periods, found shape {returns.shape}")
    if not np.isfinite(returns).all():
        raise ValueError("returns of tries: every value must be finite")
    centred = returns - returns.mean(axis=1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1))
    moving = length > 1e-12 * np.abs(returns).max(axis=1)
    rows = centred[moving] / length[moving, None]
    if len(rows) < 2:
        return 1.0
    # Rows and columns share their eigenvalues: the smaller product gives them all.
    product = rows @ rows.T if rows.shape[0] <= rows.shape[1] else rows.T @ rows
    shares = np.clip(np.linalg.eigvalsh(product), 0, None) / len(rows)
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum()))
