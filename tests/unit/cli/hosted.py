"""A host in this process, for commands that speak to one in another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

from core.bootstrap import host_options
from core.exchange.market.synthetic import SyntheticMarket
from core.host.feed_factories import DemoMarket
from core.host.host import Host
from core.host.link import CommandError
from core.host.runner import run_host
from core.host.socket_link import SocketLink
from core.store.workspace import Workspace
from tests.waiting import until_blocking

DEMO_START = 1_760_000_400_000
FAST = 6_000.0  # times real time: a candle of five minutes in a twentieth of a second


@contextmanager
def hosted(root: Path) -> Iterator[Host]:
    """A host of the workspace, on a loop and a thread of its own, until the block is left."""
    workspace = Workspace(root)
    demo = DemoMarket(SyntheticMarket(7), DEMO_START, FAST, "test")
    options = host_options(workspace, "headless", demo)
    ready: Future[Host] = Future()
    thread = threading.Thread(
        target=lambda: asyncio.run(run_host(workspace, options, ready.set_result))
    )
    thread.start()
    host = ready.result(30)
    try:
        wait_for_socket(workspace)
        yield host
    finally:
        host.shut_down()
        thread.join(30)


def wait_for_socket(workspace: Workspace) -> None:
    """Return once the host answers on its socket, which it opens as soon as it is ready."""

    def answers() -> bool:
        try:
            SocketLink.connect(workspace, follow=False)
        except CommandError:
            return False
        return True

    until_blocking(answers)
