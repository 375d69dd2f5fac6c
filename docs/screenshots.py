"""Takes the pictures in docs/images from the running demo: `python docs/screenshots.py`.

Everything is real: the host, the embedded exchange, the sessions. The market is made up from a
seed, so the pictures come out alike, though not identical, each time.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.exchange.synthetic import SyntheticMarket  # noqa: E402
from core.hosting import make_host  # noqa: E402
from core.paper.local import LocalHosting  # noqa: E402
from core.paper.snapshot import FeedKind  # noqa: E402
from core.paper.venues import DemoMarket  # noqa: E402
from core.store.workspace import Workspace  # noqa: E402
from tui.app import PapertapeApp  # noqa: E402
from tui.finding_strategies import find_strategies  # noqa: E402
from tui.hosting import LateHosting  # noqa: E402

START = 1_767_571_200_000  # 2026-01-05 00:00 UTC
SPEED = 3_000.0  # five minutes in a tenth of a second
TRADES = 4  # how many to wait for


async def until(pilot: Pilot[int], condition: Callable[[], bool], seconds: float = 240) -> None:
    """Wait for something the running program does in its own time."""
    for _ in range(int(seconds / 0.1)):
        if condition():
            return
        await pilot.pause(0.1)
    raise TimeoutError("the demo did not get that far")


async def take(images: Path, size: tuple[int, int]) -> None:
    """Run the demo and save a picture of each screen."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        workspace.prepare()
        demo = DemoMarket(SyntheticMarket(7), START, SPEED, "pictures")
        app = PapertapeApp(
            LateHosting(lambda: LocalHosting(lambda: make_host(workspace, "tui", demo), [])),
            lambda: find_strategies(workspace),
            host_name="demo",
            feed=FeedKind.DEMO,
            workspace=workspace.root,
        )

        def picture(name: str) -> None:
            app.save_screenshot(f"{name}.svg", str(images))

        def sessions() -> int:
            return 0 if app.snapshot is None else len(app.snapshot.sessions)

        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: app.link is not None)
            for number in range(4):
                await pilot.press("n")
                await pilot.pause(0.5)
                await pilot.press(*["j"] * number)
                await pilot.pause(0.2)
                if number == 3:
                    picture("new-session")
                await pilot.press("enter")
                await until(pilot, lambda number=number: sessions() == number + 1)
            app.clear_notifications()

            def eventful() -> bool:
                snapshot = app.snapshot
                return (
                    snapshot is not None
                    and min(s.trades_count for s in snapshot.sessions) >= TRADES
                    and bool(snapshot.sessions[0].open_positions)
                )

            await until(pilot, eventful)
            await pilot.pause(0.5)
            picture("sessions")
            app.theme = "papertape-light"
            await pilot.pause(0.3)
            picture("sessions-light")
            app.theme = "papertape-dark"
            await pilot.press("enter")
            await pilot.pause(2.5)
            picture("session")
            await pilot.press("escape", "6")
            await pilot.pause(0.5)
            picture("logs")
            await pilot.press("1", "x")
            await pilot.pause(0.3)
            await pilot.press("y")
            await until(pilot, lambda: type(app.screen).__name__ == "ReportScreen")
            await pilot.pause(0.3)
            picture("report")


def main() -> None:
    """Take every picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=ROOT / "docs" / "images")
    arguments = parser.parse_args()
    arguments.into.mkdir(parents=True, exist_ok=True)
    asyncio.run(take(arguments.into, (120, 40)))


if __name__ == "__main__":
    main()
