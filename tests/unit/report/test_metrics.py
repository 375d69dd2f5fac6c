"""The metrics of docs/rules.md §4, each against a number counted by hand."""

from __future__ import annotations

import dataclasses
import json
import math
import statistics

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.market.candles.timeframes import DAY, HOUR, Timeframe
from core.report.equity import MarkedEquity
from core.report.exposure import exposed_candles
from core.report.metrics import (
    Metrics,
    closed_trade_metrics,
    compute_metrics,
    day_ends,
    wilson_interval,
)
from core.report.result import metrics_to_json
from core.report.trade_columns import TradeColumns, hold_seconds
from core.trading.values import ExitReason
from tests.unit.report.making import START, trade


def metrics_of(
    equity: list[float],
    *,
    pnl: list[float] | None = None,
    timeframe: Timeframe = Timeframe.D1,
    times: list[int] | None = None,
    start: float = 100.0,
    exposed: int = 0,
    benchmark: float | None = 0.0,
) -> Metrics:
    if times is None:
        times = [START + i * timeframe.ms for i in range(len(equity))]
    opens, curve = np.array(times, dtype=np.int64), MarkedEquity(np.array(equity, dtype=np.float64))
    return compute_metrics(
        TradeColumns.of([trade(amount, candle=i) for i, amount in enumerate(pnl or [])]),
        opens,
        curve,
        day_ends(opens, curve, timeframe),
        start,
        timeframe,
        exposed,
        benchmark,
    )


def test_trade_figures_of_four_trades() -> None:
    m = metrics_of([110.0], pnl=[30.0, -10.0, -20.0, 10.0])
    assert m.total_trades == 4
    assert m.win_rate_pct == 50.0
    assert m.profit_factor == pytest.approx(40 / 30)
    assert m.expectancy == 2.5
    assert (m.best, m.worst) == (30.0, -20.0)
    assert (m.avg_win, m.avg_loss) == (20.0, -15.0)
    assert m.payoff_ratio == pytest.approx(20 / 15)
    assert m.max_consecutive_losses == 2
    assert m.sqn == pytest.approx(2 * 2.5 / statistics.stdev([30, -10, -20, 10]))
    assert m.avg_hold == 4 * 3600


def test_no_trade_leaves_every_trade_figure_undefined_with_its_reason() -> None:
    m = metrics_of([100.0, 100.0])
    assert m.total_trades == 0
    assert m.max_consecutive_losses == 0
    for name in ("win_rate_pct", "win_rate_ci", "profit_factor", "expectancy", "best", "worst"):
        assert getattr(m, name) is None
        assert m.metrics_undefined[name] == "no closed trade"
    assert m.total_return_pct == 0.0
    assert m.max_drawdown_pct == 0.0


def test_every_undefined_figure_has_a_reason_and_no_defined_one_has() -> None:
    for m in (
        metrics_of([]),
        metrics_of([100.0]),
        metrics_of([101.0, 99.0, 105.0], pnl=[1.0]),
        metrics_of([0.0, 0.0], pnl=[-100.0], benchmark=None),
        closed_trade_metrics([], [], [], None, None),
    ):
        empty = {f.name for f in dataclasses.fields(m) if getattr(m, f.name) is None}
        assert empty == set(m.metrics_undefined)


def test_one_trade_has_no_sqn() -> None:
    m = metrics_of([101.0], pnl=[1.0])
    assert m.sqn is None
    assert m.win_rate_pct == 100.0
    assert m.metrics_undefined["sqn"] == "1 trade, at least 2 are needed"


def test_without_a_loss_the_profit_factor_is_endless_not_infinite() -> None:
    m = metrics_of([101.0], pnl=[1.0, 2.0])
    assert m.profit_factor is None
    assert m.endless_profit_factor
    assert m.metrics_undefined["profit_factor"] == "no losing trade"
    assert m.payoff_ratio is None
    assert not metrics_of([101.0], pnl=[0.0]).endless_profit_factor


