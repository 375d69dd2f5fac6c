"""Files are replaced whole, and what killed writers left is swept without touching living ones."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from core.store.durable import (
    OsDisk,
    make_private,
    remove_folder,
    remove_leftovers,
    temporary_names,
    try_lock,
    write_durably,
    write_export,
)


def test_leftovers_of_killed_writers_are_swept_with_whatever_pid_they_carry(tmp_path: Path) -> None:
    inside = tmp_path / "strategies" / ".hma.1.tmp"
    inside.mkdir(parents=True)
    (inside / "STRATEGY.md").write_text("")
    left = [tmp_path / f".exchanges.yaml.{pid}.tmp" for pid in (1, os.getpid(), 99_999_999)]
    for path in left:
        path.write_text("api_key: half")
    kept = [tmp_path / name for name in (".other.tmp", "exchanges.yaml", "a.1.tmp")]
    for path in kept:
        path.write_text("")
    assert remove_leftovers(tmp_path) == 4
    assert not any(path.exists() for path in (inside, *left))
    assert all(path.exists() for path in kept)


def test_a_folder_whose_removal_was_cut_short_is_gone_and_the_rest_of_it_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "sessions" / "abcd1234"
    folder.mkdir(parents=True)
    for name in ("session.json", "events.jsonl"):
        (folder / name).write_text("")

    def cut_short(path: Path) -> None:
        (path / "events.jsonl").unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("shutil.rmtree", cut_short)
        remove_folder(folder)
    assert not folder.exists()
    assert remove_leftovers(tmp_path) == 1
    assert not list((tmp_path / "sessions").iterdir())
    with pytest.raises(FileNotFoundError):
        remove_folder(folder)


def test_a_file_that_is_being_written_is_not_swept(tmp_path: Path) -> None:
    path = tmp_path / "report.json"

    class Interrupted(OsDisk):
        def sync(self, descriptor: int) -> None:
            super().sync(descriptor)
            swept.append(remove_leftovers(tmp_path))

    swept: list[int] = []
    write_durably(path, b"whole", Interrupted())
    assert swept[0] == 0
    assert path.read_bytes() == b"whole"
    assert [left.name for left in tmp_path.iterdir()] == ["report.json"]


def test_two_writers_of_one_file_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "report.json"

    class Second(OsDisk):
        def sync(self, descriptor: int) -> None:
            super().sync(descriptor)
            if not path.exists():
                write_durably(path, b"of the second", OsDisk())

    write_durably(path, b"first", Second())
    assert path.read_bytes() == b"first"
    assert [left.name for left in tmp_path.iterdir()] == ["report.json"]


def test_a_trap_at_the_temporary_name_is_not_written_through(tmp_path: Path) -> None:
    path = tmp_path / "exchanges.yaml"
    victim = tmp_path / "victim"
    victim.write_text("mine")
    names = temporary_names(path)
    next(names).symlink_to(victim)
    os.mkfifo(next(names))
    os.link(victim, next(names))
    next(names).mkdir()
    write_durably(path, b"secret", OsDisk())
    assert victim.read_text() == "mine"
    assert path.read_bytes() == b"secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_gives_way_to_the_file(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    path = tmp_path / "config.yaml"
    path.symlink_to(victim)
    write_durably(path, b"theme: x", OsDisk())
    assert (victim.read_text(), path.is_symlink()) == ("mine", False)


@pytest.mark.parametrize(
    ("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o000, 0o644), (0o027, 0o640)]
)
def test_exports_follow_the_umask_and_are_never_wider_than_0644(
    tmp_path: Path, mask: int, mode: int
) -> None:
    before = os.umask(mask)
    try:
        write_export(tmp_path / "candles.csv", b"x", OsDisk())
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "candles.csv").stat().st_mode) == mode


def test_an_export_that_was_private_stays_so(tmp_path: Path) -> None:
    path = tmp_path / "candles.csv"
    path.touch(0o600)
    write_export(path, b"x", OsDisk())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_export_replaces_no_device_or_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(OSError, match="no regular file"):
        write_export(path, b"x", OsDisk())
    assert stat.S_ISFIFO(path.lstat().st_mode)


def test_made_private_is_what_others_could_read_and_nothing_behind_a_link(tmp_path: Path) -> None:
    path = tmp_path / "notifications.yaml"
    path.touch(0o600)
    path.chmod(0o664)
    assert make_private(path) == 0o664
    assert make_private(path) is None
    path.chmod(0o644)
    link = tmp_path / "link"
    link.symlink_to(path)
    assert make_private(link) is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_lock_is_free_again_when_its_file_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    one, other = (os.open(path, os.O_RDONLY) for _ in range(2))
    assert try_lock(one)
    assert not try_lock(other)
    os.close(one)
    assert try_lock(other)
    os.close(other)
