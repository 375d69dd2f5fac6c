"""The command that puts a backtest's promise to the test: trial."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from tui.cli.commands import Commands
from tui.cli.output import Exit, Refusal, refusing
from tui.cli.start import add_start_options, request_of, start_session
from tui.cli.strategy_argument import add_strategy, written_strategy

if TYPE_CHECKING:
    from core.session.snapshot import TrialTerms

_DAY = 86_400_000
_MORE = """\
The trial's question is sealed before its first candle: the config, its saved backtest, how long it
runs and how often it may be wrong. So its verdict (`papertape compare`) holds although it is looked
at after every trade. Everything else is as for `papertape start`.

  papertape trial NAME --horizon 60d      judged over 60 days, which it then runs for
  papertape trial NAME --trades 80        judged over its first 80 closed trades"""


def add_commands(commands: Commands) -> None:
    """Declare this command."""
    parser = commands.add(
        "trial", trial, "start a session whose question is sealed before it begins", more=_MORE
    )
    add_strategy(parser)
    horizon = parser.add_mutually_exclusive_group()
    horizon.add_argument("--horizon", metavar="60d", help="how long it is judged (default: 60d)")
    horizon.add_argument("--trades", type=int, metavar="N", help="judged over so many trades")
    add_start_options(parser)


def trial(arguments: argparse.Namespace) -> int:
    """Start a trial."""
    from core.strategy.config.problems import ConfigError

    terms = _terms(arguments)
    request = request_of(arguments)
    with refusing(ConfigError):
        written = written_strategy(arguments)
    if written.path is not None:
        terms = replace(terms, document=str(written.path.resolve()))
    return start_session(arguments, replace(request, trial=terms))


def _terms(arguments: argparse.Namespace) -> TrialTerms:
    """The horizon that the arguments ask for."""
    from core.market.candles.durations import SpanError, parse_duration
    from core.session.snapshot import TrialTerms

    if arguments.trades is not None and arguments.trades < 1:
        raise Refusal(f"--trades {arguments.trades}: expected 1 or more", Exit.BAD_INPUT)
    if arguments.trades is not None:
        return TrialTerms(trades=arguments.trades)
    if arguments.horizon is None:
        return TrialTerms()
    with refusing(SpanError):
        return TrialTerms(days=parse_duration(arguments.horizon) / _DAY)
