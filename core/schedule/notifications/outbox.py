"""Keeps what is to be sent until it is, in a table of the index: a host may end in between.

An address stands there as a digest of it, for its tokens belong into no other file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import sha256

from tinydb import TinyDB

from core.store.index import IndexWriteError
from core.store.redaction import Secret

UNSENT = "unsent"
_DIGEST = 16  # of the hexadecimal digits, enough to tell a user's addresses apart


class Outbox:
    """The notifications of a workspace that were not sent yet, by row. Only the host has one.

    Where the disk does not take one it is kept nowhere, which `complain` is told.
    """

    def __init__(self, database: TinyDB, complain: Callable[[str], None]) -> None:
        self._table = database.table(UNSENT)
        self._complain = complain

    def put(self, text: str, urls: Iterable[Secret]) -> list[int | None]:
        """Keep a text for some addresses; returns its row for each, None where it is not kept."""
        rows = [{"address": _digest(url), "text": text} for url in urls]
        try:
            return [*self._table.insert_multiple(rows)]
        except IndexWriteError as error:
            self._complain(f"a notification is lost if this host ends before it is sent: {error}")
            return [None] * len(rows)

    def done(self, row: int | None) -> None:
        """Forget a row: it was sent, or given up."""
        if row is None:
            return
        try:
            self._table.remove(doc_ids=[row])
        except IndexWriteError as error:
            self._complain(f"a notification that was sent may be sent once more: {error}")
        except KeyError:
            return  # its address was taken out meanwhile

    def waiting(self, url: Secret) -> list[tuple[int, str]]:
        """What is kept for an address, with its rows, oldest first."""
        return [
            (one.doc_id, one["text"])
            for one in self._table.all()
            if one.get("address") == _digest(url) and isinstance(one.get("text"), str)
        ]

    def keep_only(self, urls: Iterable[Secret]) -> None:
        """Forget what is kept for any other address."""
        known = {_digest(url) for url in urls}
        gone = [one.doc_id for one in self._table.all() if one.get("address") not in known]
        if gone:
            try:
                self._table.remove(doc_ids=gone)
            except IndexWriteError as error:
                self._complain(str(error))


def _digest(url: Secret) -> str:
    return sha256(url.reveal().encode()).hexdigest()[:_DIGEST]
