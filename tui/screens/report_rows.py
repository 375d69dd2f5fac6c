"""A report as figures and rows: the dict of `report --json` in, texts out.

A report may come from another process and an older version: what is missing or of another type is
shown as unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from core.report.undefined import undefined_text
from tui import formats
from tui.widgets.columns import Column
from tui.widgets.figures import Figure
from tui.widgets.line_table import Cell, Row
from tui.widgets.tones import Tone, tone_of


def trade_columns(time_width: int) -> tuple[Column, ...]:
    """The columns of closed trades, their times written in so many cells."""
    return (
        Column("#", 4, "right", priority=5),
        Column("SYMBOL", 9, priority=2, grow=6),
        Column("SIDE", 5),
        Column("ENTERED", time_width, priority=3),
        Column("ENTRY", 10, "right"),
        Column("EXITED", time_width, priority=1),
        Column("EXIT", 10, "right"),
        Column("QUANTITY", 10, "right", priority=6),
        Column("FEES", 8, "right", priority=7),
        Column("P&L", 12, "right"),
        Column("P&L %", 9, "right", priority=1),
        Column("REASON", 13, priority=4),
    )


TRADE_COLUMNS = trade_columns(len("2026-11-22 14:02"))
MONTH_COLUMNS = (Column("MONTH", 7), Column("RETURN", 10, "right"), Column("", 6, grow=18))


def mapping(value: object) -> Mapping[str, object]:
    """`value` if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> Sequence[object]:
    """`value` if it is a list, else an empty one."""
    return value if isinstance(value, (list, tuple)) else ()


def figure(value: object) -> float | None:
    """`value` if it is a number, else None."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def moment(value: object) -> int | None:
    """UTC ms of a time as reports write it, else None."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        return None
    return round(time.astimezone(UTC).timestamp() * 1000)


def _words(value: object) -> str:
    return value if isinstance(value, str) else formats.UNKNOWN


def title(report: Mapping[str, object]) -> str:
    """What was run: strategy, symbols, timeframe, mode, session."""
    symbols = ", ".join(str(symbol) for symbol in items(report.get("symbols")))
    parts = [_words(report.get("strategy")), f"{symbols} {report.get('timeframe', '')}".strip()]
    parts += [str(report[key]) for key in ("mode", "session_id") if report.get(key)]
    return " · ".join(part for part in parts if part)


def period(report: Mapping[str, object]) -> str:
    """Over which candles: first, last and how many."""
    span = mapping(report.get("period"))
    count = figure(span.get("candles"))
    candles = formats.UNKNOWN if count is None else f"{count:,.0f}"
    return f"{_time(span.get('start'))} to {_time(span.get('end'))} UTC, {candles} candles"


def _time(value: object) -> str:
    return value[:16].replace("T", " ") if isinstance(value, str) else formats.UNKNOWN


def figures(report: Mapping[str, object]) -> tuple[tuple[Figure, ...], tuple[Figure, ...]]:
    """The headline, and what stands behind it."""
    metrics = mapping(report.get("metrics"))

    def metric(name: str) -> float | None:
        return figure(metrics.get(name))

    total, benchmark = metric("total_return_pct"), metric("benchmark_return_pct")
    drawdown, expectancy = metric("max_drawdown_pct"), metric("expectancy")
    trades, hold = metric("total_trades"), metric("avg_hold")
    interval = [figure(bound) for bound in items(metrics.get("win_rate_ci"))]
    win_range = (
        f"{formats.number(interval[0], 0)}–{formats.percent(interval[1], 0)}"
        if len(interval) == 2
        else formats.UNKNOWN
    )
    factor = metric("profit_factor")
    factor_text = (
        undefined_text("profit_factor", metrics) if factor is None else formats.number(factor)
    )
    hold_text = formats.span(None if hold is None else round(hold * 1000))
    balance = figure(report.get("ending_balance"))
    headline = (
        Figure("RETURN", formats.change(total, "%"), tone_of(total)),
        Figure("BUY & HOLD", formats.change(benchmark, "%"), tone_of(benchmark), priority=1),
        Figure("TRADES", formats.number(trades, 0)),
        Figure("WIN RATE", formats.percent(metric("win_rate_pct"))),
        Figure("PROFIT FACTOR", factor_text),
        Figure("DRAWDOWN", formats.percent(drawdown, 2)),
        Figure("SHARPE", formats.number(metric("sharpe_ratio"))),
        Figure("ENDED AT", formats.money(balance), priority=2),
    )
    behind = (
        Figure("EXPECTANCY", formats.change(expectancy), tone_of(expectancy)),
        Figure("EXPOSURE", formats.percent(metric("exposure_pct")), Tone.PLAIN),
        Figure("HOLD", hold_text, Tone.PLAIN),
        Figure("95 % RANGE", win_range, Tone.PLAIN),
        Figure("PAYOFF", formats.number(metric("payoff_ratio")), Tone.PLAIN),
        Figure("LOSING RUN", formats.number(metric("max_consecutive_losses"), 0), Tone.PLAIN),
        Figure("SORTINO", formats.number(metric("sortino_ratio")), Tone.PLAIN),
        Figure("CALMAR", formats.number(metric("calmar_ratio")), Tone.PLAIN),
    )
    return headline, behind


