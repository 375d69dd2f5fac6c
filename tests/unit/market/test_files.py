"""Candle files: every format gives the same candles, and every fault has its own clear message."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.market.candles.candles import Candle, Candles
from core.market.candles.timeframes import DAY, HOUR, MINUTE, Timeframe
from core.market.files import arrow_table
from core.market.files.candle_files import (
    CandleFileError,
    read_candles,
    write_candles,
)
from core.market.files.symbol_files import (
    SymbolFilesError,
    files_by_symbol,
    files_in_line,
    line_of_files,
    names_in_line,
    without_folders,
)

START = 1_704_067_200_000  # 2024-01-01T00:00:00Z, a Monday
HEADER = "timestamp,open,high,low,close,volume"


def hour(number: int, *, close: float = 10.5) -> Candle:
    return Candle(START + number * HOUR, 10.0, 11.0, 9.0, close, 1.5)


HOURS = [hour(number) for number in range(4)]


def text(rows: list[Candle], header: str = HEADER) -> str:
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"


def write(folder: Path, content: str | bytes, name: str = "c.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows_of(path: Path, timeframe: Timeframe = Timeframe.H1) -> list[Candle]:
    return list(read_candles(path, timeframe).candles)


def refusal(path: Path, timeframe: Timeframe = Timeframe.H1) -> str:
    with pytest.raises(CandleFileError) as caught:
        read_candles(path, timeframe)
    return str(caught.value)


# ── What is read ──


@pytest.mark.parametrize(
    "ending", ["csv", "csv.gz", "json", "json.gz", "jsonl", "jsonl.gz", "parquet"]
)
def test_what_is_written_is_read_back_to_the_last_bit(tmp_path: Path, ending: str) -> None:
    random = np.random.default_rng(7)
    rows = []
    for number in range(300):
        open_, high, low, close, volume = (
            random.random(5) * 0.1 + (1.0, 1.1, 0.9, 1.0, 3.0)
        ).tolist()
        rows.append(Candle(START + number * MINUTE, open_, high, low, close, volume))
    path = tmp_path / f"candles.{ending}"
    write_candles(path, Candles.of(rows))
    assert rows_of(path, Timeframe.M1) == rows


@pytest.mark.parametrize("name", ["time", "Date", "DATETIME", "open_time", "unix", " timestamp "])
def test_the_time_column_goes_by_any_of_its_names(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, text(HOURS, HEADER.replace("timestamp", name)))
    assert rows_of(path) == HOURS


def test_columns_come_in_any_order_and_others_are_ignored(tmp_path: Path) -> None:
    lines = ["V,symbol,C,L,T2,H,O,Unix"]
    lines += [f"{r.volume},BTC,{r.close},{r.low},x,{r.high},{r.open},{r.time}" for r in HOURS]
    assert rows_of(write(tmp_path, "\n".join(lines))) == HOURS


@pytest.mark.parametrize("factor", [1 / 1000, 1, 1000, 1_000_000])
def test_seconds_milliseconds_microseconds_and_nanoseconds_are_told_apart(
    tmp_path: Path, factor: float
) -> None:
    scaled = [(int(row.time * factor), *row[1:]) for row in HOURS]
    body = "\n".join(",".join(map(str, row)) for row in scaled)
    assert rows_of(write(tmp_path, f"{HEADER}\n{body}\n")) == HOURS


def test_a_file_may_change_from_milliseconds_to_microseconds(tmp_path: Path) -> None:
    mixed = [(row.time * (1000 if row.time >= HOURS[2].time else 1), *row[1:]) for row in HOURS]
    body = "\n".join(",".join(map(str, row)) for row in mixed)
    assert rows_of(write(tmp_path, f"{HEADER}\n{body}\n")) == HOURS


@pytest.mark.parametrize(
    "first",
    [
        "2024-01-01",
        "2024-01-01 00:00:00",
        "2024-01-01T00:00:00Z",
        "2024-01-01T01:00:00+01:00",
        "2024-01-01 00:00:00.000",
        "1704067200.0",
        '"1704067200000"',
    ],
)
def test_iso_times_are_utc_unless_they_say_otherwise(tmp_path: Path, first: str) -> None:
    body = f"{HEADER}\n{first},10,11,9,10.5,1.5\n2024-01-01T01:00:00Z,10,11,9,10.5,1.5\n"
    assert rows_of(write(tmp_path, body)) == HOURS[:2]


def test_rows_need_not_be_in_order(tmp_path: Path) -> None:
    found = read_candles(write(tmp_path, text(HOURS[::-1])), Timeframe.H1)
    assert list(found.candles) == HOURS
    assert "sorted" in found.notes[0]


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_are_recognised(tmp_path: Path, separator: str) -> None:
    assert rows_of(write(tmp_path, text(HOURS).replace(",", separator))) == HOURS


def test_archives_without_column_names_are_taken_in_the_exchanges_order(tmp_path: Path) -> None:
    body = "".join(f"{','.join(map(str, row))},{row.time + HOUR - 1},1,2,3,4,0\n" for row in HOURS)
    found = read_candles(write(tmp_path, body), Timeframe.H1)
    assert list(found.candles) == HOURS
    assert "no column names" in found.notes[0]


@pytest.mark.parametrize(
    "data",
    [
        [dict(zip(HEADER.split(","), row, strict=True)) for row in HOURS],
        [dict(zip(HEADER.upper().split(","), map(str, row), strict=True)) for row in HOURS],
        [list(row) for row in HOURS],
        [[row.time, *map(str, row[1:]), row.time + HOUR - 1] for row in HOURS],
        dict(zip(HEADER.split(","), map(list, zip(*HOURS, strict=True)), strict=True)),
    ],
    ids=["objects", "objects of texts", "lists", "exchange lists", "columns"],
)
def test_json_comes_in_several_shapes(tmp_path: Path, data: object) -> None:
    assert rows_of(write(tmp_path, json.dumps(data), "c.json")) == HOURS


def test_json_lines_are_read_whatever_the_ending_says(tmp_path: Path) -> None:
    body = "\n\n".join(json.dumps(list(row)) for row in HOURS)
    assert rows_of(write(tmp_path, body, "c.jsonl")) == HOURS
    assert rows_of(write(tmp_path, body, "c.json")) == HOURS


@pytest.mark.parametrize(
    "times",
    [
        pa.array([row.time for row in HOURS], pa.int64()),
        pa.array([row.time * 1_000_000 for row in HOURS], pa.timestamp("ns", "UTC")),
        pa.array([row.time // 1000 for row in HOURS], pa.timestamp("s")),
        pa.array([str(row.time) for row in HOURS]),
        pa.array([row.time for row in HOURS], pa.float64()),
    ],
    ids=["int", "ns utc", "s", "text", "float"],
)
def test_parquet_times_come_in_several_types(tmp_path: Path, times: pa.Array) -> None:
    columns = {"date": times} | {
        name: [getattr(row, name) for row in HOURS] for name in HEADER.split(",")[1:]
    }
    path = tmp_path / "c.parquet"
    pq.write_table(pa.table(columns), path)
    assert rows_of(path) == HOURS


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter(tmp_path: Path) -> None:
    body = b"\xef\xbb\xbf" + text(HOURS).replace("\n", "\r\n").encode()
    assert rows_of(write(tmp_path, body)) == HOURS


def test_a_packed_file_is_recognised_by_its_content(tmp_path: Path) -> None:
    assert rows_of(write(tmp_path, gzip.compress(text(HOURS).encode()))) == HOURS


# ── What is merged, dropped and noted ──


def test_identical_duplicates_are_merged_and_counted_with_lines(tmp_path: Path) -> None:
    found = read_candles(write(tmp_path, text([*HOURS, HOURS[1]])), Timeframe.H1)
    assert (list(found.candles), found.merged) == (HOURS, 1)
    assert any("merged 1 identical duplicate (line 6)" in note for note in found.notes)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("{t},10,11,9,nan,1", "missing or not finite"),
        ("{t},,11,9,10,1", "missing or not finite"),
        ("{t},10,inf,9,10,1", "missing or not finite"),
        ("{t},10,11,9", "missing or not finite"),
        ("{t},10,9,11,10,1", "high below low"),
        ("{t},0,11,0,10,1", "zero or less"),
        ("{t},10,11,-9,10,1", "zero or less"),
        ("{t},10,11,9,10,-1", "volume below zero"),
        ("{t},10,1e40,9,10,1", "beyond 1e-30 to 1e+30"),
        ("{t},10,11,5e-324,10,1", "beyond 1e-30 to 1e+30"),
        ("{t},10,11,9,10,1e308", "beyond 1e-30 to 1e+30"),
        (",10,11,9,10,1", "without a time"),
    ],
)
def test_a_row_that_is_no_candle_becomes_a_gap(tmp_path: Path, bad: str, why: str) -> None:
    lines = text(HOURS).splitlines()
    lines[2] = bad.format(t=HOURS[1].time)
    found = read_candles(write(tmp_path, "\n".join(lines)), Timeframe.H1)
    assert list(found.candles) == [HOURS[0], *HOURS[2:]]
    assert (found.dropped, found.missing) == (1, 1)
    assert any(f"{why}" in note and "(line 3)" in note for note in found.notes)
    assert any(
        "1 candle missing in 1 gap, the first from 2024-01-01T01:00" in n for n in found.notes
    )


def test_a_first_row_that_was_cut_short_is_dropped_like_any_other(tmp_path: Path) -> None:
    lines = text(HOURS).splitlines()
    lines[1] = lines[1].rpartition(",")[0]
    found = read_candles(write(tmp_path, "\n".join(lines)), Timeframe.H1)
    assert (list(found.candles), found.dropped) == (HOURS[1:], 1)


def test_empty_lines_are_no_rows_but_do_count_as_lines(tmp_path: Path) -> None:
    lines = text(HOURS).splitlines()
    lines[1:1] = ["", "   "]
    lines[4] = lines[4].replace("10.5", "nan")
    found = read_candles(write(tmp_path, "\n".join([*lines, ""])), Timeframe.H1)
    assert found.dropped == 1
    assert "(line 5)" in found.notes[0]


def test_open_or_close_outside_the_range_is_kept_and_noted(tmp_path: Path) -> None:
    rows = [HOURS[0], hour(1, close=12.0)]
    found = read_candles(write(tmp_path, text(rows)), Timeframe.H1)
    assert list(found.candles) == rows
    assert found.notes == ("kept 1 candle with open or close outside low and high (line 3)",)


def test_a_flawless_file_has_nothing_to_note(tmp_path: Path) -> None:
    found = read_candles(write(tmp_path, text(HOURS)), Timeframe.H1)
    assert (found.notes, found.merged, found.dropped, found.missing) == ((), 0, 0, 0)


# ── What is refused ──


def test_conflicting_duplicates_are_an_error_with_both_lines(tmp_path: Path) -> None:
    path = write(tmp_path, text([*HOURS, hour(1, close=9.5)]))
    message = refusal(path)
    assert "two candles of 2024-01-01T01:00:00Z differ: close is 10.5 in line 3 and 9.5" in message
    assert "line 6" in message
    assert str(path) in message


@pytest.mark.parametrize(
    ("step", "timeframe", "words"),
    [
        (5 * MINUTE, Timeframe.H1, "holds 5m candles; expected 1h candles"),
        (4 * HOUR, Timeframe.H1, "holds 4h candles; expected 1h candles"),
        (DAY, Timeframe.W1, "holds 1d candles; expected 1w candles"),
    ],
)
def test_another_interval_than_the_timeframe_is_an_error(
    tmp_path: Path, step: int, timeframe: Timeframe, words: str
) -> None:
    rows = [Candle(START + number * step, 10, 11, 9, 10, 1) for number in range(30)]
    assert words in refusal(write(tmp_path, text(rows)), timeframe)


def test_a_few_candles_off_the_grid_become_gaps_with_their_lines(tmp_path: Path) -> None:
    rows = [*HOURS, *(hour(number) for number in range(5, 12))]
    moved = rows[2]._replace(time=rows[2].time + 7 * MINUTE)
    found = read_candles(write(tmp_path, text([*rows[:2], moved, *rows[3:]])), Timeframe.H1)
    assert list(found.candles) == [*rows[:2], *rows[3:]]
    assert (found.dropped, found.missing) == (1, 2)
    said = "dropped 1 candle off the grid of 1h, the first at 2024-01-01T02:07:00Z (line 4)"
    assert said in found.notes


def test_close_times_are_recognised_as_such(tmp_path: Path) -> None:
    rows = [row._replace(time=row.time + HOUR - 1) for row in HOURS]
    assert "look like close times" in refusal(write(tmp_path, text(rows)))


def test_weeks_open_on_mondays(tmp_path: Path) -> None:
    monday = [Candle(START + n * 7 * DAY, 10, 11, 9, 10, 1) for n in range(3)]
    assert rows_of(write(tmp_path, text(monday)), Timeframe.W1) == monday
    sunday = [row._replace(time=row.time - DAY) for row in monday]
    assert "off the grid" in refusal(write(tmp_path, text(sunday)), Timeframe.W1)


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        ("", "c.csv", "is empty"),
        (" \n \n", "c.csv", "is empty"),
        (HEADER, "c.csv", "has column names but no rows"),
        ("a,b,c\n1,2,3", "c.csv", "no column for time"),
        ("timestamp,open,high,low,volume\n1,2,3,4,5", "c.csv", "no column for close (as close, c)"),
        (f"{HEADER},Open\n1,2,3,4,5,6,7", "c.csv", "2 columns are called open"),
        (f"{HEADER}\n{START},1,2,1,1,1,234\n", "c.csv", "line 2: 7 cells; expected 6"),
        (f"{HEADER}\n{START},abc,2,1,1,1\n", "c.csv", "line 2: open 'abc'; expected a number"),
        (f"{HEADER}\n01/32/2024,1,2,1,1,1\n", "c.csv", "line 2: time '01/32/2024'; expected Unix"),
        (f"{HEADER}\n20241301,1,2,1,1,1\n", "c.csv", "line 2: time '20241301'; expected Unix"),
        (f'{HEADER}\n{START},"1,2,1,1,1\n', "c.csv", "is not CSV"),
        (f"{HEADER}\n{START},nan,2,1,1,1\n", "c.csv", "has 1 rows but no candle: dropped 1 row"),
        (b"\x00\x01\x02\xff" * 50, "c.csv", "holds binary data"),
        (HEADER.encode() + b"\n\xe9\xe8", "c.csv", "line 2: is not UTF-8 text"),
        (b"\xff\xfea", "c.csv", "is not UTF-8 text"),
        (b"\x1f\x8b\x08\x00broken", "c.csv.gz", "cannot be read"),
        (b"PAR1 no parquet", "c.parquet", "cannot be read as Parquet"),
        ("{", "c.json", "is not JSON"),
        ("[" * 100_000, "c.json", "is not JSON"),
        ("3", "c.json", "JSON of another shape"),
        ("[]", "c.json", "is empty"),
        ("{}", "c.json", "JSON of another shape"),
        ("[[1,2]]", "c.json", "entry 1: '[1, 2]'; expected a list of at least 5 numbers"),
        ('[{"time":1}]', "c.json", "no column for open"),
        ("[[1,2,3,4,5,6],7]", "c.json", "entry 2: '7'; expected a list"),
        (
            '{"time":[1],"open":[1],"high":[],"low":[1],"close":[1],"volume":[1]}',
            "c.json",
            "lengths",
        ),
        (f"[{START},1,2,1,1,1]\n[{START},\n", "c.jsonl", "line 2: is not JSON"),
        ("x", "c.xls", "the name ends in '.xls'; expected .csv"),
        ("x", "candles", "the name has no ending; expected .csv"),
    ],
)
def test_every_fault_has_its_own_message(
    tmp_path: Path, content: str | bytes, name: str, words: str
) -> None:
    path = write(tmp_path, content, name)
    message = refusal(path)
    assert words in message
    assert repr(str(path)) in message


def test_a_file_that_is_not_there_and_a_folder_say_so(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "none.csv")
    folder = tmp_path / "folder.csv"
    folder.mkdir()
    assert "directory" in refusal(folder)


def test_what_a_file_says_is_never_an_escape_sequence(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, f"{HEADER}\n{START},\x1b[31m,2,1,1,1\n"))
    assert "\x1b" not in message


def test_a_long_cell_is_not_repeated_in_full(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, f"{HEADER}\n{START},{'x' * 500_000},2,1,1,1\n"))
    assert len(message) < 500


def test_writing_refuses_an_unknown_format_and_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(CandleFileError, match="no known format"):
        write_candles(tmp_path / "c.xls", Candles.of(HOURS))
    with pytest.raises(CandleFileError, match="cannot be written"):
        write_candles(tmp_path / "none" / "c.csv", Candles.of(HOURS))


@pytest.mark.parametrize(
    ("argument", "file"),
    [
        ("BTC/USDT=a.csv", "a.csv"),
        ("btcusdt=a.csv", "a.csv"),
        ("a.csv", "a.csv"),
        ("ETH/USDT=a.csv", "ETH/USDT=a.csv"),
        ("run=3/a=b.csv", "run=3/a=b.csv"),
        ("BTC/USDT=run=3.csv", "run=3.csv"),
    ],
)
def test_symbol_and_file_are_split_only_at_a_symbol_of_the_config(argument: str, file: str) -> None:
    assert files_by_symbol("--data", [argument], ["BTC/USDT"]) == {"BTC/USDT": Path(file)}


def test_spaces_part_the_files_of_several_symbols_only() -> None:
    two = files_in_line("candles", "BTC/USDT=a ETHUSDT=b", ["BTC/USDT", "ETH/USDT"])
    assert two == ({"BTC/USDT": Path("a"), "ETH/USDT": Path("b")}, None)
    spaced = {"BTC/USDT": Path("/my data/b.csv"), "ETH/USDT": Path("/my data/e.csv")}
    line = line_of_files(spaced, "t,o")
    assert files_in_line("candles", line, [*spaced]) == (spaced, "t,o"), "what was kept is found"
    assert without_folders(line, 2) == "BTC/USDT=b.csv ETH/USDT=e.csv --columns t,o"
    assert names_in_line(line) == ["b.csv", "e.csv"]
    assert names_in_line("/my data/b.csv --columns t,o") == ["b.csv"]
    one = files_in_line("candles", "a b.csv --columns t,o,c,h,l,v", ["BTC/USDT"])
    assert one == ({"BTC/USDT": Path("a b.csv")}, "t,o,c,h,l,v")
    with pytest.raises(SymbolFilesError, match="a strategy that names its symbols"):
        files_in_line("candles", "a.csv", [])


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "timeframe", "count"),
    [("BTCUSDT-5m", "5m", 25_920), ("BTCUSDT-1h", "1h", 33_413), ("ADAUSDT-1m", "1m", 43_200)],
)
def test_real_candles_are_read_whole(
    shared_data: Path, name: str, timeframe: str, count: int
) -> None:
    found = read_candles(shared_data / f"{name}.csv.gz", Timeframe(timeframe))
    assert (len(found.candles), found.merged, found.dropped) == (count, 0, 0)


def test_a_file_that_ends_too_early_says_so_in_plain_words(tmp_path: Path) -> None:
    path = tmp_path / "candles.csv.gz"
    whole = gzip.compress(b"time,open,high,low,close,volume\n" * 1_000)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CandleFileError) as caught:
        read_candles(path, Timeframe.H1)
    assert "Compressed file ended before" in str(caught.value)
    assert "\\u" not in str(caught.value)


def test_a_small_file_that_unpacks_to_a_flood_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.csv.gz"
    row = b"1700000000000,1,1,1,1,1\n"
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(b"time,open,high,low,close,volume\n")
        for _ in range(40):
            file.write(row * (4 << 20 >> 4))
    with pytest.raises(CandleFileError, match="unpack to more than 67 MB, as no candles do"):
        read_candles(path, Timeframe.M5)


def test_a_pipe_is_no_candle_file(tmp_path: Path) -> None:
    path = tmp_path / "candles.csv"
    os.mkfifo(path)
    with pytest.raises(CandleFileError, match="is no regular file"):
        read_candles(path, Timeframe.M5)


def test_a_long_text_that_stands_once_in_a_parquet_file_fills_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "c.parquet"
    times, text = pa.array([0] * 500, pa.int64()), "x" * 100_000
    kinds = [pa.string(), pa.large_string(), pa.binary()]
    columns = [(name, pa.array([text] * 500, kind)) for name in ("open", "note") for kind in kinds]
    columns.append(("note", pa.array([[text]] * 500, pa.list_(pa.string()))))
    for name, column in columns:
        pq.write_table(pa.table({"time": times, name: column}), path, compression="zstd")
        assert path.stat().st_size < 10_000
        with pytest.raises(CandleFileError, match=r"cells of more than 1,000 bytes|no column for"):
            read_candles(path, Timeframe.M5)


def test_what_would_be_large_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, text = tmp_path / "c.parquet", "x" * 1_000
    table = pa.table({"time": pa.array([0] * 500, pa.int64()), "open": pa.array([text] * 500)})
    pq.write_table(table, path, use_dictionary=False)

    def read_anything(*_: object, **__: object) -> None:
        raise AssertionError("what is in it was read")

    for name in ("iter_batches", "read"):
        monkeypatch.setattr(pq.ParquetFile, name, read_anything)
    monkeypatch.setattr(arrow_table, "_SMALL", 50_000)  # times eight columns
    monkeypatch.setattr(arrow_table, "_CELL", 100)
    with pytest.raises(CandleFileError, match="cells of more than 100 bytes"):
        read_candles(path, Timeframe.M5)
