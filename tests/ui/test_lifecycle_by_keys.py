"""START, SCHEDULE, MONITOR, STOP, COMPARE of the source document, by keys alone."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.bootstrap import host_options
from core.exchange.market.clock import RunningClock
from core.exchange.market.synthetic import SyntheticMarket
from core.host.feed_factories import DemoMarket
from core.host.host import HostOptions
from core.journal.values import FeedKind, SessionState
from core.store.workspace import Workspace
from core.time_format import parse_time
from tests.receiver import receiving
from tests.ui.driving import WIDE, WatchedApp, press, shown, until
from tests.unit.tools.test_lifecycle import CONFIG, SPEED
from tui.app import PapertapeApp
from tui.host.hosting import LateHosting
from tui.host.workspace import WorkspaceHosting
from tui.modals.ask import Ask
from tui.modals.job import JobForm
from tui.modals.new_session import NewSession
from tui.screens.compare import CompareScreen
from tui.screens.report import ReportScreen
from tui.screens.schedule import ScheduleScreen
from tui.screens.session import SessionScreen
from tui.strategies import list_strategies
from tui.widgets.line_table import LineTable

pytest.importorskip("apprise", reason="needs the extra papertape[notify]")

START = parse_time("2026-02-12T00:00:00Z")  # the end that is asked for is a year ahead


async def type_in(pilot: Pilot[int], text: str) -> None:
    """Write over what a field holds."""
    await press(pilot, "end", "ctrl+u", *text)


def jobs(app: PapertapeApp) -> list[list[str]]:
    rows = app.screen.query_one("#jobs", LineTable).rows
    return [[cell.text for cell in row.cells] for row in rows]


async def add_job(pilot: Pilot[int], app: PapertapeApp, *keys: str, time: str) -> None:
    """Add a job for the session under the cursor; `keys` choose what it does, and when."""
    await press(pilot, "n")
    await until(pilot, lambda: isinstance(app.screen, JobForm) and app.screen.focused is not None)
    await press(pilot, *keys, "tab")
    await type_in(pilot, time)
    await press(pilot, "enter")
    await until(pilot, lambda: isinstance(app.screen, ScheduleScreen))


@pytest.mark.timeout(300)
async def test_the_lifecycle_of_the_document_by_keys(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "papertape")
    workspace.prepare()
    folder = workspace.strategies / "rsi_bounce_paper"
    folder.mkdir()
    (folder / "STRATEGY.md").write_text(f"Buys the dip.\n\n```json\n{CONFIG}\n```\n")
    demo = DemoMarket(SyntheticMarket(7), START, SPEED, "keys")

    def options() -> HostOptions:
        clock = RunningClock(START, SPEED)
        return replace(host_options(workspace, "tui", demo), clock=clock.now)

    app = WatchedApp(
        LateHosting(lambda: WorkspaceHosting(workspace, options, [])),
        lambda: list_strategies(workspace),
        host_name="here",
        feed=FeedKind.DEMO,
        workspace=workspace.root,
        poll_every=0.3,
    )
    with receiving() as receiver:
        receiver.listen_for(workspace)
        async with app.run_test(size=WIDE) as pilot:
            await until(pilot, lambda: app.snapshot is not None)
            # 1. START
            await press(pilot, "n")
            await until(
                pilot,
                lambda: (
                    isinstance(form := app.screen, NewSession)
                    and form.picked is not None
                    and form.picked.name == "rsi_bounce_paper"
                ),
            )
            await press(pilot, "enter")
            await until(pilot, lambda: bool(shown(app).sessions))
            session_id = shown(app).sessions[0].id
            # 2. SCHEDULE MONITORING: what is asked for takes the place of what it was given
            await press(pilot, "5")
            await until(pilot, lambda: isinstance(app.screen, ScheduleScreen) and jobs(app))
            await add_job(pilot, app, "tab", "tab", time="4h")
            await add_job(pilot, app, "tab", "right", "tab", "right", time="0 10 11 2 *")
            await until(pilot, lambda: len(jobs(app)) == 2)
            assert {row[1] for row in jobs(app)} == {
                "check rsi_bounce_paper",
                "stop rsi_bounce_paper, report",
            }
            # 3. MONITOR
            await press(pilot, "1")
            await until(pilot, lambda: shown(app).sessions[0].trades_count >= 1)
            await press(pilot, "enter")
            await until(pilot, lambda: isinstance(app.screen, SessionScreen))
            await press(pilot, "escape")
            # 4. STOP
            await until(pilot, lambda: receiver.texts)
            await press(pilot, "x")
            await until(pilot, lambda: isinstance(app.screen, Ask))
            await press(pilot, "y")
            await until(pilot, lambda: isinstance(app.screen, ReportScreen))
            ended = shown(app).sessions[0]
            assert (ended.state, ended.state_reason) == (SessionState.STOPPED, "stopped by hand")
            await press(pilot, "escape", "5")
            await until(
                pilot,
                lambda: (
                    isinstance(app.screen, ScheduleScreen)
                    and {row[0] for row in jobs(app)} == {"■ over"}
                ),
            )
            # 5. COMPARE
            await press(pilot, "1", "c")
            await until(pilot, lambda: isinstance(app.screen, CompareScreen))
            await press(pilot, "escape", "q")
            await until(pilot, lambda: not app.is_running)
    # Who stops a session by hand has its report before them, and is told no end.
    assert all(f"({session_id}) is running" in text for text in receiver.texts)
    told = [int(number) for text in receiver.texts for number in re.findall(r"#(\d+) long", text)]
    assert told == list(range(1, len(told) + 1)) != []
    assert len(told) <= ended.trades_count
