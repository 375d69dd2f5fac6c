"""A tape is everyone's truth about its candles, however they arrive and whatever happens to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.journal.candle_journal import CandleJournal, CandleJournals
from core.market.candles.timeframes import Timeframe
from core.store.durable import OsDisk
from tests.unit.session.sessions import market

CANDLES = list(market(60))
HEADER: dict[str, object] = {"feed": "live", "symbol": "BTC/USDT", "timeframe": "5m"}


def open_tape(path: Path) -> CandleJournal:
    return CandleJournal.open(path, HEADER, OsDisk())


def commit(tape: CandleJournal) -> None:
    tape.journal.commit(tape.journal.take())


def test_candles_come_back_in_order_of_time_whatever_their_order_of_arrival(tmp_path: Path) -> None:
    path = tmp_path / "live" / "BTC.jsonl"
    tape = open_tape(path)
    for candle in (*CANDLES[30:40], *CANDLES[10:20], *CANDLES[40:45], *CANDLES[15:35]):
        assert tape.record(candle) == candle
    commit(tape)
    expected = CANDLES[10:45]
    assert list(tape.candles(0)) == expected
    assert list(open_tape(path).candles(0)) == expected
    assert list(open_tape(path).candles(CANDLES[20].time)) == CANDLES[20:45]


def test_the_first_value_of_a_candle_stays(tmp_path: Path) -> None:
    path = tmp_path / "BTC.jsonl"
    tape = open_tape(path)
    for candle in CANDLES[:5]:
        tape.record(candle)
    changed = CANDLES[2]._replace(close=1.0)
    assert tape.record(changed) == CANDLES[2]
    commit(tape)
    assert list(open_tape(path).candles(0)) == CANDLES[:5]
    assert path.read_text().count('"revised"') == 1


def test_a_long_tape_keeps_only_its_newest_candles_in_memory_and_reads_the_rest_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.journal.candle_journal._WINDOW", 10)
    tape = open_tape(tmp_path / "BTC.jsonl")
    for candle in CANDLES[1:]:
        tape.record(candle)
        commit(tape)
    assert tape._columns.count <= 21
    assert list(tape.candles(CANDLES[-5].time)) == CANDLES[-5:]
    assert tape.record(CANDLES[-2]) == CANDLES[-2]  # of a session that lags behind
    assert tape._columns.count <= 21
    assert tape.record(CANDLES[0]) == CANDLES[0]
    assert list(tape.candles(0)) == CANDLES


def test_a_torn_line_is_dropped_and_said_once(tmp_path: Path) -> None:
    path = tmp_path / "BTC.jsonl"
    tape = open_tape(path)
    for candle in CANDLES[:3]:
        tape.record(candle)
    commit(tape)
    path.write_bytes(path.read_bytes()[:-7])
    again = open_tape(path)
    assert list(again.candles(0)) == CANDLES[:2]
    assert "interrupted write were dropped" in str(again.take_notice())
    assert again.take_notice() is None


def test_a_damaged_tape_is_set_aside_and_its_whole_candles_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "BTC.jsonl"
    tape = open_tape(path)
    for candle in CANDLES[:5]:
        tape.record(candle)
    commit(tape)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b"1", b"7", 1)
    path.write_bytes(b"".join(lines))
    again = open_tape(path)
    assert list(again.candles(0)) == [*CANDLES[:2], *CANDLES[3:5]]
    notice = str(again.take_notice())
    assert "set aside as BTC.jsonl.damaged-1, and the 4 candles that are whole" in notice
    assert "left as it was" not in notice
    assert again.take_notice() is None
    assert (tmp_path / "BTC.jsonl.damaged-1").read_bytes() == b"".join(lines)
    assert list(open_tape(path).candles(0)) == [*CANDLES[:2], *CANDLES[3:5]]


async def test_sessions_of_one_host_hold_one_tape(tmp_path: Path) -> None:
    tapes = CandleJournals(tmp_path, OsDisk())
    one = await tapes.get("live", "BTC/USDT:USDT", Timeframe.M5)
    assert await tapes.get("live", "BTC/USDT:USDT", Timeframe.M5) is one
    assert tapes.path("live", "BTC/USDT:USDT", Timeframe.M5).name == "BTC-USDT-USDT-5m.jsonl"
    tapes.release("live")
    assert await tapes.get("live", "BTC/USDT:USDT", Timeframe.M5) is not one
