"""The live feed, over real WebSockets and ccxt: whatever happens, the candles are right."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from core.exchange.faults import FaultKind
from core.exchange.market.clock import ManualClock, RunningClock
from core.exchange.market.synthetic import SyntheticMarket
from core.exchange.server import EmbeddedExchange
from core.market.candles.timeframes import HOUR, MINUTE, Timeframe
from core.market.feeds.feed import (
    CandleClosed,
    Ended,
    FeedError,
    FeedState,
    FeedStatus,
    FundingRate,
    Gap,
    PriceSeen,
    Revised,
)
from core.market.feeds.streams.follower import FollowPace, StreamFeed
from core.market.feeds.streams.gateway import VenueGateway
from core.market.feeds.streams.probe import probe_venue
from core.market.feeds.streams.streams import MarketStreams, Pace
from core.market.venues.binance.addresses import BINANCE, Channel, embedded
from core.market.venues.binance.dialect import BinanceDialect
from core.market.venues.clock import ServerClock
from core.market.venues.dialect import VenueStream
from tests.waiting import until

from .conftest import START
from .feeds import (
    FOLLOW_PACE,
    PATIENCE,
    STREAM_PACE,
    Reader,
    pass_minutes,
    pass_time,
    pass_until,
    pass_until_struck,
    trouble,
    truth,
)

BTC, PERP = "BTC/USDT", "BTC/USDT:USDT"
Open = Callable[..., Awaitable[tuple[StreamFeed, Reader]]]


def market_of(exchange: EmbeddedExchange, pace: Pace = STREAM_PACE) -> VenueGateway:
    return VenueGateway(
        BinanceDialect(embedded(exchange.rest_url, exchange.futures_rest_url)),
        pace=pace,
        patience=PATIENCE,
    )


@pytest.fixture
def clock() -> ManualClock:
    """A minute that it leaps is three seconds to a connection: no busy machine's pong is late."""
    return ManualClock(START, speed=20)


@pytest.fixture
async def desk(exchange: EmbeddedExchange) -> AsyncIterator[VenueGateway]:
    opened = market_of(exchange)
    yield opened
    await opened.close()


async def follow(
    desk: VenueGateway,
    clock: ManualClock,
    symbol: str = BTC,
    *,
    pace: FollowPace = FOLLOW_PACE,
    **options: Any,
) -> tuple[StreamFeed, Reader]:
    """A feed that follows a symbol, once its stream flows."""
    feed = StreamFeed(desk, pace)
    await feed.subscribe(symbol, Timeframe.M1, **options)
    reader = Reader(feed)
    await flowing(reader, clock)
    return feed, reader


async def flowing(reader: Reader, clock: ManualClock) -> None:
    await pass_until(
        clock,
        500,
        lambda: any(status.state is FeedState.CONNECTED for status in reader.of(FeedStatus)),
    )


async def test_candles_come_once_in_order_as_they_close(
    exchange: EmbeddedExchange, clock: ManualClock, desk: VenueGateway
) -> None:
    feed, reader = await follow(desk, clock)
    await pass_minutes(clock, 50)
    end = Timeframe.M1.floor(clock.now())
    await reader.until_candle(BTC, end - MINUTE)
    assert reader.candles(BTC) == truth(exchange, BTC, START, end)
    assert not reader.of(CandleClosed)[-1].backfilled
    assert reader.of(Gap) == []
    assert reader.of(Revised) == []
    await feed.close()
    await reader.ended()
    assert isinstance(reader.events[-1], Ended)


async def test_a_restarted_session_gets_everything_since_its_last_candle(
    exchange: EmbeddedExchange, clock: ManualClock, desk: VenueGateway
) -> None:
    after = START - 2345 * MINUTE
    _, reader = await follow(desk, clock, after=after)
    await reader.until_candle(BTC, START - MINUTE)
    assert reader.candles(BTC) == truth(exchange, BTC, after + MINUTE, START)
    assert all(event.backfilled for event in reader.of(CandleClosed))
    await pass_minutes(clock, 2)
    await reader.until_candle(BTC, START)
    assert not reader.of(CandleClosed)[-1].backfilled


async def nothing_was_lost(exchange: EmbeddedExchange, clock: ManualClock, reader: Reader) -> None:
    """With the faults over, every candle has come as it was, and none is missing."""
    exchange.switch_off()
    await pass_minutes(clock, 3, 0.02)
    end = Timeframe.M1.floor(clock.now())
    await reader.until_candle(BTC, end - 2 * MINUTE)
    expected = truth(exchange, BTC, START, end)
    assert reader.candles(BTC) == expected[: len(reader.candles(BTC))]
    assert reader.of(Gap) == []
    assert reader.of(Revised) == []


