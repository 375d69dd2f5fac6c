"""Hosts for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from core.host.feeds import FeedMaker
from core.host.host import Host, HostOptions
from core.host.runner import run_host
from core.journal.values import FeedKind
from core.market.feeds.feed import Feed
from core.session.snapshot import StartRequest
from core.store.workspace import Workspace
from tests.unit.session.sessions import RSI


@asynccontextmanager
async def running(workspace: Workspace, options: HostOptions) -> AsyncIterator[Host]:
    """A host that takes commands, until the block is left."""
    ready = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(run_host(workspace, options, ready.set_result))
    await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        await task
    host: Host = ready.result()
    try:
        yield host
    finally:
        host.shut_down()
        await task


def hosting(root: Path, **options: Any) -> AbstractAsyncContextManager[Host]:
    """A host of its own for a workspace."""
    return running(Workspace(root), HostOptions(**options))


def live_feed(feed: Feed) -> dict[FeedKind, FeedMaker]:
    """Feeds of a host whose live sessions take their prices from this one."""

    async def make(*_: Any) -> Feed:
        return feed

    return {FeedKind.LIVE: make}


def replay_request(candle_file: Path, **fields: Any) -> StartRequest:
    data = {"BTC/USDT": str(candle_file)}
    return StartRequest(config=RSI, feed=FeedKind.REPLAY, data=data, **fields)
