"""Strategies and backtests on the screen, on real files and the real engine."""

from __future__ import annotations

import asyncio
import math
import shutil
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from core.exchange.market.synthetic import SyntheticMarket
from core.host.feed_factories import DemoMarket
from core.journal.values import FeedKind
from core.market.files.candle_checks import CandleFile
from core.market.files.candle_files import read_candles
from core.report.library import ListedResult, list_results
from core.report.stored_backtest import stored_backtest
from core.session.start_notices import NOT_BACKTESTED
from core.store.workspace import Workspace
from core.strategy.chart_values import NoCandlesError
from core.strategy.document.document import read_strategy
from tests.ui.driving import NARROW, VAST, WIDE, WatchedApp, arrived, driven, until, verdict_of
from tests.ui.scripted import ScriptedHosting, ScriptedLink
from tests.ui.test_sessions import BRAILLE, drawn
from tests.unit.cli.conftest import Served, exchange, write_addresses
from tui.app import PapertapeApp
from tui.modals.ask import Ask
from tui.modals.name import AskName
from tui.modals.new_backtest import NewBacktest
from tui.modals.new_session import NewSession
from tui.modals.vary import VaryForm
from tui.requests import library as requests_library
from tui.requests.backtest import (
    DEMO_MARKET,
    BacktestCommands,
    BacktestOrder,
    BacktestRefusedError,
)
from tui.requests.backtest_run import backtest as run_order
from tui.requests.backtest_run import look_at_candles, own_candles
from tui.requests.library import OpenedResult
from tui.screens.backtest import BacktestScreen
from tui.screens.backtest_look import BacktestLook
from tui.screens.backtest_result import BacktestResultScreen
from tui.screens.logs import LogsScreen
from tui.screens.strategies import StrategiesScreen
from tui.screens.trade import TradeScreen
from tui.strategies import (
    StrategyChoice,
    StrategyFileError,
    copy_strategy,
    editor_command,
    list_strategies,
)
from tui.widgets.choice import Choice
from tui.widgets.figures import Figures
from tui.widgets.line_table import LineTable

__all__ = ["exchange"]  # a fixture of the command line's tests

START = 1_767_571_200_000  # 2026-01-05 00:00 UTC
WAVES = """---
name: waves  # a comment stays
symbols: [BTC/USDT]
timeframe: 1m
indicators:
  - {name: rsi, params: {period: 14}}
entry_conditions:
  - {indicator: rsi, operator: lt, value: 35}
exit_conditions:
  - {indicator: rsi, operator: gt, value: 65}
---
Prose.
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace with a strategy that trades, one that never does, and one with problems."""
    made = Workspace(tmp_path / "papertape")
    made.prepare()
    for name, text in (
        ("waves", WAVES),
        ("never", WAVES.replace("waves", "never").replace("value: 35", "value: 1")),
        ("wrong", WAVES.replace("waves", "wrong").replace("operator: lt", "operator: lessthan")),
    ):
        (made.strategies / name).mkdir()
        (made.strategies / name / "STRATEGY.md").write_text(text)
    lines = ["timestamp,open,high,low,close,volume"]
    before = 100.0
    for number in range(2_000):
        close = round(100 + 8 * math.sin(number / 25) + math.sin(number * 1.7), 4)
        high, low = max(before, close) + 0.2, min(before, close) - 0.2
        time = 1_700_000_040_000 + number * 60_000
        lines.append(f"{time},{before:.4f},{high:.4f},{low:.4f},{close:.4f},1")
        before = close
    (tmp_path / "waves.csv").write_text("\n".join(lines))
    return made


def make(workspace: Workspace) -> WatchedApp:
    return WatchedApp(
        ScriptedHosting(ScriptedLink()),
        lambda: list_strategies(workspace),
        host_name="here",
        feed=FeedKind.DEMO,
        workspace=workspace.root,
        poll_every=3_600,
    )


async def pick(pilot: Pilot[int], app: PapertapeApp, name: str) -> None:
    await pilot.press("2")
    screen = await arrived(pilot, StrategiesScreen)
    table = screen.query_one("#strategy-list", LineTable)
    await until(pilot, lambda: bool(table.rows))
    key = next(row.key for row in table.rows if row.cells[0].text == name)
    table.move_to(key)
    await until(pilot, lambda: screen.selected is not None and screen.selected.name == name)


async def backtest(
    pilot: Pilot[int], app: PapertapeApp, data: str, fill_on: str = "next_open"
) -> BacktestResultScreen:
    await ordered(pilot, app, data, fill_on)
    screen = await arrived(pilot, BacktestResultScreen)
    await pilot.pause()
    return screen


async def ordered(
    pilot: Pilot[int], app: PapertapeApp, data: str, fill_on: str = "next_open"
) -> None:
    """Ask for a backtest of the strategy under the cursor."""
    await pilot.press("b")
    await until(pilot, lambda: isinstance(app.screen, NewBacktest))
    form = app.screen
    await until(pilot, lambda: form.query_one(LineTable).cursor_key is not None)
    form.query_one("#data", Input).value = data
    form.query_one("#fill-on", Choice).chosen = fill_on
    await pilot.pause()
    await pilot.press("enter")


