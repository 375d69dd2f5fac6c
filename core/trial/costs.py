"""What a fill costs, against what the backtest assumed and what the edge can bear.

The shortfall of each fill is known in basis points. Its mean gets an interval that holds at every
look, so a decision may be read off after any fill: the asymptotic confidence sequence of
I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy and A. Ramdas, Time-uniform central limit theory
and asymptotic confidence sequences (2024), theorem 2.2, tuned to be narrowest at 100 fills, and not
read before the 20th. A few dear fills among many cheap ones make the mean of a short sample too
small more often than the normal distribution says; the end on the longer tail is moved out for it
(N. J. Johnson, Modified t tests and confidence intervals for asymmetrical populations, 1978), and
six times as far as that, because short samples show too little of their skewness as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from core.market.candles.candles import Floats
from core.trial.boundaries import check_rate
from core.trial.resampling import as_returns

FEWEST_FILLS = 20
"""Below so many fills the spread of a fill's cost is too uncertain for an interval."""

_NARROWEST_AT = 100  # fills
_UNSEEN_SKEW = 6.0  # by simulation: then lognormal costs (σ = 1) are within the rate as well


class CostFinding(StrEnum):
    """What the costs of a trial's fills amount to."""

    WITHIN = "within"
    AS_ASSUMED = "as_assumed"
    DEARER = "dearer"
    EATS_EDGE = "eats_edge"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Costs:
    """The mean cost of a fill, with its interval, and what that means. All in basis points.

    Attributes:
        finding: *within* where the edge certainly bears them; *dearer* where they certainly exceed
            what was assumed by more than the margin, but not what the edge bears; *eats_edge* where
            they certainly exceed the break-even cost (and what was assumed, with its margin);
            *as assumed* where they certainly do not exceed what was, and whether the edge bears
            that is not known; *open* where the interval tells none of these.
        fills: how many were seen.
        seen: their mean cost; None without a fill.
        low: lower end of the interval after the last fill; None before the 20th.
        high: upper end of it.
        assumed: what the backtest assumed.
        margin: by how much more a fill may cost and still count as alike.
        break_even: what a fill may cost before nothing of the edge is left; None where unknown.
        bearable: whether the interval lies below the break-even cost; None where that is unknown,
            or the interval is.
        at: after which fill the costs were found to eat the edge; None otherwise. Such a finding
            stays, whatever later fills cost.
    """

    finding: CostFinding
    fills: int
    seen: float | None
    low: float | None
    high: float | None
    assumed: float
    margin: float
    break_even: float | None
    bearable: bool | None
    at: int | None


def mean_intervals(
    values: Floats, rate: float = 0.01, *, spread: float = 0.0
) -> tuple[Floats, Floats]:
    """Ends of the interval for the mean, after each value; each end errs ever with `rate` at most.

    Args:
        values: shape (n,).
        rate: chance that the true mean is ever below the lower end; as much for the upper one.
        spread: what the standard deviation of a value is at least, where more is known of it than
            the values tell: twenty losses in a row say nothing of how rare wins scatter.

    Returns:
        Lower and upper ends, shape (n,); infinite before the 20th value.
    """
    check_rate("rate", rate)
    count = np.arange(1, len(values) + 1)
    off = values - (values[0] if len(values) else 0.0)  # against cancellation
    mean, square, cube = (np.cumsum(off**power) / count for power in (1, 2, 3))
    variance = np.maximum(square - mean**2, 0.0) * count / np.maximum(count - 1, 1)
    both = 2 * rate
    weight = (-2 * math.log(both) + math.log(-2 * math.log(both) + 1)) / _NARROWEST_AT  # ρ²
    spent = count * weight + 1
    squared = 2 * spent / (count * weight) * np.log(np.sqrt(spent) / both)  # of the quantile
    half = np.sqrt(np.maximum(variance, spread**2) * squared / count)
    third = cube - 3 * mean * square + 2 * mean**3
    skew = third / np.where(variance > 0, variance, np.inf) * (1 + 2 * squared) / (6 * count)
    skew *= _UNSEEN_SKEW
    middle = mean + (values[0] if len(values) else 0.0)
    low, high = middle - half + np.minimum(skew, 0.0), middle + half + np.maximum(skew, 0.0)
    low[: FEWEST_FILLS - 1], high[: FEWEST_FILLS - 1] = -np.inf, np.inf
    return low, high


def judge_costs(
    shortfalls: object,
    assumed: float,
    break_even: float | None,
    *,
    margin: float = 0.0,
    rate: float = 0.01,
) -> Costs:
    """Judge the costs of fills, looked at after each.

    Args:
        shortfalls: by how much each fill was worse than the price the rules give, in basis points
            of it, fees apart; shape (fills,), in their order.
        assumed: what the backtest assumed a fill to cost, in the same terms.
        break_even: see `core.report.break_even`, less what fees take; None where it is unknown.
        margin: by how much more than assumed a fill may cost and still count as alike.
        rate: chance that costs the edge bears are ever said to eat it.

    Raises:
        ValueError: values that are not finite, a margin below 0, a rate out of range.
    """
    seen = as_returns(shortfalls, "shortfalls")
    if not 0 <= margin < math.inf or not math.isfinite(assumed):
        raise ValueError(
            f"costs: expected a finite assumed cost and a margin from 0 on, found {assumed!r} and "
            f"{margin!r}"
        )
    lows, highs = mean_intervals(seen, rate)
    alike = assumed + margin
    known = len(seen) >= FEWEST_FILLS
    low, high = (float(lows[-1]), float(highs[-1])) if known else (None, None)
    at = None
    if break_even is not None:
        eaten = np.flatnonzero(lows > max(break_even, alike))
        at = int(eaten[0]) + 1 if len(eaten) else None
    bearable = None if break_even is None or high is None else high < break_even
    return Costs(
        finding=_finding(low, high, alike, bearable, eats=at is not None),
        fills=len(seen),
        seen=float(seen.mean()) if len(seen) else None,
        low=low,
        high=high,
        assumed=assumed,
        margin=margin,
        break_even=break_even,
        bearable=bearable,
        at=at,
    )


def _finding(
    low: float | None, high: float | None, alike: float, bearable: bool | None, *, eats: bool
) -> CostFinding:
    if eats:
        return CostFinding.EATS_EDGE
    if low is None or high is None:
        return CostFinding.OPEN
    if low > alike:
        return CostFinding.DEARER
    if bearable:
        return CostFinding.WITHIN
    return CostFinding.AS_ASSUMED if high <= alike else CostFinding.OPEN
