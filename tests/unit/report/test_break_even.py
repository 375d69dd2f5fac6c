"""What a fill may cost: worked out by hand, and shown by a run that pays just that."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from core.backtest.run import run_backtest
from core.report.break_even import break_even_cost_bp
from core.report.trade_columns import TradeColumns
from core.strategy.config.orders import Add, Orders
from core.strategy.config.parsing import parse_config
from core.trading.values import Addition, ExitReason, Trade, TradePart
from tests.unit.report.making import trade
from tests.unit.strategy.making import candles_of, written


def cost_bp(trades: list[Trade], slippage_pct: float) -> float | None:
    return break_even_cost_bp(TradeColumns.of(trades), slippage_pct)


def test_profit_before_fees_over_what_both_fills_traded() -> None:
    made = trade(9.0, entry=100.0, exit_=110.0, fees=1.0)
    assert cost_bp([made], 0.0) == pytest.approx(10_000 * 10 / 210)


def test_a_loss_before_costs_bears_none() -> None:
    made = trade(-11.0, entry=100.0, exit_=90.0, fees=1.0)
    cost = cost_bp([made], 0.0)
    assert cost is not None
    assert cost < 0


def test_without_a_trade_nothing_is_known() -> None:
    assert cost_bp([], 0.0) is None


def test_slippage_is_a_cost_where_it_is_in_the_price() -> None:
    entry, exit_ = 100 * 1.01, 110 * 0.99
    made = trade(entry=entry, exit_=exit_)
    assert cost_bp([made], 1.0) == pytest.approx(10_000 * 10 / (entry + exit_))
    by_market = msgspec.structs.replace(made, entry_filled_at=1, exit_filled_at=2)
    profit = exit_ - entry
    assert cost_bp([by_market], 1.0) == pytest.approx(10_000 * profit / (entry + exit_))


def test_an_entry_by_a_limit_order_has_no_slippage_in_its_price() -> None:
    closes = 100 + 3 * np.sin(np.arange(600) / 9) + np.random.default_rng(1).normal(0, 0.2, 600)
    entry = {"limit": "0.999 * close", "valid": 3}
    config = parse_config(written(timeframe="5m", slippage_pct=0.1, fees=0.0, entry=entry)).config
    run = run_backtest(config, {"BTC/USDT": candles_of(closes)})
    assert len(run.trades) > 3
    slipped_out = [one.exit_price / 0.999 - one.exit_price for one in run.trades]
    profit = sum(
        (one.exit_price + out - one.entry_price) * one.quantity
        for one, out in zip(run.trades, slipped_out, strict=True)
    )
    traded = sum((one.entry_price + one.exit_price) * one.quantity for one in run.trades)
    assert run.metrics.break_even_cost_bp == pytest.approx(10_000 * profit / traded)


def test_adds_that_wait_against_a_position_have_no_slippage_in_their_price() -> None:
    first = Addition(0, 101.0, 1.0, 101.0, 0.0)
    add = Addition(1, 95.0, 2.0, 190.0, 0.0)
    made = trade(entry=97.0, exit_=99.0, entries=(first, add))
    made = msgspec.structs.replace(made, quantity=3.0, pnl=6.0)
    against, with_it = (Orders(adds=(Add(200.0, at_pct=pct),)) for pct in (-5.0, 5.0))
    out = (99.0 / 0.99 - 99.0) * 3
    for orders, entered in ((against, 101.0), (with_it, 291.0), (None, 291.0)):
        profit = 6.0 + out + entered - entered / 1.01
        cost = break_even_cost_bp(TradeColumns.of([made]), 1.0, orders)
        assert cost == pytest.approx(10_000 * profit / (3 * (97 + 99)))


def test_a_run_whose_fills_cost_just_that_makes_nothing() -> None:
    closes = 100 + 3 * np.sin(np.arange(600) / 9) + np.random.default_rng(1).normal(0, 0.2, 600)
    candles = {"BTC/USDT": candles_of(closes)}
    config = parse_config(written(timeframe="5m", trade_size_pct=1, fees=0.0002)).config
    cost = run_backtest(config, candles).metrics.break_even_cost_bp
    assert cost is not None
    paying = run_backtest(replace(config, fees=cost / 10_000), candles)
    assert paying.metrics.total_trades > 3
    assert sum(one.pnl for one in paying.trades) == pytest.approx(0, abs=0.05)


def test_of_several_exits_only_the_last_may_have_slipped() -> None:
    parts = (
        TradePart(0, 110.0, 1.0, 0.0, ExitReason.TAKE_PROFIT),
        TradePart(0, 99.0, 3.0, 0.0, ExitReason.STOP_LOSS),
    )
    made = trade(
        entry=101.0,
        exit_=(110 + 3 * 99) / 4,
        quantity=4.0,
        reason=ExitReason.STOP_LOSS,
        parts=parts,
    )
    # Without slippage of 1 %: in at 100, out at 110 once and at 100 three times.
    assert cost_bp([made], 1.0) == pytest.approx(10_000 * 10 / (404 + 407))