async def test_a_strategy_is_backtested_and_the_result_saved(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await pick(pilot, app, "waves")
        screen = await backtest(pilot, app, str(workspace.root.parent / "waves.csv"))
        trades = screen.query_one("#result-trades", LineTable)
        assert len(trades.rows) >= 5
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TradeScreen))
        await until(pilot, lambda: "◆" in drawn(app, "#trade-candles"))
        await until(pilot, lambda: "rsi" in drawn(app, "#trade-fields"))
        await until(pilot, lambda: "✓  entry  rsi" in drawn(app, "#trade-conditions"))
        await pilot.press("escape", "v")
        await until(pilot, lambda: "◆" in drawn(app, "#result-chart"))
        assert screen.query_one("#result-months").size.height > 1, "beside the curves"
        curves, candles = (screen.query_one(f"#result-{name}").size for name in ("curves", "chart"))
        assert candles.height > curves.height + 4, "they are what was asked for"
        await pilot.press("v")
        assert trades.display
        await pilot.press("w")
        path = workspace.strategies / "waves" / "STRATEGY.md"
        await until(pilot, lambda: "backtest:" in path.read_text())
        saved = read_strategy(path).config["backtest"]
        assert isinstance(saved, dict)
        assert saved["total_trades"] == len(trades.rows)
        assert "name: waves  # a comment stays" in path.read_text()
        assert stored_backtest(path, saved) is not None
        await pilot.press("2")
        table = app.screen.query_one("#strategy-list", LineTable)
        await until(
            pilot,
            lambda: any(
                row.cells[0].text == "waves" and row.cells[6].text == str(len(trades.rows))
                for row in table.rows
            ),
        )
        look = app.screen.query_one(BacktestLook)
        await until(pilot, lambda: look.display and BRAILLE.search(drawn(app, "#backtest-equity")))
        assert str(len(trades.rows)) in str(look.query_one(Figures).rows)
        waves, never = (
            next(row.key for row in table.rows if row.cells[0].text == name)
            for name in ("waves", "never")
        )
        await pilot.resize_terminal(*NARROW)  # where there is room, its curve stands beside it
        await until(pilot, lambda: not look.display)
        await pilot.resize_terminal(*WIDE)
        await until(pilot, lambda: look.display)
        table.move_to(never)
        await until(pilot, lambda: not look.display)
        reads, may = threading.Event(), threading.Event()

        def slow(document: Path, block: object) -> object:
            reads.set()
            may.wait(20)
            return stored_backtest(document, block)

        monkeypatch.setattr("core.report.stored_backtest.stored_backtest", slow)
        table.move_to(waves)
        await until(pilot, reads.is_set)
        table.move_to(never)
        await pilot.pause()
        may.set()
        await until(pilot, lambda: all(w.group != "strategy-look" for w in app.workers))
        assert not look.display, "that is another strategy's"


async def test_the_result_of_a_sample_is_saved_in_a_copy_of_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = workspace.root.parent / "samples"
    samples.mkdir()
    (workspace.strategies / "waves").rename(samples / "waves")
    monkeypatch.setattr("tui.strategies.shipped", lambda _: samples)
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await pick(pilot, app, "waves")
        await backtest(pilot, app, str(workspace.root.parent / "waves.csv"))
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        assert not (workspace.strategies / "waves").exists()
        await pilot.press("y")
        path = workspace.strategies / "waves" / "STRATEGY.md"
        await until(pilot, lambda: path.exists() and "backtest:" in path.read_text())
        for _ in range(2):  # also of the same result once it is reopened from the list
            app.clear_notifications()
            await pilot.press("w")
            await until(
                pilot, lambda: any("saved already" in n.message for n in app._notifications)
            )
            assert isinstance(app.screen, BacktestResultScreen)
            await pilot.press("escape", "3")
            await until(pilot, lambda: isinstance(app.screen, BacktestScreen))
            await pilot.press("enter")
            await arrived(pilot, BacktestResultScreen)
            await pilot.pause()
    assert not (workspace.strategies / "waves_2").exists()
    assert "backtest:" not in (samples / "waves" / "STRATEGY.md").read_text()


async def test_a_strategy_whose_backtest_is_only_kept_is_listed_with_it(
    workspace: Workspace,
) -> None:
    app = make(workspace)
    async with driven(app, VAST) as pilot:
        await pick(pilot, app, "waves")
        table = app.screen.query_one("#strategy-list", LineTable)

        def row() -> list[str]:
            return next(
                [cell.text for cell in row.cells]
                for row in table.rows
                if row.cells[0].text == "waves"
            )

        assert row()[5:] == ["–", "", "", "", ""]
        result = await backtest(pilot, app, str(workspace.root.parent / "waves.csv"))
        trades = len(result.query_one("#result-trades", LineTable).rows)
        await pilot.press("2")
        await until(pilot, lambda: row()[6] == str(trades))
        assert row()[5].startswith("▲")
        assert row()[-1] == "not saved"
        assert NOT_BACKTESTED in str(app.screen.query_one("#strategy-text").render())
        look = app.screen.query_one(BacktestLook)
        await until(pilot, lambda: look.display and BRAILLE.search(drawn(app, "#backtest-equity")))
        assert "Last backtest" in str(look.border_title)
        await pilot.press("b")  # where one is picked it is not said to be without either
        await until(pilot, lambda: isinstance(app.screen, NewBacktest))
        picked = app.screen.query_one("#strategies", LineTable)
        await until(pilot, lambda: bool(picked.rows))
        states = {row.cells[0].text: row.cells[-1].text for row in picked.rows}
        assert states["waves"].endswith("%, not saved"), "nor does page 2 take it as saved"
        assert states["never"] == "none"
        await pilot.press("escape")
        path = workspace.strategies / "waves" / "STRATEGY.md"
        path.write_text(path.read_text().replace("value: 35", "value: 34"))
        await pilot.press("2", "R")
        await until(pilot, lambda: row()[-1] == "edited since")
        assert row()[6] == str(trades)


