"""Holds the result of a run, in one shape for backtest, replay and session, and its JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
import numpy as np

from core.market.candles.candles import Floats, Times
from core.market.candles.timeframes import DAY
from core.report.curves import kept_points
from core.report.equity import Equity
from core.report.exposure import exposed_candles
from core.report.metrics import (
    Metrics,
    buy_and_hold_pct,
    compute_metrics,
    daily_returns,
    day_ends,
)
from core.report.monthly import monthly_returns
from core.report.quality import quality_flags
from core.report.trade_columns import TradeColumns
from core.strategy.config.config import StrategyConfig
from core.text import counted
from core.time_format import iso_time, parse_time
from core.trading.rules import RULES_VERSION
from core.trading.values import Addition, Event, FillOn, Obstacle, OpenTrade, Trade, TradePart


@dataclass(frozen=True, slots=True, eq=False)
class RunResult:
    """The outcome of one run of a strategy.

    `times`, `marked`: open time of every candle on which the run decided (UTC ms, increasing;
    shape (n,)) and the equity at its close. `day_ends`: that at the ends of UTC days. `closed`:
    the closed trades, in exit order.
    `ambiguous_return_pct`: the total return had every ambiguous candle met the target first; None
    when no trade is ambiguous. `diagnosis` explains a run without trades. `warnings` are sentences.
    `told`: gives what a backtest did, in order; a session has a journal for that. `refused`: how
    many entries came to nothing, by what kept them from it.
    """

    config: StrategyConfig
    fill_on: FillOn
    times: Times
    marked: Equity
    day_ends: Floats
    metrics: Metrics
    closed: TradeColumns
    open_trades: tuple[OpenTrade, ...]
    warnings: tuple[str, ...] = ()
    ambiguous_return_pct: float | None = None
    diagnosis: Mapping[str, object] | None = None
    told: Callable[[], Sequence[Event]] = tuple
    refused: Mapping[Obstacle, int] = field(default_factory=dict)

    @property
    def trades(self) -> tuple[Trade, ...]:
        """The closed trades, in exit order; made when first asked for."""
        return self.closed.trades

    @property
    def happened(self) -> tuple[Event, ...]:
        """What a backtest did, in order; found out anew whenever it is asked for."""
        return tuple(self.told())

    @property
    def equity(self) -> Floats:
        """The equity marked at every close, shape (n,); made when first asked for."""
        return self.marked.whole()

    @property
    def starting_balance(self) -> float:
        """Equity before the first candle."""
        return self.config.starting_balance

    @property
    def ending_balance(self) -> float:
        """Equity at the last close."""
        return float(self.day_ends[-1]) if len(self.day_ends) else self.starting_balance

    @property
    def daily_returns(self) -> Floats:
        """The return of each UTC day, fractions; 0 on days that begin with nothing left.

        Shape (days,), from the first day to the last that it decided on.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            returns = daily_returns(self.day_ends, self.starting_balance)
        if np.isfinite(returns).all():
            return returns
        return np.nan_to_num(returns, nan=0.0, posinf=0.0, neginf=0.0)

    @property
    def last_day(self) -> int:
        """The UTC day of its last close, counted from 1970; 0 for a run without candles."""
        if not len(self.times):
            return 0
        return (int(self.times[-1]) + self.config.timeframe.ms - 1) // DAY


