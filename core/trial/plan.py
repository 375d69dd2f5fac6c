"""Says before a trial starts what it will be able to tell, and how long one must be to tell it.

This is the honest answer to "how long should I paper-trade": by simulation from the backtest's own
trades, with the very lines that would be sealed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from core.market.candles.timeframes import DAY
from core.text import TextRow, chance_text, counted, independent_tries, share_text, signed_per_cent
from core.time_format import LATEST, short_duration
from core.trial.boundaries import MOST_TRADES, Boundaries, calibrate
from core.trial.cone import Cone, cone, over_time
from core.trial.cone_over_time import ConeOverTime
from core.trial.expectation import Expectation, expectation
from core.trial.forecast import Forecast, Needed, forecast, horizon_needed
from core.trial.seal import Seal

CHANCE = 0.8
"""Of either answer: what `TrialPlan.needed` looks for."""

_LONGEST_YEARS = 5
_KEPT = 32  # seals whose lines and bands need not be drawn again each time they are looked at
_FEW_DAYS = 3  # below, hours count
_LEAST_FOR_RATE = 5  # trades: fewer tell no rate of their own


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the verdict goes by, at the last trade of the horizon.

    Attributes:
        path_broken_pct: change of equity since the start below which the path is broken, per cent;
            None where there is no band, and `path_reason` says why.
        path_above_pct: the upper side of the band, above which it has only done better.
        edge_broken_pct: sum of the trades' returns down to which the edge is broken, per cent.
        edge_kept_pct: sum from which it is kept, then or before, where no trade brings more than
            the backtest's best.
    """

    path_broken_pct: float | None
    path_above_pct: float | None
    path_reason: str | None
    edge_broken_pct: float
    edge_kept_pct: float

    @property
    def rows(self) -> tuple[TextRow, ...]:
        """In words."""
        below, summed = self.path_broken_pct, "trades' returns that sum to"
        broken, kept = (
            signed_per_cent(one, 1) for one in (self.edge_broken_pct, self.edge_kept_pct)
        )
        path = "" if below is None else f"a return below {signed_per_cent(below, 1)}, or "
        return (
            TextRow("Broken at end", f"{path}{summed} {broken}"),
            TextRow("Kept", f"{summed} {kept}, then or before"),
        )


