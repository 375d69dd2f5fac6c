"""Trades, configs and results for the tests of reports: only what a test is about is spelt out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.market.candles.timeframes import HOUR, Timeframe
from core.report.equity import MarkedEquity
from core.report.result import RunResult, run_result
from core.report.trade_columns import TradeColumns
from core.strategy.config.conditions import Condition, Operator, Reference
from core.strategy.config.config import IndicatorSpec, StrategyConfig
from core.trading.values import ExitReason, Side, Trade

START = 1_704_067_200_000  # 2024-01-01T00:00:00Z


def config(**changes: Any) -> StrategyConfig:
    settings: dict[str, Any] = {
        "name": "rsi_bounce",
        "symbols": ("BTC/USDT",),
        "timeframe": Timeframe.H1,
        "indicators": (IndicatorSpec("rsi", "rsi", {"period": 14}),),
        "entry_conditions": (Condition(Reference("rsi"), Operator.LT, 30.0),),
        "exit_conditions": (Condition(Reference("rsi"), Operator.GT, 70.0),),
    }
    return StrategyConfig(**(settings | changes))


def trade(
    pnl: float | None = None,
    *,
    candle: int = 0,
    held: int = 4,
    entry: float = 100.0,
    exit_: float = 101.0,
    quantity: float = 1.0,
    side: Side = Side.LONG,
    fees: float = 0.0,
    funding: float = 0.0,
    leverage: float = 1.0,
    reason: ExitReason = ExitReason.SIGNAL,
    **more: Any,
) -> Trade:
    """A trade signalled at candle number `candle` (hourly, from START), entered at the next open.

    Its P&L follows from its prices, unless `pnl` says otherwise.
    """
    signal_time = START + candle * HOUR
    margin = entry * quantity / leverage
    if pnl is None:
        pnl = (exit_ - entry) * quantity * side.sign - fees - funding
    values: dict[str, Any] = {
        "id": candle + 1,
        "symbol": "BTC/USDT",
        "side": side,
        "signal_time": signal_time,
        "entry_time": signal_time + HOUR,
        "entry_price": entry,
        "exit_time": signal_time + HOUR + held * HOUR,
        "exit_price": exit_,
        "quantity": quantity,
        "leverage": leverage,
        "margin": margin,
        "fees": fees,
        "funding": funding,
        "pnl": pnl,
        "pnl_pct": pnl / margin * 100,
        "exit_reason": reason,
    }
    return Trade(**(values | more))


def result(
    trades: Sequence[Trade] = (),
    equity: Sequence[float] = (10_000.0, 10_000.0),
    *,
    starting_balance: float = 10_000.0,
    **more: Any,
) -> RunResult:
    """A result of hourly candles from START, one for each value of `equity`."""
    settings: dict[str, Any] = {
        "config": config(starting_balance=starting_balance),
        "open_trades": (),
        "benchmark_prices": [(100.0, 110.0)],
    }
    return run_result(
        times=np.arange(len(equity), dtype=np.int64) * HOUR + START,
        equity=MarkedEquity(np.array(equity, dtype=np.float64)),
        closed=TradeColumns.of(trades),
        **(settings | more),
    )