def run_result(
    config: StrategyConfig,
    *,
    times: Times,
    equity: Equity,
    closed: TradeColumns,
    open_trades: Sequence[OpenTrade],
    benchmark_prices: Iterable[tuple[float, float]],
    fill_on: FillOn = FillOn.NEXT_OPEN,
    refused: Mapping[Obstacle, int] | None = None,
    capped: int = 0,
    warnings: Sequence[str] = (),
    ambiguous_return_pct: float | None = None,
    diagnosis: Mapping[str, object] | None = None,
    told: Callable[[], Sequence[Event]] = tuple,
    exposed: int | None = None,
) -> RunResult:
    """The result of a run, its metrics counted: of its parts as `RunResult` has them, and of these.

    Args:
        closed: the closed trades, in exit order.
        benchmark_prices: of each symbol, the open of its first and the close of its last candle
            decided on (`buy_and_hold_pct`).
        refused: how many entries came to nothing, by what kept them from it; the result says so.
        capped: how many entries the free balance made smaller than the strategy asked for.
        exposed: in how many candles a position was held, where that is more than these tell: of
            parts that each ended with positions still open. None: counted.
    """
    if exposed is None:
        exposed = exposed_candles(times, closed, open_trades, fill_on)
    daily = day_ends(times, equity, config.timeframe)
    metrics = compute_metrics(
        closed,
        times,
        equity,
        daily,
        config.starting_balance,
        config.timeframe,
        exposed,
        buy_and_hold_pct(benchmark_prices),
        config.slippage_pct,
        config.orders,
    )
    return RunResult(
        config,
        fill_on,
        times,
        equity,
        daily,
        metrics,
        closed,
        tuple(open_trades),
        (*warnings, *_refusals(config, refused or {}, capped)),
        ambiguous_return_pct,
        diagnosis,
        told,
        dict(refused or {}),
    )


def _refusals(
    config: StrategyConfig, refused: Mapping[Obstacle, int], capped: int
) -> Iterator[str]:
    """Sentences on entries that the strategy wanted and the account or the market did not allow."""
    adds = bool(config.orders.adds)
    if lacking := refused.get(Obstacle.BALANCE):
        size, symbols = config.trade_size_pct, len(config.symbols)
        why = ""
        if config.orders.sized_by_equity and size * symbols > 100:
            why = (
                f": trade_size_pct {size:g} on {symbols} symbols is more than the account holds; "
                f"up to {100 / symbols:.4g} leaves room for all of them"
            )
        yield f"{_signals(lacking, adds=adds)} refused for lack of free balance{why}"
    if forbidden := refused.get(Obstacle.FILTER):
        told = _signals(forbidden, adds=adds)
        yield f"{told} refused by the market's order limits: too small an order"
    for obstacle, why in _OWN_LIMITS.items():
        if count := refused.get(obstacle):
            yield f"{_signals(count, adds=adds and obstacle in _OF_ADDS)} refused {why}"
    if capped:
        entered = counted(capped, "entry was", "entries were")
        yield f"{entered} smaller than asked for: the free balance allowed no more"


_OWN_LIMITS = {
    Obstacle.PRICE: "as a stop or target was not known, or on the wrong side of the entry",
    Obstacle.RISK_LIMIT: "after the daily loss limit was reached (max_daily_loss_pct)",
    Obstacle.HOURS: "outside the hours of the strategy (hours, weekdays, flat_at)",
    Obstacle.COOLDOWN: "within the cooldown after a trade",
    Obstacle.TRADES_PER_DAY: "by max_trades_per_day",
    Obstacle.PAUSED: "while entries were paused or, in their symbol, blocked by hand",
    Obstacle.UNFILLED: "as the price of the order was not reached in its time",
}


_OF_ADDS = frozenset({Obstacle.RISK_LIMIT, Obstacle.PAUSED})
"""Of these, what refuses an add, too; so do balance and market."""


def _signals(count: int, *, adds: bool) -> str:
    """Each is of one candle: conditions that go on to hold while entries are refused, ask again.

    `adds`: it may also be one to a position.
    """
    if adds:
        return counted(count, "entry signal or add was", "entry signals or adds were")
    return counted(count, "entry signal was", "entry signals were")


Json = dict[str, object]
_Made = TypeVar("_Made", Trade, OpenTrade)
_TIMES = ("signal_time", "entry_time", "exit_time", "entry_filled_at", "exit_filled_at")
_WHERE_KNOWN = (
    "seen_late",
    "entry_filled_at",
    "exit_filled_at",
    "candle_entry_price",
    "candle_exit_price",
    "parts",
    "entries",
    "by_hand",
)
_PART_TIMES = ("time", "filled_at")


