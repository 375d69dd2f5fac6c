"""The REST endpoints of a spot account: its state, its orders and its trades."""

from __future__ import annotations

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
from core.exchange.matching.orders import Fill, Order
from core.exchange.rest.calls import Call, Endpoint, Routes, Security
from core.exchange.rest.payloads import eight, exchange_number


class SpotAccount:
    """Answers the signed calls of `/api/v3`."""

    def __init__(self, venue: MarketQuotes, engine: MatchingEngine, entry: OrderEntry) -> None:
        self._venue = venue
        self._engine = engine
        self._entry = entry

    def routes(self) -> Routes:
        """The calls by method and path."""
        signed = Security.SIGNED
        return {
            ("GET", "/api/v3/account"): Endpoint(self._account, 20, signed),
            ("GET", "/api/v3/account/commission"): Endpoint(self._commission, 20, signed),
            ("POST", "/api/v3/order"): Endpoint(self._place, 1, signed, order=True),
            ("POST", "/api/v3/order/test"): Endpoint(self._test, 1, signed),
            ("GET", "/api/v3/order"): Endpoint(self._order, 4, signed),
            ("DELETE", "/api/v3/order"): Endpoint(self._cancel, 1, signed),
            ("GET", "/api/v3/openOrders"): Endpoint(
                self._open_orders, lambda params: 6 if params.optional("symbol") else 80, signed
            ),
            ("DELETE", "/api/v3/openOrders"): Endpoint(self._cancel_all, 1, signed),
            ("GET", "/api/v3/allOrders"): Endpoint(self._all_orders, 20, signed),
            ("GET", "/api/v3/myTrades"): Endpoint(self._trades, 20, signed),
        }

    def _account(self, call: Call) -> object:
        balances = sorted(call.account.spot.items())
        if call.params.flag("omitZeroBalances"):
            balances = [(name, held) for name, held in balances if held.free or held.locked]
        return {
            "makerCommission": 10,
            "takerCommission": 10,
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": {
                "maker": "0.00100000",
                "taker": "0.00100000",
                "buyer": "0.00000000",
                "seller": "0.00000000",
            },
            "canTrade": True,
            "canWithdraw": False,
            "canDeposit": False,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": call.account.updated,
            "accountType": "SPOT",
            "balances": [
                {"asset": name, "free": eight(held.free), "locked": eight(held.locked)}
                for name, held in balances
            ],
            "permissions": ["SPOT"],
            "uid": 1,
        }

    def _commission(self, call: Call) -> object:
        item = self._instrument(call)
        none = {"maker": "0.00000000", "taker": "0.00000000", "buyer": "0", "seller": "0"}
        return {
            "symbol": item.venue_symbol,
            "standardCommission": none
            | {"maker": eight(item.maker_fee), "taker": eight(item.taker_fee)},
            "specialCommission": none,
            "taxCommission": none,
            "discount": {
                "enabledForAccount": False,
                "enabledForSymbol": False,
                "discountAsset": "BNB",
                "discount": "0.75000000",
            },
        }

    def _place(self, call: Call) -> object:
        order = self._entry.spot(call.account, call.params, call.now)
        default = "FULL" if order.kind in ("LIMIT", "MARKET") else "ACK"
        wanted = call.params.word("newOrderRespType", ("ACK", "RESULT", "FULL"), default)
        self._engine.place(call.account, order)
        answer: dict[str, object] = {
            "symbol": order.instrument.venue_symbol,
            "orderId": order.id,
            "orderListId": -1,
            "clientOrderId": order.client_id,
            "transactTime": call.now,
        }
        if wanted == "ACK":
            return answer
        answer |= _state(order)
        if wanted == "FULL":
            answer["fills"] = [
                {
                    "price": exchange_number(fill.price),
                    "qty": exchange_number(fill.quantity),
                    "commission": eight(fill.commission),
                    "commissionAsset": fill.commission_asset,
                    "tradeId": fill.trade_id,
                }
                for fill in order.fills
            ]
        return answer

    def _test(self, call: Call) -> object:
        self._entry.spot(call.account, call.params, call.now)
        return {}

    def _order(self, call: Call) -> object:
        return _row(known_order(call.account, call.params, self._instrument(call)))

    def _cancel(self, call: Call) -> object:
        order = cancellable(find_order(call.account, call.params, self._instrument(call)))
        return self._cancelled(call, order)

    def _cancel_all(self, call: Call) -> object:
        found = open_orders(call.account, perpetual=False, instrument=self._instrument(call))
        if not found:
            cancellable(None)
        return [self._cancelled(call, order) for order in found]

    def _cancelled(self, call: Call, order: Order) -> dict[str, object]:
        self._engine.cancel(call.account, order, call.now)
        return {
            "symbol": order.instrument.venue_symbol,
            "origClientOrderId": order.client_id,
            "orderId": order.id,
            "orderListId": -1,
            "clientOrderId": call.params.optional("newClientOrderId") or order.client_id,
            "transactTime": call.now,
            **_state(order),
        }

    def _open_orders(self, call: Call) -> object:
        item = self._instrument(call) if call.params.optional("symbol") else None
        return [
            _row(order) for order in open_orders(call.account, perpetual=False, instrument=item)
        ]

    def _all_orders(self, call: Call) -> object:
        found = orders_between(call.account, call.params, self._instrument(call))
        return [_row(order) for order in found]

    def _trades(self, call: Call) -> object:
        found = fills_between(call.account, call.params, self._instrument(call))
        return [_trade(order, fill) for order, fill in found]

    def _instrument(self, call: Call) -> Instrument:
        return self._venue.instrument(call.params.text("symbol"), perpetual=False)


def _state(order: Order) -> dict[str, object]:
    state: dict[str, object] = {
        "price": exchange_number(order.price),
        "origQty": exchange_number(order.quantity),
        "executedQty": exchange_number(order.executed),
        "origQuoteOrderQty": exchange_number(order.quote_quantity),
        "cummulativeQuoteQty": eight(order.quote_executed),
        "status": order.status.value,
        "timeInForce": order.time_in_force,
        "type": order.kind,
        "side": order.side.value,
        "workingTime": -1 if order.asleep else order.created,
        "selfTradePreventionMode": "NONE",
    }
    if order.stop_price:
        state["stopPrice"] = exchange_number(order.stop_price)
    return state


def _row(order: Order) -> dict[str, object]:
    return {
        "symbol": order.instrument.venue_symbol,
        "orderId": order.id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        **_state(order),
        "stopPrice": exchange_number(order.stop_price),
        "icebergQty": "0.00000000",
        "time": order.created,
        "updateTime": order.updated,
        "isWorking": not order.asleep,
    }


def _trade(order: Order, fill: Fill) -> dict[str, object]:
    return {
        "symbol": order.instrument.venue_symbol,
        "id": fill.trade_id,
        "orderId": order.id,
        "orderListId": -1,
        "price": exchange_number(fill.price),
        "qty": exchange_number(fill.quantity),
        "quoteQty": eight(fill.price * fill.quantity),
        "commission": eight(fill.commission),
        "commissionAsset": fill.commission_asset,
        "time": fill.time,
        "isBuyer": order.side.sign > 0,
        "isMaker": fill.maker,
        "isBestMatch": True,
    }
