"""Drives a backtest through a history fast: the step is called only where it would act.

Between two such moments a position is merely held, which `BarIndex.live_through` accounts for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np

from core.backtest.bar_index import END, BarIndex
from core.market.candles.candles import Floats, Times
from core.trading.account import Account
from core.trading.bar import Bar
from core.trading.position import Position
from core.trading.step import step
from core.trading.values import Event, FillOn, FinerCandles

_END: int = END
_NO_BAR = Bar(0, 0.0, 0.0, 0.0, 0.0, 0)


class Course(NamedTuple):
    """What a run left beside its account.

    `times`: open times of its moments, shape (n,); fewer than it was given where a risk limit
    stopped the account for good. `changed`: the moments at which the free balance changed, shape
    (k,), and `free` what it was before the first of them, and after each. `happened`: what the
    account told.
    """

    times: Times
    changed: Times
    free: Floats
    happened: list[Event]

    @property
    def last_time(self) -> int:
        """Open time of the last moment; 0 where there is none."""
        return int(self.times[-1]) if len(self.times) else 0


class _BarReader:
    """How far one symbol's bars have been read (`done`), and which must be read next (`due`)."""

    __slots__ = ("bars", "done", "due", "time")

    def __init__(self, bars: BarIndex) -> None:
        self.bars = bars
        self.done = 0
        self.due = 0
        self.time: int = _END

    def look_ahead(self, account: Account) -> None:
        """Find the next candle that matters to the account as it is now."""
        bars = self.bars
        index = self.done
        slot = bars.slot
        if (
            account.due_exits[slot] is None
            and account.due_entries[slot] is None
            and account.resting[slot] is None
        ):
            position: Position | None = account.positions[slot]
            if position is None:
                index = bars.next_entry(index)
            elif not position.due_adds:
                index = bars.next_in_position(index, position, account.rules)
        self.due = index
        self.time = bars.time(index)

    def catch_up(self, account: Account, index: int) -> None:
        """Hold the position through the candles before `index`."""
        if index > self.done:
            position: Position | None = account.positions[self.bars.slot]
            if position is not None:
                self.bars.live_through(position, self.done, index, account.rules)
            self.done = index

    def mark_at_open(self, account: Account, time: int, likely: int, aligned: bool) -> None:
        """Mark the position, if there is one, as the moment `time` begins: for sizing an entry.

        `likely` is where another symbol has that moment; this one has it there too if they are
        `aligned`, or have no gaps.
        """
        position: Position | None = account.positions[self.bars.slot]
        if position is None:
            return
        there = aligned or self.bars.time(likely) == time
        index = likely if there else self.bars.index_at(time)
        if there or self.bars.time(index) == time:
            position.mark = self.bars.open(index)
        else:
            self.catch_up(account, index)

    def read(self, account: Account) -> Bar:
        """The candle that is due, everything before it lived through."""
        due = self.due
        if due > self.done:
            self.catch_up(account, due)
        self.done = due + 1
        return self.bars.bar(due)


def drive(
    account: Account,
    all_bars: Sequence[BarIndex],
    moments: Times,
    finer: FinerCandles | None = None,
) -> Course:
    """Run the whole of `all_bars` (in the order of the symbols) through `account`.

    `moments` are the open times at which any symbol has a candle, shape (n,), increasing.
    """
    rules = account.rules
    watched = rules.watches_equity
    # Entries at the very close that decides them are sized by what all positions are worth there.
    everyone = watched or rules.fill_on is FillOn.CLOSE
    readers = [_BarReader(bars) for bars in all_bars]
    count: int = len(moments)
    aligned: bool = min([bars.length for bars in all_bars]) == count
    happened: list[Event] = []
    newest: float = account.free
    # Room for a change at each moment; what is never written to costs nothing.
    all_changed, all_free = np.empty(count, np.int64), np.empty(count + 1)
    changed: memoryview[int] = all_changed.data
    free: memoryview[float] = cast("memoryview[float]", all_free.data)
    free[0] = newest
    changes: int = 0
    reader: _BarReader
    for reader in readers:
        reader.look_ahead(account)
    alone: _BarReader | None = readers[0] if len(readers) == 1 else None
    closed: list[Bar] = [_NO_BAR]
    acting: Sequence[_BarReader] = readers
    time: int
    while True:
        # One symbol takes the short way, with the same list: this runs at every moment.
        if alone is not None:
            time = alone.time
            if time == _END:
                break
            closed[0] = alone.read(account)
        else:
            time, acting = _next_moment(readers)
            if time == _END:
                break
            if everyone:
                acting = _with_positions(account, readers, time)
            else:
                _mark_others(account, readers, acting, time, aligned)
            closed = [reader.read(account) for reader in acting]
        events = step(account, time, closed, finer)
        if events:
            happened += events
        if account.free != newest:
            newest = account.free
            changed[changes] = time
            changes += 1
            free[changes] = newest
        if account.stopped:
            count = int(moments.searchsorted(time)) + 1
            break
        for reader in acting:
            reader.look_ahead(account)
        if watched:
            _look_at_every_close(account, readers, time)
    course = Course(
        moments[:count], all_changed[:changes].copy(), all_free[: changes + 1].copy(), happened
    )
    for reader in readers:
        reader.catch_up(account, reader.bars.index_at(course.last_time + 1))
    return course


def _next_moment(readers: Sequence[_BarReader]) -> tuple[int, list[_BarReader]]:
    """The earliest time at which a candle matters, and the readers that have one there."""
    time = _END
    acting: list[_BarReader] = []
    reader: _BarReader
    for reader in readers:
        if reader.time < time:
            time, acting = reader.time, [reader]
        elif reader.time == time:
            acting.append(reader)
    return time, acting


def _mark_others(
    account: Account,
    readers: Sequence[_BarReader],
    acting: Sequence[_BarReader],
    time: int,
    aligned: bool,
) -> None:
    """Mark the other positions as the moment `time` begins, where an entry may be sized by them.

    `aligned`: every symbol has a candle at every moment.
    """
    reader: _BarReader
    for reader in acting:
        slot = reader.bars.slot
        if account.due_entries[slot] is not None or account.resting[slot] is not None:
            break
    else:
        return
    likely: int = acting[0].due
    for reader in readers:
        if reader.time != time:
            reader.mark_at_open(account, time, likely, aligned)


def _with_positions(account: Account, readers: Sequence[_BarReader], time: int) -> list[_BarReader]:
    """The readers that act at `time`, and those that have a position and a candle there."""
    acting = []
    reader: _BarReader
    for reader in readers:
        if reader.time != time:
            if account.positions[reader.bars.slot] is None:
                continue
            index = reader.bars.index_at(time)
            if reader.bars.time(index) != time:
                reader.catch_up(account, index)
                continue
            reader.due = index
        acting.append(reader)
    return acting


def _look_at_every_close(account: Account, readers: Sequence[_BarReader], time: int) -> None:
    """Make the candle after `time` due wherever a position is open: a risk limit watches them."""
    reader: _BarReader
    for reader in readers:
        if account.positions[reader.bars.slot] is not None:
            reader.due = reader.bars.index_at(time + 1)
            reader.time = reader.bars.time(reader.due)
