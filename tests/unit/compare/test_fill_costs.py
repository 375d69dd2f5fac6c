"""A fill's shortfall is counted against the price the rules give before slippage."""

from __future__ import annotations

import pytest

from core.compare.fill_costs import FillCost, cost_layer, fees_bp, measured_fills
from core.trading.values import ExitReason, Side
from core.trial.costs import CostFinding
from core.trial.seal import ErrorRates, Margins, PromisedCosts
from core.trial.state import State
from tests.unit.report.making import START, trade

PROMISED = PromisedCosts(5.0, 4.0, 31.0)


@pytest.mark.parametrize(("side", "worse"), [(Side.LONG, 1), (Side.SHORT, -1)])
def test_both_fills_of_a_trade_are_measured_on_either_side(side: Side, worse: int) -> None:
    """The rules give 100 and 102; with 5 bp of slippage the candles would have given these."""
    slipped = 0.0005 * worse
    one = trade(
        side=side,
        entry=100 * (1 + 0.001 * worse),
        exit_=102 * (1 - 0.002 * worse),
        candle_entry_price=100 * (1 + slipped),
        candle_exit_price=102 * (1 - slipped),
        entry_filled_at=START + 1,
        exit_filled_at=START + 2,
    )
    entry, exit_ = measured_fills([one], 5.0, None)
    assert (entry.entry, exit_.entry) == (True, False)
    assert entry.shortfall_bp == pytest.approx(10.0)
    assert exit_.shortfall_bp == pytest.approx(20.0)


def test_targets_hands_and_candles_fills_are_not_measured() -> None:
    candle = trade()
    target = trade(reason=ExitReason.TAKE_PROFIT, exit_filled_at=START + 2, candle_exit_price=101.0)
    by_hand = trade(reason=ExitReason.MANUAL, exit_filled_at=START + 2, candle_exit_price=101.0)
    assert measured_fills([candle, target, by_hand], 5.0, None) == []
    resting = trade(entry_filled_at=START + 1, candle_entry_price=100.0)
    assert measured_fills([resting], 5.0, None, limit_entries=True) == []


def test_sizes_that_are_written_alike_are_not_parted() -> None:
    sizes = [9_994.1, 9_994.2, 9_994.3, 9_994.4, 10_020.0, 11_000.0]
    fills = [
        FillCost(START + at, "BTC/USDT", True, size, 1.0, None) for at, size in enumerate(sizes)
    ]
    layer = cost_layer(fills, [], PROMISED, Margins(), ErrorRates())
    assert [(one.low, one.high, one.fills) for one in layer.by_size()] == [
        (9_994.1, 9_994.4, 4),
        (10_020.0, 11_000.0, 2),
    ]
    three = [(100.0, 25), (200.0, 30), (300.0, 45)]
    sizes = [size for size, count in three for _ in range(count)]
    fills = [FillCost(START, "BTC/USDT", True, size, 1.0, None) for size in sizes]
    layer = cost_layer(fills, [], PROMISED, Margins(), ErrorRates())
    assert [(one.low, one.high, one.fills) for one in layer.by_size()] == [
        (size, size, count) for size, count in three
    ]


def test_without_a_measured_fill_costs_are_what_was_assumed() -> None:
    layer = cost_layer([], [trade(fees=0.08)], PROMISED, Margins(), ErrorRates())
    assert (layer.state, layer.word, layer.borne) == (None, "unmeasured", True)
    assert "no fill by the market's prices was measured" in layer.text
    dear = PromisedCosts(40.0, 4.0, 31.0)
    assert not cost_layer([], [], dear, Margins(), ErrorRates()).borne


def test_fees_are_told_apart_and_taken_off_what_slippage_may_come_to() -> None:
    assert fees_bp([trade(fees=0.0804)]) == pytest.approx(0.0804 / 201 * 10_000)
    assert fees_bp([]) is None
    fills = measured_fills(
        [
            trade(
                entry=100.28 + 0.01 * (at % 3),
                candle=at,
                entry_filled_at=START + at,
                candle_entry_price=100.05,
                fees=0.0804,
            )
            for at in range(80)
        ],
        5.0,
        None,
    )
    layer = cost_layer(fills, [trade(fees=0.0804)], PROMISED, Margins(), ErrorRates())
    # 28 to 30 bp of slippage with 4 bp of fees are more than the 31 bp the edge bears.
    assert layer.judged.finding is CostFinding.EATS_EDGE
    assert layer.state is State.BROKEN
