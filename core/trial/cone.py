"""The band around the equity path that the promise would hardly ever leave.

Trades are resampled as for the edge, and the band is as wide as the running extreme of its own
shape demands, so that its lower side is ever left within the horizon with no more than the sealed
chance. Simultaneous bands by the studentised maximum: A. C. Davison and D. V. Hinkley, Bootstrap
methods and their application (1997), section 4.2.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from core.market.candles.candles import Floats, Times
from core.trial.boundaries import check_horizon, check_rate
from core.trial.cone_over_time import ConeOverTime
from core.trial.resampling import (
    Resampler,
    Trials,
    as_returns,
    lower_bound,
    running_extremes,
)

_CAREFUL = 0.75  # share of the rate: so far out, tails decide more than a short sample tells
_STEPS_AHEAD = 60  # into which what lies ahead of the last trade is divided
_MOST_POINTS = 400  # of a band over time: no chart shows more
_MOST_GROWTH = 700.0  # logarithm: beyond, equity has no room in a float
_BLUNT = 0.3  # of the horizon: the band starts as wide as it would be after so many trades more


class BandSide(StrEnum):
    """Where an equity path has been, against its band."""

    INSIDE = "inside"
    BELOW = "below"
    ABOVE = "above"


@dataclass(frozen=True, slots=True)
class Course:
    """Where the path left the band first.

    Attributes:
        side: below wins over above: a path that left below has broken its promise, while one above
            has only done better.
        at: after how many trades it left on that side; None inside.
    """

    side: BandSide
    at: int | None


@dataclass(frozen=True, slots=True)
class Cone:
    """A sealed band around the equity path, by trade number.

    Attributes:
        horizon: M, trades.
        growth: mean logarithmic return of a trade, in per cent; the plain mean where returns add
            up.
        below: how far the band reaches below the mean path, in units of its shape and in the unit
            of `growth`.
        above: the same above.
        rate: chance of ever leaving it below (above) if the promise is true.
        trades: how many trades of the backtest stand behind it.
        seed: of the resampling.
        fixed_amount: every trade is of the same amount of money: returns are in per cent of the
            starting balance, and add up.
    """

    horizon: int
    growth: float
    below: float
    above: float
    rate: float
    trades: int
    seed: int
    fixed_amount: bool = False

    def lower(self) -> Floats:
        """Lower side of the band: equity's change since the start in per cent; shape (M + 1,).

        Place k stands for k closed trades; 0 is the start.
        """
        return self._band(-self.below)

    def middle(self) -> Floats:
        """The path of mean growth, as `lower`."""
        return self._band(0.0)

    def upper(self) -> Floats:
        """Upper side of the band, as `lower`."""
        return self._band(self.above)

    def judge(self, path: object) -> Course:
        """Look where a path has been, trade by trade.

        Args:
            path: change of equity since the start, in per cent, after each closed trade (without
                the start); shape (k,). What lies beyond the horizon is not looked at.

        Raises:
            ValueError: a value that is no finite number.
        """
        seen = as_returns(path, "equity path")[: self.horizon]
        count = len(seen)
        below = np.flatnonzero(seen < self.lower()[1 : count + 1])
        if len(below):
            return Course(BandSide.BELOW, int(below[0]) + 1)
        above = np.flatnonzero(seen > self.upper()[1 : count + 1])
        return (
            Course(BandSide.ABOVE, int(above[0]) + 1)
            if len(above)
            else Course(BandSide.INSIDE, None)
        )

    def _band(self, width: float) -> Floats:
        counted = np.arange(self.horizon + 1)
        shape = np.concatenate(([0.0], band_shape(self.horizon, self.trades)))
        band: Floats = counted * self.growth + width * shape
        return band if self.fixed_amount else 100 * np.expm1(np.minimum(band / 100, _MOST_GROWTH))


def over_time(cone: Cone, start: int, closes: Times, ends: int | None) -> ConeOverTime:
    """Lay a band over time.

    Args:
        cone: by trade number.
        start: when the trial began, UTC ms.
        closes: when each of its trades closed, UTC ms, not falling; shape (k,).
        ends: when its last trade will probably close, UTC ms; None where that is not known, and
            the band then ends with the last trade.
    """
    seen = closes[: cone.horizon]
    times = [start, *seen.tolist()]
    places = list(range(len(times)))
    left = cone.horizon - len(seen)
    if ends is not None and left and ends > times[-1]:
        steps = np.linspace(0, 1, min(left, _STEPS_AHEAD) + 1)[1:]
        times += np.round(times[-1] + steps * (ends - times[-1])).astype(np.int64).tolist()
        places += np.round(len(seen) + steps * left).astype(np.int64).tolist()
    kept = sorted({round(at) for at in np.linspace(0, len(times) - 1, _MOST_POINTS)})
    sides = (cone.lower(), cone.middle(), cone.upper())
    points = ((times[at], *(float(side[places[at]]) for side in sides)) for at in kept)
    return ConeOverTime(tuple(points), cone.rate)


def cone(
    backtest_returns: object,
    horizon: int,
    *,
    rate: float = 0.015,
    seed: int = 0,
    fixed_amount: bool = False,
) -> Cone:
    """Draw the band for a trial of `horizon` trades.

    Args:
        backtest_returns: of its trades, in per cent of the equity at entry; shape (n,), n ≥ 20.
        horizon: the number of trades after which the trial ends.
        rate: how often at most a true promise leaves the band below.
        seed: the same seed gives the same band.
        fixed_amount: returns are in per cent of the starting balance, and add up; others compound.

    Raises:
        ValueError: a horizon below 1, a rate out of range, returns that are too few, not finite,
            constant, or, where they compound, at −100% and below, after which there is no path.
    """
    check_horizon(horizon)
    check_rate("rate", rate)
    returns = as_returns(backtest_returns)
    if not fixed_amount:
        if (returns <= -100).any():
            raise ValueError(
                "backtest returns: a trade lost all there was; no path goes on from there"
            )
        returns = 100 * np.log1p(returns / 100)
    backtest = Resampler.fit(returns)
    shape = band_shape(horizon, backtest.trades)[:, None]
    lows, highs = [], []
    careful = _CAREFUL * rate

    def off(trials: Trials) -> Iterator[tuple[Floats, Floats]]:
        for counted, total, promised in trials.sums():
            beyond = np.subtract(total, promised, out=total)
            beyond /= shape[counted]
            yield beyond, beyond

    for trials in backtest.trials(horizon, careful, seed):
        lowest, highest = running_extremes(off(trials))
        lows.append(lowest / trials.scale)
        highs.append(highest / trials.scale)
    return Cone(
        horizon=int(horizon),
        growth=backtest.mean,
        below=max(0.0, -backtest.scale * lower_bound(np.concatenate(lows), careful)),
        above=max(0.0, -backtest.scale * lower_bound(-np.concatenate(highs), careful)),
        rate=float(rate),
        trades=backtest.trades,
        seed=int(seed),
        fixed_amount=fixed_amount,
    )


def band_shape(horizon: int, trades: int) -> Floats:
    """√(k + k²/n + 3M/10), after k of M trades; shape (horizon,).

    The first term is the scatter of k trades, the second what a mean of n trades does not know of
    itself, the third blunts the tip: few trades are too far from normal for a narrow one.
    """
    counted = np.arange(1, horizon + 1)
    shape: Floats = np.sqrt(counted + counted**2 / trades + _BLUNT * horizon)
    return shape
