"""What an hour at 80×24 over SSH found: no key is silent, nothing is cut, everything leads on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from textual.widgets import Input

from core.journal.values import SessionState
from tests.ui.driving import NARROW, driven, make_app, until
from tests.ui.scripted import NOW, ScriptedLink, busy, choices, position, session
from tests.ui.test_sessions import drawn
from tui.app import PapertapeApp
from tui.modals.new_backtest import NewBacktest
from tui.screens.session import SessionScreen
from tui.strategies import StrategyChoice


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


async def test_a_long_name_leaves_room_for_what_its_group_holds() -> None:
    name = "mean_reversion_on_the_hourly_bands_of_a_week"
    held = session("aaaaaaa1", name, open_positions=(position(),))
    app = make_app(ScriptedLink([held, session("aaaaaaa2", name)]))
    async with driven(app, NARROW) as pilot:
        await pilot.press("F")
        row = drawn(app, "#sessions").splitlines()[1]
        assert "mean_reversi" in row
        assert "… · 2 sessions · 1 open" in row


async def test_the_period_of_a_backtest_is_told_in_words_for_m_is_months() -> None:
    async def listed() -> AsyncIterator[Sequence[StrategyChoice]]:
        yield choices()

    app = make_app(ScriptedLink())
    async with driven(app, NARROW) as pilot:
        await app.push_screen(NewBacktest(listed, None, demo=True))
        await until(pilot, lambda: "the 1 month until now" in drawn_text(app, "#verdict"))
        period = app.screen.query_one("#period", Input)
        period.value = "3m"
        await until(pilot, lambda: "the 3 months until now" in drawn_text(app, "#verdict"))
        period.value = "3min"
        await until(pilot, lambda: "is not a period" in drawn_text(app, "#verdict"))


async def test_the_list_of_a_form_gives_way_to_what_is_to_be_read() -> None:
    many = tuple(f"{number}. what is to be known of it, in a line by itself" for number in range(8))
    told = replace(choices()[0], warnings=many)
    app = make_app(ScriptedLink(), strategies=lambda: [told, *choices()[1:]])
    async with driven(app, NARROW) as pilot:
        await pilot.press("n")
        await until(pilot, lambda: app.screen.query("#verdict"))
        await until(pilot, lambda: "7. what is to be known" in drawn_text(app, "#verdict"))
        await pilot.pause()
        form, verdict = app.screen.query_one(".form"), app.screen.query_one("#verdict")
        assert verdict.size.height >= len(many) + 1
        assert app.screen.query_one(".form-hints").region.bottom <= form.region.bottom
        await pilot.press("tab")
        rows = drawn(app, "#strategies").splitlines()
        assert sum(row.startswith("▏") for row in rows) == 1, "the one picked is still marked"


def drawn_text(app: PapertapeApp, selector: str) -> str:
    """What a text of the screen says."""
    return str(app.screen.query_one(selector).render())
