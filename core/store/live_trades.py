"""Reads the trades made with real money: trades.jsonl, written by others, only read here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

_LATEST = 253_402_300_799_999  # 9999-12-31 in ms; what is larger is not a time in ms


class LiveTrade(msgspec.Struct, frozen=True):
    """What is counted of a live trade, as last recorded. Times are UTC ms, money quote currency.

    `status` is "open" or "closed"; `strategy` the name in `source` ("strategy:NAME"), None for
    trades of another source.
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


@dataclass(frozen=True, slots=True)
class LiveTrades:
    """The trades by their first appearance, each as its last line says; and the lines not read."""

    trades: tuple[LiveTrade, ...]
    bad_lines: tuple[BadLine, ...]

    def of_strategy(self, name: str) -> tuple[LiveTrade, ...]:
        """The trades whose source is "strategy:NAME"."""
        return tuple(trade for trade in self.trades if trade.strategy == name)


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
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return LiveTrades((), ())
    decode = msgspec.json.Decoder(_Record, strict=False).decode
    trades: dict[str, LiveTrade] = {}
    bad: list[BadLine] = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line or line.isspace():
            continue
        try:
            trade = _trade(decode(line))
        except (msgspec.DecodeError, ValueError, OverflowError) as error:
            bad.append(BadLine(number, str(error)))
        else:
            trades[trade.id] = trade
    return LiveTrades(tuple(trades.values()), tuple(bad))


def _trade(record: _Record) -> LiveTrade:
    if record.side.lower() not in ("buy", "sell"):
        raise ValueError(f"side: expected buy or sell, found {record.side[:20]!r}")
    status = record.status.lower()
    if status not in ("open", "closed"):
        raise ValueError(f"status: expected open or closed, found {record.status[:20]!r}")
    prefix, colon, name = (record.source or "").partition(":")
    return LiveTrade(
        str(record.id),
        _time(record.ts),
        status,
        name if colon and prefix == "strategy" else None,
        record.price,
        record.amount,
        record.leverage,
        None if record.close_ts is None else _time(record.close_ts),
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
        return round(moment.timestamp() * 1000)
    if not 0 <= value <= _LATEST:
        raise ValueError(f"time: expected seconds, ms or ISO 8601, found {value:g}")
    # Seconds since the epoch stay below 1e11 until the year 5138; ms passed it in 1973.
    return round(value * 1000) if value < 1e11 else round(value)
