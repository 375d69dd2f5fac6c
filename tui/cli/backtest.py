"""The commands about past candles: backtest, and candles to fetch them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from core.time_format import wall_clock
from tui.cli.candle_arguments import (
    PeriodArguments,
    add_data,
    candles_in,
    files_source,
    finer_candles_in,
    period_of,
)
from tui.cli.commands import Commands
from tui.cli.output import Exit, Refusal, complain, print_json, print_text, refusing
from tui.cli.strategy_argument import StrategyArguments, add_strategy, written_strategy
from tui.cli.workspace import prepared_workspace, workspace_of

if TYPE_CHECKING:
    from core.market.candles.candles import Candles
    from core.report.library import CandleSource
    from core.report.result import RunResult
    from core.strategy.config.parsing import ParsedConfig


class BacktestArguments(StrategyArguments, PeriodArguments, Protocol):
    """What `papertape backtest` is given."""

    data: list[str] | None
    columns: str | None
    balance: float | None
    fill_on: str
    warmup: int | None
    detail: list[str] | None
    save: bool
    keep: bool
    tag: list[str]
    equity: bool


class CandlesArguments(PeriodArguments, Protocol):
    """What `papertape candles` is given."""

    symbol: str
    timeframe: str
    output: str


def add_commands(commands: Commands) -> None:
    """Declare this group."""
    commands.group("Backtest")
    parser = commands.add("backtest", backtest, "what a strategy would have done")
    add_strategy(parser)
    add_data(
        parser,
        "a candle file (CSV, JSON, JSONL, each also .gz or .zip, Parquet or Feather); one for each "
        "symbol",
    )
    add_period(parser)
    parser.add_argument(
        "--warmup",
        type=int,
        metavar="N",
        help="candles before the period (default: what the strategy wants; marked)",
    )
    parser.add_argument(
        "--balance", type=float, metavar="N", help="the starting balance, in quote currency"
    )
    parser.add_argument(
        "--fill-on",
        choices=("next_open", "close"),
        default="next_open",
        help="where orders decided at a candle's close fill (default: at the next candle's open)",
    )
    parser.add_argument(
        "--detail",
        action="append",
        metavar="[SYMBOL=]FILE",
        help="finer candles, to tell whether stop or target came first inside one candle",
    )
    parser.add_argument(
        "--equity", action="store_true", help="with --json: the equity at every candle as well"
    )
    parser.add_argument(
        "--save", action="store_true", help="write the figures into the strategy's own document"
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep the result in the library (papertape backtests)"
    )
    parser.add_argument(
        "--tag", action="append", default=[], metavar="TAG", help="keep it, with this tag; again"
    )
    parser = commands.add("candles", candles, "fetch past candles into a file")
    add_period(parser, needed=True)
    parser.add_argument("--symbol", required=True, metavar="S", help="BTC/USDT, BTC/USDT:USDT")
    parser.add_argument("--timeframe", required=True, metavar="T", help="1m to 1w")
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="FILE",
        help="its name says the format: .csv, .json, .jsonl (each also .gz) or .parquet",
    )


def add_period(parser: argparse.ArgumentParser, *, needed: bool = False) -> None:
    """Let a command fetch candles from an exchange."""
    parser.add_argument(
        "--exchange",
        required=needed,
        metavar="NAME",
        help="as ccxt calls it" if needed else "as ccxt calls it (default: binance)",
    )
    parser.add_argument(
        "--period",
        required=needed,
        metavar="6m",
        help="how far back: d, w, m (months) or y; or 2026-01-01..2026-03-31",
    )


def backtest(arguments: BacktestArguments) -> int:
    """Run a strategy over past candles and print what came of it."""
    from core.strategy.config.problems import ConfigError

    with refusing(ConfigError):
        written = written_strategy(arguments)
        parsed = written.parse(starting_balance=arguments.balance)
    if arguments.save and written.path is None:
        raise Refusal("--save needs a strategy that stands in a file", Exit.BAD_INPUT)
    if arguments.save and written.is_sample:
        raise Refusal(
            f"{arguments.strategy} is a sample, in which nothing is saved: "
            "papertape init copies it into the workspace",
            Exit.BAD_INPUT,
        )

    from core.report.result import result_to_json
    from core.store.notes import NotesError, checked_notes
    from core.trial.ledger import noted

    with refusing(NotesError):
        checked_notes("", tuple(arguments.tag))
    result, history = _run(arguments, parsed)
    now = wall_clock()
    result = noted(workspace_of(arguments).tries, result, parsed.config, history, now)
    report = result_to_json(result, equity=arguments.equity)
    if arguments.save and written.path is not None:
        _save(written.path, result, history, _source(arguments, result))
    if arguments.json:
        print_json(report)
    else:
        from core.report.text import report_text

        print_text(report_text(report).rstrip("\n"))
    if arguments.keep or arguments.tag:
        _keep(arguments, result, history)
    return Exit.DONE


def _run(
    arguments: BacktestArguments, parsed: ParsedConfig
) -> tuple[RunResult, Mapping[str, Candles]]:
    """Run the backtest on the candles that the arguments name; these come with it."""
    fetched = arguments.exchange or (arguments.period and not arguments.data)
    if bool(arguments.data) == bool(fetched):
        raise Refusal(
            "a backtest needs candles: give either --data FILE (for several symbols, "
            "--data SYMBOL=FILE for each; with --period a part of them) or --period 6m "
            "(--exchange NAME: another than Binance)",
            Exit.BAD_INPUT,
        )
    from core.backtest.candle_data import part_of
    from core.backtest.run import BacktestError, run_backtest
    from core.market.candles.durations import SpanError
    from core.strategy.signals.sources import chosen_warmup
    from core.trading.values import FillOn

    config = parsed.config
    detail = finer_candles_in("--detail", arguments.detail or (), config, arguments.columns)
    inputs: dict[str, Any]
    if arguments.data:
        if arguments.warmup is not None and arguments.period is None:
            raise Refusal(
                "--warmup goes with --period: a whole candle file has its warm-up in itself",
                Exit.BAD_INPUT,
            )
        history, notes = candles_in("--data", arguments.data, config, arguments.columns)
        inputs = {}
        if arguments.period is not None:
            with refusing(ValueError):
                warmup, notice = chosen_warmup(config, arguments.warmup)
            with refusing(SpanError):
                part = part_of(history, config.timeframe, arguments.period, warmup=warmup)
            history, notes = part.candles, [*notes, *filter(None, (notice,))]
            inputs = {"decide_from": part.span[0]}
    else:
        with refusing(ValueError):
            warmup, notice = chosen_warmup(config, arguments.warmup)
        period = period_of(arguments, config.symbols, config.timeframe, warmup=warmup)
        history, notes = period.candles, [*period.notes, *filter(None, (notice,))]
        inputs = {
            "filters": period.filters,
            "funding": period.funding,
            "decide_from": period.start,
        }
    with refusing(BacktestError):
        result = run_backtest(
            config,
            history,
            fill_on=FillOn(arguments.fill_on),
            detail=detail or None,
            warnings=(*parsed.warnings, *notes),
            **inputs,
        )
    return result, history


def _source(arguments: BacktestArguments, result: RunResult) -> CandleSource:
    """Where the candles were from, so that it can be run again from anywhere."""
    from core.market.venues.registry import DEFAULT_VENUE
    from core.report.library import CandleSource

    if arguments.data:
        symbols, period = result.config.symbols, arguments.period
        return files_source(arguments.data, symbols, arguments.columns, period)
    return CandleSource(exchange=arguments.exchange or DEFAULT_VENUE, period=arguments.period or "")


def _save(
    path: Path, result: RunResult, history: Mapping[str, Candles], source: CandleSource
) -> None:
    """Write the figures into the strategy's document, and the whole result beside it."""
    from core.report.stored_backtest import save_backtest, stored_path
    from core.strategy.config.problems import ConfigError

    with refusing(ConfigError, OSError, code=Exit.FAILED):
        save_backtest(path, result, history, wall_clock(), source)
    complain(f"papertape: the figures stand in {path}, the whole result in {stored_path(path)}")


