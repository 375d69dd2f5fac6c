"""Reads what a venue answers about an order, and takes nothing for an answer that is not one.

A proxy, a captive portal or a broken venue may answer with anything. Whatever is not a well-formed
answer about this very order (`AnswerError`) leaves open what became of it,
and the venue is asked again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

from core.market.symbols import venue_symbol
from core.store.redaction import brief
from core.time_format import LATEST
from core.trading.orders import VenueOrder

_OPEN = frozenset({"NEW", "PARTIALLY_FILLED", "PENDING_NEW"})
_ENDED = frozenset({"FILLED", "CANCELED", "REJECTED", "EXPIRED", "EXPIRED_IN_MATCH"})
_WORTH = ("cummulativeQuoteQty", "cumQuote")
_ALSO_TOLD = ("cumQty", "avgPrice")
"""Further fields of USDⓈ-M answers that are 0 where nothing was executed."""
_NUMBER = re.compile(r"\d{1,30}(?:\.\d{1,30})?(?:[Ee][+-]?\d{1,2})?", re.ASCII)
_NEGATIVE = re.compile(f"-{_NUMBER.pattern}", re.ASCII)
_TOO_LARGE = Decimal(10) ** 30
_ID = re.compile(r"\d{1,30}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z0-9]{1,20}", re.ASCII)


class AnswerError(Exception):
    """An answer is none about the order that was asked for; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class VenueFill:
    """One execution: quantity in base currency, price in quote currency, and its fee."""

    quantity: float
    price: float
    fee: float
    fee_currency: str


@dataclass(frozen=True, slots=True)
class OrderState:
    """What a venue says of an order.

    `filled`: base currency; `status` in the venue's words; `time`: UTC ms; `fills`: its executions,
    None where they have to be asked for; `worth`: what was executed in quote currency, None where
    that is not told.
    """

    venue_id: str
    status: str
    filled: float
    time: int
    fills: tuple[VenueFill, ...] | None
    worth: float | None = None

    @property
    def ended(self) -> bool:
        """Whether the venue is done with it."""
        return self.status in _ENDED

    @property
    def complete(self) -> bool:
        """Whether all of it was filled."""
        return self.status == "FILLED"


def read_order(row: object, order: VenueOrder) -> OrderState:
    """What a venue's row says of an order.

    Raises:
        AnswerError: it is no row, or one of another order.
    """
    said = _mapping(row)
    _same(said, "symbol", venue_symbol(order.symbol))
    _same(said, "clientOrderId", order.id)
    _same(said, "side", order.side.value.upper())
    status = said.get("status")
    if status not in _OPEN | _ENDED:
        raise AnswerError(f"status {brief(status)!r} is none")
    asked, filled = _number(said, "origQty"), _number(said, "executedQty")
    if not asked > 0 or not 0 <= filled <= asked or (status == "FILLED") != (filled == asked):
        raise AnswerError(f"{status}, {filled} of {asked} executed, contradicts itself")
    venue_id = _text(said, "orderId", _ID)
    rows = said.get("fills")
    fills = _fills(rows) if isinstance(rows, list) and rows else None
    told = _told(said)
    if not filled and (fills or any(told.values())):
        raise AnswerError(f"{status}, {filled} executed and yet otherwise, contradicts itself")
    if told.get("cumQty", filled) != filled:
        raise AnswerError(f"{filled} and {told['cumQty']} executed contradict each other")
    worth = next((float(told[name]) for name in _WORTH if told.get(name)), None)
    return OrderState(venue_id, str(status), float(filled), _time(said), fills, worth)


def _told(said: Mapping[str, object]) -> dict[str, Decimal]:
    """What an answer tells beside the executed quantity, by field.

    A garbled worth makes the answer none, since it may be all that shows an execution. Not told is
    a `cummulativeQuoteQty` below 0, by which Binance means that it is not available.
    """
    told = {}
    for name in _WORTH:
        untold = name == "cummulativeQuoteQty" and _NEGATIVE.fullmatch(str(said.get(name)))
        if name in said and not untold:
            told[name] = _number(said, name)
    for name in _ALSO_TOLD:
        with suppress(AnswerError):
            told[name] = _number(said, name)
    return told


def read_fills(rows: object, order: VenueOrder, venue_id: str) -> tuple[VenueFill, ...]:
    """The executions of an order, each once.

    Raises:
        AnswerError: the rows are none, or those of another order.
    """
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        raise AnswerError("no list of executions")
    found = {}
    for row in map(_mapping, rows):
        _same(row, "symbol", venue_symbol(order.symbol))
        _same(row, "orderId", venue_id)
        found[_text(row, "id", _ID)] = row
    return _fills(found.values())


def _fills(rows: Iterable[object]) -> tuple[VenueFill, ...]:
    return tuple(_fill(_mapping(row)) for row in rows)


def _fill(row: Mapping[str, object]) -> VenueFill:
    quantity, price = _number(row, "qty"), _number(row, "price")
    if not quantity or not price:
        raise AnswerError("an execution of nothing, or for nothing")
    fee = _number(row, "commission")
    return VenueFill(
        float(quantity), float(price), float(fee), _text(row, "commissionAsset", _CURRENCY)
    )


def _mapping(row: object) -> Mapping[str, object]:
    if not isinstance(row, Mapping):
        raise AnswerError(f"no object, but {type(row).__name__}")
    return row


def _same(said: Mapping[str, object], name: str, expected: str) -> None:
    found = said.get(name)
    if isinstance(found, bool) or str(found) != expected:
        raise AnswerError(f"it is about another order: {name} {brief(found)!r}, not {expected}")


def _text(said: Mapping[str, object], name: str, form: re.Pattern[str]) -> str:
    found = said.get(name)
    text = str(found)
    if isinstance(found, bool) or not form.fullmatch(text):
        raise AnswerError(f"{name} {brief(found)!r} is none")
    return text


def _number(said: Mapping[str, object], name: str) -> Decimal:
    number = Decimal(_text(said, name, _NUMBER))
    if number >= _TOO_LARGE:
        raise AnswerError(f"{name} {brief(said[name])!r} is none")
    return number


def _time(said: Mapping[str, object]) -> int:
    name = "transactTime" if "transactTime" in said else "updateTime"
    time = int(_text(said, name, _ID))
    if not 0 < time <= LATEST:
        raise AnswerError(f"{name} {time} is no time")
    return time


def check_done(answer: object) -> None:
    """Take a venue's word that it has done what it was asked.

    Raises:
        AnswerError: it says nothing of the kind.
    """
    _same(_mapping(answer), "code", "200")


def check_leverage(answer: object, symbol: str, leverage: int) -> None:
    """Take a venue's word that a leverage is set.

    Raises:
        AnswerError: it says nothing of the kind, or sets another one.
    """
    said = _mapping(answer)
    _same(said, "symbol", venue_symbol(symbol))
    _same(said, "leverage", str(leverage))


def check_account(answer: object, holdings: str) -> None:
    """Take an answer for that of an account; `holdings` is the list that every account has.

    Raises:
        AnswerError: it is none.
    """
    if not isinstance(_mapping(answer).get(holdings), list):
        raise AnswerError(f"an account without {holdings}")
