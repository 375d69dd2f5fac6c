"""Writes a comparison as rows and lines of the compare screen."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from core.compare.waterfall import in_cents
from core.market.symbols import money_decimals
from core.report.metric_words import undefined_text
from core.text import basis_points, reason_text, signed_per_cent, typed_for
from core.time_format import short_duration, shown_seconds
from tui import formats
from tui.screens.trade_rows import held_ms
from tui.widgets.columns import Column
from tui.widgets.table_rows import Cell, Row
from tui.widgets.tones import Tone, tone_of

if TYPE_CHECKING:
    from core.compare.causes import Cause
    from core.compare.columns import ComparedColumn
    from core.compare.comparison import ComparedRow, ComparisonResult
    from core.compare.decisions import DecisionLayer
    from core.compare.divergence import TradeDifference
    from core.compare.fill_costs import CostGroup, CostLayer
    from core.trading.values import Trade

Lines = list[tuple[str, Tone]]

_BAR = 8

COLUMNS = ("Backtest", "Paper", "Live")
FILTERS = ("all", "differing", "matched", "missing", "extra")

FIGURE_COLUMNS = (Column("", 10), *(Column(name.upper(), 10, "right", grow=6) for name in COLUMNS))
DECISION_COLUMNS = (
    Column("CANDLE", 12, grow=1),
    Column("SYMBOL", 9, priority=1, grow=5),
    Column("SESSION", 19),
    Column("REPLAY", 19),
    Column("CAUSE", 16, grow=80),
)
_COST_BAR = 9
_COSTS = (
    Column("FILLS", 5, "right"),
    Column("BP", 6, "right", grow=2),
    Column("SPREAD", 6, "right", grow=2),
    Column("DELAY", 6, "right", grow=2),
    Column("", _COST_BAR),
)
HOUR_COLUMNS = (Column("UTC", 5), *_COSTS)
SIZE_COLUMNS = (Column("SIZE", 13, "right"), *_COSTS)
PRICES = ("REPLAY ENTRY", "PAPER ENTRY", "REPLAY EXIT", "PAPER EXIT")
TRADE_COLUMNS = (
    Column("", 7),
    Column("SYMBOL", 9, priority=3, grow=5),
    Column("SIDE", 5, priority=4),
    Column("SIGNAL", 12),
    *(Column(label, 12, "right", priority=5, wide=150) for label in PRICES),
    Column("HELD", 7, "right", priority=6, wide=170),
    Column("REPLAY", 11, "right"),
    Column("PAPER", 11, "right"),
    Column("DIFFERENCE", 12, "right"),
    Column("CAUSE", 8, grow=60),
)
FALL_COLUMNS = (
    Column("PAPER − REPLAY", 17),
    Column("P&L", 12, "right"),
    Column("", _BAR, "right"),
    Column("", _BAR),
)
SPREAD_COLUMNS = (
    Column("P&L, % OF MARGIN", 18, "right"),
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
_OVER_TIME = ("max_drawdown_pct", "total_trades", "total_return_pct")
_LONG_LABEL = 21  # cells of the longest that says what it counts on
_BINS = 9


def figure_columns(result: ComparisonResult) -> tuple[Column, ...]:
    """Those of `figure_rows`: the document's; without live trades the difference of the others."""
    label, *others = _headed(FIGURE_COLUMNS, result)
    if is_long_labelled(result):
        label = Column("", _LONG_LABEL)
    if any(column.name == "Live" for column in result.columns):
        return (label, *others)
    return (label, *others[:2], Column(f"PAPER − {others[0].label}", 16, "right"))


def is_long_labelled(result: ComparisonResult) -> bool:
    """Whether rows have what they count on in their labels."""
    return any(row.on_closed for row in result.rows)


def spread_columns(result: ComparisonResult) -> tuple[Column, ...]:
    """Those of `spread_rows`."""
    return _headed(SPREAD_COLUMNS, result)


def _headed(columns: tuple[Column, ...], result: ComparisonResult) -> tuple[Column, ...]:
    """Columns of which the second is the backtest's, or the replay's that stands in its place."""
    for column in result.columns:
        if column.name == COLUMNS[0]:
            first = replace(columns[1], label=column.heading.upper())
            return (columns[0], first, *columns[2:])
    return columns


