"""What an hour at 80×24 over SSH found: no key is silent, nothing is cut, everything leads on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from textual.containers import VerticalScroll
from textual.widgets import Input, Static

from core.compare.request import ComparisonRequest
from core.journal.values import SessionState
from core.market.candles.timeframes import DAY, Timeframe
from core.report.library import ListedResult, Search, StoredResult, Terms
from core.report.written_report import ReportedMetrics, ReportedPeriod, written_report
from core.store.notes import Notes
from core.store.workspace import locate_workspace, program_for
from tests.ui.driving import NARROW, arrived, driven, make_app, until, verdict_of
from tests.ui.scripted import (
    NOW,
    ScriptedLink,
    busy,
    choices,
    closed_trades,
    position,
    report,
    session,
)
from tests.ui.test_sessions import drawn
from tui.app import PapertapeApp
from tui.modals.new_backtest import NewBacktest
from tui.modals.new_session import NewSession
from tui.requests.backtest import BacktestOrder, BacktestRefusedError
from tui.requests.varying import Variation
from tui.screens.backtest import BacktestScreen
from tui.screens.backtest_rows import identity
from tui.screens.compare import CompareScreen
from tui.screens.gate import GateScreen
from tui.screens.help import HelpScreen
from tui.screens.long_work import work_title
from tui.screens.report import ReportScreen
from tui.screens.report_rows import remarks
from tui.screens.session import SessionScreen
from tui.screens.sweep import SweepScreen
from tui.screens.trade import TradeScreen
from tui.strategies import StrategyChoice
from tui.terminal import SMALLEST
from tui.widgets.candle_chart import CandleChart
from tui.widgets.choice import Choice
from tui.widgets.line_table import LineTable
from tui.widgets.text_lines import long_words_broken


async def test_a_key_that_can_do_nothing_now_says_why() -> None:
    ended = session(
        "aaaaaaa1", "one", state=SessionState.STOPPED, ended=NOW, open_positions=(position(),)
    )
    app = make_app(ScriptedLink([ended, session("k3x9a1pq", "rsi_bounce")]))
    async with driven(app, NARROW) as pilot:
        await pilot.press("x", "p", "f")
        assert ["has ended" in note.message for note in app.notes] == [True, True, False]
        assert "no open position" in app.notes[-1].message
        await pilot.press("j", "a")
        assert "x stops it" in app.notes[-1].message
        said = len(app.notes)
        await pilot.press("escape", "f12")  # nothing was meant by them
        assert len(app.notes) == said


async def test_where_no_position_is_open_the_list_has_the_lines_of_the_positions() -> None:
    flat = [session(f"flat000{number}", "one", open_positions=()) for number in range(9)]
    for sessions, lines in ((flat, 15), ([*flat[1:], session("long0001", "two",
                             open_positions=(position(),))], 11)):  # fmt: skip
        app = make_app(ScriptedLink(sessions))
        async with driven(app, NARROW):
            assert app.screen.query_one("#sessions").outer_size.height == lines
            assert app.screen.query_one("#positions").display is (sessions is not flat)
            shown = "one · flat0000" in str(app.screen.query_one("#log").border_title)
            assert shown is (sessions is flat), "whose lines these are, and its ID"


class _Held:
    """Long work that goes on until it is let go, and then comes to nothing."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def __call__(self, *_: object) -> Any:
        await self.go.wait()
        raise BacktestRefusedError("nothing came")


