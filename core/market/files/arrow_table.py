"""Reads Parquet and Feather, which need the package pyarrow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.market.files.columns import Layout
from core.market.files.errors import CandleFileError, shown_value
from core.market.files.raw_table import HEAD, RawTable, Wanted, layout_of
from core.market.files.unpacked import opened

_ROWS = 20_000_000
"""The most rows that are read."""

_CELL = 1_000
"""The most bytes of a text cell: one of megabytes may stand once in a file and come in each row."""

_WIDE = 8  # columns as large as one may be, beside which others are small
_SMALL = 64 << 20  # bytes of a column at which nobody need ask how long its cells are

_Columns = Callable[[Any, Wanted, Path], tuple[Layout, "list[Any]"]]


def parquet_table(path: Path, content: bytes | None, wanted: Wanted) -> RawTable:
    """The columns of a Parquet file. Raises `CandleFileError`."""
    return _arrow(path, content, wanted, _parquet_columns)


def feather_table(path: Path, content: bytes | None, wanted: Wanted) -> RawTable:
    """The columns of a Feather file. Raises `CandleFileError`."""
    return _arrow(path, content, wanted, _feather_columns)


def _arrow(path: Path, content: bytes | None, wanted: Wanted, read: _Columns) -> RawTable:
    try:
        import pyarrow as pa  # noqa: PLC0415  an extra, heavy
    except ImportError as error:
        raise CandleFileError(
            path,
            "reading Parquet or Feather needs the package pyarrow, which is not installed",
            advice="install papertape[parquet], or write the candles as CSV",
        ) from error
    try:
        if content is None:
            with opened(path) as file:
                content = file.read()
        layout, arrays = read(pa.BufferReader(content), wanted, path)
        columns = {
            field: array.to_numpy(zero_copy_only=False)
            for field, array in zip(layout.positions, arrays, strict=True)
        }
    except CandleFileError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, KeyError) as error:
        reason = getattr(error, "strerror", None) or error
        kind = "Feather" if read is _feather_columns else "Parquet"
        raise CandleFileError(path, f"cannot be read as {kind}: {shown_value(reason)}") from error
    return RawTable(
        columns, layout, "row", lambda places: [place + 1 for place in places], layout.notes
    )


def _parquet_columns(source: Any, wanted: Wanted, path: Path) -> tuple[Layout, list[Any]]:
    import pyarrow.parquet as pq  # noqa: PLC0415

    schema = pq.read_schema(source)
    texts = [field.name for field in schema if _is_text(field.type)]
    flat = [field.name for field in schema if not field.type.num_fields]
    source.seek(0)
    file = pq.ParquetFile(source, read_dictionary=texts)
    _refuse_many_rows(path, file.metadata.num_rows)
    for number in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(number)
        # Not by its columns one by one: asked for one that is damaged, pyarrow ends the process.
        if group.total_byte_size > max(_SMALL, group.num_rows * _CELL) * _WIDE:
            raise _long_cells(path)
    names = file.schema_arrow.names
    first = next(file.iter_batches(HEAD, columns=flat), None)
    for column in () if first is None else first.columns:
        _refuse_long_cells(path, column)
    rows = [] if first is None else first.to_pylist()
    sample = [[row.get(name) for name in names] for row in rows]
    layout = layout_of(path, names, sample, wanted)
    chosen = [names[place] for place in layout.positions.values()]
    table = file.read(columns=sorted(set(chosen)))
    for column in table.columns:
        for chunk in column.chunks:
            _refuse_long_cells(path, chunk)
    return layout, [_plain(table.column(name).combine_chunks()) for name in chosen]


def _feather_columns(source: Any, wanted: Wanted, path: Path) -> tuple[Layout, list[Any]]:
    import pyarrow as pa  # noqa: PLC0415

    file = pa.ipc.open_file(source)
    names = file.schema.names
    batches = []
    for number in range(file.num_record_batches):
        batches.append(file.get_batch(number))
        _refuse_many_rows(path, sum(batch.num_rows for batch in batches))
    table = pa.Table.from_batches(batches, file.schema)
    sample = [list(row.values()) for row in table.slice(0, HEAD).to_pylist()]
    layout = layout_of(path, names, sample, wanted)
    return layout, [table.column(place).combine_chunks() for place in layout.positions.values()]


def _is_text(kind: Any) -> bool:
    import pyarrow as pa  # noqa: PLC0415

    tests = ("is_string", "is_binary", "is_large_string", "is_large_binary", "is_string_view")
    return any(getattr(pa.types, test)(kind) for test in tests)


def _plain(array: Any) -> Any:
    return array.dictionary_decode() if hasattr(array, "dictionary_decode") else array


def _refuse_long_cells(path: Path, array: Any) -> None:
    import pyarrow.compute as pc  # noqa: PLC0415

    words = getattr(array, "dictionary", None)  # each text once, however often it comes
    if words is not None and _is_text(words.type) and len(words):
        longest = pc.max(pc.binary_length(words)).as_py()
        if longest is not None and longest > _CELL:
            raise _long_cells(path)


def _long_cells(path: Path) -> CandleFileError:
    return CandleFileError(
        path, f"holds cells of more than {_CELL:,} bytes", expected="times and numbers"
    )


def _refuse_many_rows(path: Path, count: int) -> None:
    if count > _ROWS:
        raise CandleFileError(
            path, f"holds {count:,} rows", expected=f"at most {_ROWS:,}", advice="split it"
        )
