"""What comes out of the rules: fills, trades, refusals, and the words for them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """The side of a position."""

    LONG = "long"
    SHORT = "short"

    @property
    def sign(self) -> int:
        """+1 for long, -1 for short."""
        return 1 if self is Side.LONG else -1


class ExitReason(StrEnum):
    """Why a position was closed."""

    SIGNAL = "signal"
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    TRAILING_STOP = "trailing_stop"
    MAX_HOLD = "max_hold"
    LIQUIDATION = "liquidation"
    REVERSE = "reverse"
    MANUAL = "manual"


class FillOn(StrEnum):
    """Where a market order decided at the close of candle t fills, by the candles alone."""

    NEXT_OPEN = "next_open"
    CLOSE = "close"


class Fills(StrEnum):
    """Which prices fill a session's orders: the candles' (as in a backtest), or the market's own."""

    CANDLE = "candle"
    MARKET = "market"


@dataclass(frozen=True, slots=True)
class Quote:
    """A price seen between two candles. `time` is the venue's, UTC ms; unknown sides are None."""

    time: int
    bid: float | None
    ask: float | None
    last: float | None


@dataclass(frozen=True, slots=True)
class Trade:
    """A closed trade. Times are open times of candles (UTC ms), money is in quote currency.

    `signal_time`: the candle that decided the entry. `pnl` is net of fees and funding; `pnl_pct` is
    per cent of `margin`. `entry_filled_at`, `exit_filled_at`: the venue's time of the fill where one
    is known (fills: market). `candle_entry_price`, `candle_exit_price`: what the rule `fills: candle`
    would have given, where the fill came from the market. `seen_late`: a stop or target touched
    between two prices, found only in the closed candle.
    """

    id: int
    symbol: str
    side: Side
    signal_time: int
    entry_time: int
    entry_price: float
    exit_time: int
    exit_price: float
    quantity: float
    leverage: float
    margin: float
    fees: float
    funding: float
    pnl: float
    pnl_pct: float
    exit_reason: ExitReason
    ambiguous: bool = False
    seen_late: bool = False
    entry_filled_at: int | None = None
    exit_filled_at: int | None = None
    candle_entry_price: float | None = None
    candle_exit_price: float | None = None


@dataclass(frozen=True, slots=True)
class OpenTrade:
    """A position as it stands: marked to `mark_price` (the last known price), net of fees so far."""

    symbol: str
    side: Side
    signal_time: int
    entry_time: int
    entry_price: float
    quantity: float
    leverage: float
    margin: float
    fees: float
    funding: float
    mark_price: float
    unrealized_pnl: float
    stop_price: float | None
    target_price: float | None
    liquidation_price: float | None
    entry_filled_at: int | None = None


# ── Events: what one step did, in order. `time` is the open time of the candle concerned. ──


@dataclass(frozen=True, slots=True)
class Decided:
    """At the close of candle `time` an order became due: an entry on `side`, or an exit for `reason`."""

    time: int
    symbol: str
    side: Side
    reason: ExitReason | None


@dataclass(frozen=True, slots=True)
class Entered:
    """An entry filled."""

    time: int
    symbol: str
    side: Side
    price: float
    quantity: float
    margin: float
    fee: float
    signal_time: int
    filled_at: int | None = None


@dataclass(frozen=True, slots=True)
class Exited:
    """An exit filled: the closed trade."""

    time: int
    trade: Trade


@dataclass(frozen=True, slots=True)
class Refused:
    """An order that was due did not become a trade; `why` says so in words."""

    time: int
    symbol: str
    side: Side
    why: str


@dataclass(frozen=True, slots=True)
class FundingPaid:
    """Funding on an open position; `amount` > 0 was paid, < 0 received."""

    time: int
    symbol: str
    rate: float
    amount: float


@dataclass(frozen=True, slots=True)
class Halted:
    """A risk limit was reached: `max_daily_loss_pct` (until the UTC day ends) or `max_drawdown_pct`

    (for good). `equity` is what it fell to, `limit` the per cent that was set.
    """

    time: int
    limit_name: str
    limit: float
    equity: float


Event = Decided | Entered | Exited | Refused | FundingPaid | Halted