async def test_a_key_says_what_is_so_where_it_has_more_reasons_than_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed: list[StrategyChoice] = []
    app, held = make_app(ScriptedLink(), strategies=lambda: tuple(listed)), _Held()

    async def told(*keys: str) -> set[str]:
        app.notes.clear()
        await pilot.press(*keys)
        assert len(app.notes) == len(keys), "no key is silent"
        return {note.message for note in app.notes}

    async with driven(app, NARROW) as pilot:
        assert await told("x", "p", "a") == {"No session is under the cursor: n starts one."}
        await pilot.press("2")
        assert await told(*"sbeDHJ") == {"No strategy is under the cursor."}
        listed.append(replace(choices()[0], is_read=False))
        await pilot.press("R")
        await until(pilot, lambda: app.screen.query_one("#strategy-list", LineTable).rows)
        assert await told("H", "J") == {"Not yet: its document is still being read."}
        await pilot.press("3")
        order = BacktestOrder("waves", Path("STRATEGY.md"), {})
        monkeypatch.setattr(app.backtests, "run", held)
        backtests = app.screen
        assert isinstance(backtests, BacktestScreen)
        backtests.run_order(order)
        assert await told("R") == {"A backtest still runs: x breaks it off."}
        monkeypatch.setattr(app.varying, "gate", held)
        monkeypatch.setattr(app.varying, "sweep", held)
        for screen, keys in ((GateScreen, ["enter", "v", "R"]), (SweepScreen, ["enter", *"MvRE"])):
            held.go.clear()
            work = screen(order, Variation(), print)
            await app.push_screen(work)
            assert await told(*keys) == {f"The {work.WHAT} still runs: x ends it."}
            held.go.set()
            await until(pilot, lambda: not work.is_busy)  # noqa: B023 - awaited at once
            keys.remove("R")
            nothing = f"The {work.WHAT} came to no result: R begins another."
            assert await told(*keys) == {nothing}
            assert await told("x") == {"Nothing runs."}
            await pilot.press("escape")
        held.go.clear()
        await pilot.press("4")
        monkeypatch.setattr(app.comparisons, "run", held)
        compared = app.screen
        assert isinstance(compared, CompareScreen)
        compared.run_request(ComparisonRequest("waves", Timeframe("1h")))
        assert await told(*"vSuR") == {"The comparison is still being made."}


async def test_by_hand_one_enters_only_where_nothing_is_open_and_is_told_so() -> None:
    app = make_app(busy())
    async with driven(app, NARROW) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        await pilot.press("N")
        assert isinstance(app.screen, SessionScreen)
        assert "runs and is not sealed: f closes a position" in app.notes[-1].message


async def test_the_footer_follows_what_becomes_of_the_session() -> None:
    link = ScriptedLink([session("k3x9a1pq", "rsi_bounce")])
    app = make_app(link)
    async with driven(app, NARROW) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        await until(pilot, lambda: "p pause" in drawn(app, "Hints"))
        assert "f flatten" not in drawn(app, "Hints")
        link.change("k3x9a1pq", open_positions=(position(),))
        app.poll()
        await until(pilot, lambda: "f flatten" in drawn(app, "Hints"))


async def test_a_long_name_leaves_room_for_what_its_group_holds() -> None:
    name = "mean_reversion_on_the_hourly_bands_of_a_week"
    held = session("aaaaaaa1", name, open_positions=(position(),))
    app = make_app(ScriptedLink([held, session("aaaaaaa2", name)]))
    async with driven(app, NARROW) as pilot:
        await pilot.press("F")
        row = drawn(app, "#sessions").splitlines()[1]
        assert "mean_reversion" in row
        assert "… · 2 sessions · 1 open" in row


async def test_the_period_of_a_backtest_is_told_in_words_for_m_is_months() -> None:
    async def listed() -> AsyncIterator[Sequence[StrategyChoice]]:
        yield choices()

    app = make_app(ScriptedLink())
    async with driven(app, NARROW) as pilot:
        await app.push_screen(NewBacktest(listed, None, demo=True))
        begun = "the demo's beginning"
        await until(pilot, lambda: f"the 1 month until {begun}" in drawn_text(app, "#verdict"))
        period = app.screen.query_one("#period", Input)
        period.value = "3m"
        await until(pilot, lambda: f"the 3 months until {begun}" in drawn_text(app, "#verdict"))
        # A recorded market may lie anywhere: this machine's clock says nothing of it.
        period.value = "2101-01-01..2101-01-31"
        await until(pilot, lambda: "the end of 2101-01-31" in drawn_text(app, "#verdict"))
        app.screen.query_one("#source", Choice).chosen = "exchange"
        await until(pilot, lambda: "begins after the candles end" in verdict_of(app.screen))
        period.value = "3m"
        await until(pilot, lambda: "the 3 months until now" in drawn_text(app, "#verdict"))
        period.value = "3min"
        await until(pilot, lambda: "is not a period" in drawn_text(app, "#verdict"))


