"""A case for every line of docs/rules.md §3: a table of candles and the trades it makes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from core.market.candles.timeframes import DAY, MINUTE
from core.market.filters import MarketFilters
from core.trading.account import Account
from core.trading.bar import Bar
from core.trading.step import step
from core.trading.values import (
    Decided,
    Entered,
    Exited,
    ExitReason,
    FillOn,
    FundingPaid,
    Halted,
    Obstacle,
    Refused,
    Side,
)
from tests.unit.trading.tables import candle, exits, play, rules

STOP_AND_TARGET: dict[str, Any] = {"stop_loss_pct": 10, "take_profit_pct": 20}


# ── docs/rules.md §3.1 to §3.3: decide at the close, fill at the next open ──


def test_a_decision_at_the_close_fills_at_the_next_open() -> None:
    account, _ = play(
        """
        100 100 100 100 | EL
        105 106 104 106 |
        107 108 107 108 | XL
        110 111 109 110 |
        """
    )
    assert exits(account) == ["105@1 > 110@3 signal"]
    trade = account.trades[0]
    assert trade.signal_time == 0
    assert trade.pnl == pytest.approx(1000 / 105 * 5)
    assert account.equity() == pytest.approx(1000 + trade.pnl)


def test_a_decision_at_the_last_candle_stays_due() -> None:
    account, events = play("100 100 100 100 | EL")
    assert events == [Decided(0, "BTC/USDT", Side.LONG)]
    assert account.equity() == 1000
    assert account.open_trades() == ()


def test_fill_on_close_fills_at_the_deciding_close_and_stops_count_from_the_next() -> None:
    account, _ = play(
        """
        100 100  50 100 | EL
        100 104 100 104 | XL
        110 110 110 110 |
        """,
        fill_on=FillOn.CLOSE,
        **STOP_AND_TARGET,
    )
    assert exits(account) == ["100@0 > 104@1 signal"]


def test_fill_on_close_reverses_at_one_close() -> None:
    account, _ = play(
        """
        100 100 100 100 | EL
        110 110 110 110 | ES
        """,
        fill_on=FillOn.CLOSE,
    )
    assert exits(account) == ["100@0 > 110@1 reverse"]
    assert account.open_trades()[0].side is Side.SHORT
    assert account.open_trades()[0].entry_price == 110


# ── docs/rules.md §3.2: flags that are raised together ──


@pytest.mark.parametrize(
    ("flags", "decided"),
    [
        ("EL", [Side.LONG]),
        ("ES", [Side.SHORT]),
        ("EL ES", []),
        ("EL XL", []),
        ("ES XS", []),
        ("EL XS", [Side.LONG]),
        ("EL ES XL", []),
        ("XL XS", []),
    ],
)
def test_flags_weighed_while_flat(flags: str, decided: list[Side]) -> None:
    _, events = play(f"100 100 100 100 | {flags}")
    assert [event.side for event in events if isinstance(event, Decided)] == decided


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ("XL", ExitReason.SIGNAL),
        ("XS", None),
        ("EL", None),
        ("EL XL", None),
        ("ES", ExitReason.REVERSE),
        ("ES XL", ExitReason.REVERSE),
        ("ES XS", None),
        ("ES XS XL", ExitReason.SIGNAL),
        ("EL ES", None),
        ("EL ES XL", ExitReason.SIGNAL),
    ],
)
def test_flags_weighed_in_a_long_position(flags: str, reason: ExitReason | None) -> None:
    account, _ = play(
        f"""
        100 100 100 100 | EL
        100 100 100 100 | {flags}
        101 101 101 101 |
        """
    )
    assert [trade.exit_reason for trade in account.trades] == ([reason] if reason else [])


def test_a_reversal_closes_and_enters_at_the_same_open() -> None:
    account, _ = play(
        """
        100 100 100 100 | EL
        100 100 100 100 | ES XL
        110 110 110 110 | EL
        99  99  99  99  |
        """
    )
    assert exits(account) == ["100@1 > 110@2 reverse", "110@2 > 99@3 reverse"]
    assert account.trades[0].pnl == pytest.approx(100)
    assert account.trades[1].pnl == pytest.approx(110)
    assert account.open_trades()[0].side is Side.LONG


def test_slippage_is_against_the_trader_on_market_orders_and_stops_but_not_on_targets() -> None:
    account, _ = play(
        """
        100 100 100 100 | EL
        100 130 100 130 | EL
        100 100 100 100 | EL
        100 100  80 100 |
        """,
        slippage_pct=1,
        **STOP_AND_TARGET,
    )
    assert account.trades[0].entry_price == pytest.approx(101)
    assert account.trades[0].exit_price == pytest.approx(101 * 1.2)
    assert account.trades[1].exit_price == pytest.approx(101 * 0.9 * 0.99)


# ── docs/rules.md §3.4: size ──


def test_margin_and_entry_fee_together_are_the_budget() -> None:
    _, events = play(
        """
        100 100 100 100 | EL
        100 100 100 100 |
        """,
        fees=0.001,
        leverage=5,
        trade_size_pct=50,
    )
    entered = next(event for event in events if isinstance(event, Entered))
    assert entered.margin + entered.fee == pytest.approx(500, rel=1e-12)
    assert entered.quantity * entered.price == pytest.approx(entered.margin * 5)
    assert entered.fee == pytest.approx(entered.quantity * entered.price * 0.001)


def test_the_quantity_is_floored_to_the_lot_step_in_decimal() -> None:
    _, events = play(
        """
        300 300 300 300 | EL
        300 300 300 300 |
        """,
        filters=MarketFilters(lot_step=Decimal("0.1")),
    )
    entered = next(event for event in events if isinstance(event, Entered))
    assert entered.quantity == 3.3  # 3.333… floored; 3.3000000000000003 in floats


def test_what_the_lot_step_leaves_over_stays_in_the_account() -> None:
    account, _ = play(
        """
        100 100 100 100 | EL
        100 100 100 100 |
        """,
        starting_balance=10_000_000_000.5,
        filters=MarketFilters(lot_step=Decimal("0.01")),
    )
    assert account.free == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        (MarketFilters(min_quantity=Decimal(20)), "below the market's minimum 20"),
        (MarketFilters(min_notional=Decimal(2000)), "notional 1000 is below"),
        (MarketFilters(lot_step=Decimal(50)), "quantity is 0 after flooring"),
    ],
)
def test_an_order_too_small_is_no_trade_and_says_why(filters: MarketFilters, says: str) -> None:
    account, events = play(
        """
        100 100 100 100 | EL
        100 100 100 100 |
        """,
        filters=filters,
    )
    refused = next(event for event in events if isinstance(event, Refused))
    assert says in refused.why
    assert account.equity() == 1000


# ── docs/rules.md §3.5: inside the candle ──

INSIDE = [
    # what, the candle after one of entry at 100, the trade
    ("stop reached by the low", "100 101  89  95", "100@1 > 90@2 stop_loss"),
    ("target reached by the high", "100 121 100 120", "100@1 > 120@2 take_profit"),
    ("gap through the stop", " 80  95  75  90", "100@1 > 80@2 stop_loss"),
    ("open beyond the target", "130 140 125 130", "100@1 > 120@2 take_profit"),
    ("open at the stop", " 90  95  85  90", "100@1 > 90@2 stop_loss"),
    ("stop and target in one candle", "100 125  85 100", "100@1 > 90@2 stop_loss ambiguous"),
    ("gap through the stop, target later", " 80 130  80 125", "100@1 > 80@2 stop_loss"),
    ("open beyond the target, stop later", "130 131  80  90", "100@1 > 120@2 take_profit"),
    ("the stop touched to the cent", "100 100  90 100", "100@1 > 90@2 stop_loss"),
]


@pytest.mark.parametrize(("what", "row", "trade"), INSIDE, ids=[case[0] for case in INSIDE])
def test_inside_the_candle_long(what: str, row: str, trade: str) -> None:
    account, _ = play(
        f"""
        100 100 100 100 | EL
        100 100 100 100 |
        {row} |
        """,
        **STOP_AND_TARGET,
    )
    assert exits(account) == [trade]


@pytest.mark.parametrize(
    ("row", "trade"),
    [
        ("100 111  99 100", "100@1 > 110@2 stop_loss"),
        ("100 101  79 100", "100@1 > 80@2 take_profit"),
        ("120 125 115 120", "100@1 > 120@2 stop_loss"),
        (" 70  75  65  70", "100@1 > 80@2 take_profit"),
        ("100 115  75 100", "100@1 > 110@2 stop_loss ambiguous"),
    ],
)
def test_inside_the_candle_short(row: str, trade: str) -> None:
    account, _ = play(
        f"""
        100 100 100 100 | ES
        100 100 100 100 |
        {row} |
        """,
        **STOP_AND_TARGET,
    )
    assert exits(account) == [trade]


def test_the_stop_works_on_the_candle_of_entry() -> None:
    account, _ = play(
        """
        100 100 100 100 | EL
        100 100  85 100 |
        """,
        **STOP_AND_TARGET,
    )
    assert exits(account) == ["100@1 > 90@1 stop_loss"]


def test_a_due_exit_comes_before_the_stop() -> None:
    account, _ = play(
        """
        100 100 100 100 | EL
        100 100 100 100 | XL
        95   95  80  90 |
        """,
        **STOP_AND_TARGET,
    )
    assert exits(account) == ["100@1 > 95@2 signal"]


def test_after_an_exit_no_entry_before_the_decision_at_that_close() -> None:
    _, events = play(
        """
        100 100 100 100 | EL
        100 100  85 100 | EL
        98   98  98  98 |
        """,
        **STOP_AND_TARGET,
    )
    entries = [
        (event.time // MINUTE, event.price) for event in events if isinstance(event, Entered)
    ]
    assert entries == [(1, 100), (2, 98)]


@pytest.mark.parametrize(
    ("finer", "trade"),
    [
        (["100 105 95 100", "100 125 100 120"], "100@1 > 120@2 take_profit"),
        (["100 105 85 90", "90 125 90 120"], "100@1 > 90@2 stop_loss"),
        (["100 125 85 100"], "100@1 > 90@2 stop_loss ambiguous"),
        (["121 125 85 100"], "100@1 > 120@2 take_profit"),
        ([], "100@1 > 90@2 stop_loss ambiguous"),
    ],
)
def test_finer_candles_resolve_an_ambiguous_one(finer: list[str], trade: str) -> None:
    account, _ = play(
        """
        100 100 100 100 | EL
        100 100 100 100 |
        100 125  85 100 |
        """,
        finer=lambda slot, time: [candle(time, text) for text in finer],
        **STOP_AND_TARGET,
    )
    assert exits(account) == [trade]


def test_target_first_says_what_the_ambiguity_is_worth() -> None:
    account, _ = play(
        """
        100 100 100 100 | EL
        100 125  85 100 |
        """,
        target_first=True,
        **STOP_AND_TARGET,
    )
    assert exits(account) == ["100@1 > 120@1 take_profit ambiguous"]


def test_the_trailing_stop_follows_the_best_price_up_to_the_previous_candle() -> None:
    account, _ = play(
        """
        100 100 100 100 | EL
        100 120 100 120 |
        120 140 109 139 |
        139 139 120 125 |
        """,
        trailing_stop_pct=10,
    )
    # Candle 2 rose to 140, but its stop was 108, of the 120 before it; candle 3's is 126.
    assert exits(account) == ["100@1 > 126@3 trailing_stop"]


def test_the_trailing_stop_never_lies_below_the_fixed_stop() -> None:
    account, _ = play(
        """
        100 100 100 100 | EL
        100 101  94 100 |
        """,
        trailing_stop_pct=10,
        stop_loss_pct=5,
    )
    assert exits(account) == ["100@1 > 95@1 stop_loss"]


def test_the_trailing_stop_of_a_short_follows_the_lows() -> None:
    account, _ = play(
        """
        100 100 100 100 | ES
        100 100  80  80 |
        80   89  80  85 |
        """,
        trailing_stop_pct=10,
    )
    assert exits(account) == ["100@1 > 88@2 trailing_stop"]


def test_max_hold_exits_at_the_open_after_that_many_closed_candles() -> None:
    account, _ = play(
        """
        100 100 100 100 | EL
        100 100 100 100 |
        101 101 101 101 |
        102 102 102 102 |
        """,
        max_hold=2,
    )
    assert exits(account) == ["100@1 > 102@3 max_hold"]


# ── Funding and liquidation ──


def test_funding_is_paid_at_the_open_by_positions_held_before_it() -> None:
    account, events = play(
        """
        100 100 100 100 | EL funding=0.01
        100 100 100 100 | funding=0.01
        110 110 110 110 | funding=0.01
        110 110 110 110 | XL funding=-0.02
        120 120 120 120 |
        """
    )
    paid = {
        event.time // MINUTE: event.amount for event in events if isinstance(event, FundingPaid)
    }
    assert paid == pytest.approx({2: 11, 3: -22})
    assert account.trades[0].funding == pytest.approx(-11)
    assert account.trades[0].pnl == pytest.approx(200 + 11)
    assert account.equity() == pytest.approx(1211)


def test_a_short_receives_a_positive_rate() -> None:
    account, _ = play(
        """
        100 100 100 100 | ES
        100 100 100 100 |
        100 100 100 100 | funding=0.01
        """
    )
    assert account.open_trades()[0].funding == pytest.approx(-10)
    assert account.equity() == pytest.approx(1010)


def test_liquidation_costs_the_margin() -> None:
    account, _ = play(
        """
        100 100 100 100 | EL
        100 100 100 100 |
        100 100  85 100 |
        """,
        leverage=10,
        trade_size_pct=50,
        fees=0.001,
    )
    trade = account.trades[0]
    assert exits(account) == ["100@1 > 90.5@2 liquidation"]
    assert trade.pnl == pytest.approx(-500)
    assert trade.pnl == pytest.approx(-(trade.margin + trade.fees))
    assert account.equity() == pytest.approx(500)


def test_liquidation_at_the_open_comes_before_a_due_exit() -> None:
    account, _ = play(
        """
        100 100 100 100 | EL
        100 100 100 100 | XL
        80   80  80  80 |
        """,
        leverage=10,
    )
    assert exits(account) == ["100@1 > 80@2 liquidation"]
    assert account.equity() == pytest.approx(0)


@pytest.mark.parametrize(
    ("stop_loss_pct", "trade"),
    [(5, "100@1 > 95@2 stop_loss"), (9.8, "100@1 > 90.5@2 liquidation")],
)
def test_of_stop_and_liquidation_the_first_on_the_way_down(
    stop_loss_pct: float, trade: str
) -> None:
    account, _ = play(
        """
        100 100 100 100 | EL
        100 100 100 100 |
        100 100  80  80 |
        """,
        leverage=10,
        stop_loss_pct=stop_loss_pct,
    )
    assert exits(account) == [trade]


def test_a_short_is_liquidated_even_unleveraged() -> None:
    account, _ = play(
        """
        100 100 100 100 | ES
        100 100 100 100 |
        100 200 100 200 |
        """
    )
    assert exits(account) == ["100@1 > 199.5@2 liquidation"]


def test_an_entry_slipped_beyond_its_liquidation_price_leaves_no_doubt() -> None:
    account, _ = play(
        """
        100 100 100 100 | EL
        100 110 100 100 |
        """,
        leverage=100,
        slippage_pct=1,
        take_profit_pct=5,
    )
    assert exits(account) == ["101@1 > 100.495@1 liquidation"]


def test_no_position_loses_more_than_its_margin_whatever_slippage_adds() -> None:
    account, _ = play(
        """
        100 100 100 100 | EL
        100 100 100 100 |
        100 100  99  99 |
        """,
        leverage=100,
        stop_loss_pct=0.2,
        slippage_pct=2,
        fees=0.005,
    )
    trade = account.trades[0]
    assert trade.pnl == pytest.approx(-(trade.margin + trade.fees))
    assert account.equity() >= 0


# ── docs/rules.md §3.7: several symbols on one account ──

TWO: dict[str, Any] = {"symbols": ("BTC/USDT", "ETH/USDT")}


def test_exits_come_before_entries_then_the_order_of_the_symbols() -> None:
    account, events = play(
        """
        100 100 100 100 |    || 50 50 50 50 | EL
        100 100 100 100 | EL || 50 50 50 50 | XL
        100 100 100 100 |    || 55 55 55 55 |
        """,
        **TWO,
    )
    entered = [event for event in events if isinstance(event, Entered)]
    assert [(event.symbol, event.margin) for event in entered] == [
        ("ETH/USDT", 1000),
        ("BTC/USDT", pytest.approx(1100)),
    ]
    assert len(account.trades) == 1


def test_equity_at_an_entry_counts_the_other_positions_at_this_moments_opens() -> None:
    _, events = play(
        """
        100 100 100 100 | EL || 50 50 50 50 |
        100 100 100 100 |    || 50 50 50 50 | EL
        120 120 120 120 |    || 50 50 50 50 |
        """,
        trade_size_pct=40,
        **TWO,
    )
    second = [event for event in events if isinstance(event, Entered)][1]
    # 40% of 600 free + 400 margin + 80 unrealised, BTC having opened at 120.
    assert second.margin == pytest.approx(432)


@pytest.mark.parametrize("fill_on", FillOn)
def test_equity_at_an_entry_counts_what_slippage_cost_the_entry_before_it(fill_on: FillOn) -> None:
    account, _ = play(
        """
        100 100 100 100 | EL || 50 50 50 50 | EL
        100 100 100 100 |    || 50 50 50 50 |
        """,
        fill_on=fill_on,
        trade_size_pct=50,
        slippage_pct=25,
        **TWO,
    )
    first, second = account.open_trades()
    assert (first.entry_price, first.margin) == (125, 500)  # worth 400 at the market's own price
    assert second.margin == 450


def test_a_symbol_without_a_candle_is_marked_at_its_last_close() -> None:
    _, events = play(
        """
        100 100 100 100 | EL || 50 50 50 50 |
        100 100  90  90 |    || 50 50 50 50 | EL
        -                    || 50 50 50 50 |
        """,
        trade_size_pct=50,
        **TWO,
    )
    second = [event for event in events if isinstance(event, Entered)][1]
    assert second.margin == pytest.approx((500 + 450) / 2)


def test_the_second_entry_of_a_moment_without_free_balance_is_refused() -> None:
    _, events = play(
        """
        100 100 100 100 | EL || 50 50 50 50 | EL
        100 100 100 100 |    || 50 50 50 50 |
        """,
        fees=0.0006,
        **TWO,
    )
    refused = [event for event in events if isinstance(event, Refused)]
    assert [event.symbol for event in refused] == ["ETH/USDT"]
    assert "no free balance" in refused[0].why


def test_trades_of_one_moment_are_listed_in_the_order_of_the_symbols() -> None:
    account, events = play(
        """
        100 100 100 100 | EL || 50 50 50 50 | EL
        100 100 100 100 |    || 50 50 50 50 | XL
        100 100  80  90 |    || 50 50 50 50 |
        """,
        trade_size_pct=50,
        stop_loss_pct=10,
        **TWO,
    )
    assert [(trade.id, trade.symbol) for trade in account.trades] == [
        (1, "BTC/USDT"),  # stopped inside the candle, after ETH's exit at the open
        (2, "ETH/USDT"),
    ]
    assert {event.trade.id: event.trade for event in events if hasattr(event, "trade")} == {
        trade.id: trade for trade in account.trades
    }


def test_what_is_due_across_a_gap_fills_at_the_next_candle_there_is() -> None:
    account, _ = play(
        """
        100 100 100 100 | EL || 50 50 50 50 |
        -                    || 50 50 50 50 |
        103 103 103 103 |    || 50 50 50 50 |
        """,
        **TWO,
    )
    assert account.open_trades()[0].entry_price == 103
    assert account.open_trades()[0].entry_time == 2 * MINUTE


def test_an_account_keeps_of_a_closed_trade_what_it_is_asked_for_and_no_more() -> None:
    both = rules(symbols=("BTC/USDT", "ETH/USDT"), trade_size_pct=50, stop_loss_pct=10)
    told, silent = Account(both), Account(both, tells=False)
    for account in (told, silent):
        step(account, 0, [Bar(slot, 100, 100, 100, 100, 1) for slot in (0, 1)])
        step(account, MINUTE, [Bar(0, 100, 100, 100, 100, 0), Bar(1, 100, 100, 100, 100, 2)])
    bars = [Bar(0, 100, 100, 80, 80, 0), Bar(1, 100, 100, 100, 100, 0)]  # the second leaves first
    exited = [event.trade for event in step(told, 2 * MINUTE, bars) if isinstance(event, Exited)]
    step(silent, 2 * MINUTE, bars)
    assert sorted(exited, key=lambda trade: trade.id) == told.trades == silent.trades
    assert [(trade.id, trade.symbol) for trade in told.trades] == [(1, "BTC/USDT"), (2, "ETH/USDT")]
    assert told.closed_count == silent.closed_count == len(silent.closed) == 2
    assert told.closed == []  # with their positions, as long as a session lives


# ── Pause, manual exits, risk limits ──


def test_pause_blocks_entries_only() -> None:
    account = Account(rules(stop_loss_pct=10))
    step(account, 0, [Bar(0, 100, 100, 100, 100, 1)])
    account.entries_paused = True
    events = step(account, MINUTE, [Bar(0, 100, 100, 100, 100, 1)])
    assert [event.why for event in events if isinstance(event, Refused)] == [
        "entries are paused"
    ] * 2
    account.entries_paused = False
    step(account, 2 * MINUTE, [Bar(0, 100, 100, 100, 100, 1)])
    step(account, 3 * MINUTE, [Bar(0, 100, 100, 100, 100, 0)])
    account.entries_paused = True
    step(account, 4 * MINUTE, [Bar(0, 100, 100, 80, 80, 0)])
    assert exits(account) == ["100@3 > 90@4 stop_loss"]


def test_an_exit_asked_for_while_a_candle_forms_fills_at_the_open_after_it() -> None:
    account = Account(rules())
    step(account, 0, [Bar(0, 100, 100, 100, 100, 1)])
    step(account, MINUTE, [Bar(0, 100, 100, 100, 100, 0)])
    assert account.order_exit("BTC/USDT") == ["BTC/USDT"]
    step(account, 2 * MINUTE, [Bar(0, 107, 107, 107, 107, 0)])
    step(account, 3 * MINUTE, [Bar(0, 108, 108, 108, 108, 0)])
    assert exits(account) == ["100@1 > 108@3 manual"]


def test_the_daily_loss_limit_blocks_entries_until_the_utc_day_ends() -> None:
    account = Account(rules(max_daily_loss_pct=10))
    late = DAY - 4 * MINUTE
    step(account, late, [Bar(0, 100, 100, 100, 100, 1)])
    events = step(account, late + MINUTE, [Bar(0, 100, 100, 80, 90, 2)])
    assert Halted(late + MINUTE, "max_daily_loss_pct", 10, 900) in events
    step(account, late + 2 * MINUTE, [Bar(0, 90, 90, 90, 90, 1)])
    # This candle ends with the day: what it decides fills on the next.
    events = step(account, late + 3 * MINUTE, [Bar(0, 90, 90, 90, 90, 1)])
    (refused,) = [event for event in events if isinstance(event, Refused)]
    assert "daily loss" in refused.why
    events = step(account, DAY, [Bar(0, 90, 90, 90, 90, 0)])
    assert [event.time for event in events if isinstance(event, Entered)] == [DAY]
    assert account.refused == {Obstacle.RISK_LIMIT: 1}


def test_a_close_at_midnight_fills_on_the_day_that_begins() -> None:
    account = Account(rules(max_daily_loss_pct=10, fill_on=FillOn.CLOSE))
    late = DAY - 4 * MINUTE
    step(account, late, [Bar(0, 100, 100, 100, 100, 1)])
    events = step(account, late + MINUTE, [Bar(0, 100, 100, 80, 90, 2)])
    assert any(isinstance(event, Halted) for event in events)
    events = step(account, late + 2 * MINUTE, [Bar(0, 90, 90, 90, 90, 1)])
    assert any(isinstance(event, Refused) for event in events)
    events = step(account, late + 3 * MINUTE, [Bar(0, 90, 90, 90, 90, 1)])
    assert any(isinstance(event, Entered) for event in events)


def test_the_daily_loss_limit_refuses_an_entry_that_waits_for_its_symbols_candle() -> None:
    account, events = play(
        """
        100 100 100 100 | EL || -
        100 100 100 100 |    || 50 50 50 50 | EL
        100 100  60  60 |    || -
         60  60  60  60 |    || 50 50 50 50 |
        """,
        trade_size_pct=50,
        max_daily_loss_pct=10,
        **TWO,
    )
    assert [trade.symbol for trade in account.open_trades()] == ["BTC/USDT"]
    refused = [event for event in events if isinstance(event, Refused)]
    assert [(event.time, event.symbol) for event in refused] == [(3 * MINUTE, "ETH/USDT")]
    assert "daily loss" in refused[0].why


def test_the_drawdown_limit_stops_for_good_and_leaves_the_position_open() -> None:
    account, events = play(
        """
        100 100 100 100 | EL
        100 200 100 200 |
        200 200 150 150 | XL
        150 150 150 150 | XL
        """,
        max_drawdown_pct=20,
    )
    assert Halted(2 * MINUTE, "max_drawdown_pct", 20, 1500) in events
    assert account.stopped
    assert account.trades == []
    assert account.open_trades()[0].mark_price == 150
