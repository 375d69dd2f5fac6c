"""A seal is found changed whatever was changed in it."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from core.market.candles.timeframes import DAY
from core.trading.values import ExitReason, Side, Trade
from core.trial.plan import end_of_trial, sealed_cone
from core.trial.seal import (
    SEALED_RATES,
    ErrorRates,
    Horizon,
    PromisedCosts,
    Seal,
    SealError,
    trade_returns,
)


def seal() -> Seal:
    return Seal(
        config_hash="c" * 64,
        backtest_hash="b" * 64,
        backtest_start=0,
        backtest_end=86_400_000,
        returns=(1.0, -0.5, 0.25),
        trades_per_day=1.5,
        costs=PromisedCosts(5.0, 4.0, 31.0),
        horizon=Horizon(60, 40.0),
        rules_version=1,
        sealed_at=1_700_000_000_000,
    ).sealed()


def test_a_seal_read_back_from_json_still_holds() -> None:
    written = msgspec.json.encode(seal())
    read = msgspec.json.decode(written, type=Seal)
    read.verify()
    assert read == seal()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("config_hash", "d" * 64),
        ("returns", (1.0, -0.5)),
        ("horizon", Horizon(61, 40.0)),
        ("errors", ErrorRates(edge=0.05)),
        ("seed", 1),
        ("costs", PromisedCosts(6.0, 4.0, 31.0)),
    ],
)
def test_any_change_is_found(name: str, value: object) -> None:
    with pytest.raises(SealError, match="the seal was changed"):
        msgspec.structs.replace(seal(), **{name: value}).verify()


def test_a_field_at_its_default_does_not_count_towards_the_hash() -> None:
    written = msgspec.json.decode(msgspec.json.encode(seal()))
    assert "tries" not in written
    assert "margins" not in written


def test_the_shared_error_budget_is_five_per_cent() -> None:
    for rates in (ErrorRates(), SEALED_RATES):  # of older trials, and of those sealed now
        assert rates.any_broken == pytest.approx(0.05)
        assert rates.any_kept == pytest.approx(0.05)
    assert SEALED_RATES.edge + SEALED_RATES.live == pytest.approx(0.025)


def trade(entry: int, exit_: int, pnl: float) -> Trade:
    return Trade(
        id=1,
        symbol="BTC/USDT",
        side=Side.LONG,
        signal_time=entry - 1,
        entry_time=entry,
        entry_price=100.0,
        exit_time=exit_,
        exit_price=100.0,
        quantity=1.0,
        leverage=1.0,
        margin=100.0,
        fees=0.0,
        funding=0.0,
        pnl=pnl,
        pnl_pct=pnl,
        exit_reason=ExitReason.SIGNAL,
    )


def test_returns_count_on_the_equity_at_entry() -> None:
    first, second = trade(10, 20, 100.0), trade(20, 30, 110.0)
    assert trade_returns([second, first], 1_000.0) == pytest.approx([10.0, 10.0])


def test_a_trade_entered_before_another_closed_counts_on_the_equity_before() -> None:
    overlapping = trade(15, 30, 110.0)
    assert trade_returns([trade(10, 20, 100.0), overlapping], 1_000.0) == pytest.approx([10, 11])


def test_without_equity_a_return_is_no_infinity() -> None:
    assert np.all(np.isfinite(trade_returns([trade(1, 2, -10.0), trade(3, 4, -1.0)], 10.0)))


def test_trades_of_a_fixed_amount_count_by_the_starting_balance() -> None:
    made = [trade(at, at + 1, 100.0) for at in range(1, 9, 2)]
    assert trade_returns(made, 1_000.0, fixed_amount=True) == pytest.approx([10.0] * 4)
    assert trade_returns(made, 1_000.0)[-1] < 8.0


def test_a_trial_by_trades_ends_when_they_come_and_never_before_now() -> None:
    by_trades = msgspec.structs.replace(seal(), horizon=Horizon(60))
    closes = [at * DAY for at in range(1, 11)]
    assert end_of_trial(by_trades, 0, closes) == 60 * DAY
    quiet = end_of_trial(by_trades, 0, closes, 100 * DAY)
    assert quiet == 600 * DAY, "ten trades in a hundred days: fifty more take five hundred"
    rare = msgspec.structs.replace(by_trades, trades_per_day=1e-6, horizon=Horizon(10_000))
    assert end_of_trial(rare, 0, []) is None, "no calendar reaches so far"
    assert end_of_trial(seal(), 0, closes, 100 * DAY) == 40 * DAY


def test_a_trial_by_days_ends_with_its_trades_where_these_come_faster() -> None:
    by_days = msgspec.structs.replace(seal(), horizon=Horizon(60, 100.0))
    closes = [at * DAY // 2 for at in range(1, 51)]
    assert end_of_trial(by_days, 0, closes) == 30 * DAY, "two a day: ten more take five days"
    assert end_of_trial(by_days, 0, closes[:4]) == 100 * DAY, "so few tell no rate"
    assert end_of_trial(by_days, 0, closes[:10], 90 * DAY) == 100 * DAY, "slow: the days decide"
    assert end_of_trial(by_days, 0, [*closes, *closes[-1:] * 10]) is None
    capped = msgspec.structs.replace(by_days, trades_per_day=10.0, horizon=Horizon(10_000, 3_650.0))
    assert end_of_trial(capped, 0, []) == 1_000 * DAY, "no seal has the trades of ten years"


def test_the_band_of_a_trial_reaches_as_far_as_the_trial() -> None:
    returns = tuple(float(one) for one in np.random.default_rng(1).normal(0.2, 1.0, 30))
    by_days = msgspec.structs.replace(
        seal(), returns=returns, horizon=Horizon(60, 60.0), trades_per_day=1.0
    )
    closes = tuple(at * DAY // 4 for at in range(1, 21))  # twenty in five days, and none since
    now = 30 * DAY + 7
    ends = end_of_trial(by_days, 0, closes, 30 * DAY)
    assert ends == 60 * DAY
    assert sealed_cone(by_days, 0, closes, now).points[-1][0] == ends
    assert sealed_cone(by_days, 0, closes, None).points[-1][0] == 15 * DAY