async def test_the_list_of_a_form_gives_way_to_what_is_to_be_read() -> None:
    many = tuple(f"{number}. what is to be known of it, in a line by itself" for number in range(8))
    told = replace(choices()[0], warnings=many)
    app = make_app(ScriptedLink(), strategies=lambda: [told, *choices()[1:]])
    async with driven(app, NARROW) as pilot:
        await pilot.press("n")
        await until(pilot, lambda: app.screen.query("#verdict"))
        await until(pilot, lambda: "7. what is to be known" in drawn_text(app, "#verdict"))
        await pilot.pause()
        form, verdict = app.screen.query_one(".form"), app.screen.query_one("#verdict")
        assert verdict.size.height >= len(many)
        assert app.screen.query_one(".form-hints").region.bottom <= form.region.bottom
        await pilot.press("tab")
        rows = drawn(app, "#strategies").splitlines()
        assert sum(row.startswith("▏") for row in rows) == 1, "the one picked is still marked"


async def test_candles_have_what_conditions_and_positions_do_not_need() -> None:
    link = busy()
    app = make_app(link)
    async with driven(app, NARROW) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        chart, why = (app.screen.query_one(f"#one-{name}") for name in ("candles", "why"))
        line = app.screen.query_one("#one-position-line")
        await until(pilot, lambda: "entry" in drawn(app, "#one-why"))
        await until(pilot, lambda: line.display)
        conditions = len(app.screen.query_one("#one-why", LineTable).rows)
        assert why.size.height == 1 + min(conditions, 4)
        before = chart.size.height
        link.change("k3x9a1pq", open_positions=())
        app.poll()
        await until(pilot, lambda: not line.display)
        await until(pilot, lambda: chart.size.height == before + 1)
        axis = drawn(app, "#one-candles").splitlines()[-1]
        await until(pilot, lambda: "Nov" in drawn(app, "#one-candles").splitlines()[-1])
        assert axis.strip()


async def test_equity_and_drawdown_of_a_session_have_half_of_a_low_and_narrow_terminal() -> None:
    app = make_app(busy())
    async with driven(app, NARROW) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        await pilot.press("v", "v", "v")
        fall, chart = (app.screen.query_one(f"#one-{name}") for name in ("drawdown", "candles"))
        await until(pilot, lambda: fall.size.height >= 3)
        assert app.screen.query_one("#one-equity").size.height >= 4
        assert chart.size.height >= 7
        await pilot.press("v")
        await until(pilot, lambda: not fall.display)


async def test_full_screen_is_for_the_curves_where_they_are_what_is_shown() -> None:
    app = make_app(busy())
    async with driven(app, NARROW) as pilot:
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ReportScreen))
        await pilot.press("v", "v")
        await until(pilot, lambda: app.screen.query_one("#result-drawdown").size.height > 1)
        await pilot.press("z")
        assert app.screen.maximized is app.screen.query_one("#result-equity")


async def test_trades_of_several_symbols_say_which_on_a_narrow_terminal() -> None:
    pair = session("k3x9a1pq", "rsi_bounce", symbols=("BTC/USDT", "ETH/USDT"))
    app = make_app(ScriptedLink([pair]))
    async with driven(app, NARROW) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        await until(pilot, lambda: "BTC/USDT" in drawn(app, "#one-trades"))
        assert "SYMBOL" in drawn(app, "#one-trades")
        assert "P&L %" in drawn(app, "#one-trades")


async def test_a_chart_says_how_many_candles_are_in_one() -> None:
    app = make_app(busy())
    async with driven(app, NARROW) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        chart = app.screen.query_one(CandleChart)
        await until(pilot, lambda: "BTC/USDT 4h" in str(chart.border_title))
        assert "in one" not in str(chart.border_title)
        chart.focus()
        await pilot.press("minus")
        await until(pilot, lambda: "4h, 2 in one" in str(chart.border_title))
        assert "v view" in drawn(app, "Hints"), "the way on is still offered"


