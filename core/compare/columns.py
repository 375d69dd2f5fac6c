"""Makes the columns of a comparison: a backtest, paper sessions, live trades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.market.candles.candles import Floats
from core.market.candles.timeframes import DAY, Timeframe
from core.report.metrics import Metrics, closed_trade_metrics
from core.report.result import Json, metrics_to_json, trade_from_json
from core.report.trade_columns import hold_seconds
from core.store.live_trades import LiveTrade
from core.strategy.document.stored_metrics import stored_metrics
from core.time_format import parse_time, short_date
from core.trading.values import Trade
from core.trial.seal import closed_at

REPLAY = "Replay"
_NAN = float("nan")
_NEVER = -1  # in a column of times: none
_ABSURD = 1_000.0  # no position has such a leverage


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The trades of a column: how many they are and how many of them won.

    `pnl`: the P&L of each as a per cent of its margin, in the order they closed; None where the
    single trades are not known. `leverage`: of each, NaN where it is not told; None likewise.
    `closes`: when each closed, UTC ms; empty where that is not known.
    """

    trades: int
    wins: int
    pnl: Floats | None = None
    leverage: Floats | None = None
    closes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ComparedColumn:
    """One column.

    Attributes:
        name: backtest, paper or live, by which rows have its figures.
        source: where it comes from, in words.
        period: begin and end (exclusive), UTC ms; None where it is not known.
        metrics: the figures by their names of docs/rules.md §4 as a result's JSON has them;
            drawdown and ratios count on the equity curve, or as its source recorded them.
        closed: the same on the closed-trade basis; None where the single trades are not known.
        has_curve: whether `metrics` rest on an equity curve (a recorded block says nothing).
        sample: the trades for a verdict; None where their number or win rate is not known.
        notes: what had to be left out or guessed, a sentence each.
        replayed: whether it is a backtest of the session's own period, in a backtest's place.
    """

    name: str
    source: str
    period: tuple[int, int] | None
    metrics: Mapping[str, Any]
    closed: Mapping[str, Any] | None
    has_curve: bool
    sample: Sample | None
    notes: tuple[str, ...] = ()
    replayed: bool = False

    @property
    def heading(self) -> str:
        """How it is named: a backtest of the session's own period is its replay."""
        return REPLAY if self.replayed else self.name

    @property
    def no_period(self) -> str:
        """Why no period is known, in words: only what is of single trades has seen no candle."""
        return "period not recorded" if self.closed is None else "without a candle"

    @property
    def days(self) -> float | None:
        """How many days it spans."""
        return None if self.period is None else (self.period[1] - self.period[0]) / DAY


def column_of_block(name: str, block: object, source: str) -> ComparedColumn | None:
    """The column of a recorded block of figures (`backtest:` or `paper:` of a STRATEGY.md).

    Old spellings are read too. None where the block holds no figure.
    """
    stored = stored_metrics(block)
    if not stored.values:
        return None
    metrics: Json = dict(stored.values)
    trades, win_rate = metrics.get("total_trades"), metrics.get("win_rate_pct")
    sample = None
    if isinstance(trades, float) and trades >= 1 and isinstance(win_rate, float):
        metrics["total_trades"] = n = round(trades)
        # A recorded rate is rounded; the number of wins it was counted from is a whole one.
        sample = Sample(n, min(n, max(0, round(win_rate / 100 * n))))
    return ComparedColumn(
        name, source, _period_of(block), metrics, None, False, sample, stored.notes
    )


def trades_of(report: Mapping[str, Any]) -> list[Trade]:
    """The closed trades of a result (its JSON)."""
    return [trade_from_json(trade) for trade in report["trades"]]


def column_of_reports(
    name: str,
    reports: Sequence[Mapping[str, Any]],
    source: str,
    period: tuple[int, int] | None = None,
    trades: Sequence[Trade] | None = None,
) -> ComparedColumn:
    """The column of one or several results (their JSON), their trades taken together.

    `trades` are theirs, where they have been read from them already.

    Several have no common equity curve: their figures are on the closed-trade basis, on the
    starting balance of the first. So are those of a stated `period` (begin and end, exclusive, UTC
    ms), in which only the trades count that closed within it. There must be at least one report.
    """
    if trades is None:
        trades = [trade for report in reports for trade in trades_of(report)]
    closes = np.array([closed_at(trade) for trade in trades], dtype=np.int64)
    order = np.argsort(closes, kind="stable")
    starting_balance = reports[0]["starting_balance"]
    if period is not None:
        begin, end = np.searchsorted(closes[order], period).tolist()
        earlier, order = order[:begin], order[begin:end]
        starting_balance += sum(trades[at].pnl for at in earlier.tolist())
    trades = [trades[at] for at in order.tolist()]
    closed = closed_trade_metrics(
        [trade.pnl for trade in trades],
        [hold_seconds(trade) for trade in trades],
        closes[order].tolist(),
        period or _period_of_reports(reports),
        starting_balance,
    )
    whole = len(reports) == 1 and period is None
    written = metrics_to_json(closed)
    notes = []
    if len(reports) > 1:
        notes.append(f"{len(reports)} runs taken together, without a common equity curve")
    return ComparedColumn(
        name,
        source,
        period or _period_of_reports(reports),
        reports[0]["metrics"] if whole else written,
        written,
        whole,
        _sample(
            closed,
            np.array([trade.pnl_pct for trade in trades], dtype=np.float64),
            np.array([trade.leverage for trade in trades], dtype=np.float64),
            closes[order].tolist(),
        ),
        tuple(notes),
    )


