"""A thousand idle callers take no file that a journal needs, where a process has 1,024."""

from __future__ import annotations

import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from core.host.link import CommandError
from core.host.socket_link import SocketLink
from core.session.snapshot import HostSnapshot
from core.store.workspace import Workspace
from tests.waiting import until_blocking

FILES = 1_024
CALLERS = 1_000
ROOT = Path(__file__).parents[3]

_HOST = """
import asyncio, sys
from pathlib import Path
from core.host.socket_server import ControlSocket
from tests.unit.host.hosts import hosting, replay_request

async def serve(host):
    await ControlSocket(host).serve()

async def main(home, candles):
    async with hosting(home, companions=[serve]) as host:
        for _ in range(20):
            await host.start(replay_request(candles, speed=3_000))
        await host.stopping.wait()

asyncio.run(main(*map(Path, sys.argv[1:])))
"""


@contextmanager
def hosted(home: Path, candles: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A host with twenty sessions that go on, in a process that may have so many files."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOST, str(home), str(candles)],
        cwd=ROOT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES)),  # noqa: PLW1509
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def snapshot(home: Path) -> HostSnapshot | None:
    """What the host shows; None where it does not let this caller in."""
    try:
        link = SocketLink.connect(Workspace(home), follow=False)
    except CommandError:
        return None
    return link.snapshot()


def candles_written(home: Path) -> int:
    return sum(path.stat().st_size for path in Workspace(home).journals.rglob("*.jsonl"))


def test_a_thousand_idle_callers_cost_no_session_its_journal(
    tmp_path: Path, candle_file: Path
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < CALLERS + 200:
        pytest.skip(f"this machine allows {hard} files a process")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, CALLERS + 200), hard))
    home = tmp_path / "home"
    try:
        with hosted(home, candle_file) as process, ExitStack() as callers:
            until_blocking(lambda: (seen := snapshot(home)) and len(seen.sessions) == 20)
            for _ in range(CALLERS):
                caller = callers.enter_context(socket.socket(socket.AF_UNIX))
                caller.connect(str(Workspace(home).socket))
            if sys.platform == "linux":
                assert len(list(Path(f"/proc/{process.pid}/fd").iterdir())) < FILES - 100
            written = candles_written(home)
            until_blocking(lambda: candles_written(home) > written + 20_000)
            callers.close()
            seen = until_blocking(lambda: snapshot(home))
            assert seen is not None
            assert not any(one.interrupted or one.state == "error" for one in seen.sessions)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
