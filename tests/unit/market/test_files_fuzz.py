"""Whatever a file holds, reading it gives candles or one clear refusal, never another exception."""

from __future__ import annotations

import gzip
import io
import json
import math
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.market.candles.candles import Candle
from core.market.candles.timeframes import HOUR, Timeframe
from core.market.files.candle_files import CandleFileError, read_candles

pytestmark = pytest.mark.fuzz

START = 1_704_067_200_000
SAME_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

cells = st.one_of(
    st.sampled_from(
        ["", "nan", "inf", "-1", "0", "1e999", "1_0", "9" * 400, '"', "\r", "\0", "true"]
    ),
    st.text(max_size=8),
    st.floats().map(str),
    st.integers(min_value=-(2**70), max_value=2**70).map(str),
    st.datetimes().map(str),
    st.sampled_from(["01/02/2024", "2024.01.31", "31-Jan-2024 11-PM", "20240131", "202401310900"]),
    st.sampled_from(["09:30", "1,250", "1.250,5", "1,5", "2.5K", "12:00 AM", "+01:00", "١٢"]),
)
names = st.sampled_from(
    [
        *("timestamp", "Time", "date", "open", "o", "HIGH", "low", "close", "volume", "v", "x", ""),
        *(
            "<DATE>",
            "Volume BTC",
            "Volume_(Currency)",
            "open (USD)",
            "close time",
            "Price",
            "Ticker",
        ),
    ]
)
endings = st.sampled_from(["csv", "csv.gz", "json", "jsonl", "parquet", "tsv", "txt", "feather"])
orders = st.none() | st.sampled_from(
    ["time,open,close,high,low,volume", "time,open,high,low,close", "x,time,open,high,low,close,v"]
)


def read(path: Path, content: bytes, columns: str | None = None) -> None:
    path.write_bytes(content)
    try:
        found = read_candles(path, Timeframe.H1, columns=columns, symbol="BTC/USDT")
    except CandleFileError as refusal:
        assert str(path) in str(refusal)
        assert str(refusal).isprintable()
    else:
        candles = found.candles
        assert len(candles) > 0
        assert (np.diff(candles.time) > 0).all()
        assert (candles.time % HOUR == 0).all()
        assert (candles.high >= candles.low).all()
        assert np.isfinite([candles.open, candles.high, candles.low, candles.close]).all()
        assert found.missing >= 0


@SAME_FOLDER
@given(content=st.binary(max_size=400), ending=endings)
def test_any_bytes(tmp_path: Path, content: bytes, ending: str) -> None:
    read(tmp_path / f"c.{ending}", content)


@SAME_FOLDER
@given(
    header=st.lists(names, max_size=9),
    rows=st.lists(st.lists(cells, max_size=9), max_size=6),
    separator=st.sampled_from([",", ";", "\t"]),
    packed=st.booleans(),
    columns=orders,
    before=st.sampled_from(["", "https://example.org\n", "# a\n\n", "Price,a\nTicker,b\n"]),
)
def test_any_table_of_text(
    tmp_path: Path,
    header: list[str],
    rows: list[list[str]],
    separator: str,
    packed: bool,
    columns: str | None,
    before: str,
) -> None:
    table = "\n".join(separator.join(row) for row in [header, *rows, header])
    content = (before + table).encode(errors="replace")
    read(tmp_path / "c.csv", gzip.compress(content) if packed else content, columns)


@SAME_FOLDER
@given(
    content=st.binary(max_size=300),
    name=st.sampled_from(["a.csv", "a.json", "b/a.parquet", "../../a.csv", "a", "a.csv.gz"]),
    place=st.integers(0, 400),
    junk=st.binary(max_size=4),
)
@example(content=b"\0", name="b/a.parquet", place=90, junk=b"\0")  # a member without a name
def test_any_zip(tmp_path: Path, content: bytes, name: str, place: int, junk: bytes) -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    packed = sink.getvalue()
    read(tmp_path / "c.zip", packed[:place] + junk + packed[place + len(junk) :])


