"""The text that stands for an unknown figure. Loads nothing, so a screen may use it at once."""

from __future__ import annotations

from collections.abc import Mapping

UNDEFINED = "–"


def undefined_text(name: str, metrics: Mapping[str, object]) -> str:
    """What stands for a metric that is None: ∞ for the profit factor of wins without a loss."""
    best, worst = metrics.get("best"), metrics.get("worst")
    endless = (
        name == "profit_factor"
        and isinstance(best, int | float)
        and isinstance(worst, int | float)
        and best > 0
        and worst >= 0
    )
    return "∞" if endless else UNDEFINED
