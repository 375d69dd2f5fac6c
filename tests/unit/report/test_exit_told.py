"""Why a trade was left: told from what is recorded alone, and only where that gives its price."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import numpy as np
import pytest

from core.backtest.run import run_backtest
from core.market.candles.candles import Candles
from core.market.candles.timeframes import HOUR
from core.report.exit_told import ExitTold, exit_told
from core.strategy.chart import strategy_chart
from core.strategy.chart_values import Chart
from core.strategy.config.config import StrategyConfig
from core.strategy.config.parsing import parse_config
from core.trading.values import ExitReason, FillOn, Trade

START = 1_704_067_200_000  # 2024-01-01T00:00:00Z
BTC = "BTC/USDT"
NOT_KNOWN = "What that was made from is not known: "
OTHERWISE = f"{NOT_KNOWN}its settings and candles do not give the price at which it was left."


def config(**changes: Any) -> StrategyConfig:
    """Enters where the close is 100, and leaves by signal where it is 7."""
    base = {
        "name": "told",
        "symbols": [BTC],
        "timeframe": "1h",
        "indicators": [],
        "entry_conditions": [{"indicator": "close", "operator": "eq", "value": 100}],
        "exit_conditions": [{"indicator": "close", "operator": "eq", "value": 107}],
    }
    return parse_config(base | changes).config


def market(table: str) -> Candles:
    """Hourly candles: `open high low close`, parted by semicolons."""
    rows = np.array([[float(one) for one in row.split()] for row in table.split(";")])
    time = START + HOUR * np.arange(len(rows), dtype=np.int64)
    open_, high, low, close = rows.T
    return Candles(time, open_, high, low, close, np.full(len(rows), 2.0))


def chart(made: StrategyConfig, candles: Candles, trade: Trade) -> Chart:
    """What a host tells of a trade's candles."""
    count = (trade.exit_time - trade.signal_time) // HOUR + 1
    return strategy_chart(made, candles, None, trade.exit_time + 1, count)


def told(made: StrategyConfig, candles: Candles, **how: Any) -> ExitTold:
    """Of the one trade of a backtest."""
    (trade,) = run_backtest(made, {BTC: candles}, **how).trades
    return exit_told(trade, chart(made, candles, trade))


SIGNAL = "101 102 99 100; "  # the close that decides the entry

