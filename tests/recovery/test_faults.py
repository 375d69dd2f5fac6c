"""A session on a venue that fails in every way makes the trades of a backtest on its candles."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from core.backtest.run import run_backtest
from core.exchange.clock import ManualClock
from core.exchange.faults import FaultKind
from core.exchange.server import EmbeddedExchange
from core.exchange.synthetic import SyntheticMarket
from core.market.feed import Feed
from core.market.live import LiveFeed
from core.market.market_desk import BinanceMarket
from core.market.timeframes import DAY, HOUR, MINUTE
from core.market.venue import embedded
from core.paper.host import Host, HostOptions
from core.paper.session import RunInputs
from core.paper.snapshot import FeedKind, StartRequest
from core.report.result_json import result_to_json
from core.store.workspace import Workspace
from core.trading.values import Fills
from tests.exchange.feeds import FOLLOW_PACE, PATIENCE, STREAM_PACE, pass_minutes, truth
from tests.unit.paper.hosts import running
from tests.unit.paper.sessions import RSI

FUNDED = 20_755 * DAY + 8 * HOUR
START = FUNDED - 25 * MINUTE

SPOT: dict[str, Any] = {
    **RSI,
    "symbols": ["BTC/USDT", "ETH/USDT"],
    "timeframe": "1m",
    "trade_size_pct": 50,
    "entry_conditions": [{"indicator": "rsi", "operator": "lt", "value": 50}],
    "exit_conditions": [{"indicator": "rsi", "operator": "gt", "value": 52}],
    "max_hold": 6,
}
PERPETUAL = {
    **SPOT,
    "name": "always_short",
    "symbols": ["BTC/USDT:USDT"],
    "direction": "short",
    "leverage": 3,
    "entry_conditions": [{"indicator": "close", "operator": "gt", "value": 0}],
    "exit_conditions": [],
    "max_hold": 20,
}


async def live_on(
    exchange: EmbeddedExchange, root: Path, use: Callable[[Host], Awaitable[None]]
) -> None:
    """A host whose live feed is the exchange, for as long as `use` takes."""
    desk = BinanceMarket(embedded(exchange.rest_url), pace=STREAM_PACE, patience=PATIENCE)

    async def feed(*_: Any) -> Feed:
        return LiveFeed(desk, FOLLOW_PACE)

    try:
        async with running(Host(Workspace(root), HostOptions(feeds={FeedKind.LIVE: feed}))) as host:
            await use(host)
    finally:
        await desk.close()


async def caught_up(host: Host, time: int) -> None:
    """Return once every session has decided on the candle that opens at `time`."""
    async with asyncio.timeout(30):
        while any((one.last_candle or 0) < time for one in host.fresh_snapshot().sessions):
            await asyncio.sleep(0.02)


def agrees(report: Any, inputs: RunInputs) -> None:
    backtest = run_backtest(
        inputs.config,
        inputs.candles,
        filters=inputs.filters,
        funding=inputs.funding,
        decide_from=inputs.decide_from,
    )
    expected = result_to_json(backtest, equity=True)
    assert backtest.trades
    for name in ("trades", "open_trades", "equity", "metrics", "period"):
        assert report[name] == expected[name], name


@pytest.mark.parametrize("seed", range(2))
async def test_faults_and_a_restart_change_no_trade(tmp_path: Path, seed: int) -> None:
    clock = ManualClock(START)
    reports: dict[str, tuple[Any, RunInputs]] = {}

    async def first(host: Host) -> None:
        for config in (SPOT, PERPETUAL):
            await host.start(StartRequest(config, fills=Fills.CANDLE))
        async with asyncio.timeout(20):
            while any(one.running_since is None for one in host.fresh_snapshot().sessions):
                await asyncio.sleep(0.02)
        await suffer(exchange, 20)

    async def second(host: Host) -> None:
        await suffer(exchange, 25)
        exchange.switch_off()
        await pass_minutes(clock, 4, 0.05)
        await caught_up(host, clock.now() - 3 * MINUTE)
        for session in host.fresh_snapshot().sessions:
            report = await host.stop(session.id)
            reports[session.strategy] = (report, await host.inputs(session.id))

    async def suffer(exchange: EmbeddedExchange, minutes: int) -> None:
        for kind, chance in (
            (FaultKind.DROP, 0.03),
            (FaultKind.DUPLICATE, 0.2),
            (FaultKind.REORDER, 0.2),
            (FaultKind.LATE_CLOSE, 0.1),
        ):
            exchange.switch_on(kind, "*kline*", chance=chance)
        exchange.switch_on(FaultKind.UNAVAILABLE, "/api/*", chance=0.2)
        await pass_minutes(clock, minutes, 0.02)

    async with EmbeddedExchange(SyntheticMarket(seed=7), clock, seed=seed) as exchange:
        await live_on(exchange, tmp_path, first)
        await pass_minutes(clock, 10)  # nobody is there
        await live_on(exchange, tmp_path, second)
        for report, inputs in reports.values():
            agrees(report, inputs)
            assert report["gaps"] == []
            assert len(report["restarts"]) == 1
            for symbol, table in inputs.candles.items():
                first_open, last_open = int(table.time[0]), int(table.time[-1])
                assert list(table) == truth(exchange, symbol, first_open, last_open + 1)
    _, perpetual = reports["always_short"]
    assert [time for time, _ in perpetual.funding["BTC/USDT:USDT"]] == [FUNDED]
    assert any(trade["funding"] for trade in reports["always_short"][0]["trades"])


async def test_a_candle_nobody_has_is_a_stated_gap(tmp_path: Path) -> None:
    clock = ManualClock(START)
    found: list[tuple[Any, RunInputs]] = []

    async def use(host: Host) -> None:
        session_id = (await host.start(StartRequest(SPOT, fills=Fills.CANDLE))).session_id
        async with asyncio.timeout(20):
            while host.fresh_snapshot().sessions[0].running_since is None:
                await asyncio.sleep(0.02)
        await pass_minutes(clock, 5, 0.05)
        exchange.switch_on(FaultKind.MISSING_CANDLE, "ethusdt@kline_1m", times=1)
        await pass_minutes(clock, 30, 0.05)
        await caught_up(host, clock.now() - 3 * MINUTE)
        found.append((await host.stop(session_id), await host.inputs(session_id)))

    async with EmbeddedExchange(SyntheticMarket(seed=7), clock) as exchange:
        await live_on(exchange, tmp_path, use)
    report, inputs = found[0]
    agrees(report, inputs)
    assert [(gap["symbol"], gap["candles"]) for gap in report["gaps"]] == [("ETH/USDT", 1)]
