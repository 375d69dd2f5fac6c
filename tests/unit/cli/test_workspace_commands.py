"""init, paths, themes, keys, and the command line as a whole."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run
from tui.cli.exchange import DEFAULT_SPEED
from tui.cli.main import main
from tui.cli.screen import demo_workspace
from tui.cli.workspace import prepared_workspace


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
    assert re.search(r"^papertape-dark +dark$", run("themes").out, re.MULTILINE)
    assert re.search(r"^papertape-ansi-light +light$", run("themes").out, re.MULTILINE)
    keys = run("keys", "--json").json
    assert any(entry["id"] == "app.quit" for entry in keys)


def test_keys_are_the_user_s_own_and_what_cannot_be_used_is_told(run: Run, workspace: Path) -> None:
    workspace.mkdir(mode=0o700)
    (workspace / "config.yaml").write_text("keymap: {session.stop: X, session.pause: j}\n")
    done = run("keys", "--json")
    keys = {entry["id"]: entry["keys"] for entry in done.json}
    assert (keys["session.stop"], keys["session.pause"]) == (["X"], ["p"])
    assert "session.pause on j clashes with table.down" in done.err
    assert re.search(r"X +session\.stop", run("keys").out)


def test_a_broken_theme_of_ones_own_is_named(run: Run, workspace: Path) -> None:
    folder = workspace / "themes"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("colors: 3", encoding="utf-8")
    (problem,) = run("themes", "--json").json["problems"]
    assert "mine.yaml" in problem


def test_a_demo_that_begins_anew_shows_nothing_of_the_last_one(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    usual = argparse.Namespace(workspace=None, data=None, columns=None, seed=1, speed=DEFAULT_SPEED)
    last = demo_workspace(usual)
    assert last.root.is_relative_to(tmp_path)
    last.prepare()
    own = last.strategies / "own" / "STRATEGY.md"
    own.parent.mkdir()
    for file in (last.log, own, last.sessions / "left"):
        file.write_text("of the last one", encoding="utf-8")
    assert run("demo").code == 2, "it needs a terminal"
    assert own.exists()
    assert not last.log.exists()
    assert not (last.sessions / "left").exists()


def test_help_names_every_command(run: Run) -> None:
    assert run("help", "start") == run("start", "--help")
    done = run("help")
    assert done == run("--help")
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
    workspace.mkdir(mode=0o700)
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


def test_a_second_init_repairs_what_an_interrupted_one_left(run: Run, workspace: Path) -> None:
    run("init")
    whole = {path: path.read_bytes() for path in workspace.glob("strategies/*/STRATEGY.md")}
    emptied, missing, own, *_ = sorted(whole)
    emptied.write_bytes(b"")
    missing.unlink()
    own.write_text("my own")
    left = workspace / "strategies" / ".hma.1.tmp"
    left.mkdir()
    (left / "STRATEGY.md").write_bytes(b"")
    done = run("init", "--json").json
    assert sorted(done["repaired"]) == [emptied.parent.name, missing.parent.name]
    assert done["added"] == []
    assert {path: path.read_bytes() for path in whole} == {**whole, own: b"my own"}
    assert not left.exists()


_KILLED = """
import os, signal, sys
from core.store import durable
left = int(sys.argv.pop(1))
def count(call):
    def counted(*arguments, **options):
        global left
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **options)
    return counted
for name in ("open", "write", "fsync", "mkdir", "rename", "replace"):
    setattr(os, name, count(getattr(os, name)))
from tui.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def run_killed(calls: int, *arguments: object) -> int:
    command = [sys.executable, "-c", _KILLED, str(calls), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False).returncode


def test_init_killed_anywhere_leaves_whole_documents_or_none(run: Run, tmp_path: Path) -> None:
    reference = tmp_path / "reference"
    run("--workspace", reference, "init")
    whole = {path.parent.name: path.read_bytes() for path in reference.glob("strategies/*/*.md")}
    place = tmp_path / "killed"
    for calls in range(5, 100, 9):
        code = run_killed(calls, "--workspace", place, "init")
        for folder in (place / "strategies").glob("[!.]*"):
            assert (folder / "STRATEGY.md").read_bytes() == whole[folder.name]
        if code == 0:
            break
    done = run("--workspace", place, "init", "--json").json
    assert done["repaired"] == []
    assert sorted(done["added"] + done["kept"]) == sorted(whole)
    assert list(place.rglob(".*.tmp")) == []


@pytest.mark.parametrize("arguments", [("keys",), ("keys", "--json"), ("themes",), ("--help",)])
def test_a_locale_without_utf_8_is_no_fault(workspace: Path, arguments: tuple[str, ...]) -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "tui.cli", "--workspace", workspace, *arguments],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode("ascii")
    assert "--json" not in arguments or json.loads(text)


