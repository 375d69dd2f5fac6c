"""What an hour at 80×24 over SSH found: no key is silent, nothing is cut, everything leads on."""

from __future__ import annotations

from core.journal.values import SessionState
from tests.ui.driving import NARROW, driven, make_app, until
from tests.ui.scripted import NOW, ScriptedLink, busy, position, session
from tests.ui.test_sessions import drawn
from tui.screens.session import SessionScreen


async def test_a_key_that_can_do_nothing_now_says_why() -> None:
    ended = session(
        "aaaaaaa1", "one", state=SessionState.STOPPED, ended=NOW, open_positions=(position(),)
    )
    app = make_app(ScriptedLink([ended, session("k3x9a1pq", "rsi_bounce")]))
    async with driven(app, NARROW) as pilot:
        await pilot.press("x", "p", "f")
        assert ["has ended" in note.message for note in app.notes] == [True, True, False]
        assert "no open position" in app.notes[-1].message
        await pilot.press("j", "a")
        assert "x stops it" in app.notes[-1].message
        said = len(app.notes)
        await pilot.press("escape", "f12")  # nothing was meant by them
        assert len(app.notes) == said


async def test_by_hand_one_enters_only_where_nothing_is_open_and_is_told_so() -> None:
    app = make_app(busy())
    async with driven(app, NARROW) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        await pilot.press("N")
        assert isinstance(app.screen, SessionScreen)
        assert "f closes a position" in app.notes[-1].message


async def test_the_footer_follows_what_becomes_of_the_session() -> None:
    link = ScriptedLink([session("k3x9a1pq", "rsi_bounce")])
    app = make_app(link)
    async with driven(app, NARROW) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SessionScreen))
        await until(pilot, lambda: "p pause" in drawn(app, "Hints"))
        assert "f flatten" not in drawn(app, "Hints")
        link.change("k3x9a1pq", open_positions=(position(),))
        app.poll()
        await until(pilot, lambda: "f flatten" in drawn(app, "Hints"))
