"""The sections of a report and their order, the same for terminal, Markdown and HTML.

A report is a result as written by `core.report.result`, with what a session adds to it
(docs/formats.md §8: session_id, mode, gaps, restarts, comparison, recommendation).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.market.symbols import money_decimals
from core.report.metric_labels import metric_figures, money_text, price_text, signed_money
from core.report.metric_words import UNDEFINED
from core.report.written_report import left_open, told_until
from core.text import (
    basis_points,
    number,
    per_cent,
    reason_text,
    safe_text,
    signed_basis_points,
    signed_per_cent,
)
from core.time_format import parse_time, short_duration, short_time

Report = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a header; `numeric` tells which columns are set flush right."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a report: sentences, then points, then a table, then text to be set as it is.

    All text is plain: no control characters, and nothing in it is markup.
    """

    title: str
    sentences: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    table: Table | None = None
    literal: str | None = None


def report_title(report: Report) -> str:
    """What the report is of."""
    session = f", session {report['session_id']}" if report.get("session_id") else ""
    return safe_text(f"{report['strategy']}{session}")


_LAST_TRADES = 1_000
"""Trades in a report for people: more of them are for the JSON and for a spreadsheet."""


def outline(report: Report, *, last_trades: int = _LAST_TRADES) -> tuple[Section, ...]:
    """The sections of a report that have something to say.

    Args:
        report: a result's or a session's JSON.
        last_trades: show only so many of the trades, the last ones.
    """
    sections = (
        _run(report),
        _metrics(report),
        _recommendation(report),
        _comparison(report),
        _differences(report),
        _points("Warnings", report.get("warnings", ())),
        _points("Signs to doubt", report.get("quality_flags", ())),
        _diagnosis(report.get("diagnosis")),
        _points("Gaps", (_told(one, _gap) for one in report.get("gaps") or ())),
        _points("Restarts", (_told(one, _restart) for one in report.get("restarts") or ())),
        _months(report.get("monthly", ())),
        _open_trades(report.get("open_trades", ())),
        _venue_orders(report.get("venue_orders")),
        _trades(report.get("trades", ()), last_trades),
    )
    return tuple(
        section
        for section in sections
        if section.sentences or section.points or section.table or section.literal
    )


def _run(report: Report) -> Section:
    period = report["period"]
    symbols = ", ".join(report["symbols"])
    sentences = [f"{symbols} on {report['timeframe']}"]
    if period["candles"]:
        sentences.append(
            f"{short_time(parse_time(period['start']))} to "
            f"{told_until(period['end'], report['timeframe'])} UTC, {period['candles']:,} candles"
        )
    else:
        sentences.append("no candle was decided on")
    fills = "the close" if report["fill_on"] == "close" else "the next open"
    if report.get("fills") == "market":
        fills = "the market's prices"
    sentences.append(f"fills at {fills}, fees {per_cent(report['fees'] * 100)} per side")
    if report.get("mode"):
        sentences.append(f"mode {report['mode']}")
    return Section("Run", tuple(map(safe_text, sentences)))


def _metrics(report: Report) -> Section:
    start, end = report["starting_balance"], report["ending_balance"]
    decimals = money_decimals(*report["symbols"])
    gain = signed_money(end - start, decimals)
    sentences = [f"Balance {money_text(start, decimals)} to {money_text(end, decimals)} ({gain})"]
    if still_open := report.get("open_trades"):
        marked = sum(trade["unrealized_pnl"] for trade in still_open)
        count = len(still_open)
        where, close = left_open(report.get("parts"))
        sentences.append(
            f"{count} position{'s'[: count != 1]} open at {where}, "
            f"{signed_money(marked, decimals)} of it, marked to {close}"
        )
    ambiguous = report.get("ambiguous") or {}
    if ambiguous.get("trades"):
        sentence = (
            f"{ambiguous['trades']} of {len(report['trades'])} trades met stop and target in one "
            "candle and count as stopped"
        )
        target_first = ambiguous.get("target_first_return_pct")
        if target_first is not None:
            made = signed_per_cent(target_first)
            sentence += f"; with the target first the return would be {made}"
        sentences.append(sentence)
    figures = metric_figures(report["metrics"], decimals)
    rows = tuple((f.label, f.text, safe_text(f.note)) for f in figures)
    return Section(
        "Result", tuple(sentences), table=Table(("", "Value", "Note"), rows, (False, True, False))
    )


