"""The sessions of a workspace as its index and journals tell them, ended ones too.

The index answers; the journals know better. Where the index has no word of a session, or a journal
goes on behind it, the journal is read.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

import msgspec
from tinydb import TinyDB, where

from core.host.status_json import session_to_json
from core.journal.manifest import SessionManifest, read_manifest
from core.journal.records import Stopped, began
from core.journal.session_journal import SessionJournal, Storage
from core.journal.values import BrokerKind, FeedKind, Mode, SessionState
from core.market.candles.timeframes import DAY
from core.session.recovery import RecoveredState, read_on, rebuild
from core.session.reports import nothing_run, session_report
from core.session.runner import Runner
from core.session.snapshot import LastDay, SessionSnapshot
from core.session.view import Lifecycle, session_snapshot
from core.store.durable import remove_folder
from core.store.workspace import Workspace
from core.trading.values import Fills

TABLE = "sessions"

_LATELY = 2 * DAY  # by then its day is over in every zone


class SessionIndex:
    """The table of sessions in papertape.json. Only the host writes it."""

    def __init__(self, database: TinyDB) -> None:
        self._table = database.table(TABLE)
        self._last_days: tuple[LastDay, ...] | None = None  # None: to be looked for

    def note(self, record: SessionManifest) -> None:
        """A session was started."""
        self._put({"id": record.id, "strategy": record.config["name"], "created": record.created})

    def note_end(self, snapshot: SessionSnapshot) -> None:
        """A session has ended as `snapshot` shows it."""
        document = {"id": snapshot.id, "final": msgspec.to_builtins(snapshot)}
        self._put({"strategy": snapshot.strategy, "created": snapshot.started, **document})

    def archive(self, session_id: str, *, archived: bool = True) -> None:
        """Take a session out of the lists, or with `archived` false put it back."""
        self._put({"id": session_id, "archived": archived})

    def forget(self, session_id: str) -> None:
        """A session was deleted."""
        self._table.remove(where("id") == session_id)
        self._last_days = None

    def archived(self, session_id: str) -> bool:
        """Whether a session was taken out of the lists."""
        document = self._get(session_id)
        return bool(document and document.get("archived"))

    def last_days(self, now: int) -> tuple[LastDay, ...]:
        """The last days of archived sessions, of those that ended within some days of `now`."""
        if self._last_days is None:
            lately = [one for one in self._table.all() if _ended_after(one, now - _LATELY)]
            finals = [self.final(str(one.get("id"))) for one in lately if one.get("archived")]
            self._last_days = tuple(
                LastDay(one.mode, one.symbols, one.ended, one.pnl_today)
                for one in finals
                if one is not None and one.ended is not None and not one.unread
            )
        return self._last_days

    def final(self, session_id: str) -> SessionSnapshot | None:
        """How a session ended, as far as the index knows."""
        document = self._get(session_id)
        if document is None or "final" not in document:
            return None
        try:
            final = msgspec.convert(document["final"], type=SessionSnapshot)
            session_to_json(final)  # as all who show it do: what cannot be is no snapshot
        except (msgspec.ValidationError, ValueError, OverflowError):
            return None  # written by another version, or changed: its journal is read instead
        return final if final.id == session_id else None

    def _get(self, session_id: str) -> dict[str, Any] | None:
        document = self._table.get(where("id") == session_id)
        return document if isinstance(document, dict) else None

    def _put(self, document: dict[str, Any]) -> None:
        self._table.upsert(document, where("id") == document["id"])
        self._last_days = None


def _ended_after(document: Mapping[str, Any], moment: int) -> bool:
    final = document.get("final")
    ended = final.get("ended") if isinstance(final, dict) else None
    return isinstance(ended, int) and ended > moment


def delete_session(workspace: Workspace, session_id: str) -> None:
    """Remove a session's files, and the candle journals that are its own. Blocks.

    Raises:
        OSError: they cannot be removed. The session is then there as a whole, or not at all.
    """
    for folder in (workspace.session(session_id), workspace.journals / f"replay-{session_id}"):
        with contextlib.suppress(FileNotFoundError):
            remove_folder(folder)


def unreadable_session(session_id: str, why: str, now: int) -> SessionSnapshot:
    """A session folder that cannot be read: in error, so that it is seen and can be deleted."""
    return SessionSnapshot(
        id=session_id,
        strategy="(unreadable)",
        symbols=(),
        timeframe="",
        mode=Mode.SIMULATED,
        state=SessionState.ERROR,
        state_reason=why,
        feed=FeedKind.REPLAY,
        broker=BrokerKind.SIMULATED,
        fills=Fills.CANDLE,
        started=now,
        running_since=None,
        planned_end=None,
        ended=now,
        now=now,
        last_candle=None,
        last_price_at=None,
        trades_count=0,
        wins=0,
        open_positions=(),
        starting_balance=0.0,
        realized_pnl=0.0,
        unrealized_pnl=0.0,
        equity=0.0,
        pnl_today=0.0,
        equity_curve=(),
        notices=(),
        next_jobs=(),
        unread=True,
    )


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session as its files tell it. `recovered` is None where it had not begun.

    `notices` are what had to be done to read it.
    """

    record: SessionManifest
    log: SessionJournal
    recovered: RecoveredState | None
    stopped: Stopped | None
    notices: list[str]

    @property
    def runner(self) -> Runner | None:
        """What its candles came to; None where it had not begun."""
        return None if self.recovered is None else self.recovered.runner

    def read_on(self) -> None:
        """Look at what was received as well, and not decided on yet (see `recovery.read_on`)."""
        if self.recovered is not None and self.stopped is None:
            read_on(self.recovered)

    def snapshot(self, zone: tzinfo = UTC) -> SessionSnapshot:
        """How it ended, or where it stands; what it gained that day is of the day of `zone`."""
        end = self.stopped
        state = SessionState.STOPPED if end is None else SessionState(end.state)
        since = None if self.recovered is None else self.recovered.begun.since
        runner = None if self.recovered is None else self.recovered.runner
        now = self.record.created if since is None else since
        if runner is not None and runner.forming is not None:
            now = max(now, runner.forming)
        lifecycle = Lifecycle(
            state,
            None if end is None else end.why,
            now=now if end is None else end.now,
            running_since=since,
            planned_end=None if since is None else self.record.planned_end(since),
            ended=None if end is None else end.now,
        )
        return session_snapshot(
            self.record, runner, lifecycle, {}, orders=self.log.orders, zone=zone
        )

    def report(self) -> dict[str, Any]:
        """Its report."""
        recovered, end = self.recovered, self.stopped
        return session_report(
            self.record,
            nothing_run(self.record) if recovered is None else recovered.runner,
            gaps=() if recovered is None else recovered.gaps,
            returns=() if recovered is None else recovered.returns,
            revised=0 if recovered is None else len(recovered.revised),
            state="stopped" if end is None else end.state,
            reason=None if end is None else end.why,
            since=None if recovered is None else recovered.begun.since,
            ended=None if end is None else end.now,
            orders=self.log.orders,
        )


async def stored_session(storage: Storage, session_id: str) -> StoredSession:
    """A session as its journals tell it, put through the rules again.

    Raises:
        JournalError: its files cannot be read, or contradict each other.
    """
    record = await asyncio.to_thread(read_manifest, storage.workspace.session(session_id))
    log, lines, torn = await asyncio.to_thread(storage.reopen_log, record)
    stopped = next((line for line in lines.rare if isinstance(line, Stopped)), None)
    recovered = None
    notices = []
    if torn:
        notices.append(f"{torn} bytes of an interrupted write were dropped from its journal")
    if began(lines) is not None:
        notices += await log.open_candle_journals()
        recovered = await asyncio.to_thread(rebuild, record, lines, log.candles())
    if stopped is not None:
        storage.release(record)
    return StoredSession(record, log, recovered, stopped, notices)
