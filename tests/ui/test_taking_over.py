"""The sessions go from one process to another, and the screens say so."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Static

from core.bootstrap import headless_command, host_options
from core.exchange.market.synthetic import SyntheticMarket
from core.host.feed_factories import DemoMarket
from core.host.host import HostOptions
from core.host.link import CommandError, HostLink
from core.journal.values import FeedKind, SessionState
from core.session.snapshot import HostSnapshot, StartRequest
from core.store.workspace import Workspace, WorkspaceError
from tests.ui.driving import NARROW, VAST, WatchedApp, driven, host_of, make_app, until
from tests.ui.scripted import DAY, NOW, ScriptedLink, busy, session
from tests.ui.test_real_host import top_line
from tests.ui.test_sessions import drawn
from tests.unit.cli.hosted import wait_for_socket
from tui.app import PapertapeApp
from tui.host.returning import Absence, absence, last_look, note_look
from tui.host.workspace import WorkspaceHosting
from tui.modals.ask import Ask
from tui.modals.meanwhile import Meanwhile
from tui.modals.new_session import NewSession
from tui.screens.logs import LogsScreen
from tui.screens.session import SessionScreen
from tui.screens.sessions import SessionsScreen
from tui.widgets.hints import Hints
from tui.widgets.line_table import LineTable
from tui.widgets.log_pane import LogPane

ALWAYS: dict[str, object] = {
    "name": "always",
    "symbols": ["BTC/USDT"],
    "timeframe": "1m",
    "indicators": [],
    "entry_conditions": [{"indicator": "close", "operator": "gt", "value": 0}],
    "max_hold": 2,
}


def attached(**fields: object) -> ScriptedLink:
    """A host in another process, with sessions."""
    link = busy()
    link.kind, link.pid = "headless", 4711
    for name, value in fields.items():
        setattr(link, name, value)
    return link


def hints(app: PapertapeApp) -> str:
    return str(app.screen.query_one(Hints).render())


async def test_only_where_another_process_hosts_may_one_take_over() -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        assert "take over" not in hints(app)
        await pilot.press("T")
        assert isinstance(app.screen, SessionsScreen)
        await pilot.resize_terminal(*NARROW)
        await until(pilot, lambda: len(hints(app)) < NARROW[0])
        own = hints(app)
    app = make_app(attached())
    async with driven(app, NARROW) as pilot:
        assert "attached" in top_line(app)
        assert hints(app) == own, "the page's own come first"
        await pilot.resize_terminal(*VAST)
        await until(pilot, lambda: "T take over" in hints(app))


@pytest.mark.parametrize(
    ("kind", "words"), [("headless", "and ends then"), ("tui", "only watches")]
)
async def test_it_asks_says_what_becomes_of_the_other_and_takes_over(kind: str, words: str) -> None:
    link = attached(kind=kind)
    app = make_app(link)
    async with driven(app) as pilot:
        link.log("from the other host")
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        text = " ".join(str(each.render()) for each in app.screen.query("Static"))
        assert "Take 4 sessions over?" in text
        assert words in text
        await pilot.press("escape")
        assert link.pid == 4711
        await pilot.press("T", "y")
        await until(pilot, lambda: host_of(app).runs == 2)
        await until(pilot, lambda: not app.attached)
        await until(pilot, lambda: "attached" not in top_line(app))
        assert "take over" not in hints(app)
        assert any("runs the sessions now" in note.message for note in app.notes)


async def test_what_cannot_be_taken_over_stays_where_it_is_and_is_said() -> None:
    app = make_app(attached(refuse="session k3x9a1pq trades on another market"))
    async with driven(app) as pilot:
        await pilot.press("T", "y")
        await until(pilot, lambda: bool(app.notes))
        assert any("another market" in note.message for note in app.notes)
        assert app.attached
        assert "attached" in top_line(app)


async def test_the_screen_whose_sessions_are_taken_says_so_and_shows_the_new_hosts_log() -> None:
    link = busy()
    app = make_app(link)
    async with driven(app) as pilot:
        link.kind, link.pid, link.lines = "tui", 4711, []
        link.log("from the new host", "k3x9a1pq")
        host_of(app).lose()
        await until(
            pilot,
            lambda: any("Process 4711 runs the sessions" in note.message for note in app.notes),
        )
        assert app.attached
        await until(
            pilot,
            lambda: any(
                "from the new host" in line for line in app.screen.query_one(LogPane).shown
            ),
        )


# ── with real hosts ──


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "papertape")
    made.prepare()
    return made


def host_here(workspace: Workspace, market: str = "seed7") -> HostOptions:
    """A host as a screen has it, on the market of `other_host`."""
    now = int(time.time() * 1_000)
    return host_options(workspace, "tui", DemoMarket(SyntheticMarket(7), now, 1_200.0, market))


@contextmanager
def other_host(workspace: Workspace) -> Iterator[subprocess.Popen[bytes]]:
    """A host without a screen, in a process of its own."""
    command = headless_command(workspace, "--seed", "7", "--speed", "1200")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            wait_for_socket(workspace)
            yield process
        finally:
            process.terminate()


class Viewer:
    """Another screen that is attached: it looks for a host again whenever one is gone."""

    def __init__(self, workspace: Workspace) -> None:
        self.hosting = WorkspaceHosting(workspace, lambda: host_here(workspace), [])
        self.links: list[HostLink] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.is_set():
            self.hosting.run(self.links.append)
            self._ended.wait(1)

    def end(self) -> None:
        self._ended.set()
        self.hosting.let_go(keep_running=False)
        self._thread.join(20)
        assert not self._thread.is_alive()


async def test_sessions_go_on_in_the_screen_that_takes_them_over_while_two_watch(
    workspace: Workspace,
) -> None:
    app = WatchedApp(
        WorkspaceHosting(workspace, lambda: host_here(workspace), []),
        lambda: (),
        host_name="here",
        feed=FeedKind.DEMO,
        workspace=workspace.root,
        poll_every=0.05,
    )

    def shown() -> HostSnapshot:
        assert app.snapshot is not None
        return app.snapshot

    with other_host(workspace) as process:
        async with app.run_test(size=NARROW) as pilot:
            await until(pilot, lambda: app.snapshot is not None)
            assert (app.attached, shown().pid) == (True, process.pid)
            viewer = Viewer(workspace)
            assert app.link is not None
            started = await app.link.start(StartRequest(ALWAYS, FeedKind.DEMO))
            await until(pilot, lambda: bool(shown().sessions))
            await until(pilot, lambda: shown().sessions[0].trades_count >= 1)
            await pilot.press("T", "y")
            await until(pilot, lambda: not app.attached)
            assert process.wait(10) == 0
            before = shown().sessions[0].trades_count
            await until(pilot, lambda: shown().sessions[0].trades_count > before + 1)
            # At this speed a candle is overdue after a tenth of a second.
            await until(pilot, lambda: shown().sessions[0].state is SessionState.RUNNING)
            await until(pilot, lambda: len(viewer.links) == 2)
            assert viewer.links[1].snapshot().pid == os.getpid()
            viewer.end()
            assert app.link is not None
            report: Any = await app.link.stop(started.session_id)
            assert report["gaps"] == []
            assert len(report["restarts"]) == 1
            await until(pilot, lambda: shown().sessions[0].state.ended)
            await pilot.press("q")
            await until(pilot, lambda: not app.is_running)


async def test_demo_sessions_of_another_market_are_not_taken_over(workspace: Workspace) -> None:
    links: list[HostLink] = []
    hosting = WorkspaceHosting(workspace, lambda: host_here(workspace, "seed8"), [])
    with other_host(workspace):
        thread = threading.Thread(target=hosting.run, args=(links.append,))
        thread.start()
        while not links:
            thread.join(0.02)
        started = await links[0].start(StartRequest(ALWAYS, FeedKind.DEMO))
        while not links[0].snapshot().sessions:
            thread.join(0.02)
        with pytest.raises(CommandError, match=f"{started.session_id} .* is not this screen's"):
            hosting.take_over()
        assert links[0].snapshot().sessions[0].state is not SessionState.STOPPED
        hosting.let_go(keep_running=False)
        thread.join(10)
    assert not thread.is_alive()


# ── coming back ──


def since(before: HostSnapshot, after: HostSnapshot, path: Path) -> Absence:
    note_look(path, before)
    look = last_look(path)
    assert look is not None
    return absence(look, after)


def test_an_absence_names_trades_ends_and_beginnings_and_nothing_else(tmp_path: Path) -> None:
    link = ScriptedLink(
        [session("aaaaaaa1", "one"), session("aaaaaaa2", "two"), session("aaaaaaa3", "three")]
    )
    before = link.snapshot()
    link.now = NOW + DAY
    link.change("aaaaaaa1", trades_count=3, equity=10_050.0)
    link.change("aaaaaaa2", state=SessionState.ERROR, state_reason="the disk is full")
    link.sessions.append(session("aaaaaaa4", "four", started=NOW + 1))
    gone = since(before, link.snapshot(), tmp_path / "look.json")
    assert (gone.milliseconds, gone.going_on) == (DAY, 3)
    assert [(c.strategy, c.trades, c.gained, c.what) for c in gone.changes] == [
        ("one", 3, 50.0, ""),
        ("two", 0, 0.0, "the disk is full"),
        ("four", 0, 0.0, "started"),
    ]


def test_a_note_that_cannot_be_read_or_written_is_none(tmp_path: Path) -> None:
    note_look(tmp_path / "gone" / "look.json", busy().snapshot())
    assert not (tmp_path / "gone").exists()
    (tmp_path / "look.json").write_text("{broken")
    assert last_look(tmp_path / "look.json") is None
    os.mkfifo(tmp_path / "pipe.json")
    assert last_look(tmp_path / "pipe.json") is None


async def test_who_comes_back_is_told_once_the_sessions_have_caught_up(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    link = busy()
    note_look(tmp_path / "cache" / "last-look.json", link.snapshot())
    link.now += 2 * DAY
    link.change("k3x9a1pq", state=SessionState.STARTING)
    link.change("p0d7w2ee", state=SessionState.RUNNING)
    app = make_app(link)
    app.workspace = tmp_path
    async with driven(app) as pilot:
        assert isinstance(app.screen, SessionsScreen)
        link.change("k3x9a1pq", state=SessionState.RUNNING, trades_count=14, equity=10_400.0)
        app.poll()
        await until(pilot, lambda: isinstance(app.screen, Meanwhile))
        await until(pilot, lambda: any(t.rows for t in app.screen.query(LineTable)))
        (row,) = app.screen.query_one(LineTable).rows
        told = [cell.text for cell in row.cells[:4]]
        assert told == ["● running", "k3x9a1pq", "rsi_bounce", "+2"]
        assert "k3x9a1pq" in drawn(app, "#changes")
        await pilot.press("enter")  # what one reads of is where it leads
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        assert "k3x9a1pq" in str(app.screen.query_one("#one-title", Static).content)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, SessionsScreen))
        await pilot.press("q", "q")
        await until(pilot, lambda: not app.is_running)
    look = last_look(tmp_path / "cache" / "last-look.json")
    assert look is not None
    assert (look.at, look.sessions["k3x9a1pq"].trades) == (link.now, 14)


async def test_who_is_at_something_else_by_then_is_told_in_a_corner(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    link = busy()
    note_look(tmp_path / "cache" / "last-look.json", link.snapshot())
    link.now += 2 * DAY
    link.change("k3x9a1pq", state=SessionState.STARTING)
    app = make_app(link)
    app.workspace = tmp_path
    async with driven(app) as pilot:
        await pilot.press("6")
        link.change("p0d7w2ee", state=SessionState.ERROR, state_reason="the disk is full")
        link.change("k3x9a1pq", state=SessionState.RUNNING, trades_count=14)
        app.poll()
        told = "While you were away · 2d"
        await until(pilot, lambda: any(note.title == told for note in app.notes))
        assert isinstance(app.screen, LogsScreen)
        note = next(note for note in app.notes if note.title == told)
        assert note.message.startswith("2 trades of 1 session\n")
        assert "(p0d7w2ee): the disk is full" in note.message


async def test_a_host_that_ran_all_the_time_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    link = busy()
    note_look(tmp_path / "cache" / "last-look.json", link.snapshot())
    link.pid = os.getpid() + 1
    link.now += DAY
    link.change("p0d7w2ee", state=SessionState.STALE)
    link.change("k3x9a1pq", trades_count=14)
    app = make_app(link)
    app.workspace = tmp_path
    async with driven(app) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Meanwhile))


async def test_a_key_typed_as_the_news_open_does_what_it_was_meant_to(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    link = busy()
    note_look(tmp_path / "cache" / "last-look.json", link.snapshot())
    link.now += DAY
    link.change("k3x9a1pq", trades_count=14)
    link.change("p0d7w2ee", state=SessionState.RUNNING)
    app = make_app(link)
    app.workspace = tmp_path
    async with driven(app) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Meanwhile))
        await pilot.press("j")
        await pilot.pause()
        assert isinstance(app.screen, Meanwhile), "a key of its own"
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NewSession))


async def test_a_viewer_sees_how_the_sessions_of_a_vanished_workspace_ended(
    workspace: Workspace,
) -> None:
    def make() -> HostOptions:
        raise WorkspaceError("there is no such workspace any more")

    with other_host(workspace):
        app = WatchedApp(WorkspaceHosting(workspace, make, []), lambda: (), host_name="here")
        async with app.run_test() as pilot:
            await until(pilot, lambda: app.link is not None)
            assert app.link is not None
            await app.link.start(StartRequest(ALWAYS, FeedKind.DEMO))
            await until(pilot, lambda: app.snapshot is not None and bool(app.snapshot.sessions))
            workspace.root.rename(workspace.root.with_name("elsewhere"))
            await until(pilot, lambda: "the host has stopped" in top_line(app))
            assert app.snapshot is not None
            (one,) = app.snapshot.sessions
            assert one.state is SessionState.ERROR
            assert str(workspace.root) in str(one.state_reason)
            await pilot.press("q")
            await until(pilot, lambda: not app.is_running)
