"""The sessions, logs and reports of a workspace that nobody hosts.

They are read from their files. Reading a journal cuts off a torn last line, so the lock is held
meanwhile: no host may begin to write just then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from core.compare.service import compared_report, written_report
from core.host.link import CommandError
from core.host.logs import read_log
from core.host.seal_watch import seal_checked
from core.host.stored_sessions import (
    SessionIndex,
    StoredSession,
    stored_session,
    unreadable_session,
)
from core.journal.manifest import EVENTS, read_manifest
from core.journal.records import SessionLines
from core.journal.session_journal import Storage
from core.journal.values import SessionState
from core.session.log_messages import retell
from core.session.snapshot import LogLine, SessionDetail, SessionSnapshot
from core.session.view import session_detail
from core.store.durable import OsDisk
from core.store.index import open_index
from core.store.journal_file import JournalError
from core.store.lock import HostLock
from core.store.workspace import Workspace, WorkspaceError
from core.text import safe_text
from core.time_format import wall_clock

_WHY = "no host is running: `papertape` or `papertape host` goes on with it"


async def offline_sessions(
    workspace: Workspace, *, archived: bool = False
) -> tuple[SessionSnapshot, ...]:
    """All sessions that are (not) archived, the oldest first; those that have not ended are stale.

    Raises:
        CommandError: a host has just started.
        WorkspaceError: the workspace cannot be read.
    """
    found: list[SessionSnapshot] = []
    if not workspace.session_ids():
        return ()
    with _locked(workspace) as storage:
        index = SessionIndex(open_index(workspace.index, OsDisk())[0])
        for session_id in workspace.session_ids():
            if index.archived(session_id) is not archived:
                continue
            final = index.final(session_id)
            if final is None:
                try:
                    final = await _read(storage, session_id)
                except CommandError as error:
                    final = unreadable_session(session_id, str(error), wall_clock())
            found.append(seal_checked(workspace, final))
    return tuple(sorted(found, key=lambda session: (session.started, session.id)))


async def offline_detail(workspace: Workspace, session_id: str) -> SessionDetail:
    """What the files of a session tell beyond its row.

    Raises:
        CommandError: they cannot be read.
    """
    with _locked(workspace) as storage:
        stored = await _stored(storage, session_id)
    runner = None if stored.recovered is None else stored.recovered.runner
    return session_detail(session_id, runner, (), stored.log.orders.rows())


async def offline_logs(workspace: Workspace, session_id: str | None) -> tuple[LogLine, ...]:
    """What the last hosts logged; of a session, what its journal tells.

    Raises:
        CommandError: it cannot be read.
    """
    if session_id is None:
        try:
            return await asyncio.to_thread(read_log, workspace.log)
        except OSError as error:
            raise CommandError(f"{workspace.log} cannot be read ({error.strerror})") from error
    folder = workspace.session(session_id)
    try:
        record = await asyncio.to_thread(read_manifest, folder)
        lines = await asyncio.to_thread(SessionLines, folder / EVENTS)
        strategy = record.strategy()
        told = retell(lines, strategy.timeframe.ms, strategy.symbols)
        return tuple(
            LogLine(number, time, level, session_id, safe_text(text))
            for number, (time, level, text) in enumerate(told, start=1)
        )
    except JournalError as error:
        raise CommandError(str(error)) from error


async def earlier_logs(
    workspace: Workspace, since: int, session_id: str | None
) -> tuple[LogLine, ...]:
    """What was logged before the host that began at `since` (UTC ms): all, or of one session.

    Raises:
        CommandError: it cannot be read.
    """
    return tuple(
        line
        for line in await offline_logs(workspace, None)
        if line.time < since and session_id in (None, line.session_id)
    )


async def offline_report(workspace: Workspace, session_id: str) -> dict[str, Any]:
    """The report of a session, as its files tell it.

    Raises:
        CommandError: it has not begun, or cannot be read.
    """
    report = await written_report(workspace, session_id)
    if report is not None:
        return report
    with _locked(workspace) as storage:
        report = (await _stored(storage, session_id)).report()
    return await compared_report(workspace, report)


@contextmanager
def _locked(workspace: Workspace) -> Iterator[Storage]:
    try:
        lock = HostLock.acquire(workspace, kind="reader", now=wall_clock())
    except WorkspaceError as error:
        raise CommandError(str(error)) from error
    storage = Storage.of(workspace, OsDisk())
    try:
        yield storage
    finally:
        storage.committer.close()
        lock.release()


async def _stored(storage: Storage, session_id: str) -> StoredSession:
    try:
        stored = await stored_session(storage, session_id)
        stored.read_on()
        return stored
    except JournalError as error:
        raise CommandError(str(error)) from error


async def _read(storage: Storage, session_id: str) -> SessionSnapshot:
    stored = await _stored(storage, session_id)
    snapshot = stored.snapshot()
    if stored.stopped is None:
        return replace(snapshot, state=SessionState.STALE, state_reason=_WHY)
    return snapshot
