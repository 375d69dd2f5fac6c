"""Keeps what happened, so that nothing acknowledged is ever lost.

A journal is an append-only file of JSON lines. The first line is a header (`journal`: what it
holds, `version`, and whatever its owner adds). Every line ends in a checksum of itself, `"crc"`. A
line is the unit of commitment: what belongs to one moment stands in one line, so a moment is kept
whole or not at all. Several lines may be committed by one write and one fsync; a cut then keeps a
prefix.

Reading drops what a cut left behind the last whole line, and says so. A bad line with good ones
after it is no cut: that file is damaged, and refused with words, not repaired by guessing.

The file is opened anew for each commit: a workspace that has vanished under a running host is then
found at once, and five hundred sessions do not hold five hundred files open.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeGuard

import orjson

from core.store.durable import Disk, write_all, write_durably

_CRC = b',"crc":'
Line = dict[str, object]


@dataclass(frozen=True, slots=True)
class JournalFormat:
    """A kind of journal, the version in which it is written now, and how older ones are read.

    `upgrades[n]` makes of a line of version n one of version n + 1.
    """

    kind: str
    version: int
    upgrades: Mapping[int, Callable[[Line], Line]] = field(default_factory=dict)

    @property
    def oldest(self) -> int:
        """The oldest version that can be read."""
        oldest = self.version
        while oldest - 1 in self.upgrades:
            oldest -= 1
        return oldest

    @property
    def versions(self) -> str:
        """The versions that can be read, in words."""
        one = self.oldest == self.version
        return f"version {self.version}" if one else f"versions {self.oldest} to {self.version}"

    def reads(self, version: object) -> TypeGuard[int]:
        """Whether a journal of that version can be read."""
        return isinstance(version, int) and self.oldest <= version <= self.version

    def upgraded(self, lines: list[Line], version: int) -> list[Line]:
        """Lines of a version that can be read, as they would be written now."""
        for number in range(version, self.version):
            lines = [self.upgrades[number](line) for line in lines]
        return lines


class JournalError(Exception):
    """A journal cannot be written or read. The message says which, why, and what to do."""


class JournalDamagedError(JournalError):
    """A journal has a bad line before good ones, or no readable header."""


@dataclass(frozen=True, slots=True)
class JournalContents:
    """What a journal says: its header, its lines in order, and what had to be dropped at its end.

    `size` is the length in bytes of the good part, `torn` of the part behind it. `outdated`: header
    and lines are of the newest version here, but not yet in the file.
    """

    header: Line
    lines: list[Line]
    size: int
    torn: int
    outdated: bool = False


def encode_line(record: Mapping[str, object]) -> bytes:
    """A record as one line of a journal, checksum and line break included.

    NaN has no place in JSON and would come back as null: callers keep None for the unknown. Nothing
    in it is rewritten: foreign words are redacted where they enter (`core.store.redaction`).
    """
    body = orjson.dumps(record)
    return b"%s%s%d}\n" % (body[:-1], _CRC, zlib.crc32(body))


def _decode_line(line: bytes) -> Line | None:
    body, separator, checksum = line.rpartition(_CRC)
    if not separator or not checksum.endswith(b"}"):
        return None
    body += b"}"
    try:
        if int(checksum[:-1]) != zlib.crc32(body):
            return None
        record = orjson.loads(body)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def read_journal(path: Path, form: JournalFormat) -> JournalContents:
    """Read a journal of this kind: its whole lines, as they would be written now.

    Raises:
        JournalDamagedError: it is no journal of this kind, or has a bad line before a good one.
        JournalError: it cannot be read, or is of a version this program does not know.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise JournalError(f"{path}: the journal cannot be read ({error.strerror})") from error
    lines: list[Line] = []
    size = 0
    for number, raw in enumerate(data.splitlines(keepends=True), start=1):
        record = _decode_line(raw[:-1]) if raw.endswith(b"\n") else None
        if record is None:
            _refuse_damage(path, number, data[size:])
            break
        lines.append(record)
        size += len(raw)
    if not lines:
        raise JournalDamagedError(
            f"{path}: no header of a {form.kind} journal was found in {len(data)} bytes"
        )
    header = lines.pop(0)
    if header.get("journal") != form.kind:
        raise JournalDamagedError(
            f"{path}: expected a {form.kind} journal, found {header.get('journal')!r}"
        )
    version = header.get("version")
    if not form.reads(version):
        raise JournalError(
            f"{path}: this {form.kind} journal is of version {version}, this program reads "
            f"{form.versions}; use the program that wrote it"
        )
    return JournalContents(
        {**header, "version": form.version},
        form.upgraded(lines, version),
        size,
        len(data) - size,
        outdated=version != form.version,
    )


