"""Backtests a strategy over a history, by the rules and all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from core.backtest.bar_index import END, BarIndex, Prices, funding_by_candle
from core.backtest.curve import RunEquity
from core.backtest.drive import drive
from core.market.candles.candles import Candle, Candles, Times
from core.market.filters import MarketFilters
from core.report.diagnosis import SymbolConditions, diagnose
from core.report.result import RunResult, run_result
from core.report.trade_columns import TradeColumns
from core.strategy.config.config import StrategyConfig
from core.strategy.indicators.batch import Batch
from core.strategy.signals.source import (
    ENTER_LONG,
    ENTER_SHORT,
    EXIT_LONG,
    EXIT_SHORT,
    Flags,
    SignalSeries,
)
from core.strategy.signals.sources import signal_source
from core.text import per_cent
from core.trading.account import Account
from core.trading.rules import Rules
from core.trading.values import Event, FillOn, FinerCandles, Refused

FundingRates = Sequence[tuple[int, float]]
"""Funding of one market: (UTC ms, fraction of notional; a long pays a positive rate)."""


class BacktestError(ValueError):
    """A backtest cannot be run on what it was given; the message says what is missing."""


def run_backtest(
    config: StrategyConfig,
    candles: Mapping[str, Candles],
    *,
    fill_on: FillOn = FillOn.NEXT_OPEN,
    filters: Mapping[str, MarketFilters] | None = None,
    funding: Mapping[str, FundingRates] | None = None,
    detail: Mapping[str, Candles] | None = None,
    decide_from: int | None = None,
    warnings: Sequence[str] = (),
    batches: Mapping[str, Batch] | None = None,
    late_entries: int = 0,
    brief: bool = False,
) -> RunResult:
    """Run a strategy over a history by the rules, all at once.

    Args:
        config: the strategy.
        candles: the history of each of its symbols, in its timeframe.
        fill_on: where market orders fill (docs/rules.md §3.3).
        filters: order limits by symbol.
        funding: funding rates by symbol.
        detail: finer candles by symbol, which resolve ambiguous ones.
        decide_from: UTC ms; candles that open before it only warm the signals up. The result begins
            there, or with the first candle on which any symbol's signals are known (None: there).
        warnings: sentences about the run that its result should carry.
        batches: the series known of each symbol's candles, shared by runs on the same ones.
        late_entries: candles by which every decision to enter or to add comes too late; to see
            what a result is worth where one is not always in time.
        brief: for its figures alone: why nothing was traded, what ambiguous candles are worth, and
            what the signals give reason to warn of is left out.

    Raises:
        BacktestError: if a symbol has no candles.
    """
    all_bars, signals = _all_bars(
        config, candles, funding or {}, decide_from, batches or {}, late_entries
    )
    if not brief:
        warnings = (*warnings, *_notes(config, signals))
    moments = _moments(all_bars)
    finer = _finer(config, detail) if detail else None
    rules = Rules.of(config, filters, fill_on=fill_on)
    account = Account(rules, tells=False)
    course = drive(account, all_bars, moments, finer)
    closed = TradeColumns.of_account(account)
    open_trades = account.open_trades()
    ambiguous_return_pct = None
    if not brief and any(trade.ambiguous for trade in account.closed):
        hope = Rules.of(config, filters, fill_on=fill_on, target_first=True)
        hopeful = Account(hope, tells=False)
        drive(hopeful, all_bars, moments, finer)
        ambiguous_return_pct = (hopeful.equity() / config.starting_balance - 1) * 100
    if account.stopped:
        warnings = (
            *warnings,
            f"stopped for good: equity fell {per_cent(config.max_drawdown_pct or 0)} from its peak "
            "(max_drawdown_pct); the candles after that are not part of the result",
        )

    told = partial(_told, rules, all_bars, moments, finer)
    return run_result(
        config,
        times=course.times,
        equity=RunEquity(account, all_bars, course, closed),
        closed=closed,
        open_trades=open_trades,
        benchmark_prices=[
            _ends(bars, course.last_time) for bars in all_bars if bars.time(0) <= course.last_time
        ],
        fill_on=fill_on,
        refused=account.refused,
        capped=account.capped,
        warnings=warnings,
        ambiguous_return_pct=ambiguous_return_pct,
        diagnosis=None
        if brief or account.closed
        else _diagnosis(config, candles, decide_from, told(), len(open_trades)),
        told=told,
    )


def _all_bars(
    config: StrategyConfig,
    candles: Mapping[str, Candles],
    funding: Mapping[str, FundingRates],
    decide_from: int | None,
    batches: Mapping[str, Batch],
    late_entries: int,
) -> tuple[list[BarIndex], list[SignalSeries]]:
    source = signal_source(config)
    known: list[tuple[Candles, SignalSeries]] = []
    for symbol in config.symbols:
        history = candles.get(symbol)
        if history is None or not len(history):
            raise BacktestError(f"no candles for {symbol}: a backtest needs those of every symbol")
        if decide_from is not None and history.time[-1] < decide_from:
            raise BacktestError(f"no candles for {symbol} in the period: all lie before its start")
        known.append((history, source.series(history, batches.get(symbol))))
    firsts = [int(one.time[signals.first]) for one, signals in known if signals.first < len(one)]
    begin = max(min(firsts, default=END), decide_from or 0)
    all_bars = []
    for slot, (history, signals) in enumerate(known):
        start = int(history.time.searchsorted(begin))
        rates = funding.get(config.symbols[slot])
        due = None if rates is None else funding_by_candle(history, rates)[start:]
        flags = signals.flags if not late_entries else _late(signals.flags, late_entries)
        flags, levels = flags[start:], [level[start:] for level in signals.levels.values()]
        part = history.slice(start)
        batch = batches.get(config.symbols[slot])
        prices = None
        if batch is not None:
            every = batch.shared("prices", partial(Prices, history, together=True))
            prices = batch.latest("prices", start, partial(every.since, start))
        all_bars.append(BarIndex(slot, part, flags, due, levels, prices))
    return all_bars, [signals for _, signals in known]


def _notes(config: StrategyConfig, signals: Sequence[SignalSeries]) -> Iterator[str]:
    """Sentences on the signals of each symbol."""
    for symbol, one in zip(config.symbols, signals, strict=True):
        for note in (*one.notes, *_cancelled_exits(one)):
            yield f"{symbol}: {note}"


def _late(flags: Flags, candles: int) -> Flags:
    """The flags with those that enter or add so many candles later."""
    exits: Flags = flags & flags.dtype.type(EXIT_LONG | EXIT_SHORT)
    entries = np.zeros_like(flags)
    entries[candles:] = (flags ^ exits)[:-candles]
    late: Flags = entries | exits
    return late


def _cancelled_exits(signals: SignalSeries) -> Iterator[str]:
    """Sentences on sides whose every exit is cancelled by an entry (docs/rules.md §3.2)."""
    sides = (("long", ENTER_LONG, EXIT_LONG), ("short", ENTER_SHORT, EXIT_SHORT))
    for side, enter, leave in sides:
        exits = np.count_nonzero(signals.flags & leave)
        if exits and exits == np.count_nonzero((signals.flags & (enter | leave)) == enter | leave):
            yield (
                f"no exit condition acts on a {side} position: on all {exits:,} candles on which "
                "one holds the entry conditions hold too, and they cancel out; have the entry "
                "exclude the exit"
            )


def _moments(all_bars: Sequence[BarIndex]) -> Times:
    """Open times at which any symbol has a candle, increasing."""
    first = all_bars[0].candles.time
    if all(np.array_equal(bars.candles.time, first) for bars in all_bars[1:]):
        return first
    return np.unique(np.concatenate([bars.candles.time for bars in all_bars]))


def _ends(bars: BarIndex, last_time: int) -> tuple[float, float]:
    """The first open and the last close of a symbol, up to the candle that opens at `last_time`."""
    last = bars.index_at(last_time + 1) - 1
    return bars.candles.open.item(0), bars.candles.close.item(last)


def _finer(config: StrategyConfig, detail: Mapping[str, Candles]) -> FinerCandles:
    """Looks finer candles up by slot and open time of the candle that contains them."""

    def inside(slot: int, time: int) -> Sequence[Candle]:
        finer = detail.get(config.symbols[slot])
        if finer is None:
            return ()
        start, stop = np.searchsorted(finer.time, (time, time + config.timeframe.ms))
        return list(finer.slice(int(start), int(stop)))

    return inside


def _told(
    rules: Rules, all_bars: Sequence[BarIndex], moments: Times, finer: FinerCandles | None
) -> Sequence[Event]:
    """What a run did, in order: it is done again, as few ask, and telling is half of the work."""
    return drive(Account(rules), all_bars, moments, finer).happened


def _diagnosis(
    config: StrategyConfig,
    candles: Mapping[str, Candles],
    decide_from: int | None,
    happened: Sequence[Event],
    still_open: int,
) -> dict[str, object]:
    """Why there was no closed trade."""
    source = signal_source(config)
    symbols = []
    for symbol in config.symbols:
        history = candles[symbol]
        signals = source.series(history)
        first = signals.first
        if decide_from is not None:
            first = max(first, int(np.searchsorted(history.time, decide_from)))
        symbols.append(SymbolConditions(source.conditions(history), signals.flags, first))
    refusals = [event.why for event in happened if isinstance(event, Refused)]
    return diagnose(config, symbols, refusals, still_open)
