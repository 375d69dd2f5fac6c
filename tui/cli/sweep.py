"""The command that tries many settings of a strategy: sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from tui.cli.candle_arguments import add_data, add_part, swept_candles
from tui.cli.commands import Commands
from tui.cli.long_work import (
    LongWorkArguments,
    add_long_work,
    keep_found,
    long_work,
    say_how_to_go_on,
)
from tui.cli.output import Exit, Refusal, complain, print_json, print_text, refusing
from tui.cli.strategy_argument import StrategyArguments, add_strategy, parsed_strategy
from tui.cli.workspace import workspace_of

TOP = 20  # rows, unless asked otherwise
_MORE = """\
PATH=RANGE is FIRST:LAST[:STEP] (LAST included) or VALUE,VALUE,…, for example
  --set rsi.period=7:21 --set 'entry_conditions[0].value=20:40:5' --set stop_loss_pct=3,5,8

With --split 70 the first 70% of the time make the ranking, and the rest, which it has not seen,
stands beside it.

Ctrl-C ends it with the combinations that are finished (exit code 130). The same command again
goes on from there, also after one that was killed."""


class SweepArguments(StrategyArguments, LongWorkArguments, Protocol):
    """What `papertape sweep` is given."""

    set: list[str]
    sort: str
    top: int
    split: float | None
    csv: str | None


def add_commands(commands: Commands) -> None:
    """Declare this group."""
    parser = commands.add("sweep", sweep, "which settings would have done best", more=_MORE)
    add_strategy(parser)
    parser.add_argument(
        "--set", action="append", required=True, metavar="PATH=RANGE", help="what to vary"
    )
    add_data(parser, "a candle file; one for each symbol", required=True)
    add_part(parser)
    parser.add_argument(
        "--split", type=float, metavar="PERCENT", help="rank on the first part of the time only"
    )
    parser.add_argument(
        "--sort", default="sharpe_ratio", metavar="METRIC", help="(default: sharpe_ratio)"
    )
    parser.add_argument("--top", type=int, default=TOP, metavar="N", help=f"rows (default: {TOP})")
    parser.add_argument("--csv", metavar="FILE", help="write every row to a file as well")
    add_long_work(parser)


def sweep(arguments: SweepArguments) -> int:
    """Try every combination and print the best."""
    parsed = parsed_strategy(arguments)
    if arguments.top < 1:
        raise Refusal(f"--top {arguments.top}: expected 1 or more", Exit.BAD_INPUT)

    from core.backtest.axes import SweepError, parse_axis
    from core.backtest.progress import WorkCancelledError
    from core.backtest.run import BacktestError
    from core.backtest.sweep import sweep_to_csv, sweep_to_json
    from core.gate import FOLDS
    from core.gate.counted import counted_sweep
    from core.report.library import Terms
    from core.store.durable import OsDisk, write_export
    from core.time_format import wall_clock

    with refusing(SweepError):
        axes = [parse_axis(text) for text in arguments.set]
    part, notes = swept_candles(arguments, parsed.config, axes)
    said = (*parsed.warnings, *notes)
    for note in said:
        complain(f"papertape: {note}")
    with (
        refusing(WorkCancelledError, code=Exit.CANCELLED),
        refusing(SweepError, BacktestError),
        long_work(arguments, part) as how,
    ):
        asked = workspace_of(arguments).tries, parsed.config, axes, part.candles
        found, warning = counted_sweep(*asked, arguments.sort, arguments.split, wall_clock(), **how)
    if warning is not None:
        complain(f"papertape: {warning}")
    terms = Terms(tuple(arguments.set), arguments.sort, arguments.split, FOLDS)
    keep_found(arguments, found, parsed.config, terms, part, said)
    if arguments.csv and not found.complete:
        complain(f"papertape: {arguments.csv} is not written: it would look like all combinations")
    elif arguments.csv:
        with refusing(OSError, code=Exit.FAILED):
            write_export(Path(arguments.csv), sweep_to_csv(found).encode(), OsDisk())
    if arguments.json:
        print_json(sweep_to_json(found, arguments.top))
    else:
        from tui.cli.sweep_text import sweep_text

        print_text(*sweep_text(found, arguments.top))
    if found.complete:
        return Exit.DONE
    say_how_to_go_on(f"{len(found.rows):,} of {found.total:,} combinations", found.kept)
    return Exit.CANCELLED
