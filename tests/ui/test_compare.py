"""The comparison on the screen, of a real session in a real workspace."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from syrupy.assertion import SnapshotAssertion
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static

from core.backtest.run import run_backtest
from core.compare import service
from core.compare.columns import trades_of
from core.compare.comparison import compare
from core.compare.promise import PathLayer
from core.compare.request import ComparisonRequest
from core.compare.service import add_comparison
from core.journal.manifest import RECORD
from core.journal.values import Mode, SessionState
from core.market.candles.candle import Candle
from core.market.candles.timeframes import Timeframe
from core.report.stored_backtest import save_backtest
from core.report.written_report import ReportedDifference, written_report
from core.session.reports import write_report
from core.store.durable import OsDisk
from core.store.workspace import Workspace, program_for
from core.strategy.chart_values import Chart, ChartLine
from core.strategy.config.parsing import parse_config
from core.trial.cone import BandSide, Cone, Course
from core.trial.costs import CostFinding
from core.trial.state import State
from tests.ui.driving import NARROW, WIDE, WatchedApp, arrived, driven, host_of, until
from tests.ui.pictures import Shots
from tests.ui.scripted import ScriptedHosting, ScriptedLink, choices, report, session
from tests.ui.test_sessions import BRAILLE, drawn
from tests.unit.compare.test_sources import CROSS, END, Stage, Venue, on_stage
from tests.unit.compare.trials import a_trial
from tests.unit.session.sessions import SPAN, START, market
from tui.app import PapertapeApp
from tui.modals.ask import Ask
from tui.modals.strategy_picker import PickStrategy
from tui.screens.compare import CompareScreen
from tui.screens.compare_answers import COST_FINDINGS, answers, path_answer, verdict_text
from tui.screens.compare_choices import choice_rows
from tui.screens.compare_layer import CompareLayerScreen, equity_curves
from tui.screens.compare_rows import SPREAD_COLUMNS, note_lines, periods, spread_rows
from tui.screens.compare_trade import ComparedTradeScreen
from tui.screens.help import HelpScreen
from tui.screens.report import ReportScreen
from tui.screens.sessions import SessionsScreen
from tui.screens.twin import twin_of
from tui.strategies import find_strategies
from tui.theming import DEFAULT_THEME, SIXTEEN_COLORS
from tui.widgets.answer_list import AnswerList, AnswerRow
from tui.widgets.columns import places
from tui.widgets.curve_chart import CurveChart
from tui.widgets.line_table import LineTable

SESSION = "abcd1234"
SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "120x40"])
PROMISE_BEGAN = START - 2_000 * SPAN
LEFT = r"reached it|opened beyond|market.s price|next open|by hand|✓  exit"


async def a_session_that_differs(root: Path) -> Stage:
    """A session with a bad fill, one by hand and a pause; its report stands in its folder."""
    async with on_stage(root, Venue()) as stage:
        entry = await stage.due_entry(360)
        candle = stage.venue.at(entry)
        stage.venue.quote(candle.open * 1.004, candle.time + 1_000)
        stage.venue.candle(entry)
        await stage.play(entry + 1, 480)
        entry = await stage.due_entry_from(480)
        await stage.play(entry, entry + 1)
        await stage.engine.command("flatten")
        await stage.play(entry + 1, 560)
        await stage.engine.command("pause")
        await stage.play(560, 610)
        await stage.engine.command("resume")
        await stage.play(610, END)
        report = await stage.stop()
    finished = add_comparison(stage.bench.workspace, report)
    write_report(stage.bench.workspace.session(SESSION), finished, OsDisk())
    return stage


@pytest.fixture(scope="module")
def compared_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with that session, its strategy, the strategy's backtest, and live trades."""
    stage = asyncio.run(a_session_that_differs(tmp_path_factory.mktemp("compare")))
    place = stage.bench.workspace
    document = place.strategies / "cross" / "STRATEGY.md"
    document.parent.mkdir(parents=True)
    front = "\n".join(f"{key}: {json.dumps(value)}" for key, value in CROSS.items())
    document.write_text(f"---\n{front}\n---\nProse that stays.\n")
    history = {"BTC/USDT": market(1_900, seed=11, start=PROMISE_BEGAN)}
    promise = run_backtest(parse_config(CROSS).config, history)
    save_backtest(document, promise, history, START)
    lines = [
        json.dumps(
            {"ts": START + n * SPAN, "id": n, "symbol": "BTC/USDT", "side": "buy", "price": 100,
             "amount": 1, "status": "closed", "close_ts": START + (n + 1) * SPAN,
             "pnl": 0.6 if n % 3 else -0.9, "source": "strategy:cross"}
        )
        for n in range(8)
    ]  # fmt: skip
    place.live_trades.write_text("\n".join(lines))
    return place.root


