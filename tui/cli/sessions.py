"""The commands that a host carries out on its sessions: stop, pause, and what else there is."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from tui.cli.commands import Commands
from tui.cli.output import Exit, print_json, print_text, refusing
from tui.cli.speaking import ALL, known_session, no_such_session, run_on_host
from tui.cli.status import print_report
from tui.cli.workspace import workspace_of

if TYPE_CHECKING:
    from core.paper.attached import SocketLink
    from core.paper.snapshot import StartReply


def add_commands(commands: Commands) -> None:
    """Declare these commands."""
    parser = _add_on_session(commands, "stop", stop, "stop a session; prints its report")
    parser.add_argument("--flatten", action="store_true", help="close its positions first")
    _add_on_session(commands, "pause", pause, "block a session's entries; exits go on")
    _add_on_session(commands, "resume", resume, "allow entries, or take it up again")
    parser = _add_on_session(commands, "flatten", flatten, "close a session's positions")
    parser.add_argument("symbol", nargs="?", metavar="SYMBOL", help="only this one's")
    _add_on_session(commands, "restart", restart, "the same config as a new session", many=False)
    _add_on_session(commands, "archive", archive, "take an ended session out of the lists")
    _add_on_session(commands, "delete", delete, "remove an ended session and its files")


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


def stop(arguments: argparse.Namespace) -> int:
    """Stop sessions and print their reports."""
    from core.paper.reports import without_equity

    async def work() -> list[Mapping[str, object]]:
        link, ids = await _ids(arguments, living=True)
        return [await link.stop(one, flatten=arguments.flatten) for one in ids]

    reports = [without_equity(report) for report in run_on_host(work())]
    if arguments.json:
        print_json({"reports": reports} if arguments.id == ALL else reports[0])
        return Exit.DONE
    for found in reports:
        print_report(found, "text")
    return Exit.DONE


def pause(arguments: argparse.Namespace) -> int:
    """Block entries."""
    return _each(arguments, lambda link, one: link.pause(one), "paused", living=True)


def resume(arguments: argparse.Namespace) -> int:
    """Allow entries, and take up what was interrupted."""
    return _each(
        arguments, lambda link, one: link.resume(one), "resumed", living=True, interrupted=True
    )


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

    reply = run_on_host(work())
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
    interrupted: bool = False,
) -> int:
    """Give a command for one session, or for all to which it applies."""

    async def work() -> list[str]:
        link, ids = await _ids(arguments, living=living, interrupted=interrupted)
        for one in ids:
            await command(link, one)
        return ids

    ids = run_on_host(work())
    if arguments.json:
        print_json({"sessions": ids, "done": done})
    else:
        print_text(*(f"{one} {done}" for one in ids))
    return Exit.DONE


async def _ids(
    arguments: argparse.Namespace, *, living: bool | None, interrupted: bool = False
) -> tuple[SocketLink, list[str]]:
    """The host, and the sessions that are meant: one, or all that live (or have ended).

    With `interrupted`, those that were interrupted are meant as well.

    Where no host runs, one is started to take the sessions up.
    """
    from core.hosting import attach_or_start

    workspace = workspace_of(arguments)
    stored = workspace.session_ids()
    if not stored or arguments.id not in (ALL, *stored):
        raise no_such_session(arguments.id)
    link = await attach_or_start(workspace)
    sessions = (await link.fresh_snapshot()).sessions
    if arguments.id != ALL:
        return link, [known_session(arguments.id, sessions).id]
    ids = [
        one.id
        for one in sessions
        if living is None or one.state.ended is not living or (interrupted and one.interrupted)
    ]
    if not ids:
        raise no_such_session(ALL)
    return link, ids
