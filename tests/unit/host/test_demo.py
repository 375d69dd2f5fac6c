"""A demo session: the real clients against the embedded exchange, over loopback."""

from __future__ import annotations

import asyncio
import os
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.backtest.run import run_backtest
from core.exchange.faults import FaultKind
from core.exchange.market.synthetic import SyntheticMarket
from core.host.feed_factories import DemoMarket, FeedFactories, last_open_time, venue_options
from core.host.host import Host
from core.journal.session_journal import RunInputs
from core.journal.values import FeedKind, Mode, SessionState
from core.market.candles.timeframes import HOUR, Timeframe
from core.report.result import RunResult, result_to_json
from core.schedule.service import Schedule
from core.session.snapshot import SessionSnapshot, StartRequest
from core.store.workspace import Workspace
from core.trading.values import Fills
from tests.unit.host.hosts import running
from tests.unit.session.sessions import RSI, START
from tests.waiting import until

MINUTES = {
    **RSI,
    "timeframe": "1m",
    "entry_conditions": [{"indicator": "rsi", "operator": "lt", "value": 50}],
    "exit_conditions": [{"indicator": "rsi", "operator": "gt", "value": 51}],
}
RESTLESS = {
    **MINUTES,
    "entry_conditions": [{"indicator": "close", "operator": "gt", "value": 0}],
    "exit_conditions": [],
    "max_hold": 2,
}
BOTH = {**MINUTES, "symbols": ["BTC/USDT", "ETH/USDT"], "trade_size_pct": 50}


async def traded(host: Host, session_id: str) -> bool:
    return bool((await host.reader.report(session_id))["trades"])


def demo_host(
    root: Path, speed: float = 3_000.0, seed: int = 1
) -> AbstractAsyncContextManager[Host]:
    workspace = Workspace(root)
    demo = DemoMarket(SyntheticMarket(seed), START, speed, f"seed{seed}")
    options = venue_options(FeedFactories(workspace, demo))
    return running(workspace, replace(options, schedule=Schedule))


def hourly(config: dict[str, Any], fills: Fills) -> StartRequest:
    return StartRequest(config, FeedKind.DEMO, fills=fills, run_for=90 * 60_000)


def backtest_of(inputs: RunInputs) -> RunResult:
    return run_backtest(
        inputs.config,
        inputs.candles,
        filters=inputs.filters,
        funding=inputs.funding,
        decide_from=inputs.decide_from,
    )