def test_a_trade_that_breaks_even_neither_wins_nor_loses() -> None:
    m = metrics_of([100.0], pnl=[-1.0, 0.0, -1.0])
    assert m.win_rate_pct == 0.0
    assert m.max_consecutive_losses == 1


def test_equal_trades_have_no_sqn() -> None:
    assert metrics_of([100.0], pnl=[0.1, 0.1, 0.1]).sqn is None


@pytest.mark.parametrize(
    ("wins", "n", "low", "high"), [(28, 45, 47.6, 74.9), (7, 12, 32.0, 80.7), (0, 5, 0, 43.4)]
)
def test_wilson_interval(wins: int, n: int, low: float, high: float) -> None:
    interval = wilson_interval(wins, n)
    assert [round(bound * 100, 1) for bound in interval] == [low, high]


@given(st.integers(1, 10_000), st.data())
def test_wilson_interval_contains_the_share(n: int, data: st.DataObject) -> None:
    wins = data.draw(st.integers(0, n))
    low, high = wilson_interval(wins, n)
    assert 0 <= low <= wins / n <= high <= 1


def test_drawdown_starts_at_the_starting_balance() -> None:
    assert MarkedEquity(np.array([90.0, 95.0])).deepest_fall(100.0) == 0.1


def test_drawdown_is_a_share_of_the_peak() -> None:
    assert MarkedEquity(np.array([100.0, 200.0, 150.0, 190.0])).deepest_fall(100.0) == 0.25


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=50), st.floats(1, 1e6))
def test_drawdown_equals_the_definition(equity: list[float], start: float) -> None:
    peak, deepest = start, 0.0
    for value in equity:
        peak = max(peak, value)
        deepest = max(deepest, (peak - value) / peak)
    assert MarkedEquity(np.array(equity)).deepest_fall(start) == deepest


@pytest.mark.parametrize("drift", [-0.0002, 0.0, 0.0002])
@pytest.mark.parametrize("length", [4_095, 4_096, 4_097, 30_000])
def test_drawdown_of_a_long_curve_equals_the_definition(length: int, drift: float) -> None:
    moves = np.random.default_rng(length).normal(drift, 0.01, length)
    equity = np.concatenate(([1_000.0], 1_000 * np.exp(np.cumsum(moves))))
    peaks = np.maximum.accumulate(equity)
    deepest = float(((peaks - equity) / peaks).max())
    assert MarkedEquity(equity[1:]).deepest_fall(1_000.0) == deepest


def test_sharpe_takes_equity_at_each_day_end_with_the_starting_balance_before() -> None:
    # Eight days of two 12-hour candles: only every other one closes a day.
    m = metrics_of([500.0, 110.0, 1.0, 99.0] + [7.0, 99.0] * 6, timeframe=Timeframe.H12)
    returns = [0.1, -0.1] + [0.0] * 6
    assert m.sharpe_ratio == pytest.approx(
        statistics.mean(returns) / statistics.stdev(returns) * math.sqrt(365), abs=1e-12
    )
    assert m.sortino_ratio == pytest.approx(0.0, abs=1e-12)


def test_sortino_divides_by_the_downside_of_all_days() -> None:
    m = metrics_of([110.0, 99.0, *[99.0 * 1.2] * 6])
    mean = (0.1 - 0.1 + 0.2) / 8
    assert m.sortino_ratio == pytest.approx(mean / math.sqrt(0.01 / 8) * math.sqrt(365))