def figure_rows(result: ComparisonResult) -> list[Row]:
    """The document's table: a figure in every column, and under the win rate its interval."""
    columns = {column.name: column for column in result.columns}
    shown = COLUMNS if "Live" in columns else COLUMNS[:2]
    rows = []
    for row in result.rows:
        if row.name == "exposure_pct" and all(value is None for value in row.values.values()):
            continue
        cells = [Cell(row.labelled(_LABELS.get(row.name, row.name)), Tone.DIM)]
        for name in shown:
            text = _figure_text(row, columns.get(name), row.values.get(name), result.decimals)
            cells.append(Cell(text, Tone.PLAIN if text != formats.UNKNOWN else Tone.DIM))
        if "Live" not in columns:
            cells.append(Cell(_difference_text(row, columns, result.decimals)))
        rows.append(Row(row.name, tuple(cells)))
        if row.intervals:
            bounds = [_bounds(row.intervals.get(name)) for name in shown]
            bounds += [""] * (len(cells) - 1 - len(bounds))
            cells = [Cell("  95%", Tone.DIM), *(Cell(text, Tone.DIM) for text in bounds)]
            rows.append(Row(f"{row.name}-95", tuple(cells)))
    return rows


def _figure_text(
    row: ComparedRow, column: ComparedColumn | None, value: float | None, decimals: int
) -> str:
    name = row.name
    if value is None:
        return undefined_text(name, {} if column is None else column.metrics)
    if name == "total_trades":
        return formats.number(value, 0)
    if name == "avg_hold":
        return short_duration(value)
    if name == "expectancy":
        return formats.change(value, decimals=decimals)
    if name == "total_return_pct":
        return formats.change_percent(value)
    if name == "max_drawdown_pct":
        return formats.drawdown(value)
    return formats.percent(value) if name.endswith("_pct") else formats.number(value)


def _difference_text(row: ComparedRow, columns: Mapping[str, ComparedColumn], decimals: int) -> str:
    """By how much paper lies above the backtest, both as they are shown.

    Empty for what grows with the time it is over, where they are not over the same time.
    """
    backtest, paper = (row.values.get(name) for name in COLUMNS[:2])
    if backtest is None or paper is None:
        return ""
    first, second = (columns[name].period for name in COLUMNS[:2])
    if row.name in _OVER_TIME and (first is None or first != second):
        return ""
    if row.name == "total_trades":
        return f"{paper - backtest:+z,.0f}"
    if row.name == "avg_hold":
        apart = shown_seconds(paper) - shown_seconds(backtest)
        return f"{'-' if apart < 0 else '+'}{short_duration(abs(apart))}"
    unit = " pp" if row.name.endswith("_pct") else ""
    fine = row.name in ("max_drawdown_pct", "total_return_pct")
    places = decimals if row.name == "expectancy" else 1 if unit and not fine else 2
    return f"{round(paper, places) - round(backtest, places):+z,.{places}f}{unit}"


