"""The occasions on which the user is told of a session: it failed, its prices stopped
or came back, something else stands in for its streams or its test venue.

A further kind of notification is a class here and its line in `OCCASIONS`. What jobs tell (new
trades, a trial's verdict, the report at the end) is said in `core.schedule.runs`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from core.journal.values import SessionState
from core.session.snapshot import SessionSnapshot

_SILENCE = 120_000  # ms that something must last before the user is told


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence for the user, and whether what it tells went well."""

    text: str
    good: bool


class Occasion(Protocol):
    """A reason to tell the user something; it remembers what was told, and tells nothing twice."""

    def look(self, session: SessionSnapshot, now: int) -> Notice | None:
        """What there is to tell of a session at `now` (UTC ms); called again and again."""
        ...


class Failure:
    """A session has failed before our eyes."""

    def __init__(self) -> None:
        self._in_order: set[str] = set()
        self._failed: set[str] = set()

    def look(self, session: SessionSnapshot, now: int) -> Notice | None:
        """Tell it once: one that is tried again by itself, and fails again, is not told again."""
        if session.state is not SessionState.ERROR:
            if session.state is not SessionState.STARTING or session.id not in self._failed:
                self._in_order.add(session.id)
                self._failed.discard(session.id)
        elif session.id in self._in_order:
            self._in_order.discard(session.id)
            self._failed.add(session.id)
            return Notice(f"{_name(session)} has failed: {session.state_reason}", good=False)
        return None


class Silence:
    """A session has had no prices for a while, or has them again.

    A delisted market is such a silence too: what is open in it can be closed at no price.
    """

    def __init__(self) -> None:
        self._since: dict[str, int] = {}
        self._told: set[str] = set()

    def look(self, session: SessionSnapshot, now: int) -> Notice | None:
        """Tell each once."""
        if session.state is SessionState.STALE:
            since = self._since.setdefault(session.id, now)
            if now - since >= _SILENCE and session.id not in self._told:
                self._told.add(session.id)
                count = len(session.open_positions)
                held = f", with {count} open position{'s'[: count != 1]}" if count else ""
                why = session.state_reason
                return Notice(f"{_name(session)} has no prices{held}: {why}", good=False)
        elif session.state is not SessionState.STARTING:
            self._since.pop(session.id, None)
            if session.id in self._told:
                self._told.discard(session.id)
                if not session.state.ended:
                    return Notice(f"{_name(session)} has prices again", good=True)
        return None


class StandIn:
    """Something stands in for what a session was to use: REST for its streams, the simulated broker

    for its test venue.
    """

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], int] = {}
        self._told: set[tuple[str, str]] = set()

    def look(self, session: SessionSnapshot, now: int) -> Notice | None:
        """Tell once that it has lasted for a while, and once that it is over."""
        if session.state is SessionState.STARTING:
            return None
        lasting = [(session.id, text) for text in session.stand_ins]
        for known in [one for one in self._since if one[0] == session.id and one not in lasting]:
            del self._since[known]
            if known in self._told:
                self._told.discard(known)
                if not session.state.ended:
                    return Notice(f"{_name(session)}: this is over: {known[1]}", good=True)
        for one in lasting:
            if now - self._since.setdefault(one, now) >= _SILENCE and one not in self._told:
                self._told.add(one)
                return Notice(f"{_name(session)}: {one[1]}", good=False)
        return None


OCCASIONS: tuple[type[Occasion], ...] = (Failure, Silence, StandIn)


def _name(session: SessionSnapshot) -> str:
    return f"{session.strategy} ({session.id})"
