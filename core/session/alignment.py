"""When are the candles of one moment all there?

A strategy on several symbols decides on all candles that open at one time together, as a backtest
does. A symbol that has none at that time holds the moment back until its feed says so.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from core.market.candles.candles import Candle


class Moment(NamedTuple):
    """The candles that open at `time` (UTC ms), one a symbol; None where there is none."""

    time: int
    candles: tuple[Candle | None, ...]
    backfilled: bool = False


class Alignment:
    """Gathers the candles of several symbols into moments, in order of time.

    `in_step`: the feed says all candles of a moment before any later one (a replay does), so that
    a later candle of any symbol completes the moments before it.
    """

    def __init__(self, symbols: int, *, in_step: bool) -> None:
        self._waiting: list[deque[tuple[Candle, bool]]] = [deque() for _ in range(symbols)]
        # Up to which open time each symbol has been told of, candles and gaps alike.
        self._told: list[int] = [-1] * symbols
        self._in_step = in_step

    def candle(
        self, slot: int, candle: Candle, *, backfilled: bool = False, stored: bool = False
    ) -> bool:
        """Take a candle in. False: it comes after a later one of its symbol, and is left out.

        `stored`: it comes from a tape, which says nothing about the other symbols' candles.
        """
        if candle.time <= self._told[slot]:
            return False
        self._waiting[slot].append((candle, backfilled))
        self._told[slot] = candle.time
        if self._in_step and not stored:
            for other in range(len(self._told)):
                self._told[other] = max(self._told[other], candle.time - 1)
        return True

    def gap(self, slot: int, last: int) -> None:
        """No candle of the symbol will come up to open time `last`."""
        self._told[slot] = max(self._told[slot], last)

    def end(self) -> None:
        """No candle will come any more: every moment is complete."""
        latest = max(self._told, default=-1)
        self._told = [latest] * len(self._told)

    def ready(self) -> Iterator[Moment]:
        """The moments that are complete now."""
        complete = min(self._told)
        while True:
            times = [queue[0][0].time for queue in self._waiting if queue]
            if not times or (time := min(times)) > complete:
                return
            yield self._take(time)

    def _take(self, time: int) -> Moment:
        candles: list[Candle | None] = []
        backfilled = False
        for queue in self._waiting:
            if queue and queue[0][0].time == time:
                candle, late = queue.popleft()
                candles.append(candle)
                backfilled = backfilled or late
            else:
                candles.append(None)
        return Moment(time, tuple(candles), backfilled)


def moments_of(columns: Sequence[Sequence[Candle]]) -> Iterator[Moment]:
    """The moments of candles that are all known, each symbol's in order of time."""
    alignment = Alignment(len(columns), in_step=False)
    for slot, candles in enumerate(columns):
        for candle in candles:
            alignment.candle(slot, candle)
    alignment.end()
    return alignment.ready()
