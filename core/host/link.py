"""How does anyone speak to a host? Frozen snapshots out, commands in.

The TUI, the command line and the tool calls know hosts only by this interface: `LocalLink` (the
host in this process) and `SocketLink` (another process's, over the control socket) both have it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol, TypeVar

from core.session.snapshot import HostSnapshot, LogLine, SessionDetail, StartReply, StartRequest

_T = TypeVar("_T")

HostCommand = Callable[[Mapping[str, Any]], Coroutine[Any, Any, object]]
"""Carries out one kind of request, given its arguments, on the host's loop."""


class CommandError(Exception):
    """A host refused or failed a command. The message is for the user: what, why, what to do."""


class BadRequestError(CommandError):
    """What was asked makes no sense: it would be refused again."""


class NotFoundError(CommandError):
    """There is no such session or job."""


class HostLink(Protocol):
    """One host, seen from outside its event loop.

    The reading methods return at once with the latest known values and may be called from any
    thread. The commands are coroutines on the *caller's* loop; all raise `CommandError`.
    """

    def snapshot(self) -> HostSnapshot:
        """The latest state of everything."""
        ...

    def logs(self, after: int = 0, session_id: str | None = None) -> tuple[LogLine, ...]:
        """Log lines with a number above `after`, oldest first (the host keeps the last 10,000)."""
        ...

    async def start(self, request: StartRequest) -> StartReply:
        """Start a session. A config with problems raises `CommandError` that lists them all."""
        ...

    async def stop(self, session_id: str, *, flatten: bool = False) -> Mapping[str, object]:
        """Stop a session and return its report (docs/formats.md §8)."""
        ...

    async def pause(self, session_id: str) -> None:
        """Block entries; exits and stops go on."""
        ...

    async def resume(self, session_id: str) -> None:
        """Allow entries again; take a session up again that was interrupted (see its snapshot)."""
        ...

    async def flatten(self, session_id: str, symbol: str | None = None) -> None:
        """Close the session's positions (one symbol's, if given) at the next price, as `manual`."""
        ...

    async def restart(self, session_id: str) -> StartReply:
        """Start a new session with the config snapshot of an ended or running one."""
        ...

    async def archive(self, session_id: str) -> None:
        """Take an ended session out of the lists; its files stay."""
        ...

    async def delete(self, session_id: str) -> None:
        """Remove an ended session and its files."""
        ...

    async def detail(self, session_id: str) -> SessionDetail:
        """What the session screen shows."""
        ...

    async def report(self, session_id: str) -> Mapping[str, object]:
        """The report as it stands now, or the final one of an ended session."""
        ...

    async def ask(self, do: str, answer: type[_T], **arguments: Any) -> _T:
        """Have a command of a part of the host (`HostOptions.commands`) carried out."""
        ...
