"""A case for every line of docs/rules.md §3.13 to §3.20, its numbers worked out by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from core.market.candles.timeframes import DAY, HOUR, MINUTE
from core.market.filters import MarketFilters
from core.strategy.config.conditions import Condition, Operator, Reference
from core.strategy.config.orders import (
    Add,
    Atr,
    Basis,
    Cooldown,
    Orders,
    Outcome,
    PriceRule,
    RestingEntry,
    Stop,
    Swing,
    Target,
)
from core.strategy.signals.source import add_flag
from core.text import counted
from core.trading.account import Account
from core.trading.bar import Bar
from core.trading.orders import orders_of
from core.trading.step import step
from core.trading.values import (
    Added,
    Decided,
    Entered,
    Event,
    ExitReason,
    FillOn,
    Obstacle,
    Reduced,
    Refused,
    Side,
    WaitingOrder,
)
from tests.unit.trading.tables import candle, exits, play, rules

RANGE = Atr(14, 1.0)
LINE = Reference("line")
WHEN = Condition(LINE, Operator.LT, 1.0)
BY_RANGE = PriceRule(Basis.ATR, long=RANGE, short=RANGE)
BY_LINE = PriceRule(Basis.LEVEL, long=LINE, short=LINE)
BY_SWING = PriceRule(Basis.SWING, long=Swing(3, highest=False), short=Swing(3, highest=True))


def pct(number: float) -> PriceRule:
    return PriceRule(Basis.PCT, number)


def multiple(number: float) -> PriceRule:
    return PriceRule(Basis.R, number)


def refusals(events: list[Event]) -> list[tuple[Obstacle, str]]:
    return [(event.obstacle, event.why) for event in events if isinstance(event, Refused)]


def parts(events: list[Event]) -> list[str]:
    """The parts that were closed: `quantity @ price, candle`."""
    return [
        f"{event.quantity:g} @ {event.price:g}, {event.time // MINUTE}"
        for event in events
        if isinstance(event, Reduced)
    ]


# ── docs/rules.md §3.13: where a stop lies ──


@pytest.mark.parametrize(
    ("price", "levels", "stop"),
    [
        (BY_RANGE, "level=4", 96),
        (BY_LINE, "level=93", 93),
        (BY_SWING, "level=91 level=120", 91),
    ],
)
def test_a_long_stop_is_fixed_at_the_candle_that_decides(
    price: PriceRule, levels: str, stop: float
) -> None:
    account, _ = play(
        f"""
        99 99 99 99 | EL {levels}
        100 101 99 100 | level=1 level=1
        """,
        orders=Orders(stop=Stop(price)),
    )
    assert account.open_trades()[0].stop_price == stop


def test_a_short_stop_is_mirrored() -> None:
    swing, _ = play(
        "99 99 99 99 | ES level=91 level=120\n100 100 100 100 |",
        orders=Orders(stop=Stop(BY_SWING)),
    )
    distance, _ = play(
        "99 99 99 99 | ES level=4\n100 100 100 100 |", orders=Orders(stop=Stop(BY_RANGE))
    )
    assert swing.open_trades()[0].stop_price == 120
    assert distance.open_trades()[0].stop_price == 104


@pytest.mark.parametrize(
    ("level", "why"),
    [
        ("100", "its stop at 100 is not below the entry at 100"),
        ("105", "its stop at 105 is not below the entry at 100"),
        ("nan", "the price of its stop is not known at the candle that decided"),
    ],
)
def test_a_stop_on_the_wrong_side_refuses_the_entry(level: str, why: str) -> None:
    account, events = play(
        f"99 99 99 99 | EL level={level}\n100 100 100 100 |", orders=Orders(stop=Stop(BY_LINE))
    )
    assert refusals(events) == [(Obstacle.PRICE, why)]
    assert account.refused == {Obstacle.PRICE: 1}
    assert account.open_trades() == ()


def test_the_entry_that_a_stop_is_compared_with_has_its_slippage() -> None:
    _, events = play(
        "99 99 99 99 | EL level=100\n100 100 100 100 |",
        orders=Orders(stop=Stop(BY_LINE)),
        slippage_pct=1,
    )
    assert refusals(events) == []


def test_a_stop_at_a_level_leaves_as_any_stop_does() -> None:
    account, _ = play(
        """
        99 99 99 99 | EL level=95
        100 101 94 100 |
        """,
        orders=Orders(stop=Stop(BY_LINE)),
    )
    assert exits(account) == ["100@1 > 95@1 stop_loss"]


def test_a_stop_that_trails_a_level_follows_it_from_close_to_close_and_never_back() -> None:
    account, _ = play(
        """
        99 99 99 99     | EL level=90
        100 101 96 100  | level=95
        100 101 96 100  | level=93
        100 101 94 100  | level=99
        """,
        orders=Orders(stop=Stop(BY_LINE, trail=True)),
    )
    assert exits(account) == ["100@1 > 95@3 trailing_stop"]


def test_a_stop_that_trails_a_range_lies_below_the_best_price() -> None:
    account, _ = play(
        """
        99 99 99 99      | EL level=10
        100 108 100 105  | level=6
        105 106 101 105  | level=20
        """,
        orders=Orders(stop=Stop(BY_RANGE, trail=True)),
    )
    # 108 − 6 = 102 from the second candle on; 108 − 20 would be farther away.
    assert exits(account) == ["100@1 > 102@2 trailing_stop"]


def test_a_level_that_is_not_known_moves_no_stop() -> None:
    account, _ = play(
        """
        99 99 99 99     | EL level=90
        100 101 96 100  | level=nan
        """,
        orders=Orders(stop=Stop(BY_LINE, trail=True)),
    )
    assert account.open_trades()[0].stop_price == 90


# ── docs/rules.md §3.14: R, and the stop at the entry ──


def test_break_even_moves_the_stop_to_the_entry_in_the_candle_after() -> None:
    account, _ = play(
        """
        99 99 99 99       | EL level=95
        100 105 99.9 104  |
        104 104 99 100    |
        """,
        orders=Orders(stop=Stop(BY_LINE), break_even_at_r=1),
    )
    # R is 5; 105 is reached in candle 1, whose own low of 99.9 is no exit yet.
    assert exits(account) == ["100@1 > 100@2 break_even"]


def test_break_even_waits_for_its_multiple() -> None:
    account, _ = play(
        """
        99 99 99 99     | EL level=95
        100 104.9 99 100 |
        100 104 94 100  |
        """,
        orders=Orders(stop=Stop(BY_LINE), break_even_at_r=1),
    )
    assert exits(account) == ["100@1 > 95@2 stop_loss"]


def test_a_stop_that_is_nearer_than_the_entry_stays() -> None:
    account, _ = play(
        """
        99 99 99 99      | EL level=95
        100 106 100 105  | level=103
        104 104 102 104  | level=90
        """,
        orders=Orders(stop=Stop(BY_LINE, trail=True), break_even_at_r=1),
    )
    assert exits(account) == ["100@1 > 103@2 trailing_stop"]


@pytest.mark.parametrize(
    ("stops", "target"),
    [
        ({"stop_loss_pct": 4}, 108),
        ({"trailing_stop_pct": 5}, 110),
        ({"stop_loss_pct": 4, "trailing_stop_pct": 5}, 108),
        ({"stop_loss_pct": 6, "trailing_stop_pct": 5}, 110),
    ],
)
def test_r_is_the_distance_to_the_nearest_first_stop(stops: dict[str, Any], target: float) -> None:
    account, _ = play(
        "99 99 99 99 | EL\n100 100 100 100 |",
        orders=Orders(targets=(Target(multiple(2)),)),
        **stops,
    )
    assert account.open_trades()[0].target_price == pytest.approx(target)


# ── docs/rules.md §3.15: targets, and parts ──


HALF = (Target(pct(3), 50.0), Target(multiple(3)))


def test_parts_are_one_trade() -> None:
    account, events = play(
        """
        99 99 99 99      | EL level=95
        100 104 99 103   |
        103 116 103 115  |
        """,
        orders=Orders(stop=Stop(BY_LINE), targets=HALF),
    )
    # 10 units at 100; 5 leave at 103 and 5 at 100 + 3 × 5.
    assert parts(events) == ["5 @ 103, 1"]
    assert exits(account) == ["100@1 > 109@2 take_profit"]
    (trade,) = account.trades
    assert (trade.quantity, trade.margin) == (10, 1000)
    assert trade.pnl == pytest.approx(5 * 3 + 5 * 15)
    assert [(part.price, part.quantity) for part in trade.parts] == [(103, 5), (115, 5)]
    assert account.equity() == pytest.approx(1090)


def test_a_part_keeps_the_stop_of_the_rest() -> None:
    account, _ = play(
        """
        99 99 99 99     | EL level=95
        100 104 99 103  |
        103 103 94 95   |
        """,
        orders=Orders(stop=Stop(BY_LINE), targets=HALF),
    )
    (trade,) = account.trades
    assert trade.exit_reason is ExitReason.STOP_LOSS
    assert trade.exit_price == pytest.approx((103 + 95) / 2)
    assert trade.pnl == pytest.approx(5 * 3 - 5 * 5)


def test_parts_pay_their_fees_and_give_back_their_margin() -> None:
    account, events = play(
        """
        99 99 99 99      | EL level=95
        100 104 99 103   |
        103 116 103 115  |
        """,
        orders=Orders(stop=Stop(BY_LINE), targets=HALF, trade_amount=505.0),
        fees=0.01,
        trade_size_pct=100,
        starting_balance=1000.0,
    )
    # 505 / (100 × 1.01) = 5 units, 5 for the entry; halves of 2.5.
    (trade,) = account.trades
    assert trade.quantity == pytest.approx(5)
    assert [part.fee for part in trade.parts] == pytest.approx([2.575, 2.875])
    assert trade.fees == pytest.approx(5 + 2.575 + 2.875)
    assert trade.pnl == pytest.approx(2.5 * 3 + 2.5 * 15 - trade.fees)
    assert account.free == pytest.approx(1000 + trade.pnl)
    (reduced,) = (event for event in events if isinstance(event, Reduced))
    assert reduced.pnl == pytest.approx(2.5 * 3 - 2.575)


def test_an_open_position_tells_what_its_parts_have_made() -> None:
    account, _ = play(
        """
        99 99 99 99     | EL level=95
        100 104 99 102  |
        """,
        orders=Orders(stop=Stop(BY_LINE), targets=HALF),
    )
    (position,) = account.open_trades()
    assert (position.quantity, position.margin) == (5, 500)
    assert position.unrealized_pnl == pytest.approx(5 * 3 + 5 * 2)
    assert position.target_price == 115
    assert account.equity() == pytest.approx(1000 + position.unrealized_pnl)


def test_targets_beyond_the_open_fill_at_their_own_price_one_after_the_other() -> None:
    account, _ = play(
        """
        99 99 99 99       | EL level=95
        100 101 99 101    |
        120 120 94 100    |
        """,
        orders=Orders(stop=Stop(BY_LINE), targets=HALF),
    )
    assert [part.price for part in account.trades[0].parts] == [103, 115]
    assert not account.trades[0].ambiguous


def test_a_part_at_the_open_and_the_rest_at_the_stop_is_not_ambiguous() -> None:
    account, _ = play(
        """
        99 99 99 99       | EL level=95
        100 101 99 101    |
        104 105 94 100    |
        """,
        orders=Orders(stop=Stop(BY_LINE), targets=HALF),
    )
    (trade,) = account.trades
    assert [part.price for part in trade.parts] == [103, 95]
    assert not trade.ambiguous


def test_the_stop_and_any_target_inside_one_candle_is_the_stop_for_all_of_it() -> None:
    account, events = play(
        """
        99 99 99 99       | EL level=95
        100 104 94 100    |
        """,
        orders=Orders(stop=Stop(BY_LINE), targets=HALF),
    )
    assert parts(events) == []
    assert exits(account) == ["100@1 > 95@1 stop_loss ambiguous"]


def test_finer_candles_tell_which_part_came_before_the_stop() -> None:
    inside = [candle(0, "100 104 100 101"), candle(30_000, "101 101 94 94")]
    account, events = play(
        """
        99 99 99 99       | EL level=95
        100 104 94 94     |
        """,
        finer=lambda slot, time: inside,
        orders=Orders(stop=Stop(BY_LINE), targets=HALF),
    )
    assert parts(events) == ["5 @ 103, 1"]
    assert account.trades[0].parts[-1].price == 95
    assert not account.trades[0].ambiguous


def test_the_hopeful_run_takes_the_part_first_and_then_the_stop() -> None:
    account, _ = play(
        """
        99 99 99 99       | EL level=95
        100 104 94 100    |
        """,
        orders=Orders(stop=Stop(BY_LINE), targets=HALF),
        target_first=True,
    )
    assert [part.price for part in account.trades[0].parts] == [103, 95]
    assert account.trades[0].ambiguous


def test_the_nearest_target_comes_first_whatever_the_order_of_the_config() -> None:
    account, _ = play(
        "99 99 99 99 | EL level=95\n100 104 99 103 |",
        orders=Orders(stop=Stop(BY_LINE), targets=tuple(reversed(HALF))),
    )
    assert account.open_trades()[0].parts[0].price == 103


def test_what_no_target_takes_stays_open() -> None:
    account, _ = play(
        """
        99 99 99 99      | EL
        100 104 99 103   |
        103 200 103 200  |
        200 200 200 200  | XL
        150 150 150 150  |
        """,
        orders=Orders(targets=(Target(pct(3), 50.0),)),
    )
    assert [(part.price, part.reason) for part in account.trades[0].parts] == [
        (103, ExitReason.TAKE_PROFIT),
        (150, ExitReason.SIGNAL),
    ]


def test_a_liquidation_loses_the_margin_of_the_rest_only() -> None:
    account, _ = play(
        """
        99 99 99 99      | EL
        100 104 99 103   |
        103 103 50 60    |
        """,
        orders=Orders(targets=(Target(pct(3), 50.0),)),
        leverage=5,
    )
    # 50 units on a margin of 1000: 25 leave with 3 each, 500 of margin are lost.
    (trade,) = account.trades
    assert trade.exit_reason is ExitReason.LIQUIDATION
    assert trade.pnl == pytest.approx(25 * 3 - 500)
    assert account.equity() == pytest.approx(1000 + trade.pnl)


def test_a_target_on_the_wrong_side_refuses_the_entry() -> None:
    _, events = play(
        "99 99 99 99 | EL level=100\n100 100 100 100 |",
        orders=Orders(targets=(Target(BY_LINE),)),
    )
    assert refusals(events) == [(Obstacle.PRICE, "its target at 100 is not above the entry at 100")]


def test_a_part_too_small_for_the_market_goes_to_the_next_target() -> None:
    account, _ = play(
        """
        99 99 99 99      | EL
        100 107 99 103   |
        """,
        orders=Orders(targets=(Target(pct(1), 10.0), Target(pct(2), 40.0), Target(pct(50)))),
        filters=MarketFilters(lot_step=Decimal(1), min_quantity=Decimal(2)),
    )
    # Of 10 units 1 is below the least quantity: 5 leave at the second target.
    assert [(part.price, part.quantity) for part in account.open_trades()[0].parts] == [(102, 5)]


def test_a_part_that_would_leave_too_little_is_the_rest() -> None:
    account, _ = play(
        """
        99 99 99 99      | EL
        100 107 99 103   |
        """,
        orders=Orders(targets=(Target(pct(1), 90.0), Target(pct(2)))),
        filters=MarketFilters(lot_step=Decimal(1), min_quantity=Decimal(2)),
    )
    assert exits(account) == ["100@1 > 101@1 take_profit"]
    assert account.trades[0].parts == ()


def test_each_part_is_an_order_for_its_own_quantity() -> None:
    _, events = play(
        """
        99 99 99 99      | EL level=95
        100 104 99 103   |
        103 116 103 115  |
        """,
        orders=Orders(stop=Stop(BY_LINE), targets=HALF),
    )
    made = orders_of(events, "abcdefgh", 1)
    assert [(one.side.value, one.quantity, one.price, one.part) for one in made] == [
        ("buy", 10, 100, False),
        ("sell", 5, 103, True),
        ("sell", 5, 115, False),
    ]


# ── docs/rules.md §3.16: targets that fall with time ──

FALLING = ((0, 4.0), (2 * MINUTE, 2.0), (4 * MINUTE, 0.0))


def test_a_target_falls_with_the_time_since_the_entry() -> None:
    account, _ = play(
        """
        99 99 99 99      | EL
        100 101 99 100   |
        100 103 99 100   |
        100 102 99 101   |
        """,
        orders=Orders(roi=FALLING),
    )
    # Entered at minute 1: 104 up to minute 3, whose candle reaches 102.
    assert exits(account) == ["100@1 > 102@3 roi"]


def test_a_target_that_falls_below_the_market_takes_the_open() -> None:
    account, _ = play(
        """
        99 99 99 99      | EL
        100 101 99 100   |
        100 103 99 103   |
        103 103.5 103 103  |
        """,
        orders=Orders(roi=FALLING),
        slippage_pct=0,
    )
    assert exits(account) == ["100@1 > 103@3 roi"]


def test_a_target_that_has_fallen_already_is_a_limit_order_again() -> None:
    account, _ = play(
        """
        99 99 99 99      | EL
        100 101 99 100   |
        100 101 99 100   |
        100 101 99 100   |
        110 110 110 110  |
        """,
        orders=Orders(roi=((0, 4.0), (2 * MINUTE, 2.0))),
    )
    assert exits(account) == ["100@1 > 102@4 roi"]


def test_without_a_first_target_nothing_is_taken_before_its_time() -> None:
    account, _ = play(
        """
        99 99 99 99      | EL
        100 190 99 100   |
        100 190 99 101   |
        100 103 99 101   |
        """,
        orders=Orders(roi=((2 * MINUTE, 2.0),)),
    )
    assert exits(account) == ["100@1 > 102@3 roi"]


# ── docs/rules.md §3.17: size ──


def entered(**changes: Any) -> Entered:
    level = changes.pop("level", "95")
    _, events = play(f"99 99 99 99 | EL level={level}\n100 100 100 100 |", **changes)
    (found,) = (event for event in events if isinstance(event, Entered))
    return found


def test_risk_is_lost_at_the_stop() -> None:
    fill = entered(orders=Orders(stop=Stop(BY_LINE), risk_pct=1))
    assert fill.quantity == pytest.approx(2)  # 1% of 1000 over 5 a unit
    assert fill.wanted is None


def test_risk_counts_fees_and_slippage() -> None:
    account, _ = play(
        """
        99 99 99 99    | EL level=95
        100 100 90 100 |
        """,
        orders=Orders(stop=Stop(BY_LINE), risk_pct=1),
        fees=0.001,
        slippage_pct=0.1,
    )
    (trade,) = account.trades
    assert trade.exit_reason is ExitReason.STOP_LOSS
    assert trade.pnl == pytest.approx(-10)


def test_risk_at_leverage_is_the_same_quantity() -> None:
    fill = entered(orders=Orders(stop=Stop(BY_LINE), risk_pct=1), leverage=10)
    assert fill.quantity == pytest.approx(2)
    assert fill.margin == pytest.approx(20)


def test_the_free_balance_caps_a_size_and_that_is_told() -> None:
    fill = entered(orders=Orders(stop=Stop(BY_LINE), risk_pct=20))
    assert fill.quantity == pytest.approx(10)
    assert fill.wanted == pytest.approx(40)


def test_an_amount_is_margin_and_fee_together() -> None:
    fill = entered(orders=Orders(trade_amount=202.0), fees=0.01)
    assert fill.quantity == pytest.approx(2)
    assert fill.margin + fill.fee == pytest.approx(202)


def test_an_amount_beyond_the_balance_is_capped() -> None:
    fill = entered(orders=Orders(trade_amount=5000.0))
    assert fill.quantity == pytest.approx(10)
    assert fill.wanted == pytest.approx(50)


# ── docs/rules.md §3.18: when nothing is entered ──


def run(
    times: list[int],
    flags: list[int],
    orders: Orders,
    prices: list[float] | None = None,
    **changes: Any,
) -> tuple[Account, list[Event]]:
    account = Account(rules(orders=orders, timeframe_ms=HOUR, **changes))
    events: list[Event] = []
    for time, flag, price in zip(times, flags, prices or [100.0] * len(times), strict=True):
        events += step(account, time, [Bar(0, price, price, price, price, flag)])
    return account, events


@pytest.mark.parametrize(
    ("hour", "allowed"), [(7, False), (8, True), (15, True), (16, False), (23, False)]
)
def test_hours_are_those_of_the_fill(hour: int, allowed: bool) -> None:
    times = [(hour - 1) * HOUR, hour * HOUR]
    _, events = run(times, [1, 0], Orders(hours=((8 * 60, 16 * 60),)))
    assert [isinstance(event, Entered) for event in events[1:]] == [allowed]
    if not allowed:
        assert refusals(events) == [(Obstacle.HOURS, "outside the hours of the strategy")]


@pytest.mark.parametrize(("hour", "allowed"), [(21, False), (22, True), (25, True), (26, False)])
def test_hours_may_go_on_beyond_midnight(hour: int, allowed: bool) -> None:
    _, events = run([(hour - 1) * HOUR, hour * HOUR], [1, 0], Orders(hours=((22 * 60, 2 * 60),)))
    assert isinstance(events[-1], Entered) is allowed


def test_weekdays_are_those_of_the_fill() -> None:
    # 1970-01-04 was a Sunday: decided at its last close, an entry fills on Monday.
    sunday = 3 * DAY
    _, on_monday = run([sunday + 23 * HOUR, sunday + DAY], [1, 0], Orders(weekdays=(1,)))
    _, on_sunday = run([sunday, sunday + HOUR], [1, 0], Orders(weekdays=(1,)))
    assert isinstance(on_monday[-1], Entered)
    assert refusals(on_sunday) == [(Obstacle.HOURS, "not on a weekday of the strategy")]


def test_flat_at_leaves_at_the_open_of_its_time_and_enters_no_more_that_day() -> None:
    times = [hour * HOUR for hour in range(18, 26)]
    account, events = run(times, [1, 0, 0, 1, 1, 1, 0, 0], Orders(flat_at=21 * 60))
    (trade,) = account.trades
    assert (trade.entry_time, trade.exit_time) == (19 * HOUR, 21 * HOUR)
    assert trade.exit_reason is ExitReason.FLAT_AT
    why = "the strategy stays flat for the rest of the UTC day"
    assert refusals(events) == [(Obstacle.HOURS, why)] * 2
    # What the last close of the day decides fills on the next.
    assert account.open_trades()[0].entry_time == 24 * HOUR


def test_flat_at_reaches_across_a_gap() -> None:
    times = [18 * HOUR, 19 * HOUR, 26 * HOUR, 27 * HOUR]
    account, _ = run(times, [1, 0, 0, 0], Orders(flat_at=21 * 60))
    assert account.trades[0].exit_time == 27 * HOUR


def test_midnight_is_a_time_to_be_flat() -> None:
    times = [hour * HOUR for hour in range(21, 26)]
    account, _ = run(times, [1, 0, 0, 0, 0], Orders(flat_at=1440))
    assert account.trades[0].exit_time == 24 * HOUR


@pytest.mark.parametrize("candles", [1, 3])
def test_a_cooldown_refuses_what_the_candles_after_an_exit_decide(candles: int) -> None:
    times = [hour * HOUR for hour in range(10)]
    # Left at the open of candle 2; entries are wanted at every close from then on.
    account, events = run(times, [1, 2, 1, 1, 1, 1, 1, 1, 1, 1], Orders(cooldown=Cooldown(candles)))
    assert account.open_trades()[0].signal_time == (2 + candles) * HOUR
    why = f"within the cooldown of {counted(candles, 'candle')}"
    assert refusals(events) == [(Obstacle.COOLDOWN, why)] * candles


@pytest.mark.parametrize(
    ("after", "price", "waits"),
    [
        (Outcome.LOSS, 90.0, True),
        (Outcome.LOSS, 110.0, False),
        (Outcome.WIN, 110.0, True),
        (Outcome.WIN, 90.0, False),
        (None, 110.0, True),
    ],
)
def test_a_cooldown_may_follow_only_one_outcome(
    after: Outcome | None, price: float, waits: bool
) -> None:
    times = [hour * HOUR for hour in range(5)]
    orders = Orders(cooldown=Cooldown(2, after))
    account, events = run(times, [1, 2, 1, 0, 0], orders, [100, 100, price, price, price])
    assert bool(refusals(events)) is waits
    assert bool(account.open_trades()) is not waits


def test_a_reversal_within_a_cooldown_only_leaves() -> None:
    account, events = run([0, HOUR, 2 * HOUR], [1, 4, 0], Orders(cooldown=Cooldown(2)))
    assert account.trades[0].exit_reason is ExitReason.REVERSE
    assert refusals(events) == [(Obstacle.COOLDOWN, "within the cooldown of 2 candles")]


def test_a_day_has_so_many_entries() -> None:
    times = [hour * HOUR for hour in range(20, 28)]
    flags = [1, 2, 1, 1, 2, 1, 0, 0]
    account, events = run(times, flags, Orders(max_trades_per_day=1))
    # Entered at 21, wanted again for 23; entered at 24, the next day, wanted again for 26.
    why = "1 of its UTC day's entries have filled"
    assert refusals(events) == [(Obstacle.TRADES_PER_DAY, why)] * 2
    assert [trade.entry_time for trade in account.trades] == [21 * HOUR, 24 * HOUR]


def test_limits_hold_where_closes_fill() -> None:
    times = [hour * HOUR for hour in range(5)]
    orders = Orders(cooldown=Cooldown(1))
    account, events = run(times, [1, 2, 1, 1, 0], orders, fill_on=FillOn.CLOSE)
    # Left at the close of candle 1; the close of candle 2 is the first that may decide.
    assert account.open_trades()[0].entry_time == 2 * HOUR
    assert refusals(events) == []


def test_sides_have_their_own_levels() -> None:
    below, above = Reference("bands", "lower"), Reference("bands", "upper")
    account, _ = play(
        "99 99 99 99 | ES level=95 level=107\n100 100 100 100 |",
        orders=Orders(stop=Stop(PriceRule(Basis.LEVEL, long=below, short=above))),
    )
    assert account.open_trades()[0].side is Side.SHORT
    assert account.open_trades()[0].stop_price == 107


# ── docs/rules.md §3.19: entries that rest at a price ──


def resting(kind: str, valid: int = 1, **changes: Any) -> Orders:
    return Orders(entry=RestingEntry(BY_LINE, kind == "limit", valid), **changes)


def entries(events: list[Event]) -> list[str]:
    return [
        f"{event.price:g}@{event.time // MINUTE}" for event in events if isinstance(event, Entered)
    ]


@pytest.mark.parametrize(
    ("kind", "side", "level", "candle", "fill"),
    [
        ("limit", "EL", 98, "100 101 97 99", 98),
        ("limit", "EL", 98, "97 101 96 99", 97),
        ("limit", "EL", 98, "100 101 98.1 99", None),
        ("limit", "ES", 102, "100 103 99 100", 102),
        ("limit", "ES", 102, "104 105 99 100", 104),
        ("stop", "EL", 102, "100 103 99 100", 102),
        ("stop", "EL", 102, "104 105 99 100", 104),
        ("stop", "EL", 102, "100 101.9 99 100", None),
        ("stop", "ES", 98, "100 101 97 99", 98),
        ("stop", "ES", 98, "97 101 96 99", 97),
    ],
)
def test_limits_fill_at_their_price_or_a_better_open_and_stops_or_a_worse_one(
    kind: str, side: str, level: float, candle: str, fill: float | None
) -> None:
    _, events = play(
        f"99 99 99 99 | {side} level={level}\n{candle} | level=0", orders=resting(kind)
    )
    assert entries(events) == ([] if fill is None else [f"{fill:g}@1"])
    if fill is None:
        why = f"the {kind} order at {level:g} was not reached in time"
        assert refusals(events) == [(Obstacle.UNFILLED, why)]


def test_a_stop_entry_slips_and_a_limit_does_not() -> None:
    table = "99 99 99 99 | EL level=100\n99 101 99 100 | level=0"
    _, stop = play(table, orders=resting("stop"), slippage_pct=1)
    _, limit = play(table, orders=resting("limit"), slippage_pct=1)
    assert entries(stop) == ["101@1"]
    assert entries(limit) == ["99@1"]


def test_an_order_waits_for_as_many_candles_as_it_is_valid() -> None:
    table = """
        99 99 99 99      | EL level=95
        99 100 96 99     | level=0
        99 100 96 99     | level=0
        99 100 94 99     | level=0
        """
    _, in_time = play(table, orders=resting("limit", 3))
    _, late = play(table, orders=resting("limit", 2))
    assert entries(in_time) == ["95@3"]
    assert entries(late) == []
    assert [event.time // MINUTE for event in late if isinstance(event, Refused)] == [2]


def test_a_newer_signal_replaces_the_order() -> None:
    _, events = play(
        """
        99 99 99 99      | EL level=95
        99 100 98 99     | EL level=97
        99 100 96 99     | level=0
        """,
        orders=resting("limit", 3),
    )
    assert entries(events) == ["97@2"]
    decided = [event.price for event in events if isinstance(event, Decided)]
    assert decided == [95, 97]


def test_the_stop_is_that_of_the_candle_that_decided() -> None:
    account, _ = play(
        """
        99 99 99 99      | EL level=95 level=2
        99 100 96 99     | level=1 level=30
        99 100 94 94     | level=1 level=30
        """,
        orders=resting("limit", 3, stop=Stop(BY_RANGE)),
    )
    assert account.open_trades()[0].stop_price == 93


def test_entry_and_stop_inside_one_candle_is_the_stop_and_ambiguous() -> None:
    limit, _ = play(
        "99 99 99 99 | EL level=95\n99 100 90 99 | level=0",
        orders=resting("limit"),
        stop_loss_pct=2,
    )
    stop, _ = play(
        "99 99 99 99 | EL level=100\n99 101 97 100 | level=0",
        orders=resting("stop"),
        stop_loss_pct=2,
    )
    assert exits(limit) == ["95@1 > 93.1@1 stop_loss ambiguous"]
    assert exits(stop) == ["100@1 > 98@1 stop_loss ambiguous"]


def test_filled_at_the_open_nothing_is_ambiguous() -> None:
    account, _ = play(
        "99 99 99 99 | EL level=100\n99 101 90 100 | level=0",
        orders=resting("limit"),
        stop_loss_pct=2,
    )
    assert exits(account) == ["99@1 > 97.02@1 stop_loss"]


def test_what_a_candle_reached_before_a_limit_filled_is_no_gain() -> None:
    table = "99 99 99 99 | EL level=95\n99 120 94 {close} | level=0"
    orders = resting("limit", targets=(Target(pct(2)),))
    before, _ = play(table.format(close=96), orders=orders)
    after, _ = play(table.format(close=97), orders=orders)
    assert exits(before) == []
    assert exits(after) == ["95@1 > 96.9@1 take_profit"]


def test_what_a_candle_reached_beyond_a_stop_entry_came_after_it() -> None:
    account, _ = play(
        "99 99 99 99 | EL level=100\n99 103 99 99 | level=0",
        orders=resting("stop", targets=(Target(pct(2)),)),
    )
    assert exits(account) == ["100@1 > 102@1 take_profit"]


def test_the_hopeful_run_lets_the_low_come_before_a_stop_entry() -> None:
    account, _ = play(
        "99 99 99 99 | EL level=100\n99 101 97 100 | level=0",
        orders=resting("stop"),
        stop_loss_pct=2,
        target_first=True,
    )
    assert exits(account) == []


def test_a_price_that_is_not_known_orders_nothing() -> None:
    _, events = play("99 99 99 99 | EL level=nan\n99 99 99 99 |", orders=resting("limit"))
    why = "the price of its order is not known at the candle that decided"
    assert refusals(events) == [(Obstacle.PRICE, why)]


def test_a_limit_of_the_strategy_refuses_an_order_that_is_reached() -> None:
    orders = Orders(entry=RestingEntry(BY_LINE, True, 3), hours=((60, 120),))
    _, events = play(
        "99 99 99 99 | EL level=98\n99 99 97 99 | level=0\n99 99 97 99 |", orders=orders
    )
    assert [one for one, _ in refusals(events)] == [Obstacle.HOURS]


def test_a_reversal_leaves_at_the_open_and_rests_for_the_other_side() -> None:
    account, events = play(
        """
        99 99 99 99      | EL level=100
        99 100 98 99     | ES level=101
        99 102 98 99     | level=0
        """,
        orders=resting("limit", 2),
    )
    assert exits(account) == ["99@1 > 99@2 reverse"]
    assert entries(events) == ["99@1", "101@2"]


# ── docs/rules.md §3.20: adding to a position ──


def adding(*adds: tuple[float, float], **changes: Any) -> Orders:
    """Orders with adds of (at_pct, size_pct), the first entry worth 100."""
    made = tuple(Add(size, at) for at, size in adds)
    return Orders(adds=made, trade_amount=100.0, **changes)


def added(events: list[Event]) -> list[str]:
    return [
        f"{event.quantity:g} @ {event.price:g}, {event.time // MINUTE}"
        for event in events
        if isinstance(event, Added)
    ]


def test_an_add_below_waits_as_a_limit_from_the_candle_after_the_entry_on() -> None:
    account, events = play(
        """
        99 99 99 99      | EL
        100 100 90 100   |
        100 100 96 98    |
        96 96 96 96      |
        """,
        orders=adding((-3, 100), (-5, 200)),
    )
    assert added(events) == ["1 @ 97, 2"]
    (position,) = account.open_trades()
    assert position.entry_price == pytest.approx(98.5)
    assert (position.quantity, position.margin) == (2, 197)
    assert [one.price for one in position.entries] == [100, 97]
    assert account.equity() == pytest.approx(1000 + 2 * (96 - 98.5))


def test_a_limit_add_takes_a_better_open_and_a_stop_add_a_worse_one() -> None:
    table = "99 99 99 99 | EL\n100 100 100 100 |\n{open} {open} {open} {open} |"
    _, below = play(table.format(open=95), orders=adding((-3, 100)), slippage_pct=0)
    _, above = play(table.format(open=105), orders=adding((3, 100)))
    assert added(below) == ["1 @ 95, 2"]
    assert added(above) == ["1 @ 105, 2"]


def test_a_short_adds_the_other_way_round() -> None:
    _, events = play(
        "99 99 99 99 | ES\n100 100 100 100 |\n100 104 100 100 |", orders=adding((-3, 100))
    )
    assert added(events) == ["1 @ 103, 2"]


def test_each_add_fills_once() -> None:
    _, events = play(
        """
        99 99 99 99      | EL
        100 100 100 100  |
        100 100 96 98    |
        98 98 96 98      |
        """,
        orders=adding((-3, 100)),
    )
    assert added(events) == ["1 @ 97, 2"]


def test_an_add_whose_conditions_held_fills_at_the_next_open() -> None:
    account = Account(rules(orders=Orders(adds=(Add(50, None, (WHEN,)),), trade_amount=100.0)))
    events: list[Event] = []
    flag = add_flag(0, long=True)
    for time, raised in enumerate([1 | flag, flag, flag, 2, 0]):
        price = 100.0 + time
        events += step(account, time * MINUTE, [Bar(0, price, price, price, price, raised)])
    # Entered at 101; the flag counts from the close of that candle on, and once.
    assert added(events) == [f"{100 / 101 / 2:g} @ 102, 2"]
    (trade,) = account.trades
    assert trade.entry_time == MINUTE
    assert [one.time for one in trade.entries] == [MINUTE, 2 * MINUTE]
    assert trade.pnl == pytest.approx(100 / 101 * 3 + 100 / 101 / 2 * 2)


def test_per_cent_count_from_the_mean_entry_and_levels_stay() -> None:
    table = "99 99 99 99 | EL level=90\n100 100 100 100 |\n100 100 96 98 |"
    plain, _ = play(table, orders=adding((-3, 100)), stop_loss_pct=10, take_profit_pct=10)
    fixed, _ = play(
        table,
        orders=adding((-3, 100), stop=Stop(BY_LINE), targets=(Target(multiple(2)),)),
    )
    (by_mean,), (by_level,) = plain.open_trades(), fixed.open_trades()
    assert by_mean.stop_price == pytest.approx(98.5 * 0.9)
    assert by_mean.target_price == pytest.approx(98.5 * 1.1)
    assert (by_level.stop_price, by_level.target_price) == (90, 120)


def test_on_the_way_down_an_add_comes_before_the_stop_behind_it() -> None:
    account, events = play(
        """
        99 99 99 99      | EL level=95
        100 100 100 100  |
        100 100 94 94    |
        """,
        orders=adding((-3, 100), stop=Stop(BY_LINE)),
    )
    assert added(events) == ["1 @ 97, 2"]
    assert exits(account) == ["98.5@1 > 95@2 stop_loss"]


def test_an_add_behind_the_stop_or_beyond_a_gap_is_none() -> None:
    behind, _ = play(
        "99 99 99 99 | EL\n100 100 100 100 |\n100 100 90 90 |",
        orders=adding((-3, 100)),
        stop_loss_pct=2,
    )
    gap, _ = play(
        "99 99 99 99 | EL\n100 100 100 100 |\n90 90 90 90 |",
        orders=adding((-3, 100)),
        stop_loss_pct=5,
    )
    assert exits(behind) == ["100@1 > 98@2 stop_loss"]
    assert exits(gap) == ["100@1 > 90@2 stop_loss"]


def test_a_gain_in_the_candle_of_an_add_below_counts_as_far_as_its_close() -> None:
    table = "99 99 99 99 | EL\n100 100 100 100 |\n100 105 96 {close} |"
    orders = adding((-3, 100))
    before, _ = play(table.format(close=99), orders=orders, take_profit_pct=1)
    after, _ = play(table.format(close=100), orders=orders, take_profit_pct=1)
    assert exits(before) == []
    assert exits(after) == ["98.5@1 > 99.485@2 take_profit"]


def test_an_add_above_comes_before_the_target_behind_it() -> None:
    account, events = play(
        "99 99 99 99 | EL\n100 100 100 100 |\n100 110 100 110 |",
        orders=adding((2, 100)),
        take_profit_pct=5,
    )
    assert added(events) == ["1 @ 102, 2"]
    assert exits(account) == ["101@1 > 106.05@2 take_profit"]


def test_an_add_above_and_the_stop_it_brings_near_are_ambiguous() -> None:
    account, events = play(
        "99 99 99 99 | EL\n100 100 100 100 |\n100 104 98.5 103 |",
        orders=adding((4, 300)),
        stop_loss_pct=2,
    )
    # The mean is 103: its stop at 100.94 lies above the low of 98.5.
    assert added(events) == ["3 @ 104, 2"]
    assert exits(account) == ["103@1 > 100.94@2 stop_loss ambiguous"]


def test_the_stop_comes_before_an_add_above_in_the_same_candle() -> None:
    account, events = play(
        "99 99 99 99 | EL\n100 100 100 100 |\n100 104 97 103 |",
        orders=adding((4, 100)),
        stop_loss_pct=2,
    )
    assert added(events) == []
    assert exits(account) == ["100@1 > 98@2 stop_loss ambiguous"]


def test_the_free_balance_caps_an_add_or_refuses_it() -> None:
    table = "99 99 99 99 | EL\n100 100 100 100 |\n97 97 97 97 |\n95 95 95 95 |"
    orders = Orders(adds=(Add(100, -3), Add(100, -5)), trade_amount=600.0)
    account, events = play(table, orders=orders)
    (more,) = (event for event in events if isinstance(event, Added))
    assert more.quantity == pytest.approx(400 / 97)
    assert more.wanted == pytest.approx(6)
    assert [one for one, _ in refusals(events)] == [Obstacle.BALANCE]
    assert account.capped == 1


def test_an_add_is_refused_while_entries_are_paused() -> None:
    account = Account(rules(orders=adding((-3, 100))))
    step(account, 0, [Bar(0, 100, 100, 100, 100, 1)])
    step(account, MINUTE, [Bar(0, 100, 100, 100, 100, 0)])
    account.entries_paused = True
    [event] = step(account, 2 * MINUTE, [Bar(0, 97, 97, 97, 97, 0)])
    assert isinstance(event, Refused)


def test_a_liquidation_costs_the_margin_of_all_entries() -> None:
    account, _ = play(
        """
        99 99 99 99      | EL
        100 100 100 100  |
        100 100 97 98    |
        98 98 50 60      |
        """,
        orders=adding((-3, 100)),
        leverage=10,
    )
    (trade,) = account.trades
    assert trade.exit_price == pytest.approx(98.5 * 0.905)
    assert trade.pnl == pytest.approx(-(100 + 97))


def test_each_add_is_an_order_of_its_own() -> None:
    _, events = play(
        "99 99 99 99 | EL\n100 100 100 100 |\n100 100 96 98 |\n98 98 98 98 | XL\n98 98 98 98 |",
        orders=adding((-3, 100)),
    )
    made = orders_of(events, "abcdefgh", 1)
    assert [(one.side.value, one.quantity, one.closes) for one in made] == [
        ("buy", 1, False),
        ("buy", 1, False),
        ("sell", 2, True),
    ]


def test_a_gap_beyond_the_target_takes_it_and_adds_nothing() -> None:
    account, events = play(
        "99 99 99 99 | EL\n100 100 100 100 |\n110 110 110 110 |",
        orders=adding((2, 100)),
        take_profit_pct=5,
    )
    assert added(events) == []
    assert exits(account) == ["100@1 > 105@2 take_profit"]


def test_all_adds_on_the_way_down_fill_though_the_open_lay_beyond_the_new_target() -> None:
    _, events = play(
        "99 99 99 99 | EL\n100 100 100 100 |\n99.9 99.9 97 97 |",
        orders=adding((-1, 100), (-2, 300), (-2.5, 100)),
        take_profit_pct=0.5,
    )
    assert added(events) == ["1 @ 99, 2", "3 @ 98, 2", "1 @ 97.5, 2"]


# ── What is open, as it is shown ──


@pytest.mark.parametrize(
    "orders",
    [Orders(stop=Stop(BY_LINE), targets=HALF), adding((-3, 100)), adding((2, 50))],
)
def test_free_balance_and_what_positions_are_worth_are_the_equity(orders: Orders) -> None:
    account, _ = play(
        """
        99 99 99 99      | EL level=90
        100 104 99 103   | level=90
        102 103 96 101   | level=90
        """,
        orders=orders,
        fees=0.001,
    )
    (position,) = account.open_trades()
    assert position.parts or position.entries
    assert account.free + position.worth == pytest.approx(account.equity())
    assert account.equity() == pytest.approx(1000 + position.unrealized_pnl)


def test_orders_that_wait_are_told() -> None:
    account, _ = play(
        "99 99 99 99 | ES level=102\n99 99 99 99 | level=0", orders=resting("limit", 3)
    )
    assert account.waiting_orders() == (WaitingOrder("BTC/USDT", Side.SHORT, "limit", 102, 2),)
