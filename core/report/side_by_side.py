"""Two results side by side: every figure of both, and how far the second is from the first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.report.metric_labels import MetricFigure, figure_text, metric_figures
from core.time_format import short_duration

_LESS_IS_BETTER = ("max_drawdown_pct", "max_consecutive_losses")
_NEITHER = ("benchmark_return_pct", "total_trades", "avg_hold", "exposure_pct")


@dataclass(frozen=True, slots=True)
class SideBySide:
    """A figure of two results.

    Attributes:
        name: of docs/rules.md §4.
        label, one, other: as a reader has them.
        change: the second minus the first, in the figure's unit; None where one is not known.
        change_text: the same with its sign and direction.
        better: whether the second is the better one; None where neither is, or it is no question.
    """

    name: str
    label: str
    one: str
    other: str
    change: float | None
    change_text: str
    better: bool | None


def side_by_side(
    one: Mapping[str, Any], other: Mapping[str, Any], decimals: int = 2
) -> tuple[SideBySide, ...]:
    """The figures of two results' `metrics` (as in their JSON), in a reader's order.

    `decimals`: of their money.
    """
    figures = (metric_figures(metrics, decimals) for metrics in (one, other))
    return tuple(
        _pair(ours, theirs.text, one, other, decimals)
        for ours, theirs in zip(*figures, strict=True)
    )


def _pair(
    figure: MetricFigure,
    theirs: str,
    one: Mapping[str, Any],
    other: Mapping[str, Any],
    decimals: int,
) -> SideBySide:
    name, label, ours = figure.name, figure.label, figure.text
    first, second = one.get(name), other.get(name)
    if first is None or second is None:
        return SideBySide(name, label, ours, theirs, None, "", None)
    change = second - first
    if ours == theirs:
        return SideBySide(name, label, ours, theirs, change, "=", None)
    unsigned = (
        short_duration(abs(change))
        if name == "avg_hold"
        else figure_text(name, {name: abs(change)}, decimals).lstrip("+")
    )
    # Two percentages differ by percentage points.
    unsigned = unsigned.replace(" %", " pp")
    better = None if name in _NEITHER else (change < 0) == (name in _LESS_IS_BETTER)
    sign = "▲ +" if change > 0 else "▼ -"
    return SideBySide(name, label, ours, theirs, change, f"{sign}{unsigned}", better)
