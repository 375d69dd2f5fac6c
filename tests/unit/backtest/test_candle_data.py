"""The candle files of a strategy: what they must have, and what is said of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.backtest.candle_data import needs_volume, part_of, strategy_candles
from core.market.candles.durations import SpanError
from core.market.candles.timeframes import Timeframe
from core.market.files.errors import CandleFileError
from core.strategy.config.config import StrategyConfig
from core.strategy.config.parsing import parse_config
from tests.unit.backtest.test_skipping import walk

START = 1_704_067_200_000
HOUR = 3_600_000


def strategy(indicator: dict[str, Any], condition: dict[str, Any]) -> StrategyConfig:
    raw = {
        "name": "x",
        "symbols": ["BTC/USDT"],
        "timeframe": "1h",
        "indicators": [{"name": "ema", "key": "e"}, indicator],
        "entry_conditions": [{"indicator": "close", "operator": "gt", "value": "e"}, condition],
        "exit_conditions": [{"indicator": "close", "operator": "lt", "value": "e"}],
    }
    return parse_config(raw).config


PRICES_ALONE = strategy({"name": "rsi"}, {"indicator": "rsi", "operator": "lt", "value": 50})
OF_VOLUME = {
    "series": strategy({"name": "rsi"}, {"indicator": "volume", "operator": "gt", "value": 5}),
    "obv": strategy({"name": "obv"}, {"indicator": "obv", "operator": "gt", "value": 5}),
    "mfi": strategy({"name": "mfi"}, {"indicator": "mfi", "operator": "gt", "value": 5}),
    "vwap": strategy({"name": "vwap"}, {"indicator": "vwap", "operator": "gt", "value": 5}),
}


@pytest.mark.parametrize("name", OF_VOLUME)
def test_a_strategy_that_looks_at_volumes_needs_them(name: str) -> None:
    assert needs_volume(OF_VOLUME[name])


def test_a_strategy_of_prices_needs_no_volume_whatever_it_lists() -> None:
    assert not needs_volume(PRICES_ALONE)
    assert not needs_volume(
        strategy({"name": "obv"}, {"indicator": "hour", "value": 9, "operator": "gt"})
    )


def test_an_indicator_that_is_waited_for_without_end_needs_volumes() -> None:
    assert needs_volume(
        strategy({"name": "vwap"}, {"indicator": "hour", "value": 9, "operator": "gt"})
    )


def test_a_file_without_volumes_is_for_a_strategy_of_prices_alone(tmp_path: Path) -> None:
    path = tmp_path / "ETHUSDT-1h.csv"
    rows = [f"{START + n * HOUR},10,11,9,10" for n in range(30)]
    path.write_text("\n".join(["time,open,high,low,close", *rows]))
    candles, notes = strategy_candles(PRICES_ALONE, {"BTC/USDT": path})
    assert len(candles["BTC/USDT"]) == 30
    assert np.array_equal(candles["BTC/USDT"].volume, np.zeros(30))
    assert notes == [
        "ETHUSDT-1h.csv: has no volumes, at which the strategy does not look",
        "ETHUSDT-1h.csv: its name says ETH/USDT, where BTC/USDT was asked for",
    ]
    with pytest.raises(CandleFileError, match="has no volumes, at which the strategy looks"):
        strategy_candles(OF_VOLUME["obv"], {"BTC/USDT": path})


def test_the_order_of_columns_is_told_for_every_file(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    rows = [f"{START + n * HOUR},10,10.5,11,9,1" for n in range(30)]
    path.write_text("\n".join(rows))
    with pytest.raises(CandleFileError, match="--columns time,open,close,high,low,volume"):
        strategy_candles(PRICES_ALONE, {"BTC/USDT": path})
    order = "time,open,close,high,low,volume"
    candles, _ = strategy_candles(PRICES_ALONE, {"BTC/USDT": path}, order)
    assert candles["BTC/USDT"].at(0)[1:] == (10, 11, 9, 10.5, 1)


def test_a_period_of_a_file_is_a_part_of_it_with_the_warm_up_before() -> None:
    whole = {"BTC/USDT": walk(1, 500, 0.01, 0.95)}
    times = whole["BTC/USDT"].time
    first, last = int(times[0]), int(times[-1])
    end = last + HOUR
    part = part_of(whole, Timeframe.H1, "5d", warmup=30)
    assert part.span == (end - 120 * HOUR, end)
    assert part.candles["BTC/USDT"].time.tolist() == times[times >= end - 150 * HOUR].tolist()
    early = part_of(whole, Timeframe.H1, "5d", warmup=30, span=(first + 10 * HOUR, end - HOUR))
    assert early.candles["BTC/USDT"].time.tolist() == times[:-1].tolist(), "as far as there is any"
    with pytest.raises(SpanError, match="no candles of BTC/USDT in the period 5d: the files have"):
        part_of(whole, Timeframe.H1, "5d", warmup=30, span=(end, end + HOUR))