@pytest.mark.parametrize(
    ("kind", "target", "options"),
    [
        (FaultKind.DROP, "*kline*", {"times": 6, "chance": 0.3}),
        (FaultKind.DUPLICATE, "*kline*", {}),
        (FaultKind.REORDER, "*kline*", {"chance": 0.5}),
        (FaultKind.LATE_CLOSE, "*kline*", {"amount": 130_000, "times": 5}),
        (FaultKind.UNAVAILABLE, "/api/*", {"times": 4}),
        (FaultKind.SLOW_REPLY, "/api/*", {"amount": 50}),
        (FaultKind.TOO_MANY_REQUESTS, "/api/*", {"amount": 1, "times": 1}),
        (FaultKind.BANNED, "/api/*", {"amount": 1, "times": 1}),
        (FaultKind.UNKNOWN_OUTCOME, "/api/*", {"times": 2}),
        (FaultKind.CLOCK_SKEW, "*", {"amount": -5_000}),
    ],
    ids=lambda value: value.value if isinstance(value, FaultKind) else "",
)
async def test_a_fault_changes_no_candle(
    exchange: EmbeddedExchange,
    clock: ManualClock,
    desk: VenueGateway,
    kind: FaultKind,
    target: str,
    options: dict[str, Any],
) -> None:
    _, reader = await follow(desk, clock)
    exchange.switch_on(kind, target, **options)
    if kind in (FaultKind.UNAVAILABLE, FaultKind.TOO_MANY_REQUESTS, FaultKind.BANNED):
        # Only who asks meets these: let the line be cut, so that the feed has to ask.
        exchange.switch_on(FaultKind.DROP, "*kline*", times=1)
    await pass_minutes(clock, 30)
    await nothing_was_lost(exchange, clock, reader)


@pytest.mark.parametrize("seed", range(4))
async def test_a_mixture_of_faults_changes_no_candle(
    clock: ManualClock, market: SyntheticMarket, seed: int
) -> None:
    async with EmbeddedExchange(market, clock, seed=seed) as exchange:
        desk = market_of(exchange)
        _, reader = await follow(desk, clock)
        trouble(exchange)
        await pass_minutes(clock, 60)
        await nothing_was_lost(exchange, clock, reader)
        await desk.close()


async def test_a_candle_that_nobody_has_is_a_gap_in_its_place(
    exchange: EmbeddedExchange, clock: ManualClock, desk: VenueGateway
) -> None:
    _, reader = await follow(desk, clock)
    await pass_minutes(clock, 3)
    exchange.switch_on(FaultKind.MISSING_CANDLE, "btcusdt@kline_1m", times=1)
    await pass_until_struck(exchange, clock)
    await pass_minutes(clock, 3)
    end = Timeframe.M1.floor(clock.now())
    await reader.until_candle(BTC, end - MINUTE)
    told = {candle.time for candle in exchange.venue.replay.closed(BTC, Timeframe.M1, START, end)}
    (missing,) = set(range(START, end, MINUTE)) - told
    (gap,) = reader.of(Gap)
    assert (gap.first, gap.last, gap.count) == (missing, missing, 1)
    assert "no such candles" in gap.why
    said = [
        event.candle.time if isinstance(event, CandleClosed) else event.first
        for event in reader.events
        if isinstance(event, CandleClosed | Gap)
    ]
    assert said == list(range(START, said[-1] + 1, MINUTE))


async def test_a_revised_candle_is_said_as_such_and_not_again(
    exchange: EmbeddedExchange, clock: ManualClock, desk: VenueGateway
) -> None:
    _, reader = await follow(desk, clock)
    await pass_minutes(clock, 2)
    exchange.switch_on(FaultKind.REVISED_CANDLE, "btcusdt@kline_1m", times=1)
    await pass_until_struck(exchange, clock)
    await pass_minutes(clock, 3)
    await reader.until(lambda: bool(reader.of(Revised)))
    (revised,) = reader.of(Revised)
    assert revised.old in reader.candles(BTC)
    assert revised.old.time == revised.new.time
    assert revised.old.close != revised.new.close
    times = [candle.time for candle in reader.candles(BTC)]
    assert times == sorted(set(times))


