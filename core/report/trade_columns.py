"""The figures of closed trades as columns: read from the trades once, for all that counts them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import cast

import numpy as np
from numpy.typing import NDArray

from core.market.candles.candles import Floats, Times, places_of
from core.trading.account import Account
from core.trading.position import FIGURES, left_at_open, seconds_held, write_figures
from core.trading.values import Trade


class TradeColumns:
    """Closed trades with their figures, one a trade; units as in `Trade`, shapes (n,).

    `held`: seconds. `at_open`: whether a candle's open filled the exit, where candles fill.
    `staged`: whether it had several entries or exits. The trades themselves are made when somebody
    asks for them.
    """

    def __init__(self, table: Floats, trades: Callable[[], Sequence[Trade]]) -> None:
        """Take `table`, whose rows are those of `FIGURES`, and what gives the trades."""
        _, _, *money, self.sign, self.held, at_open, staged = table
        self._times: Times = table[:2].astype(np.int64)  # exact as floats, too
        self.entry_time, self.exit_time = self._times
        self.entry_price, self.exit_price, self.quantity, self.margin, self.fees, self.pnl = money
        self.at_open, self.staged = at_open != 0, staged != 0
        self._trades = trades
        self._places: tuple[Times, NDArray[np.intp]] | None = None

    @classmethod
    def of(cls, trades: Sequence[Trade]) -> TradeColumns:
        """The columns of closed trades, in their order."""
        columns = (
            [trade.entry_time for trade in trades],
            [trade.exit_time for trade in trades],
            [trade.entry_price for trade in trades],
            [trade.exit_price for trade in trades],
            [trade.quantity for trade in trades],
            [trade.margin for trade in trades],
            [trade.fees for trade in trades],
            [trade.pnl for trade in trades],
            [trade.side.sign for trade in trades],
            [hold_seconds(trade) for trade in trades],
            [left_at_open(trade.exit_reason, trade.exit_filled_at) for trade in trades],
            [bool(trade.parts or trade.entries) for trade in trades],
        )
        table = [np.fromiter(column, np.float64, len(trades)) for column in columns]
        return cls(np.array(table), lambda: trades)

    @classmethod
    def of_account(cls, account: Account) -> TradeColumns:
        """The columns of the trades of an account to which nothing happens any more."""
        table = np.empty((len(FIGURES), len(account.closed)))
        write_figures(account.closed, cast("memoryview[float]", table.reshape(-1).data))
        return cls(table, lambda: account.trades)

    @cached_property
    def trades(self) -> tuple[Trade, ...]:
        """The trades."""
        return tuple(self._trades())

    def places(self, times: Times) -> NDArray[np.intp]:
        """Where entries and exits belong in `times`, which increase; shape (2, n)."""
        if self._places is None or self._places[0] is not times:
            self._places = times, places_of(times, self._times)
        return self._places[1]

    def __len__(self) -> int:
        return len(self.pnl)


def hold_seconds(trade: Trade) -> float:
    """How long a trade was held (`seconds_held`)."""
    return seconds_held(
        trade.entry_time, trade.exit_time, trade.entry_filled_at, trade.exit_filled_at
    )
