"""Money of an account in a coin is shown with decimals enough, on every screen and in `status`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.compare import service
from core.compare.columns import trades_of
from core.compare.service import add_comparison
from core.journal.values import Mode
from core.report.written_report import ReportedDifference, written_report
from core.session.reports import write_report
from core.session.snapshot import SessionDetail
from core.store.durable import OsDisk
from core.store.workspace import Workspace
from core.trading.values import Trade
from tests.ui import scripted
from tests.ui.driving import NARROW, VAST, WIDE, driven, make_app, until
from tests.ui.scripted import NOW, ScriptedLink, position, session
from tests.ui.test_compare import SESSION, cells, compared, make, opened, said, told
from tests.ui.test_sessions import drawn
from tests.ui.test_wide_terminals import a_trade
from tests.unit.compare.test_sources import CROSS, Venue, on_stage
from tui import formats
from tui.cli.session_text import session_text, sessions_text
from tui.host.returning import LastLook, SeenSession, absence
from tui.requests.alerts import alerts_between
from tui.screens.compare_trade import ComparedTradeScreen
from tui.screens.headline import headline_figures
from tui.screens.performance import PerformanceScreen
from tui.screens.report import ReportScreen
from tui.screens.session import SessionScreen
from tui.screens.session_view import figures as session_figures
from tui.screens.sessions_table import (
    SESSION_COLUMNS,
    position_rows,
    session_row,
)
from tui.screens.trade import TradeScreen
from tui.screens.trade_fields import closed_levels, trade_marks
from tui.screens.twin import twin_of, twin_rows
from tui.widgets.line_table import LineTable
from tui.widgets.tones import Tone, tone_of

PAIR = "ETH/BTC"
NOTHING = re.compile(r"(?<![\d.,])[+-]?0\.00(?![\d%])")
"""What reads as no money at all."""
FINE = r"[▲▼] [+-]0\.\d{6}"
LOST = a_trade(
    id=1, symbol=PAIR, entry_price=0.0501, exit_price=0.0497, quantity=10.0, margin=0.501,
    pnl=-0.004021, pnl_pct=-0.8, fees=0.000996,
)  # fmt: skip
WON = msgspec.structs.replace(LOST, id=2, pnl=0.001512, pnl_pct=0.3)
HELD = position(
    PAIR, 0.000153, quantity=3.0, entry_price=0.05, mark_price=0.050051, margin=0.15,
    stop_price=None, target_price=None,
)  # fmt: skip
COIN = session(
    "aaaaaaa1", "coin", symbols=(PAIR,), starting_balance=1.5, equity=1.497644,
    realized_pnl=-0.002509, unrealized_pnl=0.000153, pnl_today=-0.002356, trades_count=2, wins=1,
    open_positions=(HELD,), equity_curve=(1.5, 1.495979, 1.497644),
)  # fmt: skip


class CoinHost(ScriptedLink):
    """A host with one session, whose account is in BTC."""

    def __init__(self) -> None:
        super().__init__([COIN])

    async def closed_trades(self, session_id: str) -> tuple[Trade, ...]:
        return LOST, WON

    async def detail(self, session_id: str) -> SessionDetail:
        made = ((NOW - 7_200_000, 1.5), (NOW - 3_600_000, 1.495979), (NOW, 1.497644))
        known = await super().detail(session_id)
        return replace(known, trades=(LOST, WON), equity=made)

    async def report(self, session_id: str) -> Mapping[str, object]:
        one = scripted.report(COIN.strategy, session_id=session_id)
        gains = {"symbol": PAIR, "margin": 0.501, "fees": 0.000996}
        trades = [
            one["trades"][n] | gains | {"pnl": trade.pnl} for n, trade in enumerate((LOST, WON))
        ]
        return one | {
            "symbols": [PAIR],
            "starting_balance": 1.5,
            "ending_balance": 1.497644,
            "trades": trades,
            "open_trades": [trades[1] | {"unrealized_pnl": 0.000153}],
            "metrics": one["metrics"] | {"expectancy": -0.001255},
        }


@pytest.mark.parametrize("size", [NARROW, WIDE, VAST])
async def test_every_screen_shows_what_a_session_in_a_coin_gained(size: tuple[int, int]) -> None:
    app = make_app(CoinHost())
    async with driven(app, size) as pilot:
        table, figures = drawn(app, "#sessions"), drawn(app, "#figures")
        assert "+0.000153" in table
        assert "1.497644" in figures
        assert "▼ -0.002356" in figures
        assert not NOTHING.search(table + figures)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        shown = drawn(app, "#one-figures")
        assert "1.497644" in shown
        assert "▲ +0.000153" in shown
        trades = app.screen.query_one("#one-trades", LineTable)
        await until(pilot, lambda: len(trades.rows) == 2)
        gains = [row.cells[_place(trades, "P&L")].tone for row in trades.rows]
        assert gains == [Tone.GAIN, Tone.LOSS]
        assert [row.cells[_place(trades, "P&L")].text for row in trades.rows] == [
            "▲ +0.001512",
            "▼ -0.004021",
        ]
        assert {row.cells[_place(trades, "FEES")].text for row in trades.rows} == {"0.000996"}
        assert trades.rows[0].cells[_place(trades, "SUM P&L")].text == "▼ -0.002509"
        if size == VAST:
            assert re.search(r"1\.49\d{4}\b", drawn(app, "#one-equity"))
            assert "-0.004021" in drawn(app, "#one-trades")
        await pilot.press("escape", "P")
        await until(pilot, lambda: isinstance(app.screen, PerformanceScreen))
        slices = app.screen.query_one("#performance-slices", LineTable)
        await until(pilot, lambda: slices.rows)
        shown = drawn(app, "#performance-slices") + drawn(app, "#performance-figures")
        assert "▼ -0.002509" in shown
        assert not NOTHING.search(shown)
        days = drawn(app, "#performance-days")
        assert "-0.002509" in days
        assert not NOTHING.search(days)
        assert slices.rows[0].cells[_place(slices, "P&L")].tone is Tone.LOSS
        values = {cell.text for cell in slices.rows[0].cells}
        assert {"▼ -0.002509", "▲ +0.001512", "▼ -0.004021", "0.001992"} <= values
        if size == VAST:
            assert re.search(r"-0\.00\d{4}\b", drawn(app, "#performance-sum"))


async def test_report_and_trade_show_what_was_gained_in_a_coin() -> None:
    app = make_app(CoinHost())
    async with driven(app, VAST) as pilot:
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ReportScreen))
        await until(pilot, lambda: "BEGAN WITH" in drawn(app, "#result-figures"))
        shown = drawn(app, "#result-figures")
        assert "1.497644" in shown
        assert "▼ -0.001255" in shown
        assert "▲ +0.000153" in drawn(app, "#result-remarks")
        trades = app.screen.query_one("#result-trades", LineTable)
        trades.focus()
        await pilot.press("G", "enter")
        await until(pilot, lambda: isinstance(app.screen, TradeScreen))


async def test_a_trade_by_itself_shows_gain_and_fees_in_a_coin() -> None:
    app = make_app(CoinHost())
    async with driven(app, NARROW) as pilot:
        await pilot.press("enter", "t")
        trades = app.screen.query_one("#one-trades", LineTable)
        await until(pilot, lambda: len(trades.rows) == 2)
        trades.focus()
        await pilot.press("G", "enter")
        await until(pilot, lambda: isinstance(app.screen, TradeScreen))
        assert "▼ -0.004021" in drawn(app, "#trade-title")
        shown = drawn(app, "#trade-fields")
        assert "0.000996" in shown
        assert "▼ -0.004021" in shown


def _place(table: LineTable, label: str) -> int:
    return [column.label for column in table.columns].index(label)


def test_status_alerts_and_what_was_missed_are_written_in_a_coin() -> None:
    (_, _, line) = sessions_text(None, [COIN])
    assert "  1.497644  " in line
    text = "\n".join(session_text(COIN))
    assert "equity       1.497644" in text
    assert "realized     -0.002509 in 2 trades" in text
    assert "unrealized   +0.000153" in text
    assert "now 0.05005 (+0.000153)" in text
    real = replace(COIN, mode=Mode.SIMULATED)
    before = replace(real, trades_count=1, realized_pnl=0.0)
    (alert,) = alerts_between(ScriptedLink([before]).snapshot(), ScriptedLink([real]).snapshot())
    assert alert.text.endswith("closed a trade: ▼ -0.002509")
    seen = {COIN.id: SeenSession(1, 1.5, ended=False)}
    (change,) = absence(LastLook(NOW - 1, seen), ScriptedLink([COIN]).snapshot()).changes
    assert change.decimals == 6


def test_a_gain_in_a_coin_has_its_tone() -> None:
    assert tone_of(0.000153, 6) is Tone.GAIN
    assert tone_of(-0.0000004, 6) is tone_of(0.000153) is Tone.DIM
    opened, figures = position_rows(COIN)[0], session_figures(COIN)
    assert Tone.GAIN in {cell.tone for cell in opened.cells}
    tones = {one.label: one.tone for one in (*figures, *headline_figures(CoinHost().snapshot()))}
    assert (tones["OPEN P&L"], tones["P&L"], tones["TODAY"]) == (Tone.GAIN, Tone.LOSS, Tone.LOSS)
    assert tones["RUNNING P&L"] is Tone.LOSS
    place = [column.label for column in SESSION_COLUMNS].index("OPEN P&L")
    assert session_row(COIN).cells[place].tone is Tone.GAIN
    assert trade_marks(WON)[-1].tone is closed_levels(WON)[-1].tone is Tone.GAIN


def test_copied_equity_in_a_coin_is_whole() -> None:
    place = [column.label for column in SESSION_COLUMNS].index("EQUITY")
    assert session_row(COIN).cells[place].copied == "1.497644"


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("▲ +0.000153", 11, "▲ +0.000153"),
        ("▲ +0.000153", 10, "+0.000153"),
        ("▼ -12.345678", 11, "-12.345678"),
        ("▼ -1,234.567891", 10, "-1,234.568"),
        ("▲ +0.000153", 8, "+0.000153"),  # cut with an ellipsis: no decimal is dropped of it
        ("▲ +1,234,567.89", 10, "+1,234,568"),
        ("▼ -12.34%", 8, "-12.34%"),
        ("1,618,685.27", 11, "1,618,685.3"),  # a price
        ("1,618,685.27", 4, "1,618,685"),  # five digits stay, and no digit before the point goes
        ("64,210.50", 5, "64,210"),
        ("12.345", 4, "12.345"),
        ("12m ago", 4, "12m"),
        ("23h 59m of 1d 12h", 13, "23h of 1d 12h"),
        ("0.00001234567", 10, "0.00001234567"),
        ("22 Nov 14:02", 8, "22 Nov 14:02"),
        ("BTC/USDT:USDT", 13, "BTC/USDT:USDT"),  # a swap, which says that it is one
        ("BTC/USDT:USDT", 12, "BTC/USDT:…"),
        ("ETH/USDT:USDT +2", 12, "ETH/USDT:…+2"),
        ("BTC/USDT +2", 9, "BTC/USDT +2"),
    ],
)
def test_a_gain_is_narrowed_and_never_to_nothing(text: str, width: int, shown: str) -> None:
    assert formats.narrowed(text, width) == shown


async def a_session_in_a_coin(root: Path) -> Workspace:
    """A session with one bad fill; its report stands in its folder, its strategy in a document."""
    config = {**CROSS, "symbols": [PAIR], "starting_balance": 1.5}
    async with on_stage(root, Venue(PAIR), config) as stage:
        entry = await stage.due_entry(360)
        candle = stage.venue.at(entry)
        stage.venue.quote(candle.open * 1.004, candle.time + 1_000)
        stage.venue.candle(entry, PAIR)
        await stage.play(entry + 1, 480)
        report = await stage.stop()
    place = stage.bench.workspace
    write_report(place.session(SESSION), add_comparison(place, report), OsDisk())
    document = place.strategies / "cross" / "STRATEGY.md"
    document.parent.mkdir(parents=True)
    front = "\n".join(f"{key}: {json.dumps(value)}" for key, value in config.items())
    document.write_text(f"---\n{front}\n---\n")
    return place


async def test_a_comparison_of_sessions_in_a_coin_is_written_in_it(tmp_path: Path) -> None:
    place = await a_session_in_a_coin(tmp_path)
    report: Any = await service.written_report(place, SESSION)
    text = report["comparison"]["text"]
    parts = [line.split()[-1] for line in text.splitlines() if re.search(r"  [+-]\d\.\d+$", line)]
    assert len(parts) > 1
    assert all(re.fullmatch(r"[+-]0\.\d{6}", part) and float(part) for part in parts), parts
    assert sum(map(Decimal, parts[:-1])) == Decimal(parts[-1])
    assert re.search(r"Expectancy +\| [+-]0\.\d{6} +\| [+-]0\.\d{6}", text)
    (twin, *_) = (
        found
        for trade in trades_of(report)
        if isinstance(found := twin_of(trade, written_report(report)), ReportedDifference)
        and found.cause is not None
    )
    gains = [row.cells[-1].text for row in twin_rows(twin, UTC)]
    assert len(gains) == 3
    assert all(re.fullmatch(FINE, gain) for gain in gains), gains
    app = make(tmp_path)
    async with driven(app, NARROW) as pilot:
        screen = await compared(pilot, app)
        row = next(row for row in cells(screen, "#compare-table") if row[0] == "Expectancy")
        assert re.fullmatch(FINE, row[1])
        answer = told(screen)["account"]
        assert answer.gauge is not None
        assert re.fullmatch(r"P&L [+-]0\.\d{6}", answer.gauge.pointers[0].label)
        layer = await opened(pilot, app, "j", "j", "enter")
        fall = [row for row in cells(layer, "#layer-fall") if row[1]]
        assert all(re.fullmatch(FINE, row[1]) for row in fall), fall
        assert not NOTHING.search(drawn(app, "#layer-trades"))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ComparedTradeScreen))
        assert re.search(FINE, said(app.screen, "#compared-title"))
        values = {row[0]: row[1:] for row in cells(app.screen, "#compared-fields")}
        assert all(re.match(r"0\.\d{6}", value) for value in values["Fees"]), values
        assert all(re.match(FINE, value) for value in values["P&L"]), values
        assert cells(app.screen, "#compared-parts")
