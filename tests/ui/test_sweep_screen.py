"""A sweep by keys alone: what is varied, the map, a setting's backtest, cancelling."""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from core.backtest.axes import SweepError, parse_axis
from core.backtest.progress import Progress
from core.backtest.sweep import Sweep, run_sweep
from core.backtest.sweep_map import ranked
from core.exchange.market.synthetic import SyntheticMarket
from core.host.feed_factories import DemoMarket
from core.market.candles.timeframes import Timeframe
from core.market.files.candle_files import read_candles
from core.report.library import list_results
from core.report.result import metrics_to_json
from core.store.workspace import Workspace
from core.strategy.config.parsing import parse_config
from core.strategy.document.document import read_strategy
from core.trial.ledger import tries_of
from tests.ui.driving import NARROW, WIDE, arrived, driven, make_app, until, verdict_of
from tests.ui.scripted import ScriptedLink
from tests.ui.test_backtest import backtest, make, pick, workspace
from tests.ui.test_sessions import drawn
from tests.unit.backtest.test_sweep import RAW, candles
from tui.app import PapertapeApp
from tui.formats import setting_names
from tui.modals.new_backtest import NewBacktest
from tui.modals.vary import VaryForm
from tui.requests.backtest import DEMO_MARKET, BacktestOrder, BacktestRefusedError
from tui.requests.backtest_run import backtest as run_order
from tui.requests.library import order_of
from tui.requests.varying import Control, Variation, Varied
from tui.requests.varying_run import checked, sweep
from tui.screens.backtest import BacktestScreen
from tui.screens.backtest_result import BacktestResultScreen
from tui.screens.logs import LogsScreen
from tui.screens.long_work import LongWorkScreen
from tui.screens.sweep import SweepScreen, setting_column
from tui.widgets.choice import Choice
from tui.widgets.columns import Column, places
from tui.widgets.heat_map import HeatMap
from tui.widgets.line_table import LineTable
from tui.widgets.remarks import RemarkLines

__all__ = ["workspace"]  # a fixture of the backtest's tests

AXES = ("rsi.period=12:16:2", "entry_conditions[0].value=30,35")


def verdict(app: PapertapeApp) -> str:
    return verdict_of(app.screen)


async def form(
    pilot: Pilot[int], app: PapertapeApp, workspace: Workspace, fill_on: str = "next_open"
) -> None:
    """Backtest the waves, and open the form for a sweep of them."""
    await pick(pilot, app, "waves")
    await backtest(pilot, app, str(workspace.root.parent / "waves.csv"), fill_on)
    await pilot.press("H")
    await until(pilot, lambda: isinstance(app.screen, VaryForm))
    await until(pilot, lambda: "settings" in verdict(app))


async def swept(pilot: Pilot[int], app: PapertapeApp) -> SweepScreen:
    for number, axis in enumerate((*AXES, "")):
        app.screen.query_one(f"#axis-{number}", Input).value = axis
    app.screen.query_one("#sort", Choice).chosen = "return"  # too short for a Sharpe ratio
    await until(pilot, lambda: verdict(app).startswith("6 settings"))
    await pilot.press("enter")
    screen = await arrived(pilot, SweepScreen)
    return screen


def cells(app: PapertapeApp) -> list[str]:
    """What stands beneath the map, a line each, without the gaps between columns."""
    return [" ".join(line.split()) for line in drawn(app, "#sweep-cells").splitlines() if line]


