"""The figures of closed trades as columns: read from the trades once, for all that counts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.market.candles.candles import Floats, Times
from core.trading.values import Trade


@dataclass(frozen=True, slots=True, eq=False)
class TradeColumns:
    """Closed trades with their figures, one a trade; units as in `Trade`, shapes (n,)."""

    trades: Sequence[Trade]
    entry_time: Times
    exit_time: Times
    entry_price: Floats
    exit_price: Floats
    quantity: Floats
    margin: Floats
    fees: Floats
    pnl: Floats

    @classmethod
    def of(cls, trades: Sequence[Trade]) -> TradeColumns:
        """The columns of closed trades, in their order."""
        return cls(
            trades,
            np.fromiter([trade.entry_time for trade in trades], np.int64, len(trades)),
            np.fromiter([trade.exit_time for trade in trades], np.int64, len(trades)),
            np.fromiter([trade.entry_price for trade in trades], np.float64, len(trades)),
            np.fromiter([trade.exit_price for trade in trades], np.float64, len(trades)),
            np.fromiter([trade.quantity for trade in trades], np.float64, len(trades)),
            np.fromiter([trade.margin for trade in trades], np.float64, len(trades)),
            np.fromiter([trade.fees for trade in trades], np.float64, len(trades)),
            np.fromiter([trade.pnl for trade in trades], np.float64, len(trades)),
        )

    def __len__(self) -> int:
        return len(self.trades)
