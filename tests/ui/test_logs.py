"""The log: how long entries are laid out, and whose lines are shown."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import pytest

from core.session.snapshot import Level
from tests.ui.driving import NARROW, WIDE, driven, make_app, until
from tests.ui.scripted import DAY, HOUR, ScriptedLink, busy, session
from tests.ui.test_sessions import drawn
from tests.ui.test_views import app_of
from tui.modals.pick import Pick
from tui.screens.logs import LogsScreen
from tui.screens.session import SessionScreen
from tui.screens.sessions import SessionsScreen
from tui.widgets.hints import Hints
from tui.widgets.log_pane import LogPane

CHECK = (
    "band (k3x9a1pq) is running, 2d 10h in: 10 trades, 1 open position, equity 10,075.09 (+0.75%);"
    " 2 new trades, +51.30 in all: #9 long BTC/USDT 72,400.62 → 72,276.07 (signal), -29.63 "
    "(-0.29%); #10 long BTC/USDT 72,349.3 → 72,500.9 (signal), +9.05 (+0.09%). The trial: open. "
    "decisions: kept, 0 differ; at most 21% (95%)."
)


async def test_a_long_entry_begins_a_line_with_each_thing_that_it_tells_of() -> None:
    link = ScriptedLink([session("k3x9a1pq", "band")])
    link.log("BTC/USDT: reconnected after 3 s. It is told of once; nothing was missed", "k3x9a1pq")
    link.log(CHECK, "k3x9a1pq")
    app = make_app(link)
    async with driven(app, WIDE) as pilot:
        await pilot.press("6")
        log = app.screen.query_one(LogPane)
        await until(pilot, lambda: len(log.shown) > 2)
        assert " ".join(log.shown[1:]) == CHECK
        begun = [
            "band (k3x9a1pq) is",
            "2 new trades, +51",
            "#9 long",
            "#10 long",
            "The trial",
            "decisions",
        ]
        assert [line for line in log.shown[1:] if not line.startswith(tuple(begun))] == []
        assert len(log.shown[1:]) == len(begun)
        await pilot.resize_terminal(*NARROW)
        await until(pilot, lambda: "It is told" in log.shown[0])  # two lines: as they fit


async def test_what_a_fill_says_has_one_line_on_a_narrow_terminal() -> None:
    link = ScriptedLink([session("k3x9a1pq", "heikin_ashi")])
    link.log("BTC/USDT: leave long, signal, candle 2026-01-08 06:30", "k3x9a1pq")
    app = make_app(link)
    async with driven(app, NARROW) as pilot:
        await pilot.press("6")
        log = app.screen.query_one(LogPane)
        await until(pilot, lambda: log.shown)
        assert len(log.shown) == 1
        assert "heikin_ashi BTC/USDT: leave long, signal, candle 2026-01-08 06:30" in drawn(
            app, "#all-log"
        )


async def test_a_line_names_candles_in_the_zone_of_its_own_time(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("time_zone: Asia/Kathmandu\n")
    link = ScriptedLink([session("k3x9a1pq", "heikin_ashi")])
    link.log("BTC/USDT: leave long, signal, candle 2026-01-08 20:30", "k3x9a1pq")
    link.log("due 2026-01-08 20:30 UTC, 2026-01-08 20:30:05, 2026-13-08 20:30", "k3x9a1pq")
    app = app_of(link, tmp_path)
    async with driven(app, WIDE) as pilot:
        await pilot.press("6")
        log = app.screen.query_one(LogPane)
        await until(pilot, lambda: len(log.shown) == 2)
        assert log.shown[0] == "BTC/USDT: leave long, signal, candle 2026-01-09 02:15"
        assert log.shown[1] == "due 2026-01-08 20:30 UTC, 2026-01-08 20:30:05, 2026-13-08 20:30"
        log.zone = UTC
        assert log.shown[0] == "BTC/USDT: leave long, signal, candle 2026-01-08 20:30"


async def test_lines_of_sessions_with_one_name_have_their_ids() -> None:
    link = ScriptedLink([session("aaaaaaa1", "one"), session("aaaaaaa2", "two")])
    for number in (1, 2):
        link.log("BTC/USDT: enter long", f"aaaaaaa{number}")
    app = make_app(link)
    async with driven(app, WIDE) as pilot:
        await pilot.press("6")
        await until(pilot, lambda: "two" in drawn(app, "#all-log"))
        assert "aaaaaaa1" not in drawn(app, "#all-log"), "the name says which"
        link.change("aaaaaaa2", strategy="one")
        app.poll()
        await until(pilot, lambda: "aaaaaaa1" in drawn(app, "#all-log"))
        assert "aaaaaaa2" in drawn(app, "#all-log")


async def test_a_line_has_the_name_of_its_session_once_also_of_an_archived_one() -> None:
    """It had the ID of one archived before, and its name twice where a text began with it."""
    link = ScriptedLink([session("aaaaaaa1", "breakout"), session("aaaaaaa2", "band")])
    link.log("breakout (aaaaaaa1): drawdown is 5.1%", "aaaaaaa1")
    link.log("band (aaaaaaa1): as somebody wrote", "aaaaaaa1")
    link.taken_out.append(link.sessions.pop(0))
    app = make_app(link)
    async with driven(app, WIDE) as pilot:
        await pilot.press("6")
        log = app.screen.query_one(LogPane)
        await until(pilot, lambda: drawn(app, "#all-log").count("breakout") == 2)
        assert log.shown == ("drawdown is 5.1%", "band (aaaaaaa1): as somebody wrote")
        await pilot.resize_terminal(60, 24)
        await until(pilot, lambda: "breakout drawdown is 5.1%" in drawn(app, "#all-log"))
        await pilot.press("exclamation_mark")
        await until(pilot, lambda: len(app.notes) == 1)
        assert app.notes[0].message == "No warning or error."
        await pilot.press("1")
        await until(pilot, lambda: isinstance(app.screen, SessionsScreen))
        assert not list(app._notifications), "it was said of the page that one has left"


async def test_the_session_whose_lines_are_shown_is_picked_by_its_name() -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        await pilot.press("6", "S")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await pilot.press(*"m81c", "enter")
        log = app.screen.query_one(LogPane)
        await until(pilot, lambda: len(log.shown) == 2)
        assert "· ema_cross m81c0zzt ·" in str(log.border_title)
        await pilot.press("S", *"all", "enter")
        await until(pilot, lambda: len(log.shown) > 2)
        await pilot.press("S", "escape")
        assert "· all sessions ·" in str(log.border_title)


async def test_days_are_parted_and_one_goes_back_from_warning_to_warning() -> None:
    link = ScriptedLink([session("k3x9a1pq", "band")])
    for number in range(60):
        link.now += HOUR
        link.log(f"line {number}", "k3x9a1pq", Level.WARNING if number in (5, 30) else Level.INFO)
    app = make_app(link)
    async with driven(app, NARROW) as pilot:
        await pilot.press("6")
        log = app.screen.query_one(LogPane)
        await until(pilot, lambda: len(log.shown) == 60)
        lines = drawn(app, "#all-log").splitlines()
        assert sum("Tue 25 Nov ──" in line for line in lines) == 1, "a day begins once"
        await pilot.press("exclamation_mark")
        await until(pilot, lambda: "line 30" in drawn(app, "#all-log"))
        assert "! 21:02:11 band" in drawn(app, "#all-log")
        assert "· Sun 23 Nov · standing still" in str(log.border_title)
        await pilot.press("exclamation_mark")
        await until(pilot, lambda: "line 5" in drawn(app, "#all-log"))
        await pilot.press("exclamation_mark")
        assert "line 5" in drawn(app, "#all-log")
        assert [one.message for one in app.notes] == ["No warning or error before this one."]
        await pilot.press("G")
        assert "following" in str(log.border_title)


async def test_of_the_level_shown_nothing_has_the_text() -> None:
    link = ScriptedLink([session("k3x9a1pq", "band")])
    link.log("band: no new trade", "k3x9a1pq")
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("6", "exclamation_mark", "L", "slash", *"band")
        await until(pilot, lambda: "No warning or error has “band”." in drawn(app, "#all-log"))
        assert [one.message for one in app.notes] == ["No warning or error."]
        await pilot.press("enter", "L")
        await until(pilot, lambda: "No error has “band”." in drawn(app, "#all-log"))


async def test_what_a_trade_made_has_one_line_on_a_narrow_terminal() -> None:
    link = ScriptedLink([session("k3x9a1pq", "breakout")])
    link.log("BTC/USDT: left long at 72,292.98, signal: +70.97 (+1.45%)", "k3x9a1pq")
    link.log("BTC/USDT: left long at 172,292.98, stop_loss: +170.97 (+1.45%)", "k3x9a1pq")
    app = make_app(link)
    async with driven(app, NARROW) as pilot:
        await pilot.press("6")
        log = app.screen.query_one(LogPane)
        await until(pilot, lambda: len(log.shown) > 1)
        assert log.shown[0].endswith("(+1.45%)")
        assert log.shown[1:] == (
            "BTC/USDT: left long at 172,292.98, stop_loss: +170.97",
            "(+1.45%)",
        ), "no sign of per cent begins a line"


async def test_a_log_of_another_day_than_today_says_which() -> None:
    link = ScriptedLink([session("k3x9a1pq", "band")])
    link.log("stopped", "k3x9a1pq")
    link.now += 4 * DAY
    app = make_app(link)
    async with driven(app, NARROW) as pilot:
        await pilot.press("6")
        await until(pilot, lambda: "Sat 22 Nov ──" in drawn(app, "#all-log"))
        link.log("running", "k3x9a1pq")
        app.poll()
        await until(pilot, lambda: "Wed 26 Nov ──" in drawn(app, "#all-log"))


@pytest.mark.parametrize("width", [60, 80])
async def test_on_a_narrow_terminal_lines_of_sessions_with_one_name_have_their_ids_beginning(
    width: int,
) -> None:
    sessions = [session(one, "band") for one in ("k3x9a1pq", "m81c0zzt")]
    link = ScriptedLink([*sessions, session("p00000aa", "breakout")])
    for one in link.sessions:
        link.log("BTC/USDT: enter long", one.id)
    app = make_app(link)
    async with driven(app, (width, 24)) as pilot:
        await pilot.press("6")
        await until(pilot, lambda: "breakout p000 BTC/USDT: enter" in drawn(app, "#all-log"))
        for told in ("band     k3x9 BTC/USDT: enter", "band     m81c BTC/USDT: enter"):
            assert told in drawn(app, "#all-log")
        await pilot.press("slash", *"k3x9")
        await until(pilot, lambda: "breakout" not in drawn(app, "#all-log"))
        assert "band     k3x9" in drawn(app, "#all-log"), "what is seen is found"


async def test_the_log_beneath_the_sessions_has_no_line_of_one_that_is_not_selected() -> None:
    link = ScriptedLink([session("k3x9a1pq", "band"), session("m81c0zzt", "breakout")])
    for one in link.sessions:
        link.log("BTC/USDT: enter long", one.id)
    app = make_app(link)
    async with driven(app, WIDE) as pilot:
        await until(pilot, lambda: "enter long" in drawn(app, "#log"))
        await pilot.press("slash", *"zzzz")
        await until(pilot, lambda: "No session selected." in drawn(app, "#log"))
        assert "enter long" not in drawn(app, "#log")
        link.log("the disk is nearly full")
        app.poll()
        await until(pilot, lambda: "the disk is nearly full" in drawn(app, "#log"))
        assert "of no session" in str(app.screen.query_one("#log").border_title)
        await pilot.press("escape", "A")
        await until(
            pilot, lambda: "Archived" in str(app.screen.query_one("#sessions").border_title)
        )
        assert "enter long" not in drawn(app, "#log")


async def test_enter_on_a_log_line_opens_the_session_that_it_is_of() -> None:
    link = ScriptedLink([session("k3x9a1pq", "band"), session("m81c0zzt", "breakout")])
    link.log("BTC/USDT: the candles have a gap", "k3x9a1pq", Level.WARNING)
    link.log("BTC/USDT: enter long", "m81c0zzt")
    app = make_app(link)
    async with driven(app, WIDE) as pilot:
        for keys, expected in (
            (["enter"], "m81c0zzt"),
            (["exclamation_mark", "enter"], "k3x9a1pq"),
        ):
            await pilot.press("6")
            await until(pilot, lambda: "enter long" in drawn(app, "#all-log"))
            assert "Enter open" in str(app.screen.query_one(Hints).render())
            await pilot.press(*keys)
            await until(pilot, lambda: isinstance(app.screen, SessionScreen))
            assert expected in drawn(app, "#one-title")
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, LogsScreen))


async def test_the_line_gone_back_to_is_the_one_copied() -> None:
    link = ScriptedLink([session("k3x9a1pq", "band")])
    link.log("BTC/USDT: the candles have a gap", "k3x9a1pq", Level.WARNING)
    link.log("BTC/USDT: enter long", "k3x9a1pq")
    app = make_app(link)
    async with driven(app, WIDE) as pilot:
        await pilot.press("6")
        await until(pilot, lambda: "enter long" in drawn(app, "#all-log"))
        await pilot.press("y")
        assert "enter long" in app.clipboard
        await pilot.press("exclamation_mark", "y")
        assert "have a gap" in app.clipboard


async def test_a_line_of_no_session_opens_none_and_says_so() -> None:
    link = ScriptedLink([session("k3x9a1pq", "band")])
    link.log("the disk is nearly full")
    app = make_app(link)
    async with driven(app, WIDE) as pilot:
        await pilot.press("6")
        await until(pilot, lambda: "nearly full" in drawn(app, "#all-log"))
        assert "Enter open" not in str(app.screen.query_one(Hints).render())
        await pilot.press("enter")
        await until(pilot, lambda: any("are of none" in note.message for note in app.notes))
        assert isinstance(app.screen, LogsScreen)
