"""An order reaches a test venue exactly once, whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import ClientSession, web
from yarl import URL

from core.exchange.market.clock import ManualClock, RunningClock
from core.exchange.market.synthetic import SyntheticMarket
from core.exchange.server import EmbeddedExchange
from core.trading.order_client import OrderClient, UnsureError
from core.trading.orders import OrderSide, VenueOrder
from core.trading.venue_hosts import ForbiddenAddressError

from .conftest import OPENING, START
from .desks import KEY, KEYS, SECRET, Desk, address, executed

SPOT, PERPETUAL = "BTC/USDT", "BTC/USDT:USDT"
MakeDesk = Callable[..., Desk]
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def order(
    symbol: str = SPOT, side: str = "buy", quantity: float = 0.01, *, closes: bool = False
) -> VenueOrder:
    return VenueOrder(1, "pt-abcd1234-1", symbol, OrderSide(side), quantity, 60_000.0, closes)


@pytest.fixture
async def desk(exchange: EmbeddedExchange) -> AsyncIterator[MakeDesk]:
    made: list[Desk] = []

    def make(**options: bool) -> Desk:
        made.append(Desk(address(exchange, **options), **options))
        return made[-1]

    yield make
    for one in made:
        await one.client.close()


async def test_spot_order_is_executed_with_its_price_and_fees(
    exchange: EmbeddedExchange, desk: MakeDesk
) -> None:
    buy = await desk().execute(order())
    assert executed(exchange) == [Decimal("0.01")]
    assert (buy.quantity, buy.why) == (0.01, None)
    instrument = exchange.venue.instrument("BTCUSDT", perpetual=False)
    assert buy.price == pytest.approx(exchange.venue.last(instrument, START), rel=0.01)
    assert buy.fees == {"BTC": pytest.approx(0.00001)}
    assert buy.time == START
    assert buy.venue_id == "1"
    assert buy.latency is not None


async def test_perpetual_order_has_isolated_margin_leverage_and_its_fee(
    exchange: EmbeddedExchange, desk: MakeDesk
) -> None:
    one = desk(perpetual=True)
    opened = await one.execute(order(PERPETUAL, "sell", 0.02), leverage=7)
    (account,) = exchange.accounts
    position = account.position(PERPETUAL)
    assert (position.leverage, position.isolated_margin) == (7, True)
    assert position.amount == Decimal("-0.02")
    assert opened.price is not None
    assert opened.fees == {"USDT": pytest.approx(0.0005 * 0.02 * opened.price, rel=1e-6)}
    closed = await one.execute(
        VenueOrder(2, "pt-abcd1234-2", PERPETUAL, OrderSide.BUY, 0.02, 60_000.0, closes=True)
    )
    assert closed.quantity == 0.02
    assert position.amount == 0


async def test_leverage_is_set_anew_after_an_order_with_another_one(
    exchange: EmbeddedExchange, desk: MakeDesk
) -> None:
    one = desk(perpetual=True)
    (account,) = exchange.accounts
    for number, leverage in enumerate((3, 5, 3), start=1):
        name = f"pt-session{number}-1"
        opening = VenueOrder(1, name, PERPETUAL, OrderSide.BUY, 0.01, 60_000.0, False)
        assert (await one.execute(opening, leverage=leverage)).why is None
        assert account.position(PERPETUAL).leverage == leverage


async def test_margin_that_is_isolated_already_is_no_refusal(
    exchange: EmbeddedExchange, desk: MakeDesk
) -> None:
    assert (await desk(perpetual=True).execute(order(PERPETUAL))).why is None
    another = VenueOrder(2, "pt-abcd1234-2", PERPETUAL, OrderSide.BUY, 0.01, 60_000.0, False)
    assert (await desk(perpetual=True).execute(another)).why is None
    assert executed(exchange) == [Decimal("0.01")] * 2


async def test_quantity_is_floored_to_the_venues_lot_step(
    exchange: EmbeddedExchange, desk: MakeDesk
) -> None:
    assert (await desk().execute(order(quantity=0.0123456789))).quantity == 0.01234
    assert executed(exchange) == [Decimal("0.01234")]


async def test_order_below_the_venues_minimum_is_not_sent(
    exchange: EmbeddedExchange, desk: MakeDesk
) -> None:
    refused = await desk().execute(order(quantity=0.00001))
    assert refused.quantity == 0
    assert "not sent: notional 0.6 is below the market's minimum" in str(refused.why)
    assert executed(exchange) == []


async def test_a_market_that_the_venue_has_not_is_refused_with_words(desk: MakeDesk) -> None:
    assert "no market XYZ/USDT" in str((await desk().execute(order("XYZ/USDT"))).why)


async def test_refusal_is_told_in_the_venues_words(
    exchange: EmbeddedExchange, desk: MakeDesk
) -> None:
    refused = await desk().execute(order(quantity=50))
    assert "-2010 Account has insufficient balance" in str(refused.why)
    assert refused.quantity == 0
    perpetual = await desk(perpetual=True).execute(order(PERPETUAL, quantity=50))
    assert "-2019" in str(perpetual.why)


@pytest.mark.parametrize(
    ("symbol", "path"), [(SPOT, "/api/v3/order"), (PERPETUAL, "/fapi/v1/order")]
)
async def test_answer_lost_after_executing_is_asked_for_and_nothing_sent_again(
    exchange: EmbeddedExchange, desk: MakeDesk, symbol: str, path: str
) -> None:
    one = desk(perpetual=symbol == PERPETUAL)
    exchange.switch_on("unknown_outcome", path, times=1)
    execution = await one.execute(order(symbol))
    assert executed(exchange) == [Decimal("0.01")]
    assert (execution.quantity, execution.why) == (0.01, None)
    assert execution.fees
    assert execution.latency is None
    assert "-1007" in one.told[0]


async def test_answers_lost_to_questions_as_well_change_nothing(
    exchange: EmbeddedExchange, desk: MakeDesk
) -> None:
    one = desk()
    exchange.switch_on("unknown_outcome", "/api/v3/order", times=4)
    exchange.switch_on("unknown_outcome", "/api/v3/myTrades", times=2)
    execution = await one.execute(order())
    assert executed(exchange) == [Decimal("0.01")]
    assert execution.quantity == 0.01
    assert execution.fees == {"BTC": pytest.approx(0.00001)}


async def test_order_that_never_arrived_is_sent_again_once_the_venue_would_refuse_the_first(
    exchange: EmbeddedExchange, desk: MakeDesk
) -> None:
    one = desk()
    exchange.switch_on("unavailable", "/api/v3/order", times=1)
    execution = await one.execute(order())
    assert executed(exchange) == [Decimal("0.01")]
    assert execution.why is None
    assert one.seconds > 7  # the window in which the first one could still be taken


async def test_too_many_requests_are_waited_out_and_the_order_sent_then(
    exchange: EmbeddedExchange, desk: MakeDesk
) -> None:
    one = desk()
    exchange.switch_on("too_many_requests", "/api/v3/order", times=1, amount=7)
    assert (await one.execute(order())).why is None
    assert executed(exchange) == [Decimal("0.01")]
    assert one.seconds >= 7
    assert "nothing is asked for 7 s" in one.told[0]


async def test_ban_stops_all_requests_for_its_time(
    exchange: EmbeddedExchange, desk: MakeDesk
) -> None:
    one = desk()
    await one.client.filters(SPOT)
    exchange.switch_on("banned", "*", times=1, amount=300)
    assert (await one.execute(order())).why is None
    assert executed(exchange) == [Decimal("0.01")]
    assert one.seconds >= 300


async def test_questions_refused_after_the_execution_do_not_send_it_again(
    exchange: EmbeddedExchange, desk: MakeDesk
) -> None:
    one = desk(perpetual=True)  # its fees have to be asked for
    for kind in ("too_many_requests", "banned", "unavailable"):
        exchange.switch_on(kind, "/fapi/v1/userTrades", times=1)
    execution = await one.execute(order(PERPETUAL))
    assert executed(exchange) == [Decimal("0.01")]
    assert execution.fees


async def test_key_that_is_revoked_between_order_and_question_leaves_it_open(
    exchange: EmbeddedExchange, desk: MakeDesk
) -> None:
    one = desk()
    exchange.switch_on("unknown_outcome", "/api/v3/order", times=1)
    await one.client.filters(SPOT)
    (account,) = exchange.accounts

    def meanwhile() -> None:
        if len(one.naps) == 1:
            exchange.accounts.revoke(KEY)
        elif len(one.naps) == 6:
            exchange.accounts.restore(account)

    one.meanwhile = meanwhile
    execution = await one.execute(order())
    assert [found.executed for found in account.orders.values()] == [Decimal("0.01")]
    assert execution.quantity == 0.01
    assert any("-2015" in words for words in one.told)


async def test_clock_that_is_off_is_set_and_the_order_sent_again(market: SyntheticMarket) -> None:
    async with EmbeddedExchange(market, RunningClock(START)) as exchange:
        one = Desk(exchange.rest_url)
        await one.client.filters(SPOT)
        exchange.switch_on("clock_skew", amount=60_000)
        execution = await one.execute(order())
        assert (execution.quantity, execution.why) == (0.01, None)
        assert executed(exchange) == [Decimal("0.01")]
        assert any("-1021" in words for words in one.told)
        await one.client.close()


async def test_closing_what_a_reset_took_is_refused_and_the_reset_named(
    exchange: EmbeddedExchange, desk: MakeDesk
) -> None:
    one = desk(perpetual=True)
    await one.execute(order(PERPETUAL))
    exchange.switch_on("testnet_reset")
    closing = VenueOrder(2, "pt-abcd1234-2", PERPETUAL, OrderSide.SELL, 0.01, 60_000.0, closes=True)
    refused = await one.execute(closing)
    assert refused.quantity == 0
    assert "-2022" in str(refused.why)
    assert "the testnet may have been reset" in str(refused.why)


async def test_order_sent_in_an_earlier_life_is_asked_for_before_anything_is_sent(
    exchange: EmbeddedExchange, desk: MakeDesk
) -> None:
    await desk().execute(order())
    again = await desk().execute(order(), sent=True)
    assert executed(exchange) == [Decimal("0.01")]
    assert again.quantity == 0.01
    assert again.fees


async def test_order_of_an_earlier_life_that_never_went_out_is_sent_once(
    exchange: EmbeddedExchange, desk: MakeDesk
) -> None:
    one = desk()
    assert (await one.execute(order(), sent=True)).quantity == 0.01
    assert executed(exchange) == [Decimal("0.01")]
    assert 7 < one.seconds < 7.5


async def test_venue_that_is_down_is_tried_until_it_is_back(
    exchange: EmbeddedExchange, market: SyntheticMarket, clock: ManualClock
) -> None:
    url = exchange.rest_url
    port = int(url.rsplit(":", 1)[1])
    await exchange.stop()
    one = Desk(url)
    waiting = asyncio.ensure_future(one.execute(order()))
    while len(one.naps) < 5:
        await asyncio.sleep(0)
    with_again = EmbeddedExchange(market, clock)
    await with_again.start(port=port)
    assert (await waiting).quantity == 0.01
    assert executed(with_again) == [Decimal("0.01")]
    await one.client.close()
    await with_again.stop()


async def test_two_sessions_on_one_account_both_get_their_orders(
    exchange: EmbeddedExchange, desk: MakeDesk
) -> None:
    one = desk()
    names = [f"pt-session{number}-1" for number in range(6)]
    sent = [VenueOrder(1, name, SPOT, OrderSide.BUY, 0.01, 60_000.0, False) for name in names]
    found = await asyncio.gather(*(one.execute(each) for each in sent))
    assert [execution.quantity for execution in found] == [0.01] * 6
    (account,) = exchange.accounts
    assert sorted(each.client_id for each in account.orders.values()) == names
    assert account.balance("USDT").free < OPENING


# ── Where requests may go ──


async def test_a_client_whose_addresses_were_changed_opens_no_connection(
    exchange: EmbeddedExchange, desk: MakeDesk
) -> None:
    one = desk()
    await one.client.filters(SPOT)
    opened: list[object] = []
    client = await venue_client(one)
    connector = client.session.connector
    connect = connector.connect

    async def counted(*arguments: Any, **options: Any) -> Any:
        opened.append(arguments[0].url)
        return await connect(*arguments, **options)

    connector.connect = counted
    for wrong in (
        "https://api.binance.com/api/v3",
        "https://testnet.binance.vision@evil.test/api",
    ):
        client.urls["api"]["private"] = wrong
        refused = await one.execute(order())
        assert "orders never go to" in str(refused.why)
    assert opened == []
    client.urls["api"]["private"] = f"{exchange.rest_url}/api/v3"
    assert (await one.execute(order())).why is None
    assert len(opened) == 1


async def test_what_the_client_itself_refuses_was_not_sent(
    exchange: EmbeddedExchange, desk: MakeDesk
) -> None:
    one = desk()
    await one.client.filters(SPOT)
    del (await venue_client(one)).urls["api"]["private"]
    refused = await one.execute(order())
    assert (refused.why or "").startswith("not sent: ")
    assert executed(exchange) == []
    assert one.naps == []


async def venue_client(one: Desk) -> Any:
    """The ccxt client that a desk speaks through."""

    async def itself(client: Any) -> Any:
        return client

    return await one.client.ask(itself)


@asynccontextmanager
async def standing_between(answer: Answer, *, perpetual: bool = False) -> AsyncIterator[Desk]:
    """A desk whose requests `answer` is given first."""
    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    one = Desk(f"http://127.0.0.1:{runner.addresses[0][1]}", perpetual=perpetual)
    yield one
    await one.client.close()
    await runner.cleanup()


async def pass_on(exchange: EmbeddedExchange, request: web.Request) -> web.Response:
    """What the exchange answers to a request."""
    sent = await request.text()
    headers = {"X-MBX-APIKEY": request.headers.get("X-MBX-APIKEY", "")}
    if request.method == "POST":
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    there = address(exchange, perpetual=request.path.startswith("/fapi"))
    url = URL(f"{there}{request.raw_path}", encoded=True)
    async with (
        ClientSession() as behind,
        behind.request(request.method, url, data=sent or None, headers=headers) as came,
    ):
        body = await came.read()
        return web.Response(body=body, status=came.status, content_type="application/json")


async def test_an_answer_that_breaks_off_is_no_refusal(exchange: EmbeddedExchange) -> None:
    async def break_off(request: web.Request) -> web.StreamResponse:
        answer = await pass_on(exchange, request)
        if request.method != "POST":
            return answer
        assert isinstance(answer.body, bytes)
        broken = web.StreamResponse(headers={"Content-Length": str(len(answer.body))})
        await broken.prepare(request)
        await broken.write(answer.body[:20])
        assert request.transport is not None
        request.transport.close()
        return broken

    async with standing_between(break_off) as one:
        execution = await one.execute(order())
        assert (execution.quantity, execution.why) == (0.01, None)
        assert executed(exchange) == [Decimal("0.01")]
        assert any("no answer" in words for words in one.told)


async def test_a_closed_market_is_not_taken_for_a_reset(exchange: EmbeddedExchange) -> None:
    async def refuse(request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            return web.json_response({"code": -2010, "msg": "Market is closed."}, status=400)
        return await pass_on(exchange, request)

    async with standing_between(refuse) as one:
        closing = await one.execute(order(side="sell", closes=True))
        assert (closing.quantity, closing.gone) == (0, False)
        assert closing.why == "-2010 Market is closed."


@pytest.mark.parametrize("arrives", [True, False])
@pytest.mark.parametrize("status", ["EXPIRED", "NEW"])
async def test_a_question_that_lags_behind_the_order_does_not_write_its_position_off(
    exchange: EmbeddedExchange, status: str, *, arrives: bool
) -> None:
    """The order is told of, then for a while (or for good) the venue has none of its ID."""
    unfilled = {"status": status, "executedQty": "0", "cumQty": "0", "cumQuote": "0"}
    questions: list[str] = []

    async def lag(request: web.Request) -> web.StreamResponse:
        closing = "pt-abcd1234-2" in request.query_string + await request.text()
        if not request.path.endswith("/order") or not closing:
            return await pass_on(exchange, request)
        if request.method == "POST":
            if arrives:
                await pass_on(exchange, request)
            row = {"symbol": "BTCUSDT", "clientOrderId": "pt-abcd1234-2", "orderId": 2}
            row |= {"side": "SELL", "origQty": "0.01", "updateTime": START, **unfilled}
            return web.json_response(row)
        questions.append(request.method)
        if len(questions) <= 3:
            return web.json_response({"code": -2013, "msg": "Order does not exist."}, status=400)
        return await pass_on(exchange, request)

    async with standing_between(lag, perpetual=True) as one:
        await one.execute(order(PERPETUAL))
        closing = VenueOrder(2, "pt-abcd1234-2", PERPETUAL, OrderSide.SELL, 0.01, 60_000.0, True)
        came = await one.execute(closing)
        assert came.quantity == (0.01 if arrives else 0)
        assert came.gone == (not arrives and status == "NEW")
        if not arrives:
            words = "let it go unfilled (EXPIRED)" if status == "EXPIRED" else "knows nothing of it"
            assert words in str(came.why)
            assert len(questions) > 3
            assert 7 < one.seconds < 7.5


async def test_a_gateway_that_timed_out_has_not_refused(exchange: EmbeddedExchange) -> None:
    async def time_out(request: web.Request) -> web.StreamResponse:
        answer = await pass_on(exchange, request)
        return web.Response(status=408, text="timeout") if request.method == "POST" else answer

    async with standing_between(time_out) as one:
        assert (await one.execute(order())).quantity == 0.01
        assert executed(exchange) == [Decimal("0.01")]


async def test_an_order_that_had_to_wait_its_turn_is_not_taken_for_an_old_one(
    exchange: EmbeddedExchange,
) -> None:
    sent: list[web.Request] = []
    late: list[web.Response] = []

    async def be_slow(request: web.Request) -> web.StreamResponse:
        """Refuse the first order for a minute, and execute the second after it was asked for."""
        if request.method == "POST" and len(sent) < 2:
            await request.text()
            sent.append(request)
            if len(sent) == 1:
                return web.json_response({"code": -1003}, status=429, headers={"Retry-After": "60"})
            return web.json_response({"code": -1007, "msg": "Timeout"}, status=504)
        answer = await pass_on(exchange, request)
        if len(sent) == 2 and not late and "pt-second-1" in request.query_string:
            late.append(await pass_on(exchange, sent[1]))
        return answer

    async with standing_between(be_slow) as one:
        names = ["pt-first-1", "pt-second-1"]
        both = [VenueOrder(1, name, SPOT, OrderSide.BUY, 0.01, 60_000.0, False) for name in names]
        await asyncio.gather(*map(one.execute, both))
        assert [answer.status for answer in late] == [200]
        (account,) = exchange.accounts
        assert sorted(found.client_id for found in account.orders.values()) == names


async def test_a_question_sent_elsewhere_leaves_open_what_was_executed(
    exchange: EmbeddedExchange,
) -> None:
    async def lead_away(request: web.Request) -> web.Response:
        if request.method == "POST":
            await pass_on(exchange, request)
            return web.json_response({"code": -1007, "msg": "Timeout"}, status=504)
        if request.path == "/api/v3/order":
            return web.Response(status=302, headers={"Location": exchange.rest_url})
        return await pass_on(exchange, request)

    async with standing_between(lead_away) as one:
        execution = await one.execute(order())
        assert executed(exchange) == [Decimal("0.01")]
        assert execution.quantity is None
        assert "not followed" in str(execution.why)


async def test_the_client_knows_no_other_addresses_than_the_venues_own(
    exchange: EmbeddedExchange, desk: MakeDesk
) -> None:
    for perpetual in (False, True):
        one = desk(perpetual=perpetual)
        own = address(exchange, perpetual=perpetual)
        urls = (await venue_client(one)).urls["api"].values()
        assert all(url.startswith(own + "/") for url in urls)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(exchange: EmbeddedExchange, status: int) -> None:
    asked: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked.append(f"{request.method} {request.path}")
        target = f"{exchange.rest_url}{request.path_qs}"
        return web.Response(status=status, headers={"Location": target})

    async with standing_between(elsewhere) as one:
        refused = await one.execute(order())
        assert "not followed" in str(refused.why)
        assert refused.quantity == 0
        assert asked == ["GET /api/v3/time"]
        assert executed(exchange) == []


@pytest.mark.parametrize("address", ["https://api.binance.com", "http://testnet.binance.vision"])
def test_no_client_is_made_for_other_hosts(address: str) -> None:
    with pytest.raises(ForbiddenAddressError):
        OrderClient("testnet", address, KEYS, perpetual=False)


async def test_no_error_shows_the_request_it_is_about(
    exchange: EmbeddedExchange, desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    one = desk()
    assert (await one.execute(order())).why is None
    await one.client.filters(SPOT)
    await exchange.stop()
    with pytest.raises(UnsureError) as lost:
        await one.client.find(order())
    for text in (str(lost.value), repr(one.client), repr(one.desk), *one.told, caplog.text):
        assert "signature" not in text
        assert KEY not in text
        assert SECRET not in text