async def test_a_trade_shows_all_its_fields_at_once_and_says_why_it_has_no_candles() -> None:
    app = make_app(busy())
    async with driven(app, NARROW) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        trades = app.screen.query_one("#one-trades", LineTable)
        await until(pilot, lambda: bool(trades.rows))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TradeScreen))
        await until(pilot, lambda: "P&L" in drawn(app, "#trade-fields"))
        fields = app.screen.query_one("#trade-fields", LineTable)
        assert len(fields.rows) <= fields.size.height, "nothing is to be scrolled for"
        gain = next(cell.text for row in fields.rows for cell in row.cells if "94.64" in cell.text)
        for width, across in ((60, 2), (75, 2), (76, 5)):
            await pilot.resize_terminal(width, 24)
            await until(pilot, lambda across=across: len(fields.columns) == across)  # type: ignore[misc]
            fields.move_to("pnl")
            await until(pilot, lambda: gain in drawn(app, "#trade-fields"))
        texts = [cell.text for row in fields.rows for cell in row.cells]
        assert not [text for text in texts if text not in drawn(app, "#trade-fields")]
        trade = closed_trades("BTC/USDT", 300_000)[0]
        await app.push_screen(TradeScreen("rsi_bounce", [trade], 0, "5m", None))
        await until(pilot, lambda: "run again shows them" in drawn(app, "#trade-candles"))


async def test_a_group_of_trades_opens_and_one_comes_back_to_it() -> None:
    app = make_app(busy())
    async with driven(app, NARROW) as pilot:
        await pilot.press("8")
        await until(pilot, lambda: len(app.screen.query_one("#performance-slices", LineTable).rows))
        await pilot.press("l", "l", "j", "enter")
        table = app.screen.query_one("#performance-trades", LineTable)
        slices = app.screen.query_one("#performance-slices", LineTable)
        group = slices.cursor_key
        assert group is not None
        assert f"Trades of {group}" in str(table.border_title)
        assert str(len(table.rows)) == next(r for r in slices.rows if r.key == group).cells[1].text
        await pilot.press("escape")
        assert app.focused is slices
        assert slices.cursor_key == group
        await pilot.press("enter", "1", "j", "P")
        await until(pilot, lambda: app.focused is slices)
        assert "[bold]Month[/bold]" in str(slices.border_title), (
            "of one session, which is in no such group"
        )


async def test_a_strategy_is_found_by_typing_in_the_list_and_in_forms() -> None:
    link = ScriptedLink()
    app = make_app(link)
    async with driven(app, NARROW) as pilot:
        await pilot.press("2")
        table = app.screen.query_one("#strategy-list", LineTable)
        await until(pilot, lambda: len(table.rows) == 3)
        await pilot.press("slash", "e", "t", "h")
        await until(pilot, lambda: len(table.rows) == 1)
        assert "Strategies · 1 of 3" in str(table.border_title)
        await pilot.press("escape")
        await until(pilot, lambda: len(table.rows) == 3)
        await pilot.press("1", "n")
        form = await arrived(pilot, NewSession)
        await until(pilot, lambda: form.picked is not None)
        await pilot.press("slash", "e", "m", "a")
        await until(pilot, lambda: form.picked is not None and form.picked.name == "ema_cross")
        assert form.query_one(".form-hints").region.bottom < form.query_one(".form").region.bottom
        await pilot.press("enter")
        assert app.screen is form, "Enter leads back to the list, and starts nothing yet"
        await pilot.press("enter")
        await until(pilot, lambda: len(link.requests) == 1)
        assert link.requests[0].config["name"] == "ema_cross"


async def test_the_log_keeps_the_names_of_archived_sessions_and_is_never_empty_unsaid() -> None:
    ended = session("aaaaaaa1", "one", state=SessionState.STOPPED, ended=NOW)
    link = ScriptedLink([ended])
    link.log("it stopped", "aaaaaaa1")
    app = make_app(link)
    async with driven(app, NARROW) as pilot:
        await pilot.press("6")
        await until(pilot, lambda: "one" in drawn(app, "#all-log"))
        link.sessions.clear()
        link.log("another line")
        app.poll()
        await until(pilot, lambda: "another line" in drawn(app, "#all-log"))
        assert "aaaaaaa1" not in drawn(app, "#all-log")
        await pilot.press("L", "L")
        await until(pilot, lambda: "L shows other levels" in drawn(app, "#all-log"))


