"""The way from a feed's events to a session's runner and journal.

Every candle, gap, price and rate goes to the journal and through the session's `Runner`. Nothing is
awaited here, and nothing is durable until the engine commits. Candles and gaps come in order and
once, as every feed promises (`core.market.feeds.feed`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from core.journal.records import CandleRevised, FundingSeen, GapSeen, MomentPassed, QuoteFilled
from core.journal.session_journal import SessionJournal
from core.journal.values import FeedKind
from core.market.candles.candles import Candle
from core.market.feeds.feed import (
    CandleClosed,
    CandlesClosed,
    FeedEvent,
    FeedState,
    FeedStatus,
    FundingRate,
    Gap,
    PriceSeen,
    Revised,
)
from core.session.alignment import Alignment, Moment
from core.session.log_messages import Refusals, gap_text, revision_text, tell, tells_nothing
from core.session.runner import Runner
from core.session.snapshot import Level
from core.text import per_cent
from core.trading.values import Event, Quote

BY_HAND = "stopped by hand"
SCHEDULED = "its scheduled end was reached"


def stopped_by(scheduled: bool) -> str:
    """Who stopped a session, as its reason says it."""
    return SCHEDULED if scheduled else BY_HAND


_HEARD = (CandleClosed, CandlesClosed, PriceSeen)


@dataclass(slots=True)
class Health:
    """What the feed has said of itself: its last words, which markets are silent or polled."""

    stale: dict[str | None, str] = field(default_factory=dict)
    polled: dict[str | None, str] = field(default_factory=dict)
    words: deque[str] = field(default_factory=lambda: deque(maxlen=20))


class FeedHandler:
    """The way from a feed's events to a session's runner and journal.

    `since` is when the session counts as running, `end` when its planned time is over (feed's
    clock; None: never), `stop_why` why nothing more may happen in it. `closing`: it is to stop once
    its positions are closed. `away_until`: candles closed before it came while no host ran the
    session. `settled` is false while `runner` holds what is not durable yet.
    """

    def __init__(
        self,
        session: SessionJournal,
        runner: Runner,
        tell: Callable[[Level, str], None],
        since: int,
        gaps: Iterable[GapSeen] = (),
        revised: Mapping[tuple[str, int], Candle] | None = None,
    ) -> None:
        self.runner = runner
        self.since = since
        self.end = session.record.planned_end(since)
        self.gaps = list(gaps)
        self.revised = dict(revised or {})
        self.health = Health()
        self.prices: dict[str, PriceSeen] = {}
        self.last_price_at: int | None = None
        self.last_candle: list[int | None] = [None] * len(runner.slots)
        self.stop_why: str | None = None
        self.closing = False
        self.away_until: int | None = None
        self.heard = False  # whether the feed has told any price yet
        self.settled = True
        self._refusals = Refusals()
        self._session = session
        self._tell = tell
        self._step = runner.config.timeframe.ms
        in_step = session.record.feed is FeedKind.REPLAY
        self._alignment = Alignment(len(runner.slots), in_step=in_step)

    def take(self, event: FeedEvent) -> None:
        """Take in anything a feed says but its end."""
        self.heard = self.heard or isinstance(event, _HEARD)
        match event:
            case PriceSeen():
                self._take_price(event)
            case CandleClosed(symbol, _, candle, backfilled):
                self.take_candle(self.runner.slots[symbol], candle, backfilled=backfilled)
                self.pass_moments()
            case CandlesClosed(_, candles):
                self._take_together(candles)
                self.pass_moments()
            case Gap(symbol, _, first, last, why):
                self.take_gap(symbol, first, last, why)
                self.pass_moments()
            case FundingRate(symbol, time, rate):
                self.runner.funding(symbol, time, rate)
                line = FundingSeen(self.runner.moment_time, symbol, time, rate)
                self._session.append(line)
            case Revised():
                self._take_revision(event)
            case FeedStatus():
                self._take_status(event)

    def take_candle(
        self, slot: int, candle: Candle, *, backfilled: bool = False, stored: bool = False
    ) -> None:
        """Take a candle in.

        `stored`: it was in the candle journal already, and nobody has decided on it yet.
        """
        acted_on = self._session.take_candle(slot, candle)
        self.last_candle[slot] = candle.time
        if self.health.stale:
            self.health.stale.pop(self.runner.config.symbols[slot], None)
        self._alignment.candle(slot, acted_on, backfilled=backfilled, stored=stored)

    def _take_together(self, candles: Sequence[tuple[str, Candle]]) -> None:
        """Take in the candles of one moment."""
        slots, last = self.runner.slots, self.last_candle
        row: list[Candle | None] = [None] * len(last)
        take = self._session.take_candle
        for symbol, candle in candles:
            slot = slots[symbol]
            row[slot] = take(slot, candle)
            last[slot] = candle.time
            if self.health.stale:
                self.health.stale.pop(symbol, None)
        self._alignment.row(row)

    def take_gap(self, symbol: str, first: int, last: int, why: str) -> None:
        """Take in that candles are missing: open times `first` to `last`, both included."""
        gap = GapSeen(symbol, first, last, why)
        self.gaps.append(gap)
        self._session.append(gap)
        self.skip(self.runner.slots[symbol], last)
        self._tell(Level.WARNING, gap_text(symbol, first, last, self._step, why))

    def skip(self, slot: int, last: int) -> None:
        """No candle of the symbol will come up to open time `last`."""
        self._alignment.gap(slot, last)
        known = self.last_candle[slot]
        self.last_candle[slot] = last if known is None else max(known, last)

    def no_more_candles(self) -> None:
        """Nothing more will come: what waits for other symbols' candles happens now."""
        self._alignment.end()
        self.pass_moments()

    def pass_moments(self) -> None:
        """Let every moment happen whose candles are all there."""
        for moment in self._alignment.ready():
            if self.end is not None and moment.time + self._step > self.end:
                self.stop_why = self.stop_why or SCHEDULED
            if self.stop_why is not None:
                return
            self._pass(moment)
            self.end_if_closed()

    def end_if_closed(self) -> None:
        """Let nothing more happen where the positions of a session that is to stop are closed."""
        if self.closing and self.runner.flat:
            self.stop_why = self.stop_why or f"{BY_HAND}, positions closed"

    def overdue(self, now: int) -> bool:
        """Whether a candle should have come by `now` (feed's clock) and has not."""
        latest = min((last for last in self.last_candle if last is not None), default=None)
        if latest is None or not self.heard:
            return False
        return now > latest + 2 * self._step + max(15_000, self._step // 2)

    def _pass(self, moment: Moment) -> None:
        runner = self.runner
        self.settled = False
        if not runner.account.entries_paused:
            self._refusals.resumed(runner.blocked)
        events = runner.moment(moment)
        if events:
            closed = moment.time + self._step
            away = moment.backfilled and self.away_until is not None and closed <= self.away_until
            (equity,) = runner.recent_equity(1)  # as marked at this moment's close
            orders = self._session.orders.made_of(events)
            self._session.append(MomentPassed(moment.time, equity, events, away, orders))
            self._narrate(events, "while away: " if away else "")
        if runner.account.stopped:
            limit = runner.config.max_drawdown_pct or 0
            self.stop_why = f"equity fell {per_cent(limit)} from its peak (max_drawdown_pct)"

    def _take_price(self, price: PriceSeen) -> None:
        self.prices[price.symbol] = price
        self.last_price_at = price.time
        quote = Quote(price.time, price.bid, price.ask, price.last, price.low, price.high)
        events = self.runner.quote(price.symbol, quote)
        if events:
            self.settled = False
            after = self.runner.moment_time
            orders = self._session.orders.made_of(events)
            self._session.append(QuoteFilled(after, price.symbol, quote, events, orders))
            self._narrate(events)

    def _take_revision(self, revised: Revised) -> None:
        known = (revised.symbol, revised.new.time)
        if self.revised.get(known) == revised.new:
            return  # told again after a return
        self.revised[known] = revised.new
        self._session.take_revision(self.runner.slots[revised.symbol], revised.new)
        self._session.append(CandleRevised(revised.symbol, revised.old, revised.new))
        self._tell(Level.WARNING, revision_text(revised.symbol, revised.old, revised.new))

    def _take_status(self, status: FeedStatus) -> None:
        text = status.text if status.symbol is None else f"{status.symbol}: {status.text}"
        self.health.words.append(text)
        if status.state in (FeedState.RECONNECTING, FeedState.STALE):
            self.health.stale[status.symbol] = text
            self._tell(Level.WARNING, text)
        elif status.state is FeedState.RATE_LIMITED:
            self._tell(Level.WARNING, text)
        elif status.state is FeedState.POLLING:
            self.health.stale.pop(status.symbol, None)
            self.health.polled[status.symbol] = status.text  # of all its symbols the same
            self._tell(Level.WARNING, text)
        else:
            self.health.stale.pop(status.symbol, None)
            self.health.polled.pop(status.symbol, None)
            self._tell(Level.INFO, text)

    def _narrate(self, events: Iterable[Event], prefix: str = "") -> None:
        """Tell of events; a refusal that only repeats itself stands in the journal alone."""
        for event in events:
            if self._refusals.repeated(event) or tells_nothing(event):
                continue
            level, text = tell(event, self.runner.config.symbols)
            self._tell(level, prefix + text)
