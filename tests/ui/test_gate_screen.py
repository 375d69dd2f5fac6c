"""The gate by keys alone: one verdict, its questions with their bars, and what is behind them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from textual.content import Content
from textual.pilot import Pilot
from textual.widgets import Input

from core.backtest.axes import parse_axis
from core.backtest.progress import Progress
from core.gate import EDGELESS, PARTS
from core.gate.gate import Gate, UnfinishedGate, run_gate
from core.gate.kept import open_search
from core.gate.text import answer, gate_sections
from core.gate.to_json import gate_to_json
from core.market.candles.timeframes import DAY
from core.report.library import list_results
from core.store.workspace import Workspace
from core.strategy.config.parsing import parse_config
from core.trial.ledger import tries_of
from tests.ui.driving import NARROW, WIDE, arrived, driven, make_app, until
from tests.ui.scripted import ScriptedLink
from tests.ui.test_backtest import backtest, make, pick, workspace
from tests.ui.test_sessions import BRAILLE, drawn
from tests.ui.test_sweep_screen import cancelled_after, verdict
from tests.unit.backtest.test_sweep import RAW, candles
from tui.app import PapertapeApp
from tui.modals.vary import VaryForm
from tui.requests.backtest import BacktestOrder
from tui.requests.varying import Variation
from tui.screens.backtest import BacktestScreen
from tui.screens.backtest_result import BacktestResultScreen
from tui.screens.gate import (
    GateScreen,
    _chance_gauge,
    answer_rows,
    said_of_utc,
    unseen_gauge,
)
from tui.screens.long_work import part_lines
from tui.screens.report import ReportScreen
from tui.screens.sweep import SweepScreen
from tui.widgets.answer_list import AnswerList
from tui.widgets.choice import Choice
from tui.widgets.gauge import decimals_apart
from tui.widgets.line_table import LineTable
from tui.widgets.tones import Tone

__all__ = ["workspace"]  # a fixture of the backtest's tests


def test_each_question_has_its_answer_and_a_gauge_of_its_figures() -> None:
    config, axes = parse_config(RAW).config, [parse_axis("entry_conditions[0].value=30,40")]
    gate = run_gate(config, axes, candles(length=2_000), folds=2, markets=20)
    assert isinstance(gate, Gate)
    rows = answer_rows(gate)
    assert [row.word for row in rows] == [answer(gate, one) for one in gate.findings]
    labels = ["".join(text for text, _ in row.gauge.labels(110)) for row in rows if row.gauge]
    assert gate.superiority is not None
    p = gate.superiority.among(gate.independent_tries / gate.sweep.effective_tries)
    assert gate.luck == p
    assert f"luck as good in {p * 100:.1f}%" in labels[0]
    assert gate.edgeless is not None
    assert f"as good in {gate.edgeless.p * 100:.1f}%" in labels[1]
    assert ["at most 5%" in label for label in labels] == [True, True, False]
    assert "above 0%" in labels[2]
    joined = gate.walk_forward.joined
    assert f"joined {joined.metrics.total_return_pct:+.2f}%" in labels[2]


def test_parts_of_the_time_begin_on_days_of_utc_which_another_zone_is_told() -> None:
    config, axes = parse_config(RAW).config, [parse_axis("entry_conditions[0].value=30,40")]
    gate = run_gate(config, axes, candles(length=2_000), folds=2, markets=20)
    assert isinstance(gate, Gate)
    walked = gate_sections(gate, {})[1]
    assert said_of_utc(walked, UTC).headings[0] == "Traded from"
    abroad = said_of_utc(walked, ZoneInfo("Asia/Tokyo"))
    assert (abroad.headings[0], abroad.headings[1:]) == ("From, UTC", walked.headings[1:])
    assert abroad.rows == walked.rows


def test_what_the_unseen_parts_made_stands_on_one_scale_however_much_it_is() -> None:
    def mark(made: float) -> tuple[str, int]:
        bar = "".join(text for text, _ in unseen_gauge(made, Tone.GAIN).bar(101))
        glyph = next(one for one in "◆◂▸" if one in bar)
        return glyph, bar.index(glyph) - bar.index("┃")

    assert mark(1.0) == ("◆", 5)
    assert mark(4.0) == ("◆", 20)
    assert mark(-4.0) == ("◆", -20)
    assert [mark(made)[0] for made in (-28.3, 2299.1)] == ["◂", "▸"]


def test_two_chances_stand_on_one_scale() -> None:
    def marks(chance: float) -> tuple[int, int]:
        gauge = _chance_gauge(chance, "as good in", Tone.GAIN)
        assert gauge is not None
        bar = "".join(text for text, _ in gauge.bar(100))
        return bar.index("┃"), bar.index("◆")

    assert [marks(chance) for chance in (0.012, 0.25, 0.995)] == [(5, 1), (5, 25), (5, 99)]


def test_while_it_runs_it_says_which_of_its_parts_is_worked_on() -> None:
    progress = Progress(50, 200, 3.0, 16.0, 9.0, part=EDGELESS)
    signs = [line.plain[:1] for line in part_lines(PARTS, progress)]
    assert signs == ["", "✓", "✓", "▸", " "]
    assert [line.plain[:1] for line in part_lines(PARTS, None)] == ["", "▸", " ", " ", " "]
    assert list(part_lines({}, progress)) == []


def test_labels_of_one_scale_keep_their_sign_and_are_told_apart() -> None:
    assert decimals_apart((-0.05, 0.04), 1) == 2
    assert decimals_apart((-0.8, -0.6, -0.04, 0.0), 1) == 2
    assert decimals_apart((1.24, 1.26, 1.26), 1) == 1
    assert decimals_apart((0.001, 0.002), 2) == 3
    assert decimals_apart((0.3, 0.1 + 0.2, 0.0), 1) == 1, "they differ by no more than noise"


def remarks(app: PapertapeApp) -> str:
    """What the report says above its curves, in one line."""
    return " ".join(str(app.screen.query_one("#result-remarks").render()).split())


async def judged(pilot: Pilot[int], app: PapertapeApp, workspace: Workspace) -> GateScreen:
    await pick(pilot, app, "waves")
    await backtest(pilot, app, str(workspace.root.parent / "waves.csv"))
    await pilot.press("J")
    await until(pilot, lambda: isinstance(app.screen, VaryForm))
    await until(pilot, lambda: verdict(app).startswith("1 setting"))
    app.screen.query_one("#axis-0", Input).value = "rsi.period=13,14"
    app.screen.query_one("#folds", Input).value = "2"
    await until(pilot, lambda: verdict(app).startswith("2 settings"))
    await pilot.press("enter")
    screen = await arrived(pilot, GateScreen)
    return screen


async def has_its_page(pilot: Pilot[int], app: PapertapeApp) -> None:
    """Wait for the page of the setting that was judged, which is that of any other backtest."""
    page = await arrived(pilot, BacktestResultScreen)
    await until(pilot, lambda: page.query_one("#result-whole").display)
    title = str(page.query_one("#result-title").render()).splitlines()[0]
    assert title.startswith("waves rsi.period=1"), "the setting that was judged"
    assert page._result.held, "buy and hold beside it"
    assert page.check_action("view", ()), "it has its candles"
    await pilot.press("v")
    await until(pilot, lambda: "◆" in drawn(app, "#result-chart"))
    await pilot.press("v")


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_the_page_has_one_verdict_and_each_answer_opens(
    workspace: Workspace, size: tuple[int, int]
) -> None:
    app = make(workspace)
    async with driven(app, size) as pilot:
        screen = await judged(pilot, app, workspace)
        await until(pilot, lambda: not screen.is_busy)
        assert str(screen.query_one("#gate-verdict").render()).startswith("? too little data")
        assert screen.query_one(AnswerList).answers[0].word == "not known"
        await until(pilot, lambda: "fewer than 60" in drawn(app, "#gate-answers"))
        texts = [str(screen.query_one(f"#gate-{side}-text").render()) for side in ("left", "right")]
        assert "Chosen on what was, traded on what followed" in texts[0]
        assert "costs doubled" in texts[1]
        assert tries_of(workspace.tries, "waves").tried == 1 + 2
        await until(pilot, lambda: screen.query_one(AnswerList).has_focus)
        await pilot.press("z")  # not three bars over an empty screen
        await until(pilot, lambda: screen.maximized is screen.query_one("#gate-left"))
        if size == WIDE:  # where v shows more of what there is more of than room, and no other pane
            await until(pilot, lambda: screen.check_action("view", ()) is False)
            await pilot.press("shift+tab")
            await until(pilot, lambda: screen.maximized is screen.query_one(AnswerList))
            await until(pilot, lambda: screen.check_action("view", ()) is True)
            await pilot.press("v")
            await until(pilot, lambda: screen.maximized is screen.query_one("#gate-left"))
        if size == NARROW:  # where v shows the other in its place: not an empty screen
            for side in ("right", "left"):
                column = screen.query_one(f"#gate-{side}")
                await pilot.press("v")
                await until(pilot, lambda: screen.maximized is column)  # noqa: B023
                await until(pilot, lambda: column.size.width == NARROW[0])  # noqa: B023
            await pilot.press("tab")
            await until(pilot, lambda: screen.maximized is screen.query_one(AnswerList))
            await pilot.press("tab")
            await until(pilot, lambda: screen.maximized is screen.query_one("#gate-left"))
        await pilot.press("z", "shift+tab")
        await until(pilot, lambda: screen.query_one(AnswerList).has_focus)
        await pilot.press("y")
        await until(pilot, lambda: app.clipboard.startswith("{"))
        copied = json.loads(app.clipboard)
        assert (copied["strategy"], copied["verdict"]) == ("waves", "too little data")
        assert len(copied["walk_forward"]["equity"]) > 1
        await pilot.press("E")
        exports = workspace.root / "exports"
        await until(pilot, lambda: len(list(exports.glob("waves-*/[!.]*"))) == 2)
        (folder,) = exports.iterdir()
        assert json.loads((folder / "gate.json").read_text()) == copied
        assert (folder / "gate.txt").read_text().startswith("Verdict: too little data\n\n  ")
        if size == WIDE:  # both columns at once, and of each what there is room for
            await pilot.resize_terminal(WIDE[0], 30)
            await until(pilot, lambda: screen.check_action("view", ()) is True)
            columns = [screen.query_one(f"#gate-{side}") for side in ("left", "right")]
            assert all(0 == column.scroll_offset.y < column.max_scroll_y for column in columns)
            for _ in range(9):
                await pilot.press("v")
                await pilot.pause()
                if all(column.scroll_offset.y == column.max_scroll_y for column in columns):
                    break
            else:
                raise AssertionError("v does not come to the end")
            await pilot.press("v")
            await until(pilot, lambda: not any(column.scroll_offset.y for column in columns))
            await pilot.resize_terminal(*WIDE)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SweepScreen))
        await until(pilot, lambda: "○ own" in drawn(app, "#sweep-cells"))
        await pilot.press("escape", "G", "enter")
        await until(pilot, lambda: isinstance(app.screen, ReportScreen))
        title = str(app.screen.query_one("#result-title").render()).splitlines()[0]
        assert title == "waves · BTC/USDT 1m · parts joined"
        await until(pilot, lambda: "chosen anew for each" in remarks(app))
        await pilot.press("escape", "up", "enter")
        await has_its_page(pilot, app)
        await pilot.press("escape")
        assert app.screen is screen
        screen.run_order(Variation(("rsi.period=0:3",)))
        await until(pilot, lambda: not screen.is_busy)
        for action in ("open", "copy", "export"):
            assert not screen.check_action(action, ())  # what was judged before is no answer to it
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, BacktestScreen))
        table = app.screen.query_one("#backtests", LineTable)
        await until(pilot, lambda: len(table.rows) == 2)
        assert [cell.text for cell in table.rows[0].cells[:2]] == [
            "waves: rsi 13,14, 2 folds",
            "gate ?",
        ]
        table.move_to(table.rows[0].key)
        await pilot.press("R")  # as on its own page: what was varied is asked again
        await arrived(pilot, VaryForm)
        assert app.screen.query_one("#axis-0", Input).value == "rsi.period=13,14"
        assert app.screen.query_one("#folds", Input).value == "2"
        await pilot.press("escape")
        await arrived(pilot, BacktestScreen)
        await pilot.press("H")  # a sweep over the same
        await arrived(pilot, VaryForm)
        assert app.screen.query_one("#axis-0", Input).value == "rsi.period=13,14"
        assert not app.screen.query("#folds")
        await pilot.press("escape")
        await arrived(pilot, BacktestScreen)
        await pilot.press("enter")
        kept = await arrived(pilot, GateScreen)
        await until(pilot, lambda: kept.has_class("-done"))
        assert str(kept.query_one("#gate-verdict").render()).startswith("? too little data")
        title = "Part by part, what to expect"
        shown = f"{title}  Luck, other circumstances" if size == NARROW else title
        left = kept.query_one("#gate-left")
        await pilot.pause()
        await pilot.pause()
        assert Content.from_markup(str(left.border_title)).plain.strip() == shown
        sides = ("#gate-left-text", "#gate-right-text")
        assert [str(kept.query_one(side).render()) for side in sides] == texts
        await pilot.press("E")
        await until(pilot, lambda: sum("Written into" in note.message for note in app.notes) == 2)
        assert len(list(folder.iterdir())) == 2, "what was kept is the very same"
        assert tries_of(workspace.tries, "waves").tried == 1 + 2, "nothing was tried again"
        await pilot.press("G", "enter")
        await until(pilot, lambda: isinstance(app.screen, ReportScreen))
        title = str(app.screen.query_one("#result-title").render()).splitlines()[0]
        assert title.startswith("waves · BTC")
        if size == WIDE:
            await until(pilot, lambda: bool(BRAILLE.search(drawn(app, "#result-equity"))))
        await pilot.press("escape", "up", "enter")
        await has_its_page(pilot, app)
        await pilot.press("escape")
        await pilot.press("g", "enter")
        await until(pilot, lambda: isinstance(app.screen, SweepScreen))


async def test_the_gate_of_a_setting_judges_that_setting_and_names_it(workspace: Workspace) -> None:
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await pick(pilot, app, "waves")
        await backtest(pilot, app, str(workspace.root.parent / "waves.csv"))
        await pilot.press("escape", "3")
        screen = await arrived(pilot, BacktestScreen)
        order = screen._order
        assert order is not None
        screen._vary(GateScreen, replace(order, settings={"rsi.period": 9}), "waves")
        await until(pilot, lambda: bool(app.screen.query(".form-title")))
        title = str(app.screen.query_one(".form-title").render())
        assert title == "waves rsi.period=9 · gate · waves.csv"
        await until(pilot, lambda: verdict(app).startswith("1 setting: rsi.period=9"))
        assert "verdict" not in verdict(app), "of files it is not known before they are read"
        await pilot.press("enter")
        gate = await arrived(pilot, GateScreen)
        await until(pilot, lambda: not gate.is_busy)
        text = gate.query_one("#gate-left-text")
        judged = "Judged: rsi.period=9 (these settings alone)"
        await until(pilot, lambda: str(text.render()).startswith(judged))
        said = str(text.render())
        assert "chosen" not in said.lower(), "where nothing was varied nothing was chosen"
        assert gate.query_one(AnswerList).answers[2].text == (
            "profit on the later parts of the time"
        )
        app.zone = ZoneInfo("Asia/Tokyo")
        await until(pilot, lambda: "From, UTC" in str(text.render()))
        await pilot.press("G", "enter")
        await until(pilot, lambda: isinstance(app.screen, ReportScreen))
        title = str(app.screen.query_one("#result-title").render()).splitlines()[0]
        assert title == "waves rsi.period=9 · BTC/USDT 1m · parts joined"
        await until(pilot, lambda: "The last 6 parts of the time, joined." in remarks(app))
        assert "waves rsi.period=9 · gate" in str(gate.query_one("#work-title").render())
        (listed,) = (one for one in list_results(workspace).results if one.result.search)
        found = open_search(listed).found
        assert isinstance(found, Gate)
        assert dict(found.best.config.indicators[0].params)["period"] == 9
        assert gate._gate is not None
        assert gate_to_json(gate._gate, None)["sweep"] == gate_to_json(found, None)["sweep"]


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_the_form_asks_for_all_that_the_command_does(
    workspace: Workspace, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make(workspace)
    asked: dict[str, object] = {}

    def run(*given: Any, **named: Any) -> Gate | UnfinishedGate:
        asked.update(named)
        return run_gate(*given, **named)

    monkeypatch.setattr("core.gate.counted.run_gate", run)
    async with driven(app, size) as pilot:
        await pick(pilot, app, "waves")
        await backtest(pilot, app, str(workspace.root.parent / "waves.csv"))
        await pilot.press("J")
        await until(pilot, lambda: isinstance(app.screen, VaryForm))
        await until(pilot, lambda: verdict(app).startswith("1 setting"))
        form = app.screen
        assert all(form.region.contains_region(one.region) for one in form.query("Input, Choice"))
        for field, wrong, right in (("folds", "2.5", "2"), ("seed", "-1", "7")):
            form.query_one(f"#{field}", Input).value = wrong
            await until(pilot, lambda: "expected" in verdict(app))
            assert f"{field}: expected" in verdict(app)
            form.query_one(f"#{field}", Input).value = right
            await until(pilot, lambda: verdict(app).startswith("1 setting"))
        form.query_one("#sort", Choice).chosen = "PF"
        form.query_one("#seen", Choice).focus()
        await pilot.press("right")
        await until(pilot, lambda: verdict(app).startswith("1 setting"))
        await pilot.press("enter")
        screen = await arrived(pilot, GateScreen)
        await until(pilot, lambda: not screen.is_busy)
        wanted = {"folds": 2, "anchored": True, "sort": "profit_factor", "seed": 7}
        assert {name: asked[name] for name in wanted} == wanted
        await pilot.press("R")  # the form of another one offers the same again
        await until(pilot, lambda: isinstance(app.screen, VaryForm))
        assert app.screen.query_one("#seen", Choice).chosen == "all that was"
        assert app.screen.query_one("#seed", Input).value == "7"


async def test_too_few_days_are_told_before_it_is_run() -> None:
    order = BacktestOrder("waves", Path("STRATEGY.md"), RAW)
    now = 100 * DAY + 5
    assert order.days(now) is None, "of files it is not known before they are read"
    assert replace(order, exchange="binance", period="31d").days(now) == 32
    assert replace(order, exchange="binance", period="1970-01-02..1970-01-31").days(now) == 30
    assert replace(order, span=(0, 59 * DAY)).days(now) == 59
    assert replace(order, span=(DAY - 1, 60 * DAY)).days(now) == 60
    app = make_app(ScriptedLink())
    async with driven(app, NARROW) as pilot:
        for days, told in ((59, True), (60, False), (None, False)):
            form = VaryForm("waves", RAW, app.varying, gate=True, days=days)
            await app.push_screen(form)
            await until(pilot, lambda: verdict(app).startswith("1 setting"))
            said = "candles on 59 days, fewer than 60: too little for a verdict"
            assert (said in " ".join(verdict(app).split())) is told
            await pilot.press("escape")


async def test_a_cancelled_gate_has_no_verdict(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        cancelled_after(4, app, monkeypatch)
        screen = await judged(pilot, app, workspace)
        await until(pilot, lambda: not screen.is_busy)
        said = str(screen.query_one("#gate-verdict").render())
        assert said.startswith("No verdict: it was cancelled at")
        assert not screen.query_one("#gate-answers").display
        assert not screen.check_action("open", ())
        assert "4 backtests are kept" in str(screen.query_one("#work-progress").render())
        monkeypatch.undo()
        screen.run_order(Variation(("rsi.period=13,14",), folds=2))
        await until(pilot, lambda: not screen.is_busy)
        assert "resumed: 4 of" in str(screen.query_one("#work-progress").render())
        assert str(screen.query_one("#gate-verdict").render()).startswith("? too little data")
