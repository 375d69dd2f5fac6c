"""What a person does to an account by hand: enter, block, allow (docs/rules.md §3.21)."""

from __future__ import annotations

from typing import Any

import pytest

from core.market.candles.timeframes import MINUTE
from core.trading.account import Account
from core.trading.bar import Bar
from core.trading.quotes import on_quote
from core.trading.step import step
from core.trading.values import Entered, ExitReason, Fills, Obstacle, Quote, Refused, Side
from tests.unit.trading.tables import rules
from tests.unit.trading.test_quotes import waiting

ENTER_LONG, EXIT_LONG = 1, 2


def flat_account(fills: Fills = Fills.MARKET, **changes: Any) -> Account:
    """An account that has decided nothing at the close of candle 0."""
    made = Account(rules(fills=fills, **changes))
    step(made, 0, [Bar(0, 100, 100, 100, 100, 0)])
    return made


def at(candle: int, price: float) -> Quote:
    return Quote(candle * MINUTE + 1_000, price - 1, price, None)


@pytest.mark.parametrize("fills", list(Fills))
def test_the_next_price_fills_an_entry_by_hand_whatever_fills_others(fills: Fills) -> None:
    account = flat_account(fills, stop_loss_pct=10.0)
    account.order_entry(0, Side.LONG, 0, ())
    [event] = on_quote(account, 0, at(1, 100), MINUTE)
    assert isinstance(event, Entered)
    assert (event.by_hand, event.price, event.signal_time) == (True, 100, 0)
    position = account.positions[0]
    assert position is not None
    assert position.stop_price == pytest.approx(90), "its stop is the strategy's"
    assert on_quote(account, 0, at(1, 101), MINUTE) == [], "it is entered once"
    step(account, MINUTE, [Bar(0, 99, 102, 99, 102, EXIT_LONG)])
    step(account, 2 * MINUTE, [Bar(0, 103, 103, 103, 103, 0)])
    (trade,) = account.trades
    assert (trade.by_hand, trade.exit_reason) == (True, ExitReason.SIGNAL)
    assert trade.candle_entry_price is None, "its candle's open was past: it says nothing of costs"


def test_without_a_price_it_fills_at_the_open_after_the_candle_that_forms() -> None:
    account = flat_account(Fills.CANDLE)
    account.order_entry(0, Side.LONG, 0, ())
    assert not step(account, MINUTE, [Bar(0, 100, 110, 90, 105, 0)])
    [event] = step(account, 2 * MINUTE, [Bar(0, 106, 107, 105, 106, 0)])
    assert isinstance(event, Entered)
    assert (event.by_hand, event.price, event.signal_time) == (True, 106, MINUTE)


def test_an_entry_of_the_strategy_takes_its_place() -> None:
    account = flat_account(Fills.CANDLE)
    account.order_entry(0, Side.LONG, 0, ())
    step(account, MINUTE, [Bar(0, 100, 100, 100, 100, ENTER_LONG)])
    assert on_quote(account, 0, at(2, 50), 2 * MINUTE) == [], "what is due fills at the open"
    [event] = step(account, 2 * MINUTE, [Bar(0, 106, 107, 105, 106, 0)])
    assert isinstance(event, Entered)
    assert not event.by_hand


def test_an_order_that_rests_is_withdrawn_for_it() -> None:
    account = waiting()
    assert account.waiting_orders()
    account.order_entry(0, Side.LONG, 0, (98.0,))
    on_quote(account, 0, at(1, 100), MINUTE)
    assert account.positions[0] is not None
    assert not account.waiting_orders()


def test_what_refuses_any_entry_refuses_one_by_hand_and_it_is_not_tried_again() -> None:
    account = flat_account()
    account.order_entry(0, Side.LONG, 0, ())
    account.blocked.add(0)
    [event] = on_quote(account, 0, at(1, 100), MINUTE)
    assert isinstance(event, Refused)
    assert event.obstacle is Obstacle.PAUSED
    account.blocked.clear()
    assert on_quote(account, 0, at(1, 100), MINUTE) == []


def test_a_blocked_symbol_enters_nothing_and_leaves_as_ever_and_the_others_go_on() -> None:
    account = Account(rules(symbols=("BTC/USDT", "ETH/USDT"), trade_size_pct=50.0))
    both = [Bar(slot, 100, 100, 100, 100, ENTER_LONG) for slot in (0, 1)]
    step(account, 0, both)
    step(account, MINUTE, [Bar(slot, 100, 100, 100, 100, 0) for slot in (0, 1)])
    account.blocked.add(0)
    step(account, 2 * MINUTE, [Bar(slot, 100, 100, 100, 100, EXIT_LONG) for slot in (0, 1)])
    step(account, 3 * MINUTE, both)
    assert [trade.exit_reason for trade in account.trades] == [ExitReason.SIGNAL] * 2
    events = step(account, 4 * MINUTE, [Bar(slot, 100, 100, 100, 100, 0) for slot in (0, 1)])
    assert [event.symbol for event in events if isinstance(event, Entered)] == ["ETH/USDT"]
    assert account.refused == {Obstacle.PAUSED: 1}
