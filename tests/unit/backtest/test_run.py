"""What a backtest says of itself beside its trades."""

from __future__ import annotations

from typing import Any

import pytest

from core.backtest.run import run_backtest
from core.market.candles.candles import Candle, Candles
from core.market.candles.timeframes import HOUR
from core.report.result import RunResult
from core.strategy.config.parsing import parse_config


def hours(*prices: float, first: int = 0) -> Candles:
    """A candle of one price for each hour from the hour `first` on."""
    return Candles.of(
        Candle(hour * HOUR, price, price, price, price, 1.0)
        for hour, price in enumerate(prices, start=first)
    )


def run(candles: dict[str, Candles], **changes: Any) -> RunResult:
    """A strategy that enters at once and never leaves, with changes."""
    raw = {
        "name": "holds",
        "symbols": list(candles),
        "timeframe": "1h",
        "entry_conditions": [{"indicator": "close", "operator": "gt", "value": 1}],
        "max_hold": 1000,
    }
    return run_backtest(parse_config({**raw, **changes}).config, candles)


def test_the_diagnosis_of_a_run_that_never_left_its_position_says_so() -> None:
    result = run({"BTC/USDT": hours(100, 100, 100)})
    assert len(result.open_trades) == 1
    assert result.diagnosis is not None
    assert result.diagnosis["summary"] == (
        "the entry held on 3 of 3 candles; 1 position is still open"
    )


def test_the_diagnosis_of_an_entry_at_the_last_close_says_that_it_came_too_late() -> None:
    diagnosis = run({"BTC/USDT": hours(0.5, 0.5, 100)}).diagnosis
    assert diagnosis is not None
    assert "none could still be filled" in str(diagnosis["summary"])


def test_a_symbol_first_seen_after_the_run_has_stopped_is_no_part_of_the_benchmark() -> None:
    late = hours(50, 70, first=9)
    stopped = run({"BTC/USDT": hours(100, 100, 80, 80), "ETH/USDT": late}, max_drawdown_pct=10)
    assert len(stopped.times) == 3
    assert stopped.metrics.benchmark_return_pct == pytest.approx(-20)


def test_the_diagnosis_names_the_value_that_came_closest_on_any_symbol() -> None:
    never = [{"indicator": "close", "operator": "gt", "value": 1000}]
    candles = {"BTC/USDT": hours(100, 900, 100), "ETH/USDT": hours(50, 60, 70)}
    diagnosis = run(candles, entry_conditions=never).diagnosis
    assert diagnosis is not None
    assert "close > 1000 never held on " in str(diagnosis["summary"])
    assert str(diagnosis["summary"]).endswith("it came closest at 900")


@pytest.mark.parametrize(("entry", "told"), [(1, 1), (60, 0)])
def test_exits_that_entries_always_cancel_are_told(entry: float, told: int) -> None:
    result = run(
        {"BTC/USDT": hours(100, 80, 50, 100)},
        entry_conditions=[{"indicator": "close", "operator": "gte", "value": entry}],
        exit_conditions=[{"indicator": "close", "operator": "lt", "value": 90}],
    )
    (*_, said) = [one for one in result.warnings if "no exit condition acts" in one] or [""]
    assert ("on all 2 candles on which one holds the entry conditions hold too" in said) == told
