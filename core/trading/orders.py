"""The orders that are sent to a venue for a session's fills, and what the venue makes of them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from core.trading.values import Added, Entered, Event, Exited, Reduced, Side


class OrderSide(StrEnum):
    """Whether an order buys or sells."""

    BUY = "buy"
    SELL = "sell"


class VenueOrder(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A market order that is to do on a venue what one fill did in the session's account.

    `id` is the client order ID, by which the venue is asked for it; `quantity` (base currency) and
    `price` (quote currency) are the session's own. `closes`: it closes what an earlier one opened,
    all that is left of it or (`part`) so much.
    """

    number: int
    id: str
    symbol: str
    side: OrderSide
    quantity: float
    price: float
    closes: bool
    part: bool = False


class Execution(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a venue made of an order.

    `quantity` (base currency) is what was filled, at the average `price`; 0 and None where nothing
    was, both None where that cannot be found out. `fees` by currency; `time` is the venue's (UTC
    ms); `latency` is ms from the request to its answer, None where the answer had to be asked for
    later. `why`: why not all of it was filled; `gone`: because the venue has nothing any more that
    it could close.
    """

    quantity: float | None
    price: float | None = None
    fees: dict[str, float] = {}
    venue_id: str | None = None
    time: int | None = None
    latency: int | None = None
    why: str | None = None
    gone: bool = False

    @classmethod
    def none(cls, why: str, *, gone: bool = False) -> Execution:
        """Nothing was executed."""
        return cls(0.0, why=why, gone=gone)


def orders_of(
    events: Iterable[Event], session_id: str, number: int, mark: str = ""
) -> list[VenueOrder]:
    """The orders that mirror the fills among `events`; the first of them gets `number`.

    `mark` ends their client order IDs.
    """
    found: list[VenueOrder] = []
    for event in events:
        match event:
            case Entered():
                symbol, quantity, price = event.symbol, event.quantity, event.price
                buys, closes, part = event.side is Side.LONG, False, False
            case Added():
                symbol, quantity, price = event.symbol, event.quantity, event.price
                buys, closes, part = event.side is Side.LONG, False, False
            case Reduced():
                symbol, quantity, price = event.symbol, event.quantity, event.price
                buys, closes, part = event.side is Side.SHORT, True, True
            case Exited(_, trade):
                symbol, quantity, price = trade.symbol, trade.quantity, trade.exit_price
                if trade.parts:
                    quantity, price = trade.parts[-1].quantity, trade.parts[-1].price
                buys, closes, part = trade.side is Side.SHORT, True, False
            case _:
                continue
        place = number + len(found)
        side = OrderSide.BUY if buys else OrderSide.SELL
        order_id = f"pt-{session_id}-{place}{mark}"
        found.append(VenueOrder(place, order_id, symbol, side, quantity, price, closes, part))
    return found


def difference_bp(order: VenueOrder, execution: Execution) -> float | None:
    """How much worse the venue's price was than the session's own, in basis points of that."""
    if execution.price is None:
        return None
    worse = 1 if order.side is OrderSide.BUY else -1
    return (execution.price / order.price - 1) * 10_000 * worse
