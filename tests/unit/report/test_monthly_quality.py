"""Monthly returns, buy and hold, and the warning signs of a result."""

from __future__ import annotations

import numpy as np
import pytest

from core.market.candles.timeframes import DAY, Timeframe
from core.report.metrics import buy_and_hold_pct
from core.report.monthly import monthly_returns
from core.report.quality import quality_flags
from core.report.result import RunResult, metrics_to_json
from tests.unit.report.making import START, result, trade


def months(days: list[int], equity: list[float]) -> dict[str, float | None]:
    times = np.array([START + day * DAY for day in days], dtype=np.int64)
    returns = monthly_returns(times, np.array(equity), 100.0, Timeframe.D1)
    return {month.month: month.return_pct for month in returns}


def test_each_month_starts_from_the_end_of_the_one_before() -> None:
    # 2024-01-31 is day 30, 2024-02-29 day 59, 2024-03-01 day 60.
    assert months([0, 30, 59, 60], [90.0, 110.0, 99.0, 198.0]) == {
        "2024-01": pytest.approx(10.0),
        "2024-02": pytest.approx(-10.0),
        "2024-03": pytest.approx(100.0),
    }


def test_a_month_without_data_carries_the_last_equity() -> None:
    assert months([0, 70], [110.0, 121.0]) == {
        "2024-01": pytest.approx(10.0),
        "2024-02": 0.0,
        "2024-03": pytest.approx(10.0),
    }


def test_after_everything_is_lost_a_month_has_no_return() -> None:
    assert months([0, 40], [0.0, 0.0]) == {"2024-01": -100.0, "2024-02": None}


def test_buy_and_hold_splits_equally() -> None:
    assert buy_and_hold_pct([(100.0, 110.0), (1.0, 3.0)]) == pytest.approx(105.0)
    assert buy_and_hold_pct([]) is None


def flags_of(run: RunResult) -> tuple[str, ...]:
    return quality_flags(metrics_to_json(run.metrics))


@pytest.mark.parametrize(
    ("pnl", "equity", "sign"),
    [
        ([1.0, -1.0], [100.0], "fewer than 30 trades (2)"),
        ([1.0] * 9 + [-1.0], [100.0], "win rate over 80% (90.0%)"),
        ([1.0, -1.0], [74.0, 100.0], "drawdown over 25% (26.00%)"),
        ([1.0, -1.0], [109.0], "behind buy and hold (+9.00% against +10.00%)"),
        ([1.0, -1.0], [101.0] * 24 * 3 + [100.0] * 24 * 3 + [99.0], "Sharpe under 0.5"),
        ([1.0, -2.0], [100.0], "profit factor under 1 (0.50)"),
        ([-1.0] * 9, [100.0], "more than 8 losses in a row (9)"),
    ],
)
def test_each_warning_sign_is_raised(pnl: list[float], equity: list[float], sign: str) -> None:
    trades = [trade(amount, candle=i) for i, amount in enumerate(pnl)]
    flags = flags_of(result(trades, equity, starting_balance=100.0))
    assert any(flag.startswith(sign) for flag in flags), flags


@pytest.mark.parametrize(
    ("sharpe", "gained", "why"),
    [
        (-14.61, -3.2, "it lost money"),
        (-14.61, None, "it lost money"),
        (0.3, 1.2, "the return hardly pays for its swings"),
    ],
)
def test_a_loss_is_not_said_to_pay_for_its_swings(
    sharpe: float, gained: float | None, why: str
) -> None:
    flags = quality_flags({"sharpe_ratio": sharpe, "total_return_pct": gained})
    assert flags == (f"Sharpe under 0.5 ({sharpe:.2f}): {why}",)


def test_less_than_a_tenth_of_a_point_behind_buy_and_hold_is_no_warning() -> None:
    for held, warned in ((0.05, False), (0.2, True)):
        flags = quality_flags({"total_return_pct": 0.0, "benchmark_return_pct": held})
        assert bool(flags) == warned


def test_a_sound_result_raises_none() -> None:
    trades = [trade(3.0 if i % 2 else -1.0, candle=i) for i in range(40)]
    equity = [100.0 + i * (1.0 if i % 30 else 0.7) for i in range(24 * 20)]
    assert flags_of(result(trades, equity, starting_balance=100.0)) == ()


def test_what_is_not_recorded_raises_no_sign() -> None:
    assert quality_flags({"win_rate_pct": 55.0}) == ()