def column_of_live_trades(
    trades: Sequence[LiveTrade],
    starting_balance: float | None,
    source: str,
    period: tuple[int, int] | None = None,
) -> ComparedColumn | None:
    """The column of real trades, or None where none of them can be counted.

    Args:
        trades: of the strategy, as trades.jsonl has them; only closed ones count.
        starting_balance: the account's before the first of them, if known.
        source: where they come from, in words.
        period: count only what closed within it; None for all, then the period is from the first
            opening to the last close.
    """
    # A row a trade, of numbers: there may be a million.
    rows = (
        (
            t.status != "closed",
            _NEVER if t.closed is None else t.closed,
            t.opened,
            _NAN if t.pnl is None else t.pnl,
            _live_pnl_pct(t),
            _live_leverage(t),
        )
        for t in trades
    )
    whole, real = ("closed", "opened"), ("pnl", "pnl_pct", "leverage")
    kinds = [("open", "?"), *((name, "i8") for name in whole), *((name, "f8") for name in real)]
    counted = np.fromiter(rows, dtype=kinds, count=len(trades))
    still_open = int(counted["open"].sum())
    counted.sort(order="closed", kind="stable")
    counted = counted[~counted["open"] & (counted["closed"] != _NEVER) & ~np.isnan(counted["pnl"])]
    notes = []
    if still_open:
        notes.append(f"{still_open} open live trade{'s' * (still_open > 1)} not counted")
    if unknown := len(trades) - still_open - len(counted):
        notes.append(f"{unknown} closed live trade{'s' * (unknown > 1)} left out: no P&L or time")
    if period is not None:
        begin, end = np.searchsorted(counted["closed"], period).tolist()
        counted = counted[begin:end]
    if not len(counted):
        return None
    closes = counted["closed"].tolist()
    if period is None:
        period = (int(counted["opened"].min()), closes[-1] + 1)
    figures = closed_trade_metrics(
        counted["pnl"].tolist(),
        ((counted["closed"] - counted["opened"]) / 1000).tolist(),
        closes,
        period,
        starting_balance,
    )
    written = metrics_to_json(figures)
    known = ~np.isnan(counted["pnl_pct"])
    if not known.all():
        notes.append("mean P&L not compared: some live trades do not tell theirs in per cent")
    pnl = counted["pnl_pct"].copy() if known.all() else None
    sample = _sample(figures, pnl, counted["leverage"].copy(), closes)
    return ComparedColumn("Live", source, period, written, written, False, sample, tuple(notes))


def describe_period(column: ComparedColumn) -> str:
    """The period of a column in words."""
    if column.period is None or column.days is None:
        return column.no_period
    begin, end = column.period
    return f"{short_date(begin)} to {short_date(end - 1)}, {column.days:.3g} days"


def _sample(
    metrics: Metrics, pnl: Floats | None, leverage: Floats, closes: Sequence[int]
) -> Sample | None:
    if metrics.win_rate_pct is None:
        return None
    n = metrics.total_trades
    return Sample(n, round(metrics.win_rate_pct / 100 * n), pnl, leverage, tuple(closes))


def _live_pnl_pct(trade: LiveTrade) -> float:
    """P&L in per cent of margin, as recorded or from price, amount and leverage; NaN: unknown."""
    if trade.pnl_pct is not None:
        return trade.pnl_pct
    if trade.pnl is None or not trade.price or not trade.amount:
        return _NAN
    margin = trade.price * trade.amount / _live_leverage(trade)
    return trade.pnl / margin * 100 if margin > abs(trade.pnl) * 1e-12 else _NAN


def _live_leverage(trade: LiveTrade) -> float:
    """The leverage at which `_live_pnl_pct` is in per cent of margin; NaN where it is not known."""
    if not trade.leverage:
        return 1.0 if trade.pnl_pct is None else _NAN
    return trade.leverage if 1 / _ABSURD <= trade.leverage <= _ABSURD else _NAN


def _period_of_reports(reports: Sequence[Mapping[str, Any]]) -> tuple[int, int] | None:
    ends = [
        (
            parse_time(report["period"]["start"]),
            parse_time(report["period"]["end"]) + Timeframe(report["timeframe"]).ms,
        )
        for report in reports
        if report["period"]["candles"]
    ]
    return (min(begin for begin, _ in ends), max(end for _, end in ends)) if ends else None


def _period_of(block: object) -> tuple[int, int] | None:
    """The period a recorded block names: `period: {start, end}`; None where it names none."""
    period = block.get("period") if isinstance(block, Mapping) else None
    if not isinstance(period, Mapping):
        return None
    try:
        begin, end = parse_time(str(period["start"])), parse_time(str(period["end"]))
    except (KeyError, ValueError):
        return None
    return (begin, end) if begin < end else None
