"""What the screens say is so: figures of one kind and one moment, both sides of a condition."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from textual.widgets import Input, Static

from core.compare.verdict import NO_BACKTEST
from core.host.link import HostLink
from core.journal.session_notes import AlertKind, AlertRule, SessionNotes
from core.journal.values import FeedKind, Mode, SessionState
from core.report.written_report import ReportedTrade, WrittenReport, written_report
from core.session.snapshot import HostSnapshot, SessionDetail, TrialHorizon
from core.session.start_notices import NOT_BACKTESTED
from core.strategy.signals.reading import Reading
from tests.ui.driving import NARROW, WIDE, WatchedApp, arrived, driven, make_app, shown, until
from tests.ui.scripted import (
    DAY,
    HOUR,
    NOW,
    ScriptedHosting,
    ScriptedLink,
    busy,
    choices,
    closed_trades,
    forming,
    position,
    report,
    session,
)
from tests.ui.test_sessions import drawn, text_of
from tui.app import PapertapeApp
from tui.commands import COMMANDS, Command
from tui.modals.ask import Ask
from tui.modals.name import AskName
from tui.modals.new_session import NewSession
from tui.requests.sessions import stop_question
from tui.requests.views import GroupBy
from tui.screens.conditions import condition_rows
from tui.screens.headline import headline_figures
from tui.screens.help import HelpScreen
from tui.screens.report_rows import month_rows, remarks, trade_rows
from tui.screens.session import SessionScreen
from tui.screens.session_groups import rows
from tui.screens.session_view import (
    feed_rows,
    feed_title,
    figures,
    no_trade,
    positions_in_a_line,
    title,
    trade_table_of,
    why,
)
from tui.screens.sessions import SessionsScreen
from tui.screens.sessions_table import SESSION_COLUMNS, planned_end, session_row
from tui.screens.trade import TradeScreen
from tui.strategies import STILL_READ, StrategyChoice
from tui.widgets.candle_chart import CandleChart
from tui.widgets.figures import Figures
from tui.widgets.filter_box import FilterBox
from tui.widgets.hints import is_possible
from tui.widgets.line_table import LineTable
from tui.widgets.log_pane import LogPane
from tui.widgets.tones import Tone


def values(link: ScriptedLink) -> dict[str, str]:
    """The figures above the sessions, by label."""
    return {figure.label: figure.value for figure in headline_figures(link.snapshot())}


def kinds(link: ScriptedLink) -> dict[str, dict[str, str]]:
    """The same by what they are of: the word before them."""
    found: dict[str, dict[str, str]] = {}
    of = found.setdefault("", {})
    for figure in headline_figures(link.snapshot()):
        if figure.heads:
            of = found.setdefault(figure.label, {})
        else:
            of[figure.label] = figure.value
    return found


def test_money_of_a_demo_is_not_added_to_that_of_the_market() -> None:
    link = ScriptedLink(
        [
            session("aaaaaaa1", "one", mode=Mode.SIMULATED, equity=10_100.0),
            session("aaaaaaa2", "two", mode=Mode.DEMO, equity=99_000.0),
            session("aaaaaaa3", "three", mode=Mode.REPLAY, equity=77_000.0),
        ]
    )
    shown = kinds(link)
    assert list(shown) == ["", "SIMULATED", "DEMO", "REPLAY", "│"]
    assert shown["SIMULATED"]["EQUITY"] == "10,100.00"
    assert shown["SIMULATED"]["RUNNING P&L"] == "▲ +100.00"
    assert shown["DEMO"]["EQUITY"] == "99,000.00"
    assert shown["REPLAY"]["RUNNING P&L"] == "▲ +67,000.00"


def test_positions_are_counted_as_money_is_and_what_is_paused_does_not_run() -> None:
    sessions = [
        session("aaaaaaa1", "one", mode=Mode.SIMULATED, open_positions=(position(),)),
        session("aaaaaaa2", "two", mode=Mode.DEMO, open_positions=(position(), position("A/B"))),
        session("aaaaaaa3", "three", mode=Mode.SIMULATED, state=SessionState.PAUSED),
    ]
    shown = kinds(ScriptedLink(sessions))
    assert (shown["SIMULATED"]["POSITIONS"], shown["DEMO"]["POSITIONS"]) == ("1", "2")
    assert shown["│"] == {"RUNNING": "2 + 1 paused of 3", "STALE": "0", "ERRORS": "0"}
    shown = kinds(ScriptedLink(sessions[:1]))
    assert (shown[""]["POSITIONS"], shown[""]["RUNNING"]) == ("1", "1")


def test_equity_and_profit_are_of_the_same_sessions() -> None:
    ended = {"state": SessionState.STOPPED, "ended": NOW - 3 * DAY}
    link = ScriptedLink(
        [
            session("aaaaaaa1", "one", equity=10_100.0),
            session("aaaaaaa2", "two", equity=9_000.0, **ended),
        ]
    )
    shown = values(link)
    assert shown["EQUITY USDT"] == "10,100.00"
    assert shown["RUNNING P&L"] == "▲ +100.00"
    assert shown["ENDED P&L"] == "▼ -1,000.00"


def test_today_names_the_zone_whose_day_it_is_unless_it_is_utc() -> None:
    runs = session("aaaaaaa1", "one", equity=10_100.0, pnl_today=7.0)
    for zone, label in ((UTC, "TODAY"), (ZoneInfo("Asia/Tokyo"), "TODAY, JST")):
        snapshot = ScriptedLink([runs]).snapshot()
        for found in (figures(runs, zone), headline_figures(snapshot, zone)):
            assert {one.label: one.value for one in found}[label] == "▲ +7.00"
    ended = figures(replace(runs, state=SessionState.STOPPED, ended=NOW))
    assert not any(one.label.startswith("TODAY") for one in ended)


def test_what_has_ended_has_a_closed_feed_and_no_colour_of_gain() -> None:
    ended = session("aaaaaaa1", "one", equity=10_100.0, state=SessionState.STOPPED, ended=NOW)
    shown = {figure.label: figure for figure in figures(ended)}
    assert shown["DEMO FEED"].value == "closed"
    assert {figure.tone.value for figure in shown.values()} == {"dim"}
    assert why(ended, (), "BTC/USDT") == "Why (not) now"


def test_a_position_without_exit_conditions_waits_for_none_of_them() -> None:
    held = session("k3x9a1pq", "rsi_bounce", open_positions=(position(),))
    symbol = held.open_positions[0].symbol
    entry = Reading("entry", "rsi < 30", 41.8, 30.0, 11.8, holds=False)
    leave = Reading("exit", "rsi > 70", 41.8, 70.0, 28.2, holds=False)
    assert why(held, (entry,), symbol) == "In position · it has no exit condition"
    assert "0 of 1 exits hold" in why(held, (entry, leave), symbol)
    entered = position(entry_time=(held.last_candle or 0) + 300_000)
    now = replace(held, open_positions=(entered,))
    # Exits "held" right after an entry by hand, and it did not leave.
    assert why(now, (entry, leave), symbol) == "In position · exits decide at the next close"


def test_the_page_of_a_trials_session_says_that_it_is_one() -> None:
    for trial, expected in ((TrialHorizon(0, 60, None), True), (None, False)):
        parts = [text for text, _ in title(session("k3x9a1pq", "one", trial=trial), UTC)]
        assert ("trial" in parts) is expected


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"planned_end": NOW + 58 * DAY}, "2d of 60d"),
        ({"state": SessionState.STOPPED, "ended": NOW}, "ended 2025-11-22 14:02"),
    ],
)
async def test_the_head_of_a_session_is_not_cut_on_80_columns(
    changes: dict[str, Any], kept: str
) -> None:
    trial = TrialHorizon(0, 60, None)
    one = session("k3x9a1pq", "rsi_bounce", trial=trial, **changes)
    app = make_app(ScriptedLink([one]))
    async with driven(app, NARROW) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        head = str(app.screen.query_one("#one-title", Static).render())
        assert head.startswith("rsi_bounce · BTC/USDT 5m · DEMO · trial · ")
        assert kept in head
        assert len(head) <= 76


@pytest.mark.parametrize("symbols", [("BTC/USDT",), ("BTC/USDT", "ETH/USDT", "SOL/USDT")])
async def test_that_a_pair_is_blocked_and_how_long_it_ran_come_before_tags(
    symbols: tuple[str, ...],
) -> None:
    one = session(
        "k3x9a1pq", "rsi_bounce", symbols=symbols, blocked=symbols[:2],
        notes=SessionNotes(tags=("a_tag_of_some_length", "another", "and_a_third")),
    )  # fmt: skip
    parts = [text for text, _ in title(one, UTC)]
    assert f"{', '.join(symbols[:2])} blocked" in parts
    app = make_app(ScriptedLink([one]))
    async with driven(app, NARROW) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        head = str(app.screen.query_one("#one-title", Static).render())
        told, ran = "BTC/USDT" if len(symbols) == 1 else "2 of 3", parts[5]
        assert f"running · {told} blocked · {ran}" in head
        assert len(head) <= 76


def test_the_feeds_title_counts_notices_and_the_alerts_that_wait() -> None:
    rules = (AlertRule(AlertKind.BELOW, 1.0, "BTC/USDT"), AlertRule(AlertKind.DRAWDOWN, 5, None, 1))
    plain = session("aaaaaaa1", "one")
    noted = replace(plain, notices=("a", "b"), notes=SessionNotes(alerts=rules))
    assert (feed_title(plain), feed_title(noted)) == ("Feed", "Feed · 2 notices · 1 alert")


def test_how_far_a_condition_is_off_has_the_decimals_of_its_sides() -> None:
    def off(current: float, threshold: float) -> str:
        one = Reading("entry", "rsi < 30", current, threshold, abs(current - threshold), False)
        return condition_rows([one])[0].cells[-1].text

    assert off(39.6, 40.0015) == "0.40"
    assert off(30.0004, 30.0) == "0.0004000"  # not as if it held
    assert off(0.1821, 0.1902) == "0.008100"


def test_what_is_not_read_yet_is_unknown_and_not_nothing() -> None:
    unread = session(
        "aaaaaaa2", "two", state=SessionState.STARTING, state_reason="being taken up", unread=True
    )
    shown = {figure.label: figure.value for figure in figures(unread)}
    assert {shown[label] for label in ("EQUITY", "P&L", "P&L %", "TODAY", "TRADES")} == {"–"}
    assert positions_in_a_line(unread)[0][0] == "Known once its journal is read."
    row = dict(zip([c.label for c in SESSION_COLUMNS], session_row(unread).cells, strict=True))
    assert {row[label].text for label in ("TRADES", "WIN", "OPEN P&L", "P&L %")} == {"–"}
    link = ScriptedLink([session("aaaaaaa1", "one", equity=10_100.0), unread])
    assert {values(link)[label] for label in ("EQUITY USDT", "RUNNING P&L", "POSITIONS")} == {"–"}
    (head, *_) = rows(link.snapshot().sessions, GroupBy.STRATEGY)[2:]
    assert head.cells[13].text == "–"


async def test_before_the_first_snapshot_no_screen_says_that_there_is_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hosting, ready = ScriptedHosting(busy()), threading.Event()

    def run(tell: Callable[[HostLink], None]) -> None:
        ready.wait()
        ScriptedHosting.run(hosting, tell)

    monkeypatch.setattr(hosting, "run", run)
    app = WatchedApp(
        hosting, lambda: [choices()], host_name="web1", feed=FeedKind.DEMO, poll_every=3_600
    )

    def seen() -> str:
        return "\n".join(
            drawn(app, f"#{pane.id}")
            for pane in app.screen.query("LineTable, LogPane, CurveChart")
            if pane.id and pane.is_on_screen
        )

    def has(text: str) -> bool:
        return text in seen()

    waits = (
        ("1", "Reading the sessions …"),
        ("4", "rsi_bounce"),
        ("6", "Reading the log …"),
        ("8", "Reading the sessions …"),
    )
    try:
        async with app.run_test(size=WIDE) as pilot:
            for key, waiting in waits:
                await pilot.press(key)
                await until(pilot, partial(has, waiting))
                assert app.snapshot is None
                assert not re.search(r"\b(no|none|nothing)\b", seen(), re.IGNORECASE), key
            await pilot.press("1")
            ready.set()
            table = app.screen.query_one("#sessions", LineTable)
            await until(pilot, lambda: len(table.rows) == 5)
            await pilot.press("6")
            await until(pilot, lambda: not has("Reading"))
    finally:
        ready.set()


async def test_the_chart_ends_with_the_candle_that_forms_at_the_present_price() -> None:
    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        await until(pilot, lambda: f"{forming().close:,.2f}" in drawn(app, "#one-candles"))


async def test_positions_chart_and_conditions_are_of_one_moment() -> None:
    link = busy()
    app = make_app(link)
    async with driven(app, WIDE) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        why_pane = app.screen.query_one("#one-why")
        await until(pilot, lambda: "In position" in str(why_pane.border_title))
        link.change("k3x9a1pq", open_positions=())
        app.poll()
        await until(pilot, lambda: "Flat." in drawn(app, "#one-positions"))
        assert "Flat" in str(why_pane.border_title)


@dataclass
class _Moving(ScriptedLink):
    """A host whose price is another one each time it is asked for anything."""

    price: float = 63_900.0

    def _move(self) -> None:
        self.price += 1.25
        held = (position(mark_price=self.price, unrealized_pnl=self.price - 63_900),)
        self.change("k3x9a1pq", open_positions=held, equity=self.price)

    def snapshot(self) -> HostSnapshot:
        self._move()
        return super().snapshot()

    async def detail(self, session_id: str) -> SessionDetail:
        self._move()
        told = await super().detail(session_id)
        now = {name: one._replace(close=self.price) for name, one in told.forming.items()}
        return replace(told, forming=now, prices=dict.fromkeys(now, self.price))


async def test_the_price_of_the_chart_is_that_at_which_the_position_is_marked() -> None:
    link = _Moving(busy().sessions)
    app = make_app(link)
    async with driven(app, (200, 60)) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        seen = set()
        for _ in range(4):
            app.poll()
            table = app.screen.query_one("#one-positions", LineTable)
            await until(
                pilot, lambda: "sma_10" in str(app.screen.query_one("#one-candles").border_title)
            )
            mark = table.rows[0].cells[4].text
            seen.add(mark)
            assert mark in drawn(app, "#one-candles")
            assert mark in str(app.screen.query_one(Figures).rows)
            table.focus()
            await pilot.press("p", "p")  # paused and resumed: asked for at once, not in a second
        assert len(seen) > 1
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TradeScreen))
        for _ in range(3):
            app.poll()
            await pilot.pause()
            (held,) = shown(app).sessions[0].open_positions
            price = f"{held.mark_price:,.2f}"
            assert price in drawn(app, "#trade-fields")
            await until(pilot, lambda: price in drawn(app, "#trade-candles"))  # noqa: B023
        link.change("k3x9a1pq", open_positions=())
        link._move = lambda: None  # type: ignore[method-assign]
        app.poll()
        await until(pilot, lambda: "closed by now" in drawn(app, "#trade-title"))
        await until(pilot, lambda: "closed by now" in drawn(app, "#trade-exit"))
        assert "It is open" not in drawn(app, "#trade-exit")


async def test_a_condition_is_shown_with_both_of_its_sides() -> None:
    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        await until(pilot, lambda: "63,120.40" in drawn(app, "#one-why"))
        assert "THRESHOLD" in drawn(app, "#one-why")


async def test_a_small_terminal_shows_position_and_equity_of_a_session() -> None:
    app = make_app(busy())
    async with driven(app, NARROW) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        line = app.screen.query_one("#one-position-line")
        await until(pilot, lambda: "long 0.15512 from 64,210.50" in str(line.render()))
        assert line.display
        assert not app.screen.query_one("#one-side").display
        await pilot.press("v", "v", "v")
        await until(pilot, lambda: app.screen.query_one("#one-side").display)


async def test_the_id_and_the_planned_end_are_always_there() -> None:
    app = make_app(busy())
    async with driven(app, NARROW):
        title = str(app.screen.query_one("#positions").border_title)
        assert "k3x9a1pq" in title
        assert "until 27 Nov 14:02" in title


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_a_scrollbar_takes_no_column_away(size: tuple[int, int]) -> None:
    link = ScriptedLink([session(f"aaaaaa{n:02d}", "one") for n in range(12)])
    app = make_app(link)
    async with driven(app, size) as pilot:
        before = drawn(app, "#sessions").splitlines()[0].split()
        link.sessions += [session(f"bbbbbb{n:02d}", "two") for n in range(40)]
        app.poll()
        await pilot.pause()
        assert drawn(app, "#sessions").splitlines()[0].split() == before


def test_equity_and_timeframe_sort_by_what_they_mean() -> None:
    long = session_row(session("aaaaaaa1", "one", timeframe="4h", equity=5.0)).cells
    short = session_row(session("aaaaaaa2", "two", timeframe="15m", equity=9.0)).cells
    labels = [column.label for column in SESSION_COLUMNS]
    timeframe, equity = labels.index("TF"), labels.index("EQUITY")
    assert (long[timeframe].order, short[timeframe].order) == (14_400_000, 900_000)
    assert (long[equity].order, short[equity].order) == (5.0, 9.0)


async def test_a_viewer_leaves_at_once_for_nothing_ends_by_it() -> None:
    link = ScriptedLink([session("k3x9a1pq", "rsi_bounce")], pid=1)
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)
    assert link.commands == []


async def test_the_key_that_moves_up_quits_nothing() -> None:
    app = make_app(ScriptedLink([session("k3x9a1pq", "rsi_bounce")]))
    async with driven(app) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("k", "k")
        await pilot.pause()
        assert isinstance(app.screen, Ask)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, SessionsScreen))


async def test_log_lines_of_another_day_have_a_date() -> None:
    link = busy()
    app = make_app(link)
    async with driven(app) as pilot:
        pane = app.screen.query_one(LogPane)
        await until(pilot, lambda: bool(pane.shown))
        assert "22 Nov" not in drawn(app, "#log")
        link.now += DAY
        link.log("running", "k3x9a1pq")
        app.poll()
        await until(pilot, lambda: "Sun 23 Nov ──" in drawn(app, "#log"))
        assert "  14:02:11 " in drawn(app, "#log")


def test_trades_of_a_report_come_the_newest_first() -> None:
    rows = trade_rows(
        WrittenReport(
            trades=(ReportedTrade(id=1, symbol="A/USDT"), ReportedTrade(id=2, symbol="B/USDT"))
        )
    )
    assert [row.cells[0].text for row in rows] == ["2", "1"]


async def test_falling_candles_have_a_shape_of_their_own_without_colour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        await until(pilot, lambda: app.screen.query_one(CandleChart).size.height > 0)
        await until(pilot, lambda: "█" in drawn(app, "#one-candles"))
        assert "┃" in drawn(app, "#one-candles") or "╻" in drawn(app, "#one-candles")


def choice(path: Path, name: str, origin: str) -> StrategyChoice:
    """A strategy as the list has it."""
    raw = {"name": name, "status": "tested"}
    return StrategyChoice(name, origin, path / name / "STRATEGY.md", raw)


async def test_after_a_copy_the_cursor_is_on_it_and_a_taken_name_stays_in_the_dialog(
    tmp_path: Path,
) -> None:
    samples, own = tmp_path / "samples", tmp_path / "papertape" / "strategies"
    for folder in (samples / "alpha", samples / "omega", own / "alpha"):
        folder.mkdir(parents=True)
        (folder / "STRATEGY.md").write_text(f"---\nname: {folder.name}\n---\n")

    def there() -> list[StrategyChoice]:
        mine = [choice(own, one.name, "workspace") for one in sorted(own.iterdir())]
        return [*mine, choice(samples, "omega", "sample"), choice(samples, "band", "sample")]

    app = PapertapeApp(
        make_app(ScriptedLink()).hosting,
        lambda: [[replace(one, raw={}, is_read=False) for one in there()], there()],
        host_name="here",
        feed=FeedKind.DEMO,
        workspace=tmp_path / "papertape",
        poll_every=3_600,
    )
    async with driven(app, WIDE) as pilot:
        await pilot.press("2")
        table = app.screen.query_one("#strategy-list", LineTable)
        await until(pilot, lambda: len(table.rows) == 3)
        await pilot.press("slash", *"omega", "enter")
        await until(pilot, lambda: len(table.rows) == 1)
        await pilot.press("D")
        await until(pilot, lambda: isinstance(app.screen, AskName))
        app.screen.query_one(Input).value = "alpha"
        await pilot.press("enter")
        verdict = app.screen.query_one("#name-verdict")
        await until(pilot, lambda: "already" in str(verdict.render()))
        app.screen.query_one(Input).value = "band"
        await pilot.press("enter")
        await until(pilot, lambda: "a sample, which the copy would hide" in str(verdict.render()))
        assert isinstance(app.screen, AskName)
        app.screen.query_one(Input).value = "größe"
        await pilot.press("enter")
        await until(pilot, lambda: len(table.rows) == 4)
        await until(pilot, lambda: "größe" in str(table.cursor_key))
        assert app.screen.query_one(FilterBox).text == "", "it would leave the copy out"
        await pilot.press("slash", *"tested", "enter", "D")
        await until(pilot, lambda: isinstance(app.screen, AskName))
        app.screen.query_one(Input).value = "zeta"
        await pilot.press("enter")
        await until(pilot, lambda: "zeta" in str(table.cursor_key))
        assert app.screen.query_one(FilterBox).text == "tested", "the copy passes it once read"


async def test_enter_on_a_trade_and_on_a_position_shows_it_by_itself() -> None:
    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        session_screen = app.screen
        trades = session_screen.query_one("#one-trades", LineTable)
        await until(pilot, lambda: bool(trades.rows) and app.focused is trades)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TradeScreen))
        await until(pilot, lambda: "63,743.52" in drawn(app, "#trade-fields"))
        await until(pilot, lambda: "◆" in drawn(app, "#trade-candles"))
        await pilot.press("h")
        await until(pilot, lambda: "64,333.69" in drawn(app, "#trade-fields"))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is session_screen)
        session_screen.query_one("#one-positions").focus()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TradeScreen))
        await until(pilot, lambda: "73,842.10" in drawn(app, "#trade-fields"))


@pytest.mark.parametrize(("way", "table"), [("1", "positions"), ("8h", "performance-open")])
async def test_enter_on_a_position_of_several_shows_the_symbol_it_is_of(
    way: str, table: str
) -> None:
    held = position("ETH/USDT")
    two = session("k3x9a1pq", "two", symbols=("BTC/USDT", "ETH/USDT"), open_positions=(held,))
    app = make_app(ScriptedLink([two]))
    async with driven(app, WIDE) as pilot:
        await pilot.press(*way)
        await until(pilot, lambda: app.screen.query(f"#{table}"))
        positions = app.screen.query_one(f"#{table}", LineTable)
        await until(pilot, lambda: positions.rows)
        positions.focus()
        await pilot.press("enter")
        page = await arrived(pilot, SessionScreen)
        chart = page.query_one("#one-candles")
        await until(pilot, lambda: "/USDT" in str(chart.border_title))
        assert "ETH/USDT" in str(chart.border_title)


@pytest.mark.parametrize("ended", [None, NOW])
async def test_the_page_of_a_session_that_was_deleted_elsewhere_is_left_with_a_word(
    ended: int | None,
) -> None:
    state = SessionState.RUNNING if ended is None else SessionState.STOPPED
    link = ScriptedLink(
        [session("k3x9a1pq", "it", state=state, ended=ended), session("aaaaaaa1", "other")]
    )
    app = make_app(link)
    async with driven(app, WIDE) as pilot:
        await app.push_screen(SessionScreen("k3x9a1pq"))
        page = await arrived(pilot, SessionScreen)
        chart = page.query_one("#one-candles")
        await until(pilot, lambda: "BTC/USDT" in str(chart.border_title))
        await pilot.press("question_mark")
        help_ = await arrived(pilot, HelpScreen)
        link.sessions = [one for one in link.sessions if one.id != "k3x9a1pq"]
        page.ask()
        await until(pilot, lambda: not page._asking)
        await pilot.pause()
        assert app.screen is help_, "what lies over the page is not closed in its place"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, SessionsScreen))
        assert [note.message for note in app.notes] == ["Session k3x9a1pq has been deleted."]


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_the_filter_takes_no_column_away(size: tuple[int, int]) -> None:
    app = make_app(busy())
    async with driven(app, size) as pilot:
        before = drawn(app, "#sessions").splitlines()[0]
        await pilot.press("slash", "r")
        await until(pilot, lambda: len(app.screen.query_one("#sessions", LineTable).rows) < 5)
        assert drawn(app, "#sessions").splitlines()[0] == before


async def test_what_is_archived_is_shown_opened_and_put_back() -> None:
    ended = session("aaaaaaa1", "one", state=SessionState.STOPPED, ended=NOW)
    link = ScriptedLink([session("k3x9a1pq", "rsi_bounce"), ended])
    app = make_app(link)
    async with driven(app, WIDE) as pilot:
        table = app.screen.query_one("#sessions", LineTable)
        await pilot.press("G", "a", "y")
        await until(pilot, lambda: [row.key for row in table.rows] == ["k3x9a1pq"])
        await pilot.press("A")
        await until(pilot, lambda: [row.key for row in table.rows] == ["aaaaaaa1"])
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        await until(pilot, lambda: "aaaaaaa1" in str(app.screen.query_one("#one-title").render()))
        await until(pilot, lambda: "63,743.52" in drawn(app, "#one-trades"))
        await pilot.press("escape", "a")
        await until(pilot, lambda: not table.rows)
        assert "A returns" in table.empty
        await pilot.press("escape")
        await until(pilot, lambda: [row.key for row in table.rows] == ["k3x9a1pq", "aaaaaaa1"])


def test_a_months_bar_is_as_long_as_it_ranks_from_one_axis_on_and_none_is_unknown() -> None:
    months = [
        {"month": "2025-09", "return_pct": -4.0},
        {"month": "2025-10", "return_pct": 1.0},
        {"month": "2025-11", "return_pct": None},
    ]
    bars = [row.cells[2] for row in month_rows(written_report(report("x", monthly=months)))]
    assert [(bar.order, bar.share) for bar in bars] == [(4.0, 0.0), (1.0, 1.0), (None, None)]
    assert [bar.drawn(11) for bar in bars] == ["━━━━━━━━│", "        │━━", ""]
    lost = [{"month": "2025-09", "return_pct": -4.0}, {"month": "2025-10", "return_pct": -2.0}]
    bars = [row.cells[2] for row in month_rows(written_report(report("x", monthly=lost)))]
    assert [bar.drawn(11) for bar in bars] == ["━━━━━━━━━━│", "     ━━━━━│"]


@pytest.mark.parametrize("before", ["", "DEMO: a made-up market shows how a strategy runs. "])
def test_a_report_says_once_that_no_backtest_stands_behind_it(before: str) -> None:
    told = report(
        "rsi_bounce",
        recommendation=f"{before}{NO_BACKTEST}",
        warnings=[NOT_BACKTESTED],
    )
    texts = [one.text for one in remarks(written_report(told))]
    assert sum("No backtest" in text for text in texts) == 1


async def test_the_palette_offers_only_what_is_possible() -> None:
    app = make_app(ScriptedLink())
    async with driven(app) as pilot:
        assert is_possible(by_id("session.new"), app.screen)
        assert not is_possible(by_id("session.stop"), app.screen)
        await pilot.press("ctrl+p")
        await pilot.pause(0.2)
        assert "Stop the session" not in app.export_screenshot().replace("&#160;", " ")


def by_id(name: str) -> Command:
    return next(command for command in COMMANDS if command.id == name)


async def test_the_cursor_follows_a_sample_into_the_workspace() -> None:
    listed = list(choices())
    app = make_app(ScriptedLink(), strategies=lambda: tuple(listed))
    async with driven(app) as pilot:
        await pilot.press("2")
        table = app.screen.query_one("#strategy-list", LineTable)
        await until(pilot, lambda: len(table.rows) == 3)
        assert table.cursor_key is not None
        assert table.cursor_key.startswith("sample:")
        copy = replace(listed.pop(0), origin="workspace", path=Path("strategies/rsi_bounce/x.md"))
        listed.append(copy)
        await pilot.press("R")
        await until(pilot, lambda: table.cursor_key == f"workspace:{copy.path}")


async def test_strategies_are_shown_and_refused_while_they_are_read() -> None:
    whole = choices()
    unread = [
        StrategyChoice(
            one.path.parent.name, one.origin, one.path, {}, problems=(STILL_READ,), is_read=False
        )
        for one in whole
    ]
    going_on = threading.Semaphore(0)

    def lists() -> Iterator[Sequence[StrategyChoice]]:
        yield unread
        going_on.acquire(timeout=20)
        yield [unread[0], whole[1], unread[2]]
        going_on.acquire(timeout=20)
        yield whole

    app = WatchedApp(make_app(ScriptedLink()).hosting, lists, host_name="web1", poll_every=3_600)
    async with driven(app) as pilot:
        await pilot.press("2")
        table = app.screen.query_one("#strategy-list", LineTable)
        await until(pilot, lambda: len(table.rows) == 3)
        assert "reading, 0 done" in str(table.border_title)
        assert STILL_READ in drawn(app, "#strategy-text")
        assert not is_possible(by_id("strategies.sweep"), app.screen)
        table.order_by("TF")
        table.move_to(f"workspace:{whole[1].path}")
        going_on.release()
        await until(pilot, lambda: "reading, 1 done" in str(table.border_title))
        assert [row.cells[2].text for row in table.rows] == ["1h", "", ""]
        assert table.cursor_key == f"workspace:{whole[1].path}"
        assert is_possible(by_id("strategies.sweep"), app.screen)
        going_on.release()
        await until(pilot, lambda: str(table.border_title) == " Strategies · 3 ")
        assert [row.cells[2].text for row in table.rows] == ["5m", "1h", ""]
        await pilot.press("s")
        form = await arrived(pilot, NewSession)
        await until(pilot, lambda: form.picked is not None)
        assert STILL_READ in form.request()[1]
        going_on.release(2)
        await until(pilot, lambda: form.picked is not None and form.picked.is_read)
        assert form.picked is not None
        assert form.picked.name == "ema_cross"
        assert STILL_READ not in form.request()[1]
        going_on.release(100)  # whoever else reads


async def test_jobs_beside_a_market_with_a_clock_of_its_own_say_by_which_they_are_due() -> None:
    link = busy()
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: "this machine's clock" in title_of(app, "#jobs"))
        demo, real = link.sessions[:2]
        link.change(demo.id, mode=Mode.SIMULATED)
        link.sessions = [one for one in link.sessions if one.mode is Mode.SIMULATED]
        app.poll()
        await until(pilot, lambda: "clock" not in title_of(app, "#jobs"))
    (detail,) = [await link.detail(real.id)]
    rows = [feed_rows(replace(one, next_jobs=("check it",)), detail)[0] for one in (demo, real)]
    assert [row.cells[0].text for row in rows] == [
        "job check it, by this machine's clock", "job check it"
    ]  # fmt: skip


def title_of(app: PapertapeApp, name: str) -> str:
    return str(app.screen.query_one(name).border_title)


async def test_how_far_a_condition_is_off_is_seen_on_an_ordinary_terminal() -> None:
    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        await until(pilot, lambda: "OFF BY" in drawn(app, "#one-why"))


def test_who_stops_a_trial_is_told_that_it_is_one() -> None:
    plain, sealed = session("a1", "one"), session("b2", "two", trial=TrialHorizon(0, 80, None))
    assert "trial" not in stop_question([plain])[1]
    assert "It is a trial: what it has not answered" in stop_question([sealed])[1]
    assert "A trial is among them" in stop_question([plain, sealed])[1]


@pytest.mark.parametrize(("columns", "kept"), [(80, 4), (60, 3)])
async def test_what_has_failed_is_counted_on_every_terminal(columns: int, kept: int) -> None:
    """With two kinds of money the count of failed sessions had no room."""
    link = ScriptedLink(
        [
            session("aaaaaaa1", "one", mode=Mode.DEMO),
            session("aaaaaaa2", "two", mode=Mode.SIMULATED, open_positions=(position(),)),
            session("aaaaaaa3", "three", mode=Mode.DEMO),
        ]
    )
    app = make_app(link)
    async with driven(app, (columns, 24)) as pilot:
        strip = app.screen.query_one("#figures", Figures)
        labels, values = (line.plain for line in strip.lines())
        assert "ERRORS" in labels or columns < 80
        link.change("aaaaaaa1", state=SessionState.ERROR, ended=NOW)
        app.poll()
        await pilot.pause()
        labels, values = (line.plain for line in strip.lines())
        assert "ERRORS" in labels
        assert values[labels.index("ERRORS")] == "1"
        assert len(re.split(r"  +", labels.strip())) >= kept


async def test_keys_open_a_trade_only_where_there_is_one() -> None:
    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        await until(pilot, lambda: "Enter trade" in drawn(app, "Hints"))
        await pilot.press("v")
        await until(pilot, lambda: app.focused is app.screen.query_one("#one-log"))
        assert "Enter" not in drawn(app, "Hints")
        app.screen.query_one("#one-positions").focus()
        await until(pilot, lambda: "Enter trade" in drawn(app, "Hints"))


def test_where_no_trade_has_closed_what_is_open_is_named() -> None:
    held = session("k3x9a1pq", "rsi_bounce", open_positions=(position(),))
    assert no_trade(held) == "No trade has closed yet: BTC/USDT long is open."
    both = replace(held, open_positions=(position(), position("ETH/USDT")))
    assert no_trade(both) == "No trade has closed yet: 2 positions are open."
    assert no_trade(replace(held, open_positions=())) == "No trade yet."
    ended = replace(held, open_positions=(), state=SessionState.STOPPED, ended=NOW)
    assert no_trade(ended) == "It closed no trade."


async def test_a_position_line_that_is_not_shown_is_not_written() -> None:
    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        await until(pilot, lambda: "64,210.50" in drawn(app, "#one-positions"))
        line = app.screen.query_one("#one-position-line", Static)
        assert not str(line.content)
        await pilot.resize_terminal(*NARROW)
        await until(pilot, lambda: "from 64,210.50" in str(line.content))


def test_trades_of_another_year_say_which() -> None:
    one = session("k3x9a1pq", "rsi_bounce", symbols=("BTC/USDT",))
    trades = closed_trades("BTC/USDT", 4 * HOUR)
    columns, rows = trade_table_of(one, trades, UTC)
    entered = [column.label for column in columns].index("ENTERED")
    assert rows[0].cells[entered].text == "09 Nov 20:00"
    earlier = msgspec.structs.replace(trades[0], entry_time=trades[0].entry_time - 400 * DAY)
    columns, rows = trade_table_of(one, (earlier, *trades[1:]), UTC)
    assert rows[0].cells[entered].text == "2025-11-09 20:00"
    assert columns[entered].width == len("2025-11-09 20:00")


@pytest.mark.parametrize(
    ("mode", "whose"),
    [
        (Mode.DEMO, " by the demo's clock"),
        (Mode.REPLAY, " by the replay's clock"),
        (Mode.SIMULATED, ""),
    ],
)
async def test_times_of_a_market_with_its_own_clock_are_told_to_be_by_that(
    mode: Mode, whose: str
) -> None:
    """Its end was told by a clock that nothing showed, beside jobs by this machine's."""
    app = make_app(ScriptedLink([session("k3x9a1pq", "rsi", mode=mode, planned_end=NOW + DAY)]))
    async with driven(app, WIDE) as pilot:
        title = str(app.screen.query_one("#positions").border_title)
        assert title.rstrip().endswith(f"until 23 Nov 14:02{whose}")
        await pilot.press("enter")
        await until(pilot, lambda: "k3x9a1pq" in text_of(app, "#one-title"))
        assert (" · market 22 Nov 14:02 · " in text_of(app, "#one-title")) is bool(whose)
        await pilot.resize_terminal(*NARROW)
        await until(pilot, lambda: "market 22 Nov" not in text_of(app, "#one-title"))
        assert (" · market 14:02" in text_of(app, "#one-title")) is bool(whose)


