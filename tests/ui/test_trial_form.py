"""The form of a new session seals a trial where a backtest of this very config is saved."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from core.journal.values import FeedKind
from core.session.snapshot import TrialTerms
from core.store.workspace import Workspace
from tests.ui.driving import NARROW, driven, until
from tests.ui.scripted import ScriptedHosting, ScriptedLink
from tests.unit.host.test_trials import promise
from tests.unit.session.sessions import RSI
from tui.app import PapertapeApp
from tui.modals.new_session import NewSession
from tui.strategies import list_strategies
from tui.widgets.choice import Choice


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A strategy with a saved backtest, and a changed copy of it without one."""
    made = Workspace(tmp_path / "papertape")
    made.prepare()
    promise(made.strategies / "rsi_bounce")
    unproved = made.strategies / "unproved"
    unproved.mkdir()
    config = RSI | {"name": "unproved", "stop_loss_pct": 4}
    (unproved / "STRATEGY.md").write_text(f"---\n{json.dumps(config)}\n---\n", encoding="utf-8")
    return made


@asynccontextmanager
async def form_on(
    workspace: Workspace, name: str, link: ScriptedLink
) -> AsyncIterator[tuple[Pilot[int], NewSession]]:
    app = PapertapeApp(
        ScriptedHosting(link),
        lambda: list_strategies(workspace),
        host_name="here",
        feed=FeedKind.DEMO,
        workspace=workspace.root,
        poll_every=3_600,
    )
    async with driven(app, NARROW) as pilot:
        app.open_new_session(name)
        await until(pilot, lambda: isinstance(app.screen, NewSession))
        form = app.screen
        assert isinstance(form, NewSession)
        await until(pilot, lambda: bool(form.query("#verdict")))
        await until(pilot, lambda: form.picked is not None and form.picked.name == name)
        yield pilot, form


def said(form: NewSession) -> str:
    return str(form.query_one("#verdict").render())


async def test_a_saved_backtest_makes_a_trial_of_it_and_says_what_it_can_tell(
    workspace: Workspace,
) -> None:
    link: Any = ScriptedLink()
    async with form_on(workspace, "rsi_bounce", link) as (pilot, form):
        await until(pilot, lambda: "60 days bring about" in said(form))
        assert form.sealing
        assert "If the promise holds you will be told kept with" in said(form)
        form.query_one("#duration", Input).value = "30d"
        await until(pilot, lambda: "30 days bring about" in said(form))
        await pilot.press("enter")
        await until(pilot, lambda: len(link.requests) == 1)
    document = workspace.strategies / "rsi_bounce" / "STRATEGY.md"
    assert link.requests[0].trial == TrialTerms(days=30, document=str(document))


async def test_without_a_saved_backtest_nothing_is_sealed_unless_asked_for(
    workspace: Workspace,
) -> None:
    link: Any = ScriptedLink()
    async with form_on(workspace, "unproved", link) as (pilot, form):
        form.query_one("#trial", Choice).chosen = form.query_one("#trial", Choice).options[1]
        await until(pilot, lambda: "no saved backtest of unproved" in said(form))
        await pilot.press("enter")
        assert pilot.app.screen is form, "it stays, rather than be refused once it is gone"
        form.query_one("#trial", Choice).chosen = form.query_one("#trial", Choice).options[0]
        await until(pilot, lambda: "no saved backtest of unproved" not in said(form))
        await pilot.press("enter")
        await until(pilot, lambda: len(link.requests) == 1)
    assert link.requests[0].trial is None


async def test_who_declines_a_trial_is_told_what_is_lost(workspace: Workspace) -> None:
    async with form_on(workspace, "rsi_bounce", ScriptedLink()) as (pilot, form):
        await until(pilot, lambda: form.sealing)
        form.query_one("#trial", Choice).chosen = form.query_one("#trial", Choice).options[0]
        await until(pilot, lambda: "only be described, not judged" in said(form))
        request, problems = form.request()
        assert problems == []
        assert request is not None
        assert request.trial is None
