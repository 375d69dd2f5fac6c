"""Commits the journals of many sessions together, so that they share the disk's syncs.

Sessions that decide at the same time are committed together: one thread writes and syncs whatever
has gathered while it was busy, the candle journals before the sessions that decided on them, so
that no decision is ever durable without its candle. The event loop never waits for a disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from core.store.journal_file import Journal, JournalError

_MANY = 16  # candle journals that are written side by side


@dataclass(slots=True, eq=False)
class _Request:
    candle_journals: Sequence[Journal]
    session: Journal
    lines: Sequence[bytes]
    done: asyncio.Future[None]


class GroupCommit:
    """Makes journal lines durable, group by group."""

    def __init__(self) -> None:
        self._requests: list[_Request] = []
        self._worker: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")

    async def commit(self, session: Journal, candle_journals: Sequence[Journal]) -> None:
        """Return once a session's gathered lines, and those of its candle journals, are durable.

        Raises:
            JournalError: one of them cannot be written. The session's lines are then not written
                either, if it was a candle journal.
        """
        done = asyncio.get_running_loop().create_future()
        self._requests.append(_Request(candle_journals, session, session.take(), done))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        await done

    def close(self) -> None:
        """Let the thread go; nothing may be committed afterwards."""
        self._thread.shutdown(wait=True)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._requests:
            group, self._requests = self._requests, []
            candle_journals = {
                id(journal): journal for request in group for journal in request.candle_journals
            }
            gathered = [(journal, journal.take()) for journal in candle_journals.values()]
            failures: list[JournalError | None]
            try:
                failures = await loop.run_in_executor(self._thread, _write, gathered, group)
            except Exception as error:  # noqa: BLE001  whoever waits has to be told, whatever it was
                why = f"the journals cannot be written ({type(error).__name__}: {error})"
                failures = [JournalError(why) for _ in group]
            for request, failure in zip(group, failures, strict=True):
                if request.done.cancelled():
                    continue
                if failure is None:
                    request.done.set_result(None)
                else:
                    request.done.set_exception(failure)


def _write(
    candle_journals: Sequence[tuple[Journal, Sequence[bytes]]], group: Sequence[_Request]
) -> list[JournalError | None]:
    """Write the candle journals, then each session whose candles are durable."""
    if len(candle_journals) >= _MANY:
        # A disk syncs many files at once in little more than the time of one.
        with ThreadPoolExecutor(max_workers=_MANY, thread_name_prefix="candles") as threads:
            list(threads.map(lambda pair: _commit(*pair), candle_journals))
    else:
        for journal, lines in candle_journals:
            _commit(journal, lines)
    failures: list[JournalError | None] = []
    for request in group:
        broken = next(
            (journal.failure for journal in request.candle_journals if journal.failure is not None),
            None,
        )
        if broken is not None:
            failures.append(JournalError(broken))
        else:
            failures.append(_commit(request.session, request.lines))
    return failures


def _commit(journal: Journal, lines: Sequence[bytes]) -> JournalError | None:
    try:
        journal.commit(lines)
    except JournalError as error:
        return error
    return None