def _keep(arguments: BacktestArguments, result: RunResult, history: Mapping[str, Candles]) -> None:
    """Keep the result in the library, with the tags given."""
    from core.report.library import LibraryError, find_result, keep_result, note_result
    from core.report.stored_backtest import library_result
    from core.store.durable import OsDisk
    from core.store.notes import NotesError

    workspace = prepared_workspace(arguments)
    source = _source(arguments, result)
    whole = library_result(result, history, wall_clock(), source, {})
    with refusing(NotesError), refusing(LibraryError, code=Exit.FAILED):
        key = keep_result(workspace, whole, OsDisk())
        if arguments.tag:
            listed = find_result(workspace, key)
            tags = (*listed.notes.tags, *arguments.tag)
            note_result(workspace, listed, listed.notes.note, tags, OsDisk())
    complain(f"papertape: kept as {key}: papertape backtests show {key}")


def candles(arguments: CandlesArguments) -> int:
    """Fetch the candles of one market into a file."""
    from core.market.candles.timeframes import Timeframe
    from core.market.files.candle_files import CandleFileError, write_candles
    from core.market.symbols import SymbolError, unified_symbol
    from core.time_format import iso_time

    with refusing(SymbolError):
        symbol = unified_symbol(arguments.symbol)
    if arguments.timeframe not in list(Timeframe):
        raise Refusal(
            f"--timeframe {arguments.timeframe}: expected one of {', '.join(Timeframe)}",
            Exit.BAD_INPUT,
        )
    timeframe = Timeframe(arguments.timeframe)
    period = period_of(arguments, [symbol], timeframe, warmup=0)
    found = period.candles[symbol]
    with refusing(CandleFileError):
        write_candles(arguments.output, found)
    first, last = iso_time(found.at(0).time), iso_time(found.at(-1).time)
    complain(*period.notes)
    if arguments.json:
        print_json(
            {
                "file": arguments.output,
                "symbol": symbol,
                "timeframe": str(timeframe),
                "candles": len(found),
                "start": first,
                "end": last,
                "notes": list(period.notes),
            }
        )
    else:
        print_text(f"{arguments.output}: {len(found):,} candles, {first} to {last}")
    return Exit.DONE
