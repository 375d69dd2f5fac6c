"""The kernel's lock alone decides who hosts a workspace, whatever stands in place of its file."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from core.store.lock import (
    AlreadyHostedError,
    HostLock,
    WorkspaceLostError,
    current_host,
    process_started,
)
from core.store.workspace import Workspace

_HOLD = (
    "import sys; from pathlib import Path\n"
    "from core.store.lock import HostLock; from core.store.workspace import Workspace\n"
    "lock = HostLock.acquire(Workspace(Path(sys.argv[1])), kind='headless', now=1)\n"
    "print('held', flush=True); sys.stdin.read()\n"
)


@contextmanager
def held_by_another(root: Path) -> Iterator[int]:
    """A workspace that another process hosts, whose number is given."""
    command = [sys.executable, "-c", _HOLD, str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        try:
            yield other.pid
        finally:
            other.kill()


def named(pid: int, started: int | None) -> bytes:
    return orjson.dumps({"pid": pid, "started": started, "since": 1, "kind": "headless"})


def put_link(path: Path) -> None:
    (path.parent / "victim").write_text("mine")
    path.symlink_to(path.parent / "victim")


def put_hard_link(path: Path) -> None:
    (path.parent / "victim").write_text("mine")
    os.link(path.parent / "victim", path)


def put_loop(path: Path) -> None:
    path.symlink_to(path)


CONTENTS: dict[str, bytes] = {
    "nothing": b"",
    "a number": b"4711\n",
    "this process": named(os.getpid(), process_started(os.getpid())),
    "this process as text": orjson.dumps({"pid": str(os.getpid()), "started": None, "since": 1}),
    "the first process": named(1, process_started(1)),
    "a number no process has": named(2**40, None),
    "everybody": named(-1, None),
    "null": b"null",
    "a list": b"[1, 2]",
    "zeros": bytes(4_096),
    "half": b'{"pid": 12',
    "much": b"[" * 100_000,
}
THINGS: dict[str, Callable[[Path], object]] = {
    "a link": put_link,
    "a hard link": put_hard_link,
    "a link to itself": put_loop,
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
}


@pytest.mark.parametrize("contents", CONTENTS.values(), ids=CONTENTS)
def test_what_stands_in_a_free_lock_keeps_nobody_out(tmp_path: Path, contents: bytes) -> None:
    workspace = Workspace(tmp_path)
    workspace.lock.write_bytes(contents)
    assert current_host(workspace) is None
    lock = HostLock.acquire(workspace, kind="tui", now=5)
    assert lock.notices == []
    holder = current_host(workspace)
    assert holder is not None
    assert (holder.pid, holder.kind) == (os.getpid(), "tui")
    lock.release()


@pytest.mark.parametrize("contents", CONTENTS.values(), ids=CONTENTS)
def test_what_stands_in_a_held_lock_lets_nobody_in(tmp_path: Path, contents: bytes) -> None:
    workspace = Workspace(tmp_path)
    with held_by_another(tmp_path) as pid:
        workspace.lock.write_bytes(contents)
        holder = current_host(workspace)
        assert holder is not None
        assert holder.pid in (pid, 0)
        with pytest.raises(AlreadyHostedError):
            HostLock.acquire(workspace, kind="tui", now=5)
    assert current_host(workspace) is None


@pytest.mark.parametrize("put", THINGS.values(), ids=THINGS)
def test_what_is_no_file_is_set_aside_and_nothing_behind_it_touched(
    tmp_path: Path, put: Callable[[Path], object]
) -> None:
    workspace = Workspace(tmp_path)
    put(workspace.lock)
    assert current_host(workspace) is None
    lock = HostLock.acquire(workspace, kind="tui", now=5)
    assert len(lock.notices) == 1
    assert "set aside as lock.damaged-1" in lock.notices[0]
    victim = tmp_path / "victim"
    assert not victim.exists() or victim.read_text() == "mine"
    lock.verify()
    lock.release()


@pytest.mark.parametrize("put", [None, *THINGS.values()], ids=["nothing", *THINGS])
def test_a_lock_taken_from_its_host_lets_no_second_one_in(
    tmp_path: Path, put: Callable[[Path], object] | None
) -> None:
    workspace = Workspace(tmp_path)
    lock = HostLock.acquire(workspace, kind="tui", now=5)
    workspace.lock.unlink()
    if put is not None:
        put(workspace.lock)
    with pytest.raises(AlreadyHostedError):
        HostLock.acquire(workspace, kind="headless", now=6)
    with pytest.raises(WorkspaceLostError):
        lock.verify()
    lock.release()
    HostLock.acquire(workspace, kind="headless", now=7).release()


def test_a_host_puts_its_name_back_into_the_lock(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    lock = HostLock.acquire(workspace, kind="tui", now=5)
    for contents in CONTENTS.values():
        workspace.lock.write_bytes(contents)
        lock.verify()
        holder = current_host(workspace)
        assert holder is not None
        assert (holder.pid, holder.kind, holder.since) == (os.getpid(), "tui", 5)
    lock.release()


@pytest.mark.parametrize("links", [False, True])
def test_a_copy_of_a_hosted_workspace_is_hosted_by_nobody(tmp_path: Path, links: bool) -> None:
    first, copy = tmp_path / "first", tmp_path / "copy"
    first.mkdir()
    with held_by_another(first):
        shutil.copytree(first, copy, copy_function=os.link if links else shutil.copy2)
        lock = HostLock.acquire(Workspace(copy), kind="tui", now=5)
        assert current_host(Workspace(copy)) is not None
        with pytest.raises(AlreadyHostedError):
            HostLock.acquire(Workspace(first), kind="tui", now=5)
        lock.release()
        assert current_host(Workspace(copy)) is None
        assert current_host(Workspace(first)) is not None


def test_a_host_that_died_and_is_not_buried_yet_holds_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        other.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie
        assert process_started(other.pid) is None
        assert current_host(Workspace(tmp_path)) is None
        HostLock.acquire(Workspace(tmp_path), kind="tui", now=5).release()


def test_who_looks_does_not_keep_a_host_from_starting(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    looking = "import sys; from pathlib import Path\n"
    looking += "from core.store.lock import current_host\n"
    looking += "from core.store.workspace import Workspace\nprint(flush=True)\n"
    looking += "while True: current_host(Workspace(Path(sys.argv[1])))\n"
    with subprocess.Popen(
        [sys.executable, "-c", looking, str(tmp_path)], stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        try:
            for _ in range(50):
                HostLock.acquire(workspace, kind="tui", now=5).release()
        finally:
            other.kill()


def test_a_second_host_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    lock = HostLock.acquire(workspace, kind="tui", now=5)
    with pytest.raises(AlreadyHostedError, match=rf"process {os.getpid()} \(tui\)") as refused:
        HostLock.acquire(workspace, kind="headless", now=6)
    assert refused.value.holder is not None
    assert refused.value.holder.since == 5
    assert current_host(workspace) == refused.value.holder
    lock.release()
    lock.release()
    assert current_host(workspace) is None
    HostLock.acquire(workspace, kind="headless", now=7).release()


def test_the_lock_of_a_killed_host_is_stale(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from core.store.lock import HostLock; from core.store.workspace import Workspace\n"
        "lock = HostLock.acquire(Workspace(Path(sys.argv[1])), kind='headless', now=1)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    workspace = Workspace(tmp_path)
    assert orjson.loads(workspace.lock.read_bytes())["kind"] == "headless"
    assert current_host(workspace) is None
    HostLock.acquire(workspace, kind="headless", now=2).release()


def test_a_process_number_used_again_is_not_the_holder(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    started = process_started(os.getpid())
    assert started is not None
    holder = {"pid": os.getpid(), "started": started - 1, "since": 1, "kind": "tui"}
    workspace.lock.write_bytes(orjson.dumps(holder))
    assert current_host(workspace) is None


def test_who_locked_the_file_alone_is_named_and_not_this_process(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.lock.touch()
    code = (
        "import fcntl, sys; file = open(sys.argv[1]); fcntl.flock(file, fcntl.LOCK_EX)\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-S", "-c", code, str(workspace.lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(AlreadyHostedError, match=f"by process {other.pid} "):
            HostLock.acquire(workspace, kind="tui", now=5)
        other.kill()
    HostLock.acquire(workspace, kind="tui", now=5).release()


def test_without_locks_of_the_kernel_the_name_in_the_file_counts_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", none)
    workspace = Workspace(tmp_path)
    lock = HostLock.acquire(workspace, kind="tui", now=5)
    assert "has no locks" in lock.notices[0]
    with pytest.raises(AlreadyHostedError):
        HostLock.acquire(workspace, kind="headless", now=6)
    holder = current_host(workspace)
    assert holder is not None
    assert holder.pid == os.getpid()
    lock.release()
    assert current_host(workspace) is None
    workspace.lock.write_bytes(named(2**22 - 1, 1))
    HostLock.acquire(workspace, kind="tui", now=7).release()
