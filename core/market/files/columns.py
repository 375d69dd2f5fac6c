"""Finds out which column of a candle file is which, from its names and its first rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.market.candles.candle import Candle
from core.market.files.cells import as_times, column_of, is_clock, is_date, is_numeric, is_time

FIELDS = Candle._fields
PRICES = FIELDS[1:5]
USUAL_ORDER = ", ".join(FIELDS)

# Where a file has several of them, the first named here is meant.
_PRICE_NAMES = {
    "open": ("open", "o", "open price", "opening price", "openprice"),
    "high": ("high", "h", "high price", "highprice", "max"),
    "low": ("low", "l", "low price", "lowprice", "min"),
    "close": ("close", "c", "close price", "closing price", "closeprice", "trade price", "last"),
}
_BASE_VOLUMES = (
    *("volume", "vol", "v", "base volume", "basevolume", "volume base", "volumefrom"),
    *("volume from", "base asset volume", "candle acc trade volume"),
)
_TICKS = ("tick volume", "tickvolume", "tickvol", "tick vol")
_OPEN_TIMES = (
    *("open time", "opentime", "time open", "timeopen", "open timestamp", "time period start"),
    *("period start", "start time", "starttime", "start at", "startat", "started at", "start"),
    *("candle date time utc", "begin"),
)
_TIMES = (
    *("timestamp", "time", "date", "datetime", "date time", "unix", "unix timestamp", "unix time"),
    *("gmt time", "utc time", "time utc", "date utc", "datetime utc", "timestamp utc", "utc"),
    *("local time", "epoch", "ts", "t", "mts", "timestamp ms", "time ms"),
)
_CLOSE_TIMES = ("close time", "closetime", "time close", "timeclose", "end time", "end", "endat")
_INDEX = ("", "index", "unnamed 0", "level 0")
_SYMBOLS = ("symbol", "ticker", "pair", "market", "instrument", "instrument name", "tic")
_SUFFIXED = re.compile(r"(open|high|low|close) (?!time|timestamp|interest|volume)(.+)")
_VOLUME_OF = re.compile(r"(?:volume|vol) (?:in )?([a-z0-9]+)|([a-z0-9]+) (?:volume|vol)")
_OTHER_VOLUMES = frozenset(
    [
        *("usd", "usdt", "usdc", "busd", "fdusd", "tusd", "dai", "eur", "gbp", "jpy", "krw", "try"),
        *("brl", "currency", "quote", "notional", "ccy", "to", "ma", "sma", "taker", "buy", "sell"),
        *("weighted", "price", "up", "down", "profile", "change"),
    ]
)
_SAMPLE = 100


@dataclass(frozen=True, slots=True)
class Layout:
    """Which position of a row holds what.

    `positions`: of the six fields, of which `volume` may be absent; `clock`, where the time of day
    stands apart from the date; `symbol`, where a column names the market. `names` are those of all
    columns in plain words, None where the file has none.
    """

    positions: dict[str, int]
    names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()

    def in_order_of(self, fields: dict[str, str]) -> str:
        """The file's columns as `--columns` names them, where each field is really another."""
        known = {place: fields.get(name, name) for name, place in self.positions.items()}
        width = max(known) + 1
        return ",".join(known.get(place, "-") for place in range(width))


def plain_names(names: Sequence[object]) -> tuple[str, ...]:
    """Names as they are compared: lower case, words with one space between them."""
    return tuple(_plain(name) if isinstance(name, str) else "" for name in names)


def _plain(name: str) -> str:
    words = re.sub(r"[^a-z0-9]+", " ", name.lower()).strip()
    return re.sub(r"^\d+[a-z]? (?=[a-z])", "", words)  # Alpha Vantage's "1. open"


def find_columns(
    names: Sequence[object], rows: Sequence[Sequence[object]] = (), base: str | None = None
) -> tuple[Layout | None, str | None]:
    """What the columns of these names are, or what is wrong if they are not those of candles.

    Args:
        names: of all columns, in any case; those of other names are ignored.
        rows: the first few of the file, which tell dates from times of day, and open times from
            close times.
        base: the base currency of the market that is wanted, to tell its volume from that of the
            quote currency.
    """
    plain = plain_names(names)
    rows = rows[:_SAMPLE]
    notes: list[str] = []
    try:
        prices = _price_columns(plain)
        time, clock = _time_columns(plain, rows, notes)
        volume = _volume_column(plain, rows, base)
    except _TroubleError as trouble:
        return None, str(trouble)
    missing = [
        f"{field} (as {', '.join(_PRICE_NAMES[field][:2])})"
        for field in PRICES
        if field not in prices
    ]
    if time is None:
        missing.insert(0, f"time (as {', '.join(_TIMES[:6])})")
        if missing[1:] == [] and (closes := [name for name in plain if name in _CLOSE_TIMES]):
            return None, f"only close times (column {closes[0]}), where open times are needed"
    if missing:
        return None, f"no column for {'; '.join(missing)}"
    positions = {"time": time, **{field: prices[field] for field in PRICES}}
    symbol = next((plain.index(name) for name in _SYMBOLS if name in plain), None)
    positions |= {"volume": volume, "clock": clock, "symbol": symbol}
    known = {name: place for name, place in positions.items() if place is not None}
    return Layout(known, plain, tuple(notes)), None


