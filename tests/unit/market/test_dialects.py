"""Another exchange's streams are one module and one line: a made-up dialect shows it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from websockets.asyncio.server import ServerConnection, serve

from core.host.feed_factories import FeedFactories
from core.host.link import BadRequestError
from core.host.start_requests import record_of
from core.journal.values import FeedKind
from core.market.candles.candle import Candle
from core.market.candles.timeframes import MINUTE, Timeframe
from core.market.feeds.feed import CandleClosed, PriceSeen
from core.market.feeds.streams.follower import FollowPace, StreamFeed
from core.market.feeds.streams.gateway import VenueGateway
from core.market.history.candle_history import FetchPatience
from core.market.history.exchange_api import ExchangeApi
from core.market.venues import registry
from core.market.venues.clock import ServerClock
from core.market.venues.dialect import VenueStream
from core.market.venues.stream_messages import BestPrices, Kline, Message, StreamReply
from core.session.snapshot import StartRequest
from tests.exchange.feeds import STREAM_PACE, Reader
from tests.unit.session.sessions import RSI

BTC = "BTC/USDT"
BEGIN = 1_700_006_400_000


class Quiet(ExchangeApi):
    """The REST side of a venue that has no candles of the past."""

    def __init__(self, name: str, clock: ServerClock) -> None:
        super().__init__(name, lambda _: None, clock)

    async def check_timeframe(self, timeframe: Timeframe) -> None:
        pass

    async def market(self, symbol: str) -> Any:
        return {"active": True}

    async def page_size(self, symbol: str) -> int:
        return 100

    async def server_time(self) -> int:
        self.clock.measured(BEGIN + 10_000, asyncio.get_running_loop().time())
        return BEGIN + 10_000

    async def candles(
        self, symbol: str, timeframe: Timeframe, since: int | None = None, limit: int | None = None
    ) -> list[Candle]:
        return []


@dataclass(frozen=True)
class Topics:
    """A venue that names streams as topics, subscribes by `op`, and wants pings of its own."""

    url: str
    name: str = "topics"
    own_time: bool = True
    sent: list[str] = field(default_factory=list)

    def candles(self, symbol: str, timeframe: Timeframe) -> VenueStream:
        return VenueStream(self.url, f"kline.{timeframe.value[:-1]}.{symbol.replace('/', '')}")

    def quotes(self, symbol: str) -> VenueStream:
        return VenueStream(self.url, f"tickers.{symbol.replace('/', '')}")

    def mark_price(self, symbol: str) -> VenueStream:
        return self.quotes(symbol)

    def address(self, url: str, names: Sequence[str]) -> str:
        return url

    def names_in_address(self) -> bool:
        return False

    def request(self, names: Sequence[str], number: int, *, subscribe: bool) -> str:
        op = "subscribe" if subscribe else "unsubscribe"
        return orjson.dumps({"req_id": str(number), "op": op, "args": names}).decode()

    def keep_alive(self) -> str | None:
        return '{"op":"ping"}'

    def read(self, raw: str | bytes) -> Sequence[Message]:
        message = orjson.loads(raw)
        topic = message.get("topic", "")
        if topic.startswith("kline"):
            bars, time = message["data"], message["ts"]
            return [Kline(topic, time, _candle(one), one["confirm"]) for one in bars]
        if topic.startswith("tickers"):
            one = message["data"]
            bid, ask = float(one["bid"]), float(one["ask"])
            return [BestPrices(topic, message["ts"], message["cs"], bid, ask)]
        return [StreamReply(None, None if message.get("success", True) else message["ret_msg"])]

    def api(self, clock: ServerClock) -> ExchangeApi:
        return Quiet(self.name, clock)

    def probes(self) -> Sequence[tuple[str, VenueStream]]:
        return ()

    def time_addresses(self) -> Sequence[tuple[str, str, str]]:
        return ()

    def time_of(self, answer: object) -> int | None:
        return None


def _candle(bar: dict[str, Any]) -> Candle:
    prices = (float(bar[key]) for key in ("open", "high", "low", "close", "volume"))
    return Candle(bar["start"], *prices)


def bar(time: int, close: float, *, confirm: bool) -> dict[str, object]:
    return {
        "start": time, "open": "1", "high": "3", "low": "1", "close": str(close),
        "volume": "5", "confirm": confirm,
    }  # fmt: skip


async def test_a_second_dialect_is_followed_as_the_first_is() -> None:
    asked: list[dict[str, Any]] = []

    async def venue(socket: ServerConnection) -> None:
        async for raw in socket:
            asked.append(orjson.loads(raw))
            if asked[-1]["op"] != "subscribe" or sum(one["op"] == "subscribe" for one in asked) > 1:
                continue
            for message in (
                {"success": True},
                {"topic": "tickers.BTCUSDT", "ts": BEGIN + 11_000, "cs": 7,
                 "data": {"bid": "1.9", "ask": "2.1"}},
                {"topic": "kline.1.BTCUSDT", "ts": BEGIN + 12_000,
                 "data": [bar(BEGIN, 2, confirm=False)]},
                {"topic": "kline.1.BTCUSDT", "ts": BEGIN + 61_000,
                 "data": [bar(BEGIN, 2.5, confirm=True), bar(BEGIN + MINUTE, 2.6, confirm=False)]},
            ):  # fmt: skip
                await socket.send(orjson.dumps(message).decode())

    async with serve(venue, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        dialect = Topics(f"ws://127.0.0.1:{port}/v5/public")
        gateway = VenueGateway(
            dialect, pace=STREAM_PACE, patience=FetchPatience(settle=0, time_holds=0)
        )
        feed = StreamFeed(gateway, FollowPace(first_delay=0.01, look_every=0.05))
        try:
            await feed.subscribe(BTC, Timeframe.M1, quotes=True)
            reader = Reader(feed)
            await reader.until_candle(BTC, BEGIN)
            (candle,) = reader.of(CandleClosed)
            assert candle.candle == Candle(BEGIN, 1.0, 3.0, 1.0, 2.5, 5.0)
            seen = [(one.bid, one.ask) for one in reader.of(PriceSeen)]
            assert (1.9, 2.1) in seen
            names = {name for one in asked if one["op"] == "subscribe" for name in one["args"]}
            assert names == {"kline.1.BTCUSDT", "tickers.BTCUSDT"}
        finally:
            await feed.close()
            await gateway.close()


async def test_one_line_registers_a_venue_for_live_sessions(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    request = StartRequest(config=RSI, feed=FeedKind.LIVE, exchange="topics")

    def start() -> Any:
        return record_of(request, "abcd1234", BEGIN, "live-binance", lambda _: {})

    with pytest.raises(BadRequestError, match="exchange topics is not known"):
        start()
    monkeypatch.setitem(registry.VENUES, "topics", lambda _: Topics("ws://127.0.0.1:1/"))
    record = start()
    assert (record.exchange, record.source) == ("topics", "live-topics")
    assert registry.public_api("topics").name == "topics"
    makers = FeedFactories(tmp_path).makers()
    assert FeedKind.LIVE in makers
