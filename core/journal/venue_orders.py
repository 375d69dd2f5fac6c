"""The orders a session made for a venue, and what came of them, as its journal tells it.

All of it follows from the session's journal: a living session puts its lines in as it writes them,
one that comes back as it reads them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

from core.journal.manifest import SessionManifest
from core.journal.records import MomentPassed, OrderAnswered, QuoteFilled, Record
from core.journal.values import BrokerKind, OrderCounts, OrderRow
from core.time_format import optional_iso_time
from core.trading.orders import VenueOrder, difference_bp, orders_of
from core.trading.values import Event


class VenueOrders:
    """The orders of one session; empty where its broker is simulated.

    `placed` says whether its fills are mirrored on a venue. `orders` are numbered from 1.
    """

    def __init__(self, record: SessionManifest) -> None:
        self.placed = record.broker is not BrokerKind.SIMULATED
        self.orders: list[VenueOrder] = []
        self._session_id = record.id
        self._mark = ""
        self._answers: list[OrderAnswered] = []
        self._filled = 0
        self._refused = 0
        self.last_refusal: str | None = None
        self._differences: list[float] = []  # of the filled ones
        self._opened: set[str] = set()  # symbols with a position on the venue
        self._held: dict[str, float] = {}  # base currency, dust of earlier positions included

    def made_of(self, events: Iterable[Event]) -> list[VenueOrder]:
        """The orders that follow from events: to be written in the line that tells of these."""
        if not self.placed:
            return []
        return orders_of(events, self._session_id, len(self.orders) + 1, self._mark)

    def set_apart(self) -> None:
        """Give the orders from now on names that nobody else gives who has this journal.

        Of a workspace that was copied, each copy goes on with the session. Were their orders
        called the same, a venue would take those of one for those of the other. An order that a
        line tells of keeps the name it has there.
        """
        self._mark = f"-{secrets.token_hex(3)}"

    def take(self, line: Record) -> None:
        """Learn from a line of the journal."""
        match line:
            case MomentPassed() | QuoteFilled():
                self.orders += line.orders
            case OrderAnswered():
                self._answers.append(line)
                self._count(self.orders[line.number - 1], line)

    def waiting(self) -> list[VenueOrder]:
        """The orders without an answer, oldest first. They are answered in their order."""
        return self.orders[len(self._answers) :]

    def quantity(self, order: VenueOrder) -> float | None:
        """How much an order is for (base currency); None where nothing is there to be closed.

        What closes a position sells what was really bought, less the fees taken from it.
        """
        if not order.closes:
            return order.quantity
        if order.symbol not in self._opened:
            return None
        held = self._held[order.symbol]
        return min(order.quantity, held) if order.part else held

    def open_positions(self) -> dict[str, float]:
        """What the venue's account holds of this session's making, in base currency by symbol."""
        return {symbol: self._held[symbol] for symbol in sorted(self._opened)}

    def counts(self) -> OrderCounts | None:
        """How they went, in numbers; None where there are none to be made."""
        if not self.placed:
            return None
        priced = len(self._differences)
        return OrderCounts(
            made=len(self.orders),
            filled=self._filled,
            refused=self._refused,
            mean_difference_bp=sum(self._differences) / priced if priced else None,
        )

    def rows(self) -> tuple[OrderRow, ...]:
        """Every order with what came of it, oldest first."""
        return tuple(self._row(order) for order in self.orders)

    def to_json(self) -> dict[str, Any] | None:
        """The part of a report on the venue's orders; None where there are none to be made."""
        counts = self.counts()
        if counts is None:
            return None
        return {
            "made": counts.made,
            "filled": counts.filled,
            "refused": counts.refused,
            "unsettled": counts.made - counts.filled - counts.refused,
            "mean_difference_bp": counts.mean_difference_bp,
            "still_held": self.open_positions(),
            "list": [
                {**asdict(row), "venue_time": optional_iso_time(row.venue_time)}
                for row in self.rows()
            ],
        }

    def _row(self, order: VenueOrder) -> OrderRow:
        row = OrderRow(
            order.id, order.symbol, order.side.value, order.closes, order.quantity, order.price
        )
        if order.number > len(self._answers):
            return row
        came = self._answers[order.number - 1].execution
        return replace(
            row,
            filled=came.quantity,
            venue_price=came.price,
            difference_bp=difference_bp(order, came),
            fees=came.fees,
            venue_id=came.venue_id,
            venue_time=came.time,
            latency=came.latency,
            why=came.why,
        )

    def _count(self, order: VenueOrder, answer: OrderAnswered) -> None:
        """What the answer does to the numbers, and to what is held on the venue."""
        symbol, came = order.symbol, answer.execution
        self._filled += bool(came.quantity)
        self._refused += came.quantity == 0
        if came.quantity == 0:
            self.last_refusal = came.why
        if (difference := difference_bp(order, came)) is not None:
            self._differences.append(difference)
        held = self._held.get(symbol, 0.0)
        if not order.closes:
            base = symbol.partition("/")[0]
            if came.quantity:
                self._opened.add(symbol)
                self._held[symbol] = held + came.quantity - came.fees.get(base, 0.0)
        elif came.gone:
            self._opened.discard(symbol)
            self._held[symbol] = 0.0
        elif came.quantity:
            self._held[symbol] = max(0.0, held - came.quantity)
            if came.why is None and not order.part:
                self._opened.discard(symbol)
