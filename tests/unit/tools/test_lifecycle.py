"""START, SCHEDULE, MONITOR, STOP, COMPARE as the source document has it, from other processes.

Two programs do it at once on one host: one calls the tools, one is a client of the protocol MCP. A
receiver on this machine, which refuses the first message, counts what the user is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import pytest
from anyio.from_thread import start_blocking_portal

from core.bootstrap import host_options
from core.exchange.market.clock import RunningClock
from core.exchange.market.synthetic import SyntheticMarket
from core.host.feed_factories import DemoMarket
from core.host.host import Host
from core.host.runner import run_host
from core.store.workspace import Workspace
from core.time_format import parse_time
from tests.receiver import Receiver, receiving
from tests.unit.cli.hosted import wait_for_socket
from tests.unit.tools.test_tools import DOCUMENT
from tests.waiting import until_blocking

pytest.importorskip("apprise", reason="needs the extra papertape[notify]")
pytest.importorskip("mcp", reason="needs the extra papertape[mcp]")

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

START = parse_time("2026-02-10T12:00:00Z")
SPEED = 8_000.0  # a candle of 4h in 1.8 seconds
CONFIG = json.dumps(
    json.loads(DOCUMENT.replace('"value": 30', '"value": 99').replace('"value": 70', '"value": 99'))
    | {"max_hold": 1}
)
"""The document's strategy, so that it enters at every candle and leaves at the next."""

PROGRAM = """
import json, sys
from core.tools import backtest, cron
for line in sys.stdin:
    name, arguments = json.loads(line)
    print(json.dumps({"backtest": backtest, "cron": cron}[name](**arguments)), flush=True)
"""


class Caller(Protocol):
    """Calls the tools of a workspace from a process that is not its host's."""

    def __call__(self, tool: str, **arguments: Any) -> dict[str, Any]: ...

    def close(self) -> None: ...