def test_when_a_session_ended_has_a_year() -> None:
    ended = session("k3x9a1pq", "one", state=SessionState.STOPPED, ended=NOW - 500 * DAY)
    assert planned_end(ended, UTC) == "ended 2024-07-10 14:02"


async def test_every_page_is_in_the_zone_of_its_clock() -> None:
    """A trade stood at two times: Session and its trades in the zone, Report and Compare in UTC."""
    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        app.zone = ZoneInfo("Asia/Tokyo")
        app.poll()

        def clock() -> str:
            return drawn(app, "TopBar").split()[-1]

        await until(pilot, lambda: clock() == "JST")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        trades = app.screen.query_one("#one-trades", LineTable)
        await until(pilot, lambda: len(trades.rows) == 2)
        trades.focus()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TradeScreen))
        await until(pilot, lambda: clock() == "JST")
        await pilot.press("escape", "r")
        await until(pilot, lambda: app.screen.TITLE == "Report")
        await until(pilot, lambda: clock() == "JST")
        assert "2025-11-12 21:00" in drawn(app, "#result-trades")  # 12:00 in UTC
        assert "Months · UTC" in str(app.screen.query_one("#result-months").border_title)
        assert " JST, " in drawn(app, "#result-title")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TradeScreen))
        assert "2025-11-12 21:00" in drawn(app, "#trade-fields")
        await pilot.press("escape")
        app.zone = ZoneInfo("Asia/Kolkata")  # taken over from another screen of the workspace
        await until(pilot, lambda: " IST, " in drawn(app, "#result-title"))
        assert "2025-11-12 17:30" in drawn(app, "#result-trades")
        await pilot.press("4")
        await until(pilot, lambda: app.screen.TITLE == "Compare")
        await until(pilot, lambda: clock() == "IST")


