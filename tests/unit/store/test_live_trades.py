"""trades.jsonl is read whole, whatever stands between its good lines."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

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


def test_unknown_keys_are_nobodys_business(tmp_path: Path) -> None:
    found = read_live_trades(write(tmp_path / "t", {**TRADE, "venue_specific": {"x": 1}}))
    assert found.bad_lines == ()


def test_no_file_is_no_trades(tmp_path: Path) -> None:
    assert read_live_trades(tmp_path / "none").trades == ()


def test_a_hundred_thousand_lines_are_read_well_within_a_second(tmp_path: Path) -> None:
    path = write(tmp_path / "t", *({**TRADE, "id": f"t{number}"} for number in range(100_000)))
    began = time.process_time()
    assert len(read_live_trades(path).trades) == 100_000
    assert time.process_time() - began < 1
