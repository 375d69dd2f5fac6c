"""Tries many settings of a strategy, ranks them, and says how much of the best one is luck."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from core.backtest.axes import Axis, SweepError, configs
from core.backtest.bar_index import END
from core.backtest.kept import Keeping, keeping
from core.backtest.long_work import WHOLE, LongWork, Part
from core.backtest.progress import Meter, OnProgress, WorkCancelledError
from core.backtest.run import run_backtest
from core.backtest.workers import Crew, Histories, Workers, workers_of
from core.market.candles.candles import Candles, Floats
from core.report.deflated import deflated_sharpe, expected_best_sharpe
from core.report.metric_words import METRIC_LABELS
from core.report.metrics import Metrics
from core.report.result import RunResult, metrics_to_json
from core.report.spreadsheet import csv_text
from core.strategy.config.config import StrategyConfig
from core.strategy.indicators.batch import Batch
from core.strategy.signals.sources import signal_source
from core.text import nearest, per_cent
from core.time_format import optional_iso_time
from core.trial.promise import effective_tries
from core.typed import prepare

LOWER_IS_BETTER = frozenset({"max_drawdown_pct", "max_consecutive_losses"})

_SHARES_EACH = 8
_LARGEST_SHARE = 20_000_000  # candles, of all combinations: some seconds, after which it is told
_COMPARED = (
    1_000  # combinations whose returns are compared: where there are more, evenly chosen ones
)


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

    `total`: how many there are; a sweep that was cancelled has fewer `rows`, and everything else is
    said of those alone. `kept`: how many of them the same sweep takes up when it is run again.
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
    total: int
    kept: int = 0

    @property
    def complete(self) -> bool:
        """Whether every combination was run."""
        return len(self.rows) == self.total

    @property
    def scattered(self) -> int:
        """How many have a Sharpe ratio: of so many `expected_best_sharpe` is the best."""
        return sum(row.metrics.sharpe_ratio is not None for row in self.rows)

    @property
    def idle(self) -> int:
        """How many never traded: they come last, whatever ranks."""
        return sum(row.metrics.idle for row in self.rows)


def split_at(candles: Mapping[str, Candles], share: float) -> int:
    """Open time of the candle that begins the last part, `share` per cent of the time gone by.

    Raises:
        SweepError: if either part would be empty.
    """
    if not 0 < share < 100:
        raise SweepError(f"split {share:g}: expected per cent above 0 and below 100")
    first = min(int(history.time[0]) for history in candles.values())
    last = max(int(history.time[-1]) for history in candles.values())
    wanted = first + int((last - first) * share / 100)
    times = [history.time[np.searchsorted(history.time, wanted) :] for history in candles.values()]
    split = min((int(after[0]) for after in times if len(after)), default=last + 1)
    for symbol, history in candles.items():
        if not history.time[0] < split <= history.time[-1]:
            raise SweepError(
                f"a split at {per_cent(share)} leaves a part without candles of {symbol}"
            )
    return split


def run_sweep(
    config: StrategyConfig,
    axes: Sequence[Axis],
    candles: Mapping[str, Candles],
    *,
    sort: str = "sharpe_ratio",
    split: float | None = None,
    decide_from: int | None = None,
    workers: Workers | int = 1,
    on_progress: OnProgress | None = None,
    cancel: threading.Event | None = None,
    keep: Keeping | None = None,
) -> Sweep:
    """Backtest every combination of the axes' values.

    Each result is that of `run_backtest` on the same config and candles, whoever computes it.

    Args:
        config: the strategy that is varied.
        axes: what is varied.
        candles: the history of each symbol.
        sort: the metric that ranks (docs/rules.md §4); where it is undefined comes last.
        split: per cent of the time that the ranking sees; the rest is shown beside it.
        decide_from: as of `run_backtest`: candles before it only warm the signals up.
        workers: who does it, or how many processes of this machine.
        on_progress: told whenever some combinations are finished.
        cancel: once set, the sweep ends with the combinations that are finished.
        keep: where what is finished is kept until all is, and taken up from; None: nowhere.

    Raises:
        SweepError: if an axis, the split or the metric is not as it must be.
        WorkCancelledError: it was cancelled before the first combination was finished.
    """
    tried = configs(config, axes)
    check_sort(sort)
    split_time = None if split is None else split_at(traded(candles, decide_from), split)
    period = Period(split_time=split_time, decide_from=decide_from)
    asked = ["sweep", *asked_for(config, axes), split_time, decide_from]
    with (
        keeping(keep, candles, asked) as kept,
        workers_of(workers).on(candles) as crew,
    ):
        meter = Meter(on_progress, len(tried))
        work = LongWork(crew, meter, cancel or threading.Event(), kept)
        sweep = sweep_by(work, axes, tried, candles, period, sort=sort)
        if not sweep.complete:
            return replace(sweep, kept=kept.count)
        kept.close(finished=True)
        return sweep


def asked_for(config: StrategyConfig, axes: Sequence[Axis]) -> list[object]:
    """What is varied of which strategy, as JSON values."""
    return [signal_source(config).digest, [[axis.path, list(axis.values)] for axis in axes]]


def check_sort(sort: str) -> None:
    """Refuse what is no metric to rank by.

    Raises:
        SweepError: says which are.
    """
    if sort not in METRIC_LABELS:
        near = nearest(sort, METRIC_LABELS)
        hint = f"did you mean {near}?" if near else f"one of {', '.join(METRIC_LABELS)}"
        raise SweepError(f"no metric {sort[:40]!r} to sort by: {hint}")


def traded(candles: Histories, decide_from: int | None) -> Histories:
    """The candles without those that only warm the signals up.

    Raises:
        SweepError: a symbol has none left.
    """
    if decide_from is None:
        return candles
    left = {symbol: history.between(decide_from, END) for symbol, history in candles.items()}
    for symbol, history in left.items():
        if not len(history):
            raise SweepError(f"no candles for {symbol} in the period: all lie before its start")
    return left


@dataclass(frozen=True, slots=True)
class Period:
    """The candles of a sweep: those that open in `span` (UTC ms, the end exclusive), or all.

    Those from `split_time` on are kept from the ranking; those before `decide_from` only warm the
    signals up.
    """

    span: tuple[int, int] | None = None
    split_time: int | None = None
    decide_from: int | None = None

    def all_of(self, candles: Histories) -> Histories:
        """All that the sweep runs on."""
        if self.span is None:
            return candles
        return {symbol: history.between(*self.span) for symbol, history in candles.items()}

    def ranking(self, candles: Histories) -> Histories:
        """What the ranking may see."""
        mine = self.all_of(candles)
        if self.split_time is None:
            return mine
        return {
            symbol: history.slice(0, int(np.searchsorted(history.time, self.split_time)))
            for symbol, history in mine.items()
        }


def sweep_by(
    work: LongWork,
    axes: Sequence[Axis],
    tried: Sequence[StrategyConfig],
    candles: Histories,
    period: Period,
    *,
    sort: str,
    part: Part = WHOLE,
) -> Sweep:
    """The sweep that is part of some work.

    Args:
        work: under way on `candles`.
        axes: what is varied.
        tried: their combinations, as `configs` makes them.
        candles: by symbol.
        period: which of them.
        sort: the metric that ranks.
        part: of the work.

    Raises:
        WorkCancelledError: it was cancelled before the first combination was finished.
    """
    length = sum(map(len, period.all_of(candles).values()))
    found = dict(work.taken_up(part, _Found))
    shares = _shares(tried, found, period, work.crew, length)
    found |= {one.place: one for one in work.each(_run_share, shares, part)}
    if not found:
        raise WorkCancelledError("cancelled before the first setting was finished")
    combinations = list(itertools.product(*(axis.values for axis in axes)))
    order = sorted(sorted(found), key=lambda place: rank(found[place].metrics, sort))
    ratios = [found[place].metrics.sharpe_ratio for place in sorted(found)]
    expected = expected_best_sharpe([ratio for ratio in ratios if ratio is not None])
    first = order[0]
    result = run_backtest(tried[first], period.ranking(candles), decide_from=period.decide_from)
    days = {place: one.days for place, one in found.items() if one.days is not None}
    days[first] = _Days.of(result)
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
        deflated_sharpe=None if expected is None else _deflated(result, expected),
        effective_tries=effective_tries(table) if table.size else 1.0,
        best=BestRow(tried[first], combinations[first], result),
        returns=table,
        total=len(tried),
    )


class _Setting(NamedTuple):
    """A combination: its place among all, and whether its days are compared with the others'."""

    place: int
    config: StrategyConfig
    compared: bool


