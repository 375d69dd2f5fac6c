"""The command that asks how much of a backtest is luck: gate."""

from __future__ import annotations

from typing import Protocol

from core.gate import FOLDS
from tui.cli.candle_arguments import add_data, add_part, swept_candles
from tui.cli.commands import Commands
from tui.cli.long_work import (
    LongWorkArguments,
    add_long_work,
    keep_found,
    long_work,
    say_how_to_go_on,
)
from tui.cli.output import Exit, complain, print_json, print_text, refusing
from tui.cli.strategy_argument import StrategyArguments, add_strategy, parsed_strategy
from tui.cli.workspace import workspace_of

_MORE = """\
With --set (PATH=RANGE, as in sweep) the best of the settings is judged, with all of them in mind.
The earlier tries of the strategy count in either case. What is judged, and how often that errs, is
in docs/gate.md. The exit code is 0 whatever the verdict is, and 130 where Ctrl-C ended it: then
there is none. The same command again goes on from where it was."""


class GateArguments(StrategyArguments, LongWorkArguments, Protocol):
    """What `papertape gate` is given."""

    set: list[str] | None
    folds: int
    anchored: bool
    sort: str
    seed: int


def add_commands(commands: Commands) -> None:
    """Declare this group."""
    parser = commands.add("gate", gate, "how much of a backtest is luck", more=_MORE)
    add_strategy(parser)
    parser.add_argument("--set", action="append", metavar="PATH=RANGE", help="what to vary")
    add_data(parser, "a candle file; one for each symbol", required=True)
    add_part(parser)
    parser.add_argument(
        "--folds",
        type=int,
        default=FOLDS,
        metavar="N",
        help=f"how often to choose on what was and trade what follows (default: {FOLDS})",
    )
    parser.add_argument(
        "--anchored", action="store_true", help="choose on all that was, not on the last part of it"
    )
    parser.add_argument(
        "--sort", default="sharpe_ratio", metavar="METRIC", help="(default: sharpe_ratio)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of what is drawn")
    add_long_work(parser)


def gate(arguments: GateArguments) -> int:
    """Judge a strategy and print what was found."""
    parsed = parsed_strategy(arguments)

    from core.backtest.axes import SweepError, parse_axis
    from core.backtest.run import BacktestError
    from core.gate.counted import counted_gate
    from core.gate.gate import UnfinishedGate
    from core.report.library import Terms
    from core.time_format import wall_clock

    with refusing(SweepError):
        axes = [parse_axis(text) for text in arguments.set or ()]
    part, notes = swept_candles(arguments, parsed.config, axes)
    said = (*parsed.warnings, *notes)
    for note in said:
        complain(f"papertape: {note}")
    ledger = workspace_of(arguments).tries
    with (
        refusing(SweepError, BacktestError, OSError),
        long_work(arguments, part) as how,
    ):
        asked = ledger, parsed.config, axes, part.candles
        found, warning = counted_gate(*asked, arguments, wall_clock(), **how)
    if warning is not None:
        complain(f"papertape: {warning}")
    terms = Terms(
        tuple(arguments.set or ()),
        arguments.sort,
        folds=arguments.folds,
        anchored=arguments.anchored,
        seed=arguments.seed,
    )
    keep_found(arguments, found, parsed.config, terms, part, said)
    if arguments.json:
        from core.gate.to_json import gate_to_json

        print_json(gate_to_json(found))
    else:
        from core.gate.gate_text import gate_text

        print_text(*gate_text(found))
    if isinstance(found, UnfinishedGate):
        say_how_to_go_on(f"{found.kept:,} backtests", found.kept)
        return Exit.CANCELLED
    return Exit.DONE
