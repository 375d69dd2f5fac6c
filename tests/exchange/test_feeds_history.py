"""Past candles, page by page: complete, resumable, cached, and never one that still forms."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.exchange.faults import FaultKind
from core.exchange.market.clock import ManualClock
from core.exchange.server import EmbeddedExchange
from core.market.candles.timeframes import DAY, HOUR, MINUTE, Timeframe
from core.market.feeds.feed import FeedError
from core.market.history.candle_history import CandleHistory, FetchPatience, Progress
from core.market.history.exchange_api import ExchangeApi
from core.market.history.market_period import market_period
from core.market.venues.binance.addresses import embedded
from core.market.venues.binance.dialect import binance_api
from core.market.venues.clock import ServerClock

from .conftest import START
from .feeds import PATIENCE, truth

BTC, PERP = "BTC/USDT", "BTC/USDT:USDT"


@pytest.fixture
async def api(exchange: EmbeddedExchange) -> AsyncIterator[ExchangeApi]:
    opened = binance_api(
        embedded(exchange.rest_url, exchange.futures_rest_url), ServerClock(own_time=True)
    )
    yield opened
    await opened.close()


async def test_pages_join_without_a_seam_and_progress_is_told(
    exchange: EmbeddedExchange, api: ExchangeApi
) -> None:
    told: list[Progress] = []
    start = START - 2500 * MINUTE
    found = await CandleHistory(api, patience=PATIENCE).between(
        BTC, Timeframe.M1, start, progress=told.append
    )
    assert list(found.candles) == truth(exchange, BTC, start, START)
    assert found.notes == ()
    assert [progress.done for progress in told] == [1000, 2000, 2500]
    assert told[-1].total == 2500


async def test_the_forming_candle_is_neither_given_nor_kept(
    exchange: EmbeddedExchange, api: ExchangeApi, clock: ManualClock, tmp_path: Path
) -> None:
    history = CandleHistory(api, tmp_path, patience=PATIENCE)
    clock.advance(MINUTE // 2)
    start = START - 10 * MINUTE
    first = await history.between(BTC, Timeframe.M1, start)
    assert list(first.candles) == truth(exchange, BTC, start, START)
    clock.advance(MINUTE)
    second = await history.between(BTC, Timeframe.M1, start)
    assert list(second.candles) == truth(exchange, BTC, start, START + MINUTE)


async def test_what_was_fetched_is_not_asked_for_again(
    exchange: EmbeddedExchange, api: ExchangeApi, tmp_path: Path
) -> None:
    history = CandleHistory(api, tmp_path, patience=PATIENCE)
    start, stop = START - 3000 * MINUTE, START - 500 * MINUTE
    first = await history.between(BTC, Timeframe.M1, start, stop)
    exchange.switch_on(FaultKind.UNAVAILABLE, "/api/v3/klines")
    again = await history.between(BTC, Timeframe.M1, start + 7 * MINUTE, stop - 7 * MINUTE)
    assert list(again.candles) == list(first.candles)[7:-7]


async def test_a_broken_fetch_goes_on_where_it_broke(
    exchange: EmbeddedExchange, api: ExchangeApi, tmp_path: Path
) -> None:
    history = CandleHistory(api, tmp_path, patience=FetchPatience(attempts=1, settle=0))
    start = START - 3000 * MINUTE
    told: list[Progress] = []

    def break_off(progress: Progress) -> None:
        if progress.done >= 2000:
            exchange.switch_on(FaultKind.UNAVAILABLE, "/api/v3/klines")

    with pytest.raises(FeedError, match="did not answer"):
        await history.between(BTC, Timeframe.M1, start, progress=break_off)
    exchange.switch_off()
    found = await history.between(BTC, Timeframe.M1, start, progress=told.append)
    assert list(found.candles) == truth(exchange, BTC, start, START)
    assert told[0].done >= 2000


async def test_a_damaged_cache_is_fetched_anew(
    exchange: EmbeddedExchange, api: ExchangeApi, tmp_path: Path
) -> None:
    history = CandleHistory(api, tmp_path, patience=PATIENCE)
    start = START - 100 * MINUTE
    await history.between(BTC, Timeframe.M1, start)
    files = list(tmp_path.rglob("*.npz"))
    assert files
    for number, file in enumerate(files):
        file.write_bytes(b"junk" if number % 2 else file.read_bytes()[:50])
    found = await history.between(BTC, Timeframe.M1, start)
    assert list(found.candles) == truth(exchange, BTC, start, START)
    for file in files:  # a pipe is not waited for
        file.unlink()
        os.mkfifo(file)
    found = await history.between(BTC, Timeframe.M1, start)
    assert list(found.candles) == truth(exchange, BTC, start, START)


async def test_a_busy_exchange_is_borne_with(exchange: EmbeddedExchange, api: ExchangeApi) -> None:
    naps: list[float] = []
    told: list[Progress] = []

    async def nap(seconds: float) -> None:
        naps.append(seconds)

    history = CandleHistory(api, patience=FetchPatience(settle=0), sleep=nap)
    await api.market(BTC)
    exchange.switch_on(FaultKind.UNAVAILABLE, "/api/v3/klines", times=3)
    found = await history.between(BTC, Timeframe.M1, START - HOUR, progress=told.append)
    assert len(found.candles) == 60
    assert len(naps) == 3
    assert 0.25 <= naps[0] < naps[1] < naps[2] <= 2.0
    assert "did not answer" in told[0].text


async def test_a_period_of_an_exchange_that_does_not_answer_says_what_else_to_do(
    exchange: EmbeddedExchange, api: ExchangeApi
) -> None:
    exchange.switch_on(FaultKind.UNAVAILABLE, "/api/v3/klines")
    patience = FetchPatience(attempts=1, settle=0)
    with pytest.raises(FeedError, match=r"(?s)did not answer.*; try again .*\(--data FILE\)$"):
        await market_period(api, [BTC], Timeframe.M1, START - HOUR, patience=patience)


async def test_a_long_ban_is_said_and_not_sat_out(
    exchange: EmbeddedExchange, api: ExchangeApi
) -> None:
    await api.market(BTC)
    exchange.switch_on(FaultKind.BANNED, "/api/*", amount=7200)
    with pytest.raises(FeedError, match="has banned this address: nothing is asked for 7200 s"):
        await CandleHistory(api, patience=PATIENCE).between(BTC, Timeframe.M1, START - HOUR)


async def test_what_the_exchange_cannot_give_is_said(
    exchange: EmbeddedExchange, api: ExchangeApi
) -> None:
    begin = exchange.venue.market.span(BTC)[0]
    history = CandleHistory(api, patience=PATIENCE)
    found = await history.between(BTC, Timeframe.D1, begin - 50 * DAY, begin + 20 * DAY)
    assert int(found.candles.time[0]) >= begin
    assert "embedded has none of BTC/USDT before that" in found.notes[0]
    with pytest.raises(FeedError, match=r"no market"):
        await history.between("NOPE/USDT", Timeframe.D1, START - DAY)


async def test_funding_rates_are_read_page_by_page(
    exchange: EmbeddedExchange, api: ExchangeApi
) -> None:
    start = START - 10 * DAY
    found = await CandleHistory(api, patience=PATIENCE).funding(PERP, start, START)
    assert [rate.time for rate in found] == list(range(start, START, 8 * HOUR))
