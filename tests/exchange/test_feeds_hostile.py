"""Whatever a venue answers: no session ends by it, and no host grows by it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from socket import SO_RCVBUF, SOL_SOCKET

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from core.journal.values import FeedKind, SessionState
from core.market.candles.timeframes import DAY, HOUR, MINUTE, Timeframe
from core.market.feeds.feed import (
    CandleClosed,
    FeedError,
    FeedStatus,
    Gap,
    PriceSeen,
    UnavailableError,
)
from core.market.feeds.streams.connection import Connection, ConnectionPace, StreamConnectError
from core.market.feeds.streams.follower import FollowPace, StreamFeed
from core.market.feeds.streams.gateway import VenueGateway
from core.market.history.exchange_api import RateLimitedError
from core.session.snapshot import StartRequest
from tests.exchange.feeds import FOLLOW_PACE, PATIENCE, STREAM_PACE, Reader
from tests.exchange.hostile import (
    SYMBOL,
    Answer,
    HostileVenue,
    gzip_bomb,
    hostile_venue,
    said,
)
from tests.unit.host.hosts import hosting
from tests.unit.session.sessions import RSI
from tests.waiting import until

BTC = "BTC/USDT"
CONFIG = {**RSI, "timeframe": "1m"}
ODD_BODIES = [
    Answer(b"<html>Please log in</html>", headers={"Content-Type": "text/html"}),
    Answer(b"null"),
    Answer(b"[]"),
    Answer(b"[1, 2, 3]"),
    Answer(b'"x"'),
    Answer(b"7"),
    Answer(b"{}"),
    Answer(b'{"symbols": null}'),
    Answer(b'{"symbols": {"a": 1}}'),
    Answer(b'{"symbols": [1, null, "x"]}'),
    Answer(b'{"symbols": [{"symbol": "BTCUSDT"}]}'),
    Answer(b""),
    Answer(b"[" * 100_000),
    Answer(b"\xff\xfe\x00"),
    Answer(b'{"serverTime": "soon"}'),
    Answer(b'{"code": -1121, "msg": "Invalid symbol."}'),
    Answer(b'{"code": -9999, "msg": "of no known kind"}'),
    Answer(b"{}", headers={"X-Broken": "\0"}),
    Answer(b"{}", status=302, headers={"Location": "http://192.0.2.1/"}),
    Answer(b"<html>", status=511),
    Answer(b"no", status=403),
    Answer(b"no", status=500),
]


def wall() -> int:
    return time.time_ns() // 1_000_000


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.fixture
async def venue() -> AsyncIterator[HostileVenue]:
    async with hostile_venue(wall) as running:
        yield running


@pytest.fixture
async def gateway(venue: HostileVenue) -> AsyncIterator[VenueGateway]:
    opened = VenueGateway(venue.dialect, pace=STREAM_PACE, patience=PATIENCE)
    yield opened
    await opened.close()


@pytest.mark.parametrize("answer", ODD_BODIES, ids=lambda one: str(one.body[:24]))
@pytest.mark.parametrize("path", ["exchangeInfo", "klines", "time"])
async def test_a_strange_answer_is_one_to_ask_again_for(
    venue: HostileVenue, gateway: VenueGateway, path: str, answer: Answer
) -> None:
    api = gateway.api
    venue.odd = lambda asked, _: answer if asked.endswith(path) else None
    try:
        if path == "exchangeInfo":
            await api.filters(BTC)
        elif path == "klines":
            await api.candles(BTC, Timeframe.M1)
        else:
            await api.server_time()
    except UnavailableError:
        pass  # asked later it may answer: no session ends by it
    except FeedError as error:
        assert "has no market" in str(error), error
    venue.odd = lambda path, right: None
    assert len(await api.candles(BTC, Timeframe.M1)) > 400


async def test_a_candle_off_the_grid_is_left_out_and_ends_nothing(
    venue: HostileVenue, gateway: VenueGateway
) -> None:
    odd = [9_999_999_999_999, wall() // MINUTE * MINUTE - 1]
    venue.odd = lambda path, right: (
        said([*map(venue.row, odd), *right]) if path.endswith("klines") else None
    )
    found = await gateway.api.candles(BTC, Timeframe.M1)
    assert len(found) > 400
    assert not {candle.time for candle in found} & {*odd}


@pytest.mark.parametrize("tick", ["-1", "NaN", "1e400", "1e31"])
async def test_a_limit_that_no_market_has_is_asked_for_again(
    venue: HostileVenue, gateway: VenueGateway, tick: str
) -> None:
    filters = [{"filterType": "LOT_SIZE", "minQty": tick, "maxQty": "9", "stepSize": "0.1"}]
    venue.odd = lambda path, _: (
        said({"symbols": [{**SYMBOL, "filters": filters}]}) if path.endswith("Info") else None
    )
    with pytest.raises(UnavailableError):
        await gateway.api.filters(BTC)
    venue.odd = lambda path, right: None
    assert str((await gateway.api.filters(BTC)).min_quantity) == "0.00001"


@pytest.mark.parametrize("ahead", [10 * 365 * DAY, -10 * 365 * DAY, DAY, -(2 * 3_600_000), 10**15])
async def test_a_time_far_off_is_told_and_not_believed(
    venue: HostileVenue, gateway: VenueGateway, ahead: int
) -> None:
    venue.odd = lambda path, _: (
        said({"serverTime": wall() + ahead}) if path.endswith("time") else None
    )
    with pytest.raises(UnavailableError, match="this machine's clock"):
        await gateway.api.server_time()
    assert abs(gateway.clock.now() - wall()) < 1_000


@pytest.mark.parametrize("status", [429, 418])
@pytest.mark.parametrize("wait", ["1e20", "100000000000000000000", "-1", "nan", "soon"])
async def test_no_retry_after_blocks_a_venue_until_the_host_restarts(
    venue: HostileVenue, gateway: VenueGateway, status: int, wait: str
) -> None:
    venue.odd = lambda path, _: Answer(b"{}", status=status, headers={"Retry-After": wait})
    with pytest.raises(RateLimitedError) as caught:
        await gateway.api.server_time()
    assert 1 <= caught.value.seconds <= 6 * 3600


async def test_an_endless_answer_is_given_up(venue: HostileVenue, gateway: VenueGateway) -> None:
    await gateway.api.server_time()
    before = resident()
    venue.odd = lambda path, _: Answer(endless=True)
    with pytest.raises(UnavailableError, match="larger than 64 MiB"):
        await gateway.api.server_time()
    assert resident() - before < 300 << 20


async def test_a_packed_flood_is_given_up(
    venue: HostileVenue, gateway: VenueGateway, tmp_path: Path
) -> None:
    await gateway.api.server_time()
    bomb = gzip_bomb(tmp_path, 1 << 29)
    before = resident()
    venue.odd = lambda path, _: Answer(bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(UnavailableError):
        await gateway.api.server_time()
    assert resident() - before < 400 << 20


async def test_a_redirect_leads_nowhere(venue: HostileVenue, gateway: VenueGateway) -> None:
    async with hostile_venue(wall) as elsewhere:
        venue.odd = lambda path, _: Answer(
            b"", status=307, headers={"Location": f"{elsewhere.rest}/api/v3/time"}
        )
        with pytest.raises(UnavailableError, match=r"redirect to .* which is not followed"):
            await gateway.api.server_time()
        assert elsewhere.asked == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_stream_is_redirected_nowhere(venue: HostileVenue, status: int) -> None:
    def elsewhere(_: ServerConnection, asked: Request) -> Response:
        return Response(status, "Moved", Headers(Location=f"{venue.stream}{asked.path}"))

    async with serve(
        ServerConnection.wait_closed, "127.0.0.1", 0, process_request=elsewhere
    ) as moved:
        port = moved.sockets[0].getsockname()[1]
        with pytest.raises(StreamConnectError, match=f"HTTP {status}"):
            await Connection.open(
                venue.dialect,
                f"ws://127.0.0.1:{port}",
                {"btcusdt@kline_1m"},
                lambda _: None,
                ConnectionPace(),
                asyncio.sleep,
            )
    assert venue.handshakes == 0


def quote(bid: object, ask: object, **more: object) -> str:
    best = {"u": 7, "s": "BTCUSDT", "b": bid, "B": "1", "a": ask, "A": "1", **more}
    return json.dumps({"stream": "btcusdt@bookTicker", "data": best})


def odd_streams(venue: HostileVenue) -> list[str | bytes]:
    future = (wall() // MINUTE + 30) * MINUTE
    now = wall() // MINUTE * MINUTE
    ancient = MINUTE
    return [
        "null",
        "[]",
        "x" * 1000,
        b"\xff\x00",
        "{}",
        '{"stream": "btcusdt@kline_1m", "data": null}',
        '{"stream": "btcusdt@kline_1m", "data": {"e": "kline"}}',
        venue.kline(future),
        venue.kline(future, E=future + MINUTE),
        venue.kline(4_102_444_800_000, E=4_102_444_860_000),
        venue.kline(10**17 // MINUTE * MINUTE),
        venue.kline(ancient),
        venue.kline(-MINUTE),
        venue.kline(future, o="nan"),
        venue.kline(future, h="0.5"),
        venue.kline(future, v="-3"),
        venue.kline(future, i="7m"),
        venue.kline(future, closed=False),
        venue.kline(now, closed=False, E=10**17),
        venue.kline(now, closed=False, E=now - DAY),
        venue.kline(now, closed=False, h="1e308", c="1e308"),
        venue.kline(now, closed=False, l="1e-300", c="1e-300"),
        venue.kline(now, i="5m", closed=False),
        venue.kline(now, closed=False).replace('"BTCUSDT", "k"', '"ETHUSDT", "k"'),
        venue.kline(now, closed=False, c=True, l=True),
        venue.kline(now, closed=False, t=True),
        quote("9_9", "1_01"),
        quote("９８", "１０１"),
        quote("98", "101", s="ETHUSDT"),
        quote(True, "101"),
        quote("101", "99"),
        quote("99", "1e308"),
        quote("99", "101", E=10**17),
        '{"e": "serverShutdown", "E": 99999999999999999}',
    ]


async def test_strange_messages_make_no_gap_and_no_candle(
    venue: HostileVenue, gateway: VenueGateway
) -> None:
    feed = StreamFeed(gateway, FOLLOW_PACE)
    begin = wall() // MINUTE * MINUTE
    await feed.subscribe(BTC, Timeframe.M1, after=begin - 3 * MINUTE, quotes=True)
    reader = Reader(feed)
    await reader.until_candle(BTC, begin - MINUTE)
    await until(lambda: bool(venue.streams))
    await venue.say(*odd_streams(venue), quote("99", "101", u=8))
    await reader.until(lambda: any("of the future" in one.text for one in reader.of(FeedStatus)))
    await reader.until(lambda: bool(reader.of(PriceSeen)))
    for seen in reader.of(PriceSeen):
        assert abs(seen.time - wall()) < MINUTE
        assert (seen.bid, seen.ask, seen.last) == (99, 101, None)
    assert reader.of(Gap) == []
    assert all(one.candle.time < wall() for one in reader.of(CandleClosed))
    assert abs(gateway.clock.now() - wall()) < 5_000
    await feed.close()


async def test_nonsense_without_end_fills_no_log(
    venue: HostileVenue, gateway: VenueGateway, caplog: pytest.LogCaptureFixture
) -> None:
    feed = StreamFeed(gateway, FOLLOW_PACE)
    await feed.subscribe(BTC, Timeframe.M1, quotes=True)
    reader = Reader(feed)
    await until(lambda: bool(venue.streams))
    await venue.say(*["null", '{"error": {"code": 1, "msg": "x"}}'] * 300, quote("99", "101"))
    await reader.until(lambda: bool(reader.of(PriceSeen)))
    assert len([one for one in caplog.records if "streams of" in one.getMessage()]) == 1
    await feed.close()


async def test_a_message_without_measure_costs_its_connection_and_no_memory(
    venue: HostileVenue, gateway: VenueGateway
) -> None:
    feed = StreamFeed(gateway, FOLLOW_PACE)
    await feed.subscribe(BTC, Timeframe.M1, quotes=True)
    reader = Reader(feed)
    await until(lambda: bool(venue.streams))
    before, held = set(venue.streams), resident()
    await venue.say(b" " * (64 << 20))
    await until(lambda: bool(venue.streams - before))
    assert resident() - held < 300 << 20  # the message itself is this process's as well
    await venue.say(quote("99", "101"))
    await reader.until(lambda: bool(reader.of(PriceSeen)))
    await feed.close()


@pytest.mark.parametrize(
    "raw",
    [b"\x88\x02\x03\xe8", b"\x83\x00", (b"\x89\x7d" + b"p" * 125) * 60_000],
    ids=["a close that closes nothing", "no opcode of any kind", "pings that nobody reads"],
)
async def test_a_server_that_does_not_read_is_left_for_another_connection(
    venue: HostileVenue, raw: bytes
) -> None:
    pace = replace(STREAM_PACE, connection=ConnectionPace(look_every=0.05))
    gateway = VenueGateway(venue.dialect, pace=pace, patience=PATIENCE)
    feed = StreamFeed(gateway, FOLLOW_PACE)
    await feed.subscribe(BTC, Timeframe.M1, quotes=True)
    Reader(feed)
    await until(lambda: bool(venue.streams))
    (before,) = venue.streams
    before.transport.pause_reading()
    before.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_RCVBUF, 4096)
    before.transport.write(raw)
    await until(lambda: len(venue.streams) == 2)
    before.transport.abort()
    await feed.close()
    await gateway.close()


@pytest.mark.parametrize(("ahead", "told"), [(10**18, False), (10 * DAY, False), (HOUR, True)])
async def test_no_funding_waits_for_a_time_that_is_none(
    venue: HostileVenue, gateway: VenueGateway, ahead: int, told: bool
) -> None:
    perpetual = {**SYMBOL, "contractType": "PERPETUAL", "marginAsset": "USDT", "pair": "BTCUSDT"}
    answers = {
        "exchangeInfo": said({"symbols": [perpetual]}),
        "premiumIndex": said(
            {"symbol": "BTCUSDT", "nextFundingTime": wall() + ahead, "lastFundingRate": "0.0001"}
        ),
    }
    venue.odd = lambda path, _: answers.get(path.rpartition("/")[2])
    assert (await gateway.api.next_funding("BTC/USDT:USDT") is not None) is told


@pytest.mark.parametrize("odd", ["exchangeInfo", "time", "klines", "all"])
async def test_no_session_ends_by_what_its_venue_answers_when_it_is_taken_up(
    venue: HostileVenue, tmp_path: Path, odd: str
) -> None:
    async def live(*_: object) -> StreamFeed:
        opened = VenueGateway(venue.dialect, pace=STREAM_PACE, patience=PATIENCE)
        gateways.append(opened)
        return StreamFeed(opened, FollowPace(first_delay=0.01, look_every=0.05))

    gateways: list[VenueGateway] = []
    feeds = {FeedKind.LIVE: live}
    try:
        async with hosting(tmp_path, feeds=feeds) as host:
            request = StartRequest(config=CONFIG, feed=FeedKind.LIVE, run_for=7 * DAY)
            session_id = (await host.start(request)).session_id
            await until(lambda: host.fresh_snapshot().sessions[0].running_since is not None)
        bodies = {"time": said({"serverTime": wall() + 20 * 365 * DAY})}
        strange = bodies.get(odd, Answer(b"null"))
        venue.odd = lambda path, _: strange if odd == "all" or path.endswith(odd) else None
        async with hosting(tmp_path, feeds=feeds) as host:
            for _ in range(30):
                await venue.say(*odd_streams(venue))
                await asyncio.sleep(0.02)
                (session,) = host.fresh_snapshot().sessions
                assert not session.state.ended, session.state_reason
            venue.odd = lambda path, right: None
            assert session.id == session_id
            assert session.state is not SessionState.ERROR
    finally:
        for gateway in gateways:
            await gateway.close()