@pytest.mark.parametrize("is_made", [True, False])
async def test_a_named_workspace_that_was_not_there_is_said_to_be_new(
    tmp_path: Path, is_made: bool
) -> None:
    """A mistyped one was made without a word, and the tour began."""
    app = WatchedApp(
        ScriptedHosting(busy()),
        lambda: [choices()],
        host_name="web1",
        workspace=tmp_path / "typo",
        poll_every=3_600,
        is_made=is_made,
    )
    async with driven(app):
        said = [note.message.replace("\n", "") for note in app.notes]  # a long path is broken
        told = [text for text in said if "is a new workspace" in text]
        assert told == [f"{tmp_path / 'typo'} is a new workspace, made just now."] * is_made


def test_a_session_whose_entries_are_blocked_says_so_in_the_list() -> None:
    labels = [column.label for column in SESSION_COLUMNS]
    several = session("aaaaaaa1", "one", symbols=("BTC/USDT", "ETH/USDT"))
    blocked = replace(several, blocked=("ETH/USDT",))
    ended = replace(blocked, state=SessionState.STOPPED)
    rows = [session_row(one).cells for one in (several, blocked, ended)]
    assert [row[labels.index("STRATEGY")].signs for row in rows] == ["", "!", ""]
    tones = [row[labels.index("SYMBOLS")].tone for row in rows]
    assert [tone is Tone.WARNING for tone in tones] == [False, True, False]


