"""Describes the market of a period: what buying and holding made, and how much it moved."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.market.candles.candles import Candles
from core.market.candles.timeframes import DAY, Timeframe
from core.report.metrics import buy_and_hold_pct
from core.report.result import RunResult
from core.text import per_cent, signed_per_cent

_WENT_NOWHERE = 1.0  # per cent: buying and holding that made or lost no more tells no direction
_LEAST_TIME, _FEWEST_CANDLES = DAY, 30  # from which volatility is told
_CALM_TO_WILD = 1.5  # volatilities further apart than this factor are another regime


@dataclass(frozen=True, slots=True)
class Regime:
    """Buy and hold over the period, and the annualised volatility of the symbols' mean, per cent.

    None where there are too few candles to tell.
    """

    benchmark_return_pct: float | None
    volatility_pct: float | None


def regime(candles: Mapping[str, Candles], timeframe: Timeframe) -> Regime:
    """The market over the given candles.

    Volatility is the standard deviation of log returns from close to close, times √(candles a
    year), averaged over the symbols that have at least 30 candles and a day of them: of fewer it
    would be chance, and told as another market.
    """
    present = [one for one in candles.values() if len(one)]
    volatilities = [
        float(np.std(np.diff(np.log(one.close)), ddof=1))
        * math.sqrt(365 * DAY / timeframe.ms)
        * 100
        for one in present
        if len(one) >= max(_FEWEST_CANDLES, _LEAST_TIME / timeframe.ms)
    ]
    return Regime(
        buy_and_hold_pct((float(one.open[0]), float(one.close[-1])) for one in present),
        math.fsum(volatilities) / len(volatilities) if volatilities else None,
    )


def regime_of_run(candles: Mapping[str, Candles], result: RunResult) -> Regime:
    """The market over the candles that a run on `candles` decided on."""
    if not len(result.times):
        return Regime(None, None)
    first, last = result.times[[0, -1]].tolist()
    counted = {}
    for symbol, one in candles.items():
        start, stop = np.searchsorted(one.time, (first, last + 1)).tolist()
        counted[symbol] = one.slice(start, stop)
    return regime(counted, result.config.timeframe)


def _turned(before: float, now: float) -> bool:
    """Whether buying and holding clearly made money in one period and lost it in the other."""
    return before * now < 0 and min(abs(before), abs(now)) > _WENT_NOWHERE


def regime_warning(backtest: Regime, session: Regime) -> str | None:
    """In what the two periods differ so much that results should too, or None."""
    told = []
    before, now = backtest.benchmark_return_pct, session.benchmark_return_pct
    if before is not None and now is not None and _turned(before, now):
        then, today = (signed_per_cent(made) for made in (before, now))
        told.append(f"buy and hold made {then} then and {today} now")
    calm, wild = backtest.volatility_pct, session.volatility_pct
    if calm and wild and max(calm, wild) > _CALM_TO_WILD * min(calm, wild):
        told.append(
            f"volatility was {per_cent(calm, 0)} a year then and is {per_cent(wild, 0)} now"
        )
    return f"another market regime: {', '.join(told)}" if told else None
