"""Reads from a session's files what could explain why it traded otherwise than a backtest.

The files are left as they are, so that another process than the host's may read them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from core.compare.causes import Evidence, Span
from core.journal.candle_journal import CandleJournals, read_candle_journal
from core.journal.manifest import EVENTS, SessionManifest, read_manifest
from core.journal.records import (
    Begun,
    CandleRevised,
    FundingSeen,
    GapSeen,
    MomentPassed,
    QuoteFilled,
    Record,
    Returned,
    SessionLines,
    began,
    own_candles,
)
from core.journal.values import FeedKind
from core.market.candles.candles import Candles
from core.store.durable import OsDisk
from core.store.journal_file import JournalError
from core.store.workspace import Workspace
from core.strategy.config.config import StrategyConfig
from core.strategy.signals.sources import warmup_candles
from core.text import per_cent, prices
from core.trading.values import Decided, Entered, Event, Exited, Halted, Quote, Refused

_NEVER = 1 << 62
_COLUMNS = ("open", "high", "low", "close", "volume")


@dataclass(slots=True, eq=False)
class Happened:
    """What of a session's journal a comparison looks at, taken from it in one pass.

    Attributes:
        gaps, revisions, refused, decided: in their order.
        by_hand: from the decision to the exit of each position that a person entered; to the end
            of time of one that is open.
        returns: when a host took the session up again, each with the open time of the last candle
            that is marked as having closed meanwhile, if one is.
        quotes: those that filled something, by symbol and time of the fill.
        funding: (UTC ms, rate) by symbol, each when the session could first apply it.
    """

    gaps: list[GapSeen] = field(default_factory=list)
    revisions: list[CandleRevised] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    by_hand: list[Span] = field(default_factory=list)
    decided: list[Decided] = field(default_factory=list)
    returns: list[tuple[Returned, int | None]] = field(default_factory=list)
    quotes: dict[tuple[str, int], Quote] = field(default_factory=dict)
    funding: dict[str, list[tuple[int, float]]] = field(default_factory=dict)

    def take(self, lines: Iterable[Record]) -> None:
        """Take in what further lines of the journal tell; they are never kept as a whole."""
        for line in lines:
            if isinstance(line, MomentPassed):
                self._take(line.events, None)
                if line.away and self.returns:
                    self.returns[-1] = self.returns[-1][0], line.time
            elif isinstance(line, QuoteFilled):
                self._take(line.events, line.quote)
            elif isinstance(line, GapSeen):
                self.gaps.append(line)
            elif isinstance(line, CandleRevised):
                self.revisions.append(line)
            elif isinstance(line, Returned):
                self.returns.append((line, None))
            elif isinstance(line, FundingSeen):
                # A rate that came after its candle had passed counts from the next.
                due = line.time if line.after is None else max(line.time, line.after + 1)
                self.funding.setdefault(line.symbol, []).append((due, line.rate))

    def _take(self, events: Iterable[Event], quote: Quote | None) -> None:
        for event in events:
            if isinstance(event, Decided):
                self.decided.append(event)
            elif isinstance(event, Refused):
                self.refused.append(event)
            elif isinstance(event, Entered):
                if event.by_hand:
                    self.by_hand.append(Span(event.signal_time, _NEVER, event.symbol))
                if quote is not None and event.filled_at is not None:
                    self.quotes[event.symbol, event.filled_at] = quote
            elif isinstance(event, Exited):
                trade = event.trade
                if trade.by_hand:
                    held = Span(trade.signal_time, _NEVER, trade.symbol)
                    self.by_hand[self.by_hand.index(held)] = replace(held, last=trade.exit_time)
                if quote is not None and trade.exit_filled_at is not None:
                    self.quotes[trade.symbol, trade.exit_filled_at] = quote


@dataclass(frozen=True, slots=True, eq=False)
class Journaled:
    """A session as its files tell it, up to the candle that opened at `last` (UTC ms).

    Attributes:
        record: what it was started with.
        config: its config snapshot.
        begun: the inputs of its run.
        happened: what its journal tells.
        last: open time of its last candle.
        seen: the candles it had, by symbol, from its first warm-up candle on.
        known: the same as its candle journals tell them now: revised where the venue has revised
            them, and with what it missed where the journals have got it since.
    """

    record: SessionManifest
    config: StrategyConfig
    begun: Begun
    happened: Happened
    last: int
    seen: Mapping[str, Candles]
    known: Mapping[str, Candles]


def read_session(workspace: Workspace, session_id: str, last: int) -> Journaled:
    """A session's files, up to the candle that opened at `last`. Blocks.

    Raises:
        JournalError: they cannot be read, or the session has not begun.
    """
    folder = workspace.session(session_id)
    record = read_manifest(folder)
    config = record.strategy()
    happened = Happened()
    lines = SessionLines(folder / EVENTS, happened.take)
    begun = began(lines)
    if begun is None:
        raise JournalError(f"session {session_id} has not begun: it has no candles yet")
    journals = CandleJournals(workspace.journals, OsDisk())
    received, known = {}, {}
    for symbol in config.symbols:
        contents = read_candle_journal(
            _existing(journals.path(record.source, symbol, config.timeframe))
        )
        received[symbol] = contents.as_received
        present = revised(contents.as_received, contents.revised)
        known[symbol] = present.between(begun.first.get(symbol, 0), last + 1)
    seen = {
        symbol: candles.between(0, last + 1)
        for symbol, candles in own_candles(config, lines, received).items()
    }
    return Journaled(record, config, begun, happened, last, seen, known)


def evidence_of(
    session: Journaled, candles: Mapping[str, Candles], backtest: Sequence[Event]
) -> Evidence:
    """What may explain differences between a session and a backtest of its period on `candles`.

    `backtest`: what that one did.
    """
    step = session.config.timeframe.ms
    away = tuple(_away(session))
    gaps = [Span(line.first, line.last, line.symbol, line.why) for line in session.happened.gaps]
    told = {
        (line.symbol, line.new.time): _closes(line.old.close, line.new.close)
        for line in session.happened.revisions
    }
    changed: list[Span] = []
    for symbol, now in candles.items():
        seen = session.seen[symbol]
        gaps += _absent(symbol, seen, now, step, gaps)
        changed += _changed(symbol, seen, now, told)
    return Evidence(
        timeframe=session.config.timeframe,
        # What was missed because nobody was there is downtime, not a fault of the data.
        gaps=tuple(gap for gap in gaps if not any(_covers(span, gap) for span in away)),
        revised=tuple(changed),
        away=away,
        by_hand=tuple(session.happened.by_hand),
        refused=tuple(session.happened.refused),
        backtest_refused=tuple(one for one in backtest if isinstance(one, Refused)),
        backtest_halted=tuple(
            Span(
                one.time,
                max(one.time, session.last),
                None,
                f"{one.limit_name} {per_cent(one.limit)}",
            )
            for one in backtest
            if isinstance(one, Halted) and one.limit_name == "max_drawdown_pct"
        ),
        same_warmup=all(
            np.array_equal(session.seen[symbol].time[:1], now.time[:1])
            for symbol, now in candles.items()
        ),
        lookback=warmup_candles(session.config),
    )


def revised(candles: Candles, revisions: Candles) -> Candles:
    """The candles, with those of `revisions` in the place of the ones that open with them."""
    if not len(revisions):
        return candles
    places = np.searchsorted(candles.time, revisions.time)
    known = places < len(candles)
    known[known] = candles.time[places[known]] == revisions.time[known]
    columns = {}
    for name in _COLUMNS:
        column = getattr(candles, name).copy()
        column[places[known]] = getattr(revisions, name)[known]
        columns[name] = column
    return replace(candles, **columns)


def _existing(path: Path) -> Path:
    if not path.exists():
        raise JournalError(f"{path}: the session's candles are gone, so it cannot be replayed")
    return path


def _away(session: Journaled) -> Iterable[Span]:
    """The candles that closed while no host ran the session, a span for each return."""
    timeframe = session.config.timeframe
    for returned, last_away in session.happened.returns:
        if returned.after is None:
            continue
        ends = [] if last_away is None else [last_away]
        # Only there does the host's clock tell the same time as the venue's.
        if session.record.feed in (FeedKind.LIVE, FeedKind.POLL):
            ends.append(timeframe.floor(returned.at) - timeframe.ms)
        first = returned.after + timeframe.ms
        if ends and (last := min(max(ends), session.last)) >= first:
            yield Span(first, last)


def _absent(
    symbol: str, seen: Candles, now: Candles, step: int, told: Iterable[Span]
) -> list[Span]:
    """The candles there are now that the session never had, but for those in the gaps `told`."""
    places = np.searchsorted(seen.time, now.time)
    known = np.append(seen.time, -1)[places] == now.time
    times = now.time[~known]
    for gap in told:
        if gap.symbol == symbol:
            times = times[(times < gap.first) | (times > gap.last)]
    runs = np.split(times, np.flatnonzero(np.diff(times) > step) + 1) if len(times) else []
    return [Span(int(run[0]), int(run[-1]), symbol) for run in runs]


def _changed(
    symbol: str, seen: Candles, now: Candles, told: Mapping[tuple[str, int], str]
) -> list[Span]:
    """The candles that are told otherwise now than the session saw them."""
    times, ours, theirs = np.intersect1d(
        seen.time, now.time, assume_unique=True, return_indices=True
    )
    differs = np.zeros(len(times), dtype=np.bool_)
    for name in _COLUMNS:
        differs |= getattr(seen, name)[ours] != getattr(now, name)[theirs]
    found = []
    for at in np.flatnonzero(differs).tolist():
        time = int(times[at])
        closes = float(seen.close[ours[at]]), float(now.close[theirs[at]])
        note = told.get((symbol, time), _closes(*closes))
        found.append(Span(time, time, symbol, note))
    return found


def _covers(outer: Span, inner: Span) -> bool:
    return outer.first <= inner.first and inner.last <= outer.last


def _closes(seen: float, now: float) -> str:
    return f"close {' → '.join(prices(seen, now))}"
