"""Reads the candles that `--data`, `--detail` and `--exchange --period` name."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from core.market.files.symbol_files import SymbolFilesError, files_by_symbol, line_of_files
from core.time_format import short_date, wall_clock
from tui.cli.commands import Arguments
from tui.cli.output import Exit, Refusal, complain, refusing
from tui.cli.workspace import prepared_workspace

if TYPE_CHECKING:
    from core.backtest.axes import Axis
    from core.backtest.candle_data import FilePart
    from core.market.candles.candles import Candles
    from core.market.candles.timeframes import Timeframe
    from core.market.history.candle_history import Progress
    from core.market.history.market_period import MarketPeriod
    from core.report.library import CandleSource
    from core.strategy.config.config import StrategyConfig


class DataArguments(Arguments, Protocol):
    """What a sweep or gate is given of its candles."""

    data: list[str]
    columns: str | None
    period: str | None


class PeriodArguments(Arguments, Protocol):
    """What `add_period` lets one say."""

    exchange: str | None
    period: str | None


def add_data(
    parser: argparse.ArgumentParser, about: str, *, many: bool = True, required: bool = False
) -> None:
    """Let a command say its candle files, and the order of their columns."""
    parser.add_argument(
        "--data",
        action="append" if many else "store",
        required=required,
        metavar="[SYMBOL=]FILE" if many else "FILE",
        help=about,
    )
    parser.add_argument(
        "--columns",
        metavar="NAMES",
        help="the columns of --data in their order, where the files do not say it, such as "
        "time,open,close,high,low,volume",
    )


def add_part(parser: argparse.ArgumentParser) -> None:
    """Let a command take a part of its candle files."""
    parser.add_argument(
        "--period",
        metavar="3mo",
        help="a part of --data, warmed up by what is before it: its last d, w, m (months) or y; or "
        "2026-01-01..2026-03-31",
    )


def files_source(
    texts: Sequence[str], symbols: Sequence[str], columns: str | None, period: str | None
) -> CandleSource:
    """Where candles of files are from, so that they are found from anywhere."""
    from core.report.library import CandleSource

    files = line_of_files(files_by_symbol("--data", texts, symbols), columns)
    return CandleSource(files, period=period or "")


def swept_candles(
    arguments: DataArguments, config: StrategyConfig, axes: Sequence[Axis]
) -> tuple[FilePart, list[str]]:
    """The candles of `--data`, or those of its `--period`, and what is to be said of the files."""
    from core.backtest.axes import SweepError
    from core.backtest.candle_data import swept_part
    from core.market.candles.durations import SpanError

    candles, notes = candles_in("--data", arguments.data, config, arguments.columns)
    with refusing(SweepError, SpanError):
        return swept_part(config, axes, candles, arguments.period), notes


def candles_in(
    option: str, texts: Sequence[str], config: StrategyConfig, columns: str | None
) -> tuple[dict[str, Candles], list[str]]:
    """The candles of every symbol of a strategy, and what is to be said of the files."""
    from core.backtest.candle_data import strategy_candles
    from core.market.files.errors import CandleFileError

    with refusing(SymbolFilesError):
        files = files_by_symbol(option, texts, config.symbols)
    with refusing(CandleFileError):
        return strategy_candles(config, files, columns)


def finer_candles_in(
    option: str, texts: Sequence[str], config: StrategyConfig, columns: str | None
) -> dict[str, Candles]:
    """Candles of a shorter timeframe, for those symbols that have a file."""
    from core.market.files.candle_files import CandleFileError, read_candles, timeframe_of_file

    candles = {}
    with refusing(SymbolFilesError):
        files = files_by_symbol(option, texts, config.symbols, all_needed=False)
    for symbol, path in files.items():
        with refusing(CandleFileError):
            timeframe = timeframe_of_file(path, columns)
            if timeframe.ms >= config.timeframe.ms or config.timeframe.ms % timeframe.ms:
                raise Refusal(
                    f"{option} {path}: holds {timeframe} candles; expected a timeframe of which "
                    f"several make up one of the strategy's {config.timeframe}",
                    Exit.BAD_INPUT,
                )
            candles[symbol] = read_candles(path, timeframe, columns=columns).candles
    return candles


def period_of(
    arguments: PeriodArguments, symbols: Sequence[str], timeframe: Timeframe, *, warmup: int
) -> MarketPeriod:
    """What `--exchange` tells of the last `--period`, with `warmup` candles before it.

    Without an exchange it is that of the live feed.
    """
    from core.market.candles.durations import SpanError, period_span
    from core.market.feeds.feed import FeedError
    from core.market.history.exchange_api import UnknownExchangeError, UnknownMarketError
    from core.market.history.market_period import market_period
    from core.market.venues.addresses import VenueError
    from core.market.venues.registry import public_api
    from core.store.preferences import PreferencesError, read_preferences

    period = arguments.period
    if period is None:
        raise Refusal("give --period 6m: how far back to ask the exchange for", Exit.BAD_INPUT)
    workspace = prepared_workspace(arguments)
    with refusing(SpanError, PreferencesError, VenueError):
        start, stop = period_span(period, wall_clock())
        api = public_api(arguments.exchange, read_preferences(workspace.preferences).addresses)
    if period[-1:].lower() == "m":
        complain(f"papertape: --period {period}: months, since {short_date(start)}")
    with (
        refusing(FeedError, code=Exit.FAILED),
        refusing(UnknownExchangeError, UnknownMarketError),
    ):
        return asyncio.run(
            market_period(
                api,
                symbols,
                timeframe,
                start,
                stop,
                warmup=warmup,
                cache=workspace.cache,
                said=_show_progress if sys.stderr.isatty() else lambda _: None,
            )
        )


def _show_progress(progress: Progress) -> None:
    from core.text import safe_text

    end = "\n" if progress.done >= progress.total else ""
    sys.stderr.write(f"\r{safe_text(progress.text)}\x1b[K{end}")
