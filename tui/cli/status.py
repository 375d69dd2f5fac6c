"""The commands that look at sessions, also where no host runs: status, logs, report."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Protocol

from tui.cli.commands import Arguments, Commands
from tui.cli.output import Exit, Refusal, complain, print_json, print_text, refusing
from tui.cli.session_text import log_text, session_text, sessions_text
from tui.cli.speaking import no_such_session, run_on_host, running_host
from tui.cli.workspace import existing_workspace

if TYPE_CHECKING:
    from core.session.snapshot import HostSnapshot, LogLine, SessionSnapshot
    from core.trial.expectation import Expectation

_FOLLOW_EVERY = 0.3  # seconds
_WATCH_EVERY = 1.0


class StatusArguments(Arguments, Protocol):
    """What `papertape status` is given."""

    id: str | None
    watch: bool
    archived: bool
    since: str | None


class LogsArguments(Arguments, Protocol):
    """What `papertape logs` is given."""

    id: str | None
    follow: bool


class ReportArguments(Arguments, Protocol):
    """What `papertape report` is given."""

    id: str
    format: str
    equity: bool
    resample: int | None


def add_commands(commands: Commands) -> None:
    """Declare these commands."""
    parser = commands.add("status", status, "what runs and how it stands, or one session")
    parser.add_argument("id", nargs="?", metavar="ID")
    parser.add_argument("--watch", action="store_true", help="again every second")
    parser.add_argument("--archived", action="store_true", help="those taken out of the lists")
    parser.add_argument(
        "--since",
        metavar="LOOK",
        help="with --json ID: also new_trades, closed after an earlier look (its trades_count or "
        "as_of)",
    )
    parser = commands.add("logs", logs, "what a session, or everything, has logged")
    parser.add_argument("id", nargs="?", metavar="ID")
    parser.add_argument("-f", "--follow", action="store_true", help="go on until interrupted")
    parser = commands.add("report", report, "a session's report, as it stands or final")
    parser.add_argument("id", metavar="ID")
    parser.add_argument(
        "--format",
        choices=("text", "md", "json", "html", "csv", "equity-csv"),
        default="text",
        help="csv: its trades; equity-csv: its equity at every candle",
    )
    parser.add_argument(
        "--equity", action="store_true", help="with --json: the equity at every candle as well"
    )
    parser.add_argument(
        "--resample",
        type=int,
        metavar="N",
        help="with what its trades would bring again, drawn anew N times",
    )


def status(arguments: StatusArguments) -> int:
    """Say what runs."""
    if arguments.since is not None and arguments.id is None:
        raise Refusal("--since goes with a session's ID", Exit.BAD_INPUT)
    run_on_host(_watch(arguments) if arguments.watch else _show_status(arguments))
    return Exit.DONE


async def _watch(arguments: StatusArguments) -> None:
    """Show the status every second until interrupted: on a terminal in place, else one by one."""
    in_place = sys.stdout.isatty() and not arguments.json
    while True:
        await _show_status(arguments, before="\x1b[H\x1b[2J" if in_place else "")
        await asyncio.sleep(_WATCH_EVERY)


async def _show_status(arguments: StatusArguments, before: str = "") -> None:
    """Show what runs, or one session; `before` is written first, once all is known."""
    from core.bootstrap import looked_at
    from core.host.status_json import host_to_json, session_to_json, since_of, status_to_json

    shown: object
    if arguments.id is not None:
        with refusing(ValueError):
            since = None if arguments.since is None else since_of(arguments.since)
        workspace = existing_workspace(arguments)
        found = await looked_at(workspace, arguments.id, archived=arguments.archived)
        if found is None:
            raise no_such_session(arguments.id)
        lines, shown = session_text(*found), status_to_json(*found, since)
    else:
        host, sessions = await all_sessions(arguments, archived=arguments.archived)
        lines = sessions_text(host, sessions)
        shown = {
            "host": None if host is None else host_to_json(host),
            "sessions": [session_to_json(session) for session in sessions],
        }
    sys.stdout.write(before)
    if arguments.json:
        print_json(shown, on_one_line=arguments.watch)
    else:
        print_text(*lines)


async def all_sessions(
    arguments: Arguments, *, archived: bool = False
) -> tuple[HostSnapshot | None, tuple[SessionSnapshot, ...]]:
    """The host, if one runs, and all sessions that are (not) archived."""
    from core.bootstrap import attach
    from core.host.offline import offline_sessions

    workspace = existing_workspace(arguments)
    link = attach(workspace)
    if link is None:
        return None, await offline_sessions(workspace, archived=archived)
    snapshot = await link.fresh_snapshot()
    return snapshot, await link.archived() if archived else snapshot.sessions


def report(arguments: ReportArguments) -> int:
    """Print a session's report."""

    async def work() -> Mapping[str, object]:
        from core.bootstrap import attach
        from core.host.offline import offline_report

        workspace = existing_workspace(arguments)
        if arguments.id not in workspace.session_ids():
            raise no_such_session(arguments.id)
        link = attach(workspace)
        if link is None:
            return await offline_report(workspace, arguments.id)
        return await link.report(arguments.id)

    form = "json" if arguments.json else arguments.format
    if arguments.resample is not None and form not in ("json", "text"):
        raise Refusal("--resample goes with the text and with --json", Exit.BAD_INPUT)
    found = run_on_host(work())
    draws = arguments.resample
    expected = None if draws is None else _resampled(arguments, found, draws)
    if expected is not None and form == "json":
        found = {**found, "expectation": asdict(expected)}
    whole = existing_workspace(arguments).session(arguments.id) / "equity.csv"
    if form == "equity-csv" and whole.is_file():  # that of the report is thinned
        print_text(whole.read_text("utf-8").rstrip("\n"))
    else:
        print_report(found, form, equity=arguments.equity)
    if expected is not None and form == "text":
        from core.gate.gate_text import expectation_lines

        print_text("", *expectation_lines(expected))
    return Exit.DONE


