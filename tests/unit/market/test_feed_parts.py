"""The small parts of a feed: delays, the venue's clock, messages and funding."""

from __future__ import annotations

import contextlib
import json
import ssl
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.market.candles.candle import Candle
from core.market.candles.timeframes import HOUR
from core.market.feeds.delivery import FundingWatch
from core.market.feeds.feed import FundingRate
from core.market.history.exchange_api import Funding
from core.market.public_session import verified
from core.market.retry import Backoff, asked_wait
from core.market.venues.addresses import VenueError
from core.market.venues.binance.addresses import BINANCE, Channel, embedded
from core.market.venues.binance.messages import read_message
from core.market.venues.clock import TOLERANCE, ServerClock
from core.market.venues.stream_messages import (
    BestPrices,
    Kline,
    MalformedMessageError,
    MarkPrice,
    Shutdown,
    StreamReply,
)
from core.store.redaction import brief

# ── Back-off and clock ──


def test_delays_double_up_to_the_most_and_never_come_near_zero() -> None:
    for chance, share in ((0.0, 0.5), (1.0, 1.0)):
        backoff = Backoff(1, 6, partial(float, chance))
        assert [backoff.next() for _ in range(5)] == [d * share for d in (1, 2, 4, 6, 6)]
        backoff.reset()
        assert backoff.next() == share


def test_the_venues_clock_follows_what_the_venue_says() -> None:
    seconds = 100.0
    clock = ServerClock(monotonic=lambda: seconds, wall=lambda: 5000.0)
    assert clock.now() == 5_000_000
    assert not clock.synchronised
    seconds = 102.0
    clock.measured(6_000_000, asked_at=100.0)  # told half way: one second ago
    assert clock.now() == 6_001_000
    clock.heard(6_000_500)  # late on the wire: says nothing new
    assert clock.now() == 6_001_000
    clock.heard(6_002_000)
    assert clock.now() == 6_002_000
    seconds = 103.0
    assert clock.now() == 6_003_000


def test_a_time_that_this_machines_clock_contradicts_is_not_believed() -> None:
    clock = ServerClock(monotonic=lambda: 100.0, wall=lambda: 5000.0)
    for odd in (5_000_000 + TOLERANCE + 1, 5_000_000 - TOLERANCE - 1, 10**18, -(10**18), 0):
        assert not clock.measured(odd, asked_at=100.0)
        clock.heard(odd)
        assert not clock.synchronised
        assert clock.now() == 5_000_000
    assert clock.measured(5_030_000, asked_at=100.0)
    clock.heard(5_030_000 + 120_000)  # within the tolerance, and far ahead of what it told
    assert clock.now() == 5_030_000
    own = ServerClock(monotonic=lambda: 100.0, wall=lambda: 5000.0, own_time=True)
    assert own.measured(10**12, asked_at=100.0)
    assert own.now() == 10**12


@pytest.mark.parametrize("wait", ["1e20", "100000000000000000000", "inf", "9" * 400])
def test_no_retry_after_blocks_a_venue_for_good(wait: str) -> None:
    assert asked_wait({"Retry-After": wait}, banned=False) <= 600
    assert asked_wait({"Retry-After": wait}, banned=True) <= 6 * 3600


@pytest.mark.parametrize("wait", ["nan", "-5", "never", "Fri, 99 Foo 99999999999 00:00:00 GMT", ""])
def test_a_retry_after_that_is_none_is_a_usual_wait(wait: str) -> None:
    assert 1 <= asked_wait({"Retry-After": wait}, banned=False) <= 10


# ── Messages ──

KLINE: dict[str, Any] = {
    "e": "kline",
    "E": 1672515782136,
    "s": "BTCUSDT",
    "k": {
        "t": 1672515780000,
        "T": 1672515839999,
        "s": "BTCUSDT",
        "i": "1m",
        "o": "1",
        "c": "2",
        "h": "2.5",
        "l": "0.5",
        "v": "1000",
        "x": False,
        "later": {"unknown": 1},
    },
    "st": 1,
}


