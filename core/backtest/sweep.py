"""Which of many settings would have done best, and how much of that is luck?"""

from __future__ import annotations

import itertools
import math
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple

import numpy as np

from core.backtest.axes import Axis, SweepError, configs
from core.backtest.run import BacktestError, run_backtest
from core.market.candles.candles import Candles
from core.report.deflated import deflated_sharpe, expected_best_sharpe
from core.report.metrics import Metrics, daily_returns
from core.report.result import RunResult, metrics_to_json
from core.report.spreadsheet import csv_text
from core.strategy.config.config import StrategyConfig
from core.strategy.indicators.batch import Batch
from core.time_format import optional_iso_time

LOWER_IS_BETTER = frozenset({"max_drawdown_pct", "max_consecutive_losses"})

Progress = Callable[[int, int], None]
"""Told how many combinations are done, of how many."""


@dataclass(frozen=True, slots=True)
class SweepRow:
    """One combination: the axes' values, its metrics, and those of the rest of a split period."""

    values: tuple[float | int | str, ...]
    metrics: Metrics
    rest: Metrics | None = None


@dataclass(frozen=True, slots=True)
class Sweep:
    """All combinations, best first by `sort`, and what luck alone would have found.

    `split_time`: open time (UTC ms) of the first candle the ranking did not see; None: it saw all.
    `expected_best_sharpe`: what the best of as many tries without merit would have; with
    `deflated_sharpe`, the probability that the best one's merit is more than that.
    """

    axes: tuple[Axis, ...]
    sort: str
    rows: tuple[SweepRow, ...]
    split_time: int | None
    expected_best_sharpe: float | None
    deflated_sharpe: float | None


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
    return Sweep(
        axes=tuple(axes),
        sort=sort,
        rows=tuple(
            SweepRow(combinations[place], found[place].metrics, found[place].rest)
            for place in order
        ),
        split_time=period.split_time,
        expected_best_sharpe=expected,
        deflated_sharpe=None if expected is None else _deflated(tried[order[0]], work, expected),
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """What there is to do, and how it is shared out."""

    tried: tuple[StrategyConfig, ...]
    period: Period

    def done(self, workers: int) -> Iterator[_Found]:
        """What every combination came to, in the order they are done."""
        groups = self._groups(workers)
        if workers <= 1 or len(groups) <= 1:
            yield from self._run(groups)
        else:
            yield from self._shared([groups[worker::workers] for worker in range(workers)])

    def result(self, config: StrategyConfig, batches: Mapping[str, Batch]) -> RunResult:
        """The backtest that ranks `config`."""
        return run_backtest(config, self.period.first_part(), batches=batches)

    def _run(self, groups: Sequence[Sequence[int]]) -> Iterator[_Found]:
        split = self.period.split_time
        for group in groups:
            first_part = self.period.first_part()
            batches = {symbol: Batch(history) for symbol, history in first_part.items()}
            whole = {symbol: Batch(history) for symbol, history in self.period.candles.items()}
            for place in group:
                config = self.tried[place]
                rest = None
                if split is not None:
                    rest = run_backtest(
                        config, self.period.candles, decide_from=split, batches=whole
                    ).metrics
                yield _Found(place, self.result(config, batches).metrics, rest)

    def _groups(self, workers: int) -> list[list[int]]:
        """The places of `tried`, those with the same indicators together.

        A group's indicators are computed once, and forgotten with it. Where there are fewer groups
        than workers, they are cut.
        """
        alike: dict[str, list[int]] = {}
        for place, config in enumerate(self.tried):
            alike.setdefault(repr(config.indicators), []).append(place)
        pieces = math.ceil(workers / len(alike))
        return [
            part.tolist()
            for group in alike.values()
            for part in np.array_split(group, min(pieces, len(group)))
        ]

    def _shared(self, shares: Sequence[list[list[int]]]) -> Iterator[_Found]:
        # A forked process has the candles already; where there is no fork they are sent.
        forks = "fork" in multiprocessing.get_all_start_methods()
        context = multiprocessing.get_context("fork" if forks else None)
        processes = []
        ends: list[Connection] = []
        for share in shares:
            end, other = context.Pipe(duplex=False)
            process = context.Process(target=self._work_off, args=(share, other), daemon=True)
            process.start()
            other.close()
            ends.append(end)
            processes.append(process)
        try:
            while ends:
                for end in [end for end in ends if end in wait(ends)]:
                    try:
                        came = end.recv()
                    except EOFError:
                        ends.remove(end)
                        continue
                    if isinstance(came, BacktestError):
                        raise came
                    yield came
        except BaseException:
            for process in processes:
                process.terminate()
            raise
        finally:
            for process in processes:
                process.join()
        if any(process.exitcode for process in processes):
            codes = ", ".join(str(process.exitcode) for process in processes)
            raise SweepError(f"a process of the sweep ended early (exit codes {codes})")

    def _work_off(self, share: Sequence[Sequence[int]], out: Connection) -> None:
        """In a process of its own: send what each combination came to."""
        try:
            for found in self._run(share):
                out.send(found)
        except BacktestError as error:
            out.send(error)
        finally:
            out.close()


class _Found(NamedTuple):
    """What the combination at `place` came to."""

    place: int
    metrics: Metrics
    rest: Metrics | None


def _deflated(config: StrategyConfig, work: _Work, expected_best: float) -> float | None:
    """How likely the best combination has merit, judged on the candles that ranked it."""
    result = work.result(config, {})
    if result.metrics.sharpe_ratio is None:
        return None
    returns = daily_returns(result.times, result.equity, result.starting_balance, config.timeframe)
    return deflated_sharpe(returns, expected_best)


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