@pytest.mark.parametrize(
    ("seconds", "types", "stays"),
    [(9.0, False, False), (9.0, True, True), (0.1, False, True), (None, False, False)],
)
async def test_of_an_edited_sample_a_copy_stays_only_if_it_was_changed(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float | None,
    types: bool,
    stays: bool,
) -> None:
    samples = workspace.root.parent / "samples"
    samples.mkdir()
    (workspace.strategies / "waves").rename(samples / "waves")
    monkeypatch.setattr("tui.strategies.shipped", lambda _: samples)
    edited = threading.Event()

    def edit(path: Path) -> float:
        if types:
            path.write_text(path.read_text() + "More prose.")
        edited.set()
        if seconds is None:
            raise StrategyFileError("no editor was found")
        return seconds

    monkeypatch.setattr("tui.screens.strategies.edit", edit)
    monkeypatch.setattr(WatchedApp, "suspend", lambda _: nullcontext())
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await pick(pilot, app, "waves")
        await pilot.press("e")
        await until(pilot, edited.is_set)
        table = app.screen.query_one("#strategy-list", LineTable)
        origin = "workspace" if stays else "sample"
        await until(pilot, lambda: str(table.cursor_key).startswith(origin))
        await until(pilot, lambda: "waves" in str(table.cursor_key))
    assert (workspace.strategies / "waves").exists() is stays
    assert any("Copied to" in note.message for note in app.notes) is stays


async def test_a_short_list_leaves_its_room_to_what_is_looked_at_but_not_in_full_screen(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.strategies.shipped", lambda _: workspace.root.parent / "none")
    app = make(workspace)
    async with driven(app, VAST) as pilot:
        await pick(pilot, app, "waves")
        table = app.screen.query_one("#strategy-list")
        await until(pilot, lambda: table.outer_size.height == 14)
        assert app.screen.query_one("#strategy-about").outer_size.height > VAST[1] / 2
        await pilot.press("z")
        await until(pilot, lambda: table.outer_size.height > VAST[1] / 2)
        await pilot.press("z", "right_curly_bracket")
        await until(pilot, lambda: table.outer_size.height == 16)


async def test_a_reopened_result_is_saved_unless_its_strategy_was_edited(
    workspace: Workspace,
) -> None:
    path = workspace.strategies / "waves" / "STRATEGY.md"
    order = BacktestOrder(
        "waves", path, read_strategy(path).config, data=str(workspace.root.parent / "waves.csv")
    )
    await run_order(order, workspace.root, None, lambda _: None)
    app, written = make(workspace), path.read_text()
    async with driven(app, WIDE) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, BacktestScreen))
        table = app.screen.query_one("#backtests", LineTable)
        await until(pilot, lambda: len(table.rows) == 1)
        await pilot.press("enter")
        await arrived(pilot, BacktestResultScreen)
        path.write_text(written.replace("period: 14", "period: 40"))
        await pilot.press("w")
        await until(pilot, lambda: any("edited since" in n.message for n in app._notifications))
        assert "backtest:" not in path.read_text()
        path.write_text(written)
        await pilot.press("w")
        await until(pilot, lambda: "backtest:" in path.read_text())
        saved = read_strategy(path).config["backtest"]
        assert stored_backtest(path, saved) is not None


async def test_a_kept_result_is_run_again_from_its_page(workspace: Workspace) -> None:
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await pick(pilot, app, "waves")
        await backtest(pilot, app, str(workspace.root.parent / "waves.csv"))
        await pilot.press("escape", "3")
        await until(pilot, lambda: isinstance(app.screen, BacktestScreen))
        table = app.screen.query_one("#backtests", LineTable)
        await until(pilot, lambda: len(table.rows) == 1)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, BacktestResultScreen))
        opened = app.screen
        await pilot.press("R")
        await until(
            pilot,
            lambda: isinstance(app.screen, BacktestResultScreen) and app.screen is not opened,
        )
        assert opened not in app.screen_stack, "it has taken the place of that one"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, BacktestScreen))
        (workspace.root.parent / "waves.csv").rename(workspace.root.parent / "moved.csv")
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, NewBacktest))


