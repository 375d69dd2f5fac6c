"""The demo as its user meets it: one key starts on the embedded exchange, one stops."""

from __future__ import annotations

from pathlib import Path

from core.bootstrap import host_options
from core.exchange.market.synthetic import SyntheticMarket
from core.host.feed_factories import DemoMarket
from core.journal.values import FeedKind, Mode, SessionState
from core.store.workspace import Workspace
from tests.ui.driving import NARROW, press, shown, until
from tests.ui.test_real_host import table_text
from tui.app import PapertapeApp
from tui.host.hosting import LateHosting
from tui.host.workspace import WorkspaceHosting
from tui.modals.ask import Ask
from tui.screens.report import ReportScreen
from tui.screens.session import SessionScreen
from tui.strategies import list_strategies
from tui.widgets.line_table import LineTable

START = 1_767_571_200_000  # 2026-01-05 00:00 UTC


async def test_one_key_starts_on_the_embedded_exchange_and_one_stops(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "demo")
    workspace.prepare()
    demo = DemoMarket(SyntheticMarket(7), START, 600.0, "test")  # five minutes in half a second
    app = PapertapeApp(
        LateHosting(
            lambda: WorkspaceHosting(workspace, lambda: host_options(workspace, "tui", demo), [])
        ),
        lambda: list_strategies(workspace),
        host_name="here",
        feed=FeedKind.DEMO,
        workspace=workspace.root,
        poll_every=0.05,
    )
    async with app.run_test(size=NARROW) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        await press(pilot, "s")
        await until(pilot, lambda: "● running" in table_text(app))
        assert app.snapshot is not None
        (session,) = shown(app).sessions
        assert session.mode is Mode.DEMO
        first = session.last_candle

        def candles_close() -> bool:
            return app.snapshot is not None and shown(app).sessions[0].last_candle != first

        await until(pilot, candles_close)
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        await until(pilot, lambda: bool(app.screen.query("#one-why")))
        await until(pilot, lambda: bool(app.screen.query_one("#one-why", LineTable).rows))
        await press(pilot, "x")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await press(pilot, "y")
        await until(pilot, lambda: isinstance(app.screen, ReportScreen))
        await until(pilot, lambda: bool(app.screen.query("#result-trades")))
        await until(pilot, lambda: shown(app).sessions[0].state is SessionState.STOPPED)
