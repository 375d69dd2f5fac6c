"""Puts backtest, paper and live side by side, and says what follows from them.

`ComparisonResult` is what screens, text and JSON are made from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from core.compare.columns import ComparedColumn, Sample
from core.compare.divergence import Divergence, Readings
from core.compare.promise import EdgeLayer, live_edge
from core.compare.replay import Replayed, readings_at
from core.compare.verdict import TrialAnswers, TrialVerdict, assess, judge, recommend
from core.market.candles.candle import Candle
from core.market.candles.candles import Floats
from core.market.candles.timeframes import Timeframe
from core.market.symbols import money_decimals
from core.report.market_regime import Regime, regime_warning
from core.report.metrics import NO_STARTING_BALANCE, wilson_interval
from core.report.quality import quality_flags
from core.strategy.chart import strategy_chart
from core.strategy.chart_values import Chart
from core.text import per_cent, signed_per_cent
from core.trial.costs import FEWEST_FILLS, mean_intervals
from core.trial.seal import Seal

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
CLOSED_TRADES = "closed trades"
_ON_EQUITY = ("max_drawdown_pct", "sharpe_ratio", "total_return_pct")
LEAST_FOR_PROFIT_FACTOR = 20  # trades: below, one trade more or less moves it at will


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """One figure in every column (None: not known there).

    `intervals`: 95% ones by column, in the figure's own unit, where there is one. `on_closed`:
    whether it counts on closed trades in every column, and so may differ from a report's.
    """

    name: str
    values: Mapping[str, float | None]
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    on_closed: bool = False

    def labelled(self, label: str) -> str:
        """Its label, with what it counts on where that is not the equity curve."""
        return f"{label}, {CLOSED_TRADES}" if self.on_closed else label


@dataclass(frozen=True, slots=True)
class EquityCurve:
    """The change of a run's equity in per cent of its start: (UTC ms, per cent), thinned out.

    `session`: the ID of the session whose it is, where there are several; else empty.
    """

    name: str
    points: tuple[tuple[int, float], ...]
    session: str = ""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ComparisonResult:
    """The columns that are there, in their order, what may be said of them, and what it rests on.

    It has no text of all its values: asyncio writes the outcome of a task out when `run` returns,
    which would take longer than the comparison.

    Attributes:
        strategy: its name.
        columns: backtest, paper, live, where there are such.
        rows: the figures in every column.
        basis: what drawdown and Sharpe count on.
        verdict: whether the promise is kept; None where there is nothing to judge.
        layers: the five answers it rests on.
        assessment: what the columns say together.
        recommendation: what to do next.
        intervals: lines of confidence intervals.
        warning_signs: what to doubt.
        missing: what is not there, and how to get it.
        notes: what else is to be known.
        regimes: what the market was like, by column name.
        replay: that backtest, where the backtest column is over another period.
        stored: the whole result of the strategy's saved backtest (its JSON), where there is one.
        reports: of the sessions that counted (their JSON).
        replays: each of those sessions beside backtests of its period; empty if one could not be.
        curves: equity of the sessions and of the backtests over the same time.
        demo: whether the paper column is of a demo's made-up market.
        left_out: which sessions of a demo are not judged with these, in a sentence; else empty.
        together: which sessions are taken together, and for what, in a sentence; empty for one.
    """

    strategy: str
    columns: tuple[ComparedColumn, ...]
    rows: tuple[ComparedRow, ...]
    basis: str
    verdict: TrialVerdict | None
    layers: TrialAnswers
    assessment: str
    recommendation: str
    intervals: tuple[str, ...] = ()
    warning_signs: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    regimes: Mapping[str, Regime] = field(default_factory=dict)
    replay: ComparedColumn | None = None
    stored: Mapping[str, Any] | None = None
    reports: tuple[Mapping[str, Any], ...] = ()
    replays: tuple[Replayed, ...] = ()
    curves: tuple[EquityCurve, ...] = ()
    demo: bool = False
    left_out: str = ""
    together: str = ""

    @property
    def decimals(self) -> int:
        """Those that its money is written with."""
        known = (self.stored or {}, *self.reports)
        return money_decimals(*(symbol for one in known for symbol in one.get("symbols", ())))

    @property
    def judged_session(self) -> str | None:
        """The ID of the session that decides by itself; None: a trial does, several, or live."""
        alone = self.verdict is not None and self.verdict.column == "Paper"
        if not alone or len(self.reports) != 1 or self.layers.seal is not None:
            return None
        found: str | None = self.reports[0].get("session_id")
        return found

    @property
    def divergence(self) -> Divergence | None:
        """Trade by trade, against a backtest of the paper column's own period."""
        return self.layers.account

    @property
    def readings(self) -> Readings | None:
        """The conditions' values at the signal candles of a single session."""
        if len(self.replays) != 1:
            return None
        (one,) = self.replays
        return readings_at(one.session.config, one.candles)

    def session_at(self, symbol: str, time: int) -> str | None:
        """The ID of the session whose replay has the candle of a symbol that opens at a time."""
        found = self._replayed_at(symbol, time)
        return None if found is None else found.session.record.id

    def timeframe_at(self, symbol: str, time: int) -> str:
        """Of the candle of a symbol that opens at a time; empty where there is none."""
        found = self._replayed_at(symbol, time)
        return "" if found is None else found.session.config.timeframe.value

    def chart_at(self, symbol: str, time: int, count: int = 1) -> Chart:
        """The candle of a symbol that opens at a time, with all that its session read at it.

        `count`: how many candles, that one the last. Of those that the session saw. Blocks.
        """
        found = self._replayed_at(symbol, time)
        if found is None:
            return Chart("")
        session = found.session
        return strategy_chart(session.config, session.seen[symbol], None, time + 1, count)

    def _replayed_at(self, symbol: str, time: int) -> Replayed | None:
        for one in self.replays:
            candles = one.candles.get(symbol)
            if candles is not None and time in candles.time:
                return one
        return None

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
    layers: TrialAnswers | None = None,
    replay: ComparedColumn | None = None,
    regimes: Mapping[str, Regime] | None = None,
    live_seal: Seal | None = None,
) -> ComparisonResult:
    """Compare what is known of a strategy.

    Args:
        strategy: its name.
        timeframe: its timeframe.
        backtest: the column of the backtest; None where there is none.
        paper: the column of the paper session or sessions.
        live: the column of the live trades.
        layers: the answers about the paper sessions; that about live trades is added here.
        replay: the backtest of the sessions' own period, if `backtest` is another one.
        regimes: what the market was like, by column name.
        live_seal: the seal that judges live trades; None where there is none, where `backtest` is
            not the one that was sealed, or where the columns are cut to a period.
    """
    columns = tuple(column for column in (backtest, paper, live) if column is not None)
    by_name = {column.name: column for column in columns}
    answers = layers or TrialAnswers()
    answers = replace(answers, live=_live_layer(backtest, live, live_seal))
    verdict = None
    if backtest is not None:
        verdict = judge(answers, paper=paper is not None, live=live is not None)
    on_closed = any(column.closed is not None and not column.has_curve for column in columns)
    markets = regimes or {}
    return ComparisonResult(
        strategy=strategy,
        columns=columns,
        rows=tuple(_row(name, columns, on_closed=on_closed) for name in _ROWS),
        basis=CLOSED_TRADES if on_closed else "equity curve",
        verdict=verdict,
        layers=answers,
        assessment=assess(verdict, answers, columns),
        recommendation=recommend(verdict, answers, by_name, markets, timeframe, strategy),
        intervals=tuple(_intervals(columns)),
        warning_signs=tuple(_warning_signs(columns, markets)),
        missing=tuple(_missing(strategy, backtest, paper, live)),
        notes=(
            *_notes(columns, on_closed=on_closed),
            *_other_leverage(backtest, live),
            *(() if replay is None else (f"{replay.heading}: {note}" for note in replay.notes)),
        ),
        regimes=markets,
        replay=replay,
    )


