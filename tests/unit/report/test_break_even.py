"""What a fill may cost: worked out by hand, and shown by a run that pays just that."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from core.backtest.run import run_backtest
from core.report.break_even import break_even_cost_bp
from core.report.trade_columns import TradeColumns
from core.strategy.config.orders import NO_ORDERS, Add, Basis, Orders, PriceRule, RestingEntry
from core.strategy.config.parsing import parse_config
from core.trading.values import Addition, ExitReason, Side, Trade, TradePart
from tests.unit.report.making import trade
from tests.unit.strategy.making import candles_of, written

LIMIT = RestingEntry(PriceRule(Basis.PCT), limit=True, valid=1)


def cost_bp(trades: list[Trade], slippage_pct: float, orders: Orders = NO_ORDERS) -> float | None:
    return break_even_cost_bp(TradeColumns.of(trades), slippage_pct, orders)


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
    # Without slippage of 1%: in at 100, out at 110 once and at 100 three times.
    assert cost_bp([made], 1.0) == pytest.approx(10_000 * 10 / (404 + 407))


def test_an_entry_by_hand_slips_though_the_strategy_enters_by_limit_orders() -> None:
    by_hand = trade(entry=100 * 1.005, exit_=102 * 0.995, by_hand=True)
    cost = cost_bp([by_hand], 0.5, Orders(entry=LIMIT))
    assert cost == pytest.approx(10_000 * 2 / (100 * 1.005 + 102 * 0.995))


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(
    ("orders", "fills"),
    [  # of each entry: price of the market as a share of the first, quantity, whether it slipped
        (Orders(entry=LIMIT, adds=(Add(300, 1),)), [(0, 1, False), (1, 3, True)]),
        (Orders(adds=(Add(300, -1),)), [(0, 1, True), (-1, 3, False)]),
        (Orders(adds=(Add(300, -1),)), [(0, 1, True), (-2.5, 3, False)]),  # at a better open
        (
            Orders(adds=(Add(50, -4), Add(50, None), Add(50, -2))),
            [(0, 2, True), (-2, 1, False), (-3, 1, True), (-4, 1, False)],
        ),
    ],
)
def test_of_several_entries_those_by_limit_orders_have_not_slipped(
    side: Side, orders: Orders, fills: list[tuple[float, float, bool]]
) -> None:
    slipped, sign = 1 + side.sign * 0.005, side.sign
    first = 100 * slipped if fills[0][2] else 100.0
    paid, before = [], 0.0
    for off_pct, quantity, slips in fills:
        market = first * (1 + sign * off_pct / 100) / (slipped if slips else 1)
        paid.append(Addition(0, market * (slipped if slips else 1), quantity, 0.0, 0.0))
        before += (110 - market) * quantity * sign
    whole = sum(one.quantity for one in paid)
    traded = sum(one.price * one.quantity for one in paid)
    out = 110 * (1 - sign * 0.005)
    made = trade(entry=traded / whole, exit_=out, quantity=whole, side=side, entries=tuple(paid))
    assert cost_bp([made], 0.5, orders) == pytest.approx(10_000 * before / (traded + out * whole))


def test_adds_that_quotes_filled_have_not_slipped() -> None:
    entries = (Addition(0, 100 * 1.01, 1.0, 0.0, 0.0), Addition(0, 103.0, 1.0, 0.0, 0.0, 7))
    made = trade(entry=102.0, exit_=110 * 0.99, quantity=2.0, entries=entries)
    cost = cost_bp([made], 1.0, Orders(adds=(Add(100, 2),)))
    assert cost == pytest.approx(10_000 * 17 / (2 * (102 + 110 * 0.99)))


def test_an_add_against_the_position_fills_as_a_limit_order_in_a_run() -> None:
    closes = 100 + 3 * np.sin(np.arange(600) / 9) + np.random.default_rng(1).normal(0, 0.2, 600)
    adds = [{"at_pct": -0.5, "size_pct": 300}]
    raw = written(timeframe="5m", slippage_pct=0.1, fees=0.0, trade_size_pct=10, adds=adds)
    run = run_backtest(parse_config(raw).config, {"BTC/USDT": candles_of(closes)})
    assert sum(bool(one.entries) for one in run.trades) > 1
    profit = 0.0
    for one in run.trades:
        first, *added = one.entries or (Addition(0, one.entry_price, one.quantity, 0.0, 0.0),)
        profit += (one.exit_price / 0.999 - first.price / 1.001) * first.quantity
        profit += sum((one.exit_price / 0.999 - add.price) * add.quantity for add in added)
    traded = sum((one.entry_price + one.exit_price) * one.quantity for one in run.trades)
    assert run.metrics.break_even_cost_bp == pytest.approx(10_000 * profit / traded)
