"""Measures how much the screen writes to its terminal at rest, and how soon it answers a key.

`python -m tests.benchmarks.bench_terminal`: the screen on a real host in a pseudo-terminal of
120×40 cells, with an empty workspace and with ten and fifty demo sessions. At rest nobody presses a
key: what is written is clocks, ages and prices that move.

`--keys-of N`: from a key to the first byte it causes, on a screen whose host is made up and tells
of N sessions that all move four times a second; `--first-frame`: from the start to the first frame.
Both take turns with a bare Textual application of one line, and give processor time beside the
clock's, which says nothing on a machine that does other work as well.
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
from dataclasses import replace
from pathlib import Path

from core.bootstrap import host_options
from core.exchange.market.synthetic import SyntheticMarket
from core.host.feed_factories import DemoMarket
from core.host.link import HostLink
from core.journal.values import FeedKind
from core.session.snapshot import HostSnapshot, StartRequest
from core.store.workspace import Workspace
from tests.ui.scripted import ScriptedHosting, ScriptedLink, choices, position, session
from tui.app import PapertapeApp
from tui.cli.exchange import DEFAULT_SPEED
from tui.host.hosting import LateHosting
from tui.host.workspace import WorkspaceHosting
from tui.strategies import list_strategies

SETTLE = 8.0  # seconds after the last session runs, for logs and toasts to come to rest
READY = "ready"
BARE = """
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield Static("papertape")

    def on_key(self, event):
        self.query_one(Static).update(f"{event.key}{event.time}")

Bare().run()
"""
"""What any Textual application costs: a line that changes with each key."""
BARE_PROGRAM = [sys.executable, "-c", BARE]
PROGRAM = [sys.executable, "-m", "tests.benchmarks.bench_terminal"]


class Watched:
    """A program in a pseudo-terminal, whose output is counted."""

    columns, lines = 120, 40

    def __init__(self, command: list[str]) -> None:
        self.master, slave = pty.openpty()
        size = struct.pack("HHHH", self.lines, self.columns, 0, 0)
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

    def cpu(self) -> float:
        """Seconds of processor time the program has taken so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """End the program."""
        self.process.terminate()
        end = time.monotonic() + 20
        while self.process.poll() is None and time.monotonic() < end:
            self.read(0.05)
        self.process.wait(20)
        os.close(self.master)


def demo_app(root: Path) -> PapertapeApp:
    """The screen of a demo in a workspace, which is made."""
    workspace = Workspace(root)
    workspace.prepare()
    demo = DemoMarket(SyntheticMarket(1), int(time.time() * 1_000), DEFAULT_SPEED, "bench")
    return PapertapeApp(
        LateHosting(
            lambda: WorkspaceHosting(
                workspace, lambda: host_options(workspace, "tui", demo), ["true"]
            )
        ),
        lambda: list_strategies(workspace),
        host_name="bench",
        feed=FeedKind.DEMO,
        workspace=root,
        demo=lambda: demo,
    )


def show(root: Path, sessions: int) -> None:
    """Run the screen with so many demo sessions; the file `ready` appears once all of them run."""
    app = demo_app(root)

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


class Moving(ScriptedLink):
    """A host all of whose sessions move between two looks."""

    looks = 0

    def snapshot(self) -> HostSnapshot:
        self.looks += 1
        self.now += 250
        for number, one in enumerate(self.sessions):
            gain = (self.looks * (number + 3)) % 997 / 10
            self.sessions[number] = replace(
                one, now=self.now, unrealized_pnl=gain, equity=10_000 + gain
            )
        return super().snapshot()


def show_alone(sessions: int) -> None:
    """Run the screen on a host that only tells of so many sessions."""
    strategies = ("ema_cross", "rsi_bounce", "band_fade", "breakout_20")
    link = Moving(
        [
            session(f"s{number:07d}", strategies[number % 4], open_positions=(position(),))
            for number in range(sessions)
        ]
    )
    PapertapeApp(ScriptedHosting(link), lambda: [choices()], host_name="bench").run()


def measure_keys(sessions: int, keys: int) -> None:
    """Print what a key costs, on a bare application and on the screen, which take turns."""
    screen = [*PROGRAM, "--alone", str(sessions)]
    running = {"bare": Watched(BARE_PROGRAM), "screen": Watched(screen)}
    waits: dict[str, list[float]] = {name: [] for name in running}
    took = dict.fromkeys(running, 0.0)
    try:
        for watched in running.values():
            watched.read(SETTLE)
        for number in range(keys):
            for name, watched in running.items():
                before = watched.cpu()
                waits[name].append(watched.answer(b"k" if number % 9 == 8 else b"j") * 1000)
                watched.read(0.1)
                took[name] += watched.cpu() - before
    finally:
        for watched in running.values():
            watched.close()
    for name, found in waits.items():
        ordered = sorted(found)
        print(
            f"keys, {name:7} p50 {statistics.median(ordered):6.1f} ms   "
            f"p95 {ordered[int(len(ordered) * 0.95)]:6.1f} ms   "
            f"processor {took[name] / keys * 1000:5.1f} ms a key and the tenth of a second after it"
        )


def measure_first_frame(turns: int) -> None:
    """Print how long the first frame takes, of a bare application and of the screen."""
    clock: dict[str, list[float]] = {"bare": [], "screen": []}
    processor: dict[str, list[float]] = {"bare": [], "screen": []}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as root:
        screen = [sys.executable, "-m", "tui.cli", "--workspace", f"{root}/w"]
        for _ in range(turns):
            for name, command, shown in (
                ("bare", BARE_PROGRAM, b"papertape"),
                ("screen", screen, b"Sessions"),
            ):
                began, seen = time.perf_counter(), b""
                watched = Watched(command)
                try:
                    while shown not in seen:
                        select.select([watched.master], [], [], 60)
                        seen += os.read(watched.master, 65_536)
                    clock[name].append(time.perf_counter() - began)
                    processor[name].append(watched.cpu())
                finally:
                    watched.close()
    for name, found in clock.items():
        print(
            f"first frame, {name:7} clock at least {min(found):.2f} s, "
            f"median {statistics.median(found):.2f}   processor at least "
            f"{min(processor[name]):.2f} s"
        )


def measure(sessions: int, seconds: float, keys: int) -> dict[str, float]:
    """Bytes a second at rest, and milliseconds from a key to the first byte it causes."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "workspace"
        watched = Watched([*PROGRAM, "--show", str(root), "--sessions", str(sessions)])
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
    parser.add_argument("--keys-of", type=int, metavar="SESSIONS")
    parser.add_argument("--size", default="120x40", help="of the terminal, such as 200x60")
    parser.add_argument("--first-frame", action="store_true")
    parser.add_argument("--alone", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    Watched.columns, Watched.lines = map(int, arguments.size.split("x"))
    if arguments.alone is not None:
        show_alone(arguments.alone)
        return
    if arguments.keys_of is not None or arguments.first_frame:
        if arguments.keys_of is not None:
            measure_keys(arguments.keys_of, arguments.keys)
        if arguments.first_frame:
            measure_first_frame(7)
        return
    if arguments.show is not None:
        show(arguments.show, arguments.sessions[0])
        return
    for sessions in arguments.sessions or (0, 10, 50):
        figures = measure(sessions, arguments.seconds, arguments.keys)
        print("   ".join(f"{name} {value:.2f}" for name, value in figures.items()), flush=True)


if __name__ == "__main__":
    main()
