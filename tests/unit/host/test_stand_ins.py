"""What stands in for streams or a test venue is told once, marked while it lasts, and over once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.exchange.faults import FaultKind
from core.exchange.market.clock import RunningClock
from core.exchange.market.synthetic import SyntheticMarket
from core.exchange.server import EmbeddedExchange
from core.host.feed_factories import FeedFactories, venue_options
from core.host.host import Host, HostOptions
from core.journal.values import BrokerKind, FeedKind, Mode
from core.market.candles.timeframes import DAY
from core.market.venues.registry import embedded_dialect
from core.schedule.service import Schedule
from core.session.snapshot import SessionSnapshot, StartRequest
from core.store.workspace import Workspace
from core.trading.venue_hosts import OrderAddresses
from tests.exchange.feeds import FOLLOW_PACE
from tests.unit.host.hosts import running
from tests.unit.host.test_testnet_sessions import KEY, SECRET, put_keys
from tests.unit.session.sessions import RSI
from tests.waiting import until

START = 20_755 * DAY
CONFIG = {**RSI, "timeframe": "1m"}
QUICK = replace(FOLLOW_PACE, poll_after=0.2, poll_every=0.05)
ALWAYS = {
    "name": "always",
    "symbols": ["BTC/USDT"],
    "timeframe": "1m",
    "entry_conditions": [{"indicator": "close", "operator": "gt", "value": 0}],
    "max_hold": 1,
    "trade_size_pct": 10,
}


@pytest.fixture
async def exchange() -> AsyncIterator[EmbeddedExchange]:
    clock = RunningClock(START, 60.0)
    async with EmbeddedExchange(SyntheticMarket(7), clock, keys={KEY: SECRET}) as running_one:
        yield running_one


def options(workspace: Workspace, exchange: EmbeddedExchange) -> HostOptions:
    """A host whose venue is this exchange, and whose minutes pass in tenths of a second."""
    spot, futures = exchange.rest_url, exchange.futures_rest_url
    return venue_options(
        FeedFactories(workspace, venue=embedded_dialect(spot, futures), pace=QUICK),
        clock=RunningClock(START, 1_200.0).now,
        schedule=Schedule,
        order_addresses=OrderAddresses(spot, futures, spot, futures),
    )


def only(host: Host) -> SessionSnapshot:
    (found,) = host.fresh_snapshot().sessions
    return found


def told(host: Host, words: str) -> list[str]:
    return [line.text for line in host.logs() if words in line.text]


async def test_polling_is_told_once_marked_while_it_lasts_and_over_once(
    tmp_path: Path, exchange: EmbeddedExchange
) -> None:
    workspace = Workspace(tmp_path)
    workspace.prepare()
    async with running(workspace, options(workspace, exchange)) as host:
        name = (await host.start(StartRequest(CONFIG, FeedKind.LIVE, fallback=True))).session_id
        await until(lambda: only(host).last_price_at is not None)
        exchange.switch_on(FaultKind.DROP, "*", chance=1.0)
        polled = "prices are asked for over REST"
        await until(lambda: any(polled in text for text in only(host).notices))
        await until(lambda: told(host, f"({name}): the streams of"))
        exchange.switch_off()
        await until(lambda: only(host).stand_ins == ())
        await until(lambda: told(host, f"({name}): this is over: the streams of"))
        assert not any(polled in text for text in only(host).notices)
        assert len(told(host, f"({name}): ")) == 2
        assert len(told(host, polled)) == 3  # these two, and the line of the feed


async def test_keys_that_go_while_a_session_runs_are_told_once_and_marked_until_they_are_back(
    tmp_path: Path, exchange: EmbeddedExchange
) -> None:
    workspace = Workspace(tmp_path)
    put_keys(tmp_path, "binance_testnet")
    async with running(workspace, options(workspace, exchange)) as host:
        reply = await host.start(StartRequest(ALWAYS, FeedKind.LIVE, broker=BrokerKind.TESTNET))
        assert reply.mode is Mode.TESTNET
        await until(lambda: (only(host).orders or pytest.fail("no orders")).filled >= 1)
        workspace.credentials.unlink()
        await until(lambda: only(host).mode is Mode.SIMULATED)
        (why,) = only(host).stand_ins
        assert why.startswith("asked for testnet, runs simulated for now: its keys are not here")
        assert "https://testnet.binancefuture.com/" in why
        await until(lambda: told(host, f"({reply.session_id}): asked for testnet, runs simulated"))
        put_keys(tmp_path, "binance_testnet")
        await until(lambda: only(host).mode is Mode.TESTNET)
        await until(lambda: told(host, f"({reply.session_id}): this is over: asked for testnet"))
        assert len(told(host, "no orders are sent to the testnet: its keys are not here")) == 1
        assert len(told(host, "orders are sent to the testnet again")) == 1
        assert len(told(host, f"({reply.session_id}): asked for testnet")) == 1
