"""The library of backtests by keys alone: listed, sorted, filtered, noted, opened, compared."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from datetime import UTC
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from core.backtest.run import run_backtest
from core.report.library import (
    CandleSource,
    Search,
    Terms,
    differently_run,
    keep_result,
    list_results,
    unlike,
)
from core.report.result import RunResult
from core.report.stored_backtest import library_result
from core.report.written_report import ReportedPeriod
from core.store.durable import OsDisk
from core.store.notes import Notes
from core.store.workspace import Workspace
from core.strategy.config.parsing import parse_config
from core.time_format import iso_time
from tests.ui.driving import NARROW, WIDE, WatchedApp, arrived, driven, until
from tests.ui.test_backtest import make
from tests.ui.test_jumps_and_copies import jump
from tests.ui.test_sessions import BRAILLE, drawn
from tests.unit.session.sessions import RSI, START, market
from tui.app import PapertapeApp
from tui.modals.ask import Ask
from tui.modals.new_backtest import NewBacktest
from tui.modals.notes import NotesForm
from tui.screens.backtest import BacktestScreen
from tui.screens.backtest_result import BacktestResultScreen
from tui.screens.backtest_rows import backtest_row, columns, matches, name_of, period
from tui.screens.overlay import OverlayScreen
from tui.widgets.choice import Choice
from tui.widgets.columns import ColumnLayout, places
from tui.widgets.curve_chart import CurveChart
from tui.widgets.filter_box import FilterBox
from tui.widgets.line_table import LineTable

HISTORY = {"BTC/USDT": market(400)}


def run(**changes: object) -> RunResult:
    return run_backtest(parse_config({**RSI, **changes}).config, HISTORY)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace with three backtests of one strategy, of different stops."""
    ids = iter(("1f00baa1", "1f00baa2", "1f00baa3"))
    monkeypatch.setattr("core.report.library.new_id", lambda: next(ids))
    made = Workspace(tmp_path / "papertape")
    made.prepare()
    for number, stop in enumerate((1.0, 2.0, 4.0)):
        source = CandleSource(data="candles.csv")
        result = run(stop_loss_pct=stop)
        now = START + number * 3_600_000
        whole = library_result(result, HISTORY, now, source, {"stop_loss_pct": stop})
        keep_result(made, whole, OsDisk())
    return made


async def library(pilot: Pilot[int], app: PapertapeApp) -> LineTable:
    await pilot.press("3")
    await until(pilot, lambda: isinstance(app.screen, BacktestScreen))
    table = app.screen.query_one("#backtests", LineTable)
    await until(pilot, lambda: len(table.rows) == 3)
    return table


def names(table: LineTable) -> list[str]:
    return [row.cells[0].text.rpartition("=")[2] for row in table.rows]


def _said(app: WatchedApp, words: str) -> bool:
    return any(words in note.message for note in app.notes)


