"""Counts sweeps and gates among the tries of their strategy; a gate counts with earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from core.backtest.axes import Axis
from core.backtest.sweep import Sweep
from core.gate.gate import Gate, UnfinishedGate
from core.market.candles.candles import Candles
from core.strategy.config.config import StrategyConfig
from core.trial.ledger import count, sweep_try, tries_of


def counted_gate(
    ledger: Path,
    config: StrategyConfig,
    axes: Sequence[Axis],
    candles: Mapping[str, Candles],
    run: Callable[[float], Gate | UnfinishedGate],
    now: int,
) -> tuple[Gate | UnfinishedGate, str | None]:
    """Run the gate and count it among the tries of its strategy, the same one only once.

    What a cancelled one has tried counts as well: somebody has looked at it.

    Args:
        ledger: of the workspace.
        config: the strategy.
        axes: what is varied.
        candles: by symbol.
        run: `run_gate` on these, given the independent tries made before.
        now: UTC ms.

    Returns:
        What it found, and a warning where it could not be counted.

    Raises:
        OSError: the ledger cannot be read.
    """
    varied = {axis.path: axis.values for axis in axes}
    this = sweep_try(config, varied, candles, 1.0, now)
    found = run(tries_of(ledger, config.name, beside=this).effective)
    if found.sweep is None:
        return found, None
    return found, count_sweep(ledger, config, candles, found.sweep, now)


def count_sweep(
    ledger: Path,
    config: StrategyConfig,
    candles: Mapping[str, Candles],
    sweep: Sweep,
    now: int,
) -> str | None:
    """Count a sweep among the tries of its strategy; a warning where it could not be counted.

    Of one that was cancelled, what it has tried counts.

    Args:
        ledger: of the workspace.
        config: the strategy that was varied.
        candles: by symbol.
        sweep: what was found.
        now: UTC ms.
    """
    varied = {axis.path: axis.values for axis in sweep.axes}
    tried, effective = len(sweep.rows), sweep.effective_tries
    return count(ledger, sweep_try(config, varied, candles, effective, now, tried=tried))