async def test_what_a_kept_result_began_with_is_what_it_is_run_again_with(
    workspace: Workspace,
) -> None:
    path = workspace.strategies / "waves" / "STRATEGY.md"
    data = str(workspace.root.parent / "waves.csv")
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await pilot.press("3")
        screen = await arrived(pilot, BacktestScreen)
        raw = read_strategy(path).config
        screen.run_order(BacktestOrder("waves", path, raw, data=data, balance=500.0))
        shown = await arrived(pilot, BacktestResultScreen)
        await pilot.pause()
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        await pilot.press("R")
        await until(pilot, lambda: app.screen not in (screen, shown))
        await arrived(pilot, BacktestResultScreen)
    assert [one.result.starting_balance for one in list_results(workspace).results] == [500.0]


@pytest.mark.parametrize(
    ("lacks", "told"),
    [
        ("nothing", "waves: the backtest is done"),
        ("candles", "waves is not run again: its strategy or its candles are not where they were."),
        ("sense", "waves is not run again: there are problems in its strategy, as it is written"),
    ],
)
async def test_what_r_asks_for_comes_over_no_page_that_one_has_gone_on_to(
    workspace: Workspace, lacks: str, told: str
) -> None:
    """Its strategy is read first, which may take longer than one waits; and so may its candles."""
    go_on = threading.Event()
    go_on.set()
    data = workspace.root.parent / "waves.csv"

    def slowly() -> Iterator[tuple[StrategyChoice, ...]]:
        assert go_on.wait(60)
        return list_strategies(workspace)

    app = WatchedApp(
        ScriptedHosting(ScriptedLink()),
        slowly,
        host_name="here",
        feed=FeedKind.DEMO,
        workspace=workspace.root,
        poll_every=3_600,
    )
    async with driven(app, WIDE) as pilot:
        await pick(pilot, app, "waves")
        await backtest(pilot, app, str(data))
        go_on.clear()
        await pilot.press("R", "6")
        logs = await arrived(pilot, LogsScreen)
        if lacks == "candles":
            data.unlink()
        elif lacks == "sense":
            document = workspace.strategies / "waves" / "STRATEGY.md"
            document.write_text(WAVES.replace("operator: lt", "operator: lessthan"))
        go_on.set()
        await until(
            pilot,
            lambda: app.screen is not logs or any(told in one.message for one in app.notes),
        )
        assert app.screen is logs


@pytest.mark.parametrize("over", ["6", "n"])
async def test_what_is_read_first_comes_over_no_page_or_form_that_one_has_gone_on_to(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, over: str
) -> None:
    """A result has to be read before it opens, or what is to be varied of it is asked."""
    app, go_on, opened = make(workspace), threading.Event(), requests_library._opened

    def slowly(listed: ListedResult) -> OpenedResult:
        assert go_on.wait(60)
        return opened(listed)

    async with driven(app, WIDE) as pilot:
        await pick(pilot, app, "waves")
        await backtest(pilot, app, str(workspace.root.parent / "waves.csv"))
        await pilot.press("escape")
        listed = await arrived(pilot, BacktestScreen)
        monkeypatch.setattr(requests_library, "_opened", slowly)
        for key in ("H", "J", "enter"):
            go_on.clear()
            await pilot.press(key, over)
            await until(pilot, lambda: app.screen is not listed)
            shown = app.screen
            reading = [one for one in app.workers if one.name == "open"]
            go_on.set()
            await until(pilot, lambda: all(one.is_finished for one in reading))  # noqa: B023
            await pilot.pause()
            assert app.screen is shown
            await pilot.press("3" if over == "6" else "escape")
            await until(pilot, lambda: app.screen is listed)


async def test_r_on_the_page_of_a_result_says_there_that_it_runs_or_why_it_cannot(
    workspace: Workspace,
) -> None:
    """The list beneath says it as well, where nobody sees it."""
    data = workspace.root.parent / "waves.csv"
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await pick(pilot, app, "waves")
        page = await backtest(pilot, app, str(data))
        data.write_text("no candles")
        await pilot.press("R")
        await until(pilot, lambda: len(app.notes) == 2)
        runs, refused = (one.message for one in app.notes)
        assert runs == "waves: the backtest runs, and opens here once it is done."
        assert "waves.csv" in refused
        assert app.screen is page


async def test_the_trades_of_a_kept_result_open_with_its_own_candles_or_say_why_not(
    workspace: Workspace,
) -> None:
    data = workspace.root.parent / "waves.csv"
    config = read_strategy(workspace.strategies / "waves" / "STRATEGY.md").config
    order = BacktestOrder("waves", Path("waves"), config, data=str(data))
    await run_order(order, workspace.root, None, lambda _: None)
    app = make(workspace)
    async with driven(app, WIDE) as pilot:

        async def opened() -> None:
            await pilot.press("3")
            screen = await arrived(pilot, BacktestScreen)
            await until(pilot, lambda: screen.query_one("#backtests", LineTable).rows)
            await pilot.press("enter")
            await arrived(pilot, BacktestResultScreen)

        await opened()
        await pilot.press("v")
        await until(pilot, lambda: "◆" in drawn(app, "#result-chart"))
        await pilot.press("v", "enter")
        await arrived(pilot, TradeScreen)
        await until(pilot, lambda: "◆" in drawn(app, "#trade-candles"))
        await until(pilot, lambda: "rsi" in drawn(app, "#trade-fields"))
        await until(pilot, lambda: "✓  entry  rsi" in drawn(app, "#trade-conditions"))
        await pilot.press("escape", "escape")
        *lines, last = data.read_text().splitlines()
        data.write_text("\n".join([*lines, last.replace(",1", ",2")]))
        await opened()
        await pilot.press("enter")
        await arrived(pilot, TradeScreen)
        said = "In waves.csv are other candles by now than those the result was made on. R on the"
        await until(pilot, lambda: said in " ".join(drawn(app, "#trade-candles").split()))
        assert "signal is not there to read them from" in drawn(app, "#trade-conditions")
        await pilot.press("escape", "escape")
        data.unlink()
        await opened()
        await pilot.press("v")
        await until(pilot, lambda: "Its candles cannot be read: " in drawn(app, "#result-chart"))


