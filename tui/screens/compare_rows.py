"""How does a comparison read on the screen? The dict of `compare --json` in, rows and lines out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from core.report.undefined import undefined_text
from tui import formats
from tui.screens.report_rows import figure, items, mapping, moment
from tui.widgets.columns import Column
from tui.widgets.line_table import Cell, Row
from tui.widgets.tones import Tone, tone_of

Found = Mapping[str, object]
Lines = list[tuple[str, Tone]]

_BAR = 8

COLUMNS = ("backtest", "paper", "live")
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
# A sign beside every colour: different, alike; what is neither has no sign.
_MEANINGS = {"significant": (" ≠", Tone.LOSS), "alike": (" ≈", Tone.GAIN)}
_VERDICTS = {
    "consistent": ("≈", Tone.GAIN),
    "divergent": ("≠", Tone.LOSS),
    "too few trades to tell": ("?", Tone.WARNING),
}
_SPREAD_BAR = 18
_BINS = 9


def figure_rows(found: Found) -> list[Row]:
    """The document's table: a figure in every column, and under the win rate its interval."""
    rows = []
    for entry in items(found.get("rows")):
        row = mapping(entry)
        name = str(row.get("metric"))
        if all(row.get(column) is None for column in COLUMNS) and name == "exposure_pct":
            continue
        meaning = mapping(row.get("meaning"))
        cells = [Cell(_LABELS.get(name, name), Tone.DIM)]
        for column in COLUMNS:
            sign, tone = _MEANINGS.get(str(meaning.get(column)), ("", Tone.PLAIN))
            text = _figure_text(found, name, column, figure(row.get(column)))
            cells.append(Cell(text + sign, tone if text != formats.UNKNOWN else Tone.DIM))
        rows.append(Row(name, tuple(cells)))
        intervals = mapping(row.get("intervals"))
        if intervals:
            bounds = (_bounds(intervals.get(column)) for column in COLUMNS)
            cells = [Cell("  95 %", Tone.DIM), *(Cell(text, Tone.DIM) for text in bounds)]
            rows.append(Row(f"{name}-95", tuple(cells)))
    return rows


def _figure_text(found: Found, name: str, column: str, value: float | None) -> str:
    if value is None:
        metrics = mapping(mapping(mapping(found.get("columns")).get(column)).get("metrics"))
        return undefined_text(name, metrics)
    if name == "total_trades":
        return formats.number(value, 0)
    if name == "avg_hold":
        return formats.span(round(value * 1000))
    if name in ("expectancy", "total_return_pct"):
        return formats.change(value, "%" if name.endswith("_pct") else "")
    return formats.percent(value) if name.endswith("_pct") else formats.number(value)


def _bounds(value: object) -> str:
    bounds = [figure(bound) for bound in items(value)]
    if len(bounds) != 2 or bounds[0] is None or bounds[1] is None:
        return ""
    return f"{bounds[0]:.1f}–{bounds[1]:.1f}"


def verdict_lines(found: Found) -> Lines:
    """What may be said of each column, of the session's own period, and what to do next."""
    verdicts = {
        column.capitalize(): mapping(entry)
        for column, entry in mapping(found.get("verdicts")).items()
    }
    replay = mapping(mapping(found.get("replay")).get("verdict"))
    if replay:
        verdicts["Same period"] = replay
    lines: Lines = []
    for name, verdict in verdicts.items():
        sign, tone = _VERDICTS.get(str(verdict.get("verdict")), ("", Tone.PLAIN))
        lines.append((f"{sign} {name}: {verdict.get('verdict')}", tone))
    summary = str(mapping(found.get("divergence")).get("summary") or "")
    if summary:
        lines += [("", Tone.DIM), (f"{summary[0].upper()}{summary[1:]}.", Tone.STRONG)]
        candles = [mapping(one) for one in items(found.get("replays"))]
        if any(not one.get("same_candles") for one in candles):
            lines += [(str(one.get("parity")), Tone.DIM) for one in candles]
    lines += [("", Tone.DIM), (str(found.get("recommendation") or ""), Tone.ACCENT)]
    reasons = [
        (f"{name}: {verdict['reason']}", Tone.DIM)
        for name, verdict in verdicts.items()
        if verdict.get("reason")
    ]
    return [*lines, ("", Tone.DIM), *reasons]


