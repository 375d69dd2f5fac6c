"""USDⓈ-M orders, positions and margin, as an unmodified ccxt client handles them."""

from __future__ import annotations

import ccxt
import pytest

from core.exchange.errors import ExchangeError
from core.exchange.market.clock import ManualClock
from core.exchange.rest.calls import Params
from core.market.candles.timeframes import HOUR

from .conftest import Connect

SYMBOL = "BTC/USDT:USDT"


async def test_market_order_opens_a_position_and_its_opposite_closes_it(
    connect: Connect, clock: ManualClock
) -> None:
    client = connect("swap")
    await client.set_leverage(10, SYMBOL)
    opened = await client.create_order(SYMBOL, "market", "buy", 0.02)
    opened = await client.fetch_order(opened["id"], SYMBOL)
    assert opened["status"] == "closed"
    (position,) = await client.fetch_positions([SYMBOL])
    assert (position["side"], position["contracts"]) == ("long", 0.02)
    assert position["entryPrice"] == opened["average"]
    assert position["initialMargin"] == pytest.approx(position["notional"] / 10, rel=1e-6)

    clock.advance(HOUR)
    closed = await client.create_order(SYMBOL, "market", "sell", 0.02, None, {"reduceOnly": True})
    closed = await client.fetch_order(closed["id"], SYMBOL)
    assert await client.fetch_positions([SYMBOL]) == []
    trades = await client.fetch_my_trades(SYMBOL)
    fees = sum(trade["fee"]["cost"] for trade in trades)
    assert fees == pytest.approx(0.0005 * 0.02 * (opened["average"] + closed["average"]), rel=1e-6)
    profit = 0.02 * (closed["average"] - opened["average"])
    balance = await client.fetch_balance()
    assert balance["USDT"]["total"] == pytest.approx(10_000 + profit - fees, abs=1e-6)
    assert balance["USDT"]["used"] == 0


async def test_short_positions_and_turning_round(connect: Connect) -> None:
    client = connect("swap")
    await client.create_order(SYMBOL, "market", "sell", 0.02)
    await client.create_order(SYMBOL, "market", "buy", 0.05)
    (position,) = await client.fetch_positions([SYMBOL])
    assert (position["side"], position["contracts"]) == ("long", 0.03)


async def test_order_above_the_margin_is_refused(connect: Connect) -> None:
    client = connect("swap")
    await client.set_leverage(2, SYMBOL)
    with pytest.raises(ccxt.ExchangeError, match="-2019"):
        await client.create_order(SYMBOL, "market", "buy", 1)


async def test_order_below_the_minimum_notional_is_refused(connect: Connect) -> None:
    client = connect("swap")
    with pytest.raises(ccxt.ExchangeError, match="-4164"):
        await client.create_order(SYMBOL, "limit", "buy", 0.001, 60_000)


async def test_reduce_only_needs_something_to_reduce(connect: Connect) -> None:
    client = connect("swap")
    with pytest.raises(ccxt.ExchangeError, match="-2022"):
        await client.create_order(SYMBOL, "market", "sell", 0.01, None, {"reduceOnly": True})


async def test_stop_order_closes_the_position_when_its_price_trades(
    connect: Connect, clock: ManualClock
) -> None:
    client = connect("swap")
    await client.create_order(SYMBOL, "market", "buy", 0.02)
    last = (await client.fetch_ticker(SYMBOL))["last"]
    stop = await client.create_order(
        SYMBOL,
        "market",
        "sell",
        0.02,
        None,
        {"stopLossPrice": round(last * 0.997, 1), "reduceOnly": True},
    )
    assert len(await client.fetch_open_orders(SYMBOL, params={"trigger": True})) == 1
    for _ in range(24 * 14):
        clock.advance(HOUR)
        if not await client.fetch_open_orders(SYMBOL, params={"trigger": True}):
            break
    assert await client.fetch_positions([SYMBOL]) == []
    exits = [t for t in await client.fetch_my_trades(SYMBOL) if t["side"] == "sell"]
    placed = await client.fetch_order(stop["id"], SYMBOL, {"trigger": True})
    assert placed["info"]["algoStatus"] == "FINISHED"
    assert {trade["order"] for trade in exits} == {placed["info"]["actualOrderId"]} != {stop["id"]}
    with pytest.raises(ccxt.OrderNotFound):
        await client.fetch_order(stop["id"], SYMBOL)


async def test_stop_orders_have_an_endpoint_of_their_own(connect: Connect) -> None:
    client = connect("swap")
    with pytest.raises(ccxt.ExchangeError, match="-4120"):
        await client.fapiPrivatePostOrder(
            {
                "symbol": "BTCUSDT",
                "side": "SELL",
                "type": "STOP_MARKET",
                "stopPrice": "1000",
                "quantity": "0.01",
            }
        )