async def test_an_audit_that_fails_is_made_up_for_from_the_last_one_on(
    exchange: EmbeddedExchange, clock: ManualClock, desk: VenueGateway
) -> None:
    _, reader = await follow(desk, clock, pace=replace(FOLLOW_PACE, audit=0.1, audit_candles=5))
    await pass_minutes(clock, 3)
    exchange.switch_on(FaultKind.UNAVAILABLE, "/api/v3/klines")
    await reader.until(lambda: any(s.state is FeedState.STALE for s in reader.of(FeedStatus)))
    await pass_minutes(clock, 20)
    late = Timeframe.M1.floor(clock.now()) - 15 * MINUTE
    await reader.until_candle(BTC, late + 10 * MINUTE)
    (told,) = truth(exchange, BTC, late, late + 1)
    exchange.venue.replay.edit(BTC, Timeframe.M1, late, told._replace(close=told.low))
    exchange.switch_off()
    await reader.until(lambda: bool(reader.of(Revised)))
    assert [revised.old for revised in reader.of(Revised)] == [told]


def states(reader: Reader) -> list[FeedState]:
    return [status.state for status in reader.of(FeedStatus)]


async def test_rest_stands_in_for_silent_streams_until_they_are_back(
    exchange: EmbeddedExchange, clock: ManualClock
) -> None:
    desk = market_of(exchange, replace(STREAM_PACE, silent_after=0.25))
    feed = StreamFeed(desk, replace(FOLLOW_PACE, poll_after=0.3, poll_every=0.05), fallback=True)
    await feed.subscribe(BTC, Timeframe.M1, quotes=True)
    reader = Reader(feed)
    await flowing(reader, clock)
    exchange.switch_on(FaultKind.SILENT_STALL, "*")
    await pass_until(clock, 5_000, lambda: FeedState.POLLING in states(reader))
    polled = len(states(reader))
    reader.events[:] = [event for event in reader.events if not isinstance(event, PriceSeen)]
    await pass_until(clock, 5_000, lambda: len(reader.of(PriceSeen)) > 3)
    assert set(states(reader)[polled:]) <= {FeedState.POLLING}
    exchange.switch_off()
    await pass_until(clock, 5_000, lambda: states(reader)[-1] is FeedState.CONNECTED)
    end = Timeframe.M1.floor(clock.now())
    await pass_minutes(clock, 2)
    await reader.until_candle(BTC, end)
    found = reader.candles(BTC)
    assert found == truth(exchange, BTC, START, found[-1].time + MINUTE)
    await desk.close()


async def test_what_an_outage_held_back_comes_as_soon_as_the_stream_is_back(
    exchange: EmbeddedExchange, clock: ManualClock
) -> None:
    # Whoever waited for its own next try would have a quarter of an hour to wait.
    never = replace(FOLLOW_PACE, first_delay=1_800.0, longest_delay=1_800.0)
    desk = market_of(exchange)
    _, reader = await follow(desk, clock, pace=never)
    exchange.switch_on(FaultKind.UNAVAILABLE, "*")
    exchange.switch_on(FaultKind.DROP, "*", chance=1.0)
    await pass_until(
        clock,
        MINUTE,
        lambda: any(
            status.state is FeedState.STALE and "did not answer" in status.text
            for status in reader.of(FeedStatus)
        ),
    )
    await pass_minutes(clock, 3)
    exchange.switch_off()
    end = Timeframe.M1.floor(clock.now())
    await reader.until_candle(BTC, end - MINUTE)
    assert reader.candles(BTC) == truth(exchange, BTC, START, reader.candles(BTC)[-1].time + MINUTE)
    assert reader.of(Gap) == []
    await desk.close()


async def test_where_it_may_not_stand_in_rest_is_offered_once(
    exchange: EmbeddedExchange, clock: ManualClock
) -> None:
    desk = market_of(exchange, replace(STREAM_PACE, silent_after=0.25))
    _, reader = await follow(desk, clock, pace=replace(FOLLOW_PACE, poll_after=0.3))
    exchange.switch_on(FaultKind.SILENT_STALL, "*")

    def offers() -> list[FeedStatus]:
        return [status for status in reader.of(FeedStatus) if "--fallback poll" in status.text]

    await pass_until(clock, 5_000, offers)
    await pass_minutes(clock, 3)
    assert len(offers()) == 1
    assert offers()[0].state is FeedState.STALE
    await desk.close()