async def test_enter_in_an_empty_list_says_what_makes_the_first(tmp_path: Path) -> None:
    made = Workspace(tmp_path / "papertape")
    made.prepare()
    app = make(made)
    async with driven(app, WIDE) as pilot:
        for number, first in (("3", "n runs one"), ("1", "n starts one"), ("5", "n makes one")):
            await pilot.press(number)
            await until(pilot, lambda: isinstance(app.focused, LineTable))
            await pilot.press("enter")
            await until(pilot, partial(_said, app, f"cursor: {first}"))


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_results_are_filtered_sorted_noted_opened_and_removed(
    workspace: Workspace, size: tuple[int, int]
) -> None:
    app = make(workspace)
    async with driven(app, size) as pilot:
        table = await library(pilot, app)
        assert names(table) == ["4", "2", "1"]
        shown = drawn(app, "#backtests").splitlines()
        end = shown[0].index("DAYS") + len("DAYS")
        assert [line[:end].split()[-1] for line in shown[1:4]] == ["1"] * 3
        await pilot.press("o")
        assert names(table) == ["1", "2", "4"]
        await pilot.press("g", "C")
        await until(pilot, lambda: isinstance(app.screen, NotesForm))
        app.screen.query_one("#note", Input).value = "[b]tight[/b]"
        app.screen.query_one("#tags", Input).value = "slow, base"
        await pilot.press("enter")
        await until(pilot, lambda: "#slow" in drawn(app, "#backtests"))
        await pilot.press("slash", *"#base", "enter")
        await until(pilot, lambda: names(table) == ["1"])
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, BacktestResultScreen))
        said = str(app.screen.query_one("#result-remarks").render())
        assert "#slow #base\n[b]tight[/b]" in said
        assert app.screen.query_one("#result-trades", LineTable).rows
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, BacktestScreen))
        await pilot.press("escape")
        await until(pilot, lambda: len(table.rows) == 3)
        assert not app.screen.query_one(FilterBox).has_class("shown")
        await pilot.press("G", "space", "slash", *"#base", "enter", "space")
        await until(pilot, lambda: "2 marked, 1 hidden" in str(table.border_title))
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        asked = str(app.screen.query_one(".dialog-title").render())
        assert "stop_loss_pct=1 " in asked, "what is hidden is not removed"
        await pilot.press("escape", "escape")
        await until(pilot, lambda: len(table.rows) == 3)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        asked = str(app.screen.query_one(".dialog-text").render())
        assert [f"stop_loss_pct={stop} " in asked for stop in (1, 2, 4)] == [True, False, True]
        await pilot.press("y")
        await until(pilot, lambda: len(list_results(workspace).results) == 1)


