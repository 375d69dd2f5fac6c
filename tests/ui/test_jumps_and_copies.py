"""Does one get anywhere by the palette, and anything out of a table?"""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from textual.command import CommandPalette
from textual.screen import Screen
from textual.widgets import Input, OptionList

from core.journal.values import SessionState
from core.session.snapshot import SessionSnapshot
from tests.ui.driving import NARROW, WIDE, driven, make_app, until
from tests.ui.scripted import ScriptedLink, busy, choices, jobs, session
from tests.ui.test_backtest import backtest, make, pick, workspace
from tests.ui.test_sessions import drawn
from tui import palette
from tui.app import PapertapeApp
from tui.commands import Place, commands_at
from tui.modals.new_session import NewSession
from tui.palette import Kind, Offer, ranked
from tui.screens.backtest import BacktestScreen
from tui.screens.compare import CompareScreen
from tui.screens.schedule import ScheduleScreen
from tui.screens.session import SessionScreen
from tui.screens.sessions import SessionsScreen
from tui.screens.strategies import StrategiesScreen
from tui.strategies import StrategyChoice
from tui.widgets.line_table import LineTable
from tui.widgets.log_pane import LogPane

__all__ = ["workspace"]  # a fixture of the backtest's tests


async def jump(pilot: Any, app: PapertapeApp, words: str) -> None:
    """Open the palette, type, and take what fits best."""
    await pilot.press("ctrl+p")
    await until(pilot, lambda: isinstance(app.screen, CommandPalette))
    app.screen.query_one(Input).value = words
    found = app.screen.query_one(OptionList)

    def best() -> str:
        return str(found.get_option_at_index(0).prompt) if found.option_count else ""

    await until(pilot, lambda: all(word in best() for word in words.split()))
    await pilot.press("enter")


@pytest.mark.parametrize("words", ["session ema_cross m81c0zzt", "session ema_cross ETH"])
async def test_the_palette_leads_to_a_session_from_anywhere(words: str) -> None:
    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        await pilot.press("6")
        await jump(pilot, app, words)
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        await until(pilot, lambda: "m81c0zzt" in str(app.screen.query_one("#one-title").render()))


async def test_the_palette_leads_to_a_symbol_and_to_what_was_archived() -> None:
    many = session("k3x9a1pq", "many", symbols=("BTC/USDT", "ETH/USDT", "SOL/USDT"))
    old = session("0ld00001", "gone", state=SessionState.STOPPED)
    link = ScriptedLink([many])
    link.taken_out.append(old)
    app = make_app(link)
    async with driven(app, WIDE) as pilot:
        await jump(pilot, app, "SOL")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        candles = app.screen.query_one("#one-candles")
        await until(pilot, lambda: "SOL/USDT" in str(candles.border_title))
        await pilot.press("escape")
        await jump(pilot, app, "gone archived")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        await until(pilot, lambda: "0ld00001" in str(app.screen.query_one("#one-title").render()))


async def test_what_is_found_is_told_whole_on_a_narrow_terminal_and_nothing_is_said() -> None:
    app = make_app(ScriptedLink())
    async with driven(app, NARROW) as pilot:
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        found = app.screen.query_one(OptionList)
        await until(pilot, lambda: found.option_count > 5)
        assert not any("\n" in str(one.prompt) for one in found.options), "many are one line each"
        app.screen.query_one(Input).value = "start"
        await until(pilot, lambda: "start/stop" in str(found.get_option_at_index(0).prompt))
        lines = [line for one in found.options for line in str(one.prompt).split("\n")]
        assert max(map(len, lines)) <= NARROW[0] - 4
        assert any(line.startswith("   ") for line in lines), "some take two"
        app.screen.query_one(Input).value = "groesse"
        await until(pilot, lambda: found.option_count == 1)
        assert "Nothing has “groesse”" in str(found.get_option_at_index(0).prompt)


def test_a_long_name_leaves_room_for_what_tells_it_apart() -> None:
    offer = Offer(Kind.SESSION, "n" * 64, "SIMULATED", lambda: None, "k3x9a1pq")
    assert offer.label.endswith("… k3x9a1pq")
    assert len(offer.label) == 34


async def test_letters_typed_before_the_strategies_are_read_find_them_once_they_are() -> None:
    reads, whole = threading.Event(), threading.Event()

    def slow() -> Sequence[StrategyChoice]:
        reads.set()
        whole.wait(20)
        return choices()

    app = make_app(busy(), strategies=slow)
    async with driven(app) as pilot:
        await pilot.press("ctrl+p")
        await until(pilot, reads.is_set)
        await pilot.press("s", "t")
        whole.set()
        found = app.screen.query_one(OptionList)
        await until(pilot, lambda: any("strategy" in str(one.prompt) for one in found.options))


