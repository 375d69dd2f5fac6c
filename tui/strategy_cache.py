"""Keeps what documents of strategies were read as, so that a thousand are listed at once.

The file `cache/strategies.msgpack` of a workspace holds it by the SHA-256 of the document's bytes,
so that an edited one is never taken for what it was. It is of one program: where a file of
Papertape, or a library that decides, is another one, all is read anew. With plug-ins installed
nothing is kept, for what those say may change with their code; nor are few documents.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any

import msgspec

import core
from core.store.durable import OsDisk, open_regular, write_durably
from core.store.workspace import Workspace
from core.strategy.indicators.plugins import GROUP

_FEW = 100  # documents that are read at once all the same
_LARGEST = 64 * 1024 * 1024  # bytes
_LIBRARIES = ("numpy", "papertape", "pyyaml", "ta-lib")


class ReadStrategy(msgspec.Struct, frozen=True):
    """What a document says: `raw` is the config as written, with its `problems` alone or the rest.

    `digest` is that of what decides (`SignalSource.digest`), to hold backtests against.
    """

    raw: dict[Any, Any]
    description: str
    problems: tuple[str, ...] = ()
    name: str = ""
    symbols: tuple[str, ...] = ()
    timeframe: str = ""
    warnings: tuple[str, ...] = ()
    meaning: tuple[tuple[str, str], ...] = ()
    starting_balance: float | None = None
    digest: str = ""


class _Kept(msgspec.Struct):
    """The file: of which program, and each document by the digest of its bytes."""

    program: str
    documents: dict[str, ReadStrategy]


class StrategyCache:
    """What the documents of a workspace were read as, of which there are `count`."""

    def __init__(self, workspace: Workspace, count: int) -> None:
        self._path = workspace.cache / "strategies.msgpack"
        self._program = None if count < _FEW else _program()
        self._known = {} if self._program is None else _load(self._path, self._program)
        self._used: dict[str, ReadStrategy] = {}

    def get(self, document: bytes) -> ReadStrategy | None:
        """What a document was read as, if it was."""
        key = _key(document)
        found = self._known.get(key)
        if found is not None:
            self._used[key] = found
        return found

    def put(self, document: bytes, read: ReadStrategy) -> None:
        """Keep what a document was read as."""
        self._used[_key(document)] = read

    def save(self) -> None:
        """Write the file where it would say anything else, and leave it where that cannot be."""
        if self._program is None or self._used == self._known:
            return
        try:
            body = msgspec.msgpack.encode(_Kept(self._program, self._used))
            write_durably(self._path, hashlib.sha256(body).digest() + body, OsDisk())
        except (OSError, ValueError, TypeError, OverflowError):
            return  # a workspace that cannot be written, a number that is too large


def _load(path: Path, program: str) -> dict[str, ReadStrategy]:
    """What a file holds; one that is damaged, or of another program, holds nothing."""
    try:
        with open_regular(path) as file:
            data = file.read(_LARGEST)
    except OSError:
        return {}
    told, body = data[:32], data[32:]
    if told != hashlib.sha256(body).digest():
        return {}
    try:
        kept = msgspec.msgpack.decode(body, type=_Kept)
    except msgspec.MsgspecError:  # of a program that wrote it otherwise
        return {}
    return kept.documents if kept.program == program else {}


def _key(document: bytes) -> str:
    return hashlib.sha256(document).hexdigest()


def _program() -> str | None:
    """What tells this program from another one; None where foreign code takes part."""
    if entry_points(group=GROUP):
        return None
    told = [f"{name} {version(name)}" for name in _LIBRARIES]
    told += [*_files(Path(core.__file__).parent), *_files(Path(__file__).parent)]
    return hashlib.sha256("\n".join(sorted(told)).encode()).hexdigest()


def _files(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir() and entry.name != "__pycache__":
                yield from _files(Path(entry.path))
            elif entry.is_file():
                found = entry.stat()
                yield f"{entry.path} {found.st_size} {found.st_mtime_ns}"
