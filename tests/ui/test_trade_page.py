"""A trade's page: the conditions at its signal, why it was left, and the backtest's trade."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from core.backtest.run import run_backtest
from core.host.link import CommandError
from core.journal.values import SessionState
from core.market.candles.candles import Candles
from core.market.candles.timeframes import Timeframe
from core.report.result import trade_to_json
from core.report.written_report import written_report
from core.session.snapshot import SessionDetail
from core.strategy.chart import strategy_chart
from core.strategy.chart_values import Chart, ChartSource, NoCandlesError
from core.strategy.config.config import StrategyConfig
from core.strategy.config.parsing import parse_config
from core.trading.values import ExitReason, Trade
from tests.ui.driving import NARROW, VAST, WIDE, WatchedApp, driven, make_app, until
from tests.ui.scripted import READINGS, ScriptedLink, busy, candles, closed_trades, report
from tests.ui.test_sessions import drawn
from tui import formats
from tui.screens.compare import CompareScreen
from tui.screens.conditions import (
    SignalConditions,
    condition_rows,
    conditions_title,
)
from tui.screens.session import SessionScreen
from tui.screens.trade import TradeScreen
from tui.screens.trade_fields import fields_of_trade
from tui.screens.twin import STILL_RUNS, twin_of, twin_rows, twin_title
from tui.widgets.line_table import LineTable

SESSION = "k3x9a1pq"
WON, LOST = closed_trades("BTC/USDT", Timeframe.H4.ms)


def compared() -> dict[str, Any]:
    """A report whose session was filled 3.50 worse in one trade, and made another alone."""
    theirs = msgspec.structs.replace(LOST, entry_price=LOST.entry_price - 3.5, pnl=LOST.pnl + 2)
    told = {"cause": "slippage", "detail": "filled at 63,743.52 against 63,740.02"}
    both = {"backtest": trade_to_json(theirs), "paper": trade_to_json(LOST), "difference": -2.0}
    alone = {"backtest": None, "paper": trade_to_json(WON), "difference": WON.pnl}
    manual = {"cause": "manual", "detail": "entered by hand"}
    trades = [{"match": "matched", **both, **told}, {"match": "extra", **alone, **manual}]
    return report(
        "rsi_bounce",
        session_id=SESSION,
        trades=[trade_to_json(one) for one in (WON, LOST)],
        comparison={"divergence": {"trades": trades}},
    )


def ended() -> ScriptedLink:
    """A host whose first session has ended, with that report."""
    link = busy()
    link.change(SESSION, state=SessionState.STOPPED, open_positions=())

    async def told(session_id: str) -> Mapping[str, object]:
        assert session_id == SESSION
        return compared()

    link.report = told  # type: ignore[method-assign]
    return link


async def to_a_trade(pilot: Pilot[int], app: WatchedApp) -> TradeScreen:
    """Open the newest trade of the first session."""
    await pilot.press("enter")
    await until(pilot, lambda: bool(app.screen.query("#one-trades")))
    trades = app.screen.query_one("#one-trades", LineTable)
    await until(pilot, lambda: bool(trades.rows))
    trades.focus()
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, TradeScreen))
    assert isinstance(app.screen, TradeScreen)
    return app.screen


@pytest.mark.parametrize("size", [WIDE, VAST])
async def test_a_trade_shows_its_conditions_as_its_session_does_and_its_twin(
    size: tuple[int, int],
) -> None:
    app = make_app(ended())
    async with driven(app, size) as pilot:
        page = await to_a_trade(pilot, app)
        conditions = page.query_one("#trade-conditions", SignalConditions)
        await until(pilot, lambda: conditions.rows == tuple(condition_rows(READINGS)))
        assert str(conditions.border_title).strip() == "Conditions at its signal, 09 Nov 16:00"
        seen = drawn(app, "#trade-conditions")
        for text in ("THRESHOLD", "OFF BY", "11.80", "28.20"):
            assert text in seen, "all of it without scrolling"
        twin = page.query_one("#trade-twin", LineTable)
        await until(pilot, lambda: bool(twin.rows))
        assert "63,740.02" in drawn(app, "#trade-twin")
        assert "+3.50" in drawn(app, "#trade-twin")
        assert "-2.00" in drawn(app, "#trade-twin")
        assert "slippage: filled at 63,743.52" in str(twin.border_title)
        await pilot.press("h")
        await until(pilot, lambda: "no such trade · by hand" in str(twin.border_title))
        assert "02 Nov 08:00" in str(conditions.border_title)
        assert not page.check_action("view", ()), "all of it is shown"


async def test_full_screen_goes_to_the_chart_from_what_is_all_there_already() -> None:
    """A few fields stood over an empty screen."""
    app = make_app(ended())
    async with driven(app, WIDE) as pilot:
        page = await to_a_trade(pilot, app)
        fields, chart = page.query_one("#trade-fields"), page.query_one("#trade-candles")
        await until(pilot, lambda: page.focused is fields)
        assert fields.max_scroll_y == 0
        await pilot.press("z")
        await until(pilot, lambda: page.maximized is chart and page.focused is chart)
        await pilot.press("z")
        await until(pilot, lambda: page.maximized is None)


async def test_enter_where_no_row_opens_says_so() -> None:
    app = make_app(ended())
    async with driven(app, WIDE) as pilot:
        page = await to_a_trade(pilot, app)
        await until(pilot, lambda: page.focused is page.query_one("#trade-fields"))
        await pilot.press("enter")
        await until(pilot, lambda: any("none opens" in note.message for note in app.notes))
        assert app.screen is page


async def test_on_a_low_terminal_they_take_turns_with_the_fields() -> None:
    app = make_app(ended())
    async with driven(app, NARROW) as pilot:
        page = await to_a_trade(pilot, app)
        names = ("trade-fields", "trade-conditions", "trade-exit", "trade-twin")
        expected = ("63,743.52", "28.20", "is not known", "+3.50")
        for name, text in zip((*names, names[0]), (*expected, expected[0]), strict=True):
            await until(pilot, lambda: text in drawn(app, f"#{name}"))  # noqa: B023
            assert [one for one in names if page.query_one(f"#{one}").display] == [name]
            assert "◆" in drawn(app, "#trade-candles")
            await pilot.press("v")
        await pilot.resize_terminal(*WIDE)
        await until(pilot, lambda: all(page.query_one(f"#{name}").display for name in names))


async def test_of_a_session_that_runs_one_key_leads_to_the_comparison() -> None:
    link = busy()
    asked: list[str] = []

    async def told(session_id: str) -> Mapping[str, object]:
        asked.append(session_id)
        return compared()

    link.report = told  # type: ignore[method-assign]
    app = make_app(link)
    async with driven(app, WIDE) as pilot:
        await to_a_trade(pilot, app)
        await until(pilot, lambda: STILL_RUNS in drawn(app, "#trade-twin"))
        assert "c compare" in drawn(app, "Hints")
        assert not asked, "no comparison is made for who only looks at a trade"
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))


async def test_next_is_the_next_number_and_one_returns_to_the_trade_one_went_on_to() -> None:
    app = make_app(ended())
    async with driven(app, WIDE) as pilot:
        page = await to_a_trade(pilot, app)

        def head() -> str:
            return str(page.query_one("#trade-title", Static).render())

        assert "trade 2 of 2" in head()
        await pilot.press("l")  # it is the last
        assert "trade 2 of 2" in head()
        await pilot.press("h")
        assert "trade 1 of 2" in head()
        await pilot.press("h", "escape")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        assert app.screen.query_one("#one-trades", LineTable).cursor_key == "0"


def test_when_it_was_filled_is_told_where_it_is_not_when_it_was_entered() -> None:
    at_once = msgspec.structs.replace(LOST, entry_filled_at=LOST.entry_time + 120)
    later = msgspec.structs.replace(LOST, entry_filled_at=LOST.entry_time + 3_000)
    for trade, expected in ((at_once, False), (later, True)):
        named = [name for name, _, _ in fields_of_trade(trade)]
        assert ("entry_filled_at" in named) is expected


def chart_of(time: int, told: bool) -> Chart:
    (one,) = (each for each in candles(step=Timeframe.H4.ms) if each.time == LOST.signal_time)
    return Chart("4h", (one._replace(time=time),), conditions=() if told else None)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "run again shows them"),
        (CommandError("no such journal"), "cannot be read: no such journal"),
        (Chart("4h"), "not among those kept"),
        (chart_of(LOST.signal_time - 1, told=True), "not among those kept"),
        (chart_of(LOST.signal_time, told=False), "of an older version"),
        (chart_of(LOST.signal_time, told=True), "are no conditions"),
    ],
)
async def test_what_is_not_known_of_the_conditions_is_said(
    answer: Chart | CommandError | None, why: str
) -> None:
    async def source(symbol: str, timeframe: str | None, until: int | None, count: int) -> Chart:
        if isinstance(answer, CommandError):
            raise answer
        assert answer is not None
        return answer

    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        given = None if answer is None else source
        await app.push_screen(TradeScreen("rsi_bounce", [LOST], 0, "4h", given))
        await until(pilot, lambda: why in drawn(app, "#trade-conditions"))
        page = app.screen
        assert not page.query_one("#trade-twin").display, "a backtest's trade has no twin"
        assert not page.check_action("compare", ())


def test_a_twin_is_that_of_the_same_trade_or_it_is_said_why_there_is_none() -> None:
    read = written_report(compared())
    found = twin_of(LOST, read)
    assert not isinstance(found, str)
    texts = [[cell.text for cell in row.cells] for row in twin_rows(found, UTC)]
    assert [row[0] for row in texts] == ["Session", "Backtest", "Difference"]
    assert texts[2][1:5] == ["", "+3.50", "", ""], "where both are alike nothing is written"
    other = msgspec.structs.replace(LOST, signal_time=LOST.signal_time + 1_000)
    assert "does not tell of this one" in str(twin_of(other, read))
    assert "with no backtest" in str(twin_of(LOST, written_report(report("rsi_bounce"))))
    assert found.backtest is not None
    late = msgspec.structs.replace(found.backtest, exit_time="2025-11-12T08:00:00Z")
    rows = twin_rows(msgspec.structs.replace(found, backtest=late), UTC)
    assert rows[2].cells[3].text == "4h later"
    same = msgspec.structs.replace(found, backtest=found.paper, cause=None, difference=0.0)
    assert twin_title(same, UTC) == "The backtest's trade is the same"
    left = msgspec.structs.replace(
        found, cause="unexplained", detail="left 2025-11-12 08:00 against 2025-11-12 12:00"
    )
    told = twin_title(left, ZoneInfo("Asia/Tokyo"))  # as the times beneath it
    assert told.endswith("unexplained: left 2025-11-12 17:00 against 2025-11-12 21:00")


def test_a_trade_entered_by_hand_was_not_decided_by_its_conditions() -> None:
    by_hand: Trade = msgspec.structs.replace(LOST, by_hand=True)
    assert conditions_title(by_hand, UTC) == "Conditions at 09 Nov 16:00, entered by hand"
    labels = {name: label for name, label, _ in fields_of_trade(by_hand)}
    assert (labels["entered_by"], labels["signal_time"]) == ("Entered by", "Last candle")
    assert ("signal_time", "Signal", LOST.signal_time) in fields_of_trade(LOST)


async def test_the_indicators_of_a_trade_entered_by_hand_are_at_its_entry_not_at_a_signal() -> None:
    link = busy()
    detail = link.detail

    async def entered(session_id: str) -> SessionDetail:
        found = await detail(session_id)
        trades = tuple(msgspec.structs.replace(one, by_hand=True) for one in found.trades)
        return replace(found, trades=trades)

    link.detail = entered  # type: ignore[method-assign]
    app = make_app(link)
    async with driven(app, WIDE) as pilot:
        page = await to_a_trade(pilot, app)
        table = page.query_one("#trade-fields", LineTable)
        await until(pilot, lambda: any(row.cells[0].text.startswith("AT ") for row in table.rows))
        assert "AT ENTRY" in {row.cells[0].text for row in table.rows}


BASE = {
    "name": "rsi_bounce",
    "symbols": ["BTC/USDT"],
    "timeframe": "4h",
    "indicators": [{"name": "rsi", "params": {"period": 5}}],
    "entry_conditions": [{"indicator": "rsi", "operator": "lt", "value": 30}],
    "exit_conditions": [
        {"indicator": "rsi", "operator": "gt", "value": 70},
        {"indicator": "close", "operator": "lt", "value": 1},
    ],
}
BOTH = {
    "direction": "both",
    "entry_conditions": [
        {"indicator": "rsi", "operator": "lt", "value": 30, "direction": "long"},
        {"indicator": "rsi", "operator": "gt", "value": 70, "direction": "short"},
    ],
    "exit_conditions": [],
    "stop_loss_pct": 50,
}


def swinging() -> Candles:
    """The candles that the scripted host shows, as columns."""
    rows = np.array([tuple(one) for one in candles(step=Timeframe.H4.ms)])
    return Candles(rows[:, 0].astype(np.int64), *rows[:, 1:].T)


def backtested(**changes: Any) -> tuple[list[Trade], ChartSource]:
    """The trades of a backtest, and what has its candles."""
    config: StrategyConfig = parse_config({**BASE, **changes}).config

    async def source(symbol: str, timeframe: str | None, until: int | None, count: int) -> Chart:
        return strategy_chart(config, swinging(), timeframe, until, count)

    return list(run_backtest(config, {"BTC/USDT": swinging()}).trades), source


def exit_pane(app: WatchedApp) -> str:
    """The pane of the exit: its title, and all that stands in it on one line."""
    title = str(app.screen.query_one("#trade-exit").border_title)
    return " ".join([title, *drawn(app, "#trade-exit").split()])


@pytest.mark.parametrize("size", [WIDE, NARROW])
@pytest.mark.parametrize(
    ("changes", "reason", "texts"),
    [
        (
            {},
            ExitReason.SIGNAL,
            ("Exit: signal, its conditions at ", "✓ exit rsi > 70", "70.00", "✗ exit close < 1"),
        ),
        (BOTH, ExitReason.REVERSE, ("Exit: reverse, its conditions at ", "✓ entry rsi < 30")),
        (
            {"stop_loss_pct": 0.5},
            ExitReason.STOP_LOSS,
            ("Exit: stop loss, ", "Stop 0.5% below the entry ", "the candle's low ", "reached it."),
        ),
        (
            {"take_profit_pct": 0.3},
            ExitReason.TAKE_PROFIT,
            ("Exit: take profit, ", "Target 0.3% above the entry ", "the candle's high "),
        ),
    ],
)
async def test_why_a_trade_was_left_stands_beside_the_conditions_of_its_entry(
    changes: dict[str, Any], reason: ExitReason, texts: tuple[str, ...], size: tuple[int, int]
) -> None:
    trades, source = backtested(**changes)
    place = next(n for n, one in enumerate(trades) if one.exit_reason is reason)
    app = make_app(busy())
    async with driven(app, size) as pilot:
        page = TradeScreen("rsi_bounce", trades, place, "4h", source)
        await app.push_screen(page)
        shown = page.query_one("#trade-exit")
        if size == NARROW:
            await until(pilot, lambda: page.ready)
            await pilot.press("v", "v")
        for text in texts:
            await until(pilot, lambda: shown.display and text in exit_pane(app))  # noqa: B023
        at_entry = page.query_one("#trade-conditions")
        assert at_entry.display is (size == WIDE), "both where there is room for them"


async def test_where_there_is_no_room_for_both_entry_and_exit_take_turns() -> None:
    trades, source = backtested(stop_loss_pct=0.5)
    app = make_app(busy())
    async with driven(app, (120, 34)) as pilot:
        page = TradeScreen("rsi_bounce", trades, 0, "4h", source)
        await app.push_screen(page)
        names = ("trade-conditions", "trade-exit", "trade-fields")
        for seen in ([True, False, True], [False, True, True], [True, False, True]):
            expected = dict(zip(names, seen, strict=True))
            await until(
                pilot,
                lambda: {one: page.query_one(f"#{one}").display for one in names} == expected,  # noqa: B023
            )
            await pilot.press("v")


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (NoCandlesError("gone"), "Its candles are not there to work it out from."),
        (CommandError("no such journal"), "It cannot be read: no such journal"),
        (None, "a backtest run again shows them"),
    ],
)
async def test_where_there_are_no_candles_the_exit_says_so(
    error: Exception | None, why: str
) -> None:
    async def source(symbol: str, timeframe: str | None, until: int | None, count: int) -> Chart:
        assert error is not None
        raise error

    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        given = None if error is None else source
        await app.push_screen(TradeScreen("rsi_bounce", [LOST], 0, "4h", given))
        await until(pilot, lambda: why in exit_pane(app))
        await until(pilot, lambda: "Exit: stop loss, 12 Nov 12:00" in exit_pane(app))


async def test_an_open_position_has_no_exit_and_times_are_in_the_zone_of_the_screen() -> None:
    trades, source = backtested(max_hold=3)
    held = busy().sessions[0].open_positions[0]
    app = make_app(busy())
    app.zone = ZoneInfo("Asia/Tokyo")
    async with driven(app, WIDE) as pilot:
        await app.push_screen(TradeScreen("rsi_bounce", [held], 0, "4h", source))
        await until(pilot, lambda: "It is open" in exit_pane(app))
        await app.pop_screen()
        page = TradeScreen("rsi_bounce", trades, 0, "4h", source)
        await app.push_screen(page)
        close = formats.date_time(trades[0].exit_time - Timeframe.H4.ms, app.zone)
        said = f"The longest hold, 3 candles, was over with the close of the candle {close};"
        await until(pilot, lambda: said in exit_pane(app))