def _live_layer(
    backtest: ComparedColumn | None, live: ComparedColumn | None, seal: Seal | None
) -> EdgeLayer | None:
    """The live trades against the backtest's, where the single ones of both are known."""
    promised = None if backtest is None else backtest.sample
    seen = None if live is None else live.sample
    if promised is None or seen is None or promised.pnl is None or seen.pnl is None:
        return None
    return live_edge(promised.pnl, seen.pnl * _levers(promised, seen), seen.closes, seal)


def _levers(promised: Sample, seen: Sample) -> Floats:
    """By what each live return on margin is multiplied to be one at the backtest's leverage.

    1 where a trade does not tell its leverage: it is then taken to be the backtest's.
    """
    if promised.leverage is None or seen.leverage is None:
        return np.ones(seen.trades)
    levers: Floats = np.nan_to_num(np.median(promised.leverage) / seen.leverage, nan=1.0)
    return levers


def _other_leverage(backtest: ComparedColumn | None, live: ComparedColumn | None) -> list[str]:
    promised = None if backtest is None else backtest.sample
    seen = None if live is None else live.sample
    if promised is None or seen is None:
        return []
    other = int((_levers(promised, seen) != 1).sum())
    if not other:
        return []
    return [
        f"Live: {other} of {seen.trades} trades had another leverage than the backtest's; its edge "
        "is judged by what they would have made at that one"
    ]


