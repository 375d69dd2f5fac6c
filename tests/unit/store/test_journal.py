"""A journal keeps what was committed, drops what was cut short, and refuses what is damaged."""

from __future__ import annotations

import io
import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.store import journal_file
from core.store.durable import OsDisk
from core.store.journal_file import (
    Journal,
    JournalDamagedError,
    JournalError,
    JournalFormat,
    encode_line,
    read_journal,
    salvage,
)
from core.store.redaction import KNOWN_SECRETS
from tests.unit.store.disks import ForgetfulDisk, FullDisk

TEST = JournalFormat("test", version=1)
HEADER = {"journal": "test", "version": 1}


def make(path: Path, *records: dict[str, object]) -> Journal:
    journal = Journal.create(path, HEADER, OsDisk())
    for record in records:
        journal.append(record)
    journal.commit(journal.take())
    return journal


def lines_of(path: Path) -> list[dict[str, object]]:
    return read_journal(path, TEST).lines


def test_what_was_committed_is_read_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    make(path, {"a": 1.1, "text": 'ä,"crc":7'}, {"b": None})
    assert lines_of(path) == [{"a": 1.1, "text": 'ä,"crc":7'}, {"b": None}]
    assert read_journal(path, TEST).header["version"] == 1


def test_nothing_is_written_before_the_commit(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    journal = make(path)
    journal.append({"a": 1})
    assert lines_of(path) == []
    journal.commit(journal.take())
    assert lines_of(path) == [{"a": 1}]


@given(cut=st.integers(min_value=1, max_value=200), tail=st.binary(max_size=20))
def test_a_cut_at_any_byte_keeps_the_whole_lines_before_it(
    tmp_path_factory: pytest.TempPathFactory, cut: int, tail: bytes
) -> None:
    path = tmp_path_factory.mktemp("cut") / "j.jsonl"
    records: list[dict[str, object]] = [{"number": number} for number in range(4)]
    make(path, *records)
    whole = path.read_bytes()
    header = whole.index(b"\n") + 1
    kept = max(header, len(whole) - cut)
    # What a power cut leaves behind the last whole line may be anything but another line.
    path.write_bytes(whole[:kept] + tail.replace(b"\n", b""))
    contents = read_journal(path, TEST)
    found = [line["number"] for line in contents.lines]
    assert found == list(range(len(found)))
    assert len(found) >= whole[:kept].count(b"\n") - 1
    assert contents.size + contents.torn == path.stat().st_size


def test_going_on_behind_a_torn_line_cuts_it_off(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    make(path, {"a": 1})
    with path.open("ab") as file:
        file.write(encode_line({"b": 2})[:-5])
    contents = read_journal(path, TEST)
    assert contents.torn == len(encode_line({"b": 2})) - 5
    journal = Journal.reopen(path, contents, OsDisk())
    journal.append({"c": 3})
    journal.commit(journal.take())
    assert lines_of(path) == [{"a": 1}, {"c": 3}]


def test_a_changed_byte_before_good_lines_is_damage_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    make(path, {"price": 100.0}, {"price": 200.0})
    damaged = path.read_bytes().replace(b"100.0", b"900.0")
    path.write_bytes(damaged)
    with pytest.raises(JournalDamagedError, match="line 2 is damaged though good lines follow"):
        read_journal(path, TEST)
    assert path.read_bytes() == damaged


def test_what_lies_behind_damage_is_not_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_file, "_AT_ONCE", 4_096)
    path = tmp_path / "j.jsonl"
    make(path, *({"n": number, "text": "x" * 1_000} for number in range(2_000)))
    path.write_bytes(path.read_bytes().replace(b'"n":1,', b'"n":2,', 1))
    tracemalloc.start()
    try:
        with pytest.raises(JournalDamagedError, match="line 3 is damaged"):
            read_journal(path, TEST)
        assert tracemalloc.get_traced_memory()[1] < 500_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("at_once", [1, 7, 64, 1 << 20])
def test_lines_are_read_and_damage_is_named_however_much_is_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(journal_file, "_AT_ONCE", at_once)
    path = tmp_path / "j.jsonl"
    records: list[dict[str, object]] = [{"n": number, "text": "x" * number} for number in range(40)]
    make(path, *records)
    taken: list[bytes] = []
    contents = read_journal(path, TEST, taken.extend)
    assert contents.lines == records
    assert taken == list(contents.bodies)
    assert (contents.size, contents.torn) == (path.stat().st_size, 0)
    good = path.read_bytes()
    path.write_bytes(good[:-1])  # all of the last line but its break
    assert read_journal(path, TEST).lines == records[:-1]
    path.write_bytes(good.replace(b'"n":20', b'"n":21', 1))
    with pytest.raises(JournalDamagedError, match="line 22 is damaged though good lines follow"):
        read_journal(path, TEST)
    assert salvage(path, TEST) == records[:20] + records[21:]
    path.write_bytes(good + b"\n")
    assert read_journal(path, TEST).torn == 1


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"journal": "test", "version": 2}, "is of version 2, this program reads version 1"),
        ({"journal": "other", "version": 1}, "expected a test journal, found 'other'"),
    ],
)
def test_another_version_or_kind_is_refused_with_words(
    tmp_path: Path, header: dict[str, object], message: str
) -> None:
    path = tmp_path / "j.jsonl"
    Journal.create(path, header, OsDisk())
    with pytest.raises(JournalError, match=message):
        read_journal(path, TEST)


