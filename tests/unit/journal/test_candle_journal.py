"""A candle journal is the truth about its candles, however they arrive and whatever befalls it."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.journal.candle_journal import CandleJournal, CandleJournals, read_candle_journal
from core.market.candles.timeframes import Timeframe
from core.store.durable import OsDisk
from core.store.journal_file import JournalDamagedError, JournalError
from tests.unit.session.sessions import market

CANDLES = list(market(60))
HEADER: dict[str, object] = {"feed": "live", "symbol": "BTC/USDT", "timeframe": "5m"}


def open_journal(path: Path) -> CandleJournal:
    return CandleJournal.open(path, HEADER, OsDisk())


def commit(journal: CandleJournal) -> None:
    journal.journal.commit(journal.journal.take())


def test_candles_come_back_in_order_of_time_whatever_their_order_of_arrival(tmp_path: Path) -> None:
    path = tmp_path / "live" / "BTC.jsonl"
    journal = open_journal(path)
    for candle in (*CANDLES[30:40], *CANDLES[10:20], *CANDLES[40:45], *CANDLES[15:35]):
        assert journal.record(candle) == candle
    commit(journal)
    expected = CANDLES[10:45]
    assert list(journal.candles(0)) == expected
    assert list(open_journal(path).candles(0)) == expected
    assert list(open_journal(path).candles(CANDLES[20].time)) == CANDLES[20:45]


def test_the_first_value_of_a_candle_stays(tmp_path: Path) -> None:
    path = tmp_path / "BTC.jsonl"
    journal = open_journal(path)
    for candle in CANDLES[:5]:
        journal.record(candle)
    changed = CANDLES[2]._replace(close=1.0)
    assert journal.record(changed) == CANDLES[2]
    commit(journal)
    assert list(open_journal(path).candles(0)) == CANDLES[:5]
    assert path.read_text().count('"revised"') == 1


def test_a_long_journal_keeps_only_its_newest_candles_in_memory_and_reads_the_rest_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.journal.candle_journal._WINDOW", 10)
    journal = open_journal(tmp_path / "BTC.jsonl")
    for candle in CANDLES[1:]:
        journal.record(candle)
        commit(journal)
    path = journal.journal.path
    aside = path.rename(path.with_suffix(".aside"))
    assert list(journal.candles(CANDLES[-5].time)) == CANDLES[-5:]
    assert journal.record(CANDLES[-2]) == CANDLES[-2]  # of a session that lags behind
    with pytest.raises(JournalError, match="cannot be read"):
        journal.candles(CANDLES[-22].time)
    aside.rename(path)
    assert journal.record(CANDLES[0]) == CANDLES[0]
    assert list(journal.candles(0)) == CANDLES


@pytest.mark.parametrize("at_once", [150, 1_000, 1 << 20])
def test_revisions_and_candles_are_told_apart_however_many_are_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("core.store.journal_file._AT_ONCE", at_once)  # bytes
    journal = open_journal(tmp_path / "BTC.jsonl")
    revisions = {n: CANDLES[n]._replace(close=CANDLES[n].close + 1) for n in (3, 4, 40)}
    for number, candle in enumerate(CANDLES):
        journal.record(candle)
        if number in revisions:
            journal.revise(candle)
            journal.revise(revisions[number])
    commit(journal)
    contents = read_candle_journal(journal.journal.path)
    assert list(contents.as_received) == CANDLES
    assert list(contents.revised) == list(revisions.values())


@pytest.mark.parametrize(
    "record",
    [
        {"c": [1, 2.0, 3.0, 4.0, 5.0]},
        {"c": [1, 2.0, 3.0, 4.0, 5.0, "6"]},
        {"c": [[1], 2, 3, 4, 5, 6]},
    ],
)
def test_a_line_that_is_no_candle_is_damage(tmp_path: Path, record: dict[str, object]) -> None:
    journal = open_journal(tmp_path / "BTC.jsonl")
    journal.record(CANDLES[0])
    journal.journal.append(record)
    commit(journal)
    with pytest.raises(JournalDamagedError, match="a line is no candle"):
        read_candle_journal(journal.journal.path)


def test_a_torn_line_is_dropped_and_said_once(tmp_path: Path) -> None:
    path = tmp_path / "BTC.jsonl"
    journal = open_journal(path)
    for candle in CANDLES[:3]:
        journal.record(candle)
    commit(journal)
    path.write_bytes(path.read_bytes()[:-7])
    again = open_journal(path)
    assert list(again.candles(0)) == CANDLES[:2]
    assert "interrupted write were dropped" in str(again.take_notice())
    assert again.take_notice() is None


def test_a_damaged_journal_is_set_aside_and_its_whole_candles_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "BTC.jsonl"
    journal = open_journal(path)
    for candle in CANDLES[:5]:
        journal.record(candle)
    commit(journal)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b"1", b"7", 1)
    path.write_bytes(b"".join(lines))
    again = open_journal(path)
    assert list(again.candles(0)) == [*CANDLES[:2], *CANDLES[3:5]]
    notice = str(again.take_notice())
    assert "set aside as BTC.jsonl.damaged-1, and the 4 candles that are whole" in notice
    assert "left as it was" not in notice
    assert again.take_notice() is None
    assert (tmp_path / "BTC.jsonl.damaged-1").read_bytes() == b"".join(lines)
    assert list(open_journal(path).candles(0)) == [*CANDLES[:2], *CANDLES[3:5]]


async def test_sessions_of_one_host_hold_one_journal(tmp_path: Path) -> None:
    journals = CandleJournals(tmp_path, OsDisk())
    one = await journals.get("live", "BTC/USDT:USDT", Timeframe.M5)
    assert await journals.get("live", "BTC/USDT:USDT", Timeframe.M5) is one
    assert journals.path("live", "BTC/USDT:USDT", Timeframe.M5).name == "BTC-USDT-USDT-5m.jsonl"
    journals.release("live")
    assert await journals.get("live", "BTC/USDT:USDT", Timeframe.M5) is not one