EXITS: dict[str, tuple[dict[str, Any], str, str]] = {
    "a stop that the low reaches": (
        {"stop_loss_pct": 2},
        "100 103 99 101; 101 102 97.5 99",
        "Stop 2% below the entry 100.00 = 98.00; the candle's low 97.50 reached it.",
    ),
    "a stop of a short, with slippage": (
        {"stop_loss_pct": 2, "slippage_pct": 0.5, "direction": "short"},
        "100 100.5 99 99.9; 101 103 100 102",
        "Stop 2% above the entry 99.50 = 101.49; the candle's high 103.00 reached it; left at "
        "102.00 with 0.5% slippage.",
    ),
    "a gap beyond the stop": (
        {"stop_loss_pct": 2},
        "100 103 99 101; 96 97 95 96",
        "Stop 2% below the entry 100.00 = 98.00; the candle opened beyond it, at 96.00.",
    ),
    "a target": (
        {"take_profit_pct": 3},
        "100 102 99 101; 101 104 100 103",
        "Target 3% above the entry 100.00 = 103.00; the candle's high 104.00 reached it.",
    ),
    "a gap beyond the target": (
        {"take_profit_pct": 3},
        "100 102 99 101; 105 106 104 105",
        "Target 3% above the entry 100.00 = 103.00; the candle opened beyond it, at 105.00, and a "
        "limit order fills at its own price.",
    ),
    "a target in the candle whose open lay beyond it before the entry": (
        {"take_profit_pct": 3, "entry": {"limit": "0.95 * close", "valid": 3}},
        "100 101 94 99",
        "Target 3% above the entry 95.0000 = 97.8500; the candle's close 99.0000 reached it.",
    ),
    "a trailing stop": (
        {"trailing_stop_pct": 5},
        "100 110 99 108; 108 109 103 104",
        "Trailing stop 5% below the highest price since entry 110.00 = 104.50; the candle's low "
        "103.00 reached it.",
    ),
    "a stop moved to the entry": (
        {"stop_loss_pct": 2, "break_even_at_r": 1},
        "100 102.5 99 101; 101 102 99.5 101",
        "Stop moved to the entry 100.00, once the price had come to 102.00, 1 times the risk "
        "beyond the entry; the candle's low 99.50 reached it.",
    ),
    "a swing": (
        {"stop": {"swing": 1}, "target": {"r": 9}},
        "100 102.5 99.5 101; 101 102 98 101",
        "Stop at the lowest low of 1 candle at the signal = 99.0000; the candle's low 98.0000 "
        "reached it.",
    ),
    "multiples of the risk": (
        {"stop": {"swing": 1}, "target": {"r": 2}},
        "100 101 99.5 101; 101 103 100.5 101",
        "Target 2 times the risk (1.00) above the entry 100.00 = 102.00; the candle's high 103.00 "
        "reached it.",
    ),
    "a level that trails": (
        {"stop": {"level": "low - 1", "trail": True}},
        "100 102 99.5 101; 102 104 101.5 103; 102 103 100 101",
        "Trailing stop at low - 1 at the close of 2024-01-01 02:00 = 100.50; the candle's low "
        "100.00 reached it.",
    ),
    "a target that falls with time": (
        {"roi": {"0": 9, "2h": 2}},
        "100 102 99.5 101; 101 101.5 100 101; 101 103 100 101",
        "Target 2% above the entry 100.00 from 2h after it on = 102.00; the candle's high 103.00 "
        "reached it.",
    ),
    "liquidation": (
        {"leverage": 10},
        "100 102 99.5 101; 101 101.5 90 91",
        "Liquidation of the entry 100.00 at leverage 10 with a maintenance margin of 0.5% = 90.50; "
        "the candle's low 90.00 reached it.",
    ),
    "liquidation at an open": (
        {"leverage": 10},
        "100 102 99.5 101; 85 86 84 85",
        "The candle opened at 85.0000, at its liquidation or beyond.",
    ),
    "the longest hold": (
        {"max_hold": 2},
        "100 102 99 101; 101 102 99 101; 103 104 102 103",
        "The longest hold, 2 candles, was over with the close of the candle 2024-01-01 02:00; left "
        "at the next open 103.00.",
    ),
    "the time to be flat": (
        {"flat_at": "02:30"},
        "100 102 99 101; 101 102 99 101; 103 104 102 103",
        "To be flat at 02:30 UTC was due with the close of the candle 2024-01-01 02:00; left at "
        "the next open 103.00.",
    ),
    "a signal": (
        {"slippage_pct": 1},
        "100 102 99 107; 110 111 109 110",
        "Its exit signal came with the close of the candle 2024-01-01 01:00; left at the next open "
        "110.00 with 1% slippage = 108.90.",
    ),
}


@pytest.mark.parametrize("name", EXITS)
def test_an_exit_is_told_with_what_its_price_was_made_from(name: str) -> None:
    changes, after, expected = EXITS[name]
    assert told(config(**changes), market(SIGNAL + after)).sentences == (expected,)


def test_the_close_that_ordered_an_exit_is_the_last_before_it_or_the_one_that_filled() -> None:
    candles = market(f"{SIGNAL}100 102 99 107; 110 111 109 110")
    assert told(config(), candles).decided == START + HOUR
    at_close = told(config(), candles, fill_on=FillOn.CLOSE)
    assert at_close.decided == START + HOUR
    assert at_close.sentences[0].endswith("left at that close 107.00.")
    later = candles.time + HOUR * np.array([0, 0, 5])  # nothing traded for five hours
    prices = candles.open, candles.high, candles.low, candles.close
    assert told(config(), Candles(later, *prices, candles.volume)).decided == START + HOUR
    stop = told(config(stop_loss_pct=1), market(f"{SIGNAL}100 102 90 95"))
    assert stop.decided is None, "a price closed it"


