"""Jobs under the keys of their user, on a real host's schedule."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from core.bootstrap import host_options
from core.exchange.market.synthetic import SyntheticMarket
from core.host.feed_factories import DemoMarket
from core.host.job_values import JobOrder, ListedJob, ListedRun
from core.journal.values import FeedKind, Mode
from core.session.snapshot import StartRequest
from core.store.workspace import Workspace
from core.time_format import iso_time
from tests.ui.driving import NARROW, VAST, WIDE, WatchedApp, driven, make_app, shown, until
from tests.ui.scripted import DAY, HOUR, NOW, ScriptedLink, busy, job, session
from tests.ui.test_sessions import drawn
from tui.app import PapertapeApp
from tui.host.hosting import LateHosting
from tui.host.workspace import WorkspaceHosting
from tui.modals.ask import Ask
from tui.modals.job import JobForm
from tui.screens.schedule import ScheduleScreen
from tui.screens.schedule_rows import countdown
from tui.widgets.choice import Choice
from tui.widgets.hints import Hints
from tui.widgets.line_table import LineTable
from tui.widgets.log_pane import LogPane

START = 1_767_571_200_000  # 2026-01-05 00:00 UTC
Fill = Callable[..., Awaitable[tuple[JobOrder | None, list[str]]]]


def told(app: PapertapeApp) -> str:
    """What the runs of the job under the cursor said."""
    return str(app.screen.query_one("#history-text").render())


_INSTEAD = "It takes the place of the job that the session was given, every 4h."


@asynccontextmanager
async def on_a_real_host(root: Path) -> AsyncIterator[tuple[WatchedApp, Pilot[int]]]:
    """The scheduler screen of a program that hosts a workspace."""
    workspace = Workspace(root)
    workspace.prepare()
    demo = DemoMarket(SyntheticMarket(7), START, 60.0, "test")
    app = WatchedApp(
        LateHosting(
            lambda: WorkspaceHosting(workspace, lambda: host_options(workspace, "tui", demo), [])
        ),
        lambda: (),
        host_name="here",
        feed=FeedKind.DEMO,
        poll_every=0.05,
    )
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.link is not None)
        await pilot.press("5")
        await until(pilot, lambda: isinstance(app.screen, ScheduleScreen) and app.screen.ready)
        yield app, pilot
        app.leaving.leave(keep_running=False)
        await until(pilot, lambda: not app.is_running)


def rows(app: PapertapeApp) -> list[list[str]]:
    table = app.screen.query_one("#jobs", LineTable)
    shown = [n for n, column in enumerate(table.columns) if column.label != "SESSION"]
    return [[row.cells[n].text for n in shown] for row in table.rows]


async def test_a_message_is_added_run_edited_paused_and_removed(tmp_path: Path) -> None:
    async with on_a_real_host(tmp_path / "home") as (app, pilot):
        screen = app.screen
        await until(pilot, lambda: "No job yet" in screen.query_one("#jobs", LineTable).empty)
        await pilot.press("n")
        await until(pilot, lambda: bool(app.screen.query("#verdict")))
        app.screen.query_one("#say", Input).value = "Look at the [b]rates"
        app.screen.query_one("#time", Input).value = "2h"
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is screen and len(rows(app)) == 1)
        assert rows(app)[0][:3] == ["● set", "say: Look at the [b]rates", "every 2h"]
        assert rows(app)[0][4] in ("1h 59m", "2h")

        await pilot.press("R")
        await until(pilot, lambda: "  Look at the [b]rates" in told(app))
        await until(pilot, lambda: rows(app)[0][5] == "1")
        assert rows(app)[0][6].startswith("✓ ")  # some seconds ago
        assert rows(app)[0][7] == "Look at the [b]rates"
        # The message itself is an alert; of the run there is no note, for the history is beneath.
        await until(pilot, lambda: bool(app.notes))
        assert [note.message for note in app.notes] == ["Look at the [b]rates"]

        await pilot.press("e")
        await until(pilot, lambda: bool(app.screen.query("#verdict")))
        assert app.screen.query_one("#time", Input).value == "2h"
        app.screen.query_one("#when", Choice).chosen = "cron"
        app.screen.query_one("#time", Input).value = "0 10 * * *"
        app.screen.query_one("#runs", Input).value = "3"
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is screen and "10:00" in rows(app)[0][2])
        assert rows(app)[0][5] == "1 of 3"

        await pilot.press("p")
        await until(pilot, lambda: rows(app)[0][0] == "‖ paused")
        await pilot.press("p")
        await until(pilot, lambda: rows(app)[0][0] == "● set")

        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("y")
        await until(pilot, lambda: app.screen is screen and not rows(app))


async def test_a_session_brings_its_check_and_can_be_given_an_end(tmp_path: Path) -> None:
    config: dict[str, object] = {
        "name": "always",
        "symbols": ["BTC/USDT"],
        "timeframe": "5m",
        "entry_conditions": [{"indicator": "close", "operator": "gt", "value": 0}],
        "max_hold": 2,
    }
    async with on_a_real_host(tmp_path / "home") as (app, pilot):
        screen = app.screen
        assert app.link is not None
        await app.link.start(StartRequest(config, FeedKind.DEMO))
        await until(pilot, lambda: [row[1] for row in rows(app)] == ["check always"])
        await pilot.press("n")
        await until(pilot, lambda: bool(app.screen.query("#verdict")))
        app.screen.query_one("#do", Choice).chosen = "stop it, report"
        app.screen.query_one("#when", Choice).chosen = "once"
        app.screen.query_one("#time", Input).value = "2099-12-24T18:00"
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is screen and len(rows(app)) == 2)
        assert rows(app)[1][1:3] == ["stop always, report", "once, 24 Dec 18:00"]
        await pilot.press("n")
        await until(pilot, lambda: bool(app.screen.query("#verdict")))
        app.screen.query_one("#time", Input).value = "2h"
        await pilot.press("enter")
        await until(pilot, lambda: _INSTEAD in [note.message for note in app.notes])
        assert ["check always", "every 2h"] in [row[1:3] for row in rows(app)]
        await pilot.press("G", "R")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        assert not shown(app).sessions[0].state.ended
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("y")
        await until(pilot, lambda: {row[0] for row in rows(app)} == {"■ over"})
        await until(pilot, lambda: "has ended" in told(app))
        assert app.snapshot is not None
        assert shown(app).sessions[0].state.ended
        why = shown(app).sessions[0].state_reason or ""
        assert why.startswith("stopped by hand")  # and not at its end, whose time had not come


async def test_a_wide_screen_shows_what_each_job_said_last_and_whose_clock_it_goes_by() -> None:
    link = busy()
    link.jobs = [one for one in link.jobs if one.session_id in (None, "k3x9a1pq")]
    app = make_app(link)
    async with driven(app, VAST) as pilot:
        await pilot.press("5")
        said = "running, 44h in: 14 trades, 1 open position, equity 10,346.20"
        await until(pilot, lambda: said in drawn(app, "#jobs"))
        title = app.screen.query_one("#jobs").border_title
        assert "by this machine's clock, a demo's market has its own" in str(title)
        link.change("k3x9a1pq", mode=Mode.REPLAY)
        app.poll()
        title = app.screen.query_one("#jobs").border_title
        assert "by this machine's clock, a replay has its own" in str(title)
        await pilot.resize_terminal(*WIDE)
        await until(pilot, lambda: said not in drawn(app, "#jobs"))


@asynccontextmanager
async def the_form(zone: str = "UTC", old: ListedJob | None = None) -> AsyncIterator[Fill]:
    """The form on one session; what it is given fills in fields and says what comes of them."""
    app = make_app(busy())
    form = JobForm([session("k3x9a1pq", "rsi_bounce")], ZoneInfo(zone), lambda: NOW, old)
    async with driven(app) as pilot:
        app.push_screen(form)
        await until(pilot, lambda: bool(form.query("#verdict")))
        await pilot.pause()

        async def fill(**fields: str) -> tuple[JobOrder | None, list[str]]:
            for name, text in fields.items():
                widget = form.query_one(f"#{name}")
                if isinstance(widget, Choice):
                    widget.chosen = text
                else:
                    form.query_one(f"#{name}", Input).value = text
                await pilot.pause()
            made, _, problems = form.order()
            return made, problems

        yield fill


async def test_a_job_that_makes_no_sense_is_said_to_be() -> None:
    async with the_form() as fill:
        for fields, problem in (
            ({"time": "3s"}, "10 seconds to a year"),
            ({"time": "soon"}, "not a duration"),
            ({"time": "4h", "when": "cron"}, "such as 0 10 * * *"),
            ({"when": "cron", "time": "* *"}, "five fields"),
            ({"when": "once", "time": "tomorrow"}, "at what time? Write tomorrow 9:00"),
            ({"when": "once", "time": "soon"}, "such as 18:30, tomorrow 9:00"),
            ({"when": "once", "time": "in a while"}, "not a duration"),
            ({"when": "once", "time": "today 9:00"}, "has passed"),
            ({"when": "once", "time": "2020-01-01 09:00"}, "has passed"),
            ({"when": "once", "time": "2020-01-01"}, "at what time"),
            ({"do": "say"}, "expected what to say"),
            ({"when": "every", "time": "4h", "runs": "1.5"}, "whole number"),
        ):
            made, problems = await fill(**fields)
            assert made is None
            assert problem in "\n".join(problems)


async def test_times_are_typed_in_the_zone_they_are_shown_in() -> None:
    async with the_form("Europe/Berlin") as fill:
        made, _ = await fill(when="once", time="2026-07-01T18:00")
    assert made == JobOrder(at="2026-07-01T16:00:00Z", message="", session_id="k3x9a1pq")


async def test_a_moment_is_typed_as_people_write_it_and_told_in_words() -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        await pilot.press("5", "n")
        await until(pilot, lambda: bool(app.screen.query("#verdict")))
        app.screen.query_one("#when", Choice).chosen = "once"
        verdict = app.screen.query_one("#verdict")
        await until(pilot, lambda: "18:30 · tomorrow 9:00 · fri 9:00" in str(verdict.render()))
        app.screen.query_one("#time", Input).value = "fri 9:00"
        words = "once, Fri 2025-11-28 09:00 UTC, in 5d 19h"
        await until(pilot, lambda: words in str(verdict.render()))
        assert isinstance(app.screen, JobForm)
        made = app.screen.outcome()
        assert made is not None
        assert made.at == "2025-11-28T09:00:00Z"


async def test_a_form_says_which_job_a_new_one_takes_the_place_of_and_once_has_no_runs() -> None:
    link = busy()
    link.jobs = [job("5b1c9e02", 83_000, automatic=True)]
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: len(rows(app)) == 1)
        await pilot.press("n")
        await until(pilot, lambda: bool(app.screen.query("#verdict")))
        verdict = app.screen.query_one("#verdict")
        assert isinstance(app.screen, JobForm)
        await until(pilot, lambda: "has that job already, every 4h" in str(verdict.render()))
        told = "takes the place of the job that the session was given, every 4h"
        app.screen.query_one("#runs", Input).value = "5"
        await until(pilot, lambda: told in " ".join(str(verdict.render()).split()))
        app.screen.query_one("#runs", Input).value = ""
        await until(pilot, lambda: "has that job already" in str(verdict.render()))
        app.screen.query_one("#time", Input).value = "2h"
        await until(pilot, lambda: told in " ".join(str(verdict.render()).split()))
        assert app.screen.query_one("#runs").display
        app.screen.query_one("#runs", Input).value = "3"
        app.screen.query_one("#when", Choice).chosen = "once"
        app.screen.query_one("#time", Input).value = "fri 9:00"
        await until(pilot, lambda: not app.screen.query_one("#runs").display)
        made = app.screen.outcome()
        assert made is not None
        assert made.max_runs is None, "once is one run"


async def test_jobs_of_sessions_with_one_name_are_told_apart_on_80_columns() -> None:
    link = ScriptedLink([session("k3x9a1pq", "band"), session("m81c0zzt", "band")])
    link.jobs = [job("5b1c9e02", 83_000), job("a90d44f1", HOUR, session_id="m81c0zzt")]
    app = make_app(link)
    async with driven(app, NARROW) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: "k3x9a1pq" in drawn(app, "#jobs"))
        assert "m81c0zzt" in drawn(app, "#jobs")
        link.change("m81c0zzt", strategy="other")
        app.poll()
        await until(pilot, lambda: "k3x9a1pq" not in drawn(app, "#jobs"))


async def test_jobs_are_sorted_by_how_often_they_run_however_that_is_written() -> None:
    def cron(job_id: str, expression: str, words: str) -> ListedJob:
        return job(job_id, HOUR, every_seconds=None, cron_expr=expression, trigger=words)

    once = {"every_seconds": None, "trigger": ""}
    link = busy()
    link.jobs = [
        job("later001", 2 * DAY, at=iso_time(NOW + 2 * DAY), **once),
        cron("weekly01", "0 9 * * 1", "At 09:00 on Monday (UTC)"),
        cron("quarter1", "*/15 * * * *", "Every 15th minute (UTC)"),
        job("sooner01", DAY, at=iso_time(NOW + DAY), **once),
        job("every4h1", HOUR),
        cron("daily001", "0 10 * * *", "At 10:00 every day (UTC)"),
    ]
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: len(rows(app)) == 6)
        table = app.screen.query_one("#jobs", LineTable)
        table.order_by("WHEN")
        assert [row.key for row in table.rows] == [
            "quarter1", "every4h1", "daily001", "weekly01", "sooner01", "later001",
        ]  # fmt: skip
        assert "Every 15th minute  " in drawn(app, "#jobs"), "not cut, of UTC as all times here"


async def test_an_edit_says_nothing_of_when_unless_that_was_touched() -> None:
    async with the_form(old=job("5b1c9e02", 1_000, max_runs=20)) as fill:
        kept, _ = await fill(runs="30")
        assert kept == JobOrder(message="", session_id="k3x9a1pq", max_runs=30)
        changed, _ = await fill(time="2h")
        assert changed == JobOrder(
            every_seconds=7_200, message="", session_id="k3x9a1pq", max_runs=30
        )


async def test_a_run_says_what_it_found_before_what_else_there_is_and_the_newest_is_first() -> None:
    app = make_app(busy())
    async with driven(app, NARROW) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: "Backtest / paper" in told(app))
        first, *rest = told(app).splitlines()
        assert first.startswith("✓ 10:02:51")
        assert "  running, 44h in: 14 trades" in first, "its session is named above"
        labels = [line[:19].strip() for line in rest if line[:19].strip()]
        assert labels[:3] == ["Backtest / paper", "Verdict", "Decisions"]
        assert labels[3:] == ["✓ 06:02:51", "Trade", "Trade", "✓ 02:02:51"]


def _more_than(app: WatchedApp, notes: int) -> bool:
    return len(app.notes) > notes


async def test_a_job_that_is_over_stays_to_be_read_and_can_only_be_removed() -> None:
    link = busy()
    run = ListedRun(iso_time(NOW), iso_time(NOW), True, "session m81c0zzt has ended: 3 trades")
    over = job("0ld00001", 0, next_run=None, finished=True, history=(run,))
    link.jobs = [*link.jobs, over]
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: len(rows(app)) == 6)
        assert rows(app)[-1][0] == "■ over"
        await pilot.press("G")
        await until(pilot, lambda: "has ended: 3 trades" in told(app))
        offered = str(app.screen.query_one(Hints).render())
        assert "d remove" in offered
        assert "e edit" not in offered
        screen = app.screen
        for key in ("e", "R", "p", "enter"):
            told_before = len(app.notes)
            await pilot.press(key)
            await until(pilot, partial(_more_than, app, told_before))
            assert "This job is done: d removes it" in app.notes[-1].message
        assert app.screen is screen
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, Ask))


@pytest.mark.parametrize(
    ("left", "words"),
    [(None, "–"), (-5, "now"), (59_000, "0:59"), (599_000, "9:59"), (7_500_000, "2h 05m")],
)
def test_a_countdown_is_finer_the_nearer_it_is(left: int | None, words: str) -> None:
    assert countdown(left) == words


async def test_the_clock_and_the_log_are_in_the_users_zone() -> None:
    link = busy()
    app = make_app(link)
    async with driven(app) as pilot:
        log = app.screen.query_one(LogPane)
        assert "14:02:11 UTC" in str(app.screen.query_one("TopBar").render())
        assert log.zone is UTC
        app.zone = ZoneInfo("America/New_York")
        await pilot.press("5")
        await until(pilot, lambda: len(rows(app)) == 5)
        assert "09:02:11 EST" in str(app.screen.query_one("TopBar").render())
        assert rows(app)[0][3] == "22 Nov 09:03"


async def test_on_80_columns_a_time_at_which_something_is_due_once_is_whole_beside_an_id() -> None:
    link = busy()
    for one in link.sessions:
        link.change(one.id, strategy="band")
    app = make_app(link)
    async with driven(app, NARROW) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: "SESSION" in drawn(app, "#jobs"))
        assert " 27 Nov 14:02 " in drawn(app, "#jobs")
