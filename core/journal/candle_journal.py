"""The candles this workspace received, one journal a feed, symbol and timeframe (journal/).

A candle journal is the truth about its candles: the first value received for an open time is the
one that every session acts on, now and in any later replay; what the venue says differently
afterwards is written down beside it and changes nothing.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.journal.versions import CANDLE_JOURNAL
from core.market.candles.candles import Candle, Candles
from core.market.candles.timeframes import Timeframe
from core.store.durable import Disk, set_aside
from core.store.journal_file import (
    Journal,
    JournalDamagedError,
    JournalError,
    read_journal,
    salvage,
)

_WINDOW = 2_048  # candles of a growing journal in memory; older ones are read when asked for


class CandleJournal:
    """The candles of one feed, symbol and timeframe, as first received.

    A line is `{"c": [open time, open, high, low, close, volume]}`; `{"revised": […]}` is what the
    venue said later. Lines stand in the order of arrival, which a later warm-up makes differ from
    that of time. In memory: the newest candles as columns, from `_since` on.
    """

    def __init__(self, journal: Journal, candles: Candles, notice: str | None = None) -> None:
        self.journal = journal
        self._notice = notice
        self._columns = _Columns(candles)
        self._whole = True
        self._newest: Candle | None = None  # other sessions on the same feed bring it in once more

    @classmethod
    def open(
        cls,
        path: Path,
        header: dict[str, object],
        disk: Disk,
    ) -> CandleJournal:
        """The journal at `path`, made if it is not there. Blocks.

        Raises:
            JournalError: it cannot be read or made.
        """
        whole_header = {"journal": CANDLE_JOURNAL.kind, "version": CANDLE_JOURNAL.version, **header}
        if path.parent.is_symlink():
            raise JournalError(f"{path.parent} is a link: put the folder itself there")
        if path.exists():
            rows = _Rows(path)
            try:
                contents = read_journal(path, CANDLE_JOURNAL, rows.take)
                candles = rows.contents.as_received
            except JournalDamagedError as error:
                return cls._salvaged(path, whole_header, disk, str(error))
            journal = Journal.reopen(path, contents, disk)
            torn = f"{path.name}: {contents.torn} bytes of an interrupted write were dropped"
            return cls(journal, candles, torn if contents.torn else None)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(Journal.create(path, whole_header, disk), Candles.of([]))

    @classmethod
    def _salvaged(
        cls,
        path: Path,
        header: dict[str, object],
        disk: Disk,
        damage: str,
    ) -> CandleJournal:
        """A new journal with every candle that is whole on a damaged one, which is set aside.

        A session that had decided on a candle that is lost will find out, and say so.
        """
        lines = [line for line in salvage(path, CANDLE_JOURNAL) if "c" in line]
        rows = _Rows(path)
        rows.take([msgspec.json.encode(line) for line in lines])
        try:
            aside = set_aside(path)
        except OSError as error:
            raise JournalError(f"{damage}; it cannot be set aside ({error})") from error
        journal = Journal.create(path, header, disk)
        for line in lines:
            journal.append({"c": line["c"]})
        journal.commit(journal.take())
        notice = (
            f"{path.name} was damaged: it was set aside as {aside.name}, and the {len(lines)} "
            "candles that are whole in it were kept"
        )
        return cls(journal, rows.contents.as_received, notice)

    def take_notice(self) -> str | None:
        """What had to be done to open the journal; told once, to the first who asks."""
        notice, self._notice = self._notice, None
        return notice

    def record(self, candle: Candle) -> Candle:
        """Take a candle in, and return the one to act on: this one, or the one first received."""
        columns = self._columns
        if columns.last is None or candle.time > columns.last:
            if columns.append(candle) and columns.count > 2 * _WINDOW and self._growing:
                columns.keep_newest(_WINDOW)
                self._whole = False
            self._newest = candle
            self.journal.append({"c": list(candle)})
            return candle
        if candle == self._newest:
            return candle
        if columns.first is None or candle.time < columns.first:
            self._load_all()
        known = self._columns.find(candle.time)
        if known is None:
            self._columns.insert(candle)
            self.journal.append({"c": list(candle)})
            return candle
        if known != candle:
            self.revise(candle)
        return known

    def revise(self, candle: Candle) -> None:
        """Write down what the venue says now of a candle that has been acted on."""
        self.journal.append({"revised": list(candle)})

    def candles(self, first: int) -> Candles:
        """The candles from open time `first` on, in order of time."""
        since = self._columns.first
        if since is not None and first < since:
            self._load_all()
        return self._columns.since(first)

    @property
    def _growing(self) -> bool:
        """Whether only new candles have come so far, as on a live feed."""
        return self._columns.appended

    def _load_all(self) -> None:
        """Read the older candles back. What waits to be committed is newer, and still in memory."""
        if self._whole:
            return
        stored = read_candle_journal(self.journal.path).as_received
        newest = self._columns.since(0)
        older = stored.slice(0, int(np.searchsorted(stored.time, newest.time[0])))
        self._columns = _Columns(Candles.joined([older, newest]))
        self._columns.appended = False
        self._whole = True


@dataclass(frozen=True, slots=True, eq=False)
class CandleJournalContents:
    """What a journal tells: the candles `as_received`, and what the venue said of some later."""

    as_received: Candles
    revised: Candles


def read_candle_journal(path: Path) -> CandleJournalContents:
    """A candle journal as it stands, left as it is: a host may be writing it. Blocks.

    Raises:
        JournalError: it cannot be read, or is damaged.
    """
    rows = _Rows(path)
    read_journal(path, CANDLE_JOURNAL, rows.take)
    return rows.contents


_Values = tuple[int, float, float, float, float, float]


class _Line(msgspec.Struct, gc=False):
    """A line of a journal of candles: a candle as received, or as the venue told it later."""

    c: _Values | None = None
    revised: _Values | None = None


_DECODER = msgspec.json.Decoder(list[_Line])
_NUMBERS = msgspec.json.Decoder(list[float])
_RECEIVED, _END = b'{"c":[', b"]}"
_BETWEEN = _END + _RECEIVED
_COLUMNS = 6  # open time to volume


class _Rows:
    """Takes the lines of a journal as they are read, and makes columns of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._received = [_array(())]
        self._revised = [_array(())]

    def take(self, bodies: Sequence[bytes]) -> None:
        """Take the records of some lines.

        Raises:
            JournalDamagedError: one is no candle.
        """
        try:
            values = _plain_values(bodies)
            if values is not None:
                self._received.append(values)
                return
            lines = _DECODER.decode(b"[%s]" % b",".join(bodies))
        except msgspec.DecodeError as error:
            raise JournalDamagedError(f"{self._path}: a line is no candle ({error})") from error
        self._received.append(_array([line.c for line in lines if line.c is not None]))
        self._revised.append(_array([line.revised for line in lines if line.revised is not None]))

    @property
    def contents(self) -> CandleJournalContents:
        """What all lines tell. Of several revisions of a candle the last one counts."""
        received, revised = np.concatenate(self._received), np.concatenate(self._revised)
        return CandleJournalContents(_candles(received), _candles(revised[::-1]))


