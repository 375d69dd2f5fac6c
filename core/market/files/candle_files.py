"""Reads candles from a file, writes them to one, and finds out their timeframe."""

from __future__ import annotations

import contextlib
import gzip
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson

from core.market.candles.candles import Candles
from core.market.candles.timeframes import Timeframe
from core.market.files.candle_checks import CandleFile, length_in_words, read_times, vet
from core.market.files.cells import NO_TIME
from core.market.files.columns import FIELDS
from core.market.files.errors import CandleFileError
from core.market.files.formats import read_table
from core.market.files.symbol_files import other_market_in_name
from core.market.symbols import SymbolError, unified_symbol, venue_symbol
from core.store.durable import OsDisk, write_export

__all__ = ["CandleFileError", "read_candles", "write_candles"]

_HEADER = ("timestamp", *FIELDS[1:])


def read_candles(
    path: Path | str,
    timeframe: Timeframe,
    *,
    columns: str | None = None,
    symbol: str | None = None,
) -> CandleFile:
    """The candles of a CSV, JSON, JSONL (each also .gz or .zip), Parquet or Feather file.

    Columns go by their names, as exchanges, charting programs and brokers write them
    (docs/formats.md §3); others are ignored. Rows need not be in order.

    Args:
        path: the file.
        timeframe: what its candles are to be.
        columns: the names of its columns in their order, such as
            `time,open,close,high,low,volume`, for a file that does not say them.
        symbol: the market that is wanted; a file that says it holds another gets a note.

    Raises:
        CandleFileError: if the file cannot be read, or does not hold candles of this timeframe.
    """
    path = Path(path)
    base = None if symbol is None else symbol.partition("/")[0]
    file = vet(path, read_table(path, columns, base), timeframe)
    if symbol is not None and (other := _other_market(path, file, symbol)) is not None:
        file = replace(file, notes=(*file.notes, other))
    return file


def _other_market(path: Path, file: CandleFile, symbol: str) -> str | None:
    """In words, that a file says it holds another market than `symbol`; None if it does not."""
    for name in file.markets:
        with contextlib.suppress(SymbolError):
            if venue_symbol(unified_symbol(name.replace("-", "/"))) != venue_symbol(symbol):
                found = unified_symbol(name.replace("-", "/"))
                return f"its rows are of {found}, where {symbol} was asked for"
    return None if file.markets else other_market_in_name(path, symbol)


def write_candles(path: Path | str, candles: Candles) -> None:
    """Write candles so that `read_candles` gives them back to the last bit.

    The name says the format.

    Raises:
        CandleFileError: if the name says no known format, or the file cannot be written.
    """
    path = Path(path)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = bool(suffixes) and suffixes[-1] == ".gz"
    if packed:
        suffixes.pop()
    match suffixes[-1] if suffixes else "":
        case ".csv":
            data = _as_csv(candles)
        case ".json":
            data = orjson.dumps(_as_objects(candles), option=orjson.OPT_APPEND_NEWLINE)
        case ".jsonl" | ".ndjson":
            data = b"".join(
                orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in _as_objects(candles)
            )
        case ".parquet" | ".pq" if not packed:
            data = _as_parquet(path, candles)
        case _:
            raise CandleFileError(
                path,
                "the name says no known format",
                expected="a name ending in .csv, .json, .jsonl (each also .gz) or .parquet",
            )
    if packed:
        data = gzip.compress(data, compresslevel=6, mtime=0)
    try:
        write_export(path, data, OsDisk())
    except OSError as error:
        raise CandleFileError(path, f"cannot be written: {error.strerror or error}") from error


def _as_csv(candles: Candles) -> bytes:
    lines = [",".join(_HEADER)]
    lines += [",".join(map(repr, candle)) for candle in candles]
    return ("\n".join(lines) + "\n").encode()


def _as_objects(candles: Candles) -> list[dict[str, float]]:
    return [dict(zip(_HEADER, candle, strict=True)) for candle in candles]


def _as_parquet(path: Path, candles: Candles) -> bytes:
    try:
        import pyarrow as pa  # noqa: PLC0415  an extra, heavy
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as error:
        raise CandleFileError(
            path,
            "writing Parquet needs the package pyarrow, which is not installed",
            advice="install papertape[parquet], or write .csv",
        ) from error
    columns = [getattr(candles, field) for field in FIELDS]
    sink = io.BytesIO()
    pq.write_table(pa.table(columns, names=list(_HEADER)), sink)
    return sink.getvalue()


def timeframe_of_file(path: Path | str, columns: str | None = None) -> Timeframe:
    """The timeframe whose length most neighbouring candles of the file are apart.

    Raises:
        CandleFileError: if the file cannot be read, has fewer than two candles, or its usual
            interval is no timeframe. What else is wrong with it, `read_candles` says.
    """
    path = Path(path)
    times = read_times(path, read_table(path, columns))
    steps = np.diff(np.unique(times[times != NO_TIME]))
    if not len(steps):
        raise CandleFileError(
            path, "has fewer than two candles, so that their timeframe cannot be told"
        )
    sizes, counts = np.unique(steps, return_counts=True)
    usual = int(sizes[counts.argmax()])
    for timeframe in Timeframe:
        if timeframe.ms == usual:
            return timeframe
    raise CandleFileError(
        path,
        f"holds {length_in_words(usual)} candles",
        expected=f"candles of one of {', '.join(Timeframe)}",
    )