async def test_a_stream_that_falls_silent_is_noticed_and_its_candles_fetched(
    exchange: EmbeddedExchange, clock: ManualClock
) -> None:
    desk = market_of(exchange, replace(STREAM_PACE, silent_after=0.25))
    _, reader = await follow(desk, clock)
    exchange.switch_on(FaultKind.SILENT_STALL, "btcusdt@kline_1m")
    await pass_minutes(clock, 5)
    end = Timeframe.M1.floor(clock.now())
    await reader.until(
        lambda: any(status.state is FeedState.STALE for status in reader.of(FeedStatus))
    )
    await reader.until_candle(BTC, end - MINUTE)
    assert reader.candles(BTC) == truth(exchange, BTC, START, end)
    assert reader.of(CandleClosed)[-1].backfilled
    exchange.switch_off()
    reader.events.clear()
    await flowing(reader, clock)
    await desk.close()


async def test_a_market_that_stops_trading_leaves_a_gap_until_it_trades_again(
    exchange: EmbeddedExchange, clock: ManualClock
) -> None:
    desk = market_of(exchange, replace(STREAM_PACE, silent_after=0.25))
    _, reader = await follow(desk, clock)
    await pass_minutes(clock, 3)
    exchange.switch_on(FaultKind.DELISTING, "BTCUSDT")
    await pass_minutes(clock, 10)
    await reader.until(
        lambda: any("does not trade on" in status.text for status in reader.of(FeedStatus))
    )
    stopped = reader.candles(BTC)[-1].time + MINUTE
    assert reader.candles(BTC) == truth(exchange, BTC, START, stopped)
    await reader.until(lambda: bool(reader.of(Gap)))
    assert reader.of(Gap)[0].first == stopped
    exchange.switch_off()
    begins = Timeframe.M1.floor(clock.now())
    await pass_minutes(clock, 3, 0.05)
    await reader.until_candle(BTC, begins + MINUTE)
    gaps = {time for gap in reader.of(Gap) for time in range(gap.first, gap.last + 1, MINUTE)}
    assert gaps == set(range(stopped, begins, MINUTE))
    said = [candle for candle in reader.candles(BTC) if candle.time > stopped]
    assert said == truth(exchange, BTC, begins, said[-1].time + 1)
    await desk.close()


async def test_an_announced_shutdown_loses_nothing(
    exchange: EmbeddedExchange, clock: ManualClock, desk: VenueGateway
) -> None:
    _, reader = await follow(desk, clock)
    for _ in range(3):
        exchange.switch_on(FaultKind.SHUTDOWN)
        await pass_minutes(clock, 10)
    await pass_minutes(clock, 2, 0.02)
    end = Timeframe.M1.floor(clock.now())
    await reader.until_candle(BTC, end - 2 * MINUTE)
    said = reader.candles(BTC)
    assert said == truth(exchange, BTC, START, end)[: len(said)]


async def test_connections_are_replaced_before_their_day_is_over_without_a_break(
    market: SyntheticMarket,
) -> None:
    # Time runs by itself here: the exchange drops a client whose pong is a minute late, and on a
    # clock that leaps by minutes that would be any client.
    async with EmbeddedExchange(market, RunningClock(START, speed=600)) as exchange:
        desk = market_of(exchange, replace(STREAM_PACE, rotate_after=0.1, takeover=0.05))
        feed = StreamFeed(desk, FOLLOW_PACE)
        await feed.subscribe(BTC, Timeframe.M1, after=START - MINUTE)
        reader = Reader(feed)
        await reader.until_candle(BTC, START + 25 * MINUTE)
        said = reader.candles(BTC)
        assert said == truth(exchange, BTC, START, said[-1].time + 1)
        states = [status.state for status in reader.of(FeedStatus)]
        assert states == [FeedState.CONNECTING, FeedState.CONNECTED]
        await desk.close()


async def test_sessions_share_connections_and_the_last_one_ends_them(
    exchange: EmbeddedExchange, clock: ManualClock, desk: VenueGateway
) -> None:
    feeds = []
    for symbol in (BTC, BTC, "ETH/USDT", PERP, PERP):
        feed = StreamFeed(desk, FOLLOW_PACE)
        await feed.subscribe(symbol, Timeframe.M1, quotes=True)
        feeds.append((symbol, feed, Reader(feed)))
    assert desk.streams.connections == 3  # spot, and the two kinds of futures streams
    for _, _, reader in feeds:
        await flowing(reader, clock)
    await pass_minutes(clock, 5)
    end = Timeframe.M1.floor(clock.now())
    for symbol, feed, reader in feeds:
        await reader.until_candle(symbol, end - MINUTE)
        assert reader.candles(symbol) == truth(exchange, symbol, START, end)
        await feed.close()
    assert desk.streams.connections == 0


