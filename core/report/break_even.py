"""Computes what a fill may cost before nothing of a run's profit is left (docs/rules.md §4)."""

from __future__ import annotations

import math

from core.report.trade_columns import TradeColumns
from core.strategy.config.orders import NO_ORDERS, Orders
from core.trading.values import ExitReason, Trade


def break_even_cost_bp(
    closed: TradeColumns, slippage_pct: float, orders: Orders | None = None
) -> float | None:
    """Profit before fees and slippage, in basis points of the notional that was traded.

    Every trade has two fills, and each may cost so much, fees and slippage together, before the run
    as a whole makes nothing. Negative where there is no profit even before costs. Funding is not
    among the costs, and a liquidation counts as the margin that it lost.

    Args:
        closed: the closed trades.
        slippage_pct: what the config adds to a candle's price (docs/rules.md §3.3). Prices of the
            market itself, targets and liquidations have none in them.
        orders: of the config; None for market orders alone. Entries and adds by limit orders have
            none in them either.

    Returns:
        10,000 × Σ profit before costs / Σ notional of both fills; None without a trade.
    """
    if not len(closed):
        return None
    profits = (closed.pnl + closed.fees).tolist()
    if slippage_pct:
        share = slippage_pct / 100
        profits += [
            _slippage(one, one.side.sign * share, orders or NO_ORDERS) for one in closed.trades
        ]
    notionals = (closed.entry_price + closed.exit_price) * closed.quantity
    return 10_000 * math.fsum(profits) / math.fsum(notionals.tolist())


def _slippage(trade: Trade, slipped: float, orders: Orders) -> float:
    """What slippage has cost a trade; `slipped` is by which share it made the entry dearer."""
    quantity = trade.quantity
    liquidated = trade.exit_reason is ExitReason.LIQUIDATION
    at_target = trade.exit_reason in (ExitReason.TAKE_PROFIT, ExitReason.ROI)
    out = 0.0
    if trade.exit_filled_at is None and not (at_target or liquidated):
        price = trade.parts[-1].price if trade.parts else trade.exit_price
        out = price / (1 - slipped) - price
    if trade.parts:
        # Parts before the last left at targets; what lost its margin lost it at any entry price.
        left = trade.parts[-1].quantity
        out *= left / quantity
        quantity -= left if liquidated else 0.0
        liquidated = False
    into = 0.0 if liquidated else _entry_slippage(trade, slipped, orders)
    return (into + out) * quantity * trade.side.sign


def _entry_slippage(trade: Trade, slipped: float, orders: Orders) -> float:
    """What slippage has added to the mean entry price of a trade.

    A trade does not tell which of its adds were limit orders: they are those, nearest first, at
    whose price or better one filled (docs/rules.md §3.20).
    """
    if not trade.entries:
        at_limit = orders.enters_at_limits and not trade.by_hand  # a person's are market orders
        if trade.entry_filled_at is not None or at_limit:
            return 0.0
        price, quantity = trade.entry_price, trade.quantity
        return (price - price / (1 + slipped)) * quantity / quantity
    sign, first = trade.side.sign, trade.entries[0].price
    waiting = [first * (1 + sign * at_pct / 100) for at_pct in orders.adds_at_limits]
    fills = [(one.price, one.quantity, one.filled_at) for one in trade.entries]
    rested = [orders.enters_at_limits and not trade.by_hand]
    for price, _, _ in fills[1:]:
        rested.append(bool(waiting) and (price - waiting[0]) * sign <= 0)
        if rested[-1]:
            del waiting[0]
    added = sum(
        (price - price / (1 + slipped)) * quantity
        for (price, quantity, filled_at), at_limit in zip(fills, rested, strict=True)
        if filled_at is None and not at_limit
    )
    return added / trade.quantity
