"""Where a workspace is, that it is private, and that one process hosts it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from core.store.lock import AlreadyHostedError, HostLock, current_host, process_started
from core.store.workspace import Workspace, WorkspaceError, locate_workspace


@pytest.mark.parametrize(
    ("argument", "environment", "expected"),
    [
        ("/a/b", {"PAPERTAPE_HOME": "/c"}, "/a/b"),
        (None, {"PAPERTAPE_HOME": "/c"}, "/c"),
        (None, {"PAPERTAPE_HOME": "~/x"}, str(Path("~/x").expanduser())),
        ("rel", {}, str(Path("rel").absolute())),
    ],
)
def test_argument_before_environment(
    argument: str | None, environment: dict[str, str], expected: str
) -> None:
    assert str(locate_workspace(argument, environment).root) == expected


def test_otherwise_the_users_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert locate_workspace(None, {}).root == tmp_path / "papertape"


def test_a_new_workspace_is_the_users_alone(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "deep" / "home")
    workspace.prepare()
    workspace.prepare()
    for folder in (workspace.root, workspace.sessions, workspace.journals, workspace.strategies):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_workspace_below_a_file_is_refused_with_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match=r"cannot be made \(Not a directory\): choose another"):
        Workspace(tmp_path / "file" / "home").prepare()


@pytest.mark.parametrize("text", ["../../etc", "ABCD1234", "abcd123", "abcd/123", "", "x" * 900])
def test_no_text_from_outside_becomes_a_path(tmp_path: Path, text: str) -> None:
    with pytest.raises(WorkspaceError, match="is not one"):
        Workspace(tmp_path).session(text)


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