async def test_the_palette_leads_to_a_strategy_and_to_a_job() -> None:
    link = busy()
    link.jobs = jobs()
    app = make_app(link)
    async with driven(app, WIDE) as pilot:
        await jump(pilot, app, "job 0c7be3a8")
        await until(pilot, lambda: isinstance(app.screen, ScheduleScreen))
        table = app.screen.query_one("#jobs", LineTable)
        await until(pilot, lambda: table.cursor_key == "0c7be3a8")
        await jump(pilot, app, "strategy ema_cross")
        await until(pilot, lambda: isinstance(app.screen, StrategiesScreen))
        listed = app.screen.query_one("#strategy-list", LineTable)
        await until(pilot, lambda: "ema_cross" in str(listed.cursor_key))


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        ("sweep Strategies", StrategiesScreen, "H: Vary its settings"),
        ("gate Strategies", StrategiesScreen, "J: Judge how much"),
        ("new Sessions", NewSession, ""),
        ("block pair", SessionsScreen, "K (Session): Block entries"),
        ("metric", BacktestScreen, "M (A sweep): Rank map"),
        ("sort", CompareScreen, "o (In a table): Sort by"),
        ("export not now", CompareScreen, "Nothing is compared yet"),
    ],
)
async def test_every_command_is_found_on_every_screen_and_leads_to_its_own(
    words: str, kind: type[Screen[None]], said: str
) -> None:
    """On Compare nothing had “sw”."""
    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        await jump(pilot, app, words)
        await until(pilot, lambda: isinstance(app.screen, kind))
        await until(pilot, lambda: not said or any(said in note.message for note in app.notes))
        await pilot.pause()
        assert bool(app.notes) is bool(said), app.notes


async def test_what_cannot_be_done_now_says_why_before_it_is_chosen() -> None:
    """It said “not now” alone: why came only once it was chosen all the same."""
    first, *_ = await typed("take over", busy())
    shown = " ".join(first.split())
    assert "not now: The sessions run in this screen already · While another" in shown


async def test_commands_of_the_screen_come_before_those_of_others() -> None:
    shown = await typed("new", busy())
    assert shown[0].startswith("new (n)")
    assert "Start a session" in shown[0]
    assert [line.split("  ")[-1].split(" · ")[0] for line in shown[1:3]] == [
        "Backtest",
        "Scheduler",
    ]
    assert (await typed("start", busy()))[0].startswith("start/stop"), "though one is named start"


def sessions_of(strategy: str, count: int) -> list[SessionSnapshot]:
    return [session(f"s{number:07d}", strategy) for number in range(count)]


async def typed(words: str, link: ScriptedLink) -> list[str]:
    """What the palette shows for some words, the best first."""
    app = make_app(link)
    async with driven(app, WIDE) as pilot:
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        app.screen.query_one(Input).value = words
        found = app.screen.query_one(OptionList)
        shown = ["?"]

        def settled() -> bool:
            shown[:], before = [str(one.prompt) for one in found.options], list(shown)
            return shown == before

        await pilot.pause(0.5)
        await until(pilot, settled)
        return shown


async def test_a_strategy_is_found_before_many_sessions_of_its_name() -> None:
    shown = await typed("ema_cross", ScriptedLink(sessions_of("ema_cross", 16)))
    assert "strategy · workspace" in shown[0]
    assert sum("session" in line for line in shown) == 16


async def test_letters_scattered_over_a_help_text_find_nothing() -> None:
    link = busy()
    link.jobs = []
    shown = await typed("sto", link)
    assert [line.split()[0] for line in shown[:2]] == ["stop", "start/stop"]
    assert not [line for line in shown if "Start a session" in line], "… duration"
    assert any(line.startswith("ema_cross") for line in await typed("emc", link))


def test_names_come_before_what_is_said_of_them_and_kinds_take_turns() -> None:
    def offer(kind: Kind, name: str, about: str = "", more: str = "") -> Offer:
        return Offer(kind, name, about, lambda: None, more)

    sessions = [offer(Kind.SESSION, "band", "", f"id{number}") for number in range(6)]
    backtests = [offer(Kind.BACKTEST, "band", "", f"key{number}") for number in range(6)]
    inside, begins = offer(Kind.STRATEGY, "broadband"), offer(Kind.STRATEGY, "band_fade")
    word, told = offer(Kind.COMMAND, "wide band"), offer(Kind.COMMAND, "gate", "the band of luck")
    strategy = offer(Kind.STRATEGY, "band")
    given = [told, inside, word, begins, *backtests, *sessions, strategy]
    expected = [
        strategy, *sessions[:4], *backtests[:4], *sessions[4:], *backtests[4:],
        begins, word, inside, told,
    ]  # fmt: skip
    assert ranked(given, "band") == expected
    assert ranked(given, "session id5") == [sessions[5]], "every word must fit"
    assert ranked(given, "bf")[0] == begins, "scattered, but in a name"
    assert ranked(given, "  ") == []


