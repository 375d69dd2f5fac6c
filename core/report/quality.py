"""What about a result should make one doubt it?"""

from __future__ import annotations

from core.report.metrics import Metrics

FEW_TRADES = 30
HIGH_WIN_RATE_PCT = 80
DEEP_DRAWDOWN_PCT = 25
LOW_SHARPE = 0.5
LONG_LOSING_RUN = 8


def quality_flags(metrics: Metrics) -> tuple[str, ...]:
    """The warning signs of a result, a sentence each. A figure that is not defined raises none."""
    flags = []
    if metrics.total_trades < FEW_TRADES:
        flags.append(
            f"fewer than {FEW_TRADES} trades ({metrics.total_trades}): "
            "too few to tell luck from skill"
        )
    if _above(metrics.win_rate_pct, HIGH_WIN_RATE_PCT):
        flags.append(
            f"win rate over {HIGH_WIN_RATE_PCT} % ({metrics.win_rate_pct:.1f} %): "
            "often a sign of overfitting, or of losses left open"
        )
    if _above(metrics.max_drawdown_pct, DEEP_DRAWDOWN_PCT):
        flags.append(
            f"drawdown over {DEEP_DRAWDOWN_PCT} % ({metrics.max_drawdown_pct:.1f} %): "
            "few sit through it"
        )
    if metrics.benchmark_return_pct is not None and _below(
        metrics.total_return_pct, metrics.benchmark_return_pct
    ):
        flags.append(
            f"behind buy and hold ({metrics.total_return_pct:+.2f} % "
            f"against {metrics.benchmark_return_pct:+.2f} %)"
        )
    if _below(metrics.sharpe_ratio, LOW_SHARPE):
        flags.append(
            f"Sharpe under {LOW_SHARPE} ({metrics.sharpe_ratio:.2f}): "
            "the return hardly pays for its swings"
        )
    if _below(metrics.profit_factor, 1):
        flags.append(
            f"profit factor under 1 ({metrics.profit_factor:.2f}): the losses outweigh the wins"
        )
    if metrics.max_consecutive_losses > LONG_LOSING_RUN:
        flags.append(
            f"more than {LONG_LOSING_RUN} losses in a row ({metrics.max_consecutive_losses})"
        )
    return tuple(flags)


def _above(figure: float | None, limit: float) -> bool:
    return figure is not None and figure > limit


def _below(figure: float | None, limit: float) -> bool:
    return figure is not None and figure < limit
