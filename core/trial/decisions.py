"""Judges whether a session decided what its rules decide on the same candles.

The rate of decisions that no known cause explains gets an upper bound that holds at every look, by
the beta-binomial mixture: S. R. Howard, A. Ramdas, J. McAuliffe and J. Sekhon, Time-uniform
Chernoff bounds via nonnegative supermartingales (2020), section 4, after H. Robbins (1970). Its
mixing distribution, Beta(½, 1000), expects few of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.trial.boundaries import check_rate
from core.trial.state import State

_A, _B = 0.5, 1_000.0
_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class Decisions:
    """Decisions of a session (entry, exit or none, one for each candle) against their replay.

    Attributes:
        decided: how many there were.
        differing: how many differ from the replay.
        unexplained: how many of those no known cause explains (gap, revised candle, lateness,
            downtime, a manual command).
        bound: the rate of unexplained decisions is at most this, with `confidence`, whenever looked
            at; None without a decision.
        confidence: of the bound.
        margin: share of the decisions that may be unexplained without breaking anything.
    """

    decided: int
    differing: int
    unexplained: int
    bound: float | None
    confidence: float
    margin: float = 0.0

    @property
    def state(self) -> State:
        """Broken by more decisions without explanation than the margin allows.

        Open without any decision, and while some are unexplained within the margin.
        """
        if self.unexplained > self.margin * self.decided:
            return State.BROKEN
        return State.KEPT if self.decided and not self.unexplained else State.OPEN


def judge_decisions(
    decided: int, differing: int, unexplained: int, *, rate: float = 0.05, margin: float = 0.0
) -> Decisions:
    """Judge how many decisions differ.

    Args:
        decided: all decisions.
        differing: those that differ from the replay.
        unexplained: those of them without a known cause.
        rate: chance that the true rate is ever above the bound.
        margin: share of the decisions that may be unexplained without breaking anything.

    Raises:
        ValueError: unless 0 ≤ unexplained ≤ differing ≤ decided, or for a rate out of range.
    """
    if not 0 <= unexplained <= differing <= decided:
        raise ValueError(
            f"decisions: expected unexplained ≤ differing ≤ decided, found {unexplained}, "
            f"{differing}, {decided}"
        )
    bound = rate_bound(decided, unexplained, rate=rate) if decided else None
    return Decisions(decided, differing, unexplained, bound, 1 - rate, margin)


def rate_bound(count: int, hits: int, *, rate: float = 0.05) -> float:
    """The greatest share of hits that `hits` of `count` do not rule out, at every look.

    A share p is ruled out once the mixture of likelihoods is 1/rate times that of p; by Ville's
    inequality that ever happens to the true one with `rate` at most.

    Raises:
        ValueError: unless 0 ≤ hits ≤ count and count ≥ 1, or for a rate out of range.
    """
    check_rate("rate", rate)
    if not 0 <= hits <= count or count < 1:
        raise ValueError(f"rate bound: expected 0 ≤ hits ≤ count, found {hits} of {count}")
    mixture = _log_beta(_A + hits, _B + count - hits) - _log_beta(_A, _B)
    threshold = mixture + math.log(rate)

    def allowed(share: float) -> bool:
        likelihood = (count - hits) * math.log1p(-share) + (hits * math.log(share) if hits else 0.0)
        return likelihood > threshold

    if hits == count:
        return 1.0
    low, high = hits / count, 1.0 - 1e-15
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if allowed(middle) else (low, middle)
    return high


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
