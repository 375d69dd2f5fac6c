"""No key of the user's ends up anywhere but in exchanges.yaml, and no text commands a terminal."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from core.host.host import Host
from core.host.link import CommandError
from core.host.socket_link import SocketLink
from core.host.socket_server import ControlSocket
from core.journal.values import FeedKind
from core.market.feeds.feed import Ended, FeedError, FeedState, FeedStatus
from core.session.snapshot import StartRequest
from core.store.workspace import Workspace
from tests.unit.host.hosts import hosting, live_feed
from tests.unit.session.scripted import TestFeed
from tests.unit.session.sessions import RSI, market

KEY, SECRET = "tnKEY0123456789abcdef", "tnSECRET/fedcba+9876543210"
ESCAPE = "\x1b]52;c;cm0gLXJm\x07"


async def serve(host: Host) -> None:
    await ControlSocket(host).serve()


def workspace_with_keys(root: Path) -> Workspace:
    workspace = Workspace(root)
    workspace.prepare()
    workspace.credentials.write_text(
        f"binance_testnet:\n  api_key: {KEY}\n  api_secret: '{SECRET}'\n"
    )
    workspace.credentials.chmod(0o600)
    return workspace


async def test_a_venue_that_quotes_the_keys_in_its_errors_leaks_nothing(tmp_path: Path) -> None:
    workspace = workspace_with_keys(tmp_path)
    feeds: list[TestFeed] = []

    async def feed(*_: Any) -> TestFeed:
        if len(feeds) == 1:
            raise FeedError(f"GET /api?apiKey={KEY} was refused")
        feeds.append(TestFeed({"BTC/USDT": market(300)}, 250))
        return feeds[0]

    async with hosting(tmp_path, feeds={FeedKind.LIVE: feed}, companions=[serve]) as host:
        link = await asyncio.to_thread(SocketLink.connect, workspace)
        session_id = (await host.start(StartRequest(RSI))).session_id
        status = f"refused {SECRET}{ESCAPE}\n[/bold] for {KEY}"
        feeds[0].say(FeedStatus("BTC/USDT", FeedState.RECONNECTING, status))
        feeds[0].say(Ended(f"401 for {KEY}{ESCAPE} and {SECRET}"))
        await host.ended(session_id)
        with pytest.raises(CommandError) as refused:
            await link.start(StartRequest(RSI))
        shown = [
            repr(refused.value),
            repr(host.fresh_snapshot()),
            repr(host.logs()),
            repr(await link.fresh_snapshot()),
            repr(await link.report(session_id)),
            repr(await link.detail(session_id)),
        ]
        link.close()
    for path in tmp_path.rglob("*"):
        if path.is_file() and path != workspace.credentials:
            shown.append(path.read_bytes().decode("utf-8", errors="replace"))
    assert any("401 for [hidden]" in text for text in shown)
    for text in shown:
        assert KEY not in text
        assert SECRET not in text
        assert "\x1b" not in text
        assert "\\x1b" not in text
        assert "\\u001b" not in text


def test_everything_written_is_the_users_alone(tmp_path: Path) -> None:
    async def use() -> None:
        feed = TestFeed({"BTC/USDT": market(300)}, 250)

        async with hosting(tmp_path / "home", feeds=live_feed(feed)) as host:
            session_id = (await host.start(StartRequest(RSI))).session_id
            feed.candle(250)
            await host.stop(session_id)

    asyncio.run(use())
    for path in (tmp_path / "home").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
