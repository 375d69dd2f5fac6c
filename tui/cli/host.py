"""The command that runs sessions without a screen: host."""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from typing import TYPE_CHECKING, Protocol

from tui.cli.commands import Arguments, Commands
from tui.cli.exchange import MarketArguments, add_market, demo_market
from tui.cli.output import Exit, Refusal, complain, print_json, print_text, refusing
from tui.cli.workspace import prepared_workspace

if TYPE_CHECKING:
    from core.host.host import Host, HostOptions
    from core.store.workspace import Workspace

_IDLE_AFTER = 300.0  # seconds
_PATIENCE = 30.0  # seconds the host before may take to lay its sessions to rest
_LOOK_EVERY = 0.02  # seconds


class HostArguments(Arguments, MarketArguments, Protocol):
    """What `papertape host` is given."""

    systemd: bool
    while_needed: bool
    after: int | None


def add_commands(commands: Commands) -> None:
    """Declare this group."""
    parser = commands.add(
        "host",
        host,
        "run the workspace's sessions without a screen",
        more=(
            "It runs until it is told to stop (SIGTERM, Ctrl+C); the sessions rest until the next\n"
            "host, or the screen, takes them up. The options describe the market of demo sessions."
        ),
    )
    parser.add_argument(
        "--systemd", action="store_true", help="print a user unit that runs it, and do nothing else"
    )
    parser.add_argument(
        "--while-needed",
        action="store_true",
        help="end once no session has lived, no job has waited and nobody has been attached for "
        "five minutes, as a host does that a command or a closing screen starts",
    )
    parser.add_argument(
        "--after",
        type=int,
        metavar="PID",
        help="wait until that process hosts no longer; a closing screen hands over so",
    )
    add_market(parser)


def host(arguments: HostArguments) -> int:
    """Run the sessions until told to stop."""
    if arguments.systemd:
        print_text(_unit(arguments))
        return Exit.DONE
    from core.bootstrap import host_options
    from core.store.lock import AlreadyHostedError, WorkspaceLostError
    from core.store.workspace import WorkspaceError

    workspace = prepared_workspace(arguments)
    with (
        refusing(WorkspaceError),
        refusing(AlreadyHostedError, WorkspaceLostError, code=Exit.FAILED),
    ):
        idle_after = _IDLE_AFTER if arguments.while_needed else None
        market = demo_market(arguments)
        options = host_options(workspace, "headless", market, idle_after=idle_after)
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                asyncio.run(_serve(workspace, options, as_json=arguments.json))
                break
            except AlreadyHostedError as error:
                # Who lets go of the lock has taken its name off it a moment before.
                # Process 0 is one that neither the lock's file nor the kernel names.
                before = error.holder is None or error.holder.pid in (0, arguments.after)
                if arguments.after is None or not before or time.monotonic() > deadline:
                    raise
                time.sleep(_LOOK_EVERY)
    return Exit.DONE


async def _serve(workspace: Workspace, options: HostOptions, *, as_json: bool) -> None:
    from core.host.runner import run_host

    def ready(host: Host) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, host.shut_down)
        # What exists now stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        sessions = len(host.snapshot().sessions)
        if as_json:
            print_json({"workspace": str(workspace.root), "sessions": sessions})
        else:
            print_text(f"hosting {workspace.root}: {sessions} sessions; Ctrl+C leaves them resting")

    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the terminal it came from is not its own
    await run_host(workspace, options, ready)


def _unit(arguments: HostArguments) -> str:
    """A systemd user unit."""
    from core.bootstrap import program
    from tui.cli.workspace import workspace_of

    root = str(workspace_of(arguments).root)
    if any(not character.isprintable() for character in root):
        raise Refusal(
            f"the workspace {root!r} has characters in its path that no unit file can hold: choose "
            "another with --workspace",
            Exit.BAD_INPUT,
        )
    described = root.replace("%", "%%")
    command = " ".join(map(_quoted, [*program(), "--workspace", root, "host"]))
    complain("save it as ~/.config/systemd/user/papertape.service, then:")
    complain("  systemctl --user enable --now papertape; loginctl enable-linger")
    return f"""\
[Unit]
Description=Papertape, paper-trading sessions in {described}
After=network-online.target

[Service]
ExecStart={command}
Restart=on-failure
KillSignal=SIGTERM
TimeoutStopSec=30

[Install]
WantedBy=default.target"""


def _quoted(text: str) -> str:
    """A word of a command line in a unit, as systemd.service(5) and systemd.unit(5) read it."""
    for character, written in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        text = text.replace(character, written)
    return f'"{text}"'
