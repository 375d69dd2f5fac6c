"""Which candle comes next, whatever order they arrive in?"""

from __future__ import annotations

from collections import OrderedDict

from core.market.candles.candle import Candle
from core.market.candles.timeframes import Timeframe
from core.market.feeds.feed import CandleClosed, FeedEvent, Gap, Revised

_REMEMBERED = 256


class CandleSequence:
    """The closed candles of one market, said once and in order. Pure: no clock, no I/O.

    `expected` is the open time of the next candle to be said. Candles that come early wait until
    the ones before them have come, or are given up.
    """

    def __init__(self, symbol: str, timeframe: Timeframe, expected: int) -> None:
        self.symbol = symbol
        self.timeframe = timeframe
        self.expected = expected
        self._early: dict[int, tuple[Candle, bool]] = {}
        self._said: OrderedDict[int, Candle] = OrderedDict()

    def closed(self, candle: Candle, *, backfilled: bool) -> list[FeedEvent]:
        """Take a closed candle; the events it makes due, in order."""
        if candle.time < self.expected:
            return self._again(candle)
        known = self._early.get(candle.time)
        # What was seen as it closed is what others saw too; what is fetched later may be revised.
        if known is None or (known[1] and not backfilled):
            self._early[candle.time] = (candle, backfilled)
        return self._due()

    @property
    def hole(self) -> tuple[int, int] | None:
        """First and last open time of what is missing before the earliest candle that waits."""
        if not self._early:
            return None
        return self.expected, min(self._early) - self.timeframe.ms

    def give_up(self, why: str, before: int | None = None) -> list[FeedEvent]:
        """Say the hole as a gap, and go on behind it.

        `before` (UTC ms): where no candle waits, everything that opens earlier is the hole.
        """
        hole = self.hole
        if hole is None and before is not None and before > self.expected:
            hole = self.expected, before - self.timeframe.ms
        if hole is None:
            return []
        self.expected = hole[1] + self.timeframe.ms
        return [Gap(self.symbol, self.timeframe, *hole, why), *self._due()]

    def _due(self) -> list[FeedEvent]:
        events: list[FeedEvent] = []
        while (next_one := self._early.pop(self.expected, None)) is not None:
            candle, backfilled = next_one
            self._said[candle.time] = candle
            if len(self._said) > _REMEMBERED:
                self._said.popitem(last=False)
            self.expected += self.timeframe.ms
            events.append(CandleClosed(self.symbol, self.timeframe, candle, backfilled))
        return events

    def _again(self, candle: Candle) -> list[FeedEvent]:
        said = self._said.get(candle.time)
        if said is None or said == candle:
            return []
        self._said[candle.time] = candle  # so that the same revision is said once
        return [Revised(self.symbol, self.timeframe, said, candle)]
