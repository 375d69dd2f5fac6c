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
from functools import partial
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.bootstrap import host_options  # noqa: E402
from core.exchange.market.synthetic import SyntheticMarket  # noqa: E402
from core.host.feed_factories import DemoMarket  # noqa: E402
from core.journal.values import FeedKind  # noqa: E402
from core.session.snapshot import HostSnapshot, SessionSnapshot  # noqa: E402
from core.store.workspace import Workspace  # noqa: E402
from tui.app import PapertapeApp  # noqa: E402
from tui.host.hosting import LateHosting  # noqa: E402
from tui.host.workspace import WorkspaceHosting  # noqa: E402
from tui.modals.ask import Ask  # noqa: E402
from tui.modals.name import AskName  # noqa: E402
from tui.modals.new_backtest import NewBacktest  # noqa: E402
from tui.modals.new_session import NewSession  # noqa: E402
from tui.modals.notes import AlertsForm  # noqa: E402
from tui.modals.vary import VaryForm  # noqa: E402
from tui.screens.backtest import BacktestScreen  # noqa: E402
from tui.screens.backtest_result import BacktestResultScreen  # noqa: E402
from tui.screens.compare import CompareScreen  # noqa: E402
from tui.screens.compare_layer import CompareLayerScreen  # noqa: E402
from tui.screens.compare_trade import ComparedTradeScreen  # noqa: E402
from tui.screens.gate import GateScreen  # noqa: E402
from tui.screens.overlay import OverlayScreen  # noqa: E402
from tui.screens.report import ReportScreen  # noqa: E402
from tui.screens.sweep import SweepScreen  # noqa: E402
from tui.strategies import list_strategies  # noqa: E402
from tui.widgets.answer_list import AnswerList  # noqa: E402
from tui.widgets.candle_chart import CandleChart  # noqa: E402
from tui.widgets.choice import Choice  # noqa: E402
from tui.widgets.line_table import LineTable  # noqa: E402

START = 1_767_571_200_000  # 2026-01-05 00:00 UTC
SPEED = 3_000.0  # five minutes in a tenth of a second
SEED = 13
TRADES = 3  # how many to wait for in every session
SEEN = 12  # trades of the trial that is compared
SHOWN = 2  # the session that is looked at, in the order started


async def until(pilot: Pilot[int], condition: Callable[[], bool], seconds: float = 240) -> None:
    """Wait for something the running program does in its own time."""
    for _ in range(int(seconds / 0.1)):
        if condition():
            return
        await pilot.pause(0.1)
    raise TimeoutError("the demo did not get that far")


