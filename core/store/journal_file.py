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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, takewhile
from pathlib import Path
from typing import BinaryIO, TypeGuard

import orjson

from core.store.durable import Disk, open_regular, write_all, write_durably

_CRC = b',"crc":'
_CUT = b"\0"  # behind a line that has no break: as it is written, none ends so
_LONGEST_LINE = 64 * 1024 * 1024  # bytes; a moment of a thousand symbols has some hundred thousand
_AT_ONCE = 256 * 1024  # bytes that are read and taken apart together
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

    def upgraded(self, line: Line, version: int) -> Line:
        """A line of a version that can be read, as it would be written now."""
        for number in range(version, self.version):
            line = self.upgrades[number](line)
        return line


class JournalError(Exception):
    """A journal cannot be written or read. The message says which, why, and what to do."""


class JournalDamagedError(JournalError):
    """A journal has a bad line before good ones, or no readable header."""


class Bodies:
    """The records of a journal in order, as JSON texts of its newest version.

    They are read from the file whenever they are iterated: there may be a million of them. What is
    added to the file meanwhile does not come.
    """

    def __init__(
        self, path: Path, form: JournalFormat, version: int, start: int, size: int
    ) -> None:
        self._path = path
        self._form = form
        self._version = version
        self._start = start
        self._size = size

    def __iter__(self) -> Iterator[bytes]:
        try:
            with open_regular(self._path) as file:
                file.seek(self._start)
                for lines in _lines_of(file, self._size - self._start):
                    for line in lines:
                        body = line[: line.rfind(_CRC)] + b"}"
                        yield _as_now(body, self._form, self._version)
        except OSError as error:
            raise _unreadable(self._path, error) from error


def _lines_of(file: BinaryIO, size: int) -> Iterator[list[bytes]]:
    """The lines of the next `size` bytes of a file without their line breaks, many at a time.

    A line that has no break by then, or is longer than any, comes last with `_CUT` at its end.
    """
    begun = b""
    while data := file.read(min(size, _AT_ONCE)):
        size -= len(data)
        *lines, begun = (begun + data).split(b"\n")
        if lines:
            yield lines
        if len(begun) > _LONGEST_LINE:
            yield [begun + _CUT]
            begun = b""
    if begun:
        yield [begun + _CUT]


