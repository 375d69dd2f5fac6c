"""Finds the orders and trades of an account that a call means."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from core.exchange.accounts.accounts import ExchangeAccount
from core.exchange.errors import ExchangeError, missing
from core.exchange.market.instruments import Instrument
from core.exchange.matching.orders import Fill, Order
from core.exchange.rest.calls import Params

_Row = TypeVar("_Row")


def find_order(
    account: ExchangeAccount,
    params: Params,
    instrument: Instrument,
    *,
    by_number: str = "orderId",
    by_name: str = "origClientOrderId",
    algos: bool = False,
) -> Order | None:
    """The order that a call names by number, or by the client's own name (the newest such).

    `algos`: among the conditional orders of USDⓈ-M, and else among all others.

    Raises:
        ExchangeError: -1102 where it names none.
    """
    number, name = params.integer(by_number), params.optional(by_name)
    if number is None and name is None:
        raise missing(by_number)
    for order in reversed(account.orders.values()):
        if order.instrument is not instrument or (order.algo is not None) != algos:
            continue
        if order.id == number if number is not None else order.client_id == name:
            return order
    return None


def known_order(account: ExchangeAccount, params: Params, instrument: Instrument) -> Order:
    """The order that a call names; -2013 where there is none."""
    order = find_order(account, params, instrument)
    if order is None:
        raise ExchangeError(-2013, "Order does not exist.")
    return order


def cancellable(order: Order | None) -> Order:
    """An order that can be cancelled; -2011 for none, or one that has ended."""
    if order is None or not order.status.open:
        raise ExchangeError(-2011, "Unknown order sent.")
    return order


def open_orders(
    account: ExchangeAccount, *, perpetual: bool, instrument: Instrument | None
) -> list[Order]:
    """An account's open orders on one market, or on all of a type, without algo orders."""
    return [
        order
        for order in account.open_orders.values()
        if order.instrument.perpetual == perpetual
        and (instrument is None or order.instrument is instrument)
        and order.algo is None
    ]


def orders_between(
    account: ExchangeAccount, params: Params, instrument: Instrument, *, algos: bool = False
) -> list[Order]:
    """The orders of allOrders: from `orderId` on, or placed in a span of time; oldest first.

    `algos`: those of allAlgoOrders, from `algoId` on.
    """
    first = params.integer("algoId" if algos else "orderId")
    start, stop = params.integer("startTime"), params.integer("endTime")
    found = [
        order
        for order in account.orders.values()
        if order.instrument is instrument
        and (order.algo is not None) == algos
        and (first is None or order.id >= first)
        and (start is None or order.created >= start)
        and (stop is None or order.created <= stop)
    ]
    return _cut(found, params.limit(500, 1000), oldest=first is not None or start is not None)


def fills_between(
    account: ExchangeAccount, params: Params, instrument: Instrument
) -> list[tuple[Order, Fill]]:
    """The trades of myTrades: of one order, from a trade on, or in a span of time; oldest first."""
    number, first = params.integer("orderId"), params.integer("fromId")
    start, stop = params.integer("startTime"), params.integer("endTime")
    found = [
        (order, fill)
        for order in account.orders.values()
        if order.instrument is instrument and (number is None or order.id == number)
        for fill in order.fills
        if (first is None or fill.trade_id >= first)
        and (start is None or fill.time >= start)
        and (stop is None or fill.time <= stop)
    ]
    found.sort(key=lambda pair: pair[1].trade_id)
    return _cut(found, params.limit(500, 1000), oldest=first is not None or start is not None)


def _cut(rows: Iterable[_Row], limit: int, *, oldest: bool) -> list[_Row]:
    kept = list(rows)
    return kept[:limit] if oldest else kept[-limit:]
