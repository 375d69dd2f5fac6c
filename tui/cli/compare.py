"""The command that puts backtest, paper and live side by side: compare."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from core.text import composed
from core.time_format import wall_clock
from tui.cli.commands import Commands
from tui.cli.output import Exit, Refusal, complain, print_json, print_text, refusing
from tui.cli.speaking import run_on_host
from tui.cli.start import moment_of
from tui.cli.strategy_argument import StrategyArguments, Written, add_strategy, written_strategy
from tui.cli.workspace import existing_workspace

if TYPE_CHECKING:
    from core.compare.comparison import ComparisonResult
    from core.compare.request import ComparisonRequest
    from core.strategy.config.config import StrategyConfig

_LATEST = 253_402_300_799_999  # 9999-12-31


class CompareArguments(StrategyArguments, Protocol):
    """What `papertape compare` is given."""

    session: list[str] | None
    live: str | None
    since: str | None
    until: str | None
    balance: float | None
    fetch: bool
    save: bool


def add_commands(commands: Commands) -> None:
    """Declare this group's command."""
    parser = commands.add(
        "compare",
        compare,
        "backtest, paper and live of a strategy side by side",
        more=(
            "The backtest is the one saved with `backtest --save`; paper all ended sessions and\n"
            "running trials of the strategy, but for those on candle files (replay sessions);\n"
            'live what trades.jsonl has of source "strategy:NAME". Each session is also\n'
            "compared, trade by trade, with its replay: a backtest of its own period."
        ),
    )
    add_strategy(parser)
    parser.add_argument(
        "--session",
        action="append",
        metavar="ID",
        help="this session only, also while it runs (STRATEGY may then be left out); may be given "
        "several times",
    )
    parser.add_argument(
        "--since",
        metavar="WHEN",
        help="only trades closed from then on (UTC); a trial is judged whole",
    )
    parser.add_argument("--until", metavar="WHEN", help="only trades closed before then (UTC)")
    parser.add_argument("--live", metavar="FILE", help="live trades (default: trades.jsonl)")
    parser.add_argument(
        "--balance",
        "--live-balance",
        dest="balance",
        type=float,
        metavar="N",
        help="the live account before its first trade, for its drawdown, Sharpe and return",
    )
    parser.add_argument(
        "--fetch",
        action="store_true",
        help="compare sessions with a backtest on the candles the exchange tells now",
    )
    parser.add_argument(
        "--save",
        action="store_true",
        help="write paper figures and observations into the strategy's document",
    )


def compare(arguments: CompareArguments) -> int:
    """Print what the columns say, and what may be concluded."""
    from core.compare.text import comparison_text
    from core.compare.to_json import comparison_to_json
    from core.strategy.config.problems import ConfigError

    with refusing(ConfigError):
        written = _written(arguments)
        config = written.parse().config
    if arguments.save and written.path is None:
        raise Refusal("--save needs a strategy that stands in a file", Exit.BAD_INPUT)
    result = _compared(arguments, _request(arguments, written, config))
    if not result.columns:
        raise Refusal(
            "\n".join(["there is nothing to compare", *result.missing, *result.notes]),
            Exit.NOTHING_FOUND,
        )
    if arguments.json:
        print_json(comparison_to_json(result))
    else:
        print_text(comparison_text(result).rstrip("\n"))
    if arguments.save and written.path is not None:
        _save(written.path, result, to_stdout=not arguments.json)
    return Exit.DONE


def _written(arguments: CompareArguments) -> Written:
    """The strategy that is named, else the session's: as it is now, else as it was started with.

    Raises:
        Refusal: there is neither.
        ConfigError: it cannot be read as a strategy.
    """
    from core.strategy.document.document import strategy_document

    sessions = arguments.session or [""]
    if arguments.strategy is None and arguments.config is None and sessions[0]:
        arguments.strategy = str(_started_with(arguments, sessions[0]).get("name"))
    try:
        return written_strategy(arguments)
    except Refusal as refusal:
        if refusal.code is not Exit.NOTHING_FOUND or not sessions[0]:
            raise
        config = _started_with(arguments, sessions[0])
        if config.get("name") != composed(arguments.strategy or ""):
            raise
        return Written(strategy_document(json.dumps(config), f"session {sessions[0]}"))


def _started_with(arguments: CompareArguments, session_id: str) -> dict[str, Any]:
    """The config that a session was started with."""
    from core.journal.manifest import read_manifest
    from core.store.journal_file import JournalError
    from core.store.workspace import WorkspaceError

    try:
        return read_manifest(existing_workspace(arguments).session(session_id)).config
    except (JournalError, WorkspaceError) as error:
        raise Refusal(f"session {session_id}: {error}", Exit.NOTHING_FOUND) from error


def _request(
    arguments: CompareArguments, written: Written, config: StrategyConfig
) -> ComparisonRequest:
    from core.compare.request import ComparisonRequest
    from core.store.workspace import expanded

    if arguments.balance is not None and not 0 < arguments.balance < float("inf"):
        raise Refusal(f"--balance {arguments.balance:g}: expected a number above 0", Exit.BAD_INPUT)
    live = None if arguments.live is None else expanded(arguments.live)
    if live is not None and not live.is_file():
        raise Refusal(f"--live {live}: there is no such file", Exit.NOTHING_FOUND)
    return ComparisonRequest(
        strategy=config.name,
        timeframe=config.timeframe,
        document=written.path,
        blocks=written.document.config,
        sessions=tuple(dict.fromkeys(arguments.session or ())),
        live=live,
        balance=arguments.balance,
        period=_period(arguments),
        fetch=arguments.fetch,
    )


def _period(arguments: CompareArguments) -> tuple[int, int] | None:
    if arguments.since is None and arguments.until is None:
        return None
    since = 0 if arguments.since is None else moment_of("--since", arguments.since)
    until = _LATEST if arguments.until is None else moment_of("--until", arguments.until)
    if since >= until:
        raise Refusal("--since must come before --until", Exit.BAD_INPUT)
    return since, until


def _compared(arguments: CompareArguments, request: ComparisonRequest) -> ComparisonResult:
    from core.bootstrap import report_source
    from core.compare.request import ComparisonError, UnknownSessionError
    from core.compare.service import compare_strategy

    workspace = existing_workspace(arguments)
    with (
        refusing(ComparisonError, code=Exit.FAILED),
        refusing(UnknownSessionError, code=Exit.NOTHING_FOUND),
    ):
        return run_on_host(compare_strategy(workspace, request, report_source(workspace)))


def _save(path: Path, result: ComparisonResult, *, to_stdout: bool) -> None:
    """Write the paper figures into the strategy's document, after showing what changes."""
    from core.compare.document_block import paper_change
    from core.strategy.config.problems import ConfigError

    if len(result.reports) != 1:
        raise Refusal(
            f"--save writes the figures of one session, and {len(result.reports)} were compared: "
            "name it with --session ID",
            Exit.BAD_INPUT,
        )
    (report,) = result.reports
    with refusing(ConfigError, OSError, code=Exit.FAILED):
        change = paper_change(path, report, result, wall_clock())
        (print_text if to_stdout else complain)(*change.difference)
        change.write()
    complain(f"papertape: written into {path}")
