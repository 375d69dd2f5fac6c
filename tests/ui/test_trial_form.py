"""The form of a new session seals a trial where a backtest of this very config is saved."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, Static

from core.host.link import BadRequestError
from core.journal.values import FeedKind
from core.session.snapshot import StartReply, StartRequest, TrialTerms
from core.store.workspace import Workspace
from core.text import TextRow
from tests.ui.driving import NARROW, VAST, WIDE, driven, until, verdict_of
from tests.ui.scripted import ScriptedHosting, ScriptedLink
from tests.unit.host.test_trials import promise
from tests.unit.session.sessions import RSI
from tui.app import PapertapeApp
from tui.modals.ask import Ask
from tui.modals.new_session import NewSession
from tui.modals.path_field import completed
from tui.requests.trial import TrialOutlook
from tui.screens.schedule import ScheduleScreen
from tui.strategies import list_strategies
from tui.widgets.choice import Choice
from tui.widgets.line_table import LineTable


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


def app_on(workspace: Workspace, link: ScriptedLink) -> PapertapeApp:
    return PapertapeApp(
        ScriptedHosting(link),
        lambda: list_strategies(workspace),
        host_name="here",
        feed=FeedKind.DEMO,
        workspace=workspace.root,
        poll_every=3_600,
    )


@asynccontextmanager
async def form_on(
    workspace: Workspace, name: str, link: ScriptedLink, size: tuple[int, int] = NARROW
) -> AsyncIterator[tuple[Pilot[int], NewSession]]:
    app = app_on(workspace, link)
    async with driven(app, size) as pilot:
        app.open_new_session(name)
        await until(pilot, lambda: isinstance(app.screen, NewSession))
        form = app.screen
        assert isinstance(form, NewSession)
        await until(pilot, lambda: bool(form.query("#verdict")))
        await until(pilot, lambda: form.picked is not None and form.picked.name == name)
        yield pilot, form


def said(form: NewSession) -> str:
    return verdict_of(form)


async def test_a_saved_backtest_makes_a_trial_of_it_and_says_what_it_can_tell(
    workspace: Workspace,
) -> None:
    link: Any = ScriptedLink()
    async with form_on(workspace, "rsi_bounce", link) as (pilot, form):
        await until(pilot, lambda: "60 days bring about" in said(form))
        assert form.sealing
        assert "Edge holds told kept in" in said(form)
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
        # As it can be typed from anywhere, as in Compare.
        typed = f"papertape --workspace {workspace.root} backtest unproved"
        assert typed.replace(" ", "") in said(form).replace(" ", "")
        await pilot.press("enter")
        assert pilot.app.screen is form, "it stays, rather than be refused once it is gone"
        form.query_one("#trial", Choice).chosen = form.query_one("#trial", Choice).options[0]
        await until(pilot, lambda: "no saved backtest of unproved" not in said(form))
        await pilot.press("enter")
        await until(pilot, lambda: len(link.requests) == 1)
    assert link.requests[0].trial is None


@pytest.mark.parametrize("sealed", [True, False])
async def test_what_has_no_edge_to_keep_is_sealed_only_where_it_is_asked_for_twice(
    workspace: Workspace, sealed: bool
) -> None:
    shutil.rmtree(workspace.strategies / "rsi_bounce")
    promise(workspace.strategies / "rsi_bounce", seed=7)
    link: Any = ScriptedLink()
    async with form_on(workspace, "rsi_bounce", link) as (pilot, form):
        why = (
            "this trial cannot answer: kept in <1%, broken in <1% of cases; the trial's backtest "
            "makes -0.311% a trade: there is no edge to keep"
        )
        await until(pilot, lambda: "· not sealed: its edge will only be" in said(form))
        assert not form.sealing
        assert "cannot answer" not in said(form), "no trial was asked for"
        form.query_one("#trial", Choice).chosen = form.query_one("#trial", Choice).options[1]
        await until(pilot, lambda: "60 days bring about" in said(form))
        assert f"! {why}" in said(form)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        asked = str(pilot.app.screen.query_one(".dialog-text", Static).render())
        assert asked.replace("\n", " ").startswith(f"T{why[1:]}. What is sealed"), "in sentences"
        await pilot.press("enter")  # which seals nothing by itself, pressed twice either
        await until(pilot, lambda: pilot.app.screen is form)
        assert link.requests == []
        await pilot.press("enter", "y" if sealed else "n")
        await until(pilot, lambda: len(link.requests) == 1)
    assert (link.requests[0].trial is not None) == sealed


async def test_enter_waits_for_what_a_trial_could_tell_before_it_seals_one(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = asyncio.Event()
    doubt = "this trial can hardly answer"

    async def ahead(*_: object) -> TrialOutlook:
        await known.wait()
        return TrialOutlook((TextRow("Told", "nothing"),), doubt=doubt)

    monkeypatch.setattr("tui.app.outlook", ahead)
    link: Any = ScriptedLink()
    async with form_on(workspace, "rsi_bounce", link) as (pilot, form):
        form.query_one("#trial", Choice).chosen = form.query_one("#trial", Choice).options[1]
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, lambda: "looking into it" in said(form))
        known.set()
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await pilot.press("y")
        await until(pilot, lambda: len(link.requests) == 1)
    assert link.requests[0].trial is not None


async def test_who_declines_a_trial_is_told_what_is_lost(workspace: Workspace) -> None:
    async with form_on(workspace, "rsi_bounce", ScriptedLink()) as (pilot, form):
        await until(pilot, lambda: form.sealing)
        form.query_one("#trial", Choice).chosen = form.query_one("#trial", Choice).options[0]
        await until(pilot, lambda: "only be described, not judged" in said(form))
        request, problems = form.request()
        assert problems == []
        assert request is not None
        assert request.trial is None


async def test_a_trial_may_be_over_a_number_of_trades_or_other_days_than_it_runs(
    workspace: Workspace,
) -> None:
    link: Any = ScriptedLink()
    async with form_on(workspace, "rsi_bounce", link) as (pilot, form):
        await until(pilot, lambda: "60 days bring about" in said(form))
        horizon = form.query_one("#horizon", Input)
        horizon.value = "2 trades"
        await until(pilot, lambda: "2 trades, at the backtest's rate some" in said(form))
        assert "run it for at least 3d" in said(form)
        horizon.value = "soon"
        await until(pilot, lambda: "or a number of trades such as 80 trades" in said(form))
        await pilot.press("enter")
        assert pilot.app.screen is form
        horizon.value = "45d"
        await until(pilot, lambda: "45 days bring about" in said(form))
        horizon.value = "80 trades"
        await until(pilot, lambda: "bring about 80 trades" in said(form))
        await pilot.press("enter")
        await until(pilot, lambda: len(link.requests) == 1)
    document = workspace.strategies / "rsi_bounce" / "STRATEGY.md"
    assert link.requests[0].trial == TrialTerms(trades=80, document=str(document))
    assert link.requests[0].run_for is None


@pytest.mark.parametrize("size", [WIDE, VAST])
async def test_all_that_a_trial_can_tell_is_there_to_be_read(
    workspace: Workspace, size: tuple[int, int]
) -> None:
    async with form_on(workspace, "rsi_bounce", ScriptedLink(), size) as (pilot, form):
        await until(pilot, lambda: "Broken at end a return below" in said(form))
        await pilot.pause()
        verdict = form.query_one("#verdict")
        needed = verdict.get_content_height(verdict.size, pilot.app.size, verdict.size.width)
        assert verdict.content_size.height >= needed
        assert form.region.contains_region(verdict.region), "nor is it scrolled out of sight"
        assert form.query_one("#strategies").size.height >= 4


async def test_a_low_terminal_pages_to_what_lies_beneath(workspace: Workspace) -> None:
    async with form_on(workspace, "rsi_bounce", ScriptedLink()) as (pilot, form):
        await until(pilot, lambda: "Broken at end a return below" in said(form))
        body, hints = form.query_one(".form"), form.query_one(".form-hints")
        await until(pilot, lambda: body.max_scroll_y > 0)
        assert body.region.contains_region(hints.region)
        await pilot.press("pagedown", "pagedown")
        await pilot.pause()
        assert body.scroll_y == body.max_scroll_y
        assert body.region.contains_region(hints.region), "the keys stay to be seen"
        await pilot.press("pageup", "pageup")
        assert body.scroll_y == 0


async def test_keys_typed_before_the_form_is_there_wait_for_it(workspace: Workspace) -> None:
    for name in ("band", "breakout"):
        promise(workspace.strategies / name)
    app = app_on(workspace, ScriptedLink())
    async with driven(app, NARROW) as pilot:
        for key in ("n", "down", "down"):  # in one burst, as fast fingers and slow links have it
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await until(pilot, lambda: isinstance(app.screen, NewSession))
        form = app.screen
        assert isinstance(form, NewSession)
        await until(pilot, lambda: form.takes_keys)
        table = form.query_one("#strategies", LineTable)
        await until(pilot, lambda: table.cursor_key == table.rows[2].key)
        app.post_message(events.Key("escape", None))
        await until(pilot, lambda: app.screen is not form)


async def test_a_horizon_that_is_refused_seals_nothing_and_starts_nothing(
    workspace: Workspace,
) -> None:
    link: Any = ScriptedLink()
    async with form_on(workspace, "rsi_bounce", link) as (pilot, form):
        await until(pilot, lambda: "60 days bring about" in said(form))
        horizon = form.query_one("#horizon", Input)
        horizon.value = "20000 trades"
        await until(pilot, lambda: "at most 3,650 days or 10,000 trades" in said(form))
        assert form.sealing
        await pilot.press("enter")
        assert pilot.app.screen is form
        horizon.value = "80 trades"
        await until(pilot, lambda: "10,000 trades" not in said(form))
        assert "60 days" not in said(form), "that was of another horizon"
        form.query_one("#duration", Input).value = "90d"
        horizon.value = "2d"
        await until(pilot, lambda: "2d is short for a 5m strategy" in said(form))
    assert link.requests == []


async def test_what_is_typed_behind_a_tab_goes_to_the_next_field(workspace: Workspace) -> None:
    async with form_on(workspace, "rsi_bounce", ScriptedLink()) as (pilot, form):
        form.query_one("#fills", Choice).focus()
        await pilot.pause()
        for key in ("tab", *"5000", "tab", *"3h"):  # in one burst
            pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))
        balance, run_for = form.query_one("#balance", Input), form.query_one("#duration", Input)
        await until(pilot, lambda: run_for.value == "3h")
        assert balance.value == "5000"


async def test_a_field_keeps_what_was_typed_into_it_and_shows_where_something_is_wrong(
    workspace: Workspace,
) -> None:
    async with form_on(workspace, "rsi_bounce", ScriptedLink()) as (pilot, form):
        balance = form.query_one("#balance", Input)
        balance.focus()
        await pilot.press(*"50o", "tab", "shift+tab")
        await until(pilot, lambda: balance.has_focus)
        await pilot.press("backspace", *"00")
        assert balance.value == "5000", "nothing of it was typed over"
        assert not balance.has_class("-wrong")
        await pilot.press("x")
        await until(pilot, lambda: balance.has_class("-wrong"))


async def test_a_choice_is_not_changed_by_the_letters_that_move_elsewhere(
    workspace: Workspace,
) -> None:
    async with form_on(workspace, "rsi_bounce", ScriptedLink()) as (pilot, form):
        fills = form.query_one("#fills", Choice)
        fills.focus()
        await pilot.press(*"hjkl")
        assert fills.chosen == fills.options[0]
        await pilot.press("right")
        assert fills.chosen == fills.options[1]


def test_candle_files_are_completed_behind_a_symbol_too(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    for name in ("btc.csv", "notes.md", ".hidden.csv", "zeta.parquet"):
        (tmp_path / name).touch()
    assert completed(f"{tmp_path}/b") == f"{tmp_path}/btc.csv"
    assert completed(f"BTC/USDT=x.csv ETH/USDT={tmp_path}/z") == (
        f"BTC/USDT=x.csv ETH/USDT={tmp_path}/zeta.parquet"
    )
    assert completed(f"{tmp_path}/m") == f"{tmp_path}/more/"
    assert completed(f"{tmp_path}/n") is None, "no candle file"
    assert completed(f"{tmp_path}/") == f"{tmp_path}/btc.csv", "nothing hidden"
    assert completed(f"{tmp_path}/btc.csv") is None, "it is whole"
    assert completed(f"{tmp_path}/none/b") is None


async def test_a_form_says_how_a_strategy_is_found_and_a_path_completed_while_that_is_offered(
    workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "btc.csv").touch()
    async with form_on(workspace, "rsi_bounce", ScriptedLink()) as (pilot, form):

        def hints() -> str:
            return str(form.query_one(".form-hints", Static).render())

        await until(pilot, lambda: "/ find  Tab ↑↓ field" in hints())
        data = form.query_one("#data", Input)
        data.value = ""
        data.focus()
        await pilot.press(*f"{tmp_path}/b")
        await until(pilot, lambda: "→ complete" in hints())
        await pilot.press("right")
        await until(pilot, lambda: data.value == f"{tmp_path}/btc.csv")
        await until(pilot, lambda: "→ complete" not in hints())


async def test_a_start_that_is_refused_leaves_the_form_with_all_that_was_filled_in(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    link: Any = ScriptedLink()
    start = link.start

    async def refused(_: StartRequest) -> StartReply:
        raise BadRequestError("candle file hours.csv holds 1h candles; expected 5m candles")

    async with form_on(workspace, "rsi_bounce", link) as (pilot, form):
        form.query_one("#balance", Input).value = "5000"
        monkeypatch.setattr(link, "start", refused)
        await pilot.press("enter")
        await until(pilot, lambda: "holds 1h candles" in said(form))
        assert pilot.app.screen is form
        assert form.query_one("#balance", Input).value == "5000"
        monkeypatch.setattr(link, "start", start)
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is not form)
    assert [request.starting_balance for request in link.requests] == [5_000]


@pytest.mark.parametrize("starts", [True, False])
async def test_keys_typed_while_a_session_starts_are_for_the_screen_beneath(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, starts: bool
) -> None:
    link: Any = ScriptedLink()
    start, answer = link.start, asyncio.Event()

    async def slow(request: StartRequest) -> StartReply:
        await answer.wait()
        if not starts:
            raise BadRequestError("no more sessions")
        reply: StartReply = await start(request)
        return reply

    monkeypatch.setattr(link, "start", slow)
    async with form_on(workspace, "rsi_bounce", link) as (pilot, form):
        before = form.query_one("#balance", Input).value
        form.query_one("#balance", Input).focus()
        await pilot.press("enter", "5")
        assert pilot.app.screen is form
        answer.set()
        if starts:
            await until(pilot, lambda: isinstance(pilot.app.screen, ScheduleScreen))
        else:
            await until(pilot, lambda: "no more sessions" in said(form))
            assert form.query_one("#balance", Input).value == before
            await pilot.press("5")
            assert form.query_one("#balance", Input).value == before + "5"


async def test_esc_leaves_a_form_whose_session_never_starts(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    link: Any = ScriptedLink()

    async def never(_: StartRequest) -> StartReply:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(link, "start", never)
    async with form_on(workspace, "rsi_bounce", link) as (pilot, form):
        await pilot.press("enter", "escape")
        await until(pilot, lambda: pilot.app.screen is not form)
