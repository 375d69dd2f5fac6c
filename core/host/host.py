"""What runs the sessions of a workspace?

One host per workspace, on one event loop, with or without a screen. Its commands are coroutines on
that loop; `snapshot` and `logs` may be read from any thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import secrets
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from core.compare.sources import compared
from core.host.feeds import FeedMaker, Feeds
from core.host.link import BadRequestError, CommandError, HostCommand
from core.host.logs import LogRing, RingHandler
from core.host.registry import JobsOf, SessionRegistry, report_of
from core.host.start_requests import record_of, request_of, require_no_clash, sealed
from core.host.stored_sessions import SessionIndex, StoredSession, stored_session
from core.host.venue_accounts import VenueAccounts
from core.journal.manifest import read_manifest
from core.journal.session_journal import RunInputs, Storage, recorded_inputs
from core.journal.values import FeedKind
from core.market.feeds.feed import FeedError
from core.session.engine import Engine
from core.session.reports import read_report
from core.session.snapshot import (
    HostSnapshot,
    Level,
    LogLine,
    SessionDetail,
    SessionSnapshot,
    StartReply,
    StartRequest,
)
from core.session.view import session_detail
from core.store.credentials import ApiKey, CredentialsError, read_credentials
from core.store.durable import Disk, OsDisk
from core.store.index import IndexWriteError, open_index
from core.store.journal_file import JournalError
from core.store.lock import HostLock, WorkspaceLostError
from core.store.redaction import Redactor, Secret
from core.store.workspace import Workspace, WorkspaceError
from core.trading.venue_hosts import OrderAddresses

_T = TypeVar("_T")
_REFRESH = 0.2  # seconds between two snapshots while somebody looks
_TAKING_UP = 1.0  # seconds for which `ready` waits for sessions to be taken up
_TICK = 1.0  # seconds between two looks at the clock


def wall_clock() -> int:
    """The local time, UTC ms."""
    return time.time_ns() // 1_000_000


def random_id() -> str:
    """Eight characters for a new session."""
    return secrets.token_hex(4)


@dataclass(frozen=True, slots=True)
class HostOptions:
    """How a host runs. `feeds` makes the feeds other than replay, by kind.

    `sources` names the tapes of a feed where its kind alone does not say which market it shows (a
    demo's seed). `companions` run beside the sessions as long as the host does (the scheduler, the
    control socket); each is given the host, and cancelled when it stops. `commands` are theirs, by
    name, for whoever speaks to the host. Orders go to `order_addresses`, those of demo sessions to
    the embedded exchange at `demo_address` (None while it does not run).
    """

    kind: str = "headless"
    feeds: Mapping[FeedKind, FeedMaker] = field(default_factory=dict)
    sources: Mapping[FeedKind, str] = field(default_factory=dict)
    companions: Sequence[Callable[[Host], Awaitable[None]]] = ()
    commands: Mapping[str, HostCommand] = field(default_factory=dict)
    clock: Callable[[], int] = wall_clock
    disk: Disk = field(default_factory=OsDisk)
    new_id: Callable[[], str] = random_id
    jobs_of: JobsOf = lambda _: ()
    order_addresses: OrderAddresses = field(default_factory=OrderAddresses)
    demo_address: Callable[[], str | None] = lambda: None


class Host:
    """The sessions of a workspace. `run` until `stop`. The commands are those of `HostLink`."""

    def __init__(self, workspace: Workspace, options: HostOptions) -> None:
        self.workspace = workspace
        self.options = options
        self.redactor = Redactor()
        self.log = LogRing(self.redactor, options.clock)
        self.since = options.clock()
        self._feeds = Feeds(options.feeds)
        self._storage = Storage.of(workspace, options.disk, self.redactor)
        self._brokers = VenueAccounts(
            workspace.credentials, self.redactor, options.order_addresses, options.demo_address
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._ordering = asyncio.Lock()
        self._lost: WorkspaceLostError | None = None
        self._looked = True
        self._shown = self._picture(())

    # ── Life ──

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Host the workspace until `shut_down`: take the lock, take its sessions up, serve.

        Calls `ready` once commands are taken; where there are many sessions, the last of them are
        taken up after that. Sessions are left in such a state that the next host
        goes on with them.

        Raises:
            AlreadyHostedError: another process hosts the workspace.
            WorkspaceError: the workspace cannot be used.
            WorkspaceLostError: it vanished meanwhile. All trading has stopped, and what was
                acknowledged stands in it, wherever it is now.
        """
        self._loop = asyncio.get_running_loop()
        self.workspace.prepare()
        lock = HostLock.acquire(self.workspace, kind=self.options.kind, now=self.options.clock())
        handler = RingHandler(self.log)
        logging.getLogger().addHandler(handler)
        try:
            self._open()
            await self._serve(ready, lock)
        finally:
            logging.getLogger().removeHandler(handler)
            self._storage.committer.close()
            lock.release()

    def shut_down(self) -> None:
        """Make `run` return soon, from any thread. The sessions rest until the next host."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def _serve(self, ready: Callable[[], None], lock: HostLock) -> None:
        self._roster.find()
        self._show()
        taking_up = asyncio.ensure_future(self._take_up())
        helpers = [
            taking_up,
            *(asyncio.ensure_future(work) for work in self._work(lock)),
        ]
        for helper in helpers:
            helper.add_done_callback(self._watch)
        try:
            await asyncio.wait({taking_up}, timeout=_TAKING_UP)
            ready()
            await self._stopping.wait()
            taking_up.cancel()
            await self._roster.leave_all()
            if self._lost is not None:
                self.log.add(Level.ERROR, str(self._lost))
                self._roster.strand_all(str(self._lost))
                self._show()
                raise self._lost
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    def _work(self, lock: HostLock) -> Iterator[Awaitable[None]]:
        """What runs beside the sessions."""
        yield self._refresh()
        yield self._tick()
        yield self._watch_workspace(lock)
        yield self._brokers.attend()
        for companion in self.options.companions:
            yield companion(self)

    async def _take_up(self) -> None:
        await self._roster.take_up_all()
        self._show()
        # What exists now stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()

    def _open(self) -> None:
        """Read the keys (so that they are never shown) and the index."""
        try:
            for notice in read_credentials(self.workspace.credentials, self.redactor).notices:
                self.log.add(Level.WARNING, notice)
        except CredentialsError as error:
            self.log.add(Level.ERROR, str(error))
        self.database, storage = open_index(self.workspace.index, self.options.disk)
        storage.read()
        for notice in storage.notices:
            self.log.add(Level.WARNING, f"{notice}; it is rebuilt from the journals")
        self._index = SessionIndex(self.database)
        self._roster = SessionRegistry(
            self._storage,
            self._feeds,
            self._brokers.route,
            self._index,
            self.log,
            self.options.clock,
            self.options.jobs_of,
            self._show,
        )

    def _watch(self, helper: asyncio.Future[None]) -> None:
        if not helper.cancelled() and (error := helper.exception()) is not None:
            self.log.add(Level.ERROR, f"a part of the host has failed: {error}")

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(_REFRESH)
            if self._looked:
                self._looked = False
                await self._roster.look_in_turn()
                self._show()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            self._roster.tick()

    async def _watch_workspace(self, lock: HostLock) -> None:
        """Stop when the workspace is gone: what is decided then could not be written down."""
        while True:
            await asyncio.sleep(_TICK)
            try:
                await asyncio.to_thread(lock.verify)
            except WorkspaceLostError as error:
                self._lost = error
                self._stopping.set()
                return

    # ── What may be read from any thread ──

    def snapshot(self) -> HostSnapshot:
        """The latest state of everything, renewed every fifth of a second while it is asked for."""
        self._looked = True
        return self._shown

    def fresh_snapshot(self) -> HostSnapshot:
        """The state of everything now. On the host's loop only."""
        self._roster.look()
        self._show()
        return self._shown

    def logs(self, after: int = 0, session_id: str | None = None) -> tuple[LogLine, ...]:
        """See `HostLink.logs`."""
        return self.log.after(after, session_id)

    def _show(self, changed: str | None = None) -> None:
        """Take the picture that `snapshot` hands out, looking anew at the session that changed."""
        if changed is not None:
            self._roster.look(changed)
        self._shown = self._picture(self._roster.snapshots())

    def _picture(self, sessions: tuple[SessionSnapshot, ...]) -> HostSnapshot:
        return HostSnapshot(
            pid=os.getpid(),
            kind=self.options.kind,
            since=self.since,
            now=self.options.clock(),
            workspace=str(self.workspace.root),
            sessions=sessions,
            last_log=self.log.last,
        )

    # ── Commands, on the host's loop ──

    async def start(self, request: StartRequest, restart_of: str | None = None) -> StartReply:
        """See `HostLink.start`."""
        if self._stopping.is_set():
            raise CommandError("the host is stopping, and would not run it: try again in a moment")
        if not self._feeds.offers(request.feed):
            raise BadRequestError(
                f"this host has no {request.feed} feed: choose another one, or for the demo start "
                "`papertape demo`"
            )
        source = self.options.sources.get(request.feed, request.feed.value)
        while self._roster.taken(session_id := self.options.new_id()):
            pass
        key = self._given_key(request)
        record = record_of(
            request,
            session_id,
            self.options.clock(),
            source,
            lambda symbols: self._brokers.accounts(symbols, request.feed, key),
            restart_of,
        )
        if request.trial is not None:
            record = await asyncio.to_thread(
                sealed, record, request.trial, self.workspace, self.options.clock()
            )
        if key is not None:
            self._brokers.give(session_id, key)
        try:
            # Of two that would order the same, the second has to see the first.
            async with self._ordering if record.accounts else contextlib.nullcontext():
                require_no_clash(record, self._roster.snapshots())
                await self._roster.begin(record)
        except FeedError as error:
            # Nothing has been asked of a venue yet: it is a file, or a name, that does not fit.
            raise BadRequestError(self.log.safe(str(error))) from error
        except (JournalError, IndexWriteError, WorkspaceError) as error:
            raise CommandError(self.log.safe(str(error))) from error
        for notice in record.notices:
            self.log.add(Level.WARNING, notice, session_id)
        self._show()
        jobs = self.options.jobs_of(session_id)
        return StartReply(session_id, record.mode, record.notices, jobs)

    def _given_key(self, request: StartRequest) -> ApiKey | None:
        """The key that came with a request, which is hidden from now on."""
        key, secret = request.api_key, request.api_secret
        for text in (key, secret):
            self.redactor.add(text or "")
        if not key and not secret:
            return None
        if not key or not secret:
            raise BadRequestError("a key of the testnet takes both: api_key and api_secret")
        return ApiKey(Secret(key), Secret(secret))

    async def stop(self, session_id: str, *, flatten: bool = False) -> Mapping[str, object]:
        """See `HostLink.stop`."""
        await self._roster.arrived(session_id)
        if self._roster.interrupted(session_id):
            await self._roster.take_up_again(session_id)  # or the next host would
        engine = self._roster.living(session_id)
        if engine is not None:
            await _obeyed(engine, "stop", flatten=flatten)
            await self._roster.ended(session_id)
            self._show()
        return await self.report(session_id)

    async def ended(self, session_id: str) -> None:
        """Return once a session has ended and its report is written."""
        await self._roster.arrived(session_id)
        self._roster.living(session_id)
        await self._roster.ended(session_id)

    async def pause(self, session_id: str) -> None:
        """See `HostLink.pause`."""
        await _obeyed(await self._attentive(session_id), "pause")
        self._show(session_id)

    async def resume(self, session_id: str) -> None:
        """See `HostLink.resume`."""
        await self._roster.arrived(session_id)
        if self._roster.interrupted(session_id):
            await self._roster.take_up_again(session_id)
            return
        await _obeyed(await self._attentive(session_id), "resume")
        self._show(session_id)

    async def flatten(self, session_id: str, symbol: str | None = None) -> None:
        """See `HostLink.flatten`."""
        engine = await self._attentive(session_id)
        if symbol is not None and symbol not in engine.config.symbols:
            traded = ", ".join(engine.config.symbols)
            raise BadRequestError(f"session {session_id} trades {traded}, not {symbol[:40]!r}")
        await _obeyed(engine, "flatten", symbol=symbol)
        self._show(session_id)

    async def _attentive(self, session_id: str) -> Engine:
        """The engine of a session that lives and takes commands.

        Raises:
            CommandError: it has ended, or waits for its venue first.
        """
        await self._roster.arrived(session_id)
        engine = self._roster.alive(session_id)
        if engine.waiting_for_venue:
            raise CommandError(
                f"session {session_id} waits for its venue ({engine.reason}): stop it, or give "
                "this command once it runs"
            )
        return engine

    async def restart(self, session_id: str) -> StartReply:
        """See `HostLink.restart`."""
        await self._roster.arrived(session_id)
        self._roster.living(session_id)
        try:
            record = read_manifest(self.workspace.session(session_id))
        except JournalError as error:
            raise CommandError(str(error)) from error
        return await self.start(request_of(record), restart_of=session_id)

    async def archive(self, session_id: str) -> None:
        """See `HostLink.archive`."""
        await self._roster.arrived(session_id)
        self._roster.require_ended(session_id)
        try:
            self._index.archive(session_id)
        except IndexWriteError as error:
            raise CommandError(str(error)) from error
        self._roster.drop(session_id)
        self._show()

    async def delete(self, session_id: str) -> None:
        """See `HostLink.delete`."""
        await self._roster.arrived(session_id)
        self._roster.require_ended(session_id)
        own_tapes = self.workspace.journals / f"replay-{session_id}"
        try:
            await asyncio.to_thread(shutil.rmtree, self.workspace.session(session_id))
            await asyncio.to_thread(shutil.rmtree, own_tapes, ignore_errors=True)
            self._index.forget(session_id)
        except (OSError, IndexWriteError) as error:
            raise CommandError(f"session {session_id} cannot be deleted ({error})") from error
        self._roster.drop(session_id)
        self._show()

    async def detail(self, session_id: str) -> SessionDetail:
        """See `HostLink.detail`."""
        await self._roster.arrived(session_id)
        engine = self._roster.living(session_id)
        if engine is not None:
            intake = engine.intake
            if intake is None:
                return session_detail(session_id, None, ())
            words = map(self.log.safe, intake.health.words)
            return session_detail(session_id, intake.run, words, engine.orders.rows())
        stored = await self._stored(session_id)
        run = None if stored.past is None else stored.past.run
        return session_detail(session_id, run, (), stored.log.orders.rows())

    async def report(self, session_id: str) -> Mapping[str, object]:
        """See `HostLink.report`."""
        await self._roster.arrived(session_id)
        engine = self._roster.living(session_id)
        if engine is not None:
            return await compared(self.workspace, report_of(engine), self.options.clock())
        written = read_report(self.workspace.session(session_id))
        if written is not None:
            return written
        stored = (await self._stored(session_id)).report()
        return await compared(self.workspace, stored, self.options.clock())

    async def ask(self, do: str, answer: type[_T], **arguments: Any) -> _T:
        """See `HostLink.ask`."""
        command = self.options.commands.get(do)
        if command is None:
            raise CommandError(f"this host has no command {do[:40]!r}")
        return msgspec.convert(await command(arguments), answer)

    async def inputs(self, session_id: str) -> RunInputs:
        """What a session's run followed from so far: to backtest it, or to compare it with.

        Raises:
            CommandError: there is no such session, or its journal or a tape cannot be read.
        """
        await self._roster.arrived(session_id)
        self._roster.living(session_id)
        try:
            return await recorded_inputs(self._storage, session_id)
        except JournalError as error:
            raise CommandError(str(error)) from error

    async def _stored(self, session_id: str) -> StoredSession:
        try:
            return await stored_session(self._storage, session_id)
        except JournalError as error:
            raise CommandError(str(error)) from error


async def _obeyed(
    engine: Engine, do: str, *, symbol: str | None = None, flatten: bool = False
) -> None:
    """Have a session do something.

    Raises:
        CommandError: it was not done, or could not be written down, so that the next host would
            know nothing of it.
    """
    if await engine.command(do, symbol=symbol, flatten=flatten):
        return
    if not engine.durable:
        why = f"was interrupted: {engine.reason}"
    elif engine.state.ended:
        why = "has ended"
    else:
        why = f"rests until the next host: give this command ({do}) there"
    raise CommandError(f"session {engine.record.id} {why}")
