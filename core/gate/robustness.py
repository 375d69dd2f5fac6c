"""How much of a result is left when what nobody can promise is a little different."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import NamedTuple

import numpy as np

from core.backtest.axes import Axis
from core.backtest.long_work import WHOLE, LongWork, Part
from core.backtest.progress import WorkCancelledError
from core.backtest.run import run_backtest
from core.backtest.sweep import Sweep
from core.backtest.workers import Histories
from core.market.candles.candles import Candles, Floats, Times
from core.market.candles.timeframes import DAY
from core.report.result import RunResult
from core.strategy.config.config import StrategyConfig
from core.typed import prepare

_STARTS = 6  # of the shifted starts, the first as it is
RUNS = _STARTS + 1
"""Backtests it takes, where the candles are not too few for every start."""
_REGIME_DAYS = 30


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The settings one step away from the best on one axis.

    Attributes:
        count: how many.
        profitable: how many made a profit.
        middle: median of their figures, by the metric that ranks; None where none has one.
        best: the best one's.
    """

    count: int
    profitable: int
    middle: float | None
    best: float | None


@dataclass(frozen=True, slots=True)
class PartOfTime:
    """A year, or the days of one kind of market, and the return of the strategy in it, per cent."""

    name: str
    days: int
    return_pct: float


@dataclass(frozen=True, slots=True)
class Robustness:
    """The result under other circumstances. Returns are total ones in per cent.

    Attributes:
        return_pct: as it is.
        neighbours: of the best setting; None where nothing was varied.
        costs_doubled: with twice the fees and slippage.
        assumed_cost_bp: fees and slippage of a fill, basis points of its notional.
        break_even_cost_bp: what a fill may cost; see `core.report.break_even`.
        shifted_starts: lowest and highest, begun up to one higher candle later.
        delayed: with every decision to enter or add one candle late.
        target_first: had every ambiguous candle met the target first; None: none was ambiguous.
        years: each year by itself.
        regimes: rising or falling, calm or wild: the days by the market of the thirty days around.
    """

    return_pct: float
    neighbours: Neighbours | None
    costs_doubled: float
    assumed_cost_bp: float
    break_even_cost_bp: float | None
    shifted_starts: tuple[float, float]
    delayed: float
    target_first: float | None
    years: tuple[PartOfTime, ...]
    regimes: tuple[PartOfTime, ...]


def robustness(
    config: StrategyConfig,
    candles: Mapping[str, Candles],
    result: RunResult,
    sweep: Sweep | None,
    *,
    decide_from: int | None = None,
    work: LongWork | None = None,
    part: Part = WHOLE,
) -> Robustness:
    """Look at a result under other circumstances.

    Args:
        config: the strategy, as it was chosen.
        candles: what it was run on, by symbol.
        result: its backtest.
        sweep: that it was chosen by; None for none.
        decide_from: as of its backtest.
        work: under way on the candles; None: of this thread.
        part: of the work.

    Raises:
        WorkCancelledError: the work was cancelled before every circumstance was tried.
    """
    dear = replace(config, fees=min(config.fees * 2, 1.0), slippage_pct=config.slippage_pct * 2)
    starts = _starts(config, result)
    others = [
        _Other(0, dear, decide_from),
        _Other(1, config, decide_from, late=1),
        *(_Other(place, config, start) for place, start in enumerate(starts, start=2)),
    ]
    work = work or LongWork.alone(candles)
    work.meter.fewer(RUNS - len(others))
    totals = dict(work.taken_up(part, _Total).values())
    left = [other for other in others if other.place not in totals]
    totals |= dict(work.each(_total, left, part))
    if len(totals) < len(others):
        raise WorkCancelledError("cancelled before every circumstance was tried")
    costs_doubled, delayed, *shifted = (totals[other.place] for other in others)
    own = _return_pct(result)
    return Robustness(
        return_pct=own,
        neighbours=None if sweep is None else _neighbours(sweep),
        costs_doubled=costs_doubled,
        assumed_cost_bp=config.fees * 10_000 + config.slippage_pct * 100,
        break_even_cost_bp=result.metrics.break_even_cost_bp,
        shifted_starts=(min([own, *shifted]), max([own, *shifted])),
        delayed=delayed,
        target_first=result.ambiguous_return_pct,
        years=tuple(_years(result)),
        regimes=tuple(_regimes(result, candles)),
    )


