"""Let fifty sessions live through a week of minutes on an exchange that fails in every way.

`python -m tests.recovery.soak_week`: the embedded exchange runs in a process of its own, its time
some hundred times as fast as real time; one host follows it with the real clients. Every hour of
the exchange's time other faults are on. At the end each session must have traded as a backtest of
the candles it received, those must be the ones the exchange finally tells or stated gaps, and
memory, tasks, threads, files and journals must be what they should.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from core.exchange.faults import FaultKind
from core.exchange.market.clock import RunningClock
from core.exchange.market.synthetic import SyntheticMarket
from core.exchange.server import EmbeddedExchange
from core.host.host import Host, HostOptions
from core.journal.values import FeedKind
from core.market.candles.candle import Candle
from core.market.candles.timeframes import DAY, HOUR, MINUTE, Timeframe
from core.market.feeds.delivery import DeliveryPace
from core.market.feeds.feed import Feed
from core.market.feeds.streams.follower import FollowPace, StreamFeed
from core.market.feeds.streams.gateway import VenueGateway
from core.market.feeds.streams.streams import Pace
from core.market.history.candle_history import FetchPatience
from core.market.symbols import venue_symbol
from core.market.venues.binance.addresses import embedded
from core.market.venues.binance.dialect import BinanceDialect
from core.session.snapshot import StartRequest
from core.store.workspace import Workspace
from core.trading.values import Fills
from tests.recovery.venue import differences, stated_missing, unaccounted_of
from tests.unit.host.hosts import running
from tests.unit.session.sessions import RSI
from tests.waiting import until

START = 20_755 * DAY - 10 * MINUTE
SPOT = [f"S{number:02}/USDT" for number in range(20)]
PERPETUAL = [f"P{number:02}/USDT:USDT" for number in range(5)]
SYMBOLS = [*SPOT, *PERPETUAL]

# What docs/journal.md states, in bytes, checksum and line break included.
CANDLE_BYTES = 90
MOMENT_BYTES = 400

_SLACK = 10.0  # MB by which an allocator's own may grow
_WARM_UP = 24.0  # hours; after nine, a session remembers as many candles for the screen as it may

_STRATEGIES: Sequence[Mapping[str, Any]] = (
    {"max_hold": 90},
    {
        "name": "ema_cross",
        "indicators": [
            {"name": "ema", "params": {"period": 9}, "key": "fast"},
            {"name": "ema", "params": {"period": 30}, "key": "slow"},
        ],
        "entry_conditions": [{"indicator": "fast", "operator": "cross_above", "value": "slow"}],
        "exit_conditions": [{"indicator": "fast", "operator": "cross_below", "value": "slow"}],
        "trailing_stop_pct": 1,
    },
    {
        "name": "bands",
        "indicators": [{"name": "bollinger", "params": {"period": 20, "std": 2}}],
        "entry_conditions": [
            {"indicator": "close", "operator": "lt", "value": "bollinger.lower"},
        ],
        "exit_conditions": [{"indicator": "close", "operator": "gt", "value": "bollinger.mid"}],
        "stop_loss_pct": 0.5,
        "take_profit_pct": 1,
    },
)


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast the exchange's time passes, and waits of the clients that go with it."""

    factor: float

    @property
    def stream(self) -> Pace:
        return Pace(
            rotate_after=12 * 3600 / self.factor,
            silent_after=max(1.0, 900 / self.factor),
            longest_silence=5.0,
            watch_every=0.25,
            first_delay=0.02,
            longest_delay=0.5,
            settled_after=1.0,
            takeover=0.3,
        )

    @property
    def follow(self) -> FollowPace:
        return FollowPace(
            overdue=max(120.0, 1.0 * self.factor),
            longest_overdue=10 * self.factor,
            look_every=0.5,
            first_delay=0.05,
            longest_delay=1.0,
            audit=3600 / self.factor,
            fresh=1.0,
            delivery=DeliveryPace(hole_delay=0.1),
        )


PATIENCE = FetchPatience(first_delay=0.05, longest_delay=0.5, settle=0)


