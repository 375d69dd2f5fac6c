"""Fills by the market's own prices, and what the candles would have given recorded beside them."""

from __future__ import annotations

from typing import Any

import pytest

from core.market.candles.timeframes import MINUTE
from core.strategy.config.conditions import Reference
from core.strategy.config.orders import Basis, Orders, PriceRule, RestingEntry, Stop, Target
from core.trading.account import Account
from core.trading.bar import Bar
from core.trading.quotes import on_quote
from core.trading.step import step
from core.trading.values import (
    Entered,
    Exited,
    ExitReason,
    Fills,
    Obstacle,
    Priced,
    Quote,
    Reduced,
    Refused,
)
from tests.unit.trading.tables import exits, rules

ENTER_LONG, EXIT_LONG, ENTER_SHORT = 1, 2, 4


def account(**changes: Any) -> Account:
    """An account that decided to go long at the close of candle 0."""
    opened = Account(rules(fills=Fills.MARKET, **changes))
    step(opened, 0, [Bar(0, 100, 100, 100, 100, ENTER_LONG)])
    return opened


def quote(second: int, bid: float | None, ask: float | None, last: float | None = None) -> Quote:
    return Quote(MINUTE + second * 1000, bid, ask, last)


def entered(**changes: Any) -> Account:
    """An account long from 101, entered two seconds into candle 1."""
    opened = account(**changes)
    on_quote(opened, 0, quote(2, 100, 101), MINUTE)
    return opened


def test_a_due_entry_buys_at_the_best_ask_without_slippage() -> None:
    opened = account(slippage_pct=1)
    [event] = on_quote(opened, 0, quote(2, 100, 101), MINUTE)
    assert isinstance(event, Entered)
    assert (event.price, event.time, event.filled_at) == (101, MINUTE, MINUTE + 2000)


def test_the_last_price_stands_in_for_an_unknown_side() -> None:
    opened = account()
    assert on_quote(opened, 0, quote(1, 100, None), MINUTE) == []
    [event] = on_quote(opened, 0, quote(2, 100, None, 100.5), MINUTE)
    assert isinstance(event, Entered)
    assert event.price == 100.5


def test_a_due_exit_sells_at_the_best_bid() -> None:
    opened = entered()
    step(opened, MINUTE, [Bar(0, 100, 103, 100, 103, EXIT_LONG)])
    [event] = on_quote(opened, 0, Quote(2 * MINUTE + 1, 102, 104), 2 * MINUTE)
    assert isinstance(event, Exited)
    assert event.trade.exit_price == 102


def test_a_reversal_closes_and_enters_on_one_quote() -> None:
    opened = entered()
    step(opened, MINUTE, [Bar(0, 100, 103, 100, 103, ENTER_SHORT)])
    events = on_quote(opened, 0, Quote(2 * MINUTE + 1, 102, 104), 2 * MINUTE)
    assert [type(event) for event in events] == [Exited, Entered]
    assert opened.open_trades()[0].entry_price == 102


@pytest.mark.parametrize(
    ("bid", "exit_text"),
    [
        (90.9, "101@1 > 90.9@1 stop_loss"),  # the stop is a market order: it gets the bid
        (85, "101@1 > 85@1 stop_loss"),
        (121.5, "101@1 > 121.2@1 take_profit"),  # the target rests as a limit: never better
        (95, None),
    ],
)
def test_stop_and_target_are_watched_on_every_price(bid: float, exit_text: str | None) -> None:
    opened = entered(stop_loss_pct=10, take_profit_pct=20)
    on_quote(opened, 0, quote(5, bid, bid + 1), MINUTE)
    assert exits(opened) == ([exit_text] if exit_text else [])


def test_liquidation_is_watched_too() -> None:
    opened = entered(leverage=10)
    on_quote(opened, 0, quote(5, 91, 92), MINUTE)
    assert exits(opened) == ["101@1 > 91.405@1 liquidation"]


def test_a_touch_seen_only_in_the_closed_candle_fills_at_the_stop_and_says_so() -> None:
    opened = entered(stop_loss_pct=10)
    step(opened, MINUTE, [Bar(0, 80, 103, 85, 103, 0)])
    # The candle opened at 80, below the stop, but that was before the entry.
    assert exits(opened) == ["101@1 > 90.9@1 stop_loss"]
    assert opened.trades[0].seen_late


