"""What documents were read as is kept between programs, and never taken for another document's."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec
import pytest

from core.store.workspace import Workspace
from tui import strategies, strategy_cache
from tui.shipped import shipped
from tui.strategies import (
    StrategyChoice,
    find_strategies,
    list_strategies,
    strategy_in_its_folder,
)

NAMES = ("band", "breakout", "squeeze")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(strategy_cache, "_FEW", 3)
    workspace = Workspace(tmp_path / "home")
    workspace.prepare()
    for name in NAMES:
        document(workspace, name).parent.mkdir()
        sample = shipped("sample_strategies") / name / "STRATEGY.md"
        document(workspace, name).write_text(sample.read_text())
    broken = document(workspace, "broken")
    broken.parent.mkdir()
    broken.write_text("---\nname: broken\ntimeframe: 7q\n---\n")
    return workspace


def document(workspace: Workspace, name: str) -> Path:
    return workspace.strategies / name / "STRATEGY.md"


def kept_in(workspace: Workspace) -> Path:
    return workspace.cache / "strategies.msgpack"


def listed_anew(workspace: Workspace) -> tuple[StrategyChoice, ...]:
    """As another program lists them, which has read none of them yet."""
    strategies._read.cache_clear()
    return find_strategies(workspace)


def described(workspace: Workspace, name: str) -> str:
    (found,) = [one for one in listed_anew(workspace) if one.path == document(workspace, name)]
    return found.description


def rewrite(path: Path, description: str, program: str | None = None) -> None:
    """Let the file say this of every document."""
    kept = msgspec.msgpack.decode(path.read_bytes()[32:])
    for one in kept["documents"].values():
        one["description"] = description
    kept["program"] = program or kept["program"]
    body = msgspec.msgpack.encode(kept)
    path.write_bytes(hashlib.sha256(body).digest() + body)


def test_a_listing_from_what_was_kept_is_the_same(workspace: Workspace) -> None:
    first = listed_anew(workspace)
    assert [one.name for one in first if one.problems] == ["broken"]
    assert kept_in(workspace).stat().st_mode & 0o777 == 0o600
    assert listed_anew(workspace) == first
    rewrite(kept_in(workspace), "kept")  # it is looked at, then
    assert described(workspace, "band") == "kept"


def test_a_strategy_is_found_in_its_own_folder_alone(workspace: Workspace) -> None:
    every = {one.name: one for one in listed_anew(workspace) if one.origin == "workspace"}
    for name in NAMES:
        assert strategy_in_its_folder(workspace, name) == every[name]
    broken = strategy_in_its_folder(workspace, "broken")
    assert broken is None or broken.problems
    moved = document(workspace, NAMES[0]).parent.rename(workspace.strategies / "elsewhere")
    assert moved.is_dir()
    for name in (NAMES[0], "elsewhere", "none", "../strategies/" + NAMES[1], ""):
        assert strategy_in_its_folder(workspace, name) is None


def test_many_are_listed_before_they_are_read_and_those_on_top_are_read_first(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = listed_anew(workspace)
    assert list(list_strategies(workspace)) == [whole]  # few: not in parts
    monkeypatch.setattr(strategies, "_AT_ONCE", 3)
    strategies._read.cache_clear()
    first, *later, last = list_strategies(workspace)
    assert last == whole
    assert [one.path for one in first] == [one.path for one in whole]
    assert not any(one.is_read or not one.problems for one in first)
    for number, listed in enumerate(later):
        due = 3 * 2**number
        assert listed[:due] == whole[:due]
        assert listed[due:] == first[due:]


def test_a_document_that_was_edited_is_read_though_its_times_are_the_old_ones(
    workspace: Workspace,
) -> None:
    path = document(workspace, "band")
    listed_anew(workspace)
    before = path.stat()
    path.write_text(path.read_text().replace("timeframe: 5m", "timeframe: 1h"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    (band,) = [one for one in listed_anew(workspace) if one.path == path]
    assert band.timeframe == "1h"
    assert path.stat().st_size == before.st_size


@pytest.mark.parametrize("what", ["a bit", "its end", "another program", "another form"])
def test_what_cannot_be_relied_on_is_not(workspace: Workspace, what: str) -> None:
    path = kept_in(workspace)
    honest = listed_anew(workspace)
    rewrite(path, "stale", program="another" if what == "another program" else None)
    data = bytearray(path.read_bytes())
    if what == "a bit":
        data[-1] ^= 1
    elif what == "its end":
        del data[100:]
    elif what == "another form":
        body = msgspec.msgpack.encode({"program": 1})
        data[:] = hashlib.sha256(body).digest() + body
    path.write_bytes(data)
    assert listed_anew(workspace) == honest
    assert "stale" not in path.read_bytes().decode(errors="replace")


def test_a_link_or_a_pipe_in_its_place_is_neither_followed_nor_waited_for(
    workspace: Workspace, tmp_path: Path
) -> None:
    honest = listed_anew(workspace)
    elsewhere, path = tmp_path / "elsewhere", kept_in(workspace)
    elsewhere.write_text("mine")
    path.unlink()
    path.symlink_to(elsewhere)
    assert listed_anew(workspace) == honest
    assert elsewhere.read_text() == "mine"
    path.unlink()
    os.mkfifo(path)
    assert listed_anew(workspace) == honest


def test_nothing_is_kept_of_few_nor_where_foreign_code_takes_part(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strategy_cache, "entry_points", lambda group: [group])
    listed_anew(workspace)
    assert not kept_in(workspace).exists()
    monkeypatch.undo()
    listed_anew(workspace)
    assert not kept_in(workspace).exists()