async def test_who_leaves_is_told_what_goes_on_without_the_screen() -> None:
    app = make_app(ScriptedLink([session("k3x9a1pq", "rsi_bounce")]))
    async with driven(app, NARROW) as pilot:
        await pilot.press("q", "q")
        await until(pilot, lambda: not app.is_running)
    wanted = "1 session goes on without a screen; papertape demo finds it again."
    assert app.leaving.farewell == wanted


def test_a_workspace_of_ones_own_is_named_in_what_is_to_be_typed(tmp_path: Path) -> None:
    assert program_for(locate_workspace(None, os.environ).root) == "papertape"
    place = tmp_path / "my tapes"
    assert program_for(place) == f"papertape --workspace '{place}'"


@pytest.mark.parametrize("width", [60, 70, 120])
async def test_the_help_is_whole_on_any_terminal(width: int) -> None:
    app = make_app(busy())
    async with driven(app, (width, 20)) as pilot:
        await pilot.press("question_mark", "G")
        sheet = app.screen.query_one(VerticalScroll)
        await until(pilot, lambda: sheet.scroll_y == sheet.max_scroll_y > 0)
        lines = sheet.query_one(Static)
        end = [lines.render_line(y).text for y in range(lines.size.height)][-3:]
        assert "Take the crosshair away" in " ".join(" ".join(end).split())

        def told() -> str:
            return " ".join(str(lines.render()).split())

        await pilot.press("slash", *"flatten")
        await until(pilot, lambda: "Close the session's positions at the next price" in told())
        assert "backtest" not in told().casefold()
        await pilot.press(*"zz")
        await until(pilot, lambda: told() == "No key has “flattenzz”. Esc shows all.")
        await pilot.press("escape")
        await until(pilot, lambda: "backtest" in told())
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, HelpScreen))


async def test_a_filter_of_a_form_that_is_left_empty_gives_back_its_room() -> None:
    app = make_app(busy())
    async with driven(app, NARROW) as pilot:
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NewSession))
        await pilot.press("slash")
        assert app.screen.has_class("-finding")
        await pilot.press("enter")
        await until(pilot, lambda: not app.screen.has_class("-finding"))
        assert isinstance(app.screen, NewSession)


async def test_what_is_so_already_is_said_before_one_waits_for_it() -> None:
    held = session("k3x9a1pq", "rsi_bounce", open_positions=(position(),))  # marked at 64,598.35
    app = make_app(ScriptedLink([held]))
    async with driven(app, NARROW) as pilot:
        await pilot.press("W")
        await until(pilot, lambda: app.screen.query("#verdict"))
        await pilot.press("1", "0")
        told = "once: BTC/USDT above 10 (it is already: 64,598.35)"
        await until(pilot, lambda: told in verdict_of(app.screen))
        await pilot.press(*"0000")
        await until(pilot, lambda: "above 100,000" in verdict_of(app.screen))
        assert "already" not in verdict_of(app.screen)


async def test_on_60_columns_sessions_of_one_name_have_their_ids_and_a_forms_keys_are_whole() -> (
    None
):
    app = make_app(ScriptedLink([session("k3x9a1pq", "band"), session("m81c0zzt", "band")]))
    async with driven(app, (60, 15)) as pilot:
        await until(pilot, lambda: "k3x9a1pq" in drawn(app, "#sessions"))
        assert "m81c0zzt" in drawn(app, "#sessions")
        for page in "15":
            await pilot.press(page, "n")
            await until(pilot, lambda: bool(app.screen.query(".form-hints")))
            await pilot.pause()
            assert "Esc cancel" in drawn(app, ".form-hints")
            await pilot.press("escape")


