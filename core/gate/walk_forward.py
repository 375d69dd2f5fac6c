"""Chooses settings on one part of the time and trades them on the next, again and again.

What a sweep shows is the best of what was; what its best does afterwards is what a trader gets. The
parts that no choice has seen are joined into one report with its own equity curve.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.backtest.axes import Axis, SweepError, configs
from core.backtest.long_work import LongWork, Part
from core.backtest.progress import WorkCancelledError
from core.backtest.run import run_backtest
from core.backtest.sweep import Period, sweep_by
from core.market.candles.candles import Candles
from core.report.equity import MarkedEquity
from core.report.exposure import exposed_candles
from core.report.result import RunResult, run_result
from core.report.trade_columns import TradeColumns
from core.strategy.config.config import StrategyConfig

_FEWEST_CANDLES = 20  # of a part
SEEN_PARTS = 3  # what is chosen on is so many times as long as what is traded on


@dataclass(frozen=True, slots=True)
class Fold:
    """One choice and what became of it. Times are open times of candles, UTC ms.

    Attributes:
        seen_from: first candle that the choice was made on.
        traded_from: first candle it was traded on; what was seen ends before it.
        until: end of what it was traded on, exclusive.
        values: what was chosen, in the order of the axes.
        seen_return: its mean daily return on what it was chosen on, per cent.
        result: its backtest on what it was traded on, from a flat account that holds what the folds
            before have made.
        left_open: how many positions were open at its end; None: of a kept one it is not known.
    """

    seen_from: int
    traded_from: int
    until: int
    values: tuple[float | int | str, ...]
    seen_return: float
    result: RunResult
    left_open: int | None


@dataclass(frozen=True, slots=True)
class WalkForward:
    """All folds, and their unseen parts as one result.

    A position still open at the end of a part is valued at its last close and stands among the open
    trades of `joined`; the next part begins flat.

    Attributes:
        folds: in order of time.
        joined: the unseen parts as one result; its config is the last one chosen.
        efficiency: mean daily return of the unseen parts over that of the seen ones; None where
            what was seen made nothing.
    """

    folds: tuple[Fold, ...]
    joined: RunResult
    efficiency: float | None


def fold_times(
    candles: Mapping[str, Candles], folds: int, *, anchored: bool
) -> Iterator[tuple[int, int, int]]:
    """For each fold: first moment seen, first traded, and the end (exclusive), UTC ms.

    The time is cut into `folds` + 3 equal parts. Each fold sees three of them, or all from the
    first on where `anchored`, and trades the next.

    Raises:
        SweepError: folds below 1, or too many for so few candles.
    """
    if folds < 1:
        raise SweepError(f"folds {folds}: expected 1 or more")
    first = max(int(one.time[0]) for one in candles.values())
    last = min(int(one.time[-1]) for one in candles.values())
    parts = folds + SEEN_PARTS
    fewest = min(len(one) for one in candles.values())
    if fewest < parts * _FEWEST_CANDLES:
        raise SweepError(
            f"{fewest:,} candles are too few for {folds} folds, "
            f"which need {parts * _FEWEST_CANDLES:,}"
        )
    edges = [first + (last + 1 - first) * number // parts for number in range(parts + 1)]
    for number in range(folds):
        seen = edges[0] if anchored else edges[number]
        yield seen, edges[number + SEEN_PARTS], edges[number + SEEN_PARTS + 1]


def walk_forward(
    config: StrategyConfig,
    axes: Sequence[Axis],
    candles: Mapping[str, Candles],
    *,
    folds: int,
    anchored: bool = False,
    sort: str = "sharpe_ratio",
    work: LongWork | None = None,
    words: str = "",
) -> WalkForward:
    """Walk forward through the candles.

    Args:
        config: the strategy that is varied.
        axes: what is varied; none: the strategy as it is.
        candles: the history of each symbol.
        folds: how many times to choose.
        anchored: whether every choice sees the candles from the first on.
        sort: the metric that chooses (docs/rules.md §4).
        work: under way on the candles; None: of this thread.
        words: for it as a part of the work.

    Raises:
        SweepError: an axis is not as it must be, or the candles are too few.
        WorkCancelledError: the work was cancelled before every fold had chosen.
    """
    done: list[Fold] = []
    balance = config.starting_balance
    work = work or LongWork.alone(candles)
    tried = configs(config, axes)
    times = fold_times(candles, folds, anchored=anchored)
    for number, (seen, traded, until) in enumerate(times):
        period = Period((seen, traded))
        for symbol, one in period.all_of(candles).items():
            if not len(one):
                raise SweepError(f"the candles of {symbol} are too few for {folds} folds")
        part = Part(words, number, seen_share(candles, seen, traded))
        sweep = sweep_by(work, axes, tried, candles, period, sort=sort, part=part)
        if not sweep.complete:
            raise WorkCancelledError("cancelled before every fold had chosen")
        best = sweep.best
        chosen = replace(best.config, starting_balance=balance)
        known = {symbol: one.between(seen, until) for symbol, one in candles.items()}
        result = run_backtest(chosen, known, decide_from=traded)
        left = len(result.open_trades)
        done.append(Fold(seen, traded, until, best.values, _mean_day(best.result), result, left))
        balance = result.ending_balance
        if balance <= 0:
            break
    inside = sum(fold.seen_return for fold in done) / len(done)
    joined = _joined(config, done, candles)
    outside = _mean_day(joined)
    return WalkForward(tuple(done), joined, outside / inside if inside > 0 else None)


def seen_share(candles: Mapping[str, Candles], seen: int, traded: int) -> float:
    """What share of all candles a choice sees."""
    inside = sum(len(one.between(seen, traded)) for one in candles.values())
    return inside / sum(map(len, candles.values()))


def _mean_day(result: RunResult) -> float:
    """Mean of the daily returns, per cent; 0 for a run without a day."""
    returns = result.daily_returns
    return float(returns.mean()) * 100 if len(returns) else 0.0


def _joined(
    config: StrategyConfig, folds: Sequence[Fold], candles: Mapping[str, Candles]
) -> RunResult:
    results = [fold.result for fold in folds]
    trades = [trade for result in results for trade in result.trades]
    traded = [one.between(folds[0].traded_from, folds[-1].until) for one in candles.values()]
    return run_result(
        replace(results[-1].config, starting_balance=config.starting_balance),
        times=np.concatenate([result.times for result in results]),
        equity=MarkedEquity(np.concatenate([result.equity for result in results])),
        closed=TradeColumns.of(trades),
        open_trades=[trade for result in results for trade in result.open_trades],
        benchmark_prices=[(float(one.open[0]), float(one.close[-1])) for one in traded],
        fill_on=results[-1].fill_on,
        exposed=sum(
            exposed_candles(one.times, one.closed, one.open_trades, one.fill_on) for one in results
        ),
    )
