"""Checks a request for an order as Binance does, and makes the order."""

from __future__ import annotations

import re
from decimal import Decimal

from core.exchange.accounts.accounts import Accounts, ExchangeAccount
from core.exchange.errors import ExchangeError, filter_failure, missing
from core.exchange.market.instruments import MAX_QUANTITY, Instrument
from core.exchange.market.quotes import MarketQuotes
from core.exchange.matching.orders import ZERO, Algo, BookSide, Order
from core.exchange.rest.calls import Params

_CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
_SIDES = frozenset(BookSide)
_SPOT_KINDS = frozenset(
    (
        "LIMIT",
        "MARKET",
        "LIMIT_MAKER",
        "STOP_LOSS",
        "STOP_LOSS_LIMIT",
        "TAKE_PROFIT",
        "TAKE_PROFIT_LIMIT",
    )
)
_FUTURES_KINDS = frozenset(("LIMIT", "MARKET"))
CONDITIONAL_KINDS = frozenset(("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"))
_LIMITED = frozenset(("LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"))
_TIMES_IN_FORCE = frozenset(("GTC", "IOC", "FOK"))
_FUTURES_TIMES_IN_FORCE = _TIMES_IN_FORCE | {"GTX"}
# What Binance takes and this exchange does not do: another order than was asked for must not come.
_NOT_DONE = (
    "icebergQty",
    "trailingDelta",
    "pegPriceType",
    "pegOffsetType",
    "pegOffsetValue",
    "callbackRate",
    "activationPrice",
    "activatePrice",
    "priceMatch",
    "goodTillDate",
)
# What changes no order on an exchange with one account for each key and a book of its own.
_BESIDE = frozenset(
    (
        "algoType",
        "newOrderRespType",
        "recvWindow",
        "selfTradePreventionMode",
        "signature",
        "strategyId",
        "strategyType",
        "timestamp",
    )
)
_BAD_TYPE = (-1116, "Invalid orderType.")
_MAX_OPEN = 200


