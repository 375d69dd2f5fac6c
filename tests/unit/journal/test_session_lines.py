"""A session's lines are taken apart one by one, and one that is not understood is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.journal.records import (
    Commanded,
    MomentPassed,
    QuoteFilled,
    Record,
    RecoveryError,
    SessionLines,
    to_record,
)
from core.journal.versions import SESSION_JOURNAL
from core.store import journal_file
from core.store.durable import OsDisk
from core.store.journal_file import Journal
from core.trading.orders import OrderSide, VenueOrder
from core.trading.values import Quote


def written(folder: Path, *records: dict[str, object]) -> Path:
    header = {"journal": SESSION_JOURNAL.kind, "version": SESSION_JOURNAL.version}
    made = Journal.create(folder / "events.jsonl", header, OsDisk())
    for record in records:
        made.append(record)
    made.commit(made.take())
    return made.path


def journal(folder: Path, *records: dict[str, object]) -> SessionLines:
    return SessionLines(written(folder, *records))


def test_all_lines_come_in_order_and_the_rare_ones_without_the_moments(tmp_path: Path) -> None:
    moment, command = MomentPassed(1, 100.0, []), Commanded(2, 1, "pause")
    lines = journal(tmp_path, to_record(moment), to_record(command), to_record(moment))
    assert list(lines) == [moment, command, moment]
    assert lines.rare == [command]


@pytest.mark.parametrize("kind", ["moment", "command"])
def test_a_line_that_is_not_understood_is_named(tmp_path: Path, kind: str) -> None:
    moment = to_record(MomentPassed(1, 100.0, []))
    with pytest.raises(RecoveryError, match="line 3 is not understood"):
        list(journal(tmp_path, moment, {"kind": kind, "time": "yesterday", "at": None}))


def test_all_lines_are_told_while_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_file, "_AT_ONCE", 100)  # bytes: a line, and some of the next
    moment, command = MomentPassed(1, 100.0, []), Commanded(2, 1, "pause")
    order = VenueOrder(1, "a1", "BTC/USDT", OrderSide.BUY, 1.0, 1.0, closes=False)
    ordered = QuoteFilled(1, "BTC/USDT", Quote(2, 1.0, 1.0, 1.0), [], [order])
    expected: list[Record] = [moment, command, moment, ordered, command]
    told: list[Record] = []
    path = written(tmp_path, *map(to_record, expected))
    lines = SessionLines(path, told.extend)
    assert told == list(lines) == expected
    assert lines.rare == SessionLines(path).rare == [command, ordered, command]


@pytest.mark.parametrize("kind", ["moment", "command"])
def test_one_that_is_not_understood_is_named_while_all_are_told(tmp_path: Path, kind: str) -> None:
    moment = to_record(MomentPassed(1, 100.0, []))
    path = written(tmp_path, moment, {"kind": kind, "time": "yesterday", "at": None}, moment)
    with pytest.raises(RecoveryError, match="line 3 is not understood"):
        SessionLines(path, lambda _: None)
