"""Measures what the pages of long work and of many things write to the terminal, and their keys.

`python -m tests.benchmarks.bench_pages`: a page after the other in a pseudo-terminal of 120×40
cells, on a real host: the library of backtests, two results over each other, sessions folded into
groups, a sweep and a gate while they run, and what both come to. What runs here is made up and
moves at every look, four times a second: more than any machine's. At rest only the clock moves.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from unittest.mock import patch

from core.backtest.progress import Meter
from core.backtest.run import run_backtest
from core.journal.values import FeedKind
from core.market.files.candle_files import write_candles
from core.report.library import CandleSource, keep_result
from core.report.stored_backtest import library_result
from core.session.snapshot import StartRequest
from core.store.durable import OsDisk
from core.store.workspace import Workspace
from core.strategy.config.parsing import parse_config
from tests.benchmarks.bench_terminal import READY, SETTLE, Watched, demo_app
from tests.unit.session.sessions import RSI, START, market
from tui.requests.backtest import BacktestOrder, BacktestRefusedError
from tui.requests.varying import Control, Variation, Varied
from tui.screens.gate import GateScreen
from tui.screens.overlay import OverlayScreen
from tui.screens.sessions import SessionsScreen
from tui.screens.sweep import SweepScreen

SESSIONS, RESULTS = 10, 40
CANDLES = 3_000
AXES = ("rsi.period=12:16", "entry_conditions[0].value=30:40:2")
KEYS = {
    "library": (b"j", b"k"),
    "overlay": (b"j", b"k"),
    "groups": (b"j", b"k"),
    "sweep": (b"?", b"\x1b"),  # nothing else changes anything while it runs
    "gate": (b"?", b"\x1b"),
    "sweep ended": (b"j", b"k"),
    "gate ended": (b"j", b"k"),
}
"""The pages, each with two keys that undo each other."""


async def moving(order: BacktestOrder, variation: Variation, control: Control) -> Varied:
    """Work that comes to nothing: it only moves, until it is cancelled."""
    meter = Meter(control.show, 100_000)
    while not control.cancel.is_set():
        meter.done(7, part="what followed")
        await asyncio.sleep(0.05)
    raise BacktestRefusedError("cancelled")


class Pages:
    """A screen on a workspace, brought to a page."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.app = demo_app(root)
        self.workspace = Workspace(root)

    async def library(self) -> None:
        """Many backtests of one strategy."""
        history = {"BTC/USDT": market(CANDLES)}
        for number in range(RESULTS):
            settings: dict[str, float | int | str] = {"stop_loss_pct": 1 + number / 10}
            result = run_backtest(parse_config({**RSI, **settings}).config, history)
            now, source = START + number * 3_600_000, CandleSource(data="candles.csv")
            keep_result(
                self.workspace, library_result(result, history, now, source, settings), OsDisk()
            )
        self.app.action_go("backtest")

    async def overlay(self) -> None:
        """Two of them over each other."""
        await self.library()
        results = (await self.app.library.results()).results
        compared = await self.app.library.compare(*results[:2])
        await self.app.push_screen(OverlayScreen(compared))

    async def groups(self) -> None:
        """Demo sessions folded by strategy, the first group open."""
        link = self.app.link
        assert link is not None
        choices = [one for one in await self.app.read_strategies() if not one.problems]
        for number in range(SESSIONS):
            await link.start(StartRequest(dict(choices[number % 3].raw), FeedKind.DEMO))
        self.app.poll()
        screen = self.app.screen
        assert isinstance(screen, SessionsScreen)
        screen.action_group()

    async def _work(self, kind: type[SweepScreen | GateScreen], *, ended: bool = False) -> None:
        path = self.root / "candles.csv"
        write_candles(path, market(CANDLES))
        order = BacktestOrder("rsi_bounce", self.root / "STRATEGY.md", RSI, str(path))
        screen = kind(order, Variation(AXES, "total_return_pct"), print)
        await self.app.push_screen(screen)
        while ended and screen.is_busy:
            await asyncio.sleep(0.1)

    async def sweep(self) -> None:
        """A sweep that runs."""
        with patch.object(self.app.varying, "sweep", moving):
            await self._work(SweepScreen)
            await asyncio.sleep(1)

    async def gate(self) -> None:
        """A gate that runs."""
        with patch.object(self.app.varying, "gate", moving):
            await self._work(GateScreen)
            await asyncio.sleep(1)

    async def sweep_ended(self) -> None:
        """The map of a sweep."""
        await self._work(SweepScreen, ended=True)

    async def gate_ended(self) -> None:
        """The page of a gate."""
        await self._work(GateScreen, ended=True)

    def show(self, page: str) -> None:
        """Run the screen; the file `ready` appears once the page is there."""
        opened: Callable[[], Awaitable[None]] = getattr(self, page.replace(" ", "_"))

        async def work() -> None:
            while self.app.snapshot is None:
                await asyncio.sleep(0.1)
            await opened()
            (self.root / READY).touch()

        self.app.call_later(lambda: self.app.run_worker(work(), name=page))
        self.app.run()


def measure(page: str, seconds: float, keys: int) -> None:
    """Print bytes a second, and milliseconds from a key to the first byte it causes."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        root = Path(folder) / "workspace"
        program = [sys.executable, "-m", "tests.benchmarks.bench_pages", "--show", str(root), page]
        watched = Watched(program)
        try:
            watched.read_while(root / READY, 240)
            watched.read(SETTLE)
            before, began = watched.cpu(), time.monotonic()
            size = len(watched.read(seconds))
            took = (watched.cpu() - before) / (time.monotonic() - began)
            waits = []
            for number in range(keys):
                waits.append(watched.answer(KEYS[page][number % 2]) * 1000)
                watched.read(0.05)
        finally:
            watched.close()
    waits.sort()
    print(
        f"{page:12} {size / seconds / 1000:6.2f} KB/s   processor {took * 100:5.1f}%   key p50 "
        f"{statistics.median(waits):6.1f} ms   p95 {waits[int(len(waits) * 0.95)]:6.1f} ms",
        flush=True,
    )


def main() -> None:
    """Print the figures, or be the program that is measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pages", nargs="*", metavar="PAGE", help=", ".join(KEYS))
    parser.add_argument("--show", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--keys", type=int, default=60)
    arguments = parser.parse_args()
    if arguments.show is not None:
        os.environ.pop("NO_COLOR", None)
        Pages(arguments.show).show(arguments.pages[0])
        return
    for page in arguments.pages or KEYS:
        measure(page, arguments.seconds, arguments.keys)


if __name__ == "__main__":
    main()