def test_a_candle_belongs_to_the_day_of_its_last_millisecond() -> None:
    # A candle opening at 23:00 ends at 23:59:59.999, still on its day; the next opens at 00:00.
    m = metrics_of(
        [110.0, 121.0, 60.5, 60.5],
        times=[START + hours * HOUR for hours in (23, 24, 48, 6 * 24)],
        timeframe=Timeframe.H1,
    )
    returns = [0.1, 0.1, -0.5, 0.0, 0.0, 0.0, 0.0]
    assert m.sharpe_ratio == pytest.approx(
        statistics.mean(returns) / statistics.stdev(returns) * math.sqrt(365)
    )
    # A three-day candle counts on its third day.
    three = metrics_of([110.0, 55.0, 55.0], timeframe=Timeframe.D3)
    days = [0.1, 0.0, 0.0, -0.5, 0.0, 0.0, 0.0]
    assert three.sharpe_ratio == pytest.approx(
        statistics.mean(days) / statistics.stdev(days) * math.sqrt(365)
    )


def test_a_day_without_data_carries_the_last_value() -> None:
    m = metrics_of([110.0, 99.0], times=[START, START + 6 * DAY])
    returns = [0.1, 0.0, 0.0, 0.0, 0.0, 0.0, -0.1]
    assert m.sharpe_ratio == pytest.approx(0.0, abs=1e-12)
    assert m.sortino_ratio == pytest.approx(
        statistics.mean(returns) / math.sqrt(0.01 / 7) * math.sqrt(365), abs=1e-12
    )


def test_one_day_is_too_few_for_a_ratio() -> None:
    m = metrics_of([101.0, 90.0], timeframe=Timeframe.H1)
    assert m.sharpe_ratio is None
    assert m.sortino_ratio is None
    assert m.metrics_undefined["sharpe_ratio"].startswith("1 daily return is too few")


def test_constant_equity_has_no_ratio() -> None:
    m = metrics_of([100.0] * 40)
    assert (m.sharpe_ratio, m.sortino_ratio, m.calmar_ratio) == (None, None, None)
    assert m.metrics_undefined["sharpe_ratio"] == "the daily returns do not vary"
    assert m.metrics_undefined["calmar_ratio"] == "no drawdown"


def test_steady_growth_does_not_vary_even_where_its_rounding_does() -> None:
    m = metrics_of([100 * 1.01**day for day in range(1, 41)])
    assert m.sharpe_ratio is None


def test_calmar_annualises_over_the_time_from_first_open_to_last_close() -> None:
    m = metrics_of([90.0, *[100.0] * 363, 121.0])
    assert m.calmar_ratio == pytest.approx(21 / 10)
    half = metrics_of([90.0, 110.0], times=[START, START + 181 * DAY], timeframe=Timeframe.D1)
    assert half.calmar_ratio == pytest.approx((1.1 ** (365 / 182) - 1) / 0.1)


def test_a_calmar_ratio_needs_thirty_days() -> None:
    short, enough = metrics_of([90.0, 110.0] * 14), metrics_of([90.0, 110.0] * 15)
    assert short.calmar_ratio is None
    assert short.metrics_undefined["calmar_ratio"] == (
        "28 days are too few to annualise, at least 30 are needed"
    )
    assert enough.calmar_ratio is not None


def test_sharpe_and_sortino_need_seven_daily_returns() -> None:
    short, enough = metrics_of([90.0, 110.0] * 3), metrics_of([90.0, 110.0] * 3 + [80.0])
    for name in ("sharpe_ratio", "sortino_ratio"):
        assert getattr(short, name) is None
        assert short.metrics_undefined[name] == (
            "6 daily returns are too few, at least 7 are needed"
        )
        assert getattr(enough, name) is not None
    assert enough.short_period


def test_a_return_annualised_to_more_than_a_number_holds_is_undefined() -> None:
    m = metrics_of([90.0] + [1e40] * 29)
    assert m.calmar_ratio is None
    assert m.metrics_undefined["calmar_ratio"] == "the return is too large to annualise"


