"""init, paths, themes, keys, and the command line as a whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run


def test_init_adds_the_samples_once_and_leaves_changed_ones_alone(
    run: Run, workspace: Path
) -> None:
    first = run("init", "--json")
    assert first.code == 0
    assert "rsi_bounce" in first.json["added"]
    changed = workspace / "strategies" / "rsi_bounce" / "STRATEGY.md"
    changed.write_text("mine", encoding="utf-8")
    second = run("init", "--json")
    assert (second.json["added"], second.json["kept"]) == ([], first.json["added"])
    assert changed.read_text(encoding="utf-8") == "mine"
    assert workspace.stat().st_mode & 0o777 == 0o700


def test_a_workspace_that_cannot_be_made_is_one_message_and_code_2(
    run: Run, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = run("--workspace", blocked / "ws", "init")
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert "choose another with --workspace or $PAPERTAPE_HOME" in done.err


def test_the_workspace_may_be_named_before_or_after_the_command(run: Run, tmp_path: Path) -> None:
    before = run("--workspace", tmp_path / "a", "paths", "--json")
    after = run("paths", "--workspace", tmp_path / "a", "--json")
    assert before.json == after.json
    assert before.json["workspace"] == str(tmp_path / "a")


def test_themes_and_keys_are_listed(run: Run) -> None:
    names = [theme["name"] for theme in run("themes", "--json").json["themes"]]
    assert {"papertape-dark", "papertape-light"} <= set(names)
    assert "papertape-dark" in run("themes").out
    keys = run("keys", "--json").json
    assert any(entry["id"] == "app.quit" for entry in keys)


def test_a_broken_theme_of_ones_own_is_named(run: Run, workspace: Path) -> None:
    folder = workspace / "themes"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("colors: 3", encoding="utf-8")
    (problem,) = run("themes", "--json").json["problems"]
    assert "mine.yaml" in problem


def test_help_names_every_command(run: Run) -> None:
    done = run("--help")
    assert done.code == 0
    for command in ("validate", "backtest", "init", "paths", "exchange"):
        assert f"\n  {command} " in done.out


@pytest.mark.parametrize("arguments", [("nonsense",), ("validate", "--nonsense"), ("--jso",)])
def test_bad_usage_is_code_2_and_nothing_on_stdout(run: Run, arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "error:" in done.err


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_fault(closed: str, workspace: Path) -> None:
    done = subprocess.run(
        [
            "sh",
            "-c",
            f'"$0" -m tui.cli --workspace "$1" status {closed}',
            sys.executable,
            workspace,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
