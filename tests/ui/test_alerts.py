"""Is one told of what happens in sessions, of nothing twice, and as loudly as one wants?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from core.journal.values import FeedKind, Mode, SessionState
from core.session.snapshot import HostSnapshot, SessionSnapshot
from core.store.preferences import read_preferences
from core.store.yaml_reader import SettingsError
from tests.ui.driving import WIDE, driven, make_app, until
from tests.ui.scripted import NOW, ScriptedLink, position, session
from tests.ui.test_backtest import make, workspace
from tui.requests.alerts import Alerts, Loudness, alerts_between
from tui.requests.settings_files import loudness_of
from tui.screens.report import ReportScreen

__all__ = ["workspace"]  # a fixture of the backtest's tests
LIVE: dict[str, Any] = {"mode": Mode.SIMULATED}


def states(before: SessionSnapshot, now: SessionSnapshot) -> tuple[HostSnapshot, HostSnapshot]:
    return ScriptedLink([before]).snapshot(), ScriptedLink([now]).snapshot()


def told(changed: dict[str, Any], **first: Any) -> list[tuple[str, str]]:
    """What is told when a session changes so."""
    plain = LIVE | first
    one, other = (
        session("aaaaaaa1", "one", **plain),
        session("aaaaaaa1", "one", **(plain | changed)),
    )
    return [(alert.text, alert.severity) for alert in alerts_between(*states(one, other))]


def test_an_entry_and_a_closed_trade_are_told_of_with_their_figures() -> None:
    entered = told({"open_positions": (position(),)})
    assert entered == [("one (aaaaaaa1) entered BTC/USDT long at 64,210.50", "information")]
    closed = told(
        {"trades_count": 3, "realized_pnl": -12.5, "open_positions": ()},
        trades_count=1,
        realized_pnl=0.0,
        open_positions=(position(),),
    )
    assert closed == [("one (aaaaaaa1) closed 2 trades: ▼ -12.50", "information")]
    assert told({"unrealized_pnl": 5.0}, open_positions=(position(),)) == []


def test_what_was_done_before_a_session_was_taken_up_again_is_no_news() -> None:
    read = {"unread": False, "trades_count": 7, "open_positions": (position(),)}
    assert told(read, unread=True) == []


def test_a_made_up_market_is_silent_but_for_what_goes_wrong() -> None:
    assert told({"open_positions": (position(),)}, mode=Mode.DEMO) == []
    failed = told({"state": SessionState.ERROR, "state_reason": "no disk"}, mode=Mode.DEMO)
    assert failed == [("one (aaaaaaa1) failed: no disk", "error")]


@pytest.mark.parametrize(
    ("state", "first", "expected"),
    [
        (SessionState.STALE, {}, ["one (aaaaaaa1) receives nothing"]),
        (
            SessionState.RUNNING,
            {"state": SessionState.STALE},
            ["one (aaaaaaa1) receives prices again"],
        ),
        (SessionState.PAUSED, {}, ["one (aaaaaaa1) is paused: no entries"]),
        (SessionState.PAUSED, {"state": SessionState.STARTING}, []),  # it was before the host
        (
            SessionState.RUNNING,
            {"state": SessionState.PAUSED},
            ["one (aaaaaaa1) may enter again"],
        ),
        (
            SessionState.STOPPED,
            {"state_reason": "stopped by hand"},
            ["one (aaaaaaa1) has ended: stopped by hand"],
        ),
        (SessionState.STOPPING, {}, []),  # its end is told
        (
            SessionState.STOPPED,
            {"planned_end": NOW, "ended": NOW},
            ["one (aaaaaaa1) has come to its planned end"],
        ),
    ],
)
def test_another_state_is_told_of(
    state: SessionState, first: dict[str, Any], expected: list[str]
) -> None:
    assert [text for text, _ in told({"state": state}, **first)] == expected


def test_entries_that_are_blocked_elsewhere_are_told_of() -> None:
    blocked = ("one (aaaaaaa1): entries of BTC/USDT are blocked", "warning")
    allowed = ("one (aaaaaaa1): entries of BTC/USDT are allowed again", "information")
    assert told({"blocked": ("BTC/USDT",)}) == [blocked]
    assert told({"blocked": ()}, blocked=("BTC/USDT",)) == [allowed]


def test_only_the_end_of_recorded_candles_is_no_warning() -> None:
    over: dict[str, Any] = {"state": SessionState.STOPPED, "state_reason": "the candles ended"}
    end = "one (aaaaaaa1) has ended: the candles ended"
    replay: dict[str, Any] = {"mode": Mode.REPLAY, "feed": FeedKind.REPLAY}
    assert told(over, **replay) == [(end, "information")]
    assert told(over) == [(end, "warning")]


async def test_a_stop_by_another_hand_is_told_of_and_ones_own_only_answered() -> None:
    link = ScriptedLink([session(f"aaaaaaa{n}", f"s{n}", **LIVE) for n in range(3)])
    app = make_app(link)
    titles: list[str] = []
    rung: list[int] = []
    app.alerts = Alerts(app, lambda: rung.append(1), titles.append, Loudness.WARNINGS)

    def alerted() -> list[str]:
        return [note.message for note in app.notes if "has ended" in note.message]

    async with driven(app, WIDE) as pilot:
        await until(pilot, lambda: app.screen.query("#sessions").first().has_focus)
        await pilot.press("x", "y")
        await until(pilot, lambda: isinstance(app.screen, ReportScreen))
        (own,) = [one.id for one in link.sessions if one.state.ended]
        app.poll()
        await pilot.pause()
        assert not alerted()
        assert not titles
        assert not rung
        other = next(one.id for one in link.sessions if not one.state.ended)
        link.change(other, state=SessionState.STOPPED, state_reason="stopped by hand")
        app.poll()
        await until(pilot, lambda: titles == ["(1) papertape"])
        assert rung == [1]
        assert [other in text and own not in text for text in alerted()] == [True]


class _Halfway(ScriptedLink):
    """Stops one session, and refuses to stop another."""

    async def stop(self, session_id: str, *, flatten: bool = False) -> Mapping[str, object]:
        report = await super().stop(session_id, flatten=flatten)
        self.refuse = "the disk is full"
        return report


async def test_what_was_stopped_before_a_refusal_is_ones_own() -> None:
    link = _Halfway([session(f"aaaaaaa{n}", f"s{n}", **LIVE) for n in range(2)])
    app = make_app(link)
    async with driven(app, WIDE) as pilot:
        await until(pilot, lambda: app.screen.query("#sessions").first().has_focus)
        await pilot.press("space", "j", "space", "x", "y")
        await until(pilot, lambda: any("disk is full" in note.message for note in app.notes))
        app.poll()
        await pilot.pause()
        assert sum(one.state.ended for one in link.sessions) == 1
        assert not any("has ended" in note.message for note in app.notes)


async def test_after_a_refusal_a_stop_is_anothers() -> None:
    link = ScriptedLink([session("aaaaaaa1", "one", **LIVE)], refuse="the disk is full")
    app = make_app(link)
    async with driven(app, WIDE) as pilot:
        await until(pilot, lambda: app.screen.query("#sessions").first().has_focus)
        await pilot.press("x", "y")
        await until(pilot, lambda: any("disk is full" in note.message for note in app.notes))
        link.change("aaaaaaa1", state=SessionState.STOPPED, state_reason="stopped by hand")
        app.poll()
        await until(pilot, lambda: any("has ended" in note.message for note in app.notes))


@pytest.mark.parametrize(
    ("loudness", "fill", "failure"),
    [
        (Loudness.ALL, 1, 1),
        (Loudness.WARNINGS, 0, 1),
        (Loudness.QUIET, 0, 0),
        (Loudness.OFF, 0, 0),
    ],
)
async def test_the_bell_rings_for_what_its_way_names(
    loudness: Loudness, fill: int, failure: int
) -> None:
    app = make_app(ScriptedLink())
    async with driven(app, WIDE):
        one = session("aaaaaaa1", "one", **LIVE)
        news: list[tuple[dict[str, Any], int]] = [
            ({"open_positions": (position(),)}, fill),
            ({"state": SessionState.ERROR}, failure),
        ]
        for changes, expected in news:
            rung: list[int] = []
            alerts = Alerts(app, partial(rung.append, 1), lambda _: None, loudness)
            alerts.see(*states(one, replace(one, **changes)))
            assert len(rung) == expected


async def test_alerts_are_counted_in_the_title_until_a_key_is_pressed() -> None:
    link = ScriptedLink([session(f"aaaaaa{n:02d}", f"s{n}", **LIVE) for n in range(5)])
    app = make_app(link)
    titles: list[str] = []
    rung: list[int] = []
    app.alerts = Alerts(app, lambda: rung.append(1), titles.append, Loudness.WARNINGS)
    async with driven(app, WIDE) as pilot:
        said = len(app.notes)
        link.change("aaaaaa00", open_positions=(position(),))
        app.poll()
        await until(pilot, lambda: titles == ["(1) papertape"])
        assert not rung
        for number in range(5):
            link.change(f"aaaaaa{number:02d}", state=SessionState.STALE)
        app.poll()
        await until(pilot, lambda: titles[-1] == "(6) papertape")
        assert rung == [1]
        assert len(app.notes) == said + 2
        assert "and 2 more" in app.notes[-1].message
        await pilot.press("j")
        await until(pilot, lambda: titles[-1] == "papertape")
        app.alerts.loudness = Loudness.OFF
        link.change("aaaaaa01", state=SessionState.ERROR)
        app.poll()
        await pilot.pause()
        assert len(app.notes) == said + 2


async def test_how_loud_it_is_is_remembered(workspace: Any) -> None:
    app = make(workspace)
    async with driven(app, WIDE) as pilot:
        await pilot.press("B")
        await until(pilot, lambda: read_preferences(workspace.preferences).alerts == "quiet")
    assert make(workspace).alerts.loudness is Loudness.QUIET


def test_a_loudness_that_there_is_not_is_told_of() -> None:
    assert loudness_of(None) is Loudness.WARNINGS
    with pytest.raises(
        SettingsError, match="found 'shout', expected one of all, warnings, quiet, off"
    ):
        loudness_of("shout")
