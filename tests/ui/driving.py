"""How tests drive the screen: the app on a scripted host, keys, and waiting for what must come."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from textual import events
from textual.pilot import Pilot

from core.journal.values import FeedKind
from tests.ui.scripted import ScriptedHosting, ScriptedLink, choices
from tui.app import PapertapeApp
from tui.strategies import StrategyChoice

WIDE = (120, 40)
NARROW = (80, 24)


def make_app(
    link: ScriptedLink,
    *,
    strategies: Callable[[], Sequence[StrategyChoice]] = choices,
    failure: Exception | None = None,
) -> PapertapeApp:
    """The app on a scripted host. It polls only when told to, or after a command."""
    return PapertapeApp(
        ScriptedHosting(link, failure),
        strategies,
        host_name="web1",
        feed=FeedKind.DEMO,
        poll_every=3_600,
    )


async def until(pilot: Pilot[int], condition: Callable[[], bool]) -> None:
    """Wait until something holds, for as long as any machine may take."""
    for _ in range(400):
        if condition():
            return
        await pilot.pause(0.01)
    raise AssertionError("it never came to hold")


@asynccontextmanager
async def driven(app: PapertapeApp, size: tuple[int, int] = WIDE) -> AsyncIterator[Pilot[int]]:
    """The app running, with its host linked and the first snapshot shown."""
    async with app.run_test(size=size) as pilot:
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