def sentences(report: Mapping[str, object]) -> tuple[tuple[str, Tone], ...]:
    """What the report wants to have said: recommendation, doubts, warnings, gaps, restarts."""
    found: list[tuple[str, Tone]] = []
    recommendation = report.get("recommendation")
    if isinstance(recommendation, str) and recommendation:
        found.append((recommendation, Tone.ACCENT))
    found += _diagnosis(mapping(report.get("diagnosis")))
    found += [(f"! {flag}", Tone.WARNING) for flag in items(report.get("quality_flags"))]
    found += [(f"! {warning}", Tone.WARNING) for warning in items(report.get("warnings"))]
    left_open = len(items(report.get("open_trades")))
    if left_open:
        found.append((f"{left_open} open at the end, marked to the last price", Tone.DIM))
    for key, one, many in (("gaps", "gap", "gaps"), ("restarts", "restart", "restarts")):
        value = report.get(key)
        count = len(items(value)) if isinstance(value, (list, tuple)) else figure(value)
        if count:
            found.append((f"{count:.0f} {one if count == 1 else many}", Tone.DIM))
    orders = mapping(report.get("venue_orders"))
    if orders:
        made, filled = figure(orders.get("made")), figure(orders.get("filled"))
        mean = figure(orders.get("mean_difference_bp"))
        text = f"on the testnet {filled or 0:.0f} of {made or 0:.0f} orders were filled"
        if mean is not None:
            worse = "worse" if mean >= 0 else "better"
            text += f", {abs(mean):.1f} bp {worse} than the session's own prices on average"
        found.append((text, Tone.DIM))
    undefined = mapping(mapping(report.get("metrics")).get("metrics_undefined"))
    if undefined:
        reasons = "; ".join(f"{name.replace('_', ' ')}: {why}" for name, why in undefined.items())
        found.append((f"unknown: {reasons}", Tone.DIM))
    return tuple(found)


def _diagnosis(diagnosis: Mapping[str, object]) -> list[tuple[str, Tone]]:
    if not diagnosis:
        return []
    found = [(f"No trade: {diagnosis.get('summary', '')}", Tone.WARNING)]
    for entry in items(diagnosis.get("conditions")):
        condition = mapping(entry)
        without = figure(condition.get("without"))
        rest = "" if without is None else f"; without it {without:,.0f} entries"
        found.append(
            (
                f"  {condition.get('group', '')} {condition.get('condition', '')}: held on "
                f"{figure(condition.get('hits')) or 0:,.0f} of "
                f"{figure(condition.get('valid')) or 0:,.0f} candles{rest}",
                Tone.PLAIN,
            )
        )
    return found


def month_rows(report: Mapping[str, object]) -> list[Row]:
    """The return of each month, with a bar as long as the largest allows."""
    months = [mapping(entry) for entry in items(report.get("monthly"))]
    returns = [figure(month.get("return_pct")) for month in months]
    largest = max((abs(value) for value in returns if value), default=0.0) or 1.0
    return [
        Row(
            str(month.get("month")),
            (
                Cell(str(month.get("month")), Tone.DIM),
                Cell(formats.change(value, "%"), tone_of(value), order=value),
                Cell("━" * round(abs(value or 0.0) / largest * 24), tone_of(value)),
            ),
        )
        for month, value in zip(months, returns, strict=True)
    ]


def trade_rows(report: Mapping[str, object]) -> list[Row]:
    """The closed trades, the newest first."""
    rows = []
    for number, entry in reversed(tuple(enumerate(items(report.get("trades"))))):
        trade = mapping(entry)
        pnl, pct = figure(trade.get("pnl")), figure(trade.get("pnl_pct"))
        entered, exited = _time(trade.get("entry_time")), _time(trade.get("exit_time"))
        reason = _words(trade.get("exit_reason")).replace("_", " ")
        if trade.get("ambiguous"):
            reason += " ?"
        if parts := items(trade.get("parts")):
            reason += f" ×{len(parts)}"
        prices = {key: figure(trade.get(key)) for key in ("entry_price", "exit_price")}
        size, fees = figure(trade.get("quantity")), figure(trade.get("fees"))
        rows.append(
            Row(
                str(number),
                (
                    Cell(str(trade.get("id", number + 1)), Tone.DIM, order=number),
                    Cell(_words(trade.get("symbol"))),
                    Cell(_words(trade.get("side"))),
                    Cell(entered, Tone.DIM),
                    Cell(formats.price(prices["entry_price"]), order=prices["entry_price"]),
                    Cell(exited, Tone.DIM),
                    Cell(formats.price(prices["exit_price"]), order=prices["exit_price"]),
                    Cell(formats.quantity(size), order=size),
                    Cell(formats.money(fees), Tone.DIM, order=fees),
                    Cell(formats.change(pnl), tone_of(pnl), order=pnl),
                    Cell(formats.change(pct, "%"), tone_of(pct), order=pct),
                    Cell(reason, Tone.DIM),
                ),
            )
        )
    return rows