@dataclass(frozen=True, slots=True)
class _Share:
    """Combinations, those with the same indicators after each other."""

    period: Period
    settings: tuple[_Setting, ...]


def _shares(
    tried: Sequence[StrategyConfig],
    done: Container[int],
    period: Period,
    crew: Crew,
    length: int,
) -> list[_Share]:
    """The combinations that are not done yet, in shares.

    Each is small enough that every worker has several, so that none waits long for the others, and
    progress is seen; but none is so small that giving it away costs more than it.

    Args:
        tried: all combinations.
        done: the places of those that are.
        period: the candles they run on.
        crew: among whom they are shared.
        length: candles of the period.
    """
    step = -(-len(tried) // _COMPARED)
    alike: dict[str, list[_Setting]] = {}
    for place, config in enumerate(tried):
        if place in done:
            continue
        setting = _Setting(place, config, compared=place % step == 0)
        alike.setdefault(repr(config.indicators), []).append(setting)
    least = math.ceil(crew.least / max(length, 1))
    most = max(least, math.ceil(len(tried) / (crew.count * _SHARES_EACH)))
    most = max(1, min(most, _LARGEST_SHARE // max(length, 1)))
    shares: list[list[_Setting]] = []
    for group in alike.values():
        for start in range(0, len(group), most):
            piece = group[start : start + most]
            if shares and len(shares[-1]) + len(piece) <= least:
                shares[-1].extend(piece)
            else:
                shares.append(piece)
    return [_Share(period, tuple(share)) for share in shares]


def _run_share(candles: Histories, share: _Share) -> Iterator[_Found]:
    """What the combinations of a share came to.

    Indicators are computed once for those that have the same, and then forgotten.
    """
    period = share.period
    split = period.split_time
    ranking, everything = period.ranking(candles), period.all_of(candles)
    batches: Mapping[str, Batch] = {}
    whole: Mapping[str, Batch] = {}
    before = None
    for place, config, compared in share.settings:
        if config.indicators != before:
            before = config.indicators
            batches = {one: Batch(ranking[one], batches.get(one)) for one in ranking}
            whole = {one: Batch(everything[one], whole.get(one)) for one in everything}
        rest = None
        if split is not None:
            rest = run_backtest(
                config, everything, decide_from=split, batches=whole, brief=True
            ).metrics
        result = run_backtest(
            config, ranking, decide_from=period.decide_from, batches=batches, brief=True
        )
        yield _Found(place, result.metrics, rest, _Days.of(result) if compared else None)


class _Days(NamedTuple):
    """The daily returns of a combination, and the UTC day of the last one."""

    returns: bytes  # of float64: small to send and to keep
    last: int

    @classmethod
    def of(cls, result: RunResult) -> _Days:
        return cls(result.daily_returns.tobytes(), result.last_day)

    def array(self) -> Floats:
        returns: Floats = np.frombuffer(self.returns)
        return returns


class _Found(NamedTuple):
    """What the combination at `place` came to."""

    place: int
    metrics: Metrics
    rest: Metrics | None
    days: _Days | None


prepare(_Found)


def _deflated(result: RunResult, expected_best: float) -> float | None:
    """How likely the best combination has merit, judged on the candles that ranked it."""
    if result.metrics.sharpe_ratio is None:
        return None
    return deflated_sharpe(result.daily_returns, expected_best)


def _table(days: Sequence[_Days]) -> Floats:
    """Daily returns below each other, day by day; 0 before a first day and after a last one.

    A run with more to warm up begins later, and one that `max_drawdown_pct` stopped ends earlier.
    """
    all_returns = [one.array() for one in days]
    ran = [(one.last, len(its)) for one, its in zip(days, all_returns, strict=True) if len(its)]
    last = max((last for last, _ in ran), default=0)
    first = min((last - count for last, count in ran), default=last)
    table = np.zeros((len(days), last - first))
    for row, one, its in zip(table, days, all_returns, strict=True):
        if len(its):
            row[one.last - len(its) - first : one.last - first] = its
    return table


def figure(metrics: Metrics, name: str) -> float | None:
    """A metric to order by: infinity for the profit factor of wins without a loss.

    None where it is not known, and where nothing was ever held, whose return of 0 and drawdown of 0
    tell nothing of a strategy.
    """
    if metrics.idle and name != "total_trades":
        return None
    value: float | None = getattr(metrics, name)
    endless = name == "profit_factor" and metrics.endless_profit_factor
    return math.inf if endless else value


def rank(metrics: Metrics, sort: str) -> tuple[bool, float]:
    """A key by which the best by a metric comes first, and last what has none or never traded."""
    value = figure(metrics, sort)
    if value is None or metrics.idle:
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
    of the part that the ranking did not see. `tried` counts all that were run, of `total`.
    """
    return {
        "tried": len(sweep.rows),
        "total": sweep.total,
        "complete": sweep.complete,
        "sort": sweep.sort,
        "axes": {axis.path: list(axis.values) for axis in sweep.axes},
        "split_time": optional_iso_time(sweep.split_time),
        "expected_best_sharpe": sweep.expected_best_sharpe,
        "expected_best_of": sweep.scattered,
        "deflated_sharpe": sweep.deflated_sharpe,
        "effective_tries": sweep.effective_tries,
        "never_traded": sweep.idle,
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