@pytest.fixture
def workspace(compared_workspace: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    return Path(shutil.copytree(compared_workspace, tmp_path / "papertape"))


@pytest.fixture(scope="module")
def trial_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a trial whose market has lost what its backtest lived on."""
    stage = asyncio.run(a_trial(tmp_path_factory.mktemp("trial"), horizon=100, streak=-0.3))
    return stage.bench.workspace.root


def make(root: Path, strategy: str = "cross", *, others: Sequence[str] = ()) -> WatchedApp:
    ended = [
        session(one, strategy, state=SessionState.STOPPED, ended=START)
        for one in (SESSION, *others)
    ]
    app = WatchedApp(
        ScriptedHosting(ScriptedLink(ended)),
        lambda: [[one for one in find_strategies(Workspace(root)) if one.origin == "workspace"]],
        host_name="web1",
        workspace=root,
        poll_every=3_600,
    )
    app.theme = DEFAULT_THEME  # whatever the terminal that runs the tests can show
    return app


def screen_of(app: PapertapeApp) -> CompareScreen:
    screen = app.screen
    assert isinstance(screen, CompareScreen)
    return screen


async def compared(pilot: Pilot[Any], app: PapertapeApp) -> CompareScreen:
    """The screen once the session under the cursor has been compared."""
    await until(pilot, lambda: app.snapshot is not None)
    await pilot.press("c")
    await until(pilot, lambda: isinstance(app.screen, CompareScreen))
    await settled(pilot, app)
    return screen_of(app)


async def settled(pilot: Pilot[Any], app: PapertapeApp) -> None:
    """Return once a comparison is shown."""
    screen = screen_of(app)
    table = screen.query_one("#compare-table", LineTable)
    for _ in range(20):  # a worker in another thread, on a machine that may be busy
        try:
            await until(pilot, lambda: bool(table.rows) and not screen.is_busy)
        except AssertionError:
            continue
        break
    await pilot.pause()


def cells(screen: Screen[Any], name: str) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for row in screen.query_one(name, LineTable).rows]


def said(screen: Screen[Any], name: str) -> str:
    return str(screen.query_one(name, Static).render())


def told(screen: CompareScreen) -> dict[str, AnswerRow]:
    return {one.key: one for one in screen.query_one(AnswerList).answers}


async def opened(pilot: Pilot[Any], app: PapertapeApp, *keys: str) -> CompareLayerScreen:
    """The screen of an answer, once these keys have led there."""
    await pilot.press(*keys)
    screen = await arrived(pilot, CompareLayerScreen)
    await pilot.pause()
    return screen


async def test_an_unsealed_session_is_described_in_five_answers(workspace: Path) -> None:
    app = make(workspace)
    async with driven(app) as pilot:
        screen = await compared(pilot, app)
        verdict = said(screen, "#compare-said")
        assert verdict.startswith(f"? OPEN   Paper {SESSION} · not sealed: no error rate stands")
        assert "3d" in verdict  # the minimum duration
        answers = told(screen)
        assert {key: one.word for key, one in answers.items()} == {
            "decisions": "kept",
            "costs": "open",
            "account": "described",
            "path": "described",
            "edge": "described",
            "live": "described",
        }
        assert answers["decisions"].text == "440 candles, 12 differ; none unexplained so far"
        assert answers["account"].text == "24 of 34 trades differ from the replay"
        assert answers["path"].text == "only a sealed trial has a band to stay within"
        assert answers["path"].gauge is None
        assert answers["edge"].gauge is not None


def test_a_path_without_a_trade_is_not_drawn_between_walls_that_meet() -> None:
    band = Cone(horizon=20, growth=-0.5, below=3.0, above=3.0, rate=0.015, trades=100, seed=0)
    inside = Course(BandSide.INSIDE, None)
    begun = path_answer(PathLayer(State.OPEN, band, np.empty(0), inside))
    assert (begun.word, begun.text) == ("open", "no trade of 20 has closed yet")
    assert begun.gauge is None
    gone_on = path_answer(PathLayer(State.OPEN, band, np.array([0.4]), inside, within=1))
    assert gone_on.word == "inside"
    assert gone_on.gauge is not None


async def test_the_figures_stand_beneath_in_three_columns(workspace: Path) -> None:
    app = make(workspace)
    async with driven(app) as pilot:
        screen = await compared(pilot, app)
        table = cells(screen, "#compare-table")
        assert [row[0] for row in table][:3] == ["Win rate", "  95%", "PF"]
        (trades,) = (row for row in table if row[0] == "Trades")
        assert trades[3] == "8"
        assert int(trades[1]) > 100 > int(trades[2]) > 10


async def test_without_live_trades_the_figures_tell_what_paper_differs_by(
    trial_workspace: Path,
) -> None:
    app = make(trial_workspace, "trend")
    async with driven(app) as pilot:
        screen = await compared(pilot, app)
        table = screen.query_one("#compare-table", LineTable)
        labels = [column.label for column in table.columns]
        assert labels == ["", "BACKTEST", "PAPER", "PAPER − BACKTEST"]
        rows = {row[0]: row[1:] for row in cells(screen, "#compare-table")}
        backtest, paper, difference = rows["Win rate"]
        apart = float(paper.rstrip("%")) - float(backtest.rstrip("%"))
        told = float(difference.removesuffix(" pp"))
        assert told == pytest.approx(apart, abs=0.11)
        assert rows["Return"][2] == rows["Trades"][2] == "", "they grow with the time they are over"


async def test_a_trial_is_judged_and_its_answers_have_walls(trial_workspace: Path) -> None:
    app = make(trial_workspace, "trend")
    async with driven(app) as pilot:
        screen = await compared(pilot, app)
        verdict = said(screen, "#compare-said")
        assert verdict.startswith("✗ BROKEN   Paper · by path, edge · trial abcd1234, sealed 2023")
        answers = told(screen)
        assert [(one.sign, one.word) for one in answers.values()] == [
            ("✓", "kept"),
            ("✓", "within"),
            ("·", "described"),
            ("✗", "below"),
            ("✗", "broken"),
        ]
        for key in ("path", "edge"):
            gauge = answers[key].gauge
            assert gauge is not None
            here, broken = gauge.pointers[:2]
            assert here.at < broken.at
        equity = screen.query_one("#compare-curves", CurveChart)
        assert "░ band of the promise" in str(equity.border_title)


@SIZES
@pytest.mark.parametrize("sealed", [False, True], ids=["described", "judged"])
async def test_the_five_answers_are_seen_without_scrolling(
    workspace: Path, trial_workspace: Path, size: tuple[int, int], *, sealed: bool
) -> None:
    app = make(trial_workspace, "trend") if sealed else make(workspace)
    async with driven(app, size) as pilot:
        screen = await compared(pilot, app)
        answers = screen.query_one(AnswerList)
        assert answers.virtual_size.height <= answers.size.height
        said_widget = screen.query_one("#compare-said", Static)
        assert said_widget.virtual_size.height <= said_widget.size.height
        shown = [answers.render_line(y).text for y in range(answers.size.height)]
        assert not [line for line in shown if "…" in line]
        title = said(screen, "#compare-title")
        assert ("from 2023-" in title) is (size == WIDE and sealed), "where there is room"
        assert len(title) <= size[0] - 4
        assert "Periods" in said(screen, "#compare-noted")


async def test_a_demo_is_named_as_one_and_seen_to_be_left_out(trial_workspace: Path) -> None:
    async def no_host(session_id: str, /) -> dict[str, Any]:
        raise LookupError(session_id)

    request = ComparisonRequest("trend", Timeframe.M5)
    found = await service.compare_strategy(Workspace(trial_workspace), request, no_host)
    assert "DEMO" not in f"{verdict_text(found)} {periods(found)}"
    # Days of candles are those of the list of backtests in every zone, and say so in another.
    new_york = ZoneInfo("America/New_York")
    assert "Backtest from 2023-11-08, " in str(periods(found))
    assert "Backtest from 2023-11-08 UTC, " in str(periods(found, new_york))
    assert "  Backtest from 2023-11-08 UTC, " in str(note_lines(found, zone=new_york))
    demo = replace(found, demo=True)
    assert verdict_text(demo).plain.splitlines()[0].startswith("✗ BROKEN   Paper, DEMO · ")
    assert any(one.startswith("Paper (DEMO) ") for one in periods(demo))
    apart = verdict_text(replace(found, left_out="1 demo session is left out")).plain.splitlines()
    assert apart[-1] == "1 demo session is left out."
    several = verdict_text(replace(found, together="2 sessions (aa, bb)")).plain.splitlines()
    assert several[1] == "2 sessions (aa, bb)."
    two = tuple(replace(found.curves[0], session=name) for name in ("aa", "bb"))
    assert [one.name for one in equity_curves(replace(found, curves=two))[0]] == ["aa", "bb"]


async def test_a_trial_whose_seal_was_removed_is_described_and_says_why(
    trial_workspace: Path, tmp_path: Path
) -> None:
    home = Workspace(Path(shutil.copytree(trial_workspace, tmp_path / "removed")))
    (session_id,) = home.session_ids()
    path = home.session(session_id) / RECORD
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "seal": None}), encoding="utf-8")
    app = make(home.root, "trend")
    async with driven(app) as pilot:
        screen = await compared(pilot, app)
        verdict = said(screen, "#compare-said")
        assert "OPEN" in verdict
        assert "no verdict: the seal of its trial does not hold" in verdict
        assert f"No verdict is given: session {session_id} is not judged by its seal" in verdict
        assert "the seal was removed: session.json has none" in verdict


async def test_enter_on_the_figures_opens_an_answer_or_is_not_offered(workspace: Path) -> None:
    for size, offered in ((WIDE, True), (NARROW, False)):
        app = make(workspace)
        async with driven(app, size) as pilot:
            screen = await compared(pilot, app)
            await pilot.press("v")
            if not offered:
                assert "Enter" not in drawn(app, "Hints")
                await pilot.press("enter")
                await pilot.pause()
                assert app.screen is screen
                await pilot.press("v", "v", "v")
                assert "Enter" in drawn(app, "Hints")
            await opened(pilot, app, "enter")


async def test_the_head_of_an_answer_stays_in_sight_where_there_is_hardly_room(
    workspace: Path,
) -> None:
    app = make(workspace)
    async with driven(app) as pilot:
        await compared(pilot, app)
        screen = await opened(pilot, app, "j", "j", "j", "enter")
        answer = screen.query_one("#layer-answer", AnswerList)
        answer.styles.height, answer.styles.padding = 1, 0
        await pilot.pause()
        assert answer.size.height == 1
        assert "· Path       described" in drawn(app, "#layer-answer")


async def test_commands_that_are_named_work_as_they_stand_on_this_workspace(
    workspace: Path,
) -> None:
    document = workspace / "strategies" / "cross" / "STRATEGY.md"
    front = "\n".join(f"{key}: {json.dumps(value)}" for key, value in CROSS.items())
    document.write_text(f"---\n{front}\n---\n")  # no backtest is saved by now
    app = make(workspace)
    async with driven(app) as pilot:
        screen = await compared(pilot, app)
        named = f"{program_for(workspace)} backtest cross --period 6m --save"
        assert named in said(screen, "#compare-noted")
        assert str(workspace) in named
        advice = "It is not sealed; start it as a trial: papertape trial cross."
        await app.push_screen(ReportScreen(report("cross", recommendation=advice)))
        shown = app.screen.query_one("#result-remarks")
        trial = f"{program_for(workspace)} trial cross."
        await until(pilot, lambda: trial in " ".join(str(shown.render()).split()))


async def test_every_answer_opens_by_keys_and_by_the_mouse(trial_workspace: Path) -> None:
    app = make(trial_workspace, "trend")
    async with driven(app) as pilot:
        await compared(pilot, app)
        screen = await opened(pilot, app, "j", "enter")
        assert "break-even" in said(screen, "#layer-text")
        hours, sizes = cells(screen, "#layer-hours"), cells(screen, "#layer-sizes")
        fills = sum(int(row[1]) for row in hours)
        assert fills == sum(int(row[1]) for row in sizes) > 50
        assert {row[3] for row in sizes} == {"1.00"}  # the half spread of every quote
        await pilot.press("tab", "enter")
        await until(pilot, lambda: any("Only a trade opens" in one.message for one in app.notes))
        await pilot.press("l", "l")
        path = screen.query_one("#layer-path", CurveChart)
        assert "◆ left it below" in str(path.border_title)
        await pilot.press("l")
        edge = screen.query_one("#layer-edge", CurveChart)
        assert "◆ broken at trade" in str(edge.border_title)
        for name in ("seen -", "broken +", "kept +"):
            assert name in drawn(app, "#layer-edge")
        head = screen.query_one(AnswerList).answers[0]
        assert (head.text, head.shorter) == ("", ()), "all it says stands beneath"
        await pilot.press("l")
        assert cells(screen, "#layer-decisions") == []
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        await pilot.click("#compare-answers", offset=(20, 0))
        await until(pilot, lambda: isinstance(app.screen, CompareLayerScreen))
        assert said(app.screen, "#layer-text").startswith("440 candles, 0 differ")


async def test_an_edge_that_is_only_described_is_drawn_all_the_same(workspace: Path) -> None:
    app = make(workspace)
    async with driven(app) as pilot:
        await compared(pilot, app)
        screen = await opened(pilot, app, "enter")
        await pilot.press("h")
        title = str(screen.query_one("#layer-edge").border_title)
        assert "Running sum" in title
        assert "promised -" in drawn(app, "#layer-edge")
        assert BRAILLE.search(drawn(app, "#layer-edge"))


@SIZES
async def test_an_answer_without_a_bar_is_named_all_the_same(
    workspace: Path, size: tuple[int, int]
) -> None:
    app = make(workspace)
    async with driven(app, size) as pilot:
        await compared(pilot, app)
        lines = drawn(app, "#compare-answers").splitlines()
        path, edge = (
            next(at for at, line in enumerate(lines) if f" {name} " in line)
            for name in ("Path", "Edge")
        )
        assert edge == path + 1, "no lines are kept for a bar that is none"
        await pilot.click("#compare-answers", offset=(20, edge))
        await until(pilot, lambda: isinstance(app.screen, CompareLayerScreen))
        assert " Edge " in drawn(app, "#layer-answer")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        screen = await opened(pilot, app, "g", "enter")
        await pilot.press("l", "l", "l")
        assert "· Path       described" in drawn(app, "#layer-answer")
        assert said(screen, "#layer-text") == "only a sealed trial has a band to stay within"
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        shown = " ".join(str(one.render()) for one in app.screen.query("Static")).split()
        assert "Bars: ◆ what is seen, ┊ what was promised" in " ".join(shown)


async def test_decisions_that_differ_are_listed_with_their_causes(workspace: Path) -> None:
    app = make(workspace)
    async with driven(app) as pilot:
        await compared(pilot, app)
        screen = await opened(pilot, app, "enter")
        rows = cells(screen, "#layer-decisions")
        assert len(rows) == 12
        assert {row[4].partition(":")[0] for row in rows} == {"by hand"}
        assert any(row[2] == "nothing" and row[3] == "enter long" for row in rows)
        await pilot.press("j")
        assert said(screen, "#layer-text").startswith("by hand: follows from trade ")
        await pilot.press("l", "l")
        assert "trades differ from the replay" in drawn(app, "#layer-answer")
        table = screen.query_one("#layer-trades", LineTable)
        causes = {row.key: row.cells[-1].text for row in table.rows}
        assert said(screen, "#layer-text") == causes[str(table.cursor_key)]
        await pilot.press("j")
        await until(pilot, lambda: said(screen, "#layer-text") == causes[str(table.cursor_key)])
        await pilot.press("h", "h")
        assert said(screen, "#layer-text").startswith("by hand: ")


async def test_trades_are_filtered_and_opened_down_to_their_candles(workspace: Path) -> None:
    app = make(workspace)
    async with driven(app) as pilot:
        await compared(pilot, app)
        screen = await opened(pilot, app, "j", "j", "enter")
        fall = cells(screen, "#layer-fall")
        assert {"Missing trades", "Entry price", "Together"} <= {row[0] for row in fall}
        assert any(row[0].endswith(" by hand") for row in fall)
        differing = len(cells(screen, "#layer-trades"))
        assert differing > 3
        counts = {"differing": differing}
        for name in ("matched", "missing", "extra", "all"):
            await pilot.press("L")
            counts[name] = len(cells(screen, "#layer-trades"))
        assert counts["all"] == counts["matched"] + counts["missing"] + counts["extra"]
        assert counts["all"] > differing
        none = next(name for name, count in counts.items() if not count)
        while f"▸{none} 0" not in str(screen.query_one("#layer-trades").border_title):
            await pilot.press("L")
        summary = f"{differing} of {counts['all']} trades differ"
        assert said(screen, "#layer-text").startswith(summary), "of no trade there is no cause"
        while "▸differing" not in str(screen.query_one("#layer-trades").border_title):
            await pilot.press("L")
        told = [row[3] for row in cells(screen, "#layer-trades")]
        assert told == sorted(told, reverse=True)  # the newest first
        await pilot.press("G", "enter")
        await until(pilot, lambda: isinstance(app.screen, ComparedTradeScreen))
        trade = app.screen
        why = str(trade.query_one("#compared-cause", Static).render())
        assert why.startswith("slippage: filled at")
        fields = trade.query_one("#compared-fields", LineTable)
        texts = [[cell.text for cell in row.cells] for row in fields.rows]
        assert texts[0][0] == "P&L"
        assert any(name == "Entry" and "≠" in paper for name, _, paper in texts)
        assert not [paper for _, backtest, paper in texts if paper == f"{backtest} ≠"]
        parts = cells(trade, "#compared-parts")
        await until(pilot, lambda: len(cells(trade, "#compared-conditions")) == 2)
        (mark, _, rule, now, threshold, _), _ = cells(trade, "#compared-conditions")
        assert (mark, rule) == ("✓", "close crosses above sma")
        assert float(now) > float(threshold)
        assert "THRESHOLD" in drawn(app, "#compared-conditions")
        await pilot.press("v")
        left = trade.query_one("#compared-exit")
        await until(pilot, lambda: left.display and re.search(LEFT, drawn(app, "#compared-exit")))
        assert fields.display
        assert not trade.query_one("#compared-conditions").display
        await pilot.resize_terminal(*NARROW)
        for name in ("exit", "fields", "conditions", "exit"):
            await until(pilot, lambda: trade.query_one(f"#compared-{name}").display)  # noqa: B023
            assert trade.query_one("#compared-parts").display is (name == "fields")
            await pilot.press("v")
        await pilot.resize_terminal(*WIDE)
        assert "0.00" not in [row[1] for row in parts]
        title, every = trade.query_one("#compared-title", Static), counts["all"]
        head = str(title.render())
        assert f" of {every}, 1 of {differing} listed" in head, "the oldest, from whose row it is"
        await pilot.press("l")
        assert f" of {every}, 2 of {differing} listed" in str(title.render())
        await pilot.press("h", "h")
        assert f", {differing} of {differing} listed" in str(title.render())
        await pilot.press("escape")
        while "▸all" not in str(screen.query_one("#layer-trades").border_title):
            await pilot.press("L")
        await pilot.press("g", "enter")
        await until(pilot, lambda: isinstance(app.screen, ComparedTradeScreen))
        newest = str(app.screen.query_one("#compared-title", Static).render())
        assert newest.endswith(f"trade {every} of {every}"), "the newest has the highest number"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, CompareLayerScreen))


async def test_a_compared_trade_lies_on_the_candles_and_indicators_that_its_session_saw(
    workspace: Path,
) -> None:
    app = make(workspace)
    link = host_of(app).link
    asked: list[tuple[str, str, int | None]] = []

    async def chart(
        session_id: str,
        symbol: str,
        timeframe: str | None = None,
        until: int | None = None,
        count: int = 1_000,
    ) -> Chart:
        asked.append((session_id, symbol, until))
        made = [
            Candle((until or 0) - n * SPAN, 100.0, 101.0, 99.0, 100.0, 1.0)
            for n in range(80, 0, -1)
        ]
        return Chart("5m", tuple(made), (ChartLine("sma_7", "", (100.0,) * 80),))

    async with driven(app) as pilot:
        await compared(pilot, app)
        await opened(pilot, app, "j", "j", "enter")
        link.chart = chart  # type: ignore[method-assign]
        await pilot.press("G", "enter")
        trade = await arrived(pilot, ComparedTradeScreen)
        await until(pilot, lambda: trade.ready)  # it has no chart before
        chart_of = trade.query_one("#compared-candles")
        await until(pilot, lambda: "sma_7 100.00" in str(chart_of.border_title))
        assert {one[0] for one in asked} == {SESSION}
        for level in ("entry", "exit"):
            await until(pilot, lambda: level in drawn(app, "#compared-candles"))  # noqa: B023


async def test_every_trade_of_a_real_report_has_the_twin_that_its_comparison_tells(
    workspace: Path,
) -> None:
    told = await service.written_report(Workspace(workspace), SESSION)
    assert told is not None
    read, trades = written_report(told), trades_of(told)
    found = [twin_of(trade, read) for trade in trades]
    assert len(found) == len(trades) > 20
    for trade, twin in zip(trades, found, strict=True):
        assert isinstance(twin, ReportedDifference)
        assert twin.paper is not None
        assert (twin.paper.id, twin.paper.pnl) == (trade.id, trade.pnl)
    causes = {twin.cause for twin in found if isinstance(twin, ReportedDifference)}
    assert {None, "slippage", "manual"} <= causes


async def test_mean_return_and_spread_say_what_they_are_in_per_cent_of(workspace: Path) -> None:
    """Of equity the one, of margin the other: -0.039% was the mean of +0.30, +0.01 and -0.55."""
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        screen = await compared(pilot, app)
        answers = told(screen)
        assert answers["edge"].text.endswith("trades, % of equity")
        assert answers["live"].text.endswith("trades, % of margin")
        await pilot.press("v")
        await until(pilot, lambda: "P&L, % OF MARGIN" in drawn(app, "#compare-spread"))


@pytest.mark.parametrize("most", [0.07, 7.5, 330.0])
def test_a_range_of_the_spread_has_room_for_both_its_ends(most: float) -> None:
    ranges = [row.cells[0].text for row in spread_rows({"Backtest": [most, -most]})]
    assert len(ranges) > 2
    assert max(map(len, ranges)) <= SPREAD_COLUMNS[0].width


@pytest.mark.parametrize("trades", [1, 41, 12_345])
@pytest.mark.parametrize("width", [80, 120, 200])
def test_a_bar_of_the_spread_leaves_room_for_its_count(width: int, trades: int) -> None:
    row = spread_rows({"Backtest": [1.0] * trades + [9.0], "Paper": [1.0] * trades})[-1]
    stand = places(SPREAD_COLUMNS, 2, width - 4)
    for column in (1, 2):
        bar, count = row.cells[column].drawn(stand[column].width).split()
        assert set(bar) == {"━"}
        assert count == f"{trades:,}"
    assert len(row.cells[2].drawn(stand[2].width)) == stand[2].width, "all of them fill it"


async def test_a_low_terminal_shows_one_thing_after_the_other(workspace: Path) -> None:
    app = make(workspace)
    async with driven(app, NARROW) as pilot:
        screen = await compared(pilot, app)
        answers = screen.query_one(AnswerList)
        names = ("#compare-overview", "#compare-spread", "#compare-notes")
        advice = "3d at least"
        assert advice in said(screen, "#compare-said")
        for name in names:
            await pilot.press("v")
            assert advice not in said(screen, "#compare-said"), "its lines are the chart's here"
            assert not answers.display or answers.size.height == 0
            assert [one for one in names if screen.query_one(one).size.height] == [name]
        await pilot.press("v")
        assert answers.size.height > 0
        assert advice in said(screen, "#compare-said")
        assert app.focused is answers


async def test_the_result_is_saved_after_the_difference_is_shown(workspace: Path) -> None:
    document = workspace / "strategies" / "cross" / "STRATEGY.md"
    app = make(workspace)
    async with driven(app) as pilot:
        await compared(pilot, app)
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        assert "+paper:" in str(app.screen.query_one(".dialog-text", Static).render())
        await pilot.press("escape")
        assert "paper:" not in document.read_text()
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("y")
        await until(pilot, lambda: "observations:" in document.read_text())
        assert document.read_text().endswith("Prose that stays.\n")


async def test_the_comparison_is_exported_into_files(workspace: Path) -> None:
    app = make(workspace)
    async with driven(app) as pilot:
        await compared(pilot, app)
        await pilot.press("E")

        def written() -> list[Path]:
            return sorted((workspace / "exports").glob("cross-*/[!.]*"))  # no half-written one

        await until(pilot, lambda: len(written()) == 4)
        assert [path.name for path in written()] == [
            f"{SESSION}-trades.csv",
            f"{SESSION}.html",
            "comparison.json",
            "comparison.txt",
        ]
        assert "Strategy Validation: cross" in written()[3].read_text()


def test_every_finding_on_costs_has_its_sign_and_word() -> None:
    # Without one the page of answers would stay empty.
    assert set(COST_FINDINGS) == {one.value for one in CostFinding}
    for side in BandSide:
        band = Cone(horizon=20, growth=-0.5, below=3.0, above=3.0, rate=0.015, trades=100, seed=0)
        state = State.BROKEN if side is BandSide.BELOW else State.OPEN
        path = PathLayer(state, band, np.array([0.4]), Course(side, None), within=1)
        assert path_answer(path).word == str(side)


async def test_what_can_be_compared_is_listed_with_its_sessions(workspace: Path) -> None:
    app = make(workspace)
    async with driven(app) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        await until(pilot, lambda: cells(app.screen, "#compare-choices"))
        ((name, _, _, gain, trades, sessions, active, traded),) = cells(
            app.screen, "#compare-choices"
        )
        assert (name, sessions, active, traded) == ("cross", "1 demo", "0", "0")
        assert gain.endswith("%")
        assert int(trades) > 20
        choices = app.screen.query_one("#compare-choices", LineTable)
        choices.action_choose()
        choices.action_choose()  # finds it being made, and begins nothing anew
        await settled(pilot, app)
        assert [note.message for note in app.notes] == ["The comparison is still being made."]
        assert not app.screen.query_one("#compare-choices").display


async def test_while_a_session_is_compared_nothing_else_is_offered(workspace: Path) -> None:
    app = make(workspace)
    async with driven(app) as pilot:
        await compared(pilot, app)
        assert not app.screen.query_one("#compare-choices", LineTable).rows
    (workspace / "strategies/cross/STRATEGY.md").unlink()
    gone = make(workspace)
    async with driven(gone) as pilot:
        await pilot.press("c")
        await until(pilot, lambda: isinstance(gone.screen, CompareScreen))
        await until(pilot, lambda: gone.screen.query_one("#compare-choices").display)
        assert "no longer there" in drawn(gone, "#compare-progress")


async def test_once_idle_no_search_for_garbage_goes_through_what_stays(workspace: Path) -> None:
    app = make(workspace)
    async with driven(app) as pilot:
        before = gc.get_freeze_count()
        app.comparisons.prepare()
        await until(pilot, lambda: gc.get_freeze_count() > before + 1_000)


def test_only_the_sessions_that_a_comparison_takes_are_listed() -> None:
    real = {"mode": Mode.SIMULATED}
    known = [
        session("aa11bb22", "rsi_bounce", trades_count=3, **real),
        session("aa11bb23", "rsi_bounce", trades_count=5, state=SessionState.STOPPED, **real),
        session("aa11bb24", "rsi_bounce", trades_count=24, mode=Mode.REPLAY),
        session("aa11bb25", "rsi_bounce", trades_count=7, timeframe="1h", **real),
    ]
    row = next(row for row in choice_rows(choices(), known) if row.key == "rsi_bounce")
    assert [cell.text for cell in row.cells[-3:]] == ["2", "1", "8"]
    known.append(session("aa11bb26", "rsi_bounce", unread=True, mode=Mode.TESTNET))
    row = next(row for row in choice_rows(choices(), known) if row.key == "rsi_bounce")
    assert [cell.text for cell in row.cells[-3:]] == ["3", "2", "–"]
    made_up = [session("aa11bb27", "rsi_bounce", trades_count=9, mode=Mode.DEMO)]
    row = next(
        row for row in choice_rows(choices(), known[:2] + made_up) if row.key == "rsi_bounce"
    )
    assert [cell.text for cell in row.cells[-3:]] == ["2", "1", "8"], "a real market is judged"
    row = next(
        row for row in choice_rows(choices(), known[2:3] + made_up) if row.key == "rsi_bounce"
    )
    assert [cell.text for cell in row.cells[-3:]] == ["1 demo", "1", "9"]


def test_replays_are_counted_where_no_session_is_judged_without_being_named() -> None:
    replays = [
        session("aa11bb20", "rsi_bounce", mode=Mode.REPLAY, trades_count=4),
        session(
            "aa11bb21", "rsi_bounce", mode=Mode.REPLAY, trades_count=9, state=SessionState.STOPPED
        ),
    ]
    for known, expected in (
        (replays, ["2 replays", "1", "13"]),
        (replays[:1], ["1 replay", "1", "4"]),
        ([], ["none", "", ""]),
    ):
        row = next(row for row in choice_rows(choices(), known) if row.key == "rsi_bounce")
        assert [cell.text for cell in row.cells[-3:]] == expected


async def test_a_strategy_is_picked_and_its_sessions_taken_in_turn(workspace: Path) -> None:
    app = make(workspace)
    async with driven(app) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        screen = screen_of(app)
        assert "Nothing is compared yet" in said(screen, "#compare-progress")
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, PickStrategy))
        form = app.screen
        await until(pilot, lambda: form.query_one(LineTable).cursor_key is not None)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        await settled(pilot, app)
        together = cells(screen, "#compare-table")
        await pilot.press("S")
        await pilot.pause()
        await settled(pilot, app)
        assert cells(screen, "#compare-table") == together  # there is but one


async def test_replays_are_taken_in_turn_and_never_all_together(workspace: Path) -> None:
    """Together they are judged by nothing: an empty page said so five times, cut."""
    app = make(workspace, others=("11aabb2c",))
    async with driven(app) as pilot:
        screen = await compared(pilot, app)
        link = app.link
        assert isinstance(link, ScriptedLink)
        for one in (SESSION, "11aabb2c"):
            link.change(one, mode=Mode.REPLAY)
        app.poll()
        asked: list[tuple[str, ...]] = []
        screen.run_request = lambda request: asked.append(request.sessions)  # type: ignore[method-assign]
        for chosen in (("11aabb2c",), (SESSION,)):
            screen._request = replace(screen._request, sessions=chosen)  # type: ignore[type-var]
            await pilot.press("S")
            await until(pilot, lambda: bool(asked))
            assert asked.pop() == tuple({SESSION, "11aabb2c"} - {*chosen})


def test_where_no_session_is_judged_that_is_said_once_with_what_to_do() -> None:
    nothing = compare("cross", Timeframe.H1, backtest=None, paper=None, live=None)
    assert str(verdict_text(nothing)).count("No paper session to judge: S shows one") == 1
    told = {(row.word, row.text) for row in answers(nothing)}
    assert told == {("unknown", "no paper session to judge")}


async def test_what_went_on_is_compared_anew_when_one_comes_back_and_esc_leads_back(
    workspace: Path,
) -> None:
    app = make(workspace)
    async with driven(app) as pilot:
        screen = await compared(pilot, app)
        assert "as of " in said(screen, "#compare-title")
        asked: list[object] = []
        run = screen.run_request

        def counted(request: ComparisonRequest) -> None:
            asked.append(request)
            run(request)

        screen.run_request = counted  # type: ignore[method-assign]
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, SessionsScreen))
        await pilot.press("4")
        await until(pilot, lambda: app.screen is screen)
        await pilot.pause()
        assert not asked, "nothing has happened meanwhile"
        link = app.link
        assert isinstance(link, ScriptedLink)
        await pilot.press("1")
        link.change(SESSION, trades_count=99)
        app.poll()
        await until(pilot, lambda: shown_trades(app) == 99)
        await pilot.press("4")
        await until(pilot, lambda: len(asked) == 1)
        await settled(pilot, app)
        await pilot.press("escape", "4")
        await pilot.pause()
        assert len(asked) == 1, "once"


async def test_another_session_is_compared_in_the_place_of_an_answer_left_open(
    workspace: Path,
) -> None:
    app = make(workspace, others=["dcba4321"])
    async with driven(app) as pilot:
        screen = await compared(pilot, app)
        await opened(pilot, app, "enter")
        await pilot.press("1")
        await until(pilot, lambda: isinstance(app.screen, SessionsScreen))
        sessions = app.screen.query_one("#sessions", LineTable)
        first = sessions.cursor_key
        await pilot.press("j" if first == SESSION else "k")
        await until(pilot, lambda: sessions.cursor_key == "dcba4321")
        await pilot.press("c")
        await until(pilot, lambda: app.screen is screen)
        assert not screen.query_one(AnswerList).display, "nothing of the one before"
        await until(pilot, lambda: "no session 'dcba4321'" in said(screen, "#compare-progress"))
        assert not screen.query_one("#compare-title").display
        await pilot.press("1", "k" if first == SESSION else "j", "c")
        await settled(pilot, app)
        assert screen.query_one(AnswerList).display
        await opened(pilot, app, "enter")
        await pilot.press("1", "c")
        await until(pilot, lambda: app.screen is screen)
        assert screen.query_one(AnswerList).display, "of the same one looks on"


def shown_trades(app: PapertapeApp) -> int:
    return 0 if app.snapshot is None else app.snapshot.sessions[0].trades_count


async def test_a_session_whose_strategy_is_gone_is_told(workspace: Path) -> None:
    (workspace / "strategies" / "cross" / "STRATEGY.md").unlink()
    app = make(workspace)
    async with driven(app) as pilot:
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        screen = screen_of(app)
        await until(pilot, lambda: "no longer there" in said(screen, "#compare-progress"))
        await pilot.press("1", "4")
        await until(pilot, lambda: app.screen is screen)
        assert "Nothing is compared yet" in said(screen, "#compare-progress")


@SIZES
async def test_pictures_of_a_session(
    compared_workspace: Path, size: tuple[int, int], snapshot: SnapshotAssertion
) -> None:
    app = make(compared_workspace)
    pages = {
        "nothing": ("4",),
        "answers": ("1", "c"),
        "decisions": ("enter",),
        "account": ("escape", "j", "j", "enter"),
        "one_trade": ("enter",),
        "next": ("escape", "escape", "v"),
        "after_next": ("v",),
    }
    await take(app, size, pages, snapshot)


@SIZES
async def test_pictures_of_a_trial(
    trial_workspace: Path, size: tuple[int, int], snapshot: SnapshotAssertion
) -> None:
    pages = {
        "answers": ("c",),
        "costs": ("j", "enter"),
        "path": ("escape", "G", "k", "enter"),
        "edge": ("escape", "G", "enter"),
    }
    await take(make(trial_workspace, "trend"), size, pages, snapshot)


@pytest.mark.parametrize(
    ("theme", "no_color", "size"),
    [
        ("papertape-light", False, WIDE),
        (SIXTEEN_COLORS, False, WIDE),
        (DEFAULT_THEME, True, NARROW),
    ],
    ids=["light", "sixteen", "no_color"],
)
async def test_pictures_of_a_trial_in_other_looks(
    theme: str,
    no_color: bool,
    size: tuple[int, int],
    trial_workspace: Path,
    snapshot: SnapshotAssertion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    app = make(trial_workspace, "trend")
    app.theme = theme
    pages = {"answers": ("c",), "costs": ("j", "enter"), "edge": ("escape", "G", "enter")}
    await take(app, size, pages, snapshot)


async def take(
    app: PapertapeApp,
    size: tuple[int, int],
    pages: Mapping[str, Sequence[str]],
    snapshot: SnapshotAssertion,
) -> None:
    """Compare pages with their pictures, each by the keys that lead there from the one before."""
    async with driven(app, size) as pilot:
        shots = Shots(pilot, app, snapshot)
        for name, keys in pages.items():
            await shots.press(*keys)
            if name == "answers":
                await settled(pilot, app)
            await shots.take(name, "x".join(map(str, size)))
