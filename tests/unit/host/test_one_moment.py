"""What is asked of a session is of one moment, and nothing of it is not durable yet."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from pathlib import Path

import pytest

from core.host.link import CommandError
from core.session.snapshot import StartRequest
from core.store.durable import OsDisk
from core.trading.values import Fills
from tests.unit.host.hosts import hosting, live_feed
from tests.unit.session.scripted import TestFeed
from tests.unit.session.sessions import market
from tests.unit.session.test_live_engine import ALWAYS
from tests.unit.store.disks import ChangingDisk
from tests.waiting import until

BTC = "BTC/USDT"


class _SlowDisk(OsDisk):
    """Syncs once it may, or fails then."""

    def __init__(self, *, fails: bool = False) -> None:
        self._fails = fails
        self.asked, self.may = threading.Event(), threading.Event()

    def sync(self, descriptor: int) -> None:
        self.asked.set()
        assert self.may.wait(20), "nobody let the disk sync"
        if self._fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().sync(descriptor)


async def test_a_detail_is_of_the_moment_of_its_row_and_durable(tmp_path: Path) -> None:
    feed, disk = TestFeed({BTC: market(300)}, 250), ChangingDisk()

    async with hosting(tmp_path, feeds=live_feed(feed), disk=disk) as host:
        session_id = (await host.start(StartRequest(ALWAYS, fills=Fills.CANDLE))).session_id
        await until(lambda: bool(feed.subscribed))
        await host.annotate(session_id, "mind the fork", ())
        feed.candle(250)
        await until(lambda: host.fresh_snapshot().sessions[0].last_candle is not None)
        await host.pause(session_id, BTC)
        before = await host.reader.detail(session_id)
        assert before.snapshot is not None
        assert not before.snapshot.open_positions
        disk.now = slow = _SlowDisk()
        feed.candle(251)
        await until(slow.asked.is_set)
        asked = (host.reader.detail(session_id), host.reader.closed_trades(session_id))
        answers = asyncio.gather(*asked)
        shown = host.fresh_snapshot().sessions[0]
        assert shown.last_candle == before.snapshot.last_candle
        await _some_turns()
        assert not answers.done()
        disk.now = OsDisk()
        slow.may.set()
        later, trades = await answers
        assert later.snapshot is not None
        assert later.snapshot.last_candle == later.candles[BTC][-1].time != shown.last_candle
        assert later.trades == trades
        feed.price(50.0)
        await until(lambda: host.fresh_snapshot().sessions[0].last_price_at is not None)
        detail = await host.reader.detail(session_id)
        (row,) = host.fresh_snapshot().sessions
        assert detail.snapshot == row
        assert row.notes.note == "mind the fork"
        assert "entries of BTC/USDT are blocked by hand" in row.notices
        assert row.last_candle == detail.candles[BTC][-1].time


async def test_what_cannot_be_written_is_not_told(tmp_path: Path) -> None:
    feed, disk = TestFeed({BTC: market(300)}, 250), ChangingDisk()

    async with hosting(tmp_path, feeds=live_feed(feed), disk=disk) as host:
        session_id = (await host.start(StartRequest(ALWAYS, fills=Fills.CANDLE))).session_id
        await until(lambda: bool(feed.subscribed))
        feed.candle(250)
        await until(lambda: host.fresh_snapshot().sessions[0].last_candle is not None)
        disk.now = failing = _SlowDisk(fails=True)
        feed.candle(251)
        await until(failing.asked.is_set)
        asked = asyncio.gather(host.reader.detail(session_id))
        await _some_turns()
        failing.may.set()
        with pytest.raises(CommandError, match="cannot be written down"):
            await asked


async def _some_turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)