class Program:
    """A program in a process of its own that calls the tools of a workspace."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self("backtest", action="list_indicators")  # everything is loaded by now

    def __call__(self, tool: str, **arguments: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([tool, {**arguments, "workspace": self._root}]) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        self._process.communicate()


class McpClient:
    """The unmodified client of the protocol, and `papertape mcp` as its server."""

    def __init__(self, root: Path) -> None:
        server = StdioServerParameters(
            command=sys.executable, args=["-m", "tui.cli", "--workspace", str(root), "mcp"]
        )
        self._open = contextlib.ExitStack()
        self._portal = self._open.enter_context(start_blocking_portal())
        enter = self._portal.wrap_async_context_manager
        read, write = self._open.enter_context(enter(stdio_client(server)))
        self._session = self._open.enter_context(enter(ClientSession(read, write)))
        self._portal.call(self._session.initialize)

    def __call__(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = self._portal.call(self._session.call_tool, tool, arguments)
        assert not result.is_error, result.content
        answer: dict[str, Any] = result.structured_content
        return answer

    def close(self) -> None:
        self._open.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving(refusals=1) as found:
        yield found


@pytest.fixture
def callers(tmp_path: Path, receiver: Receiver) -> Iterator[list[Caller]]:
    """Two programs beside a host whose days pass in seconds."""
    workspace = Workspace(tmp_path / "workspace")
    workspace.prepare()
    receiver.listen_for(workspace)
    programs: list[Caller] = [Program(workspace.root), McpClient(workspace.root)]
    demo = DemoMarket(SyntheticMarket(7), START, SPEED, "lifecycle")
    clock = RunningClock(START, SPEED)
    options = replace(host_options(workspace, "headless", demo), clock=clock.now)
    ready: Future[Host] = Future()
    thread = threading.Thread(
        target=lambda: asyncio.run(run_host(workspace, options, ready.set_result))
    )
    thread.start()
    host = ready.result(30)
    wait_for_socket(workspace)
    yield programs
    host.shut_down()
    thread.join(30)
    for program in programs:
        program.close()


@dataclass
class Lifecycle:
    """One session of the document's, and its two jobs."""

    call: Caller
    strategy: str
    session_id: str = ""
    jobs: list[str] = field(default_factory=list)

    @property
    def config(self) -> str:
        return json.dumps(json.loads(CONFIG) | {"name": self.strategy})

    def start(self) -> None:
        started = self.call(
            "backtest", action="start_paper", strategy_config=self.config, feed="demo"
        )
        self.session_id = started["session_id"]
        assert started["message"].startswith(
            f"Paper trading started! Session ID: {self.session_id}. Monitoring BTC/USDT on "
        )

    def schedule(self) -> None:
        session_id = self.session_id
        monitoring = self.call(
            "cron",
            action="add",
            every_seconds=14400,
            message=f"Check paper trading session {session_id}: call backtest("
            f"action='paper_status', session_id='{session_id}'). If there are new trades, briefly "
            "notify the user with entry/exit prices and P&L.",
        )
        at_the_end = self.call(
            "cron",
            action="add",
            cron_expr="0 10 11 2 *",
            message=f"Paper trading session {session_id} has reached its scheduled end. Stop it: "
            f"call backtest(action='stop_paper', session_id='{session_id}'). Generate a full "
            "performance report and compare with the historical backtest results. Notify the user "
            "with the comparison.",
        )
        assert at_the_end["confirmation"] == (
            "I've set up automatic monitoring. You'll get updates every 4h and a full report on "
            "2026-02-11 10:00 UTC."
        )
        self.jobs = [monitoring["job_id"], at_the_end["job_id"]]
        listed = self.call("cron", action="list")["jobs"]
        mine = {job["job_id"] for job in listed if job["session_id"] == session_id}
        assert mine == set(self.jobs)

    def status(self, **more: Any) -> dict[str, Any]:
        return self.call("backtest", action="paper_status", session_id=self.session_id, **more)

    def monitor(self) -> None:
        until_blocking(lambda: self.status()["trades_count"] >= 1)
        looked = self.status(since=0)
        assert looked["state"] == "running"
        assert looked["new_trades"][0]["entry_price"] > 0
        assert {"open_positions", "realized_pnl", "unrealized_pnl", "prices"} <= looked.keys()

    def clean_up(self) -> dict[str, Any]:
        """Its scheduled end, and the removal of its jobs; returns its last status."""
        until_blocking(lambda: self.status()["state"] == "stopped")
        ended = self.status()
        assert ended["ended"] >= "2026-02-11"
        assert ended["reason"] == "its scheduled end was reached"
        until_blocking(lambda: self.call("cron", action="list")["jobs"] == [])
        for job in self.jobs:
            assert self.call("cron", action="remove", job_id=job)["job_id"] == job
        return ended

    def compare(self, trades: int) -> None:
        compared = self.call("backtest", action="compare", strategy_config=self.config)
        assert f"Strategy Validation: {self.strategy}" in compared["text"]
        assert compared["columns"]["paper"]["metrics"]["total_trades"] == trades


@pytest.mark.timeout(300)  # four processes and a day, on a machine that may be loaded
def test_the_lifecycle_of_the_document(callers: list[Caller], receiver: Receiver) -> None:
    sessions = [
        Lifecycle(call, f"rsi_bounce_paper_{number}") for number, call in enumerate(callers)
    ]
    for session in sessions:
        session.start()
    for session in sessions:
        session.schedule()
    for session in sessions:
        session.monitor()
    ended = [session.clean_up() for session in sessions]
    for session, last in zip(sessions, ended, strict=True):
        session.compare(last["trades_count"])
    texts = receiver.texts
    until_blocking(lambda: sum("has ended" in text for text in texts) >= len(sessions))
    for session, last in zip(sessions, ended, strict=True):
        about = [text for text in texts if session.session_id in text]
        assert sum("has ended" in text for text in about) == 1
        told = [int(number) for text in about for number in re.findall(r"#(\d+) long", text)]
        assert sorted(told) == [trade["id"] for trade in last["trades"]] != []
    assert len(texts) == len(set(texts))
    assert all(any(one.session_id in text for one in sessions) for text in texts)