async def test_a_long_path_is_broken_behind_a_stroke() -> None:
    path = "/home/somebody/papertape/strategies/a_name_that_is_rather_long/STRATEGY.md"
    assert long_words_broken(f"Saved in {path}.", 40) == (
        "Saved in /home/somebody/papertape/strategies/\na_name_that_is_rather_long/STRATEGY.md."
    )
    assert long_words_broken("x" * 9, 4) == "xxxx\nxxxx\nx"
    assert long_words_broken("/somewhere", 5) == "/some\nwhere", "no line of a stroke alone"
    assert long_words_broken("漢字", 1) == "漢\n字"
    assert long_words_broken("one two\nthree", 5) == "one two\nthree"
    app = make_app(ScriptedLink([session("k3x9a1pq", "band")]))
    async with driven(app, NARROW) as pilot:
        app.say(f"Saved in {path}.")
        await until(pilot, lambda: bool(app.notes))
        assert "\n".join(app.notes[0].message.split("\n")[1:]) == (
            "a_name_that_is_rather_long/STRATEGY.md."
        )


async def test_what_one_is_to_be_told_of_is_confirmed() -> None:
    app = make_app(ScriptedLink([session("k3x9a1pq", "rsi_bounce")]))
    async with driven(app, NARROW) as pilot:
        await pilot.press("W")
        await until(pilot, lambda: app.screen.query("#verdict"))
        await pilot.press("7", "0", "0", "0", "0", "enter")
        await until(pilot, lambda: any("Will tell once" in one.message for one in app.notes))
        await pilot.press("W")
        await until(pilot, lambda: app.screen.query("#verdict"))
        app.screen.query_one("#above", Input).value = ""
        await pilot.press("enter")
        await until(pilot, lambda: app.notes[-1].message == "Nothing is waited for.")


def test_what_a_report_cannot_tell_is_said_in_words_and_what_is_open_with_its_worth() -> None:
    metrics = {"metrics_undefined": {"benchmark_return_pct": "no candles to buy and hold"}}
    told = report("rsi_bounce", metrics=metrics, open_trades=[{"unrealized_pnl": -12.5}])
    texts = [one.text for one in remarks(written_report(told))]
    assert "Buy and hold: no candles to buy and hold" in texts
    open_ = "1 open at the end, marked to the close of the last candle (▼ -12.50)"
    assert open_ in texts
    joined = report("rsi_bounce", open_trades=told["open_trades"] * 3, parts=4)
    lone = report("rsi_bounce", open_trades=told["open_trades"], parts=1)
    assert open_ in [one.text for one in remarks(written_report(lone))], "the only part is all"
    of_parts = "3 open at the ends of the 4 parts, marked to the last close of each (▼ -37.50)"
    assert of_parts in [one.text for one in remarks(written_report(joined))]
    hand = "1 trade was entered by hand"
    doubts = {"quality_flags": ["few trades"], "warnings": [hand]}
    doubted = report("rsi_bounce", open_trades=told["open_trades"], **doubts)
    texts = [one.text for one in remarks(written_report(doubted))]
    assert texts.index(open_) < texts.index(hand), "the return is told before it is doubted"
    assert texts.index(hand) < texts.index("few trades"), "as in the report's text"


def test_a_gate_of_a_varied_strategy_names_what_was_set() -> None:
    order = BacktestOrder("waves", Path("STRATEGY.md"), {}, settings={"rsi.period": 20})
    title = work_title(order, "gate", Variation(("stop_loss_pct=2:6:2",)))
    assert str(title) == "waves rsi.period=20 · gate · stop_loss_pct=2:6:2"
    dated = BacktestOrder("waves", Path("STRATEGY.md"), {}, data="w.csv", span=(NOW, NOW + 9 * DAY))
    for zone, days in ((UTC, ""), (ZoneInfo("Asia/Tokyo"), " UTC")):
        said = str(work_title(dated, "gate", Variation(()), zone))
        assert said == f"waves · gate · w.csv · 2025-11-22 to 2025-12-01{days}"


