"""Reads the rows of a candle file, whatever its format.

Only the format is understood here: `core.market.files.columns` knows what the columns mean,
`core.market.files.candle_checks` whether the rows are candles.
"""

from __future__ import annotations

from pathlib import Path

from core.market.files.arrow_table import feather_table, parquet_table
from core.market.files.columns import USUAL_ORDER, find_columns
from core.market.files.csv_table import csv_table
from core.market.files.errors import CandleFileError, shown_value
from core.market.files.json_table import json_lines_table, json_table
from core.market.files.raw_table import RawTable, Wanted
from core.market.files.unpacked import FORMATS, text_of, unzipped


def read_table(path: Path, columns: str | None = None, base: str | None = None) -> RawTable:
    """The columns of a candle file; its name says the format.

    Args:
        path: the file.
        columns: the names of its columns in their order, parted by commas; those of the file are
            then not looked at.
        base: the base currency of the market that is wanted.

    Raises:
        CandleFileError: if the file cannot be read as that format, or a column is missing.
    """
    wanted = Wanted(None if columns is None else tuple(columns.split(",")), base)
    if wanted.columns is not None:
        layout, trouble = find_columns(wanted.columns)
        if layout is None:
            raise CandleFileError(
                path,
                f"the columns {shown_value(columns)} are not those of candles: {trouble}",
                expected=f"such as {USUAL_ORDER.replace(' ', '')}, in the order of the file",
            )
    name, content = path.name, None
    if path.suffix.lower() == ".zip":
        name, content = unzipped(path)
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    match suffixes[-1] if suffixes else "":
        case ".parquet" | ".pq":
            return parquet_table(path, content, wanted)
        case ".feather" | ".ftr" | ".arrow":
            return feather_table(path, content, wanted)
        case ".csv" | ".tsv" | ".txt" | ".prn":
            return csv_table(path, text_of(path, content), wanted)
        case ".json":
            return json_table(path, text_of(path, content), wanted)
        case ".jsonl" | ".ndjson":
            return json_lines_table(path, text_of(path, content), wanted)
        case other:
            what = "the name" if name == path.name else f"the name {shown_value(name)} in it"
            raise CandleFileError(
                path,
                f"{what} ends in {shown_value(other)}" if other else f"{what} has no ending",
                expected=FORMATS,
                advice="save it as CSV" if other in (".xlsx", ".xls", ".ods") else None,
            )
