"""The commands about sessions: start, status, stop and what else a host does with them."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from tui.cli.candle_arguments import files_by_symbol
from tui.cli.commands import Commands
from tui.cli.output import Exit, Refusal, print_json, print_text, refusing
from tui.cli.session_text import log_text, session_text, sessions_text
from tui.cli.strategy_argument import add_strategy, written_strategy
from tui.cli.workspace import prepared_workspace, workspace_of

if TYPE_CHECKING:
    from core.paper.attached import SocketLink
    from core.paper.snapshot import (
        HostSnapshot,
        LogLine,
        SessionSnapshot,
        StartReply,
        StartRequest,
    )

_T = TypeVar("_T")
ALL = "all"
_FOLLOW_EVERY = 0.3  # seconds
_WATCH_EVERY = 1.0


def add_commands(commands: Commands) -> None:
    """Declare this group."""
    commands.group("Sessions")
    _add_start(commands)
    parser = commands.add("status", status, "what runs and how it stands, or one session")
    parser.add_argument("id", nargs="?", metavar="ID")
    parser.add_argument("--watch", action="store_true", help="again every second")
    parser = _add_on_session(commands, "stop", stop, "stop a session; prints its report")
    parser.add_argument("--flatten", action="store_true", help="close its positions first")
    _add_on_session(commands, "pause", pause, "block a session's entries; exits go on")
    _add_on_session(commands, "resume", resume, "allow its entries again")
    parser = _add_on_session(commands, "flatten", flatten, "close a session's positions")
    parser.add_argument("symbol", nargs="?", metavar="SYMBOL", help="only this one's")
    _add_on_session(commands, "restart", restart, "the same config as a new session", many=False)
    _add_on_session(commands, "archive", archive, "take an ended session out of the lists")
    _add_on_session(commands, "delete", delete, "remove an ended session and its files")
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


def _add_on_session(
    commands: Commands,
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
    *,
    many: bool = True,
) -> argparse.ArgumentParser:
    parser = commands.add(name, run, summary)
    parser.add_argument("id", metavar="ID", help=f"a session, or `{ALL}`" if many else None)
    return parser


def _add_start(commands: Commands) -> None:
    parser = commands.add(
        "start",
        start,
        "start a strategy as a paper-trading session",
        more="Where no host runs, one without a screen is started.",
    )
    add_strategy(parser)
    parser.add_argument("--feed", choices=("live", "poll", "replay", "demo"), default="live")
    parser.add_argument(
        "--data", action="append", metavar="[SYMBOL=]FILE", help="replay: the candle file"
    )
    parser.add_argument("--speed", metavar="N|max", help="replay: times real time (default: max)")
    parser.add_argument("--exchange", metavar="NAME", help="poll: which one (default: binance)")
    parser.add_argument("--broker", choices=("simulated", "testnet"), default="simulated")
    end = parser.add_mutually_exclusive_group()
    end.add_argument("--for", dest="run_for", metavar="7d", help="how long, from when it runs")
    end.add_argument("--until", metavar="WHEN", help="until when (ISO 8601, UTC)")
    parser.add_argument("--fills", choices=("candle", "market"), help="which prices fill orders")
    parser.add_argument("--balance", type=float, metavar="N", help="the starting balance")


# ── start ──


def start(arguments: argparse.Namespace) -> int:
    """Start a session."""
    from core.paper.status_json import reply_to_json

    request = _request(arguments)
    workspace = prepared_workspace(arguments)

    async def work() -> StartReply:
        from core.hosting import attach_or_start

        link = await attach_or_start(workspace)
        return await link.start(request)

    reply = _run(work())
    if arguments.json:
        print_json(reply_to_json(reply))
    else:
        print_text(
            f"session {reply.session_id} is starting ({reply.mode})",
            *(f"note: {notice}" for notice in reply.notices),
            *(f"job {job}" for job in reply.jobs),
        )
    return Exit.DONE


def _request(arguments: argparse.Namespace) -> StartRequest:
    """What the arguments ask to be started; its config is known to be valid."""
    from core.market.spans import SpanError, parse_duration
    from core.paper.snapshot import BrokerKind, FeedKind, StartRequest
    from core.strategy.problems import ConfigError
    from core.trading.values import Fills

    with refusing(ConfigError, SpanError):
        written = written_strategy(arguments)
        config = written.parse(starting_balance=arguments.balance).config
        run_for = None if arguments.run_for is None else parse_duration(arguments.run_for)
    data = None
    if arguments.data:
        files = files_by_symbol("--data", arguments.data, config.symbols)
        data = {symbol: str(path.expanduser().absolute()) for symbol, path in files.items()}
    return StartRequest(
        config=written.document.config,
        feed=FeedKind(arguments.feed),
        broker=BrokerKind(arguments.broker),
        fills=None if arguments.fills is None else Fills(arguments.fills),
        data=data,
        speed=_speed(arguments.speed),
        run_for=run_for,
        until=None if arguments.until is None else moment_of("--until", arguments.until),
        starting_balance=arguments.balance,
        exchange=arguments.exchange,
    )


def _speed(text: str | None) -> float | None:
    if text in (None, "max"):
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise Refusal(f"--speed {text}: expected a number above 0, or max", Exit.BAD_INPUT)
    return speed


def moment_of(option: str, text: str) -> int:
    """UTC milliseconds of a time given with `option`."""
    from core.report.instants import parse_time

    try:
        return parse_time(text)
    except ValueError as error:
        raise Refusal(
            f"{option} {text}: expected a time such as 2026-02-11T10:00 (UTC unless it says)",
            Exit.BAD_INPUT,
        ) from error


# ── status, report, logs: also where no host runs ──


def status(arguments: argparse.Namespace) -> int:
    """Say what runs."""
    if arguments.watch:
        _run(_watch(arguments))
    else:
        _show_status(arguments, *_run(_all_sessions(arguments)))
    return Exit.DONE


async def _watch(arguments: argparse.Namespace) -> None:
    """Show the status every second until interrupted: on a terminal in place, else one by one."""
    in_place = sys.stdout.isatty() and not arguments.json
    while True:
        host, sessions = await _all_sessions(arguments)
        if in_place:
            sys.stdout.write("\x1b[H\x1b[2J")
        _show_status(arguments, host, sessions)
        await asyncio.sleep(_WATCH_EVERY)


def _show_status(
    arguments: argparse.Namespace,
    host: HostSnapshot | None,
    sessions: tuple[SessionSnapshot, ...],
) -> None:
    from core.paper.status_json import host_to_json, session_to_json

    shown: object
    if arguments.id is not None:
        session = _known(arguments.id, sessions)
        lines, shown = session_text(session), session_to_json(session)
    else:
        lines = sessions_text(host, sessions)
        shown = {
            "host": None if host is None else host_to_json(host),
            "sessions": [session_to_json(session) for session in sessions],
        }
    if arguments.json:
        print_json(shown, on_one_line=arguments.watch)
    else:
        print_text(*lines)


async def _all_sessions(
    arguments: argparse.Namespace,
) -> tuple[HostSnapshot | None, tuple[SessionSnapshot, ...]]:
    """The host, if one runs, and all sessions."""
    from core.hosting import attach
    from core.paper.resting import resting_sessions

    workspace = workspace_of(arguments)
    link = attach(workspace)
    if link is None:
        return None, await resting_sessions(workspace)
    snapshot = await link.fresh_snapshot()
    return snapshot, snapshot.sessions


def report(arguments: argparse.Namespace) -> int:
    """Print a session's report."""

    async def work() -> Mapping[str, object]:
        from core.hosting import attach
        from core.paper.resting import resting_report

        _, sessions = await _all_sessions(arguments)
        session = _known(arguments.id, sessions)
        link = attach(workspace_of(arguments))
        if link is None:
            return await resting_report(workspace_of(arguments), session.id)
        return await link.report(session.id)

    _print_report(_run(work()), "json" if arguments.json else arguments.format)
    return Exit.DONE


