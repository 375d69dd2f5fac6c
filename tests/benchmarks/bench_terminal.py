"""Measures how much the screen writes to its terminal at rest, and how soon it answers a key.

`python -m tests.benchmarks.bench_terminal`: the screen on a real host in a pseudo-terminal of
120×40 cells, with an empty workspace and with ten and fifty demo sessions. At rest nobody presses a
key: what is written is clocks, ages and prices that move.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

from core.bootstrap import host_options
from core.exchange.market.synthetic import SyntheticMarket
from core.host.feed_factories import DemoMarket
from core.host.link import HostLink
from core.journal.values import FeedKind
from core.session.snapshot import StartRequest
from core.store.workspace import Workspace
from tui.app import PapertapeApp
from tui.cli.exchange import DEFAULT_SPEED
from tui.host.hosting import LateHosting
from tui.host.workspace import WorkspaceHosting
from tui.strategies import find_strategies

COLUMNS, LINES = 120, 40
SETTLE = 8.0  # seconds after the last session runs, for logs and toasts to come to rest
READY = "ready"


class Watched:
    """A program in a pseudo-terminal, whose output is counted."""

    def __init__(self, command: list[str]) -> None:
        self.master, slave = pty.openpty()
        size = struct.pack("HHHH", LINES, COLUMNS, 0, 0)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
        environ = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, env=environ
        )
        os.close(slave)

    def read(self, seconds: float) -> bytes:
        """What is written within so many seconds."""
        seen, end = b"", time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.master], [], [], left)[0]:
                try:
                    seen += os.read(self.master, 65_536)
                except OSError:  # the program has ended, and its side is closed
                    break
        return seen

    def read_while(self, missing: Path, seconds: float) -> None:
        """Read on until a file is there."""
        end = time.monotonic() + seconds
        while not missing.exists():
            if time.monotonic() > end or self.process.poll() is not None:
                raise TimeoutError(f"{missing.name} never came: {self.read(0.5)[-800:]!r}")
            self.read(0.2)

    def answer(self, key: bytes) -> float:
        """Seconds until something is written after a key."""
        while select.select([self.master], [], [], 0.02)[0]:
            os.read(self.master, 65_536)
        began = time.perf_counter()
        os.write(self.master, key)
        select.select([self.master], [], [], 5)
        return time.perf_counter() - began

    def close(self) -> None:
        """End the program."""
        self.process.terminate()
        end = time.monotonic() + 20
        while self.process.poll() is None and time.monotonic() < end:
            self.read(0.05)
        self.process.wait(20)
        os.close(self.master)


def show(root: Path, sessions: int) -> None:
    """Run the screen with so many demo sessions; the file `ready` appears once all of them run."""
    workspace = Workspace(root)
    workspace.prepare()
    demo = DemoMarket(SyntheticMarket(1), int(time.time() * 1_000), DEFAULT_SPEED, "bench")
    app = PapertapeApp(
        LateHosting(
            lambda: WorkspaceHosting(
                workspace, lambda: host_options(workspace, "tui", demo), ["true"]
            )
        ),
        lambda: find_strategies(workspace),
        host_name="bench",
        feed=FeedKind.DEMO,
        workspace=root,
        demo=lambda: demo,
    )

    async def start(link: HostLink) -> None:
        choices = [one for one in await app.read_strategies() if not one.problems]
        for number in range(sessions):
            config = dict(choices[number % len(choices)].raw)
            await link.start(StartRequest(config, FeedKind.DEMO))

    begun = False

    def look() -> None:
        nonlocal begun
        if app.link is not None and not begun:
            begun = True
            app.command("start", start, quiet=True)
        running = 0 if app.snapshot is None else len(app.snapshot.sessions)
        if app.snapshot is not None and running == sessions:
            (root / READY).touch()

    app.call_later(lambda: app.set_interval(0.2, look))
    app.run()


def measure(sessions: int, seconds: float, keys: int) -> dict[str, float]:
    """Bytes a second at rest, and milliseconds from a key to the first byte it causes."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "workspace"
        command = [sys.executable, "-m", "tests.benchmarks.bench_terminal", "--show", str(root)]
        watched = Watched([*command, "--sessions", str(sessions)])
        try:
            watched.read_while(root / READY, 240)
            watched.read(SETTLE)
            size = len(watched.read(seconds))
            pressed = range(keys if sessions > 1 else 0)
            waits = sorted(watched.answer(b"k" if n % 2 else b"j") * 1000 for n in pressed)
        finally:
            watched.close()
    figures = {"sessions": sessions, "kb_per_s": size / seconds / 1000}
    if waits:
        figures["key_ms_p50"] = statistics.median(waits)
        figures["key_ms_p95"] = waits[int(len(waits) * 0.95)]
    return figures


def main() -> None:
    """Print the figures, or be the program that is measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--show", type=Path)
    parser.add_argument("--sessions", type=int, action="append")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--keys", type=int, default=60)
    arguments = parser.parse_args()
    if arguments.show is not None:
        show(arguments.show, arguments.sessions[0])
        return
    for sessions in arguments.sessions or (0, 10, 50):
        figures = measure(sessions, arguments.seconds, arguments.keys)
        print("   ".join(f"{name} {value:.2f}" for name, value in figures.items()), flush=True)


if __name__ == "__main__":
    main()
