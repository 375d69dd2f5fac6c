"""The REST endpoints by which the owner of a USDⓈ-M account trades."""

from __future__ import annotations

from core.exchange.accounts.accounts import ExchangeAccount
from core.exchange.errors import ExchangeError
from core.exchange.market.instruments import Instrument
from core.exchange.market.quotes import MarketQuotes
from core.exchange.matching.matching import MatchingEngine
from core.exchange.matching.order_entry import OrderEntry
from core.exchange.matching.order_lookup import (
    cancellable,
    fills_between,
    find_order,
    known_order,
    open_orders,
    orders_between,
)
from core.exchange.matching.orders import ZERO, Algo, Fill, Order
from core.exchange.rest.calls import Call, Endpoint, Routes, Security
from core.exchange.rest.payloads import exchange_number


class FuturesTrading:
    """Answers the signed calls of `/fapi/v1` that are about orders and trades."""

    def __init__(self, venue: MarketQuotes, engine: MatchingEngine, entry: OrderEntry) -> None:
        self._venue = venue
        self._engine = engine
        self._entry = entry

    def routes(self) -> Routes:
        """The calls by method and path."""
        signed = Security.SIGNED
        return {
            ("POST", "/fapi/v1/order"): Endpoint(self._place, 0, signed, order=True),
            ("POST", "/fapi/v1/order/test"): Endpoint(self._test, 0, signed),
            ("GET", "/fapi/v1/order"): Endpoint(self._order, 1, signed),
            ("DELETE", "/fapi/v1/order"): Endpoint(self._cancel, 1, signed),
            ("GET", "/fapi/v1/openOrders"): Endpoint(self._open_orders, 1, signed),
            ("DELETE", "/fapi/v1/allOpenOrders"): Endpoint(self._cancel_all, 1, signed),
            ("GET", "/fapi/v1/allOrders"): Endpoint(self._all_orders, 5, signed),
            ("GET", "/fapi/v1/userTrades"): Endpoint(self._trades, 5, signed),
            ("POST", "/fapi/v1/algoOrder"): Endpoint(self._place_algo, 0, signed, order=True),
            ("GET", "/fapi/v1/algoOrder"): Endpoint(self._algo_order, 1, signed),
            ("DELETE", "/fapi/v1/algoOrder"): Endpoint(self._cancel_algo, 1, signed),
            ("GET", "/fapi/v1/openAlgoOrders"): Endpoint(self._open_algo_orders, 1, signed),
            ("GET", "/fapi/v1/allAlgoOrders"): Endpoint(self._all_algo_orders, 5, signed),
            ("DELETE", "/fapi/v1/algoOpenOrders"): Endpoint(self._cancel_all_algo, 1, signed),
        }

    def _place(self, call: Call) -> object:
        order = self._entry.futures(call.account, call.params, call.now)
        wanted = call.params.word("newOrderRespType", ("ACK", "RESULT"), "ACK")
        acknowledgement = _row(order)
        self._engine.place(call.account, order)
        row = _row(order) if wanted == "RESULT" else acknowledgement
        # Binance's answer to a new order has had neither average nor time of order since 2026-07.
        return {key: value for key, value in row.items() if key not in ("avgPrice", "time")}

    def _test(self, call: Call) -> object:
        return _row(self._entry.futures(call.account, call.params, call.now))

    def _order(self, call: Call) -> object:
        return _row(known_order(call.account, call.params, self._instrument(call)))

    def _cancel(self, call: Call) -> object:
        order = cancellable(find_order(call.account, call.params, self._instrument(call)))
        self._engine.cancel(call.account, order, call.now)
        return _row(order)

    def _open_orders(self, call: Call) -> object:
        return [
            _row(order)
            for order in open_orders(
                call.account, perpetual=True, instrument=self._instrument_if_any(call)
            )
        ]

    def _cancel_all(self, call: Call) -> object:
        item = self._instrument(call)
        for order in open_orders(call.account, perpetual=True, instrument=item):
            self._engine.cancel(call.account, order, call.now)
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def _all_orders(self, call: Call) -> object:
        found = orders_between(call.account, call.params, self._instrument(call))
        return [_row(order) for order in found]

    def _trades(self, call: Call) -> object:
        found = fills_between(call.account, call.params, self._instrument(call))
        return [_trade(order, fill) for order, fill in found]

    def _place_algo(self, call: Call) -> object:
        if call.params.text("algoType").upper() != "CONDITIONAL":
            raise ExchangeError(-1130, "Data sent for parameter 'algoType' is not valid.")
        order = self._entry.conditional(call.account, call.params, call.now)
        self._engine.place(call.account, order)
        return _algo_row(order)

    def _algo_order(self, call: Call) -> object:
        order = self._algo(call)
        if order is None:
            raise ExchangeError(-2013, "Order does not exist.")
        return _algo_row(order)

    def _cancel_algo(self, call: Call) -> object:
        order = cancellable(self._algo(call))
        self._engine.cancel(call.account, order, call.now)
        return {
            "algoId": order.id,
            "clientAlgoId": order.client_id,
            "code": "200",
            "msg": "success",
        }

    def _open_algo_orders(self, call: Call) -> object:
        found = self._algos(call.account, self._instrument_if_any(call))
        return [_algo_row(order) for order in found if order.status.open and order.asleep]

    def _all_algo_orders(self, call: Call) -> object:
        found = orders_between(call.account, call.params, self._instrument(call), algos=True)
        return [_algo_row(order) for order in found]

    def _cancel_all_algo(self, call: Call) -> object:
        for order in self._algos(call.account, self._instrument(call)):
            if order.status.open and order.asleep:
                self._engine.cancel(call.account, order, call.now)
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def _algo(self, call: Call) -> Order | None:
        """The algo order that a call names; algoId alone is enough, unlike for other orders."""
        for item in self._venue.perpetuals.values():
            order = find_order(
                call.account,
                call.params,
                item,
                by_number="algoId",
                by_name="clientAlgoId",
                algos=True,
            )
            if order is not None:
                return order
        return None

    def _algos(self, account: ExchangeAccount, item: Instrument | None) -> list[Order]:
        return [
            order
            for order in account.orders.values()
            if order.algo is not None and (item is None or order.instrument is item)
        ]

    def _instrument_if_any(self, call: Call) -> Instrument | None:
        return self._instrument(call) if call.params.optional("symbol") else None

    def _instrument(self, call: Call) -> Instrument:
        return self._venue.instrument(call.params.text("symbol"), perpetual=True)


