"""Two lines on the running sum of trade returns, which may be looked at after every trade.

One is crossed when the promised edge is not there, the other when there is an edge at all. Each is
crossed by chance, ever within the horizon, with no more than its sealed error rate, however often
one looks: the lines are quantiles of the running extreme, not of the sum at a fixed end.

Shape of the lines: P. C. O'Brien and T. R. Fleming, A multiple testing procedure for clinical
trials (1979), is δ = 0; S. K. Wang and A. A. Tsiatis, Approximately optimal one-parameter
boundaries for group sequential trials (1987), is the family. Two hypotheses at once: S. Pampallona
and Tsiatis, Group sequential designs for one-sided and two-sided hypothesis testing (1994).
Studentised resampling: P. Hall, The bootstrap and Edgeworth expansion (1992), section 3.10.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from core.market.candles.candles import Floats
from core.trial.resampling import (
    Resampler,
    Trials,
    as_returns,
    lower_bound,
    running_extremes,
)
from core.trial.state import State

MOST_TRADES = 10_000
"""Of a horizon: beyond, lines and band take minutes to draw, and any edge has long shown."""

_SMALLEST_RATE, _LARGEST_RATE = 0.0001, 0.5  # the smaller, the more trials are drawn
_LARGEST_DELTA = 0.5
_UNSEEN = 0.05  # chance with which a backtest shows no loss although there are some


@dataclass(frozen=True, slots=True)
class Edge:
    """Whether the promised edge is there.

    Attributes:
        state: kept, broken or open; compares equal to these words.
        at: after how many trades it was decided; None while open.
    """

    state: State
    at: int | None


@dataclass(frozen=True, slots=True)
class Boundaries:
    """What was sealed about the edge: the promise, and the two lines that answer for it.

    Attributes:
        horizon: M, the number of trades after which nothing is looked at any more.
        promise: mean return of the backtest's trades, in per cent.
        margin: by how much less a trade may bring and still count as alike, in per cent.
        lower: L ≤ 0; broken where Σ(xᵢ − promise + margin) ≤ L·(k/M)^δ.
        upper: U ≥ 0; kept where Σxᵢ ≥ U·(k/M)^δ + Σ max(0, xᵢ − best).
        best: return of the backtest's best trade, in per cent. What a trade brings beyond it
            counts for nothing towards *kept*: a short backtest knows too little of such wins for
            its line to allow for them, and what was promised did not rest on them.
        delta: δ, the shape of the lines; 0 makes them constant.
        broken: chance of ever crossing the lower line where the promise is true.
        kept: chance of ever crossing the upper line where the mean return is zero.
        trades: how many trades of the backtest stand behind the lines.
        seed: of the resampling.
    """

    horizon: int
    promise: float
    margin: float
    lower: float
    upper: float
    best: float
    delta: float
    broken: float
    kept: float
    trades: int
    seed: int

    def judge(self, returns: object, elapsed: object = None) -> Edge:
        """Look after each trade, and decide at the first line crossed.

        Args:
            returns: of the closed trades in their order, in per cent; shape (k,). Those beyond the
                horizon are not looked at.
            elapsed: share of the horizon's time that had passed when each trade closed; shape (k,).
                A trade after its end (above 1) is not looked at. A line with δ > 0 takes the
                greater of this and k/M, so that neither slow nor fast trades raise an error rate.

        Raises:
            ValueError: a return that is no finite number, or shares that fall or do not fit.
        """
        seen = as_returns(returns, "returns of the trial")
        place = self._places(len(seen), elapsed)
        seen = seen[: len(place)]
        if not len(seen):
            return Edge(State.OPEN, None)
        shape = place**self.delta
        broken = _first(self.excess(seen) <= self.lower * shape)
        kept = _first(seen.cumsum() >= self.upper * shape + self.beyond(seen))
        if broken is not None and (kept is None or broken <= kept):
            return Edge(State.BROKEN, broken)
        return Edge(State.OPEN if kept is None else State.KEPT, kept)

    def excess(self, returns: Floats) -> Floats:
        """Running sum of returns less what was promised (and not forgiven by the margin)."""
        counted = np.arange(1, len(returns) + 1)
        excess: Floats = returns.cumsum() - counted * (self.promise - self.margin)
        return excess

    def beyond(self, returns: Floats) -> Floats:
        """Running sum of what trades bring beyond `best`: by so much the upper line is raised."""
        beyond: Floats = np.maximum(returns - self.best, 0.0).cumsum(axis=0)
        return beyond

    def lower_line(self) -> Floats:
        """The line that `excess` must stay above, after each trade; shape (horizon,)."""
        return self.lower * self._places(self.horizon, None) ** self.delta

    def upper_line(self) -> Floats:
        """The line that the running sum must reach where none is `beyond`; shape (horizon,)."""
        return self.upper * self._places(self.horizon, None) ** self.delta

    def to_json(self) -> dict[str, float | int]:
        """As plain values."""
        return asdict(self)

    def _places(self, count: int, elapsed: object) -> Floats:
        """Share of the horizon at each trade that is looked at."""
        by_trades = np.arange(1, min(count, self.horizon) + 1) / self.horizon
        if elapsed is None:
            return by_trades
        shares = as_returns(elapsed, "elapsed shares")
        if len(shares) != count or (np.diff(shares) < 0).any() or (shares < 0).any():
            raise ValueError(
                f"elapsed shares: expected {count} that do not fall, from 0 on, one for each trade"
            )
        within = shares[: self.horizon]
        within = within[within <= 1]
        places: Floats = np.maximum(within, by_trades[: len(within)])
        return places


def calibrate(
    backtest_returns: object,
    horizon: int,
    *,
    broken: float = 0.05,
    kept: float = 0.05,
    seed: int = 0,
    delta: float = 0.0,
    margin: float = 0.0,
) -> Boundaries:
    """Draw the two lines for a trial of `horizon` trades.

    Backtest and trial are resampled together: the mean and the scale of the resampled backtest take
    the place of the real one's, so that a backtest of few trades widens the lines as Student's t
    is wider than the normal distribution.

    Args:
        backtest_returns: of its trades in their order, in per cent; shape (n,), n ≥ 20.
        horizon: the number of trades after which the trial ends, up to `MOST_TRADES`.
        broken: how often at most a true promise is called broken, from 0.0001 to below 0.5.
        kept: how often at most no edge at all is called kept, likewise.
        seed: the same seed gives the same lines.
        delta: shape of the lines, from −0.5 to 0.5. At 0 they are constant: an early answer needs
            an extreme start, and little power is lost at the horizon.
        margin: by how much less than promised a trade may bring and still be alike, in per cent.

    Raises:
        ValueError: an argument out of its range; returns that are too few, not finite or constant.
    """
    _check(horizon, broken, kept, delta, margin)
    backtest = Resampler.fit(backtest_returns)
    returns = as_returns(backtest_returns)
    lows, highs = _extremes(backtest, int(horizon), delta, min(broken, kept), seed)
    return Boundaries(
        horizon=int(horizon),
        promise=backtest.mean,
        margin=float(margin),
        lower=min(-_hidden_loss(returns, broken), backtest.scale * lower_bound(lows, broken)),
        upper=max(_hidden_loss(returns, kept), -backtest.scale * lower_bound(-highs, kept)),
        best=float(np.max(returns)),
        delta=float(delta),
        broken=float(broken),
        kept=float(kept),
        trades=backtest.trades,
        seed=int(seed),
    )


def _check(horizon: int, broken: float, kept: float, delta: float, margin: float) -> None:
    check_horizon(horizon)
    check_rate("broken", broken)
    check_rate("kept", kept)
    if not abs(delta) <= _LARGEST_DELTA:
        raise ValueError(f"delta: expected −0.5 to 0.5, found {delta!r}")
    if not 0 <= margin < math.inf:
        raise ValueError(f"margin: expected a finite number from 0 on, found {margin!r}")


def check_horizon(horizon: int) -> None:
    """Raise ValueError unless `horizon` is a whole number of trades from 1 to `MOST_TRADES`."""
    whole = isinstance(horizon, int | np.integer) and not isinstance(horizon, bool)
    if not whole or not 1 <= horizon <= MOST_TRADES:
        raise ValueError(
            f"horizon: expected a whole number of trades from 1 to {MOST_TRADES:,}, found "
            f"{horizon!r}"
        )


def check_rate(name: str, rate: float) -> None:
    """Raise ValueError unless `rate` is an error rate from 0.0001 to below 0.5."""
    if not _SMALLEST_RATE <= rate < _LARGEST_RATE:
        raise ValueError(
            f"{name}: expected an error rate from {_SMALLEST_RATE} (one trial of "
            f"{1 / _SMALLEST_RATE:,.0f}: of rarer ones no resampling tells) to below "
            f"{_LARGEST_RATE}, found {rate!r}"
        )


def _extremes(
    backtest: Resampler, horizon: int, delta: float, rate: float, seed: int
) -> tuple[Floats, Floats]:
    """Lowest excess and highest sum of resampled trials, in scales of their resampled backtest."""
    shape = (np.arange(1, horizon + 1)[:, None] / horizon) ** delta
    lows, highs = [], []

    def excess_and_sum(trials: Trials) -> Iterator[tuple[Floats, Floats]]:
        for counted, total, promised in trials.sums():
            excess = np.subtract(total, promised, out=promised)
            yield (excess / shape[counted], total / shape[counted]) if delta else (excess, total)

    for trials in backtest.trials(horizon, rate, seed):
        lowest, highest = running_extremes(excess_and_sum(trials))
        lows.append(lowest / trials.scale)
        highs.append(highest / trials.scale)
    return np.concatenate(lows), np.concatenate(highs)


def _hidden_loss(returns: Floats, rate: float) -> float:
    """How far out the lines lie at least, where a backtest shows no loss; 0 where it shows one.

    Such a backtest tells nothing of how large a loss is. If losses come so rarely that n trades
    show none in 5%, each may take as much as n trades bring / ln 20, and there is no edge. Then so
    many wins in a row bring this much with chance `rate`.
    """
    if (returns < 0).any():
        return 0.0
    return float(returns.sum()) * math.log(rate) / math.log(_UNSEEN)


def _first(crossed: NDArray[np.bool_]) -> int | None:
    """Number of the first trade that crossed."""
    at = int(crossed.argmax())
    return at + 1 if crossed[at] else None
