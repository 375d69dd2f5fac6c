"""What the snapshots of whole screens leave out, as pictures of text and looks (`pictures.py`).

One app is led from page to page and made larger and smaller, where a snapshot starts one for each:
a picture costs a third of the time. It fails where a cell is shifted, cut, or of another colour.
Look at a changed one before accepting it: PICTURES=FOLDER has them written there as SVG.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.app import App, ComposeResult
from textual.content import Content
from textual.pilot import Pilot
from textual.widgets import Input, Static

from core.backtest.axes import parse_axis
from core.backtest.progress import Progress
from core.backtest.sweep import run_sweep
from core.gate.gate import run_gate
from core.store.workspace import Workspace
from core.strategy.config.parsing import parse_config
from tests.benchmarks.gate_error_rates import STRATEGY
from tests.benchmarks.gate_error_rates import market as edge_market
from tests.ui.driving import NARROW, WIDE, WatchedApp, driven, make_app, until
from tests.ui.pictures import TextPictures, picture
from tests.ui.scripted import busy
from tests.ui.test_backtest import make
from tests.ui.test_library import workspace
from tests.unit.session.sessions import RSI, market
from tui.requests.backtest import BacktestOrder, BacktestRefusedError
from tui.requests.varying import Control, Variation, Varied
from tui.requests.views import GroupBy, View
from tui.screens.gate import GateScreen
from tui.screens.sweep import SweepScreen
from tui.widgets.line_table import LineTable

__all__ = ["workspace"]  # a fixture of the library's tests

WIDEST = (200, 60)
SIZES = {"80x24": NARROW, "120x40": WIDE, "200x60": WIDEST}
AXES = ("rsi.period=10:18:2", "entry_conditions[0].value=30:45:5", "stop_loss_pct=2,3")
EDGE = parse_config(STRATEGY).config
RETURN = "total_return_pct"
MAIN = {
    "sessions": ("1",),
    "session": ("enter",),
    "report": ("1", "r"),
    "new": ("1", "n"),
    "strategies": ("escape", "2"),
    "backtest": ("3",),
    "scheduler": ("5",),
    "logs": ("6",),
    "settings": ("7",),
    "performance": ("8",),
}
"""The main screens, each with the keys that lead there from the one before."""


class Shots:
    """Takes pictures of an app."""

    def __init__(self, pilot: Pilot[int], app: WatchedApp, snapshot: SnapshotAssertion) -> None:
        self.pilot, self.app = pilot, app
        self._snapshot = snapshot.use_extension(TextPictures)

    async def press(self, *keys: str) -> None:
        """Press keys, and wait for what they set going."""
        for key in keys:
            await self.pilot.press(key)
            await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is being done, and the screen is drawn."""
        endless = ("host", "varying")  # the host, and work that stands still
        workers = self.app.workers
        await until(
            self.pilot, lambda: all(w.is_finished for w in workers if w.group not in endless)
        )
        await self.pilot.pause()
        await self.pilot.pause()

    async def take(self, name: str, *sizes: str) -> None:
        """Compare what is shown with its picture, at each of the sizes.

        What a table sorts must have an order: as texts 9 comes after 10, and 1h before 5m.
        """
        for table in self.app.screen.query(LineTable):
            columns = [n for n, one in enumerate(table.columns) if one.align == "right"]
            texts = [row.cells[n] for row in table.rows for n in columns if table.sorts]
            assert not [one for one in texts if one.order is None and re.search(r"\d", one.text)]
        for size in sizes:
            if tuple(self.app.size) != SIZES[size]:
                await self.pilot.resize_terminal(*SIZES[size])
                await self.settle()
            for field in self.app.screen.query(Input):
                field.cursor_blink = False
            await self.pilot.pause()
            name_here = f"{name}-{size}"
            assert picture(self.app, name_here) == self._snapshot(name=name_here)


@pytest.mark.parametrize(
    ("theme", "no_color", "size"),
    [
        ("papertape-dark", False, "200x60"),
        ("papertape-light", False, "120x40"),
        ("papertape-dark", True, "80x24"),
    ],
    ids=["large", "light", "no_color"],
)
async def test_the_main_screens_large_in_light_and_without_colours(
    theme: str,
    no_color: bool,
    size: str,
    snapshot: SnapshotAssertion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    app = make_app(busy())
    async with driven(app, SIZES[size]) as pilot:
        app.theme = theme
        shots = Shots(pilot, app, snapshot)
        for name, keys in MAIN.items():
            await shots.press(*keys)
            await shots.take(name, size)


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
    ):
        async with (app := Line(content)).run_test(size=(12, 2)):
            seen.append(picture(app, "line"))
    assert seen[0].startswith("漢 gain 1.0\n\n\na12\nb12\n")
    assert len(set(seen)) == len(seen)
