"""How long does a comparison take to open on a session of two thousand trades?

    python -m tests.benchmarks.compare_speed [--trades 2000] [--repeats 5]

A sealed trial is run through the real engine on a scripted market, with a quoted price for each
fill, and left in its files; that takes a minute. Then it is compared as screen and `papertape
compare` do, and opened on the screen. Times are seconds of a process's processor time: the
first comparison draws the lines of the seal, those after it know them. `screen 1st` is the first
opening of a process that has the host of a workspace, as the program has: at once, and after the
idle seconds in which it imports what comparing wants.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from core.compare.request import ComparisonRequest
from core.compare.service import compare_strategy
from core.compare.text import comparison_text
from core.compare.to_json import comparison_to_json
from core.market.candles.timeframes import Timeframe
from core.store.workspace import Workspace
from tests.ui.driving import driven
from tests.ui.test_compare import compared, make
from tests.unit.compare.trials import TREND, a_trial

CANDLES_A_TRADE = 10
SMALL = {**TREND, "trade_size_pct": 1}  # so that the balance does not grow beyond all bounds


async def no_host(session_id: str, /) -> Mapping[str, object]:
    raise LookupError(f"session {session_id} has ended: nobody needs to be asked")


def spent(work: Callable[[], object]) -> float:
    """Seconds of processor time that something takes."""
    began = time.process_time()
    work()
    return time.process_time() - began


def measure(root: Path, repeats: int) -> dict[str, float]:
    """Seconds for each way to open a comparison of the workspace's session."""
    request = ComparisonRequest("trend", Timeframe.M5)

    def compare() -> object:
        return asyncio.run(compare_strategy(Workspace(root), request, no_host))

    found = asyncio.run(compare_strategy(Workspace(root), request, no_host))
    assert found.divergence is not None
    took = {"trades": float(len(found.divergence.trades)), "first": spent(compare)}
    took["again"] = statistics.median(spent(compare) for _ in range(repeats))
    took["text"] = spent(lambda: comparison_text(found))
    took["json"] = spent(lambda: comparison_to_json(found))
    return took


async def first_on_screen(root: Path, idle: float) -> float:
    """Seconds from the key on the list to the five answers, for the first time in this process."""
    importlib.import_module("tui.host.workspace")  # which the program has before its first screen
    app = make(root, "trend")
    async with driven(app) as pilot:
        await asyncio.sleep(idle)
        began = time.process_time()
        await compared(pilot, app)
        return time.process_time() - began


def first_of_processes(root: Path, idle: float, repeats: int) -> float:
    """The median of so many processes; they write bytecode, as installed programs have it."""
    command = [sys.executable, "-m", __spec__.name, "--first", str(root), "--idle", str(idle)]
    known = {name: value for name, value in os.environ.items() if "DONTWRITE" not in name}
    runs = [
        subprocess.run(command, capture_output=True, check=True, text=True, env=known)
        for _ in range(repeats + 1)
    ]
    return statistics.median(float(run.stdout) for run in runs[1:])


async def on_screen(root: Path, repeats: int) -> float:
    """Seconds from the key on the list of sessions to the five answers, what is imported known."""
    took = []
    for _ in range(repeats + 1):
        app = make(root, "trend")
        async with driven(app) as pilot:
            began = time.process_time()
            await compared(pilot, app)
            took.append(time.process_time() - began)
    return statistics.median(took[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trades", type=int, default=2_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--first", type=Path, help="the first opening of this very workspace")
    parser.add_argument("--idle", type=float, default=0.0, help="seconds before that")
    arguments = parser.parse_args()
    if arguments.first is not None:
        print(asyncio.run(first_on_screen(arguments.first, arguments.idle)))
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        count = 260 + arguments.trades * CANDLES_A_TRADE
        asyncio.run(a_trial(root, candles=count, horizon=arguments.trades, config=SMALL))
        for name, value in measure(root, arguments.repeats).items():
            print(f"{name:8} {value:,.3f}")
        for idle in (0.0, 5.0):
            first = first_of_processes(root, idle, arguments.repeats)
            print(f"screen 1st, idle {idle:g} s {first:,.3f}")
        print(f"{'screen':8} {asyncio.run(on_screen(root, arguments.repeats)):,.3f}")


if __name__ == "__main__":
    main()
