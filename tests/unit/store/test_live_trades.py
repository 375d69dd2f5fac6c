"""trades.jsonl is read whole, whatever stands between its good lines."""

from __future__ import annotations

import json
import os
import re
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from core.store.live_trades import read_live_trades

TRADE: dict[str, Any] = {
    "ts": 1_700_000_000_000,
    "id": "t1",
    "symbol": "BTC/USDT",
    "exchange": "binance",
    "side": "buy",
    "type": "market",
    "price": 37_000.5,
    "amount": 0.1,
    "leverage": 1,
    "source": "strategy:rsi",
    "status": "open",
}


FIGURES = ("price", "amount", "leverage", "pnl", "pnl_pct")
HUGE: tuple[Any, ...] = (1e308, -1e16, "inf", "nan")


def write(path: Path, *lines: dict[str, Any] | str) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n")
    return path


def test_a_later_record_replaces_the_earlier_in_its_place(tmp_path: Path) -> None:
    closed = {**TRADE, "status": "closed", "close_ts": 1_700_000_060_000, "pnl": 12.5}
    path = write(tmp_path / "t", TRADE, {**TRADE, "id": "t2", "source": "manual"}, closed)
    found = read_live_trades(path)
    assert [trade.id for trade in found.trades] == ["t1", "t2"]
    assert found.trades[0].status == "closed"
    assert found.trades[0].pnl == 12.5
    assert found.of_strategy("rsi") == (found.trades[0],)
    assert found.trades[1].strategy is None


def test_times_and_numbers_may_be_spelt_in_several_ways(tmp_path: Path) -> None:
    spellings: list[Any] = [
        1_700_000_000,
        1_700_000_000_000,
        "1700000000000",
        "2023-11-14T22:13:20Z",
        "2023-11-14T22:13:20+00:00",
        "2023-11-14T22:13:20",
    ]
    lines = [{**TRADE, "id": number, "ts": ts} for number, ts in enumerate(spellings)]
    path = write(tmp_path / "t", *lines, {**TRADE, "id": "text", "price": "37000.5"})
    found = read_live_trades(path)
    assert found.bad_lines == ()
    assert {trade.opened for trade in found.trades} == {1_700_000_000_000}
    assert found.trades[-1].price == 37_000.5


def test_bad_lines_are_counted_with_their_reason_and_not_fatal(tmp_path: Path) -> None:
    bad = [
        "{not json",
        "[]",
        json.dumps({**TRADE, "side": "hold"}),
        json.dumps({**TRADE, "status": "maybe"}),
        json.dumps({**TRADE, "price": "much"}),
        json.dumps({**TRADE, "ts": "yesterday"}),
        json.dumps({key: value for key, value in TRADE.items() if key != "id"}),
        '{"ts": 1e400}',
        "\x00\x01",
    ]
    found = read_live_trades(write(tmp_path / "t", *bad, "", TRADE))
    assert [line.number for line in found.bad_lines] == list(range(1, len(bad) + 1))
    assert found.bad_lines[2].why == "side: expected buy or sell, found 'hold'"
    assert len(found.trades) == 1


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        *(({name: value}, f"{name}: expected at most 1e.15") for name in FIGURES for value in HUGE),
        *(
            ({name: time}, "time: expected seconds, ms or ISO 8601, between 1970 and 2200")
            for name in ("ts", "close_ts")
            for time in (-1, 1e300, "9999-12-31T23:59:59.999Z", "0001-01-01", 253_402_300_799_999)
        ),
        ({"close_ts": TRADE["ts"] - 1}, "close_ts: expected a time after ts"),
        ({"id": "x" * 70_000}, "truncated"),
    ],
)
def test_what_no_trade_can_be_is_a_bad_line(
    tmp_path: Path, fields: dict[str, Any], why: str
) -> None:
    found = read_live_trades(write(tmp_path / "t", {**TRADE, **fields}, TRADE))
    (bad,) = found.bad_lines
    assert (bad.number, len(found.trades)) == (1, 1)
    assert re.search(why, bad.why)


def test_a_trade_without_its_per_cent_keeps_what_that_follows_from(tmp_path: Path) -> None:
    path = write(tmp_path / "t", {**TRADE, "pnl": 3, "leverage": 2}, {**TRADE, "id": "b"})
    first, second = read_live_trades(path).trades
    assert (first.price, first.amount, first.leverage) == (TRADE["price"], TRADE["amount"], 2)
    assert (second.pnl, second.pnl_pct, second.closed) == (None, None, None)


def test_a_million_records_take_little_memory(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t", *({**TRADE, "id": f"t{number % 40_000}"} for number in range(80_000))
    )
    tracemalloc.start()
    try:
        found = read_live_trades(path)
        assert len(found.of_strategy("rsi")) == 40_000
        assert [found.trades[place].id for place in (0, 7, -1)] == ["t0", "t7", "t39999"]
        assert tracemalloc.get_traced_memory()[1] < 80_000 * 250
    finally:
        tracemalloc.stop()


def test_unknown_keys_are_nobodys_business(tmp_path: Path) -> None:
    found = read_live_trades(write(tmp_path / "t", {**TRADE, "venue_specific": {"x": 1}}))
    assert found.bad_lines == ()


def test_no_file_is_no_trades(tmp_path: Path) -> None:
    assert read_live_trades(tmp_path / "none").trades == ()


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "trades.jsonl")
    with pytest.raises(OSError, match="no regular file"):
        read_live_trades(tmp_path / "trades.jsonl")


def test_a_hundred_thousand_lines_are_read_well_within_a_second(tmp_path: Path) -> None:
    path = write(tmp_path / "t", *({**TRADE, "id": f"t{number}"} for number in range(100_000)))
    began = time.process_time()
    assert len(read_live_trades(path).trades) == 100_000
    assert time.process_time() - began < 1


def test_a_byte_order_mark_costs_no_trade(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(TRADE).encode() + b"\r\n")
    found = read_live_trades(path)
    assert (len(found.trades), found.bad_lines) == (1, ())
