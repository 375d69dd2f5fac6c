"""The commands that a host carries out on its sessions: stop, pause, and what else there is."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from tui.cli.commands import Arguments, Commands
from tui.cli.output import Exit, Refusal, complain, print_json, print_text, refusing
from tui.cli.speaking import ALL, no_such_session, run_on_host
from tui.cli.status import print_report
from tui.cli.workspace import existing_workspace

if TYPE_CHECKING:
    from core.host.socket_link import SocketLink
    from core.session.snapshot import StartReply

_T = TypeVar("_T")


class SessionArguments(Arguments, Protocol):
    """What the commands on sessions are given."""

    id: str


class StopArguments(SessionArguments, Protocol):
    """What `papertape stop` is given."""

    flatten: bool


class SymbolArguments(SessionArguments, Protocol):
    """What the commands on a session, or on one of its symbols, are given."""

    symbol: str | None


class NoteArguments(SessionArguments, Protocol):
    """What `papertape note` is given."""

    text: str
    tag: list[str]


class AlertArguments(SymbolArguments, Protocol):
    """What `papertape alert` is given, beside a number for each kind of alert."""

    clear: bool


class EnterArguments(SymbolArguments, Protocol):
    """What `papertape enter` is given."""

    side: str


def add_commands(commands: Commands) -> None:
    """Declare these commands."""
    parser = _add_on_session(commands, "stop", stop, "stop a session; prints its report")
    parser.add_argument("--flatten", action="store_true", help="close its positions first")
    _add_on_session(commands, "pause", pause, "block a session's entries; exits go on", part=True)
    _add_on_session(commands, "resume", resume, "allow entries, or take it up again", part=True)
    _add_on_session(commands, "flatten", flatten, "close a session's positions", part=True)
    parser = _add_on_session(
        commands, "enter", enter, "enter a position by hand at the next price", many=False
    )
    parser.add_argument("side", choices=("long", "short"))
    parser.add_argument(
        "symbol", nargs="?", metavar="SYMBOL", help="needed where the session trades several"
    )
    parser = _add_on_session(
        commands,
        "note",
        note,
        "a note on a session, and tags; without any, takes them away",
        many=False,
    )
    parser.add_argument("text", nargs="?", default="", metavar="TEXT")
    parser.add_argument("--tag", action="append", default=[], metavar="TAG", help="several times")
    parser = _add_on_session(
        commands, "alert", alert, "be told once of a price, a drawdown or no trade", many=False
    )
    parser.add_argument("--symbol", metavar="S", help="whose price; needed where there are several")
    for name, about in (
        ("--above", "the price is so high"),
        ("--below", "the price is so low"),
        ("--drawdown", "equity has fallen so many per cent from its highest"),
    ):
        parser.add_argument(name, type=float, metavar="N", help=about)
    parser.add_argument(
        "--no-trade", type=_days, metavar="7d", help="nothing was entered or left for so long"
    )
    parser.add_argument("--clear", action="store_true", help="of nothing asked for before")
    _add_on_session(commands, "restart", restart, "the same config as a new session", many=False)
    _add_on_session(commands, "archive", archive, "take an ended session out of the lists")
    _add_on_session(commands, "unarchive", unarchive, "put it back into the lists", many=False)
    _add_on_session(commands, "delete", delete, "remove an ended session and its files")


def _add_on_session(
    commands: Commands,
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
    *,
    many: bool = True,
    part: bool = False,
) -> argparse.ArgumentParser:
    parser = commands.add(name, run, summary)
    parser.add_argument("id", metavar="ID", help=f"a session, or `{ALL}`" if many else None)
    if part:
        parser.add_argument("symbol", nargs="?", metavar="SYMBOL", help="of this one alone")
    return parser


def stop(arguments: StopArguments) -> int:
    """Stop sessions and print their reports."""
    from core.session.reports import without_equity

    reports, refusals = _carry_out(
        arguments, lambda link, one: link.stop(one, flatten=arguments.flatten), living=True
    )
    found = [without_equity(report) for report in reports.values()]
    if arguments.json:
        print_json({"reports": found} if arguments.id == ALL else found[0])
    else:
        for report in found:
            print_report(report, "text")
    return _told(refusals)


def pause(arguments: SymbolArguments) -> int:
    """Block entries."""
    symbol = _symbol(arguments)
    return _each(arguments, lambda link, one: link.pause(one, symbol), "paused", living=True)


def resume(arguments: SymbolArguments) -> int:
    """Allow entries, and take up what was interrupted."""
    symbol = _symbol(arguments)
    return _each(
        arguments,
        lambda link, one: link.resume(one, symbol),
        "resumed",
        living=True,
        interrupted=symbol is None,
    )


def flatten(arguments: SymbolArguments) -> int:
    """Close positions, where any are open."""
    from core.host.link import CommandError

    symbol = _symbol(arguments)

    async def close(link: SocketLink, one: str) -> bool:
        shown = (await link.fresh_snapshot()).sessions
        session = next((each for each in shown if each.id == one and not each.unread), None)
        held = () if session is None else [each.symbol for each in session.open_positions]
        known = session is not None and symbol in (None, *session.symbols)
        if not known or symbol in held or (held and symbol is None):
            await link.flatten(one, symbol)  # which refuses what there is not, or is not traded
            return True
        if arguments.id != ALL:
            where = "" if symbol is None else f" in {symbol}"
            raise CommandError(f"session {one} has no open position{where} to close")
        return False

    answers, refusals = _carry_out(arguments, close, living=True)
    return _done(
        arguments, [one for one, asked in answers.items() if asked], "flattening", refusals
    )


def enter(arguments: EnterArguments) -> int:
    """Enter a position."""
    from core.host.link import BadRequestError
    from core.trading.values import Side

    wanted = _symbol(arguments)

    async def ask(link: SocketLink, one: str) -> None:
        shown = (await link.fresh_snapshot()).sessions
        traded = next((each.symbols for each in shown if each.id == one), ())
        if wanted is None and len(traded) > 1:
            raise BadRequestError(f"name one of {', '.join(traded)}")
        await link.enter(one, wanted or "".join(traded), Side(arguments.side))

    return _each(arguments, ask, f"enters {arguments.side} at the next price", living=True)


def note(arguments: NoteArguments) -> int:
    """Put down a note and tags."""
    tags = tuple(arguments.tag)
    return _each(
        arguments, lambda link, one: link.annotate(one, arguments.text, tags), "noted", living=False
    )


def alert(arguments: AlertArguments) -> int:
    """Add to what the user is told of."""
    from core.host.link import BadRequestError
    from core.journal.session_notes import AlertKind, AlertRule

    symbol = _symbol(arguments)
    given = {kind: getattr(arguments, kind.value) for kind in AlertKind}
    given = {kind: value for kind, value in given.items() if value is not None}
    if not given and not arguments.clear:
        options = ", ".join(f"--{kind.value.replace('_', '-')}" for kind in AlertKind)
        raise Refusal(f"expected what to tell of ({options}), or --clear", Exit.BAD_INPUT)
    for kind, value in given.items():
        if not math.isfinite(value):
            raise Refusal(f"--{kind.value}: expected a number, found {value}", Exit.BAD_INPUT)

    async def ask(link: SocketLink, one: str) -> None:
        shown = next(
            (each for each in (await link.fresh_snapshot()).sessions if each.id == one), None
        )
        symbols = () if shown is None else shown.symbols
        wanted = [] if shown is None or arguments.clear else [*shown.notes.alerts]
        for kind, value in given.items():
            of = None
            if kind in (AlertKind.ABOVE, AlertKind.BELOW):
                if symbol is None and len(symbols) > 1:
                    raise BadRequestError(f"--symbol: expected one of {', '.join(symbols)}")
                of = symbol or "".join(symbols)
            wanted.append(AlertRule(kind, value, of))
        await link.set_alerts(one, tuple(wanted))

    return _each(arguments, ask, "tells of it", living=True)


def _days(text: str) -> float:
    """Days, of a bare number or of a duration such as `12h`."""
    from core.market.candles.durations import SpanError, parse_duration
    from core.market.candles.timeframes import DAY

    if re.fullmatch(r"[\d.]+", text):
        text += "d"
    try:
        return parse_duration(text) / DAY
    except SpanError as error:
        raise argparse.ArgumentTypeError(f"{error}; a bare number is days") from error


def _symbol(arguments: SymbolArguments) -> str | None:
    """The symbol that is meant alone, in ccxt's form."""
    from core.market.symbols import SymbolError, unified_symbol

    with refusing(SymbolError):
        return None if arguments.symbol is None else unified_symbol(arguments.symbol)