def test_the_home_of_nobody_is_one_message(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPERTAPE_HOME", "~no-such-user")
    for command in ("status", "init", "doctor", "paths"):
        done = run(command)
        assert (done.code, done.out) == (2, "")
        assert "'~no-such-user' is no place" in done.err


def test_a_workspace_open_to_others_is_mended_and_said(run: Run, workspace: Path) -> None:
    workspace.mkdir()
    workspace.chmod(0o777)
    done = run("init")
    assert "could be written by other users (mode 777); it is 700 now" in done.err
    assert workspace.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("words", "usage", "told"),
    [
        (
            ["start", "x", "--brokr", "paper"],
            "papertape start",
            "--brokr paper (did you mean --broker?)",
        ),
        (["status", "--jsn=1"], "papertape status", "--jsn=1 (did you mean --json?)"),
        (
            ["backtests", "list", "--tg", "a"],
            "papertape backtests list",
            "--tg a (did you mean --tag?)",
        ),
        (["status", "--zzzzz"], "papertape status", "--zzzzz\n"),
    ],
)
def test_an_unknown_option_is_refused_by_its_command_with_the_nearest(
    words: list[str], usage: str, told: str
) -> None:
    """It was refused with the usage of the program, which has none of the command's options."""
    done = subprocess.run(
        [sys.executable, "-m", "tui.cli", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"usage: {usage} ")
    assert f"unrecognized arguments: {told}" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["alert", "x", "--above", "high"], "argument --above: expected a number, found 'high'"),
        (["sweep", "x", "--workers", "2.5"], "argument --workers: expected a whole number, found "),
        (["alert", "x", "--no-trade", "soon"], "such as 4h; a bare number is days"),
        (["schedule", "add", "--every", "4h", "--check", "x"], "arguments: --check x\n"),
    ],
)
def test_what_is_no_number_and_no_option_is_told_as_that(
    run: Run, words: list[str], told: str
) -> None:
    done = run(*words)
    assert done.code == 2
    assert told in done.err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["stauts"], "status"),
        (["STATUS"], "status"),
        (["start", "x", "--feed", "demmo"], "demo"),
        (["start", "x", "--feed", "DEMO"], "demo"),
    ],
)
def test_an_unknown_word_is_answered_with_the_nearest(words: list[str], meant: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tui.cli", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"did you mean '{meant}'?" in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        *(["status"], ["logs"], ["logs", "-f"], ["report", "k3x9a1pq"], ["stop", "k3x9a1pq"]),
        *(["schedule", "list"], ["compare", "rsi_bounce"]),
    ],
)
@pytest.mark.parametrize("by_environment", [False, True])
def test_a_workspace_that_was_named_must_be_there(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
    by_environment: bool,
) -> None:
    mistyped = tmp_path / "mistyped"
    if by_environment:
        monkeypatch.setenv("PAPERTAPE_HOME", str(mistyped))
    done = run(*([] if by_environment else ["--workspace", mistyped]), *command)
    assert done.code == 3
    assert "there is no workspace" in done.err
    assert not mistyped.exists()


def test_a_workspace_that_is_made_on_the_way_is_told_once(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mistyped, asked_for = tmp_path / "mistyped", tmp_path / "asked for"
    arguments = argparse.Namespace(workspace=str(mistyped), json=False)
    assert prepared_workspace(arguments).root == mistyped
    assert f"{mistyped} is a new workspace, made just now" in capsys.readouterr().err
    prepared_workspace(arguments)
    assert capsys.readouterr().err == ""
    assert run("--workspace", asked_for, "init").err == ""


def test_what_is_to_be_typed_next_names_the_workspace_it_is_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "my tapes"
    assert main(["--workspace", str(place), "init"]) == 0
    assert f"papertape --workspace '{place}' start NAME" in capsys.readouterr().out
    assert main(["compare", "band", "--workspace", str(place)]) == 3
    hints = "".join(capsys.readouterr())
    assert f"no saved backtest: papertape --workspace '{place}' backtest band --period" in hints
    assert "papertape: there is nothing to compare" in hints, "it is the program that speaks"


@pytest.mark.parametrize(
    "command", ["report", "stop", "flatten", "pause", "restart", "delete", "note", "unarchive"]
)
def test_what_lists_the_sessions_there_are_is_told_for_the_workspace_meant(
    run: Run, tmp_path: Path, command: str
) -> None:
    place = tmp_path / "other"
    assert run("--workspace", place, "init").code == 0
    told = run("--workspace", place, command, "zzzzzzzz").err
    assert "`papertape " in told
    assert told.count("`papertape") == told.count(f"`papertape --workspace {place}")
