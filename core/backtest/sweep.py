"""Tries many settings of a strategy, ranks them, and says how much of the best one is luck."""

from __future__ import annotations

import itertools
import math
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from core.backtest.axes import Axis, SweepError, configs
from core.backtest.run import run_backtest
from core.market.candles.candles import Candles, Floats
from core.report.deflated import deflated_sharpe, expected_best_sharpe
from core.report.metrics import Metrics
from core.report.result import RunResult, metrics_to_json
from core.report.spreadsheet import csv_text
from core.strategy.config.config import StrategyConfig
from core.strategy.indicators.batch import Batch
from core.time_format import optional_iso_time
from core.trial.promise import effective_tries

LOWER_IS_BETTER = frozenset({"max_drawdown_pct", "max_consecutive_losses"})

_SHARES_EACH = 8
_COMPARED = (
    1_000  # combinations whose returns are compared: where there are more, evenly chosen ones
)

Progress = Callable[[int, int], None]
"""Told how many combinations are done, of how many."""


@dataclass(frozen=True, slots=True)
class SweepRow:
    """One combination: the axes' values, its metrics, and those of the rest of a split period."""

    values: tuple[float | int | str, ...]
    metrics: Metrics
    rest: Metrics | None = None


@dataclass(frozen=True, slots=True)
class BestRow:
    """The combination that ranks first, with its backtest on the candles that ranked it."""

    config: StrategyConfig
    values: tuple[float | int | str, ...]
    result: RunResult


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """All combinations, best first by `sort`, and what luck alone would have found.

    `split_time`: open time (UTC ms) of the first candle the ranking did not see; None: it saw all.
    `expected_best_sharpe`: what the best of as many tries without merit would have; with
    `deflated_sharpe`, the probability that the best one's merit is more than that.
    `effective_tries`: how many independent tries the combinations amount to. `returns`: the daily
    returns of the combinations that were compared for that (all up to 1,000, evenly chosen ones of
    more, the best always) over the days that ranked them, fractions; shape (compared, days).
    """

    axes: tuple[Axis, ...]
    sort: str
    rows: tuple[SweepRow, ...]
    split_time: int | None
    expected_best_sharpe: float | None
    deflated_sharpe: float | None
    effective_tries: float
    best: BestRow
    returns: Floats


@dataclass(frozen=True, slots=True)
class Period:
    """The candles a sweep runs on; those from `split_time` on are kept from the ranking."""

    candles: Mapping[str, Candles]
    split_time: int | None = None

    def first_part(self) -> Mapping[str, Candles]:
        """What the ranking may see."""
        if self.split_time is None:
            return self.candles
        return {
            symbol: history.slice(0, int(np.searchsorted(history.time, self.split_time)))
            for symbol, history in self.candles.items()
        }


def split_at(candles: Mapping[str, Candles], per_cent: float) -> int:
    """Open time of the candle that begins the last part, `per_cent` of the time gone by.

    Raises:
        SweepError: if either part would be empty.
    """
    first = min(int(history.time[0]) for history in candles.values())
    last = max(int(history.time[-1]) for history in candles.values())
    wanted = first + int((last - first) * per_cent / 100)
    times = [history.time[np.searchsorted(history.time, wanted) :] for history in candles.values()]
    split = min((int(after[0]) for after in times if len(after)), default=last + 1)
    for symbol, history in candles.items():
        if not history.time[0] < split <= history.time[-1]:
            raise SweepError(f"a split at {per_cent:g} % leaves a part without candles of {symbol}")
    return split