def read_bodies(path: Path, form: JournalFormat) -> list[bytes]:
    """The records of a journal as JSON texts, for a reader that has types of its own for them.

    Checked as `read_journal` does, which is asked where anything is out of the ordinary.

    Raises:
        JournalError: as `read_journal`.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        lines = []
    bodies = []
    for line in lines[:-1]:
        body, _, checksum = line.rpartition(_CRC)
        if checksum != b"%d}" % zlib.crc32(b"}", zlib.crc32(body)):
            break
        bodies.append(body + b"}")
    whole = len(lines) > 1 and not lines[-1] and len(bodies) == len(lines) - 1
    if whole:
        header = orjson.loads(bodies[0])
        if (header.get("journal"), header.get("version")) == (form.kind, form.version):
            return bodies[1:]
    return [orjson.dumps(line) for line in read_journal(path, form).lines]


def salvage(path: Path, form: JournalFormat) -> list[Line]:
    """Every whole line of a damaged journal, in order, without its header, as written now.

    Each carries its own checksum, so each can be trusted by itself; that none is missing cannot.
    Where the header is lost, or is none that can be read, lines count as being of the newest
    version.
    """
    decoded = (_decode_line(raw) for raw in path.read_bytes().splitlines())
    lines = [line for line in decoded if line is not None]
    header = lines.pop(0) if lines and "journal" in lines[0] else {}
    version = header.get("version")
    return form.upgraded(lines, version) if form.reads(version) else lines


def _refuse_damage(path: Path, number: int, rest: bytes) -> None:
    later = (_decode_line(raw) for raw in rest.splitlines()[1:])
    if any(record is not None for record in later):
        raise JournalDamagedError(
            f"{path}: line {number} is damaged though good lines follow it, so this is no "
            "interrupted write; the file was left as it is: restore it from a copy, or archive "
            "the session"
        )


@dataclass(slots=True)
class Journal:
    """One append-only file. `append` gathers lines, `commit` makes them durable.

    A journal that has failed once stays failed (`failure`): after an error of fsync nobody knows
    what is on the disk, and only who reads it again finds out.
    """

    path: Path
    size: int
    disk: Disk
    failure: str | None = None
    _pending: list[bytes] = field(default_factory=list)

    @classmethod
    def create(
        cls,
        path: Path,
        header: Mapping[str, object],
        disk: Disk,
    ) -> Journal:
        """A new journal, which is on the disk with its header or not at all.

        Raises:
            JournalError: it exists already, or cannot be written.
        """
        line = encode_line(header)
        try:
            if path.exists():
                raise FileExistsError(0, "it is there already")
            write_durably(path, line, disk)
        except OSError as error:
            raise JournalError(f"{path}: the journal cannot be made ({error.strerror})") from error
        return cls(path, len(line), disk)

    @classmethod
    def reopen(
        cls,
        path: Path,
        contents: JournalContents,
        disk: Disk,
    ) -> Journal:
        """Go on with a journal that was read; what a cut left behind its last line is cut off.

        One of an older version is first put there anew, in the newest, wholly or not at all.
        """
        if contents.outdated:
            data = b"".join(map(encode_line, (contents.header, *contents.lines)))
            try:
                write_durably(path, data, disk)
            except OSError as error:
                raise JournalError(
                    f"{path}: the journal cannot be brought up to date ({error.strerror})"
                ) from error
            return cls(path, len(data), disk)
        if contents.torn:
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
                try:
                    os.ftruncate(descriptor, contents.size)
                    disk.sync(descriptor)
                finally:
                    os.close(descriptor)
            except OSError as error:
                raise JournalError(
                    f"{path}: the torn last line cannot be cut off ({error.strerror})"
                ) from error
        return cls(path, contents.size, disk)

    def append(self, record: Mapping[str, object]) -> None:
        """Add one line to what the next `commit` writes. No I/O."""
        self._pending.append(encode_line(record))

    def take(self) -> Sequence[bytes]:
        """The lines gathered so far, which `commit` is to be given (perhaps in another thread)."""
        taken, self._pending = self._pending, []
        return taken

    def commit(self, lines: Sequence[bytes]) -> None:
        """Write the lines and return once they are durable. Blocks.

        Raises:
            JournalError: the disk is full or read-only, the file has vanished, or someone else
                wrote to it. The journal then takes nothing more.
        """
        if self.failure is not None:
            raise JournalError(self.failure)
        if not lines:
            return
        data = b"".join(lines)
        try:
            self._write(data)
        except OSError as error:
            self.failure = (
                f"{self.path}: the journal cannot be written ({error.strerror or error}); "
                "nothing was decided without it: make room or repair the disk, then resume"
            )
            raise JournalError(self.failure) from error
        self.size += len(data)

    def _write(self, data: bytes) -> None:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
        try:
            found = os.fstat(descriptor).st_size
            if found != self.size:
                raise OSError(None, f"expected {self.size} bytes, found {found}: two writers?")
            try:
                write_all(self.disk, descriptor, data)
            except OSError:
                os.ftruncate(descriptor, self.size)
                raise
            self.disk.sync(descriptor)
        finally:
            os.close(descriptor)
