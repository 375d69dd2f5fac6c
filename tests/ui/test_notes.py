"""Notes, tags and what to be told of, by keys alone; foreign text stays text."""

from __future__ import annotations

import msgspec
import pytest
from textual.widgets import Input

from core.journal.session_notes import AlertKind, AlertRule, SessionNotes
from core.journal.values import SessionState
from core.session.snapshot import Level, LogLine, TrialHorizon
from tests.ui.driving import NARROW, WIDE, driven, make_app, until
from tests.ui.scripted import NOW, ScriptedLink, busy, session
from tests.ui.test_sessions import drawn
from tui.modals.notes import AlertsForm, NotesForm
from tui.screens.help import HelpScreen
from tui.screens.sessions import SessionsScreen


async def test_a_note_and_tags_are_put_down_and_found_by_the_filter() -> None:
    link = busy()
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("C")
        await until(pilot, lambda: isinstance(app.screen, NotesForm) and app.focused is not None)
        await pilot.press(*"[/x] mind", "tab", *"slow, btc", "enter")
        await until(pilot, lambda: link.found("k3x9a1pq").notes.tags == ("slow", "btc"))
        assert link.found("k3x9a1pq").notes.note == "[/x] mind"
        await until(pilot, lambda: isinstance(app.screen, SessionsScreen))
        app.poll()
        await pilot.pause()
        title = str(app.screen.query_one("#positions").border_title)
        assert "#slow" in title
        await pilot.press("slash", *"#btc", "enter")
        await until(pilot, lambda: "1 of 5" in str(app.screen.query_one("#sessions").border_title))
        assert "rsi_bounce" in drawn(app, "#sessions")


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_the_list_has_a_sign_of_a_trial_and_of_an_alert(size: tuple[int, int]) -> None:
    name = "a_strategy_of_a_long_name"
    waiting = AlertRule(AlertKind.DRAWDOWN, 5.0)
    of_both = SessionNotes(alerts=(waiting,))
    told = SessionNotes(alerts=(AlertRule(AlertKind.DRAWDOWN, 5.0, told=NOW),))
    horizon = TrialHorizon(NOW, 60, None)
    link = ScriptedLink(
        [
            session("aaaaaaaa", f"{name}_1", trial=horizon, notes=of_both),
            session("bbbbbbbb", "alone", notes=of_both),
            session("cccccccc", "told", trial=horizon, notes=told),
            session("dddddddd", "ended", state=SessionState.STOPPED, ended=NOW, notes=of_both),
        ]
    )
    app = make_app(link)
    async with driven(app, size) as pilot:
        both, alone, other, ended = drawn(app, "#sessions").splitlines()[1:5]
        assert "… §♪  BTC/USDT" in both, "a name is cut, and no sign"
        assert "alone ♪ " in alone
        assert "told § " in other, "it waits for nothing any more"
        assert "♪" not in ended, "it never comes"
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await until(pilot, lambda: "§ sealed trial, ♪ alert set, ! entries" in drawn(app, "_Keys"))


async def test_the_signs_of_the_selected_session_stand_in_words_beneath_the_list() -> None:
    two = (AlertRule(AlertKind.DRAWDOWN, 5.0), AlertRule(AlertKind.DRAWDOWN, 9.0))
    link = ScriptedLink(
        [
            session("aaaaaaaa", "a", trial=TrialHorizon(NOW, 60, None), trades_count=12,
                    notes=SessionNotes(alerts=two)),
            session("bbbbbbbb", "b", trial=TrialHorizon(NOW, 60, 14.0), blocked=("BTC/USDT",)),
            session("cccccccc", "c"),
            session("dddddddd", "d", trial=TrialHorizon(NOW, 30, None), trades_count=52),
        ]
    )  # fmt: skip
    app = make_app(link)
    async with driven(app) as pilot:
        for told in (
            "a · aaaaaaaa · sealed trial, 12 of 60 trades · 2 alerts set",
            "b · bbbbbbbb · sealed trial, 2d of 14d · BTC/USDT blocked",
            "c · cccccccc",
            "d · dddddddd · sealed trial over",
        ):
            title = str(app.screen.query_one("#positions").border_title).strip()
            assert title == f"Positions · {told}"
            await pilot.press("j")
            await pilot.pause()


@pytest.mark.parametrize("words", ["seal", "§", "♪", "blocked"])
async def test_help_finds_the_signs_by_word_and_by_themselves(words: str) -> None:
    app = make_app(busy())
    async with driven(app) as pilot:
        await pilot.press("question_mark", "slash")
        app.screen.query_one(Input).value = words
        await until(pilot, lambda: "One row up" not in drawn(app, "_Keys"))
        shown = drawn(app, "_Keys").splitlines()
        assert shown[0].startswith("Sessions")
        assert shown[1].startswith("Signs: § sealed trial, ♪ alert set")


async def test_one_is_told_of_what_the_form_asks_for_by_toast_bell_and_title() -> None:
    link = busy()
    app = make_app(link)
    async with driven(app) as pilot:
        await pilot.press("W")
        await until(pilot, lambda: isinstance(app.screen, AlertsForm) and app.focused is not None)

        def told() -> str:
            return " ".join(drawn(app, "#verdict").split())

        await until(pilot, lambda: "BTC/USDT is at " in drawn(app, "#verdict"))
        held = link.found("k3x9a1pq").open_positions[0]
        risen = msgspec.structs.replace(held, mark_price=71_234.5)
        link.change("k3x9a1pq", open_positions=(risen,))
        app.poll()
        await until(pilot, lambda: "BTC/USDT is at 71,234.5" in told())
        await pilot.press(*"70,000", "tab", "tab", "tab", *"x", "enter")
        await until(pilot, lambda: "no trade: expected a number above 0, such as 7, f" in told())
        await pilot.press("backspace", "shift+tab", *"x", "enter")
        assert isinstance(app.screen, AlertsForm), "a form with a mistake stays open"
        await pilot.press("backspace", "5", "enter")
        wanted = (
            AlertRule(AlertKind.ABOVE, 70_000.0, "BTC/USDT"),
            AlertRule(AlertKind.DRAWDOWN, 5.0),
        )
        await until(pilot, lambda: link.found("k3x9a1pq").notes == SessionNotes(alerts=wanted))
        await until(pilot, lambda: isinstance(app.screen, SessionsScreen))
        text = "rsi_bounce (k3x9a1pq): drawdown of 5%"
        number = len(link.lines) + 1
        link.lines.append(LogLine(number, NOW, Level.WARNING, "k3x9a1pq", text, alert=True))
        app.poll()
        await until(pilot, lambda: text in [note.message for note in app.notes])
        app.poll()
        assert [note.message for note in app.notes].count(text) == 1