async def test_rows_of_one_sweep_are_told_apart_where_there_is_little_room(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = iter(("1f00bab1", "1f00bab2"))
    monkeypatch.setattr("core.report.library.new_id", lambda: next(ids))
    paths = ("macd.fast_period", "macd.slow_period", "macd.signal_period")
    for number, signal in enumerate((9, 12)):
        settings = dict(zip(paths, (12, 26, signal), strict=True))
        result = run(stop_loss_pct=6.0 + number)
        whole = library_result(result, HISTORY, START, CandleSource(), settings)
        keep_result(workspace, whole, OsDisk())
    app = make(workspace)
    async with driven(app, NARROW) as pilot:
        await pilot.press("3", "slash", *"macd.signal_period=12", "enter")
        await until(pilot, lambda: " slow=26 signal=12 " in drawn(app, "#backtests"))
        assert "signal=9" not in drawn(app, "#backtests")
        await pilot.press("escape")
        await until(pilot, lambda: " slow=26 signal=9 " in drawn(app, "#backtests"))
        assert all(label in drawn(app, "#backtests") for label in ("DAYS", "PF", "TRADES"))
        await until(pilot, lambda: bool(BRAILLE.search(drawn(app, "#backtest-equity"))))
        await until(pilot, lambda: "BUY & HOLD, DIMMED" in drawn(app, "#backtest-figures"))
        assert all(label in drawn(app, "#backtest-figures") for label in ("PF", "SHARPE"))
        await pilot.resize_terminal(NARROW[0], 19)
        await until(pilot, lambda: not app.screen.query_one("#backtest-look").display)


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_two_results_lie_over_each_other(workspace: Workspace, size: tuple[int, int]) -> None:
    app = make(workspace)
    async with driven(app, size) as pilot:
        await library(pilot, app)
        await pilot.press("space", "space", "c")
        await until(pilot, lambda: isinstance(app.screen, OverlayScreen))
        chart = drawn(app, "#overlay-curves")
        assert "A" in chart
        assert "B" in chart
        figures = app.screen.query_one("#overlay-figures", LineTable).rows
        assert [line.strip() for line in drawn(app, "#overlay-warnings").splitlines()] == [
            "! A: fewer than 30 trades (8): too few to tell luck from skill",
            "! B: fewer than 30 trades (13): too few to tell luck from skill",
        ]
        one, other = (run(stop_loss_pct=stop).metrics.total_trades for stop in (4.0, 2.0))
        told = {row.cells[0].text: [cell.text for cell in row.cells[1:4]] for row in figures}
        sign = "▲ +" if other > one else "▼ -"
        assert told["Trades"] == [str(one), str(other), f"{sign}{abs(other - one)}"]
        if size == NARROW:
            await pilot.press("v")
        assert app.screen.query_one("#overlay-settings").display
        (setting,) = app.screen.query_one("#overlay-settings", LineTable).rows
        assert [cell.text for cell in setting.cells] == ["stop_loss_pct", "4", "2"]
        await pilot.press("y")
        await until(pilot, lambda: app.clipboard.startswith("{"))
        copied = json.loads(app.clipboard)
        assert [copied[side]["id"] for side in ("one", "other")] == ["1f00baa3", "1f00baa2"]
        (count,) = [each for each in copied["figures"] if each["name"] == "total_trades"]
        assert (count["one"], count["other"], count["change"]) == (one, other, other - one)
        if size == WIDE:
            await jump(pilot, app, "Write both into files")
        else:
            await pilot.press("E")
        exports = workspace.root / "exports"
        await until(pilot, lambda: len(list(exports.glob("*/[!.]*"))) == 3)
        (folder,) = exports.iterdir()
        assert json.loads((folder / "overlay.json").read_text()) == copied
        rows = list(csv.DictReader((folder / "overlay.csv").open()))
        sides = {row["name"]: (row["A"], row["B"]) for row in rows}
        assert sides["id"] == ("1f00baa3", "1f00baa2")
        assert sides["total_trades"] == (str(one), str(other))
        assert sides["stop_loss_pct"] == ("4.0", "2.0")
        drawdowns = [run(stop_loss_pct=stop).metrics.max_drawdown_pct for stop in (4.0, 2.0)]
        assert sides["max_drawdown_pct"] == tuple(map(str, drawdowns)), "in full"
        points = list(csv.DictReader((folder / "overlay-curves.csv").open()))
        first = run(stop_loss_pct=4.0)
        assert [float(point["A_equity"]) for point in points] == first.equity.tolist()
        gain = (first.ending_balance / first.starting_balance - 1) * 100
        assert float(points[-1]["A_return_pct"]) == pytest.approx(gain)
        assert points[-1]["time"] == iso_time(int(first.times[-1]))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, BacktestScreen))


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_no_figure_is_better_where_the_periods_are_not_the_same(
    workspace: Workspace, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.report.library.new_id", lambda: "1f00baa4")
    later = {symbol: history.slice(100, len(history)) for symbol, history in HISTORY.items()}
    indicators = [{"name": "rsi", "params": {"period": 12}}]
    changes = {"stop_loss_pct": 5.0, "indicators": indicators, "trailing_stop_pct": 26.0}
    result = run_backtest(parse_config({**RSI, **changes}).config, later)
    source = CandleSource(data=f"of_another_exchange/{'and_long_' * 9}candles.csv")
    whole = library_result(result, later, START + 9 * 3_600_000, source, {})
    keep_result(workspace, whole, OsDisk())
    app = make(workspace)
    async with driven(app, size) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, BacktestScreen))
        listed = app.screen.query_one("#backtests", LineTable)
        await until(pilot, lambda: len(listed.rows) == 4)
        await pilot.press("space", "space", "c")
        await until(pilot, lambda: isinstance(app.screen, OverlayScreen))
        rows = app.screen.query_one("#overlay-figures", LineTable).rows
        assert any(row.cells[3].text for row in rows), "they are set beside each other"
        assert not any("better" in cell.text for row in rows for cell in row.cells)
        assert "B IS" not in drawn(app, "#overlay-figures")
        said, *few = (line.strip() for line in drawn(app, "#overlay-warnings").splitlines())
        assert [line[:11] for line in few] == ["! A: fewer ", "! B: fewer "]
        assert said == "! Neither is better for its figures: different periods, candles."
        if size == NARROW:
            await pilot.press("v")
            await pilot.pause()
        shown = drawn(app, "#overlay-settings").splitlines()
        words = [line.strip("▌▏ ").split() for line in shown]
        settings = {name: values for name, *values in filter(None, words)}
        assert settings["rsi.period"] == ["12", "14"]
        assert settings["trailing_stop_pct"] == ["26", "–"]
        assert settings["from"] == ["11-15", "09:20", "11-15", "01:10"], "all of both times"
        assert settings["candles"][0].startswith("and_"), "a file's name, not its folder"
        assert settings["candles"][1] == "candles.csv"
        assert "day 0" not in drawn(app, "#overlay-curves"), "most of the time lies in both"
        await pilot.press("X")
        table = app.screen.query_one("#overlay-settings", LineTable)
        turned = ["rsi.period", "14", "12"]
        await until(pilot, lambda: turned in [[one.text for one in r.cells] for r in table.rows])
        titles = str(app.screen.query_one("#overlay-title").render()).splitlines()
        assert "1f00baa3" in titles[0]
        assert "1f00baa4" in titles[1]


