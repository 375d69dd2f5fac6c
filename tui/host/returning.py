"""Finds out what happened to the sessions while nobody looked.

The screen notes what it showed last and compares it with the first settled snapshot of its next
start. The note is a cache: without it, or with a damaged one, nothing is reported.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from core.journal.values import SessionState
from core.market.symbols import money_decimals
from core.session.snapshot import HostSnapshot, SessionSnapshot
from core.store.durable import OsDisk, open_regular, write_durably
from core.text import counted
from core.typed import prepare
from tui import formats
from tui.shell import Shell

_NOTE_EVERY = 30.0  # seconds
_PATIENCE = 15_000  # ms sessions may take to go through what they missed before they are told of
_SHORT = 60_000  # ms after which one has been away
_NAMED = 4  # lines in a corner of the screen
_UNSETTLED = (SessionState.STARTING, SessionState.WARMING_UP, SessionState.STALE)


class SeenSession(msgspec.Struct, frozen=True):
    """A session as it was last shown."""

    trades: int
    equity: float
    ended: bool


class LastLook(msgspec.Struct, frozen=True):
    """What was last shown, and when (UTC ms)."""

    at: int
    sessions: dict[str, SeenSession]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a session: trades closed, equity gained, and how it began or ended."""

    session_id: str
    state: SessionState
    strategy: str
    trades: int
    gained: float | None
    what: str
    decimals: int = 2  # of the equity


Greet = Callable[[str, Sequence[Change]], None]
"""Shows a title and what changed under it."""


@dataclass(frozen=True, slots=True)
class Absence:
    """What changed between a look and the next. `going_on`: the sessions that have not ended."""

    milliseconds: int
    changes: tuple[Change, ...]
    going_on: int


def note_look(path: Path, snapshot: HostSnapshot) -> None:
    """Note what is shown, once all of it is known; nothing is made where the workspace is gone."""
    if any(one.unread and not one.state.ended for one in snapshot.sessions):
        return
    look = LastLook(
        snapshot.now,
        {
            one.id: SeenSession(one.trades_count, one.equity, one.state.ended)
            for one in snapshot.sessions
            if not one.unread
        },
    )
    # A screen that cannot note what it shows is as good as any, but for its next greeting.
    with contextlib.suppress(OSError):
        write_durably(path, msgspec.json.encode(look), OsDisk())


def last_look(path: Path) -> LastLook | None:
    """What was noted last, None where nothing was or it cannot be read."""
    try:
        with open_regular(path) as file:
            return msgspec.json.decode(file.read(), type=LastLook)
    except (OSError, msgspec.DecodeError):
        return None


def absence(look: LastLook, snapshot: HostSnapshot) -> Absence:
    """What happened since a look."""
    changes = []
    for session in snapshot.sessions:
        change = _change(look.sessions.get(session.id), session, look.at)
        if change is not None:
            changes.append(change)
    going_on = sum(not session.state.ended for session in snapshot.sessions)
    return Absence(max(0, snapshot.now - look.at), tuple(changes), going_on)


def _change(seen: SeenSession | None, session: SessionSnapshot, since: int) -> Change | None:
    if seen is None:
        if session.started <= since:
            return None
        seen, what = SeenSession(0, session.starting_balance, ended=False), "started"
    else:
        what = ""
    if session.state.ended and not seen.ended:
        what = session.state_reason or session.state.value
    trades = 0 if session.unread else session.trades_count - seen.trades
    if not what and not trades:
        return None
    gained = None if session.unread else session.equity - seen.equity
    decimals = money_decimals(*session.symbols)
    return Change(session.id, session.state, session.strategy, trades, gained, what, decimals)


def in_few_words(changes: Sequence[Change]) -> str:
    """What changed, in few words: the trades of all, then how sessions began and ended."""
    trades = sum(change.trades for change in changes)
    traded = sum(bool(change.trades) for change in changes)
    told = [f"{counted(trades, 'trade')} of {counted(traded, 'session')}"] if trades else []
    told += [f"{one.strategy} ({one.session_id}): {one.what}" for one in changes if one.what]
    rest = len(told) - _NAMED
    return "\n".join([*told[:_NAMED], *([f"and {rest} more"] if rest > 0 else [])])


class Returning:
    """Greets who comes back, once the sessions have gone through what they missed."""

    def __init__(self, shell: Shell, show: Greet) -> None:
        self._shell = shell
        self._show = show
        self._look: LastLook | None = None
        self._since: int | None = None  # when the first snapshot came
        self._greeted = False

    @property
    def _path(self) -> Path | None:
        workspace = self._shell.workspace
        return None if workspace is None else workspace / "cache" / "last-look.json"

    def begin(self) -> None:
        """Read what was noted last, and begin to note."""
        if self._path is not None:
            self._look = last_look(self._path)
            self._shell.set_interval(_NOTE_EVERY, self._note)

    def see(self, snapshot: HostSnapshot) -> None:
        """Greet, once; until then nothing is noted."""
        if self._greeted:
            return
        self._since = snapshot.now if self._since is None else self._since
        # A host that ran all the time has gone through everything; what is stale there stays so.
        unsettled = not self._shell.attached and any(
            session.state in _UNSETTLED for session in snapshot.sessions
        )
        if self._look is None or not unsettled or snapshot.now - self._since > _PATIENCE:
            self._greeted = True
            if self._look is not None:
                self._greet(absence(self._look, snapshot), snapshot)

    def leave(self) -> None:
        """Note what was shown last."""
        snapshot, path = self._shell.snapshot, self._path
        if self._greeted and snapshot is not None and path is not None:
            note_look(path, snapshot)

    def _note(self) -> None:
        snapshot, path = self._shell.snapshot, self._path
        if self._greeted and snapshot is not None and path is not None:
            self._shell.run_worker(
                partial(note_look, path, snapshot), name="note", thread=True, exit_on_error=False
            )

    def _greet(self, absence: Absence, snapshot: HostSnapshot) -> None:
        if absence.changes:
            self._show(self._title(absence), absence.changes)
        elif absence.going_on and absence.milliseconds >= _SHORT:
            count = counted(absence.going_on, "session")
            self._shell.say(f"{count} went on; no trade was closed.", title=self._title(absence))

    def _title(self, absence: Absence) -> str:
        return f"While you were away · {formats.span(absence.milliseconds)}"


prepare(LastLook)
