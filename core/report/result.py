"""What did a run come to? One shape for backtest, replay and session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.market.candles import Floats, Times
from core.report.metrics import Metrics
from core.strategy.config import StrategyConfig
from core.trading.values import Event, FillOn, OpenTrade, Trade


@dataclass(frozen=True, slots=True, eq=False)
class RunResult:
    """The outcome of one run of a strategy.

    `times`, `equity`: open time of every candle on which the run decided (UTC ms) and the equity
    marked at its close, both of length `candles`. `exposed`: how many of those had a position.
    `ambiguous_return_pct`: the total return had every ambiguous candle met the target first; None
    when no trade is ambiguous. `diagnosis` explains a run without trades. `warnings` are sentences.
    `happened`: what a backtest did, in order; a session has a journal for that.
    """

    config: StrategyConfig
    fill_on: FillOn
    times: Times
    equity: Floats
    exposed: int
    starting_balance: float
    ending_balance: float
    metrics: Metrics
    trades: tuple[Trade, ...]
    open_trades: tuple[OpenTrade, ...]
    warnings: tuple[str, ...] = ()
    quality_flags: tuple[str, ...] = ()
    ambiguous_return_pct: float | None = None
    diagnosis: Mapping[str, object] | None = None
    happened: tuple[Event, ...] = ()
