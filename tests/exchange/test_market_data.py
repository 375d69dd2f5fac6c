"""Market data over REST, as an unmodified ccxt client reads it."""

from __future__ import annotations

import numpy as np
import pytest

from core.exchange.market.clock import ManualClock
from core.exchange.server import EmbeddedExchange
from core.market.candles.timeframes import MINUTE, Timeframe

from .conftest import START, Connect


async def test_time_is_the_exchange_clock_s(
    exchange: EmbeddedExchange, connect: Connect, clock: ManualClock
) -> None:
    client = connect()
    assert await client.fetch_time() == START
    clock.advance(1234)
    assert await client.fetch_time() == START + 1234


@pytest.mark.parametrize(("kind", "symbol"), [("spot", "BTC/USDT"), ("swap", "BTC/USDT:USDT")])
async def test_markets_load_with_their_limits(
    exchange: EmbeddedExchange, connect: Connect, kind: str, symbol: str
) -> None:
    client = connect(kind)
    markets = await client.load_markets()
    listed = {item.symbol for item in exchange.venue.market.instruments}
    assert set(markets) == {name for name in listed if (":" in name) == (kind == "swap")}
    market = markets[symbol]
    instrument = next(i for i in exchange.venue.market.instruments if i.symbol == symbol)
    assert market["active"]
    assert market["precision"]["price"] == float(instrument.tick_size)
    assert market["precision"]["amount"] == float(instrument.lot_step)
    assert market["limits"]["cost"]["min"] == float(instrument.min_notional)


@pytest.mark.parametrize(("kind", "symbol"), [("spot", "ETH/USDT"), ("swap", "ETH/USDT:USDT")])
async def test_paged_candles_are_the_market_s_own(
    exchange: EmbeddedExchange, connect: Connect, kind: str, symbol: str
) -> None:
    client = connect(kind)
    start = START - 2500 * 5 * MINUTE
    rows: list[list[float]] = []
    while len(rows) < 2500:
        page = await client.fetch_ohlcv(symbol, "5m", start + len(rows) * 5 * MINUTE, 1000)
        rows += page
    expected = exchange.venue.market.candles(symbol, Timeframe.M5, start, START)
    closed = [row for row in rows if row[0] < START]
    assert len(closed) == 2500
    assert np.array_equal(np.array(closed)[:, 1], expected.open)
    assert np.array_equal(np.array(closed)[:, 4], expected.close)


async def test_last_row_is_still_forming(
    exchange: EmbeddedExchange, connect: Connect, clock: ManualClock
) -> None:
    client = connect()
    clock.advance(90_000)
    (row,) = await client.fetch_ohlcv("BTC/USDT", "5m", limit=1)
    final = exchange.venue.market.candles("BTC/USDT", Timeframe.M5, START, START + 1).at(0)
    assert row[0] == START
    assert row[1] == final.open
    assert final.low <= row[3] <= row[4] <= row[2] <= final.high
    assert row[5] < final.volume


async def test_unknown_symbol_and_interval_are_refused_as_on_binance(
    exchange: EmbeddedExchange, connect: Connect
) -> None:
    client = connect()
    with pytest.raises(Exception, match="-1121"):
        await client.public_get_klines({"symbol": "NOPEUSDT", "interval": "5m"})
    with pytest.raises(Exception, match="-1120"):
        await client.public_get_klines({"symbol": "BTCUSDT", "interval": "7m"})
    with pytest.raises(Exception, match="-1102"):
        await client.public_get_klines({"symbol": "BTCUSDT"})


@pytest.mark.parametrize(("kind", "symbol"), [("spot", "SOL/USDT"), ("swap", "SOL/USDT:USDT")])
async def test_ticker_and_order_book_agree_on_the_best_prices(
    exchange: EmbeddedExchange, connect: Connect, kind: str, symbol: str
) -> None:
    client = connect(kind)
    book = await client.fetch_order_book(symbol, 20)
    quote = (await client.fetch_bids_asks([symbol]))[symbol]
    ticker = await client.fetch_ticker(symbol)
    assert quote["bid"] == book["bids"][0][0] < ticker["last"] < book["asks"][0][0] == quote["ask"]
    assert len(book["bids"]) == len(book["asks"]) == 20


async def test_funding_rates_of_a_perpetual(exchange: EmbeddedExchange, connect: Connect) -> None:
    client = connect("swap")
    rates = await client.fetch_funding_rate_history("BTC/USDT:USDT", limit=5)
    assert [rate["timestamp"] for rate in rates] == [
        START - n * 8 * 60 * MINUTE for n in range(4, -1, -1)
    ]
    current = await client.fetch_funding_rate("BTC/USDT:USDT")
    assert abs(current["fundingRate"]) <= 0.003
    assert current["fundingTimestamp"] == START + 8 * 60 * MINUTE