def headerless(row: Sequence[object]) -> Layout | None:
    """The usual order of columns, where a first line is a row and not names.

    Exchanges' archives begin so, and MetaTrader's, where the time of day stands apart.
    """
    apart = len(row) > 1 and is_date(row[0]) and ":" in str(row[1]) and is_clock(row[1])
    shift = 1 if apart else 0
    first = 1 + shift
    if len(row) < first + 4 or not all(map(is_numeric, row[first : first + 4])):
        return None
    if not (is_numeric(row[0]) or is_time(row[0])):
        return None
    positions = {"time": 0} | {field: first + place for place, field in enumerate(PRICES)}
    if len(row) > first + 4:
        positions["volume"] = first + 4
    if shift:
        positions["clock"] = 1
    return Layout(positions)


class _TroubleError(ValueError):
    """The columns cannot be told apart; the message says which."""


def _first(plain: Sequence[str], names: Sequence[str]) -> int | None:
    """The position of the first of `names` that is there, if it is there once."""
    for name in names:
        if plain.count(name) > 1:
            raise _TroubleError(f"{plain.count(name)} columns are called {name}")
        if name in plain:
            return plain.index(name)
    return None


def _price_columns(plain: Sequence[str]) -> dict[str, int]:
    found = {field: _first(plain, _PRICE_NAMES[field]) for field in PRICES}
    if found["close"] is None and "price" in plain:  # Investing.com calls its close so
        found["close"] = _first(plain, ("price",))
    prices = {field: place for field, place in found.items() if place is not None}
    if len(prices) == len(PRICES):
        return prices
    sets: dict[str, dict[str, int]] = {}
    for place, name in enumerate(plain):
        if (parts := _SUFFIXED.fullmatch(name)) is not None:
            sets.setdefault(parts[2], {})[parts[1]] = place
    whole = {suffix: places for suffix, places in sets.items() if len(places) == len(PRICES)}
    if len(whole) > 1:
        raise _TroubleError(f"several sets of prices: of {', '.join(whole)}")
    return next(iter(whole.values()), prices)


def _time_columns(
    plain: Sequence[str], rows: Sequence[Sequence[object]], notes: list[str]
) -> tuple[int | None, int | None]:
    """Where the open time stands, and where its time of day does, if apart."""

    def cells(place: int) -> list[object]:
        return [row[place] for row in rows if place < len(row)]

    opens = _first(plain, _OPEN_TIMES)
    if opens is not None:
        return opens, None
    places = [place for name in _TIMES if (place := _first(plain, (name,))) is not None]
    if not places:
        first = plain[0] in _INDEX if plain else False
        return (0 if first and rows and all(map(is_time, cells(0))) else None), None
    if "date" in plain and "time" in plain:
        date, clock = plain.index("date"), plain.index("time")
        if rows and all(map(is_clock, cells(clock))) and all(map(is_date, cells(date))):
            return date, clock
    if len(places) == 1 or not rows:
        return places[0], None
    readings = {}
    for place in places:
        times, strange = as_times(column_of(cells(place)))
        if strange is None and len(times) == len(rows):
            readings[place] = times
    if not readings:
        return places[0], None
    earliest = np.minimum.reduce(list(readings.values()))
    opening = [place for place in readings if np.array_equal(readings[place], earliest)]
    chosen = opening[0] if opening else next(iter(readings))
    later = [plain[place] for place in readings if not np.array_equal(readings[place], earliest)]
    if opening and later:
        notes.append(f"took {plain[chosen]} for the open time: {later[0]} is later")
    return chosen, None


def _volume_column(
    plain: Sequence[str], rows: Sequence[Sequence[object]], base: str | None
) -> int | None:
    ticks = _first(plain, _TICKS)
    found = None if base is None else _first(plain, (f"volume {base.lower()}",))
    if found is None:
        found = _first(plain, _BASE_VOLUMES)
    if found is None:
        for place, name in enumerate(plain):
            match = _VOLUME_OF.fullmatch(name)
            if match is not None and (match[1] or match[2]) not in _OTHER_VOLUMES | {"tick"}:
                found = place
                break
    if found is None:
        return ticks
    if ticks is not None and rows:  # brokers that know no volume write 0, and count price changes
        amounts = [str(row[found]).strip() for row in rows if found < len(row)]
        if all(amount in ("0", "0.0") for amount in amounts):
            return ticks
    return found
