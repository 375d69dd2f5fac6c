"""A trade of a session beside what the backtest of its period made of the same decision."""

from __future__ import annotations

from contextlib import suppress
from datetime import tzinfo

from core.market.symbols import money_decimals
from core.report.written_report import ReportedDifference, ReportedTrade, WrittenReport
from core.text import reason_text
from core.time_format import iso_time, parse_time
from core.trading.values import OpenTrade, Trade
from tui import formats
from tui.widgets.columns import Column
from tui.widgets.table_rows import Cell, Row
from tui.widgets.tones import Tone, tone_of

TWIN_COLUMNS = (
    Column("", 10),
    Column("ENTERED", 12, priority=1),
    Column("ENTRY", 11, "right", grow=3),
    Column("LEFT", 12, priority=2),
    Column("EXIT", 11, "right", grow=3),
    Column("P&L", 12, "right", grow=3),
)
STILL_OPEN = "It is open: the backtest's trade is looked for once it has closed."
STILL_RUNS = "Its session runs: c compares it with its backtest as it stands."
_NOT_COMPARED = "Its report compares it with no backtest: c does, or says why not."
_NOT_AMONG = "Its report does not tell of this one: c compares all trades."


def twin_of(trade: Trade | OpenTrade, report: WrittenReport) -> ReportedDifference | str:
    """A trade of a session's report beside its backtest's; where that is not known, why not."""
    if isinstance(trade, OpenTrade):
        return STILL_OPEN
    divergence = None if report.comparison is None else report.comparison.divergence
    if divergence is None:
        return _NOT_COMPARED
    signal = iso_time(trade.signal_time)
    for one in divergence.trades:
        paper = one.paper
        if paper is not None and (paper.id, paper.signal_time) == (trade.id, signal):
            return one
    return _NOT_AMONG


def twin_title(found: ReportedDifference | str, zone: tzinfo) -> str:
    """What the pane is called: whether the two are the same, and what made the difference."""
    if isinstance(found, str):
        return "The backtest's trade"
    if found.backtest is None:
        said = "The backtest has no such trade"
        if found.held is not None:
            said = "The backtest has not closed it"
    else:
        said = "The backtest's trade" if found.cause else "The backtest's trade is the same"
    return " · ".join([said, *_why(found, zone)])


def twin_rows(found: ReportedDifference, zone: tzinfo) -> list[Row]:
    """Session and backtest one above the other, and by how much they differ."""
    ours, theirs = found.paper, found.backtest
    rows = [_run_row("Session", ours, zone)] if ours is not None else []
    if theirs is not None:
        rows.append(_run_row("Backtest", theirs, zone))
    if ours is not None and theirs is not None:
        entries = _apart(ours.entry_price, theirs.entry_price)
        exits = _apart(ours.exit_price, theirs.exit_price)
        texts = (
            *(_later(ours.entry_time, theirs.entry_time), entries),
            *(_later(ours.exit_time, theirs.exit_time), exits),
        )
        cells = (Cell(text, Tone.WARNING if text else Tone.PLAIN) for text in texts)
        gain = _gain(found.difference, ours)
        rows.append(Row("difference", (Cell("Difference", Tone.DIM), *cells, gain)))
    return rows


def _why(found: ReportedDifference, zone: tzinfo) -> list[str]:
    if not found.cause:
        return []
    cause = reason_text(found.cause)
    return [formats.all_in_zone(f"{cause}: {found.detail}" if found.detail else cause, zone)]


def _run_row(name: str, trade: ReportedTrade, zone: tzinfo) -> Row:
    return Row(
        name,
        (
            Cell(name, Tone.DIM),
            Cell(_time(trade.entry_time, zone)),
            Cell(formats.price(trade.entry_price)),
            Cell(_time(trade.exit_time, zone)),
            Cell(formats.price(trade.exit_price)),
            _gain(trade.pnl, trade),
        ),
    )


def _gain(value: float | None, trade: ReportedTrade) -> Cell:
    """What a trade gained, or a difference of that."""
    decimals = money_decimals(trade.symbol or "")
    return Cell(formats.change(value, decimals=decimals), tone_of(value, decimals))


def _time(text: str | None, zone: tzinfo) -> str:
    with suppress(ValueError):
        return formats.UNKNOWN if text is None else formats.day_time(parse_time(text), zone)
    return formats.UNKNOWN


def _apart(ours: float | None, theirs: float | None) -> str:
    """By how much our price is above theirs, in its decimals; empty where it is written alike."""
    if ours is None or theirs is None:
        return formats.UNKNOWN
    if formats.price(ours) == formats.price(theirs):
        return ""
    decimals = len(formats.price(ours).partition(".")[2])
    return f"{ours - theirs:+,.{decimals}f}"


def _later(ours: str | None, theirs: str | None) -> str:
    """How much later we were; empty where we were not."""
    with suppress(ValueError):
        if ours is None or theirs is None:
            return formats.UNKNOWN
        apart = parse_time(ours) - parse_time(theirs)
        word = "later" if apart > 0 else "earlier"
        return f"{formats.span(abs(apart))} {word}" if apart else ""
    return formats.UNKNOWN
