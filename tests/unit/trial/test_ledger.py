"""The ledger counts what was tried, once each, and survives what other programs write into it."""

from __future__ import annotations

import fcntl
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.market.candles.candles import Candles
from core.trial.ledger import Try, TryCount, count, data_digest, note_try, tries_of
from tests.unit.session.sessions import market


def a_try(config: str = "c", data: str = "d", **more: float) -> Try:
    known: dict[str, Any] = {"strategy": "rsi", "time": 1, **more}
    return Try(config=config, data=data, **known)


def note_many(ledger: Path, first: int) -> None:
    for number in range(200):
        note_try(ledger, a_try(config=f"{first + number}"))


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "tries.jsonl"


def test_without_a_ledger_nothing_was_tried(ledger: Path) -> None:
    assert tries_of(ledger, "rsi") == TryCount(0, 0, 0.0, 0)


def test_the_same_config_on_the_same_candles_counts_once(ledger: Path) -> None:
    for one in (a_try(), a_try(time=2), a_try(config="other"), a_try(data="other")):
        assert note_try(ledger, one)
    assert tries_of(ledger, "rsi") == TryCount(3, 3, 3.0, 0)


def test_a_sweep_counts_for_as_many_tries_as_are_independent(ledger: Path) -> None:
    note_try(ledger, a_try(tried=200, effective=12.5))
    note_try(ledger, a_try(config="other"))
    assert tries_of(ledger, "rsi") == TryCount(2, 201, 13.5, 0)


def test_other_strategies_count_for_themselves(ledger: Path) -> None:
    note_try(ledger, Try(strategy="macd", config="c", data="d", time=1))
    assert tries_of(ledger, "rsi").runs == 0
    assert tries_of(ledger, "macd").runs == 1


@pytest.mark.parametrize(
    "line",
    [
        b"not json\n",
        b'{"strategy": "rsi"}\n',
        b'{"strategy":"rsi","config":"c","data":"d","time":1,"tried":5,"effective":0}\n',
        b'{"strategy":"rsi","config":"c","data":"d","time":1,"tried":5,"effective":9}\n',
        b"x" * 5_000 + b"\n",
        b'{"strategy":"rsi","con',
    ],
    ids=["no JSON", "no try", "less than one", "more than tried", "endless", "torn"],
)
def test_a_line_that_is_no_try_is_counted_and_left_out(ledger: Path, line: bytes) -> None:
    note_try(ledger, a_try())
    with ledger.open("ab") as file:
        file.write(line)
    found = tries_of(ledger, "rsi")
    assert found.runs == 1
    assert found.bad_lines >= 1


def test_processes_that_write_at_once_lose_nothing(ledger: Path) -> None:
    with ProcessPoolExecutor(4) as pool:
        list(pool.map(note_many, [ledger] * 4, range(0, 800, 200)))
    assert tries_of(ledger, "rsi") == TryCount(800, 800, 800.0, 0)


def test_no_line_is_written_where_there_is_no_workspace(tmp_path: Path) -> None:
    assert not note_try(tmp_path / "none" / "tries.jsonl", a_try())
    assert not (tmp_path / "none").exists()


def test_a_link_in_its_place_is_not_followed(ledger: Path, tmp_path: Path) -> None:
    ledger.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        note_try(ledger, a_try())
    assert not (tmp_path / "elsewhere").exists()


def test_a_pipe_in_its_place_and_who_keeps_it_locked_hold_nobody_up(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.trial.ledger._LOCK_TRIES", 2)
    note_try(ledger, a_try())
    with ledger.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "another process has locked it" in str(count(ledger, a_try()))
    ledger.unlink()
    os.mkfifo(ledger)
    assert "this is not counted" in str(count(ledger, a_try()))
    reader = os.open(ledger, os.O_RDONLY | os.O_NONBLOCK)
    assert "it is no regular file" in str(count(ledger, a_try()))
    os.close(reader)


def test_candles_that_differ_anywhere_have_another_digest() -> None:
    history = market(50)
    closes = history.close.copy()
    closes[20] += 0.01
    other: Candles = replace(history, close=closes)
    digests = {
        data_digest({"BTC/USDT": history}),
        data_digest({"BTC/USDT": other}),
        data_digest({"ETH/USDT": history}),
        data_digest({"BTC/USDT": history.slice(1)}),
    }
    assert len(digests) == 4
    assert data_digest({"BTC/USDT": history}) == data_digest({"BTC/USDT": market(50)})
