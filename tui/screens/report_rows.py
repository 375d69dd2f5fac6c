"""A report as figures and rows. What it lacks is shown as unknown."""

from __future__ import annotations

from datetime import UTC, tzinfo

import msgspec

from core.journal.values import Mode
from core.market.symbols import money_decimals
from core.report.metric_words import UNDEFINED, undefined_reasons, undefined_text
from core.report.written_report import (
    AS_ITS_BACKTEST,
    ReportedDiagnosis,
    WrittenReport,
    last_close,
    left_open,
)
from core.text import basis_points, counted
from core.time_format import short_duration
from tui import formats
from tui.screens import trade_rows as trade_table
from tui.screens.trade_rows import milliseconds
from tui.widgets.columns import Column
from tui.widgets.figures import Figure
from tui.widgets.remarks import Remark
from tui.widgets.table_rows import Cell, Row
from tui.widgets.tones import Tone, tone_of, verdict_sign

MONTH_COLUMNS = (
    Column("MONTH", 7),
    Column("RETURN", 10, "right"),
    Column("", 6, priority=1, grow=18, fill=60),
)


_MEANING = {"kept": ": it keeps its backtest's promise", "open": ": neither kept nor broken"}


_SHOWN = (
    *("total_return_pct", "benchmark_return_pct", "max_drawdown_pct", "calmar_ratio"),
    *("total_trades", "avg_hold", "win_rate_pct", "profit_factor", "break_even_cost_bp"),
    *("expectancy", "payoff_ratio", "sharpe_ratio", "sortino_ratio"),
    *("max_consecutive_losses", "exposure_pct"),
)
"""The metrics of `figures`: why one of the others is not known is asked by nobody here."""


def trade_columns_of(report: WrittenReport) -> tuple[Column, ...]:
    """The columns of its trades."""
    return trade_table.trade_columns(len("2026-11-22 14:02"), several=len(report.symbols) > 1)


def title(report: WrittenReport) -> str:
    """What was run: strategy, symbols, timeframe, mode, session."""
    markets = f"{', '.join(report.symbols)} {report.timeframe}".strip()
    varied = (f"{path}={formats.setting(value)}" for path, value in report.settings.items())
    name = " ".join([report.strategy or formats.UNKNOWN, *varied])
    parts = [name, markets, report.mode, report.session_id]
    return " · ".join(part for part in parts if part)


def period(report: WrittenReport, zone: tzinfo = UTC) -> str:
    """From the open of the first candle to the close of the last, how many; and a fill's cost."""
    span = report.period
    if not span.candles and span.start is None:
        return "No candle yet"
    candles = formats.UNKNOWN if span.candles is None else f"{span.candles:,}"
    fees = "" if report.fees is None else f", fees {report.fees * 10_000:g} bp a fill"
    begun = milliseconds(span.start)
    until = last_close(span.end, report.timeframe) or milliseconds(span.end)
    named, then = (formats.zone_name(time, zone) for time in (begun, until))
    before = f" {named}" if named != then else ""  # as clocks were put back or forward since
    return (
        f"{formats.date_time(begun, zone)}{before} to {formats.date_time(until, zone)} {then}, "
        f"{candles} candles{fees}"
    )