def archive(arguments: SessionArguments) -> int:
    """Take ended sessions out of the lists."""
    return _each(arguments, lambda link, one: link.archive(one), "archived", living=False)


def unarchive(arguments: SessionArguments) -> int:
    """Put an archived session back into the lists."""
    return _each(arguments, lambda link, one: link.unarchive(one), "is in the lists", living=False)


def delete(arguments: SessionArguments) -> int:
    """Remove ended sessions."""
    return _each(arguments, lambda link, one: link.delete(one), "deleted", living=False)


def restart(arguments: SessionArguments) -> int:
    """Start a session's config anew."""
    from core.host.status_json import reply_to_json
    from core.host.trial_chances import chances_told

    async def work() -> StartReply:
        link, ids = await _ids(arguments, living=None)
        return await link.restart(ids[0])

    reply = run_on_host(work())
    chances, told = chances_told(existing_workspace(arguments), reply.session_id)
    if arguments.json:
        print_json(reply_to_json(reply) | {"trial": chances})
    else:
        print_text(reply.message, *told, *(f"note: {notice}" for notice in reply.notices))
    return Exit.DONE


def _each(
    arguments: SessionArguments,
    command: Callable[[SocketLink, str], Awaitable[None]],
    done: str,
    *,
    living: bool,
    interrupted: bool = False,
) -> int:
    """Give a command for one session, or for all to which it applies."""

    answers, refusals = _carry_out(arguments, command, living=living, interrupted=interrupted)
    return _done(arguments, list(answers), done, refusals)


