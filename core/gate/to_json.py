"""Writes what the gate found as plain JSON values (docs/gate.md)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from core.backtest.sweep import sweep_to_json
from core.gate.gate import Gate, UnfinishedGate
from core.gate.selection import Deflated
from core.report.result import curve_to_json, metrics_to_json
from core.time_format import iso_time

_TOP = 10


def gate_to_json(
    gate: Gate | UnfinishedGate, top: int | None = _TOP, *, whole: bool = True
) -> dict[str, Any]:
    """What the gate found. What is unknown is null; the walk-forward has its equity curve.

    `top`: how many rows of its sweep; None: all. `whole`: all of its curve; else what
    `curve_to_json` keeps.

    One that was cancelled has no verdict (null), the reason, and the settings it tried.
    """
    if isinstance(gate, UnfinishedGate):
        sweep = None if gate.sweep is None else sweep_to_json(gate.sweep, top)
        return {"verdict": None, "reasons": [gate.reason], "findings": [], "sweep": sweep}
    best, walked = gate.sweep.best, gate.walk_forward
    axes = [axis.path for axis in gate.sweep.axes]
    return {
        "verdict": gate.verdict.value,
        "reasons": list(gate.reasons),
        "findings": [asdict(one) for one in gate.findings],
        "best": {
            "set": dict(zip(axes, best.values, strict=True)),
            "metrics": metrics_to_json(best.result.metrics),
        },
        "independent_tries": gate.independent_tries,
        "selection": None if gate.superiority is None else asdict(gate.superiority),
        "expected_best_sharpe": None if gate.deflated is None else gate.deflated.expected_best,
        "expected_best_of": None if gate.deflated is None else _tries_of(gate, gate.deflated),
        "deflated_sharpe": None if gate.deflated is None else gate.deflated.probability,
        "overfitting": None if gate.overfitting is None else asdict(gate.overfitting),
        "walk_forward": {
            "folds": [
                {
                    "seen_from": iso_time(fold.seen_from),
                    "traded_from": iso_time(fold.traded_from),
                    "until": iso_time(fold.until),
                    "set": dict(zip(axes, fold.values, strict=True)),
                    "seen_return_a_day_pct": fold.seen_return,
                    "metrics": metrics_to_json(fold.result.metrics),
                    "left_open": fold.left_open,
                }
                for fold in walked.folds
            ],
            "efficiency": walked.efficiency,
            "metrics": metrics_to_json(walked.joined.metrics),
            "equity": curve_to_json(walked.joined.times, walked.joined.equity, whole=whole),
        },
        "edgeless_markets": None if gate.edgeless is None else asdict(gate.edgeless),
        "random_entries": None if gate.random_entries is None else asdict(gate.random_entries),
        "robustness": asdict(gate.robustness),
        "expectation": None if gate.expectation is None else asdict(gate.expectation),
        "sweep": sweep_to_json(gate.sweep, top),
    }


def _tries_of(gate: Gate, deflated: Deflated) -> float:
    """How many tries `expected_best_sharpe` is the best of."""
    return gate.sweep.scattered if deflated.of_settings else gate.independent_tries
