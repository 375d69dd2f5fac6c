"""Trades are matched by decision, and the difference of P&L always sums."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.compare.causes import Evidence
from core.compare.divergence import Divergence, find_divergence
from core.compare.matching import Pair, match_trades
from core.compare.waterfall import Part, Parts, in_cents, pair_parts
from core.market.candles.timeframes import Timeframe
from core.trading.values import ExitReason, Side, Trade
from core.trading.values import TradePart as ClosedPart
from tests.unit.report.making import trade


def changed(parts: Parts) -> dict[str, float]:
    return {str(part): amount for part, amount in parts.items() if amount}


def found(backtest: list[Trade], paper: list[Trade]) -> Divergence:
    return find_divergence(backtest, paper, Evidence(Timeframe.H1), 10_000.0)


def test_trades_match_on_symbol_side_and_signal_candle() -> None:
    backtest = [trade(candle=1), trade(candle=5), trade(candle=9, side=Side.SHORT)]
    paper = [trade(candle=1, held=9), trade(candle=9), trade(candle=5, symbol="ETH/USDT")]
    matching = match_trades(backtest, paper)
    assert matching.pairs == (Pair(backtest[0], paper[0]),)
    assert matching.missing == tuple(backtest[1:])
    assert matching.extra == tuple(paper[1:])


def test_one_decision_twice_pairs_in_order() -> None:
    paper = [trade(1.0), trade(2.0), trade(3.0)]
    matching = match_trades([trade(1.0), trade(2.0)], paper)
    assert [pair.paper.pnl for pair in matching.pairs] == [1.0, 2.0]
    assert matching.extra == (paper[2],)


@pytest.mark.parametrize(
    ("paper", "parts"),
    [
        (trade(), {}),
        (trade(entry=100.5), {"entry price": -1.0}),
        (trade(exit_=109.0), {"exit price": -2.0}),
        (trade(exit_=105.0, reason=ExitReason.STOP_LOSS), {"exit reason": -10.0}),
        (trade(quantity=3.0), {"size": 10.0}),
        (trade(fees=0.75), {"fees": -0.75}),
        (trade(funding=-0.25), {"funding": 0.25}),
        # Entry first, then exit, on the backtest's quantity; then the larger quantity.
        (trade(entry=101.0, exit_=108.0, quantity=3.0),
         {"entry price": -2.0, "exit price": -4.0, "size": 7.0}),
    ],
)  # fmt: skip
def test_each_change_lands_in_its_part(paper: Trade, parts: dict[str, float]) -> None:
    def ten_up(one: Trade) -> Trade:
        """The same trade with what was not spelt out taken from the backtest's."""
        values = {name: getattr(one, name) for name in one.__struct_fields__}
        if values["exit_price"] == 101.0:
            values["exit_price"] = 110.0
        if values["quantity"] == 1.0:
            values["quantity"] = 2.0
        gross = (values["exit_price"] - values["entry_price"]) * values["quantity"]
        values["pnl"] = gross - values["fees"] - values["funding"]
        values["margin"] = values["entry_price"] * values["quantity"]
        return Trade(**values)

    assert changed(pair_parts(Pair(ten_up(trade()), ten_up(paper)))) == parts


def liquidated(entry: float = 100.0, quantity: float = 1.0) -> Trade:
    margin = entry * quantity / 10
    return trade(
        -margin - 0.06, entry=entry, exit_=entry * 0.905, quantity=quantity, fees=0.06,
        leverage=10.0, reason=ExitReason.LIQUIDATION,
    )  # fmt: skip


def test_a_liquidation_against_a_stop_is_an_exit_reason() -> None:
    stopped = trade(entry=100.0, exit_=95.0, leverage=10.0, fees=0.06, reason=ExitReason.STOP_LOSS)
    assert changed(pair_parts(Pair(stopped, liquidated()))) == {"exit reason": pytest.approx(-5.0)}
    assert changed(pair_parts(Pair(liquidated(), stopped))) == {"exit reason": pytest.approx(5.0)}


