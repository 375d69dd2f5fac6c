"""A session on a venue that fails in every way makes the trades of a backtest on its candles."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from core.exchange.faults import FaultKind
from core.exchange.market.clock import ManualClock
from core.exchange.market.synthetic import SyntheticMarket
from core.exchange.server import EmbeddedExchange
from core.host.host import Host
from core.journal.session_journal import RunInputs
from core.market.candles.timeframes import MINUTE
from core.session.snapshot import StartRequest
from core.trading.values import Fills
from tests.exchange.feeds import FOLLOW_PACE, STREAM_PACE, pass_minutes, trouble, truth
from tests.recovery.venue import (
    FUNDED,
    PERPETUAL,
    SPOT,
    START,
    agrees,
    all_running,
    caught_up,
    live_on,
    stated_missing,
    unaccounted,
)

# A minute that the clock leaps is a tenth of a second to the connections, so that no pong is late.
LEAPING = 600.0
# What falls silent, or is revised while a connection changes, is noticed within the few real
# seconds of a test.
WATCHFUL = replace(STREAM_PACE, silent_after=0.25, longest_silence=1.0)
AUDITING = replace(FOLLOW_PACE, audit=0.5)


@dataclass(frozen=True)
class Outcome:
    """A session at its end."""

    report: Any
    inputs: RunInputs


async def endure(
    root: Path, exchange: EmbeddedExchange, faults: Mapping[FaultKind, Mapping[str, Any]]
) -> dict[str, Outcome]:
    """Two sessions through half an hour with these faults and some minutes without."""
    clock = exchange.clock
    assert isinstance(clock, ManualClock)
    outcomes: dict[str, Outcome] = {}

    async def use(host: Host) -> None:
        for config in (SPOT, PERPETUAL):
            await host.start(StartRequest(config, fills=Fills.CANDLE))
        await all_running(host)
        await pass_minutes(clock, 3, 0.02)
        for kind, options in faults.items():
            exchange.switch_on(kind, **options)
        await pass_minutes(clock, 30, 0.02)
        # Among others, one may hide from what another has silenced.
        assert len(faults) > 2 or not any(fault.times for fault in exchange.faults.on)
        exchange.switch_off()
        for _ in range(60):
            await pass_minutes(clock, 1, 0.1)
            if not await open_questions(host):
                break
        for session in host.fresh_snapshot().sessions:
            report = await host.stop(session.id)
            outcomes[session.strategy] = Outcome(report, await host.reader.inputs(session.id))

    async def open_questions(host: Host) -> bool:
        for session in host.fresh_snapshot().sessions:
            if (session.last_candle or 0) < clock.now() - 4 * MINUTE:
                return True
            report, inputs = (
                await host.reader.report(session.id),
                await host.reader.inputs(session.id),
            )
            if unaccounted(root, report, inputs, exchange):
                return True
        return False

    await live_on(exchange, root, use, WATCHFUL, AUDITING)
    return outcomes


def accounted_for(root: Path, exchange: EmbeddedExchange, outcomes: dict[str, Outcome]) -> None:
    """The trades are the backtest's, on what the exchange finally tells but for what is stated."""
    for outcome in outcomes.values():
        agrees(outcome.report, outcome.inputs)
        wrong = unaccounted(root, outcome.report, outcome.inputs, exchange)
        assert not wrong, wrong