def result_to_json(result: RunResult, *, equity: bool = False, whole: bool = True) -> Json:
    """The result as one object of plain JSON values, times in ISO 8601 UTC.

    Args:
        result: of a backtest, a replay or a session.
        equity: also write `equity`, `[[time, value], …]`, one entry a candle.
        whole: all of it; else of a long run what `curve_to_json` keeps.
    """
    config, times = result.config, result.times
    metrics = metrics_to_json(result.metrics)
    written: Json = {
        "strategy": config.name,
        "symbols": list(config.symbols),
        "timeframe": str(config.timeframe),
        "period": {
            "start": iso_time(int(times[0])) if len(times) else None,
            "end": iso_time(int(times[-1])) if len(times) else None,
            "candles": len(times),
        },
        "fill_on": str(result.fill_on),
        "fees": config.fees,
        "starting_balance": result.starting_balance,
        "ending_balance": result.ending_balance,
        "metrics": metrics,
        "trades": [trade_to_json(trade) for trade in result.trades],
        "open_trades": [trade_to_json(trade) for trade in result.open_trades],
        "warnings": list(result.warnings),
        "diagnosis": None if result.diagnosis is None else dict(result.diagnosis),
        "quality_flags": list(quality_flags(metrics)),
        "monthly": [
            dataclasses.asdict(month)
            for month in monthly_returns(
                times, result.equity, result.starting_balance, config.timeframe
            )
        ],
        "ambiguous": {
            "trades": sum(trade.ambiguous for trade in result.trades),
            "target_first_return_pct": result.ambiguous_return_pct,
        },
        "refused": {str(obstacle): count for obstacle, count in result.refused.items()},
        "rules_version": RULES_VERSION,
    }
    if equity:
        written["equity"] = curve_to_json(times, result.equity, whole=whole)
    return written


_LONGEST_CURVE = 10_000  # entries: some 400 kB; a month of five-minute candles has fewer


def curve_to_json(times: Times, equity: Floats, *, whole: bool = False) -> list[list[object]]:
    """`[[time, value], …]`: of a long curve, unless all is wanted, each stretch's extremes.

    What people and comparisons read stays bounded, and no peak or drawdown is lost (`kept_points`).
    """
    if not whole and len(equity) > _LONGEST_CURVE:
        kept = kept_points(equity, _LONGEST_CURVE // 2 - 2)
        times, equity = times[kept], equity[kept]
    pairs = zip(times.tolist(), equity.tolist(), strict=True)
    return [[iso_time(time), value] for time, value in pairs]


def metrics_to_json(metrics: Metrics) -> Json:
    """The figures by their names of docs/rules.md §4; null where `metrics_undefined` says why."""
    written = dataclasses.asdict(metrics)
    interval = metrics.win_rate_ci
    written["win_rate_ci"] = None if interval is None else list(interval)
    written["metrics_undefined"] = dict(metrics.metrics_undefined)
    return written


def trade_to_json(trade: Trade | OpenTrade) -> Json:
    """A trade, or a position left open as it was marked last.

    What only a session knows of it is written only where it is known.
    """
    written: Json = msgspec.to_builtins(trade)
    for name in _WHERE_KNOWN:
        if not written.get(name):
            written.pop(name, None)
    for name in _TIMES:
        if name in written:
            written[name] = iso_time(getattr(trade, name))
    for name, parts in (("parts", trade.parts), ("entries", trade.entries)):
        if parts:
            written[name] = [_part_to_json(part) for part in parts]
    return written


def _part_to_json(part: TradePart | Addition) -> Json:
    written: Json = msgspec.to_builtins(part)
    times = {name: iso_time(getattr(part, name)) for name in _PART_TIMES if name in written}
    return written | times


def trade_from_json(written: Mapping[str, Any]) -> Trade:
    """The closed trade that `trade_to_json` wrote, to the last bit.

    Raises:
        ValueError: it is none.
    """
    return _read(written, Trade)


def open_trade_from_json(written: Mapping[str, Any]) -> OpenTrade:
    """The position that `trade_to_json` wrote, to the last bit.

    Raises:
        ValueError: it is none.
    """
    return _read(written, OpenTrade)


def _read(written: Mapping[str, Any], kind: type[_Made]) -> _Made:
    made = dict(written)
    for name in _TIMES:
        if name in made:
            made[name] = parse_time(made[name])
    for key in ("parts", "entries"):
        if key in made:
            made[key] = [
                {**part, **{name: parse_time(part[name]) for name in _PART_TIMES if name in part}}
                for part in made[key]
            ]
    return msgspec.convert(made, type=kind)
