"""Reads the candles that `--data`, `--detail` and `--exchange --period` name."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tui.cli.commands import Arguments
from tui.cli.output import Exit, Refusal, refusing
from tui.cli.workspace import prepared_workspace

if TYPE_CHECKING:
    from core.market.candles.candles import Candles
    from core.market.candles.timeframes import Timeframe
    from core.market.history.candle_history import Progress
    from core.market.history.market_period import MarketPeriod
    from core.strategy.config.config import StrategyConfig


class PeriodArguments(Arguments, Protocol):
    """What `add_period` lets one say."""

    exchange: str | None
    period: str | None


def files_by_symbol(
    option: str, texts: Sequence[str], symbols: Sequence[str], *, all_needed: bool = True
) -> dict[str, Path]:
    """The file of each symbol, from `FILE` or `SYMBOL=FILE` as given with `option`.

    Raises:
        Refusal: a file is meant for no symbol, or for several; or a symbol is left without one.
    """
    from core.market.files.candle_files import split_data_argument

    files: dict[str, Path] = {}
    for text in texts:
        symbol, path = split_data_argument(text, symbols)
        if symbol is None:
            if len(symbols) > 1:
                raise Refusal(
                    f"{option} {text}: say which of {', '.join(symbols)} it holds, such as "
                    f"{option} {symbols[0]}={text}",
                    Exit.BAD_INPUT,
                )
            symbol = symbols[0]
        if symbol in files:
            raise Refusal(f"{option}: two files for {symbol}, expected one", Exit.BAD_INPUT)
        files[symbol] = path
    missing = [symbol for symbol in symbols if symbol not in files]
    if missing and all_needed:
        raise Refusal(
            f"{option}: no file for {', '.join(missing)}; give {option} {missing[0]}=FILE",
            Exit.BAD_INPUT,
        )
    return files


def candles_in(
    option: str, texts: Sequence[str], config: StrategyConfig
) -> tuple[dict[str, Candles], list[str]]:
    """The candles of every symbol of a strategy, and what is to be said of the files."""
    from core.market.files.candle_files import CandleFileError, read_candles

    candles, notes = {}, []
    for symbol, path in files_by_symbol(option, texts, config.symbols).items():
        with refusing(CandleFileError):
            file = read_candles(path, config.timeframe)
        candles[symbol] = file.candles
        notes += [f"{path.name}: {note}" for note in file.notes]
    return candles, notes


def finer_candles_in(
    option: str, texts: Sequence[str], config: StrategyConfig
) -> dict[str, Candles]:
    """Candles of a shorter timeframe, for those symbols that have a file."""
    from core.market.files.candle_files import CandleFileError, read_candles, timeframe_of_file

    candles = {}
    files = files_by_symbol(option, texts, config.symbols, all_needed=False)
    for symbol, path in files.items():
        with refusing(CandleFileError):
            timeframe = timeframe_of_file(path)
            if timeframe.ms >= config.timeframe.ms or config.timeframe.ms % timeframe.ms:
                raise Refusal(
                    f"{option} {path}: holds {timeframe} candles; expected a timeframe of which "
                    f"several make up one of the strategy's {config.timeframe}",
                    Exit.BAD_INPUT,
                )
            candles[symbol] = read_candles(path, timeframe).candles
    return candles


def period_of(
    arguments: PeriodArguments, symbols: Sequence[str], timeframe: Timeframe, *, warmup: int
) -> MarketPeriod:
    """What `--exchange` tells of the last `--period`, with `warmup` candles before it."""
    from core.market.candles.durations import SpanError, period_start
    from core.market.feeds.feed import FeedError
    from core.market.history.exchange_api import UnknownExchangeError, UnknownMarketError
    from core.market.history.market_period import market_period
    from core.market.venue import VenueError
    from core.market.venues import public_api
    from core.store.preferences import PreferencesError, read_preferences

    name, period = arguments.exchange, arguments.period
    if name is None or period is None:
        raise Refusal("give --exchange NAME and --period 6m", Exit.BAD_INPUT)
    workspace = prepared_workspace(arguments)
    with refusing(SpanError, PreferencesError, VenueError):
        start = period_start(period, int(time.time() * 1_000))
        api = public_api(name, read_preferences(workspace.preferences).addresses)
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
                warmup=warmup,
                cache=workspace.cache,
                said=_show_progress if sys.stderr.isatty() else lambda _: None,
            )
        )


def _show_progress(progress: Progress) -> None:
    from core.text import safe_text

    end = "\n" if progress.done >= progress.total else ""
    sys.stderr.write(f"\r{safe_text(progress.text)}\x1b[K{end}")
