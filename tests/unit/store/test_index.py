"""The index is whole after any crash, and a damaged one is set aside."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest

from core.store.durable import OsDisk
from core.store.index import DurableStorage, IndexWriteError, open_index
from tests.unit.store.disks import FullDisk, StuckDisk


def test_documents_survive(tmp_path: Path) -> None:
    path = tmp_path / "papertape.json"
    database, _ = open_index(path, OsDisk())
    database.table("sessions").insert({"id": "a", "nested": {"x": [1, 2.5]}})
    again, storage = open_index(path, OsDisk())
    assert again.table("sessions").all() == [{"id": "a", "nested": {"x": [1, 2.5]}}]
    assert storage.notices == []
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_damaged_index_is_set_aside_for_its_backup(tmp_path: Path) -> None:
    path = tmp_path / "papertape.json"
    database, _ = open_index(path, OsDisk())
    database.insert({"n": 1})
    database.insert({"n": 2})
    path.write_bytes(b'{"_default": {"1": {"n"')
    again, storage = open_index(path, OsDisk())
    assert again.all() == [{"n": 1}]
    assert storage.notices == [
        "papertape.json could not be read and was set aside as papertape.json.damaged-1"
    ]
    assert (tmp_path / "papertape.json.damaged-1").read_bytes() == b'{"_default": {"1": {"n"'


def test_index_and_backup_both_damaged_leave_an_empty_one(tmp_path: Path) -> None:
    for name in ("papertape.json", "papertape.backup.json"):
        (tmp_path / name).write_bytes(b"\0\0\0")
    database, storage = open_index(tmp_path / "papertape.json", OsDisk())
    assert database.all() == []
    assert len(storage.notices) == 2
    assert len(list(tmp_path.glob("*.damaged-1"))) == 2


@pytest.mark.parametrize("disk", [FullDisk(10), StuckDisk()])
def test_a_write_that_fails_changes_nothing(tmp_path: Path, disk: OsDisk) -> None:
    path = tmp_path / "papertape.json"
    open_index(path, OsDisk())[0].insert({"n": 1})
    database, _ = open_index(path, disk)
    with pytest.raises(IndexWriteError, match="cannot be written"):
        database.insert({"n": 2})
    assert database.all() == [{"n": 1}]
    assert open_index(path, OsDisk())[0].all() == [{"n": 1}]


def test_changes_made_together_reach_the_disk_in_one_step_or_not_at_all(tmp_path: Path) -> None:
    path, disk = tmp_path / "papertape.json", FullDisk(1_000_000)
    database, storage = open_index(path, disk)
    jobs, unsent = database.table("jobs"), database.table("unsent")
    jobs.insert({"runs": 0})

    def on_disk() -> tuple[list[object], list[object]]:
        stored, _ = open_index(path, OsDisk())
        return [*stored.table("jobs").all()], [*stored.table("unsent").all()]

    def run() -> None:
        with storage.together():
            unsent.insert({"text": "2 trades"})
            assert on_disk() == ([{"runs": 0}], [])
            jobs.update({"runs": 1})
            assert (jobs.all(), unsent.all()) == ([{"runs": 1}], [{"text": "2 trades"}])

    disk.room = 10
    with pytest.raises(IndexWriteError):
        run()
    disk.room = 1_000_000
    assert (jobs.all(), unsent.all()) == on_disk() == ([{"runs": 0}], [])
    with pytest.raises(ZeroDivisionError), storage.together():
        jobs.update({"runs": 1 // len(unsent)})
    assert (jobs.all(), unsent.all()) == on_disk() == ([{"runs": 0}], [])
    run()
    assert on_disk() == ([{"runs": 1}], [{"text": "2 trades"}])


def test_killed_in_the_middle_of_writing_the_index_is_always_whole(tmp_path: Path) -> None:
    path = tmp_path / "papertape.json"
    chance = random.Random(5)
    for _ in range(15):
        child = os.fork()
        if child == 0:
            _write_until_killed(path, calls=chance.randint(3, 60))
        chance.random()
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status)
        database, storage = open_index(path, OsDisk())
        numbers = [document["n"] for document in database.all()]
        assert storage.notices == []
        assert numbers == list(range(len(numbers)))


def _write_until_killed(path: Path, calls: int) -> None:
    class Deadly(OsDisk):
        left = calls

        def _count(self) -> None:
            self.left -= 1
            if self.left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

        def write(self, descriptor: int, data: bytes) -> int:
            self._count()
            return super().write(descriptor, data[: max(1, len(data) // 2)])

        def sync(self, descriptor: int) -> None:
            self._count()
            super().sync(descriptor)

        def replace(self, source: Path, target: Path) -> None:
            self._count()
            super().replace(source, target)

    try:
        database, _ = open_index(path, Deadly())
        number = len(database)
        while True:
            database.insert({"n": number})
            number += 1
    finally:
        os._exit(1)


def test_a_backup_that_is_the_index_already_leaves_nothing_over(tmp_path: Path) -> None:
    path = tmp_path / "papertape.json"
    path.write_bytes(b"{}")
    os.link(path, tmp_path / "papertape.backup.json")  # a host was killed between the two
    DurableStorage(path, OsDisk()).write({"jobs": {}})
    names = {one.name for one in tmp_path.iterdir()}
    assert names == {"papertape.json", "papertape.backup.json"}
