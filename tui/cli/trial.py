"""The command that puts a backtest's promise to the test: trial, and trial plan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from tui.cli.commands import Commands
from tui.cli.output import Exit, Refusal, print_json, print_text, refusing
from tui.cli.start import SessionOptions, add_start_options, start_request, start_session
from tui.cli.strategy_argument import parsed_strategy, written_strategy
from tui.cli.workspace import workspace_of

if TYPE_CHECKING:
    from core.session.snapshot import TrialTerms

_DAY = 86_400_000
_MORE = """\
The trial's question is sealed before its first candle: the config, its saved backtest, how long it
runs and how often it may be wrong. So its verdict (`papertape compare`) holds although it is looked
at after every trade. Everything else is as for `papertape start`.

  papertape trial NAME --horizon 60d      judged over 60 days, which it then runs for
  papertape trial NAME --trades 80        judged over its first 80 closed trades
  papertape trial plan NAME               what such a trial can tell, and when; starts nothing"""


class TrialArguments(SessionOptions, Protocol):
    """What `papertape trial` is given."""

    words: list[str]
    horizon: str | None
    trades: int | None


def add_commands(commands: Commands) -> None:
    """Declare this command."""
    parser = commands.add(
        "trial", trial, "start a session whose question is sealed before it begins", more=_MORE
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="[plan] STRATEGY",
        help="the name of one in the workspace or of a sample, a path, or - for standard input",
    )
    parser.add_argument("--config", metavar="JSON", help="the config itself, instead of STRATEGY")
    horizon = parser.add_mutually_exclusive_group()
    horizon.add_argument("--horizon", metavar="60d", help="how long it is judged (default: 60d)")
    horizon.add_argument("--trades", type=int, metavar="N", help="judged over so many trades")
    add_start_options(parser)


def trial(arguments: TrialArguments) -> int:
    """Start a trial, or say what it could tell."""
    words = list(arguments.words)
    plans = words[:1] == ["plan"] and (len(words) == 2 or arguments.config is not None)
    if plans:
        words.pop(0)
    if len(words) > 1:
        raise Refusal(f"one STRATEGY at a time, found {' '.join(words)[:80]}", Exit.BAD_INPUT)
    arguments.strategy = words[0] if words else None
    return _plan(arguments) if plans else _start(arguments)


def _start(arguments: TrialArguments) -> int:
    request = start_request(arguments)
    return start_session(arguments, replace(request, trial=_terms(arguments)))


def _plan(arguments: TrialArguments) -> int:
    """What a trial could tell; nothing is started."""
    from core.host.link import BadRequestError
    from core.host.trial_chances import planned
    from core.strategy.config.problems import ConfigError
    from core.text import aligned
    from core.time_format import wall_clock
    from core.trial.sealing import NoPromiseError

    terms, workspace = _terms(arguments), workspace_of(arguments)
    config = parsed_strategy(arguments, starting_balance=arguments.balance).config
    with refusing(BadRequestError, NoPromiseError, ConfigError):
        plan, warnings = planned(config, terms, workspace, wall_clock())
    if arguments.json:
        print_json({**plan.to_json(), "warnings": warnings})
    else:
        print_text(*(f"note: {warning}" for warning in warnings), *aligned(plan.rows))
    return Exit.DONE


def _terms(arguments: TrialArguments) -> TrialTerms:
    """The horizon that the arguments ask for."""
    from core.market.candles.durations import SpanError, parse_duration
    from core.session.snapshot import TrialTerms
    from core.strategy.config.problems import ConfigError

    if arguments.trades is not None and arguments.trades < 1:
        raise Refusal(f"--trades {arguments.trades}: expected 1 or more", Exit.BAD_INPUT)
    with refusing(SpanError, ConfigError):
        path = written_strategy(arguments).path
        days = None if arguments.horizon is None else parse_duration(arguments.horizon) / _DAY
    return TrialTerms(days, arguments.trades, None if path is None else str(path.resolve()))