def test_an_account_that_lost_everything() -> None:
    m = metrics_of([50.0] + [0.0] * 29, pnl=[-100.0])
    assert m.total_return_pct == -100.0
    assert m.max_drawdown_pct == 100.0
    assert m.calmar_ratio == -1.0
    assert m.sharpe_ratio is None
    assert "fell to 0" in m.metrics_undefined["sharpe_ratio"]


def test_under_thirty_days_the_annualised_figures_are_marked() -> None:
    assert metrics_of([100.0] * 29).short_period
    assert not metrics_of([100.0] * 30).short_period


@pytest.mark.parametrize(
    ("reason", "filled_at", "exposed"),
    [
        (ExitReason.MAX_HOLD, None, 4),
        (ExitReason.MAX_HOLD, 1_000, 4),  # the market's first price behind the close that decided
        (ExitReason.STOP_LOSS, None, 5),
        (ExitReason.STOP_LOSS, 1_000, 5),
        (ExitReason.MANUAL, None, 4),
        (ExitReason.MANUAL, 1_800_000, 5),  # asked for half an hour into the candle
    ],
)
def test_the_candle_whose_first_price_fills_an_exit_is_not_held(
    reason: ExitReason, filled_at: int | None, exposed: int
) -> None:
    made = trade(1.0, held=4, reason=reason)
    if filled_at is not None:
        made = msgspec.structs.replace(made, exit_filled_at=made.exit_time + filled_at)
    times = np.array([START + i * HOUR for i in range(20)], dtype=np.int64)
    assert exposed_candles(times, TradeColumns.of([made]), []) == exposed


def test_exposure_is_the_share_of_candles() -> None:
    assert metrics_of([100.0] * 8, exposed=2).exposure_pct == 25.0
    assert metrics_of([]).exposure_pct is None


def test_hold_is_between_fills_only_where_both_are_known() -> None:
    both = trade(1.0, held=1, entry_filled_at=START, exit_filled_at=START + 90_000)
    assert hold_seconds(both) == 90.0
    assert hold_seconds(trade(1.0, held=1, entry_filled_at=START)) == 3600.0


def test_closed_trades_step_equity_at_each_close() -> None:
    closes = [START + 5 * HOUR, START + 6 * HOUR, START + DAY + HOUR]
    m = closed_trade_metrics(
        [20.0, -30.0, 9.0], [60.0] * 3, closes, (START, START + 7 * DAY), 100.0
    )
    assert m.total_return_pct == pytest.approx(-1.0)
    assert m.max_drawdown_pct == 25.0
    returns = [-0.1, 0.1] + [0.0] * 5  # days without a trade count as days
    assert m.sharpe_ratio == pytest.approx(
        statistics.mean(returns) / statistics.stdev(returns) * math.sqrt(365), abs=1e-12
    )
    assert m.exposure_pct is None


def test_days_before_the_first_and_after_the_last_close_count() -> None:
    m = closed_trade_metrics([-10.0], [60.0], [START + DAY], (START, START + 7 * DAY), 100.0)
    returns = [0.0, -0.1, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert m.sharpe_ratio == pytest.approx(
        statistics.mean(returns) / statistics.stdev(returns) * math.sqrt(365)
    )


def test_closed_trades_without_a_starting_balance_have_no_return() -> None:
    m = closed_trade_metrics([1.0, -1.0], [1.0, 1.0], [START, START + DAY], None, None)
    assert m.win_rate_pct == 50.0
    for name in ("total_return_pct", "max_drawdown_pct", "sharpe_ratio"):
        assert getattr(m, name) is None
        assert m.metrics_undefined[name] == "no starting balance is known"


@given(
    st.lists(st.floats(-1e300, 1e300), max_size=12),
    st.lists(st.floats(-100, 1e300), max_size=12),
)
def test_neither_nan_nor_infinity_comes_out(pnl: list[float], equity: list[float]) -> None:
    with np.errstate(all="ignore"):
        m = metrics_of(equity, pnl=pnl)
    json.dumps(metrics_to_json(m), allow_nan=False)