@pytest.mark.parametrize("source", ["binance", "demo"])
async def test_candles_of_an_exchange_are_had_again_without_it(
    workspace: Workspace, exchange: Served, source: str
) -> None:
    write_addresses(workspace.root, exchange)
    starts = count(START, 3_600_000)  # a later look has later candles

    def demo() -> DemoMarket:
        return DemoMarket(SyntheticMarket(7), next(starts), 100.0, "test")

    config = read_strategy(workspace.strategies / "waves" / "STRATEGY.md").config
    order = BacktestOrder("waves", Path("waves"), config, exchange=source, period="1d", warmup=50)
    made = await run_order(order, workspace.root, demo, lambda _: None)
    (listed,) = list_results(workspace).results
    (workspace.root / "config.yaml").unlink()
    kept = own_candles(listed.result, config, workspace.root, demo)
    asked = "BTC/USDT", None, None, 2_000
    assert await kept(*asked) == await made.candles(*asked)
    other = msgspec.structs.replace(listed.result, candles_digest="0" * 64)
    with pytest.raises(NoCandlesError, match=r"which the result was made on|not all, those"):
        own_candles(other, config, workspace.root, demo)
    if source == "binance":
        shutil.rmtree(workspace.cache)
    with pytest.raises(NoCandlesError, match=r"only a demo has|not all, those .* R on the"):
        own_candles(listed.result, config, workspace.root, None)


async def test_a_demo_offers_the_market_of_its_own_exchange(workspace: Workspace) -> None:
    app = make(workspace)
    app.demo = lambda: DemoMarket(SyntheticMarket(7), START, 100.0, "test")
    async with driven(app, WIDE) as pilot:
        await pick(pilot, app, "waves")
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, NewBacktest))
        form = app.screen
        await until(pilot, lambda: form.query_one(LineTable).cursor_key is not None)
        assert form.query_one("#source", Choice).chosen == "demo"
        form.query_one("#period", Input).value = "2d"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, BacktestResultScreen))
        screen = app.screen
        await until(pilot, lambda: screen.query("#result-trades"))
        await until(pilot, lambda: len(screen.query_one("#result-trades", LineTable).rows) >= 5)
        title = str(screen.query_one("#result-title").render())
        assert "2026-01-03 00:00 to 2026-01-05 00:00 UTC, 2,880 candles" in title


async def test_what_was_run_on_a_demo_is_asked_for_elsewhere_on_what_there_is(
    workspace: Workspace,
) -> None:
    """No candles were chosen at all, and what was run looked for an exchange of that name."""
    app = make(workspace)
    before = BacktestOrder("waves", Path(), {}, exchange=DEMO_MARKET, period="2mo", fill_on="close")
    async with driven(app, WIDE) as pilot:
        app.push_screen(NewBacktest(app.list_strategies, before))
        form = await arrived(pilot, NewBacktest)
        await until(pilot, lambda: form.takes_keys)
        chosen = {name: form.query_one(f"#{name}", Choice).chosen for name in ("source", "fill-on")}
        assert chosen == {"source": "file", "fill-on": "close"}
        assert form.query_one("#period", Input).value == ""


@pytest.mark.parametrize("source", ["binance", "demo"])
async def test_a_perpetual_is_held_to_its_markets_limits_and_pays_funding(
    workspace: Workspace, exchange: Served, source: str
) -> None:
    write_addresses(workspace.root, exchange)
    config: dict[str, object] = {
        "name": "held",
        "symbols": ["BTC/USDT:USDT"],
        "timeframe": "1h",
        "entry_conditions": [{"indicator": "close", "operator": "gt", "value": 0}],
        "max_hold": 48,
    }
    outcome = await run_order(
        BacktestOrder("held", Path("held"), config, exchange=source, period="10d"),
        workspace.root,
        lambda: DemoMarket(SyntheticMarket(7), START, 100.0, "test"),
        lambda _: None,
    )
    trades = outcome.report["trades"]
    assert isinstance(trades, list)
    assert trades
    for trade in trades:
        assert trade["funding"] != 0
        assert round(trade["quantity"] * 1_000, 6).is_integer()  # whole steps of 0.001 BTC


async def test_the_file_of_a_lone_symbol_may_have_spaces_in_its_name(workspace: Workspace) -> None:
    spaced = (workspace.root.parent / "waves.csv").rename(workspace.root.parent / "my waves.csv")
    document = read_strategy(workspace.strategies / "waves" / "STRATEGY.md")
    order = BacktestOrder("waves", Path("waves"), document.config, data=str(spaced))
    outcome = await run_order(order, workspace.root, None, lambda _: None)
    assert outcome.report["trades"]


