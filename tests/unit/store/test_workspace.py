"""Where a workspace is, that it is private, and that one process hosts it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from core.store.workspace import Workspace, WorkspaceError, expanded, locate_workspace


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


def test_a_folder_that_others_could_write_is_taken_from_them_and_said(tmp_path: Path) -> None:
    root = tmp_path / "home"
    Workspace(root).prepare()
    for folder, mode in ((root, 0o777), (root / "sessions", 0o770), (root / "journal", 0o702)):
        folder.chmod(mode)
    mended = Workspace(root).prepare()
    assert [text.partition(";")[0] for text in mended] == [
        f"{root} could be written by other users (mode 777)",
        f"{root}/journal could be written by other users (mode 702)",
        f"{root}/sessions could be written by other users (mode 770)",
    ]
    assert {path.stat().st_mode & 0o777 for path in (root, *root.iterdir())} == {0o700}
    assert Workspace(root).prepare() == ()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_workspace_of_another_user_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 12_345, -1)
    with pytest.raises(WorkspaceError, match=r"another user \(number 12345\)"):
        Workspace(tmp_path).prepare()


@pytest.mark.parametrize("name", ["strategies", "journal", "sessions", "cache"])
def test_nothing_is_written_where_a_link_in_the_workspace_leads(tmp_path: Path, name: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o777)
    elsewhere.chmod(0o777)
    root = tmp_path / "home"
    root.mkdir(0o700)
    (root / name).symlink_to(elsewhere)
    with pytest.raises(WorkspaceError, match=f"{name} is a link"):
        Workspace(root).prepare()
    assert elsewhere.stat().st_mode & 0o777 == 0o777
    assert list(elsewhere.iterdir()) == []


def test_a_session_that_is_a_link_is_none(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home")
    workspace.prepare()
    (workspace.sessions / "abcd1234").symlink_to(tmp_path)
    assert workspace.session_ids() == ()
    with pytest.raises(WorkspaceError, match="is a link"):
        workspace.session("abcd1234")


def test_the_home_of_nobody_is_no_workspace() -> None:
    homes = [("~no-such-user", {}), (None, {"PAPERTAPE_HOME": "~nobody-x/y"}), ("x" * 5_000, {})]
    for argument, environment in homes:
        with pytest.raises(WorkspaceError, match="is no place"):
            locate_workspace(argument, environment)
    assert expanded("~no-such-user/candles.csv") == Path("~no-such-user/candles.csv")


def test_a_file_where_a_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(WorkspaceError, match=f"{tmp_path}/cache is no folder: move it away"):
        Workspace(tmp_path).prepare()


def test_what_others_could_write_within_is_taken_from_them_too(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    workspace.prepare()
    config, session = workspace.root / "config.yaml", workspace.sessions / "abcd1234"
    session.mkdir()
    outside = tmp_path / "outside"
    for path in (config, session / "events.jsonl", workspace.live_trades, outside):
        path.touch()
        path.chmod(0o666)
    (session / "link").symlink_to(outside)
    session.chmod(0o777)
    assert workspace.prepare() == ()  # nobody else gets into it
    workspace.root.chmod(0o755)
    (told,) = workspace.prepare()
    assert told.startswith("other users could write 3 of the files and folders in ")
    modes = [path.stat().st_mode & 0o777 for path in (config, session, session / "events.jsonl")]
    assert modes == [0o644, 0o755, 0o644]
    assert {path.stat().st_mode & 0o777 for path in (workspace.live_trades, outside)} == {0o666}
    assert workspace.prepare() == ()


def test_a_folder_above_in_which_others_can_rename_the_workspace_is_told_of(tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    workspace = Workspace(open_to_all / "w")
    assert "in the place of what is in it" in workspace.prepare()[0]
    open_to_all.chmod(0o1777)
    assert workspace.prepare() == ()
