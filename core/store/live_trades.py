"""Reads the trades made with real money (trades.jsonl), which others write.

The file is read line by line and kept packed: a trade takes some hundred bytes, where as objects a
million of them would take a gigabyte.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import overload

import msgspec
import numpy as np

from core.store.durable import open_regular

_LATEST = 7_258_118_400_000  # 2200-01-01 in ms: no trade was made after it, or before 1970
_LARGEST = 1e15  # money, quantities and per cent; sums of a million such numbers are still exact
_LONGEST = 64 * 1024  # bytes of a line
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # with which some editors begin a file
_NEVER = -(2**63)  # in a column of times: none
_FIGURES = ("price", "amount", "leverage", "pnl", "pnl_pct")
_NAN = math.nan
# Where its ID ends, two hashes of it, when opened and closed, the strategy's number, the length of
# the ID with a bit that tells whether it is open; price, amount, leverage, P&L, P&L in per cent.
_ROW = struct.Struct("=7q5d")
_HASH, _CHECK, _CODE = 1, 2, 5  # places in it
Rows = np.typing.NDArray[np.int64]


class LiveTrade(msgspec.Struct, frozen=True, gc=False):
    """What is counted of a live trade, as last recorded. Times are UTC ms, money quote currency.

    `status` is "open" or "closed"; `strategy` the name in `source` ("strategy:NAME"), None for
    trades of another source. `price` and `amount` are kept where `pnl_pct` is not told.
    """

    id: str
    opened: int
    status: str
    strategy: str | None
    price: float | None = None
    amount: float | None = None
    leverage: float | None = None
    closed: int | None = None
    pnl: float | None = None
    pnl_pct: float | None = None


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no trade, and why."""

    number: int
    why: str