def figures(report: WrittenReport) -> tuple[tuple[Figure, ...], tuple[Figure, ...]]:
    """The headline, and beneath each of its figures another that belongs to it."""
    metrics = report.metrics
    total, benchmark = metrics.total_return_pct, metrics.benchmark_return_pct
    interval, hold, factor = metrics.win_rate_ci, metrics.avg_hold, metrics.profit_factor
    win_range = formats.UNKNOWN
    if interval is not None:
        win_range = f"{formats.number(interval[0], 0)}–{formats.percent(interval[1], 0)}"
    if factor is None:
        extremes = {"best": metrics.best, "worst": metrics.worst}
        factor_text = undefined_text("profit_factor", extremes)
    else:
        factor_text = formats.number(factor)
    hold_text = formats.UNKNOWN if hold is None else short_duration(hold)
    decimals = money_decimals(*report.symbols)
    expectancy, cost = metrics.expectancy, metrics.break_even_cost_bp
    gained = Figure(
        "EXPECTANCY", formats.change(expectancy, decimals=decimals), tone_of(expectancy, decimals)
    )
    dearest = formats.UNKNOWN if cost is None else f"{formats.basis_points(cost)}/fill"
    # What belongs together stands above each other.
    columns = (
        (
            Figure("RETURN", formats.change_percent(total), tone_of(total)),
            Figure("BUY & HOLD", formats.change_percent(benchmark), tone_of(benchmark)),
        ),
        (
            Figure("DRAWDOWN", formats.drawdown(metrics.max_drawdown_pct)),
            Figure("CALMAR", formats.number(metrics.calmar_ratio), Tone.PLAIN),
        ),
        (
            Figure("TRADES", formats.number(metrics.total_trades, 0)),
            Figure("HOLD", hold_text, Tone.PLAIN),
        ),
        (
            Figure("WIN RATE", formats.percent(metrics.win_rate_pct)),
            Figure("95% RANGE", win_range, Tone.PLAIN),
        ),
        (
            Figure("PROFIT FACTOR", factor_text),
            Figure("BREAK-EVEN", dearest, Tone.PLAIN),
        ),
        (gained, Figure("PAYOFF", formats.number(metrics.payoff_ratio), Tone.PLAIN)),
        (
            Figure("SHARPE", formats.number(metrics.sharpe_ratio), priority=1),
            Figure("SORTINO", formats.number(metrics.sortino_ratio), Tone.PLAIN),
        ),
        (
            Figure("LOSING RUN", formats.number(metrics.max_consecutive_losses, 0), priority=2),
            Figure("EXPOSURE", formats.percent(metrics.exposure_pct), Tone.PLAIN),
        ),
        (
            Figure("EQUITY", formats.money(report.ending_balance, decimals), priority=3),
            Figure("BEGAN WITH", formats.money(report.starting_balance, decimals), Tone.PLAIN),
        ),
    )
    headline, behind = zip(*columns, strict=True)
    return headline, behind


def remarks(report: WrittenReport, zone: tzinfo = UTC) -> tuple[Remark, ...]:
    """What the report wants to have said: verdict, advice, doubts, and what else is to be known."""
    advice = report.recommendation or ""
    found = _verdict(report, zone)
    if advice.startswith(AS_ITS_BACKTEST):
        found.append(Remark("✓", AS_ITS_BACKTEST, Tone.GAIN))
        advice = advice.removeprefix(AS_ITS_BACKTEST).lstrip()
    if advice:
        # What came since, live trades say, is not in it.
        until = last_close(report.period.end, report.timeframe)
        whose = " by the demo's clock" if report.mode == Mode.DEMO else ""
        time = f"{formats.date_time(until, zone)} {formats.zone_name(until, zone)}"
        as_of = "" if until is None else f"As of {time}{whose}: "
        found.append(Remark("→", f"{as_of}{advice}", Tone.PLAIN))
    if report.diagnosis is not None:
        found += _diagnosis(report.diagnosis)
    doubts = [
        one
        for one in (*report.warnings, *report.quality_flags)
        if one.removesuffix(".").removesuffix(" yet") not in advice  # that a backtest is missing
    ]
    found += _still_open(report)
    found += [Remark("!", text, Tone.WARNING) for text in doubts]
    found += [Remark("·", text, Tone.DIM) for text in _facts(report)]
    undefined = report.metrics.metrics_undefined.items()
    reasons = undefined_reasons({name: why for name, why in undefined if name in _SHOWN})
    return (*found, *(Remark(UNDEFINED, text, Tone.DIM) for text in reasons))


