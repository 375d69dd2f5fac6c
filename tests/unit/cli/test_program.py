"""What the program imports is its own, wherever it is started and whatever else is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import papertape

HERE = Path(papertape.__file__).parent


def foreign(folder: Path, name: str) -> Path:
    """A folder with a package of that name, which tells when it runs."""
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text("raise SystemExit('FOREIGN')")
    return folder


@pytest.mark.parametrize("name", ["core", "tui"])
def test_another_package_of_that_name_is_said_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert papertape.strange_package() is None
    monkeypatch.setattr(sys, "path", [str(foreign(tmp_path, name)), *sys.path])
    monkeypatch.delitem(sys.modules, name)
    strange = papertape.strange_package()
    assert strange is not None
    assert strange.startswith(f"the package `{name}` is found at {tmp_path}/{name}, not beside")


@pytest.mark.parametrize("told", ["{}:", ":{}", "{}::", "{}:.", "{}:here/..", "lib:{}"])
def test_no_relative_entry_of_the_path_is_imported_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    given = told.format("/somewhere")
    monkeypatch.setenv("PYTHONPATH", given)
    relative = [str(tmp_path / one) for one in given.split(":") if one != "/somewhere"]
    monkeypatch.setattr(sys, "path", [*relative, "/somewhere", str(HERE)])
    papertape.leave_folder_out()
    assert sys.path == ["/somewhere", str(HERE)]
    assert os.environ["PYTHONPATH"] == "/somewhere"


@pytest.mark.parametrize("told", [None, "", "/a:/b", str(HERE)])
def test_other_paths_stay_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    if told is not None:
        monkeypatch.setenv("PYTHONPATH", told)
    before = [*sys.path]
    papertape.leave_folder_out()
    assert sys.path == before
    assert os.environ.get("PYTHONPATH") == told


@pytest.mark.parametrize(
    ("names", "started", "path"),
    [
        (("core", "tui"), ("-P", "-m", "papertape"), f":{HERE}"),
        (("core", "papertape", "signal"), ("-m", "tui.cli"), str(HERE)),
    ],
    ids=["as it starts itself", "by hand"],
)
def test_the_folder_it_is_started_in_is_not_code(
    tmp_path: Path, names: tuple[str, ...], started: tuple[str, ...], path: str
) -> None:
    for name in names:
        foreign(tmp_path, name)
    found = subprocess.run(
        [sys.executable, *started, "--workspace", str(tmp_path / "none"), "status"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 3
    assert "FOREIGN" not in found.stdout + found.stderr
