"""Speaks to the workspace's host, and finds the session that a command means."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from tui.cli.commands import Arguments
from tui.cli.output import Exit, Refusal, refusing
from tui.cli.workspace import existing_workspace

if TYPE_CHECKING:
    from core.host.socket_link import SocketLink

_T = TypeVar("_T")
ALL = "all"


def no_such_session(session_id: str) -> Refusal:
    """What is said where no session has an ID, or none is left to do something with."""
    which = "session to do that with" if session_id == ALL else f"session {session_id!r}"
    return Refusal(f"there is no {which}: `papertape status` lists all", Exit.NOTHING_FOUND)


def running_host(arguments: Arguments, *, follow: bool = False) -> SocketLink:
    """The host of the workspace, which must be running."""
    from core.bootstrap import attach

    workspace = existing_workspace(arguments)
    link = attach(workspace, follow=follow)
    if link is None:
        raise Refusal(
            f"no host runs the workspace {workspace.root}: start `papertape`, or `papertape host`"
        )
    return link


def run_on_host(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a command's work; a host's refusal is one message."""
    from core.host.link import BadRequestError, CommandError, NotFoundError
    from core.store.workspace import WorkspaceError

    # The innermost is asked first.
    with (
        refusing(CommandError, code=Exit.FAILED),
        refusing(NotFoundError, code=Exit.NOTHING_FOUND),
        refusing(BadRequestError, WorkspaceError),
    ):
        return asyncio.run(work)
