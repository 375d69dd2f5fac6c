"""Whatever a venue answers that is no answer about the very order is asked about, and never shown
with a key in it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from decimal import Decimal
from urllib.parse import quote

import pytest
from aiohttp import web

from core.exchange.server import EmbeddedExchange
from core.trading.key_trial import try_key
from core.trading.order_client import UnsureError
from core.trading.orders import OrderSide, VenueOrder
from core.trading.venue_hosts import (
    ForbiddenAddressError,
    LoopbackResolver,
    OrderAddresses,
)

from .desks import KEY, KEYS, SECRET, Desk, executed
from .test_order_executor import PERPETUAL, SPOT, order, pass_on, standing_between

Change = Callable[[object], object]


def changed(**fields: object) -> Change:
    def change(body: object) -> object:
        assert isinstance(body, dict)
        return {**body, **fields}

    return change


def without(*names: str) -> Change:
    def change(body: object) -> object:
        assert isinstance(body, dict)
        return {name: value for name, value in body.items() if name not in names}

    return change


_BODIES = [
    b"",
    b" ",
    b"{",
    b"null",
    b"true",
    b"0",
    b'"ok"',
    b"[]",
    b"[[]]",
    b"{}",
    b"<html><body>Welcome to the hotel</body></html>",
    b"\xff\xfe\x00",
    b'{"code": 200, "msg": "success"}',
    b'{"code": 0}',
    b'{"code": -2010, "msg": "Account has insufficient balance for requested action."}',
    b'{"code": -2013, "msg": "Order does not exist."}',
    b'{"code": -1003, "msg": "Too many requests"}',
    b'{"code": -1021, "msg": "Timestamp for this request was 1000ms ahead"}',
    b'{"code": "x"}',
    b"[" * 2_000,
]
RAW: list[tuple[str, bytes | Change]] = [(repr(body[:30]), body) for body in _BODIES]
CHANGES: dict[str, Change] = {
    "a list": lambda body: [body],
    "inside another": lambda body: {"data": body},
    "another ID": changed(clientOrderId="pt-abcd1234-2"),
    "no ID": without("clientOrderId"),
    "no venue ID": without("orderId"),
    "venue ID of a wrong type": changed(orderId=[1]),
    "venue ID with a text": changed(orderId=KEY),
    "another symbol": changed(symbol="ETHUSDT"),
    "another side": changed(side="SELL"),
    "no status": without("status"),
    "an unknown status": changed(status="DONE"),
    "status null": changed(status=None),
    "expired, yet executed in full": changed(status="EXPIRED"),
    "filled, yet nothing executed": changed(executedQty="0.00000000"),
    "cancelled, yet worth something": changed(status="CANCELED", executedQty="0.00000000"),
    "not even taken, yet worth something": changed(status="REJECTED", executedQty="0"),
    "executed null": changed(executedQty=None),
    "no executed quantity": without("executedQty"),
    "executed in words": changed(executedQty="all of it"),
    "more executed than asked for": changed(executedQty="99.00000000"),
    "a negative quantity": changed(executedQty="-0.01000000"),
    "not a number": changed(executedQty="NaN", origQty="NaN"),
    "infinite": changed(executedQty="Infinity", origQty="1e999"),
    "a quantity of another type": changed(executedQty={"value": 0.01}),
    "a time that is none": changed(transactTime="soon", updateTime="soon"),
    "a time in the year 300000": changed(transactTime=10**16, updateTime=10**16),
}
UNFILLED: dict[str, Change] = {
    "expired, yet for a price": lambda body: without("cumQuote", "cumQty", "cummulativeQuoteQty")(
        changed(status="EXPIRED", executedQty="0", fills=[], avgPrice="60000")(body)
    ),
    "expired, yet more executed elsewhere": lambda body: without("cumQuote", "cummulativeQuoteQty")(
        changed(status="EXPIRED", executedQty="0", fills=[], avgPrice="0", cumQty="0.01")(body)
    ),
    "expired, and worth something in another notation": changed(
        status="EXPIRED", executedQty="0", fills=[], cumQuote="6e2", cummulativeQuoteQty="6e2"
    ),
    "expired, worth nothing that can be read": changed(
        status="EXPIRED", executedQty="0", fills=[], cumQuote=None, cummulativeQuoteQty=None
    ),
    "expired, without a contradiction": lambda body: without(
        "cumQuote", "cummulativeQuoteQty", "cumQty", "avgPrice", "fills"
    )(changed(status="EXPIRED", executedQty="0")(body)),
    "worth something else": lambda body: without("avgPrice", "fills")(
        changed(cumQuote="1.5", cummulativeQuoteQty="1.5")(body)
    ),
    "the venue ID of another order": changed(orderId=1, fills=None),
}
MEDDLING: list[tuple[str, bytes | Change]] = [*RAW, *CHANGES.items()]


def meddled(answer: web.Response, change: bytes | Change) -> web.Response:
    if isinstance(change, bytes):
        return web.Response(body=change, content_type="application/json")
    assert isinstance(answer.body, bytes)
    return web.json_response(change(json.loads(answer.body)))


class Meddler:
    """Stands before the exchange, and changes the next answers to one kind of request."""

    def __init__(self, exchange: EmbeddedExchange, method: str, path: str) -> None:
        self._exchange, self._method, self._path = exchange, method, path
        self._change: bytes | Change = b""
        self._left = 0

    def meddle(self, change: bytes | Change, times: int = 1) -> None:
        self._change, self._left = change, times

    async def answer(self, request: web.Request) -> web.StreamResponse:
        answered = await pass_on(self._exchange, request)
        if (
            request.method != self._method
            or not request.path.endswith(self._path)
            or not self._left
        ):
            return answered
        self._left -= 1
        return meddled(answered, self._change)


def numbered(number: int, symbol: str, side: str = "buy", quantity: float = 0.01) -> VenueOrder:
    name = f"pt-abcd1234-{number}"
    return VenueOrder(
        number, name, symbol, OrderSide(side), quantity, 60_000.0, closes=side == "sell"
    )


def filled_of(exchange: EmbeddedExchange, number: int) -> list[Decimal]:
    """What the exchange executed of orders with a client ID."""
    (account,) = exchange.accounts
    name = f"pt-abcd1234-{number}"
    return [found.executed for found in account.orders.values() if found.client_id == name]


@pytest.mark.parametrize("changes", [MEDDLING, [*UNFILLED.items()]], ids=["any", "unfilled"])
@pytest.mark.parametrize("symbol", [SPOT, PERPETUAL])
async def test_an_executed_order_is_asked_for_whatever_its_answer_was(
    exchange: EmbeddedExchange, symbol: str, changes: list[tuple[str, bytes | Change]]
) -> None:
    meddler = Meddler(exchange, "POST", "/order")
    async with standing_between(meddler.answer, perpetual=symbol == PERPETUAL) as one:
        for number, (name, change) in enumerate(changes, start=1):
            meddler.meddle(change)
            execution = await one.execute(numbered(2 * number, symbol))
            assert filled_of(exchange, 2 * number) == [Decimal("0.01")], name
            assert (execution.quantity, execution.why) == (0.01, None), name
            assert execution.fees, name
            closing = numbered(2 * number + 1, symbol, "sell", 0.009)
            assert (await one.execute(closing)).quantity == 0.009, name


BESIDE: dict[str, Change] = {
    "worth below 0, which is not available": changed(cummulativeQuoteQty="-1.00000000"),
    "worth nothing, with an exponent": changed(cumQuote="0E-8", cummulativeQuoteQty="0E-8"),
    "an average that is empty": changed(avgPrice=""),
    "an average and a sum that are no numbers": changed(avgPrice=None, cumQty="all of it"),
    "the quantity, with an exponent": changed(executedQty="1E-2", origQty="1.0e-02"),
}


@pytest.mark.parametrize("symbol", [SPOT, PERPETUAL])
async def test_an_answer_counts_whatever_is_not_told_beside_the_executed_quantity(
    exchange: EmbeddedExchange, symbol: str
) -> None:
    meddler = Meddler(exchange, "POST", "/order")
    async with standing_between(meddler.answer, perpetual=symbol == PERPETUAL) as one:
        for number, (name, change) in enumerate(BESIDE.items(), start=1):
            meddler.meddle(change)
            execution = await one.execute(numbered(number, symbol))
            assert (execution.quantity, execution.why) == (0.01, None), name
            assert (one.told, one.naps) == ([], []), name


@pytest.mark.parametrize("worth", ["-1.0", "garbled", "1E+99", "1E+999", "", None])
async def test_a_worth_that_cannot_be_read_is_no_answer(
    exchange: EmbeddedExchange, worth: object
) -> None:
    meddler = Meddler(exchange, "GET", "/order")
    async with standing_between(meddler.answer, perpetual=True) as one:
        await one.execute(order(PERPETUAL))
        meddler.meddle(changed(cumQuote=worth))
        with pytest.raises(UnsureError, match="cumQuote"):
            await one.client.find(order(PERPETUAL))


async def test_a_question_answered_with_nonsense_is_asked_again(exchange: EmbeddedExchange) -> None:
    meddler = Meddler(exchange, "GET", "/order")
    async with standing_between(meddler.answer) as one:
        for number, (name, change) in enumerate(MEDDLING, start=1):
            meddler.meddle(change, times=2)
            exchange.switch_on("unknown_outcome", "/api/v3/order", times=1)
            execution = await one.execute(numbered(number, SPOT))
            assert filled_of(exchange, number) == [Decimal("0.01")], name
            assert (execution.quantity, execution.why) == (0.01, None), name


def each_row(**fields: object) -> Change:
    def change(body: object) -> object:
        assert isinstance(body, list)
        return [{**row, **fields} for row in body]

    return change


EXECUTIONS: list[tuple[str, bytes | Change]] = [
    *RAW,
    ("an object", lambda rows: {"rows": rows}),
    ("of another order", each_row(orderId=77)),
    ("of another market", each_row(symbol="ETHUSDT")),
    ("at no price", each_row(price="0")),
    ("without a fee", each_row(commission=None)),
    ("fees in a key", each_row(commissionAsset=KEY)),
    ("nobody's", lambda _: []),
    ("null among them", lambda rows: [rows, None]),
]


async def test_executions_that_are_none_of_the_order_are_asked_for_again(
    exchange: EmbeddedExchange,
) -> None:
    meddler = Meddler(exchange, "GET", "/userTrades")
    async with standing_between(meddler.answer, perpetual=True) as one:
        for number, (name, change) in enumerate(EXECUTIONS, start=1):
            meddler.meddle(change, times=2)
            side = "buy" if number % 2 else "sell"
            execution = await one.execute(numbered(number, PERPETUAL, side))
            assert filled_of(exchange, number) == [Decimal("0.01")], name
            assert (execution.quantity, execution.why) == (0.01, None), name
            assert execution.fees["USDT"] > 0, name


async def test_executions_told_twice_count_once(exchange: EmbeddedExchange) -> None:
    meddler = Meddler(exchange, "GET", "/userTrades")
    meddler.meddle(lambda rows: [*rows, *rows])  # type: ignore[misc]
    async with standing_between(meddler.answer, perpetual=True) as one:
        assert (await one.execute(order(PERPETUAL))).quantity == 0.01


@pytest.mark.parametrize("path", ["/leverage", "/marginType"])
async def test_leverage_and_margin_are_set_before_an_order_goes_out(
    exchange: EmbeddedExchange, path: str
) -> None:
    asked: list[str] = []
    meddler = Meddler(exchange, "POST", path)

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            asked.append(request.path.rpartition("/")[2])
        return await meddler.answer(request)

    async with standing_between(answer, perpetual=True) as one:
        for number, (name, change) in enumerate(RAW, start=2):
            if isinstance(change, bytes) and b'"code": 200' in change and path == "/marginType":
                continue  # what a venue says that has isolated a margin
            meddler.meddle(change)
            asked.clear()
            await one.execute(numbered(number, PERPETUAL), leverage=number)
            assert asked.count(path[1:]) == 2, name
            assert asked[-1] == "order", name


async def test_an_executed_order_whose_answer_leads_elsewhere_is_asked_for(
    exchange: EmbeddedExchange,
) -> None:
    sent: list[str] = []

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        answer = await pass_on(exchange, request)
        if request.method == "POST" and not sent:
            sent.append(request.path)
            return web.Response(status=303, headers={"Location": f"{exchange.rest_url}/other"})
        return answer

    async with standing_between(elsewhere) as one:
        assert (await one.execute(order())).quantity == 0.01
    assert executed(exchange) == [Decimal("0.01")]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429, 418])
async def test_a_gateways_refusal_of_an_executed_order_is_not_the_venues(
    exchange: EmbeddedExchange, status: int
) -> None:
    sent: list[int] = []

    async def refuse_afterwards(request: web.Request) -> web.StreamResponse:
        answer = await pass_on(exchange, request)
        if request.method == "POST" and not sent:
            sent.append(answer.status)
            return web.Response(status=status, text="<html>Forbidden</html>")
        return answer

    async with standing_between(refuse_afterwards) as one:
        assert (await one.execute(order())).quantity == 0.01
        assert executed(exchange) == [Decimal("0.01")]


async def test_a_gateway_that_takes_no_orders_ends_in_its_words_once_the_venue_has_none(
    exchange: EmbeddedExchange,
) -> None:
    async def refuse(request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            return web.Response(status=403, text="<html>no POST here</html>")
        return await pass_on(exchange, request)

    async with standing_between(refuse) as one:
        refused = await one.execute(order())
        assert (refused.quantity, refused.why) == (0, "403 <html>no POST here</html>")
        assert executed(exchange) == []
        assert one.seconds > 7


@pytest.mark.parametrize("change", [b"", b"{}", b"[]", b"<html>", b"null", b'{"code": 200}'])
async def test_a_key_does_not_work_because_something_answers(
    exchange: EmbeddedExchange, change: bytes
) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        answered = await pass_on(exchange, request)
        return meddled(answered, change) if "account" in request.path.lower() else answered

    async with standing_between(answer) as one:
        moved = dict.fromkeys(("testnet_spot", "testnet_futures"), one.client.address)
        trial = await try_key("binance_testnet", KEYS, OrderAddresses().with_addresses(moved))
        assert not trial.works


# ── Keys that a venue or a proxy echoes ──

ECHOES: list[Callable[[str], str]] = [
    str,
    lambda text: quote(text, safe=""),
    json.dumps,
    lambda text: base64.b64encode(f"{KEY}:{text}".encode()).decode(),
    lambda text: text.encode().hex(),
    lambda text: "".join(f"\\u{ord(letter):04x}" for letter in text),
]


@pytest.mark.parametrize("status", [200, 400, 403, 500])
async def test_no_word_of_a_venue_shows_a_key_or_a_part_of_one(
    exchange: EmbeddedExchange, status: int
) -> None:
    echoes: list[str] = []
    times: list[int] = []

    async def echo(request: web.Request) -> web.StreamResponse:
        if request.method != "POST" or not times:
            return await pass_on(exchange, request)
        times.pop()
        # A cut to 200 characters would fall into a key.
        said = "x" * 180 + " " + " ".join(echoes)
        if status == 400:
            return web.json_response({"code": -2015, "msg": said}, status=status)
        return web.Response(status=status, text=said)

    async with standing_between(echo) as one:
        for number, encoded in enumerate(ECHOES, start=1):
            echoes[:] = [encoded(KEY), encoded(SECRET)]
            times[:] = [1, 2]
            one.told.clear()
            execution = await one.execute(numbered(number, SPOT))
            words = " ".join([execution.why or "", *one.told])
            assert status == 200 or "xxx" in words
            for echoed in (KEY, SECRET, *echoes):
                assert echoed.strip('"')[:8] not in words, number


# ── This machine is an address ──


def map_names(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Have every name looked up be an address, as a changed hosts file would."""

    async def resolve(_: object, host: str, port: int = 0, family: int = 0) -> list[object]:
        found = {"hostname": host, "host": address, "port": port, "family": family}
        return [{**found, "proto": 0, "flags": 0}]

    monkeypatch.setattr("aiohttp.ThreadedResolver.resolve", resolve)