def _recommendation(report: Report) -> Section:
    """What a session's trades advised after its last candle; live trades may have come since."""
    recommendation = report.get("recommendation")
    if not recommendation:
        return Section("Recommendation")
    until = told_until(report["period"]["end"], report["timeframe"])
    as_of = "" if until is None else f" as of {until} UTC"
    return Section(f"Recommendation{as_of}", (safe_text(str(recommendation)),))


def _comparison(report: Report) -> Section:
    text = (report.get("comparison") or {}).get("text")
    lines = None if text is None else "\n".join(safe_text(line) for line in str(text).splitlines())
    return Section("Comparison", literal=lines)


def _differences(report: Report) -> Section:
    divergence = (report.get("comparison") or {}).get("divergence") or {}
    rows = tuple(
        (
            each["match"],
            safe_text(trade["symbol"]),
            trade["side"],
            short_time(parse_time(trade["signal_time"])),
            *(_pnl(each[run]) for run in ("backtest", "paper")),
            _money(each["difference"], trade),
            safe_text(f"{reason_text(each['cause'])}: {each['detail']}"),
        )
        for each in reversed(divergence.get("trades", ()))
        if each["cause"] is not None
        for trade in [each["backtest"] or each["paper"]]
    )
    header = ("", "Symbol", "Side", "Signal", "Replay", "Paper", "Difference", "Cause")
    numeric = (False, False, False, False, True, True, True, False)
    left_out = divergence.get("trades_left_out", 0)
    points = (f"{left_out:,} trades that differ less, or not at all, are left out.",)
    return Section(
        "Trades that differ",
        points=points if rows and left_out else (),
        table=Table(header, rows, numeric) if rows else None,
    )


def _pnl(trade: Mapping[str, Any] | None) -> str:
    return UNDEFINED if trade is None else _money(trade["pnl"], trade)


def _money(gain: float, trade: Mapping[str, Any]) -> str:
    """What a trade gained or lost."""
    return signed_money(gain, money_decimals(trade["symbol"]))


def _points(heading: str, texts: Iterable[str]) -> Section:
    return Section(heading, points=tuple(safe_text(str(text)) for text in texts))


def _told(entry: object, tell: Callable[[Mapping[str, Any]], str]) -> str:
    """An entry of a session's list: what `tell` makes of it, else as it is written."""
    if not isinstance(entry, Mapping):
        return str(entry)
    try:
        return tell(entry)
    except (KeyError, TypeError, ValueError):  # of another version, or by another hand
        return ", ".join(f"{name} {value}" for name, value in entry.items() if value is not None)


def _gap(gap: Mapping[str, Any]) -> str:
    """Candles that a session never had: which, and why."""
    first, last, count = _minute(gap["first"]), _minute(gap["last"]), gap["candles"]
    when = first if first == last else f"{first} to {last}"
    return f"{gap['symbol']} {when}, {count:,} candle{'s'[: count != 1]}: {gap['why']}"


def _restart(restart: Mapping[str, Any]) -> str:
    """When a host took a session up again, and the last candle before."""
    at, after = _minute(restart["at"]), restart.get("after")
    return at if after is None else f"{at}, last candle before {_minute(after)}"


def _minute(time: str) -> str:
    return short_time(parse_time(time))


def _diagnosis(diagnosis: Mapping[str, Any] | None) -> Section:
    if diagnosis is None:
        return Section("Why no trade was closed")
    rows = tuple(
        (
            safe_text(condition["group"]),
            safe_text(condition["condition"]),
            f"{condition['hits']:,}",
            f"{condition['valid']:,}",
            f"{condition['nan']:,}",
            UNDEFINED if condition.get("without") is None else f"{condition['without']:,}",
        )
        for condition in diagnosis["conditions"]
    )
    header = ("", "Condition", "Held", "Valid candles", "NaN candles", "Entries without it")
    return Section(
        "Why no trade was closed",
        (safe_text(diagnosis["summary"]),),
        table=Table(header, rows, (False, False, True, True, True, True)),
    )


def _months(months: Sequence[Mapping[str, Any]]) -> Section:
    rows = tuple(
        (
            month["month"],
            UNDEFINED if (made := month["return_pct"]) is None else signed_per_cent(made),
        )
        for month in months
    )
    return Section(
        "Months", table=Table(("Month", "Return"), rows, (False, True)) if rows else None
    )


