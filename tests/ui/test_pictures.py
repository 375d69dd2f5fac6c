"""Whole screens as pictures of text and looks (`pictures.py`).

A test fails where a cell is shifted, cut, or of another colour. Look at a changed picture before
accepting it (--snapshot-update): PICTURES=FOLDER has all of them written there as SVG.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.app import App, ComposeResult
from textual.content import Content
from textual.widgets import Static

from core.backtest.axes import parse_axis
from core.backtest.progress import Progress
from core.backtest.sweep import run_sweep
from core.gate.gate import run_gate
from core.session.snapshot import TrialHorizon
from core.store.workspace import Workspace
from core.strategy.config.parsing import parse_config
from tests.benchmarks.gate_error_rates import STRATEGY
from tests.benchmarks.gate_error_rates import market as edge_market
from tests.ui.driving import WIDE, driven, make_app, until
from tests.ui.pictures import SIZES, Shots, picture
from tests.ui.scripted import ScriptedLink, busy
from tests.ui.test_backtest import make
from tests.ui.test_library import workspace
from tests.unit.session.sessions import RSI, market
from tui.requests.backtest import BacktestOrder, BacktestRefusedError
from tui.requests.varying import Control, Variation, Varied
from tui.requests.views import GroupBy, View
from tui.screens.gate import GateScreen
from tui.screens.sweep import SweepScreen
from tui.widgets.candle_chart import CandleChart

__all__ = ["workspace"]  # a fixture of the library's tests

AXES = ("rsi.period=10:18:2", "entry_conditions[0].value=30:45:5", "stop_loss_pct=2,3")
EDGE = parse_config(STRATEGY).config
RETURN = "total_return_pct"
PAGES = {
    "sessions": ("1",),
    "stop": ("x",),
    "help": ("escape", "question_mark"),
    "session": ("escape", "enter"),
    "report": ("1", "r"),
    "trade": ("enter",),
    "new": ("1", "n"),
    "new_problems": ("G",),
    "strategies": ("escape", "2"),
    "backtest": ("3",),
    "new_backtest": ("n",),
    "scheduler": ("escape", "5"),
    "new_job": ("n",),
    "logs": ("escape", "6"),
    "settings": ("7",),
    "settings_key": ("enter",),
    "settings_theme": ("escape", "j", "j", "j", "enter"),
    "performance": ("escape", "8"),
    "marked": ("1", "space", "j", "space"),
}
"""The pages, each with the keys that lead there from the one before."""
ON_WAY = {"stop", "help", "trade", "new_problems", "new_backtest", "new_job", "marked"}
ON_WAY |= {"settings_key", "settings_theme"}
MAIN = tuple(name for name in PAGES if name not in ON_WAY)


@pytest.mark.parametrize(
    ("theme", "no_color", "size", "pages"),
    [
        ("papertape-dark", False, "80x24", tuple(PAGES)),
        ("papertape-dark", False, "120x40", tuple(PAGES)),
        ("papertape-dark", False, "200x60", MAIN),
        ("papertape-light", False, "120x40", MAIN),
        ("papertape-dark", True, "80x24", MAIN),
        ("papertape-clear", False, "120x40", MAIN[:1]),
    ],
    ids=["small", "wide", "large", "light", "no_color", "clear"],
)
async def test_the_pages(
    theme: str,
    no_color: bool,
    size: str,
    pages: Sequence[str],
    snapshot: SnapshotAssertion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    app = make_app(busy())
    async with driven(app, SIZES[size]) as pilot:
        app.theme = theme
        shots = Shots(pilot, app, snapshot)
        for name in pages:
            await shots.press(*PAGES[name])
            await shots.take(name, size)


async def test_a_chart_over_the_whole_screen(snapshot: SnapshotAssertion) -> None:
    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        shots = Shots(pilot, app, snapshot)
        await shots.press("enter")
        app.screen.query_one(CandleChart).focus()
        await shots.press("z", "left")
        await shots.take("chart", "80x24", "120x40")


async def test_a_trial_has_its_cone_around_its_equity(snapshot: SnapshotAssertion) -> None:
    link = busy()
    link.change(link.sessions[0].id, trial=TrialHorizon(0, 60, None))
    app = make_app(link)
    async with driven(app, WIDE) as pilot:
        shots = Shots(pilot, app, snapshot)
        await shots.press("enter")
        await shots.take("session", "120x40")
        await shots.press("1", "r")
        await shots.take("report", "120x40")


async def test_nothing_yet(snapshot: SnapshotAssertion) -> None:
    app = make_app(ScriptedLink())
    async with driven(app, WIDE) as pilot:
        await Shots(pilot, app, snapshot).take("nothing", "120x40", "80x24")


async def test_groups_and_views_of_sessions(snapshot: SnapshotAssertion) -> None:
    app = make_app(busy())
    async with driven(app, WIDE) as pilot:
        shots = Shots(pilot, app, snapshot)
        await shots.press("j", "F")
        await shots.take("groups", *SIZES)
        app.views = {"losing": View("", GroupBy.STRATEGY, "P&L %"), "demo": View("demo")}
        await shots.press("V")
        await shots.take("views", *SIZES)


async def test_the_library_and_two_results_over_each_other(
    workspace: Workspace, snapshot: SnapshotAssertion
) -> None:
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        shots = Shots(pilot, app, snapshot)
        await shots.press("3", "space", "j")
        await shots.take("library", *SIZES)
        await shots.press("c")
        await shots.take("overlay", *SIZES)


async def underway(order: BacktestOrder, variation: Variation, control: Control) -> Varied:
    """Work that stands still until it is cancelled."""
    control.show(Progress(412, 1_000, 10.8, 38.1, 15.4, "what followed", 120))
    while not control.cancel.is_set():
        await asyncio.sleep(0.01)
    raise BacktestRefusedError("It was cancelled before the first setting was finished.")


def swept() -> Varied:
    """A sweep of three axes, whose rest the ranking did not see."""
    found = run_sweep(
        parse_config(RSI).config,
        [parse_axis(axis) for axis in AXES],
        {"BTC/USDT": market(2_000)},
        sort=RETURN,
        split=70,
    )
    return Varied(found, ("3 candles were missing.",))


def judged() -> Varied:
    """A gate that an edge has passed."""
    history = {EDGE.symbols[0]: edge_market(1, 3_000, 0.5)}
    gate = run_gate(EDGE, [parse_axis("ema.period=15:25:5")], history, markets=20, folds=2)
    return Varied(gate, ())


@pytest.mark.parametrize(
    ("kind", "made"), [(SweepScreen, swept), (GateScreen, judged)], ids=["sweep", "gate"]
)
async def test_long_work_while_it_runs_where_it_failed_and_what_it_comes_to(
    kind: type[SweepScreen | GateScreen],
    made: Callable[[], Varied],
    snapshot: SnapshotAssertion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = make_app(busy())
    order = BacktestOrder("rsi_bounce", Path("STRATEGY.md"), RSI, "candles.csv")
    variation, what = Variation(AXES, RETURN), kind.WHAT
    async with driven(app, WIDE) as pilot:
        shots = Shots(pilot, app, snapshot)
        await shots.press("3")
        monkeypatch.setattr(app.varying, what, underway)
        screen = kind(order, variation, print)
        await app.push_screen(screen)
        await until(pilot, lambda: "412 of" in str(screen.query_one("#work-progress").render()))
        await shots.take(f"{what}_runs", *SIZES)
        await shots.press("x")
        await shots.take(f"{what}_failed", "80x24")
        await app.push_screen(kind(order, variation, print, made()))
        await shots.settle()
        await shots.take(what, *SIZES)
        if kind is SweepScreen:
            await shots.press("v")
            await shots.take("sweep_table", *SIZES)
        app.theme = "papertape-light"
        await shots.settle()
        await shots.take(f"{what}_light", "120x40")


class Line(App[None]):
    """One line of text."""

    def __init__(self, content: Content) -> None:
        super().__init__()
        self._content = content

    def compose(self) -> ComposeResult:
        yield Static(self._content)


async def test_a_picture_shows_what_is_shifted_cut_or_of_another_look() -> None:
    seen = []
    for content in (
        Content("漢 gain 1.0"),
        Content("漢 gain  1.0"),
        Content("漢 gain 1."),
        Content.assemble("漢 ", ("gain", "red"), " 1.0"),
        Content.assemble("漢 ", ("gain", "bold"), " 1.0"),
        Content.assemble("漢 gain", (" ", "on red"), "1.0"),
        Content.assemble("漢 ", ("gain 1.0", "underline")),
        Content.assemble("漢 ", ("gain", "underline"), " ", ("1.0", "underline")),
    ):
        async with (app := Line(content)).run_test(size=(12, 2)):
            seen.append(picture(app, "line"))
    assert seen[0].startswith("漢 gain 1.0\n\n\na12\nb12\n")
    assert len(set(seen)) == len(seen)