class OrderEntry:
    """Reads orders from requests and holds them to the market's filters."""

    def __init__(self, venue: MarketQuotes, accounts: Accounts) -> None:
        self._venue = venue
        self._accounts = accounts

    def spot(self, account: ExchangeAccount, params: Params, now: int) -> Order:
        """The spot order that the parameters ask for.

        Raises:
            ExchangeError: naming the parameter or the filter that is not met.
        """
        item = self._venue.instrument(params.text("symbol"), perpetual=False)
        side = BookSide(params.choice("side", _SIDES, -1117, "Invalid side."))
        kind = params.choice("type", _SPOT_KINDS, *_BAD_TYPE)
        limited = kind in _LIMITED
        stops = kind.startswith(("STOP", "TAKE"))
        money = params.decimal("quoteOrderQty") if kind == "MARKET" else None
        _refuse(params, *_NOT_DONE)
        if not limited:
            _refuse(params, "price", "timeInForce")
        if not stops:
            _refuse(params, "stopPrice")
        if kind != "MARKET":
            _refuse(params, "quoteOrderQty")
        order = Order(
            id=next(self._accounts.order_ids),
            client_id=self._client_id(account, params, "newClientOrderId", -2010),
            instrument=item,
            side=side,
            kind=kind,
            time_in_force=self._time_in_force(
                params, needed=limited and kind != "LIMIT_MAKER", allowed=_TIMES_IN_FORCE
            ),
            quantity=ZERO if money else self._needed(params, "quantity"),
            price=self._needed(params, "price") if limited else ZERO,
            stop_price=self._needed(params, "stopPrice") if stops else ZERO,
            created=now,
            updated=now,
            limited=limited,
            quote_quantity=money or ZERO,
        )
        _read_all(params)
        self._open(order, now)
        self._spot_filters(account, order, now)
        return order

    def futures(self, account: ExchangeAccount, params: Params, now: int) -> Order:
        """The USDⓈ-M order that the parameters ask for; conditional ones only by algoOrder.

        Raises:
            ExchangeError: naming the parameter or the filter that is not met.
        """
        kind = params.text("type").upper()
        if kind in CONDITIONAL_KINDS or kind == "TRAILING_STOP_MARKET":
            raise ExchangeError(
                -4120,
                "Order type not supported for this endpoint. "
                "Please use the Algo Order API endpoints instead.",
            )
        if kind not in _FUTURES_KINDS:
            raise ExchangeError(*_BAD_TYPE)
        return self._futures(account, params, now, kind, "newClientOrderId")

    def conditional(self, account: ExchangeAccount, params: Params, now: int) -> Order:
        """The conditional USDⓈ-M order that algoOrder's parameters ask for.

        Raises:
            ExchangeError: naming the parameter or the filter that is not met.
        """
        kind = params.choice("type", CONDITIONAL_KINDS, *_BAD_TYPE)
        return self._futures(account, params, now, kind, "clientAlgoId")

    def _futures(
        self, account: ExchangeAccount, params: Params, now: int, kind: str, id_name: str
    ) -> Order:
        item = self._venue.instrument(params.text("symbol"), perpetual=True)
        if (params.optional("positionSide") or "BOTH").upper() != "BOTH":
            raise ExchangeError(-4061, "Order's position side does not match user's setting.")
        side = BookSide(params.choice("side", _SIDES, -1117, "Invalid side."))
        conditional = kind in CONDITIONAL_KINDS
        limited = kind in ("LIMIT", "STOP", "TAKE_PROFIT")
        closes = params.flag("closePosition")
        if closes and (not conditional or limited):
            raise ExchangeError(-4136, "Target strategy invalid for orderType, closePosition true.")
        if closes and params.decimal("quantity"):
            raise ExchangeError(-4137, "Quantity must be zero with closePosition equals true.")
        if closes:
            _refuse(params, "reduceOnly")
        _refuse(params, *_NOT_DONE)
        if (params.optional("workingType") or "CONTRACT_PRICE").upper() != "CONTRACT_PRICE":
            raise ExchangeError(-1130, "Data sent for parameter 'workingType' is not valid.")
        if params.flag("priceProtect"):
            raise ExchangeError(-1130, "Data sent for parameter 'priceProtect' is not valid.")
        if not limited:
            _refuse(params, "price")
        if kind == "MARKET":
            _refuse(params, "timeInForce")
        order = Order(
            id=next(self._accounts.order_ids),
            client_id=self._client_id(account, params, id_name, -4116),
            instrument=item,
            side=side,
            kind=kind,
            time_in_force=self._time_in_force(
                params, needed=kind == "LIMIT", allowed=_FUTURES_TIMES_IN_FORCE
            ),
            quantity=ZERO if closes else self._needed(params, "quantity"),
            price=self._needed(params, "price") if limited else ZERO,
            stop_price=self._needed(params, "triggerPrice") if conditional else ZERO,
            created=now,
            updated=now,
            limited=limited,
            reduce_only=params.flag("reduceOnly"),
            close_position=closes,
            algo=Algo() if conditional else None,
        )
        _read_all(params)
        self._open(order, now)
        self._futures_filters(account, order, now)
        return order

    def _open(self, order: Order, now: int) -> None:
        if not self._venue.replay.trading(order.instrument.symbol, now):
            if order.instrument.perpetual:
                raise ExchangeError(-4141, "Symbol is closed.")
            raise ExchangeError(-1013, "Market is closed.")

    def _spot_filters(self, account: ExchangeAccount, order: Order, now: int) -> None:
        item = order.instrument
        if order.limited and not _on_step(order.price, item.tick_size):
            raise filter_failure("PRICE_FILTER")
        if order.stop_price and not _on_step(order.stop_price, item.tick_size):
            raise filter_failure("PRICE_FILTER")
        if not order.quote_quantity:
            if not item.lot_step <= order.quantity <= MAX_QUANTITY:
                raise filter_failure("LOT_SIZE")
            if not _on_step(order.quantity, item.lot_step):
                raise filter_failure("LOT_SIZE")
        price = order.price or order.stop_price or self._last(item, now)
        if (order.quote_quantity or price * order.quantity) < item.min_notional:
            raise filter_failure("NOTIONAL")
        if self._open_count(account, item) >= _MAX_OPEN:
            raise filter_failure("MAX_NUM_ORDERS")

    def _futures_filters(self, account: ExchangeAccount, order: Order, now: int) -> None:
        item = order.instrument
        if order.limited:
            if order.price <= 0:
                raise ExchangeError(-4006, "Stop price less than zero.")
            if not _on_step(order.price, item.tick_size):
                raise ExchangeError(-4014, "Price not increased by tick size.")
        if order.stop_price and not _on_step(order.stop_price, item.tick_size):
            raise ExchangeError(-4014, "Price not increased by tick size.")
        if order.close_position:
            return
        if order.quantity <= 0:
            raise ExchangeError(-4003, "Quantity less than or equal to zero.")
        if order.quantity > MAX_QUANTITY:
            raise ExchangeError(-4005, "Quantity greater than max quantity.")
        if not _on_step(order.quantity, item.lot_step):
            raise ExchangeError(-1111, "Precision is over the maximum defined for this asset.")
        price = order.price or order.stop_price or self._last(item, now)
        if not order.reduce_only and price * order.quantity < item.min_notional:
            raise ExchangeError(
                -4164,
                f"Order's notional must be no smaller than {item.min_notional} "
                "(unless you choose reduce only).",
            )
        position = account.position(item.symbol).amount
        if order.reduce_only and not order.asleep and position * order.side.sign >= 0:
            raise ExchangeError(-2022, "ReduceOnly Order is rejected.")
        if self._open_count(account, item) >= _MAX_OPEN:
            raise ExchangeError(-2025, "Reach max open order limit.")

    def _last(self, item: Instrument, now: int) -> Decimal:
        return Decimal(repr(self._venue.last(item, now)))

    def _open_count(self, account: ExchangeAccount, item: Instrument) -> int:
        return sum(order.instrument is item for order in account.open_orders.values())

    def _client_id(
        self, account: ExchangeAccount, params: Params, name: str, duplicate: int
    ) -> str:
        given = params.optional(name)
        if given is None:
            return f"papertape{next(self._accounts.client_ids):015d}"
        if not _CLIENT_ID.fullmatch(given):
            raise ExchangeError(
                -1100,
                f"Illegal characters found in parameter '{name}'; "
                "legal range is '^[\\.A-Z\\:/a-z0-9_-]{1,36}$'.",
            )
        if any(order.client_id == given for order in account.open_orders.values()):
            sent = "Duplicate order sent."
            words = sent if duplicate == -2010 else "ClientOrderId is duplicated."
            raise ExchangeError(duplicate, words)
        return given

    def _time_in_force(self, params: Params, *, needed: bool, allowed: frozenset[str]) -> str:
        if needed:
            return params.choice("timeInForce", allowed, -1115, "Invalid timeInForce.")
        return (params.optional("timeInForce") or "GTC").upper()

    def _needed(self, params: Params, name: str) -> Decimal:
        value = params.decimal(name)
        if value is None:
            raise missing(name)
        return value


def _refuse(params: Params, *names: str) -> None:
    """Raises `ExchangeError` where a parameter is sent that this order has no use for."""
    for name in names:
        if params.optional(name) is not None:
            raise ExchangeError(-1106, f"Parameter '{name}' sent when not required.")


def _read_all(params: Params) -> None:
    """Raises `ExchangeError` where more is asked for than an order here can be."""
    sent = params.values.keys() - _BESIDE
    if unread := sent - params.read:
        raise ExchangeError(
            -1104,
            f"Not all sent parameters were read; read '{len(sent - unread)}' parameter(s) but was "
            f"sent '{len(sent)}': {', '.join(sorted(unread))}.",
        )


def _on_step(value: Decimal, step: Decimal) -> bool:
    return value > 0 and value % step == 0
