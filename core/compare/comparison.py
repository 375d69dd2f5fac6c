"""Puts backtest, paper and live side by side, and says what follows from them.

`ComparisonResult` is what screens, text and JSON are made from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from core.compare.columns import ComparedColumn
from core.compare.divergence import Divergence, Readings
from core.compare.recommendation import needed_text, recommend
from core.compare.replay import Replayed, readings_at
from core.compare.significance import block_length, bootstrap_mean
from core.compare.verdict import (
    LEAST_FOR_MEANS,
    LEAST_FOR_PROFIT_FACTOR,
    Judgement,
    Verdict,
    judge_different_periods,
    judge_same_period,
    ready_at,
)
from core.market.candles.candle import Candle
from core.market.candles.timeframes import DAY, Timeframe
from core.report.market_regime import Regime, regime_warning
from core.report.metrics import NO_STARTING_BALANCE, wilson_interval
from core.report.quality import quality_flags

_ROWS = (
    "win_rate_pct",
    "profit_factor",
    "max_drawdown_pct",
    "sharpe_ratio",
    "total_trades",
    "total_return_pct",
    "expectancy",
    "avg_hold",
    "exposure_pct",
)
_SEED = 0  # of the resampling: the same trades always give the same intervals
_ON_EQUITY = ("max_drawdown_pct", "sharpe_ratio", "total_return_pct")
_JUDGED_BY = {
    "win_rate_pct": "win rate",
    "profit_factor": "profit factor",
    "expectancy": "mean P&L",
}


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """One figure in every column (None: not known there).

    `meaning` says, by column, what its difference from the backtest is worth: "significant",
    "alike" or "unclear"; figures without a test have none. `intervals`: 95 % ones by column, in
    the figure's own unit, where there is one.
    """

    name: str
    values: Mapping[str, float | None]
    meaning: Mapping[str, str]
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EquityCurve:
    """The change of a run's equity in per cent of its start: (UTC ms, per cent), thinned out."""

    name: str
    points: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True, eq=False)
class ComparisonResult:
    """The columns that are there, in their order, what may be said of them, and what it rests on.

    Attributes:
        strategy: its name.
        columns: backtest, paper, live, where there are such.
        rows: the figures in every column.
        basis: what drawdown and Sharpe count on.
        verdicts: of each column but the backtest.
        assessment: what the columns say together.
        recommendation: what to do next.
        intervals: lines of confidence intervals.
        warning_signs: what to doubt.
        missing: what is not there, and how to get it.
        notes: what else is to be known.
        divergence: trade by trade, against a backtest of the paper column's own period.
        regimes: what the market was like, by column name.
        replay: that backtest, where the backtest column is over another period.
        replay_verdict: of the paper column against it.
        stored: the whole result of the strategy's saved backtest (its JSON), where there is one.
        reports: of the sessions that counted (their JSON).
        replays: each of those sessions beside backtests of its period; empty if one could not be.
        curves: equity of the sessions and of the backtests over the same time.
    """

    strategy: str
    columns: tuple[ComparedColumn, ...]
    rows: tuple[ComparedRow, ...]
    basis: str
    verdicts: Mapping[str, Verdict]
    assessment: str
    recommendation: str
    intervals: tuple[str, ...] = ()
    warning_signs: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    divergence: Divergence | None = None
    regimes: Mapping[str, Regime] = field(default_factory=dict)
    replay: ComparedColumn | None = None
    replay_verdict: Verdict | None = None
    stored: Mapping[str, Any] | None = None
    reports: tuple[Mapping[str, Any], ...] = ()
    replays: tuple[Replayed, ...] = ()
    curves: tuple[EquityCurve, ...] = ()

    @property
    def readings(self) -> Readings | None:
        """The conditions' values at the signal candles of a single session."""
        if len(self.replays) != 1:
            return None
        (one,) = self.replays
        return readings_at(one.session.config, one.candles)

    def candles_between(self, symbol: str, first: int, last: int) -> tuple[Candle, ...]:
        """The candles of a symbol that open from `first` to `last`, as the replays had them."""
        for one in self.replays:
            candles = one.candles.get(symbol)
            if candles is not None:
                start, stop = np.searchsorted(candles.time, (first, last + 1)).tolist()
                if stop > start:
                    return tuple(candles.slice(start, stop))
        return ()


