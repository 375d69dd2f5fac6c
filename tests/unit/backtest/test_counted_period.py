"""What counts of a run: candles that may decide, candles held in, entries that were refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.backtest.run import run_backtest
from core.market.candles.candles import Candles
from core.report.result import RunResult, result_to_json
from core.session.alignment import moments_of
from core.session.runner import Runner
from core.strategy.config.config import StrategyConfig
from core.strategy.config.parsing import parse_config
from core.trading.values import ExitReason, FillOn, Fills, Obstacle

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_704_067_200_000  # 2024-01-01T00:00:00Z

ENTER_AT_7 = {"indicator": "volume", "operator": "eq", "value": 7}
LEAVE_AT_9 = {"indicator": "volume", "operator": "eq", "value": 9}


def strategy(**changes: Any) -> StrategyConfig:
    raw: dict[str, Any] = {
        "name": "counted",
        "symbols": ["BTC/USDT"],
        "timeframe": "1h",
        "entry_conditions": [ENTER_AT_7],
        "exit_conditions": [LEAVE_AT_9],
        "fees": 0,
    }
    return parse_config(raw | changes).config


def candles(*rows: tuple[float, float, float, float, float], step: int = HOUR) -> Candles:
    """Candles of (open, high, low, close, volume), one after another."""
    columns = np.array(rows, dtype=np.float64).reshape(-1, 5).T
    times = START + np.arange(len(rows), dtype=np.int64) * step
    return Candles(times, *(np.ascontiguousarray(column) for column in columns))


def both_ways(config: StrategyConfig, history: dict[str, Candles]) -> RunResult:
    """The backtest, after making sure that candle by candle comes to the same."""
    at_once = run_backtest(config, history)
    run = Runner(config, {}, Fills.CANDLE, decide_from=None)
    for moment in moments_of([list(history[symbol]) for symbol in config.symbols]):
        run.moment(moment)
    one_by_one = run.result(())
    assert at_once.trades == one_by_one.trades
    assert at_once.times.tolist() == one_by_one.times.tolist()
    assert at_once.equity.tolist() == one_by_one.equity.tolist()
    assert at_once.metrics == one_by_one.metrics
    assert at_once.refused == one_by_one.refused
    return at_once


def rising_then_flat() -> Candles:
    """Twice the price while an average of 200 candles warms up, half a per cent after."""
    closes = np.concatenate((np.linspace(100, 200, 200), np.linspace(200, 201, 201)))
    opens = np.concatenate((closes[:1], closes[:-1]))
    rows = zip(opens, np.maximum(opens, closes), opens, closes, np.ones(401), strict=True)
    return candles(*rows, step=DAY)


ABOVE_SMA: dict[str, Any] = {
    "timeframe": "1d",
    "indicators": [{"name": "sma", "params": {"period": 200}}],
    "entry_conditions": [{"indicator": "close", "operator": "gt", "value": "sma"}],
    "exit_conditions": [],
    "max_hold": 100_000,
}


def test_a_result_begins_with_the_first_candle_that_may_decide() -> None:
    history = rising_then_flat()
    result = both_ways(strategy(**ABOVE_SMA), {"BTC/USDT": history})
    assert result.times.tolist() == history.time[199:].tolist()
    open_, close = history.open.item(199), history.close.item(400)
    assert result.metrics.benchmark_return_pct == pytest.approx((close / open_ - 1) * 100)
    assert result.metrics.exposure_pct == pytest.approx(201 / 202 * 100)


def test_a_bound_before_the_first_known_signal_moves_nothing() -> None:
    history = {"BTC/USDT": rising_then_flat()}
    config = strategy(**ABOVE_SMA)
    free = run_backtest(config, history)
    bound = run_backtest(config, history, decide_from=START + 10 * DAY)
    assert bound.metrics == free.metrics
    later = run_backtest(config, history, decide_from=START + 300 * DAY)
    assert later.times.tolist() == history["BTC/USDT"].time[300:].tolist()


def test_the_first_symbol_that_may_decide_begins_the_run_for_all() -> None:
    long, short = rising_then_flat(), rising_then_flat().slice(150)
    config = strategy(**ABOVE_SMA | {"symbols": ["BTC/USDT", "ETH/USDT"], "trade_size_pct": 50})
    result = both_ways(config, {"BTC/USDT": long, "ETH/USDT": short})
    assert result.times.tolist() == long.time[199:].tolist()


def test_where_nothing_may_decide_nothing_is_counted() -> None:
    result = both_ways(strategy(**ABOVE_SMA), {"BTC/USDT": rising_then_flat().slice(0, 150)})
    assert len(result.times) == 0
    assert result.ending_balance == result.starting_balance
    assert result.metrics.metrics_undefined["benchmark_return_pct"] == "no candles to buy and hold"
    said = run_backtest(strategy(**ABOVE_SMA), {"BTC/USDT": rising_then_flat().slice(0, 150)})
    assert "too few candles" in str((said.diagnosis or {})["summary"])


def test_a_trade_that_ends_inside_its_entry_candle_is_exposure() -> None:
    config = strategy(take_profit_pct=1, stop_loss_pct=50)
    history = candles(
        (100, 100, 100, 100, 7), (100, 102, 100, 101, 7), (101, 103, 101, 102, 7),
        (102, 104, 102, 103, 1),
    )  # fmt: skip
    result = both_ways(config, {"BTC/USDT": history})
    assert [trade.exit_reason for trade in result.trades] == [ExitReason.TAKE_PROFIT] * 3
    assert result.metrics.exposure_pct == 75.0


QUIET = (100, 100, 100, 100, 1)
ENTER = (100, 100, 100, 100, 7)
LEAVE = (100, 100, 100, 100, 9)


@pytest.mark.parametrize(
    ("rows", "changes", "held"),
    [
        # Entered at the open of the second candle, left at the open of the fourth.
        ([ENTER, QUIET, LEAVE, QUIET], {}, 2),
        # Left inside the fourth: it counts.
        ([ENTER, QUIET, QUIET, (100, 100, 90, 100, 1)], {"stop_loss_pct": 5}, 3),
        # Still open at the end.
        ([QUIET, ENTER, QUIET, QUIET], {}, 2),
        ([QUIET, QUIET, QUIET, QUIET], {}, 0),
    ],
)
def test_exposure_counts_the_candles_a_position_was_held_in(
    rows: list[tuple[float, float, float, float, float]], changes: dict[str, Any], held: int
) -> None:
    result = both_ways(strategy(**changes), {"BTC/USDT": candles(*rows)})
    assert result.metrics.exposure_pct == held / 4 * 100


def test_what_a_close_fills_is_held_from_the_next_candle_to_the_one_it_leaves_at() -> None:
    history = {"BTC/USDT": candles(ENTER, QUIET, LEAVE, QUIET)}
    result = run_backtest(strategy(), history, fill_on=FillOn.CLOSE)
    assert result.metrics.exposure_pct == 50.0


def test_two_symbols_held_at_once_are_one_exposure() -> None:
    config = strategy(symbols=["BTC/USDT", "ETH/USDT"], trade_size_pct=40)
    history = {
        "BTC/USDT": candles(ENTER, QUIET, LEAVE, QUIET, QUIET),
        "ETH/USDT": candles(QUIET, ENTER, QUIET, LEAVE, QUIET),
    }
    assert both_ways(config, history).metrics.exposure_pct == 60.0


def test_an_entry_decided_at_the_end_of_a_halted_day_fills_on_the_next() -> None:
    quiet = [QUIET] * 19
    day = [ENTER, (100, 100, 90, 95, 1), ENTER, *quiet, (95, 95, 95, 95, 7), (95, 95, 95, 95, 7)]
    history = candles(*day, QUIET, QUIET)
    config = strategy(stop_loss_pct=5, max_daily_loss_pct=3)
    result = both_ways(config, {"BTC/USDT": history})
    assert [trade.entry_time for trade in result.trades] == [START + HOUR]
    assert [trade.entry_time for trade in result.open_trades] == [START + DAY]
    assert result.refused == {Obstacle.RISK_LIMIT: 2}


def test_entries_without_balance_are_counted_and_warned_of() -> None:
    config = strategy(symbols=["BTC/USDT", "ETH/USDT"])
    history = {
        "BTC/USDT": candles(ENTER, QUIET, QUIET, LEAVE, QUIET, QUIET),
        "ETH/USDT": candles(QUIET, ENTER, ENTER, QUIET, ENTER, QUIET),
    }
    result = both_ways(config, history)
    assert result.refused == {Obstacle.BALANCE: 2}
    (warning,) = result.warnings
    assert warning == (
        "2 entry signals were refused for lack of free balance: trade_size_pct 100 on 2 symbols is "
        "more than the account holds; up to 50 leaves room for all of them"
    )
    assert result_to_json(result)["refused"] == {"balance": 2}