def test_kept_searches_are_told_apart_by_all_that_was_asked() -> None:
    axes = ("rsi.period=2:6",)
    searches = {
        "sweep of 5: rsi.period=3 · 1f00baa1 · rsi.period=2:6 · by Sharpe · ranked on 70%": Search(
            "sweep", "d", 5, 5, Terms(axes, "sharpe_ratio", split=70.0)
        ),
        "sweep, 1,200 of 5,000: rsi.period=3 · 1f00baa1 · rsi.period=2:6 · by win rate": Search(
            "sweep", "d", 1_200, 5_000, Terms(axes, "win_rate_pct")
        ),
        "gate, fails: rsi.period=3 · 1f00baa1 · by Sharpe · 6 folds, anchored · seed 7": Search(
            "gate", "d", 1, 1, Terms((), "sharpe_ratio", None, 6, anchored=True, seed=7), "fails"
        ),
        "gate, cancelled: rsi.period=3 · 1f00baa1 · by Sharpe · 6 folds": Search(
            "gate", "d", 1, 1, Terms((), "sharpe_ratio", None, 6)
        ),
    }
    for told, search in searches.items():
        result = StoredResult(
            strategy="waves",
            symbols=("BTC/USDT",),
            timeframe="1h",
            period=ReportedPeriod(),
            metrics=ReportedMetrics(),
            settings={"rsi.period": 3},
            search=search,
        )
        listed = ListedResult("1f00baa1", Path("result.json"), result, Notes())
        assert identity(listed).replace(" · BTC/USDT 1h · –", "") == f"waves {told}"


def drawn_text(app: PapertapeApp, selector: str) -> str:
    """What a text of the screen says."""
    return str(app.screen.query_one(selector).render())


async def test_what_is_wrong_with_a_form_is_seen_on_the_smallest_terminal() -> None:
    app = make_app(busy())
    async with driven(app, SMALLEST) as pilot:
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NewSession))
        form = app.screen
        form.query_one("#balance", Input).focus()
        await pilot.press(*"abc")
        await until(pilot, lambda: "found 'abc'" in verdict_of(form))
        await pilot.press("enter")

        def seen() -> bool:
            region = form.query_one("#verdict").region
            return region.height > 0 and 0 <= region.y < app.size.height - 1

        await until(pilot, seen)


async def test_sessions_of_one_strategy_are_told_apart_on_80_columns() -> None:
    symbols = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
    sessions = [session(f"s{n:07d}", "ema_cross", symbols=(one,)) for n, one in enumerate(symbols)]
    app = make_app(ScriptedLink(sessions))
    async with driven(app, NARROW):
        assert all(one in drawn(app, "#sessions") for one in symbols)


async def test_sessions_that_look_alike_have_their_ids_on_80_columns() -> None:
    alike = [session(f"s{n:07d}", "ema_cross") for n in range(2)]
    link = ScriptedLink([*alike, session("k3x9a1pq", "rsi_bounce")])
    app = make_app(link)
    async with driven(app, NARROW) as pilot:
        assert all(one.id in drawn(app, "#sessions") for one in link.sessions)
        assert "BTC/USDT" in drawn(app, "#sessions")
        del link.sessions[0]
        app.poll()
        await until(pilot, lambda: "k3x9a1pq" not in drawn(app, "#sessions"))
        assert "TRADES" in drawn(app, "#sessions"), "and room for other things where names differ"


@pytest.mark.parametrize("key", ["1", "2", "3", "5", "6", "7", "8"])
async def test_the_keys_work_again_after_the_terminal_was_too_small(key: str) -> None:
    """What had the keys gets them back: nothing had them until Tab was pressed."""
    app = make_app(busy())
    async with driven(app) as pilot:
        await pilot.press(key)
        await pilot.pause()
        before = app.focused
        assert before is not None
        await pilot.resize_terminal(40, 10)
        await until(pilot, lambda: app.screen.has_class("too-small"))
        await pilot.pause()
        await pilot.resize_terminal(*NARROW)
        await until(pilot, lambda: not app.screen.has_class("too-small"))
        await until(pilot, lambda: app.focused is before)


async def test_the_keys_go_elsewhere_where_a_low_terminal_hides_what_had_them() -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        app.screen.query_one("#log").focus()
        await pilot.resize_terminal(80, 16)
        await until(pilot, lambda: app.screen.has_class("-tiny"))
        await pilot.pause()
        assert app.focused is not None
        assert app.focused.id != "log"
