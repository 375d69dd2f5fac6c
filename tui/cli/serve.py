"""The command that shows the screen in a browser: serve."""

from __future__ import annotations

import ipaddress
import shlex
from typing import Protocol

from tui.cli.commands import Arguments, Commands
from tui.cli.output import Exit, Refusal, print_json, print_text
from tui.cli.workspace import prepared_workspace

_PORT = 8000


class ServeArguments(Arguments, Protocol):
    """What `papertape serve` is given."""

    host: str
    port: int
    demo: bool


def add_commands(commands: Commands) -> None:
    """Declare this command, in the group of the screen."""
    parser = commands.add(
        "serve",
        serve,
        "the screen in a browser, on this machine or through an SSH tunnel",
        more=(
            "It needs the extra papertape[serve]. It listens on loopback, and lets in who has the\n"
            "address that it prints, another one at each start. From elsewhere a tunnel leads\n"
            "there: ssh -L 8000:127.0.0.1:8000 HOST. A page that is closed leaves its sessions\n"
            "running without a screen."
        ),
    )
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS", help="a loopback one (default: 127.0.0.1)"
    )
    parser.add_argument(
        "--port", type=int, default=_PORT, metavar="N", help=f"0: any free one (default: {_PORT})"
    )
    parser.add_argument("--demo", action="store_true", help="what `papertape demo` shows")


def serve(arguments: ServeArguments) -> int:
    """Serve until interrupted."""
    host = loopback(arguments.host)
    if not 0 <= arguments.port <= 65_535:
        raise Refusal(f"--port {arguments.port}: expected a number from 0 to 65535", Exit.BAD_INPUT)
    try:
        from tui.web_server import listen
    except ImportError as error:
        raise Refusal(
            "the package textual-serve is not installed: install papertape[serve]"
        ) from error
    from core.bootstrap import program
    from tui.terminal import SERVED

    command = program()
    if arguments.workspace is not None or not arguments.demo:
        command += ["--workspace", str(prepared_workspace(arguments).root)]
    command += ["demo"] if arguments.demo else []

    def ready(port: int, url: str) -> None:
        tunnel = f"ssh -L {port}:{host}:{port} {_this_machine()}"
        if arguments.json:
            print_json({"url": url, "tunnel": tunnel}, on_one_line=True)
            return
        print_text(
            f"open in a browser  {url}",
            f"from elsewhere     {tunnel}   and the same address there",
            "Ctrl+C ends this; sessions go on without a screen",
        )

    try:
        words = shlex.join(["env", f"TEXTUAL_DRIVER={SERVED}", *command])
        listen(f"exec {words}", host, arguments.port, ready)
    except OSError as error:
        raise Refusal(
            f"{host}:{arguments.port} cannot be listened on ({error.strerror}); --port 0 takes any "
            "free one"
        ) from error
    return Exit.DONE


def loopback(host: str) -> str:
    """The address to listen on.

    Raises:
        Refusal: it is none of this machine alone.
    """
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise Refusal(
            f"--host {host}: expected a loopback address such as 127.0.0.1, since whoever reaches "
            "the screen has its keys. From another machine use an SSH tunnel: "
            f"ssh -L {_PORT}:127.0.0.1:{_PORT} {_this_machine()}",
            Exit.BAD_INPUT,
        )
    return f"[{address}]" if address.version == 6 else str(address)


def _this_machine() -> str:
    import platform

    return platform.node() or "HOST"
