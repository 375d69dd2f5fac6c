"""Searches what a test run left for keys that should stand in exchanges.yaml alone.

Hooks for pytest. When the run is over, everything it left (all temporary folders, and what every
test printed and logged) is searched for every key that any of its exchanges.yaml holds or that the
embedded exchange accepts, as it is, quoted for a URL,
in JSON, base64 or hex. A key found fails the run.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from core.exchange.server import DEMO_KEYS
from core.store.redaction import why_no_key

_NAME = "exchanges.yaml"
_ENTRY = re.compile(r"""api_(?:key|secret)["']?\s*:\s*["']?([^\s"',{}]{6,})""")
_PEM_LINE = re.compile(r"^\s*(M[A-Za-z0-9+/=]{40,})\s*$", re.MULTILINE)
_ENVIRONMENT = "pyvenv.cfg"  # an installed program is nothing that the tests produced


class KeySearch:
    """What the tests printed, and what is found in the end."""

    def __init__(self) -> None:
        self.printed: list[tuple[str, str]] = []
        self.keys = 0
        self.files = 0
        self.found: list[str] = []

    def search(self, root: Path) -> None:
        """Search the folders below `root` and what was printed."""
        paths = list(_files(root))
        keys = {key for pair in DEMO_KEYS.items() for key in pair}
        for path in paths:
            if path.name == _NAME:
                text = _content(path).decode(errors="replace")
                keys.update([*_ENTRY.findall(text), *_PEM_LINE.findall(text)])
        keys = {key for key in keys if why_no_key(key) is None}
        forms = [form.encode() for form in {form for key in keys for form in spellings(key)}]
        self.keys, self.files = len(keys), len(paths)
        said = (
            where for where, text in self.printed if _holds(text.encode(errors="replace"), forms)
        )
        self.found = [f"printed by {where}" for where in dict.fromkeys(said)]
        for path in paths:
            if path.name != _NAME and path.suffix != ".pem" and _holds(_content(path), forms):
                self.found.append(str(path))


def spellings(secret: str) -> set[str]:
    """The forms in which a secret is met in one piece: as it is, quoted for a URL, in JSON, base64
    (also in the middle of something longer) and hex."""
    data = secret.encode()
    quoted = quote(secret, safe="")
    found = {secret, quote(secret), quoted, re.sub("%..", lambda code: code[0].lower(), quoted)}
    found |= {secret.replace("\\", "\\\\").replace('"', '\\"'), secret.replace("/", "\\/")}
    found |= {data.hex(), data.hex().upper()}
    for shift in range(3):
        whole = base64.b64encode(bytes(shift) + data).decode()
        # Only the characters that the secret alone decides.
        part = whole[(shift * 8 + 5) // 6 : (shift + len(data)) * 8 // 6]
        found |= {part, part.replace("+", "-").replace("/", "_")}
    return found


def _holds(data: bytes, forms: list[bytes]) -> bool:
    return any(form in data for form in forms)


def _content(path: Path) -> bytes:
    """What is in a file, without the hole that a test may have ended it with."""
    return path.read_bytes().rstrip(b"\0")


def _files(folder: Path) -> Iterator[Path]:
    if (folder / _ENVIRONMENT).exists():
        return
    for path in sorted(folder.iterdir()):
        if path.is_symlink():
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.is_file():
            yield path


_SEARCH = pytest.StashKey[KeySearch]()


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # the process that starts the workers hears of all
        search = config.stash[_SEARCH] = KeySearch()
        config.pluginmanager.register(_Listener(search))


class _Listener:
    def __init__(self, search: KeySearch) -> None:
        self._search = search

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a test printed; why one failed may show anything."""
        for _, text in report.sections:
            self._search.printed.append((report.nodeid, text))


def folder_of_the_run(config: pytest.Config) -> Path:
    """The folder above all `tmp_path`s of this run."""
    # pytest gives it to fixtures only; a hook at the end of the run has no public way to it.
    factory: pytest.TempPathFactory = config._tmp_path_factory  # type: ignore[attr-defined]
    return factory.getbasetemp()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    search = session.config.stash.get(_SEARCH, None)
    if search is None:
        return
    search.search(folder_of_the_run(session.config))
    if search.found and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    search = config.stash.get(_SEARCH, None)
    if search is None:
        return
    for place in search.found:
        terminalreporter.write_line(f"A KEY WAS FOUND: {place}", red=True)
    terminalreporter.write_line(
        f"{search.keys} keys searched for in {search.files} files and all that was printed: "
        f"{len(search.found)} found"
    )
