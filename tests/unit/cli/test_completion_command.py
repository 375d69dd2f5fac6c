"""Does the shell complete what the command line takes, and nothing that a name smuggles in?"""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run
from tests.waiting import until_blocking

BASH, ZSH = shutil.which("bash"), shutil.which("zsh")
needs_bash = pytest.mark.skipif(BASH is None, reason="needs bash")
needs_zsh = pytest.mark.skipif(ZSH is None, reason="needs zsh")


def completed(run: Run, workspace: Path, *words: str, locale: str = "C.UTF-8") -> list[str]:
    """What bash offers for the last of these words."""
    script = run("completion", "bash").out
    given = " ".join(f"'{word}'" for word in ("papertape", *words))
    asked = f"{script}\nCOMP_WORDS=({given}); COMP_CWORD={len(words)}; _papertape\n"
    asked += 'printf "%s\\n" "${COMPREPLY[@]}"'
    environment = {"PAPERTAPE_HOME": str(workspace), "PATH": "/usr/bin:/bin", "LC_ALL": locale}
    assert BASH is not None
    done = subprocess.run(
        [BASH, "-c", asked], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.split()


@needs_bash
def test_bash_completes_commands_verbs_options_and_choices(run: Run, workspace: Path) -> None:
    assert completed(run, workspace, "sta") == ["start", "status"]
    assert completed(run, workspace, "schedule", "re") == ["resume", "remove"]
    assert completed(run, workspace, "schedule", "add", "--ev") == ["--every"]
    assert completed(run, workspace, "start", "--feed", "li") == ["live"]
    feeds = ["live", "poll", "replay", "demo"]
    assert completed(run, workspace, "start", "band", "--feed", "") == feeds
    assert completed(run, workspace, "start", "band", "--data", "") == [], "left to the shell"
    assert completed(run, workspace, "enter", "k3x9a1pq", "") == ["long", "short"]
    assert "--json" in completed(run, workspace, "start", "-")
    assert "--json" in completed(run, workspace, "start", "band", "--feed", "demo", "-")


@needs_bash
def test_bash_completes_sessions_and_strategies(run: Run, workspace: Path, tmp_path: Path) -> None:
    for folder in ("sessions/k3x9a1pq", "strategies/größe", "strategies/$(touch smuggled)"):
        (workspace / folder).mkdir(parents=True)
    (tmp_path / "other" / "sessions" / "aaaa1111").mkdir(parents=True)
    (workspace / "backtests" / "b1b2b3b4").mkdir(parents=True)
    assert completed(run, workspace, "stop", "k") == ["k3x9a1pq"]
    assert completed(run, workspace, "stop", "") == ["k3x9a1pq"]
    assert completed(run, workspace, "trial", "gr") == ["größe"]
    assert completed(run, workspace, "compare", "x", "--session", "") == ["k3x9a1pq"]
    for verb in ("show", "compare", "note", "remove"):
        assert completed(run, workspace, "backtests", verb, "") == ["b1b2b3b4"]
    assert completed(run, workspace, "backtest", "g") == ["größe"]
    assert completed(run, workspace, "backtest", "g", locale="C") == ["größe"]
    elsewhere = ("--workspace", str(tmp_path / "other"), "stop", "")
    assert "aaaa1111" in completed(run, workspace, *elsewhere)
    assert completed(run, workspace, "backtest", "$") == []
    assert not Path("smuggled").exists()


@needs_zsh
def test_zsh_completes_at_its_prompt(run: Run, workspace: Path, tmp_path: Path) -> None:
    for folder in ("sessions/k3x9a1pq", "strategies/größe"):
        (workspace / folder).mkdir(parents=True)
    script = run("completion", "zsh").out
    (tmp_path / ".zshrc").write_text(
        f"PS1='ready> '\nautoload -U compinit && compinit -u -D\n{script}"
    )
    assert ZSH is not None
    home = {"HOME": str(tmp_path), "ZDOTDIR": str(tmp_path), "PAPERTAPE_HOME": str(workspace)}
    terminal, other = pty.openpty()
    shell = subprocess.Popen(
        [ZSH, "-i"],
        stdin=other, stdout=other, stderr=other, start_new_session=True,
        env={**home, "PATH": "/usr/bin:/bin", "TERM": "dumb", "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    seen = bytearray()

    def shows(text: str) -> bool:
        if select.select([terminal], [], [], 0.05)[0]:
            seen.extend(os.read(terminal, 65_536))
        return text in seen.decode(errors="replace")

    try:
        until_blocking(lambda: shows("ready> "))
        for typed, completed_to in (
            ("papertape schedule add --ev\t", "--every "),
            ("papertape stop k\t", "stop k3x9a1pq "),
            ("papertape backtest g\t", "backtest größe "),
            ("papertape sta\t", "start   status"),
        ):
            seen.clear()
            os.write(terminal, f"\x15{typed}".encode())  # a fresh line
            until_blocking(lambda: shows(completed_to))  # noqa: B023  called at once
    finally:
        shell.kill()
        shell.wait()
        os.close(terminal)
        os.close(other)


def test_the_manual_names_every_command_and_is_read_without_complaint(run: Run) -> None:
    page = run("man").out
    for command in ("start", "schedule add", "completion", "doctor"):
        assert f".B papertape {command}" in page
    assert "Exit codes" in page
    if (groff := shutil.which("groff")) is not None:
        done = subprocess.run(
            [groff, "-man", "-Tutf8", "-ww", "-K", "utf8"],
            input=page, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stderr == ""
        assert "--workspace" in done.stdout.replace("−", "-").replace("‐", "-")
