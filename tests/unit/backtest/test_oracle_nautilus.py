"""The trades of Nautilus Trader's BacktestEngine on real candles, under `fill_on: close`.

It is told signals, stops and targets of our making, in a process of its own
(`nautilus_backtest.py`); when and at what price orders fill is its own. Sizes and fees are not
compared. Where a stop and a target lie in one candle, ours takes the stop and marks the trade
ambiguous, and Nautilus goes by its own idea of the way within a candle.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.backtest.run import run_backtest
from core.market.candles.candles import Candles
from core.market.candles.timeframes import Timeframe
from core.strategy.config.conditions import Condition, Direction, Operator, Reference
from core.strategy.config.config import IndicatorSpec, StrategyConfig
from core.trading.nautilus.process import ENVIRONMENT_VARIABLE
from core.trading.values import FillOn
from tests.unit.backtest.test_oracle_trades import candles_of, flags_of, rsi_strategy

PYTHON = os.environ.get(ENVIRONMENT_VARIABLE)
CHILD = Path(__file__).with_name("nautilus_backtest.py")
pytestmark = [
    pytest.mark.oracle,
    pytest.mark.shared_data,
    pytest.mark.skipif(
        not PYTHON, reason=f"no interpreter with Nautilus is named in ${ENVIRONMENT_VARIABLE}"
    ),
]


def crossing(timeframe: Timeframe, **exits: Any) -> StrategyConfig:
    """In while a fast average is above a slow one."""
    return replace(
        rsi_strategy(timeframe, Direction.LONG, **exits),
        indicators=(
            IndicatorSpec("ema", "fast", {"period": 12}),
            IndicatorSpec("ema", "slow", {"period": 50}),
        ),
        entry_conditions=(Condition(Reference("fast"), Operator.CROSS_ABOVE, Reference("slow")),),
        exit_conditions=(Condition(Reference("fast"), Operator.CROSS_BELOW, Reference("slow")),),
    )


def theirs(config: StrategyConfig, candles: Candles) -> list[dict[str, Any]]:
    """The trades that Nautilus makes of the signals of `config`."""
    enter, leave = flags_of(config, candles)
    prices = (candles.time, candles.open, candles.high, candles.low, candles.close)
    told = {
        "rows": list(zip(*(column.tolist() for column in prices), strict=True)),
        "entry": enter.tolist(),
        "exit": leave.tolist(),
        "span": config.timeframe.ms,
        "side": config.direction.value,
        "stop": None if config.stop_loss_pct is None else config.stop_loss_pct / 100,
        "target": None if config.take_profit_pct is None else config.take_profit_pct / 100,
    }
    assert PYTHON is not None
    done = subprocess.run(
        [PYTHON, "-P", str(CHILD)],
        input=json.dumps(told),
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


BOTH = {"stop_loss_pct": 1.5, "take_profit_pct": 3.0}


@pytest.mark.parametrize(
    ("file", "config"),
    [
        ("BTCUSDT-15m.csv.gz", rsi_strategy(Timeframe.M15, Direction.LONG, **BOTH)),
        ("BTCUSDT-15m.csv.gz", rsi_strategy(Timeframe.M15, Direction.SHORT, **BOTH)),
        ("ETHUSDT-5m.csv.gz", rsi_strategy(Timeframe.M5, Direction.LONG)),
        ("ETHUSDT-5m.csv.gz", crossing(Timeframe.M5, stop_loss_pct=0.7)),
        ("ADAUSDT-1m.csv.gz", crossing(Timeframe.M1, stop_loss_pct=0.3, take_profit_pct=0.6)),
    ],
    ids=["rsi long", "rsi short", "rsi without stops", "averages", "averages on 1m"],
)
def test_trades_equal_those_of_nautilus(
    shared_data: Path, file: str, config: StrategyConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    candles = candles_of(shared_data / file)
    ours = run_backtest(config, {"BTC/USDT": candles}, fill_on=FillOn.CLOSE).trades
    found = theirs(config, candles)
    assert len(found) == len(ours) > 20
    ambiguous = 0
    for their, our in zip(found, ours, strict=True):
        assert candles.time[their["entered"]] == our.entry_time
        assert their["entry"] == pytest.approx(our.entry_price, rel=1e-9)
        if our.ambiguous:
            ambiguous += 1
            continue
        assert their["why"] == our.exit_reason.value, our
        assert their["exit"] == pytest.approx(our.exit_price, rel=1e-9), our
    assert ambiguous < 0.1 * len(ours)
    with capsys.disabled():
        print(f"\n{file}: {len(ours)} trades as Nautilus', {ambiguous} of them ambiguous")
