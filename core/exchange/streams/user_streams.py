"""Tells the owner of an account of orders, fills and balances as they happen."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from decimal import Decimal

import orjson

from core.exchange.accounts.accounts import ExchangeAccount
from core.exchange.accounts.ledgers import FuturesLedger
from core.exchange.errors import ExchangeError
from core.exchange.market.clock import ExchangeClock
from core.exchange.market.instruments import Instrument
from core.exchange.matching.orders import (
    ZERO,
    AccountReport,
    AlgoReport,
    ExecutionKind,
    ExecutionReport,
    FundingReport,
)
from core.exchange.rest.calls import Call, Endpoint, Routes, Security
from core.exchange.rest.payloads import exchange_number
from core.exchange.streams.connections import Audience, Category, ClientConnection
from core.market.candles.timeframes import HOUR

UserEvent = dict[str, object]


@dataclass(slots=True)
class _ListenKey:
    account: ExchangeAccount
    expires: float  # elapsed real ms


class UserStreams:
    """Tells accounts what happens to them.

    Spot: connections of the WebSocket API that subscribed with a signature. USDⓈ-M: listen keys,
    valid for an hour of real time after the last PUT; a connection may name the events that it
    wants.
    """

    def __init__(self, clock: ExchangeClock, audience: Audience, ledger: FuturesLedger) -> None:
        self._clock = clock
        self._audience = audience
        self._ledger = ledger
        self._keys: dict[str, _ListenKey] = {}
        self._spot: dict[ExchangeAccount, dict[tuple[ClientConnection, int], None]] = {}
        self._wanted: dict[ClientConnection, frozenset[str]] = {}

    def routes(self) -> Routes:
        """The calls about listen keys."""
        path = "/fapi/v1/listenKey"
        return {
            ("POST", path): Endpoint(self._create, 1, Security.KEY),
            ("PUT", path): Endpoint(self._extend, 1, Security.KEY),
            ("DELETE", path): Endpoint(self._delete, 1, Security.KEY),
        }

    def want(self, connection: ClientConnection, events: frozenset[str]) -> None:
        """Send a private connection only these events."""
        self._wanted[connection] = events

    def subscribe(
        self, account: ExchangeAccount, connection: ClientConnection, subscription: int
    ) -> None:
        """Tell a connection of the WebSocket API what happens to a spot account."""
        self._spot.setdefault(account, {})[connection, subscription] = None

    def unsubscribe(self, connection: ClientConnection, subscription: int | None = None) -> None:
        """Tell a connection no more: of one subscription, or of any."""
        self._wanted.pop(connection, None)
        for listeners in self._spot.values():
            for listener in list(listeners):
                if listener[0] is connection and subscription in (None, listener[1]):
                    del listeners[listener]

    def on_report(self, account: ExchangeAccount, report: AccountReport) -> None:
        """Tell the owner what happened to an order or a position."""
        match report:
            case AlgoReport():
                self._tell_futures(account, _algo_update(report))
            case FundingReport():
                self._tell_futures(account, self._funding_update(account, report))
            case _ if report.order.instrument.perpetual:
                self._tell_futures(account, _order_update(report))
                if report.kind is ExecutionKind.TRADE:
                    self._tell_futures(account, self._fill_update(account, report))
            case _:
                self._tell_spot(account, _execution_report(report))
                self._tell_spot(account, _account_position(account, report))

    def expire(self) -> None:
        """Let listen keys go that were not extended in time."""
        for key, held in list(self._keys.items()):
            if self._clock.elapsed() >= held.expires:
                event: UserEvent = {
                    "e": "listenKeyExpired",
                    "E": self._clock.now(),
                    "listenKey": key,
                }
                self._tell_key(key, event)
                del self._keys[key]

    def _create(self, call: Call) -> object:
        expires = self._clock.elapsed() + HOUR
        for key, held in self._keys.items():
            if held.account is call.account:
                held.expires = expires
                return {"listenKey": key}
        key = secrets.token_hex(32)
        self._keys[key] = _ListenKey(call.account, expires)
        return {"listenKey": key}

    def _extend(self, call: Call) -> object:
        for key, held in self._keys.items():
            if held.account is call.account:
                held.expires = self._clock.elapsed() + HOUR
                return {"listenKey": key}
        raise ExchangeError(-1125, "This listenKey does not exist.")

    def _delete(self, call: Call) -> object:
        for key, held in list(self._keys.items()):
            if held.account is call.account:
                del self._keys[key]
        return {}

    def _tell_spot(self, account: ExchangeAccount, event: UserEvent) -> None:
        for connection, subscription in self._spot.get(account, ()):
            connection.reply({"subscriptionId": subscription, "event": event})

    def _tell_futures(self, account: ExchangeAccount, event: UserEvent) -> None:
        for key, held in self._keys.items():
            if held.account is account:
                self._tell_key(key, event)

    def _tell_key(self, key: str, event: UserEvent) -> None:
        for connection in self._audience.listeners(Category.PRIVATE, key):
            wanted = self._wanted.get(connection)
            if wanted is None or event["e"] in wanted:
                connection.push(key, orjson.dumps(event).decode(), final=True)

    def _fill_update(self, account: ExchangeAccount, execution: ExecutionReport) -> UserEvent:
        item = execution.order.instrument
        realized = execution.fill.realized if execution.fill else ZERO
        positions = [self._position(account, item, realized)]
        return _account_update(account, item, "ORDER", ZERO, positions, execution.time)

    def _funding_update(self, account: ExchangeAccount, funding: FundingReport) -> UserEvent:
        """Only an isolated position is told of: a cross one did not change."""
        item = funding.instrument
        isolated = account.position(item.symbol).isolated_margin
        positions = [self._position(account, item, ZERO)] if isolated else []
        return _account_update(
            account, item, "FUNDING_FEE", funding.amount, positions, funding.time
        )

    def _position(self, account: ExchangeAccount, item: Instrument, realized: Decimal) -> UserEvent:
        position = account.position(item.symbol)
        isolated = position.isolated if position.isolated_margin else ZERO
        return {
            "s": item.venue_symbol,
            "pa": exchange_number(position.amount),
            "ep": f"{position.entry_price:.8f}",
            "bep": f"{position.entry_price:.8f}",
            "cr": f"{realized:.8f}",
            "up": f"{self._ledger.unrealized(account, item.symbol):.8f}",
            "mt": "isolated" if position.isolated_margin else "cross",
            "iw": f"{isolated:.8f}",
            "ps": "BOTH",
        }


def _account_update(
    account: ExchangeAccount,
    item: Instrument,
    reason: str,
    change: Decimal,
    positions: list[UserEvent],
    time: int,
) -> UserEvent:
    """`change`: of the wallet, but for profit and commission."""
    wallet, position = account.wallet(item.quote), account.position(item.symbol)
    isolated = position.isolated if position.isolated_margin else ZERO
    return {
        "e": "ACCOUNT_UPDATE",
        "E": time,
        "T": time,
        "a": {
            "m": reason,
            "B": [
                {
                    "a": item.quote,
                    "wb": f"{wallet:.8f}",
                    "cw": f"{wallet - isolated:.8f}",
                    "bc": f"{change:.8f}" if change else "0",
                }
            ],
            "P": positions,
        },
    }


def _algo_update(report: AlgoReport) -> UserEvent:
    order, algo = report.order, report.algo
    placed = algo.placed
    event: UserEvent = {
        "caid": order.client_id,
        "aid": order.id,
        "at": "CONDITIONAL",
        "o": order.kind,
        "s": order.instrument.venue_symbol,
        "S": order.side.value,
        "ps": "BOTH",
        "f": order.time_in_force,
        "q": exchange_number(order.quantity),
        "X": algo.status.value,
        "ai": str(placed.id) if placed else "",
        "tp": exchange_number(order.stop_price),
        "p": exchange_number(order.price),
        "V": "EXPIRE_MAKER",
        "wt": "CONTRACT_PRICE",
        "pm": "NONE",
        "cp": order.close_position,
        "pP": False,
        "R": order.reduce_only,
        "tt": algo.triggered,
        "gtd": 0,
        "rm": algo.reason,
    }
    if placed is not None:  # what the order in the book came to
        event |= {
            "ap": exchange_number(placed.average),
            "aq": exchange_number(placed.executed),
            "act": placed.kind,
        }
    return {"e": "ALGO_UPDATE", "E": report.time, "T": report.time, "o": event}


def _order_fields(execution: ExecutionReport) -> UserEvent:
    """What spot and USDⓈ-M tell of an order under the same names."""
    order, fill = execution.order, execution.fill
    return {
        "s": order.instrument.venue_symbol,
        "c": order.client_id,
        "S": order.side.value,
        "o": order.kind,
        "f": order.time_in_force,
        "q": exchange_number(order.quantity),
        "p": exchange_number(order.price),
        "x": execution.kind.value,
        "X": order.status.value,
        "i": order.id,
        "l": exchange_number(fill.quantity if fill else ZERO),
        "z": exchange_number(order.executed),
        "L": exchange_number(fill.price if fill else ZERO),
        "n": f"{fill.commission:.8f}" if fill else "0",
        "T": execution.time,
        "m": fill.maker if fill else False,
    }


def _execution_report(execution: ExecutionReport) -> UserEvent:
    order, fill = execution.order, execution.fill
    return {
        "e": "executionReport",
        "E": execution.time,
        **_order_fields(execution),
        "P": exchange_number(order.stop_price),
        "F": "0.00000000",
        "g": -1,
        "C": order.client_id if execution.kind is ExecutionKind.CANCELED else "",
        "r": "NONE",
        "N": fill.commission_asset if fill else None,
        "t": fill.trade_id if fill else -1,
        "I": execution.time,
        "w": order.status.open and not order.asleep,
        "M": False,
        "O": order.created,
        "Z": exchange_number(order.quote_executed),
        "Y": exchange_number(fill.price * fill.quantity if fill else ZERO),
        "Q": exchange_number(order.quote_quantity),
        "W": order.created,
        "V": "NONE",
    }


def _account_position(account: ExchangeAccount, execution: ExecutionReport) -> UserEvent:
    item = execution.order.instrument
    return {
        "e": "outboundAccountPosition",
        "E": execution.time,
        "u": execution.time,
        "B": [
            {
                "a": asset,
                "f": f"{account.balance(asset).free:.8f}",
                "l": f"{account.balance(asset).locked:.8f}",
            }
            for asset in (item.base, item.quote)
        ],
    }


def _order_update(execution: ExecutionReport) -> UserEvent:
    order, fill = execution.order, execution.fill
    return {
        "e": "ORDER_TRADE_UPDATE",
        "E": execution.time,
        "T": execution.time,
        "o": {
            **_order_fields(execution),
            "ap": exchange_number(order.average),
            "sp": exchange_number(order.stop_price),
            "N": fill.commission_asset if fill else order.instrument.quote,
            "t": fill.trade_id if fill else 0,
            "b": "0",
            "a": "0",
            "R": order.reduce_only,
            "wt": "CONTRACT_PRICE",
            "ot": order.kind,
            "ps": "BOTH",
            "cp": order.close_position,
            "rp": f"{fill.realized:.8f}" if fill else "0",
            "pP": False,
            "si": 0,
            "ss": 0,
            "V": "EXPIRE_MAKER",
            "pm": "NONE",
            "gtd": 0,
        },
    }