def fall_rows(found: Found) -> list[Row]:
    """Where the difference in P&L comes from, and beneath it what caused it."""
    divergence = mapping(found.get("divergence"))
    parts = {
        name: _number(text) for name, text in mapping(divergence.get("waterfall_cents")).items()
    }
    if not parts:
        return []
    causes = [mapping(one) for one in items(divergence.get("causes"))]
    effects = [figure(one.get("pnl")) or 0.0 for one in causes]
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
    for one, effect in zip(causes, effects, strict=True):
        count = figure(one.get("trades")) or 0
        rows.append(
            Row(
                f"cause-{one.get('cause')}",
                _fall(f"{count:.0f} {one.get('cause')}", effect, largest),
            )
        )
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


def _number(text: object) -> float:
    try:
        return float(str(text))
    except ValueError:
        return 0.0


def compared_trades(found: Found, which: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    """The trades of a filter, each with its place among all."""
    for place, entry in enumerate(items(mapping(found.get("divergence")).get("trades"))):
        trade = mapping(entry)
        differs = trade.get("cause") is not None
        if which == "all" or (which == "differing" and differs) or which == trade.get("match"):
            yield place, trade


def trade_rows(found: Found, which: str) -> list[Row]:
    """The trades of a filter, both runs side by side."""
    rows = []
    for place, each in compared_trades(found, which):
        made = mapping(each.get("backtest")) or mapping(each.get("paper"))
        match, cause = str(each.get("match")), each.get("cause")
        same = match == "matched" and cause is None
        difference = figure(each.get("difference"))
        signal = made.get("signal_time")
        when = signal[5:16].replace("T", " ") if isinstance(signal, str) else formats.UNKNOWN
        why = "" if cause is None else f"{cause}: {each.get('detail')}"
        rows.append(
            Row(
                str(place),
                (
                    Cell("same" if same else match, Tone.DIM if same else Tone.WARNING),
                    Cell(str(made.get("symbol"))),
                    Cell(str(made.get("side"))),
                    Cell(when, Tone.DIM, order=place),
                    *(_pnl(each.get(run)) for run in ("backtest", "paper")),
                    Cell("" if same else formats.change(difference), tone_of(difference)),
                    Cell(why, Tone.DIM),
                ),
            )
        )
    return rows


def _pnl(trade: object) -> Cell:
    if not isinstance(trade, Mapping):
        return Cell(formats.UNKNOWN, Tone.DIM)
    pnl = figure(trade.get("pnl"))
    return Cell(formats.change(pnl), tone_of(pnl), order=pnl)


def spread_rows(gains: Mapping[str, Sequence[float]]) -> list[Row]:
    """How the trades' P&L is spread: a bar for each column's share of trades in a range."""
    known = [value for values in gains.values() for value in values]
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
            values = gains.get(column.capitalize(), ())
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


def note_lines(found: Found) -> Lines:
    """What else is to be known: what is missing, what to doubt, intervals, the market, notes."""
    lines: Lines = []
    for heading, key, tone in (
        ("Missing", "missing", Tone.WARNING),
        ("Signs to doubt", "warning_signs", Tone.WARNING),
        ("Intervals", "intervals", Tone.PLAIN),
    ):
        lines += _list(heading, [str(text) for text in items(found.get(key))], tone)
    markets = [
        f"{name.capitalize()}: buy and hold {formats.change(_of(one, 'benchmark_return_pct'), '%')}"
        f", volatility {formats.percent(_of(one, 'volatility_pct'))} a year"
        for name, one in mapping(found.get("regimes")).items()
    ]
    lines += _list("The market", markets, Tone.PLAIN)
    return lines + _list("Notes", [str(text) for text in items(found.get("notes"))], Tone.DIM)


def _of(value: object, name: str) -> float | None:
    return figure(mapping(value).get(name))


def _list(heading: str, texts: Sequence[str], tone: Tone) -> Lines:
    if not texts:
        return []
    return [(heading, Tone.STRONG), *((f"  {text}", tone) for text in texts), ("", Tone.DIM)]


def periods(found: Found) -> str:
    """Over what time each column is."""
    told = []
    for name, entry in mapping(found.get("columns")).items():
        column = mapping(entry)
        ends = [moment(mapping(column.get("period")).get(end)) for end in ("start", "end")]
        when = str(column.get("described"))
        if ends[0] is not None and ends[1] is not None:
            when = f"from {formats.date_time(ends[0])[:10]}, {formats.span(ends[1] - ends[0])}"
        told.append(f"{name.capitalize()} {when}")
    return "   ".join(told)
