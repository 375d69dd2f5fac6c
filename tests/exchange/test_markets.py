"""The market itself: seeded or recorded, and what it shows of itself at a moment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import websockets
from hypothesis import given
from hypothesis import strategies as st

from core.exchange.market.clock import ManualClock
from core.exchange.market.market_replay import MarketReplay, aggregate, path_points, price_path
from core.exchange.market.recorded import RecordedMarket
from core.exchange.market.synthetic import SyntheticMarket
from core.exchange.server import EmbeddedExchange
from core.market.candles.candles import Candle, Candles, Floats
from core.market.candles.timeframes import DAY, HOUR, MINUTE, Timeframe
from core.market.files.candle_files import read_candles

from .conftest import START, binance

REAL = Path(__file__).parents[2] / ".." / "shared" / "data" / "BTCUSDT-5m.csv.gz"
COLUMNS = ("time", "open", "high", "low", "close", "volume")


def same(one: Candles, other: Candles) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in COLUMNS)


def test_a_seed_makes_the_same_market_whatever_was_asked_before() -> None:
    one, other = SyntheticMarket(3), SyntheticMarket(3)
    other.candles("SOL/USDT", Timeframe.H4, START - 90 * DAY, START)
    for symbol in ("BTC/USDT", "BTC/USDT:USDT"):
        wanted = (symbol, Timeframe.M5, START - DAY, START + DAY)
        assert same(one.candles(*wanted), other.candles(*wanted))
    assert not same(one.candles(*wanted), SyntheticMarket(4).candles(*wanted))


@pytest.mark.parametrize("timeframe", [t for t in Timeframe if t is not Timeframe.M1])
def test_all_timeframes_are_cut_from_the_same_minutes(
    market: SyntheticMarket, timeframe: Timeframe
) -> None:
    start = timeframe.next_open(START - 30 * DAY)
    stop = start + max(2 * timeframe.ms, DAY)
    minutes = market.candles("ETH/USDT", Timeframe.M1, start, timeframe.floor(stop))
    whole = market.candles("ETH/USDT", timeframe, start, timeframe.floor(stop))
    assert np.array_equal(whole.close, aggregate(minutes, timeframe).close)
    assert np.array_equal(whole.high, aggregate(minutes, timeframe).high)
    assert whole.volume == pytest.approx(aggregate(minutes, timeframe).volume)
    assert set(np.diff(whole.time)) <= {timeframe.ms}


@pytest.mark.parametrize("timeframe", [Timeframe.M5, Timeframe.H1, Timeframe.H4, Timeframe.D1])
def test_enough_history_lies_before_the_start(
    market: SyntheticMarket, timeframe: Timeframe
) -> None:
    candles = market.candles("SOL/USDT", timeframe, START - 2000 * timeframe.ms, START)
    assert len(candles) == 2000
    assert (candles.low > 0).all()
    assert (candles.low <= np.minimum(candles.open, candles.close)).all()
    assert (candles.high >= np.maximum(candles.open, candles.close)).all()


def test_the_market_has_trends_clustered_volatility_and_correlated_coins(
    market: SyntheticMarket,
) -> None:
    def returns(symbol: str) -> Floats:
        closes = market.candles(symbol, Timeframe.H1, START - 200 * DAY, START).close
        changes: Floats = np.diff(np.log(closes))
        return changes

    bitcoin, ether = returns("BTC/USDT"), returns("ETH/USDT")
    assert np.corrcoef(bitcoin, ether)[0, 1] > 0.4
    size = np.abs(bitcoin)
    assert np.corrcoef(size[1:], size[:-1])[0, 1] > 0.05
    assert 0.2 < bitcoin.std() * np.sqrt(24 * 365) < 1.5


def test_a_perpetual_stays_close_to_its_index(market: SyntheticMarket) -> None:
    spot = market.candles("BTC/USDT", Timeframe.H1, START - 30 * DAY, START).close
    perpetual = market.candles("BTC/USDT:USDT", Timeframe.H1, START - 30 * DAY, START).close
    assert np.abs(perpetual / spot - 1).max() < 0.002


prices = st.floats(1, 1000)


@given(st.tuples(prices, prices, prices, prices), st.integers(0, 10**6), st.integers(0, 2**32))
def test_the_path_inside_a_candle_touches_its_four_prices_and_never_leaves_them(
    p: tuple[float, float, float, float], minute: int, key: int
) -> None:
    low, high = min(p), max(p)
    candle = Candle(minute * MINUTE, p[0], high, low, p[1], 1.0)
    path = price_path(candle, path_points(MINUTE), key)
    assert (path[0], path[-1]) == (candle.open, candle.close)
    assert (path.min(), path.max()) == (low, high)
    assert np.array_equal(path, price_path(candle, path_points(MINUTE), key))


def test_a_forming_candle_grows_into_the_closed_one(market: SyntheticMarket) -> None:
    replay = MarketReplay(market)
    final = market.candles("BTC/USDT", Timeframe.M15, START, START + 1).at(0)
    moments = range(START, START + 15 * MINUTE, 7_000)
    forming = [replay.forming("BTC/USDT", Timeframe.M15, moment) for moment in moments]
    shown = [candle for candle in forming if candle is not None]
    assert len(shown) == len(forming)
    assert {candle.open for candle in shown} == {final.open}
    for before, after in pairwise(shown):
        assert before.high <= after.high <= final.high
        assert before.low >= after.low >= final.low
        assert before.volume <= after.volume <= final.volume
    assert replay.price("BTC/USDT", START + 15 * MINUTE) == pytest.approx(final.close, rel=0.001)


def test_a_touch_is_found_at_the_moment_the_price_gets_there(market: SyntheticMarket) -> None:
    replay = MarketReplay(market)
    candle = market.candles("BTC/USDT", Timeframe.H1, START, START + 1).at(0)
    moment = replay.touch("BTC/USDT", START, START + HOUR, candle.low, below=True)
    assert moment is not None
    assert replay.price("BTC/USDT", moment) == pytest.approx(candle.low, rel=0.001)
    assert replay.touch("BTC/USDT", START, moment - 60_000, candle.low, below=True) is None
    assert replay.touch("BTC/USDT", START, START + HOUR, candle.low - 1, below=True) is None


def recorded(rows: Sequence[Candle], timeframe: Timeframe = Timeframe.M5) -> RecordedMarket:
    return RecordedMarket({"ADA/USDT": (timeframe, Candles.of(rows))})


def some_candles(count: int, skip: Sequence[int] = ()) -> list[Candle]:
    return [
        Candle(START + n * 5 * MINUTE, 1 + n / 100, 1.5 + n / 100, 0.9, 1.2 + n / 300, 7 + n / 3)
        for n in range(count)
        if n not in skip
    ]


async def test_recorded_candles_arrive_exactly_as_they_are_with_their_gaps() -> None:
    rows = some_candles(12, skip=(5, 6))
    clock = ManualClock(START)
    async with (
        EmbeddedExchange(recorded(rows), clock) as exchange,
        websockets.connect(f"{exchange.ws_url}/ws/adausdt@kline_5m") as socket,
    ):
        for _ in range(12):
            clock.advance(5 * MINUTE)
        received: list[Candle] = []
        while len(received) < 10:
            kline = json.loads(await socket.recv())["k"]
            if kline["x"]:
                received.append(Candle(kline["t"], *(float(kline[k]) for k in "ohlcv")))
    assert received == rows


async def test_when_candles_run_out_the_market_stops_and_says_so() -> None:
    clock = ManualClock(START)
    async with EmbeddedExchange(recorded(some_candles(3)), clock) as exchange:
        client = binance("spot", exchange)
        try:
            assert (await client.load_markets())["ADA/USDT"]["active"]
            clock.advance(15 * MINUTE)
            assert exchange.ended
            assert (await client.load_markets(True))["ADA/USDT"]["active"] is False
            rows = await client.fetch_ohlcv("ADA/USDT", "5m", limit=100)
            assert len(rows) == 3
            clock.advance(DAY)
            assert (await client.fetch_ticker("ADA/USDT"))["last"] == some_candles(3)[-1].close
        finally:
            await client.close()


def test_coarser_candles_begin_with_the_first_whole_one() -> None:
    market = recorded(some_candles(40)[2:])
    hours = market.candles("ADA/USDT", Timeframe.H1, 0, START + DAY)
    assert hours.time.tolist() == [START + HOUR, START + 2 * HOUR, START + 3 * HOUR]
    shown = MarketReplay(market).closed("ADA/USDT", Timeframe.H1, 0, START + DAY)
    assert shown.time.tolist() == [START + HOUR, START + 2 * HOUR]  # the last one is cut short


def test_a_market_needs_candles() -> None:
    with pytest.raises(ValueError, match="ADA/USDT are empty"):
        recorded([])
    with pytest.raises(ValueError, match="at least one symbol"):
        RecordedMarket({})


@pytest.mark.shared_data
async def test_real_candles_come_back_bit_for_bit() -> None:
    if not REAL.exists():
        pytest.skip("../shared/data is not there")
    candles = read_candles(REAL, Timeframe.M5).candles.slice(0, 3000)
    market = RecordedMarket({"BTC/USDT": (Timeframe.M5, candles)})
    clock = ManualClock(int(candles.time[2000]), speed=1000)
    async with EmbeddedExchange(market, clock) as exchange:
        client = binance("spot", exchange)
        try:
            rows = await client.fetch_ohlcv("BTC/USDT", "5m", int(candles.time[1000]), 1000)
            pair = [tuple(row) for row in rows]
            assert pair == [tuple(c) for c in candles.slice(1000, 2000)]
        finally:
            await client.close()
        received: list[Candle] = []
        async with websockets.connect(f"{exchange.ws_url}/ws/btcusdt@kline_5m") as socket:
            for _ in range(10):
                clock.advance(100 * 5 * MINUTE)
                due = clock.now() - 5 * MINUTE
                while not received or received[-1].time < due:
                    kline = json.loads(await socket.recv())["k"]
                    if kline["x"]:
                        received.append(Candle(kline["t"], *(float(kline[k]) for k in "ohlcv")))
    assert received == list(candles.slice(2000, 3000))
