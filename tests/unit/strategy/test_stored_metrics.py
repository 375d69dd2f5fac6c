"""The figures of a document's results, however they were spelt."""

from __future__ import annotations

from typing import Any

import pytest

from core.strategy.document.stored_metrics import stored_metrics


@pytest.mark.parametrize(
    ("block", "values"),
    [
        ({"win_rate": 0.62, "max_drawdown": "-8.0%"}, {"win_rate_pct": 62, "max_drawdown_pct": 8}),
        ({"win_rate": "62%", "pf": 1.8}, {"win_rate_pct": 62, "profit_factor": 1.8}),
        ({"win_rate": 62, "max_dd": 0.8}, {"win_rate_pct": 62, "max_drawdown_pct": 0.8}),
        ({"WR": 0.5, "Total Return": 1.53}, {"win_rate_pct": 50, "total_return_pct": 153}),
        ({"max_drawdown": -0.08}, {"max_drawdown_pct": 8}),
        ({"max_drawdown": -8}, {"max_drawdown_pct": 8}),
        ({"win_rate_pct": 0.5}, {"win_rate_pct": 0.5}),
        ({"sharpe": "1.6", "trades": 45}, {"sharpe_ratio": 1.6, "total_trades": 45}),
        ({"metrics": {"win_rate_pct": 62.5, "sharpe_ratio": None}}, {"win_rate_pct": 62.5}),
        ({"win_rate": 0.1, "win_rate_pct": 10}, {"win_rate_pct": 10}),
        ({"date": "2026-01-01", "notes": {"win_rate": 1}, 5: 6}, {}),
        (None, {}),
        ("62%", {}),
    ],
    ids=str,
)
def test_every_spelling_comes_out_canonical(block: Any, values: dict[str, float]) -> None:
    found = stored_metrics(block)
    assert found.values == pytest.approx(values)
    assert found.notes == ()


@pytest.mark.parametrize(
    ("block", "note"),
    [
        ({"win_rate": "high"}, "win_rate: found 'high', expected a number"),
        ({"sharpe": True}, "sharpe: found true, expected a number"),
        ({"pf": float("inf")}, "pf: found inf, expected a number"),
        (
            {"trades": 10**400},
            "trades: found a whole number of about 400 digits, expected a number",
        ),
        ({"trades": [1]}, "trades: found a list, expected a number"),
    ],
    ids=str,
)
def test_what_is_no_figure_is_said(block: Any, note: str) -> None:
    found = stored_metrics(block)
    assert found.values == {}
    assert found.notes == (note,)
