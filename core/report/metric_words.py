"""What metrics are called, and what stands for one that is unknown.

Loads nothing, so a screen may use it at once.
"""

from __future__ import annotations

from collections.abc import Mapping

UNDEFINED = "–"

METRIC_LABELS = {
    "total_return_pct": "Return",
    "benchmark_return_pct": "Buy and hold",
    "max_drawdown_pct": "Max drawdown",
    "total_trades": "Trades",
    "win_rate_pct": "Win rate",
    "profit_factor": "Profit factor",
    "expectancy": "Expectancy",
    "avg_win": "Average win",
    "avg_loss": "Average loss",
    "payoff_ratio": "Payoff ratio",
    "best": "Best trade",
    "worst": "Worst trade",
    "max_consecutive_losses": "Losses in a row",
    "avg_hold": "Average hold",
    "exposure_pct": "Exposure",
    "break_even_cost_bp": "Break-even with fees",
    "sharpe_ratio": "Sharpe",
    "sortino_ratio": "Sortino",
    "calmar_ratio": "Calmar",
    "sqn": "SQN",
}
"""What metrics are called, by their names, in the order a reader wants them."""


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


def undefined_reasons(undefined: Mapping[str, str]) -> list[str]:
    """Why metrics are unknown, those of one reason together: `Sharpe, Sortino: …`.

    `undefined`: reasons by the metrics' names, as `metrics_undefined` has them.
    """
    alike: dict[str, list[str]] = {}
    for name, why in undefined.items():
        alike.setdefault(why, []).append(METRIC_LABELS.get(name, name.replace("_", " ")))
    return [f"{', '.join(names)}: {why}" for why, names in alike.items()]
