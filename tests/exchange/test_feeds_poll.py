"""The polling feed, with an unmodified ccxt client: complete, in order, never a forming candle."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.exchange.faults import FaultKind
from core.exchange.market.clock import ManualClock
from core.exchange.server import EmbeddedExchange
from core.market.candles.timeframes import HOUR, MINUTE, Timeframe
from core.market.feeds.delivery import DeliveryPace
from core.market.feeds.feed import FeedError, FeedState, FeedStatus, FundingRate, Gap, PriceSeen
from core.market.feeds.poll import PollFeed, PollPace
from core.market.history.candle_history import CandleHistory
from core.market.history.exchange_api import exchange_api
from core.market.venues.binance.addresses import embedded
from core.market.venues.binance.dialect import binance_api
from core.market.venues.clock import ServerClock

from .conftest import START
from .feeds import PATIENCE, Reader, pass_minutes, pass_time, truth

BTC, PERP = "BTC/USDT", "BTC/USDT:USDT"
PACE = PollPace(
    every=0.02,
    settle=0,
    first_delay=0.01,
    longest_delay=0.05,
    delivery=DeliveryPace(hole_delay=0.01),
)


@pytest.fixture
async def history(exchange: EmbeddedExchange) -> AsyncIterator[CandleHistory]:
    api = binance_api(
        embedded(exchange.rest_url, exchange.futures_rest_url), ServerClock(own_time=True)
    )
    yield CandleHistory(api, patience=PATIENCE)
    await api.close()


@pytest.fixture
async def feed(history: CandleHistory) -> AsyncIterator[PollFeed]:
    opened = PollFeed(history, PACE)
    yield opened
    await opened.close()


async def test_closed_candles_come_once_in_order_and_the_forming_one_never(
    exchange: EmbeddedExchange, clock: ManualClock, feed: PollFeed
) -> None:
    await feed.subscribe(BTC, Timeframe.M1, after=START - 5 * MINUTE)
    reader = Reader(feed)
    await reader.until_candle(BTC, START - MINUTE)
    await pass_time(clock, MINUTE // 2, 6, 0.05)
    await reader.until_candle(BTC, START + 2 * MINUTE)
    assert reader.candles(BTC) == truth(exchange, BTC, START - 4 * MINUTE, START + 3 * MINUTE)
    assert reader.of(PriceSeen)[-1].last is not None


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (FaultKind.UNAVAILABLE, {"chance": 0.4}),
        (FaultKind.UNKNOWN_OUTCOME, {"chance": 0.4}),
        (FaultKind.SLOW_REPLY, {"amount": 30}),
        (FaultKind.TOO_MANY_REQUESTS, {"amount": 1, "times": 1}),
        (FaultKind.BANNED, {"amount": 1, "times": 1}),
    ],
    ids=lambda value: value.value if isinstance(value, FaultKind) else "",
)
async def test_a_fault_changes_no_candle(
    exchange: EmbeddedExchange,
    clock: ManualClock,
    feed: PollFeed,
    kind: FaultKind,
    options: dict[str, Any],
) -> None:
    await feed.subscribe(BTC, Timeframe.M1)
    reader = Reader(feed)
    await reader.until(lambda: bool(reader.of(FeedStatus)))
    exchange.switch_on(kind, "/api/*", **options)
    await pass_minutes(clock, 20, 0.01)
    if "times" in options:
        await reader.until(
            lambda: any(s.state is FeedState.RATE_LIMITED for s in reader.of(FeedStatus))
        )
    exchange.switch_off()
    await reader.until_candle(BTC, START + 19 * MINUTE)
    assert reader.candles(BTC) == truth(exchange, BTC, START, START + 20 * MINUTE)
    assert reader.of(Gap) == []


async def test_while_the_exchange_asks_for_quiet_nothing_is_asked(
    exchange: EmbeddedExchange, history: CandleHistory
) -> None:
    api = history.api
    await api.server_time()
    exchange.switch_on(FaultKind.TOO_MANY_REQUESTS, "/api/*", times=1, amount=300)
    for _ in range(3):
        with pytest.raises(FeedError, match="asks for fewer requests: nothing is asked for 300 s"):
            await api.server_time()
    assert exchange.faults.on == ()  # struck once; the later calls never reached the exchange


async def test_a_missing_candle_is_a_gap(
    exchange: EmbeddedExchange, clock: ManualClock, feed: PollFeed
) -> None:
    await feed.subscribe(BTC, Timeframe.M1)
    reader = Reader(feed)
    exchange.venue.replay.edit(BTC, Timeframe.M1, START + MINUTE, None)
    await pass_minutes(clock, 4)
    await reader.until_candle(BTC, START + 3 * MINUTE)
    (gap,) = reader.of(Gap)
    assert (gap.first, gap.last) == (START + MINUTE, START + MINUTE)


async def test_a_market_that_stops_trading_leaves_a_gap(
    exchange: EmbeddedExchange, clock: ManualClock, feed: PollFeed
) -> None:
    await feed.subscribe(BTC, Timeframe.M1)
    reader = Reader(feed)
    await pass_minutes(clock, 2, 0.02)
    await reader.until_candle(BTC, START + MINUTE)
    exchange.switch_on(FaultKind.DELISTING, "BTCUSDT")
    await pass_minutes(clock, 10)
    await reader.until(lambda: any(s.state is FeedState.STALE for s in reader.of(FeedStatus)))
    await reader.until(lambda: bool(reader.of(Gap)))
    (gap,) = reader.of(Gap)
    assert gap.first == START + 2 * MINUTE
    assert "does not trade on embedded" in gap.why


async def test_bid_ask_and_funding_come_where_asked_for(
    exchange: EmbeddedExchange, clock: ManualClock, feed: PollFeed
) -> None:
    clock.advance(8 * HOUR - 2 * MINUTE)
    await feed.subscribe(PERP, Timeframe.M1, funding=True)
    await feed.subscribe(BTC, Timeframe.M1, quotes=True)
    reader = Reader(feed)
    await pass_minutes(clock, 5, 0.02)
    await reader.until_candle(PERP, START + 8 * HOUR + 2 * MINUTE)
    await reader.until(lambda: bool(reader.of(FundingRate)))  # asked for after the candles
    assert [rate.time for rate in reader.of(FundingRate)] == [START + 8 * HOUR]
    await reader.until(lambda: any(price.symbol == BTC for price in reader.of(PriceSeen)))
    quote = next(price for price in reader.of(PriceSeen) if price.symbol == BTC)
    assert quote.bid is not None
    assert quote.ask is not None
    assert quote.bid < quote.ask


async def test_an_exchange_that_nobody_knows_is_refused_in_words() -> None:
    api = exchange_api("nope\x1b[31m", ServerClock())
    with pytest.raises(FeedError, match=r"exchange nope␛\[31m is not known"):
        await api.server_time()
    await api.close()
