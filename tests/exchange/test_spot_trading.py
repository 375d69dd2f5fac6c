"""Spot orders, as an unmodified ccxt client places them."""

from __future__ import annotations

from typing import Any

import ccxt
import pytest

from core.exchange.market.clock import ManualClock, RunningClock
from core.exchange.market.synthetic import SyntheticMarket
from core.exchange.server import EmbeddedExchange
from core.market.candles.timeframes import HOUR

from .conftest import OPENING, START, Connect, binance

SYMBOL = "BTC/USDT"


async def test_market_purchase_takes_the_best_asks_and_pays_its_fee(connect: Connect) -> None:
    client = connect()
    book = await client.fetch_order_book(SYMBOL, 5)
    order = await client.create_order(SYMBOL, "market", "buy", 0.05)
    assert order["status"] == "closed"
    assert order["filled"] == 0.05
    assert order["average"] == book["asks"][0][0]
    balance = await client.fetch_balance()
    assert balance["BTC"]["free"] == pytest.approx(1 + 0.05 * 0.999, abs=1e-12)
    assert balance["USDT"]["free"] == pytest.approx(OPENING - order["cost"], abs=1e-8)
    (trade,) = await client.fetch_my_trades(SYMBOL)
    assert trade["takerOrMaker"] == "taker"
    assert trade["order"] == order["id"]
    assert trade["fee"] == {"currency": "BTC", "cost": pytest.approx(0.05 * 0.001)}


async def test_large_market_order_walks_up_the_book(connect: Connect) -> None:
    client = connect()
    book = await client.fetch_order_book(SYMBOL, 5)
    amount = round(book["asks"][0][1] + book["asks"][1][1] / 2, 5)
    order = await client.create_order(SYMBOL, "market", "sell", min(amount, 1.0))
    levels = {trade["price"] for trade in order["trades"]}
    assert levels <= {level[0] for level in book["bids"]}
    if order["filled"] > book["bids"][0][1]:
        assert len(levels) > 1


async def test_market_purchase_for_an_amount_of_money(connect: Connect) -> None:
    client = connect()
    order = await client.create_market_buy_order_with_cost(SYMBOL, 500)
    assert 499 < order["cost"] <= 500


async def test_limit_order_rests_then_fills_at_its_price_as_maker(
    connect: Connect, clock: ManualClock
) -> None:
    client = connect()
    now = (await client.fetch_ticker(SYMBOL))["last"]
    price = round(now * 0.998, 2)
    order = await client.create_order(SYMBOL, "limit", "buy", 0.1, price)
    assert order["status"] == "open"
    held = await client.fetch_balance()
    assert held["USDT"]["used"] == pytest.approx(0.1 * price)
    for _ in range(24 * 14):
        clock.advance(HOUR)
        order = await client.fetch_order(order["id"], SYMBOL)
        if order["status"] == "closed":
            break
    assert order["status"] == "closed"
    (trade,) = await client.fetch_my_trades(SYMBOL)
    assert (trade["price"], trade["takerOrMaker"]) == (price, "maker")
    assert (await client.fetch_balance())["USDT"]["used"] == 0


async def test_cancelled_order_gives_its_money_back(connect: Connect) -> None:
    client = connect()
    order = await client.create_order(SYMBOL, "limit", "buy", 0.1, 50_000)
    assert [o["id"] for o in await client.fetch_open_orders(SYMBOL)] == [order["id"]]
    cancelled = await client.cancel_order(order["id"], SYMBOL)
    assert cancelled["status"] == "canceled"
    assert await client.fetch_open_orders(SYMBOL) == []
    assert (await client.fetch_balance())["USDT"] == {"free": OPENING, "used": 0, "total": OPENING}
    with pytest.raises(ccxt.OrderNotFound):
        await client.cancel_order(order["id"], SYMBOL)
    with pytest.raises(ccxt.OrderNotFound):
        await client.fetch_order("4711", SYMBOL)


async def test_order_is_found_by_the_client_s_own_name(connect: Connect) -> None:
    client = connect()
    await client.create_order(SYMBOL, "limit", "buy", 0.1, 50_000, {"clientOrderId": "mine-1"})
    found = await client.fetch_order(None, SYMBOL, {"clientOrderId": "mine-1"})
    assert found["clientOrderId"] == "mine-1"
    with pytest.raises(ccxt.ExchangeError, match="Duplicate order sent"):
        await client.create_order(SYMBOL, "limit", "buy", 0.1, 50_000, {"clientOrderId": "mine-1"})


async def test_stop_sells_once_its_price_trades(
    connect: Connect, exchange: EmbeddedExchange, clock: ManualClock
) -> None:
    client = connect()
    last = (await client.fetch_ticker(SYMBOL))["last"]
    stop = round(last * 0.997, 2)
    order = await client.create_order(SYMBOL, "market", "sell", 0.1, None, {"stopLossPrice": stop})
    order = await client.fetch_order(order["id"], SYMBOL)
    assert order["status"] == "open"
    for _ in range(24 * 14):
        clock.advance(HOUR)
        order = await client.fetch_order(order["id"], SYMBOL)
        if order["status"] == "closed":
            break
    assert order["status"] == "closed"
    assert order["average"] == pytest.approx(stop, rel=0.002)
    assert order["average"] <= stop