@SAME_FOLDER
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 6).map(lambda n: str(START + n * HOUR)), cells, cells, cells),
        min_size=1,
        max_size=8,
    )
)
def test_a_table_with_sound_columns_and_any_values(
    tmp_path: Path, rows: list[tuple[str, str, str, str]]
) -> None:
    lines = ["time,open,high,low,close,volume"]
    lines += [f"{time},{a},11,9,{b},{c}" for time, a, b, c in rows]
    read(tmp_path / "c.csv", "\n".join(lines).encode(errors="replace"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=7) | st.dictionaries(names, inner, max_size=7),
    max_leaves=30,
)


@SAME_FOLDER
@given(data=json_values, ending=st.sampled_from(["json", "jsonl"]))
@example(data=[{"timestamp": None, "Time": math.inf}], ending="json")
def test_any_json(tmp_path: Path, data: object, ending: str) -> None:
    read(tmp_path / f"c.{ending}", json.dumps(data).encode())


@SAME_FOLDER
@given(
    rows=st.lists(
        st.lists(
            st.none()
            | st.booleans()
            | st.floats()
            | st.text(max_size=4)
            | st.integers()
            | json_values,
            min_size=5,
            max_size=5,
        ),
        min_size=1,
        max_size=5,
    )
)
def test_json_candles_with_any_values(tmp_path: Path, rows: list[list[object]]) -> None:
    data = [[START + number * HOUR, *row] for number, row in enumerate(rows)]
    read(tmp_path / "c.json", json.dumps(data).encode())


def sound_parquet() -> bytes:
    rows = [Candle(START + number * HOUR, 10, 11, 9, 10, 1) for number in range(50)]
    columns = dict(zip(Candle._fields, zip(*rows, strict=True), strict=True))
    sink = io.BytesIO()
    pq.write_table(pa.table({name: pa.array(column) for name, column in columns.items()}), sink)
    return sink.getvalue()


SOUND_PARQUET = sound_parquet()


@SAME_FOLDER
@given(place=st.integers(0, len(SOUND_PARQUET) - 1), junk=st.binary(max_size=6), cut=st.booleans())
def test_damaged_parquet(tmp_path: Path, place: int, junk: bytes, cut: bool) -> None:
    rest = b"" if cut else SOUND_PARQUET[place + len(junk) :]
    read(tmp_path / "c.parquet", SOUND_PARQUET[:place] + junk + rest)


arrow_columns = st.sampled_from(
    [
        pa.array([None, None]),
        pa.array([1, None]),
        pa.array(["a", "1"]),
        pa.array([b"\xff", b"1"]),
        pa.array([[1], [2]]),
        pa.array([{"a": 1}, {"a": 2}]),
        pa.array([True, False]),
        pa.array([2**63, 5], pa.uint64()),
        pa.array([START, START + HOUR]),
        pa.array([-(2**62), 2**62], pa.timestamp("us")),
        pa.array([START, None], pa.timestamp("ms", "UTC")),
        pa.array([1, 2], pa.date32()),
        pa.array([1, 2], pa.time64("us")),
        pa.array([1.5, float("nan")]),
        pa.array([1, 2], pa.duration("s")),
        pa.array(["x", "y"]).dictionary_encode(),
        pa.array([1, 2]).cast(pa.decimal128(30, 2)),
    ]
)


@SAME_FOLDER
@given(columns=st.lists(arrow_columns, min_size=6, max_size=6))
def test_parquet_of_any_types(tmp_path: Path, columns: list[pa.Array]) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns, names=list(Candle._fields)), sink)
    read(tmp_path / "c.parquet", sink.getvalue())


EACH_DAMAGED = """
import sys
from pathlib import Path
from tests.unit.market.test_files_fuzz import SOUND_PARQUET, read

footer = int.from_bytes(SOUND_PARQUET[-8:-4], "little")
for place in range(len(SOUND_PARQUET) - 8 - footer, len(SOUND_PARQUET)):
    changed = bytearray(SOUND_PARQUET)
    changed[place] ^= 3
    read(Path(sys.argv[1]), bytes(changed))
"""


def test_no_damage_to_what_a_parquet_file_says_of_itself_ends_the_process(tmp_path: Path) -> None:
    # One byte of a column's statistics did, and with it all sessions of the host.
    command = [sys.executable, "-c", EACH_DAMAGED, str(tmp_path / "c.parquet")]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[3])
