"""How do tests run a command?"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from core.exchange.market.clock import RunningClock
from core.exchange.market.synthetic import SyntheticMarket
from core.exchange.server import EmbeddedExchange
from tui.cli.main import main


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, which must be JSON and nothing else."""
        return json.loads(self.out)


Run = Callable[..., Done]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


@pytest.fixture
def run(
    tmp_path: Path,
    workspace: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Runs `papertape ARGUMENTS …` on a workspace of the test's own."""
    monkeypatch.setenv("PAPERTAPE_HOME", str(workspace))

    def run_command(*arguments: object) -> Done:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        captured = capsys.readouterr()
        with (tmp_path / "printed").open("a", encoding="utf-8") as kept:  # it is searched for keys
            kept.write(captured.out + captured.err)
        assert "Traceback" not in captured.err
        return Done(code, captured.out, captured.err)

    return run_command


class Served(NamedTuple):
    """Where an embedded exchange answers."""

    spot: str
    futures: str


@contextmanager
def serving(clock: RunningClock) -> Iterator[Served]:
    """The addresses of an embedded exchange on a thread of its own, until the block is left."""
    ready, stop = threading.Event(), threading.Event()
    found: list[Served] = []

    async def serve() -> None:
        async with EmbeddedExchange(SyntheticMarket(1), clock) as server:
            found.append(Served(server.rest_url, server.futures_rest_url))
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(30)
        yield found[0]
    finally:
        stop.set()
        thread.join(30)


@pytest.fixture
def exchange() -> Iterator[Served]:
    """The addresses of an embedded exchange in real time."""
    with serving(RunningClock(int(time.time() * 1_000))) as served:
        yield served


def write_addresses(workspace: Path, served: Served) -> None:
    workspace.mkdir(mode=0o700, parents=True, exist_ok=True)
    spot, futures = served
    streams = futures.replace("http", "ws")
    (workspace / "config.yaml").write_text(
        f"addresses:\n  spot_rest: {spot}\n  futures_rest: {futures}\n"
        f"  spot_stream: {spot.replace('http', 'ws')}\n"
        f"  futures_public_stream: {streams}/public\n  futures_market_stream: {streams}/market\n"
        f"order_addresses:\n  testnet_spot: {spot}\n  testnet_futures: {futures}\n"
        f"  demo_spot: {spot}\n  demo_futures: {futures}\n",
        encoding="utf-8",
    )
