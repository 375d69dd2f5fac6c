"""Brings a session to the point from which its feed goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from core.journal.records import Begun, GapSeen, Returned
from core.journal.session_journal import SessionJournal
from core.journal.values import FeedKind
from core.market.candles.candles import Candle
from core.market.feeds.feed import CandleClosed, Feed, Gap
from core.market.feeds.sequence import in_order
from core.market.symbols import is_perpetual
from core.session.feed_handler import FeedHandler, stopped_by
from core.session.log_messages import clock_text
from core.session.recovery import RecoveredState
from core.session.runner import Runner
from core.session.snapshot import Level
from core.strategy.signals.source import SignalStream
from core.strategy.signals.sources import signal_source
from core.text import counted
from core.trading.values import Fills

_UNKNOWN = "they had not come, or were not written down, when the host ended"

After = Sequence[int | None]
"""Open time of the last candle known of each symbol."""


class SessionStartup:
    """Begins a session, or takes one up again. `clock` is the host's (UTC ms)."""

    def __init__(
        self,
        session: SessionJournal,
        feed: Feed,
        clock: Callable[[], int],
        tell: Callable[[Level, str], None],
    ) -> None:
        self._session = session
        self._feed = feed
        self._clock = clock
        self._tell = tell
        self._followed: set[str] = set()

    async def anew(self) -> tuple[FeedHandler, After]:
        """Load the warm-up and write down the inputs of the run.

        On a candle file decisions begin where nothing is NaN; elsewhere with the candle that is
        forming now, or later where the venue has too few candles for the warm-up.

        Raises:
            FeedError: the feed cannot give what the session needs.
            JournalError: a candle journal cannot be read or made.
        """
        session, feed = self._session, self._feed
        record, symbols, timeframe = (
            session.record,
            session.config.symbols,
            session.config.timeframe,
        )
        for notice in await session.open_candle_journals():
            self._tell(Level.WARNING, notice)
        filters = {symbol: await feed.filters(symbol) for symbol in symbols}
        history: list[list[Candle]] = [[] for _ in symbols]
        after: list[int | None] = [None] * len(symbols)
        first: dict[str, int] = {}
        decide_from: int | None = None
        if record.feed is not FeedKind.REPLAY:
            for slot, symbol in enumerate(symbols):
                history[slot] = list(await feed.history(symbol, timeframe, record.warmup))
            # The venue has answered by now, so the feed's clock is the venue's.
            newest = max((known[-1].time for known in history if known), default=None)
            boundary = timeframe.floor(feed.now())
            if newest is not None:
                boundary = max(boundary, newest + timeframe.ms)
            for slot, symbol in enumerate(symbols):
                known = history[slot]
                first[symbol] = known[0].time if known else boundary
                after[slot] = known[-1].time if known else boundary - timeframe.ms
            missing = max(record.warmup - len(known) for known in history)
            decide_from = boundary + max(missing, 0) * timeframe.ms
            if missing > 0:
                self._tell(
                    Level.WARNING,
                    f"the venue has {counted(missing, 'candle')} too few for the warm-up: "
                    f"decisions begin with the {clock_text(decide_from)} candle",
                )
        since = max(feed.now(), decide_from or 0)
        session.append(Begun(self._clock(), filters, first, decide_from, since))
        runner = Runner(
            session.config, filters, record.fills, decide_from, await self._known_streams()
        )
        handler = FeedHandler(session, runner, self._tell, since)
        for slot, known in enumerate(history):
            symbol, why = symbols[slot], "the venue has no such candles"
            for event in in_order(symbol, timeframe, known, None, why):
                match event:
                    case CandleClosed():
                        handler.take_candle(slot, event.candle, backfilled=True)
                    case Gap():
                        handler.take_gap(symbol, event.first, event.last, event.why)
        handler.pass_moments()
        return handler, after

    async def _known_streams(self) -> list[SignalStream] | None:
        """The signals of a replay, all of whose candles are known; None where they are to come.

        Candles received before, if only by a start that came to nothing, are acted on in place of
        the file's: then they are to come.
        """
        session, source = self._session, signal_source(self._session.config)
        if session.record.feed is not FeedKind.REPLAY or any(map(len, session.candles().values())):
            return None
        known = [self._feed.known(symbol) for symbol in session.config.symbols]
        return await asyncio.to_thread(lambda: [source.stream(one) for one in known])

    async def again(self, recovered: RecoveredState) -> tuple[FeedHandler, Returned]:
        """Go on where the journal ends, with the candles that nobody has decided on yet.

        Raises:
            JournalError: a candle journal cannot be read.
        """
        session, runner = self._session, recovered.runner
        step = session.config.timeframe.ms
        await session.open_candle_journals()
        handler = FeedHandler(
            session, runner, self._tell, recovered.begun.since, recovered.gaps, recovered.revised
        )
        if recovered.stopping is not None:
            # The stop is where the session ends: what came after it is nobody's to decide on.
            handler.closing = recovered.stopping.flatten
            if not handler.closing or runner.flat:
                handler.stop_why = stopped_by(recovered.stopping.scheduled)
        if runner.moment_time is not None:
            for slot in range(len(runner.slots)):
                handler.skip(slot, runner.moment_time)
        waiting: list[tuple[int, int, Candle | GapSeen]] = [
            (candle.time, slot, candle) for slot, candle in recovered.unheard
        ]
        waiting += [(gap.first, runner.slots[gap.symbol], gap) for gap in recovered.gaps]
        due = [None if last is None else last + step for last in recovered.heard]
        for _, slot, item in sorted(waiting, key=lambda entry: entry[:2]):
            if isinstance(item, GapSeen):
                handler.skip(slot, item.last)
                due[slot] = max(due[slot] or 0, item.last + step)
            else:
                expected = due[slot] or item.time
                if item.time > expected and handler.stop_why is None:
                    # The candle reached the disk, and the line that tells of the gap did not.
                    symbol = session.config.symbols[slot]
                    handler.take_gap(symbol, expected, item.time - step, _UNKNOWN)
                due[slot] = item.time + step
                handler.take_candle(slot, item, stored=True)
            handler.pass_moments()
        returned = Returned(self._clock(), runner.moment_time)
        session.append(returned)
        return handler, returned

    async def follow(self, after: After) -> None:
        """Have the feed go on behind the last candles known. May be tried again after an error.

        Raises:
            FeedError: a market cannot be followed.
        """
        record, config = self._session.record, self._session.config
        paced = record.feed is not FeedKind.REPLAY
        for symbol, last in zip(config.symbols, after, strict=True):
            if symbol in self._followed:
                continue
            await self._feed.subscribe(
                symbol,
                config.timeframe,
                after=last,
                quotes=paced or record.fills is Fills.MARKET,
                funding=paced and is_perpetual(symbol),
            )
            self._followed.add(symbol)