@pytest.mark.parametrize(
    ("amount", "price", "words"),
    [
        ("0.000015", "60000", "LOT_SIZE"),
        ("0.001", "60000.005", "PRICE_FILTER"),
        ("0.00005", "60000", "NOTIONAL"),
    ],
)
async def test_orders_that_break_a_filter_are_refused(
    connect: Connect, amount: str, price: str, words: str
) -> None:
    client = connect()
    await client.load_markets()
    with pytest.raises(ccxt.BaseError, match=words):
        await client.private_post_order(
            {
                "symbol": "BTCUSDT",
                "side": "BUY",
                "type": "LIMIT",
                "timeInForce": "GTC",
                "quantity": amount,
                "price": price,
            }
        )


async def test_order_without_the_money_is_refused(connect: Connect) -> None:
    client = connect()
    with pytest.raises(ccxt.InsufficientFunds):
        await client.create_order(SYMBOL, "limit", "buy", 2, 60_000)
    with pytest.raises(ccxt.InsufficientFunds):
        await client.create_order(SYMBOL, "market", "sell", 1.5)


async def test_post_only_order_that_would_take_is_refused(connect: Connect) -> None:
    client = connect()
    ask = (await client.fetch_order_book(SYMBOL, 5))["asks"][0][0]
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        await client.create_order(SYMBOL, "limit", "buy", 0.01, ask, {"postOnly": True})


@pytest.mark.parametrize(("tif", "filled"), [("FOK", False), ("IOC", True)])
async def test_what_cannot_be_filled_at_once_expires(
    connect: Connect, tif: str, filled: bool
) -> None:
    client = connect()
    ask, quantity = (await client.fetch_order_book(SYMBOL, 5))["asks"][0]
    amount = round(quantity + 0.01, 5)
    order = await client.create_order(SYMBOL, "limit", "buy", amount, ask, {"timeInForce": tif})
    assert order["status"] == "expired"
    assert (order["filled"] > 0) is filled
    assert (await client.fetch_balance())["USDT"]["used"] == 0


async def test_fees_can_be_asked_for(connect: Connect) -> None:
    answer = await connect().private_get_account_commission({"symbol": "BTCUSDT"})
    assert float(answer["standardCommission"]["maker"]) == 0.001
    assert float(answer["standardCommission"]["taker"]) == 0.001


async def test_wrong_keys_signatures_are_told_apart(connect: Connect) -> None:
    unknown = connect()
    unknown.apiKey = "nobody"
    with pytest.raises(ccxt.AuthenticationError, match="-2015"):
        await unknown.fetch_balance()
    forged = connect()
    forged.secret = "wrong"
    with pytest.raises(ccxt.ExchangeError, match="-1022"):
        await forged.fetch_balance()


async def test_request_from_the_future_or_the_past_is_refused() -> None:
    """On a clock that runs in real time; the client resynchronises and is served again."""
    async with EmbeddedExchange(SyntheticMarket(seed=7), RunningClock(START)) as exchange:
        client = binance("spot", exchange)
        try:
            await client.fetch_balance()
            for skew in (60_000, -60_000):
                fault = exchange.switch_on("clock_skew", amount=skew)
                with pytest.raises(ccxt.InvalidNonce, match="-1021"):
                    await client.fetch_balance()
                await client.load_time_difference()
                await client.fetch_balance()
                exchange.switch_off(fault.id)
                await client.load_time_difference()
        finally:
            await client.close()


@pytest.mark.parametrize(
    ("kind", "price", "sent"),
    [
        ("limit", 50_000.0, {"icebergQty": "0.01"}),
        ("market", None, {"price": "50000"}),
        ("market", None, {"timeInForce": "GTC"}),
        ("limit", 50_000.0, {"pegPriceType": "PRIMARY_PEG"}),
    ],
)
async def test_what_an_order_has_no_use_for_is_refused_and_places_no_other_one(
    connect: Connect, kind: Any, price: float | None, sent: dict[str, str]
) -> None:
    client = connect()
    with pytest.raises(ccxt.ExchangeError, match="-1106"):
        await client.create_order(SYMBOL, kind, "buy", 0.05, price, sent)
    assert await client.fetch_open_orders(SYMBOL) == []
    assert await client.fetch_my_trades(SYMBOL) == []


async def test_a_trailing_stop_is_refused_rather_than_placed_as_a_plain_one(
    connect: Connect,
) -> None:
    client = connect()
    raw = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "0.05"}
    with pytest.raises(ccxt.ExchangeError, match="-1106"):
        await client.private_post_order({**raw, "stopPrice": "1000", "trailingDelta": "100"})
    assert await client.fetch_open_orders(SYMBOL) == []
