"""Do two columns agree, differ, or is it too early to say? (docs/rules.md §6)

Never from the point estimates alone. *divergent*: a difference is significant at 5 %. *consistent*:
the 95 % intervals of the differences lie within the margins. *too few trades to tell*: neither.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from core.compare.significance import (
    Interval,
    fisher_exact,
    mcnemar_exact,
    mean_difference,
    paired_mean_difference,
    paired_win_rate_difference,
    profit_factor_ratio,
    trades_beside,
    trades_to_agree,
    trades_to_detect,
    trades_to_detect_mean,
    win_rate_difference,
)
from core.market.candles.candles import Floats
from core.market.candles.timeframes import DAY
from core.trading.values import Trade

_WIN_RATE_MARGIN = 0.10
_MEAN_MARGIN = 0.5  # of the backtest's mean
LEAST_FOR_PROFIT_FACTOR = 20  # trades: below, one trade more or less moves it at will
LEAST_FOR_MEANS = 8  # trades: a bootstrap of fewer promises more than it knows
_SIGNIFICANT = 0.05
_SAME = 1e-9  # relative: P&L closer than this is the same


class Judgement(StrEnum):
    """What may be said of two columns."""

    DIVERGENT = "divergent"
    CONSISTENT = "consistent"
    TOO_FEW = "too few trades to tell"


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The trades of a column: how many they are and how many of them won.

    `pnl`: the P&L of each as a per cent of its margin, in the order they closed; None where the
    single trades are not known.
    """

    trades: int
    wins: int
    pnl: Floats | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """One comparison: `difference` is the second column's minus the backtest's.

    `p` is the probability of so large a difference by chance (None: judged by the interval alone).
    `margin` is how far apart still counts as alike; a measure without one is told and not judged.
    `unit` names what is measured.
    """

    name: str
    unit: str
    difference: Interval
    margin: float | None
    p: float | None = None

    @property
    def significant(self) -> bool:
        """Whether the difference is more than chance at the 5 % level."""
        return self.difference.excludes_zero if self.p is None else self.p < _SIGNIFICANT

    @property
    def alike(self) -> bool:
        """Whether the whole interval lies within the margin."""
        return self.margin is not None and self.difference.within(self.margin)