def _open_trades(trades: Sequence[Mapping[str, Any]]) -> Section:
    rows = tuple(
        (
            safe_text(trade["symbol"]),
            trade["side"],
            short_time(parse_time(trade["entry_time"])),
            price_text(trade["entry_price"]),
            price_text(trade["mark_price"]),
            number(trade["quantity"]),
            _money(trade["unrealized_pnl"], trade),
        )
        for trade in trades
    )
    header = ("Symbol", "Side", "Entry", "Price", "Marked at", "Quantity", "Open P&L")
    numeric = (False, False, False, True, True, True, True)
    return Section("Open positions", table=Table(header, rows, numeric) if rows else None)


def _venue_orders(orders: Mapping[str, Any] | None) -> Section:
    """What a session's fills became on a test venue, beside its own prices."""
    title = "On the testnet"
    if orders is None:
        return Section(title)
    sentences = [
        f"{orders['made']} orders: {orders['filled']} filled, {orders['refused']} refused, "
        f"{orders['unsettled']} unsettled"
    ]
    mean = orders["mean_difference_bp"]
    if mean is not None:
        word = "worse" if mean >= 0 else "better"
        sentences.append(
            f"the venue's prices were {basis_points(abs(mean))} bp {word} than the session's own "
            "on average; the figures above are by the session's own"
        )
    for symbol, quantity in orders["still_held"].items():
        sentences.append(f"{number(quantity)} of {symbol} are still held there")
    apart = [bp for row in orders["list"] if (bp := row["difference_bp"]) is not None]
    least = min(apart, key=abs, default=0.0)  # the column has the decimals of the smallest
    rows = tuple(_venue_order_row(row, least) for row in orders["list"])
    header = ("Order", "Symbol", "Side", "Quantity", "Price", "Filled", "There", "bp", "ms", "Why")
    numeric = (False, False, False, True, True, True, True, True, True, False)
    table = Table(header, rows, numeric) if rows else None
    return Section(title, tuple(map(safe_text, sentences)), table=table)


def _venue_order_row(row: Mapping[str, Any], least_bp: float) -> tuple[str, ...]:
    def known(name: str, text: Callable[[float], str]) -> str:
        return "" if row[name] is None else text(row[name])

    return (
        safe_text(row["id"]),
        safe_text(row["symbol"]),
        row["side"],
        number(row["quantity"]),
        price_text(row["price"]),
        "?" if row["filled"] is None else number(row["filled"]),
        known("venue_price", price_text),
        known("difference_bp", lambda difference: signed_basis_points(difference, least_bp)),
        known("latency", "{:.0f}".format),
        safe_text(row["why"] or ""),
    )


def _trades(trades: Sequence[Mapping[str, Any]], last: int) -> Section:
    shown = trades[max(0, len(trades) - last) :]
    sentences: tuple[str, ...] = ()
    if len(shown) < len(trades):
        sentences = (f"the last {len(shown):,} of {len(trades):,}; the JSON and the CSV have all",)
    header = (
        "#",
        "Symbol",
        "Side",
        "Entry",
        "Price",
        "Exit",
        "Price",
        "Held",
        "P&L",
        "%",
        "Reason",
    )
    numeric = (True, False, False, False, True, False, True, True, True, True, False)
    rows = tuple(_trade_row(trade) for trade in reversed(shown))  # the newest first, as on screens
    return Section("Trades", sentences, table=Table(header, rows, numeric) if rows else None)


def _trade_row(trade: Mapping[str, Any]) -> tuple[str, ...]:
    entry, exit_ = parse_time(trade["entry_time"]), parse_time(trade["exit_time"])
    reason = reason_text(trade["exit_reason"]) + (" (ambiguous)" if trade["ambiguous"] else "")
    if parts := trade.get("parts"):
        reason += f" ({len(parts)} parts)"
    if trade.get("by_hand"):
        reason += " (entered by hand)"
    return (
        str(trade["id"]),
        safe_text(trade["symbol"]),
        trade["side"],
        short_time(entry),
        price_text(trade["entry_price"]),
        short_time(exit_),
        price_text(trade["exit_price"]),
        short_duration((exit_ - entry) / 1000),
        _money(trade["pnl"], trade),
        f"{trade['pnl_pct']:+z.2f}",
        safe_text(reason),
    )