def weather(chance: random.Random) -> list[dict[str, Any]]:
    """The faults of one hour."""
    kline, rest = "*@kline_1m", "/*"
    some = venue_symbol(chance.choice(SYMBOLS))
    single = f"{some.lower()}@kline_1m"
    known: list[tuple[FaultKind, str, dict[str, float]]] = [
        (FaultKind.SILENT_STALL, single, {}),
        (FaultKind.DROP, kline, {"chance": 0.0005}),
        (FaultKind.DUPLICATE, kline, {"chance": 0.2}),
        (FaultKind.REORDER, kline, {"chance": 0.05}),
        (FaultKind.LATE_CLOSE, kline, {"chance": 0.01, "amount": chance.choice([5e3, 2e5])}),
        (FaultKind.MISSING_CANDLE, single, {"times": 2, "chance": 0.05}),
        (FaultKind.REVISED_CANDLE, single, {"times": 2, "chance": 0.05}),
        (FaultKind.SLOW_REPLY, rest, {"chance": 0.2, "amount": 100}),
        (FaultKind.TOO_MANY_REQUESTS, rest, {"times": 1, "amount": 1}),
        (FaultKind.BANNED, rest, {"times": 1, "amount": 2}),
        (FaultKind.UNAVAILABLE, rest, {"chance": 0.2}),
        (FaultKind.UNKNOWN_OUTCOME, rest, {"chance": 0.2}),
        (FaultKind.CLOCK_SKEW, "*", {"amount": chance.choice([-30_000, 30_000])}),
        (FaultKind.DELISTING, some, {}),
        (FaultKind.TESTNET_RESET, "*", {}),
        (FaultKind.SHUTDOWN, "*", {}),
    ]
    return [
        {"kind": kind.value, "target": target, **options}
        for kind, target, options in chance.sample(known, chance.randint(1, 4))
    ]


# ── The exchange, in a process of its own ──