def test_a_candle_that_closed_as_it_opened_leaves_no_doubt_which_close_ordered_the_exit() -> None:
    candles = market(f"{SIGNAL}100 102 99 101; 107 108 105 107; 107 109 102 103")
    at_close = told(config(), candles, fill_on=FillOn.CLOSE)
    assert at_close.decided == START + 2 * HOUR
    assert at_close.sentences == (
        "Its exit signal came with the close of the candle 2024-01-01 02:00; left at that close "
        "107.00.",
    )
    assert told(config(), candles).sentences == (
        "Its exit signal came with the close of the candle 2024-01-01 02:00; left at the next open "
        "107.00.",
    )
    rested = told(config(entry={"limit": "close", "valid": 3}), candles, fill_on=FillOn.CLOSE)
    assert rested.decided is None, "its entry tells nothing of where its market orders fill"
    assert rested.sentences == ("Its exit signal came with a close; left at 107.00.",)


def test_each_part_has_its_target_and_doubts_are_told() -> None:
    parts = config(stop_loss_pct=5, target=[{"pct": 2, "close_pct": 50}, {"pct": 4}])
    candles = market(f"{SIGNAL}100 102.5 99 101; 101 105 94 101")
    assert told(parts, candles).sentences == (
        "Part 1: Target 2% above the entry 100.00 = 102.00.",
        "Stop 5% below the entry 100.00 = 95.00; the candle's low 94.00 reached it.",
        "Ambiguous: what came first inside that candle is not known, and the worse counts.",
    )


def test_what_the_candle_of_the_entry_reached_counts_as_it_did_when_the_next_opened_beyond() -> (
    None
):
    """A gap is left at its open, wherever the stop was: that price vouches for none."""
    trailing = {"trailing_stop_pct": 5}
    gap = "101 110 99 104; 90 91 89 90"

    def of(best: str, stop: str) -> tuple[str, ...]:
        start = f"Trailing stop 5% below the highest price since entry {best} = {stop}; "
        return (f"{start}the candle opened beyond it, at 90.00.",)

    at_open = market(f"{SIGNAL}{gap}")
    assert told(config(**trailing), at_open).sentences == of("110.00", "104.50")
    rested = config(**trailing, entry={"limit": "close", "valid": 3})
    assert told(rested, at_open).sentences == of("104.00", "98.80"), "filled inside it"
    behind = config(**trailing, entry={"limit": "1.01 * close", "valid": 3})
    assert told(behind, at_open).sentences == of("110.00", "104.50"), "filled at its open"
    before = market("101 110 99 100; 100 103 99 102; 90 91 89 90")
    at_close = told(config(**trailing), before, fill_on=FillOn.CLOSE)
    assert at_close.sentences == of("103.00", "97.85"), "entered at a close"

    (trade,) = run_backtest(config(**trailing), {BTC: at_open}).trades
    quoted = msgspec.structs.replace(trade, entry_filled_at=trade.entry_time + 90_000)
    (sentence,) = exit_told(quoted, chart(config(**trailing), at_open, quoted)).sentences
    assert sentence == (
        f"Left at 90.0000 for its trailing stop. {NOT_KNOWN}more than one price fits what is "
        "recorded."
    )


def by_the_market(price: float, **changes: Any) -> Trade:
    """A trade that quotes filled, left in the second candle after its signal."""
    (made,) = run_backtest(
        config(stop_loss_pct=2), {BTC: market(f"{SIGNAL}100 103 99 101; 101 102 97.5 99")}
    ).trades
    filled = {"exit_price": price, "exit_filled_at": made.exit_time + 90_000}
    return msgspec.structs.replace(made, **(filled | changes))


