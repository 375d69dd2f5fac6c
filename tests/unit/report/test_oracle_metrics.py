"""The metrics agree with quantstats, where both define a figure alike."""

from __future__ import annotations

import numpy as np
import pytest

from core.market.candles.timeframes import Timeframe
from core.report.equity import MarkedEquity
from core.report.metrics import compute_metrics, day_ends
from core.report.trade_columns import TradeColumns
from tests.unit.report.making import START, trade

pytestmark = pytest.mark.oracle
stats = pytest.importorskip(
    "quantstats.stats", reason="quantstats is not installed (extra: oracles)"
)

NEAR = 1e-9


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("timeframe", [Timeframe.H1, Timeframe.H4, Timeframe.D1])
def test_equity_figures_agree(seed: int, timeframe: Timeframe) -> None:
    import pandas as pd

    rng = np.random.default_rng(seed)
    n = 400 * Timeframe.D1.ms // timeframe.ms
    times = START + np.arange(n, dtype=np.int64) * timeframe.ms
    equity = 10_000 * np.exp(np.cumsum(rng.normal(0.0002, 0.01, n)))
    curve = MarkedEquity(equity)
    ends = day_ends(times, curve, timeframe)
    m = compute_metrics(TradeColumns.of([]), times, curve, ends, 10_000.0, timeframe, 0, 0.0)

    moments = pd.to_datetime(times + timeframe.ms - 1, unit="ms")
    marked = pd.Series(equity, index=moments)
    daily = marked.resample("1D").last()
    returns = (daily / daily.shift(1, fill_value=10_000.0)) - 1

    assert m.sharpe_ratio == pytest.approx(stats.sharpe(returns, periods=365), rel=NEAR)
    assert m.sortino_ratio == pytest.approx(stats.sortino(returns, periods=365), rel=NEAR)
    deepest = -stats.max_drawdown(marked / marked.shift(1, fill_value=10_000.0) - 1)
    assert m.max_drawdown_pct == pytest.approx(deepest * 100, rel=NEAR)
    assert m.total_return_pct == pytest.approx(stats.comp(returns) * 100, rel=NEAR)
    assert m.calmar_ratio == pytest.approx(stats.cagr(returns, periods=365) / deepest, rel=NEAR)


@pytest.mark.parametrize("seed", range(5))
def test_trade_figures_agree(seed: int) -> None:
    import pandas as pd

    amounts = np.random.default_rng(seed).normal(0.1, 1.0, 60).tolist()
    trades = [trade(amount, candle=i) for i, amount in enumerate(amounts)]
    times = np.array([START], dtype=np.int64)
    flat = np.array([1e4])
    m = compute_metrics(
        TradeColumns.of(trades), times, MarkedEquity(flat), flat, 1e4, Timeframe.D1, 0, 0.0
    )

    series = pd.Series(amounts, index=pd.date_range("2024-01-01", periods=len(amounts)))
    apart = {"prepare_returns": False}
    assert m.profit_factor == pytest.approx(stats.profit_factor(series, **apart), rel=NEAR)
    assert m.payoff_ratio == pytest.approx(stats.payoff_ratio(series, **apart), rel=NEAR)
    assert m.win_rate_pct == pytest.approx(stats.win_rate(series, **apart) * 100, rel=NEAR)
    assert m.avg_win == pytest.approx(stats.avg_win(series, **apart), rel=NEAR)
    assert m.avg_loss == pytest.approx(stats.avg_loss(series, **apart), rel=NEAR)
    assert m.max_consecutive_losses == stats.consecutive_losses(series, **apart)