@dataclass(frozen=True, slots=True)
class Needed:
    """How many trades would tell at 80 % power.

    `each`: in each column, so that the verdict falls whether the two are alike or a margin apart.
    `beside`: in the second column, if the backtest stays as it is; None where no number would do.
    `for_observed`: in each column, to find the very difference in win rate that was seen
    significant; None where there is none. `at`: when `beside` (or else `each`) will be reached at
    the present rate, UTC ms; None where no rate is known.
    """

    each: int
    beside: int | None
    for_observed: int | None
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be said of a column against the backtest, and on what grounds.

    `better` is the direction of a significant difference (None where there is none).
    """

    judgement: Judgement
    same_period: bool
    measures: tuple[Measure, ...]
    reason: str
    better: bool | None = None
    needed: Needed | None = None


def judge_same_period(
    decisions: Sequence[tuple[Trade | None, Trade | None]], *, seed: int
) -> Verdict:
    """Judge a session against a backtest of the same period, decision by decision.

    P&L is paired over all decisions, in quote currency; a trade that only one run made counts as 0
    in the other, for that is what the other made of the decision. Wins are paired over the trades
    both made (McNemar).

    Args:
        decisions: what the backtest and the session made of each (None: no trade), in order.
        seed: of the resampling.
    """
    wins = [
        (backtest.pnl > 0, paper.pnl > 0)
        for backtest, paper in decisions
        if backtest is not None and paper is not None
    ]
    amounts = [
        (0.0 if backtest is None else backtest.pnl, 0.0 if paper is None else paper.pnl)
        for backtest, paper in decisions
    ]
    n = len(decisions)
    if n == 0:
        return Verdict(Judgement.TOO_FEW, True, (), "neither run closed a trade")
    if len(wins) == n and _all_same(amounts):
        trades = "trade is" if n == 1 else f"{n} trades are"
        return Verdict(Judgement.CONSISTENT, True, (), f"the {trades} the same in both")
    first = np.array([backtest for backtest, _ in amounts])
    second = np.array([paper for _, paper in amounts])
    measures = []
    if wins:
        only_first = sum(a and not b for a, b in wins)
        only_second = sum(b and not a for a, b in wins)
        measures.append(
            Measure(
                "win rate",
                "points",
                paired_win_rate_difference(only_first, only_second, len(wins)),
                _WIN_RATE_MARGIN,
                mcnemar_exact(only_first, only_second),
            )
        )
    margin = _MEAN_MARGIN * abs(float(np.mean(first)))
    if n >= LEAST_FOR_MEANS:
        difference = paired_mean_difference(first, second, np.random.default_rng(seed))
        measures.append(Measure("mean P&L", "quote currency", difference, margin))
    spread = float(np.var(second - first, ddof=1)) if n > 1 else 0.0
    needed = trades_to_agree(spread, margin) if margin > 0 and spread > 0 else 0
    discordant = sum(a != b for a, b in wins) + 2
    of_wins = trades_to_agree(discordant / (len(wins) + 2), _WIN_RATE_MARGIN)
    each = max(needed, of_wins, LEAST_FOR_MEANS)
    return _judged(measures, True, n, Needed(each, each, None))


def judge_different_periods(backtest: Sample, other: Sample, *, seed: int) -> Verdict:
    """Judge a column against a backtest of another period.

    By Fisher's exact test on win rates, and block bootstrap on mean P&L in per cent of margin
    (where both columns know it of each trade).
    """
    if not backtest.trades or not other.trades:
        return Verdict(Judgement.TOO_FEW, False, (), "one of the two has no closed trade")
    a, b = (backtest.wins, backtest.trades), (other.wins, other.trades)
    measures = [
        Measure(
            "win rate",
            "points",
            win_rate_difference(*a, *b),
            _WIN_RATE_MARGIN,
            fisher_exact(*a, *b),
        )
    ]
    each = _trades_for_win_rate(backtest.wins / backtest.trades)
    first, second = backtest.pnl, other.pnl
    if first is not None and second is not None and min(len(first), len(second)) >= LEAST_FOR_MEANS:
        margin = _MEAN_MARGIN * abs(float(np.mean(first)))
        difference = mean_difference(first, second, np.random.default_rng(seed))
        measures.append(Measure("mean P&L", "per cent of margin", difference, margin))
        variance = float(np.var(first, ddof=1)) + float(np.var(second, ddof=1))
        if margin > 0 and variance > 0:
            of_means = (trades_to_agree(variance, margin), trades_to_detect_mean(variance, margin))
            each = max(each, *of_means)
        if min(len(first), len(second)) >= LEAST_FOR_PROFIT_FACTOR:
            # Told, not judged: it says of the same trades what their mean has said already.
            ratio = profit_factor_ratio(first, second, np.random.default_rng(seed))
            if ratio is not None:
                measures.append(Measure("profit factor", "log ratio", ratio, None))
    p_1, p_2 = backtest.wins / backtest.trades, other.wins / other.trades
    observed = trades_to_detect(p_1, p_2) if p_1 != p_2 else None
    needed = Needed(each, trades_beside(each, backtest.trades), observed)
    return _judged(measures, False, other.trades, needed)


def ready_at(needed: Needed, trades: int, per_day: float, now: int) -> int | None:
    """When a column with `trades` trades, closing `per_day` a day, has as many as are needed."""
    wanted = needed.beside or needed.each
    if per_day <= 0:
        return None
    days = max(0, wanted - trades) / per_day
    # Beyond a lifetime a date says no more than "never".
    return now + round(days * DAY) if days < 36_500 else None


def _trades_for_win_rate(p: float) -> int:
    """Trades in each column that tell, whether the win rates are alike or a margin apart."""
    apart = p - _WIN_RATE_MARGIN if p >= _WIN_RATE_MARGIN else p + _WIN_RATE_MARGIN
    return max(trades_to_detect(p, apart), trades_to_agree(2 * p * (1 - p), _WIN_RATE_MARGIN))


def _judged(measures: Sequence[Measure], same_period: bool, trades: int, needed: Needed) -> Verdict:
    judged = [measure for measure in measures if measure.margin is not None]
    significant = [measure for measure in judged if measure.significant]
    if significant:
        # The P&L says more about better or worse than the win rate does.
        better = significant[-1].difference.estimate > 0
        reason = "; ".join(_said(measure) for measure in significant)
        if all(measure.alike for measure in judged):
            reason += "; though significant, all differences lie within the margin"
        return Verdict(Judgement.DIVERGENT, same_period, tuple(measures), reason, better)
    complete = not same_period or len(judged) == 2
    if complete and judged and all(measure.alike for measure in judged):
        reason = "; ".join(_said(measure) for measure in judged)
        return Verdict(Judgement.CONSISTENT, same_period, tuple(measures), reason)
    open_ones = [_said(measure) for measure in judged if not measure.alike]
    reason = "; ".join(open_ones) or f"{trades} trades are too few for an interval of the mean P&L"
    return Verdict(Judgement.TOO_FEW, same_period, tuple(measures), reason, needed=needed)


def _said(measure: Measure) -> str:
    """A measure in words: `win rate −3.9 points (95 % interval −33.4 to +23.9, p = 1.00)`."""
    scale = 100 if measure.unit == "points" else 1
    low, high = measure.difference.low * scale, measure.difference.high * scale
    digits = 1 if scale == 100 else 2
    p = ""
    if measure.p is not None:
        p = f", p = {measure.p:.2f}" if measure.p >= 0.01 else ", p below 0.01"
    text = (
        f"{measure.name} {measure.difference.estimate * scale:+.{digits}f} {measure.unit} "
        f"(95 % interval {low:+.{digits}f} to {high:+.{digits}f}{p})"
    )
    return text.replace("-", "−")


def _all_same(amounts: Sequence[tuple[float, float]]) -> bool:
    return all(math.isclose(a, b, rel_tol=_SAME, abs_tol=1e-12) for a, b in amounts)