async def test_a_file_that_a_form_has_read_is_read_again_only_where_it_has_changed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = workspace.root.parent / "waves.csv"
    raw = read_strategy(workspace.strategies / "waves" / "STRATEGY.md").config
    order = BacktestOrder("waves", Path("waves"), raw, data=str(data))
    read: list[Path] = []

    def counted(path: Path, *given: Any, **named: Any) -> CandleFile:
        read.append(path)
        return read_candles(path, *given, **named)

    async def candles(asked: BacktestOrder) -> int:
        outcome = await run_order(asked, None, None, lambda _: None)
        period = outcome.report["period"]
        assert isinstance(period, dict)
        return int(period["candles"])

    monkeypatch.setattr("core.backtest.candle_data.read_candles", counted)
    await look_at_candles(order)
    whole = await candles(order)
    assert len(read) == 1
    assert await candles(order) == whole
    assert len(read) == 2, "nothing is held back for a second run"
    await look_at_candles(order)
    data.write_text("\n".join(data.read_text().splitlines()[:-500]))
    assert await candles(order) == whole - 500
    await look_at_candles(order)
    assert await candles(replace(order, balance=5.0)) == whole - 500
    assert len(read) == 6, "of another config it may be another matter whether it has volumes"


async def test_a_backtest_without_trades_says_why(workspace: Workspace) -> None:
    app = make(workspace)
    async with driven(app, NARROW) as pilot:
        await pick(pilot, app, "never")
        screen = await backtest(pilot, app, str(workspace.root.parent / "waves.csv"))
        remarks = screen.query_one("#result-remarks")
        said = str(remarks.render())
        assert "No trade was closed:" in said
        room = screen.query_one("#result-said").size
        assert room.height >= min(10, remarks.size.height), "no trade needs its room"
        assert "rsi < 1: held on 0 of" in said


@pytest.mark.parametrize(
    ("content", "complaint"),
    [("not,candles\n1,2\n", "waves.csv"), ("", "waves.csv")],
    ids=["no candles", "empty"],
)
async def test_a_candle_file_that_cannot_be_used_is_said(
    workspace: Workspace, content: str, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = workspace.root.parent / "waves.csv"
    data.write_text(content)
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await pick(pilot, app, "waves")
        await ordered(pilot, app, str(data))
        await until(pilot, lambda: complaint in verdict_of(app.screen))
        assert isinstance(app.screen, NewBacktest), "what was filled in stays, to be mended"
        assert app.screen.query_one("#data", Input).value == str(data)
        await pilot.press("escape")

        async def none_yet(*_: object) -> None:
            """The file goes bad once it has been looked at."""

        monkeypatch.setattr(BacktestCommands, "refusal", none_yet)
        await pick(pilot, app, "waves")
        await ordered(pilot, app, str(data))
        await until(pilot, lambda: isinstance(app.screen, BacktestScreen))
        said = app.screen.query_one("#backtest-progress")
        await until(pilot, lambda: complaint in str(said.render()))
        assert not app.screen.query_one("#backtests", LineTable).rows
        await pilot.press("1", "3")
        await until(pilot, lambda: isinstance(app.screen, BacktestScreen))
        assert not said.display, "it is nothing of the list one comes back to"


@pytest.mark.parametrize("key", ["b", "H", "J"])
async def test_a_form_that_is_left_leads_back_to_the_strategy(
    workspace: Workspace, key: str
) -> None:
    app = make(workspace)
    async with driven(app, NARROW) as pilot:
        await pick(pilot, app, "waves")
        await pilot.press(key)
        await until(pilot, lambda: isinstance(app.screen, NewBacktest))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, StrategiesScreen))
        assert isinstance(app.screen, StrategiesScreen)
        assert app.screen.selected is not None
        assert app.screen.selected.name == "waves"
        await pilot.press("3", "n")  # opened in the list of backtests it leads back to that
        await until(pilot, lambda: isinstance(app.screen, NewBacktest))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, BacktestScreen))


async def test_problems_stand_at_their_lines(workspace: Workspace) -> None:
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await pick(pilot, app, "wrong")
        about = app.screen.query_one("#strategy-text")
        await until(pilot, lambda: "line 8" in str(about.render()))
        assert "lessthan" in str(about.render())
        await pilot.press("b")
        form = await arrived(pilot, NewBacktest)
        form.query_one("#source", Choice).chosen = "exchange"
        field, said = form.query_one("#exchange", Input), form.query_one("#verdict")
        field.value = "binanc"
        unknown = "exchange binanc is not known: did you mean binance?"
        await until(pilot, lambda: f"· {unknown}" in str(said.render()))
        await pilot.press("enter")
        await until(pilot, lambda: f"✗ {unknown}" in str(said.render()))
        assert app.screen is form
        assert app.focused is field
        field.value = "kraken"
        await until(pilot, lambda: "exchange" not in str(said.render()))
        field.value = ""
        await until(pilot, lambda: "ccxt" in str(said.render()))
        await until(pilot, lambda: "lessthan" in str(said.render()))
        await pilot.press("enter")
        assert app.screen is form


