"""A session's lines are taken apart one by one, and one that is not understood is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.journal.records import (
    Commanded,
    MomentPassed,
    RecoveryError,
    SessionLines,
    to_record,
)
from core.journal.versions import SESSION_JOURNAL
from core.store.durable import OsDisk
from core.store.journal_file import Journal


def journal(folder: Path, *records: dict[str, object]) -> SessionLines:
    header = {"journal": SESSION_JOURNAL.kind, "version": SESSION_JOURNAL.version}
    made = Journal.create(folder / "events.jsonl", header, OsDisk())
    for record in records:
        made.append(record)
    made.commit(made.take())
    return SessionLines(made.path)


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
