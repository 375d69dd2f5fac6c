"""One definition of what can be done: no key twice, no action that is not there."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.ui.driving import NARROW, driven, make_app, until
from tests.ui.scripted import ScriptedLink, busy, report, session
from tui.app import PapertapeApp
from tui.commands import COMMANDS, Command, Place
from tui.screens.backtest import BacktestScreen
from tui.screens.backtest_result import BacktestResultScreen
from tui.screens.base import BaseScreen
from tui.screens.compare import CompareScreen
from tui.screens.compare_layer import CompareLayerScreen
from tui.screens.compare_trade import ComparedTradeScreen
from tui.screens.gate import GateScreen
from tui.screens.help import HelpScreen
from tui.screens.logs import LogsScreen
from tui.screens.overlay import OverlayScreen
from tui.screens.performance import PerformanceScreen
from tui.screens.report import ReportScreen
from tui.screens.schedule import ScheduleScreen
from tui.screens.session import SessionScreen
from tui.screens.sessions import SessionsScreen
from tui.screens.settings import SettingsScreen
from tui.screens.strategies import StrategiesScreen
from tui.screens.sweep import SweepScreen
from tui.screens.trade import TradeScreen
from tui.widgets.answer_list import AnswerList
from tui.widgets.candle_chart import CandleChart
from tui.widgets.heat_map import HeatMap
from tui.widgets.hints import Hints
from tui.widgets.line_table import LineTable
from tui.widgets.log_pane import LogPane

HOMES: dict[Place, type] = {
    Place.ANYWHERE: PapertapeApp,
    Place.SESSIONS: SessionsScreen,
    Place.SESSION: SessionScreen,
    Place.STRATEGIES: StrategiesScreen,
    Place.BACKTEST: BacktestScreen,
    Place.RESULT: BacktestResultScreen,
    Place.OVERLAY: OverlayScreen,
    Place.SWEEP: SweepScreen,
    Place.GATE: GateScreen,
    Place.MAP: HeatMap,
    Place.COMPARE: CompareScreen,
    Place.COMPARED_LAYER: CompareLayerScreen,
    Place.COMPARED_TRADE: ComparedTradeScreen,
    Place.REPORT: ReportScreen,
    Place.TRADE: TradeScreen,
    Place.SCHEDULE: ScheduleScreen,
    Place.LOGS: LogsScreen,
    Place.SETTINGS: SettingsScreen,
    Place.PERFORMANCE: PerformanceScreen,
    Place.ANSWERS: AnswerList,
    Place.TABLE: LineTable,
    Place.LOG: LogPane,
    Place.CHART: CandleChart,
}


def test_no_command_is_defined_twice() -> None:
    assert not [i for i, n in Counter(c.id for c in COMMANDS).items() if n > 1]
    for place in Place:
        keys = [k for c in COMMANDS if c.place is place for k in c.keys.split(",")]
        assert not [key for key, count in Counter(keys).items() if count > 1], place


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.id)
def test_every_command_has_its_action_and_its_words(command: Command) -> None:
    of, _, name = command.action.partition("(")[0].rpartition(".")
    home = {"app": PapertapeApp, "screen": BaseScreen}.get(of, HOMES[command.place])
    assert callable(getattr(home, f"action_{name}"))
    assert command.help
    assert command.help[0].isupper()


async def test_help_lists_every_key_and_any_key_to_leave_closes_it() -> None:
    app = make_app(busy())
    async with driven(app, (120, 60)) as pilot:
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        shown = " ".join(" ".join(str(w.render()).split()) for w in app.screen.query("Static"))
        for command in COMMANDS:
            assert command.help in shown
        await pilot.press("escape")
        assert isinstance(app.screen, SessionsScreen)


async def test_help_begins_with_what_works_where_one_is() -> None:
    app = make_app(busy())
    async with driven(app, (120, 60)) as pilot:
        for key, kept in (
            ("7", ["Settings", "In a table"]),
            ("6", ["Logs", "In a log"]),
            ("8", ["Performance", "In a table", "In a map or calendar"]),
        ):
            await pilot.press(key, "question_mark")
            shown = " ".join(str(one.render()) for one in app.screen.query("Static"))
            places = sorted(
                (place.value for place in Place), key=lambda one: shown.find(f"{one}\n")
            )
            known = [one for one in places if f"{one}\n" in shown]
            assert known[: len(kept) + 1] == [*kept, Place.ANYWHERE.value]
            await pilot.press("escape")


async def test_help_leaves_out_what_no_table_of_the_screen_does() -> None:
    app = make_app(busy())
    async with driven(app, (120, 60)) as pilot:
        for key, offered in (("1", True), ("7", False)):
            await pilot.press(key, "question_mark")
            shown = " ".join(str(one.render()) for one in app.screen.query("Static"))
            assert ("Mark the row" in shown, "Sort by the next column" in shown) == (offered,) * 2
            assert "One row down" in shown
            await pilot.press("escape")


async def test_why_a_key_does_nothing_is_said_once_and_goes_with_its_screen() -> None:
    app = make_app(ScriptedLink([session("k3x9a1pq", "band")]))
    async with driven(app, notifications=True) as pilot:
        await pilot.press("f", "f", "f")
        await until(pilot, lambda: len(app.notes) == 3)
        await until(pilot, lambda: len(app.screen.query("Toast")) == 1)
        app.say("Told whatever is shown.")
        await until(pilot, lambda: len(app.screen.query("Toast")) == 2)
        await pilot.press("2")
        await until(pilot, lambda: isinstance(app.screen, StrategiesScreen))
        await until(pilot, lambda: len(app.screen.query("Toast")) == 1)


@pytest.mark.parametrize(
    ("keys", "kept"),
    [
        ([], "Hints"),
        (["n"], ".form-hints, .field"),
        (["question_mark"], ".help-hints"),
        (["x"], ".dialog"),
    ],
    ids=["screen", "form", "help", "question"],
)
async def test_what_is_told_in_a_corner_covers_no_hint_no_field_and_no_question(
    keys: list[str], kept: str
) -> None:
    app = make_app(busy())
    async with driven(app, NARROW, notifications=True) as pilot:
        await pilot.press(*keys)
        await until(pilot, lambda: len(app.screen.query(kept)) > 0)
        app.say("\n".join(["k3x9a1pq rsi_bounce entered BTC/USDT long at 107,423.80"] * 3))
        await until(pilot, lambda: any(one.region for one in app.screen.query("Toast")))
        (toast,) = app.screen.query("Toast")
        assert toast.region.height == 3
        for one in app.screen.query(kept):
            assert not one.region.overlaps(toast.region), one
        app.say("Short.", title="")
        await until(pilot, lambda: len(app.screen.query("Toast")) == 2)
        await until(pilot, lambda: bool(app.screen.query("Toast").last().region))
        assert app.screen.query("Toast").last().region.width < toast.region.width


@pytest.mark.parametrize("width", [60, 80, 120])
async def test_hints_fit_and_always_name_help_and_the_way_out(width: int) -> None:
    app = make_app(busy())
    async with driven(app, (width, 24)) as pilot:
        for number in range(1, 9):
            await pilot.press(str(number))
            await pilot.pause()
            shown = str(app.screen.query_one(Hints).render())
            assert len(shown) <= width - 4
            assert shown.endswith("? help  q quit"), shown


async def test_hints_on_the_row_of_a_group_name_what_opens_it_and_how_one_folds() -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        await pilot.press("F", "g")
        await pilot.pause()
        shown = str(app.screen.query_one(Hints).render())
        assert "Enter open" in shown
        assert "F fold" in shown
        assert "r report" not in shown, "that is of one session"
        table = app.screen.query_one("#sessions", LineTable)
        folded = len(table.rows)
        await app.run_action("screen.open")  # as a click on the hint does
        assert len(table.rows) > folded
        assert isinstance(app.screen, SessionsScreen)


async def test_no_trade_is_offered_to_be_opened_where_none_has_closed() -> None:
    told = report("rsi_bounce")
    for trades, offered in ((told["trades"], True), ([], False)):
        app = make_app(busy())
        async with driven(app) as pilot:
            await app.push_screen(ReportScreen({**told, "trades": trades}))
            await pilot.pause()
            assert ("Enter trade" in str(app.screen.query_one(Hints).render())) is offered


async def test_the_theme_taken_with_its_key_is_named_once_however_often_it_is_pressed() -> None:
    app = make_app(busy())
    async with driven(app, notifications=True) as pilot:
        for _ in range(3):  # faster than what is told is drawn
            before = app.theme
            app.action_next_theme()
        await until(pilot, lambda: len(app.notes) == 3)
        # Whoever meant another key has to know what to go back to, and where.
        told = f"Theme: {app.theme}, and from now on; it was {before}. 7 chooses any."
        assert app.notes[-1].message == told
        await until(pilot, lambda: len(app.screen.query("Toast")) == 1)


async def test_hints_offer_only_what_is_possible_and_can_be_clicked() -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        hints = app.screen.query_one(Hints)
        assert "f flatten" in str(hints.render())
        await pilot.press("G")
        assert "f flatten" not in str(hints.render())
        at = str(hints.render()).index("? help")
        await pilot.click(Hints, offset=(at + 2, 0))
        assert isinstance(app.screen, HelpScreen)


_SEVERAL_WORDS = {  # for one meaning, where what it is done to has a word of its own
    "L": {"level", "which"},
    "R": {"reload", "run again", "run now", "try", "again"},
    "Y": {"copy table", "copy log"},
    "d": {"remove", "take out"},
    "e": {"edit", "change"},
    "h": {"previous", "symbol back"},
    "l": {"next", "symbol"},
    "n": {"new", "strategy"},
    "s": {"start", "start/stop", "stop"},
    "x": {"stop", "cancel"},
}


def test_a_letter_has_one_meaning_on_all_screens() -> None:
    labels: dict[str, set[str]] = {}
    for command in COMMANDS:
        for key in command.keys.split(","):
            if len(key) == 1:
                labels.setdefault(key, set()).add(command.label)
    several = {key: words for key, words in labels.items() if len(words) > 1}
    assert several == _SEVERAL_WORDS