def _done(arguments: SessionArguments, sessions: list[str], done: str, refusals: list[str]) -> int:
    if arguments.json:
        print_json({"sessions": sessions, "done": done})
    else:
        print_text(*(f"{one} {done}" for one in sessions))
    return _told(refusals)


def _carry_out(
    arguments: SessionArguments,
    command: Callable[[SocketLink, str], Awaitable[_T]],
    *,
    living: bool,
    interrupted: bool = False,
) -> tuple[dict[str, _T], list[str]]:
    """What the sessions meant have answered, by ID, and why others of all of them refused.

    One that refuses keeps the command from no other.
    """
    from core.host.link import CommandError

    async def work() -> tuple[dict[str, _T], list[str]]:
        link, ids = await _ids(arguments, living=living, interrupted=interrupted)
        answers: dict[str, _T] = {}
        refusals: list[str] = []
        for one in ids:
            try:
                answers[one] = await command(link, one)
            except CommandError as error:
                if arguments.id != ALL:
                    raise
                refusals.append(str(error))
        return answers, refusals

    return run_on_host(work())


def _told(refusals: list[str]) -> int:
    complain(*(f"papertape: {why}" for why in refusals))
    return Exit.FAILED if refusals else Exit.DONE


async def _ids(
    arguments: SessionArguments, *, living: bool | None, interrupted: bool = False
) -> tuple[SocketLink, list[str]]:
    """The host, and the sessions that are meant: one, or all that live (or have ended).

    With `interrupted`, those that were interrupted are meant as well.

    Where no host runs, one is started to take the sessions up.
    """
    from core.bootstrap import attach, attach_or_start

    workspace = existing_workspace(arguments)
    stored = workspace.session_ids()
    if not stored or arguments.id not in (ALL, *stored):
        # A host has those whose folders were removed while it runs.
        running = attach(workspace)
        shown = () if running is None else (await running.fresh_snapshot()).sessions
        if not any(arguments.id in (ALL, one.id) for one in shown):
            raise no_such_session(arguments.id)
    link = await attach_or_start(workspace)
    if arguments.id != ALL:
        return link, [arguments.id]
    sessions = (await link.fresh_snapshot()).sessions
    ids = [
        one.id
        for one in sessions
        if living is None or one.state.ended is not living or (interrupted and one.interrupted)
    ]
    if not ids:
        raise no_such_session(ALL)
    return link, ids