async def take(images: Path, size: tuple[int, int]) -> None:
    """Run the demo and save a picture of each screen."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        workspace = Workspace(Path(folder) / "demo")
        workspace.prepare()
        market = SyntheticMarket(SEED)
        demo = DemoMarket(market, START, SPEED, "pictures")
        app = PapertapeApp(
            LateHosting(
                lambda: WorkspaceHosting(
                    workspace, lambda: host_options(workspace, "tui", demo), []
                )
            ),
            lambda: list_strategies(workspace),
            host_name="demo",
            feed=FeedKind.DEMO,
            workspace=workspace.root,
            demo=lambda: demo,
        )

        def picture(name: str) -> None:
            app.save_screenshot(f"{name}.svg", str(images))

        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: app.link is not None)
            await pilot.pause(1)
            picture("tour")
            await start_sessions(app, pilot, picture)
            await until(pilot, lambda: eventful(app.snapshot))
            await pilot.pause(0.5)
            picture("sessions")
            app.theme = "papertape-light"
            await pilot.pause(0.3)
            picture("sessions-light")
            app.theme = "papertape-dark"
            await pilot.press("F")
            await pilot.pause(0.3)
            picture("sessions-folded")
            await pilot.press("F", "F", "enter")
            await pilot.pause(2.5)
            picture("session")
            app.screen.query_one(CandleChart).focus()
            await pilot.press("z", "left", "left", "left")
            await pilot.pause(1)
            picture("chart")
            await pilot.press("z", "escape")  # the crosshair goes
            app.screen.query_one("#one-trades").focus()
            await pilot.press("enter")
            await pilot.pause(1)
            picture("trade")
            await pilot.press("escape", "escape", "8", "l", "l", "l")
            await pilot.pause(1.5)
            picture("performance")
            await pilot.press("6")
            await pilot.pause(0.5)
            picture("logs")
            await pilot.press("5")
            await until(pilot, lambda: bool(app.screen.query_one("#jobs", LineTable).rows))
            await pilot.press("R")
            await pilot.pause(1.5)
            app.clear_notifications()
            await pilot.pause(0.5)
            picture("scheduler")
            await pilot.press("1", "x")
            await pilot.pause(0.5)
            await pilot.press("y")
            await until(pilot, lambda: isinstance(app.screen, ReportScreen))
            await pilot.pause(0.5)
            picture("report")
            await compare(app, pilot, picture)
            await backtest(app, pilot, picture)
            sealed = await trial(app, pilot, picture)
            await pilot.press("1", "7")
            await pilot.pause(1)
            # Where the files of whoever takes the pictures are is nobody's concern.
            app.screen.query_one("#settings", LineTable).focus()
            await pilot.press("z")
            await pilot.pause(0.5)
            picture("settings")
            await pilot.press("z")
            await pilot.press("1", "question_mark")
            await pilot.pause(0.5)
            picture("help")
            await pilot.press("escape", "ctrl+p", *"ema")
            await pilot.pause(1)
            picture("palette")
            await pilot.press("escape", "escape", "1")
            app.screen.query_one("#sessions", LineTable).move_to(sealed)
            await pilot.press("W")
            await until(pilot, lambda: isinstance(app.screen, AlertsForm))
            await pilot.press("tab", "tab", "tab", *"2")
            await pilot.pause(0.3)
            picture("alerts")
            await pilot.press("escape", "q")
            await until(pilot, lambda: isinstance(app.screen, Ask))
            await pilot.pause(0.3)
            picture("leaving")


async def start_sessions(
    app: PapertapeApp, pilot: Pilot[int], picture: Callable[[str], None]
) -> None:
    """Start the first four samples by the form."""
    for number in range(4):
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NewSession))
        await pilot.pause(1)
        await pilot.press(*["j"] * number)
        await pilot.pause(0.3)
        if number == 3:
            picture("new-session")
        await pilot.press("enter")
        await until(pilot, partial(begun, app, number + 1))
    app.clear_notifications()
    await pilot.press("j", "j")


def begun(app: PapertapeApp, count: int) -> bool:
    """Whether so many sessions have started."""
    return len(sessions(app)) == count


def eventful(snapshot: HostSnapshot | None) -> bool:
    """Whether there is something to see: trades everywhere, and a position in the one shown."""
    return (
        snapshot is not None
        and min(session.trades_count for session in snapshot.sessions) >= TRADES
        and bool(snapshot.sessions[SHOWN].open_positions)
    )


async def compare(app: PapertapeApp, pilot: Pilot[int], picture: Callable[[str], None]) -> None:
    """Compare the session that was stopped."""
    await pilot.press("escape", "c")
    await until(pilot, lambda: isinstance(app.screen, CompareScreen))
    await until(pilot, lambda: bool(app.screen.query_one(AnswerList).answers))
    await pilot.pause(0.5)
    picture("compare")
    await pilot.press("1")


async def backtest(app: PapertapeApp, pilot: Pilot[int], picture: Callable[[str], None]) -> None:
    """Backtest the sample that follows trends, from the list of strategies."""
    await pilot.press("escape", "2")
    await pilot.pause(1.5)
    await pilot.press("j", "j")
    await pilot.pause(0.3)
    picture("strategies")
    await pilot.press("b")
    await until(pilot, lambda: isinstance(app.screen, NewBacktest))
    await pilot.pause(1)
    app.screen.query_one("#period", Input).value = "60d"
    await pilot.pause(0.3)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, BacktestResultScreen))
    await pilot.pause(0.5)
    picture("backtest")
    await vary(app, pilot, picture)


async def vary(app: PapertapeApp, pilot: Pilot[int], picture: Callable[[str], None]) -> None:
    """Sweep what was backtested, lay its best setting over it, and ask the gate."""
    await asked(app, pilot, "H")
    await until(pilot, lambda: isinstance(app.screen, SweepScreen) and not app.screen.is_busy)
    await pilot.pause(0.5)
    picture("sweep")
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, BacktestResultScreen))
    await pilot.press("escape")
    await until(pilot, lambda: isinstance(app.screen, SweepScreen))
    await pilot.press("3")
    await until(pilot, lambda: isinstance(app.screen, BacktestScreen))
    listed = app.screen.query_one("#backtests", LineTable)
    await until(pilot, lambda: len(listed.rows) >= 2)
    await pilot.press("g", "space", "j", "space")  # the sweep between them is kept as well
    await pilot.pause(1)
    picture("backtests")
    await pilot.press("c")
    await until(pilot, lambda: isinstance(app.screen, OverlayScreen))
    await pilot.pause(0.5)
    picture("overlay")
    await pilot.press("escape")
    await until(pilot, lambda: isinstance(app.screen, BacktestScreen))
    await asked(app, pilot, "J")
    await until(pilot, lambda: isinstance(app.screen, GateScreen) and not app.screen.is_busy)
    await pilot.pause(0.5)
    picture("gate")


async def trial(app: PapertapeApp, pilot: Pilot[int], picture: Callable[[str], None]) -> str:
    """Save a backtest, seal a trial of it, and compare the two once some trades have closed.

    Returns the session's ID.
    """
    await pilot.press("1", "2")
    strategies = app.screen.query_one(LineTable)
    await until(pilot, lambda: bool(strategies.rows))
    await pilot.press("g", "j", "j", "j", "D")
    await until(pilot, lambda: isinstance(app.screen, AskName))
    await pilot.press("enter")
    await until(pilot, lambda: not isinstance(app.screen, AskName))
    await pilot.pause(1)
    await pilot.press("b")
    await until(pilot, lambda: isinstance(app.screen, NewBacktest))
    await pilot.pause(1)
    app.screen.query_one("#period", Input).value = "60d"
    await pilot.pause(0.3)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, BacktestResultScreen))
    await pilot.press("w")
    await pilot.pause(1.5)
    await pilot.press("escape", "1", "n")
    await until(pilot, lambda: isinstance(app.screen, NewSession))
    form = app.screen
    assert isinstance(form, NewSession)
    await until(pilot, lambda: form.picked is not None)
    form.query_one("#trial", Choice).chosen = "sealed"
    form.query_one("#horizon", Input).value = "40 trades"
    await until(pilot, lambda: "bring about 40" in str(form.query_one("#verdict").render()))
    app.clear_notifications()
    await pilot.pause(0.5)
    picture("trial-form")
    await pilot.press("enter")
    await until(pilot, lambda: any(one.trial for one in sessions(app)))
    (sealed,) = (one.id for one in sessions(app) if one.trial)
    await until(pilot, lambda: enough(app, sealed))
    await pilot.press("1", "escape")
    listed = app.screen.query_one("#sessions", LineTable)
    listed.move_to(sealed)
    await pilot.press("c")
    await until(pilot, lambda: isinstance(app.screen, CompareScreen))
    await until(pilot, lambda: bool(app.screen.query_one(AnswerList).answers))
    app.clear_notifications()
    await pilot.pause(0.5)
    picture("trial")
    await pilot.press("G", "enter")
    await until(pilot, lambda: isinstance(app.screen, CompareLayerScreen))
    await pilot.pause(0.5)
    picture("trial-edge")
    await pilot.press("escape", "g", "j", "j", "enter")
    await until(pilot, lambda: isinstance(app.screen, CompareLayerScreen))
    await pilot.pause(0.5)
    picture("trial-account")
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, ComparedTradeScreen))
    await pilot.pause(0.5)
    picture("compared-trade")
    await pilot.press("escape", "escape")
    return sealed


def sessions(app: PapertapeApp) -> tuple[SessionSnapshot, ...]:
    """The sessions there are."""
    return () if app.snapshot is None else app.snapshot.sessions


def enough(app: PapertapeApp, session_id: str) -> bool:
    """Whether a session has closed some trades."""
    return any(one.id == session_id and one.trades_count >= SEEN for one in sessions(app))


async def asked(app: PapertapeApp, pilot: Pilot[int], key: str) -> None:
    """Open the form of a sweep or the gate, and take what it offers."""
    await pilot.press(key)
    await until(pilot, lambda: isinstance(app.screen, VaryForm))
    verdict = app.screen.query_one("#verdict")
    await until(pilot, lambda: "setting" in str(verdict.render()))
    await pilot.press("enter")


def main() -> None:
    """Take every picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=ROOT / "docs" / "images")
    arguments = parser.parse_args()
    arguments.into.mkdir(parents=True, exist_ok=True)
    asyncio.run(take(arguments.into, (120, 40)))


if __name__ == "__main__":
    main()
