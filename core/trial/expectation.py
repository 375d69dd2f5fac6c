"""What trades like those of a result would bring: bands of return, drawdown and losing streaks.

The gate, a report and the forecast of a trial tell it of the same trades to the same digit: by this
function, and by the generator that draws the trials of the forecast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.market.candles.candles import Floats
from core.text import TextRow, chance_text, per_cent, signed_per_cent
from core.trial.resampling import Resampler

_AT_ONCE = 500_000  # returns held at once


@dataclass(frozen=True, slots=True)
class Band:
    """What one in twenty stays below, the middle, and what one in twenty exceeds."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, values: Floats) -> Band:
        """The band of so many draws."""
        low, middle, high = np.quantile(values, (0.05, 0.5, 0.95)).tolist()
        return cls(low, middle, high)


DRAWS = 1_000
"""So many times, unless somebody says otherwise."""

MOST_DRAWS = 100_000


@dataclass(frozen=True, slots=True)
class Expectation:
    """So many trades, drawn from those that were.

    Attributes:
        trades: how many.
        draws: how many times they were drawn.
        return_pct: total return, per cent.
        drawdown_pct: deepest fall of equity from its peak, per cent.
        losing_streak: most losses in a row.
        loss_probability: share of the draws that end with less than they began with.
    """

    trades: int
    draws: int
    return_pct: Band
    drawdown_pct: Band
    losing_streak: Band
    loss_probability: float

    @property
    def sentence(self) -> str:
        """In words."""
        made, fall, losses = self.return_pct, self.drawdown_pct, self.losing_streak
        bring = "trade brings" if self.trades == 1 else "trades bring"
        return (
            f"{self.trades:,} such {bring} {made.low:+z,.1f} to {signed_per_cent(made.high, 1)} "
            f"({signed_per_cent(made.middle, 1)} in the middle), a deepest fall of "
            f"{fall.low:,.1f} to {per_cent(fall.high, 1)} and {losses.low:,.0f} to "
            f"{losses.high:,.0f} losses in a row; one in twenty lies "
            f"beyond either end, and {chance_text(self.loss_probability)} end with a loss."
        )

    @property
    def rows(self) -> tuple[TextRow, ...]:
        """The same as rows, of trades that bring what was promised."""
        made, fall, losses = self.return_pct, self.drawdown_pct, self.losing_streak
        return (
            TextRow(
                "Return",
                f"{made.low:+z,.1f} to {signed_per_cent(made.high, 1)}, middle "
                f"{signed_per_cent(made.middle, 1)}; {chance_text(self.loss_probability)} end with "
                "a loss",
            ),
            TextRow("Deepest fall", f"{fall.low:,.1f} to {per_cent(fall.high, 1)}"),
            TextRow("Losing run", f"{losses.low:,.0f} to {losses.high:,.0f} losses in a row"),
            TextRow("9 in 10", "of such trials lie within these three; none is judged"),
        )


def expectation(
    returns: Floats,
    draws: int = DRAWS,
    seed: int = 0,
    *,
    trades: int | None = None,
    promise: float | None = None,
    fixed_amount: bool = False,
) -> Expectation:
    """Draw further trades like those of a result, so many times.

    They have their spread, streaks and tails, tails also beyond what was seen (docs/trial.md).

    Args:
        returns: of the closed trades, in exit order, P&L in per cent of the equity at entry
            (`core.trial.seal.trade_returns`); shape (n,).
        draws: up to 100,000; the bands need some hundreds.
        seed: of the drawing.
        trades: how many each time; as many as there were where left out.
        promise: mean return of a trade in per cent; that of `returns` where left out.
        fixed_amount: returns are in per cent of the starting balance, and add up; others compound.

    Raises:
        ValueError: fewer than 20 trades, all of them alike, or no such number of draws.
    """
    if not 1 <= draws <= MOST_DRAWS:
        raise ValueError(f"{draws} draws: expected 1 to {MOST_DRAWS:,}")
    resampler = Resampler.fit(returns)
    rng = np.random.default_rng(seed)
    count = len(returns) if trades is None else trades
    mean = resampler.mean if promise is None else promise
    totals, falls, streaks = [], [], []
    size = max(1, _AT_ONCE // count)
    for start in range(0, draws, size):
        drawn = resampler.draw(rng, count, min(size, draws - start)) + mean
        grown = drawn / 100
        equity = 1 + grown.cumsum(axis=0) if fixed_amount else (1 + grown).cumprod(axis=0)
        equity[np.logical_or.accumulate(equity <= 0, axis=0)] = 0.0  # nothing is left to trade
        peak = np.maximum(np.maximum.accumulate(equity, axis=0), 1.0)
        totals.append((equity[-1] - 1) * 100)
        falls.append((1 - equity / peak).max(axis=0) * 100)
        streaks.append(_longest_streaks(drawn < 0))
    total = np.concatenate(totals)
    return Expectation(
        count,
        draws,
        Band.of(total),
        Band.of(np.concatenate(falls)),
        Band.of(np.concatenate(streaks)),
        float(np.mean(total < 0)),
    )


def _longest_streaks(losing: NDArray[np.bool_]) -> Floats:
    """Most true values in a row in each column."""
    running = np.zeros(losing.shape[1])
    longest = np.zeros(losing.shape[1])
    for row in losing:
        running = np.where(row, running + 1, 0.0)
        np.maximum(longest, running, out=longest)
    return longest
