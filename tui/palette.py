"""The command palette: the commands of the screen one is on, places to jump to, the themes.

Each is one line, its help behind its name: a low terminal shows twice as many as with two. Textual
reads what it is given as markup, wherever it is a text, so that all of it is `Content`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Protocol, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.fuzzy import Matcher
from textual.types import IgnoreReturnCallbackType

from core.host.job_values import Jobs
from core.host.link import CommandError, HostLink
from core.report.library import ListedResult
from core.session.snapshot import HostSnapshot
from core.text import safe_text
from tui.commands import Place, commands_at
from tui.keymap import shown_key
from tui.requests.library import LibraryCommands, named
from tui.requests.views import View
from tui.strategies import StrategyChoice
from tui.widgets.hints import is_possible

_LABEL = 20  # cells of a label, with the gap behind it


class Jumping(Protocol):
    """An application with themes to choose from, and places to jump to."""

    @property
    def snapshot(self) -> HostSnapshot | None:
        """The state shown last, None before the first."""
        ...

    @property
    def link(self) -> HostLink | None:
        """The host that takes commands now, None while there is none."""
        ...

    @property
    def library(self) -> LibraryCommands:
        """The backtests that were kept."""
        ...

    async def read_strategies(self) -> tuple[StrategyChoice, ...]:
        """What can be started, read in a thread."""
        ...

    def jump(self, mode: str, key: str) -> None:
        """Go to a screen, and there to the session, strategy, job or backtest of that key."""
        ...

    @property
    def theme_names(self) -> tuple[str, ...]:
        """The themes there are."""
        ...

    def choose_theme(self, name: str) -> None:
        """Use a theme from now on, and the next time."""
        ...

    views: dict[str, View]

    def choose_view(self, name: str) -> None:
        """Show the sessions in the saved view of that name, now and at the next start."""
        ...


class PaletteCommands(Provider):
    """Commands for Ctrl+P."""

    _strategies: tuple[StrategyChoice, ...] = ()
    _jobs: Jobs = ()
    _results: tuple[ListedResult, ...] = ()

    _reading: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Begin to read what one may want to go to.

        In a task of its own: whatever a search waits for ends with it, when another letter is
        typed, and Textual starts a provider only once.
        """
        self._reading = asyncio.create_task(self._read())

    async def shutdown(self) -> None:
        """Read no further."""
        if self._reading is not None:
            self._reading.cancel()

    async def _read(self) -> None:
        """Learn of the strategies, jobs and backtests."""
        app = cast(Jumping, self.app)
        self._strategies = await app.read_strategies()
        self._results = (await app.library.results()).results
        if app.link is not None:
            with suppress(CommandError):
                self._jobs = await app.link.list_jobs()

    def _jumps(self) -> Iterator[tuple[str, str, IgnoreReturnCallbackType]]:
        """The sessions, strategies, jobs and backtests to go to."""
        app = cast(Jumping, self.app)
        sessions = () if app.snapshot is None else app.snapshot.sessions
        for session in sessions:
            symbols = ", ".join(session.symbols)
            text = f"session {session.strategy} {session.id}, {symbols} {session.timeframe}"
            about = f"{session.mode.value}, {session.state.value}"
            yield safe_text(text), about, partial(app.jump, "sessions", session.id)
        for choice in self._strategies:
            go = partial(app.jump, "strategies", str(choice.path))
            yield safe_text(f"strategy {choice.name}"), choice.origin, go
        for job in self._jobs or ():
            go = partial(app.jump, "schedule", job.job_id)
            yield safe_text(f"job {job.job_id}, {job.trigger}"), job.action.value, go
        for one in self._results:
            tags = "".join(f" #{tag}" for tag in one.notes.tags)
            text = f"backtest {named(one)}, {', '.join(one.result.symbols)}{tags}"
            about = f"{one.result.timeframe}, made {one.result.saved[:10]}"
            yield safe_text(text), safe_text(about), partial(app.jump, "backtest", one.key)

    def _offers(self) -> Iterator[tuple[str, str, IgnoreReturnCallbackType]]:
        place = getattr(self.screen, "PLACE", Place.ANYWHERE)
        for command in commands_at(place):
            if not is_possible(command, self.screen):
                continue
            run = partial(self.app.run_action, command.target, self.screen)
            key = shown_key(command, getattr(self.app, "keymap", {}))
            yield f"{command.label} ({key})", command.help, run
        themed = cast(Jumping, self.app)
        for name, view in themed.views.items():
            yield f"view {safe_text(name)}", view.about, partial(themed.choose_view, name)
        for name in themed.theme_names:
            yield f"theme {safe_text(name)}", "Use this theme", partial(themed.choose_theme, name)

    async def discover(self) -> Hits:
        """Everything that can be done here."""
        for label, text, run in self._offers():
            yield DiscoveryHit(self._line(Content(label), text), run, text=label)

    async def search(self, query: str) -> Hits:
        """What fits the words typed; all that one may go to is known first."""
        if self._reading is not None:
            await asyncio.shield(self._reading)
        matcher = self.matcher(query)
        for label, text, run in (*self._offers(), *self._jumps()):
            score = max(matcher.match(label), matcher.match(text) * 0.8)
            if score > 0:
                yield Hit(score, self._line(_highlighted(label, matcher), text), run, text=label)

    def _line(self, label: Content, text: str) -> Content:
        """A label with its help, which begin beneath each other where labels are short."""
        gap = " " * max(2, _LABEL - label.cell_length)
        # Of sixteen colours none is dim both on the background and on the cursor's row.
        dim = "" if self.app.native_ansi_color else "$dim"
        return Content.assemble(label, gap, (safe_text(text), dim))


def _highlighted(label: str, matcher: Matcher) -> Content:
    """A label with the letters that match: literally, as `Matcher.highlight` does not take it."""
    found = Content(label)
    for offset in matcher.fuzzy_search.match(matcher.query, label)[1]:
        if label[offset : offset + 1].strip():  # lower case may be longer than the label
            found = found.stylize(matcher.match_style, offset, offset + 1)
    return found
