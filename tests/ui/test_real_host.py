"""The screen on a real host: keys in, trades and a report out."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input

from core.host.host import HostOptions
from core.journal.values import FeedKind, SessionState
from core.session.snapshot import StartRequest
from core.store.workspace import Workspace
from core.strategy.document.document import strategy_document
from tests.ui.driving import WIDE, WatchedApp, arrived, press, shown, until
from tests.unit.store.disks import FullDisk
from tui.app import PapertapeApp
from tui.host.hosting import LateHosting
from tui.host.workspace import WorkspaceHosting
from tui.modals.ask import Ask
from tui.modals.new_session import NewSession
from tui.screens.report import ReportScreen
from tui.strategies import list_strategies
from tui.widgets.choice import Choice
from tui.widgets.line_table import LineTable
from tui.widgets.log_pane import LogPane
from tui.widgets.top_bar import TopBar

CANDLES = 20_000
STRATEGY = """---
name: waves
symbols: [BTC/USDT]
timeframe: 1m
indicators:
  - {name: rsi, params: {period: 14}}
entry_conditions:
  - {indicator: rsi, operator: lt, value: 35}
exit_conditions:
  - {indicator: rsi, operator: gt, value: 65}
stop_loss_pct: 5
---

Buys troughs and sells crests.
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace with one strategy, and a candle file beside it."""
    made = Workspace(tmp_path / "papertape")
    made.prepare()
    folder = made.strategies / "waves"
    folder.mkdir()
    (folder / "STRATEGY.md").write_text(STRATEGY)
    lines = ["timestamp,open,high,low,close,volume"]
    before = 100.0
    for number in range(CANDLES):
        close = 100 + 8 * math.sin(number / 25) + math.sin(number * 1.7)
        high, low = max(before, close) + 0.2, min(before, close) - 0.2
        time = 1_700_000_040_000 + number * 60_000
        lines.append(f"{time},{before:.4f},{high:.4f},{low:.4f},{close:.4f},1")
        before = round(close, 4)
    (tmp_path / "waves.csv").write_text("\n".join(lines))
    return made


def table_text(app: PapertapeApp) -> str:
    table = app.screen_stack[0].query_one("#sessions", LineTable)
    return "\n".join(cell.text for row in table.rows for cell in row.cells)


def top_line(app: PapertapeApp) -> str:
    return str(app.screen.query_one(TopBar).render())


def slow_replay(workspace: Workspace) -> StartRequest:
    config = strategy_document(STRATEGY, "waves").config
    data = {"BTC/USDT": str(workspace.root.parent / "waves.csv")}
    return StartRequest(config, FeedKind.REPLAY, data=data, speed=0.001)


async def test_a_session_is_started_watched_and_stopped_by_keys(workspace: Workspace) -> None:
    options = HostOptions(kind="tui")
    app = WatchedApp(
        LateHosting(lambda: WorkspaceHosting(workspace, lambda: options, [])),
        lambda: list_strategies(workspace),
        host_name="here",
        workspace=workspace.root,
        poll_every=0.05,
    )
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        await press(pilot, "n")
        form = await arrived(pilot, NewSession)
        await until(pilot, lambda: form.picked is not None and form.picked.name == "waves")
        form.query_one("#feed", Choice).chosen = "replay"
        form.query_one("#data", Input).value = str(workspace.root.parent / "waves.csv")
        form.query_one("#speed", Input).value = "6000"  # a hundred candles a second
        await press(pilot, "enter")
        await until(pilot, lambda: "waves" in table_text(app))
        await until(pilot, lambda: shown(app).sessions[0].trades_count >= 2)
        assert "● running" in table_text(app)
        assert "REPLAY" in top_line(app)
        assert app.screen_stack[0].query_one(LogPane).shown

        await press(pilot, "p")
        await until(pilot, lambda: shown(app).sessions[0].state is SessionState.PAUSED)
        await press(pilot, "p")
        await until(pilot, lambda: shown(app).sessions[0].state is SessionState.RUNNING)

        await press(pilot, "x")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await press(pilot, "y")
        await until(pilot, lambda: isinstance(app.screen, ReportScreen))
        await until(pilot, lambda: bool(app.screen.query("#result-trades")))
        table = app.screen.query_one("#result-trades", LineTable)
        await until(pilot, lambda: len(table.rows) >= 2)
        trades = table.rows
        assert {row.cells[-1].text for row in trades} <= {"signal", "stop loss"}
        await until(pilot, lambda: shown(app).sessions[0].state is SessionState.STOPPED)
        await press(pilot, "escape", "q")
        await until(pilot, lambda: not app.is_running)
    assert not list(workspace.root.glob("**/*.tmp"))


async def test_a_vanished_workspace_is_said_and_nothing_of_it_is_made_anew(
    workspace: Workspace,
) -> None:
    options = HostOptions(kind="tui")
    app = WatchedApp(
        LateHosting(lambda: WorkspaceHosting(workspace, lambda: options, [])),
        lambda: list_strategies(workspace),
        host_name="here",
        poll_every=0.05,
    )
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.link is not None)
        assert app.link is not None
        await app.link.start(slow_replay(workspace))
        await until(pilot, lambda: "running" in table_text(app))
        workspace.root.rename(workspace.root.with_name("elsewhere"))
        await until(pilot, lambda: "the host has stopped" in top_line(app))
        assert "error" in table_text(app)
        assert any("has vanished" in line.text for line in app.link.logs())
        assert any("has vanished" in str(toast.message) for toast in app.notes)
        await press(pilot, "q")
        await until(pilot, lambda: not app.is_running)
    assert not workspace.root.exists()


async def test_the_pause_key_takes_up_a_session_that_a_full_disk_stopped(
    workspace: Workspace,
) -> None:
    disk = FullDisk(100_000)
    options = HostOptions(kind="tui", disk=disk)
    app = WatchedApp(
        LateHosting(lambda: WorkspaceHosting(workspace, lambda: options, [])),
        lambda: list_strategies(workspace),
        host_name="here",
        poll_every=0.05,
    )
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.link is not None)
        assert app.link is not None
        await app.link.start(replace(slow_replay(workspace), speed=None))
        await until(pilot, lambda: "✗ error" in table_text(app))
        disk.room = 100_000_000
        await press(pilot, "p")
        await until(pilot, lambda: "■ stopped" in table_text(app))
        assert app.snapshot is not None
        assert shown(app).sessions[0].state_reason == "the data ends"