@dataclass(frozen=True, slots=True)
class TrialChances:
    """How likely a trial with this seal says what, by its horizon."""

    seal: Seal
    forecast: Forecast

    @property
    def rows(self) -> tuple[TextRow, ...]:
        """In plain English. What promises nothing has no chance to keep it."""
        forecast, horizon, errors = self.forecast, self.seal.horizon, self.seal.errors
        days = horizon.trades / self.seal.trades_per_day if horizon.days is None else horizon.days
        brought = max(horizon.trades, round(days * self.seal.trades_per_day))
        judged = "" if brought == horizon.trades else f", the first {horizon.trades:,} are judged"
        trades = f"{counted(brought, 'trade')}{judged}"
        rows = [TextRow("Horizon", f"{_in_words(days)} bring about {trades}")]
        if forecast.promise > 0:
            alarms = f"a false alarm in at most {share_text(errors.any_broken)}"
            rows.append(
                TextRow("Edge holds", f"told kept in {chance_text(forecast.kept)}, {alarms}")
            )
        promises = f"a false promise in at most {share_text(errors.any_kept)}"
        rows.append(
            TextRow("No edge", f"told broken in {chance_text(forecast.broken)}, {promises}")
        )
        return tuple(rows)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "horizon_trades": self.seal.horizon.trades,
            "horizon_days": self.seal.horizon.days,
            "kept_if_promise_holds": self.forecast.kept,
            "broken_if_no_edge": self.forecast.broken,
            "false_broken_at_most": self.seal.errors.any_broken,
            "false_kept_at_most": self.seal.errors.any_kept,
        }


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """What a trial with this seal can tell.

    Attributes:
        chances: by its horizon, with the seal as it would be sealed.
        needed: the horizon for `CHANCE` of either answer.
        expected: what its trades bring, if they bring the promise that the chances rest on. No
            bound of the verdict.
        bounds: those of the verdict at the last trade.
    """

    chances: TrialChances
    needed: Needed
    expected: Expectation
    bounds: Bounds

    @property
    def rows(self) -> tuple[TextRow, ...]:
        """The plan in plain English, what decides first."""
        rows = [*self.chances.rows]
        if self.chances.forecast.promise > 0:  # else there is no edge to keep, however long
            rows.append(TextRow(f"For {CHANCE:.0%}", _needed_in_words(self.needed)))
        rows += [*self.expected.rows, *self.bounds.rows]
        tries = self.chances.seal.tries
        if tries is not None and tries.effective > 1:
            returns = self.chances.seal.returns
            raw = sum(returns) / len(returns)
            told = (
                f"the best of {tries.counted:,} settings tried, which count as "
                f"{independent_tries(tries.effective)}: its {signed_per_cent(raw, 3)} a trade are "
                f"taken for {signed_per_cent(tries.mean_return, 3)}, here too"
            )
            rows.append(TextRow("Luck", told))
        return tuple(rows)

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON values."""
        seal = self.chances.seal
        tries = seal.tries
        return {
            **self.chances.to_json(),
            "trades_per_day": seal.trades_per_day,
            "backtest_trades": len(seal.returns),
            "promise_pct": sum(seal.returns) / len(seal.returns),
            "promise_shrunk_pct": None if tries is None else tries.mean_return,
            "tries": None if tries is None else tries.counted,
            "effective_tries": None if tries is None else tries.effective,
            "needed_chance": CHANCE,
            "needed_trades": self.needed.trades,
            "needed_days": self.needed.days,
            "needed_reason": self.needed.reason,
            "expectation": asdict(self.expected),
            "bounds": asdict(self.bounds),
            "text": " ".join(row.sentence for row in self.rows),
        }


def chances_of(seal: Seal) -> TrialChances:
    """The chances of a trial with this seal.

    Raises:
        ValueError: its returns do not vary.
    """
    found = forecast(
        seal.backtest_returns,
        sealed_lines(seal),
        promise=_promise(seal),
        trades_a_day=seal.trades_per_day,
        seed=seal.seed,
    )
    return TrialChances(seal, found)


def plan_trial(seal: Seal) -> TrialPlan:
    """What a trial with this seal can tell. Takes up to a second.

    Raises:
        ValueError: its returns do not vary.
    """
    return TrialPlan(chances_of(seal), needed_for(seal), sealed_expectation(seal), _bounds(seal))


@lru_cache(maxsize=_KEPT)
def needed_for(seal: Seal) -> Needed:
    """How long a trial on the backtest of a seal must be for `CHANCE` of either answer.

    Raises:
        ValueError: its returns are too few, or do not vary.
    """
    return horizon_needed(
        seal.backtest_returns,
        chance=CHANCE,
        longest=max(50, min(2_000, round(_LONGEST_YEARS * 365 * seal.trades_per_day))),
        promise=_promise(seal),
        trades_a_day=seal.trades_per_day,
        broken=seal.errors.edge,
        kept=seal.errors.kept,
        margin=_margin(seal, seal.returns),
        seed=seal.seed,
    )


@lru_cache(maxsize=_KEPT)
def sealed_lines(seal: Seal) -> Boundaries:
    """The two lines on the running sum of returns that a seal fixes.

    Raises:
        ValueError: its returns are too few, or do not vary.
    """
    return calibrate(
        seal.backtest_returns,
        seal.horizon.trades,
        broken=seal.errors.edge,
        kept=seal.errors.kept,
        seed=seal.seed,
        margin=_margin(seal, seal.returns),
    )


@lru_cache(maxsize=_KEPT)
def live_lines(seal: Seal, promised: tuple[float, ...]) -> Boundaries:
    """The two lines for live trades, by the share of a seal's error rates that is kept for them.

    `promised`: returns of the backtest's trades in the unit that those of live trades are in.

    Raises:
        ValueError: they are too few, or do not vary; or the seal keeps no share for live trades.
    """
    return calibrate(
        promised,
        seal.horizon.trades,
        broken=seal.errors.live,
        kept=seal.errors.live_kept,
        seed=seal.seed,
        margin=_margin(seal, promised),
    )


@lru_cache(maxsize=_KEPT)
def sealed_band(seal: Seal) -> Cone:
    """The band around the equity path that a seal fixes.

    Raises:
        ValueError: its returns are too few, do not vary, or one lost everything.
    """
    return cone(
        seal.backtest_returns,
        seal.horizon.trades,
        rate=seal.errors.path,
        seed=seal.seed,
        fixed_amount=seal.fixed_amount,
    )


@lru_cache(maxsize=_KEPT)
def sealed_expectation(seal: Seal) -> Expectation:
    """What the trades of a trial bring, if they bring what was promised (the shrunk promise).

    Raises:
        ValueError: its returns are too few, or do not vary.
    """
    return expectation(
        seal.backtest_returns,
        seed=seal.seed,
        trades=seal.horizon.trades,
        promise=_promise(seal),
        fixed_amount=seal.fixed_amount,
    )


def _promise(seal: Seal) -> float | None:
    """What a trade promises once the luck of many tries is taken off; None: as the backtest."""
    return None if seal.tries is None else seal.tries.mean_return


def _bounds(seal: Seal) -> Bounds:
    lines = sealed_lines(seal)
    below = above = reason = None
    try:
        band = sealed_band(seal)
        below, above = float(band.lower()[-1]), float(band.upper()[-1])
    except ValueError as error:
        reason = str(error)
    promised = lines.horizon * (lines.promise - lines.margin)
    return Bounds(
        below,
        above,
        reason,
        float(promised + lines.lower_line()[-1]),
        float(lines.upper_line()[-1]),
    )


def sealed_cone(seal: Seal, start: int, closes: tuple[int, ...], now: int | None) -> ConeOverTime:
    """The band of a seal over the time of its trial.

    Args:
        seal: of the trial.
        start: when it began, UTC ms.
        closes: when each of its trades closed so far, UTC ms, not falling.
        now: to when the trial is known, UTC ms, of which the day counts: its end moves no oftener.

    Raises:
        ValueError: as `sealed_band`.
    """
    return _cone(seal, start, closes, None if now is None else now - now % DAY)


@lru_cache(maxsize=_KEPT)
def _cone(seal: Seal, start: int, closes: tuple[int, ...], now: int | None) -> ConeOverTime:
    if seal.horizon.days is not None:  # what closed after it was not looked at
        last = start + seal.horizon.days * DAY
        closes = tuple(close for close in closes if close <= last)
    ends = end_of_trial(seal, start, closes, now)
    return over_time(sealed_band(seal), start, np.array(closes, dtype=np.int64), ends)


def end_of_trial(
    seal: Seal, start: int, closes: Sequence[int], now: int | None = None
) -> int | None:
    """When the horizon will probably be reached, UTC ms; None once it is, or where no year tells.

    It ends with its trades, which are expected at the rate of those that closed since the start, or
    at the backtest's while they are few; and one in days with its days, where these are over first.

    Args:
        seal: of the trial.
        start: when it began, UTC ms.
        closes: when each of its trades closed, UTC ms, not falling.
        now: to when it is known, UTC ms; the last close where left out.
    """
    left = seal.horizon.trades - len(closes)
    if left <= 0:
        return None
    last = max(closes[-1] if closes else start, now or start)
    rate = seal.trades_per_day
    if len(closes) >= _LEAST_FOR_RATE and last > start:
        rate = len(closes) / ((last - start) / DAY)
    ends = last + left / rate * DAY if rate > 0 else math.inf
    if seal.horizon.days is not None:
        over = start + seal.horizon.days * DAY
        # By the backtest's rate both are over at once, but where its trades were too many.
        capped = seal.horizon.trades == MOST_TRADES
        ends = over if len(closes) < _LEAST_FOR_RATE and not capped else min(ends, over)
    return round(ends) if ends <= LATEST else None


def _margin(seal: Seal, returns: Sequence[float]) -> float:
    """What of the promised mean return may be missing, in per cent a trade."""
    promise = sum(returns) / len(returns) if returns else 0.0
    return max(0.0, promise) * seal.margins.mean_return


def _needed_in_words(needed: Needed) -> str:
    if needed.trades is None:
        return needed.why_none
    days = "" if needed.days is None else f"{_in_words(needed.days)}, "
    return f"of either answer: {days}{counted(needed.trades, 'trade')}"


def _in_words(days: float) -> str:
    return f"{days:.0f} days" if days >= _FEW_DAYS else short_duration(days * DAY / 1_000)
