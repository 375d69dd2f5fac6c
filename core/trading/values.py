"""What goes into the rules and comes out of them: bars, quotes, fills, trades and refusals.

The values are msgspec structs: as immutable as frozen dataclasses, made an order of magnitude
faster (a backtest makes tens of thousands), and written to a journal and read back as they are.
They hold no containers, so the garbage collector need not look at them (`gc=False`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

import msgspec

from core.market.candles.candle import Candle
from core.typed import prepare


class Side(StrEnum):
    """The side of a position."""

    LONG = "long"
    SHORT = "short"

    sign: int  # +1 for long, -1 for short

    def __init__(self, value: str) -> None:
        self.sign = 1 if value == "long" else -1

    @property
    def opposite(self) -> Side:
        """The other side."""
        return Side.SHORT if self is Side.LONG else Side.LONG


class ExitReason(StrEnum):
    """Why a position was closed."""

    SIGNAL = "signal"
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    TRAILING_STOP = "trailing_stop"
    MAX_HOLD = "max_hold"
    LIQUIDATION = "liquidation"
    REVERSE = "reverse"
    BREAK_EVEN = "break_even"
    ROI = "roi"
    FLAT_AT = "flat_at"
    MANUAL = "manual"

    at_open: bool  # whether a candle's open fills it, where candles fill

    def __init__(self, value: str) -> None:
        self.at_open = value in ("signal", "reverse", "max_hold", "flat_at", "manual")


class Obstacle(StrEnum):
    """What keeps an order that is due from becoming a trade."""

    PAUSED = "paused"
    RISK_LIMIT = "risk_limit"
    BALANCE = "balance"
    FILTER = "filter"
    PRICE = "price"
    HOURS = "hours"
    COOLDOWN = "cooldown"
    TRADES_PER_DAY = "trades_per_day"
    UNFILLED = "unfilled"


class FillOn(StrEnum):
    """Where a market order decided at the close of candle t fills, by the candles alone."""

    NEXT_OPEN = "next_open"
    CLOSE = "close"


class Fills(StrEnum):
    """Which prices fill a session's orders: the candles' (as in a backtest) or the market's."""

    CANDLE = "candle"
    MARKET = "market"


FinerCandles = Callable[[int, int], Sequence[Candle]]
"""Gives the finer candles inside the candle of a slot that opened at a time; empty: none known."""


class Quote(msgspec.Struct, frozen=True, gc=False):
    """A price seen between two candles. `time` is the venue's, UTC ms; unknown sides are None.

    At least one of the three prices is known. `low` and `high`: what the candle that is forming had
    reached before, as far as the venue has told.
    """

    time: int
    bid: float | None = None
    ask: float | None = None
    last: float | None = None
    low: float | None = None
    high: float | None = None


