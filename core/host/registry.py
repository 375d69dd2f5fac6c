"""The sessions of a host: which there are, how they come to life, and how they end.

A session is coming (being taken up from its journal), living (its engine runs) or ended. A fault of
one session never keeps another from being taken up, looked at or left.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any

from core.compare.service import compared_report
from core.host.fair_share import FairShare
from core.host.feeds import Feeds
from core.host.link import CommandError, NotFoundError
from core.host.living_session import JobsOf, LivingSession, report_of, snapshot_of
from core.host.logs import LogRing
from core.host.notes_keeper import NotesKeeper
from core.host.seal_watch import SealWatch
from core.host.stored_sessions import (
    SessionIndex,
    StoredSession,
    delete_session,
    stored_session,
    unreadable_session,
)
from core.journal.manifest import SessionManifest, read_manifest, write_manifest
from core.journal.session_journal import SessionJournal, Storage
from core.journal.session_notes import AlertRule
from core.journal.values import SessionState
from core.market.feeds.feed import FeedError
from core.session.engine import Engine, EngineContext
from core.session.order_mirror import Route
from core.session.reports import has_report, write_report
from core.session.runner import Runner
from core.session.snapshot import Level, SessionSnapshot
from core.session.view import Lifecycle, session_snapshot
from core.store.collector import without_collections
from core.store.index import IndexWriteError
from core.store.journal_file import JournalError
from core.store.notes import NotesError

_logger = logging.getLogger(__name__)

_LEAVING = 10.0  # seconds a session may take to come to rest
_JOBS_EVERY = 0.01  # seconds, times the number of sessions: asking looks through all jobs
_COMING = "being taken up again"
_LOOK_EVERY = 0.02  # seconds
_LONGEST_WAIT = 600.0  # seconds between two attempts to do again what has failed


@dataclass(frozen=True, slots=True)
class _Retry:
    """When something is tried again (on the loop's clock), after which wait, and why it failed."""

    at: float
    wait: float
    why: str | None = None


RouteOf = Callable[[SessionManifest], Route | None]
"""Where a session's orders go; None where it makes none."""


class SessionRegistry:
    """The sessions of a host, by ID.

    `clock` is the host's (UTC ms); `changed` is called when a session has come to life or ended.
    `retry_after`: seconds before what a disk or a lack of files prevented is first tried again.
    `zone`: whose day today is.
    """

    def __init__(
        self,
        storage: Storage,
        feeds: Feeds,
        route_of: RouteOf,
        index: SessionIndex,
        log: LogRing,
        clock: Callable[[], int],
        jobs_of: JobsOf,
        changed: Callable[[], None],
        retry_after: float,
        zone: Callable[[], tzinfo],
    ) -> None:
        self._storage = storage
        self._feeds = feeds
        self._route_of = route_of
        self._index = index
        self._log = log
        self._clock = clock
        self._jobs_of = jobs_of
        self._tell_change = changed
        self._retry_after = retry_after
        self._zone = zone
        self._turns = FairShare()
        self._living: dict[str, LivingSession] = {}
        self._coming: dict[str, SessionSnapshot] = {}
        self._arrival = asyncio.Event()
        self._ended: dict[str, SessionSnapshot] = {}
        self._unreported: set[str] = set()  # ended, and the report could not be written yet
        self._retries: dict[str, _Retry] = {}
        self.notes = NotesKeeper(storage)
        self._seals = SealWatch(storage.workspace)
        self._unseen: dict[str, str] = {}  # why a session could not be looked at

    # ── Which there are ──

    def snapshots(self) -> tuple[SessionSnapshot, ...]:
        """All sessions as they were when last looked at, the oldest first."""
        noted = [self.with_notes(self._seals.applied(one)) for one in self._shown()]
        return tuple(sorted(noted, key=lambda one: (one.started, one.id)))

    def _shown(self) -> list[SessionSnapshot]:
        living = [living.shown for living in self._living.values()]
        return [*living, *self._coming.values(), *self._ended.values()]

    def with_notes(self, shown: SessionSnapshot) -> SessionSnapshot:
        """The same, with what its owner has put down."""
        notes = self.notes.known(shown.id)
        return shown if notes is None else replace(shown, notes=notes)

    def waiting_for_alerts(self) -> list[tuple[Engine, tuple[AlertRule, ...]]]:
        """The living sessions whose owners wait to be told of something, and of what."""
        return [
            (living.engine, alerts)
            for session_id, living in self._living.items()
            if (alerts := self.notes.waited_for(session_id))
        ]

    def shown(self, session_id: str) -> SessionSnapshot:
        """How a living session was when last looked at."""
        return self._living[session_id].shown

    def look(self, session_id: str | None = None) -> None:
        """Look at a session (None: at all) anew, for `snapshots` to show."""
        if session_id is None:
            for living in self._living.values():
                self._view(living)
        elif session_id in self._living:
            self._view(self._living[session_id])

    def look_at(self, session_id: str) -> SessionSnapshot | None:
        """How a session is now, or how it ended, with its notes; None where it is in no list."""
        living = self._living.get(session_id)
        shown = self._ended.get(session_id) if living is None else self._view(living)
        return None if shown is None else self.with_notes(self._seals.applied(shown))

    async def look_in_turn(self) -> None:
        """Look at all sessions anew, without holding the loop for long."""
        for living in list(self._living.values()):
            await self._turns.take()
            self._view(living)

    async def arrived(self, session_id: str) -> None:
        """Return once a session is neither being taken up nor just ending.

        It is `unread` then only where this host let it go before it had come to its past.
        """
        while session_id in self._coming:
            await self._arrival.wait()
        living = self._living.get(session_id)
        if living is None:
            return
        await living.engine.past_known()
        if living.engine.state.ended:
            await self.ended(session_id)

    def living(self, session_id: str) -> Engine | None:
        """The engine of a session that has not ended; None where it has, archived ones included.

        Raises:
            NotFoundError: there is no such session.
        """
        living = self._living.get(session_id)
        ended = session_id in self._ended or self._index.archived(session_id)
        if living is None and not ended:
            raise NotFoundError(
                f"there is no session {session_id[:40]!r}: `papertape status` lists all"
            )
        return None if living is None else living.engine

    def alive(self, session_id: str) -> Engine:
        """The engine of a session.

        Raises:
            CommandError: there is no such session, or it has ended.
        """
        engine = self.living(session_id)
        if engine is None:
            raise CommandError(f"session {session_id} has ended")
        return engine

    def interrupted(self, session_id: str) -> bool:
        """Whether a session was interrupted here, and could be taken up again."""
        shown = self._ended.get(session_id)
        return shown is not None and shown.interrupted

    def require_ended(self, session_id: str) -> None:
        """Raises `CommandError` unless a session has ended."""
        if self.living(session_id) is not None:
            raise CommandError(f"session {session_id} is running: stop it first")

    def taken(self, session_id: str) -> bool:
        """Whether some session has this ID."""
        known = any(session_id in group for group in (self._living, self._coming, self._ended))
        return known or self._storage.workspace.session(session_id).exists()

    def drop(self, session_id: str) -> None:
        """Show an ended session no longer, if it is shown."""
        self._ended.pop(session_id, None)
        self._unreported.discard(session_id)
        self._retries.pop(session_id, None)
        self._unseen.pop(session_id, None)
        self._seals.forget(session_id)

    def forget(self, session_id: str) -> None:
        """A session was deleted."""
        self.drop(session_id)
        self.notes.forget(session_id)

    def put_back(self, shown: SessionSnapshot) -> None:
        """Show an ended session again."""
        self._ended[shown.id] = shown

    # ── How they come and go ──

    async def begin(self, record: SessionManifest) -> None:
        """Start a new session.

        Raises:
            FeedError: it cannot have the feed it asks for.
            JournalError, IndexWriteError: the workspace cannot be written.
        """
        feed = await self._feeds.make(record, record.strategy())
        try:
            log = await asyncio.to_thread(self._write_down, record)
            self._index.note(record)
        except (JournalError, IndexWriteError):
            # What was refused may not come to life with the next host.
            with contextlib.suppress(OSError):
                await asyncio.to_thread(delete_session, self._storage.workspace, record.id)
            await feed.close()
            raise
        self._wake(record, Engine(log, feed, self._context(record)))

    def _write_down(self, record: SessionManifest) -> SessionJournal:
        write_manifest(self._storage.workspace.session(record.id), record, self._storage.disk)
        return self._storage.create_log(record)

    def find(self) -> None:
        """See which sessions the workspace has: those that have ended, and those to go on with."""
        for session_id in sorted(self._storage.workspace.session_ids()):
            folder = self._storage.workspace.session(session_id)
            try:
                self.notes.read(session_id)
            except NotesError as error:
                self._log.add(Level.WARNING, str(error), session_id)
            if self._index.archived(session_id):
                continue
            final = self._index.final(session_id)
            if final is not None and has_report(folder):
                self._ended[session_id] = final
                if final.trial is not None or final.seal_problem is not None:
                    self._seals.look([final])  # others can wait until all are looked at
                continue
            try:
                record = read_manifest(folder)
            except JournalError as error:
                words = self._log.add(Level.ERROR, str(error), session_id).text
                self._ended[session_id] = unreadable_session(session_id, words, self._clock())
                continue
            starting = Lifecycle(SessionState.STARTING, _COMING, now=self._clock())
            self._coming[session_id] = session_snapshot(record, None, starting, {}, unread=True)

    async def take_up_all(self) -> None:
        """Go on with every session found that has not ended, one after the other."""
        for shown in list(self._coming.values()):
            await self._turns.take()
            await self._arrive(shown)

    async def take_up_again(self, session_id: str) -> None:
        """Go on with a session that was interrupted here.

        Raises:
            CommandError: it has ended for good, or cannot be gone on with yet.
        """
        shown = self._ended[session_id]
        if not shown.interrupted:
            raise CommandError(f"session {session_id} has ended")
        self._coming[session_id] = replace(
            shown,
            state=SessionState.STARTING,
            state_reason=_COMING,
            ended=None,
            interrupted=False,
        )
        del self._ended[session_id]
        # Whoever asked may not wait; a session half taken up could never be again.
        await asyncio.shield(asyncio.ensure_future(self._arrive(self._coming[session_id])))
        ended = self._ended.get(session_id)
        if ended is None:
            await self._begun(session_id)
            ended = self._ended.get(session_id)
            if ended is None or not ended.interrupted:
                return
        raise CommandError(f"session {session_id} cannot be taken up again: {ended.state_reason}")

    async def _begun(self, session_id: str) -> None:
        """Return once a session that was taken up has written that down, or has failed to."""
        while (living := self._living.get(session_id)) is not None:
            state = living.engine.state
            if state is not SessionState.STARTING and not state.ended:
                return
            await asyncio.sleep(_LOOK_EVERY)

    async def recover(self) -> None:
        """Try again what a full disk, or a lack of files, kept this host from doing.

        Interrupted sessions are taken up again and missing reports are written, each after ever
        longer waits; a session that then runs is left alone.
        """
        now = asyncio.get_running_loop().time()
        interrupted = {one.id for one in self._ended.values() if one.interrupted}
        for session_id in (*interrupted, *self._unreported):
            retry = self._retries.setdefault(
                session_id, _Retry(now + self._retry_after, self._retry_after)
            )
            if now < retry.at:
                continue
            wait = min(2 * retry.wait, _LONGEST_WAIT)
            self._retries[session_id] = _Retry(now + wait, wait)
            if session_id in self._unreported:
                await self._report_again(session_id)
                continue
            with contextlib.suppress(CommandError):  # its state says why
                await self.take_up_again(session_id)
        for session_id, retry in list(self._retries.items()):
            if now > retry.at + _LONGEST_WAIT:
                del self._retries[session_id]

    async def _report_again(self, session_id: str) -> None:
        try:
            stored = await stored_session(self._storage, session_id)
        except JournalError as error:
            self._log.add(Level.ERROR, f"its report cannot be made ({error})", session_id)
            self._unreported.discard(session_id)
            return
        await self._conclude(
            session_id, stored.snapshot(self._zone()), stored.report, stored.runner
        )

    async def _arrive(self, shown: SessionSnapshot) -> None:
        """Go on with a session that is coming, or strand it."""
        try:
            await self._take_up(await stored_session(self._storage, shown.id))
        except (JournalError, FeedError, IndexWriteError) as error:
            self._strand(shown, str(error))
        except Exception as error:  # one session's fault must not keep the others waiting
            _logger.exception("session %s", shown.id)
            self._strand(shown, f"{type(error).__name__}: {error}")
        del self._coming[shown.id]
        if shown.id in self._ended and (final := self._index.final(shown.id)) is not None:
            self._ended[shown.id] = final  # it has ended, whatever is wrong with its files now
        self._arrival.set()
        self._arrival = asyncio.Event()
        self._tell_change()

    async def leave_all(self) -> None:
        """Let every session rest, so that the next host goes on with it.

        One that does not (its disk hangs) is given up: its journal is whole at any time.
        """
        living = list(self._living.values())
        leaving = [asyncio.ensure_future(one.engine.command("leave")) for one in living]
        tasks = {*leaving, *(one.task for one in living)}
        if tasks:
            _, stuck = await asyncio.wait(tasks, timeout=_LEAVING)
            for task in stuck:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def strand_all(self, why: str) -> None:
        """Show every session that rests as one that cannot be gone on with, and say so."""
        shown = [living.shown for living in self._living.values()]
        for session in (*shown, *self._coming.values()):
            self._strand(session, why)
        self._living.clear()
        self._coming.clear()

    async def ended(self, session_id: str) -> None:
        """Return once a session that is stopping has ended and its report is written."""
        living = self._living.get(session_id)
        if living is not None:
            await asyncio.shield(living.task)

    async def check_seals(self) -> None:
        """Look whether the sessions have the seals that they were started with, or none.

        What turned since the last look is logged: a notice is gone once a seal is back.
        """
        shown = self._shown()
        before = {one.id: self._seals.applied(one).seal_problem for one in shown}
        await asyncio.to_thread(self._seals.look, shown)
        for one in shown:
            problem = self._seals.applied(one).seal_problem
            if problem is not None and problem != before[one.id]:
                self._log.add(Level.WARNING, problem, one.id)
            elif problem is None and before[one.id] is not None:
                self._log.add(Level.INFO, "its seal is again as it was", one.id)

    def tick(self) -> None:
        """Let every session look at the clock."""
        for living in list(self._living.values()):
            living.engine.tick()

    async def _take_up(self, stored: StoredSession) -> None:
        record = stored.record
        for notice in filter(None, [*stored.notices, record.seal_problem or ""]):
            self._log.add(Level.WARNING, notice, record.id)
        if stored.stopped is not None:
            # The host before was killed before it had written the report, or the index.
            await self._conclude(
                record.id, stored.snapshot(self._zone()), stored.report, stored.runner
            )
            return
        self._log.add(Level.INFO, "taken up again", record.id)
        feed = await self._feeds.make(record, stored.log.config)
        self._wake(record, Engine(stored.log, feed, self._context(record), stored.recovered))

    def _strand(self, shown: SessionSnapshot, why: str) -> None:
        """Show a session that cannot be gone on with as an error; its files stay as they are."""
        words = self._log.safe(why)
        known = self._retries.get(shown.id)
        if known is None or known.why != words:  # what is tried again is not said again
            self._log.add(Level.ERROR, words, shown.id)
        if known is not None:
            self._retries[shown.id] = replace(known, why=words)
        self._ended[shown.id] = replace(
            shown, state=SessionState.ERROR, state_reason=words, interrupted=True
        )

    def _context(self, record: SessionManifest) -> EngineContext:
        def say(level: Level, text: str) -> None:
            self._log.add(level, text, record.id)

        route = self._route_of(record)
        return EngineContext(self._clock, say, self._log.safe, self._turns.take, route=route)

    def _wake(self, record: SessionManifest, engine: Engine) -> None:
        shown = snapshot_of(engine)
        task = asyncio.create_task(self._live(record.id, engine), name=f"session {record.id}")
        self._living[record.id] = LivingSession(engine, task, shown)

    async def _live(self, session_id: str, engine: Engine) -> None:
        await engine.live()
        living = self._living[session_id]
        if engine.state.ended and engine.durable:
            runner = None if engine.handler is None else engine.handler.runner
            shown = self._view(living)
            await self._conclude(session_id, shown, lambda: report_of(engine), runner)
        elif engine.state.ended:
            self._ended[session_id] = replace(
                await self._on_disk(living),
                state=engine.state,
                state_reason=engine.reason,
                ended=engine.ended_at,
                interrupted=True,
            )
        if engine.state.ended:
            del self._living[session_id]
            self._storage.release(engine.record)
            self._tell_change()

    async def _conclude(
        self,
        session_id: str,
        snapshot: SessionSnapshot,
        make_report: Callable[[], dict[str, Any]],
        runner: Runner | None,
    ) -> None:
        """Write what remains of a session that has ended, unless its report is there already."""
        folder = self._storage.workspace.session(session_id)
        try:
            if not has_report(folder):
                curve = () if runner is None else runner.equity_curve()
                with without_collections():  # nothing changes in what it is made of any more
                    made = await asyncio.to_thread(make_report)
                    report = await compared_report(self._storage.workspace, made)
                    await asyncio.to_thread(write_report, folder, report, self._storage.disk, curve)
            self._index.note_end(snapshot)
            self._unreported.discard(session_id)
        except Exception as error:  # the session has ended all the same; it is tried again
            if not isinstance(error, OSError | IndexWriteError):
                _logger.exception("report of session %s", session_id)
            if session_id not in self._unreported:
                text = f"its report cannot be written yet ({error}); it is tried again"
                self._log.add(Level.ERROR, text, session_id)
            self._unreported.add(session_id)
        self._ended[session_id] = snapshot

    async def _on_disk(self, living: LivingSession) -> SessionSnapshot:
        """A session as its files have it, whatever it had decided that could not be written."""
        record = living.engine.record
        self._storage.release(record)
        try:
            stored = await stored_session(self._storage, record.id)
            stored.read_on()
            return stored.snapshot(self._zone())
        except (OSError, JournalError) as error:
            text = f"its files cannot be read, and it is shown as it last was ({error})"
            self._log.add(Level.ERROR, text, record.id)
            return living.shown

    def _view(self, living: LivingSession) -> SessionSnapshot:
        """Look at a session anew; one that cannot be shown stays as it was shown last."""
        try:
            return living.look(self._jobs_of, len(self._living) * _JOBS_EVERY, self._zone())
        except Exception as error:  # noqa: BLE001  one session's fault must not hide the others
            words = f"it cannot be shown as it is: {type(error).__name__}: {error}"
            if self._unseen.get(living.shown.id) != words:
                self._log.add(Level.ERROR, words, living.shown.id)
            self._unseen[living.shown.id] = words
            return living.shown
