"""How long do five hundred one-minute sessions need for the candles of a minute?

`python -m tests.benchmarks.bench_sessions`: 500 sessions over 50 symbols in one host. Each minute
all 50 candles close at once; measured is the time until every session has decided on its candle and
that is durable, and the lag of the event loop meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from core.host.host import Host, HostOptions
from core.journal.manifest import SessionManifest
from core.journal.values import FeedKind
from core.market.candles.candles import Candles
from core.market.candles.timeframes import MINUTE, Timeframe
from core.market.feeds.feed import CandleClosed, Feed, FeedEvent
from core.session.engine import Engine
from core.session.snapshot import StartRequest
from core.store.workspace import Workspace
from core.strategy.config.config import StrategyConfig
from core.trading.values import Fills
from tests.unit.host.hosts import running
from tests.unit.session.scripted import TestFeed
from tests.unit.session.sessions import RSI, START, market

KNOWN = 250


class Crowd:
    """The feeds of many sessions, told the same candles at the same time."""

    def __init__(self, symbols: int, minutes: int) -> None:
        self.names = [f"C{number}/USDT" for number in range(symbols)]
        self._tables = {
            name: _minutely(market(KNOWN + minutes, seed=number))
            for number, name in enumerate(self.names)
        }
        self._feeds: list[tuple[str, MinuteFeed]] = []
        self._engines: list[Engine] = []

    async def feed(self, _: SessionManifest, config: StrategyConfig) -> Feed:
        name = config.symbols[0]
        feed = MinuteFeed({name: self._tables[name]}, KNOWN)
        self._feeds.append((name, feed))
        return feed

    def engines(self, host: Host) -> list[Engine]:
        """Every session's engine."""
        if not self._engines:
            ids = [one.id for one in host.fresh_snapshot().sessions]
            self._engines = [host.registry.alive(session_id) for session_id in ids]
        return self._engines

    def minute(self, place: int) -> int:
        """Let a candle of every symbol close; returns its open time."""
        said: dict[str, FeedEvent] = {
            name: CandleClosed(name, Timeframe.M1, table.at(place))
            for name, table in self._tables.items()
        }
        for name, feed in self._feeds:
            feed.time += MINUTE
            feed.say(said[name])
        return START + place * MINUTE


class MinuteFeed(TestFeed):
    def __init__(self, candles: dict[str, Candles], known: int) -> None:
        super().__init__(candles, known)
        self.time = START + known * MINUTE

    async def history(self, symbol: str, timeframe: Timeframe, count: int) -> Candles:
        return self.candles[symbol].slice(KNOWN - count, KNOWN)


def _minutely(candles: Candles) -> Candles:
    time = START + (candles.time - START) // 5
    columns = (candles.open, candles.high, candles.low, candles.close, candles.volume)
    return Candles(time, *columns)


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _decided(engine: Engine, due: int) -> bool:
    handler = engine.handler
    return handler is not None and handler.settled and (handler.runner.moment_time or 0) >= due


async def watch_lag(lags: list[float]) -> None:
    """Note by how much every sleep of five milliseconds was longer."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.005)
        lags.append(time.perf_counter() - began - 0.005)


async def measure(root: Path, sessions: int, symbols: int, minutes: int) -> dict[str, float]:
    """The slowest minute, the median one, the loop's lag, and what memory and tasks remain."""
    crowd = Crowd(symbols, minutes)
    options: dict[str, Any] = {"feeds": {FeedKind.LIVE: crowd.feed}}
    async with running(Workspace(root), HostOptions(**options)) as host:
        began = time.perf_counter()
        for number in range(sessions):
            config = {**RSI, "symbols": [crowd.names[number % symbols]], "timeframe": "1m"}
            await host.start(StartRequest(config, FeedKind.LIVE, fills=Fills.CANDLE))
        while any(one.running_since is None for one in host.fresh_snapshot().sessions):
            await asyncio.sleep(0.05)
        started = time.perf_counter() - began
        lags: list[float] = []
        watcher = asyncio.create_task(watch_lag(lags))
        took: list[float] = []
        memory: list[float] = []
        for place in range(KNOWN, KNOWN + minutes):
            began = time.perf_counter()
            due = crowd.minute(place)
            while not all(_decided(engine, due) for engine in crowd.engines(host)):
                await asyncio.sleep(0.01)
            took.append(time.perf_counter() - began)
            host.snapshot()  # a screen is looking, a few times a second
            if place - KNOWN in (minutes // 2, minutes - 1):
                memory.append(_resident_mb())
        watcher.cancel()
    lags.sort()
    return {
        "started_s": started,
        "slowest_minute_s": max(took),
        "median_minute_s": statistics.median(took),
        "loop_lag_p99_ms": lags[int(len(lags) * 0.99)] * 1000,
        "loop_lag_max_ms": lags[-1] * 1000,
        "memory_mb": memory[-1],
        "second_half_mb": memory[-1] - memory[0],
        "tasks_left": len(asyncio.all_tasks()) - 1,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=500)
    parser.add_argument("--symbols", type=int, default=50)
    parser.add_argument("--minutes", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(
            measure(Path(folder), options.sessions, options.symbols, options.minutes)
        )
    for name, value in figures.items():
        print(f"{name:>18} {value:8.3f}")


if __name__ == "__main__":
    main()
