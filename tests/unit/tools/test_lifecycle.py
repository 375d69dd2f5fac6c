"""START, SCHEDULE, MONITOR, STOP, COMPARE as the source document has it, from another process."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from core.bootstrap import host_options
from core.exchange.market.clock import RunningClock
from core.exchange.market.synthetic import SyntheticMarket
from core.host.feed_factories import DemoMarket
from core.host.host import Host
from core.host.runner import run_host
from core.store.workspace import Workspace
from core.time_format import parse_time
from tests.unit.cli.hosted import wait_for_socket
from tests.unit.tools.test_tools import DOCUMENT
from tests.waiting import until_blocking

pytest.importorskip("apprise", reason="needs the extra papertape[notify]")

START = parse_time("2026-02-10T00:00:00Z")
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


class Caller:
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


@pytest.fixture
def received() -> Iterator[tuple[str, list[str]]]:
    """The address of a receiver of notifications on this machine, and the texts that reached it."""
    texts: list[str] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            texts.append(body["message"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"json://127.0.0.1:{server.server_address[1]}/", texts
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def caller(tmp_path: Path, received: tuple[str, list[str]]) -> Iterator[Caller]:
    """A program beside a host whose days pass in seconds."""
    workspace = Workspace(tmp_path / "workspace")
    workspace.prepare()
    workspace.notifications.write_text(f"urls: ['{received[0]}']\n")
    workspace.notifications.chmod(0o600)
    program = Caller(workspace.root)
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
    yield program
    host.shut_down()
    thread.join(30)
    program.close()


def test_the_lifecycle_of_the_document(caller: Caller, received: tuple[str, list[str]]) -> None:
    # 1. START
    started = caller("backtest", action="start_paper", strategy_config=CONFIG, feed="demo")
    session_id = started["session_id"]
    assert (
        f"Paper trading started! Session ID: {session_id}. Monitoring BTC/USDT"
        in (started["message"])
    )
    # 2. SCHEDULE MONITORING
    monitoring = caller(
        "cron",
        action="add",
        every_seconds=14400,
        message=f"Check paper trading session {session_id}: call backtest(action='paper_status', "
        f"session_id='{session_id}'). If there are new trades, briefly notify the user with "
        "entry/exit prices and P&L.",
    )
    at_the_end = caller(
        "cron",
        action="add",
        cron_expr="0 10 11 2 *",
        message=f"Paper trading session {session_id} has reached its scheduled end. Stop it: call "
        f"backtest(action='stop_paper', session_id='{session_id}'). Generate a full performance "
        "report and compare with the historical backtest results. Notify the user with the "
        "comparison.",
    )
    assert at_the_end["confirmation"] == (
        "I've set up automatic monitoring. You'll get updates every 4h and a full report on "
        "2026-02-11 10:00 UTC."
    )
    jobs = caller("cron", action="list")["jobs"]
    assert {job["job_id"] for job in jobs} == {monitoring["job_id"], at_the_end["job_id"]}

    # 3. MONITOR
    def status(**more: Any) -> dict[str, Any]:
        return caller("backtest", action="paper_status", session_id=session_id, **more)

    until_blocking(lambda: status()["trades_count"] >= 1, seconds=60)
    looked = status(since=0)
    assert looked["state"] == "running"
    assert looked["new_trades"][0]["entry_price"] > 0
    assert {"open_positions", "realized_pnl", "unrealized_pnl", "prices"} <= looked.keys()

    # 4. STOP, at the scheduled end
    until_blocking(lambda: status()["state"] == "stopped", seconds=60)
    ended = status()
    assert ended["ended"] >= "2026-02-11"
    assert ended["reason"] == "its scheduled end was reached"
    until_blocking(lambda: caller("cron", action="list")["jobs"] == [], seconds=30)
    for job in (monitoring, at_the_end):
        assert caller("cron", action="remove", job_id=job["job_id"])["job_id"] == job["job_id"]

    # 5. COMPARE
    compared = caller("backtest", action="compare", strategy_config=CONFIG)
    assert "Strategy Validation: rsi_bounce_paper" in compared["text"]
    assert compared["columns"]["paper"]["metrics"]["total_trades"] == ended["trades_count"]

    # Every trade and the end were told once.
    _, texts = received
    until_blocking(lambda: any("has ended" in text for text in texts), seconds=30)
    assert sum("has ended" in text for text in texts) == 1
    for trade in ended["trades"]:
        prices = f"{trade['entry_price']:.12g} → {trade['exit_price']:.12g}"
        assert sum(prices in text for text in texts) <= 1
    told = [text for text in texts if "new trade" in text]
    assert told
    assert len(told) == len(set(told))