@pytest.mark.parametrize(
    ("low", "high", "left"),
    [(90, 120, False), (89, 120, True), (90, 121, True)],
    ids=["both before", "a new low", "a new high"],
)
def test_what_the_candle_had_reached_before_a_late_entry_closes_nothing(
    low: float, high: float, left: bool
) -> None:
    opened = account(stop_loss_pct=5, take_profit_pct=10)
    late = Quote(MINUTE + 50_000, 100, 101, None, 90, 120)
    on_quote(opened, 0, late, MINUTE)
    step(opened, MINUTE, [Bar(0, 100, high, low, 102, 0)])
    assert bool(opened.trades) is left
    if not left:
        assert opened.positions[0] is not None
        assert opened.positions[0].best == 102


def test_what_no_quote_filled_fills_by_the_closed_candle() -> None:
    opened = account()
    step(opened, MINUTE, [Bar(0, 100.5, 103, 100, 103, 0)])
    position = opened.open_trades()[0]
    assert (position.entry_price, position.entry_filled_at) == (100.5, None)


def test_the_price_the_candle_would_have_given_is_recorded_once_it_is_known() -> None:
    opened = entered(slippage_pct=1)
    step(opened, MINUTE, [Bar(0, 100.5, 103, 100, 103, EXIT_LONG)])
    on_quote(opened, 0, Quote(2 * MINUTE + 1, 102, 104), 2 * MINUTE)
    assert opened.trades[0].candle_exit_price is None
    events = step(opened, 2 * MINUTE, [Bar(0, 103, 104, 102, 103, 0)])
    [priced] = [event for event in events if isinstance(event, Priced)]
    assert priced.trade == opened.trades[0]
    assert priced.trade.candle_entry_price == pytest.approx(100.5 * 1.01)
    assert priced.trade.candle_exit_price == pytest.approx(103 * 0.99)


def test_a_trade_begun_and_ended_inside_one_candle_is_priced_by_it() -> None:
    opened = entered(stop_loss_pct=10)
    on_quote(opened, 0, quote(5, 90, 91), MINUTE)
    step(opened, MINUTE, [Bar(0, 100.5, 103, 85, 103, 0)])
    [trade] = opened.trades
    assert (trade.exit_price, trade.candle_entry_price) == (90, 100.5)
    assert trade.candle_exit_price == pytest.approx(90.9)


def test_quotes_that_fill_nothing_leave_no_trace() -> None:
    opened = entered(stop_loss_pct=10)
    before = (opened.equity(), opened.free, opened.open_trades())
    assert on_quote(opened, 0, quote(5, 95, 96), MINUTE) == []
    assert (opened.equity(), opened.free, opened.open_trades()) == before


def test_an_exit_asked_for_fills_at_the_next_quote_whatever_fills_the_rest() -> None:
    for fills in Fills:
        opened = Account(rules(fills=fills))
        step(opened, 0, [Bar(0, 100, 100, 100, 100, ENTER_LONG)])
        step(opened, MINUTE, [Bar(0, 100, 100, 100, 100, 0)])
        opened.order_exit()
        on_quote(opened, 0, Quote(2 * MINUTE + 1, 102, 104), 2 * MINUTE)
        assert exits(opened) == ["100@1 > 102@2 manual"]


def test_under_fills_candle_quotes_fill_nothing_else() -> None:
    opened = Account(rules(stop_loss_pct=10))
    step(opened, 0, [Bar(0, 100, 100, 100, 100, ENTER_LONG)])
    assert on_quote(opened, 0, quote(1, 100, 101), MINUTE) == []
    step(opened, MINUTE, [Bar(0, 100, 100, 100, 100, 0)])
    assert on_quote(opened, 0, Quote(2 * MINUTE + 1, 50, 51), 2 * MINUTE) == []


# ── Orders beyond the plain keys ──

HALF_OUT = Orders(
    targets=(Target(PriceRule(Basis.PCT, 2), 50.0), Target(PriceRule(Basis.PCT, 4))),
)


def test_parts_leave_at_their_targets_as_prices_come_to_them() -> None:
    opened = entered(orders=HALF_OUT)
    assert on_quote(opened, 0, quote(3, 103, 103.1), MINUTE) == []
    [part] = on_quote(opened, 0, quote(4, 103.5, 103.6), MINUTE)
    assert isinstance(part, Reduced)
    assert (part.price, part.filled_at) == (101 * 1.02, MINUTE + 4000)
    [left] = on_quote(opened, 0, quote(5, 106, 106.1), MINUTE)
    assert isinstance(left, Exited)
    assert [one.price for one in left.trade.parts] == [101 * 1.02, 101 * 1.04]


