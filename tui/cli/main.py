"""The command line: finds the command that is asked for, runs it, and returns its exit code."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import resource
import sys
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

from tui.cli import (
    backtest,
    backtests,
    compare,
    completion,
    doctor,
    exchange,
    gate,
    host,
    importing,
    mcp,
    schedule,
    screen,
    serve,
    sessions,
    start,
    status,
    strategies,
    sweep,
    trial,
    workspace,
)
from tui.cli.commands import Commands, Parser
from tui.cli.output import PROGRAM, Exit, Refusal, complain

_MOST_FILES = 65_536

_DESCRIPTION = """\
Run trading strategies as paper-trading sessions on live market data. No real money can be touched.

Without a command: the screen, on the workspace. `papertape demo` needs nothing at all."""

_EPILOG = """\
STRATEGY is the name of one in the workspace, or of a sample, a path, `-` (standard input), or
--config 'JSON'.
Every command takes --json, and `papertape COMMAND --help` says more about it.
Exit codes: 0 done, 1 failed, 2 bad usage or bad input, 3 nothing found, 130 cancelled."""


@cache
def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line, made once: it takes 10 ms."""
    parser = Parser(
        prog="papertape",
        description=_DESCRIPTION,
        usage="papertape [--workspace FOLDER] [COMMAND …]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"papertape {version('papertape')}")
    parser.set_defaults(run=screen.open_screen)
    commands = Commands(parser)
    for group in (
        screen,
        serve,
        start,
        trial,
        status,
        sessions,
        schedule,
        strategies,
        importing,
        backtest,
        backtests,
        compare,
        sweep,
        gate,
        workspace,
        doctor,
        exchange,
        host,
        mcp,
        completion,
    ):
        group.add_commands(commands)
    parser.epilog = f"{commands.overview()}\n\n{_EPILOG}"
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    _open_closed_streams()
    _allow_more_files()
    arguments = build_parser().parse_args(_with_help(sys.argv[1:] if argv is None else argv))
    try:
        PROGRAM.set(_program(getattr(arguments, "workspace", None)))
        code = int(arguments.run(arguments))
        sys.stdout.flush()
        return code
    except Refusal as refusal:
        complain(f"papertape: {refusal}")
        return refusal.code
    except BrokenPipeError:
        # Whoever read our output has left (`papertape logs ID | head`). Closing stdout at exit
        # would complain once more, so it is pointed elsewhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except KeyboardInterrupt:
        return Exit.CANCELLED


def _program(workspace: str | None) -> str:
    """What to type for the program on a workspace."""
    if workspace is None:
        return "papertape"
    from core.store.workspace import WorkspaceError, locate_workspace, program_for

    try:
        return program_for(locate_workspace(workspace, os.environ).root)
    except WorkspaceError:  # the command says so itself
        return "papertape"


def _with_help(words: Sequence[str]) -> Sequence[str]:
    """`help COMMAND` as others have it is `COMMAND --help`."""
    return [*words[1:], "--help"] if words[:1] == ["help"] else words


def _allow_more_files() -> None:
    """Let this process open as many files as its user may: each session keeps some open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # what is not allowed stays as it is
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _open_closed_streams() -> None:
    """Python has None for a stream that was closed (`papertape status >&-`): nothing reads it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115  (until exit)
            setattr(sys, name, stream)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A locale without UTF-8 shows ? for what it does not have.
            stream.reconfigure(errors="replace")
