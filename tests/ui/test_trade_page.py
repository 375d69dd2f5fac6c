"""A trade's page: the conditions at its signal, and what the backtest made of the same decision."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from core.host.link import CommandError
from core.journal.values import SessionState
from core.market.candles.timeframes import Timeframe
from core.report.result import trade_to_json
from core.report.written_report import written_report
from core.strategy.chart_values import Chart
from core.trading.values import Trade
from tests.ui.driving import NARROW, VAST, WIDE, WatchedApp, driven, make_app, until
from tests.ui.scripted import READINGS, ScriptedLink, busy, candles, closed_trades, report
from tests.ui.test_sessions import drawn
from tui.screens.compare import CompareScreen
from tui.screens.conditions import SignalConditions, condition_rows, conditions_title
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


async def test_on_a_low_terminal_they_take_turns_with_the_fields() -> None:
    app = make_app(ended())
    async with driven(app, NARROW) as pilot:
        page = await to_a_trade(pilot, app)
        names = ("trade-fields", "trade-conditions", "trade-twin")
        expected = ("63,743.52", "28.20", "+3.50")
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
    assert twin_title(same, UTC) == "The backtest's twin is the same"
    left = msgspec.structs.replace(
        found, cause="unexplained", detail="left 2025-11-12 08:00 against 2025-11-12 12:00"
    )
    told = twin_title(left, ZoneInfo("Asia/Tokyo"))  # as the times beneath it
    assert told.endswith("unexplained: left 2025-11-12 17:00 against 2025-11-12 21:00")


def test_a_trade_entered_by_hand_was_not_decided_by_its_conditions() -> None:
    by_hand: Trade = msgspec.structs.replace(LOST, by_hand=True)
    assert conditions_title(by_hand, UTC) == "Conditions at 09 Nov 16:00, entered by hand"
