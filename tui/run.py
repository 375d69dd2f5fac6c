"""Starts the screen on a workspace."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from core.journal.values import FeedKind
from tui.app import PapertapeApp
from tui.host.hosting import Hosting, LateHosting
from tui.strategies import StrategyChoice
from tui.terminal import unfit

if TYPE_CHECKING:
    from core.host.feed_factories import DemoMarket


class UnfitTerminalError(Exception):
    """The screen cannot be shown on this terminal; the message says why and what to do."""


def run_screen(
    make_hosting: Callable[[], Hosting],
    strategies: Callable[[], Iterable[Sequence[StrategyChoice]]],
    workspace: Path,
    feed: FeedKind,
    demo: Callable[[], DemoMarket] | None = None,
    *,
    is_made: bool = False,
) -> int:
    """Show the screen until it is left; returns the exit code.

    Args:
        make_hosting: makes what holds the host; called on a thread of its own, after the first
            frame, so that what it imports delays nothing.
        strategies: lists what can be started, the last list with all of it read; used in a thread
            whenever it is asked for.
        workspace: the root of the workspace, whose themes are offered.
        feed: what a session gets that is started with one key.
        demo: makes the market that the embedded exchange of a demo shows.
        is_made: whether the workspace was not there before, which is said if it was named.

    Raises:
        UnfitTerminalError: nothing was drawn.
    """
    # The screen is drawn on standard error.
    streams = (sys.stdin, sys.stdout, sys.stderr)
    refusal = unfit(os.environ, is_terminal=all(stream.isatty() for stream in streams))
    if refusal is not None:
        raise UnfitTerminalError(refusal)
    app = PapertapeApp(
        LateHosting(make_hosting),
        strategies,
        host_name=platform.node(),
        feed=feed,
        workspace=workspace,
        demo=demo,
        is_made=is_made,
    )
    try:
        app.run()
    finally:
        app.end_input()
    if app.leaving.farewell:
        with suppress(OSError):  # a terminal that went meanwhile needs no farewell
            sys.stdout.write(f"{app.leaving.farewell}\n")
            sys.stdout.flush()
    return app.return_code or 0
