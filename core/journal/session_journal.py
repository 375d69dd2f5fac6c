"""A session's journal with its candles: how it is written, and how it is read back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np

from core.journal.candle_journal import CandleJournal, CandleJournals
from core.journal.group_commit import GroupCommit
from core.journal.manifest import (
    EVENTS,
    SEALED_AS,
    SessionManifest,
    journal_gone,
    read_manifest,
)
from core.journal.records import (
    FundingSeen,
    Record,
    SessionLines,
    Stopped,
    began,
    own_candles,
    to_record,
)
from core.journal.values import FeedKind
from core.journal.venue_orders import VenueOrders
from core.journal.versions import SESSION_JOURNAL
from core.market.candles.candles import Candle, Candles
from core.market.filters import MarketFilters
from core.store.durable import Disk
from core.store.journal_file import Journal, JournalError
from core.store.workspace import Workspace
from core.strategy.config.config import StrategyConfig


@dataclass(frozen=True, slots=True)
class Storage:
    """Where sessions keep what happens: shared by all sessions of a host."""

    workspace: Workspace
    disk: Disk
    candle_journals: CandleJournals
    committer: GroupCommit

    @classmethod
    def of(cls, workspace: Workspace, disk: Disk) -> Storage:
        """The storage of a workspace."""
        candle_journals = CandleJournals(workspace.journals, disk)
        return cls(workspace, disk, candle_journals, GroupCommit())

    def release(self, record: SessionManifest) -> None:
        """A session has ended: let go of the candle journals that are its own."""
        if record.feed is FeedKind.REPLAY:
            self.candle_journals.release(record.source)

    def create_log(self, record: SessionManifest) -> SessionJournal:
        """The journal of a new session. Blocks.

        Raises:
            JournalError: it cannot be made.
        """
        header = {
            "journal": SESSION_JOURNAL.kind,
            "version": SESSION_JOURNAL.version,
            "rules_version": record.rules_version,
            "session": record.id,
            SEALED_AS: None if record.seal is None else record.seal.hash,
        }
        path = self.workspace.session(record.id) / EVENTS
        journal = Journal.create(path, header, self.disk)
        return SessionJournal(self, record, record.strategy(), journal)

    def reopen_log(self, record: SessionManifest) -> tuple[SessionJournal, SessionLines, int]:
        """The journal of an earlier session, its lines, and how many bytes of a torn one it lost.

        Blocks.

        Raises:
            JournalError: it cannot be read, is damaged, or is gone though the session has run.
        """
        folder = self.workspace.session(record.id)
        path = folder / EVENTS
        if (gone := journal_gone(folder)) is not None:
            raise gone
        if not path.exists():
            return self.create_log(record), SessionLines(path), 0
        lines = SessionLines(path)
        torn = lines.contents.torn
        journal = Journal.reopen(path, lines.contents, self.disk)
        if lines.contents.outdated:  # the file is another now
            lines = SessionLines(path)
        log = SessionJournal(self, record, record.strategy(), journal)
        for line in lines.rare:
            log.orders.take(line)
        log.orders.set_apart()
        return log, lines, torn


class SessionJournal:
    """One session's journal with its candles: what is put in is durable once `commit` returns.

    `orders` are those for a venue, as the lines tell them.
    """

    def __init__(
        self, storage: Storage, record: SessionManifest, config: StrategyConfig, journal: Journal
    ) -> None:
        self.record = record
        self.config = config
        self.orders = VenueOrders(record)
        self._storage = storage
        self._journal = journal
        self._candle_journals: list[CandleJournal] = []
        self._unsaved = False

    async def open_candle_journals(self) -> list[str]:
        """Open the journals of the session's symbols; returns what had to be done to open them.

        Raises:
            JournalError: one cannot be read or made.
        """
        for symbol in self.config.symbols[len(self._candle_journals) :]:
            journal = await self._storage.candle_journals.get(
                self.record.source, symbol, self.config.timeframe
            )
            self._candle_journals.append(journal)
        notices = (journal.take_notice() for journal in self._candle_journals)
        return [notice for notice in notices if notice is not None]

    def candles(self, first: int = 0) -> dict[str, Candles]:
        """All candles on the session's candle journals from open time `first` on."""
        pairs = zip(self.config.symbols, self._candle_journals, strict=True)
        return {symbol: journal.candles(first) for symbol, journal in pairs}

    def take_candle(self, slot: int, candle: Candle) -> Candle:
        """Put a candle into its journal; returns the one to act on (see `CandleJournal.record`)."""
        self._unsaved = True
        return self._candle_journals[slot].record(candle)

    def take_revision(self, slot: int, candle: Candle) -> None:
        """Put what a venue says now of an earlier candle into its journal."""
        self._unsaved = True
        self._candle_journals[slot].revise(candle)

    def append(self, line: Record) -> None:
        """Add a line."""
        self._unsaved = True
        self.orders.take(line)
        self._journal.append(to_record(line))

    async def commit(self) -> None:
        """Return once everything put in is durable, with what others put in the same journals.

        Raises:
            JournalError: it cannot be written.
        """
        if not self._unsaved:
            return
        self._unsaved = False
        journals = [journal.journal for journal in self._candle_journals]
        await self._storage.committer.commit(self._journal, journals)


@dataclass(frozen=True, slots=True)
class RunInputs:
    """Everything a session's run followed from, by symbol.

    A backtest given exactly these makes the session's trades to the last bit (`fills: candle`, and
    nobody gave a command). `decide_from` as in
    `core.session.runner.Runner`; `funding`: (UTC ms, rate).
    """

    config: StrategyConfig
    candles: dict[str, Candles]
    decide_from: int | None
    filters: dict[str, MarketFilters]
    funding: dict[str, list[tuple[int, float]]]


async def recorded_inputs(storage: Storage, session_id: str) -> RunInputs:
    """What a session's run followed from so far. Only reads: the session may be living.

    Raises:
        JournalError: its journal or a candle journal cannot be read, or it has not begun.
    """
    folder = storage.workspace.session(session_id)
    record = await asyncio.to_thread(read_manifest, folder)
    lines = await asyncio.to_thread(SessionLines, folder / EVENTS)
    begun = began(lines)
    if begun is None:
        raise JournalError(f"session {session_id} has not begun: it has no candles yet")
    config = record.strategy()
    received = {}
    for symbol in config.symbols:
        journal = await storage.candle_journals.get(record.source, symbol, config.timeframe)
        received[symbol] = journal.candles(begun.first.get(symbol, 0))
    own = own_candles(config, lines, received)
    last = next((line.last for line in lines.rare if isinstance(line, Stopped)), None)
    if last is not None:
        own = {
            symbol: candles.slice(0, int(np.searchsorted(candles.time, last, side="right")))
            for symbol, candles in own.items()
        }
        storage.release(record)
    funding: dict[str, list[tuple[int, float]]] = {}
    for line in lines.rare:
        if isinstance(line, FundingSeen):
            funding.setdefault(line.symbol, []).append((line.time, line.rate))
    return RunInputs(config, own, begun.decide_from, begun.filters, funding)
