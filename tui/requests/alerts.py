"""Tells of what happens in sessions while one looks elsewhere: in a corner, by bell and by title.

What a market of the past or a made-up one fills is not told of: it would never be silent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from textwrap import shorten

from core.journal.values import FeedKind, Mode, SessionState
from core.market.symbols import money_decimals
from core.session.snapshot import HostSnapshot, Level, LogLine, SessionSnapshot
from tui import formats
from tui.shell import Severity, Shell

_MOST = 3  # told at once; of more only their number
_BELL_EVERY = 10.0  # seconds
_LONGEST = 200  # characters of one
_LOUD: tuple[Severity, ...] = ("warning", "error")


class Loudness(StrEnum):
    """How one wants to be told."""

    ALL = "all"  # with the bell for everything
    WARNINGS = "warnings"  # with the bell for what is wrong
    QUIET = "quiet"  # without the bell
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that happened in a session."""

    text: str
    severity: Severity = "information"


def alerts_between(
    before: HostSnapshot,
    now: HostSnapshot,
    lines: Sequence[LogLine] = (),
    own: Collection[str] = (),
) -> list[Alert]:
    """What happened from one state of a host to a later one, and the lines logged between them.

    `own`: sessions that this screen itself has stop, pause or go on. That they do is no news here.
    """
    known = {session.id: session for session in before.sessions}
    found = [
        alert
        for session in now.sessions
        if (was := known.get(session.id)) is not None
        for alert in (
            *_turned(was, session, by_itself=session.id not in own),
            *_traded(was, session),
        )
    ]
    new_faults = [fault for fault in now.faults if fault not in before.faults]
    found += [
        Alert(
            shorten(line.text, _LONGEST),
            "warning" if line.level is Level.WARNING else "information",
        )
        for line in lines
        if line.alert
    ]
    return found + [Alert(fault, "error") for fault in new_faults]


def _turned(was: SessionSnapshot, now: SessionSnapshot, *, by_itself: bool) -> list[Alert]:
    name, why = f"{now.strategy} ({now.id})", f": {now.state_reason}" if now.state_reason else ""
    if was.state is now.state:
        return _blocked(was, now, name) if by_itself else []
    if now.state is SessionState.ERROR:
        return [Alert(f"{name} failed{why}", "error")]
    if now.state is SessionState.STALE:
        return [Alert(f"{name} receives nothing{why}", "warning")]
    if was.state is SessionState.STALE and not now.state.ended:
        return [Alert(f"{name} receives prices again")]
    if now.planned_end is not None and (now.ended or 0) >= now.planned_end:
        return [Alert(f"{name} has come to its planned end")]
    if not by_itself:
        return []
    if now.state is SessionState.STOPPED:
        # Of candles of the past the end is what one waits for.
        replayed = now.feed is FeedKind.REPLAY
        return [Alert(f"{name} has ended{why}", "information" if replayed else "warning")]
    if was.state is SessionState.RUNNING and now.state is SessionState.PAUSED:
        return [Alert(f"{name} is paused: no entries", "warning")]
    if was.state is SessionState.PAUSED and now.state is SessionState.RUNNING:
        return [Alert(f"{name} may enter again")]
    return []


def _blocked(was: SessionSnapshot, now: SessionSnapshot, name: str) -> list[Alert]:
    """Symbols whose entries were blocked, or allowed again."""
    if was.unread or now.unread or now.state.ended:
        return []
    more = [one for one in now.blocked if one not in was.blocked]
    less = [one for one in was.blocked if one not in now.blocked]
    return [
        *(Alert(f"{name}: entries of {one} are blocked", "warning") for one in more),
        *(Alert(f"{name}: entries of {one} are allowed again") for one in less),
    ]


def _traded(was: SessionSnapshot, now: SessionSnapshot) -> list[Alert]:
    if now.mode in (Mode.DEMO, Mode.REPLAY) or was.trades_count > now.trades_count:
        return []
    if was.unread or now.unread:  # what it had done before it was taken up again is no news
        return []
    name = f"{now.strategy} ({now.id})"
    found = []
    if closed := now.trades_count - was.trades_count:
        gain = formats.change(
            now.realized_pnl - was.realized_pnl, decimals=money_decimals(*now.symbols)
        )
        what = "closed a trade" if closed == 1 else f"closed {closed} trades"
        found.append(Alert(f"{name} {what}: {gain}"))
    held = {(one.symbol, one.entry_time) for one in was.open_positions}
    for one in now.open_positions:
        if (one.symbol, one.entry_time) not in held:
            price = formats.price(one.entry_price)
            found.append(Alert(f"{name} entered {one.symbol} {one.side.value} at {price}"))
    return found


class Alerts:
    """Tells of alerts as loudly as is wanted. `ring` and `title` reach the terminal."""

    def __init__(
        self,
        shell: Shell,
        ring: Callable[[], None],
        title: Callable[[str], None],
        loudness: Loudness,
    ) -> None:
        self._shell = shell
        self._ring = ring
        self._title = title
        self.loudness = loudness
        self._unseen = 0
        self._rung: float | None = None
        self._own: set[str] = set()  # sessions that were commanded here, until it shows

    def expect(self, session_ids: Iterable[str]) -> None:
        """Sessions are commanded from this screen, which says itself how that went."""
        self._own.update(session_ids)

    def expect_no_more(self, session_ids: Iterable[str]) -> None:
        """A command on sessions was refused: what becomes of them now is not its doing."""
        self._own.difference_update(session_ids)

    def see(self, before: HostSnapshot, now: HostSnapshot, logged: Sequence[LogLine] = ()) -> None:
        """Tell of what happened between two states of one host."""
        off, own = self.loudness is Loudness.OFF, frozenset(self._own)
        found = [] if off else alerts_between(before, now, logged, own)
        self._own -= _shown(before, now) & own
        if not found:
            return
        loudest: Severity = max((one.severity for one in found), key=_rank)
        lines = [one.text for one in sorted(found, key=lambda one: -_rank(one.severity))]
        if len(lines) > _MOST:
            lines[_MOST:] = [f"and {len(lines) - _MOST} more; the log has them"]
        self._shell.say("\n".join(lines), loudest)
        self._unseen += len(found)
        self._title(f"({self._unseen}) papertape")
        wrong = loudest in _LOUD
        if self.loudness is Loudness.ALL or (wrong and self.loudness is Loudness.WARNINGS):
            self._sound()

    def _sound(self) -> None:
        """Ring the bell, unless it has just been rung."""
        moment = time.monotonic()
        if self._rung is None or moment - self._rung >= _BELL_EVERY:
            self._rung = moment
            self._ring()

    def seen(self) -> None:
        """A key was pressed: somebody is there."""
        if self._unseen:
            self._unseen = 0
            self._title("papertape")


def _shown(before: HostSnapshot, now: HostSnapshot) -> set[str]:
    """Sessions at which a command to stop, pause, go on or block a symbol shows."""
    known = {one.id: (one.state, one.blocked) for one in before.sessions}
    return {
        one.id
        for one in now.sessions
        if one.state is not SessionState.STOPPING
        and known.get(one.id, (one.state, one.blocked)) != (one.state, one.blocked)
    }


def _rank(severity: Severity) -> int:
    return ("information", "warning", "error").index(severity)
