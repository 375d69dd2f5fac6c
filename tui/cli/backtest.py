"""The command that runs a strategy over past candles: backtest."""

from __future__ import annotations

import argparse

from tui.cli.candle_arguments import candles_in, finer_candles_in
from tui.cli.commands import Commands
from tui.cli.output import Exit, Refusal, print_json, print_text, refusing
from tui.cli.strategy_argument import add_strategy, parsed_strategy


def add_commands(commands: Commands) -> None:
    """Declare this group."""
    commands.group("Backtest")
    parser = commands.add("backtest", backtest, "what a strategy would have done")
    add_strategy(parser)
    parser.add_argument(
        "--data",
        action="append",
        metavar="[SYMBOL=]FILE",
        help="a candle file (CSV, JSON, JSONL, each also .gz, or Parquet); one for each symbol",
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


def backtest(arguments: argparse.Namespace) -> int:
    """Run a strategy over past candles and print what came of it."""
    parsed = parsed_strategy(arguments, starting_balance=arguments.balance)
    if not arguments.data:
        raise Refusal(
            "a backtest needs candles: give --data FILE (for several symbols, "
            "--data SYMBOL=FILE for each)",
            Exit.BAD_INPUT,
        )
    config = parsed.config
    candles, notes = candles_in("--data", arguments.data, config)
    detail = finer_candles_in("--detail", arguments.detail or (), config)

    from core.backtest.run import BacktestError, run_backtest
    from core.report.result_json import result_to_json
    from core.trading.values import FillOn

    with refusing(BacktestError):
        result = run_backtest(
            config,
            candles,
            fill_on=FillOn(arguments.fill_on),
            detail=detail or None,
            warnings=(*parsed.warnings, *notes),
        )
    report = result_to_json(result, equity=arguments.equity)
    if arguments.json:
        print_json(report)
    else:
        from core.report.text import report_text

        print_text(report_text(report).rstrip("\n"))
    return Exit.DONE
