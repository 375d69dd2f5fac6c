"""Hosts for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from core.paper.host import Host, HostOptions
from core.paper.snapshot import FeedKind, StartRequest
from core.store.workspace import Workspace
from tests.unit.paper.sessions import RSI


@asynccontextmanager
async def hosting(root: Path, **options: Any) -> AsyncIterator[Host]:
    host = Host(Workspace(root), HostOptions(**options))
    ready = asyncio.Event()
    task = asyncio.create_task(host.run(ready.set))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        await task
    try:
        yield host
    finally:
        host.shut_down()
        await task


def replay_request(candle_file: Path, **fields: Any) -> StartRequest:
    data = {"BTC/USDT": str(candle_file)}
    return StartRequest(config=RSI, feed=FeedKind.REPLAY, data=data, **fields)
