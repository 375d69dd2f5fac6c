"""Runs a backtest for the screen: candles from files or an exchange in, a report out.

Loads numpy, TA-Lib and their kin: import it late, in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from core.backtest.axes import Axis, SweepError, configs
from core.backtest.candle_data import part_of, strategy_candles, whole_span
from core.backtest.run import BacktestError, FundingRates, run_backtest
from core.exchange.market.clock import ManualClock
from core.exchange.market.market_replay import served
from core.exchange.market.quotes import FUNDING_INTERVAL, MarketQuotes
from core.host.feed_factories import DemoMarket
from core.market.candles.candles import Candles
from core.market.candles.digest import candles_digest
from core.market.candles.durations import SpanError, period_span
from core.market.feeds.feed import FeedError
from core.market.files.errors import CandleFileError
from core.market.files.symbol_files import SymbolFilesError, files_in_line, line_of_files
from core.market.filters import MarketFilters
from core.market.history.candle_cache import CandleCache
from core.market.history.market_period import market_period
from core.market.venues.addresses import VenueError
from core.market.venues.registry import public_api
from core.report.library import CandleSource, LibraryError, StoredResult, keep_result
from core.report.result import result_to_json
from core.report.stored_backtest import held_curve, library_result
from core.store.durable import OsDisk
from core.store.preferences import PreferencesError, read_preferences
from core.store.workspace import Workspace
from core.strategy.chart import strategy_chart
from core.strategy.chart_values import Chart, ChartSource, NoCandlesError
from core.strategy.config.config import StrategyConfig
from core.strategy.config.parsing import ParsedConfig, parse_config
from core.strategy.config.problems import ConfigError
from core.strategy.signals.sources import warmup_candles
from core.time_format import parse_time, wall_clock
from core.trading.values import FillOn
from core.trial.ledger import noted
from tui import formats
from tui.requests.backtest import (
    DEMO_MARKET,
    BacktestOrder,
    BacktestOutcome,
    BacktestRefusedError,
)
from tui.requests.curves import thinned

_AGAIN = "R on the backtest runs it again, and it has its candles then."
SWEPT = "as in a sweep, run without the market's order limits and funding"
_REFUSALS = (
    *(ConfigError, CandleFileError, SymbolFilesError, FeedError, SpanError),
    *(BacktestError, PreferencesError, VenueError, SweepError),
)


@dataclass(frozen=True, slots=True)
class Material:
    """What a run is made on, as `run_backtest` takes it, and what is to be said of the candles.

    `span`: see `BacktestOrder`. `read`: of files, which of them for what.
    """

    candles: Mapping[str, Candles]
    notes: tuple[str, ...]
    decide_from: int | None = None
    filters: Mapping[str, MarketFilters] | None = None
    funding: Mapping[str, FundingRates] | None = None
    span: tuple[int, int] | None = None
    read: object = None

    def as_swept(self) -> Material:
        """The same as sweeps and gates run on it: without order limits and funding."""
        notes = (*self.notes, SWEPT) if self.filters or self.funding else self.notes
        return replace(self, notes=notes, filters=None, funding=None)


async def backtest(
    order: BacktestOrder,
    workspace: Path | None,
    demo: Callable[[], DemoMarket] | None,
    progress: Callable[[str], None],
) -> BacktestOutcome:
    """Get the candles and run the strategy over them; may be cancelled while it fetches.

    `demo` makes the market of the embedded exchange, where the program has one.

    Raises:
        BacktestRefusedError: it cannot be run; the message says why and what to do.
    """
    try:
        parsed, material = await candles_for(order, workspace, demo, progress)
        order = replace(order, span=material.span)  # what is asked of it next is on these candles
        progress("running …")
        home = None if workspace is None else Workspace(workspace)
        return await asyncio.to_thread(_run, order, parsed, material, home)
    except _REFUSALS as error:
        raise BacktestRefusedError(str(error)) from error


async def candles_for(
    order: BacktestOrder,
    workspace: Path | None,
    demo: Callable[[], DemoMarket] | None,
    progress: Callable[[str], None],
) -> tuple[ParsedConfig, Material]:
    """The config that is to be run, as its settings vary it, and what it is run on.

    Raises:
        BacktestRefusedError: they cannot be had; the message says why and what to do.
    """
    changes = {} if order.balance is None else {"starting_balance": order.balance}
    try:
        parsed = await asyncio.to_thread(parse_config, {**order.raw, **changes})
        warmup = warmup_candles(parsed.config) if order.warmup is None else order.warmup
        if order.exchange == DEMO_MARKET and demo is not None:
            progress("making the candles …")
            material = await asyncio.to_thread(_from_demo, order, parsed.config, warmup, demo)
        elif order.exchange:
            material = await _fetched(order, parsed.config, warmup, workspace, progress)
        else:
            progress("reading the candles …")
            material = await asyncio.to_thread(_from_files, order, parsed.config, warmup)
        if order.settings:
            axes = [Axis(path, (value,)) for path, value in order.settings.items()]
            parsed = replace(parsed, config=configs(parsed.config, axes)[0])
            material = material.as_swept()
    except _REFUSALS as error:
        raise BacktestRefusedError(str(error)) from error
    return parsed, material


_ahead: Material | None = None
"""What a form has read of files, for the run that follows alone."""


async def look_at_candles(order: BacktestOrder) -> None:
    """Read the candle files of an order; the next run takes them if they are still the same.

    Raises:
        BacktestRefusedError: they cannot be had; the message says why and what to do.
    """
    global _ahead
    _, _ahead = await candles_for(order, None, None, lambda _: None)


def _from_files(order: BacktestOrder, config: StrategyConfig, warmup: int) -> Material:
    global _ahead
    ahead, _ahead = _ahead, None
    files, columns = files_in_line("candles", order.data, config.symbols)
    part = (order.period, order.span, warmup) if order.period else None
    read = config, order.data, [_version(path) for path in files.values()], part
    if ahead is not None and ahead.read == read:
        return ahead
    candles, notes = strategy_candles(config, files, columns)
    if not order.period:
        span = whole_span(candles, config.timeframe)
        return Material(candles, tuple(notes), span=span, read=read)
    found = part_of(candles, config.timeframe, order.period, warmup=warmup, span=order.span)
    start, _ = found.span
    return Material(found.candles, tuple(notes), start, span=found.span, read=read)


def _version(file: Path) -> tuple[int, ...]:
    """Another one whenever what stands in the file may be; reading says what is wrong with it."""
    try:
        found = file.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _from_demo(
    order: BacktestOrder, config: StrategyConfig, warmup: int, make: Callable[[], DemoMarket]
) -> Material:
    """The span, or else the period before the demo began, with its warm-up."""
    demo = make()
    market, timeframe = demo.market, config.timeframe
    offered = {instrument.symbol: instrument for instrument in market.instruments}
    start, end = _span(order, demo.start)
    venue = MarketQuotes(market, ManualClock(end))
    first = start - warmup * timeframe.ms
    candles: dict[str, Candles] = {}
    funding: dict[str, FundingRates] = {}
    for symbol in config.symbols:
        if symbol not in offered or not served(market, symbol, timeframe):
            raise BacktestRefusedError(
                f"the demo has no {timeframe} candles of {symbol}; "
                f"it has {', '.join(sorted(offered))}"
            )
        candles[symbol] = market.candles(symbol, timeframe, first, end)
        if not len(candles[symbol]):
            raise BacktestRefusedError(
                f"the demo has no {timeframe} candles of {symbol} before its beginning"
            )
        if offered[symbol].perpetual:
            begin = max(start, int(candles[symbol].time[0]))
            moments = range(begin + -begin % FUNDING_INTERVAL, end, FUNDING_INTERVAL)
            funding[symbol] = [(at, venue.funding_rate(offered[symbol], at)) for at in moments]
    filters = {symbol: offered[symbol].filters for symbol in config.symbols}
    return Material(candles, (), start, filters, funding, (start, end))


def _span(order: BacktestOrder, now: int) -> tuple[int, int]:
    """From when to when, UTC ms."""
    return order.span or period_span(order.period, now)


async def _fetched(
    order: BacktestOrder,
    config: StrategyConfig,
    warmup: int,
    workspace: Path | None,
    progress: Callable[[str], None],
) -> Material:
    home = None if workspace is None else Workspace(workspace)
    addresses = {} if home is None else read_preferences(home.preferences).addresses
    start, end = span = _span(order, wall_clock())
    found = await market_period(
        public_api(order.exchange, addresses),
        config.symbols,
        config.timeframe,
        start,
        end,
        warmup=warmup,
        cache=None if home is None else home.cache,
        said=lambda done: progress(f"{order.exchange}: {done.text}"),
    )
    return Material(found.candles, found.notes, found.start, found.filters, found.funding, span)


def source_of(order: BacktestOrder, config: StrategyConfig) -> CandleSource:
    """Where its candles are from, so that they are found from anywhere."""
    files = order.data and line_of_files(*files_in_line("candles", order.data, config.symbols))
    return CandleSource(files, order.exchange, order.period)


def own_candles(
    stored: StoredResult,
    config: Mapping[str, object],
    workspace: Path | None,
    demo: Callable[[], DemoMarket] | None,
) -> ChartSource:
    """Has the candles that a kept result was made on; nothing is fetched for it. Blocks.

    Args:
        stored: the result.
        config: of its strategy.
        workspace: whose cache holds what was fetched.
        demo: makes the market of the embedded exchange, where the program has one.

    Raises:
        NoCandlesError: they are not on this machine, or no longer those of the result.
    """
    try:
        parsed = parse_config(config).config
        candles, where = _at_hand(stored, parsed, workspace, demo)
    except _REFUSALS as error:
        why = str(error).rstrip(".")
        raise NoCandlesError(f"Its candles cannot be read: {why}. {_AGAIN}") from error
    except BacktestRefusedError as error:
        raise NoCandlesError(f"{error}. {_AGAIN}") from error
    if candles_digest(candles) != stored.candles_digest:
        raise NoCandlesError(f"{where} the result was made on. {_AGAIN}")
    return _chart_source(parsed, candles)


def _at_hand(
    stored: StoredResult,
    config: StrategyConfig,
    workspace: Path | None,
    demo: Callable[[], DemoMarket] | None,
) -> tuple[Mapping[str, Candles], str]:
    """What lies where a result says its candles are, and how to say that it is not they."""
    source = stored.source
    if source is None or not stored.candles_digest:
        raise BacktestRefusedError("It was kept without where its candles are")
    if source.data:
        files, columns = files_in_line("candles", source.data, config.symbols)
        names = formats.several([path.name for path in files.values()])
        candles = strategy_candles(config, files, columns)[0]
        if source.span is not None:
            first, last = map(parse_time, source.span)
            candles = {symbol: one.between(first, last + 1) for symbol, one in candles.items()}
        return candles, f"In {names} are other candles by now than those"
    try:
        first, last = map(parse_time, source.span or ())
    except ValueError as error:
        raise BacktestRefusedError("It was kept without when its candles begin and end") from error
    span = first, config.timeframe.next_open(last)
    if source.exchange == DEMO_MARKET:
        if demo is None:
            raise BacktestRefusedError("Its candles are of a demo's market, which only a demo has")
        order = BacktestOrder(stored.strategy, Path(), {}, span=span)
        found = _from_demo(order, config, 0, demo).candles
        return found, "The market of this demo is not that which"
    if workspace is None:
        raise BacktestRefusedError("Without a workspace no fetched candles are kept")
    cache = CandleCache(Workspace(workspace).cache)
    return (
        {
            symbol: cache.everything(source.exchange, symbol, config.timeframe, *span)
            for symbol in config.symbols
        },
        f"The candles of {source.exchange} that are kept in the cache are not, or not all, those",
    )


def _chart_source(config: StrategyConfig, candles: Mapping[str, Candles]) -> ChartSource:
    async def source(symbol: str, timeframe: str | None, until: int | None, count: int) -> Chart:
        found = candles[symbol]
        return await asyncio.to_thread(strategy_chart, config, found, timeframe, until, count)

    return source


def _run(
    order: BacktestOrder, parsed: ParsedConfig, material: Material, workspace: Workspace | None
) -> BacktestOutcome:
    config = parsed.config
    result = run_backtest(
        config,
        material.candles,
        fill_on=FillOn(order.fill_on),
        filters=material.filters,
        funding=material.funding,
        decide_from=material.decide_from,
        warnings=(*parsed.warnings, *material.notes),
    )
    if workspace is not None and not order.settings:  # a sweep has been counted
        result = noted(workspace.tries, result, config, material.candles, wall_clock())
    now = wall_clock()
    equity = thinned(list(zip(result.times.tolist(), result.equity.tolist(), strict=True)))
    key = None
    source = source_of(order, config)
    if workspace is not None:
        whole = library_result(result, material.candles, now, source, order.settings)
        try:
            key = keep_result(workspace, whole, OsDisk())
        except LibraryError as error:
            result = replace(result, warnings=(*result.warnings, str(error)))

    return BacktestOutcome(
        order,
        {**result_to_json(result), "settings": dict(order.settings)},
        equity,
        tuple(held_curve(result, material.candles)),
        _chart_source(config, material.candles),
        key,
    )