def _print_report(found: Mapping[str, Any], form: str) -> None:
    from core.report.markdown import report_markdown
    from core.report.page import report_page
    from core.report.spreadsheet import equity_csv, trades_csv
    from core.report.text import report_text

    match form:
        case "json":
            print_json(found)
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


def logs(arguments: argparse.Namespace) -> int:
    """Print what was logged."""
    from core.paper.status_json import log_line_to_json

    if arguments.follow:
        _run(_follow(arguments))
        return Exit.DONE

    async def work() -> tuple[LogLine, ...]:
        link = _host_of(arguments)
        if arguments.id is not None:
            _known(arguments.id, (await link.fresh_snapshot()).sessions)
        return link.logs(0, arguments.id)

    lines = _run(work())
    if arguments.json:
        print_json([log_line_to_json(line) for line in lines])
    else:
        print_text(*(log_text(line) for line in lines))
    return Exit.DONE


async def _follow(arguments: argparse.Namespace) -> None:
    """Print lines as they come: under --json each is an object on a line of its own."""
    from core.paper.status_json import log_line_to_json

    link = _host_of(arguments, follow=True)
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


# ── commands that only a host carries out ──


def stop(arguments: argparse.Namespace) -> int:
    """Stop sessions and print their reports."""

    async def work() -> list[Mapping[str, object]]:
        link, ids = await _ids(arguments, living=True)
        return [await link.stop(one, flatten=arguments.flatten) for one in ids]

    reports = _run(work())
    if arguments.json:
        print_json({"reports": reports} if arguments.id == ALL else reports[0])
        return Exit.DONE
    for found in reports:
        _print_report(found, "text")
    return Exit.DONE


