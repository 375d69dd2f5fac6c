"""The command that puts backtest, paper and live side by side: compare."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tui.cli.commands import Commands
from tui.cli.output import Exit, Refusal, print_json, print_text, refusing
from tui.cli.strategy_argument import add_strategy, parsed_strategy
from tui.cli.workspace import workspace_of

if TYPE_CHECKING:
    from core.store.workspace import Workspace
    from core.strategy.config import StrategyConfig


def add_commands(commands: Commands) -> None:
    """Declare this group's command."""
    parser = commands.add(
        "compare",
        compare,
        "backtest, paper and live of a strategy side by side",
        more=(
            "The backtest is the one saved in the strategy's document (backtest --save), paper\n"
            "all ended sessions of the strategy, live what trades.jsonl has of it."
        ),
    )
    add_strategy(parser)
    parser.add_argument("--session", metavar="ID", help="this session only, also while it runs")
    parser.add_argument(
        "--live-balance",
        type=float,
        metavar="N",
        help="the real account before its first trade",
    )


def compare(arguments: argparse.Namespace) -> int:
    """Print what the columns say, and what may be concluded."""
    from core.report.comparison_text import comparison_text, comparison_to_json
    from core.validation import ended_reports, validate_strategy

    config = parsed_strategy(arguments).config
    workspace = workspace_of(arguments)
    if arguments.session is None:
        reports = ended_reports(workspace, config.name, config.timeframe)
    else:
        reports = [_report(workspace, arguments.session, config)]
    with refusing(OSError, code=Exit.FAILED):
        comparison = validate_strategy(
            workspace,
            config,
            now=int(time.time() * 1_000),
            reports=reports,
            live_balance=arguments.live_balance,
        )
    if not comparison.columns:
        raise Refusal(
            "\n".join(["there is nothing to compare", *comparison.missing]), Exit.NOTHING_FOUND
        )
    if arguments.json:
        print_json(comparison_to_json(comparison))
    else:
        print_text(comparison_text(comparison).rstrip("\n"))
    return Exit.DONE


def _report(workspace: Workspace, session_id: str, config: StrategyConfig) -> Mapping[str, Any]:
    """The report of one session, as it stands."""
    from core.hosting import attach
    from core.paper.link import CommandError
    from core.paper.resting import resting_report
    from core.store.workspace import WorkspaceError

    async def work() -> Mapping[str, Any]:
        if session_id not in workspace.session_ids():
            raise Refusal(
                f"there is no session {session_id!r}: `papertape status` lists all",
                Exit.NOTHING_FOUND,
            )
        link = attach(workspace)
        if link is None:
            return await resting_report(workspace, session_id)
        return await link.report(session_id)

    with refusing(WorkspaceError), refusing(CommandError, code=Exit.FAILED):
        report = asyncio.run(work())
    if report["strategy"] != config.name:
        raise Refusal(
            f"session {session_id} runs {report['strategy']}, not {config.name}", Exit.BAD_INPUT
        )
    return report