def cancelled_after(count: int, app: PapertapeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have long work cancelled from the screen once so many backtests are done."""
    show = Control.show

    def watched(control: Control, progress: Progress) -> None:
        show(control, progress)
        screen = app.screen
        if progress.done == count and isinstance(screen, LongWorkScreen):
            app.call_from_thread(screen.action_cancel)

    monkeypatch.setattr(Control, "show", watched)


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_a_sweep_is_mapped_and_a_cell_opens_its_backtest(
    workspace: Workspace, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make(workspace)
    if size == NARROW:  # by processes of its own, as what takes longer is
        monkeypatch.setattr("tui.requests.varying_run._IN_THIS_THREAD", 0)
        monkeypatch.setattr("os.cpu_count", lambda: 2)
    async with driven(app, size) as pilot:
        await form(pilot, app, workspace, fill_on="close")
        assert "rsi.period=8:20:2" in app.screen.query_one("#axis-0", Input).value
        screen = await swept(pilot, app)
        await until(pilot, lambda: not screen.is_busy)
        heat = screen.query_one(HeatMap)
        assert str(screen.query_one("#work-progress").render()) == (
            "Market orders fill at the next open."
        )
        await until(pilot, lambda: "★" in drawn(app, "#sweep-map"))
        path = workspace.strategies / "waves" / "STRATEGY.md"
        config = read_strategy(path).parse().config
        history = read_candles(workspace.root.parent / "waves.csv", Timeframe("1m")).candles
        axes, candles = [parse_axis(axis) for axis in AXES], {"BTC/USDT": history}
        expected = run_sweep(config, axes, candles, sort="total_return_pct")
        best = expected.rows[0]
        gain = best.metrics.total_return_pct
        assert f"{gain:+,.2f}%★" in drawn(app, "#sweep-map")
        assert str(heat.border_title).strip() == "Return"
        count = best.metrics.total_trades
        told = f"★ best {gain:+,.2f}% {count} trades rsi.period={best.values[0]} "
        assert cells(app)[0].startswith(told)
        assert cells(app)[-1] == "◂ here the best"
        table = screen.query_one("#sweep-table", LineTable)
        await pilot.press("v")
        await pilot.pause()
        assert "TRADES" in drawn(app, "#sweep-table").upper()
        await pilot.press("v")
        before = heat.at
        for key in ("left", "right"):
            await pilot.press(key)
            await pilot.pause()
            if heat.at != before:
                break
        await until(pilot, lambda: "◂ here the best" not in cells(app))
        assert "◂" in drawn(app, "#sweep-map"), "the cursor's cell is not taken for the best"
        assert cells(app)[0].startswith(told)
        assert "rsi.period=" in cells(app)[-1]
        await pilot.press({"left": "right", "right": "left"}[key])
        await until(pilot, lambda: heat.at == before)
        assert tries_of(workspace.tries, "waves").tried == 1 + 6
        await pilot.press("M")
        await until(pilot, lambda: "Max DD" in str(heat.border_title))
        traded = [row for row in expected.rows if row.metrics.total_trades]
        assert len(traded) < 6, "the fall of 0 of a setting that never traded is not the least"
        least = min(traded, key=lambda row: row.metrics.max_drawdown_pct or 0.0).values
        assert f"rsi.period={least[0]} " in cells(app)[0]
        table = screen.query_one("#sweep-table", LineTable)
        assert [cell.text for cell in table.rows[0].cells[:2]] == ["★", str(least[0])], (
            "the list has the same best as the map"
        )
        assert str(table.border_title).strip().startswith("Settings by Max DD")
        (signed,) = [row for row in table.rows if row.cells[0].text == "○"]
        assert [cell.text for cell in signed.cells[1:3]] == ["14", "35"]
        own = next(row for row in expected.rows if row.values == (14, 35))
        assert f"{own.metrics.total_trades} trades rsi.period=14 " in cells(app)[1]
        assert cells(app)[1].startswith("○ own"), "what the strategy is set to is there to compare"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, BacktestResultScreen))
        kept = list_results(workspace).results
        (one,) = [each for each in kept if each.result.settings and not each.result.search]
        assert one.result.metrics.total_return_pct == gain
        assert one.result.fill_on == "next_open"
        assert one.result.settings == dict(
            zip(("rsi.period", "entry_conditions[0].value"), best.values, strict=True)
        )
        assert tries_of(workspace.tries, "waves").tried == 1 + 6  # it was counted in the sweep
        await pilot.press("escape", "v")
        table = screen.query_one("#sweep-table", LineTable)
        assert table.display
        assert len(table.rows) == 6
        assert table.rows[0].cells[1].text == str(least[0])
        await pilot.press("E")
        await until(pilot, lambda: list(workspace.root.glob("exports/*/sweep.csv")))
        await pilot.press("E")  # the very same again
        await until(pilot, lambda: sum("Written into" in note.message for note in app.notes) == 2)
        (written,) = workspace.root.glob("exports/*/*")
        written.write_text("another sweep")
        await pilot.press("E")
        await until(pilot, lambda: list(workspace.root.glob("exports/*/sweep_2.csv")))
        assert written.read_text() == "another sweep", "what was exported before stays"
        found = run_sweep(
            config, [*axes, parse_axis("stop_loss_pct=2,3")], candles, sort="total_return_pct"
        )
        lossless = replace(found.rows[0].metrics, profit_factor=None, best=9.0, worst=1.0)
        most = replace(found.rows[1].metrics, total_trades=99)
        rows = (
            replace(found.rows[0], metrics=replace(lossless, total_trades=29)),
            replace(found.rows[1], metrics=most),
            *found.rows[2:],
        )
        done = Varied(replace(found, rows=rows), ())
        order, variation = BacktestOrder("waves", path, {}), Variation(sort=found.sort)
        app.push_screen(SweepScreen(order, variation, print, done))
        await until(pilot, lambda: app.screen is not screen and app.screen.is_mounted)
        heat = app.screen.query_one(HeatMap)
        await until(pilot, lambda: str(heat.border_title).strip().startswith("Return ·"))
        await pilot.press("M", "M")
        await until(pilot, lambda: str(heat.border_title).strip().startswith("PF ·"))
        await until(pilot, lambda: "∞★" in drawn(app, "#sweep-map"))
        said = app.screen.query_one("#sweep-luck")
        assert "The best by PF has fewer than 30 trades (29)" in str(said.render())
        await pilot.press("M", "M")
        await until(pilot, lambda: str(heat.border_title).strip().startswith("Trades ·"))
        assert str(heat.border_title).strip().endswith(" · each cell the most of stop_loss_pct")
        assert cells(app)[0].startswith("★ most 99 99 trades"), "most trades are not the best"
        assert "The best by" not in str(said.render()), "the best by trades is another"


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_a_map_with_an_axis_behind_it_says_what_a_cell_shows_and_what_it_does_not(
    size: tuple[int, int],
) -> None:
    axes = [parse_axis(one) for one in (*AXES, "stop_loss_pct=2:5")]
    raw = {**RAW, "stop_loss_pct": 2}
    found = run_sweep(
        parse_config(raw).config, axes, candles(length=2_000), sort="total_return_pct"
    )
    behind = found.rows[-1]
    ahead = next(row for row in found.rows if row.values[:2] == behind.values[:2])
    assert ahead is not behind
    others = [row for row in found.rows[1:] if row.values[:2] == found.rows[0].values[:2]]
    order, variation = BacktestOrder("swept", Path(), raw), Variation()
    app = make_app(ScriptedLink())
    async with driven(app, size) as pilot:
        for own in (behind, ahead):
            settings = dict(zip((axis.path for axis in axes), own.values, strict=True))
            done = replace(Varied(found, ()), own=settings)
            screen = SweepScreen(order, variation, print, done)
            app.push_screen(screen)
            await until(pilot, lambda: app.screen is screen and screen.ready)  # noqa: B023
            await until(pilot, lambda: "★ best" in drawn(app, "#sweep-cells"))
            told = " ".join(" ".join(cells(app)).split())
            title = str(screen.query_one(HeatMap).border_title).strip()
            assert title == "Return · each cell the best of stop_loss_pct"
            said = f"; on the map behind stop_loss_pct={ahead.values[2]} "
            assert (said in told) == (own is behind)
            assert ("○" in drawn(app, "#sweep-map")) == (own is ahead is not found.rows[0])
            first, second, _ = (
                f"stop_loss_pct={row.values[2]} {SweepScreen._figure(row.metrics, found.sort)}"
                for row in others
            )
            assert told.endswith(f"◂ here the best; {first}, {second}, 1 more")


async def test_what_the_ranking_of_a_split_did_not_see_stands_beside_the_best() -> None:
    axes = [parse_axis("rsi.period=8:20:2")]
    history = candles(length=2_000)
    found = run_sweep(parse_config(RAW).config, axes, history, split=70)
    asked: list[BacktestOrder] = []
    app = make_app(ScriptedLink())
    async with driven(app, WIDE) as pilot:
        order, variation = BacktestOrder("swept", Path(), RAW), Variation(split=70)
        screen = SweepScreen(order, variation, asked.append, Varied(found, ()))
        app.push_screen(screen)
        await until(pilot, lambda: screen.ready)
        await until(pilot, lambda: "★ best" in drawn(app, "#sweep-cells"))
        for metric, title in (("sharpe_ratio", "Sharpe"), ("total_return_pct", "Return")):
            rows = ranked(found, metric).rows
            rest = [SweepScreen._figure(row.rest, metric) for row in rows]
            assert len({*rest, SweepScreen._figure(rows[0].metrics, metric)}) > 2
            heat = screen.query_one(HeatMap)
            await until(pilot, lambda: str(heat.border_title).strip() == title)  # noqa: B023
            await pilot.pause()
            table = drawn(app, "#sweep-table").splitlines()
            assert f"rest: {title}" in table[0]
            assert table[1].rstrip().endswith(rest[0])
            assert f" rest {rest[0]} " in cells(app)[0]
            await pilot.press("M")
        await pilot.press("enter")
    (opened,) = asked
    assert opened.ranked_on == 70, "its backtest is of the whole time, and has to say so"


async def test_a_backtest_of_a_split_sweep_says_that_it_is_of_the_whole_time(
    workspace: Workspace,
) -> None:
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await form(pilot, app, workspace)
        app.screen.query_one("#split", Input).value = "70"
        screen = await swept(pilot, app)
        await until(pilot, lambda: not screen.is_busy)
        await until(pilot, lambda: "★ best" in drawn(app, "#sweep-cells"))
        await pilot.press("enter")
        await arrived(pilot, BacktestResultScreen)
        said = "Of the whole time; the ranking saw the first 70%."
        await until(pilot, lambda: said in drawn(app, "#result-remarks"))


async def test_a_cancelled_sweep_keeps_what_is_finished_and_says_so(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await form(pilot, app, workspace)
        cancelled_after(2, app, monkeypatch)
        screen = await swept(pilot, app)
        await until(pilot, lambda: not screen.is_busy)
        said = str(screen.query_one("#sweep-luck").render())
        assert "Not finished: 2 of 6 combinations" in said
        assert len(screen.query_one("#sweep-table", LineTable).rows) == 2
        assert tries_of(workspace.tries, "waves").tried == 1 + 2
        note = screen.query_one("#work-progress")
        assert "2 backtests are kept: the same on the same candles goes on" in str(note.render())
        monkeypatch.undo()
        screen.run_order(Variation(AXES, sort="total_return_pct"))
        await until(pilot, lambda: not screen.is_busy)
        assert "resumed: 2 of 6 backtests were kept" in str(note.render())
        assert len(screen.query_one("#sweep-table", LineTable).rows) == 6
        assert not list(workspace.unfinished.iterdir())
        (listed,) = (one for one in list_results(workspace).results if one.result.search)
        ended = await app.varying.open(listed)
        assert isinstance(ended.varied.found, Sweep)
        assert ended.varied.found.complete, "and not the one that was broken off"
        again = SweepScreen(ended.order, ended.variation, print, ended.varied)
        app.push_screen(again)
        await until(pilot, lambda: again.ready)
        assert "resumed: 2 of 6" in drawn(app, "#work-progress"), "its notes are still said"
        await pilot.press("escape")
        (workspace.root.parent / "waves.csv").unlink()
        await pilot.press("enter")  # on a setting, whose backtest cannot be run any more
        await until(pilot, lambda: any(note.title == "No backtest" for note in app.notes))
        assert "the backtest runs" in app.notes[-2].message


async def test_a_sweep_left_on_fetched_candles_goes_on_with_those(tmp_path: Path) -> None:
    starts = count(1_700_000_000_000, 3_600_000)  # a later look has later candles

    def demo() -> DemoMarket:
        return DemoMarket(SyntheticMarket(7), next(starts), 100.0, "test")

    workspace = Workspace(tmp_path)
    workspace.prepare()
    raw = {**RAW, "timeframe": "1h"}
    order = BacktestOrder("swept", tmp_path, raw, exchange=DEMO_MARKET, period="30d")
    asked = Variation(("rsi.period=7:12",))

    class LeftAfterTwo(Control):
        def show(self, progress: Progress) -> None:
            if progress.done == 2:
                self.cancel.set()

    left = await sweep(order, asked, tmp_path, demo, LeftAfterTwo())
    assert isinstance(left.found, Sweep)
    assert not left.found.complete
    found = await sweep(order, asked, tmp_path, demo, Control())
    assert isinstance(found.found, Sweep)
    assert found.found.complete
    assert "resumed: 2 of 6 backtests were kept" in found.notes
    assert "on the candles that were fetched when it was left" in found.notes
    anew = await sweep(order, asked, tmp_path, demo, Control())
    assert not any("fetched" in note for note in anew.notes)


async def test_what_is_asked_of_a_result_is_on_its_candles_and_counts_once(tmp_path: Path) -> None:
    starts = count(1_700_000_000_000, 3_600_000)  # a later look has later candles

    def demo() -> DemoMarket:
        return DemoMarket(SyntheticMarket(7), next(starts), 100.0, "test")

    workspace = Workspace(tmp_path)
    workspace.prepare()
    order = BacktestOrder(
        "swept", tmp_path, {**RAW, "timeframe": "1h"}, exchange=DEMO_MARKET, period="30d"
    )
    made = await run_order(order, tmp_path, demo, lambda _: None)
    (listed,) = list_results(workspace).results
    kept = order_of(listed)
    assert kept is not None
    asked = Variation(("rsi.period=7,14,21",))
    for once_more in (made.order, replace(kept, raw=order.raw, path=order.path), made.order):
        varied = await sweep(once_more, asked, tmp_path, demo, Control())
        assert isinstance(varied.found, Sweep)
        unvaried = varied.found.rows[[row.values for row in varied.found.rows].index((14,))]
        cell = replace(once_more, settings={"rsi.period": 14}, warmup=varied.warmup)
        assert varied.span == once_more.span
        one = await run_order(cell, None, demo, lambda _: None)
        assert one.report["metrics"] == metrics_to_json(unvaried.metrics)
        assert one.report["period"] == made.report["period"]
        assert tries_of(workspace.tries, "swept").tried == 1 + 3
    later = await run_order(replace(order, span=None), None, demo, lambda _: None)
    assert later.report["period"] != made.report["period"]


async def test_a_sweep_of_a_strategy_is_until_now_whatever_result_was_swept_before(
    workspace: Workspace,
) -> None:
    starts = count(1_700_000_000_000, 3_600_000)  # a later look has later candles
    app = make(workspace)
    app.demo = lambda: DemoMarket(SyntheticMarket(7), next(starts), 100.0, "test")
    async with driven(app, WIDE) as pilot:
        await pick(pilot, app, "waves")
        await pilot.press("b")
        asked = await arrived(pilot, NewBacktest)
        await until(pilot, lambda: asked.picked is not None and asked.picked.is_read)
        asked.query_one("#period", Input).value = "1d"
        await pilot.press("enter")
        await arrived(pilot, BacktestResultScreen)
        spans = []
        for keys in (("H",), ("escape", "2", "H")):  # the result, then its strategy
            await pilot.press(*keys)
            await arrived(pilot, VaryForm)
            app.screen.query_one("#axis-1", Input).value = ""
            app.screen.query_one("#axis-0", Input).value = "rsi.period=13,14"
            await until(pilot, lambda: verdict(app).startswith("2 settings"))
            await pilot.press("enter")
            screen = await arrived(pilot, SweepScreen)
            await until(pilot, lambda: screen.ready and not screen.is_busy)  # noqa: B023
            spans.append(screen._order.span)
        of_result, of_strategy = spans
        assert of_result is not None
        assert of_strategy is not None
        assert of_strategy[1] > of_result[1]


async def test_each_setting_is_the_backtest_of_that_setting_over_the_same_period(
    tmp_path: Path,
) -> None:
    def demo() -> DemoMarket:
        return DemoMarket(SyntheticMarket(7), 1_767_571_200_000, 100.0, "test")

    order = BacktestOrder("swept", tmp_path, RAW, exchange=DEMO_MARKET, period="20d")
    varied = await sweep(order, Variation(("rsi.period=7,60",)), None, demo, Control())
    assert isinstance(varied.found, Sweep)
    for row in varied.found.rows:
        one = replace(order, settings={"rsi.period": row.values[0]}, warmup=varied.warmup)
        outcome = await run_order(one, None, demo, lambda _: None)
        assert outcome.report["metrics"] == metrics_to_json(row.metrics)
        period = outcome.report["period"]
        assert period == {
            "start": "2025-12-16T00:00:00Z", "end": "2026-01-04T23:00:00Z", "candles": 480
        }  # fmt: skip


async def test_what_runs_is_left_by_its_own_key_and_what_was_found_before_is_gone(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(*_: object, cancel: threading.Event, **__: object) -> None:
        cancel.wait(30)
        raise SweepError("nothing was finished")

    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await form(pilot, app, workspace)
        screen = await swept(pilot, app)
        await until(pilot, lambda: not screen.is_busy)
        assert screen.check_action("open", ())
        monkeypatch.setattr("core.gate.counted.run_sweep", held)
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, VaryForm))
        await until(pilot, lambda: verdict(app).startswith("6 settings"))
        await pilot.press("enter")
        await until(pilot, lambda: screen.is_busy and app.screen is screen)
        await pilot.press("3")
        app.jump("backtest", list_results(workspace).results[0].key)
        await pilot.pause()
        assert app.screen is screen
        assert screen.is_busy
        await pilot.press("x")
        await until(pilot, lambda: not screen.is_busy)
        assert "nothing was finished" in str(screen.query_one("#work-progress").render())
        assert not screen.check_action("open", ())
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, BacktestScreen))
        library = app.screen.query_one("#backtests", LineTable)
        await until(pilot, lambda: len(library.rows) == 2)
        head, kind = (cell.text for cell in library.rows[0].cells[:2])
        assert (kind, " of " in head) == ("sweep", False), "it ended well"
        library.move_to(library.rows[0].key)
        for key in ("R", "J"):  # what was varied is asked again; judged are all of its settings
            await pilot.press(key)
            await arrived(pilot, VaryForm)
            fields = [app.screen.query_one(f"#axis-{number}", Input).value for number in (0, 1)]
            assert fields == [*AXES]
            assert bool(app.screen.query("#folds")) == (key == "J")
            assert "rsi.period" not in str(app.screen.query_one(".form-title").render()), (
                "none is set"
            )
            await pilot.press("escape")
            await arrived(pilot, BacktestScreen)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SweepScreen))
        assert app.screen is not screen
        table = app.screen.query_one("#sweep-table", LineTable)
        await until(pilot, lambda: len(table.rows) == 6)
        assert tries_of(workspace.tries, "waves").tried == 1 + 6, "nothing was tried again"


async def test_that_a_sweep_is_done_is_said_on_the_page_that_lies_over_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, begun = threading.Event(), run_sweep

    def held(*arguments: Any, **options: Any) -> Sweep:
        assert go_on.wait(60)
        return begun(*arguments, **options)

    monkeypatch.setattr("core.gate.counted.run_sweep", held)
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await form(pilot, app, workspace)
        screen = await swept(pilot, app)
        over = LogsScreen()
        app.push_screen(over)
        await until(pilot, lambda: over.ready)
        go_on.set()
        await until(pilot, lambda: not screen.is_busy)
        told = "waves: the sweep is done. Esc leads back to it."
        await until(pilot, lambda: [one.message for one in app.notes] == [told])
        assert app.screen is over


async def test_what_cannot_be_swept_is_said_in_the_form(workspace: Workspace) -> None:
    app = make(workspace)
    async with driven(app, NARROW) as pilot:
        await form(pilot, app, workspace)
        for wrong, says in (
            ("macd.fast=1:2", "no indicator 'macd'"),
            ("rsi.period", "expected PATH="),
            ("rsi.period=0:3", "is not valid"),
        ):
            app.screen.query_one("#axis-0", Input).value = wrong
            await until(pilot, lambda says=says: says in verdict(app))  # type: ignore[misc]
            await pilot.press("enter")
            assert isinstance(app.screen, VaryForm)


def test_more_settings_than_a_sweep_takes_are_refused_before_it_begins() -> None:
    axes = ("rsi.period=2:1500", "stop_loss_pct=0.01:10:0.01")
    with pytest.raises(BacktestRefusedError, match="1,499,000 combinations are too many"):
        checked({}, Variation(axes))


async def test_a_sweep_that_fails_unforeseen_has_an_end(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("core.gate.counted.run_sweep", broken)
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await form(pilot, app, workspace)
        screen = await swept(pilot, app)
        await until(pilot, lambda: not screen.is_busy)
        assert "the sweep has failed" in str(screen.query_one("#work-progress").render())
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, BacktestResultScreen))


async def test_a_strategy_is_swept_as_it_is_written_now(workspace: Workspace) -> None:
    app = make(workspace)
    path = workspace.strategies / "waves" / "STRATEGY.md"
    async with driven(app, WIDE) as pilot:
        await pick(pilot, app, "waves")
        await backtest(pilot, app, str(workspace.root.parent / "waves.csv"))
        path.write_text(path.read_text().replace("period: 14", "period: 40"))
        await pick(pilot, app, "waves")
        await pilot.press("R", "H")
        await until(pilot, lambda: isinstance(app.screen, VaryForm))
        field = app.screen.query_one("#axis-0", Input)
        await until(pilot, lambda: field.value == "rsi.period=25:55:5")
        await pilot.press(*"rsi.period=4,5")
        assert field.value == "rsi.period=4,5"
        await pilot.press("escape")
        await pick(pilot, app, "waves")
        await pilot.press("b")  # the first result is still open there
        await until(pilot, lambda: isinstance(app.screen, NewBacktest))


def test_what_is_varied_is_named_whole_beside_figures() -> None:
    paths = ("entry_conditions[0].for", "exit_conditions[0].offset", "stop_loss_pct")
    named = [setting_column(name, (30, 35)) for name in setting_names(paths)]
    columns = [*named, *(Column("RETURN", 9, priority=n) for n in (0, 1))]
    shown = [columns[one.column].label for one in places(columns, 0, 60) if one.width >= 12]
    assert shown == ["entry[0].for", "exit[0].offset", "stop_loss_pct"]


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["ichimoku.tenkan_period", "ichimoku.kijun_period"], ["tenkan", "kijun"]),
        (["macd.fast_period", "ppo.fast_period"], ["macd.fast_period", "ppo.fast_period"]),
        (["rsi.period", "adx.period"], ["rsi.period", "adx.period"]),
        (["ichimoku.span_b_period", "stop.atr.multiplier"], ["span_b", "stop.atr.multiplier"]),
        (["macd.fast_period", "fast"], ["fast_period", "fast"]),
        (["", "rsi.period"], ["", "rsi.period"]),
        (["entry_conditions[0].value", "exit_conditions[1].value"], ["entry", "exit"]),
        (["entry_conditions[0].value", "entry_conditions[1].value"], ["entry[0]", "entry[1]"]),
        (["entry_conditions[0].any[1].value"], ["entry[0].any[1].value"]),
    ],
)
def test_what_is_varied_has_a_short_name_that_tells_it_from_the_others(
    paths: list[str], names: list[str]
) -> None:
    assert setting_names(paths) == names


def type_at_once(app: PapertapeApp, *keys: str) -> None:
    """Press keys as fast as a terminal delivers them: none waits for what the one before does."""
    for key in keys:
        app.post_message(events.Key(key, key if len(key) == 1 else None))


async def test_an_enter_right_behind_what_was_typed_is_not_lost(workspace: Workspace) -> None:
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await form(pilot, app, workspace)
        app.screen.query_one("#axis-1", Input).value = ""
        axis = app.screen.query_one("#axis-0", Input)
        axis.value = "rsi.period=12:14"
        axis.action_end()
        await until(pilot, lambda: verdict(app).startswith("3 settings"))
        type_at_once(app, *":2", "enter")
        screen = await arrived(pilot, SweepScreen)
        await until(pilot, lambda: screen.ready and not screen.is_busy)
        assert len(screen.query_one("#sweep-table", LineTable).rows) == 2


async def test_an_enter_behind_what_cannot_be_swept_says_so_and_runs_nothing_later(
    workspace: Workspace,
) -> None:
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await form(pilot, app, workspace)
        axis = app.screen.query_one("#axis-0", Input)
        axis.value = "macd.fast=1:"
        axis.action_end()
        type_at_once(app, "2", "enter")
        await until(pilot, lambda: "no indicator 'macd'" in verdict(app))
        axis.value = "rsi.period=12,14"
        await until(pilot, lambda: "settings" in verdict(app))
        assert isinstance(app.screen, VaryForm), "Enter was meant for what stood there before"


async def test_a_sweep_by_a_metric_that_is_not_among_those_shown_opens_under_its_name(
    workspace: Workspace,
) -> None:
    """As the command line may have kept one."""
    path = workspace.strategies / "waves" / "STRATEGY.md"
    history = read_candles(workspace.root.parent / "waves.csv", Timeframe("1m")).candles
    found = run_sweep(
        read_strategy(path).parse().config,
        [parse_axis(AXES[0])],
        {"BTC/USDT": history},
        sort="max_consecutive_losses",
    )
    order, variation = BacktestOrder("waves", path, {}), Variation(sort=found.sort)
    app = make(workspace)
    async with driven(app, NARROW) as pilot:
        app.push_screen(screen := SweepScreen(order, variation, print, Varied(found, ())))
        await until(pilot, lambda: screen.ready)
        name = "Losses in a row"
        assert str(screen.query_one(HeatMap).border_title).strip() == name
        assert f"by {name}" in str(screen.query_one("#sweep-luck").render())
        table = screen.query_one("#sweep-table")
        assert str(table.border_title).strip().startswith(f"Settings by {name} ")


async def test_a_map_of_which_all_has_room_shows_all_of_it_though_it_was_drawn_while_hidden() -> (
    None
):
    axes = [parse_axis("rsi.period=8:20:2"), parse_axis("stop_loss_pct=1:7")]
    found = run_sweep(parse_config(RAW).config, axes, candles())
    app = make_app(ScriptedLink())
    async with driven(app, NARROW) as pilot:
        order, variation = BacktestOrder("swept", Path(), RAW), Variation()
        screen = SweepScreen(order, variation, print, Varied(found, ()))
        app.push_screen(screen)
        await until(pilot, lambda: screen.ready)
        await until(pilot, lambda: "★" in drawn(app, "#sweep-map"))
        for _ in range(2):  # by return, then by drawdown, whose best is in another row
            await pilot.press("v", "M", "v")
            heat = screen.query_one(HeatMap)
            await until(pilot, lambda: heat.has_focus and heat.size.height > 1)  # noqa: B023
            await pilot.pause()
            shown = drawn(app, "#sweep-map")
            assert " of 7" not in shown
            assert "★" in shown
            rows = [line.split()[0] for line in shown.splitlines()[1:8]]
            assert rows == ["8", "10", "12", "14", "16", "18", "20"]


@pytest.mark.parametrize("split", [None, 70])
async def test_all_that_is_said_of_luck_can_be_read_on_a_small_terminal_above_some_settings(
    split: int | None,
) -> None:
    axes = [parse_axis("rsi.period=8:20:2"), parse_axis("stop_loss_pct=1:7")]
    found = run_sweep(parse_config(RAW).config, axes, candles(length=2_000), split=split)
    app = make_app(ScriptedLink())
    async with driven(app, NARROW) as pilot:
        order, variation = BacktestOrder("swept", Path(), RAW), Variation(split=split)
        done = Varied(found, ("resumed: 2 of 49 backtests were kept",), ("Filled so.",))
        screen = SweepScreen(order, variation, print, done)
        app.push_screen(screen)
        await until(pilot, lambda: screen.ready)
        await until(pilot, lambda: "★ best" in drawn(app, "#sweep-cells"))
        said, table = screen.query_one("#sweep-said"), screen.query_one("#sweep-table")
        lines = screen.query_one("#sweep-luck", RemarkLines).lines_on(said.size.width - 1)
        await until(pilot, lambda: table.region.bottom <= NARROW[1] - 1)
        assert table.size.height >= 3, "its heading and two rows"
        if split is not None:
            assert lines > said.size.height
        if lines > said.size.height:
            assert said in screen.focus_chain
            said.focus()
            await pilot.press("end")
            await until(pilot, lambda: said.scroll_offset.y == said.max_scroll_y > 0)