@pytest.mark.parametrize(
    ("settings", "changes", "expected"),
    [
        (
            {"stop_loss_pct": 2},
            {"price": 97.9},
            "Stop 2% below the entry 100.00 = 98.00; the market's price 97.90 reached it.",
        ),
        (
            {"trailing_stop_pct": 5},
            {"price": 97.8, "exit_reason": ExitReason.TRAILING_STOP, "candle_exit_price": 97.85},
            "Trailing stop 5% below the highest price since entry 103.00 = 97.85; the market's "
            "price 97.80 reached it.",
        ),
        (
            {"trailing_stop_pct": 5},  # what the candle of the entry reached before it counts not
            {
                "price": 95.7,
                "exit_reason": ExitReason.TRAILING_STOP,
                "candle_exit_price": 95.95,
                "entry_filled_at": START + HOUR + 60_000,
            },
            "Trailing stop 5% below the highest price since entry 101.00 = 95.95; the market's "
            "price 95.70 reached it.",
        ),
        (
            {"trailing_stop_pct": 5},  # nothing vouches for it yet: its candle has not closed
            {"price": 97.8, "exit_reason": ExitReason.TRAILING_STOP},
            f"Left at 97.8000 for its trailing stop. {OTHERWISE}",
        ),
        (
            {"take_profit_pct": 3},
            {"price": 103.0, "exit_reason": ExitReason.TAKE_PROFIT},
            "Target 3% above the entry 100.00 = 103.00; a price of the market reached it.",
        ),
        (
            {"max_hold": 9},
            {"price": 99.0, "exit_reason": ExitReason.MANUAL},
            "Closed by hand, not by the strategy; left at the market's price 99.0000.",
        ),
        (
            {"max_hold": 9},
            {"price": 99.0, "exit_reason": ExitReason.SIGNAL},
            "Its exit signal came with the close of the candle 2024-01-01 01:00; left at the "
            "market's price 99.0000.",
        ),
    ],
)
def test_an_exit_at_a_price_of_the_market_is_told_as_that(
    settings: dict[str, Any], changes: dict[str, Any], expected: str
) -> None:
    trade = by_the_market(**changes)
    candles = market(f"{SIGNAL}100 103 99 101; 101 102 97.5 99")
    assert exit_told(trade, chart(config(**settings), candles, trade)).sentences == (expected,)


def test_what_does_not_follow_from_what_is_recorded_is_not_told() -> None:
    candles = market(f"{SIGNAL}100 103 99 101; 101 102 97.5 99")
    made = config(stop_loss_pct=2)
    (trade,) = run_backtest(made, {BTC: candles}).trades
    known = chart(made, candles, trade)

    def said(trade: Trade, of: Chart) -> str:
        (sentence,) = exit_told(trade, of).sentences
        return sentence

    other = chart(config(stop_loss_pct=3), candles, trade)
    assert said(trade, other) == f"Left at 98.0000 for its stop loss. {OTHERWISE}"
    gone = msgspec.structs.replace(trade, exit_time=trade.exit_time + HOUR)
    assert said(gone, known) == "The candle in which it was left is not among those kept."
    assert "older version" in said(trade, Chart("1h", known.candles))
    assert "cannot be read: 1 problem" in said(
        trade, Chart("1h", known.candles, config={**(known.config or {}), "new_key": 1})
    )
    swing = config(stop={"swing": 1})
    short = strategy_chart(swing, candles, None, trade.exit_time + 1, 2)
    assert said(trade, short) == (
        f"Left at 98.0000 for its stop loss. {NOT_KNOWN}what it was made from is not known at the "
        "candle of its signal."
    )


def wild(seed: int) -> Candles:
    """Many candles with gaps of price, in which everything happens."""
    rng, count = np.random.default_rng(seed), 1_200
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, count)))
    gaps = np.where(rng.random(count) < 0.1, rng.normal(0, 0.01, count), 0)
    open_ = np.append(100.0, close[:-1]) * np.exp(gaps)
    high = np.maximum(open_, close) * (1 + np.abs(rng.normal(0, 0.004, count)))
    low = np.minimum(open_, close) * (1 - np.abs(rng.normal(0, 0.004, count)))
    time = START + HOUR * np.arange(count, dtype=np.int64)
    return Candles(time, open_, high, low, close, np.full(count, 2.0))