def test_two_liquidations_differ_only_by_entry_price_and_size() -> None:
    parts = pair_parts(Pair(liquidated(), liquidated(entry=101.0, quantity=2.0)))
    assert changed(parts) == {
        "entry price": pytest.approx(-0.1),
        "size": pytest.approx(-10.1),
    }


def test_missing_and_extra_trades_count_with_their_whole_pnl() -> None:
    fall = found([trade(5.0)], [trade(-3.0, candle=7)])
    assert fall.parts[Part.MISSING] == -5.0
    assert fall.parts[Part.EXTRA] == -3.0
    assert fall.difference == -8.0


def test_cents_still_sum_where_rounding_each_part_would_not() -> None:
    parts = dict.fromkeys(Part, 0.0) | {
        Part.ENTRY_PRICE: 0.004, Part.EXIT_PRICE: 0.004, Part.SIZE: 0.004, Part.FEES: -1.0,
    }  # fmt: skip
    cents = in_cents(parts)
    assert sum(cents.values()) == Decimal("-0.99")
    assert cents[Part.FUNDING] == 0


prices = st.floats(0.01, 1e5)


@st.composite
def trades(draw: st.DrawFn) -> Trade:
    entry, exit_, quantity = draw(prices), draw(prices), draw(st.floats(1e-6, 1e4))
    leverage = draw(st.sampled_from([1.0, 3.0, 20.0]))
    side = draw(st.sampled_from(list(Side)))
    fees, funding = draw(st.floats(0, 100)), draw(st.floats(-100, 100))
    reason = draw(st.sampled_from(list(ExitReason)))
    margin = entry * quantity / leverage
    gross = (exit_ - entry) * quantity * side.sign
    if reason is ExitReason.LIQUIDATION or gross < -margin:
        gross = -margin
    return trade(
        gross - fees - funding, candle=draw(st.integers(0, 4)), entry=entry, exit_=exit_,
        quantity=quantity, side=side, fees=fees, funding=funding, leverage=leverage, reason=reason,
    )  # fmt: skip


@given(st.lists(trades(), max_size=6), st.lists(trades(), max_size=6))
def test_the_waterfall_always_sums(backtest: list[Trade], paper: list[Trade]) -> None:
    fall = found(backtest, paper)
    meant = math.fsum([t.pnl for t in paper] + [-t.pnl for t in backtest])
    largest = max([abs(t.pnl) for t in [*paper, *backtest]] + [abs(p) for p in fall.parts.values()])
    assert math.fsum(fall.parts.values()) == fall.difference
    assert abs(fall.difference - meant) <= 1e-12 * largest
    cents = in_cents(fall.parts)
    assert sum(cents.values()) == Decimal(fall.difference).quantize(Decimal("0.01"))
    assert all(abs(cents[part] - Decimal(fall.parts[part])) <= Decimal("0.01") for part in Part)


@given(trades())
def test_a_trade_does_not_differ_from_itself(one: Trade) -> None:
    assert changed(pair_parts(Pair(one, one))) == {}


def in_parts(*exits: tuple[float, ExitReason]) -> Trade:
    """A trade of one unit from 100 that left in equal parts."""
    each = 1 / len(exits)
    parts = tuple(ClosedPart(0, price, each, 0.0, reason) for price, reason in exits)
    mean = sum(price for price, _ in exits) / len(exits)
    return trade(entry=100.0, exit_=mean, reason=exits[-1][1], parts=parts)


def test_parts_at_other_prices_are_an_exit_price_for_other_reasons_an_exit_reason() -> None:
    target, stop = ExitReason.TAKE_PROFIT, ExitReason.STOP_LOSS
    before = in_parts((104, target), (98, stop))
    dearer = in_parts((104, target), (96, stop))
    assert changed(pair_parts(Pair(before, dearer))) == {"exit price": pytest.approx(-1.0)}
    stopped = in_parts((98, stop))
    assert changed(pair_parts(Pair(before, stopped))) == {"exit reason": pytest.approx(-3.0)}


def test_a_trade_in_parts_is_matched_once() -> None:
    made = in_parts((104, ExitReason.TAKE_PROFIT), (98, ExitReason.STOP_LOSS))
    divergence = found([made], [made])
    assert len(divergence.trades) == 1
    assert divergence.differing == ()
