"""How long does a comparison take to open on a session of two thousand trades?

    python -m tests.benchmarks.compare_speed [--trades 2000] [--repeats 5]

A sealed trial is run through the real engine on a scripted market, with a quoted price for each
fill, and left in its files; that takes a minute. Then it is compared as screen and `papertape
compare` do, and opened on the screen. Times are seconds of this process's processor time: the
first comparison draws the lines of the seal, those after it know them.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
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
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        count = 260 + arguments.trades * CANDLES_A_TRADE
        asyncio.run(a_trial(root, candles=count, horizon=arguments.trades, config=SMALL))
        for name, value in measure(root, arguments.repeats).items():
            print(f"{name:8} {value:,.3f}")
        print(f"{'screen':8} {asyncio.run(on_screen(root, arguments.repeats)):,.3f}")


if __name__ == "__main__":
    main()
