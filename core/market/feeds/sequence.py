"""The one place where the order and uniqueness of candles is enforced.

Whatever order candles arrive in, once or several times, from streams, REST answers or files: what
a `CandleSequence` gives is each open time once, in order, either as a candle or within a gap. Feeds
pass everything through one; alignment, journal and session rely on it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator

from core.market.candles.candle import Candle
from core.market.candles.timeframes import Timeframe
from core.market.feeds.feed import CandleClosed, FeedEvent, Gap, Revised

_REMEMBERED = 256


class CandleSequence:
    """The closed candles of one market, each given once and in order. Pure: no clock, no I/O.

    `expected` is the open time of the next candle to be given. Candles that come early wait until
    the ones before them have come, or are given up.
    """

    def __init__(self, symbol: str, timeframe: Timeframe, expected: int) -> None:
        self.symbol = symbol
        self.timeframe = timeframe
        self.expected = expected
        self._step = timeframe.ms
        self._early: dict[int, tuple[Candle, bool]] = {}
        self._given: OrderedDict[int, Candle] = OrderedDict()

    def closed(self, candle: Candle, *, backfilled: bool) -> list[FeedEvent]:
        """Take a closed candle; the events it makes due, in order."""
        if candle.time < self.expected:
            return self._again(candle)
        if candle.time == self.expected and not self._early:
            return [self._give(candle, backfilled)]  # as nearly all do
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
        return self.expected, min(self._early) - self._step

    def give_up(self, why: str, before: int | None = None) -> list[FeedEvent]:
        """Give the hole as a gap, and go on behind it.

        `before` (UTC ms): where no candle waits, everything that opens earlier is the hole.
        """
        hole = self.hole
        if hole is None and before is not None and before > self.expected:
            hole = self.expected, before - self._step
        if hole is None:
            return []
        self.expected = hole[1] + self._step
        return [Gap(self.symbol, self.timeframe, *hole, why), *self._due()]

    def _due(self) -> list[FeedEvent]:
        events: list[FeedEvent] = []
        while (next_one := self._early.pop(self.expected, None)) is not None:
            events.append(self._give(*next_one))
        return events

    def _give(self, candle: Candle, backfilled: bool) -> CandleClosed:
        self._given[candle.time] = candle
        if len(self._given) > _REMEMBERED:
            self._given.popitem(last=False)
        self.expected += self._step
        return CandleClosed(self.symbol, self.timeframe, candle, backfilled)

    def _again(self, candle: Candle) -> list[FeedEvent]:
        given = self._given.get(candle.time)
        if given is None or given == candle:
            return []
        self._given[candle.time] = candle  # so that the same revision comes once
        return [Revised(self.symbol, self.timeframe, given, candle)]


def in_order(
    symbol: str, timeframe: Timeframe, candles: Iterable[Candle], expected: int | None, why: str
) -> Iterator[FeedEvent]:
    """The events of candles that are all known: those that are missing among them are gaps.

    `expected` is the open time of the first candle that is due (None: of the first there is), `why`
    the reason that the gaps give.
    """
    sequence: CandleSequence | None = None
    for candle in candles:
        if sequence is None:
            first = candle.time if expected is None else expected
            sequence = CandleSequence(symbol, timeframe, first)
        yield from sequence.closed(candle, backfilled=False)
        if sequence.hole is not None:
            yield from sequence.give_up(why)
