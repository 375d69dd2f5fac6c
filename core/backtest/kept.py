"""Keeps what is finished of long work in a file, so that an interrupted run is taken up again.

A file's name is a digest of all that decides its results: the program, the candles and what was
asked for. What stands in it is what the same work would come to again, to the last bit. Results are
added one by one as they come; a process that is killed leaves at most half of one at the end, which
the next leaves out. A finished run removes its file.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import BinaryIO, NamedTuple, TypeVar

import msgspec

from core.backtest.identity import program_identity
from core.market.candles.candles import Candles
from core.market.candles.digest import candles_digest
from core.store.durable import OsDisk, is_at, remove_unlocked, try_lock, write_all
from core.typed import prepare

_MAGIC = b"papertape unfinished work 1\n"
_HEAD = struct.Struct("<II")  # length and CRC-32 of what follows
_LONGEST = 1 << 20  # bytes of a result
_LARGEST = 256 << 20  # bytes of a file: beyond it nothing more is kept
_MOST_FILES = 16
_DAYS = 14  # that a file is kept without being taken up
_SYNC_SECONDS = 2.0
_SUFFIX = ".work"

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where unfinished work is kept.

    Attributes:
        folder: its parent must exist.
        afresh: whether what is kept of the same work is thrown away first.
    """

    folder: Path
    afresh: bool = False


class Kept:
    """What is finished of one work, and its file; without one where it cannot be written.

    Results are known by the part of the work they belong to and their place in it.
    """

    def __init__(self, descriptor: int | None = None, path: Path | None = None) -> None:
        self._descriptor = descriptor
        self._path = path
        self._before: dict[tuple[str, int], msgspec.Raw] = {}
        self._size = 0
        self._synced = monotonic()
        self.count = 0
        """Results that are in the file."""
        if descriptor is not None:
            self._read(descriptor)

    def of(self, part: str, kind: type[Kind]) -> dict[int, Kind]:
        """What an interrupted run had finished of a part, by place."""
        found = {}
        for (name, place), raw in self._before.items():
            if name == part:
                with contextlib.suppress(msgspec.DecodeError):
                    found[place] = msgspec.msgpack.decode(raw, type=kind)
        return found

    def add(self, part: str, result: tuple[object, ...]) -> None:
        """Keep one more. Where that fails (a full disk), nothing more is kept."""
        if self._descriptor is None:
            return
        data = msgspec.msgpack.encode((part, result[0], result))
        frame = _HEAD.pack(len(data), zlib.crc32(data)) + data
        if len(data) > _LONGEST or self._size + len(frame) > _LARGEST:
            return
        try:
            write_all(OsDisk(), self._descriptor, frame)
            if monotonic() - self._synced > _SYNC_SECONDS:
                os.fsync(self._descriptor)
                self._synced = monotonic()
        except OSError:
            self.close(finished=False)
            return
        self._size += len(frame)
        self.count += 1

    def close(self, *, finished: bool) -> None:
        """Let go of the file, which goes with the work where that is finished."""
        if self._descriptor is None or self._path is None:
            return
        with contextlib.suppress(OSError):
            if finished:
                self._path.unlink()
            else:
                os.fsync(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = None

    def _read(self, descriptor: int) -> None:
        """Take in what is there, up to the first that is not whole, and go on from there."""
        with os.fdopen(os.dup(descriptor), "rb") as file:
            whole = len(_MAGIC) if file.read(len(_MAGIC)) == _MAGIC else 0
            while whole and (data := _whole(file)) is not None:
                try:
                    part, place, raw = msgspec.msgpack.decode(data, type=_Entry)
                except msgspec.DecodeError:
                    break
                self._before[part, place] = raw
                whole += _HEAD.size + len(data)
        os.ftruncate(descriptor, whole)
        os.lseek(descriptor, whole, os.SEEK_SET)
        if not whole:
            write_all(OsDisk(), descriptor, _MAGIC)
        self._size = max(whole, len(_MAGIC))
        self.count = len(self._before)


def _whole(file: BinaryIO) -> bytes | None:
    """The next result of a file as bytes; None where none is left, or not whole."""
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    length, checksum = _HEAD.unpack(head)
    data = file.read(min(length, _LONGEST))
    return data if len(data) == length and zlib.crc32(data) == checksum else None


class _Entry(NamedTuple):
    """A result as it is written: its part, its place in it, and itself."""

    part: str
    place: int
    result: msgspec.Raw


@contextmanager
def keeping(
    where: Keeping | None, candles: Mapping[str, Candles], asked: Sequence[object]
) -> Iterator[Kept]:
    """Keep what is finished of some work until the end of the block.

    Args:
        where: it is kept; None: nowhere.
        candles: what the work is done on, by symbol.
        asked: everything else that decides its results, as JSON values.

    Yields:
        What an interrupted run had finished. It has no file where that cannot be made, or where
        another process is at the same work.
    """
    kept = Kept() if where is None else _opened(where, _name(candles, asked))
    try:
        yield kept
    finally:
        kept.close(finished=False)


def _name(candles: Mapping[str, Candles], asked: Sequence[object]) -> str:
    decides = [dict(program_identity()), candles_digest(candles), asked]
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:32]


def _opened(where: Keeping, name: str) -> Kept:
    path = where.folder / f"{name}{_SUFFIX}"
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        where.folder.mkdir(mode=0o700, exist_ok=True)
        if where.folder.is_symlink() or where.folder.parent.is_symlink():
            return Kept()  # files would be written, and old ones removed, where it leads
        descriptor = os.open(path, flags, 0o600)
    except OSError:
        return Kept()
    try:
        mine = stat.S_ISREG(os.fstat(descriptor).st_mode) and try_lock(descriptor)
        if mine and is_at(descriptor, path):  # who finished meanwhile took it away
            os.utime(descriptor)
            _sweep(where.folder, os.fstat(descriptor))
            if where.afresh:
                os.ftruncate(descriptor, 0)
            return Kept(descriptor, path)
    except OSError:
        pass
    os.close(descriptor)
    return Kept()


def _sweep(folder: Path, mine: os.stat_result) -> None:
    """Remove what nobody has taken up, and the oldest of too many; what is in use stays.

    `mine` was touched just now: it tells what time it is.
    """
    found = []
    for path in folder.glob(f"*{_SUFFIX}"):
        with contextlib.suppress(FileNotFoundError):  # its work was finished just now
            found.append((-path.lstat().st_mtime, path))
    for place, (time, path) in enumerate(sorted(found)):
        if place >= _MOST_FILES or mine.st_mtime + time > _DAYS * 86_400:
            remove_unlocked(path)


prepare(_Entry)
