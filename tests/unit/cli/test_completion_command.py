"""Does the shell complete what the command line takes, and nothing that a name smuggles in?"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run

BASH = shutil.which("bash")
needs_bash = pytest.mark.skipif(BASH is None, reason="needs bash")


def completed(run: Run, workspace: Path, *words: str) -> list[str]:
    """What bash offers for the last of these words."""
    script = run("completion", "bash").out
    given = " ".join(f"'{word}'" for word in ("papertape", *words))
    asked = f"{script}\nCOMP_WORDS=({given}); COMP_CWORD={len(words)}; _papertape\n"
    asked += 'printf "%s\\n" "${COMPREPLY[@]}"'
    environment = {"PAPERTAPE_HOME": str(workspace), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
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


@needs_bash
def test_bash_completes_sessions_and_strategies(run: Run, workspace: Path, tmp_path: Path) -> None:
    for folder in ("sessions/k3x9a1pq", "strategies/größe", "strategies/$(touch smuggled)"):
        (workspace / folder).mkdir(parents=True)
    (tmp_path / "other" / "sessions" / "aaaa1111").mkdir(parents=True)
    assert completed(run, workspace, "stop", "k") == ["k3x9a1pq"]
    assert completed(run, workspace, "backtest", "g") == ["größe"]
    elsewhere = ("--workspace", str(tmp_path / "other"), "stop", "")
    assert "aaaa1111" in completed(run, workspace, *elsewhere)
    assert completed(run, workspace, "backtest", "$") == []
    assert not Path("smuggled").exists()


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
