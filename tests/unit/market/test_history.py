"""Exchanges answer in different ways; what a history fetch makes of it is the same."""

from __future__ import annotations

import asyncio
from typing import Any

import ccxt.async_support as ccxt
import pytest

from core.market.candles.timeframes import DAY, HOUR, Timeframe
from core.market.feeds.feed import FeedError
from core.market.history.candle_history import CandleHistory, FetchPatience
from core.market.history.exchange_api import ExchangeApi
from core.market.history.exchange_names import exchange_names, exchange_problem
from core.market.venues.clock import ServerClock

NOW = 20_000 * DAY
BTC = "BTC/USD"


class Exchange:
    """An exchange with hourly and daily candles since `listed`, that answers as `answer` says."""

    precisionMode = 2  # noqa: N815
    last_response_headers: dict[str, str] = {}  # noqa: RUF012 ccxt's own attribute
    timeframes = {"1h": 60, "1d": 1440}  # noqa: RUF012
    has = {"fetchTime": True}  # noqa: RUF012

    def __init__(self, listed: int, limit: int, answer: str) -> None:
        self.listed = listed
        self.limit = limit
        self.answer = answer
        self.calls = 0
        self.features = {"spot": {"fetchOHLCV": {"limit": limit}}}

    async def fetch_time(self) -> int:
        return NOW

    async def load_markets(self) -> dict[str, Any]:
        return {BTC: {"active": True}}

    async def fetch_ohlcv(self, _: str, name: str, since: int, limit: int) -> list[list[float]]:
        self.calls += 1
        step = HOUR if name == "1h" else DAY
        times = list(range(self.listed, NOW + 1, step))
        if self.answer == "the last ones":
            times = times[-self.limit :]
        elif self.answer == "a window":
            times = [time for time in times if since <= time < since + limit * step]
        else:
            times = [time for time in times if time >= since]
        return [[time, 1, 2, 0.5, 1, 3] for time in times[: self.limit]]

    async def close(self) -> None:
        return None


def history(exchange: Exchange, name: str = "anywhere") -> CandleHistory:
    api = ExchangeApi(name, lambda _: exchange, ServerClock(own_time=True))
    return CandleHistory(api, patience=FetchPatience(settle=0))


@pytest.mark.parametrize("answer", ["a window", "from there on"])
async def test_the_time_before_a_market_began_is_skipped_and_said(answer: str) -> None:
    listed = NOW - 30 * DAY
    exchange = Exchange(listed, 100, answer)
    found = await history(exchange).between(BTC, Timeframe.H1, NOW - 900 * DAY)
    assert int(found.candles.time[0]) == listed
    assert len(found.candles) == 30 * 24
    assert "anywhere has none of BTC/USD before that" in found.notes[0]
    assert exchange.calls < 40  # and not a call for each window of 100 hours


async def test_an_exchange_that_keeps_few_candles_is_said_to() -> None:
    exchange = Exchange(NOW - 900 * DAY, 720, "the last ones")
    found = await history(exchange, "kraken").between(BTC, Timeframe.H1, NOW - 90 * DAY)
    assert len(found.candles) == 719  # the newest of the 720 still forms
    assert "kraken gives only its last 720 candles" in found.notes[0]


async def test_a_period_without_candles_ends_and_is_said() -> None:
    exchange = Exchange(NOW + DAY, 100, "a window")
    found = await history(exchange).between(BTC, Timeframe.H1, NOW - 900 * DAY)
    assert len(found.candles) == 0
    assert "no 1h candles of BTC/USD in this period" in found.notes[0]


async def test_a_timeframe_the_exchange_lacks_is_refused_with_those_it_has() -> None:
    exchange = Exchange(0, 100, "a window")
    with pytest.raises(FeedError, match="has no 3m candles; it has 1h, 1d"):
        await history(exchange).between(BTC, Timeframe.M3, NOW - DAY)


async def test_candles_off_the_grid_are_refused() -> None:
    exchange = Exchange(NOW - 30 * DAY + 1, 100, "a window")
    with pytest.raises(FeedError, match="do not open at multiples of 1h"):
        await history(exchange).between(BTC, Timeframe.H1, NOW - DAY)


async def test_without_a_server_time_the_last_minute_does_not_count_as_closed() -> None:
    exchange = Exchange(NOW - 30 * DAY, 1000, "from there on")
    exchange.has = {"fetchTime": False}
    clock = ServerClock(monotonic=lambda: 0, wall=lambda: (NOW + 30_000) / 1000)
    api = ExchangeApi("anywhere", lambda _: exchange, clock)
    found = await CandleHistory(api, patience=FetchPatience(settle=0)).latest(BTC, Timeframe.H1, 3)
    assert int(found.time[-1]) == NOW - 2 * HOUR


async def test_many_sessions_that_warm_up_on_one_market_ask_the_exchange_once() -> None:
    exchange = Exchange(NOW - 900 * DAY, 1000, "from there on")
    shared = CandleHistory(
        ExchangeApi("anywhere", lambda _: exchange, ServerClock(own_time=True)),
        patience=FetchPatience(settle=0),
    )
    found = await asyncio.gather(
        *(shared.latest(BTC, Timeframe.H1, count) for count in [300] * 50 + [200] * 50)
    )
    assert exchange.calls <= 2
    assert {len(candles) for candles in found} == {200, 300}
    assert {int(candles.time[-1]) for candles in found} == {NOW - HOUR}
    before = exchange.calls
    assert len(await shared.latest(BTC, Timeframe.H1, 100)) == 100
    assert exchange.calls == before


async def test_a_warmup_that_failed_is_asked_for_again() -> None:
    exchange = Exchange(NOW - 900 * DAY, 1000, "from there on")
    shared = history(exchange)
    with pytest.raises(FeedError):
        await shared.latest(BTC, Timeframe.M3, 10)
    assert len(await shared.latest(BTC, Timeframe.H1, 10)) == 10


def test_the_exchanges_there_are_are_those_of_ccxt() -> None:
    assert exchange_names() == set(ccxt.exchanges)
    assert exchange_problem("kraken") is None
    assert exchange_problem("Krakn") == "exchange Krakn is not known: did you mean kraken?"
    assert exchange_problem("?") == "exchange ? is not known: use a name that ccxt lists"
