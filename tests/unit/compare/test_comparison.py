"""Backtest, paper and live side by side: the document's table, its basis, and what is missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest

from core.compare.causes import Evidence
from core.compare.columns import (
    ComparedColumn,
    column_of_block,
    column_of_live_trades,
    column_of_reports,
    describe_period,
)
from core.compare.comparison import ComparisonResult, compare
from core.compare.divergence import find_divergence
from core.compare.text import comparison_table, comparison_text
from core.compare.to_json import comparison_to_json
from core.compare.verdict import NO_BACKTEST, ONLY_BACKTEST, TrialAnswers, minimum_duration
from core.market.candles.candles import Candles
from core.market.candles.timeframes import DAY, HOUR, MINUTE, Timeframe
from core.report.market_regime import Regime, regime, regime_warning
from core.report.result import result_to_json
from core.store.live_trades import LiveTrade
from core.trading.values import Obstacle, Refused, Side, Trade
from tests.unit.report.making import START, result, trade
from tui.screens.compare_rows import periods


def report(trades: list[Trade], hours: int = 24 * 30) -> dict[str, Any]:
    """A result whose equity steps at each close."""
    equity = np.full(hours, 10_000.0)
    for one in trades:
        equity[(one.exit_time - START) // HOUR :] += one.pnl
    return result_to_json(result(trades, equity.tolist()))


def live(number: int, pnl: float | None = 5.0, **changes: Any) -> LiveTrade:
    opened = START + number * HOUR
    values: dict[str, Any] = {
        "id": str(number), "opened": opened, "status": "closed", "strategy": "rsi_bounce",
        "price": 100.0, "amount": 1.0, "closed": opened + 2 * HOUR, "pnl": pnl,
    }  # fmt: skip
    return LiveTrade(**(values | changes))


def block(name: str, *figures: float) -> ComparedColumn:
    names = ("win_rate_pct", "profit_factor", "max_drawdown_pct", "sharpe_ratio", "total_trades")
    column = column_of_block(name, dict(zip(names, figures, strict=True)), "STRATEGY.md")
    assert column is not None
    return column


def compared(
    backtest: ComparedColumn | None = None,
    paper: ComparedColumn | None = None,
    live: ComparedColumn | None = None,
    **more: Any,
) -> ComparisonResult:
    return compare("rsi_bounce", Timeframe.H1, backtest=backtest, paper=paper, live=live, **more)


def many(n: int, mean: float, seed: int, spread: float = 1.0) -> list[Trade]:
    draws = np.random.default_rng(seed).normal(mean, spread, n)
    return [trade(float(x), candle=i) for i, x in enumerate(draws)]


def test_the_table_is_the_source_documents() -> None:
    comparison = compared(
        block("Backtest", 62, 1.8, 8, 1.6, 45),
        block("Paper", 58, 1.5, 11, 1.2, 12),
        block("Live", 55, 1.3, 9, 1.0, 8),
    )
    assert "\n".join(comparison_table(comparison)).startswith(
        """\
Strategy Validation: rsi_bounce
═══════════════════════════════════════
           | Backtest | Paper  | Live