class TradePart(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One of several exits of a trade: so much of its quantity, at a price, for its own reason.

    `fee` is this exit's. Times as in `Trade`.
    """

    time: int
    price: float
    quantity: float
    fee: float
    reason: ExitReason
    filled_at: int | None = None


class Addition(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One of several entries of a trade. Times as in `Trade`."""

    time: int
    price: float
    quantity: float
    margin: float
    fee: float
    filled_at: int | None = None


class Trade(msgspec.Struct, frozen=True, gc=False):
    """A closed trade. Times are open times of candles (UTC ms), money is in quote currency.

    `signal_time`: the candle that decided the entry. `pnl` is net of fees and funding; `pnl_pct`
    is per cent of `margin`. `entry_filled_at`, `exit_filled_at`: the venue's time of the fill
    where one is known (fills: market). `candle_entry_price`, `candle_exit_price`: what `fills:
    candle` would have given, where the fill came from the market; None until that candle has
    closed. `ambiguous`: stop and target lay inside one candle. `seen_late`: a stop or target
    touched between two prices, found only in the closed candle. `parts`: its exits, where there was
    more than one; `exit_price` is then their mean by quantity, the other facts of the exit (also
    `candle_exit_price`) are the last one's, and `quantity`, `margin`, `fees` and `pnl` are those of
    the whole. `entries`: likewise its entries, where there was more than one; `entry_price` is then
    their mean by quantity, the other facts of the entry are the first one's. `by_hand`: a person
    entered it, and `signal_time` is the last candle that had closed by then.
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
    parts: tuple[TradePart, ...] = ()
    entries: tuple[Addition, ...] = ()
    by_hand: bool = False

    @property
    def exit_reasons(self) -> tuple[ExitReason, ...]:
        """Why it was left, part by part."""
        return tuple(part.reason for part in self.parts) or (self.exit_reason,)


class OpenTrade(msgspec.Struct, frozen=True, gc=False):
    """A position as it stands, marked to `mark_price`, the last known price.

    `unrealized_pnl` is net of the entry fee and of funding so far; `fees` is that entry fee.
    `stop_price` is the effective one: the fixed stop or the trailing one, whichever is nearer.
    `target_price` is the nearest. Where `parts` were closed already, `quantity` and `margin` are
    what is left, and what the parts made and cost is in `unrealized_pnl` and `fees`.
    """

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
    parts: tuple[TradePart, ...] = ()
    entries: tuple[Addition, ...] = ()
    by_hand: bool = False

    @property
    def worth(self) -> float:
        """What it adds to equity: its margin, and the change in price of what is left of it."""
        change = self.mark_price - self.entry_price
        return self.margin + change * (self.quantity * self.side.sign)


class WaitingOrder(msgspec.Struct, frozen=True, gc=False):
    """An order that waits to enter at a price: `kind` is limit or stop."""

    symbol: str
    side: Side
    kind: str
    price: float
    candles_left: int


# ── Events: what a step did, in order. `time` is the open time of the candle concerned. ──


class Decided(msgspec.Struct, frozen=True, gc=False, tag="decided"):
    """At the close of candle `time` an order became due: an entry on `side`, or an exit of the

    position on `side` for `reason`. `price`: where the order for an entry rests, if it does.
    `adds`: the entry adds to a position.
    """

    time: int
    symbol: str
    side: Side
    reason: ExitReason | None = None
    price: float | None = None
    adds: bool = False


class Entered(msgspec.Struct, frozen=True, gc=False, tag="entered"):
    """An entry filled.

    `wanted`: the larger quantity that the strategy asked for, where the free balance allowed less.
    `by_hand`: a person asked for it.
    """

    time: int
    symbol: str
    side: Side
    price: float
    quantity: float
    margin: float
    fee: float
    signal_time: int
    filled_at: int | None = None
    wanted: float | None = None
    by_hand: bool = False


class Added(msgspec.Struct, frozen=True, gc=False, tag="added", omit_defaults=True):
    """A position got larger. `wanted` as in `Entered`."""

    time: int
    symbol: str
    side: Side
    price: float
    quantity: float
    margin: float
    fee: float
    filled_at: int | None = None
    wanted: float | None = None


class Reduced(msgspec.Struct, frozen=True, gc=False, tag="reduced", omit_defaults=True):
    """A part of a position was closed; the rest goes on. `pnl` is the part's, net of its fee."""

    time: int
    symbol: str
    side: Side
    price: float
    quantity: float
    reason: ExitReason
    fee: float
    pnl: float
    filled_at: int | None = None


class Exited(msgspec.Struct, frozen=True, gc=False, tag="exited"):
    """An exit filled: the closed trade."""

    time: int
    trade: Trade


class Priced(msgspec.Struct, frozen=True, gc=False, tag="priced"):
    """A trade that quotes filled, now with the prices its closed candles would have given."""

    time: int
    trade: Trade


class Refused(msgspec.Struct, frozen=True, gc=False, tag="refused"):
    """An order that was due did not become a trade, for `obstacle`; `why` says so in words."""

    time: int
    symbol: str
    side: Side
    obstacle: Obstacle
    why: str


class FundingPaid(msgspec.Struct, frozen=True, gc=False, tag="funding"):
    """Funding on an open position; `amount` above 0 was paid, below 0 received."""

    time: int
    symbol: str
    rate: float
    amount: float


class Halted(msgspec.Struct, frozen=True, gc=False, tag="halted"):
    """A risk limit was reached: `max_daily_loss_pct` (no entries until the UTC day ends) or

    `max_drawdown_pct` (stopped for good). `equity` is what it fell to, `limit` the per cent set.
    """

    time: int
    limit_name: str
    limit: float
    equity: float


Event = Decided | Entered | Added | Reduced | Exited | Priced | Refused | FundingPaid | Halted


prepare(Trade, OpenTrade)
