"""Reads JSON and JSON lines, as exchanges answer and as pandas and freqtrade write it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson

from core.market.files.cells import column_of
from core.market.files.columns import USUAL_ORDER, find_columns, headerless
from core.market.files.errors import CandleFileError, shown_value
from core.market.files.raw_table import FEWEST, HEAD, HEADERLESS, RawTable, Wanted, layout_of


def json_table(path: Path, content: bytes, wanted: Wanted) -> RawTable:
    """The columns of a JSON file's content. Raises `CandleFileError`."""
    try:
        data = _loads(content)
    except (ValueError, RecursionError) as error:
        if b"\n" in content.strip():
            try:
                return json_lines_table(path, content, wanted)
            except CandleFileError as trouble:
                if not str(trouble).count("is not JSON"):
                    raise
        raise CandleFileError(path, f"is not JSON: {shown_value(error)}") from error
    data = _unwrapped(data)
    if isinstance(data, list):
        return _records(path, data, "entry", range(1, len(data) + 1), wanted)
    if isinstance(data, dict) and (lists := _as_lists(data)):
        rows = list(zip(*(column[:HEAD] for column in lists.values()), strict=False))
        layout = layout_of(path, list(lists), rows, wanted)
        names = list(lists)
        chosen = {field: lists[names[place]] for field, place in layout.positions.items()}
        if len({len(values) for values in chosen.values()}) > 1:
            said = ", ".join(f"{field} {len(values)}" for field, values in chosen.items())
            raise CandleFileError(path, f"columns of different lengths: {said}")
        columns = {field: column_of(values) for field, values in chosen.items()}
        return RawTable(
            columns, layout, "entry", lambda places: [place + 1 for place in places], layout.notes
        )
    raise CandleFileError(
        path,
        f"JSON of another shape: {shown_value(type(data).__name__)}",
        expected="a list of objects, a list of lists, or an object of equally long lists",
    )


_WRAPPERS = (
    *("result", "data", "results", "list", "candles", "klines", "ohlc", "ohlcv", "rows", "items"),
    *("values", "bars", "history"),
)


def _unwrapped(data: object) -> object:
    """The candles within an exchange's answer, or what pandas wrote, as one of the plain shapes."""
    for _ in range(4):
        if not isinstance(data, dict):
            return data
        columns, rows = data.get("columns"), data.get("data")
        if isinstance(columns, list) and isinstance(rows, list):  # pandas, orient="split"
            index = data.get("index")
            if (
                isinstance(index, list)
                and len(index) == len(rows)
                and all(isinstance(row, list) for row in rows)
            ):
                return [
                    ["index", *columns],
                    *([i, *row] for i, row in zip(index, rows, strict=True)),
                ]
            return data
        if find_columns(list(data))[0] is not None:
            return data
        inner = [data[key] for key in _WRAPPERS if isinstance(data.get(key), list | dict)]
        lone = [value for value in data.values() if _is_table(value)]
        if inner:
            data = inner[0]
        elif len(lone) == 1:
            data = lone[0]
        elif _is_table(data):  # by time, as pandas' orient="index"
            return [{"time": time, **row} for time, row in data.items()]
        else:
            return data
    return data


def _is_table(value: object) -> bool:
    if isinstance(value, dict):
        return bool(value) and all(isinstance(row, dict) for row in value.values())
    return isinstance(value, list) and bool(value) and isinstance(value[0], list | dict)


def _as_lists(data: Mapping[str, object]) -> dict[str, list[object]]:
    """The columns of an object of lists, or of objects as pandas writes columns."""
    if data and all(isinstance(value, dict) for value in data.values()):
        return {name: list(value.values()) for name, value in data.items()}  # type: ignore[attr-defined]
    return {name: value for name, value in data.items() if isinstance(value, list)}


def json_lines_table(path: Path, content: bytes, wanted: Wanted) -> RawTable:
    """The columns of a file with one JSON value a line. Raises `CandleFileError`."""
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
    return _records(path, records, "line", lines, wanted)


def _loads(content: bytes) -> object:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return json.loads(content)  # knows NaN, which Python writes into JSON


def _records(
    path: Path, records: list[object], unit: str, lines: Sequence[int], wanted: Wanted
) -> RawTable:
    if not records:
        raise CandleFileError(path, "is empty", expected="candles")
    first = records[0]
    notes: tuple[str, ...] = ()
    if isinstance(first, list):
        named = [row for row in records[1 : HEAD + 1] if isinstance(row, list)]
        usual = headerless(first)
        if wanted.columns is not None:
            has_names = usual is None and bool(named) and all(isinstance(c, str) for c in first)
            layout = layout_of(path, first, named if has_names else [first, *named], wanted)
        elif usual is not None:
            layout, has_names, notes = usual, False, (HEADERLESS,)
        elif first and all(isinstance(cell, str) for cell in first) and named:
            layout, has_names = layout_of(path, first, named, wanted), True
        else:
            raise CandleFileError(
                path,
                shown_value(first),
                line=lines[0],
                unit=unit,
                expected=f"a list of at least {FEWEST} numbers: {USUAL_ORDER}",
            )
        if has_names:
            records, lines = records[1:], lines[1:]
        keys: list[object] = list(range(max(layout.positions.values()) + 1))
    elif isinstance(first, dict):
        keys = list(first)
        sample = [[row.get(key) for key in keys] for row in records[:HEAD] if isinstance(row, dict)]
        layout = layout_of(path, keys, sample, wanted)
    else:
        raise CandleFileError(
            path,
            shown_value(first),
            line=lines[0],
            unit=unit,
            expected=f"an object or a list of at least {FEWEST} numbers",
        )
    kind = type(first)
    for record, line in zip(records, lines, strict=True):
        if type(record) is not kind or (kind is list and len(record) < len(keys)):
            raise CandleFileError(
                path,
                shown_value(record),
                line=line,
                unit=unit,
                expected="an object" if kind is dict else f"a list of at least {len(keys)} numbers",
            )
    columns = {
        field: column_of(
            [record[place] for record in records]  # type: ignore[index]
            if kind is list
            else [record.get(keys[place]) for record in records]  # type: ignore[attr-defined]
        )
        for field, place in layout.positions.items()
    }
    return RawTable(
        columns,
        layout,
        unit,
        lambda places: [lines[place] for place in places],
        (*notes, *layout.notes),
    )
