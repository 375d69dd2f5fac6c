"""What did a run come to? One shape for backtest, replay and session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.market.candles import Floats, Times
from core.report.benchmark import buy_and_hold_pct
from core.report.metrics import Metrics, compute_metrics
from core.strategy.config import StrategyConfig
from core.trading.values import Event, FillOn, OpenTrade, Trade


@dataclass(frozen=True, slots=True, eq=False)
class RunResult:
    """The outcome of one run of a strategy.

    `times`, `equity`: open time of every candle on which the run decided (UTC ms, increasing) and
    the equity marked at its close, shapes (n,). `trades`: the closed ones, in exit order.
    `ambiguous_return_pct`: the total return had every ambiguous candle met the target first; None
    when no trade is ambiguous. `diagnosis` explains a run without trades. `warnings` are sentences.
    `happened`: what a backtest did, in order; a session has a journal for that.
    """

    config: StrategyConfig
    fill_on: FillOn
    times: Times
    equity: Floats
    metrics: Metrics
    trades: tuple[Trade, ...]
    open_trades: tuple[OpenTrade, ...]
    warnings: tuple[str, ...] = ()
    ambiguous_return_pct: float | None = None
    diagnosis: Mapping[str, object] | None = None
    happened: tuple[Event, ...] = ()

    @property
    def starting_balance(self) -> float:
        """Equity before the first candle."""
        return self.config.starting_balance

    @property
    def ending_balance(self) -> float:
        """Equity at the last close."""
        return float(self.equity[-1]) if len(self.equity) else self.starting_balance


def run_result(
    config: StrategyConfig,
    *,
    times: Times,
    equity: Floats,
    exposed: int,
    trades: Sequence[Trade],
    open_trades: Sequence[OpenTrade],
    benchmark_prices: Iterable[tuple[float, float]],
    fill_on: FillOn = FillOn.NEXT_OPEN,
    warnings: Sequence[str] = (),
    ambiguous_return_pct: float | None = None,
    diagnosis: Mapping[str, object] | None = None,
    happened: Sequence[Event] = (),
) -> RunResult:
    """The result of a run, its metrics counted: of its parts as `RunResult` has them, and of these.

    Args:
        exposed: how many of the candles had a position.
        benchmark_prices: of each symbol, the open of its first and the close of its last candle
            decided on (`buy_and_hold_pct`).
    """
    metrics = compute_metrics(
        trades,
        times,
        equity,
        config.starting_balance,
        config.timeframe,
        exposed,
        buy_and_hold_pct(benchmark_prices),
    )
    return RunResult(
        config,
        fill_on,
        times,
        equity,
        metrics,
        tuple(trades),
        tuple(open_trades),
        tuple(warnings),
        ambiguous_return_pct,
        diagnosis,
        tuple(happened),
    )
