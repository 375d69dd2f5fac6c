"""What an owner has put down about a thing in the workspace: a note and tags, in its folder.

They decide nothing. Texts are the user's and are shown as text.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from core.store.durable import Disk, open_regular, write_durably
from core.text import safe_text
from core.typed import UNDECODABLE, prepare

NOTES = "notes.json"
LONGEST_NOTE = 1_000
LONGEST_TAG = 24
MOST_TAGS = 20


class NotesError(Exception):
    """Notes that cannot be kept or read; the message says what was expected."""


class Notes(msgspec.Struct, frozen=True, omit_defaults=True):
    """A note and tags."""

    note: str = ""
    tags: tuple[str, ...] = ()


_Kind = TypeVar("_Kind", bound=Notes)


def checked_notes(note: str, tags: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """A note and tags as they are kept: each tag once, in order, without the `#` it is shown with.

    Raises:
        NotesError: one is too long, or there are too many; the message says so.
    """
    note = note.strip()
    if len(note) > LONGEST_NOTE:
        raise NotesError(f"a note has up to {LONGEST_NOTE} characters, found {len(note)}")
    bare = (tag.strip().lstrip("#").strip() for tag in tags)
    kept = tuple(dict.fromkeys(tag for tag in bare if tag))
    for tag in kept:
        if len(tag) > LONGEST_TAG or "," in tag:
            raise NotesError(
                f"a tag has up to {LONGEST_TAG} characters and no comma, "
                f"found {safe_text(tag, limit=40)!r}"
            )
    if len(kept) > MOST_TAGS:
        raise NotesError(f"expected up to {MOST_TAGS} tags, found {len(kept)}")
    return note, kept


def read_notes(folder: Path, kind: type[_Kind]) -> _Kind:
    """The notes in a folder; none where there is no file.

    Raises:
        NotesError: the file cannot be read.
    """
    try:
        with open_regular(folder / NOTES) as file:
            return msgspec.json.decode(file.read(), type=kind)
    except FileNotFoundError:
        return kind()
    except (OSError, *UNDECODABLE) as error:
        raise NotesError(
            f"{folder / NOTES} cannot be read ({error}): mend it, or take it away"
        ) from error


def write_notes(folder: Path, notes: Notes, disk: Disk) -> None:
    """Put notes into a folder.

    Raises:
        NotesError: they cannot be written.
    """
    try:
        text = msgspec.json.format(msgspec.json.encode(notes), indent=2)
        write_durably(folder / NOTES, text + b"\n", disk)
    except OSError as error:
        raise NotesError(f"{folder / NOTES} cannot be written ({error})") from error


prepare(Notes)