async def test_streams_beyond_one_connections_limit_get_another(
    exchange: EmbeddedExchange, clock: ManualClock
) -> None:
    desk = market_of(exchange, replace(STREAM_PACE, streams_per_connection=2))
    feed = StreamFeed(desk, FOLLOW_PACE)
    symbols = [item.symbol for item in exchange.venue.market.instruments if not item.perpetual]
    for symbol in symbols:
        await feed.subscribe(symbol, Timeframe.M1)
    reader = Reader(feed)
    await flowing(reader, clock)
    assert desk.streams.connections == (len(symbols) + 1) // 2
    await pass_minutes(clock, 4, 0.02)
    end = Timeframe.M1.floor(clock.now())
    for symbol in symbols:
        await reader.until_candle(symbol, end - MINUTE)
        assert reader.candles(symbol) == truth(exchange, symbol, START, end)
    await feed.close()
    await desk.close()


async def test_a_market_added_later_joins_the_running_connection(
    exchange: EmbeddedExchange, clock: ManualClock, desk: VenueGateway
) -> None:
    feed, reader = await follow(desk, clock)
    await feed.subscribe("ETH/USDT", Timeframe.M1, after=START - 3 * MINUTE)
    await reader.until_candle("ETH/USDT", START - MINUTE)
    await pass_until(
        clock,
        100,
        lambda: any(
            status.symbol == "ETH/USDT" and status.state is FeedState.CONNECTED
            for status in reader.of(FeedStatus)
        ),
    )
    await pass_minutes(clock, 3)
    end = Timeframe.M1.floor(clock.now())
    await reader.until_candle("ETH/USDT", end - MINUTE)
    expected = truth(exchange, "ETH/USDT", START - 2 * MINUTE, end)
    assert reader.candles("ETH/USDT") == expected
    assert desk.streams.connections == 1


async def test_prices_between_candles_carry_bid_and_ask_and_the_last_price(
    exchange: EmbeddedExchange, clock: ManualClock, desk: VenueGateway
) -> None:
    _, reader = await follow(desk, clock, PERP, quotes=True)

    def complete() -> bool:
        return any(
            price.bid is not None and price.ask is not None and price.last is not None
            for price in reader.of(PriceSeen)
        )

    await pass_until(clock, 250, complete, 0.01)
    for price in reader.of(PriceSeen):
        assert price.symbol == PERP
        if price.bid is not None and price.ask is not None:
            assert price.bid < price.ask


async def test_a_price_says_what_its_forming_candle_had_reached(
    exchange: EmbeddedExchange, clock: ManualClock, desk: VenueGateway
) -> None:
    _, reader = await follow(desk, clock, quotes=True)
    await pass_time(clock, 2_500, 120)
    told: list[tuple[float, float]] = []
    candles = 0
    for event in reader.events:
        if isinstance(event, PriceSeen) and event.low is not None and event.high is not None:
            told.append((event.low, event.high))
        elif isinstance(event, CandleClosed):
            assert all(event.candle.low <= low <= high <= event.candle.high for low, high in told)
            candles += bool(told)
            told.clear()
    assert candles >= 3


async def test_no_price_of_a_closed_candle_comes_after_it(
    exchange: EmbeddedExchange, clock: ManualClock, desk: VenueGateway
) -> None:
    _, reader = await follow(desk, clock, quotes=True)
    exchange.switch_on(FaultKind.REORDER, "*", chance=0.5)
    await pass_time(clock, 2_500, 120)
    closed = 0
    for event in reader.events:
        if isinstance(event, CandleClosed):
            closed = event.candle.time + MINUTE
        elif isinstance(event, PriceSeen) and event.last is not None:
            assert event.time >= closed


async def test_funding_is_said_before_the_candle_it_belongs_to(
    exchange: EmbeddedExchange, clock: ManualClock, desk: VenueGateway
) -> None:
    funded = START + 8 * HOUR
    clock.advance(8 * HOUR - 5 * MINUTE)
    _, reader = await follow(desk, clock, PERP, funding=True)
    await pass_minutes(clock, 10, 0.02)
    end = Timeframe.M1.floor(clock.now())
    await reader.until_candle(PERP, end - MINUTE)
    (rate,) = reader.of(FundingRate)
    assert rate.time == funded
    place = reader.events.index(rate)
    later = [e for e in reader.events[place:] if isinstance(e, CandleClosed)]
    assert later[0].candle.time == funded
    said = reader.candles(PERP)
    assert said == truth(exchange, PERP, said[0].time, end)