def _row(order: Order) -> dict[str, object]:
    return {
        "orderId": order.id,
        "symbol": order.instrument.venue_symbol,
        "status": order.status.value,
        "clientOrderId": order.client_id,
        "price": exchange_number(order.price),
        "avgPrice": exchange_number(round(order.average, order.instrument.price_digits + 2)),
        "origQty": exchange_number(order.quantity),
        "executedQty": exchange_number(order.executed),
        "cumQty": exchange_number(order.executed),
        "cumQuote": exchange_number(order.quote_executed),
        "timeInForce": order.time_in_force,
        "type": order.kind,
        "reduceOnly": order.reduce_only,
        "closePosition": order.close_position,
        "side": order.side.value,
        "positionSide": "BOTH",
        "stopPrice": exchange_number(order.stop_price),
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": order.kind,
        "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "goodTillDate": 0,
        "time": order.created,
        "updateTime": order.updated,
    }


def _algo_row(order: Order) -> dict[str, object]:
    algo = order.algo or Algo()
    placed = algo.placed
    digits = order.instrument.price_digits + 2
    return {
        "algoId": order.id,
        "clientAlgoId": order.client_id,
        "algoType": "CONDITIONAL",
        "orderType": order.kind,
        "symbol": order.instrument.venue_symbol,
        "side": order.side.value,
        "positionSide": "BOTH",
        "timeInForce": order.time_in_force,
        "quantity": exchange_number(order.quantity),
        "algoStatus": algo.status.value,
        "actualOrderId": str(placed.id) if placed else "",
        "actualPrice": exchange_number(round(placed.average if placed else ZERO, digits)),
        "actualQty": exchange_number(placed.executed if placed else ZERO),
        "actualType": placed.kind if placed else "",
        "triggerPrice": exchange_number(order.stop_price),
        "price": exchange_number(order.price if order.limited else ZERO),
        "icebergQuantity": None,
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "workingType": "CONTRACT_PRICE",
        "priceMatch": "NONE",
        "closePosition": order.close_position,
        "priceProtect": False,
        "reduceOnly": order.reduce_only,
        "createTime": order.created,
        "updateTime": order.updated,
        "triggerTime": algo.triggered,
        "goodTillDate": 0,
    }


def _trade(order: Order, fill: Fill) -> dict[str, object]:
    return {
        "symbol": order.instrument.venue_symbol,
        "id": fill.trade_id,
        "orderId": order.id,
        "side": order.side.value,
        "price": exchange_number(fill.price),
        "qty": exchange_number(fill.quantity),
        "realizedPnl": f"{fill.realized:.8f}",
        "quoteQty": exchange_number(fill.price * fill.quantity),
        "commission": f"{fill.commission:.8f}",
        "commissionAsset": fill.commission_asset,
        "time": fill.time,
        "positionSide": "BOTH",
        "buyer": order.side.sign > 0,
        "maker": fill.maker,
    }