async def test_two_periods_that_are_not_the_same_begin_together_under_days_since_their_begins(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.report.library.new_id", lambda: "1f00baa4")
    for opened in list_results(workspace).results[1:]:
        shutil.rmtree(workspace.backtest(opened.key))
    week = {"BTC/USDT": market(2_400)}
    later = {symbol: history.slice(1_800, 2_400) for symbol, history in week.items()}
    result = run_backtest(parse_config(RSI).config, later)
    source = CandleSource(data="candles.csv")
    keep_result(workspace, library_result(result, later, START + 1, source, {}), OsDisk())
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, BacktestScreen))
        listed = app.screen.query_one("#backtests", LineTable)
        await until(pilot, lambda: len(listed.rows) == 2)
        await pilot.press("space", "space", "c")
        screen = await arrived(pilot, OverlayScreen)
        chart = screen.query_one("#overlay-curves", CurveChart)
        await until(pilot, lambda: "hour 0 " in drawn(app, "#overlay-curves"))
        assert "since each began" in str(chart.border_title)
        lines = drawn(app, "#overlay-curves").splitlines()
        left = "".join(line[: chart.size.width // 2] for line in lines)
        assert {"A", "B"} <= set(left), "both begin on the left"


async def test_a_result_is_run_again_and_found_by_the_palette(workspace: Workspace) -> None:
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        table, (_, listed, other) = await library(pilot, app), list_results(workspace).results
        key = listed.key
        written = listed.path.read_text()
        listed.path.write_text(written.replace('"next_open"', '"close"'))
        await jump(pilot, app, f"backtest {key}")
        await until(pilot, lambda: isinstance(app.screen, BacktestResultScreen))
        table.move_to(other.key)  # the one shown is meant, wherever the cursor of the list is
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, NewBacktest))
        assert app.screen.query_one("#fill-on", Choice).chosen == "close"
        assert app.screen.query_one("#data", Input).value == "candles.csv"


async def test_the_palette_opens_the_result_named_whatever_the_filter_and_none_for_one_that_is_gone(
    workspace: Workspace,
) -> None:
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        table = await library(pilot, app)
        one, other = (listed.key for listed in list_results(workspace).results[:2])
        await pilot.press("slash", *other, "enter")
        await until(pilot, lambda: len(table.rows) == 1)
        app.jump("backtest", one)  # as the palette does
        await until(pilot, lambda: isinstance(app.screen, BacktestResultScreen))
        assert (table.cursor_key, len(table.rows)) == (one, 3)
        await until(pilot, lambda: app.screen.query("#result-trades"))
        shutil.rmtree(workspace.backtest(other))
        app.jump("backtest", other)
        await until(pilot, lambda: any(f"{other} is gone" in n.message for n in app._notifications))
        await pilot.pause()
        assert isinstance(app.screen, BacktestScreen)