def message(stream: str, data: object) -> str:
    return json.dumps({"stream": stream, "data": data})


def test_documented_messages_are_read() -> None:
    assert read_message(message("btcusdt@kline_1m", KLINE)) == Kline(
        "btcusdt@kline_1m",
        1672515782136,
        Candle(1672515780000, 1.0, 2.5, 0.5, 2.0, 1000.0),
        closed=False,
    )
    spot = {"u": 400900217, "s": "BNBUSDT", "b": "25.35", "B": "31.21", "a": "25.36", "A": "40.66"}
    assert read_message(message("bnbusdt@bookTicker", spot)) == BestPrices(
        "bnbusdt@bookTicker", None, 400900217, 25.35, 25.36
    )
    futures = {"e": "bookTicker", "u": 1, "E": 7, "T": 7, "b": "25.35", "a": "25.36", "st": 1}
    assert read_message(message("bnbusdt@bookTicker", futures)) == BestPrices(
        "bnbusdt@bookTicker", 7, 1, 25.35, 25.36
    )
    mark = {"e": "markPriceUpdate", "E": 1, "s": "B", "p": "11794.15", "r": "0.0003", "T": 15}
    assert read_message(message("b@markPrice", mark)) == MarkPrice(
        "b@markPrice", 1, 11794.15, 0.0003, 15
    )
    assert read_message('{"result":null,"id":1}') == StreamReply(1, None)
    assert read_message('{"code":2,"msg":"Invalid request: x"}') == StreamReply(
        None, "2 Invalid request: x"
    )
    nested = '{"error":{"code":2,"msg":"invalid stream"},"id":1}'
    assert read_message(nested) == StreamReply(1, "2 invalid stream")
    assert read_message('{"e":"serverShutdown","E":1}') == Shutdown()
    assert read_message(message("!serverShutdown", {"e": "serverShutdown", "E": 1})) == Shutdown()


@pytest.mark.parametrize(
    "change",
    [
        {"o": "nan"},
        {"c": "0"},
        {"t": "x"},
        {"t": 1672515780001},
        {"h": "0.1"},
        {"i": "7m"},
        {"v": None},
        {"v": "-1"},
        {"t": -60000},
        {"t": 10**30},
    ],
)
def test_a_candle_that_is_none_is_refused(change: dict[str, object]) -> None:
    data = KLINE | {"k": {**KLINE["k"], **change}}
    with pytest.raises(MalformedMessageError):
        read_message(message("btcusdt@kline_1m", data))


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["e", "E", "k", "u", "b", "a", "p", "stream", "data"]), inner
            )
        ),
        max_leaves=12,
    )
)
def test_no_message_breaks_the_reader(data: object) -> None:
    for raw in (json.dumps(data), message("btcusdt@bookTicker", data)):
        with contextlib.suppress(MalformedMessageError):
            read_message(raw)


# ── Funding ──

FIRST = 8 * HOUR


def test_candles_wait_for_funding_only_from_its_time_on() -> None:
    watch = FundingWatch("P", since=0)
    assert watch.holds(1)  # nothing is known yet: ask
    assert watch.told([], FIRST, now=5) == []
    assert not watch.holds(FIRST - 1)
    assert watch.holds(FIRST)


def test_the_record_decides_and_each_rate_is_said_once() -> None:
    watch = FundingWatch("P", since=0)
    record = [Funding(FIRST, 0.1), Funding(2 * FIRST, 0.2)]
    assert watch.told(record, 3 * FIRST, now=2 * FIRST) == [
        FundingRate("P", FIRST, 0.1),
        FundingRate("P", 2 * FIRST, 0.2),
    ]
    assert watch.told(record, 3 * FIRST, now=2 * FIRST) == []
    assert not watch.holds(3 * FIRST - 1)


