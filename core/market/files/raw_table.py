"""Reads the rows of a candle file, whatever its format.

Only the format is understood here: `core.market.files.columns` knows what the columns mean,
`core.market.files.candle_checks` whether the rows are candles.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import orjson
from numpy.typing import NDArray

from core.market.files.columns import FIELDS, column_of, find_columns, looks_like_rows
from core.market.files.errors import CandleFileError, shown_value

MAX_BYTES = 1 << 30
"""The largest content of a text file that is read, unpacked: some 15 million candles."""

_PACKED_FACTOR = 60  # how many times larger than its file a packed content may be; candles: 3 to 15
_SMALL = 64 << 20  # bytes of unpacked content at which nobody need ask
_PIECE = 8 << 20

_HEADERLESS = "no column names: taken as time, open, high, low, close, volume"
_FORMATS = ".csv, .json, .jsonl (each also .gz) or .parquet"


@dataclass(frozen=True, slots=True)
class RawTable:
    """The six fields as columns of equal length, values as the file has them.

    `line_of` gives the place of a row in the file, counted from 1 in `unit`s.
    """

    columns: dict[str, NDArray[np.generic]]
    unit: str
    line_of: Callable[[Sequence[int]], list[int]]
    notes: tuple[str, ...] = ()


def read_table(path: Path) -> RawTable:
    """The six columns of a candle file; its name says the format.

    Raises:
        CandleFileError: if the file cannot be read as that format, or a column is missing.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    match suffixes[-1] if suffixes else "":
        case ".parquet" | ".pq":
            return _parquet(path)
        case ".csv" | ".tsv" | ".txt":
            return _csv(path, _text(path))
        case ".json":
            return _json(path, _text(path))
        case ".jsonl" | ".ndjson":
            return _json_lines(path, _text(path))
        case other:
            raise CandleFileError(
                path,
                f"the name ends in {shown_value(other)}" if other else "the name has no ending",
                expected=_FORMATS,
            )


