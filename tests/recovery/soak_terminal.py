"""A real screen in a real terminal that is not read for a minute, hangs up, and is killed.

`python -m tests.recovery.soak_terminal` (needs tmux): the screen hosts a session on the embedded
exchange, whose minutes last two seconds here. Measured are how late its candles are decided and
durable while nobody reads the terminal, whether the screen is right afterwards, and how long it
takes until another host goes on after a hang-up. In the end its trades are the backtest's.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from core.exchange.market.clock import RunningClock
from core.exchange.market.synthetic import SyntheticMarket
from core.exchange.server import EmbeddedExchange
from core.host.link import CommandError
from core.host.socket_link import SocketLink
from core.journal.session_journal import Storage, recorded_inputs
from core.journal.values import SessionState
from core.market.candles.timeframes import MINUTE
from core.session.snapshot import StartRequest
from core.store.durable import OsDisk
from core.store.lock import current_host
from core.store.workspace import Workspace
from core.time_format import wall_clock
from core.trading.values import Fills
from tests.recovery.venue import SPOT, differences
from tests.unit.cli.conftest import Served, write_addresses
from tests.waiting import until

START = wall_clock() // MINUTE * MINUTE - 30 * MINUTE  # within the hour a venue may be off by
SPEED = 30.0
CONFIG = {**SPOT, "name": "unread", "symbols": ["BTC/USDT"]}


class Terminal:
    """A tmux server of its own, with one screen in it."""

    def __init__(self, workspace: Workspace) -> None:
        self._name = f"papertape-{os.getpid()}"
        self._program = [sys.executable, "-P", "-m", "tui.cli", "--workspace", str(workspace.root)]

    def tmux(self, *arguments: str) -> str:
        command = ["tmux", "-L", self._name, "-f", "/dev/null", *arguments]
        # Not the size of the terminal, or of none, that this runs in.
        own = ("COLUMNS", "LINES", "TMUX")
        environment = {name: value for name, value in os.environ.items() if name not in own}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    def open(self, window: str) -> int:
        """Start the program in a window of its own; its process."""
        command = "exec " + shlex.join(self._program)
        name = ("-n", window, "-P", "-F", "#{pane_pid}", command)
        if not self._alive():
            return int(self.tmux("new-session", "-d", "-x", "140", "-y", "40", *name))
        return int(self.tmux("new-window", "-d", *name))

    def text(self, window: str) -> str:
        """What the window shows."""
        return self.tmux("capture-pane", "-p", "-t", window)

    def server(self) -> int:
        return int(self.tmux("display-message", "-p", "#{pid}"))

    def close(self) -> None:
        if self._alive():
            self.tmux("kill-server")

    def _alive(self) -> bool:
        command = ["tmux", "-L", self._name, "list-sessions"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def writes(process: int) -> bool:
    """Whether a thread of a process waits in a write, as to a terminal that takes no more."""
    tasks = Path(f"/proc/{process}/task").iterdir()
    calls = ((task / "syscall").read_text().split() for task in tasks)
    return any(call[0] == "1" for call in calls)


def running(process: int) -> bool:
    """Whether a process is there, and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Trial:
    """The workspace, its exchange, and what was found wrong."""

    def __init__(
        self, workspace: Workspace, exchange: EmbeddedExchange, options: argparse.Namespace
    ) -> None:
        self.workspace = workspace
        self.clock = exchange.clock
        self.options = options
        self.terminal = Terminal(workspace)
        self.session = ""
        self.wrong: list[str] = []

    async def link(self, process: int | None = None) -> SocketLink:
        """The host of the workspace, once it answers; the one in `process` where that is named."""

        def connect() -> SocketLink | None:
            holder = current_host(self.workspace)
            if holder is None or (process is not None and holder.pid != process):
                return None
            try:
                return SocketLink.connect(self.workspace, follow=False)
            except CommandError:
                return None

        found = await until(connect)
        assert found is not None
        return found

    async def runs(self, link: SocketLink) -> None:
        """Return once the session runs."""

        async def running() -> bool:
            (one,) = (await link.fresh_snapshot()).sessions
            return one.state is SessionState.RUNNING

        await until(running)

    def candle_lines(self) -> list[bytes]:
        path = self.workspace.journals / "live-binance" / "BTC-USDT-1m.jsonl"
        return [line for line in path.read_bytes().splitlines() if line.startswith(b'{"c":')]

    async def delays(self, seconds: float) -> list[float]:
        """By how much the candles of the next `seconds` were durable after their close."""
        late: list[float] = []
        known = len(self.candle_lines())
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await asyncio.sleep(0.01)
            lines = self.candle_lines()
            for line in lines[known:]:
                closed = int(line[6 : line.index(b",")]) + MINUTE
                late.append((self.clock.now() - closed) / 1000 / SPEED)
            known = len(lines)
        return late

    async def unread(self, process: int, seconds: float) -> None:
        """Nobody reads the terminal of a process for so long."""
        server = self.terminal.server()
        os.kill(server, signal.SIGSTOP)
        try:
            late = await self.delays(seconds)
            if not writes(process):
                print("the terminal was never full: the screen wrote less than it holds")
        finally:
            os.kill(server, signal.SIGCONT)
        print(
            f"unread for {seconds:.0f} s: {len(late)} candles, durable {max(late):.2f} s after "
            f"their close at most, median {statistics.median(late):.2f}"
        )
        if max(late) > self.options.late or len(late) < seconds * SPEED / 60 - 2:
            self.wrong.append(f"decisions were late or missing while unread: {late}")
        # Another screen, opened now, shows what is right.
        self.terminal.open("other")
        await until(lambda: "unread" in self.terminal.text("other"))

        def row(window: str) -> str:
            lines = self.terminal.text(window).splitlines()
            return next((line.strip() for line in lines if self.session in line), "")

        def same() -> bool:
            return bool(row("first")) and row("first") == row("other")

        try:
            began = time.monotonic()
            await until(same, 20)
            took = time.monotonic() - began
            print(f"the screen is right again: {row('first')} ({took:.1f} s with a new screen)")
        except AssertionError:
            both = (self.terminal.text("first"), self.terminal.text("other"))
            self.wrong.append("the screen says\n{}\na new one\n{}".format(*both))
        self.terminal.tmux("kill-window", "-t", "other")

    async def hang_up(self, process: int) -> int:
        """The terminal is gone: how long until another host runs the session; that host."""
        load = os.getloadavg()[0]
        began = time.monotonic()
        os.kill(process, signal.SIGHUP)
        await until(lambda: (current_host(self.workspace) or _Nobody).pid not in (process, 0))
        locked = time.monotonic() - began
        link = await self.link()
        answers = time.monotonic() - began
        await self.runs(link)
        took = time.monotonic() - began
        print(
            f"hang-up: locked after {locked:.2f} s, answers after {answers:.2f} s, session runs "
            f"after {took:.2f} s (load {load:.1f})"
        )
        if took > self.options.hand_over:
            self.wrong.append(f"the hand-over took {took:.1f} s")
        holder = current_host(self.workspace)
        assert holder is not None
        return holder.pid