async def test_a_row_a_table_and_a_log_are_copied() -> None:
    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        await pilot.press("j", "y")
        await until(pilot, lambda: app.clipboard.startswith("● running\t"))
        assert "ema_cross\tETH/USDT" in app.clipboard
        await pilot.press("Y")
        await until(pilot, lambda: app.clipboard.startswith("STATE\tID\tSTRATEGY"))
        assert len(app.clipboard.splitlines()) == 6
        heads, *rows = (line.split("\t") for line in app.clipboard.splitlines())
        for name in ("EQUITY", "P&L %"):
            for row in rows:  # as a spreadsheet reads them: no mark, no curve
                text = row[heads.index(name)].removesuffix("%").replace(",", "")
                assert text == "–" or math.isfinite(float(text))
        await pilot.press("space", "Y")
        await until(pilot, lambda: len(app.clipboard.splitlines()) == 2)
        app.screen.query_one(LogPane).focus()
        await pilot.press("Y")
        await until(pilot, lambda: "SOL/USDT: feed silent" in app.clipboard)
        assert re.match(r"2\d{3}-\d\d-\d\d \d\d:\d\d:\d\d\t", app.clipboard)


async def test_where_a_screen_has_something_of_its_own_to_copy_that_is_copied() -> None:
    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        await pilot.press("r")
        await until(pilot, lambda: "97.13" in drawn(app, "#result-trades"))
        await pilot.press("y")
        await until(pilot, lambda: app.clipboard.startswith("{"))
        assert json.loads(app.clipboard)["strategy"] == "rsi_bounce"


async def test_a_backtest_is_written_into_files(workspace: Any) -> None:
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await pick(pilot, app, "waves")
        await backtest(pilot, app, str(workspace.root.parent / "waves.csv"))
        await pilot.press("E")
        exports = workspace.root / "exports"
        await until(pilot, lambda: len(list(exports.glob("waves-*/*"))) == 4)
        (written,) = exports.glob("waves-*/backtest.json")
        assert json.loads(written.read_text())["trades"]
        (table,) = exports.glob("waves-*/backtest-trades.csv")
        assert table.read_text().startswith("id,symbol,side")
        first = written.read_bytes()
        await pilot.press("E")  # the very same again
        await until(pilot, lambda: sum("Written into" in note.message for note in app.notes) == 2)
        assert len(list(exports.glob("waves-*/*"))) == 4
        await pilot.press("escape")
        await pick(pilot, app, "waves")
        await backtest(pilot, app, str(workspace.root.parent / "waves.csv"), "close")
        await pilot.press("E")
        await until(pilot, lambda: list(exports.glob("waves-*/backtest_2-trades.csv")))
        assert written.read_bytes() == first, "another backtest takes no exported one's place"
        (second,) = exports.glob("waves-*/backtest_2.json")
        assert json.loads(second.read_text())["fill_on"] == "close"


@pytest.mark.parametrize("words", ["SVG", "screenshot", "picture"])
async def test_a_picture_of_the_screen_is_written_among_the_exports(
    words: str, workspace: Any
) -> None:
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await pilot.press("6")
        await jump(pilot, app, words)
        exports = workspace.root / "exports"
        await until(pilot, lambda: list(exports.glob("screen-*/logs-*.svg")))
        (written,) = exports.glob("screen-*/logs-*.svg")
        text = written.read_text()
        assert text.startswith("<svg")
        assert "Scheduler" in text
        assert "save" not in text, "the page, not the palette"
        await until(pilot, lambda: app.notes)
        assert written.name in app.notes[-1].message.replace("\n", "")


@pytest.mark.parametrize(
    ("word", "found"),
    [("exit", "quit"), ("optimize", "sweep"), ("zoom", "full screen"), ("delete", "archive")],
)
async def test_a_command_is_found_by_what_other_programs_call_it(word: str, found: str) -> None:
    assert any(line.startswith(f"{found} ") for line in await typed(word, busy()))


def test_every_other_word_is_of_a_command_there_is() -> None:
    labels = {command.label for place in Place for command in commands_at(place)}
    assert not palette.ALSO.keys() - labels