def _bytes(path: Path) -> bytes:
    try:
        with _opened(path) as file:
            packed = file.read(2) == b"\x1f\x8b"
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            most = MAX_BYTES
            if packed:
                most = min(most, max(_SMALL, _PACKED_FACTOR * size))
            source = gzip.GzipFile(fileobj=file) if packed else file
            parts, length = [], 0
            while length <= most and (part := source.read(_PIECE)):
                parts.append(part)
                length += len(part)
    except CandleFileError:
        raise
    except (OSError, EOFError, zlib.error, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CandleFileError(path, f"cannot be read: {shown_value(reason)}") from error
    if length > MAX_BYTES:
        raise CandleFileError(
            path,
            f"holds more than {MAX_BYTES >> 20} MiB of text",
            advice="write it as Parquet, or split it",
        )
    if length > most:
        raise CandleFileError(
            path,
            f"{size / 1e6:.1f} MB unpack to more than {most / 1e6:.0f} MB, as no candles do",
            advice="unpack it, look at it, and give the unpacked file",
        )
    return b"".join(parts)


def _opened(path: Path) -> BinaryIO:
    """The file, where it is one: a pipe would be waited for without end.

    Raises:
        CandleFileError: it is no regular file.
        OSError: it cannot be opened.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise CandleFileError(path, "is no regular file", expected="a file of candles")
    return path.open("rb")


def _text(path: Path) -> bytes:
    """A text file's content, known to be UTF-8 and without its byte-order mark."""
    content = _bytes(path)
    advice = "save it as UTF-8 text"
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise CandleFileError(path, "is UTF-16 text", expected="UTF-8", advice=advice)
    zero = content.find(b"\0")
    if zero >= 0:
        raise CandleFileError(
            path,
            "holds binary data, not text",
            line=content.count(b"\n", 0, zero) + 1,
            expected=f"what its name says ({_FORMATS})",
        )
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CandleFileError(
            path, "is not UTF-8 text", line=line, expected="UTF-8", advice=advice
        ) from error
    content = content.removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        raise CandleFileError(path, "is empty", expected="candles")
    return content


def _positions(path: Path, names: Sequence[object]) -> dict[str, int]:
    positions, trouble = find_columns(names)
    if trouble is not None:
        raise CandleFileError(
            path,
            f"{trouble}; it has {', '.join(shown_value(name) for name in names[:20])}",
            advice="name the columns so, in any order and case",
        )
    return positions


# ── CSV ──


def _csv(path: Path, content: bytes) -> RawTable:
    import pandas as pd  # noqa: PLC0415  400 ms that only who reads a file should wait for

    header, body, delimiter = _csv_header(path, content)
    notes: tuple[str, ...] = ()
    if looks_like_rows(header):
        positions = {field: position for position, field in enumerate(FIELDS)}
        body, notes = 0, (_HEADERLESS,)
    else:
        positions = _positions(path, header)
    rows = content[body:]
    if not rows.strip():
        raise CandleFileError(path, "has column names but no rows", expected="candles")
    try:
        frame = pd.read_csv(
            io.BytesIO(rows),
            header=None,
            names=range(len(header)),  # else the first row alone says how many columns there are
            index_col=False,
            sep=delimiter,
            usecols=sorted(positions.values()),
            low_memory=False,  # else a column's type may differ from part to part
            encoding="utf-8",
        )
    except (ValueError, OverflowError, MemoryError, csv.Error) as error:
        _refuse_ragged_rows(path, content, delimiter, len(header))
        raise CandleFileError(path, f"is not CSV: {shown_value(error)}") from error
    if rows.count(delimiter.encode()) != len(frame) * (len(header) - 1):
        _refuse_ragged_rows(path, content, delimiter, len(header))

    def line_of(places: Sequence[int]) -> list[int]:
        start = content.count(b"\n", 0, body)
        lines: list[int] = []
        with contextlib.suppress(csv.Error):  # a cell too large for the csv module: count rows
            lines += (start + line for line, _ in _csv_rows(rows, delimiter))
        return [lines[place] if place < len(lines) else start + place + 1 for place in places]

    columns = {field: frame[position].to_numpy() for field, position in positions.items()}
    return RawTable(columns, "line", line_of, notes)


def _csv_header(path: Path, content: bytes) -> tuple[list[str], int, str]:
    """The first line's cells, where the next line begins, and what separates the cells."""
    start = len(content) - len(content.lstrip(b"\r\n \t"))
    end = content.find(b"\n", start)
    end = len(content) if end < 0 else end
    line = content[start:end].decode("utf-8").rstrip("\r")
    if len(line) > csv.field_size_limit():
        raise CandleFileError(path, "the first line is too long to be column names", line=1)
    delimiter = max(",;\t|", key=line.count)
    try:
        cells = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error as error:
        raise CandleFileError(path, f"is not CSV: {shown_value(error)}", line=1) from error
    return cells, min(end + 1, len(content)), delimiter


def _csv_rows(rows: bytes, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Rows as the csv module reads them, with the line each begins on; empty lines are no rows."""
    reader = csv.reader(io.StringIO(rows.decode("utf-8"), newline=""), delimiter=delimiter)
    line = 1
    for row in reader:
        if len(row) > 1 or any(cell.strip() for cell in row):
            yield line, row
        line = reader.line_num + 1


def _refuse_ragged_rows(path: Path, content: bytes, delimiter: str, width: int) -> None:
    """Refuse a row with more cells than there are columns: its cells may have moved."""
    try:
        for line, row in _csv_rows(content, delimiter):
            if len(row) > width and any(cell.strip() for cell in row[width:]):
                raise CandleFileError(
                    path,
                    f"{len(row)} cells",
                    line=line,
                    expected=f"{width}, as in the first line",
                    advice="numbers must not hold the separator of the cells",
                )
    except csv.Error as error:
        raise CandleFileError(path, f"is not CSV: {shown_value(error)}") from error


# ── JSON ──


def _json(path: Path, content: bytes) -> RawTable:
    try:
        data = _loads(content)
    except (ValueError, RecursionError) as error:
        if b"\n" in content.strip():
            try:
                return _json_lines(path, content)
            except CandleFileError:
                pass  # then it is no JSON at all, and that is what to say
        raise CandleFileError(path, f"is not JSON: {shown_value(error)}") from error
    if isinstance(data, list):
        return _records(path, data, "entry", range(1, len(data) + 1))
    if isinstance(data, dict) and data and all(isinstance(value, list) for value in data.values()):
        positions = _positions(path, list(data))
        lists = list(data.values())
        lengths = {field: len(lists[position]) for field, position in positions.items()}
        if len(set(lengths.values())) > 1:
            said = ", ".join(f"{field} {length}" for field, length in lengths.items())
            raise CandleFileError(path, f"columns of different lengths: {said}")
        columns = {field: column_of(lists[position]) for field, position in positions.items()}
        return RawTable(columns, "entry", lambda places: [place + 1 for place in places])
    raise CandleFileError(
        path,
        f"JSON of another shape: {shown_value(type(data).__name__)}",
        expected="a list of objects, a list of lists, or an object of equally long lists",
    )


def _json_lines(path: Path, content: bytes) -> RawTable:
    records: list[object] = []
    lines: list[int] = []
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            records.append(_loads(line))
        except (ValueError, RecursionError) as error:
            raise CandleFileError(
                path, f"is not JSON: {shown_value(error)}", line=number
            ) from error
        lines.append(number)
    return _records(path, records, "line", lines)


def _loads(content: bytes) -> object:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return json.loads(content)  # knows NaN, which Python writes into JSON


def _records(path: Path, records: list[object], unit: str, lines: Sequence[int]) -> RawTable:
    if not records:
        raise CandleFileError(path, "is empty", expected="candles")
    kind = type(records[0])
    notes: tuple[str, ...] = ()
    if kind is list:
        positions: dict[str, int | str] = {field: position for position, field in enumerate(FIELDS)}
        notes = (_HEADERLESS,)
    elif isinstance(records[0], dict):
        names = list(records[0])
        positions = {field: names[position] for field, position in _positions(path, names).items()}
    else:
        raise CandleFileError(
            path,
            shown_value(records[0]),
            line=lines[0],
            unit=unit,
            expected="an object or a list of six numbers",
        )
    for record, line in zip(records, lines, strict=True):
        if type(record) is not kind or (kind is list and len(record) < len(FIELDS)):  # type: ignore[arg-type]
            raise CandleFileError(
                path,
                shown_value(record),
                line=line,
                unit=unit,
                expected="an object" if kind is dict else "a list of at least six numbers",
            )
    columns = {
        field: column_of(
            [record[key] for record in records]  # type: ignore[index]
            if kind is list
            else [record.get(key) for record in records]  # type: ignore[attr-defined]
        )
        for field, key in positions.items()
    }
    return RawTable(columns, unit, lambda places: [lines[place] for place in places], notes)


# ── Parquet ──


def _parquet(path: Path) -> RawTable:
    try:
        import pyarrow as pa  # noqa: PLC0415  an extra, heavy
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as error:
        raise CandleFileError(
            path,
            "reading Parquet needs the package pyarrow, which is not installed",
            advice="install papertape[parquet], or write the candles as CSV",
        ) from error
    try:
        with _opened(path) as file:
            source = pq.ParquetFile(pa.BufferReader(file.read()))
        names = source.schema_arrow.names
        positions = _positions(path, names)
        chosen = [names[position] for position in positions.values()]
        table = source.read(columns=chosen)
        columns = {
            field: table.column(names[position]).to_numpy() for field, position in positions.items()
        }
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, KeyError) as error:
        if isinstance(error, CandleFileError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise CandleFileError(path, f"cannot be read as Parquet: {shown_value(reason)}") from error
    return RawTable(columns, "row", lambda places: [place + 1 for place in places])
