"""Brings the content of a candle file into memory: bounded, unpacked, as UTF-8 text."""

from __future__ import annotations

import contextlib
import gzip
import io
import lzma
import zipfile
import zlib
from pathlib import Path
from typing import IO, BinaryIO

from core.market.files.errors import CandleFileError, shown_value

MAX_BYTES = 1 << 30
"""The largest content of a text file that is read, unpacked: some 15 million candles."""

FORMATS = ".csv, .json, .jsonl (each also .gz or .zip), .parquet or .feather"
BOM = b"\xef\xbb\xbf"

_PACKED_FACTOR = 60  # how many times larger than its file a packed content may be; candles: 3 to 15
_SMALL = 64 << 20  # bytes of unpacked content at which nobody need ask
_PIECE = 8 << 20
_UNREADABLE = (
    *(OSError, EOFError, ValueError, RuntimeError, NotImplementedError),
    *(zlib.error, lzma.LZMAError, zipfile.BadZipFile),
)


def unzipped(path: Path) -> tuple[str, bytes]:
    """The name and content of the file in a zip; CSV files in one come one after the other."""
    try:
        with opened(path) as file, zipfile.ZipFile(file) as archive:
            members = [
                member
                for member in archive.infolist()
                if member.filename  # a damaged one may have none
                and not member.is_dir()
                and not Path(member.filename).name.startswith(".")
                and not member.filename.startswith("__MACOSX")
                and not member.filename.upper().endswith(("CHECKSUM", "README.TXT"))
            ]
            members.sort(key=lambda member: member.filename)
            if not members:
                raise CandleFileError(path, "holds no file", expected="a file of candles")
            kinds = {Path(member.filename).suffix.lower() for member in members}
            if len(members) > 1 and kinds != {".csv"}:
                names = ", ".join(shown_value(member.filename) for member in members[:5])
                raise CandleFileError(
                    path, f"holds several files: {names}", expected="one file of candles"
                )
            most = min(MAX_BYTES, max(_SMALL, _PACKED_FACTOR * path.stat().st_size))
            parts: list[bytes] = []
            length = 0
            for member in members:
                with archive.open(member) as source:
                    length += _read_into(parts, source, most - length)
                parts.append(b"\n" if len(members) > 1 else b"")
            _refuse_flood(path, length, most)
    except CandleFileError:
        raise
    except _UNREADABLE as error:
        reason = getattr(error, "strerror", None) or error
        raise CandleFileError(path, f"cannot be read: {shown_value(reason)}") from error
    return members[0].filename, b"".join(parts)


def _read_into(parts: list[bytes], source: IO[bytes] | gzip.GzipFile, most: int) -> int:
    """Append what a source holds, until it is more than `most`; how much that is."""
    length = 0
    while length <= most and (part := source.read(_PIECE)):
        parts.append(part)
        length += len(part)
    return length


def _refuse_flood(path: Path, length: int, most: int) -> None:
    if length > MAX_BYTES:
        raise CandleFileError(
            path,
            f"holds more than {MAX_BYTES >> 20} MiB of text",
            advice="write it as Parquet, or split it",
        )
    if length > most:
        size = path.stat().st_size
        raise CandleFileError(
            path,
            f"{size / 1e6:.1f} MB unpack to more than {most / 1e6:.0f} MB, as no candles do",
            advice="unpack it, look at it, and give the unpacked file",
        )


def _bytes(path: Path) -> bytes:
    parts: list[bytes] = []
    try:
        with opened(path) as file:
            packed = file.read(2) == b"\x1f\x8b"
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            most = min(MAX_BYTES, max(_SMALL, _PACKED_FACTOR * size)) if packed else MAX_BYTES
            source = gzip.GzipFile(fileobj=file) if packed else file
            length = _read_into(parts, source, most)
    except CandleFileError:
        raise
    except _UNREADABLE as error:
        reason = getattr(error, "strerror", None) or error
        raise CandleFileError(path, f"cannot be read: {shown_value(reason)}") from error
    _refuse_flood(path, length, most)
    return b"".join(parts)


def opened(path: Path) -> BinaryIO:
    """The file, where it is one: a pipe would be waited for without end.

    Raises:
        CandleFileError: it is no regular file.
        OSError: it cannot be opened.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise CandleFileError(path, "is no regular file", expected="a file of candles")
    return path.open("rb")


def text_of(path: Path, content: bytes | None) -> bytes:
    """A text file's content in UTF-8, without its byte-order mark. Blocks."""
    content = _bytes(path) if content is None else content
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):  # as MetaTrader and Excel write it
        with contextlib.suppress(UnicodeDecodeError):
            content = content.decode("utf-16").encode()
    zero = content.find(b"\0")
    if zero >= 0:
        raise CandleFileError(
            path,
            "holds binary data, not text",
            line=content.count(b"\n", 0, zero) + 1,
            expected=f"what its name says ({FORMATS})",
        )
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CandleFileError(
            path,
            "is not UTF-8 text",
            line=line,
            expected="UTF-8",
            advice="save it as UTF-8 text",
        ) from error
    content = content.removeprefix(BOM)
    if not content.strip():
        raise CandleFileError(path, "is empty", expected="candles")
    return content