def _size_of(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def _unreadable(path: Path, error: OSError) -> JournalError:
    return JournalError(f"{path}: the journal cannot be read ({error.strerror})")


@dataclass(frozen=True, slots=True)
class JournalContents:
    """What a journal says: its header, its records, and what had to be dropped at its end.

    `size` is the length in bytes of the good part, `torn` of the part behind it. `outdated`: header
    and lines are of the newest version here, but not yet in the file.
    """

    header: Line
    bodies: Bodies
    size: int
    torn: int
    outdated: bool = False

    @property
    def lines(self) -> list[Line]:
        """All records, taken apart."""
        return [orjson.loads(body) for body in self.bodies]


def encode_line(record: Mapping[str, object]) -> bytes:
    """A record as one line of a journal, checksum and line break included.

    NaN has no place in JSON and would come back as null: callers keep None for the unknown. Nothing
    in it is rewritten: foreign words are redacted where they enter (`core.store.redaction`).
    """
    body = orjson.dumps(record)
    return b"%s%s%d}\n" % (body[:-1], _CRC, zlib.crc32(body))


def _body_of(line: bytes) -> bytes | None:
    """The JSON text of a line without its break; None where it is not as it was written."""
    body, found, checksum = line.rpartition(_CRC)
    body += b"}"
    return body if found and checksum == b"%d}" % zlib.crc32(body) else None


def _bodies_of(lines: Sequence[bytes]) -> list[bytes]:
    """The JSON texts of lines, up to the first that is not as it was written."""
    parts = [line.rpartition(_CRC) for line in lines]
    bodies = [body + b"}" for body, _, _ in parts]
    # Of long journals most of the reading is this: all are compared at once, for a fault is rare.
    sums = tuple(map(zlib.crc32, bodies))
    if b"".join([checksum for _, _, checksum in parts]) == b"%d}" * len(sums) % sums:
        return bodies
    good = takewhile(lambda line: _body_of(line) is not None, lines)
    return bodies[: sum(1 for _ in good)]


def _parsed(body: bytes | None) -> Line | None:
    if body is None:
        return None
    try:
        record = orjson.loads(body)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def read_journal(
    path: Path, form: JournalFormat, take: Callable[[Sequence[bytes]], object] | None = None
) -> JournalContents:
    """Read a journal of this kind: its whole lines, as they would be written now.

    A living journal may grow meanwhile: it is read as far as it went when it was opened.

    Args:
        path: of the journal.
        form: its kind.
        take: is given the records (as `Bodies` give them), some at a time, as soon as their lines
            are found whole, so that the file is read once. What it was given counts for nothing if
            this then raises.

    Raises:
        JournalDamagedError: it is no journal of this kind, or has a bad line before a good one.
        JournalError: it cannot be read, or is of a version this program does not know.
    """
    size = count = start = 0
    header: Line | None = None
    version = form.version
    try:
        with open_regular(path) as file:
            total = _size_of(file)
            read = _lines_of(file, total)
            for lines in read:
                bodies = _bodies_of(lines)
                whole = len(bodies)
                size += sum(map(len, lines[:whole])) + whole
                count += whole
                if header is None and bodies:
                    header, start = _parsed(bodies.pop(0)), len(lines[0]) + 1
                    if header is None:
                        break
                    version = _version_of(path, form, header)
                if version != form.version:
                    bodies = [_as_now(body, form, version) for body in bodies]
                if take is not None and bodies:
                    take(bodies)
                if whole < len(lines):
                    _refuse_damage(
                        path, count + 1, chain(lines[whole + 1 :], chain.from_iterable(read))
                    )
                    break
    except OSError as error:
        raise _unreadable(path, error) from error
    if header is None:
        raise JournalDamagedError(
            f"{path}: no header of a {form.kind} journal was found in {total} bytes"
        )
    return JournalContents(
        {**header, "version": form.version},
        Bodies(path, form, version, start, size),
        size,
        total - size,
        outdated=version != form.version,
    )


def read_header(path: Path, form: JournalFormat) -> Line | None:
    """The first line of a journal of this kind, in whichever version; None where it is not there.

    Raises:
        JournalDamagedError: it is no journal of this kind.
        JournalError: it cannot be read, or is of a version this program does not know.
    """
    try:
        with open_regular(path) as file:
            header = _parsed(_body_of(file.readline(_LONGEST_LINE).removesuffix(b"\n")))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, error) from error
    if header is None:
        raise JournalDamagedError(f"{path}: its first line is no header of a {form.kind} journal")
    _version_of(path, form, header)
    return header


def _version_of(path: Path, form: JournalFormat, header: Line) -> int:
    """The version of a journal with that header.

    Raises:
        JournalError: it is of another kind, or of a version this program does not know.
    """
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
    return version


def _as_now(body: bytes, form: JournalFormat, version: int) -> bytes:
    """A record of a version that can be read, as it would be written now."""
    if version == form.version:
        return body
    return orjson.dumps(form.upgraded(orjson.loads(body), version))


def salvage(path: Path, form: JournalFormat) -> list[Line]:
    """Every whole line of a damaged journal, in order, without its header, as written now.

    Each carries its own checksum, so each can be trusted by itself; that none is missing cannot.
    Where the header is lost, or is none that can be read, lines count as being of the newest
    version.
    """
    with open_regular(path) as file:
        read = chain.from_iterable(_lines_of(file, _size_of(file)))
        decoded = (_parsed(_body_of(line.removesuffix(_CUT))) for line in read)
        lines = [line for line in decoded if line is not None]
    header = lines.pop(0) if lines and "journal" in lines[0] else {}
    version = header.get("version")
    return [form.upgraded(one, version) for one in lines] if form.reads(version) else lines


def _refuse_damage(path: Path, number: int, rest: Iterable[bytes]) -> None:
    if any(_body_of(later.removesuffix(_CUT)) is not None for later in rest):
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
