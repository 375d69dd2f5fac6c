"""Checks that rows are closed candles of one market and one timeframe.

What is decided about rows that are not quite:

- A row whose time, price or volume is missing or not finite, whose high is below its low, with a
  price of zero or less or a volume below zero is dropped: a gap, counted, with its line.
- Where most rows are impossible as candles, the columns are others than they were taken for: an
  error that names the order that would fit.
- Identical rows of one time are merged; differing ones are an error.
- A row whose open or close lies outside its low and high is kept as the venue told it, and noted.
- A minority of rows off the timeframe's grid is dropped likewise; a majority, or another interval
  than the timeframe, is an error.
- A file without volumes is read, with 0 for each: who needs them looks at `CandleFile.has_volume`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.market.candles.candle import LEAST, MOST
from core.market.candles.candles import Candles, Floats, Times
from core.market.candles.timeframes import DAY, HOUR, MINUTE, Timeframe
from core.market.files.cells import NO_TIME, Mask, as_numbers, as_times, decimal_comma, joined_times
from core.market.files.column_order import require_fitting_order, require_possible_rows
from core.market.files.columns import FIELDS
from core.market.files.errors import CandleFileError, lines_in_words, shown_value
from core.market.files.raw_table import RawTable
from core.text import counted
from core.time_format import iso_or_number

_PRICES = ("open", "high", "low", "close")
_SAMPLE = 1_000


@dataclass(frozen=True, slots=True)
class CandleFile:
    """What a candle file holds.

    `merged`: identical duplicates left out. `dropped`: rows that are no candles. `missing`: candles
    between the first and the last that the file does not have. `notes`: all of this in words, with
    lines; empty for a file without a blemish.
    """

    timeframe: Timeframe
    candles: Candles
    merged: int
    dropped: int
    missing: int
    notes: tuple[str, ...]
    has_volume: bool = True
    markets: tuple[str, ...] = ()


def vet(path: Path, table: RawTable, timeframe: Timeframe) -> CandleFile:
    """The candles among a file's rows, in order of time.

    Raises:
        CandleFileError: if the rows are not candles of this timeframe.
    """
    times, numbers = _values(path, table)
    has_volume = "volume" in numbers and bool(np.isfinite(numbers["volume"]).any())
    require_possible_rows(path, table, times, numbers)
    if not has_volume:
        numbers["volume"] = np.zeros(len(times))
    keep, dropped, notes = _sound_rows(table, times, numbers)
    if not keep.any():
        raise CandleFileError(
            path, f"has {len(times)} rows but no candle: {'; '.join(notes)}", expected="candles"
        )
    rows = np.flatnonzero(keep)
    times = times[rows]
    columns = [numbers[field][rows] for field in FIELDS[1:]]
    if not (times[1:] > times[:-1]).all():
        order = np.argsort(times, kind="stable")
        if not (times[1:] >= times[:-1]).all():
            notes.append("the rows were not in order of time, and have been sorted")
        rows, times, columns = rows[order], times[order], [column[order] for column in columns]
    unique = _merge(path, table, rows, times, columns)
    merged = len(times) - int(unique.sum())
    if merged:
        lines = table.line_of(rows[~unique].tolist())
        where = lines_in_words(sorted(lines), table.unit)
        notes.append(f"merged {counted(merged, 'identical duplicate')} ({where})")
        rows, times, columns = rows[unique], times[unique], [column[unique] for column in columns]
    _require_interval(path, times, timeframe)
    on_grid = _on_grid(path, table, rows, times, timeframe)
    if not on_grid.all():
        off = rows[~on_grid]
        where = lines_in_words(sorted(table.line_of(off.tolist())), table.unit)
        first = iso_or_number(int(times[~on_grid][0]))
        notes.append(
            f"dropped {counted(len(off), 'candle')} off the grid of {timeframe}, "
            f"the first at {first} ({where})"
        )
        rows, times, columns = rows[on_grid], times[on_grid], [one[on_grid] for one in columns]
        dropped += len(off)
    if table.layout.names is None:
        require_fitting_order(path, table.layout, times, columns, timeframe)
    missing = int((times[-1] - times[0]) // timeframe.ms) + 1 - len(times)
    if missing:
        notes.append(_gaps(times, timeframe, missing))
    candles = Candles(np.ascontiguousarray(times), *(np.ascontiguousarray(c) for c in columns))
    outside = _outside(candles)
    if outside.any():
        lines = table.line_of(rows[outside].tolist())
        notes.append(
            f"kept {counted(len(lines), 'candle')} with open or close outside low and high "
            f"({lines_in_words(sorted(lines), table.unit)})"
        )
    return CandleFile(
        timeframe,
        candles,
        merged,
        dropped,
        missing,
        (*table.notes, *notes),
        has_volume,
        _markets(table),
    )


def _markets(table: RawTable) -> tuple[str, ...]:
    names = table.columns.get("symbol", ())
    return tuple(sorted({name.strip() for name in names[:_SAMPLE] if isinstance(name, str)}))


def read_times(path: Path, table: RawTable) -> Times:
    """The open time of each row in UTC ms, `NO_TIME` where it is missing.

    Raises:
        CandleFileError: one is no time.
    """
    written = table.columns["time"]
    if "clock" in table.columns:
        written = joined_times(written, table.columns["clock"])
    times, strange = as_times(written)
    if strange is not None:
        raise CandleFileError(
            path,
            f"time {shown_value(written[strange])}",
            line=table.line_of([strange])[0],
            unit=table.unit,
            expected="Unix time in s, ms, µs or ns, ISO 8601 (2024-01-31T04:00:00Z), or a date "
            "such as 20240131 or 31.01.2024 04:00",
        )
    return times


def _values(path: Path, table: RawTable) -> tuple[Times, dict[str, Floats]]:
    times = read_times(path, table)
    fields = [field for field in FIELDS[1:] if field in table.columns]
    comma, doubtful = decimal_comma(table.columns[field] for field in fields)
    if doubtful is not None:
        raise CandleFileError(
            path,
            f"{shown_value(doubtful)} may be thousands, or have decimals behind its comma",
            expected="numbers with a point before their decimals",
        )
    numbers: dict[str, Floats] = {}
    for field in fields:
        numbers[field], strange = as_numbers(table.columns[field], comma)
        if strange is not None:
            raise CandleFileError(
                path,
                f"{field} {shown_value(table.columns[field][strange])}",
                line=table.line_of([strange])[0],
                unit=table.unit,
                expected="a number, with a point before its decimals",
            )
    return times, numbers


def _sound_rows(
    table: RawTable, times: Times, numbers: dict[str, Floats]
) -> tuple[Mask, int, list[str]]:
    """Which rows can be candles, how many cannot, and why, in words."""
    keep = np.ones(len(times), dtype=np.bool_)
    notes: list[str] = []

    def drop(bad: Mask, why: str) -> None:
        bad = bad & keep
        if bad.any():
            lines = table.line_of(np.flatnonzero(bad).tolist())
            where = lines_in_words(lines, table.unit)
            notes.append(f"dropped {counted(len(lines), 'row')} {why} ({where})")
            keep[bad] = False

    drop(times == NO_TIME, "without a time")
    unknown = np.zeros(len(times), dtype=np.bool_)
    for field in FIELDS[1:]:
        unknown |= ~np.isfinite(numbers[field])
    drop(unknown, "with a value missing or not finite")
    drop(numbers["high"] < numbers["low"], "with high below low")
    lowest = np.minimum.reduce([numbers[field] for field in _PRICES])
    drop(~(lowest > 0), "with a price of zero or less")
    drop(numbers["volume"] < 0, "with a volume below zero")
    highest = np.maximum.reduce([numbers[field] for field in FIELDS[1:]])
    drop(~((lowest >= LEAST) & (highest <= MOST)), f"beyond {LEAST:g} to {MOST:g}")
    return keep, len(keep) - int(keep.sum()), notes


def _merge(
    path: Path, table: RawTable, rows: NDArray[np.int64], times: Times, columns: list[Floats]
) -> Mask:
    """Which rows remain when identical neighbours of one time are merged."""
    unique = np.ones(len(times), dtype=np.bool_)
    unique[1:] = times[1:] != times[:-1]
    again = np.flatnonzero(~unique)
    if not len(again):
        return unique
    for field, column in zip(FIELDS[1:], columns, strict=True):
        differing = again[column[again] != column[again - 1]]
        if len(differing):
            place = int(differing[0])
            first, second = table.line_of([int(rows[place - 1]), int(rows[place])])
            raise CandleFileError(
                path,
                f"two candles of {iso_or_number(int(times[place]))} differ: {field} is "
                f"{float(column[place - 1])!r} in {table.unit} {first} and "
                f"{float(column[place])!r} in {table.unit} {second}",
                expected="one candle for one time",
                advice="a file must hold one market; remove the wrong rows",
                line=first,
                unit=table.unit,
            )
    return unique


def _require_interval(path: Path, times: Times, timeframe: Timeframe) -> None:
    """Raises `CandleFileError` where most neighbours are another interval apart."""
    span = timeframe.ms
    steps = np.diff(times)
    if not len(steps):
        return
    neighbours = bool((steps == span).any())
    sizes, counts = np.unique(steps, return_counts=True)
    usual = int(sizes[counts.argmax()])
    if usual != span and not (neighbours and usual % span == 0):
        raise CandleFileError(
            path,
            f"holds {length_in_words(usual)} candles",
            expected=f"{timeframe} candles, which the strategy wants",
            advice=f"take a file of {timeframe} candles, or set the timeframe to the file's",
        )


def _on_grid(
    path: Path, table: RawTable, rows: NDArray[np.int64], times: Times, timeframe: Timeframe
) -> Mask:
    """Which rows open at multiples of the timeframe.

    Raises:
        CandleFileError: most do not.
    """
    first = int(times[0])
    off: Mask = (times - first + (first - timeframe.floor(first))) % timeframe.ms != 0
    places = np.flatnonzero(off)
    if len(places) * 2 <= len(off):
        return ~off
    lines = table.line_of(rows[places].tolist())
    time = int(times[places[0]])
    closes = timeframe.floor(time + 1) == time + 1
    raise CandleFileError(
        path,
        f"{counted(len(places), 'candle')} off the grid, the first at {iso_or_number(time)} "
        f"({lines_in_words(sorted(lines), table.unit)})",
        line=lines[0],
        unit=table.unit,
        expected=f"open times that are multiples of {timeframe} in UTC",
        advice="these look like close times; open times are needed" if closes else None,
    )


def _gaps(times: Times, timeframe: Timeframe, missing: int) -> str:
    breaks = np.flatnonzero(np.diff(times) != timeframe.ms)
    first = iso_or_number(int(times[breaks[0]]) + timeframe.ms)
    gaps = counted(len(breaks), "gap")
    return f"{counted(missing, 'candle')} missing in {gaps}, the first from {first}"


def _outside(candles: Candles) -> Mask:
    highest = np.maximum(candles.open, candles.close)
    lowest = np.minimum(candles.open, candles.close)
    return (highest > candles.high) | (lowest < candles.low)


def length_in_words(span: int) -> str:
    """A candle's length as a timeframe is written: `5m`, `4h`, `90s`."""
    for length, letter in ((7 * DAY, "w"), (DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (1000, "s")):
        if span % length == 0:
            return f"{span // length}{letter}"
    return f"{span}ms"
