"""Writes a comparison as rows and lines of the compare screen."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from core.compare.waterfall import in_cents
from core.report.undefined import undefined_text
from core.time_format import iso_time
from tui import formats
from tui.widgets.columns import Column
from tui.widgets.line_table import Cell, Row
from tui.widgets.tones import Tone, tone_of

if TYPE_CHECKING:
    from core.compare.columns import ComparedColumn
    from core.compare.comparison import ComparedRow, ComparisonResult
    from core.compare.divergence import TradeDifference
    from core.trading.values import Trade

Lines = list[tuple[str, Tone]]

_BAR = 8

COLUMNS = ("Backtest", "Paper", "Live")
FILTERS = ("all", "differing", "matched", "missing", "extra")

FIGURE_COLUMNS = (
    Column("", 10),
    Column("BACKTEST", 10, "right", grow=6),
    Column("PAPER", 10, "right", grow=6),
    Column("LIVE", 10, "right", grow=6),
)
TRADE_COLUMNS = (
    Column("", 7),
    Column("SYMBOL", 9, priority=3, grow=5),
    Column("SIDE", 5, priority=4),
    Column("SIGNAL", 12),
    Column("BACKTEST", 11, "right"),
    Column("PAPER", 11, "right"),
    Column("DIFFERENCE", 12, "right"),
    Column("CAUSE", 8, grow=60),
)
FALL_COLUMNS = (
    Column("PAPER − BACKTEST", 17),
    Column("P&L", 12, "right"),
    Column("", _BAR, "right"),
    Column("", _BAR),
)
SPREAD_COLUMNS = (
    Column("P&L OF A TRADE", 15, "right"),
    Column("BACKTEST", 15, grow=9),
    Column("PAPER", 15, grow=9),
    Column("LIVE", 15, grow=9),
)

_LABELS = {
    "win_rate_pct": "Win rate",
    "profit_factor": "PF",
    "max_drawdown_pct": "Max DD",
    "sharpe_ratio": "Sharpe",
    "total_trades": "Trades",
    "total_return_pct": "Return",
    "expectancy": "Expectancy",
    "avg_hold": "Avg hold",
    "exposure_pct": "Exposure",
}
# A sign beside every colour.
_STATES = {
    "kept": ("✓", Tone.GAIN),
    "broken": ("✗", Tone.LOSS),
    "open": ("?", Tone.WARNING),
}
_SPREAD_BAR = 18
_BINS = 9


def figure_rows(result: ComparisonResult) -> list[Row]:
    """The document's table: a figure in every column, and under the win rate its interval."""
    columns = {column.name: column for column in result.columns}
    rows = []
    for row in result.rows:
        if row.name == "exposure_pct" and all(value is None for value in row.values.values()):
            continue
        cells = [Cell(_LABELS.get(row.name, row.name), Tone.DIM)]
        for name in COLUMNS:
            text = _figure_text(row, columns.get(name), row.values.get(name))
            cells.append(Cell(text, Tone.PLAIN if text != formats.UNKNOWN else Tone.DIM))
        rows.append(Row(row.name, tuple(cells)))
        if row.intervals:
            bounds = (_bounds(row.intervals.get(name)) for name in COLUMNS)
            cells = [Cell("  95 %", Tone.DIM), *(Cell(text, Tone.DIM) for text in bounds)]
            rows.append(Row(f"{row.name}-95", tuple(cells)))
    return rows


def _figure_text(row: ComparedRow, column: ComparedColumn | None, value: float | None) -> str:
    name = row.name
    if value is None:
        return undefined_text(name, {} if column is None else column.metrics)
    if name == "total_trades":
        return formats.number(value, 0)
    if name == "avg_hold":
        return formats.span(round(value * 1000))
    if name in ("expectancy", "total_return_pct"):
        return formats.change(value, "%" if name.endswith("_pct") else "")
    return formats.percent(value) if name.endswith("_pct") else formats.number(value)


