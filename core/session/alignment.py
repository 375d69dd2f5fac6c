"""Gathers the candles of several symbols into moments.

A strategy on several symbols decides on all candles that open at one time together, as a backtest
does. A symbol that has none at that time holds the moment back until its feed says so.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from core.market.candles.candles import Candle


class Moment(NamedTuple):
    """The candles that open at `time` (UTC ms), one a symbol; None where there is none."""

    time: int
    candles: tuple[Candle | None, ...]
    backfilled: bool = False


class Alignment:
    """Gathers candles into moments, in order of time.

    It relies on each symbol's candles and gaps to come in order and once, which a
    `core.market.feeds.sequence.CandleSequence` sees to. `in_step`: the feed gives all candles of a
    moment before any later one (a replay does), so that a later candle of any symbol completes the
    moments before it.
    """

    def __init__(self, symbols: int, *, in_step: bool) -> None:
        self._known = [-1] * symbols  # up to which open time, candles and gaps alike
        self._least, self._at_least = -1, symbols  # the least of them, and how many stand there
        self._complete = -1  # moments up to this open time are complete, whatever `_known` says
        self._in_step = in_step
        self._rows: dict[int, list[Candle | None]] = {}
        self._backfilled: set[int] = set()
        self._times: list[int] = []  # a heap of the keys of `_rows`

    def candle(
        self, slot: int, candle: Candle, *, backfilled: bool = False, stored: bool = False
    ) -> None:
        """Take a candle in.

        `stored`: it comes from a candle journal, whose candles do not come in step.
        """
        time = candle.time
        row = self._rows.get(time)
        if row is None:
            row = self._rows[time] = [None] * len(self._known)
            heapq.heappush(self._times, time)
        row[slot] = candle
        if backfilled:
            self._backfilled.add(time)
        self._learn(slot, time)
        if self._in_step and not stored:
            self._complete = max(self._complete, time - 1)

    def row(self, candles: Sequence[Candle | None]) -> None:
        """Take the candles of one moment in, one a symbol; None where there is none now."""
        first = candles[0]
        if first is None or None in candles or self._rows or first.time <= max(self._known):
            for slot, candle in enumerate(candles):
                if candle is not None:
                    self.candle(slot, candle)
            return
        time = first.time
        self._rows[time] = list(candles)
        heapq.heappush(self._times, time)
        self._known = [time] * len(candles)
        self._least, self._at_least = time, len(candles)

    def gap(self, slot: int, last: int) -> None:
        """No candle of the symbol will come up to open time `last`."""
        self._learn(slot, last)

    def end(self) -> None:
        """No candle will come any more: every moment is complete."""
        self._complete = max(self._complete, *self._known)

    def ready(self) -> Iterator[Moment]:
        """The moments that are complete now."""
        complete = max(self._least, self._complete)
        while self._times and self._times[0] <= complete:
            time = heapq.heappop(self._times)
            backfilled = time in self._backfilled
            self._backfilled.discard(time)
            yield Moment(time, tuple(self._rows.pop(time)), backfilled)

    def _learn(self, slot: int, time: int) -> None:
        """A symbol is known up to `time`. Looks at the others only when the last one moves on."""
        before = self._known[slot]
        if time <= before:
            return
        self._known[slot] = time
        if before == self._least:
            self._at_least -= 1
            if not self._at_least:
                self._least = min(self._known)
                self._at_least = self._known.count(self._least)


def moments_of(columns: Sequence[Iterable[Candle]]) -> Iterator[Moment]:
    """The moments of candles that are all known, each symbol's in order of time."""
    rest = [iter(candles) for candles in columns]
    heads = [next(candles, None) for candles in rest]
    while times := [candle.time for candle in heads if candle is not None]:
        time = min(times)
        here = tuple([None if one is None or one.time > time else one for one in heads])
        yield Moment(time, here)
        heads = [
            head if taken is None else next(candles, None)
            for head, taken, candles in zip(heads, here, rest, strict=True)
        ]