def test_a_price_beyond_all_targets_takes_them_all() -> None:
    opened = entered(orders=HALF_OUT)
    events = on_quote(opened, 0, quote(4, 120, 120.1), MINUTE)
    assert [type(event) for event in events] == [Reduced, Exited]


def test_a_part_that_only_the_closed_candle_shows_is_filled_by_it() -> None:
    opened = entered(orders=HALF_OUT)
    [part] = step(opened, MINUTE, [Bar(0, 100, 103.5, 100, 103, 0)])
    assert isinstance(part, Reduced)
    assert part.filled_at is None


def test_a_target_that_falls_below_the_price_takes_the_price() -> None:
    opened = entered(orders=Orders(roi=((0, 4.0), (MINUTE, 1.0))))
    step(opened, MINUTE, [Bar(0, 100, 103, 100, 103, 0)])
    [event] = on_quote(opened, 0, Quote(2 * MINUTE + 1, 103, 103.1), 2 * MINUTE)
    assert isinstance(event, Exited)
    assert (event.trade.exit_price, event.trade.exit_reason) == (103, ExitReason.ROI)


def test_a_price_outside_the_hours_refuses_the_entry() -> None:
    opened = account(orders=Orders(hours=((60, 120),)))
    [event] = on_quote(opened, 0, quote(2, 100, 101), MINUTE)
    assert isinstance(event, Refused)
    assert event.obstacle is Obstacle.HOURS
    assert on_quote(opened, 0, quote(3, 100, 101), MINUTE) == []


def test_the_levels_are_those_of_the_candle_that_decided() -> None:
    line = Reference("line")
    orders = Orders(stop=Stop(PriceRule(Basis.LEVEL, long=line, short=line)))
    opened = Account(rules(fills=Fills.MARKET, orders=orders))
    step(opened, 0, [Bar(0, 100, 100, 100, 100, ENTER_LONG, 0.0, (95.0,))])
    on_quote(opened, 0, quote(2, 100, 101), MINUTE)
    assert opened.open_trades()[0].stop_price == 95
    [event] = on_quote(opened, 0, quote(3, 94, 95), MINUTE)
    assert isinstance(event, Exited)
    assert event.trade.exit_price == 94


LINE = Reference("line")
LIMIT = Orders(entry=RestingEntry(PriceRule(Basis.LEVEL, long=LINE, short=LINE), True, 2))


def waiting(**changes: Any) -> Account:
    """An account with a limit order to buy at 98, from the close of candle 0 on."""
    opened = Account(rules(fills=Fills.MARKET, orders=LIMIT, **changes))
    step(opened, 0, [Bar(0, 100, 100, 100, 100, ENTER_LONG, 0.0, (98.0,))])
    return opened


def test_an_order_that_rests_fills_at_the_first_price_that_reaches_it() -> None:
    opened = waiting()
    assert on_quote(opened, 0, quote(2, 98, 98.5), MINUTE) == []
    [event] = on_quote(opened, 0, quote(3, 97, 97.5), MINUTE)
    assert isinstance(event, Entered)
    assert event.price == 97.5
    step(opened, MINUTE, [Bar(0, 100, 101, 96, 100, 0, 0.0, (0.0,))])
    position = opened.positions[0]
    assert position is not None
    assert position.candle_entry_price == 98


def test_an_order_that_only_the_closed_candle_reached_fills_at_its_price() -> None:
    opened = waiting()
    [event] = step(opened, MINUTE, [Bar(0, 100, 101, 96, 100, 0, 0.0, (0.0,))])
    assert isinstance(event, Entered)
    assert (event.price, event.filled_at) == (98, None)


def test_the_candle_price_of_an_order_is_told_with_a_trade_closed_in_its_candle() -> None:
    opened = waiting(stop_loss_pct=5)
    on_quote(opened, 0, quote(3, 97, 97.5), MINUTE)
    on_quote(opened, 0, quote(4, 90, 90.5), MINUTE)
    [priced] = step(opened, MINUTE, [Bar(0, 100, 101, 90, 100, 0, 0.0, (0.0,))])
    assert isinstance(priced, Priced)
    assert priced.trade.candle_entry_price == 98


def test_a_price_told_again_after_a_fill_fills_nothing() -> None:
    opened = entered(orders=HALF_OUT)
    assert on_quote(opened, 0, quote(1, 120, 120.1), MINUTE) == []
    assert on_quote(opened, 0, quote(2, 120, 120.1), MINUTE) != []