async def test_trigger_order_can_be_cancelled(connect: Connect) -> None:
    client = connect("swap")
    stop = await client.create_order(SYMBOL, "market", "sell", 0.02, None, {"triggerPrice": 50_000})
    await client.cancel_order(stop["id"], SYMBOL, {"trigger": True})
    assert await client.fetch_open_orders(SYMBOL, params={"trigger": True}) == []


async def test_isolated_position_is_liquidated_and_loses_its_margin_at_most(
    connect: Connect, clock: ManualClock
) -> None:
    client = connect("swap")
    await client.set_margin_mode("isolated", SYMBOL)
    await client.set_leverage(100, SYMBOL)
    await client.create_order(SYMBOL, "market", "buy", 0.1)
    (position,) = await client.fetch_positions([SYMBOL])
    assert position["marginMode"] == "isolated"
    margin = position["entryPrice"] * 0.1 / 100
    assert position["liquidationPrice"] == pytest.approx(
        position["entryPrice"] * (1 - 0.01) / (1 - 0.005), rel=1e-4
    )
    for _ in range(24 * 30):
        clock.advance(HOUR // 4)
        if not await client.fetch_positions([SYMBOL]):
            break
    assert await client.fetch_positions([SYMBOL]) == []
    lost = 10_000 - (await client.fetch_balance())["USDT"]["total"]
    assert 0 < lost <= margin * 1.2


async def test_positions_pay_or_receive_funding(connect: Connect, clock: ManualClock) -> None:
    client = connect("swap")
    await client.create_order(SYMBOL, "market", "buy", 0.02)
    clock.advance(8 * HOUR)
    (rate,) = await client.fetch_funding_rate_history(SYMBOL, limit=1)
    (funding,) = await client.fetch_funding_history(SYMBOL)
    assert funding["amount"] * rate["fundingRate"] < 0
    assert abs(funding["amount"]) == pytest.approx(
        abs(rate["fundingRate"]) * 0.02 * float(rate["info"]["markPrice"]), rel=1e-4
    )


async def test_limits_of_leverage_and_fees_can_be_asked_for(connect: Connect) -> None:
    client = connect("swap")
    tiers = await client.fetch_leverage_tiers([SYMBOL])
    assert tiers[SYMBOL][0]["maxLeverage"] == 125
    fee = await client.fetch_trading_fee(SYMBOL)
    assert (fee["maker"], fee["taker"]) == (0.0002, 0.0005)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"type": "MARKET", "price": "50000"}, "-1106"),
        ({"type": "MARKET", "timeInForce": "GTC"}, "-1106"),
        ({"type": "MARKET", "workingType": "MARK_PRICE"}, "-1130"),
        ({"type": "MARKET", "priceProtect": "TRUE"}, "-1130"),
        ({"type": "MARKET", "priceMatch": "QUEUE"}, "-1106"),
        ({"type": "MARKET", "closePosition": "true"}, "-4136"),
        ({"type": "MARKET", "somethingNew": "1"}, "-1104"),
        ({"type": "MARKET", "reduceOnly": "maybe"}, "-1130"),
        ({"type": "MARKET", "newOrderRespType": "FULL"}, "-1130"),
        ({"type": "MARKET", "quantity": "0_1"}, "-1100"),
        ({"type": "MARKET", "quantity": "1e-2"}, "-1100"),
        ({"type": "MARKET", "quantity": "٠.٠١"}, "-1100"),
        ({"type": "MARKET", "recvWindow": "-1"}, "-1100"),
    ],
)
async def test_what_is_not_done_is_refused_and_places_no_other_order(
    connect: Connect, sent: dict[str, str], code: str
) -> None:
    client = connect("swap")
    raw = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.05"}
    with pytest.raises(ccxt.ExchangeError, match=code):
        await client.fapiprivate_post_order({**raw, **sent})
    assert await client.fetch_open_orders(SYMBOL) == []
    assert await client.fetch_my_trades(SYMBOL) == []


def test_a_parameter_counts_once_and_that_of_the_query_before_that_of_the_body() -> None:
    for query, body in (("quantity=1&quantity=2", ""), ("", "quantity=1&quantity=2")):
        with pytest.raises(ExchangeError, match="-1101"):
            Params.of(query, body)
    assert Params.of("quantity=1", "quantity=2").text("quantity") == "1"


async def test_only_what_is_enforced_is_listed(connect: Connect) -> None:
    (market,) = [one for one in await connect("swap").fetch_markets() if one["symbol"] == SYMBOL]
    assert "TRAILING_STOP_MARKET" not in market["info"]["orderTypes"]
    listed = {one["filterType"] for one in market["info"]["filters"]}
    assert not listed & {"PERCENT_PRICE", "MAX_NUM_ALGO_ORDERS"}