def _bounds(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else f"{interval[0]:.1f}–{interval[1]:.1f}"


def verdict_lines(result: ComparisonResult) -> Lines:
    """The verdict, the five answers it rests on, and what to do next."""
    lines: Lines = []
    if result.verdict is not None:
        verdict = result.verdict
        sign, tone = _STATES[verdict.state.value]
        sealed = "" if verdict.sealed else ", not sealed"
        lines.append((f"{sign} {verdict.column}: {verdict.state}{sealed}", tone))
        lines.append(("", Tone.DIM))
    for layer, (state, text) in result.layers.lines().items():
        sign, tone = ("·", Tone.PLAIN) if state is None else _STATES[state.value]
        lines.append((f"{sign} {layer.capitalize()}: {text}", tone))
    if result.divergence is not None and any(not one.same_candles for one in result.replays):
        lines += [(one.parity, Tone.DIM) for one in result.replays]
    return [*lines, ("", Tone.DIM), (result.recommendation, Tone.ACCENT)]


def fall_rows(result: ComparisonResult) -> list[Row]:
    """Where the difference in P&L comes from, and beneath it what caused it."""
    if result.divergence is None:
        return []
    cents = in_cents(result.divergence.parts)
    parts = {str(part): float(amount) for part, amount in cents.items()}
    causes = result.divergence.by_cause()
    effects = [effect for _, _, effect in causes]
    largest = max((abs(value) for value in (*parts.values(), *effects)), default=0.0) or 1.0
    rows = [
        Row(f"part-{name}", _fall(name.capitalize(), value, largest))
        for name, value in parts.items()
        if value
    ]
    total = math.fsum(parts.values())
    rows.append(Row("total", _fall("Together", total, largest, Tone.STRONG)))
    if causes:
        rows.append(Row("space", (Cell(""), Cell(""), Cell(""), Cell(""))))
    for kind, count, effect in causes:
        rows.append(Row(f"cause-{kind}", _fall(f"{count} {kind}", effect, largest)))
    return rows


def _fall(
    label: str, value: float, largest: float, tone: Tone = Tone.PLAIN
) -> tuple[Cell, Cell, Cell, Cell]:
    bar = "━" * max(round(abs(value) / largest * _BAR), 1 if value else 0)
    return (
        Cell(label, tone),
        Cell(formats.change(value), tone_of(value), order=value),
        Cell(bar if value < 0 else "", Tone.LOSS),
        Cell(bar if value > 0 else "", Tone.GAIN),
    )


def compared_trades(result: ComparisonResult, which: str) -> Iterator[tuple[int, TradeDifference]]:
    """The trades of a filter, each with its place among all."""
    if result.divergence is None:
        return
    for place, each in enumerate(result.divergence.trades):
        differs = each.cause is not None
        if which == "all" or (which == "differing" and differs) or which == each.kind.value:
            yield place, each


def trade_rows(result: ComparisonResult, which: str) -> list[Row]:
    """The trades of a filter, both runs side by side."""
    rows = []
    for place, each in compared_trades(result, which):
        made, cause, kind = each.trade, each.cause, each.kind.value
        same = kind == "matched" and cause is None
        when = iso_time(made.signal_time)[5:16].replace("T", " ")
        rows.append(
            Row(
                str(place),
                (
                    Cell("same" if same else kind, Tone.DIM if same else Tone.WARNING),
                    Cell(made.symbol),
                    Cell(made.side.value),
                    Cell(when, Tone.DIM, order=place),
                    *(_pnl(run) for run in (each.backtest, each.paper)),
                    Cell("" if same else formats.change(each.difference), tone_of(each.difference)),
                    Cell("" if cause is None else f"{cause.kind}: {cause.detail}", Tone.DIM),
                ),
            )
        )
    return rows


def _pnl(trade: Trade | None) -> Cell:
    if trade is None:
        return Cell(formats.UNKNOWN, Tone.DIM)
    return Cell(formats.change(trade.pnl), tone_of(trade.pnl), order=trade.pnl)


def gains(result: ComparisonResult) -> dict[str, tuple[float, ...]]:
    """The P&L of each trade in per cent of its margin, by column, where it is known."""
    return {
        column.name: tuple(column.sample.pnl.tolist())
        for column in result.columns
        if column.sample is not None and column.sample.pnl is not None
    }


def spread_rows(gained: Mapping[str, Sequence[float]]) -> list[Row]:
    """How the trades' P&L is spread: a bar for each column's share of trades in a range."""
    known = [value for values in gained.values() for value in values]
    if not known:
        return []
    step = _step((max(known) - min(known)) / _BINS)
    first = math.floor(min(known) / step)
    last = max(math.floor(max(known) / step), first)
    rows = []
    for number in range(last, first - 1, -1):
        low = number * step
        label = f"{low:+g} to {low + step:+g} %"
        cells = [Cell(label.replace("+0 ", "0 ").replace("-", "−"), tone_of(low + step / 2))]
        for column in COLUMNS:
            values = gained.get(column, ())
            count = sum(number == math.floor(value / step) for value in values)
            share = count / len(values) if values else 0.0
            bar = "━" * max(round(share * _SPREAD_BAR), 1 if count else 0)
            cells.append(Cell(f"{bar} {count}" if count else "", tone_of(low + step / 2)))
        rows.append(Row(str(number), tuple(cells)))
    return rows


def _step(rough: float) -> float:
    """A round width at least as large."""
    if rough <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)


def note_lines(result: ComparisonResult) -> Lines:
    """What else is to be known: what is missing, what to doubt, intervals, the market, notes."""
    lines: Lines = []
    for heading, texts, tone in (
        ("Missing", result.missing, Tone.WARNING),
        ("Signs to doubt", result.warning_signs, Tone.WARNING),
        ("Intervals", result.intervals, Tone.PLAIN),
    ):
        lines += _list(heading, texts, tone)
    markets = [
        f"{name}: buy and hold {formats.change(one.benchmark_return_pct, '%')}"
        f", volatility {formats.percent(one.volatility_pct)} a year"
        for name, one in result.regimes.items()
    ]
    lines += _list("The market", markets, Tone.PLAIN)
    return lines + _list("Notes", result.notes, Tone.DIM)


def _list(heading: str, texts: Sequence[str], tone: Tone) -> Lines:
    if not texts:
        return []
    return [(heading, Tone.STRONG), *((f"  {text}", tone) for text in texts), ("", Tone.DIM)]


def periods(result: ComparisonResult) -> str:
    """Over what time each column is."""
    told = []
    for column in result.columns:
        when = "period not recorded"
        if column.period is not None:
            begin, end = column.period
            when = f"from {formats.date_time(begin)[:10]}, {formats.span(end - begin)}"
        told.append(f"{column.name} {when}")
    return "   ".join(told)
