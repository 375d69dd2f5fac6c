"""Matches the trades of two runs that come from the same decision."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from core.trading.values import OpenTrade, Side, Trade

Decision = tuple[str, Side, int]
"""What makes two trades the same: symbol, side, and the open time of the candle that decided."""


class Pair(msgspec.Struct, frozen=True):
    """The trades that a backtest and a session made of one decision."""

    backtest: Trade
    paper: Trade


@dataclass(frozen=True, slots=True)
class Matching:
    """Every trade of both runs, once, each part in the order its trades were given.

    `missing`: only the backtest made them; `extra`: only the session did.
    """

    pairs: tuple[Pair, ...]
    missing: tuple[Trade, ...]
    extra: tuple[Trade, ...]


def decision(trade: Trade | OpenTrade) -> Decision:
    """The decision a trade or a position came from."""
    return trade.symbol, trade.side, trade.signal_time


def match_trades(backtest: Sequence[Trade], paper: Sequence[Trade]) -> Matching:
    """Match the trades of a backtest and a session over the same period (docs/rules.md §6).

    Where several trades share a decision (sessions that overlap), they pair up in their order.
    """
    waiting: dict[Decision, deque[Trade]] = defaultdict(deque)
    for trade in paper:
        if not trade.by_hand:  # no decision of the strategy's
            waiting[decision(trade)].append(trade)
    pairs, missing = [], []
    for trade in backtest:
        candidates = waiting.get(decision(trade))
        if candidates:
            pairs.append(Pair(trade, candidates.popleft()))
        else:
            missing.append(trade)
    unpaired = {id(trade) for queue in waiting.values() for trade in queue}
    extra = tuple(trade for trade in paper if trade.by_hand or id(trade) in unpaired)
    return Matching(tuple(pairs), tuple(missing), extra)
