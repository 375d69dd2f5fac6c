"""Reads CSV as exchanges, charting programs and brokers write it."""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.late_imports import pandas
from core.market.files.cells import is_numeric
from core.market.files.columns import PRICES, Layout, find_columns, headerless, plain_names
from core.market.files.errors import CandleFileError, shown_value
from core.market.files.raw_table import (
    FEWEST,
    HEAD,
    HEADERLESS,
    RawTable,
    Wanted,
    layout_of,
    unknown_columns,
)
from core.market.files.unpacked import BOM


@dataclass(frozen=True, slots=True)
class _Head:
    """How a CSV file begins: its columns, how many a row has, and where the first row begins."""

    layout: Layout
    width: int
    body: int
    delimiter: str
    notes: tuple[str, ...]


def csv_table(path: Path, content: bytes, wanted: Wanted) -> RawTable:
    """The columns of a CSV file's content. Raises `CandleFileError`."""
    pd = pandas()
    head = _csv_head(path, content, wanted)
    delimiter, width, positions = head.delimiter, head.width, head.layout.positions
    first_line = content.count(b"\n", 0, head.body)
    rows, repeated = _without_repeated_names(path, content[head.body :], head, first_line)
    notes = [*head.notes, *head.layout.notes]
    if repeated:
        notes.append(
            f"left out {repeated} repeated {'line' if repeated == 1 else 'lines'} of names"
        )
    if not rows.strip():
        raise CandleFileError(path, "has column names but no rows", expected="candles")
    apart = [positions[name] for name in ("time", "clock") if "clock" in positions]
    try:
        frame = pd.read_csv(
            io.BytesIO(rows),
            header=None,
            names=range(width),  # else the first row alone says how many columns there are
            index_col=False,
            sep=delimiter,
            usecols=sorted(set(positions.values())),
            dtype=dict.fromkeys(apart, "str"),  # 000000 is midnight
            low_memory=False,  # else a column's type may differ from part to part
            encoding="utf-8",
        )
    except (ValueError, OverflowError, MemoryError, csv.Error) as error:
        _refuse_ragged_rows(path, rows, head, first_line)
        raise CandleFileError(path, f"is not CSV: {shown_value(error)}") from error
    if rows.count(delimiter.encode()) != len(frame) * (width - 1):
        _refuse_ragged_rows(path, rows, head, first_line)

    def line_of(places: Sequence[int]) -> list[int]:
        lines: list[int] = []
        with contextlib.suppress(csv.Error):  # a cell too large for the csv module: count rows
            lines += (first_line + line for line, _ in _csv_rows(rows, delimiter))
        return [lines[place] if place < len(lines) else first_line + place + 1 for place in places]

    columns = {field: frame[position].to_numpy() for field, position in positions.items()}
    return RawTable(columns, head.layout, "line", line_of, tuple(notes))


def _csv_head(path: Path, content: bytes, wanted: Wanted) -> _Head:
    """How a file begins; an address, a title or a comment may stand before its names."""
    lines = list(_first_lines(path, content))
    delimiter = _delimiter([text for _, text in lines])
    try:
        table = [next(csv.reader([text], delimiter=delimiter), []) for _, text in lines]
    except csv.Error as error:
        raise CandleFileError(path, f"is not CSV: {shown_value(error)}", line=1) from error
    # yfinance: names, then a line of tickers, then one that names only the time.
    tickers = [row[0].strip().lower() for row in table[:3] if row]
    if tickers[:2] == ["price", "ticker"] and len(tickers) == 3:
        names = [table[2][0], *table[0][1:]]
        layout = layout_of(path, names, table[3:], wanted)
        return _Head(layout, len(names), lines[2][0], delimiter, ())
    trouble: CandleFileError | None = None
    for number, row in enumerate(table):
        start = 0 if number == 0 else lines[number - 1][0]
        before = "1 line" if number == 1 else f"{number} lines"
        notes = (f"left out {before} before the names",) if number else ()
        if wanted.columns is not None:
            if len(row) < FEWEST:
                continue
            layout = layout_of(path, row, table[number:], wanted)
            if all(is_numeric(row[layout.positions[name]]) for name in PRICES):
                return _Head(layout, len(row), start, delimiter, ())
            trouble = trouble or CandleFileError(
                path, f"{len(row)} cells that are no candle", line=number + 1
            )
            continue
        if (usual := headerless(row)) is not None:
            if trouble is not None:
                raise trouble
            return _Head(usual, len(row), start, delimiter, (HEADERLESS,))
        found, why = find_columns(row, table[number + 1 :], wanted.base)
        if found is not None:
            return _Head(found, len(row), lines[number][0], delimiter, notes)
        if trouble is None and (len(row) >= FEWEST or number == len(table) - 1):
            trouble = unknown_columns(path, row, why)
    raise trouble or unknown_columns(path, table[0], "no column names, and no row of candles")