def compare(
    strategy: str,
    timeframe: Timeframe,
    *,
    backtest: ComparedColumn | None,
    paper: ComparedColumn | None,
    live: ComparedColumn | None,
    now: int,
    divergence: Divergence | None = None,
    replay: ComparedColumn | None = None,
    regimes: Mapping[str, Regime] | None = None,
) -> ComparisonResult:
    """Compare what is known of a strategy.

    Args:
        strategy: its name.
        timeframe: its timeframe.
        backtest: the column of the backtest; None where there is none.
        paper: the column of the paper session or sessions.
        live: the column of the live trades.
        now: UTC ms, from which dates are counted ahead.
        divergence: trade by trade, if there is a backtest over the very period of `paper`: a
            verdict on the two then rests on paired trades.
        replay: that backtest, if `backtest` is another one; None if it is `backtest` itself.
        regimes: what the market was like, by column name.
    """
    columns = tuple(column for column in (backtest, paper, live) if column is not None)
    verdicts = {
        column.name: _verdict(
            backtest, column, divergence if column is paper and replay is None else None, now
        )
        for column in columns
        if backtest is not None and column is not backtest
    }
    on_closed = any(column.closed is not None and not column.has_curve for column in columns)
    replay_verdict = None
    if replay is not None and paper is not None and divergence is not None:
        replay_verdict = _verdict(replay, paper, divergence, now)
    followed = paper or live
    verdict = verdicts.get(followed.name) if followed is not None else None
    return ComparisonResult(
        strategy=strategy,
        columns=columns,
        rows=tuple(_row(name, columns, verdicts, on_closed=on_closed) for name in _ROWS),
        basis="closed trades" if on_closed else "equity curve",
        verdicts=verdicts,
        assessment=_assessment(columns, verdicts),
        recommendation=_recommendation(followed, verdict, timeframe, divergence, backtest),
        intervals=tuple(_intervals(columns)),
        warning_signs=tuple(_warning_signs(columns, regimes or {})),
        missing=tuple(_missing(strategy, backtest, paper, live)),
        notes=(
            *_notes(columns, verdicts, on_closed=on_closed),
            *_replay_notes(replay, replay_verdict),
        ),
        divergence=divergence,
        regimes=regimes or {},
        replay=replay,
        replay_verdict=replay_verdict,
    )


def _figure_of(column: ComparedColumn, name: str, *, on_closed: bool) -> float | None:
    """A figure of a column on the comparison's basis; None where it is not known."""
    metrics = column.metrics
    if on_closed and name in _ON_EQUITY and column.closed is not None:
        metrics = column.closed
    value: float | None = metrics.get(name)
    return value


def _verdict(
    backtest: ComparedColumn, other: ComparedColumn, divergence: Divergence | None, now: int
) -> Verdict:
    if divergence is not None:
        decisions = [(each.backtest, each.paper) for each in divergence.trades]
        verdict, trades = judge_same_period(decisions, seed=_SEED), len(decisions)
    elif backtest.sample is None or other.sample is None:
        unknown = backtest if backtest.sample is None else other
        reason = f"{unknown.name}: no closed trade, or their number is not recorded"
        return Verdict(Judgement.TOO_FEW, False, (), reason)
    else:
        verdict = judge_different_periods(backtest.sample, other.sample, seed=_SEED)
        trades = other.sample.trades
    if verdict.needed is None or not other.days:
        return verdict
    at = ready_at(verdict.needed, trades, trades / other.days, now)
    return replace(verdict, needed=replace(verdict.needed, at=at))


def _row(
    name: str,
    columns: Sequence[ComparedColumn],
    verdicts: Mapping[str, Verdict],
    *,
    on_closed: bool,
) -> ComparedRow:
    meaning = {}
    for column, verdict in verdicts.items():
        for measure in verdict.measures:
            if measure.name == _JUDGED_BY.get(name):
                meaning[column] = (
                    "significant"
                    if measure.significant
                    else "alike"
                    if measure.alike
                    else "unclear"
                )
    values = {column.name: _figure_of(column, name, on_closed=on_closed) for column in columns}
    intervals = {}
    if name == "win_rate_pct":
        for one in columns:
            if one.sample is not None:
                low, high = wilson_interval(one.sample.wins, one.sample.trades)
                intervals[one.name] = (low * 100, high * 100)
    return ComparedRow(name, values, meaning, intervals)


def _assessment(columns: Sequence[ComparedColumn], verdicts: Mapping[str, Verdict]) -> str:
    if not verdicts:
        return "There is nothing to compare yet."
    judgements = [verdict.judgement for verdict in verdicts.values()]
    if all(judgement is Judgement.CONSISTENT for judgement in judgements):
        path = " → ".join(column.name.lower() for column in columns)
        degrades = _falls([column.metrics.get("win_rate_pct") for column in columns])
        told = f"degrades slightly from {path} (normal)" if degrades else f"holds from {path}"
        viable = (columns[-1].metrics.get("expectancy") or 0) > 0
        end = "Strategy is viable." if viable else "But it does not make money."
        return f"Performance {told}. Within acceptable range. {end}"
    sentences = []
    for name, verdict in verdicts.items():
        if verdict.judgement is Judgement.DIVERGENT:
            direction = "better" if verdict.better else "worse"
            sentences.append(f"{name} is significantly {direction} than the backtest.")
        elif verdict.judgement is Judgement.CONSISTENT:
            sentences.append(f"{name} is consistent with the backtest.")
        elif verdict.needed is None:
            sentences.append(f"{name} against backtest: {Judgement.TOO_FEW}.")
        else:
            sentences.append(
                f"{name} against backtest: {Judgement.TOO_FEW} "
                f"(about {verdict.needed.each:,} in each column would)."
            )
    return " ".join(sentences)


