"""The commands that open the screen: papertape by itself, and demo."""

from __future__ import annotations

import argparse
import os
import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from tui.cli.commands import Arguments, Commands
from tui.cli.exchange import DEFAULT_SPEED, MarketArguments, add_market, demo_market
from tui.cli.output import refusing
from tui.cli.workspace import is_to_be_made, workspace_of

if TYPE_CHECKING:
    from core.host.feed_factories import DemoMarket
    from core.host.host import HostOptions
    from core.journal.values import FeedKind
    from core.store.workspace import Workspace
    from tui.host.hosting import Hosting
    from tui.strategies import StrategyChoice


class DemoArguments(Arguments, MarketArguments, Protocol):
    """What `papertape demo` is given."""


def add_commands(commands: Commands) -> None:
    """Declare this group."""
    commands.group("Screen")
    parser = commands.add(
        "demo",
        demo,
        "the screen on the embedded exchange: no account, no key, no network",
        more=(
            "It has a workspace of its own, unless --workspace names one. What was left running\n"
            "is taken up again; where nothing was, it begins anew."
        ),
    )
    add_market(parser)


def open_screen(arguments: Arguments) -> int:
    """Show the screen on the workspace."""
    from core.journal.values import FeedKind

    usual = argparse.Namespace(data=None, columns=None, seed=1, speed=DEFAULT_SPEED)
    workspace = workspace_of(arguments)
    is_made = is_to_be_made(arguments, workspace)
    return _show(workspace, FeedKind.LIVE, lambda: demo_market(usual), (), is_made=is_made)


def demo(arguments: DemoArguments) -> int:
    """Show the screen on the embedded exchange."""
    from core.journal.values import FeedKind
    from core.store.workspace import WorkspaceError

    # A bad file is to be said before the screen is drawn; making a market up cannot fail, and is to
    # delay no first frame.
    made = demo_market(arguments) if arguments.data else None
    workspace = demo_workspace(arguments)
    with refusing(WorkspaceError):
        if arguments.workspace is None and not _in_use(workspace):
            _begin_anew(workspace)
    return _show(
        workspace,
        FeedKind.DEMO,
        lambda: made or demo_market(arguments),
        market_arguments(arguments),
    )


def _begin_anew(workspace: Workspace) -> None:
    """Forget a demo's sessions, candles and log, so that its time begins again. Strategies stay."""
    for folder in (workspace.sessions, workspace.journals):
        shutil.rmtree(folder, ignore_errors=True)
    for index in workspace.root.glob(f"{workspace.index.stem}*.json"):
        index.unlink()
    for log in workspace.root.glob(f"{workspace.log.name}*"):
        log.unlink()


def demo_workspace(arguments: DemoArguments) -> Workspace:
    """The workspace of a demo: the one named, else one for each market, beside the usual one."""
    from core.store.workspace import locate_workspace

    if arguments.workspace is not None:
        return workspace_of(arguments)
    import platformdirs

    market = " ".join(market_arguments(arguments))
    name = f"papertape-demo-{zlib.crc32(market.encode()):08x}"
    return locate_workspace(platformdirs.user_data_dir(name), {})


def market_arguments(arguments: MarketArguments) -> list[str]:
    """The arguments that make the same market again, from anywhere."""
    from core.store.workspace import expanded
    from tui.cli.exchange import symbol_and_file

    texts = []
    for text in arguments.data or ():
        symbol, path = symbol_and_file(text)
        texts += ["--data", f"{symbol}={expanded(path).absolute()}"]
    if arguments.columns is not None:
        texts += ["--columns", arguments.columns]
    return [*texts, "--seed", str(arguments.seed), "--speed", f"{arguments.speed:g}"]


def _in_use(workspace: Workspace) -> bool:
    """Whether a host runs there, or a session rests that one would take up again."""
    from core.journal.manifest import EVENTS
    from core.session.reports import JSON
    from core.store.lock import current_host

    return current_host(workspace) is not None or any(
        (workspace.session(session_id) / EVENTS).exists()
        and not (workspace.session(session_id) / JSON).exists()
        for session_id in workspace.session_ids()
    )


def _show(
    workspace: Workspace,
    feed: FeedKind,
    make_demo: Callable[[], DemoMarket],
    host_arguments: Sequence[str],
    *,
    is_made: bool = False,
) -> int:
    from core.journal.values import FeedKind
    from core.store.workspace import WorkspaceError
    from tui.run import UnfitTerminalError, run_screen

    with refusing(WorkspaceError):
        workspace.prepare(mend=False)
    place = workspace.root.stat()

    def hosting() -> Hosting:
        from core.bootstrap import headless_command, host_options
        from tui.host.workspace import WorkspaceHosting

        def make_options() -> HostOptions:
            # A host makes what is missing, and no empty workspace is to stand in for a lost one.
            if not workspace.root.exists() or not os.path.samestat(place, workspace.root.stat()):
                raise WorkspaceError(
                    f"the workspace {workspace.root} has vanished: it was deleted or moved, or its "
                    "disk is gone; bring it back and start papertape again"
                )
            return host_options(workspace, "tui", make_demo())

        after = ("--after", str(os.getpid()))
        successor = headless_command(workspace, *after, *host_arguments)
        return WorkspaceHosting(workspace, make_options, successor)

    def strategies() -> Iterator[Sequence[StrategyChoice]]:
        from tui.strategies import list_strategies

        return list_strategies(workspace)

    with refusing(UnfitTerminalError):
        demo = make_demo if feed is FeedKind.DEMO else None
        return run_screen(hosting, strategies, workspace.root, feed, demo, is_made=is_made)