class _Nobody:
    pid = 0


async def run(root: Path, options: argparse.Namespace) -> list[str]:
    """Everything; what was wrong."""
    workspace = Workspace(root)
    async with EmbeddedExchange(SyntheticMarket(7), RunningClock(START, SPEED)) as exchange:
        write_addresses(root, Served(exchange.rest_url, exchange.futures_rest_url))
        trial = Trial(workspace, exchange, options)
        hosts: set[int] = set()
        try:
            process = trial.terminal.open("first")
            hosts.add(process)
            link = await trial.link(process)
            request = StartRequest(CONFIG, fills=Fills.CANDLE)
            trial.session = (await link.start(request)).session_id
            await trial.runs(link)
            await trial.delays(3)
            if options.unread:
                await trial.unread(process, options.unread)
            for _ in range(options.hang_ups):
                host = await trial.hang_up(process)
                hosts.add(host)
                await trial.delays(3)
                os.kill(host, signal.SIGTERM)
                await until(lambda: current_host(workspace) is None)
                process = trial.terminal.open("first")
                hosts.add(process)
                await trial.runs(await trial.link(process))
            os.kill(process, signal.SIGKILL)
            await until(lambda: current_host(workspace) is None)
            await asyncio.sleep(3)  # candles close while nobody is there
            process = trial.terminal.open("first")
            hosts.add(process)
            link = await trial.link(process)
            await trial.runs(link)
            await trial.delays(3)
            report: Any = await link.stop(trial.session)
            os.kill(process, signal.SIGTERM)
            await until(lambda: current_host(workspace) is None)
        finally:
            trial.terminal.close()
            holder = current_host(workspace)
            if holder is not None:
                os.kill(holder.pid, signal.SIGTERM)
    with contextlib.suppress(AssertionError):
        await until(lambda: not any(map(running, hosts)), 20)
    for left in filter(running, hosts):
        trial.wrong.append(f"process {left} went on after its end")
        os.kill(left, signal.SIGKILL)
    inputs = await recorded_inputs(Storage.of(workspace, OsDisk()), trial.session)
    trial.wrong += differences(report, inputs)
    if report["gaps"]:
        trial.wrong.append(f"candles were lost: {report['gaps']}")
    count = len(inputs.candles["BTC/USDT"])
    print(f"{count} candles, {len(report['trades'])} trades, {len(report['restarts'])} hosts after")
    return trial.wrong


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--unread", type=float, default=60.0, help="seconds (0: not at all)")
    parser.add_argument("--hang-ups", type=int, default=3)
    parser.add_argument("--late", type=float, default=1.0, help="seconds a decision may take")
    parser.add_argument("--hand-over", type=float, default=2.0, help="seconds a hang-up may take")
    options = parser.parse_args(arguments)
    if shutil.which("tmux") is None:
        print("left out: tmux is not installed")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        wrong = asyncio.run(run(Path(folder) / "home", options))
    for line in wrong:
        print(f"WRONG {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
