"""Takes the modules that backtests and sessions spend their time in compiled, where that is done.

The modules are those of the rules, of the driver and of the streams that sessions decide by
(`MODULES`), and their compiled form is made of their own source (`core.compiled.build`). It lies in
a folder of the Python environment whose name is the digest of that source, of what compiled it and
of the interpreter: once a source has changed, nothing is found there, and all of them run as the
Python that they are. So they do where nothing was compiled, and where `PAPERTAPE_PURE` is set.
Either all of them are compiled or none is.
"""

from __future__ import annotations

import functools
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

MODULES = (
    "core.trading.bar",
    "core.trading.rules",
    "core.trading.position",
    "core.trading.account",
    "core.trading.inside_candle",
    "core.trading.step",
    "core.backtest.bar_index",
    "core.backtest.drive",
    "core.strategy.indicators.steps",
    "core.strategy.signals.condition_stream",
)
"""What is compiled. A module comes after those of them that it imports."""

PURE = "PAPERTAPE_PURE"
"""The environment variable that asks for pure Python, whatever was compiled."""

_ROOT = Path(__file__).parent.parent.parent
_SUFFIX = importlib.machinery.EXTENSION_SUFFIXES[0]


class Build(NamedTuple):
    """Which form the modules run in: where the compiled one lies (None: Python), and why."""

    folder: Path | None
    why: str


@functools.cache
def build_in_use() -> Build:
    """The form in which this process takes the modules."""
    if os.environ.get(PURE):
        return Build(None, f"pure Python, as {PURE} is set")
    try:
        made = folder()
    except OSError as error:
        return Build(None, f"pure Python, as its source cannot be read ({error})")
    if not made.is_dir():
        return Build(None, "pure Python: this source is not compiled here (make compiled)")
    return Build(made, f"compiled, {made}")


def source_file(module: str) -> Path:
    """The Python file of a module."""
    return _ROOT.joinpath(*module.split(".")).with_suffix(".py")


def compiled_file(root: Path, module: str) -> Path:
    """Where the compiled form of a module lies below a folder."""
    return root.joinpath(*module.split(".")).with_suffix(_SUFFIX)


def folder() -> Path:
    """Where the compiled form of the source as it is on the disk belongs, made or not.

    Raises:
        OSError: the source cannot be read.
    """
    import hashlib  # noqa: PLC0415 - takes milliseconds, and not every command asks

    digest = hashlib.sha256(f"{sys.version} {_SUFFIX}".encode())
    makers = [Path(__file__).with_name(name) for name in ("build.py", "declare.py")]
    for file in (*makers, *map(source_file, MODULES)):
        digest.update(file.read_bytes())
    return Path(sys.prefix, "share", "papertape", "compiled", digest.hexdigest()[:20])


class _Finder(MetaPathFinder):
    """Finds the modules in that folder, if they are there."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None, /
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in MODULES:
            return None
        made = build_in_use().folder
        if made is None:
            return None
        file = str(compiled_file(made, name))
        loader = importlib.machinery.ExtensionFileLoader(name, file)
        return importlib.util.spec_from_file_location(name, file, loader=loader)


def install() -> None:
    """Have imports find the compiled modules from now on. Done by `core` before it has any."""
    if not any(isinstance(one, _Finder) for one in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
