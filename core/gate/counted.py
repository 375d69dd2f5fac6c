"""Counts sweeps and gates among the tries of their strategy; a gate counts with earlier ones."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypedDict, Unpack

from core.backtest.axes import Axis
from core.backtest.kept import Keeping
from core.backtest.progress import OnProgress
from core.backtest.sweep import Sweep, run_sweep
from core.backtest.workers import Workers
from core.gate.gate import Gate, UnfinishedGate, run_gate
from core.market.candles.candles import Candles
from core.strategy.config.config import StrategyConfig
from core.trial.ledger import count, sweep_try, tries_of


class How(TypedDict, total=False):
    """How `run_sweep` and `run_gate` do their work; see there."""

    decide_from: int | None
    workers: Workers | int
    on_progress: OnProgress | None
    cancel: threading.Event | None
    keep: Keeping | None


class GateTerms(Protocol):
    """What of `run_gate` whoever asks for a gate may choose, on every surface; see there."""

    @property
    def folds(self) -> int:
        """Of the walk-forward."""
        ...

    @property
    def anchored(self) -> bool:
        """Whether each of its choices sees the candles from the first on."""
        ...

    @property
    def sort(self) -> str:
        """The metric that chooses."""
        ...

    @property
    def seed(self) -> int:
        """Of all that is drawn."""
        ...


def counted_gate(
    ledger: Path | None,
    config: StrategyConfig,
    axes: Sequence[Axis],
    candles: Mapping[str, Candles],
    terms: GateTerms,
    now: int,
    **how: Unpack[How],
) -> tuple[Gate | UnfinishedGate, str | None]:
    """Run the gate and count it among the tries of its strategy, the same one only once.

    What a cancelled one has tried counts as well: somebody has looked at it.

    Args:
        ledger: of the workspace; None without one: nothing was tried before, and nothing counts.
        config: the strategy.
        axes: what is varied.
        candles: by symbol.
        terms: of the gate.
        now: UTC ms.
        how: it is run.

    Returns:
        What it found, and a warning where it could not be counted.

    Raises:
        SweepError, BacktestError: as `run_gate`.
        OSError: the ledger cannot be read.
    """
    tries = 0.0
    if ledger is not None:
        varied = {axis.path: axis.values for axis in axes}
        this = sweep_try(config, varied, candles, 1.0, now)
        tries = tries_of(ledger, config.name, beside=this).effective
    found = run_gate(
        config,
        axes,
        candles,
        other_tries=tries,
        folds=terms.folds,
        anchored=terms.anchored,
        sort=terms.sort,
        seed=terms.seed,
        **how,
    )
    if found.sweep is None or ledger is None:
        return found, None
    return found, _count(ledger, config, candles, found.sweep, now)


def counted_sweep(
    ledger: Path | None,
    config: StrategyConfig,
    axes: Sequence[Axis],
    candles: Mapping[str, Candles],
    sort: str,
    split: float | None,
    now: int,
    **how: Unpack[How],
) -> tuple[Sweep, str | None]:
    """Run a sweep and count it, as `counted_gate` does; `sort` and `split` as of `run_sweep`.

    Raises:
        SweepError, BacktestError, WorkCancelledError: as `run_sweep`.
    """
    found = run_sweep(config, axes, candles, sort=sort, split=split, **how)
    return found, None if ledger is None else _count(ledger, config, candles, found, now)


def _count(
    ledger: Path,
    config: StrategyConfig,
    candles: Mapping[str, Candles],
    sweep: Sweep,
    now: int,
) -> str | None:
    """Count what a sweep has tried, cancelled or not; a warning where it could not be counted."""
    varied = {axis.path: axis.values for axis in sweep.axes}
    tried, effective = len(sweep.rows), sweep.effective_tries
    return count(ledger, sweep_try(config, varied, candles, effective, now, tried=tried))
