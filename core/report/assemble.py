"""How do the parts of a run become its result? The same for a backtest, a replay and a session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from core.market.candles import Floats, Times
from core.report.benchmark import buy_and_hold_pct
from core.report.metrics import compute_metrics
from core.report.quality import quality_flags
from core.report.result import RunResult
from core.report.result_json import metrics_to_json
from core.strategy.config import StrategyConfig
from core.trading.values import Event, FillOn, OpenTrade, Trade


def assemble_result(
    config: StrategyConfig,
    *,
    times: Times,
    equity: Floats,
    exposed: int,
    trades: Sequence[Trade],
    open_trades: Sequence[OpenTrade],
    starting_balance: float,
    benchmark_prices: Iterable[tuple[float, float]],
    fill_on: FillOn = FillOn.NEXT_OPEN,
    warnings: Sequence[str] = (),
    ambiguous_return_pct: float | None = None,
    diagnosis: Mapping[str, object] | None = None,
    happened: Sequence[Event] = (),
) -> RunResult:
    """The result of a run, with its metrics counted and its warning signs raised.

    Args:
        config: the strategy that ran.
        times: open times of the candles decided on, UTC ms, increasing; shape (n,).
        equity: equity marked at those candles' closes; shape (n,).
        exposed: how many of the candles had a position.
        trades: the closed trades, in exit order.
        open_trades: the positions left open.
        starting_balance: equity before the first candle.
        benchmark_prices: of each symbol, the open of its first and the close of its last candle
            decided on (`buy_and_hold_pct`).
        fill_on: where market orders filled.
        warnings: sentences about the run.
        ambiguous_return_pct: the total return had ambiguous candles met the target first.
        diagnosis: why there was no trade (`core.report.diagnosis`), if there was none.
        happened: what the run did, in order, where nothing else tells it.
    """
    metrics = compute_metrics(
        trades,
        times,
        equity,
        starting_balance,
        config.timeframe,
        exposed,
        buy_and_hold_pct(benchmark_prices),
    )
    return RunResult(
        config=config,
        fill_on=fill_on,
        times=times,
        equity=equity,
        exposed=exposed,
        starting_balance=starting_balance,
        ending_balance=float(equity[-1]) if len(equity) else starting_balance,
        metrics=metrics,
        trades=tuple(trades),
        open_trades=tuple(open_trades),
        warnings=tuple(warnings),
        quality_flags=quality_flags(metrics_to_json(metrics)),
        ambiguous_return_pct=ambiguous_return_pct,
        diagnosis=diagnosis,
        happened=tuple(happened),
    )
