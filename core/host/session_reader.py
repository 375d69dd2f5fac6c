"""Reads the sessions of a host, whether they live or have ended: nothing here changes one.

A living session is read from its engine, once what it shows is durable; an ended one from its
report, or from its journal put through the rules again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import TypeVar

from core.compare.service import compared_report, written_report
from core.host.link import BadRequestError, CommandError
from core.host.living_session import report_later
from core.host.logs import LogRing, session_log
from core.host.registry import SessionRegistry
from core.host.seal_watch import seal_checked
from core.host.stored_sessions import (
    SessionIndex,
    StoredSession,
    stored_session,
    unreadable_session,
)
from core.journal.manifest import SessionManifest, read_manifest
from core.journal.session_journal import RunInputs, Storage, recorded_inputs
from core.report.result import trade_from_json
from core.session.engine import Engine
from core.session.reports import read_report
from core.session.snapshot import LogLine, SessionDetail, SessionSnapshot
from core.session.view import prepare_readings, session_detail, trial_cone
from core.store.collector import without_collections
from core.store.journal_file import JournalError
from core.strategy.chart import ChartError, strategy_chart
from core.strategy.chart_values import Chart
from core.trading.values import Trade

_T = TypeVar("_T")


class SessionReader:
    """What a host tells of its sessions, one at a time. `clock` is the host's (UTC ms)."""

    def __init__(
        self,
        storage: Storage,
        registry: SessionRegistry,
        index: SessionIndex,
        log: LogRing,
        clock: Callable[[], int],
    ) -> None:
        self._storage = storage
        self._registry = registry
        self._index = index
        self._log = log
        self._clock = clock

    async def detail(self, session_id: str) -> SessionDetail:
        """See `HostLink.detail`."""
        await self._registry.arrived(session_id)
        engine = self._registry.living(session_id)
        if engine is not None:
            return await self._living_detail(engine)
        stored = await self._stored(session_id)
        runner = None if stored.recovered is None else stored.recovered.runner
        cone = await trial_cone(stored.record, runner)
        rows, shown = stored.log.orders.rows(), self._registry.look_at(session_id)
        if shown is None:
            shown = self._registry.with_notes(stored.snapshot())
        return session_detail(session_id, runner, (), rows, snapshot=shown, cone=cone)

    async def _living_detail(self, engine: Engine) -> SessionDetail:
        """The detail of one moment, with the row that the list of sessions shows of it."""
        session_id, handler, cone = engine.record.id, engine.handler, None
        if handler is not None:
            await prepare_readings(handler.runner)
            record = await self._sealed_record(engine)
            cone = None if record is None else await trial_cone(record, handler.runner)

        def look() -> SessionDetail:
            shown = self._registry.look_at(session_id)
            if handler is None:
                return session_detail(session_id, None, (), snapshot=shown)
            words, rows = map(self._log.safe, handler.health.words), engine.orders.rows()
            prices = {} if engine.state.ended else handler.prices  # as in the row
            return session_detail(session_id, handler.runner, words, rows, prices, shown, cone)

        return await _once_durable(engine, look)

    async def _sealed_record(self, engine: Engine) -> SessionManifest | None:
        """A living session's record with the seal that its row shows; None where that is in doubt.

        What its engine has was read when it was taken up: the seal may be undone or back since.
        """
        record, shown = engine.record, self._registry.look_at(engine.record.id)
        if shown is not None and shown.seal_problem:
            return None
        known = record.seal is not None and not record.seal_problem
        if known or shown is None or shown.trial is None:
            return record
        try:
            folder = self._storage.workspace.session(record.id)
            return await asyncio.to_thread(read_manifest, folder)
        except JournalError:
            return None

    async def report(self, session_id: str) -> Mapping[str, object]:
        """See `HostLink.report`."""
        engine = await self._come_to_its_past(session_id)
        if engine is not None:
            living = engine
            make = await _once_durable(living, lambda: report_later(living))
        else:
            written = await written_report(self._storage.workspace, session_id)
            if written is not None:
                return written
            make = (await self._stored(session_id)).report
        with without_collections():
            return await compared_report(self._storage.workspace, await asyncio.to_thread(make))

    async def earlier_log(self, session_id: str) -> tuple[LogLine, ...]:
        """See `HostLink.earlier_log`."""
        file, begins = self._storage.workspace.log, self._log.begins
        return await asyncio.to_thread(session_log, file, session_id, begins)

    async def closed_trades(self, session_id: str) -> tuple[Trade, ...]:
        """See `HostLink.closed_trades`."""
        engine = await self._come_to_its_past(session_id)
        if engine is not None:
            handler = engine.handler
            if handler is None:
                return ()
            return await _once_durable(engine, lambda: tuple(handler.runner.account.trades))
        report = await asyncio.to_thread(read_report, self._storage.workspace.session(session_id))
        if report is not None:
            with contextlib.suppress(ValueError):
                return tuple(trade_from_json(one) for one in report["trades"])
        recovered = (await self._stored(session_id)).recovered
        return () if recovered is None else tuple(recovered.runner.account.trades)

    async def chart(
        self,
        session_id: str,
        symbol: str,
        timeframe: str | None = None,
        until: int | None = None,
        count: int = 1_000,
    ) -> Chart:
        """See `HostLink.chart`."""
        inputs = await self.inputs(session_id)
        if symbol not in inputs.candles:
            traded = ", ".join(inputs.candles)
            raise BadRequestError(f"session {session_id} trades {traded}, not {symbol[:40]!r}")
        try:
            return await asyncio.to_thread(
                strategy_chart, inputs.config, inputs.candles[symbol], timeframe, until, count
            )
        except ChartError as error:
            raise BadRequestError(str(error)) from error

    async def inputs(self, session_id: str) -> RunInputs:
        """What a session's run followed from so far: to backtest it, or to compare it with.

        Raises:
            CommandError: there is no such session, or its journal or a candle journal cannot be
                read.
        """
        await self._registry.arrived(session_id)
        self._registry.living(session_id)
        try:
            return await recorded_inputs(self._storage, session_id)
        except JournalError as error:
            raise CommandError(str(error)) from error

    async def archived(self) -> tuple[SessionSnapshot, ...]:
        """See `HostLink.archived`."""
        ids = [one for one in self._storage.workspace.session_ids() if self._index.archived(one)]
        found = [self._registry.with_notes(await self.final(one)) for one in ids]
        return tuple(sorted(found, key=lambda one: (one.started, one.id)))

    async def final(self, session_id: str) -> SessionSnapshot:
        """How a session that rests has ended."""
        final = self._index.final(session_id)
        if final is not None:
            return await asyncio.to_thread(seal_checked, self._storage.workspace, final)
        try:
            return (await self._stored(session_id)).snapshot()
        except CommandError as error:
            return unreadable_session(session_id, str(error), self._clock())

    async def _come_to_its_past(self, session_id: str) -> Engine | None:
        """The engine of a session; None where it has ended.

        Raises:
            CommandError: there is no such session, or its past will not be known here any more.
        """
        await self._registry.arrived(session_id)
        engine = self._registry.living(session_id)
        if engine is not None and engine.unread:
            raise CommandError(
                f"the journal of session {session_id} is not read yet, and its host is stopping: "
                "ask again once a host runs"
            )
        return engine

    async def _stored(self, session_id: str) -> StoredSession:
        try:
            return await stored_session(self._storage, session_id)
        except JournalError as error:
            raise CommandError(str(error)) from error


async def _once_durable(engine: Engine, look: Callable[[], _T]) -> _T:
    try:
        return await engine.once_durable(look)
    except JournalError as error:
        raise CommandError(f"session {engine.record.id}: {error}") from error
