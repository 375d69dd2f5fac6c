"""Writes the metrics of a report for its reader: labels, units, digits, signs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.report.metric_words import METRIC_LABELS, undefined_text
from core.report.metrics import ANNUALISED, SHORT_PERIOD_DAYS
from core.text import basis_points, per_cent, signed_per_cent
from core.time_format import short_duration


@dataclass(frozen=True, slots=True)
class MetricFigure:
    """One metric for a reader: its words, its value as text, and what must be known of it."""

    name: str
    label: str
    text: str
    note: str = ""


_SIGNED_PER_CENT = ("total_return_pct", "benchmark_return_pct")
_MONEY = ("expectancy", "avg_win", "avg_loss", "best", "worst")


def metric_figures(metrics: Mapping[str, Any], decimals: int = 2) -> tuple[MetricFigure, ...]:
    """Every figure of a result's `metrics` (as in its JSON), in the order a reader wants them.

    `decimals`: of its money.
    """
    return tuple(
        MetricFigure(name, label, figure_text(name, metrics, decimals), _note(name, metrics))
        for name, label in METRIC_LABELS.items()
    )


def figure_text(name: str, metrics: Mapping[str, Any], decimals: int = 2) -> str:
    """One figure of `metrics` in its unit; `decimals`: of an amount of money.

    A return and the largest drawdown, which are read beside each other, have two decimals, here and
    wherever else they are written; other figures in per cent, such as the win rate, have one.
    """
    value = metrics.get(name)
    if value is None:
        return undefined_text(name, metrics)
    if name in _SIGNED_PER_CENT:
        return signed_per_cent(value)
    if name.endswith("_pct"):
        return per_cent(value, 2 if name == "max_drawdown_pct" else 1)
    if name.endswith("_bp"):
        return f"{basis_points(value)} bp"
    if name in _MONEY:
        return signed_money(value, decimals)
    if name == "avg_hold":
        return short_duration(value)
    return str(value) if isinstance(value, int) else f"{value:z,.2f}"


def is_money(name: str) -> bool:
    """Whether a metric is an amount of money."""
    return name in _MONEY


def _note(name: str, metrics: Mapping[str, Any]) -> str:
    if metrics.get(name) is None:
        return str(metrics.get("metrics_undefined", {}).get(name, ""))
    if name == "win_rate_pct" and metrics.get("win_rate_ci"):
        low, high = metrics["win_rate_ci"]
        return f"95% interval {low:.1f} to {per_cent(high, 1)}"
    if name == "break_even_cost_bp":
        return "what a fill may cost, fees and slippage together, before nothing is left"
    if name in ANNUALISED and metrics.get("short_period"):
        return f"annualised from under {SHORT_PERIOD_DAYS} days"
    return ""


def money_text(value: float, decimals: int = 2) -> str:
    """An amount of quote currency: `12,345.67`."""
    return f"{value:,.{decimals}f}"


def signed_money(value: float, decimals: int = 2) -> str:
    """A gain or a loss: `+12.50`, `-3.10`."""
    return f"{value:+z,.{decimals}f}"


def price_text(value: float) -> str:
    """A price with enough digits to tell two neighbours apart: `64,210.50`, `0.00001234`."""
    if abs(value) >= 1000:
        return f"{value:,.2f}"
    return np.format_float_positional(value, precision=6, fractional=False, trim="-")
