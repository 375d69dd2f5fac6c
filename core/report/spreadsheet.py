"""Writes trades and curves as CSV that a spreadsheet opens without running any of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from itertools import tee
from typing import Any

from core.report.report_sections import Report
from core.text import safe_text
from core.time_format import iso_times

_TRADE_COLUMNS = (
    "id", "symbol", "side", "signal_time", "entry_time", "entry_filled_at", "entry_price",
    "exit_time", "exit_filled_at", "exit_price", "quantity", "leverage", "margin", "fees",
    "funding", "pnl", "pnl_pct", "exit_reason", "ambiguous", "seen_late", "by_hand", "parts",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def trades_csv(report: Report) -> str:
    """The closed trades of a report (its JSON), a line each under a header.

    Numbers are written in full, times in ISO 8601 UTC, what is not known as an empty cell. `parts`
    has each exit of a trade that had several: `quantity at price, time, reason`, parted by `;`.
    """
    rows = (
        [*(trade.get(column) for column in _TRADE_COLUMNS[:-1]), _parts_text(trade.get("parts"))]
        for trade in report["trades"]
    )
    return csv_text(_TRADE_COLUMNS, rows)


def equity_csv(report: Report, curve: Iterable[tuple[int, float]] | None = None) -> str:
    """The equity of a report, `time,equity`; only the header where the report has none.

    `curve`: (UTC ms, equity) of every candle, where that of the report is thinned.
    """
    if curve is None:
        return csv_text(("time", "equity"), report.get("equity", ()))
    times, equities = tee(curve)
    texts = iso_times(time for time, _ in times)
    rows = (f"{time},{equity}\n" for time, (_, equity) in zip(texts, equities, strict=True))
    return "".join(("time,equity\n", *rows))


def curves_csv(curves: Mapping[str, Iterable[tuple[int, float]]]) -> str:
    """Curves ((UTC ms, value) by their names), each a column, over all times that one of them has.

    The cell of one that has no value at a time is empty.
    """
    columns = [dict(points) for points in curves.values()]
    times = sorted(set().union(*columns))
    rows = (
        (text, *(column.get(time) for column in columns))
        for text, time in zip(iso_times(times), times, strict=True)
    )
    return csv_text(("time", *curves), rows)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A header and rows as CSV; cells that a spreadsheet would run as formulas are made text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _parts_text(parts: Sequence[Mapping[str, Any]] | None) -> str | None:
    if not parts:
        return None
    return "; ".join(
        f"{part['quantity']!r} at {part['price']!r}, {part['time']}, {part['reason']}"
        for part in parts
    )


def _cell(value: object) -> object:
    """A value as a cell. A text that a spreadsheet would run as a formula gets an apostrophe."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = safe_text(value)
        return f"'{text}" if value.lstrip().startswith(_FORMULA) or value[:1] in _FORMULA else text
    return value