def rsi(operator: str, value: float, **more: str) -> list[dict[str, Any]]:
    return [{"indicator": "rsi", "operator": operator, "value": value, **more}]


LONG = {"entry_conditions": rsi("lt", 35), "exit_conditions": rsi("gt", 85)}
SHORT = {
    "direction": "short",
    "entry_conditions": rsi("gt", 65),
    "exit_conditions": rsi("lt", 15),
}
BOTH = {
    "direction": "both",
    "entry_conditions": rsi("lt", 25, direction="long") + rsi("gt", 75, direction="short"),
    "exit_conditions": [],
}
ATR = {"atr": {"period": 14, "multiplier": 2}}
STRATEGIES: tuple[dict[str, Any], ...] = (
    {**LONG, "stop_loss_pct": 2, "take_profit_pct": 3, "slippage_pct": 0.05},
    {**SHORT, "stop_loss_pct": 2, "take_profit_pct": 3},
    {**SHORT, "stop_loss_pct": 4, "trailing_stop_pct": 2, "slippage_pct": 0.1},
    {**LONG, "stop": ATR, "target": {"r": 1.5}},
    {**LONG, "stop": ATR, "target": [{"pct": 1, "close_pct": 50}, {"r": 2}]},
    {**SHORT, "stop": {**ATR, "trail": True}},
    {**LONG, "stop": {"swing": 4, "trail": True}, "target": ATR},
    {**LONG, "stop": {"level": "bollinger.lower", "trail": True}, "target": {"r": 3}},
    {**SHORT, "stop_loss_pct": 2, "break_even_at_r": 1, "take_profit_pct": 6},
    {**LONG, "stop_loss_pct": 5, "roi": {"0": 4, "3h": 2, "8h": 0.5}, "slippage_pct": 0.1},
    {**LONG, "max_hold": 5},
    {**LONG, "flat_at": "21:55"},
    {**SHORT, "leverage": 40, "max_hold": 40},
    {**BOTH, "stop_loss_pct": 9},
    {**LONG, "trailing_stop_pct": 1, "entry": {"limit": "0.995 * close", "valid": 3}},
    {**LONG, "trailing_stop_pct": 1, "entry": {"stop": "1.003 * close", "valid": 3}},
    {
        **LONG,
        **{"stop_loss_pct": 3, "take_profit_pct": 4, "break_even_at_r": 1, "trade_size_pct": 20},
        "adds": [{"at_pct": -1.5, "size_pct": 100}, {"at_pct": 1, "size_pct": 50}],
    },
)


@pytest.mark.parametrize("fill_on", FillOn)
def test_every_exit_of_a_backtest_follows_from_its_settings_and_candles(fill_on: FillOn) -> None:
    indicators = [
        {"name": "rsi", "params": {"period": 5}},
        {"name": "bollinger", "params": {"period": 8}},
    ]
    candles = wild(7)
    reasons: Counter[ExitReason] = Counter()
    for settings in STRATEGIES:
        made = config(indicators=indicators, **settings)
        for trade in run_backtest(made, {BTC: candles}, fill_on=fill_on).trades:
            found = exit_told(trade, chart(made, candles, trade))
            assert not any("not known: " in one for one in found.sentences), (settings, trade)
            ordered = trade.exit_reason.at_open
            assert (found.decided is not None) is ordered
            if ordered:
                where = "next open" if fill_on is FillOn.NEXT_OPEN else "that close"
                assert f"; left at {'the ' * (where == 'next open')}{where} " in found.sentences[-1]
            reasons[trade.exit_reason] += 1
    assert set(reasons) == set(ExitReason) - {ExitReason.MANUAL}