async def test_what_a_form_still_lacks_is_no_mistake_until_it_is_sent_without(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.root.parent)
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await pick(pilot, app, "waves")
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, NewBacktest))
        await until(pilot, lambda: app.screen.query_one(LineTable).cursor_key is not None)
        verdict = app.screen.query_one("#verdict")
        await until(pilot, lambda: "· file: expected" in str(verdict.render()))
        await pilot.press("enter")
        await until(pilot, lambda: "✗ file: expected" in str(verdict.render()))
        assert app.focused is app.screen.query_one("#data")  # where it is to be typed
        await pilot.press(*"wave", "enter")
        await until(pilot, lambda: "✗ file: there is none at wave" in str(verdict.render()))
        await pilot.press(*"s.csv")
        await until(pilot, lambda: "file:" not in str(verdict.render()))


async def test_a_strategy_is_started_from_the_list(workspace: Workspace) -> None:
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await pick(pilot, app, "waves")
        await pilot.press("s")
        form = await arrived(pilot, NewSession)
        await until(pilot, lambda: form.picked is not None and form.picked.name == "waves")


async def test_a_strategy_is_copied_under_another_name(workspace: Workspace) -> None:
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await pick(pilot, app, "waves")
        await pilot.press("D")
        await until(pilot, lambda: isinstance(app.screen, AskName))
        app.screen.query_one(Input).value = "surf"
        await pilot.press("enter")
        await until(pilot, (workspace.strategies / "surf" / "STRATEGY.md").exists)
        copied = read_strategy(workspace.strategies / "surf" / "STRATEGY.md").parse().config
        assert copied.name == "surf"


@pytest.mark.parametrize("name", ["../evil", "", "a b", "waves", "x" * 65])
def test_a_copy_needs_a_free_and_harmless_name(workspace: Workspace, name: str) -> None:
    with pytest.raises(StrategyFileError):
        copy_strategy(workspace.strategies / "waves" / "STRATEGY.md", workspace.strategies, name)
    assert len(list(workspace.strategies.iterdir())) == 3
    assert not list(workspace.root.glob("evil*"))


def test_the_editor_is_the_users() -> None:
    assert editor_command({"EDITOR": "code --wait"}) == ["code", "--wait"]
    assert editor_command({"EDITOR": "vi", "VISUAL": "emacs -nw"}) == ["emacs", "-nw"]


async def test_a_period_that_was_refused_is_not_proposed_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: object) -> None:
        raise BacktestRefusedError("the exchange has nothing so old")

    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await pick(pilot, app, "waves")
        await pilot.press("b", "escape", "3")
        screen = await arrived(pilot, BacktestScreen)
        monkeypatch.setattr(BacktestCommands, "run", refused)
        asked = BacktestOrder("waves", Path(), {}, exchange="binance", period="5y")
        screen.run_order(asked)
        await until(pilot, lambda: not screen.is_busy)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NewBacktest))
        assert app.screen.query_one("#period", Input).value == "6mo"


