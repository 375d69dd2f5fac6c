"""What a host under load takes: time, memory, and how long its event loop stands still.

`python -m tests.benchmarks.bench_load`: a replay of 200 symbols of 3,000 candles; a session of
140,000 journal lines taken up; a thousand strategies listed; the reports of a year of minutes, with
the loop's lag while they are made. Each in a process of its own, so that memory is its own.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np

from core.host.host import Host, HostOptions
from core.host.stored_sessions import stored_session
from core.journal.session_journal import Storage
from core.journal.values import FeedKind
from core.market.candles.timeframes import Timeframe
from core.market.feeds.feed import Ended, EventSink, Feed, FeedEvent
from core.market.feeds.replay import ReplayFeed
from core.market.files.candle_files import write_candles
from core.session.snapshot import StartRequest
from core.store.durable import OsDisk
from core.store.workspace import Workspace
from core.trading.values import Fills
from tests.unit.host.hosts import running
from tests.unit.session.sessions import RSI, START, market
from tui.shipped import shipped
from tui.strategies import find_strategies, list_strategies

_YEAR = 365 * 24 * 60  # candles
_BUSY: dict[str, Any] = {  # it trades at every candle
    "max_hold": 1,
    "exit_conditions": [],
    "entry_conditions": [{"indicator": "close", "operator": "gt", "value": 0}],
}


def _peak() -> float:
    """MB this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _request(folder: Path, symbols: int, candles: int, **config: Any) -> StartRequest:
    data = {}
    for number in range(symbols):
        path = folder / f"{number}.csv"
        write_candles(path, market(candles, seed=number))
        data[f"S{number}/USDT"] = str(path)
    share = {"trade_size_pct": min(100, 80 / symbols)}
    return StartRequest(
        {**RSI, **share, **config, "symbols": list(data)}, FeedKind.REPLAY, data=data
    )


async def replay(folder: Path) -> None:
    """A replay of many symbols, from its start to its report."""
    request = _request(folder, 200, 3_000)
    async with running(Workspace(folder / "home"), HostOptions()) as host:
        began, busy = time.perf_counter(), time.process_time()
        session_id = (await host.start(request)).session_id
        await _data_ends(host)
        ended, busy_until = time.perf_counter(), time.process_time()
        await host.ended(session_id)
        reported = time.perf_counter()
    print(
        f"replay of 200 symbols × 3,000 candles: {ended - began:.1f} s "
        f"({busy_until - busy:.1f} of CPU), its report {reported - ended:.1f} s more, "
        f"{_peak():.0f} MB"
    )


async def _data_ends(host: Host) -> None:
    while not host.fresh_snapshot().sessions[0].state.ended:
        await asyncio.sleep(0.05)


async def taking_up(folder: Path) -> None:
    """A session with many lines in its journal, as the next host takes it up."""
    home = folder / "home"
    (session_id,) = Workspace(home).session_ids()
    journal = Workspace(home).session(session_id) / "events.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]))  # all but its end
    count = len(lines)
    del lines
    storage = Storage.of(Workspace(home), OsDisk())
    began = time.perf_counter()
    stored = await stored_session(storage, session_id)
    took = time.perf_counter() - began
    storage.committer.close()
    assert stored.recovered is not None
    print(f"taking up {count:,} journal lines: {took:.1f} s, {_peak():.0f} MB")


async def make_busy(folder: Path) -> None:
    """The session that `taking_up` takes up, made in another process for its memory's sake."""
    request = _request(folder, 1, 141_000, **_BUSY)
    async with running(Workspace(folder / "home"), HostOptions()) as host:
        await host.start(request)
        await _data_ends(host)


async def strategies(folder: Path) -> None:
    """A thousand documents, listed for the first time."""
    samples = [path.read_text() for path in shipped("sample_strategies").glob("*/STRATEGY.md")]
    Workspace(folder / "home").prepare()
    for number in range(1_000):
        place = folder / "home" / "strategies" / f"s{number:04}"
        place.mkdir()
        text = samples[number % len(samples)]
        (place / "STRATEGY.md").write_text(f"{text}\nThe sample again, number {number}.\n")
    await listed(folder, "for the first time")


