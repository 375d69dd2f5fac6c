"""Candle files as exchanges, charting programs, brokers and data shops write them are read."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import feather

from core.market.candles.candles import Candle
from core.market.candles.timeframes import HOUR, MINUTE, Timeframe
from core.market.files.candle_checks import CandleFile
from core.market.files.candle_files import (
    CandleFileError,
    read_candles,
    timeframe_of_file,
)
from core.market.files.symbol_files import market_in_name, other_markets

START = 1_704_067_200_000  # 2024-01-01T00:00:00Z
CLOSES = [28995.13, 29409.99, 29194.65, 29278.4, 29220.31, 29187.01, 29174.35, 29092.83, 29000.01]
CLOSES += [29202.21, 29223.82, 29313.49, 29298.5, 29150.02, 29201.75]


def _candles() -> list[Candle]:
    rows, before = [], 28923.63
    for number, close in enumerate(CLOSES):
        high, low = max(before, close) + 40.25, min(before, close) - 30.5
        rows.append(Candle(START + number * HOUR, before, high, low, close, 2311.25 + number))
        before = close
    return rows


ROWS = _candles()


def at(row: Candle, form: str) -> str:
    return datetime.fromtimestamp(row.time / 1000, UTC).strftime(form)


def lines(header: str, cells: Callable[[Candle], str], rows: list[Candle] = ROWS) -> str:
    return "\n".join([header, *map(cells, rows)]) + "\n"


def ohlcv(row: Candle, separator: str = ",") -> str:
    return separator.join(str(value) for value in row[1:])


def vision(row: Candle) -> str:
    return f"{row.time}000,{ohlcv(row)},{row.time + HOUR - 1}999,7,12,1.5,9,0"


VISION = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
    "taker_buy_quote_volume,ignore"
)
YFINANCE = (
    "Price,Close,High,Low,Open,Volume\nTicker,BTC-USD,BTC-USD,BTC-USD,BTC-USD,BTC-USD\n"
    "Datetime,,,,,"
)

CSV_FILES = {
    "binance vision without names": "\n".join(map(vision, ROWS)),
    "binance vision put together": lines(VISION, vision, ROWS[:6])
    + lines(VISION, vision, ROWS[6:]),
    "archives of which only later ones have names": "\n".join(map(vision, ROWS[:6]))
    + "\n"
    + lines(VISION, vision, ROWS[6:]),
    "byte order mark in the middle": lines(VISION, vision, ROWS[:6])
    + "\ufeff"
    + lines(VISION, vision, ROWS[6:]),
    "cryptodatadownload": lines(
        "https://www.CryptoDataDownload.com\n"
        "unix,date,symbol,open,high,low,close,Volume USDT,Volume BTC,tradecount",
        lambda r: (
            f"{r.time},{at(r, '%Y-%m-%d %H:%M:%S')},BTC/USDT,"
            f"{','.join(map(str, r[1:5]))},1000.0,{r.volume},55"
        ),
        ROWS[::-1],
    ),
    "cryptodatadownload, older": lines(
        "https://www.CryptoDataDownload.com\nDate,Symbol,Open,High,Low,Close,Volume BTC,Volume USD",
        lambda r: f"{at(r, '%Y-%m-%d %I-%p')},BTCUSD,{ohlcv(r)},17.0",
        ROWS[::-1],
    ),
    "gemini": lines(
        "Unix Timestamp,Date,Symbol,Open,High,Low,Close,Volume",
        lambda r: f"{r.time // 1000},{at(r, '%Y-%m-%d %H:%M:%S')},BTCUSD,{ohlcv(r)}",
    ),
    "metatrader 5": lines(
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>",
        lambda r: (
            f"{at(r, '%Y.%m.%d')}\t{at(r, '%H:%M:%S')}\t"
            + "\t".join(map(str, r[1:5]))
            + f"\t10\t{r.volume}\t2"
        ),
    ),
    "metatrader 5 of a broker without volume": lines(
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>",
        lambda r: f"{at(r, '%Y.%m.%d')}\t{at(r, '%H:%M:%S')}\t{ohlcv(r, chr(9))}\t0\t2",
    ),
    "metatrader 4": "\n".join(f"{at(r, '%Y.%m.%d')},{at(r, '%H:%M')},{ohlcv(r)}" for r in ROWS),
    "dukascopy": lines(
        "Gmt time,Open,High,Low,Close,Volume",
        lambda r: f"{at(r, '%d.%m.%Y %H:%M:%S.000')},{ohlcv(r)}",
    ),
    "dukascopy, local": lines(
        "Local time,Open,High,Low,Close,Volume",
        lambda r: (
            f"{at(r._replace(time=r.time + HOUR), '%d.%m.%Y %H:%M:%S.000')} GMT+0100,{ohlcv(r)}"
        ),
    ),
    "kaggle bitstamp": lines(
        "Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency),Weighted_Price",
        lambda r: f"{r.time // 1000},{ohlcv(r)},1.0,{r.open}",
    ),
    "tradingview": lines(
        "time,open,high,low,close,Volume,Volume MA", lambda r: f"{r.time // 1000},{ohlcv(r)},5"
    ),
    "tradingview, iso": lines(
        "time,open,high,low,close,Plot,Plot,Volume",
        lambda r: f"{at(r, '%Y-%m-%dT%H:%M:%S+00:00')},{','.join(map(str, r[1:5]))},,,{r.volume}",
    ),
    "yfinance": lines(
        YFINANCE,
        lambda r: (
            f"{at(r, '%Y-%m-%d %H:%M:%S+00:00')},{r.close},{r.high},{r.low},{r.open},{r.volume}"
        ),
    ),
    "yahoo": lines(
        "Date,Open,High,Low,Close,Adj Close,Volume",
        lambda r: f"{at(r, '%Y-%m-%d %H:%M')},{','.join(map(str, r[1:5]))},1.0,{r.volume}",
    ),
    "python-binance": lines(
        ",Open time,Open,High,Low,Close,Volume,Close time,Quote asset volume,Number of trades",
        lambda r: f"0,{r.time},{ohlcv(r)},{r.time + HOUR - 1},1.5,2",
    ),
    "pandas index": lines(
        ",open,high,low,close,volume", lambda r: f"{at(r, '%Y-%m-%d %H:%M:%S')},{ohlcv(r)}"
    ),
    "stooq": lines(
        "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>",
        lambda r: f"BTC.V,60,{at(r, '%Y%m%d,%H%M%S')},{ohlcv(r)},0",
    ),
    "histdata": "\n".join(f"{at(r, '%Y%m%d %H%M%S')};{ohlcv(r, ';')}" for r in ROWS),
    "coinmarketcap": lines(
        "timeOpen;timeClose;timeHigh;timeLow;name;open;high;low;close;volume;marketCap;timestamp",
        lambda r: (
            f'"{at(r, "%Y-%m-%dT%H:%M:%S.000Z")}";"";"";"";"x";{ohlcv(r, ";")};1;'
            f'"{at(r, "%Y-%m-%dT%H:59:59.999Z")}"'
        ),
    ),
    "investing.com": lines(
        '"Date","Price","Open","High","Low","Vol.","Change %"',
        lambda r: (
            f'"{at(r, "%m/%d/%Y %H:%M")}","{r.close:,}","{r.open:,}","{r.high:,}",'
            f'"{r.low:,}","{r.volume / 1000:.5f}K","0.4%"'
        ),
    ),
    "decimal comma": lines(
        "Datum;Date;Open;High;Low;Close;Volume",
        lambda r: f"x;{at(r, '%d.%m.%Y %H:%M')};{ohlcv(r, ';').replace('.', ',')}",
    ),
    "decimal comma without names": "\n".join(
        f"{r.time // 1000};{ohlcv(r, ';').replace('.', ',')}" for r in ROWS
    ),
    "excel": "sep=;\n"
    + lines(
        "Date;Open;High;Low;Close;Volume", lambda r: f"{at(r, '%m/%d/%Y %I:%M %p')};{ohlcv(r, ';')}"
    ),
    "digits": lines(
        "timestamp,open,high,low,close,volume", lambda r: f"{at(r, '%Y%m%d%H%M%S')},{ohlcv(r)}"
    ),
    "digits without seconds": lines(
        "timestamp,open,high,low,close,volume", lambda r: f"{at(r, '%Y%m%d%H%M')},{ohlcv(r)}"
    ),
    "open and close times": lines(
        "timestamp,time,open,high,low,close,volume",
        lambda r: f"{r.time + HOUR},{r.time},{ohlcv(r)}",
    ),
    "okx": lines(
        "instrument_name,open,high,low,close,vol,vol_ccy,vol_quote,open_time,confirm",
        lambda r: f"BTC-USDT,{ohlcv(r)},2,3,{r.time},1",
    ),
    "bybit": lines(
        "startTime,openPrice,highPrice,lowPrice,closePrice,volume,turnover",
        lambda r: f"{r.time},{ohlcv(r)},9",
        ROWS[::-1],
    ),
    "kucoin with names": lines(
        "time,open,close,high,low,volume,turnover",
        lambda r: f"{r.time // 1000},{r.open},{r.close},{r.high},{r.low},{r.volume},1",
    ),
    "coinbase with names": lines(
        "time,low,high,open,close,volume",
        lambda r: f"{r.time // 1000},{r.low},{r.high},{r.open},{r.close},{r.volume}",
    ),
    "time zone": lines(
        "datetime,open,high,low,close,volume",
        lambda r: f"{at(r._replace(time=r.time - 5 * HOUR), '%Y-%m-%d %H:%M:%S-05:00')},{ohlcv(r)}",
    ),
    "title and comment": "# exported by somebody\n\nCandles of last winter\n"
    + lines("Time,Open,High,Low,Close,Volume", lambda r: f"{r.time}, {ohlcv(r, ', ')}"),
    "month by name": lines(
        "Date,Open,High,Low,Close,Volume",
        lambda r: f'"{at(r, "%b %d, %Y %H:%M")}",{ohlcv(r)}',
    ),
}


@pytest.mark.parametrize("name", CSV_FILES)
def test_csv_as_it_is_downloaded(tmp_path: Path, name: str) -> None:
    path = tmp_path / "c.csv"
    path.write_text(CSV_FILES[name], encoding="utf-8")
    found = read_candles(path, Timeframe.H1, symbol="BTC/USDT")
    assert list(found.candles) == ROWS
    assert found.has_volume
    assert timeframe_of_file(path) is Timeframe.H1


def strings(row: Candle) -> list[str]:
    return [str(value) for value in row[1:]]


JSON_FILES: dict[str, object] = {
    "binance": [[r.time, *strings(r), r.time + HOUR - 1, "1.0", 7, "1", "2", "0"] for r in ROWS],
    "freqtrade": [list(r) for r in ROWS],
    "okx": {"code": "0", "data": [[str(r.time), *strings(r), "1", "2", "1"] for r in ROWS[::-1]]},
    "bybit": {
        "retCode": 0,
        "result": {"symbol": "BTCUSDT", "list": [[str(r.time), *strings(r), "9"] for r in ROWS]},
    },
    "bitstamp": {
        "data": {
            "pair": "BTC/USD",
            "ohlc": [
                {
                    "high": str(r.high),
                    "timestamp": str(r.time // 1000),
                    "volume": str(r.volume),
                    "low": str(r.low),
                    "close": str(r.close),
                    "open": str(r.open),
                }
                for r in ROWS
            ],
        }
    },
    "upbit": [
        {
            "market": "KRW-BTC",
            "candle_date_time_utc": at(r, "%Y-%m-%dT%H:%M:%S"),
            "candle_date_time_kst": at(r._replace(time=r.time + 9 * HOUR), "%Y-%m-%dT%H:%M:%S"),
            "opening_price": r.open,
            "high_price": r.high,
            "low_price": r.low,
            "trade_price": r.close,
            "timestamp": r.time + HOUR - 5,
            "candle_acc_trade_price": 1.0,
            "candle_acc_trade_volume": r.volume,
        }
        for r in ROWS[::-1]
    ],
    "udf": {
        "s": "ok",
        "t": [r.time // 1000 for r in ROWS],
        "o": [r.open for r in ROWS],
        "h": [r.high for r in ROWS],
        "l": [r.low for r in ROWS],
        "c": [r.close for r in ROWS],
        "v": [r.volume for r in ROWS],
    },
    "polygon": {
        "ticker": "X:BTCUSD",
        "results": [
            {"v": r.volume, "vw": 1.0, "o": r.open, "c": r.close, "h": r.high, "l": r.low}
            | {"t": r.time, "n": 3}
            for r in ROWS
        ],
    },
    "pandas split": {
        "columns": ["open", "high", "low", "close", "volume"],
        "index": [r.time for r in ROWS],
        "data": [list(r[1:]) for r in ROWS],
    },
    "pandas columns": {
        name: {str(place): row[field] for place, row in enumerate(ROWS)}
        for field, name in enumerate(["date", "open", "high", "low", "close", "volume"])
    },
    "pandas index": {
        str(r.time): dict(zip(["open", "high", "low", "close", "volume"], r[1:], strict=True))
        for r in ROWS
    },
    "alpha vantage": {
        "Meta Data": {"1. Information": "Crypto Intraday"},
        "Time Series Crypto (60min)": {
            at(r, "%Y-%m-%d %H:%M:%S"): dict(
                zip(
                    ["1. open", "2. high", "3. low", "4. close", "5. volume"],
                    strings(r),
                    strict=True,
                )
            )
            for r in ROWS[::-1]
        },
    },
    "names first": [["time", "low", "high", "open", "close", "volume"]]
    + [[r.time, r.low, r.high, r.open, r.close, r.volume] for r in ROWS],
}


@pytest.mark.parametrize("name", JSON_FILES)
def test_json_as_exchanges_answer_and_programs_write_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps(JSON_FILES[name]))
    assert list(read_candles(path, Timeframe.H1).candles) == ROWS


@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
def test_feather_as_freqtrade_writes_it(tmp_path: Path, compression: str) -> None:
    columns = {"date": pa.array([r.time for r in ROWS], pa.timestamp("ms", "UTC"))}
    columns |= {
        name: pa.array([getattr(r, name) for r in ROWS])
        for name in ("open", "high", "low", "close", "volume")
    }
    path = tmp_path / "BTC_USDT-1h.feather"
    feather.write_feather(pa.table(columns), str(path), compression=compression)
    assert list(read_candles(path, Timeframe.H1, symbol="BTC/USDT").candles) == ROWS
    assert "cannot be read as Feather" in refusal(path, path.read_bytes()[:-30])


def zipped(folder: Path, files: dict[str, str]) -> Path:
    path = folder / "BTCUSDT-1h-2024-01.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_a_zip_holds_one_file_or_several_of_csv_in_order(tmp_path: Path) -> None:
    one = "\n".join(map(vision, ROWS[:7]))
    two = lines(VISION, vision, ROWS[7:])
    whole = zipped(tmp_path, {"a.csv": one + "\n" + two, "a.csv.CHECKSUM": "x", "__MACOSX/a": "y"})
    assert list(read_candles(whole, Timeframe.H1).candles) == ROWS
    several = zipped(tmp_path, {"b-02.csv": two, "b-01.csv": one})
    assert list(read_candles(several, Timeframe.H1).candles) == ROWS
    as_json = zipped(tmp_path, {"c.json": json.dumps([list(row) for row in ROWS])})
    assert list(read_candles(as_json, Timeframe.H1).candles) == ROWS


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "holds no file"),
        ({"a.csv": "x", "b.json": "y"}, "holds several files: 'a.csv', 'b.json'"),
        ({"a.exe": "x"}, "the name 'a.exe' in it ends in '.exe'"),
        ({"a.csv": "0" * (80 << 20)}, "unpack to more than 67 MB, as no candles do"),
    ],
)
def test_a_zip_of_something_else_is_refused(
    tmp_path: Path, files: dict[str, str], words: str
) -> None:
    assert words in refusal(zipped(tmp_path, files))


def test_a_damaged_zip_says_so(tmp_path: Path) -> None:
    sound = zipped(tmp_path, {"a.csv": "\n".join(map(vision, ROWS))}).read_bytes()
    path = tmp_path / "x.zip"
    assert "cannot be read" in refusal(path, sound[: len(sound) // 2])
    assert "cannot be read" in refusal(path, sound[:60] + b"\0\0\0" + sound[63:])


def test_utf_16_is_read(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_bytes("\n".join(map(vision, ROWS)).encode("utf-16"))
    assert list(read_candles(path, Timeframe.H1).candles) == ROWS


# ── Without volume ──


@pytest.mark.parametrize(
    "content",
    [
        lines("time,open,high,low,close", lambda r: ",".join(map(str, r[:5]))),
        lines("time,open,high,low,close,volume", lambda r: ",".join(map(str, r[:5])) + ",NaN"),
        "\n".join(",".join(map(str, r[:5])) for r in ROWS),
    ],
    ids=["no column", "never a value", "five without names"],
)
def test_a_file_without_volume_is_read_and_says_so(tmp_path: Path, content: str) -> None:
    path = tmp_path / "c.csv"
    path.write_text(content)
    found = read_candles(path, Timeframe.H1)
    assert [row[:5] for row in found.candles] == [row[:5] for row in ROWS]
    assert not found.has_volume


# ── Another order of columns ──

ORDERS = {
    "kucoin, bitfinex, jesse": ("time,open,close,high,low,volume", (0, 1, 4, 2, 3, 5)),
    "coinbase": ("time,low,high,open,close,volume", (0, 3, 2, 1, 4, 5)),
    "gate": ("time,volume,close,high,low,open", (0, 5, 4, 2, 3, 1)),
    "open last": ("time,close,high,low,open,volume", (0, 4, 2, 3, 1, 5)),
}


@pytest.mark.parametrize("ending", ["csv", "json"])
@pytest.mark.parametrize("name", ORDERS)
def test_another_order_is_refused_named_and_read_when_it_is_given(
    tmp_path: Path, name: str, ending: str
) -> None:
    order, places = ORDERS[name]
    rows = [[row[place] for place in places] for row in ROWS]
    path = tmp_path / f"c.{ending}"
    text = "\n".join(",".join(map(str, row)) for row in rows)
    path.write_text(text if ending == "csv" else json.dumps(rows))
    message = refusal(path)
    assert f"--columns {order}" in message
    assert list(read_candles(path, Timeframe.H1, columns=order).candles) == ROWS


def test_names_that_are_wrong_are_replaced_by_the_columns_given(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text(
        lines(
            "time,open,high,low,close,volume,x",
            lambda r: f"{r.time},{r.open},{r.close},{r.high},{r.low},{r.volume},1",
        )
    )
    assert "--columns time,open,close,high,low,volume" in refusal(path)
    columns = "time,open,close,high,low,volume"
    assert list(read_candles(path, Timeframe.H1, columns=columns).candles) == ROWS


def test_unknown_names_are_refused_and_read_with_the_columns_given(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text(lines("zeit,auf,hoch,tief,zu,menge", lambda r: ",".join(map(str, r))))
    message = refusal(path)
    assert "no column for time" in message
    assert "it has 'zeit', 'auf'" in message
    assert "--columns" in message
    columns = "time,open,high,low,close,volume"
    assert list(read_candles(path, Timeframe.H1, columns=columns).candles) == ROWS


@pytest.mark.parametrize("count", [3, 15])
@pytest.mark.parametrize("volume_at", [6, None])
def test_an_average_price_is_no_volume(tmp_path: Path, volume_at: int | None, count: int) -> None:
    path = tmp_path / "c.json"
    rest = [] if volume_at is None else [1]
    rows = [
        [
            row.time // 1000,
            *strings(row)[:4],
            str(row.close - 0.01),
            *([row.volume] if rest else []),
        ]
        for row in ROWS[:count]
    ]
    path.write_text(json.dumps({"error": [], "result": {"XXBTZUSD": rows, "last": 1}}))
    message = refusal(path)
    assert "sixth column lies between low and high in every row" in message
    order = "time,open,high,low,close,vwap" + (",volume" if rest else "")
    found = read_candles(path, Timeframe.H1, columns=order)
    assert found.has_volume is bool(rest)
    if rest:
        assert list(found.candles) == ROWS[:count]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ("time,opne,high,low,close,volume", "no column for open"),
        ("time,open,high,low,close,volume,open", "2 columns are called open"),
        ("time,open,high,low,close,a,b,c,d,volume", "expected the 10 that were named"),
        ("", "no column for time"),
    ],
)
def test_columns_that_cannot_be_are_refused(tmp_path: Path, columns: str, words: str) -> None:
    path = tmp_path / "c.csv"
    path.write_text("\n".join(",".join(map(str, row)) for row in ROWS))
    with pytest.raises(CandleFileError, match=words):
        read_candles(path, Timeframe.H1, columns=columns)


# ── Other things that are said ──


def test_files_of_two_kinds_put_together_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    one = lines("time,open,high,low,close,volume", lambda r: ",".join(map(str, r)), ROWS[:7])
    two = lines("time,open,close,high,low,volume", lambda r: ",".join(map(str, r)), ROWS[7:])
    path.write_text(one + two)
    assert "line 9: other column names than at the top" in refusal(path)


def test_a_number_that_may_be_thousands_or_decimals_is_asked_about(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("Date;Open;High;Low;Close;Volume\n2024-01-01;1,125;1,250;1,100;1,200;1,500\n")
    assert "'1,125' may be thousands, or have decimals behind its comma" in refusal(path)


def test_a_date_is_read_in_the_order_that_all_of_them_fit(tmp_path: Path) -> None:
    days = [Candle(START + n * 24 * HOUR, 10, 11, 9, 10, 1) for n in range(20)]
    path = tmp_path / "c.csv"
    for form in ("%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y"):
        for count in (20, 8):
            body = lines(
                "date,open,high,low,close,volume",
                lambda r, form=form: f"{at(r, form)},{ohlcv(r)}",  # type: ignore[misc]
                days[:count],
            )
            path.write_text(body)
            assert list(read_candles(path, Timeframe.D1).candles) == days[:count]


def test_columns_that_name_the_market_twice_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    header = "ticker,ticker,time,open,high,low,close,volume"
    path.write_text(lines(header, lambda r: "A,B," + ",".join(map(str, r))))
    assert list(read_candles(path, Timeframe.H1).candles) == ROWS


def test_only_close_times_are_no_open_times(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text(lines("close_time,open,high,low,close,volume", lambda r: ",".join(map(str, r))))
    assert "only close times (column close time), where open times are needed" in refusal(path)


@pytest.mark.parametrize(
    ("name", "market"),
    [
        ("BTCUSDT-1h-2021-01.zip", "BTC/USDT"),
        ("BTC_USDT-1h.feather", "BTC/USDT"),
        ("Binance_ETHUSDT_1h.csv", "ETH/USDT"),
        ("BINANCE_BTCUSDT, 60.csv", "BTC/USDT"),
        ("XBTUSD_60.csv", "BTC/USD"),
        ("1000SHIBUSDT-5m.csv", "1000SHIB/USDT"),
        ("candles.csv", None),
        ("backtest_eth.csv", None),
        ("run3.csv", None),
    ],
)
def test_a_name_says_its_market(name: str, market: str | None) -> None:
    assert market_in_name(Path(name)) == market


def test_files_named_for_another_market_are_told_before_they_are_read() -> None:
    files = {"BTC/USDT": "/data/ETHUSDT-5m.csv.gz", "SOL/USDT": "/data/sol.csv"}
    told = "ETHUSDT-5m.csv.gz: its name says ETH/USDT, where BTC/USDT was asked for"
    assert other_markets(files) == [told]
    assert other_markets({"BTC/USDT:USDT": "BTCUSDT-5m.csv.gz"}) == []


def read_as(tmp_path: Path, name: str, content: str, symbol: str) -> CandleFile:
    path = tmp_path / name
    path.write_text(content)
    return read_candles(path, Timeframe.H1, symbol=symbol)


def test_a_file_of_another_market_is_said(tmp_path: Path) -> None:
    plain = lines("time,open,high,low,close,volume", lambda r: ",".join(map(str, r)))
    other = read_as(tmp_path, "ETHUSDT-1h.csv", plain, "BTC/USDT")
    assert other.notes == ("its name says ETH/USDT, where BTC/USDT was asked for",)
    assert read_as(tmp_path, "ETHUSDT-1h.csv", plain, "ETH/USDT:USDT").notes == ()
    named = lines(
        "symbol,time,open,high,low,close,volume", lambda r: "ETHUSDT," + ",".join(map(str, r))
    )
    other = read_as(tmp_path, "x.csv", named, "BTC/USDT")
    assert other.notes == ("its rows are of ETH/USDT, where BTC/USDT was asked for",)


def test_a_majority_off_the_grid_is_an_error(tmp_path: Path) -> None:
    moved = [row._replace(time=row.time + 14_000 * (n > 5)) for n, row in enumerate(ROWS)]
    path = tmp_path / "c.csv"
    path.write_text(
        lines("time,open,high,low,close,volume", lambda r: ",".join(map(str, r)), moved)
    )
    assert "9 candles off the grid" in refusal(path)


def test_a_file_of_five_minutes_is_none_of_an_hour_whatever_its_columns(tmp_path: Path) -> None:
    rows = [row._replace(time=START + n * 5 * MINUTE) for n, row in enumerate(ROWS)]
    path = tmp_path / "c.csv"
    path.write_text(lines("time,open,high,low,close,volume", lambda r: ",".join(map(str, r)), rows))
    assert "holds 5m candles; expected 1h candles" in refusal(path)


@pytest.mark.shared_data
def test_files_kept_as_they_were_downloaded(shared_data: Path) -> None:
    folder = shared_data.parent / "cases" / "files"
    if not folder.is_dir():
        pytest.skip(f"needs the candle files in {folder}")
    whole = [*folder.glob("BTC*.zip"), *folder.glob("*_um_*"), *folder.glob("cdd_*")]
    whole += [folder / f"{name}.csv" for name in ("closetime_too", "dukascopy", "mt5")]
    whole += [folder / f"{name}.csv" for name in ("tradingview_novol", "yyyymmddhhmm")]
    assert {len(read_candles(path, Timeframe.H1).candles) for path in whole} == {480}
    assert len(read_candles(folder / "kaggle_bitstamp.csv", Timeframe.H1).candles) == 432
    assert read_candles(folder / "off14.csv", Timeframe.M1).dropped == 20
    for name in ("kucoin_1m.csv", "jesse_noheader.csv"):
        assert "--columns time,open,close,high,low,volume," in refusal(folder / name)
    assert "sixth column" in refusal(folder / "kraken_rest_list.json")


def refusal(path: Path, content: bytes | None = None) -> str:
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CandleFileError) as caught:
        read_candles(path, Timeframe.H1)
    return str(caught.value)