async def test_a_file_is_not_cut_by_the_period_of_an_exchange_asked_before(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(_: object, order: BacktestOrder, *__: object) -> None:
        if order.exchange:
            await asyncio.Event().wait()
        raise BacktestRefusedError("the file is damaged")

    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await pilot.press("3")
        screen = await arrived(pilot, BacktestScreen)
        monkeypatch.setattr(BacktestCommands, "run", refused)
        asked = BacktestOrder("waves", Path(), {}, exchange="binance", period="6mo")
        screen.run_order(asked)
        await pilot.pause()
        screen.run_order(replace(asked, exchange="", period="", data="gone.csv"))
        await until(pilot, lambda: not screen.is_busy)
        await pilot.press("n")
        form = await arrived(pilot, NewBacktest)
        await until(pilot, lambda: bool(form.query("#period")))
        assert form.query_one("#data", Input).value == "gone.csv"
        assert form.query_one("#period", Input).value == "", "all of the file"


async def test_running_a_result_again_breaks_off_no_other_backtest(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    go_on = asyncio.Event()

    async def slow(_: object, order: BacktestOrder, *__: object) -> None:
        begun.append(order.name)
        await go_on.wait()
        raise BacktestRefusedError("nothing came")

    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await pick(pilot, app, "waves")
        await backtest(pilot, app, str(workspace.root.parent / "waves.csv"))
        shown = app.screen
        backtests = app.screen_stack[0]
        assert isinstance(backtests, BacktestScreen)
        monkeypatch.setattr(BacktestCommands, "run", slow)
        backtests.run_order(BacktestOrder("another", Path(), {}, data="other.csv"))
        await until(pilot, lambda: begun == ["another"])
        await pilot.press("R")
        await until(pilot, lambda: "still runs" in app.notes[-1].message)
        assert app.screen is shown
        assert begun == ["another"]
        assert backtests.is_busy
        go_on.set()
        await until(pilot, lambda: not backtests.is_busy)
        await pilot.press("R")
        await until(pilot, lambda: begun == ["another", "waves"])


async def test_what_is_changed_while_candles_are_read_is_run_by_its_own_enter_alone(
    workspace: Workspace,
) -> None:
    answers: list[BacktestOrder | None] = []
    checked: list[BacktestOrder] = []
    read, told = asyncio.Event(), []

    async def check(order: BacktestOrder) -> None:
        checked.append(order)
        await read.wait()
        told.append(order)

    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        for again in (False, True):
            read.clear()
            form = NewBacktest(app.list_strategies, None, "waves", check=check)
            await app.push_screen(form, answers.append)
            await until(pilot, lambda: form.picked is not None and form.picked.is_read)  # noqa: B023
            form.query_one("#data", Input).value = str(workspace.root.parent / "waves.csv")
            await pilot.press("enter")
            await until(pilot, lambda: "reading the candles" in verdict_of(form))  # noqa: B023
            form.query_one("#balance", Input).value = "777"
            await until(pilot, lambda: "reading" not in verdict_of(form))  # noqa: B023
            if again:
                await pilot.press("enter")
                await until(pilot, lambda: len(checked) == 3)
            read.set()
            await until(pilot, lambda: bool(told))
            await pilot.pause()
            assert (app.screen is form) is not again
            told.clear()
        (order,) = answers
        assert order is not None
        assert order.balance == 777


async def test_a_period_before_there_were_candles_is_refused_in_the_form(
    workspace: Workspace,
) -> None:
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await pick(pilot, app, "waves")
        await pilot.press("b")
        form = await arrived(pilot, NewBacktest)
        form.query_one("#source", Choice).chosen = "exchange"
        form.query_one("#period", Input).value = "99y"
        await until(pilot, lambda: "begins before 1970" in verdict_of(form))


async def test_a_period_of_a_file_is_run_shown_and_proposed_for_what_is_asked_next(
    workspace: Workspace,
) -> None:
    """Also by a screen that did not run it: the file is still there."""
    data = workspace.root.parent / "waves.csv"
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await pick(pilot, app, "waves")
        await pilot.press("b")
        form = await arrived(pilot, NewBacktest)
        await until(pilot, lambda: form.query_one(LineTable).cursor_key is not None)
        period = form.query_one("#period", Input)
        assert period.display
        assert period.value == "", "all of the file"
        form.query_one("#data", Input).value = str(data)
        period.value = "1d"
        await until(pilot, lambda: "the 1 day until the end of the file" in verdict_of(form))
        await pilot.press("enter")
        screen = await arrived(pilot, BacktestResultScreen)
        await pilot.pause()
        (kept,) = list_results(workspace).results
        assert kept.result.period.candles == 1_440
        assert kept.result.source is not None
        assert kept.result.source.period == "1d"
        await pilot.press("escape", "3")
        await arrived(pilot, BacktestScreen)
        await pilot.press("enter")  # its own candles are found in the file
        await until(pilot, lambda: app.screen is not screen)
        await arrived(pilot, BacktestResultScreen)
        await pilot.pause()
        await pilot.press("enter")
        await arrived(pilot, TradeScreen)
        await until(pilot, lambda: "◆" in drawn(app, "#trade-candles"))
    other = make(workspace)
    async with driven(other, WIDE) as pilot:
        await pick(pilot, other, "waves")
        await pilot.press("J")
        form = await arrived(pilot, NewBacktest)
        await until(pilot, lambda: form.query_one(LineTable).cursor_key is not None)
        title = str(form.query(".form-title").first(Static).render())
        assert title == "waves · gate: on which candles?"
        proposed = [form.query_one(f"#{name}", Input).value for name in ("data", "period")]
        assert proposed == [str(data), "1d"]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(other.screen, VaryForm))
        title = str(other.screen.query(".form-title").first(Static).render())
        assert title == "waves · gate · waves.csv · 1d"


async def test_what_is_typed_behind_b_goes_to_its_form_and_to_no_page_that_is_open_there(
    workspace: Workspace,
) -> None:
    data = str(workspace.root.parent / "waves.csv")
    before = make(workspace)
    async with driven(before, WIDE) as pilot:
        await pick(pilot, before, "waves")
        await backtest(pilot, before, data)
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await pick(pilot, app, "waves")
        app.simulate_key("b")
        app.simulate_key("enter")  # before the backtests are read, of which the form begins
        open_there = await arrived(pilot, BacktestResultScreen)
        await pick(pilot, app, "never")
        app.simulate_key("b")
        app.simulate_key("enter")
        await until(pilot, lambda: len(list_results(workspace).results) == 2)
        await until(pilot, lambda: isinstance(app.screen, BacktestResultScreen))
        await until(pilot, lambda: app.screen is not open_there)
        assert not any(isinstance(one, TradeScreen) for one in app.screen_stack)


async def test_the_period_proposed_is_that_of_the_source_that_is_chosen(
    workspace: Workspace,
) -> None:
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        app.push_screen(NewBacktest(app.list_strategies, None, demo=True))
        form = await arrived(pilot, NewBacktest)
        await until(pilot, lambda: bool(form.query("#period")))
        source, period = form.query_one("#source", Choice), form.query_one("#period", Input)
        for chosen, usual in (("demo", "1mo"), ("exchange", "6mo"), ("file", ""), ("demo", "1mo")):
            source.chosen = chosen
            await pilot.pause()
            assert period.value == usual
        period.value = "2mo"
        source.chosen = "exchange"
        await pilot.pause()
        assert period.value == "2mo", "that was asked for"