async def listed(folder: Path, when: str = "by the next program") -> None:
    """What lies there, listed: the names, what is seen first, and all of it."""
    find_strategies(Workspace(folder / "none"))  # what it imports is loaded
    began, busy = time.perf_counter(), time.process_time()
    for found in list_strategies(Workspace(folder / "home")):
        took, used = time.perf_counter() - began, time.process_time() - busy
        read = sum(one.is_read for one in found)
        print(
            f"{len(found):,} strategies listed {when}, {read:,} read: "
            f"{took:.2f} s ({used:.2f} of CPU)"
        )


class Lag:
    """How late the event loop wakes whom it should, in milliseconds."""

    def __init__(self) -> None:
        self.late: list[float] = []

    async def watch(self) -> None:
        """Note it every five milliseconds until cancelled."""
        while True:
            due = time.perf_counter() + 0.005
            await asyncio.sleep(0.005)
            self.late.append((time.perf_counter() - due) * 1_000)

    def __str__(self) -> str:
        p50, p99, worst = np.percentile(self.late, (50, 99, 100))
        return f"loop lag p50 {p50:.1f}, p99 {p99:.1f}, most {worst:.1f} ms"


@asynccontextmanager
async def measured(what: str) -> AsyncIterator[None]:
    """Print how long something took, and the loop's lag meanwhile."""
    lag = Lag()
    watching = asyncio.create_task(lag.watch())
    began = time.perf_counter()
    try:
        yield
    finally:
        watching.cancel()
    print(f"{what}: {time.perf_counter() - began:.1f} s, {lag}")


class YearFeed(ReplayFeed):
    """A market that has told its whole year, and then says nothing more."""

    async def subscribe(self, symbol: str, timeframe: Timeframe, **known: Any) -> None:
        await super().subscribe(symbol, timeframe, after=known.get("after"))

    async def run(self, sink: EventSink) -> None:
        await super().run(Silent(sink))
        await asyncio.Event().wait()


class Silent:
    """Passes on everything but the end."""

    def __init__(self, sink: EventSink) -> None:
        self._sink = sink
        self.room = sink.room

    def put(self, event: FeedEvent) -> None:
        if not isinstance(event, Ended):
            self._sink.put(event)


async def year(folder: Path) -> None:
    """A year of minutes: the report while it runs, and the one at its end."""
    table = market(_YEAR)
    config = {**RSI, "symbols": ["BTC/USDT"]}

    async def feed(*_: object) -> Feed:
        return YearFeed({"BTC/USDT": table}, Timeframe.M5)

    options = HostOptions(feeds={FeedKind.LIVE: feed}, clock=lambda: START)
    async with running(Workspace(folder / "home"), options) as host:
        request = StartRequest(config, FeedKind.LIVE, fills=Fills.CANDLE)
        session_id = (await host.start(request)).session_id
        while (host.fresh_snapshot().sessions[0].last_candle or 0) < table.time[-1]:
            await asyncio.sleep(0.1)
        async with measured("nothing, for comparison"):
            await asyncio.sleep(5)
        async with measured("the report of a running session of a year of minutes"):
            await host.reader.report(session_id)
        async with measured("its end"):
            report = await host.stop(session_id)
        files = Workspace(folder / "home").session(session_id)
        sizes = [f"{one.name} {one.stat().st_size / 1e6:.1f}" for one in sorted(files.iterdir())]
        trades: Any = report["trades"]
        print(f"{len(trades):,} trades; files, MB: {', '.join(sizes)}; memory {_peak():.0f} MB")


TRIALS: dict[str, tuple[Callable[[Path], Coroutine[Any, Any, None]], ...]] = {
    "replay": (replay,),
    "taking-up": (make_busy, taking_up),
    "strategies": (strategies, listed),
    "year": (year,),
}


def main(arguments: list[str]) -> int:
    """Run the trials named, each part in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trials", nargs="*", help=f"of {', '.join(TRIALS)} (all)")
    for name in parser.parse_args(arguments).trials or TRIALS:
        with tempfile.TemporaryDirectory() as folder:
            for part in TRIALS[name]:
                child = multiprocessing.get_context("fork").Process(
                    target=_run, args=(part, Path(folder))
                )
                child.start()
                child.join()
                if child.exitcode:
                    return 1
    return 0


def _run(part: Callable[[Path], Coroutine[Any, Any, None]], folder: Path) -> None:
    asyncio.run(part(folder))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