def _bounds(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else f"{interval[0]:.1f}–{interval[1]:.1f}"


def fall_rows(result: ComparisonResult) -> list[Row]:
    """Where the difference in P&L comes from, and beneath it what caused it."""
    if result.divergence is None:
        return []
    decimals = result.divergence.decimals
    cents = in_cents(result.divergence.parts, decimals)
    parts = {str(part): float(amount) for part, amount in cents.items()}
    causes = result.divergence.by_cause
    in_all = result.divergence.causes_in_cents
    effects = [float(effect) for effect in in_all.values()]
    largest = max((abs(value) for value in (*parts.values(), *effects)), default=0.0) or 1.0
    rows = [
        Row(f"part-{name}", _fall(name.capitalize(), value, largest, decimals))
        for name, value in parts.items()
        if value
    ]
    total = math.fsum(parts.values())
    rows.append(Row("total", _fall("Together", total, largest, decimals, Tone.STRONG)))
    if causes:
        rows.append(Row("space", (Cell(""), Cell(""), Cell(""), Cell(""))))
    for kind, count, _ in causes:
        effect = float(in_all[kind])
        name = f"{count} {reason_text(kind)}"
        rows.append(Row(f"cause-{kind}", _fall(name, effect, largest, decimals)))
    return rows


def _fall(
    label: str, value: float, largest: float, decimals: int, tone: Tone = Tone.PLAIN
) -> tuple[Cell, Cell, Cell, Cell]:
    bar = "━" * max(round(abs(value) / largest * _BAR), 1 if value else 0)
    return (
        Cell(label, tone),
        _change(value, decimals),
        Cell(bar if value < 0 else "", Tone.LOSS),
        Cell(bar if value > 0 else "", Tone.GAIN),
    )


def cause_text(cause: Cause | None, zone: tzinfo) -> str:
    """Of what kind a cause is, and what it was, its times in a zone; empty where there is none."""
    return "" if cause is None else formats.all_in_zone(cause.text, zone)


def decision_rows(layer: DecisionLayer, zone: tzinfo) -> list[Row]:
    """The decisions that differ: when, what each of the two decided, and why."""
    return [
        Row(
            str(place),
            (
                Cell(formats.day_time(each.time, zone), Tone.DIM, order=place),
                Cell(each.symbol),
                Cell(each.session),
                Cell(each.replay),
                Cell(
                    cause_text(each.cause, zone),
                    Tone.LOSS if each.cause.kind == "unexplained" else Tone.DIM,
                ),
            ),
        )
        for place, each in enumerate(layer.differences)
    ]


def hour_rows(layer: CostLayer) -> list[Row]:
    """What a fill costs by the hour of the day."""
    groups = layer.by_hour()
    return [_cost_row(f"{group.low:02.0f}:00", group, groups) for group in groups]


def size_rows(layer: CostLayer) -> list[Row]:
    """What a fill costs by its size."""
    groups = layer.by_size()
    return [_cost_row(_sizes(group.low, group.high), group, groups) for group in groups]


def _sizes(low: float, high: float) -> str:
    """From one size to another, each to four digits at least."""
    digits = max(0, 3 - math.floor(math.log10(low))) if low > 0 else 0
    texts = (f"{value:,.{digits}f}" for value in (low, high))
    return "–".join(dict.fromkeys(texts))


def _cost_row(label: str, group: CostGroup, groups: Sequence[CostGroup]) -> Row:
    largest = max(abs(one.shortfall) for one in groups) or 1.0
    # What is written as nothing has no bar.
    least = 1 if basis_points(group.shortfall) != basis_points(0.0) else 0
    told = [(one.shortfall, one.half_spread, one.delay) for one in groups]
    beside = [value for values in told for value in values if value is not None]
    length = max(round(abs(group.shortfall) / largest * _COST_BAR), 1) * least
    # A fill better than the rules' price is a gain; its bar is drawn hollow.
    bar = ("━" if group.shortfall > 0 else "╌") * length
    parts = (group.shortfall, group.half_spread, group.delay)
    return Row(
        label,
        (
            Cell(label, Tone.DIM, order=group.low),
            Cell(f"{group.fills:,}", order=group.fills),
            *(
                Cell(_bp(value, beside), Tone.DIM if value is None else Tone.PLAIN, value)
                for value in parts
            ),
            Cell(bar, Tone.LOSS if group.shortfall > 0 else Tone.GAIN, group.shortfall),
        ),
    )


def _bp(value: float | None, beside: Sequence[float]) -> str:
    return formats.UNKNOWN if value is None else basis_points(value, *beside)


def compared_trades(result: ComparisonResult, which: str) -> Iterator[tuple[int, TradeDifference]]:
    """The trades of a filter, newest first as everywhere, each with its place among all."""
    if result.divergence is None:
        return
    for place, each in reversed(list(enumerate(result.divergence.trades))):
        differs = each.cause is not None
        if which == "all" or (which == "differing" and differs) or which == each.kind.value:
            yield place, each


def trade_rows(result: ComparisonResult, which: str, zone: tzinfo) -> list[Row]:
    """The trades of a filter, both runs side by side."""
    rows = []
    for place, each in compared_trades(result, which):
        made, cause, kind = each.trade, each.cause, each.kind.value
        same = kind == "matched" and cause is None
        when = formats.day_time(made.signal_time, zone)
        ran = each.paper or made
        held = held_ms(ran)
        decimals = money_decimals(made.symbol)
        rows.append(
            Row(
                str(place),
                (
                    Cell("same" if same else kind, Tone.DIM if same else Tone.WARNING),
                    Cell(made.symbol),
                    Cell(made.side.value),
                    Cell(when, Tone.DIM, order=place),
                    *_prices(each),
                    Cell(formats.span(held), Tone.DIM, order=held),
                    *(_pnl(run, decimals) for run in (each.backtest, each.paper)),
                    Cell("") if same else _change(each.difference, decimals),
                    Cell(cause_text(cause, zone), Tone.DIM),
                ),
            )
        )
    return rows


def _prices(each: TradeDifference) -> Iterator[Cell]:
    """What both runs entered and left at; the session's stand out where one can see why."""
    for name in ("entry_price", "exit_price"):
        theirs, own = (getattr(one, name, None) for one in (each.backtest, each.paper))
        before, after = formats.price(theirs), formats.price(own)
        yield Cell(before, Tone.DIM, order=theirs)
        yield Cell(after, Tone.DIM if after == before else Tone.PLAIN, order=own)


def _pnl(trade: Trade | None, decimals: int) -> Cell:
    if trade is None:
        return Cell(formats.UNKNOWN, Tone.DIM)
    return _change(trade.pnl, decimals)


def _change(value: float, decimals: int) -> Cell:
    return Cell(formats.change(value, decimals=decimals), tone_of(value, decimals), order=value)


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
    counts = {
        column: Counter(math.floor(value / step) for value in values)
        for column, values in gained.items()
    }
    longest = {
        column: max(len(f"{n:,}") for n in of.values()) for column, of in counts.items() if of
    }
    rows = []
    for number in range(last, first - 1, -1):
        low = number * step
        least, most = signed_per_cent(low, None), signed_per_cent(low + step, None)
        cells = [Cell(f"{least.removesuffix('%')} to {most}", tone_of(low + step / 2))]
        for column in COLUMNS:
            count = counts[column][number] if column in counts else 0
            if not count:
                cells.append(Cell(""))
                continue
            text = f"{count:,}".ljust(longest[column])  # so that all bars are on one scale
            share = count / len(gained[column])
            cells.append(Cell(text, tone_of(low + step / 2), order=count, share=share))
        rows.append(Row(str(number), tuple(cells)))
    return rows


def _step(rough: float) -> float:
    """A round width at least as large."""
    if rough <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)