def test_what_two_runs_differ_in_besides_their_settings_is_told(workspace: Workspace) -> None:
    saved = list_results(workspace).results[0].result
    of_market = msgspec.structs.replace(
        saved, settings={}, source=CandleSource(exchange="binance", period="1mo")
    )
    swept = msgspec.structs.replace(of_market, settings={"rsi.period": 12}, fill_on="close")
    told = {name: (one, other) for name, one, other in differently_run(of_market, swept)}
    assert told["order limits"] == ("the market's", "none")
    assert told["fill on"] == (of_market.fill_on, "close")
    assert "from" not in told, "the same candles"
    assert list(differently_run(swept, swept)) == []


def test_results_are_alike_where_one_could_be_better(workspace: Workspace) -> None:
    saved = list_results(workspace).results[0].result
    change = msgspec.structs.replace
    names = ("A", "B")
    swept = change(saved, settings={"rsi.period": 12}, fill_on="close")
    assert unlike(saved, swept, names) is None
    copied = change(saved, source=CandleSource(data="copy.csv"))
    assert unlike(saved, copied, names) is None, "the same candles"
    warmer = change(saved, candles_digest="other")
    assert unlike(saved, warmer, names) is None, "the same source and period, warmed up longer"
    said = "different candles: A candles.csv, B copy.csv"
    assert unlike(saved, change(copied, candles_digest="other"), names) == said
    begun = change(saved.period, start="2023-11-15T01:20:00Z")
    assert unlike(saved, change(saved, period=begun), names) is None, "a longer warm-up of a file"
    ended = change(saved.period, end="2023-11-16T01:20:00Z")
    assert "different periods" in (unlike(saved, change(saved, period=ended), names) or "")
    other = change(saved, symbols=("ETH/USDT",), timeframe="4h")
    told = unlike(saved, other, names) or ""
    assert told.startswith("different markets: A BTC/USDT, B ETH/USDT; timeframes: A 5m, B 4h")
    unread = change(saved, source=None, candles_digest="")
    assert unlike(saved, unread, names) is None, "of what is not known nothing is said"


def test_days_are_counted_to_the_close_of_the_last_candle(workspace: Workspace) -> None:
    listed = list_results(workspace).results[0]
    span = ReportedPeriod("2025-01-01T00:00:00Z", "2025-01-30T00:00:00Z", 30)
    daily = msgspec.structs.replace(listed.result, timeframe="1d", period=span)
    listed = replace(listed, result=daily)
    assert period(listed) == "2025-01-01 30d"
    assert period(listed, ZoneInfo("America/New_York")) == "2025-01-01 UTC 30d"


def test_a_list_of_backtests_says_that_its_days_are_of_utc_where_its_times_are_not(
    workspace: Workspace,
) -> None:
    listed, zone = list_results(workspace).results[0], ZoneInfo("Asia/Tokyo")
    row = {
        column.label: cell.text
        for column, cell in zip(columns(zone=zone), backtest_row(listed, zone).cells, strict=True)
    }
    utc = backtest_row(listed, UTC).cells
    assert row["FROM, UTC"] == next(cell.text for cell in utc if cell.text.startswith("20"))


def test_a_long_name_is_cut_in_its_middle_and_drops_no_figure_of_any_row(
    workspace: Workspace,
) -> None:
    """On 80 columns one long name took DAYS, PF and TRADES from every row."""
    results = list_results(workspace).results
    long = {f"a_long_indicator_{n}.period": n for n in range(3)}
    named = replace(results[0], result=msgspec.structs.replace(results[0].result, settings=long))
    shown = columns([named, *results])
    layout = ColumnLayout(shown)
    rows = [backtest_row(one, UTC) for one in (named, *results)]
    layout.leave_out(rows)  # KIND, of sweeps and gates alone
    for width in (76, 116):
        placed = places(shown, 0, width, layout.left_out)
        labels = [shown[one.column].label for one in placed]
        assert {"DAYS", "RETURN", "PF", "TRADES"} <= {*labels}
        if width > 100:
            assert labels.index("MADE") == labels.index("TRADES") + 1
        name = layout.written(rows[0].cells[0], placed[0])
        assert len(name) == placed[0].width
        assert (name[:4], name[-2:]) == (results[0].result.strategy[:4], "=2")
        assert "…" in name