def _first_lines(path: Path, content: bytes) -> Iterator[tuple[int, str]]:
    """The first lines that are not empty, each with where the next one begins."""
    start = found = 0
    while start < len(content) and found < HEAD:
        end = content.find(b"\n", start)
        end = len(content) if end < 0 else end
        line = content[start:end].strip()
        start = min(end + 1, len(content))
        if len(line) > csv.field_size_limit():
            if not found:
                raise CandleFileError(path, "the first line is too long to be column names", line=1)
            return
        if line:
            found += 1
            yield start, line.decode("utf-8").rstrip("\r")


def _delimiter(lines: Sequence[str]) -> str:
    """What separates the cells; a comma only where nothing else does, as decimals may have one."""
    for line in lines:
        for delimiter in "\t;|,":
            if line.count(delimiter) >= FEWEST - 1:
                return delimiter
    return max(",;\t|", key=lines[0].count)


def _without_repeated_names(
    path: Path, rows: bytes, head: _Head, first_line: int
) -> tuple[bytes, int]:
    """The rows, with the lines of names emptied that stand between files put together."""
    if not any(name in rows for name in (b"open", b"Open", b"OPEN")):
        return rows, 0
    count = 0

    def emptied(match: re.Match[bytes]) -> bytes:
        nonlocal count
        line = match.group().removeprefix(BOM).decode("utf-8").strip()
        try:
            row = next(csv.reader([line], delimiter=head.delimiter), [])
        except csv.Error:
            return match.group()
        again, _ = find_columns(row)
        if again is None:
            return match.group()
        known, places = head.layout.names, head.layout.positions
        moved = any(again.positions[field] != places[field] for field in PRICES)
        if moved or (known is not None and len(known) == head.width and known != plain_names(row)):
            raise CandleFileError(
                path,
                "other column names than at the top",
                line=first_line + rows.count(b"\n", 0, match.start()) + 1,
                expected="files of one kind, put together",
            )
        count += 1
        return b""

    pattern = rb"(?m)^(?=[^\n]*(?:open|Open|OPEN))[^\d\s][^\n]*"
    rows = re.sub(pattern, emptied, rows)
    return rows, count


def _csv_rows(rows: bytes, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Rows as the csv module reads them, with the line each begins on; empty lines are no rows."""
    reader = csv.reader(io.StringIO(rows.decode("utf-8"), newline=""), delimiter=delimiter)
    line = 1
    for row in reader:
        if len(row) > 1 or any(cell.strip() for cell in row):
            yield line, row
        line = reader.line_num + 1


def _refuse_ragged_rows(path: Path, rows: bytes, head: _Head, first_line: int) -> None:
    """Refuse a row with more cells than there are columns: its cells may have moved."""
    try:
        for line, row in _csv_rows(rows, head.delimiter):
            if len(row) > head.width and any(cell.strip() for cell in row[head.width :]):
                raise CandleFileError(
                    path,
                    f"{len(row)} cells",
                    line=first_line + line,
                    expected=f"{head.width}, as in the first line",
                    advice="numbers must not hold the separator of the cells",
                )
    except csv.Error as error:
        raise CandleFileError(path, f"is not CSV: {shown_value(error)}") from error