def _verdict(report: WrittenReport, zone: tzinfo) -> list[Remark]:
    """The verdict of a trial. Of a session that was not sealed there is none: it is described."""
    told = report.comparison
    verdict = None if told is None else told.verdict
    if told is None or verdict is None or not verdict.sealed:
        return []
    sign, tone = verdict_sign(verdict.state)
    by = f" by {', '.join(verdict.broken_by)}" if verdict.broken_by else ""
    word = verdict.answer or verdict.state
    text = f"Trial {word}{by}{_MEANING.get(word, '')}"
    if verdict.closes_at is not None:
        text += f", closes about {formats.day(milliseconds(verdict.closes_at), zone)}"
    layers = msgspec.structs.asdict(told.layers)
    answers = [
        f"{name} {one.answer or one.state}" for name, one in layers.items() if one and one.state
    ]
    found = [Remark(sign, text, tone)]
    if answers:
        found.append(Remark(" ", f"{', '.join(answers)}; c shows each", Tone.PLAIN))
    return found


def _still_open(report: WrittenReport) -> list[Remark]:
    """What the trades do not tell of the return: it stands before all doubts of it."""
    if not (count := len(report.open_trades)):
        return []
    marked = [one.get("unrealized_pnl") for one in report.open_trades]
    gains = [gain for gain in marked if isinstance(gain, (int, float))]
    total = formats.change(sum(gains), decimals=money_decimals(*report.symbols))
    worth = f" ({total})" if len(gains) == count else ""
    where, close = left_open(report.parts)
    text = f"{count} open at {where}, marked to {close}{worth}"
    return [Remark("·", text, Tone.PLAIN)]


def _facts(report: WrittenReport) -> list[str]:
    found: list[str] = []
    for count, what in ((len(report.gaps), "gap"), (len(report.restarts), "restart")):
        if count:
            found.append(counted(count, what))
    if (orders := report.venue_orders) is not None:
        text = f"on the testnet {orders.filled} of {orders.made} orders were filled"
        if (mean := orders.mean_difference_bp) is not None:
            worse = "worse" if mean >= 0 else "better"
            text += (
                f", {basis_points(abs(mean))} bp {worse} than the session's own prices on average"
            )
        found.append(text)
    return found


def _diagnosis(diagnosis: ReportedDiagnosis) -> list[Remark]:
    found = [Remark("!", f"No trade was closed: {diagnosis.summary}", Tone.WARNING)]
    for one in diagnosis.conditions:
        held = f"held on {one.hits:,} of {counted(one.valid, 'candle')}"
        if one.without is not None:
            held += f"; without it {counted(one.without, 'entry', 'entries')}"
        text = f"{one.group} {one.condition}: {held}"
        found.append(Remark(" ", text, Tone.PLAIN))
    return found


def month_rows(report: WrittenReport) -> list[Row]:
    """The return of each month, with a bar from an axis on, which stands where 0 lies.

    A month alone has none: there is nothing that it could be long or short beside.
    """
    known = [one.return_pct for one in report.monthly if one.return_pct is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    low, high = min(low, 0.0), max(high, 0.0)
    span = high - low or 1.0
    return [
        Row(
            one.month,
            (
                Cell(one.month, Tone.DIM),
                Cell(formats.change_percent(value), tone_of(value), order=value),
                Cell(
                    "",
                    tone_of(value),
                    order=None if value is None else abs(value),
                    share=None if value is None or len(known) < 2 else (value - low) / span,
                    zero=-low / span,
                ),
            ),
        )
        for one in report.monthly
        for value in [one.return_pct]
    ]


def trade_rows(report: WrittenReport, zone: tzinfo = UTC) -> list[Row]:
    """The closed trades, the newest first."""
    when = trade_table.in_zone(zone, dated=True)
    return trade_table.trade_rows(report.trades, trade_columns_of(report), when)
