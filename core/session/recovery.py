"""Rebuilds what a session knew when its host died.

Its journal and its candles are put through the same `Runner` that a living session uses. What
comes out must be what the journal says came out: where it is not, the session is not gone on with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from core.journal.manifest import SessionManifest
from core.journal.records import (
    Begun,
    CandleRevised,
    Commanded,
    FundingSeen,
    GapSeen,
    MomentPassed,
    QuoteFilled,
    Record,
    RecoveryError,
    Returned,
    Stopped,
    began,
    own_candles,
)
from core.market.candles.candles import Candle, Candles
from core.session.alignment import Alignment, Moment, moments_of
from core.session.runner import Runner
from core.trading.values import Event


@dataclass(slots=True)
class RecoveredState:
    """A session as its journal tells it.

    `unheard` are candles on the tapes that no line vouches for: the session received them and may
    have decided on them. They go through the engine again, in order of time, with the `gaps`.
    """

    begun: Begun
    planned_end: int | None
    run: Runner
    unheard: list[tuple[int, Candle]]
    gaps: list[GapSeen] = field(default_factory=list)
    revised: dict[tuple[str, int], Candle] = field(default_factory=dict)
    returns: list[Returned] = field(default_factory=list)
    stopping: Commanded | None = None
    stopped: Stopped | None = None


def read_on(past: RecoveredState) -> None:
    """Let the candles that no line vouches for happen, to show where the session stands.

    Only to look at: nothing of it is journaled, and an engine must not go on with this `past`.
    """
    run, stopping = past.run, past.stopping
    if stopping is not None and not stopping.flatten:
        return  # a stop is where the session ends
    step = run.config.timeframe.ms
    alignment = Alignment(len(run.slots), in_step=False)
    told = [run.moment_time or 0] * len(run.slots)
    for gap in past.gaps:
        slot = run.slots[gap.symbol]
        told[slot] = max(told[slot], gap.last)
    for slot, last in enumerate(told):
        alignment.gap(slot, last)
    for slot, candle in past.unheard:
        alignment.candle(slot, candle)
    end = past.planned_end
    for moment in alignment.ready():
        closed = stopping is not None and run.flat
        if closed or run.account.stopped or (end is not None and moment.time + step > end):
            return
        run.moment(moment)


def rebuild(
    record: SessionManifest, lines: Sequence[Record], tapes: Mapping[str, Candles]
) -> RecoveredState:
    """A session's state after the last line of its journal.

    Raises:
        RecoveryError: what the journal says happened does not follow from what it says came in.
    """
    config = record.strategy()
    begun = began(lines)
    if begun is None:
        raise RecoveryError(f"session {record.id}: its journal has no beginning")
    run = Runner(config, begun.filters, record.fills, begun.decide_from)
    own = own_candles(config, lines, tapes)
    replay = _Replay(record, run, [list(own[symbol]) for symbol in config.symbols])
    past = RecoveredState(begun, record.planned_end(begun.since), run, [])
    for line in lines:
        match line:
            case MomentPassed():
                replay.to(line.time, line)
            case QuoteFilled():
                replay.to(line.after)
                replay.expect(run.quote(line.symbol, line.quote), line.events, line.quote.time)
            case FundingSeen():
                replay.to(line.after)
                run.funding(line.symbol, line.time, line.rate)
            case Commanded():
                replay.to(line.after)
                _obey(run, line, past)
            case GapSeen():
                past.gaps.append(line)
            case CandleRevised():
                past.revised[line.symbol, line.new.time] = line.new
            case Returned():
                replay.to(line.after)
                past.returns.append(line)
            case Stopped():
                past.stopped = line
    if past.stopped is not None:
        replay.to(past.stopped.last)
    past.unheard = replay.rest()
    return past


def _obey(run: Runner, line: Commanded, past: RecoveredState) -> None:
    if line.do in ("pause", "resume"):
        run.pause(line.do == "pause")
    elif line.do == "flatten":
        run.flatten(line.symbol)
    elif line.do == "stop":
        past.stopping = line
        if line.flatten:
            run.pause(True)
            run.flatten(None)


class _Replay:
    """Puts moments through a run, up to where the journal's next line belongs."""

    def __init__(self, record: SessionManifest, run: Runner, columns: list[list[Candle]]) -> None:
        self._record = record
        self._run = run
        self._columns = columns
        self._moments: Iterator[Moment] = moments_of(columns)
        self._next = next(self._moments, None)

    def to(self, time: int | None, line: MomentPassed | None = None) -> None:
        """Live through the moments up to `time`; the one at `time` is what `line` tells."""
        while time is not None and self._next is not None and self._next.time <= time:
            moment, self._next = self._next, next(self._moments, None)
            events = self._run.moment(moment)
            told = line.events if line is not None and moment.time == time else []
            self.expect(events, told, moment.time)
        if time is not None and self._run.moment_time != time:
            raise RecoveryError(
                f"session {self._record.id}: its journal tells of the candle that opened at "
                f"{time}, which is on none of its tapes; the session was left as it is"
            )

    def expect(self, events: list[Event], told: list[Event], time: int) -> None:
        if events != told:
            raise RecoveryError(
                f"session {self._record.id}: at {time} its journal tells {told}, but the rules "
                f"applied to its candles give {events}; the session was left as it is"
            )

    def rest(self) -> list[tuple[int, Candle]]:
        """The candles behind the last moment lived through, in order of time, with their slots."""
        after = self._run.moment_time
        rest = [
            (slot, candle)
            for slot, candles in enumerate(self._columns)
            for candle in candles
            if after is None or candle.time > after
        ]
        return sorted(rest, key=lambda item: (item[1].time, item[0]))
