"""What is a session's journal, and how is it written and read back?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from core.market.candles import Candle, Candles
from core.paper.commit import Committer
from core.paper.lines import KIND, Line, to_record
from core.paper.record import EVENTS, JOURNAL_VERSION, SessionRecord, read_record
from core.paper.recovery import began, own_candles, parse_lines
from core.paper.tape import Tape, Tapes
from core.store.disk import Disk
from core.store.journal import Journal, read_journal
from core.store.redaction import Redactor
from core.store.workspace import Workspace
from core.strategy.config import StrategyConfig


@dataclass(frozen=True, slots=True)
class Storage:
    """Where sessions keep what happens: shared by all sessions of a host."""

    workspace: Workspace
    disk: Disk
    tapes: Tapes
    committer: Committer
    redactor: Redactor

    @classmethod
    def of(cls, workspace: Workspace, disk: Disk, redactor: Redactor) -> Storage:
        """The storage of a workspace."""
        tapes = Tapes(workspace.journals, disk)
        return cls(workspace, disk, tapes, Committer(), redactor)

    def create_log(self, record: SessionRecord) -> SessionLog:
        """The journal of a new session. Blocks.

        Raises:
            JournalError: it cannot be made.
        """
        header = {
            "journal": KIND,
            "version": JOURNAL_VERSION,
            "rules_version": record.rules_version,
            "session": record.id,
        }
        path = self.workspace.session(record.id) / EVENTS
        journal = Journal.create(path, header, self.disk, self.redactor.redact)
        return SessionLog(self, record, record.strategy(), journal)

    def reopen_log(self, record: SessionRecord) -> tuple[SessionLog, list[Line], int]:
        """The journal of an earlier session, its lines, and how many bytes of a torn one it lost.

        Blocks.

        Raises:
            JournalError: it cannot be read, or is damaged.
        """
        path = self.workspace.session(record.id) / EVENTS
        if not path.exists():
            return self.create_log(record), [], 0
        contents = read_journal(path, KIND, JOURNAL_VERSION)
        lines = parse_lines(path, contents.lines)
        journal = Journal.reopen(path, contents, self.disk, self.redactor.redact)
        return SessionLog(self, record, record.strategy(), journal), lines, contents.torn


class SessionLog:
    """One session's journal with its tapes: what is put in is durable once `commit` returns."""

    def __init__(
        self, storage: Storage, record: SessionRecord, config: StrategyConfig, journal: Journal
    ) -> None:
        self.record = record
        self.config = config
        self._storage = storage
        self._journal = journal
        self._tapes: list[Tape] = []
        self._unsaved = False

    async def open_tapes(self) -> int:
        """Open the tapes of the session's symbols; returns how many bytes of torn lines they lost.

        Raises:
            JournalError: one cannot be read or made, or is damaged.
        """
        for symbol in self.config.symbols[len(self._tapes) :]:
            tape = await self._storage.tapes.get(self.record.source, symbol, self.config.timeframe)
            self._tapes.append(tape)
        return sum(tape.torn for tape in self._tapes)

    def tapes(self, first: int = 0) -> dict[str, Candles]:
        """All candles on the session's tapes from open time `first` on."""
        pairs = zip(self.config.symbols, self._tapes, strict=True)
        return {symbol: tape.candles(first) for symbol, tape in pairs}

    def take_candle(self, slot: int, candle: Candle) -> Candle:
        """Put a candle on its tape; returns the one to act on (see `Tape.record`)."""
        self._unsaved = True
        return self._tapes[slot].record(candle)

    def take_revision(self, slot: int, candle: Candle) -> None:
        """Put what a venue says now of an earlier candle on its tape."""
        self._unsaved = True
        self._tapes[slot].revise(candle)

    def append(self, line: Line) -> None:
        """Add a line."""
        self._unsaved = True
        self._journal.append(to_record(line))

    async def commit(self) -> None:
        """Return once everything put in is durable, with what others put on the same tapes.

        Raises:
            JournalError: it cannot be written.
        """
        if not self._unsaved:
            return
        self._unsaved = False
        journals = [tape.journal for tape in self._tapes]
        await self._storage.committer.commit(self._journal, journals)


async def recorded_candles(storage: Storage, session_id: str) -> tuple[dict[str, Candles], int]:
    """The candles a session had, by symbol, and the open time from which it decided on them (0:

    from the first). A backtest on exactly these gives the session's trades (`fills: candle`).

    Raises:
        JournalError: its journal or a tape cannot be read.
    """
    record = await asyncio.to_thread(read_record, storage.workspace.session(session_id))
    log, lines, _ = await asyncio.to_thread(storage.reopen_log, record)
    await log.open_tapes()
    return own_candles(log.config, lines, log.tapes()), _decide_from(lines)


def _decide_from(lines: Sequence[Line]) -> int:
    begun = began(lines)
    return 0 if begun is None or begun.decide_from is None else begun.decide_from
