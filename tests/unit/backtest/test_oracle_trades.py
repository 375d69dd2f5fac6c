"""The trades of independent libraries on real candles: backtesting.py and vectorbt.

backtesting.py fills at the next open, vectorbt at the close. Both are told signals and fees of our
making; when and at what price they fill, and what is left in the account, is theirs.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.backtest.run import run_backtest
from core.market.candles.candles import Candles
from core.market.candles.timeframes import Timeframe
from core.strategy.config.conditions import Condition, Direction, Operator, Reference
from core.strategy.config.config import IndicatorSpec, StrategyConfig
from core.strategy.signals.source import ENTER_LONG, ENTER_SHORT, EXIT_LONG, EXIT_SHORT
from core.strategy.signals.sources import signal_series
from core.trading.values import ExitReason, FillOn

pytestmark = [pytest.mark.oracle, pytest.mark.shared_data]

FILES = [
    ("BTCUSDT-5m.csv.gz", Timeframe.M5),
    ("ETHUSDT-5m.csv.gz", Timeframe.M5),
    ("BTCUSDT-15m.csv.gz", Timeframe.M15),
    ("ADAUSDT-1m.csv.gz", Timeframe.M1),
]
FEES = 0.0006


def candles_of(path: Path) -> Candles:
    with gzip.open(path) as file:
        frame = pd.read_csv(file)
    columns = (
        frame[name].to_numpy(np.float64) for name in ("open", "high", "low", "close", "volume")
    )
    return Candles(frame["timestamp"].to_numpy(np.int64), *columns)


def rsi_strategy(timeframe: Timeframe, direction: Direction, **exits: Any) -> StrategyConfig:
    low, high = (30.0, 70.0) if direction is Direction.LONG else (70.0, 30.0)
    enter, leave = (
        (Operator.LT, Operator.GT) if direction is Direction.LONG else (Operator.GT, Operator.LT)
    )
    return StrategyConfig(
        name="oracle",
        symbols=("BTC/USDT",),
        timeframe=timeframe,
        indicators=(IndicatorSpec("rsi", "rsi", {"period": 14}),),
        entry_conditions=(Condition(Reference("rsi"), enter, low),),
        exit_conditions=(Condition(Reference("rsi"), leave, high),),
        direction=direction,
        fees=FEES,
        starting_balance=1_000_000.0,
        **exits,
    )


def flags_of(config: StrategyConfig, candles: Candles) -> tuple[np.ndarray, np.ndarray]:
    flags = signal_series(config, candles).flags
    if config.direction is Direction.LONG:
        return (flags & ENTER_LONG) > 0, (flags & EXIT_LONG) > 0
    return (flags & ENTER_SHORT) > 0, (flags & EXIT_SHORT) > 0


@pytest.mark.parametrize("direction", [Direction.LONG, Direction.SHORT])
@pytest.mark.parametrize(("file", "timeframe"), FILES)
def test_next_open_trades_equal_backtesting_py(
    shared_data: Path, file: str, timeframe: Timeframe, direction: Direction
) -> None:
    backtesting: Any = pytest.importorskip("backtesting", reason="backtesting is not installed")
    candles = candles_of(shared_data / file)
    # A stop and a target that are hit now and then, by gaps and inside the candle.
    config = rsi_strategy(timeframe, direction, stop_loss_pct=1.5, take_profit_pct=3.0)
    ours = run_backtest(config, {"BTC/USDT": candles})
    entries, exits = flags_of(config, candles)
    long = direction is Direction.LONG
    sign = 1 if long else -1

    class Rsi(backtesting.Strategy):  # type: ignore[misc]  # the library has no types
        def init(self) -> None:
            self.entries = self.I(lambda: entries.astype(float), plot=False)
            self.exits = self.I(lambda: exits.astype(float), plot=False)

        def next(self) -> None:
            if self.position:
                if self.exits[-1] and not self.entries[-1]:
                    self.position.close()
            elif self.entries[-1] and not self.exits[-1] and len(self.data) < len(candles):
                # Stop and target belong to the price of entry, which an order here cannot know.
                price = candles.open[len(self.data)]
                order = self.buy if long else self.sell
                order(size=1, sl=price * (1 - sign * 0.015), tp=price * (1 + sign * 0.03))

    frame = pd.DataFrame(
        {
            "Open": candles.open,
            "High": candles.high,
            "Low": candles.low,
            "Close": candles.close,
            "Volume": candles.volume,
        },
        index=pd.to_datetime(candles.time, unit="ms"),
    )
    theirs = backtesting.Backtest(frame, Rsi, cash=1e9, finalize_trades=False).run()["_trades"]
    assert len(theirs) == len(ours.trades) > 20
    for row, trade in zip(theirs.sort_values("EntryBar").itertuples(), ours.trades, strict=True):
        assert candles.time[row.EntryBar] == trade.entry_time
        assert row.EntryPrice == pytest.approx(trade.entry_price, rel=1e-12)
        assert candles.time[row.ExitBar] == trade.exit_time, trade
        if trade.exit_reason is ExitReason.TAKE_PROFIT:
            # Where the open has passed the target, theirs fills at the open, ours never better.
            better = (row.ExitPrice - trade.exit_price) * sign
            opened_beyond = (candles.open[row.ExitBar] - trade.exit_price) * sign >= 0
            assert better == pytest.approx(0) or opened_beyond
        else:
            assert row.ExitPrice == pytest.approx(trade.exit_price, rel=1e-12), trade


@pytest.mark.parametrize("direction", [Direction.LONG, Direction.SHORT])
@pytest.mark.parametrize(("file", "timeframe"), FILES)
def test_fill_on_close_trades_and_money_equal_vectorbt(
    shared_data: Path, file: str, timeframe: Timeframe, direction: Direction
) -> None:
    vectorbt = pytest.importorskip("vectorbt", reason="vectorbt is not installed")
    candles = candles_of(shared_data / file)
    config = rsi_strategy(timeframe, direction)
    ours = run_backtest(config, {"BTC/USDT": candles}, fill_on=FillOn.CLOSE)
    entries, exits = flags_of(config, candles)
    sides = (
        {"entries": entries, "exits": exits}
        if direction is Direction.LONG
        else {"short_entries": entries, "short_exits": exits}
    )
    portfolio = vectorbt.Portfolio.from_signals(
        pd.Series(candles.close, index=pd.to_datetime(candles.time, unit="ms")),
        init_cash=1_000_000.0,
        fees=FEES,
        freq=timeframe.value,
        upon_long_conflict="ignore",
        upon_short_conflict="ignore",
        **sides,
    )
    records = portfolio.trades.records
    closed = records[records["status"] == 1]
    assert len(closed) == len(ours.trades) > 20
    for row, trade in zip(closed.itertuples(), ours.trades, strict=True):
        assert candles.time[row.entry_idx] == trade.entry_time
        assert candles.time[row.exit_idx] == trade.exit_time
        assert row.entry_price == pytest.approx(trade.entry_price, rel=1e-12)
        assert row.exit_price == pytest.approx(trade.exit_price, rel=1e-12)
        if direction is Direction.LONG:
            # A short of vectorbt is sized by its cash alone; a long by the same rule as ours.
            assert row.size == pytest.approx(trade.quantity, rel=1e-9)
            assert row.pnl == pytest.approx(trade.pnl, rel=1e-6, abs=1e-6)
    if direction is Direction.LONG:
        assert portfolio.value().iloc[-1] == pytest.approx(ours.ending_balance, rel=1e-9)
        value = portfolio.value().to_numpy()
        warmup = len(value) - len(ours.equity)  # a result begins with the first candle that decides
        np.testing.assert_array_equal(value[:warmup], 1_000_000.0)
        np.testing.assert_allclose(value[warmup:], ours.equity, rtol=1e-9)


@pytest.mark.parametrize(("file", "timeframe"), FILES[:2])
def test_stops_and_targets_at_close_equal_vectorbt(
    shared_data: Path, file: str, timeframe: Timeframe
) -> None:
    vectorbt = pytest.importorskip("vectorbt", reason="vectorbt is not installed")
    candles = candles_of(shared_data / file)
    config = rsi_strategy(
        timeframe, Direction.LONG, stop_loss_pct=1.5, take_profit_pct=1.0, trade_size_pct=10
    )
    ours = run_backtest(config, {"BTC/USDT": candles}, fill_on=FillOn.CLOSE)
    entries, exits = flags_of(config, candles)
    portfolio = vectorbt.Portfolio.from_signals(
        *(pd.Series(values) for values in (candles.close, entries, exits)),
        open=pd.Series(candles.open),
        high=pd.Series(candles.high),
        low=pd.Series(candles.low),
        sl_stop=0.015,
        tp_stop=0.01,
        init_cash=1_000_000.0,
        fees=FEES,
        upon_long_conflict="ignore",
        upon_stop_exit="close",
    )
    records = portfolio.trades.records
    closed = {int(row.entry_idx): row for row in records[records["status"] == 1].itertuples()}
    compared = 0
    for trade in ours.trades:
        row = closed.get(int(np.searchsorted(candles.time, trade.entry_time)))
        if row is None:
            continue
        compared += 1
        assert candles.time[row.exit_idx] == trade.exit_time, trade
        opened_beyond = candles.open[row.exit_idx] >= trade.exit_price
        if not (trade.exit_reason is ExitReason.TAKE_PROFIT and opened_beyond):
            assert row.exit_price == pytest.approx(trade.exit_price, rel=1e-12), trade
    # vectorbt makes one order a candle: where a stop and an entry fall on one, it enters later, and
    # the two go separate ways for a while.
    assert compared >= 0.6 * len(ours.trades) > 20
