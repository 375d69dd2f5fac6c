"""Reads sweeps and gates back from the JSON that says what they found.

What is read says the same as what was written, to the last bit. What only the making of it needed
is gone: daily returns of settings, and of runs all but their figures and balances.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from core.backtest.axes import Axis
from core.backtest.sweep import BestRow, Sweep, SweepRow, check_sort
from core.gate.chance import Place
from core.gate.gate import Finding, Gate, UnfinishedGate, Verdict
from core.gate.robustness import Robustness
from core.gate.selection import Deflated, Overfitting, Superiority
from core.gate.walk_forward import Fold, WalkForward
from core.report.equity import MarkedEquity
from core.report.metrics import Metrics
from core.report.result import RunResult
from core.report.trade_columns import TradeColumns
from core.strategy.config.config import StrategyConfig
from core.time_format import parse_time
from core.trading.values import FillOn
from core.trial.expectation import Expectation
from core.typed import prepare

_QUESTIONS = 3  # that are judged

Value = float | int | str
_Set = dict[str, Value]


class _Row(msgspec.Struct, frozen=True):
    """A row of a sweep."""

    set: _Set
    metrics: Metrics
    rest: Metrics | None = None


class _Sweep(msgspec.Struct, frozen=True):
    """What of `sweep_to_json` a sweep is made of again."""

    total: int
    sort: str
    axes: dict[str, tuple[Value, ...]]
    effective_tries: float
    rows: tuple[_Row, ...]
    split_time: str | None = None
    expected_best_sharpe: float | None = None
    deflated_sharpe: float | None = None


class _Fold(msgspec.Struct, frozen=True):
    seen_from: str
    traded_from: str
    until: str
    set: _Set
    seen_return_a_day_pct: float
    metrics: Metrics
    left_open: int | None = None


class _WalkForward(msgspec.Struct, frozen=True):
    folds: tuple[_Fold, ...]
    metrics: Metrics
    efficiency: float | None = None


class _Ended(msgspec.Struct, frozen=True):
    """A gate that may have been cancelled."""

    verdict: Verdict | None = None
    reasons: tuple[str, ...] = ()
    sweep: _Sweep | None = None


class _Gate(msgspec.Struct, frozen=True):
    """What of `gate_to_json` a gate is made of again."""

    verdict: Verdict
    reasons: tuple[str, ...]
    findings: tuple[Finding, ...]
    independent_tries: float
    walk_forward: _WalkForward
    robustness: Robustness
    sweep: _Sweep
    selection: Superiority | None = None
    expected_best_sharpe: float | None = None
    deflated_sharpe: float | None = None
    overfitting: Overfitting | None = None
    edgeless_markets: Place | None = None
    random_entries: Place | None = None
    expectation: Expectation | None = None


def sweep_from_json(written: bytes, best: RunResult) -> Sweep:
    """The sweep that `sweep_to_json` wrote with all of its rows.

    Args:
        written: its JSON.
        best: the run of the setting that ranks first.

    Raises:
        ValueError: it is none.
    """
    return _sweep(msgspec.json.decode(written, type=_Sweep), best)


def gate_from_json(written: bytes, best: RunResult, joined_end: float) -> Gate | UnfinishedGate:
    """The gate that `gate_to_json` wrote with all rows of its sweep.

    Args:
        written: its JSON.
        best: the run of the setting that was judged.
        joined_end: what the parts of the walk-forward, joined, ended with.

    Raises:
        ValueError: it is none.
    """
    ended = msgspec.json.decode(written, type=_Ended)
    if ended.verdict is None:
        if len(ended.reasons) != 1:
            raise ValueError("a gate without a verdict has one reason")
        tried = None if ended.sweep is None else _sweep(ended.sweep, best)
        return UnfinishedGate(ended.reasons[0], tried)
    gate = msgspec.json.decode(written, type=_Gate)
    if len(gate.findings) != _QUESTIONS:
        raise ValueError(f"{len(gate.findings)} findings, expected {_QUESTIONS}")
    sweep, deflated = _sweep(gate.sweep, best), None
    if gate.deflated_sharpe is not None and gate.expected_best_sharpe is not None:
        of_settings = gate.expected_best_sharpe == sweep.expected_best_sharpe
        deflated = Deflated(gate.deflated_sharpe, gate.expected_best_sharpe, of_settings)
    walked = gate.walk_forward
    return Gate(
        verdict=gate.verdict,
        reasons=gate.reasons,
        findings=gate.findings,
        sweep=sweep,
        independent_tries=gate.independent_tries,
        superiority=gate.selection,
        deflated=deflated,
        overfitting=gate.overfitting,
        walk_forward=WalkForward(
            tuple(_fold(one, sweep, best.config) for one in walked.folds),
            run_outline(best.config, walked.metrics, joined_end),
            walked.efficiency,
        ),
        edgeless=gate.edgeless_markets,
        random_entries=gate.random_entries,
        robustness=gate.robustness,
        expectation=gate.expectation,
    )


def run_outline(config: StrategyConfig, metrics: Metrics, end: float) -> RunResult:
    """A run of which nothing is known but its config, its figures and what it ended with."""
    none = np.empty(0)
    return RunResult(
        config,
        FillOn.NEXT_OPEN,
        none.astype(np.int64),
        MarkedEquity(none),
        np.array([end]),
        metrics,
        TradeColumns.of(()),
        (),
    )


def _sweep(written: _Sweep, best: RunResult) -> Sweep:
    check_sort(written.sort)
    axes = tuple(Axis(path, values) for path, values in written.axes.items())
    rows = tuple(SweepRow(_values(row.set, axes), row.metrics, row.rest) for row in written.rows)
    if not rows or len(rows) > written.total or not all(axis.values for axis in axes):
        raise ValueError("a sweep without settings, or with more than there are")
    split = written.split_time
    return Sweep(
        axes=axes,
        sort=written.sort,
        rows=rows,
        split_time=None if split is None else parse_time(split),
        expected_best_sharpe=written.expected_best_sharpe,
        deflated_sharpe=written.deflated_sharpe,
        effective_tries=written.effective_tries,
        best=BestRow(best.config, rows[0].values, best),
        returns=np.empty((0, 0)),
        total=written.total,
    )


def _fold(written: _Fold, sweep: Sweep, config: StrategyConfig) -> Fold:
    seen, traded, until = map(parse_time, (written.seen_from, written.traded_from, written.until))
    values = _values(written.set, sweep.axes)
    made = run_outline(config, written.metrics, config.starting_balance)
    per_day, left_open = written.seen_return_a_day_pct, written.left_open
    return Fold(seen, traded, until, values, per_day, made, left_open)


def _values(written: _Set, axes: Sequence[Axis]) -> tuple[Value, ...]:
    if written.keys() != {axis.path for axis in axes}:
        raise ValueError("a setting of other paths than are varied")
    return tuple(written[axis.path] for axis in axes)


prepare(_Sweep, _Ended, _Gate)
