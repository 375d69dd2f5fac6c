"""What a session's owner has put down about it: a note, tags, and what to be told of.

It stands in `sessions/ID/notes.json`, apart from the journal: it decides nothing of what the
session does, and can be changed after its end. Texts are the user's and are shown as text.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import msgspec

from core.store.durable import Disk, open_regular, write_durably
from core.text import safe_text
from core.typed import prepare

NOTES = "notes.json"
LONGEST_NOTE = 1_000
LONGEST_TAG = 24
MOST = 20  # tags, and alerts


class NotesError(Exception):
    """Notes that cannot be kept or read; the message says what was expected."""


class AlertKind(StrEnum):
    """What an alert waits for."""

    ABOVE = "above"
    BELOW = "below"
    DRAWDOWN = "drawdown"
    NO_TRADE = "no_trade"


class AlertRule(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something to be told of once.

    `value`: a price of `symbol`; a drawdown from the highest equity, per cent; days without an
    entry or exit. `told`: when it came to be (UTC ms); None while it is waited for.
    """

    kind: AlertKind
    value: float
    symbol: str | None = None
    told: int | None = None

    @property
    def text(self) -> str:
        """What it waits for, in words."""
        match self.kind:
            case AlertKind.DRAWDOWN:
                return f"drawdown of {self.value:g} %"
            case AlertKind.NO_TRADE:
                return f"no trade for {self.value:g} day{'s' * (self.value != 1)}"
        return f"{self.symbol} {self.kind.value} {self.value:,.12g}"

    def same_as(self, other: AlertRule) -> bool:
        """Whether both wait for the same."""
        return msgspec.structs.replace(self, told=None) == msgspec.structs.replace(other, told=None)


class SessionNotes(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that the owner has put down."""

    note: str = ""
    tags: tuple[str, ...] = ()
    alerts: tuple[AlertRule, ...] = ()


def checked_notes(note: str, tags: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """A note and tags as they are kept: each tag once, in order.

    Raises:
        NotesError: one is too long, or there are too many; the message says so.
    """
    note = note.strip()
    if len(note) > LONGEST_NOTE:
        raise NotesError(f"a note has up to {LONGEST_NOTE} characters, found {len(note)}")
    kept = tuple(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
    for tag in kept:
        if len(tag) > LONGEST_TAG or "," in tag:
            raise NotesError(
                f"a tag has up to {LONGEST_TAG} characters and no comma, "
                f"found {safe_text(tag, limit=40)!r}"
            )
    if len(kept) > MOST:
        raise NotesError(f"a session has up to {MOST} tags, found {len(kept)}")
    return note, kept


def checked_alerts(
    alerts: tuple[AlertRule, ...], before: tuple[AlertRule, ...], symbols: tuple[str, ...]
) -> tuple[AlertRule, ...]:
    """Alerts as they are kept: one that was there before stays as told as it was.

    Raises:
        NotesError: one cannot be, or there are too many; the message says so.
    """
    if len(alerts) > MOST:
        raise NotesError(f"a session has up to {MOST} alerts, found {len(alerts)}")
    for alert in alerts:
        if not 0 < alert.value < 1e15:
            raise NotesError(f"{alert.kind.value}: expected a number above 0")
        of_price = alert.kind in (AlertKind.ABOVE, AlertKind.BELOW)
        if of_price and alert.symbol not in symbols:
            raise NotesError(f"a price is of one of {', '.join(symbols)}")
        if alert.kind is AlertKind.DRAWDOWN and alert.value >= 100:
            raise NotesError("a drawdown is below 100 per cent")
    return tuple(
        next(
            (old for old in before if old.same_as(alert)), msgspec.structs.replace(alert, told=None)
        )
        for alert in alerts
    )


def read_notes(folder: Path) -> SessionNotes:
    """The notes in a session's folder; none where there is no file.

    Raises:
        NotesError: the file cannot be read.
    """
    try:
        with open_regular(folder / NOTES) as file:
            return msgspec.json.decode(file.read(), type=SessionNotes)
    except FileNotFoundError:
        return SessionNotes()
    except (OSError, msgspec.DecodeError) as error:
        raise NotesError(
            f"{folder / NOTES} cannot be read ({error}): mend it, or take it away"
        ) from error


def write_notes(folder: Path, notes: SessionNotes, disk: Disk) -> None:
    """Put notes into a session's folder.

    Raises:
        NotesError: they cannot be written.
    """
    try:
        text = msgspec.json.format(msgspec.json.encode(notes), indent=2)
        write_durably(folder / NOTES, text + b"\n", disk)
    except OSError as error:
        raise NotesError(f"{folder / NOTES} cannot be written ({error})") from error


prepare(SessionNotes)
