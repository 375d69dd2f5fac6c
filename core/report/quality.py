"""The flags that make one doubt a result: few trades, one lucky trade, ambiguous candles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.text import per_cent, signed_per_cent

_FEW_TRADES = 30
_HIGH_WIN_RATE_PCT = 80
_DEEP_DRAWDOWN_PCT = 25
_LOW_SHARPE = 0.5
_LONG_LOSING_RUN = 8
_BEHIND_PCT = 0.1  # points: less lies within any spread


def too_few(trades: int) -> str | None:
    """What is to be said of a result of so few trades; None where they are enough."""
    if trades >= _FEW_TRADES:
        return None
    return f"fewer than {_FEW_TRADES} trades ({trades}): too few to tell luck from skill"


def quality_flags(metrics: Mapping[str, Any]) -> tuple[str, ...]:
    """The warning signs of a result, a sentence each.

    `metrics` are a result's as its JSON has them, or as far as they were recorded: a figure that is
    not known raises none.
    """
    flags = []
    trades, win_rate = metrics.get("total_trades"), metrics.get("win_rate_pct")
    drawdown, sharpe = metrics.get("max_drawdown_pct"), metrics.get("sharpe_ratio")
    gained, held = metrics.get("total_return_pct"), metrics.get("benchmark_return_pct")
    factor, run = metrics.get("profit_factor"), metrics.get("max_consecutive_losses")
    if trades is not None and (few := too_few(trades)) is not None:
        flags.append(few)
    if win_rate is not None and win_rate > _HIGH_WIN_RATE_PCT:
        flags.append(
            f"win rate over {per_cent(_HIGH_WIN_RATE_PCT)} ({per_cent(win_rate, 1)}): "
            "often a sign of overfitting, or of losses left open"
        )
    if drawdown is not None and drawdown > _DEEP_DRAWDOWN_PCT:
        flags.append(
            f"drawdown over {per_cent(_DEEP_DRAWDOWN_PCT)} ({per_cent(drawdown, 2)}): few sit "
            "through it"
        )
    if gained is not None and held is not None and held - gained >= _BEHIND_PCT:
        ours, theirs = (signed_per_cent(made) for made in (gained, held))
        flags.append(f"behind buy and hold ({ours} against {theirs})")
    if sharpe is not None and sharpe < _LOW_SHARPE:
        lost = (sharpe if gained is None else gained) < 0
        why = "it lost money" if lost else "the return hardly pays for its swings"
        flags.append(f"Sharpe under {_LOW_SHARPE} ({sharpe:.2f}): {why}")
    if factor is not None and factor < 1:
        flags.append(f"profit factor under 1 ({factor:.2f}): the losses outweigh the wins")
    if run is not None and run > _LONG_LOSING_RUN:
        flags.append(f"more than {_LONG_LOSING_RUN} losses in a row ({run:.0f})")
    return tuple(flags)
