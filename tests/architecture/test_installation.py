"""Does an installed wheel, started from an empty directory, have all it needs?"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_"))
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=clean | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment with the wheel and with this one's dependencies."""
    home = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", home, cwd=ROOT)
    (wheel,) = home.glob("papertape-*.whl")
    run(sys.executable, "-m", "venv", "--without-pip", home / "env", cwd=home)
    python = home / "env" / "bin" / "python"
    run(
        *(sys.executable, "-m", "pip", "--python", python),
        *("install", "--quiet", "--no-deps", "--no-index", wheel),
        cwd=home,
    )
    # Paths named in a .pth file are searched, but .pth files found there are not read: the
    # dependencies are seen, this checkout (installed editable, by such a file) is not.
    purelib = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home)
    (Path(purelib.strip()) / "dependencies.pth").write_text(
        sysconfig.get_path("purelib") + "\n", encoding="utf-8"
    )
    return home / "env" / "bin"


def test_it_is_the_wheel_that_runs(installed: Path, tmp_path: Path) -> None:
    where = run(installed / "python", "-c", "import tui; print(tui.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(installed.parent)


@pytest.mark.parametrize("folder", ["themes", "sample_strategies"])
def test_what_is_shipped_is_found_from_an_empty_directory(
    installed: Path, tmp_path: Path, folder: str
) -> None:
    code = f"from tui.shipped import shipped; print(*shipped({folder!r}).rglob('*'), sep='\\n')"
    from_wheel = run(installed / "python", "-c", code, cwd=tmp_path).split("\n")
    from_checkout = run(sys.executable, "-c", code, cwd=ROOT).split("\n")
    assert any(name.endswith((".yaml", ".md")) for name in from_wheel)
    assert {Path(name).name for name in from_wheel} == {Path(name).name for name in from_checkout}


def test_the_console_script_runs_from_an_empty_directory(installed: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    empty = tmp_path / "empty"
    empty.mkdir()
    script = installed / "papertape"
    run(script, "--workspace", workspace, "init", cwd=empty)
    listed = run(script, "--workspace", workspace, "validate", "--json", "rsi_bounce", cwd=empty)
    assert '"valid": true' in listed
    assert list(empty.iterdir()) == []
