"""Two results side by side: every figure of both, and how far the second is from the first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.report.metric_labels import figure_text, metric_figures
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


def side_by_side(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[SideBySide, ...]:
    """The figures of two results' `metrics` (as in their JSON), in a reader's order."""
    return tuple(
        _pair(ours.name, ours.label, ours.text, theirs.text, one, other)
        for ours, theirs in zip(metric_figures(one), metric_figures(other), strict=True)
    )


def _pair(
    name: str,
    label: str,
    ours: str,
    theirs: str,
    one: Mapping[str, Any],
    other: Mapping[str, Any],
) -> SideBySide:
    first, second = one.get(name), other.get(name)
    if first is None or second is None:
        return SideBySide(name, label, ours, theirs, None, "", None)
    change = second - first
    if ours == theirs:
        return SideBySide(name, label, ours, theirs, change, "=", None)
    unsigned = (
        short_duration(abs(change))
        if name == "avg_hold"
        else figure_text(name, {name: abs(change)}).lstrip("+")
    )
    # Two percentages differ by percentage points.
    unsigned = unsigned.replace(" %", " pp")
    better = None if name in _NEITHER else (change < 0) == (name in _LESS_IS_BETTER)
    sign = "▲ +" if change > 0 else "▼ -"
    return SideBySide(name, label, ours, theirs, change, f"{sign}{unsigned}", better)