def test_a_late_record_is_waited_for_and_then_replaced_by_the_streamed_rate() -> None:
    watch = FundingWatch("P", since=0)
    watch.told([], FIRST, now=5)
    watch.streamed(FIRST, 0.3)
    assert watch.told([], 2 * FIRST, now=FIRST) == []
    assert watch.holds(FIRST)
    assert watch.told([], 2 * FIRST, now=FIRST) == []
    assert watch.told([], 2 * FIRST, now=FIRST) == [FundingRate("P", FIRST, 0.3)]
    assert not watch.holds(FIRST)


def test_a_late_record_is_waited_for_though_no_stream_tells_the_rate() -> None:
    watch = FundingWatch("P", since=0)
    watch.told([], FIRST, now=5)
    assert watch.told([], 2 * FIRST, now=FIRST) == []
    assert watch.holds(FIRST)
    rate = Funding(FIRST, 0.1)
    assert watch.told([rate], 2 * FIRST, now=FIRST) == [FundingRate("P", FIRST, 0.1)]
    assert not watch.holds(FIRST)


def test_funding_that_comes_due_while_the_exchange_is_asked_is_waited_for() -> None:
    watch = FundingWatch("P", since=0)
    assert watch.told([], FIRST, now=FIRST + 1) == []  # told as the next one a moment ago
    assert watch.holds(FIRST)
    rate = Funding(FIRST, 0.1)
    assert watch.told([rate], 2 * FIRST, now=FIRST + 2) == [FundingRate("P", FIRST, 0.1)]
    assert not watch.holds(FIRST)


def test_funding_in_the_record_ahead_of_the_known_clock_is_waited_for() -> None:
    watch = FundingWatch("P", since=0)
    record = [Funding(FIRST, 0.1)]
    assert watch.told(record, 2 * FIRST, now=FIRST - 1) == []
    assert watch.holds(FIRST)
    assert watch.told(record, 2 * FIRST, now=FIRST) == [FundingRate("P", FIRST, 0.1)]


def test_funding_that_the_exchange_never_tells_holds_candles_back_three_times_only() -> None:
    watch = FundingWatch("P", since=0)
    for _ in range(5):
        watch.told([], FIRST, now=FIRST + 1)
    assert not watch.holds(FIRST + 1)
    assert watch.told([Funding(FIRST, 0.1)], 2 * FIRST, now=FIRST + 2) != []  # late is not lost


def test_a_shorter_interval_is_learnt_from_the_stream() -> None:
    watch = FundingWatch("P", since=0)
    watch.told([], FIRST, now=5)
    watch.streamed(FIRST // 2, 0.1)
    assert watch.holds(FIRST // 2)


# ── Venue and words ──


def test_streams_have_their_own_addresses() -> None:
    assert BINANCE.stream_url(Channel.FUTURES_MARKET) == "wss://fstream.binance.com/market/stream"
    venue = embedded("http://127.0.0.1:8080/", "http://127.0.0.1:8081/")
    assert venue.stream_url(Channel.SPOT) == "ws://127.0.0.1:8080/stream"
    assert venue.stream_url(Channel.FUTURES_PUBLIC) == "ws://127.0.0.1:8081/public/stream"


def test_addresses_from_a_configuration_are_checked() -> None:
    changed = BINANCE.with_addresses({"spot_rest": "https://data-api.binance.vision/"})
    assert changed.spot_rest == "https://data-api.binance.vision"
    for addresses in ({"spot_ret": "https://x"}, {"spot_rest": "wss://x"}, {"spot_stream": "x"}):
        with pytest.raises(VenueError):
            BINANCE.with_addresses(addresses)


def test_text_from_outside_is_one_plain_line() -> None:
    assert brief("a\nb\x1b[31m\x00c") == "a b␛[31m␀c"
    assert len(brief("x" * 1000)) == 200


def test_connections_verify_whom_they_reach_with_certificates_that_are_read_once() -> None:
    context = verified()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert verified() is context