def _resampled(arguments: ReportArguments, report: Mapping[str, Any], draws: int) -> Expectation:
    """What the closed trades of a report would bring again."""
    from core.journal.manifest import read_manifest
    from core.report.result import trade_from_json
    from core.store.journal_file import JournalError
    from core.trial.expectation import expectation
    from core.trial.seal import trade_returns

    trades = [trade_from_json(trade) for trade in report["trades"]]
    with refusing(JournalError, ValueError):
        record = read_manifest(existing_workspace(arguments).session(arguments.id))
        fixed = record.strategy().orders.fixed_amount
        returns = trade_returns(trades, float(report["starting_balance"]), fixed_amount=fixed)
        return expectation(returns, draws, fixed_amount=fixed)


def print_report(found: Mapping[str, Any], form: str, *, equity: bool = False) -> None:
    """Print a report in one of the forms of `papertape report --format`."""
    from core.report.html import report_page
    from core.report.markdown import report_markdown
    from core.report.spreadsheet import equity_csv, trades_csv
    from core.report.text import report_text
    from core.session.reports import without_equity

    match form:
        case "json":
            print_json(found if equity else without_equity(found))
        case "md":
            print_text(report_markdown(found).rstrip("\n"))
        case "html":
            print_text(report_page(found).rstrip("\n"))
        case "csv":
            print_text(trades_csv(found).rstrip("\n"))
        case "equity-csv":
            print_text(equity_csv(found).rstrip("\n"))
        case _:
            print_text(report_text(found).rstrip("\n"))


def logs(arguments: LogsArguments) -> int:
    """Print what was logged."""
    from core.host.status_json import log_line_to_json

    if arguments.follow:
        run_on_host(_follow(arguments))
        return Exit.DONE

    async def work() -> tuple[LogLine, ...]:
        from core.bootstrap import attach
        from core.host.offline import earlier_logs, offline_logs

        workspace = existing_workspace(arguments)
        if arguments.id is not None and arguments.id not in workspace.session_ids():
            raise no_such_session(arguments.id)
        link = attach(workspace)
        if link is None:
            return await offline_logs(workspace, arguments.id)
        snapshot = await link.fresh_snapshot()
        earlier = await earlier_logs(workspace, snapshot.since, arguments.id)
        lines = (*earlier, *link.logs(0, arguments.id))
        return tuple(replace(line, number=number) for number, line in enumerate(lines, start=1))

    lines = run_on_host(work())
    if arguments.json:
        print_json([log_line_to_json(line) for line in lines])
    elif lines:
        print_text(*(log_text(line) for line in lines))
    else:
        complain("nothing is logged yet")
    return Exit.DONE


async def _follow(arguments: LogsArguments) -> None:
    """Print lines as they come: under --json each is an object on a line of its own."""
    from core.host.status_json import log_line_to_json

    link = running_host(arguments, follow=True)
    seen = 0
    while link.lost is None:
        for line in link.logs(seen, arguments.id):
            if arguments.json:
                print_json(log_line_to_json(line), on_one_line=True)
            else:
                print_text(log_text(line))
            seen = line.number
        await asyncio.sleep(_FOLLOW_EVERY)
    raise Refusal(link.lost)
