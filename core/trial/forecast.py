"""What a trial will probably say, before it starts; and how long one must be to say it.

Both are found by running trials drawn from the backtest against the lines that would be sealed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.text import chance_text, per_cent
from core.trial.boundaries import Boundaries, calibrate
from core.trial.resampling import Resampler

_DRAWN = 2_000
_DRAWN_IN_SEARCH = 500
_AT_ONCE = 500_000  # values held at once
_SHORTEST = 5  # trades
_CLOSE_ENOUGH = 1.05  # ratio of horizons between which the search stops


@dataclass(frozen=True, slots=True)
class Forecast:
    """The chances of a trial, before it starts.

    Attributes:
        horizon: in trades.
        days: the horizon at the backtest's rate of trades; None where no rate is known.
        promise: mean return of a trade, in per cent, on which the chances rest (shrunk, where
            a shrunk promise was given).
        kept: chance of *kept* by the horizon, if trades bring the promise.
        broken: chance of *broken* by the horizon, if trades bring nothing.
        false_broken: at most so often is a true promise called broken.
        false_kept: at most so often is no edge called kept.
    """

    horizon: int
    days: float | None
    promise: float
    kept: float
    broken: float
    false_broken: float
    false_kept: float

    @property
    def no_answer(self) -> str | None:
        """That it tells neither answer oftener than by mistake, in words; None where it does."""
        if self.kept > self.false_kept or self.broken > self.false_broken:
            return None
        kept, broken = chance_text(self.kept), chance_text(self.broken)
        cannot = "cannot" if kept == broken == chance_text(0) else "can hardly"
        return f"this trial {cannot} answer: kept in {kept}, broken in {broken} of cases"


@dataclass(frozen=True, slots=True)
class Needed:
    """The shortest horizon that gives both chances.

    Attributes:
        trades: the horizon; None where none up to the longest looked at does.
        days: the same at the backtest's rate of trades; None without a horizon or a rate.
        reason: why there is none, in words; None where there is one.
    """

    trades: int | None
    days: float | None
    reason: str | None

    @property
    def why_none(self) -> str:
        """`reason` without marks of emphasis; empty where there is a horizon."""
        return (self.reason or "").replace("*", "")


def forecast(
    backtest_returns: object,
    boundaries: Boundaries,
    *,
    promise: float | None = None,
    trades_a_day: float | None = None,
    seed: int = 0,
) -> Forecast:
    """The chances of a trial with these boundaries.

    Args:
        backtest_returns: those the boundaries were calibrated on, in per cent; shape (n,).
        boundaries: what is to be sealed.
        promise: mean return of a trade if the promise holds; the backtest's where left out.
        trades_a_day: the backtest's rate of trades, above 0.
        seed: of the trials drawn.

    Raises:
        ValueError: a rate that is not above 0; returns `calibrate` would refuse.
    """
    backtest = Resampler.fit(backtest_returns)
    promised = boundaries.promise if promise is None else promise
    kept, broken = _chances(backtest, boundaries, promised, _DRAWN, seed)
    return Forecast(
        horizon=boundaries.horizon,
        days=_days(boundaries.horizon, trades_a_day),
        promise=promised,
        kept=kept,
        broken=broken,
        false_broken=boundaries.broken,
        false_kept=boundaries.kept,
    )


def horizon_needed(
    backtest_returns: object,
    *,
    chance: float = 0.8,
    longest: int = 2_000,
    promise: float | None = None,
    trades_a_day: float | None = None,
    broken: float = 0.05,
    kept: float = 0.05,
    delta: float = 0.0,
    margin: float = 0.0,
    seed: int = 0,
) -> Needed:
    """The shortest horizon with `chance` of *kept* if the promise holds, of *broken* if none does.

    It is found by halving, up to 5%, and takes well under a second.

    Args:
        backtest_returns: in per cent; shape (n,).
        chance: of either answer, between 0 and 1.
        longest: the longest horizon looked at, in trades.
        promise: mean return of a trade if the promise holds; the backtest's where left out.
        trades_a_day: the backtest's rate of trades, above 0.
        broken: error rate, as for `calibrate`; so are `kept`, `delta`, `margin` and `seed`.
        kept: error rate.
        delta: shape of the lines.
        margin: what is forgiven.
        seed: of all resampling.

    Raises:
        ValueError: a chance or a longest horizon out of range, or what `calibrate` refuses.
    """
    if not 0 < chance < 1:
        raise ValueError(f"chance: expected between 0 and 1, found {chance!r}")
    if longest < _SHORTEST:
        raise ValueError(f"longest: expected at least {_SHORTEST} trades, found {longest!r}")
    _days(1, trades_a_day)
    backtest = Resampler.fit(backtest_returns)
    promised = backtest.mean if promise is None else promise
    if promised <= 0:
        told = per_cent(float(f"{promised:.3g}"))
        return Needed(None, None, f"a promise of {told} a trade is no edge to keep")

    def reached(horizon: int) -> tuple[float, float]:
        lines = calibrate(
            backtest_returns,
            horizon,
            broken=broken,
            kept=kept,
            seed=seed,
            delta=delta,
            margin=margin,
        )
        return _chances(backtest, lines, promised, _DRAWN_IN_SEARCH, seed)

    at_most = reached(longest)
    if min(at_most) < chance:
        return Needed(None, None, _too_long(longest, at_most, backtest.trades, trades_a_day))
    low, high = _SHORTEST - 1, longest
    while high - low > 1 and high > low * _CLOSE_ENOUGH:
        middle = min(high - 1, max(low + 1, round(math.sqrt(low * high))))
        low, high = (low, middle) if min(reached(middle)) >= chance else (middle, high)
    return Needed(high, _days(high, trades_a_day), None)


def _chances(
    backtest: Resampler, lines: Boundaries, promise: float, count: int, seed: int
) -> tuple[float, float]:
    """Chance of *kept* under the promise, and of *broken* without an edge."""
    rng = np.random.default_rng([seed, 1])  # other trials than the lines were drawn from
    counted = np.arange(1, lines.horizon + 1)[:, None]
    upper, lower = lines.upper_line()[:, None], lines.lower_line()[:, None]
    owed = counted * (lines.promise - lines.margin)
    kept = broken = 0
    size = max(1, min(count, _AT_ONCE // lines.horizon))
    for done in range(0, count, size):
        drawn = backtest.draw(rng, lines.horizon, min(size, count - done))
        without_edge = drawn.cumsum(axis=0)
        promised = without_edge + counted * promise
        raised = upper + lines.beyond(drawn + promise)
        kept += _first_to_cross(promised >= raised, promised - owed <= lower)
        raised = upper + lines.beyond(drawn)
        broken += _first_to_cross(without_edge - owed <= lower, without_edge > raised)
    return kept / count, broken / count


def _first_to_cross(line: NDArray[np.bool_], other: NDArray[np.bool_]) -> int:
    """How many trials cross `line`, and not `other` before."""
    crossed, before = line.argmax(axis=0), other.argmax(axis=0)
    return int((line.any(axis=0) & ~(other.any(axis=0) & (before < crossed))).sum())


def _days(trades: int, trades_a_day: float | None) -> float | None:
    if trades_a_day is None:
        return None
    if not 0 < trades_a_day < math.inf:
        raise ValueError(f"trades a day: expected a number above 0, found {trades_a_day!r}")
    return trades / trades_a_day


def _too_long(
    longest: int, reached: tuple[float, float], trades: int, trades_a_day: float | None
) -> str:
    days = _days(longest, trades_a_day)
    within = f"{longest:,} trades" if days is None else f"{days:.0f} days ({longest:,} trades)"
    kept, broken = reached
    weaker = "broken" if broken < kept else "kept"
    poorly = broken < kept and trades < longest
    why = f"; a backtest of {trades:,} trades tells too little" if poorly else ""
    return f"not within {within}: *{weaker}* in {chance_text(min(reached))} even then{why}"
