"""Nothing is cut, hidden or left small that has room; what one sees leads to what stands behind."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from core.journal.values import Mode, SessionState
from core.market.candles.candle import Candle
from core.report.written_report import ReportedTrade
from core.session.snapshot import Level, LogLine, SessionDetail
from core.strategy.signals.reading import Reading
from core.trading.values import ExitReason, Side, Trade
from tests.ui.driving import NARROW, VAST, WIDE, driven, host_of, make_app, until
from tests.ui.scripted import DAY, HOUR, NOW, ScriptedLink, busy, choices, session
from tests.ui.test_sessions import drawn
from tui.app import PapertapeApp
from tui.commands import COMMANDS, Place
from tui.screens import trade_fields
from tui.screens.base import WIDE as WIDE_FROM
from tui.screens.compare import CompareScreen
from tui.screens.compare_rows import PRICES, TRADE_COLUMNS
from tui.screens.conditions import condition_columns, condition_rows
from tui.screens.help import HelpScreen
from tui.screens.report import ReportScreen
from tui.screens.session import SessionScreen
from tui.screens.trade_rows import in_zone, trade_cells, trade_columns, trade_rows
from tui.widgets.candle_picture import Picture, PriceLevel, Slot
from tui.widgets.columns import places
from tui.widgets.heat_map import HeatCell, HeatGrid, HeatMap
from tui.widgets.line_table import LineTable
from tui.widgets.log_pane import LogPane
from tui.widgets.tones import Tone


@pytest.mark.parametrize(("price", "line"), [(10.0, -2), (900.0, 0)])
def test_a_level_beyond_the_prices_hides_no_candle(price: float, line: int) -> None:
    candles = [Candle(n * 60_000, 100.0 + n, 101.0 + n, 99.0 + n, 100.5 + n, 0.0) for n in range(9)]
    picture = Picture(
        [Slot(one, ()) for one in (*candles, *reversed(candles))], 1, (),
        [PriceLevel("stop", price, Tone.LOSS)], (), UTC, 8,
    )  # fmt: skip
    rows = ["".join(glyph for glyph, _ in row) for row in picture.painted(18, 20)]
    assert rows[line].startswith("stop")
    prices = [row[:18] for number, row in enumerate(rows[:-1]) if number != line % len(rows)]
    assert all(any(row[column] != " " for row in prices) for column in range(18))


@pytest.mark.parametrize(("width", "words"), [(53, 18), (76, 32)])
def test_both_sides_of_a_condition_have_their_figures_and_its_words_the_rest(
    width: int, words: int
) -> None:
    reading = Reading("entry", "close < way_out.lower", 109_362.57, 109_118.02, 244.55, False)
    columns = condition_columns(condition_rows([reading]))
    shown = {columns[one.column].label: one for one in places(columns, 0, width)}
    assert shown["VALUE"].width == shown["THRESHOLD"].width == len("109,362.57")
    assert shown["CONDITION"].width >= words


@pytest.mark.parametrize(("words", "left_out"), [(30, set()), (36, {"OFF BY"}), (45, {"OFF BY"})])
def test_the_words_of_a_condition_are_whole_at_eighty_columns_beside_its_two_sides(
    words: int, left_out: set[str]
) -> None:
    text = "close crosses above 1.01 * vwap + keltner.upper"[:words]
    reading = Reading("entry", text, 70_500.49, 70_451.94, 48.55, False)
    columns = condition_columns(condition_rows([reading]))
    shown = {columns[one.column].label: one for one in places(columns, 0, 77)}
    assert {column.label for column in columns} - shown.keys() == left_out
    assert shown["CONDITION"].width >= words
    assert shown["VALUE"].width == shown["THRESHOLD"].width == len("70,500.49")
    narrow = {columns[one.column].label for one in places(columns, 0, 57)}
    assert "THRESHOLD" in narrow


class _Map(Screen[None]):
    """Nothing but a map."""

    def compose(self) -> ComposeResult:
        yield HeatMap()


async def test_a_high_terminal_has_no_blank_list_beside_a_log_that_scrolls() -> None:
    link = ScriptedLink([session(f"s{number:07d}", "rsi_bounce") for number in range(5)])
    app = make_app(link)
    async with driven(app, VAST) as pilot:
        table, log = app.screen.query_one("#sessions", LineTable), app.screen.query_one("#log")
        assert table.outer_size.height == 14
        assert log.size.height >= 35
        await pilot.press("slash", "x", "enter")
        await pilot.pause()
        assert table.outer_size.height == 14, "a filter moves no pane"
        await pilot.resize_terminal(VAST[0], 40)
        await until(pilot, lambda: table.outer_size.height > 20)  # it is not high any more
        await pilot.resize_terminal(*VAST)
        await until(pilot, lambda: table.outer_size.height == 14)
        await pilot.press("escape", "right_curly_bracket")
        await until(pilot, lambda: table.outer_size.height == 16)  # the size chosen holds
        await pilot.press("left_curly_bracket")
        await until(pilot, lambda: table.outer_size.height == 14)
    link.sessions += [session(f"t{number:07d}", "rsi_bounce") for number in range(35)]
    app = make_app(link)
    async with driven(app, VAST):
        assert app.screen.query_one("#sessions").outer_size.height > 36


async def test_a_small_heat_map_fills_a_high_pane_and_is_clicked_where_it_is() -> None:
    app = make_app(busy())
    async with driven(app, (80, 40)) as pilot:
        app.push_screen(_Map())
        await until(pilot, lambda: bool(app.screen.query(HeatMap)))
        cells = tuple(tuple(HeatCell(f"{r}{c}", 0.5) for c in range(3)) for r in range(4))
        shown = app.screen.query_one(HeatMap)
        shown.draw(HeatGrid("down", "across", tuple("pqrs"), tuple("xyz"), cells))
        await pilot.pause()
        lines = [shown.render_line(y).text for y in range(shown.size.height)]
        told = [number for number, line in enumerate(lines) if line.strip()[:1] in tuple("pqrs")]
        assert told == [3, 8, 13, 18]
        await pilot.click(HeatMap, offset=(lines[13].index("21"), 14))
        assert shown.at == (2, 1)


async def test_a_heat_map_gives_up_its_air_before_a_column() -> None:
    app = make_app(busy())
    async with driven(app, (62, 24)) as pilot:
        app.push_screen(_Map())
        await until(pilot, lambda: bool(app.screen.query(HeatMap)))
        shown = app.screen.query_one(HeatMap)
        cells = tuple(tuple(HeatCell(f"-1{r}.4{c}", 0.5) for c in range(7)) for r in range(2))
        shown.draw(HeatGrid("down", "across", ("1005", "1006"), tuple("1234567"), cells))
        await pilot.pause()
        text = "\n".join(shown.render_line(y).text for y in range(shown.size.height))
        assert " of 7" not in text
        figures = " ".join(f"-10.4{c}" for c in range(7))
        assert figures in text.replace("◂", " "), "all of them, beside the cursor's mark"


@pytest.mark.parametrize("keys", [("enter",), ("r",)])
async def test_a_session_is_compared_from_its_own_screen_and_from_its_report(
    keys: tuple[str, ...],
) -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        await pilot.press(*keys)
        await until(pilot, lambda: isinstance(app.screen, SessionScreen | ReportScreen))
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        progress = app.screen.query_one("#compare-progress", Static)
        assert "Nothing is compared yet" not in str(progress.render())


class _Slow(ScriptedLink):
    """A host whose answers about one session take their time."""

    answering: asyncio.Event

    async def detail(self, session_id: str) -> SessionDetail:
        await self.answering.wait()
        return await super().detail(session_id)


async def test_where_there_is_room_the_log_stands_beside_what_happened() -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        positions, log = (app.screen.query_one(name) for name in ("#positions", "#log"))
        assert positions.region.bottom == log.region.y
        await pilot.resize_terminal(*VAST)
        await until(pilot, lambda: positions.region.right == log.region.x)
        assert positions.region.y == log.region.y
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        trades, log, feed, side = (
            app.screen.query_one(name)
            for name in ("#one-trades", "#one-log", "#one-feed", "#one-side-log")
        )
        await until(pilot, lambda: side.region.y > app.screen.query_one("#one-drawdown").region.y)
        assert trades.size.width == VAST[0], "the log takes none of its columns"
        await pilot.press("v")
        await until(pilot, lambda: feed.display and not trades.display)
        assert side.display
        await pilot.press("v")
        await until(pilot, lambda: trades.display and app.focused is trades)
        await pilot.resize_terminal(*NARROW)
        await until(pilot, lambda: not side.display)
        await pilot.press("v")
        await until(pilot, lambda: log.display and not trades.display)
        await pilot.resize_terminal(*VAST)  # whose log has a place of its own
        await until(pilot, lambda: side.display and trades.display)


def words(log: LogPane) -> list[str]:
    """What a log says, however its lines are broken."""
    return " ".join(log.shown).split()


async def test_the_log_at_the_side_has_what_was_logged_while_it_was_a_view() -> None:
    link = busy()
    app = make_app(link)
    async with driven(app, NARROW) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        log, side = (app.screen.query_one(name, LogPane) for name in ("#one-log", "#one-side-log"))
        await until(pilot, lambda: log.shown)
        await pilot.resize_terminal(*VAST)
        await until(pilot, lambda: words(side) == words(log))


async def test_trades_of_a_session_are_as_many_columns_on_a_wider_terminal() -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        seen: list[set[str]] = []
        for width in (WIDE_FROM - 1, WIDE_FROM):
            await pilot.resize_terminal(width, 60)
            table = app.screen.query_one("#one-trades")
            await until(pilot, lambda: table.size.width == width)  # noqa: B023
            await until(pilot, lambda: "USDT" in drawn(app, "#one-trades"))
            seen.append(set(drawn(app, "#one-trades").splitlines()[0].split()))
        assert seen[0] <= seen[1]
        assert "MARGIN" in seen[1]


async def test_how_far_a_condition_is_off_is_told_on_120_columns_of_large_prices_too() -> None:
    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        why = app.screen.query_one("#one-why", LineTable)
        await until(pilot, lambda: why.rows)
        far = Reading("entry", "close > ema", 100_147.29, 100_667.0, 519.71, holds=False)
        columns = condition_columns(condition_rows([far]))
        placed = places(columns, 2, why.size.width - 1)
        assert "OFF BY" in [columns[place.column].label for place in placed]


async def test_what_closed_trades_add_up_to_stands_beside_the_calendar_where_it_can() -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        await pilot.press("8")
        await until(pilot, lambda: app.screen.query("#performance-sum"))
        days, added = (app.screen.query_one(f"#performance-{name}") for name in ("days", "sum"))
        await until(pilot, lambda: days.region.right == added.region.x)
        await pilot.resize_terminal(*NARROW)
        await until(pilot, lambda: not added.display)
        await until(pilot, lambda: days.size.width == NARROW[0])  # laid out after it is hidden


async def test_a_wide_terminal_leaves_out_nothing_that_a_narrower_one_shows() -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        shown = {}
        for width in (WIDE[0], WIDE_FROM):
            await pilot.resize_terminal(width, 60)
            await until(pilot, lambda: app.screen.has_class("-wide") is (width == WIDE_FROM))  # noqa: B023
            await until(pilot, lambda: "HELD" in drawn(app, "#positions"))
            await pilot.press("enter")
            await until(pilot, lambda: "USDT" in drawn(app, "#one-trades"))
            shown[width] = set(drawn(app, "#one-trades").splitlines()[0].split())
            await pilot.press("escape")
        assert "ENTERED" in shown[WIDE[0]] <= shown[WIDE_FROM]


@pytest.mark.parametrize("size", [(80, 18), (WIDE_FROM, 24)], ids=["tiny", "short and wide"])
async def test_the_list_of_many_sessions_is_no_lower_than_that_of_few(
    size: tuple[int, int],
) -> None:
    heights = []
    for count in (2, 9):
        app = make_app(ScriptedLink([session(f"aaaaaaa{n}", "one") for n in range(count)]))
        async with driven(app, size):
            heights.append(app.screen.query_one("#sessions").outer_size.height)
    assert heights[0] == heights[1]


async def test_what_is_still_asked_for_is_not_told_to_be_nothing() -> None:
    link = _Slow(busy().sessions)
    link.answering = asyncio.Event()
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        panes = ("#one-candles", "#one-why", "#one-equity", "#one-drawdown", "#one-trades")
        await until(pilot, lambda: all("Asking the host" in drawn(app, name) for name in panes))
        link.answering.set()
        await until(pilot, lambda: not any("Asking" in drawn(app, name) for name in panes))


async def test_a_session_goes_on_to_be_shown_once_a_host_that_was_gone_is_back() -> None:
    link = _Slow(busy().sessions)
    link.answering = asyncio.Event()
    link.answering.set()
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        await until(pilot, lambda: "10,166.55" in drawn(app, "#one-figures"))
        link.answering.clear()
        link.change("k3x9a1pq", equity=5.0, state=SessionState.ERROR, state_reason="disk full")
        host_of(app).lose()
        await until(pilot, lambda: app.link is None)
        await until(pilot, lambda: "5.00" in drawn(app, "#one-figures").split())
        link.answering.set()
        link.change("k3x9a1pq", equity=7.0, trades_count=13)
        await pilot.press("8", "1")  # nobody is asked
        await until(pilot, lambda: app.link is not None)
        await until(pilot, lambda: "7.00" in drawn(app, "#one-figures").split())
        await pilot.press("8")
        await until(pilot, lambda: "▲" in drawn(app, "#performance-slices"))


async def test_a_log_that_holds_no_line_of_a_session_says_so_and_not_that_there_was_none() -> None:
    ended = session("aaaaaaa1", "one", state=SessionState.STOPPED, ended=NOW, trades_count=7)
    app = make_app(ScriptedLink([ended]))
    async with driven(app) as pilot:
        await until(pilot, lambda: "no line of it left" in drawn(app, "#log"))
        assert "r shows its report" in drawn(app, "#log")


async def test_a_log_shows_what_a_session_logged_before_the_lines_at_hand() -> None:
    """After a host change the log of sessions was empty, which host.log had all of."""
    ended = session("aaaaaaa1", "one", state=SessionState.STOPPED, ended=NOW, trades_count=7)
    link = ScriptedLink([ended, session("aaaaaaa2", "two")])
    link.earlier += [
        LogLine(1, NOW - DAY, Level.INFO, "aaaaaaa1", "bought long ago"),
        LogLine(2, NOW - DAY, Level.INFO, "aaaaaaa2", "another one's"),
    ]
    app = make_app(link)
    async with driven(app) as pilot:
        await until(pilot, lambda: "bought long ago" in drawn(app, "#log"))
        app.poll()
        pane = app.screen.query_one("#log")
        await until(pilot, lambda: "Fri 21 Nov" in str(pane.border_title))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        log = app.screen._log if isinstance(app.screen, SessionScreen) else None
        assert log is not None
        await until(pilot, lambda: log.shown == ("bought long ago",))
        link.log("stopped", "aaaaaaa1")
        app.poll()
        await until(pilot, lambda: log.shown == ("bought long ago", "stopped"))
        await pilot.press("escape", "6")
        await until(pilot, lambda: "stopped" in drawn(app, "#all-log"))
        assert "bought" not in drawn(app, "#all-log"), "the log of all is that of the host"
        await pilot.press("S", *"one", "enter")
        await until(pilot, lambda: "bought long ago" in drawn(app, "#all-log"))


async def test_a_group_of_trades_is_opened_and_left_by_keys() -> None:
    replayed = session("aaaaaaa1", "one", mode=Mode.REPLAY, trades_count=2)
    app = make_app(ScriptedLink([session("aaaaaaa2", "two", mode=Mode.SIMULATED), replayed]))
    async with driven(app) as pilot:
        await pilot.press("8")
        await until(pilot, lambda: "[bold]Day[/bold]" in title_of(app, "slices"))
        await until(pilot, lambda: len(app.screen.query_one("#performance-slices", LineTable).rows))
        assert "REPLAY" in str(app.screen.query_one("#performance-days").border_title)
        day = app.screen.query_one("#performance-slices", LineTable).cursor_key
        await pilot.press("enter")
        await until(pilot, lambda: f"Trades of {day} · 1" in title_of(app, "trades"))
        await pilot.press("escape")
        await until(pilot, lambda: app.focused is app.screen.query_one("#performance-slices"))
        await pilot.press("l")
        await until(pilot, lambda: "[bold]Week[/bold]" in title_of(app, "slices"))


def title_of(app: PapertapeApp, table: str) -> str:
    return str(app.screen.query_one(f"#performance-{table}").border_title)


@pytest.mark.parametrize(
    ("size", "more"), [((200, 60), True), ((120, 40), False)], ids=["200x60", "120x40"]
)
async def test_a_wide_terminal_shows_more_of_each_trade(size: tuple[int, int], more: bool) -> None:
    app = make_app(busy())
    wide = {"SIGNAL", "MOVE", "HELD", "MARGIN", "FEES"}
    async with driven(app, size) as pilot:
        for keys, table in (
            (("enter", "z"), "#one-trades"),
            (("z", "1", "r"), "#result-trades"),
            (("1", "8", "l", "h", "h", "h"), "#performance-trades"),
        ):
            await pilot.press(*keys)
            await until(pilot, lambda: table in drawn_tables(app))  # noqa: B023
            await until(pilot, lambda: "USDT" in drawn(app, table))  # noqa: B023
            header, first, *_ = drawn(app, table).splitlines()
            labels = set(header.split())
            asked = {"ENTERED", "QUANTITY", "FEES"} if "performance" in table else wide
            assert asked & labels == (asked if more else set())
            assert labels >= {"SYMBOL", "P&L"}
            if more:
                assert len(first.rstrip()) > 165, "no large part of the line is left free"


def drawn_tables(app: PapertapeApp) -> set[str]:
    return {f"#{table.id}" for table in app.screen.query(LineTable) if table.size.height}


def a_trade(**changes: Any) -> Trade:
    values: dict[str, Any] = {
        "id": 7, "symbol": "BTC/USDT", "side": Side.SHORT, "signal_time": NOW - 3 * HOUR,
        "entry_time": NOW - 2 * HOUR, "entry_price": 100.0, "exit_time": NOW, "exit_price": 98.0,
        "quantity": 10.0, "leverage": 1.0, "margin": 1_000.0, "fees": 1.2, "funding": 0.0,
        "pnl": 18.8, "pnl_pct": 1.88, "exit_reason": ExitReason.TAKE_PROFIT,
    }  # fmt: skip
    return Trade(**(values | changes))


def test_a_trade_tells_its_move_its_time_and_what_was_earned_by_then() -> None:
    columns = trade_columns(12, several=False)
    labels = [column.label for column in columns]
    rows = trade_rows([a_trade(), a_trade(pnl=-20.0)], columns, in_zone(UTC))
    newest, first = (dict(zip(labels, row.cells, strict=True)) for row in rows)
    assert first["MOVE %"].text == "▲ +2.00%"
    assert first["HELD"].text == "2h"
    assert first["SUM P&L"].text == "▲ +18.80"
    assert newest["SUM P&L"].text == "▼ -1.20"
    assert first["LEVER"].text == first["FUNDING"].text == ""
    told = trade_cells(a_trade(leverage=3.0, funding=-0.5, seen_late=True), in_zone(UTC))
    assert (told["LEVER"].text, told["FUNDING"].text) == ("3×", "+0.50"), "received: a gain"
    paid = trade_cells(a_trade(funding=2.0), in_zone(UTC))["FUNDING"]
    assert (paid.text, paid.order, told["FUNDING"].order) == ("-2.00", -2.0, 0.5)
    for funding, shown in ((-2.7154, "+2.72"), (2.7154, "-2.72"), (0.0, "0.00")):
        assert trade_fields.written("funding", funding) == shown, (
            "the trade's page and the comparison's"
        )
    assert told["REASON"].text == "take profit late"
    by_hand = {"exit_reason": ExitReason.MANUAL}
    ends = (a_trade(), a_trade(by_hand=True), a_trade(**by_hand), a_trade(by_hand=True, **by_hand))
    cells = [trade_cells(one, in_zone(UTC)) for one in ends]
    assert [each["BY HAND"].text for each in cells] == ["", "entry", "exit", "both"]
    signal = cells[0]["SIGNAL"].text
    assert [each["SIGNAL"].text for each in cells] == [signal, "by hand", signal, "by hand"]
    assert [each["REASON"].text for each in cells] == ["take profit"] * 2 + ["by hand"] * 2
    fills = {"entry_filled_at": NOW - HOUR, "exit_filled_at": NOW + 90_000}
    assert trade_cells(a_trade(**fills), in_zone(UTC))["HELD"].text == "1h 02m"
    written = ReportedTrade(
        entry_time="2026-01-01T12:00:00Z", entry_filled_at="2026-01-01T12:01:00Z",
        exit_time="2026-01-01T12:00:00Z", exit_filled_at="2026-01-01T15:50:00Z",
    )  # fmt: skip
    assert trade_cells(written, in_zone(UTC))["HELD"].text == "3h 49m"


def test_the_figures_of_large_trades_are_whole() -> None:
    columns = trade_columns(12, several=False)
    large = a_trade(exit_price=87.66, margin=1_200_000.0, funding=1_234.56, pnl=-12_345.67)
    (row,) = trade_rows([large], columns, in_zone(UTC))
    for column, cell in zip(columns, row.cells, strict=True):
        assert len(cell.text) <= column.width + column.grow, column.label


def test_what_trades_add_up_to_is_unknown_from_one_on_that_is() -> None:
    columns = trade_columns(12, several=False)
    at = [column.label for column in columns].index("SUM P&L")
    rows = trade_rows([a_trade(), ReportedTrade(), a_trade()], columns, in_zone(UTC))
    assert [row.cells[at].text for row in rows] == ["–", "–", "▲ +18.80"]


def test_what_a_report_does_not_tell_of_a_trade_is_unknown() -> None:
    told = trade_cells(ReportedTrade(side="sideways", entry_time="soon"), in_zone(UTC))
    unknown = {"MOVE %", "HELD", "ENTRY", "FEES", "P&L"}
    assert {told[label].text for label in unknown} == {"–"}
    assert told["ENTERED"].text == "soon"


def test_prices_of_both_runs_are_compared_where_causes_lose_nothing_by_it() -> None:
    labels = [column.label for column in TRADE_COLUMNS]
    cause = labels.index("CAUSE")
    for width, prices in ((197, True), (117, False)):
        shown = {one.column: one.width for one in places(TRADE_COLUMNS, 0, width)}
        assert all((labels.index(label) in shown) is prices for label in PRICES)
        assert shown[cause] >= 30


@pytest.mark.parametrize(
    ("size", "columns"), [((200, 60), 2), ((120, 40), 1)], ids=["200x60", "120x40"]
)
async def test_the_help_uses_the_width_of_a_terminal(size: tuple[int, int], columns: int) -> None:
    app = make_app(busy())
    async with driven(app, size) as pilot:
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await pilot.pause()
        keys, _ = app.screen.query("HelpScreen Static").results(Static)
        lines = str(keys.render()).splitlines()
        first = next(line for line in lines if "Sessions" in line)
        assert len(re.split(r"\s{2,}", first.strip())) == columns
        assert max(map(len, lines)) <= keys.size.width
        text = " ".join(" ".join(lines).split())
        assert all(place.value in text for place in Place if any_command(place))


def any_command(place: Place) -> bool:
    return any(command.place is place for command in COMMANDS)


@pytest.mark.parametrize(
    ("size", "most"), [((120, 60), 33), ((80, 24), 6)], ids=["120x60", "80x24"]
)
async def test_a_form_lists_as_many_strategies_as_there_is_room_for(
    size: tuple[int, int], most: int
) -> None:
    (one, *_) = choices()
    many = tuple(replace(one, name=f"s{n}", path=Path(f"{n}/STRATEGY.md")) for n in range(40))
    app = make_app(busy(), strategies=lambda: many)
    async with driven(app, size) as pilot:
        await pilot.press("n")
        await until(pilot, lambda: "s3 " in drawn(app, "#strategies"))
        await pilot.pause()
        listed = drawn(app, "#strategies").count("BTC/USDT")
        assert 0.9 * most <= listed <= most
        hints = app.screen.query_one(".form-hints")
        assert hints.region.bottom <= size[1], "all of the form is seen"
