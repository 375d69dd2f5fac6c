"""How tests drive the screen: the app on a scripted host, keys, and waiting for what must come."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from textual import events
from textual.pilot import Pilot
from textual.screen import Screen

from core.journal.values import FeedKind
from core.session.snapshot import HostSnapshot
from tests import waiting
from tests.ui.scripted import ScriptedHosting, ScriptedLink, choices
from tui.app import PapertapeApp
from tui.strategies import StrategyChoice

Shown = TypeVar("Shown", bound=Screen[Any])

VAST = (200, 60)
WIDE = (120, 40)
NARROW = (80, 24)


@dataclass(frozen=True, slots=True)
class Note:
    """What the app told its user in a corner of the screen."""

    message: str
    title: str


class WatchedApp(PapertapeApp):
    """The app, and what it told its user so far."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.notes: list[Note] = []
        super().__init__(*arguments, **options)

    def notify(self, message: str, *, title: str = "", **options: Any) -> None:
        self.notes.append(Note(message, title))
        super().notify(message, title=title, **options)


def host_of(app: PapertapeApp) -> ScriptedHosting:
    """The scripted host that an app holds."""
    assert isinstance(app.hosting, ScriptedHosting)
    return app.hosting


def shown(app: PapertapeApp) -> HostSnapshot:
    """What the app shows of its host."""
    assert app.snapshot is not None
    return app.snapshot


def make_app(
    link: ScriptedLink,
    *,
    strategies: Callable[[], Sequence[StrategyChoice]] = choices,
    failure: Exception | None = None,
    poll_every: float = 3_600,
) -> WatchedApp:
    """The app on a scripted host. It polls only when told to, or after a command."""
    return WatchedApp(
        ScriptedHosting(link, failure),
        lambda: [strategies()],
        host_name="web1",
        feed=FeedKind.DEMO,
        poll_every=poll_every,
    )


async def until(pilot: Pilot[int], condition: Callable[[], object]) -> None:
    """Wait until something holds, with the screen drawn between two looks."""
    await waiting.until(condition, pause=pilot.pause)


async def arrived(pilot: Pilot[int], kind: type[Shown]) -> Shown:
    """The screen of a kind, once it is the one shown."""
    await until(pilot, lambda: isinstance(pilot.app.screen, kind))
    screen = pilot.app.screen
    assert isinstance(screen, kind)
    return screen


@asynccontextmanager
async def driven(
    app: PapertapeApp, size: tuple[int, int] = WIDE, *, notifications: bool = False
) -> AsyncIterator[Pilot[int]]:
    """The app running, with its host linked and the first snapshot shown.

    `notifications`: whether what it tells in a corner is drawn; `WatchedApp.notes` has it anyway.
    """
    async with app.run_test(size=size, notifications=notifications) as pilot:
        await until(pilot, lambda: app.snapshot is not None)
        await pilot.pause()
        yield pilot


async def press(pilot: Pilot[int], *keys: str) -> None:
    """Press keys while a host works in this very process.

    The pilot's own way waits for the process to be idle, for two seconds a key where it never is.
    """
    for key in keys:
        event = events.Key(key, key if len(key) == 1 else None)
        pilot.app.post_message(event)
        await pilot.pause(0.02)


def verdict_of(screen: Screen[Any]) -> str:
    """What a form says beneath its fields, however it is wrapped."""
    return " ".join(str(screen.query_one("#verdict").render()).split())
