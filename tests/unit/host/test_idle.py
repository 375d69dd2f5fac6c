"""A host that a command started ends by itself, but not while somebody needs it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.bootstrap import end_when_idle, host_options
from core.exchange.market.synthetic import SyntheticMarket
from core.host.feed_factories import DemoMarket
from core.host.job_values import JobOrder
from core.host.runner import run_host
from core.host.socket_link import SocketLink
from core.store.workspace import Workspace
from tests.unit.host.hosts import hosting, replay_request

PATIENCE = 10.0


async def test_a_session_or_somebodys_need_begins_the_wait_anew(
    tmp_path: Path, candle_file: Path
) -> None:
    naps, need = 0, False

    async def nap(_: float) -> None:
        nonlocal naps, need
        naps += 1
        if naps == 25:
            await host.stop(session_id)
        need = naps == 33

    async with hosting(tmp_path / "home") as host:
        session_id = (await host.start(replay_request(candle_file, speed=0.001))).session_id
        await end_when_idle(host, lambda: need, PATIENCE, nap)
        assert naps == 43  # ten looks after the last at which it was needed
        assert host.logs()[-1].text == "nothing has needed this host for 10s: it ends"


@pytest.mark.parametrize("kind", ["viewer", "job"])
async def test_a_viewer_or_a_job_keeps_a_host(tmp_path: Path, kind: str) -> None:
    demo = DemoMarket(SyntheticMarket(1), 1_760_000_400_000, 100.0, "test")
    options = host_options(Workspace(tmp_path), "headless", demo, idle_after=1.0)
    ready = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(run_host(Workspace(tmp_path), options, ready.set_result))
    await ready
    link = await asyncio.to_thread(SocketLink.connect, Workspace(tmp_path))
    job_id = ""
    if kind == "job":
        job_id = (await link.add_job(JobOrder(every_seconds=60, message="look"))).job_id
        link.close()
    ended, _ = await asyncio.wait({task}, timeout=3)
    assert not ended
    if kind == "job":
        await link.remove_job(job_id)
    link.close()
    await asyncio.wait_for(task, 10)
