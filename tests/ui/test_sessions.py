"""The Sessions screen under the keys of its user."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from textual.widget import Widget
from textual.widgets import Input, Static

from core.journal.values import BrokerKind, FeedKind, Mode, OrderCounts, OrderRow, SessionState
from core.session.snapshot import Level, SessionSnapshot, StartRequest, TrialHorizon
from core.trading.values import Fills, Side
from tests.ui.driving import NARROW, WIDE, arrived, driven, host_of, make_app, until, verdict_of
from tests.ui.scripted import DAY, HOUR, MINUTE, NOW, ScriptedLink, busy, position, session
from tui.app import PapertapeApp
from tui.modals.ask import Ask
from tui.modals.new_session import NewSession
from tui.screens.headline import headline_figures
from tui.screens.report import ReportScreen
from tui.screens.session import SessionScreen
from tui.screens.sessions import SessionsScreen
from tui.terminal import SMALLEST
from tui.widgets.choice import Choice
from tui.widgets.figures import Figures
from tui.widgets.line_table import LineTable
from tui.widgets.log_pane import LogPane

BRAILLE = re.compile("[\u2801-\u28ff]")  # the dots of curves


def drawn(app: PapertapeApp, selector: str) -> str:
    """What a line-drawn widget of the screen shows."""
    widget = app.screen.query_one(selector)
    return "\n".join(widget.render_line(y).text for y in range(widget.size.height))


async def test_one_key_starts_the_first_strategy_and_one_stops_it() -> None:
    link = ScriptedLink()
    app = make_app(link)
    async with driven(app) as pilot:
        assert "Nothing runs yet" in drawn(app, "#sessions")
        await pilot.press("s")
        await until(pilot, lambda: len(link.sessions) == 1)
        assert link.requests[0].config["name"] == "rsi_bounce"
        assert link.requests[0].feed is FeedKind.DEMO
        await until(pilot, lambda: "rsi_bounce" in drawn(app, "#sessions"))
        assert "running" in drawn(app, "#sessions")

        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, ReportScreen))
        assert link.state("new00001") is SessionState.STOPPED
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, SessionsScreen))
        assert "stopped" in drawn(app, "#sessions")


@pytest.mark.parametrize("keys", [["escape"], ["enter"], ["n", "escape"]])
async def test_a_question_changes_nothing_unless_it_is_answered(keys: list[str]) -> None:
    link = busy()
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press(*keys)
        await until(pilot, lambda: isinstance(app.screen, SessionsScreen))
        assert link.commands == []


async def test_stopping_can_close_the_positions_first() -> None:
    link = busy()
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("f")
        await until(pilot, lambda: link.commands == ["stop k3x9a1pq flatten"])


async def test_marked_sessions_are_stopped_together() -> None:
    link = busy()
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("space", "space", "x")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("y")
        await until(pilot, lambda: len(link.commands) == 2)
        assert link.commands == ["stop k3x9a1pq", "stop m81c0zzt"]
        await until(pilot, lambda: isinstance(app.screen, SessionsScreen))


async def test_pause_and_resume() -> None:
    link = busy()
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("p")
        await until(pilot, lambda: link.state("k3x9a1pq") is SessionState.PAUSED)
        await until(pilot, lambda: "‖ paused" in drawn(app, "#sessions").splitlines()[1])
        await pilot.press("p")
        await until(pilot, lambda: link.state("k3x9a1pq") is SessionState.RUNNING)


async def test_flatten_asks_and_closes() -> None:
    link = busy()
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("y")
        await until(pilot, lambda: link.commands == ["flatten k3x9a1pq all"])
        await until(pilot, lambda: "Flat." in drawn(app, "#positions"))


async def test_a_question_ends_by_itself_once_there_is_nothing_to_answer_any_more() -> None:
    """A position left by its signal while one was asked about it, and `y` closed nothing."""
    link = busy()
    app = make_app(link)

    async def asked(*keys: str) -> None:
        await pilot.press(*keys)
        await arrived(pilot, Ask)
        app.notes.clear()

    async def ended(told: str) -> None:
        app.poll()
        await until(pilot, lambda: not isinstance(app.screen, Ask))
        await until(pilot, lambda: any(told in note.message for note in app.notes))

    async with driven(app) as pilot:
        held = link.found("m81c0zzt").open_positions
        await pilot.press("j", "enter")
        await arrived(pilot, SessionScreen)
        link.change("m81c0zzt", open_positions=held[:1], sides=(Side.LONG, Side.SHORT))
        app.poll()
        await pilot.pause()
        await asked("f")
        app.poll()
        await pilot.pause()
        assert isinstance(app.screen, Ask), "it is open still"
        link.change("m81c0zzt", open_positions=())
        await ended("is closed already")
        await asked("N")
        link.change("m81c0zzt", open_positions=held[:1])
        await ended("is in a position already")
        await asked("f")
        another = msgspec.structs.replace(held[0], entry_time=held[0].entry_time + 1)
        link.change("m81c0zzt", open_positions=(another,))
        await ended("is closed already")
        await pilot.press("escape")
        await arrived(pilot, SessionsScreen)
        await asked("f")
        link.change("m81c0zzt", open_positions=())
        await ended("no position is open any more")
        await asked("x")
        link.change("m81c0zzt", state=SessionState.STOPPED, ended=NOW)
        await ended("has ended already")
        assert not link.commands


async def test_an_ended_session_is_started_again_and_archived() -> None:
    link = busy()
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("G", "s")
        asking = await arrived(pilot, Ask)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is not asking)
        assert len(link.sessions) == 5, "not unasked"
        await pilot.press("s")
        await arrived(pilot, Ask)
        await pilot.press("y")
        await until(pilot, lambda: len(link.sessions) == 6)
        table, new = app.screen.query_one("#sessions", LineTable), link.sessions[-1].id
        await until(pilot, lambda: table.cursor_key == new)
        table.move_to("q9f4h6jj")
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("enter")  # the answer one stands on changes nothing
        await until(pilot, lambda: not isinstance(app.screen, Ask))
        assert any(s.id == "q9f4h6jj" for s in link.sessions)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("y")
        await until(pilot, lambda: all(s.id != "q9f4h6jj" for s in link.sessions))


def asked(app: PapertapeApp) -> str:
    """The text of the question on the screen, in one line."""
    return " ".join(str(app.screen.query_one(".dialog-text", Static).render()).split())


async def test_what_is_marked_and_runs_is_said_to_stay_where_the_rest_is_archived() -> None:
    over: dict[str, Any] = {"state": SessionState.STOPPED, "ended": NOW}
    link = ScriptedLink([session("done0001", "a", **over), session("runs0001", "b")])
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("g", "a")
        await arrived(pilot, Ask)
        assert asked(app).endswith("The files stay."), "nothing of what is not marked"
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, Ask))
        await pilot.press("g", "space", "G", "space", "a")
        await arrived(pilot, Ask)
        assert asked(app).endswith("The files stay. b (runs0001) has not ended and stays listed.")
        await pilot.press("y")
        await until(pilot, lambda: [one.id for one in link.sessions] == ["runs0001"])


@pytest.mark.parametrize(
    ("feed", "trial", "said"),
    [
        (FeedKind.DEMO, None, ("from now on", "not sealed")),
        (FeedKind.REPLAY, None, ("on the same candles from their beginning", "not sealed")),
        (FeedKind.DEMO, TrialHorizon(NOW, 60, None), ("from now on", "sealed as a trial of its")),
    ],
)
async def test_another_session_with_a_config_is_told_by_its_candles_and_its_seal(
    feed: FeedKind, trial: TrialHorizon | None, said: tuple[str, str]
) -> None:
    over: dict[str, Any] = {"state": SessionState.STOPPED, "ended": NOW}
    app = make_app(ScriptedLink([session("done0001", "a", feed=feed, trial=trial, **over)]))
    async with driven(app) as pilot:
        await pilot.press("s")
        await arrived(pilot, Ask)
        assert all(part in asked(app) for part in said), asked(app)
        assert ("from now on" in asked(app)) == (feed is FeedKind.DEMO)


async def test_the_filter_narrows_and_escape_shows_all() -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        await pilot.press("slash", *"ema")
        await until(pilot, lambda: "rsi_bounce" not in drawn(app, "#sessions"))
        assert "ema_cross" in drawn(app, "#sessions")
        await pilot.press(*"zzz")
        await until(pilot, lambda: "No session matches" in drawn(app, "#sessions"))
        await pilot.press("escape")
        await until(pilot, lambda: "rsi_bounce" in drawn(app, "#sessions"))


async def test_positions_and_log_follow_the_cursor() -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        assert "BTC/USDT" in drawn(app, "#positions")
        assert "rsi 28.41" in drawn(app, "#log")
        await pilot.press("j")
        await until(pilot, lambda: "short" in drawn(app, "#positions"))
        assert "▼ -31.40" in drawn(app, "#positions")
        assert "back-filled" in drawn(app, "#log")
        assert "rsi 28.41" not in drawn(app, "#log")


async def test_new_log_lines_arrive_and_a_log_one_looks_back_in_stands_still() -> None:
    link = ScriptedLink([session("k3x9a1pq", "rsi_bounce")])
    for number in range(60):
        link.log(f"line {number}", "k3x9a1pq")
    app = make_app(link)
    async with driven(app) as pilot:
        log = app.screen.query_one(LogPane)
        assert "line 59" in drawn(app, "#log")
        log.focus()
        await pilot.press("g")
        assert "line 0" in drawn(app, "#log")
        link.log("line 60", "k3x9a1pq")
        app.poll()
        await pilot.pause()
        link.now += MINUTE
        app.poll()
        await pilot.pause()
        assert "line 0" in drawn(app, "#log")
        await pilot.press("G")
        assert "line 60" in drawn(app, "#log")


async def test_the_log_can_be_narrowed_by_level_and_text() -> None:
    app = make_app(busy())
    async with driven(app):
        log = app.screen.query_one(LogPane)
        log.filter(session=None, level=Level.WARNING)
        assert [text.split(";")[0] for text in log.shown] == [
            "reconnected after 3 s",
            "SOL/USDT: feed silent for 94 s, waiting for prices",
        ]
        log.filter(level=Level.DEBUG, text="RSI")
        assert len(log.shown) == 2
        log.filter(text="nothing has this in it")
        assert drawn(app, "#log").strip() == "No line has “nothing has this in it”. Esc shows all."


async def test_stale_numbers_look_stale() -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        await pilot.pause()
        table = app.screen.query_one("#sessions", LineTable)
        stale = {
            cell.text: cell.tone.value
            for row in table.rows
            if row.key == "p0d7w2ee"
            for cell in row.cells
        }
        assert stale["○ stale"] == stale["▲ +8.00"] == stale["1m ago"] == "stale"


HOSTILE = "[/x][bold red]\x1b[31m evil\x07 \u202e[@click=app.quit]x[/]"


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_hostile_names_and_lines_are_shown_as_text(size: tuple[int, int]) -> None:
    link = ScriptedLink(
        [
            session("hostile1", HOSTILE, symbols=("[red]A/B",), timeframe="[/]"),
            session(
                "hostile2", "x" * 300, state=SessionState.ERROR, state_reason=HOSTILE,
                open_positions=(position(HOSTILE),),
            ),
        ]
    )  # fmt: skip
    link.log(HOSTILE, "hostile1", Level.ERROR)
    link.refuse = HOSTILE
    app = make_app(link)
    async with driven(app, size) as pilot:
        assert "[/x][bold" in drawn(app, "#sessions")
        assert HOSTILE.replace("\x1b", "␛").replace("\x07", "␇").replace("\u202e", "�") in (
            drawn(app, "#log")
        )
        await pilot.press("p", "j", "question_mark")
        await pilot.pause()
        await pilot.press("escape", "k", "x")
        await until(pilot, lambda: not isinstance(app.screen, SessionsScreen))
        for widget in app.screen.walk_children(Widget):
            widget.render()
        await pilot.press("escape")
        assert "\x1b" not in app.export_screenshot()


async def test_a_refused_command_is_said_and_nothing_else_happens() -> None:
    link = busy()
    link.refuse = "the journal cannot be written: No space left on device"
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("p")
        await until(pilot, lambda: len(app.notes) == 1)
        (said,) = app.notes
        assert said.message == link.refuse
        assert said.title == "pause refused"


async def test_a_host_that_cannot_start_says_why() -> None:
    app = make_app(ScriptedLink(), failure=OSError("the workspace /x cannot be written"))
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: len(app.notes) == 1)
        (said,) = app.notes
        assert "the workspace /x cannot be written" in said.message


async def test_the_form_starts_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "btc.csv.gz").touch()
    link = ScriptedLink()
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("n")
        form = await arrived(pilot, NewSession)
        await until(pilot, lambda: form.picked is not None)
        await pilot.press("j")
        form.query_one("#feed", Choice).chosen = "replay"
        form.query_one("#fills", Choice).chosen = "candle"
        form.query_one("#data", Input).value = "btc.csv.gz"
        assert form.request() == (
            None,
            [
                "candles btc.csv.gz: say which of ETH/USDT, BTC/USDT it holds, such as "
                "ETH/USDT=btc.csv.gz"
            ],
        )
        form.query_one("#data", Input).value = "BTC/USDT=btc.csv.gz"
        assert form.request() == (None, ["candles: no file for ETH/USDT; add ETH/USDT=FILE"])
        form.query_one("#data", Input).value = "BTC/USDT=btc.csv.gz ETHUSDT=eth.csv"
        speed = form.query_one("#speed", Input)
        form.query_one("#balance", Input).value = "5,000"
        form.query_one("#duration", Input).value = "1d12h"
        assert form.request() == (None, ["file: there is none at eth.csv"])
        (tmp_path / "eth.csv").touch()
        speed.value = speed.placeholder  # what it says may be typed as well
        full, problems = form.request()
        assert (speed.value, problems) == ("max", [])
        assert full is not None
        assert full.speed is None
        speed.value = "full"
        expected = "speed: expected a number above 0, such as 60, or max, found 'full'"
        assert form.request() == (None, [expected])
        speed.value = "60"
        await pilot.press("enter")
        await until(pilot, lambda: len(link.requests) == 1)
        request = link.requests[0]
        assert request.config["name"] == "ema_cross"
        assert request.feed is FeedKind.REPLAY
        assert request.fills is Fills.CANDLE
        assert request.data == {
            "ETH/USDT": str(tmp_path / "eth.csv"),
            "BTC/USDT": str(tmp_path / "btc.csv.gz"),
        }
        assert request.broker is BrokerKind.SIMULATED
        assert (request.speed, request.run_for, request.starting_balance) == (
            60.0,
            36 * 60 * MINUTE,
            5_000.0,
        )


async def test_the_form_names_broker_and_exchange_where_there_is_a_choice() -> None:
    link = ScriptedLink()
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("n")
        form = await arrived(pilot, NewSession)
        await until(pilot, lambda: form.picked is not None)
        form.query_one("#broker", Choice).chosen = "testnet"
        form.query_one("#fills", Choice).chosen = "candle"
        assert form.request()[1] == [
            "fills: orders on the testnet follow prices as they come, not candles"
        ]
        form.query_one("#fills", Choice).chosen = "automatic"
        await pilot.pause()
        request, _ = form.request()
        assert request is not None
        assert request.broker is BrokerKind.TESTNET
        assert "the embedded exchange as well" in verdict_of(form)

        form.query_one("#feed", Choice).chosen = "poll"
        await pilot.pause()
        assert not form.query_one("#broker-field").display
        form.query_one("#exchange", Input).value = ""
        assert form.request()[1] == ["exchange: expected a name that ccxt knows, such as binance"]
        form.query_one("#exchange", Input).value = "kraken"
        form.query_one("#fills", Choice).focus()
        await pilot.press("enter")
        await until(pilot, lambda: len(link.requests) == 1)
        started = link.sessions[-1].id
        await until(
            pilot, lambda: app.screen.query_one("#sessions", LineTable).cursor_key == started
        )
        assert link.requests[0].exchange == "kraken"
        assert link.requests[0].broker is BrokerKind.SIMULATED


async def test_the_form_says_how_to_get_keys_where_there_are_none(tmp_path: Path) -> None:
    app = make_app(ScriptedLink())
    app.workspace = tmp_path
    async with driven(app) as pilot:
        await pilot.press("n")
        form = await arrived(pilot, NewSession)
        await until(pilot, lambda: form.picked is not None)
        form.query_one("#feed", Choice).chosen = "live"
        form.query_one("#broker", Choice).chosen = "testnet"

        def verdict() -> str:
            return verdict_of(form)

        await until(pilot, lambda: "without keys it runs simulated" in verdict())
        assert "https://testnet.binance.vision/" in verdict()
        (tmp_path / "exchanges.yaml").write_text(
            "binance_testnet:\n  api_key: abcdefgh0123456789\n  api_secret: hgfedcba0123456789\n"
        )
        form.query_one("#fills", Choice).chosen = "market"
        await until(pilot, lambda: "orders go to the test venue" in verdict())


async def test_a_live_session_with_keys_orders_on_the_testnet_from_the_form_too(
    tmp_path: Path,
) -> None:
    (tmp_path / "exchanges.yaml").write_text(
        "binance_testnet:\n  api_key: abcdefgh0123456789\n  api_secret: hgfedcba0123456789\n"
    )
    app = make_app(ScriptedLink())
    app.workspace = tmp_path
    async with driven(app) as pilot:
        await pilot.press("n")
        form = await arrived(pilot, NewSession)
        await until(pilot, lambda: form.picked is not None)

        def told() -> bool:
            return "unless Broker is simulated" in verdict_of(form)

        assert not told()  # a demo goes on its own exchange
        form.query_one("#feed", Choice).chosen = "live"
        await until(pilot, told)
        request, _ = form.request()
        assert request is not None
        assert request.broker is None  # the host chooses, as it does for the command line
        form.query_one("#broker", Choice).chosen = "simulated"
        await until(pilot, lambda: not told())
        request, _ = form.request()
        assert request is not None
        assert request.broker is BrokerKind.SIMULATED
        form.query_one("#broker", Choice).chosen = "automatic"
        await until(pilot, told)
        form.query_one("#fills", Choice).chosen = "candle"
        await until(pilot, lambda: not told())  # by candles no order can follow it


async def test_a_start_says_nothing_over_a_form_that_was_opened_meanwhile() -> None:
    config: dict[str, object] = {"name": "one", "symbols": ["BTC/USDT"], "timeframe": "5m"}
    request = StartRequest(config)
    link = ScriptedLink([session("runs0001", "a")])
    app = make_app(link)
    async with driven(app) as pilot:
        # Over the log that tells of the start: not at all.
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NewSession))
        app.sessions.start(request)
        table = app.screen_stack[0].query_one("#sessions", LineTable)
        await until(pilot, lambda: table.cursor_key == link.sessions[-1].id != "runs0001")
        await pilot.press("escape")
        await pilot.pause()
        assert not app.notes
        # Where no log is: once the form is closed.
        await pilot.press("5", "question_mark")
        await until(pilot, lambda: app.screen.is_modal)
        app.sessions.start(request)
        await until(pilot, lambda: len(link.requests) == 2)
        await pilot.pause()
        await pilot.pause()
        assert not app.notes
        await pilot.press("escape")
        await until(pilot, lambda: len(app.notes) == 1)


async def test_the_key_of_a_screen_leads_back_from_what_was_opened_there() -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        home = app.screen
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        opened = app.screen
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ReportScreen))
        await pilot.press("6", "1")
        await until(pilot, lambda: isinstance(app.screen, ReportScreen))
        await pilot.press("1")
        await until(pilot, lambda: app.screen is home)
        assert opened not in app.screen_stack


async def test_on_the_smallest_terminal_everything_fits_and_figures_are_whole() -> None:
    app = make_app(busy())
    async with driven(app, SMALLEST) as pilot:
        for key in "1234567":
            await pilot.press(key)
            await pilot.pause()
            assert app.screen.max_scroll_y == 0, key
        await pilot.press("1", "enter")
        await until(pilot, lambda: bool(app.screen.query("#one-trades")))
        await until(pilot, lambda: bool(app.screen.query_one("#one-trades", LineTable).rows))
        assert app.screen.max_scroll_y == 0
        assert "▲  +94.64" in drawn(app, "#one-trades")
        await pilot.press("r")
        await until(pilot, lambda: bool(app.screen.query("#result-trades")))
        await pilot.pause()
        assert app.screen.max_scroll_y == 0
        assert "▲  +97.13" in drawn(app, "#result-trades")


def stacked(app: PapertapeApp, depth: int) -> bool:
    return len(app.screen_stack) == depth


@pytest.mark.parametrize("way", [("enter",), ("r",), ("enter", "r")])
async def test_q_leaves_from_wherever_one_is(way: tuple[str, ...]) -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        for depth, key in enumerate(way, start=2):
            await pilot.press(key)
            await until(pilot, partial(stacked, app, depth))
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, Ask))


async def test_a_demo_says_how_its_sessions_are_found_again() -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        text = " ".join(str(each.render()) for each in app.screen.query("Static"))
        assert "papertape demo finds them again" in " ".join(text.split())


async def test_the_form_warns_of_a_candle_file_named_for_another_market(tmp_path: Path) -> None:
    (tmp_path / "ETHUSDT-5m.csv.gz").touch()
    app = make_app(ScriptedLink())
    async with driven(app) as pilot:
        await pilot.press("n")
        form = await arrived(pilot, NewSession)
        await until(pilot, lambda: form.picked is not None)
        form.query_one("#feed", Choice).chosen = "replay"
        form.query_one("#data", Input).value = str(tmp_path / "ETHUSDT-5m.csv.gz")
        told = "! ETHUSDT-5m.csv.gz: its name says ETH/USDT, where BTC/USDT was asked for"
        await until(pilot, lambda: told in " ".join(verdict_of(form).split()))
        assert form.request()[1] == [], "and may be started all the same"


async def test_the_form_shows_every_problem_at_once_and_starts_nothing() -> None:
    link = ScriptedLink()
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("n")
        form = await arrived(pilot, NewSession)
        await until(pilot, lambda: form.picked is not None)
        await pilot.press("G")
        form.query_one("#feed", Choice).chosen = "replay"
        form.query_one("#balance", Input).value = "lots"
        form.query_one("#duration", Input).value = "soon"
        form.query_one("#data", Input).value = "b"
        await until(pilot, lambda: "names its symbols" in verdict_of(form))
        form.query_one("#data", Input).value = ""
        await pilot.pause()
        verdict = verdict_of(form)
        for problem in ("did you mean 'lt'", "timeframe", "balance", "run for", "candle file"):
            assert problem in verdict
        await pilot.press("enter")
        assert app.screen is form
        assert link.requests == []


@pytest.mark.parametrize(
    ("keys", "kept"), [(["q"], True), (["x"], False)], ids=["keep running", "stop"]
)
async def test_quit_asks_what_becomes_of_the_sessions(keys: list[str], kept: bool) -> None:
    link = ScriptedLink([session("k3x9a1pq", "rsi_bounce")])
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        asked = " ".join(str(one.render()) for one in app.screen.query(Static))
        assert "Quit; 1 session goes on without a screen" in " ".join(asked.split())
        await pilot.press(*keys)
        await until(pilot, lambda: app.return_code is not None and not app.is_running)
    assert host_of(app).kept_running is kept
    assert (link.state("k3x9a1pq") is SessionState.STOPPED) is not kept


async def test_quit_with_nothing_running_just_leaves() -> None:
    app = make_app(ScriptedLink())
    async with driven(app) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)
    assert host_of(app).kept_running is False


@pytest.mark.parametrize("size", [(40, 10), (59, 40), (120, 14), (1, 1)])
async def test_too_small_a_terminal_says_so(size: tuple[int, int]) -> None:
    app = make_app(busy())
    async with driven(app, size) as pilot:
        await pilot.pause()
        assert app.screen.query_one("#enlarge").display
        assert not app.screen.query_one("#sessions").display
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: app.screen.query_one("#sessions").display)


async def test_the_clock_is_the_hosts() -> None:
    link = busy()
    app = make_app(link)
    async with driven(app) as pilot:
        link.now = NOW + 61_000
        app.poll()
        await pilot.pause()
        assert "14:03:12 UTC" in str(app.screen.query_one("TopBar").render())


async def test_a_host_that_is_gone_is_said_to_be_and_looked_for() -> None:
    link = busy()
    app = make_app(link)
    async with driven(app) as pilot:
        host_of(app).lose()
        await until(pilot, lambda: "gone" in str(app.screen.query_one("TopBar").render()))
        await pilot.press("p")
        await until(pilot, lambda: len(app.notes) == 1)
        assert link.state("k3x9a1pq") is SessionState.RUNNING
        await until(pilot, lambda: host_of(app).runs == 2)
        await until(pilot, lambda: "gone" not in str(app.screen.query_one("TopBar").render()))


async def test_positions_are_counted_where_their_equity_is() -> None:
    ended = session(
        "ended001", "rsi_bounce", state=SessionState.STOPPED, open_positions=(position(),)
    )
    running = session("runs0001", "rsi_bounce", open_positions=(position(), position("ETH/USDT")))
    link = ScriptedLink(sessions=[ended, running])
    figures = {figure.label: figure.value for figure in headline_figures(link.snapshot())}
    assert (figures["EQUITY USDT"], figures["POSITIONS"]) == ("10,000.00", "2")


async def test_today_is_of_those_too_that_ended_today_and_profit_of_those_that_have_not() -> None:
    ended = [
        session(f"ended00{days}", "a", equity=9_900.0, pnl_today=-100.0, ended=NOW - days * DAY,
                state=SessionState.STOPPED)
        for days in (0, 1)
    ]  # fmt: skip
    link = ScriptedLink([*ended, session("runs0001", "a", equity=9_998.0, pnl_today=-2.0)])
    figures = {figure.label: figure.value for figure in headline_figures(link.snapshot())}
    assert (figures["TODAY"], figures["RUNNING P&L"]) == ("▼ -102.00", "▼ -2.00")
    assert figures["ENDED P&L"] == "▼ -200.00"
    # In Tokyo it is the 22nd since 15:00 UTC of the 21st.
    early = [replace(ended[0], ended=NOW - 22 * HOUR), *link.sessions[1:]]
    for zone, expected in ((ZoneInfo("Asia/Tokyo"), "▼ -102.00"), (UTC, "▼ -2.00")):
        found = headline_figures(ScriptedLink(early).snapshot(), zone)
        assert {one.label.partition(",")[0]: one.value for one in found}["TODAY"] == expected
    # With the last that is stopped, what it earned today does not go.
    for mode, stays in ((Mode.SIMULATED, "▼ -100.00"), (Mode.DEMO, None)):
        alone = [replace(one, mode=mode) for one in ended]
        shown = headline_figures(ScriptedLink(alone).snapshot())
        assert {one.label: one.value for one in shown}.get("TODAY") == stays


async def test_money_made_today_stays_made_whatever_is_archived() -> None:
    def ended(session_id: str, pnl: float, days: int = 0, **changes: Any) -> SessionSnapshot:
        return session(session_id, "a", mode=Mode.SIMULATED, equity=10_000.0 + pnl, pnl_today=pnl,
                       state=SessionState.STOPPED, ended=NOW - days * DAY, **changes)  # fmt: skip

    listed = [ended("lost0001", -100.0), ended("made0001", 30.0), ended("past0001", 7.0, days=1)]
    link = ScriptedLink(listed)
    app = make_app(link)

    def figure(name: str) -> str:
        found = headline_figures(link.snapshot())
        return next(one.value for one in found if one.label.startswith(name))

    async with driven(app) as pilot:
        assert figure("TODAY") == "▼ -70.00", "also where none runs any more"
        await pilot.press("space", "space", "a", "y")
        await until(pilot, lambda: len(link.sessions) == 1)
        assert (figure("TODAY"), figure("ENDED P&L")) == ("▼ -70.00", "▲ +7.00")
        link.taken_out.append(ended("yen00001", 900.0, symbols=("BTC/JPY",)))
        assert figure("TODAY") == "▼ -70.00", "another currency's stands by itself"
        shown = headline_figures(link.snapshot())
        assert [one.value for one in shown if one.heads] == ["USDT", "JPY", "│"]
        assert "▲ +900.00" in [one.value for one in shown]


SUMS = ("EQUITY USDT", "RUNNING P&L", "ENDED P&L", "TODAY")
COUNTS = ("RUNNING", "STALE", "ERRORS")


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ("", COUNTS),
        ("D", ("EQUITY USDT", "RUNNING P&L", "TODAY", "POSITIONS", *COUNTS)),
        ("Dd", (*SUMS, *COUNTS)),
        ("d", ("DEMO", "ENDED P&L", *COUNTS)),
        ("sr", ("SIMULATED", "ENDED P&L", "REPLAY", "ENDED P&L", "│", *COUNTS)),
        ("Rs", ("REPLAY", "EQUITY", "RUNNING P&L", "TODAY", "+1", *COUNTS)),
    ],
)
async def test_figures_on_80_columns_are_those_with_something_to_count(
    kinds: str, expected: Sequence[str]
) -> None:
    modes = {"d": Mode.DEMO, "s": Mode.SIMULATED, "r": Mode.REPLAY}
    ended = {"state": SessionState.STOPPED, "ended": NOW, "equity": 9_900.0}
    sessions = [
        session(f"a{place}", "a", mode=modes[kind.lower()], **(ended if kind.islower() else {}))
        for place, kind in enumerate(kinds)
    ]
    app = make_app(ScriptedLink(sessions))
    async with driven(app, NARROW):
        figures = app.screen.query_one("#figures", Figures)
        labels = figures.render_line(0).text
        assert re.split(r"\s{2,}", labels.strip()) == list(expected)
        assert "–" not in figures.render_line(1).text


async def test_the_money_of_each_kind_stands_under_its_name() -> None:
    def one(name: str, mode: Mode, equity: float, **changes: Any) -> SessionSnapshot:
        return session(name, "a", mode=mode, equity=equity, **changes)

    ended: dict[str, Any] = {"state": SessionState.STOPPED, "ended": NOW}
    link = ScriptedLink(
        [
            one("runs0001", Mode.SIMULATED, 9_890.93, pnl_today=-109.07),
            one("done0001", Mode.SIMULATED, 10_001.48, pnl_today=1.48, **ended),
            one("past0001", Mode.REPLAY, 10_600.0, **ended),
            one("past0002", Mode.REPLAY, 10_041.23, **ended),
        ]
    )
    app = make_app(link)
    async with driven(app):
        shown = [app.screen.query_one("#figures", Figures).render_line(n).text for n in (0, 1)]
        told = [re.split(r"\s{2,}", line.strip()) for line in shown]
        assert told[0] == [
            *("SIMULATED", "EQUITY", "RUNNING P&L", "ENDED P&L", "TODAY"),
            *("REPLAY", "ENDED P&L", "│", *COUNTS),
        ]
        assert told[1][:9] == [
            *("USDT", "9,890.93", "▼ -109.07", "▲ +1.48", "▼ -107.59", "USDT", "▲ +641.23"),
            *("│", "1 of 4"),
        ]


async def test_money_that_finds_no_room_is_counted_and_what_never_began_has_none() -> None:
    held: dict[str, Any] = {"open_positions": (position(),)}
    failed: dict[str, Any] = {"state": SessionState.ERROR, "ended": NOW, "equity_curve": ()}
    ended: dict[str, Any] = {"state": SessionState.STOPPED, "ended": NOW}
    sessions = [
        session("fail0001", "a", symbols=("BTC/EUR",), **failed),
        session("fail0002", "a", symbols=("BTC/USDC",), **failed),
        session("demo0001", "a", **held),
        session("past0001", "a", mode=Mode.REPLAY, equity=9_000.0, **held),
    ]
    link = ScriptedLink(sessions)
    app = make_app(link)

    def told(line: int = 0) -> list[str]:
        shown = app.screen.query_one("#figures", Figures).render_line(line).text
        return re.split(r"\s{2,}", shown.strip())

    def heads() -> list[str]:
        return [one.value for one in headline_figures(link.snapshot()) if one.heads]

    async with driven(app) as pilot:
        assert told() == [
            *("DEMO", "EQUITY", "RUNNING P&L", "TODAY", "POSITIONS"),
            *("REPLAY", "EQUITY", "RUNNING P&L", "│", *COUNTS),
        ]
        link.sessions += [
            session("yen00001", "a", symbols=("BTC/JPY",), **ended),
            *(session(f"won0000{n}", "a", symbols=("BTC/KRW",), **ended) for n in (1, 2)),
        ]
        assert heads() == ["USDT", "USDT", "KRW", "JPY", "│"], "then that of most sessions"
        app.poll()
        await until(pilot, lambda: "+1" in told())
        assert told()[4:-4] == ["REPLAY", "EQUITY", "DEMO", "ENDED P&L"]
        assert told(1)[-4:] == ["more", "2 of 7", "0", "2"]


async def test_figures_that_do_not_fit_go_with_their_labels() -> None:
    app = make_app(busy())
    async with driven(app, (60, 15)):
        lines = app.screen.query_one("#figures", Figures).render_line(0).text
        labels = re.split(r"\s{2,}", lines.strip())
        shown = app.screen.query_one("#figures", Figures).render_line(1).text
        values = re.split(r"\s{2,}", shown.strip())
        assert len(labels) == len(values) >= 3
        assert "STALE" in labels


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_a_viewer_that_is_attached_says_so(size: tuple[int, int]) -> None:
    link = ScriptedLink([session("k3x9a1pq", "rsi_bounce")], kind="headless", pid=4711)
    app = make_app(link)
    async with driven(app, size):
        assert "attached" in str(app.screen.query_one("TopBar").render())


async def test_the_id_of_a_session_is_told_before_all_of_why_it_is_stale() -> None:
    why = "binance did not answer: binance GET https://api.binance.com/api/v3/exchangeInfo"
    stale = session("k3x9a1pq", "rsi_bounce", state=SessionState.STALE, state_reason=why)
    app = make_app(ScriptedLink([stale]))
    async with driven(app, NARROW) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: "k3x9a1pq · " in text_of(app, "#one-title"))
        told = text_of(app, "#one-title")
        assert told.index("binance did not") <= 76 - 16, "and so is why"


async def test_many_sessions_have_more_of_a_low_terminal_than_their_log() -> None:
    app = make_app(ScriptedLink([session(f"s{n}", "rsi_bounce") for n in range(9)]))
    async with driven(app, NARROW) as pilot:
        await pilot.pause()
        table, log = app.screen.query_one("#sessions", LineTable), app.screen.query_one("#log")
        assert table.size.height - 1 >= 7 > log.size.height >= 4


async def test_the_screens_numbers_stay_in_the_top_line_on_80_columns() -> None:
    sessions = [session("k3x9a1pq", "rsi_bounce", mode=Mode.SIMULATED)]
    app = make_app(ScriptedLink(sessions, kind="headless", pid=4711))
    async with driven(app, NARROW) as pilot:
        for keys, ahead in ((), "papertape  1 Sessions"), (("enter",), "1 Sessions › Session"):
            await pilot.press(*keys)
            await pilot.pause()
            told = str(app.screen.query_one("TopBar").render()).strip()
            assert told.startswith(f"{ahead} 2 3 4 5 6 7 8  "), told
            assert "SIMULATED   attached   14:0" in told


async def test_the_names_of_screens_go_from_the_last_on_and_stand_evenly() -> None:
    sessions = [session("k3x9a1pq", "rsi_bounce", mode=Mode.SIMULATED)]
    app = make_app(ScriptedLink(sessions, kind="headless", pid=4711))
    async with driven(app, (112, 40)) as pilot:
        await pilot.pause()
        told = str(app.screen.query_one("TopBar").render()).strip()
        names = "1 Sessions 2 Strategies 3 Backtest 4 Compare 5 Scheduler 6 Logs 7 8  "
        assert told.startswith(names), told
        assert "SIMULATED   attached   14:0" in told


async def test_the_screens_names_stand_in_the_top_line_where_there_is_room() -> None:
    sessions = [session("k3x9a1pq", "rsi_bounce", mode=Mode.SIMULATED)]
    app = make_app(ScriptedLink(sessions))
    async with driven(app, WIDE) as pilot:
        await pilot.pause()
        told = str(app.screen.query_one("TopBar").render()).strip()
        assert told.startswith("1 Sessions 2 Strategies 3 Backtest 4 Compare 5 Scheduler 6 Logs")
        assert "8 Performance  " in told
        assert "SIMULATED   14:0" in told


async def test_a_session_by_itself_shows_its_notices_jobs_and_feed() -> None:
    link = busy()
    link.change(
        "k3x9a1pq",
        notices=("asked for testnet, runs simulated",),
        next_jobs=("report, next 2026-11-28 19:37 UTC",),
    )
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: bool(app.screen.query("#one-feed")))
        feed = app.screen.query_one("#one-feed", LineTable)
        await until(pilot, lambda: len(feed.rows) == 4)
        trades = app.screen.query_one("#one-trades")
        await until(pilot, lambda: "Feed · 1 notice" in str(trades.border_title))
        await pilot.press("v", "v")
        await until(pilot, lambda: "asked for testnet" in drawn(app, "#one-feed"))
        assert "job report, next 2026-11-28 19:37 UTC" in drawn(app, "#one-feed")
        assert "1 reconnect" in drawn(app, "#one-feed")
        app.zone = ZoneInfo("Asia/Tokyo")
        app.poll()
        await until(
            pilot, lambda: "job report, next 2026-11-29 04:37 JST" in drawn(app, "#one-feed")
        )


async def test_orders_on_the_testnet_stand_beside_the_sessions_own_prices() -> None:
    link = busy()
    link.change("k3x9a1pq", orders=OrderCounts(made=3, filled=1, refused=1, mean_difference_bp=2.5))
    sent = ("BTC/USDT", "buy", False, 0.5, 64_000.0)
    link.orders = (
        OrderRow("pt-k3x9a1pq-1", *sent, 0.5, 64_016.0, 2.5, latency=35),
        OrderRow("pt-k3x9a1pq-2", *sent, 0.0, why="-2010 [bold]insufficient balance"),
        OrderRow("pt-k3x9a1pq-3", *sent),
    )
    app = make_app(link)
    async with driven(app, WIDE) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: bool(app.screen.query("#one-orders")))
        table = app.screen.query_one("#one-orders", LineTable)
        await until(pilot, lambda: len(table.rows) == 3)
        await pilot.press("v")
        await until(pilot, lambda: "64,016.00" in drawn(app, "#one-orders"))
        shown = drawn(app, "#one-orders")
        for words in ("+2.5", "refused", "waiting", "-2010 [bold]"):
            assert words in shown
        assert "1 of 3 filled, 1 refused, +2.5 bp" in str(table.border_title)


async def test_a_simulated_session_has_no_view_of_orders() -> None:
    app = make_app(busy())
    async with driven(app, NARROW) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: bool(app.screen.query("#one-orders")))
        await pilot.press("v")
        assert app.screen.query_one("#one-log").display
        assert "Orders" not in str(app.screen.query_one("#one-log").border_title)
        assert not app.screen.query_one("#one-orders").display


async def test_a_pair_is_blocked_entered_and_closed_by_hand_from_its_session() -> None:
    link = busy()
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("j", "enter")  # of three symbols, with a position in the first
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        await pilot.press("l", "K")
        await until(pilot, lambda: link.found("m81c0zzt").blocked == ("BTC/USDT",))
        await until(pilot, lambda: "BTC/USDT blocked" in text_of(app, "#one-title"))
        await pilot.press("K")
        await until(pilot, lambda: link.found("m81c0zzt").blocked == ())

        link.change("m81c0zzt", sides=(Side.LONG, Side.SHORT))
        app.poll()
        await pilot.pause()
        await pilot.press("N")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("s")
        await until(pilot, lambda: link.commands == ["enter m81c0zzt BTC/USDT short"])
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        app.poll()

        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("y")
        await until(pilot, lambda: link.commands[-1] == "flatten m81c0zzt BTC/USDT")
        held = [one.symbol for one in link.found("m81c0zzt").open_positions]
        assert held == ["ETH/USDT"]


@pytest.mark.parametrize(("key", "does"), [("K", "Block entries of BTC/USDT"), ("p", "Pause")])
async def test_a_sealed_trial_is_not_touched_before_one_is_told_what_that_does_to_its_verdict(
    key: str, does: str
) -> None:
    link = busy()
    link.change("m81c0zzt", trial=TrialHorizon(0, 60, None))
    app = make_app(link)

    def is_touched() -> bool:
        found = link.found("m81c0zzt")
        return found.state is SessionState.PAUSED or bool(found.blocked)

    async with driven(app) as pilot:
        await pilot.press("j", "enter")
        await arrived(pilot, SessionScreen)
        await pilot.press("l", key)
        await arrived(pilot, Ask)
        told = " ".join(str(one.render()) for one in app.screen.query(Static))
        assert does in told
        assert "It is a sealed trial: the verdict rests on the trades that are made" in told
        await pilot.press("enter")  # the default answer
        await arrived(pilot, SessionScreen)
        assert not is_touched()
        await pilot.press(key)
        await arrived(pilot, Ask)
        await pilot.press("y")
        await until(pilot, is_touched)
        await arrived(pilot, SessionScreen)
        app.poll()
        await pilot.press(key)  # to undo it asks nothing
        await until(pilot, lambda: not is_touched())


async def test_what_is_closed_by_hand_in_a_trial_is_told_to_count_in_its_verdict() -> None:
    link = busy()
    link.change("m81c0zzt", trial=TrialHorizon(0, 60, None))
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("j", "f")
        await arrived(pilot, Ask)
        told = " ".join(str(one.render()) for one in app.screen.query(Static))
        assert "It is a sealed trial: a trade closed by hand counts in the verdict" in told
        await pilot.press("enter")
        await arrived(pilot, SessionsScreen)
        assert link.commands == []


def text_of(app: PapertapeApp, selector: str) -> str:
    return str(app.screen.query_one(selector, Static).render())


async def test_a_start_is_told_where_its_log_is_not_seen() -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        request = StartRequest({"name": "one", "symbols": ["BTC/USDT"], "timeframe": "5m"})
        app.sessions.start(request)
        await until(pilot, lambda: "Log · one" in str(app.screen.query_one("#log").border_title))
        assert app.notes == [], "it would lie over that log"
        await pilot.press("6")
        app.sessions.start(request)
        await until(pilot, lambda: [note.title for note in app.notes] == ["SIMULATED"])