@pytest.mark.parametrize("elsewhere", ["192.0.2.7", "0.0.0.0", "::ffff:192.0.2.7", "2001:db8::1"])
async def test_a_localhost_that_is_mapped_elsewhere_gets_no_request(
    exchange: EmbeddedExchange, monkeypatch: pytest.MonkeyPatch, elsewhere: str
) -> None:
    map_names(monkeypatch, elsewhere)
    one = Desk(exchange.rest_url.replace("127.0.0.1", "localhost"))
    refused = await one.execute(order())
    assert refused.quantity == 0
    assert f"localhost, which is {elsewhere} here: write 127.0.0.1" in (refused.why or "")
    await one.client.close()


async def test_localhost_takes_orders_where_it_is_this_machine(exchange: EmbeddedExchange) -> None:
    one = Desk(exchange.rest_url.replace("127.0.0.1", "localhost"))
    assert (await one.execute(order())).quantity == 0.01
    await one.client.close()


async def test_other_names_are_looked_up_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    map_names(monkeypatch, "192.0.2.7")
    resolver = LoopbackResolver()
    (found,) = await resolver.resolve("testnet.binance.vision", 443)
    assert found["host"] == "192.0.2.7"
    with pytest.raises(ForbiddenAddressError, match="orders never go to"):
        await resolver.resolve("localhost", 443)
    await resolver.close()


async def test_what_is_unsure_says_what_was_wrong(exchange: EmbeddedExchange) -> None:
    meddler = Meddler(exchange, "GET", "/order")
    async with standing_between(meddler.answer) as one:
        await one.execute(order())
        meddler.meddle(changed(side="SELL"))
        with pytest.raises(UnsureError, match="it is about another order: side 'SELL', not BUY"):
            await one.client.find(order())
