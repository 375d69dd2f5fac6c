"""Splits the difference in P&L between two runs into its parts.

A pair's difference, paper minus backtest, is walked from the backtest's trade to the session's:
the entry price changes, then the exit, then the quantity, then fees and funding. What the walk has
not accounted for at its end belongs to the exit, which so takes what a liquidation cost instead of
its prices, too. The parts of a pair therefore sum to its difference whatever the trades look like.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import TypeVar

from core.compare.matching import Pair
from core.trading.values import ExitReason, Trade

_ROUNDING = 1e-9  # of the amounts involved: a smaller remainder is floating point, not an exit


class Part(StrEnum):
    """What a difference in P&L is made of (docs/rules.md §6)."""

    MISSING = "missing trades"
    EXTRA = "extra trades"
    ENTRY_PRICE = "entry price"
    EXIT_PRICE = "exit price"
    EXIT_REASON = "exit reason"
    SIZE = "size"
    FEES = "fees"
    FUNDING = "funding"


K = TypeVar("K", bound=str)

Parts = dict[Part, float]
"""Parts of a difference in P&L, paper minus backtest, in quote currency."""


def sum_parts(by_trade: Iterable[Mapping[Part, float]]) -> Parts:
    """The parts of many trades added up; every part is there, at 0 if no trade has it."""
    amounts: dict[Part, list[float]] = {part: [] for part in Part}
    for parts in by_trade:
        for part, amount in parts.items():
            amounts[part].append(amount)
    return {part: math.fsum(values) for part, values in amounts.items()}


def pair_parts(pair: Pair) -> Parts:
    """How the P&L of one pair differs: every part but missing and extra."""
    before, after = pair.backtest, pair.paper
    entry = -(after.entry_price - before.entry_price) * _per_entry_price(before)
    size = (after.quantity - before.quantity) * _gross(after) / after.quantity
    fees = before.fees - after.fees
    funding = before.funding - after.funding
    rest = math.fsum((after.pnl, -before.pnl, -entry, -size, -fees, -funding))
    exit_part = Part.EXIT_PRICE if before.exit_reasons == after.exit_reasons else Part.EXIT_REASON
    parts = {
        Part.ENTRY_PRICE: entry,
        Part.EXIT_PRICE: 0.0,
        Part.EXIT_REASON: 0.0,
        Part.SIZE: size,
        Part.FEES: fees,
        Part.FUNDING: funding,
    }
    scale = max(abs(before.pnl), abs(after.pnl), *map(abs, parts.values()))
    if abs(rest) <= _ROUNDING * scale:
        exit_part = max(parts, key=lambda part: abs(parts[part]))
    parts[exit_part] += rest
    return parts


def in_cents(parts: Mapping[K, float], decimals: int = 2) -> dict[K, Decimal]:
    """The parts rounded to cents so that they still sum to the difference rounded to cents.

    The cents that rounding each part by itself would lose go to the parts that lost most. Of a
    currency with other `decimals`, the last of these stands for the cent.
    """
    cent = Decimal(1).scaleb(-decimals)
    exact = {part: Decimal(amount) for part, amount in parts.items()}
    floors = {part: amount.quantize(cent, ROUND_FLOOR) for part, amount in exact.items()}
    whole = Decimal(math.fsum(parts.values())).quantize(cent)
    missing = int((whole - sum(floors.values(), Decimal(0))) / cent)
    by_loss = sorted(exact, key=lambda part: floors[part] - exact[part])
    for part in by_loss[: max(0, missing)]:
        floors[part] += cent
    return floors


def _gross(trade: Trade) -> float:
    """P&L before fees and funding."""
    return math.fsum((trade.pnl, trade.fees, trade.funding))


def _per_entry_price(trade: Trade) -> float:
    """What one unit of entry price costs a trade: its signed quantity.

    Or, for a trade that lost its margin (entry price × quantity / leverage), that much of it.
    """
    lost = trade.exit_reason is ExitReason.LIQUIDATION
    if trade.parts and lost:
        share = trade.parts[-1].quantity / trade.quantity
        kept = trade.quantity * (1 - share) * trade.side.sign
        return kept + trade.margin * share / trade.entry_price
    if lost or abs(_gross(trade) + trade.margin) <= _ROUNDING * trade.margin:
        return trade.margin / trade.entry_price
    return trade.quantity * trade.side.sign
