"""What the parts of the screen may ask of the application, which alone knows all of them.

The application satisfies `Shell`. Requests, host connection, modals and widgets are written against
it and never against the application, so that each can be read, typed and tested without the others.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from core.host.link import HostLink
from core.journal.values import FeedKind
from core.session.snapshot import HostSnapshot
from tui.strategies import StrategyChoice

if TYPE_CHECKING:
    from textual.message import Message
    from textual.timer import Timer
    from textual.worker import Worker

    from core.host.feed_factories import DemoMarket

Severity = Literal["information", "warning", "error"]
HostWork = Callable[[HostLink], Coroutine[None, None, None]]
"""What is done with the host, on the screen's event loop."""


@dataclass(frozen=True, slots=True)
class OfferedAnswer:
    """One possible answer to a question: what is returned, its key, and its words."""

    value: str
    key: str
    label: str


class Shell(Protocol):
    """The application as its parts see it."""

    @property
    def link(self) -> HostLink | None:
        """The host that takes commands now, None while there is none."""
        ...

    @property
    def snapshot(self) -> HostSnapshot | None:
        """The state shown last, None before the first."""
        ...

    @property
    def attached(self) -> bool:
        """Whether the sessions run in another process."""
        ...

    @property
    def workspace(self) -> Path | None:
        """The root of the workspace; None in tests that need no files."""
        ...

    @property
    def zone(self) -> tzinfo:
        """The zone in which times are written."""
        ...

    @property
    def feed(self) -> FeedKind:
        """The feed of a session that is started with one key."""
        ...

    @property
    def demo(self) -> Callable[[], DemoMarket] | None:
        """Makes the market of a demo; None where the screen is on a real one."""
        ...

    # ── telling and asking ──

    def say(
        self,
        text: str,
        severity: Severity = "information",
        title: str = "",
        *,
        waits: bool = False,
        here: bool = False,
    ) -> None:
        """Tell the user something; the text is shown literally.

        `waits`: until no form or question is open, whose fields it would lie over. `here`: it is
        about the screen that is shown, and goes with it.
        """
        ...

    def ask(
        self,
        title: str,
        text: str,
        answers: Sequence[OfferedAnswer],
        answered: Callable[[str], None],
        gone: Callable[[], str] = lambda: "",
    ) -> None:
        """Ask a question; `answered` gets the value of the answer, and nothing on Esc.

        `gone`: why there is nothing to answer any more by the state shown last, empty while there
        is. The question ends by itself then, and says so.
        """
        ...

    @property
    def waiting(self) -> str:
        """What is waited for, as the top line says it; empty: nothing."""
        ...

    def wait_for(self, what: str) -> None:
        """Say in the top line what is waited for; the empty text ends that."""
        ...

    # ── working ──

    def poll(self) -> None:
        """Take the latest snapshot, and show it where it differs."""
        ...

    def command(
        self, name: str, work: HostWork, *, quiet: bool = False, about: Iterable[str] = ()
    ) -> None:
        """Do something with the host in a worker; unless quiet, say what it refused.

        `about`: the sessions that it stops, pauses or has go on, which is no alert here then.
        """
        ...

    def list_strategies(self) -> AsyncIterator[Sequence[StrategyChoice]]:
        """What can be started, again and again with more of it read; the last list is all."""
        ...

    async def read_strategies(self) -> tuple[StrategyChoice, ...]:
        """What can be started, read from the files in a thread."""
        ...

    def open_new_session(self, picked: str | None = None) -> None:
        """Open the form for a new session, on the strategy of that name if there is one."""
        ...

    def end(self) -> None:
        """Close the screen; the host has been let go before."""
        ...

    # ── of Textual's own application ──

    def run_worker(
        self,
        work: Any,
        name: str | None = "",
        group: str = "default",
        description: str = "",
        exit_on_error: bool = True,
        start: bool = True,
        exclusive: bool = False,
        thread: bool = False,
    ) -> Worker[Any]:
        """Run work that belongs to the application, not to a screen."""
        ...

    def post_message(self, message: Message) -> bool:
        """Hand the application a message, from any thread."""
        ...

    def set_timer(self, delay: float, callback: Callable[[], None] | None = None) -> Timer:
        """Call something once, after `delay` seconds."""
        ...

    def set_interval(self, interval: float, callback: Callable[[], None] | None = None) -> Timer:
        """Call something every `interval` seconds."""
        ...
