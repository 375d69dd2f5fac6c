"""Computes what a fill may cost before nothing of a run's profit is left (docs/rules.md §4)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.trading.values import ExitReason, Trade

_UNSLIPPED = frozenset({ExitReason.TAKE_PROFIT, ExitReason.LIQUIDATION})


def break_even_cost_bp(trades: Sequence[Trade], slippage_pct: float) -> float | None:
    """Profit before fees and slippage, in basis points of the notional that was traded.

    Every trade has two fills, and each may cost so much, fees and slippage together, before the run
    as a whole makes nothing. Negative where there is no profit even before costs. Funding is not
    among the costs, and a liquidation counts as the margin that it lost.

    Args:
        trades: the closed trades.
        slippage_pct: what the config adds to a candle's price (docs/rules.md §3.3). Prices of the
            market itself, targets and liquidations have none in them.

    Returns:
        10,000 × Σ profit before costs / Σ notional of both fills; None without a trade.
    """
    if not trades:
        return None
    profits, notionals = [], []
    for trade in trades:
        slipped = trade.side.sign * slippage_pct / 100
        profit = trade.pnl + trade.fees
        if trade.exit_reason is not ExitReason.LIQUIDATION:
            entry, exit_ = trade.entry_price, trade.exit_price
            if trade.entry_filled_at is None:
                profit += trade.side.sign * trade.quantity * (entry - entry / (1 + slipped))
            if trade.exit_filled_at is None and trade.exit_reason not in _UNSLIPPED:
                profit += trade.side.sign * trade.quantity * (exit_ / (1 - slipped) - exit_)
        profits.append(profit)
        notionals.append((trade.entry_price + trade.exit_price) * trade.quantity)
    return 10_000 * math.fsum(profits) / math.fsum(notionals)
