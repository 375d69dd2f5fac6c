"""Keeps what the owners of sessions put down: notes, tags, and what they want to be told of.

A file beside each session's journal holds it; where there is none, nothing was put down. One change
is made after the other, and is durable before it is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from core.host.link import BadRequestError, CommandError
from core.journal.session_journal import Storage
from core.journal.session_notes import AlertRule, SessionNotes
from core.store.notes import NotesError, read_notes, write_notes


class NotesKeeper:
    """The notes of a workspace's sessions, by session ID."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._notes: dict[str, SessionNotes] = {}  # where there are any
        self._changing = asyncio.Lock()

    def known(self, session_id: str) -> SessionNotes | None:
        """What was put down, as far as it has been read; None where nothing was."""
        return self._notes.get(session_id)

    def read(self, session_id: str) -> SessionNotes:
        """What the owner of a session has put down.

        Raises:
            NotesError: it cannot be read.
        """
        if session_id not in self._notes:
            found = read_notes(self._storage.workspace.session(session_id), SessionNotes)
            if found == SessionNotes():
                return found
            self._notes[session_id] = found
        return self._notes[session_id]

    async def change(self, session_id: str, change: Callable[[SessionNotes], SessionNotes]) -> None:
        """Put `change` of what is there in its place.

        Raises:
            BadRequestError: `change` refuses, by a NotesError.
            CommandError: it cannot be read or written.
        """
        async with self._changing:
            try:
                changed = change(self.read(session_id))
            except NotesError as error:
                raise BadRequestError(str(error)) from error
            folder = self._storage.workspace.session(session_id)
            try:
                await asyncio.to_thread(write_notes, folder, changed, self._storage.disk)
            except NotesError as error:
                raise CommandError(str(error)) from error
            self._notes[session_id] = changed

    def waited_for(self, session_id: str) -> tuple[AlertRule, ...]:
        """What the owner of a session still waits to be told of."""
        notes = self._notes.get(session_id)
        return () if notes is None else tuple(one for one in notes.alerts if one.told is None)

    def forget(self, session_id: str) -> None:
        """A session was deleted."""
        self._notes.pop(session_id, None)
