"""Polled sessions, through ccxt and nothing else: the same trades, whatever the exchange does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.exchange.faults import FaultKind
from core.exchange.market.clock import ManualClock
from core.exchange.market.synthetic import SyntheticMarket
from core.exchange.server import EmbeddedExchange
from core.host.feed_factories import FeedFactories, venue_options
from core.host.host import Host
from core.journal.session_journal import RunInputs
from core.journal.values import FeedKind
from core.market.candles.timeframes import MINUTE
from core.market.feeds.delivery import DeliveryPace
from core.market.feeds.poll import PollPace
from core.market.venues.binance.addresses import embedded
from core.market.venues.binance.dialect import BinanceDialect
from core.session.snapshot import StartRequest
from core.store.workspace import Workspace
from tests.exchange.feeds import pass_time, pass_until
from tests.recovery.venue import (
    FUNDED,
    PERPETUAL,
    SPOT,
    START,
    agrees,
    all_running,
    stated_missing,
    unaccounted,
)
from tests.unit.host.hosts import running

PACE = PollPace(
    every=0.1,
    settle=0,
    first_delay=0.01,
    longest_delay=0.05,
    delivery=DeliveryPace(hole_delay=0.02),
)
REST = {"target": "*/klines"}


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (None, {}),
        (FaultKind.TOO_MANY_REQUESTS, {**REST, "times": 1, "amount": 1}),
        (FaultKind.BANNED, {**REST, "times": 1, "amount": 1}),
        (FaultKind.UNAVAILABLE, {"target": "/*", "chance": 0.4}),
        (FaultKind.UNKNOWN_OUTCOME, {"target": "/*", "chance": 0.4}),
        (FaultKind.SLOW_REPLY, {"target": "/*", "amount": 50}),
        (FaultKind.CLOCK_SKEW, {"amount": -90_000}),
        (FaultKind.DELISTING, {"target": "ETHUSDT"}),
        (FaultKind.TESTNET_RESET, {}),
    ],
    ids=lambda value: value.value if isinstance(value, FaultKind) else "",
)
async def test_a_polled_session_makes_the_backtests_trades_or_says_what_is_missing(
    tmp_path: Path, kind: FaultKind | None, options: Mapping[str, Any]
) -> None:
    clock = ManualClock(START, 600.0)
    ended: list[tuple[Any, RunInputs]] = []
    told: list[str] = []

    async def use(host: Host, exchange: EmbeddedExchange) -> None:
        for config in (SPOT, PERPETUAL):
            await host.start(StartRequest(config, FeedKind.POLL, exchange="binance"))
        await all_running(host)
        if kind is not None:
            exchange.switch_on(kind, **options)
        await pass_time(clock, MINUTE // 2, 80, 0.02)  # each minute is looked at while it forms
        exchange.switch_off()

        def caught_up() -> bool:
            lasts = [one.last_candle or 0 for one in host.fresh_snapshot().sessions]
            return min(lasts) >= clock.now() - 3 * MINUTE

        await pass_time(clock, MINUTE // 2, 1)
        await pass_until(clock, MINUTE // 2, caught_up, 0.1)
        told.extend(line.text for line in host.logs())
        for session in host.fresh_snapshot().sessions:
            ended.append((await host.stop(session.id), await host.reader.inputs(session.id)))

    async with EmbeddedExchange(SyntheticMarket(seed=7), clock) as exchange:
        # Polled under its own name, at the addresses of the configuration.
        venue = BinanceDialect(
            replace(embedded(exchange.rest_url, exchange.futures_rest_url), name="binance")
        )
        venues = FeedFactories(Workspace(tmp_path), venue=venue, poll_pace=PACE)
        async with running(Workspace(tmp_path), venue_options(venues)) as host:
            await use(host, exchange)
        for report, inputs in ended:
            agrees(report, inputs)
            wrong = unaccounted(tmp_path, report, inputs, exchange, feed="poll-binance")
            assert not wrong, wrong
    missing = {symbol for symbol in (*SPOT["symbols"],) if stated_missing(ended[0][0], symbol)}
    assert missing == ({"ETH/USDT"} if kind is FaultKind.DELISTING else set())
    assert [time for time, _ in ended[1][1].funding["BTC/USDT:USDT"]] == [FUNDED]
    if kind in (FaultKind.TOO_MANY_REQUESTS, FaultKind.BANNED):
        assert any("nothing is asked for 1 s" in text for text in told)