async def serve(speed: float, seed: int) -> None:
    """Run the exchange until the standard input ends; its addresses are the first line said."""
    market = SyntheticMarket(seed, SYMBOLS)
    for symbol in SYMBOLS:  # made before time runs
        market.candles(symbol, Timeframe.M1, START - DAY, START + DAY)
    async with EmbeddedExchange(market, RunningClock(START, speed), seed=seed) as exchange:
        print(exchange.rest_url, exchange.futures_rest_url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


@dataclass(slots=True)
class Venue:
    """The exchange as its operator sees it."""

    process: subprocess.Popen[str]
    url: str
    futures_url: str
    on: Counter[str] = field(default_factory=Counter)

    @classmethod
    def start(cls, speed: float, seed: int) -> Venue:
        command = [sys.executable, "-m", "tests.recovery.soak_week", "--serve"]
        command += ["--speed", str(speed), "--seed", str(seed)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        spot, futures = process.stdout.readline().split()
        return cls(process, spot, futures)

    async def now(self, operator: aiohttp.ClientSession) -> int:
        async with operator.get(f"{self.url}/_papertape/status") as answer:
            return int((await answer.json())["time"])

    async def change_weather(self, operator: aiohttp.ClientSession, chance: random.Random) -> None:
        """Switch everything off, and the faults of the next hour on."""
        await self.clear(operator)
        for fault in weather(chance):
            self.on[fault["kind"]] += 1
            async with operator.post(f"{self.url}/_papertape/faults", json=fault) as answer:
                answer.raise_for_status()

    async def clear(self, operator: aiohttp.ClientSession) -> None:
        async with operator.delete(f"{self.url}/_papertape/faults") as answer:
            answer.raise_for_status()

    def stop(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


# ── What is measured ──


@dataclass(frozen=True, slots=True)
class Sample:
    """A process at one moment of the week."""

    hours: float
    behind: float  # minutes of the exchange's time that the last session lies behind
    resident: float  # MB
    objects: int
    tasks: int
    threads: int
    files: int
    exchange: float  # MB
    traced: float | None  # MB

    def line(self) -> str:
        traced = "" if self.traced is None else f"{self.traced:8.1f}"
        return (
            f"{self.hours:6.1f} {self.behind:7.1f} {self.resident:8.1f} {self.objects:8} "
            f"{self.tasks:5} {self.threads:7} {self.files:5} {self.exchange:8.1f}{traced}"
        )


_HEAD = " hours  behind   res MB  objects tasks threads files exch. MB"


def resident_mb(pid: int | str = "self") -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir())) - 1  # the listing's own


def take_sample(host: Host, venue: Venue, now: int) -> Sample:
    gc.collect()
    lasts = [one.last_candle or START for one in host.fresh_snapshot().sessions]
    return Sample(
        hours=(now - START) / HOUR,
        behind=(now - min(lasts, default=now)) / MINUTE - 1,
        resident=resident_mb(),
        objects=len(gc.get_objects()),
        tasks=len(asyncio.all_tasks()),
        threads=threading.active_count(),
        files=open_files(),
        exchange=resident_mb(venue.process.pid),
        traced=tracemalloc.get_traced_memory()[0] / 1e6 if tracemalloc.is_tracing() else None,
    )


# ── The week ──


def _all_began(host: Host) -> bool:
    return all(one.last_candle is not None for one in host.fresh_snapshot().sessions)


def strategy(number: int) -> dict[str, Any]:
    """The config of session `number`."""
    symbols = [SYMBOLS[number % len(SYMBOLS)]]
    if number % 5 == 4:
        symbols.append(SYMBOLS[(number + 3) % len(SPOT)])
    config = {
        **RSI,
        **_STRATEGIES[number % len(_STRATEGIES)],
        "symbols": list(dict.fromkeys(symbols)),
        "timeframe": "1m",
        "trade_size_pct": 50,
    }
    if all(symbol in PERPETUAL for symbol in symbols):
        config |= {"direction": "short", "leverage": 3}
    return config


@dataclass(slots=True)
class Week:
    """One run: what it found."""

    samples: list[Sample] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)

    async def live(self, root: Path, venue: Venue, options: argparse.Namespace) -> None:
        """Host the sessions for the week, then hold them to the exchange and to backtests."""
        speed, chance = Speed(options.speed), random.Random(options.seed)
        desk = VenueGateway(
            BinanceDialect(embedded(venue.url, venue.futures_url)),
            pace=speed.stream,
            patience=PATIENCE,
        )

        async def feed(*_: Any) -> Feed:
            return StreamFeed(desk, speed.follow)

        async with aiohttp.ClientSession() as operator:
            async with running(Workspace(root), HostOptions(feeds={FeedKind.LIVE: feed})) as host:
                for number in range(options.sessions):
                    request = StartRequest(strategy(number), fills=Fills.CANDLE)
                    await host.start(request)
                # A session that begins on a market which does not trade is refused, and ends.
                await until(lambda: _all_began(host), seconds=120)
                end = await venue.now(operator) + int(options.hours * HOUR)
                await self._pass_time(host, venue, operator, chance, end)
                await venue.clear(operator)
                await self._catch_up(host, end)
                await asyncio.sleep(1.5 * speed.follow.audit)  # what was revised last is told then
                await self._check(host, desk, root)
            await desk.close()
        await asyncio.sleep(0.5)  # closed transports are let go of in the loop's next turns
        left = [task.get_name() for task in asyncio.all_tasks()]
        if len(left) > 1:
            self.wrong.append(f"tasks left behind: {left}")

    async def _pass_time(
        self,
        host: Host,
        venue: Venue,
        operator: aiohttp.ClientSession,
        chance: random.Random,
        end: int,
    ) -> None:
        print(_HEAD, flush=True)
        now = await venue.now(operator)
        change = look = now
        every = max(HOUR, (end - START) // 28)
        while now < end:
            if now >= change:
                await venue.change_weather(operator, chance)
                change = now + HOUR
            if now >= look:
                self.samples.append(take_sample(host, venue, now))
                print(self.samples[-1].line(), flush=True)
                look = now + every
            ended = [one for one in host.fresh_snapshot().sessions if one.state.ended]
            if ended:
                raise RuntimeError(
                    f"sessions ended: {[(one.id, one.state_reason) for one in ended]}"
                )
            await asyncio.sleep(0.25)
            now = await venue.now(operator)

    async def _catch_up(self, host: Host, end: int) -> None:
        async with asyncio.timeout(300):
            while True:
                behind = [
                    one.id for one in host.fresh_snapshot().sessions if (one.last_candle or 0) < end
                ]
                if not behind:
                    return
                await asyncio.sleep(0.1)

    async def _check(self, host: Host, desk: VenueGateway, root: Path) -> None:
        """Stop every session, and compare."""
        tally: Counter[str] = Counter()
        sessions = host.fresh_snapshot().sessions
        reports = {one.id: await host.stop(one.id) for one in sessions}
        finally_told: dict[str, dict[int, Candle]] = {}
        for symbol in SYMBOLS:
            history = await desk.history.between(symbol, Timeframe.M1, START - 400 * MINUTE)
            finally_told[symbol] = {candle.time: candle for candle in history.candles}
        for one in sessions:
            report: Any = reports[one.id]
            inputs = await host.reader.inputs(one.id)
            tally["trades"] += len(report["trades"])
            tally["funding rates"] += sum(len(rates) for rates in inputs.funding.values())
            self.wrong += [f"{one.id}: {wrong}" for wrong in differences(report, inputs)]
            if not report["trades"] and self.samples[-1].hours > _WARM_UP:
                self.wrong.append(f"{one.id} made no trade")
            for symbol, candles in inputs.candles.items():
                tally["candles"] += len(candles)
                tally["missing candles"] += len(stated_missing(report, symbol))
                told = finally_told[symbol]
                found = unaccounted_of(root / "journal" / "live", report, inputs, symbol, told)
                self.wrong += [f"{one.id} {symbol} {wrong}" for wrong in found]
        self._measure_journals(root)
        self.figures |= {name: float(number) for name, number in tally.items()}

    def _measure_journals(self, root: Path) -> None:
        candle_bytes = candles = 0
        for path in (root / "journal").rglob("*.jsonl"):
            for line in path.read_bytes().splitlines(keepends=True):
                if line.startswith(b'{"c":'):
                    candles += 1
                    candle_bytes += len(line)
        sizes: Counter[str] = Counter()
        counts: Counter[str] = Counter()
        for path in (root / "sessions").rglob("events.jsonl"):
            for line in path.read_bytes().splitlines(keepends=True):
                kind = str(orjson.loads(line).get("kind", "header"))
                sizes[kind] += len(line)
                counts[kind] += 1
        self.figures["bytes a candle"] = candle_bytes / candles
        self.figures["bytes a moment"] = sizes["moment"] / max(1, counts["moment"])
        for kind in counts:
            self.figures[f"{kind} lines"] = counts[kind]
        if candle_bytes > CANDLE_BYTES * candles:
            self.wrong.append(f"a candle takes {candle_bytes / candles:.0f} bytes of journal")
        if sizes["moment"] > MOMENT_BYTES * counts["moment"]:
            self.wrong.append(f"a decision takes {self.figures['bytes a moment']:.0f} bytes")

    def judge_growth(self) -> None:
        """Nothing may grow after the warm-up but what the sessions' results themselves hold."""
        if self.samples[-1].hours < 2 * _WARM_UP:
            return
        settled = self.samples[len(self.samples) // 3 :]
        first, last = settled[0], settled[-1]
        share = (last.hours - first.hours) / last.hours
        # A session keeps its trades, and the time and equity of each moment.
        results = share * (self.figures["trades"] * 1_000 + self.figures["candles"] * 16) / 1e6
        growth = last.resident - first.resident
        self.figures |= {"growth MB": growth, "of it results": results}
        if growth > results + _SLACK:
            self.wrong.append(f"memory grew by {growth:.0f} MB, of which {results:.0f} are results")
        objects = last.objects / first.objects - 1
        self.figures["growth objects %"] = objects * 100
        if objects > 0.05:
            self.wrong.append(f"{last.objects - first.objects} objects more")
        for name in ("tasks", "threads", "files"):
            values = [getattr(sample, name) for sample in settled]
            half = len(values) // 2
            if max(values[half:]) > 1.5 * max(values[:half]):
                self.wrong.append(f"{name} grow: {values}")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--hours", type=float, default=168.0)
    parser.add_argument("--speed", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trace", action="store_true", help="count allocations too (slower)")
    parser.add_argument("--serve", action="store_true", help="be the exchange, and nothing else")
    options = parser.parse_args(arguments)
    if options.serve:
        asyncio.run(serve(options.speed, options.seed))
        return 0
    week = Week()
    if options.trace:
        tracemalloc.start()
    files = open_files()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        venue = Venue.start(options.speed, options.seed)
        try:
            asyncio.run(week.live(Path(folder) / "home", venue, options))
        finally:
            venue.stop()
    if threading.active_count() > 1:
        week.wrong.append(f"threads left behind: {threading.enumerate()}")
    if open_files() > files:
        week.wrong.append(f"{open_files() - files} files left open")
    week.judge_growth()
    print(f"{time.monotonic() - began:.0f} s; faults {json.dumps(venue.on)}")
    for name, value in week.figures.items():
        print(f"{name:>20} {value:12.1f}")
    for line in week.wrong[:50]:
        print(f"WRONG {line}")
    print(f"{len(week.wrong)} things wrong")
    return 1 if week.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