def _plain_values(bodies: Sequence[bytes]) -> NDArray[np.float64] | None:
    """The rows of lines that are all candles as received; None where others are among them.

    Nearly all are, and decoded as one list of numbers they take a third of the time.

    Raises:
        msgspec.DecodeError: one is no number.
    """
    together, count = b"".join(bodies), len(bodies)
    if (
        not together.startswith(_RECEIVED)
        or not together.endswith(_END)
        or together.count(_BETWEEN) != count - 1
        or [body.count(b",") for body in bodies] != [_COLUMNS - 1] * count
    ):
        return None
    inside = together[len(_RECEIVED) : -len(_END)].replace(_BETWEEN, b",")
    values: list[float] = _NUMBERS.decode(b"[%s]" % inside)
    return np.array(values, dtype=np.float64).reshape(-1, _COLUMNS)


def _array(rows: Sequence[_Values]) -> NDArray[np.float64]:
    """Rows as an array of shape (n, 6)."""
    values = np.fromiter(chain.from_iterable(rows), np.float64, len(rows) * _COLUMNS)
    return values.reshape(-1, _COLUMNS)


class CandleJournals:
    """The candle journals of a workspace, each opened once, off the event loop."""

    def __init__(self, root: Path, disk: Disk) -> None:
        self._root = root
        self._disk = disk
        self._open: dict[Path, asyncio.Task[CandleJournal]] = {}

    def path(self, source: str, symbol: str, timeframe: Timeframe) -> Path:
        """Where a candle journal lies. `source` names the feed (and for a file, its contents)."""
        market = symbol.replace("/", "-").replace(":", "-")
        return self._root / source / f"{market}-{timeframe}.jsonl"

    def release(self, source: str) -> None:
        """Hold the candle journals of a feed no longer: no session writes them any more."""
        folder = self._root / source
        self._open = {path: task for path, task in self._open.items() if path.parent != folder}

    async def get(self, source: str, symbol: str, timeframe: Timeframe) -> CandleJournal:
        """The journal of a feed, symbol and timeframe, read anew where it could not be written.

        Raises:
            JournalError: it cannot be read or made, or is damaged.
        """
        path = self.path(source, symbol, timeframe)
        task = self._open.get(path)
        if task is None or _failed(task):
            header: dict[str, object] = {
                "feed": source,
                "symbol": symbol,
                "timeframe": str(timeframe),
            }
            opening = asyncio.to_thread(CandleJournal.open, path, header, self._disk)
            task = asyncio.create_task(opening)
            self._open[path] = task
        return await asyncio.shield(task)