async def test_funding_missed_while_away_is_said_on_return(
    exchange: EmbeddedExchange, clock: ManualClock, desk: VenueGateway
) -> None:
    clock.advance(20 * HOUR)
    _, reader = await follow(desk, clock, PERP, funding=True, after=START + HOUR)
    await reader.until_candle(PERP, START + 20 * HOUR - MINUTE)
    assert [rate.time for rate in reader.of(FundingRate)] == [START + 8 * HOUR, START + 16 * HOUR]


async def test_history_holds_only_closed_candles(
    exchange: EmbeddedExchange, clock: ManualClock, desk: VenueGateway
) -> None:
    clock.advance(90_000)
    feed = StreamFeed(desk, FOLLOW_PACE)
    found = await feed.history(BTC, Timeframe.M1, 1500)
    assert list(found) == truth(exchange, BTC, START + MINUTE - 1500 * MINUTE, START + MINUTE)


async def test_a_market_that_is_not_there_is_refused_in_words(
    exchange: EmbeddedExchange, desk: VenueGateway
) -> None:
    feed = StreamFeed(desk, FOLLOW_PACE)
    with pytest.raises(FeedError, match="NOPE"):
        await feed.subscribe("NOPE/USDT", Timeframe.M1)
    with pytest.raises(FeedError, match="no market NOPE/USDT:USDT"):
        await feed.subscribe("NOPE/USDT:USDT", Timeframe.M1)


async def test_order_limits_are_the_markets_own(
    exchange: EmbeddedExchange, desk: VenueGateway
) -> None:
    feed = StreamFeed(desk, FOLLOW_PACE)
    for symbol in (BTC, PERP):
        instrument = next(i for i in exchange.venue.market.instruments if i.symbol == symbol)
        filters = await feed.filters(symbol)
        assert filters.lot_step == instrument.lot_step
        assert filters.tick_size == instrument.tick_size
        assert filters.min_notional == instrument.min_notional


async def test_every_address_of_a_venue_is_probed_by_what_it_says(
    exchange: EmbeddedExchange, clock: ManualClock
) -> None:
    venue = embedded(exchange.rest_url, exchange.futures_rest_url)
    asking = asyncio.create_task(probe_venue(BinanceDialect(venue), timeout=5))
    await pass_until(clock, 250, asking.done, 0.01)
    assert [(probe.name, probe.well) for probe in await asking] == [
        ("spot REST", True),
        ("futures REST", True),
        ("spot stream", True),
        ("futures public stream", True),
        ("futures market stream", True),
    ]
    # A futures stream on the wrong path connects and says nothing.
    wrong = venue.with_addresses({"futures_market_stream": venue.futures_public_stream})
    closed = wrong.with_addresses({"spot_rest": "http://127.0.0.1:1"})
    found = {probe.name: probe for probe in await probe_venue(BinanceDialect(closed), timeout=0.3)}
    assert "says nothing" in found["futures market stream"].text
    assert not found["spot REST"].well


async def test_a_server_that_always_closes_is_asked_ever_more_rarely() -> None:
    """A close with 1001 raises nothing: without a delay of its own a client would spin."""
    import websockets

    naps: list[float] = []
    served = 0

    async def close_at_once(socket: websockets.ServerConnection) -> None:
        nonlocal served
        served += 1
        await socket.close(1001, "going away")

    async def nap(seconds: float) -> None:
        naps.append(seconds)
        await asyncio.sleep(0)

    class Nobody:
        def __getattr__(self, _: str) -> Callable[..., None]:
            return lambda *_: None

    async with websockets.serve(close_at_once, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        venue = BINANCE.with_addresses({"spot_stream": f"ws://127.0.0.1:{port}"})
        pace = Pace(watch_every=0, first_delay=0.5, longest_delay=8)
        streams = MarketStreams(
            BinanceDialect(venue), ServerClock(), pace, sleep=nap, chance=lambda: 0.5
        )
        stream = VenueStream(venue.stream_url(Channel.SPOT), "btcusdt@kline_1m")
        streams.listen(stream, Nobody())
        await until(lambda: served >= 7)
        await streams.close()
    waits = [nap for nap in naps if nap]
    assert waits[:6] == [0.375, 0.75, 1.5, 3.0, 6.0, 6.0]