───────────|----------|--------|──────
Win Rate   | 62%      | 58%    | 55%
PF         | 1.8      | 1.5    | 1.3
Max DD     | 8%       | 11%    | 9%
Sharpe     | 1.6      | 1.2    | 1.0
Trades     | 45       | 12     | 8
───────────|----------|--------|──────
Assessment: Paper has neither kept nor broken
yet what the backtest promised."""
    )
    written: Any = comparison_to_json(comparison)
    assert written["verdict"]["state"] == "open"
    assert comparison.intervals[:2] == (
        "Backtest, 95%: win rate 47.6–74.9% (for one look)",
        "Paper, 95%: win rate 32.0–80.7% (for one look)",
    )


def test_returns_and_falls_have_two_decimals_as_on_the_screen() -> None:
    columns = [
        block(name, 62, 1.8, fall, 1.6, 45) for name, fall in (("Backtest", 8), ("Paper", 0.953))
    ]
    lost = {"total_return_pct": -0.964}
    paper = replace(columns[1], metrics={**columns[1].metrics, **lost})
    lines = {line[:11].strip(): line for line in comparison_table(compared(columns[0], paper))}
    assert [one.strip() for one in lines["Max DD"].split("|")[1:3]] == ["8.00%", "0.95%"]
    assert [one.strip() for one in lines["Return"].split("|")[1:3]] == ["–", "-0.96%"]


def test_of_both_intervals_that_of_the_mean_alone_holds_at_every_look() -> None:
    comparison = compared(column_of_reports("Backtest", [report(many(40, 2.0, 1))], "made"))
    (line,) = comparison.intervals
    win_rate, mean = line.removeprefix("Backtest, 95%: ").split(", ")
    assert win_rate.startswith("win rate ")
    assert win_rate.endswith("% (for one look)")
    assert mean.endswith("% of margin (however often one looks)")


@pytest.mark.parametrize(("worst", "shown"), [(-5.0, "–"), (0.0, "∞")])
def test_a_profit_factor_that_was_not_recorded_is_not_endless(worst: float, shown: str) -> None:
    recorded = column_of_block("Backtest", {"best": 12.0, "worst": worst}, "STRATEGY.md")
    (line,) = [line for line in comparison_table(compared(recorded)) if line.startswith("PF")]
    assert line.split("|")[1].strip() == shown


def test_further_figures_follow_the_documents_rows() -> None:
    comparison = compared(column_of_reports("Backtest", [report(many(40, 2.0, 1))], "made"))
    labels = [line.split("|")[0].strip() for line in comparison_table(comparison)]
    assert labels[4:13] == [
        "Win Rate", "PF", "Max DD", "Sharpe", "Trades",
        "Return", "Expectancy", "Avg Hold", "Exposure",
    ]  # fmt: skip


def test_live_trades_put_every_column_on_the_closed_trade_basis() -> None:
    winning = column_of_reports("Backtest", [report(many(40, 2.0, 1))], "made")
    real = column_of_live_trades([live(1), live(2, -3.0)], 1000.0, "trades.jsonl")
    alone, beside = compared(winning), compared(winning, live=real)
    assert (alone.basis, beside.basis) == ("equity curve", "closed trades")
    assert winning.closed is not None
    shown = {row.name: row.values for row in beside.rows}
    assert shown["sharpe_ratio"]["Backtest"] == winning.closed["sharpe_ratio"]
    assert shown["max_drawdown_pct"]["Live"] == pytest.approx(3 / 1005 * 100)
    assert any("closed trades in every column" in note for note in beside.notes)


def test_live_trades_without_a_balance_say_so() -> None:
    real = column_of_live_trades([live(1), live(2, -3.0)], None, "trades.jsonl")
    comparison = compared(live=real)
    assert {row.name: row.values["Live"] for row in comparison.rows}["max_drawdown_pct"] is None
    assert any("no starting balance is known" in note for note in comparison.notes)
    assert comparison.recommendation == NO_BACKTEST


def test_open_and_unknown_live_trades_are_told_apart() -> None:
    trades = [live(1), live(2, status="open", closed=None), live(3, None), live(4, closed=None)]
    column = column_of_live_trades(trades, 100.0, "trades.jsonl")
    assert column is not None
    assert column.metrics["total_trades"] == 1
    assert column.notes == (
        "1 open live trade not counted",
        "2 closed live trades left out: no P&L or time",
    )
    assert column_of_live_trades([], 100.0, "trades.jsonl") is None


def test_live_trades_of_a_stated_period_only() -> None:
    trades = [live(hour) for hour in range(0, 100, 10)]
    period = (START + 20 * HOUR, START + 60 * HOUR)
    column = column_of_live_trades(trades, 100.0, "trades.jsonl", period)
    assert column is not None
    assert column.metrics["total_trades"] == 4
    assert column.period == period


def test_the_pnl_of_a_live_trade_is_taken_as_a_share_of_its_margin() -> None:
    column = column_of_live_trades([live(1, leverage=5.0), live(2, pnl_pct=7.0)], None, "x")
    assert column is not None
    assert column.sample is not None
    assert column.sample.pnl is not None
    assert column.sample.pnl.tolist() == [25.0, 7.0]


def test_several_sessions_are_one_column_without_a_curve() -> None:
    first, second = report(many(10, 1.0, 1)), report(many(15, 1.0, 2))
    column = column_of_reports("Paper", [first, second], "2 sessions")
    assert column.metrics["total_trades"] == 25
    assert not column.has_curve
    found = compared(column_of_reports("Backtest", [first], "made"), column)
    assert found.basis == "closed trades"
    rows: Any = comparison_to_json(found)["rows"]
    marked = [row["label"] for row in rows if "," in row["label"]]
    assert marked == [f"{label}, closed trades" for label in ("Max DD", "Sharpe", "Return")]
    assert "2 runs taken together" in column.notes[0]
    beside = compared(block("Backtest", 50.0, 1.5, 8.0, 1.0, 40.0), column)
    assert not any(row.on_closed for row in beside.rows), "a recorded figure is as it was"


def test_a_stated_period_counts_what_closed_within_it() -> None:
    # Trade i closes at hour i + 5; the second half starts from what the first has made.
    trades = [trade(100.0 if i < 50 else -102.0, candle=i) for i in range(100)]
    period = (START + 55 * HOUR, START + 60 * HOUR)
    column = column_of_reports("Backtest", [report(trades)], "made", period)
    assert column.metrics["total_trades"] == 5
    assert column.metrics["total_return_pct"] == pytest.approx(-510 / 15_000 * 100)
    assert column.period == period
    assert not column.has_curve


def test_old_spellings_of_a_recorded_block() -> None:
    column = column_of_block(
        "Backtest",
        {"win_rate": 0.62, "max_drawdown": "-8.0%", "sharpe": 1.6, "trades": 45,
         "period": {"start": "2025-01-01", "end": "2025-07-01"}},
        "STRATEGY.md",
    )  # fmt: skip
    assert column is not None
    assert column.metrics["win_rate_pct"] == 62.0
    assert column.metrics["max_drawdown_pct"] == 8.0
    assert column.sample is not None
    assert (column.sample.trades, column.sample.wins) == (45, 28)
    assert describe_period(column) == "2025-01-01 to 2025-06-30, 181 days"
    undated = column_of_block("Backtest", {"win_rate": 0.62}, "STRATEGY.md")
    assert undated is not None
    assert describe_period(undated) == "period not recorded"
    assert column_of_block("Backtest", {"note": "none yet"}, "x") is None
    assert column_of_block("Backtest", None, "x") is None


def test_a_session_that_stopped_before_its_first_candle_is_told_as_that() -> None:
    stopped = {**report([]), "period": {"start": None, "end": None, "candles": 0}}
    column = column_of_reports("Paper", [stopped], "a session")
    assert describe_period(column) == "without a candle"
    assert "Paper without a candle" in periods(compared(column, column))


def test_what_is_missing_is_said_with_how_to_get_it() -> None:
    nothing = compared()
    assert len(nothing.missing) == 3
    assert "papertape backtest rsi_bounce" in nothing.missing[0]
    assert nothing.assessment == "There is nothing to compare yet."
    assert nothing.recommendation == NO_BACKTEST
    only = compared(block("Backtest", 62, 1.8, 8, 1.6, 45))
    assert only.recommendation == ONLY_BACKTEST


@pytest.mark.parametrize(
    ("timeframe", "days"), [("1m", 3), ("1h", 3), ("2h", 7), ("4h", 7), ("1d", 42), ("1w", 294)]
)
def test_minimum_durations(timeframe: str, days: int) -> None:
    assert minimum_duration(Timeframe(timeframe)) == days * DAY


def test_what_ran_a_minute_short_of_its_least_ran_nearly_as_long() -> None:
    least = minimum_duration(Timeframe.H1)
    made = column_of_reports("Backtest", [report(many(40, 2.0, 1))], "made")
    paper = column_of_reports("Paper", [report(many(10, 1.0, 2))], "a session")
    for short, told in ((MINUTE, "ran nearly 3d; a 1h"), (2 * HOUR, "ran 2d 22h; a 1h")):
        found = compared(made, replace(paper, period=(START, START + least - short)))
        assert told in found.recommendation


def test_a_divergence_over_the_same_period_shows_its_waterfall_in_cents() -> None:
    backtest = [trade(1.0, candle=i * 9, exit_=101.0) for i in range(12)]
    paper = [trade(candle=i * 9, exit_=100.335) for i in range(11)]
    refused = (
        Refused(START + 100 * HOUR, "BTC/USDT", Side.LONG, Obstacle.RISK_LIMIT, "its words"),
    )
    divergence = find_divergence(backtest, paper, Evidence(Timeframe.H1, refused=refused), 1e4)
    columns = (
        column_of_reports(name, [report(trades)], "made")
        for name, trades in (("Backtest", backtest), ("Paper", paper))
    )
    comparison = compared(*columns, layers=TrialAnswers(account=divergence))
    text = comparison_text(comparison)
    assert "12 of 12 trades differ: 11 slippage -0.07%, 1 risk limit -0.01%" in text
    assert [
        line.split()[-1] for line in text.splitlines() if line.startswith("  ") and "." in line
    ][1:4] == ["-1.00", "-7.32", "-8.32"]


def test_warning_signs_name_their_column_and_the_regime() -> None:
    regimes = {"Backtest": Regime(20.0, 40.0), "Paper": Regime(-5.0, 90.0)}
    comparison = compared(
        block("Backtest", 85, 1.8, 30, 1.6, 45),
        block("Paper", 58, 1.5, 11, 1.2, 12),
        regimes=regimes,
    )
    signs = "\n".join(comparison.warning_signs)
    assert "Backtest: win rate over 80%" in signs
    assert "Backtest: drawdown over 25%" in signs
    assert "Paper: fewer than 30 trades (12)" in signs
    assert "Paper: another market regime: buy and hold made +20.00% then and -5.00% now" in signs
    assert regime_warning(Regime(1.0, 50.0), Regime(2.0, 60.0)) is None
    assert regime_warning(Regime(None, None), Regime(2.0, 60.0)) is None
    assert regime_warning(Regime(20.0, 50.0), Regime(-0.02, 60.0)) is None


def test_a_regime_is_counted_from_candles() -> None:
    close = np.array([100.0, 101.0] * 15)
    candles = Candles(np.arange(30) * HOUR, close, close, close, close, close)
    found = regime({"BTC/USDT": candles}, Timeframe.H1)
    assert found.benchmark_return_pct == pytest.approx(1.0)
    step = np.log(1.01)
    assert found.volatility_pct == pytest.approx(
        np.std([step, -step] * 14 + [step], ddof=1) * np.sqrt(8760) * 100
    )
    assert regime({}, Timeframe.H1) == Regime(None, None)
    few = regime({"BTC/USDT": candles.slice(0, 29)}, Timeframe.H1)
    assert few.benchmark_return_pct == pytest.approx(0.0)
    assert few.volatility_pct is None, "of few candles it would be chance"
    minutes = regime({"BTC/USDT": candles}, Timeframe.M5)
    assert minutes.volatility_pct is None, "of two and a half hours, too"


def test_a_hundred_thousand_live_trades_are_compared() -> None:
    draws = np.random.default_rng(1).normal(0.5, 4, 100_000).tolist()
    trades = [live(i, pnl) for i, pnl in enumerate(draws)]
    backtest = column_of_reports("Backtest", [report(many(200, 1.0, 1))], "made")
    comparison = compared(backtest, live=column_of_live_trades(trades, 1e6, "trades.jsonl"))
    written = orjson.loads(orjson.dumps(comparison_to_json(comparison)))
    assert written["columns"]["live"]["metrics"]["total_trades"] == 100_000