@dataclass(frozen=True, slots=True)
class _Other:
    """Another circumstance: its place among them, and what differs in the run."""

    place: int
    config: StrategyConfig
    decide_from: int | None = None
    late: int = 0


class _Total(NamedTuple):
    """The place of a circumstance, and the total return in it, per cent."""

    place: int
    return_pct: float


def _total(candles: Histories, other: _Other) -> Iterator[_Total]:
    run = run_backtest(
        other.config, candles, decide_from=other.decide_from, late_entries=other.late, brief=True
    )
    yield _Total(other.place, _return_pct(run))


prepare(_Total)


def _return_pct(result: RunResult) -> float:
    return (result.ending_balance / result.starting_balance - 1) * 100


def _starts(config: StrategyConfig, result: RunResult) -> list[int]:
    """Later starts, up to a candle of the highest timeframe in use; where only one, up to a day."""
    if not len(result.times):
        return []
    own = config.timeframe.ms
    higher = [one.timeframe.ms for one in config.indicators if one.timeframe is not None]
    most = max(higher or [DAY, own])
    shifts = np.unique(np.linspace(0, max(most // own - 1, 1), _STARTS).astype(int))[1:]
    first, last = int(result.times[0]), int(result.times[-1])
    return [first + int(shift) * own for shift in shifts if first + int(shift) * own < last]


def _neighbours(sweep: Sweep) -> Neighbours | None:
    rows = {row.values: row for row in sweep.rows}
    around = [rows[values] for values in _one_step_away(sweep.axes, sweep.best.values)]
    if not around:
        return None
    figures = [getattr(row.metrics, sweep.sort) for row in around]
    known = [figure for figure in figures if figure is not None]
    profitable = sum((row.metrics.total_return_pct or 0) > 0 for row in around)
    best = getattr(sweep.best.result.metrics, sweep.sort)
    return Neighbours(len(around), profitable, median(known) if known else None, best)


def _one_step_away(
    axes: Sequence[Axis], values: tuple[float | int | str, ...]
) -> Iterator[tuple[float | int | str, ...]]:
    for place, axis in enumerate(axes):
        at = axis.values.index(values[place])
        for other in (at - 1, at + 1):
            if 0 <= other < len(axis.values):
                yield (*values[:place], axis.values[other], *values[place + 1 :])


def _years(result: RunResult) -> Iterator[PartOfTime]:
    times, equity = result.times, result.equity
    if not len(times):
        return
    years = times.astype("datetime64[ms]").astype("datetime64[Y]")
    before = result.starting_balance
    for year, group in itertools.groupby(range(len(times)), key=years.tolist().__getitem__):
        places = list(group)
        end = float(equity[places[-1]])
        days = len(np.unique(times[places[0] : places[-1] + 1] // DAY))
        yield PartOfTime(str(year.year), days, (end / before - 1) * 100 if before > 0 else 0.0)
        before = end


def _regimes(result: RunResult, candles: Mapping[str, Candles]) -> Iterator[PartOfTime]:
    """The strategy's days by the market's return and volatility in the thirty days around each."""
    mine = result.daily_returns
    if len(mine) < 2 * _REGIME_DAYS:
        return
    market = _market_days(result, candles, len(mine))
    window = np.ones(_REGIME_DAYS)
    shares = np.convolve(np.ones(len(market)), window, "same")
    mean = np.convolve(market, window, "same") / shares
    spread = np.sqrt(np.maximum(np.convolve(market**2, window, "same") / shares - mean**2, 0))
    wild = spread > np.median(spread)
    for rises, moves in itertools.product((True, False), (False, True)):
        days = ((mean > 0) == rises) & (wild == moves)
        if days.any():
            name = f"{'rising' if rises else 'falling'}, {'wild' if moves else 'calm'}"
            grown = float(np.prod(np.maximum(1 + mine[days], 0))) - 1
            yield PartOfTime(name, int(days.sum()), grown * 100)


def _market_days(result: RunResult, candles: Mapping[str, Candles], days: int) -> Floats:
    """Daily log returns of the symbols' mean, over the days of the result; shape (days,)."""
    last = result.last_day
    ends: Times = (np.arange(last - days, last + 1, dtype=np.int64) + 1) * DAY
    each = []
    for one in candles.values():
        at = np.clip(np.searchsorted(one.time, ends - result.config.timeframe.ms + 1) - 1, 0, None)
        each.append(np.diff(np.log(one.close[at])))
    mean: Floats = np.mean(each, axis=0)
    return mean
