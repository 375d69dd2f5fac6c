"""The command palette: all commands, places to jump to, the themes.

The commands of the screen one is on come before those of others, which are found by what is typed.

Each has its name before what it is, in one line where that has room: a low terminal shows twice as
many as with two. What
is typed is looked for in names first, and letters scattered over a help text find nothing. Textual
reads what it is given as markup, wherever it is a text, so that all of it is `Content`.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Protocol, cast

from rich.cells import cell_len
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.style import Style
from textual.types import IgnoreReturnCallbackType

from core.host.job_values import Jobs, unfinished
from core.host.link import CommandError, HostLink
from core.report.library import ListedResult
from core.session.snapshot import HostSnapshot, SessionSnapshot
from core.text import safe_text
from tui.commands import Command, Place, commands_at, commands_elsewhere
from tui.keymap import shown_key
from tui.requests.library import LibraryCommands, settled
from tui.requests.schedule import what
from tui.requests.views import View
from tui.strategies import StrategyChoice
from tui.widgets.columns import fitted
from tui.widgets.hints import is_possible
from tui.widgets.text_lines import wrapped

_LEAST, _MOST = 18, 34  # cells of the names, without the gap behind them
_EDGES = 5  # cells beside a line, its scrollbar among them
_AWAY = 2  # how well a command of another screen fits at most
_TURN = 4  # how many of a kind come before the next kind has its turn


ALSO = {
    "alerts": "sound mute notifications",
    "archive": "delete remove hide",
    "block pair": "pause symbol",
    "cancel": "abort",
    "duplicate": "clone",
    "export": "csv download",
    "filter": "find search",
    "flatten": "exit sell",
    "fold": "group",
    "full screen": "maximise maximize zoom",
    "gate": "overfitting robustness walk-forward",
    "help": "shortcuts manual",
    "larger": "zoom in",
    "new": "create add",
    "quit": "exit close",
    "redraw": "refresh repaint",
    "reload": "refresh",
    "remove": "delete",
    "smaller": "zoom out",
    "sweep": "optimise optimize grid",
    "take out": "delete",
    "tell me": "alert notify",
    "theme": "colours colors dark light",
}
"""Words by which other programs call a command of that label."""


class Kind(StrEnum):
    """What there is to choose from, in the order in which it comes where names fit alike."""

    COMMAND = ""
    STRATEGY = "strategy"
    SESSION = "session"
    SYMBOL = "symbol"
    BACKTEST = "backtest"
    VIEW = "view"
    JOB = "job"
    ELSEWHERE = "elsewhere"
    THEME = "theme"


@dataclass(frozen=True, slots=True)
class Offer:
    """One line: the name, what follows it there, and what it is."""

    kind: Kind
    name: str
    about: str
    run: IgnoreReturnCallbackType
    more: str = ""
    where: str = ""  # the place of a command that is none of the screen one is on
    also: str = ""  # words that find it too

    @property
    def label(self) -> str:
        """The name and what follows it, which gives no way to a long name."""
        room = _MOST - cell_len(self.more) - 1 if self.more else _MOST
        name = self.name if cell_len(self.name) <= room else fitted(self.name, room, "left")
        return f"{name} {self.more}".rstrip()

    @property
    def told(self) -> str:
        """What it is, in a line."""
        return " · ".join(part for part in (self.where or self.kind.value, self.about) if part)


def _rank(offer: Offer, words: Sequence[str]) -> int | None:
    """How well an offer fits what was typed, in lower case: 0 best, None not at all."""
    name, typed = offer.name.casefold(), " ".join(words)
    if typed == name:
        return 0
    if name.startswith(typed):
        return 1
    rest = f"{offer.name} {offer.more} {offer.told} {offer.also}".casefold()
    worst = 0
    for word in words:
        if _begins_word(word, name):
            fits = 2
        elif word in name:
            fits = 3
        elif _begins_word(word, rest):
            fits = 4
        elif _scattered(word, name):
            fits = 5
        else:
            return None
        worst = max(worst, fits)
    return worst


def _begins_word(word: str, text: str) -> bool:
    return re.search(rf"(?<![^\W_]){re.escape(word)}", text) is not None


def _scattered(word: str, name: str) -> bool:
    """Whether a name has these letters in this order, the first at the beginning of a word."""
    letters = ".*?".join(map(re.escape, word))
    return len(word) > 1 and re.search(rf"(?<![^\W_]){letters}", name) is not None


def ranked(offers: Iterable[Offer], query: str) -> list[Offer]:
    """The offers that fit, the best first.

    An exact name comes before one that begins so, before one of which a word does, before one that
    has it inside, before other words, before scattered letters of a name; a command of another
    screen comes before none that begins so. What fits alike takes turns by its kind: sixteen
    sessions of a strategy do not hide the strategy.
    """
    words = query.casefold().split()
    found: list[tuple[int, int, int, Offer]] = []
    seen: Counter[tuple[int, Kind]] = Counter()
    kinds = list(Kind)
    for offer in offers if words else ():
        rank = _rank(offer, words)
        if rank is not None:
            rank = max(rank, _AWAY) if offer.kind is Kind.ELSEWHERE else rank
            turn = seen[rank, offer.kind] // _TURN
            seen[rank, offer.kind] += 1
            found.append((rank, turn, kinds.index(offer.kind), offer))
    return [offer for *_, offer in sorted(found, key=lambda one: one[:3])]


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

    def jump(self, mode: str, key: str, symbol: str | None = None) -> None:
        """Go to a screen, and there to the session, strategy, job or backtest of that key.

        `symbol`: of a session, which of its symbols to show.
        """
        ...

    @property
    def theme_names(self) -> tuple[str, ...]:
        """The themes there are."""
        ...

    def lead(self, command: Command) -> None:
        """Go where a command of another screen is at home, and begin it or tell its key."""
        ...

    def save_picture(self) -> None:
        """Write what the screen shows into a file, and say where."""
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
    _archived: tuple[SessionSnapshot, ...] = ()
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
                self._jobs = unfinished(await app.link.list_jobs())
                self._archived = await app.link.archived()

    def _jumps(self) -> Iterator[Offer]:
        """The strategies, sessions, backtests and jobs to go to."""
        app = cast(Jumping, self.app)
        for choice in self._strategies:
            go = partial(app.jump, "strategies", str(choice.path))
            yield Offer(Kind.STRATEGY, safe_text(choice.name), choice.origin, go)
        sessions = () if app.snapshot is None else app.snapshot.sessions
        yield from self._sessions(sorted(sessions, key=lambda one: one.state.ended), "")
        yield from self._sessions(self._archived, ", archived")
        for one in self._results:
            tags = "".join(f" #{tag}" for tag in one.notes.tags)
            told = f"{', '.join(one.result.symbols)}{tags} {one.result.timeframe}"
            told = safe_text(f"{told}, made {one.result.saved[:10]}")
            go = partial(app.jump, "backtest", one.key)
            yield Offer(Kind.BACKTEST, safe_text(settled(one)), told, go, f"({one.key})")
        names = {session.id: session.strategy for session in sessions}
        for job in self._jobs or ():
            go = partial(app.jump, "schedule", job.job_id)
            told = f"{job.job_id}, {job.trigger}"
            yield Offer(Kind.JOB, safe_text(what(job, names)), safe_text(told), go)

    def _sessions(self, sessions: Iterable[SessionSnapshot], ended: str) -> Iterator[Offer]:
        """Sessions, and the symbols of those that have several."""
        app = cast(Jumping, self.app)
        for session in sessions:
            name, several = safe_text(session.strategy), len(session.symbols) > 1
            symbols = session.symbols[0] + (f" +{len(session.symbols) - 1}" if several else "")
            mode, state = session.mode.value, ended or f", {session.state.value}"
            told = f"{mode}{state}, {symbols} {session.timeframe}"
            go = partial(app.jump, "sessions", session.id)
            yield Offer(Kind.SESSION, name, safe_text(told), go, session.id)
            for symbol in session.symbols if several else ():
                go = partial(app.jump, "sessions", session.id, symbol)
                about = safe_text(f"{session.id} of {session.strategy}")
                yield Offer(Kind.SYMBOL, safe_text(symbol), about, go)

    def _offers(self) -> Iterator[Offer]:
        for command in commands_at(self._place):
            if is_possible(command, self.screen):
                run = partial(self.app.run_action, command.target, self.screen)
                yield self._command(Kind.COMMAND, command, run)
        themed = cast(Jumping, self.app)
        about = "SVG, a screenshot as text, into the folder of the exports"
        yield Offer(Kind.COMMAND, "save a picture of this screen", about, themed.save_picture)
        for name, view in themed.views.items():
            choose = partial(themed.choose_view, name)
            yield Offer(Kind.VIEW, safe_text(name), safe_text(view.about), choose)
        for name in themed.theme_names:
            choose = partial(themed.choose_theme, name)
            yield Offer(Kind.THEME, safe_text(name), "use it from now on", choose)

    def _elsewhere(self) -> Iterator[Offer]:
        """What cannot be done here now, and the commands of other screens and parts of them."""
        app = cast(Jumping, self.app)
        for command in commands_at(self._place):
            if not is_possible(command, self.screen):  # what is done instead says why as well
                run = partial(self.app.run_action, command.action, self.screen)
                yield self._command(Kind.ELSEWHERE, command, run, self._why_not(command))
        for command in commands_elsewhere(self._place):
            home, where = command.place.home, command.place.value
            if home not in (None, command.place):
                where = f"{home} › {where}"
            yield self._command(Kind.ELSEWHERE, command, partial(app.lead, command), where)

    def _why_not(self, command: Command) -> str:
        ask = getattr(self.screen, "why_not", None)
        why = (ask(command.action) if ask is not None else "") or command.unless
        return f"not now: {why.removesuffix('.')}" if why else "not now"

    @property
    def _place(self) -> Place:
        return getattr(self.screen, "PLACE", Place.ANYWHERE)

    def _command(
        self, kind: Kind, command: Command, run: IgnoreReturnCallbackType, where: str = ""
    ) -> Offer:
        key = shown_key(command, getattr(self.app, "keymap", {}))
        also = ALSO.get(command.label, "")
        return Offer(kind, command.label, command.help, run, f"({key})", where, also)

    async def discover(self) -> Hits:
        """Everything that can be done here."""
        offers = list(self._offers())
        for offer, line in zip(offers, self._lines(offers, (), whole=False), strict=True):
            yield DiscoveryHit(line, offer.run, text=offer.label)

    async def search(self, query: str) -> Hits:
        """What fits the words typed; all that one may go to is known first."""
        if self._reading is not None:
            await asyncio.shield(self._reading)
        found = ranked((*self._offers(), *self._jumps(), *self._elsewhere()), query)
        lines = self._lines(found, query.split())
        for place, (offer, line) in enumerate(zip(found, lines, strict=True)):
            yield Hit(len(found) - place, line, offer.run, text=offer.label)
        if not found and query.strip():
            nothing = Content.styled(f"Nothing has “{safe_text(query)}”.", "$dim")
            yield Hit(0, nothing, lambda: None, text=query)

    def _lines(
        self, offers: Sequence[Offer], words: Iterable[str], *, whole: bool = True
    ) -> Iterator[Content]:
        """Names with what they are, which begin beneath each other, and the words typed in both.

        `whole`: in as many lines as that takes; else in one, as long as it is.
        """
        # Of sixteen colours none is dim both on the background and on the cursor's row.
        dim = "" if self.app.native_ansi_color else "$dim"
        mark = self.matcher("").match_style
        longest = max((Content(offer.label).cell_length for offer in offers), default=0)
        width = min(max(longest, _LEAST), _MOST) + 2
        for offer in offers:
            label = _highlighted(Content(offer.label), words, mark)
            gap = " " * max(2, width - label.cell_length)
            room = max(_LEAST, self.app.size.width - width - _EDGES)
            texts = wrapped(offer.told, room) if whole else [offer.told]
            told = (_highlighted(Content.styled(text, dim), words, mark) for text in texts)
            about = Content("\n" + " " * width).join(told)
            yield Content.assemble(label, gap, about)


def _highlighted(text: Content, words: Iterable[str], style: Style) -> Content:
    """A text with the words that were typed; one that is scattered over it is not marked."""
    for word in words:
        for found in re.finditer(re.escape(word), text.plain, re.IGNORECASE):
            text = text.stylize(style, *found.span())
    return text