@pytest.mark.parametrize("config", [MINUTES, BOTH], ids=["one symbol", "two symbols"])
async def test_a_demo_session_makes_the_trades_of_the_backtest(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    async with demo_host(tmp_path) as host:
        reply = await host.start(hourly(config, Fills.CANDLE))
        assert reply.mode is Mode.DEMO
        assert reply.message.endswith("a full report when it ends."), "its market has its own time"
        await asyncio.wait_for(host.ended(reply.session_id), 60)
        report: Any = await host.reader.report(reply.session_id)
        inputs = await host.reader.inputs(reply.session_id)
    assert inputs.decide_from is not None
    for symbol, table in inputs.candles.items():
        first, last = int(table.time[0]), int(table.time[-1])
        shown = SyntheticMarket(1).candles(symbol, Timeframe.M1, first, last + 1)
        assert list(table) == list(shown)
        assert (inputs.decide_from - first) // 60_000 >= 200
    backtest = backtest_of(inputs)
    expected: Any = result_to_json(backtest, equity=True)
    assert report["reason"] == "its scheduled end was reached"
    assert backtest.trades
    for name in ("trades", "open_trades", "equity", "metrics", "period"):
        assert report[name] == expected[name], name


async def test_market_fills_take_the_quotes_and_record_the_candles_price_beside(
    tmp_path: Path,
) -> None:
    # Slow enough for prices to come between the candles on a busy machine as well.
    async with demo_host(tmp_path, speed=300) as host:
        request = StartRequest(RESTLESS, FeedKind.DEMO, fills=Fills.MARKET, run_for=20 * 60_000)
        session_id = (await host.start(request)).session_id
        await asyncio.wait_for(host.ended(session_id), 60)
        detail = await host.reader.detail(session_id)
    quoted = [trade for trade in detail.trades if trade.entry_filled_at is not None]
    assert quoted
    for trade in quoted:
        assert trade.candle_entry_price is not None
        assert abs(trade.entry_price / trade.candle_entry_price - 1) < 0.01


async def test_a_demo_goes_on_where_the_last_host_left_it(tmp_path: Path) -> None:
    async with demo_host(tmp_path) as host:
        session_id = (await host.start(hourly(MINUTES, Fills.CANDLE))).session_id
        await until(lambda: traded(host, session_id))
        before: Any = await host.reader.report(session_id)
    async with demo_host(tmp_path) as host:
        (session,) = host.snapshot().sessions
        assert session.state is not SessionState.ERROR
        await asyncio.wait_for(host.ended(session_id), 60)
        report: Any = await host.reader.report(session_id)
        inputs = await host.reader.inputs(session_id)
    assert report["trades"] == result_to_json(backtest_of(inputs))["trades"]
    assert report["trades"][: len(before["trades"])] == before["trades"]
    assert report["gaps"] == []
    assert len(report["restarts"]) == 1


async def test_a_demo_session_is_not_carried_on_in_another_market(tmp_path: Path) -> None:
    endless = StartRequest(MINUTES, FeedKind.DEMO, fills=Fills.CANDLE)
    async with demo_host(tmp_path) as host:
        session_id = (await host.start(endless)).session_id
        await until(lambda: traded(host, session_id))
        before: Any = await host.reader.report(session_id)
    async with demo_host(tmp_path, seed=2) as host:
        (session,) = host.snapshot().sessions
        assert session.state is SessionState.ERROR
        assert "another demo market" in str(session.state_reason)
    async with demo_host(tmp_path) as host:
        report: Any = await host.stop(session_id)
    assert report["trades"][: len(before["trades"])] == before["trades"]
    assert report["gaps"] == []


async def test_a_demo_taken_up_again_never_tells_the_machines_time(tmp_path: Path) -> None:
    async with demo_host(tmp_path) as host:
        session_id = (await host.start(hourly(MINUTES, Fills.CANDLE))).session_id
        await until(lambda: traded(host, session_id))
    async with demo_host(tmp_path) as host:

        def runs() -> bool:
            (session,) = host.fresh_snapshot().sessions
            assert session.running_since is None or session.now - session.running_since < 2 * HOUR
            return session.state is SessionState.RUNNING

        await until(runs)


async def test_a_silent_stall_of_a_demo_is_noticed_at_the_demos_speed(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    venues = FeedFactories(workspace, DemoMarket(SyntheticMarket(1), START, 600.0, "seed1"))
    async with running(workspace, venue_options(venues)) as host:
        await host.start(StartRequest(MINUTES, FeedKind.DEMO))

        def session() -> SessionSnapshot:
            return host.fresh_snapshot().sessions[0]

        await until(lambda: session().state is SessionState.RUNNING)
        assert venues.exchange is not None
        venues.exchange.switch_on(FaultKind.SILENT_STALL, "*kline*")
        await until(lambda: session().state is SessionState.STALE)
        assert "has said nothing for" in str(session().state_reason)
        venues.exchange.switch_off()
        await until(lambda: session().state is SessionState.RUNNING)


def test_where_a_demo_left_off_is_read_past_what_is_no_journal(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jsonl")
    (tmp_path / "b.jsonl").mkdir()
    (tmp_path / "c.jsonl").write_text('{"c": [60000, 1, 1, 1, 1, 1]}\n{"c": [1200')
    assert last_open_time(tmp_path) == 60_000