KLINES, REST = {"target": "*@kline_1m"}, {"target": "/*"}
EVERY_FAULT: list[tuple[FaultKind, dict[str, Any]]] = [
    (FaultKind.SILENT_STALL, {"target": "btcusdt@kline_1m"}),
    (FaultKind.DROP, {**KLINES, "chance": 0.1}),
    (FaultKind.DUPLICATE, KLINES),
    (FaultKind.REORDER, {**KLINES, "chance": 0.5}),
    (FaultKind.LATE_CLOSE, {**KLINES, "chance": 0.5, "amount": 130_000}),
    (FaultKind.MISSING_CANDLE, {**KLINES, "times": 3, "chance": 0.2}),
    (FaultKind.REVISED_CANDLE, {**KLINES, "times": 3, "chance": 0.2}),
    (FaultKind.SLOW_REPLY, {**REST, "amount": 100}),
    (FaultKind.TOO_MANY_REQUESTS, {**REST, "times": 1, "amount": 1}),
    (FaultKind.BANNED, {**REST, "times": 1, "amount": 1}),
    (FaultKind.UNAVAILABLE, {**REST, "chance": 0.5}),
    (FaultKind.UNKNOWN_OUTCOME, {**REST, "chance": 0.5}),
    (FaultKind.CLOCK_SKEW, {"amount": -90_000}),
    (FaultKind.CLOCK_SKEW, {"amount": 90_000}),
    (FaultKind.DELISTING, {"target": "ETHUSDT"}),
    (FaultKind.TESTNET_RESET, {}),
    (FaultKind.SHUTDOWN, {}),
]
ASKING = {FaultKind.SLOW_REPLY, FaultKind.TOO_MANY_REQUESTS, FaultKind.BANNED}
ASKING |= {FaultKind.UNAVAILABLE, FaultKind.UNKNOWN_OUTCOME}


@pytest.mark.parametrize(("kind", "options"), EVERY_FAULT, ids=str)
async def test_a_fault_alone_leaves_the_backtests_trades_or_says_what_is_missing(
    tmp_path: Path, kind: FaultKind, options: dict[str, Any]
) -> None:
    faults: dict[FaultKind, Mapping[str, Any]] = {kind: options}
    if kind in ASKING:
        # Only who asks meets these: cut the lines, so that the sessions have to.
        faults[FaultKind.DROP] = {**KLINES, "chance": 0.1}
    clock = ManualClock(START, LEAPING)
    async with EmbeddedExchange(SyntheticMarket(seed=7), clock) as exchange:
        outcomes = await endure(tmp_path, exchange, faults)
        accounted_for(tmp_path, exchange, outcomes)
    missing = {
        symbol: stated_missing(outcome.report, symbol)
        for outcome in outcomes.values()
        for symbol in outcome.inputs.config.symbols
    }
    if kind is FaultKind.MISSING_CANDLE:
        assert sum(map(len, missing.values())) == 3
    elif kind is FaultKind.DELISTING:
        assert 30 <= len(missing.pop("ETH/USDT")) <= 32
        assert not any(missing.values())
    else:
        assert not any(missing.values())


def mixture(seed: int) -> dict[FaultKind, Mapping[str, Any]]:
    """Some faults at once."""
    return dict(random.Random(seed).sample(EVERY_FAULT, 5))


async def mixed(root: Path, seed: int) -> None:
    clock = ManualClock(START, LEAPING)
    async with EmbeddedExchange(SyntheticMarket(seed=7), clock, seed=seed) as exchange:
        accounted_for(root, exchange, await endure(root, exchange, mixture(seed)))


async def test_mixtures_of_faults_do_so_too(tmp_path: Path) -> None:
    await asyncio.gather(*(mixed(tmp_path / str(seed), seed) for seed in range(4)))


@pytest.mark.parametrize("seed", range(2))
async def test_faults_and_a_restart_change_no_trade(tmp_path: Path, seed: int) -> None:
    clock = ManualClock(START)
    reports: dict[str, tuple[Any, RunInputs]] = {}

    async def first(host: Host) -> None:
        for config in (SPOT, {**PERPETUAL, "max_hold": 20}):
            await host.start(StartRequest(config, fills=Fills.CANDLE))
        await all_running(host)
        await suffer(exchange, 20)

    async def second(host: Host) -> None:
        await suffer(exchange, 25)
        exchange.switch_off()
        await pass_minutes(clock, 4, 0.05)
        await caught_up(host, clock.now() - 3 * MINUTE)
        for session in host.fresh_snapshot().sessions:
            report = await host.stop(session.id)
            reports[session.strategy] = (report, await host.reader.inputs(session.id))

    async def suffer(exchange: EmbeddedExchange, minutes: int) -> None:
        trouble(exchange)
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