def _failed(task: asyncio.Task[CandleJournal]) -> bool:
    return task.done() and (
        task.exception() is not None or task.result().journal.failure is not None
    )


class _Columns:
    """Candles in order of time, in arrays; those that came last wait in a list to be put there."""

    def __init__(self, candles: Candles) -> None:
        self.appended = True
        self.last = int(candles.time[-1]) if len(candles) else None
        self._times = np.array(candles.time, dtype=np.int64)
        columns = (candles.open, candles.high, candles.low, candles.close, candles.volume)
        self._values = np.stack(columns, axis=1)
        self._newest: list[Candle] = []

    @property
    def count(self) -> int:
        return len(self._times) + len(self._newest)

    @property
    def first(self) -> int | None:
        if len(self._times):
            return int(self._times[0])
        return self._newest[0].time if self._newest else None

    def append(self, candle: Candle) -> bool:
        """Add a later candle. Returns whether the arrays have grown by it."""
        self._newest.append(candle)
        self.last = candle.time
        if len(self._newest) < _WINDOW // 4:
            return False
        self._gather()
        return True

    def insert(self, candle: Candle) -> None:
        self._gather()
        self.appended = False
        place = int(np.searchsorted(self._times, candle.time))
        self._times = np.insert(self._times, place, candle.time)
        self._values = np.insert(self._values, place, candle[1:], axis=0)

    def find(self, time: int) -> Candle | None:
        if self._newest and time >= self._newest[0].time:
            place = bisect_left(self._newest, time, key=_time_of)
            found = self._newest[place] if place < len(self._newest) else None
            return found if found is not None and found.time == time else None
        place = int(np.searchsorted(self._times, time))
        if place == len(self._times) or self._times[place] != time:
            return None
        return Candle(time, *self._values[place].tolist())

    def keep_newest(self, count: int) -> None:
        self._gather()
        self._times, self._values = self._times[-count:].copy(), self._values[-count:].copy()

    def since(self, first: int) -> Candles:
        self._gather()
        start = int(np.searchsorted(self._times, first))
        return Candles(
            self._times[start:].copy(),
            *(self._values[start:, column].copy() for column in range(5)),
        )

    def _gather(self) -> None:
        """Put what waits into the arrays."""
        if self._newest:
            newest = Candles.of(self._newest)
            columns = (newest.open, newest.high, newest.low, newest.close, newest.volume)
            self._times = np.concatenate((self._times, newest.time))
            self._values = np.concatenate((self._values, np.stack(columns, axis=1)))
            self._newest = []


_time_of = attrgetter("time")


def _candles(rows: NDArray[np.float64]) -> Candles:
    """Rows in order of arrival as candles in order of time, of each the first."""
    times, places = np.unique(rows[:, 0].astype(np.int64), return_index=True)
    return Candles(times, *(rows[places, column] for column in range(1, 6)))