@pytest.mark.parametrize("content", [b"", b"\0" * 40, b'{"journal": "te'])
def test_a_file_without_a_header_is_no_journal(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "j.jsonl"
    path.write_bytes(content)
    with pytest.raises(JournalDamagedError, match="no header of a test journal"):
        read_journal(path, TEST)


def test_a_pipe_or_folder_in_a_journals_place_is_said_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "folder.jsonl").mkdir()
    for name in ("pipe.jsonl", "folder.jsonl"):
        with pytest.raises(JournalError, match="cannot be read"):
            read_journal(tmp_path / name, TEST)


def test_lines_added_after_the_reading_do_not_come(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    journal = make(path, {"a": 1})
    contents = read_journal(path, TEST)
    journal.append({"b": 2})
    journal.commit(journal.take())
    assert contents.lines == [{"a": 1}]


def test_a_line_whose_rest_comes_while_it_is_read_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "j.jsonl"
    make(path, {"a": 1})
    written, whole = path.stat().st_size, encode_line({"b": 2})

    class Living(io.BufferedReader):
        """The other process writes on as soon as the end of what it has written is met."""

        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            if path.stat().st_size == written + 9 and not data.endswith(b"\n"):
                with path.open("ab") as file:
                    file.write(whole[9:] + encode_line({"c": 3}))
            return data

    with path.open("ab") as file:
        file.write(whole[:9])
    monkeypatch.setattr(journal_file, "open_regular", lambda path: Living(io.FileIO(path)))
    contents = read_journal(path, TEST)
    assert (contents.lines, contents.size, contents.torn) == ([{"a": 1}], written, 9)
    assert lines_of(path) == [{"a": 1}, {"b": 2}, {"c": 3}]


@pytest.mark.parametrize("room", [0, 1, 20])
def test_a_full_disk_takes_nothing_and_leaves_what_was_there(tmp_path: Path, room: int) -> None:
    path = tmp_path / "j.jsonl"
    journal = make(path, {"a": 1})
    journal.disk = FullDisk(room)
    journal.append({"b": "x" * 100})
    with pytest.raises(JournalError, match="No space left on device"):
        journal.commit(journal.take())
    assert lines_of(path) == [{"a": 1}]
    journal.disk = OsDisk()
    journal.append({"c": 1})
    with pytest.raises(JournalError, match="No space left"):
        journal.commit(journal.take())  # only a restart finds out what is on the disk


def test_a_failed_sync_is_no_commit(tmp_path: Path) -> None:
    journal = make(tmp_path / "j.jsonl")
    journal.disk = ForgetfulDisk(0)
    journal.append({"a": 1})
    with pytest.raises(JournalError, match="Input/output error"):
        journal.commit(journal.take())


def test_a_vanished_file_is_noticed_and_not_made_again(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    journal = make(path)
    path.unlink()
    journal.append({"a": 1})
    with pytest.raises(JournalError, match="No such file"):
        journal.commit(journal.take())
    assert not path.exists()


def test_a_second_writer_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    journal = make(path)
    with path.open("ab") as file:
        file.write(encode_line({"other": 1}))
    journal.append({"a": 1})
    with pytest.raises(JournalError, match="two writers"):
        journal.commit(journal.take())


def test_a_journal_is_never_made_over_an_old_one(tmp_path: Path) -> None:
    make(tmp_path / "j.jsonl", {"a": 1})
    with pytest.raises(JournalError, match="there already"):
        Journal.create(tmp_path / "j.jsonl", HEADER, OsDisk())


def test_no_secret_however_word_like_rewrites_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    record: dict[str, object] = {"kind": "moment", "symbol": "BTC/USDT", "entry_price": 0.000000123}
    for word in ("moment", "BTC/USDT", "entry_price", "kind1moment2KIND3", "1.23e-7", '"symbol"'):
        KNOWN_SECRETS.add(word)
    make(path, record)
    assert lines_of(path) == [record]


def two_steps(line: dict[str, object]) -> dict[str, object]:
    return {"price": line["p"], **{name: line[name] for name in line if name != "p"}}


NEWER = JournalFormat(
    "test", version=3, upgrades={1: two_steps, 2: lambda line: {**line, "side": "long"}}
)


def test_lines_of_an_older_version_are_read_as_those_of_today(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    make(path, {"p": 1.5, "note": "a"})
    before = path.read_bytes()
    contents = read_journal(path, NEWER)
    assert (contents.header["version"], contents.outdated) == (3, True)
    assert contents.lines == [{"price": 1.5, "note": "a", "side": "long"}]
    assert salvage(path, NEWER) == contents.lines
    assert path.read_bytes() == before  # whoever only reads leaves it alone


def test_going_on_with_an_older_journal_brings_it_up_to_date_first(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    make(path, {"p": 1.5})
    with path.open("ab") as file:
        file.write(encode_line({"p": 2.5})[:-5])  # what a cut left
    journal = Journal.reopen(path, read_journal(path, NEWER), OsDisk())
    journal.append({"price": 3.5, "side": "short"})
    journal.commit(journal.take())
    contents = read_journal(path, NEWER)
    assert not contents.outdated
    assert contents.torn == 0
    assert contents.lines == [{"price": 1.5, "side": "long"}, {"price": 3.5, "side": "short"}]
    with pytest.raises(JournalError, match="is of version 3, this program reads version 1"):
        read_journal(path, TEST)


def test_a_version_from_which_no_upgrade_leads_on_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    make(path, {"p": 1.5})
    gap = JournalFormat("test", version=3, upgrades={2: two_steps})
    with pytest.raises(JournalError, match="is of version 1, this program reads versions 2 to 3"):
        read_journal(path, gap)


def test_a_full_disk_leaves_an_older_journal_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    make(path, {"p": 1.5})
    before = path.read_bytes()
    with pytest.raises(JournalError, match="cannot be brought up to date"):
        Journal.reopen(path, read_journal(path, NEWER), FullDisk(room=3))
    assert path.read_bytes() == before
