"""What of a result is written into the strategy's document?

The `backtest:` and `paper:` blocks of a STRATEGY.md: figures under their rulebook names, which
`core.strategy.stored_metrics` reads back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from core.report.comparison import Comparison
from core.report.metrics import Metrics
from core.report.result_json import Json

_FIGURES = tuple(
    field.name
    for field in fields(Metrics)
    if field.name not in ("win_rate_ci", "short_period", "metrics_undefined")
)
_DIGITS = 4


def backtest_block(report: Mapping[str, Any]) -> Json:
    """The `backtest:` block of a result (its JSON). What is undefined is left out."""
    metrics = report["metrics"]
    return {
        "period": dict(report["period"]),
        "timeframe": report["timeframe"],
        "symbols": list(report["symbols"]),
        "fill_on": report["fill_on"],
        "fees": report["fees"],
        "starting_balance": report["starting_balance"],
        "ending_balance": round(report["ending_balance"], _DIGITS),
        **{
            name: round(metrics[name], _DIGITS)
            for name in _FIGURES
            if metrics.get(name) is not None
        },
        "rules_version": report["rules_version"],
    }


def paper_block(report: Mapping[str, Any], comparison: Comparison | None) -> Json:
    """The `paper:` block of a session's report, with what its comparison found, if there is one."""
    block: Json = {
        "session_id": report["session_id"],
        "mode": report["mode"],
        **backtest_block(report),
    }
    if comparison is not None:
        verdict = comparison.verdicts.get("Paper")
        if verdict is not None:
            block["verdict"] = str(verdict.judgement)
        observations = [comparison.assessment, comparison.recommendation]
        if comparison.divergence is not None:
            observations.insert(1, comparison.divergence.summary)
        block["observations"] = observations
    return block
