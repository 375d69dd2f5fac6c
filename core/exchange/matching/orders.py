"""An order on the exchange, its fills, and the reports of what happened to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from core.exchange.market.instruments import Instrument

ZERO = Decimal(0)


class BookSide(StrEnum):
    """BUY or SELL."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """+1 for a purchase, -1 for a sale."""
        return 1 if self is BookSide.BUY else -1


class OrderStatus(StrEnum):
    """Where an order is in its life."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"

    @property
    def open(self) -> bool:
        """Whether the order may still be filled."""
        return self in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)


class ExecutionKind(StrEnum):
    """What an execution report is about."""

    NEW = "NEW"
    TRADE = "TRADE"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class Fill:
    """One match of an order. `realized` is the profit a perpetual's position booked by it."""

    trade_id: int
    price: Decimal
    quantity: Decimal
    commission: Decimal
    commission_asset: str
    maker: bool
    time: int
    realized: Decimal = ZERO


class AlgoStatus(StrEnum):
    """Where a conditional order of USDⓈ-M is in its life, which is not that of what it places."""

    NEW = "NEW"
    TRIGGERING = "TRIGGERING"
    TRIGGERED = "TRIGGERED"  # the order that it stood for is placed
    FINISHED = "FINISHED"  # and has ended
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


@dataclass(slots=True)
class Algo:
    """What a conditional order of USDⓈ-M has come to. `reason`: why nothing was placed."""

    status: AlgoStatus = AlgoStatus.NEW
    triggered: int = 0  # exchange ms
    placed: Order | None = None
    reason: str = ""


@dataclass(slots=True)
class Order:
    """One order as the exchange keeps it. Times are exchange ms.

    `kind` is Binance's type as sent. With a `stop_price` the order sleeps until that price trades;
    `limited` says whether it then (or at once) rests at `price` instead of taking any. `reserved`
    is what the account has locked for it. With an `algo` it was placed through algoOrder: when its
    price trades it ends, and an order with a number of its own is placed, whose `parent` it is.
    """

    id: int
    client_id: str
    instrument: Instrument
    side: BookSide
    kind: str
    time_in_force: str
    quantity: Decimal
    price: Decimal
    stop_price: Decimal
    created: int
    limited: bool
    reduce_only: bool = False
    close_position: bool = False
    algo: Algo | None = None
    parent: Order | None = field(default=None, repr=False, compare=False)
    quote_quantity: Decimal = ZERO
    status: OrderStatus = OrderStatus.NEW
    triggered: bool = False
    reserved: Decimal = ZERO
    updated: int = 0
    fills: list[Fill] = field(default_factory=list)

    @property
    def executed(self) -> Decimal:
        """Base quantity filled so far."""
        return sum((fill.quantity for fill in self.fills), ZERO)

    @property
    def quote_executed(self) -> Decimal:
        """Quote value of the fills so far."""
        return sum((fill.price * fill.quantity for fill in self.fills), ZERO)

    @property
    def average(self) -> Decimal:
        """Mean price of the fills, 0 before the first."""
        executed = self.executed
        return self.quote_executed / executed if executed else ZERO

    @property
    def remaining(self) -> Decimal:
        """Base quantity not filled yet."""
        return self.quantity - self.executed

    @property
    def asleep(self) -> bool:
        """Whether the order still waits for its stop price."""
        return bool(self.stop_price) and not self.triggered

    @property
    def wakes_below(self) -> bool:
        """Whether a sleeping order waits for a price at or below its stop price, not above it."""
        protects = "TAKE_PROFIT" not in self.kind
        return (self.side is BookSide.SELL) == protects


@dataclass(frozen=True, slots=True)
class ExecutionReport:
    """Something that happened to an order, for whoever follows the account."""

    kind: ExecutionKind
    order: Order
    time: int
    fill: Fill | None = None


@dataclass(frozen=True, slots=True)
class AlgoReport:
    """A conditional order of USDⓈ-M has another status."""

    order: Order
    algo: Algo
    time: int


@dataclass(frozen=True, slots=True)
class FundingReport:
    """A position has received (negative: paid) funding, in units of the quote currency."""

    instrument: Instrument
    amount: Decimal
    time: int


AccountReport = ExecutionReport | AlgoReport | FundingReport
