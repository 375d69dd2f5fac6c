"""Proposes how a file's name goes on while it is typed; → takes what is proposed."""

from __future__ import annotations

import asyncio
import os
from itertools import islice

from textual.suggester import Suggester

from core.store.workspace import expanded

_CANDLES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".parquet", ".feather", ".gz", ".zip")
_MOST = 5_000  # entries of a folder that are looked at


class CandleFileSuggester(Suggester):
    """Candle files, and folders that may hold some; also behind `SYMBOL=`."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """See `Suggester`. Folders are read in a thread: they may lie on another machine."""
        return await asyncio.to_thread(completed, value)


def completed(text: str) -> str | None:
    """`text` with its last path as far as it can be completed; None where nothing begins so."""
    before, equals, path = text.rpartition("=")
    folder, separator, begun = path.rpartition(os.sep)
    try:
        with os.scandir(expanded((folder or os.sep) if separator else ".")) as entries:
            found = sorted(
                (entry.is_dir(), entry.name)
                for entry in islice(entries, _MOST)
                if entry.name.startswith(begun)
                and (begun or not entry.name.startswith("."))
                and (entry.is_dir() or entry.name.lower().endswith(_CANDLES))
            )
    except OSError:  # what cannot be read proposes nothing; what is typed is looked at all the same
        return None
    if not found:
        return None
    is_folder, name = found[0]
    whole = f"{before}{equals}{folder}{separator}{name}{os.sep if is_folder else ''}"
    return whole if whole != text else None