def _falls(values: Sequence[Any]) -> bool:
    known = [value for value in values if value is not None]
    return len(known) > 1 and known == sorted(known, reverse=True) and known[0] > known[-1]


def _recommendation(
    followed: ComparedColumn | None,
    verdict: Verdict | None,
    timeframe: Timeframe,
    divergence: Divergence | None,
    backtest: ComparedColumn | None,
) -> str:
    if followed is None and backtest is not None:
        return "Paper-trade it next: only a backtest is known."
    expectancy = None if followed is None else followed.metrics.get("expectancy")
    days = None if followed is None else followed.days
    return recommend(
        verdict,
        ran_for=None if days is None else round(days * DAY),
        timeframe=timeframe,
        profitable=None if expectancy is None else expectancy > 0,
        divergence=divergence,
    )


def _intervals(columns: Sequence[ComparedColumn]) -> list[str]:
    lines = []
    for column in columns:
        parts = []
        if column.sample is not None:
            low, high = wilson_interval(column.sample.wins, column.sample.trades)
            parts.append(f"win rate {low * 100:.1f}–{high * 100:.1f} %")
        pnl = None if column.sample is None else column.sample.pnl
        if pnl is not None and len(pnl) >= LEAST_FOR_MEANS:
            means = bootstrap_mean(pnl, block_length(len(pnl)), np.random.default_rng(_SEED))
            low, high = np.percentile(means, (2.5, 97.5)).tolist()
            parts.append(f"mean P&L {low:+.2f} to {high:+.2f} % of margin".replace("-", "−"))
        if parts:
            lines.append(f"{column.name}, 95 %: {', '.join(parts)}")
    return lines


def _warning_signs(columns: Sequence[ComparedColumn], regimes: Mapping[str, Regime]) -> list[str]:
    signs = [
        f"{column.name}: {flag}" for column in columns for flag in quality_flags(column.metrics)
    ]
    backtest = regimes.get("Backtest")
    for name, other in regimes.items():
        warning = (
            None if backtest is None or name == "Backtest" else regime_warning(backtest, other)
        )
        if warning is not None:
            signs.append(f"{name}: {warning}")
    return signs


def _missing(
    strategy: str,
    backtest: ComparedColumn | None,
    paper: ComparedColumn | None,
    live: ComparedColumn | None,
) -> list[str]:
    lines = []
    if backtest is None:
        lines.append(f"no backtest: papertape backtest {strategy} --period 6m --save")
    if paper is None:
        lines.append(f"no paper session with a result: papertape start {strategy}")
    if live is None:
        lines.append(
            f'no closed live trades: trades.jsonl has none of source "strategy:{strategy}"'
        )
    return lines


def _replay_notes(replay: ComparedColumn | None, verdict: Verdict | None) -> list[str]:
    if replay is None or verdict is None:
        return []
    told = f"Paper against a backtest of its own period: {verdict.judgement}; {verdict.reason}"
    return [told, *(f"{replay.name}: {note}" for note in replay.notes)]


def _notes(
    columns: Sequence[ComparedColumn], verdicts: Mapping[str, Verdict], *, on_closed: bool
) -> list[str]:
    notes = [f"{column.name}: {column.source}" for column in columns]
    if on_closed:
        notes.append("drawdown, Sharpe and return count on closed trades in every column")
        notes += [
            f"{column.name}: drawdown, Sharpe and return are as recorded, its trades are not known"
            for column in columns
            if column.closed is None
        ]
        notes += [
            f"{column.name}: {NO_STARTING_BALANCE}, so there is no drawdown, Sharpe or return"
            for column in columns
            if column.closed is not None and column.closed.get("max_drawdown_pct") is None
        ]
    notes += [
        f"{column.name}: with fewer than {LEAST_FOR_PROFIT_FACTOR} trades "
        "the profit factor says little"
        for column in columns
        if 0 < (column.metrics.get("total_trades") or 0) < LEAST_FOR_PROFIT_FACTOR
    ]
    notes += [f"{column.name}: {note}" for column in columns for note in column.notes]
    by_name = {column.name: column for column in columns}
    for name, verdict in verdicts.items():
        notes.append(f"{name} against backtest: {verdict.judgement}; {verdict.reason}")
        sample, base = by_name[name].sample, columns[0].sample
        if verdict.needed is not None and sample is not None and base is not None:
            notes.append(needed_text(verdict.needed, base.trades, sample.trades, name))
    return notes