class _Records:
    """The records of a file in their order, packed: a row of numbers each, and the IDs."""

    def __init__(self) -> None:
        self.names: list[str | None] = [None]
        self._ids = bytearray()
        self._rows = bytearray()
        self._codes: dict[str | None, int] = {None: 0}

    def append(self, trade: LiveTrade) -> None:
        name = trade.id.encode(errors="surrogatepass")
        self._ids += name
        code = self._codes.setdefault(trade.strategy, len(self.names))
        if code == len(self.names):
            self.names.append(trade.strategy)
        self._rows += _ROW.pack(
            len(self._ids),
            hash(name),
            zlib.crc32(name),
            trade.opened,
            _NEVER if trade.closed is None else trade.closed,
            code,
            len(name) << 1 | (trade.status == "open"),
            _NAN if trade.price is None else trade.price,
            _NAN if trade.amount is None else trade.amount,
            _NAN if trade.leverage is None else trade.leverage,
            _NAN if trade.pnl is None else trade.pnl,
            _NAN if trade.pnl_pct is None else trade.pnl_pct,
        )

    def trade(self, row: int) -> LiveTrade:
        end, _, _, opened, closed, code, packed, *figures = _ROW.unpack_from(
            self._rows, row * _ROW.size
        )
        is_open, length = packed & 1, packed >> 1
        price, amount, leverage, pnl, pnl_pct = (None if x != x else x for x in figures)  # noqa: PLR0124  NaN
        return LiveTrade(
            self._ids[end - length : end].decode(errors="surrogatepass"),
            opened,
            "open" if is_open else "closed",
            self.names[code],
            price,
            amount,
            leverage,
            None if closed == _NEVER else closed,
            pnl,
            pnl_pct,
        )

    def column(self, number: int) -> Rows:
        """A column of whole numbers."""
        return np.frombuffer(self._rows, dtype=np.int64).reshape(-1, _ROW.size // 8)[:, number]

    def newest(self) -> Rows:
        """The row of each trade's last record, in the order of the first ones.

        Records are of one trade where 96 bits of two hashes of their IDs agree.
        """
        hashes, checks = self.column(_HASH), self.column(_CHECK)
        order = np.lexsort((np.arange(len(hashes)), checks, hashes))
        begins = np.ones(len(order), dtype=np.bool_)
        begins[1:] = (np.diff(hashes[order]) != 0) | (np.diff(checks[order]) != 0)
        first = np.flatnonzero(begins)
        last = np.append(first[1:], len(order))[: len(first)] - 1
        newest: Rows = order[last][np.argsort(order[first])]
        return newest


class _Trades(Sequence[LiveTrade]):
    """Some rows of the columns, each made into a trade when it is asked for."""

    def __init__(self, records: _Records, rows: Rows) -> None:
        self._records = records
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    @overload
    def __getitem__(self, place: int) -> LiveTrade: ...

    @overload
    def __getitem__(self, place: slice) -> _Trades: ...

    def __getitem__(self, place: int | slice) -> LiveTrade | _Trades:
        if isinstance(place, slice):
            return _Trades(self._records, self._rows[place])
        return self._records.trade(int(self._rows[place]))

    def of_strategy(self, name: str) -> _Trades:
        if name not in self._records.names:
            return self[:0]
        code = self._records.names.index(name)
        return _Trades(self._records, self._rows[self._records.column(_CODE)[self._rows] == code])


@dataclass(frozen=True, slots=True)
class LiveTrades:
    """The trades by their first appearance, each as its last line says; and the lines not read."""

    trades: Sequence[LiveTrade]
    bad_lines: tuple[BadLine, ...]

    def of_strategy(self, name: str) -> Sequence[LiveTrade]:
        """The trades whose source is "strategy:NAME"."""
        if isinstance(self.trades, _Trades):
            return self.trades.of_strategy(name)
        return [trade for trade in self.trades if trade.strategy == name]


class _Record(msgspec.Struct):
    """What is read of a line: numbers may be spelt as text, times as ms, seconds or ISO 8601."""

    ts: float | str
    id: str | int
    symbol: str
    side: str
    status: str = "open"
    price: float | None = None
    amount: float | None = None
    leverage: float | None = None
    source: str | None = None
    close_ts: float | str | None = None
    pnl: float | None = None
    pnl_pct: float | None = None


def read_live_trades(path: Path) -> LiveTrades:
    """Every trade in the file; none where there is no file.

    A record later in the file replaces an earlier one of the same ID. Bad lines are counted, not
    fatal.

    Raises:
        OSError: the file is there and cannot be read.
    """
    decode = msgspec.json.Decoder(_Record, strict=False).decode
    records = _Records()
    bad: list[BadLine] = []
    try:
        for number, line in _lines(path):
            try:
                records.append(_trade(decode(line)))
            except (msgspec.DecodeError, ValueError, OverflowError) as error:
                bad.append(BadLine(number, str(error)))
    except FileNotFoundError:
        return LiveTrades((), ())
    return LiveTrades(_Trades(records, records.newest()), tuple(bad))


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, numbered from 1; of one that is too long, its beginning."""
    with open_regular(path) as file:
        number, whole = 0, True
        while line := file.readline(_LONGEST):
            if whole:
                number += 1
                line = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
                if not line.isspace():
                    yield number, line
            whole = line.endswith(b"\n")


def _trade(record: _Record) -> LiveTrade:
    if record.side.lower() not in ("buy", "sell"):
        raise ValueError(f"side: expected buy or sell, found {record.side[:20]!r}")
    status = record.status.lower()
    if status not in ("open", "closed"):
        raise ValueError(f"status: expected open or closed, found {record.status[:20]!r}")
    prefix, colon, name = (record.source or "").partition(":")
    opened = _time(record.ts)
    closed = None if record.close_ts is None else _time(record.close_ts)
    if closed is not None and closed < opened:
        raise ValueError("close_ts: expected a time after ts")
    for field in _FIGURES:
        value = getattr(record, field)
        if value is not None and not abs(value) <= _LARGEST:
            raise ValueError(f"{field}: expected at most {_LARGEST:g}, found {value:g}")
    sized = record.pnl_pct is None
    return LiveTrade(
        str(record.id),
        opened,
        status,
        name if colon and prefix == "strategy" else None,
        record.price if sized else None,
        record.amount if sized else None,
        record.leverage,
        closed,
        record.pnl,
        record.pnl_pct,
    )


def _time(value: float | str) -> int:
    """UTC ms of a time in seconds, milliseconds or ISO 8601 (without a zone: UTC)."""
    if isinstance(value, str) and value.replace(".", "", 1).isdigit():
        value = float(value)
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        value = moment.timestamp() * 1000
    elif value < 1e11:  # seconds stay below it until the year 5138; ms passed it in 1973
        value *= 1000
    if not 0 <= value < _LATEST:
        raise ValueError("time: expected seconds, ms or ISO 8601, between 1970 and 2200")
    return round(value)