def test_a_long_name_leaves_room_for_markets_days_and_when_it_was_made(
    workspace: Workspace,
) -> None:
    """On 120 columns it took that of FROM, and BTC/USDT +1 was cut to BTC/USD…."""
    listed = list_results(workspace).results[0]
    settings = {f"a_long_indicator_{n}.period": n for n in range(3)}
    two = msgspec.structs.replace(
        listed.result, settings=settings, symbols=("BTC/USDT", "ETH/USDT")
    )
    tagged = replace(listed, result=two, notes=Notes("", ("base", "slow")))
    shown, row = columns([tagged]), backtest_row(tagged, UTC)
    layout = ColumnLayout(shown)
    layout.leave_out([row])
    written = {
        shown[one.column].label: layout.written(row.cells[one.column], one).strip()
        for one in places(shown, 2, 119, layout.left_out)
    }
    assert [*written] == [one.label for one in shown if one.label != "KIND"]
    assert written["SYMBOLS"] == "BTC/USDT +1"
    assert (written["FROM"], len(written["MADE"])) == ("2023-11-15", 12)


def test_sweeps_and_gates_of_one_strategy_are_told_apart_and_when_they_were_made(
    workspace: Workspace,
) -> None:
    """On 80 columns two looked alike: `ema_cr…ow.period=45`, and MADE was not there."""
    listed = list_results(workspace).results[0]
    name = listed.result.strategy
    best = {"fast.period": 20, "slow.period": 45}
    axes = "fast.period=5:20:5", "slow.period=25:60:5"
    terms = Terms(axes, "sharpe_ratio", None, 6)
    change = msgspec.structs.replace
    gate = Search("gate", "d", 32, 32, terms, "fails")
    searches = {
        f"{name}: fast 5–20, slow 25–60": Search("sweep", "a", 32, 32, terms),
        f"{name}: fast 5–20, slow 25–60, 9 of 32, by PF, ranked on 70%": Search(
            "sweep", "b", 9, 32, change(terms, sort="profit_factor", split=70.0)
        ),
        f"{name} slow.period=45: fast 5–20, stop_loss_pct 1,3,5": Search(
            "sweep", "c", 12, 12, change(terms, axes=(axes[0], "stop_loss_pct=1,3,5"))
        ),
        f"{name} fast.period=20 slow.period=45": change(gate, terms=change(terms, axes=())),
        f"{name} slow.period=45: fast 5–20": change(gate, terms=change(terms, axes=axes[:1])),
        f"{name}: fast 5–20, slow 25–60, 4 folds, anchored, seed 3": change(
            gate, terms=change(terms, folds=4, anchored=True, seed=3), verdict=""
        ),
    }
    kept = [
        replace(listed, key=told, result=change(listed.result, settings=best, search=search))
        for told, search in searches.items()
    ]
    assert [name_of(one) for one in kept] == [*searches]
    rows = [backtest_row(one, UTC) for one in kept]
    assert [row.cells[1].text for row in rows] == ["sweep"] * 3 + ["gate ✗"] * 2 + ["gate"]
    shown = columns(kept)
    layout = ColumnLayout(shown)
    layout.leave_out(rows)
    for width, seen in ((76, {"RETURN", "MAX DD", "SHARPE", "MADE"}), (116, {"PF", "TRADES"})):
        layout.place(0, width)
        told = {shown[one.column].label: one for one in layout.places}
        assert {"KIND", "MADE", *seen} <= {*told}
        assert told["STRATEGY"].width >= 26
    layout.place(0, 76)
    written = [layout.written(row.cells[0], layout.places[0]) for row in rows]
    assert len({*written}) == len(rows), written
    assert matches(kept[0], "sweep")
    assert matches(kept[0], "period=45")