def _figure_of(column: ComparedColumn, name: str, *, on_closed: bool) -> float | None:
    """A figure of a column on the comparison's basis; None where it is not known."""
    metrics = column.metrics
    if on_closed and name in _ON_EQUITY and column.closed is not None:
        metrics = column.closed
    value: float | None = metrics.get(name)
    return value


def _row(name: str, columns: Sequence[ComparedColumn], *, on_closed: bool) -> ComparedRow:
    values = {column.name: _figure_of(column, name, on_closed=on_closed) for column in columns}
    intervals = {}
    if name == "win_rate_pct":
        for one in columns:
            if one.sample is not None:
                low, high = wilson_interval(one.sample.wins, one.sample.trades)
                intervals[one.name] = (low * 100, high * 100)
    closed = on_closed and name in _ON_EQUITY
    closed &= all(column.closed is not None for column in columns)  # none is as it was recorded
    return ComparedRow(name, values, intervals, closed)


def _intervals(columns: Sequence[ComparedColumn]) -> list[str]:
    lines = []
    for column in columns:
        parts = []
        if column.sample is not None:
            low, high = wilson_interval(column.sample.wins, column.sample.trades)
            parts.append(f"win rate {low * 100:.1f}–{per_cent(high * 100, 1)} (for one look)")
        pnl = None if column.sample is None else column.sample.pnl
        if pnl is not None and len(pnl) >= FEWEST_FILLS:
            low, high = (float(ends[-1]) for ends in mean_intervals(pnl, 0.025))
            ends_at = f"{low:+z.2f} to {signed_per_cent(high)}"
            parts.append(f"mean P&L {ends_at} of margin (however often one looks)")
        if parts:
            lines.append(f"{column.heading}, 95%: {', '.join(parts)}")
    return lines


def _warning_signs(columns: Sequence[ComparedColumn], regimes: Mapping[str, Regime]) -> list[str]:
    signs = [
        f"{column.heading}: {flag}" for column in columns for flag in quality_flags(column.metrics)
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
        lines.append(f"no saved backtest: papertape backtest {strategy} --period 6m --save")
    if paper is None:
        lines.append(
            f"no paper session with a result: papertape start {strategy}; "
            "a replay session counts where it is named (--session ID)"
        )
    if live is None:
        lines.append(
            f'no closed live trades: trades.jsonl has none of source "strategy:{strategy}"'
        )
    return lines


def _notes(columns: Sequence[ComparedColumn], *, on_closed: bool) -> list[str]:
    notes = [f"{column.heading}: {column.source}" for column in columns]
    if on_closed:
        notes.append("drawdown, Sharpe and return count on closed trades in every column")
        notes += [
            f"{column.heading}: drawdown, Sharpe and return are as recorded, "
            "its trades are not known"
            for column in columns
            if column.closed is None
        ]
        notes += [
            f"{column.heading}: {NO_STARTING_BALANCE}, so there is no drawdown, Sharpe or return"
            for column in columns
            if column.closed is not None and column.closed.get("max_drawdown_pct") is None
        ]
    notes += [
        f"{column.heading}: with fewer than {LEAST_FOR_PROFIT_FACTOR} trades "
        "the profit factor says little"
        for column in columns
        if 0 < (column.metrics.get("total_trades") or 0) < LEAST_FOR_PROFIT_FACTOR
    ]
    notes += [f"{column.heading}: {note}" for column in columns for note in column.notes]
    return notes