def pause(arguments: argparse.Namespace) -> int:
    """Block entries."""
    return _each(arguments, lambda link, one: link.pause(one), "paused", living=True)


def resume(arguments: argparse.Namespace) -> int:
    """Allow entries."""
    return _each(arguments, lambda link, one: link.resume(one), "resumed", living=True)


def flatten(arguments: argparse.Namespace) -> int:
    """Close positions."""
    from core.market.symbols import SymbolError, unified_symbol

    with refusing(SymbolError):
        symbol = None if arguments.symbol is None else unified_symbol(arguments.symbol)
    return _each(arguments, lambda link, one: link.flatten(one, symbol), "flattening", living=True)


def archive(arguments: argparse.Namespace) -> int:
    """Take ended sessions out of the lists."""
    return _each(arguments, lambda link, one: link.archive(one), "archived", living=False)


def delete(arguments: argparse.Namespace) -> int:
    """Remove ended sessions."""
    return _each(arguments, lambda link, one: link.delete(one), "deleted", living=False)


def restart(arguments: argparse.Namespace) -> int:
    """Start a session's config anew."""
    from core.paper.status_json import reply_to_json

    async def work() -> StartReply:
        link, ids = await _ids(arguments, living=None)
        return await link.restart(ids[0])

    reply = _run(work())
    if arguments.json:
        print_json(reply_to_json(reply))
    else:
        print_text(f"session {reply.session_id} is starting ({reply.mode})")
    return Exit.DONE


def _each(
    arguments: argparse.Namespace,
    command: Callable[[SocketLink, str], Awaitable[None]],
    done: str,
    *,
    living: bool,
) -> int:
    """Give a command for one session, or for all to which it applies."""

    async def work() -> list[str]:
        link, ids = await _ids(arguments, living=living)
        for one in ids:
            await command(link, one)
        return ids

    ids = _run(work())
    if arguments.json:
        print_json({"sessions": ids, "done": done})
    else:
        print_text(*(f"{one} {done}" for one in ids))
    return Exit.DONE


async def _ids(
    arguments: argparse.Namespace, *, living: bool | None
) -> tuple[SocketLink, list[str]]:
    """The host, and the sessions that are meant: one, or all that live (or have ended).

    Where no host runs, one is started to take the sessions up.
    """
    from core.hosting import attach_or_start

    workspace = workspace_of(arguments)
    stored = workspace.session_ids()
    if not stored or arguments.id not in (ALL, *stored):
        raise _no_such(arguments.id)
    link = await attach_or_start(workspace)
    sessions = (await link.fresh_snapshot()).sessions
    if arguments.id != ALL:
        return link, [_known(arguments.id, sessions).id]
    ids = [one.id for one in sessions if living is None or one.state.ended is not living]
    if not ids:
        raise _no_such(ALL)
    return link, ids


def _known(session_id: str, sessions: tuple[SessionSnapshot, ...]) -> SessionSnapshot:
    for session in sessions:
        if session.id == session_id:
            return session
    raise _no_such(session_id)


def _no_such(session_id: str) -> Refusal:
    which = "session to do that with" if session_id == ALL else f"session {session_id!r}"
    return Refusal(f"there is no {which}: `papertape status` lists all", Exit.NOTHING_FOUND)


def _host_of(arguments: argparse.Namespace, *, follow: bool = False) -> SocketLink:
    """The host of the workspace, which must be running."""
    from core.hosting import attach

    workspace = workspace_of(arguments)
    link = attach(workspace, follow=follow)
    if link is None:
        raise Refusal(
            f"no host runs the workspace {workspace.root}: start papertape, or papertape host"
        )
    return link


def _run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a command's work; a host's refusal is one message."""
    from core.paper.link import CommandError
    from core.store.workspace import WorkspaceError

    with refusing(CommandError, code=Exit.FAILED), refusing(WorkspaceError):
        return asyncio.run(work)