def run_sweep(
    config: StrategyConfig,
    axes: Sequence[Axis],
    candles: Mapping[str, Candles],
    *,
    sort: str = "sharpe_ratio",
    split: float | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Sweep:
    """Backtest every combination of the axes' values.

    Each result is that of `run_backtest` on the same config and candles, whatever `workers` is.

    Args:
        config: the strategy that is varied.
        axes: what is varied.
        candles: the history of each symbol.
        sort: the metric that ranks (docs/rules.md §4); where it is undefined comes last.
        split: per cent of the time that the ranking sees; the rest is shown beside it.
        workers: processes to share the work among.
        progress: told after each combination.

    Raises:
        SweepError: if an axis, the split or the metric is not as it must be.
        KeyboardInterrupt: when the user cancels; the processes are ended first.
    """
    if sort not in Metrics.__dataclass_fields__ or sort in ("metrics_undefined", "win_rate_ci"):
        raise SweepError(f"no metric {sort!r} to sort by; for example sharpe_ratio, profit_factor")
    tried = configs(config, axes)
    period = Period(candles, None if split is None else split_at(candles, split))
    work = _Work(tuple(tried), period)
    found: dict[int, _Found] = {}
    for one in work.done(workers):
        found[one.place] = one
        if progress is not None:
            progress(len(found), len(tried))
    combinations = list(itertools.product(*(axis.values for axis in axes)))
    order = sorted(range(len(tried)), key=lambda place: _rank(found[place].metrics, sort))
    ratios = [found[place].metrics.sharpe_ratio for place in range(len(tried))]
    expected = expected_best_sharpe([ratio for ratio in ratios if ratio is not None])
    first = order[0]
    best = BestRow(tried[first], combinations[first], work.result(tried[first], {}))
    days = {place: one.days for place, one in found.items() if one.days is not None}
    days[first] = _Days.of(best.result)
    table = _table([days[place] for place in sorted(days)])
    return Sweep(
        axes=tuple(axes),
        sort=sort,
        rows=tuple(
            SweepRow(combinations[place], found[place].metrics, found[place].rest)
            for place in order
        ),
        split_time=period.split_time,
        expected_best_sharpe=expected,
        deflated_sharpe=None if expected is None else _deflated(best.result, expected),
        effective_tries=effective_tries(table) if table.size else 1.0,
        best=best,
        returns=table,
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """What there is to do, and how it is shared out."""

    tried: tuple[StrategyConfig, ...]
    period: Period

    def done(self, workers: int) -> Iterator[_Found]:
        """What every combination came to, in the order they are done."""
        shares = self._shares(workers)
        if workers <= 1 or len(shares) <= 1:
            yield from self.run(shares)
        else:
            yield from self._shared(shares, min(workers, len(shares)))

    def result(self, config: StrategyConfig, batches: Mapping[str, Batch]) -> RunResult:
        """The backtest that ranks `config`."""
        return run_backtest(config, self.period.first_part(), batches=batches)

    def run(self, shares: Sequence[Sequence[int]]) -> Iterator[_Found]:
        """What the combinations of some shares came to, in this process."""
        split = self.period.split_time
        for share in shares:
            first_part = self.period.first_part()
            batches = {symbol: Batch(history) for symbol, history in first_part.items()}
            whole = {symbol: Batch(history) for symbol, history in self.period.candles.items()}
            for place in share:
                config = self.tried[place]
                rest = None
                if split is not None:
                    rest = run_backtest(
                        config, self.period.candles, decide_from=split, batches=whole
                    ).metrics
                result = self.result(config, batches)
                yield _Found(place, result.metrics, rest, self._days(place, result))

    def _days(self, place: int, result: RunResult) -> _Days | None:
        """The daily returns of a combination that is compared with the others; else None."""
        if place % -(-len(self.tried) // _COMPARED):
            return None
        return _Days.of(result)

    def _shares(self, workers: int) -> list[list[int]]:
        """The places of `tried` in shares, those with the same indicators together.

        A share's indicators are computed once, and forgotten with it. Each is small enough that
        every worker has several, so that none waits long for the others, and progress is seen.
        """
        alike: dict[str, list[int]] = {}
        for place, config in enumerate(self.tried):
            alike.setdefault(repr(config.indicators), []).append(place)
        most = math.ceil(len(self.tried) / (workers * _SHARES_EACH))
        return [
            part.tolist()
            for group in alike.values()
            for part in np.array_split(group, math.ceil(len(group) / most))
        ]

    def _shared(self, shares: Sequence[Sequence[int]], workers: int) -> Iterator[_Found]:
        # A forked process has the candles already; where there is no fork they are sent once.
        forks = "fork" in multiprocessing.get_all_start_methods()
        context = multiprocessing.get_context("fork" if forks else None)
        pool = ProcessPoolExecutor(workers, context, initializer=_take_work, initargs=(self,))
        try:
            running = [pool.submit(_work_off, share) for share in shares]
            for done in as_completed(running):
                yield from done.result()
        except BrokenProcessPool as error:
            raise SweepError(
                "a process of the sweep was ended by something else (often for lack of memory): "
                "run it again with fewer --workers"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


_work: _Work | None = None
"""In a process of the pool: what there is to do."""


def _take_work(work: _Work) -> None:
    global _work  # noqa: PLW0603 - a pool hands its work to each process in no other way
    _work = work


def _work_off(share: Sequence[int]) -> list[_Found]:
    """In a process of the pool: what each combination of a share came to."""
    if _work is None:
        raise AssertionError("a pool's process got a share before its work")
    return list(_work.run([share]))


class _Days(NamedTuple):
    """The daily returns of a combination, and the UTC day of the last one."""

    returns: Floats
    last: int

    @classmethod
    def of(cls, result: RunResult) -> _Days:
        return cls(result.daily_returns, result.last_day)


class _Found(NamedTuple):
    """What the combination at `place` came to."""

    place: int
    metrics: Metrics
    rest: Metrics | None
    days: _Days | None


def _deflated(result: RunResult, expected_best: float) -> float | None:
    """How likely the best combination has merit, judged on the candles that ranked it."""
    if result.metrics.sharpe_ratio is None:
        return None
    return deflated_sharpe(result.daily_returns, expected_best)


def _table(days: Sequence[_Days]) -> Floats:
    """Daily returns below each other, day by day; 0 before a first day and after a last one.

    A run with more to warm up begins later, and one that `max_drawdown_pct` stopped ends earlier.
    """
    ran = [one for one in days if len(one.returns)]
    last = max((one.last for one in ran), default=0)
    first = min((one.last - len(one.returns) for one in ran), default=last)
    table = np.zeros((len(days), last - first))
    for row, one in zip(table, days, strict=True):
        if len(one.returns):
            row[one.last - len(one.returns) - first : one.last - first] = one.returns
    return table


def _rank(metrics: Metrics, sort: str) -> tuple[bool, float]:
    """A key by which the best comes first and the undefined last."""
    value = getattr(metrics, sort)
    if value is None and sort == "profit_factor" and metrics.endless_profit_factor:
        value = math.inf
    if value is None:
        return True, 0.0
    return False, value if sort in LOWER_IS_BETTER else -value


_FIGURES = tuple(
    name
    for name in Metrics.__dataclass_fields__
    if name not in ("metrics_undefined", "win_rate_ci")
)


def sweep_to_json(sweep: Sweep, top: int | None = None) -> dict[str, Any]:
    """A sweep as plain JSON values, its `top` rows or all.

    `rows` come best first: `set` (path → value), `metrics`, and under a split `rest`, the metrics
    of the part that the ranking did not see. `tried` counts all of them.
    """
    return {
        "tried": len(sweep.rows),
        "sort": sweep.sort,
        "axes": {axis.path: list(axis.values) for axis in sweep.axes},
        "split_time": optional_iso_time(sweep.split_time),
        "expected_best_sharpe": sweep.expected_best_sharpe,
        "deflated_sharpe": sweep.deflated_sharpe,
        "effective_tries": sweep.effective_tries,
        "rows": [
            {
                "set": _set(sweep, row.values),
                "metrics": metrics_to_json(row.metrics),
                **({} if row.rest is None else {"rest": metrics_to_json(row.rest)}),
            }
            for row in sweep.rows[:top]
        ],
    }


def sweep_to_csv(sweep: Sweep) -> str:
    """All rows, best first: a column for each path, for each metric, and for each of the rest's."""
    split = sweep.split_time is not None
    paths = [axis.path for axis in sweep.axes]
    header = [*paths, *_FIGURES, *(f"rest_{name}" for name in _FIGURES if split)]
    return csv_text(header, (_cells(row) for row in sweep.rows))


def _cells(row: SweepRow) -> list[object]:
    parts = [row.metrics] if row.rest is None else [row.metrics, row.rest]
    return [*row.values, *(getattr(part, name) for part in parts for name in _FIGURES)]


def _set(sweep: Sweep, values: tuple[float | int | str, ...]) -> Mapping[str, float | int | str]:
    return {axis.path: value for axis, value in zip(sweep.axes, values, strict=True)}