def note_lines(result: ComparisonResult, program: str = "papertape", zone: tzinfo = UTC) -> Lines:
    """What is to be known: other trials, what is missing or to doubt, the market, notes.

    `program`: what is typed for it on this workspace.
    """
    lines: Lines = []
    others = [other.in_words(zone) for other in result.layers.others]
    lines += _list("Other trials", others, Tone.PLAIN)
    live = result.layers.live
    if live is not None:
        state = "described" if live.state is None else str(live.state)
        lines += _list("Live trades", (f"{state}: {live.text}",), Tone.PLAIN)
    for heading, texts, tone in (
        ("Missing", [typed_for(program, one) for one in result.missing], Tone.WARNING),
        ("Signs to doubt", result.warning_signs, Tone.WARNING),
        ("Intervals", result.intervals, Tone.PLAIN),
    ):
        lines += _list(heading, texts, tone)
    markets = [
        f"{name}: buy and hold {formats.change_percent(one.benchmark_return_pct)}"
        f", volatility {formats.percent(one.volatility_pct)} a year"
        for name, one in result.regimes.items()
    ]
    lines += _list("The market", markets, Tone.PLAIN)
    lines += _list("Periods", periods(result, zone), Tone.PLAIN)
    return lines + _list("Notes", result.notes, Tone.DIM)


def _list(heading: str, texts: Sequence[str], tone: Tone) -> Lines:
    if not texts:
        return []
    return [(heading, Tone.STRONG), *((f"  {text}", tone) for text in texts), ("", Tone.DIM)]


def periods(result: ComparisonResult, zone: tzinfo = UTC, *, dates: bool = True) -> list[str]:
    """Over what time each column is, and from when."""
    told = []
    for column in result.columns:
        when = column.no_period
        if column.period is not None:
            begin, end = column.period
            when = formats.span(end - begin)
            if dates:
                when = f"from {formats.candle_day(begin, zone)}, {when}"
        demo = " (DEMO)" if result.demo and column.name == "Paper" else ""
        told.append(f"{column.heading}{demo} {when}")
    return told
