"""The host of a workspace's sessions: what it shows, and the commands it carries out.

One per workspace, on one event loop, with or without a screen; it exists while the workspace's lock
is held (`core.host.runner`). Its commands are coroutines on that loop; `snapshot` and `logs` may be
read from any thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from core.host.alert_watch import AlertWatch
from core.host.command_table import CommandTable, command_table
from core.host.feeds import FeedMaker, Feeds
from core.host.link import BadRequestError, CommandError
from core.host.logs import LogRing, recent_log
from core.host.parts import Parts
from core.host.registry import SessionRegistry
from core.host.session_reader import SessionReader
from core.host.start_requests import (
    given_key,
    record_of,
    require_no_clash,
    restart_request,
    sealed,
    simulated,
    started_in_words,
    with_warnings,
)
from core.host.stored_sessions import (
    SessionIndex,
    delete_session,
)
from core.host.venue_accounts import VenueAccounts
from core.journal.manifest import SessionManifest, read_manifest
from core.journal.session_journal import Storage
from core.journal.session_notes import AlertRule, SessionNotes, checked_alerts
from core.journal.values import FeedKind
from core.market.feeds.feed import FeedError
from core.session.engine import Engine
from core.session.session_queue import RefusedCommandError
from core.session.snapshot import (
    HostSnapshot,
    Level,
    LogLine,
    SessionSnapshot,
    StartReply,
    StartRequest,
)
from core.store.credentials import CredentialsError, read_credentials
from core.store.durable import Disk, OsDisk
from core.store.index import IndexWriteError, open_index
from core.store.journal_file import JournalError
from core.store.notes import checked_notes
from core.store.preferences import PreferredZone
from core.store.redaction import KNOWN_SECRETS
from core.store.workspace import Workspace, WorkspaceError, new_id
from core.time_format import wall_clock
from core.trading.nautilus.process import configured_python
from core.trading.values import Side
from core.trading.venue_hosts import OrderAddresses

Companion = Callable[["Host"], Awaitable[None]]
"""Runs beside the sessions for as long as the host does; cancelled when it stops."""

_PUT_OFF = "Its time counts from when it runs: a venue that answers late puts that off."


class HostSchedule(Protocol):
    """The jobs of a host. `run` is a companion of it; `commands` are what its callers may ask."""

    @property
    def commands(self) -> CommandTable:
        """The commands on jobs and notifications, by name."""
        ...

    @property
    def pending(self) -> bool:
        """Whether any job is still to run, or any notification to be sent."""
        ...

    def watch(self, session: SessionSnapshot) -> None:
        """Give a new session its jobs."""
        ...

    def jobs_of(self, session_id: str) -> tuple[str, ...]:
        """The next jobs of a session, as texts."""
        ...

    def monitoring(self, session_id: str, end: int | None) -> str | None:
        """How a session that ends at `end` (UTC ms) is watched, for its user; None if it is not."""
        ...

    def notify(self, text: str) -> None:
        """Send a sentence to wherever the user is told of news."""
        ...

    async def run(self) -> None:
        """Run jobs until cancelled."""
        ...


@dataclass(frozen=True, slots=True)
class HostOptions:
    """How a host runs. `feeds` makes the feeds other than replay, by kind.

    `sources` names the candle journals of a feed where its kind alone does not say which market it
    shows (a demo's seed). `companions` run beside the sessions. `schedule` makes what keeps the
    jobs; a host without one has none. Orders go to `order_addresses`, those of demo sessions to the
    embedded exchange at `demo_address` (of perpetuals, else of spot; None while it does not run),
    whose clock goes `demo_speed` times as fast as the machine's.
    What a disk, or a lack of files, kept the host from doing is tried again after `retry_after`
    seconds, then less often. `problems`: what of its settings cannot be used, to be told.
    """

    kind: str = "headless"
    feeds: Mapping[FeedKind, FeedMaker] = field(default_factory=dict)
    sources: Mapping[FeedKind, str] = field(default_factory=dict)
    companions: Sequence[Companion] = ()
    schedule: Callable[[Host], HostSchedule] | None = None
    clock: Callable[[], int] = wall_clock
    disk: Disk = field(default_factory=OsDisk)
    new_id: Callable[[], str] = new_id
    order_addresses: OrderAddresses = field(default_factory=OrderAddresses)
    demo_address: Callable[[bool], str | None] = lambda _: None
    demo_speed: float = 1.0
    retry_after: float = 10.0
    problems: Sequence[str] = ()


class Host:
    """The sessions of a workspace, while its lock is held. The commands are those of `HostLink`.

    Made on the event loop that it lives on; `run_host` makes it, runs it, and lets it go.
    """

    def __init__(self, workspace: Workspace, options: HostOptions) -> None:
        self.workspace = workspace
        self.options = options
        self.loop = asyncio.get_running_loop()
        self.redactor = KNOWN_SECRETS
        self.log = LogRing(self.redactor, options.clock)
        self.since = options.clock()
        self.stopping = asyncio.Event()
        self.parts = Parts(self._complain, self.show)
        self.storage = Storage.of(workspace, options.disk)
        self.accounts = VenueAccounts(
            workspace.credentials,
            self.redactor,
            options.order_addresses,
            options.demo_address,
            lambda: configured_python(workspace.preferences),
        )
        self._read_keys()
        self.log.recall(recent_log(workspace.log))
        self.database, index = open_index(workspace.index, options.disk)
        index.read()
        for notice in index.notices:
            self.log.add(
                Level.WARNING,
                f"{notice}; sessions are read from their journals, jobs stand nowhere else: "
                "`papertape schedule list` shows those that are left",
            )
        self._feeds = Feeds(options.feeds)
        self._index = SessionIndex(self.database)
        self._ordering = asyncio.Lock()
        self.schedule = None if options.schedule is None else options.schedule(self)
        self.registry = SessionRegistry(
            self.storage,
            self._feeds,
            self.accounts.route,
            self._index,
            self.log,
            options.clock,
            self._jobs_of,
            self.show,
            options.retry_after,
            PreferredZone(workspace.preferences),
        )
        self.reader = SessionReader(
            self.storage, self.registry, self._index, self.log, options.clock
        )
        self.alerts = AlertWatch(self.registry, self._tell_alert)
        self.commands = self._table()
        self._looked = True
        self._shown = self._picture(())
        for problem in options.problems:
            self.log.add(Level.WARNING, problem)

    def _complain(self, text: str) -> None:
        self.log.add(Level.ERROR, text)

    def _read_keys(self) -> None:
        """Read the keys, so that they are never shown."""
        try:
            for notice in read_credentials(self.workspace.credentials, self.redactor).notices:
                self.log.add(Level.WARNING, notice)
        except CredentialsError as error:
            self.log.add(Level.ERROR, str(error))

    def _jobs_of(self, session_id: str) -> tuple[str, ...]:
        return () if self.schedule is None else self.schedule.jobs_of(session_id)

    def _table(self) -> CommandTable:
        own = command_table(
            self.fresh_snapshot,
            self.shut_down,
            self.start,
            self.stop,
            self.stop_at_end,
            self.pause,
            self.resume,
            self.flatten,
            self.enter,
            self.annotate,
            self.set_alerts,
            self.restart,
            self.archive,
            self.reader.archived,
            self.unarchive,
            self.delete,
            self.reader.detail,
            self.reader.chart,
            self.reader.closed_trades,
            self.reader.earlier_log,
            self.reader.report,
        )
        return {**own, **({} if self.schedule is None else self.schedule.commands)}

    async def carry_out(self, do: str, arguments: Mapping[str, Any]) -> object:
        """Carry out the command called `do` (`HostLink.ask`).

        Raises:
            CommandError: there is none, or it was refused or failed.
        """
        command = self.commands.get(do)
        if command is None:
            raise CommandError(f"this host has no command {do[:40]!r}")
        return await command(arguments)

    def shut_down(self) -> None:
        """Have the host stop soon, from any thread. Its sessions rest until the next host."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.stopping.set)

    # ── What may be read from any thread ──

    def snapshot(self) -> HostSnapshot:
        """The latest state of everything, renewed every fifth of a second while it is asked for."""
        self._looked = True
        return self._shown

    def looked_at(self) -> bool:
        """Whether anybody has asked for the snapshot since this was last asked."""
        looked, self._looked = self._looked, False
        return looked

    def fresh_snapshot(self) -> HostSnapshot:
        """The state of everything now. On the host's loop only."""
        self.registry.look()
        self.show()
        return self._shown

    def logs(self, after: int = 0, session_id: str | None = None) -> tuple[LogLine, ...]:
        """See `HostLink.logs`."""
        return self.log.after(after, session_id)

    def show(self, changed: str | None = None) -> None:
        """Take the picture that `snapshot` hands out, looking anew at the session that changed."""
        if changed is not None:
            self.registry.look(changed)
        self._shown = self._picture(self.registry.snapshots())

    def _picture(self, sessions: tuple[SessionSnapshot, ...]) -> HostSnapshot:
        return HostSnapshot(
            pid=os.getpid(),
            kind=self.options.kind,
            since=self.since,
            now=self.options.clock(),
            workspace=str(self.workspace.root),
            sessions=sessions,
            last_log=self.log.last,
            faults=self.parts.faults,
            archived=self._index.last_days(self.options.clock()),
        )

    # ── Commands, on the host's loop ──

    async def start(self, request: StartRequest) -> StartReply:
        """See `HostLink.start`."""
        return await self._start(request, None)

    async def _start(self, request: StartRequest, restart_of: str | None) -> StartReply:
        if self.stopping.is_set():
            raise CommandError("the host is stopping, and would not run it: try again in a moment")
        if not self._feeds.offers(request.feed):
            raise BadRequestError(
                f"this host has no {request.feed} feed: choose another one, or for the demo start "
                "`papertape demo`"
            )
        source = self.options.sources.get(request.feed, request.feed.value)
        while self.registry.taken(session_id := self.options.new_id()):
            pass
        key = given_key(request, self.redactor)
        record = record_of(
            request,
            session_id,
            self.options.clock(),
            source,
            lambda symbols: self.accounts.accounts(symbols, request.feed, key, request.broker),
            restart_of,
        )
        if request.trial is not None:
            record = await asyncio.to_thread(
                sealed, record, request.trial, self.workspace, self.options.clock()
            )
        if key is not None:
            self.accounts.give(session_id, key)
        warned = await asyncio.to_thread(with_warnings, record, request.config, self.workspace)
        advice = warned.notices[len(record.notices) :]  # no trouble of the session
        record = await self._with_tried_keys(warned)
        try:
            # Of two that would order the same, the second has to see the first.
            async with self._ordering if record.accounts else contextlib.nullcontext():
                require_no_clash(record, self.registry.snapshots())
                await self.registry.begin(record)
        except FeedError as error:
            # Nothing has been asked of a venue yet: it is a file, or a name, that does not fit.
            raise BadRequestError(self.log.safe(str(error))) from error
        except (JournalError, IndexWriteError, WorkspaceError) as error:
            raise CommandError(self.log.safe(str(error))) from error
        for notice in record.notices:
            level = Level.INFO if notice in advice else Level.WARNING
            self.log.add(level, notice, session_id)
        self.show()
        if self.schedule is not None:
            self.schedule.watch(self.registry.shown(session_id))
        return StartReply(
            session_id,
            record.mode,
            record.notices,
            self._jobs_of(session_id),
            self._started_in_words(record),
        )

    def _started_in_words(self, record: SessionManifest) -> str:
        """What was started, and how it is watched.

        The time of a demo's market is its own, and in it an end is known once the session runs.
        """
        end, later = record.until, None
        if end is None and record.run_for is not None and record.feed is not FeedKind.DEMO:
            end, later = self.options.clock() + record.run_for, _PUT_OFF
        watched = None if self.schedule is None else self.schedule.monitoring(record.id, end)
        told = (started_in_words(record), watched, later if watched else None)
        return " ".join(filter(None, told))

    async def _with_tried_keys(self, record: SessionManifest) -> SessionManifest:
        """A session that is to order on a test venue, simulated where the venue refuses its keys.

        The exchange of a demo takes the keys it made itself, and starts with its first session.
        """
        route = None if record.feed is FeedKind.DEMO else self.accounts.route(record)
        trouble = None if route is None else await route.trouble()
        return record if trouble is None else simulated(record, self.log.safe(trouble))

    async def stop_at_end(self, session_id: str) -> Mapping[str, object]:
        """See `HostLink.stop_at_end`."""
        return await self._stop(session_id, scheduled=True)

    async def stop(self, session_id: str, *, flatten: bool = False) -> Mapping[str, object]:
        """See `HostLink.stop`."""
        return await self._stop(session_id, flatten=flatten)

    async def _stop(
        self, session_id: str, *, flatten: bool = False, scheduled: bool = False
    ) -> Mapping[str, object]:
        await self.registry.arrived(session_id)
        if self.registry.interrupted(session_id):
            await self.registry.take_up_again(session_id)  # or the next host would
        engine = self.registry.living(session_id)
        if engine is not None:
            await _obeyed(engine, "stop", flatten=flatten, scheduled=scheduled)
            await self.registry.ended(session_id)
            self.show()
        return await self.reader.report(session_id)

    async def ended(self, session_id: str) -> None:
        """Return once a session has ended and its report is written."""
        await self.registry.arrived(session_id)
        self.registry.living(session_id)
        await self.registry.ended(session_id)

    async def pause(self, session_id: str, symbol: str | None = None) -> None:
        """See `HostLink.pause`."""
        await _obeyed(await self._attentive(session_id, symbol), "pause", symbol=symbol)
        self.show(session_id)

    async def resume(self, session_id: str, symbol: str | None = None) -> None:
        """See `HostLink.resume`."""
        await self.registry.arrived(session_id)
        if symbol is None and self.registry.interrupted(session_id):
            await self.registry.take_up_again(session_id)
            return
        await _obeyed(await self._attentive(session_id, symbol), "resume", symbol=symbol)
        self.show(session_id)

    async def enter(self, session_id: str, symbol: str, side: Side) -> None:
        """See `HostLink.enter`."""
        engine = await self._attentive(session_id, symbol)
        if engine.record.accounts:
            raise BadRequestError(
                f"session {session_id} orders on the testnet: only a simulated one takes entries "
                "by hand"
            )
        if engine.record.seal is not None:
            raise BadRequestError(
                f"session {session_id} is a trial, which is judged by what its strategy decides: "
                "enter by hand in a session that is none"
            )
        await _obeyed(engine, "enter", symbol=symbol, side=side)
        self.show(session_id)

    async def annotate(self, session_id: str, note: str, tags: tuple[str, ...]) -> None:
        """See `HostLink.annotate`."""
        await self.registry.arrived(session_id)
        self.registry.living(session_id)  # refuses where there is none
        await self.registry.notes.change(
            session_id,
            lambda notes: SessionNotes(*checked_notes(note, tags), alerts=notes.alerts),
        )
        self.show()

    async def set_alerts(self, session_id: str, alerts: tuple[AlertRule, ...]) -> None:
        """See `HostLink.set_alerts`."""
        await self.registry.arrived(session_id)
        symbols = self.registry.alive(session_id).config.symbols
        await self.registry.notes.change(
            session_id,
            lambda notes: SessionNotes(
                notes.note, notes.tags, checked_alerts(alerts, notes.alerts, symbols)
            ),
        )
        self.show()

    def _tell_alert(self, session_id: str, text: str) -> None:
        self.log.add(Level.WARNING, text, session_id, alert=True)
        if self.schedule is not None:
            self.schedule.notify(text)
        self.show()

    async def flatten(self, session_id: str, symbol: str | None = None) -> None:
        """See `HostLink.flatten`."""
        await _obeyed(await self._attentive(session_id, symbol), "flatten", symbol=symbol)
        self.show(session_id)

    async def _attentive(self, session_id: str, symbol: str | None = None) -> Engine:
        """The engine of a session that lives and takes commands, on this symbol if there is one.

        Raises:
            CommandError: it has ended, waits for its venue first, or does not trade the symbol.
        """
        await self.registry.arrived(session_id)
        engine = self.registry.alive(session_id)
        if engine.waiting_for_venue:
            raise CommandError(
                f"session {session_id} waits for its venue ({engine.reason}): stop it, or give "
                "this command once it runs"
            )
        if symbol is not None and symbol not in engine.config.symbols:
            traded = ", ".join(engine.config.symbols)
            raise BadRequestError(f"session {session_id} trades {traded}, not {symbol[:40]!r}")
        return engine

    async def restart(self, session_id: str) -> StartReply:
        """See `HostLink.restart`."""
        await self.registry.arrived(session_id)
        self.registry.living(session_id)
        try:
            record = read_manifest(self.workspace.session(session_id))
        except JournalError as error:
            raise CommandError(str(error)) from error
        return await self._start(restart_request(record), session_id)

    async def archive(self, session_id: str) -> None:
        """See `HostLink.archive`."""
        await self.registry.arrived(session_id)
        self.registry.require_ended(session_id)
        try:
            self._index.archive(session_id)
        except IndexWriteError as error:
            raise CommandError(str(error)) from error
        self.registry.drop(session_id)
        self.show()

    async def unarchive(self, session_id: str) -> None:
        """See `HostLink.unarchive`."""
        if not self._index.archived(session_id):
            self.registry.living(session_id)  # refuses where there is none
            raise CommandError(f"session {session_id} is not archived")
        shown = await self.reader.final(session_id)
        try:
            self._index.archive(session_id, archived=False)
        except IndexWriteError as error:
            raise CommandError(str(error)) from error
        self.registry.put_back(shown)
        self.show()

    async def delete(self, session_id: str) -> None:
        """See `HostLink.delete`."""
        await self.registry.arrived(session_id)
        self.registry.require_ended(session_id)
        try:
            await asyncio.to_thread(delete_session, self.workspace, session_id)
            self._index.forget(session_id)
        except (OSError, IndexWriteError) as error:
            raise CommandError(f"session {session_id} cannot be deleted ({error})") from error
        self.registry.forget(session_id)
        self.show()


async def _obeyed(
    engine: Engine,
    do: str,
    *,
    symbol: str | None = None,
    flatten: bool = False,
    scheduled: bool = False,
    side: Side | None = None,
) -> None:
    """Have a session do something.

    Raises:
        CommandError: it was not done, or could not be written down, so that the next host would
            know nothing of it.
    """
    asked: dict[str, Any] = {"symbol": symbol, "flatten": flatten, "scheduled": scheduled}
    try:
        if await engine.command(do, **asked, side=side):
            return
    except RefusedCommandError as error:
        raise BadRequestError(f"session {engine.record.id} does not {do}: {error}") from error
    if not engine.durable:
        why = f"was interrupted: {engine.reason}"
    elif engine.state.ended:
        why = "has ended"
    else:
        why = f"rests until the next host: give this command ({do}) there"
    raise CommandError(f"session {engine.record.id} {why}")