@pytest.mark.parametrize("size", [(100, 30), WIDE])
async def test_figures_stand_where_they_stood_while_they_get_shorter(size: tuple[int, int]) -> None:
    """Labels moved left and right with each price."""
    link = busy()
    app = make_app(link)
    async with driven(app, size) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        places = []

        def shows(text: str) -> bool:
            return text in drawn(app, "Figures").split()

        for equity, told in ((10_000.0, "0.00"), (9_100.5, "-899.50"), (10_000.0, "0.00")):
            link.change("k3x9a1pq", equity=equity, unrealized_pnl=equity - 10_000.0)
            app.poll()
            await until(pilot, partial(shows, told))
            places.append(drawn(app, "Figures").splitlines()[0].rstrip())
        assert places[0] != places[1] == places[2]


@pytest.mark.parametrize("alike", [False, True])
@pytest.mark.parametrize("width", [60, 80, 100, 120])
async def test_that_a_pair_is_blocked_and_how_many_there_are_is_seen_on_any_width(
    width: int,
    alike: bool,
) -> None:
    pairs = ("BTC/USDT", "ETH/USDT")
    sessions = [session("aaaaaaa1", "band", symbols=pairs, blocked=pairs[1:])]
    sessions += [session("aaaaaaa2", "band", symbols=pairs)] * alike
    app = make_app(ScriptedLink(sessions))
    async with driven(app, (width, 24)) as pilot:
        await until(pilot, lambda: "band !" in drawn(app, "#sessions"))
        assert ("BTC/USDT +1 " in drawn(app, "#sessions")) is (width > 60)


async def test_of_sessions_alike_the_trades_are_listed_on_80_columns_beside_their_ids() -> None:
    sessions = [session(f"aaaaaaa{n}", "band", symbols=("BTC/USDT",)) for n in range(3)]
    app = make_app(ScriptedLink(sessions))
    async with driven(app, NARROW):
        heading = drawn(app, "#sessions").splitlines()[0].split()
        assert heading[:6] == ["STATE", "ID", "STRATEGY", "SYMBOLS", "TRADES", "OPEN"]


async def test_on_80_columns_whose_clock_a_time_is_by_is_told_whole_or_not_at_all() -> None:
    sealed = session(
        "k3x9a1pq", "band", mode=Mode.DEMO, planned_end=NOW + DAY, trial=TrialHorizon(NOW, 60, 60.0)
    )
    app = make_app(ScriptedLink([sealed]))
    async with driven(app, NARROW) as pilot:
        title = app.screen.query_one("#positions")
        await until(pilot, lambda: "until" in str(title.border_title))
        assert str(title.border_title).rstrip().endswith("until 23 Nov 14:02")
